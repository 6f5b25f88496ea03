#!/usr/bin/python3.11
"""The census counts what is there, whoever counts; a worker's failure and a difference are noticed."""
import contextlib
import io
import os
import queue
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import census            # noqa: E402
import census_count      # noqa: E402
import census_workers    # noqa: E402

# An `interpreters` package made of namespaces and queues, so that the code around it runs under any Python.
FAKE = '''
import queue
class End:
    def __init__(self, q): self.recv, self.send = q.get, q.put
class Interpreter:
    def exec(self, source, **shared): exec(source, dict(shared))
    def close(self): pass
create = Interpreter
def create_channel():
    q = queue.Queue()
    return End(q), End(q)
'''


class Counting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='census')
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.write('a.py', 'import os, sys\nclass A:\n    def f(self):\n        return [x for x in (lambda: 1)]\n\n')
        self.write('sub/b.py', 'async def g():\n    await h\nasync def i(): pass\nfrom x import y\n')
        self.write('sub/bad.py', 'def (:\n')
        self.write('sub/worse.py', b'# \xff\n')
        self.write('sub/open.py', '"""never closed\n')
        self.write('sub/note.txt', 'class C: pass\n')
        self.paths = census_count.source_files(self.root)
        fake = types.ModuleType('interpreters')
        exec(FAKE, fake.__dict__)
        self.enterContext(mock.patch.dict(sys.modules, {'interpreters': fake}))

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'wb') as f:
            f.write(text if isinstance(text, bytes) else text.encode())

    def test_counts(self):
        done = []
        result = census_workers.count_here(self.root, self.paths, done.append)
        totals = result.totals()
        self.assertEqual(sorted(done), ['a.py', 'sub/b.py', 'sub/bad.py', 'sub/open.py', 'sub/worse.py'])
        wanted = dict(files=5, lines=12, functions=1, coroutines=2, classes=1, lambdas=1, comprehensions=1, imports=2)
        self.assertEqual({k: totals[k] for k in wanted}, wanted)
        self.assertEqual(dict(totals['names'])['def'], 4)
        self.assertEqual(dict(totals['statements'])['AsyncFunctionDef'], 2)
        self.assertEqual(totals['longest'], [(2, 'sub/b.py', 'g'), (2, 'a.py', 'f'), (1, 'sub/b.py', 'i')])
        self.assertEqual({p for p, _ in totals['errors']}, {'sub/bad.py', 'sub/open.py', 'sub/worse.py'})
        self.assertIn('files with errors', '\n'.join(census_count.table(result)))

    def test_pack(self):
        result = census_workers.count_here(self.root, self.paths, lambda path: None)
        self.assertEqual(census_count.Census.unpack(result.pack()).totals(), result.totals())

    def test_all_ways_agree(self):
        expected = census_workers.count_here(self.root, self.paths, lambda path: None).totals()
        for count in (census_workers.count_in_processes, census_workers.count_in_interpreters):
            for number in (1, 3):
                done = []
                result = count(self.root, self.paths, done.append, number)
                self.assertEqual(result.totals(), expected)
                self.assertEqual(len(done), len(self.paths))

    def test_failures_are_told(self):
        paths = self.paths + ['missing.py']
        for count in (census_workers.count_in_processes, census_workers.count_in_interpreters):
            with self.assertRaises(census_workers.WorkerFailed), contextlib.redirect_stderr(io.StringIO()):
                with mock.patch.object(os, '_exit', os._exit):
                    count(self.root, paths, lambda path: None, 2)


class Command(Counting):
    def run_census(self, *args):
        env = {**os.environ, 'PYTHONPATH': self.root}
        return subprocess.run([sys.executable, os.path.join(HERE, 'census.py'), '--root', self.root, *args],
                              capture_output=True, text=True, env=env, timeout=60, check=False)

    def setUp(self):
        super().setUp()
        self.write('interpreters.py', FAKE)

    def test_shows_speed(self):
        done = self.run_census('--interpreters', '3')
        self.assertEqual(done.stderr.count('#' * 40), 3, done.stderr)
        self.assertRegex(done.stdout, r'2 forked processes +[\d.]+ +[\d.]+x')
        self.assertRegex(done.stdout, r'3 interpreters +[\d.]+ +[\d.]+x')
        self.assertEqual(done.returncode, 0)

    def test_check(self):
        done = self.run_census('--check', '--interp', sys.executable, '--interpreters', '2')
        self.assertRegex(done.stdout, r'census: 16 passed, 0 failed')
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_check_notices_a_difference(self):
        self.write('interp', '#!/bin/sh\n%s "$@" | sed \'s/"files": 6/"files": 7/\'\n' % sys.executable)
        os.chmod(os.path.join(self.root, 'interp'), 0o755)
        done = self.run_census('--check', '--interp', os.path.join(self.root, 'interp'))
        self.assertRegex(done.stdout, r'census: 15 passed, 1 failed')
        self.assertEqual(done.returncode, 1)

    def test_check_notices_a_crash(self):
        done = self.run_census('--check', '--interp', '/bin/false')
        self.assertRegex(done.stdout, r'census: 0 passed, 16 failed')
        self.assertEqual(done.returncode, 1)


if __name__ == '__main__':
    unittest.main()
