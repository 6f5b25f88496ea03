"""Frames, code objects, tracing and argument binding, where they are easily wrong."""
import sys
import types
import unittest


def lines_of(function, *args):
    """Line events of one call, relative to the function's first line."""
    seen = []

    def trace(frame, event, arg):
        if frame.f_code is function.__code__ and event in ('line', 'return'):
            seen.append((event, frame.f_lineno - function.__code__.co_firstlineno))
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*args)
    finally:
        sys.settrace(former)
    return seen


class Frames(unittest.TestCase):
    def test_ending_frame_is_invisible(self):
        names = []

        class Noisy:
            def __del__(self):
                frame = sys._getframe()
                while frame is not None:
                    names.append(frame.f_code.co_name)
                    frame = frame.f_back

        def leaving():
            noisy = Noisy()
            return 1

        self.assertEqual(leaving(), 1)
        self.assertIn('__del__', names)
        self.assertNotIn('leaving', names)

    def test_locals_of_a_frame_are_one_dict(self):
        def f():
            a = 1
            first = locals()
            a = 2
            return first is locals(), first['a']
        self.assertEqual(f(), (True, 2))

    def test_cleared_frame_has_no_locals(self):
        def f(x):
            return (lambda: x), sys._getframe()
        closure, frame = f(1)
        frame.clear()
        self.assertEqual(frame.f_locals, {})
        self.assertEqual(closure(), 1)

    def test_bare_raise_adds_no_entry(self):
        def f():
            try:
                1 / 0
            except ZeroDivisionError:
                raise
        try:
            f()
        except ZeroDivisionError as e:
            self.assertEqual(e.__traceback__.tb_next.tb_lineno, f.__code__.co_firstlineno + 2)
            self.assertIsNone(e.__traceback__.tb_next.tb_next)

    def test_throw_keeps_the_outer_frame(self):
        names = []

        def inner():
            try:
                yield
            except KeyError:
                frame = sys._getframe()
                while frame.f_code.co_name in ('inner', 'outer'):
                    names.append(frame.f_code.co_name)
                    frame = frame.f_back
                yield

        def outer():
            yield from inner()
        generator = outer()
        next(generator)
        generator.throw(KeyError)
        self.assertEqual(names, ['inner', 'outer'])


class Lines(unittest.TestCase):
    def test_implicit_return_belongs_to_the_line_before(self):
        def f(x):
            if x:
                y = 1
        self.assertEqual(lines_of(f, 1), [('line', 1), ('line', 2), ('return', 2)])
        self.assertEqual(lines_of(f, 0), [('line', 1), ('return', 1)])

    def test_return_through_finally(self):
        def f():
            try:
                return 2
            finally:
                x = 4
        self.assertEqual(lines_of(f), [('line', 1), ('line', 2), ('line', 4), ('return', 4)])

    def test_loop_on_one_line(self):
        def f():
            for i in (1, 2): pass
        self.assertEqual(lines_of(f), [('line', 1)] * 3 + [('return', 1)])

    def test_generator_is_called_when_it_goes_on(self):
        events = []

        def g():
            yield 1

        def trace(frame, event, arg):
            if frame.f_code is g.__code__:
                events.append(event)
            return trace
        former = sys.gettrace()
        sys.settrace(trace)
        try:
            list(g())
        finally:
            sys.settrace(former)
        self.assertEqual(events, ['call', 'line', 'return', 'call', 'return'])


class Code(unittest.TestCase):
    def test_made_by_hand(self):
        def f(a, *, b=2):
            try:
                return a // b
            except ZeroDivisionError:
                return -1
        c = f.__code__
        made = types.CodeType(c.co_argcount, c.co_posonlyargcount, c.co_kwonlyargcount, c.co_nlocals, c.co_stacksize, c.co_flags,
                              c.co_code, c.co_consts, c.co_names, c.co_varnames, c.co_filename, c.co_name, c.co_qualname,
                              c.co_firstlineno, c.co_linetable, c.co_exceptiontable, c.co_freevars, c.co_cellvars)
        self.assertEqual(made, c)
        g = types.FunctionType(made, {}, 'g')
        g.__kwdefaults__ = {'b': 2}
        self.assertEqual((g(7), g(7, b=0)), (3, -1))

    def test_more_variables(self):
        def f(a):
            b = a + 1
            return b
        c = f.__code__.replace(co_varnames=('a', 'b', 'c'), co_nlocals=3)
        self.assertEqual(types.FunctionType(c, {})(4), 5)
        with self.assertRaises(ValueError):
            f.__code__.replace(co_nlocals=1)

    @unittest.skipUnless(hasattr(sys.implementation, 'atoll'), 'other interpreters trust what they are given')
    def test_nonsense_does_not_run(self):
        def f():
            return 1
        for bad in (b'', b'\xff' * 8, f.__code__.co_code[:-8], b'\0' * 64):
            c = f.__code__.replace(co_code=bad)
            with self.assertRaises(SystemError):
                types.FunctionType(c, {})()

    def test_unknown_lines(self):
        def f():
            1 / 0
        f.__code__ = f.__code__.replace(co_linetable=b'')
        try:
            f()
        except ZeroDivisionError as e:
            self.assertIsNone(e.__traceback__.tb_next.tb_lineno)

    def test_very_many_constants(self):
        n = 70000
        self.assertEqual(eval('{' + ','.join(f'{i}:{i}' for i in range(n)) + '}')[n - 1], n - 1)

    def test_long_chain_of_comparisons(self):
        code = compile('a' + ' < a' * 20000, 'x', 'eval')
        self.assertLess(code.co_stacksize, 10)
        self.assertFalse(eval(code, {'a': 1}))


class Binding(unittest.TestCase):
    def test_names_that_run_code(self):
        class Name(str):
            def __eq__(self, other):
                [i for i in range(20)]
                given.pop(self, None)
                return str.__eq__(self, other)
            __hash__ = str.__hash__
        given = {Name('a'): [1], Name('b'): [2]}

        def f(a, b):
            return a, b
        self.assertEqual(f(**given), ([1], [2]))


class Caches(unittest.TestCase):
    def test_descriptor_that_appears_later(self):
        class D:
            pass

        class C:
            x = D()

            def __init__(self):
                self.x = 1

        def read(o):
            return o.x
        o = C()
        self.assertEqual({read(o) for _ in range(100)}, {1})
        D.__get__ = lambda self, instance, owner: 2
        D.__set__ = lambda self, instance, value: None
        self.assertEqual(read(o), 2)

    def test_metaclass_that_changes(self):
        class M(type):
            pass

        class C(metaclass=M):
            x = 1

        def read():
            return C.x
        self.assertEqual({read() for _ in range(100)}, {1})
        M.x = property(lambda cls: 2)
        self.assertEqual(read(), 2)


if __name__ == '__main__':
    unittest.main()
