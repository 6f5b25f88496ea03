// See extra.cc.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// A code object ends: what is attached to it goes. `extra` is its co_extra, NULL when it has none.
void code_extra_free(ThreadState& ts, void* extra);

}  // namespace atl
