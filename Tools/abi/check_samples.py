#!/usr/bin/env python3
"""Build samples/ with the headers of Include/ and use them in an interpreter.

With CPython 3.11 (--python /usr/bin/python3.11) this shows that the headers describe its binary interface; with
./python it shows that the interpreter keeps it.  Each sample is built as C and as C++.
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SAMPLES = {'types.c': 'sample', 'arguments.c': 'arguments', 'buffers.c': 'buffers', 'dates.c': 'dates',
           'generated.c': 'generated', 'limited.c': 'limited'}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--python', default='/usr/bin/python3.11', help='interpreter to load the samples (default: %(default)s)')
    parser.add_argument('--include', default=os.path.join(ROOT, 'Include'))
    parser.add_argument('--timeout', type=int, default=120, help='seconds for each of the two runs')
    options, rest = parser.parse_known_args()      # the rest is for unittest
    failed = 0
    for compiler, language in (('gcc', 'c'), ('g++', 'c++')):
        with tempfile.TemporaryDirectory() as folder:
            for source, module in SAMPLES.items():
                subprocess.run([compiler, '-x', language, '-O2', '-w', '-shared', '-fPIC', f'-I{options.include}',
                                os.path.join(HERE, 'samples', source), '-o', os.path.join(folder, module + '.so')], check=True)
            script = os.path.join(HERE, 'samples', 'test_samples.py')
            try:
                done = subprocess.run([options.python, '-B', script, folder, *rest], timeout=options.timeout)
                code = done.returncode
            except subprocess.TimeoutExpired:
                code = f'none after {options.timeout} s'
        print(f'samples built by {compiler}, used by {options.python}: {"passed" if code == 0 else f"FAILED (exit code {code})"}')
        failed += code != 0
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
