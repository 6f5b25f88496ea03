// C API: fork, and the functions registered to run around it.
#include "Objects/list.h"
#include "Objects/tuple.h"
#include "Python/import/import.h"
#include "Python/runtime/fork.h"

using namespace atl;

namespace {

// Calls them in order, or the last first. What they raise is reported; the others run all the same.
void run_hooks(ThreadState& ts, PyObject* hooks, bool last_first) {
  if (hooks == nullptr) return;
  Ref<> copy = Ref<>::steal(PySequence_Tuple(hooks));  // a hook may register further ones
  if (!copy) {
    write_unraisable(ts, nullptr);
    return;
  }
  Py_ssize_t n = tuple_size(copy.get());
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* hook = tuple_peek(copy.get(), last_first ? n - 1 - i : i);
    if (!call(ts, hook)) write_unraisable(ts, hook);
  }
}

}  // namespace

void PyOS_BeforeFork() {
  ThreadState& ts = current_thread();
  run_hooks(ts, ts.interpreter().before_forkers, true);
  import_lock_acquire(ts);
  fork_take_locks();
}

void PyOS_AfterFork_Parent() {
  ThreadState& ts = current_thread();
  fork_release_locks();
  import_lock_release(ts);
  run_hooks(ts, ts.interpreter().after_forkers_parent, false);
}

void PyOS_AfterFork_Child() {
  ThreadState& ts = current_thread();
  fork_in_child(ts);
  ts.interpreter().import_lock_owner = ts.thread_id;
  import_lock_release(ts);
  run_hooks(ts, ts.interpreter().after_forkers_child, false);
}

void PyOS_AfterFork() { PyOS_AfterFork_Child(); }
