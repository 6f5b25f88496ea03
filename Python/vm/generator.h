// What the generator types (Objects/generator.cc) need from the virtual machine: resuming, and the frame inside.
// Declared for Objects in Objects/upcalls.h.
#pragma once

#include "Objects/frame.h"
#include "Objects/upcalls.h"
#include "Python/vm/frame.h"

namespace atl {

Ref<> coroutine_origin(ThreadState& ts, Slot* base, int depth);

// The common case of gen_push and gen_deliver in one: the generator is suspended in a Yield whose value nobody keeps in a
// local, its frame fits above `at`, and no frame object points to it. NULL, and nothing done, in every other case.
// The sent value is taken over. *pc: where the generator goes on.
ATOLL_INLINE Slot* gen_try_resume(ThreadState& ts, GenObject* gen, Slot* at, Slot* caller, const uint64_t* return_pc,
                                  PyObject* sent, const uint64_t** pc) {
  uint64_t w = *gen->pc;
  int to = static_cast<int16_t>(w >> 16);
  Slot* from = gen->slots;
  uint32_t nlocals = gen->nlocals;
  if (ATOLL_UNLIKELY((w & 0xffff) != static_cast<uint16_t>(Opcode::kYield) || to < 0 || gen->gi_frame_state != kGenSuspended ||
                     gen->resume_here || from[nlocals + kFrameObject].o != nullptr || ts.recursion_remaining <= 0 ||
                     !stack_has_room(ts, at + gen->slot_count + 8))) {
    return nullptr;
  }
  at[0].o = obj(gen);
  Slot* base = at + 1 + nlocals;
  Slot* home = from + nlocals;
  for (Slot* d = at + 1; d < base;) *d++ = *from++;
  base[kPrev].base = caller;
  base[kReturnPc].pc = return_pc;
  base[kFunction] = home[kFunction];
  base[kCode] = home[kCode];
  base[kFrameObject].o = nullptr;
  for (uint32_t i = kFrameHeader, end = gen->live_end; i < end; ++i) base[i] = home[i];
  base[to].o = sent;
  --ts.recursion_remaining;
  gen->gi_frame_state = kGenRunning;
  gen->gi_exc_state.previous_item = ts.exc_info;
  ts.exc_info = &gen->gi_exc_state;
  incref(obj(gen));
  *pc = gen->pc + 1;
  return base;
}

// The common case of gen_save: no frame object points to the frame. Of the header nothing has changed.
ATOLL_INLINE void gen_suspend(ThreadState& ts, GenObject* gen, Slot* base, const uint64_t* pc, uint32_t live_end) {
  Slot* to = gen->slots;
  for (Slot* s = frame_locals(base); s < base;) *to++ = *s++;
  for (uint32_t i = kFrameHeader; i < live_end; ++i) to[i] = base[i];
  gen->live_end = live_end;
  gen->pc = pc;
  gen->gi_frame_state = kGenSuspended;
  ts.exc_info = gen->gi_exc_state.previous_item;
  gen->gi_exc_state.previous_item = nullptr;
}

}  // namespace atl
