// The sys module: its functions. Constants are in sys_data.cc, display and hooks in sys_hooks.cc.
#include "Modules/sys.h"

#include <dlfcn.h>

#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/function.h"
#include "Objects/frame.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/structseq.h"
#include "Objects/tuple.h"
#include "Objects/type/bind.h"
#include "Objects/upcalls.h"
#include "Python/runtime/config.h"
#include "Modules/interpreter_parts.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/frame.h"
#include "frameobject.h"

namespace atl {

PyObject* sys_peek(ThreadState& ts, const char* name) {
  PyObject* d = ts.interpreter().sysdict;
  return d != nullptr ? PyDict_GetItemString(d, name) : nullptr;
}

Status sys_put(ThreadState& ts, const char* name, Ref<> value) {
  return value ? dict_set(ts, ts.interpreter().sysdict, name, value.get()) : Status::kError;
}

Status audit(ThreadState& ts, const char* event, PyObject* args) {
  PyObject* hooks = ts.interpreter().audit_hooks;
  if (hooks == nullptr || ts.interpreter().finalizing) return Status::kOk;
  Ref<> name = str_from_utf8(ts, event);
  Ref<> arguments = args != nullptr ? dup(args) : tuple_new(ts, 0);
  if (!name || !arguments) return Status::kError;
  Ref<> hold = dup(hooks);
  for (Py_ssize_t i = 0; i < list_size(hooks); ++i) {
    Ref<> hook = dup(list_items(hooks)[i]);
    // Hooks run untraced, unless they ask for it by __cantrace__.
    Ref<> can_trace;
    if (failed(object_lookup_attr(ts, hook.get(), str_interned(ts, "__cantrace__").get(), &can_trace))) return Status::kError;
    bool traced = can_trace && object_is_true(ts, can_trace.get()) == Tri::kTrue;
    if (!traced) ++ts.tracing;
    Ref<> r = call(ts, hook.get(), name.get(), arguments.get());
    if (!traced) --ts.tracing;
    if (!r) return Status::kError;
  }
  return Status::kOk;
}

namespace {

Ref<> m_addaudithook(ThreadState& ts, PyObject*, PyObject* hook) {
  if (failed(audit(ts, "sys.addaudithook", nullptr))) {
    if (!error_clear_if(ts, PyExc_RuntimeError)) return {};
    return new_none();
  }
  PyObject*& hooks = ts.interpreter().audit_hooks;
  if (hooks == nullptr) hooks = list_new(ts, 0).release();
  if (hooks == nullptr || failed(list_append(ts, hooks, dup(hook)))) return {};
  return new_none();
}

PyObject* m_audit(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n == 0) return raise(ts, PyExc_TypeError, "audit() missing 1 required positional argument: 'event'");
  if (!is_str(args[0])) return raise(ts, PyExc_TypeError, "expected str for argument 'event', not %.200s", args[0]->ob_type->tp_name);
  const char* event = str_utf8(ts, args[0]);
  Ref<> rest = tuple_from(ts, args + 1, n - 1);
  if (event == nullptr || !rest || failed(audit(ts, event, rest.get()))) return nullptr;
  return new_ref(Py_None);
}

Ref<> m_call_tracing(ThreadState& ts, PyObject*, PyObject* func, PyObject* args) {
  if (!is_tuple(args)) return raise(ts, PyExc_TypeError, "call_tracing() argument 2 must be tuple, not %T", args);
  int saved = std::exchange(ts.tracing, 0);
  Ref<> r = object_call(ts, func, args, nullptr);
  ts.tracing = saved;
  return r;
}

Ref<> m_exc_info(ThreadState& ts, PyObject*) {
  PyObject *type, *value, *tb;
  PyErr_GetExcInfo(&type, &value, &tb);
  Ref<> a = Ref<>::steal(type);
  Ref<> b = Ref<>::steal(value);
  Ref<> c = Ref<>::steal(tb);
  return tuple_of(ts, a ? a.get() : Py_None, b ? b.get() : Py_None, c ? c.get() : Py_None);
}
Ref<> m_exception(ThreadState&, PyObject*) {
  PyObject* exc = PyErr_GetHandledException();
  return exc != nullptr ? Ref<>::steal(exc) : new_none();
}
Ref<> m_exit(ThreadState& ts, PyObject*, PyObject* status) {
  return raise_object(ts, PyExc_SystemExit, status);
}

Ref<> m_getdefaultencoding(ThreadState& ts, PyObject*) { return str_interned(ts, "utf-8"); }
Ref<> m_getfilesystemencoding(ThreadState& ts, PyObject*) { return str_interned(ts, "utf-8"); }
Ref<> m_getfilesystemencodeerrors(ThreadState& ts, PyObject*) { return str_interned(ts, "surrogateescape"); }
Ref<> m_intern(ThreadState& ts, PyObject*, PyObject* s) {
  if (!is_str(s)) return raise(ts, PyExc_TypeError, "intern() argument must be str, not %T", s);
  if (!is_exact_str(s)) return raise(ts, PyExc_TypeError, "can't intern %.400s", s->ob_type->tp_name);
  Ref<> r = dup(s);
  str_intern(ts, &r);
  return r;
}

Ref<> m_getrecursionlimit(ThreadState& ts, PyObject*) { return int_from_i64(ts, ts.interpreter().recursion_limit); }
Ref<> m_setrecursionlimit(ThreadState& ts, PyObject*, int limit) {
  if (limit < 1) return raise(ts, PyExc_ValueError, "recursion limit must be greater or equal than 1");
  int depth = ts.recursion_limit - ts.recursion_remaining;
  if (depth >= limit) {
    return raise(ts, PyExc_RecursionError, "cannot set the recursion limit to %i at the recursion depth %i: the limit is too low", limit, depth);
  }
  Py_SetRecursionLimit(limit);
  return new_none();
}

Ref<> m_getswitchinterval(ThreadState& ts, PyObject*) {
  return Ref<>::steal(PyFloat_FromDouble(1e-6 * static_cast<double>(ts.interpreter().gil->interval_us.load())));
}
Ref<> m_setswitchinterval(ThreadState& ts, PyObject*, double seconds) {
  if (!(seconds > 0.0)) return raise(ts, PyExc_ValueError, "switch interval must be strictly positive");
  ts.interpreter().gil->interval_us.store(static_cast<unsigned long>(seconds * 1e6 < 1 ? 1 : seconds * 1e6));
  return new_none();
}

Ref<> m_getrefcount(ThreadState& ts, PyObject*, PyObject* o) { return int_from_ssize(ts, o->ob_refcnt); }
Ref<> m_getsizeof(ThreadState& ts, PyObject*, PyObject* o, PyObject* fallback) {
  Ref<> method;
  if (failed(object_lookup_special(ts, o, ID(__sizeof__), &method))) return {};
  Ref<> size;
  if (!method) {
    (void)raise(ts, PyExc_TypeError, "Type %.100s doesn't define __sizeof__", o->ob_type->tp_name);
  } else {
    size = call(ts, method.get());
  }
  Py_ssize_t n = -1;
  if (!size || failed(index_as_ssize(ts, size.get(), &n))) {
    if (fallback != nullptr && error_clear_if(ts, PyExc_TypeError)) return dup(fallback);
    return {};
  }
  if (n < 0) return raise(ts, PyExc_ValueError, "__sizeof__() should return >= 0");
  return int_from_u64(ts, static_cast<uint64_t>(n) + pre_header_size(o->ob_type));
}
Ref<> m_getallocatedblocks(ThreadState& ts, PyObject*) {
  return int_from_u64(ts, ts.interpreter().heap.stats().bytes_reserved / 64);
}

Ref<> m_getframe(ThreadState& ts, PyObject*, int depth) {
  if (failed(audit(ts, "sys._getframe", nullptr))) return {};
  FrameCursor c = frame_top(ts);
  for (int i = 0; i < depth && c.base != nullptr; ++i) c = frame_below(c);
  if (c.base == nullptr) return raise(ts, PyExc_ValueError, "call stack is not deep enough");
  return frame_object(ts, c.base);
}
Ref<> m_current_frames(ThreadState& ts, PyObject*) {
  Ref<> d = dict_new(ts);
  if (!d) return {};
  for (PyThreadState* t = ts.interpreter().threads; t != nullptr; t = t->next) {
    FrameCursor c = frame_top(*static_cast<ThreadState*>(t));
    if (c.base == nullptr) continue;
    Ref<PyFrameObject> f = frame_object(ts, c.base);
    Ref<> id = int_from_u64(ts, t->thread_id);
    if (!f || !id || failed(dict_set(ts, d.get(), id.get(), obj(f.get())))) return {};
  }
  return d;
}
Ref<> m_current_exceptions(ThreadState& ts, PyObject*) {
  Ref<> d = dict_new(ts);
  if (!d) return {};
  for (PyThreadState* t = ts.interpreter().threads; t != nullptr; t = t->next) {
    PyObject *type, *value, *tb;
    _PyErr_GetExcInfo(t, &type, &value, &tb);
    Ref<> a = Ref<>::steal(type), b = Ref<>::steal(value), c = Ref<>::steal(tb);
    Ref<> info = tuple_of(ts, a ? a.get() : Py_None, b ? b.get() : Py_None, c ? c.get() : Py_None);
    Ref<> id = int_from_u64(ts, t->thread_id);
    if (!id || !info || failed(dict_set(ts, d.get(), id.get(), info.get()))) return {};
  }
  return d;
}

Ref<> m_is_finalizing(ThreadState& ts, PyObject*) {
  return new_bool(runtime().finalizing.load() != nullptr || ts.interpreter().finalizing);
}
Ref<> m_getdlopenflags(ThreadState& ts, PyObject*) { return int_from_i64(ts, ts.interpreter().dlopen_flags); }
Ref<> m_setdlopenflags(ThreadState& ts, PyObject*, int flags) {
  ts.interpreter().dlopen_flags = flags;
  return new_none();
}
Ref<> m_get_int_max_str_digits(ThreadState& ts, PyObject*) { return int_from_i64(ts, ts.interpreter().int_max_str_digits); }
Ref<> m_set_int_max_str_digits(ThreadState& ts, PyObject*, int maxdigits) {
  if (maxdigits != 0 && maxdigits < 640) return raise(ts, PyExc_ValueError, "maxdigits must be 0 or larger than 640");
  ts.interpreter().int_max_str_digits = maxdigits;
  return new_none();
}
Ref<> m_clear_type_cache(ThreadState&, PyObject*) {
  PyType_ClearCache();
  return new_none();
}
Ref<> m_debugmallocstats(ThreadState& ts, PyObject*) {
  HeapStats s = ts.interpreter().heap.stats();
  std::fprintf(stderr, "heap of interpreter %lld: %zu bytes reserved, %zu chunks, %zu large blocks\n",
               static_cast<long long>(ts.interpreter().id), s.bytes_reserved, s.chunks, s.large_blocks);
  return new_none();
}
Ref<> m_getquickenedcount(ThreadState& ts, PyObject*) { return int_from_i64(ts, 0); }

// ---- asynchronous generators, coroutines -------------------------------------------------------------------------

PyObject* m_set_asyncgen_hooks(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  static constexpr ParamText kParams[] = {{"firstiter", 9, 4, "None", ParamKind::kPositionalOrKeyword},
                                          {"finalizer", 9, 4, "None", ParamKind::kPositionalOrKeyword}};
  static constexpr SignatureView kView{"set_asyncgen_hooks", kParams, 2, 0, 2, 0, 0};
  PyObject* v[2];
  if (!bind_arguments(ts, kView, args, n, kwnames, v)) return nullptr;
  static constexpr const char* kNames[] = {"firstiter", "finalizer"};
  PyObject** fields[] = {&ts.async_gen_firstiter, &ts.async_gen_finalizer};
  for (int i = 0; i < 2; ++i) {
    if (v[i] == nullptr || v[i] == Py_None || PyCallable_Check(v[i])) continue;
    return raise(ts, PyExc_TypeError, "callable %s expected, got %.50s", kNames[i], v[i]->ob_type->tp_name);
  }
  for (int i = 0; i < 2; ++i) {
    if (v[i] == nullptr) continue;
    set_field(*fields[i], Ref<>::dup_of(v[i] == Py_None ? nullptr : v[i]));
  }
  return new_ref(Py_None);
}
Ref<> m_get_asyncgen_hooks(ThreadState& ts, PyObject*) {
  Ref<> pair = tuple_of(ts, ts.async_gen_firstiter ? ts.async_gen_firstiter : Py_None,
                        ts.async_gen_finalizer ? ts.async_gen_finalizer : Py_None);
  return pair ? call(ts, obj(&atoll_asyncgen_hooks_type), pair.get()) : Ref<>();
}
Ref<> m_set_coroutine_origin_tracking_depth(ThreadState& ts, PyObject*, int depth) {
  if (depth < 0) return raise(ts, PyExc_ValueError, "depth must be >= 0");
  ts.coroutine_origin_tracking_depth = depth;
  return new_none();
}
Ref<> m_get_coroutine_origin_tracking_depth(ThreadState& ts, PyObject*) {
  return int_from_i64(ts, ts.coroutine_origin_tracking_depth);
}

// ---- tracing -----------------------------------------------------------------------------------------------------

const char* event_name(int what) {
  static constexpr const char* kNames[] = {"call", "exception", "line", "return", "c_call", "c_exception", "c_return", "opcode"};
  return kNames[what];
}

// Calls a Python-level hook; locals written by it go back into the frame.
PyObject* call_python_hook(PyObject* hook, PyFrameObject* frame, int what, PyObject* arg) {
  ThreadState& ts = current_thread();
  if (PyFrame_FastToLocalsWithError(frame) < 0) return nullptr;
  Ref<> event = str_interned(ts, event_name(what));
  if (!event) return nullptr;
  Ref<> r = call(ts, hook, frame, event.get(), arg != nullptr ? arg : Py_None);
  PyFrame_LocalsToFast(frame, 1);
  return r.release();
}

int profile_trampoline(PyObject* self, PyFrameObject* frame, int what, PyObject* arg) {
  ThreadState& ts = current_thread();
  Ref<> r = Ref<>::steal(call_python_hook(self, frame, what, arg));
  if (r) return 0;
  Ref<> exc = error_take(ts);
  PyEval_SetProfile(nullptr, nullptr);
  error_restore(ts, std::move(exc));
  return -1;
}

int trace_trampoline(PyObject* self, PyFrameObject* frame, int what, PyObject* arg) {
  ThreadState& ts = current_thread();
  auto* f = reinterpret_cast<FrameObject*>(frame);
  PyObject* hook = what == PyTrace_CALL ? self : f->f_trace;
  if (hook == nullptr) return 0;
  Ref<> hold = dup(hook);
  Ref<> r = Ref<>::steal(call_python_hook(hook, frame, what, arg));
  if (!r) {
    Ref<> exc = error_take(ts);
    PyEval_SetTrace(nullptr, nullptr);
    clear_field(f->f_trace);
    error_restore(ts, std::move(exc));
    return -1;
  }
  if (r.get() != Py_None) set_field(f->f_trace, std::move(r));
  return 0;
}

Ref<> m_settrace(ThreadState& ts, PyObject*, PyObject* function) {
  if (function == Py_None) {
    PyEval_SetTrace(nullptr, nullptr);
  } else {
    PyEval_SetTrace(trace_trampoline, function);
  }
  return error_set(ts) ? Ref<>() : new_none();
}
Ref<> m_gettrace(ThreadState& ts, PyObject*) { return dup(ts.c_traceobj ? ts.c_traceobj : Py_None); }
Ref<> m_setprofile(ThreadState& ts, PyObject*, PyObject* function) {
  if (function == Py_None) {
    PyEval_SetProfile(nullptr, nullptr);
  } else {
    PyEval_SetProfile(profile_trampoline, function);
  }
  return error_set(ts) ? Ref<>() : new_none();
}
Ref<> m_getprofile(ThreadState& ts, PyObject*) { return dup(ts.c_profileobj ? ts.c_profileobj : Py_None); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_addaudithook, "addaudithook", "($module, /, hook)", "Add an audit hook."),
    ATOLL_METHOD_RAW(m_audit, "audit", METH_FASTCALL, "audit(event, *args)\n\nRaise an audit event."),
    ATOLL_METHOD(m_call_tracing, "call_tracing", "($module, func, args, /)", "Call func(*args) with tracing enabled."),
    ATOLL_METHOD(m_exc_info, "exc_info", "($module, /)", "(type, value, traceback) of the exception being handled."),
    ATOLL_METHOD(m_exception, "exception", "($module, /)", "The exception being handled, or None."),
    ATOLL_METHOD(m_exit, "exit", "($module, status=None, /)", "Exit the interpreter by raising SystemExit(status)."),
    ATOLL_METHOD(m_getdefaultencoding, "getdefaultencoding", "($module, /)", "The default encoding of str."),
    ATOLL_METHOD(m_getfilesystemencoding, "getfilesystemencoding", "($module, /)", "The encoding of file names."),
    ATOLL_METHOD(m_getfilesystemencodeerrors, "getfilesystemencodeerrors", "($module, /)", "The error handler for file names."),
    ATOLL_METHOD(m_intern, "intern", "($module, string, /)", "The interned string equal to the given one."),
    ATOLL_METHOD(m_getrecursionlimit, "getrecursionlimit", "($module, /)", "The maximum depth of calls."),
    ATOLL_METHOD(m_setrecursionlimit, "setrecursionlimit", "($module, limit, /)", "Set the maximum depth of calls."),
    ATOLL_METHOD(m_getswitchinterval, "getswitchinterval", "($module, /)", "The interval at which threads take turns, in seconds."),
    ATOLL_METHOD(m_setswitchinterval, "setswitchinterval", "($module, interval, /)", "Set the interval at which threads take turns."),
    ATOLL_METHOD(m_getrefcount, "getrefcount", "($module, object, /)", "The reference count of an object."),
    ATOLL_METHOD(m_getsizeof, "getsizeof", "($module, object, default=None)", "Size of an object in bytes."),
    ATOLL_METHOD(m_getallocatedblocks, "getallocatedblocks", "($module, /)", "Blocks of memory in use (an estimate)."),
    ATOLL_METHOD(m_getframe, "_getframe", "($module, depth=0, /)", "The frame that many calls below."),
    ATOLL_METHOD(m_current_frames, "_current_frames", "($module, /)", "Each thread's topmost frame."),
    ATOLL_METHOD(m_current_exceptions, "_current_exceptions", "($module, /)", "Each thread's exception being handled."),
    ATOLL_METHOD(m_is_finalizing, "is_finalizing", "($module, /)", "True while the interpreter shuts down."),
    ATOLL_METHOD(m_getdlopenflags, "getdlopenflags", "($module, /)", "Flags for loading extension modules."),
    ATOLL_METHOD(m_setdlopenflags, "setdlopenflags", "($module, flags, /)", "Set the flags for loading extension modules."),
    ATOLL_METHOD(m_get_int_max_str_digits, "get_int_max_str_digits", "($module, /)", "The limit of digits in conversions of int."),
    ATOLL_METHOD(m_set_int_max_str_digits, "set_int_max_str_digits", "($module, /, maxdigits)", "Set the limit of digits in conversions of int."),
    ATOLL_METHOD(m_clear_type_cache, "_clear_type_cache", "($module, /)", "Clear the method cache."),
    ATOLL_METHOD(m_debugmallocstats, "_debugmallocstats", "($module, /)", "Print figures of the heap to stderr."),
    ATOLL_METHOD(m_getquickenedcount, "_getquickenedcount", "($module, /)", "Number of quickened code objects."),
    ATOLL_METHOD_RAW(m_set_asyncgen_hooks, "set_asyncgen_hooks", METH_FASTCALL | METH_KEYWORDS, "set_asyncgen_hooks([firstiter] [, finalizer])\n\nSet hooks of asynchronous generators."),
    ATOLL_METHOD(m_get_asyncgen_hooks, "get_asyncgen_hooks", "($module, /)", "Hooks of asynchronous generators."),
    ATOLL_METHOD(m_set_coroutine_origin_tracking_depth, "set_coroutine_origin_tracking_depth", "($module, /, depth)", "Track where coroutines are made."),
    ATOLL_METHOD(m_get_coroutine_origin_tracking_depth, "get_coroutine_origin_tracking_depth", "($module, /)", "How deep origins of coroutines are tracked."),
    ATOLL_METHOD(m_settrace, "settrace", "($module, function, /)", "Set the trace function of this thread."),
    ATOLL_METHOD(m_gettrace, "gettrace", "($module, /)", "The trace function of this thread."),
    ATOLL_METHOD(m_setprofile, "setprofile", "($module, function, /)", "Set the profile function of this thread."),
    ATOLL_METHOD(m_getprofile, "getprofile", "($module, /)", "The profile function of this thread."),
    ATOLL_METHOD_END};

}  // namespace

namespace {

// sys of the first interpreter, in full.
Status fill_first(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  if (failed(module_add_functions(ts, interp.sys_module, kMethods[0].c()))) return Status::kError;
  if (failed(module_add_functions(ts, interp.sys_module, sys_hook_methods()))) return Status::kError;
  // The same objects under the names that nobody replaces.
  for (const PyMethodDef* m = sys_hook_methods(); m->ml_name != nullptr; ++m) {
    Ref<> kept = str_format(ts, "__%s__", m->ml_name);
    if (!kept || failed(dict_set(ts, interp.sysdict, kept.get(), sys_peek(ts, m->ml_name)))) return Status::kError;
  }
  // Something to complain to until the standard streams are there.
  Ref<> printer = Ref<>::steal(PyFile_NewStdPrinter(2));
  if (!printer || failed(dict_set(ts, interp.sysdict, "stderr", printer.get())) || failed(dict_set(ts, interp.sysdict, "__stderr__", printer.get()))) {
    return Status::kError;
  }
  return sys_fill_data(ts);
}

Ref<> function_from(ThreadState& ts, const PyMethodDef* methods, PyObject* name) {
  for (const PyMethodDef* m = methods; m->ml_name != nullptr; ++m) {
    if (str_equals_ascii(name, m->ml_name)) {
      return builtin_function_new(ts, const_cast<PyMethodDef*>(m), ts.interpreter().sys_module, ID(sys));
    }
  }
  return {};
}

// One of the hooks, under both of its names.
Ref<> make_hook(ThreadState& ts, PyObject* name) {
  PyObject* d = ts.interpreter().sysdict;
  for (const PyMethodDef* m = sys_hook_methods(); m->ml_name != nullptr; ++m) {
    Ref<> plain = str_interned(ts, m->ml_name);
    Ref<> kept = str_format(ts, "__%s__", m->ml_name);
    if (!plain || !kept) return {};
    const bool asked_plain = str_equal(name, plain.get());
    if (!asked_plain && !str_equal(name, kept.get())) continue;
    Ref<> f = builtin_function_new(ts, const_cast<PyMethodDef*>(m), ts.interpreter().sys_module, ID(sys));
    if (!f || failed(dict_make_with(ts, d, asked_plain ? kept.get() : plain.get(), f.get()))) return {};
    return f;
  }
  return {};
}

}  // namespace

Status sys_init(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  const bool first = runtime().sys_template == nullptr;
  Ref<> m = first ? module_new(ts, ID(sys)) : module_from_template(ts, ID(sys), runtime().sys_template);
  if (!m) return Status::kError;
  interp.sysdict = new_ref(module_dict(m.get()));
  interp.sys_module = m.release();
  if (failed(dict_set(ts, interp.modules, ID(sys), interp.sys_module))) return Status::kError;
  return first ? fill_first(ts) : Status::kOk;
}

Ref<> sys_make(ThreadState& ts, PyObject* name) {
  Ref<> made = function_from(ts, kMethods[0].c(), name);
  if (!made && !error_set(ts)) made = make_hook(ts, name);
  if (!made && !error_set(ts)) made = sys_make_constant(ts, name);
  return made;
}

void sys_clear(ThreadState& ts) {
  clear_field(ts.interpreter().sysdict);
  clear_field(ts.interpreter().sys_module);
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* PySys_GetObject(const char* name) {
  ThreadState& ts = current_thread();
  ErrorStash stash(ts);
  return sys_peek(ts, name);
}
int PySys_SetObject(const char* name, PyObject* value) {
  ThreadState& ts = current_thread();
  PyObject* d = ts.interpreter().sysdict;
  if (value != nullptr) return static_cast<int>(dict_set(ts, d, name, value));
  Ref<> key = str_from_utf8(ts, name);
  Ref<> old;
  return key ? static_cast<int>(dict_pop(ts, d, key.get(), &old)) : -1;
}
int PySys_Audit(const char* event, const char* format, ...) {
  ThreadState& ts = current_thread();
  if (ts.interpreter().audit_hooks == nullptr) return 0;
  Ref<> args;
  if (format != nullptr && *format != 0) {
    va_list va;
    va_start(va, format);
    args = Ref<>::steal(Py_VaBuildValue(format, va));
    va_end(va);
    if (!args) return -1;
    if (!is_tuple(args.get())) args = tuple_of(ts, args.get());
  }
  return static_cast<int>(audit(ts, event, args.get()));
}

// Each thread starts with its interpreter's limit; a new one applies to all threads, keeping the depth they are at.
void Py_SetRecursionLimit(int limit) {
  ThreadState& ts = current_thread();
  Interpreter& interp = ts.interpreter();
  interp.recursion_limit = limit;
  std::lock_guard hold(interp.list_lock);
  for (PyThreadState* t = interp.threads; t != nullptr; t = t->next) {
    int depth = t->recursion_limit - t->recursion_remaining;
    t->recursion_limit = limit;
    t->recursion_remaining = limit - depth;
  }
}
int Py_GetRecursionLimit() { return current_thread().interpreter().recursion_limit; }

namespace {
void hooks_changed(ThreadState& ts) {
  ts.hooks = (ts.c_tracefunc != nullptr || ts.c_profilefunc != nullptr) ? 1 : 0;
  ts.cframe->use_tracing = static_cast<uint8_t>(ts.hooks != 0 ? 255 : 0);
  ts.interpreter().breaker.set(kBreakTracing);
}
}  // namespace

int _PyEval_SetTrace(PyThreadState* tstate, Py_tracefunc func, PyObject* arg) {
  auto& ts = *static_cast<ThreadState*>(tstate);
  if (failed(audit(ts, "sys.settrace", nullptr))) return -1;
  ts.c_tracefunc = nullptr;
  set_field(ts.c_traceobj, Ref<>::dup_of(func != nullptr ? arg : nullptr));
  ts.c_tracefunc = func;
  hooks_changed(ts);
  return 0;
}
int _PyEval_SetProfile(PyThreadState* tstate, Py_tracefunc func, PyObject* arg) {
  auto& ts = *static_cast<ThreadState*>(tstate);
  if (failed(audit(ts, "sys.setprofile", nullptr))) return -1;
  ts.c_profilefunc = nullptr;
  set_field(ts.c_profileobj, Ref<>::dup_of(func != nullptr ? arg : nullptr));
  ts.c_profilefunc = func;
  hooks_changed(ts);
  return 0;
}
void PyEval_SetTrace(Py_tracefunc func, PyObject* arg) { (void)_PyEval_SetTrace(&current_thread(), func, arg); }
void PyEval_SetProfile(Py_tracefunc func, PyObject* arg) { (void)_PyEval_SetProfile(&current_thread(), func, arg); }
