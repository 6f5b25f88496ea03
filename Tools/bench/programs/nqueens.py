"""All ways to place n queens: recursive generators, sets and tuples."""
N = 10


def place(n, row, columns, rising, falling):
    if row == n:
        yield ()
        return
    for column in range(n):
        if column in columns or row + column in rising or row - column in falling:
            continue
        for rest in place(n, row + 1, columns | {column}, rising | {row + column}, falling | {row - column}):
            yield (column,) + rest


def run(n):
    empty = frozenset()
    solutions = list(place(n, 0, empty, empty, empty))
    return len(solutions), solutions[0], solutions[-1]
