// The set table: lookup, insertion, removal, growth.
//
// Open addressing in groups of four entries, one cache line each. A probe starts at the entry that the low bits of the
// hash name, visits the rest of its group, and goes on to further groups by an odd stride made from the upper bits, so that
// every group is reached. Small ints therefore stand in order. At most three fifths of the entries are in use.
// A removed entry keeps a marker (the dummy) until its place is taken again or the table is rebuilt.
//
// Eight entries stand in the object itself; larger tables come from the interpreter's heap.
//
// A comparison may run Python code, which may change the set: the lookup starts again when the table or the entry is no
// longer what it was.
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/set/internal.h"
#include "Objects/str/str.h"

namespace {
// Marks a removed entry. No one but tables ever points to it.
ATOLL_SEALED PyObject g_dummy = {atl::kImmortalRefcnt, &PyBaseObject_Type};
}  // namespace

ATOLL_SEALED PyObject* _PySet_Dummy = &g_dummy;

namespace atl {

namespace {

ATOLL_INLINE bool is_live(const setentry* e) { return e->key != nullptr && e->key != &g_dummy; }

// The order in which a table's entries are visited for a hash.
class ProbePath {
 public:
  ProbePath(size_t mask, Py_hash_t hash)
      : mask_(mask), start_(static_cast<size_t>(hash) & mask), hash_(static_cast<size_t>(hash)) {}
  size_t at() const { return start_ ^ in_group_; }
  ATOLL_INLINE void next() {
    if (++in_group_ < 4) return;
    in_group_ = 0;
    size_t stride = ((hash_ * 0x9e3779b97f4a7c15ull >> 37) | 1) * 4;
    start_ = (start_ + stride) & mask_;
  }

 private:
  size_t mask_;
  size_t start_;
  size_t hash_;
  unsigned in_group_ = 0;
};

struct Found {
  setentry* entry = nullptr;  // equal to the key, or NULL
  setentry* place = nullptr;  // otherwise where it would go
};

// False with an exception set.
bool find(ThreadState& ts, PySetObject* s, PyObject* key, Py_hash_t hash, Found* out) {
again:
  setentry* table = s->table;
  Py_ssize_t mask = s->mask;
  setentry* place = nullptr;
  bool key_is_str = is_exact_str(key);
  for (ProbePath path(static_cast<size_t>(mask), hash);; path.next()) {
    setentry* e = &table[path.at()];
    PyObject* there = e->key;
    if (there == nullptr) {
      out->entry = nullptr;
      out->place = place != nullptr ? place : e;
      return true;
    }
    if (there == key) {
      out->entry = e;
      return true;
    }
    if (there == &g_dummy) {
      if (place == nullptr) place = e;
      continue;
    }
    if (e->hash != hash) continue;
    if (key_is_str && is_exact_str(there)) {
      if (!str_equal(there, key)) continue;
      out->entry = e;
      return true;
    }
    if (is_exact_int(there) && is_exact_int(key)) {
      if (!int_equal(there, key)) continue;
      out->entry = e;
      return true;
    }
    Ref<> hold = dup(there);
    Tri same = object_richcompare_bool(ts, there, key, Py_EQ);
    if (failed(same)) return false;
    if (s->table != table || s->mask != mask || e->key != there) goto again;
    if (same == Tri::kTrue) {
      out->entry = e;
      return true;
    }
  }
}

// Puts an entry into a table that has room, no equal key and no dummies.
void put_fresh(setentry* table, size_t mask, PyObject* key, Py_hash_t hash) {
  ProbePath path(mask, hash);
  while (table[path.at()].key != nullptr) path.next();
  table[path.at()] = {key, hash};
}

Status rebuild(ThreadState& ts, PySetObject* s, Py_ssize_t want) {
  if (want > PY_SSIZE_T_MAX / 64) return raise_memory(ts);
  Py_ssize_t size = PySet_MINSIZE;
  while (size <= want) size *= 2;
  setentry* old = s->table;
  Py_ssize_t old_mask = s->mask;
  setentry saved[PySet_MINSIZE];
  setentry* fresh = s->smalltable;
  bool old_small = old == s->smalltable;
  if (size > PySet_MINSIZE) {
    fresh = static_cast<setentry*>(object_alloc(ts, static_cast<size_t>(size) * sizeof(setentry)));
    if (fresh == nullptr) return Status::kError;
  } else if (old_small) {
    std::memcpy(saved, s->smalltable, sizeof saved);
    old = saved;
  }
  std::memset(fresh, 0, static_cast<size_t>(size) * sizeof(setentry));
  for (Py_ssize_t i = 0; i <= old_mask; ++i) {
    if (is_live(&old[i])) put_fresh(fresh, static_cast<size_t>(size - 1), old[i].key, old[i].hash);
  }
  s->table = fresh;
  s->mask = size - 1;
  s->fill = s->used;
  if (!old_small) object_free(ts, old);
  return Status::kOk;
}

Status grow_if_full(ThreadState& ts, PySetObject* s) {
  if (ATOLL_LIKELY(s->fill * 5 < s->mask * 3)) return Status::kOk;
  return rebuild(ts, s, s->used > 50000 ? s->used * 2 : s->used * 4);
}

void reset(PySetObject* s) {
  std::memset(s->smalltable, 0, sizeof s->smalltable);
  s->fill = 0;
  s->used = 0;
  s->mask = PySet_MINSIZE - 1;
  s->table = s->smalltable;
  s->hash = -1;
  s->finger = 0;
}

// The whole of another set, into one that is empty: no comparison can be needed.
Status copy_into_empty(ThreadState& ts, PySetObject* to, PySetObject* from) {
  if (from->fill == from->used && (from->mask < PySet_MINSIZE || from->used * 5 > from->mask)) {
    // No dummies and not too much air: the table as it is.
    setentry* fresh = to->smalltable;
    if (from->mask >= PySet_MINSIZE) {
      fresh = static_cast<setentry*>(object_alloc(ts, static_cast<size_t>(from->mask + 1) * sizeof(setentry)));
      if (fresh == nullptr) return Status::kError;
    }
    if (to->table != to->smalltable) object_free(ts, to->table);
    for (Py_ssize_t i = 0; i <= from->mask; ++i) {
      fresh[i] = from->table[i];
      if (fresh[i].key != nullptr) incref(fresh[i].key);
    }
    to->table = fresh;
    to->mask = from->mask;
    to->used = to->fill = from->used;
    return Status::kOk;
  }
  if (failed(rebuild(ts, to, from->used * 5 / 3 + 1))) return Status::kError;
  for (Py_ssize_t i = 0; i <= from->mask; ++i) {
    const setentry* e = &from->table[i];
    if (is_live(e)) put_fresh(to->table, static_cast<size_t>(to->mask), new_ref(e->key), e->hash);
  }
  to->used = to->fill = from->used;
  return Status::kOk;
}

}  // namespace

PyObject* set_alloc(ThreadState& ts, PyTypeObject* type) {
  bool exact = type == &PySet_Type || type == &PyFrozenSet_Type;
  PyObject* o = exact ? new_object_sized(ts, type, sizeof(PySetObject)) : type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  reset(as_set(o));
  as_set(o)->weakreflist = nullptr;
  if (exact) track(ts, o);
  return o;
}

Status set_add_hash(ThreadState& ts, PyObject* o, PyObject* item, Py_hash_t hash) {
  PySetObject* s = as_set(o);
  Ref<> hold = dup(item);
  Found f;
  if (!find(ts, s, item, hash, &f)) return Status::kError;
  if (f.entry != nullptr) return Status::kOk;
  if (f.place->key == nullptr) ++s->fill;
  ++s->used;
  *f.place = {hold.release(), hash};
  return grow_if_full(ts, s);
}

Tri set_contains_hash(ThreadState& ts, PyObject* o, PyObject* item, Py_hash_t hash) {
  Found f;
  if (!find(ts, as_set(o), item, hash, &f)) return Tri::kError;
  return tri(f.entry != nullptr);
}

Tri set_discard_hash(ThreadState& ts, PyObject* o, PyObject* item, Py_hash_t hash) {
  PySetObject* s = as_set(o);
  Found f;
  if (!find(ts, s, item, hash, &f)) return Tri::kError;
  if (f.entry == nullptr) return Tri::kFalse;
  PyObject* old = f.entry->key;
  *f.entry = {&g_dummy, -1};
  --s->used;
  decref(old);
  return Tri::kTrue;
}

Status set_add(ThreadState& ts, PyObject* set, PyObject* item) {
  Py_hash_t hash;
  if (failed(object_hash(ts, item, &hash))) return Status::kError;
  return set_add_hash(ts, set, item, hash);
}

namespace {

// A set in the place of a hashable item stands for the frozenset with the same items; empty with the error kept when the
// trouble is another one.
Ref<> frozen_stand_in(ThreadState& ts, PyObject* item) {
  if (!is_any_set(item) || !error_clear_if(ts, PyExc_TypeError)) return {};
  return set_make(ts, &PyFrozenSet_Type, item);
}

}  // namespace

Tri set_contains(ThreadState& ts, PyObject* set, PyObject* item) {
  Py_hash_t hash;
  if (!failed(object_hash(ts, item, &hash))) return set_contains_hash(ts, set, item, hash);
  Ref<> frozen = frozen_stand_in(ts, item);
  return frozen ? set_contains_hash(ts, set, frozen.get(), set_content_hash(frozen.get())) : Tri::kError;
}

Tri set_discard(ThreadState& ts, PyObject* set, PyObject* item) {
  Py_hash_t hash;
  if (!failed(object_hash(ts, item, &hash))) return set_discard_hash(ts, set, item, hash);
  Ref<> frozen = frozen_stand_in(ts, item);
  return frozen ? set_discard_hash(ts, set, frozen.get(), set_content_hash(frozen.get())) : Tri::kError;
}

bool set_next(PyObject* o, Py_ssize_t* pos, PyObject** item, Py_hash_t* hash) {
  PySetObject* s = as_set(o);
  for (Py_ssize_t i = *pos; i <= s->mask; ++i) {
    setentry* e = &s->table[i];
    if (!is_live(e)) continue;
    *pos = i + 1;
    *item = e->key;
    if (hash != nullptr) *hash = e->hash;
    return true;
  }
  *pos = s->mask + 1;
  return false;
}

Status set_update(ThreadState& ts, PyObject* set, PyObject* iterable) {
  PyObject* item;
  Py_hash_t hash;
  Py_ssize_t pos = 0;
  if (is_any_set(iterable)) {
    if (iterable == set || set_size(iterable) == 0) return Status::kOk;
    PySetObject* s = as_set(set);
    if (s->fill == 0 && s->used == 0) return copy_into_empty(ts, s, as_set(iterable));
    if ((s->fill + set_size(iterable)) * 5 >= s->mask * 3) {
      if (failed(rebuild(ts, s, (s->used + set_size(iterable)) * 2))) return Status::kError;
    }
    while (set_next(iterable, &pos, &item, &hash)) {
      Ref<> hold = dup(item);
      if (failed(set_add_hash(ts, set, item, hash))) return Status::kError;
    }
    return Status::kOk;
  }
  if (is_exact_dict(iterable)) {
    PyObject* value;
    PySetObject* s = as_set(set);
    if ((s->fill + dict_size(iterable)) * 5 >= s->mask * 3) {
      if (failed(rebuild(ts, s, (s->used + dict_size(iterable)) * 2))) return Status::kError;
    }
    while (dict_next(iterable, &pos, &item, &value, &hash)) {
      Ref<> hold = dup(item);
      if (failed(set_add_hash(ts, set, item, hash))) return Status::kError;
    }
    return Status::kOk;
  }
  return for_each(ts, iterable, [&](PyObject* x) { return set_add(ts, set, x); });
}

void set_clear(ThreadState& ts, PyObject* o) {
  PySetObject* s = as_set(o);
  if (s->fill == 0 && s->table == s->smalltable) return;
  // The set is empty before the first item goes.
  setentry saved[PySet_MINSIZE];
  setentry* table = s->table;
  Py_ssize_t mask = s->mask;
  bool small = table == s->smalltable;
  if (small) {
    std::memcpy(saved, table, sizeof saved);
    table = saved;
  }
  reset(s);
  for (Py_ssize_t i = 0; i <= mask; ++i) {
    if (is_live(&table[i])) decref(table[i].key);
  }
  if (!small) object_free(ts, table);
}

// For a set that nobody can see any more.
void set_drop(ThreadState& ts, PyObject* o) {
  PySetObject* s = as_set(o);
  if (s->used != 0) {
    for (Py_ssize_t i = 0; i <= s->mask; ++i) {
      if (is_live(&s->table[i])) decref(s->table[i].key);
    }
  }
  if (s->table != s->smalltable) object_free(ts, s->table);
}

void set_swap(PyObject* x, PyObject* y) {
  PySetObject *a = as_set(x), *b = as_set(y);
  bool a_small = a->table == a->smalltable, b_small = b->table == b->smalltable;
  std::swap(a->fill, b->fill);
  std::swap(a->used, b->used);
  std::swap(a->mask, b->mask);
  std::swap(a->table, b->table);
  std::swap(a->smalltable, b->smalltable);
  if (b_small) a->table = a->smalltable;
  if (a_small) b->table = b->smalltable;
  if (is_frozenset(x) && is_frozenset(y)) {
    std::swap(a->hash, b->hash);
  } else {
    a->hash = b->hash = -1;
  }
}

Ref<> set_pop_any(PyObject* o) {
  PySetObject* s = as_set(o);
  if (s->used == 0) return {};
  // Goes on where the last one was found, so that emptying a set takes linear time.
  Py_ssize_t i = s->finger & s->mask;
  while (!is_live(&s->table[i])) i = (i + 1) & s->mask;
  Ref<> item = Ref<>::steal(s->table[i].key);
  s->table[i] = {&g_dummy, -1};
  --s->used;
  s->finger = i + 1;
  return item;
}

// The mix that collections.abc.Set._hash documents.
Py_hash_t set_content_hash(PyObject* o) {
  PySetObject* s = as_set(o);
  uint64_t h = 1927868237ull * (static_cast<uint64_t>(s->used) + 1);
  for (Py_ssize_t i = 0; i <= s->mask; ++i) {
    const setentry* e = &s->table[i];
    if (!is_live(e)) continue;
    auto item = static_cast<uint64_t>(e->hash);
    h ^= (item ^ (item << 16) ^ 89869747ull) * 3644798167ull;
  }
  h ^= (h >> 11) ^ (h >> 25);
  h = h * 69069 + 907133923ull;
  return h == UINT64_MAX ? 590923713 : static_cast<Py_hash_t>(h);
}

size_t set_table_bytes(PyObject* o) {
  PySetObject* s = as_set(o);
  return s->table == s->smalltable ? 0 : static_cast<size_t>(s->mask + 1) * sizeof(setentry);
}

int set_traverse_items(PyObject* o, visitproc visit, void* arg) {
  Py_ssize_t pos = 0;
  PyObject* item;
  while (set_next(o, &pos, &item)) Py_VISIT(item);
  return 0;
}

Ref<> set_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable) {
  Ref<> s = Ref<>::steal(set_alloc(ts, type));
  if (!s || (iterable != nullptr && failed(set_update(ts, s.get(), iterable)))) return {};
  return s;
}

Ref<> set_new(ThreadState& ts, PyObject* iterable) { return set_make(ts, &PySet_Type, iterable); }
Ref<> frozenset_new(ThreadState& ts, PyObject* iterable) { return set_make(ts, &PyFrozenSet_Type, iterable); }

}  // namespace atl
