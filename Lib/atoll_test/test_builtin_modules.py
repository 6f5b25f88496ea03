"""Built-in modules keep their state to themselves: the same work in several interpreters at once."""
import _interpreters
import os
import subprocess
import sys
import threading
import unittest

WORK = '''
import warnings
warnings.simplefilter('ignore')
import bz2, datetime, fcntl, grp, hashlib, json, lzma, mmap, pickle, pwd, pyexpat, resource, select, socket, spwd, subprocess, syslog, termios, zlib
for k in range(10):
    d = {'a': [1, 2.5, None, datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), datetime.timedelta(k)], 's': {1, 2}}
    assert pickle.loads(pickle.dumps(d)) == d
    assert json.loads(json.dumps({'x': [k, 'text']})) == {'x': [k, 'text']}
    b = b'hello' * 1000
    for codec in zlib, bz2, lzma:
        assert codec.decompress(codec.compress(b)) == b
    assert hashlib.new('md5', b).digest() == hashlib.md5(b).digest()
    assert hashlib.blake2b(b).digest() != hashlib.sha3_512(b).digest()
    x, y = socket.socketpair()
    x.sendall(b'q')
    assert select.select([y], [], [], 5)[0] == [y] and y.recv(9) == b'q'
    x.close(); y.close()
    parser, seen = pyexpat.ParserCreate(), []
    parser.StartElementHandler = lambda *args: seen.append(args)
    parser.Parse('<a b="c"/>', True)
    assert seen == [('a', {'b': 'c'})]
    m = mmap.mmap(-1, 4096)
    m[0:3] = b'abc'
    m.close()
    assert len(pwd.getpwall()) >= 1 and len(grp.getgrall()) >= 1
assert subprocess.run(['echo', 'x'], capture_output=True).stdout == b'x\\n'
'''


class InInterpreters(unittest.TestCase):
    def test_at_once(self):
        failures = []

        def work():
            interpreter = _interpreters.create()
            try:
                failure = _interpreters.run_string(interpreter, WORK)
                if failure is not None:
                    failures.append(failure)
            finally:
                _interpreters.destroy(interpreter)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for t in threads:
            t.start()
        exec(WORK, {})
        for t in threads:
            t.join()
        self.assertEqual(failures, [])

    def test_classes_differ(self):
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        interpreter = _interpreters.create()
        try:
            _interpreters.run_string(interpreter, f'import os, datetime; os.write({write}, b"%d" % id(datetime.date))')
        finally:
            _interpreters.destroy(interpreter)
            os.close(write)
        import datetime
        self.assertNotEqual(int(os.read(read, 100)), id(datetime.date))

    def test_fork_in_other_interpreter(self):
        failure = _interpreters.run_string(interpreter := _interpreters.create(), '''
import os
try:
    os.fork()
except RuntimeError as e:
    assert 'fork not supported for' in str(e), e
else:
    os._exit(99)
''')
        _interpreters.destroy(interpreter)
        self.assertIsNone(failure)


class Fork(unittest.TestCase):
    def test_child_has_one_thread(self):
        code = '''
import os, threading
event = threading.Event()
other = threading.Thread(target=event.wait)
other.start()
pid = os.fork()
if pid == 0:
    ok = threading.active_count() == 1 and not other.is_alive()
    other = event = None  # nobody waits for these any more
    os._exit(0 if ok else 1)
status = os.waitpid(pid, 0)[1]
event.set()
other.join()
raise SystemExit(status)
'''
        self.assertEqual(subprocess.run([sys.executable, '-c', code], timeout=60).returncode, 0)


if __name__ == '__main__':
    unittest.main()
