"""Text made piece by piece: join, +=, formatting, f-strings, translate, case, split and replace."""
N = 16000

WORDS = 'the quick brown fox jumps over the lazy dog while seven wizards bake ünïcödé pies'.split()


def paragraph(seed, count):
    text = ''
    for i in range(count):
        word = WORDS[(seed * 7 + i * 3) % len(WORDS)]
        if i % 5 == 0:
            word = word.capitalize()
        text += word
        text += '. ' if i % 9 == 8 else ' '
    return text.rstrip() + '.'


def table(rows):
    lines = []
    for i in range(rows):
        lines.append('%4d|%-10s|%8.3f' % (i, WORDS[i % len(WORDS)], i / 7))
        lines.append(f'{i:04x}|{WORDS[-i % len(WORDS)]!r:>12}|{i * i:,}')
        lines.append('{:<6}{:^8}{:>6}'.format(i, i * 3, i * 5))
    return '\n'.join(lines)


def run(n):
    shift = str.maketrans('abcdefgh', 'hgfedcba')
    length = 0
    check = 0
    for seed in range(n // 10):
        text = paragraph(seed, 60)
        length += len(text)
        changed = text.translate(shift).upper().replace('THE', 'A').lower()
        words = changed.split()
        words.reverse()
        line = '-'.join(words)
        check = (check * 31 + len(line) + line.count('e') + line.find('wiz') + ord(line[len(line) // 2])) % 1000003
        letters = ''.join([ch for ch in line if ch.isalpha()])
        check += len(letters) + letters.startswith('a')
    return length, check, len(table(n // 5))
