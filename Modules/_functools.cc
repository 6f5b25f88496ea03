// _functools: partial, reduce, cmp_to_key. The cache of lru_cache is in _functools_lru.cc.
#include "Modules/module_def.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"
#include "Objects/type/type.h"
#include "structmember.h"

namespace atl {

namespace {

// ---- partial -----------------------------------------------------------------------------------------------------

struct PartialObject {
  PyObject ob_base;
  PyObject* function;
  PyObject* args;      // tuple
  PyObject* keywords;  // dict
  PyObject* dict;      // attributes, or NULL
  PyObject* weaklist;
  vectorcallfunc vectorcall;
};
static_assert(sizeof(PartialObject) == 64);
PartialObject* as_partial(PyObject* o) { return reinterpret_cast<PartialObject*>(o); }
using PartialFields =
    OwnedFields<PartialObject, &PartialObject::function, &PartialObject::args, &PartialObject::keywords, &PartialObject::dict>;

void partial_dealloc(ThreadState&, PyObject* o) {
  untrack(o);
  if (as_partial(o)->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  PartialFields::dealloc(o);
}

PyObject* partial_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  PartialObject* p = as_partial(self);
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  Py_ssize_t keywords = kwnames != nullptr ? tuple_size(kwnames) : 0;
  Py_ssize_t own = tuple_size(p->args);
  Py_ssize_t own_keywords = dict_size(p->keywords);
  // The call may change what this object holds.
  Ref<> function = dup(p->function), own_args = dup(p->args);
  if (own == 0 && own_keywords == 0) return object_vectorcall(ts, function.get(), args, nargsf, kwnames).release();

  Ref<> names = Ref<>::dup_of(kwnames);
  Ref<> values;  // keeps what the merged dictionary holds
  Py_ssize_t total_keywords = keywords;
  Ref<> merged;
  if (own_keywords != 0) {
    merged = dict_copy(ts, p->keywords);
    if (!merged) return nullptr;
    for (Py_ssize_t i = 0; i < keywords; ++i) {
      if (failed(dict_set(ts, merged.get(), tuple_peek(kwnames, i), args[n + i]))) return nullptr;
    }
    total_keywords = dict_size(merged.get());
    names = tuple_new(ts, total_keywords);
    if (!names) return nullptr;
  }
  constexpr Py_ssize_t kSmall = 12;
  PyObject* small[kSmall];
  Py_ssize_t total = own + n + total_keywords;
  PyObject** window = small;
  if (total + 1 > kSmall) {
    window = static_cast<PyObject**>(std::malloc(static_cast<size_t>(total + 1) * sizeof(PyObject*)));
    if (window == nullptr) return raise_memory(ts);
  }
  ScopeGuard release([&] {
    if (window != small) std::free(window);
  });
  window[0] = nullptr;
  PyObject** at = window + 1;
  for (Py_ssize_t i = 0; i < own; ++i) *at++ = tuple_peek(own_args.get(), i);
  for (Py_ssize_t i = 0; i < n; ++i) *at++ = args[i];
  if (merged) {
    Py_ssize_t pos = 0, i = 0;
    PyObject *key, *value;
    while (dict_next(merged.get(), &pos, &key, &value)) {
      tuple_items(names.get())[i++] = new_ref(key);
      *at++ = value;
    }
  } else {
    for (Py_ssize_t i = 0; i < keywords; ++i) *at++ = args[n + i];
  }
  return object_vectorcall(ts, function.get(), window + 1, static_cast<size_t>(own + n) | PY_VECTORCALL_ARGUMENTS_OFFSET, names.get())
      .release();
}

PyObject* partial_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) < 1) return raise(ts, PyExc_TypeError, "type 'partial' takes at least one argument");
  PyObject* function = tuple_peek(args, 0);
  PyObject *inner_args = nullptr, *inner_keywords = nullptr;
  // A partial of a partial is made one, unless it carries attributes that would be lost.
  if (function->ob_type->tp_call == PyVectorcall_Call && is_instance_nocall(function, &atoll_partial_type) &&
      as_partial(function)->dict == nullptr) {
    inner_args = as_partial(function)->args;
    inner_keywords = as_partial(function)->keywords;
    function = as_partial(function)->function;
  }
  if (function->ob_type->tp_call == nullptr) return raise(ts, PyExc_TypeError, "the first argument must be callable");
  Ref<> own_args = tuple_slice(ts, args, 1, tuple_size(args));
  if (own_args && inner_args != nullptr) own_args = Ref<>::steal(PySequence_Concat(inner_args, own_args.get()));
  if (!own_args) return nullptr;
  Ref<> keywords = inner_keywords != nullptr ? dict_copy(ts, inner_keywords) : dict_new(ts);
  if (!keywords || (kwargs != nullptr && failed(dict_merge(ts, keywords.get(), kwargs, true)))) return nullptr;
  auto p = new_instance<PartialObject>(ts, type, &atoll_partial_type);
  if (!p) return nullptr;
  p->function = new_ref(function);
  p->args = own_args.release();
  p->keywords = keywords.release();
  p->vectorcall = partial_vectorcall;
  return obj(p.release());
}

Ref<> partial_repr(ThreadState& ts, PyObject* o) {
  PartialObject* p = as_partial(o);
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_from_ascii(ts, "...") : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  StrWriter w(ts);
  Ref<> head = str_format(ts, "%s(%R", is_exact(o, &atoll_partial_type) ? "functools.partial" : type_short_name(o->ob_type), p->function);
  if (!head || failed(w.write(head.get()))) return {};
  Ref<> args = dup(p->args), keywords = dup(p->keywords);
  for (Py_ssize_t i = 0; i < tuple_size(args.get()); ++i) {
    if (failed(w.write_ascii(", ")) || failed(w.write_repr(tuple_peek(args.get(), i)))) return {};
  }
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(keywords.get(), &pos, &key, &value)) {
    Ref<> k = dup(key), v = dup(value);
    if (failed(w.write_ascii(", ")) || failed(w.write_str(k.get())) || failed(w.put('=')) || failed(w.write_repr(v.get()))) return {};
  }
  if (failed(w.put(')'))) return {};
  return w.finish();
}

Ref<> partial_reduce(ThreadState& ts, PartialObject* p) {
  Ref<> args = tuple_of(ts, p->function);
  Ref<> state = tuple_of(ts, p->function, p->args, p->keywords, p->dict != nullptr ? p->dict : Py_None);
  return args && state ? tuple_of(ts, p->ob_base.ob_type, args.get(), state.get()) : Ref<>();
}
Status partial_setstate(ThreadState& ts, PartialObject* p, PyObject* state) {
  bool good = is_tuple(state) && tuple_size(state) == 4;
  PyObject *function = nullptr, *args = nullptr, *keywords = nullptr, *dict = nullptr;
  if (good) {
    function = tuple_peek(state, 0);
    args = tuple_peek(state, 1);
    keywords = tuple_peek(state, 2);
    dict = tuple_peek(state, 3);
    good = function->ob_type->tp_call != nullptr && is_tuple(args) && (keywords == Py_None || is_dict(keywords)) &&
           (dict == Py_None || is_dict(dict));
  }
  if (!good) return raise(ts, PyExc_TypeError, "invalid partial state");
  Ref<> own_args = is_exact_tuple(args) ? dup(args) : tuple_from(ts, tuple_items(args), tuple_size(args));
  Ref<> own_keywords = keywords == Py_None ? dict_new(ts) : is_exact_dict(keywords) ? dup(keywords) : Ref<>::steal(PyDict_Copy(keywords));
  if (!own_args || !own_keywords) return Status::kError;
  set_field(p->function, dup(function));
  set_field(p->args, std::move(own_args));
  set_field(p->keywords, std::move(own_keywords));
  set_field(p->dict, dict == Py_None ? Ref<>() : dup(dict));
  return Status::kOk;
}

constexpr MethodSpec kPartialMethods[] = {
    ATOLL_METHOD_PLAIN(partial_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(partial_setstate, "__setstate__", "($self, state, /)", "Helper for pickle."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"), ATOLL_METHOD_END};
constexpr PyMemberDef kPartialMembers[] = {
    {"func", T_OBJECT, offsetof(PartialObject, function), READONLY, "function object to use in future partial calls"},
    {"args", T_OBJECT, offsetof(PartialObject, args), READONLY, "tuple of arguments to future partial calls"},
    {"keywords", T_OBJECT, offsetof(PartialObject, keywords), READONLY, "dictionary of keyword arguments to future partial calls"},
    {}};
constexpr PyGetSetDef kPartialGetSet[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                                          ATOLL_GETSET_END};

// ---- cmp_to_key --------------------------------------------------------------------------------------------------

// Without an object it is the function that makes keys.
struct KeyObject {
  PyObject ob_base;
  PyObject* compare;
  PyObject* object;
};
KeyObject* as_key(PyObject* o) { return reinterpret_cast<KeyObject*>(o); }
using KeyFields = OwnedFields<KeyObject, &KeyObject::compare, &KeyObject::object>;

Ref<> key_new(ThreadState& ts, PyObject* compare, PyObject* object) {
  auto k = new_object<KeyObject>(ts, &atoll_key_wrapper_type);
  if (!k) return {};
  k->compare = new_ref(compare);
  k->object = object != nullptr ? new_ref(object) : nullptr;
  track(ts, k.get());
  return k;
}
Ref<> key_bind(ThreadState& ts, KeyObject* k, PyObject* object) { return key_new(ts, k->compare, object); }
using KeyCall = bind_detail::TupleEntry<&key_bind, decltype([]() constexpr { return MethodText{"K", "(obj)", ""}; })>;
PyObject* key_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return KeyCall::make(reinterpret_cast<PyTypeObject*>(self), args, kwargs);
}
Ref<> key_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_exact(b, &atoll_key_wrapper_type)) return raise(ts, PyExc_TypeError, "other argument must be K instance");
  PyObject *x = as_key(a)->object, *y = as_key(b)->object;
  if (x == nullptr || y == nullptr) return raise(ts, PyExc_AttributeError, "object");
  Ref<> compare = dup(as_key(a)->compare);
  Ref<> order = call(ts, compare.get(), x, y);
  return order ? object_richcompare(ts, order.get(), small_int(0), op) : Ref<>();
}
constexpr PyMemberDef kKeyMembers[] = {
    {"obj", T_OBJECT, offsetof(KeyObject, object), 0, "Value wrapped by a key function."}, {}};

Ref<> m_cmp_to_key(ThreadState& ts, PyObject*, PyObject* compare) { return key_new(ts, compare, nullptr); }

// ---- reduce ------------------------------------------------------------------------------------------------------

PyObject* m_reduce(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (!check_count(ts, "reduce", n, 2, 3)) return nullptr;
  PyObject* function = args[0];
  Ref<> it = object_iter(ts, args[1]);
  if (!it) {
    if (error_clear_if(ts, PyExc_TypeError)) return raise(ts, PyExc_TypeError, "reduce() arg 2 must support iteration");
    return nullptr;
  }
  Ref<> result = n == 3 ? dup(args[2]) : raw_next(it.get());
  if (!result) {
    if (failed(end_of_iteration(ts))) return nullptr;
    return raise(ts, PyExc_TypeError, "reduce() of empty iterable with no initial value");
  }
  while (Ref<> item = raw_next(it.get())) {
    result = call(ts, function, result.get(), item.get());
    if (!result) return nullptr;
  }
  return failed(end_of_iteration(ts)) ? nullptr : result.release();
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD_RAW(m_reduce, "reduce", METH_FASTCALL,
                     "reduce(function, iterable[, initial]) -> value\n\n"
                     "Apply a function of two arguments to the items from left to right, so that one\n"
                     "value is left: reduce(lambda x, y: x+y, [1, 2, 3]) computes ((1+2)+3). initial\n"
                     "comes before the items."),
    ATOLL_METHOD_PLAIN(m_cmp_to_key, "cmp_to_key", "($module, mycmp)", "Convert a cmp= function into a key= function."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  if (PyModule_AddType(module, &atoll_partial_type) < 0) return -1;
  return PyModule_AddType(module, &atoll_lru_cache_type);
}

}  // namespace

constinit const TypeSpec functools_partial_spec{
    .name = "functools.partial",
    .doc = "partial(func, *args, **keywords) - new function with partial application\n"
           "    of the given arguments and keywords.\n",
    .basicsize = sizeof(PartialObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
    .dealloc = ATOLL_SLOT(partial_dealloc),
    .traverse = PartialFields::traverse,
    .clear = PartialFields::clear,
    .repr = ATOLL_SLOT(partial_repr),
    .call = PyVectorcall_Call,
    .getattro = PyObject_GenericGetAttr,
    .setattro = PyObject_GenericSetAttr,
    .new_ = partial_tp_new,
    .weaklist_offset = offsetof(PartialObject, weaklist),
    .dict_offset = offsetof(PartialObject, dict),
    .vectorcall_offset = offsetof(PartialObject, vectorcall),
    .methods = kPartialMethods,
    .members = kPartialMembers,
    .getset = kPartialGetSet,
};
constinit const TypeSpec functools_key_wrapper_spec{
    .name = "functools.KeyWrapper",
    .basicsize = sizeof(KeyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = KeyFields::dealloc,
    .traverse = KeyFields::traverse,
    .clear = KeyFields::clear,
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(key_richcompare),
    .call = key_call,
    .getattro = PyObject_GenericGetAttr,
    .members = kKeyMembers,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_partial_type = {};
ATOLL_SEALED PyTypeObject atoll_key_wrapper_type = {};

ATOLL_BUILTIN_MODULE(PyInit__functools, "_functools", "Tools that operate on functions.", 0, atl::kFunctions, atl::exec)
