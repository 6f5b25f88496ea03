"""Containers whose items lie about equality, change them while they are used, or hold themselves."""
import collections
import itertools
import unittest


class Liar:
    """Equal to whatever has its hash at every second question."""

    def __init__(self):
        self.asked = 0

    def __hash__(self):
        return 1

    def __eq__(self, other):
        self.asked += 1
        return self.asked % 2 == 0


class OrderedDicts(unittest.TestCase):
    def test_keys_that_lie(self):
        for n in range(2, 8):
            od = collections.OrderedDict()
            for _ in range(n):
                it = iter(od)
                od[Liar()] = 1
                with self.subTest(n=n):
                    try:
                        list(it)
                    except (RuntimeError, KeyError):
                        pass
            for step in (lambda: list(od), lambda: list(reversed(od)), lambda: od.popitem(), lambda: od.popitem(last=False)):
                try:
                    step()
                except (RuntimeError, KeyError):
                    pass
            od.clear()
            self.assertEqual(list(od), [])

    def test_keys_live_as_long_as_needed(self):
        od = collections.OrderedDict.fromkeys('abc')
        it = iter(od)
        next(it)
        od.clear()
        od['x'] = 1
        self.assertRaises(RuntimeError, next, it)


class Iterators(unittest.TestCase):
    def test_chain_of_itself(self):
        chain = itertools.chain([])
        chain.__setstate__((iter([chain]), chain))
        self.assertRaises(RecursionError, next, chain)

    def test_exhausted_in_a_loop(self):
        items = [1, 2, 3]
        it = iter(items)
        for _ in it:
            pass
        items.append(4)
        self.assertEqual(list(it), [])


class Lists(unittest.TestCase):
    def test_subclass_extended_by_itself(self):
        class Sub(list):
            pass

        items = Sub([1, 2])
        items.extend(items)
        self.assertEqual(items, [1, 2, 1, 2])
        items += items
        self.assertEqual(len(items), 8)

    def test_products_of_equally_many_digits(self):
        for bits in range(200, 4000, 97):
            a, b = (1 << bits - bits % 30 + 1) + 3, (1 << bits - bits % 30 + 29) + 5
            self.assertEqual(a * b, b * a)
            self.assertEqual((a * b) % 1000003, (a % 1000003) * (b % 1000003) % 1000003)


if __name__ == '__main__':
    unittest.main()
