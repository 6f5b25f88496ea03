// Modules: their attributes, their making in one phase or several, the table of modules per definition.
#include "Objects/module.h"

#include <atomic>
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Objects/weakref.h"
#include "Python/runtime/runtime.h"
#include "structmember.h"

namespace atl {

namespace {

PyModuleObject* as_module(PyObject* o) { return reinterpret_cast<PyModuleObject*>(o); }

// Slots of later versions that only say what a module can bear.
constexpr int kSlotMultipleInterpreters = 3;
constexpr int kSlotGil = 4;

Status init_dict(ThreadState& ts, PyModuleObject* m, PyObject* name, PyObject* doc) {
  PyObject* d = m->md_dict;
  if (doc == nullptr) doc = Py_None;
  if (failed(dict_set(ts, d, ID(__name__), name)) || failed(dict_set(ts, d, ID(__doc__), doc)) ||
      failed(dict_set(ts, d, ID(__package__), Py_None)) || failed(dict_set(ts, d, ID(__loader__), Py_None)) ||
      failed(dict_set(ts, d, ID(__spec__), Py_None))) {
    return Status::kError;
  }
  if (is_exact_str(name)) set_field(m->md_name, dup(name));
  return Status::kOk;
}

Ref<> alloc_module(ThreadState& ts, PyTypeObject* type) {
  Ref<> m = Ref<>::steal(type->tp_alloc(type, 0));
  if (!m) return {};
  as_module(m.get())->md_dict = dict_new(ts).release();
  return as_module(m.get())->md_dict != nullptr ? std::move(m) : Ref<>();
}

Ref<> module_tp_new(ThreadState& ts, PyTypeObject* type, PyObject*, PyObject*) { return alloc_module(ts, type); }
PyObject* module_new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return module_tp_new(current_thread(), type, args, kwargs).release();
}

Status module_init(ThreadState& ts, PyModuleObject* m, PyUnicodeObject* name, PyObject* doc) {
  if (m->md_dict == nullptr) {
    m->md_dict = dict_new(ts).release();
    if (m->md_dict == nullptr) return Status::kError;
  }
  return init_dict(ts, m, obj(name), doc);
}

Ref<> module_repr(ThreadState& ts, PyModuleObject* m) {
  PyObject* importlib = ts.interpreter().importlib;
  if (importlib == nullptr && ts.interpreter().modules != nullptr) {
    // Asking for it brings the import system up.
    Ref<> name = str_interned(ts, "_frozen_importlib");
    Ref<> module;
    if (!name || failed(dict_lookup(ts, ts.interpreter().modules, name.get(), &module))) return {};
    importlib = ts.interpreter().importlib;
  }
  if (importlib == nullptr) return str_format(ts, "<module %R>", m->md_name != nullptr ? m->md_name : Py_None);
  Ref<> f = object_getattr(ts, importlib, "_module_repr");
  return f ? call(ts, f.get(), m) : Ref<>();
}

// Is the module's __spec__ still being filled?
Tri is_initializing(ThreadState& ts, PyObject* spec) {
  if (spec == nullptr || spec == Py_None) return Tri::kFalse;
  Ref<> flag;
  Ref<> name = str_interned(ts, "_initializing");
  if (!name || failed(object_lookup_attr(ts, spec, name.get(), &flag))) return Tri::kError;
  return flag ? object_is_true(ts, flag.get()) : Tri::kFalse;
}

// importlib keeps the names of submodules that have begun to load in the package's __spec__.
Tri is_submodule_being_loaded(ThreadState& ts, PyObject* spec, PyObject* name) {
  if (spec == nullptr || spec == Py_None) return Tri::kFalse;
  Ref<> names;
  Ref<> key = str_interned(ts, "_uninitialized_submodules");
  if (!key || failed(object_lookup_attr(ts, spec, key.get(), &names))) return Tri::kError;
  return names ? object_contains(ts, names.get(), name) : Tri::kFalse;
}

Ref<> raise_no_attribute(ThreadState& ts, PyModuleObject* m, PyObject* name) {
  Ref<> module_name;
  if (m->md_dict != nullptr && failed(dict_lookup(ts, m->md_dict, ID(__name__), &module_name))) return {};
  if (module_name && is_str(module_name.get())) {
    Ref<> spec;
    if (failed(dict_lookup(ts, m->md_dict, ID(__spec__), &spec))) return {};
    Tri initializing = is_initializing(ts, spec.get());
    if (failed(initializing)) error_clear(ts);
    if (initializing == Tri::kTrue) {
      return raise(ts, PyExc_AttributeError,
                   "partially initialized module '%U' has no attribute '%U' (most likely due to a circular import)",
                   module_name.get(), name);
    }
    Tri being_loaded = is_submodule_being_loaded(ts, spec.get(), name);
    if (failed(being_loaded)) error_clear(ts);
    if (being_loaded == Tri::kTrue) {
      return raise(ts, PyExc_AttributeError, "cannot access submodule '%U' of module '%U' (most likely due to a circular import)",
                   name, module_name.get());
    }
    return raise(ts, PyExc_AttributeError, "module '%U' has no attribute '%U'", module_name.get(), name);
  }
  return raise(ts, PyExc_AttributeError, "module has no attribute '%U'", name);
}

// PEP 562: __getattr__ in the module's namespace. kOk with *out empty when there is none.
Status module_getattr_function(ThreadState& ts, PyModuleObject* m, PyObject* name, Ref<>* out) {
  if (m->md_dict == nullptr) return Status::kOk;
  Ref<> f;
  if (failed(dict_lookup(ts, m->md_dict, ID(__getattr__), &f))) return Status::kError;
  if (!f) return Status::kOk;
  *out = call(ts, f.get(), name);
  return *out ? Status::kOk : Status::kError;
}

Ref<> module_getattro(ThreadState& ts, PyModuleObject* m, PyObject* name) {
  Ref<> value;
  if (failed(module_lookup_attr(ts, obj(m), name, &value))) return {};
  if (value) return value;
  return raise_no_attribute(ts, m, name);
}

Ref<> module_dir(ThreadState& ts, PyModuleObject* m) {
  Ref<> d;
  if (failed(object_lookup_attr(ts, obj(m), ID(__dict__), &d))) return {};
  if (!d || !is_dict(d.get())) return raise(ts, PyExc_TypeError, "<module>.__dict__ is not a dictionary");
  Ref<> f;
  if (failed(dict_lookup(ts, d.get(), ID(__dir__), &f))) return {};
  if (f) return call(ts, f.get());
  return dict_keys_list(ts, d.get());
}

Ref<> dict_for_annotations(ThreadState& ts, PyModuleObject* m) {
  Ref<> d;
  if (failed(object_lookup_attr(ts, obj(m), ID(__dict__), &d))) return {};
  if (!d || !is_dict(d.get())) return raise(ts, PyExc_TypeError, "<module>.__dict__ is not a dictionary");
  return d;
}
Ref<> get_annotations(ThreadState& ts, PyModuleObject* m) {
  Ref<> d = dict_for_annotations(ts, m);
  if (!d) return {};
  Ref<> value;
  if (failed(dict_lookup(ts, d.get(), ID(__annotations__), &value))) return {};
  if (!value) {
    value = dict_new(ts);
    if (!value || failed(dict_set(ts, d.get(), ID(__annotations__), value.get()))) return {};
  }
  return value;
}
Status set_annotations(ThreadState& ts, PyModuleObject* m, PyObject* value) {
  Ref<> d = dict_for_annotations(ts, m);
  if (!d) return Status::kError;
  if (value != nullptr) return dict_set(ts, d.get(), ID(__annotations__), value);
  Ref<> old;
  if (failed(dict_pop(ts, d.get(), ID(__annotations__), &old))) return Status::kError;
  if (!old) return raise(ts, PyExc_AttributeError, "__annotations__");
  return Status::kOk;
}

// Definitions whose state was never made are not asked.
bool has_state(PyModuleObject* m) { return m->md_def != nullptr && (m->md_def->m_size <= 0 || m->md_state != nullptr); }

int module_traverse(PyObject* self, visitproc visit, void* arg) {
  PyModuleObject* m = as_module(self);
  if (has_state(m) && m->md_def->m_traverse != nullptr) {
    if (int stop = m->md_def->m_traverse(self, visit, arg)) return stop;
  }
  Py_VISIT(m->md_dict);
  return 0;
}
void on_demand_remove(ThreadState& ts, PyObject* module);

int module_clear(PyObject* self) {
  PyModuleObject* m = as_module(self);
  on_demand_remove(current_thread(), self);
  if (has_state(m) && m->md_def->m_clear != nullptr) {
    int r = m->md_def->m_clear(self);
    if (r != 0) write_unraisable(current_thread(), nullptr);
  }
  clear_field(m->md_dict);
  return 0;
}
void on_demand_remove(ThreadState& ts, PyObject* module) {
  for (OnDemandModule** at = &ts.interpreter().on_demand.modules; *at != nullptr; at = &(*at)->next) {
    if ((*at)->module != module) continue;
    OnDemandModule* gone = *at;
    *at = gone->next;
    PyMem_Free(gone);
    return;
  }
}

void module_dealloc(ThreadState& ts, PyModuleObject* m) {
  if (m->md_dict != nullptr && dict_has_unmade(m->md_dict)) {
    // What is still to be made may need the module: where the namespace lives on it is made now, and holds the module.
    if (m->md_dict->ob_refcnt > 1 && !ts.interpreter().finalizing) {
      m->ob_base.ob_refcnt = 1;
      if (failed(dict_make_all(ts, m->md_dict))) write_unraisable(ts, nullptr);
      if (--m->ob_base.ob_refcnt != 0) return;
    }
  }
  on_demand_remove(ts, obj(m));
  untrack(m);
  weakrefs_clear(ts, obj(m));
  if (has_state(m) && m->md_def->m_free != nullptr) m->md_def->m_free(m);
  {
    Ref<> d = Ref<>::steal(std::exchange(m->md_dict, nullptr));
    Ref<> name = Ref<>::steal(std::exchange(m->md_name, nullptr));
  }
  PyMem_Free(m->md_state);
  free_object_and_type(ts, obj(m));
}

constexpr PyMemberDef kMembers[] = {{"__dict__", T_OBJECT, offsetof(PyModuleObject, md_dict), READONLY, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kMethods[] = {
    MethodSpec{"__dir__", ATOLL_METHOD(module_dir, "__dir__", "($self, /)", "").entry, METH_NOARGS,
               "__dir__() -> list\nspecialized dir() implementation"},
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetset[] = {{"__annotations__", ATOLL_GETTER(get_annotations), ATOLL_SETTER(set_annotations), nullptr, nullptr},
                                   ATOLL_GETSET_END};

void def_dealloc(PyObject*) {}

}  // namespace

Ref<> module_new(ThreadState& ts, PyObject* name) {
  Ref<> m = alloc_module(ts, &PyModule_Type);
  if (!m || failed(init_dict(ts, as_module(m.get()), name, nullptr))) return {};
  return m;
}

Status on_demand_add(ThreadState& ts, PyObject* module) {
  auto* record = static_cast<OnDemandModule*>(PyMem_Malloc(sizeof(OnDemandModule)));
  if (record == nullptr) return raise_memory(ts);
  OnDemandState& s = ts.interpreter().on_demand;
  *record = {s.modules, module_dict(module), module};
  s.modules = record;
  return Status::kOk;
}

PyObject* on_demand_peek_module(ThreadState& ts, const PyObject* dict) {
  for (const OnDemandModule* r = ts.interpreter().on_demand.modules; r != nullptr; r = r->next) {
    if (r->dict == dict) return r->module;
  }
  return nullptr;
}

Ref<> module_from_template(ThreadState& ts, PyObject* name, const DictKeys* keys) {
  Ref<> m = Ref<>::steal(PyModule_Type.tp_alloc(&PyModule_Type, 0));
  if (!m) return {};
  as_module(m.get())->md_dict = dict_from_template(ts, keys).release();
  if (as_module(m.get())->md_dict == nullptr || failed(on_demand_add(ts, m.get()))) return {};
  as_module(m.get())->md_name = new_ref(name);
  return m;
}

Status module_lookup_attr(ThreadState& ts, PyObject* module, PyObject* name, Ref<>* out) {
  // The namespace first where the type has nothing of that name: most names of a module are its own.
  Ref<> value = Ref<>::steal(_PyObject_GenericGetAttrWithDict(module, name, nullptr, 1));
  if (value) {
    *out = std::move(value);
    return Status::kOk;
  }
  if (error_set(ts)) return Status::kError;
  return module_getattr_function(ts, as_module(module), name, out);
}

Status module_add_functions(ThreadState& ts, PyObject* module, const PyMethodDef* methods) {
  Ref<> name;
  if (failed(dict_lookup(ts, module_dict(module), ID(__name__), &name))) return Status::kError;
  for (const PyMethodDef* m = methods; m->ml_name != nullptr; ++m) {
    if (m->ml_flags & (METH_CLASS | METH_STATIC)) {
      return raise(ts, PyExc_ValueError, "module functions cannot set METH_CLASS or METH_STATIC");
    }
    Ref<> f = builtin_function_new(ts, const_cast<PyMethodDef*>(m), module, name.get());
    if (!f) return Status::kError;
    // Names of the first interpreter's core modules are everybody's.
    if (!runtime().initialized.load(std::memory_order_relaxed)) (void)str_immortal(m->ml_name);
    Ref<> key = str_interned(ts, m->ml_name);
    if (!key || failed(dict_set(ts, module_dict(module), key.get(), f.get()))) return Status::kError;
  }
  return Status::kOk;
}

Status module_add(ThreadState& ts, PyObject* module, const char* name, Ref<> value) {
  if (!value) return Status::kError;
  Ref<> key = str_interned(ts, name);
  return key ? dict_set(ts, module_dict(module), key.get(), value.get()) : Status::kError;
}

constinit const TypeSpec module_spec{
    .name = "module",
    .doc = "module(name, doc=None)\n--\n\n"
           "Create a module object.\n\n"
           "The name must be a string; the optional docstring can have any type.",
    .basicsize = sizeof(PyModuleObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = ATOLL_SLOT(module_dealloc),
    .traverse = module_traverse,
    .clear = module_clear,
    .repr = ATOLL_SLOT(module_repr),
    .getattro = ATOLL_SLOT(module_getattro),
    .setattro = PyObject_GenericSetAttr,
    .init = ATOLL_INIT(module_init, "module", "($self, name, doc=None)"),
    .new_ = module_new_slot,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_GC_Del,
    .weaklist_offset = offsetof(PyModuleObject, md_weaklist),
    .dict_offset = offsetof(PyModuleObject, md_dict),
    .methods = kMethods,
    .members = kMembers,
    .getset = kGetset,
};

constinit const TypeSpec moduledef_spec{
    .name = "moduledef",
    .basicsize = sizeof(PyModuleDef),
    .dealloc = def_dealloc,
};

namespace {

// ---- making modules from definitions -----------------------------------------------------------------------------

bool check_api_version(ThreadState& ts, const char* name, int version) {
  if (version == PYTHON_API_VERSION || version == PYTHON_ABI_VERSION) return true;
  return !failed(warn(ts, PyExc_RuntimeWarning, 1,
                      "Python C API version mismatch for module %.100s: This Python has API version %d, module %.100s has version %d.",
                      name, PYTHON_API_VERSION, name, version));
}

bool alloc_state(ThreadState& ts, PyModuleObject* m, Py_ssize_t size) {
  m->md_state = PyMem_Malloc(size > 0 ? static_cast<size_t>(size) : 1);
  if (m->md_state == nullptr) {
    (void)raise_memory(ts);
    return false;
  }
  std::memset(m->md_state, 0, size > 0 ? static_cast<size_t>(size) : 1);
  return true;
}

Status set_doc(ThreadState& ts, PyObject* module, const char* doc) {
  Ref<> text = str_from_utf8(ts, std::string_view(doc));
  if (!text) return Status::kError;
  return object_setattr(ts, module, ID(__doc__), text.get());
}

Ref<> create_single_phase(ThreadState& ts, PyModuleDef* def) {
  if (PyModuleDef_Init(def) == nullptr) return {};
  if (def->m_slots != nullptr) {
    return raise(ts, PyExc_SystemError, "module %s: PyModule_Create is incompatible with m_slots", def->m_name);
  }
  // A submodule of a package is created under its last name only; the importer knows the full one.
  const char* name = def->m_name;
  if (const char* full = ts.package_context) {
    const char* dot = std::strrchr(full, '.');
    if (dot != nullptr && std::strcmp(name, dot + 1) == 0) {
      name = full;
      ts.package_context = nullptr;
    }
  }
  Ref<> text = str_from_utf8(ts, std::string_view(name));
  Ref<> m = text ? module_new(ts, text.get()) : Ref<>();
  if (!m) return {};
  if (def->m_size > 0 && !alloc_state(ts, as_module(m.get()), def->m_size)) return {};
  if (def->m_methods != nullptr && failed(module_add_functions(ts, m.get(), def->m_methods))) return {};
  if (def->m_doc != nullptr && failed(set_doc(ts, m.get(), def->m_doc))) return {};
  as_module(m.get())->md_def = def;
  return m;
}

Ref<> create_from_spec(ThreadState& ts, PyModuleDef* def, PyObject* spec, int version) {
  if (PyModuleDef_Init(def) == nullptr) return {};
  Ref<> name = object_getattr(ts, spec, ID(name));
  if (!name) return {};
  const char* text = str_utf8(ts, name.get());
  if (text == nullptr || !check_api_version(ts, text, version)) return {};
  if (def->m_size < 0) {
    return raise(ts, PyExc_SystemError, "module %s: m_size may not be negative for multi-phase initialization", text);
  }
  PyObject* (*create)(PyObject*, PyModuleDef*) = nullptr;
  bool executes = false;
  for (PyModuleDef_Slot* s = def->m_slots; s != nullptr && s->slot != 0; ++s) {
    if (s->slot == Py_mod_create) {
      if (create != nullptr) return raise(ts, PyExc_SystemError, "module %s has multiple create slots", text);
      create = reinterpret_cast<PyObject* (*)(PyObject*, PyModuleDef*)>(s->value);
    } else if (s->slot == Py_mod_exec) {
      executes = true;
    } else if (s->slot != kSlotMultipleInterpreters && s->slot != kSlotGil) {
      return raise(ts, PyExc_SystemError, "module %s uses unknown slot ID %i", text, s->slot);
    }
  }
  Ref<> m;
  if (create != nullptr) {
    m = Ref<>::steal(create(spec, def));
    if (!m) {
      if (!error_set(ts)) {
        return raise(ts, PyExc_SystemError, "creation of module %s failed without setting an exception", text);
      }
      return {};
    }
    if (error_set(ts)) {
      return raise_from_current(ts, PyExc_SystemError, "creation of module %s raised unreported exception", text);
    }
  } else {
    m = module_new(ts, name.get());
    if (!m) return {};
  }
  if (is_module(m.get())) {
    as_module(m.get())->md_state = nullptr;
    as_module(m.get())->md_def = def;
  } else {
    if (def->m_size > 0 || def->m_traverse != nullptr || def->m_clear != nullptr || def->m_free != nullptr) {
      return raise(ts, PyExc_SystemError, "module %s is not a module object, but requests module state", text);
    }
    if (executes) {
      return raise(ts, PyExc_SystemError, "module %s specifies execution slots, but did not create a ModuleType instance", text);
    }
  }
  if (def->m_methods != nullptr) {
    if (is_module(m.get())) {
      if (failed(module_add_functions(ts, m.get(), def->m_methods))) return {};
    } else {
      for (PyMethodDef* d = def->m_methods; d->ml_name != nullptr; ++d) {
        Ref<> f = builtin_function_new(ts, d, m.get(), name.get());
        Ref<> key = f ? str_interned(ts, d->ml_name) : Ref<>();
        if (!key || failed(object_setattr(ts, m.get(), key.get(), f.get()))) return {};
      }
    }
  }
  if (def->m_doc != nullptr && failed(set_doc(ts, m.get(), def->m_doc))) return {};
  return m;
}

Status execute(ThreadState& ts, PyObject* module, PyModuleDef* def) {
  const char* name = PyModule_GetName(module);
  if (name == nullptr) return Status::kError;
  PyModuleObject* m = as_module(module);
  if (def->m_size >= 0 && m->md_state == nullptr && !alloc_state(ts, m, def->m_size)) return Status::kError;
  for (PyModuleDef_Slot* s = def->m_slots; s != nullptr && s->slot != 0; ++s) {
    if (s->slot != Py_mod_exec) {
      if (s->slot == Py_mod_create || s->slot == kSlotMultipleInterpreters || s->slot == kSlotGil) continue;
      return raise(ts, PyExc_SystemError, "module %s initialized with unknown slot %i", name, s->slot);
    }
    int r = reinterpret_cast<int (*)(PyObject*)>(s->value)(module);
    if (r != 0) {
      if (!error_set(ts)) {
        return raise(ts, PyExc_SystemError, "execution of module %s failed without setting an exception", name);
      }
      return Status::kError;
    }
    if (error_set(ts)) {
      return raise_from_current(ts, PyExc_SystemError, "execution of module %s raised unreported exception", name);
    }
  }
  return Status::kOk;
}

bool check_module(ThreadState& ts, PyObject* m) {
  if (is_module(m)) return true;
  (void)raise(ts, PyExc_TypeError, "bad argument type for built-in operation");
  return false;
}

// Values become None: destructors that look at the module's globals find something. Names with one underscore first.
void clear_names(ThreadState& ts, PyObject* d, bool private_ones) {
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(d, &pos, &key, &value)) {
    if (value == Py_None || !is_str(key) || str_length(key) == 0) continue;
    bool is_private = str_at(key, 0) == '_' && (str_length(key) < 2 || str_at(key, 1) != '_');
    if (is_private != private_ones) continue;
    if (!private_ones && str_equals_ascii(key, "__builtins__")) continue;
    if (failed(dict_set(ts, d, key, Py_None))) write_unraisable(ts, nullptr);
  }
}

}  // namespace
}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PyModule_Type = {};
ATOLL_SEALED PyTypeObject PyModuleDef_Type = {};
// Part of the interface; the core uses the thread state's field.
ATOLL_SEALED const char* _Py_PackageContext = nullptr;
}

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;
using ModuleObject = atl::PyModuleObject;

// A definition is shared by all interpreters that load the module; the first one writes it.
PyObject* PyModuleDef_Init(PyModuleDef* def) {
  std::atomic_ref<Py_ssize_t> index(def->m_base.m_index);
  if (index.load(std::memory_order_acquire) == 0) {
    Runtime& rt = runtime();
    std::lock_guard hold(rt.sealed.lock);
    if (index.load(std::memory_order_relaxed) == 0) {
      PyObject* o = obj(&def->m_base.ob_base);
      o->ob_refcnt = kImmortalRefcnt;
      o->ob_type = &PyModuleDef_Type;
      index.store(rt.next_module_index.fetch_add(1) + 1, std::memory_order_release);
    }
  }
  return &def->m_base.ob_base;
}

PyObject* PyModule_NewObject(PyObject* name) { return module_new(current_thread(), name).release(); }
PyObject* PyModule_New(const char* name) {
  ThreadState& ts = current_thread();
  Ref<> text = str_from_utf8(ts, std::string_view(name));
  return text ? module_new(ts, text.get()).release() : nullptr;
}
PyObject* PyModule_Create2(PyModuleDef* def, int version) {
  ThreadState& ts = current_thread();
  if (ts.interpreter().modules == nullptr) {
    return raise(ts, PyExc_SystemError, "Python import machinery not initialized");
  }
  if (!check_api_version(ts, def->m_name, version)) return nullptr;
  return create_single_phase(ts, def).release();
}
PyObject* _PyModule_CreateInitialized(PyModuleDef* def, int version) {
  ThreadState& ts = current_thread();
  if (!check_api_version(ts, def->m_name, version)) return nullptr;
  return create_single_phase(ts, def).release();
}
PyObject* PyModule_FromDefAndSpec2(PyModuleDef* def, PyObject* spec, int version) {
  return create_from_spec(current_thread(), def, spec, version).release();
}
int PyModule_ExecDef(PyObject* module, PyModuleDef* def) { return static_cast<int>(execute(current_thread(), module, def)); }

int PyModule_AddFunctions(PyObject* module, PyMethodDef* functions) {
  ThreadState& ts = current_thread();
  return check_module(ts, module) ? static_cast<int>(module_add_functions(ts, module, functions)) : -1;
}
int PyModule_SetDocString(PyObject* module, const char* doc) { return static_cast<int>(set_doc(current_thread(), module, doc)); }

int PyModule_AddObjectRef(PyObject* module, const char* name, PyObject* value) {
  ThreadState& ts = current_thread();
  if (!is_module(module)) return raise(ts, PyExc_TypeError, "PyModule_AddObjectRef() first argument must be a module");
  if (value == nullptr) {
    if (!error_set(ts)) {
      return raise(ts, PyExc_SystemError, "PyModule_AddObjectRef() must be called with an exception raised if value is NULL");
    }
    return -1;
  }
  if (module_dict(module) == nullptr) return raise(ts, PyExc_SystemError, "module '%s' has no __dict__", PyModule_GetName(module));
  return static_cast<int>(module_add(ts, module, name, dup(value)));
}
int PyModule_AddObject(PyObject* module, const char* name, PyObject* value) {
  int r = PyModule_AddObjectRef(module, name, value);
  if (r == 0) decref(value);
  return r;
}
int PyModule_AddIntConstant(PyObject* module, const char* name, long value) {
  ThreadState& ts = current_thread();
  Ref<> v = int_from_i64(ts, value);
  return v ? PyModule_AddObjectRef(module, name, v.get()) : -1;
}
int PyModule_AddStringConstant(PyObject* module, const char* name, const char* value) {
  ThreadState& ts = current_thread();
  Ref<> v = str_from_utf8(ts, std::string_view(value));
  return v ? PyModule_AddObjectRef(module, name, v.get()) : -1;
}
int PyModule_AddType(PyObject* module, PyTypeObject* type) {
  ThreadState& ts = current_thread();
  if (failed(type_ready(ts, type))) return -1;
  return PyModule_AddObjectRef(module, type_short_name(type), obj(type));
}

PyObject* PyModule_GetDict(PyObject* m) {
  ThreadState& ts = current_thread();
  if (!is_module(m)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return module_dict(m);
}
PyObject* PyModule_GetNameObject(PyObject* m) {
  ThreadState& ts = current_thread();
  if (!check_module(ts, m)) return nullptr;
  PyObject* d = module_dict(m);
  PyObject* name = d != nullptr && is_dict(d) ? dict_peek(ts, d, ID(__name__)) : nullptr;
  if (name == nullptr || !is_str(name)) {
    if (!error_set(ts)) return raise(ts, PyExc_SystemError, "nameless module");
    return nullptr;
  }
  return new_ref(name);
}
const char* PyModule_GetName(PyObject* m) {
  Ref<> name = Ref<>::steal(PyModule_GetNameObject(m));
  return name ? str_utf8(current_thread(), name.get()) : nullptr;
}
PyObject* PyModule_GetFilenameObject(PyObject* m) {
  ThreadState& ts = current_thread();
  if (!check_module(ts, m)) return nullptr;
  PyObject* d = module_dict(m);
  PyObject* file = d != nullptr ? dict_peek(ts, d, ID(__file__)) : nullptr;
  if (file == nullptr || !is_str(file)) {
    if (!error_set(ts)) return raise(ts, PyExc_SystemError, "module filename missing");
    return nullptr;
  }
  return new_ref(file);
}
const char* PyModule_GetFilename(PyObject* m) {
  Ref<> file = Ref<>::steal(PyModule_GetFilenameObject(m));
  return file ? str_utf8(current_thread(), file.get()) : nullptr;
}
PyModuleDef* PyModule_GetDef(PyObject* m) {
  if (!check_module(current_thread(), m)) return nullptr;
  return reinterpret_cast<ModuleObject*>(m)->md_def;
}
void* PyModule_GetState(PyObject* m) {
  if (!check_module(current_thread(), m)) return nullptr;
  return reinterpret_cast<ModuleObject*>(m)->md_state;
}

void _PyModule_ClearDict(PyObject* d) {
  ThreadState& ts = current_thread();
  clear_names(ts, d, true);
  clear_names(ts, d, false);
}
void _PyModule_Clear(PyObject* m) {
  PyObject* d = module_dict(m);
  if (d != nullptr) _PyModule_ClearDict(d);
}
int _PyModuleSpec_IsInitializing(PyObject* spec) {
  ThreadState& ts = current_thread();
  Tri t = is_initializing(ts, spec);
  if (failed(t)) error_clear(ts);
  return t == Tri::kTrue;
}

// ---- modules by definition ---------------------------------------------------------------------------------------

PyObject* PyState_FindModule(PyModuleDef* def) {
  ThreadState& ts = current_thread();
  Py_ssize_t i = def->m_base.m_index;
  PyObject* list = ts.interpreter().modules_by_index;
  if (def->m_slots != nullptr || i == 0 || list == nullptr || i >= list_size(list)) return nullptr;
  PyObject* m = list_items(list)[i];
  return m == Py_None ? nullptr : m;
}

int PyState_AddModule(PyObject* module, PyModuleDef* def) {
  ThreadState& ts = current_thread();
  if (def == nullptr) Py_FatalError("PyState_AddModule: module definition is NULL");
  if (def->m_slots != nullptr) {
    return raise(ts, PyExc_SystemError, "PyState_AddModule called on module with slots");
  }
  if (PyModuleDef_Init(def) == nullptr) return -1;
  Interpreter& interp = ts.interpreter();
  Py_ssize_t i = def->m_base.m_index;
  if (interp.modules_by_index == nullptr) {
    interp.modules_by_index = list_new(ts, 0).release();
    if (interp.modules_by_index == nullptr) return -1;
  }
  PyObject* list = interp.modules_by_index;
  if (i < list_size(list) && list_items(list)[i] == module) Py_FatalError("PyState_AddModule: module already added");
  while (list_size(list) <= i) {
    if (failed(list_append(ts, list, new_none()))) return -1;
  }
  set_field(list_items(list)[i], dup(module));
  return 0;
}

int PyState_RemoveModule(PyModuleDef* def) {
  ThreadState& ts = current_thread();
  if (def->m_slots != nullptr) {
    return raise(ts, PyExc_SystemError, "PyState_RemoveModule called on module with slots");
  }
  Py_ssize_t i = def->m_base.m_index;
  if (i == 0) Py_FatalError("PyState_RemoveModule: Module index invalid.");
  PyObject* list = ts.interpreter().modules_by_index;
  if (list == nullptr) Py_FatalError("PyState_RemoveModule: Interpreters module-list not accessible.");
  if (i >= list_size(list)) Py_FatalError("PyState_RemoveModule: Module index out of bounds.");
  set_field(list_items(list)[i], new_none());
  return 0;
}
