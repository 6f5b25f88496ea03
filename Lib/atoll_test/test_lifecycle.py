"""How interpreters end: from wherever, with whatever threads, and at the end of the process. Each case has a process of its own."""
import subprocess
import sys
import textwrap
import time
import unittest

# What a thread may be doing when its interpreter ends.
BUSY = {
    'sleep': 'import time; time.sleep(1000)',
    'spin': 'while True: pass',
    'lock': 'import _thread; l = _thread.allocate_lock(); l.acquire(); l.acquire()',
    'recv': 'import interpreters; r, s = interpreters.create_channel(); r.recv()',
    'queue': 'from concurrent import interpreters; interpreters.create_queue().get()',
    'event': 'import threading; threading.Event().wait()',
    'read': 'import os; r, w = os.pipe(); os.read(r, 1)',
    'write': 'import sys\nwhile True: sys.stdout.write("x"); sys.stdout.flush()',
    'select': 'import select; select.select([], [], [])',
    'catch': 'import time\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass',
}


class Base(unittest.TestCase):
    def run_code(self, code, limit=20, status=0, stderr=''):
        begin = time.monotonic()
        done = subprocess.run([sys.executable, '-c', textwrap.dedent(code)], capture_output=True, text=True, timeout=limit)
        self.assertEqual(done.returncode, status, done.stderr[-3000:])
        if stderr is not None:
            self.assertEqual(done.stderr, stderr)
        self.seconds = time.monotonic() - begin
        return done.stdout


class EndOfProcessTest(Base):
    def test_idle(self):
        self.run_code('''
            import interpreters
            for n in range(100):
                interpreters.create().exec('import atexit; atexit.register(lambda: None)')
            ''')

    def test_daemon_threads_inside(self):
        for name, code in BUSY.items():
            with self.subTest(name):
                self.run_code(f'''
                    import _interpreters, time
                    i = _interpreters.create('legacy')
                    _interpreters.exec(i, """import threading
                    threading.Thread(target=exec, args=(busy, {{}}), daemon=True).start()""".replace(' ' * 20, ''), dict(busy={code!r}))
                    time.sleep(0.05)
                    ''')

    def test_other_threads_inside(self):
        for name in ('sleep', 'recv', 'lock', 'spin', 'read', 'event', 'catch'):
            with self.subTest(name):
                self.run_code(f'''
                    import interpreters, time
                    interpreters.create().exec("""import threading
                    threading.Thread(target=exec, args=(busy, {{}})).start()""".replace(' ' * 20, ''), busy={BUSY[name]!r})
                    time.sleep(0.05)
                    ''')

    def test_work_is_finished(self):
        out = self.run_code('''
            import interpreters
            interpreters.create().exec("""if True:
                import threading, time, concurrent.futures
                pool = concurrent.futures.ThreadPoolExecutor(2)
                pool.submit(lambda: (time.sleep(0.2), print('pool', flush=True)))
                threading.Thread(target=lambda: (time.sleep(0.3), print('thread', flush=True))).start()
                """)
            ''')
        self.assertEqual(out.split(), ['pool', 'thread'])

    def test_main_threads_that_entered(self):
        for name, code in BUSY.items():
            with self.subTest(name):
                self.run_code(f'''
                    import interpreters, threading, time
                    i = interpreters.create()
                    threading.excepthook = lambda args: None
                    threading.Thread(target=i.exec, args=({code!r},), daemon=True).start()
                    time.sleep(0.05)
                    ''', stderr=None)

    def test_exits(self):
        self.assertEqual(self.run_code('''
            import interpreters, sys
            i = interpreters.create()
            try:
                i.exec('import sys; sys.exit(3)')
            except interpreters.ExecutionFailed as e:
                print(e.excinfo.type.__name__)
            ''').strip(), 'SystemExit')
        self.run_code('import interpreters; interpreters.create().exec("import os; os._exit(7)")', status=7)
        self.run_code('''
            import interpreters, sys, threading
            i = interpreters.create()
            i.exec("import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=False).start()")
            sys.exit(5)
            ''', status=5)


class CloseTest(Base):
    def test_threads(self):
        # The threads of an ended interpreter touch nothing of it, whoever has its memory now.
        for name, code in BUSY.items():
            if name == 'write':
                continue
            with self.subTest(name):
                self.run_code(f'''
                    import _interpreters, interpreters, time, os
                    for n in range(3):
                        i = _interpreters.create('legacy')
                        _interpreters.exec(i, """import threading
                    for n in range(3): threading.Thread(target=exec, args=(busy, {{}}), daemon=True).start()""".replace(' ' * 20, ''), dict(busy={code!r}))
                        time.sleep(0.01)
                        _interpreters.destroy(i)
                        j = interpreters.create()
                        j.exec('data = [bytes(n) for n in range(3000)]')
                        j.close()
                    assert len(interpreters.list_all()) == 1
                    ''')

    def test_late_system_call(self):
        # What a thread reads into must not have become somebody else's memory.
        self.run_code('''
            import _interpreters, interpreters, os, time
            r, w = os.pipe()
            i = _interpreters.create('legacy')
            _interpreters.exec(i, f"import _thread, os; b = bytearray(60000); _thread.start_new_thread(os.readv, ({r}, [b]))")
            time.sleep(0.05)
            _interpreters.destroy(i)
            others = [interpreters.create() for n in range(5)]
            for other in others:
                other.exec('data = [bytes(30000) for n in range(20)]')
            os.write(w, b'x' * 60000)
            time.sleep(0.05)
            for other in others:
                other.exec('assert not any(map(any, data))')
            ''')

    def test_twice_inside_and_at_once(self):
        self.run_code('''
            import interpreters, threading
            for n in range(30):
                i = interpreters.create()
                answers = []
                def close():
                    try:
                        i.close()
                        answers.append(1)
                    except interpreters.InterpreterError:
                        pass
                threads = [threading.Thread(target=close) for _ in range(4)]
                for t in threads: t.start()
                for t in threads: t.join()
                assert answers == [1], answers
            i = interpreters.create()
            i.exec("""if True:
                import interpreters
                for bad in (interpreters.get_current(), interpreters.get_main()):
                    try: bad.close()
                    except interpreters.InterpreterError: pass
                    else: raise AssertionError
                import atexit, _interpreters
                def again():
                    for id, _ in _interpreters.list_all():
                        try: _interpreters.destroy(id)
                        except _interpreters.InterpreterError: pass
                atexit.register(again)
                """)
            i.close()
            assert len(interpreters.list_all()) == 1
            ''')

    def test_posted_calls(self):
        out = self.run_code('''
            import _interpreters, time
            def closes():
                import _interpreters
                try: _interpreters.destroy(_interpreters.get_current()[0])
                except _interpreters.InterpreterError: print('refused', flush=True)
            def again(n):
                import _interpreters
                if n: _interpreters.post(_interpreters.get_current()[0], again, (n - 1,))
                else: print('last', flush=True)
            i = _interpreters.create()
            _interpreters.post(i, closes)
            _interpreters.post(i, again, (5,))
            while _interpreters.statistics(i).pending_run < 7: time.sleep(0.001)
            _interpreters.post(i, print, ('at the end',))
            _interpreters.destroy(i)
            for bad in (i, 12345):
                try: _interpreters.post(bad, print)
                except _interpreters.InterpreterNotFoundError: pass
                else: raise AssertionError
            ''')
        self.assertEqual(out.split('\n')[:3], ['refused', 'last', 'at the end'])

    def test_interrupt(self):
        for name in ('sleep', 'spin', 'lock', 'recv', 'queue', 'event'):
            with self.subTest(name):
                self.run_code(f'''
                    import _interpreters, interpreters, threading, time
                    i = interpreters.create()
                    got = []
                    def run():
                        try: i.exec({BUSY[name]!r})
                        except interpreters.ExecutionFailed as e: got.append(e.excinfo.type.__name__)
                    t = threading.Thread(target=run)
                    t.start()
                    while not i.is_running(): time.sleep(0.001)
                    time.sleep(0.2)
                    i.interrupt()
                    t.join(10)
                    assert got == ['KeyboardInterrupt'], got
                    i.close()
                    ''')


class ForkTest(Base):
    def test_child_keeps_the_calling_one(self):
        out = self.run_code('''
            import interpreters, os, threading, time
            kept = interpreters.create_channel()
            others = [interpreters.create() for n in range(20)]
            back, answer = interpreters.create_channel()
            for other in others[:4]:
                threading.Thread(target=other.exec, args=('r.recv()',), kwargs=dict(r=kept[0]), daemon=True).start()
            for other in others[4:8]:
                threading.Thread(target=other.exec, args=('while True: import json, sys; a = [object() for n in range(99)]',), daemon=True).start()
            time.sleep(0.1)
            for n in range(10):
                pid = os.fork()
                if pid == 0:
                    assert interpreters.list_all() == [interpreters.get_main()], interpreters.list_all()
                    for id in (others[0].id, others[5].id):
                        try: interpreters.Interpreter(id)
                        except interpreters.InterpreterNotFoundError: pass
                        else: os._exit(3)
                    fresh = interpreters.create()
                    fresh.exec('import json, re, threading; t = threading.Thread(target=c.send, args=(1,)); t.start(); t.join()', c=answer)
                    assert back.recv(timeout=5) == 1
                    fresh.close()
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
            kept[1].close()
            print(len(interpreters.list_all()), flush=True)
            os._exit(0)
            ''', limit=60)
        self.assertEqual(out.strip(), '21')

    def test_from_another_interpreter(self):
        self.run_code('''
            import _interpreters, os
            for n in range(5): _interpreters.create()
            i = _interpreters.create('legacy')
            failure = _interpreters.exec(i, """if True:
                import os, _interpreters
                pid = os.fork()
                if pid == 0:
                    here = _interpreters.get_current()[0]
                    assert [id for id, _ in _interpreters.list_all() if id] == [here], _interpreters.list_all()
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
                """)
            assert failure is None, failure.errdisplay
            failure = _interpreters.exec(_interpreters.create(), 'import os; os.fork()')
            assert failure.type.__name__ == 'RuntimeError'
            ''')


if __name__ == '__main__':
    unittest.main()
