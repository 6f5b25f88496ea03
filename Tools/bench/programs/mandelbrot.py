"""The Mandelbrot set on a grid: inner loops on floats, and complex numbers for every other row."""
N = 190


def iterations(cr, ci, limit):
    zr = zi = 0.0
    for count in range(limit):
        zr2 = zr * zr
        zi2 = zi * zi
        if zr2 + zi2 > 4.0:
            return count
        zi = 2.0 * zr * zi + ci
        zr = zr2 - zi2 + cr
    return limit


def iterations_complex(c, limit):
    z = 0j
    for count in range(limit):
        if abs(z) > 2.0:
            return count
        z = z * z + c
    return limit


def run(n):
    total = 0
    for y in range(n):
        ci = 2.4 * y / n - 1.2
        for x in range(n):
            cr = 3.0 * x / n - 2.1
            if y & 1:
                total += iterations(cr, ci, 60)
            else:
                total += iterations_complex(complex(cr, ci), 60)
    return total
