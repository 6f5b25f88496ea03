// The lock of an interpreter (GIL).
//
// A thread that wants the lock waits for one switch interval and then asks the holder, through the interpreter's
// eval breaker, to let go; the holder hands over at its next poll and does not take the lock back before somebody
// else had it. Several interpreters may share one Gil (Py_NewInterpreter shares the main one's).
//
// Nobody waits: one atomic operation takes the lock and one gives it up. Somebody does: the second bit of the state is set,
// and every change of hands goes through the mutex. The holder's interpreter is named only while it can't have given the lock up
// behind a waiter's back.
//
// Taking and giving up are also where an interpreter's time is counted (statistics.h), and where it becomes idle: a
// thread that detaches while pending calls wait leaves word for the helper thread.
#pragma once

#include <condition_variable>
#include <mutex>

#include "Python/runtime/eval_breaker.h"

namespace atl {

class Gil {
 public:
  // Blocks until the lock is ours. Whoever calls holds no other interpreter's lock and no leaf.
  void acquire(ThreadState* ts);
  bool try_acquire(ThreadState* ts);
  void release(ThreadState* ts);
  // Called by the holder at a poll: lets a waiter have the lock, then takes it again.
  void yield_to_waiter(ThreadState* ts);
  ThreadState* holder() const { return holder_.load(std::memory_order_relaxed); }
  // After fork, in the child: only the forking thread is left. It has this lock, with `ts`; or nobody has (NULL).
  void reset_after_fork(ThreadState* ts);

  std::atomic<unsigned long> interval_us{5000};

 private:
  static constexpr uint32_t kLocked = 1;
  static constexpr uint32_t kWaiters = 2;

  void took(ThreadState* ts);
  void leaving(ThreadState* ts);
  bool take_now();
  void acquire_slow(ThreadState* ts);

  std::atomic<uint32_t> state_{0};
  std::atomic<ThreadState*> holder_{nullptr};
  std::atomic<Interpreter*> holder_interp_{nullptr};
  std::atomic<uint64_t> switches_{0};  // written by the holder
  std::mutex mutex_;                // guards the rest; a leaf (LockRank::kGil)
  std::condition_variable free_;    // the lock became free
  std::condition_variable taken_;   // somebody took it after a forced hand-over
  unsigned waiters_ = 0;
};

}  // namespace atl
