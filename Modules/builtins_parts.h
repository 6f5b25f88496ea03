// The files of the builtins module share this.
#pragma once

#include "Objects/iter/support.h"
#include "Objects/type/bind.h"
#include "Python/runtime/interpreter.h"

namespace atl {

extern const MethodSpec kBuiltinObjectFunctions[];     // builtins.cc: on one object or number
extern const MethodSpec kBuiltinIterationFunctions[];  // builtins_iter.cc
extern const MethodSpec kBuiltinCodeFunctions[];       // builtins_code.cc: compile, eval, exec, __import__, namespaces
extern const MethodSpec kBuiltinClassFunctions[];      // builtins_class.cc: __build_class__
extern const MethodSpec kBuiltinIoFunctions[];         // builtins_io.cc: print, input

// The namespace of the running frame as locals() gives it; empty with SystemError when nothing runs.
Ref<> current_locals(ThreadState& ts);
Ref<> current_globals(ThreadState& ts);

// builtins_code.cc: source (str, bytes, a buffer) as a terminated string; `hold` keeps it alive. NULL with an exception
// set; function and expected are for its text. *flags says whether a coding line counts.
const char* source_text(ThreadState& ts, PyObject* source, const char* function, const char* expected, PyCompilerFlags* flags,
                        Ref<>* hold);

}  // namespace atl
