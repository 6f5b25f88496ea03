// Frame objects and generators inside the core: layouts that Objects and the virtual machine share.
#pragma once

#include <climits>

#include "Objects/code/code.h"
#include "Objects/object.h"
#include "Python/runtime/thread_state.h"

// Opaque outside the core; the fields at 16..46 stand where 3.11 has them, because compiled code writes f_lineno.
struct _frame {
  PyObject ob_base;
  PyFrameObject* f_back;   // only for frames made by PyFrame_New, and after the frame has ended
  atl::Slot* f_frame;      // base of the frame: on the register stack, in a generator, or in data[]
  PyObject* f_trace;
  int f_lineno;            // 0: from the instruction
  char f_trace_lines;
  char f_trace_opcodes;
  char f_fast_as_locals;
  char f_state;            // FrameState
  PyObject* f_locals;      // snapshot made for f_locals, or the namespace
  uint32_t f_pc;           // word index, once the frame is not running any more
  uint32_t f_size;         // slots in data
  PyObject* f_generator;   // borrowed: the generator whose frame this is
  atl::Slot data[1];       // locals and header, once detached
};

namespace atl {

using FrameObject = struct _frame;
inline constexpr int kLineZero = INT_MIN;  // as f_lineno: the frame is at no line yet
enum FrameState : char { kFrameOnStack = 0, kFrameInGenerator = 1, kFrameDetached = 2, kFrameCleared = 3, kFrameGone = 4 };
static_assert(offsetof(FrameObject, f_back) == 16 && offsetof(FrameObject, f_frame) == 24);
static_assert(offsetof(FrameObject, f_trace) == 32 && offsetof(FrameObject, f_lineno) == 40);
static_assert(offsetof(FrameObject, f_trace_lines) == 44);

enum GenState : int8_t { kGenCreated = -2, kGenSuspended = -1, kGenRunning = 0, kGenFinished = 1 };

// Generators, coroutines and asynchronous generators: PyGenObject's head (the others only rename the fields), then ours.
struct GenObject {
  PyObject ob_base;
  PyCodeObject* gi_code;
  PyObject* gi_weakreflist;
  PyObject* gi_name;
  PyObject* gi_qualname;
  _PyErr_StackItem gi_exc_state;
  PyObject* gi_origin_or_finalizer;
  char gi_hooks_inited;
  char gi_closed;
  char gi_running_async;
  int8_t gi_frame_state;
  uint32_t nlocals;
  const uint64_t* pc;      // where to go on
  uint32_t live_end;       // registers below this are kept while suspended (>= 5)
  uint32_t slot_count;
  bool resume_here;        // pc is the next instruction itself, not the one that suspended
  Slot slots[1];           // [locals][header][temporaries]
};
static_assert(offsetof(GenObject, gi_frame_state) == 75);

ATOLL_INLINE GenObject* as_gen(PyObject* o) { return reinterpret_cast<GenObject*>(o); }
ATOLL_INLINE Slot* gen_base(GenObject* g) { return g->slots + g->nlocals; }

}  // namespace atl
