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
#include "Python/import/import.h"
#include "Python/import/upcalls.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"
#include "atoll_config.h"

namespace atl {

Status audit_import(ThreadState& ts, PyObject* name) {
  if (ts.interpreter().audit_hooks == nullptr) return Status::kOk;
  auto item = [&](const char* key) { return PyDict_GetItemString(ts.interpreter().sysdict, key); };
  auto or_none = [](PyObject* o) { return o != nullptr ? o : Py_None; };
  Ref<> args = tuple_of(ts, name, Py_None, or_none(item("path")), or_none(item("meta_path")), or_none(item("path_hooks")));
  return args ? audit(ts, "import", args.get()) : Status::kError;
}

const char* import_own_library() {
  return access(ATOLL_BUILD_DIR "/config.status", F_OK) == 0 ? ATOLL_SOURCE_DIR "/Lib" : ATOLL_LIB_DIR;
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
Ref<> module_from_init(ThreadState& ts, PyObject* result, PyObject* spec) {
  if (result == nullptr) {
    if (!error_set(ts)) (void)raise(ts, PyExc_SystemError, "initialization of a module failed without raising an exception");
    return {};
  }
  if (result->ob_type == &PyModuleDef_Type) {
    return Ref<>::steal(PyModule_FromDefAndSpec(reinterpret_cast<PyModuleDef*>(result), spec));
  }
  return Ref<>::steal(result);
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
  Ref<> module = module_from_init(ts, m->init(), own_spec.get());
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

// ---- frozen modules: the bootstrap's own names --------------------------------------------------------------------

const char* frozen_file(PyObject* name) {
  if (!is_str(name)) return nullptr;
  if (str_equals_ascii(name, "_frozen_importlib")) return "importlib/_bootstrap.py";
  if (str_equals_ascii(name, "_frozen_importlib_external")) return "importlib/_bootstrap_external.py";
  return nullptr;
}
Ref<> m_is_frozen(ThreadState&, PyObject*, PyObject* name) { return new_bool(frozen_file(name) != nullptr); }
Ref<> m_is_frozen_package(ThreadState& ts, PyObject*, PyObject* name) {
  if (frozen_file(name) == nullptr) return raise(ts, PyExc_ImportError, "No such frozen object named %R", name);
  return new_bool(false);
}
Ref<> m_find_frozen(ThreadState& ts, PyObject*, PyObject* name, bool withdata) {
  if (frozen_file(name) == nullptr) return new_none();
  (void)withdata;
  return tuple_of(ts, Py_None, Py_False, name);
}
Ref<> m_get_frozen_object(ThreadState& ts, PyObject*, PyObject* name, PyObject*) {
  const char* file = frozen_file(name);
  if (file == nullptr) return raise(ts, PyExc_ImportError, "No such frozen object named %R", name);
  char path[4096];
  std::snprintf(path, sizeof path, "%s/%s", ATOLL_STDLIB_DIR, file);
  return compile_library_file(ts, path, str_utf8(ts, name));
}
Ref<> m_init_frozen(ThreadState&, PyObject*, PyObject*) { return new_none(); }
Ref<> m_frozen_module_names(ThreadState& ts, PyObject*) {
  Ref<> l = list_new(ts, 0);
  for (const char* name : {"_frozen_importlib", "_frozen_importlib_external"}) {
    Ref<> s = str_from_ascii(ts, name);
    if (!l || !s || failed(list_append(ts, l.get(), std::move(s)))) return {};
  }
  return l;
}
Ref<> m_override_frozen(ThreadState&, PyObject*, int) { return new_none(); }

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

Ref<> m_create_dynamic(ThreadState& ts, PyObject*, PyObject* spec, PyObject*) {
  Ref<> name = object_getattr(ts, spec, ID(name));
  Ref<> path = name ? object_getattr(ts, spec, ID(origin)) : Ref<>();
  if (!path) return {};
  if (!ts.interpreter().is_main) {
    return raise(ts, PyExc_ImportError, "module %U: extension modules are not loaded in interpreters other than the main one yet", name.get());
  }
  const char* file = str_utf8(ts, path.get());
  const char* full = str_utf8(ts, name.get());
  if (file == nullptr || full == nullptr) return {};
  void* handle = dlopen(file, ts.interpreter().dlopen_flags);
  if (handle == nullptr) {
    Ref<> message = str_from_utf8(ts, dlerror(), "replace");
    if (message) (void)PyErr_SetImportError(message.get(), name.get(), path.get());
    return {};
  }
  const char* dot = std::strrchr(full, '.');
  char symbol[512];
  std::snprintf(symbol, sizeof symbol, "PyInit_%s", dot != nullptr ? dot + 1 : full);
  auto init = reinterpret_cast<PyObject* (*)()>(dlsym(handle, symbol));
  if (init == nullptr) {
    Ref<> message = str_format(ts, "dynamic module does not define module export function (%s)", symbol);
    if (message) (void)PyErr_SetImportError(message.get(), name.get(), path.get());
    return {};
  }
  Ref<> module = module_from_init(ts, init(), spec);
  if (!module) return {};
  if (is_module(module.get())) {
    Ref<> file_name = dup(path.get());
    if (failed(object_setattr(ts, module.get(), ID(__file__), file_name.get()))) error_clear(ts);
  }
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
Ref<> m_fix_co_filename(ThreadState&, PyObject*, PyObject*, PyObject*) { return new_none(); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_extension_suffixes, "extension_suffixes", "($module, /)", "File suffixes of extension modules."),
    ATOLL_METHOD(m_lock_held, "lock_held", "($module, /)", "Is the import lock held?"),
    ATOLL_METHOD(m_acquire_lock, "acquire_lock", "($module, /)", "Acquire the import lock."),
    ATOLL_METHOD(m_release_lock, "release_lock", "($module, /)", "Release the import lock."),
    ATOLL_METHOD(m_find_frozen, "find_frozen", "($module, name, /, *, withdata=False)", "Data of a frozen module, or None."),
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
    ATOLL_METHOD(m_fix_co_filename, "_fix_co_filename", "($module, code, path, /)", "Code objects name their file when they are made."),
    ATOLL_METHOD(m_source_hash, "source_hash", "($module, key, source)", "Hash of a source."),
    ATOLL_METHOD_END};

int exec_imp(PyObject* m) {
  const Config* c = runtime().config;
  const char* mode = c != nullptr && c->check_hash_pycs_mode != nullptr ? c->check_hash_pycs_mode : "default";
  return PyModule_AddStringConstant(m, "check_hash_based_pycs", mode);
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__imp, "_imp", "What importlib asks of the interpreter.", 0, atl::kMethods, atl::exec_imp)
