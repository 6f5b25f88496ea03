// The locks of the runtime around fork.
//
// Order: the interpreter table, each interpreter's list of threads in the table's order, the sealed arena, the pool of
// chunks, the C library's state. A lock of an interpreter (Gil) needs no such care: the forking thread holds its own, and the child makes that one anew.
#include "Python/runtime/fork.h"

#include <pthread.h>
#include <unistd.h>

#include "Python/runtime/runtime.h"

namespace atl {

void fork_take_locks() {
  Runtime& rt = runtime();
  rt.interpreters_lock.lock();
  for (size_t i = 0; i < rt.interpreter_count; ++i) rt.interpreters[i]->list_lock.lock();
  rt.sealed_lock.lock();
  rt.chunk_pool.lock.lock();
  rt.libc.lock.lock();
}

void fork_release_locks() {
  Runtime& rt = runtime();
  rt.libc.lock.unlock();
  rt.chunk_pool.lock.unlock();
  rt.sealed_lock.unlock();
  for (size_t i = rt.interpreter_count; i > 0; --i) rt.interpreters[i - 1]->list_lock.unlock();
  rt.interpreters_lock.unlock();
}

void fork_in_child(ThreadState& ts) {
  Runtime& rt = runtime();
  Interpreter& interp = ts.interpreter();
  fork_release_locks();
  interp.gil->reset_after_fork(&ts);
  ts.thread_id = static_cast<unsigned long>(pthread_self());
  ts.native_thread_id = static_cast<unsigned long>(gettid());
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
