// What an interpreter uses, limits on it, and stopping what runs in it: for any thread, with or without a thread state,
// without waiting for the interpreter.
//
// Everything here takes an interpreter's number, so that nobody needs to know whether it is still there:
//
//   interpreter_figures(id, &figures)          what it holds and has used so far
//   interpreter_set_memory_limit(id, bytes)    allocations beyond it raise MemoryError there, and nowhere else
//   interpreter_set_cpu_limit(id, nanoseconds) raises TimeoutError there once its threads have used that much more
//   interpreter_interrupt(id)                  raises KeyboardInterrupt there, also in a thread that waits
//
// They return kNoInterpreter where there is none of that number (or it is ending), and never set an exception.
//
// The counters are written by whoever holds the interpreter's lock and read by anybody: single words, relaxed. Figures that
// belong together are read one after the other, so a total may be ahead of another by what happened in between.
#pragma once

#include <atomic>

#include "Python/runtime/parker.h"

namespace atl {

// Written by one thread at a time.
class Counter {
 public:
  void add(uint64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// A clock that costs next to nothing, in units of its own: ticks_to_ns() knows them.
ATOLL_INLINE uint64_t ticks_now() {
#ifdef __x86_64__
  return __builtin_ia32_rdtsc();
#else
  return static_cast<uint64_t>(monotonic_now());
#endif
}
// How the two clocks stood when the runtime came up. Part of Runtime; sealed.
struct ClockBase {
  uint64_t ticks = 0;
  int64_t ns = 0;
};
void clock_base_set();
uint64_t ticks_to_ns(uint64_t ticks);

// Part of Interpreter.
struct InterpreterCounters {
  Counter lock_taken;      // times that a thread got the lock
  Counter lock_waits;      // ... and had to wait for it
  Counter lock_wait_ns;    // how long, in all
  Counter lock_held_ticks; // by threads of this interpreter, those that have given it up
  std::atomic<uint64_t> held_since{0};  // ticks_now() when the present holder got it; 0: nobody
  Counter pending_run;
};

// The processor-time limit. Part of Interpreter. While one is set, the time of the threads that are attached is measured by
// their own CPU clocks, here and, from outside, by the runtime's helper thread, which sets kBreakLimits when it is used up.
struct CpuLimit {
  std::atomic<int64_t> limit_ns{0};    // 0: none
  std::atomic<int64_t> used_ns{0};     // by those that have detached
  std::atomic<int64_t> from_ns{0};     // what had been used when the limit was set
  std::atomic<int64_t> next_ns{0};     // the use since then at which it raises (again)
  // The attached thread's clock and what it showed when that thread attached; 0: nobody is measured. seq is odd while they change.
  std::atomic<uint32_t> seq{0};
  std::atomic<int64_t> clock{0};
  std::atomic<int64_t> started_ns{0};
};

struct InterpreterFigures {
  int64_t id;
  uint64_t memory_bytes;     // in objects and other blocks of its heap
  uint64_t memory_blocks;    // how many those are
  uint64_t memory_reserved;  // what the heap has taken from the system for them
  uint64_t memory_limit;     // on the line above; 0: none
  uint64_t lock_held_ns;
  uint64_t lock_taken;
  uint64_t lock_waits;
  uint64_t lock_wait_ns;
  uint64_t pending_posted;   // calls posted to it
  uint64_t pending_run;      // ... that have begun
  uint64_t pending_waiting;  // ... that wait
  uint64_t collections[3];   // by generation
  uint64_t collected;        // objects that collections freed
  uint64_t cpu_ns;           // processor time since the limit was set; 0 without one
  uint64_t cpu_limit_ns;     // 0: none
  uint64_t threads;          // thread states
  bool running;              // a thread is attached to it now
};

enum class FiguresAnswer : uint8_t {
  kOk,
  kNoInterpreter,
  kNotRunning,  // interpreter_interrupt: nobody is inside, nothing happens
  kNoThread,    // interpreter_set_cpu_limit: the helper thread could not be started
};

[[nodiscard]] FiguresAnswer interpreter_figures(int64_t id, InterpreterFigures* out);
// 0 takes the limit away. Counted is what the heap has reserved, in steps of 64 KiB. One that is below what is in use already
// lets the interpreter keep that.
[[nodiscard]] FiguresAnswer interpreter_set_memory_limit(int64_t id, uint64_t bytes);
// 0 takes the limit away; each call begins to measure anew. When it is used up, TimeoutError is raised in whichever thread of
// the interpreter polls next (within some milliseconds), and again after each further tenth of the limit (10 ms at least), so
// that catching it once does not help.
[[nodiscard]] FiguresAnswer interpreter_set_cpu_limit(int64_t id, int64_t ns);
// One thread that runs in the interpreter, or waits there, gets KeyboardInterrupt at its next poll.
[[nodiscard]] FiguresAnswer interpreter_interrupt(int64_t id);

// ---- for the runtime ---------------------------------------------------------------------------------------------

// The holder of the interpreter's lock, while a processor-time limit is set: begins and ends measuring its thread.
void cpu_limit_begin(Interpreter& interp, ThreadState* ts);
void cpu_limit_end(Interpreter& interp);
// Used since the limit was set. Any thread.
int64_t cpu_limit_used(Interpreter& interp);
// At a poll with kBreakLimits, which it clears. kError: TimeoutError is set.
Status cpu_limit_poll(ThreadState& ts);
// With the table's lock and the interpreter's list_lock held: wakes its threads that wait.
void interrupt_poke_locked(Interpreter& interp);
// Takes an interrupt that waits for this thread's interpreter. kError: KeyboardInterrupt is set.
Status interrupt_poll(ThreadState& ts);

}  // namespace atl
