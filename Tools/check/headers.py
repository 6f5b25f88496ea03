#!/usr/bin/python3.11
"""Every internal header compiles alone; of the public ones, Python.h does, as C++ and as C.

Each header is compiled as the only include of a file, through the compiler cache where there is one, so that a
second run takes a moment.
"""
import argparse
import concurrent.futures
import os
import shlex
import subprocess
import sys
import tempfile

import common


def jobs(root):
    """(header, language) pairs."""
    headers = [h for h in common.source_files(root, ('.h',)) if common.room_of(h) not in (None, 'Include')]
    pairs = [(h, 'c++') for h in headers]
    if os.path.exists(os.path.join(root, 'Include/Python.h')):
        pairs += [('Include/Python.h', 'c++'), ('Include/Python.h', 'c')]
    return pairs


def compile_alone(root, header, language, cxx, flags, folder):
    """Empty when the header compiles alone, else the compiler's first complaints."""
    name = header.replace('/', '.') + '.' + language.replace('+', 'p')
    source = os.path.join(folder, name + ('.cc' if language == 'c++' else '.c'))
    with open(source, 'w', encoding='utf-8') as f:
        f.write('#include "%s"\n' % header)
    environment, command = [], shlex.split(cxx)
    while command and '=' in command[0]:
        environment.append(command.pop(0))
    if language == 'c':
        command = ['gcc' if c in ('g++', 'c++') else 'clang' if c == 'clang++' else c for c in command]
        flags = ['-std=c11', '-Wall', '-Wextra', '-I' + os.path.join(root, 'Include')]
    command += flags + ['-O0', '-Werror', '-I' + root, '-c', source, '-o', source + '.o']
    done = subprocess.run(command, capture_output=True, text=True, errors='replace', cwd=folder, check=False,
                          env={**os.environ, **dict(e.split('=', 1) for e in environment)})
    if done.returncode == 0:
        return ''
    lines = [line for line in done.stderr.splitlines() if 'error' in line] or done.stderr.splitlines()
    return '; '.join(lines[:3]) or 'exit status %d' % done.returncode


def absolute(flags):
    """Include folders are given relative to the build folder; the compiler runs elsewhere."""
    return ['-I' + os.path.abspath(f[2:]) if f.startswith('-I') else f for f in flags]


def check(root, cxx, flags, workers=2):
    root = os.path.abspath(root)
    problems = []
    with tempfile.TemporaryDirectory(prefix='headers') as folder, \
            concurrent.futures.ThreadPoolExecutor(workers) as pool:
        pairs = jobs(root)
        results = pool.map(lambda p: compile_alone(root, *p, cxx, flags, folder), pairs)
        for (header, language), text in zip(pairs, results):
            if text:
                problems.append((header, 'does not compile alone as %s: %s' % (language, text)))
    return len(pairs), problems


def main():
    parser = argparse.ArgumentParser(description='Check that each header compiles alone.')
    parser.add_argument('--root', default=common.ROOT)
    parser.add_argument('--cxx', default='g++')
    parser.add_argument('--flags', default='-std=c++20 -fno-exceptions -fno-rtti')
    parser.add_argument('-j', type=int, default=os.cpu_count() or 2)
    opts = parser.parse_args()
    # Optimisation and prefix maps play no part here and would spoil the cache.
    flags = [f for f in absolute(shlex.split(opts.flags)) if not f.startswith(('-O', '-g', '-ffile-prefix-map', '-fprofile'))]
    return common.report('headers', *check(opts.root, opts.cxx, flags, opts.j))


if __name__ == '__main__':
    sys.exit(main())
