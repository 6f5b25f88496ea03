// What the object model needs from higher rooms: the complete list of upward calls from Objects.
#pragma once

#include "Objects/frame.h"
#include "Objects/object.h"

namespace atl {

// ---- Python/vm -------------------------------------------------------------------------------------------------

// Resumes a created or suspended generator with a value, or (raising) with the exception that is set raised at its
// suspension point. The result is what it yielded or returned: gi_frame_state tells (kGenFinished: returned).
Ref<> gen_resume(ThreadState& ts, GenObject* gen, Ref<> sent, bool raising);
// The object that a suspended "yield from" or await waits for; borrowed, NULL when there is none.
PyObject* gen_peek_yield_from(GenObject* gen);
// Puts the frame of a suspended generator on the stack for what runs on its behalf meanwhile (throw() into what it
// waits for), and takes it back. False with an exception set: it was not entered.
struct GenEntry {
  GenObject* gen;
  Slot* base;
  Slot* caller;
  const uint64_t* pc;
  const uint64_t* saved_pc;
  bool fresh_chunk;
};
bool gen_enter(ThreadState& ts, GenObject* gen, GenEntry* entry);
void gen_leave(ThreadState& ts, GenEntry* entry);
// Ends that wait with a result, as if the object had finished: gen_resume then goes on behind it (sent is ignored).
void gen_end_yield_from(GenObject* gen, PyObject* result_owned);
int gen_traverse_frame(GenObject* gen, visitproc visit, void* arg);
// Releases what the frame of a generator that is not running holds; the generator is finished afterwards.
void gen_clear_frame(ThreadState& ts, GenObject* gen);

// Frames. The frame object of the running Python frame (new reference), empty without exception when there is none.
Ref<PyFrameObject> vm_current_frame(ThreadState& ts);
// The frame object below f; empty without exception at the end.
Ref<PyFrameObject> vm_frame_back(ThreadState& ts, FrameObject* f);
// The word index at which f stands now.
uint32_t vm_frame_pc(ThreadState& ts, FrameObject* f);
// Globals, builtins, function name of the running frame; borrowed, NULL without exception when nothing runs.
PyObject* vm_peek_globals(ThreadState& ts);
PyObject* vm_peek_builtins(ThreadState& ts);
// f_locals: snapshot into the frame's dict (or the namespace), and back.
PyObject* vm_frame_peek_locals(ThreadState& ts, FrameObject* f);
void vm_locals_to_fast(ThreadState& ts, FrameObject* f, bool clear);
// frame.f_lineno = v: the next instruction to run, from a trace function.
Status vm_frame_set_lineno(ThreadState& ts, FrameObject* f, PyObject* v);
// frame.clear()
Status vm_frame_clear(ThreadState& ts, FrameObject* f);
int vm_frame_traverse(FrameObject* f, visitproc visit, void* arg);
// Before the memory of f goes.
void vm_frame_dealloc(ThreadState& ts, FrameObject* f);

// super() without arguments, in the running frame: the class in its __class__ cell (checked to be a type) and its first
// argument. RuntimeError says what is missing.
Status vm_super_arguments(ThreadState& ts, Ref<>* type, Ref<>* object);

// ---- Python/lifecycle --------------------------------------------------------------------------------------------

// The value of a dict's entry that is made on demand (Objects/dict/dict.h); whether it is put there is the caller's
// business. Empty without an exception: there is none as long as this thread is busy making the like.
Ref<> upcall_dict_make(ThreadState& ts, PyObject* d, PyObject* name);

// ---- Python/vm, again ----------------------------------------------------------------------------------------------

// exec/eval.
Ref<> vm_eval_code(ThreadState& ts, PyObject* code, PyObject* globals, PyObject* locals, PyObject* closure /* or NULL */);

}  // namespace atl
