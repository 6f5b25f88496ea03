"""Tries to change everything that interpreters share, in every way a program has.

    ./python -X isolation=check -m atoll_test.sealed_walk

Walks over what can be reached from the static types, the singletons and the code of the library's modules. Each shared
object is subclassed, referred to weakly, asked for every attribute and handed to every mutator; under -X isolation=check a
write to one of them ends the process. Prints what succeeded though it should not have, and a count.
"""
import _isolation
import abc
import copy
import functools
import gc
import inspect
import operator
import os
import pickle
import sys
import types
import warnings
import weakref


def roots():
    yield from _isolation.static_types()
    yield from (None, True, False, NotImplemented, Ellipsis, (), '', b'', frozenset())
    yield from range(-5, 257)
    yield from map(chr, range(256))
    yield from (bytes([i]) for i in range(256))
    for module in list(sys.modules.values()):
        for value in list(vars(module).values()):
            if isinstance(value, types.FunctionType):
                yield value.__code__
            elif isinstance(value, type):
                for method in list(vars(value).values()):
                    method = getattr(method, '__func__', method)
                    if isinstance(method, types.FunctionType):
                        yield method.__code__


def neighbours(o):
    yield from gc.get_referents(o)
    if isinstance(o, type):
        yield from gc.get_referents(o.__dict__)     # the dict itself
        yield o.__mro__
        yield o.__bases__
        yield from o.__dict__.values()
    elif isinstance(o, types.CodeType):
        yield from (o.co_consts, o.co_names, o.co_varnames, o.co_freevars, o.co_cellvars, o.co_filename, o.co_name,
                    o.co_qualname, o.co_linetable, o.co_exceptiontable, o.co_code)
    elif type(o) in (tuple, frozenset, list):
        yield from o
    elif type(o) is dict:
        yield from o.keys()
        yield from o.values()
    for name in ('__objclass__', '__func__', '__self__', '__name__', '__qualname__', '__doc__'):
        try:
            yield getattr(o, name)
        except Exception:
            pass


def shared_objects():
    seen, found, work = set(), [], list(roots())
    while work:
        o = work.pop()
        if id(o) in seen:
            continue
        seen.add(id(o))
        shared = _isolation.is_immortal(o)
        if shared:
            found.append(o)
        elif not isinstance(o, (types.CodeType, tuple, frozenset)):
            continue
        work.extend(neighbours(o))
    return found


class Sub:
    def __init__(self):
        self.x = 1


NAMES = ['x', '__doc__', '__name__', '__qualname__', '__module__', '__abstractmethods__', '__class__', '__dict__', '__bases__',
         '__base__', '__mro__', '__annotations__', '__text_signature__', '__init__', '__new__', '__init_subclass__', '__call__',
         '__get__', '__set__', '__eq__', '__hash__', '__getattribute__', '__setattr__', '__isabstractmethod__', '__wrapped__',
         '__func__', '__self__', '__objclass__', '__defaults__', '__kwdefaults__', '__weakref__', '__slots__', '__flags__',
         '__basicsize__', '__match_args__', 'n_fields', 'co_consts', 'co_name', 'start', 'real', '__reduce__', '__set_name__']

ARGUMENTS = [(), (1,), ('x',), ({'x': 1},), (0, 1), ('x', 1), ('x', (), {}), ([1],), (None,), (object(),), (b'x',), (Sub,)]

# Methods that end the program, wait, or call back for ever.
LEAVE = {'breakpoint', 'input', 'exit', 'quit', 'help', '__subclasshook__'}


class Walk:
    def __init__(self):
        self.problems = []
        self.tried = 0

    def attempt(self, function, *args):
        self.tried += 1
        try:
            return function(*args)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            return None

    def must_fail(self, what, o, function, *args):
        self.tried += 1
        try:
            function(*args)
        except (TypeError, AttributeError, ValueError):     # ValueError: int.__dict__['real'].__set__ and the like
            return
        except Exception as e:
            self.problems.append('%s of %s: %s: %s' % (what, describe(o), type(e).__name__, e))
            return
        self.problems.append('%s of %s succeeded' % (what, describe(o)))

    def attributes(self, o):
        for name in set(NAMES).union(self.attempt(dir, o) or (), self.attempt(dir, type(o)) or ()):
            self.attempt(getattr, o, name)
            self.attempt(inspect.getattr_static, o, name)
            for value in (None, 'q', Sub, {}, ())[:5 if name in NAMES else 1]:
                self.must_fail('setting %s' % name, o, setattr, o, name, value)
            self.must_fail('deleting %s' % name, o, delattr, o, name)
            self.must_fail('object.__setattr__ %s' % name, o, object.__setattr__, o, name, 'q')
            if isinstance(o, type):
                self.must_fail('type.__setattr__ %s' % name, o, type.__setattr__, o, name, 'q')
                self.must_fail('type.__delattr__ %s' % name, o, type.__delattr__, o, name)

    def weak(self, o):
        for make in (weakref.ref, weakref.proxy):
            self.attempt(make, o)
            self.attempt(make, o, print)
        r = self.attempt(weakref.ref, o, lambda r: None)
        if r is not None:
            self.attempt(hash, r)
            if r() is not o or r not in weakref.getweakrefs(o) or not weakref.getweakrefcount(o):
                self.problems.append('weak reference to %s' % describe(o))
        self.attempt(weakref.WeakSet, [o])
        self.attempt(lambda: weakref.WeakKeyDictionary({o: 1}))
        self.attempt(lambda: weakref.finalize(o, int).detach())

    def everyday(self, o):
        for f in (repr, str, hash, bool, len, iter, list, dir, vars, id, callable, sys.getrefcount, sys.getsizeof, gc.is_tracked,
                  gc.is_finalized, gc.get_referents, copy.copy, copy.deepcopy, pickle.dumps, inspect.signature, inspect.getdoc,
                  inspect.unwrap, operator.index, format, abs, reversed, memoryview, bytes, ascii, sorted, classmethod,
                  staticmethod, property, functools.partial, types.GenericAlias, iter, next, sys.intern):
            if f is pickle.dumps or f is copy.deepcopy:
                if type(o) is dict and len(o) > 200:
                    continue
            self.attempt(f, o)
        self.attempt(setattr, sys, 'nothing', o)
        for f in (operator.eq, operator.lt, operator.is_, operator.contains):
            self.attempt(f, o, o)

    def mutators(self, o):
        for f in (operator.setitem, operator.delitem):
            for args in ((0, 1), ('x', 1), (slice(0, 1), [1])):
                self.must_fail(f.__name__, o, f, o, *args[:2 if f is operator.setitem else 1])
        for f in (operator.iadd, operator.ior, operator.iand, operator.imul, operator.isub, operator.ixor):
            for value in (1, (1,), 'x', {'x': 1}, {1}):
                r = self.attempt(f, o, value)
                if r is o and type(o) is dict:
                    self.problems.append('%s of %s' % (f.__name__, describe(o)))
        if callable(o) and not isinstance(o, type):
            return      # what it would do is not done to it
        for name in self.attempt(dir, type(o)) or ():
            if name in LEAVE or name in ('__init_subclass__', '__class__', 'mro', '__subclasses__', '__prepare__'):
                continue
            for args in ARGUMENTS:
                method = self.attempt(getattr, type(o), name)
                if callable(method) and not isinstance(method, type):
                    self.attempt(method, o, *args)

    def classes(self, o):
        self.attempt(type, 'Sub', (o,), {})
        self.attempt(o.__subclasses__)
        self.attempt(o.mro)
        self.attempt(type.mro, o)
        for args in ARGUMENTS:
            self.attempt(type.__init__, o, *args)
        self.attempt(abc.ABC.register, o)
        for base in (abc.ABCMeta('Fresh', (), {}), __import__('collections.abc').abc.Sized):
            self.attempt(base.register, o)
            self.attempt(isinstance, 1, base)
            self.attempt(issubclass, o, base)
        single = functools.singledispatch(lambda x: x)
        self.attempt(single.register, o, lambda x: x)
        self.attempt(single.dispatch, o)
        self.attempt(lambda: o | int)
        self.attempt(lambda: o[int])
        self.attempt(lambda: o.__new__(o))
        self.attempt(abc.update_abstractmethods, o)
        self.attempt(object.__init_subclass__)
        self.attempt(o.__init_subclass__)

    def descriptors(self, o):
        for instance in (None, 1, 'x', [], {}, Sub(), int, Sub, (lambda: 1), o):
            for owner in (None, int, Sub, type(instance)):
                self.attempt(lambda: type(o).__get__(o, instance, owner))
            for value in (None, 1, 'x', {}, (), Sub):
                if _isolation.is_immortal(instance):
                    # As a setter of a shared object it must refuse; quietly doing nothing would be a write elsewhere.
                    self.must_fail('__set__ on %s' % describe(instance), o, lambda: type(o).__set__(o, instance, value))
                else:
                    self.attempt(lambda: type(o).__set__(o, instance, value))
            if _isolation.is_immortal(instance):
                self.must_fail('__delete__ on %s' % describe(instance), o, lambda: type(o).__delete__(o, instance))
        self.attempt(lambda: type(o).__set_name__(o, Sub, 'x'))

    def one(self, o):
        self.weak(o)
        self.everyday(o)
        self.attributes(o)
        self.mutators(o)
        if isinstance(o, type):
            self.classes(o)
        if self.attempt(getattr, type(o), '__get__') is not None:
            self.descriptors(o)


def describe(o):
    try:
        return '%.60r (%s)' % (o, type(o).__name__)
    except Exception:
        return 'a %s' % type(o).__name__


def one_of_each(objects, most=12):
    """For the long treatment: all types, and some of each other kind."""
    counts, chosen = {}, []
    for o in objects:
        kind = type(o)
        counts[kind] = counts.get(kind, 0) + 1
        if isinstance(o, type) or counts[kind] <= most:
            chosen.append(o)
    return chosen


def main():
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), 'w')     # io.FileIO(1) is among the attempts, and closes it
    gc.collect()
    objects = shared_objects()
    walk = Walk()
    for o in objects:
        walk.weak(o)
        for f in (repr, hash, iter, len, copy.copy, sys.getsizeof, gc.get_referents, gc.is_tracked):
            walk.attempt(f, o)
        for name in ('__doc__', '__name__', '__qualname__', '__module__', '__text_signature__', '__dict__', '__annotations__'):
            walk.attempt(getattr, o, name)
            walk.must_fail('setting %s' % name, o, setattr, o, name, 'q')
    for o in one_of_each(objects):
        walk.one(o)
    gc.collect()
    unchanged = _isolation.sealed_unchanged()
    for p in sorted(set(walk.problems))[:200]:
        print(p, file=out)
    print('%d shared objects, %d attempts, %d problems, unchanged: %s' % (len(objects), walk.tried, len(walk.problems), unchanged), file=out, flush=True)


if __name__ == '__main__':
    main()
