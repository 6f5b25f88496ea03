// itertools.groupby and the groups that it gives.
#include "Modules/itertools/common.h"

namespace atl {

namespace {

struct GroupBy {
  PyObject ob_base;
  PyObject* iterator;
  PyObject* key_function;
  PyObject* target_key;     // of the group given last
  PyObject* current_key;    // of current_value, or of the item before when that was handed out
  PyObject* current_value;  // read and not handed out yet, or NULL
  const void* group;        // the group that may still read: an address, never followed
};
static_assert(sizeof(GroupBy) == 64);
GroupBy* as_groupby(PyObject* o) { return reinterpret_cast<GroupBy*>(o); }
using GroupByFields = OwnedFields<GroupBy, &GroupBy::iterator, &GroupBy::key_function, &GroupBy::target_key,
                                  &GroupBy::current_key, &GroupBy::current_value>;

struct Group {
  PyObject ob_base;
  PyObject* parent;
  PyObject* target_key;
};
static_assert(sizeof(Group) == 32);
Group* as_group(PyObject* o) { return reinterpret_cast<Group*>(o); }
using GroupFields = OwnedFields<Group, &Group::parent, &Group::target_key>;

Ref<> groupby_make(ThreadState& ts, PyTypeObject* type, PyObject* iterable, PyObject* key) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) return {};
  auto g = new_instance<GroupBy>(ts, type, &atoll_groupby_type);
  if (!g) return {};
  g->iterator = it.release();
  g->key_function = new_ref(key != nullptr ? key : Py_None);
  return g;
}

// Reads the next item. False at the end or with an exception set.
bool advance(ThreadState& ts, GroupBy* g) {
  Ref<> item = raw_next(g->iterator);
  if (!item) return false;
  Ref<> key;
  if (g->key_function == Py_None) {
    key = item.dup();
  } else {
    Ref<> function = dup(g->key_function);
    key = call(ts, function.get(), item.get());
    if (!key) return false;
  }
  set_field(g->current_value, std::move(item));
  set_field(g->current_key, std::move(key));
  return true;
}

Tri keys_equal(ThreadState& ts, PyObject* a, PyObject* b) {
  Ref<> x = dup(a), y = dup(b);
  return object_richcompare_bool(ts, x.get(), y.get(), Py_EQ);
}

Ref<> group_new(ThreadState& ts, PyObject* parent, PyObject* key) {
  auto g = new_object<Group>(ts, &atoll_grouper_type);
  if (!g) return {};
  g->parent = new_ref(parent);
  g->target_key = new_ref(key);
  as_groupby(parent)->group = g.get();
  track(ts, g.get());
  return g;
}

Ref<> groupby_next(ThreadState& ts, PyObject* o) {
  GroupBy* g = as_groupby(o);
  g->group = nullptr;
  // What is left of the last group is skipped.
  for (;;) {
    if (g->current_key != nullptr) {
      if (g->target_key == nullptr) break;
      Tri same = keys_equal(ts, g->target_key, g->current_key);
      if (failed(same)) return {};
      if (same == Tri::kFalse) break;
    }
    if (!advance(ts, g)) return {};
  }
  set_field(g->target_key, dup(g->current_key));
  Ref<> key = dup(g->current_key);
  Ref<> group = group_new(ts, o, key.get());
  return group ? tuple_of(ts, key.get(), group.get()) : Ref<>();
}

Ref<> groupby_reduce(ThreadState& ts, GroupBy* g) {
  Ref<> args = tuple_of(ts, g->iterator, g->key_function);
  if (!args) return {};
  if (g->target_key != nullptr && g->current_key != nullptr && g->current_value != nullptr) {
    Ref<> state = tuple_of(ts, g->current_key, g->current_value, g->target_key);
    return state ? tuple_of(ts, g->ob_base.ob_type, args.get(), state.get()) : Ref<>();
  }
  return tuple_of(ts, g->ob_base.ob_type, args.get());
}
Status groupby_setstate(ThreadState& ts, GroupBy* g, PyObject* state) {
  if (failed(check_state(ts, state, 3))) return Status::kError;
  set_field(g->current_key, dup(tuple_peek(state, 0)));
  set_field(g->current_value, dup(tuple_peek(state, 1)));
  set_field(g->target_key, dup(tuple_peek(state, 2)));
  return Status::kOk;
}
constexpr MethodSpec kGroupByMethods[] = {ATOLL_ITERTOOLS_REDUCE(groupby_reduce), ATOLL_ITERTOOLS_SETSTATE(groupby_setstate),
                                          ATOLL_METHOD_END};

// ---- groups ------------------------------------------------------------------------------------------------------

Ref<> grouper_make(ThreadState& ts, PyTypeObject*, PyObject* const* args, Py_ssize_t) {
  if (!is_instance_nocall(args[0], &atoll_groupby_type)) {
    return raise(ts, PyExc_TypeError, "_grouper() argument 1 must be itertools.groupby, not %.50s", args[0]->ob_type->tp_name);
  }
  return group_new(ts, args[0], args[1]);
}
ATOLL_POSITIONAL_ENTRIES(grouper, "_grouper", 2, 2, atoll_grouper_type)

Ref<> grouper_next(ThreadState& ts, PyObject* o) {
  Group* group = as_group(o);
  GroupBy* g = as_groupby(group->parent);
  if (g->group != o) return {};
  if (g->current_value == nullptr && !advance(ts, g)) return {};
  Tri same = keys_equal(ts, group->target_key, g->current_key);
  if (same != Tri::kTrue) return {};
  return Ref<>::steal(std::exchange(g->current_value, nullptr));
}
Ref<> grouper_reduce(ThreadState& ts, Group* group) {
  if (as_groupby(group->parent)->group != group) return reduce_exhausted(ts);
  return reduce_to(ts, obj(group), group->parent, group->target_key);
}
constexpr MethodSpec kGroupMethods[] = {ATOLL_ITERTOOLS_REDUCE(grouper_reduce), ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec itertools_groupby_spec{
    .name = "itertools.groupby",
    .doc = "groupby(iterable, key=None)\n--\n\n"
           "Pairs of a key and an iterator over the neighbouring items that have it.\n\n"
           "  iterable\n    What is to be divided into groups.\n"
           "  key\n    Computes the key of an item; None: the item itself.",
    .basicsize = sizeof(GroupBy),
    .flags = kItertoolsFlags,
    .dealloc = GroupByFields::dealloc,
    .traverse = GroupByFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(groupby_next),
    .new_ = ATOLL_NEW(groupby_make, "groupby", "(iterable, key=None)"),
    .methods = kGroupByMethods,
};
constinit const TypeSpec itertools_grouper_spec{
    .name = "itertools._grouper",
    .basicsize = sizeof(Group),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = GroupFields::dealloc,
    .traverse = GroupFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(grouper_next),
    .new_ = grouper_tp_new,
    .vectorcall = grouper_vectorcall,
    .methods = kGroupMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_groupby_type = {};
ATOLL_SEALED PyTypeObject atoll_grouper_type = {};
