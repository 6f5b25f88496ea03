"""Comprehensions of all kinds, nested, filtered, with closures over loop variables, and unpacking."""
N = 1600


def run(n):
    squares = [i * i for i in range(n)]
    grid = [[(x * y) % 10 for x in range(n // 4)] for y in range(n // 4)]
    flat = [value for row in grid for value in row if value & 1]
    transposed = [[row[x] for row in grid] for x in range(len(grid))]
    diagonal = {(x, x): grid[x][x] for x in range(len(grid))}
    small = {v % 97 for v in squares if v % 3}
    inverse = {square: root for root, square in enumerate(squares)}
    total = sum(a + b for (a, _), b in diagonal.items())
    primes = [p for p in range(2, 4 * n) if all(p % d for d in range(2, int(p ** 0.5) + 1))]
    triples = [(a, b, c) for a in range(1, n // 8) for b in range(a, n // 8)
               for c in (inverse.get(a * a + b * b),) if c is not None]
    adders = [lambda v, k=k: v + k for k in range(n)]
    chained = sum(adder(i) for i, adder in enumerate(adders))
    words = [f'w{i % 17}' for i in range(4 * n)]
    lengths = {w: len(w) for w in set(words)}
    pairs = [x for pair in zip(words, reversed(words)) for x in pair if lengths[x] > 2]
    return (len(flat), sum(map(sum, transposed)), len(small), total, primes[-1], len(triples), chained,
            len(pairs), len([*flat, *primes]))
