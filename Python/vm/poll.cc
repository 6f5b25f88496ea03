// What the eval breaker asks for, at a point where the interpreter is consistent.
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"
#include "Python/vm/internal.h"

namespace atl {

Poll vm_poll(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  uint32_t bits = interp.breaker.load();
  if ((bits & kBreakSignals) && interp.is_main && ts.is_main_thread) {
    interp.breaker.clear(kBreakSignals);
    if (failed(upcall_run_signal_handlers(ts))) return Poll::kError;
  }
  if ((bits & kBreakMainCalls) && interp.is_main && ts.is_main_thread && failed(pending_poll_main(ts))) return Poll::kError;
  if (bits & kBreakPending) pending_poll(ts);
  if (bits & kBreakDrain) pending_visit_targets(ts);
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
  if ((bits & kBreakInterrupt) && failed(interrupt_poll(ts))) return Poll::kError;
  if ((bits & kBreakLimits) && failed(cpu_limit_poll(ts))) return Poll::kError;
  if (bits & kBreakTracing) {
    interp.breaker.clear(kBreakTracing);
    return Poll::kSwitchLoop;
  }
  return Poll::kGoOn;
}

}  // namespace atl

// C API: signal handlers and pending calls, now. -1 with an exception when a handler raised.
int Py_MakePendingCalls() { return atl::vm_poll(atl::current_thread()) == atl::Poll::kError ? -1 : 0; }
