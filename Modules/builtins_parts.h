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

}  // namespace atl
