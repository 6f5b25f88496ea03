#!/usr/bin/python3.11
"""Compare an interpreter with the system's python3.11 on the programs in programs/.

    run.py [--interp ./python] [PROGRAM ...]        a table with the ratio of each and the geometric mean
    run.py --train ./python                         only run each program once, for profile-guided optimisation

Each program runs alternately on the two interpreters, in fresh processes; start-up does not count. "best" is the
fastest run of all, "median" the median over the processes of each one's fastest run. The ratio is that of the
medians: over 1 means that the interpreter under test is faster. The results must be equal.
"""
import argparse
import fnmatch
import json
import math
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, 'programs')
WORKER = os.path.join(HERE, 'worker.py')
REFERENCE = '/usr/bin/python3.11'


class Failed(Exception):
    pass


def run_once(interp, name, n, seconds, timeout, arguments=()):
    """(fastest time, result) of one process."""
    command = [interp, *arguments, WORKER, PROGRAMS, name, str(n), str(seconds)]
    env = {'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1', 'PYTHONHASHSEED': '0'}
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors='replace', timeout=timeout, env=env,
                              stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        raise Failed('took over %d s' % timeout) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ['no message']
        raise Failed('exit status %d: %s' % (done.returncode, lines[-1][:150]))
    times, _, result = done.stdout.rpartition('\n')[0].rpartition('\n')[2].partition('\t')
    return min(float(t) for t in times.split()), result


def measure(opts, name):
    """A row: best and median per interpreter, in ms, and the ratio of the medians."""
    reference, own = [], []
    expected = None
    for turn in range(opts.rounds):
        # The order changes from round to round, so that neither always runs on the warmer machine.
        pair = [(opts.reference, reference), (opts.interp, own)]
        for interp, times in pair if turn % 2 == 0 else reversed(pair):
            seconds, result = run_once(interp, name, opts.n, opts.seconds, opts.timeout)
            if expected is None:
                expected = result
            if result != expected:
                raise Failed('results differ: %s and %s' % (expected[:80], result[:80]))
            times.append(seconds * 1000)
    return {'name': name, 'reference_best': min(reference), 'reference_median': statistics.median(reference),
            'best': min(own), 'median': statistics.median(own),
            'ratio': statistics.median(reference) / statistics.median(own), 'result': expected[:200]}


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values))


def choose(parser, patterns):
    known = sorted(name[:-3] for name in os.listdir(PROGRAMS) if name.endswith('.py'))
    if not patterns:
        return known
    chosen = []
    for pattern in patterns:
        found = fnmatch.filter(known, pattern)
        if not found:
            parser.error('no program %s; there are %s' % (pattern, ', '.join(known)))
        chosen += found
    return list(dict.fromkeys(chosen))


def train(interp, names):
    failed = 0
    for name in names:
        try:
            seconds, _ = run_once(interp, name, 0, 0, 600)
            print('%-18s %8.1f ms' % (name, seconds * 1000), flush=True)
        except Failed as exc:
            failed += 1
            print('%-18s %s' % (name, exc), flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add = parser.add_argument
    add('programs', nargs='*', metavar='PROGRAM', help='names or globs; default: all')
    add('--interp', default='./python', help='interpreter under test')
    add('--reference', default=REFERENCE, help='what it is compared with')
    add('--rounds', type=int, default=5, help='alternations (default 5)')
    add('--seconds', type=float, default=0.15, help='least time per process (default 0.15)')
    add('--n', type=int, default=0, help="problem size instead of each program's own")
    add('--timeout', type=float, default=120, help='seconds per process')
    add('--json', metavar='FILE', help='write the figures there')
    add('--train', metavar='INTERP', help='run each program once on INTERP')
    opts = parser.parse_args()
    names = choose(parser, opts.programs)
    if opts.train:
        return train(os.path.abspath(opts.train), names)
    opts.interp = os.path.abspath(opts.interp)

    print('%-18s %11s %11s %11s %11s %7s' % ('', 'python3.11', '', 'Atoll', '', ''))
    print('%-18s %11s %11s %11s %11s %7s' % ('program', 'best ms', 'median ms', 'best ms', 'median ms', 'ratio'))
    rows, failures = [], []
    for name in names:
        try:
            row = measure(opts, name)
        except Failed as exc:
            failures.append({'name': name, 'error': str(exc)})
            print('%-18s failed: %s' % (name, exc), flush=True)
            continue
        rows.append(row)
        print('%-18s %11.2f %11.2f %11.2f %11.2f %7.2f' % (
            name, row['reference_best'], row['reference_median'], row['best'], row['median'], row['ratio']), flush=True)
    summary = {'rows': rows, 'failures': failures}
    if rows:
        summary['geometric_mean'] = geometric_mean([r['ratio'] for r in rows])
        worst = min(rows, key=lambda r: r['ratio'])
        summary['worst'] = worst['name']
        print('geometric mean %.2f over %d programs (over 1: Atoll is faster); worst %s with %.2f; failed %d' % (
            summary['geometric_mean'], len(rows), worst['name'], worst['ratio'], len(failures)))
    if opts.json:
        with open(opts.json, 'w', encoding='utf-8') as f:
            json.dump(summary, f, indent=1)
    return 1 if failures or not rows else 0


if __name__ == '__main__':
    sys.exit(main())
