"""Closures: counters with nonlocal, function composition, decorators, memoisation, callbacks."""
N = 35000


def counter(start):
    value = start

    def up(step=1):
        nonlocal value
        value += step
        return value

    def reset():
        nonlocal value
        value = start

    return up, reset


def compose(*functions):
    def composed(value):
        for function in functions:
            value = function(value)
        return value
    return composed


def memoised(function):
    known = {}

    def wrapper(*args):
        try:
            return known[args]
        except KeyError:
            result = known[args] = function(*args)
            return result
    wrapper.known = known
    return wrapper


@memoised
def paths(x, y):
    return 1 if x == 0 or y == 0 else paths(x - 1, y) + paths(x, y - 1)


def repeat(times):
    def decorate(function):
        def wrapper(*args, **kwargs):
            for _ in range(times - 1):
                function(*args, **kwargs)
            return function(*args, **kwargs)
        return wrapper
    return decorate


def run(n):
    up, reset = counter(10)
    total = 0
    scale = 3
    line = compose(lambda v: v * scale, lambda v: v + total % 7, str, len)

    @repeat(2)
    def visit(value, *, weight=1):
        nonlocal total
        total += value * weight

    for i in range(n):
        total += up()
        up(step=2)
        if i % 100 == 0:
            reset()
        visit(i & 3, weight=2)
        total += line(i)
    paths.known.clear()
    ways = paths(40, 40)
    subscribers = [(lambda event, k=k: event + k + scale) for k in range(20)]
    scale = 5
    for event in range(n // 20):
        for subscriber in subscribers:
            total += subscriber(event)
    return total, ways, up()
