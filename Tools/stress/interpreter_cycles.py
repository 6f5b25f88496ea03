"""Creates, runs and closes interpreters over and over, and looks at the memory that the process keeps.

    ./python Tools/stress/interpreter_cycles.py                1,000 cycles to warm up, then two windows of 1,000
    ./python Tools/stress/interpreter_cycles.py --cycles 100   a short form

Two windows may differ by --limit KiB. The figure is resident memory, from /proc.
"""
import argparse
import gc
import sys
import time

import interpreters

# What every interpreter runs; the last lines leave behind what is easily forgotten: a cycle, a subclass of a static type, weak
# references to shared objects, a thread that has ended, a module that was changed.
SOURCE = '''
import sys
class C: pass
print('', end='')
import threading, weakref
class Number(int): pass
cycle = [C(), Number(3)]
cycle[0].back = cycle
refs = [weakref.ref(C), weakref.ref(int), weakref.ref(len)]
t = threading.Thread(target=lambda: cycle.append(1))
t.start()
t.join()
sys.marker = cycle
'''


def resident():
    with open('/proc/self/statm') as f:
        return int(f.read().split()[1]) * 4


def window(cycles, source):
    begin = time.perf_counter()
    for _ in range(cycles):
        interp = interpreters.create()
        interp.exec(source)
        interp.close()
    gc.collect()
    return resident(), (time.perf_counter() - begin) / cycles * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cycles', type=int, default=1000, help='of a window (default 1000)')
    parser.add_argument('--limit', type=int, default=64, metavar='KiB', help='how much two windows may differ (default 64)')
    parser.add_argument('--source', default=SOURCE, help='what each interpreter runs')
    opts = parser.parse_args()
    figures = []
    for name in ('warm-up', 'first window', 'second window'):
        memory, each = window(opts.cycles, opts.source)
        figures.append(memory)
        print('%-14s %8d KiB  %7.3f ms a cycle' % (name, memory, each), flush=True)
    difference = abs(figures[2] - figures[1])
    ok = difference <= opts.limit and len(interpreters.list_all()) == 1
    print('windows differ by %d KiB' % difference)
    print('interpreter cycles: %d passed, %d failed' % (ok, not ok))
    return 0 if ok else 1


if __name__ == '__main__':
    sys.exit(main())
