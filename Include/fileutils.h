/* Text in the encoding of the locale; files. */
#ifndef ATOLL_FILEUTILS_H
#define ATOLL_FILEUTILS_H

#include "pytypedefs.h"

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x03070000
PyAPI_FUNC(wchar_t *) Py_DecodeLocale(const char *arg, size_t *size);
PyAPI_FUNC(char *) Py_EncodeLocale(const wchar_t *text, size_t *error_pos);
#endif

#ifndef Py_LIMITED_API
PyAPI_FUNC(FILE *) _Py_fopen_obj(PyObject *, const char *);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_FILEUTILS_H */
