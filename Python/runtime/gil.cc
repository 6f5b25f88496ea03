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

// The lock was free, and is ours now.
void Gil::took(ThreadState* ts) {
  Interpreter& interp = ts->interpreter();
  switches_.store(switches_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  holder_.store(ts, std::memory_order_relaxed);
  holder_interp_.store(&interp, std::memory_order_release);
  ts->holds_gil = true;
  interp.counters.lock_taken.add(1);
  interp.counters.held_since.store(ticks_now(), std::memory_order_relaxed);
  if (ATOLL_UNLIKELY(interp.cpu.limit_ns.load(std::memory_order_relaxed) != 0)) cpu_limit_begin(interp, ts);
  interp.attached.store(ts, std::memory_order_relaxed);
  if (is_main_gil(this)) abi_runtime_current(ts);
}

// By the holder, before it gives the lock up: nothing of the interpreter but the lock is touched afterwards.
void Gil::leaving(ThreadState* ts) {
  Interpreter& interp = ts->interpreter();
  InterpreterCounters& counters = interp.counters;
  if (ATOLL_UNLIKELY(interp.cpu.clock.load(std::memory_order_relaxed) != 0)) cpu_limit_end(interp);
  counters.lock_held_ticks.add(ticks_now() - counters.held_since.load(std::memory_order_relaxed));
  counters.held_since.store(0, std::memory_order_relaxed);
  if (is_main_gil(this)) abi_runtime_current(nullptr);
  interp.attached.store(nullptr, std::memory_order_seq_cst);
  // Either a poster has seen that somebody was attached, or its call is seen here.
  if (ATOLL_UNLIKELY(!interp.inbox.queue.empty())) pending_left_behind(interp);
  holder_.store(nullptr, std::memory_order_relaxed);
  holder_interp_.store(nullptr, std::memory_order_relaxed);
  ts->holds_gil = false;
}

// One try, whether or not somebody waits.
bool Gil::take_now() {
  uint32_t s = state_.load(std::memory_order_relaxed);
  while (!(s & kLocked)) {
    if (state_.compare_exchange_weak(s, s | kLocked, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  }
  return false;
}

void Gil::acquire(ThreadState* ts) {
  lock_check::waiting_for_gil();
  uint32_t nobody = 0;
  if (ATOLL_UNLIKELY(!state_.compare_exchange_strong(nobody, kLocked, std::memory_order_acquire, std::memory_order_relaxed))) acquire_slow(ts);
  took(ts);
}

// Comes back with the lock.
void Gil::acquire_slow(ThreadState* ts) {
  int64_t from = 0;
  int64_t waited = 0;
  {
    Inside inside(mutex_);
    ++waiters_;
    // From now on every change of hands comes through the mutex.
    state_.fetch_or(kWaiters, std::memory_order_relaxed);
    while (!take_now()) {
      if (from == 0) from = monotonic_now();
      uint64_t seen = switches_.load(std::memory_order_relaxed);
      auto wait = std::chrono::microseconds(interval_us.load(std::memory_order_relaxed));
      bool timed_out = free_.wait_for(inside.lock(), wait) == std::cv_status::timeout;
      // Nobody else got it in the meantime: the holder is asked to let go.
      if (!timed_out || switches_.load(std::memory_order_relaxed) != seen) continue;
      if (Interpreter* interp = holder_interp_.load(std::memory_order_acquire)) interp->breaker.set(kBreakDropLock);
    }
    if (--waiters_ == 0) state_.fetch_and(~kWaiters, std::memory_order_relaxed);
    // Whoever handed over waits for this.
    switches_.store(switches_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    taken_.notify_all();
    if (from != 0) waited = monotonic_now() - from;
  }
  if (from == 0) return;
  InterpreterCounters& counters = ts->interpreter().counters;
  counters.lock_waits.add(1);
  counters.lock_wait_ns.add(static_cast<uint64_t>(waited));
}

bool Gil::try_acquire(ThreadState* ts) {
  uint32_t nobody = 0;
  if (!state_.compare_exchange_strong(nobody, kLocked, std::memory_order_acquire, std::memory_order_relaxed)) return false;
  took(ts);
  return true;
}

void Gil::release(ThreadState* ts) {
  leaving(ts);
  uint32_t nobody_waits = kLocked;
  if (ATOLL_LIKELY(state_.compare_exchange_strong(nobody_waits, 0, std::memory_order_release, std::memory_order_relaxed))) return;
  Inside inside(mutex_);
  state_.fetch_and(~kLocked, std::memory_order_release);
  free_.notify_one();
}

void Gil::yield_to_waiter(ThreadState* ts) {
  ts->interpreter().breaker.clear(kBreakDropLock);
  if (!(state_.load(std::memory_order_relaxed) & kWaiters)) return;  // it has left meanwhile
  leaving(ts);
  {
    Inside inside(mutex_);
    const uint64_t seen = switches_.load(std::memory_order_relaxed);
    state_.fetch_and(~kLocked, std::memory_order_release);
    free_.notify_one();
    // Forced hand-over: somebody must have had it before we ask again.
    while (switches_.load(std::memory_order_relaxed) == seen && waiters_ != 0) taken_.wait(inside.lock());
  }
  acquire(ts);
}

void Gil::reset_after_fork(ThreadState* ts) {
  new (&mutex_) std::mutex;
  new (&free_) std::condition_variable;
  new (&taken_) std::condition_variable;
  waiters_ = 0;
  state_.store(ts != nullptr ? kLocked : 0, std::memory_order_relaxed);
  holder_.store(ts, std::memory_order_relaxed);
  holder_interp_.store(ts != nullptr ? &ts->interpreter() : nullptr, std::memory_order_relaxed);
}

}  // namespace atl
