"""The spectral norm of an infinite matrix, approximated: nested loops and calls with float arithmetic."""
N = 130


def entry(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def times(vector):
    size = len(vector)
    return [sum([entry(i, j) * vector[j] for j in range(size)]) for i in range(size)]


def times_transposed(vector):
    size = len(vector)
    result = []
    for i in range(size):
        total = 0.0
        for j in range(size):
            total += entry(j, i) * vector[j]
        result.append(total)
    return result


def run(n):
    u = [1.0] * n
    v = u
    for _ in range(6):
        v = times_transposed(times(u))
        u = times_transposed(times(v))
    dot_uv = sum(a * b for a, b in zip(u, v))
    dot_vv = sum(b * b for b in v)
    return (dot_uv / dot_vv) ** 0.5
