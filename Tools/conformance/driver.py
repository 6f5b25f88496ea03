"""Run the tests of one module of the regression suite and write one line per event.

    INTERP driver.py EVENTS MODULE RESOURCES FIRST LEAVE_OUT ONLY

EVENTS     file that the events are appended to (see below)
MODULE     a name below the package "test": test_grammar, test_asyncio.test_tasks
RESOURCES  comma-separated resources to enable ("-": none)
FIRST      index of the first test to run (used to go on behind a crash; 0: all)
LEAVE_OUT  file with one case id prefix per line; such tests are left out ("-": none)
ONLY       file with one case id per line; only such tests run ("-": all)

This file runs on a young interpreter: plain syntax, and nothing imported but sys, os, time and unittest.
test.support is used when it loads.

Events, fields separated by tabs:
  B                          the driver started and unittest was imported
  I   <message>              the test module could not be imported
  M   <reason>               the whole module is skipped
  L   <message>              a loader error (the rest still runs)
  T   <count>                a suite of this many tests is about to run
  S   <index> <flags> <id>   a test starts; flags: impl (implementation detail) or -
  R   <code> <secs> <msg>    its result: P pass, F failure, E error, K skip, X expected failure, U unexpected success
  H   <code> <id> <msg>      a class or module fixture failed (E) or skipped (K)
  W   <message>              test_main raised something
  Z                          done
"""
import sys
import os
import time

# Tests replace functions of these modules; the driver keeps its own references.
_open, _write, _getpid, _perf = os.open, os.write, os.getpid, time.perf_counter
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, 'O_CLOEXEC', 0)
RANK = {'?': 0, 'P': 1, 'X': 2, 'K': 3, 'U': 4, 'F': 5, 'E': 6}


class Events:
    def __init__(self, path):
        self.path = path
        self.pid = _getpid()
        self.fd = _open(path, _FLAGS, 0o666)

    def emit(self, *fields):
        if _getpid() != self.pid:       # a forked child fell through into the driver
            return
        data = ('\t'.join([one_line(f) for f in fields]) + '\n').encode('utf-8', 'backslashreplace')
        try:
            _write(self.fd, data)
        except OSError:                 # a test closed our descriptor
            self.fd = _open(self.path, _FLAGS, 0o666)
            _write(self.fd, data)


def one_line(field):
    text = str(field)
    if '\t' in text or '\n' in text or '\r' in text:
        text = text.replace('\t', ' ').replace('\r', ' ').replace('\n', ' ')
    return text


def describe(err):
    """One line for an exc_info triple or an exception."""
    try:
        if isinstance(err, tuple):
            kind, value = err[0], err[1]
        else:
            kind, value = type(err), err
        name = getattr(kind, '__name__', str(kind))
        text = str(value)
        if len(text) > 300:
            text = text[:300] + '...'
        return name + ': ' + text
    except BaseException:
        return 'unprintable exception'


def lines_of(path):
    if path == '-':
        return []
    with open(path, encoding='utf-8') as f:
        return [line for line in f.read().split('\n') if line]


class Choice:
    """Which tests run: not those left out, and of a given list only those on it."""

    def __init__(self, leave_out, only):
        self.leave_out = tuple(leave_out)
        self.exact = set()
        self.prefixes = []
        for key in only:
            # Addresses in an id were replaced by 0x*, and repeated ids have a number behind #.
            cut = min([key.find(mark) for mark in ('0x*', '#') if mark in key] or [-1])
            if cut < 0:
                self.exact.add(key)
            else:
                self.prefixes.append(key[:cut])
        self.prefixes = tuple(self.prefixes)
        self.everything = not only

    def takes(self, key):
        if self.leave_out and key.startswith(self.leave_out):
            return False
        return (self.everything or key in self.exact
                or bool(self.prefixes) and key.startswith(self.prefixes))


def main():
    events = Events(sys.argv[1])
    emit = events.emit
    name = sys.argv[2]
    resources = [r for r in sys.argv[3].split(',') if r and r != '-']
    first = int(sys.argv[4])
    choice = Choice(lines_of(sys.argv[5]), lines_of(sys.argv[6]))
    # Behave as "-m test" started elsewhere: this folder is not importable.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if p and os.path.abspath(p) != here]
    sys.argv[:] = ['test']

    import unittest
    emit('B')

    class Result(unittest.TestResult):
        def __init__(self):
            unittest.TestResult.__init__(self)
            self.current = None
            self.code = '?'
            self.text = ''
            self.start = 0.0
            self.index = {}
            self.counter = 0

        def startTest(self, test):
            unittest.TestResult.startTest(self, test)
            self.current = test
            self.code, self.text = '?', ''
            self.start = _perf()
            emit('S', self.index.get(id(test), -1), flags(test), ident(test))

        def note(self, test, code, text):
            if self.current is None:
                emit('H', code, ident(test), text)
            elif RANK[code] > RANK[self.code]:
                self.code, self.text = code, text

        def stopTest(self, test):
            unittest.TestResult.stopTest(self, test)
            seconds = '%.3f' % (_perf() - self.start)
            self.current = None
            emit('R', self.code, seconds, self.text)
            for kept in (self.failures, self.errors, self.skipped, self.expectedFailures, self.unexpectedSuccesses):
                del kept[:]

        def addSuccess(self, test):
            self.note(test, 'P', '')

        def addError(self, test, err):
            self.note(test, 'E', describe(err))

        def addFailure(self, test, err):
            self.note(test, 'F', describe(err))

        def addSkip(self, test, reason):
            self.note(test, 'K', reason)

        def addExpectedFailure(self, test, err):
            self.note(test, 'X', '')

        def addUnexpectedSuccess(self, test):
            self.note(test, 'U', '')

        def addSubTest(self, test, subtest, err):
            if err is not None:
                if issubclass(err[0], test.failureException):
                    self.note(test, 'F', describe(err))
                else:
                    self.note(test, 'E', describe(err))

    def ident(test):
        try:
            return test.id()
        except Exception:
            return str(test)

    def flags(test):
        try:
            if getattr(type(test), '__impl_detail__', False):
                return 'impl'
            if getattr(getattr(test, test._testMethodName), '__impl_detail__', False):
                return 'impl'
        except Exception:
            pass
        return '-'

    result = Result()

    def number(suite):
        """Number all tests of a suite; keep those that are to run."""
        keep = []
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                number(test)
                keep.append(test)
            else:
                # Loader failures are no cases; they are always reported.
                if result.counter >= first and (choice.takes(ident(test)) or '_FailedTest' in ident(test)):
                    result.index[id(test)] = result.counter
                    keep.append(test)
                result.counter += 1
        suite._tests = keep

    def run(suite):
        if not isinstance(suite, unittest.TestSuite):
            suite = unittest.TestSuite([suite])
        number(suite)
        emit('T', result.counter)
        suite.run(result)
        return result

    class Runner:
        def run(self, test):
            return run(test)

    try:
        from test import support
    except BaseException as exc:
        support = None
        emit('L', 'test.support: ' + describe(exc))
    else:
        support.use_resources = resources
        support.verbose = 0
        support.record_original_stdout(sys.stdout)
        original_runner = support.get_test_runner
        original_doctest = support.run_doctest
        original_impl = support.impl_detail

        def get_test_runner(*args, **kwds):
            if result.current is not None:
                return original_runner(*args, **kwds)
            return Runner()

        def run_doctest(module, *args, **kwds):
            """A module's doctests, run from its test_main, count as one case."""
            if result.current is not None:
                return original_doctest(module, *args, **kwds)
            key = 'doctest:' + module.__name__
            index = result.counter
            result.counter += 1
            if index < first or not choice.takes(key):
                return 0, 0
            emit('S', index, '-', key)
            start = _perf()
            code, text = 'P', ''
            try:
                original_doctest(module, *args, **kwds)
            except Exception as exc:
                code, text = 'F', describe(exc)
            emit('R', code, '%.3f' % (_perf() - start), text)
            return 0, 0

        def impl_detail(*args, **kwds):
            decorate = original_impl(*args, **kwds)
            if not kwds.get('cpython', not kwds):
                return decorate

            def mark(test):
                test = decorate(test)
                try:
                    test.__impl_detail__ = True
                except Exception:
                    pass
                return test
            return mark

        support.run_doctest = run_doctest
        support.impl_detail = impl_detail

    try:
        sys.stdout.reconfigure(errors='backslashreplace')
    except Exception:
        pass

    full = 'test.' + name
    try:
        __import__(full)
        module = sys.modules[full]
    except unittest.SkipTest as exc:
        emit('M', describe(exc))
        emit('Z')
        return
    except BaseException as exc:
        import traceback
        traceback.print_exc()
        emit('I', describe(exc))
        emit('Z')
        return

    try:
        test_main = getattr(module, 'test_main', None)
        if test_main is not None:
            if support is not None:
                support.get_test_runner = get_test_runner
            test_main()
        else:
            loader = unittest.TestLoader()
            suite = loader.loadTestsFromModule(module)
            for error in loader.errors:
                lines = error.strip().split('\n')
                emit('L', lines[0] + ' ' + lines[-1])
            run(suite)
    except unittest.SkipTest as exc:
        emit('M', describe(exc))
    except KeyboardInterrupt as exc:
        emit('W', describe(exc))
    except BaseException as exc:
        # test_main raises these for failures that were recorded case by case.
        if type(exc).__name__ not in ('TestFailed', 'TestFailedWithDetails', 'TestDidNotRun'):
            import traceback
            traceback.print_exc()
            emit('W', describe(exc))
    if support is not None:
        try:
            support.reap_children()
        except Exception:
            pass
    emit('Z')


if __name__ == '__main__':
    main()
