// fork: what the runtime does around the system call, so that the child finds no lock taken and no thread but its own.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// Takes every leaf lock of the runtime, in their fixed order. No Python code may run before one of the two below.
void fork_take_locks();
// In the parent, or after a failed fork.
void fork_release_locks();
// In the child: ts, which forked, is the only thread left and becomes the main one; other interpreters than the main
// one are gone (their memory is not given back: their threads may have stopped anywhere).
void fork_in_child(ThreadState& ts);

}  // namespace atl
