/* The fields of a module object that compiled code reaches by offset. Not for new code. */
#ifndef ATOLL_INTERNAL_PYCORE_MODULEOBJECT_H
#define ATOLL_INTERNAL_PYCORE_MODULEOBJECT_H

#include "moduleobject.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    PyObject_HEAD
    PyObject *md_dict;
    PyModuleDef *md_def;
    void *md_state;
    PyObject *md_weaklist;
    PyObject *md_name;
} PyModuleObject;

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_INTERNAL_PYCORE_MODULEOBJECT_H */
