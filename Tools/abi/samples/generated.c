/* What code generators emit: direct access to the insides of str, int, list, thread state, frame and type. */
#define PY_SSIZE_T_CLEAN
#include "Python.h"
#include "frameobject.h"
#include "internal/pycore_frame.h"

static int generated_append(PyObject *op, PyObject *item)
{
    PyListObject *list = (PyListObject *)op;
    Py_ssize_t size = Py_SIZE(list);
    if (list->allocated > size && size > list->allocated / 2) {
        Py_INCREF(item);
        PyList_SET_ITEM(op, size, item);
        Py_SET_SIZE(list, size + 1);
        return 0;
    }
    return PyList_Append(op, item);
}

static long generated_small_int(PyObject *op)
{
    const digit *digits = ((PyLongObject *)op)->ob_digit;
    switch (Py_SIZE(op)) {
    case 0: return 0;
    case 1: return (long)digits[0];
    case -1: return -(long)digits[0];
    case 2: return (long)(((unsigned long)digits[1] << PyLong_SHIFT) | digits[0]);
    default: return PyLong_AsLong(op);
    }
}

static int generated_equal(PyObject *a, PyObject *b)
{
    if (PyUnicode_READY(a) < 0 || PyUnicode_READY(b) < 0)
        return -1;
    if (PyUnicode_GET_LENGTH(a) != PyUnicode_GET_LENGTH(b) || PyUnicode_KIND(a) != PyUnicode_KIND(b))
        return 0;
    Py_hash_t hash_a = ((PyASCIIObject *)a)->hash, hash_b = ((PyASCIIObject *)b)->hash;
    if (hash_a != hash_b && hash_a != -1 && hash_b != -1)
        return 0;
    if (PyUnicode_READ(PyUnicode_KIND(a), PyUnicode_DATA(a), 0) != PyUnicode_READ_CHAR(b, 0))
        return 0;
    return memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b), (size_t)PyUnicode_GET_LENGTH(a) * PyUnicode_KIND(a)) == 0;
}

static Py_UCS4 replace(Py_UCS4 ch)
{
    return Py_UNICODE_ISSPACE(ch) || !Py_UNICODE_ISALNUM(ch) || Py_UNICODE_IS_SURROGATE(ch) ? '_' : Py_UNICODE_TOUPPER(ch);
}

static PyObject *generated_plain(PyObject *text)
{
    Py_ssize_t size = PyUnicode_GET_LENGTH(text);
    Py_UCS4 most = '_';
    for (Py_ssize_t i = 0; i < size; i++)
        most = Py_MAX(most, replace(PyUnicode_READ_CHAR(text, i)));
    PyObject *result = PyUnicode_New(size, most);
    if (!result)
        return NULL;
    for (Py_ssize_t i = 0; i < size; i++)
        PyUnicode_WRITE(PyUnicode_KIND(result), PyUnicode_DATA(result), i, replace(PyUnicode_READ_CHAR(text, i)));
    if (most > PyUnicode_MAX_CHAR_VALUE(result))
        PyErr_BadInternalCall();
    if (!PyUnicode_IS_COMPACT_ASCII(result) && PyUnicode_CHECK_INTERNED(result) == SSTATE_NOT_INTERNED)
        PyUnicode_InternInPlace(&result);
    _PyUnicodeWriter writer;
    _PyUnicodeWriter_Init(&writer);
    if (_PyUnicodeWriter_Prepare(&writer, 3, 127) == 0)
        _PyUnicodeWriter_WriteASCIIString(&writer, "abc", 3);
    _PyUnicodeWriter_Dealloc(&writer);
    return result;
}

static void generated_raise(PyObject *value, PyObject *traceback)
{
    PyThreadState *tstate = PyThreadState_Get();
    PyErr_SetObject((PyObject *)Py_TYPE(value), value);
    PyObject *old = tstate->curexc_traceback;
    if (traceback != old) {
        Py_XINCREF(traceback);
        tstate->curexc_traceback = traceback;
        Py_XDECREF(old);
    }
    _PyErr_StackItem *info = tstate->exc_info;
    while (info->exc_value == NULL && info->previous_item != NULL)
        info = info->previous_item;
    if (PyInterpreterState_GetID(tstate->interp) < 0)
        PyErr_SetString(PyExc_ImportError, "no interpreter");
}

static void generated_traceback(const char *function, const char *file, int line, PyObject *globals)
{
    PyCodeObject *code = PyCode_NewEmpty(file, function, line);
    if (!code)
        return;
    PyFrameObject *frame = PyFrame_New(PyThreadState_Get(), code, globals, NULL);
    if (frame) {
        frame->f_lineno = line;
        PyTraceBack_Here(frame);
    }
    Py_DECREF(code);
    Py_XDECREF(frame);
}

static PyObject *generated_getattr(PyObject *op, PyObject *name, PyObject **dict_out)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject **slot = _PyObject_GetDictPtr(op);
    if (slot && *slot) {
        *dict_out = *slot;
        PyObject *found = _PyDict_GetItem_KnownHash(*slot, name, ((PyASCIIObject *)name)->hash);
        if (found && ((PyDictObject *)*slot)->ma_version_tag)
            return Py_NewRef(found);
    }
    if (PyType_HasFeature(type, Py_TPFLAGS_HAVE_VECTORCALL)) {
        vectorcallfunc call = *(vectorcallfunc *)((char *)op + type->tp_vectorcall_offset);
        if (call)
            return call(op, &name, 1, NULL);
    }
    if (PyCFunction_Check(op) && (PyCFunction_GET_FLAGS(op) & METH_O))
        return PyCFunction_GET_FUNCTION(op)(PyCFunction_GET_SELF(op), name);
    if (PyMethod_Check(op))
        return PyObject_CallOneArg(PyMethod_GET_FUNCTION(op), PyMethod_GET_SELF(op));
    if (PyFunction_Check(op))
        return Py_NewRef(PyFunction_GET_CODE(op));
    return type->tp_getattro ? type->tp_getattro(op, name) : PyObject_GetAttr(op, name);
}

static PyObject *append(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *list, *item;
    if (!PyArg_ParseTuple(args, "O!O", &PyList_Type, &list, &item) || generated_append(list, item) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *small_int(PyObject *Py_UNUSED(self), PyObject *op)
{
    long value = generated_small_int(op);
    return value == -1 && PyErr_Occurred() ? NULL : PyLong_FromLong(value);
}

static PyObject *equal(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "UU", &a, &b))
        return NULL;
    int answer = generated_equal(a, b);
    return answer < 0 ? NULL : PyBool_FromLong(answer);
}

static PyObject *plain(PyObject *Py_UNUSED(self), PyObject *text) { return generated_plain(text); }

static PyObject *raise(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *value, *traceback = NULL, *globals;
    int line;
    if (!PyArg_ParseTuple(args, "OOiO!", &value, &traceback, &line, &PyDict_Type, &globals))
        return NULL;
    generated_raise(value, traceback == Py_None ? NULL : traceback);
    generated_traceback("generated_function", "generated.pyx", line, globals);
    return NULL;
}

static PyObject *lookup(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *op, *name, *dict = Py_None;
    if (!PyArg_ParseTuple(args, "OU", &op, &name) || PyObject_Hash(name) == -1)
        return NULL;
    PyObject *found = generated_getattr(op, name, &dict);
    return found ? Py_BuildValue("(NO)", found, dict) : NULL;
}

static PyMethodDef methods[] = {
    {"append", append, METH_VARARGS, NULL}, {"small_int", small_int, METH_O, NULL},
    {"equal", equal, METH_VARARGS, NULL},   {"plain", plain, METH_O, NULL},
    {"raise_", raise, METH_VARARGS, NULL},  {"lookup", lookup, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "generated", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_generated(void) { return PyModuleDef_Init(&module_def); }
