"""Run modules of the regression suite, each in processes of their own, through driver.py.

A process gets a fresh session, working folder, HOME and TMPDIR, a small fixed environment, stdin from /dev/null and
a time limit. Whatever it leaves behind is killed: its process group, and the processes that carry the run's mark in
their environment. Results come in case by case, so that a crash or a hang keeps what was passed before it; the
module is then started again behind that case.
"""
import collections
import os
import queue
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVER = os.path.join(HERE, 'driver.py')
LEAVE_OUT = os.path.join(HERE, 'leave_out.txt')
NAMES = {'P': 'pass', 'F': 'fail', 'E': 'error', 'K': 'skip', 'X': 'xfail', 'U': 'unexpected', '?': 'error',
         'C': 'crash', 'O': 'timeout'}
ADDRESS = re.compile(r'0x[0-9a-fA-F]{5,}')
KEPT_OUTPUT = 200_000
EXIT_GRACE = 20         # seconds for a process to end after its last event


class Case:
    __slots__ = ('key', 'result', 'seconds', 'text', 'flags')

    def __init__(self, key, flags):
        self.key, self.flags = key, flags
        self.result, self.seconds, self.text = 'C', 0.0, ''


class Outcome:
    """What came of a module."""

    def __init__(self, module):
        self.module = module
        self.cases = []
        self.fixtures = []          # (code, id, text) of class or module fixtures
        self.planned = 0
        self.outcome = ''
        self.notes = []
        self.seconds = 0.0
        self.log = b''

    def passed(self):
        return {c.key for c in self.cases if c.result == 'P'}

    def conclude(self):
        if not self.outcome:
            good = ('pass', 'skip', 'xfail')
            if any(NAMES[c.result] not in good for c in self.cases) or any(f[0] == 'E' for f in self.fixtures):
                self.outcome = 'fail'
            elif not self.cases and not self.fixtures:
                self.outcome = 'no-tests'
            elif all(c.result == 'K' for c in self.cases):
                self.outcome = 'skip'
            else:
                self.outcome = 'ok'
        if self.outcome == 'skip' and not self.notes:
            self.notes += ([c.text for c in self.cases] + [f[2] for f in self.fixtures])[:1]


class Options:
    """How modules are run."""

    def __init__(self, interp, **settings):
        self.interp = interp
        self.interp_args = []
        self.environment = {}
        self.jobs = 2
        self.timeout = 120.0    # per process; three times the reference's time if that is more
        self.stall = 60.0       # without a case finished; 0: no such limit
        self.resume = 10        # how often a module goes on behind a crash or a timeout
        self.memory = 0         # MB of address space per process; 0: no limit
        self.resources = 'cpu'
        self.tmp = tempfile.gettempdir()
        self.deadline = None    # monotonic time after which nothing runs
        self.stop = threading.Event()
        self.__dict__.update(settings)


def prepare_process():
    """Limits and signals of this process that the tests inherit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A signal ignored here would stay ignored in the tests (a background job ignores SIGINT, nohup SIGHUP).
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return 'signal %d' % number


def kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def kill_marked(mark):
    """Kill what a module left behind: the processes that carry its mark."""
    for entry in os.listdir('/proc'):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open('/proc/%s/environ' % entry, 'rb') as f:
                marked = mark.encode() in f.read().split(b'\0')
            if marked:
                os.kill(int(entry), signal.SIGKILL)
        except OSError:
            pass


def remove_tree(path):
    def make_removable(function, name, _):
        try:
            os.chmod(os.path.dirname(name), 0o700)
            os.chmod(name, 0o700)
            function(name)
        except OSError:
            pass
    shutil.rmtree(path, onerror=make_removable)


class Attempt:
    """One process of the interpreter under test."""

    def __init__(self, opts, module, first, limit, only):
        self.opts, self.module, self.first, self.only = opts, module, first, only
        self.deadline = time.monotonic() + limit
        if opts.deadline is not None:
            self.deadline = min(self.deadline, opts.deadline)
        self.timed_out = self.stalled = False
        self.output = collections.deque()
        self.output_size = 0
        self.events = []
        self.status = None

    def keep(self, data):
        self.output.append(data)
        self.output_size += len(data)
        while self.output_size > KEPT_OUTPUT and len(self.output) > 1:
            self.output_size -= len(self.output.popleft())

    def environment(self, work, temp, mark):
        env = {'PATH': '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', 'HOME': work, 'LANG': 'C.UTF-8',
               'TERM': 'dumb', 'TMPDIR': temp,
               # Some variable that cannot be decoded, as the suite's own runner sets it.
               'PYTHONREGRTEST_UNICODE_GUARD': '@test\udce7w\udcf0'}
        name, _, value = mark.partition('=')
        env[name] = value
        env.update(self.opts.environment)
        return env

    def run(self):
        base = tempfile.mkdtemp(prefix='rt', dir=self.opts.tmp)
        try:
            self.run_in(base)
        finally:
            remove_tree(base)

    def run_in(self, base):
        work, temp, events = (os.path.join(base, n) for n in ('w', 't', 'events'))
        os.mkdir(work)
        os.mkdir(temp)
        only = '-'
        if self.only is not None:
            only = os.path.join(base, 'only')
            with open(only, 'w', encoding='utf-8') as f:
                f.writelines(case + '\n' for case in sorted(self.only))
        mark = 'ATOLL_CONFORMANCE_RUN=' + uuid.uuid4().hex
        command = [self.opts.interp, *self.opts.interp_args, DRIVER, events, self.module, self.opts.resources,
                   str(self.first), LEAVE_OUT, only]
        try:
            proc = subprocess.Popen(command, cwd=work, env=self.environment(work, temp, mark),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    start_new_session=True)
        except OSError as exc:
            self.status = 127
            self.keep(str(exc).encode())
            return
        try:
            if self.opts.memory:
                size = self.opts.memory << 20
                resource.prlimit(proc.pid, resource.RLIMIT_AS, (size, size))
            self.watch(proc, events)
        finally:
            kill_group(proc.pid)
            proc.wait()
            kill_marked(mark)
            proc.stdout.close()
        self.status = proc.returncode
        try:
            with open(events, encoding='utf-8', errors='replace') as f:
                self.events = [line.rstrip('\n').split('\t') for line in f if line.endswith('\n')]
        except FileNotFoundError:
            pass

    def read_output(self, fd, wait):
        """Take in what is there; False at the end of the output."""
        if not select.select([fd], [], [], wait)[0]:
            return True
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return True
        self.keep(data)
        return bool(data)

    def watch(self, proc, events):
        """Until the process ends, exceeds a limit, or has written its last event and does not end."""
        fd = proc.stdout.fileno()
        os.set_blocking(fd, False)
        size, moved, ended = -1, time.monotonic(), None
        is_open = True
        while proc.poll() is None:
            if is_open:
                is_open = self.read_output(fd, 0.05)
            else:
                time.sleep(0.02)
            now = time.monotonic()
            if now > self.deadline or self.opts.stop.is_set():
                self.timed_out = True
                break
            try:
                new = os.stat(events).st_size
            except FileNotFoundError:
                new = -1
            if new != size:
                size, moved = new, now
                if size > 0 and ended is None and ends_with_last_event(events, size):
                    ended = now
            elif self.opts.stall and now - moved > self.opts.stall:
                self.timed_out = self.stalled = True
                break
            if ended is not None and now - ended > EXIT_GRACE:
                break
        while is_open and select.select([fd], [], [], 0)[0]:
            is_open = self.read_output(fd, 0)


def ends_with_last_event(path, size):
    with open(path, 'rb') as f:
        f.seek(max(0, size - 3))
        return f.read().endswith(b'\nZ\n')


def run_module(opts, module, expected_seconds=0.0, only=None):
    """Run a module (of it only the given cases); its Outcome."""
    out = Outcome(module)
    limit = max(opts.timeout, 3 * expected_seconds)
    start = time.monotonic()
    seen = collections.Counter()
    first = 0
    for number in range(opts.resume + 1):
        attempt = Attempt(opts, module, first, limit, only)
        attempt.run()
        out.log += b''.join(attempt.output)
        again = digest(out, attempt, seen)
        if again is None or out.planned and again >= out.planned or opts.stop.is_set():
            break
        if opts.deadline is not None and time.monotonic() > opts.deadline:
            break
        if number < opts.resume:
            out.notes.append('went on at test %d' % again)
        first = again
    out.seconds = time.monotonic() - start
    out.conclude()
    return out


def digest(out, attempt, seen):
    """Add the events of an attempt to an outcome; the index to go on from after a crash or a timeout, else None."""
    current, last, finished, started, bad_load = None, -1, False, False, False
    for kind, *rest in attempt.events:
        rest += [''] * (3 - len(rest))
        if kind == 'B':
            started = True
        elif kind == 'S':
            key = ADDRESS.sub('0x*', rest[2])
            seen[key] += 1
            if seen[key] > 1:
                key += '#%d' % seen[key]
            current = Case(key, rest[1])
            last = int(rest[0]) if rest[0].lstrip('-').isdigit() else -1
            out.cases.append(current)
        elif kind == 'R' and current is not None:
            current.result = rest[0] if rest[0] in NAMES else '?'
            try:
                current.seconds = float(rest[1])
            except ValueError:
                pass
            current.text = rest[2]
            current = None
        elif kind == 'H':
            out.fixtures.append((rest[0], rest[1], rest[2]))
            if rest[0] == 'E':
                out.notes.append('%s: %s' % (rest[1], rest[2]))
        elif kind == 'T' and rest[0].isdigit():
            out.planned = max(out.planned, int(rest[0]))
        elif kind == 'M':
            out.outcome = 'skip'
            out.notes.append(rest[0])
        elif kind == 'I':
            out.outcome = 'import-error'
            out.notes.append(rest[0])
        elif kind == 'L':
            out.notes.append('load: ' + rest[0])
            bad_load = True
        elif kind == 'W':
            out.outcome = 'fail'
            out.notes.append('test_main: ' + rest[0])
        elif kind == 'Z':
            finished = True
    status = attempt.status
    died = signal_name(-status) if status is not None and status < 0 else None
    if finished:
        if died:
            out.notes.append('hangs at exit' if status == -signal.SIGKILL else '%s at exit' % died)
        if bad_load and not out.outcome and not out.cases:
            out.outcome = 'import-error'
        return None
    if attempt.timed_out:
        out.outcome = 'timeout'
        if current is not None:
            current.result = 'O'
        out.notes.append('%s %s' % ('no progress' if attempt.stalled else 'timeout', place(out, current, started)))
    elif not started:
        out.outcome = 'no-start'
        text = b''.join(attempt.output).decode('utf-8', 'replace').strip()
        line = text.splitlines()[-1].strip()[:200] if text else ''
        out.notes.append('%s: %s' % (died or 'exit %s' % status, line))
    else:
        out.outcome = 'crash'
        out.notes.append('%s %s' % (died or 'exit status %s' % status, place(out, current, started)))
    if current is not None:
        return last + 1 if last >= 0 else None
    if last >= 0:           # perhaps in a fixture of the next test: leave that one out
        return last + 2
    return attempt.first + 1 if attempt.first else None


def place(out, current, started):
    if current is not None:
        return 'in ' + current.key
    if out.cases:
        return 'between tests'
    return 'in import or set-up' if started else 'at start'


def run_modules(opts, jobs, finished):
    """Run (module, expected seconds, cases or None) jobs on several threads; `finished` gets each Outcome."""
    waiting = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    lock = threading.Lock()

    def work():
        while not opts.stop.is_set():
            if opts.deadline is not None and time.monotonic() > opts.deadline:
                return
            try:
                module, seconds, only = waiting.get_nowait()
            except queue.Empty:
                return
            out = run_module(opts, module, seconds, only)
            with lock:
                finished(out)

    failures = []

    def guarded():
        try:
            work()
        except BaseException as exc:    # a defect of the runner itself: shown by the caller
            failures.append(exc)
            opts.stop.set()

    threads = [threading.Thread(target=guarded, daemon=True) for _ in range(max(1, opts.jobs))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
    except KeyboardInterrupt:
        opts.stop.set()
        for thread in threads:
            thread.join(10)
        raise
    if failures:
        raise failures[0]
