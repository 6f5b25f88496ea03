/* The sys module from C; audit hooks. */
#ifndef ATOLL_SYSMODULE_H
#define ATOLL_SYSMODULE_H

#include "object.h"
#include "pystate.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef int (*Py_AuditHookFunction)(const char *, PyObject *, void *);
#endif

PyAPI_FUNC(void) PySys_AddWarnOption(const wchar_t *s);
PyAPI_FUNC(void) PySys_AddWarnOptionUnicode(PyObject *unicode);
PyAPI_FUNC(void) PySys_FormatStderr(const char *format, ...);
PyAPI_FUNC(void) PySys_FormatStdout(const char *format, ...);
PyAPI_FUNC(PyObject *) PySys_GetObject(const char *name);
PyAPI_FUNC(int) PySys_HasWarnOptions(void);
PyAPI_FUNC(void) PySys_ResetWarnOptions(void);
PyAPI_FUNC(void) PySys_SetArgv(int argc, wchar_t **argv);
PyAPI_FUNC(void) PySys_SetArgvEx(int argc, wchar_t **argv, int updatepath);
PyAPI_FUNC(int) PySys_SetObject(const char *name, PyObject *v);
PyAPI_FUNC(void) PySys_SetPath(const wchar_t *path);
PyAPI_FUNC(void) PySys_WriteStderr(const char *format, ...);
PyAPI_FUNC(void) PySys_WriteStdout(const char *format, ...);

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x03070000
PyAPI_FUNC(void) PySys_AddXOption(const wchar_t *s);
PyAPI_FUNC(PyObject *) PySys_GetXOptions(void);
#endif

#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PySys_AddAuditHook(Py_AuditHookFunction hook, void *userData);
PyAPI_FUNC(int) PySys_Audit(const char *event, const char *format, ...);
PyAPI_FUNC(PyObject *) _PySys_GetAttr(PyThreadState *, PyObject *);
PyAPI_FUNC(size_t) _PySys_GetSizeOf(PyObject *);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_SYSMODULE_H */
