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
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/str/str_state.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/weakref.h"
#include "Modules/interpreter_parts.h"
#include "Python/import/import.h"
#include "Python/lifecycle/steps.h"
#include "Python/runtime/collector.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/execute.h"
#include "Python/sharing/upcalls.h"
#include "Python/vm/frame.h"

namespace atl {

namespace {

// ---- the steps ---------------------------------------------------------------------------------------------------

// Once per process, by the main interpreter, before any other can exist.
Status step_process_wide(ThreadState& ts) {
  if (!ts.interpreter().is_main) return Status::kOk;
  identifiers_bringup(runtime());
  int_bringup();
  if (failed(static_types_init(ts)) || failed(exceptions_bringup(ts))) return Status::kError;
  runtime().core_initialized = true;
  return Status::kOk;
}

Status step_modules(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  interp.modules = dict_new(ts).release();
  interp.empty_args = new_ref(empty_tuple());
  return interp.modules != nullptr ? Status::kOk : Status::kError;
}
void clear_modules(ThreadState& ts) { clear_field(ts.interpreter().modules); }

Status step_builtins(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  Ref<> m = module_new(ts, ID(builtins));
  if (!m) return Status::kError;
  interp.builtins = new_ref(module_dict(m.get()));
  if (failed(dict_set(ts, interp.modules, ID(builtins), m.get()))) return Status::kError;
  interp.builtins_module = m.release();
  if (failed(builtins_fill(ts, interp.builtins))) return Status::kError;
  interp.import_func = Ref<>::dup_of(dict_peek_str(interp.builtins, ID(__import__))).release();
  interp.builtins_copy = dict_copy(ts, interp.builtins).release();
  return interp.builtins_copy != nullptr ? Status::kOk : Status::kError;
}
void clear_builtins(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  clear_field(interp.import_func);
  clear_field(interp.builtins_copy);
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
  Ref<> loader = Ref<>::steal(PyObject_GetAttrString(interp.importlib, "BuiltinImporter"));
  return loader ? dict_set(ts, d, ID(__loader__), loader.get()) : Status::kError;
}

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
    {"import", import_init, import_clear},
    {"encodings", codecs_init, codecs_clear},
    {"signals", signals_init, signals_clear},
    {"standard streams", streams_init, nullptr},
    {"__main__", step_main_module, nullptr},
};

// Steps that are undone after a failure, or at the end, from `from` down to the first.
void unwind_steps(ThreadState& ts, size_t from) {
  for (size_t i = from; i-- > 0;) {
    if (kSteps[i].clear != nullptr) kSteps[i].clear(ts);
  }
}

bool run_steps(ThreadState& ts, const char** failed_step) {
  size_t i = 0;
  for (const Step& step : kSteps) {
    if (failed(step.init(ts))) {
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
  void* memory = std::aligned_alloc(64, (sizeof(Interpreter) + 63) & ~size_t{63});
  if (memory == nullptr) return nullptr;
  std::memset(memory, 0, sizeof(Interpreter));
  auto* interp = new (memory) Interpreter();
  Runtime& rt = runtime();
  interp->is_main = is_main;
  interp->heap.init(interp);
  gc_init(interp->gc);
  interp->gil = &interp->own_gil;
  std::lock_guard hold(rt.interpreters_lock);
  if (rt.interpreter_count == rt.interpreter_capacity) {
    size_t n = rt.interpreter_capacity ? rt.interpreter_capacity * 2 : 16;
    auto** grown = static_cast<Interpreter**>(std::realloc(rt.interpreters, n * sizeof(Interpreter*)));
    if (grown == nullptr) {
      interp->~Interpreter();
      std::free(memory);
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

void delete_interpreter_struct(Interpreter* interp) {
  Runtime& rt = runtime();
  {
    std::lock_guard hold(rt.interpreters_lock);
    for (size_t i = 0; i < rt.interpreter_count; ++i) {
      if (rt.interpreters[i] != interp) continue;
      std::memmove(&rt.interpreters[i], &rt.interpreters[i + 1], (rt.interpreter_count - i - 1) * sizeof(Interpreter*));
      --rt.interpreter_count;
      break;
    }
    if (rt.main == interp) rt.main = nullptr;
  }
  while (PendingNode* node = interp->pending.take()) {
    if (node->owned) std::free(node);
  }
  int64_t id = interp->id;
  str_state_clear(*interp);
  shared_weakrefs_clear(*interp);
  type_state_clear(*interp);
  interp->heap.drop_all();
  // Daemon threads that wait for its lock find it `gone` and sleep for ever: what they wait on must stay.
  if (interp->threads == nullptr) {
    interp->~Interpreter();
    std::free(interp);
  }
  Channel::forget_interpreter(id);
}

// Values of a module's dict become None: private names first, then the others, so that destructors still find what
// they use for as long as possible.
void clear_module_values(ThreadState& ts, PyObject* dict) {
  for (int pass = 0; pass < 2; ++pass) {
    Ref<> keys = dict_keys_list(ts, dict);
    if (!keys) {
      error_clear(ts);
      return;
    }
    for (Py_ssize_t i = 0; i < list_size(keys.get()); ++i) {
      PyObject* key = list_items(keys.get())[i];
      if (!is_str(key) || str_length(key) == 0) continue;
      bool is_private = str_at(key, 0) == '_' && (str_length(key) < 2 || str_at(key, 1) != '_');
      if (pass == 0 ? !is_private : str_equals_ascii(key, "__builtins__")) continue;
      PyObject* value = dict_peek(ts, dict, key);
      if (value == nullptr || value == Py_None) continue;
      if (failed(dict_set(ts, dict, key, Py_None))) error_clear(ts);
    }
  }
}

// Takes sys.modules apart. Modules that something still refers to are emptied; builtins and sys come last.
void finalize_modules(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  static constexpr const char* kSysNames[] = {"path", "argv", "ps1", "ps2", "last_type", "last_value", "last_traceback",
                                              "path_hooks", "path_importer_cache", "meta_path"};
  for (const char* name : kSysNames) {
    if (failed(dict_set(ts, interp.sysdict, name, Py_None))) error_clear(ts);
  }
  for (const char* name : {"stdin", "stdout", "stderr"}) {
    std::string_view original(name);
    char key[16];
    std::snprintf(key, sizeof key, "__%s__", name);
    PyObject* v = PyDict_GetItemString(interp.sysdict, key);
    if (failed(dict_set(ts, interp.sysdict, name, v != nullptr ? v : Py_None))) error_clear(ts);
  }
  Ref<> kept = list_new(ts, 0);
  Ref<> names = dict_keys_list(ts, interp.modules);
  if (!kept || !names) {
    error_clear(ts);
    return;
  }
  // Weak references tell afterwards which modules survived the loss of sys.modules.
  for (Py_ssize_t i = 0; i < list_size(names.get()); ++i) {
    PyObject* name = list_items(names.get())[i];
    PyObject* m = dict_peek(ts, interp.modules, name);
    if (m == nullptr) {
      error_clear(ts);
      continue;
    }
    if (is_module(m) && m != interp.builtins_module && m != interp.sys_module) {
      Ref<> ref = Ref<>::steal(PyWeakref_NewRef(m, nullptr));
      if (!ref || failed(list_append(ts, kept.get(), std::move(ref)))) error_clear(ts);
    }
    if (failed(dict_set(ts, interp.modules, name, Py_None))) error_clear(ts);
  }
  dict_clear(ts, interp.modules);
  clear_field(interp.importlib);
  gc_collect(ts, 2);
  for (Py_ssize_t i = list_size(kept.get()); i-- > 0;) {
    PyObject* m = PyWeakref_GetObject(list_items(kept.get())[i]);
    if (m == nullptr || m == Py_None) continue;
    Ref<> hold = dup(m);
    if (module_dict(m) != nullptr) clear_module_values(ts, module_dict(m));
  }
  kept.reset();
  clear_module_values(ts, interp.sysdict);
  if (interp.builtins_copy != nullptr) {
    // Names that programs put over builtins go; the original ones serve the last destructors.
    dict_clear(ts, interp.builtins);
    if (failed(dict_merge(ts, interp.builtins, interp.builtins_copy, true))) error_clear(ts);
  }
  gc_collect(ts, 2);
}

void run_atexit(ThreadState& ts) {
  PyObject* callbacks = ts.interpreter().atexit_callbacks;
  if (callbacks == nullptr) return;
  // Last registered, first called; a callback may register more.
  while (list_size(callbacks) != 0) {
    Py_ssize_t last = list_size(callbacks) - 1;
    Ref<> entry = dup(list_items(callbacks)[last]);
    if (failed(list_set_slice(ts, callbacks, last, last + 1, nullptr))) {
      error_clear(ts);
      break;
    }
    if (!is_tuple(entry.get()) || tuple_size(entry.get()) != 3) continue;
    PyObject* func = tuple_peek(entry.get(), 0);
    PyObject* kwargs = tuple_peek(entry.get(), 2);
    if (!object_call(ts, func, tuple_peek(entry.get(), 1), kwargs == Py_None ? nullptr : kwargs)) {
      write_unraisable(ts, func, "Exception ignored in atexit callback");
    }
  }
}

// threading takes the thread that imported it for the main one, and lets only that one end it. Any thread may end an
// interpreter: it takes that place, with the lock that tells whether the main thread is alive.
Status become_main_thread(ThreadState& ts, PyObject* threading) {
  Ref<> main = object_getattr(ts, threading, "_main_thread");
  Ref<> ident = main ? int_from_u64(ts, ts.thread_id) : Ref<>();
  Ref<> key = ident ? str_interned(ts, "_ident") : Ref<>();
  if (!key || failed(object_setattr(ts, main.get(), key.get(), ident.get()))) return Status::kError;
  Ref<> lock = object_getattr(ts, main.get(), "_tstate_lock");
  if (!lock || lock.get() == Py_None) return lock ? Status::kOk : Status::kError;
  return Ref<>::steal(PyObject_CallMethod(lock.get(), "acquire", "O", Py_False)) ? Status::kOk : Status::kError;
}

// threading._shutdown() waits for threads that are no daemons.
void wait_for_threads(ThreadState& ts) {
  PyObject* threading = PyDict_GetItemString(ts.interpreter().modules, "threading");
  if (threading == nullptr) return;
  Ref<> hold = dup(threading);
  if (!ts.interpreter().is_main && failed(become_main_thread(ts, threading))) write_unraisable(ts, threading);
  Ref<> shutdown = object_getattr(ts, threading, "_shutdown");
  if (!shutdown || !call(ts, shutdown.get())) write_unraisable(ts, threading);
}

// Everything up to the point where no Python code can run any more.
void finalize_interpreter(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  wait_for_threads(ts);
  run_atexit(ts);
  interp.finalizing = true;
}

void tear_down(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  finalize_modules(ts);
  unwind_steps(ts, std::size(kSteps));
  gc_collect(ts, 2);
  clear_field(interp.dict);
  clear_field(interp.atexit_callbacks);
  clear_field(interp.before_forkers);
  clear_field(interp.after_forkers_parent);
  clear_field(interp.after_forkers_child);
  clear_field(interp.audit_hooks);
  clear_field(interp.modules_by_index);
  clear_field(interp.extensions);
  clear_field(interp.gc.garbage);
  clear_field(interp.gc.callbacks);
  clear_field(interp.copyreg_cache);
  clear_field(interp.ast_state);
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

void heap_pool_drop();

bool runtime_start(const Config& config) {
  Runtime& rt = runtime();
  if (rt.initialized.load()) return true;
  rt.config = &config;
  rt.main_thread = static_cast<unsigned long>(pthread_self());
  make_hash_secret(config);
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

namespace {

// Interpreters that the program has left behind. Those in which a (daemon) thread is busy are given up as they are.
void end_other_interpreters(ThreadState& ts) {
  int64_t ids[64];
  for (bool more = true; more;) {
    size_t n = interpreter_list(ids, std::size(ids));
    more = false;
    for (size_t i = 0; i < n && i < std::size(ids); ++i) {
      Interpreter* interp = interpreter_pin(ids[i]);
      if (interp == nullptr) continue;
      if (interp->is_main || interpreter_begin_close(interp) != CloseAnswer::kOk) {
        interpreter_unpin(interp);
        continue;
      }
      interpreter_enter_and_end(&ts, interp);
      more = true;
    }
  }
}

}  // namespace

int runtime_finish() {
  Runtime& rt = runtime();
  if (!rt.initialized.load()) return 0;
  ThreadState& ts = current_thread();
  int status = 0;
  finalize_interpreter(ts);
  end_other_interpreters(ts);
  if (flush_std_files(ts) < 0) status = -1;
  rt.finalizing.store(&ts, std::memory_order_release);
  rt.initialized.store(false);
  signals_restore();
  gc_collect(ts, 2);
  tear_down(ts);
  if (flush_std_files(ts) < 0) status = -1;
  Interpreter* interp = &ts.interpreter();
  clear_thread_state(ts, &ts);
  interp->gone = true;
  end_thread_state(&ts);
  if (interp->threads == nullptr) {
    delete_interpreter_struct(interp);
    heap_pool_drop();
  }
  rt.finalizing.store(nullptr);
  return status;
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
    delete_interpreter_struct(interp);
    if (from != nullptr) raise_no_memory(*from);
    return nullptr;
  }
  thread_moves_to(ts, from);
  if (from != nullptr) detach(from);
  attach(ts);
  const char* step = nullptr;
  bool ok = run_steps(*ts, &step);
  if (ok && with_site) ok = !failed(run_site(*ts));
  if (ok) return ts;
  char reason[256] = "";
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
    (void)raise(*from, PyExc_RuntimeError, "interpreter creation failed: can't initialize %s (%s)", step != nullptr ? step : "site", reason);
  }
  return nullptr;
}

ThreadState* upcall_interpreter_new(const InterpreterOptions& options, bool run_site) { return interpreter_new(options, run_site); }
void upcall_interpreter_end(ThreadState* ts) { interpreter_end(ts); }

void interpreter_end(ThreadState* tsp) {
  ThreadState& ts = *tsp;
  Interpreter* interp = &ts.interpreter();
  interp->closing.store(true);
  finalize_interpreter(ts);
  (void)flush_std_files(ts);
  tear_down(ts);
  clear_thread_state(ts, &ts);
  interp->gone = true;
  end_thread_state(&ts);
  delete_interpreter_struct(interp);
}

}  // namespace atl
