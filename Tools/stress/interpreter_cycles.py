"""Creates, runs and closes interpreters over and over, and looks at the memory that the process keeps.

    ./python Tools/stress/interpreter_cycles.py                1,000 cycles to warm up, then two windows of 1,000
    ./python Tools/stress/interpreter_cycles.py --cycles 100   a short form
    ./python Tools/stress/interpreter_cycles.py --leftovers --windows 9    another thing to run: what is alive at the end

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

# What is alive when the interpreter ends, on purpose: subclasses of static types and weak references to them, reachable from
# what the interpreter itself holds to the last.
LEFTOVERS = '''
import sys
class Number(int): pass
class Failure(ValueError): pass
class Stream(type(sys.stdout)): pass
import builtins, weakref
for cls in (Number, Failure, Stream):
    cls.itself = cls
    cls.ref = weakref.ref(cls, lambda r: None)
    cls.base_ref = weakref.ref(cls.__base__)
    setattr(builtins, 'left_' + cls.__name__, cls)
    sys.modules['left ' + cls.__name__] = cls
sys.left = [Number(1), Failure(2), weakref.ref(int), weakref.WeakSet([Number, Failure])]
assert Number in int.__subclasses__()
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
    parser.add_argument('--source', help='what each interpreter runs')
    parser.add_argument('--leftovers', action='store_true', help='run what leaves subclasses of static types alive')
    parser.add_argument('--windows', type=int, default=2, help='after the warm-up (default 2)')
    opts = parser.parse_args()
    source = opts.source or (LEFTOVERS if opts.leftovers else SOURCE)
    figures = []
    for number in range(opts.windows + 1):
        memory, each = window(opts.cycles, source)
        figures.append(memory)
        print('%-14s %8d KiB  %7.3f ms a cycle' % ('window %d' % number if number else 'warm-up', memory, each), flush=True)
    difference = max(figures[1:]) - min(figures[1:])
    ok = difference <= opts.limit and len(interpreters.list_all()) == 1
    print('windows differ by %d KiB' % difference)
    print('interpreter cycles: %d passed, %d failed' % (ok, not ok))
    return 0 if ok else 1


if __name__ == '__main__':
    sys.exit(main())
