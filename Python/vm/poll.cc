// What the eval breaker asks for, at a point where the interpreter is consistent.
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"
#include "Python/vm/internal.h"

namespace atl {

namespace {

// Calls that were posted to this interpreter. An exception of one is reported and stops nothing else.
void run_pending(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  interp.breaker.clear(kBreakPending);
  // Those posted while these run wait for the next poll, so that a call that posts itself can't hang the loop.
  PendingNode* first = nullptr;
  while (PendingNode* node = interp.pending.take()) {
    if (node == first) {
      interp.pending.post(node);
      interp.breaker.set(kBreakPending);
      break;
    }
    if (first == nullptr) first = node;
    auto func = node->func;
    void* arg = node->arg;
    bool owned = node->owned;
    if (owned) std::free(node);
    if (func(arg) != 0 || error_set(ts)) write_unraisable(ts, nullptr, "in a pending call");
    if (owned) first = nullptr;
  }
}

}  // namespace

Poll vm_poll(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  uint32_t bits = interp.breaker.load();
  if ((bits & kBreakSignals) && interp.is_main && ts.is_main_thread) {
    interp.breaker.clear(kBreakSignals);
    if (failed(upcall_run_signal_handlers(ts))) return Poll::kError;
  }
  if (bits & kBreakPending) run_pending(ts);
  if (bits & kBreakCollect) {
    interp.breaker.clear(kBreakCollect);
    gc_collect_due(ts);
  }
  if (bits & kBreakDropLock) {
    t_current = nullptr;
    interp.gil->yield_to_waiter(&ts);
    t_current = &ts;
    ThreadState* finalizer = interp.finalizer.load(std::memory_order_acquire);
    if (finalizer != nullptr && finalizer != &ts) {
      detach(&ts);
      attach(&ts);  // does not come back
    }
  }
  if (bits & kBreakAsyncExc) {
    if (PyObject* exc = std::exchange(ts.async_exc, nullptr)) {
      Ref<> owned = Ref<>::steal(exc);
      (void)raise_none(ts, exc);
      return Poll::kError;
    }
    bool more = false;
    {
      std::lock_guard hold(interp.list_lock);
      for (PyThreadState* t = interp.threads; t != nullptr; t = t->next) more = more || t->async_exc != nullptr;
    }
    if (!more) interp.breaker.clear(kBreakAsyncExc);
  }
  if (bits & kBreakInterrupt) {
    interp.breaker.clear(kBreakInterrupt);
    (void)raise_none(ts, PyExc_KeyboardInterrupt);
    return Poll::kError;
  }
  if (bits & kBreakTracing) {
    interp.breaker.clear(kBreakTracing);
    return Poll::kSwitchLoop;
  }
  return Poll::kGoOn;
}

}  // namespace atl

// C API: signal handlers and pending calls, now. -1 with an exception when a handler raised.
int Py_MakePendingCalls() { return atl::vm_poll(atl::current_thread()) == atl::Poll::kError ? -1 : 0; }
