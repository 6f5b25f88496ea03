// zip, map and filter.
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/str/str.h"
#include "Objects/type/spec.h"

namespace atl {

namespace {

// A tuple of iter(a) for each argument.
Ref<> iterators_of(ThreadState& ts, PyObject* const* args, Py_ssize_t n) {
  Ref<> t = tuple_new(ts, n);
  if (!t) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> it = object_iter(ts, args[i]);
    if (!it) return {};
    tuple_items(t.get())[i] = it.release();
  }
  return t;
}

// ---- zip ---------------------------------------------------------------------------------------------------------

struct ZipObject {
  PyObject ob_base;
  Py_ssize_t count;
  PyObject* iterators;  // tuple
  PyObject* kept;       // the tuple that is handed out again while nobody keeps it
  bool strict;
};
static_assert(sizeof(ZipObject) == 48);
ZipObject* as_zip(PyObject* o) { return reinterpret_cast<ZipObject*>(o); }

Ref<> zip_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t n, bool strict) {
  Ref<> iterators = iterators_of(ts, args, n);
  if (!iterators) return {};
  Ref<> kept = tuple_new(ts, n);
  if (!kept) return {};
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(kept.get())[i] = new_ref(Py_None);
  auto z = new_instance<ZipObject>(ts, type, &PyZip_Type);
  if (!z) return {};
  z->count = n;
  z->iterators = iterators.release();
  z->kept = kept.release();
  z->strict = strict;
  return z;
}

Status strict_keyword(ThreadState& ts, PyObject* name, PyObject* value, bool* strict) {
  if (!str_equals_ascii(name, "strict")) {
    return raise(ts, PyExc_TypeError, "'%.200U' is an invalid keyword argument for zip()", name);
  }
  Tri yes = object_is_true(ts, value);
  *strict = yes == Tri::kTrue;
  return failed(yes) ? Status::kError : Status::kOk;
}
Raised too_many_keywords(ThreadState& ts, Py_ssize_t n) {
  return raise(ts, PyExc_TypeError, "zip() takes at most 1 keyword argument (%zd given)", n);
}

PyObject* zip_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  bool strict = false;
  if (kwargs != nullptr && dict_size(kwargs) != 0) {
    if (dict_size(kwargs) > 1) return too_many_keywords(ts, dict_size(kwargs));
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    dict_next(kwargs, &pos, &key, &value);
    if (failed(strict_keyword(ts, key, value, &strict))) return nullptr;
  }
  return zip_make(ts, type, tuple_items(args), tuple_size(args), strict).release();
}
PyObject* zip_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  bool strict = false;
  if (kwnames != nullptr && tuple_size(kwnames) != 0) {
    if (tuple_size(kwnames) > 1) return too_many_keywords(ts, tuple_size(kwnames));
    if (failed(strict_keyword(ts, tuple_peek(kwnames, 0), args[n], &strict))) return nullptr;
  }
  return zip_make(ts, reinterpret_cast<PyTypeObject*>(type), args, n, strict).release();
}

using ZipFields = OwnedFields<ZipObject, &ZipObject::iterators, &ZipObject::kept>;

Raised uneven(ThreadState& ts, Py_ssize_t i, const char* relation) {
  return raise(ts, PyExc_ValueError, "zip() argument %zd is %s than argument%s%zd", i + 1, relation, i == 1 ? " " : "s 1-", i);
}
// Argument i of a strict zip came to its end: all must.
Status check_even(ThreadState& ts, ZipObject* z, Py_ssize_t i) {
  if (failed(end_of_iteration(ts))) return Status::kError;
  if (i != 0) return uneven(ts, i, "shorter");
  for (i = 1; i < z->count; ++i) {
    Ref<> item = raw_next(tuple_peek(z->iterators, i));
    if (item) return uneven(ts, i, "longer");
    if (failed(end_of_iteration(ts))) return Status::kError;
  }
  return Status::kOk;
}

Ref<> zip_next(ThreadState& ts, PyObject* o) {
  ZipObject* z = as_zip(o);
  if (z->count == 0) return {};
  Py_ssize_t ended = -1;
  Ref<> t = refill_tuple(ts, z->kept, z->count, [&](Py_ssize_t i) {
    Ref<> item = raw_next(tuple_peek(z->iterators, i));
    if (!item) ended = i;
    return item;
  });
  if (!t && z->strict && ended >= 0) (void)check_even(ts, z, ended);
  return t;
}

Ref<> zip_reduce(ThreadState& ts, ZipObject* z) {
  if (z->strict) return tuple_of(ts, z->ob_base.ob_type, z->iterators, Py_True);
  return tuple_of(ts, z->ob_base.ob_type, z->iterators);
}
Ref<> zip_setstate(ThreadState& ts, ZipObject* z, PyObject* state) {
  Tri strict = object_is_true(ts, state);
  if (failed(strict)) return {};
  z->strict = strict == Tri::kTrue;
  return new_none();
}
constexpr MethodSpec kZipMethods[] = {
    ATOLL_METHOD_PLAIN(zip_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(zip_setstate, "__setstate__", "($self, state, /)", "Set whether the zip is strict."), ATOLL_METHOD_END};

// ---- map ---------------------------------------------------------------------------------------------------------

struct MapObject {
  PyObject ob_base;
  PyObject* iterators;  // tuple
  PyObject* function;
};
static_assert(sizeof(MapObject) == 32);
MapObject* as_map(PyObject* o) { return reinterpret_cast<MapObject*>(o); }

Ref<> map_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t n) {
  if (n < 2) return raise(ts, PyExc_TypeError, "map() must have at least two arguments.");
  Ref<> iterators = iterators_of(ts, args + 1, n - 1);
  if (!iterators) return {};
  auto m = new_instance<MapObject>(ts, type, &PyMap_Type);
  if (!m) return {};
  m->iterators = iterators.release();
  m->function = new_ref(args[0]);
  return m;
}
PyObject* map_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (!no_keywords(ts, "map", type, &PyMap_Type, kwargs)) return nullptr;
  return map_make(ts, type, tuple_items(args), tuple_size(args)).release();
}
PyObject* map_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (!no_keyword_names(ts, "map", kwnames)) return nullptr;
  return map_make(ts, reinterpret_cast<PyTypeObject*>(type), args, PyVectorcall_NARGS(nargsf)).release();
}
using MapFields = OwnedFields<MapObject, &MapObject::iterators, &MapObject::function>;
Ref<> map_next(ThreadState& ts, PyObject* o) {
  MapObject* m = as_map(o);
  Py_ssize_t n = tuple_size(m->iterators);
  // The first place is the callee's to use.
  constexpr Py_ssize_t kSmall = 6;
  PyObject* small[kSmall + 1];
  PyObject** window = small;
  if (n > kSmall) {
    window = static_cast<PyObject**>(std::malloc(static_cast<size_t>(n + 1) * sizeof(PyObject*)));
    if (window == nullptr) return raise_memory(ts);
  }
  window[0] = nullptr;
  Py_ssize_t have = 0;
  Ref<> result;
  for (; have < n; ++have) {
    Ref<> item = raw_next(tuple_peek(m->iterators, have));
    if (!item) break;
    window[have + 1] = item.release();
  }
  if (have == n) {
    result = object_vectorcall(ts, m->function, window + 1, static_cast<size_t>(n) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  }
  for (Py_ssize_t i = 0; i < have; ++i) decref(window[i + 1]);
  if (window != small) std::free(window);
  return result;
}
Ref<> map_reduce(ThreadState& ts, MapObject* m) {
  Py_ssize_t n = tuple_size(m->iterators);
  Ref<> args = tuple_new(ts, n + 1);
  if (!args) return {};
  tuple_items(args.get())[0] = new_ref(m->function);
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(args.get())[i + 1] = new_ref(tuple_peek(m->iterators, i));
  return tuple_of(ts, m->ob_base.ob_type, args.get());
}
constexpr MethodSpec kMapMethods[] = {ATOLL_METHOD_PLAIN(map_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
                                      ATOLL_METHOD_END};

// ---- filter ------------------------------------------------------------------------------------------------------

struct FilterObject {
  PyObject ob_base;
  PyObject* function;
  PyObject* iterator;
};
static_assert(sizeof(FilterObject) == 32);
FilterObject* as_filter(PyObject* o) { return reinterpret_cast<FilterObject*>(o); }

Ref<> filter_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  Ref<> it = object_iter(ts, args[1]);
  if (!it) return {};
  auto f = new_instance<FilterObject>(ts, type, &PyFilter_Type);
  if (!f) return {};
  f->function = new_ref(args[0]);
  f->iterator = it.release();
  return f;
}
ATOLL_POSITIONAL_ENTRIES(filter, "filter", 2, 2, PyFilter_Type)
using FilterFields = OwnedFields<FilterObject, &FilterObject::function, &FilterObject::iterator>;
Ref<> filter_next(ThreadState& ts, PyObject* o) {
  FilterObject* f = as_filter(o);
  bool truth = f->function == Py_None || f->function == obj(&PyBool_Type);
  for (;;) {
    Ref<> item = raw_next(f->iterator);
    if (!item) return {};
    Tri keep;
    if (truth) {
      keep = object_is_true(ts, item.get());
    } else {
      Ref<> answer = call(ts, f->function, item.get());
      if (!answer) return {};
      keep = object_is_true(ts, answer.get());
    }
    if (failed(keep)) return {};
    if (keep == Tri::kTrue) return item;
  }
}
Ref<> filter_reduce(ThreadState& ts, FilterObject* f) {
  Ref<> args = tuple_of(ts, f->function, f->iterator);
  return args ? tuple_of(ts, f->ob_base.ob_type, args.get()) : Ref<>();
}
constexpr MethodSpec kFilterMethods[] = {ATOLL_METHOD_PLAIN(filter_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
                                         ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec zip_spec{
    .name = "zip",
    .doc = "zip(*iterables, strict=False) --> tuples of the n-th items of each iterable.\n\n"
           "Ends with the shortest; with strict, iterables of different lengths raise ValueError.",
    .basicsize = sizeof(ZipObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = ZipFields::dealloc,
    .traverse = ZipFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(zip_next),
    .new_ = zip_tp_new,
    .vectorcall = zip_vectorcall,
    .methods = kZipMethods,
};
constinit const TypeSpec map_spec{
    .name = "map",
    .doc = "map(func, *iterables) --> the results of func on the items of the iterables, side by side.\n\n"
           "Ends with the shortest.",
    .basicsize = sizeof(MapObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = MapFields::dealloc,
    .traverse = MapFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(map_next),
    .new_ = map_tp_new,
    .vectorcall = map_vectorcall,
    .methods = kMapMethods,
};
constinit const TypeSpec filter_spec{
    .name = "filter",
    .doc = "filter(function or None, iterable) --> the items for which function is true.\n\n"
           "None stands for the truth of the item itself.",
    .basicsize = sizeof(FilterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = FilterFields::dealloc,
    .traverse = FilterFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(filter_next),
    .new_ = filter_tp_new,
    .vectorcall = filter_vectorcall,
    .methods = kFilterMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject PyZip_Type = {};
ATOLL_SEALED PyTypeObject PyMap_Type = {};
ATOLL_SEALED PyTypeObject PyFilter_Type = {};
