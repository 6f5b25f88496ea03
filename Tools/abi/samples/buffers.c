/* The buffer protocol from both sides, capsules, memory, threads, sets, weak references, slices, errors. */
#include "Python.h"

typedef struct {
    PyObject_VAR_HEAD
    Py_ssize_t exports;
    unsigned char *data;
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

static PyBufferProcs Block_as_buffer = {Block_getbuffer, Block_releasebuffer};

static PyObject *consume(PyObject *source)
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

static PyObject *look(PyObject *view)
{
    if (!PyMemoryView_Check(view))
        return NULL;
    Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    return Py_BuildValue("(nO)", buffer->len, PyMemoryView_GET_BASE(view) ? PyMemoryView_GET_BASE(view) : Py_None);
}

static void free_capsule(PyObject *capsule) { PyMem_Free(PyCapsule_GetPointer(capsule, "buffers.block")); }

static PyObject *make_capsule(Py_ssize_t count)
{
    int *numbers = PyMem_New(int, count);
    if (!numbers)
        return PyErr_NoMemory();
    PyMem_Resize(numbers, int, count * 2);
    return PyCapsule_New(numbers, "buffers.block", free_capsule);
}

static Block *new_block(PyTypeObject *type, Py_ssize_t size)
{
    Block *block = PyObject_NewVar(Block, type, size);
    if (!block)
        return NULL;
    Py_SET_SIZE(block, size);
    assert(Py_IS_TYPE(block, type) && Py_REFCNT(block) == 1);
    assert(_PyObject_VAR_SIZE(type, 3) % sizeof(void *) == 0);
    return block;
}

static PyObject *visit_all(PyObject *op)
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

static void *thread_main(void *arg)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyErr_WriteUnraisable((PyObject *)arg);
    PyGILState_Release(gil);
    return NULL;
}

static int errors(PyObject *module)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyErr_Restore(type, value, traceback);
    if (PyErr_ExceptionMatches(PyExc_KeyError))
        PyErr_Clear();
    if (PyErr_WarnEx(PyExc_DeprecationWarning, "old", 1) < 0 || PyErr_CheckSignals() < 0)
        return -1;
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, module);
    PyErr_BadInternalCall();
    if (PyModule_GetState(module) == NULL)
        Py_FatalError("no state");
    return 0;
}

void *buffers_uses(void);
void *buffers_uses(void)
{
    static Py_tss_t key = Py_tss_NEEDS_INIT;
    static const void *uses[] = {(void *)consume, (void *)look,      (void *)make_capsule, (void *)new_block,
                                 (void *)visit_all, (void *)thread_main, (void *)errors,   &Block_as_buffer, &key};
    PyThread_type_lock lock = PyThread_allocate_lock();
    if (PyThread_acquire_lock_timed(lock, PY_TIMEOUT_MAX, 0) == PY_LOCK_ACQUIRED)
        PyThread_release_lock(lock);
    return (void *)uses;
}
