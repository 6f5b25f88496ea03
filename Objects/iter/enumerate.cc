// enumerate and reversed.
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/str/str.h"
#include "Objects/type/spec.h"

namespace atl {

namespace {

// ---- enumerate ---------------------------------------------------------------------------------------------------

struct EnumObject {
  PyObject ob_base;
  Py_ssize_t index;      // the next number, while long_index is NULL
  PyObject* iterator;
  PyObject* pair;        // handed out again while nobody keeps it
  PyObject* long_index;  // the next number once it is beyond Py_ssize_t
  PyObject* reserved;
};
static_assert(sizeof(EnumObject) == 56);
EnumObject* as_enum(PyObject* o) { return reinterpret_cast<EnumObject*>(o); }

Ref<> enum_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable, PyObject* start) {
  auto e = new_instance<EnumObject>(ts, type, &PyEnum_Type);
  if (!e) return {};
  if (start != nullptr) {
    Ref<> number = number_index(ts, start);
    if (!number) return {};
    int overflow;
    e->index = int_as_i64_overflow(number.get(), &overflow);
    if (overflow != 0) {
      e->index = PY_SSIZE_T_MAX;
      e->long_index = number.release();
    }
  }
  Ref<> it = object_iter(ts, iterable);
  if (!it) return {};
  e->iterator = it.release();
  return e;
}

PyObject* enum_vectorcall(PyObject* type_object, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  auto* type = reinterpret_cast<PyTypeObject*>(type_object);
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  Py_ssize_t keywords = kwnames != nullptr ? tuple_size(kwnames) : 0;
  if (n + keywords > 2) return raise(ts, PyExc_TypeError, "enumerate() takes at most 2 arguments (%zd given)", n + keywords);
  PyObject* iterable = n > 0 ? args[0] : nullptr;
  PyObject* start = n > 1 ? args[1] : nullptr;
  for (Py_ssize_t i = 0; i < keywords; ++i) {
    PyObject* name = tuple_peek(kwnames, i);
    if (iterable == nullptr && str_equals_ascii(name, "iterable")) {
      iterable = args[n + i];
    } else if (start == nullptr && str_equals_ascii(name, "start") && (n > 0 || keywords == 2)) {
      start = args[n + i];
    } else {
      return raise(ts, PyExc_TypeError, "'%.200U' is an invalid keyword argument for enumerate()", name);
    }
  }
  if (iterable == nullptr) return raise(ts, PyExc_TypeError, "enumerate() missing required argument 'iterable'");
  return enum_make(ts, type, iterable, start).release();
}

using EnumFields = OwnedFields<EnumObject, &EnumObject::iterator, &EnumObject::pair, &EnumObject::long_index>;

Ref<> take_number(ThreadState& ts, EnumObject* e) {
  if (ATOLL_LIKELY(e->index != PY_SSIZE_T_MAX)) return int_from_ssize(ts, e->index++);
  Ref<> number = e->long_index != nullptr ? dup(e->long_index) : int_from_ssize(ts, PY_SSIZE_T_MAX);
  Ref<> next = number ? int_add(ts, number.get(), small_int(1)) : Ref<>();
  if (!next) return {};
  set_field(e->long_index, std::move(next));
  return number;
}

Ref<> enum_next(ThreadState& ts, PyObject* o) {
  EnumObject* e = as_enum(o);
  Ref<> item = raw_next(e->iterator);
  if (!item) return {};
  Ref<> number = take_number(ts, e);
  if (!number) return {};
  bool fresh = e->pair == nullptr || e->pair->ob_refcnt != 1;
  Ref<> t = refill_tuple(ts, e->pair, 2, [&](Py_ssize_t i) { return std::move(i == 0 ? number : item); });
  if (t && fresh && e->pair == nullptr) set_field(e->pair, t.dup());
  return t;
}

Ref<> enum_reduce(ThreadState& ts, EnumObject* e) {
  Ref<> number = e->long_index != nullptr ? dup(e->long_index) : int_from_ssize(ts, e->index);
  Ref<> args = number ? tuple_of(ts, e->iterator, number.get()) : Ref<>();
  return args ? tuple_of(ts, e->ob_base.ob_type, args.get()) : Ref<>();
}

constexpr MethodSpec kEnumMethods[] = {
    ATOLL_METHOD_PLAIN(enum_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"), ATOLL_METHOD_END};

// ---- reversed ----------------------------------------------------------------------------------------------------

struct ReversedObject {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* sequence;  // NULL at the end
};
static_assert(sizeof(ReversedObject) == 32);
ReversedObject* as_reversed(PyObject* o) { return reinterpret_cast<ReversedObject*>(o); }

Ref<> reversed_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  PyObject* sequence = args[0];
  Ref<> method;
  if (failed(object_lookup_special(ts, sequence, ID(__reversed__), &method))) return {};
  if (method.get() == Py_None || (!method && !PySequence_Check(sequence))) {
    return raise(ts, PyExc_TypeError, "'%.200s' object is not reversible", sequence->ob_type->tp_name);
  }
  if (method) return call(ts, method.get());
  Py_ssize_t n;
  if (failed(object_len(ts, sequence, &n))) return {};
  auto r = new_instance<ReversedObject>(ts, type, &PyReversed_Type);
  if (!r) return {};
  r->index = n - 1;
  r->sequence = new_ref(sequence);
  return r;
}

ATOLL_POSITIONAL_ENTRIES(reversed, "reversed", 1, 1, PyReversed_Type)

using ReversedFields = OwnedFields<ReversedObject, &ReversedObject::sequence>;
Ref<> reversed_next(ThreadState& ts, PyObject* o) {
  ReversedObject* r = as_reversed(o);
  if (r->index >= 0 && r->sequence != nullptr) {
    Ref<> item = Ref<>::steal(PySequence_GetItem(r->sequence, r->index));
    if (item) {
      --r->index;
      return item;
    }
    if (error_matches(ts, PyExc_IndexError) || error_matches(ts, PyExc_StopIteration)) error_clear(ts);
  }
  r->index = -1;
  clear_field(r->sequence);
  return {};
}
Ref<> reversed_hint(ThreadState& ts, ReversedObject* r) {
  if (r->sequence == nullptr) return dup(small_int(0));
  Py_ssize_t n;
  if (failed(object_len(ts, r->sequence, &n))) return {};
  // A sequence that became shorter ends the iteration.
  return int_from_ssize(ts, n < r->index + 1 ? 0 : r->index + 1);
}
Ref<> reversed_reduce(ThreadState& ts, ReversedObject* r) {
  PyTypeObject* type = r->ob_base.ob_type;
  if (r->sequence == nullptr) {
    Ref<> args = tuple_of(ts, empty_tuple());
    return args ? tuple_of(ts, type, args.get()) : Ref<>();
  }
  Ref<> args = tuple_of(ts, r->sequence);
  Ref<> at = int_from_ssize(ts, r->index);
  return args && at ? tuple_of(ts, type, args.get(), at.get()) : Ref<>();
}
Ref<> reversed_setstate(ThreadState& ts, ReversedObject* r, PyObject* state) {
  Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && error_set(ts)) return {};
  if (r->sequence != nullptr) {
    Py_ssize_t n;
    if (failed(object_len(ts, r->sequence, &n))) return {};
    if (index < -1) index = -1;
    if (index > n - 1) index = n - 1;
    r->index = index;
  }
  return new_none();
}
constexpr MethodSpec kReversedMethods[] = {
    ATOLL_METHOD_PLAIN(reversed_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD_PLAIN(reversed_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(reversed_setstate, "__setstate__", "($self, state, /)", "Set the position."), ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec enum_spec{
    .name = "enumerate",
    .doc = "enumerate(iterable, start=0)\n--\n\nPairs of a number that counts from start, and an item of the iterable.",
    .basicsize = sizeof(EnumObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = EnumFields::dealloc,
    .traverse = EnumFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(enum_next),
    .new_ = ATOLL_NEW(enum_make, "enumerate", "(iterable, start=0)"),
    .vectorcall = enum_vectorcall,
    .methods = kEnumMethods,
};
constinit const TypeSpec reversed_spec{
    .name = "reversed",
    .doc = "reversed(sequence, /)\n--\n\nAn iterator over a sequence from its end.",
    .basicsize = sizeof(ReversedObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = ReversedFields::dealloc,
    .traverse = ReversedFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(reversed_next),
    .new_ = reversed_tp_new,
    .vectorcall = reversed_vectorcall,
    .methods = kReversedMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject PyEnum_Type = {};
ATOLL_SEALED PyTypeObject PyReversed_Type = {};
