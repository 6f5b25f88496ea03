/* Functions outside the public interface that modules of the standard library's lib-dynload import from the core:
_hashlib, mmap, ossaudiodev, _json, _curses, _xxsubinterpreters and test modules. Not for anyone else. */
#ifndef ATOLL_INTERNAL_STDLIB_IMPORTS_H
#define ATOLL_INTERNAL_STDLIB_IMPORTS_H

#include "Python.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _Py_hashtable_t _Py_hashtable_t;
typedef struct _Py_hashtable_allocator_t _Py_hashtable_allocator_t;
typedef Py_uhash_t (*_Py_hashtable_hash_func)(const void *key);
typedef int (*_Py_hashtable_compare_func)(const void *key1, const void *key2);
typedef void (*_Py_hashtable_destroy_func)(void *);
typedef int (*_Py_hashtable_foreach_func)(_Py_hashtable_t *, const void *key, const void *value, void *user_data);
typedef struct _PyAccu _PyAccu;
typedef int _Py_error_handler;

PyAPI_DATA(PyTypeObject) _PyBytesIOBuffer_Type;
PyAPI_FUNC(int) _Py_CheckRecursiveCall(PyThreadState *, const char *);
PyAPI_FUNC(void) _Py_hashtable_destroy(_Py_hashtable_t *);
PyAPI_FUNC(void *) _Py_hashtable_get(_Py_hashtable_t *, const void *);
PyAPI_FUNC(int) _Py_hashtable_set(_Py_hashtable_t *, const void *, void *);
PyAPI_FUNC(int) _PyAccu_Accumulate(_PyAccu *, PyObject *);
PyAPI_FUNC(void) _PyAccu_Destroy(_PyAccu *);
PyAPI_FUNC(PyObject *) _PyAccu_FinishAsList(_PyAccu *);
PyAPI_FUNC(int) _PyAccu_Init(_PyAccu *);
PyAPI_FUNC(Py_ssize_t) _PyBytes_Find(const char *, Py_ssize_t, const char *, Py_ssize_t, Py_ssize_t);
PyAPI_FUNC(Py_ssize_t) _PyBytes_ReverseFind(const char *, Py_ssize_t, const char *, Py_ssize_t, Py_ssize_t);
PyAPI_FUNC(PyObject *) _PyConfig_AsDict(const PyConfig *);
PyAPI_FUNC(int) _PyConfig_FromDict(PyConfig *, PyObject *);
PyAPI_FUNC(PyInterpreterState *) _PyInterpreterID_LookUp(PyObject *);
PyAPI_FUNC(PyObject *) _PyInterpreterID_New(int64_t);
PyAPI_DATA(PyTypeObject) _PyInterpreterID_Type;
PyAPI_FUNC(PyObject *) _PyInterpreterState_GetIDObject(PyInterpreterState *);
PyAPI_FUNC(PyObject *) _PyNamespace_New(PyObject *);
PyAPI_FUNC(void) _PyPathConfig_ClearGlobal(void);
PyAPI_FUNC(PyTypeObject *) _PyStructSequence_NewType(PyStructSequence_Desc *, unsigned long);
PyAPI_FUNC(int) _Py_DecodeLocaleEx(const char *, wchar_t **, size_t *, const char **, int, _Py_error_handler);
PyAPI_FUNC(int) _Py_EncodeLocaleEx(const wchar_t *, char **, size_t *, const char **, int, _Py_error_handler);
PyAPI_FUNC(PyObject *) _Py_GetConfigsAsDict(void);
PyAPI_FUNC(_Py_error_handler) _Py_GetErrorHandler(const char *);
PyAPI_FUNC(PyObject *) _Py_Get_Getpath_CodeObject(void);
PyAPI_FUNC(Py_ssize_t) _Py_UTF8_Edit_Cost(PyObject *, PyObject *, Py_ssize_t);
PyAPI_FUNC(int) _Py_dup(int);
PyAPI_FUNC(int) _Py_fstat(int, struct stat *);
PyAPI_FUNC(int) _Py_fstat_noraise(int, struct stat *);
PyAPI_FUNC(void) _Py_hashtable_clear(_Py_hashtable_t *);
PyAPI_FUNC(int) _Py_hashtable_compare_direct(const void *, const void *);
PyAPI_FUNC(int) _Py_hashtable_foreach(_Py_hashtable_t *, _Py_hashtable_foreach_func, void *);
PyAPI_FUNC(_Py_hashtable_t *) _Py_hashtable_new(_Py_hashtable_hash_func, _Py_hashtable_compare_func);
PyAPI_FUNC(_Py_hashtable_t *) _Py_hashtable_new_full(_Py_hashtable_hash_func, _Py_hashtable_compare_func,
    _Py_hashtable_destroy_func, _Py_hashtable_destroy_func, _Py_hashtable_allocator_t *);
PyAPI_FUNC(void *) _Py_hashtable_steal(_Py_hashtable_t *, const void *);
PyAPI_FUNC(wchar_t *) _Py_normpath(wchar_t *, Py_ssize_t);
PyAPI_FUNC(int) _Py_open(const char *, int);
PyAPI_FUNC(Py_ssize_t) _Py_read(int, void *, size_t);
PyAPI_FUNC(int) _Py_set_inheritable(int, int, int *);
PyAPI_FUNC(PyObject *) _Py_strhex(const char *, const Py_ssize_t);
PyAPI_FUNC(Py_ssize_t) _Py_write(int, const void *, size_t);

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_INTERNAL_STDLIB_IMPORTS_H */
