"""The interpreters package: interpreters, what crosses between them, channels."""
import gc
import sys
import threading
import time
import unittest

import interpreters
from interpreters import ChannelClosedError, ChannelEmptyError, ChannelFullError, ChannelNotEmptyError

import _interpchannels


class Base(unittest.TestCase):
    def create(self):
        interp = interpreters.create()
        self.addCleanup(self.close, interp)
        return interp

    def close(self, interp):
        if interp in interpreters.list_all():
            interp.close()


    def no_messages(self):
        if len(interpreters.list_all()) == 1:   # else somebody else may be sending
            self.assertEqual(_interpchannels._count_messages(), 0)


class InterpreterTest(Base):
    def test_list_and_current(self):
        before = interpreters.list_all()
        self.assertIn(interpreters.get_current(), before)
        self.assertEqual(interpreters.get_main().id, 0)
        a, b = self.create(), self.create()
        self.assertEqual([i for i in interpreters.list_all() if i in (a, b)], [a, b])
        self.assertEqual(len({a, b, interpreters.Interpreter(a.id)}), 2)
        a.close()
        self.assertNotIn(a, interpreters.list_all())
        with self.assertRaises(interpreters.InterpreterNotFoundError):
            a.close()
        with self.assertRaises(interpreters.InterpreterNotFoundError):
            a.exec('pass')
        with self.assertRaises(interpreters.InterpreterNotFoundError):
            interpreters.Interpreter(1 << 60)

    def test_exec_keeps_main(self):
        interp = self.create()
        receive, send = interpreters.create_channel()
        interp.prepare_main(a=1)
        interp.exec('b = a + 1', out=send)
        interp.exec('import __main__, sys; out.send((a, b, __name__, "unittest" in sys.modules, __main__.b))')
        self.assertEqual(receive.recv(), (1, 2, '__main__', False, 2))

    def test_exceptions(self):
        interp = self.create()
        with self.assertRaises(interpreters.ExecutionFailed) as caught:
            interp.exec('class Odd(Exception): pass\ndef f(x): raise Odd("no", x)\nf(3)')
        info = caught.exception.excinfo
        self.assertEqual((info.type.__name__, info.type.__module__, info.msg), ('Odd', '__main__', "('no', 3)"))
        self.assertEqual(info.formatted, "Odd: ('no', 3)")
        self.assertIn('line 2, in f', caught.exception.remote_traceback)
        self.assertIn('line 2, in f', str(caught.exception))
        for source, name in [('1/0', 'ZeroDivisionError'), ('x = (', 'SyntaxError'), ('raise SystemExit(3)', 'SystemExit'),
                             ('class E(Exception):\n def __str__(self): 1/0\nraise E', 'E'), ('import nowhere', 'ModuleNotFoundError')]:
            with self.subTest(source), self.assertRaises(interpreters.ExecutionFailed) as caught:
                interp.exec(source)
            self.assertEqual(caught.exception.excinfo.type.__name__, name)
        interp.exec('pass')

    def test_refused(self):
        with self.assertRaises(interpreters.InterpreterError):
            interpreters.get_main().close()
        with self.assertRaises(interpreters.InterpreterError):
            interpreters.get_current().close()
        with self.assertRaises(interpreters.InterpreterError):
            interpreters.get_current().exec('pass')
        interp = self.create()
        for bad in (None, b'pass', len):
            with self.assertRaises(TypeError):
                interp.exec(bad)
        with self.assertRaises(TypeError):
            interpreters.Interpreter('1')

    def test_running(self):
        interp = self.create()
        go_receive, go = interpreters.create_channel()
        ready, ready_send = interpreters.create_channel()
        thread = threading.Thread(target=interp.exec, args=('ready.send(1); go.recv()',), kwargs=dict(go=go_receive, ready=ready_send))
        self.assertFalse(interp.is_running())
        thread.start()
        ready.recv(timeout=30)
        self.assertTrue(interp.is_running())
        with self.assertRaises(interpreters.InterpreterError):
            interp.exec('pass')
        with self.assertRaises(interpreters.InterpreterError):
            interp.close()
        go.send(None)
        thread.join()
        self.assertFalse(interp.is_running())
        interp.exec('pass')

    def test_entered_from_many_threads(self):
        interp = self.create()
        interp.exec('n = 0')

        def work():
            done = 0
            while done < 20:
                try:
                    interp.exec('n += 1\nimport threading; assert threading.current_thread().is_alive()')
                    done += 1
                except interpreters.ExecutionFailed:
                    raise
                except interpreters.InterpreterError:    # another thread is in there
                    time.sleep(0)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        interp.exec('assert n == 80, n')

    def test_nested(self):
        interp = self.create()
        receive, send = interpreters.create_channel()
        interp.exec('''if True:
            import interpreters
            inner = interpreters.create()
            inner.exec('import interpreters; out.send([outer, interpreters.get_current().id])', out=out, outer=interpreters.get_current().id)
            inner.close()
            ''', out=send)
        outer, inner = receive.recv()
        self.assertEqual(outer, interp.id)
        self.assertGreater(inner, outer)

    def test_isolation(self):
        interp = self.create()
        sys.marker = self
        try:
            interp.exec('import sys; assert not hasattr(sys, "marker"); sys.path.append("there")')
        finally:
            del sys.marker
        self.assertNotIn('there', sys.path)

    def test_at_once(self):
        """Interpreters that use types, the library and the collector at the same time."""
        source = '''if True:
            import collections, dataclasses, enum, json, re, weakref, gc
            for turn in range(10):
                class Colour(enum.Enum):
                    red = 1
                    blue = 2
                @dataclasses.dataclass
                class Point:
                    x: int
                    y: int = 3
                class Number(int):
                    pass
                data = {'a': [1, 2.5, None, True], 'b': 'x' * turn}
                assert json.loads(json.dumps(data)) == data
                assert re.sub(r'(a+)(b)', r'\\2\\1', 'aab' * 3) == 'baa' * 3
                counts = collections.Counter(str(i % 7) for i in range(100))
                assert sum(counts.values()) == 100
                cycle = [Point(turn), Number(turn)]
                cycle.append(cycle)
                ref = weakref.ref(cycle[0])
                del cycle
                gc.collect()
                assert ref() is None
                assert Number in int.__subclasses__()
            out.send('done')
            '''
        receive, send = interpreters.create_channel()
        failures = []

        def work():
            try:
                interp = interpreters.create()
                interp.exec(source, out=send)
                interp.close()
            except Exception as exc:
                failures.append(exc)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        self.assertEqual([receive.recv_nowait() for _ in threads], ['done'] * 4)


class ValuesTest(Base):
    def roundtrip(self, value):
        receive, send = interpreters.create_channel()
        send.send(value)
        return receive.recv_nowait()

    def test_equal_and_fresh(self):
        values = [None, True, False, ..., 0, -1, 127, 128, -129, 2**31, 2**62, -2**63, 2**63, 10**100, -10**100, 0.0, -0.5, 1e300,
                  float('inf'), 1j, complex(-0.0, 3), '', 'a', 'long' * 100, 'é', 'ÿ' * 70, 'Ā€', '\ud800', '🐍' * 3, '\0',
                  b'', b'x', bytes(range(256)) * 3, (), (1, 'two', (3.0,)), [], [1, [2, [3]]], {}, {'a': 1, 2: [b'c'], (1, 2): None}]
        for value in values + [values]:
            got = self.roundtrip(value)
            self.assertEqual(repr(got), repr(value))
            self.assertIs(type(got), type(value))
            if isinstance(value, (list, dict)):
                self.assertIsNot(got, value)
        self.no_messages()

    def test_order_of_keys(self):
        value = dict.fromkeys(map(str, range(500)))
        self.assertEqual(list(self.roundtrip(value)), list(value))

    def test_shared_references(self):
        inner, text = [1], 'x' * 100
        got = self.roundtrip([inner, inner, (inner,), {'k': inner}, text, text])
        self.assertIs(got[0], got[1])
        self.assertIs(got[2][0], got[0])
        self.assertIs(got[3]['k'], got[0])
        self.assertIs(got[4], got[5])

    def test_cycles(self):
        a = [1]
        a.append((a, {'a': a}))
        got = self.roundtrip(a)
        self.assertIs(got[1][0], got)
        self.assertIs(got[1][1]['a'], got)
        t = ([], 5)
        t[0].append(t)
        got = self.roundtrip(t)
        self.assertIs(got[0][0], got)
        a.clear()
        t[0].clear()

    def test_deep(self):
        value = []
        for _ in range(100000):
            value = [value]
        with self.assertRaises(RecursionError):
            self.roundtrip(value)

    def test_not_shareable(self):
        class Text(str):
            pass

        for value, place in [(len, ''), ([1, {'a': (0, object())}], "value[1]['a'][1]: "), (Text('x'), ''), ({1: {2: sys}}, 'value[1][2]: '),
                             ({1: bytearray()}, 'value[1]: ')]:
            self.assertFalse(interpreters.is_shareable(value))
            with self.assertRaises(interpreters.NotShareableError) as caught:
                self.roundtrip(value)
            self.assertTrue(str(caught.exception).startswith(place + 'object of type '), caught.exception)
        interp = self.create()
        with self.assertRaisesRegex(interpreters.NotShareableError, r"\['value'\]\[0\]: object of type 'module'"):
            interp.exec('pass', value=[sys])
        self.assertTrue(interpreters.is_shareable([1, {'a': (0, None)}]))
        self.no_messages()


class ListTest(unittest.TestCase):
    def test_list_all_while_others_end(self):
        done = threading.Event()

        def come_and_go():
            while not done.is_set():
                interpreters.create().close()

        thread = threading.Thread(target=come_and_go)
        thread.start()
        try:
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                self.assertIn(interpreters.get_main(), interpreters.list_all())
        finally:
            done.set()
            thread.join()


class ChannelTest(Base):
    def test_both_ways(self):
        interp = self.create()
        there, to = interpreters.create_channel()
        back, answer = interpreters.create_channel()
        thread = threading.Thread(target=interp.exec, args=('for n in jobs: results.send(n * n)',), kwargs=dict(jobs=there, results=answer))
        thread.start()
        for n in range(100):
            to.send(n)
        to.close()
        self.assertEqual([back.recv(timeout=30) for _ in range(100)], [n * n for n in range(100)])
        thread.join()
        self.assertTrue(there.closed)

    def test_nothing_there(self):
        receive, send = interpreters.create_channel()
        with self.assertRaises(ChannelEmptyError):
            receive.recv_nowait()
        self.assertEqual(receive.recv_default(5), 5)
        self.assertIsNone(receive.recv_nowait(None))
        begin = time.monotonic()
        with self.assertRaises(TimeoutError):
            receive.recv(timeout=0.05)
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        for bad, error in [(-1, ValueError), ('1', TypeError), (float('nan'), ValueError), (1e30, OverflowError)]:
            with self.assertRaises(error):
                receive.recv(timeout=bad)

    def test_bounded(self):
        receive, send = interpreters.create_channel(2)
        send.send(1)
        self.assertFalse(send.send_nowait(2))
        with self.assertRaises(ChannelFullError):
            send.send_nowait(3)
        with self.assertRaises(TimeoutError):
            send.send(3, timeout=0.02)
        thread = threading.Thread(target=send.send, args=(3,))
        thread.start()
        self.assertEqual([receive.recv(), receive.recv(), receive.recv(timeout=30)], [1, 2, 3])
        thread.join()
        self.assertEqual(receive.count(), 0)

    def test_close(self):
        receive, send = interpreters.create_channel()
        send.send(1)
        with self.assertRaises(ChannelNotEmptyError):
            receive.close()
        send.close()
        send.close()
        with self.assertRaises(ChannelClosedError):
            send.send(2)
        self.assertFalse(receive.closed)
        self.assertEqual(list(receive), [1])
        self.assertTrue(receive.closed)
        with self.assertRaises(ChannelClosedError):
            receive.recv()
        receive, send = interpreters.create_channel()
        send.send([1])
        receive.close(force=True)
        with self.assertRaises(ChannelClosedError):
            send.send(1)
        self.no_messages()

    def test_ends_that_go(self):
        receive, send = interpreters.create_channel()
        number = receive.id
        send.send('last')
        del send
        self.assertEqual(list(receive), ['last'])
        del receive
        gc.collect()
        self.assertNotIn(number, interpreters.list_all_channels())
        with self.assertRaises(interpreters.ChannelNotFoundError):
            interpreters.RecvChannel(number)

    def test_sender_gone_message_stays(self):
        interp = self.create()
        receive, send = interpreters.create_channel()
        interp.exec('out.send(["kept" * 100, 2**200])', out=send)
        interp.close()
        del send
        self.assertEqual(receive.recv(), ['kept' * 100, 2**200])
        with self.assertRaises(ChannelClosedError):
            receive.recv()

    def test_ends_travel(self):
        receive, send = interpreters.create_channel()
        inner_receive, inner_send = interpreters.create_channel()
        send.send({'reply to': inner_send})
        del inner_send
        self.assertFalse(inner_receive.closed)
        interp = self.create()
        interp.exec('c.recv()["reply to"].send("hello")', c=receive)
        self.assertEqual(inner_receive.recv(), 'hello')
        with self.assertRaises(ChannelClosedError):
            inner_receive.recv(timeout=30)
        send.send(send)
        again = receive.recv()
        self.assertEqual((again, again is send, hash(again)), (send, False, hash(send)))
        self.assertNotEqual(again, receive)

    def test_release(self):
        receive, send = interpreters.create_channel()
        interp = self.create()
        interp.exec('pass', c=send)
        send.release()
        with self.assertRaises(ChannelClosedError):
            send.send(1)
        interp.exec('c.send(1); c.release()')
        self.assertEqual(list(receive), [1])

    def test_many_interpreters(self):
        receive, send = interpreters.create_channel(4)
        results, results_send = interpreters.create_channel()
        threads = []
        for _ in range(3):
            interp = self.create()
            threads.append(threading.Thread(target=interp.exec, args=('results.send(sum(jobs))',),
                                            kwargs=dict(jobs=receive, results=results_send)))
        for thread in threads:
            thread.start()
        for n in range(1000):
            send.send(n)
        send.close()
        for thread in threads:
            thread.join()
        self.assertEqual(sum(results.recv() for _ in threads), sum(range(1000)))

    def test_low_level(self):
        receive, send = _interpchannels.create()
        number = send.id
        _interpchannels.send(number, 'x')
        self.assertEqual(_interpchannels.get_count(number), 1)
        self.assertEqual(_interpchannels.recv(receive), 'x')
        self.assertEqual(_interpchannels.recv(number, None), None)
        with self.assertRaises(_interpchannels.ChannelEmptyError):
            _interpchannels.recv(number)
        self.assertEqual(_interpchannels.list_interpreters(number, send=True), [interpreters.get_current().id])
        _interpchannels.destroy(number)
        with self.assertRaises(_interpchannels.ChannelClosedError):
            _interpchannels.send(number, 1)
        with self.assertRaises(_interpchannels.ChannelNotFoundError):
            _interpchannels.recv(1 << 50)


if __name__ == '__main__':
    unittest.main()
