// The lock rule: what is allowed passes, and what is planted here is caught (in checked builds).
#include "Python/runtime/leaf_lock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "Python/runtime/parker.h"

namespace atl {
namespace {

TEST(LeafLock, Excludes) {
  LeafMutex lock{LockRank::kHelper};
  long count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20000; ++k) {
        std::lock_guard hold(lock);
        ++count;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(count, 80000);
}

TEST(LeafLock, DeclaredNestingsPass) {
  for (const lock_check::Nesting& n : lock_check::kNestings) {
    EXPECT_LT(n.outer, n.inner) << "fork takes them in the order of their ranks";
    LeafMutex outer{n.outer}, inner{n.inner};
    std::lock_guard hold(outer);
    std::lock_guard hold_inner(inner);
  }
}

TEST(LeafLock, WaitingWithoutLocksPasses) {
  Parker parker;
  EXPECT_EQ(parker.wait(monotonic_now() + 1000), 0u);
}

#ifdef ATOLL_CHECKED
struct LeafLockDeath : ::testing::Test {
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(LeafLockDeath, TwoLeaves) {
  LeafMutex a{LockRank::kHelper}, b{LockRank::kChannel};
  EXPECT_DEATH(
      {
        a.lock();
        b.lock();
      },
      "lock order: taking channel; held: helper");
}

TEST_F(LeafLockDeath, NestingTheWrongWayRound) {
  LeafMutex table{LockRank::kInterpreters}, list{LockRank::kThreadList};
  EXPECT_DEATH(
      {
        list.lock();
        table.lock();
      },
      "lock order: taking interpreter table; held: thread list");
}

TEST_F(LeafLockDeath, WaitingWithALeaf) {
  LeafMutex a{LockRank::kChunkPool};
  EXPECT_DEATH(
      {
        a.lock();
        Parker parker;
        (void)parker.wait(monotonic_now() + 1000);
      },
      "lock order: waiting for .*; held: chunk pool");
}

TEST(LeafLock, NothingIsHeldAfterwards) { EXPECT_EQ(lock_check::held(), 0u); }
#endif

}  // namespace
}  // namespace atl
