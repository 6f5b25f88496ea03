/* Generic aliases such as list[int]. */
#ifndef ATOLL_GENERICALIASOBJECT_H
#define ATOLL_GENERICALIASOBJECT_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_DATA(PyTypeObject) Py_GenericAliasType;

PyAPI_FUNC(PyObject *) Py_GenericAlias(PyObject *origin, PyObject *args);

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_GENERICALIASOBJECT_H */
