// ThreadState: one thread's view of one interpreter.
//
// Its head is the PyThreadState of 3.11's binary interface, at the offsets that compiled code reads. Per C stack,
// and only that: cframe (whose current_frame is the base of the running Atoll frame), datastack_*, exc_info, the
// recursion counters. The stack-switching extensions save and restore exactly these.
#pragma once

#include "Python/runtime/parker.h"
#include "Python/runtime/ref.h"

namespace atl {

// One 8-byte slot of the register stack.
union Slot {
  PyObject* o;
  uintptr_t w;
  Slot* base;
  const uint64_t* pc;
  void* p;
};
static_assert(sizeof(Slot) == 8);

struct ThreadState final : PyThreadState {
  Interpreter& interpreter() const { return *reinterpret_cast<Interpreter*>(interp); }

  // Where the running frame is: stored by the loop before anything that can raise or run Python.
  const uint64_t* pc = nullptr;
  // Lowest address the C stack may reach before calls end in RecursionError.
  char* c_stack_limit = nullptr;
  char* c_stack_base = nullptr;
  bool holds_gil = false;
  bool is_main_thread = false;
  bool daemon_gone = false;      // the runtime is finalizing: this thread may not come back
  bool collecting = false;
  std::atomic<bool> visiting{false};  // attached by a scope (scope.h), which will come back to it; read by anybody
  // Sum of the depths of C functions that must not see a switch of the lock.
  int critical_depth = 0;
  // Set by sys.settrace / sys.setprofile; the loop with hooks runs while it is not zero.
  int hooks = 0;
  // Objects whose deallocation was put off to keep the C stack flat.
  void* trashcan = nullptr;
  PyObject* asyncgen_hooks_pad = nullptr;
  // Full name of the module whose single-phase init function runs: PyModule_Create gives it to the module.
  const char* package_context = nullptr;
  // Reprs in progress (Py_ReprEnter), a list.
  PyObject* repr_stack = nullptr;
  // Where this thread sleeps while it waits for a channel; anybody may wake it.
  Parker parker;

  // While a window above the running frame is being made a frame of: what runs meanwhile begins behind it.
  Slot* reserved_base = nullptr;
  Slot* reserved_end = nullptr;

  Slot* base() const { return reinterpret_cast<Slot*>(cframe->current_frame); }
  void set_base(Slot* b) { cframe->current_frame = reinterpret_cast<struct _PyInterpreterFrame*>(b); }
};

// The current thread's state: one fs-relative load. NULL while the thread is detached.
extern constinit thread_local ThreadState* t_current __attribute__((tls_model("initial-exec")));

ATOLL_INLINE ThreadState& current_thread() { return *t_current; }
ATOLL_INLINE ThreadState* current_thread_or_null() { return t_current; }

// The state that the calling thread, which is detached, used last and may use again: of the given interpreter (-1: of any); NULL
// when there is none. `home` states that a scope has given back are nobody's.
ThreadState* detached_thread_state(int64_t interpreter);
// The calling thread has given its last state back.
void forget_detached_state();

ThreadState* new_thread_state(Interpreter& interp);
// ts is not attached. Clears what it holds (may run finalizers) with `on` the attached state of the same interpreter.
void clear_thread_state(ThreadState& on, ThreadState* ts);
void delete_thread_state(ThreadState* ts);
// Detaches and deletes the current one, which has been cleared.
void end_thread_state(ThreadState* ts);
// Takes the interpreter's lock and makes ts current. The thread has no current state.
void attach(ThreadState* ts);
// The same if nobody has the lock, and the interpreter does not end. False: not attached.
[[nodiscard]] bool try_attach(ThreadState* ts);
// In the child of a fork, by the thread that forked.
void thread_facts_after_fork(ThreadState* ts);
// Gives the lock up; the thread has no current state afterwards.
void detach(ThreadState* ts);

// For C recursion that 3.11 does not count: only the end of the C stack stops it. False with RecursionError set.
[[nodiscard]] ATOLL_COLD bool c_stack_error(ThreadState& ts, const char* where);
[[nodiscard]] ATOLL_INLINE bool c_stack_ok(ThreadState& ts, const char* where) {
  return ATOLL_LIKELY(static_cast<char*>(__builtin_frame_address(0)) >= ts.c_stack_limit) || c_stack_error(ts, where);
}

// Depth and C-stack check at the entry of functions that recurse through user data; `where` completes the message
// "maximum recursion depth exceeded" (for example " while calling a Python object").
[[nodiscard]] ATOLL_COLD bool recursion_error(ThreadState& ts, const char* where);
class [[nodiscard]] RecursionGuard {
 public:
  RecursionGuard(ThreadState& ts, const char* where) : ts_(ts) {
    char here;
    ok_ = true;
    if (ATOLL_UNLIKELY(--ts.recursion_remaining < 0 || &here < ts.c_stack_limit)) ok_ = recursion_error(ts, where);
  }
  RecursionGuard(const RecursionGuard&) = delete;
  RecursionGuard& operator=(const RecursionGuard&) = delete;
  ~RecursionGuard() { ++ts_.recursion_remaining; }
  bool ok() const { return ok_; }

 private:
  ThreadState& ts_;
  bool ok_;
};

}  // namespace atl
