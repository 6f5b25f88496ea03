// Where one thread sleeps until somebody wakes it: a futex word with two reasons.
//
// Each ThreadState has one. The thread waits without any interpreter's lock; what it waits for says kWoken, whoever wants
// its attention meanwhile (a signal, an interrupt, a posted call) says kPoked. A reason given while nobody sleeps is kept
// for the next wait, so that none is lost. wake() is safe in a signal handler.
#pragma once

#include <atomic>

#include "Python/runtime/base.h"

namespace atl {

inline constexpr int64_t kForever = INT64_MAX;

// CLOCK_MONOTONIC, in nanoseconds.
int64_t monotonic_now();

class Parker {
 public:
  static constexpr uint32_t kWoken = 1;
  static constexpr uint32_t kPoked = 2;

  // Sleeps until there is a reason or the deadline (by monotonic_now) has passed. The reasons, which are taken; 0: time's up.
  uint32_t wait(int64_t deadline);
  void wake(uint32_t reason);
  // Takes reasons that are left over from an earlier wait.
  void forget(uint32_t reasons) { bits_.fetch_and(~reasons, std::memory_order_acq_rel); }

 private:
  static constexpr uint32_t kAsleep = 4;
  std::atomic<uint32_t> bits_{0};
};

}  // namespace atl
