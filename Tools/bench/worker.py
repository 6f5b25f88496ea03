"""Runs one benchmark program in this process and writes what it took.

    INTERP worker.py FOLDER NAME N SECONDS

Writes one line: the run times in seconds, separated by blanks, a tab, and the result. A program runs at least three
times and goes on until SECONDS are used up. Needs nothing but sys and time, so that a young interpreter can do it.
"""
import sys
from time import perf_counter


def main():
    folder, name, n, seconds = sys.argv[1:5]
    sys.path.insert(0, folder)
    program = __import__(name)
    n = int(n) or program.N
    times = []
    begin = perf_counter()
    result = None
    while len(times) < 3 or perf_counter() - begin < float(seconds):
        start = perf_counter()
        now = program.run(n)
        times.append(perf_counter() - start)
        if times[1:] and now != result:
            sys.exit('%s: run %d gave %r, before it was %r' % (name, len(times), now, result))
        result = now
    sys.stdout.write(' '.join(['%.6f' % t for t in times]) + '\t' + repr(result) + '\n')


main()
