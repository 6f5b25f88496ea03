// Calling: vectorcall first, tp_call otherwise; the C API's ways of giving arguments.
#include <alloca.h>

#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/object/internal.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"

namespace atl {

namespace {

ATOLL_INLINE vectorcallfunc vectorcall_of(PyObject* callable) {
  PyTypeObject* type = callable->ob_type;
  if (!(type->tp_flags & Py_TPFLAGS_HAVE_VECTORCALL)) return nullptr;
  return *reinterpret_cast<vectorcallfunc*>(reinterpret_cast<char*>(callable) + type->tp_vectorcall_offset);
}

ATOLL_COLD Ref<> bad_result(ThreadState& ts, PyObject* callable, PyObject* result, const char* where) {
  if (result == nullptr) {
    if (callable != nullptr) return raise(ts, PyExc_SystemError, "%R returned NULL without setting an exception", callable);
    return raise(ts, PyExc_SystemError, "%s returned NULL without setting an exception", where);
  }
  decref(result);
  if (callable != nullptr) {
    return raise_from_current(ts, PyExc_SystemError, "%R returned a result with an exception set", callable);
  }
  return raise_from_current(ts, PyExc_SystemError, "%s returned a result with an exception set", where);
}

ATOLL_INLINE Ref<> checked(ThreadState& ts, PyObject* callable, PyObject* result, const char* where) {
  if (ATOLL_UNLIKELY((result != nullptr) == error_set(ts))) return bad_result(ts, callable, result, where);
  return Ref<>::steal(result);
}

}  // namespace

Ref<> check_call_result(ThreadState& ts, PyObject* callable, PyObject* result) {
  return checked(ts, callable, result, nullptr);
}

Ref<> keywords_as_dict(ThreadState& ts, PyObject* const* values, PyObject* kwnames) {
  Py_ssize_t n = tuple_size(kwnames);
  Ref<> d = dict_new_presized(ts, n);
  if (!d) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (failed(dict_set(ts, d.get(), tuple_peek(kwnames, i), values[i]))) return {};
  }
  return d;
}

Ref<> call_tp_call(ThreadState& ts, PyObject* callable, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ternaryfunc f = callable->ob_type->tp_call;
  if (f == nullptr) return raise(ts, PyExc_TypeError, "'%.200T' object is not callable", callable);
  Ref<> tuple = tuple_from(ts, args, n);
  if (!tuple) return {};
  Ref<> dict;
  if (kwnames != nullptr && tuple_size(kwnames) != 0) {
    dict = keywords_as_dict(ts, args + n, kwnames);
    if (!dict) return {};
  }
  RecursionGuard guard(ts, " while calling a Python object");
  if (!guard.ok()) return {};
  return checked(ts, callable, f(callable, tuple.get(), dict.get()), nullptr);
}

namespace {
Ref<> call_python_call(ThreadState& ts, PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames);
}

Ref<> object_vectorcall(ThreadState& ts, PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  vectorcallfunc f = vectorcall_of(callable);
  if (ATOLL_LIKELY(f != nullptr)) return checked(ts, callable, f(callable, args, nargsf, kwnames), nullptr);
  if (callable->ob_type->tp_call == slot_tp_call) return call_python_call(ts, callable, args, nargsf, kwnames);
  return call_tp_call(ts, callable, args, PyVectorcall_NARGS(nargsf), kwnames);
}

Ref<> call_prefixed(ThreadState& ts, PyObject* f, PyObject* first, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) {
    auto** window = const_cast<PyObject**>(args) - 1;
    PyObject* saved = std::exchange(window[0], first);
    Ref<> r = object_vectorcall(ts, f, window, static_cast<size_t>(n + 1), kwnames);
    window[0] = saved;
    return r;
  }
  Py_ssize_t total = n + (kwnames != nullptr ? tuple_size(kwnames) : 0);
  PyObject* small[9];
  auto** window = total < 9 ? small : static_cast<PyObject**>(std::malloc(static_cast<size_t>(total + 1) * sizeof(PyObject*)));
  if (window == nullptr) return raise_memory(ts);
  window[0] = first;
  for (Py_ssize_t i = 0; i < total; ++i) window[1 + i] = args[i];
  Ref<> r = object_vectorcall(ts, f, window, static_cast<size_t>(n + 1), kwnames);
  if (window != small) std::free(window);
  return r;
}

namespace {

// An instance of a class with __call__ written in Python.
Ref<> call_python_call(ThreadState& ts, PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  RecursionGuard guard(ts, " while calling a Python object");
  if (!guard.ok()) return {};
  PyObject* found = type_peek_lookup(ts, callable->ob_type, ID(__call__));
  if (found == nullptr) return raise_object(ts, PyExc_AttributeError, ID(__call__));
  Ref<> f = dup(found);
  if (found->ob_type->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR) return call_prefixed(ts, found, callable, args, nargsf, kwnames);
  if (descrgetfunc get = found->ob_type->tp_descr_get) f = Ref<>::steal(get(found, callable, obj(callable->ob_type)));
  return f ? object_vectorcall(ts, f.get(), args, nargsf, kwnames) : Ref<>();
}

// Spreads tuple and dict into a window for a vectorcall function.
Ref<> vectorcall_with_dict(ThreadState& ts, vectorcallfunc f, PyObject* callable, PyObject* const* args, size_t nargsf,
                           PyObject* kwargs) {
  Py_ssize_t nkw = kwargs != nullptr ? dict_size(kwargs) : 0;
  if (nkw == 0) return checked(ts, callable, f(callable, args, nargsf, nullptr), nullptr);
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  size_t total = static_cast<size_t>(n + nkw) + 1;
  PyObject* small[16];
  PyObject** window = total <= std::size(small) ? small : static_cast<PyObject**>(std::malloc(total * sizeof(PyObject*)));
  if (window == nullptr) return raise_memory(ts);
  ScopeGuard free_window([&] {
    if (window != small) std::free(window);
  });
  window[0] = nullptr;
  Ref<> names = tuple_new(ts, nkw);
  if (!names) return {};
  for (Py_ssize_t i = 0; i < n; ++i) window[1 + i] = new_ref(args[i]);
  Py_ssize_t pos = 0, i = 0;
  PyObject *key, *value;
  bool all_str = true;
  while (i < nkw && dict_next(kwargs, &pos, &key, &value)) {
    all_str = all_str && is_str(key);
    tuple_items(names.get())[i] = new_ref(key);
    window[1 + n + i] = new_ref(value);
    ++i;
  }
  Ref<> result;
  if (!all_str) {
    (void)raise(ts, PyExc_TypeError, "keywords must be strings");
  } else {
    result = checked(ts, callable, f(callable, window + 1, static_cast<size_t>(n) | PY_VECTORCALL_ARGUMENTS_OFFSET, names.get()),
                     nullptr);
  }
  for (Py_ssize_t k = 0; k < n + i; ++k) decref(window[1 + k]);
  return result;
}

}  // namespace

Ref<> object_call(ThreadState& ts, PyObject* callable, PyObject* args, PyObject* kwargs) {
  if (vectorcallfunc f = vectorcall_of(callable)) {
    return vectorcall_with_dict(ts, f, callable, tuple_items(args), static_cast<size_t>(tuple_size(args)), kwargs);
  }
  ternaryfunc f = callable->ob_type->tp_call;
  if (f == nullptr) return raise(ts, PyExc_TypeError, "'%.200T' object is not callable", callable);
  RecursionGuard guard(ts, " while calling a Python object");
  if (!guard.ok()) return {};
  return checked(ts, callable, f(callable, args, kwargs), nullptr);
}

Ref<> object_vectorcall_method(ThreadState& ts, PyObject* name, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  bool is_method_found;
  Ref<> callable = object_getmethod(ts, args[0], name, &is_method_found);
  if (!callable) return {};
  if (is_method_found) {
    // The place before self does not belong to the callee.
    return object_vectorcall(ts, callable.get(), args, nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames);
  }
  return object_vectorcall(ts, callable.get(), args + 1, static_cast<size_t>(PyVectorcall_NARGS(nargsf) - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET,
                           kwnames);
}

Ref<> function_text(ThreadState& ts, PyObject* function) {
  Ref<> qualname;
  if (failed(object_lookup_attr(ts, function, ID(__qualname__), &qualname))) return {};
  if (!qualname) return object_str(ts, function);
  Ref<> module;
  if (failed(object_lookup_attr(ts, function, ID(__module__), &module))) return {};
  if (module && module.get() != Py_None) {
    Tri builtin = object_richcompare_bool(ts, module.get(), ID(builtins), Py_EQ);
    if (failed(builtin)) return {};
    if (builtin == Tri::kFalse) return str_format(ts, "%S.%S()", module.get(), qualname.get());
  }
  return str_format(ts, "%S()", qualname.get());
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* _Py_CheckFunctionResult(PyThreadState* tstate, PyObject* callable, PyObject* result, const char* where) {
  return checked(static_cast<ThreadState&>(*tstate), callable, result, where).release();
}

vectorcallfunc PyVectorcall_Function(PyObject* callable) { return vectorcall_of(callable); }

PyObject* PyVectorcall_Call(PyObject* callable, PyObject* tuple, PyObject* dict) {
  ThreadState& ts = current_thread();
  // The field counts, also where the type's flag is off because a subclass has a __call__ of its own.
  Py_ssize_t offset = callable->ob_type->tp_vectorcall_offset;
  vectorcallfunc f = offset > 0 ? *reinterpret_cast<vectorcallfunc*>(reinterpret_cast<char*>(callable) + offset) : nullptr;
  if (f == nullptr) return raise(ts, PyExc_TypeError, "'%.200T' object does not support vectorcall", callable);
  return vectorcall_with_dict(ts, f, callable, tuple_items(tuple), static_cast<size_t>(tuple_size(tuple)), dict).release();
}

PyObject* PyObject_Vectorcall(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return object_vectorcall(current_thread(), callable, args, nargsf, kwnames).release();
}

PyObject* PyObject_VectorcallDict(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (vectorcallfunc f = vectorcall_of(callable)) {
    return vectorcall_with_dict(ts, f, callable, args, nargsf, kwargs).release();
  }
  Ref<> tuple = tuple_from(ts, args, PyVectorcall_NARGS(nargsf));
  if (!tuple) return nullptr;
  return object_call(ts, callable, tuple.get(), kwargs != nullptr && dict_size(kwargs) != 0 ? kwargs : nullptr).release();
}

PyObject* PyObject_VectorcallMethod(PyObject* name, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return object_vectorcall_method(current_thread(), name, args, nargsf, kwnames).release();
}

PyObject* _PyObject_MakeTpCall(PyThreadState* tstate, PyObject* callable, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  ThreadState& ts = static_cast<ThreadState&>(*tstate);
  if (keywords != nullptr && is_dict(keywords)) {
    Ref<> tuple = tuple_from(ts, args, n);
    if (!tuple) return nullptr;
    ternaryfunc f = callable->ob_type->tp_call;
    if (f == nullptr) return raise(ts, PyExc_TypeError, "'%.200T' object is not callable", callable);
    RecursionGuard guard(ts, " while calling a Python object");
    if (!guard.ok()) return nullptr;
    return checked(ts, callable, f(callable, tuple.get(), keywords), nullptr).release();
  }
  return call_tp_call(ts, callable, args, n, keywords).release();
}

PyObject* _PyObject_FastCall(PyObject* callable, PyObject* const* args, Py_ssize_t n) {
  return object_vectorcall(current_thread(), callable, args, static_cast<size_t>(n), nullptr).release();
}

PyObject* PyObject_Call(PyObject* callable, PyObject* args, PyObject* kwargs) {
  return object_call(current_thread(), callable, args, kwargs).release();
}

PyObject* PyObject_CallObject(PyObject* callable, PyObject* args) {
  ThreadState& ts = current_thread();
  if (args == nullptr) return call(ts, callable).release();
  if (!is_tuple(args)) return raise(ts, PyExc_TypeError, "argument list must be a tuple");
  return object_call(ts, callable, args, nullptr).release();
}

#undef PyObject_CallNoArgs
#undef PyObject_CallOneArg
PyObject* PyObject_CallNoArgs(PyObject* callable) { return call(current_thread(), callable).release(); }
PyObject* PyObject_CallOneArg(PyObject* callable, PyObject* arg) { return call(current_thread(), callable, arg).release(); }

PyObject* _PyObject_FunctionStr(PyObject* function) { return function_text(current_thread(), function).release(); }

PyObject* _PyStack_AsDict(PyObject* const* values, PyObject* kwnames) {
  return keywords_as_dict(current_thread(), values, kwnames).release();
}

// Arguments from a format. A format that makes one tuple gives the arguments themselves.
namespace {

Ref<> call_built(ThreadState& ts, PyObject* callable, const char* format, va_list va, bool size_t_clean) {
  if (format == nullptr || *format == 0) return call(ts, callable);
  Ref<> built = Ref<>::steal(size_t_clean ? _Py_VaBuildValue_SizeT(format, va) : Py_VaBuildValue(format, va));
  if (!built) return {};
  if (is_tuple(built.get())) return object_call(ts, callable, built.get(), nullptr);
  return call(ts, callable, built.get());
}

Ref<> call_attribute_built(ThreadState& ts, Ref<> callable, const char* format, va_list va, bool size_t_clean) {
  if (!callable) return {};
  if (!PyCallable_Check(callable.get())) {
    return raise(ts, PyExc_TypeError, "attribute of type '%.200T' is not callable", callable.get());
  }
  return call_built(ts, callable.get(), format, va, size_t_clean);
}

bool null_argument(ThreadState& ts, const void* a, const void* b) {
  if (a != nullptr && b != nullptr) return false;
  if (!error_set(ts)) (void)raise(ts, PyExc_SystemError, "null argument to internal routine");
  return true;
}

// The objects up to NULL as a call's arguments.
Ref<> call_objects(ThreadState& ts, PyObject* callable, PyObject* first, va_list va) {
  va_list count;
  va_copy(count, va);
  size_t n = first != nullptr ? 1 : 0;
  while (va_arg(count, PyObject*) != nullptr) ++n;
  va_end(count);
  PyObject* small[8];
  PyObject** window = n + 1 <= std::size(small) ? small : static_cast<PyObject**>(std::malloc((n + 1) * sizeof(PyObject*)));
  if (window == nullptr) return raise_memory(ts);
  size_t i = 0;
  window[i++] = nullptr;
  if (first != nullptr) window[i++] = first;
  while (PyObject* o = va_arg(va, PyObject*)) window[i++] = o;
  Ref<> r = object_vectorcall(ts, callable, window + 1, n | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (window != small) std::free(window);
  return r;
}

}  // namespace

#undef PyObject_CallFunction
#undef PyObject_CallMethod
#undef _PyObject_CallMethodId

#define ATOLL_CALL_FUNCTION(fn, clean)                                             \
  PyObject* fn(PyObject* callable, const char* format, ...) {                      \
    ThreadState& ts = current_thread();                                            \
    if (null_argument(ts, callable, callable)) return nullptr;                     \
    va_list va;                                                                    \
    va_start(va, format);                                                          \
    Ref<> r = call_built(ts, callable, format, va, clean);                         \
    va_end(va);                                                                    \
    return r.release();                                                            \
  }
ATOLL_CALL_FUNCTION(PyObject_CallFunction, false)
ATOLL_CALL_FUNCTION(_PyObject_CallFunction_SizeT, true)
#undef ATOLL_CALL_FUNCTION

#define ATOLL_CALL_METHOD(fn, NAME, get, clean)                                    \
  PyObject* fn(PyObject* o, NAME name, const char* format, ...) {                  \
    ThreadState& ts = current_thread();                                            \
    if (null_argument(ts, o, name)) return nullptr;                                \
    va_list va;                                                                    \
    va_start(va, format);                                                          \
    Ref<> r = call_attribute_built(ts, get, format, va, clean);                    \
    va_end(va);                                                                    \
    return r.release();                                                            \
  }
ATOLL_CALL_METHOD(PyObject_CallMethod, const char*, object_getattr(ts, o, name), false)
ATOLL_CALL_METHOD(_PyObject_CallMethod_SizeT, const char*, object_getattr(ts, o, name), true)
ATOLL_CALL_METHOD(_PyObject_CallMethod, PyObject*, object_getattr(ts, o, name), false)
ATOLL_CALL_METHOD(_PyObject_CallMethodId, _Py_Identifier*, Ref<>::steal(_PyObject_GetAttrId(o, name)), false)
ATOLL_CALL_METHOD(_PyObject_CallMethodId_SizeT, _Py_Identifier*, Ref<>::steal(_PyObject_GetAttrId(o, name)), true)
#undef ATOLL_CALL_METHOD

PyObject* PyObject_CallFunctionObjArgs(PyObject* callable, ...) {
  ThreadState& ts = current_thread();
  if (null_argument(ts, callable, callable)) return nullptr;
  va_list va;
  va_start(va, callable);
  Ref<> r = call_objects(ts, callable, nullptr, va);
  va_end(va);
  return r.release();
}

PyObject* PyObject_CallMethodObjArgs(PyObject* o, PyObject* name, ...) {
  ThreadState& ts = current_thread();
  if (null_argument(ts, o, name)) return nullptr;
  bool is_method_found;
  Ref<> callable = object_getmethod(ts, o, name, &is_method_found);
  if (!callable) return nullptr;
  va_list va;
  va_start(va, name);
  Ref<> r = call_objects(ts, callable.get(), is_method_found ? o : nullptr, va);
  va_end(va);
  return r.release();
}

PyObject* _PyObject_CallMethodIdObjArgs(PyObject* o, _Py_Identifier* id, ...) {
  ThreadState& ts = current_thread();
  PyObject* name = _PyUnicode_FromId(id);
  if (name == nullptr || null_argument(ts, o, name)) return nullptr;
  bool is_method_found;
  Ref<> callable = object_getmethod(ts, o, name, &is_method_found);
  if (!callable) return nullptr;
  va_list va;
  va_start(va, id);
  Ref<> r = call_objects(ts, callable.get(), is_method_found ? o : nullptr, va);
  va_end(va);
  return r.release();
}

int PyCallable_Check(PyObject* o) { return o != nullptr && o->ob_type->tp_call != nullptr; }
