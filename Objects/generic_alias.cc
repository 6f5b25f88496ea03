// types.GenericAlias: list[int] and its kind.
#include "Objects/generic_alias.h"

#include "Objects/dict/dict.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Objects/weakref.h"
#include "structmember.h"

namespace atl {

namespace {

GenericAliasObject* as_alias(PyObject* o) { return reinterpret_cast<GenericAliasObject*>(o); }

struct AliasIterObject {
  PyObject ob_base;
  PyObject* alias;
};

Status has_attr(ThreadState& ts, PyObject* o, PyObject* name, bool* out) {
  Ref<> v;
  if (failed(object_lookup_attr(ts, o, name, &v))) return Status::kError;
  *out = static_cast<bool>(v);
  return Status::kOk;
}

}  // namespace

// ---- text --------------------------------------------------------------------------------------------------------

Status write_type_argument(ThreadState& ts, StrWriter& w, PyObject* o) {
  if (o == Py_Ellipsis) return w.write_ascii("...");
  bool alias_origin = false, alias_args = false;
  if (failed(has_attr(ts, o, ID(__origin__), &alias_origin))) return Status::kError;
  if (alias_origin && failed(has_attr(ts, o, ID(__args__), &alias_args))) return Status::kError;
  if (alias_origin && alias_args) return w.write_repr(o);
  Ref<> qualname, module;
  if (failed(object_lookup_attr(ts, o, ID(__qualname__), &qualname))) return Status::kError;
  if (!qualname) return w.write_repr(o);
  if (failed(object_lookup_attr(ts, o, ID(__module__), &module))) return Status::kError;
  if (!module || module.get() == Py_None) return w.write_repr(o);
  if (!is_str(module.get()) || !str_equal(module.get(), ID(builtins))) {
    if (failed(w.write_str(module.get())) || failed(w.write_ascii("."))) return Status::kError;
  }
  return w.write_str(qualname.get());
}

namespace {

Ref<> alias_repr(ThreadState& ts, GenericAliasObject* self) {
  StrWriter w(ts);
  if (self->starred && failed(w.write_ascii("*"))) return {};
  if (failed(write_type_argument(ts, w, self->origin)) || failed(w.write_ascii("["))) return {};
  Py_ssize_t n = tuple_size(self->args);
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (i != 0 && failed(w.write_ascii(", "))) return {};
    if (failed(write_type_argument(ts, w, tuple_peek(self->args, i)))) return {};
  }
  // tuple[()] can be evaluated, tuple[] can't.
  if (n == 0 && failed(w.write_ascii("()"))) return {};
  if (failed(w.write_ascii("]"))) return {};
  return w.finish();
}

}  // namespace

// ---- parameters --------------------------------------------------------------------------------------------------

namespace {
Status append_once(ThreadState& ts, PyObject* list, PyObject* o) {
  for (Py_ssize_t i = 0; i < list_size(list); ++i) {
    if (list_items(list)[i] == o) return Status::kOk;
  }
  return list_append(ts, list, dup(o));
}
Py_ssize_t index_in(PyObject* tuple, PyObject* o) {
  for (Py_ssize_t i = 0; i < tuple_size(tuple); ++i) {
    if (tuple_peek(tuple, i) == o) return i;
  }
  return -1;
}
}  // namespace

Ref<> make_parameters(ThreadState& ts, PyObject* args) {
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (Py_ssize_t i = 0; i < tuple_size(args); ++i) {
    PyObject* t = tuple_peek(args, i);
    if (PyType_Check(t)) continue;  // a class may have __parameters__ of its own
    Ref<> subst;
    if (failed(object_lookup_attr(ts, t, ID(__typing_subst__), &subst))) return {};
    if (subst) {
      if (failed(append_once(ts, list.get(), t))) return {};
      continue;
    }
    Ref<> inner;
    if (failed(object_lookup_attr(ts, t, ID(__parameters__), &inner))) return {};
    if (!inner || !is_tuple(inner.get())) continue;
    for (Py_ssize_t k = 0; k < tuple_size(inner.get()); ++k) {
      if (failed(append_once(ts, list.get(), tuple_peek(inner.get(), k)))) return {};
    }
  }
  return list_as_tuple(ts, list.get());
}

namespace {

// The item of a subscription as a tuple, with unpacked tuples of types spread out.
Ref<> unpack_item(ThreadState& ts, PyObject* item) {
  Ref<> name = str_interned(ts, "__typing_unpacked_tuple_args__");
  Ref<> list = name ? list_new(ts, 0) : Ref<>();
  if (!list) return {};
  bool tuple = is_tuple(item);
  Py_ssize_t n = tuple ? tuple_size(item) : 1;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = tuple ? tuple_peek(item, i) : item;
    if (!PyType_Check(o)) {
      Ref<> spread;
      if (failed(object_lookup_attr(ts, o, name.get(), &spread))) return {};
      if (spread && spread.get() != Py_None && is_tuple(spread.get())) {
        Py_ssize_t size = tuple_size(spread.get());
        bool open = size > 0 && tuple_peek(spread.get(), size - 1) == Py_Ellipsis;
        if (!open) {
          if (failed(list_extend(ts, list.get(), spread.get()))) return {};
          continue;
        }
      }
    }
    if (failed(list_append(ts, list.get(), dup(o)))) return {};
  }
  return list_as_tuple(ts, list.get());
}

// An argument that is generic itself: its own parameters are replaced by subscription.
Ref<> substitute_inside(ThreadState& ts, PyObject* arg, PyObject* parameters, PyObject* items) {
  Ref<> inner;
  if (failed(object_lookup_attr(ts, arg, ID(__parameters__), &inner))) return {};
  if (!inner || !is_tuple(inner.get()) || tuple_size(inner.get()) == 0) return dup(arg);
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (Py_ssize_t i = 0; i < tuple_size(inner.get()); ++i) {
    PyObject* p = tuple_peek(inner.get(), i);
    Py_ssize_t at = index_in(parameters, p);
    if (at >= 0) {
      PyObject* value = tuple_peek(items, at);
      // A TypeVarTuple stands for several.
      if (p->ob_type->tp_iter != nullptr && is_tuple(value)) {
        if (failed(list_extend(ts, list.get(), value))) return {};
        continue;
      }
      p = value;
    }
    if (failed(list_append(ts, list.get(), dup(p)))) return {};
  }
  Ref<> subargs = list_as_tuple(ts, list.get());
  return subargs ? object_getitem(ts, arg, subargs.get()) : Ref<>();
}

Tri is_unpacked_typevartuple(ThreadState& ts, PyObject* o) {
  if (PyType_Check(o)) return Tri::kFalse;
  Ref<> flag;
  if (failed(object_lookup_attr(ts, o, ID(__typing_is_unpacked_typevartuple__), &flag))) return Tri::kError;
  return flag ? object_is_true(ts, flag.get()) : Tri::kFalse;
}

}  // namespace

Ref<> substitute_parameters(ThreadState& ts, PyObject* self, PyObject* args, PyObject* parameters, PyObject* item) {
  Py_ssize_t n = tuple_size(parameters);
  if (n == 0) return raise(ts, PyExc_TypeError, "%R is not a generic class", self);
  Ref<> items = unpack_item(ts, item);
  if (!items) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> prepare;
    if (failed(object_lookup_attr(ts, tuple_peek(parameters, i), ID(__typing_prepare_subst__), &prepare))) return {};
    if (!prepare || prepare.get() == Py_None) continue;
    Ref<> prepared = call(ts, prepare.get(), self, items.get());
    if (!prepared) return {};
    items = is_tuple(prepared.get()) ? std::move(prepared) : tuple_of(ts, prepared.get());
    if (!items) return {};
  }
  Py_ssize_t given = tuple_size(items.get());
  if (given != n) {
    return raise(ts, PyExc_TypeError, "Too %s arguments for %R; actual %zd, expected %zd", given > n ? "many" : "few", self, given, n);
  }
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (Py_ssize_t i = 0; i < tuple_size(args); ++i) {
    PyObject* arg = tuple_peek(args, i);
    if (PyType_Check(arg)) {
      if (failed(list_append(ts, list.get(), dup(arg)))) return {};
      continue;
    }
    Tri spread = is_unpacked_typevartuple(ts, arg);
    if (failed(spread)) return {};
    Ref<> subst;
    if (failed(object_lookup_attr(ts, arg, ID(__typing_subst__), &subst))) return {};
    Ref<> value;
    if (subst) {
      Py_ssize_t at = index_in(parameters, arg);
      if (at < 0) return raise(ts, PyExc_SystemError, "a type parameter is missing in __parameters__");
      value = call(ts, subst.get(), tuple_peek(items.get(), at));
    } else {
      value = substitute_inside(ts, arg, parameters, items.get());
    }
    if (!value) return {};
    if (spread == Tri::kTrue && is_tuple(value.get())) {
      if (failed(list_extend(ts, list.get(), value.get()))) return {};
    } else if (failed(list_append(ts, list.get(), std::move(value)))) {
      return {};
    }
  }
  return list_as_tuple(ts, list.get());
}

namespace {

Ref<> parameters_of(ThreadState& ts, GenericAliasObject* self) {
  if (self->parameters == nullptr) {
    Ref<> made = make_parameters(ts, self->args);
    if (!made) return {};
    if (self->parameters == nullptr) self->parameters = made.release();
  }
  return dup(self->parameters);
}

Ref<> alias_getitem(ThreadState& ts, GenericAliasObject* self, PyObject* item) {
  Ref<> parameters = parameters_of(ts, self);
  if (!parameters) return {};
  Ref<> args = substitute_parameters(ts, obj(self), self->args, parameters.get(), item);
  return args ? generic_alias_new(ts, self->origin, args.get(), self->starred) : Ref<>();
}

// ---- attributes --------------------------------------------------------------------------------------------------

// These are the alias's own; all others are the origin's.
constexpr std::string_view kOwnAttributes[] = {
    "__class__",   "__origin__",       "__args__",      "__unpacked__", "__parameters__", "__typing_unpacked_tuple_args__",
    "__mro_entries__", "__reduce_ex__", "__reduce__", "__copy__",     "__deepcopy__"};

Ref<> alias_getattro(ThreadState& ts, GenericAliasObject* self, PyObject* name) {
  if (is_exact_str(name)) {
    bool own = false;
    for (std::string_view text : kOwnAttributes) own = own || str_equals_ascii(name, text);
    if (!own) return object_getattr(ts, self->origin, name);
  }
  return object_generic_getattr(ts, obj(self), name);
}

Ref<> alias_dir(ThreadState& ts, GenericAliasObject* self) {
  Ref<> names = object_dir(ts, self->origin);
  if (!names) return {};
  for (std::string_view text : kOwnAttributes) {
    Ref<> name = str_from_ascii(ts, text);
    if (!name) return {};
    Tri there = object_contains(ts, names.get(), name.get());
    if (failed(there)) return {};
    if (there == Tri::kFalse && failed(list_append(ts, names.get(), std::move(name)))) return {};
  }
  return names;
}

Ref<> get_parameters(ThreadState& ts, GenericAliasObject* self) { return parameters_of(ts, self); }
Ref<> get_unpacked_tuple_args(ThreadState&, GenericAliasObject* self) {
  return dup(self->starred && self->origin == obj(&PyTuple_Type) ? self->args : Py_None);
}

// ---- behaviour ---------------------------------------------------------------------------------------------------

PyObject* alias_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Ref<> hold = dup(self);
  Ref<> made = object_vectorcall(ts, as_alias(self)->origin, args, nargsf, kwnames);
  if (!made) return nullptr;
  // Instances that can remember how their class was written do.
  if (failed(object_setattr(ts, made.get(), ID(__orig_class__), self)) && !error_clear_if(ts, PyExc_AttributeError) &&
      !error_clear_if(ts, PyExc_TypeError)) {
    return nullptr;
  }
  return made.release();
}

Py_hash_t alias_hash(ThreadState& ts, GenericAliasObject* self) {
  Py_hash_t a, b;
  if (failed(object_hash(ts, self->origin, &a)) || failed(object_hash(ts, self->args, &b))) return -1;
  Py_hash_t h = a ^ b;
  return h == -1 ? -2 : h;
}

Ref<> alias_compare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_instance_nocall(b, &Py_GenericAliasType) || !is_instance_nocall(a, &Py_GenericAliasType) || (op != Py_EQ && op != Py_NE)) {
    return not_implemented();
  }
  GenericAliasObject *x = as_alias(a), *y = as_alias(b);
  bool equal = x->starred == y->starred;
  if (equal) {
    Tri t = object_equal(ts, x->origin, y->origin);
    if (t == Tri::kTrue) t = object_equal(ts, x->args, y->args);
    if (failed(t)) return {};
    equal = t == Tri::kTrue;
  }
  return new_bool(equal == (op == Py_EQ));
}

Ref<> alias_mro_entries(ThreadState& ts, GenericAliasObject* self, PyObject*) { return tuple_of(ts, self->origin); }
Ref<> alias_instancecheck(ThreadState& ts, GenericAliasObject*, PyObject*) {
  return raise(ts, PyExc_TypeError, "isinstance() argument 2 cannot be a parameterized generic");
}
Ref<> alias_subclasscheck(ThreadState& ts, GenericAliasObject*, PyObject*) {
  return raise(ts, PyExc_TypeError, "issubclass() argument 2 cannot be a parameterized generic");
}

Ref<> builtin(ThreadState& ts, const char* name) {
  Ref<> module = Ref<>::steal(PyImport_ImportModule("builtins"));
  return module ? object_getattr(ts, module.get(), name) : Ref<>();
}

Ref<> alias_iter_new(ThreadState& ts, PyObject* alias) {
  auto it = new_object<AliasIterObject>(ts, &_Py_GenericAliasIterType);
  if (!it) return {};
  it->alias = new_ref(alias);
  track(ts, it.get());
  return it;
}
Ref<> alias_iter(ThreadState& ts, PyObject* self) { return alias_iter_new(ts, self); }

Ref<> alias_reduce(ThreadState& ts, GenericAliasObject* self) {
  if (self->starred) {
    Ref<> plain = generic_alias_new(ts, self->origin, self->args);
    Ref<> it = plain ? alias_iter_new(ts, plain.get()) : Ref<>();
    Ref<> next = it ? builtin(ts, "next") : Ref<>();
    Ref<> args = next ? tuple_of(ts, it.get()) : Ref<>();
    return args ? tuple_of(ts, next.get(), args.get()) : Ref<>();
  }
  Ref<> args = tuple_of(ts, self->origin, self->args);
  return args ? tuple_of(ts, obj(&Py_GenericAliasType), args.get()) : Ref<>();
}

Ref<> alias_or(ThreadState& ts, PyObject* a, PyObject* b) { return union_or(ts, a, b); }

PyObject* alias_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (kwargs != nullptr && dict_size(kwargs) != 0) return raise(ts, PyExc_TypeError, "GenericAlias() takes no keyword arguments");
  if (tuple_size(args) != 2) return raise(ts, PyExc_TypeError, "GenericAlias expected 2 arguments, got %zd", tuple_size(args));
  PyObject* given = tuple_peek(args, 1);
  Ref<> tuple = is_tuple(given) ? dup(given) : tuple_of(ts, given);
  Ref<> self = tuple ? Ref<>::steal(type->tp_alloc(type, 0)) : Ref<>();
  if (!self) return nullptr;
  GenericAliasObject* a = as_alias(self.get());
  a->origin = new_ref(tuple_peek(args, 0));
  a->args = tuple.release();
  a->vectorcall = alias_vectorcall;
  return self.release();
}

void alias_dealloc(ThreadState& ts, GenericAliasObject* self) {
  untrack(self);
  if (self->weaklist != nullptr) weakrefs_clear(ts, obj(self));
  {
    Ref<> a = Ref<>::steal(self->origin), b = Ref<>::steal(self->args), c = Ref<>::steal(self->parameters);
  }
  free_object_and_type(ts, obj(self));
}
int alias_traverse(PyObject* o, visitproc visit, void* arg) {
  GenericAliasObject* self = as_alias(o);
  Py_VISIT(self->origin);
  Py_VISIT(self->args);
  Py_VISIT(self->parameters);
  return 0;
}

// ---- *list[int] --------------------------------------------------------------------------------------------------

Ref<> alias_iter_next(ThreadState& ts, AliasIterObject* it) {
  if (it->alias == nullptr) return {};
  Ref<> alias = Ref<>::steal(std::exchange(it->alias, nullptr));
  return generic_alias_new(ts, as_alias(alias.get())->origin, as_alias(alias.get())->args, true);
}
Ref<> alias_iter_reduce(ThreadState& ts, AliasIterObject* it) {
  Ref<> iter = builtin(ts, "iter");
  if (!iter) return {};
  Ref<> args = tuple_of(ts, it->alias != nullptr ? it->alias : empty_tuple());
  return args ? tuple_of(ts, iter.get(), args.get()) : Ref<>();
}
void alias_iter_dealloc(ThreadState& ts, AliasIterObject* it) {
  untrack(it);
  { Ref<> a = Ref<>::steal(it->alias); }
  free_object(ts, obj(it));
}
int alias_iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<AliasIterObject*>(o)->alias);
  return 0;
}
int alias_iter_clear(PyObject* o) {
  clear_field(reinterpret_cast<AliasIterObject*>(o)->alias);
  return 0;
}

#define PLAIN(fn, name, sig, flags) \
  MethodSpec { name, ATOLL_METHOD(fn, name, sig, "").entry, flags, nullptr }
constexpr MethodSpec kMethods[] = {PLAIN(alias_mro_entries, "__mro_entries__", "($self, bases, /)", METH_O),
                                   PLAIN(alias_instancecheck, "__instancecheck__", "($self, instance, /)", METH_O),
                                   PLAIN(alias_subclasscheck, "__subclasscheck__", "($self, cls, /)", METH_O),
                                   PLAIN(alias_reduce, "__reduce__", "($self, /)", METH_NOARGS),
                                   PLAIN(alias_dir, "__dir__", "($self, /)", METH_NOARGS),
                                   ATOLL_METHOD_END};
constexpr MethodSpec kIterMethods[] = {PLAIN(alias_iter_reduce, "__reduce__", "($self, /)", METH_NOARGS), ATOLL_METHOD_END};
#undef PLAIN
constexpr PyMemberDef kMembers[] = {{"__origin__", T_OBJECT, offsetof(GenericAliasObject, origin), READONLY, nullptr},
                                    {"__args__", T_OBJECT, offsetof(GenericAliasObject, args), READONLY, nullptr},
                                    {"__unpacked__", T_BOOL, offsetof(GenericAliasObject, starred), READONLY, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};
constexpr PyGetSetDef kGetset[] = {
    {"__parameters__", ATOLL_GETTER(get_parameters), nullptr, "Type variables in the GenericAlias.", nullptr},
    {"__typing_unpacked_tuple_args__", ATOLL_GETTER(get_unpacked_tuple_args), nullptr, nullptr, nullptr},
    ATOLL_GETSET_END};
constexpr PyNumberMethods kNumber{.nb_or = ATOLL_SLOT(alias_or)};
constexpr PyMappingMethods kMapping{.mp_subscript = ATOLL_SLOT(alias_getitem)};

}  // namespace

Ref<> generic_alias_new(ThreadState& ts, PyObject* origin, PyObject* args, bool starred) {
  Ref<> tuple = is_tuple(args) ? dup(args) : tuple_of(ts, args);
  if (!tuple) return {};
  auto a = new_object<GenericAliasObject>(ts, &Py_GenericAliasType);
  if (!a) return {};
  a->origin = new_ref(origin);
  a->args = tuple.release();
  a->parameters = nullptr;
  a->weaklist = nullptr;
  a->starred = starred;
  a->vectorcall = alias_vectorcall;
  track(ts, a.get());
  return a;
}

constinit const TypeSpec generic_alias_spec{
    .name = "types.GenericAlias",
    .doc = "GenericAlias(origin, args, /)\n--\n\nRepresent a PEP 585 generic type\n\nE.g. for t = list[int], t.__origin__ is list and t.__args__ "
           "is (int,).",
    .basicsize = sizeof(GenericAliasObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
    .dealloc = ATOLL_SLOT(alias_dealloc),
    .traverse = alias_traverse,
    .repr = ATOLL_SLOT(alias_repr),
    .hash = ATOLL_SLOT(alias_hash),
    .richcompare = ATOLL_SLOT(alias_compare),
    .call = PyVectorcall_Call,
    .getattro = ATOLL_SLOT(alias_getattro),
    .iter = ATOLL_SLOT(alias_iter),
    .new_ = alias_tp_new,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_GC_Del,
    .number = &kNumber,
    .mapping = &kMapping,
    .weaklist_offset = offsetof(GenericAliasObject, weaklist),
    .vectorcall_offset = offsetof(GenericAliasObject, vectorcall),
    .methods = kMethods,
    .members = kMembers,
    .getset = kGetset,
};
constinit const TypeSpec generic_alias_iter_spec{
    .name = "generic_alias_iterator",
    .basicsize = sizeof(AliasIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(alias_iter_dealloc),
    .traverse = alias_iter_traverse,
    .clear = alias_iter_clear,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(alias_iter_next),
    .methods = kIterMethods,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject Py_GenericAliasType = {};
ATOLL_SEALED PyTypeObject _Py_GenericAliasIterType = {};
}

PyObject* Py_GenericAlias(PyObject* origin, PyObject* args) {
  return atl::generic_alias_new(atl::current_thread(), origin, args).release();
}
