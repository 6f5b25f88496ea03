// Raising, testing and catching exceptions inside the core.
//
//   return raise(ts, PyExc_TypeError, "can't add %T and %T", a, b);
//
// converts to an empty Ref, a NULL pointer, Status::kError, Tri::kError or -1, whatever the function returns.
// Formats as PyErr_Format (%s %d %i %u %ld %lu %zd %zu %lld %llu %c %x %p %U %S %R %A %V and widths/precision), and
// in addition %T: the type name of an object, %N: the name of a type (PyTypeObject*). %.200s style precision works.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

struct [[nodiscard]] Raised {
  template <class T>
  operator Ref<T>() const { return {}; }
  template <class T>
  operator T*() const { return nullptr; }
  operator Status() const { return Status::kError; }
  operator Tri() const { return Tri::kError; }
  operator int() const { return -1; }
  operator Py_ssize_t() const { return -1; }
};

// type is an exception class (PyExc_…). The message is built and the exception set, with the exception being
// handled as its context.
ATOLL_COLD Raised raise(ThreadState& ts, PyObject* type, const char* format, ...);
ATOLL_COLD Raised raise_va(ThreadState& ts, PyObject* type, const char* format, va_list args);
ATOLL_COLD Raised raise_object(ThreadState& ts, PyObject* type, PyObject* value);  // as PyErr_SetObject
ATOLL_COLD Raised raise_none(ThreadState& ts, PyObject* type);                     // as PyErr_SetNone
ATOLL_COLD Raised raise_memory(ThreadState& ts);
ATOLL_COLD Raised raise_key_error(ThreadState& ts, PyObject* key);
ATOLL_COLD Raised raise_stop_iteration(ThreadState& ts, PyObject* value /* or NULL */);
ATOLL_COLD Raised raise_attribute_error(ThreadState& ts, PyObject* on, PyObject* name);  // "'T' object has no attribute 'n'"
ATOLL_COLD Raised raise_os_error(ThreadState& ts, int error, PyObject* filename = nullptr, PyObject* filename2 = nullptr);
ATOLL_COLD Raised raise_bad_internal_call(ThreadState& ts, const char* file, int line);
// The exception that is set already; reads better than a bare `return {}` where the type is not Ref.
inline Raised already_raised() { return {}; }

ATOLL_INLINE bool error_set(ThreadState& ts) { return ts.curexc_type != nullptr; }
// Does the exception that is set (not the one handled) match a class or tuple of classes?
bool error_matches(ThreadState& ts, PyObject* type);
bool exception_matches(ThreadState& ts, PyObject* given, PyObject* type);
void error_clear(ThreadState& ts);
// Takes the exception out, normalized, with its traceback attached; empty when none is set.
Ref<> error_take(ThreadState& ts);
// Sets an exception instance as it is (no context is added).
void error_restore(ThreadState& ts, Ref<> exception);
// Clears the error when it matches and says so.
bool error_clear_if(ThreadState& ts, PyObject* type);
// PEP 3134: sets `cause` of the exception that is set; for "raise X from Y" in C++.
Raised raise_from_current(ThreadState& ts, PyObject* type, const char* format, ...);
// Prints what is set through sys.unraisablehook, and clears it.
// The exception that is set was raised while `context` was handled.
void error_add_context(ThreadState& ts, PyObject* context);
void write_unraisable(ThreadState& ts, PyObject* object /* or NULL */, const char* where = nullptr);
// Emits a warning; kError when a filter turned it into an exception. Defined by Modules/_warnings (upward).
Status warn(ThreadState& ts, PyObject* category, Py_ssize_t stack_level, const char* format, ...);

// Saves the exception that is set for the duration of a scope (destructors, finalizers), then puts it back.
class ErrorStash {
 public:
  explicit ErrorStash(ThreadState& ts)
      : ts_(ts),
        type_(std::exchange(ts.curexc_type, nullptr)),
        value_(std::exchange(ts.curexc_value, nullptr)),
        traceback_(std::exchange(ts.curexc_traceback, nullptr)) {}
  ErrorStash(const ErrorStash&) = delete;
  ErrorStash& operator=(const ErrorStash&) = delete;
  ~ErrorStash() {
    Ref<> a = Ref<>::steal(std::exchange(ts_.curexc_type, type_));
    Ref<> b = Ref<>::steal(std::exchange(ts_.curexc_value, value_));
    Ref<> c = Ref<>::steal(std::exchange(ts_.curexc_traceback, traceback_));
  }

 private:
  ThreadState& ts_;
  PyObject* type_;
  PyObject* value_;
  PyObject* traceback_;
};

}  // namespace atl
