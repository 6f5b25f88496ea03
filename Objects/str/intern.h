// Interning on two levels: process-wide identifiers (sealed), and one table per interpreter.
#pragma once

#include "Objects/str/str_state.h"

namespace atl {

// The process-wide string equal to s, or NULL. Borrowed (and immortal).
PyObject* peek_identifier(PyObject* s);

}  // namespace atl
