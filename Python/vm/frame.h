// Frames on the register stack.
//
//   [callable][self or hole][arg0 … | other locals, cells] [prev base][return pc][function][code][frame object] [temps …]
//                            base[-nlocals .. -1]           base[0 .. 4]                                       base[5 ..]
//
// base[0].base  the caller's frame (NULL: none below on this thread)
// base[1].pc    the word to go back to: the caller's calling instruction, or a stub word. A stub word lies on the stack
//               itself and the slot before it holds the pc that it stands for: for Exit, the pc at which the frame
//               below entered C.
// base[2].o     the function (owned)
// base[3].o     its code (borrowed from the function)
// base[4].o     the frame object (owned), once somebody asked for one, or NULL
//
// The running frame's pc is in the loop's register and in ts.pc whenever C code runs; a suspended frame's is its
// callee's base[1].
#pragma once

#include "Objects/code/code.h"
#include "Objects/function.h"
#include "Python/runtime/interpreter.h"

namespace atl {

enum FrameSlot : int { kPrev = 0, kReturnPc = 1, kFunction = 2, kCode = 3, kFrameObject = 4 };

ATOLL_INLINE PyFunctionObject* frame_function(Slot* base) { return as_function(base[kFunction].o); }
ATOLL_INLINE CodeObject* frame_code(Slot* base) { return as_code(base[kCode].o); }
ATOLL_INLINE Slot* frame_locals(Slot* base) { return base - frame_code(base)->nlocals; }
ATOLL_INLINE Opcode opcode_at(const uint64_t* pc) { return static_cast<Opcode>(static_cast<uint16_t>(*pc)); }

// The frame below and the pc it is at. *base NULL at the end.
struct FrameCursor {
  Slot* base;
  const uint64_t* pc;
};
FrameCursor frame_top(ThreadState& ts);
FrameCursor frame_below(FrameCursor c);

// First free slot above the running frame: where an entry from C builds its window.
Slot* frame_free_slot(ThreadState& ts);

// Makes room for `need` slots from `at` on; the stack moves to a new chunk when the present one is too small.
// NULL with MemoryError. *new_chunk says that it moved.
Slot* stack_reserve(ThreadState& ts, Slot* at, size_t need, bool* new_chunk);
// Leaves a chunk entered by stack_reserve.
void stack_leave_chunk(ThreadState& ts);

ATOLL_INLINE bool stack_has_room(ThreadState& ts, Slot* top) {
  return reinterpret_cast<PyObject**>(top) <= ts.datastack_limit;
}

// The frame object of a frame on the stack, made at first use. New reference.
Ref<PyFrameObject> frame_object(ThreadState& ts, Slot* base);
// The frame is about to go: its object, if there is one, takes over what it needs. Consumes locals.
void frame_detach_object(ThreadState& ts, Slot* base, const uint64_t* last_pc);

// Releases locals and the function. The caller has popped the frame already in the sense that ts.base() is below.
void frame_clear(ThreadState& ts, Slot* base);

// ---- entering the loop -----------------------------------------------------------------------------------------

// Runs the frame at base from pc until it returns, yields or fails. The frame's return pc is an Exit stub.
// New reference, or NULL with an exception set.
PyObject* vm_run(ThreadState& ts, Slot* base, const uint64_t* pc);

// Calls a Python function from C. Arguments are borrowed.
Ref<> vm_call_function(ThreadState& ts, PyFunctionObject* f, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
// Runs code in namespaces (exec, eval, modules, class bodies). locals may be NULL for optimised code.
Ref<> vm_eval_code(ThreadState& ts, PyObject* code, PyObject* globals, PyObject* locals, PyObject* closure);
// A class body: function without arguments, its namespace given.
Ref<> vm_call_with_namespace(ThreadState& ts, PyFunctionObject* f, PyObject* ns);

}  // namespace atl
