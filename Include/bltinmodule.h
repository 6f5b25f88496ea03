/* Types of iterators that the builtins make. */
#ifndef ATOLL_BLTINMODULE_H
#define ATOLL_BLTINMODULE_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_DATA(PyTypeObject) PyFilter_Type;
PyAPI_DATA(PyTypeObject) PyMap_Type;
PyAPI_DATA(PyTypeObject) PyZip_Type;

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_BLTINMODULE_H */
