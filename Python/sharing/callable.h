// Callables as values that can be sent.
//
// What its module and qualified name lead to again (functions, classes and built-in functions of modules) goes by these
// names. A function that no name leads to, or that __main__ holds, is sent as its code, with defaults, closure and, where it
// is __main__'s, the globals that its code mentions as far as they can be sent; over there they are put into __main__ where
// that has no such names. References among the functions of one value are kept.
#pragma once

#include "Objects/object.h"

namespace atl {

// A value that message_from_value takes. NotShareableError names the place below `name`.
Ref<> callable_to_value(ThreadState& ts, PyObject* callable, const char* name);
// The callable over there. May import modules.
Ref<> callable_from_value(ThreadState& ts, PyObject* value);
// Only the code of a function without parameters and closure, or a code object: ValueError, TypeError for others.
Ref<> script_code_to_value(ThreadState& ts, PyObject* code_or_function);

}  // namespace atl
