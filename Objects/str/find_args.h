// The arguments (what[, start[, end]]) of find, index, count, startswith and endswith, of str and of bytes.
#pragma once

#include "Objects/object.h"

namespace atl {

struct FindArgs {
  PyObject* what;
  Py_ssize_t start = 0, end = PY_SSIZE_T_MAX;
};
Status find_args_parse(ThreadState& ts, const char* name, PyObject* const* args, Py_ssize_t n, FindArgs* out);
// One of slice's bounds; None (or NULL) leaves *out alone.
Status slice_bound(ThreadState& ts, PyObject* o, Py_ssize_t* out);

}  // namespace atl
