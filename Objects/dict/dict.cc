// The dict table: lookup, insertion, deletion, growth.
//
// The index is open-addressed. A probe starts where the hash's low bits say, so that small ints stand in order, visits the
// rest of its group of eight slots, and goes on to other groups by an odd stride made of all bits: runs of neighbouring
// keys do not become runs of probes. An index slot holds an entry number, kFree or kDeleted. At most two
// thirds of the slots are ever in use. Entries are appended; a deleted one keeps its place (key and value NULL) until
// the table is rebuilt.
//
// A comparison may run Python code, which may change the dict: the lookup starts again when the keys object or the
// entry is no longer what it was.
#include "Objects/dict/dict.h"

#include <cstring>

#include "Objects/dict/internal.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/upcalls.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

constexpr Py_ssize_t kFree = -1;
constexpr Py_ssize_t kDeleted = -2;
constexpr int kMinLog2 = 3;

struct EmptyKeys {
  DictKeys keys;
  int8_t index[8];
};
// What every empty dict starts with. Nothing is ever written here: there is no room, so an insertion replaces it.
const EmptyKeys kEmptyKeys = {{kMinLog2, 1, kDictKeysStr, 1, 0, 0, 0}, {-1, -1, -1, -1, -1, -1, -1, -1}};

DictKeys* empty_keys() { return const_cast<DictKeys*>(&kEmptyKeys.keys); }

bool is_str_kind(const DictKeys* k) { return (k->kind & kDictKeysStr) != 0; }

// The value of an entry that is to be made. Nobody outside this file sees it.
ATOLL_SEALED PyObject g_unmade = {kImmortalRefcnt, &PyBaseObject_Type};
ATOLL_INLINE bool is_unmade(const PyObject* value) { return value == &g_unmade; }

ATOLL_INLINE size_t slot_mask(const DictKeys* k) { return (size_t{1} << k->log2_size) - 1; }

// The order in which an index is searched for a hash; it reaches every slot.
class ProbePath {
 public:
  ATOLL_INLINE ProbePath(const DictKeys* k, Py_hash_t hash)
      : mask_(slot_mask(k)), hash_(static_cast<uint64_t>(hash)), slot_((hash_ ^ (hash_ >> k->log2_size) * kSpread) & mask_) {}
  ATOLL_INLINE size_t at() const { return slot_; }
  ATOLL_INLINE void next() {
    slot_ = (slot_ & ~kInGroup) | ((slot_ + 1) & kInGroup);
    if (ATOLL_UNLIKELY(++visited_ == kGroup)) next_group();
  }

 private:
  static constexpr size_t kGroup = 8;
  static constexpr size_t kInGroup = kGroup - 1;
  static constexpr uint64_t kSpread = 0x9e3779b97f4a7c15ull;
  ATOLL_NOINLINE void next_group() {
    visited_ = 0;
    slot_ = (slot_ + ((hash_ * kSpread >> 40) | 1) * kGroup) & mask_;
  }
  size_t mask_;
  uint64_t hash_;
  size_t slot_;
  unsigned visited_ = 0;
};

ATOLL_INLINE Py_ssize_t index_get(const DictKeys* k, size_t slot) {
  const void* index = k + 1;
  switch (k->index_width) {
    case 1:
      return static_cast<const int8_t*>(index)[slot];
    case 2:
      return static_cast<const int16_t*>(index)[slot];
    case 4:
      return static_cast<const int32_t*>(index)[slot];
    default:
      return static_cast<Py_ssize_t>(static_cast<const int64_t*>(index)[slot]);
  }
}

ATOLL_INLINE void index_put(DictKeys* k, size_t slot, Py_ssize_t v) {
  void* index = k + 1;
  switch (k->index_width) {
    case 1:
      static_cast<int8_t*>(index)[slot] = static_cast<int8_t>(v);
      break;
    case 2:
      static_cast<int16_t*>(index)[slot] = static_cast<int16_t>(v);
      break;
    case 4:
      static_cast<int32_t*>(index)[slot] = static_cast<int32_t>(v);
      break;
    default:
      static_cast<int64_t*>(index)[slot] = v;
      break;
  }
}

Py_ssize_t usable_of(int log2) { return (Py_ssize_t{1} << log2) * 2 / 3; }
int width_of(int log2) { return log2 <= 7 ? 1 : log2 <= 15 ? 2 : log2 <= 31 ? 4 : 8; }

// The smallest table for n entries.
int log2_for(Py_ssize_t n) {
  int log2 = kMinLog2;
  while (usable_of(log2) < n) ++log2;
  return log2;
}

DictKeys* keys_new(ThreadState& ts, int log2, bool str_kind) {
  size_t index = (size_t{1} << log2) * static_cast<size_t>(width_of(log2));
  Py_ssize_t usable = usable_of(log2);
  size_t entry = str_kind ? sizeof(DictStrEntry) : sizeof(DictEntry);
  auto* k = static_cast<DictKeys*>(object_alloc(ts, sizeof(DictKeys) + index + static_cast<size_t>(usable) * entry));
  if (k == nullptr) return nullptr;
  k->log2_size = static_cast<uint8_t>(log2);
  k->index_width = static_cast<uint8_t>(width_of(log2));
  k->kind = str_kind ? kDictKeysStr : kDictKeysGeneral;
  k->lasting = 0;
  k->version = 0;
  k->usable = usable;
  k->count = 0;
  std::memset(k + 1, 0xff, index);
  return k;
}

// Gives the memory back; the entries' references are the caller's business.
void keys_free(ThreadState& ts, DictKeys* k) {
  if (k->lasting) return;
  // Sealed tables lie in the sealed arena and are never freed.
  if (k->kind & kDictKeysSealed) return;
  object_free(ts, k);
}

PyObject* entry_key(const DictKeys* k, Py_ssize_t i) {
  return is_str_kind(k) ? dict_str_entries(k)[i].key : dict_general_entries(k)[i].key;
}
PyObject** entry_value(const DictKeys* k, Py_ssize_t i) {
  return is_str_kind(k) ? &dict_str_entries(k)[i].value : &dict_general_entries(k)[i].value;
}
Py_hash_t entry_hash(const DictKeys* k, Py_ssize_t i) {
  return is_str_kind(k) ? str_hash(dict_str_entries(k)[i].key) : dict_general_entries(k)[i].hash;
}

void bump(ThreadState& ts, PyDictObject* d) { d->ma_version_tag = dict_next_version(ts); }

// An exact str in a table of exact strs: nothing can run.
ATOLL_INLINE Py_ssize_t find_str_in_str(const DictKeys* k, const PyObject* key, Py_hash_t hash, size_t* slot_out = nullptr) {
  const DictStrEntry* entries = dict_str_entries(k);
  for (ProbePath path(k, hash);; path.next()) {
    size_t slot = path.at();
    Py_ssize_t i = index_get(k, slot);
    if (i >= 0) {
      const PyObject* there = entries[i].key;
      if (there == key || (str_head(there)->hash == hash && str_equal(there, key))) {
        if (slot_out != nullptr) *slot_out = slot;
        return i;
      }
    } else if (i == kFree) {
      return kFree;
    }
  }
}

constexpr Py_ssize_t kFailed = -3;

// Any key in any table. kFailed with an exception set.
Py_ssize_t find_any(ThreadState& ts, PyDictObject* d, PyObject* key, Py_hash_t hash, size_t* slot_out = nullptr) {
  if (is_exact_str(key) && is_str_kind(d->ma_keys)) return find_str_in_str(d->ma_keys, key, hash, slot_out);
again:
  DictKeys* k = d->ma_keys;
  for (ProbePath path(k, hash);; path.next()) {
    size_t slot = path.at();
    Py_ssize_t i = index_get(k, slot);
    if (i == kFree) return kFree;
    if (i < 0) continue;
    PyObject* there = entry_key(k, i);
    if (there == key) {
      if (slot_out != nullptr) *slot_out = slot;
      return i;
    }
    if (entry_hash(k, i) != hash) continue;
    if (is_exact_int(there) && is_exact_int(key)) {
      if (!int_equal(there, key)) continue;
      if (slot_out != nullptr) *slot_out = slot;
      return i;
    }
    Ref<> hold = dup(there);
    Tri same = object_richcompare_bool(ts, there, key, Py_EQ);
    if (failed(same)) return kFailed;
    if (d->ma_keys != k || i >= k->count || entry_key(k, i) != there) goto again;
    if (same == Tri::kTrue) {
      if (slot_out != nullptr) *slot_out = slot;
      return i;
    }
  }
}

void append_index(DictKeys* k, Py_hash_t hash, Py_ssize_t entry) {
  ProbePath path(k, hash);
  while (index_get(k, path.at()) >= 0) path.next();
  index_put(k, path.at(), entry);
}

// A fresh table with the live entries of the old one. kind: str only when all keys are.
Status rebuild(ThreadState& ts, PyDictObject* d, int log2, bool str_kind) {
  DictKeys* old = d->ma_keys;
  DictKeys* k = keys_new(ts, log2, str_kind);
  if (k == nullptr) return Status::kError;
  Py_ssize_t n = 0;
  for (Py_ssize_t i = 0; i < old->count; ++i) {
    PyObject* value = *entry_value(old, i);
    if (value == nullptr) continue;
    PyObject* key = entry_key(old, i);
    Py_hash_t hash = entry_hash(old, i);
    if (str_kind) {
      dict_str_entries(k)[n] = {key, value};
    } else {
      dict_general_entries(k)[n] = {hash, key, value};
    }
    append_index(k, hash, n++);
  }
  k->count = n;
  k->usable -= n;
  k->kind |= old->kind & kDictKeysLazy;
  d->ma_keys = k;
  keys_free(ts, old);
  return Status::kOk;
}

// Twice the room when the entries are alive; less when most were deleted.
int growth_log2(const PyDictObject* d) { return log2_for(d->ma_used * 3 > 5 ? d->ma_used + d->ma_used / 2 + 1 : 5); }

ATOLL_INLINE void track_for(ThreadState& ts, PyDictObject* d, PyObject* key, PyObject* value) {
  if (gc_is_tracked(d)) return;
  // The dict of an extension's static type may be changed while its module comes up, but belongs to no interpreter.
  if ((may_be_tracked(value) || may_be_tracked(key)) && !is_immortal(obj(d))) track(ts, d);
}

Raised raise_sealed(ThreadState& ts) {
  return raise(ts, PyExc_TypeError, "this dict belongs to objects shared by all interpreters and can't be changed");
}

// Adds a key that is not there. Takes new references.
Status insert_new(ThreadState& ts, PyDictObject* d, PyObject* key, Py_hash_t hash, PyObject* value) {
  bool str_key = is_exact_str(key);
  if (ATOLL_UNLIKELY(d->ma_keys->usable == 0 || (is_str_kind(d->ma_keys) && !str_key))) {
    bool str_kind = str_key && is_str_kind(d->ma_keys);
    int log2 = d->ma_keys->usable == 0 ? growth_log2(d) : d->ma_keys->log2_size;
    if (failed(rebuild(ts, d, log2, str_kind))) return Status::kError;
  }
  DictKeys* k = d->ma_keys;
  Py_ssize_t n = k->count;
  incref(key);
  incref(value);
  if (is_str_kind(k)) {
    dict_str_entries(k)[n] = {key, value};
  } else {
    dict_general_entries(k)[n] = {hash, key, value};
  }
  append_index(k, hash, n);
  k->count = n + 1;
  --k->usable;
  k->version = 0;
  ++d->ma_used;
  track_for(ts, d, key, value);
  bump(ts, d);
  return Status::kOk;
}

// Makes the value of entry i, which is to be made. Borrowed; NULL: failed, or (without an exception) it is not to be had now.
ATOLL_NOINLINE PyObject* make_entry(ThreadState& ts, PyDictObject* d, Py_ssize_t i) {
  Ref<> hold = dup(obj(d));
  Ref<> key = dup(entry_key(d->ma_keys, i));
  Ref<> value = upcall_dict_make(ts, obj(d), key.get());
  if (!value && error_set(ts)) return nullptr;
  // Meanwhile the dict may have become another.
  i = find_any(ts, d, key.get(), str_hash(key.get()));
  if (i < 0) {
    if (i == kFree) (void)raise_key_error(ts, key.get());
    return nullptr;
  }
  PyObject** slot = entry_value(d->ma_keys, i);
  if (is_unmade(*slot)) {
    if (!value) return nullptr;
    *slot = value.release();
    track_for(ts, d, key.get(), *slot);
    bump(ts, d);
  }
  return *slot;
}

// The mutators' common beginning: the hash of a str or a small int without a call.
ATOLL_INLINE Status hash_of(ThreadState& ts, PyObject* key, Py_hash_t* hash) {
  if (is_exact_str(key)) {
    *hash = str_hash(key);
    return Status::kOk;
  }
  if (is_exact_int(key) && int_is_compact(key)) {
    *hash = int_compact_hash(key);
    return Status::kOk;
  }
  return object_hash(ts, key, hash);
}

}  // namespace

uint64_t dict_next_version(ThreadState& ts) {
  VersionCounters& v = ts.interpreter().versions;
  if (ATOLL_UNLIKELY(v.dict_version >= v.dict_version_end)) {
    constexpr uint64_t kBlock = uint64_t{1} << 32;
    uint64_t block = runtime().next_dict_version_block.fetch_add(1, std::memory_order_relaxed);
    v.dict_version = block * kBlock;
    v.dict_version_end = v.dict_version + kBlock;
  }
  return ++v.dict_version;
}

// ---- making ------------------------------------------------------------------------------------------------------

PyObject* dict_alloc(ThreadState& ts, PyTypeObject* type) {
  PyObject* o = type == &PyDict_Type ? new_object_sized(ts, type, sizeof(PyDictObject)) : type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  // Collectable once it holds something that can be part of a cycle.
  if (type != &PyDict_Type && gc_is_tracked(o)) untrack(o);
  PyDictObject* d = as_dict(o);
  d->ma_used = 0;
  d->ma_version_tag = dict_next_version(ts);
  d->ma_keys = empty_keys();
  d->ma_values = nullptr;
  if (type != &PyDict_Type) track(ts, o);
  return o;
}

Ref<> dict_new(ThreadState& ts) { return Ref<>::steal(dict_alloc(ts, &PyDict_Type)); }

Ref<> dict_new_presized(ThreadState& ts, Py_ssize_t n) {
  Ref<> d = dict_new(ts);
  if (!d || n <= 5) return d;
  DictKeys* k = keys_new(ts, log2_for(n), true);
  if (k == nullptr) return {};
  as_dict(d.get())->ma_keys = k;
  return d;
}

Ref<> dict_copy(ThreadState& ts, PyObject* o) {
  Ref<> copy = dict_new(ts);
  if (!copy) return {};
  if (dict_has_unmade(o) && failed(dict_make_all(ts, o))) return {};
  PyDictObject* from = as_dict(o);
  PyDictObject* to = as_dict(copy.get());
  if (from->ma_used == 0) return copy;
  DictKeys* old = from->ma_keys;
  bool str_kind = is_str_kind(old);
  if (from->ma_used == old->count && !(old->kind & (kDictKeysSealed | kDictKeysLazy))) {
    // No holes: the table as it is.
    DictKeys* k = keys_new(ts, old->log2_size, str_kind);
    if (k == nullptr) return {};
    size_t index = (size_t{1} << old->log2_size) * old->index_width;
    size_t entry = str_kind ? sizeof(DictStrEntry) : sizeof(DictEntry);
    std::memcpy(k + 1, old + 1, index + static_cast<size_t>(old->count) * entry);
    k->count = old->count;
    k->usable = old->usable;
    to->ma_keys = k;
  } else {
    DictKeys* k = keys_new(ts, log2_for(from->ma_used), str_kind);
    if (k == nullptr) return {};
    Py_ssize_t n = 0;
    for (Py_ssize_t i = 0; i < old->count; ++i) {
      PyObject* value = *entry_value(old, i);
      if (value == nullptr || is_unmade(value)) continue;
      Py_hash_t hash = entry_hash(old, i);
      if (str_kind) {
        dict_str_entries(k)[n] = {entry_key(old, i), value};
      } else {
        dict_general_entries(k)[n] = {hash, entry_key(old, i), value};
      }
      append_index(k, hash, n++);
    }
    k->count = n;
    k->usable -= n;
    to->ma_keys = k;
  }
  to->ma_used = to->ma_keys->count;
  DictKeys* k = to->ma_keys;
  for (Py_ssize_t i = 0; i < k->count; ++i) {
    incref(entry_key(k, i));
    incref(*entry_value(k, i));
  }
  if (gc_is_tracked(o)) track(ts, to);
  return copy;
}

// ---- looking up --------------------------------------------------------------------------------------------------

PyObject* dict_peek_hash(ThreadState& ts, PyObject* o, PyObject* key, Py_hash_t hash) {
  PyDictObject* d = as_dict(o);
  Py_ssize_t i = find_any(ts, d, key, hash);
  if (i < 0) return nullptr;
  PyObject* value = *entry_value(d->ma_keys, i);
  return ATOLL_UNLIKELY(is_unmade(value)) ? make_entry(ts, d, i) : value;
}

PyObject* dict_peek(ThreadState& ts, PyObject* o, PyObject* key) {
  Py_hash_t hash;
  if (failed(hash_of(ts, key, &hash))) return nullptr;
  return dict_peek_hash(ts, o, key, hash);
}

PyObject* dict_peek_str(PyObject* o, PyObject* name) {
  DictKeys* k = dict_keys_of(o);
  Py_hash_t hash = str_hash(name);
  if (ATOLL_LIKELY(is_str_kind(k))) {
    Py_ssize_t i = find_str_in_str(k, name, hash);
    if (i < 0) return nullptr;
    PyObject* value = dict_str_entries(k)[i].value;
    return ATOLL_UNLIKELY(is_unmade(value)) ? make_entry(current_thread(), as_dict(o), i) : value;
  }
  // A mixed table: exact strs compare without code; other keys of the same hash can't be asked here.
  const DictEntry* entries = dict_general_entries(k);
  for (ProbePath path(k, hash);; path.next()) {
    Py_ssize_t i = index_get(k, path.at());
    if (i == kFree) return nullptr;
    if (i < 0) continue;
    PyObject* there = entries[i].key;
    if (there == name || (entries[i].hash == hash && is_exact_str(there) && str_equal(there, name))) {
      return ATOLL_UNLIKELY(is_unmade(entries[i].value)) ? make_entry(current_thread(), as_dict(o), i) : entries[i].value;
    }
  }
}

Status dict_lookup(ThreadState& ts, PyObject* d, PyObject* key, Ref<>* out) {
  PyObject* v = dict_peek(ts, d, key);
  if (v != nullptr) {
    *out = dup(v);
    return Status::kOk;
  }
  out->reset();
  return error_set(ts) ? Status::kError : Status::kOk;
}

Tri dict_contains_hash(ThreadState& ts, PyObject* d, PyObject* key, Py_hash_t hash) {
  Py_ssize_t i = find_any(ts, as_dict(d), key, hash);
  return i == kFailed ? Tri::kError : tri(i >= 0);
}
Tri dict_contains(ThreadState& ts, PyObject* d, PyObject* key) {
  Py_hash_t hash;
  return failed(hash_of(ts, key, &hash)) ? Tri::kError : dict_contains_hash(ts, d, key, hash);
}

// ---- changing ----------------------------------------------------------------------------------------------------

Status dict_set_hash(ThreadState& ts, PyObject* o, PyObject* key, Py_hash_t hash, PyObject* value) {
  PyDictObject* d = as_dict(o);
  if (ATOLL_UNLIKELY(d->ma_keys->kind & kDictKeysSealed)) return raise_sealed(ts);
  Ref<> hold_key = dup(key);
  Ref<> hold_value = dup(value);
  Py_ssize_t i = find_any(ts, d, key, hash);
  if (i == kFailed) return Status::kError;
  if (i < 0) return insert_new(ts, d, key, hash, value);
  PyObject** slot = entry_value(d->ma_keys, i);
  if (*slot == value) return Status::kOk;
  PyObject* old = std::exchange(*slot, hold_value.release());
  track_for(ts, d, key, value);
  bump(ts, d);
  decref(old);
  return Status::kOk;
}

Status dict_set(ThreadState& ts, PyObject* d, PyObject* key, PyObject* value) {
  Py_hash_t hash;
  if (failed(hash_of(ts, key, &hash))) return Status::kError;
  return dict_set_hash(ts, d, key, hash, value);
}

Status dict_set(ThreadState& ts, PyObject* d, const char* key, PyObject* value) {
  Ref<> name = str_interned(ts, key);
  return name ? dict_set(ts, d, name.get(), value) : Status::kError;
}

namespace {

// Takes entry i (found in index slot `slot`) out; its references go to the caller.
void take_entry(ThreadState& ts, PyDictObject* d, Py_ssize_t i, size_t slot, PyObject** key, PyObject** value) {
  DictKeys* k = d->ma_keys;
  index_put(k, slot, kDeleted);
  if (is_str_kind(k)) {
    DictStrEntry& e = dict_str_entries(k)[i];
    *key = std::exchange(e.key, nullptr);
    *value = std::exchange(e.value, nullptr);
  } else {
    DictEntry& e = dict_general_entries(k)[i];
    *key = std::exchange(e.key, nullptr);
    *value = std::exchange(e.value, nullptr);
  }
  --d->ma_used;
  k->version = 0;
  bump(ts, d);
}

// The index slot that holds entry i.
size_t slot_of_entry(DictKeys* k, Py_ssize_t i) {
  ProbePath path(k, entry_hash(k, i));
  while (index_get(k, path.at()) != i) path.next();
  return path.at();
}

}  // namespace

Status dict_pop_hash(ThreadState& ts, PyObject* o, PyObject* key, Py_hash_t hash, Ref<>* out) {
  PyDictObject* d = as_dict(o);
  out->reset();
  if (d->ma_keys->kind & kDictKeysSealed) return raise_sealed(ts);
  size_t slot = 0;
  Py_ssize_t i = find_any(ts, d, key, hash, &slot);
  if (i == kFailed) return Status::kError;
  if (i < 0) return Status::kOk;
  if (ATOLL_UNLIKELY(is_unmade(*entry_value(d->ma_keys, i)))) {
    if (make_entry(ts, d, i) == nullptr && error_set(ts)) return Status::kError;
    i = find_any(ts, d, key, hash, &slot);
    if (i < 0) return i == kFailed ? Status::kError : Status::kOk;
  }
  PyObject *old_key, *old_value;
  take_entry(ts, d, i, slot, &old_key, &old_value);
  *out = Ref<>::steal(old_value);
  decref(old_key);
  return Status::kOk;
}

Status dict_pop(ThreadState& ts, PyObject* d, PyObject* key, Ref<>* out) {
  if (dict_size(d) == 0) {
    out->reset();
    return Status::kOk;
  }
  Py_hash_t hash;
  if (failed(hash_of(ts, key, &hash))) return Status::kError;
  return dict_pop_hash(ts, d, key, hash, out);
}

Status dict_del(ThreadState& ts, PyObject* d, PyObject* key) {
  Py_hash_t hash;
  if (failed(hash_of(ts, key, &hash))) return Status::kError;
  Ref<> old;
  if (failed(dict_pop_hash(ts, d, key, hash, &old))) return Status::kError;
  return old ? Status::kOk : Status(raise_key_error(ts, key));
}

bool dict_pop_last(ThreadState& ts, PyObject* o, Ref<>* key, Ref<>* value) {
  PyDictObject* d = as_dict(o);
  if (dict_has_unmade(o) && failed(dict_make_all(ts, o))) error_clear(ts);  // what can't be made goes as it is
  DictKeys* k = d->ma_keys;
  Py_ssize_t i = k->count - 1;
  while (i >= 0 && *entry_value(k, i) == nullptr) --i;
  if (i < 0) return false;
  PyObject *old_key, *old_value;
  take_entry(ts, d, i, slot_of_entry(k, i), &old_key, &old_value);
  // Trailing holes go, so that popping one after the other stays linear; their room comes back with the next rebuild.
  k->count = i;
  *key = Ref<>::steal(old_key);
  *value = Ref<>::steal(old_value);
  return true;
}

PyObject* dict_peek_setdefault(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value) {
  PyDictObject* d = as_dict(o);
  Py_hash_t hash;
  if (failed(hash_of(ts, key, &hash))) return nullptr;
  Py_ssize_t i = find_any(ts, d, key, hash);
  if (i == kFailed) return nullptr;
  if (i >= 0) {
    PyObject* there = *entry_value(d->ma_keys, i);
    return ATOLL_UNLIKELY(is_unmade(there)) ? make_entry(ts, d, i) : there;
  }
  if (d->ma_keys->kind & kDictKeysSealed) return raise_sealed(ts);
  return failed(insert_new(ts, d, key, hash, value)) ? nullptr : value;
}

void dict_drop_entries(ThreadState& ts, DictKeys* k) {
  if (k == empty_keys()) return;
  for (Py_ssize_t i = 0; i < k->count; ++i) {
    PyObject* value = *entry_value(k, i);
    if (value == nullptr) continue;
    decref(entry_key(k, i));
    decref(value);
  }
  keys_free(ts, k);
}

void dict_clear(ThreadState& ts, PyObject* o) {
  PyDictObject* d = as_dict(o);
  DictKeys* old = d->ma_keys;
  if (old->kind & kDictKeysSealed) return;
  if (old == empty_keys()) return;
  d->ma_keys = empty_keys();
  d->ma_used = 0;
  bump(ts, d);
  dict_drop_entries(ts, old);
}

// ---- merging -----------------------------------------------------------------------------------------------------

namespace {

enum class OnDuplicate { kReplace, kKeep, kFail };

Status put_merged(ThreadState& ts, PyObject* to, PyObject* key, Py_hash_t hash, PyObject* value, OnDuplicate rule) {
  if (rule != OnDuplicate::kReplace) {
    PyObject* there = dict_peek_hash(ts, to, key, hash);
    if (there != nullptr) return rule == OnDuplicate::kFail ? Status(raise_key_error(ts, key)) : Status::kOk;
    if (error_set(ts)) return Status::kError;
  }
  return dict_set_hash(ts, to, key, hash, value);
}

Status merge(ThreadState& ts, PyObject* to, PyObject* from, OnDuplicate rule) {
  if (dict_is_sealed(to)) return raise_sealed(ts);
  if (is_dict(from) && from->ob_type->tp_iter == PyDict_Type.tp_iter) {
    if (from == to || dict_size(from) == 0) return Status::kOk;
    if (dict_has_unmade(from) && failed(dict_make_all(ts, from))) return Status::kError;
    PyDictObject* d = as_dict(to);
    DictKeys* k = dict_keys_of(from);
    if (d->ma_used == 0 && d->ma_keys == empty_keys() && is_exact_dict(from)) {
      Ref<> copy = dict_copy(ts, from);
      if (!copy) return Status::kError;
      std::swap(d->ma_keys, as_dict(copy.get())->ma_keys);
      std::swap(d->ma_used, as_dict(copy.get())->ma_used);
      if (gc_is_tracked(copy.get()) && !gc_is_tracked(d)) track(ts, d);
      bump(ts, d);
      return Status::kOk;
    }
    // Room for all at once.
    if (d->ma_keys->usable < dict_size(from)) {
      bool str_kind = is_str_kind(d->ma_keys) && is_str_kind(k);
      if (failed(rebuild(ts, d, log2_for(d->ma_used + dict_size(from)), str_kind))) return Status::kError;
    }
    Py_ssize_t before = dict_size(from);
    for (Py_ssize_t i = 0; i < dict_keys_of(from)->count; ++i) {
      k = dict_keys_of(from);
      PyObject* value = *entry_value(k, i);
      if (value == nullptr || is_unmade(value)) continue;
      Ref<> hold_key = dup(entry_key(k, i));
      Ref<> hold_value = dup(value);
      if (failed(put_merged(ts, to, hold_key.get(), entry_hash(k, i), value, rule))) return Status::kError;
      if (dict_size(from) != before) return raise(ts, PyExc_RuntimeError, "dict mutated during update");
    }
    return Status::kOk;
  }
  Ref<> keys = call_method(ts, from, ID(keys));
  if (!keys) return Status::kError;
  return for_each(ts, keys.get(), [&](PyObject* key) {
    Ref<> value = object_getitem(ts, from, key);
    if (!value) return Status::kError;
    Py_hash_t hash;
    if (failed(hash_of(ts, key, &hash))) return Status::kError;
    return put_merged(ts, to, key, hash, value.get(), rule);
  });
}

}  // namespace

Status dict_merge(ThreadState& ts, PyObject* d, PyObject* mapping, bool override_existing) {
  return merge(ts, d, mapping, override_existing ? OnDuplicate::kReplace : OnDuplicate::kKeep);
}
Status dict_merge_unique(ThreadState& ts, PyObject* d, PyObject* mapping) { return merge(ts, d, mapping, OnDuplicate::kFail); }

// ---- walking -----------------------------------------------------------------------------------------------------

bool dict_next(PyObject* o, Py_ssize_t* pos, PyObject** key, PyObject** value, Py_hash_t* hash) {
  Py_ssize_t i = *pos;
  if (i < 0) return false;
  if (ATOLL_UNLIKELY(dict_has_unmade(o)) && i == 0 && failed(dict_make_all(current_thread(), o))) {
    // There is no way to say so: what can't be made is passed over.
    write_unraisable(current_thread(), o);
  }
  DictKeys* k = dict_keys_of(o);
  while (i < k->count && (*entry_value(k, i) == nullptr || is_unmade(*entry_value(k, i)))) ++i;
  *pos = i + 1;
  if (i >= k->count) return false;
  if (key != nullptr) *key = entry_key(k, i);
  if (value != nullptr) *value = *entry_value(k, i);
  if (hash != nullptr) *hash = entry_hash(k, i);
  return true;
}

bool dict_previous(PyObject* o, Py_ssize_t* pos, PyObject** key, PyObject** value) {
  DictKeys* k = dict_keys_of(o);
  Py_ssize_t i = *pos < k->count ? *pos : k->count - 1;
  while (i >= 0 && (*entry_value(k, i) == nullptr || is_unmade(*entry_value(k, i)))) --i;
  *pos = i - 1;
  if (i < 0) return false;
  *key = entry_key(k, i);
  *value = *entry_value(k, i);
  return true;
}

namespace {
// which: 0 keys, 1 values, 2 items. The list is made first: that may run a collection, but nothing afterwards can.
Ref<> as_list(ThreadState& ts, PyObject* d, int which) {
  if (dict_has_unmade(d) && failed(dict_make_all(ts, d))) return {};
  Py_ssize_t n = dict_size(d);
  Ref<> list = list_new(ts, n);
  if (!list) return {};
  Py_ssize_t pos = 0, at = 0;
  PyObject *key, *value;
  while (at < n && dict_next(d, &pos, &key, &value)) {
    Ref<> item = which == 0 ? dup(key) : which == 1 ? dup(value) : tuple_of(ts, key, value);
    if (!item) {
      for (; at < n; ++at) list_items(list.get())[at] = new_ref(Py_None);
      return {};
    }
    list_items(list.get())[at++] = item.release();
  }
  if (at < n) {
    // Values that are just being made, by this thread.
    for (Py_ssize_t i = at; i < n; ++i) list_items(list.get())[i] = new_ref(Py_None);
    if (failed(list_set_slice(ts, list.get(), at, n, nullptr))) return {};
  }
  return list;
}
}  // namespace

Ref<> dict_keys_list(ThreadState& ts, PyObject* d) { return as_list(ts, d, 0); }
Ref<> dict_values_list(ThreadState& ts, PyObject* d) { return as_list(ts, d, 1); }
Ref<> dict_items_list(ThreadState& ts, PyObject* d) { return as_list(ts, d, 2); }

// ---- for caches --------------------------------------------------------------------------------------------------

namespace {
DictKeys* versioned_keys(PyObject* o) {
  DictKeys* k = dict_keys_of(o);
  return !is_str_kind(k) || k->lasting || (k->kind & kDictKeysSealed) ? nullptr : k;
}
}  // namespace

uint32_t dict_keys_version(ThreadState& ts, PyObject* o) {
  DictKeys* k = versioned_keys(o);
  if (k == nullptr) return 0;
  if (k->version != 0) return k->version;
  uint32_t& last = ts.interpreter().versions.keys_version;
  if (last < kKeysVersionsOfBuiltins) last = kKeysVersionsOfBuiltins;
  if (last == UINT32_MAX) return 0;
  k->version = ++last;
  return k->version;
}

uint16_t dict_keys_builtins_version(ThreadState& ts, PyObject* o) {
  DictKeys* k = versioned_keys(o);
  if (k == nullptr) return 0;
  if (k->version == 0 || k->version > kKeysVersionsOfBuiltins) {
    uint32_t& last = ts.interpreter().versions.builtins_version;
    if (last == kKeysVersionsOfBuiltins) return 0;
    k->version = ++last;
  }
  return static_cast<uint16_t>(k->version);
}

Py_ssize_t dict_str_index(PyObject* o, PyObject* name) {
  DictKeys* k = dict_keys_of(o);
  return is_str_kind(k) ? find_str_in_str(k, name, str_hash(name)) : -1;
}

// ---- values to be made -------------------------------------------------------------------------------------------

Status dict_set_unmade(ThreadState& ts, PyObject* o, PyObject* name) {
  PyObject* value = &g_unmade;
  asm("" : "+r"(value));  // any object: nothing is concluded from where it lies
  if (failed(dict_set(ts, o, name, value))) return Status::kError;
  DictKeys* k = dict_keys_of(o);
  k->kind |= kDictKeysLazy;
  k->version = 0;  // caches read entries without looking at what they hold
  return Status::kOk;
}

Status dict_make_all(ThreadState& ts, PyObject* o) {
  PyDictObject* d = as_dict(o);
  bool left = false;
  for (Py_ssize_t i = 0; i < d->ma_keys->count; ++i) {
    const DictKeys* k = d->ma_keys;
    if (!is_unmade(*entry_value(k, i))) continue;
    if (make_entry(ts, d, i) == nullptr) {
      if (error_set(ts)) return Status::kError;
      left = true;
    }
    if (d->ma_keys != k) i = -1;  // built anew meanwhile
  }
  if (!left && d->ma_keys->count != 0) d->ma_keys->kind &= static_cast<uint8_t>(~kDictKeysLazy);
  return Status::kOk;
}

namespace {
PyObject** find_value_slot(PyObject* o, PyObject* name) {
  DictKeys* k = dict_keys_of(o);
  if (!is_str_kind(k)) {
    for (Py_ssize_t i = 0; i < k->count; ++i) {
      PyObject* key = entry_key(k, i);
      if (key != nullptr && (key == name || (is_exact_str(key) && str_equal(key, name)))) return entry_value(k, i);
    }
    return nullptr;
  }
  Py_ssize_t i = find_str_in_str(k, name, str_hash(name));
  return i < 0 ? nullptr : entry_value(k, i);
}
}  // namespace

PyObject* dict_peek_made(PyObject* o, PyObject* name) {
  PyObject** slot = find_value_slot(o, name);
  return slot != nullptr && !is_unmade(*slot) ? *slot : nullptr;
}
bool dict_is_unmade(PyObject* o, PyObject* name) {
  if (!dict_has_unmade(o)) return false;
  PyObject** slot = find_value_slot(o, name);
  return slot != nullptr && is_unmade(*slot);
}
Status dict_make_with(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value) {
  return dict_is_unmade(o, name) ? dict_set(ts, o, name, value) : Status::kOk;
}
bool dict_next_made(PyObject* o, Py_ssize_t* pos, PyObject** key, PyObject** value) {
  DictKeys* k = dict_keys_of(o);
  Py_ssize_t i = *pos;
  while (i < k->count && (*entry_value(k, i) == nullptr || is_unmade(*entry_value(k, i)))) ++i;
  *pos = i + 1;
  if (i >= k->count) return false;
  *key = entry_key(k, i);
  *value = *entry_value(k, i);
  return true;
}

DictKeys* dict_make_template(PyObject* o) {
  const DictKeys* old = dict_keys_of(o);
  if (!is_str_kind(old)) return nullptr;
  // Some room for what programs put there.
  int log2 = log2_for(as_dict(o)->ma_used + 4);
  size_t index = (size_t{1} << log2) * static_cast<size_t>(width_of(log2));
  auto* k = static_cast<DictKeys*>(sealed_alloc(sizeof(DictKeys) + index + static_cast<size_t>(as_dict(o)->ma_used) * sizeof(DictStrEntry)));
  if (k == nullptr) return nullptr;
  k->log2_size = static_cast<uint8_t>(log2);
  k->index_width = static_cast<uint8_t>(width_of(log2));
  k->kind = kDictKeysStr | kDictKeysLazy;
  k->usable = usable_of(log2);
  std::memset(k + 1, 0xff, index);
  for (Py_ssize_t i = 0; i < old->count; ++i) {
    const DictStrEntry& e = dict_str_entries(old)[i];
    if (e.value == nullptr) continue;
    PyObject* key = str_shared_name(e.key);
    if (key == nullptr) return nullptr;
    dict_str_entries(k)[k->count] = {key, is_immortal(e.value) ? e.value : &g_unmade};
    append_index(k, str_hash(key), k->count++);
    --k->usable;
  }
  return k;
}

Ref<> dict_from_template(ThreadState& ts, const DictKeys* from) {
  Ref<> d = dict_new(ts);
  DictKeys* k = d ? keys_new(ts, from->log2_size, true) : nullptr;
  if (k == nullptr) return {};
  size_t index = (size_t{1} << from->log2_size) * from->index_width;
  // Keys and values that are there are immortal: nothing is counted.
  std::memcpy(static_cast<void*>(k), from, sizeof(DictKeys) + index + static_cast<size_t>(from->count) * sizeof(DictStrEntry));
  as_dict(d.get())->ma_keys = k;
  as_dict(d.get())->ma_used = k->count;
  track(ts, d.get());
  return d;
}

Status dict_reset_to_template(ThreadState& ts, PyObject* o, const DictKeys* keys) {
  Ref<> fresh = dict_from_template(ts, keys);
  if (!fresh) return Status::kError;
  std::swap(as_dict(o)->ma_keys, as_dict(fresh.get())->ma_keys);
  std::swap(as_dict(o)->ma_used, as_dict(fresh.get())->ma_used);
  bump(ts, as_dict(o));
  return Status::kOk;
}

Status dict_drop_unmade(ThreadState& ts, PyObject* o) {
  DictKeys* k = dict_keys_of(o);
  if (!(k->kind & kDictKeysLazy)) return Status::kOk;
  for (Py_ssize_t i = 0; i < k->count; ++i) {
    PyObject** value = entry_value(k, i);
    if (*value != nullptr && is_unmade(*value)) *value = Py_None;  // immortal
  }
  k->kind &= static_cast<uint8_t>(~kDictKeysLazy);
  bump(ts, as_dict(o));
  return Status::kOk;
}

void dict_seal(PyObject* o) {
  PyDictObject* d = as_dict(o);
  if (d->ma_keys == empty_keys()) {
    // The marker needs a table of the dict's own.
    ThreadState& ts = current_thread();
    DictKeys* k = keys_new(ts, kMinLog2, true);
    ATOLL_ENSURE(k != nullptr);
    d->ma_keys = k;
  }
  d->ma_keys->kind |= kDictKeysSealed;
}

bool dict_make_sealed_copy(PyObject* o) {
  // Keys of a shared dict may not lie in an interpreter's heap.
  PyDictObject* d = as_dict(o);
  DictKeys* old = d->ma_keys;
  size_t index = (size_t{1} << old->log2_size) * old->index_width;
  size_t entry = is_str_kind(old) ? sizeof(DictStrEntry) : sizeof(DictEntry);
  size_t size = sizeof(DictKeys) + index + static_cast<size_t>(old->count) * entry;
  auto* k = static_cast<DictKeys*>(sealed_alloc(size));
  if (k == nullptr) return false;
  std::memcpy(k, old, size);
  k->usable = 0;
  k->lasting = 1;
  k->kind |= kDictKeysSealed;
  d->ma_keys = k;
  if (!old->lasting) object_free(current_thread(), old);
  return true;
}

size_t dict_table_bytes(PyObject* o) {
  DictKeys* k = dict_keys_of(o);
  if (k == empty_keys()) return 0;
  size_t index = (size_t{1} << k->log2_size) * k->index_width;
  size_t entry = is_str_kind(k) ? sizeof(DictStrEntry) : sizeof(DictEntry);
  return sizeof(DictKeys) + index + static_cast<size_t>(k->usable + k->count) * entry;
}

void upcall_gc_untrack_dict(PyObject* o) {
  if (!is_exact_dict(o) || !gc_is_tracked(o)) return;
  DictKeys* k = dict_keys_of(o);
  for (Py_ssize_t i = 0; i < k->count; ++i) {
    PyObject* value = *entry_value(k, i);
    if (value == nullptr) continue;
    if (may_be_tracked(value) || (!is_str_kind(k) && may_be_tracked(entry_key(k, i)))) return;
  }
  untrack(o);
}

int dict_traverse_entries(PyObject* o, visitproc visit, void* arg) {
  DictKeys* k = dict_keys_of(o);
  for (Py_ssize_t i = 0; i < k->count; ++i) {
    PyObject* value = *entry_value(k, i);
    if (value == nullptr || is_unmade(value)) continue;
    Py_VISIT(value);
    if (!is_str_kind(k)) Py_VISIT(entry_key(k, i));
  }
  return 0;
}

}  // namespace atl
