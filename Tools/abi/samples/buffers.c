/* The buffer protocol from both sides, capsules, memory, threads, sets, weak references, slices, errors. */
#include "Python.h"
#include "structmember.h"

#include <pthread.h>

typedef struct {
    PyObject_VAR_HEAD
    Py_ssize_t exports;
    unsigned char data[1];
} Block;

static int Block_getbuffer(PyObject *self, Py_buffer *view, int flags)
{
    Block *block = (Block *)self;
    if ((flags & PyBUF_WRITABLE) == PyBUF_WRITABLE) {
        PyErr_SetString(PyExc_BufferError, "read-only");
        return -1;
    }
    if (PyBuffer_FillInfo(view, self, block->data, Py_SIZE(block), 1, flags) < 0)
        return -1;
    block->exports++;
    return 0;
}

static void Block_releasebuffer(PyObject *self, Py_buffer *Py_UNUSED(view)) { ((Block *)self)->exports--; }

static PyObject *consume(PyObject *Py_UNUSED(self), PyObject *source)
{
    Py_buffer view;
    if (PyObject_GetBuffer(source, &view, PyBUF_FULL_RO) < 0)
        return NULL;
    double total = 0;
    if (view.ndim == 1 && view.format && strcmp(view.format, "d") == 0)
        for (Py_ssize_t i = 0; i < view.shape[0]; i++)
            total += *(double *)((char *)view.buf + i * view.strides[0]);
    PyBuffer_Release(&view);
    return PyFloat_FromDouble(total);
}

static PyObject *look(PyObject *Py_UNUSED(self), PyObject *view)
{
    if (!PyMemoryView_Check(view))
        return PyErr_Format(PyExc_TypeError, "no memoryview but %s", Py_TYPE(view)->tp_name);
    Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    return Py_BuildValue("(nO)", buffer->len, PyMemoryView_GET_BASE(view) ? PyMemoryView_GET_BASE(view) : Py_None);
}

static void free_capsule(PyObject *capsule) { PyMem_Free(PyCapsule_GetPointer(capsule, "buffers.block")); }

static PyObject *make_capsule(PyObject *Py_UNUSED(self), PyObject *arg)
{
    Py_ssize_t count = PyLong_AsSsize_t(arg);
    if (count == -1 && PyErr_Occurred())
        return NULL;
    int *numbers = PyMem_New(int, count);
    if (!numbers)
        return PyErr_NoMemory();
    PyMem_Resize(numbers, int, count * 2);
    return PyCapsule_New(numbers, "buffers.block", free_capsule);
}

static PyObject *Block_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    Py_buffer source;
    if (!PyArg_ParseTuple(args, "y*", &source))
        return NULL;
    Block *block = (Block *)type->tp_alloc(type, source.len);
    if (block) {
        assert(Py_IS_TYPE(block, type) && Py_REFCNT(block) == 1 && Py_SIZE(block) == source.len);
        assert(_PyObject_VAR_SIZE(type, 3) % sizeof(void *) == 0);
        memcpy(block->data, source.buf, (size_t)source.len);
    }
    PyBuffer_Release(&source);
    return (PyObject *)block;
}

static void Block_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef Block_members[] = {{"exports", T_PYSSIZET, offsetof(Block, exports), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};
static PyType_Slot Block_slots[] = {
    {Py_tp_new, (void *)Block_new},
    {Py_tp_dealloc, (void *)Block_dealloc},
    {Py_tp_members, Block_members},
    {Py_bf_getbuffer, (void *)Block_getbuffer},
    {Py_bf_releasebuffer, (void *)Block_releasebuffer},
    {0, NULL},
};
static PyType_Spec Block_spec = {"buffers.Block", offsetof(Block, data), 1, Py_TPFLAGS_DEFAULT, Block_slots};

static PyObject *visit_all(PyObject *Py_UNUSED(self), PyObject *op)
{
    Py_ssize_t pos = 0, start, stop, step, count;
    PyObject *key, *value;
    if (PyDict_CheckExact(op)) {
        while (PyDict_Next(op, &pos, &key, &value))
            if (PyExceptionInstance_Check(value) || PyExceptionClass_Check(key))
                Py_RETURN_TRUE;
        return PyLong_FromSsize_t(PyDict_GET_SIZE(op));
    }
    if (PyAnySet_Check(op))
        return PyLong_FromSsize_t(PySet_GET_SIZE(op));
    if (PySlice_Check(op)) {
        if (PySlice_GetIndicesEx(op, 10, &start, &stop, &step, &count) < 0)
            return NULL;
        return PyLong_FromSsize_t(count);
    }
    if (PyWeakref_Check(op))
        return Py_NewRef(PyWeakref_GET_OBJECT(op));
    if (PyBytes_Check(op))
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(op), PyBytes_GET_SIZE(op));
    if (PyByteArray_Check(op))
        return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(op), PyByteArray_GET_SIZE(op));
    if (PyComplex_CheckExact(op))
        return PyFloat_FromDouble(((PyComplexObject *)op)->cval.imag);
    if (PyFloat_Check(op))
        return PyFloat_FromDouble(PyFloat_AS_DOUBLE(op));
    PyObject *fast = PySequence_Fast(op, "not a sequence");
    if (!fast)
        return NULL;
    PyObject *tuple = PyTuple_New(PySequence_Fast_GET_SIZE(fast));
    for (Py_ssize_t i = 0; tuple && i < PySequence_Fast_GET_SIZE(fast); i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(PySequence_Fast_GET_ITEM(fast, i)));
    Py_DECREF(fast);
    return tuple;
}

/* A thread that Python has not made: it calls back with the lock taken, and reports an error of its own. */
static void *thread_main(void *arg)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *result = PyObject_CallNoArgs((PyObject *)arg);
    if (!result)
        PyErr_WriteUnraisable((PyObject *)arg);
    Py_XDECREF(result);
    PyGILState_Release(gil);
    return NULL;
}

static PyObject *in_thread(PyObject *Py_UNUSED(self), PyObject *callable)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, callable) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_BEGIN_ALLOW_THREADS
    pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *locks(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    Py_tss_t key = Py_tss_NEEDS_INIT;
    int right = 1, mark = 0;
    PyThread_type_lock lock = PyThread_allocate_lock();
    if (!lock || PyThread_tss_create(&key) != 0)
        return PyErr_NoMemory();
    right &= PyThread_acquire_lock_timed(lock, PY_TIMEOUT_MAX, 0) == PY_LOCK_ACQUIRED;
    right &= PyThread_acquire_lock_timed(lock, 1000, 0) == PY_LOCK_FAILURE;
    PyThread_release_lock(lock);
    right &= PyThread_acquire_lock(lock, NOWAIT_LOCK) == 1;
    PyThread_release_lock(lock);
    PyThread_free_lock(lock);
    right &= PyThread_tss_is_created(&key) && PyThread_tss_get(&key) == NULL;
    right &= PyThread_tss_set(&key, &mark) == 0 && PyThread_tss_get(&key) == &mark;
    PyThread_tss_delete(&key);
    return PyBool_FromLong(right && !PyThread_tss_is_created(&key));
}

/* Runs a callable and says what kind of error came out of it. */
static PyObject *errors(PyObject *module, PyObject *callable)
{
    PyObject *type, *value, *traceback;
    PyObject *result = PyObject_CallNoArgs(callable);
    if (result)
        return result;
    if (PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        return PyUnicode_FromString("a key");
    }
    if (PyErr_GivenExceptionMatches(PyErr_Occurred(), PyExc_OSError)) {
        PyErr_Clear();
        PyObject *name = PyModule_GetNameObject(module);
        errno = ENOENT;
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
        Py_XDECREF(name);
        return NULL;
    }
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyException_SetTraceback(value, traceback ? traceback : Py_None);
    PyErr_Restore(type, value, traceback);
    if (PyErr_ExceptionMatches(PyExc_SystemError))
        PyErr_BadInternalCall();
    if (PyErr_CheckSignals() < 0)
        return NULL;
    return NULL;
}

static PyObject *warn(PyObject *Py_UNUSED(self), PyObject *text)
{
    const char *utf8 = PyUnicode_AsUTF8(text);
    if (!utf8 || PyErr_WarnEx(PyExc_DeprecationWarning, utf8, 1) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"consume", consume, METH_O, NULL},     {"look", look, METH_O, NULL},   {"make_capsule", make_capsule, METH_O, NULL},
    {"visit_all", visit_all, METH_O, NULL}, {"in_thread", in_thread, METH_O, NULL}, {"locks", locks, METH_NOARGS, NULL},
    {"errors", errors, METH_O, NULL},       {"warn", warn, METH_O, NULL},   {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "buffers", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_buffers(void)
{
    PyObject *module = PyModule_Create(&module_def);
    if (module && PyModule_AddObject(module, "Block", PyType_FromSpec(&Block_spec)) < 0)
        Py_CLEAR(module);
    return module;
}
