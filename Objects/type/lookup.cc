// Looking names up along the MRO, the cache and the versions that it is valid for; the MRO itself; subclass lists.
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Python/runtime/runtime.h"

namespace atl {

// ---- versions ----------------------------------------------------------------------------------------------------
//
// A type has a version only while all its bases have one; so the subtypes of a type without version have none either,
// and changing a type needs to look at its subtypes only when it has one.

uint32_t type_version(ThreadState& ts, PyTypeObject* type) {
  if (ATOLL_LIKELY(type->tp_version_tag != 0)) return type->tp_version_tag;
  if (!(type->tp_flags & Py_TPFLAGS_READY) || type->tp_bases == nullptr) return 0;
  TypeRecord* record = type_record(type);
  if (record == nullptr || (record->flags & kRecordNoVersion)) return 0;
  PyObject* bases = type->tp_bases;
  for (Py_ssize_t i = 0; i < tuple_size(bases); ++i) {
    PyObject* base = tuple_peek(bases, i);
    if (!PyType_Check(base) || type_version(ts, reinterpret_cast<PyTypeObject*>(base)) == 0) return 0;
  }
  uint32_t version;
  if (record->static_index >= 0) {
    version = runtime().next_static_type_version.fetch_add(1, std::memory_order_relaxed);
    if (version >= kFirstHeapVersion) {
      // Used up, for good; the counter stays behind the end.
      runtime().next_static_type_version.store(kFirstHeapVersion, std::memory_order_relaxed);
      return 0;
    }
  } else {
    TypeState& types = ts.interpreter().types;
    version = types.next_version;
    if (version == 0) return 0;
    types.next_version = version + 1;
  }
  type->tp_version_tag = version;
  type->tp_flags |= Py_TPFLAGS_VALID_VERSION_TAG;
  return version;
}

namespace {

void drop_version(Interpreter& interp, PyTypeObject* type) {
  // A static type that has none any more may have subtypes in this interpreter that still do.
  if (type->tp_version_tag == 0 && !is_static(type)) return;
  type->tp_version_tag = 0;
  type->tp_flags &= ~Py_TPFLAGS_VALID_VERSION_TAG;
  TypeMutable* m = type_peek_mutable(interp, type);
  for (uint32_t i = 0; m != nullptr && i < m->subclasses.size; ++i) drop_version(interp, m->subclasses.items[i]);
}

}  // namespace

void type_modified(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_version_tag == 0 || is_static_builtin(type)) return;
  if (!is_static(type)) {
    drop_version(ts.interpreter(), type);
    return;
  }
  // An extension changes its static type. Interpreters that see the same one share our lock; others have a copy of the module.
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  for (size_t i = 0; i < rt.interpreter_count; ++i) {
    if (rt.interpreters[i]->gil == ts.interpreter().gil) drop_version(*rt.interpreters[i], type);
  }
}

// ---- lookup ------------------------------------------------------------------------------------------------------

namespace {

PyObject* find_in_mro(ThreadState& ts, PyTypeObject* type, PyObject* name) {
  PyObject* mro = type->tp_mro;
  if (mro == nullptr) {
    if ((type->tp_flags & Py_TPFLAGS_READYING) || type->tp_dict != nullptr) return nullptr;
    ErrorStash stash(ts);
    if (failed(type_ready(ts, type))) error_clear(ts);
    mro = type->tp_mro;
    if (mro == nullptr) return nullptr;
  }
  Ref<> hold = dup(mro);
  PyObject** items = tuple_items(mro);
  Py_ssize_t n = tuple_size(mro);
  if (ATOLL_LIKELY(is_exact_str(name))) {
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* dict = reinterpret_cast<PyTypeObject*>(items[i])->tp_dict;
      if (dict == nullptr) continue;
      if (ATOLL_UNLIKELY((dict_keys_of(dict)->kind & ~kDictKeysSealed) != kDictKeysStr)) {
        // Keys of other types compare as they like.
        ErrorStash stash(ts);
        if (PyObject* v = dict_peek(ts, dict, name)) return v;
        error_clear(ts);
        continue;
      }
      if (PyObject* v = dict_peek_str(dict, name)) return v;
    }
    return nullptr;
  }
  ErrorStash stash(ts);
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* dict = reinterpret_cast<PyTypeObject*>(items[i])->tp_dict;
    if (dict == nullptr) continue;
    if (PyObject* v = dict_peek(ts, dict, name)) return v;
    error_clear(ts);
  }
  return nullptr;
}

ATOLL_INLINE size_t cache_slot(uint32_t version, PyObject* name) {
  return (version ^ (reinterpret_cast<uintptr_t>(name) >> 4)) & (kMethodCacheSize - 1);
}

ATOLL_NOINLINE PyObject* lookup_slow(ThreadState& ts, PyTypeObject* type, PyObject* name) {
  bool cachable = is_exact_str(name) && str_is_interned(name);
  uint32_t version = cachable ? type_version(ts, type) : 0;
  PyObject* value = find_in_mro(ts, type, name);
  // Keys that are not strs may have run code that changed the type.
  if (version == 0 || type->tp_version_tag != version) return value;
  TypeState& types = ts.interpreter().types;
  if (types.method_cache == nullptr) {
    types.method_cache = static_cast<MethodCacheEntry*>(std::calloc(kMethodCacheSize, sizeof(MethodCacheEntry)));
    if (types.method_cache == nullptr) return value;
  }
  MethodCacheEntry& e = types.method_cache[cache_slot(version, name)];
  // The entry keeps its name alive, so that no other string can come to stand at its address.
  PyObject* old = e.name;
  incref(name);
  e.version = version;
  e.name = name;
  e.value = value;
  xdecref(old);
  return value;
}

}  // namespace

PyObject* type_peek_lookup(ThreadState& ts, PyTypeObject* type, PyObject* name) {
  uint32_t version = type->tp_version_tag;
  MethodCacheEntry* cache = ts.interpreter().types.method_cache;
  if (ATOLL_LIKELY(version != 0 && cache != nullptr)) {
    MethodCacheEntry& e = cache[cache_slot(version, name)];
    if (ATOLL_LIKELY(e.version == version && e.name == name)) return e.value;
  }
  return lookup_slow(ts, type, name);
}

void type_cache_clear(ThreadState& ts) {
  MethodCacheEntry* cache = std::exchange(ts.interpreter().types.method_cache, nullptr);
  if (cache == nullptr) return;
  for (uint32_t i = 0; i < kMethodCacheSize; ++i) xdecref(cache[i].name);
  std::free(cache);
}

// ---- method resolution order -------------------------------------------------------------------------------------

namespace {

ATOLL_COLD Raised raise_mro_conflict(ThreadState& ts, PyObject* const* sequences, const Py_ssize_t* at, Py_ssize_t n) {
  // The classes that stand first in what is left, each once.
  Ref<> heads = list_new(ts, 0);
  if (!heads) return already_raised();
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (at[i] >= tuple_size(sequences[i])) continue;
    PyObject* head = tuple_peek(sequences[i], at[i]);
    bool seen = false;
    for (Py_ssize_t k = 0; k < list_size(heads.get()); ++k) seen = seen || list_items(heads.get())[k] == head;
    if (!seen && failed(list_append(ts, heads.get(), dup(head)))) return already_raised();
  }
  StrWriter w(ts);
  if (failed(w.write_ascii("Cannot create a consistent method resolution\norder (MRO) for bases"))) return already_raised();
  for (Py_ssize_t k = 0; k < list_size(heads.get()); ++k) {
    Ref<> name;
    if (failed(object_lookup_attr(ts, list_items(heads.get())[k], ID(__name__), &name))) return already_raised();
    if (failed(w.write_ascii(k == 0 ? " " : ", "))) return already_raised();
    Status s = name && is_str(name.get()) ? w.write(name.get()) : w.write_ascii("?");
    if (failed(s)) return already_raised();
  }
  Ref<> text = w.finish();
  if (!text) return already_raised();
  return raise_object(ts, PyExc_TypeError, text.get());
}

bool in_tail(PyObject* sequence, Py_ssize_t from, PyObject* o) {
  for (Py_ssize_t i = from + 1; i < tuple_size(sequence); ++i) {
    if (tuple_peek(sequence, i) == o) return true;
  }
  return false;
}

}  // namespace

// The C3 linearization: of the bases' orders and the list of bases, take again and again the first head that no other
// sequence still has behind its head.
Ref<> type_c3(ThreadState& ts, PyTypeObject* type) {
  PyObject* bases = type->tp_bases;
  Py_ssize_t n = tuple_size(bases);
  for (Py_ssize_t i = 0; i < n; ++i) {
    auto* base = reinterpret_cast<PyTypeObject*>(tuple_peek(bases, i));
    if (base->tp_mro == nullptr) return raise(ts, PyExc_TypeError, "Cannot extend an incomplete type '%.100N'", base);
  }
  if (n == 1) {
    PyObject* mro = reinterpret_cast<PyTypeObject*>(tuple_peek(bases, 0))->tp_mro;
    Py_ssize_t length = tuple_size(mro);
    Ref<> result = tuple_new(ts, length + 1);
    if (!result) return {};
    tuple_items(result.get())[0] = new_ref(obj(type));
    for (Py_ssize_t i = 0; i < length; ++i) tuple_items(result.get())[i + 1] = new_ref(tuple_peek(mro, i));
    return result;
  }
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!in_tail(bases, i, tuple_peek(bases, i))) continue;
    PyObject* twice = tuple_peek(bases, i);
    Ref<> name;
    if (failed(object_lookup_attr(ts, twice, ID(__name__), &name))) return {};
    if (name && is_str(name.get())) return raise(ts, PyExc_TypeError, "duplicate base class %U", name.get());
    return raise(ts, PyExc_TypeError, "duplicate base class");
  }
  auto count = static_cast<size_t>(n + 1);
  auto** sequences = static_cast<PyObject**>(std::malloc(count * (sizeof(PyObject*) + sizeof(Py_ssize_t))));
  if (sequences == nullptr) return raise_memory(ts);
  ScopeGuard free_sequences([&] { std::free(sequences); });
  auto* at = reinterpret_cast<Py_ssize_t*>(sequences + count);
  for (Py_ssize_t i = 0; i < n; ++i) sequences[i] = reinterpret_cast<PyTypeObject*>(tuple_peek(bases, i))->tp_mro;
  sequences[n] = bases;
  std::memset(at, 0, count * sizeof *at);

  Ref<> result = list_new(ts, 0);
  if (!result || failed(list_append(ts, result.get(), dup(obj(type))))) return {};
  for (;;) {
    bool left = false;
    PyObject* next = nullptr;
    for (Py_ssize_t i = 0; i <= n && next == nullptr; ++i) {
      if (at[i] >= tuple_size(sequences[i])) continue;
      left = true;
      PyObject* head = tuple_peek(sequences[i], at[i]);
      bool blocked = false;
      for (Py_ssize_t k = 0; k <= n && !blocked; ++k) blocked = in_tail(sequences[k], at[k], head);
      if (!blocked) next = head;
    }
    if (!left) break;
    if (next == nullptr) return raise_mro_conflict(ts, sequences, at, n + 1);
    if (failed(list_append(ts, result.get(), dup(next)))) return {};
    for (Py_ssize_t k = 0; k <= n; ++k) {
      if (at[k] < tuple_size(sequences[k]) && tuple_peek(sequences[k], at[k]) == next) ++at[k];
    }
  }
  return list_as_tuple(ts, result.get());
}

namespace {

// Is mro() of the metaclass type.mro itself?
bool mro_is_plain(ThreadState& ts, PyTypeObject* type) {
  PyTypeObject* meta = type->ob_base.ob_base.ob_type;
  if (meta == &PyType_Type) return true;
  PyObject* found = type_peek_lookup(ts, meta, ID(mro));
  return found != nullptr && found == type_peek_lookup(ts, &PyType_Type, ID(mro));
}

Ref<> custom_mro(ThreadState& ts, PyTypeObject* type) {
  Ref<> method;
  if (failed(object_lookup_special(ts, obj(type), ID(mro), &method))) return {};
  if (!method) return raise_object(ts, PyExc_AttributeError, ID(mro));
  Ref<> sequence = call(ts, method.get());
  if (!sequence) return {};
  Ref<> mro = Ref<>::steal(PySequence_Tuple(sequence.get()));
  if (!mro) return {};
  PyTypeObject* solid = solid_base(type);
  for (Py_ssize_t i = 0; i < tuple_size(mro.get()); ++i) {
    PyObject* item = tuple_peek(mro.get(), i);
    if (!PyType_Check(item)) return raise(ts, PyExc_TypeError, "mro() returned a non-class ('%.500T')", item);
    auto* base = reinterpret_cast<PyTypeObject*>(item);
    if (!is_subtype(solid, solid_base(base))) {
      return raise(ts, PyExc_TypeError, "mro() returned base with unsuitable layout ('%.500N')", base);
    }
  }
  return mro;
}

}  // namespace

Status type_compute_mro(ThreadState& ts, PyTypeObject* type, Ref<>* old) {
  PyObject* before = type->tp_mro;
  Ref<> hold = Ref<>::dup_of(before);  // its address stays its own while mro() runs
  bool plain = mro_is_plain(ts, type);
  Ref<> fresh = plain ? type_c3(ts, type) : custom_mro(ts, type);
  bool reentered = type->tp_mro != before;
  if (!fresh) return Status::kError;
  if (reentered) return Status::kOk;
  if (TypeRecord* record = type_record(type)) {
    if (plain) {
      record->flags &= ~kRecordNoVersion;
    } else {
      record->flags |= kRecordNoVersion;
    }
  }
  type_modified(ts, type);
  type->tp_mro = fresh.release();
  if (old != nullptr) {
    *old = Ref<>::steal(before);
  } else {
    xdecref(before);
  }
  return Status::kOk;
}

// ---- subclasses --------------------------------------------------------------------------------------------------

Status subclass_add(ThreadState& ts, PyTypeObject* base, PyTypeObject* sub) {
  TypeMutable* m = type_mutable(ts.interpreter(), base);
  if (m == nullptr) return raise(ts, PyExc_SystemError, "type '%.100N' is not ready", base);
  SubclassList& l = m->subclasses;
  for (uint32_t i = 0; i < l.size; ++i) {
    if (l.items[i] == sub) return Status::kOk;
  }
  if (l.size == l.capacity) {
    uint32_t room = l.capacity != 0 ? l.capacity * 2 : 4;
    auto** grown = static_cast<PyTypeObject**>(PyObject_Realloc(l.items, room * sizeof(PyTypeObject*)));
    if (grown == nullptr) return raise_memory(ts);
    l.items = grown;
    l.capacity = room;
  }
  l.items[l.size++] = sub;
  return Status::kOk;
}

void subclass_remove(ThreadState& ts, PyTypeObject* base, PyTypeObject* sub) {
  TypeMutable* m = type_peek_mutable(ts.interpreter(), base);
  if (m == nullptr) return;
  SubclassList& l = m->subclasses;
  for (uint32_t i = l.size; i-- > 0;) {  // most die young
    if (l.items[i] != sub) continue;
    std::memmove(l.items + i, l.items + i + 1, (l.size - i - 1) * sizeof(PyTypeObject*));
    --l.size;
    return;
  }
}

Ref<> subclasses_list(ThreadState& ts, PyTypeObject* type, bool with_static) {
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  if (with_static && is_static_builtin(type)) {
    PyTypeObject* const* all = static_types_begin();
    for (int i = 0; i < static_types_count(); ++i) {
      PyObject* bases = all[i]->tp_bases;
      if (bases == nullptr) continue;
      for (Py_ssize_t k = 0; k < tuple_size(bases); ++k) {
        if (tuple_peek(bases, k) == obj(type) && failed(list_append(ts, list.get(), dup(obj(all[i]))))) return {};
      }
    }
  }
  TypeMutable* m = type_peek_mutable(ts.interpreter(), type);
  for (uint32_t i = 0; m != nullptr && i < m->subclasses.size; ++i) {
    PyObject* sub = obj(m->subclasses.items[i]);
    if (sub->ob_refcnt <= 0) continue;
    if (failed(list_append(ts, list.get(), dup(sub)))) return {};
  }
  return list;
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* _PyType_Lookup(PyTypeObject* type, PyObject* name) { return type_peek_lookup(current_thread(), type, name); }

PyObject* _PyType_LookupId(PyTypeObject* type, _Py_Identifier* id) {
  PyObject* name = _PyUnicode_FromId(id);
  return name == nullptr ? nullptr : type_peek_lookup(current_thread(), type, name);
}

void PyType_Modified(PyTypeObject* type) { type_modified(current_thread(), type); }

unsigned int PyType_ClearCache(void) {
  ThreadState& ts = current_thread();
  type_cache_clear(ts);
  uint32_t next = ts.interpreter().types.next_version;
  return next != 0 ? next - 1 : UINT32_MAX;
}
