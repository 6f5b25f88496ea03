#include "Python/runtime/helper.h"

#include <signal.h>

#include <cstring>

#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"

namespace atl {

namespace {

constexpr int64_t kPokeAgain = 10'000'000;
constexpr int64_t kCpuStep = 1'000'000;  // the finest that a processor-time limit is looked at

template <class T>
bool grow(T** items, size_t count, size_t* capacity) {
  if (count < *capacity) return true;
  size_t n = *capacity != 0 ? *capacity * 2 : 16;
  auto* grown = static_cast<T*>(std::realloc(*items, n * sizeof(T)));
  if (grown == nullptr) return false;
  *items = grown;
  *capacity = n;
  return true;
}

// The poster runs: it will come to a poll. Otherwise false.
bool ask_poster(int64_t poster) {
  if (poster < 0) return false;
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  Interpreter* interp = find_interpreter_locked(rt, poster);
  if (interp == nullptr || interp->attached.load(std::memory_order_relaxed) == nullptr) return false;
  interp->breaker.set(kBreakDrain);
  return true;
}

void see_to(IdleTarget entry) {
  if (!entry.asked && ask_poster(entry.poster)) {
    HelperState& h = runtime().helper;
    std::lock_guard hold(h.lock);
    if (grow(&h.idle, h.idle_count, &h.idle_capacity)) {
      entry.asked = true;
      entry.due = monotonic_now() + kDrainAge;
      h.idle[h.idle_count++] = entry;
      return;
    }
  }
  if (!pending_visit(nullptr, entry.target)) helper_put_back(entry.target);
}

// Looks at one interpreter; when it wants to be looked at again (kForever: no more).
int64_t look_at(int64_t id, int64_t now) {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  Interpreter* interp = find_interpreter_locked(rt, id);
  if (interp == nullptr) return kForever;
  int64_t next = kForever;
  if (interp->breaker.load() & kBreakInterrupt) {
    std::lock_guard hold_list(interp->list_lock);
    interrupt_poke_locked(*interp);
    next = now + kPokeAgain;
  }
  CpuLimit& cpu = interp->cpu;
  int64_t limit = cpu.limit_ns.load(std::memory_order_acquire);
  if (limit == 0) return next;
  int64_t left = cpu.next_ns.load(std::memory_order_relaxed) - cpu_limit_used(*interp);
  if (left <= 0) {
    interp->breaker.set(kBreakLimits);
    left = kCpuStep * 10;
  }
  // Nobody there: whoever comes cannot have used up more than this by then.
  left = now + (left < kCpuStep ? kCpuStep : left);
  return left < next ? left : next;
}

void* helper_main(void*) {
  HelperState& h = runtime().helper;
  for (;;) {
    int64_t deadline = kForever;
    IdleTarget due{};
    bool have = false;
    int64_t timed[16];
    size_t timed_count;
    {
      std::lock_guard hold(h.lock);
      if (h.stop) return nullptr;
      const int64_t now = monotonic_now();
      for (size_t i = 0; i < h.idle_count; ++i) {
        if (h.idle[i].due <= now) {
          due = h.idle[i];
          h.idle[i] = h.idle[--h.idle_count];
          have = true;
          break;
        }
        if (h.idle[i].due < deadline) deadline = h.idle[i].due;
      }
      timed_count = h.timed_count < std::size(timed) ? h.timed_count : std::size(timed);
      // In turn, should there be more than fit.
      for (size_t i = 0; i < timed_count; ++i) timed[i] = h.timed[i];
      if (h.timed_count > timed_count) {
        std::memmove(h.timed, h.timed + timed_count, (h.timed_count - timed_count) * sizeof(int64_t));
        std::memcpy(h.timed + h.timed_count - timed_count, timed, timed_count * sizeof(int64_t));
        deadline = now + kCpuStep;
      }
      if (!have) h.wakes_at = deadline;
    }
    if (have) {
      see_to(due);
      continue;
    }
    for (size_t i = 0; i < timed_count; ++i) {
      int64_t again = look_at(timed[i], monotonic_now());
      if (again < deadline) deadline = again;
      if (again != kForever) continue;
      std::lock_guard hold(h.lock);
      for (size_t k = 0; k < h.timed_count; ++k) {
        if (h.timed[k] == timed[i]) h.timed[k] = h.timed[--h.timed_count];
      }
    }
    {
      std::lock_guard hold(h.lock);
      if (h.stop) return nullptr;
      if (deadline > h.wakes_at) deadline = h.wakes_at;  // something came meanwhile: look at once, or at its time
      h.wakes_at = deadline;
    }
    (void)h.parker.wait(deadline);
  }
}

// With the lock held. False: no thread.
bool ensure_thread(HelperState& h) {
  if (h.running) return true;
  if (h.stop) return false;
  h.wakes_at = 0;
  // Signals are for the program's own threads.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  h.running = pthread_create(&h.thread, nullptr, helper_main, nullptr) == 0;
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return h.running;
}

void wake_for(HelperState& h, int64_t when) {
  if (when >= h.wakes_at) return;
  h.wakes_at = when;
  h.parker.wake(Parker::kWoken);
}

}  // namespace

void helper_note_idle(Interpreter& target, Interpreter* poster, bool now) {
  HelperState& h = runtime().helper;
  const uint8_t note = now ? kNotedNow : kNotedTimed;
  if (target.inbox.noted.load(std::memory_order_relaxed) >= note) return;
  const int64_t id = target.id;
  const int64_t clock = monotonic_now();
  bool tell = now && poster != nullptr;
  {
    std::lock_guard hold(h.lock);
    if (target.inbox.noted.load(std::memory_order_relaxed) >= note) return;
    IdleTarget* entry = nullptr;
    for (size_t i = 0; i < h.idle_count && entry == nullptr; ++i) {
      if (h.idle[i].target == id) entry = &h.idle[i];
    }
    if (entry == nullptr) {
      // Without memory for the note whoever enters next drains it.
      if (!grow(&h.idle, h.idle_count, &h.idle_capacity)) return;
      entry = &h.idle[h.idle_count++];
      *entry = {id, -1, clock + kDrainAge, false};
    }
    if (poster != nullptr) {
      entry->poster = poster->id;
      entry->asked = tell;
    }
    entry->due = now && poster == nullptr ? clock : clock + kDrainAge;
    target.inbox.noted.store(note, std::memory_order_relaxed);
    if (!ensure_thread(h)) tell = poster != nullptr;
    wake_for(h, clock + (now && poster == nullptr ? 0 : kDrainAge));
  }
  if (tell) poster->breaker.set(kBreakDrain);
}

bool helper_take_target(int64_t poster, int64_t* target) {
  HelperState& h = runtime().helper;
  const int64_t now = monotonic_now();
  std::lock_guard hold(h.lock);
  for (size_t i = 0; i < h.idle_count; ++i) {
    if (h.idle[i].poster != poster || (!h.idle[i].asked && h.idle[i].due > now && h.running)) continue;
    *target = h.idle[i].target;
    h.idle[i] = h.idle[--h.idle_count];
    return true;
  }
  return false;
}

void helper_put_back(int64_t target) {
  HelperState& h = runtime().helper;
  const int64_t due = monotonic_now() + kDrainAge;
  std::lock_guard hold(h.lock);
  if (!grow(&h.idle, h.idle_count, &h.idle_capacity)) return;
  h.idle[h.idle_count++] = {target, -1, due, true};
  (void)ensure_thread(h);
  wake_for(h, due);
}

bool helper_watch(int64_t id) {
  HelperState& h = runtime().helper;
  std::lock_guard hold(h.lock);
  bool known = false;
  for (size_t i = 0; i < h.timed_count; ++i) known = known || h.timed[i] == id;
  if (!known) {
    if (!grow(&h.timed, h.timed_count, &h.timed_capacity)) return false;
    h.timed[h.timed_count++] = id;
  }
  if (!ensure_thread(h)) return false;
  wake_for(h, 0);
  return true;
}

void helper_end(ThreadState& ts) {
  HelperState& h = runtime().helper;
  bool running;
  {
    std::lock_guard hold(h.lock);
    running = h.running;
    h.stop = true;
  }
  if (running) {
    h.parker.wake(Parker::kWoken);
    detach(&ts);
    pthread_join(h.thread, nullptr);
    attach(&ts);
  }
  std::lock_guard hold(h.lock);
  h.running = false;
  std::free(std::exchange(h.idle, nullptr));
  std::free(std::exchange(h.timed, nullptr));
  h.idle_count = h.idle_capacity = h.timed_count = h.timed_capacity = 0;
}

void helper_reset() {
  HelperState& h = runtime().helper;
  h.running = false;
  h.stop = false;
  h.idle_count = h.timed_count = 0;
  h.parker.forget(~uint32_t{0});
}

}  // namespace atl
