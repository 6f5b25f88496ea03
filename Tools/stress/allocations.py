"""Fails the k-th allocation of a new interpreter, for every k: while it is created, while it runs code for the first time, while it ends.

    make check-allocations

needs a build whose objects come from malloc (asan), because only there each allocation is counted. A failed creation must
raise, and leave nothing behind: no interpreter in the list, and nothing that a leak checker finds.
"""
import argparse
import gc
import sys

import _interpreters

PLANNED, FOR_NEXT, AND_AFTER = 1 << 62, 1 << 61, 1 << 60
SOURCE = "import sys\nclass C: pass\nprint('', end='')\nimport json\nx = [C() for n in range(10)]\njson.dumps({'a': [1]})"


def left(id):
    return _interpreters.statistics(id).memory_limit & 0xffffffff


class Count:
    def __init__(self):
        self.failed = self.passed = 0
        self.wrong = []

    def check(self, what, k, before):
        if _interpreters.list_all() != before:
            self.wrong.append('%s, allocation %d: left in the list: %r' % (what, k, _interpreters.list_all()))
            for id, _ in _interpreters.list_all():
                if (id, _) not in before:
                    _interpreters.destroy(id)


def creation(count, flags, step, most):
    before = _interpreters.list_all()
    for k in range(1, most, step):
        _interpreters.set_limits(0, memory=PLANNED | FOR_NEXT | flags | k)
        try:
            id = _interpreters.create()
        except (MemoryError, RuntimeError) as e:
            if not str(e) and not isinstance(e, MemoryError):
                count.wrong.append('creation, allocation %d: no text: %r' % (k, e))
            count.failed += 1
            count.check('creation', k, before)
            continue
        finally:
            _interpreters.set_limits(0, memory=0)
        over = left(id) != 0
        _interpreters.set_limits(id, memory=0)
        failure = _interpreters.exec(id, 'assert [1] + [2]')
        if failure is not None and over:
            count.wrong.append('creation, allocation %d: %s' % (k, failure.errdisplay))
        _interpreters.destroy(id)
        count.passed += 1
        count.check('creation', k, before)
        if over:
            return k
    return most


def running(count, flags, step, most):
    """In use: the failure must come out as an exception, and the interpreter goes on."""
    before = _interpreters.list_all()
    for k in range(1, most, step):
        id = _interpreters.create()
        _interpreters.set_limits(id, memory=PLANNED | flags | k)
        try:
            failure = _interpreters.exec(id, SOURCE)
        except MemoryError:
            failure = True
        over = left(id) != 0
        _interpreters.set_limits(id, memory=0)
        count.failed += failure is not None
        count.passed += failure is None
        again = _interpreters.exec(id, 'y = [str(n) for n in range(100)]')
        if again is not None:
            count.wrong.append('run, allocation %d: afterwards %s' % (k, again.formatted))
        _interpreters.destroy(id)
        count.check('run', k, before)
        if over:
            return k
    return most


def ending(count, flags, step, most):
    before = _interpreters.list_all()
    for k in range(1, most, step):
        id = _interpreters.create()
        _interpreters.exec(id, SOURCE + '\nimport atexit, threading\natexit.register(x.clear)')
        _interpreters.set_limits(id, memory=PLANNED | flags | k)
        _interpreters.destroy(id)
        count.passed += 1
        count.check('end', k, before)
    return most


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--most', type=int, default=100000)
    parser.add_argument('--step', type=int, default=1, help='every so many')
    parser.add_argument('--endings', type=int, default=200)
    options = parser.parse_args()
    # What is said about exceptions that nobody can see is not of interest here.
    id = _interpreters.create()
    _interpreters.set_limits(id, memory=PLANNED | 1)
    try:
        _interpreters.exec(id, 'x = [[] for n in range(100)]')
    except MemoryError:
        pass
    if left(id) != 0:
        print('allocations: this build does not count them; use one with --with-variant=asan')
        return 2
    _interpreters.destroy(id)
    count = Count()
    for name, test, most, step in [('create', creation, options.most, 1), ('run', running, options.most, options.step), ('end', ending, options.endings, 1)]:
        for flags, how in [(0, 'one'), (AND_AFTER, 'all from there')]:
            print('%s, %s: up to allocation %d' % (name, how, test(count, flags, step, most)), flush=True)
    gc.collect()
    for text in count.wrong[:20]:
        print('WRONG:', text)
    print('allocations: %d failed, %d passed over, %d wrong' % (count.failed, count.passed, len(count.wrong)))
    return 1 if count.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
