/* list. */
#ifndef ATOLL_LISTOBJECT_H
#define ATOLL_LISTOBJECT_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef struct {
    PyObject_VAR_HEAD
    PyObject **ob_item;
    Py_ssize_t allocated;
} PyListObject;
#endif

PyAPI_DATA(PyTypeObject) PyList_Type;
PyAPI_DATA(PyTypeObject) PyListIter_Type;
PyAPI_DATA(PyTypeObject) PyListRevIter_Type;

PyAPI_FUNC(int) PyList_Append(PyObject *list, PyObject *item);
PyAPI_FUNC(PyObject *) PyList_AsTuple(PyObject *list);
PyAPI_FUNC(PyObject *) PyList_GetItem(PyObject *list, Py_ssize_t index);
PyAPI_FUNC(PyObject *) PyList_GetSlice(PyObject *list, Py_ssize_t low, Py_ssize_t high);
PyAPI_FUNC(int) PyList_Insert(PyObject *list, Py_ssize_t index, PyObject *item);
PyAPI_FUNC(PyObject *) PyList_New(Py_ssize_t len);
PyAPI_FUNC(int) PyList_Reverse(PyObject *list);
PyAPI_FUNC(int) PyList_SetItem(PyObject *list, Py_ssize_t index, PyObject *item);
PyAPI_FUNC(int) PyList_SetSlice(PyObject *list, Py_ssize_t low, Py_ssize_t high, PyObject *itemlist);
PyAPI_FUNC(Py_ssize_t) PyList_Size(PyObject *list);
PyAPI_FUNC(int) PyList_Sort(PyObject *list);

#ifndef Py_LIMITED_API
PyAPI_FUNC(void) _PyList_DebugMallocStats(FILE *);
PyAPI_FUNC(PyObject *) _PyList_Extend(PyListObject *, PyObject *);
#endif

#define PyList_Check(op) PyType_FastSubclass(Py_TYPE(op), Py_TPFLAGS_LIST_SUBCLASS)
#define PyList_CheckExact(op) Py_IS_TYPE((op), &PyList_Type)

#ifndef Py_LIMITED_API
#define _PyList_CAST(op) (assert(PyList_Check(op)), _Py_CAST(PyListObject *, (op)))

static inline Py_ssize_t PyList_GET_SIZE(PyObject *op) { return Py_SIZE(op); }
#define PyList_GET_SIZE(op) PyList_GET_SIZE(_PyObject_CAST(op))
#define PyList_GET_ITEM(op, i) (_Py_CAST(PyListObject *, (op))->ob_item[(i)])

/* Only for a new list: what was in the place is not released, the new item is consumed. */
static inline void PyList_SET_ITEM(PyObject *op, Py_ssize_t i, PyObject *item)
{
    ((PyListObject *)op)->ob_item[i] = item;
}
#define PyList_SET_ITEM(op, i, item) PyList_SET_ITEM(_PyObject_CAST(op), (i), _PyObject_CAST(item))
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_LISTOBJECT_H */
