/* Frames: functions for any code. See frameobject.h for more. */
#ifndef ATOLL_PYFRAME_H
#define ATOLL_PYFRAME_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030a0000
PyAPI_FUNC(PyCodeObject *) PyFrame_GetCode(PyFrameObject *frame);
PyAPI_FUNC(int) PyFrame_GetLineNumber(PyFrameObject *frame);
#endif

#ifndef Py_LIMITED_API
PyAPI_DATA(PyTypeObject) PyFrame_Type;

PyAPI_FUNC(PyFrameObject *) PyFrame_GetBack(PyFrameObject *frame);
PyAPI_FUNC(PyObject *) PyFrame_GetBuiltins(PyFrameObject *frame);
PyAPI_FUNC(PyObject *) PyFrame_GetGenerator(PyFrameObject *frame);
PyAPI_FUNC(PyObject *) PyFrame_GetGlobals(PyFrameObject *frame);
PyAPI_FUNC(int) PyFrame_GetLasti(PyFrameObject *frame);
PyAPI_FUNC(PyObject *) PyFrame_GetLocals(PyFrameObject *frame);
#endif

#ifndef Py_LIMITED_API
#define PyFrame_Check(op) Py_IS_TYPE((op), &PyFrame_Type)
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PYFRAME_H */
