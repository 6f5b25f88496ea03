#include "Python/runtime/scope.h"

#include <pthread.h>

#include "Python/runtime/guard.h"
#include "Python/runtime/runtime.h"

namespace atl {

// The table is in the order of creation.
Interpreter* find_interpreter_locked(Runtime& rt, int64_t id) {
  size_t low = 0, high = rt.interpreter_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (rt.interpreters[middle]->id < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < rt.interpreter_count && rt.interpreters[low]->id == id ? rt.interpreters[low] : nullptr;
}

Interpreter* interpreter_find_locked(int64_t id) {
  Interpreter* interp = find_interpreter_locked(runtime(), id);
  return interp == nullptr || interp->closing.load(std::memory_order_relaxed) || !interp->ready ? nullptr : interp;
}

namespace {

// Whoever waits to end it looks again.
void wake_closer_locked(Interpreter* interp) {
  if (interp->guard_waiter != nullptr) interp->guard_waiter->parker.wake(Parker::kWoken);
}
void unpin_locked(Interpreter* interp) {
  if (--interp->users == 0) wake_closer_locked(interp);
}

}  // namespace

// ---- pins --------------------------------------------------------------------------------------------------------

Interpreter* interpreter_pin(int64_t id) {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  Interpreter* interp = interpreter_find_locked(id);
  if (interp != nullptr) ++interp->users;
  return interp;
}

void interpreter_unpin(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  unpin_locked(interp);
}

size_t interpreter_list(int64_t* ids, size_t room) {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  size_t n = 0;
  for (size_t i = 0; i < rt.interpreter_count; ++i) {
    if (rt.interpreters[i]->closing.load(std::memory_order_relaxed) || !rt.interpreters[i]->ready) continue;
    if (n < room) ids[n] = rt.interpreters[i]->id;
    ++n;
  }
  return n;
}

bool interpreter_claim_main(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  if (interp->running_main) return false;
  interp->running_main = true;
  // An interrupt was meant for what ran before.
  if (interp->thread_count == 0) interp->breaker.clear(kBreakInterrupt);
  return true;
}
void interpreter_release_main(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  interp->running_main = false;
}
void interpreter_leave_main(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  interp->running_main = false;
  unpin_locked(interp);
}
bool interpreter_is_running(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  return interp->running_main || interp->is_main;
}

CloseAnswer interpreter_begin_close(Interpreter* interp, CloseReason reason) {
  std::lock_guard hold(runtime().interpreters_lock);
  if (interp->running_main) return CloseAnswer::kRunning;
  if (interp->users > 1 || (interp->home == nullptr && reason == CloseReason::kAsked)) return CloseAnswer::kInUse;
  // From inside one of its own pending calls, whatever the thread has entered since.
  if (interp->inbox.runner.load(std::memory_order_relaxed) == static_cast<unsigned long>(pthread_self())) return CloseAnswer::kRunning;
  interp->closing.store(true);
  interp->users = 0;
  interp->home_busy = true;
  return CloseAnswer::kOk;
}

// ---- guards ------------------------------------------------------------------------------------------------------

Interpreter* interpreter_guard(int64_t id) {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  Interpreter* interp = interpreter_find_locked(id);
  if (interp == nullptr || interp->guards_closed) return nullptr;
  ++interp->guards;
  return interp;
}

bool interpreter_guard_again(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  if (interp->guards_closed) return false;
  ++interp->guards;
  return true;
}

void interpreter_unguard(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  if (--interp->guards == 0) wake_closer_locked(interp);
}

void interpreter_await_guards(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  for (;;) {
    {
      std::lock_guard hold(runtime().interpreters_lock);
      // Visitors of the main interpreter go with the process.
      if (interp.guards == 0 && (interp.is_main || interp.users == 0)) {
        interp.guards_closed = true;
        interp.guard_waiter = nullptr;
        return;
      }
      interp.guard_waiter = &ts;
    }
    detach(&ts);
    (void)ts.parker.wait(kForever);
    attach(&ts);
  }
}

// ---- entering ----------------------------------------------------------------------------------------------------

namespace {

// The interpreter's own state if it is free, else a new one.
bool take_state(ScopeRecord* record, Interpreter* target) {
  {
    std::lock_guard hold(runtime().interpreters_lock);
    if (target->home != nullptr && !target->home_busy) {
      target->home_busy = true;
      record->inside = target->home;
      record->own_state = false;
    }
  }
  if (record->inside == nullptr) {
    record->inside = new_thread_state(*target);
    if (record->inside == nullptr) return false;
    record->own_state = true;
  }
  return true;
}

void give_state_back(ScopeRecord* record, Interpreter& interp) {
  record->inside->visiting = false;
  if (record->own_state) {
    delete_thread_state(record->inside);
  } else {
    std::lock_guard hold(runtime().interpreters_lock);
    interp.home_busy = false;
  }
  record->inside = nullptr;
}

}  // namespace

bool scope_enter(ScopeRecord* record, Interpreter* target) {
  if (!take_state(record, target)) return false;
  if (record->from != nullptr) detach(record->from);
  record->inside->visiting = true;
  attach(record->inside);
  if (!target->inbox.queue.empty()) pending_poll(*record->inside);
  return true;
}

bool scope_try_enter(ScopeRecord* record, Interpreter* target) {
  if (target->gil->holder() != nullptr || !take_state(record, target)) return false;
  if (record->from != nullptr) detach(record->from);
  record->inside->visiting = true;
  if (try_attach(record->inside)) return true;
  give_state_back(record, *target);
  if (record->from != nullptr) attach(record->from);
  return false;
}

void scope_leave(ScopeRecord* record) {
  if (record->inside == nullptr) return;
  Interpreter& interp = record->inside->interpreter();
  record->inside->visiting = false;
  if (record->own_state) {
    clear_thread_state(*record->inside, record->inside);
    end_thread_state(record->inside);
    record->inside = nullptr;
  } else {
    detach(record->inside);
    give_state_back(record, interp);
    forget_detached_state();
  }
  if (record->from != nullptr) attach(record->from);
}

}  // namespace atl
