/* Frames: functions for code that makes frames of its own. */
#ifndef ATOLL_FRAMEOBJECT_H
#define ATOLL_FRAMEOBJECT_H

#include "Python.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
struct _PyInterpreterFrame;
#endif

#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyFrame_FastToLocals(PyFrameObject *);
PyAPI_FUNC(int) PyFrame_FastToLocalsWithError(PyFrameObject *);
PyAPI_FUNC(int) _PyFrame_IsEntryFrame(PyFrameObject *);
PyAPI_FUNC(void) PyFrame_LocalsToFast(PyFrameObject *, int);
PyAPI_FUNC(PyFrameObject *) PyFrame_New(PyThreadState *, PyCodeObject *, PyObject *, PyObject *);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_FRAMEOBJECT_H */
