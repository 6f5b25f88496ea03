// The channel engine alone: no interpreter, no objects.
#include "Python/sharing/channel.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "Python/runtime/runtime.h"

namespace atl {
namespace {

std::atomic<int> g_alive{0};  // of this test's messages

struct Number : Message {
  int value = 0;
  Channel* carried = nullptr;  // a handle on its sending end, in transit
};

void destroy_number(Message* m, OrphanList& orphans) {
  auto* n = static_cast<Number*>(m);
  if (n->carried != nullptr) n->carried->drop(ChannelEnd::kSend, kInTransit, orphans);
  delete n;
  --g_alive;
}
Number* number(int value, Channel* carried = nullptr) {
  auto* n = new Number();
  n->destroy = destroy_number;
  n->value = value;
  if (carried != nullptr) {
    EXPECT_EQ(carried->acquire(ChannelEnd::kSend, kInTransit), ChannelResult::kOk);
    n->carried = carried;
  }
  ++g_alive;
  return n;
}
void discard(Message* m) {
  OrphanList orphans;
  orphans.add(m);
}

constexpr int64_t kA = 101, kB = 102;
constexpr ChannelEnd kReceive = ChannelEnd::kReceive, kSend = ChannelEnd::kSend;

class ChannelTest : public testing::Test {
 protected:
  void SetUp() override { make(0); }
  void TearDown() override {
    if (channel_ != nullptr) finish();
    EXPECT_EQ(g_alive.load(), 0);
  }
  void make(size_t capacity) {
    if (channel_ != nullptr) finish();
    channel_ = Channel::create(capacity);
    ASSERT_NE(channel_, nullptr);
  }
  void finish() {
    OrphanList orphans;
    (void)channel_->close(true, true, true, orphans);
    std::exchange(channel_, nullptr)->unref();
  }
  void drop(ChannelEnd end, int64_t interp) {
    OrphanList orphans;
    channel_->drop(end, interp, orphans);
  }
  ChannelResult close(bool receive, bool send, bool force) {
    OrphanList orphans;
    return channel_->close(receive, send, force, orphans);
  }
  ChannelResult send(int value) {
    Number* n = number(value);
    ChannelResult r = channel_->try_send(kA, n);
    if (r != ChannelResult::kOk) discard(n);
    return r;
  }
  // The value, or minus the result.
  int receive() {
    Message* m = nullptr;
    ChannelResult r = channel_->try_receive(kB, &m);
    if (r != ChannelResult::kOk) return -static_cast<int>(r);
    int v = static_cast<Number*>(m)->value;
    discard(m);
    return v;
  }
  static constexpr int kNothing = -static_cast<int>(ChannelResult::kEmpty);
  static constexpr int kOver = -static_cast<int>(ChannelResult::kClosed);
  Channel* channel_ = nullptr;
};

TEST_F(ChannelTest, OrderIsKept) {
  EXPECT_EQ(receive(), kNothing);
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(send(i), ChannelResult::kOk);
  EXPECT_EQ(channel_->size(), 5u);
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(receive(), i);
  EXPECT_EQ(receive(), kNothing);
}

TEST_F(ChannelTest, BoundedIsFull) {
  make(2);
  EXPECT_EQ(send(1), ChannelResult::kOk);
  EXPECT_EQ(send(2), ChannelResult::kOk);
  EXPECT_EQ(send(3), ChannelResult::kFull);
  EXPECT_EQ(receive(), 1);
  EXPECT_EQ(send(3), ChannelResult::kOk);
}

TEST_F(ChannelTest, ClosedForSendingIsStillDelivered) {
  EXPECT_EQ(send(1), ChannelResult::kOk);
  EXPECT_EQ(close(false, true, false), ChannelResult::kOk);
  EXPECT_EQ(send(2), ChannelResult::kClosed);
  EXPECT_TRUE(channel_->is_open(kReceive));
  EXPECT_EQ(receive(), 1);
  EXPECT_EQ(receive(), kOver);
  EXPECT_FALSE(channel_->is_open(kReceive));
  EXPECT_EQ(close(false, true, false), ChannelResult::kClosed);
}

TEST_F(ChannelTest, CloseWithItemsNeedsForce) {
  EXPECT_EQ(send(1), ChannelResult::kOk);
  EXPECT_EQ(close(true, true, false), ChannelResult::kNotEmpty);
  EXPECT_EQ(close(true, true, true), ChannelResult::kOk);
  EXPECT_EQ(g_alive.load(), 0);
  EXPECT_EQ(receive(), kOver);
}

TEST_F(ChannelTest, LastSenderGone) {
  ASSERT_EQ(channel_->acquire(kSend, kA), ChannelResult::kOk);
  ASSERT_EQ(channel_->acquire(kSend, kB), ChannelResult::kOk);
  EXPECT_EQ(send(7), ChannelResult::kOk);
  drop(kSend, kA);
  EXPECT_TRUE(channel_->is_open(kSend));
  drop(kSend, kB);
  EXPECT_FALSE(channel_->is_open(kSend));
  EXPECT_EQ(receive(), 7);
  EXPECT_EQ(receive(), kOver);
}

TEST_F(ChannelTest, LastReceiverGoneDropsMessages) {
  ASSERT_EQ(channel_->acquire(kReceive, kB), ChannelResult::kOk);
  EXPECT_EQ(send(7), ChannelResult::kOk);
  drop(kReceive, kB);
  EXPECT_EQ(g_alive.load(), 0);
  EXPECT_EQ(send(8), ChannelResult::kClosed);
}

TEST_F(ChannelTest, ReleaseIsForOneInterpreter) {
  ASSERT_EQ(channel_->acquire(kSend, kA), ChannelResult::kOk);
  ASSERT_EQ(channel_->acquire(kSend, kB), ChannelResult::kOk);
  EXPECT_TRUE(channel_->is_associated(kSend, kA));
  OrphanList orphans;
  EXPECT_EQ(channel_->release(kSend, kA, orphans), ChannelResult::kOk);
  EXPECT_EQ(channel_->release(kSend, kA, orphans), ChannelResult::kReleased);
  EXPECT_EQ(send(1), ChannelResult::kReleased);  // as A
  EXPECT_EQ(channel_->acquire(kSend, kA), ChannelResult::kReleased);
  EXPECT_TRUE(channel_->is_open(kSend));
  int64_t ids[4];
  ASSERT_EQ(channel_->list_interpreters(kSend, ids, 4), 1u);
  EXPECT_EQ(ids[0], kB);
  drop(kSend, kA);
  EXPECT_TRUE(channel_->is_open(kSend));
  drop(kSend, kB);
  EXPECT_FALSE(channel_->is_open(kSend));
}

TEST_F(ChannelTest, InterpreterIsForgotten) {
  ASSERT_EQ(channel_->acquire(kSend, kA), ChannelResult::kOk);
  ASSERT_EQ(channel_->acquire(kSend, kA), ChannelResult::kOk);
  EXPECT_EQ(send(1), ChannelResult::kOk);
  Channel::forget_interpreter(kA);
  EXPECT_FALSE(channel_->is_open(kSend));
  EXPECT_EQ(receive(), 1);  // it was accepted, so it is delivered
  EXPECT_EQ(receive(), kOver);
}

TEST_F(ChannelTest, FoundById) {
  int64_t id = channel_->id();
  Channel* again = Channel::find(id);
  EXPECT_EQ(again, channel_);
  again->unref();
  int64_t ids[64];
  size_t n = Channel::list(ChannelKind::kChannel, ids, 64);
  EXPECT_TRUE(std::find(ids, ids + n, id) != ids + n);
  finish();
  EXPECT_EQ(Channel::find(id), nullptr);
}

// A channel whose queue holds the end of the next one, and so on: no recursion, nothing is left.
TEST_F(ChannelTest, LongChainOfOrphans) {
  constexpr int kLength = 100000;
  Channel* next = nullptr;
  for (int i = 0; i < kLength; ++i) {
    Channel* c = Channel::create(0);
    ASSERT_NE(c, nullptr);
    ASSERT_EQ(c->acquire(kReceive, kA), ChannelResult::kOk);
    ASSERT_EQ(c->try_send(kA, number(i, next)), ChannelResult::kOk);
    if (next != nullptr) next->unref();
    next = c;
  }
  EXPECT_EQ(g_alive.load(), kLength);
  Channel::forget_interpreter(kA);
  next->unref();
  EXPECT_EQ(g_alive.load(), 0);
}

TEST_F(ChannelTest, WaitEndsInTimeAndByPoke) {
  Parker parker;
  int64_t begin = monotonic_now();
  EXPECT_EQ(channel_->wait(kReceive, parker, begin + 20'000'000), 0u);
  EXPECT_GE(monotonic_now() - begin, 20'000'000);
  std::thread other([&] { parker.wake(Parker::kPoked); });
  EXPECT_TRUE(channel_->wait(kReceive, parker, kForever) & Parker::kPoked);
  other.join();
  EXPECT_EQ(send(1), ChannelResult::kOk);
  EXPECT_EQ(channel_->wait(kReceive, parker, kForever), Parker::kWoken);
  EXPECT_EQ(receive(), 1);
}

TEST_F(ChannelTest, CloseWakesAllWaiters) {
  std::vector<std::thread> threads;
  std::atomic<int> over{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      Parker parker;
      for (;;) {
        Message* m;
        if (channel_->try_receive(kB, &m) == ChannelResult::kClosed) break;
        (void)channel_->wait(kReceive, parker, kForever);
      }
      ++over;
    });
  }
  EXPECT_EQ(close(false, true, false), ChannelResult::kOk);
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(over.load(), 4);
}

// Many senders and receivers on a small bounded channel: each message arrives once, in each sender's order.
TEST_F(ChannelTest, ManyThreads) {
  make(3);
  constexpr int kThreads = 4, kEach = 3000;
  std::vector<std::thread> threads;
  std::vector<std::vector<int>> got(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    ASSERT_EQ(channel_->acquire(kSend, t), ChannelResult::kOk);
    threads.emplace_back([this, t] {
      Parker parker;
      for (int i = 0; i < kEach; ++i) {
        Number* n = number(t * kEach + i);
        while (channel_->try_send(t, n) != ChannelResult::kOk) (void)channel_->wait(kSend, parker, kForever);
        if (i % 64 == 0) parker.wake(Parker::kPoked);  // a left-over reason does no harm
      }
      OrphanList orphans;
      channel_->drop(kSend, t, orphans);
    });
    threads.emplace_back([this, t, &got] {
      Parker parker;
      for (;;) {
        Message* m;
        ChannelResult r = channel_->try_receive(100 + t, &m);
        if (r == ChannelResult::kClosed) break;
        if (r == ChannelResult::kOk) {
          got[static_cast<size_t>(t)].push_back(static_cast<Number*>(m)->value);
          discard(m);
        } else {
          (void)channel_->wait(kReceive, parker, kForever);
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  std::vector<int> count(kThreads * kEach);
  for (const std::vector<int>& part : got) {
    int last[kThreads] = {-1, -1, -1, -1};
    for (int v : part) {
      ++count[static_cast<size_t>(v)];
      EXPECT_LT(last[v / kEach], v);
      last[v / kEach] = v;
    }
  }
  EXPECT_EQ(count, std::vector<int>(kThreads * kEach, 1));
}

}  // namespace
}  // namespace atl
