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
  // ts.pc belongs to the traced frame; a jump by f_lineno changes it, calls made by the hook put it back.
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
  const uint64_t* pc_before = *pc;
  if (starts_line && f->f_trace_lines) {
    f->f_lineno = here->line;
    Status s = call_hook(ts, ts.c_tracefunc, ts.c_traceobj, f, PyTrace_LINE, Py_None);
    f->f_lineno = 0;
    if (failed(s)) return s;
  }
  if (f->f_trace_opcodes && ts.c_tracefunc != nullptr) {
    Status s = call_hook(ts, ts.c_tracefunc, ts.c_traceobj, f, PyTrace_OPCODE, Py_None);
    if (failed(s)) return s;
  }
  // frame.f_lineno = n moved the frame: ts.pc has been changed by the setter.
  if (ts.pc != pc_before) *pc = ts.pc;
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

}  // namespace atl
