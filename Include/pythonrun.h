/* Running source text and files. */
#ifndef ATOLL_PYTHONRUN_H
#define ATOLL_PYTHONRUN_H

#include "compile.h"
#include "object.h"
#include "pystate.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PYOS_STACK_MARGIN 2048

extern Py_EXPORTED_SYMBOL int (*PyOS_InputHook)(void);

PyAPI_FUNC(PyObject *) Py_CompileString(const char *str, const char *filename, int start);
PyAPI_FUNC(void) PyErr_Display(PyObject *, PyObject *, PyObject *);
PyAPI_FUNC(void) PyErr_Print(void);
PyAPI_FUNC(void) PyErr_PrintEx(int set_sys_last_vars);

#ifndef Py_LIMITED_API
extern Py_EXPORTED_SYMBOL char *(*PyOS_ReadlineFunctionPointer)(FILE *, FILE *, const char *);
PyAPI_DATA(PyThreadState *) _PyOS_ReadlineTState;

PyAPI_FUNC(PyObject *) Py_CompileStringExFlags(const char *str, const char *filename, int start,
    PyCompilerFlags *flags, int optimize);
PyAPI_FUNC(PyObject *) Py_CompileStringObject(const char *str, PyObject *filename, int start, PyCompilerFlags *flags,
    int optimize);
PyAPI_FUNC(const char *) _Py_SourceAsString(PyObject *, const char *, const char *, PyCompilerFlags *, PyObject **);
PyAPI_FUNC(char *) PyOS_Readline(FILE *, FILE *, const char *);
PyAPI_FUNC(int) PyRun_AnyFile(FILE *fp, const char *filename);
PyAPI_FUNC(int) PyRun_AnyFileEx(FILE *fp, const char *filename, int closeit);
PyAPI_FUNC(int) PyRun_AnyFileExFlags(FILE *fp, const char *filename, int closeit, PyCompilerFlags *flags);
PyAPI_FUNC(int) PyRun_AnyFileFlags(FILE *fp, const char *filename, PyCompilerFlags *flags);
PyAPI_FUNC(int) _PyRun_AnyFileObject(FILE *, PyObject *, int, PyCompilerFlags *);
PyAPI_FUNC(PyObject *) PyRun_File(FILE *fp, const char *filename, int start, PyObject *globals, PyObject *locals);
PyAPI_FUNC(PyObject *) PyRun_FileEx(FILE *fp, const char *filename, int start, PyObject *globals, PyObject *locals,
    int closeit);
PyAPI_FUNC(PyObject *) PyRun_FileExFlags(FILE *fp, const char *filename, int start, PyObject *globals,
    PyObject *locals, int closeit, PyCompilerFlags *flags);
PyAPI_FUNC(PyObject *) PyRun_FileFlags(FILE *fp, const char *filename, int start, PyObject *globals, PyObject *locals,
    PyCompilerFlags *flags);
PyAPI_FUNC(int) PyRun_InteractiveLoop(FILE *fp, const char *filename);
PyAPI_FUNC(int) PyRun_InteractiveLoopFlags(FILE *fp, const char *filename, PyCompilerFlags *flags);
PyAPI_FUNC(int) _PyRun_InteractiveLoopObject(FILE *, PyObject *, PyCompilerFlags *);
PyAPI_FUNC(int) PyRun_InteractiveOne(FILE *fp, const char *filename);
PyAPI_FUNC(int) PyRun_InteractiveOneFlags(FILE *fp, const char *filename, PyCompilerFlags *flags);
PyAPI_FUNC(int) PyRun_InteractiveOneObject(FILE *, PyObject *, PyCompilerFlags *);
PyAPI_FUNC(int) PyRun_SimpleFile(FILE *fp, const char *filename);
PyAPI_FUNC(int) PyRun_SimpleFileEx(FILE *fp, const char *filename, int closeit);
PyAPI_FUNC(int) PyRun_SimpleFileExFlags(FILE *fp, const char *filename, int closeit, PyCompilerFlags *flags);
PyAPI_FUNC(int) _PyRun_SimpleFileObject(FILE *, PyObject *, int, PyCompilerFlags *);
PyAPI_FUNC(int) PyRun_SimpleString(const char *command);
PyAPI_FUNC(int) PyRun_SimpleStringFlags(const char *command, PyCompilerFlags *flags);
PyAPI_FUNC(PyObject *) PyRun_String(const char *str, int start, PyObject *globals, PyObject *locals);
PyAPI_FUNC(PyObject *) PyRun_StringFlags(const char *str, int start, PyObject *globals, PyObject *locals,
    PyCompilerFlags *flags);
#endif

#ifndef Py_LIMITED_API
/* Short forms (functions of the same name exist too). */
#define Py_CompileString(text, name, start) Py_CompileStringExFlags((text), (name), (start), _Py_NULL, -1)
#define Py_CompileStringFlags(text, name, start, flags) Py_CompileStringExFlags((text), (name), (start), (flags), -1)
#define PyRun_String(text, start, globals, locals) PyRun_StringFlags((text), (start), (globals), (locals), _Py_NULL)
#define PyRun_SimpleString(text) PyRun_SimpleStringFlags((text), _Py_NULL)
#define PyRun_AnyFile(fp, name) PyRun_AnyFileExFlags((fp), (name), 0, _Py_NULL)
#define PyRun_AnyFileEx(fp, name, closeit) PyRun_AnyFileExFlags((fp), (name), (closeit), _Py_NULL)
#define PyRun_AnyFileFlags(fp, name, flags) PyRun_AnyFileExFlags((fp), (name), 0, (flags))
#define PyRun_SimpleFile(fp, name) PyRun_SimpleFileExFlags((fp), (name), 0, _Py_NULL)
#define PyRun_SimpleFileEx(fp, name, closeit) PyRun_SimpleFileExFlags((fp), (name), (closeit), _Py_NULL)
#define PyRun_InteractiveOne(fp, name) PyRun_InteractiveOneFlags((fp), (name), _Py_NULL)
#define PyRun_InteractiveLoop(fp, name) PyRun_InteractiveLoopFlags((fp), (name), _Py_NULL)
#define PyRun_File(fp, name, start, globals, locals) \
    PyRun_FileExFlags((fp), (name), (start), (globals), (locals), 0, _Py_NULL)
#define PyRun_FileEx(fp, name, start, globals, locals, closeit) \
    PyRun_FileExFlags((fp), (name), (start), (globals), (locals), (closeit), _Py_NULL)
#define PyRun_FileFlags(fp, name, start, globals, locals, flags) \
    PyRun_FileExFlags((fp), (name), (start), (globals), (locals), 0, (flags))
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PYTHONRUN_H */
