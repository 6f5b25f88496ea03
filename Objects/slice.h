// slice and range inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

Ref<> slice_new(ThreadState& ts, PyObject* start, PyObject* stop, PyObject* step /* each may be NULL: None */);
// start, stop, step as numbers, not yet adjusted to a length.
Status slice_unpack(ThreadState& ts, PyObject* slice, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step);
// Clips to a sequence of `length` items and returns the number of items.
Py_ssize_t slice_adjust(Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t step);
Ref<> range_new(ThreadState& ts, PyObject* start, PyObject* stop, PyObject* step);

}  // namespace atl
