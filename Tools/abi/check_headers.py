#!/usr/bin/env python3
"""Compile every public header alone, and extension code as people write it, as C and as C++.

Headers: each alone, and again with PY_SSIZE_T_CLEAN and with the limited API of 3.7; no warning is allowed.
Samples (samples/*.c): compiled to object files, whose undefined symbols must all be in symbols.tsv, so that what
the headers expand to never calls anything that CPython 3.11 does not export; refcounts.c is also run.
"""
import argparse
import concurrent.futures
import csv
import glob
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NEEDS = {'pyexpat.h': 'expat.h', 'py_curses.h': 'ncurses.h'}
MODES = {
    'plain': [],
    'clean': ['-DPY_SSIZE_T_CLEAN'],
    'limited 3.7': ['-DPY_SSIZE_T_CLEAN', '-DPy_LIMITED_API=0x03070000'],
    'limited 3.11': ['-DPy_LIMITED_API=0x030b0000'],
}
WARNINGS = ['-Wall', '-Wextra', '-Werror']
# Tables end with a short row, and functions with keywords are cast: every extension does both.
SAMPLE_WARNINGS = WARNINGS + ['-Wno-missing-field-initializers', '-Wno-cast-function-type']


def standards(compiler):
    if '++' in compiler:
        return ['-std=c++11', '-std=c++20'], 'c++'
    return ['-std=c99', '-std=c11'], 'c'


def compile_(command, text=None):
    done = subprocess.run(command, input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return done.stderr.strip() if done.returncode else ''


def header_job(compiler, standard, language, include, header, mode):
    # Twice, so that the guard is tested too.
    text = f'#include "{header}"\n#include "{header}"\n'
    command = [compiler, standard, '-x', language, *WARNINGS, *MODES[mode], f'-I{include}', '-fsyntax-only', '-']
    error = compile_(command, text)
    return f'{header} ({compiler} {standard}, {mode}):\n{error}' if error else ''


def sample_job(compiler, standard, language, include, path, exported, folder):
    output = os.path.join(folder, '-'.join((compiler, standard, os.path.basename(path))) + '.o')
    command = [compiler, standard, '-x', language, '-O1', '-fPIC', *SAMPLE_WARNINGS, f'-I{include}', '-c', path, '-o', output]
    error = compile_(command)
    where = f'{os.path.basename(path)} ({compiler} {standard})'
    if error:
        return f'{where}:\n{error}'
    if os.path.basename(path) == 'refcounts.c':         # a whole program
        program = output[:-2]
        error = compile_([compiler, output, '-o', program])
        if not error:
            ran = subprocess.run([program], text=True, stdout=subprocess.PIPE)
            error = f'{ran.stdout}exit code {ran.returncode}' if ran.returncode else ''
        return f'{where}:\n{error}' if error else ''
    names = subprocess.run(['nm', '-u', output], text=True, stdout=subprocess.PIPE, check=True).stdout.split()
    unknown = [name for name in names if name.lstrip('_').startswith('Py') and name not in exported]
    return f'{where}: calls what 3.11 does not export: {" ".join(unknown)}' if unknown else ''


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--include', default=os.path.join(ROOT, 'Include'))
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--quick', action='store_true', help='one C and one C++ compiler, newest standard only')
    options = parser.parse_args()

    compilers = [name for name in ('gcc', 'g++', 'clang', 'clang++') if shutil.which(name)]
    if options.quick:
        compilers = compilers[:2]
    if not compilers:
        sys.exit('no compiler found')
    headers = sorted(os.path.relpath(path, options.include)
                     for path in glob.glob(options.include + '/**/*.h', recursive=True))
    samples = sorted(glob.glob(os.path.join(HERE, 'samples', '*.c')))
    with open(os.path.join(HERE, 'symbols.tsv'), encoding='utf-8', newline='') as file:
        exported = {row['symbol'] for row in csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)}
    for header, foreign in NEEDS.items():
        if compile_([compilers[0], '-E', '-x', 'c', '-'], f'#include <{foreign}>\n'):
            headers.remove(header)
            print(f'not compiled: {header}, because <{foreign}> is not installed')

    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = []
        for compiler in compilers:
            stds, language = standards(compiler)
            for standard in stds[-1:] if options.quick else stds:
                for header in headers:
                    for mode in MODES:
                        # The internal headers belong to the full interface.
                        if mode.startswith('limited') and header.startswith('internal/'):
                            continue
                        # Every header in the newest standard; Python.h alone, which includes nearly all, in the older.
                        if standard != stds[-1] and header != 'Python.h':
                            continue
                        jobs.append(pool.submit(header_job, compiler, standard, language, options.include, header, mode))
                for sample in samples:
                    jobs.append(pool.submit(sample_job, compiler, standard, language, options.include, sample, exported, folder))
        failures = [failure for failure in (job.result() for job in jobs) if failure]
    for failure in failures:
        print(failure)
    print(f'headers: {len(headers)} headers and {len(samples)} samples, {len(jobs)} compilations, {len(failures)} failed '
          f'({", ".join(compilers)})')
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
