"""The longest run of prefix reversals over all permutations: list slices and small ints."""
N = 8


def permutations_of(n):
    """All permutations, each from the one before by rotating a prefix."""
    current = list(range(n))
    turns = [0] * n
    while True:
        yield current
        i = 1
        while i < n:
            current.insert(i, current.pop(0))
            turns[i] += 1
            if turns[i] <= i:
                break
            turns[i] = 0
            i += 1
        else:
            return


def run(n):
    longest = 0
    checksum = 0
    for index, permutation in enumerate(permutations_of(n)):
        cards = permutation[:]
        flips = 0
        while cards[0]:
            top = cards[0] + 1
            cards[:top] = cards[top - 1::-1] if top > 1 else cards[:1]
            flips += 1
        if flips > longest:
            longest = flips
        checksum += -flips if index & 1 else flips
    return longest, checksum
