// set and frozenset inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

ATOLL_INLINE bool is_any_set(const PyObject* o) {
  return is_instance_nocall(o, &PySet_Type) || is_instance_nocall(o, &PyFrozenSet_Type);
}
Ref<> set_new(ThreadState& ts, PyObject* iterable /* or NULL */);
Ref<> frozenset_new(ThreadState& ts, PyObject* iterable /* or NULL */);
Status set_add(ThreadState& ts, PyObject* set, PyObject* item);  // also a frozenset that nobody has seen yet
Tri set_contains(ThreadState& ts, PyObject* set, PyObject* item);
Tri set_discard(ThreadState& ts, PyObject* set, PyObject* item);
Status set_update(ThreadState& ts, PyObject* set, PyObject* iterable);
bool set_next(PyObject* set, Py_ssize_t* pos, PyObject** item, Py_hash_t* hash = nullptr);

}  // namespace atl
