// slice objects, and the numbers in them.
#include "Objects/slice.h"

#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "structmember.h"

namespace atl {

namespace {

PySliceObject* as_slice(PyObject* o) { return reinterpret_cast<PySliceObject*>(o); }

constexpr const char* kNotIndexOrNone = "slice indices must be integers or None or have an __index__ method";
constexpr const char* kNotIndex = "slice indices must be integers or have an __index__ method";

// The value by __index__, clipped to the range of Py_ssize_t.
Status clipped(ThreadState& ts, PyObject* o, Py_ssize_t* out, const char* message) {
  if (!PyIndex_Check(o)) return raise(ts, PyExc_TypeError, "%s", message);
  return index_as_ssize(ts, o, out, nullptr);
}

}  // namespace

Ref<> slice_new(ThreadState& ts, PyObject* start, PyObject* stop, PyObject* step) {
  auto s = new_object<PySliceObject>(ts, &PySlice_Type);
  if (!s) return {};
  s->start = new_ref(start != nullptr ? start : Py_None);
  s->stop = new_ref(stop != nullptr ? stop : Py_None);
  s->step = new_ref(step != nullptr ? step : Py_None);
  track(ts, s.get());
  return s;
}

Status slice_unpack(ThreadState& ts, PyObject* o, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step) {
  PySliceObject* s = as_slice(o);
  *step = 1;
  if (s->step != Py_None) {
    if (failed(clipped(ts, s->step, step, kNotIndexOrNone))) return Status::kError;
    if (*step == 0) return raise(ts, PyExc_ValueError, "slice step cannot be zero");
    // Its negation must be a Py_ssize_t too.
    if (*step < -PY_SSIZE_T_MAX) *step = -PY_SSIZE_T_MAX;
  }
  *start = *step < 0 ? PY_SSIZE_T_MAX : 0;
  if (s->start != Py_None && failed(clipped(ts, s->start, start, kNotIndexOrNone))) return Status::kError;
  *stop = *step < 0 ? PY_SSIZE_T_MIN : PY_SSIZE_T_MAX;
  if (s->stop != Py_None && failed(clipped(ts, s->stop, stop, kNotIndexOrNone))) return Status::kError;
  return Status::kOk;
}

Py_ssize_t slice_adjust(Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t step) {
  // The places just outside on either side are -1 and length; walking backwards begins at length - 1 at most.
  Py_ssize_t lowest = step < 0 ? -1 : 0;
  Py_ssize_t highest = step < 0 ? length - 1 : length;
  for (Py_ssize_t* end : {start, stop}) {
    if (*end < 0) {
      *end += length;
      if (*end < lowest) *end = lowest;
    } else if (*end > highest) {
      *end = highest;
    }
  }
  if (step > 0) return *start < *stop ? (*stop - *start - 1) / step + 1 : 0;
  return *stop < *start ? (*start - *stop - 1) / -step + 1 : 0;
}

namespace {

void slice_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  PySliceObject* s = as_slice(o);
  Ref<> a = Ref<>::steal(s->start), b = Ref<>::steal(s->stop), c = Ref<>::steal(s->step);
  free_object(ts, o);
}

int slice_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_slice(o)->start);
  Py_VISIT(as_slice(o)->stop);
  Py_VISIT(as_slice(o)->step);
  return 0;
}

Ref<> from_arguments(ThreadState& ts, PyObject* const* args, Py_ssize_t n) {
  if (n < 1) return raise(ts, PyExc_TypeError, "slice expected at least 1 argument, got %zd", n);
  if (n > 3) return raise(ts, PyExc_TypeError, "slice expected at most 3 arguments, got %zd", n);
  if (n == 1) return slice_new(ts, nullptr, args[0], nullptr);
  return slice_new(ts, args[0], args[1], n == 3 ? args[2] : nullptr);
}

PyObject* slice_tp_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (kwargs != nullptr && PyDict_GET_SIZE(kwargs) != 0) return raise(ts, PyExc_TypeError, "slice() takes no keyword arguments");
  return from_arguments(ts, tuple_items(args), tuple_size(args)).release();
}
PyObject* slice_vectorcall(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (kwnames != nullptr && tuple_size(kwnames) != 0) return raise(ts, PyExc_TypeError, "slice() takes no keyword arguments");
  return from_arguments(ts, args, PyVectorcall_NARGS(nargsf)).release();
}

Ref<> slice_repr(ThreadState& ts, PyObject* o) {
  PySliceObject* s = as_slice(o);
  return str_format(ts, "slice(%R, %R, %R)", s->start, s->stop, s->step);
}

Ref<> parts(ThreadState& ts, PyObject* o) {
  return tuple_from(ts, &as_slice(o)->start, 3);
}

// As the tuples of their parts.
Ref<> slice_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_exact(a, &PySlice_Type) || !is_exact(b, &PySlice_Type)) return not_implemented();
  if (a == b) return new_bool(op == Py_EQ || op == Py_LE || op == Py_GE);
  Ref<> x = parts(ts, a), y = parts(ts, b);
  return x && y ? object_richcompare(ts, x.get(), y.get(), op) : Ref<>();
}

// ---- indices(): whole numbers of any size ------------------------------------------------------------------------

Ref<> whole_number(ThreadState& ts, PyObject* o) {
  if (!PyIndex_Check(o)) return raise(ts, PyExc_TypeError, "%s", kNotIndexOrNone);
  return number_index(ts, o);
}

// One end, clipped to [lowest, highest]; `fallback` where it is None.
Ref<> long_end(ThreadState& ts, PyObject* given, PyObject* length, PyObject* lowest, PyObject* highest, PyObject* fallback) {
  if (given == Py_None) return dup(fallback);
  Ref<> v = whole_number(ts, given);
  if (!v) return {};
  if (int_sign(v.get()) < 0) {
    v = int_add(ts, v.get(), length);
    if (!v) return {};
    return int_compare(v.get(), lowest) < 0 ? dup(lowest) : std::move(v);
  }
  return int_compare(v.get(), highest) > 0 ? dup(highest) : std::move(v);
}

// length: an int, not negative.
Status long_indices(ThreadState& ts, PySliceObject* s, PyObject* length, Ref<>* start, Ref<>* stop, Ref<>* step) {
  *step = s->step == Py_None ? dup(small_int(1)) : whole_number(ts, s->step);
  if (!*step) return Status::kError;
  int sign = int_sign(step->get());
  if (sign == 0) return raise(ts, PyExc_ValueError, "slice step cannot be zero");
  Ref<> lowest = dup(small_int(sign < 0 ? -1 : 0));
  Ref<> highest = sign < 0 ? int_sub(ts, length, small_int(1)) : dup(length);
  if (!highest) return Status::kError;
  PyObject* first = sign < 0 ? highest.get() : lowest.get();
  PyObject* last = sign < 0 ? lowest.get() : highest.get();
  *start = long_end(ts, s->start, length, lowest.get(), highest.get(), first);
  if (!*start) return Status::kError;
  *stop = long_end(ts, s->stop, length, lowest.get(), highest.get(), last);
  return *stop ? Status::kOk : Status::kError;
}

Ref<> m_indices(ThreadState& ts, PySliceObject* s, PyObject* length_arg) {
  Ref<> length = number_index(ts, length_arg);
  if (!length) return {};
  if (int_sign(length.get()) < 0) return raise(ts, PyExc_ValueError, "length should not be negative");
  Ref<> start, stop, step;
  if (failed(long_indices(ts, s, length.get(), &start, &stop, &step))) return {};
  return tuple_of(ts, start.get(), stop.get(), step.get());
}

Ref<> m_reduce(ThreadState& ts, PySliceObject* s) {
  Ref<> args = parts(ts, obj(s));
  return args ? tuple_of(ts, &PySlice_Type, args.get()) : Ref<>();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_PLAIN(m_indices, "indices", "($self, len, /)",
                       "S.indices(len) -> (start, stop, stride)\n\nWhat the slice means for a sequence of that length."),
    ATOLL_METHOD_PLAIN(m_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};
constexpr PyMemberDef kMembers[] = {{"start", T_OBJECT, offsetof(PySliceObject, start), READONLY, nullptr},
                                    {"stop", T_OBJECT, offsetof(PySliceObject, stop), READONLY, nullptr},
                                    {"step", T_OBJECT, offsetof(PySliceObject, step), READONLY, nullptr},
                                    {}};

}  // namespace

constinit const TypeSpec slice_spec{
    .name = "slice",
    .doc = "slice(stop)\n"
           "slice(start, stop[, step])\n\n"
           "What stands between the brackets of an extended slice, as a[0:10:2].",
    .basicsize = sizeof(PySliceObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(slice_dealloc),
    .traverse = slice_traverse,
    .repr = ATOLL_SLOT(slice_repr),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(slice_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .new_ = slice_tp_new,
    .vectorcall = slice_vectorcall,
    .methods = kMethods,
    .members = kMembers,
};

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PySlice_Type = {};

PyObject* PySlice_New(PyObject* start, PyObject* stop, PyObject* step) {
  return slice_new(current_thread(), start, stop, step).release();
}
PyObject* _PySlice_FromIndices(Py_ssize_t start, Py_ssize_t stop) {
  ThreadState& ts = current_thread();
  Ref<> a = int_from_ssize(ts, start), b = int_from_ssize(ts, stop);
  return a && b ? slice_new(ts, a.get(), b.get(), nullptr).release() : nullptr;
}
int PySlice_Unpack(PyObject* slice, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step) {
  return static_cast<int>(slice_unpack(current_thread(), slice, start, stop, step));
}
Py_ssize_t PySlice_AdjustIndices(Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t step) {
  return slice_adjust(length, start, stop, step);
}
int(PySlice_GetIndicesEx)(PyObject* slice, Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step,
                          Py_ssize_t* slicelength) {
  *slicelength = 0;
  if (failed(slice_unpack(current_thread(), slice, start, stop, step))) return -1;
  *slicelength = slice_adjust(length, start, stop, *step);
  return 0;
}
// The old form: ints only, and ends beyond the sequence are errors that set no exception.
int PySlice_GetIndices(PyObject* slice, Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step) {
  PySliceObject* s = as_slice(slice);
  auto number = [](PyObject* o, Py_ssize_t* out) {
    if (!is_int(o)) return false;
    *out = PyLong_AsSsize_t(o);
    return true;
  };
  *step = 1;
  if (s->step != Py_None && !number(s->step, step)) return -1;
  *start = *step < 0 ? length - 1 : 0;
  if (s->start != Py_None) {
    if (!number(s->start, start)) return -1;
    if (*start < 0) *start += length;
  }
  *stop = *step < 0 ? -1 : length;
  if (s->stop != Py_None) {
    if (!number(s->stop, stop)) return -1;
    if (*stop < 0) *stop += length;
  }
  return *stop > length || *start >= length || *step == 0 ? -1 : 0;
}
int _PySlice_GetLongIndices(PySliceObject* slice, PyObject* length, PyObject** start, PyObject** stop, PyObject** step) {
  Ref<> a, b, c;
  if (failed(long_indices(current_thread(), slice, length, &a, &b, &c))) return -1;
  *start = a.release();
  *stop = b.release();
  *step = c.release();
  return 0;
}
int _PyEval_SliceIndex(PyObject* v, Py_ssize_t* out) {
  if (v == nullptr || v == Py_None) return 1;
  return !failed(clipped(current_thread(), v, out, kNotIndexOrNone));
}
int _PyEval_SliceIndexNotNone(PyObject* v, Py_ssize_t* out) { return !failed(clipped(current_thread(), v, out, kNotIndex)); }
