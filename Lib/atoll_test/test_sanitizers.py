"""The sanitizer variants see what compiled code does wrong with objects."""

import os
import subprocess
import sys
import tempfile
import unittest

from .test_limits import sanitized

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# drop() lets an object go once too often, and then asks the core for its value.
SOURCE = r'''
#include "Python.h"
static PyObject *drop(PyObject *self, PyObject *arg)
{
    double first = PyFloat_AsDouble(arg);
    PyObject *own = PyFloat_FromDouble(first + 1.0);
    Py_DECREF(own);
    return PyNumber_Add(own, arg);
}
static PyMethodDef methods[] = {{"drop", drop, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "planted", NULL, 0, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_planted(void) { return PyModuleDef_Init(&module); }
'''


@unittest.skipUnless(sanitized(), 'only the variants asan and tsan look at every access')
class PlantedTest(unittest.TestCase):
    def test_use_after_free_is_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, 'planted.c')
            with open(source, 'w') as f:
                f.write(SOURCE)
            subprocess.run(['cc', '-shared', '-fPIC', '-I', os.path.join(ROOT, 'Include'), source, '-o', os.path.join(folder, 'planted.so')],
                           check=True)
            run = subprocess.run([sys.executable, '-c', 'import planted; planted.drop(1.5)'], env=dict(os.environ, PYTHONPATH=folder),
                                 capture_output=True, text=True, errors='replace', timeout=120)
        self.assertIn('heap-use-after-free', run.stderr)
        self.assertNotEqual(run.returncode, 0)


if __name__ == '__main__':
    unittest.main()
