/* Text in the encoding of the locale; files. */
#ifndef ATOLL_FILEUTILS_H
#define ATOLL_FILEUTILS_H

#include "pytypedefs.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_FUNC(wchar_t *) Py_DecodeLocale(const char *, size_t *);
PyAPI_FUNC(char *) Py_EncodeLocale(const wchar_t *, size_t *);

#ifndef Py_LIMITED_API
PyAPI_FUNC(FILE *) _Py_fopen_obj(PyObject *, const char *);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_FILEUTILS_H */
