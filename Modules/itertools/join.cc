// itertools that put iterables together or sum one up: chain, zip_longest, accumulate.
#include "Modules/itertools/common.h"

namespace atl {

namespace {

// ---- chain -------------------------------------------------------------------------------------------------------

struct ChainObject {
  PyObject ob_base;
  PyObject* source;  // iterator over the iterables; NULL at the end
  PyObject* active;  // iterator over the present one, or NULL
};
static_assert(sizeof(ChainObject) == 32);
ChainObject* as_chain(PyObject* o) { return reinterpret_cast<ChainObject*>(o); }
using ChainFields = OwnedFields<ChainObject, &ChainObject::source, &ChainObject::active>;

Ref<> chain_over(ThreadState& ts, PyTypeObject* type, PyObject* iterables) {
  Ref<> source = object_iter(ts, iterables);
  if (!source) return {};
  auto c = new_instance<ChainObject>(ts, type, &atoll_chain_type);
  if (!c) return {};
  c->source = source.release();
  return c;
}
Ref<> chain_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t n) {
  Ref<> iterables = tuple_from(ts, args, n);
  return iterables ? chain_over(ts, type, iterables.get()) : Ref<>();
}
ATOLL_POSITIONAL_ENTRIES(chain, "chain", 0, PY_SSIZE_T_MAX, atoll_chain_type)
Ref<> chain_from_iterable(ThreadState& ts, PyTypeObject* type, PyObject* iterables) { return chain_over(ts, type, iterables); }

Ref<> chain_next(ThreadState& ts, PyObject* o) {
  ChainObject* c = as_chain(o);
  while (c->source != nullptr) {
    if (c->active == nullptr) {
      Ref<> hold = dup(c->source);
      Ref<> iterable = raw_next(hold.get());
      Ref<> it = iterable ? object_iter(ts, iterable.get()) : Ref<>();
      if (!it) {
        clear_field(c->source);
        return {};
      }
      set_field(c->active, std::move(it));
    }
    Ref<> hold = dup(c->active);
    Ref<> item = raw_next(hold.get());
    if (item) return item;
    if (failed(end_of_iteration(ts))) return {};
    // Not when another chain of calls has gone on to the next one meanwhile.
    if (c->active == hold.get()) clear_field(c->active);
  }
  return {};
}
Ref<> chain_reduce(ThreadState& ts, ChainObject* c) {
  PyTypeObject* type = c->ob_base.ob_type;
  if (c->source == nullptr) return tuple_of(ts, type, empty_tuple());
  Ref<> state = c->active != nullptr ? tuple_of(ts, c->source, c->active) : tuple_of(ts, c->source);
  return state ? tuple_of(ts, type, empty_tuple(), state.get()) : Ref<>();
}
Status chain_setstate(ThreadState& ts, ChainObject* c, PyObject* state) {
  if (!is_tuple(state)) return raise(ts, PyExc_TypeError, "state is not a tuple");
  Py_ssize_t n = tuple_size(state);
  if (n < 1) return raise(ts, PyExc_TypeError, "function takes at least 1 argument (%zd given)", n);
  if (n > 2) return raise(ts, PyExc_TypeError, "function takes at most 2 arguments (%zd given)", n);
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!is_iterator(tuple_peek(state, i))) return raise(ts, PyExc_TypeError, "Arguments must be iterators.");
  }
  set_field(c->source, dup(tuple_peek(state, 0)));
  set_field(c->active, n == 2 ? dup(tuple_peek(state, 1)) : Ref<>());
  return Status::kOk;
}
constexpr MethodSpec kChainMethods[] = {
    ATOLL_CLASSMETHOD(chain_from_iterable, "from_iterable", "($type, iterable, /)",
                      "Another way to make a chain: the iterables come from one iterable, when they are needed."),
    ATOLL_ITERTOOLS_REDUCE(chain_reduce), ATOLL_ITERTOOLS_SETSTATE(chain_setstate),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"), ATOLL_METHOD_END};

// ---- zip_longest -------------------------------------------------------------------------------------------------

struct ZipLongest {
  PyObject ob_base;
  Py_ssize_t count;
  Py_ssize_t active;    // how many iterators have not come to their end
  PyObject* iterators;  // tuple; None stands for one that has
  PyObject* kept;       // the tuple that is handed out again while nobody keeps it
  PyObject* fill;
};
static_assert(sizeof(ZipLongest) == 56);
ZipLongest* as_zip(PyObject* o) { return reinterpret_cast<ZipLongest*>(o); }
using ZipFields = OwnedFields<ZipLongest, &ZipLongest::iterators, &ZipLongest::kept, &ZipLongest::fill>;

PyObject* zip_longest_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  PyObject* fill = Py_None;
  if (kwargs != nullptr && dict_size(kwargs) != 0) {
    PyObject* given = nullptr;
    if (dict_size(kwargs) == 1) given = PyDict_GetItemString(kwargs, "fillvalue");
    if (given == nullptr) return raise(ts, PyExc_TypeError, "zip_longest() got an unexpected keyword argument");
    fill = given;
  }
  Py_ssize_t n = tuple_size(args);
  Ref<> iterators = tuple_new(ts, n);
  Ref<> kept = iterators ? tuple_new(ts, n) : Ref<>();
  if (!kept) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> it = object_iter(ts, tuple_peek(args, i));
    if (!it) return nullptr;
    tuple_items(iterators.get())[i] = it.release();
  }
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(kept.get())[i] = new_ref(Py_None);
  auto z = new_instance<ZipLongest>(ts, type, &atoll_zip_longest_type);
  if (!z) return nullptr;
  z->count = z->active = n;
  z->iterators = iterators.release();
  z->kept = kept.release();
  z->fill = new_ref(fill);
  return obj(z.release());
}
Ref<> zip_longest_next(ThreadState& ts, PyObject* o) {
  ZipLongest* z = as_zip(o);
  if (z->count == 0 || z->active == 0) return {};
  return refill_tuple(ts, z->kept, z->count, [&](Py_ssize_t i) -> Ref<> {
    Ref<> it = dup(tuple_peek(z->iterators, i));
    if (it.get() == Py_None) return dup(z->fill);
    Ref<> item = raw_next(it.get());
    if (item) return item;
    --z->active;
    if (z->active <= 0 || failed(end_of_iteration(ts))) {
      z->active = 0;
      return {};
    }
    set_field(tuple_items(z->iterators)[i], new_none());
    return dup(z->fill);
  });
}
Ref<> zip_longest_reduce(ThreadState& ts, ZipLongest* z) {
  Ref<> args = tuple_new(ts, z->count);
  if (!args) return {};
  for (Py_ssize_t i = 0; i < z->count; ++i) {
    PyObject* it = tuple_peek(z->iterators, i);
    tuple_items(args.get())[i] = new_ref(it == Py_None ? empty_tuple() : it);
  }
  return tuple_of(ts, z->ob_base.ob_type, args.get(), z->fill);
}
Status zip_longest_setstate(ThreadState&, ZipLongest* z, PyObject* state) {
  set_field(z->fill, dup(state));
  return Status::kOk;
}
constexpr MethodSpec kZipMethods[] = {ATOLL_ITERTOOLS_REDUCE(zip_longest_reduce), ATOLL_ITERTOOLS_SETSTATE(zip_longest_setstate),
                                      ATOLL_METHOD_END};

// ---- accumulate --------------------------------------------------------------------------------------------------

struct Accumulate {
  PyObject ob_base;
  PyObject* total;     // NULL before the first
  PyObject* iterator;
  PyObject* function;  // NULL: addition
  PyObject* initial;   // NULL: none, or it has been given
};
static_assert(sizeof(Accumulate) == 48);
Accumulate* as_accumulate(PyObject* o) { return reinterpret_cast<Accumulate*>(o); }
using AccumulateFields =
    OwnedFields<Accumulate, &Accumulate::total, &Accumulate::iterator, &Accumulate::function, &Accumulate::initial>;

Ref<> accumulate_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable, PyObject* function, PyObject* initial) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) return {};
  auto a = new_instance<Accumulate>(ts, type, &atoll_accumulate_type);
  if (!a) return {};
  a->iterator = it.release();
  if (function != nullptr && function != Py_None) a->function = new_ref(function);
  if (initial != nullptr && initial != Py_None) a->initial = new_ref(initial);
  return a;
}
Ref<> accumulate_next(ThreadState& ts, PyObject* o) {
  Accumulate* a = as_accumulate(o);
  if (a->initial != nullptr) {
    Ref<> first = Ref<>::steal(std::exchange(a->initial, nullptr));
    set_field(a->total, first.dup());
    return first;
  }
  Ref<> item = raw_next(a->iterator);
  if (!item) return {};
  if (a->total == nullptr) {
    a->total = new_ref(item.get());
    return item;
  }
  Ref<> total = dup(a->total);
  Ref<> next = a->function == nullptr ? number_binary(ts, BinaryOp::kAdd, total.get(), item.get())
                                      : call(ts, a->function, total.get(), item.get());
  if (!next) return {};
  set_field(a->total, next.dup());
  return next;
}
// chain((value,), iterator)
Ref<> preceded_by(ThreadState& ts, PyObject* value, PyObject* iterator) {
  Ref<> first = tuple_of(ts, value);
  PyObject* both[] = {first.get(), iterator};
  return first ? chain_make(ts, &atoll_chain_type, both, 2) : Ref<>();
}
Ref<> accumulate_reduce(ThreadState& ts, Accumulate* a) {
  PyTypeObject* type = a->ob_base.ob_type;
  PyObject* function = a->function != nullptr ? a->function : Py_None;
  if (a->initial != nullptr) {
    Ref<> it = preceded_by(ts, a->initial, a->iterator);
    Ref<> args = it ? tuple_of(ts, it.get(), function) : Ref<>();
    return args ? tuple_of(ts, type, args.get(), Py_None) : Ref<>();
  }
  if (a->total == Py_None) {
    // None as a state would mean that there is no total yet: start anew with it and leave the first result out.
    Ref<> it = preceded_by(ts, a->total, a->iterator);
    Ref<> again = it ? accumulate_make(ts, type, it.get(), a->function, nullptr) : Ref<>();
    Ref<> args = again ? tuple_of(ts, again.get(), small_int(1), Py_None) : Ref<>();
    return args ? tuple_of(ts, &atoll_islice_type, args.get()) : Ref<>();
  }
  Ref<> args = tuple_of(ts, a->iterator, function);
  return args ? tuple_of(ts, type, args.get(), a->total != nullptr ? a->total : Py_None) : Ref<>();
}
Status accumulate_setstate(ThreadState&, Accumulate* a, PyObject* state) {
  set_field(a->total, dup(state));
  return Status::kOk;
}
constexpr MethodSpec kAccumulateMethods[] = {ATOLL_ITERTOOLS_REDUCE(accumulate_reduce),
                                             ATOLL_ITERTOOLS_SETSTATE(accumulate_setstate), ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec itertools_chain_spec{
    .name = "itertools.chain",
    .doc = "chain(*iterables) --> chain object\n\nThe items of the first iterable, then those of the next, and so on.",
    .basicsize = sizeof(ChainObject),
    .flags = kItertoolsFlags,
    .dealloc = ChainFields::dealloc,
    .traverse = ChainFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(chain_next),
    .new_ = chain_tp_new,
    .vectorcall = chain_vectorcall,
    .methods = kChainMethods,
};
constinit const TypeSpec itertools_zip_longest_spec{
    .name = "itertools.zip_longest",
    .doc = "zip_longest(*iterables, fillvalue=None) --> zip_longest object\n\n"
           "Tuples of the n-th items of each iterable, to the end of the longest; fillvalue\n"
           "stands for those that are missing.",
    .basicsize = sizeof(ZipLongest),
    .flags = kItertoolsFlags,
    .dealloc = ZipFields::dealloc,
    .traverse = ZipFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(zip_longest_next),
    .new_ = zip_longest_tp_new,
    .methods = kZipMethods,
};
constinit const TypeSpec itertools_accumulate_spec{
    .name = "itertools.accumulate",
    .doc = "accumulate(iterable, func=None, *, initial=None)\n--\n\nThe sums so far, or the results so far of another function.",
    .basicsize = sizeof(Accumulate),
    .flags = kItertoolsFlags,
    .dealloc = AccumulateFields::dealloc,
    .traverse = AccumulateFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(accumulate_next),
    .new_ = ATOLL_NEW(accumulate_make, "accumulate", "(iterable, func=None, *, initial=None)"),
    .methods = kAccumulateMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_chain_type = {};
ATOLL_SEALED PyTypeObject atoll_zip_longest_type = {};
ATOLL_SEALED PyTypeObject atoll_accumulate_type = {};
