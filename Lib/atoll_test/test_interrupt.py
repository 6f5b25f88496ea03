"""Interrupts and signals while the main thread is inside another interpreter, fork with many interpreters, and what is refused there."""
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import unittest

import interpreters
import _interpreters


def run_alone(text, timeout=60):
    """(exit code, output) of a program of its own."""
    done = subprocess.run([sys.executable, '-c', textwrap.dedent(text)], capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout + done.stderr


WAYS_TO_WAIT = {
    'loop': 'while True: pass',
    'sleep': 'import time; time.sleep(30)',
    'lock': 'import _thread; l = _thread.allocate_lock(); l.acquire(); l.acquire()',
    'select': 'import select; select.select([], [], [], 30)',
    'socket': 'import socket; a, b = socket.socketpair(); a.recv(1)',
    'pipe': 'import os; r, w = os.pipe(); os.read(r, 1)',
}


class SigintTest(unittest.TestCase):
    PROGRAM = '''
        import os, signal, threading, time
        import _interpreters
        {handler}
        interp = _interpreters.create()
        killer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        killer.start()
        begin = time.monotonic()
        info = _interpreters.exec(interp, {code!r})
        killer.join()
        assert time.monotonic() - begin < 10
        for i in range(1000): pass     # a second interrupt would come here
        print('inside:', info.type.__name__ if info is not None else None)
        print('handled:', globals().get('handled'))
        _interpreters.destroy(interp)
    '''

    def test_ctrl_c_goes_where_the_main_thread_is(self):
        for name, code in WAYS_TO_WAIT.items():
            with self.subTest(name):
                status, out = run_alone(self.PROGRAM.format(handler='', code=code))
                self.assertEqual((status, out), (0, 'inside: KeyboardInterrupt\nhandled: None\n'))

    def test_a_handler_of_the_program_runs_afterwards(self):
        handler = 'handled = 0\n        def f(n, frame):\n            global handled\n            handled += 1\n        signal.signal(signal.SIGINT, f)'
        status, out = run_alone(self.PROGRAM.format(handler=handler, code='while True: pass'))
        self.assertEqual((status, out), (0, 'inside: KeyboardInterrupt\nhandled: 1\n'))

    def test_at_home_as_ever(self):
        status, out = run_alone('''
            import os, signal, threading, time
            import _interpreters
            interp = _interpreters.create()
            _interpreters.exec(interp, 'x = 1')
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                time.sleep(30)
            except KeyboardInterrupt:
                print('here')
            _interpreters.exec(interp, 'for i in range(1000): pass')
            print('done')
        ''')
        self.assertEqual((status, out), (0, 'here\ndone\n'))


class InterruptTest(unittest.TestCase):
    def test_whatever_it_does(self):
        for name, code in WAYS_TO_WAIT.items():
            with self.subTest(name):
                interp = _interpreters.create()
                found = []
                thread = threading.Thread(target=lambda: found.append(_interpreters.exec(interp, code)))
                thread.start()
                time.sleep(0.2)
                begin = time.monotonic()
                _interpreters.interrupt(interp)
                thread.join(20)
                self.assertFalse(thread.is_alive())
                self.assertLess(time.monotonic() - begin, 10)
                self.assertEqual(found[0].type.__name__, 'KeyboardInterrupt')
                self.assertIsNone(_interpreters.exec(interp, 'for i in range(1000): pass'))
                _interpreters.destroy(interp)


class ForkTest(unittest.TestCase):
    def test_child_keeps_one(self):
        status, out = run_alone('''
            import os, threading, time
            import interpreters, _interpreters
            others = [interpreters.create() for i in range(5)]
            receive, send = interpreters.create_channel()
            waiting = [threading.Thread(target=lambda: receive.recv()) for i in range(2)]
            busy = threading.Thread(target=others[0].exec, args=('import time\\nend = time.monotonic() + 3\\nwhile time.monotonic() < end: [object() for i in range(50)]',))
            for t in waiting + [busy]: t.start()
            time.sleep(0.2)
            pid = os.fork()
            if pid == 0:
                # Nobody waits for the channel here any more: a message stays, and comes back.
                assert [i.id for i in interpreters.list_all()] == [0], interpreters.list_all()
                send.send(1)
                assert receive.recv() == 1
                fresh = interpreters.create()
                fresh.exec('import sys; x = [i for i in range(1000)]')
                fresh.close()
                a, b = interpreters.create_channel()
                t = threading.Thread(target=lambda: b.send('hello'))
                t.start()
                assert a.recv() == 'hello'
                t.join()
                print('child', flush=True)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            for t in waiting: send.send(0)
            for t in waiting + [busy]: t.join()
            for i in others: i.close()
            print('parent')
        ''')
        self.assertEqual((status, out), (0, 'child\nparent\n'))

    def test_many_forks_beside_busy_channels(self):
        status, out = run_alone('''
            import os, threading
            import interpreters
            stop = False
            def traffic():
                while not stop:
                    r, s = interpreters.create_channel()
                    for i in range(20): s.send([i])
                    for i in range(20): r.recv()
            threads = [threading.Thread(target=traffic) for i in range(3)]
            for t in threads: t.start()
            for i in range(60):
                pid = os.fork()
                if pid == 0:
                    r, s = interpreters.create_channel()
                    s.send('x'); r.recv()
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
            stop = True
            for t in threads: t.join()
            print('done')
        ''', timeout=120)
        self.assertEqual((status, out), (0, 'done\n'))


class PolicyTest(unittest.TestCase):
    def outcome(self, config, code):
        interp = _interpreters.create(config)
        try:
            info = _interpreters.exec(interp, textwrap.dedent(code))
            return None if info is None else (info.type.__name__, info.msg)
        finally:
            _interpreters.destroy(interp)

    def test_isolated(self):
        self.assertEqual(self.outcome('isolated', 'import os\nif os.fork() == 0: os._exit(0)'),
                         ('RuntimeError', 'fork not supported for isolated subinterpreters'))
        self.assertEqual(self.outcome('isolated', 'import os\nos.execv("/bin/true", ["true"])'),
                         ('RuntimeError', 'exec not supported for isolated subinterpreters'))
        self.assertEqual(self.outcome('isolated', 'import threading\nthreading.Thread(target=print, daemon=True).start()'),
                         ('RuntimeError', 'daemon threads are disabled in this (sub)interpreter'))
        self.assertIsNone(self.outcome('isolated', 'import threading\nt = threading.Thread(target=len, args=("",))\nt.start()\nt.join()'))

    def test_legacy(self):
        self.assertIsNone(self.outcome('legacy', 'import os\npid = os.fork()\nif pid == 0: os._exit(0)\nassert os.waitpid(pid, 0)[1] == 0'))
        self.assertIsNone(self.outcome('legacy', '''
            import threading
            t = threading.Thread(target=len, args=("",), daemon=True)
            t.start()
            t.join()'''))


if __name__ == '__main__':
    unittest.main()
