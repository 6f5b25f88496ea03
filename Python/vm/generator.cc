// Generators' frames: moving them between the register stack and the generator object, resuming from C.
#include "Python/vm/generator.h"

#include "Python/vm/internal.h"

namespace atl {

namespace {

PyTypeObject* type_for(int flags) {
  if (flags & CO_COROUTINE) return &PyCoro_Type;
  if (flags & CO_ASYNC_GENERATOR) return &PyAsyncGen_Type;
  return &PyGen_Type;
}

void repoint_frame_object(Slot* base, FrameState state) {
  if (base[kFrameObject].o == nullptr) return;
  auto* f = reinterpret_cast<FrameObject*>(base[kFrameObject].o);
  f->f_frame = base;
  f->f_state = state;
}

}  // namespace

PyObject* make_generator(ThreadState& ts, Slot* base, const uint64_t* pc) {
  CodeObject* code = frame_code(base);
  uint32_t nlocals = code->nlocals;
  uint32_t slots = nlocals + code->ntemps;
  PyTypeObject* type = type_for(code->head.co_flags);
  PyObject* o = new_object_sized(ts, type, offsetof(GenObject, slots) + slots * sizeof(Slot));
  if (o == nullptr) return nullptr;
  GenObject* gen = as_gen(o);
  PyFunctionObject* f = frame_function(base);
  gen->gi_code = reinterpret_cast<PyCodeObject*>(new_ref(obj(code)));
  gen->gi_weakreflist = nullptr;
  gen->gi_name = new_ref(f->func_name);
  gen->gi_qualname = new_ref(f->func_qualname);
  gen->gi_exc_state = {nullptr, nullptr};
  gen->gi_origin_or_finalizer = nullptr;
  gen->gi_hooks_inited = 0;
  gen->gi_closed = 0;
  gen->gi_running_async = 0;
  gen->gi_frame_state = kGenCreated;
  gen->nlocals = nlocals;
  gen->pc = pc;
  gen->live_end = kFrameHeader;
  gen->slot_count = slots;
  gen->resume_here = false;
  for (uint32_t i = 0; i < nlocals + kFrameHeader; ++i) gen->slots[i] = frame_locals(base)[i];
  Slot* to = gen_base(gen);
  to[kPrev].base = nullptr;
  to[kReturnPc].pc = nullptr;
  repoint_frame_object(to, kFrameInGenerator);
  if (to[kFrameObject].o != nullptr) reinterpret_cast<FrameObject*>(to[kFrameObject].o)->f_generator = o;
  track(ts, o);
  if (type == &PyCoro_Type && ts.coroutine_origin_tracking_depth > 0) {
    Ref<> origin = coroutine_origin(ts, base, ts.coroutine_origin_tracking_depth);
    if (!origin) {
      decref(o);
      return nullptr;
    }
    gen->gi_origin_or_finalizer = origin.release();
  }
  return o;
}

Ref<> coroutine_origin(ThreadState& ts, Slot* base, int depth) {
  FrameCursor c = frame_below({base, ts.pc});
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (int i = 0; i < depth && c.base != nullptr; ++i, c = frame_below(c)) {
    CodeObject* code = frame_code(c.base);
    Ref<> line = int_from_i64(ts, code_line(code, code_pc(code, c.pc)));
    if (!line) return {};
    Ref<> entry = tuple_of(ts, code->head.co_filename, line.get(), code->head.co_name);
    if (!entry || failed(list_append(ts, list.get(), std::move(entry)))) return {};
  }
  return list_as_tuple(ts, list.get());
}

Slot* gen_push(ThreadState& ts, GenObject* gen, Slot* at, Slot* caller, const uint64_t* return_pc, const uint64_t** pc) {
  Slot* from = gen_base(gen);
  CodeObject* code = frame_code(from);
  // [generator][locals][header][temporaries]
  at = frame_room(ts, at, 0, code, &return_pc);
  if (at == nullptr) return nullptr;
  at[0].o = obj(gen);
  Slot* base = at + 1 + gen->nlocals;
  uint32_t n = gen->nlocals + gen->live_end;
  for (uint32_t i = 0; i < n; ++i) at[1 + i] = gen->slots[i];
  base[kPrev].base = caller;
  base[kReturnPc].pc = return_pc;
  repoint_frame_object(base, kFrameOnStack);
  --ts.recursion_remaining;
  gen->gi_frame_state = kGenRunning;
  gen->gi_exc_state.previous_item = ts.exc_info;
  ts.exc_info = &gen->gi_exc_state;
  // Whoever resumes may let go of the generator while it runs.
  incref(obj(gen));
  *pc = gen->pc;
  return base;
}

void gen_deliver(Slot* base, const uint64_t* pc, PyObject* sent_owned) {
  uint64_t w = *pc;
  Opcode op = generic_of(w);
  if (op == Opcode::kGenStart) {
    decref(sent_owned);
    return;
  }
  int a = static_cast<int16_t>(w >> 16);
  PyObject* old = a < 0 ? base[a].o : nullptr;
  base[a].o = sent_owned;
  if (old != nullptr) decref(old);
}

const uint64_t* after_suspension(const uint64_t* pc) {
  return pc + 1 + kOpInfo[static_cast<int>(generic_of(*pc))].cache;
}

void gen_save(ThreadState& ts, GenObject* gen, Slot* base, const uint64_t* pc, uint32_t live_end) {
  uint32_t n = gen->nlocals + live_end;
  Slot* from = frame_locals(base);
  for (uint32_t i = 0; i < n; ++i) gen->slots[i] = from[i];
  gen->live_end = live_end;
  gen->pc = pc;
  Slot* to = gen_base(gen);
  to[kPrev].base = nullptr;
  to[kReturnPc].pc = nullptr;
  repoint_frame_object(to, kFrameInGenerator);
  if (to[kFrameObject].o != nullptr) reinterpret_cast<FrameObject*>(to[kFrameObject].o)->f_generator = obj(gen);
  gen->gi_frame_state = kGenSuspended;
  ts.exc_info = gen->gi_exc_state.previous_item;
  gen->gi_exc_state.previous_item = nullptr;
  ts.pc = pc;
  decref(obj(gen));
}

void gen_finished(ThreadState& ts, GenObject* gen) {
  gen->gi_frame_state = kGenFinished;
  gen->live_end = 0;
  ts.exc_info = gen->gi_exc_state.previous_item;
  gen->gi_exc_state.previous_item = nullptr;
  if (PyObject* handled = std::exchange(gen->gi_exc_state.exc_value, nullptr)) decref(handled);
  decref(obj(gen));
}

// ---- from C ------------------------------------------------------------------------------------------------------

Ref<> gen_resume(ThreadState& ts, GenObject* gen, Ref<> sent, bool raising) {
  RecursionGuard guard(ts, " while calling a Python object");
  if (!guard.ok()) return {};
  ++ts.recursion_remaining;
  ScopeGuard restore([&] { --ts.recursion_remaining; });
  const uint64_t* saved_pc = ts.pc;
  bool fresh;
  Slot* at = stack_reserve(ts, frame_free_slot(ts), 8, &fresh);
  if (at == nullptr) return {};
  ScopeGuard leave([&] {
    if (fresh && ts.datastack_chunk->previous != nullptr) stack_leave_chunk(ts);
  });
  at[0].pc = ts.pc;
  at[1].w = encode_word(Opcode::kExit);
  const uint64_t* pc;
  PyObject* result;
  if (!raising && ts.hooks == 0) {
    if (Slot* base = gen_try_resume(ts, gen, at + 2, ts.base(), &at[1].w, sent.get(), &pc)) {
      (void)sent.release();
      result = vm_run(ts, base, pc);
      ts.pc = saved_pc;
      return Ref<>::steal(result);
    }
  }
  Slot* base = gen_push(ts, gen, at + 2, ts.base(), &at[1].w, &pc);
  if (base == nullptr) return {};
  if (raising && gen->gi_exc_state.exc_value != nullptr) error_add_context(ts, gen->gi_exc_state.exc_value);
  if (std::exchange(gen->resume_here, false)) {
    sent.reset();
    ts.set_base(base);
    result = vm_run(ts, base, pc);
  } else if (raising) {
    result = vm_run_raising(ts, base, pc);
  } else {
    ts.set_base(base);
    ts.pc = pc;
    gen_deliver(base, pc, sent.release());
    result = vm_run(ts, base, after_suspension(pc));
  }
  ts.pc = saved_pc;
  return Ref<>::steal(result);
}

bool gen_enter(ThreadState& ts, GenObject* gen, GenEntry* entry) {
  entry->gen = gen;
  entry->saved_pc = ts.pc;
  entry->caller = ts.base();
  Slot* at = stack_reserve(ts, frame_free_slot(ts), 8, &entry->fresh_chunk);
  if (at == nullptr) return false;
  at[0].pc = ts.pc;
  at[1].w = encode_word(Opcode::kExit);
  entry->base = gen_push(ts, gen, at + 2, ts.base(), reinterpret_cast<const uint64_t*>(&at[1]), &entry->pc);
  if (entry->base == nullptr) {
    if (entry->fresh_chunk && ts.datastack_chunk->previous != nullptr) stack_leave_chunk(ts);
    return false;
  }
  // What it handles is no context of what happens below.
  ts.exc_info = gen->gi_exc_state.previous_item;
  ts.set_base(entry->base);
  ts.pc = entry->pc;
  return true;
}

void gen_leave(ThreadState& ts, GenEntry* entry) {
  // gen_push may have moved to a chunk of its own.
  const uint64_t* back = entry->base[kReturnPc].pc;
  ts.exc_info = &entry->gen->gi_exc_state;
  ++ts.recursion_remaining;
  Slot* base = entry->base;
  ts.set_base(entry->caller);
  gen_save(ts, entry->gen, base, entry->pc, entry->gen->live_end);
  if (opcode_at(back) == Opcode::kChunkReturn) stack_leave_chunk(ts);
  if (entry->fresh_chunk && ts.datastack_chunk->previous != nullptr) stack_leave_chunk(ts);
  ts.pc = entry->saved_pc;
}

PyObject* gen_peek_yield_from(GenObject* gen) {
  if (gen->gi_frame_state != kGenSuspended || generic_of(*gen->pc) != Opcode::kYieldFrom) return nullptr;
  return gen_base(gen)[static_cast<int16_t>(*gen->pc >> 48)].o;
}

void gen_end_yield_from(GenObject* gen, PyObject* result_owned) {
  // The Jump behind the YieldFrom leads to the Send: its result register and its way out are what counts.
  Slot* base = gen_base(gen);
  int window = static_cast<int16_t>(*gen->pc >> 48);
  PyObject* receiver = std::exchange(base[window].o, nullptr);
  const uint64_t* jump = gen->pc + 1;
  const uint64_t* send = jump + 1 + static_cast<int16_t>(*jump >> 16);
  int a = static_cast<int16_t>(*send >> 16);
  PyObject* old = a < 0 ? base[a].o : nullptr;
  base[a].o = result_owned;
  if (a >= 0 && static_cast<uint32_t>(a) >= gen->live_end) gen->live_end = static_cast<uint32_t>(a) + 1;
  // Resuming goes on at the word behind the suspended one: the one before the Send's target.
  gen->pc = send + 2 + static_cast<int16_t>(*send >> 48);
  gen->resume_here = true;
  if (old != nullptr) decref(old);
  decref(receiver);
}

int gen_traverse_frame(GenObject* gen, visitproc visit, void* arg) {
  if (gen->gi_frame_state == kGenFinished || gen->gi_frame_state == kGenRunning) return 0;
  Slot* base = gen_base(gen);
  for (Slot* s = gen->slots; s < base; ++s) {
    Py_VISIT(s->o);
  }
  Py_VISIT(base[kFunction].o);
  Py_VISIT(base[kFrameObject].o);
  CodeObject* code = frame_code(base);
  if (const LiveRow* live = image_live(code->image, code_pc(code, gen->pc))) {
    if (gen->gi_frame_state == kGenSuspended) {
      for (uint32_t i = 0; i < live->count; ++i) Py_VISIT(base[code->image->live_pool[live->first + i]].o);
    }
  }
  return 0;
}

void gen_clear_frame(ThreadState& ts, GenObject* gen) {
  if (gen->gi_frame_state == kGenFinished || gen->gi_frame_state == kGenRunning) return;
  bool suspended = gen->gi_frame_state == kGenSuspended;
  gen->gi_frame_state = kGenFinished;
  Slot* base = gen_base(gen);
  if (suspended) release_live(ts, base, gen->pc, nullptr, -1);
  gen->live_end = 0;
  if (base[kFrameObject].o != nullptr) {
    auto* f = reinterpret_cast<FrameObject*>(base[kFrameObject].o);
    f->f_generator = nullptr;
    frame_detach_object(ts, base, gen->pc);
  }
  for (Slot* s = gen->slots; s < base; ++s) {
    if (PyObject* o = std::exchange(s->o, nullptr)) decref(o);
  }
  if (PyObject* f = std::exchange(base[kFunction].o, nullptr)) decref(f);
}

}  // namespace atl
