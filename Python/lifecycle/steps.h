// The steps of an interpreter's life that live in this room's other files.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// streams.cc: sys.stdin and its friends, all of them; one by its name in sys (empty without an exception: it has another name).
void codecs_clear(ThreadState& ts);
Status streams_init(ThreadState& ts);
Ref<> stream_make(ThreadState& ts, PyObject* name);
// on_demand.cc: what new interpreters are copied from, once the first one is up.
Status templates_make(ThreadState& ts);
// `import site`
Status run_site(ThreadState& ts);

// lifecycle.cc: undoes the steps, last one first; each takes a half-done init.
void unwind_steps(ThreadState& ts);

// finalize.cc: gives up what is left of an interpreter that nobody is attached to, its heap last.
void delete_interpreter_struct(Interpreter* interp);

}  // namespace atl
