// Tuples.
#include "Objects/tuple.h"

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/iterators.h"
#include "Objects/list.h"
#include "Objects/slice.h"
#include "Objects/str/str.h"
#include "Objects/type/spec.h"
#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

struct EmptyTuple {
  GcLinks links;  // in front, as of every collectable object; never tracked
  PyTupleObject tuple;
};
ATOLL_SEALED EmptyTuple g_empty_tuple = {{0, 0}, {{{kImmortalRefcnt, &PyTuple_Type}, 0}, {nullptr}}};

constexpr Py_ssize_t kMaxItems = (PY_SSIZE_T_MAX - 64) / 8;

PyObject* alloc(ThreadState& ts, Py_ssize_t n) {
  if (n > kMaxItems) return raise_memory(ts);
  PyObject* o = new_object_sized(ts, &PyTuple_Type, offsetof(PyTupleObject, ob_item) + static_cast<size_t>(n) * 8);
  if (o != nullptr) reinterpret_cast<PyVarObject*>(o)->ob_size = n;
  return o;
}

}  // namespace

PyObject* empty_tuple() { return obj(&g_empty_tuple.tuple); }

Ref<> tuple_new(ThreadState& ts, Py_ssize_t n) {
  if (n == 0) return dup(empty_tuple());
  PyObject* o = alloc(ts, n);
  if (o == nullptr) return {};
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(o)[i] = nullptr;
  track(ts, o);
  return Ref<>::steal(o);
}

Ref<> tuple_from(ThreadState& ts, PyObject* const* items, Py_ssize_t n) {
  if (n == 0) return dup(empty_tuple());
  PyObject* o = alloc(ts, n);
  if (o == nullptr) return {};
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(o)[i] = new_ref(items[i]);
  track(ts, o);
  return Ref<>::steal(o);
}

Ref<> tuple_steal(ThreadState& ts, PyObject* const* items, Py_ssize_t n) {
  if (n == 0) return dup(empty_tuple());
  PyObject* o = alloc(ts, n);
  if (o == nullptr) {
    for (Py_ssize_t i = 0; i < n; ++i) decref(items[i]);
    return {};
  }
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(o)[i] = items[i];
  track(ts, o);
  return Ref<>::steal(o);
}

Ref<> tuple_slice(ThreadState& ts, PyObject* t, Py_ssize_t low, Py_ssize_t high) {
  Py_ssize_t n = tuple_size(t);
  if (low < 0) low = 0;
  if (high > n) high = n;
  if (high < low) high = low;
  if (low == 0 && high == n && is_exact_tuple(t)) return dup(t);
  return tuple_from(ts, tuple_items(t) + low, high - low);
}

Ref<> tuple_from_iterable(ThreadState& ts, PyObject* iterable) {
  if (is_exact_tuple(iterable)) return dup(iterable);
  if (is_exact_list(iterable)) return tuple_from(ts, list_items(iterable), list_size(iterable));
  Ref<> list = list_from_iterable(ts, iterable);
  if (!list) return {};
  // The list's items change hands.
  Py_ssize_t n = list_size(list.get());
  reinterpret_cast<PyVarObject*>(list.get())->ob_size = 0;
  return tuple_steal(ts, list_items(list.get()), n);
}

namespace {

void tuple_dealloc(ThreadState& ts, PyObject* o) {
  if (o == empty_tuple()) return;
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  for (Py_ssize_t i = tuple_size(o); i-- > 0;) xdecref(tuple_items(o)[i]);
  if (is_exact_tuple(o)) {
    free_object(ts, o);
  } else {
    o->ob_type->tp_free(o);
  }
  trashcan_end(ts);
}

int tuple_traverse(PyObject* o, visitproc visit, void* arg) {
  for (Py_ssize_t i = tuple_size(o); i-- > 0;) Py_VISIT(tuple_items(o)[i]);
  return 0;
}

Ref<> tuple_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable) {
  if (type == &PyTuple_Type) return iterable != nullptr ? tuple_from_iterable(ts, iterable) : dup(empty_tuple());
  Ref<> plain = iterable != nullptr ? tuple_from_iterable(ts, iterable) : dup(empty_tuple());
  if (!plain) return {};
  Py_ssize_t n = tuple_size(plain.get());
  Ref<> t = Ref<>::steal(type->tp_alloc(type, n));
  if (!t) return {};
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(t.get())[i] = new_ref(tuple_peek(plain.get(), i));
  return t;
}

// Keywords are refused unless a subclass has an __init__ of its own, which may take them.
PyObject* tuple_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (type->tp_init == PyTuple_Type.tp_init && kwargs != nullptr && dict_size(kwargs) != 0) {
    return raise(ts, PyExc_TypeError, "tuple() takes no keyword arguments");
  }
  Py_ssize_t n = tuple_size(args);
  if (n > 1) return raise(ts, PyExc_TypeError, "tuple expected at most 1 argument, got %zd", n);
  return tuple_make(ts, type, n == 1 ? tuple_peek(args, 0) : nullptr).release();
}

PyObject* tuple_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (kwnames != nullptr && tuple_size(kwnames) != 0) return raise(ts, PyExc_TypeError, "tuple() takes no keyword arguments");
  if (n > 1) return raise(ts, PyExc_TypeError, "tuple expected at most 1 argument, got %zd", n);
  return tuple_make(ts, reinterpret_cast<PyTypeObject*>(type), n == 1 ? args[0] : nullptr).release();
}

Ref<> tuple_repr(ThreadState& ts, PyObject* o) {
  Py_ssize_t n = tuple_size(o);
  if (n == 0) return str_from_ascii(ts, "()");
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_from_ascii(ts, "(...)") : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  StrWriter w(ts);
  if (failed(w.put('('))) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (i != 0 && failed(w.write_ascii(", "))) return {};
    if (failed(w.write_repr(tuple_peek(o, i)))) return {};
  }
  if (failed(w.write_ascii(n == 1 ? ",)" : ")"))) return {};
  return w.finish();
}

// The hash that 3.11 documents by its values: a mix of the items' hashes that depends on their order (xxHash's lane step).
Py_hash_t tuple_hash(ThreadState& ts, PyObject* o) {
  if (!c_stack_ok(ts, " while hashing")) return -1;
  constexpr uint64_t kPrime1 = 11400714785074694791ull;
  constexpr uint64_t kPrime2 = 14029467366897019727ull;
  constexpr uint64_t kPrime5 = 2870177450012600261ull;
  uint64_t mix = kPrime5;
  Py_ssize_t n = tuple_size(o);
  for (Py_ssize_t i = 0; i < n; ++i) {
    Py_hash_t lane;
    if (failed(object_hash(ts, tuple_peek(o, i), &lane))) return -1;
    mix += static_cast<uint64_t>(lane) * kPrime2;
    mix = mix << 31 | mix >> 33;
    mix *= kPrime1;
  }
  mix += static_cast<uint64_t>(n) ^ (kPrime5 ^ 3527539ull);
  return mix == UINT64_MAX ? 1546275796 : static_cast<Py_hash_t>(mix);
}

Ref<> tuple_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_tuple(a) || !is_tuple(b)) return not_implemented();
  Py_ssize_t n = tuple_size(a), m = tuple_size(b);
  Py_ssize_t i = 0;
  for (; i < n && i < m; ++i) {
    Tri same = object_richcompare_bool(ts, tuple_peek(a, i), tuple_peek(b, i), Py_EQ);
    if (failed(same)) return {};
    if (same == Tri::kFalse) break;
  }
  if (i >= n || i >= m) {
    int order = n < m ? -1 : n > m;
    return new_bool(order_matches(order, op));
  }
  if (op == Py_EQ) return new_bool(false);
  if (op == Py_NE) return new_bool(true);
  return object_richcompare(ts, tuple_peek(a, i), tuple_peek(b, i), op);
}

Py_ssize_t tuple_length(ThreadState&, PyObject* o) { return tuple_size(o); }

Ref<> tuple_item(ThreadState& ts, PyObject* o, Py_ssize_t i) {
  if (i < 0 || i >= tuple_size(o)) return raise(ts, PyExc_IndexError, "tuple index out of range");
  return dup(tuple_peek(o, i));
}

Ref<> tuple_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return {};
    return tuple_item(ts, o, i < 0 ? i + tuple_size(o) : i);
  }
  if (!is_exact(key, &PySlice_Type)) {
    return raise(ts, PyExc_TypeError, "tuple indices must be integers or slices, not %.200s", key->ob_type->tp_name);
  }
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, key, &start, &stop, &step))) return {};
  Py_ssize_t n = slice_adjust(tuple_size(o), &start, &stop, step);
  if (n <= 0) return dup(empty_tuple());
  if (step == 1) return tuple_slice(ts, o, start, start + n);
  Ref<> t = tuple_new(ts, n);
  if (!t) return {};
  for (Py_ssize_t i = 0, at = start; i < n; ++i, at += step) tuple_items(t.get())[i] = new_ref(tuple_peek(o, at));
  return t;
}

Tri tuple_contains(ThreadState& ts, PyObject* o, PyObject* item) {
  for (Py_ssize_t i = 0; i < tuple_size(o); ++i) {
    Tri same = object_richcompare_bool(ts, tuple_peek(o, i), item, Py_EQ);
    if (same != Tri::kFalse) return same;
  }
  return Tri::kFalse;
}

Ref<> tuple_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  if (tuple_size(a) == 0 && is_exact_tuple(b)) return dup(b);
  if (!is_tuple(b)) {
    return raise(ts, PyExc_TypeError, "can only concatenate tuple (not \"%.200s\") to tuple", b->ob_type->tp_name);
  }
  if (tuple_size(b) == 0 && is_exact_tuple(a)) return dup(a);
  Py_ssize_t n = tuple_size(a), m = tuple_size(b);
  if (n > kMaxItems - m) return raise_memory(ts);
  Ref<> t = tuple_new(ts, n + m);
  if (!t) return {};
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(t.get())[i] = new_ref(tuple_peek(a, i));
  for (Py_ssize_t i = 0; i < m; ++i) tuple_items(t.get())[n + i] = new_ref(tuple_peek(b, i));
  return t;
}

Ref<> tuple_repeat(ThreadState& ts, PyObject* o, Py_ssize_t count) {
  Py_ssize_t n = tuple_size(o);
  if ((n == 0 || count == 1) && is_exact_tuple(o)) return dup(o);
  if (n == 0 || count <= 0) return dup(empty_tuple());
  if (n > kMaxItems / count) return raise_memory(ts);
  Ref<> t = tuple_new(ts, n * count);
  if (!t) return {};
  for (Py_ssize_t i = 0; i < n * count; ++i) tuple_items(t.get())[i] = new_ref(tuple_peek(o, i % n));
  return t;
}

Ref<> m_index(ThreadState& ts, PyTupleObject* self, PyObject* value, PyObject* start_arg, PyObject* stop_arg) {
  PyObject* o = obj(self);
  Py_ssize_t start = 0, stop = PY_SSIZE_T_MAX;
  if (start_arg != nullptr && !_PyEval_SliceIndexNotNone(start_arg, &start)) return {};
  if (stop_arg != nullptr && !_PyEval_SliceIndexNotNone(stop_arg, &stop)) return {};
  Py_ssize_t n = tuple_size(o);
  if (start < 0) start = start + n < 0 ? 0 : start + n;
  if (stop < 0) stop += n;
  if (stop > n) stop = n;
  for (Py_ssize_t i = start; i < stop; ++i) {
    Tri same = object_richcompare_bool(ts, tuple_peek(o, i), value, Py_EQ);
    if (failed(same)) return {};
    if (same == Tri::kTrue) return int_from_ssize(ts, i);
  }
  return raise(ts, PyExc_ValueError, "tuple.index(x): x not in tuple");
}

Ref<> m_count(ThreadState& ts, PyTupleObject* self, PyObject* value) {
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0; i < tuple_size(obj(self)); ++i) {
    Tri same = object_richcompare_bool(ts, tuple_peek(obj(self), i), value, Py_EQ);
    if (failed(same)) return {};
    count += same == Tri::kTrue;
  }
  return int_from_ssize(ts, count);
}

Ref<> m_getnewargs(ThreadState& ts, PyTupleObject* self) {
  Ref<> plain = tuple_from(ts, tuple_items(obj(self)), tuple_size(obj(self)));
  return plain ? tuple_of(ts, plain.get()) : Ref<>();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_getnewargs, "__getnewargs__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD(m_index, "index", "($self, value, start=0, stop=sys.maxsize, /)", "First index of value.\n\nRaises ValueError if the value is not present."),
    ATOLL_METHOD(m_count, "count", "($self, value, /)", "Number of occurrences of value."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"),
    ATOLL_METHOD_END};
constexpr PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(tuple_length),
                                      .sq_concat = ATOLL_SLOT(tuple_concat),
                                      .sq_repeat = ATOLL_SLOT(tuple_repeat),
                                      .sq_item = ATOLL_SLOT(tuple_item),
                                      .sq_contains = ATOLL_SLOT(tuple_contains)};
constexpr PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(tuple_length), .mp_subscript = ATOLL_SLOT(tuple_subscript)};

// ---- iterator ----------------------------------------------------------------------------------------------------

ListIterObject* as_iter(PyObject* o) { return reinterpret_cast<ListIterObject*>(o); }

Ref<> tuple_iter(ThreadState& ts, PyObject* o) {
  auto it = new_object<ListIterObject>(ts, &PyTupleIter_Type);
  if (!it) return {};
  it->index = 0;
  it->list = new_ref(o);
  track(ts, it.get());
  return it;
}
void iter_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  xdecref(std::exchange(as_iter(o)->list, nullptr));
  free_object(ts, o);
}
int iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_iter(o)->list);
  return 0;
}
Ref<> iter_step(ThreadState&, PyObject* o) {
  ListIterObject* it = as_iter(o);
  if (it->list == nullptr) return {};
  if (it->index < tuple_size(it->list)) return dup(tuple_peek(it->list, it->index++));
  clear_field(it->list);
  return {};
}
Ref<> iter_hint(ThreadState& ts, ListIterObject* it) {
  return int_from_ssize(ts, it->list != nullptr ? tuple_size(it->list) - it->index : 0);
}
Ref<> iter_reduce(ThreadState& ts, ListIterObject* it) {
  Ref<> iter = Ref<>::dup_of(PyDict_GetItemString(ts.interpreter().builtins, "iter"));
  if (!iter) return {};
  if (it->list == nullptr) {
    Ref<> args = tuple_of(ts, empty_tuple());
    return args ? tuple_of(ts, iter.get(), args.get()) : Ref<>();
  }
  Ref<> args = tuple_of(ts, it->list);
  Ref<> at = int_from_ssize(ts, it->index);
  return args && at ? tuple_of(ts, iter.get(), args.get(), at.get()) : Ref<>();
}
Ref<> iter_setstate(ThreadState& ts, ListIterObject* it, PyObject* state) {
  Py_ssize_t i;
  if (failed(index_as_ssize(ts, state, &i))) return {};
  if (it->list != nullptr) {
    if (i < 0) i = 0;
    if (i > tuple_size(it->list)) i = tuple_size(it->list);
    it->index = i;
  }
  return new_none();
}
constexpr MethodSpec kIterMethods[] = {
    ATOLL_METHOD(iter_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD(iter_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD(iter_setstate, "__setstate__", "($self, state, /)", "Set the position."), ATOLL_METHOD_END};

}  // namespace

void upcall_gc_untrack_tuple(PyObject* o) {
  if (!is_exact_tuple(o) || !gc_is_tracked(o)) return;
  for (Py_ssize_t i = 0; i < tuple_size(o); ++i) {
    PyObject* item = tuple_items(o)[i];
    if (item == nullptr || may_be_tracked(item)) return;  // with an empty place it is still being made
  }
  untrack(o);
}

constinit const TypeSpec tuple_spec{
    .name = "tuple",
    .doc = "tuple(iterable=(), /)\n--\n\nAn immutable sequence.",
    .basicsize = offsetof(PyTupleObject, ob_item),
    .itemsize = sizeof(PyObject*),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_TUPLE_SUBCLASS |
             _Py_TPFLAGS_MATCH_SELF | Py_TPFLAGS_SEQUENCE,
    .dealloc = ATOLL_SLOT(tuple_dealloc),
    .traverse = tuple_traverse,
    .repr = ATOLL_SLOT(tuple_repr),
    .hash = ATOLL_SLOT(tuple_hash),
    .richcompare = ATOLL_SLOT(tuple_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(tuple_iter),
    .new_ = tuple_tp_new,
    .vectorcall = tuple_vectorcall,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .methods = kMethods,
};
constinit const TypeSpec tuple_iter_spec{
    .name = "tuple_iterator",
    .basicsize = sizeof(ListIterObject),
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

ATOLL_SEALED PyTypeObject PyTuple_Type = {};
ATOLL_SEALED PyTypeObject PyTupleIter_Type = {};

PyObject* PyTuple_New(Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n < 0) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return tuple_new(ts, n).release();
}
Py_ssize_t PyTuple_Size(PyObject* o) {
  if (!is_tuple(o)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return tuple_size(o);
}
PyObject* PyTuple_GetItem(PyObject* o, Py_ssize_t i) {
  ThreadState& ts = current_thread();
  if (!is_tuple(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (i < 0 || i >= tuple_size(o)) return raise(ts, PyExc_IndexError, "tuple index out of range");
  return tuple_peek(o, i);
}
int PyTuple_SetItem(PyObject* o, Py_ssize_t i, PyObject* item) {
  ThreadState& ts = current_thread();
  Ref<> owned = Ref<>::steal(item);
  if (!is_tuple(o) || o->ob_refcnt != 1) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (i < 0 || i >= tuple_size(o)) return raise(ts, PyExc_IndexError, "tuple assignment index out of range");
  set_field(tuple_items(o)[i], std::move(owned));
  return 0;
}
PyObject* PyTuple_GetSlice(PyObject* o, Py_ssize_t low, Py_ssize_t high) {
  ThreadState& ts = current_thread();
  if (o == nullptr || !is_tuple(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return tuple_slice(ts, o, low, high).release();
}
PyObject* PyTuple_Pack(Py_ssize_t n, ...) {
  ThreadState& ts = current_thread();
  Ref<> t = tuple_new(ts, n);
  if (!t) return nullptr;
  va_list args;
  va_start(args, n);
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(t.get())[i] = new_ref(va_arg(args, PyObject*));
  va_end(args);
  return t.release();
}
// The only reference, so resizing in place is safe.
int _PyTuple_Resize(PyObject** p, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  PyObject* o = *p;
  if (o == nullptr || !is_exact_tuple(o) || (tuple_size(o) != 0 && o->ob_refcnt != 1)) {
    *p = nullptr;
    xdecref(o);
    return raise_bad_internal_call(ts, __FILE__, __LINE__);
  }
  Py_ssize_t old = tuple_size(o);
  if (old == n) return 0;
  Ref<> t = tuple_new(ts, n);
  if (!t) {
    *p = nullptr;
    decref(o);
    return -1;
  }
  for (Py_ssize_t i = 0; i < n && i < old; ++i) tuple_items(t.get())[i] = std::exchange(tuple_items(o)[i], nullptr);
  *p = t.release();
  decref(o);
  return 0;
}
void _PyTuple_MaybeUntrack(PyObject* o) { upcall_gc_untrack_tuple(o); }
