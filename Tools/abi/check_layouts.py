#!/usr/bin/env python3
"""Compare the headers in Include/ with the tables of CPython 3.11's binary interface.

A C file that prints the size of every struct, the place of every field and the value of every constant of
layouts.tsv and constants.tsv is compiled against Include/, as C and as C++, with every compiler asked for;
what it prints is compared with the tables in full.  Exit code 1 and the differing rows if they are not equal.
"""
import argparse
import csv
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# Headers that need somebody else's header: without it, the struct and the constants are not compared.
NEEDS = {'pyexpat.h': 'expat.h', 'py_curses.h': 'ncurses.h'}
STRUCT_HEADER = {'struct PyExpat_CAPI': 'pyexpat.h', 'PyCursesWindowObject': 'py_curses.h'}
# Not included by Python.h. py_curses.h brings ncurses' macros, so it comes last.
EXTRA = ['structmember.h', 'datetime.h', 'frameobject.h', 'marshal.h', 'token.h', 'errcode.h', 'osdefs.h',
         'internal/pycore_frame.h', 'internal/pycore_moduleobject.h', 'pyexpat.h', 'py_curses.h']

PROLOGUE = r'''
#include <stdio.h>
#include <string.h>

static void size_row(const char *type, size_t size) { printf("%s\t(size)\t0\t%zu\t-\n", type, size); }
static void field_row(const char *type, const char *field, size_t offset, size_t size)
{
    printf("%s\t%s\t%zu\t%zu\t-\n", type, field, offset, size);
}
/* A bit-field: all its bits have been set in memory that was zero. The unit is the aligned 4 bytes it lies in. */
static void bit_row(const char *type, const char *field, const unsigned char *bytes, size_t count)
{
    size_t first = 0, width = 0, i;
    for (i = 0; i < count * 8; i++) {
        if (!(bytes[i / 8] >> (i % 8) & 1))
            continue;
        if (!width)
            first = i;
        width++;
    }
    printf("%s\t%s\t%zu\t4\t%zu:%zu\n", type, field, first / 32 * 4, first % 32, width);
}
static void int_row(const char *name, long long value) { printf("%s\tint\t%lld\n", name, value); }
static void string_row(const char *name, const char *value) { printf("%s\tstring\t%s\n", name, value); }

int main(void)
{
'''


def read_table(name):
    with open(os.path.join(HERE, name), encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE))


def make_source(layouts, constants, absent, language):
    """The C text, and the lines it has to print."""
    body, expected = [], []
    for row in layouts:
        if STRUCT_HEADER.get(row['struct']) in absent:
            continue
        type_, field = row['struct'], row['field']
        expected.append('\t'.join(row[key] for key in ('struct', 'field', 'offset', 'size', 'bits')))
        if field == '(size)':
            body.append(f'size_row("{type_}", sizeof({type_}));')
        elif row['bits'] == '-':
            body.append(f'field_row("{type_}", "{field}", offsetof({type_}, {field}), sizeof((({type_} *)0)->{field}));')
        else:
            body.append('{ static union { %s object; unsigned char bytes[sizeof(%s)]; } u;' % (type_, type_))
            body.append(f'  memset(&u, 0, sizeof u); u.object.{field} = ~0u;')
            body.append(f'  bit_row("{type_}", "{field}", u.bytes, sizeof u.bytes); }}')
    for row in constants:
        if row['header'] in absent:
            continue
        name, kind = row['name'], row['kind']
        expected.append('\t'.join((name, kind, row['value'])))
        # Enumerators of an enum inside a struct have that struct's scope in C++.
        value = f'PyStatus::{name}' if language == 'c++' and name.startswith('_PyStatus_TYPE_') else name
        body.append(f'{kind}_row("{name}", {"(long long)" if kind == "int" else ""}{value});')
    includes = ''.join(f'#include "{name}"\n' for name in ['Python.h'] + EXTRA if name not in absent)
    define = '#define CURSES_MODULE 1\n'    # else py_curses.h asks for its capsule
    return define + includes + PROLOGUE + '\n'.join(body) + '\nreturn 0;\n}\n', expected


def missing_headers(compiler):
    """Those of NEEDS whose foreign header this machine does not have."""
    absent = {}
    for header, foreign in NEEDS.items():
        probe = subprocess.run([*shlex.split(compiler), '-E', '-x', 'c', '-'], input=f'#include <{foreign}>\n', text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if probe.returncode:
            absent[header] = foreign
    return absent


def run(compiler, language, include, source):
    """What the compiled program prints, or None with the compiler's words on stderr."""
    suffix, standard = ('.c', '-std=c11') if language == 'c' else ('.cc', '-std=c++20')
    with tempfile.TemporaryDirectory() as folder:
        path, program = os.path.join(folder, 'layouts' + suffix), os.path.join(folder, 'layouts')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(source)
        # -w: naming deprecated things is the point here.  Functions are only declared, so nothing is linked in.
        made = subprocess.run([*shlex.split(compiler), standard, '-w', '-O0', f'-I{include}', path, '-o', program],
                              text=True, stderr=subprocess.PIPE)
        if made.returncode:
            return None, [line for line in made.stderr.splitlines() if ': error: ' in line] or [made.stderr]
        ran = subprocess.run([program], text=True, stdout=subprocess.PIPE, check=True)
        return ran.stdout.splitlines(), []


def compare(layouts, constants, compiler, language, include):
    """A list of complaints; empty when all is equal."""
    absent = missing_headers(compiler)
    source, expected = make_source(layouts, constants, absent, language)
    printed, errors = run(compiler, language, include, source)
    label = f'{compiler} ({"C" if language == "c" else "C++"})'
    if printed is None:
        return [f'{label}: {error}' for error in errors], absent
    complaints = []
    if len(printed) != len(expected):
        complaints.append(f'{label}: {len(expected)} rows expected, {len(printed)} printed')
    for want, got in zip(expected, printed):
        if want != got:
            complaints.append(f'{label}: table {want!r}, headers {got!r}')
    return complaints, absent


def self_test(layouts, constants, compiler, language, include):
    """Plant one wrong row of each kind; each must be reported, and nothing else."""
    def changed(rows, key, **change):
        copy = [dict(row) for row in rows]
        (row,) = [row for row in copy if all(row[k] == v for k, v in key.items())]
        row.update(change)
        return copy

    plants = [
        ('struct size', changed(layouts, dict(struct='PyTypeObject', field='(size)'), size='416'), constants, 'PyTypeObject'),
        ('field offset', changed(layouts, dict(struct='PyThreadState', field='cframe'), offset='48'), constants, 'cframe'),
        ('field size', changed(layouts, dict(struct='PyLongObject', field='ob_digit'), size='8'), constants, 'ob_digit'),
        ('bit position', changed(layouts, dict(struct='PyASCIIObject', field='state.ascii'), bits='7:1'), constants, 'state.ascii'),
        ('bit width', changed(layouts, dict(struct='PyASCIIObject', field='state.kind'), bits='2:4'), constants, 'state.kind'),
        ('integer constant', layouts, changed(constants, dict(name='METH_METHOD'), value='256'), 'METH_METHOD'),
        ('string constant', layouts, changed(constants, dict(name='PY_VERSION'), value='3.11.3'), 'PY_VERSION'),
        ('missing field', layouts + [dict(struct='PyObject', field='ob_nothing', offset='0', size='8', bits='-')], constants, 'ob_nothing'),
        ('missing constant', layouts, constants + [dict(header='object.h', name='Py_NOTHING', kind='int', value='1')], 'Py_NOTHING'),
    ]
    failed = 0
    for what, rows, values, word in plants:
        complaints, _ = compare(rows, values, compiler, language, include)
        if not complaints or not all(word in complaint for complaint in complaints):
            failed += 1
            print(f'self-test: planted {what} ({word}), reported: {complaints[:3]}')
    print(f'self-test: {len(plants) - failed} of {len(plants)} planted errors were reported')
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--include', default=os.path.join(ROOT, 'Include'), help='headers to check')
    parser.add_argument('--cxx', help='the C++ compiler (default: g++, and clang++ where there is one)')
    parser.add_argument('--cc', help='the C compiler (default: the one that goes with --cxx)')
    parser.add_argument('--self-test', action='store_true', help='plant wrong rows and demand that each is reported')
    options = parser.parse_args()

    layouts, constants = read_table('layouts.tsv'), read_table('constants.tsv')
    if options.cc or options.cxx:
        cxx = options.cxx or 'g++'
        pairs = [(options.cc or cxx.replace('clang++', 'clang').replace('g++', 'gcc').replace('c++', 'cc'), cxx)]
    else:
        pairs = [pair for pair in (('gcc', 'g++'), ('clang', 'clang++')) if all(map(shutil.which, pair))]
    if not pairs:
        sys.exit('no compiler found')
    if options.self_test:
        cc, cxx = pairs[0]
        sys.exit(1 if self_test(layouts, constants, cc, 'c', options.include)
                 + self_test(layouts, constants, cxx, 'c++', options.include) else 0)

    bad, absent = [], {}
    for cc, cxx in pairs:
        for compiler, language in ((cc, 'c'), (cxx, 'c++')):
            complaints, missing = compare(layouts, constants, compiler, language, options.include)
            bad += complaints
            absent.update(missing)
    for line in bad[:100]:
        print(line)
    for header, foreign in absent.items():
        print(f'not compared: {header}, because <{foreign}> is not installed')
    if bad:
        print(f'layout table: {len(bad)} differences')
        sys.exit(1)
    layouts = [row for row in layouts if STRUCT_HEADER.get(row['struct']) not in absent]
    structs = sum(row['field'] == '(size)' for row in layouts)
    values = sum(row['header'] not in absent for row in constants)
    print(f'layout table: {structs} structs, {len(layouts) - structs} fields, {values} constants equal '
          f'({", ".join(name for pair in pairs for name in pair)})')


if __name__ == '__main__':
    main()
