"""Generators: pipelines, delegation, two-way communication, infinite sequences, generator expressions."""
N = 90000


def naturals():
    i = 0
    while True:
        yield i
        i += 1


def take(count, source):
    for _, value in zip(range(count), source):
        yield value


def keep(test, source):
    for value in source:
        if test(value):
            yield value


def pairwise(source):
    source = iter(source)
    before = next(source)
    for value in source:
        yield before, value
        before = value


def averager():
    total = count = 0
    value = None
    while True:
        value = yield (total / count if count else 0.0)
        if value is None:
            return total
        total += value
        count += 1


def tree(low, high):
    """An ordered walk of a balanced tree, by delegation."""
    if low < high:
        middle = (low + high) // 2
        yield from tree(low, middle)
        yield middle
        yield from tree(middle + 1, high)


def collect(results):
    while True:
        results.append((yield from averager()))


def run(n):
    odd = keep(lambda v: v % 3 != 0, naturals())
    total = sum(b * a % 11 for a, b in pairwise(take(n, odd)))
    walk = sum(i * v for i, v in enumerate(tree(0, n // 2)))
    results = []
    collector = collect(results)
    next(collector)
    last = 0.0
    for i in range(n):
        if i % 100 == 99:
            collector.send(None)
        else:
            last = collector.send(i)
    collector.close()
    return total, walk, len(results), results[-1], last
