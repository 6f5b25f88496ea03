// C API: interpreters that a host creates and ends with a thread state in its hand.
#include "Objects/errors.h"
#include "Python.h"
#include "Python/lifecycle/lifecycle.h"
#include "Python/runtime/runtime.h"

using namespace atl;

namespace {

// Why the parts of a configuration don't fit together; NULL when they do.
const char* problem_of(const PyInterpreterConfig& c) {
  if (c.gil < PyInterpreterConfig_DEFAULT_GIL || c.gil > PyInterpreterConfig_OWN_GIL) return "invalid interpreter config 'gil' value";
  if (c.use_main_obmalloc && c.gil == PyInterpreterConfig_OWN_GIL) return "an interpreter with its own GIL can't use the main interpreter's obmalloc";
  if (!c.use_main_obmalloc && !c.check_multi_interp_extensions) return "per-interpreter obmalloc does not support single-phase init extension modules";
  if (c.allow_daemon_threads && !c.allow_threads) return "daemon threads can't be allowed where threads are not";
  return nullptr;
}

InterpreterOptions options_of(const PyInterpreterConfig& c) {
  InterpreterOptions o;
  o.own_gil = c.gil == PyInterpreterConfig_OWN_GIL;
  o.allow_fork = c.allow_fork != 0;
  o.allow_exec = c.allow_exec != 0;
  o.allow_threads = c.allow_threads != 0;
  o.allow_daemon_threads = c.allow_daemon_threads != 0;
  o.check_multi_interp_extensions = c.check_multi_interp_extensions != 0;
  o.use_main_obmalloc = c.use_main_obmalloc != 0;
  return o;
}

ThreadState* create(const PyInterpreterConfig& config, Whence whence) {
  Runtime& rt = runtime();
  ThreadState* from = current_thread_or_null();
  ThreadState* fresh = interpreter_new(options_of(config), rt.config->no_site == 0);
  if (fresh == nullptr) {
    // There may be no thread state that could have an exception: 3.11 leaves none.
    if (from != nullptr) error_clear(*from);
    return nullptr;
  }
  std::lock_guard hold(rt.interpreters_lock);
  fresh->interpreter().whence = whence;
  fresh->interpreter().ready = true;
  return fresh;
}

}  // namespace

PyStatus Py_NewInterpreterFromConfig(PyThreadState** tstate, const PyInterpreterConfig* config) {
  *tstate = nullptr;
  if (config == nullptr) return PyStatus_Error("the interpreter's configuration is NULL");
  if (!runtime().initialized.load()) return PyStatus_Error("Py_Initialize must be called first");
  if (const char* problem = problem_of(*config)) return PyStatus_Error(problem);
  *tstate = create(*config, Whence::kApi);
  return *tstate != nullptr ? PyStatus_Ok() : PyStatus_Error("the interpreter can't be created");
}

PyThreadState* Py_NewInterpreter() {
  if (!runtime().initialized.load()) Py_FatalError("Py_Initialize must be called first");
  PyInterpreterConfig config = _PyInterpreterConfig_LEGACY_INIT;
  return create(config, Whence::kLegacyApi);
}
// 3.11's own way to an interpreter without fork, exec and daemon threads; it shares the lock, too.
PyThreadState* _Py_NewInterpreter(int isolated) {
  if (!runtime().initialized.load()) Py_FatalError("Py_Initialize must be called first");
  PyInterpreterConfig config = _PyInterpreterConfig_LEGACY_INIT;
  if (isolated) config.allow_fork = config.allow_exec = config.allow_threads = config.allow_daemon_threads = 0;
  return create(config, Whence::kLegacyApi);
}

void Py_EndInterpreter(PyThreadState* tstate) {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr || ts != tstate) Py_FatalError("thread is not current");
  Interpreter& interp = ts->interpreter();
  if (interp.is_main) Py_FatalError("the main interpreter ends with Py_FinalizeEx()");
  // Somebody up the stack will come back to it: from the middle of its own visit it can't be ended.
  if (interp.inbox.runner.load(std::memory_order_relaxed) == ts->thread_id || ts->visiting) {
    (void)raise(*ts, PyExc_RuntimeError, "an interpreter can't be ended from a pending call or a scope inside it");
    write_unraisable(*ts, nullptr, "in Py_EndInterpreter");
    return;
  }
  if (ts->cframe->current_frame != nullptr) Py_FatalError("thread still has a frame");
  {
    std::lock_guard hold(runtime().interpreters_lock);
    interp.closing.store(true);
  }
  interpreter_end(ts);
}
