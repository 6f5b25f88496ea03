"""Classes and instances: attributes in shapes, slots, special methods, lookups and their cache."""

import gc
import unittest
import weakref


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y


class ShapeTest(unittest.TestCase):
    def test_order_of_attributes(self):
        p = Point(1, 2)
        p.z = 3
        self.assertEqual(list(vars(p).items()), [("x", 1), ("y", 2), ("z", 3)])

    def test_delete_last_first_and_middle(self):
        for name, left in (("c", "ab"), ("a", "bc"), ("b", "ac")):
            with self.subTest(name=name):
                p = type("C", (), {})()
                p.a, p.b, p.c = 1, 2, 3
                delattr(p, name)
                self.assertFalse(hasattr(p, name))
                self.assertEqual("".join(vars(p)), left)
                setattr(p, name, 9)
                self.assertEqual(getattr(p, name), 9)
                with self.assertRaises(AttributeError):
                    del p.nothing

    def test_more_attributes_than_inline_room(self):
        class C:
            pass

        for count in (1, 5, 30, 70, 300):
            for _ in range(12):
                c = C()
                for i in range(count):
                    setattr(c, "a%d" % i, i)
                self.assertEqual([getattr(c, "a%d" % i) for i in range(count)], list(range(count)))
                self.assertEqual(len(vars(c)), count)

    def test_dict_and_attributes_are_one(self):
        p = Point(1, 2)
        d = p.__dict__
        d["z"] = 3
        p.x = 10
        self.assertEqual((p.z, d["x"]), (3, 10))
        p.__dict__ = {"q": 1}
        self.assertEqual(p.q, 1)
        self.assertFalse(hasattr(p, "x"))
        self.assertEqual(d["x"], 10)

    def test_assigning_the_class(self):
        class A:
            pass

        class B:
            f = 5

        a = A()
        a.x = 1
        a.__class__ = B
        self.assertEqual((a.x, a.f, type(a)), (1, 5, B))
        a.y = 2
        self.assertEqual(vars(a), {"x": 1, "y": 2})

    def test_names_equal_but_not_identical(self):
        p = Point(1, 2)
        name = "".join(["x", ""])
        self.assertEqual(getattr(p, name), 1)
        setattr(p, "".join("xy"), 7)
        self.assertEqual(p.xy, 7)

        class Name(str):
            pass

        self.assertEqual(getattr(p, Name("y")), 2)
        setattr(p, Name("w"), 4)
        self.assertEqual(p.w, 4)

    def test_values_go_with_the_instance(self):
        class C:
            pass

        c, value = C(), C()
        gone = weakref.ref(value)
        c.value = value
        del value
        self.assertIsNotNone(gone())
        del c
        self.assertIsNone(gone())

    def test_cycles_through_inline_values(self):
        class C:
            pass

        a, b = C(), C()
        a.other, b.other = b, a
        gone = weakref.ref(a)
        del a, b
        gc.collect()
        self.assertIsNone(gone())

    def test_deep_structures(self):
        for base in (list, dict, set, tuple, Exception, object):
            with self.subTest(base=base):
                class Link(base):
                    pass

                count = 0

                class Last(base):
                    def __del__(self):
                        nonlocal count
                        count += 1

                chain = Last()
                for _ in range(30000):
                    link = Link()
                    link.next, link.also = chain, 1
                    chain = link
                del link, chain
                self.assertEqual(count, 1)

    def test_finalizer_sees_attributes_and_may_add_some(self):
        seen = []

        class C:
            def __del__(self):
                self.more = 5
                seen.append((self.x, self.more))

        c = C()
        c.x = 1
        del c
        self.assertEqual(seen, [(1, 5)])


class CacheTest(unittest.TestCase):
    def test_class_changes_are_seen(self):
        class A:
            def f(self):
                return 1

        class B(A):
            pass

        b = B()

        def call():
            return b.f()

        for _ in range(20):
            self.assertEqual(call(), 1)
        A.f = lambda self: 2
        self.assertEqual(call(), 2)
        B.f = lambda self: 3
        self.assertEqual(call(), 3)
        del B.f
        self.assertEqual(call(), 2)
        b.f = lambda: 4
        self.assertEqual(call(), 4)

    def test_bases_change(self):
        class X:
            v = "X"

        class Y:
            v = "Y"

        class C(X):
            pass

        class D(C):
            pass

        d = D()
        self.assertEqual(d.v, "X")
        C.__bases__ = (Y,)
        self.assertEqual(d.v, "Y")
        self.assertEqual(D.__mro__, (D, C, Y, object))
        self.assertEqual(X.__subclasses__(), [])
        self.assertEqual(Y.__subclasses__(), [C])

    def test_metaclass_with_its_own_mro(self):
        class Extra:
            e = 1

        class Meta(type):
            def mro(cls):
                return [cls, Extra, object]

        class C(metaclass=Meta):
            pass

        self.assertEqual(C.__mro__, (C, Extra, object))
        self.assertEqual(C().e, 1)


class SlotTest(unittest.TestCase):
    def test_special_methods_set_later(self):
        class A:
            pass

        class B(A):
            pass

        with self.assertRaises(TypeError):
            len(B())
        A.__len__ = lambda self: 7
        self.assertEqual(len(B()), 7)
        del A.__len__
        with self.assertRaises(TypeError):
            len(B())
        A.__call__ = lambda self, *args: args
        self.assertEqual(B()(1, 2), (1, 2))
        A.__getattr__ = lambda self, name: name
        self.assertEqual(B().anything, "anything")

    def test_base_in_c_and_override(self):
        class L(list):
            def __getitem__(self, i):
                return -super().__getitem__(i)

        values = L([1, 2, 3])
        self.assertEqual(values[0], -1)
        self.assertEqual(list(values), [1, 2, 3])
        del L.__getitem__
        self.assertEqual(values[0], 1)

    def test_slots(self):
        class S:
            __slots__ = ("a", "__private")

            def set(self):
                self.__private = 1

        s = S()
        s.a = 2
        s.set()
        self.assertEqual((s.a, s._S__private), (2, 1))
        self.assertFalse(hasattr(s, "__dict__"))
        with self.assertRaises(AttributeError):
            s.b = 1

    def test_new_and_init(self):
        class N(int):
            def __new__(cls, v, *rest, **kwargs):
                return super().__new__(cls, v * 2)

            def __init__(self, v, extra=0, *, key=None):
                self.all = v, extra, key

        n = N(4, 5, key=6)
        self.assertEqual((n, n.all), (8, (4, 5, 6)))

        class Odd:
            def __new__(cls):
                return 5

            def __init__(self):
                raise AssertionError

        self.assertEqual(Odd(), 5)


class WeakReferenceTest(unittest.TestCase):
    def test_shared_objects(self):
        for shared in (int, type, ValueError, int.__new__):
            with self.subTest(shared=shared):
                before = weakref.getweakrefcount(shared)
                r = weakref.ref(shared, lambda r: None)
                self.assertIs(r(), shared)
                self.assertEqual(weakref.getweakrefcount(shared), before + 1)
                del r
                self.assertEqual(weakref.getweakrefcount(shared), before)

    def test_callbacks_after_all_are_dead(self):
        seen = []

        class C:
            pass

        c = C()
        refs = [weakref.ref(c, lambda r: seen.append([x() for x in refs])) for _ in range(3)]
        del c
        self.assertEqual(seen, [[None] * 3] * 3)

    def test_subclasses_of_static_types_go(self):
        gc.collect()
        count = len(int.__subclasses__())

        class C(int):
            pass

        self.assertEqual(len(int.__subclasses__()), count + 1)
        del C
        gc.collect()
        self.assertEqual(len(int.__subclasses__()), count)


if __name__ == "__main__":
    unittest.main()
