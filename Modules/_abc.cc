// _abc: the registry and caches of abstract base classes.
#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

// One per abstract class, in its _abc_impl. The sets hold weak references to classes.
struct AbcData {
  PyObject ob_base;
  PyObject* registry;
  PyObject* cache;
  PyObject* negative_cache;
  uint64_t negative_version;
};
AbcData* as_data(PyObject* o) { return reinterpret_cast<AbcData*>(o); }

struct State {
  PyTypeObject* data_type;
  uint64_t invalidation_counter;  // counts registrations: negative caches from before are void
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

void data_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  clear_field(as_data(o)->registry);
  clear_field(as_data(o)->cache);
  clear_field(as_data(o)->negative_cache);
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}
int data_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(o->ob_type);
  Py_VISIT(as_data(o)->registry);
  Py_VISIT(as_data(o)->cache);
  Py_VISIT(as_data(o)->negative_cache);
  return 0;
}
int data_clear(PyObject* o) {
  clear_field(as_data(o)->registry);
  clear_field(as_data(o)->cache);
  clear_field(as_data(o)->negative_cache);
  return 0;
}

AbcData* get_data(ThreadState& ts, PyObject* m, PyObject* cls, Ref<>* hold) {
  *hold = object_getattr(ts, cls, ID(_abc_impl));
  if (!*hold) return nullptr;
  if (hold->get()->ob_type != state_of(m)->data_type) {
    (void)raise(ts, PyExc_TypeError, "_abc_impl is set to a wrong type");
    return nullptr;
  }
  return as_data(hold->get());
}

Tri in_weak_set(ThreadState& ts, PyObject* set, PyObject* cls) {
  if (set == nullptr) return Tri::kFalse;
  Ref<> ref = Ref<>::steal(PyWeakref_NewRef(cls, nullptr));
  if (!ref) return error_clear_if(ts, PyExc_TypeError) ? Tri::kFalse : Tri::kError;
  return set_contains(ts, set, ref.get());
}

// Called when a class in a set dies: it takes itself out. self is a weak reference to the set.
PyObject* forget(PyObject* self, PyObject* ref) {
  ThreadState& ts = current_thread();
  PyObject* set = PyWeakref_GetObject(self);
  if (set == nullptr) return nullptr;
  if (set != Py_None) {
    Ref<> hold = dup(set);
    if (failed(set_discard(ts, set, ref))) return nullptr;
  }
  return new_ref(Py_None);
}
constexpr MethodSpec kForget = ATOLL_METHOD_RAW(forget, "_destroy", METH_O, nullptr);

Status add_to_weak_set(ThreadState& ts, PyObject** set, PyObject* cls) {
  if (*set == nullptr) {
    *set = set_new(ts, nullptr).release();
    if (*set == nullptr) return Status::kError;
  }
  Ref<> set_ref = Ref<>::steal(PyWeakref_NewRef(*set, nullptr));
  Ref<> callback = set_ref ? Ref<>::steal(PyCFunction_NewEx(const_cast<PyMethodDef*>(kForget.c()), set_ref.get(), nullptr)) : Ref<>();
  Ref<> ref = callback ? Ref<>::steal(PyWeakref_NewRef(cls, callback.get())) : Ref<>();
  return ref ? set_add(ts, *set, ref.get()) : Status::kError;
}

// Names of abstract methods of the class and those inherited that are still abstract.
Status compute_abstract_methods(ThreadState& ts, PyObject* cls) {
  Ref<> abstracts = set_new(ts, nullptr);
  Ref<> ns = object_getattr(ts, cls, ID(__dict__));
  if (!abstracts || !ns) return Status::kError;
  Ref<> items = Ref<>::steal(PyMapping_Items(ns.get()));
  if (!items) return Status::kError;
  auto is_abstract = [&](PyObject* v) {
    int r = _PyObject_IsAbstract(v);
    return r < 0 ? Tri::kError : tri(r != 0);
  };
  for (Py_ssize_t i = 0; i < list_size(items.get()); ++i) {
    Ref<> item = dup(list_items(items.get())[i]);
    Tri t = is_abstract(tuple_peek(item.get(), 1));
    if (failed(t)) return Status::kError;
    if (t == Tri::kTrue && failed(set_add(ts, abstracts.get(), tuple_peek(item.get(), 0)))) return Status::kError;
  }
  Ref<> name = str_interned(ts, "__abstractmethods__");
  Ref<> bases = object_getattr(ts, cls, ID(__bases__));
  if (!name || !bases || !is_tuple(bases.get())) return error_set(ts) ? Status::kError : Status(raise(ts, PyExc_TypeError, "__bases__ is not tuple"));
  for (Py_ssize_t i = 0; i < tuple_size(bases.get()); ++i) {
    Ref<> inherited;
    if (failed(object_lookup_attr(ts, tuple_peek(bases.get(), i), name.get(), &inherited))) return Status::kError;
    if (!inherited) continue;
    Status s = for_each(ts, inherited.get(), [&](PyObject* key) {
      Ref<> value;
      if (failed(object_lookup_attr(ts, cls, key, &value))) return Status::kError;
      if (!value) return Status::kOk;
      Tri t = is_abstract(value.get());
      if (failed(t)) return Status::kError;
      return t == Tri::kTrue ? set_add(ts, abstracts.get(), key) : Status::kOk;
    });
    if (failed(s)) return Status::kError;
  }
  Ref<> frozen = frozenset_new(ts, abstracts.get());
  return frozen ? object_setattr(ts, cls, name.get(), frozen.get()) : Status::kError;
}

constexpr unsigned long kCollectionFlags = Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_MAPPING;

Ref<> m_abc_init(ThreadState& ts, PyObject* m, PyObject* cls) {
  if (failed(compute_abstract_methods(ts, cls))) return {};
  PyTypeObject* type = state_of(m)->data_type;
  Ref<> data = Ref<>::steal(type->tp_alloc(type, 0));
  if (!data) return {};
  as_data(data.get())->negative_version = state_of(m)->invalidation_counter;
  if (failed(object_setattr(ts, cls, ID(_abc_impl), data.get()))) return {};
  // collections.abc marks its Sequence and Mapping for pattern matching.
  if (PyType_Check(cls)) {
    auto* t = reinterpret_cast<PyTypeObject*>(cls);
    Ref<> flags;
    Ref<> key = str_interned(ts, "__abc_tpflags__");
    if (!key || failed(dict_lookup(ts, t->tp_dict, key.get(), &flags))) return {};
    if (flags && is_exact_int(flags.get())) {
      int overflow;
      auto wanted = static_cast<unsigned long>(int_as_i64_overflow(flags.get(), &overflow)) & kCollectionFlags;
      if (wanted == kCollectionFlags) {
        return raise(ts, PyExc_TypeError, "__abc_tpflags__ cannot be both Py_TPFLAGS_SEQUENCE and Py_TPFLAGS_MAPPING");
      }
      t->tp_flags = (t->tp_flags & ~kCollectionFlags) | wanted;
      if (failed(dict_del(ts, t->tp_dict, key.get()))) return {};
    }
  }
  return new_none();
}

// Flags go down to subclasses of a registered class too.
void set_flags_below(ThreadState& ts, PyTypeObject* type, unsigned long flags) {
  if (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) return;
  type->tp_flags = (type->tp_flags & ~kCollectionFlags) | flags;
  Ref<> subclasses = call_method(ts, obj(type), ID(__subclasses__));
  if (!subclasses) {
    error_clear(ts);
    return;
  }
  for (Py_ssize_t i = 0; i < list_size(subclasses.get()); ++i) {
    set_flags_below(ts, reinterpret_cast<PyTypeObject*>(list_items(subclasses.get())[i]), flags);
  }
}

Ref<> m_abc_register(ThreadState& ts, PyObject* m, PyObject* cls, PyObject* subclass) {
  if (!PyType_Check(subclass)) return raise(ts, PyExc_TypeError, "Can only register classes");
  Tri t = object_issubclass(ts, subclass, cls);
  if (failed(t)) return {};
  if (t == Tri::kTrue) return dup(subclass);
  t = object_issubclass(ts, cls, subclass);
  if (failed(t)) return {};
  if (t == Tri::kTrue) return raise(ts, PyExc_RuntimeError, "Refusing to create an inheritance cycle");
  Ref<> hold;
  AbcData* data = get_data(ts, m, cls, &hold);
  if (data == nullptr || failed(add_to_weak_set(ts, &data->registry, subclass))) return {};
  ++state_of(m)->invalidation_counter;
  if (PyType_Check(cls)) {
    unsigned long flags = reinterpret_cast<PyTypeObject*>(cls)->tp_flags & kCollectionFlags;
    if (flags != 0) set_flags_below(ts, reinterpret_cast<PyTypeObject*>(subclass), flags);
  }
  return dup(subclass);
}

Ref<> m_abc_instancecheck(ThreadState& ts, PyObject* m, PyObject* cls, PyObject* instance) {
  Ref<> hold;
  AbcData* data = get_data(ts, m, cls, &hold);
  if (data == nullptr) return {};
  Ref<> subclass = object_getattr(ts, instance, ID(__class__));
  if (!subclass) return {};
  Tri cached = in_weak_set(ts, data->cache, subclass.get());
  if (failed(cached)) return {};
  if (cached == Tri::kTrue) return new_bool(true);
  auto* type = obj(instance->ob_type);
  if (type == subclass.get()) {
    if (data->negative_version == state_of(m)->invalidation_counter) {
      Tri no = in_weak_set(ts, data->negative_cache, subclass.get());
      if (failed(no)) return {};
      if (no == Tri::kTrue) return new_bool(false);
    }
    return call_method(ts, cls, ID(__subclasscheck__), subclass.get());
  }
  Ref<> r = call_method(ts, cls, ID(__subclasscheck__), subclass.get());
  if (!r) return {};
  Tri t = object_is_true(ts, r.get());
  if (failed(t)) return {};
  if (t == Tri::kTrue) return r;
  return call_method(ts, cls, ID(__subclasscheck__), type);
}

Ref<> m_abc_subclasscheck(ThreadState& ts, PyObject* m, PyObject* cls, PyObject* subclass) {
  if (!PyType_Check(subclass)) return raise(ts, PyExc_TypeError, "issubclass() arg 1 must be a class");
  Ref<> hold;
  AbcData* data = get_data(ts, m, cls, &hold);
  if (data == nullptr) return {};
  Tri t = in_weak_set(ts, data->cache, subclass);
  if (failed(t)) return {};
  if (t == Tri::kTrue) return new_bool(true);
  if (data->negative_version < state_of(m)->invalidation_counter) {
    clear_field(data->negative_cache);
    data->negative_version = state_of(m)->invalidation_counter;
  } else {
    t = in_weak_set(ts, data->negative_cache, subclass);
    if (failed(t)) return {};
    if (t == Tri::kTrue) return new_bool(false);
  }
  auto yes = [&]() -> Ref<> { return failed(add_to_weak_set(ts, &data->cache, subclass)) ? Ref<>() : new_bool(true); };
  auto no = [&]() -> Ref<> { return failed(add_to_weak_set(ts, &data->negative_cache, subclass)) ? Ref<>() : new_bool(false); };
  Ref<> answer = call_method(ts, cls, ID(__subclasshook__), subclass);
  if (!answer) return {};
  if (answer.get() == Py_True) return yes();
  if (answer.get() == Py_False) return no();
  if (answer.get() != Py_NotImplemented) {
    return raise(ts, PyExc_AssertionError, "__subclasshook__ must return either False, True, or NotImplemented");
  }
  if (is_subtype(reinterpret_cast<PyTypeObject*>(subclass), reinterpret_cast<PyTypeObject*>(cls))) return yes();
  if (data->registry != nullptr) {
    Ref<> registered = list_from_iterable(ts, data->registry);
    if (!registered) return {};
    for (Py_ssize_t i = 0; i < list_size(registered.get()); ++i) {
      PyObject* r = PyWeakref_GetObject(list_items(registered.get())[i]);
      if (r == nullptr) return {};
      if (r == Py_None) continue;
      Ref<> keep = dup(r);
      t = object_issubclass(ts, subclass, r);
      if (failed(t)) return {};
      if (t == Tri::kTrue) return yes();
    }
  }
  Ref<> subclasses = call_method(ts, cls, ID(__subclasses__));
  if (!subclasses) return {};
  if (!is_list(subclasses.get())) return raise(ts, PyExc_TypeError, "__subclasses__() must return a list");
  for (Py_ssize_t i = 0; i < list_size(subclasses.get()); ++i) {
    t = object_issubclass(ts, subclass, list_items(subclasses.get())[i]);
    if (failed(t)) return {};
    if (t == Tri::kTrue) return yes();
  }
  return no();
}

Ref<> m_get_cache_token(ThreadState& ts, PyObject* m) { return int_from_u64(ts, state_of(m)->invalidation_counter); }
Ref<> m_reset_registry(ThreadState& ts, PyObject* m, PyObject* cls) {
  Ref<> hold;
  AbcData* data = get_data(ts, m, cls, &hold);
  if (data == nullptr) return {};
  clear_field(data->registry);
  return new_none();
}
Ref<> m_reset_caches(ThreadState& ts, PyObject* m, PyObject* cls) {
  Ref<> hold;
  AbcData* data = get_data(ts, m, cls, &hold);
  if (data == nullptr) return {};
  clear_field(data->cache);
  clear_field(data->negative_cache);
  return new_none();
}
Ref<> m_get_dump(ThreadState& ts, PyObject* m, PyObject* cls) {
  Ref<> hold;
  AbcData* data = get_data(ts, m, cls, &hold);
  if (data == nullptr) return {};
  Ref<> sets[3] = {set_new(ts, data->registry), set_new(ts, data->cache), set_new(ts, data->negative_cache)};
  Ref<> version = int_from_u64(ts, data->negative_version);
  if (!sets[0] || !sets[1] || !sets[2] || !version) return {};
  return tuple_of(ts, sets[0].get(), sets[1].get(), sets[2].get(), version.get());
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_get_cache_token, "get_cache_token", "($module, /)", "A number that changes with every registration."),
    ATOLL_METHOD(m_abc_init, "_abc_init", "($module, self, /)", "Make a class abstract."),
    ATOLL_METHOD(m_reset_registry, "_reset_registry", "($module, self, /)", "For tests."),
    ATOLL_METHOD(m_reset_caches, "_reset_caches", "($module, self, /)", "For tests."),
    ATOLL_METHOD(m_get_dump, "_get_dump", "($module, self, /)", "Registry, cache, negative cache and its version."),
    ATOLL_METHOD(m_abc_register, "_abc_register", "($module, self, subclass, /)", "Register a virtual subclass."),
    ATOLL_METHOD(m_abc_instancecheck, "_abc_instancecheck", "($module, self, instance, /)", "isinstance for abstract classes."),
    ATOLL_METHOD(m_abc_subclasscheck, "_abc_subclasscheck", "($module, self, subclass, /)", "issubclass for abstract classes."),
    ATOLL_METHOD_END};

int exec_abc(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(data_dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(data_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(data_clear)},
                         {0, nullptr}};
  PyType_Spec spec{"_abc._abc_data", sizeof(AbcData), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  state_of(m)->data_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, &spec, nullptr));
  return state_of(m)->data_type != nullptr ? 0 : -1;
}
int abc_traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(state_of(m)->data_type);
  return 0;
}
int abc_clear(PyObject* m) {
  clear_field(state_of(m)->data_type);
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit__abc, "_abc", "The core of the abc module.", sizeof(atl::State), atl::kMethods, atl::exec_abc,
                        atl::abc_traverse, atl::abc_clear, nullptr)
