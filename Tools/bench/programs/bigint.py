"""Large integers: digits of pi, factorials, modular powers, conversion to and from text."""
N = 700


def pi_digits(count):
    digits = []
    q, r, t, k, m, x = 1, 0, 1, 1, 3, 3
    while len(digits) < count:
        if 4 * q + r - t < m * t:
            digits.append(m)
            q, r, m = 10 * q, 10 * (r - m * t), (10 * (3 * q + r)) // t - 10 * m
        else:
            q, r, t, k, m, x = q * k, (2 * q + r) * x, t * x, k + 1, (q * (7 * k + 2) + r * x) // (t * x), x + 2
    return digits


def run(n):
    product = 1
    for i in range(2, 2 * n):
        product *= i
    text = str(product)
    assert int(text) == product
    residue = pow(product | 1, 65537, (1 << 521) - 1)
    bits = bin(product ^ (product >> 3)).count('1')
    return sum(pi_digits(n)), len(text), residue % 1000007, bits, hash(product)
