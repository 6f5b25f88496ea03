// The one word that running code polls at loop back-edges and on entering a function.
#pragma once

#include <atomic>

#include "Python/runtime/base.h"

namespace atl {

enum BreakerBit : uint32_t {
  kBreakDropLock = 1u << 0,   // another thread wants this interpreter's lock
  kBreakPending = 1u << 1,    // pending calls wait
  kBreakSignals = 1u << 2,    // a signal arrived (main interpreter, main thread)
  kBreakAsyncExc = 1u << 3,   // some thread of the interpreter has an asynchronous exception
  kBreakCollect = 1u << 4,    // a garbage collection is due
  kBreakInterrupt = 1u << 5,  // the interpreter is to stop
  kBreakTracing = 1u << 6,    // a thread changed its trace or profile function
  kBreakDrain = 1u << 7,      // calls that this interpreter has posted wait in an idle one
  kBreakLimits = 1u << 8,     // the processor-time limit is used up, or has just been set
  kBreakMainCalls = 1u << 9,  // calls for the main thread wait (main interpreter)
};

class EvalBreaker {
 public:
  ATOLL_INLINE bool any() const { return bits_.load(std::memory_order_relaxed) != 0; }
  uint32_t load() const { return bits_.load(std::memory_order_acquire); }
  void set(uint32_t bit) { bits_.fetch_or(bit, std::memory_order_release); }
  // Was it set? Not any more.
  bool take(uint32_t bit) { return (bits_.load(std::memory_order_relaxed) & bit) && (bits_.fetch_and(~bit, std::memory_order_acq_rel) & bit); }
  void clear(uint32_t bit) { bits_.fetch_and(~bit, std::memory_order_acq_rel); }

 private:
  std::atomic<uint32_t> bits_{0};
};

}  // namespace atl
