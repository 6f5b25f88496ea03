// itertools that choose or pair items of one iterable: compress, dropwhile, takewhile, filterfalse, islice, pairwise,
// starmap.
#include "Modules/itertools/common.h"

namespace atl {

namespace {

// Two owned fields: what compress, filterfalse, pairwise and starmap are.
struct PairObject {
  PyObject ob_base;
  PyObject* first;
  PyObject* second;
};
static_assert(sizeof(PairObject) == 32);
PairObject* as_pair(PyObject* o) { return reinterpret_cast<PairObject*>(o); }
using PairFields = OwnedFields<PairObject, &PairObject::first, &PairObject::second>;

Ref<> pair_make(ThreadState& ts, PyTypeObject* type, PyTypeObject* exact, Ref<> first, Ref<> second) {
  if (!first || !second) return {};
  auto p = new_instance<PairObject>(ts, type, exact);
  if (!p) return {};
  p->first = first.release();
  p->second = second.release();
  return p;
}
Ref<> pair_reduce(ThreadState& ts, PairObject* p) { return reduce_to(ts, obj(p), p->first, p->second); }
constexpr MethodSpec kPairMethods[] = {ATOLL_ITERTOOLS_REDUCE(pair_reduce), ATOLL_METHOD_END};

// The truth of function(item).
Tri passes(ThreadState& ts, PyObject* function, PyObject* item) {
  Ref<> answer = call(ts, function, item);
  return answer ? object_is_true(ts, answer.get()) : Tri::kError;
}

// ---- compress ----------------------------------------------------------------------------------------------------

Ref<> compress_make(ThreadState& ts, PyTypeObject* type, PyObject* data, PyObject* selectors) {
  Ref<> first = object_iter(ts, data);
  Ref<> second = first ? object_iter(ts, selectors) : Ref<>();
  return pair_make(ts, type, &atoll_compress_type, std::move(first), std::move(second));
}
Ref<> compress_next(ThreadState& ts, PyObject* o) {
  PairObject* p = as_pair(o);
  for (;;) {
    Ref<> item = raw_next(p->first);
    if (!item) return {};
    Ref<> selector = raw_next(p->second);
    if (!selector) return {};
    Tri chosen = object_is_true(ts, selector.get());
    if (failed(chosen)) return {};
    if (chosen == Tri::kTrue) return item;
  }
}

// ---- filterfalse and starmap -------------------------------------------------------------------------------------

Ref<> filterfalse_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  return pair_make(ts, type, &atoll_filterfalse_type, dup(args[0]), object_iter(ts, args[1]));
}
ATOLL_POSITIONAL_ENTRIES(filterfalse, "filterfalse", 2, 2, atoll_filterfalse_type)
Ref<> filterfalse_next(ThreadState& ts, PyObject* o) {
  PairObject* p = as_pair(o);
  bool truth = p->first == Py_None || p->first == obj(&PyBool_Type);
  for (;;) {
    Ref<> item = raw_next(p->second);
    if (!item) return {};
    Tri passed = truth ? object_is_true(ts, item.get()) : passes(ts, p->first, item.get());
    if (failed(passed)) return {};
    if (passed == Tri::kFalse) return item;
  }
}

Ref<> starmap_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  return pair_make(ts, type, &atoll_starmap_type, dup(args[0]), object_iter(ts, args[1]));
}
ATOLL_POSITIONAL_ENTRIES(starmap, "starmap", 2, 2, atoll_starmap_type)
Ref<> starmap_next(ThreadState& ts, PyObject* o) {
  PairObject* p = as_pair(o);
  Ref<> args = raw_next(p->second);
  if (!args) return {};
  if (!is_exact_tuple(args.get())) {
    args = tuple_from_iterable(ts, args.get());
    if (!args) return {};
  }
  return object_vectorcall(ts, p->first, tuple_items(args.get()), static_cast<size_t>(tuple_size(args.get())), nullptr);
}

// ---- pairwise ----------------------------------------------------------------------------------------------------

// first: the iterator, NULL at the end; second: the item before.
Ref<> pairwise_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  Ref<> it = object_iter(ts, args[0]);
  if (!it) return {};
  auto p = new_instance<PairObject>(ts, type, &atoll_pairwise_type);
  if (!p) return {};
  p->first = it.release();
  return p;
}
ATOLL_POSITIONAL_ENTRIES(pairwise, "pairwise", 1, 1, atoll_pairwise_type)
Ref<> pairwise_next(ThreadState& ts, PyObject* o) {
  PairObject* p = as_pair(o);
  if (p->first == nullptr) return {};
  Ref<> it = dup(p->first);
  if (p->second == nullptr) {
    Ref<> first = raw_next(it.get());
    if (!first) {
      clear_field(p->first);
      return {};
    }
    set_field(p->second, std::move(first));
    // The iterator may have used this one up in the meantime.
    if (p->first == nullptr) {
      clear_field(p->second);
      return {};
    }
  }
  Ref<> old = dup(p->second);
  Ref<> item = raw_next(it.get());
  if (!item) {
    clear_field(p->first);
    clear_field(p->second);
    return {};
  }
  Ref<> result = tuple_of(ts, old.get(), item.get());
  set_field(p->second, std::move(item));
  return result;
}

// ---- dropwhile and takewhile -------------------------------------------------------------------------------------

struct WhileObject {
  PyObject ob_base;
  PyObject* function;
  PyObject* iterator;
  bool switched;  // dropwhile: nothing is dropped any more; takewhile: the end
};
static_assert(sizeof(WhileObject) == 40);
WhileObject* as_while(PyObject* o) { return reinterpret_cast<WhileObject*>(o); }
using WhileFields = OwnedFields<WhileObject, &WhileObject::function, &WhileObject::iterator>;

Ref<> while_make(ThreadState& ts, PyTypeObject* type, PyTypeObject* exact, PyObject* const* args) {
  Ref<> it = object_iter(ts, args[1]);
  if (!it) return {};
  auto w = new_instance<WhileObject>(ts, type, exact);
  if (!w) return {};
  w->function = new_ref(args[0]);
  w->iterator = it.release();
  return w;
}
Ref<> dropwhile_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  return while_make(ts, type, &atoll_dropwhile_type, args);
}
ATOLL_POSITIONAL_ENTRIES(dropwhile, "dropwhile", 2, 2, atoll_dropwhile_type)
Ref<> takewhile_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  return while_make(ts, type, &atoll_takewhile_type, args);
}
ATOLL_POSITIONAL_ENTRIES(takewhile, "takewhile", 2, 2, atoll_takewhile_type)

Ref<> dropwhile_next(ThreadState& ts, PyObject* o) {
  WhileObject* w = as_while(o);
  for (;;) {
    Ref<> item = raw_next(w->iterator);
    if (!item || w->switched) return item;
    Tri drop = passes(ts, w->function, item.get());
    if (failed(drop)) return {};
    if (drop == Tri::kFalse) {
      w->switched = true;
      return item;
    }
  }
}
Ref<> takewhile_next(ThreadState& ts, PyObject* o) {
  WhileObject* w = as_while(o);
  if (w->switched) return {};
  Ref<> item = raw_next(w->iterator);
  if (!item) return {};
  Tri take = passes(ts, w->function, item.get());
  if (take == Tri::kTrue) return item;
  if (take == Tri::kFalse) w->switched = true;
  return {};
}
Ref<> while_reduce(ThreadState& ts, WhileObject* w) {
  Ref<> args = tuple_of(ts, w->function, w->iterator);
  return args ? tuple_of(ts, w->ob_base.ob_type, args.get(), small_int(w->switched)) : Ref<>();
}
Status while_setstate(ThreadState& ts, WhileObject* w, PyObject* state) {
  Tri switched = object_is_true(ts, state);
  if (failed(switched)) return Status::kError;
  w->switched = switched == Tri::kTrue;
  return Status::kOk;
}
constexpr MethodSpec kWhileMethods[] = {ATOLL_ITERTOOLS_REDUCE(while_reduce), ATOLL_ITERTOOLS_SETSTATE(while_setstate),
                                        ATOLL_METHOD_END};

// ---- islice ------------------------------------------------------------------------------------------------------

struct SliceIter {
  PyObject ob_base;
  PyObject* iterator;  // NULL at the end
  Py_ssize_t next;     // number of the item to give next
  Py_ssize_t stop;     // -1: none
  Py_ssize_t step;
  Py_ssize_t count;    // items taken from the iterator
};
static_assert(sizeof(SliceIter) == 56);
SliceIter* as_slice_iter(PyObject* o) { return reinterpret_cast<SliceIter*>(o); }
using SliceFields = OwnedFields<SliceIter, &SliceIter::iterator>;

// None leaves *out; errors other than "no such number" have their own message, as below.
Status slice_number(ThreadState& ts, PyObject* o, Py_ssize_t* out, Py_ssize_t least, const char* message) {
  if (o == Py_None) return Status::kOk;
  if (failed(index_as_ssize(ts, o, out, PyExc_OverflowError))) {
    error_clear(ts);
    *out = least - 1;
  }
  if (*out >= least) return Status::kOk;
  return raise(ts, PyExc_ValueError, "%s", message);
}

Ref<> islice_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t n) {
  constexpr const char* kStop = "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
  constexpr const char* kIndices = "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
  Py_ssize_t start = 0, stop = -1, step = 1;
  if (n == 2) {
    if (failed(slice_number(ts, args[1], &stop, 0, kStop))) return {};
  } else {
    // A stop that is no number at all is told apart from one that is out of range.
    if (args[2] != Py_None && failed(index_as_ssize(ts, args[2], &stop, PyExc_OverflowError))) {
      error_clear(ts);
      return raise(ts, PyExc_ValueError, "%s", kStop);
    }
    if (failed(slice_number(ts, args[1], &start, 0, kIndices))) return {};
    if (args[2] != Py_None && stop < 0) return raise(ts, PyExc_ValueError, "%s", kIndices);
    if (n == 4 && failed(slice_number(ts, args[3], &step, 1, "Step for islice() must be a positive integer or None."))) return {};
  }
  Ref<> it = object_iter(ts, args[0]);
  if (!it) return {};
  auto s = new_instance<SliceIter>(ts, type, &atoll_islice_type);
  if (!s) return {};
  s->iterator = it.release();
  s->next = start;
  s->stop = stop;
  s->step = step;
  return s;
}
ATOLL_POSITIONAL_ENTRIES(islice, "islice", 2, 4, atoll_islice_type)

Ref<> islice_next(ThreadState&, PyObject* o) {
  SliceIter* s = as_slice_iter(o);
  if (s->iterator == nullptr) return {};
  Ref<> it = dup(s->iterator);
  Ref<> item;
  bool more = true;
  while (more && s->count < s->next) {
    more = static_cast<bool>(raw_next(it.get()));
    if (more) ++s->count;
  }
  if (more && (s->stop < 0 || s->count < s->stop)) item = raw_next(it.get());
  if (!item) {
    clear_field(s->iterator);
    return {};
  }
  ++s->count;
  Py_ssize_t next;
  if (__builtin_add_overflow(s->next, s->step, &next) || (s->stop >= 0 && next > s->stop)) {
    next = s->stop >= 0 ? s->stop : PY_SSIZE_T_MAX;
  }
  s->next = next;
  return item;
}
Ref<> islice_reduce(ThreadState& ts, SliceIter* s) {
  if (s->iterator == nullptr) {
    Ref<> nothing = list_new(ts, 0);
    Ref<> it = nothing ? object_iter(ts, nothing.get()) : Ref<>();
    Ref<> args = it ? tuple_of(ts, it.get(), small_int(0)) : Ref<>();
    return args ? tuple_of(ts, s->ob_base.ob_type, args.get(), small_int(0)) : Ref<>();
  }
  Ref<> next = int_from_ssize(ts, s->next), step = int_from_ssize(ts, s->step), count = int_from_ssize(ts, s->count);
  Ref<> stop = s->stop < 0 ? new_none() : int_from_ssize(ts, s->stop);
  if (!next || !step || !count || !stop) return {};
  Ref<> args = tuple_of(ts, s->iterator, next.get(), stop.get(), step.get());
  return args ? tuple_of(ts, s->ob_base.ob_type, args.get(), count.get()) : Ref<>();
}
Status islice_setstate(ThreadState& ts, SliceIter* s, PyObject* state) {
  Py_ssize_t count = PyLong_AsSsize_t(state);
  if (count == -1 && error_set(ts)) return Status::kError;
  s->count = count;
  return Status::kOk;
}
constexpr MethodSpec kSliceMethods[] = {ATOLL_ITERTOOLS_REDUCE(islice_reduce), ATOLL_ITERTOOLS_SETSTATE(islice_setstate),
                                        ATOLL_METHOD_END};

}  // namespace

#define ATOLL_SELECT_TYPE(prefix, text, documentation, fields, object, ...) \
  constinit const TypeSpec itertools_##prefix##_spec{                       \
      .name = "itertools." text,                                            \
      .doc = documentation,                                                 \
      .basicsize = sizeof(object),                                          \
      .flags = kItertoolsFlags,                                             \
      .dealloc = fields::dealloc,                                           \
      .traverse = fields::traverse,                                         \
      .getattro = PyObject_GenericGetAttr,                                  \
      .iter = PyObject_SelfIter,                                            \
      .iternext = ATOLL_SLOT(prefix##_next),                                \
      __VA_ARGS__,                                                          \
  };

ATOLL_SELECT_TYPE(compress, "compress", "compress(data, selectors)\n--\n\nThe items of data whose selector is true.", PairFields,
                  PairObject, .new_ = ATOLL_NEW(compress_make, "compress", "(data, selectors)"), .methods = kPairMethods)
ATOLL_SELECT_TYPE(filterfalse, "filterfalse",
                  "filterfalse(function, iterable, /)\n--\n\nThe items for which function(item) is false, or the item itself with None.",
                  PairFields, PairObject, .new_ = filterfalse_tp_new, .vectorcall = filterfalse_vectorcall, .methods = kPairMethods)
ATOLL_SELECT_TYPE(starmap, "starmap",
                  "starmap(function, iterable, /)\n--\n\nThe results of function(*args) for args in the iterable.", PairFields,
                  PairObject, .new_ = starmap_tp_new, .vectorcall = starmap_vectorcall, .methods = kPairMethods)
ATOLL_SELECT_TYPE(pairwise, "pairwise",
                  "pairwise(iterable, /)\n--\n\nOverlapping pairs of the iterable's items: s -> (s0,s1), (s1,s2), (s2, s3), ...",
                  PairFields, PairObject, .new_ = pairwise_tp_new, .vectorcall = pairwise_vectorcall)
ATOLL_SELECT_TYPE(dropwhile, "dropwhile",
                  "dropwhile(predicate, iterable, /)\n--\n\nThe items from the first one on for which predicate(item) is false.",
                  WhileFields, WhileObject, .new_ = dropwhile_tp_new, .vectorcall = dropwhile_vectorcall, .methods = kWhileMethods)
ATOLL_SELECT_TYPE(takewhile, "takewhile",
                  "takewhile(predicate, iterable, /)\n--\n\nThe items before the first one for which predicate(item) is false.",
                  WhileFields, WhileObject, .new_ = takewhile_tp_new, .vectorcall = takewhile_vectorcall, .methods = kWhileMethods)
ATOLL_SELECT_TYPE(islice, "islice",
                  "islice(iterable, stop) --> islice object\n"
                  "islice(iterable, start, stop[, step]) --> islice object\n\n"
                  "The items that the slice names, taken one after the other.",
                  SliceFields, SliceIter, .new_ = islice_tp_new, .vectorcall = islice_vectorcall, .methods = kSliceMethods)

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_compress_type = {};
ATOLL_SEALED PyTypeObject atoll_filterfalse_type = {};
ATOLL_SEALED PyTypeObject atoll_starmap_type = {};
ATOLL_SEALED PyTypeObject atoll_pairwise_type = {};
ATOLL_SEALED PyTypeObject atoll_dropwhile_type = {};
ATOLL_SEALED PyTypeObject atoll_takewhile_type = {};
ATOLL_SEALED PyTypeObject atoll_islice_type = {};
