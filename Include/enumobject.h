/* enumerate and reversed. */
#ifndef ATOLL_ENUMOBJECT_H
#define ATOLL_ENUMOBJECT_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_DATA(PyTypeObject) PyEnum_Type;
PyAPI_DATA(PyTypeObject) PyReversed_Type;

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_ENUMOBJECT_H */
