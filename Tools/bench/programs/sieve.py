"""Prime numbers by crossing out: list and bytearray subscripts, slices with a step."""
N = 600000


def crossed_out(n):
    flags = [True] * (n + 1)
    flags[0] = flags[1] = False
    i = 2
    while i * i <= n:
        if flags[i]:
            for j in range(i * i, n + 1, i):
                flags[j] = False
        i += 1
    return flags


def sliced(n):
    flags = bytearray([1]) * (n + 1)
    flags[:2] = b'\0\0'
    for i in range(2, int(n ** 0.5) + 1):
        if flags[i]:
            flags[i * i::i] = bytes(len(range(i * i, n + 1, i)))
    return flags


def run(n):
    primes = [i for i, flag in enumerate(crossed_out(n)) if flag]
    other = sliced(n)
    gaps = {}
    for a, b in zip(primes, primes[1:]):
        gaps[b - a] = gaps.get(b - a, 0) + 1
    return len(primes), primes[-1], sum(other), max(gaps), gaps[2]
