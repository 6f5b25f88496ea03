// _collections: defaultdict, _tuplegetter, _count_elements. deque is in _collections_deque.cc, OrderedDict in Objects/odict.
#include "Modules/module_def.h"
#include "Objects/dict/internal.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"
#include "Objects/type/type.h"
#include "structmember.h"

namespace atl {

namespace {

// ---- defaultdict -------------------------------------------------------------------------------------------------

struct DefaultDict {
  PyDictObject head;
  PyObject* factory;  // or NULL
};
static_assert(sizeof(DefaultDict) == 56);
DefaultDict* as_default(PyObject* o) { return reinterpret_cast<DefaultDict*>(o); }
bool is_default(PyObject* o) { return is_instance_nocall(o, &atoll_defaultdict_type); }

void defaultdict_dealloc(ThreadState&, PyObject* o) {
  untrack(o);
  clear_field(as_default(o)->factory);
  PyDict_Type.tp_dealloc(o);
}
int defaultdict_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_default(o)->factory);
  return PyDict_Type.tp_traverse(o, visit, arg);
}
int defaultdict_clear(PyObject* o) {
  clear_field(as_default(o)->factory);
  return PyDict_Type.tp_clear(o);
}

int defaultdict_init(PyObject* o, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  PyObject* factory = n > 0 ? tuple_peek(args, 0) : nullptr;
  if (factory != nullptr && factory != Py_None && factory->ob_type->tp_call == nullptr) {
    return raise(ts, PyExc_TypeError, "first argument must be callable or None");
  }
  Ref<> rest = tuple_slice(ts, args, n > 0 ? 1 : 0, n);
  if (!rest) return -1;
  set_field(as_default(o)->factory, Ref<>::dup_of(factory));
  return PyDict_Type.tp_init(o, rest.get(), kwargs);
}

Ref<> m_missing(ThreadState& ts, DefaultDict* d, PyObject* key) {
  if (d->factory == nullptr || d->factory == Py_None) return raise_key_error(ts, key);
  Ref<> factory = dup(d->factory);
  Ref<> value = call(ts, factory.get());
  if (!value || failed(object_setitem(ts, obj(d), key, value.get()))) return {};
  return value;
}

// type(d)(factory, source)
Ref<> like(ThreadState& ts, PyObject* d, PyObject* source) {
  PyObject* factory = as_default(d)->factory;
  return call(ts, obj(d->ob_type), factory != nullptr ? factory : Py_None, source);
}
Ref<> m_copy(ThreadState& ts, DefaultDict* d) { return like(ts, obj(d), obj(d)); }
Ref<> m_reduce(ThreadState& ts, DefaultDict* d) {
  bool none = d->factory == nullptr || d->factory == Py_None;
  Ref<> args = none ? dup(empty_tuple()) : tuple_of(ts, d->factory);
  Ref<> items = args ? call_method(ts, obj(d), ID(items)) : Ref<>();
  Ref<> it = items ? object_iter(ts, items.get()) : Ref<>();
  return it ? tuple_of(ts, d->head.ob_base.ob_type, args.get(), Py_None, Py_None, it.get()) : Ref<>();
}
Ref<> defaultdict_or(ThreadState& ts, PyObject* a, PyObject* b) {
  PyObject* model = is_default(a) ? a : b;
  if (!is_dict(a) || !is_dict(b)) return not_implemented();
  Ref<> result = like(ts, model, a);
  if (!result || PyDict_Update(result.get(), b) < 0) return {};
  return result;
}
Ref<> defaultdict_repr(ThreadState& ts, PyObject* o) {
  Ref<> items = Ref<>::steal(PyDict_Type.tp_repr(o));
  if (!items) return {};
  PyObject* factory = as_default(o)->factory;
  Ref<> shown;
  if (factory == nullptr) {
    shown = str_from_ascii(ts, "None");
  } else {
    int seen = repr_enter(ts, factory);
    if (seen < 0) return {};
    Ref<> hold = dup(factory);
    shown = seen > 0 ? str_from_ascii(ts, "...") : object_repr(ts, factory);
    if (seen == 0) repr_leave(ts, hold.get());
  }
  return shown ? str_format(ts, "%s(%U, %U)", type_short_name(o->ob_type), shown.get(), items.get()) : Ref<>();
}

constexpr MethodSpec kDefaultMethods[] = {
    ATOLL_METHOD_PLAIN(m_missing, "__missing__", "($self, key, /)",
                       "__missing__(key) # Called by __getitem__ for missing key; pseudo-code:\n"
                       "  if self.default_factory is None: raise KeyError((key,))\n"
                       "  self[key] = value = self.default_factory()\n"
                       "  return value\n"),
    ATOLL_METHOD_PLAIN(m_copy, "copy", "($self, /)", "D.copy() -> a shallow copy of D."),
    ATOLL_METHOD_PLAIN(m_copy, "__copy__", "($self, /)", "D.copy() -> a shallow copy of D."),
    ATOLL_METHOD_PLAIN(m_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"), ATOLL_METHOD_END};
constexpr PyMemberDef kDefaultMembers[] = {
    {"default_factory", T_OBJECT, offsetof(DefaultDict, factory), 0, "Factory for default value called by __missing__()."}, {}};
constexpr PyNumberMethods kDefaultNumber{.nb_or = ATOLL_SLOT(defaultdict_or)};

// ---- _tuplegetter: the attributes of named tuples ----------------------------------------------------------------

struct TupleGetter {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* doc;
};
static_assert(sizeof(TupleGetter) == 32);
TupleGetter* as_getter(PyObject* o) { return reinterpret_cast<TupleGetter*>(o); }
using GetterFields = OwnedFields<TupleGetter, &TupleGetter::doc>;

Ref<> tuplegetter_make(ThreadState& ts, PyTypeObject* type, PyObject* const* args, Py_ssize_t) {
  Py_ssize_t index;
  if (failed(index_as_ssize(ts, args[0], &index))) return {};
  auto g = new_instance<TupleGetter>(ts, type, &atoll_tuplegetter_type);
  if (!g) return {};
  g->index = index;
  g->doc = new_ref(args[1]);
  return g;
}
ATOLL_POSITIONAL_ENTRIES(tuplegetter, "_tuplegetter", 2, 2, atoll_tuplegetter_type)

Ref<> tuplegetter_get(ThreadState& ts, PyObject* self, PyObject* o, PyObject*) {
  if (o == nullptr || o == Py_None) return dup(self);
  Py_ssize_t index = as_getter(self)->index;
  if (!is_tuple(o)) {
    return raise(ts, PyExc_TypeError, "descriptor for index '%zd' for tuple subclasses doesn't apply to '%s' object", index,
                 o->ob_type->tp_name);
  }
  if (index < 0 || index >= tuple_size(o)) return raise(ts, PyExc_IndexError, "tuple index out of range");
  return dup(tuple_peek(o, index));
}
Status tuplegetter_set(ThreadState& ts, PyObject*, PyObject*, PyObject* value) {
  return raise(ts, PyExc_AttributeError, value != nullptr ? "can't set attribute" : "can't delete attribute");
}
Ref<> tuplegetter_repr(ThreadState& ts, PyObject* o) {
  return str_format(ts, "%s(%zd, %R)", type_short_name(o->ob_type), as_getter(o)->index, as_getter(o)->doc);
}
Ref<> tuplegetter_reduce(ThreadState& ts, TupleGetter* g) {
  Ref<> index = int_from_ssize(ts, g->index);
  return index ? reduce_to(ts, obj(g), index.get(), g->doc) : Ref<>();
}
constexpr MethodSpec kGetterMethods[] = {
    ATOLL_METHOD_PLAIN(tuplegetter_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};
constexpr PyMemberDef kGetterMembers[] = {{"__doc__", T_OBJECT, offsetof(TupleGetter, doc), 0, nullptr}, {}};

// ---- _count_elements ---------------------------------------------------------------------------------------------

Ref<> incremented(ThreadState& ts, PyObject* count) {
  return count == nullptr ? dup(small_int(1)) : number_binary(ts, BinaryOp::kAdd, count, small_int(1));
}

Ref<> m_count_elements(ThreadState& ts, PyObject*, PyObject* mapping, PyObject* iterable) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) return {};
  // Straight into the table where neither get() nor item assignment was replaced.
  PyTypeObject* type = mapping->ob_type;
  bool plain = is_dict(mapping) &&
               type_peek_lookup(ts, type, ID(get)) == type_peek_lookup(ts, &PyDict_Type, ID(get)) &&
               type_peek_lookup(ts, type, ID(__setitem__)) == type_peek_lookup(ts, &PyDict_Type, ID(__setitem__));
  Ref<> get;
  if (!plain) {
    get = object_getattr(ts, mapping, ID(get));
    if (!get) return {};
  }
  while (Ref<> key = raw_next(it.get())) {
    if (plain) {
      Py_hash_t hash;
      if (failed(object_hash(ts, key.get(), &hash))) return {};
      Ref<> count = Ref<>::dup_of(dict_peek_hash(ts, mapping, key.get(), hash));
      if (!count && error_set(ts)) return {};
      Ref<> next = incremented(ts, count.get());
      if (!next || failed(dict_set_hash(ts, mapping, key.get(), hash, next.get()))) return {};
    } else {
      Ref<> count = call(ts, get.get(), key.get(), small_int(0));
      Ref<> next = count ? incremented(ts, count.get()) : Ref<>();
      if (!next || failed(object_setitem(ts, mapping, key.get(), next.get()))) return {};
    }
  }
  return failed(end_of_iteration(ts)) ? Ref<>() : new_none();
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(m_count_elements, "_count_elements", "($module, mapping, iterable, /)",
                 "Count elements in the iterable, updating the mapping"),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  for (PyTypeObject* type : {&atoll_deque_type, &atoll_defaultdict_type, &PyODict_Type, &atoll_deque_iter_type,
                             &atoll_deque_reverse_iter_type, &atoll_tuplegetter_type}) {
    if (PyModule_AddType(module, type) < 0) return -1;
  }
  return 0;
}

}  // namespace

constinit const TypeSpec collections_defaultdict_spec{
    .name = "collections.defaultdict",
    .doc = "defaultdict(default_factory=None, /, [...]) --> dict with default factory\n\n"
           "The default factory is called without arguments to produce a value where d[key]\n"
           "finds none. Compares as a dict with the same items; all other arguments are as\n"
           "for dict(), keywords included.",
    .basicsize = sizeof(DefaultDict),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .base = &PyDict_Type,
    .dealloc = ATOLL_SLOT(defaultdict_dealloc),
    .traverse = defaultdict_traverse,
    .clear = defaultdict_clear,
    .repr = ATOLL_SLOT(defaultdict_repr),
    .getattro = PyObject_GenericGetAttr,
    .init = defaultdict_init,
    .number = &kDefaultNumber,
    .methods = kDefaultMethods,
    .members = kDefaultMembers,
};
constinit const TypeSpec collections_tuplegetter_spec{
    .name = "_collections._tuplegetter",
    .basicsize = sizeof(TupleGetter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = GetterFields::dealloc,
    .traverse = GetterFields::traverse,
    .clear = GetterFields::clear,
    .repr = ATOLL_SLOT(tuplegetter_repr),
    .getattro = PyObject_GenericGetAttr,
    .descr_get = ATOLL_SLOT(tuplegetter_get),
    .descr_set = ATOLL_SLOT(tuplegetter_set),
    .new_ = tuplegetter_tp_new,
    .vectorcall = tuplegetter_vectorcall,
    .methods = kGetterMethods,
    .members = kGetterMembers,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_defaultdict_type = {};
ATOLL_SEALED PyTypeObject atoll_tuplegetter_type = {};

ATOLL_BUILTIN_MODULE(PyInit__collections, "_collections",
                     "Data structures of high performance.\n"
                     "- deque: an ordered collection with two ends\n"
                     "- defaultdict: a dict that makes the values it does not have\n",
                     0, atl::kFunctions, atl::exec)
