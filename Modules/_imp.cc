// _imp: what importlib asks of the core: built-in modules, "frozen" ones, extension modules, the import lock.
#include <dlfcn.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "Modules/config.h"
#include "Modules/module_def.h"
#include "Modules/sys.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/namespace.h"
#include "Objects/str/hash.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/bind.h"
#include "Python/import/frozen.h"
#include "Python/import/import.h"
#include "Python/import/upcalls.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/frame.h"
#include "atoll_config.h"

namespace atl {

Status audit_import(ThreadState& ts, PyObject* name) {
  if (ts.interpreter().audit_hooks == nullptr) return Status::kOk;
  auto item = [&](const char* key) { return PyDict_GetItemString(ts.interpreter().sysdict, key); };
  auto or_none = [](PyObject* o) { return o != nullptr ? o : Py_None; };
  Ref<> args = tuple_of(ts, name, Py_None, or_none(item("path")), or_none(item("meta_path")), or_none(item("path_hooks")));
  return args ? audit(ts, "import", args.get()) : Status::kError;
}

namespace {

const BuiltinModule* find_builtin(ThreadState& ts, PyObject* name) {
  const char* utf8 = is_str(name) ? str_utf8(ts, name) : nullptr;
  if (utf8 == nullptr) {
    error_clear(ts);
    return nullptr;
  }
  for (const BuiltinModule* m = builtin_modules(); m->name != nullptr; ++m) {
    if (std::strcmp(m->name, utf8) == 0) return m;
  }
  return nullptr;
}

bool is_core_module(PyObject* name) { return str_equals_ascii(name, "sys") || str_equals_ascii(name, "builtins"); }

// A module from what an init function gave: a definition for multi-phase initialisation, or a finished module.
Ref<> module_from_init(ThreadState& ts, PyObject* result, PyObject* spec, const char* name) {
  if (result == nullptr) {
    if (!error_set(ts)) (void)raise(ts, PyExc_SystemError, "initialization of %s failed without raising an exception", name);
    return {};
  }
  if (error_set(ts)) {
    // The object may be anything: it is left alone.
    return raise_from_current(ts, PyExc_SystemError, "initialization of %s raised unreported exception", name);
  }
  if (result->ob_type == nullptr) return raise(ts, PyExc_SystemError, "init function of %s returned uninitialized object", name);
  if (result->ob_type == &PyModuleDef_Type) {
    return Ref<>::steal(PyModule_FromDefAndSpec(reinterpret_cast<PyModuleDef*>(result), spec));
  }
  Ref<> module = Ref<>::steal(result);
  if (!is_module(module.get()) || PyModule_GetDef(module.get()) == nullptr) {
    if (error_set(ts)) error_clear(ts);
    return raise(ts, PyExc_SystemError, "initialization of %s did not return an extension module", name);
  }
  return module;
}

Ref<> spec_of_name(ThreadState& ts, PyObject* name) {
  Ref<> d = dict_new(ts);
  if (!d || failed(dict_set(ts, d.get(), ID(name), name))) return {};
  return Ref<>::steal(_PyNamespace_New(d.get()));
}

}  // namespace

Ref<> import_builtin_by_name(ThreadState& ts, PyObject* name, PyObject* spec) {
  const BuiltinModule* m = find_builtin(ts, name);
  if (m == nullptr) return raise(ts, PyExc_ImportError, "no built-in module named %R", name);
  Ref<> own_spec = spec != nullptr ? dup(spec) : spec_of_name(ts, name);
  if (!own_spec) return {};
  Ref<> module = module_from_init(ts, m->init(), own_spec.get(), m->name);
  if (!module) return {};
  if (spec == nullptr && is_module(module.get()) && PyModule_GetDef(module.get()) != nullptr &&
      PyModule_ExecDef(module.get(), PyModule_GetDef(module.get())) < 0) {
    return {};
  }
  return module;
}

namespace {

Ref<> m_extension_suffixes(ThreadState& ts, PyObject*) {
  Ref<> l = list_new(ts, 0);
  for (const char* suffix : {".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so"}) {
    Ref<> s = str_from_ascii(ts, suffix);
    if (!l || !s || failed(list_append(ts, l.get(), std::move(s)))) return {};
  }
  return l;
}

Ref<> m_is_builtin(ThreadState& ts, PyObject*, PyObject* name) {
  if (!is_str(name)) return raise(ts, PyExc_TypeError, "is_builtin() argument must be str, not %T", name);
  if (is_core_module(name)) return int_from_i64(ts, -1);
  return int_from_i64(ts, find_builtin(ts, name) != nullptr ? 1 : 0);
}

Ref<> m_create_builtin(ThreadState& ts, PyObject*, PyObject* spec) {
  Ref<> name = object_getattr(ts, spec, ID(name));
  if (!name) return {};
  Ref<> there;
  if (failed(dict_lookup(ts, ts.interpreter().modules, name.get(), &there))) return {};
  if (there && is_core_module(name.get())) return there;
  if (find_builtin(ts, name.get()) == nullptr) return new_none();
  return import_builtin_by_name(ts, name.get(), spec);
}

Ref<> exec_module(ThreadState& ts, PyObject* module) {
  if (is_module(module)) {
    PyModuleDef* def = PyModule_GetDef(module);
    // Executed already (state is there), or nothing to execute.
    if (def != nullptr && reinterpret_cast<PyModuleObject*>(module)->md_state == nullptr && PyModule_ExecDef(module, def) < 0) return {};
  }
  return int_from_i64(ts, 0);
}
Ref<> m_exec_builtin(ThreadState& ts, PyObject*, PyObject* module) { return exec_module(ts, module); }

// ---- frozen modules ----------------------------------------------------------------------------------------------

struct State {
  PyObject* extensions;  // (path, name) -> what is in a module that can be initialised only once; NULL until there is one
  int override_frozen;   // > 0: found; < 0: only the essential ones; 0: as -X frozen_modules says
};

bool use_frozen(PyObject* module) {
  const int override = static_cast<State*>(PyModule_GetState(module))->override_frozen;
  if (override != 0) return override > 0;
  const char* option = runtime().config != nullptr ? config_xoption(*runtime().config, "frozen_modules") : nullptr;
  return option == nullptr || std::strcmp(option, "off") != 0;
}
const FrozenModule* frozen_in_use(PyObject* module, PyObject* name) {
  const FrozenModule* m = find_frozen_module(name);
  return m != nullptr && (m->essential || use_frozen(module)) ? m : nullptr;
}
Raised raise_not_frozen(ThreadState& ts, const char* format, PyObject* name) {
  Ref<> text = str_format(ts, format, name);
  if (text) (void)PyErr_SetImportError(text.get(), name, nullptr);
  return {};
}

Ref<> m_is_frozen(ThreadState&, PyObject* module, PyUnicodeObject* name) { return new_bool(frozen_in_use(module, obj(name)) != nullptr); }
Ref<> m_is_frozen_package(ThreadState& ts, PyObject* module, PyUnicodeObject* name) {
  const FrozenModule* m = frozen_in_use(module, obj(name));
  return m != nullptr ? new_bool(m->is_package) : raise_not_frozen(ts, "No such frozen object named %R", obj(name));
}
Ref<> marshalled(ThreadState& ts, const char* function, PyObject* o) {
  Ref<> marshal = import_module(ts, "marshal");
  Ref<> f = marshal ? object_getattr(ts, marshal.get(), function) : Ref<>();
  return f ? call(ts, f.get(), o) : Ref<>();
}
PyObject* m_find_frozen(PyObject* module, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  static constexpr ParamText kParams[] = {{"name", 4, 0, nullptr, ParamKind::kPositionalOnly}, {"withdata", 8, 5, "False", ParamKind::kKeywordOnly}};
  static constexpr SignatureView kView{"find_frozen", kParams, 2, 1, 1, 1, 0};
  PyObject* v[2];
  if (!bind_arguments(ts, kView, args, n, kwnames, v)) return nullptr;
  if (!is_str(v[0])) return raise(ts, PyExc_TypeError, "find_frozen() argument 1 must be str, not %.50s", v[0]->ob_type->tp_name);
  Tri with_data = v[1] != nullptr ? object_is_true(ts, v[1]) : Tri::kFalse;
  if (failed(with_data)) return nullptr;
  const FrozenModule* m = frozen_in_use(module, v[0]);
  if (m == nullptr) return new_ref(Py_None);
  Ref<> data = new_none();
  if (with_data == Tri::kTrue) {
    Ref<> code = frozen_code(ts, *m);
    Ref<> bytes = code ? marshalled(ts, "dumps", code.get()) : Ref<>();
    data = bytes ? Ref<>::steal(PyMemoryView_FromObject(bytes.get())) : Ref<>();
  }
  Ref<> origin = m->origin != nullptr ? str_from_ascii(ts, m->origin) : new_none();
  if (!data || !origin) return nullptr;
  return tuple_of(ts, data.get(), m->is_package ? Py_True : Py_False, origin.get()).release();
}
Ref<> m_get_frozen_object(ThreadState& ts, PyObject* module, PyUnicodeObject* name, PyObject* data) {
  if (data != nullptr && data != Py_None) {
    if (!PyObject_CheckBuffer(data)) {
      return raise(ts, PyExc_TypeError, "get_frozen_object() argument 2 must be bytes, not %.50s", data->ob_type->tp_name);
    }
    Ref<> code = marshalled(ts, "loads", data);
    if (code && PyCode_Check(code.get())) return code;
    if (code) return raise(ts, PyExc_TypeError, "frozen object %R is not a code object", name);
    error_clear(ts);
    return raise_not_frozen(ts, "Frozen object named %R is invalid", obj(name));
  }
  const FrozenModule* m = frozen_in_use(module, obj(name));
  return m != nullptr ? frozen_code(ts, *m) : raise_not_frozen(ts, "No such frozen object named %R", obj(name));
}
// Imports a frozen module into sys.modules; None when there is none of that name.
Ref<> m_init_frozen(ThreadState& ts, PyObject* module, PyUnicodeObject* name) {
  const FrozenModule* m = frozen_in_use(module, obj(name));
  if (m == nullptr) return new_none();
  Ref<> code = frozen_code(ts, *m);
  if (!code) return {};
  Ref<> fresh = Ref<>::dup_of(PyImport_AddModuleObject(obj(name)));
  if (!fresh) return {};
  PyObject* d = module_dict(fresh.get());
  Ref<> origin = m->origin != nullptr ? str_from_ascii(ts, m->origin) : new_none();
  if (!origin || failed(dict_set(ts, d, "__origname__", origin.get()))) return {};
  if (m->is_package) {
    Ref<> path = list_new(ts, 0);
    if (!path || failed(dict_set(ts, d, ID(__path__), path.get()))) return {};
  }
  if (failed(dict_set(ts, d, ID(__builtins__), ts.interpreter().builtins_module))) return {};
  return vm_eval_code(ts, code.get(), d, d, nullptr) ? std::move(fresh) : Ref<>();
}
Ref<> m_frozen_module_names(ThreadState& ts, PyObject*) {
  Ref<> l = list_new(ts, 0);
  for (const FrozenModule* m = frozen_modules(); m->name != nullptr; ++m) {
    Ref<> s = str_from_ascii(ts, m->name);
    if (!l || !s || failed(list_append(ts, l.get(), std::move(s)))) return {};
  }
  return l;
}
Ref<> m_override_frozen(ThreadState&, PyObject* module, int override) {
  static_cast<State*>(PyModule_GetState(module))->override_frozen = override;
  return new_none();
}

// ---- the import lock ---------------------------------------------------------------------------------------------

Ref<> m_lock_held(ThreadState& ts, PyObject*) { return new_bool(ts.interpreter().import_lock_depth != 0); }
Status m_acquire_lock(ThreadState& ts, PyObject*) {
  import_lock_acquire(ts);
  return Status::kOk;
}
Status m_release_lock(ThreadState& ts, PyObject*) {
  return import_lock_release(ts) ? Status::kOk : Status(raise(ts, PyExc_RuntimeError, "not holding the import lock"));
}

// ---- extension modules -------------------------------------------------------------------------------------------

// Modules of the oldest kind (m_size < 0) keep their state in static memory, which a second call of their init function
// would overwrite. Another import of one gives a new module with what was in the first when it was made.
Status remember_extension(ThreadState& ts, State* state, PyObject* key, PyObject* module) {
  PyModuleDef* def = is_module(module) ? PyModule_GetDef(module) : nullptr;
  if (def == nullptr || def->m_size >= 0 || def->m_slots != nullptr) return Status::kOk;
  if (state->extensions == nullptr && (state->extensions = dict_new(ts).release()) == nullptr) return Status::kError;
  Ref<> copy = dict_copy(ts, module_dict(module));
  return copy ? dict_set(ts, state->extensions, key, copy.get()) : Status::kError;
}
// The module again; NULL without an exception when it was not imported before.
Ref<> extension_again(ThreadState& ts, State* state, PyObject* key, PyObject* name) {
  PyObject* content = state->extensions != nullptr ? dict_peek(ts, state->extensions, key) : nullptr;
  if (content == nullptr) return {};
  Ref<> module = module_new(ts, name);
  if (!module || PyDict_Update(module_dict(module.get()), content) < 0) return {};
  return module;
}

Ref<> m_create_dynamic(ThreadState& ts, PyObject* self, PyObject* spec, PyObject*) {
  Ref<> name = object_getattr(ts, spec, ID(name));
  Ref<> path = name ? object_getattr(ts, spec, ID(origin)) : Ref<>();
  if (!path) return {};
  if (!is_str(name.get())) return raise(ts, PyExc_TypeError, "must be str, not %.50s", name.get()->ob_type->tp_name);
  if (!is_str(path.get())) return raise(ts, PyExc_TypeError, "must be str, not %.50s", path.get()->ob_type->tp_name);
  if (!ts.interpreter().is_main) {
    return raise(ts, PyExc_ImportError, "module %U: extension modules are not loaded in interpreters other than the main one yet", name.get());
  }
  const char* file = str_utf8(ts, path.get());
  const char* full = str_utf8(ts, name.get());
  if (file == nullptr || full == nullptr) return {};
  auto* state = static_cast<State*>(PyModule_GetState(self));
  Ref<> key = tuple_of(ts, path.get(), name.get());
  if (!key) return {};
  if (Ref<> again = extension_again(ts, state, key.get(), name.get()); again || error_set(ts)) return again;
  if (runtime().sealed.read_only) {
    Ref<> text = str_format(ts, "%s writes counts of shared objects: not under -X isolation=check", file);
    if (text) PyErr_SetImportError(text.get(), name.get(), path.get());
    return {};
  }
  void* handle = dlopen(file, ts.interpreter().dlopen_flags);
  if (handle == nullptr) {
    Ref<> message = str_from_utf8(ts, dlerror(), "replace");
    if (message) (void)PyErr_SetImportError(message.get(), name.get(), path.get());
    return {};
  }
  // The last part of the name: as it is, or in punycode where it is not ASCII.
  const char* dot = std::strrchr(full, '.');
  Ref<> last = str_from_utf8(ts, dot != nullptr ? dot + 1 : full);
  if (!last) return {};
  const char* prefix = "PyInit";
  if (!str_is_ascii(last.get())) {
    prefix = "PyInitU";
    Ref<> bytes = Ref<>::steal(PyUnicode_AsEncodedString(last.get(), "punycode", nullptr));
    if (!bytes) return {};
    Ref<> text = str_from_utf8(ts, PyBytes_AsString(bytes.get()));
    Ref<> minus = str_from_ascii(ts, "-"), underscore = str_from_ascii(ts, "_");
    if (!text || !minus || !underscore) return {};
    last = str_replace(ts, text.get(), minus.get(), underscore.get(), -1);
    if (!last) return {};
  }
  char symbol[512];
  std::snprintf(symbol, sizeof symbol, "%s_%s", prefix, str_utf8(ts, last.get()));
  auto init = reinterpret_cast<PyObject* (*)()>(dlsym(handle, symbol));
  if (init == nullptr) {
    Ref<> message = str_format(ts, "dynamic module does not define module export function (%s)", symbol);
    if (message) (void)PyErr_SetImportError(message.get(), name.get(), path.get());
    return {};
  }
  Ref<> module = module_from_init(ts, init(), spec, full);
  if (!module) return {};
  if (is_module(module.get())) {
    Ref<> file_name = dup(path.get());
    if (failed(object_setattr(ts, module.get(), ID(__file__), file_name.get()))) error_clear(ts);
  }
  if (failed(remember_extension(ts, state, key.get(), module.get()))) return {};
  return module;
}
Ref<> m_exec_dynamic(ThreadState& ts, PyObject*, PyObject* module) { return exec_module(ts, module); }

// ---- sources -----------------------------------------------------------------------------------------------------

// SipHash-1-3 of the source under the key, as 8 bytes: for hash-based .pyc files.
Ref<> m_source_hash(ThreadState& ts, PyObject*, Py_ssize_t key, const BufferArg& source) {
  uint64_t h = hash_keyed(static_cast<uint64_t>(key), 0, source.data(), static_cast<size_t>(source.size()));
  Ref<> r = Ref<>::steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(&h), 8));
  (void)ts;
  return r;
}
// A code object read from a file that has moved, and those within it, get the file's present name.
void fix_filename(PyObject* code, PyObject* old, PyObject* path) {
  auto* c = reinterpret_cast<PyCodeObject*>(code);
  if (!str_equal(c->co_filename, old)) return;
  Ref<> hold = Ref<>::steal(std::exchange(c->co_filename, new_ref(path)));
  for (Py_ssize_t i = 0; i < tuple_size(c->co_consts); ++i) {
    PyObject* item = tuple_peek(c->co_consts, i);
    if (PyCode_Check(item)) fix_filename(item, old, path);
  }
}
Ref<> m_fix_co_filename(ThreadState& ts, PyObject*, PyObject* code, PyObject* path) {
  if (!PyCode_Check(code)) return raise(ts, PyExc_TypeError, "_fix_co_filename() argument 1 must be code, not %.50s", code->ob_type->tp_name);
  if (!is_str(path)) return raise(ts, PyExc_TypeError, "_fix_co_filename() argument 2 must be str, not %.50s", path->ob_type->tp_name);
  Ref<> old = dup(reinterpret_cast<PyCodeObject*>(code)->co_filename);
  if (!str_equal(old.get(), path)) fix_filename(code, old.get(), path);
  return new_none();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_extension_suffixes, "extension_suffixes", "($module, /)", "File suffixes of extension modules."),
    ATOLL_METHOD(m_lock_held, "lock_held", "($module, /)", "Is the import lock held?"),
    ATOLL_METHOD(m_acquire_lock, "acquire_lock", "($module, /)", "Acquire the import lock."),
    ATOLL_METHOD(m_release_lock, "release_lock", "($module, /)", "Release the import lock."),
    ATOLL_METHOD_RAW(m_find_frozen, "find_frozen", METH_FASTCALL | METH_KEYWORDS, "find_frozen($module, name, /, *, withdata=False)\n--\n\nData of a frozen module, or None."),
    ATOLL_METHOD(m_get_frozen_object, "get_frozen_object", "($module, name, data=None, /)", "Code of a frozen module."),
    ATOLL_METHOD(m_is_frozen_package, "is_frozen_package", "($module, name, /)", "Is a frozen module a package?"),
    ATOLL_METHOD(m_create_builtin, "create_builtin", "($module, spec, /)", "Create a built-in module."),
    ATOLL_METHOD(m_init_frozen, "init_frozen", "($module, name, /)", "Initialize a frozen module."),
    ATOLL_METHOD(m_is_builtin, "is_builtin", "($module, name, /)", "1: built-in; -1: built-in and can't be reloaded; 0: not."),
    ATOLL_METHOD(m_is_frozen, "is_frozen", "($module, name, /)", "Is a module frozen?"),
    ATOLL_METHOD(m_frozen_module_names, "_frozen_module_names", "($module, /)", "Names of frozen modules."),
    ATOLL_METHOD(m_override_frozen, "_override_frozen_modules_for_tests", "($module, override, /)", "For tests."),
    ATOLL_METHOD(m_create_dynamic, "create_dynamic", "($module, spec, file=None, /)", "Create an extension module."),
    ATOLL_METHOD(m_exec_dynamic, "exec_dynamic", "($module, mod, /)", "Initialize an extension module."),
    ATOLL_METHOD(m_exec_builtin, "exec_builtin", "($module, mod, /)", "Initialize a built-in module."),
    ATOLL_METHOD(m_fix_co_filename, "_fix_co_filename", "($module, code, path, /)", "Give a code object and those in it another file name."),
    ATOLL_METHOD(m_source_hash, "source_hash", "($module, key, source)", "Hash of a source."),
    ATOLL_METHOD_END};

int exec_imp(PyObject* m) {
  const Config* c = runtime().config;
  const char* mode = c != nullptr && c->check_hash_pycs_mode != nullptr ? c->check_hash_pycs_mode : "default";
  return PyModule_AddStringConstant(m, "check_hash_based_pycs", mode);
}

int traverse_imp(PyObject* m, visitproc visit, void* arg) {
  if (auto* state = static_cast<State*>(PyModule_GetState(m))) Py_VISIT(state->extensions);
  return 0;
}
int clear_imp(PyObject* m) {
  if (auto* state = static_cast<State*>(PyModule_GetState(m))) clear_field(state->extensions);
  return 0;
}
void free_imp(void* m) { clear_imp(static_cast<PyObject*>(m)); }

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit__imp, "_imp", "What importlib asks of the interpreter.", sizeof(atl::State), atl::kMethods, atl::exec_imp,
                        atl::traverse_imp, atl::clear_imp, atl::free_imp)
