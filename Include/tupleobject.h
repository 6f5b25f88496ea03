/* tuple. */
#ifndef ATOLL_TUPLEOBJECT_H
#define ATOLL_TUPLEOBJECT_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_VAR_HEAD
    PyObject *ob_item[1];
} PyTupleObject;
#endif

PyAPI_DATA(PyTypeObject) PyTuple_Type;
PyAPI_DATA(PyTypeObject) PyTupleIter_Type;

PyAPI_FUNC(PyObject *) PyTuple_GetItem(PyObject *p, Py_ssize_t pos);
PyAPI_FUNC(PyObject *) PyTuple_GetSlice(PyObject *p, Py_ssize_t low, Py_ssize_t high);
PyAPI_FUNC(PyObject *) PyTuple_New(Py_ssize_t len);
PyAPI_FUNC(PyObject *) PyTuple_Pack(Py_ssize_t n, ...);
PyAPI_FUNC(int) PyTuple_SetItem(PyObject *p, Py_ssize_t pos, PyObject *o);
PyAPI_FUNC(Py_ssize_t) PyTuple_Size(PyObject *p);

#ifndef Py_LIMITED_API
PyAPI_FUNC(void) _PyTuple_DebugMallocStats(FILE *);
PyAPI_FUNC(void) _PyTuple_MaybeUntrack(PyObject *);
PyAPI_FUNC(int) _PyTuple_Resize(PyObject **p, Py_ssize_t newsize);
#endif

#define PyTuple_Check(op) PyType_FastSubclass(Py_TYPE(op), Py_TPFLAGS_TUPLE_SUBCLASS)
#define PyTuple_CheckExact(op) Py_IS_TYPE((op), &PyTuple_Type)

#ifndef Py_LIMITED_API
#define _PyTuple_CAST(op) (assert(PyTuple_Check(op)), _Py_CAST(PyTupleObject *, (op)))

static inline Py_ssize_t PyTuple_GET_SIZE(PyObject *op) { return Py_SIZE(op); }
#define PyTuple_GET_SIZE(op) PyTuple_GET_SIZE(_PyObject_CAST(op))

/* No checks; the item is borrowed, and the expression is an lvalue whose address is that of the items. */
#define PyTuple_GET_ITEM(op, i) (_Py_CAST(PyTupleObject *, (op))->ob_item[(i)])

/* Only for a new tuple: what was in the place is not released, the new item is consumed. */
static inline void PyTuple_SET_ITEM(PyObject *op, Py_ssize_t i, PyObject *item)
{
    ((PyTupleObject *)op)->ob_item[i] = item;
}
#define PyTuple_SET_ITEM(op, i, item) PyTuple_SET_ITEM(_PyObject_CAST(op), (i), _PyObject_CAST(item))
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_TUPLEOBJECT_H */
