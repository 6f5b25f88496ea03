// The dict type as Python sees it, and its C API.
#include "Objects/dict/internal.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

void dict_dealloc(ThreadState& ts, PyObject* o) {
  if (gc_is_tracked(o)) untrack(o);
  if (trashcan_begin(ts, o)) return;
  dict_drop_entries(ts, dict_keys_of(o));
  if (is_exact_dict(o)) {
    free_object(ts, o);
  } else {
    o->ob_type->tp_free(o);
  }
  trashcan_end(ts);
}

int dict_clear_slot(PyObject* o) {
  dict_clear(current_thread(), o);
  return 0;
}

PyObject* dict_tp_new(PyTypeObject* type, PyObject*, PyObject*) { return dict_alloc(current_thread(), type); }

Raised raise_pair(ThreadState& ts, Py_ssize_t i, Py_ssize_t n) {
  return raise(ts, PyExc_ValueError, "dictionary update sequence element #%zd has length %zd; 2 is required", i, n);
}

Status update_from_pairs(ThreadState& ts, PyObject* d, PyObject* pairs, bool override_existing) {
  Ref<> it = object_iter(ts, pairs);
  if (!it) return Status::kError;
  for (Py_ssize_t i = 0;; ++i) {
    Ref<> item = iter_next(ts, it.get());
    if (!item) return error_set(ts) ? Status::kError : Status::kOk;
    Ref<> pair = Ref<>::steal(PySequence_Fast(item.get(), ""));
    if (!pair) {
      if (error_clear_if(ts, PyExc_TypeError)) {
        return raise(ts, PyExc_TypeError, "cannot convert dictionary update sequence element #%zd to a sequence", i);
      }
      return Status::kError;
    }
    Py_ssize_t n = PySequence_Fast_GET_SIZE(pair.get());
    if (n != 2) return raise_pair(ts, i, n);
    Ref<> key = dup(PySequence_Fast_GET_ITEM(pair.get(), 0));
    Ref<> value = dup(PySequence_Fast_GET_ITEM(pair.get(), 1));
    if (override_existing) {
      if (failed(dict_set(ts, d, key.get(), value.get()))) return Status::kError;
    } else if (dict_peek_setdefault(ts, d, key.get(), value.get()) == nullptr) {
      return Status::kError;
    }
  }
}

// A mapping (has keys()) or an iterable of pairs.
Status update_from(ThreadState& ts, PyObject* d, PyObject* source) {
  if (is_exact_dict(source)) return dict_merge(ts, d, source, true);
  Ref<> keys;
  if (failed(object_lookup_attr(ts, source, ID(keys), &keys))) return Status::kError;
  if (keys) return dict_merge(ts, d, source, true);
  return update_from_pairs(ts, d, source, true);
}

Status update_common(ThreadState& ts, PyObject* d, PyObject* source, PyObject* kwargs) {
  if (source != nullptr && failed(update_from(ts, d, source))) return Status::kError;
  if (kwargs == nullptr || dict_size(kwargs) == 0) return Status::kOk;
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(kwargs, &pos, &key, &value)) {
    if (!is_str(key)) return raise(ts, PyExc_TypeError, "keywords must be strings");
  }
  return dict_merge(ts, d, kwargs, true);
}

bool one_at_most(ThreadState& ts, const char* name, Py_ssize_t n) {
  if (n <= 1) return true;
  (void)raise(ts, PyExc_TypeError, "%s expected at most 1 argument, got %zd", name, n);
  return false;
}

int dict_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if (!one_at_most(ts, "dict", n)) return -1;
  return static_cast<int>(update_common(ts, self, n == 1 ? tuple_peek(args, 0) : nullptr, kwargs));
}

PyObject* dict_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (!one_at_most(ts, "dict", n)) return nullptr;
  Ref<> d = Ref<>::steal(dict_alloc(ts, reinterpret_cast<PyTypeObject*>(type)));
  if (!d) return nullptr;
  if (n == 1 && failed(update_from(ts, d.get(), args[0]))) return nullptr;
  if (kwnames != nullptr) {
    for (Py_ssize_t i = 0; i < tuple_size(kwnames); ++i) {
      if (failed(dict_set(ts, d.get(), tuple_peek(kwnames, i), args[n + i]))) return nullptr;
    }
  }
  return d.release();
}

Ref<> dict_repr(ThreadState& ts, PyObject* o) {
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_from_ascii(ts, "{...}") : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  StrWriter w(ts);
  if (failed(w.put('{'))) return {};
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  bool first = true;
  while (dict_next(o, &pos, &key, &value)) {
    Ref<> k = dup(key);
    Ref<> v = dup(value);
    if (!first && failed(w.write_ascii(", "))) return {};
    first = false;
    if (failed(w.write_repr(k.get())) || failed(w.write_ascii(": ")) || failed(w.write_repr(v.get()))) return {};
  }
  if (failed(w.put('}'))) return {};
  return w.finish();
}

Tri dicts_equal(ThreadState& ts, PyObject* a, PyObject* b) {
  if (dict_size(a) != dict_size(b)) return Tri::kFalse;
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  Py_hash_t hash;
  while (dict_next(a, &pos, &key, &value, &hash)) {
    Ref<> k = dup(key);
    Ref<> v = dup(value);
    PyObject* other = dict_peek_hash(ts, b, key, hash);
    if (other == nullptr) return error_set(ts) ? Tri::kError : Tri::kFalse;
    Ref<> hold = dup(other);
    Tri same = object_richcompare_bool(ts, v.get(), other, Py_EQ);
    if (same != Tri::kTrue) return same;
  }
  return Tri::kTrue;
}

Ref<> dict_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_dict(a) || !is_dict(b) || (op != Py_EQ && op != Py_NE)) return not_implemented();
  Tri same = dicts_equal(ts, a, b);
  if (failed(same)) return {};
  return new_bool((same == Tri::kTrue) == (op == Py_EQ));
}

Py_ssize_t dict_length(ThreadState&, PyObject* o) { return dict_size(o); }

Ref<> dict_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  PyObject* v = dict_peek(ts, o, key);
  if (v != nullptr) return dup(v);
  if (error_set(ts)) return {};
  if (!is_exact_dict(o)) {
    Ref<> missing;
    if (failed(object_lookup_special(ts, o, ID(__missing__), &missing))) return {};
    if (missing) return call(ts, missing.get(), key);
  }
  return raise_key_error(ts, key);
}

Status dict_ass_subscript(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value) {
  return value == nullptr ? dict_del(ts, o, key) : dict_set(ts, o, key, value);
}

Tri dict_contains_slot(ThreadState& ts, PyObject* o, PyObject* key) { return dict_contains(ts, o, key); }

Ref<> dict_or(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_dict(a) || !is_dict(b)) return not_implemented();
  Ref<> d = Ref<>::steal(PyDict_Copy(a));
  if (!d || failed(dict_merge(ts, d.get(), b, true))) return {};
  return d;
}
Ref<> dict_ior(ThreadState& ts, PyObject* a, PyObject* b) {
  if (failed(update_from(ts, a, b))) return {};
  return dup(a);
}

// ---- methods -----------------------------------------------------------------------------------------------------

using Self = PyDictObject;

Ref<> m_get(ThreadState& ts, Self* d, PyObject* key, PyObject* fallback) {
  PyObject* v = dict_peek(ts, obj(d), key);
  if (v != nullptr) return dup(v);
  if (error_set(ts)) return {};
  return dup(fallback != nullptr ? fallback : Py_None);
}
Ref<> m_setdefault(ThreadState& ts, Self* d, PyObject* key, PyObject* fallback) {
  return Ref<>::dup_of(dict_peek_setdefault(ts, obj(d), key, fallback != nullptr ? fallback : Py_None));
}
Ref<> m_pop(ThreadState& ts, Self* d, PyObject* key, PyObject* fallback) {
  Ref<> v;
  if (failed(dict_pop(ts, obj(d), key, &v))) return {};
  if (v) return v;
  if (fallback != nullptr) return dup(fallback);
  return raise_key_error(ts, key);
}
Ref<> m_popitem(ThreadState& ts, Self* d) {
  if (dict_is_sealed(obj(d))) return raise(ts, PyExc_TypeError, "this dict belongs to objects shared by all interpreters and can't be changed");
  Ref<> key, value;
  Ref<> pair = tuple_new(ts, 2);
  if (!pair) return {};
  if (!dict_pop_last(ts, obj(d), &key, &value)) {
    tuple_items(pair.get())[0] = new_ref(Py_None);
    tuple_items(pair.get())[1] = new_ref(Py_None);
    return raise(ts, PyExc_KeyError, "popitem(): dictionary is empty");
  }
  tuple_items(pair.get())[0] = key.release();
  tuple_items(pair.get())[1] = value.release();
  return pair;
}
Ref<> m_keys(ThreadState& ts, Self* d) { return dict_view_new(ts, &PyDictKeys_Type, obj(d)); }
Ref<> m_values(ThreadState& ts, Self* d) { return dict_view_new(ts, &PyDictValues_Type, obj(d)); }
Ref<> m_items(ThreadState& ts, Self* d) { return dict_view_new(ts, &PyDictItems_Type, obj(d)); }
Status m_clear(ThreadState& ts, Self* d) {
  if (dict_is_sealed(obj(d))) return raise(ts, PyExc_TypeError, "this dict belongs to objects shared by all interpreters and can't be changed");
  dict_clear(ts, obj(d));
  return Status::kOk;
}
Ref<> m_copy(ThreadState& ts, Self* d) { return dict_copy(ts, obj(d)); }
Tri m_contains(ThreadState& ts, Self* d, PyObject* key) { return dict_contains(ts, obj(d), key); }
Ref<> m_getitem(ThreadState& ts, Self* d, PyObject* key) { return dict_subscript(ts, obj(d), key); }
Ref<> m_sizeof(ThreadState& ts, Self* d) {
  return int_from_u64(ts, static_cast<uint64_t>(d->ob_base.ob_type->tp_basicsize) + dict_table_bytes(obj(d)));
}
Ref<> m_reversed(ThreadState& ts, Self* d) {
  Ref<> view = dict_view_new(ts, &PyDictKeys_Type, obj(d));
  return view ? call_method(ts, view.get(), ID(__reversed__)) : Ref<>();
}

PyObject* m_update(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if (!one_at_most(ts, "update", n)) return nullptr;
  if (failed(update_common(ts, self, n == 1 ? tuple_peek(args, 0) : nullptr, kwargs))) return nullptr;
  return new_ref(Py_None);
}

Ref<> m_fromkeys(ThreadState& ts, PyTypeObject* type, PyObject* iterable, PyObject* value) {
  if (value == nullptr) value = Py_None;
  Ref<> d = call(ts, obj(type));
  if (!d) return {};
  bool plain = is_exact_dict(d.get());
  // Keys of a set or dict bring their hashes along.
  PyObject* key;
  Py_hash_t hash;
  Py_ssize_t pos = 0;
  if (plain && (is_exact(iterable, &PySet_Type) || is_exact(iterable, &PyFrozenSet_Type))) {
    while (set_next(iterable, &pos, &key, &hash)) {
      Ref<> hold = dup(key);
      if (failed(dict_set_hash(ts, d.get(), key, hash, value))) return {};
    }
    return d;
  }
  if (plain && is_exact_dict(iterable)) {
    while (dict_next(iterable, &pos, &key, nullptr, &hash)) {
      Ref<> hold = dup(key);
      if (failed(dict_set_hash(ts, d.get(), key, hash, value))) return {};
    }
    return d;
  }
  Status s = for_each(ts, iterable, [&](PyObject* item) {
    return plain ? dict_set(ts, d.get(), item, value) : object_setitem(ts, d.get(), item, value);
  });
  if (failed(s)) return {};
  return d;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_FLAGS(m_contains, "__contains__", "($self, key, /)", "True if the dictionary has the key.", METH_COEXIST),
    ATOLL_METHOD_FLAGS(m_getitem, "__getitem__", "($self, key, /)", "Return self[key].", METH_COEXIST),
    ATOLL_METHOD(m_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD(m_get, "get", "($self, key, default=None, /)", "The value of key if there is one, else default."),
    ATOLL_METHOD(m_setdefault, "setdefault", "($self, key, default=None, /)", "The value of key, which is set to default first if there is none."),
    ATOLL_METHOD(m_pop, "pop", "($self, key, default=<unrepresentable>, /)", "Remove key and return its value, or default if there is none."),
    ATOLL_METHOD(m_popitem, "popitem", "($self, /)", "Remove and return the last (key, value) pair."),
    ATOLL_METHOD(m_keys, "keys", "($self, /)", "A view of the keys."),
    ATOLL_METHOD(m_items, "items", "($self, /)", "A view of the (key, value) pairs."),
    ATOLL_METHOD(m_values, "values", "($self, /)", "A view of the values."),
    ATOLL_METHOD_RAW(m_update, "update", METH_VARARGS | METH_KEYWORDS, "update([other], **kwargs)\n\nAdd the pairs of a mapping or iterable, and the keywords."),
    ATOLL_CLASSMETHOD(m_fromkeys, "fromkeys", "($type, iterable, value=None, /)", "A new dictionary with keys from the iterable and one value."),
    ATOLL_METHOD(m_clear, "clear", "($self, /)", "Remove all items."),
    ATOLL_METHOD(m_copy, "copy", "($self, /)", "A shallow copy."),
    ATOLL_METHOD(m_reversed, "__reversed__", "($self, /)", "A reverse iterator over the keys."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"),
    ATOLL_METHOD_END};

Ref<> dict_iter(ThreadState& ts, PyObject* o) {
  Ref<> view = dict_view_new(ts, &PyDictKeys_Type, o);
  return view ? object_iter(ts, view.get()) : Ref<>();
}

constexpr PyNumberMethods kNumber{.nb_or = ATOLL_SLOT(dict_or), .nb_inplace_or = ATOLL_SLOT(dict_ior)};
constexpr PySequenceMethods kSequence{.sq_contains = ATOLL_SLOT(dict_contains_slot)};
constexpr PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(dict_length),
                                    .mp_subscript = ATOLL_SLOT(dict_subscript),
                                    .mp_ass_subscript = ATOLL_SLOT(dict_ass_subscript)};

}  // namespace

constinit const TypeSpec dict_spec{
    .name = "dict",
    .doc = "dict() -> new empty dictionary\n"
           "dict(mapping) -> from a mapping's pairs\n"
           "dict(iterable) -> from an iterable of pairs\n"
           "dict(**kwargs) -> from the keywords",
    .basicsize = sizeof(PyDictObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DICT_SUBCLASS |
             _Py_TPFLAGS_MATCH_SELF | Py_TPFLAGS_MAPPING,
    .dealloc = ATOLL_SLOT(dict_dealloc),
    .traverse = dict_traverse_entries,
    .clear = dict_clear_slot,
    .repr = ATOLL_SLOT(dict_repr),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(dict_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(dict_iter),
    .init = dict_init,
    .new_ = dict_tp_new,
    .vectorcall = dict_vectorcall,
    .number = &kNumber,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .methods = kMethods,
};

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PyDict_Type = {};

namespace {
bool check(ThreadState& ts, PyObject* d) {
  if (d != nullptr && is_dict(d)) return true;
  (void)raise_bad_internal_call(ts, __FILE__, __LINE__);
  return false;
}
}  // namespace

PyObject* PyDict_New() { return dict_new(current_thread()).release(); }
PyObject* _PyDict_NewPresized(Py_ssize_t n) { return dict_new_presized(current_thread(), n).release(); }
// Errors are swallowed: that is this function's documented behaviour.
PyObject* PyDict_GetItem(PyObject* d, PyObject* key) {
  if (!is_dict(d)) return nullptr;
  ThreadState& ts = current_thread();
  ErrorStash stash(ts);
  PyObject* v = dict_peek(ts, d, key);
  if (v == nullptr) error_clear(ts);
  return v;
}
PyObject* PyDict_GetItemWithError(PyObject* d, PyObject* key) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? dict_peek(ts, d, key) : nullptr;
}
PyObject* _PyDict_GetItem_KnownHash(PyObject* d, PyObject* key, Py_hash_t hash) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? dict_peek_hash(ts, d, key, hash) : nullptr;
}
PyObject* _PyDict_GetItemStringWithError(PyObject* d, const char* key) {
  ThreadState& ts = current_thread();
  Ref<> name = str_from_utf8(ts, key);
  return name ? dict_peek(ts, d, name.get()) : nullptr;
}
PyObject* PyDict_GetItemString(PyObject* d, const char* key) {
  ThreadState& ts = current_thread();
  ErrorStash stash(ts);
  Ref<> name = str_from_utf8(ts, key);
  PyObject* v = name && is_dict(d) ? dict_peek(ts, d, name.get()) : nullptr;
  if (v == nullptr) error_clear(ts);
  return v;
}
PyObject* PyDict_SetDefault(PyObject* d, PyObject* key, PyObject* value) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? dict_peek_setdefault(ts, d, key, value) : nullptr;
}
int PyDict_SetItem(PyObject* d, PyObject* key, PyObject* value) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? static_cast<int>(dict_set(ts, d, key, value)) : -1;
}
int _PyDict_SetItem_KnownHash(PyObject* d, PyObject* key, PyObject* value, Py_hash_t hash) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? static_cast<int>(dict_set_hash(ts, d, key, hash, value)) : -1;
}
int PyDict_SetItemString(PyObject* d, const char* key, PyObject* value) {
  ThreadState& ts = current_thread();
  Ref<> name = str_from_utf8(ts, key);
  if (!name) return -1;
  str_intern(ts, &name);
  return check(ts, d) ? static_cast<int>(dict_set(ts, d, name.get(), value)) : -1;
}
int PyDict_DelItem(PyObject* d, PyObject* key) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? static_cast<int>(dict_del(ts, d, key)) : -1;
}
int _PyDict_DelItem_KnownHash(PyObject* d, PyObject* key, Py_hash_t hash) {
  ThreadState& ts = current_thread();
  if (!check(ts, d)) return -1;
  Ref<> old;
  if (failed(dict_pop_hash(ts, d, key, hash, &old))) return -1;
  return old ? 0 : static_cast<int>(raise_key_error(ts, key));
}
int PyDict_DelItemString(PyObject* d, const char* key) {
  ThreadState& ts = current_thread();
  Ref<> name = str_from_utf8(ts, key);
  return name && check(ts, d) ? static_cast<int>(dict_del(ts, d, name.get())) : -1;
}
void PyDict_Clear(PyObject* d) {
  if (is_dict(d)) dict_clear(current_thread(), d);
}
int PyDict_Next(PyObject* d, Py_ssize_t* pos, PyObject** key, PyObject** value) {
  return is_dict(d) && dict_next(d, pos, key, value);
}
int _PyDict_Next(PyObject* d, Py_ssize_t* pos, PyObject** key, PyObject** value, Py_hash_t* hash) {
  return is_dict(d) && dict_next(d, pos, key, value, hash);
}
PyObject* PyDict_Keys(PyObject* d) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? dict_keys_list(ts, d).release() : nullptr;
}
PyObject* PyDict_Values(PyObject* d) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? dict_values_list(ts, d).release() : nullptr;
}
PyObject* PyDict_Items(PyObject* d) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? dict_items_list(ts, d).release() : nullptr;
}
Py_ssize_t PyDict_Size(PyObject* d) { return check(current_thread(), d) ? dict_size(d) : -1; }
PyObject* PyDict_Copy(PyObject* d) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? dict_copy(ts, d).release() : nullptr;
}
int PyDict_Contains(PyObject* d, PyObject* key) { return static_cast<int>(dict_contains(current_thread(), d, key)); }
int _PyDict_Contains_KnownHash(PyObject* d, PyObject* key, Py_hash_t hash) {
  return static_cast<int>(dict_contains_hash(current_thread(), d, key, hash));
}
int PyDict_Update(PyObject* d, PyObject* other) { return PyDict_Merge(d, other, 1); }
int PyDict_Merge(PyObject* d, PyObject* other, int override_existing) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? static_cast<int>(dict_merge(ts, d, other, override_existing != 0)) : -1;
}
int _PyDict_MergeEx(PyObject* d, PyObject* other, int how) {
  ThreadState& ts = current_thread();
  if (!check(ts, d)) return -1;
  return static_cast<int>(how == 2 ? dict_merge_unique(ts, d, other) : dict_merge(ts, d, other, how != 0));
}
int PyDict_MergeFromSeq2(PyObject* d, PyObject* pairs, int override_existing) {
  ThreadState& ts = current_thread();
  return check(ts, d) ? static_cast<int>(update_from_pairs(ts, d, pairs, override_existing != 0)) : -1;
}
PyObject* _PyDict_Pop(PyObject* d, PyObject* key, PyObject* fallback) {
  return m_pop(current_thread(), as_dict(d), key, fallback).release();
}
Py_ssize_t _PyDict_SizeOf(PyDictObject* d) { return static_cast<Py_ssize_t>(sizeof(PyDictObject) + dict_table_bytes(obj(d))); }
void _PyDict_MaybeUntrack(PyObject* d) { upcall_gc_untrack_dict(d); }
int _PyDict_HasOnlyStringKeys(PyObject* d) {
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(d, &pos, &key, &value)) {
    if (!is_str(key)) return 0;
  }
  return 1;
}
