#!/usr/bin/python3.11
"""Run CPython's regression suite under an interpreter and count what of the reference's cases it passes.

    run.py [--interp ./python] [--area AREA ...] [MODULE ...]     count, per area
    run.py --update ...                                           ... and add what is new to the ratchet
    run.py --check [--budget SECONDS]                             the cases of the ratchet still pass

MODULE is test_json, a part of a package (test_json.test_scanner), a glob ('test_c*') or @FILE with such names.
This program runs under the system's python3.11; README.md in this folder tells more.
"""
import argparse
import collections
import fnmatch
import os
import re
import shutil
import sys
import time

import runner
import tables

# A check plans with this part of its budget, by the reference's times: the rest is for a slower or busy machine.
PLANNED_SHARE = 0.6
START_SECONDS = 0.6     # what a module costs beyond its tests, at least


def one_line(text):
    return ' '.join(str(text).split())


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0],
                                     epilog='Exit status of --check: 1 when a case of the ratchet is lost.')
    add = parser.add_argument
    add('modules', nargs='*', metavar='MODULE')
    add('--interp', default='./python', help='interpreter under test')
    add('--interp-arg', action='append', default=[], metavar='ARG', help='argument for it (repeatable)')
    add('--env', action='append', default=[], metavar='K=V', help='environment variable for it (repeatable)')
    add('--area', action='append', default=[], help='only the modules of this area (repeatable)')
    add('--exclude', action='append', default=[], metavar='GLOB', help='not these modules')
    add('--check', action='store_true', help='run the cases of the ratchet; each must pass')
    add('--update', action='store_true', help='add newly passing cases to the ratchet')
    add('--ratchet', default=tables.RATCHET, help='another ratchet file')
    add('--budget', type=float, default=0, metavar='S', help='end after this many seconds; with --check, plan for it')
    add('-j', type=int, default=2, metavar='N', help='modules at once')
    add('--timeout', type=float, default=120, metavar='S',
        help='per process, or three times what the reference took if that is more')
    add('--stall', type=float, default=60, metavar='S', help='stop a process after S seconds without a finished case')
    add('--resume', type=int, default=10, metavar='N', help='go on behind a crash or timeout, up to N times')
    add('--memory', type=int, default=0, metavar='MB', help='address space of each process (0: no limit)')
    add('--resources', default='cpu', help='resources of the suite to enable')
    add('--lost', metavar='FILE', help='write the baseline cases that do not pass, with the reason')
    add('--cases', metavar='FILE', help='write every case and its result')
    add('--logs', metavar='DIR', help="keep the end of each module's output")
    add('--why', type=int, default=0, metavar='N', help='show the N most frequent reasons of lost cases')
    opts = parser.parse_args()
    opts.interp = os.path.abspath(shutil.which(opts.interp) or opts.interp)
    if not os.access(opts.interp, os.X_OK):
        parser.error('%s is no program' % opts.interp)
    if opts.check and opts.update:
        parser.error('--check runs only what is in the ratchet, so there is nothing to --update')
    return parser, opts


def choose_modules(parser, opts, baseline):
    known = sorted(baseline.cases)
    unknown = set(opts.area) - set(baseline.areas())
    if unknown:
        parser.error('no area %s; there are %s' % (', '.join(sorted(unknown)), ', '.join(baseline.areas())))
    names = []
    for name in opts.modules:
        if name.startswith('@'):
            with open(name[1:], encoding='utf-8') as f:
                names += [line.split()[0] for line in f if line.strip() and not line.startswith('#')]
        else:
            names.append(name.removeprefix('test.'))
    modules = []
    for name in names or (['*'] if not opts.area else []):
        if any(ch in name for ch in '*?['):
            modules += fnmatch.filter(known, name)
        elif name.partition('.')[0] in baseline.area:
            modules.append(name)
        else:
            parser.error('no module %s in the suite' % name)
    modules += [m for m in known if baseline.area[m] in opts.area]
    return [m for m in dict.fromkeys(modules) if not any(fnmatch.fnmatch(m, g) for g in opts.exclude)]


class Progress:
    """One line per finished module."""

    def __init__(self, total, wanted):
        self.total, self.wanted = total, wanted
        self.begin = time.monotonic()
        self.outcomes = []

    def __call__(self, out):
        self.outcomes.append(out)
        want = self.wanted(out.module)
        note = one_line('; '.join(out.notes))
        print('%6.0fs %3d/%d %-34s %-12s [%d/%d] (%.1fs)%s' % (
            time.monotonic() - self.begin, len(self.outcomes), self.total, out.module, out.outcome,
            len(want & out.passed()), len(want), out.seconds, ' - ' + note[:160] if note else ''), flush=True)


def lost_cases(outcomes, wanted):
    """(module, case, result, text) of the wanted cases that did not pass."""
    for out in sorted(outcomes, key=lambda o: o.module):
        results = {c.key: c for c in out.cases}
        for key in sorted(wanted(out.module) - out.passed()):
            case = results.get(key)
            if case is None:
                yield out.module, key, 'not-run', one_line('; '.join(out.notes))
            else:
                yield out.module, key, runner.NAMES[case.result], one_line(case.text)


def write_details(opts, outcomes, lost):
    if opts.lost:
        with open(opts.lost, 'w', encoding='utf-8') as f:
            print('module', 'case', 'result', 'text', sep='\t', file=f)
            for row in lost:
                print(*row, sep='\t', file=f)
    if opts.cases:
        with open(opts.cases, 'w', encoding='utf-8') as f:
            print('module', 'case', 'result', 'seconds', 'text', sep='\t', file=f)
            for out in sorted(outcomes, key=lambda o: o.module):
                for c in out.cases:
                    print(out.module, one_line(c.key), runner.NAMES[c.result], '%.3f' % c.seconds, one_line(c.text),
                          sep='\t', file=f)
    if opts.logs:
        os.makedirs(opts.logs, exist_ok=True)
        for out in outcomes:
            with open(os.path.join(opts.logs, out.module + '.log'), 'wb') as f:
                f.write(out.log)


def show_reasons(lost, number):
    """What most lost cases have in common: their message, quoted names and numbers left out."""
    reasons = collections.Counter()
    example = {}
    for module, key, result, text in lost:
        reason = result + ': ' + re.sub(r'\b\d+\b', 'N', text)[:110]
        reasons[reason] += 1
        example.setdefault(reason, key)
    for reason, count in reasons.most_common(number):
        print('%6d  %s\n          as in %s' % (count, reason, example[reason]))


def summarise(baseline, outcomes):
    """The lines per area and the sum."""
    passed, total = collections.Counter(), collections.Counter()
    clean = scored = 0
    for out in outcomes:
        want = baseline.expected(out.module)
        area = baseline.area[out.module.partition('.')[0]]
        got = len(want & out.passed())
        passed[area] += got
        total[area] += len(want)
        scored += bool(want)
        clean += bool(want) and got == len(want)
    for area in baseline.areas():
        if total[area]:
            print('area %s: %d of %d (%.1f %%)' % (area, passed[area], total[area], 100 * passed[area] / total[area]))
    everything = sum(total.values())
    print('cases: %d of %d (%.1f %%); modules clean: %d of %d' % (
        sum(passed.values()), everything, 100 * sum(passed.values()) / everything if everything else 0, clean, scored))


def options_for_runner(opts, begin):
    return runner.Options(
        opts.interp, interp_args=opts.interp_arg, environment=dict(e.partition('=')[::2] for e in opts.env),
        jobs=opts.j, timeout=opts.timeout, stall=opts.stall, resume=opts.resume, memory=opts.memory,
        resources=opts.resources, deadline=begin + opts.budget if opts.budget else None)


def slow_first(baseline, modules):
    return sorted(modules, key=lambda m: -baseline.expected_seconds(m))


def count(opts, baseline, ratchet, modules):
    begin = time.monotonic()
    progress = Progress(len(modules), baseline.expected)
    runner.run_modules(options_for_runner(opts, begin),
                       [(m, baseline.expected_seconds(m), None) for m in slow_first(baseline, modules)], progress)
    outcomes = progress.outcomes
    lost = list(lost_cases(outcomes, baseline.expected))
    write_details(opts, outcomes, lost)
    if opts.why:
        show_reasons(lost, opts.why)
    missing = sorted(set(modules) - {o.module for o in outcomes})
    if missing:
        print('not run, the budget was used up: %s' % ' '.join(missing))
    was = sum(len(c) for c in ratchet.cases.values())
    for out in outcomes:
        top = out.module.partition('.')[0]
        gone = (ratchet.cases.get(top, set()) & baseline.expected(out.module)) - out.passed()
        for key in sorted(gone):
            print('in the ratchet, but does not pass: %s' % key)
    if opts.update:
        unsteady = {(r['module'], r['case']) for r in tables.read_tsv('unsteady.tsv')}
        new = 0
        for out in outcomes:
            top = out.module.partition('.')[0]
            new += ratchet.add(top, {c for c in out.passed() if (top, c) not in unsteady})
        ratchet.write()
        print('ratchet: %d cases, %d of them new' % (was + new, new))
    summarise(baseline, outcomes)
    return 0


def plan(opts, baseline, ratchet, modules):
    """The modules that a check runs: as many as fit into the budget, those with the most cases per second first."""
    modules = [m for m in modules if ratchet.cases.get(m)]
    if not opts.budget:
        return modules, []

    def seconds(module):
        return START_SECONDS + baseline.expected_seconds(module)

    left = PLANNED_SHARE * opts.budget * max(1, opts.j)
    chosen, dropped = [], []
    for module in sorted(modules, key=lambda m: (-len(ratchet.cases[m]) / seconds(m), m)):
        if seconds(module) <= left:
            left -= seconds(module)
            chosen.append(module)
        else:
            dropped.append(module)
    return chosen, sorted(dropped)


def check(opts, baseline, ratchet, modules):
    begin = time.monotonic()
    chosen, dropped = plan(opts, baseline, ratchet, modules)
    if not chosen:
        print('nothing to check: the ratchet is empty')
        return 0
    if dropped:
        print('left out, their time does not fit into the budget (--budget 0 runs them): %s' % ' '.join(dropped))

    def wanted(module):
        return ratchet.cases[module]

    run_options = options_for_runner(opts, begin)
    progress = Progress(len(chosen), wanted)
    runner.run_modules(run_options, [(m, baseline.expected_seconds(m), wanted(m)) for m in slow_first(baseline, chosen)],
                       progress)
    lost = list(lost_cases(progress.outcomes, wanted))
    not_run = sorted(set(chosen) - {o.module for o in progress.outcomes})

    # A case that depends on the machine's load gets a second chance, alone.
    if lost and (run_options.deadline is None or time.monotonic() < run_options.deadline):
        again = collections.defaultdict(set)
        for module, key, _, _ in lost:
            again[module].add(key)
        print('once more, %d cases of %d modules:' % (len(lost), len(again)))
        second = Progress(len(again), lambda m: again[m])
        run_options.jobs = 1
        runner.run_modules(run_options, [(m, baseline.expected_seconds(m), again[m]) for m in sorted(again)], second)
        recovered = {o.module: o.passed() for o in second.outcomes}
        for module, key, result, _ in lost:
            if key in recovered.get(module, ()):
                print('unsteady: %s (%s, then pass)' % (key, result))
        lost = [row for row in lost if row[1] not in recovered.get(row[0], ())]

    write_details(opts, progress.outcomes, lost)
    for _, key, result, text in lost:
        print('LOST %s: %s %s' % (key, result, text[:200]))
    for module in not_run:
        print('LOST %s: not run, the budget of %d s was used up' % (module, opts.budget))
    total = sum(len(wanted(m)) for m in chosen)
    failed = len(lost) + sum(len(wanted(m)) for m in not_run)
    print('conformance: %d passed, %d failed' % (total - failed, failed))
    return 1 if failed else 0


def main():
    parser, opts = parse_arguments()
    runner.prepare_process()
    baseline = tables.Baseline()
    ratchet = tables.Ratchet(baseline, opts.ratchet)
    modules = choose_modules(parser, opts, baseline)
    try:
        return (check if opts.check else count)(opts, baseline, ratchet, modules)
    except KeyboardInterrupt:
        print('interrupted')
        return 130


if __name__ == '__main__':
    sys.exit(main())
