#!/usr/bin/python3.11
"""What an interpreter costs: time, memory, and how many fit, beside /usr/bin/python3.11 and its _xxsubinterpreters.

    Tools/bench/interpreters.py --interp build/python
    Tools/bench/interpreters.py --interp build/python --alive 200 --rounds 3     a short form

Each figure is measured in processes of their own, alternately, and is the median of the rounds. In Atoll the interpreters
are isolated ones, with a lock of their own; in 3.11 they share the one lock, for there is no other kind.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

RUN = "import sys\nclass C: pass\nprint('', end='')"
IMPORTS = "import json, re, collections, dataclasses"


# ---- in the interpreter under test -------------------------------------------------------------------

class Api:
    """create, run and destroy, whatever the module is called."""

    def __init__(self):
        try:
            import _interpreters as module
            self.create = module.create
            self.run = module.exec
        except ImportError:
            import _xxsubinterpreters as module
            self.create = lambda: module.create(isolated=True)
            self.run = module.run_string
        self.destroy = module.destroy

    def checked(self, interp, source):
        failure = self.run(interp, source)
        if failure is not None:
            raise RuntimeError(str(failure))


def resident():
    """KiB of the process that are in memory."""
    with open('/proc/self/smaps_rollup') as f:
        for line in f:
            if line.startswith('Rss:'):
                return int(line.split()[1])
    raise RuntimeError('no Rss in smaps_rollup')


def cycle(api, opts):
    """µs: create, first run, destroy, and all of it."""
    now = time.perf_counter
    parts = [[], [], []]
    for i in range(opts.cycles + 20):
        a = now()
        interp = api.create()
        b = now()
        api.checked(interp, RUN)
        c = now()
        api.destroy(interp)
        d = now()
        if i >= 20:
            for part, seconds in zip(parts, (b - a, c - b, d - c)):
                part.append(seconds * 1e6)
    create, run, destroy = (statistics.median(p) for p in parts)
    return {'create': create, 'first run': run, 'destroy': destroy, 'together': statistics.median(map(sum, zip(*parts)))}


def run_pass(api, opts):
    """µs: running `pass` in an interpreter that is there."""
    interp = api.create()
    api.checked(interp, RUN)
    times = []
    for _ in range(opts.rounds_inside):
        begin = time.perf_counter()
        for _ in range(opts.passes):
            api.run(interp, 'pass')
        times.append((time.perf_counter() - begin) / opts.passes * 1e6)
    api.destroy(interp)
    return {'exec pass': min(times)}


def memory(api, opts, source, alive):
    """KiB for one more interpreter, and µs for making it, with `alive` of them alive."""
    def fresh():
        interp = api.create()
        api.checked(interp, source)
        return interp

    interps = [fresh() for _ in range(10)]
    before = resident()
    begin = time.perf_counter()
    interps += [fresh() for _ in range(alive)]
    seconds = time.perf_counter() - begin
    each = (resident() - before) / alive
    for interp in interps:
        api.destroy(interp)
    return each, seconds / alive * 1e6


def memory_after_run(api, opts):
    return {'KiB each': memory(api, opts, RUN, opts.alive)[0]}


def memory_after_imports(api, opts):
    kib, us = memory(api, opts, IMPORTS, opts.alive_imports)
    return {'KiB each': kib, 'create and import, µs': us}


def many(api, opts):
    """All of them alive at once, each answers, all end: seconds."""
    begin = time.perf_counter()
    interps = [api.create() for _ in range(opts.many)]
    for interp in interps:
        api.checked(interp, RUN)
    for interp in interps:
        api.destroy(interp)
    return {'%d alive, s' % opts.many: time.perf_counter() - begin}


MEASURES = {f.__name__: f for f in (cycle, run_pass, memory_after_run, memory_after_imports, many)}


# ---- outside -----------------------------------------------------------------------------------------

def start_up(interp):
    """ms for a process that runs `pass`."""
    times = []
    for _ in range(20):
        begin = time.perf_counter()
        subprocess.run([interp, '-I', '-c', 'pass'], check=True)
        times.append((time.perf_counter() - begin) * 1e3)
    return {'start, -c pass, ms': statistics.median(times)}


def measure(interp, name, opts):
    if name == 'start_up':
        return start_up(interp)
    settings = {k: v for k, v in vars(opts).items() if isinstance(v, int)}
    done = subprocess.run([interp, os.path.abspath(__file__), '--worker', name, '--settings', json.dumps(settings)],
                          capture_output=True, text=True, timeout=1800)
    if done.returncode != 0:
        sys.exit('%s: %s failed:\n%s' % (interp, name, done.stderr))
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--interp', default='./python')
    parser.add_argument('--reference', default='/usr/bin/python3.11')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--rounds-inside', type=int, default=5)
    parser.add_argument('--cycles', type=int, default=300, help='interpreters made one after the other (default 300)')
    parser.add_argument('--passes', type=int, default=5000)
    parser.add_argument('--alive', type=int, default=1000, help='interpreters alive for the memory figure (default 1000)')
    parser.add_argument('--alive-imports', type=int, default=100)
    parser.add_argument('--many', type=int, default=2000, help='interpreters alive at once (default 2000)')
    parser.add_argument('--many-reference', type=int, default=200, help='the same in the reference, which needs 10 times the memory')
    parser.add_argument('--json', metavar='FILE', help='write the figures there, too')
    parser.add_argument('--worker', choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument('--settings', help=argparse.SUPPRESS)
    opts = parser.parse_args()
    if opts.worker:
        opts.__dict__.update(json.loads(opts.settings))
        print('\n' + json.dumps(MEASURES[opts.worker](Api(), opts)))
        return 0
    figures = {}
    for name in [*MEASURES, 'start_up']:
        rounds = 1 if name in ('memory_after_run', 'memory_after_imports', 'many') else opts.rounds
        for _ in range(rounds):
            for side, interp in (('atoll', opts.interp), ('reference', opts.reference)):
                settings = argparse.Namespace(**vars(opts))
                if side == 'reference':
                    settings.many = opts.many_reference
                    settings.alive = min(opts.alive, opts.many_reference)
                for what, value in measure(interp, name, settings).items():
                    figures.setdefault((name, what), {}).setdefault(side, []).append(value)
    print('load %.1f' % os.getloadavg()[0])
    print('%-22s %-24s %12s %12s' % ('', '', 'Atoll', 'reference'))
    table = []
    for (name, what), sides in figures.items():
        row = {'measure': name, 'figure': what}
        row.update({side: statistics.median(values) for side, values in sides.items()})
        table.append(row)
        shown = ['%12.2f' % row[side] if side in row else '%12s' % '-' for side in ('atoll', 'reference')]
        print('%-22s %-24s %s %s' % (name, what, *shown))
    if opts.json:
        with open(opts.json, 'w') as f:
            json.dump(table, f, indent=1)
    return 0


if __name__ == '__main__':
    sys.exit(main())
