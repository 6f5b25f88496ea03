"""What an interpreter finds when it comes up: made on demand, and no different for it. Doc/internals/creation.md."""
import os
import sys
import unittest

import interpreters


class Base(unittest.TestCase):
    def run_fresh(self, *sources, fails=None):
        """Runs sources one after the other in a fresh interpreter; what the last one puts into `answer`."""
        interp = interpreters.create()
        try:
            receive, send = interpreters.create_channel()
            interp.prepare_main(check_path=[p for p in sys.path if isinstance(p, str)])
            for source in sources:
                interp.exec(source)
            interp.exec('out.send(globals().get("answer"))', out=send)
            return receive.recv()
        finally:
            interp.close()


class SysTest(Base):
    def test_names(self):
        names = self.run_fresh('import sys\nanswer = sorted(vars(sys))')
        here = {n for n in vars(sys) if n not in ('ps1', 'ps2') and not n.startswith('last_') and n != 'gettotalrefcount'}
        self.assertEqual(set(names) ^ here & set(names), set(names) - here)
        self.assertLessEqual({'flags', 'modules', 'path', 'meta_path', 'stdin', '__stdout__', 'getsizeof', '__spec__'}, set(names))
        self.assertEqual(len(names), len(set(names)))

    def test_values(self):
        source = '''
import sys
answer = (tuple(sys.version_info), sys.version, sys.implementation.name, sys.implementation.cache_tag, tuple(sys.flags),
          sys.float_info.max, sys.maxsize, sys.byteorder, sorted(sys.builtin_module_names), len(sys.stdlib_module_names),
          sys.prefix, sys.executable, sys.getrecursionlimit(), type(sys.flags).__name__)'''
        there = self.run_fresh(source)
        here = {}
        exec(source, here)
        self.assertEqual(there, here['answer'])

    def test_every_way_of_looking(self):
        ways = ['sys.getsizeof', 'getattr(sys, "getsizeof")', 'sys.__dict__["getsizeof"]', 'vars(sys).get("getsizeof")', 'dict(vars(sys))["getsizeof"]',
                'vars(sys).copy()["getsizeof"]', '[v for k, v in vars(sys).items() if k == "getsizeof"][0]', '{**vars(sys)}["getsizeof"]',
                '(vars(sys) | {})["getsizeof"]', 'vars(sys).setdefault("getsizeof", 1)', 'list(vars(sys).values())[list(vars(sys)).index("getsizeof")]',
                '__import__("gc").get_referents(vars(sys))[0] and sys.getsizeof', 'vars(sys).pop("getsizeof")', 'sys.modules["sys"].getsizeof']
        for way in ways:
            with self.subTest(way):
                self.assertEqual(self.run_fresh('import sys\nf = %s\nanswer = (f.__name__, f.__self__ is sys, type(f).__name__)' % way),
                                 ('getsizeof', True, 'builtin_function_or_method'))

    def test_no_placeholder_is_seen(self):
        self.assertEqual(self.run_fresh('''
import sys, builtins, gc
answer = []
for d in (vars(builtins), vars(sys), sys.modules, globals()):
    answer += [k for k, v in d.items() if type(v) is object]
    answer += [repr(o) for o in gc.get_referents(d) if type(o) is object]
'''), [])

    def test_same_object_each_time(self):
        self.assertEqual(self.run_fresh('''
import sys
answer = (sys.intern is sys.intern, sys.flags is sys.flags, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, sys.stdin is sys.__stdin__,
          sys.excepthook is sys.__excepthook__, sys.__displayhook__ is sys.displayhook, sys.path is sys.path, sys.modules is sys.modules)'''),
                         (True,) * 9)

    def test_replaced_before_it_was_made(self):
        self.assertEqual(self.run_fresh('''
import sys
class Out(list):
    def write(self, text): self.append(text)
    def flush(self): pass
sys.stdout = out_ = Out()
print('a')
answer = [list(out_), sys.__stdout__ is out_, sys.__stdout__.name, sys.__stdout__.fileno()]
sys.flags = 3
del sys.maxsize
answer += [sys.flags, hasattr(sys, 'maxsize'), 'maxsize' in vars(sys)]
'''), [['a', '\n'], False, '<stdout>', 1, 3, False, False])

    def test_membership_and_size(self):
        self.assertEqual(self.run_fresh('''
import sys
d = vars(sys)
n = len(d)
answer = ['flags' in d, 'meta_path' in d, 'nothing' in d, hasattr(sys, 'nothing'), len(list(d)) == n, len(d) == n, sorted(d) == sorted(dir(sys))]
'''), [True, True, False, False, True, True, True])

    def test_functions_outlive_the_module(self):
        self.assertEqual(self.run_fresh('''
import sys, gc
def take():
    import _io
    return vars(_io)
namespace = take()
for name in ('_io', 'io'):
    sys.modules.pop(name, None)
gc.collect()
answer = (namespace['UnsupportedOperation'].__name__, namespace['open'].__name__, namespace['__spec__'].name)
'''), ('UnsupportedOperation', 'open', '_io'))


class StreamTest(Base):
    def environment(self, **more):
        env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p), **more)
        env.pop('PYTHONUNBUFFERED', None)
        return env

    def test_output_arrives(self):
        code = ('import interpreters, sys\n'
                'i = interpreters.create()\n'
                'i.exec("print(\'one\')")\n'
                'i.exec("import sys; sys.stderr.write(\'two\\\\n\'); sys.stdout.write(\'\\\\xe4\\\\u20ac\\\\udc80|\')")\n'
                'i.exec("class D:\\n    def __del__(self): print(\'last words\')\\nkept = D()")\n'
                'i.close()\n'
                'j = interpreters.create()\n'
                'j.exec("class D:\\n    def __del__(self): print(\'first words\')\\nkept = D()")\n'
                'j.close()\n')
        import subprocess
        done = subprocess.run([sys.executable, '-c', code], capture_output=True, env=self.environment(PYTHONIOENCODING='utf-8:surrogateescape'))
        self.assertEqual(done.stdout, 'one\nä€'.encode() + b'\x80|last words\nfirst words\n')
        self.assertEqual(done.stderr, b'two\n')

    def test_closed_descriptor(self):
        import subprocess
        code = ('import interpreters, sys\n'
                'i = interpreters.create()\n'
                'i.exec("import sys; sys.stderr.write(repr((sys.stdin, sys.stdout is None)))")\n'
                'i.close()\n')
        done = subprocess.run(['/bin/sh', '-c', 'exec "$@" <&-', 'sh', sys.executable, '-c', code], capture_output=True, text=True,
                              env=self.environment())
        self.assertEqual((done.stdout, done.stderr), ('', '(None, False)'))

    def test_types_are_those_of_io(self):
        self.assertEqual(self.run_fresh('''
import sys
stdout = sys.stdout
raw = getattr(stdout.buffer, 'raw', stdout.buffer)
kinds = type(stdout), type(raw), open
import io
answer = (kinds == (io.TextIOWrapper, io.FileIO, io.open), isinstance(stdout, io.TextIOBase), stdout.encoding, stdout.name,
          stdout.mode, stdout.buffer.name, sys.stdin.name, sys.stdin.buffer.mode)'''),
                         (True, True, 'utf-8', '<stdout>', 'w', '<stdout>', '<stdin>', 'rb'))

    def test_types_are_immutable(self):
        import io
        for kind in (io.TextIOWrapper, io.FileIO, io.BytesIO, io.StringIO, io.BufferedReader):
            with self.assertRaisesRegex(TypeError, 'immutable type'):
                kind.more = 1

    def test_subclasses_of_streams(self):
        import gc
        import io
        import weakref

        class Text(io.StringIO):
            pass

        class Plain(io.RawIOBase):
            closes = 0

            def close(self):
                Plain.closes += 1
                super().close()
        text, plain = Text('a\nb'), Plain()
        text.mark = plain.mark = text
        self.assertEqual((list(text), plain.mark), (['a\n', 'b'], text))
        gone = weakref.ref(Text), weakref.ref(text), weakref.ref(plain)
        before = sys.getrefcount(Text)
        more = [Text() for _ in range(10)]
        self.assertEqual(sys.getrefcount(Text), before + 10)
        del more
        self.assertEqual(sys.getrefcount(Text), before)
        del text, plain, Text
        gc.collect()
        self.assertEqual([r() for r in gone], [None] * 3)
        self.assertGreaterEqual(Plain.closes, 1)


class ImportTest(Base):
    def test_modules(self):
        there = self.run_fresh('import sys\nanswer = [len(sys.modules), "io" in sys.modules, "nothing" in sys.modules, sorted(sys.modules)]')
        self.assertEqual(there[:3], [len(there[3]), True, False])
        self.assertLessEqual({'sys', 'builtins', '__main__', '_frozen_importlib', 'io', 'encodings', 'codecs', 'zipimport', 'posix'}, set(there[3]))

    def test_iteration_is_undisturbed(self):
        self.assertEqual(self.run_fresh('''
import sys
answer = []
for name in sys.modules:
    answer.append(sys.modules[name].__name__ == name or name == 'os.path')
answer = all(answer)
'''), True)

    def test_specs(self):
        self.assertEqual(self.run_fresh('''
import sys, builtins
answer = [sys.__spec__.name, builtins.__spec__.origin, sys.__loader__.__name__, __loader__.__name__, __spec__, sys.modules['io'].__spec__.origin,
          repr(sys), sys.modules['_io'].__spec__.name, sys.modules['encodings'].__file__.endswith('/encodings/__init__.py'),
          sys.modules['encodings'].__path__ == [sys.modules['encodings'].__file__.rpartition('/')[0]]]'''),
                         ['sys', 'built-in', 'BuiltinImporter', 'BuiltinImporter', None, 'frozen', "<module 'sys' (built-in)>", '_io', True, True])

    def test_repr_of_a_module_first(self):
        self.assertEqual(self.run_fresh('answer = repr(__import__("sys"))'), "<module 'sys' (built-in)>")

    def test_own_finders(self):
        self.assertEqual(self.run_fresh('''
import sys
asked = []
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        asked.append(name)
sys.meta_path = [Finder]
try:
    import colorsys
except ImportError as e:
    answer = [asked, e.name, [f.__name__ for f in sys.meta_path], 'io' in sys.modules]
'''), [['colorsys'], 'colorsys', ['Finder'], True])

    def test_finder_in_front(self):
        self.assertEqual(self.run_fresh('''
import sys
asked = []
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        asked.append(name)
sys.meta_path.insert(0, Finder)
import colorsys, io
answer = [asked, len(sys.meta_path), sys.meta_path[0] is Finder, colorsys.__file__.endswith('colorsys.py')]
'''), [['colorsys'], 4, True, True])

    def test_own_import_function(self):
        self.assertEqual(self.run_fresh('''
import builtins
asked = []
original = __import__
def importer(name, *args, **kwargs):
    asked.append(name)
    return original(name, *args, **kwargs)
builtins.__import__ = importer
import colorsys
import sys
answer = asked
'''), ['colorsys', 'sys'])

    def test_program_modules_stay(self):
        self.assertEqual(self.run_fresh('''
import sys
sys.modules['io'] = marker = 5
sys.modules['posix'] = None
import colorsys, io
answer = [io, sys.modules['posix'], sys.modules['abc'].__name__, colorsys.__name__]
'''), [5, None, 'abc', 'colorsys'])

    def test_other_modules_table(self):
        self.assertEqual(self.run_fresh('''
import sys
before = sys.modules
sys.modules = {}
import colorsys
answer = [list(sys.modules), 'colorsys' in before]
sys.modules = before
'''), [['colorsys'], False])

    def test_untraced(self):
        self.assertEqual(self.run_fresh('''
import sys
files = set()
def trace(frame, event, arg):
    files.add(frame.f_code.co_filename)
    return None
sys.settrace(trace)
sys.modules['io']
sys.settrace(None)
answer = sorted(files)
'''), [])

    def test_exception_under_way(self):
        self.assertEqual(self.run_fresh('''
import sys
try:
    raise ValueError(1)
except ValueError as e:
    import io
    answer = [sys.exc_info()[1] is e, e.__context__]
'''), [True, None])

    def test_deep_recursion(self):
        self.assertEqual(self.run_fresh('''
import sys
def down(n):
    try:
        return down(n + 1)
    except RecursionError:
        return sys.modules['io'].__name__
answer = down(0)
'''), 'io')

    def test_codecs(self):
        self.assertEqual(self.run_fresh('answer = ["\\xe4".encode("latin-1"), b"\\xff\\xfea\\0".decode("utf-16"), "x".encode("rot13" if 0 else "cp500")]'),
                         [b'\xe4', 'a', b'\xa7'])

    def test_subclasses(self):
        self.assertEqual(self.run_fresh('''
answer = [sum(c.__name__ == 'UnsupportedOperation' for c in OSError.__subclasses__()), ExceptionGroup in Exception.__subclasses__(),
          type(ExceptionGroup('a', [ValueError()])) is ExceptionGroup, 'ABC' in [c.__name__ for c in object.__subclasses__()]]'''), [1, True, True, True])

    def test_library_folder_hidden(self):
        # A package of the program in front on sys.path is not what comes up.
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            for name in ('encodings', 'codecs', 'io', 'abc'):
                with open(os.path.join(folder, name + '.py'), 'w') as f:
                    f.write('raise RuntimeError(__name__)')
            interp = interpreters.create()
            try:
                interp.prepare_main(folder=folder)
                interp.exec('import sys\nsys.path.insert(0, folder)\nimport io, encodings, colorsys\nassert "a".encode("cp500") == b"\\x81"')
            finally:
                interp.close()


class BuiltinsTest(Base):
    def test_all_there(self):
        import builtins
        names = self.run_fresh('answer = sorted(dir(__builtins__))')
        self.assertLessEqual(set(names), set(dir(builtins)) | {'_'})
        self.assertEqual(set(dir(builtins)) - set(names) - {'_', 'copyright', 'credits', 'exit', 'quit', 'license', 'help'} -
                         {n for n in dir(builtins) if n.startswith('left_')}, set())

    def test_functions(self):
        self.assertEqual(self.run_fresh('''
import builtins
functions = [v for v in vars(builtins).values() if type(v) is type(len)]
answer = [all(f.__self__ is builtins and f.__module__ == 'builtins' for f in functions if f is not open and f is not __build_class__),
          len is builtins.len, builtins.__dict__['len'] is len, __builtins__ is builtins]'''), [True] * 4)

    def test_put_over(self):
        self.assertEqual(self.run_fresh('''
import builtins
builtins.len = lambda o: 42
builtins.more = 7
answer = [len([]), more]
def f(): return len(()), more
answer += f()
del builtins.len
try:
    len
except NameError as e:
    answer.append(str(e))
'''), [42, 7, 42, 7, "name 'len' is not defined"])

    def test_destructors_at_the_end(self):
        self.assertIsNone(self.run_fresh('''
import builtins
builtins.len = None
class D:
    def __del__(self):
        assert len(str(ValueError(1))) == 1
builtins.kept = D()
'''))

    def test_loops_use_what_was_made(self):
        # Inline caches hold what has been read, and see what replaces it.
        self.assertEqual(self.run_fresh('''
import sys, builtins
def f():
    return chr(65), sys.maxunicode
seen = {f() for _ in range(200)}
sys.maxunicode = 5
builtins.chr = lambda n: n
seen |= {f() for _ in range(200)}
answer = sorted(seen, key=repr)
'''), [('A', 0x10ffff), (65, 5)])


if __name__ == '__main__':
    unittest.main()
