"""Runs test modules in two interpreters at the same time, each module in two fresh ones.

    ./python -m atoll_test.in_two                all modules of this folder
    ./python -m atoll_test.in_two test_text ...  only these
"""
import os
import sys
import threading
import time

import interpreters

# What an interpreter runs. Both wait for the other before they begin.
WORKER = '''
import io, sys, traceback, unittest

def run():
    suite = unittest.defaultTestLoader.loadTestsFromName('atoll_test.' + name)
    ready.send(None)
    go.recv()
    text = io.StringIO()
    result = unittest.TextTestRunner(text, verbosity=0).run(suite)
    bad = [(str(test), why) for test, why in result.errors + result.failures]
    bad += [(str(test), 'unexpected success') for test in result.unexpectedSuccesses]
    return result.testsRun, bad

try:
    answer = run()
except BaseException:
    answer = 0, [(name, traceback.format_exc())]
    ready.send(None)
results.send(answer)
'''

# Of the main interpreter only: (module, why).
NOT_HERE = {'test_lifecycle': 'each of its cases has a process of its own'}


def run_in_two(name):
    """[(tests run, [(test, what went wrong)])] of both interpreters."""
    ready, ready_send = interpreters.create_channel()
    results, results_send = interpreters.create_channel()
    go, go_send = interpreters.create_channel()

    def work():
        try:
            interp = interpreters.create()
            try:
                interp.exec(WORKER, name=name, ready=ready_send, go=go, results=results_send)
            finally:
                interp.close()
        except BaseException as exc:
            results_send.send((0, [(name, 'the interpreter failed: %s' % exc)]))
            ready_send.send(None)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.recv(timeout=120)
    for _ in threads:
        go_send.send(None)
    answers = [results.recv(timeout=600) for _ in threads]
    for thread in threads:
        thread.join()
    return answers


def main(names):
    here = os.path.dirname(os.path.abspath(__file__))
    names = names or sorted(f[:-3] for f in os.listdir(here) if f.startswith('test_') and f.endswith('.py'))
    passed = failed = 0
    for name in names:
        if name in NOT_HERE:
            print('%-24s left out: %s' % (name, NOT_HERE[name]))
            continue
        begin = time.perf_counter()
        answers = run_in_two(name)
        bad = [problem for _, problems in answers for problem in problems]
        run = sum(number for number, _ in answers)
        passed += run - len(bad) if run else 0
        failed += len(bad)
        print('%-24s %5d tests %7.2f s' % (name, run, time.perf_counter() - begin), flush=True)
        for test, why in bad:
            print('FAIL in one of two interpreters: %s\n%s' % (test, why.rstrip()))
    print('in two interpreters: %d passed, %d failed' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
