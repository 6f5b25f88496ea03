// dict inside the core: compact and ordered.
//
// A dict is a table of entries in insertion order behind a hash index of 1-, 2- or 4-byte (8 in huge ones) numbers.
// While all keys are exact strs the entries hold {key, value} (hashes are in the strings); otherwise {hash, key, value}.
// ma_values is always NULL. Global caches rely on keys->version: a non-zero number stands for one sequence of keys at
// fixed entry numbers; insertion, deletion, resizing and clearing reset it to 0, replacing a value does not.
#pragma once

#include "Objects/object.h"

namespace atl {

enum DictKeysKind : uint8_t {
  kDictKeysGeneral = 0,
  kDictKeysStr = 1,
  kDictKeysLazy = 0x40,    // bit: values may still have to be made
  kDictKeysSealed = 0x80,  // bit: nobody may write
};

struct DictEntry {  // general
  Py_hash_t hash;
  PyObject* key;
  PyObject* value;
};
struct DictStrEntry {
  PyObject* key;
  PyObject* value;
};

}  // namespace atl

// What PyDictObject.ma_keys points to (opaque outside the core).
struct _dictkeysobject {
  uint8_t log2_size;       // of the index
  uint8_t index_width;     // 1, 2, 4, 8
  uint8_t kind;            // DictKeysKind
  uint8_t lasting;         // the immortal empty keys, or the first ones of a static type: never freed
  uint32_t version;        // 0: none given
  Py_ssize_t usable;       // entries that may still be added
  Py_ssize_t count;        // entries used so far, deleted ones (value NULL) included
  // the index follows: (1 << log2_size) * index_width bytes, then the entries
};

namespace atl {

using DictKeys = struct _dictkeysobject;

ATOLL_INLINE PyDictObject* as_dict(const PyObject* o) { return reinterpret_cast<PyDictObject*>(const_cast<PyObject*>(o)); }
ATOLL_INLINE DictKeys* dict_keys_of(const PyObject* o) { return as_dict(o)->ma_keys; }
ATOLL_INLINE void* dict_entries(const DictKeys* k) {
  return const_cast<char*>(reinterpret_cast<const char*>(k + 1)) + ((size_t{1} << k->log2_size) * k->index_width);
}
ATOLL_INLINE DictStrEntry* dict_str_entries(const DictKeys* k) { return static_cast<DictStrEntry*>(dict_entries(k)); }
ATOLL_INLINE DictEntry* dict_general_entries(const DictKeys* k) { return static_cast<DictEntry*>(dict_entries(k)); }
ATOLL_INLINE bool is_dict(const PyObject* o) { return has_flag(o, Py_TPFLAGS_DICT_SUBCLASS); }
ATOLL_INLINE bool is_exact_dict(const PyObject* o) { return o->ob_type == &PyDict_Type; }
ATOLL_INLINE Py_ssize_t dict_size(const PyObject* o) { return as_dict(o)->ma_used; }

Ref<> dict_new(ThreadState& ts);
Ref<> dict_new_presized(ThreadState& ts, Py_ssize_t n);
Ref<> dict_copy(ThreadState& ts, PyObject* d);
// Borrowed; NULL without an exception when absent, with one on error (unhashable key, __eq__ raised).
PyObject* dict_peek(ThreadState& ts, PyObject* d, PyObject* key);
PyObject* dict_peek_hash(ThreadState& ts, PyObject* d, PyObject* key, Py_hash_t hash);
// Key is an exact str; runs no user code when all keys are exact strs. Never fails.
PyObject* dict_peek_str(PyObject* d, PyObject* name);
// kOk with *out empty when absent.
Status dict_lookup(ThreadState& ts, PyObject* d, PyObject* key, Ref<>* out);
Status dict_set(ThreadState& ts, PyObject* d, PyObject* key, PyObject* value);
Status dict_set(ThreadState& ts, PyObject* d, const char* ascii_key, PyObject* value);
Status dict_set_hash(ThreadState& ts, PyObject* d, PyObject* key, Py_hash_t hash, PyObject* value);
Status dict_del(ThreadState& ts, PyObject* d, PyObject* key);  // KeyError when absent
// Removes and returns; empty without exception when absent.
Status dict_pop(ThreadState& ts, PyObject* d, PyObject* key, Ref<>* out);
Tri dict_contains(ThreadState& ts, PyObject* d, PyObject* key);
// The value of key, `value` put in first when absent. Borrowed.
PyObject* dict_peek_setdefault(ThreadState& ts, PyObject* d, PyObject* key, PyObject* value);
Status dict_merge(ThreadState& ts, PyObject* d, PyObject* mapping, bool override_existing);
// For **kwargs: TypeError "got multiple values for keyword argument" is the caller's; kError+KeyError(key) on a duplicate.
Status dict_merge_unique(ThreadState& ts, PyObject* d, PyObject* mapping);
void dict_clear(ThreadState& ts, PyObject* d);
// Iterates without user code; *pos starts at 0. Borrowed results. False at the end.
bool dict_next(PyObject* d, Py_ssize_t* pos, PyObject** key, PyObject** value, Py_hash_t* hash = nullptr);
Ref<> dict_keys_list(ThreadState& ts, PyObject* d);
Ref<> dict_values_list(ThreadState& ts, PyObject* d);
Ref<> dict_items_list(ThreadState& ts, PyObject* d);
// For caches of global lookups. keys version (made on demand; 0: can't be cached: not str keys) and entry number of
// an exact-str name (-1: absent).
uint32_t dict_keys_version(ThreadState& ts, PyObject* d);
// The same for a dict that serves as builtins: numbers of 16 bits, which are not given out twice either; 0 once they are used up.
uint16_t dict_keys_builtins_version(ThreadState& ts, PyObject* d);
Py_ssize_t dict_str_index(PyObject* d, PyObject* name);
// ---- entries whose value is made when somebody asks for it (namespaces of modules, sys.modules)
//
// Such an entry is there for all purposes: it counts, has its place, is found by `in`. Reading it, by whatever way, calls
// upcall_dict_make (Objects/upcalls.h) for the value, so a lookup in a dict of strs may run code for these, and only these,
// dicts. Everything that walks over a dict makes all of its values first.
ATOLL_INLINE bool dict_has_unmade(const PyObject* d) { return (dict_keys_of(d)->kind & kDictKeysLazy) != 0; }
// The entry `name` (an exact str) is to be made; whatever it was before.
Status dict_set_unmade(ThreadState& ts, PyObject* d, PyObject* name);
// Makes all values.
Status dict_make_all(ThreadState& ts, PyObject* d);
// Neither makes anything: the value of an exact str, NULL where it is absent or has not been made.
PyObject* dict_peek_made(PyObject* d, PyObject* name);
bool dict_next_made(PyObject* d, Py_ssize_t* pos, PyObject** key, PyObject** value);
bool dict_is_unmade(PyObject* d, PyObject* name);
// Puts the value in where the entry is there and has not been made; else nothing happens.
Status dict_make_with(ThreadState& ts, PyObject* d, PyObject* name, PyObject* value);
// A table that new dicts are copied from: the dict's keys, and those of its values that all interpreters share; the others are
// to be made. In the sealed arena; NULL without memory, or where not all keys are shared strs.
DictKeys* dict_make_template(PyObject* d);
Ref<> dict_from_template(ThreadState& ts, const DictKeys* keys);
// The dict becomes as if it came from there.
Status dict_reset_to_template(ThreadState& ts, PyObject* d, const DictKeys* keys);
// What has not been made becomes None.
Status dict_drop_unmade(ThreadState& ts, PyObject* d);

// Marks a dict as shared and immutable; TypeError from then on.
void dict_seal(PyObject* d);
ATOLL_INLINE bool dict_is_sealed(PyObject* d) { return (dict_keys_of(d)->kind & kDictKeysSealed) != 0; }

}  // namespace atl
