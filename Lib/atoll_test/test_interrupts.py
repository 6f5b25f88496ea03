"""Exceptions that come from outside, at whatever instruction: what was being done is released, once."""
import random
import threading
import time
import unittest

import _interpreters

CASES = {
    'loop over a generator': '''
def g(n):
    for i in range(n): yield i
def f():
    t = 0
    for i in g(20): t += i
    return t
''',
    'generator expressions': '''
def f():
    l = []
    l.extend(x for x in (1, 2, 3, 4, 5))
    l.extend((a, b) for a, b in zip(l[:], l[:]))
    return any(x == 9 for x in l)
''',
    'yield from': '''
def g(n):
    try:
        for i in range(n): yield i
    finally:
        pass
def h(n): yield from g(n)
def f():
    for x in h(10): pass
''',
    'await': '''
class A:
    def __await__(self):
        yield 1
async def c(): return await A()
async def d():
    for i in range(3): await c()
def f():
    x = d()
    try:
        while True: x.send(None)
    except StopIteration: pass
    finally: x.close()
''',
    'with': '''
import contextlib
@contextlib.contextmanager
def c():
    try: yield 1
    finally: pass
def f():
    with c(): len([1])
''',
    'calls': '''
class C:
    def __init__(self, *a): self.a = a
    def m(self): return self.a
def f():
    for i in range(5): C(1, *[2]).m()
''',
}

# Deep enough that an interrupt in the handler of another one is caught, too.
LOOP = '''
import time
end = time.monotonic() + 0.5
hits = 0
def run(d):
    global hits
    while time.monotonic() < end:
        try:
            if d: run(d - 1)
            else: ready.append(1); f(); f(); f()
        except KeyboardInterrupt:
            hits += 1
ready = []
run(60)
'''

RELEASED = '''
import weakref
class It:
    def __iter__(self): return self
    def __next__(self): return It()
def make():
    it = It()
    refs.append(weakref.ref(it))
    return it
def gen():
    it = It()
    refs.append(weakref.ref(it))
    while True: yield it
def delegate(): yield from gen()
refs = []
for loop in ('for x in make(): pass', 'for x in gen(): pass', 'for x in delegate(): pass', 'for x, y in zip(make(), gen()): pass'):
    started.put(1)
    try:
        exec(loop)
    except KeyboardInterrupt:
        x = y = None
    assert refs.pop()() is None and not [r for r in refs if r()], loop
'''


class InterruptTest(unittest.TestCase):
    def setUp(self):
        self.id = _interpreters.create()
        self.addCleanup(_interpreters.destroy, self.id)
        self.failure = []

    def start(self, code, shared=None):
        thread = threading.Thread(target=lambda: self.failure.append(_interpreters.exec(self.id, code, shared)))
        thread.start()
        return thread

    def done(self):
        self.assertEqual([f and f.errdisplay for f in self.failure], [None])

    def idle(self, thread):
        thread.join(1)
        return not thread.is_alive()

    def interrupt(self):
        try:
            _interpreters.interrupt(self.id)
        except _interpreters.InterpreterError:
            pass

    def test_anywhere(self):
        rnd = random.Random(1)
        for name, code in CASES.items():
            with self.subTest(name):
                self.failure.clear()
                _interpreters.exec(self.id, code)
                thread = self.start(LOOP)
                time.sleep(0.1)
                for _ in range(150):
                    self.interrupt()
                    time.sleep(rnd.random() * 0.002)
                thread.join()
                self.done()

    def test_iterators_are_released(self):
        from concurrent import interpreters
        started = interpreters.create_queue()
        thread = self.start(RELEASED, {'started': started})
        for _ in range(4):
            started.get(timeout=60)
            time.sleep(0.05)
            self.interrupt()
            # One that came while an object was being deallocated is reported as unraisable, and gone.
            while started.empty() and thread.is_alive() and not self.idle(thread):
                self.interrupt()
        thread.join()
        self.done()


if __name__ == '__main__':
    unittest.main()
