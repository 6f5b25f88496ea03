// The locks of the runtime around fork.
//
// All leaves are taken, in the order of LockRank; the child gives them up like the parent, so that none of them is in the hands
// of a thread that is not there. A lock of an interpreter (Gil) needs no such care: the forking thread holds its own, the
// child makes that one anew, and other interpreters are gone.
#include "Python/runtime/fork.h"

#include <pthread.h>
#include <unistd.h>

#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"

namespace atl {

void fork_take_locks() {
  Runtime& rt = runtime();
  lock_check::pause();
  rt.interpreters_lock.lock();
  for (size_t i = 0; i < rt.interpreter_count; ++i) rt.interpreters[i]->list_lock.lock();
  rt.helper.lock.lock();
  rt.library.lock.lock();
  rt.static_types.lock.lock();
  rt.sealed.lock.lock();
  upcall_fork_lock_channels();
  for (size_t i = 0; i < rt.interpreter_count; ++i) rt.interpreters[i]->heap.fork_lock();
  rt.chunk_pool.lock.lock();
  rt.libc.lock.lock();
}

void fork_release_locks() {
  Runtime& rt = runtime();
  rt.libc.lock.unlock();
  rt.chunk_pool.lock.unlock();
  for (size_t i = rt.interpreter_count; i > 0; --i) rt.interpreters[i - 1]->heap.fork_unlock();
  upcall_fork_unlock_channels();
  rt.sealed.lock.unlock();
  rt.static_types.lock.unlock();
  rt.library.lock.unlock();
  rt.helper.lock.unlock();
  for (size_t i = rt.interpreter_count; i > 0; --i) rt.interpreters[i - 1]->list_lock.unlock();
  rt.interpreters_lock.unlock();
  lock_check::resume();
}

void fork_in_child(ThreadState& ts) {
  Runtime& rt = runtime();
  Interpreter& interp = ts.interpreter();
  fork_release_locks();
  interp.gil->reset_after_fork(&ts);
  // The main one stays, for the way out; its threads do not.
  if (rt.main != nullptr && rt.main->gil != interp.gil) {
    rt.main->gil->reset_after_fork(nullptr);
    rt.main->attached.store(nullptr);
  }
  helper_reset();
  thread_facts_after_fork(&ts);
  bool was_main = ts.is_main_thread;
  ts.is_main_thread = true;
  rt.main_thread = ts.thread_id;
  rt.main_tstate = &ts;
  interp.thread_count = was_main ? 0 : 1;
  size_t kept = 0;
  for (size_t i = 0; i < rt.interpreter_count; ++i) {
    Interpreter* other = rt.interpreters[i];
    if (other == &interp || other == rt.main) rt.interpreters[kept++] = other;
  }
  rt.interpreter_count = kept;
  upcall_fork_channels_in_child(interp.id);
  rt.main_inside.store(interp.is_main ? nullptr : &ts);
  interp.inbox.runner.store(interp.inbox.runner.load() == ts.thread_id ? ts.thread_id : 0);
  interp.inbox.noted.store(kNotNoted);
  interp.guards = 0;  // of threads that are not there
  interp.guard_waiter = nullptr;
  interp.breaker.clear(kBreakDrain);
  // Signals that arrived for the parent are the parent's.
  rt.signals.any.store(false);
  for (auto& tripped : rt.signals.tripped) tripped.store(false);
  interp.breaker.clear(kBreakSignals);
  interp.breaker.clear(kBreakDropLock);
  // The other threads' states go. Frames that somebody still looks at may lie in their register stacks, so those stay.
  for (auto* t = static_cast<PyThreadState*>(interp.threads); t != nullptr;) {
    auto* next = t->next;
    if (t != &ts) {
      auto* gone = static_cast<ThreadState*>(t);
      gone->datastack_chunk = nullptr;
      clear_thread_state(ts, gone);
      delete_thread_state(gone);
    }
    t = next;
  }
}

}  // namespace atl
