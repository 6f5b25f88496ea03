/* pickle.PickleBuffer. */
#ifndef ATOLL_PICKLEBUFOBJECT_H
#define ATOLL_PICKLEBUFOBJECT_H

#include "object.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
PyAPI_DATA(PyTypeObject) PyPickleBuffer_Type;

PyAPI_FUNC(PyObject *) PyPickleBuffer_FromObject(PyObject *);
PyAPI_FUNC(const Py_buffer *) PyPickleBuffer_GetBuffer(PyObject *);
PyAPI_FUNC(int) PyPickleBuffer_Release(PyObject *);
#endif

#ifndef Py_LIMITED_API
#define PyPickleBuffer_Check(op) Py_IS_TYPE((op), &PyPickleBuffer_Type)
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PICKLEBUFOBJECT_H */
