#!/usr/bin/python3.11
"""Run everything that `make test` stands for, one step after the other, and add up the results.

    run_all.py --make make --build DIR [--only STEP ...]

Each step is a make target. Its output goes to DIR/results/STEP.log; the console gets one line per step, and the
end of the log when the step failed. The last line, also written to DIR/results/total, is "N passed, N failed".
A step that ends with an error, runs into its time limit, or reports no test at all counts as a failure.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import time

# target, time limit in seconds
STEPS = [
    ('check-self', 300),
    ('check-layout', 600),
    ('check-isolation', 900),
    ('check-unit', 900),
    ('check-lib', 1200),
    ('check-hosts', 900),
    ('check-sealed', 1800),
    ('check-census', 600),
    ('check-conformance', 1200),
]

SUMMARY = re.compile(r'^[\w .:/-]*\b(\d+) passed, (\d+) failed\b')
GTEST_PASSED = re.compile(r'^\[  PASSED  \] (\d+) tests?\.')
GTEST_FAILED = re.compile(r'^\[  FAILED  \] (\d+) tests?, listed below')
UNITTEST_RAN = re.compile(r'^Ran (\d+) tests? in ')
UNITTEST_END = re.compile(r'^(OK|FAILED)(?: \((.*)\))?$')
LAYOUT = re.compile(r'^layout table: (\d+) structs, (\d+) fields, (\d+) constants equal')
LAYOUT_HEADERS = re.compile(r'^headers: (\d+) headers and (\d+) samples, \d+ compilations, (\d+) failed')
PLANTED = re.compile(r'^self-test: (\d+) of (\d+)\b')
NOT_THERE_YET = re.compile(r'^nothing to check: ')


def tally(lines):
    """Passed and failed tests that the output of a step reports; None when it reports none."""
    passed = failed = 0
    seen = False
    ran = None
    for line in lines:
        line = line.rstrip('\n')
        if match := SUMMARY.match(line):
            passed += int(match[1])
            failed += int(match[2])
            seen = True
        elif match := GTEST_PASSED.match(line):
            passed += int(match[1])
            seen = True
        elif match := GTEST_FAILED.match(line):
            failed += int(match[1])
            seen = True
        elif match := UNITTEST_RAN.match(line):
            ran = int(match[1])
        elif ran is not None and (match := UNITTEST_END.match(line)):
            counts = dict(re.findall(r'([a-z ]+)=(\d+)', match[2] or ''))
            counts = {name.strip(): int(value) for name, value in counts.items()}
            bad = counts.get('failures', 0) + counts.get('errors', 0) + counts.get('unexpected successes', 0)
            passed += max(0, ran - bad - counts.get('skipped', 0) - counts.get('expected failures', 0))
            failed += bad
            seen = True
            ran = None
        elif match := LAYOUT.match(line):
            passed += sum(map(int, match.groups()))
            seen = True
        elif match := LAYOUT_HEADERS.match(line):
            passed += max(0, int(match[1]) + int(match[2]) - int(match[3]))
            failed += int(match[3])
            seen = True
        elif match := PLANTED.match(line):
            passed += int(match[1])
            failed += int(match[2]) - int(match[1])
            seen = True
        elif NOT_THERE_YET.match(line):
            seen = True
    return (passed, failed) if seen else None


def run_step(opts, target, limit):
    log_path = os.path.join(opts.build, 'results', target + '.log')
    start = time.monotonic()
    with open(log_path, 'w', encoding='utf-8') as log:
        command = shlex.split(opts.make) + ['--no-print-directory', '-C', opts.build, target]
        proc = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                start_new_session=True)
        try:
            status = proc.wait(limit)
        except subprocess.TimeoutExpired:
            status = 'time limit of %d s' % limit
        finally:
            try:
                os.killpg(proc.pid, 9)
            except ProcessLookupError:
                pass
            proc.wait()
    with open(log_path, encoding='utf-8', errors='replace') as log:
        lines = log.readlines()
    counts = tally(lines)
    passed, failed = counts or (0, 0)
    problem = ''
    if status != 0 and not failed:
        failed, problem = 1, 'ended with %s' % status
    elif counts is None:
        failed, problem = 1, 'reported no test'
    print('%-18s %6d passed, %4d failed  %6.1f s%s' % (
        target, passed, failed, time.monotonic() - start, '  ' + problem if problem else ''), flush=True)
    if failed:
        print('---- end of %s' % os.path.relpath(log_path))
        sys.stdout.writelines(lines[-60:])
        print('----', flush=True)
    return passed, failed


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--make', default='make')
    parser.add_argument('--build', default='.')
    parser.add_argument('--only', nargs='*', help='only these steps')
    opts = parser.parse_args(argv)
    results = os.path.join(opts.build, 'results')
    os.makedirs(results, exist_ok=True)
    passed = failed = 0
    for target, limit in STEPS:
        if opts.only and target not in opts.only:
            continue
        step_passed, step_failed = run_step(opts, target, limit)
        passed += step_passed
        failed += step_failed
    total = '%d passed, %d failed' % (passed, failed)
    with open(os.path.join(results, 'total'), 'w', encoding='utf-8') as f:
        print(total, file=f)
    print(total)
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
