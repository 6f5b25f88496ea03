#include "Python/runtime/scope.h"

#include "Python/runtime/runtime.h"

namespace atl {

namespace {

Interpreter* find_locked(Runtime& rt, int64_t id) {
  for (size_t i = 0; i < rt.interpreter_count; ++i) {
    if (rt.interpreters[i]->id == id) return rt.interpreters[i];
  }
  return nullptr;
}

}  // namespace

void thread_moves_to(ThreadState* to, const ThreadState* from) {
  if (from == nullptr) {
    to->c_stack_limit = nullptr;  // attach finds them
    return;
  }
  to->c_stack_limit = from->c_stack_limit;
  to->c_stack_base = from->c_stack_base;
  to->thread_id = from->thread_id;
  to->native_thread_id = from->native_thread_id;
}

Interpreter* interpreter_pin(int64_t id) {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  Interpreter* interp = find_locked(rt, id);
  if (interp == nullptr || interp->closing.load(std::memory_order_relaxed) || !interp->ready) return nullptr;
  ++interp->users;
  return interp;
}

void interpreter_unpin(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  --interp->users;
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
  return true;
}
void interpreter_release_main(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  interp->running_main = false;
}
bool interpreter_is_running(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  return interp->running_main || interp->is_main;
}

CloseAnswer interpreter_begin_close(Interpreter* interp) {
  std::lock_guard hold(runtime().interpreters_lock);
  if (interp->running_main) return CloseAnswer::kRunning;
  if (interp->users > 1) return CloseAnswer::kInUse;
  interp->closing.store(true);
  interp->users = 0;
  interp->home_busy = true;
  return CloseAnswer::kOk;
}

InterpreterScope::InterpreterScope(ThreadState* from, Interpreter* target) : from_(from) {
  Runtime& rt = runtime();
  ThreadState* state = nullptr;
  {
    std::lock_guard hold(rt.interpreters_lock);
    if (target->home != nullptr && !target->home_busy) {
      target->home_busy = true;
      state = target->home;
    }
  }
  if (state == nullptr) {
    state = new_thread_state(*target);
    if (state == nullptr) return;
    own_state_ = true;
  }
  thread_moves_to(state, from);
  inside_ = state;
  bool on_main_thread = from != nullptr && (from->is_main_thread || from == rt.main_inside.load(std::memory_order_relaxed));
  if (from != nullptr) detach(from);
  attach(state);
  if (on_main_thread) {
    main_outside_ = from;
    rt.main_inside.store(state, std::memory_order_release);
  }
}

InterpreterScope::~InterpreterScope() {
  if (inside_ == nullptr) return;
  Runtime& rt = runtime();
  if (main_outside_ != nullptr) rt.main_inside.store(main_outside_->is_main_thread ? nullptr : main_outside_, std::memory_order_release);
  Interpreter& interp = inside_->interpreter();
  if (own_state_) {
    clear_thread_state(*inside_, inside_);
    end_thread_state(inside_);
  } else {
    detach(inside_);
    std::lock_guard hold(rt.interpreters_lock);
    interp.home_busy = false;
  }
  if (from_ != nullptr) attach(from_);
}

}  // namespace atl
