// bytearray inside the core (making one from bytes: Objects/bytes.h).
#pragma once

#include "Objects/bytes.h"

namespace atl {

Ref<> bytearray_new(ThreadState& ts, Py_ssize_t size);  // not initialised
// BufferError while it is exported.
Status bytearray_resize(ThreadState& ts, PyObject* o, Py_ssize_t size);
Ref<> bytearray_concat(ThreadState& ts, PyObject* a, PyObject* b);  // of anything bytes-like

}  // namespace atl
