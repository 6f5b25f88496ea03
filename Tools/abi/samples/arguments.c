/* Functions by every calling convention, argument parsing with lengths, building values, vectorcall. */
#define PY_SSIZE_T_CLEAN
#include "Python.h"

static PyObject *state_error;

static PyObject *by_tuple(PyObject *Py_UNUSED(self), PyObject *args)
{
    const char *text, *maybe = NULL;
    Py_ssize_t text_size, maybe_size = 0;
    Py_buffer view;
    PyObject *list, *any;
    double number = Py_NAN;
    long long big = 0;
    int flag = 0;
    if (!PyArg_ParseTuple(args, "s#y*O!O|dLpz#:by_tuple", &text, &text_size, &view, &PyList_Type, &list, &any, &number,
                          &big, &flag, &maybe, &maybe_size))
        return NULL;
    PyObject *result = Py_BuildValue("(s#y#nO{s:i,s:d})", text, text_size, (const char *)view.buf, view.len,
                                     PyList_GET_SIZE(list), any, "flag", flag, "number", number);
    PyBuffer_Release(&view);
    return result;
}

static PyObject *by_keywords(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"", "path", "size", NULL};
    PyObject *first, *path = NULL;
    Py_ssize_t size = -1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O&$n", (char **)names, &first, PyUnicode_FSConverter, &path, &size))
        return NULL;
    if (size > PY_SSIZE_T_MAX / 2) {
        Py_XDECREF(path);
        return PyErr_Format(state_error, "size %zd of %.100s is too large", size, Py_TYPE(first)->tp_name);
    }
    if (path)
        return path;
    Py_RETURN_NONE;
}

static PyObject *by_vector(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject *sum = PyLong_FromLong(0);
    for (Py_ssize_t i = 0; sum && i < nargs + named; i++)
        Py_SETREF(sum, PyNumber_Add(sum, args[i]));
    return sum;
}

static PyObject *generated(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const keywords[] = {"a", "b", NULL};
    static _PyArg_Parser parser = {NULL, keywords, "generated", NULL, 0, 0, 0, NULL, NULL};
    PyObject *buffer[2];
    PyObject *const *given = _PyArg_UnpackKeywords(args, nargs, NULL, kwnames, &parser, 1, 2, 0, buffer);
    if (!given)
        return NULL;
    if (!PyUnicode_Check(given[0])) {
        _PyArg_BadArgument("generated", "argument 'a'", "str", given[0]);
        return NULL;
    }
    if (!_PyArg_CheckPositional("generated", nargs, 0, 2))
        return NULL;
    return Py_NewRef(given[0]);
}

static PyObject *calls(PyObject *Py_UNUSED(self), PyObject *func)
{
    PyObject *stack[3] = {NULL, Py_True, Py_False};
    PyObject *a = PyObject_Vectorcall(func, stack + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(a);
    a = PyObject_CallOneArg(func, Py_None);
    Py_XDECREF(a);
    a = PyObject_CallMethod(func, "method", "s#", "abc", (Py_ssize_t)3);
    Py_XDECREF(a);
    a = PyObject_CallFunctionObjArgs(func, Py_True, Py_None, NULL);
    Py_XDECREF(a);
    PyObject *name = PyUnicode_InternFromString("close");
    if (!name)
        return NULL;
    a = PyObject_CallMethodNoArgs(func, name);
    Py_XDECREF(a);
    a = PyObject_CallMethodOneArg(func, name, func);
    Py_DECREF(name);
    if (Py_EnterRecursiveCall(" while calling")) {
        Py_XDECREF(a);
        return NULL;
    }
    Py_LeaveRecursiveCall();
    Py_BEGIN_ALLOW_THREADS
    Py_BLOCK_THREADS
    Py_UNBLOCK_THREADS
    Py_END_ALLOW_THREADS
    return a;
}

static PyMethodDef methods[] = {
    {"by_tuple", by_tuple, METH_VARARGS, NULL},
    {"by_keywords", (PyCFunction)(void (*)(void))by_keywords, METH_VARARGS | METH_KEYWORDS, NULL},
    {"by_vector", (PyCFunction)(void (*)(void))by_vector, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"generated", (PyCFunction)(void (*)(void))generated, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"calls", calls, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "arguments", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_arguments(void)
{
    PyObject *module = PyModule_Create(&module_def);
    if (!module)
        return NULL;
    state_error = PyErr_NewExceptionWithDoc("arguments.Error", PyDoc_STR("It went wrong."), PyExc_ValueError, NULL);
    if (PyModule_AddObjectRef(module, "Error", state_error) < 0 || PyModule_AddStringMacro(module, PY_VERSION) < 0)
        Py_CLEAR(module);
    return module;
}
