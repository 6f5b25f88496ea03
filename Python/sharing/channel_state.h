// The process's channels by number. Part of Runtime.
#pragma once

#include <atomic>

#include "Python/runtime/leaf_lock.h"

namespace atl {

class Channel;

struct ChannelRegistry {
  LeafMutex lock{LockRank::kChannelRegistry};  // guards all below. Nothing else is locked while it is held.
  Channel** items = nullptr;  // by rising id
  size_t count = 0;
  size_t capacity = 0;
  int64_t next_id = 0;
  std::atomic<int64_t> messages{0};  // alive in the process: counters that must return to zero
};

}  // namespace atl
