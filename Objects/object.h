// The object protocol inside the core: what can be done with any object. Every function may run Python code unless
// its name ends in _nocall; errors are in ts.
#pragma once

#include "Objects/errors.h"
#include "Objects/str/identifiers.h"
#include "Python/runtime/interpreter.h"

namespace atl {

template <class T>
ATOLL_INLINE PyTypeObject* type_of(const T* o) {
  return reinterpret_cast<const PyObject*>(o)->ob_type;
}
ATOLL_INLINE bool is_exact(const PyObject* o, const PyTypeObject* type) { return o->ob_type == type; }
ATOLL_INLINE bool has_flag(const PyObject* o, unsigned long flag) { return (o->ob_type->tp_flags & flag) != 0; }
bool is_subtype(const PyTypeObject* a, const PyTypeObject* b);  // by MRO
ATOLL_INLINE bool is_instance_nocall(const PyObject* o, const PyTypeObject* type) {
  return o->ob_type == type || is_subtype(o->ob_type, type);
}

ATOLL_INLINE PyObject* none() { return Py_None; }
ATOLL_INLINE Ref<> new_none() { return dup(Py_None); }
ATOLL_INLINE Ref<> new_bool(bool b) { return dup(b ? Py_True : Py_False); }
ATOLL_INLINE Ref<> not_implemented() { return dup(Py_NotImplemented); }

// Whether the collector may have to look at o: a container whose references can be part of a cycle.
ATOLL_INLINE bool may_be_tracked(PyObject* o) {
  const PyTypeObject* t = o->ob_type;
  if (!(t->tp_flags & Py_TPFLAGS_HAVE_GC)) return false;
  if (t == &PyTuple_Type) return gc_is_tracked(o);
  return t->tp_is_gc == nullptr || t->tp_is_gc(o);
}

// ---- attributes ------------------------------------------------------------------------------------------------
Ref<> object_getattr(ThreadState& ts, PyObject* o, PyObject* name);
Ref<> object_getattr(ThreadState& ts, PyObject* o, const char* name);
// kOk with *out empty when the attribute is absent (AttributeError is swallowed, other errors are not).
Status object_lookup_attr(ThreadState& ts, PyObject* o, PyObject* name, Ref<>* out);
// value NULL deletes.
Status object_setattr(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value);
// Special methods: looked up on the type, bound. kOk with *out empty when absent.
Status object_lookup_special(ThreadState& ts, PyObject* o, PyObject* name, Ref<>* out);
// The default slots, with the instance dict or shape.
Ref<> object_generic_getattr(ThreadState& ts, PyObject* o, PyObject* name);
Status object_generic_setattr(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value);
// For method calls: either the plain function found on the type (*is_method true, call with o first) or the
// attribute's value. Empty on error.
Ref<> object_getmethod(ThreadState& ts, PyObject* o, PyObject* name, bool* is_method);
Ref<> object_dir(ThreadState& ts, PyObject* o);

// ---- text ------------------------------------------------------------------------------------------------------
Ref<> object_repr(ThreadState& ts, PyObject* o);   // o may be NULL: "<NULL>"
Ref<> object_str(ThreadState& ts, PyObject* o);
Ref<> object_ascii(ThreadState& ts, PyObject* o);
Ref<> object_bytes(ThreadState& ts, PyObject* o);
Ref<> object_format(ThreadState& ts, PyObject* o, PyObject* spec /* or NULL */);

// ---- comparison ------------------------------------------------------------------------------------------------
Status object_hash(ThreadState& ts, PyObject* o, Py_hash_t* out);
Ref<> object_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op);
// With the shortcut that identity implies equality, as containers compare.
Tri object_equal(ThreadState& ts, PyObject* a, PyObject* b);
Tri object_richcompare_bool(ThreadState& ts, PyObject* a, PyObject* b, int op);
// Does an order (-1, 0, 1) satisfy a comparison operator (Py_LT …)?
constexpr bool order_matches(int order, int op) {
  switch (op) {
    case Py_LT:
      return order < 0;
    case Py_LE:
      return order <= 0;
    case Py_EQ:
      return order == 0;
    case Py_NE:
      return order != 0;
    case Py_GT:
      return order > 0;
    default:
      return order >= 0;
  }
}
Tri object_is_true(ThreadState& ts, PyObject* o);
Tri object_isinstance(ThreadState& ts, PyObject* o, PyObject* classinfo);
Tri object_issubclass(ThreadState& ts, PyObject* type, PyObject* classinfo);

// ---- containers ------------------------------------------------------------------------------------------------
Ref<> object_getitem(ThreadState& ts, PyObject* o, PyObject* key);
Status object_setitem(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value);
Status object_delitem(ThreadState& ts, PyObject* o, PyObject* key);
Status object_len(ThreadState& ts, PyObject* o, Py_ssize_t* out);
Status object_length_hint(ThreadState& ts, PyObject* o, Py_ssize_t fallback, Py_ssize_t* out);
Tri object_contains(ThreadState& ts, PyObject* o, PyObject* item);
Ref<> object_iter(ThreadState& ts, PyObject* o);
// Empty without an exception at the end (StopIteration is swallowed).
Ref<> iter_next(ThreadState& ts, PyObject* iterator);
bool is_iterator(PyObject* o);

// Calls f(item) for each item until it answers kError. The item is borrowed.
template <class F>
Status for_each(ThreadState& ts, PyObject* iterable, F f) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) return Status::kError;
  while (Ref<> item = iter_next(ts, it.get())) {
    if (failed(f(item.get()))) return Status::kError;
  }
  return error_set(ts) ? Status::kError : Status::kOk;
}

// ---- numbers ---------------------------------------------------------------------------------------------------
// Binary operators by slot offset, with 3.11's rules of precedence and error texts.
enum class BinaryOp : uint8_t {
  kAdd, kSub, kMul, kMatMul, kTrueDiv, kFloorDiv, kMod, kPow, kLShift, kRShift, kAnd, kXor, kOr, kCount
};
Ref<> number_binary(ThreadState& ts, BinaryOp op, PyObject* a, PyObject* b);
Ref<> number_inplace(ThreadState& ts, BinaryOp op, PyObject* a, PyObject* b);
Ref<> number_power(ThreadState& ts, PyObject* a, PyObject* b, PyObject* modulus);
Ref<> number_divmod(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> number_negative(ThreadState& ts, PyObject* o);
Ref<> number_positive(ThreadState& ts, PyObject* o);
Ref<> number_invert(ThreadState& ts, PyObject* o);
Ref<> number_absolute(ThreadState& ts, PyObject* o);
Ref<> number_index(ThreadState& ts, PyObject* o);  // an exact or derived int, by __index__
Ref<> number_long(ThreadState& ts, PyObject* o);   // int(o)
Ref<> number_float(ThreadState& ts, PyObject* o);  // float(o)
// The value by __index__; overflow raises `overflow` (PyExc_IndexError, …), or clips when it is NULL.
Status index_as_ssize(ThreadState& ts, PyObject* o, Py_ssize_t* out, PyObject* overflow = PyExc_OverflowError);

// ---- calls -----------------------------------------------------------------------------------------------------
// args[0..n-1] positional, then the values of kwnames (tuple or NULL). nargsf may carry PY_VECTORCALL_ARGUMENTS_OFFSET.
Ref<> object_vectorcall(ThreadState& ts, PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames);
Ref<> object_call(ThreadState& ts, PyObject* callable, PyObject* args_tuple, PyObject* kwargs_dict /* or NULL */);
Ref<> object_vectorcall_method(ThreadState& ts, PyObject* name, PyObject* const* args_with_self, size_t nargsf, PyObject* kwnames);
// The result of a C function, checked: NULL and exception go together.
Ref<> check_call_result(ThreadState& ts, PyObject* callable, PyObject* result);

template <class... A>
Ref<> call(ThreadState& ts, PyObject* callable, A*... args) {
  PyObject* window[] = {nullptr, obj(args)..., nullptr};
  return object_vectorcall(ts, callable, window + 1, sizeof...(A) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}
template <class... A>
Ref<> call_method(ThreadState& ts, PyObject* self, PyObject* name, A*... args) {
  PyObject* window[] = {nullptr, self, obj(args)...};
  return object_vectorcall_method(ts, name, window + 1, (1 + sizeof...(A)) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

// ---- recursion in repr -----------------------------------------------------------------------------------------
// 1: o is being shown already; 0: entered; -1: error.
int repr_enter(ThreadState& ts, PyObject* o);
void repr_leave(ThreadState& ts, PyObject* o);

// ---- deallocation of deep structures ---------------------------------------------------------------------------
// At the head of a container's tp_dealloc, after untracking: when the C stack is deep the object is put aside (true:
// return at once) and its tp_dealloc called again later.
bool trashcan_begin(ThreadState& ts, PyObject* o);
void trashcan_end(ThreadState& ts);

// The end of every tp_dealloc in the core. An instance of a heap type holds a reference on its type; who drops it follows
// 3.11's rule, because compiled types take part: the dealloc of a class made by the class statement (subtype_dealloc)
// when the base whose dealloc it calls is static, else the base's dealloc. drop_type_reference knows which.
void drop_type_reference(PyTypeObject* type);
ATOLL_INLINE void free_object_and_type(ThreadState& ts, PyObject* o) {
  PyTypeObject* type = o->ob_type;
  free_object(ts, o);
  if (ATOLL_UNLIKELY((type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0)) drop_type_reference(type);
}

}  // namespace atl
