#!/usr/bin/env python3
"""Which symbols that real extension modules import does a binary (./python or libatoll) export?

symbols.tsv says what CPython 3.11's library exports and how many of Debian's modules import each symbol.
A symbol counts when it is in the dynamic symbol table, is a function where a function is expected and data where
data is, and, for data, has the size that modules were compiled for (hosts of the library copy it).
"""
import argparse
import csv
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def read_table():
    with open(os.path.join(HERE, 'symbols.tsv'), encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE))


def exported_by(path):
    """name -> (kind, size or None) from the dynamic symbol table."""
    done = subprocess.run(['nm', '-D', '-S', '--defined-only', path], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f'{path}: {done.stderr.strip()}')
    found = {}
    for line in done.stdout.splitlines():
        parts = line.split()            # address [size] letter name[@version]
        letter, name = parts[-2], parts[-1].split('@')[0]
        size = int(parts[1], 16) if len(parts) == 4 else None
        kind = 'function' if letter in 'TWi' else 'data'     # V is weak data, W anything else that is weak
        found[name] = (kind, size)
    return found


def judge(row, found):
    """'' when the symbol is as modules expect it, else why not."""
    if row['symbol'] not in found:
        return 'missing'
    kind, size = found[row['symbol']]
    if kind != row['kind']:
        return f'is {kind}, expected {row["kind"]}'
    if kind == 'data' and row['size'] != '-' and size != int(row['size']):
        return f'size {size}, expected {row["size"]}'
    return ''


def groups_of(rows):
    return {
        'stdlib': [row for row in rows if int(row['stdlib'])],
        'numpy': [row for row in rows if int(row['numpy'])],
        'thirdparty': [row for row in rows if int(row['thirdparty'])],
        'all': [row for row in rows if int(row['stdlib']) or int(row['thirdparty'])],
        'public': [row for row in rows if row['declared'] == 'public'],
    }


TITLES = {
    'stdlib': '(a) standard library, lib-dynload',
    'numpy': '(b) numpy',
    'thirdparty': '    third-party modules',
    'all': '(c) every module looked at',
    'public': '    everything in public headers',
}


def self_test(rows):
    """Against made-up binaries: complete, one symbol gone, one of the wrong kind, one of the wrong size."""
    whole = {row['symbol']: (row['kind'], int(row['size']) if row['size'] != '-' else 4) for row in rows}
    wrong = 0
    for name, entry, expected in (('PyList_Append', None, 'missing'), ('PyList_Type', ('function', 408), 'is function'),
                                  ('PyList_Type', ('data', 400), 'size 400'), ('PyList_New', ('data', 4), 'is data')):
        found = dict(whole)
        del found[name]
        if entry:
            found[name] = entry
        reported = {row['symbol']: judge(row, found) for row in rows if judge(row, found)}
        if list(reported) != [name] or not reported[name].startswith(expected):
            wrong += 1
            print(f'self-test: {name} as {entry}: reported {reported}')
    if any(judge(row, whole) for row in rows):
        wrong += 1
        print('self-test: a complete binary is not accepted')
    print(f'self-test: {5 - wrong} of 5')
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('binary', nargs='?', help='executable or shared library')
    parser.add_argument('--group', choices=list(TITLES), default='all', help='what --list and --fail-under speak of')
    parser.add_argument('--list', action='store_true', help='name what is not right, most wanted first')
    parser.add_argument('--fail-under', type=int, metavar='N', help='exit code 1 when fewer than N symbols of the group are right')
    parser.add_argument('--self-test', action='store_true')
    options = parser.parse_args()

    rows = read_table()
    if options.self_test:
        sys.exit(1 if self_test(rows) else 0)
    if not options.binary:
        parser.error('which binary?')
    found = exported_by(options.binary)
    groups = groups_of(rows)
    verdicts = {row['symbol']: judge(row, found) for row in rows}
    for name, title in TITLES.items():
        right = sum(not verdicts[row['symbol']] for row in groups[name])
        absent = sum(verdicts[row['symbol']] == 'missing' for row in groups[name])
        other = len(groups[name]) - right - absent
        print(f'{title:36} {right:5} of {len(groups[name]):5} exported, {absent} missing' + (f', {other} wrong' if other else ''))
    for row in groups[options.group]:
        verdict = verdicts[row['symbol']]
        if verdict and (options.list or verdict != 'missing'):
            print(f'  {row["symbol"]:45} {verdict}  (stdlib {row["stdlib"]}, third party {row["thirdparty"]})')
    right = sum(not verdicts[row['symbol']] for row in groups[options.group])
    if options.fail_under is not None and right < options.fail_under:
        print(f'{right} symbols of group "{options.group}" are right, at least {options.fail_under} are demanded')
        sys.exit(1)


if __name__ == '__main__':
    main()
