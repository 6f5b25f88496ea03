// What the files of the dict family share.
#pragma once

#include "Objects/dict/dict.h"

namespace atl {

uint64_t dict_next_version(ThreadState& ts);
// A new empty dict of the type (dict or a subclass); NULL with MemoryError.
PyObject* dict_alloc(ThreadState& ts, PyTypeObject* type);
Tri dict_contains_hash(ThreadState& ts, PyObject* d, PyObject* key, Py_hash_t hash);
Status dict_pop_hash(ThreadState& ts, PyObject* d, PyObject* key, Py_hash_t hash, Ref<>* out);
// Removes the last entry; false when there is none.
bool dict_pop_last(ThreadState& ts, PyObject* d, Ref<>* key, Ref<>* value);
// Walks backwards; *pos starts at PY_SSIZE_T_MAX.
bool dict_previous(PyObject* d, Py_ssize_t* pos, PyObject** key, PyObject** value);
void dict_drop_entries(ThreadState& ts, DictKeys* keys);
size_t dict_table_bytes(PyObject* d);
int dict_traverse_entries(PyObject* d, visitproc visit, void* arg);
// Moves the table to the sealed arena and marks it; bring-up. False without memory.
bool dict_make_sealed_copy(PyObject* d);

// Views: the objects behind keys(), values(), items().
Ref<> dict_view_new(ThreadState& ts, PyTypeObject* type, PyObject* d);

}  // namespace atl
