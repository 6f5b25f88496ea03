// What namespaces of a new interpreter hold only once somebody asks for it: who makes what. Doc/internals/creation.md.
#include "Modules/interpreter_parts.h"
#include "Objects/dict/dict.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/upcalls.h"
#include "Python/import/import.h"
#include "Python/lifecycle/steps.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

using Import = OnDemandState::Import;

bool is_bringing_up_import(ThreadState& ts) {
  const OnDemandState& s = ts.interpreter().on_demand;
  return s.import == Import::kComing && s.import_thread == ts.thread_id;
}

// What the import system puts in its place as it comes up; `meanwhile` until then.
Ref<> with_import(ThreadState& ts, PyObject* meanwhile) {
  if (is_bringing_up_import(ts)) return Ref<>::dup_of(meanwhile);
  if (failed(import_ensure(ts))) return {};
  return Ref<>::dup_of(meanwhile);  // for what it has not reached, which then has none
}

bool is_import_attribute(PyObject* name) {
  return str_equals_ascii(name, "__spec__") || str_equals_ascii(name, "__loader__") || str_equals_ascii(name, "__package__");
}

bool is_import_table(PyObject* name) {
  return str_equals_ascii(name, "meta_path") || str_equals_ascii(name, "path_hooks") || str_equals_ascii(name, "path_importer_cache");
}

}  // namespace

Ref<> upcall_dict_make(ThreadState& ts, PyObject* d, PyObject* name) {
  Interpreter& interp = ts.interpreter();
  if (d == interp.modules) return with_import(ts, nullptr);
  if (is_import_attribute(name)) return with_import(ts, Py_None);
  if (d == interp.sysdict) {
    if (is_import_table(name)) return with_import(ts, Py_None);
    Ref<> stream = stream_make(ts, name);
    return stream || error_set(ts) ? std::move(stream) : sys_make(ts, name);
  }
  if (d == interp.builtins) {
    if (!str_equals_ascii(name, "open")) return builtins_make(ts, name);
    Ref<> io = import_early(ts, "_io");
    return io ? object_getattr(ts, io.get(), ID(open)) : Ref<>();
  }
  PyObject* module = on_demand_peek_module(ts, d);
  return module != nullptr ? io_make(ts, module, name) : Ref<>();
}

// What is the same in every interpreter, and what differs, is told from the first one.
Status templates_make(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  Runtime& rt = runtime();
  Ref<> sys = dict_copy(ts, interp.sysdict);
  Ref<> builtins = dict_copy(ts, interp.builtins);
  Ref<> modules = dict_copy(ts, interp.modules);
  if (!sys || !builtins || !modules) return Status::kError;
  // None here may be a stream elsewhere.
  for (const char* name : {"stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__"}) {
    Ref<> key = str_interned(ts, name);
    if (!key || failed(dict_set_unmade(ts, sys.get(), key.get()))) return Status::kError;
  }
  for (const char* name : {"_signal", "faulthandler"}) {
    Ref<> key = str_interned(ts, name);
    Ref<> old;
    if (!key || failed(dict_pop(ts, modules.get(), key.get(), &old))) return Status::kError;
  }
  rt.sys_template = dict_make_template(sys.get());
  rt.builtins_template = dict_make_template(builtins.get());
  rt.modules_template = dict_make_template(modules.get());
  if (rt.sys_template == nullptr || rt.builtins_template == nullptr || rt.modules_template == nullptr) return raise_memory(ts);
  return Status::kOk;
}

}  // namespace atl
