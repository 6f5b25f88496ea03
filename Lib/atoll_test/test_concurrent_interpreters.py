"""concurrent.interpreters, and what it stands on in _interpreters and _interpqueues."""
import gc
import math
import queue
import threading
import time
import unittest

import _interpqueues
import _interpreters
from concurrent import futures, interpreters

FACTOR = 10


def scaled(n):
    return math.factorial(n) * FACTOR


def echo(source, target):
    while (value := source.get()) is not None:
        target.put(value * 2)


class Base(unittest.TestCase):
    def create(self):
        interp = interpreters.create()
        self.addCleanup(lambda: interp in interpreters.list_all() and interp.close())
        return interp


class LowLevelTest(Base):
    def test_configs(self):
        isolated = _interpreters.new_config()
        self.assertEqual((isolated.gil, isolated.allow_fork, isolated.check_multi_interp_extensions), ('own', False, True))
        self.assertEqual(_interpreters.new_config('legacy', gil='own').gil, 'own')
        id = _interpreters.create(_interpreters.new_config('isolated', allow_threads=False))
        self.addCleanup(_interpreters.destroy, id)
        self.assertFalse(_interpreters.get_config(id).allow_threads)
        self.assertIn('thread is not supported', _interpreters.exec(id, 'import _thread; _thread.start_new_thread(print, ())').msg)
        for name, overrides, error in [('x', {}, ValueError), ('isolated', {'foo': 1}, ValueError), ('isolated', {'gil': 'maybe'}, ValueError),
                                       ('isolated', {'gil': 3}, TypeError), (5, {}, TypeError)]:
            with self.assertRaises(error):
                _interpreters.new_config(name, **overrides)
        before = _interpreters.list_all()
        for config, error in [(_interpreters.new_config('legacy', gil='own'), _interpreters.InterpreterError),
                              (_interpreters.new_config('isolated', check_multi_interp_extensions=False), _interpreters.InterpreterError),
                              (_interpreters.new_config('isolated', allow_threads=False, allow_daemon_threads=True), _interpreters.InterpreterError),
                              (_interpreters.new_config('empty'), _interpreters.InterpreterError), ('bogus', ValueError), (5, TypeError)]:
            with self.assertRaises(error):
                _interpreters.create(config)
        missing = _interpreters.new_config()
        del missing.allow_exec
        with self.assertRaisesRegex(ValueError, 'allow_exec'):
            _interpreters.create(missing)
        self.assertEqual(_interpreters.list_all(), before)

    def test_bad_ids(self):
        for f in (_interpreters.whence, _interpreters.is_running, _interpreters.destroy, _interpreters.get_config, _interpreters.incref):
            for bad, error in [(1 << 40, _interpreters.InterpreterNotFoundError), (-1, ValueError), (1 << 70, OverflowError), ('1', TypeError)]:
                with self.assertRaises(error):
                    f(bad)
        id = _interpreters.create()
        _interpreters.destroy(id)
        for f in (lambda: _interpreters.exec(id, ''), lambda: _interpreters.call(id, print), lambda: _interpreters.set___main___attrs(id, {'a': 1}),
                  lambda: _interpreters.destroy(id), lambda: _interpreters.run_string(id, '')):
            with self.assertRaises(_interpreters.InterpreterNotFoundError):
                f()
        with self.assertRaises(_interpreters.InterpreterError):
            _interpreters.is_running(_interpreters.get_main()[0], restrict=True)

    def test_references(self):
        id = _interpreters.create(reqrefs=True)
        _interpreters.incref(id)
        _interpreters.incref(id)
        _interpreters.decref(id)
        self.assertIn((id, _interpreters.WHENCE_STDLIB), _interpreters.list_all())
        _interpreters.decref(id)
        self.assertNotIn(id, [other for other, _ in _interpreters.list_all()])

    def test_code(self):
        id = _interpreters.create()
        self.addCleanup(_interpreters.destroy, id)

        def script():
            global seen
            seen = __name__

        self.assertIsNone(_interpreters.exec(id, script))
        self.assertIsNone(_interpreters.run_func(id, script.__code__))
        self.assertIsNone(_interpreters.exec(id, 'assert seen == "__main__"'))
        free = 1
        for bad, error in [(lambda: free, ValueError), (lambda x: x, ValueError), (5, TypeError), (b'pass', TypeError), ('a\0b', ValueError)]:
            with self.assertRaises(error):
                _interpreters.exec(id, bad)
        info = _interpreters.exec(id, 'raise KeyError("x")')
        self.assertEqual((info.type.__name__, info.msg, info.formatted), ('KeyError', "'x'", "KeyError: 'x'"))
        self.assertEqual(_interpreters.exec(id, 'raise ValueError').formatted, 'ValueError')
        try:
            1 / 0
        except ZeroDivisionError as e:
            self.assertEqual(_interpreters.capture_exception(e).type.__qualname__, 'ZeroDivisionError')
            self.assertIn('test_code', _interpreters.capture_exception().errdisplay)


class InterpreterTest(Base):
    def test_objects(self):
        interp = self.create()
        self.assertIs(interpreters.Interpreter(interp.id), interp)
        self.assertIn(interp, interpreters.list_all())
        self.assertEqual(interp.whence, '_interpreters module')
        self.assertEqual(interpreters.get_main().whence, 'runtime init')
        self.assertTrue(interpreters.get_current().is_running())
        self.assertFalse(interp.is_running())
        with self.assertRaises(interpreters.InterpreterError):
            interpreters.get_main().close()
        interp.close()
        with self.assertRaises(interpreters.InterpreterNotFoundError):
            interp.close()
        other = interpreters.create()
        id = other.id
        del other
        gc.collect()
        self.assertNotIn(id, [i.id for i in interpreters.list_all()])

    def test_futures_are_whole(self):
        with futures.ThreadPoolExecutor(1) as pool:
            self.assertEqual(pool.submit(pow, 2, 3).result(), 8)

    def test_call(self):
        interp = self.create()
        self.assertEqual(interp.call(pow, 2, 100), 2**100)
        self.assertEqual(interp.call(lambda a, *, b=2: (a, b), 1), (1, 2))
        self.assertEqual(interp.call(dict, [(1, 2)], a=3), {1: 2, 'a': 3})
        data = [1, 2]

        def recursive(n):
            return n * recursive(n - 1) if n else data[1]

        self.assertEqual(interp.call(recursive, 5), 240)
        self.assertEqual(interp.call(scaled, 4), 240)
        with self.assertRaises(interpreters.ExecutionFailed) as caught:
            interp.call(lambda: 1 / 0)
        self.assertEqual(caught.exception.excinfo.type.__name__, 'ZeroDivisionError')
        self.assertIn('in <lambda>', str(caught.exception))
        for call, place in [(lambda: interp.call(lambda: [object()]), r'result\[0\]'), (lambda: interp.call(print, 1, [2, object()]), r'args\[1\]\[1\]'),
                            (lambda: interp.call(print, sep=object()), r"kwargs\['sep'\]"), (lambda: interp.call(lambda: self), 'callable.__closure__'),
                            (lambda: interp.call(self.create), 'callable')]:
            with self.assertRaisesRegex(interpreters.NotShareableError, place):
                call()
        with self.assertRaises(TypeError):
            interp.call(5)
        self.assertTrue(interp.call(lambda: True))

    def test_globals_of_main(self):
        # A function that says that it is __main__'s takes along what it mentions.
        interp = self.create()
        space = {'__name__': '__main__', '__builtins__': __builtins__}
        exec('import math\nN = 3\nclass Unsendable: pass\nx = Unsendable()\n'
             'def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)\n'
             'def area(r): return math.floor(math.pi * r * N), even(10), x if r < 0 else None\n', space)
        self.assertEqual(interp.call(space['area'], 1), (9, True, None))
        with self.assertRaisesRegex(interpreters.ExecutionFailed, 'NameError'):
            interp.call(space['area'], -1)
        interp.prepare_main(N=4)
        self.assertEqual(interp.call(space['area'], 1)[0], 12)

    def test_running(self):
        interp = self.create()
        q = interpreters.create_queue()
        thread = interp.call_in_thread(q.get)
        while not interp.is_running():
            time.sleep(0.001)
        for f in (interp.close, lambda: interp.exec('pass'), lambda: interp.call(int)):
            with self.assertRaises(interpreters.InterpreterError):
                f()
        q.put(1)
        thread.join()
        self.assertFalse(interp.is_running())
        interp.exec('import _interpreters\ntry: _interpreters.destroy(_interpreters.get_current()[0])\n'
                    'except _interpreters.InterpreterError: pass\nelse: raise AssertionError')


class QueueTest(Base):
    def test_bounds(self):
        q = interpreters.create_queue(2)
        self.assertEqual((q.maxsize, q.qsize(), q.empty(), q.full()), (2, 0, True, False))
        q.put('a')
        q.put([1, {'a': 2}])
        self.assertTrue(q.full())
        begin = time.monotonic()
        with self.assertRaises(queue.Full):
            q.put(3, timeout=0.05)
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        with self.assertRaises(interpreters.QueueFull):
            q.put_nowait(3)
        self.assertEqual((q.get(), q.get_nowait()), ('a', [1, {'a': 2}]))
        for get in (lambda: q.get(timeout=0.02), q.get_nowait, lambda: q.get(block=False)):
            with self.assertRaises(interpreters.QueueEmpty):
                get()
        with self.assertRaises(queue.Empty):
            q.get(timeout=0)
        for bad, error in [(-1, ValueError), ('1', TypeError)]:
            with self.assertRaises(error):
                q.get(timeout=bad)
        with self.assertRaises(interpreters.NotShareableError):
            q.put(object())
        self.assertEqual(interpreters.create_queue(-5).maxsize, 0)

    def test_between_interpreters(self):
        interp = self.create()
        there, back = interpreters.create_queue(), interpreters.create_queue(3)
        thread = interp.call_in_thread(echo, there, back)
        for n in range(50):
            there.put(n)
        self.assertEqual([back.get(timeout=30) for _ in range(50)], [2 * n for n in range(50)])
        there.put(None)
        thread.join()
        interp.exec('kept = None')
        interp.prepare_main(q=there)
        interp.exec('q.put(q); q.put(["stays"] * 3)')
        self.assertEqual(there.get(), there)
        interp.close()
        self.assertEqual(there.get(), ['stays'] * 3)

    def test_life(self):
        q = interpreters.create_queue()
        id = q.id
        self.assertEqual(interpreters.Queue(id), q)
        q.put(q)  # holds itself
        q.get()
        del q
        gc.collect()
        self.assertNotIn(id, _interpqueues.list_all())
        with self.assertRaises(interpreters.QueueNotFoundError):
            interpreters.Queue(id)
        id = _interpqueues.create(1)
        _interpqueues.put(id, 5)
        self.assertTrue(_interpqueues.is_full(id))
        self.assertEqual((_interpqueues.get(id), _interpqueues.get_count(id), _interpqueues.get_maxsize(id)), (5, 0, 1))
        q = interpreters.Queue(id)
        waiter = threading.Thread(target=lambda: self.assertRaises(interpreters.QueueNotFoundError, q.get))
        waiter.start()
        time.sleep(0.02)
        _interpqueues.destroy(id)
        waiter.join(30)
        self.assertFalse(waiter.is_alive())
        with self.assertRaises(interpreters.QueueNotFoundError):
            q.put(1)


if __name__ == '__main__':
    unittest.main()
