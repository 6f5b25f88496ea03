/* A module for the limited API of 3.7: no struct but the head of an object is seen. */
#define Py_LIMITED_API 0x03070000
#define PY_SSIZE_T_CLEAN
#include "Python.h"
#include "structmember.h"

typedef struct {
    PyObject_HEAD
    long value;
} Box;

static PyObject *Box_get(PyObject *self, void *Py_UNUSED(closure)) { return PyLong_FromLong(((Box *)self)->value); }

static void Box_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyGetSetDef Box_getset[] = {{"value", Box_get, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};
static PyMemberDef Box_members[] = {{"raw", T_LONG, offsetof(Box, value), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};
static PyType_Slot Box_slots[] = {
    {Py_tp_getset, Box_getset}, {Py_tp_members, Box_members}, {Py_tp_dealloc, (void *)Box_dealloc}, {0, NULL},
};
static PyType_Spec Box_spec = {"limited.Box", sizeof(Box), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, Box_slots};

static PyObject *pick(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *op;
    const char *text;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "Os#", &op, &text, &size))
        return NULL;
    if (PyUnicode_Check(op) || PyLong_Check(op) || PyList_Check(op) || PyFloat_Check(op) || PyType_Check(op))
        return Py_BuildValue("Os#", op, text, size);
    if (op == Py_None || op == Py_True || op == Py_Ellipsis)
        Py_RETURN_NOTIMPLEMENTED;
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
    if (PyErr_ExceptionMatches(PyExc_ValueError))
        Py_RETURN_FALSE;
    Py_INCREF(op);
    Py_CLEAR(op);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"pick", pick, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "limited", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_limited(void)
{
    PyObject *module = PyModule_Create(&module_def);
    PyObject *type = PyType_FromSpec(&Box_spec);
    if (module && type && PyModule_AddObject(module, "Box", type) == 0)
        return module;
    Py_XDECREF(type);
    Py_XDECREF(module);
    return NULL;
}
