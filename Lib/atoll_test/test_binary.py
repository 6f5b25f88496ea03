"""bytes, bytearray and memoryview: shared memory and its life, edits compared with lists, odd formats."""

import gc
import random
import sys
import unittest
import weakref


class ByteArrayTest(unittest.TestCase):
    def test_edits_like_a_list(self):
        r = random.Random(11)

        def attempt(target, edit):
            try:
                return edit(target)
            except (IndexError, ValueError) as e:
                return type(e)

        for _ in range(300):
            a, model = bytearray(b"seed"), list(b"seed")
            for _ in range(40):
                i, j, k = r.randrange(-4, 16), r.randrange(-4, 16), r.choice([1, 2, 3, -1, -2])
                data = bytes(r.randrange(256) for _ in range(r.randrange(6)))
                n = len(range(*slice(i, j, k).indices(len(model))))
                edit = r.choice([
                    lambda o: o.__setitem__(slice(i, j), data),
                    lambda o: o.__setitem__(slice(i, j, k), data * 3 if k == 1 else bytes(n)),
                    lambda o: o.__delitem__(slice(i, j, k)),
                    lambda o: o.pop(i),
                    lambda o: o.insert(i, j % 256),
                    lambda o: o.extend(data),
                    lambda o: o.append(k % 256),
                    lambda o: o.reverse(),
                    lambda o: len(o.__iadd__(data)),
                    lambda o: o.__delitem__(slice(0, i)),
                ])
                self.assertEqual(attempt(a, edit), attempt(model, edit))
                self.assertEqual(list(a), model)

    def test_taking_from_the_front(self):
        a = bytearray(range(256)) * 40
        total = 0
        while a:
            total += a[0]
            del a[:3]
        self.assertEqual(total, sum((bytes(range(256)) * 40)[::3]))

    def test_exports_pin_the_size(self):
        a = bytearray(b"abc")
        with memoryview(a) as view:
            for edit in (lambda: a.append(1), lambda: a.pop(), lambda: a.clear(), lambda: a.__iadd__(b"x"),
                         lambda: a.__delitem__(0), lambda: a.extend(b"x"), lambda: a.insert(0, 1)):
                with self.assertRaises(BufferError):
                    edit()
            a[1] = 0x78
            a[0:2] = b"yz"
            self.assertEqual(bytes(view), b"yzc")
        a.append(1)
        self.assertEqual(a, b"yzc\x01")

    def test_growing_while_iterating(self):
        a = bytearray(b"abc")
        seen = []
        for b in a:
            seen.append(b)
            if len(a) < 6:
                a.append(b)
        self.assertEqual(bytes(seen), b"abcabc")

    def test_itself_as_argument(self):
        a = bytearray(b"ab")
        with self.assertRaises(BufferError):  # it exports its memory to itself
            a += a
        a.extend(a)
        a.extend(a)
        a[2:4] = a
        self.assertEqual(a, b"ab" + b"abababab" + b"abab")
        self.assertEqual(a.replace(a, a), a)
        self.assertEqual(a.join([a, a]), a * 3)

    def test_index_method_that_shrinks(self):
        a = bytearray(b"abcdef")

        class Index:
            def __index__(self):
                a.clear()
                return 1

        with self.assertRaises(IndexError):
            a[2] = Index()


class SharedBytesTest(unittest.TestCase):
    def test_small_ones(self):
        for i in range(256):
            self.assertIs(bytes([i]), bytes([i]))
            self.assertIs(b"xy".join([bytes([i])]), bytes([i]))
        self.assertIs(bytes(), b"")
        self.assertIs(b"abc"[3:], b"")

    def test_subclass(self):
        class B(bytes):
            pass

        b = B(b"abc")
        b.note = 1
        self.assertEqual((b, hash(b), b.note, type(b[:])), (b"abc", hash(b"abc"), 1, bytes))
        self.assertIs(type(bytes(b)), bytes)


class ViewTest(unittest.TestCase):
    def test_keeps_the_owner(self):
        class Owner(bytearray):
            pass

        owner = Owner(b"abc")
        ref = weakref.ref(owner)
        view = memoryview(owner)[1:]
        del owner
        self.assertEqual(view.tolist(), [98, 99])
        view.release()
        self.assertIsNone(ref())

    def test_cycle(self):
        class Owner(bytearray):
            pass

        owner = Owner(b"abc")
        owner.view = memoryview(owner)
        ref = weakref.ref(owner)
        del owner
        gc.collect()
        self.assertIsNone(ref())

    def test_casts_and_shapes(self):
        data = bytearray(range(24))
        for shape in ([24], [2, 12], [2, 3, 4], [1, 24], [4, 3, 2, 1]):
            view = memoryview(data).cast("B", shape)
            self.assertEqual(view.shape, tuple(shape))
            self.assertEqual(view.tobytes(), bytes(data))
            self.assertEqual(view.cast("B").tolist(), list(data))
            self.assertEqual(view, memoryview(bytes(data)).cast("B", shape))
        for format in "bBhHiIlLqQnNfd?P":
            size = memoryview(bytes(16)).cast(format).itemsize
            view = memoryview(bytearray(16)).cast(format)
            self.assertEqual(len(view), 16 // size)
            view[-1] = 1
            self.assertEqual(view[-1], 1)
            self.assertEqual(view.tolist()[:-1], [0] * (16 // size - 1))

    def test_strides(self):
        data = bytearray(range(10))
        view = memoryview(data)[::-2]
        self.assertEqual((view.strides, view.tolist(), view.contiguous), ((-2,), [9, 7, 5, 3, 1], False))
        view[1:4] = view[0:3]
        self.assertEqual(view.tolist(), [9, 9, 7, 5, 1])
        self.assertEqual(bytes(view[1:]), bytes([9, 7, 5, 1]))
        self.assertEqual(memoryview(view).tolist(), view.tolist())

    def test_release_while_used(self):
        data = bytearray(b"abcd")
        view = memoryview(data)

        class Value:
            def __index__(self):
                view.release()
                return 1

        with self.assertRaisesRegex(ValueError, "released"):
            view[0] = Value()
        self.assertEqual(data, b"abcd")

    def test_many_views(self):
        data = bytearray(1000)
        views = [memoryview(data)[i:] for i in range(500)]
        with self.assertRaises(BufferError):
            data.clear()
        for view in views:
            view.release()
        data.clear()
        self.assertEqual(sys.getrefcount(data), 2)


if __name__ == "__main__":
    unittest.main()
