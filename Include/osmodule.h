/* Paths. */
#ifndef ATOLL_OSMODULE_H
#define ATOLL_OSMODULE_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_FUNC(PyObject *) PyOS_FSPath(PyObject *path);

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_OSMODULE_H */
