"""Planets attract each other: attribute-free float arithmetic on lists."""
N = 15000

# x, y, z, vx, vy, vz, mass in astronomical units, days and multiples of a solar mass
SUN = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
PLANETS = [
    [5.2, 0.1, -0.11, 0.0002, 0.0076, -0.00002, 0.000954],
    [9.1, 2.9, -0.42, -0.0021, 0.0052, 0.00003, 0.000285],
    [-12.4, -15.2, 0.11, 0.0030, -0.0027, -0.00004, 0.0000436],
    [15.3, -25.8, 0.19, 0.0026, 0.0016, -0.00009, 0.0000515],
]
GRAVITY = 0.00029591


def energy(bodies):
    total = 0.0
    for i, (x, y, z, vx, vy, vz, mass) in enumerate(bodies):
        total += 0.5 * mass * (vx * vx + vy * vy + vz * vz)
        for other in bodies[i + 1:]:
            dx, dy, dz = x - other[0], y - other[1], z - other[2]
            total -= GRAVITY * mass * other[6] / (dx * dx + dy * dy + dz * dz) ** 0.5
    return total


def advance(bodies, pairs, dt, steps):
    for _ in range(steps):
        for a, b in pairs:
            dx = a[0] - b[0]
            dy = a[1] - b[1]
            dz = a[2] - b[2]
            pull = GRAVITY * dt / (dx * dx + dy * dy + dz * dz) ** 1.5
            to_b = b[6] * pull
            to_a = a[6] * pull
            a[3] -= dx * to_b
            a[4] -= dy * to_b
            a[5] -= dz * to_b
            b[3] += dx * to_a
            b[4] += dy * to_a
            b[5] += dz * to_a
        for body in bodies:
            body[0] += dt * body[3]
            body[1] += dt * body[4]
            body[2] += dt * body[5]


def run(n):
    bodies = [list(SUN)] + [list(p) for p in PLANETS]
    pairs = [(bodies[i], bodies[j]) for i in range(len(bodies)) for j in range(i + 1, len(bodies))]
    before = energy(bodies)
    advance(bodies, pairs, 0.5, n)
    return before, energy(bodies)
