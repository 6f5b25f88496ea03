// Dict views and iterators.
#include "Objects/dict/internal.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"

namespace atl {

namespace {

using View = _PyDictViewObject;
View* as_view(PyObject* o) { return reinterpret_cast<View*>(o); }
PyObject* dict_of(PyObject* view) { return obj(as_view(view)->dv_dict); }

enum class Part { kKeys, kValues, kItems };

Part part_of_view(PyObject* v) {
  if (is_instance_nocall(v, &PyDictKeys_Type)) return Part::kKeys;
  return is_instance_nocall(v, &PyDictValues_Type) ? Part::kValues : Part::kItems;
}

// ---- iterators ---------------------------------------------------------------------------------------------------

struct DictIter {
  PyObject ob_base;
  PyObject* dict;        // NULL once exhausted
  Py_ssize_t used;       // the dict's size when it began; -1 after "changed size"
  Py_ssize_t pos;
  Py_ssize_t remaining;
  PyObject* result;      // items: a tuple that is used again while nobody else has it
};
DictIter* as_iter(PyObject* o) { return reinterpret_cast<DictIter*>(o); }

Part part_of_iter(PyObject* it) {
  PyTypeObject* t = it->ob_type;
  if (t == &PyDictIterKey_Type || t == &PyDictRevIterKey_Type) return Part::kKeys;
  return t == &PyDictIterValue_Type || t == &PyDictRevIterValue_Type ? Part::kValues : Part::kItems;
}

Ref<> iter_new(ThreadState& ts, PyTypeObject* type, PyObject* d, bool reverse) {
  if (dict_has_unmade(d) && failed(dict_make_all(ts, d))) return {};
  auto it = new_object<DictIter>(ts, type);
  if (!it) return {};
  it->dict = new_ref(d);
  it->used = dict_size(d);
  it->pos = reverse ? PY_SSIZE_T_MAX : 0;
  it->remaining = it->used;
  it->result = nullptr;
  track(ts, it.get());
  return it;
}

void iter_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  xdecref(std::exchange(as_iter(o)->dict, nullptr));
  xdecref(std::exchange(as_iter(o)->result, nullptr));
  free_object(ts, o);
}
int iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_iter(o)->dict);
  Py_VISIT(as_iter(o)->result);
  return 0;
}

Ref<> pair(ThreadState& ts, DictIter* it, PyObject* key, PyObject* value) {
  PyObject* t = it->result;
  if (t != nullptr && t->ob_refcnt == 1) {
    PyObject* old_key = std::exchange(tuple_items(t)[0], new_ref(key));
    PyObject* old_value = std::exchange(tuple_items(t)[1], new_ref(value));
    Ref<> result = dup(t);
    decref(old_key);
    decref(old_value);
    if (!gc_is_tracked(t)) track(ts, t);
    return result;
  }
  Ref<> fresh = tuple_of(ts, key, value);
  if (fresh) set_field(it->result, fresh.dup());
  return fresh;
}

template <bool kReverse>
Ref<> iter_step(ThreadState& ts, PyObject* o) {
  DictIter* it = as_iter(o);
  PyObject* d = it->dict;
  if (d == nullptr) return {};
  if (it->used != dict_size(d)) {
    it->used = -1;  // stays so
    return raise(ts, PyExc_RuntimeError, "dictionary changed size during iteration");
  }
  PyObject *key, *value;
  bool more = kReverse ? dict_previous(d, &it->pos, &key, &value) : dict_next(d, &it->pos, &key, &value);
  if (!more) {
    clear_field(it->dict);
    return {};
  }
  if (it->remaining == 0) {
    clear_field(it->dict);
    return raise(ts, PyExc_RuntimeError, "dictionary keys changed during iteration");
  }
  --it->remaining;
  switch (part_of_iter(o)) {
    case Part::kKeys:
      return dup(key);
    case Part::kValues:
      return dup(value);
    default: {
      Ref<> k = dup(key);
      Ref<> v = dup(value);
      return pair(ts, it, key, value);
    }
  }
}

Ref<> iter_length_hint(ThreadState& ts, DictIter* it) {
  Py_ssize_t n = it->dict != nullptr && it->used == dict_size(it->dict) ? it->remaining : 0;
  return int_from_ssize(ts, n);
}

// What is left, as iter(list).
Ref<> iter_reduce(ThreadState& ts, DictIter* it) {
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  if (it->dict != nullptr) {
    Ref<> copy = iter_new(ts, it->ob_base.ob_type, it->dict, false);
    if (!copy) return {};
    as_iter(copy.get())->used = it->used;
    as_iter(copy.get())->pos = it->pos;
    as_iter(copy.get())->remaining = it->remaining;
    if (failed(list_extend(ts, list.get(), copy.get()))) return {};
  }
  Ref<> iter_function = Ref<>::dup_of(PyDict_GetItemString(ts.interpreter().builtins, "iter"));
  Ref<> args = tuple_of(ts, list.get());
  if (!iter_function || !args) return {};
  return tuple_of(ts, iter_function.get(), args.get());
}

constexpr MethodSpec kIterMethods[] = {
    ATOLL_METHOD(iter_length_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD(iter_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};

// ---- views -------------------------------------------------------------------------------------------------------

void view_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  xdecref(obj(std::exchange(as_view(o)->dv_dict, nullptr)));
  free_object(ts, o);
}
int view_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_view(o)->dv_dict);
  return 0;
}
Py_ssize_t view_length(ThreadState&, PyObject* o) { return as_view(o)->dv_dict != nullptr ? dict_size(dict_of(o)) : 0; }

Ref<> view_iter(ThreadState& ts, PyObject* o) {
  PyTypeObject* type = part_of_view(o) == Part::kKeys     ? &PyDictIterKey_Type
                       : part_of_view(o) == Part::kValues ? &PyDictIterValue_Type
                                                          : &PyDictIterItem_Type;
  return iter_new(ts, type, dict_of(o), false);
}
Ref<> view_reversed(ThreadState& ts, View* v) {
  PyObject* o = obj(v);
  PyTypeObject* type = part_of_view(o) == Part::kKeys     ? &PyDictRevIterKey_Type
                       : part_of_view(o) == Part::kValues ? &PyDictRevIterValue_Type
                                                          : &PyDictRevIterItem_Type;
  return iter_new(ts, type, dict_of(o), true);
}

Ref<> view_repr(ThreadState& ts, PyObject* o) {
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_from_ascii(ts, "...") : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  Ref<> list = list_from_iterable(ts, o);
  return list ? str_format(ts, "%s(%R)", o->ob_type->tp_name, list.get()) : Ref<>();
}

Tri keys_contain(ThreadState& ts, PyObject* o, PyObject* key) { return dict_contains(ts, dict_of(o), key); }
Tri items_contain(ThreadState& ts, PyObject* o, PyObject* item) {
  if (!is_tuple(item) || tuple_size(item) != 2) return Tri::kFalse;
  PyObject* found = dict_peek(ts, dict_of(o), tuple_peek(item, 0));
  if (found == nullptr) return error_set(ts) ? Tri::kError : Tri::kFalse;
  Ref<> hold = dup(found);
  return object_richcompare_bool(ts, found, tuple_peek(item, 1), Py_EQ);
}

bool is_set_like_view(PyObject* o) {
  return is_instance_nocall(o, &PyDictKeys_Type) || is_instance_nocall(o, &PyDictItems_Type);
}

// Is every item of a in b?
Tri all_in(ThreadState& ts, PyObject* a, PyObject* b) {
  Ref<> it = object_iter(ts, a);
  if (!it) return Tri::kError;
  while (Ref<> item = iter_next(ts, it.get())) {
    Tri t = object_contains(ts, b, item.get());
    if (t != Tri::kTrue) return t;
  }
  return error_set(ts) ? Tri::kError : Tri::kTrue;
}

Ref<> view_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_any_set(b) && !is_set_like_view(b)) return not_implemented();
  Py_ssize_t n, m;
  if (failed(object_len(ts, a, &n)) || failed(object_len(ts, b, &m))) return {};
  Tri t = Tri::kFalse;
  switch (op) {
    case Py_EQ:
    case Py_NE:
      if (n == m) t = all_in(ts, a, b);
      if (!failed(t) && op == Py_NE) t = tri(t == Tri::kFalse);
      break;
    case Py_LT:
      if (n < m) t = all_in(ts, a, b);
      break;
    case Py_LE:
      if (n <= m) t = all_in(ts, a, b);
      break;
    case Py_GT:
      if (n > m) t = all_in(ts, b, a);
      break;
    default:
      if (n >= m) t = all_in(ts, b, a);
      break;
  }
  return failed(t) ? Ref<>() : new_bool(t == Tri::kTrue);
}

Ref<> as_set(ThreadState& ts, PyObject* o) { return set_new(ts, o); }

Ref<> view_sub(ThreadState& ts, PyObject* a, PyObject* b) {
  Ref<> s = as_set(ts, a);
  if (!s) return {};
  Status st = for_each(ts, b, [&](PyObject* item) { return failed(set_discard(ts, s.get(), item)) ? Status::kError : Status::kOk; });
  return failed(st) ? Ref<>() : std::move(s);
}
Ref<> view_and(ThreadState& ts, PyObject* a, PyObject* b) {
  // The view is the one with fast membership.
  if (!is_set_like_view(a)) std::swap(a, b);
  Py_ssize_t n = 0;
  if (failed(object_len(ts, a, &n))) return {};
  if (is_set_like_view(b)) {
    Py_ssize_t m;
    if (failed(object_len(ts, b, &m))) return {};
    if (m > n) std::swap(a, b);
  }
  Ref<> s = set_new(ts, nullptr);
  if (!s) return {};
  Status st = for_each(ts, b, [&](PyObject* item) {
    Tri t = object_contains(ts, a, item);
    if (failed(t)) return Status::kError;
    return t == Tri::kTrue ? set_add(ts, s.get(), item) : Status::kOk;
  });
  return failed(st) ? Ref<>() : std::move(s);
}
Ref<> view_or(ThreadState& ts, PyObject* a, PyObject* b) {
  Ref<> s = as_set(ts, a);
  if (!s || failed(set_update(ts, s.get(), b))) return {};
  return s;
}
Ref<> view_xor(ThreadState& ts, PyObject* a, PyObject* b) {
  Ref<> s = as_set(ts, a);
  if (!s) return {};
  Ref<> other = as_set(ts, b);
  if (!other) return {};
  return number_binary(ts, BinaryOp::kXor, s.get(), other.get());
}

Ref<> view_isdisjoint(ThreadState& ts, View* v, PyObject* other) {
  PyObject* self = obj(v);
  if (self == other) return new_bool(dict_size(dict_of(self)) == 0);
  bool disjoint = true;
  Ref<> it = object_iter(ts, other);
  if (!it) return {};
  while (Ref<> item = iter_next(ts, it.get())) {
    Tri t = object_contains(ts, self, item.get());
    if (failed(t)) return {};
    if (t == Tri::kTrue) {
      disjoint = false;
      break;
    }
  }
  if (error_set(ts)) return {};
  return new_bool(disjoint);
}

Ref<> view_get_mapping(ThreadState&, View* v) { return Ref<>::steal(PyDictProxy_New(obj(v->dv_dict))); }

constexpr MethodSpec kSetViewMethods[] = {
    ATOLL_METHOD(view_isdisjoint, "isdisjoint", "($self, other, /)", "True if view and iterable have nothing in common."),
    ATOLL_METHOD(view_reversed, "__reversed__", "($self, /)", "A reverse iterator."), ATOLL_METHOD_END};
constexpr MethodSpec kValuesMethods[] = {ATOLL_METHOD(view_reversed, "__reversed__", "($self, /)", "A reverse iterator."), ATOLL_METHOD_END};
constexpr PyGetSetDef kViewGetSet[] = {
    {"mapping", ATOLL_GETTER(view_get_mapping), nullptr, "dictionary that this view refers to", nullptr}, ATOLL_GETSET_END};
constexpr PyNumberMethods kViewNumber{.nb_subtract = ATOLL_SLOT(view_sub),
                                      .nb_and = ATOLL_SLOT(view_and),
                                      .nb_xor = ATOLL_SLOT(view_xor),
                                      .nb_or = ATOLL_SLOT(view_or)};
constexpr PySequenceMethods kKeysSequence{.sq_length = ATOLL_SLOT(view_length), .sq_contains = ATOLL_SLOT(keys_contain)};
constexpr PySequenceMethods kItemsSequence{.sq_length = ATOLL_SLOT(view_length), .sq_contains = ATOLL_SLOT(items_contain)};
constexpr PySequenceMethods kValuesSequence{.sq_length = ATOLL_SLOT(view_length)};
constexpr unsigned long kFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION;

}  // namespace

Ref<> dict_view_new(ThreadState& ts, PyTypeObject* type, PyObject* d) {
  auto v = new_object<View>(ts, type);
  if (!v) return {};
  v->dv_dict = as_dict(new_ref(d));
  track(ts, v.get());
  return v;
}

#define ITER_SPEC(spec, text, reverse)                                                                            \
  constinit const TypeSpec spec{.name = text,                                                                     \
                                .basicsize = sizeof(DictIter),                                                    \
                                .flags = kFlags,                                                                  \
                                .dealloc = ATOLL_SLOT(iter_dealloc),                                              \
                                .traverse = iter_traverse,                                                        \
                                .getattro = PyObject_GenericGetAttr,                                              \
                                .iter = PyObject_SelfIter,                                                        \
                                .iternext = ATOLL_SLOT(iter_step<reverse>),                                       \
                                .methods = kIterMethods}

constinit const TypeSpec dict_keys_spec{.name = "dict_keys",
                                        .basicsize = sizeof(View),
                                        .flags = kFlags,
                                        .dealloc = ATOLL_SLOT(view_dealloc),
                                        .traverse = view_traverse,
                                        .repr = ATOLL_SLOT(view_repr),
                                        .richcompare = ATOLL_SLOT(view_richcompare),
                                        .getattro = PyObject_GenericGetAttr,
                                        .iter = ATOLL_SLOT(view_iter),
                                        .number = &kViewNumber,
                                        .sequence = &kKeysSequence,
                                        .methods = kSetViewMethods,
                                        .getset = kViewGetSet};
constinit const TypeSpec dict_items_spec{.name = "dict_items",
                                         .basicsize = sizeof(View),
                                         .flags = kFlags,
                                         .dealloc = ATOLL_SLOT(view_dealloc),
                                         .traverse = view_traverse,
                                         .repr = ATOLL_SLOT(view_repr),
                                         .richcompare = ATOLL_SLOT(view_richcompare),
                                         .getattro = PyObject_GenericGetAttr,
                                         .iter = ATOLL_SLOT(view_iter),
                                         .number = &kViewNumber,
                                         .sequence = &kItemsSequence,
                                         .methods = kSetViewMethods,
                                         .getset = kViewGetSet};
constinit const TypeSpec dict_values_spec{.name = "dict_values",
                                          .basicsize = sizeof(View),
                                          .flags = kFlags,
                                          .dealloc = ATOLL_SLOT(view_dealloc),
                                          .traverse = view_traverse,
                                          .repr = ATOLL_SLOT(view_repr),
                                          .getattro = PyObject_GenericGetAttr,
                                          .iter = ATOLL_SLOT(view_iter),
                                          .sequence = &kValuesSequence,
                                          .methods = kValuesMethods,
                                          .getset = kViewGetSet};
ITER_SPEC(dict_key_iter_spec, "dict_keyiterator", false);
ITER_SPEC(dict_value_iter_spec, "dict_valueiterator", false);
ITER_SPEC(dict_item_iter_spec, "dict_itemiterator", false);
ITER_SPEC(dict_rev_key_iter_spec, "dict_reversekeyiterator", true);
ITER_SPEC(dict_rev_value_iter_spec, "dict_reversevalueiterator", true);
ITER_SPEC(dict_rev_item_iter_spec, "dict_reverseitemiterator", true);

}  // namespace atl

ATOLL_SEALED PyTypeObject PyDictKeys_Type = {};
ATOLL_SEALED PyTypeObject PyDictValues_Type = {};
ATOLL_SEALED PyTypeObject PyDictItems_Type = {};
ATOLL_SEALED PyTypeObject PyDictIterKey_Type = {};
ATOLL_SEALED PyTypeObject PyDictIterValue_Type = {};
ATOLL_SEALED PyTypeObject PyDictIterItem_Type = {};
ATOLL_SEALED PyTypeObject PyDictRevIterKey_Type = {};
ATOLL_SEALED PyTypeObject PyDictRevIterValue_Type = {};
ATOLL_SEALED PyTypeObject PyDictRevIterItem_Type = {};
