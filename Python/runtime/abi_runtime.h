// _PyRuntime: what compiled modules of 3.11's standard library read inside it, and nothing else.
//
// Modules that were compiled together with CPython read three places of its runtime struct directly: the current thread state
// and the integers 0 and 1. Such modules belong to interpreters that share the main one's lock, so that whoever holds it
// is the current thread: the word is written with each change of that lock's holder. Nothing in Atoll reads the block.
#pragma once

#include "Python/runtime/base.h"

namespace atl {

// Bring-up of the process: the integers.
void abi_runtime_bringup();
// The main interpreter's lock has a new holder, or (NULL) none.
void abi_runtime_current(ThreadState* ts);

}  // namespace atl
