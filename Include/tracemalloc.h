/* Telling tracemalloc of memory from elsewhere. */
#ifndef ATOLL_TRACEMALLOC_H
#define ATOLL_TRACEMALLOC_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) _PyTraceMalloc_GetTraceback(unsigned int, uintptr_t);
PyAPI_FUNC(int) PyTraceMalloc_Track(unsigned int domain, uintptr_t ptr, size_t size);
PyAPI_FUNC(int) PyTraceMalloc_Untrack(unsigned int domain, uintptr_t ptr);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_TRACEMALLOC_H */
