// types.SimpleNamespace inside the core.
#pragma once

#include "Objects/object.h"

// A namespace with the items of a dict as attributes (NULL: none). New reference, or NULL with an exception.
extern "C" PyObject* _PyNamespace_New(PyObject* dict);
extern "C" PyTypeObject _PyNamespace_Type;
