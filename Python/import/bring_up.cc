// Bringing up the import system: the library's importlib, and the modules that come with it.
//
// The main interpreter does this as it starts, any other one when something first needs it: an import of what is not in
// sys.modules, or a look at what stands for it until then (entries of sys.modules, sys.meta_path, a module's __spec__).
//
// What comes up runs as in a fresh interpreter, whatever the program has done to its modules: it finds a sys.modules of its
// own, and sys.meta_path and the like with nothing in them. Afterwards all of it takes the places that wait for it, and
// only those: what the program has put there stays.
#include <unistd.h>

#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/function.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/namespace.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/import/frozen.h"
#include "Python/import/import.h"
#include "Python/import/library.h"
#include "Python/import/upcalls.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/frame.h"
#include "atoll_config.h"

namespace atl {

namespace {

using Import = OnDemandState::Import;

// A module of importlib's core, made without the import system.
Ref<> run_essential(ThreadState& ts, const char* module_name) {
  Ref<> name = str_interned(ts, module_name);
  const FrozenModule* frozen = name ? find_frozen_module(name.get()) : nullptr;
  if (frozen == nullptr) return {};
  Ref<> code = frozen_code(ts, *frozen);
  if (!code) return {};
  Ref<> module = module_new(ts, name.get());
  if (!module) return {};
  PyObject* d = module_dict(module.get());
  // The name the file has outside: importlib's own loader of such modules reads it from the module.
  Ref<> origname = str_from_utf8(ts, frozen->origin);
  Ref<> origname_key = str_interned(ts, "__origname__");
  if (!origname || !origname_key || failed(dict_set(ts, d, origname_key.get(), origname.get()))) return {};
  if (failed(dict_set(ts, d, ID(__builtins__), ts.interpreter().builtins_module))) return {};
  if (failed(dict_set(ts, ts.interpreter().modules, name.get(), module.get()))) return {};
  if (!vm_eval_code(ts, code.get(), d, d, nullptr)) return {};
  return module;
}

// Archives on sys.path: zipimport's importer is the first that is asked about a path.
Status install_zipimport(ThreadState& ts) {
  PyObject* hooks = PyDict_GetItemString(ts.interpreter().sysdict, "path_hooks");
  if (hooks == nullptr || !is_list(hooks)) return Status::kOk;
  Ref<> module = import_module(ts, "zipimport");
  Ref<> importer = module ? object_getattr(ts, module.get(), "zipimporter") : Ref<>();
  return importer ? list_insert(ts, hooks, 0, importer.get()) : Status::kError;
}

// Modules that come up with the import system and are found in the library's folder, without a search on sys.path: what
// programs put in front there is not meant.
struct LibraryFile {
  const char* name;
  const char* file;
};
constexpr LibraryFile kLibraryFiles[] = {{"encodings", "encodings/__init__.py"},
                                         {"encodings.aliases", "encodings/aliases.py"},
                                         {"encodings.utf_8", "encodings/utf_8.py"},
                                         {"codecs", "codecs.py"},
                                         {"io", "io.py"},
                                         {"abc", "abc.py"}};

// find_spec(name, path, target) of a finder in sys.meta_path.
PyObject* find_library_file(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n < 1 || !is_str(args[0])) return new_ref(Py_None);
  for (const LibraryFile& f : kLibraryFiles) {
    if (!str_equals_ascii(args[0], f.name)) continue;
    Ref<> path = str_format(ts, "%s/%s", ATOLL_STDLIB_DIR, f.file);
    Ref<> external = import_module(ts, "_frozen_importlib_external");
    Ref<> make = path && external ? object_getattr(ts, external.get(), "spec_from_file_location") : Ref<>();
    return make ? call(ts, make.get(), args[0], path.get()).release() : nullptr;
  }
  return new_ref(Py_None);
}
ATOLL_SEALED PyMethodDef g_find_spec = {"find_spec", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(find_library_file)), METH_FASTCALL, nullptr};

Ref<> library_finder(ThreadState& ts) {
  Ref<> find = builtin_function_new(ts, &g_find_spec, nullptr, nullptr);
  Ref<> attributes = dict_new(ts);
  if (!find || !attributes || failed(dict_set(ts, attributes.get(), "find_spec", find.get()))) return {};
  return Ref<>::steal(_PyNamespace_New(attributes.get()));
}

// importlib, and what stands in sys.modules once an interpreter is up.
Status run_importlib(ThreadState& ts, PyObject* meta_path, Ref<>* importlib) {
  Interpreter& interp = ts.interpreter();
  *importlib = run_essential(ts, "_frozen_importlib");
  if (!*importlib) return Status::kError;
  interp.importlib = new_ref(importlib->get());
  Ref<> imp_name = str_interned(ts, "_imp");
  Ref<> imp = imp_name ? import_builtin_by_name(ts, imp_name.get(), nullptr) : Ref<>();
  if (!imp || failed(dict_set(ts, interp.modules, imp_name.get(), imp.get()))) return Status::kError;
  Ref<> install = object_getattr(ts, importlib->get(), "_install");
  if (!install || !call(ts, install.get(), interp.sys_module, imp.get())) return Status::kError;
  // The path-based half comes through the first half's importer of frozen modules.
  Ref<> external = import_module(ts, "_frozen_importlib_external");
  if (!external || failed(import_adjust_external(ts, external.get())) || failed(library_adjust_loader(ts, external.get()))) return Status::kError;
  Ref<> install_external = object_getattr(ts, importlib->get(), "_install_external_importers");
  if (!install_external || !call(ts, install_external.get())) return Status::kError;
  if (failed(install_zipimport(ts))) return Status::kError;
  // Before the finder that searches sys.path.
  Ref<> finder = library_finder(ts);
  Py_ssize_t at = list_size(meta_path) > 0 ? list_size(meta_path) - 1 : 0;
  if (exception_group_class(ts) == nullptr) return Status::kError;
  if (!finder || failed(list_insert(ts, meta_path, at, finder.get()))) return Status::kError;
  if (!import_module(ts, "encodings") || !import_module(ts, "io") || !import_module(ts, "encodings.utf_8")) return Status::kError;
  return list_set_slice(ts, meta_path, at, at + 1, nullptr);
}

// The members of sys that the import system fills: what the program sees there is put aside meanwhile.
class SysForImport {
 public:
  explicit SysForImport(ThreadState& ts) : ts_(ts) {}
  ~SysForImport() {
    if (!swapped_) return;
    ErrorStash stash(ts_);
    for (int i = 0; i < kCount; ++i) {
      if (put_back(i)) continue;
      write_unraisable(ts_, nullptr);
    }
  }
  Status swap(PyObject* modules) {
    Interpreter& interp = ts_.interpreter();
    for (int i = 0; i < kCount; ++i) {
      names_[i] = str_interned(ts_, kNames[i]);
      fresh_[i] = i == 0 ? dup(modules) : i == kCount - 1 ? dict_new(ts_) : list_new(ts_, 0);
      if (!names_[i] || !fresh_[i]) return Status::kError;
    }
    for (int i = 0; i < kCount; ++i) before_[i] = Ref<>::dup_of(dict_peek_made(interp.sysdict, names_[i].get()));
    swapped_ = true;
    for (int i = 0; i < kCount; ++i) {
      if (failed(dict_set(ts_, interp.sysdict, names_[i].get(), fresh_[i].get()))) return Status::kError;
    }
    return Status::kOk;
  }
  PyObject* meta_path() const { return fresh_[1].get(); }
  // From here on the new ones stay where the program has not put its own.
  void keep() { keep_ = true; }

 private:
  static constexpr int kCount = 4;
  static constexpr const char* kNames[kCount] = {"modules", "meta_path", "path_hooks", "path_importer_cache"};
  bool put_back(int i) {
    PyObject* d = ts_.interpreter().sysdict;
    if (before_[i]) return !failed(dict_set(ts_, d, names_[i].get(), before_[i].get()));
    return (keep_ && i != 0) || !failed(dict_set_unmade(ts_, d, names_[i].get()));
  }
  ThreadState& ts_;
  Ref<> names_[kCount], fresh_[kCount], before_[kCount];
  bool swapped_ = false, keep_ = false;
};

Status publish_modules(ThreadState& ts, PyObject* fresh, PyObject* importlib) {
  Interpreter& interp = ts.interpreter();
  Py_ssize_t pos = 0;
  PyObject *name, *module;
  while (dict_next(fresh, &pos, &name, &module)) {
    Tri there = dict_contains(ts, interp.modules, name);
    if (failed(there)) return Status::kError;
    if ((there == Tri::kFalse || dict_is_unmade(interp.modules, name)) && failed(dict_set(ts, interp.modules, name, module))) return Status::kError;
  }
  PyObject* main = dict_peek_made(interp.modules, ID(__main__));
  if (main != nullptr && is_module(main)) {
    Ref<> loader = object_getattr(ts, importlib, "BuiltinImporter");
    if (!loader || failed(dict_make_with(ts, module_dict(main), ID(__loader__), loader.get()))) return Status::kError;
  }
  return Status::kOk;
}

Status bring_up(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  PyObject*& early = interp.on_demand.early_modules;
  Ref<> fresh = dict_new(ts);
  if (!fresh || failed(dict_set(ts, fresh.get(), ID(sys), interp.sys_module)) || failed(dict_set(ts, fresh.get(), ID(builtins), interp.builtins_module)) ||
      (early != nullptr && failed(dict_merge(ts, fresh.get(), early, true)))) {
    return Status::kError;
  }
  PyObject* own = interp.modules;
  Ref<> importlib;
  SysForImport sys(ts);
  Status s = sys.swap(fresh.get());
  if (!failed(s)) {
    interp.modules = fresh.get();
    s = run_importlib(ts, sys.meta_path(), &importlib);
    interp.modules = own;
  }
  if (failed(s) || failed(publish_modules(ts, fresh.get(), importlib.get()))) {
    clear_field(interp.importlib);
    return Status::kError;
  }
  sys.keep();
  set_field(early, std::move(fresh));
  return Status::kOk;
}

}  // namespace

Status import_ensure(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  OnDemandState& s = interp.on_demand;
  while (s.import == Import::kComing) {
    if (s.import_thread == ts.thread_id) return Status::kOk;
    detach(&ts);
    usleep(50);
    attach(&ts);
  }
  if (s.import == Import::kThere) return Status::kOk;
  s.import = Import::kComing;
  s.import_thread = ts.thread_id;
  // Nobody's business: not that of a trace function, of an exception that is under way, or of how deep the caller is.
  Ref<> before = error_take(ts);
  constexpr int kDepth = 200;
  ++ts.tracing;
  ts.recursion_remaining += kDepth;
  Status status = bring_up(ts);
  ts.recursion_remaining -= kDepth;
  --ts.tracing;
  s.import = failed(status) ? Import::kNotYet : Import::kThere;
  if (!failed(status)) error_restore(ts, std::move(before));
  return status;
}

Ref<> import_early(ThreadState& ts, const char* name) {
  OnDemandState& s = ts.interpreter().on_demand;
  Ref<> key = str_interned(ts, name);
  if (!key) return {};
  if (s.early_modules == nullptr && (s.early_modules = dict_new(ts).release()) == nullptr) return {};
  Ref<> module;
  if (failed(dict_lookup(ts, s.early_modules, key.get(), &module)) || module) return module;
  if (s.import == Import::kComing || ts.interpreter().importlib != nullptr) return import_module(ts, name);
  module = import_builtin_by_name(ts, key.get(), nullptr);
  if (!module || (on_demand_peek_module(ts, module_dict(module.get())) == nullptr && failed(on_demand_add(ts, module.get())))) return {};
  PyObject* d = module_dict(module.get());
  if (failed(dict_set_unmade(ts, d, ID(__spec__))) || failed(dict_set_unmade(ts, d, ID(__loader__)))) return {};
  return failed(dict_set(ts, s.early_modules, key.get(), module.get())) ? Ref<>() : std::move(module);
}

void import_clear(ThreadState& ts) {
  clear_field(ts.interpreter().importlib);
  clear_field(ts.interpreter().on_demand.early_modules);
}

}  // namespace atl
