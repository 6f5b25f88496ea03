// What frame objects ask of the virtual machine: their place in the stack, their locals, the line.
#include "Objects/upcalls.h"
#include "Python/vm/internal.h"

namespace atl {

Ref<PyFrameObject> upcall_frame_object(ThreadState& ts, Slot* base) { return frame_object(ts, base); }

Ref<PyFrameObject> vm_current_frame(ThreadState& ts) {
  FrameCursor c = frame_top(ts);
  return c.base == nullptr ? Ref<PyFrameObject>() : frame_object(ts, c.base);
}

Ref<PyFrameObject> vm_frame_back(ThreadState& ts, FrameObject* f) {
  if (f->f_state != kFrameOnStack) return Ref<PyFrameObject>::dup_of(f->f_back);
  FrameCursor below = frame_below({f->f_frame, nullptr});
  return below.base == nullptr ? Ref<PyFrameObject>() : frame_object(ts, below.base);
}

uint32_t vm_frame_pc(ThreadState& ts, FrameObject* f) {
  CodeObject* code = frame_code(f->f_frame);
  switch (f->f_state) {
    case kFrameInGenerator:
      return code_pc(code, as_gen(f->f_generator)->pc);
    case kFrameOnStack:
      break;
    default:
      return f->f_pc;
  }
  // The frames of this thread, then of the interpreter's other threads (which are suspended: we hold the lock).
  Interpreter& interp = ts.interpreter();
  for (FrameCursor c = frame_top(ts); c.base != nullptr; c = frame_below(c)) {
    if (c.base == f->f_frame) return code_pc(code, c.pc);
  }
  for (PyThreadState* t = interp.threads; t != nullptr; t = t->next) {
    auto& other = *static_cast<ThreadState*>(t);
    if (&other == &ts) continue;
    for (FrameCursor c = frame_top(other); c.base != nullptr; c = frame_below(c)) {
      if (c.base == f->f_frame) return code_pc(code, c.pc);
    }
  }
  return 0;
}

PyObject* vm_peek_globals(ThreadState& ts) {
  FrameCursor c = frame_top(ts);
  return c.base == nullptr ? nullptr : frame_function(c.base)->func_globals;
}

PyObject* vm_peek_builtins(ThreadState& ts) {
  FrameCursor c = frame_top(ts);
  return c.base == nullptr ? nullptr : frame_function(c.base)->func_builtins;
}

namespace {

// The value of a local slot as f_locals shows it: cells are looked through. Borrowed or NULL.
PyObject* shown_value(CodeObject* code, Slot* locals, uint32_t i) {
  PyObject* v = locals[i].o;
  if (v != nullptr && (code->image->local_kinds[i] & kLocalCell) && is_exact(v, &PyCell_Type)) return cell_slot(v);
  return v;
}

uint32_t slots_with_names(CodeObject* code) { return code->image->local_name_count - code->image->free_count; }

Status put(ThreadState& ts, PyObject* d, PyObject* name, PyObject* value) {
  if (value != nullptr) return object_setitem(ts, d, name, value);
  if (!failed(object_delitem(ts, d, name)) || error_clear_if(ts, PyExc_KeyError)) return Status::kOk;
  return Status::kError;
}

}  // namespace

PyObject* vm_frame_peek_locals(ThreadState& ts, FrameObject* f) {
  Slot* base = f->f_frame;
  CodeObject* code = frame_code(base);
  Slot* locals = frame_locals(base);
  if (code->has_namespace && f->f_state != kFrameCleared && base[-1].o != nullptr) {
    set_field(f->f_locals, dup(base[-1].o));
  }
  if (f->f_locals == nullptr) {
    f->f_locals = dict_new(ts).release();
    if (f->f_locals == nullptr) return nullptr;
  }
  if (f->f_state == kFrameCleared) return f->f_locals;
  Ref<> d = dup(f->f_locals);
  uint32_t named = slots_with_names(code);
  for (uint32_t i = 0; i < named; ++i) {
    PyObject* name = code->image->local_names[i];
    if (name == nullptr) continue;
    // A parameter or local that has not been made a cell yet still shows its plain value.
    if (failed(put(ts, d.get(), name, shown_value(code, locals, i)))) return nullptr;
  }
  PyFunctionObject* fn = base[kFunction].o ? frame_function(base) : nullptr;
  // In class bodies the free variables are not part of the namespace.
  if (fn != nullptr && fn->func_closure != nullptr && (code->head.co_flags & CO_OPTIMIZED)) {
    for (uint32_t i = 0; i < code->image->free_count; ++i) {
      PyObject* cell = tuple_peek(fn->func_closure, i);
      if (failed(put(ts, d.get(), code->image->local_names[named + i], cell_slot(cell)))) return nullptr;
    }
  }
  f->f_fast_as_locals = 1;
  return f->f_locals;
}

void vm_locals_to_fast(ThreadState& ts, FrameObject* f, bool clear) {
  if (f->f_locals == nullptr || !f->f_fast_as_locals || f->f_state == kFrameCleared) return;
  Slot* base = f->f_frame;
  CodeObject* code = frame_code(base);
  if (code->has_namespace) return;
  ErrorStash stash(ts);
  Slot* locals = frame_locals(base);
  Ref<> d = dup(f->f_locals);
  auto value_of = [&](PyObject* name) {
    Ref<> v = object_getitem(ts, d.get(), name);
    if (!v) error_clear(ts);
    return v;
  };
  uint32_t named = slots_with_names(code);
  for (uint32_t i = 0; i < named; ++i) {
    PyObject* name = code->image->local_names[i];
    if (name == nullptr) continue;
    Ref<> v = value_of(name);
    if (!v && !clear) continue;
    PyObject* slot = locals[i].o;
    if (slot != nullptr && (code->image->local_kinds[i] & kLocalCell) && is_exact(slot, &PyCell_Type)) {
      if (cell_slot(slot) != v.get()) set_field(cell_slot(slot), std::move(v));
      continue;
    }
    if (slot == v.get()) continue;
    // The compiler relies on locals that it proved bound: they are not unbound from outside.
    if (!v) v = new_none();
    set_field(locals[i].o, std::move(v));
  }
  PyFunctionObject* fn = base[kFunction].o ? frame_function(base) : nullptr;
  if (fn == nullptr || fn->func_closure == nullptr || !(code->head.co_flags & CO_OPTIMIZED)) return;
  for (uint32_t i = 0; i < code->image->free_count; ++i) {
    Ref<> v = value_of(code->image->local_names[named + i]);
    if (!v && !clear) continue;
    PyObject* cell = tuple_peek(fn->func_closure, i);
    if (cell_slot(cell) != v.get()) set_field(cell_slot(cell), std::move(v));
  }
}

Status vm_frame_set_lineno(ThreadState& ts, FrameObject* f, PyObject* v) {
  if (v == nullptr) return raise(ts, PyExc_AttributeError, "cannot delete attribute");
  if (!is_exact_int(v)) return raise(ts, PyExc_ValueError, "lineno must be an integer");
  if (f->f_state != kFrameOnStack || f->f_pc == kNoJump) {
    if (ts.tracing && ts.tracing_what == PyTrace_CALL) return raise(ts, PyExc_ValueError, "can't jump from the 'call' trace event of a new frame");
    if (f->f_trace == nullptr) return raise(ts, PyExc_ValueError, "f_lineno can only be set in a trace function");
    return raise(ts, PyExc_ValueError, "can only jump from a 'line' trace event");
  }
  int64_t line;
  if (failed(int_as_i64(ts, v, &line)) || line > INT32_MAX || line < INT32_MIN) {
    if (error_set(ts)) error_clear(ts);
    return raise(ts, PyExc_ValueError, "lineno out of range");
  }
  uint32_t to;
  if (failed(frame_find_jump(ts, frame_code(f->f_frame), vm_frame_pc(ts, f), static_cast<int>(line), &to))) return Status::kError;
  f->f_pc = to + 1;
  return Status::kOk;
}

Status vm_frame_clear(ThreadState& ts, FrameObject* f) {
  switch (f->f_state) {
    case kFrameOnStack:
      return raise(ts, PyExc_RuntimeError, "cannot clear an executing frame");
    case kFrameInGenerator: {
      Ref<> gen = dup(f->f_generator);
      _PyGen_Finalize(gen.get());
      gen_clear_frame(ts, as_gen(gen.get()));
      return Status::kOk;
    }
    case kFrameDetached: {
      CodeObject* code = frame_code(f->f_frame);
      f->f_state = kFrameCleared;
      for (uint32_t i = 0; i < code->nlocals; ++i) clear_field(f->data[i].o);
      clear_field(f->f_locals);
      return Status::kOk;
    }
    default:
      return Status::kOk;
  }
}

int vm_frame_traverse(FrameObject* f, visitproc visit, void* arg) {
  if (f->f_state != kFrameDetached && f->f_state != kFrameCleared) return 0;
  CodeObject* code = frame_code(f->f_frame);
  for (uint32_t i = 0; i < code->nlocals; ++i) {
    Py_VISIT(f->data[i].o);
  }
  Py_VISIT(f->f_frame[kFunction].o);
  return 0;
}

void vm_frame_dealloc(ThreadState&, FrameObject* f) {
  if (f->f_state != kFrameDetached && f->f_state != kFrameCleared) return;
  CodeObject* code = frame_code(f->f_frame);
  Ref<> hold_code = dup(obj(code));
  for (uint32_t i = 0; i < code->nlocals; ++i) clear_field(f->data[i].o);
  clear_field(f->f_frame[kFunction].o);
}

}  // namespace atl
