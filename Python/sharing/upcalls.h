// What is needed from higher rooms by those who work with several interpreters.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// Python/lifecycle: interpreter_new and interpreter_end of lifecycle.h.
ThreadState* upcall_interpreter_new(const InterpreterOptions& options, bool run_site);
void upcall_interpreter_end(ThreadState* ts);

}  // namespace atl
