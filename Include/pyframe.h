/* Frames: functions for any code. See frameobject.h for more. */
#ifndef ATOLL_PYFRAME_H
#define ATOLL_PYFRAME_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_FUNC(PyCodeObject *) PyFrame_GetCode(PyFrameObject *);
PyAPI_FUNC(int) PyFrame_GetLineNumber(PyFrameObject *);

#ifndef Py_LIMITED_API
PyAPI_DATA(PyTypeObject) PyFrame_Type;

PyAPI_FUNC(PyFrameObject *) PyFrame_GetBack(PyFrameObject *);
PyAPI_FUNC(PyObject *) PyFrame_GetBuiltins(PyFrameObject *);
PyAPI_FUNC(PyObject *) PyFrame_GetGenerator(PyFrameObject *);
PyAPI_FUNC(PyObject *) PyFrame_GetGlobals(PyFrameObject *);
PyAPI_FUNC(int) PyFrame_GetLasti(PyFrameObject *);
PyAPI_FUNC(PyObject *) PyFrame_GetLocals(PyFrameObject *);
#endif

#ifndef Py_LIMITED_API
#define PyFrame_Check(op) Py_IS_TYPE((op), &PyFrame_Type)
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PYFRAME_H */
