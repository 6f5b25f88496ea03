// What is needed from higher rooms by those who work with several interpreters.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// Python/lifecycle: interpreter_new and interpreter_end of lifecycle.h.
ThreadState* upcall_interpreter_new(const InterpreterOptions& options, bool run_site);
void upcall_interpreter_end(ThreadState* ts);

// Modules/_io: is this a stream of the core's own kind with nothing in its buffers, so that flush() would do nothing?
bool upcall_stream_is_flushed(PyObject* stream);

}  // namespace atl
