/* Starting and ending Python. */
#ifndef ATOLL_PYLIFECYCLE_H
#define ATOLL_PYLIFECYCLE_H

#include "initconfig.h"
#include "object.h"
#include "pystate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*PyOS_sighandler_t)(int);

PyAPI_FUNC(int) Py_AtExit(void (*func)(void));
PyAPI_FUNC(void) Py_EndInterpreter(PyThreadState *tstate);
_Py_NO_RETURN PyAPI_FUNC(void) Py_Exit(int status);
PyAPI_FUNC(void) Py_Finalize(void);
PyAPI_FUNC(int) Py_FinalizeEx(void);
PyAPI_FUNC(const char *) Py_GetBuildInfo(void);
PyAPI_FUNC(const char *) Py_GetCompiler(void);
PyAPI_FUNC(const char *) Py_GetCopyright(void);
PyAPI_FUNC(wchar_t *) Py_GetExecPrefix(void);
PyAPI_FUNC(wchar_t *) Py_GetPath(void);
PyAPI_FUNC(const char *) Py_GetPlatform(void);
PyAPI_FUNC(wchar_t *) Py_GetPrefix(void);
PyAPI_FUNC(wchar_t *) Py_GetProgramFullPath(void);
PyAPI_FUNC(wchar_t *) Py_GetProgramName(void);
PyAPI_FUNC(wchar_t *) Py_GetPythonHome(void);
PyAPI_FUNC(const char *) Py_GetVersion(void);
PyAPI_FUNC(void) Py_Initialize(void);
PyAPI_FUNC(void) Py_InitializeEx(int initsigs);
PyAPI_FUNC(int) Py_IsInitialized(void);
PyAPI_FUNC(int) Py_Main(int argc, wchar_t **argv);
PyAPI_FUNC(PyThreadState *) Py_NewInterpreter(void);
PyAPI_FUNC(void) Py_SetProgramName(const wchar_t *name);
PyAPI_FUNC(void) Py_SetPythonHome(const wchar_t *home);
PyAPI_FUNC(PyOS_sighandler_t) PyOS_getsig(int i);
PyAPI_FUNC(PyOS_sighandler_t) PyOS_setsig(int i, PyOS_sighandler_t h);

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x03070000
PyAPI_FUNC(void) Py_SetPath(const wchar_t *);
#endif

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x03080000
PyAPI_FUNC(int) Py_BytesMain(int argc, char **argv);
#endif

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030b0000
PyAPI_DATA(const unsigned long) Py_Version;
#endif

#ifndef Py_LIMITED_API
PyAPI_FUNC(int) _Py_CoerceLegacyLocale(int);
_Py_NO_RETURN PyAPI_FUNC(void) Py_ExitStatusException(PyStatus);
PyAPI_FUNC(int) Py_FdIsInteractive(FILE *fp, const char *filename);
PyAPI_FUNC(int) _Py_FdIsInteractive(FILE *, PyObject *);
PyAPI_FUNC(int) Py_FrozenMain(int, char **);
PyAPI_FUNC(const char *) _Py_gitidentifier(void);
PyAPI_FUNC(const char *) _Py_gitversion(void);
PyAPI_FUNC(PyStatus) Py_InitializeFromConfig(const PyConfig *config);
PyAPI_FUNC(PyStatus) _Py_InitializeMain(void);
PyAPI_FUNC(int) _Py_IsCoreInitialized(void);
PyAPI_FUNC(int) _Py_IsFinalizing(void);
PyAPI_FUNC(int) _Py_LegacyLocaleDetected(int);
PyAPI_FUNC(PyThreadState *) _Py_NewInterpreter(int);
PyAPI_FUNC(PyStatus) Py_PreInitialize(const PyPreConfig *preconfig);
PyAPI_FUNC(PyStatus) Py_PreInitializeFromArgs(const PyPreConfig *preconfig, Py_ssize_t argc, wchar_t **argv);
PyAPI_FUNC(PyStatus) Py_PreInitializeFromBytesArgs(const PyPreConfig *preconfig, Py_ssize_t argc, char **argv);
PyAPI_FUNC(void) _Py_RestoreSignals(void);
PyAPI_FUNC(int) Py_RunMain(void);
PyAPI_FUNC(char *) _Py_SetLocaleFromEnv(int);
PyAPI_FUNC(void) _Py_SetProgramFullPath(const wchar_t *);
PyAPI_FUNC(int) Py_SetStandardStreamEncoding(const char *encoding, const char *errors);
PyAPI_FUNC(int) _PyOS_URandom(void *, Py_ssize_t);
PyAPI_FUNC(int) _PyOS_URandomNonblock(void *, Py_ssize_t);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PYLIFECYCLE_H */
