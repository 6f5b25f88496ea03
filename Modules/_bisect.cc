// _bisect: binary search in sorted sequences.
#include "Modules/module_def.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"

namespace atl {

namespace {

enum class Side { kLeft, kRight };

// The end of the range: missing or None is -1, the length.
struct End {
  Py_ssize_t value = -1;
};

}  // namespace

template <>
struct ArgTraits<End> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, End* out) {
    if (o == Py_None) return true;
    if (!PyIndex_Check(o)) {
      (void)raise(ts, PyExc_TypeError, "argument should be integer or None, not '%.200s'", o->ob_type->tp_name);
      return false;
    }
    return !failed(index_as_ssize(ts, o, &out->value));
  }
};

namespace {

// Where x belongs; kLeft: before items that equal it.
template <Side kSide>
Status search(ThreadState& ts, PyObject* a, PyObject* x, Py_ssize_t low, Py_ssize_t high, PyObject* key, Py_ssize_t* out) {
  if (low < 0) return raise(ts, PyExc_ValueError, "lo must be non-negative");
  if (high == -1 && failed(object_len(ts, a, &high))) return Status::kError;
  if (key == Py_None) key = nullptr;
  while (low < high) {
    Py_ssize_t middle = low + (high - low) / 2;
    Ref<> item = Ref<>::steal(PySequence_GetItem(a, middle));
    if (item && key != nullptr) item = call(ts, key, item.get());
    if (!item) return Status::kError;
    Tri t = kSide == Side::kLeft ? object_richcompare_bool(ts, item.get(), x, Py_LT)
                                 : object_richcompare_bool(ts, x, item.get(), Py_LT);
    if (failed(t)) return Status::kError;
    if ((t == Tri::kTrue) == (kSide == Side::kLeft)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  *out = low;
  return Status::kOk;
}

template <Side kSide>
Ref<> bisect(ThreadState& ts, PyObject*, PyObject* a, PyObject* x, Py_ssize_t lo, End hi, PyObject* key) {
  Py_ssize_t i;
  return failed(search<kSide>(ts, a, x, lo, hi.value, key, &i)) ? Ref<>() : int_from_ssize(ts, i);
}

template <Side kSide>
Status insort(ThreadState& ts, PyObject*, PyObject* a, PyObject* x, Py_ssize_t lo, End hi, PyObject* key) {
  Ref<> by;
  if (key != nullptr && key != Py_None) {
    by = call(ts, key, x);
    if (!by) return Status::kError;
  }
  Py_ssize_t i;
  if (failed(search<kSide>(ts, a, by ? by.get() : x, lo, hi.value, key, &i))) return Status::kError;
  if (is_exact_list(a)) return list_insert(ts, a, i, x);
  Ref<> name = str_interned(ts, "insert"), index = int_from_ssize(ts, i);
  return name && index && call_method(ts, a, name.get(), index.get(), x) ? Status::kOk : Status::kError;
}

#define ATOLL_BISECT(fn, name, doc) ATOLL_METHOD(fn, name, "($module, /, a, x, lo=0, hi=None, *, key=None)", doc)

constexpr MethodSpec kFunctions[] = {
    ATOLL_BISECT(bisect<Side::kRight>, "bisect_right",
                 "Return the index where to insert item x in list a, assuming a is sorted.\n\n"
                 "It stands behind all items that equal x. lo and hi bound the part that is searched."),
    ATOLL_BISECT(insort<Side::kRight>, "insort_right",
                 "Insert item x in list a, and keep it sorted assuming a is sorted.\n\n"
                 "Behind all items that equal it. lo and hi bound the part that is searched."),
    ATOLL_BISECT(bisect<Side::kLeft>, "bisect_left",
                 "Return the index where to insert item x in list a, assuming a is sorted.\n\n"
                 "It stands before all items that equal x. lo and hi bound the part that is searched."),
    ATOLL_BISECT(insort<Side::kLeft>, "insort_left",
                 "Insert item x in list a, and keep it sorted assuming a is sorted.\n\n"
                 "Before all items that equal it. lo and hi bound the part that is searched."),
    ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__bisect, "_bisect",
                     "Bisection algorithms.\n\n"
                     "Keeping a list sorted while items are added, without sorting it anew each time.\n",
                     0, atl::kFunctions, atl::module_exec_nothing)
