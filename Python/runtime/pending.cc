#include "Python/runtime/pending.h"

namespace atl {

bool PendingQueue::post(PendingNode* node) {
  if (node->queued.exchange(true, std::memory_order_acq_rel)) return false;
  PendingNode* head = head_.load(std::memory_order_relaxed);
  do {
    node->next.store(head, std::memory_order_relaxed);
  } while (!head_.compare_exchange_weak(head, node, std::memory_order_release, std::memory_order_relaxed));
  return true;
}

PendingNode* PendingQueue::take() {
  if (taken_ == nullptr) {
    PendingNode* newest = head_.exchange(nullptr, std::memory_order_acquire);
    while (newest != nullptr) {  // newest first becomes oldest first
      PendingNode* older = newest->next.load(std::memory_order_relaxed);
      newest->next.store(taken_, std::memory_order_relaxed);
      taken_ = newest;
      newest = older;
    }
  }
  PendingNode* node = taken_;
  if (node != nullptr) {
    taken_ = node->next.load(std::memory_order_relaxed);
    node->queued.store(false, std::memory_order_release);
  }
  return node;
}

}  // namespace atl
