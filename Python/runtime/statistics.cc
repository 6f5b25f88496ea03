#include "Python/runtime/statistics.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "Python/runtime/guard.h"
#include "Python/runtime/helper.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"

namespace atl {

namespace {

// The kernel's number for one thread's CPU clock; it answers EINVAL once the thread is gone.
clockid_t clock_of_thread(unsigned long native_id) {
  constexpr int kPerThread = 4, kScheduler = 2;
  return static_cast<clockid_t>(~static_cast<unsigned>(native_id) << 3 | kPerThread | kScheduler);
}

int64_t read_clock(clockid_t clock) {
  timespec t;
  return clock_gettime(clock, &t) == 0 ? int64_t{t.tv_sec} * 1000000000 + t.tv_nsec : -1;
}

// A signal that does nothing but end a system call with EINTR, after which the core asks whether it is interrupted. SIGURG is
// ignored by default; a program that handles it itself keeps it, and its threads' system calls are not cut short.
bool may_interrupt_calls() {
  struct sigaction now;
  if (sigaction(SIGURG, nullptr, &now) != 0) return false;
  void (*nothing)(int) = [](int) {};
  if (now.sa_handler == nothing) return true;
  if (now.sa_handler != SIG_DFL) return false;
  struct sigaction ours {};
  ours.sa_handler = nothing;
  sigemptyset(&ours.sa_mask);
  return sigaction(SIGURG, &ours, nullptr) == 0;
}

// The interpreter of an id may not go while f runs, under the table's lock.
template <class F>
FiguresAnswer with_interpreter(int64_t id, F f) {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  Interpreter* interp = find_interpreter_locked(rt, id);
  if (interp == nullptr || interp->closing.load(std::memory_order_relaxed) || !interp->ready) return FiguresAnswer::kNoInterpreter;
  return f(*interp);
}

}  // namespace

void clock_base_set() { runtime().clock_base = {ticks_now(), monotonic_now()}; }

uint64_t ticks_to_ns(uint64_t ticks) {
  const ClockBase& base = runtime().clock_base;
  const auto ran_ticks = static_cast<double>(ticks_now() - base.ticks);
  const auto ran_ns = static_cast<double>(monotonic_now() - base.ns);
  return ran_ticks > 0 ? static_cast<uint64_t>(static_cast<double>(ticks) * (ran_ns / ran_ticks)) : 0;
}

FiguresAnswer interpreter_figures(int64_t id, InterpreterFigures* out) {
  // Held, not under the table's lock: walking a large heap takes a while. Who ends it meanwhile waits for us.
  Interpreter* interp = interpreter_guard(id);
  if (interp == nullptr) return FiguresAnswer::kNoInterpreter;
  *out = InterpreterFigures{};
  out->id = id;
  const HeapFigures heap = interp->heap.figures();
  out->memory_bytes = heap.bytes_used;
  out->memory_blocks = heap.blocks;
  out->memory_reserved = heap.bytes_reserved;
  out->memory_limit = interp->heap.limit.load(std::memory_order_relaxed);
  const InterpreterCounters& c = interp->counters;
  uint64_t held = c.lock_held_ticks.get();
  if (uint64_t since = c.held_since.load(std::memory_order_relaxed)) {
    uint64_t now = ticks_now();
    if (now > since) held += now - since;
  }
  out->lock_held_ns = ticks_to_ns(held);
  out->lock_taken = c.lock_taken.get();
  out->lock_waits = c.lock_waits.get();
  out->lock_wait_ns = c.lock_wait_ns.get();
  out->pending_posted = interp->inbox.queue.posted();
  out->pending_run = c.pending_run.get();
  out->pending_waiting = interp->inbox.queue.waiting();
  for (int i = 0; i < 3; ++i) {
    const GcGenerationStats& s = interp->gc.stats[i];
    out->collections[i] = static_cast<uint64_t>(__atomic_load_n(&s.collections, __ATOMIC_RELAXED));
    out->collected += static_cast<uint64_t>(__atomic_load_n(&s.collected, __ATOMIC_RELAXED));
  }
  out->cpu_limit_ns = static_cast<uint64_t>(interp->cpu.limit_ns.load(std::memory_order_relaxed));
  if (out->cpu_limit_ns != 0) out->cpu_ns = static_cast<uint64_t>(cpu_limit_used(*interp));
  out->running = interp->attached.load(std::memory_order_relaxed) != nullptr;
  {
    std::lock_guard hold(interp->list_lock);
    for (PyThreadState* t = interp->threads; t != nullptr; t = t->next) ++out->threads;
  }
  interpreter_unguard(interp);
  return FiguresAnswer::kOk;
}

FiguresAnswer interpreter_set_memory_limit(int64_t id, uint64_t bytes) {
  return with_interpreter(id, [&](Interpreter& interp) {
    interp.heap.limit.store(bytes, std::memory_order_relaxed);
    return FiguresAnswer::kOk;
  });
}

FiguresAnswer interpreter_set_cpu_limit(int64_t id, int64_t ns) {
  if (ns < 0) ns = 0;
  FiguresAnswer answer = with_interpreter(id, [&](Interpreter& interp) {
    CpuLimit& cpu = interp.cpu;
    cpu.limit_ns.store(0, std::memory_order_relaxed);
    cpu.from_ns.store(cpu.from_ns.load(std::memory_order_relaxed) + cpu_limit_used(interp), std::memory_order_relaxed);
    cpu.next_ns.store(ns, std::memory_order_relaxed);
    cpu.limit_ns.store(ns, std::memory_order_release);
    // Who is attached now begins to be measured at its next poll.
    if (ns != 0) interp.breaker.set(kBreakLimits);
    return FiguresAnswer::kOk;
  });
  if (answer != FiguresAnswer::kOk || ns == 0) return answer;
  return helper_watch(id) ? FiguresAnswer::kOk : FiguresAnswer::kNoThread;
}

FiguresAnswer interpreter_interrupt(int64_t id) {
  FiguresAnswer answer = with_interpreter(id, [](Interpreter& interp) {
    std::lock_guard hold(interp.list_lock);
    bool inside = interp.is_main || interp.running_main || interp.thread_count != 0 || interp.attached.load(std::memory_order_relaxed) != nullptr;
    for (ThreadState* t = interp.threads; t != nullptr && !inside; t = static_cast<ThreadState*>(t->next)) {
      // Whoever visits may be waiting; and so may one whose host swaps its states by hand, if it has begun to run something.
      inside = t->visiting || (interp.home == nullptr && __atomic_load_n(&t->cframe->current_frame, __ATOMIC_RELAXED) != nullptr);
    }
    if (!inside) return FiguresAnswer::kNotRunning;
    interp.breaker.set(kBreakInterrupt);
    interrupt_poke_locked(interp);
    return FiguresAnswer::kOk;
  });
  // Whoever is on the way into a system call now has missed it.
  if (answer == FiguresAnswer::kOk) (void)helper_watch(id);
  return answer;
}

void interrupt_poke_locked(Interpreter& interp) {
  ThreadState* attached = interp.attached.load(std::memory_order_relaxed);
  for (ThreadState* t = interp.threads; t != nullptr; t = static_cast<ThreadState*>(t->next)) {
    t->parker.wake(Parker::kPoked);
    if (t == attached || (t == interp.home && !t->visiting)) continue;
    if (may_interrupt_calls()) syscall(SYS_tgkill, getpid(), static_cast<pid_t>(t->native_thread_id), SIGURG);
  }
}

// ---- for the runtime ---------------------------------------------------------------------------------------------

void cpu_limit_begin(Interpreter& interp, ThreadState* ts) {
  CpuLimit& cpu = interp.cpu;
  const clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
  int64_t now = read_clock(clock);
  if (now < 0) return;
  unsigned long native = ts->native_thread_id;
  cpu.seq.fetch_add(1, std::memory_order_acq_rel);
  cpu.started_ns.store(now, std::memory_order_relaxed);
  // Its own name for its clock means nothing to others. 0 is nobody's.
  cpu.clock.store(native != 0 ? int64_t{clock_of_thread(native)} : 0, std::memory_order_relaxed);
  cpu.seq.fetch_add(1, std::memory_order_release);
}

void cpu_limit_end(Interpreter& interp) {
  CpuLimit& cpu = interp.cpu;
  int64_t now = read_clock(CLOCK_THREAD_CPUTIME_ID);
  cpu.seq.fetch_add(1, std::memory_order_acq_rel);
  int64_t used = now - cpu.started_ns.load(std::memory_order_relaxed);
  cpu.used_ns.fetch_add(used > 0 ? used : 0, std::memory_order_relaxed);
  cpu.clock.store(0, std::memory_order_relaxed);
  cpu.seq.fetch_add(1, std::memory_order_release);
}

int64_t cpu_limit_used(Interpreter& interp) {
  CpuLimit& cpu = interp.cpu;
  for (;;) {
    uint32_t seq = cpu.seq.load(std::memory_order_acquire);
    if (seq & 1) {  // it changes now
      sched_yield();
      continue;
    }
    int64_t used = cpu.used_ns.load(std::memory_order_relaxed);
    int64_t clock = cpu.clock.load(std::memory_order_relaxed);
    int64_t started = cpu.started_ns.load(std::memory_order_relaxed);
    int64_t now = clock != 0 ? read_clock(static_cast<clockid_t>(clock)) : -1;
    if (cpu.seq.fetch_add(0, std::memory_order_acq_rel) != seq) continue;
    if (now > started) used += now - started;
    return used - cpu.from_ns.load(std::memory_order_relaxed);
  }
}

Status cpu_limit_poll(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  interp.breaker.clear(kBreakLimits);
  CpuLimit& cpu = interp.cpu;
  int64_t limit = cpu.limit_ns.load(std::memory_order_acquire);
  if (limit == 0) return Status::kOk;
  if (cpu.clock.load(std::memory_order_relaxed) == 0) cpu_limit_begin(interp, &ts);
  int64_t used = cpu_limit_used(interp);
  if (used < cpu.next_ns.load(std::memory_order_relaxed)) return Status::kOk;
  constexpr int64_t kLeastGrace = 10'000'000;
  cpu.next_ns.store(used + (limit / 10 > kLeastGrace ? limit / 10 : kLeastGrace), std::memory_order_relaxed);
  char text[96];
  std::snprintf(text, sizeof text, "processor time limit of %.3f s exceeded", static_cast<double>(limit) * 1e-9);
  PyErr_SetString(PyExc_TimeoutError, text);
  return Status::kError;
}

Status interrupt_poll(ThreadState& ts) {
  EvalBreaker& breaker = ts.interpreter().breaker;
  if (!breaker.take(kBreakInterrupt)) return Status::kOk;
  PyErr_SetNone(PyExc_KeyboardInterrupt);
  return Status::kError;
}

}  // namespace atl
