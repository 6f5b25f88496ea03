"""Points with float attributes: object creation, attribute access, comparison of instances."""
from math import cos, sin, sqrt

N = 100000


class Point:
    __slots__ = ('x', 'y', 'z')

    def __init__(self, i):
        self.x = x = sin(i)
        self.y = cos(i) * 3
        self.z = x * x / 2

    def normalize(self):
        length = sqrt(self.x * self.x + self.y * self.y + self.z * self.z)
        self.x /= length
        self.y /= length
        self.z /= length

    def larger(self, other):
        self.x = self.x if self.x > other.x else other.x
        self.y = self.y if self.y > other.y else other.y
        self.z = self.z if self.z > other.z else other.z
        return self


def run(n):
    points = [Point(i) for i in range(n)]
    for point in points:
        point.normalize()
    largest = points[0]
    for point in points[1:]:
        largest = largest.larger(point)
    return largest.x, largest.y, largest.z
