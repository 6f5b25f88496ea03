"""Creates, runs, posts to, interrupts and closes interpreters at random, from several threads, and talks to them.

    ./python Tools/stress/stress.py --seconds 60 --seed 1 --threads 4

Nothing that happens here may crash, hang or lose a message; what the interpreters raise is expected. At the end all of them are
closed, and nothing of them may be left: no interpreter, no queue, no message. The same seed makes the same decisions, though
not the same order of events among the threads.
"""
import argparse
import collections
import faulthandler
import gc
import random
import sys
import threading
import time

import _interpchannels
import _interpqueues
import _interpreters
import interpreters

SNIPPETS = [
    'pass',
    'import sys\nclass C: pass\nprint("", end="")',
    'import json, re\nassert json.loads(json.dumps({"a": [1, 2.5, None, True]}))["a"][1] == 2.5\nre.compile(r"(\\w+)\\d").match("ab1")',
    'import collections, dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\n    y: int = 2\nassert P(1) == P(1)',
    'total = 0\nfor i in range(20000):\n    total += isinstance(i, int) and i is not None',
    'class N(int): pass\nimport weakref\nrefs = [weakref.ref(N), weakref.ref(int), weakref.ref(len)]\nassert N in int.__subclasses__()',
    'x = []\nfor i in range(300):\n    x.append({"self": x, i: [x]})\ndel x\nimport gc\ngc.collect()',
    'import threading\nt = [threading.Thread(target=sum, args=(range(1000),)) for _ in range(3)]\n[i.start() for i in t]\n[i.join() for i in t]',
    'import threading, time\nthreading.Thread(target=time.sleep, args=(0.01,)).start()',
    'import _thread, time\n_thread.start_new_thread(time.sleep, (5,))',
    'import _thread\ndef spin():\n    while True: pass\n_thread.start_new_thread(spin, ())',
    'import threading\nlock = threading.Lock()\nlock.acquire()\nimport _thread\n_thread.start_new_thread(lock.acquire, ())',
    'import atexit\natexit.register(lambda: None)',
    'raise ValueError("expected")',
    'import sys\nsys.exit(3)',
    'def deep(n): return deep(n + 1)\ntry: deep(0)\nexcept RecursionError: pass',
    'class D:\n    def __del__(self): self.x = [1]\nd = D()\nd.d = d',
    'import decimal, datetime\ndatetime.datetime.now().isoformat()',
    'exec(compile("a = [b * 2 for b in range(50)]", "<made>", "exec"))',
    'gen = (i for i in range(10))\nnext(gen)',
    'import string, random\n"".join(random.choice(string.ascii_letters) for _ in range(500)).encode().decode()',
    'import sys\nfor name in ["a%d" % i for i in range(200)]: sys.intern(name)',
    'try:\n    raise KeyError(1)\nexcept* KeyError as group:\n    kept = group',
    'import functools\n@functools.lru_cache\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(60)',
    'import interpreters\ninner = interpreters.create()\ninner.exec("x = 1")\ninner.close()',
    'import contextvars\nv = contextvars.ContextVar("v")\nv.set([1])',
    'import os\nopen("/dev/null", "w").write("x" * 100000)',
    'import time\ntime.sleep(0.002)',
]


def work(n, text):
    return [text] * n, sum(range(n))


def forward(source, target):
    while True:
        value = source.recv(timeout=0.2)
        target.send([value])
        if value is None:
            return


def pump(queue, n):
    for i in range(n):
        queue.put(i, timeout=0.5)


def touch():
    global touched
    touched = globals().get('touched', 0) + 1


class Stress:
    def __init__(self, options):
        self.options = options
        self.end = time.monotonic() + options.seconds
        self.lock = threading.Lock()
        self.ids = []
        self.done = collections.Counter()
        self.errors = collections.Counter()
        self.wrong = []

    def pick(self, rnd):
        with self.lock:
            return rnd.choice(self.ids) if self.ids else None

    # ---- actions ----------------------------------------------------------------------------------------------------

    def create(self, rnd):
        if len(self.ids) >= self.options.most:
            return
        id = _interpreters.create(rnd.choice(['isolated', 'isolated', 'isolated', 'legacy']))
        with self.lock:
            self.ids.append(id)

    def close(self, rnd):
        id = self.pick(rnd)
        if id is None:
            return
        _interpreters.destroy(id)
        with self.lock:
            if id in self.ids:
                self.ids.remove(id)

    def run(self, rnd):
        id = self.pick(rnd)
        if id is not None:
            _interpreters.exec(id, rnd.choice(SNIPPETS), {'n': rnd.random(), 'data': [None, 'x' * rnd.randrange(2000), {1: b'y'}]})

    def call(self, rnd):
        id = self.pick(rnd)
        if id is not None:
            n = rnd.randrange(200)
            result, failure = _interpreters.call(id, work, (n, 'é%d' % n))
            if failure is None and result != work(n, 'é%d' % n):
                self.wrong.append('call gave %r' % (result,))

    def post(self, rnd):
        id = self.pick(rnd)
        if id is not None:
            for _ in range(rnd.randrange(1, 80)):
                _interpreters.post(id, touch)

    def ask(self, rnd):
        _interpreters.list_all()
        id = self.pick(rnd)
        if id is not None:
            _interpreters.is_running(id)
            _interpreters.whence(id)
            _interpreters.get_config(id)
            _interpreters.statistics(id)

    def interrupt(self, rnd):
        id = self.pick(rnd)
        if id is not None:
            _interpreters.interrupt(id)

    def channels(self, rnd):
        id = self.pick(rnd)
        if id is None:
            return
        receive, send = interpreters.create_channel(rnd.choice([0, 1, 3]))
        back, answer = interpreters.create_channel()
        thread = threading.Thread(target=self.guarded, args=(lambda: _interpreters.call(id, forward, (receive, answer)),))
        thread.start()
        sent = [rnd.choice([1, 'text', (1, 2), [3.5], {'k': 'v'}]) for _ in range(rnd.randrange(5))] + [None]
        try:
            for value in sent:
                send.send(value, timeout=0.3)
            if rnd.random() < 0.3:
                receive.close(force=True)
            got = [back.recv(timeout=0.3) for _ in sent]
            if got != [[value] for value in sent]:
                self.wrong.append('channel gave %r for %r' % (got, sent))
        finally:
            thread.join()

    def queues(self, rnd):
        id = self.pick(rnd)
        if id is None:
            return
        number = _interpqueues.create(rnd.choice([0, 2]))
        queue = _interpqueues.Queue(number)
        _interpqueues.release(number)
        n = rnd.randrange(6)
        thread = threading.Thread(target=self.guarded, args=(lambda: _interpreters.call(id, pump, (queue, n)),))
        thread.start()
        try:
            if rnd.random() < 0.2:
                _interpqueues.destroy(number)
            got = [queue.get(timeout=0.3) for _ in range(n)]
            if got != list(range(n)):
                self.wrong.append('queue gave %r' % (got,))
        finally:
            thread.join()

    def guarded(self, action):
        try:
            action()
        except Exception as e:
            self.errors[type(e).__name__] += 1

    # ---- the threads ------------------------------------------------------------------------------------------------

    WEIGHTS = {create: 12, close: 9, run: 30, call: 10, post: 8, ask: 8, interrupt: 4, channels: 4, queues: 4}

    def thread(self, seed):
        rnd = random.Random(seed)
        actions, weights = list(self.WEIGHTS), list(self.WEIGHTS.values())
        while time.monotonic() < self.end:
            action = rnd.choices(actions, weights)[0]
            self.done[action.__name__] += 1
            self.guarded(lambda: action(self, rnd))

    def go(self):
        threads = [threading.Thread(target=self.thread, args=(self.options.seed * 1000 + k,)) for k in range(self.options.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for id, whence in _interpreters.list_all():
            if id == 0:
                continue
            _interpreters.destroy(id)
        gc.collect()
        left = [id for id, _ in _interpreters.list_all() if id != 0]
        for what, found in [('interpreters', left), ('channels', _interpchannels.list_all()), ('queues', _interpqueues.list_all()),
                            ('messages', _interpchannels._count_messages())]:
            if found:
                self.wrong.append('%s left: %r' % (what, found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=4)
    parser.add_argument('--most', type=int, default=12, help='interpreters alive at once')
    options = parser.parse_args()
    # What stands still is a finding, too.
    faulthandler.dump_traceback_later(options.seconds + 120, exit=True)
    stress = Stress(options)
    stress.go()
    faulthandler.cancel_dump_traceback_later()
    print('actions:', ', '.join('%s %d' % item for item in sorted(stress.done.items())))
    print('expected exceptions:', ', '.join('%s %d' % item for item in sorted(stress.errors.items())))
    for text in stress.wrong[:20]:
        print('WRONG:', text)
    print('stress, seed %d, %g seconds: %d actions, %d wrong' % (options.seed, options.seconds, sum(stress.done.values()), len(stress.wrong)))
    return 1 if stress.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
