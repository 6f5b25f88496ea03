"""int, bool, float and complex against Python 3.11: random expressions, evaluated here and there.

Run with two arguments, this file is the other side: it prints the answers to the cases of a seed.
"""

import math
import operator
import os
import random
import subprocess
import sys
import unittest

REFERENCE = '/usr/bin/python3.11'
COUNT = 400

BINARY = [operator.add, operator.sub, operator.mul, operator.mod, operator.and_, operator.or_, operator.xor,
          operator.floordiv, operator.truediv, divmod, operator.lt, operator.le, operator.eq, operator.ne,
          operator.gt, operator.ge]
UNARY = [operator.neg, operator.pos, operator.abs, operator.invert, repr, hash, bool, int, float, complex]


class Cases:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def integer(self):
        r = self.random
        kind = r.random()
        if kind < 0.25:
            return r.choice([0, 1, -1, 2, -5, 7, 10, 256, 257, True, False])
        bits = r.choice([5, 29, 30, 31, 59, 60, 61, 62, 63, 64, 65, 120, 400, 2000])
        value = (1 << bits) + r.choice([-1, 0, 1]) if kind < 0.4 else r.getrandbits(bits)
        return r.choice([value, -value])

    def real(self):
        r = self.random
        kind = r.random()
        if kind < 0.3:
            return r.choice([0.0, -0.0, 1.0, -1.0, 0.5, 2.5, 1e16, 1e300, 5e-324, 2.0**53, -2.0**63, 2.0**64,
                             float('inf'), float('-inf'), float('nan')])
        if kind < 0.6:
            return r.choice([1.0, 0.01]) * r.randint(-10000, 10000)
        return r.choice([1, -1]) * math.ldexp(r.getrandbits(53), r.randint(-1100, 960))

    def number(self):
        kind = self.random.random()
        return self.integer() if kind < 0.5 else self.real() if kind < 0.8 else complex(self.real(), self.real())

    def spec(self):
        r = self.random
        maybe = lambda chance, text: text() if r.random() < chance else ''
        return ''.join((
            maybe(0.4, lambda: r.choice(['', 'x', '0', 'é', '\U0001f600']) + r.choice('<>=^')),
            maybe(0.3, lambda: r.choice('+- ')), maybe(0.1, lambda: 'z'), maybe(0.2, lambda: '#'),
            maybe(0.3, lambda: '0'), maybe(0.5, lambda: str(r.randint(0, 40))), maybe(0.4, lambda: r.choice(',_')),
            maybe(0.4, lambda: '.%d' % r.randint(0, 30)), maybe(0.9, lambda: r.choice('bcdoxXneEfFgG%s'))))

    def text(self):
        r = self.random
        kind = r.random()
        if kind < 0.6:
            text = repr(self.number())
        else:
            text = ''.join(r.choice('0123456789aAzxob_+-. \n\tjJ()eEinf\u0663é') for _ in range(r.randint(0, 10)))
        if r.random() < 0.2:
            text = r.choice(['0x', '0b', '0o', '-0x', ' ']) + text
        return text

    def calls(self):
        """One round: (function, arguments) of every kind."""
        r = self.random
        a, b, i, j, f = self.number(), self.number(), self.integer(), self.integer(), self.real()
        yield r.choice(BINARY), (a, b)
        yield r.choice(BINARY), (i, j)
        yield r.choice(UNARY), (a,)
        yield operator.lshift, (i, r.randint(-1, 200))
        yield operator.rshift, (i, r.choice([r.randint(0, 200), abs(j)]))
        yield pow, (r.choice([r.randint(-20, 20), f]), r.choice([r.randint(-20, 60), self.real()]))
        yield pow, (i, r.choice([r.randint(-5, 50), abs(j) % (1 << 64)]), self.integer())
        yield format, (a, self.spec())
        yield format, (r.uniform(-1e7, 1e7), self.spec())
        yield int, (self.text(), r.choice([0, 1, 2, 7, 8, 10, 16, 36, 37]))
        for make in (int, float, complex):
            yield make, (self.text(),)
        yield complex, (a, b)
        yield round, (i, r.randint(-30, 3))
        yield round, (f, r.choice([None, r.randint(-10, 15), r.randint(-320, 320)]))
        for name in ('bit_length', 'bit_count', 'as_integer_ratio', 'conjugate', '__sizeof__', '__getnewargs__'):
            yield getattr(int, name), (i,)
        for name in ('as_integer_ratio', 'hex', 'is_integer', '__trunc__', '__floor__', '__ceil__'):
            yield getattr(float, name), (f,)
        yield float.fromhex, (r.choice([f.hex(), self.text()]),)
        order, signed = r.choice(['big', 'little']), r.choice([True, False])
        yield lambda n, *rest: n.to_bytes(*rest, signed=signed), (i, r.randint(0, 1 + i.bit_length() // 7), order)
        yield lambda *args: int.from_bytes(*args, signed=signed), (r.randbytes(r.randint(0, 40)), order)


def answers(seed, count):
    cases = Cases(seed)
    for _ in range(count):
        for function, arguments in cases.calls():
            if function is hash and arguments[0] != arguments[0]:
                continue  # by address
            question = ascii((getattr(function, '__name__', ''), arguments))
            try:
                value = function(*arguments)
                yield question, ascii(value)
            except (ArithmeticError, TypeError, ValueError, MemoryError) as error:
                yield question, ascii((type(error).__name__, str(error)))


class NumbersTest(unittest.TestCase):
    def check(self, seed):
        other = subprocess.run([REFERENCE, '-I', os.path.abspath(__file__), str(seed), str(COUNT)],
                               stdout=subprocess.PIPE, encoding='ascii', check=True)
        expected = other.stdout.splitlines()
        got = list(answers(seed, COUNT))
        self.assertEqual(len(got), len(expected))
        for (question, answer), line in zip(got, expected):
            self.assertEqual(answer, line, question)

    @unittest.skipUnless(os.access(REFERENCE, os.X_OK), 'needs the system\'s Python 3.11')
    def test_against_python_3_11(self):
        for seed in range(5):
            with self.subTest(seed=seed):
                self.check(seed)


if __name__ == '__main__':
    if len(sys.argv) == 3:
        for _, answer in answers(int(sys.argv[1]), int(sys.argv[2])):
            print(answer)
    else:
        unittest.main()
