// Lists: storage, methods, type, C API. Sorting is in sort.cc.
#include "Objects/list.h"

#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/iterators.h"
#include "Objects/slice.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

PyListObject* as_list(PyObject* o) { return reinterpret_cast<PyListObject*>(o); }
void set_size(PyListObject* l, Py_ssize_t n) { l->ob_base.ob_size = n; }
Py_ssize_t size_of(PyListObject* l) { return l->ob_base.ob_size; }

constexpr Py_ssize_t kMaxItems = PY_SSIZE_T_MAX / 16;

// Room for n items and an eighth more, so that appending costs constant time on average. Storage belongs to the
// interpreter's heap (PyMem_Realloc), because extensions read ob_item and allocated.
constexpr Py_ssize_t room_for(Py_ssize_t n) { return (n + (n >> 3) + 6) & ~Py_ssize_t{3}; }

// A list without storage gets what it asks for, rounded up to 16 bytes: most lists that are filled at once stay as they are.
Status reserve_first(ThreadState& ts, PyListObject* l, Py_ssize_t n) {
  if (n > kMaxItems) return raise_memory(ts);
  const Py_ssize_t room = (n + 1) & ~Py_ssize_t{1};
  void* p = ts.interpreter().heap.alloc(static_cast<size_t>(room) * sizeof(PyObject*));
  if (p == nullptr) return raise_memory(ts);
  l->ob_item = static_cast<PyObject**>(p);
  l->allocated = room;
  return Status::kOk;
}

Status reserve(ThreadState& ts, PyListObject* l, Py_ssize_t n) {
  if (n > kMaxItems) return raise_memory(ts);
  Py_ssize_t room = room_for(n);
  if (n - size_of(l) > room - n) room = (n + 3) & ~Py_ssize_t{3};
  Heap& heap = ts.interpreter().heap;
  size_t bytes = static_cast<size_t>(room) * sizeof(PyObject*);
  void* p = l->ob_item == nullptr ? heap.alloc(bytes) : heap.realloc(l->ob_item, bytes);
  if (p == nullptr) return raise_memory(ts);
  l->ob_item = static_cast<PyObject**>(p);
  l->allocated = room;
  return Status::kOk;
}

void free_items(ThreadState& ts, PyObject** items) {
  if (items != nullptr) object_free(ts, items);
}

// Changes the size; new places are not filled. Shrinks the storage when more than half of it is unused.
Status resize(ThreadState& ts, PyListObject* l, Py_ssize_t n) {
  if (n > l->allocated) {
    if (failed(reserve(ts, l, n))) return Status::kError;
  } else if (n == 0) {
    free_items(ts, std::exchange(l->ob_item, nullptr));
    l->allocated = 0;
  } else if (n < l->allocated / 2) {
    const Py_ssize_t room = room_for(n);
    void* p = ts.interpreter().heap.realloc(l->ob_item, static_cast<size_t>(room) * sizeof(PyObject*));
    if (p != nullptr) {  // without memory for the smaller block the larger one does
      l->ob_item = static_cast<PyObject**>(p);
      l->allocated = room;
    }
  }
  set_size(l, n);
  return Status::kOk;
}

}  // namespace

Ref<> list_new(ThreadState& ts, Py_ssize_t n) {
  auto l = new_object<PyListObject>(ts, &PyList_Type);
  if (!l) return {};
  l->ob_item = nullptr;
  l->allocated = 0;
  set_size(l.get(), 0);
  if (n > 0) {
    if (n > kMaxItems) return raise_memory(ts);
    auto** items = static_cast<PyObject**>(object_alloc(ts, static_cast<size_t>(n) * sizeof(PyObject*)));
    if (items == nullptr) return {};
    std::memset(items, 0, static_cast<size_t>(n) * sizeof(PyObject*));
    l->ob_item = items;
    l->allocated = n;
    set_size(l.get(), n);
  }
  track(ts, l.get());
  return l;
}

Ref<> list_new_room(ThreadState& ts, Py_ssize_t room) {
  Ref<> l = list_new(ts, 0);
  if (l && room > 0 && failed(reserve(ts, as_list(l.get()), room))) return {};
  return l;
}

Ref<> list_from(ThreadState& ts, PyObject* const* items, Py_ssize_t n) {
  Ref<> l = list_new(ts, n);
  if (!l) return {};
  for (Py_ssize_t i = 0; i < n; ++i) list_items(l.get())[i] = new_ref(items[i]);
  return l;
}

Status list_append_grow(ThreadState& ts, PyObject* o, PyObject* item_consumed) {
  Ref<> item = Ref<>::steal(item_consumed);
  PyListObject* l = as_list(o);
  Py_ssize_t n = size_of(l);
  if (failed(reserve(ts, l, n + 1))) return Status::kError;
  l->ob_item[n] = item.release();
  set_size(l, n + 1);
  return Status::kOk;
}

Status list_extend(ThreadState& ts, PyObject* o, PyObject* iterable) {
  PyListObject* l = as_list(o);
  // A list extended by itself gives what it held before, also when it is of a subclass.
  if (is_exact_list(iterable) || is_exact_tuple(iterable) || iterable == o) {
    Ref<> hold = dup(iterable);
    Py_ssize_t n = tuple_size(iterable);
    if (n == 0) return Status::kOk;
    Py_ssize_t old = size_of(l);
    if (l->ob_item == nullptr) {
      if (failed(reserve_first(ts, l, n))) return Status::kError;
    } else if (old + n > l->allocated && failed(reserve(ts, l, old + n))) {
      return Status::kError;
    }
    // The source may be the list itself: its items are read after the storage moved.
    PyObject** from = is_list(iterable) ? list_items(iterable) : tuple_items(iterable);
    for (Py_ssize_t i = 0; i < n; ++i) l->ob_item[old + i] = new_ref(from[i]);
    set_size(l, old + n);
    return Status::kOk;
  }
  Ref<> it = object_iter(ts, iterable);
  if (!it) return Status::kError;
  Py_ssize_t hint;
  if (failed(object_length_hint(ts, iterable, 8, &hint))) return Status::kError;
  if (hint > 0 && hint < (Py_ssize_t{1} << 30)) {
    if (l->ob_item == nullptr) {
      if (failed(reserve_first(ts, l, hint))) return Status::kError;
    } else if (size_of(l) + hint > l->allocated && failed(reserve(ts, l, size_of(l) + hint))) {
      return Status::kError;
    }
  }
  iternextfunc next = it.get()->ob_type->tp_iternext;
  while (PyObject* item = next(it.get())) {
    if (failed(list_append(ts, o, Ref<>::steal(item)))) return Status::kError;
  }
  if (error_set(ts) && !error_clear_if(ts, PyExc_StopIteration)) return Status::kError;
  // What the hint promised too much is given back.
  return size_of(l) < l->allocated / 2 ? resize(ts, l, size_of(l)) : Status::kOk;
}

Ref<> list_from_iterable(ThreadState& ts, PyObject* iterable) {
  Ref<> l = list_new(ts, 0);
  if (!l || failed(list_extend(ts, l.get(), iterable))) return {};
  return l;
}

Status list_insert(ThreadState& ts, PyObject* o, Py_ssize_t index, PyObject* item) {
  PyListObject* l = as_list(o);
  Py_ssize_t n = size_of(l);
  if (index < 0) index = index + n < 0 ? 0 : index + n;
  if (index > n) index = n;
  if (n == l->allocated && failed(reserve(ts, l, n + 1))) return Status::kError;
  std::memmove(l->ob_item + index + 1, l->ob_item + index, static_cast<size_t>(n - index) * sizeof(PyObject*));
  l->ob_item[index] = new_ref(item);
  set_size(l, n + 1);
  return Status::kOk;
}

Ref<> list_slice(ThreadState& ts, PyObject* o, Py_ssize_t low, Py_ssize_t high) {
  Py_ssize_t n = list_size(o);
  if (low < 0) low = 0;
  if (low > n) low = n;
  if (high > n) high = n;
  if (high < low) high = low;
  Ref<> l = list_new(ts, high - low);
  if (!l) return {};
  for (Py_ssize_t i = low; i < high; ++i) list_items(l.get())[i - low] = new_ref(list_items(o)[i]);
  return l;
}

Status list_set_slice(ThreadState& ts, PyObject* o, Py_ssize_t low, Py_ssize_t high, PyObject* values) {
  PyListObject* l = as_list(o);
  Ref<> fast;
  Py_ssize_t m = 0;
  if (values != nullptr) {
    // A copy when the list is assigned to a slice of itself.
    fast = values == o ? list_slice(ts, o, 0, list_size(o)) : Ref<>::steal(PySequence_Fast(values, "can only assign an iterable"));
    if (!fast) return Status::kError;
    m = PySequence_Fast_GET_SIZE(fast.get());
  }
  Py_ssize_t n = size_of(l);
  if (low < 0) low = 0;
  if (low > n) low = n;
  if (high < low) high = low;
  if (high > n) high = n;
  Py_ssize_t gone = high - low;
  Py_ssize_t growth = m - gone;
  // The old items go last: letting go of them may run anything.
  PyObject* small[8];
  PyObject** old = gone <= 8 ? small : static_cast<PyObject**>(std::malloc(static_cast<size_t>(gone) * sizeof(PyObject*)));
  if (old == nullptr) return raise_memory(ts);
  for (Py_ssize_t i = 0; i < gone; ++i) old[i] = l->ob_item[low + i];
  Status s = Status::kOk;
  if (growth > 0) {
    if (n + growth > l->allocated) s = reserve(ts, l, n + growth);
    if (!failed(s)) {
      std::memmove(l->ob_item + high + growth, l->ob_item + high, static_cast<size_t>(n - high) * sizeof(PyObject*));
      set_size(l, n + growth);
    }
  } else if (growth < 0) {
    std::memmove(l->ob_item + high + growth, l->ob_item + high, static_cast<size_t>(n - high) * sizeof(PyObject*));
    s = resize(ts, l, n + growth);
  }
  if (failed(s)) {
    if (old != small) std::free(old);
    return s;
  }
  for (Py_ssize_t i = 0; i < m; ++i) l->ob_item[low + i] = new_ref(PySequence_Fast_GET_ITEM(fast.get(), i));
  for (Py_ssize_t i = gone; i-- > 0;) xdecref(old[i]);
  if (old != small) std::free(old);
  return Status::kOk;
}

Ref<> list_as_tuple(ThreadState& ts, PyObject* o) { return tuple_from(ts, list_items(o), list_size(o)); }

Status list_reverse(PyObject* o) {
  PyObject** items = list_items(o);
  for (Py_ssize_t i = 0, j = list_size(o) - 1; i < j; ++i, --j) std::swap(items[i], items[j]);
  return Status::kOk;
}

namespace {

void clear_all(ThreadState& ts, PyListObject* l) {
  PyObject** items = std::exchange(l->ob_item, nullptr);
  Py_ssize_t n = size_of(l);
  set_size(l, 0);
  l->allocated = 0;
  for (Py_ssize_t i = n; i-- > 0;) xdecref(items[i]);
  free_items(ts, items);
}

void list_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  clear_all(ts, as_list(o));
  if (is_exact_list(o)) {
    free_object(ts, o);
  } else {
    o->ob_type->tp_free(o);
  }
  trashcan_end(ts);
}
int list_traverse(PyObject* o, visitproc visit, void* arg) {
  for (Py_ssize_t i = list_size(o); i-- > 0;) Py_VISIT(list_items(o)[i]);
  return 0;
}
int list_clear_slot(PyObject* o) {
  clear_all(current_thread(), as_list(o));
  return 0;
}

Status list_init(ThreadState& ts, PyListObject* l, PyObject* iterable) {
  if (l->ob_item != nullptr) clear_all(ts, l);
  return iterable != nullptr ? list_extend(ts, obj(l), iterable) : Status::kOk;
}

// Keywords are refused unless a subclass has a __new__ of its own, which may have taken them.
int list_tp_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (self->ob_type->tp_new == PyList_Type.tp_new && kwargs != nullptr && dict_size(kwargs) != 0) {
    return raise(ts, PyExc_TypeError, "list() takes no keyword arguments");
  }
  Py_ssize_t n = tuple_size(args);
  if (n > 1) return raise(ts, PyExc_TypeError, "list expected at most 1 argument, got %zd", n);
  return static_cast<int>(list_init(ts, as_list(self), n == 1 ? tuple_peek(args, 0) : nullptr));
}

PyObject* list_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (kwnames != nullptr && tuple_size(kwnames) != 0) return raise(ts, PyExc_TypeError, "list() takes no keyword arguments");
  if (n > 1) return raise(ts, PyExc_TypeError, "list expected at most 1 argument, got %zd", n);
  auto* t = reinterpret_cast<PyTypeObject*>(type);
  Ref<> l = t == &PyList_Type ? list_new(ts, 0) : Ref<>::steal(t->tp_alloc(t, 0));
  if (!l || (n == 1 && failed(list_extend(ts, l.get(), args[0])))) return nullptr;
  return l.release();
}

Ref<> list_repr(ThreadState& ts, PyObject* o) {
  if (list_size(o) == 0) return str_from_ascii(ts, "[]");
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_from_ascii(ts, "[...]") : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  StrWriter w(ts);
  if (failed(w.put('['))) return {};
  for (Py_ssize_t i = 0; i < list_size(o); ++i) {
    if (i != 0 && failed(w.write_ascii(", "))) return {};
    Ref<> item = dup(list_items(o)[i]);
    if (failed(w.write_repr(item.get()))) return {};
  }
  if (failed(w.put(']'))) return {};
  return w.finish();
}

Ref<> list_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_list(a) || !is_list(b)) return not_implemented();
  if (list_size(a) != list_size(b) && (op == Py_EQ || op == Py_NE)) return new_bool(op == Py_NE);
  Py_ssize_t i = 0;
  for (; i < list_size(a) && i < list_size(b); ++i) {
    Ref<> x = dup(list_items(a)[i]);
    Ref<> y = dup(list_items(b)[i]);
    if (x.get() == y.get()) continue;
    Tri same = object_richcompare_bool(ts, x.get(), y.get(), Py_EQ);
    if (failed(same)) return {};
    if (same == Tri::kFalse) {
      if (i >= list_size(a) || i >= list_size(b)) break;  // the comparison took the items away
      if (op == Py_EQ) return new_bool(false);
      if (op == Py_NE) return new_bool(true);
      return object_richcompare(ts, x.get(), y.get(), op);
    }
  }
  Py_ssize_t n = list_size(a), m = list_size(b);
  return new_bool(order_matches(n < m ? -1 : n > m, op));
}

Py_ssize_t list_length(ThreadState&, PyObject* o) { return list_size(o); }

Ref<> list_item(ThreadState& ts, PyObject* o, Py_ssize_t i) {
  if (static_cast<size_t>(i) >= static_cast<size_t>(list_size(o))) return raise(ts, PyExc_IndexError, "list index out of range");
  return dup(list_items(o)[i]);
}

Status list_ass_item(ThreadState& ts, PyObject* o, Py_ssize_t i, PyObject* value) {
  if (static_cast<size_t>(i) >= static_cast<size_t>(list_size(o))) {
    return raise(ts, PyExc_IndexError, "list assignment index out of range");
  }
  if (value == nullptr) return list_set_slice(ts, o, i, i + 1, nullptr);
  set_field(list_items(o)[i], dup(value));
  return Status::kOk;
}

Ref<> list_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return {};
    return list_item(ts, o, i < 0 ? i + list_size(o) : i);
  }
  if (!is_exact(key, &PySlice_Type)) {
    return raise(ts, PyExc_TypeError, "list indices must be integers or slices, not %.200s", key->ob_type->tp_name);
  }
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, key, &start, &stop, &step))) return {};
  Py_ssize_t n = slice_adjust(list_size(o), &start, &stop, step);
  if (n <= 0) return list_new(ts, 0);
  if (step == 1) return list_slice(ts, o, start, start + n);
  Ref<> l = list_new(ts, n);
  if (!l) return {};
  for (Py_ssize_t i = 0, at = start; i < n; ++i, at += step) list_items(l.get())[i] = new_ref(list_items(o)[at]);
  return l;
}

// del a[start:stop:step] with step != 1
Status delete_stepped(ThreadState& ts, PyListObject* l, Py_ssize_t start, Py_ssize_t n, Py_ssize_t step) {
  if (n <= 0) return Status::kOk;
  if (step < 0) {
    start += step * (n - 1);
    step = -step;
  }
  auto** gone = static_cast<PyObject**>(std::malloc(static_cast<size_t>(n) * sizeof(PyObject*)));
  if (gone == nullptr) return raise_memory(ts);
  Py_ssize_t size = size_of(l);
  Py_ssize_t to = start;
  Py_ssize_t count = 0;
  for (Py_ssize_t i = start; i < size; ++i) {
    if (count < n && i == start + count * step) {
      gone[count++] = l->ob_item[i];
    } else {
      l->ob_item[to++] = l->ob_item[i];
    }
  }
  Status s = resize(ts, l, size - n);
  for (Py_ssize_t i = 0; i < n; ++i) decref(gone[i]);
  std::free(gone);
  return s;
}

Status list_ass_subscript(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value) {
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return Status::kError;
    return list_ass_item(ts, o, i < 0 ? i + list_size(o) : i, value);
  }
  if (!is_exact(key, &PySlice_Type)) {
    return raise(ts, PyExc_TypeError, "list indices must be integers or slices, not %.200s", key->ob_type->tp_name);
  }
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, key, &start, &stop, &step))) return Status::kError;
  Py_ssize_t given_start = start, given_stop = stop;
  Py_ssize_t n = slice_adjust(list_size(o), &start, &stop, step);
  if (step == 1) return list_set_slice(ts, o, start, stop, value);
  if (value == nullptr) return delete_stepped(ts, as_list(o), start, n, step);
  Ref<> fast = value == o ? list_slice(ts, o, 0, list_size(o))
                          : Ref<>::steal(PySequence_Fast(value, "must assign iterable to extended slice"));
  if (!fast) return Status::kError;
  Py_ssize_t m = PySequence_Fast_GET_SIZE(fast.get());
  // Making the sequence may have changed the list.
  start = given_start;
  stop = given_stop;
  n = slice_adjust(list_size(o), &start, &stop, step);
  if (m != n) {
    return raise(ts, PyExc_ValueError, "attempt to assign sequence of size %zd to extended slice of size %zd", m, n);
  }
  if (n <= 0) return Status::kOk;
  auto** gone = static_cast<PyObject**>(std::malloc(static_cast<size_t>(n) * sizeof(PyObject*)));
  if (gone == nullptr) return raise_memory(ts);
  for (Py_ssize_t i = 0, at = start; i < n; ++i, at += step) {
    gone[i] = std::exchange(list_items(o)[at], new_ref(PySequence_Fast_GET_ITEM(fast.get(), i)));
  }
  for (Py_ssize_t i = 0; i < n; ++i) decref(gone[i]);
  std::free(gone);
  return Status::kOk;
}

Tri list_contains(ThreadState& ts, PyObject* o, PyObject* item) {
  for (Py_ssize_t i = 0; i < list_size(o); ++i) {
    PyObject* there = list_items(o)[i];
    if (there == item) return Tri::kTrue;
    Ref<> hold = dup(there);
    Tri same = object_richcompare_bool(ts, there, item, Py_EQ);
    if (same != Tri::kFalse) return same;
  }
  return Tri::kFalse;
}

Ref<> list_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_list(b)) return raise(ts, PyExc_TypeError, "can only concatenate list (not \"%.200s\") to list", b->ob_type->tp_name);
  Py_ssize_t n = list_size(a), m = list_size(b);
  Ref<> l = list_new(ts, n + m);
  if (!l) return {};
  for (Py_ssize_t i = 0; i < n; ++i) list_items(l.get())[i] = new_ref(list_items(a)[i]);
  for (Py_ssize_t i = 0; i < m; ++i) list_items(l.get())[n + i] = new_ref(list_items(b)[i]);
  return l;
}

Ref<> list_repeat(ThreadState& ts, PyObject* o, Py_ssize_t count) {
  Py_ssize_t n = list_size(o);
  if (n == 0 || count <= 0) return list_new(ts, 0);
  if (n > kMaxItems / count) return raise_memory(ts);
  Ref<> l = list_new(ts, n * count);
  if (!l) return {};
  PyObject** to = list_items(l.get());
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = list_items(o)[i];
    for (Py_ssize_t k = 0; k < count; ++k) to[k * n + i] = new_ref(item);
  }
  return l;
}

Ref<> list_inplace_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  if (failed(list_extend(ts, a, b))) return {};
  return dup(a);
}

Ref<> list_inplace_repeat(ThreadState& ts, PyObject* o, Py_ssize_t count) {
  PyListObject* l = as_list(o);
  Py_ssize_t n = size_of(l);
  if (n == 0 || count == 1) return dup(o);
  if (count <= 0) {
    clear_all(ts, l);
    return dup(o);
  }
  if (n > kMaxItems / count) return raise_memory(ts);
  if (failed(reserve(ts, l, n * count))) return {};
  for (Py_ssize_t i = n; i < n * count; ++i) l->ob_item[i] = new_ref(l->ob_item[i - n]);
  set_size(l, n * count);
  return dup(o);
}

// ---- methods -----------------------------------------------------------------------------------------------------

using Self = PyListObject;

Status m_append(ThreadState& ts, Self* l, PyObject* item) { return list_append(ts, obj(l), dup(item)); }
Status m_clear(ThreadState& ts, Self* l) {
  clear_all(ts, l);
  return Status::kOk;
}
Ref<> m_copy(ThreadState& ts, Self* l) { return list_slice(ts, obj(l), 0, size_of(l)); }
Status m_extend(ThreadState& ts, Self* l, PyObject* iterable) { return list_extend(ts, obj(l), iterable); }
Status m_insert(ThreadState& ts, Self* l, Py_ssize_t index, PyObject* item) { return list_insert(ts, obj(l), index, item); }
Ref<> m_pop(ThreadState& ts, Self* l, Py_ssize_t index) {
  Py_ssize_t n = size_of(l);
  if (n == 0) return raise(ts, PyExc_IndexError, "pop from empty list");
  if (index < 0) index += n;
  if (static_cast<size_t>(index) >= static_cast<size_t>(n)) return raise(ts, PyExc_IndexError, "pop index out of range");
  PyObject* item = l->ob_item[index];
  std::memmove(l->ob_item + index, l->ob_item + index + 1, static_cast<size_t>(n - 1 - index) * sizeof(PyObject*));
  if (failed(resize(ts, l, n - 1))) return {};
  return Ref<>::steal(item);
}
Status m_remove(ThreadState& ts, Self* l, PyObject* value) {
  for (Py_ssize_t i = 0; i < size_of(l); ++i) {
    Ref<> item = dup(l->ob_item[i]);
    Tri same = object_richcompare_bool(ts, item.get(), value, Py_EQ);
    if (failed(same)) return Status::kError;
    if (same == Tri::kTrue) return list_set_slice(ts, obj(l), i, i + 1, nullptr);
  }
  return raise(ts, PyExc_ValueError, "list.remove(x): x not in list");
}
Status m_reverse(ThreadState&, Self* l) { return list_reverse(obj(l)); }
Status m_sort(ThreadState& ts, Self* l, PyObject* key, bool reverse) {
  return list_sort(ts, obj(l), key == Py_None ? nullptr : key, reverse);
}
Ref<> m_index(ThreadState& ts, Self* l, PyObject* value, PyObject* start_arg, PyObject* stop_arg) {
  Py_ssize_t start = 0, stop = PY_SSIZE_T_MAX;
  if (start_arg != nullptr && !_PyEval_SliceIndexNotNone(start_arg, &start)) return {};
  if (stop_arg != nullptr && !_PyEval_SliceIndexNotNone(stop_arg, &stop)) return {};
  Py_ssize_t n = size_of(l);
  if (start < 0) start = start + n < 0 ? 0 : start + n;
  if (stop < 0) stop = stop + n < 0 ? 0 : stop + n;
  for (Py_ssize_t i = start; i < stop && i < size_of(l); ++i) {
    Ref<> item = dup(l->ob_item[i]);
    Tri same = object_richcompare_bool(ts, item.get(), value, Py_EQ);
    if (failed(same)) return {};
    if (same == Tri::kTrue) return int_from_ssize(ts, i);
  }
  return raise(ts, PyExc_ValueError, "%R is not in list", value);
}
Ref<> m_count(ThreadState& ts, Self* l, PyObject* value) {
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0; i < size_of(l); ++i) {
    Ref<> item = dup(l->ob_item[i]);
    Tri same = object_richcompare_bool(ts, item.get(), value, Py_EQ);
    if (failed(same)) return {};
    count += same == Tri::kTrue;
  }
  return int_from_ssize(ts, count);
}
Ref<> m_sizeof(ThreadState& ts, Self* l) {
  return int_from_ssize(ts, l->ob_base.ob_base.ob_type->tp_basicsize + l->allocated * static_cast<Py_ssize_t>(sizeof(PyObject*)));
}
Ref<> m_getitem(ThreadState& ts, Self* l, PyObject* key) { return list_subscript(ts, obj(l), key); }

Ref<> iter_new(ThreadState& ts, PyTypeObject* type, PyObject* list, Py_ssize_t index) {
  auto it = new_object<ListIterObject>(ts, type);
  if (!it) return {};
  it->index = index;
  it->list = new_ref(list);
  track(ts, it.get());
  return it;
}
Ref<> list_iter(ThreadState& ts, PyObject* o) { return iter_new(ts, &PyListIter_Type, o, 0); }
Ref<> m_reversed(ThreadState& ts, Self* l) { return iter_new(ts, &PyListRevIter_Type, obj(l), size_of(l) - 1); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_FLAGS(m_getitem, "__getitem__", "($self, index, /)", "Return self[index].", METH_COEXIST),
    ATOLL_METHOD(m_reversed, "__reversed__", "($self, /)", "A reverse iterator over the list."),
    ATOLL_METHOD(m_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD(m_clear, "clear", "($self, /)", "Remove all items."),
    ATOLL_METHOD(m_copy, "copy", "($self, /)", "A shallow copy."),
    ATOLL_METHOD(m_append, "append", "($self, object, /)", "Append an object to the end."),
    ATOLL_METHOD(m_insert, "insert", "($self, index, object, /)", "Insert an object before index."),
    ATOLL_METHOD(m_extend, "extend", "($self, iterable, /)", "Append the items of an iterable."),
    ATOLL_METHOD(m_pop, "pop", "($self, index=-1, /)", "Remove and return the item at index.\n\nRaises IndexError if list is empty or index is out of range."),
    ATOLL_METHOD(m_remove, "remove", "($self, value, /)", "Remove the first occurrence of value.\n\nRaises ValueError if the value is not present."),
    ATOLL_METHOD(m_index, "index", "($self, value, start=0, stop=sys.maxsize, /)", "First index of value.\n\nRaises ValueError if the value is not present."),
    ATOLL_METHOD(m_count, "count", "($self, value, /)", "Number of occurrences of value."),
    ATOLL_METHOD(m_reverse, "reverse", "($self, /)", "Reverse in place."),
    ATOLL_METHOD(m_sort, "sort", "($self, /, *, key=None, reverse=False)", "Sort in place, stably; key gives what to compare by."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"),
    ATOLL_METHOD_END};
constexpr PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(list_length),
                                      .sq_concat = ATOLL_SLOT(list_concat),
                                      .sq_repeat = ATOLL_SLOT(list_repeat),
                                      .sq_item = ATOLL_SLOT(list_item),
                                      .sq_ass_item = ATOLL_SLOT(list_ass_item),
                                      .sq_contains = ATOLL_SLOT(list_contains),
                                      .sq_inplace_concat = ATOLL_SLOT(list_inplace_concat),
                                      .sq_inplace_repeat = ATOLL_SLOT(list_inplace_repeat)};
constexpr PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(list_length),
                                    .mp_subscript = ATOLL_SLOT(list_subscript),
                                    .mp_ass_subscript = ATOLL_SLOT(list_ass_subscript)};

// ---- iterators ---------------------------------------------------------------------------------------------------

ListIterObject* as_iter(PyObject* o) { return reinterpret_cast<ListIterObject*>(o); }

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
  if (it->index < list_size(it->list)) return dup(list_items(it->list)[it->index++]);
  clear_field(it->list);
  return {};
}
Ref<> rev_step(ThreadState&, PyObject* o) {
  ListIterObject* it = as_iter(o);
  if (it->list == nullptr) return {};
  if (it->index >= 0 && it->index < list_size(it->list)) return dup(list_items(it->list)[it->index--]);
  it->index = -1;
  clear_field(it->list);
  return {};
}
Ref<> iter_hint(ThreadState& ts, ListIterObject* it) {
  Py_ssize_t n = it->list != nullptr ? list_size(it->list) - it->index : 0;
  return int_from_ssize(ts, n < 0 ? 0 : n);
}
Ref<> rev_hint(ThreadState& ts, ListIterObject* it) {
  Py_ssize_t n = it->index + 1;
  if (it->list == nullptr || list_size(it->list) < n) n = 0;
  return int_from_ssize(ts, n);
}
Ref<> reduce_with(ThreadState& ts, ListIterObject* it, const char* name) {
  Ref<> maker = Ref<>::dup_of(PyDict_GetItemString(ts.interpreter().builtins, it->list != nullptr ? name : "iter"));
  if (!maker) return {};
  Ref<> source = it->list != nullptr ? dup(it->list) : list_new(ts, 0);
  if (!source) return {};
  Ref<> args = tuple_of(ts, source.get());
  if (!args) return {};
  if (it->list == nullptr) return tuple_of(ts, maker.get(), args.get());
  Ref<> at = int_from_ssize(ts, it->index);
  return at ? tuple_of(ts, maker.get(), args.get(), at.get()) : Ref<>();
}
Ref<> iter_reduce(ThreadState& ts, ListIterObject* it) { return reduce_with(ts, it, "iter"); }
Ref<> rev_reduce(ThreadState& ts, ListIterObject* it) { return reduce_with(ts, it, "reversed"); }
Ref<> iter_setstate(ThreadState& ts, ListIterObject* it, PyObject* state) {
  Py_ssize_t i;
  if (failed(index_as_ssize(ts, state, &i))) return {};
  if (it->list != nullptr) {
    if (i < 0) i = 0;
    if (i > list_size(it->list)) i = list_size(it->list);
    it->index = i;
  }
  return new_none();
}
Ref<> rev_setstate(ThreadState& ts, ListIterObject* it, PyObject* state) {
  Py_ssize_t i;
  if (failed(index_as_ssize(ts, state, &i))) return {};
  if (it->list != nullptr) {
    if (i < -1) i = -1;
    if (i > list_size(it->list) - 1) i = list_size(it->list) - 1;
    it->index = i;
  }
  return new_none();
}
constexpr MethodSpec kIterMethods[] = {
    ATOLL_METHOD(iter_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD(iter_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD(iter_setstate, "__setstate__", "($self, state, /)", "Set the position."), ATOLL_METHOD_END};
constexpr MethodSpec kRevMethods[] = {
    ATOLL_METHOD(rev_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD(rev_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD(rev_setstate, "__setstate__", "($self, state, /)", "Set the position."), ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec list_spec{
    .name = "list",
    .doc = "list(iterable=(), /)\n--\n\nA mutable sequence.",
    .basicsize = sizeof(PyListObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_LIST_SUBCLASS |
             _Py_TPFLAGS_MATCH_SELF | Py_TPFLAGS_SEQUENCE,
    .dealloc = ATOLL_SLOT(list_dealloc),
    .traverse = list_traverse,
    .clear = list_clear_slot,
    .repr = ATOLL_SLOT(list_repr),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(list_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(list_iter),
    .init = list_tp_init,
    .new_ = PyType_GenericNew,
    .vectorcall = list_vectorcall,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .methods = kMethods,
};
constinit const TypeSpec list_iter_spec{
    .name = "list_iterator",
    .basicsize = sizeof(ListIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(iter_dealloc),
    .traverse = iter_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(iter_step),
    .methods = kIterMethods,
};
constinit const TypeSpec list_rev_iter_spec{
    .name = "list_reverseiterator",
    .basicsize = sizeof(ListIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(iter_dealloc),
    .traverse = iter_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(rev_step),
    .methods = kRevMethods,
};

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PyList_Type = {};
ATOLL_SEALED PyTypeObject PyListIter_Type = {};
ATOLL_SEALED PyTypeObject PyListRevIter_Type = {};

PyObject* PyList_New(Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n < 0) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return list_new(ts, n).release();
}
Py_ssize_t PyList_Size(PyObject* o) {
  if (!is_list(o)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return list_size(o);
}
PyObject* PyList_GetItem(PyObject* o, Py_ssize_t i) {
  ThreadState& ts = current_thread();
  if (!is_list(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (static_cast<size_t>(i) >= static_cast<size_t>(list_size(o))) return raise(ts, PyExc_IndexError, "list index out of range");
  return list_items(o)[i];
}
int PyList_SetItem(PyObject* o, Py_ssize_t i, PyObject* item) {
  ThreadState& ts = current_thread();
  Ref<> owned = Ref<>::steal(item);
  if (!is_list(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (static_cast<size_t>(i) >= static_cast<size_t>(list_size(o))) {
    return raise(ts, PyExc_IndexError, "list assignment index out of range");
  }
  set_field(list_items(o)[i], std::move(owned));
  return 0;
}
int PyList_Insert(PyObject* o, Py_ssize_t i, PyObject* item) {
  ThreadState& ts = current_thread();
  if (!is_list(o) || item == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return static_cast<int>(list_insert(ts, o, i, item));
}
int PyList_Append(PyObject* o, PyObject* item) {
  ThreadState& ts = current_thread();
  if (!is_list(o) || item == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return static_cast<int>(list_append(ts, o, dup(item)));
}
PyObject* PyList_GetSlice(PyObject* o, Py_ssize_t low, Py_ssize_t high) {
  ThreadState& ts = current_thread();
  if (!is_list(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return list_slice(ts, o, low, high).release();
}
int PyList_SetSlice(PyObject* o, Py_ssize_t low, Py_ssize_t high, PyObject* values) {
  ThreadState& ts = current_thread();
  if (!is_list(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return static_cast<int>(list_set_slice(ts, o, low, high, values));
}
int PyList_Sort(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr || !is_list(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return static_cast<int>(list_sort(ts, o, nullptr, false));
}
int PyList_Reverse(PyObject* o) {
  if (o == nullptr || !is_list(o)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return static_cast<int>(list_reverse(o));
}
PyObject* PyList_AsTuple(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr || !is_list(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return list_as_tuple(ts, o).release();
}
PyObject* _PyList_Extend(PyListObject* l, PyObject* iterable) {
  return failed(list_extend(current_thread(), obj(l), iterable)) ? nullptr : new_ref(Py_None);
}

bool atl::upcall_list_append(ThreadState& ts, PyObject* list, PyObject* item) {
  if (!failed(list_append(ts, list, dup(item)))) return true;
  error_clear(ts);
  return false;
}
