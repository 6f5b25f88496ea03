#include "Python/runtime/gil.h"

#include <chrono>
#include <new>

#include "Python/runtime/abi_runtime.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

// The inside of a Gil is a leaf; a condition variable needs the plain mutex.
class Inside {
 public:
  explicit Inside(std::mutex& mutex) : hold_((lock_check::taking(LockRank::kGil), mutex)) {}
  ~Inside() {
    hold_.unlock();
    lock_check::released(LockRank::kGil);
  }
  std::unique_lock<std::mutex>& lock() { return hold_; }

 private:
  std::unique_lock<std::mutex> hold_;
};

bool is_main_gil(const Gil* gil) {
  const Interpreter* main = runtime().main;
  return main != nullptr && gil == &main->own_gil;
}

}  // namespace

// With mutex_ held: the lock was free, and is ours now.
void Gil::took(ThreadState* ts) {
  Interpreter& interp = ts->interpreter();
  locked_ = true;
  ++switches_;
  holder_.store(ts, std::memory_order_relaxed);
  holder_interp_ = &interp;
  ts->holds_gil = true;
  interp.counters.lock_taken.add(1);
  interp.counters.held_since.store(monotonic_now(), std::memory_order_relaxed);
  if (ATOLL_UNLIKELY(interp.cpu.limit_ns.load(std::memory_order_relaxed) != 0)) cpu_limit_begin(interp, ts);
  interp.attached.store(ts, std::memory_order_relaxed);
  if (is_main_gil(this)) abi_runtime_current(ts);
}

// By the holder, before it gives the lock up: nothing of the interpreter is touched afterwards.
void Gil::leaving(ThreadState* ts) {
  Interpreter& interp = ts->interpreter();
  InterpreterCounters& counters = interp.counters;
  if (ATOLL_UNLIKELY(interp.cpu.clock.load(std::memory_order_relaxed) != 0)) cpu_limit_end(interp);
  counters.lock_held_ns.add(static_cast<uint64_t>(monotonic_now() - counters.held_since.load(std::memory_order_relaxed)));
  counters.held_since.store(0, std::memory_order_relaxed);
  if (is_main_gil(this)) abi_runtime_current(nullptr);
  interp.attached.store(nullptr, std::memory_order_seq_cst);
  // Either a poster has seen that somebody was attached, or its call is seen here.
  if (ATOLL_UNLIKELY(!interp.inbox.queue.empty())) pending_left_behind(interp);
}

void Gil::acquire(ThreadState* ts) {
  lock_check::waiting_for_gil();
  Inside inside(mutex_);
  if (locked_) {
    const int64_t from = monotonic_now();
    ++waiters_;
    while (locked_) {
      uint64_t seen = switches_;
      auto wait = std::chrono::microseconds(interval_us.load(std::memory_order_relaxed));
      bool timed_out = free_.wait_for(inside.lock(), wait) == std::cv_status::timeout;
      // Nobody else got it in the meantime: the holder is asked to let go.
      if (timed_out && locked_ && switches_ == seen && holder_interp_ != nullptr) {
        holder_interp_->breaker.set(kBreakDropLock);
      }
    }
    --waiters_;
    InterpreterCounters& counters = ts->interpreter().counters;
    counters.lock_waits.add(1);
    counters.lock_wait_ns.add(static_cast<uint64_t>(monotonic_now() - from));
  }
  took(ts);
  taken_.notify_all();
}

bool Gil::try_acquire(ThreadState* ts) {
  Inside inside(mutex_);
  if (locked_) return false;
  took(ts);
  return true;
}

void Gil::release(ThreadState* ts) {
  leaving(ts);
  Inside inside(mutex_);
  locked_ = false;
  holder_.store(nullptr, std::memory_order_relaxed);
  holder_interp_ = nullptr;
  ts->holds_gil = false;
  if (waiters_ != 0) free_.notify_one();
}

void Gil::yield_to_waiter(ThreadState* ts) {
  Interpreter& interp = ts->interpreter();
  interp.breaker.clear(kBreakDropLock);
  leaving(ts);
  {
    Inside inside(mutex_);
    locked_ = false;
    holder_.store(nullptr, std::memory_order_relaxed);
    holder_interp_ = nullptr;
    ts->holds_gil = false;
    if (waiters_ == 0) {  // it has left meanwhile
      took(ts);
      return;
    }
    uint64_t seen = switches_;
    free_.notify_one();
    // Forced hand-over: somebody must have had it before we ask again.
    while (switches_ == seen && waiters_ != 0) taken_.wait(inside.lock());
  }
  acquire(ts);
}

void Gil::reset_after_fork(ThreadState* ts) {
  new (&mutex_) std::mutex;
  new (&free_) std::condition_variable;
  new (&taken_) std::condition_variable;
  waiters_ = 0;
  locked_ = ts != nullptr;
  holder_.store(ts, std::memory_order_relaxed);
  holder_interp_ = ts != nullptr ? &ts->interpreter() : nullptr;
}

}  // namespace atl
