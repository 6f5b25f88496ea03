#!/usr/bin/python3.11
"""Every writable symbol of the built core is in the ledger, with a category and a reason.

    writable_symbols.py --ledger ledger.tsv --objects DIR|FILE [--objects ...]

Looks at the sections of the object files: a symbol in a section that is mapped writable (.data, .bss, .tdata,
.tbss and their kind) or a COMMON symbol needs a row. That includes function-local statics, the guards of their
initialisation and statics of templates. Fine without a row: .data.rel.ro (constant after relocation) and sections
whose name begins with "atoll_sealed" (category sealed by construction). A function that runs before main
(.init_array: a static constructor) is a violation whatever the ledger says, and so is a row that no symbol
matches: it would let the next symbol of that name in unseen.

Ledger rows: symbol (demangled or not; * stands for any text), category, reason, separated by tabs.
"""
import argparse
import os
import re
import subprocess
import sys

import common

CATEGORIES = {'sealed', 'registry', 'counter', 'current thread', 'interface'}
CONSTRUCTORS = ('.init_array', '.preinit_array', '.ctors', '.fini_array', '.dtors')
# Sanitizers add writable bookkeeping of their own; the check is for builds without them.
SANITIZED = ('__asan_', '__tsan_', '__odr_asan')


class Row:
    def __init__(self, number, pattern, category, reason):
        self.number, self.pattern, self.category, self.reason = number, pattern, category, reason
        parts = [re.escape(p) for p in pattern.split('*')]
        self.regex = re.compile('.*'.join(parts), re.S)
        self.used = False


def read_ledger(path):
    rows, problems = [], []
    with open(path, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            if line.startswith('#') or not line.strip():
                continue
            place = '%s:%d' % (path, number)
            fields = line.rstrip('\n').split('\t')
            if len(fields) != 3 or not all(f.strip() for f in fields):
                problems.append((place, 'a row is: symbol, tab, category, tab, reason'))
                continue
            if fields[1] not in CATEGORIES:
                problems.append((place, 'category "%s" is none of %s' % (fields[1], ', '.join(sorted(CATEGORIES)))))
            if len(fields[0].replace('*', '')) < 6:
                problems.append((place, 'the pattern "%s" names next to nothing' % fields[0]))
            if len(fields[2].split()) < 3:
                problems.append((place, 'a reason is a sentence'))
            rows.append(Row(number, *fields))
    return rows, problems


def is_writable(section):
    if section == 'COMMON':
        return True
    wanted = common.SHF_WRITE | common.SHF_ALLOC
    return (section is not None and section.flags & wanted == wanted
            and not section.name.startswith(('.data.rel.ro', 'atoll_sealed') + CONSTRUCTORS))


def object_files(paths):
    for path in paths:
        if os.path.isfile(path):
            yield path
        for folder, _, names in sorted(os.walk(path)):
            for name in sorted(names):
                if name.endswith('.o'):
                    yield os.path.join(folder, name)


def demangled(names):
    if not names:
        return {}
    done = subprocess.run(['c++filt'], input='\n'.join(names), capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.split('\n')))


def check(paths, ledger_path, want_used=True):
    rows, problems = read_ledger(ledger_path)
    found = []
    checked = 0
    for path in object_files(paths):
        checked += 1
        sections, symbols = common.read_elf(path)
        if any(s.name.startswith('.gnu.lto_') for s in sections):
            problems.append((path, 'built with link-time optimisation: its sections show nothing'))
            continue
        named = {}
        for symbol in symbols:
            if symbol.name.startswith(SANITIZED):
                problems.append((path, 'built with a sanitizer: check another build'))
                break
            if is_writable(symbol.section):
                where = 'COMMON' if symbol.section == 'COMMON' else symbol.section.name
                if symbol.name:
                    found.append((path, symbol.name, where))
                named[where] = named.get(where, 0) + max(symbol.size, 1)
        for section in sections:
            if section.name.startswith(CONSTRUCTORS):
                problems.append((path, 'runs code before main (%s): a static constructor or destructor' % section.name))
            elif is_writable(section) and section.size and section.name not in named:
                problems.append((path, '%d writable bytes in %s without a name' % (section.size, section.name)))
    readable = demangled(sorted({name for _, name, _ in found}))
    for path, name, where in found:
        matches = [r for r in rows if r.regex.fullmatch(name) or r.regex.fullmatch(readable[name])]
        for row in matches:
            row.used = True
        if not matches:
            problems.append((path, 'writable and not in the ledger: %s in %s' % (readable[name], where)))
    if want_used and checked:
        for row in rows:
            if not row.used:
                problems.append(('%s:%d' % (ledger_path, row.number), 'no symbol matches "%s"' % row.pattern))
    return checked, problems


def main():
    parser = argparse.ArgumentParser(description='Check the writable symbols of object files against the ledger.')
    parser.add_argument('--ledger', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ledger.tsv'))
    parser.add_argument('--objects', action='append', required=True)
    opts = parser.parse_args()
    return common.report('writable symbols', *check(opts.objects, opts.ledger))


if __name__ == '__main__':
    sys.exit(main())
