// C API: running code and asking about what runs; the lock.
#include <cstdarg>

#include "Objects/dict/dict.h"
#include "Objects/frame.h"
#include "Objects/function.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/upcalls.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/dump.h"
#include "Python/runtime/upcalls.h"
#include "Python/vm/frame.h"
#include "frameobject.h"

using namespace atl;

// ---- the lock ----------------------------------------------------------------------------------------------------

namespace {

[[noreturn]] void fail_not_attached(const char* function) {
  _Py_FatalErrorFunc(function,
                     "the function must be called with the GIL held, after Python initialization and before Python finalization, "
                     "but the GIL is released (the current Python thread state is NULL)");
  std::abort();
}

}  // namespace

PyThreadState* PyEval_SaveThread() {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr) fail_not_attached("PyEval_SaveThread");
  detach(ts);
  return ts;
}
void PyEval_RestoreThread(PyThreadState* tstate) {
  if (tstate == nullptr) _Py_FatalErrorFunc("PyEval_RestoreThread", "the function must be called with a thread state, but the thread state is NULL");
  attach(static_cast<ThreadState*>(tstate));
}
void PyEval_AcquireThread(PyThreadState* tstate) {
  if (tstate == nullptr) _Py_FatalErrorFunc("PyEval_AcquireThread", "the function must be called with a thread state, but the thread state is NULL");
  if (current_thread_or_null() != nullptr) _Py_FatalErrorFunc("PyEval_AcquireThread", "non-NULL old thread state");
  attach(static_cast<ThreadState*>(tstate));
}
void PyEval_ReleaseThread(PyThreadState* tstate) {
  if (current_thread_or_null() != tstate || tstate == nullptr) _Py_FatalErrorFunc("PyEval_ReleaseThread", "wrong thread state");
  detach(static_cast<ThreadState*>(tstate));
}
void PyEval_InitThreads() {}
int PyEval_ThreadsInitialized() { return 1; }
unsigned long _PyEval_GetSwitchInterval() { return current_thread().interpreter().gil->interval_us.load(); }
void _PyEval_SetSwitchInterval(unsigned long us) { current_thread().interpreter().gil->interval_us.store(us ? us : 1); }

// ---- what runs ---------------------------------------------------------------------------------------------------

PyFrameObject* PyEval_GetFrame() {
  ThreadState& ts = current_thread();
  FrameCursor c = frame_top(ts);
  if (c.base == nullptr) return nullptr;
  Ref<PyFrameObject> f = frame_object(ts, c.base);
  // Borrowed: the frame keeps its object.
  return f.get();
}
PyObject* PyEval_GetGlobals() { return vm_peek_globals(current_thread()); }
PyObject* PyEval_GetBuiltins() {
  ThreadState& ts = current_thread();
  PyObject* b = vm_peek_builtins(ts);
  return b != nullptr ? b : ts.interpreter().builtins;
}
PyObject* PyEval_GetLocals() {
  ThreadState& ts = current_thread();
  FrameCursor c = frame_top(ts);
  if (c.base == nullptr) return raise(ts, PyExc_SystemError, "frame does not exist");
  if (frame_code(c.base)->has_namespace && c.base[-1].o != nullptr && c.base[kFrameObject].o == nullptr) return c.base[-1].o;
  Ref<PyFrameObject> f = frame_object(ts, c.base);
  if (!f) return nullptr;
  return vm_frame_peek_locals(ts, reinterpret_cast<FrameObject*>(f.get()));
}
PyObject* _PyEval_GetBuiltin(PyObject* name) {
  ThreadState& ts = current_thread();
  PyObject* v = dict_peek(ts, PyEval_GetBuiltins(), name);
  if (v == nullptr && !error_set(ts)) (void)raise_object(ts, PyExc_AttributeError, name);
  xincref(v);
  return v;
}
const char* PyEval_GetFuncName(PyObject* f) {
  if (is_method(f)) return PyEval_GetFuncName(PyMethod_GET_FUNCTION(f));
  if (is_function(f)) return PyUnicode_AsUTF8(as_function(f)->func_name);
  if (PyCFunction_Check(f)) return reinterpret_cast<PyCFunctionObject*>(f)->m_ml->ml_name;
  return f->ob_type->tp_name;
}
const char* PyEval_GetFuncDesc(PyObject* f) {
  return is_method(f) || is_function(f) || PyCFunction_Check(f) ? "()" : " object";
}

// ---- running -----------------------------------------------------------------------------------------------------

PyObject* PyEval_EvalCode(PyObject* code, PyObject* globals, PyObject* locals) {
  ThreadState& ts = current_thread();
  if (globals == nullptr) return raise(ts, PyExc_SystemError, "PyEval_EvalCode: globals must not be NULL");
  // Code that runs in these globals finds the builtins there, as 3.11 puts them.
  if (is_dict(globals)) {
    Tri there = dict_contains(ts, globals, ID(__builtins__));
    if (failed(there)) return nullptr;
    if (there == Tri::kFalse && failed(dict_set(ts, globals, ID(__builtins__), PyEval_GetBuiltins()))) return nullptr;
  }
  return vm_eval_code(ts, code, globals, locals != nullptr ? locals : globals, nullptr).release();
}
PyObject* PyEval_EvalCodeEx(PyObject* code, PyObject* globals, PyObject*, PyObject* const* args, int argcount, PyObject* const* kws, int kwcount,
                            PyObject* const* defs, int defcount, PyObject* kwdefs, PyObject* closure) {
  ThreadState& ts = current_thread();
  Ref<PyFunctionObject> f = function_new(ts, code, globals);
  if (!f) return nullptr;
  if (defcount > 0) {
    f->func_defaults = tuple_from(ts, defs, defcount).release();
    if (f->func_defaults == nullptr) return nullptr;
  }
  f->func_kwdefaults = kwdefs;
  xincref(kwdefs);
  f->func_closure = closure;
  xincref(closure);
  Ref<> positional = tuple_from(ts, args, argcount);
  Ref<> kwargs = dict_new(ts);
  if (!positional || !kwargs) return nullptr;
  for (int i = 0; i < kwcount; ++i) {
    if (failed(dict_set(ts, kwargs.get(), kws[2 * i], kws[2 * i + 1]))) return nullptr;
  }
  return object_call(ts, obj(f.get()), positional.get(), kwargs.get()).release();
}
PyObject* PyEval_CallObjectWithKeywords(PyObject* callable, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (args != nullptr && !is_tuple(args)) return raise(ts, PyExc_TypeError, "argument list must be a tuple");
  if (kwargs != nullptr && !is_dict(kwargs)) return raise(ts, PyExc_TypeError, "keyword list must be a dictionary");
  return object_call(ts, callable, args != nullptr ? args : empty_tuple(), kwargs).release();
}

// ---- thread states -----------------------------------------------------------------------------------------------

PyThreadState* PyThreadState_Get() {
  ThreadState* ts = current_thread_or_null();
  if (ATOLL_UNLIKELY(ts == nullptr)) fail_not_attached("PyThreadState_Get");
  return ts;
}
PyThreadState* _PyThreadState_UncheckedGet() { return current_thread_or_null(); }
PyObject* PyThreadState_GetDict() {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr) return nullptr;
  if (ts->dict == nullptr) {
    ts->dict = dict_new(*ts).release();
    if (ts->dict == nullptr) error_clear(*ts);
  }
  return ts->dict;
}
PyInterpreterState* PyInterpreterState_Get() { return PyThreadState_Get()->interp; }
int64_t PyInterpreterState_GetID(PyInterpreterState* interp) { return as_interp(interp).id; }
PyInterpreterState* PyInterpreterState_Main() { return runtime().main != nullptr ? runtime().main->as_c() : nullptr; }
PyInterpreterState* PyThreadState_GetInterpreter(PyThreadState* t) { return t->interp; }
uint64_t PyThreadState_GetID(PyThreadState* t) { return t->id; }
PyObject* PyInterpreterState_GetDict(PyInterpreterState* interp) {
  Interpreter& i = as_interp(interp);
  if (i.dict == nullptr) i.dict = dict_new(current_thread()).release();
  return i.dict;
}
PyFrameObject* PyThreadState_GetFrame(PyThreadState* t) {
  FrameCursor c = frame_top(*static_cast<ThreadState*>(t));
  return c.base == nullptr ? nullptr : frame_object(current_thread(), c.base).release();
}
PyThreadState* PyThreadState_New(PyInterpreterState* interp) { return new_thread_state(as_interp(interp)); }
PyThreadState* _PyThreadState_Prealloc(PyInterpreterState* interp) { return new_thread_state(as_interp(interp)); }
// The caller is attached to the state's interpreter, with that state or another one.
void PyThreadState_Clear(PyThreadState* t) { clear_thread_state(current_thread(), static_cast<ThreadState*>(t)); }
void PyThreadState_Delete(PyThreadState* t) {
  if (current_thread_or_null() == t) _Py_FatalErrorFunc("PyThreadState_Delete", "tstate is still current");
  delete_thread_state(static_cast<ThreadState*>(t));
}
void PyThreadState_DeleteCurrent() {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr) fail_not_attached("PyThreadState_DeleteCurrent");
  end_thread_state(ts);
}
// Also from one interpreter to another: the lock of the one is given up before that of the other is waited for.
PyThreadState* PyThreadState_Swap(PyThreadState* to) {
  ThreadState* from = current_thread_or_null();
  if (from == to) return from;
  if (from != nullptr) detach(from);
  if (to != nullptr) attach(static_cast<ThreadState*>(to));
  return from;
}
void PyThreadState_EnterTracing(PyThreadState* t) { ++t->tracing; }
void PyThreadState_LeaveTracing(PyThreadState* t) { --t->tracing; }
// The threads with that identifier get the exception at their next poll; NULL takes a pending one back.
int PyThreadState_SetAsyncExc(unsigned long id, PyObject* exc) {
  ThreadState& ts = current_thread();
  Interpreter& interp = ts.interpreter();
  PyObject* old = nullptr;
  int found = 0;
  {
    std::lock_guard hold(interp.list_lock);
    for (PyThreadState* t = interp.threads; t != nullptr; t = t->next) {
      if (t->thread_id != id) continue;
      xincref(exc);
      old = std::exchange(t->async_exc, exc);
      found = 1;
      break;
    }
  }
  xdecref(old);
  if (found) interp.breaker.set(kBreakAsyncExc);
  return found;
}

// ---- recursion ---------------------------------------------------------------------------------------------------

int Py_EnterRecursiveCall(const char* where) {
  ThreadState& ts = current_thread();
  char here;
  if (--ts.recursion_remaining < 0 || &here < ts.c_stack_limit) {
    if (!recursion_error(ts, where)) {
      ++ts.recursion_remaining;
      return -1;
    }
  }
  return 0;
}
void Py_LeaveRecursiveCall() { ++current_thread().recursion_remaining; }

// ---- fatal errors ------------------------------------------------------------------------------------------------

void _Py_FatalErrorFunc(const char* function, const char* message) {
  // A fatal error while one is being reported ends at once.
  if (!runtime().fatal_error.exchange(true)) {
    std::fflush(stdout);
    std::fflush(stderr);
    const int fd = STDERR_FILENO;
    dump_text(fd, "Fatal Python error: ");
    if (function != nullptr) {
      dump_text(fd, function);
      dump_text(fd, ": ");
    }
    dump_text(fd, message != nullptr ? message : "<message not set>");
    dump_text(fd, "\nPython runtime state: ");
    Runtime& rt = runtime();
    dump_text(fd, rt.finalizing.load() != nullptr ? "finalizing" : rt.initialized.load() ? "initialized" : rt.core_initialized ? "core initialized" : "preinitializing");
    dump_text(fd, "\n\n");
    ThreadState* ts = current_thread_or_null();
    dump_threads(fd, ts != nullptr ? &ts->interpreter() : rt.main, ts);
    dump_extension_modules(fd, ts != nullptr ? &ts->interpreter() : rt.main);
    // The fault handler would say the same again.
    if (auto* off = rt.fault_handler_off.load()) off();
  }
  std::abort();
}
void(Py_FatalError)(const char* message) { _Py_FatalErrorFunc(nullptr, message); }
void _Py_FatalErrorFormat(const char* function, const char* format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  _Py_FatalErrorFunc(function, text);
}

Py_hash_t _Py_HashPointer(const void* p) {
  auto y = reinterpret_cast<uintptr_t>(p);
  auto h = static_cast<Py_hash_t>(y >> 4 | y << 60);
  return h == -1 ? -2 : h;
}

PyObject* PyOS_FSPath(PyObject* path) {
  ThreadState& ts = current_thread();
  if (is_str(path) || PyBytes_Check(path)) return new_ref(path);
  Ref<> method;
  if (failed(object_lookup_special(ts, path, ID(__fspath__), &method))) return nullptr;
  if (!method) return raise(ts, PyExc_TypeError, "expected str, bytes or os.PathLike object, not %.200s", path->ob_type->tp_name);
  Ref<> r = call(ts, method.get());
  if (!r) return nullptr;
  if (!is_str(r.get()) && !PyBytes_Check(r.get())) {
    return raise(ts, PyExc_TypeError, "expected %.200s.__fspath__() to return str or bytes, not %.200s", path->ob_type->tp_name, r.get()->ob_type->tp_name);
  }
  return r.release();
}

// ---- flags that 3.11's interface exports for writing ---------------------------------------------------------------

extern "C" {
int Py_DebugFlag, Py_VerboseFlag, Py_QuietFlag, Py_InteractiveFlag, Py_InspectFlag, Py_OptimizeFlag, Py_NoSiteFlag, Py_BytesWarningFlag,
    Py_FrozenFlag, Py_IgnoreEnvironmentFlag, Py_DontWriteBytecodeFlag, Py_NoUserSiteDirectory, Py_UnbufferedStdioFlag,
    Py_HashRandomizationFlag, Py_IsolatedFlag, Py_UTF8Mode;
}
