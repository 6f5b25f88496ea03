// itertools.count, cycle and repeat.
#include "Modules/itertools/common.h"
#include "Objects/type/type.h"

namespace atl {

namespace {

// ---- count -------------------------------------------------------------------------------------------------------

// While `big` is NULL the next value is `small` and the step is one.
struct CountObject {
  PyObject ob_base;
  Py_ssize_t small;
  PyObject* big;
  PyObject* step;
};
static_assert(sizeof(CountObject) == 40);
CountObject* as_count(PyObject* o) { return reinterpret_cast<CountObject*>(o); }
using CountFields = OwnedFields<CountObject, &CountObject::big, &CountObject::step>;

bool is_one(PyObject* o) { return is_int(o) && int_is_compact(o) && int_compact_value(o) == 1; }

Ref<> count_make(ThreadState& ts, PyTypeObject* type, PyObject* start, PyObject* step) {
  if ((start != nullptr && !PyNumber_Check(start)) || (step != nullptr && !PyNumber_Check(step))) {
    return raise(ts, PyExc_TypeError, "a number is required");
  }
  auto c = new_instance<CountObject>(ts, type, &atoll_count_type);
  if (!c) return {};
  c->step = new_ref(step != nullptr ? step : small_int(1));
  int64_t value = 0;
  bool fast = step == nullptr || is_one(step);
  if (fast && start != nullptr) {
    int overflow = 0;
    fast = is_int(start);
    if (fast) value = int_as_i64_overflow(start, &overflow);
    fast = fast && overflow == 0 && value < PY_SSIZE_T_MAX;
  }
  if (fast) {
    c->small = value;
  } else {
    c->big = new_ref(start != nullptr ? start : small_int(0));
  }
  return c;
}

Ref<> count_next(ThreadState& ts, PyObject* o) {
  CountObject* c = as_count(o);
  if (ATOLL_LIKELY(c->big == nullptr)) {
    if (ATOLL_LIKELY(c->small < PY_SSIZE_T_MAX - 1)) return int_from_ssize(ts, c->small++);
    c->big = int_from_ssize(ts, c->small).release();
    if (c->big == nullptr) return {};
  }
  Ref<> value = dup(c->big);
  Ref<> next = number_binary(ts, BinaryOp::kAdd, value.get(), c->step);
  if (!next) return {};
  set_field(c->big, std::move(next));
  return value;
}

Ref<> count_value(ThreadState& ts, CountObject* c) { return c->big != nullptr ? dup(c->big) : int_from_ssize(ts, c->small); }

Ref<> count_repr(ThreadState& ts, PyObject* o) {
  CountObject* c = as_count(o);
  const char* name = type_short_name(o->ob_type);
  Ref<> value = count_value(ts, c);
  if (!value) return {};
  if (is_one(c->step)) return str_format(ts, "%s(%R)", name, value.get());
  return str_format(ts, "%s(%R, %R)", name, value.get(), c->step);
}

Ref<> count_reduce(ThreadState& ts, CountObject* c) {
  Ref<> value = count_value(ts, c);
  if (!value) return {};
  return c->big == nullptr ? reduce_to(ts, obj(c), value.get()) : reduce_to(ts, obj(c), value.get(), c->step);
}
constexpr MethodSpec kCountMethods[] = {ATOLL_ITERTOOLS_REDUCE(count_reduce), ATOLL_METHOD_END};

// ---- cycle -------------------------------------------------------------------------------------------------------

struct CycleObject {
  PyObject ob_base;
  PyObject* iterator;  // NULL once exhausted: the list is gone round from then on
  PyObject* saved;     // list
  Py_ssize_t index;
  Py_ssize_t saved_already;  // not 0: what the iterator gives is in the list
};
static_assert(sizeof(CycleObject) == 48);
CycleObject* as_cycle(PyObject* o) { return reinterpret_cast<CycleObject*>(o); }
using CycleFields = OwnedFields<CycleObject, &CycleObject::iterator, &CycleObject::saved>;

Ref<> cycle_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  Ref<> it = object_iter(ts, args[0]);
  Ref<> saved = it ? list_new(ts, 0) : Ref<>();
  if (!saved) return {};
  auto c = new_instance<CycleObject>(ts, type, &atoll_cycle_type);
  if (!c) return {};
  c->iterator = it.release();
  c->saved = saved.release();
  return c;
}
ATOLL_POSITIONAL_ENTRIES(cycle, "cycle", 1, 1, atoll_cycle_type)

Ref<> cycle_next(ThreadState& ts, PyObject* o) {
  CycleObject* c = as_cycle(o);
  if (c->iterator != nullptr) {
    Ref<> hold = dup(c->iterator);
    Ref<> item = raw_next(hold.get());
    if (item) {
      if (!c->saved_already && failed(list_append(ts, c->saved, item.dup()))) return {};
      return item;
    }
    if (failed(end_of_iteration(ts))) return {};
    clear_field(c->iterator);
  }
  if (list_size(c->saved) == 0) return {};
  if (c->index >= list_size(c->saved)) c->index = 0;
  return dup(list_items(c->saved)[c->index++]);
}

Ref<> cycle_reduce(ThreadState& ts, CycleObject* c) {
  Ref<> it;
  if (c->iterator != nullptr) {
    it = dup(c->iterator);
  } else {
    it = object_iter(ts, c->saved);
    if (!it) return {};
    if (c->index != 0) {
      Ref<> at = int_from_ssize(ts, c->index);
      if (!at || !call_method(ts, it.get(), ID(__setstate__), at.get())) return {};
    }
  }
  Ref<> args = tuple_of(ts, it.get());
  Ref<> state = tuple_of(ts, c->saved, c->iterator == nullptr || c->saved_already ? Py_True : Py_False);
  return args && state ? tuple_of(ts, c->ob_base.ob_type, args.get(), state.get()) : Ref<>();
}
Status cycle_setstate(ThreadState& ts, CycleObject* c, PyObject* state) {
  if (failed(check_state(ts, state, 2))) return Status::kError;
  PyObject* saved = tuple_peek(state, 0);
  if (!is_list(saved)) return raise(ts, PyExc_TypeError, "argument 1 must be list, not %.50s", saved->ob_type->tp_name);
  Py_ssize_t already;
  if (failed(index_as_ssize(ts, tuple_peek(state, 1), &already))) return Status::kError;
  set_field(c->saved, dup(saved));
  c->saved_already = already != 0;
  c->index = 0;
  return Status::kOk;
}
constexpr MethodSpec kCycleMethods[] = {ATOLL_ITERTOOLS_REDUCE(cycle_reduce), ATOLL_ITERTOOLS_SETSTATE(cycle_setstate),
                                        ATOLL_METHOD_END};

// ---- repeat ------------------------------------------------------------------------------------------------------

struct RepeatObject {
  PyObject ob_base;
  PyObject* element;
  Py_ssize_t left;  // negative: without end
};
static_assert(sizeof(RepeatObject) == 32);
RepeatObject* as_repeat(PyObject* o) { return reinterpret_cast<RepeatObject*>(o); }
using RepeatFields = OwnedFields<RepeatObject, &RepeatObject::element>;

Ref<> repeat_make(ThreadState& ts, PyTypeObject* type, PyObject* element, PyObject* times) {
  Py_ssize_t left = -1;
  if (times != nullptr) {
    if (failed(index_as_ssize(ts, times, &left))) return {};
    if (left < 0) left = 0;
  }
  auto r = new_instance<RepeatObject>(ts, type, &atoll_repeat_type);
  if (!r) return {};
  r->element = new_ref(element);
  r->left = left;
  return r;
}
Ref<> repeat_next(ThreadState&, PyObject* o) {
  RepeatObject* r = as_repeat(o);
  if (r->left == 0) return {};
  if (r->left > 0) --r->left;
  return dup(r->element);
}
Ref<> repeat_repr(ThreadState& ts, PyObject* o) {
  RepeatObject* r = as_repeat(o);
  if (r->left < 0) return str_format(ts, "%s(%R)", type_short_name(o->ob_type), r->element);
  return str_format(ts, "%s(%R, %zd)", type_short_name(o->ob_type), r->element, r->left);
}
Ref<> repeat_hint(ThreadState& ts, RepeatObject* r) {
  if (r->left < 0) return raise(ts, PyExc_TypeError, "len() of unsized object");
  return int_from_ssize(ts, r->left);
}
Ref<> repeat_reduce(ThreadState& ts, RepeatObject* r) {
  if (r->left < 0) return reduce_to(ts, obj(r), r->element);
  Ref<> left = int_from_ssize(ts, r->left);
  return left ? reduce_to(ts, obj(r), r->element, left.get()) : Ref<>();
}
constexpr MethodSpec kRepeatMethods[] = {
    ATOLL_METHOD_PLAIN(repeat_hint, "__length_hint__", "($self, /)", "How many are left."),
    ATOLL_ITERTOOLS_REDUCE(repeat_reduce), ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec itertools_count_spec{
    .name = "itertools.count",
    .doc = "count(start=0, step=1)\n--\n\n"
           "The values start, start + step, start + 2*step, and so on.",
    .basicsize = sizeof(CountObject),
    .flags = kItertoolsFlags,
    .dealloc = CountFields::dealloc,
    .traverse = CountFields::traverse,
    .repr = ATOLL_SLOT(count_repr),
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(count_next),
    .new_ = ATOLL_NEW(count_make, "count", "(start=0, step=1)"),
    .methods = kCountMethods,
};
constinit const TypeSpec itertools_cycle_spec{
    .name = "itertools.cycle",
    .doc = "cycle(iterable, /)\n--\n\nThe items of the iterable, again and again.",
    .basicsize = sizeof(CycleObject),
    .flags = kItertoolsFlags,
    .dealloc = CycleFields::dealloc,
    .traverse = CycleFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(cycle_next),
    .new_ = cycle_tp_new,
    .vectorcall = cycle_vectorcall,
    .methods = kCycleMethods,
};
constinit const TypeSpec itertools_repeat_spec{
    .name = "itertools.repeat",
    .doc = "repeat(object [,times]) -> the object that number of times, or without end.",
    .basicsize = sizeof(RepeatObject),
    .flags = kItertoolsFlags,
    .dealloc = RepeatFields::dealloc,
    .traverse = RepeatFields::traverse,
    .repr = ATOLL_SLOT(repeat_repr),
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(repeat_next),
    .new_ = ATOLL_NEW(repeat_make, "repeat", "(object, times=<unrepresentable>)"),
    .methods = kRepeatMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_count_type = {};
ATOLL_SEALED PyTypeObject atoll_cycle_type = {};
ATOLL_SEALED PyTypeObject atoll_repeat_type = {};
