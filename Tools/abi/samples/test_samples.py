"""Use the compiled samples: python test_samples.py FOLDER.  Written for any Python 3.11."""
import array
import datetime
import gc
import io
import re
import sys
import threading
import traceback
import unittest
import warnings
import weakref


class Types(unittest.TestCase):
    def test_members_and_attributes(self):
        thing = sample.Thing(first=[1], count=3)
        thing.weight = 2.5
        thing.extra = 'x'
        self.assertEqual((thing.first, thing.count, thing.weight, thing.name, thing.extra), ([1], 3, 2.5, '', 'x'))
        self.assertEqual(thing.__dict__, {'extra': 'x'})
        self.assertRegex(repr(thing), r'^<Thing 3 \[1\] at 0x[0-9a-f]+>$')
        with self.assertRaisesRegex(AttributeError, 'readonly attribute'):
            thing.count = 1
        with self.assertRaisesRegex(TypeError, 'must be real number, not str'):
            thing.weight = 'x'
        with self.assertRaisesRegex(TypeError, "can't delete first"):
            del thing.first

    def test_operators(self):
        thing = sample.Thing(None, 3)
        self.assertEqual(list(thing), [0, 1, 2])
        self.assertEqual((len(thing), bool(thing), bool(sample.Thing())), (3, True, False))
        self.assertEqual((thing + 4).count, 7)
        self.assertTrue(thing < sample.Thing(count=4) and thing == sample.Thing(count=3) and thing != sample.Thing())
        with self.assertRaisesRegex(TypeError, "unsupported operand"):
            thing + 'x'
        with self.assertRaisesRegex(TypeError, "unhashable type: 'sample.Thing'"):
            hash(thing)
        with self.assertRaisesRegex(TypeError, r"Thing\(\) takes at most 2 arguments \(3 given\)"):
            sample.Thing(1, 2, 3)

    def test_methods(self):
        thing = sample.Thing('old')
        self.assertEqual(thing.swap('new'), 'old')
        self.assertEqual(thing.first, 'new')
        self.assertIsInstance(sample.Thing.make(), sample.Thing)
        self.assertEqual(sample.Thing.swap.__doc__, 'Put other in, give the old one.')
        self.assertEqual(sample.Thing.swap.__text_signature__, '(other)')

    def test_collector(self):
        thing = sample.Thing()
        thing.first = thing
        thing.attribute = [thing]
        ref = weakref.ref(thing)
        del thing
        gc.collect()
        self.assertIsNone(ref())

    def test_deep_nesting(self):
        thing = None
        for _ in range(100_000):
            thing = sample.Thing(thing)
        del thing

    def test_heap_type(self):
        self.assertEqual(sample.Other.__doc__, 'A heap type.')
        self.assertEqual(sample.Other.__module__, 'sample')
        with self.assertRaisesRegex(TypeError, "immutable type"):
            sample.Other.attribute = 1

        class Derived(sample.Thing):
            __slots__ = ('more',)

            def __repr__(self):
                return 'derived'

        derived = Derived(count=2)
        derived.more = 1
        self.assertEqual((repr(derived), len(derived), derived.more), ('derived', 2, 1))
        self.assertEqual(weakref.ref(derived)(), derived)

    def test_struct_sequence(self):
        pair = sample.Pair((1, 2))
        self.assertEqual((pair.left, pair[1], pair), (1, 2, (1, 2)))
        self.assertEqual(pair.n_unnamed_fields, 1)

    def test_module(self):
        self.assertEqual((sample.__doc__, sample.METH_FASTCALL), ('A sample.', 128))


class Arguments(unittest.TestCase):
    def test_tuple(self):
        self.assertEqual(arguments.by_tuple('aé', b'x\0z', [1, 2], None, 1.5, 7, True, 'q'),
                         ('aé', b'x\0z', 2, None, {'flag': 1, 'number': 1.5}))
        with self.assertRaisesRegex(TypeError, r'by_tuple\(\) argument 3 must be list, not int'):
            arguments.by_tuple('a', b'b', 3, None)
        with self.assertRaisesRegex(OverflowError, 'int too big to convert'):
            arguments.by_tuple('a', b'b', [], None, 1, 2**64)

    def test_keywords(self):
        self.assertEqual(arguments.by_keywords(1, path='p', size=3), b'p')
        self.assertIsNone(arguments.by_keywords(1))
        with self.assertRaisesRegex(arguments.Error, f'size {sys.maxsize} of int is too large'):
            arguments.by_keywords(1, size=sys.maxsize)
        with self.assertRaisesRegex(TypeError, 'takes at most 2 positional arguments'):
            arguments.by_keywords(1, 'p', 2)
        self.assertTrue(issubclass(arguments.Error, ValueError))

    def test_vector(self):
        self.assertEqual(arguments.by_vector(1, 2, a=3, b=4.5), 10.5)
        self.assertEqual(arguments.by_vector(*range(100)), 4950)
        self.assertEqual((arguments.generated('s'), arguments.generated(b=1, a='t')), ('s', 't'))
        for args, text in (((1,), "generated() argument 'a' must be str, not int"),
                           (('a', 'b', 'c'), 'generated() takes at most 2 arguments (3 given)'),
                           ((), "generated() missing required argument 'a' (pos 1)")):
            with self.assertRaisesRegex(TypeError, '^' + re.escape(text) + '$'):
                arguments.generated(*args)

    def test_calls(self):
        log = []

        class Target:
            def __call__(self, *args):
                log.append(args)

            def method(self, text):
                log.append(text)

            def close(self, *args):
                return args

        target = Target()
        self.assertEqual(arguments.calls(target), (target,))
        self.assertEqual(log, [(True, False), (None,), 'abc', (True, None)])


class Buffers(unittest.TestCase):
    def test_consumer(self):
        self.assertEqual(buffers.consume(array.array('d', [1, 2, 3.5])), 6.5)
        self.assertEqual(buffers.consume(memoryview(array.array('d', range(10)))[::3]), 18.0)
        with self.assertRaisesRegex(TypeError, "a bytes-like object is required, not 'int'"):
            buffers.consume(1)

    def test_exporter(self):
        block = buffers.Block(b'some data')
        with memoryview(block) as view:
            self.assertEqual((bytes(view), view.readonly, block.exports), (b'some data', True, 1))
            self.assertEqual(buffers.look(view), (9, block))
        self.assertEqual(block.exports, 0)
        with self.assertRaisesRegex(TypeError, 'must be read-write bytes-like object, not buffers.Block'):
            io.BytesIO(b'123').readinto(block)

    def test_containers(self):
        ref = weakref.ref(type(self))
        for given, expected in ((dict(a=1, b=2), 2), ({1: KeyError()}, True), ({KeyError: 1}, True), ({1, 2, 3}, 3),
                                (frozenset('a'), 1), (slice(2, 8, 2), 3), (ref, type(self)), (b'bytes', b'bytes'),
                                (bytearray(b'array'), b'array'), (bytearray(), b''), (2j, 2.0), (1.5, 1.5), ([1, 'a'], (1, 'a')),
                                ((), ()), (iter('xy'), ('x', 'y'))):
            with self.subTest(given=given):
                self.assertEqual(buffers.visit_all(given), expected)
        with self.assertRaisesRegex(TypeError, '^not a sequence$'):
            buffers.visit_all(1)

    def test_threads(self):
        seen = []
        buffers.in_thread(lambda: seen.append(threading.get_ident()))
        self.assertEqual(len(seen), 1)
        self.assertNotEqual(seen[0], threading.get_ident())
        errors, sys.unraisablehook = [], lambda info: errors.append(info.exc_type)
        try:
            buffers.in_thread(lambda: 1 / 0)
        finally:
            sys.unraisablehook = sys.__unraisablehook__
        self.assertEqual(errors, [ZeroDivisionError])
        self.assertTrue(buffers.locks())

    def test_errors(self):
        def fail(error):
            raise error

        self.assertEqual(buffers.errors(lambda: 5), 5)
        self.assertEqual(buffers.errors(lambda: {}[1]), 'a key')
        with self.assertRaises(FileNotFoundError) as caught:
            buffers.errors(lambda: fail(OSError('x')))
        self.assertEqual(caught.exception.filename, 'buffers')
        try:
            buffers.errors(lambda: 1 / 0)
        except ZeroDivisionError as error:
            self.assertEqual([entry.name for entry in traceback.extract_tb(error.__traceback__)], ['test_errors', '<lambda>'])
        else:
            self.fail('no error')
        with self.assertRaisesRegex(SystemError, r'buffers\.c:\d+: bad argument to internal function'):
            buffers.errors(lambda: fail(SystemError('x')))
        with warnings.catch_warnings(record=True) as got:
            warnings.simplefilter('always')
            buffers.warn('old')
        self.assertEqual([(w.category, str(w.message)) for w in got], [(DeprecationWarning, 'old')])
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            self.assertRaises(DeprecationWarning, buffers.warn, 'old')

    def test_capsule(self):
        self.assertEqual(type(buffers.make_capsule(10)).__name__, 'PyCapsule')
        self.assertIn('"buffers.block"', repr(buffers.make_capsule(1)))
        self.assertRaises(MemoryError, buffers.make_capsule, sys.maxsize)


class Dates(unittest.TestCase):
    def test_equal_objects(self):
        for given in (datetime.datetime(2001, 2, 3, 4, 5, 6, 789012), datetime.date(1, 12, 31), datetime.date(9999, 1, 1),
                      datetime.time(23, 59, 58, 999999), datetime.timedelta(-5, 7, 999999)):
            with self.subTest(given=given):
                again = dates.rebuild(given)
                self.assertEqual(again, given)
                self.assertIs(type(again), type(given))
        self.assertIs(dates.rebuild(None), datetime.timezone.utc)
        self.assertEqual(dates.rebuild((0,)), datetime.date.fromtimestamp(0))
        self.assertEqual(dates.rebuild((0, datetime.timezone.utc)), datetime.datetime.fromtimestamp(0, datetime.timezone.utc))


class Generated(unittest.TestCase):
    def test_append(self):
        items, expected = [], list(range(1000))
        for item in expected:
            generated.append(items, item)
        self.assertEqual(items, expected)

    def test_int(self):
        for value in (0, 1, -1, 2**30 - 1, -2**30 + 1, 2**30, 2**31, 2**60 - 1, -2**60 + 1, 2**62, -2**63):
            self.assertEqual(generated.small_int(value), value)
        self.assertRaises(OverflowError, generated.small_int, 2**63)

    def test_str(self):
        for a in ('a', 'é', '\u20ac', '\U0001f600', 'abc', 'ab\u20ac'):
            for b in ('a', 'é', '\u20ac', '\U0001f600', 'abc', 'ab\u20ac'):
                self.assertIs(generated.equal(a, b), a == b)
        self.assertEqual(generated.plain('\u20acÿ'), '_\u0178')
        self.assertEqual(generated.plain('a b-c'), 'A_B_C')
        self.assertEqual(generated.plain('é\u20ac\U0001f600x\u3000\U00010428'), 'É__X_\U00010400')

    def test_raise(self):
        try:
            1 / 0
        except ZeroDivisionError as caught:
            old = caught.__traceback__
        # assertRaises would take the traceback off.
        try:
            generated.raise_(KeyError('k'), old, 123, {'__builtins__': {}})
        except KeyError as error:
            entries = [(entry.filename, entry.lineno, entry.name) for entry in traceback.extract_tb(error.__traceback__)]
            self.assertEqual(entries[1], ('generated.pyx', 123, 'generated_function'))
            self.assertIs(error.__traceback__.tb_next.tb_next, old)
        else:
            self.fail('no error')

    def test_lookup(self):
        class Class:
            pass

        thing = Class()
        thing.name = 5
        self.assertEqual(generated.lookup(thing, 'name'), (5, thing.__dict__))
        self.assertEqual(generated.lookup(len, 'four'), (4, None))
        self.assertRaises(AttributeError, generated.lookup, 5, 'missing')


class Limited(unittest.TestCase):
    def test_limited(self):
        self.assertEqual((limited.Box().value, limited.Box().raw), (0, 0))
        self.assertEqual(limited.pick('a', 'b\0d'), ('a', 'b\0d'))
        self.assertIs(limited.pick(None, ''), NotImplemented)
        self.assertIsNone(limited.pick({}, ''))


if __name__ == '__main__':
    sys.path.insert(0, sys.argv.pop(1))
    import arguments
    import buffers
    import dates
    import generated
    import limited
    import sample
    unittest.main()
