#!/usr/bin/python3.11
"""The comparison measures, notices differing results, and reports what fails."""
import os
import re
import sys
import tempfile
import unittest
from types import SimpleNamespace
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import run     # noqa: E402


class Measuring(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='bench')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.enterContext(mock.patch.object(run, 'PROGRAMS', self.folder))
        self.opts = SimpleNamespace(rounds=2, reference=run.REFERENCE, interp=self.other('-S'), n=0, seconds=0, timeout=20)

    def other(self, arguments):
        path = os.path.join(self.folder, 'interp')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\nexec %s %s "$@"\n' % (run.REFERENCE, arguments))
        os.chmod(path, 0o755)
        return path

    def program(self, text):
        with open(os.path.join(self.folder, 'planted.py'), 'w', encoding='utf-8') as f:
            f.write('import sys, time\nN = 1\ndef run(n):\n    ' + text + '\n')

    def test_ratio(self):
        self.program('time.sleep(0.04 if sys.flags.no_site else 0.01)')
        row = run.measure(self.opts, 'planted')
        self.assertLess(row['ratio'], 0.5)
        self.assertGreater(row['best'], 30)
        self.assertLess(row['reference_best'], 30)

    def test_results_differ(self):
        self.program('return sys.flags.no_site')
        with self.assertRaisesRegex(run.Failed, 'results differ: 0 and 1'):
            run.measure(self.opts, 'planted')

    def test_unsteady_result(self):
        self.program('return time.perf_counter()')
        with self.assertRaisesRegex(run.Failed, 'run 2 gave|before it was'):
            run.measure(self.opts, 'planted')

    def test_crash_and_hang(self):
        self.program('raise ValueError("planted")')
        with self.assertRaisesRegex(run.Failed, 'ValueError: planted'):
            run.measure(self.opts, 'planted')
        self.program('time.sleep(60)')
        self.opts.timeout = 1
        with self.assertRaisesRegex(run.Failed, 'took over'):
            run.measure(self.opts, 'planted')

    def test_mean(self):
        self.assertAlmostEqual(run.geometric_mean([0.5, 2.0, 4.0]), 4 ** (1 / 3))


class Programs(unittest.TestCase):
    def test_enough_of_them_and_all_documented(self):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'programs')
        names = [n for n in os.listdir(folder) if n.endswith('.py')]
        self.assertGreaterEqual(len(names), 16)
        for name in names:
            with open(os.path.join(folder, name), encoding='utf-8') as f:
                text = f.read()
            self.assertTrue(text.startswith('"""'), name)
            self.assertRegex(text, r'(?m)^N = \d+$')
            imports = set(re.findall(r'(?m)^(?:import|from) (\w+)', text))
            self.assertLessEqual(imports, {'time', 'math', 're'}, name)


if __name__ == '__main__':
    unittest.main()
