// Targeted pending calls: any thread posts a call to any interpreter.
//
// The queue is multi-producer, single-consumer (whoever holds the interpreter's lock), first-in first-out per
// poster, and never full: a node is either embedded in the object it is for, or allocated.
#pragma once

#include <atomic>

#include "Python/runtime/base.h"

namespace atl {

struct PendingNode {
  int (*func)(void* arg) = nullptr;
  void* arg = nullptr;
  std::atomic<PendingNode*> next{nullptr};
  std::atomic<bool> queued{false};
  bool owned = false;         // allocated by post(), freed after the call
  bool main_thread_only = false;
};

class PendingQueue {
 public:
  // Any thread, no lock. False: the node is queued already and will run.
  bool post(PendingNode* node);
  // The oldest node, taken out; NULL when there is none. The holder of the interpreter's lock only.
  PendingNode* take();
  bool empty() const { return head_.load(std::memory_order_acquire) == nullptr && taken_ == nullptr; }

 private:
  std::atomic<PendingNode*> head_{nullptr};  // newest first; turned round by take()
  PendingNode* taken_ = nullptr;             // oldest first; the consumer's
};

}  // namespace atl
