// What the generator types (Objects/generator.cc) need from the virtual machine: resuming, and the frame inside.
// Declared for Objects in Objects/upcalls.h.
#pragma once

#include "Objects/frame.h"
#include "Objects/upcalls.h"

namespace atl {

Ref<> coroutine_origin(ThreadState& ts, Slot* base, int depth);

}  // namespace atl
