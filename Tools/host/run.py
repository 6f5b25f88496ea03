#!/usr/bin/python3.11
"""Build the programs in programs/ against libatoll3.11.so and run them; one line each, then "hosts: N passed, M failed"."""
import argparse
import glob
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def run(source, folder, options):
    """None when the program does what it should, else what is wrong."""
    name = os.path.splitext(os.path.basename(source))[0]
    program = os.path.join(folder, name)
    command = [options.cc, '-std=c11', '-D_GNU_SOURCE', '-O2', '-g', '-Wall', '-Wextra', '-Werror', '-pthread',
               '-I' + options.include, *options.cflags.split(), source, '-o', program,
               '-L' + options.build, '-latoll3.11', '-Wl,-rpath,' + options.build]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        return 'is not built:\n' + built.stderr
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=options.timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        return 'has not ended after %d s:\n%s%s' % (options.timeout, error.stdout or b'', error.stderr or b'')
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines and lines[-1] == 'ok':
        return None
    return 'exit code %d:\n%s%s' % (done.returncode, done.stdout, done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', default=os.path.join(ROOT, 'build'), help='folder of libatoll3.11.so')
    parser.add_argument('--include', default=os.path.join(ROOT, 'Include'))
    parser.add_argument('--cc', default='gcc')
    parser.add_argument('--cflags', default='')
    parser.add_argument('--timeout', type=int, default=60)
    parser.add_argument('names', nargs='*', help='programs without .c; all by default')
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    sources = sorted(glob.glob(os.path.join(HERE, 'programs', '*.c')))
    if options.names:
        sources = [s for s in sources if os.path.splitext(os.path.basename(s))[0] in options.names]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            problem = run(source, folder, options)
            print('%s: %s' % (os.path.basename(source), problem or 'passed'), flush=True)
            failed += problem is not None
    print('hosts: %d passed, %d failed' % (len(sources) - failed, failed))
    return 1 if failed or not sources else 0


if __name__ == '__main__':
    sys.exit(main())
