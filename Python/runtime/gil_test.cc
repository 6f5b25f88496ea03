// Locks, thread states and pending calls of bare interpreters: no Python object is touched, so this runs without the rest of the core, and
// under ThreadSanitizer in seconds.
#include "Python/runtime/gil.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "Python/runtime/guard.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"

namespace atl {
namespace {

using namespace std::chrono_literals;

// Interpreters without anything in them.
struct BareInterpreters : ::testing::Test {
  static constexpr int kCount = 3;
  Interpreter* interps[kCount];

  void SetUp() override {
    Runtime& rt = runtime();
    ASSERT_EQ(rt.interpreter_count, 0u);
    helper_reset();
    clock_base_set();
    std::lock_guard hold(rt.interpreters_lock);
    rt.interpreters = static_cast<Interpreter**>(std::realloc(rt.interpreters, 16 * sizeof(Interpreter*)));
    rt.interpreter_capacity = 16;
  }
  void make(int n, bool shared = false) {
    for (int i = 0; i < n; ++i) {
      Interpreter* interp = interpreter_struct_new();
      ASSERT_NE(interp, nullptr);
      interp->heap.init(interp);
      interp->gil = shared && i > 0 ? interps[0]->gil : &interp->own_gil;
      Runtime& rt = runtime();
      std::lock_guard hold(rt.interpreters_lock);
      interp->id = rt.next_interpreter_id++;
      interp->ready = true;
      rt.interpreters[rt.interpreter_count++] = interp;
      interps[i] = interp;
    }
  }
  void TearDown() override {
    Runtime& rt = runtime();
    ThreadState* ts = new_thread_state(*interps[0]);
    attach(ts);
    helper_end(*ts);
    end_thread_state(ts);
    size_t n = rt.interpreter_count;
    {
      std::lock_guard hold(rt.interpreters_lock);
      rt.interpreter_count = 0;
    }
    for (size_t i = 0; i < n; ++i) {
      EXPECT_EQ(interps[i]->threads, nullptr);
      interps[i]->heap.drop_all();
      interpreter_struct_free(interps[i]);
    }
    interpreter_structs_drop();
    std::free(std::exchange(rt.interpreters, nullptr));
    rt.interpreter_capacity = 0;
    rt.next_interpreter_id = 0;
    helper_reset();
  }
};

// What a poll does for the lock.
void poll(ThreadState* ts) {
  uint32_t bits = ts->interpreter().breaker.load();
  if (bits & kBreakPending) pending_poll(*ts);
  if (bits & kBreakDrain) pending_visit_targets(*ts);
  if (bits & kBreakDropLock) {
    t_current = nullptr;
    ts->interpreter().gil->yield_to_waiter(ts);
    t_current = ts;
  }
}

// One lock at a time has a holder, and everybody gets it.
void hammer(Interpreter* interp, long* guarded, std::atomic<bool>* stop, long* turns) {
  ThreadState* ts = new_thread_state(*interp);
  attach(ts);
  while (!stop->load(std::memory_order_relaxed)) {
    for (int i = 0; i < 50; ++i) ++*guarded;
    ++*turns;
    if (*turns % 8 == 0) {
      detach(ts);
      attach(ts);
    } else {
      poll(ts);
    }
  }
  end_thread_state(ts);
}

TEST_F(BareInterpreters, OneHolderAtATime) {
  make(1);
  interps[0]->gil->interval_us = 50;
  long guarded = 0;
  long turns[4] = {};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (long& t : turns) threads.emplace_back(hammer, interps[0], &guarded, &stop, &t);
  std::this_thread::sleep_for(400ms);
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(guarded, 50 * (turns[0] + turns[1] + turns[2] + turns[3]));
  for (long t : turns) EXPECT_GT(t, 0);
  EXPECT_EQ(interps[0]->attached.load(), nullptr);
  EXPECT_EQ(interps[0]->gil->holder(), nullptr);
  InterpreterFigures f;
  ASSERT_EQ(interpreter_figures(interps[0]->id, &f), FiguresAnswer::kOk);
  EXPECT_GT(f.lock_waits, 0u);
  EXPECT_GT(f.lock_held_ns, 1'000'000u);  // beside other programs the lock may be free for most of the time
  EXPECT_LT(f.lock_held_ns, 10'000'000'000u);
}

TEST_F(BareInterpreters, OneLockForSeveral) {
  make(3, true);
  interps[0]->gil->interval_us = 50;
  long guarded = 0;
  long turns[3] = {};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(hammer, interps[i], &guarded, &stop, &turns[i]);
  std::this_thread::sleep_for(300ms);
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(guarded, 50 * (turns[0] + turns[1] + turns[2]));
  for (long t : turns) EXPECT_GT(t, 0);
}

std::atomic<long> g_made[3];
template <int kTarget>
int count(void*) {
  ++g_made[kTarget];
  return 0;
}

// Posters that are attached, detached and foreign; targets that are busy, idle and in between. Every call is made.
TEST_F(BareInterpreters, EveryCallIsMade) {
  make(3);
  for (auto& m : g_made) m = 0;
  int (*calls[])(void*) = {count<0>, count<1>, count<2>};
  std::atomic<bool> stop{false};
  std::atomic<long> posted[3] = {};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {  // runs in interpreter i, comes and goes, posts to all
    threads.emplace_back([&, i] {
      ThreadState* ts = new_thread_state(*interps[i]);
      attach(ts);
      for (long n = 0; !stop.load(std::memory_order_relaxed); ++n) {
        int to = static_cast<int>(n % 3);
        if (pending_post_call(interps[to], calls[to], nullptr) == PostAnswer::kQueued) ++posted[to];
        poll(ts);
        if (n % 64 == 0) {
          detach(ts);
          std::this_thread::sleep_for(100us);
          attach(ts);
        }
      }
      end_thread_state(ts);
    });
  }
  threads.emplace_back([&] {  // has no interpreter
    for (long n = 0; !stop.load(std::memory_order_relaxed); ++n) {
      int to = static_cast<int>(n % 3);
      if (pending_post_call(interps[to], calls[to], nullptr) == PostAnswer::kQueued) ++posted[to];
      if (n % 32 == 0) std::this_thread::sleep_for(200us);
    }
  });
  threads.emplace_back([&] {  // asks for figures, guards and interrupts meanwhile
    while (!stop.load(std::memory_order_relaxed)) {
      for (Interpreter* interp : interps) {
        InterpreterFigures f;
        EXPECT_EQ(interpreter_figures(interp->id, &f), FiguresAnswer::kOk);
        (void)interpreter_interrupt(interp->id);
      }
      std::this_thread::sleep_for(1ms);
    }
  });
  std::this_thread::sleep_for(500ms);
  stop = true;
  for (auto& t : threads) t.join();
  auto end = std::chrono::steady_clock::now() + 20s;
  for (int i = 0; i < 3; ++i) {
    while (g_made[i] < posted[i] && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(g_made[i], posted[i]) << "interpreter " << i;
    EXPECT_GT(posted[i], 0);
    EXPECT_TRUE(interps[i]->inbox.queue.empty());
  }
}

// Whoever is idle is entered by many threads in turn, with one state that changes hands.
TEST_F(BareInterpreters, StatesChangeHands) {
  make(2);
  for (int i = 0; i < 2; ++i) interps[i]->home = new_thread_state(*interps[i]);
  long inside[2] = {};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n < 2000; ++n) {
        int which = (n + t) % 2;
        ScopeRecord outer;
        ASSERT_TRUE(scope_enter(&outer, interps[which]));
        ++inside[which];
        EXPECT_EQ(outer.inside->thread_id, static_cast<unsigned long>(pthread_self()));
        ScopeRecord inner{outer.inside};
        ASSERT_TRUE(scope_enter(&inner, interps[1 - which]));
        ++inside[1 - which];
        scope_leave(&inner);
        EXPECT_EQ(current_thread_or_null(), outer.inside);
        scope_leave(&outer);
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(inside[0] + inside[1], 16000);
  for (int i = 0; i < 2; ++i) delete_thread_state(std::exchange(interps[i]->home, nullptr));
}

TEST_F(BareInterpreters, TheEndWaitsForGuards) {
  make(1);
  int64_t id = interps[0]->id;
  std::vector<std::thread> threads;
  std::atomic<long> held{0}, refused{0};
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (Interpreter* interp = interpreter_guard(id)) {
        ++held;
        std::this_thread::yield();
        interpreter_unguard(interp);
      }
      ++refused;
    });
  }
  while (held < 100) std::this_thread::yield();
  ThreadState* ts = new_thread_state(*interps[0]);
  attach(ts);
  {
    std::lock_guard hold(runtime().interpreters_lock);
    interps[0]->closing = true;
  }
  interpreter_await_guards(*ts);
  EXPECT_EQ(interps[0]->guards, 0u);
  end_thread_state(ts);
  for (auto& t : threads) t.join();
  EXPECT_EQ(refused, 3);
}

TEST_F(BareInterpreters, AClosedGateRefuses) {
  make(1);
  Interpreter* interp = interpreter_struct_new();
  interp->heap.init(interp);
  interp->gil = &interp->own_gil;
  std::atomic<bool> stop{false};
  std::atomic<long> queued{0}, ended{0};
  std::thread poster([&] {
    while (!stop) {
      PostAnswer a = pending_post_call(interp, count<0>, nullptr);
      ++(a == PostAnswer::kQueued ? queued : ended);
    }
  });
  while (queued < 100) std::this_thread::yield();
  g_made[0] = 0;
  ThreadState* ts = new_thread_state(*interp);
  attach(ts);
  pending_close(*ts);
  long accepted = queued;
  end_thread_state(ts);
  interpreter_struct_free(interp);
  long before = ended;
  while (ended < before + 1000) std::this_thread::yield();
  stop = true;
  poster.join();
  EXPECT_LE(queued - accepted, 1) << "one may not have been counted yet";
  EXPECT_EQ(g_made[0], queued);
}

}  // namespace
}  // namespace atl
