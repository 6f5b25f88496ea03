#!/usr/bin/python3.11
"""The runner counts what passes, keeps what came before a crash or a hang, and the ratchet notices a loss."""
import contextlib
import io
import os
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import run      # noqa: E402
import runner   # noqa: E402
import tables   # noqa: E402

REFERENCE = '/usr/bin/python3.11'


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='conformance')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(textwrap.dedent(text))
        return path


class Modules(Folder):
    """A package "test" of our own in place of the suite."""

    def setUp(self):
        super().setUp()
        self.write('test/__init__.py', '')

    def run_module(self, text, only=None, **settings):
        self.write('test/test_planted.py', text)
        opts = runner.Options(REFERENCE, environment={'PYTHONPATH': self.folder}, tmp=self.folder, **settings)
        return runner.run_module(opts, 'test_planted', only=only)

    def results(self, out):
        return {c.key.rpartition('.')[2]: runner.NAMES[c.result] for c in out.cases}

    def test_results(self):
        out = self.run_module('''
            import unittest
            class T(unittest.TestCase):
                def test_pass(self): pass
                def test_fail(self): self.fail('planted')
                def test_error(self): 1 / 0
                def test_skip(self): self.skipTest('planted')
                @unittest.expectedFailure
                def test_xfail(self): self.fail()
                @unittest.expectedFailure
                def test_unexpected(self): pass
                def test_sub(self):
                    with self.subTest(): self.fail('planted')
            ''')
        self.assertEqual(self.results(out), {
            'test_pass': 'pass', 'test_fail': 'fail', 'test_error': 'error', 'test_skip': 'skip',
            'test_xfail': 'xfail', 'test_unexpected': 'unexpected', 'test_sub': 'fail'})
        self.assertEqual(out.outcome, 'fail')

    def test_crash_and_hang_and_exit_in_the_middle(self):
        out = self.run_module('''
            import os, time, unittest
            class T(unittest.TestCase):
                def test_1(self): pass
                def test_2(self): os.kill(os.getpid(), 11)
                def test_3(self): pass
                def test_4(self): time.sleep(60)
                def test_5(self): pass
                def test_6(self): os._exit(3)
                def test_7(self): pass
            ''', stall=1.0)
        self.assertEqual(self.results(out), {
            'test_1': 'pass', 'test_2': 'crash', 'test_3': 'pass', 'test_4': 'timeout', 'test_5': 'pass',
            'test_6': 'crash', 'test_7': 'pass'})

    def test_import_error_and_no_start(self):
        self.assertEqual(self.run_module('import no_such_module\n').outcome, 'import-error')
        opts = runner.Options('/bin/false', tmp=self.folder)
        self.assertEqual(runner.run_module(opts, 'test_planted').outcome, 'no-start')

    def test_only(self):
        text = '''
            import unittest
            class T(unittest.TestCase):
                def test_a(self): pass
                def test_b(self): pass
            '''
        out = self.run_module(text, only={'test.test_planted.T.test_b'})
        self.assertEqual(self.results(out), {'test_b': 'pass'})

    def test_what_a_module_leaves_behind_is_killed(self):
        out = self.run_module('''
            import os, subprocess, unittest
            class T(unittest.TestCase):
                def test_1(self):
                    p = subprocess.Popen(['sleep', '600'], start_new_session=True)
                    print('CHILD', p.pid, flush=True)
            ''')
        self.assertEqual(self.results(out), {'test_1': 'pass'})
        pid = int(out.log.split(b'CHILD ')[1].split()[0])
        try:
            with open('/proc/%d/stat' % pid) as f:
                state = f.read().rpartition(')')[2].split()[0]
        except FileNotFoundError:
            state = 'gone'
        self.assertIn(state, ('gone', 'Z', 'X'))


class RatchetFile(Folder):
    def setUp(self):
        super().setUp()
        self.baseline = tables.Baseline()

    def test_round_trip(self):
        path = os.path.join(self.folder, 'ratchet.txt')
        ratchet = tables.Ratchet(self.baseline, path)
        whole = self.baseline.expected('test_sort')
        most = set(sorted(self.baseline.expected('test_dict'))[3:])
        few = set(sorted(self.baseline.expected('test_list'))[:2])
        for module, cases in (('test_sort', whole), ('test_dict', most), ('test_list', few)):
            self.assertEqual(ratchet.add(module, cases | {'test.no.such.case'}), len(cases))
            self.assertEqual(ratchet.add(module, cases), 0)
        ratchet.write()
        again = tables.Ratchet(self.baseline, path)
        self.assertEqual(again.cases, {'test_sort': whole, 'test_dict': most, 'test_list': few})
        with open(path) as f:
            text = f.read()
        again.write()
        with open(path) as f:
            self.assertEqual(f.read(), text)

    def test_bad_files(self):
        for text in ('test_sort most\n', 'test_sort only\n\ttest.nothing\n', 'test_unheard all\n',
                     'test_sort all\ntest_sort all\n'):
            with self.assertRaises(ValueError, msg=text):
                tables.Ratchet(self.baseline, self.write('bad.txt', text))


class Commands(Folder):
    def command(self, *args):
        out = io.StringIO()
        with mock.patch.object(sys, 'argv', ['run.py', *args]), contextlib.redirect_stdout(out):
            status = run.main()
        return status, out.getvalue()

    def test_update_then_check_then_loss(self):
        path = os.path.join(self.folder, 'ratchet.txt')
        status, text = self.command('--interp', REFERENCE, '--ratchet', path, '--update', 'test_bool', 'test_unary')
        self.assertEqual(status, 0)
        self.assertRegex(text, r'area language: 6 of 6 \(100.0 %\)')
        status, text = self.command('--interp', REFERENCE, '--ratchet', path, '--check', '--budget', '60')
        self.assertEqual(status, 0)
        self.assertRegex(text, r'conformance: [1-9]\d* passed, 0 failed')
        broken = self.write('broken', '#!/bin/sh\nexit 1\n')
        os.chmod(broken, 0o755)
        status, text = self.command('--interp', broken, '--ratchet', path, '--check', '--budget', '60')
        self.assertEqual(status, 1)
        self.assertRegex(text, r'LOST test\.test_unary\.')
        self.assertRegex(text, r'conformance: 0 passed, [1-9]\d* failed')

    def test_budget(self):
        path = os.path.join(self.folder, 'ratchet.txt')
        ratchet = tables.Ratchet(tables.Baseline(), path)
        for module in ('test_concurrent_futures', 'test_unary'):
            ratchet.add(module, ratchet.baseline.expected(module))
        ratchet.write()
        status, text = self.command('--interp', REFERENCE, '--ratchet', path, '--check', '--budget', '30')
        self.assertEqual(status, 0)
        self.assertRegex(text, r'left out, .*: test_concurrent_futures\n')
        self.assertRegex(text, r'conformance: 6 passed, 0 failed')


if __name__ == '__main__':
    unittest.main()
