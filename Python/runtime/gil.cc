#include "Python/runtime/gil.h"

#include <chrono>
#include <new>

#include "Python/runtime/interpreter.h"

namespace atl {

void Gil::acquire(ThreadState* ts) {
  std::unique_lock hold(mutex_);
  ++waiters_;
  while (locked_) {
    uint64_t seen = switches_;
    auto wait = std::chrono::microseconds(interval_us.load(std::memory_order_relaxed));
    bool timed_out = free_.wait_for(hold, wait) == std::cv_status::timeout;
    // Nobody else got it in the meantime: the holder is asked to let go.
    if (timed_out && locked_ && switches_ == seen && holder_interp_ != nullptr) {
      holder_interp_->breaker.set(kBreakDropLock);
    }
  }
  --waiters_;
  locked_ = true;
  ++switches_;
  holder_ = ts;
  holder_interp_ = &ts->interpreter();
  ts->holds_gil = true;
  taken_.notify_all();
}

bool Gil::try_acquire(ThreadState* ts) {
  std::unique_lock hold(mutex_);
  if (locked_) return false;
  locked_ = true;
  ++switches_;
  holder_ = ts;
  holder_interp_ = &ts->interpreter();
  ts->holds_gil = true;
  return true;
}

void Gil::release(ThreadState* ts) {
  std::unique_lock hold(mutex_);
  locked_ = false;
  holder_ = nullptr;
  holder_interp_ = nullptr;
  ts->holds_gil = false;
  if (waiters_ != 0) free_.notify_one();
}

void Gil::yield_to_waiter(ThreadState* ts) {
  Interpreter& interp = ts->interpreter();
  {
    std::unique_lock hold(mutex_);
    interp.breaker.clear(kBreakDropLock);
    if (waiters_ == 0) return;
    locked_ = false;
    holder_ = nullptr;
    holder_interp_ = nullptr;
    ts->holds_gil = false;
    uint64_t seen = switches_;
    free_.notify_one();
    // Forced hand-over: somebody must have had it before we ask again.
    while (switches_ == seen && waiters_ != 0) taken_.wait(hold);
  }
  acquire(ts);
}

void Gil::reset_after_fork(ThreadState* ts) {
  new (&mutex_) std::mutex;
  new (&free_) std::condition_variable;
  new (&taken_) std::condition_variable;
  waiters_ = 0;
  locked_ = true;
  holder_ = ts;
  holder_interp_ = &ts->interpreter();
}

}  // namespace atl
