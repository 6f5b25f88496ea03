// Exception groups inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

bool is_exception_group(PyObject* o);
// An ExceptionGroup (or BaseExceptionGroup, where one of the exceptions is no Exception).
Ref<> exception_group_new(ThreadState& ts, PyObject* message, PyObject* exceptions_sequence);
// except*: what is to be raised at the end of the statement, or None. `raised` is the list of what its handlers raised
// or left over, `orig` what the statement began with.
Ref<> exception_prep_reraise_star(ThreadState& ts, PyObject* orig, PyObject* raised);

}  // namespace atl
