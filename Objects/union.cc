// types.UnionType: X | Y.
#include "Objects/generic_alias.h"
#include "Objects/list.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "structmember.h"

namespace atl {

namespace {

UnionObject* as_union(PyObject* o) { return reinterpret_cast<UnionObject*>(o); }
bool is_union(PyObject* o) { return is_exact(o, &_PyUnion_Type); }
bool is_alias(PyObject* o) { return is_instance_nocall(o, &Py_GenericAliasType); }
bool can_be_member(PyObject* o) { return o == Py_None || PyType_Check(o) || is_alias(o) || is_union(o); }

Status append_member(ThreadState& ts, PyObject* list, PyObject* o) {
  if (o == Py_None) o = obj(&_PyNone_Type);
  for (Py_ssize_t i = 0; i < list_size(list); ++i) {
    PyObject* have = list_items(list)[i];
    if (have == o) return Status::kOk;
    if (is_alias(have) && is_alias(o)) {
      Tri same = object_equal(ts, have, o);
      if (failed(same)) return Status::kError;
      if (same == Tri::kTrue) return Status::kOk;
    }
  }
  return list_append(ts, list, dup(o));
}

Status append_members(ThreadState& ts, PyObject* list, PyObject* o) {
  if (!is_union(o)) return append_member(ts, list, o);
  PyObject* args = as_union(o)->args;
  for (Py_ssize_t i = 0; i < tuple_size(args); ++i) {
    if (failed(append_member(ts, list, tuple_peek(args, i)))) return Status::kError;
  }
  return Status::kOk;
}

Ref<> make_union(ThreadState& ts, PyObject* list) {
  if (list_size(list) == 1) return dup(list_items(list)[0]);
  Ref<> args = list_as_tuple(ts, list);
  if (!args) return {};
  auto u = new_object<UnionObject>(ts, &_PyUnion_Type);
  if (!u) return {};
  u->args = args.release();
  u->parameters = nullptr;
  track(ts, u.get());
  return u;
}

Py_hash_t union_hash(ThreadState& ts, UnionObject* self) {
  Ref<> set = frozenset_new(ts, self->args);
  Py_hash_t h;
  return !set || failed(object_hash(ts, set.get(), &h)) ? -1 : h;
}

Ref<> union_compare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_union(a) || !is_union(b) || (op != Py_EQ && op != Py_NE)) return not_implemented();
  Ref<> x = set_new(ts, as_union(a)->args);
  Ref<> y = x ? set_new(ts, as_union(b)->args) : Ref<>();
  return y ? object_richcompare(ts, x.get(), y.get(), op) : Ref<>();
}

Ref<> union_repr(ThreadState& ts, UnionObject* self) {
  StrWriter w(ts);
  for (Py_ssize_t i = 0; i < tuple_size(self->args); ++i) {
    if (i != 0 && failed(w.write_ascii(" | "))) return {};
    PyObject* o = tuple_peek(self->args, i);
    Status s = o == obj(&_PyNone_Type) ? w.write_ascii("None") : write_type_argument(ts, w, o);
    if (failed(s)) return {};
  }
  return w.finish();
}

Ref<> parameters_of(ThreadState& ts, UnionObject* self) {
  if (self->parameters == nullptr) {
    Ref<> made = make_parameters(ts, self->args);
    if (!made) return {};
    if (self->parameters == nullptr) self->parameters = made.release();
  }
  return dup(self->parameters);
}

Ref<> union_getitem(ThreadState& ts, UnionObject* self, PyObject* item) {
  Ref<> parameters = parameters_of(ts, self);
  if (!parameters) return {};
  Ref<> args = substitute_parameters(ts, obj(self), self->args, parameters.get(), item);
  if (!args) return {};
  if (tuple_size(args.get()) == 0) return raise(ts, PyExc_TypeError, "%R has no members left", self);
  Ref<> result = dup(tuple_peek(args.get(), 0));
  for (Py_ssize_t i = 1; i < tuple_size(args.get()); ++i) {
    result = number_binary(ts, BinaryOp::kOr, result.get(), tuple_peek(args.get(), i));
    if (!result) return {};
  }
  return result;
}

Ref<> union_or_slot(ThreadState& ts, PyObject* a, PyObject* b) { return union_or(ts, a, b); }

Ref<> union_getattro(ThreadState& ts, UnionObject* self, PyObject* name) {
  if (is_exact_str(name) && str_equals_ascii(name, "__module__")) return object_getattr(ts, obj(type_of(self)), name);
  return object_generic_getattr(ts, obj(self), name);
}

Ref<> get_parameters(ThreadState& ts, UnionObject* self) { return parameters_of(ts, self); }

void union_dealloc(ThreadState& ts, UnionObject* self) {
  untrack(self);
  {
    Ref<> a = Ref<>::steal(self->args), b = Ref<>::steal(self->parameters);
  }
  free_object(ts, obj(self));
}
int union_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_union(o)->args);
  Py_VISIT(as_union(o)->parameters);
  return 0;
}

constexpr PyMemberDef kMembers[] = {{"__args__", T_OBJECT, offsetof(UnionObject, args), READONLY, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};
constexpr PyGetSetDef kGetset[] = {
    {"__parameters__", ATOLL_GETTER(get_parameters), nullptr, "Type variables in the types.UnionType.", nullptr}, ATOLL_GETSET_END};
constexpr PyNumberMethods kNumber{.nb_or = ATOLL_SLOT(union_or_slot)};
constexpr PyMappingMethods kMapping{.mp_subscript = ATOLL_SLOT(union_getitem)};

}  // namespace

Ref<> union_or(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!can_be_member(a) || !can_be_member(b)) return not_implemented();
  Ref<> list = list_new(ts, 0);
  if (!list || failed(append_members(ts, list.get(), a)) || failed(append_members(ts, list.get(), b))) return {};
  return make_union(ts, list.get());
}

constinit const TypeSpec union_spec{
    .name = "types.UnionType",
    .doc = "Represent a PEP 604 union type\n\nE.g. for int | str",
    .basicsize = sizeof(UnionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(union_dealloc),
    .traverse = union_traverse,
    .repr = ATOLL_SLOT(union_repr),
    .hash = ATOLL_SLOT(union_hash),
    .richcompare = ATOLL_SLOT(union_compare),
    .getattro = ATOLL_SLOT(union_getattro),
    .number = &kNumber,
    .mapping = &kMapping,
    .members = kMembers,
    .getset = kGetset,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject _PyUnion_Type = {};
}
