// builtins.__import__.
//
// The system's importlib is used as it is (bring_up.cc). The fast path, a module that is in sys.modules already, is C++.
#include "Python/import/import.h"

#include <unistd.h>

#include <cstring>

#include "Objects/code/code.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/import/frozen.h"
#include "Python/import/library.h"
#include "Python/import/own_files.h"
#include "Python/import/upcalls.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/frame.h"
#include "Python/vm/upcalls.h"
#include "atoll_config.h"

namespace atl {

void import_lock_acquire(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  while (interp.import_lock_depth != 0 && interp.import_lock_owner != ts.thread_id) {
    detach(&ts);
    usleep(50);
    attach(&ts);
  }
  interp.import_lock_owner = ts.thread_id;
  ++interp.import_lock_depth;
}
bool import_lock_release(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  if (interp.import_lock_depth == 0 || interp.import_lock_owner != ts.thread_id) return false;
  --interp.import_lock_depth;
  return true;
}

namespace {

Ref<> importlib_function(ThreadState& ts, const char* name) {
  if (failed(import_ensure(ts))) return {};
  PyObject* importlib = ts.interpreter().importlib;
  if (importlib == nullptr) return raise(ts, PyExc_ImportError, "sys.meta_path is None, Python is likely shutting down");
  return object_getattr(ts, importlib, name);
}

// Is a module in sys.modules still being initialised by another thread? Then that is waited for.
Status ensure_initialized(ThreadState& ts, PyObject* module, PyObject* name) {
  // Not made yet: a module that was there before importlib.
  if (is_module(module) && module_dict(module) != nullptr && dict_is_unmade(module_dict(module), ID(__spec__))) return Status::kOk;
  Ref<> spec;
  if (failed(object_lookup_attr(ts, module, ID(__spec__), &spec))) return Status::kError;
  if (!spec || spec.get() == Py_None) return Status::kOk;
  Ref<> key = str_interned(ts, "_initializing");
  Ref<> value;
  if (!key || failed(object_lookup_attr(ts, spec.get(), key.get(), &value))) return Status::kError;
  if (!value) return Status::kOk;
  Tri initializing = object_is_true(ts, value.get());
  if (initializing != Tri::kTrue) return failed(initializing) ? Status::kError : Status::kOk;
  Ref<> wait = importlib_function(ts, "_lock_unlock_module");
  return wait && call(ts, wait.get(), name) ? Status::kOk : Status::kError;
}

// The absolute name of a relative import.
Ref<> resolve_name(ThreadState& ts, PyObject* name, PyObject* globals, int level) {
  if (globals == nullptr || !is_dict(globals)) {
    return raise(ts, globals == nullptr ? PyExc_KeyError : PyExc_TypeError, globals == nullptr ? "'__name__' not in globals" : "globals must be a dict");
  }
  Ref<> package, spec;
  if (failed(dict_lookup(ts, globals, ID(__package__), &package)) || failed(dict_lookup(ts, globals, ID(__spec__), &spec))) return {};
  if (package && package.get() == Py_None) package.reset();
  if (spec && spec.get() == Py_None) spec.reset();
  if (package) {
    if (!is_str(package.get())) return raise(ts, PyExc_TypeError, "package must be a string");
    if (spec) {
      Ref<> parent = object_getattr(ts, spec.get(), ID(parent));
      if (!parent) return {};
      Tri same = object_equal(ts, package.get(), parent.get());
      if (failed(same)) return {};
      if (same == Tri::kFalse && failed(warn(ts, PyExc_ImportWarning, 1, "__package__ != __spec__.parent"))) return {};
    }
  } else if (spec) {
    package = object_getattr(ts, spec.get(), ID(parent));
    if (!package) return {};
    if (!is_str(package.get())) return raise(ts, PyExc_TypeError, "__spec__.parent must be a string");
  } else {
    if (failed(warn(ts, PyExc_ImportWarning, 1, "can't resolve package from __spec__ or __package__, falling back on __name__ and __path__"))) return {};
    if (failed(dict_lookup(ts, globals, ID(__name__), &package))) return {};
    if (!package) return raise(ts, PyExc_KeyError, "'__name__' not in globals");
    if (!is_str(package.get())) return raise(ts, PyExc_TypeError, "__name__ must be a string");
    Tri has_path = dict_contains(ts, globals, ID(__path__));
    if (failed(has_path)) return {};
    if (has_path == Tri::kFalse) {
      Ref<> dot = str_from_ascii(ts, ".");
      if (!dot) return {};
      Py_ssize_t at = str_find(package.get(), dot.get(), 0, str_length(package.get()), -1);
      if (at < 0) return raise(ts, PyExc_ImportError, "attempted relative import with no known parent package");
      package = str_substring(ts, package.get(), 0, at);
      if (!package) return {};
    }
  }
  if (str_length(package.get()) == 0) return raise(ts, PyExc_ImportError, "attempted relative import with no known parent package");
  Ref<> dot = str_from_ascii(ts, ".");
  if (!dot) return {};
  Py_ssize_t end = str_length(package.get());
  for (int up = 1; up < level; ++up) {
    end = str_find(package.get(), dot.get(), 0, end, -1);
    if (end < 0) return raise(ts, PyExc_ImportError, "attempted relative import beyond top-level package");
  }
  Ref<> base = str_substring(ts, package.get(), 0, end);
  if (!base || str_length(name) == 0) return base;
  return str_format(ts, "%U.%U", base.get(), name);
}

// builtins.__import__, for importlib to call.
PyObject* peek_import_function(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  if (import_is_coming(ts)) return interp.import_func;
  PyObject* import = dict_peek_str(interp.builtins, ID(__import__));
  return import != nullptr ? import : Py_None;
}

// The module of an absolute name, loaded if need be.
Ref<> get_or_load(ThreadState& ts, PyObject* name) {
  if (ATOLL_UNLIKELY(ts.interpreter().on_demand.import == OnDemandState::Import::kComing) && failed(import_ensure(ts))) return {};
  Ref<> m;
  if (failed(dict_lookup(ts, ts.interpreter().modules, name, &m))) return {};
  if (m && m.get() != Py_None) {
    if (failed(ensure_initialized(ts, m.get(), name))) return {};
    return m;
  }
  if (failed(audit_import(ts, name))) return {};
  Ref<> load = importlib_function(ts, "_find_and_load");
  if (!load) return {};
  Ref<> import = dup(peek_import_function(ts));
  return call(ts, load.get(), name, import.get());
}

}  // namespace

namespace {

// Is the traceback entry one of importlib's own frames? *called: of the function through which it calls others' code.
bool is_importlib_entry(PyObject* entry, bool* called) {
  PyCodeObject* code = PyFrame_GetCode(reinterpret_cast<PyTracebackObject*>(entry)->tb_frame);
  Ref<> hold = Ref<>::steal(obj(code));
  if (!str_equals_ascii(code->co_filename, "<frozen importlib._bootstrap>") &&
      !str_equals_ascii(code->co_filename, "<frozen importlib._bootstrap_external>")) {
    return false;
  }
  *called = str_equals_ascii(code->co_name, "_call_with_frames_removed");
  return true;
}

// A traceback shows the program's frames: importlib's go when the import itself failed, and between a statement and the
// module that it ran.
void trim_import_traceback(ThreadState& ts) {
  if (runtime().config != nullptr && runtime().config->verbose) return;
  Ref<> exc = error_take(ts);
  if (!exc) return;
  const bool all = is_instance_nocall(exc.get(), reinterpret_cast<PyTypeObject*>(PyExc_ImportError));
  PyObject** link = &as_exception(exc.get())->traceback;
  while (*link != nullptr) {
    // A run of importlib's entries, and how far into it entries are dropped.
    PyObject* end = *link;
    PyObject* keep = *link;
    bool called;
    while (end != nullptr && is_importlib_entry(end, &called)) {
      end = reinterpret_cast<PyObject*>(reinterpret_cast<PyTracebackObject*>(end)->tb_next);
      if (all || called) keep = end;
    }
    if (keep != *link) {
      Ref<> old = Ref<>::steal(std::exchange(*link, Ref<>::dup_of(keep).release()));
    }
    while (*link != end) link = reinterpret_cast<PyObject**>(&reinterpret_cast<PyTracebackObject*>(*link)->tb_next);
    if (*link != nullptr) link = reinterpret_cast<PyObject**>(&reinterpret_cast<PyTracebackObject*>(*link)->tb_next);
  }
  error_restore(ts, std::move(exc));
}

Ref<> import_level(ThreadState& ts, PyObject* name, PyObject* globals, PyObject* fromlist, int level) {
  if (!is_str(name)) return raise(ts, PyExc_TypeError, "module name must be a string");
  if (level < 0) return raise(ts, PyExc_ValueError, "level must be >= 0");
  Ref<> full;
  if (level > 0) {
    full = resolve_name(ts, name, globals, level);
    if (!full) return {};
  } else {
    if (str_length(name) == 0) return raise(ts, PyExc_ValueError, "Empty module name");
    full = dup(name);
  }
  Ref<> module = get_or_load(ts, full.get());
  if (!module) return {};
  bool has_fromlist = false;
  if (fromlist != nullptr && fromlist != Py_None) {
    Tri t = object_is_true(ts, fromlist);
    if (failed(t)) return {};
    has_fromlist = t == Tri::kTrue;
  }
  if (has_fromlist) {
    Ref<> path;
    if (failed(object_lookup_attr(ts, module.get(), ID(__path__), &path))) return {};
    if (!path) return module;
    Ref<> handle = importlib_function(ts, "_handle_fromlist");
    Ref<> import = dup(peek_import_function(ts));
    return handle ? call(ts, handle.get(), module.get(), fromlist, import.get()) : Ref<>();
  }
  // `import a.b.c` gives a.
  Ref<> dot = str_from_ascii(ts, ".");
  if (!dot) return {};
  Py_ssize_t first = str_find(name, dot.get(), 0, str_length(name), 1);
  if (level == 0 || str_length(name) == 0) {
    if (first < 0) return module;
    if (level > 0) return module;
    Ref<> top = str_substring(ts, name, 0, first);
    return top ? get_or_load(ts, top.get()) : Ref<>();
  }
  if (first < 0) return module;
  Py_ssize_t cut = str_length(name) - first;
  Ref<> top = str_substring(ts, full.get(), 0, str_length(full.get()) - cut);
  if (!top) return {};
  Ref<> m;
  if (failed(dict_lookup(ts, ts.interpreter().modules, top.get(), &m))) return {};
  if (!m) return raise(ts, PyExc_KeyError, "%R not in sys.modules as expected", top.get());
  return m;
}

}  // namespace

Ref<> upcall_import_module_level(ThreadState& ts, PyObject* name, PyObject* globals, PyObject*, PyObject* fromlist, int level) {
  Ref<> module = import_level(ts, name, globals, fromlist, level);
  if (!module) trim_import_traceback(ts);
  return module;
}

Ref<> import_module(ThreadState& ts, const char* name) {
  Ref<> s = str_from_utf8(ts, name);
  if (!s) return {};
  return get_or_load(ts, s.get());
}

void upcall_set_import_error(ThreadState& ts, PyObject* message, PyObject* module_name, PyObject* path, PyObject* name_from) {
  (void)name_from;
  Ref<> hold = dup(message);
  (void)PyErr_SetImportError(message, module_name, path);
  (void)ts;
}

// sys.path: PYTHONPATH, what Atoll adds or replaces, the system's library and its extension modules.
Ref<> import_make_path(ThreadState& ts) {
  const Config& c = *runtime().config;
  Ref<> list = list_new(ts, 0);
  auto add = [&](const char* text, size_t n) {
    Ref<> s = Ref<>::steal(PyUnicode_DecodeFSDefaultAndSize(text, static_cast<Py_ssize_t>(n)));
    return s && !failed(list_append(ts, list.get(), std::move(s)));
  };
  if (!list) return {};
  if (c.search_paths_set) {
    for (size_t i = 0; i < c.search_paths.size; ++i) {
      if (!add(c.search_paths.items[i], std::strlen(c.search_paths.items[i]))) return {};
    }
    return list;
  }
  if (c.python_path != nullptr) {
    for (const char* p = c.python_path;; ++p) {
      const char* end = std::strchr(p, ':');
      size_t n = end != nullptr ? static_cast<size_t>(end - p) : std::strlen(p);
      if (!add(p, n)) return {};
      if (end == nullptr) break;
      p = end;
    }
  }
  const char* own = own_packages_folder();
  char dynload[4096];
  std::snprintf(dynload, sizeof dynload, "%s/lib-dynload", ATOLL_STDLIB_DIR);
  if (!add(own, std::strlen(own)) || !add(ATOLL_STDLIB_DIR, std::strlen(ATOLL_STDLIB_DIR)) || !add(dynload, std::strlen(dynload))) return {};
  return list;
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* PyImport_ImportModuleLevelObject(PyObject* name, PyObject* globals, PyObject* locals, PyObject* fromlist, int level) {
  return upcall_import_module_level(current_thread(), name, globals, locals, fromlist, level).release();
}
PyObject* PyImport_ImportModuleLevel(const char* name, PyObject* globals, PyObject* locals, PyObject* fromlist, int level) {
  ThreadState& ts = current_thread();
  Ref<> s = str_from_utf8(ts, name);
  return s ? upcall_import_module_level(ts, s.get(), globals, locals, fromlist, level).release() : nullptr;
}
// Through builtins.__import__, as the documentation says; the module itself, also for a dotted name.
PyObject* PyImport_Import(PyObject* name) {
  ThreadState& ts = current_thread();
  Ref<> import = dup(peek_import_function(ts));
  if (import.get() == Py_None) return raise(ts, PyExc_ImportError, "__import__ not found");
  Ref<> fromlist = list_new(ts, 0);
  Ref<> globals = dict_new(ts);
  if (!fromlist || !globals || failed(dict_set(ts, globals.get(), ID(__builtins__), ts.interpreter().builtins_module))) return nullptr;
  Ref<> level = int_from_i64(ts, 0);
  if (!call(ts, import.get(), name, globals.get(), globals.get(), fromlist.get(), level.get())) return nullptr;
  Ref<> m;
  if (failed(dict_lookup(ts, ts.interpreter().modules, name, &m))) return nullptr;
  if (!m) return raise_key_error(ts, name);
  return m.release();
}
PyObject* PyImport_ImportModule(const char* name) {
  ThreadState& ts = current_thread();
  Ref<> s = str_from_utf8(ts, name);
  return s ? PyImport_Import(s.get()) : nullptr;
}
PyObject* PyImport_ImportModuleNoBlock(const char* name) { return PyImport_ImportModule(name); }
PyObject* PyImport_GetModuleDict() { return current_thread().interpreter().modules; }
PyObject* PyImport_GetModule(PyObject* name) {
  ThreadState& ts = current_thread();
  Ref<> m;
  if (failed(dict_lookup(ts, ts.interpreter().modules, name, &m))) return nullptr;
  return m.release();
}
PyObject* PyImport_AddModuleObject(PyObject* name) {
  ThreadState& ts = current_thread();
  PyObject* there = dict_peek(ts, ts.interpreter().modules, name);
  if (there != nullptr && is_module(there)) return there;
  if (error_set(ts)) return nullptr;
  Ref<> m = module_new(ts, name);
  if (!m || failed(dict_set(ts, ts.interpreter().modules, name, m.get()))) return nullptr;
  return m.get();  // borrowed: sys.modules has it
}
PyObject* PyImport_AddModule(const char* name) {
  ThreadState& ts = current_thread();
  Ref<> s = str_interned(ts, name);
  return s ? PyImport_AddModuleObject(s.get()) : nullptr;
}
PyObject* PyImport_ReloadModule(PyObject* m) {
  ThreadState& ts = current_thread();
  Ref<> importlib = import_module(ts, "importlib");
  Ref<> reload = importlib ? object_getattr(ts, importlib.get(), "reload") : Ref<>();
  return reload ? call(ts, reload.get(), m).release() : nullptr;
}
PyObject* _PyImport_GetModuleAttr(PyObject* module, PyObject* attribute) {
  Ref<> m = Ref<>::steal(PyImport_Import(module));
  return m ? PyObject_GetAttr(m.get(), attribute) : nullptr;
}
PyObject* _PyImport_GetModuleAttrString(const char* module, const char* attribute) {
  Ref<> m = Ref<>::steal(PyImport_ImportModule(module));
  return m ? PyObject_GetAttrString(m.get(), attribute) : nullptr;
}
long PyImport_GetMagicNumber() { return 0x0d0a0000L | 0x0A70; }
const char* PyImport_GetMagicTag() { return "atoll-311"; }
