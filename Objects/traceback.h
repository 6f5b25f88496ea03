// Tracebacks inside the core.
#pragma once

#include "Objects/frame.h"
#include "Objects/object.h"

namespace atl {

// Puts an entry for the frame at base (whose instruction is word `pc`) in front of exc's traceback. Without memory the
// entry is left out.
void traceback_add(ThreadState& ts, PyObject* exc, Slot* base, uint32_t pc);
// traceback entries for code that has no frame (C functions of extension modules).
Ref<> traceback_new(ThreadState& ts, PyObject* next, PyFrameObject* frame, int lasti, int lineno);

// Objects asks the virtual machine for the frame object of a running frame.
Ref<PyFrameObject> upcall_frame_object(ThreadState& ts, Slot* base);

}  // namespace atl
