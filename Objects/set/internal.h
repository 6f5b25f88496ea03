// What the files of the set family share.
#pragma once

#include "Objects/set.h"

namespace atl {

ATOLL_INLINE PySetObject* as_set(PyObject* o) { return reinterpret_cast<PySetObject*>(o); }
ATOLL_INLINE Py_ssize_t set_size(PyObject* o) { return as_set(o)->used; }
ATOLL_INLINE bool is_frozenset(const PyObject* o) { return is_instance_nocall(o, &PyFrozenSet_Type); }

// A new empty set of the type; NULL with MemoryError.
PyObject* set_alloc(ThreadState& ts, PyTypeObject* type);
// A new set of the type with the items of an iterable (NULL: none).
Ref<> set_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable);
Status set_add_hash(ThreadState& ts, PyObject* set, PyObject* item, Py_hash_t hash);
Tri set_contains_hash(ThreadState& ts, PyObject* set, PyObject* item, Py_hash_t hash);
// Tells whether it was there.
Tri set_discard_hash(ThreadState& ts, PyObject* set, PyObject* item, Py_hash_t hash);
void set_clear(ThreadState& ts, PyObject* set);
// Exchanges the contents of two sets (their types stay).
void set_swap(PyObject* a, PyObject* b);
// Removes any item; empty without an exception when there is none.
Ref<> set_pop_any(PyObject* set);
// The hash of the contents as frozenset has it. Never fails.
Py_hash_t set_content_hash(PyObject* set);
size_t set_table_bytes(PyObject* set);
int set_traverse_items(PyObject* set, visitproc visit, void* arg);
// Releases the items of a set that is going away.
void set_drop(ThreadState& ts, PyObject* set);

}  // namespace atl
