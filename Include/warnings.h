/* Warnings. */
#ifndef ATOLL_WARNINGS_H
#define ATOLL_WARNINGS_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_FUNC(int) PyErr_ResourceWarning(PyObject *source, Py_ssize_t stack_level, const char *format, ...);
PyAPI_FUNC(int) PyErr_WarnEx(PyObject *category, const char *message, Py_ssize_t stack_level);
PyAPI_FUNC(int) PyErr_WarnExplicit(PyObject *category, const char *message, const char *filename, int lineno,
    const char *module, PyObject *registry);
PyAPI_FUNC(int) PyErr_WarnFormat(PyObject *category, Py_ssize_t stack_level, const char *format, ...);

#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyErr_WarnExplicitFormat(PyObject *, const char *, int, const char *, PyObject *, const char *, ...);
PyAPI_FUNC(int) PyErr_WarnExplicitObject(PyObject *category, PyObject *message, PyObject *filename, int lineno,
    PyObject *module, PyObject *registry);
#endif

#ifndef Py_LIMITED_API
#define PyErr_Warn(category, text) PyErr_WarnEx((category), (text), 1)
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_WARNINGS_H */
