// range and its two iterators: one for values of 64 bits, which the virtual machine steps inline, one for any ints.
#include "Objects/int/int.h"
#include "Objects/iterators.h"
#include "Objects/list.h"
#include "Objects/slice.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "structmember.h"

namespace atl {

namespace {

struct RangeObject {
  PyObject ob_base;
  PyObject* start;
  PyObject* stop;
  PyObject* step;
  PyObject* length;  // exact ints all four
};
static_assert(sizeof(RangeObject) == 48);
RangeObject* as_range(PyObject* o) { return reinterpret_cast<RangeObject*>(o); }
bool is_range(PyObject* o) { return is_exact(o, &PyRange_Type); }

bool fits(PyObject* o, int64_t* out) {
  int overflow;
  *out = int_as_i64_overflow(o, &overflow);
  return overflow == 0;
}

// How many values lie in the half-open interval; step is not 0.
Ref<> count_values(ThreadState& ts, PyObject* start, PyObject* stop, PyObject* step) {
  int64_t a, b, s;
  if (fits(start, &a) && fits(stop, &b) && fits(step, &s)) {
    if (s > 0 ? a >= b : a <= b) return dup(small_int(0));
    uint64_t distance = s > 0 ? static_cast<uint64_t>(b) - static_cast<uint64_t>(a) : static_cast<uint64_t>(a) - static_cast<uint64_t>(b);
    uint64_t stride = s > 0 ? static_cast<uint64_t>(s) : 0 - static_cast<uint64_t>(s);
    return int_from_u64(ts, (distance - 1) / stride + 1);
  }
  bool up = int_sign(step) > 0;
  int order = int_compare(start, stop);
  if (up ? order >= 0 : order <= 0) return dup(small_int(0));
  Ref<> distance = up ? int_sub(ts, stop, start) : int_sub(ts, start, stop);
  Ref<> stride = int_absolute(ts, step);
  if (!distance || !stride) return {};
  Ref<> less = int_sub(ts, distance.get(), small_int(1));
  Ref<> whole = less ? int_floordiv(ts, less.get(), stride.get()) : Ref<>();
  return whole ? int_add(ts, whole.get(), small_int(1)) : Ref<>();
}

// Exact ints, step not 0.
Ref<> make(ThreadState& ts, Ref<> start, Ref<> stop, Ref<> step) {
  if (!start || !stop || !step) return {};
  Ref<> length = count_values(ts, start.get(), stop.get(), step.get());
  if (!length) return {};
  auto r = new_object<RangeObject>(ts, &PyRange_Type);
  if (!r) return {};
  r->start = start.release();
  r->stop = stop.release();
  r->step = step.release();
  r->length = length.release();
  return r;
}

Ref<> exact_index(ThreadState& ts, PyObject* o) {
  Ref<> v = number_index(ts, o);
  return v ? int_exact(ts, v.get()) : Ref<>();
}

// start + i * step
Ref<> value_at(ThreadState& ts, RangeObject* r, PyObject* i) {
  int64_t a, s, k, product, sum;
  if (fits(r->start, &a) && fits(r->step, &s) && fits(i, &k) && !__builtin_mul_overflow(k, s, &product) &&
      !__builtin_add_overflow(a, product, &sum)) {
    return int_from_i64(ts, sum);
  }
  Ref<> offset = int_mul(ts, i, r->step);
  return offset ? int_add(ts, r->start, offset.get()) : Ref<>();
}

}  // namespace

Ref<> range_new(ThreadState& ts, PyObject* start, PyObject* stop, PyObject* step) {
  Ref<> a = start != nullptr ? exact_index(ts, start) : dup(small_int(0));
  if (!a) return {};
  Ref<> b = exact_index(ts, stop);
  if (!b) return {};
  Ref<> s = step != nullptr ? exact_index(ts, step) : dup(small_int(1));
  if (!s) return {};
  if (int_sign(s.get()) == 0) return raise(ts, PyExc_ValueError, "range() arg 3 must not be zero");
  return make(ts, std::move(a), std::move(b), std::move(s));
}

namespace {

void range_dealloc(ThreadState& ts, PyObject* o) {
  RangeObject* r = as_range(o);
  decref(r->start);
  decref(r->stop);
  decref(r->step);
  decref(r->length);
  free_object(ts, o);
}

Ref<> from_arguments(ThreadState& ts, PyObject* const* args, Py_ssize_t n) {
  if (n < 1) return raise(ts, PyExc_TypeError, "range expected at least 1 argument, got %zd", n);
  if (n > 3) return raise(ts, PyExc_TypeError, "range expected at most 3 arguments, got %zd", n);
  if (n == 1) return range_new(ts, nullptr, args[0], nullptr);
  return range_new(ts, args[0], args[1], n == 3 ? args[2] : nullptr);
}
PyObject* range_tp_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (kwargs != nullptr && PyDict_GET_SIZE(kwargs) != 0) return raise(ts, PyExc_TypeError, "range() takes no keyword arguments");
  return from_arguments(ts, tuple_items(args), tuple_size(args)).release();
}
PyObject* range_vectorcall(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (kwnames != nullptr && tuple_size(kwnames) != 0) return raise(ts, PyExc_TypeError, "range() takes no keyword arguments");
  return from_arguments(ts, args, PyVectorcall_NARGS(nargsf)).release();
}

Ref<> range_repr(ThreadState& ts, PyObject* o) {
  RangeObject* r = as_range(o);
  if (r->step == small_int(1)) return str_format(ts, "range(%R, %R)", r->start, r->stop);
  return str_format(ts, "range(%R, %R, %R)", r->start, r->stop, r->step);
}

Py_ssize_t range_length(ThreadState& ts, PyObject* o) {
  int64_t n;
  if (fits(as_range(o)->length, &n)) return n;
  return raise(ts, PyExc_OverflowError, "Python int too large to convert to C ssize_t");
}

Tri range_bool(ThreadState&, PyObject* o) { return tri(int_sign(as_range(o)->length) != 0); }

// Equal when they give the same values: by length, then start, then (for more than one value) step.
bool same_values(RangeObject* a, RangeObject* b) {
  if (int_compare(a->length, b->length) != 0) return false;
  if (int_sign(a->length) == 0) return true;
  if (int_compare(a->start, b->start) != 0) return false;
  return int_compare(a->length, small_int(1)) == 0 || int_compare(a->step, b->step) == 0;
}
Ref<> range_richcompare(ThreadState&, PyObject* a, PyObject* b, int op) {
  if (!is_range(a) || !is_range(b) || (op != Py_EQ && op != Py_NE)) return not_implemented();
  return new_bool((a == b || same_values(as_range(a), as_range(b))) == (op == Py_EQ));
}
Py_hash_t range_hash(ThreadState& ts, PyObject* o) {
  RangeObject* r = as_range(o);
  bool empty = int_sign(r->length) == 0;
  bool one = int_compare(r->length, small_int(1)) == 0;
  Ref<> t = tuple_of(ts, r->length, empty ? Py_None : r->start, empty || one ? Py_None : r->step);
  Py_hash_t hash;
  return !t || failed(object_hash(ts, t.get(), &hash)) ? -1 : hash;
}

// index: an int of any size.
Ref<> range_at(ThreadState& ts, RangeObject* r, PyObject* index) {
  Ref<> i = int_sign(index) < 0 ? int_add(ts, index, r->length) : dup(index);
  if (!i) return {};
  if (int_sign(i.get()) < 0 || int_compare(i.get(), r->length) >= 0) {
    return raise(ts, PyExc_IndexError, "range object index out of range");
  }
  return value_at(ts, r, i.get());
}
Ref<> range_item(ThreadState& ts, PyObject* o, Py_ssize_t i) {
  Ref<> index = int_from_ssize(ts, i);
  if (!index) return {};
  if (i < 0) return raise(ts, PyExc_IndexError, "range object index out of range");
  return range_at(ts, as_range(o), index.get());
}
Ref<> range_slice(ThreadState& ts, RangeObject* r, PyObject* slice) {
  PyObject *start, *stop, *step;
  if (_PySlice_GetLongIndices(reinterpret_cast<PySliceObject*>(slice), r->length, &start, &stop, &step) < 0) return {};
  Ref<> a = Ref<>::steal(start), b = Ref<>::steal(stop), s = Ref<>::steal(step);
  Ref<> first = value_at(ts, r, a.get());
  if (!first) return {};
  Ref<> last = value_at(ts, r, b.get());
  if (!last) return {};
  return make(ts, std::move(first), std::move(last), int_mul(ts, r->step, s.get()));
}
Ref<> range_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  if (PyIndex_Check(key)) {
    Ref<> i = number_index(ts, key);
    return i ? range_at(ts, as_range(o), i.get()) : Ref<>();
  }
  if (is_exact(key, &PySlice_Type)) return range_slice(ts, as_range(o), key);
  return raise(ts, PyExc_TypeError, "range indices must be integers or slices, not %.200s", key->ob_type->tp_name);
}

bool plain_int(PyObject* o) { return is_exact_int(o) || is_exact(o, &PyBool_Type); }

// For ints: is it one of the values?
Tri has_int(ThreadState& ts, RangeObject* r, PyObject* v) {
  bool up = int_sign(r->step) > 0;
  int from = int_compare(v, r->start), to = int_compare(v, r->stop);
  if (up ? from < 0 || to >= 0 : from > 0 || to <= 0) return Tri::kFalse;
  Ref<> distance = int_sub(ts, v, r->start);
  Ref<> rest = distance ? int_mod(ts, distance.get(), r->step) : Ref<>();
  return rest ? tri(int_sign(rest.get()) == 0) : Tri::kError;
}
Tri range_contains(ThreadState& ts, PyObject* o, PyObject* v) {
  if (plain_int(v)) return has_int(ts, as_range(o), v);
  Ref<> it = object_iter(ts, o);
  if (!it) return Tri::kError;
  while (Ref<> x = iter_next(ts, it.get())) {
    Tri same = object_richcompare_bool(ts, x.get(), v, Py_EQ);
    if (same != Tri::kFalse) return same;
  }
  return error_set(ts) ? Tri::kError : Tri::kFalse;
}

Ref<> m_count(ThreadState& ts, RangeObject* r, PyObject* v) {
  if (plain_int(v)) {
    Tri there = has_int(ts, r, v);
    return failed(there) ? Ref<>() : dup(small_int(there == Tri::kTrue));
  }
  Py_ssize_t n = 0;
  Status s = for_each(ts, obj(r), [&](PyObject* x) {
    Tri same = object_richcompare_bool(ts, x, v, Py_EQ);
    n += same == Tri::kTrue;
    return failed(same) ? Status::kError : Status::kOk;
  });
  return failed(s) ? Ref<>() : int_from_ssize(ts, n);
}
Ref<> m_index(ThreadState& ts, RangeObject* r, PyObject* v) {
  if (plain_int(v)) {
    Tri there = has_int(ts, r, v);
    if (failed(there)) return {};
    if (there == Tri::kFalse) return raise(ts, PyExc_ValueError, "%R is not in range", v);
    Ref<> distance = int_sub(ts, v, r->start);
    return distance ? int_floordiv(ts, distance.get(), r->step) : Ref<>();
  }
  Ref<> it = object_iter(ts, obj(r));
  if (!it) return {};
  for (Py_ssize_t i = 0;; ++i) {
    Ref<> x = iter_next(ts, it.get());
    if (!x) break;
    Tri same = object_richcompare_bool(ts, x.get(), v, Py_EQ);
    if (failed(same)) return {};
    if (same == Tri::kTrue) return int_from_ssize(ts, i);
  }
  if (error_set(ts)) return {};
  return raise(ts, PyExc_ValueError, "sequence.index(x): x not in sequence");
}
Ref<> m_reduce(ThreadState& ts, RangeObject* r) {
  Ref<> args = tuple_of(ts, r->start, r->stop, r->step);
  return args ? tuple_of(ts, &PyRange_Type, args.get()) : Ref<>();
}

// ---- iterators ---------------------------------------------------------------------------------------------------

struct LongRangeIter {
  PyObject ob_base;
  PyObject* index;
  PyObject* start;
  PyObject* step;
  PyObject* length;
};
static_assert(sizeof(LongRangeIter) == 48 && sizeof(RangeIterObject) == 48);
LongRangeIter* as_long_iter(PyObject* o) { return reinterpret_cast<LongRangeIter*>(o); }

// The iterator for numbers of 64 bits where all its values, and the step beyond the last, are such.
Ref<> short_iter(ThreadState& ts, int64_t start, int64_t step, int64_t n) {
  auto it = new_object<RangeIterObject>(ts, &PyRangeIter_Type);
  if (!it) return {};
  it->start = it->next = start;
  it->step = step;
  it->remaining = n;
  return it;
}
bool short_enough(int64_t start, int64_t step, int64_t n) {
  int64_t distance, end;
  return !__builtin_mul_overflow(step, n, &distance) && !__builtin_add_overflow(start, distance, &end);
}
Ref<> long_iter(ThreadState& ts, Ref<> start, Ref<> step, Ref<> length) {
  auto it = new_object<LongRangeIter>(ts, &PyLongRangeIter_Type);
  if (!it) return {};
  it->index = small_int(0);
  it->start = start.release();
  it->step = step.release();
  it->length = length.release();
  return it;
}

Ref<> range_iter(ThreadState& ts, PyObject* o) {
  RangeObject* r = as_range(o);
  int64_t start, step, n;
  if (fits(r->start, &start) && fits(r->step, &step) && fits(r->length, &n) && short_enough(start, step, n)) {
    return short_iter(ts, start, step, n);
  }
  return long_iter(ts, dup(r->start), dup(r->step), dup(r->length));
}

Ref<> m_reversed(ThreadState& ts, RangeObject* r) {
  int64_t start, step, n;
  if (fits(r->start, &start) && fits(r->step, &step) && fits(r->length, &n) && step != INT64_MIN) {
    int64_t distance, last;
    if (!__builtin_mul_overflow(step, n > 0 ? n - 1 : 0, &distance) && !__builtin_add_overflow(start, distance, &last) &&
        short_enough(last, -step, n)) {
      return short_iter(ts, last, -step, n);
    }
  }
  Ref<> step_back = int_negative(ts, r->step);
  Ref<> last_index = int_sub(ts, r->length, small_int(1));
  Ref<> last = last_index ? value_at(ts, r, last_index.get()) : Ref<>();
  if (!step_back || !last) return {};
  return long_iter(ts, std::move(last), std::move(step_back), dup(r->length));
}

void short_dealloc(ThreadState& ts, PyObject* o) { free_object(ts, o); }
RangeIterObject* as_short_iter(PyObject* o) { return reinterpret_cast<RangeIterObject*>(o); }

Ref<> short_next(ThreadState& ts, PyObject* o) {
  RangeIterObject* it = as_short_iter(o);
  if (it->remaining <= 0) return {};
  int64_t v = it->next;
  it->next = v + it->step;
  --it->remaining;
  return int_from_i64(ts, v);
}
Ref<> short_hint(ThreadState& ts, RangeIterObject* it) { return int_from_i64(ts, it->remaining); }

// (iter, (range,), index)
Ref<> reduced(ThreadState& ts, Ref<> range, Ref<> index) {
  if (!range || !index) return {};
  Ref<> maker = Ref<>::dup_of(PyDict_GetItemString(ts.interpreter().builtins, "iter"));
  if (!maker) return raise(ts, PyExc_AttributeError, "iter");
  Ref<> args = tuple_of(ts, range.get());
  return args ? tuple_of(ts, maker.get(), args.get(), index.get()) : Ref<>();
}
int64_t short_index(RangeIterObject* it) { return (it->next - it->start) / it->step; }

Ref<> short_reduce(ThreadState& ts, RangeIterObject* it) {
  Ref<> start = int_from_i64(ts, it->start), step = int_from_i64(ts, it->step);
  // start + step * length: it fits, or this iterator would not be the short one.
  int64_t end = it->start + it->step * (short_index(it) + it->remaining);
  return reduced(ts, make(ts, std::move(start), int_from_i64(ts, end), std::move(step)), int_from_i64(ts, short_index(it)));
}
Ref<> short_setstate(ThreadState& ts, RangeIterObject* it, PyObject* state) {
  int64_t index = PyLong_AsLong(state);
  if (index == -1 && error_set(ts)) return {};
  int64_t length = short_index(it) + it->remaining;
  if (index < 0) index = 0;
  if (index > length) index = length;
  it->next = it->start + index * it->step;
  it->remaining = length - index;
  return new_none();
}
constexpr MethodSpec kShortMethods[] = {
    ATOLL_METHOD_PLAIN(short_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD_PLAIN(short_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(short_setstate, "__setstate__", "($self, state, /)", "Set the position."), ATOLL_METHOD_END};

void long_dealloc(ThreadState& ts, PyObject* o) {
  LongRangeIter* it = as_long_iter(o);
  decref(it->index);
  decref(it->start);
  decref(it->step);
  decref(it->length);
  free_object(ts, o);
}
Ref<> long_next(ThreadState& ts, PyObject* o) {
  LongRangeIter* it = as_long_iter(o);
  if (int_compare(it->index, it->length) >= 0) return {};
  Ref<> offset = int_mul(ts, it->index, it->step);
  Ref<> value = offset ? int_add(ts, it->start, offset.get()) : Ref<>();
  Ref<> next = value ? int_add(ts, it->index, small_int(1)) : Ref<>();
  if (!next) return {};
  set_field(it->index, std::move(next));
  return value;
}
Ref<> long_hint(ThreadState& ts, LongRangeIter* it) { return int_sub(ts, it->length, it->index); }
Ref<> long_reduce(ThreadState& ts, LongRangeIter* it) {
  Ref<> distance = int_mul(ts, it->length, it->step);
  Ref<> end = distance ? int_add(ts, it->start, distance.get()) : Ref<>();
  return end ? reduced(ts, make(ts, dup(it->start), std::move(end), dup(it->step)), dup(it->index)) : Ref<>();
}
Ref<> long_setstate(ThreadState& ts, LongRangeIter* it, PyObject* state) {
  if (!is_int(state)) {
    return raise(ts, PyExc_TypeError, "'<' not supported between instances of '%.100s' and 'int'", state->ob_type->tp_name);
  }
  Ref<> index = int_exact(ts, state);
  if (!index) return {};
  if (int_sign(index.get()) < 0) index = dup(small_int(0));
  if (int_compare(index.get(), it->length) > 0) index = dup(it->length);
  set_field(it->index, std::move(index));
  return new_none();
}
constexpr MethodSpec kLongMethods[] = {
    ATOLL_METHOD_PLAIN(long_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD_PLAIN(long_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(long_setstate, "__setstate__", "($self, state, /)", "Set the position."), ATOLL_METHOD_END};

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_PLAIN(m_reversed, "__reversed__", "($self, /)", "Return a reverse iterator."),
    ATOLL_METHOD_PLAIN(m_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(m_count, "count", "($self, value, /)", "rangeobject.count(value) -> integer -- how often value occurs"),
    ATOLL_METHOD_PLAIN(m_index, "index", "($self, value, /)",
                       "rangeobject.index(value) -> integer -- where value stands.\nRaises ValueError if it is not there."),
    ATOLL_METHOD_END};
constexpr PyMemberDef kMembers[] = {{"start", T_OBJECT_EX, offsetof(RangeObject, start), READONLY, nullptr},
                                    {"stop", T_OBJECT_EX, offsetof(RangeObject, stop), READONLY, nullptr},
                                    {"step", T_OBJECT_EX, offsetof(RangeObject, step), READONLY, nullptr},
                                    {}};
constexpr PyNumberMethods kNumber{.nb_bool = ATOLL_SLOT(range_bool)};
constexpr PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(range_length),
                                      .sq_item = ATOLL_SLOT(range_item),
                                      .sq_contains = ATOLL_SLOT(range_contains)};
constexpr PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(range_length), .mp_subscript = ATOLL_SLOT(range_subscript)};

}  // namespace

constinit const TypeSpec range_spec{
    .name = "range",
    .doc = "range(stop) -> range object\n"
           "range(start, stop[, step]) -> range object\n\n"
           "The whole numbers from start (inclusive) to stop (exclusive) by step.",
    .basicsize = sizeof(RangeObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_SEQUENCE,
    .dealloc = ATOLL_SLOT(range_dealloc),
    .repr = ATOLL_SLOT(range_repr),
    .hash = ATOLL_SLOT(range_hash),
    .richcompare = ATOLL_SLOT(range_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(range_iter),
    .new_ = range_tp_new,
    .vectorcall = range_vectorcall,
    .number = &kNumber,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .methods = kMethods,
    .members = kMembers,
};
constinit const TypeSpec range_iter_spec{
    .name = "range_iterator",
    .basicsize = sizeof(RangeIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(short_dealloc),
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(short_next),
    .methods = kShortMethods,
};
constinit const TypeSpec longrange_iter_spec{
    .name = "longrange_iterator",
    .basicsize = sizeof(LongRangeIter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(long_dealloc),
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(long_next),
    .methods = kLongMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject PyRange_Type = {};
ATOLL_SEALED PyTypeObject PyRangeIter_Type = {};
ATOLL_SEALED PyTypeObject PyLongRangeIter_Type = {};
