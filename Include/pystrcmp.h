/* Comparison of C strings without regard to case. */
#ifndef ATOLL_PYSTRCMP_H
#define ATOLL_PYSTRCMP_H

#include "pytypedefs.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_FUNC(int) PyOS_mystricmp(const char *, const char *);
PyAPI_FUNC(int) PyOS_mystrnicmp(const char *, const char *, Py_ssize_t);

#define PyOS_strnicmp PyOS_mystrnicmp
#define PyOS_stricmp PyOS_mystricmp

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PYSTRCMP_H */
