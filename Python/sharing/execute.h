// Running code in another interpreter.
#pragma once

#include "Objects/object.h"
#include "Python/sharing/values.h"

namespace atl {

// Creates an interpreter; its id, or kError with an exception.
Status interpreters_create(ThreadState& ts, const InterpreterOptions& options, int64_t* id);
// Ends one. InterpreterError when it is the main one, the current one, or running.
Status interpreters_destroy(ThreadState& ts, int64_t id);
// Enters an interpreter whose end has begun (interpreter_begin_close) and ends it; `from` is attached, or NULL.
void interpreter_enter_and_end(ThreadState* from, Interpreter* interp);
// One more or one less of the objects that keep it alive. At the last one it ends, where that was asked for.
Status interpreters_add_ref(ThreadState& ts, int64_t id, bool ends_with_refs);
Status interpreters_drop_ref(ThreadState& ts, int64_t id);
Tri interpreters_is_running(ThreadState& ts, int64_t id);

// Puts values into the __main__ of an interpreter (shared: a dict with str keys, or NULL) and then runs a source there
// (NULL: nothing). The result is None, or what became of an exception over there:
// (name, qualname, module, text, formatted traceback).
Ref<> interpreters_exec(ThreadState& ts, int64_t id, PyObject* source, PyObject* shared);

// The tuple above for an exception of the current interpreter. Runs Python code; never fails.
Ref<> describe_exception(ThreadState& ts, PyObject* exception);

}  // namespace atl
