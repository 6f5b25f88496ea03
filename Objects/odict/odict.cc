// OrderedDict: nodes, methods, type, C API.
#include "Objects/odict/odict.h"

#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/type.h"

namespace atl {

namespace {

// ---- nodes -------------------------------------------------------------------------------------------------------

// NULL when there is none, with an exception set on error.
OdictNode* find_node(ThreadState& ts, Odict* od, PyObject* key, Py_hash_t hash) {
  if (od->nodes == nullptr) return nullptr;
  return reinterpret_cast<OdictNode*>(dict_peek_hash(ts, od->nodes, key, hash));
}

void link_before(OdictRing* place, OdictRing* r) {
  r->previous = place->previous;
  r->next = place;
  place->previous->next = r;
  place->previous = r;
}
void unlink(OdictRing* r) {
  if (r->next == nullptr) return;
  r->previous->next = r->next;
  r->next->previous = r->previous;
  r->previous = r->next = nullptr;
}

// Comparisons that lie may let one key take the place of another in `nodes`: whose node is not there any more leaves the order.
void drop_strays(Odict* od) {
  for (OdictRing* r = od->ring->next; r != od->ring; r = r->next) odict_node_of(r)->found = false;
  Py_ssize_t pos = 0;
  PyObject* node;
  while (dict_next(od->nodes, &pos, nullptr, &node)) reinterpret_cast<OdictNode*>(node)->found = true;
  for (OdictRing* r = od->ring->next; r != od->ring;) {
    OdictNode* n = odict_node_of(r);
    r = r->next;
    if (!n->found) unlink(&n->ring);
  }
}

Status ensure_ring(ThreadState& ts, Odict* od) {
  if (od->ring != nullptr) return Status::kOk;
  Ref<> nodes = dict_new(ts);
  if (!nodes) return Status::kError;
  auto* ring = static_cast<OdictRing*>(object_alloc(ts, sizeof(OdictRing)));
  if (ring == nullptr) return Status::kError;
  ring->previous = ring->next = ring;
  od->ring = ring;
  od->nodes = nodes.release();
  return Status::kOk;
}

// A node at the end for a key that the dict has got. Nothing when there is one.
Status add_node(ThreadState& ts, Odict* od, PyObject* key, Py_hash_t hash) {
  if (failed(ensure_ring(ts, od))) return Status::kError;
  if (find_node(ts, od, key, hash) != nullptr) return Status::kOk;
  if (error_set(ts)) return Status::kError;
  auto node = new_object<OdictNode>(ts, &atoll_odict_node_type);
  if (!node) return Status::kError;
  node->key = new_ref(key);
  node->hash = hash;
  node->ring = {nullptr, nullptr};
  Ref<> nodes = dup(od->nodes);
  const Py_ssize_t before = dict_size(nodes.get());
  if (failed(dict_set_hash(ts, nodes.get(), key, hash, obj(node.get())))) return Status::kError;
  if (gc_is_tracked(nodes.get())) untrack(nodes.get());
  if (node->ring.next == nullptr) link_before(od->ring, &node->ring);
  if (dict_size(nodes.get()) != before + 1) drop_strays(od);
  ++od->state;
  od->count = dict_size(nodes.get());
  return Status::kOk;
}

// The node leaves the order; its key's reference goes with the entry of `nodes`.
Status remove_node(ThreadState& ts, Odict* od, OdictNode* node) {
  Ref<OdictNode> hold = dup(node);
  Ref<> key = dup(node->key);
  unlink(&node->ring);
  ++od->state;
  Ref<> old, nodes = dup(od->nodes);
  // The key is found by identity; only keys of the same hash in front of it are compared.
  Status status = dict_pop_hash(ts, nodes.get(), key.get(), node->hash, &old);
  if (old && old.get() != obj(hold.get())) unlink(&reinterpret_cast<OdictNode*>(old.get())->ring);
  od->count = dict_size(nodes.get());
  return status;
}

void clear_nodes(ThreadState& ts, Odict* od) {
  if (od->ring == nullptr) return;
  while (od->ring->next != od->ring) unlink(od->ring->next);
  od->count = 0;
  ++od->cleared;
  dict_clear(ts, od->nodes);
}

Status set_hash(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value, Py_hash_t hash) {
  if (failed(dict_set_hash(ts, o, key, hash, value))) return Status::kError;
  if (!failed(add_node(ts, as_odict(o), key, hash))) return Status::kOk;
  // Without a place in the order the item must go again.
  Ref<> old;
  ErrorStash stash(ts);
  if (failed(dict_pop_hash(ts, o, key, hash, &old))) error_clear(ts);
  return Status::kError;
}

}  // namespace

Status odict_set(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value) {
  Py_hash_t hash;
  return failed(object_hash(ts, key, &hash)) ? Status::kError : set_hash(ts, o, key, value, hash);
}

Status odict_del(ThreadState& ts, PyObject* o, PyObject* key) {
  Py_hash_t hash;
  if (failed(object_hash(ts, key, &hash))) return Status::kError;
  Ref<> hold = dup(key);
  OdictNode* node = find_node(ts, as_odict(o), key, hash);
  if (node == nullptr && error_set(ts)) return Status::kError;
  if (node != nullptr && failed(remove_node(ts, as_odict(o), node))) return Status::kError;
  Ref<> old;
  if (failed(dict_pop_hash(ts, o, key, hash, &old))) return Status::kError;
  return old ? Status::kOk : Status(raise_key_error(ts, key));
}

namespace {

// ---- filling -----------------------------------------------------------------------------------------------------

Status put_pairs(ThreadState& ts, PyObject* self, PyObject* pairs) {
  return for_each(ts, pairs, [&](PyObject* pair) {
    Ref<> it = object_iter(ts, pair);
    if (!it) return Status::kError;
    Ref<> part[2];
    for (int i = 0; i < 2; ++i) {
      part[i] = iter_next(ts, it.get());
      if (part[i]) continue;
      if (error_set(ts)) return Status::kError;
      return Status(raise(ts, PyExc_ValueError, "need more than %d value%s to unpack", i, i == 1 ? "" : "s"));
    }
    if (iter_next(ts, it.get())) return Status(raise(ts, PyExc_ValueError, "too many values to unpack (expected 2)"));
    if (error_set(ts)) return Status::kError;
    return object_setitem(ts, self, part[0].get(), part[1].get());
  });
}

// A dict gives its items, another mapping its keys(), another object its items(), anything else is an iterable of pairs.
Status update_from(ThreadState& ts, PyObject* self, PyObject* other) {
  if (is_exact_dict(other)) {
    Ref<> items = dict_items_list(ts, other);
    return items ? put_pairs(ts, self, items.get()) : Status::kError;
  }
  Ref<> method;
  if (failed(object_lookup_attr(ts, other, ID(keys), &method))) return Status::kError;
  if (method) {
    Ref<> keys = call(ts, method.get());
    if (!keys) return Status::kError;
    return for_each(ts, keys.get(), [&](PyObject* key) {
      Ref<> value = object_getitem(ts, other, key);
      return value ? object_setitem(ts, self, key, value.get()) : Status::kError;
    });
  }
  if (failed(object_lookup_attr(ts, other, ID(items), &method))) return Status::kError;
  if (method) {
    Ref<> items = call(ts, method.get());
    return items ? put_pairs(ts, self, items.get()) : Status::kError;
  }
  return put_pairs(ts, self, other);
}

Status update(ThreadState& ts, PyObject* self, PyObject* args, PyObject* kwargs) {
  if (tuple_size(args) == 1 && failed(update_from(ts, self, tuple_peek(args, 0)))) return Status::kError;
  if (kwargs == nullptr || dict_size(kwargs) == 0) return Status::kOk;
  Ref<> items = dict_items_list(ts, kwargs);
  return items ? put_pairs(ts, self, items.get()) : Status::kError;
}

int odict_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) > 1) {
    return raise(ts, PyExc_TypeError, "expected at most 1 arguments, got %zd", tuple_size(args));
  }
  return static_cast<int>(update(ts, self, args, kwargs));
}
PyObject* m_update(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) > 1) {
    return raise(ts, PyExc_TypeError, "update() takes at most 1 positional argument (%zd given)", tuple_size(args));
  }
  return failed(update(ts, self, args, kwargs)) ? nullptr : new_ref(Py_None);
}

// ---- the object --------------------------------------------------------------------------------------------------

void odict_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  Odict* od = as_odict(o);
  if (od->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  clear_field(od->instance_dict);
  if (od->ring != nullptr) {
    clear_nodes(ts, od);
    clear_field(od->nodes);
    object_free(ts, std::exchange(od->ring, nullptr));
  }
  PyDict_Type.tp_dealloc(o);
}
int odict_traverse(PyObject* o, visitproc visit, void* arg) {
  Odict* od = as_odict(o);
  Py_VISIT(od->instance_dict);
  if (od->nodes != nullptr) {
    Py_ssize_t pos = 0;
    PyObject* key;
    PyObject* node;
    while (dict_next(od->nodes, &pos, &key, &node)) {
      Py_VISIT(key);
      Py_VISIT(reinterpret_cast<OdictNode*>(node)->key);
    }
  }
  return PyDict_Type.tp_traverse(o, visit, arg);
}
int odict_tp_clear(PyObject* o) {
  clear_field(as_odict(o)->instance_dict);
  clear_nodes(current_thread(), as_odict(o));
  return PyDict_Type.tp_clear(o);
}

Ref<> odict_repr(ThreadState& ts, PyObject* o) {
  const char* name = type_short_name(o->ob_type);
  if (dict_size(o) == 0) return str_format(ts, "%s()", name);
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_from_ascii(ts, "...") : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  Ref<> items;
  if (is_exact_odict(o)) {
    Ref<> it = odict_iterator(ts, o, OdictPart::kItems, false);
    items = it ? list_from_iterable(ts, it.get()) : Ref<>();
  } else {
    Ref<> view = call_method(ts, o, ID(items));
    items = view ? list_from_iterable(ts, view.get()) : Ref<>();
  }
  return items ? str_format(ts, "%s(%R)", name, items.get()) : Ref<>();
}

// The same keys in the same order?
Tri same_order(ThreadState& ts, PyObject* a, PyObject* b) {
  Ref<> x = odict_iterator(ts, a, OdictPart::kKeys, false);
  Ref<> y = x ? odict_iterator(ts, b, OdictPart::kKeys, false) : Ref<>();
  if (!y) return Tri::kError;
  for (;;) {
    Ref<> p = iter_next(ts, x.get());
    if (!p && error_set(ts)) return Tri::kError;
    Ref<> q = iter_next(ts, y.get());
    if (!q && error_set(ts)) return Tri::kError;
    if (!p || !q) return tri(!p && !q);
    Tri same = object_richcompare_bool(ts, p.get(), q.get(), Py_EQ);
    if (same != Tri::kTrue) return same;
  }
}
Ref<> odict_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_odict(a) || !is_dict(b) || (op != Py_EQ && op != Py_NE)) return not_implemented();
  Ref<> equal = Ref<>::steal(PyDict_Type.tp_richcompare(a, b, Py_EQ));
  if (!equal || equal.get() == Py_NotImplemented) return equal;
  bool same = equal.get() == Py_True;
  if (same && is_odict(b)) {
    Tri order = same_order(ts, a, b);
    if (failed(order)) return {};
    same = order == Tri::kTrue;
  }
  return new_bool(same == (op == Py_EQ));
}

Ref<> odict_or(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_dict(a) || !is_dict(b)) return not_implemented();
  PyTypeObject* type = is_odict(a) ? a->ob_type : b->ob_type;
  Ref<> result = call(ts, obj(type), a);
  if (!result || failed(update_from(ts, result.get(), b))) return {};
  return result;
}
Ref<> odict_ior(ThreadState& ts, PyObject* a, PyObject* b) { return failed(update_from(ts, a, b)) ? Ref<>() : dup(a); }
Status odict_ass_subscript(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value) {
  return value != nullptr ? odict_set(ts, o, key, value) : odict_del(ts, o, key);
}

// ---- methods -----------------------------------------------------------------------------------------------------

// Removes a key and gives its value; the fallback, or KeyError without one, where there is none.
Ref<> pop_hash(ThreadState& ts, PyObject* o, PyObject* key, Py_hash_t hash, PyObject* fallback) {
  Ref<> hold = dup(key);
  OdictNode* node = find_node(ts, as_odict(o), key, hash);
  if (node == nullptr && error_set(ts)) return {};
  if (node != nullptr && failed(remove_node(ts, as_odict(o), node))) return {};
  Ref<> value;
  if (failed(dict_pop_hash(ts, o, key, hash, &value))) return {};
  if (value) return value;
  if (fallback != nullptr) return dup(fallback);
  return raise_key_error(ts, key);
}
Ref<> m_pop(ThreadState& ts, Odict* od, PyObject* key, PyObject* fallback) {
  Py_hash_t hash;
  return failed(object_hash(ts, key, &hash)) ? Ref<>() : pop_hash(ts, obj(od), key, hash, fallback);
}
Ref<> m_popitem(ThreadState& ts, Odict* od, bool last) {
  OdictNode* node = odict_after(od, nullptr, last);
  if (node == nullptr) return raise(ts, PyExc_KeyError, "dictionary is empty");
  Ref<> key = dup(node->key);
  Ref<> value = pop_hash(ts, obj(od), key.get(), node->hash, nullptr);
  return value ? tuple_of(ts, key.get(), value.get()) : Ref<>();
}
Status m_move_to_end(ThreadState& ts, Odict* od, PyObject* key, bool last) {
  Py_hash_t hash;
  if (failed(object_hash(ts, key, &hash))) return Status::kError;
  OdictNode* node = find_node(ts, od, key, hash);
  if (node == nullptr) return error_set(ts) ? Status::kError : Status(raise_object(ts, PyExc_KeyError, key));
  if (node == odict_after(od, nullptr, last)) return Status::kOk;
  unlink(&node->ring);
  link_before(last ? od->ring : od->ring->next, &node->ring);
  ++od->state;
  return Status::kOk;
}
Ref<> m_setdefault(ThreadState& ts, Odict* od, PyObject* key, PyObject* fallback) {
  PyObject* o = obj(od);
  if (fallback == nullptr) fallback = Py_None;
  if (is_exact_odict(o)) {
    Ref<> value;
    if (failed(dict_lookup(ts, o, key, &value))) return {};
    if (value) return value;
    return failed(odict_set(ts, o, key, fallback)) ? Ref<>() : dup(fallback);
  }
  Tri there = object_contains(ts, o, key);
  if (failed(there)) return {};
  if (there == Tri::kTrue) return object_getitem(ts, o, key);
  return failed(object_setitem(ts, o, key, fallback)) ? Ref<>() : dup(fallback);
}
Status m_clear(ThreadState& ts, Odict* od) {
  clear_nodes(ts, od);
  dict_clear(ts, obj(od));
  return Status::kOk;
}
Ref<> m_copy(ThreadState& ts, Odict* od) {
  PyObject* o = obj(od);
  bool exact = is_exact_odict(o);
  Ref<> copy = exact ? Ref<>::steal(PyODict_New()) : call(ts, obj(o->ob_type));
  Ref<> it = copy ? odict_iterator(ts, o, OdictPart::kKeys, false) : Ref<>();
  if (!it) return {};
  while (Ref<> key = iter_next(ts, it.get())) {
    if (exact) {
      Ref<> value;
      if (failed(dict_lookup(ts, o, key.get(), &value))) return {};
      if (!value) return raise_key_error(ts, key.get());
      if (failed(odict_set(ts, copy.get(), key.get(), value.get()))) return {};
    } else {
      Ref<> value = object_getitem(ts, o, key.get());
      if (!value || failed(object_setitem(ts, copy.get(), key.get(), value.get()))) return {};
    }
  }
  return error_set(ts) ? Ref<>() : std::move(copy);
}
Ref<> m_reduce(ThreadState& ts, Odict* od) {
  Ref<> state = Ref<>::steal(_PyObject_GetState(obj(od)));
  Ref<> items = state ? call_method(ts, obj(od), ID(items)) : Ref<>();
  Ref<> it = items ? object_iter(ts, items.get()) : Ref<>();
  return it ? tuple_of(ts, obj(od)->ob_type, empty_tuple(), state.get(), Py_None, it.get()) : Ref<>();
}
Ref<> m_sizeof(ThreadState& ts, Odict* od) {
  size_t bytes = static_cast<size_t>(obj(od)->ob_type->tp_basicsize) + dict_table_bytes(obj(od));
  if (od->nodes != nullptr) {
    bytes += sizeof(OdictRing) + sizeof(PyDictObject) + dict_table_bytes(od->nodes) + static_cast<size_t>(od->count) * sizeof(OdictNode);
  }
  return int_from_u64(ts, bytes);
}
Ref<> m_fromkeys(ThreadState& ts, PyTypeObject* type, PyObject* iterable, PyObject* value) {
  if (value == nullptr) value = Py_None;
  Ref<> od = call(ts, obj(type));
  if (!od) return {};
  bool exact = is_exact_odict(od.get());
  Status s = for_each(ts, iterable, [&](PyObject* key) {
    return exact ? odict_set(ts, od.get(), key, value) : object_setitem(ts, od.get(), key, value);
  });
  return failed(s) ? Ref<>() : std::move(od);
}
Ref<> m_keys(ThreadState& ts, Odict* od) { return odict_view(ts, obj(od), OdictPart::kKeys); }
Ref<> m_values(ThreadState& ts, Odict* od) { return odict_view(ts, obj(od), OdictPart::kValues); }
Ref<> m_items(ThreadState& ts, Odict* od) { return odict_view(ts, obj(od), OdictPart::kItems); }
Ref<> m_reversed(ThreadState& ts, Odict* od) { return odict_iterator(ts, obj(od), OdictPart::kKeys, true); }
Ref<> odict_iter(ThreadState& ts, PyObject* o) { return odict_iterator(ts, o, OdictPart::kKeys, false); }

constexpr MethodSpec kMethods[] = {
    ATOLL_CLASSMETHOD(m_fromkeys, "fromkeys", "($type, /, iterable, value=None)",
                      "Create a new ordered dictionary with keys from iterable and values set to value."),
    ATOLL_METHOD_PLAIN(m_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD_PLAIN(m_reduce, "__reduce__", "($self, /)", "Return state information for pickling"),
    ATOLL_METHOD(m_setdefault, "setdefault", "($self, /, key, default=None)",
                 "Insert key with a value of default if key is not in the dictionary.\n\n"
                 "Return the value for key if key is in the dictionary, else default."),
    ATOLL_METHOD(m_pop, "pop", "($self, /, key, default=<unrepresentable>)",
                 "od.pop(key[,default]) -> v, remove specified key and return the corresponding value.\n\n"
                 "If the key is not found, return the default if given; otherwise,\nraise a KeyError."),
    ATOLL_METHOD(m_popitem, "popitem", "($self, /, last=True)",
                 "Remove and return a (key, value) pair from the dictionary.\n\n"
                 "Pairs are returned in LIFO order if last is true or FIFO order if false."),
    ATOLL_METHOD_PLAIN(m_keys, "keys", "($self, /)", "A view of the keys, in order."),
    ATOLL_METHOD_PLAIN(m_values, "values", "($self, /)", "A view of the values, in order."),
    ATOLL_METHOD_PLAIN(m_items, "items", "($self, /)", "A view of the pairs, in order."),
    ATOLL_METHOD_RAW(m_update, "update", METH_VARARGS | METH_KEYWORDS, "Add the pairs of a mapping or iterable, and the keywords."),
    ATOLL_METHOD_PLAIN(m_clear, "clear", "($self, /)", "od.clear() -> None.  Remove all items from od."),
    ATOLL_METHOD_PLAIN(m_copy, "copy", "($self, /)", "od.copy() -> a shallow copy of od"),
    ATOLL_METHOD_PLAIN(m_reversed, "__reversed__", "($self, /)", "od.__reversed__() <==> reversed(od)"),
    ATOLL_METHOD(m_move_to_end, "move_to_end", "($self, /, key, last=True)",
                 "Move an existing element to the end (or beginning if last is false).\n\n"
                 "Raise KeyError if the element does not exist."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                                   ATOLL_GETSET_END};
constexpr PyNumberMethods kNumber{.nb_or = ATOLL_SLOT(odict_or), .nb_inplace_or = ATOLL_SLOT(odict_ior)};
constexpr PyMappingMethods kMapping{.mp_ass_subscript = ATOLL_SLOT(odict_ass_subscript)};

void node_dealloc(ThreadState& ts, PyObject* o) {
  auto* node = reinterpret_cast<OdictNode*>(o);
  unlink(&node->ring);
  Ref<> key = Ref<>::steal(std::exchange(node->key, nullptr));
  free_object(ts, o);
}

}  // namespace

constinit const TypeSpec odict_spec{
    .name = "collections.OrderedDict",
    .doc = "Dictionary that remembers insertion order",
    .basicsize = sizeof(Odict),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .base = &PyDict_Type,
    .dealloc = ATOLL_SLOT(odict_dealloc),
    .traverse = odict_traverse,
    .clear = odict_tp_clear,
    .repr = ATOLL_SLOT(odict_repr),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(odict_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .setattro = PyObject_GenericSetAttr,
    .iter = ATOLL_SLOT(odict_iter),
    .init = odict_init,
    .number = &kNumber,
    .mapping = &kMapping,
    .weaklist_offset = offsetof(Odict, weaklist),
    .dict_offset = offsetof(Odict, instance_dict),
    .methods = kMethods,
    .getset = kGetSet,
};
constinit const TypeSpec odict_node_spec{
    .name = "collections._odict_node",
    .basicsize = sizeof(OdictNode),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(node_dealloc),
};

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PyODict_Type = {};
ATOLL_SEALED PyTypeObject atoll_odict_node_type = {};

PyObject* PyODict_New() { return dict_alloc(current_thread(), &PyODict_Type); }
int PyODict_SetItem(PyObject* od, PyObject* key, PyObject* value) {
  return static_cast<int>(odict_set(current_thread(), od, key, value));
}
int PyODict_DelItem(PyObject* od, PyObject* key) { return static_cast<int>(odict_del(current_thread(), od, key)); }
