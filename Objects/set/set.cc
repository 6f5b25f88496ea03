// set, frozenset and their iterator as Python sees them, and the C API. The table is in table.cc.
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/set/internal.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"

namespace atl {

namespace {

using Self = PySetObject;

// What operations on instances of subclasses give: the built-in type itself.
PyTypeObject* base_type(PyObject* o) { return is_frozenset(o) ? &PyFrozenSet_Type : &PySet_Type; }
Ref<> copy_as_base(ThreadState& ts, PyObject* o) { return set_make(ts, base_type(o), o); }

void set_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  if (as_set(o)->weakreflist != nullptr) PyObject_ClearWeakRefs(o);
  set_drop(ts, o);
  if (o->ob_type == &PySet_Type || o->ob_type == &PyFrozenSet_Type) {
    free_object(ts, o);
  } else {
    o->ob_type->tp_free(o);
  }
  trashcan_end(ts);
}

int set_clear_slot(PyObject* o) {
  set_clear(current_thread(), o);
  return 0;
}

// ---- making ------------------------------------------------------------------------------------------------------

bool at_most_one(ThreadState& ts, const char* name, Py_ssize_t n, bool keywords) {
  if (keywords) {
    (void)raise(ts, PyExc_TypeError, "%s() takes no keyword arguments", name);
    return false;
  }
  if (n <= 1) return true;
  (void)raise(ts, PyExc_TypeError, "%s expected at most 1 argument, got %zd", name, n);
  return false;
}

PyObject* set_tp_new(PyTypeObject* type, PyObject*, PyObject*) { return set_alloc(current_thread(), type); }

int set_init(PyObject* o, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (!at_most_one(ts, "set", tuple_size(args), kwargs != nullptr && dict_size(kwargs) != 0)) return -1;
  set_clear(ts, o);
  as_set(o)->hash = -1;
  return tuple_size(args) == 0 ? 0 : static_cast<int>(set_update(ts, o, tuple_peek(args, 0)));
}

PyObject* set_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (!at_most_one(ts, "set", n, kwnames != nullptr && tuple_size(kwnames) != 0)) return nullptr;
  return set_make(ts, reinterpret_cast<PyTypeObject*>(type), n == 1 ? args[0] : nullptr).release();
}

// An exact frozenset is its own copy.
Ref<> frozenset_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable) {
  if (type == &PyFrozenSet_Type && iterable != nullptr && is_exact(iterable, &PyFrozenSet_Type)) return dup(iterable);
  return set_make(ts, type, iterable);
}

PyObject* frozenset_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  // A subclass with an __init__ of its own may take keywords.
  bool own_init = type->tp_init != PyFrozenSet_Type.tp_init;
  if (!at_most_one(ts, "frozenset", tuple_size(args), !own_init && kwargs != nullptr && dict_size(kwargs) != 0)) return nullptr;
  return frozenset_make(ts, type, tuple_size(args) == 1 ? tuple_peek(args, 0) : nullptr).release();
}

PyObject* frozenset_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (!at_most_one(ts, "frozenset", n, kwnames != nullptr && tuple_size(kwnames) != 0)) return nullptr;
  return frozenset_make(ts, reinterpret_cast<PyTypeObject*>(type), n == 1 ? args[0] : nullptr).release();
}

// ---- text, hash, comparison --------------------------------------------------------------------------------------

Ref<> set_repr(ThreadState& ts, PyObject* o) {
  const char* name = o->ob_type->tp_name;
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_format(ts, "%s(...)", name) : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  if (set_size(o) == 0) return str_format(ts, "%s()", name);
  // A list first: showing an item may change the set.
  Ref<> items = list_from_iterable(ts, o);
  if (!items) return {};
  StrWriter w(ts);
  bool plain = is_exact(o, &PySet_Type);
  if (!plain) {
    Ref<> head = str_format(ts, "%s(", name);
    if (!head || failed(w.write(head.get()))) return {};
  }
  if (failed(w.put('{'))) return {};
  for (Py_ssize_t i = 0; i < list_size(items.get()); ++i) {
    if (i != 0 && failed(w.write_ascii(", "))) return {};
    if (failed(w.write_repr(list_items(items.get())[i]))) return {};
  }
  if (failed(w.write_ascii(plain ? "}" : "})"))) return {};
  return w.finish();
}

Py_hash_t frozenset_hash(ThreadState&, PyObject* o) {
  Py_hash_t h = as_set(o)->hash;
  return h != -1 ? h : (as_set(o)->hash = set_content_hash(o));
}

// Are all items of a in b? Both are sets.
Tri is_subset(ThreadState& ts, PyObject* a, PyObject* b) {
  if (set_size(a) > set_size(b)) return Tri::kFalse;
  Py_ssize_t pos = 0;
  PyObject* item;
  Py_hash_t hash;
  while (set_next(a, &pos, &item, &hash)) {
    Ref<> hold = dup(item);
    Tri there = set_contains_hash(ts, b, item, hash);
    if (there != Tri::kTrue) return there;
  }
  return Tri::kTrue;
}

Ref<> to_bool(Tri t) { return failed(t) ? Ref<>() : new_bool(t == Tri::kTrue); }

Tri sets_equal(ThreadState& ts, PyObject* a, PyObject* b) {
  if (set_size(a) != set_size(b)) return Tri::kFalse;
  Py_hash_t x = as_set(a)->hash, y = as_set(b)->hash;
  if (x != -1 && y != -1 && x != y) return Tri::kFalse;
  return is_subset(ts, a, b);
}

Ref<> set_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_any_set(b)) return not_implemented();
  switch (op) {
    case Py_EQ:
      return to_bool(sets_equal(ts, a, b));
    case Py_NE: {
      Tri same = sets_equal(ts, a, b);
      return failed(same) ? Ref<>() : new_bool(same == Tri::kFalse);
    }
    case Py_LE:
      return to_bool(is_subset(ts, a, b));
    case Py_GE:
      return to_bool(is_subset(ts, b, a));
    case Py_LT:
      return set_size(a) < set_size(b) ? to_bool(is_subset(ts, a, b)) : new_bool(false);
    default:
      return set_size(b) < set_size(a) ? to_bool(is_subset(ts, b, a)) : new_bool(false);
  }
}

Py_ssize_t set_length(ThreadState&, PyObject* o) { return set_size(o); }

// ---- the operations ----------------------------------------------------------------------------------------------

// The common items of a set and any iterable, as the built-in type of the set.
Ref<> intersect(ThreadState& ts, PyObject* a, PyObject* other) {
  if (a == other) return copy_as_base(ts, a);
  Ref<> result = Ref<>::steal(set_alloc(ts, base_type(a)));
  if (!result) return {};
  PyObject* item;
  Py_hash_t hash;
  if (is_any_set(other)) {
    // The smaller one is walked.
    PyObject *walk = other, *look = a;
    if (set_size(other) > set_size(a)) std::swap(walk, look);
    Py_ssize_t pos = 0;
    while (set_next(walk, &pos, &item, &hash)) {
      Ref<> hold = dup(item);
      Tri there = set_contains_hash(ts, look, item, hash);
      if (failed(there)) return {};
      if (there == Tri::kTrue && failed(set_add_hash(ts, result.get(), item, hash))) return {};
    }
    return result;
  }
  Status s = for_each(ts, other, [&](PyObject* x) {
    Py_hash_t h;
    if (failed(object_hash(ts, x, &h))) return Status::kError;
    Tri there = set_contains_hash(ts, a, x, h);
    if (failed(there)) return Status::kError;
    return there == Tri::kTrue ? set_add_hash(ts, result.get(), x, h) : Status::kOk;
  });
  if (failed(s)) return {};
  return result;
}

Status subtract_update(ThreadState& ts, PyObject* a, PyObject* other) {
  if (a == other) {
    set_clear(ts, a);
    return Status::kOk;
  }
  PyObject* item;
  Py_hash_t hash;
  Py_ssize_t pos = 0;
  if (is_any_set(other)) {
    // What is much longer is made short first; the comparisons are the same ones.
    Ref<> common;
    if (set_size(other) >> 3 > set_size(a)) {
      common = intersect(ts, a, other);
      if (!common) return Status::kError;
      other = common.get();
    }
    Ref<> hold_other = dup(other);
    while (set_next(other, &pos, &item, &hash)) {
      Ref<> hold = dup(item);
      if (failed(set_discard_hash(ts, a, item, hash))) return Status::kError;
    }
  } else {
    Status s = for_each(ts, other, [&](PyObject* x) {
      Py_hash_t h;
      if (failed(object_hash(ts, x, &h))) return Status::kError;
      return failed(set_discard_hash(ts, a, x, h)) ? Status::kError : Status::kOk;
    });
    if (failed(s)) return s;
  }
  PySetObject* s = as_set(a);
  // Many removed entries make every lookup slow.
  if (s->fill - s->used > s->mask / 4 && s->used > 0) {
    Ref<> fresh = set_make(ts, &PySet_Type, a);
    if (!fresh) return Status::kError;
    set_swap(a, fresh.get());
  }
  return Status::kOk;
}

// The items of a that `other` (set or dict) does not have.
Ref<> subtract(ThreadState& ts, PyObject* a, PyObject* other) {
  bool other_set = is_any_set(other);
  if (!other_set && !is_exact_dict(other)) {
    Ref<> result = copy_as_base(ts, a);
    if (!result || failed(subtract_update(ts, result.get(), other))) return {};
    return result;
  }
  Py_ssize_t other_size = other_set ? set_size(other) : dict_size(other);
  if (other_set && set_size(a) / 4 > other_size) {
    Ref<> result = copy_as_base(ts, a);
    if (!result || failed(subtract_update(ts, result.get(), other))) return {};
    return result;
  }
  Ref<> result = Ref<>::steal(set_alloc(ts, base_type(a)));
  if (!result) return {};
  Py_ssize_t pos = 0;
  PyObject* item;
  Py_hash_t hash;
  while (set_next(a, &pos, &item, &hash)) {
    Ref<> hold = dup(item);
    Tri there;
    if (other_set) {
      there = set_contains_hash(ts, other, item, hash);
    } else {
      there = dict_peek_hash(ts, other, item, hash) != nullptr ? Tri::kTrue : error_set(ts) ? Tri::kError : Tri::kFalse;
    }
    if (failed(there)) return {};
    if (there == Tri::kFalse && failed(set_add_hash(ts, result.get(), item, hash))) return {};
  }
  return result;
}

Status toggle(ThreadState& ts, PyObject* a, PyObject* item, Py_hash_t hash) {
  Tri was = set_discard_hash(ts, a, item, hash);
  if (failed(was)) return Status::kError;
  return was == Tri::kTrue ? Status::kOk : set_add_hash(ts, a, item, hash);
}

Status symmetric_update(ThreadState& ts, PyObject* a, PyObject* other) {
  if (a == other) {
    set_clear(ts, a);
    return Status::kOk;
  }
  PyObject *item, *value;
  Py_hash_t hash;
  Py_ssize_t pos = 0;
  if (is_exact_dict(other)) {
    while (dict_next(other, &pos, &item, &value, &hash)) {
      Ref<> hold = dup(item);
      if (failed(toggle(ts, a, item, hash))) return Status::kError;
    }
    return Status::kOk;
  }
  Ref<> as = is_any_set(other) ? dup(other) : set_make(ts, &PySet_Type, other);
  if (!as) return Status::kError;
  while (set_next(as.get(), &pos, &item, &hash)) {
    Ref<> hold = dup(item);
    if (failed(toggle(ts, a, item, hash))) return Status::kError;
  }
  return Status::kOk;
}

// ---- operators: both sides must be sets --------------------------------------------------------------------------

Ref<> set_sub(ThreadState& ts, PyObject* a, PyObject* b) {
  return is_any_set(a) && is_any_set(b) ? subtract(ts, a, b) : not_implemented();
}
Ref<> set_and(ThreadState& ts, PyObject* a, PyObject* b) {
  return is_any_set(a) && is_any_set(b) ? intersect(ts, a, b) : not_implemented();
}
Ref<> set_or(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_any_set(a) || !is_any_set(b)) return not_implemented();
  Ref<> result = copy_as_base(ts, a);
  if (!result || failed(set_update(ts, result.get(), b))) return {};
  return result;
}
Ref<> set_xor(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_any_set(a) || !is_any_set(b)) return not_implemented();
  Ref<> result = copy_as_base(ts, a);
  if (!result || failed(symmetric_update(ts, result.get(), b))) return {};
  return result;
}
Ref<> set_isub(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_any_set(b)) return not_implemented();
  return failed(subtract_update(ts, a, b)) ? Ref<>() : dup(a);
}
Status intersect_update(ThreadState& ts, PyObject* a, PyObject* other) {
  Ref<> common = intersect(ts, a, other);
  if (!common) return Status::kError;
  set_swap(a, common.get());
  return Status::kOk;
}
Ref<> set_iand(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_any_set(b)) return not_implemented();
  return failed(intersect_update(ts, a, b)) ? Ref<>() : dup(a);
}
Ref<> set_ior(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_any_set(b)) return not_implemented();
  return failed(set_update(ts, a, b)) ? Ref<>() : dup(a);
}
Ref<> set_ixor(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_any_set(b)) return not_implemented();
  return failed(symmetric_update(ts, a, b)) ? Ref<>() : dup(a);
}

// ---- methods -----------------------------------------------------------------------------------------------------

Status m_add(ThreadState& ts, Self* s, PyObject* item) { return set_add(ts, obj(s), item); }
Status m_clear(ThreadState& ts, Self* s) {
  set_clear(ts, obj(s));
  return Status::kOk;
}
Tri m_contains(ThreadState& ts, Self* s, PyObject* item) { return set_contains(ts, obj(s), item); }
Tri contains_slot(ThreadState& ts, PyObject* s, PyObject* item) { return set_contains(ts, s, item); }
Ref<> m_copy(ThreadState& ts, Self* s) { return copy_as_base(ts, obj(s)); }
Ref<> m_frozen_copy(ThreadState& ts, Self* s) {
  return is_exact(obj(s), &PyFrozenSet_Type) ? dup(obj(s)) : copy_as_base(ts, obj(s));
}
Status m_discard(ThreadState& ts, Self* s, PyObject* item) {
  return failed(set_discard(ts, obj(s), item)) ? Status::kError : Status::kOk;
}
Status m_remove(ThreadState& ts, Self* s, PyObject* item) {
  Tri was = set_discard(ts, obj(s), item);
  if (failed(was)) return Status::kError;
  return was == Tri::kTrue ? Status::kOk : Status(raise_key_error(ts, item));
}
Ref<> m_pop(ThreadState& ts, Self* s) {
  Ref<> item = set_pop_any(obj(s));
  if (item) return item;
  return raise(ts, PyExc_KeyError, "pop from an empty set");
}
Tri m_isdisjoint(ThreadState& ts, Self* self, PyObject* other) {
  PyObject* a = obj(self);
  if (a == other) return tri(set_size(a) == 0);
  if (is_any_set(other)) {
    PyObject *walk = other, *look = a;
    if (set_size(other) > set_size(a)) std::swap(walk, look);
    Py_ssize_t pos = 0;
    PyObject* item;
    Py_hash_t hash;
    while (set_next(walk, &pos, &item, &hash)) {
      Ref<> hold = dup(item);
      Tri there = set_contains_hash(ts, look, item, hash);
      if (failed(there)) return there;
      if (there == Tri::kTrue) return Tri::kFalse;
    }
    return Tri::kTrue;
  }
  Ref<> it = object_iter(ts, other);
  if (!it) return Tri::kError;
  while (Ref<> item = iter_next(ts, it.get())) {
    Py_hash_t hash;
    if (failed(object_hash(ts, item.get(), &hash))) return Tri::kError;
    Tri there = set_contains_hash(ts, a, item.get(), hash);
    if (failed(there)) return there;
    if (there == Tri::kTrue) return Tri::kFalse;
  }
  return error_set(ts) ? Tri::kError : Tri::kTrue;
}
Tri m_issubset(ThreadState& ts, Self* s, PyObject* other) {
  if (is_any_set(other)) return is_subset(ts, obj(s), other);
  Ref<> common = intersect(ts, obj(s), other);
  return common ? tri(set_size(common.get()) == s->used) : Tri::kError;
}
Tri m_issuperset(ThreadState& ts, Self* s, PyObject* other) {
  if (is_any_set(other)) return is_subset(ts, other, obj(s));
  Ref<> it = object_iter(ts, other);
  if (!it) return Tri::kError;
  while (Ref<> item = iter_next(ts, it.get())) {
    Tri there = set_contains(ts, obj(s), item.get());
    if (there != Tri::kTrue) return there;
  }
  return error_set(ts) ? Tri::kError : Tri::kTrue;
}
Ref<> m_symmetric_difference(ThreadState& ts, Self* s, PyObject* other) {
  Ref<> result = set_make(ts, base_type(obj(s)), other);
  if (!result || failed(symmetric_update(ts, result.get(), obj(s)))) return {};
  return result;
}
Status m_symmetric_difference_update(ThreadState& ts, Self* s, PyObject* other) {
  return symmetric_update(ts, obj(s), other);
}
Ref<> m_reduce(ThreadState& ts, Self* s) {
  Ref<> items = list_from_iterable(ts, obj(s));
  if (!items) return {};
  Ref<> args = tuple_of(ts, items.get());
  Ref<> state = Ref<>::steal(_PyObject_GetState(obj(s)));
  return args && state ? tuple_of(ts, s->ob_base.ob_type, args.get(), state.get()) : Ref<>();
}
Ref<> m_sizeof(ThreadState& ts, Self* s) {
  return int_from_u64(ts, static_cast<uint64_t>(s->ob_base.ob_type->tp_basicsize) + set_table_bytes(obj(s)));
}

PyObject* m_union(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Ref<> result = copy_as_base(ts, self);
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (args[i] != self && failed(set_update(ts, result.get(), args[i]))) return nullptr;
  }
  return result.release();
}
PyObject* m_update(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (failed(set_update(ts, self, args[i]))) return nullptr;
  }
  return new_ref(Py_None);
}
Ref<> intersect_many(ThreadState& ts, PyObject* self, PyObject* const* args, Py_ssize_t n) {
  if (n == 0) return copy_as_base(ts, self);
  Ref<> result = intersect(ts, self, args[0]);
  for (Py_ssize_t i = 1; result && i < n; ++i) result = intersect(ts, result.get(), args[i]);
  return result;
}
PyObject* m_intersection(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  return intersect_many(current_thread(), self, args, n).release();
}
PyObject* m_intersection_update(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  Ref<> result = intersect_many(current_thread(), self, args, n);
  if (!result) return nullptr;
  set_swap(self, result.get());
  return new_ref(Py_None);
}
PyObject* m_difference(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Ref<> result = n == 0 ? copy_as_base(ts, self) : subtract(ts, self, args[0]);
  for (Py_ssize_t i = 1; result && i < n; ++i) {
    if (failed(subtract_update(ts, result.get(), args[i]))) return nullptr;
  }
  return result.release();
}
PyObject* m_difference_update(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (failed(subtract_update(ts, self, args[i]))) return nullptr;
  }
  return new_ref(Py_None);
}

#define ATOLL_SET_COMMON_METHODS                                                                                            \
  ATOLL_METHOD_PLAIN_FLAGS(m_contains, "__contains__", "($self, item, /)", "x.__contains__(y) <==> y in x.", METH_COEXIST), \
      ATOLL_METHOD_RAW(m_difference, "difference", METH_FASTCALL, "A new set with the items that the others do not have."), \
      ATOLL_METHOD_RAW(m_intersection, "intersection", METH_FASTCALL, "A new set with the items that all have."),           \
      ATOLL_METHOD_PLAIN(m_isdisjoint, "isdisjoint", "($self, other, /)", "True if there is no common item."),              \
      ATOLL_METHOD_PLAIN(m_issubset, "issubset", "($self, other, /)", "Is every item of this set in the other?"),           \
      ATOLL_METHOD_PLAIN(m_issuperset, "issuperset", "($self, other, /)", "Is every item of the other in this set?"),       \
      ATOLL_METHOD_PLAIN(m_reduce, "__reduce__", "($self, /)", "Helper for pickle."),                                       \
      ATOLL_METHOD_PLAIN(m_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),                                \
      ATOLL_METHOD_PLAIN(m_symmetric_difference, "symmetric_difference", "($self, other, /)",                               \
                         "A new set with the items that exactly one of the two has."),                                     \
      ATOLL_METHOD_RAW(m_union, "union", METH_FASTCALL, "A new set with the items of all."),                                \
      ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585")

constexpr MethodSpec kSetMethods[] = {
    ATOLL_SET_COMMON_METHODS,
    ATOLL_METHOD_PLAIN(m_add, "add", "($self, item, /)", "Add an element to a set.\n\nNothing happens when it is there already."),
    ATOLL_METHOD_PLAIN(m_clear, "clear", "($self, /)", "Remove all elements."),
    ATOLL_METHOD_PLAIN(m_copy, "copy", "($self, /)", "A shallow copy."),
    ATOLL_METHOD_PLAIN(m_discard, "discard", "($self, item, /)", "Remove an element if it is there."),
    ATOLL_METHOD_RAW(m_difference_update, "difference_update", METH_FASTCALL, "Remove the items that the others have."),
    ATOLL_METHOD_RAW(m_intersection_update, "intersection_update", METH_FASTCALL, "Keep only the items that all have."),
    ATOLL_METHOD_PLAIN(m_pop, "pop", "($self, /)", "Remove and return any element.\n\nRaises KeyError if the set is empty."),
    ATOLL_METHOD_PLAIN(m_remove, "remove", "($self, item, /)", "Remove an element.\n\nRaises KeyError if it is not there."),
    ATOLL_METHOD_PLAIN(m_symmetric_difference_update, "symmetric_difference_update", "($self, other, /)",
                       "Keep the items that exactly one of the two has."),
    ATOLL_METHOD_RAW(m_update, "update", METH_FASTCALL, "Add the items of all the others."),
    ATOLL_METHOD_END};
constexpr MethodSpec kFrozenMethods[] = {ATOLL_SET_COMMON_METHODS,
                                         ATOLL_METHOD_PLAIN(m_frozen_copy, "copy", "($self, /)", "A shallow copy."),
                                         ATOLL_METHOD_END};

constexpr PyNumberMethods kSetNumber{.nb_subtract = ATOLL_SLOT(set_sub),
                                     .nb_and = ATOLL_SLOT(set_and),
                                     .nb_xor = ATOLL_SLOT(set_xor),
                                     .nb_or = ATOLL_SLOT(set_or),
                                     .nb_inplace_subtract = ATOLL_SLOT(set_isub),
                                     .nb_inplace_and = ATOLL_SLOT(set_iand),
                                     .nb_inplace_xor = ATOLL_SLOT(set_ixor),
                                     .nb_inplace_or = ATOLL_SLOT(set_ior)};
constexpr PyNumberMethods kFrozenNumber{.nb_subtract = ATOLL_SLOT(set_sub),
                                        .nb_and = ATOLL_SLOT(set_and),
                                        .nb_xor = ATOLL_SLOT(set_xor),
                                        .nb_or = ATOLL_SLOT(set_or)};
constexpr PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(set_length), .sq_contains = ATOLL_SLOT(contains_slot)};

// ---- iterator ----------------------------------------------------------------------------------------------------

struct SetIter {
  PyObject ob_base;
  PyObject* set;    // NULL once exhausted
  Py_ssize_t used;  // the set's size when it began; -1 after "changed size"
  Py_ssize_t pos;
  Py_ssize_t remaining;
};
static_assert(sizeof(SetIter) == 48);
SetIter* as_iter(PyObject* o) { return reinterpret_cast<SetIter*>(o); }

Ref<> set_iter(ThreadState& ts, PyObject* o) {
  auto it = new_object<SetIter>(ts, &PySetIter_Type);
  if (!it) return {};
  it->set = new_ref(o);
  it->used = it->remaining = set_size(o);
  it->pos = 0;
  track(ts, it.get());
  return it;
}
void iter_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  xdecref(std::exchange(as_iter(o)->set, nullptr));
  free_object(ts, o);
}
int iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_iter(o)->set);
  return 0;
}
Ref<> iter_step(ThreadState& ts, PyObject* o) {
  SetIter* it = as_iter(o);
  if (it->set == nullptr) return {};
  if (it->used != set_size(it->set)) {
    it->used = -1;  // stays so
    return raise(ts, PyExc_RuntimeError, "Set changed size during iteration");
  }
  PyObject* item;
  if (set_next(it->set, &it->pos, &item)) {
    --it->remaining;
    return dup(item);
  }
  clear_field(it->set);
  return {};
}
Ref<> iter_hint(ThreadState& ts, SetIter* it) {
  return int_from_ssize(ts, it->set != nullptr && it->used == set_size(it->set) ? it->remaining : 0);
}
Ref<> iter_reduce(ThreadState& ts, SetIter* it) {
  // A copy of the iterator is used up, so that this one stays where it is.
  Ref<> rest = list_new(ts, 0);
  if (!rest) return {};
  if (it->set != nullptr) {
    if (it->used != set_size(it->set)) return raise(ts, PyExc_RuntimeError, "Set changed size during iteration");
    Py_ssize_t pos = it->pos;
    PyObject* item;
    while (set_next(it->set, &pos, &item)) {
      if (failed(list_append(ts, rest.get(), dup(item)))) return {};
    }
  }
  Ref<> maker = Ref<>::dup_of(PyDict_GetItemString(ts.interpreter().builtins, "iter"));
  Ref<> args = tuple_of(ts, rest.get());
  if (!maker) return raise(ts, PyExc_AttributeError, "iter");
  return args ? tuple_of(ts, maker.get(), args.get()) : Ref<>();
}
constexpr MethodSpec kIterMethods[] = {
    ATOLL_METHOD_PLAIN(iter_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD_PLAIN(iter_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec set_spec{
    .name = "set",
    .doc = "set() -> new empty set object\n"
           "set(iterable) -> new set object\n\n"
           "An unordered collection of unique elements.",
    .basicsize = sizeof(PySetObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | _Py_TPFLAGS_MATCH_SELF,
    .dealloc = ATOLL_SLOT(set_dealloc),
    .traverse = set_traverse_items,
    .clear = set_clear_slot,
    .repr = ATOLL_SLOT(set_repr),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(set_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(set_iter),
    .init = set_init,
    .new_ = set_tp_new,
    .vectorcall = set_vectorcall,
    .number = &kSetNumber,
    .sequence = &kSequence,
    .weaklist_offset = offsetof(PySetObject, weakreflist),
    .methods = kSetMethods,
};
constinit const TypeSpec frozenset_spec{
    .name = "frozenset",
    .doc = "frozenset() -> empty frozenset object\n"
           "frozenset(iterable) -> frozenset object\n\n"
           "An immutable unordered collection of unique elements.",
    .basicsize = sizeof(PySetObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | _Py_TPFLAGS_MATCH_SELF,
    .dealloc = ATOLL_SLOT(set_dealloc),
    .traverse = set_traverse_items,
    .clear = set_clear_slot,
    .repr = ATOLL_SLOT(set_repr),
    .hash = ATOLL_SLOT(frozenset_hash),
    .richcompare = ATOLL_SLOT(set_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(set_iter),
    .new_ = frozenset_tp_new,
    .vectorcall = frozenset_vectorcall,
    .number = &kFrozenNumber,
    .sequence = &kSequence,
    .weaklist_offset = offsetof(PySetObject, weakreflist),
    .methods = kFrozenMethods,
};
constinit const TypeSpec set_iter_spec{
    .name = "set_iterator",
    .basicsize = sizeof(SetIter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(iter_dealloc),
    .traverse = iter_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(iter_step),
    .methods = kIterMethods,
};

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PySet_Type = {};
ATOLL_SEALED PyTypeObject PyFrozenSet_Type = {};
ATOLL_SEALED PyTypeObject PySetIter_Type = {};

PyObject* PySet_New(PyObject* iterable) { return set_new(current_thread(), iterable).release(); }
PyObject* PyFrozenSet_New(PyObject* iterable) {
  return frozenset_make(current_thread(), &PyFrozenSet_Type, iterable).release();
}
Py_ssize_t PySet_Size(PyObject* o) {
  if (!is_any_set(o)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return set_size(o);
}
int PySet_Clear(PyObject* o) {
  ThreadState& ts = current_thread();
  if (!is_instance_nocall(o, &PySet_Type)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  set_clear(ts, o);
  return 0;
}
int PySet_Contains(PyObject* o, PyObject* item) {
  ThreadState& ts = current_thread();
  if (!is_any_set(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  Py_hash_t hash;
  if (failed(object_hash(ts, item, &hash))) return -1;
  return static_cast<int>(set_contains_hash(ts, o, item, hash));
}
int PySet_Discard(PyObject* o, PyObject* item) {
  ThreadState& ts = current_thread();
  if (!is_instance_nocall(o, &PySet_Type)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  Py_hash_t hash;
  if (failed(object_hash(ts, item, &hash))) return -1;
  return static_cast<int>(set_discard_hash(ts, o, item, hash));
}
// A frozenset may be filled while nobody else has it.
int PySet_Add(PyObject* o, PyObject* item) {
  ThreadState& ts = current_thread();
  if (!is_instance_nocall(o, &PySet_Type) && (!is_frozenset(o) || o->ob_refcnt != 1)) {
    return raise_bad_internal_call(ts, __FILE__, __LINE__);
  }
  return static_cast<int>(set_add(ts, o, item));
}
PyObject* PySet_Pop(PyObject* o) {
  ThreadState& ts = current_thread();
  if (!is_instance_nocall(o, &PySet_Type)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return m_pop(ts, as_set(o)).release();
}
int _PySet_NextEntry(PyObject* o, Py_ssize_t* pos, PyObject** item, Py_hash_t* hash) {
  if (!is_any_set(o)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return set_next(o, pos, item, hash);
}
int _PySet_Update(PyObject* o, PyObject* iterable) {
  ThreadState& ts = current_thread();
  if (!is_instance_nocall(o, &PySet_Type)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return static_cast<int>(set_update(ts, o, iterable));
}
