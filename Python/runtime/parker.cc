#include "Python/runtime/parker.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "Python/runtime/leaf_lock.h"

namespace atl {

namespace {

long futex(std::atomic<uint32_t>* word, int op, uint32_t value, const timespec* deadline) {
  static_assert(sizeof(*word) == 4);
  return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

int64_t monotonic_now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1000000000 + t.tv_nsec;
}

uint32_t Parker::wait(int64_t deadline) {
  lock_check::waiting("a parker");
  uint32_t seen = 0;
  if (!bits_.compare_exchange_strong(seen, kAsleep, std::memory_order_acq_rel)) return bits_.exchange(0, std::memory_order_acq_rel);
  timespec until{deadline / 1000000000, deadline % 1000000000};
  const timespec* limit = deadline == kForever ? nullptr : &until;
  while (bits_.load(std::memory_order_acquire) == kAsleep) {
    // An absolute deadline; EINTR and changed values are seen by looking again.
    if (futex(&bits_, FUTEX_WAIT_BITSET, kAsleep, limit) != 0 && errno == ETIMEDOUT) break;
  }
  return bits_.exchange(0, std::memory_order_acq_rel) & ~kAsleep;
}

void Parker::wake(uint32_t reason) {
  int saved = errno;
  if (bits_.fetch_or(reason, std::memory_order_acq_rel) & kAsleep) futex(&bits_, FUTEX_WAKE, 1, nullptr);
  errno = saved;
}

}  // namespace atl
