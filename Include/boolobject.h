/* bool. */
#ifndef ATOLL_BOOLOBJECT_H
#define ATOLL_BOOLOBJECT_H

#include "longobject.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_DATA(PyLongObject) _Py_FalseStruct;
PyAPI_DATA(PyLongObject) _Py_TrueStruct;
PyAPI_DATA(PyTypeObject) PyBool_Type;

PyAPI_FUNC(PyObject *) PyBool_FromLong(long v);

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030a0000
PyAPI_FUNC(int) Py_IsFalse(PyObject *x);
PyAPI_FUNC(int) Py_IsTrue(PyObject *x);
#endif

#define Py_False ((PyObject *)&_Py_FalseStruct)
#define Py_True ((PyObject *)&_Py_TrueStruct)
#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030a0000
#define Py_IsTrue(x) Py_Is((x), Py_True)
#define Py_IsFalse(x) Py_Is((x), Py_False)
#endif
#define Py_RETURN_TRUE return _Py_NewRef(Py_True)
#define Py_RETURN_FALSE return _Py_NewRef(Py_False)

#define PyBool_Check(op) Py_IS_TYPE((op), &PyBool_Type)

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_BOOLOBJECT_H */
