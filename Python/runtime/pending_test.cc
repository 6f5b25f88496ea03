// The queue of pending calls alone: order, at most once, and many posters at once.
#include "Python/runtime/pending.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace atl {
namespace {

struct Tagged : PendingNode {
  int poster = 0;
  int number = 0;
};

TEST(PendingQueue, FirstInFirstOut) {
  PendingQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.take(), nullptr);
  std::vector<Tagged> nodes(10);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue.post(&nodes[i]));
  EXPECT_EQ(queue.waiting(), 5u);
  EXPECT_EQ(queue.take(), &nodes[0]);
  for (int i = 5; i < 10; ++i) ASSERT_TRUE(queue.post(&nodes[i]));
  for (int i = 1; i < 10; ++i) EXPECT_EQ(queue.take(), &nodes[i]) << i;
  EXPECT_EQ(queue.take(), nullptr);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.posted(), 10u);
}

TEST(PendingQueue, QueuedAtMostOnce) {
  PendingQueue queue;
  Tagged node;
  node.pinned = 3;
  EXPECT_TRUE(queue.post(&node));
  EXPECT_FALSE(queue.post(&node));
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_EQ(queue.pinned_bytes(), 192u);
  EXPECT_EQ(queue.take(), &node);
  EXPECT_EQ(queue.pinned_bytes(), 0u);
  EXPECT_FALSE(queue.post(&node)) << "its call has not begun";
  node.queued.store(false);
  EXPECT_TRUE(queue.post(&node));
  EXPECT_EQ(queue.take(), &node);
}

TEST(PendingQueue, ManyPosters) {
  constexpr int kPosters = 4, kEach = 20000;
  PendingQueue queue;
  std::vector<std::vector<Tagged>> nodes(kPosters);
  for (int p = 0; p < kPosters; ++p) {
    nodes[p] = std::vector<Tagged>(kEach);
    for (int i = 0; i < kEach; ++i) {
      nodes[p][i].poster = p;
      nodes[p][i].number = i;
    }
  }
  std::vector<std::thread> threads;
  for (int p = 0; p < kPosters; ++p) {
    threads.emplace_back([&, p] {
      for (Tagged& n : nodes[p]) EXPECT_TRUE(queue.post(&n));
    });
  }
  int next[kPosters] = {};
  for (int taken = 0; taken < kPosters * kEach;) {
    auto* n = static_cast<Tagged*>(queue.take());
    if (n == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(n->number, next[n->poster]) << "poster " << n->poster;
    ++next[n->poster];
    ++taken;
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(queue.take(), nullptr);
  EXPECT_TRUE(queue.empty());
}

// The same nodes from several threads at once: each post is either run once or was a no-op while it waited.
TEST(PendingQueue, SameNodesFromManyThreads) {
  PendingQueue queue;
  std::vector<Tagged> nodes(8);
  std::atomic<int> accepted{0}, done{0};
  std::vector<std::thread> threads;
  for (int p = 0; p < 3; ++p) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; ++i) accepted += queue.post(&nodes[i % nodes.size()]);
      ++done;
    });
  }
  int run = 0;
  for (;;) {
    bool last = done.load() == 3;
    while (PendingNode* n = queue.take()) {
      n->queued.store(false, std::memory_order_release);
      ++run;
    }
    if (last && queue.empty()) break;
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(run, accepted.load());
}

}  // namespace
}  // namespace atl
