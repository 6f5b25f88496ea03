#include "Python/lifecycle/lifecycle.h"

#include <pthread.h>
#include <signal.h>
#include <sys/random.h>

#include <cstring>
#include <ctime>
#include <new>

#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/int/int.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Modules/config.h"
#include "Modules/interpreter_parts.h"
#include "Python/import/import.h"
#include "Python/lifecycle/steps.h"
#include "Python/runtime/abi_runtime.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/upcalls.h"
#include "Python/vm/frame.h"
#include "Python/vm/sealed_fault.h"

namespace atl {

namespace {

// ---- the steps ---------------------------------------------------------------------------------------------------

// Once per process, by the main interpreter, before any other can exist.
Status step_process_wide(ThreadState& ts) {
  if (!ts.interpreter().is_main || runtime().core_initialized) return Status::kOk;
  identifiers_bringup(runtime());
  int_bringup();
  abi_runtime_bringup();
  if (failed(static_types_init(ts)) || failed(exceptions_bringup(ts))) return Status::kError;
  builtin_modules_bringup();
  runtime().core_initialized = true;
  sealed_close();
  return Status::kOk;
}

Status step_modules(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  const DictKeys* keys = runtime().modules_template;
  interp.modules = (keys != nullptr ? dict_from_template(ts, keys) : dict_new(ts)).release();
  interp.empty_args = new_ref(empty_tuple());
  return interp.modules != nullptr ? Status::kOk : Status::kError;
}
void clear_modules(ThreadState& ts) { clear_field(ts.interpreter().modules); }

Status step_builtins(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  const DictKeys* keys = runtime().builtins_template;
  Ref<> m = keys != nullptr ? module_from_template(ts, ID(builtins), keys) : module_new(ts, ID(builtins));
  if (!m) return Status::kError;
  interp.builtins = new_ref(module_dict(m.get()));
  if (failed(dict_set(ts, interp.modules, ID(builtins), m.get()))) return Status::kError;
  interp.builtins_module = m.release();
  if (keys == nullptr && failed(builtins_fill(ts, interp.builtins))) return Status::kError;
  interp.import_func = Ref<>::dup_of(dict_peek_str(interp.builtins, ID(__import__))).release();
  return interp.import_func != nullptr ? Status::kOk : Status::kError;
}
void clear_builtins(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  clear_field(interp.import_func);
  clear_field(interp.builtins_module);
  clear_field(interp.builtins);
}

Status step_main_module(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  Ref<> m = module_new(ts, ID(__main__));
  if (!m || failed(dict_set(ts, interp.modules, ID(__main__), m.get()))) return Status::kError;
  PyObject* d = module_dict(m.get());
  if (failed(dict_set(ts, d, ID(__builtins__), interp.builtins_module))) return Status::kError;
  Ref<> annotations = dict_new(ts);
  if (!annotations || failed(dict_set(ts, d, ID(__annotations__), annotations.get()))) return Status::kError;
  if (!interp.is_main) return failed(on_demand_add(ts, m.get())) ? Status::kError : dict_set_unmade(ts, d, ID(__loader__));
  Ref<> loader = Ref<>::steal(PyObject_GetAttrString(interp.importlib, "BuiltinImporter"));
  return loader ? dict_set(ts, d, ID(__loader__), loader.get()) : Status::kError;
}

// The main interpreter begins with all of it, the others with what stands for it.
Status step_import(ThreadState& ts) {
  if (!ts.interpreter().is_main) return Status::kOk;
  PyObject* d = ts.interpreter().sysdict;
  for (const char* name : {"meta_path", "path_hooks", "path_importer_cache"}) {
    PyObject* key = str_immortal(name);
    if (key == nullptr || failed(dict_set_unmade(ts, d, key))) return Status::kError;
  }
  return import_ensure(ts);
}

Status step_templates(ThreadState& ts) { return ts.interpreter().is_main ? templates_make(ts) : Status::kOk; }

struct Step {
  const char* name;
  Status (*init)(ThreadState&);
  void (*clear)(ThreadState&);
};

// In this order up, in the reverse order down.
constexpr Step kSteps[] = {
    {"process-wide types", step_process_wide, nullptr},
    {"exceptions", exceptions_init, exceptions_clear},
    {"modules", step_modules, clear_modules},
    {"builtins", step_builtins, clear_builtins},
    {"sys", sys_init, sys_clear},
    {"warnings", warnings_init, warnings_clear},
    {"sharing", sharing_init, sharing_clear},
    {"import", step_import, import_clear},
    {"codecs", nullptr, codecs_clear},
    {"signals", signals_init, signals_clear},
    {"standard streams", streams_init, nullptr},
    {"__main__", step_main_module, nullptr},
    {"templates", step_templates, nullptr},
};

bool run_steps(ThreadState& ts, const char** failed_step) {
  size_t i = 0;
  for (const Step& step : kSteps) {
    if (step.init != nullptr && failed(step.init(ts))) {
      *failed_step = step.name;
      return false;
    }
    ++i;
  }
  return true;
}

void print_init_failure(ThreadState& ts, const char* step) {
  std::fprintf(stderr, "Fatal Python error: init: can't initialize %s\n", step);
  if (error_set(ts)) {
    Ref<> exc = error_take(ts);
    Ref<> text = object_repr(ts, exc.get());
    const char* utf8 = text ? str_utf8(ts, text.get()) : nullptr;
    std::fprintf(stderr, "%s\n", utf8 != nullptr ? utf8 : exc.get()->ob_type->tp_name);
    error_clear(ts);
  }
}

// ---- interpreters ------------------------------------------------------------------------------------------------

Interpreter* new_interpreter_struct(bool is_main) {
  Interpreter* interp = interpreter_struct_new();
  if (interp == nullptr) return nullptr;
  Runtime& rt = runtime();
  interp->is_main = is_main;
  interp->heap.init(interp);
  gc_init(interp->gc);
  interp->gil = &interp->own_gil;
  std::unique_lock hold(rt.interpreters_lock);
  if (rt.interpreter_count == rt.interpreter_capacity) {
    size_t n = rt.interpreter_capacity ? rt.interpreter_capacity * 2 : 16;
    auto** grown = static_cast<Interpreter**>(std::realloc(rt.interpreters, n * sizeof(Interpreter*)));
    if (grown == nullptr) {
      hold.unlock();
      interpreter_struct_free(interp);
      return nullptr;
    }
    rt.interpreters = grown;
    rt.interpreter_capacity = n;
  }
  interp->id = rt.next_interpreter_id++;
  rt.interpreters[rt.interpreter_count++] = interp;
  if (is_main) rt.main = interp;
  return interp;
}

void make_hash_secret(const Config& config) {
  Runtime& rt = runtime();
  if (config.use_hash_seed) {
    uint64_t x = config.hash_seed;
    for (uint64_t& word : rt.hash_secret) {
      word = 0;
      if (config.hash_seed == 0) continue;
      // The generator of PYTHONHASHSEED: the bytes of a linear congruential sequence.
      for (int i = 0; i < 8; ++i) {
        x = static_cast<uint32_t>(x * 214013 + 2531011);
        word |= static_cast<uint64_t>((x >> 16) & 0xff) << (8 * i);
      }
    }
    return;
  }
  if (getrandom(rt.hash_secret, sizeof rt.hash_secret, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof rt.hash_secret)) {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    rt.hash_secret[0] = static_cast<uint64_t>(now.tv_nsec) * 0x9e3779b97f4a7c15ull;
    rt.hash_secret[1] = reinterpret_cast<uintptr_t>(&now) ^ static_cast<uint64_t>(now.tv_sec);
  }
}

}  // namespace

void unwind_steps(ThreadState& ts) {
  for (size_t i = std::size(kSteps); i-- > 0;) {
    if (kSteps[i].clear != nullptr) kSteps[i].clear(ts);
  }
}

bool runtime_start(const Config& config) {
  Runtime& rt = runtime();
  if (rt.initialized.load()) return true;
  rt.config = &config;
  rt.main_thread = static_cast<unsigned long>(pthread_self());
  helper_reset();
  clock_base_set();
  make_hash_secret(config);
#ifdef ATOLL_CHECKED
  sealed_check(config.isolation_check);
#else
  if (config.isolation_check) sealed_check(true);
#endif
  if (config.isolation_check) sealed_fault_install();
  Interpreter* interp = new_interpreter_struct(true);
  if (interp == nullptr) {
    std::fprintf(stderr, "Fatal Python error: init: out of memory\n");
    return false;
  }
  interp->options.own_gil = true;
  if (config.int_max_str_digits >= 0) interp->int_max_str_digits = config.int_max_str_digits;
  ThreadState* ts = new_thread_state(*interp);
  rt.main_tstate = ts;
  ts->is_main_thread = true;
  attach(ts);
  if (failed(type_state_init(*interp))) {
    std::fprintf(stderr, "Fatal Python error: init: out of memory\n");
    return false;
  }
  const char* step = nullptr;
  if (!run_steps(*ts, &step)) {
    print_init_failure(*ts, step);
    return false;
  }
  rt.initialized.store(true);
  if (config.faulthandler) {
    Ref<> module = import_module(*ts, "faulthandler");
    Ref<> name = str_interned(*ts, "enable");
    if (!module || !name || !call_method(*ts, module.get(), name.get())) {
      print_init_failure(*ts, "faulthandler");
      return false;
    }
  }
  interp->ready = true;
  // -W and PYTHONWARNINGS take effect, and complaints about them are seen, when warnings is loaded.
  if (config.warn_options.size != 0 && !import_module(*ts, "warnings")) {
    print_init_failure(*ts, "warnings");
    return false;
  }
  if (!config.no_site && failed(run_site(*ts))) return false;
  return true;
}

ThreadState* interpreter_new(const InterpreterOptions& options, bool with_site) {
  Runtime& rt = runtime();
  ThreadState* from = current_thread_or_null();
  Interpreter* interp = new_interpreter_struct(false);
  if (interp == nullptr) {
    if (from != nullptr) raise_no_memory(*from);
    return nullptr;
  }
  interp->options = options;
  if (!options.own_gil) interp->gil = rt.main->gil;
  interp->int_max_str_digits = rt.main->int_max_str_digits;
  interp->recursion_limit = rt.main->recursion_limit;
  ThreadState* ts = new_thread_state(*interp);
  if (ts == nullptr || failed(type_state_init(*interp))) {
    if (ts != nullptr) delete_thread_state(ts);
    delete_interpreter_struct(interp);
    if (from != nullptr) raise_no_memory(*from);
    return nullptr;
  }
  if (from != nullptr) detach(from);
  attach(ts);
  const char* step = nullptr;
  bool ok = run_steps(*ts, &step);
  if (ok && with_site) ok = !failed(run_site(*ts));
  if (ok) return ts;
  char reason[256] = "";
  bool no_memory = error_matches(*ts, PyExc_MemoryError);
  if (no_memory) error_clear(*ts);
  if (error_set(*ts)) {
    Ref<> exc = error_take(*ts);
    Ref<> text = object_repr(*ts, exc.get());
    const char* utf8 = text ? str_utf8(*ts, text.get()) : nullptr;
    std::snprintf(reason, sizeof reason, "%s", utf8 != nullptr ? utf8 : "");
    error_clear(*ts);
  }
  interpreter_end(ts);
  if (from != nullptr) {
    attach(from);
    if (no_memory) return static_cast<ThreadState*>(raise_no_memory(*from));
    (void)raise(*from, PyExc_RuntimeError, "interpreter creation failed: can't initialize %s (%s)", step != nullptr ? step : "site", reason);
  }
  return nullptr;
}

ThreadState* upcall_interpreter_new(const InterpreterOptions& options, bool run_site) { return interpreter_new(options, run_site); }

}  // namespace atl
