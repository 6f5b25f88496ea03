// types.SimpleNamespace inside the core.
#pragma once

#include "Objects/object.h"

// A namespace with the items of a dict as attributes (NULL: none). New reference, or NULL with an exception.
extern "C" {
PyAPI_FUNC(PyObject*) _PyNamespace_New(PyObject* dict);
PyAPI_DATA(PyTypeObject) _PyNamespace_Type;
}
