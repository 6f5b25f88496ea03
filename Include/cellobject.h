/* Cells: variables shared by nested functions. */
#ifndef ATOLL_CELLOBJECT_H
#define ATOLL_CELLOBJECT_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_HEAD
    PyObject *ob_ref;
} PyCellObject;
#endif

#ifndef Py_LIMITED_API
PyAPI_DATA(PyTypeObject) PyCell_Type;

PyAPI_FUNC(PyObject *) PyCell_Get(PyObject *cell);
PyAPI_FUNC(PyObject *) PyCell_New(PyObject *ob);
PyAPI_FUNC(int) PyCell_Set(PyObject *cell, PyObject *value);
#endif

#ifndef Py_LIMITED_API
#define PyCell_Check(op) Py_IS_TYPE((op), &PyCell_Type)
#define PyCell_GET(op) (((PyCellObject *)(op))->ob_ref)
#define PyCell_SET(op, value) ((void)(((PyCellObject *)(op))->ob_ref = (value)))
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_CELLOBJECT_H */
