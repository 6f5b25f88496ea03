// collections.deque: a ring of items whose size is a power of two, so that both ends and any index cost constant time.
//
// `version` changes with every addition and removal: iterators and searches that run user code compare it.
#include <cstring>

#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"
#include "Objects/type/type.h"

namespace atl {

namespace {

struct Deque {
  PyObject ob_base;
  PyObject** items;
  size_t mask;       // size of the ring less one; items NULL: no ring
  size_t first;
  Py_ssize_t count;
  Py_ssize_t max_length;  // -1: none
  uint64_t version;
  PyObject* weaklist;
};
Deque* as_deque(PyObject* o) { return reinterpret_cast<Deque*>(o); }
bool is_deque(PyObject* o) { return is_instance_nocall(o, &atoll_deque_type); }

PyObject*& at(Deque* d, Py_ssize_t i) { return d->items[(d->first + static_cast<size_t>(i)) & d->mask]; }

// A ring of the given size (a power of two) with the same items.
Status resize(ThreadState& ts, Deque* d, size_t size) {
  if (size > static_cast<size_t>(PY_SSIZE_T_MAX) / sizeof(PyObject*)) return raise_memory(ts);
  auto** items = static_cast<PyObject**>(object_alloc(ts, size * sizeof(PyObject*)));
  if (items == nullptr) return Status::kError;
  for (Py_ssize_t i = 0; i < d->count; ++i) items[i] = at(d, i);
  if (d->items != nullptr) object_free(ts, d->items);
  d->items = items;
  d->mask = size - 1;
  d->first = 0;
  return Status::kOk;
}
constexpr size_t kSmallest = 8;
size_t ring_size(Deque* d) { return d->items != nullptr ? d->mask + 1 : 0; }

Status make_room(ThreadState& ts, Deque* d) {
  size_t size = ring_size(d);
  if (static_cast<size_t>(d->count) < size) return Status::kOk;
  return resize(ts, d, size == 0 ? kSmallest : size * 2);
}
// A ring that is mostly empty is halved; without memory for that it stays.
void maybe_shrink(ThreadState& ts, Deque* d) {
  size_t size = ring_size(d);
  if (size > 64 && static_cast<size_t>(d->count) < size / 8 && failed(resize(ts, d, size / 2))) error_clear(ts);
}

Ref<> take_first(ThreadState& ts, Deque* d) {
  Ref<> item = Ref<>::steal(d->items[d->first]);
  d->first = (d->first + 1) & d->mask;
  --d->count;
  ++d->version;
  maybe_shrink(ts, d);
  return item;
}
Ref<> take_last(ThreadState& ts, Deque* d) {
  Ref<> item = Ref<>::steal(at(d, d->count - 1));
  --d->count;
  ++d->version;
  maybe_shrink(ts, d);
  return item;
}
// Adding to a full bounded deque pushes one out at the other end, which is let go last.
Status push_last(ThreadState& ts, Deque* d, Ref<> item) {
  if (d->max_length == 0) return Status::kOk;
  Ref<> out;
  if (d->count == d->max_length) out = take_first(ts, d);
  if (failed(make_room(ts, d))) return Status::kError;
  ++d->count;
  at(d, d->count - 1) = item.release();
  ++d->version;
  return Status::kOk;
}
Status push_first(ThreadState& ts, Deque* d, Ref<> item) {
  if (d->max_length == 0) return Status::kOk;
  Ref<> out;
  if (d->count == d->max_length) out = take_last(ts, d);
  if (failed(make_room(ts, d))) return Status::kError;
  d->first = (d->first - 1) & d->mask;
  d->items[d->first] = item.release();
  ++d->count;
  ++d->version;
  return Status::kOk;
}

void clear_all(ThreadState& ts, Deque* d) {
  PyObject** items = std::exchange(d->items, nullptr);
  size_t first = d->first, mask = d->mask;
  Py_ssize_t n = std::exchange(d->count, 0);
  d->first = d->mask = 0;
  ++d->version;
  for (Py_ssize_t i = 0; i < n; ++i) decref(items[(first + static_cast<size_t>(i)) & mask]);
  if (items != nullptr) object_free(ts, items);
}

Status extend(ThreadState& ts, Deque* d, PyObject* iterable, Status (*push)(ThreadState&, Deque*, Ref<>)) {
  Ref<> source = obj(d) == iterable ? list_from_iterable(ts, iterable) : dup(iterable);
  if (!source) return Status::kError;
  Ref<> it = object_iter(ts, source.get());
  if (!it) return Status::kError;
  while (Ref<> item = raw_next(it.get())) {
    if (failed(push(ts, d, std::move(item)))) return Status::kError;
  }
  return end_of_iteration(ts);
}

Ref<Deque> deque_new(ThreadState& ts, PyTypeObject* type) {
  auto d = new_instance<Deque>(ts, type, &atoll_deque_type);
  if (d) d->max_length = -1;
  return d;
}
PyObject* deque_tp_new(PyTypeObject* type, PyObject*, PyObject*) { return obj(deque_new(current_thread(), type).release()); }

Status deque_init(ThreadState& ts, Deque* d, PyObject* iterable, PyObject* max_length) {
  Py_ssize_t limit = -1;
  if (max_length != nullptr && max_length != Py_None) {
    limit = PyLong_AsSsize_t(max_length);
    if (limit == -1 && error_set(ts)) return Status::kError;
    if (limit < 0) return raise(ts, PyExc_ValueError, "maxlen must be non-negative");
  }
  d->max_length = limit;
  if (d->count != 0) clear_all(ts, d);
  return iterable != nullptr ? extend(ts, d, iterable, push_last) : Status::kOk;
}

void deque_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  Deque* d = as_deque(o);
  if (d->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  clear_all(ts, d);
  free_instance(ts, o);
  trashcan_end(ts);
}
int deque_traverse(PyObject* o, visitproc visit, void* arg) {
  Deque* d = as_deque(o);
  for (Py_ssize_t i = 0; i < d->count; ++i) Py_VISIT(at(d, i));
  return 0;
}
int deque_tp_clear(PyObject* o) {
  clear_all(current_thread(), as_deque(o));
  return 0;
}

Ref<> deque_repr(ThreadState& ts, PyObject* o) {
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_from_ascii(ts, "[...]") : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  Ref<> list = list_from_iterable(ts, o);
  if (!list) return {};
  const char* name = type_short_name(o->ob_type);
  if (as_deque(o)->max_length < 0) return str_format(ts, "%s(%R)", name, list.get());
  return str_format(ts, "%s(%R, maxlen=%zd)", name, list.get(), as_deque(o)->max_length);
}

Ref<> deque_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_deque(a) || !is_deque(b)) return not_implemented();
  Py_ssize_t n = as_deque(a)->count, m = as_deque(b)->count;
  if (op == Py_EQ || op == Py_NE) {
    if (a == b) return new_bool(op == Py_EQ);
    if (n != m) return new_bool(op == Py_NE);
  }
  Ref<> x = object_iter(ts, a);
  Ref<> y = x ? object_iter(ts, b) : Ref<>();
  if (!y) return {};
  for (;;) {
    Ref<> p = iter_next(ts, x.get());
    if (!p && error_set(ts)) return {};
    Ref<> q = iter_next(ts, y.get());
    if (!q && error_set(ts)) return {};
    if (!p || !q) return new_bool(order_matches(p ? 1 : q ? -1 : 0, op));
    Tri same = object_richcompare_bool(ts, p.get(), q.get(), Py_EQ);
    if (failed(same)) return {};
    if (same == Tri::kTrue) continue;
    if (op == Py_EQ) return new_bool(false);
    if (op == Py_NE) return new_bool(true);
    return object_richcompare(ts, p.get(), q.get(), op);
  }
}

// ---- sequence ----------------------------------------------------------------------------------------------------

Py_ssize_t deque_length(ThreadState&, PyObject* o) { return as_deque(o)->count; }

Raised out_of_range(ThreadState& ts) { return raise(ts, PyExc_IndexError, "deque index out of range"); }
Raised mutated(ThreadState& ts, PyObject* type = PyExc_RuntimeError) { return raise(ts, type, "deque mutated during iteration"); }

Ref<> deque_item(ThreadState& ts, PyObject* o, Py_ssize_t i) {
  Deque* d = as_deque(o);
  if (i < 0 || i >= d->count) return out_of_range(ts);
  return dup(at(d, i));
}

// Moves every item n places to the right.
void rotate(Deque* d, Py_ssize_t n) {
  if (d->count <= 1) return;
  n %= d->count;
  if (n < 0) n += d->count;
  if (n == 0) return;
  ++d->version;
  if (static_cast<size_t>(d->count) == ring_size(d)) {
    // A full ring only has to begin elsewhere.
    d->first = (d->first - static_cast<size_t>(n)) & d->mask;
    return;
  }
  if (n <= d->count / 2) {
    for (; n > 0; --n) {
      PyObject* item = at(d, d->count - 1);
      d->first = (d->first - 1) & d->mask;
      d->items[d->first] = item;
    }
  } else {
    for (n = d->count - n; n > 0; --n) {
      PyObject* item = d->items[d->first];
      d->first = (d->first + 1) & d->mask;
      at(d, d->count - 1) = item;
    }
  }
}

// Takes item i out; the items of the shorter side move up.
Ref<> take_out(ThreadState& ts, Deque* d, Py_ssize_t i) {
  Ref<> item = Ref<>::steal(at(d, i));
  if (i < d->count / 2) {
    for (; i > 0; --i) at(d, i) = at(d, i - 1);
    d->first = (d->first + 1) & d->mask;
  } else {
    for (; i < d->count - 1; ++i) at(d, i) = at(d, i + 1);
  }
  --d->count;
  ++d->version;
  maybe_shrink(ts, d);
  return item;
}

Status deque_ass_item(ThreadState& ts, PyObject* o, Py_ssize_t i, PyObject* value) {
  Deque* d = as_deque(o);
  if (i < 0 || i >= d->count) return out_of_range(ts);
  if (value == nullptr) {
    Ref<> old = take_out(ts, d, i);
    return Status::kOk;
  }
  set_field(at(d, i), dup(value));
  return Status::kOk;
}

// Position of a value in [start, stop), -1: absent, -2: error. The type of the exception for a deque that changed.
Py_ssize_t find(ThreadState& ts, Deque* d, PyObject* value, Py_ssize_t start, Py_ssize_t stop, PyObject* when_mutated) {
  uint64_t version = d->version;
  for (Py_ssize_t i = start; i < stop; ++i) {
    Ref<> item = dup(at(d, i));
    Tri same = object_richcompare_bool(ts, item.get(), value, Py_EQ);
    if (failed(same)) return -2;
    if (version != d->version) {
      (void)mutated(ts, when_mutated);
      return -2;
    }
    if (same == Tri::kTrue) return i;
  }
  return -1;
}
Tri deque_contains(ThreadState& ts, PyObject* o, PyObject* value) {
  Py_ssize_t i = find(ts, as_deque(o), value, 0, as_deque(o)->count, PyExc_RuntimeError);
  return i == -2 ? Tri::kError : tri(i >= 0);
}

Ref<> deque_copy(ThreadState& ts, Deque* d) {
  PyTypeObject* type = d->ob_base.ob_type;
  if (type == &atoll_deque_type) {
    auto copy = deque_new(ts, type);
    if (!copy) return {};
    copy->max_length = d->max_length;
    for (Py_ssize_t i = 0; i < d->count; ++i) {
      if (failed(push_last(ts, copy.get(), dup(at(d, i))))) return {};
    }
    return copy;
  }
  Ref<> limit = d->max_length < 0 ? Ref<>() : int_from_ssize(ts, d->max_length);
  if (d->max_length >= 0 && !limit) return {};
  Ref<> copy = limit ? call(ts, obj(type), obj(d), limit.get()) : call(ts, obj(type), obj(d));
  if (copy && !is_deque(copy.get())) {
    return raise(ts, PyExc_TypeError, "%.200s() must return a deque, not %.200s", type->tp_name, copy.get()->ob_type->tp_name);
  }
  return copy;
}

Ref<> deque_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_deque(b)) {
    return raise(ts, PyExc_TypeError, "can only concatenate deque (not \"%.200s\") to deque", b->ob_type->tp_name);
  }
  Ref<> result = deque_copy(ts, as_deque(a));
  if (!result || failed(extend(ts, as_deque(result.get()), b, push_last))) return {};
  return result;
}
Ref<> deque_inplace_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  return failed(extend(ts, as_deque(a), b, push_last)) ? Ref<>() : dup(a);
}
Ref<> deque_inplace_repeat(ThreadState& ts, PyObject* o, Py_ssize_t n) {
  Deque* d = as_deque(o);
  Py_ssize_t size = d->count;
  if (size == 0 || n == 1) return dup(o);
  if (n <= 0) {
    clear_all(ts, d);
    return dup(o);
  }
  // A bounded deque holds the end of the repetition, which few copies give.
  if (d->max_length >= 0 && n > d->max_length / size + 2) n = d->max_length / size + 2;
  if (n > PY_SSIZE_T_MAX / 16 / size) return raise_memory(ts);
  Ref<> items = list_from_iterable(ts, o);
  if (!items) return {};
  for (Py_ssize_t k = 1; k < n; ++k) {
    for (Py_ssize_t i = 0; i < size; ++i) {
      if (failed(push_last(ts, d, dup(list_items(items.get())[i])))) return {};
    }
  }
  return dup(o);
}
Ref<> deque_repeat(ThreadState& ts, PyObject* o, Py_ssize_t n) {
  Ref<> copy = deque_copy(ts, as_deque(o));
  return copy ? deque_inplace_repeat(ts, copy.get(), n) : Ref<>();
}

// ---- methods -----------------------------------------------------------------------------------------------------

Status m_append(ThreadState& ts, Deque* d, PyObject* item) { return push_last(ts, d, dup(item)); }
Status m_appendleft(ThreadState& ts, Deque* d, PyObject* item) { return push_first(ts, d, dup(item)); }
Status m_extend(ThreadState& ts, Deque* d, PyObject* iterable) { return extend(ts, d, iterable, push_last); }
Status m_extendleft(ThreadState& ts, Deque* d, PyObject* iterable) { return extend(ts, d, iterable, push_first); }
Ref<> m_pop(ThreadState& ts, Deque* d) {
  if (d->count == 0) return raise(ts, PyExc_IndexError, "pop from an empty deque");
  return take_last(ts, d);
}
Ref<> m_popleft(ThreadState& ts, Deque* d) {
  if (d->count == 0) return raise(ts, PyExc_IndexError, "pop from an empty deque");
  return take_first(ts, d);
}
Status m_clear(ThreadState& ts, Deque* d) {
  clear_all(ts, d);
  return Status::kOk;
}
Status m_reverse(ThreadState&, Deque* d) {
  for (Py_ssize_t i = 0, j = d->count - 1; i < j; ++i, --j) std::swap(at(d, i), at(d, j));
  return Status::kOk;
}
PyObject* m_rotate(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Py_ssize_t by = 1;
  if (!check_count(ts, "rotate", n, 0, 1) || (n == 1 && failed(index_as_ssize(ts, args[0], &by)))) return nullptr;
  rotate(as_deque(self), by);
  return new_ref(Py_None);
}
Ref<> m_count(ThreadState& ts, Deque* d, PyObject* value) {
  Py_ssize_t n = 0;
  uint64_t version = d->version;
  for (Py_ssize_t i = 0; i < d->count; ++i) {
    Ref<> item = dup(at(d, i));
    Tri same = object_richcompare_bool(ts, item.get(), value, Py_EQ);
    if (failed(same)) return {};
    if (version != d->version) return mutated(ts);
    n += same == Tri::kTrue;
  }
  return int_from_ssize(ts, n);
}
Raised absent(ThreadState& ts, PyObject* value) { return raise(ts, PyExc_ValueError, "%R is not in deque", value); }

PyObject* m_index(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Deque* d = as_deque(self);
  Py_ssize_t start = 0, stop = d->count;
  if (!check_count(ts, "index", n, 1, 3) || (n > 1 && !_PyEval_SliceIndexNotNone(args[1], &start)) ||
      (n > 2 && !_PyEval_SliceIndexNotNone(args[2], &stop))) {
    return nullptr;
  }
  for (Py_ssize_t* end : {&start, &stop}) {
    if (*end < 0) *end = *end + d->count < 0 ? 0 : *end + d->count;
  }
  if (stop > d->count) stop = d->count;
  if (start > stop) start = stop;
  Py_ssize_t i = find(ts, d, args[0], start, stop, PyExc_RuntimeError);
  if (i == -1) return absent(ts, args[0]);
  return i == -2 ? nullptr : int_from_ssize(ts, i).release();
}
Status m_insert(ThreadState& ts, Deque* d, Py_ssize_t i, PyObject* item) {
  if (d->count == d->max_length) return raise(ts, PyExc_IndexError, "deque already at its maximum size");
  if (i >= d->count) return push_last(ts, d, dup(item));
  if (i < 0) i += d->count;
  if (i <= 0) return push_first(ts, d, dup(item));
  if (failed(make_room(ts, d))) return Status::kError;
  ++d->count;
  if (i < d->count / 2) {
    d->first = (d->first - 1) & d->mask;
    for (Py_ssize_t k = 0; k < i; ++k) at(d, k) = at(d, k + 1);
  } else {
    for (Py_ssize_t k = d->count - 1; k > i; --k) at(d, k) = at(d, k - 1);
  }
  at(d, i) = new_ref(item);
  ++d->version;
  return Status::kOk;
}
Status m_remove(ThreadState& ts, Deque* d, PyObject* value) {
  Py_ssize_t i = find(ts, d, value, 0, d->count, PyExc_IndexError);
  if (i == -1) return absent(ts, value);
  if (i == -2) return Status::kError;
  Ref<> old = take_out(ts, d, i);
  return Status::kOk;
}
Ref<> m_reduce(ThreadState& ts, Deque* d) {
  Ref<> state = Ref<>::steal(_PyObject_GetState(obj(d)));
  Ref<> it = state ? object_iter(ts, obj(d)) : Ref<>();
  if (!it) return {};
  Ref<> args;
  if (d->max_length < 0) {
    args = dup(empty_tuple());
  } else {
    Ref<> limit = int_from_ssize(ts, d->max_length);
    args = limit ? tuple_of(ts, empty_tuple(), limit.get()) : Ref<>();
  }
  return args ? tuple_of(ts, d->ob_base.ob_type, args.get(), state.get(), it.get()) : Ref<>();
}
Ref<> m_sizeof(ThreadState& ts, Deque* d) {
  return int_from_u64(ts, static_cast<uint64_t>(d->ob_base.ob_type->tp_basicsize) + ring_size(d) * sizeof(PyObject*));
}
Ref<> get_maxlen(ThreadState& ts, Deque* d) { return d->max_length < 0 ? new_none() : int_from_ssize(ts, d->max_length); }

// ---- iterators ---------------------------------------------------------------------------------------------------

struct DequeIter {
  PyObject ob_base;
  PyObject* deque;
  Py_ssize_t index;  // of the next item, from the end where the walk begins
  uint64_t version;
  Py_ssize_t remaining;
  uint64_t reserved;
};
static_assert(sizeof(DequeIter) == 56);
DequeIter* as_iter(PyObject* o) { return reinterpret_cast<DequeIter*>(o); }
using IterFields = OwnedFields<DequeIter, &DequeIter::deque>;

Ref<DequeIter> iter_new(ThreadState& ts, PyTypeObject* type, PyObject* deque) {
  auto it = new_object<DequeIter>(ts, type);
  if (!it) return {};
  it->deque = new_ref(deque);
  it->index = 0;
  it->version = as_deque(deque)->version;
  it->remaining = as_deque(deque)->count;
  track(ts, it.get());
  return it;
}
Ref<> deque_iter(ThreadState& ts, PyObject* o) { return iter_new(ts, &atoll_deque_iter_type, o); }
Ref<> m_reversed(ThreadState& ts, Deque* d) { return iter_new(ts, &atoll_deque_reverse_iter_type, obj(d)); }

Ref<> iter_step(ThreadState& ts, PyObject* o) {
  DequeIter* it = as_iter(o);
  Deque* d = as_deque(it->deque);
  if (it->version != d->version) {
    it->remaining = 0;
    return mutated(ts);
  }
  if (it->remaining == 0) return {};
  --it->remaining;
  Py_ssize_t i = it->index++;
  return dup(at(d, is_exact(o, &atoll_deque_iter_type) ? i : d->count - 1 - i));
}
// (deque, index=0): where pickles go on.
PyObject* iter_tp_new(PyTypeObject* type, PyObject* args, PyObject*) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args), index = 0;
  if (n < 1) return raise(ts, PyExc_TypeError, "function takes at least 1 argument (0 given)");
  if (n > 2) return raise(ts, PyExc_TypeError, "function takes at most 2 arguments (%zd given)", n);
  PyObject* deque = tuple_peek(args, 0);
  if (!is_deque(deque)) {
    return raise(ts, PyExc_TypeError, "argument 1 must be collections.deque, not %.50s", deque->ob_type->tp_name);
  }
  if (n == 2 && failed(index_as_ssize(ts, tuple_peek(args, 1), &index))) return nullptr;
  auto it = iter_new(ts, type, deque);
  if (!it) return nullptr;
  if (index > it->remaining) index = it->remaining;
  if (index > 0) {
    it->index = index;
    it->remaining -= index;
  }
  return obj(it.release());
}
Ref<> iter_hint(ThreadState& ts, DequeIter* it) { return int_from_ssize(ts, it->remaining); }
Ref<> iter_reduce(ThreadState& ts, DequeIter* it) {
  Ref<> index = int_from_ssize(ts, as_deque(it->deque)->count - it->remaining);
  return index ? reduce_to(ts, obj(it), it->deque, index.get()) : Ref<>();
}
constexpr MethodSpec kIterMethods[] = {
    ATOLL_METHOD_PLAIN(iter_hint, "__length_hint__", "($self, /)", "How many are left."),
    ATOLL_METHOD_PLAIN(iter_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_PLAIN(m_append, "append", "($self, item, /)", "Add an element to the right side of the deque."),
    ATOLL_METHOD_PLAIN(m_appendleft, "appendleft", "($self, item, /)", "Add an element to the left side of the deque."),
    ATOLL_METHOD_PLAIN(m_clear, "clear", "($self, /)", "Remove all elements from the deque."),
    ATOLL_METHOD_PLAIN(deque_copy, "__copy__", "($self, /)", "Return a shallow copy of a deque."),
    ATOLL_METHOD_PLAIN(deque_copy, "copy", "($self, /)", "Return a shallow copy of a deque."),
    ATOLL_METHOD_PLAIN(m_count, "count", "($self, value, /)", "D.count(value) -- return number of occurrences of value"),
    ATOLL_METHOD_PLAIN(m_extend, "extend", "($self, iterable, /)", "Extend the right side of the deque with elements from the iterable"),
    ATOLL_METHOD_PLAIN(m_extendleft, "extendleft", "($self, iterable, /)", "Extend the left side of the deque with elements from the iterable"),
    ATOLL_METHOD_RAW(m_index, "index", METH_FASTCALL,
                     "D.index(value, [start, [stop]]) -- return first index of value.\nRaises ValueError if the value is not present."),
    ATOLL_METHOD_PLAIN(m_insert, "insert", "($self, index, item, /)", "D.insert(index, object) -- insert object before index"),
    ATOLL_METHOD_PLAIN(m_pop, "pop", "($self, /)", "Remove and return the rightmost element."),
    ATOLL_METHOD_PLAIN(m_popleft, "popleft", "($self, /)", "Remove and return the leftmost element."),
    ATOLL_METHOD_PLAIN(m_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(m_remove, "remove", "($self, value, /)", "D.remove(value) -- remove first occurrence of value."),
    ATOLL_METHOD_PLAIN(m_reversed, "__reversed__", "($self, /)", "D.__reversed__() -- return a reverse iterator over the deque"),
    ATOLL_METHOD_PLAIN(m_reverse, "reverse", "($self, /)", "D.reverse() -- reverse *IN PLACE*"),
    ATOLL_METHOD_RAW(m_rotate, "rotate", METH_FASTCALL,
                     "Rotate the deque n steps to the right (default n=1).  If n is negative, rotates left."),
    ATOLL_METHOD_PLAIN(m_sizeof, "__sizeof__", "($self, /)", "D.__sizeof__() -- size of D in memory, in bytes"),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {
    {"maxlen", ATOLL_GETTER(get_maxlen), nullptr, "maximum size of a deque or None if unbounded", nullptr}, ATOLL_GETSET_END};
constexpr PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(deque_length),
                                      .sq_concat = ATOLL_SLOT(deque_concat),
                                      .sq_repeat = ATOLL_SLOT(deque_repeat),
                                      .sq_item = ATOLL_SLOT(deque_item),
                                      .sq_ass_item = ATOLL_SLOT(deque_ass_item),
                                      .sq_contains = ATOLL_SLOT(deque_contains),
                                      .sq_inplace_concat = ATOLL_SLOT(deque_inplace_concat),
                                      .sq_inplace_repeat = ATOLL_SLOT(deque_inplace_repeat)};

}  // namespace

constinit const TypeSpec collections_deque_spec{
    .name = "collections.deque",
    .doc = "deque([iterable[, maxlen]]) --> deque object\n\nA list-like sequence optimized for data accesses near its endpoints.",
    .basicsize = sizeof(Deque),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_SEQUENCE,
    .dealloc = ATOLL_SLOT(deque_dealloc),
    .traverse = deque_traverse,
    .clear = deque_tp_clear,
    .repr = ATOLL_SLOT(deque_repr),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(deque_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(deque_iter),
    .init = ATOLL_INIT(deque_init, "deque", "(iterable=<unrepresentable>, maxlen=None)"),
    .new_ = deque_tp_new,
    .sequence = &kSequence,
    .weaklist_offset = offsetof(Deque, weaklist),
    .methods = kMethods,
    .getset = kGetSet,
};
#define ATOLL_DEQUE_ITER(spec, text)                          \
  constinit const TypeSpec spec{                              \
      .name = text,                                           \
      .basicsize = sizeof(DequeIter),                         \
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,       \
      .dealloc = IterFields::dealloc,                         \
      .traverse = IterFields::traverse,                       \
      .getattro = PyObject_GenericGetAttr,                    \
      .iter = PyObject_SelfIter,                              \
      .iternext = ATOLL_SLOT(iter_step),                      \
      .new_ = iter_tp_new,                                    \
      .methods = kIterMethods,                                \
  };
ATOLL_DEQUE_ITER(collections_deque_iter_spec, "_collections._deque_iterator")
ATOLL_DEQUE_ITER(collections_deque_reverse_iter_spec, "_collections._deque_reverse_iterator")

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_deque_type = {};
ATOLL_SEALED PyTypeObject atoll_deque_iter_type = {};
ATOLL_SEALED PyTypeObject atoll_deque_reverse_iter_type = {};
