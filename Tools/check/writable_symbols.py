#!/usr/bin/python3.11
"""Every writable symbol of the built core is in the ledger, with a category and a reason.

    writable_symbols.py --ledger ledger.tsv --objects DIR|FILE [--objects ...] [--binary FILE ...]

Looks at the sections of the object files: a symbol in a section that is mapped writable (.data, .bss, .tdata,
.tbss and their kind) or a COMMON symbol needs a row. That includes function-local statics, the guards of their
initialisation and statics of templates. Fine without a row: .data.rel.ro (constant after relocation) and the section
"atoll_sealed", which -X isolation=check maps read-only. A function that runs before main (.init_array: a static
constructor; code in .init) is a violation whatever the ledger says, and so are writable bytes that no symbol covers, and a
row that no symbol matches: it would let the next symbol of that name in unseen.

A linked program or library (--binary) has the same rules for its symbols, less what the linker, the C start-up code and
copies of other libraries' variables bring, and must become read-only where its objects rely on it: .data.rel.ro inside the
segment RELRO.

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
BEFORE_MAIN = CONSTRUCTORS + ('.init', '.fini')
RELRO_SECTIONS = ('.data.rel.ro', '.init_array', '.fini_array', '.dynamic')
# In linked files: the linker's own tables and marks, and the C start-up code's.
LINKER_SECTIONS = ('.dynamic', '.got', '.got.plt', '.tm_clone_table')
LINKER_SYMBOLS = re.compile(r'_edata|_end|__bss_start|(__)?data_start|__dso_handle|__TMC_END__|completed\.0|_DYNAMIC|'
                            r'_GLOBAL_OFFSET_TABLE_|__(start|stop)_atoll_sealed|__frame_dummy_init_array_entry|'
                            r'__do_global_dtors_aux_fini_array_entry')
# Variables of other libraries, of which an executable holds the copy that all use: NAME@VERSION of the C and C++ libraries.
COPIES = re.compile(r'(environ|__environ|_environ|stdin|stdout|stderr|timezone|daylight|tzname|optind|optarg|opterr|_Z\w+)@')
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
            and section.name != 'atoll_sealed' and not section.name.startswith(('.data.rel.ro',) + CONSTRUCTORS))


def uncovered(section, symbols):
    """Bytes of a section that belong to no symbol and are no padding before an aligned one."""
    spans = sorted((s.value - section.address, s.value - section.address + s.size) for s in symbols)
    end = missing = 0
    for start, stop in spans + [(section.size, section.size)]:
        # Padding is less than the alignment of what follows, which its offset shows (at the end: that of the section).
        align = min(start & -start if start else section.align, section.align, 64)
        if start - end >= max(align, 1):
            missing += start - end
        end = max(end, stop)
    return missing


def check_binary(path, rows, problems):
    sections, symbols = common.read_elf(path)
    if any(s.name.startswith(SANITIZED) for s in symbols):
        problems.append((path, 'built with a sanitizer: check another build'))
        return
    if not symbols:
        problems.append((path, 'has no symbol table'))
    segments = common.read_segments(path)
    relro = [s for s in segments if s.type == common.PT_GNU_RELRO]
    for section in sections:
        if section.name.startswith(RELRO_SECTIONS) and section.size > 1 and not any(
                s.address <= section.address and section.address + section.size <= s.address + s.size for s in relro):
            problems.append((path, '%s stays writable: it is not inside RELRO' % section.name))
        if section.name in ('.init_array', '.fini_array') and section.size > 8:
            problems.append((path, 'runs code before main (%s): more than the C start-up code\'s own' % section.name))
        if section.name in CONSTRUCTORS[1:3]:
            problems.append((path, 'runs code before main (%s)' % section.name))
    found = [s for s in symbols if is_writable(s.section) and s.section.name not in LINKER_SECTIONS
             and not LINKER_SYMBOLS.fullmatch(s.name) and not COPIES.match(s.name) and s.kind != common.STT_SECTION]
    readable = demangled(sorted({s.name for s in found}))
    for s in found:
        if not any(r.regex.fullmatch(s.name) or r.regex.fullmatch(readable[s.name]) for r in rows):
            problems.append((path, 'writable and not in the ledger: %s in %s' % (readable[s.name], s.section.name)))


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


def check(paths, ledger_path, want_used=True, binaries=()):
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
                if symbol.section != 'COMMON':
                    named.setdefault(symbol.section, []).append(symbol)
        for section in sections:
            if section.name.startswith(CONSTRUCTORS) or section.name in BEFORE_MAIN and section.size:
                problems.append((path, 'runs code before main (%s): a static constructor or destructor' % section.name))
            elif is_writable(section) and section.size:
                missing = uncovered(section, named.get(section, ()))
                if missing:
                    problems.append((path, '%d writable bytes in %s without a name' % (missing, section.name)))
    readable = demangled(sorted({name for _, name, _ in found}))
    for path, name, where in found:
        matches = [r for r in rows if r.regex.fullmatch(name) or r.regex.fullmatch(readable[name])]
        for row in matches:
            row.used = True
        if not matches:
            problems.append((path, 'writable and not in the ledger: %s in %s' % (readable[name], where)))
    for path in binaries:
        checked += 1
        check_binary(path, rows, problems)
    if want_used and checked:
        for row in rows:
            if not row.used:
                problems.append(('%s:%d' % (ledger_path, row.number), 'no symbol matches "%s"' % row.pattern))
    return checked, problems


def main():
    parser = argparse.ArgumentParser(description='Check the writable symbols of object files against the ledger.')
    parser.add_argument('--ledger', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ledger.tsv'))
    parser.add_argument('--objects', action='append', required=True)
    parser.add_argument('--binary', action='append', default=[])
    opts = parser.parse_args()
    return common.report('writable symbols', *check(opts.objects, opts.ledger, binaries=opts.binary))


if __name__ == '__main__':
    sys.exit(main())
