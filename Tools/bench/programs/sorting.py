"""Sorting: the built-in sort with and without keys on several kinds of data, and three sorts written out."""
N = 14000


def numbers(count, seed=12345):
    values = []
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        values.append(seed >> 8)
    return values


def quick(values):
    if len(values) < 2:
        return values
    pivot = values[len(values) // 2]
    return (quick([v for v in values if v < pivot]) + [v for v in values if v == pivot]
            + quick([v for v in values if v > pivot]))


def insertion(values):
    for i in range(1, len(values)):
        value = values[i]
        j = i
        while j and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    return values


def heap_sort(values):
    def sift(start, end):
        root = start
        while (child := 2 * root + 1) < end:
            if child + 1 < end and values[child] < values[child + 1]:
                child += 1
            if values[root] >= values[child]:
                return
            values[root], values[child] = values[child], values[root]
            root = child

    for start in range(len(values) // 2 - 1, -1, -1):
        sift(start, len(values))
    for end in range(len(values) - 1, 0, -1):
        values[0], values[end] = values[end], values[0]
        sift(0, end)
    return values


class Version:
    def __init__(self, number):
        self.parts = (number % 7, number % 31, number)

    def __lt__(self, other):
        return self.parts < other.parts


def run(n):
    values = numbers(n)
    ordered = sorted(values)
    assert quick(values) == ordered
    assert heap_sort(values[:]) == ordered
    assert insertion(values[:n // 20]) == sorted(values[:n // 20])
    texts = sorted(str(v) for v in values)
    floats = sorted([v / 3 for v in values], reverse=True)
    pairs = sorted(((v % 100, -v) for v in values))
    keyed = sorted(values, key=lambda v: (v % 1000, v))
    versions = sorted(Version(v) for v in values[:n // 4])
    nearly = ordered[:]
    nearly[n // 2], nearly[n // 3] = nearly[n // 3], nearly[n // 2]
    nearly.sort()
    assert nearly == ordered
    return ordered[n // 2], texts[n // 2], floats[0], pairs[-1], keyed[n // 2], versions[0].parts
