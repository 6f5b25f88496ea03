// The steps of an interpreter's life that live in this room's other files.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// streams.cc: the codec registry's package, sys.stdin and its friends.
Status codecs_init(ThreadState& ts);
void codecs_clear(ThreadState& ts);
Status streams_init(ThreadState& ts);
// `import site`
Status run_site(ThreadState& ts);

// lifecycle.cc: undoes the steps, last one first; each takes a half-done init.
void unwind_steps(ThreadState& ts);

// finalize.cc: gives up what is left of an interpreter that nobody is attached to, its heap last.
void delete_interpreter_struct(Interpreter* interp);

}  // namespace atl
