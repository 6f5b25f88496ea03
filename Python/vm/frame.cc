// Walking frames, stack chunks, frame objects.
#include "Python/vm/frame.h"

#include "Objects/frame.h"
#include "Python/vm/internal.h"

namespace atl {

// ---- walking -----------------------------------------------------------------------------------------------------

namespace {

// The word that a return pc stands for: stubs lie on the stack behind the pc they hide.
const uint64_t* resolve_stubs(const uint64_t* pc) {
  while (pc != nullptr && opcode_at(pc) >= kFirstStub) pc = reinterpret_cast<const Slot*>(pc)[-1].pc;
  return pc;
}

FrameCursor skip_leaving(FrameCursor c) {
  while (c.base != nullptr && c.base[kFunction].o == nullptr) {
    c = {c.base[kPrev].base, resolve_stubs(c.base[kReturnPc].pc)};
  }
  return c;
}

}  // namespace

FrameCursor frame_top(ThreadState& ts) { return skip_leaving({ts.base(), ts.pc}); }

FrameCursor frame_below(FrameCursor c) {
  return skip_leaving({c.base[kPrev].base, resolve_stubs(c.base[kReturnPc].pc)});
}

// ---- stack chunks ------------------------------------------------------------------------------------------------

namespace {

constexpr size_t kFirstChunk = 16 * 1024;
constexpr size_t kLaterChunk = 256 * 1024;
// Slots at the end of a chunk that no check covers: stub words of an entry from C.
constexpr size_t kMargin = 16;

}  // namespace

Slot* stack_reserve(ThreadState& ts, Slot* at, size_t need, bool* new_chunk) {
  if (at != nullptr && stack_has_room(ts, at + need)) {
    *new_chunk = false;
    return at;
  }
  size_t head = sizeof(_PyStackChunk) / sizeof(Slot);
  size_t size = ts.datastack_chunk == nullptr ? kFirstChunk : kLaterChunk;
  size_t wanted = (need + head + kMargin + 8) * sizeof(Slot);
  if (size < wanted) size = wanted;
  PyObjectArenaAllocator arena;
  PyObject_GetArenaAllocator(&arena);
  auto* chunk = static_cast<_PyStackChunk*>(arena.alloc(arena.ctx, size));
  if (chunk == nullptr) {
    raise_no_memory(ts);
    return nullptr;
  }
  chunk->previous = ts.datastack_chunk;
  chunk->size = size;
  chunk->top = reinterpret_cast<size_t>(at);  // where the stack went on from
  ts.datastack_chunk = chunk;
  auto* begin = reinterpret_cast<Slot*>(chunk) + head;
  ts.datastack_top = reinterpret_cast<PyObject**>(begin);
  ts.datastack_limit = reinterpret_cast<PyObject**>(reinterpret_cast<Slot*>(reinterpret_cast<char*>(chunk) + size) - kMargin);
  *new_chunk = true;
  return begin;
}

void stack_leave_chunk(ThreadState& ts) {
  _PyStackChunk* gone = ts.datastack_chunk;
  _PyStackChunk* chunk = gone->previous;
  ts.datastack_chunk = chunk;
  if (chunk != nullptr) {
    ts.datastack_limit =
        reinterpret_cast<PyObject**>(reinterpret_cast<Slot*>(reinterpret_cast<char*>(chunk) + chunk->size) - kMargin);
  } else {
    ts.datastack_limit = nullptr;
  }
  PyObjectArenaAllocator arena;
  PyObject_GetArenaAllocator(&arena);
  arena.free(arena.ctx, gone, gone->size);
}

Slot* frame_free_slot(ThreadState& ts) {
  Slot* base = ts.base();
  if (base == nullptr) {
    // Nothing runs on this C stack yet: the beginning of its first chunk.
    if (ts.datastack_chunk == nullptr) return nullptr;
    return reinterpret_cast<Slot*>(ts.datastack_chunk) + sizeof(_PyStackChunk) / sizeof(Slot);
  }
  Slot* free = base + frame_code(base)->ntemps;
  return ts.reserved_base == base && ts.reserved_end > free ? ts.reserved_end : free;
}

// ---- frame objects -----------------------------------------------------------------------------------------------

Ref<PyFrameObject> frame_object(ThreadState& ts, Slot* base) {
  if (base[kFrameObject].o != nullptr) return dup(reinterpret_cast<PyFrameObject*>(base[kFrameObject].o));
  CodeObject* code = frame_code(base);
  uint32_t slots = code->nlocals + kFrameHeader;
  PyObject* o = new_object_sized(ts, &PyFrame_Type, offsetof(FrameObject, data) + slots * sizeof(Slot));
  if (o == nullptr) return {};
  if (base[kFrameObject].o != nullptr) {
    // What ran during the allocation asked for the same one.
    free_object(ts, o);
    return dup(reinterpret_cast<PyFrameObject*>(base[kFrameObject].o));
  }
  auto* f = reinterpret_cast<FrameObject*>(o);
  reinterpret_cast<PyVarObject*>(o)->ob_size = 0;
  f->f_back = nullptr;
  f->f_frame = base;
  f->f_trace = nullptr;
  f->f_lineno = 0;
  f->f_trace_lines = 1;
  f->f_trace_opcodes = 0;
  f->f_fast_as_locals = 0;
  f->f_state = kFrameOnStack;
  f->f_locals = nullptr;
  f->f_pc = 0;
  f->f_size = slots;
  f->f_generator = nullptr;
  base[kFrameObject].o = o;
  track(ts, o);
  return dup(reinterpret_cast<PyFrameObject*>(f));
}

void frame_detach_object(ThreadState& ts, Slot* base, const uint64_t* last_pc) {
  auto* f = reinterpret_cast<FrameObject*>(base[kFrameObject].o);
  Ref<> owned = Ref<>::steal(obj(f));
  base[kFrameObject].o = nullptr;
  // From here on the frame is on no chain: nobody can ask for another object of it.
  PyObject* function = std::exchange(base[kFunction].o, nullptr);
  ScopeGuard put_back([&] { base[kFunction].o = function; });
  if (obj(f)->ob_refcnt == 1) {
    f->f_state = kFrameGone;
    owned.reset();
    return;
  }
  CodeObject* code = frame_code(base);
  f->f_pc = code_pc(code, last_pc);
  uint32_t n = code->nlocals;
  for (uint32_t i = 0; i < n; ++i) {
    f->data[i].o = base[static_cast<int>(i) - static_cast<int>(n)].o;
    base[static_cast<int>(i) - static_cast<int>(n)].o = nullptr;
  }
  Slot* to = f->data + n;
  to[kPrev].base = nullptr;
  to[kReturnPc].pc = nullptr;
  to[kFunction].o = new_ref(function);
  to[kCode].o = base[kCode].o;
  to[kFrameObject].o = obj(f);
  f->f_frame = to;
  f->f_state = kFrameDetached;
  // The caller's frame stays reachable through f_back after this one has ended.
  FrameCursor below = frame_below({base, last_pc});
  Ref<PyFrameObject> back;
  if (below.base != nullptr) {
    ErrorStash stash(ts);
    back = frame_object(ts, below.base);
    if (!back) error_clear(ts);
  }
  f->f_back = back.release();
}

void leave_local(Slot* base, PyObject* local) {
  PyObject* function = std::exchange(base[kFunction].o, nullptr);
  _Py_Dealloc(local);
  base[kFunction].o = function;
}

void leave_function(Slot* base, PyObject* function) {
  PyObject* code = new_ref(base[kCode].o);
  base[kFunction].o = nullptr;
  _Py_Dealloc(function);
  decref(code);
}

void end_frame(ThreadState& ts, Slot* base, const uint64_t* pc) {
  if (base[kFrameObject].o != nullptr) frame_detach_object(ts, base, pc);
  for (Slot* s = frame_locals(base); s < base; ++s) {
    PyObject* o = std::exchange(s->o, nullptr);
    if (o != nullptr && !is_immortal(o) && --o->ob_refcnt == 0) leave_local(base, o);
  }
  PyObject* f = base[kFunction].o;
  if (is_immortal(f)) return;
  if (--f->ob_refcnt == 0) leave_function(base, f);
}

}  // namespace atl
