// The frame and traceback types.
#include "Objects/frame.h"

#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/traceback.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/upcalls.h"
#include "frameobject.h"
#include "structmember.h"

namespace atl {

namespace {

CodeObject* code_of(FrameObject* f) { return as_code(f->f_frame[3].o); }
PyFunctionObject* function_of(FrameObject* f) { return as_function(f->f_frame[2].o); }

void frame_dealloc(ThreadState& ts, PyObject* o) {
  auto* f = reinterpret_cast<FrameObject*>(o);
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  vm_frame_dealloc(ts, f);
  xdecref(std::exchange(f->f_trace, nullptr));
  xdecref(std::exchange(f->f_locals, nullptr));
  xdecref(obj(std::exchange(f->f_back, nullptr)));
  free_object(ts, o);
  trashcan_end(ts);
}

int frame_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* f = reinterpret_cast<FrameObject*>(o);
  Py_VISIT(f->f_back);
  Py_VISIT(f->f_trace);
  Py_VISIT(f->f_locals);
  return vm_frame_traverse(f, visit, arg);
}

int frame_clear_slot(PyObject* o) {
  auto* f = reinterpret_cast<FrameObject*>(o);
  ThreadState& ts = current_thread();
  clear_field(f->f_trace);
  clear_field(f->f_locals);
  if (f->f_state == kFrameDetached && failed(vm_frame_clear(ts, f))) error_clear(ts);
  return 0;
}

int line_of(ThreadState& ts, FrameObject* f) {
  if (f->f_lineno == kLineZero) return 0;
  if (f->f_lineno != 0) return f->f_lineno;
  return code_line(code_of(f), vm_frame_pc(ts, f));
}

Ref<> frame_repr(ThreadState& ts, PyObject* o) {
  auto* f = reinterpret_cast<FrameObject*>(o);
  PyCodeObject* c = &code_of(f)->head;
  return str_format(ts, "<frame at %p, file %R, line %d, code %U>", o, c->co_filename, line_of(ts, f), c->co_name);
}

Ref<> get_locals(ThreadState& ts, FrameObject* f) { return Ref<>::dup_of(vm_frame_peek_locals(ts, f)); }
Ref<> get_lineno(ThreadState& ts, FrameObject* f) {
  int line = line_of(ts, f);
  return line < 0 ? new_none() : int_from_i64(ts, line);
}
Ref<> get_lasti(ThreadState& ts, FrameObject* f) { return int_from_i64(ts, static_cast<int64_t>(vm_frame_pc(ts, f)) * 2); }
Ref<> get_back(ThreadState& ts, FrameObject* f) {
  Ref<PyFrameObject> back = vm_frame_back(ts, f);
  if (!back) return error_set(ts) ? Ref<>() : new_none();
  return back;
}
Ref<> get_globals(ThreadState&, FrameObject* f) { return dup(function_of(f)->func_globals); }
Ref<> get_builtins(ThreadState&, FrameObject* f) { return dup(function_of(f)->func_builtins); }
Ref<> get_code(ThreadState&, FrameObject* f) { return dup(obj(code_of(f))); }
Ref<> get_trace(ThreadState&, FrameObject* f) { return dup(f->f_trace != nullptr ? f->f_trace : Py_None); }
Status set_trace(ThreadState&, FrameObject* f, PyObject* v) {
  set_field(f->f_trace, Ref<>::dup_of(v == Py_None ? nullptr : v));
  return Status::kOk;
}
Status set_lineno(ThreadState& ts, FrameObject* f, PyObject* v) { return vm_frame_set_lineno(ts, f, v); }
Ref<> get_trace_opcodes(ThreadState&, FrameObject* f) { return new_bool(f->f_trace_opcodes != 0); }
Status set_trace_opcodes(ThreadState& ts, FrameObject* f, PyObject* v) {
  if (v == nullptr || (v != Py_True && v != Py_False)) return raise(ts, PyExc_TypeError, "attribute value type must be bool");
  f->f_trace_opcodes = v == Py_True;
  return Status::kOk;
}

Ref<> frame_clear_method(ThreadState& ts, FrameObject* f) {
  return failed(vm_frame_clear(ts, f)) ? Ref<>() : new_none();
}
Ref<> frame_sizeof(ThreadState& ts, FrameObject* f) {
  return int_from_u64(ts, offsetof(FrameObject, data) + f->f_size * sizeof(Slot));
}

constexpr MethodSpec kFrameMethods[] = {
    ATOLL_METHOD(frame_clear_method, "clear", "($self, /)", "Release the frame's locals, when it does not run."),
    ATOLL_METHOD(frame_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."), ATOLL_METHOD_END};
constexpr PyGetSetDef kFrameGetSet[] = {
    {"f_back", ATOLL_GETTER(get_back), nullptr, nullptr, nullptr},
    {"f_locals", ATOLL_GETTER(get_locals), nullptr, nullptr, nullptr},
    {"f_lineno", ATOLL_GETTER(get_lineno), ATOLL_SETTER(set_lineno), nullptr, nullptr},
    {"f_trace", ATOLL_GETTER(get_trace), ATOLL_SETTER(set_trace), nullptr, nullptr},
    {"f_lasti", ATOLL_GETTER(get_lasti), nullptr, nullptr, nullptr},
    {"f_globals", ATOLL_GETTER(get_globals), nullptr, nullptr, nullptr},
    {"f_builtins", ATOLL_GETTER(get_builtins), nullptr, nullptr, nullptr},
    {"f_code", ATOLL_GETTER(get_code), nullptr, nullptr, nullptr},
    {"f_trace_opcodes", ATOLL_GETTER(get_trace_opcodes), ATOLL_SETTER(set_trace_opcodes), nullptr, nullptr},
    ATOLL_GETSET_END};
constexpr PyMemberDef kFrameMembers[] = {{"f_trace_lines", T_BOOL, offsetof(FrameObject, f_trace_lines), 0, nullptr},
                                         {nullptr, 0, 0, 0, nullptr}};

}  // namespace

constinit const TypeSpec frame_spec{
    .name = "frame",
    .basicsize = offsetof(FrameObject, data),
    .itemsize = sizeof(Slot),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(frame_dealloc),
    .traverse = frame_traverse,
    .clear = frame_clear_slot,
    .repr = ATOLL_SLOT(frame_repr),
    .getattro = PyObject_GenericGetAttr,
    .setattro = PyObject_GenericSetAttr,
    .methods = kFrameMethods,
    .members = kFrameMembers,
    .getset = kFrameGetSet,
};

// ---- tracebacks --------------------------------------------------------------------------------------------------

namespace {

PyTracebackObject* as_tb(PyObject* o) { return reinterpret_cast<PyTracebackObject*>(o); }

void tb_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  xdecref(obj(as_tb(o)->tb_next));
  xdecref(obj(as_tb(o)->tb_frame));
  free_object(ts, o);
  trashcan_end(ts);
}
int tb_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_tb(o)->tb_next);
  Py_VISIT(as_tb(o)->tb_frame);
  return 0;
}
int tb_clear(PyObject* o) {
  clear_field(as_tb(o)->tb_next);
  clear_field(as_tb(o)->tb_frame);
  return 0;
}

Ref<> tb_dir(ThreadState& ts, PyTracebackObject*) {
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (const char* name : {"tb_frame", "tb_next", "tb_lasti", "tb_lineno"}) {
    Ref<> s = str_from_ascii(ts, name);
    if (!s || failed(list_append(ts, list.get(), std::move(s)))) return {};
  }
  return list;
}

Ref<> tb_get_next(ThreadState&, PyTracebackObject* tb) { return dup(tb->tb_next ? obj(tb->tb_next) : Py_None); }
Status tb_set_next(ThreadState& ts, PyTracebackObject* tb, PyObject* v) {
  if (v == nullptr) return raise(ts, PyExc_TypeError, "can't delete tb_next attribute");
  if (v == Py_None) {
    clear_field(tb->tb_next);
    return Status::kOk;
  }
  if (!is_exact(v, &PyTraceBack_Type)) return raise(ts, PyExc_TypeError, "expected traceback object, got '%s'", v->ob_type->tp_name);
  for (PyTracebackObject* t = as_tb(v); t != nullptr; t = t->tb_next) {
    if (t == tb) return raise(ts, PyExc_ValueError, "traceback loop detected");
  }
  set_field(tb->tb_next, dup(as_tb(v)));
  return Status::kOk;
}
Ref<> tb_get_lineno(ThreadState& ts, PyTracebackObject* tb) {
  int line = tb->tb_lineno;
  if (line == -1) line = code_line(code_of(reinterpret_cast<FrameObject*>(tb->tb_frame)), static_cast<uint32_t>(tb->tb_lasti) / 2);
  return line < 0 ? new_none() : int_from_i64(ts, line);
}

Ref<> tb_make(ThreadState& ts, PyTypeObject*, PyObject* next, PyObject* frame, int lasti, int lineno) {
  if (next == Py_None) {
    next = nullptr;
  } else if (!is_exact(next, &PyTraceBack_Type)) {
    return raise(ts, PyExc_TypeError, "expected traceback object or None, got '%s'", next->ob_type->tp_name);
  }
  if (!is_exact(frame, &PyFrame_Type)) {
    return raise(ts, PyExc_TypeError, "traceback() argument 'tb_frame' must be frame, not %T", frame);
  }
  return traceback_new(ts, next, reinterpret_cast<PyFrameObject*>(frame), lasti, lineno);
}

constexpr MethodSpec kTbMethods[] = {ATOLL_METHOD(tb_dir, "__dir__", "($self, /)", "The attributes' names."), ATOLL_METHOD_END};
constexpr PyGetSetDef kTbGetSet[] = {{"tb_next", ATOLL_GETTER(tb_get_next), ATOLL_SETTER(tb_set_next), nullptr, nullptr},
                                     {"tb_lineno", ATOLL_GETTER(tb_get_lineno), nullptr, nullptr, nullptr},
                                     ATOLL_GETSET_END};
constexpr PyMemberDef kTbMembers[] = {{"tb_frame", T_OBJECT, offsetof(PyTracebackObject, tb_frame), READONLY, nullptr},
                                      {"tb_lasti", T_INT, offsetof(PyTracebackObject, tb_lasti), READONLY, nullptr},
                                      {nullptr, 0, 0, 0, nullptr}};

}  // namespace

constinit const TypeSpec traceback_spec{
    .name = "traceback",
    .doc = "traceback(tb_next, tb_frame, tb_lasti, tb_lineno)\n--\n\nMake a traceback object.",
    .basicsize = sizeof(PyTracebackObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(tb_dealloc),
    .traverse = tb_traverse,
    .clear = tb_clear,
    .getattro = PyObject_GenericGetAttr,
    .new_ = ATOLL_NEW(tb_make, "traceback", "(tb_next, tb_frame, tb_lasti, tb_lineno)"),
    .methods = kTbMethods,
    .members = kTbMembers,
    .getset = kTbGetSet,
};

Ref<> traceback_new(ThreadState& ts, PyObject* next, PyFrameObject* frame, int lasti, int lineno) {
  auto tb = new_object<PyTracebackObject>(ts, &PyTraceBack_Type);
  if (!tb) return {};
  tb->tb_next = next ? as_tb(new_ref(next)) : nullptr;
  tb->tb_frame = new_ref(frame);
  tb->tb_lasti = lasti;
  tb->tb_lineno = lineno;
  track(ts, tb.get());
  return tb;
}

void traceback_add(ThreadState& ts, PyObject* exc, Slot* base, uint32_t pc) {
  auto* e = reinterpret_cast<PyBaseExceptionObject*>(exc);
  ErrorStash stash(ts);
  Ref<PyFrameObject> frame = upcall_frame_object(ts, base);
  if (!frame) {
    error_clear(ts);
    return;
  }
  Ref<> tb = traceback_new(ts, e->traceback, frame.get(), static_cast<int>(pc * 2), code_line(as_code(base[3].o), pc));
  if (!tb) {
    error_clear(ts);
    return;
  }
  set_field(e->traceback, std::move(tb));
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PyFrame_Type = {};
ATOLL_SEALED PyTypeObject PyTraceBack_Type = {};

namespace {
FrameObject* as_frame(PyFrameObject* f) { return reinterpret_cast<FrameObject*>(f); }
}  // namespace

int PyFrame_GetLineNumber(PyFrameObject* f) {
  int line = line_of(current_thread(), as_frame(f));
  return line < 0 ? 0 : line;
}
PyCodeObject* PyFrame_GetCode(PyFrameObject* f) { return reinterpret_cast<PyCodeObject*>(new_ref(obj(code_of(as_frame(f))))); }
PyFrameObject* PyFrame_GetBack(PyFrameObject* f) { return vm_frame_back(current_thread(), as_frame(f)).release(); }
PyObject* PyFrame_GetGlobals(PyFrameObject* f) { return get_globals(current_thread(), as_frame(f)).release(); }
PyObject* PyFrame_GetBuiltins(PyFrameObject* f) { return get_builtins(current_thread(), as_frame(f)).release(); }
PyObject* PyFrame_GetLocals(PyFrameObject* f) { return get_locals(current_thread(), as_frame(f)).release(); }
int PyFrame_GetLasti(PyFrameObject* f) { return static_cast<int>(vm_frame_pc(current_thread(), as_frame(f)) * 2); }
PyObject* PyFrame_GetGenerator(PyFrameObject* f) {
  PyObject* gen = as_frame(f)->f_generator;
  xincref(gen);
  return gen;
}
int PyFrame_FastToLocalsWithError(PyFrameObject* f) {
  return vm_frame_peek_locals(current_thread(), as_frame(f)) == nullptr ? -1 : 0;
}
void PyFrame_FastToLocals(PyFrameObject* f) {
  ThreadState& ts = current_thread();
  if (vm_frame_peek_locals(ts, as_frame(f)) == nullptr) error_clear(ts);
}
void PyFrame_LocalsToFast(PyFrameObject* f, int clear) { vm_locals_to_fast(current_thread(), as_frame(f), clear != 0); }

// A frame for code that does not run on the virtual machine (Cython's tracebacks).
PyFrameObject* PyFrame_New(PyThreadState* tstate, PyCodeObject* code, PyObject* globals, PyObject* locals) {
  ThreadState& ts = *static_cast<ThreadState*>(tstate);
  CodeObject* c = as_code(obj(code));
  Ref<PyFunctionObject> function = function_new(ts, obj(code), globals);
  if (!function) return nullptr;
  uint32_t slots = c->nlocals + kFrameHeader;
  PyObject* o = new_object_sized(ts, &PyFrame_Type, offsetof(FrameObject, data) + slots * sizeof(Slot));
  if (o == nullptr) return nullptr;
  auto* f = reinterpret_cast<FrameObject*>(o);
  for (uint32_t i = 0; i < slots; ++i) f->data[i].w = 0;
  f->f_frame = f->data + c->nlocals;
  f->f_frame[2].o = obj(function.release());
  f->f_frame[3].o = obj(c);
  f->f_frame[4].o = o;
  f->f_back = vm_current_frame(ts).release();
  if (f->f_back == nullptr) error_clear(ts);
  f->f_trace = nullptr;
  f->f_lineno = 0;
  f->f_trace_lines = 1;
  f->f_trace_opcodes = 0;
  f->f_fast_as_locals = 0;
  f->f_state = kFrameDetached;
  f->f_locals = locals != nullptr ? new_ref(locals) : nullptr;
  f->f_pc = 0;
  f->f_size = slots;
  f->f_generator = nullptr;
  track(ts, o);
  return reinterpret_cast<PyFrameObject*>(f);
}

int PyTraceBack_Here(PyFrameObject* frame) {
  ThreadState& ts = current_thread();
  Ref<> exc = error_take(ts);
  if (!exc) return 0;
  auto* e = reinterpret_cast<PyBaseExceptionObject*>(exc.get());
  FrameObject* f = as_frame(frame);
  Ref<> tb = traceback_new(ts, e->traceback, frame, static_cast<int>(vm_frame_pc(ts, f) * 2), line_of(ts, f));
  if (!tb) return -1;
  set_field(e->traceback, std::move(tb));
  error_restore(ts, std::move(exc));
  return 0;
}
