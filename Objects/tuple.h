// tuple inside the core.
#pragma once

#include <span>

#include "Objects/object.h"

namespace atl {

ATOLL_INLINE bool is_tuple(const PyObject* o) { return has_flag(o, Py_TPFLAGS_TUPLE_SUBCLASS); }
ATOLL_INLINE bool is_exact_tuple(const PyObject* o) { return o->ob_type == &PyTuple_Type; }
ATOLL_INLINE PyObject** tuple_items(const PyObject* o) {
  return const_cast<PyObject**>(reinterpret_cast<const PyTupleObject*>(o)->ob_item);
}
ATOLL_INLINE Py_ssize_t tuple_size(const PyObject* o) { return reinterpret_cast<const PyVarObject*>(o)->ob_size; }
ATOLL_INLINE PyObject* tuple_peek(const PyObject* o, Py_ssize_t i) { return tuple_items(o)[i]; }

PyObject* empty_tuple();  // immortal
// n NULL items, tracked at once; fill all before anybody sees it. n == 0 gives the shared one.
Ref<> tuple_new(ThreadState& ts, Py_ssize_t n);
Ref<> tuple_from(ThreadState& ts, PyObject* const* items, Py_ssize_t n);   // takes new references
Ref<> tuple_steal(ThreadState& ts, PyObject* const* items, Py_ssize_t n);  // takes the references over, also on failure
Ref<> tuple_slice(ThreadState& ts, PyObject* t, Py_ssize_t low, Py_ssize_t high);
Ref<> tuple_from_iterable(ThreadState& ts, PyObject* iterable);
template <class... A>
Ref<> tuple_of(ThreadState& ts, A*... items) {
  PyObject* v[] = {obj(items)..., nullptr};
  return tuple_from(ts, v, sizeof...(A));
}

}  // namespace atl
