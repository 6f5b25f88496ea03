/* Generic aliases such as list[int]. */
#ifndef ATOLL_GENERICALIASOBJECT_H
#define ATOLL_GENERICALIASOBJECT_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x03090000
PyAPI_DATA(PyTypeObject) Py_GenericAliasType;

PyAPI_FUNC(PyObject *) Py_GenericAlias(PyObject *origin, PyObject *args);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_GENERICALIASOBJECT_H */
