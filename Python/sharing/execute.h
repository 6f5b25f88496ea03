// Running code in another interpreter.
#pragma once

#include "Objects/object.h"
#include "Python/sharing/values.h"

namespace atl {

// Creates an interpreter; its id, or kError with an exception.
Status interpreters_create(ThreadState& ts, const InterpreterOptions& options, Whence whence, int64_t* id);
// Where it comes from, and how it was configured; InterpreterNotFoundError.
struct InterpreterFacts {
  Whence whence;
  InterpreterOptions options;
};
Status interpreters_facts(ThreadState& ts, int64_t id, InterpreterFacts* facts);
// Ends one. InterpreterError when it is the main one, the current one, or running.
Status interpreters_destroy(ThreadState& ts, int64_t id);
// Enters an interpreter whose end has begun (interpreter_begin_close) and ends it; `from` is attached, or NULL.
void interpreter_enter_and_end(ThreadState* from, Interpreter* interp);
// One more or one less of the objects that keep it alive. At the last one it ends, where that was asked for.
Status interpreters_add_ref(ThreadState& ts, int64_t id, bool ends_with_refs);
Status interpreters_set_ends_with_refs(ThreadState& ts, int64_t id);
Status interpreters_drop_ref(ThreadState& ts, int64_t id);
Tri interpreters_is_running(ThreadState& ts, int64_t id);

// What to run in another interpreter's __main__: exactly one of source, script and callable, or nothing.
struct RemoteRun {
  PyObject* source = nullptr;    // str
  PyObject* script = nullptr;    // a function without parameters, or a code object: its code runs in __main__
  PyObject* callable = nullptr;  // called with args (a tuple, or NULL) and kwargs (a dict, or NULL); its result comes back
  PyObject* args = nullptr;
  PyObject* kwargs = nullptr;
  PyObject* shared = nullptr;    // a dict with str keys, put into __main__ first; or NULL
};
struct RemoteOutcome {
  Ref<> result;     // None but for callables
  Ref<> exception;  // empty, or what became of an exception over there: (name, qualname, module, text, formatted traceback)
};
// The calling thread enters the interpreter and runs it there. kError: an exception of this interpreter's, before or after.
Status interpreters_run(ThreadState& ts, int64_t id, const RemoteRun& run, RemoteOutcome* outcome);

// Has the callable called by whoever runs there next, or the runtime, without waiting. What it raises is unraisable there.
Status interpreters_post(ThreadState& ts, int64_t id, const RemoteRun& run);
Raised raise_interpreter_not_found(ThreadState& ts, int64_t id);

// The tuple above for an exception of the current interpreter. Runs Python code; never fails.
Ref<> describe_exception(ThreadState& ts, PyObject* exception);

}  // namespace atl
