"""What interpreters share is never written: static types, singletons, constants of the library's code."""
import gc
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import time
import types
import unittest
import weakref

import _isolation
import interpreters

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run_python(*args, timeout=300):
    env = dict(os.environ, PYTHONPATH=os.path.join(ROOT, 'Lib'))
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=timeout, env=env, errors='replace')
    return done.returncode, done.stdout, done.stderr


class InOther(unittest.TestCase):
    def other(self, code, **names):
        """What `code` leaves in `answer`, run in a fresh interpreter."""
        receive, send = interpreters.create_channel()
        interp = interpreters.create()
        try:
            interp.exec(textwrap.dedent(code) + '\n_send.send(answer)', _send=send, **names)
            return receive.recv(timeout=60)
        finally:
            interp.close()


class Refused(unittest.TestCase):
    """Back doors."""

    def refused(self, function, *args):
        with self.assertRaises(TypeError):
            function(*args)

    def test_dict_of_a_type(self):
        d = next(x for x in gc.get_referents(int.__dict__) if type(x) is dict)
        before = dict(d)
        self.refused(d.__setitem__, 'x', 1)
        self.refused(d.__setitem__, 'real', 1)
        self.refused(d.__delitem__, 'real')
        self.refused(d.update, {'x': 1})
        self.refused(lambda: d.update(x=1))
        self.refused(d.setdefault, 'x', 1)
        self.refused(d.pop, 'real')
        self.refused(d.popitem)
        self.refused(d.clear)
        self.refused(d.__init__, {'x': 1})
        self.refused(d.__ior__, {'x': 1})
        with self.assertRaises(TypeError):
            exec('x = 1', d)
        with self.assertRaises(TypeError):
            exec('x = 1', {}, d)
        self.assertEqual(d.setdefault('real', 1), before['real'])
        self.assertEqual(dict(d), before)
        copy = d.copy()
        copy['x'] = 1
        self.assertNotIn('x', d)

    def test_types(self):
        for t in (int, object, type, time.struct_time, type(sys.flags), types.FunctionType, ValueError):
            for name in ('x', '__doc__', '__name__', '__qualname__', '__module__', '__bases__', '__abstractmethods__',
                         '__init_subclass__', '__class__', '__dict__', '__annotations__'):
                with self.subTest(t=t, name=name):
                    with self.assertRaises((TypeError, AttributeError)):
                        setattr(t, name, 'q')
                    with self.assertRaises((TypeError, AttributeError)):
                        type.__setattr__(t, name, 'q')
                    with self.assertRaises((TypeError, AttributeError)):
                        delattr(t, name)

    def test_attributes_of_their_contents(self):
        for o in (str.__dict__['maketrans'], int.__new__, dict.__dict__['fromkeys'], object.__dict__['__init_subclass__'], int.__dict__['real'],
                  int.__dict__['bit_length'], int.__dict__['__add__'], str.maketrans):
            for name in ('foo', '__doc__', '__name__', '__qualname__', '__module__', '__self__', '__dict__', '__class__',
                         '__isabstractmethod__', '__wrapped__', '__func__'):
                with self.subTest(o=o, name=name), self.assertRaises((TypeError, AttributeError)):
                    setattr(o, name, 'q')

    def test_init_again(self):
        with self.assertRaises(TypeError):
            str.__dict__['maketrans'].__init__(lambda: 1)
        for o in (int.__dict__['real'], int, type):
            try:
                o.__init__(lambda: 1)
            except TypeError:
                pass
        self.assertEqual(str.maketrans('a', 'b'), {97: 98})

    def test_code_of_the_library(self):
        code = textwrap.wrap.__code__
        for name in ('co_consts', 'co_name', 'co_code', 'co_names', 'co_filename'):
            with self.assertRaises((AttributeError, TypeError)):
                setattr(code, name, ())

    def test_class_of_shared_objects(self):
        class Sub(int):
            pass
        for o in (1, 'a', (), None, True, int.__dict__['real'], int.__new__):
            with self.assertRaises(TypeError):
                o.__class__ = Sub


class PerInterpreter(InOther):
    def test_subclasses(self):
        class A(int):
            pass

        class B(int):
            pass

        class C(int):
            pass
        mine = [c for c in int.__subclasses__() if c.__module__ == __name__]
        self.assertEqual(mine[-3:], [A, B, C])
        del mine
        there = self.other('''
            class X(int): pass
            class Y(int): pass
            answer = [c.__name__ for c in int.__subclasses__()]
        ''')
        self.assertEqual([n for n in there if n in 'ABCXY'], ['X', 'Y'])
        del B
        gc.collect()
        self.assertEqual([c for c in int.__subclasses__() if c.__module__ == __name__][-2:], [A, C])

    def test_weak_references(self):
        victims = (int, str.maketrans, time.struct_time, frozenset({1, 2}), len)
        refs = [weakref.ref(v) for v in victims]
        there = self.other('''
            import weakref, time
            answer = [weakref.getweakrefcount(v) for v in (str.maketrans, time.struct_time)]
            refs = [weakref.ref(v, print) for v in (str.maketrans, time.struct_time)]
            answer += [weakref.getweakrefcount(v) for v in (str.maketrans, time.struct_time)]
        ''')
        self.assertEqual(there[2] - there[0], 1)
        self.assertEqual(there[3] - there[1], 1)
        for v, r in zip(victims, refs):
            self.assertIs(r(), v)
            self.assertIn(r, weakref.getweakrefs(v))

    def test_references_end_with_the_interpreter(self):
        # A callback makes another reference, for some rounds; the last one is cleared without being told.
        receive, send = interpreters.create_channel()
        interp = interpreters.create()
        interp.exec('''if 1:
            import weakref, sys
            def again(r, ref=weakref.ref, keep=[], send=send.send):
                keep.append(ref(int, keep[0]))
                send(len(keep))
            again.__defaults__[1].append(again)
            # An audit hook lives longer than the modules.
            sys.addaudithook(lambda *args, first=weakref.ref(int, again): None)
        ''', send=send)
        interp.close()
        got = []
        while True:
            try:
                got.append(receive.recv_nowait())
            except interpreters.ChannelError:
                break
        self.assertEqual(got, list(range(2, 18)))

    def test_slot_wrappers(self):
        self.assertEqual(self.other('''
            answer = [int.__str__(5), int.__repr__(True), object.__repr__(1)[:4], list.__len__([1]), str.__hash__('a') == hash('a'),
                      int.__str__.__objclass__.__name__, int.__str__.__qualname__, int.__init__.__objclass__.__name__,
                      type(int.__str__).__name__, '__str__' in int.__dict__]
        '''), [int.__str__(5), int.__repr__(True), object.__repr__(1)[:4], 1, True, int.__str__.__objclass__.__name__,
               int.__str__.__qualname__, int.__init__.__objclass__.__name__, type(int.__str__).__name__, '__str__' in int.__dict__])

    def test_shared_identity(self):
        code = '''
            import sys, time, os, pwd, grp, resource, threading, _thread
            answer = [id(x) for x in (int, type(sys.flags), type(sys.version_info), type(sys.float_info), type(sys.hash_info),
                      type(sys.thread_info), type(sys.int_info), type(sys.get_asyncgen_hooks()), time.struct_time, os.stat_result,
                      os.statvfs_result, os.terminal_size, os.times_result, os.uname_result, os.waitid_result, os.sched_param,
                      resource.struct_rusage, pwd.struct_passwd, grp.struct_group, _thread._ExceptHookArgs, 7, 'x', (), len)][:-1]
        '''
        here = {}
        exec(textwrap.dedent(code), here)
        self.assertEqual(self.other(code), here['answer'])

    def test_interned_strings_go(self):
        def count():
            gc.collect()
            return _isolation.interned_count()
        for _ in range(2):
            self.some_names(0)
        before = count()
        for i in range(20):
            self.some_names(i)
        self.assertLessEqual(count(), before + 10)

    def some_names(self, i):
        names = [sys.intern('name %d of round %d' % (k, i)) for k in range(2000)]
        for k, n in enumerate(names):
            self.assertIs(sys.intern('name %d of round %d' % (k, i)), n)
        namespace = {}
        exec('\n'.join('def f%d_%d(a%d): return a%d.b%d' % (i, k, k, k, k) for k in range(100)), namespace)


class Versions(InOther):
    def test_static_and_heap_differ(self):
        class A:
            pass
        self.assertLess(_isolation.type_version(int), 1 << 24)
        self.assertGreaterEqual(_isolation.type_version(A), 1 << 24)
        self.assertEqual(self.other('import _isolation; answer = _isolation.type_version(int)'), _isolation.type_version(int))

    def test_type_versions_run_out(self):
        self.assertEqual(self.other('''
            import _isolation
            class Base:
                def f(self): return 'base'
            def call(o): return o.f()
            for _ in range(100): call(Base())
            _isolation.advance('type version', 0xfffffff0)
            answer = []
            for i in range(40):
                class A(Base):
                    def f(self): return i
                class B(A): pass
                b = B()
                for _ in range(50):
                    if call(b) != i: answer.append(('wrong', i))
                A.f = lambda self: -i
                for _ in range(50):
                    if call(b) != -i: answer.append(('stale', i))
                del A.f
                for _ in range(50):
                    if call(b) != 'base': answer.append(('stale after del', i))
            answer.append(_isolation.type_version(B))
            answer.append(call(Base()))
        '''), [0, 'base'])

    def test_keys_versions_run_out(self):
        for counter, end in (('keys version', 0xfffffff8), ('builtins version', 0xfff8), ('function version', 0xfffffff8)):
            with self.subTest(counter=counter):
                self.assertEqual(self.other('''
                    import _isolation, builtins
                    _isolation.advance(counter, end)
                    answer = []
                    for i in range(40):
                        space = {}
                        exec("def f(): return thing, len((1,))", space)
                        space['thing'] = i
                        for _ in range(60):
                            if space['f']() != (i, 1): answer.append(('wrong', i))
                        space['len'] = lambda x: 'own'
                        for _ in range(60):
                            if space['f']() != (i, 'own'): answer.append(('stale', i))
                        del space['len']
                        builtins.extra = 1
                        del builtins.extra
                        for _ in range(60):
                            if space['f']() != (i, 1): answer.append(('stale after del', i))
                ''', counter=counter, end=end), [])

    def test_a_builtin_hidden_after_65536_changes(self):
        space = {}
        exec('def f(): return len((1,))', space)
        f = space['f']
        for _ in range(200):
            self.assertEqual(f(), 1)
        # Each round asks for one new number for the keys of `other`; then the globals get theirs.
        other = {}
        exec('def g(): return thing', other)
        g = other['g']
        for i in range(65536 + 300):
            other['thing'] = i
            other['name'] = i
            del other['name']
            g(); g()
            if i == 65000:
                space['len'] = lambda x: 'hidden'
                self.assertEqual(f(), 'hidden')
                del space['len']
        space['len'] = lambda x: 'hidden'
        for _ in range(200):
            self.assertEqual(f(), 'hidden')


class Checked(unittest.TestCase):
    """-X isolation=check, in processes of their own."""

    def test_count(self):
        status, _, err = run_python('-X', 'isolation=check', '-c', 'import _isolation\ndef here():\n  _isolation.plant("count", None)\nhere()')
        self.assertLess(status, 0)
        self.assertIn('a write to an object that all interpreters share', err)
        self.assertIn("the count of the object of type 'NoneType'", err)
        self.assertIn('in here', err)

    def test_fields(self):
        for victim, text in (('int', "the type 'int'"), ('"write"', "the text 'write'"), ('int.__dict__["real"]', 'getset_descriptor'),
                             ('__import__("textwrap").wrap.__code__.co_names', "'tuple'"), ('5', "'int'")):
            with self.subTest(victim=victim):
                status, _, err = run_python('-X', 'isolation=check', '-c', 'import _isolation; _isolation.plant("field", %s)' % victim)
                self.assertLess(status, 0)
                self.assertIn('a write to an object that all interpreters share', err)
                self.assertIn(text, err)

    def test_in_another_interpreter(self):
        code = '''import interpreters
i = interpreters.create()
i.exec("import _isolation; _isolation.plant('count', int)")
'''
        status, _, err = run_python('-X', 'isolation=check', '-c', code)
        self.assertLess(status, 0)
        self.assertIn('Interpreter 1', err)
        self.assertIn("the type 'int'", err)

    def test_with_faulthandler(self):
        status, _, err = run_python('-X', 'isolation=check', '-X', 'faulthandler', '-c', 'import _isolation; _isolation.plant("count", None)')
        self.assertLess(status, 0)
        self.assertIn('a write to an object that all interpreters share', err)
        self.assertIn('Segmentation fault', err)

    def test_no_compiled_extensions(self):
        code = 'import importlib.machinery as m, importlib.util as u\n' \
               's = u.spec_from_file_location("x", "/nowhere/x.so", loader=m.ExtensionFileLoader("x", "/nowhere/x.so"))\n' \
               'try: u.module_from_spec(s)\nexcept ImportError as e: print(e)'
        self.assertIn('isolation=check', run_python('-X', 'isolation=check', '-c', code)[1])

    def test_wrong_value(self):
        status, _, err = run_python('-X', 'isolation=perhaps', '-c', 'pass')
        self.assertEqual(status, 1)
        self.assertIn('expected "check"', err)

    def test_an_ordinary_program(self):
        code = '''
import json, re, collections, dataclasses, threading, interpreters, weakref, enum
@dataclasses.dataclass
class P:
    x: int = 1
json.loads(json.dumps({'a': [1, 2, None, True]}))
re.compile(r'(\\w+)').findall('a b c')
refs = [weakref.ref(int), weakref.ref(str.maketrans), weakref.ref(frozenset())]
i = interpreters.create()
i.exec("import json, re; class_ = type('S', (int,), {})(5); import weakref; r = weakref.ref(int, print)")
i.close()
import _isolation
print(_isolation.sealed_unchanged(), sum(b - a for a, b in _isolation.sealed_ranges()) > 500000)
'''
        self.assertEqual(run_python('-X', 'isolation=check', '-c', code)[:2], (0, 'True True\n'))

    def test_walk(self):
        status, out, err = run_python('-X', 'isolation=check', '-m', 'atoll_test.sealed_walk', timeout=900)
        self.assertEqual((status, err[-3000:]), (0, ''), out[-3000:])
        last = out.splitlines()[-1]
        self.assertRegex(last, r'^\d{5,} shared objects, \d{6,} attempts, 0 problems, unchanged: True$', out[-3000:])


@unittest.skipUnless(_isolation.is_checked(), 'checked builds look')
class Foreign(unittest.TestCase):
    def test_reported(self):
        code = '''if 1:
            import interpreters
            class Mine: pass
            def here():
                i.exec("import _isolation\\ndef there(): _isolation.object_at(address)\\nthere()", address=id(Mine))
            i = interpreters.create()
            here()
        '''
        status, _, err = run_python('-c', code)
        self.assertLess(status, 0)
        self.assertIn('an object of another interpreter is touched', err)
        self.assertIn("belongs to interpreter 0", err)
        self.assertIn('Touched in interpreter 1', err)
        self.assertIn('in there', err)
        self.assertIn('in here', err)


class Immortal(unittest.TestCase):
    def test_dropped_too_often(self):
        # In a process of its own: where this fails nothing goes on.
        code = '''
import _isolation, sys, textwrap
victims = [None, True, 5, 'a', 'write', '', (), b'', b'x', int, int.__dict__['real'], str.maketrans, int.__mro__, 'é',
           textwrap.wrap.__code__.co_names, int.__new__, NotImplemented, ..., type(sys.flags)]
for v in victims:
    n = _isolation.plant("drop", v)
    assert n == 1 << 62, (v, n)
    assert _isolation.is_immortal(v)
print(len(victims), [5 + 1, 'a' + 'b', int('7')])
'''
        status, out, err = run_python('-c', code)
        self.assertEqual((status, out), (0, "19 [6, 'ab', 7]\n"), err[-2000:])

    def test_distance(self):
        ids = sorted(id(x) for x in (None, True, False, ..., NotImplemented, *range(-5, 257)))
        self.assertGreaterEqual(min(b - a for a, b in zip(ids, ids[1:])), 64)


EXTENSION = r'''
#include <Python.h>
#include <structmember.h>
#define N 5000
typedef struct { PyObject_HEAD int x; PyObject *weak; } Thing;
static char names[N][32];
static PyTypeObject types[N];
static PyObject *method(PyObject *self, PyObject *args) { return PyLong_FromLong(((Thing *)self)->x); }
static PyObject *static_one(PyObject *self, PyObject *args) { Py_RETURN_NONE; }
static PyMethodDef methods[] = {{"method", method, METH_NOARGS, "A method.\n\nWith more documentation than a name has, so that it is no identifier."},
  {"stat", static_one, METH_NOARGS | METH_STATIC, NULL}, {NULL}};
static PyMemberDef members[] = {{"x", T_INT, offsetof(Thing, x), 0, "the \u00e4"}, {NULL}};
static PyObject *get(PyObject *self, void *c) { return PyUnicode_FromString("got"); }
static PyGetSetDef getset[] = {{"got", get, NULL, NULL, NULL}, {NULL}};
static void dealloc(PyObject *self) { if (((Thing *)self)->weak) PyObject_ClearWeakRefs(self); Py_TYPE(self)->tp_free(self); }
static PyObject *set_in_dict(PyObject *m, PyObject *args) {
  PyTypeObject *t; const char *name; PyObject *value;
  if (!PyArg_ParseTuple(args, "O!sO", &PyType_Type, &t, &name, &value)) return NULL;
  if (PyDict_SetItemString(t->tp_dict, name, value) < 0) return NULL;
  PyType_Modified(t);
  Py_RETURN_NONE;
}
static PyObject *facts(PyObject *m, PyObject *t) {
  PyTypeObject *type = (PyTypeObject *)t;
  return Py_BuildValue("(iiiiii)", type->tp_dict != NULL, type->tp_bases != NULL, type->tp_mro != NULL, type->tp_base != NULL,
                       type->tp_subclasses != NULL, type->tp_weaklist != NULL);
}
static PyObject *drop(PyObject *m, PyObject *o) {
  Py_SET_REFCNT(o, 1);
  Py_DECREF(o);
  return PyLong_FromSsize_t(Py_REFCNT(o));
}
static PyTypeObject seq_type;
static PyStructSequence_Field fields[] = {{"a", NULL}, {"b", "second"}, {"c", NULL}, {NULL}};
static PyStructSequence_Desc desc = {"many.Seq", "doc", fields, 2};
static PyObject *seq(PyObject *m, PyObject *a) {
  PyObject *s = PyStructSequence_New(&seq_type);
  for (int i = 0; i < 3; ++i) PyStructSequence_SetItem(s, i, PyLong_FromLong(i * 1000));
  return s;
}
static PyMethodDef functions[] = {{"set_in_dict", set_in_dict, METH_VARARGS, NULL}, {"facts", facts, METH_O, NULL},
  {"drop", drop, METH_O, NULL}, {"seq", seq, METH_NOARGS, NULL}, {NULL}};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "many", NULL, -1, functions};
PyMODINIT_FUNC PyInit_many(void) {
  PyObject *m = PyModule_Create(&def), *all = PyList_New(N);
  for (int i = 0; i < N; ++i) {
    PyTypeObject *t = &types[i];
    sprintf(names[i], "many.T%d", i);
    Py_SET_REFCNT(t, 1);
    t->tp_name = names[i]; t->tp_basicsize = sizeof(Thing); t->tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
    t->tp_methods = methods; t->tp_members = members; t->tp_getset = getset; t->tp_dealloc = dealloc;
    t->tp_weaklistoffset = offsetof(Thing, weak); t->tp_new = PyType_GenericNew;
    t->tp_doc = i % 2 ? "T()\n--\n\nA type of many, with a documentation string that is longer than any identifier is." : NULL;
    if (i % 10) t->tp_base = &types[i - 1];
    if (PyType_Ready(t) < 0) return NULL;
    Py_INCREF(t);
    PyList_SET_ITEM(all, i, (PyObject *)t);
  }
  if (PyStructSequence_InitType2(&seq_type, &desc) < 0) return NULL;
  PyModule_AddObject(m, "types", all);
  PyModule_AddObject(m, "Seq", (PyObject *)&seq_type);
  return m;
}
'''

USE = r'''
import gc, sys, time, weakref, _isolation
start = time.perf_counter()
import many
t = many.types
assert len(t) == 5000 and not gc.collect() < 0
for x in t:
    assert many.facts(x) == (1, 1, 1, 1, 0, 0), x
    assert all(map(_isolation.is_immortal, (x, x.__mro__, x.__bases__, *vars(x), *vars(x).values(), *gc.get_referents(x.__dict__)))), x
    assert all(_isolation.owner(o) is None for o in (x.__mro__, *vars(x).values(), *gc.get_referents(x.__dict__))), x
assert t[1].__subclasses__() == [t[2]] and t[9].__subclasses__() == []
refs = [weakref.ref(x) for x in t]
subs = [type('S', (x,), {}) for x in t]
for x, r, s in zip(t, refs, subs):
    assert r() is x and weakref.getweakrefs(x) == [r], x
    assert x.__subclasses__()[-1] is s
    assert many.facts(x)[4:] == (0, 0)
    assert s().method() == 0 and s().got == 'got' and s.stat() is None
    w = weakref.ref(x.stat)
    assert w() is x.stat
    for name in ('foo', '__doc__', '__name__'):
        try: setattr(x, name, 1)
        except TypeError: pass
        else: raise AssertionError(name)
assert t[7].method.__qualname__ == 'T7.method' and t[7].x.__doc__ == 'the \u00e4' and t[7].stat.__name__ == 'stat'
assert len({_isolation.type_version(x) for x in t}) == 5000 and 0 not in {_isolation.type_version(x) for x in t}
assert all(_isolation.type_version(x) < 1 << 24 for x in t)

# A module's init may still add to the dict; subclasses see it.
class Sub(t[3]): pass
def ask(o): return getattr(o, 'late', None), o.method()
for _ in range(50): assert ask(Sub()) == (None, 0)
for i in range(3):
    value = [i]
    many.set_in_dict(t[1], 'late', value)
    many.set_in_dict(t[2], 'method', lambda self: i)
    for _ in range(50): assert ask(Sub()) == (value, i if t[3] is not t[2] and 'method' not in vars(t[3]) else 0)
for i in range(300):
    many.set_in_dict(t[1], 'name%d' % i, {})
gc.collect()
assert len(vars(t[1])) > 300 and vars(t[1])['late'] == [2]
try: many.set_in_dict(int, 'x', 1)
except TypeError as e: assert 'shared' in str(e)
else: raise AssertionError('int.tp_dict changed')
assert not hasattr(int, 'x')

for o in (None, 3, int, t[4], many.Seq, (), 'x', str.maketrans):
    n = many.drop(o)
    assert n >= 1 << 61, (o, n)
s = many.seq()
assert repr(s) == 'many.Seq(a=0, b=1000)' and s.c == 2000 and many.Seq.__match_args__ == ('a', 'b') and many.Seq.n_fields == 3
assert _isolation.is_immortal(many.Seq.__match_args__)
del subs, refs, w
gc.collect()
assert t[5].__subclasses__() == [t[6]] and weakref.getweakrefcount(t[5]) == 0
print('fine')
'''


@unittest.skipUnless(shutil.which('gcc') and os.path.exists(os.path.join(ROOT, 'Include', 'Python.h')), 'needs gcc and the headers')
class Extensions(unittest.TestCase):
    def test_thousands_of_static_types(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'many.c'), 'w') as f:
                f.write(EXTENSION)
            subprocess.run(['gcc', '-shared', '-fPIC', '-O1', '-w', '-I', os.path.join(ROOT, 'Include'), 'many.c', '-o',
                            'many' + sysconfig.get_config_var('EXT_SUFFIX')], cwd=folder, check=True)
            status, out, err = run_python('-c', 'import sys; sys.path.insert(0, %r)\n%s' % (folder, USE))
            self.assertEqual((status, out), (0, 'fine\n'), err[-3000:])


if __name__ == '__main__':
    unittest.main()
