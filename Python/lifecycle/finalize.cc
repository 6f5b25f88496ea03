// The end of an interpreter, and of the runtime: ordered, with Python code running until the last moment that it can.
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/str/str_state.h"
#include "Objects/tuple.h"
#include "Objects/weakref.h"
#include "Modules/interpreter_parts.h"
#include "Python/lifecycle/lifecycle.h"
#include "Python/lifecycle/steps.h"
#include "Python/runtime/collector.h"
#include "Python/runtime/guard.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/runtime/statistics.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/execute.h"
#include "Python/sharing/upcalls.h"
#include "Python/vm/sealed_fault.h"

namespace atl {

void heap_pool_drop();

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
  int64_t id = interp->id;
  str_state_clear(*interp);
  std::free(interp->code_state);
  shared_weakrefs_clear(*interp);
  type_state_clear(*interp);
  Channel::forget_interpreter(id);
  if (!interpreter_abandon(interp)) interpreter_drop_memory(interp);
}

namespace {

// The keys whose values have been made.
Ref<> made_keys(ThreadState& ts, PyObject* dict) {
  Ref<> keys = list_new(ts, 0);
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (keys && dict_next_made(dict, &pos, &key, &value)) {
    if (failed(list_append(ts, keys.get(), dup(key)))) return {};
  }
  return keys;
}

// Values of a module's dict become None: private names first, then the others, so that destructors still find what
// they use for as long as possible.
void clear_module_values(ThreadState& ts, PyObject* dict) {
  if (failed(dict_drop_unmade(ts, dict))) error_clear(ts);
  for (int pass = 0; pass < 2; ++pass) {
    Ref<> keys = made_keys(ts, dict);
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
  // From here on it is too late for the import system to come up.
  if (interp.on_demand.import == OnDemandState::Import::kNotYet) interp.on_demand.import = OnDemandState::Import::kThere;
  static constexpr const char* kSysNames[] = {"path", "argv", "ps1", "ps2", "last_type", "last_value", "last_traceback",
                                              "path_hooks", "path_importer_cache", "meta_path"};
  for (const char* name : kSysNames) {
    if (failed(dict_set(ts, interp.sysdict, name, Py_None))) error_clear(ts);
  }
  for (const char* name : {"stdin", "stdout", "stderr"}) {
    std::string_view original(name);
    char key[16];
    std::snprintf(key, sizeof key, "__%s__", name);
    Ref<> original_name = str_interned(ts, key), shown_name = str_interned(ts, name);
    if (!original_name || !shown_name) {
      error_clear(ts);
      continue;
    }
    // One that nobody has asked for yet can still be.
    PyObject* v = dict_peek_made(interp.sysdict, original_name.get());
    Status s = v == nullptr && dict_is_unmade(interp.sysdict, original_name.get())
                   ? dict_set_unmade(ts, interp.sysdict, shown_name.get())
                   : dict_set(ts, interp.sysdict, shown_name.get(), v != nullptr ? v : Py_None);
    if (failed(s)) error_clear(ts);
  }
  Ref<> kept = list_new(ts, 0);
  Ref<> names = made_keys(ts, interp.modules);
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
  // Names that programs put over builtins go; the original ones serve the last destructors.
  if (runtime().builtins_template != nullptr && failed(dict_reset_to_template(ts, interp.builtins, runtime().builtins_template))) error_clear(ts);
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

// Threads of an interpreter, all but `but`, get SystemExit where they are; those that wait are woken. Are there any?
bool ask_threads_to_end(Interpreter& interp, const ThreadState* but) {
  std::lock_guard hold(interp.list_lock);
  bool any = false;
  for (ThreadState* t = interp.threads; t != nullptr; t = static_cast<ThreadState*>(t->next)) {
    if (t == but) continue;
    any = true;
    if (t->async_exc == nullptr) t->async_exc = new_ref(PyExc_SystemExit);
    t->parker.wake(Parker::kPoked);
  }
  if (any) interp.breaker.set(kBreakAsyncExc);
  return any;
}

// At the end of the process, interpreters that the program left behind don't hold it up for ever: their threads are waited for
// as long as kGrace, then get SystemExit; a little later what still waits for them is cut off, too.
constexpr int64_t kGrace = 2'000'000'000, kSecondGrace = 300'000'000;
class ExitWatch {
 public:
  explicit ExitWatch(ThreadState& ts) : ts_(ts) {
    bool alone;
    {
      std::lock_guard hold(ts.interpreter().list_lock);
      alone = ts.interpreter().threads == &ts && ts.next == nullptr;
    }
    started_ = !alone && pthread_create(&thread_, nullptr, run, this) == 0;
  }
  ExitWatch(const ExitWatch&) = delete;
  ExitWatch& operator=(const ExitWatch&) = delete;
  // The watch needs no lock of ours to end.
  ~ExitWatch() {
    if (!started_) return;
    parker_.wake(Parker::kWoken);
    pthread_join(thread_, nullptr);
    pending_drain(ts_);
    clear_field(ts_.async_exc);
  }

 private:
  static void* run(void* p) {
    auto* self = static_cast<ExitWatch*>(p);
    if (self->parker_.wait(monotonic_now() + kGrace) != 0) return nullptr;
    self->post(others_end);
    if (self->parker_.wait(monotonic_now() + kSecondGrace) != 0) return nullptr;
    self->post(waiting_ends);
    return nullptr;
  }
  // Nobody can enter an interpreter that ends: the thread that waits there makes the call.
  void post(int (*call)(void*)) {
    (void)pending_post_call(&ts_.interpreter(), call, this);
    ts_.parker.wake(Parker::kPoked);
  }
  static int others_end(void* p) {
    auto* self = static_cast<ExitWatch*>(p);
    (void)ask_threads_to_end(self->ts_.interpreter(), &self->ts_);
    return 0;
  }
  static int waiting_ends(void* p) {
    auto* self = static_cast<ExitWatch*>(p);
    if (self->ts_.async_exc == nullptr) self->ts_.async_exc = new_ref(PyExc_SystemExit);
    self->ts_.interpreter().breaker.set(kBreakAsyncExc);
    self->ts_.parker.wake(Parker::kPoked);
    return 0;
  }

  ThreadState& ts_;
  Parker parker_;
  pthread_t thread_;
  bool started_;
};

// threading._shutdown() waits for threads that are no daemons.
void wait_for_threads(ThreadState& ts) {
  PyObject* threading = PyDict_GetItemString(ts.interpreter().modules, "threading");
  if (threading == nullptr) return;
  Ref<> hold = dup(threading);
  if (!ts.interpreter().is_main && failed(become_main_thread(ts, threading))) write_unraisable(ts, threading);
  Ref<> shutdown = object_getattr(ts, threading, "_shutdown");
  if ((!shutdown || !call(ts, shutdown.get())) && !error_clear_if(ts, PyExc_SystemExit)) write_unraisable(ts, threading);
}

// Threads that nobody waits for: daemon threads and those of _thread. Where an interpreter ends and the process goes on, they
// are asked to end, by SystemExit, and get a moment for it; what they do then is cut off.
constexpr int64_t kLastMoment = 100'000'000;
void end_other_threads(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  int64_t deadline = monotonic_now() + kLastMoment;
  while (ask_threads_to_end(interp, &ts) && monotonic_now() < deadline) {
    detach(&ts);
    timespec pause{0, 500'000};
    nanosleep(&pause, nullptr);
    attach(&ts);
  }
}

// An interpreter whose making failed early has not all of these.
bool came_up(const Interpreter& interp) { return interp.modules != nullptr && interp.sysdict != nullptr && interp.builtins != nullptr; }

// Everything up to the point where no Python code can run any more.
void finalize_interpreter(ThreadState& ts, bool left_behind = false) {
  Interpreter& interp = ts.interpreter();
  if (!came_up(interp)) {
    // Nothing of Python has run in it.
  } else if (left_behind) {
    ExitWatch watch(ts);
    wait_for_threads(ts);
  } else {
    wait_for_threads(ts);
  }
  interpreter_await_guards(ts);
  run_atexit(ts);
  pending_drain(ts);
  interp.finalizing = true;
  if (!interp.is_main) end_other_threads(ts);
}

void tear_down(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  if (came_up(interp)) finalize_modules(ts);
  shared_weakrefs_end(ts);
  // The last moment at which a call can do something useful; who posts from now on is told that it is too late.
  pending_close(ts);
  unwind_steps(ts);
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
  str_ids_clear(interp);
}

// Ends an interpreter that the program has left behind. kOk, or why not.
CloseAnswer end_left_behind(ThreadState& ts, int64_t id) {
  Interpreter* interp = interpreter_pin(id);
  if (interp == nullptr) return CloseAnswer::kOk;
  CloseAnswer answer = interpreter_begin_close(interp, CloseReason::kProcessEnds);
  if (answer != CloseAnswer::kOk) {
    interpreter_unpin(interp);
    return answer;
  }
  interp->left_behind = true;
  interpreter_enter_and_end(&ts, interp);
  return answer;
}

// Interpreters that the program has left behind. Where a (daemon) thread is busy it is interrupted; when that does not help
// soon, the interpreter is given up: what runs there stops for ever at its next poll.
void end_other_interpreters(ThreadState& ts) {
  int64_t ids[64];
  for (size_t from = 0;;) {
    size_t n = std::min(interpreter_list(ids, std::size(ids)), std::size(ids));
    // This one, the main one (it is another one only in the child of a fork) and those that were given up are passed over.
    while (from < n && (ids[from] == ts.interpreter().id || ids[from] == 0)) ++from;
    if (from >= n) return;
    int64_t id = ids[from];
    int64_t deadline = monotonic_now() + kSecondGrace;
    CloseAnswer answer;
    while ((answer = end_left_behind(ts, id)) != CloseAnswer::kOk && monotonic_now() < deadline) {
      (void)interpreter_interrupt(id);
      detach(&ts);
      timespec pause{0, 1'000'000};
      nanosleep(&pause, nullptr);
      attach(&ts);
    }
    if (answer == CloseAnswer::kOk) continue;
    if (Interpreter* interp = interpreter_pin(id)) {  // stays pinned: nobody ends it any more
      interp->finalizer.store(&ts, std::memory_order_release);
      interp->breaker.set(kBreakDropLock);
    }
    ++from;
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
  helper_end(ts);
  if (flush_std_files(ts) < 0) status = -1;
  rt.finalizing.store(&ts, std::memory_order_release);
  ts.interpreter().finalizer.store(&ts, std::memory_order_release);
  rt.initialized.store(false);
  signals_restore();
  gc_collect(ts, 2);
  tear_down(ts);
  if (flush_std_files(ts) < 0) status = -1;
  sealed_verify(&ts, "at the end of the main interpreter");
  Interpreter* interp = &ts.interpreter();
  clear_thread_state(ts, &ts);
  end_thread_state(&ts);
  bool alone;
  {
    std::lock_guard hold(interp->list_lock);
    alone = interp->threads == nullptr;
  }
  {
    std::lock_guard hold(rt.interpreters_lock);
    alone = alone && rt.interpreter_count == 1;
  }
  // Where threads sleep that will never run again, what they know of stays.
  if (alone) {
    delete_interpreter_struct(interp);
    heap_pool_drop();
    interpreter_structs_drop();
    sealed_open();
  }
  rt.finalizing.store(nullptr);
  return status;
}

void interpreter_end(ThreadState* tsp) {
  ThreadState& ts = *tsp;
  Interpreter* interp = &ts.interpreter();
  interp->closing.store(true);
  finalize_interpreter(ts, interp->left_behind);
  if (came_up(*interp)) (void)flush_std_files(ts);
  interp->finalizer.store(&ts, std::memory_order_release);
  tear_down(ts);
  sealed_verify(&ts, "at the end of an interpreter");
  clear_thread_state(ts, &ts);
  end_thread_state(&ts);
  delete_interpreter_struct(interp);
}

void upcall_interpreter_end(ThreadState* ts) { interpreter_end(ts); }

}  // namespace atl
