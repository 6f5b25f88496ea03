"""Calls posted to interpreters: order, who makes them and when, errors; figures and limits as seen from elsewhere."""
import threading
import time
import unittest

import interpreters
import _interpreters


def note(send, value):
    send.send_nowait(value)


def note_where(send, value):
    import threading
    import _interpreters
    send.send_nowait((value, _interpreters.get_current()[0], threading.get_ident()))


def fail(text):
    raise ValueError(text)


def patience(condition, seconds=20):
    """Waits detached."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


class Base(unittest.TestCase):
    def setUp(self):
        self.id = _interpreters.create()
        self.addCleanup(self.destroy)
        self.receive, self.send = interpreters.create_channel()

    def destroy(self):
        if any(entry[0] == self.id for entry in _interpreters.list_all()):
            _interpreters.destroy(self.id)

    def figures(self):
        return _interpreters.statistics(self.id)

    def busy(self, code):
        """Runs code in the interpreter, on a thread of its own; the thread and a list for the outcome."""
        found = []
        thread = threading.Thread(target=lambda: found.append(_interpreters.exec(self.id, code)))
        thread.start()
        self.assertTrue(patience(lambda: _interpreters.is_running(self.id)))
        return thread, found

    def received(self, n):
        return [self.receive.recv(timeout=20) for i in range(n)]


class PostTest(Base):
    def test_busy_target(self):
        thread, found = self.busy('while True: pass')
        begin = time.monotonic()
        for i in range(100):
            _interpreters.post(self.id, note, (self.send, i))
        self.assertEqual(self.received(100), list(range(100)))
        self.assertLess(time.monotonic() - begin, 10)
        _interpreters.interrupt(self.id)
        thread.join()
        self.assertEqual(found[0].type.__name__, 'KeyboardInterrupt')

    def test_idle_target_and_an_idle_poster(self):
        _interpreters.post(self.id, note_where, (self.send, 'one'))
        # Neither runs: the poster waits for the channel.
        value, where, thread = self.receive.recv(timeout=20)
        self.assertEqual((value, where), ('one', self.id))
        self.assertNotEqual(thread, threading.get_ident())

    def test_idle_target_and_a_busy_poster(self):
        begin = time.monotonic()
        _interpreters.post(self.id, note_where, (self.send, 'one'))
        while self.figures().pending_run == 0 and time.monotonic() < begin + 20:
            for i in range(1000):
                pass
        self.assertEqual(self.receive.recv(timeout=20)[:2], ('one', self.id))

    def test_many_for_an_idle_target(self):
        for i in range(500):
            _interpreters.post(self.id, note, (self.send, i))
        self.assertEqual(self.received(500), list(range(500)))
        self.assertTrue(patience(lambda: self.figures().pending_waiting == 0))

    def test_target_that_waits(self):
        thread, found = self.busy('import time\ntime.sleep(60)')
        time.sleep(0.1)
        _interpreters.post(self.id, note, (self.send, 'while it sleeps'))
        self.assertEqual(self.received(1), ['while it sleeps'])
        _interpreters.interrupt(self.id)
        thread.join()

    def test_entering_comes_after_what_was_posted(self):
        _interpreters.exec(self.id, 'order = []')
        _interpreters.post(self.id, note, (self.send, 1))
        self.assertIsNone(_interpreters.exec(self.id, 'x = 1'))
        self.assertEqual(self.figures().pending_run, 1)

    def test_order_of_each_poster(self):
        def post(who):
            for i in range(200):
                _interpreters.post(self.id, note, (self.send, (who, i)))
        threads = [threading.Thread(target=post, args=(k,)) for k in range(3)]
        for t in threads:
            t.start()
        seen = {k: [] for k in range(3)}
        for who, i in self.received(600):
            seen[who].append(i)
        for t in threads:
            t.join()
        self.assertEqual(seen, {k: list(range(200)) for k in range(3)})

    def test_from_other_interpreters(self):
        others = [interpreters.create() for i in range(3)]
        for k, other in enumerate(others):
            other.exec('''def note(send, value): send.send_nowait(value)''')
            self.assertIsNone(_interpreters.exec(other.id, f'import _interpreters\nfor i in range(50): _interpreters.post(target, note, (send, ({k}, i)))',
                                                 {'target': self.id, 'send': self.send}))
        seen = {k: [] for k in range(3)}
        for who, i in self.received(150):
            seen[who].append(i)
        self.assertEqual(seen, {k: list(range(50)) for k in range(3)})
        for other in others:
            other.close()

    def test_errors_stop_nothing_else(self):
        self.assertIsNone(_interpreters.exec(self.id, 'import sys\nseen = []\nsys.unraisablehook = lambda u: seen.append(str(u.exc_value))'))
        for i in range(5):
            _interpreters.post(self.id, note, (self.send, i))
            _interpreters.post(self.id, fail, (f'number {i}',))
        self.assertEqual(self.received(5), list(range(5)))
        self.assertTrue(patience(lambda: self.figures().pending_waiting == 0))
        self.assertIsNone(_interpreters.exec(self.id, 'assert seen == [f"number {i}" for i in range(5)], seen'))

    def test_the_end_makes_them(self):
        for i in range(10):
            _interpreters.post(self.id, note, (self.send, i))
        _interpreters.destroy(self.id)
        self.assertEqual(self.received(10), list(range(10)))
        with self.assertRaises(_interpreters.InterpreterNotFoundError):
            _interpreters.post(self.id, note, (self.send, 1))


class LimitTest(Base):
    def test_figures_grow(self):
        before = self.figures()
        self.assertIsNone(_interpreters.exec(self.id, 'import gc\nkept = [object() for i in range(50000)]\ngc.collect()'))
        after = self.figures()
        self.assertGreaterEqual(after.blocks, before.blocks + 50000)
        self.assertGreaterEqual(after.memory, before.memory + 800000)
        self.assertGreater(after.lock_held, before.lock_held)
        self.assertGreater(after.collections[2], before.collections[2])
        self.assertIsNone(_interpreters.exec(self.id, 'del kept'))
        self.assertLess(self.figures().blocks, after.blocks - 40000)

    def test_figures_of_a_running_one(self):
        thread, found = self.busy('while True: x = [object() for i in range(100)]')
        held = []
        for i in range(50):
            f = self.figures()
            self.assertLess(f.memory, f.reserved + 1)
            held.append(f.lock_held)
            time.sleep(0.002)
        self.assertEqual(held, sorted(held))
        self.assertGreater(held[-1], held[0])
        _interpreters.interrupt(self.id)
        thread.join()

    def test_memory_there_and_nowhere_else(self):
        _interpreters.set_limits(self.id, memory=self.figures().reserved + (8 << 20))
        info = _interpreters.exec(self.id, 'kept = []\nwhile True: kept.append(bytes(50000))')
        self.assertEqual(info.type.__name__, 'MemoryError')
        self.assertEqual(len(bytes(50 << 20)), 50 << 20)
        self.assertIsNone(_interpreters.exec(self.id, 'del kept\nx = [bytes(1000) for i in range(1000)]'))
        _interpreters.set_limits(self.id, memory=0)
        self.assertIsNone(_interpreters.exec(self.id, 'kept = [bytes(50000) for i in range(400)]'))

    def test_processor_time(self):
        _interpreters.set_limits(self.id, cpu_time=0.05)
        self.assertIsNone(_interpreters.exec(self.id, 'import time\ntime.sleep(0.2)'))
        info = _interpreters.exec(self.id, 'n = 0\nwhile True:\n  try:\n    while True: pass\n  except TimeoutError:\n    n += 1\n    if n == 2: raise')
        self.assertEqual(info.type.__name__, 'TimeoutError')
        self.assertGreaterEqual(self.figures().cpu_time, 0.05)
        _interpreters.set_limits(self.id, cpu_time=0)
        self.assertIsNone(_interpreters.exec(self.id, 'for i in range(100000): pass'))


if __name__ == '__main__':
    unittest.main()
