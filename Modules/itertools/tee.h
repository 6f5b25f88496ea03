// tee() of the module itertools.
#pragma once

#include "Objects/object.h"

namespace atl {

Ref<> itertools_tee(ThreadState& ts, PyObject* module, PyObject* iterable, Py_ssize_t n);

}  // namespace atl
