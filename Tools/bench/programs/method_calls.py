"""Calls of methods: plain, inherited, super, class and static, bound, properties, default and keyword arguments."""
N = 50000


class Shape:
    count = 0

    def __init__(self, size):
        self._size = size
        Shape.count += 1

    @property
    def size(self):
        return self._size

    def area(self):
        return 0

    def describe(self, scale=1, *, offset=0):
        return self.area() * scale + offset

    @classmethod
    def unit(cls):
        return cls(1)

    @staticmethod
    def clamp(value, low, high):
        return low if value < low else high if value > high else value


class Square(Shape):
    def area(self):
        return self._size * self._size


class Cube(Square):
    def area(self):
        return 6 * super().area()

    def __call__(self, value):
        return self._size + value

    def __len__(self):
        return self._size

    def __add__(self, other):
        return Cube(self._size + other._size)


def apply(function, *values, **options):
    return function(*values, **options)


def run(n):
    total = 0
    shapes = [Square(3), Cube(2), Shape(1), Cube(5)]
    describe = shapes[3].describe
    for i in range(n):
        shape = shapes[i & 3]
        total += shape.area()
        total += shape.describe(2)
        total += shape.describe(offset=i, scale=3)
        total += shape.size
        total += Shape.clamp(i, 10, 1000)
        total += describe(1)
        if i & 7 == 0:
            total += Cube.unit()(i) + len(shapes[1] + shapes[3])
            total += apply(describe, 2, offset=1)
    return total, Shape.count > 0
