// Raising, testing and catching inside the core, and the PyErr_* functions.
#include "Objects/errors.h"

#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Objects/upcalls.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

PyObject* handled(ThreadState& ts) {
  for (_PyErr_StackItem* item = ts.exc_info; item != nullptr; item = item->previous_item) {
    if (item->exc_value != nullptr && item->exc_value != Py_None) return item->exc_value;
  }
  return nullptr;
}

// Makes `context` the context of exc; a cycle that this would close is cut where exc stands in the chain already.
void set_context_chain(PyObject* exc, PyObject* context) {
  if (context == exc) return;
  PyObject* slow = context;
  bool step = false;
  for (PyObject* o = context;;) {
    PyObject* next = as_exception(o)->context;
    if (next == nullptr) break;
    if (next == exc) {
      clear_field(as_exception(o)->context);
      break;
    }
    o = next;
    if (o == slow) break;  // the chain has a cycle of its own
    if (step) slow = as_exception(slow)->context;
    step = !step;
  }
  set_field(as_exception(exc)->context, dup(context));
}

void store(ThreadState& ts, Ref<> exc) {
  Ref<> old_type = Ref<>::steal(ts.curexc_type);
  Ref<> old_value = Ref<>::steal(ts.curexc_value);
  Ref<> old_tb = Ref<>::steal(ts.curexc_traceback);
  ts.curexc_type = exc ? new_ref(obj(exc.get()->ob_type)) : nullptr;
  ts.curexc_traceback = exc ? as_exception(exc.get())->traceback : nullptr;
  xincref(ts.curexc_traceback);
  ts.curexc_value = exc.release();
}

// An instance of the class with the given value as 3.11 builds it.
Ref<> instantiate(ThreadState& ts, PyObject* type, PyObject* value) {
  Ref<> exc;
  if (value == nullptr || value == Py_None) {
    exc = call(ts, type);
  } else if (is_tuple(value)) {
    exc = object_call(ts, type, value, nullptr);
  } else {
    exc = call(ts, type, value);
  }
  if (exc && !is_exception(exc.get())) {
    return raise(ts, PyExc_TypeError, "calling %R should have returned an instance of BaseException, not %s", type,
                 exc.get()->ob_type->tp_name);
  }
  return exc;
}

}  // namespace

void error_clear(ThreadState& ts) { store(ts, {}); }

void error_restore(ThreadState& ts, Ref<> exc) { store(ts, std::move(exc)); }

Raised raise_object(ThreadState& ts, PyObject* type, PyObject* value) {
  if (type != nullptr && !PyExceptionClass_Check(type)) {
    return raise(ts, PyExc_SystemError, "_PyErr_SetObject: exception %R is not a BaseException subclass", type);
  }
  Ref<> hold_type = dup(type);
  Ref<> hold_value = Ref<>::dup_of(value);
  Ref<> exc;
  if (value != nullptr && is_exception(value) && is_instance_nocall(value, reinterpret_cast<PyTypeObject*>(type))) {
    exc = dup(value);
  } else {
    error_clear(ts);
    exc = instantiate(ts, type, value);
    if (!exc) return {};  // what building it raised
  }
  if (PyObject* context = handled(ts)) set_context_chain(exc.get(), context);
  store(ts, std::move(exc));
  return {};
}

void error_add_context(ThreadState& ts, PyObject* context) {
  Ref<> exc = error_take(ts);
  if (!exc) return;
  if (exc.get() != context) set_context_chain(exc.get(), context);
  error_restore(ts, std::move(exc));
}

Raised raise_none(ThreadState& ts, PyObject* type) { return raise_object(ts, type, nullptr); }

Raised raise_va(ThreadState& ts, PyObject* type, const char* format, va_list args) {
  error_clear(ts);
  Ref<> message = str_format_va(ts, format, args);
  if (!message) return {};
  return raise_object(ts, type, message.get());
}

Raised raise(ThreadState& ts, PyObject* type, const char* format, ...) {
  va_list args;
  va_start(args, format);
  Raised r = raise_va(ts, type, format, args);
  va_end(args);
  return r;
}

Raised raise_memory(ThreadState& ts) {
  upcall_set_memory_error(ts);
  return {};
}

Raised raise_key_error(ThreadState& ts, PyObject* key) {
  // A tuple as key must not be spread out as arguments.
  Ref<> args = tuple_of(ts, key);
  return args ? raise_object(ts, PyExc_KeyError, args.get()) : Raised{};
}

Raised raise_stop_iteration(ThreadState& ts, PyObject* value) {
  if (value == nullptr) return raise_none(ts, PyExc_StopIteration);
  Ref<> exc = call(ts, PyExc_StopIteration, value);
  return exc ? raise_object(ts, PyExc_StopIteration, exc.get()) : Raised{};
}

Raised raise_attribute_error(ThreadState& ts, PyObject* on, PyObject* name) {
  if (PyType_Check(on)) {
    (void)raise(ts, PyExc_AttributeError, "type object '%.50s' has no attribute '%U'", reinterpret_cast<PyTypeObject*>(on)->tp_name, name);
  } else {
    (void)raise(ts, PyExc_AttributeError, "'%.100s' object has no attribute '%U'", on->ob_type->tp_name, name);
  }
  PyObject* exc = ts.curexc_value;
  if (exc != nullptr && is_exact(exc, reinterpret_cast<PyTypeObject*>(PyExc_AttributeError))) {
    auto* e = reinterpret_cast<PyAttributeErrorObject*>(exc);
    set_field(e->name, dup(name));
    set_field(e->obj, dup(on));
  }
  return {};
}

Raised raise_os_error(ThreadState& ts, int error, PyObject* filename, PyObject* filename2) {
  char buffer[256];
  const char* text = strerror_r(error, buffer, sizeof buffer);
  Ref<> number = int_from_i64(ts, error);
  Ref<> message = str_from_utf8(ts, text, "surrogateescape");
  if (!number || !message) return {};
  Ref<> args;
  if (filename != nullptr && filename2 != nullptr) {
    Ref<> zero = int_from_i64(ts, 0);
    args = tuple_of(ts, number.get(), message.get(), filename, zero.get(), filename2);
  } else if (filename != nullptr) {
    args = tuple_of(ts, number.get(), message.get(), filename);
  } else {
    args = tuple_of(ts, number.get(), message.get());
  }
  if (!args) return {};
  Ref<> exc = object_call(ts, PyExc_OSError, args.get(), nullptr);
  return exc ? raise_object(ts, obj(exc.get()->ob_type), exc.get()) : Raised{};
}

Raised raise_bad_internal_call(ThreadState& ts, const char* file, int line) {
  return raise(ts, PyExc_SystemError, "%s:%d: bad argument to internal function", file, line);
}

bool exception_matches(ThreadState&, PyObject* given, PyObject* type) {
  if (given == nullptr || type == nullptr) return false;
  if (is_tuple(type)) {
    for (Py_ssize_t i = 0; i < tuple_size(type); ++i) {
      if (PyErr_GivenExceptionMatches(given, tuple_peek(type, i))) return true;
    }
    return false;
  }
  if (is_exception(given)) given = obj(given->ob_type);
  if (PyExceptionClass_Check(given) && PyExceptionClass_Check(type)) {
    return is_subtype(reinterpret_cast<PyTypeObject*>(given), reinterpret_cast<PyTypeObject*>(type));
  }
  return given == type;
}

bool error_matches(ThreadState& ts, PyObject* type) { return exception_matches(ts, ts.curexc_type, type); }

bool error_clear_if(ThreadState& ts, PyObject* type) {
  if (!error_matches(ts, type)) return false;
  error_clear(ts);
  return true;
}

Ref<> error_take(ThreadState& ts) {
  if (ts.curexc_type == nullptr) return {};
  Ref<> type = Ref<>::steal(std::exchange(ts.curexc_type, nullptr));
  Ref<> value = Ref<>::steal(std::exchange(ts.curexc_value, nullptr));
  Ref<> tb = Ref<>::steal(std::exchange(ts.curexc_traceback, nullptr));
  for (int depth = 0;; ++depth) {
    if (value && is_exception(value.get())) break;
    // Put there by a C function as type and value only.
    if (depth < 32) {
      Ref<> exc = instantiate(ts, type.get(), value ? value.get() : nullptr);
      if (exc) {
        value = std::move(exc);
        break;
      }
      type = Ref<>::steal(std::exchange(ts.curexc_type, nullptr));
      value = Ref<>::steal(std::exchange(ts.curexc_value, nullptr));
      clear_field(ts.curexc_traceback);
    } else {
      value = dup(ts.interpreter().last_memory_error);
      break;
    }
  }
  if (tb && tb.get() != as_exception(value.get())->traceback) set_field(as_exception(value.get())->traceback, std::move(tb));
  return value;
}

Raised raise_from_current(ThreadState& ts, PyObject* type, const char* format, ...) {
  Ref<> cause = error_take(ts);
  va_list args;
  va_start(args, format);
  (void)raise_va(ts, type, format, args);
  va_end(args);
  Ref<> exc = error_take(ts);
  if (exc && cause && exc.get() != cause.get()) {
    set_field(as_exception(exc.get())->context, cause.dup());
    set_field(as_exception(exc.get())->cause, std::move(cause));
    as_exception(exc.get())->suppress_context = 1;
  }
  error_restore(ts, std::move(exc));
  return {};
}

void upcall_set_memory_error(ThreadState& ts) {
  PyObject* ready = ts.interpreter().last_memory_error;
  if (ready == nullptr) {
    // An interpreter that is only being made: the class alone must do.
    if (!runtime().core_initialized) die(__FILE__, __LINE__, "out of memory during start-up");
    error_clear(ts);
    ts.curexc_type = new_ref(PyExc_MemoryError);
    return;
  }
  // Made ready at start; a second one while it is in use is the same object, without traceback.
  if (ready->ob_refcnt == 1) {
    clear_field(as_exception(ready)->traceback);
    clear_field(as_exception(ready)->context);
    clear_field(as_exception(ready)->cause);
  }
  store(ts, dup(ready));
}

void upcall_set_recursion_error(ThreadState& ts, const char* where) {
  // Building the exception needs some depth of its own.
  ts.recursion_remaining += 50;
  char* limit = ts.c_stack_limit;
  ts.c_stack_limit -= 64 * 1024;
  (void)raise(ts, PyExc_RecursionError, "maximum recursion depth exceeded%s", where);
  ts.c_stack_limit = limit;
  ts.recursion_remaining -= 50;
}

void upcall_write_unraisable(ThreadState& ts, const char* where) { write_unraisable(ts, nullptr, where); }

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

void PyErr_Restore(PyObject* type, PyObject* value, PyObject* tb) {
  ThreadState& ts = current_thread();
  Ref<> a = Ref<>::steal(std::exchange(ts.curexc_type, type));
  Ref<> b = Ref<>::steal(std::exchange(ts.curexc_value, value));
  Ref<> c = Ref<>::steal(std::exchange(ts.curexc_traceback, tb));
}
void PyErr_Fetch(PyObject** type, PyObject** value, PyObject** tb) {
  ThreadState& ts = current_thread();
  *type = std::exchange(ts.curexc_type, nullptr);
  *value = std::exchange(ts.curexc_value, nullptr);
  *tb = std::exchange(ts.curexc_traceback, nullptr);
}
void PyErr_Clear() { error_clear(current_thread()); }
PyObject* PyErr_Occurred() {
  ThreadState* ts = current_thread_or_null();
  return ts != nullptr ? ts->curexc_type : nullptr;
}
void PyErr_SetObject(PyObject* type, PyObject* value) { (void)raise_object(current_thread(), type, value); }
void PyErr_SetNone(PyObject* type) { (void)raise_none(current_thread(), type); }
void PyErr_SetString(PyObject* type, const char* text) {
  ThreadState& ts = current_thread();
  Ref<> message = str_from_utf8(ts, text, "replace");
  if (message) (void)raise_object(ts, type, message.get());
}
void _PyErr_SetKeyError(PyObject* key) { (void)raise_key_error(current_thread(), key); }
PyObject* PyErr_Format(PyObject* type, const char* format, ...) {
  va_list args;
  va_start(args, format);
  (void)raise_va(current_thread(), type, format, args);
  va_end(args);
  return nullptr;
}
PyObject* PyErr_FormatV(PyObject* type, const char* format, va_list args) {
  return raise_va(current_thread(), type, format, args);
}
PyObject* PyErr_NoMemory() { return raise_memory(current_thread()); }
int PyErr_BadArgument() { return raise(current_thread(), PyExc_TypeError, "bad argument type for built-in operation"); }
void _PyErr_BadInternalCall(const char* file, int line) { (void)raise_bad_internal_call(current_thread(), file, line); }
void(PyErr_BadInternalCall)() { (void)raise(current_thread(), PyExc_SystemError, "bad argument to internal function"); }
int PyErr_GivenExceptionMatches(PyObject* given, PyObject* type) { return exception_matches(current_thread(), given, type); }
int PyErr_ExceptionMatches(PyObject* type) { return error_matches(current_thread(), type); }

void PyErr_NormalizeException(PyObject** type, PyObject** value, PyObject** tb) {
  if (*type == nullptr) return;
  ThreadState& ts = current_thread();
  if (*value != nullptr && is_exception(*value)) {
    PyObject* real = obj((*value)->ob_type);
    if (real != *type) {
      PyObject* old = std::exchange(*type, new_ref(real));
      decref(old);
    }
    return;
  }
  ErrorStash stash(ts);
  ts.curexc_type = *type;
  ts.curexc_value = *value;
  ts.curexc_traceback = tb != nullptr ? *tb : nullptr;
  Ref<> exc = error_take(ts);
  *type = new_ref(obj(exc.get()->ob_type));
  if (tb != nullptr) {
    *tb = as_exception(exc.get())->traceback;
    xincref(*tb);
  }
  *value = exc.release();
}

// ---- errno -------------------------------------------------------------------------------------------------------

namespace {

PyObject* set_from_errno(PyObject* type, PyObject* filename, PyObject* filename2) {
  int error = errno;
  ThreadState& ts = current_thread();
  if (error == EINTR && PyErr_CheckSignals() != 0) return nullptr;
  if (type == PyExc_OSError) return raise_os_error(ts, error, filename, filename2);
  char buffer[256];
  Ref<> message = str_from_utf8(ts, error ? strerror_r(error, buffer, sizeof buffer) : "Error", "surrogateescape");
  Ref<> number = int_from_i64(ts, error);
  if (!message || !number) return nullptr;
  Ref<> args;
  if (filename != nullptr && filename2 != nullptr) {
    args = tuple_of(ts, number.get(), message.get(), filename, small_int(0), filename2);
  } else if (filename != nullptr) {
    args = tuple_of(ts, number.get(), message.get(), filename);
  } else {
    args = tuple_of(ts, number.get(), message.get());
  }
  if (!args) return nullptr;
  Ref<> exc = object_call(ts, type, args.get(), nullptr);
  if (exc) (void)raise_object(ts, obj(exc.get()->ob_type), exc.get());
  return nullptr;
}

}  // namespace

PyObject* PyErr_SetFromErrno(PyObject* type) { return set_from_errno(type, nullptr, nullptr); }
PyObject* PyErr_SetFromErrnoWithFilenameObject(PyObject* type, PyObject* f) { return set_from_errno(type, f, nullptr); }
PyObject* PyErr_SetFromErrnoWithFilenameObjects(PyObject* type, PyObject* f, PyObject* g) { return set_from_errno(type, f, g); }
PyObject* PyErr_SetFromErrnoWithFilename(PyObject* type, const char* filename) {
  int error = errno;
  Ref<> name = Ref<>::steal(filename ? PyUnicode_DecodeFSDefault(filename) : nullptr);
  if (filename != nullptr && !name) return nullptr;
  errno = error;
  return set_from_errno(type, name.get(), nullptr);
}

// ---- ImportError -------------------------------------------------------------------------------------------------

PyObject* PyErr_SetImportErrorSubclass(PyObject* exception, PyObject* msg, PyObject* name, PyObject* path) {
  ThreadState& ts = current_thread();
  Tri sub = object_issubclass(ts, exception, PyExc_ImportError);
  if (failed(sub)) return nullptr;
  if (sub == Tri::kFalse) return raise(ts, PyExc_TypeError, "expected a subclass of ImportError");
  if (msg == nullptr) return raise(ts, PyExc_TypeError, "expected a message argument");
  Ref<> kwargs = dict_new(ts);
  Ref<> args = tuple_of(ts, msg);
  if (!kwargs || !args || failed(dict_set(ts, kwargs.get(), ID(name), name ? name : Py_None)) ||
      failed(dict_set(ts, kwargs.get(), ID(path), path ? path : Py_None))) {
    return nullptr;
  }
  Ref<> exc = object_call(ts, exception, args.get(), kwargs.get());
  if (exc) (void)raise_object(ts, obj(exc.get()->ob_type), exc.get());
  return nullptr;
}
PyObject* PyErr_SetImportError(PyObject* msg, PyObject* name, PyObject* path) {
  return PyErr_SetImportErrorSubclass(PyExc_ImportError, msg, name, path);
}

// ---- the exception being handled ---------------------------------------------------------------------------------

_PyErr_StackItem* _PyErr_GetTopmostException(PyThreadState* tstate) {
  _PyErr_StackItem* item = tstate->exc_info;
  while ((item->exc_value == nullptr || item->exc_value == Py_None) && item->previous_item != nullptr) item = item->previous_item;
  return item;
}
PyObject* _PyErr_GetHandledException(PyThreadState* tstate) {
  PyObject* exc = _PyErr_GetTopmostException(tstate)->exc_value;
  if (exc == nullptr || exc == Py_None) return nullptr;
  return new_ref(exc);
}
PyObject* PyErr_GetHandledException() { return _PyErr_GetHandledException(&current_thread()); }
void _PyErr_SetHandledException(PyThreadState* tstate, PyObject* exc) {
  set_field(tstate->exc_info->exc_value, Ref<>::dup_of(exc == Py_None ? nullptr : exc));
}
void PyErr_SetHandledException(PyObject* exc) { _PyErr_SetHandledException(&current_thread(), exc); }
void _PyErr_GetExcInfo(PyThreadState* tstate, PyObject** type, PyObject** value, PyObject** tb) {
  PyObject* exc = _PyErr_GetTopmostException(tstate)->exc_value;
  if (exc == nullptr || exc == Py_None) {
    *type = *value = *tb = nullptr;
    return;
  }
  *type = new_ref(obj(exc->ob_type));
  *value = new_ref(exc);
  *tb = as_exception(exc)->traceback;
  xincref(*tb);
}
void PyErr_GetExcInfo(PyObject** type, PyObject** value, PyObject** tb) { _PyErr_GetExcInfo(&current_thread(), type, value, tb); }
void PyErr_SetExcInfo(PyObject* type, PyObject* value, PyObject* tb) {
  PyErr_SetHandledException(value);
  xdecref(type);
  xdecref(value);
  xdecref(tb);
}

// ---- chaining ----------------------------------------------------------------------------------------------------

void _PyErr_ChainExceptions(PyObject* type, PyObject* value, PyObject* tb) {
  if (type == nullptr) return;
  ThreadState& ts = current_thread();
  Ref<> now = error_take(ts);
  PyErr_Restore(type, value, tb);
  if (!now) return;
  Ref<> before = error_take(ts);
  set_context_chain(now.get(), before.get());
  error_restore(ts, std::move(now));
}
PyObject* _PyErr_FormatFromCause(PyObject* type, const char* format, ...) {
  ThreadState& ts = current_thread();
  Ref<> cause = error_take(ts);
  va_list args;
  va_start(args, format);
  (void)raise_va(ts, type, format, args);
  va_end(args);
  Ref<> exc = error_take(ts);
  if (exc && cause) {
    set_field(as_exception(exc.get())->context, cause.dup());
    set_field(as_exception(exc.get())->cause, std::move(cause));
    as_exception(exc.get())->suppress_context = 1;
  }
  error_restore(ts, std::move(exc));
  return nullptr;
}
PyObject* _PyErr_TrySetFromCause(const char* format, ...) {
  ThreadState& ts = current_thread();
  Ref<> cause = error_take(ts);
  if (!cause) return nullptr;
  // Only an exception that its class and one message describe whole can be wrapped in one of the same class.
  PyObject* exc = cause.get();
  auto* type = exc->ob_type;
  auto* e = as_exception(exc);
  bool simple = type->tp_init == exception_init && type->tp_new == exception_new &&
                type->tp_basicsize == static_cast<Py_ssize_t>(sizeof(PyBaseExceptionObject)) && e->dict == nullptr;
  if (simple && tuple_size(e->args) > 1) simple = false;
  if (simple && tuple_size(e->args) == 1 && !is_exact_str(tuple_peek(e->args, 0))) simple = false;
  if (!simple) {
    error_restore(ts, std::move(cause));
    return nullptr;
  }
  va_list args;
  va_start(args, format);
  Ref<> prefix = str_format_va(ts, format, args);
  va_end(args);
  if (!prefix) return nullptr;
  Ref<> hold_type = dup(obj(type));
  (void)raise(ts, hold_type.get(), "%U (%s: %S)", prefix.get(), type->tp_name, exc);
  Ref<> fresh = error_take(ts);
  if (fresh) {
    set_field(as_exception(fresh.get())->context, cause.dup());
    set_field(as_exception(fresh.get())->cause, std::move(cause));
    as_exception(fresh.get())->suppress_context = 1;
  }
  PyObject* borrowed = fresh.get();
  error_restore(ts, std::move(fresh));
  return borrowed;
}

PyObject* PyException_GetTraceback(PyObject* e) {
  xincref(as_exception(e)->traceback);
  return as_exception(e)->traceback;
}
int PyException_SetTraceback(PyObject* e, PyObject* tb) {
  return static_cast<int>(object_setattr(current_thread(), e, ID(__traceback__), tb));
}
PyObject* PyException_GetCause(PyObject* e) {
  xincref(as_exception(e)->cause);
  return as_exception(e)->cause;
}
void PyException_SetCause(PyObject* e, PyObject* cause) {
  as_exception(e)->suppress_context = 1;
  set_field(as_exception(e)->cause, Ref<>::steal(cause));
}
PyObject* PyException_GetContext(PyObject* e) {
  xincref(as_exception(e)->context);
  return as_exception(e)->context;
}
void PyException_SetContext(PyObject* e, PyObject* context) { set_field(as_exception(e)->context, Ref<>::steal(context)); }
const char* PyExceptionClass_Name(PyObject* type) { return reinterpret_cast<PyTypeObject*>(type)->tp_name; }

PyObject* PyErr_NewException(const char* name, PyObject* base, PyObject* dict) {
  return PyErr_NewExceptionWithDoc(name, nullptr, base, dict);
}
PyObject* PyErr_NewExceptionWithDoc(const char* name, const char* doc, PyObject* base, PyObject* dict) {
  ThreadState& ts = current_thread();
  const char* dot = std::strrchr(name, '.');
  if (dot == nullptr) return raise(ts, PyExc_SystemError, "PyErr_NewException: name must be module.class");
  Ref<> ns = dict != nullptr ? dup(dict) : dict_new(ts);
  if (!ns) return nullptr;
  Tri has_module = dict_contains(ts, ns.get(), ID(__module__));
  if (failed(has_module)) return nullptr;
  if (has_module == Tri::kFalse) {
    Ref<> module = str_from_utf8(ts, {name, static_cast<size_t>(dot - name)});
    if (!module || failed(dict_set(ts, ns.get(), ID(__module__), module.get()))) return nullptr;
  }
  if (doc != nullptr) {
    Ref<> text = str_from_utf8(ts, doc);
    if (!text || failed(dict_set(ts, ns.get(), ID(__doc__), text.get()))) return nullptr;
  }
  if (base == nullptr) base = PyExc_Exception;
  Ref<> bases = is_tuple(base) ? dup(base) : tuple_of(ts, base);
  Ref<> short_name = str_from_utf8(ts, dot + 1);
  if (!bases || !short_name) return nullptr;
  return call(ts, obj(&PyType_Type), short_name.get(), bases.get(), ns.get()).release();
}

void PyErr_WriteUnraisable(PyObject* o) { write_unraisable(current_thread(), o); }
void _PyErr_WriteUnraisableMsg(const char* message, PyObject* o) { write_unraisable(current_thread(), o, message); }

int PyOS_vsnprintf(char* to, size_t size, const char* format, va_list args) {
  int n = size == 0 ? -1 : std::vsnprintf(to, size, format, args);
  if (size != 0) to[size - 1] = 0;
  return n;
}
int PyOS_snprintf(char* to, size_t size, const char* format, ...) {
  va_list args;
  va_start(args, format);
  int n = PyOS_vsnprintf(to, size, format, args);
  va_end(args);
  return n;
}
