// sys.settrace and sys.setprofile: the hooks of the traced loop.
//
// A line event fires where an instruction starts a source line: the line differs from that of the instruction executed
// before it in the frame, or control jumped backwards to it.
#include "Objects/frame.h"
#include "Python/vm/internal.h"

namespace atl {

namespace {

// Calls one of the thread's C-level hooks, with tracing off meanwhile.
Status call_hook(ThreadState& ts, Py_tracefunc func, PyObject* self, FrameObject* frame, int what, PyObject* arg) {
  if (ts.tracing) return Status::kOk;
  Ref<> hold_self = Ref<>::dup_of(self);
  ++ts.tracing;
  int hooks = std::exchange(ts.hooks, 0);
  int saved_what = std::exchange(ts.tracing_what, what);
  int result = func(self, reinterpret_cast<PyFrameObject*>(frame), what, arg);
  ts.tracing_what = saved_what;
  --ts.tracing;
  // The hook itself may have changed the hooks.
  (void)hooks;
  ts.hooks = (ts.c_tracefunc != nullptr || ts.c_profilefunc != nullptr) ? 1 : 0;
  return result == 0 ? Status::kOk : Status::kError;
}

// The same with an exception that is set: it stays, unless the hook raises another.
Status call_hook_protected(ThreadState& ts, Py_tracefunc func, PyObject* self, FrameObject* frame, int what, PyObject* arg) {
  Ref<> pending = error_set(ts) ? error_take(ts) : Ref<>();
  Status s = call_hook(ts, func, self, frame, what, arg);
  if (!failed(s) && pending) error_restore(ts, std::move(pending));
  return s;
}

// A jump back within one line starts it again (a loop on one line), unless it waits for a value. `for` counts as going
// back when the body is done, though its test stands behind the body.
bool goes_back(const uint64_t* words, uint32_t before, uint32_t at) {
  if (generic_of(words[at]) == Opcode::kForIter) {
    auto body = static_cast<int64_t>(at) + 2 + (static_cast<int64_t>(words[at]) >> 48);
    return before + 1 != body;  // before the body stands the jump that enters the loop
  }
  if (generic_of(words[before]) == Opcode::kForIter) return false;
  return before >= at && generic_of(words[at]) != Opcode::kSend;
}

bool is_module_code(CodeObject* code) {
  return code->has_namespace && str_equals_ascii(code->head.co_name, "<module>");
}

}  // namespace

Status trace_instruction(ThreadState& ts, Slot** base, const uint64_t** pc, const uint64_t* last) {
  if (ts.c_tracefunc == nullptr || ts.tracing) return Status::kOk;
  Slot* b = *base;
  auto* held = reinterpret_cast<FrameObject*>(b[kFrameObject].o);
  if (held == nullptr || (held->f_trace == nullptr)) return Status::kOk;
  CodeObject* code = frame_code(b);
  uint32_t at = code_pc(code, *pc);
  const PositionRow* here = image_position(code->image, at);
  if (generic_of(**pc) == Opcode::kGenStart || generic_of(**pc) == Opcode::kMakeCell) return Status::kOk;
  bool starts_line = false;
  if (here != nullptr && here->line > 0) {
    if (last == nullptr || last < code->words || last >= code->words + code->image->word_count) {
      starts_line = true;
    } else {
      uint32_t before = code_pc(code, last);
      const PositionRow* there = image_position(code->image, before);
      int line_before = there ? there->line : -1;
      starts_line = here->line != line_before || goes_back(code->words, before, at);
    }
  }
  Ref<PyFrameObject> frame = dup(reinterpret_cast<PyFrameObject*>(held));
  auto* f = held;
  if (starts_line && f->f_trace_lines) {
    f->f_lineno = here->line;
    f->f_pc = kMayJump;
    Status s = call_hook(ts, ts.c_tracefunc, ts.c_traceobj, f, PyTrace_LINE, Py_None);
    f->f_lineno = 0;
    const uint32_t jump = std::exchange(f->f_pc, kNoJump);
    if (failed(s)) return s;
    if (jump != kMayJump) {
      frame_jump(ts, b, at, jump - 1);
      *pc = code->words + (jump - 1);
      ts.pc = *pc;
    }
  }
  if (f->f_trace_opcodes && ts.c_tracefunc != nullptr) {
    Status s = call_hook(ts, ts.c_tracefunc, ts.c_traceobj, f, PyTrace_OPCODE, Py_None);
    if (failed(s)) return s;
  }
  return Status::kOk;
}

Status trace_call(ThreadState& ts, Slot* base, const uint64_t* pc) {
  ts.pc = pc;
  if (ts.tracing || (ts.c_tracefunc == nullptr && ts.c_profilefunc == nullptr)) return Status::kOk;
  CodeObject* code = frame_code(base);
  // Making a generator is no call of its code.
  if (code->is_generator && pc == code->words) return Status::kOk;
  const uint64_t* place = pc == code->words ? pc : pc - 1;
  Ref<PyFrameObject> frame = frame_object(ts, base);
  if (!frame) return Status::kError;
  auto* f = reinterpret_cast<FrameObject*>(frame.get());
  // A function's call is at the line where its definition begins, a module's at none.
  // A generator is called where it goes on.
  if (place == code->words || generic_of(*place) == Opcode::kGenStart) {
    f->f_lineno = is_module_code(code) ? kLineZero : code->head.co_firstlineno;
  } else {
    f->f_lineno = code_line(code, code_pc(code, place));
  }
  ScopeGuard no_line([&] { f->f_lineno = 0; });
  if (ts.c_tracefunc != nullptr && failed(call_hook(ts, ts.c_tracefunc, ts.c_traceobj, f, PyTrace_CALL, Py_None))) {
    return Status::kError;
  }
  if (ts.c_profilefunc != nullptr && failed(call_hook(ts, ts.c_profilefunc, ts.c_profileobj, f, PyTrace_CALL, Py_None))) {
    return Status::kError;
  }
  return Status::kOk;
}

Status trace_return(ThreadState& ts, Slot* base, const uint64_t* pc, PyObject* value) {
  ts.pc = pc;
  if (ts.tracing) return Status::kOk;
  Status result = Status::kOk;
  if (ts.c_tracefunc != nullptr) {
    auto* f = reinterpret_cast<FrameObject*>(base[kFrameObject].o);
    if (f != nullptr && f->f_trace != nullptr) {
      Ref<> hold = dup(obj(f));
      result = call_hook_protected(ts, ts.c_tracefunc, ts.c_traceobj, f, PyTrace_RETURN, value);
    }
  }
  if (ts.c_profilefunc != nullptr) {
    Ref<PyFrameObject> frame = frame_object(ts, base);
    if (!frame) return Status::kError;
    Status s = call_hook_protected(ts, ts.c_profilefunc, ts.c_profileobj, reinterpret_cast<FrameObject*>(frame.get()),
                                   PyTrace_RETURN, value);
    if (failed(s)) result = s;
  }
  return result;
}

namespace {

// What stands in the window of a call, as far as its profile is concerned.
struct CallSite {
  PyObject* callable;
  PyObject* first;  // first positional argument, or NULL
};

CallSite call_site(const Slot* window, Opcode op, int count) {
  const bool method = op == Opcode::kCallM || op == Opcode::kCallMKw;
  PyObject* first = nullptr;
  if (op == Opcode::kCallEx) {
    PyObject* args = window[2].o;
    if (is_exact_tuple(args) && tuple_size(args) > 0) first = tuple_peek(args, 0);
  } else if (method && window[1].o != nullptr) {
    first = window[1].o;
  } else if (count > 0) {
    first = window[2].o;
  }
  return {window[0].o, first};
}

}  // namespace

Profiled profile_call(ThreadState& ts, Slot* base, const uint64_t* pc, PyObject** result) {
  const uint64_t w = *pc;
  const Opcode op = generic_of(w);
  switch (op) {
    case Opcode::kCall:
    case Opcode::kCallM:
    case Opcode::kCallKw:
    case Opcode::kCallMKw:
    case Opcode::kCallEx: break;
    default: return Profiled::kNotBuiltin;
  }
  Slot* window = &base[static_cast<int16_t>(w >> 32)];
  const int count = static_cast<int16_t>(static_cast<int64_t>(w) >> 48);
  const bool keywords = op == Opcode::kCallKw || op == Opcode::kCallMKw;
  PyObject* names = keywords ? window[2 + count].o : nullptr;
  const Py_ssize_t positional = names != nullptr ? count - tuple_size(names) : count;
  const CallSite site = call_site(window, op, static_cast<int>(positional));
  // The event names the function; for a method of a type, bound to its object.
  Ref<> function;
  if (is_exact(site.callable, &PyCFunction_Type)) {
    function = dup(site.callable);
  } else if (is_exact(site.callable, &PyMethodDescr_Type) && site.first != nullptr) {
    function = Ref<>::steal(PyMethodDescr_Type.tp_descr_get(site.callable, site.first, obj(site.first->ob_type)));
    if (!function) error_clear(ts);  // the call itself will tell
  }
  if (!function) return Profiled::kNotBuiltin;
  ts.pc = pc;
  Ref<PyFrameObject> frame = frame_object(ts, base);
  auto* f = reinterpret_cast<FrameObject*>(frame.get());
  const bool begun = f != nullptr && !failed(call_hook(ts, ts.c_profilefunc, ts.c_profileobj, f, PyTrace_C_CALL, function.get()));
  if (!begun) {
    const int slots = op == Opcode::kCallEx ? 3 + (count != 0) : 2 + count + keywords;
    for (int i = 0; i < slots; ++i) {
      if (i != 1 || op == Opcode::kCallM || op == Opcode::kCallMKw) xdecref(window[i].o);
    }
    *result = nullptr;
    return Profiled::kDone;
  }
  if (op == Opcode::kCallEx) {
    *result = call_ex(ts, window, count != 0);
  } else if ((op == Opcode::kCallM || op == Opcode::kCallMKw) && window[1].o != nullptr) {
    *result = call_window_method(ts, window, positional, names);
  } else {
    *result = call_window(ts, window, positional, names);
  }
  if (ts.c_profilefunc == nullptr) return Profiled::kDone;
  if (*result == nullptr) {
    (void)call_hook_protected(ts, ts.c_profilefunc, ts.c_profileobj, f, PyTrace_C_EXCEPTION, function.get());
  } else if (failed(call_hook(ts, ts.c_profilefunc, ts.c_profileobj, f, PyTrace_C_RETURN, function.get()))) {
    decref(std::exchange(*result, nullptr));
  }
  return Profiled::kDone;
}

void trace_exception(ThreadState& ts, Slot* base, const uint64_t* pc) {
  ts.pc = pc;
  if (ts.c_tracefunc == nullptr || ts.tracing) return;
  auto* f = reinterpret_cast<FrameObject*>(base[kFrameObject].o);
  if (f == nullptr || f->f_trace == nullptr) return;
  Ref<> hold = dup(obj(f));
  Ref<> exc = error_take(ts);
  PyObject* tb = reinterpret_cast<PyBaseExceptionObject*>(exc.get())->traceback;
  Ref<> arg = tuple_of(ts, obj(exc.get()->ob_type), exc.get(), tb ? tb : Py_None);
  if (!arg) return;
  if (!failed(call_hook(ts, ts.c_tracefunc, ts.c_traceobj, f, PyTrace_EXCEPTION, arg.get()))) {
    error_restore(ts, std::move(exc));
  }
}

// A result counts as the StopIteration that would carry it, though none is raised; nothing that a generator returns does
// not, but what a coroutine returns always does.
Status trace_finished(ThreadState& ts, Slot* base, const uint64_t* pc, PyObject* generator, PyObject* result) {
  if (ts.c_tracefunc == nullptr || ts.tracing || (result == Py_None && is_exact(generator, &PyGen_Type))) return Status::kOk;
  if (result == Py_None) {
    PyErr_SetNone(PyExc_StopIteration);
  } else if (_PyGen_SetStopIterationValue(result) < 0) {
    return Status::kError;
  }
  PyObject* raised = ts.curexc_value;
  trace_exception(ts, base, pc);
  if (ts.curexc_value != raised) return Status::kError;
  error_clear(ts);
  return Status::kOk;
}

}  // namespace atl
