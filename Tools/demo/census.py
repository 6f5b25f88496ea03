"""A census of the standard library: what is in its Python files, counted by several interpreters at once.

    ./python Tools/demo/census.py                    1 interpreter, 2 forked processes, N interpreters; the table
    ./python Tools/demo/census.py --interpreters 4   another N than the number of cores
    /usr/bin/python3.11 Tools/demo/census.py --single    the same counting, in this interpreter alone
    ... --check --interp ./python                    runs the interpreters there, and compares the totals with here

Every .py file below the standard library is read, tokenised and parsed. The files go over a channel to N isolated
interpreters, each in a thread of its own and with its own lock; what they counted comes back over a channel.
"""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import census_count       # noqa: E402
import census_workers     # noqa: E402


class Progress:
    """A bar on a terminal; elsewhere a line per run."""

    WIDTH = 40

    def __init__(self, label, total, out):
        self.label, self.total, self.out = label, total, out
        self.done = 0
        self.drawn = -1
        self.live = out is not None and out.isatty()
        self.start = time.perf_counter()

    def __call__(self, path):
        self.done += 1
        permille = self.done * 1000 // self.total
        if self.live and permille != self.drawn:
            self.drawn = permille
            filled = self.WIDTH * self.done // self.total
            self.out.write('\r%-22s [%s%s] %5.1f %%' % (
                self.label, '#' * filled, '.' * (self.WIDTH - filled), permille / 10))
            self.out.flush()

    def finish(self):
        """The seconds since the start."""
        seconds = time.perf_counter() - self.start
        if self.out is not None:
            self.out.write('%s%-22s [%s] %7.2f s\n' % ('\r' if self.live else '', self.label, '#' * self.WIDTH, seconds))
            self.out.flush()
        return seconds


def timed(opts, label, paths, count, *more):
    progress = Progress(label, len(paths), None if opts.quiet else sys.stderr)
    census = count(opts.root, paths, progress, *more)
    seconds = progress.finish()
    if progress.done != len(paths) or census.files != len(paths):
        raise census_workers.WorkerFailed('%s: %d of %d files' % (label, census.files, len(paths)))
    return census, seconds


def plural(number, what):
    return '%d %s' % (number, what if number == 1 else what + ('es' if what.endswith('s') else 's'))


def run_census(opts, paths):
    """Time one interpreter, forked processes and N interpreters; (census, rows) where a row is (label, seconds)."""
    rows = []
    census, seconds = timed(opts, plural(1, 'interpreter'), paths, census_workers.count_in_interpreters, 1)
    rows.append((plural(1, 'interpreter'), seconds))
    others = []
    if not opts.no_processes:
        label = plural(opts.processes, 'forked process')
        other, seconds = timed(opts, label, paths, census_workers.count_in_processes, opts.processes)
        rows.append((label, seconds))
        others.append((label, other))
    if opts.interpreters > 1:
        label = plural(opts.interpreters, 'interpreter')
        other, seconds = timed(opts, label, paths, census_workers.count_in_interpreters, opts.interpreters)
        rows.append((label, seconds))
        others.append((label, other))
    for label, other in others:
        if other.totals() != census.totals():
            raise census_workers.WorkerFailed('%s counted something else than one interpreter' % label)
    return census, rows


def check(opts, paths):
    """Totals of interpreters over there against those of this interpreter alone."""
    import subprocess

    command = [os.path.abspath(opts.interp), os.path.abspath(__file__), '--json', '--quiet', '--root', opts.root,
               '--every', str(opts.every), '--interpreters', str(opts.interpreters), '--processes', str(opts.processes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=opts.timeout, check=False)
    failures = []
    if done.returncode:
        failures.append('exit status %d of %s' % (done.returncode, ' '.join(command)))
        theirs = {}
    else:
        theirs = json.loads(done.stdout.decode())
    census, _ = timed(opts, 'this interpreter', paths, census_workers.count_here)
    ours = json.loads(json.dumps(census.totals()))
    equal = 0
    for name, value in ours.items():
        if theirs.get('totals', {}).get(name) == value:
            equal += 1
        elif theirs:
            failures.append('%s: %.300r here, %.300r there' % (name, value, theirs['totals'].get(name)))
    for text in failures:
        print(text)
    for label, seconds in theirs.get('times', ()):
        print('%-22s %8.2f s' % (label, seconds))
    print('census: %d passed, %d failed' % (equal, len(ours) - equal))
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add = parser.add_argument
    add('--root', default=os.path.dirname(os.path.abspath(os.__file__)), help='whose files to count')
    add('--interpreters', type=int, default=os.cpu_count() or 2, metavar='N', help='default: one per core')
    add('--processes', type=int, default=2, metavar='N', help='forked processes to compare with (default 2)')
    add('--no-processes', action='store_true', help='leave that comparison out')
    add('--every', type=int, default=1, metavar='N', help='only every Nth file')
    add('--single', action='store_true', help='count in this interpreter alone')
    add('--check', action='store_true', help='compare the totals of --interp with those of this interpreter')
    add('--interp', default='./python', help='with --check: the interpreter to check')
    add('--timeout', type=float, default=900, help='with --check: seconds')
    add('--json', action='store_true', help='print totals and times as JSON')
    add('--quiet', action='store_true', help='no progress bar')
    opts = parser.parse_args()

    paths = census_count.source_files(opts.root, opts.every)
    if not paths:
        parser.error('no Python files below %s' % opts.root)
    for path in paths:              # so that the first run does not pay for the disk
        with open(os.path.join(opts.root, path), 'rb') as f:
            f.read()
    if opts.check:
        return check(opts, paths)
    if opts.single:
        census, seconds = timed(opts, 'this interpreter', paths, census_workers.count_here)
        rows = [('this interpreter', seconds)]
    else:
        census, rows = run_census(opts, paths)
    if opts.json:
        print(json.dumps({'totals': census.totals(), 'times': rows}))
        return 0
    print('\n'.join(census_count.table(census)))
    print('\n%-22s %9s %9s' % ('', 'seconds', 'speed-up'))
    for label, seconds in rows:
        print('%-22s %9.2f %8.2fx' % (label, seconds, rows[0][1] / seconds))
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except census_workers.WorkerFailed as exc:
        sys.exit('census: %s' % exc)
