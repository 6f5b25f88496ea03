#include "Python/runtime/runtime.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "Python/runtime/scope.h"
#include "Python/runtime/upcalls.h"

namespace atl {

constinit thread_local ThreadState* t_current __attribute__((tls_model("initial-exec"))) = nullptr;

// What a thread knows of itself, asked for once: a thread state may be used by many threads in turn.
struct ThreadFacts {
  char* stack_limit;
  char* stack_base;
  unsigned long native_id;
};
constinit thread_local ThreadFacts t_facts __attribute__((tls_model("initial-exec"))) = {nullptr, nullptr, 0};

// The state that the thread detached from last. It may be gone: only the lists of its interpreter know.
struct LastState {
  ThreadState* ts;
  uint64_t id;
  int64_t interpreter;
};
constinit thread_local LastState t_last __attribute__((tls_model("initial-exec"))) = {nullptr, 0, 0};

// One per process; zero-initialised, so that nothing depends on the order of start.
constinit Runtime g_runtime;

void die(const char* file, int line, const char* what) {
  std::fprintf(stderr, "Fatal Python error: %s:%d: %s\n", file, line, what);
  std::fflush(stderr);
  std::abort();
}

void* raise_no_memory(ThreadState& ts) {
  upcall_set_memory_error(ts);
  return nullptr;
}

// ---- thread states -----------------------------------------------------------------------------------------------

namespace {

ThreadFacts find_thread_facts() {
  ThreadFacts f{nullptr, nullptr, static_cast<unsigned long>(gettid())};
  pthread_attr_t attr;
  void* low = nullptr;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attr) == 0) {
    pthread_attr_getstack(&attr, &low, &size);
    pthread_attr_destroy(&attr);
  }
  if (low == nullptr) {
    f.stack_limit = static_cast<char*>(__builtin_frame_address(0)) - (size_t{256} << 10);
    return f;
  }
  f.stack_base = static_cast<char*>(low) + size;
  // The main thread's stack grows on demand up to its limit; keep a margin for what has no check of its own.
  size_t margin = size / 4 < (size_t{192} << 10) ? size / 4 : (size_t{192} << 10);
#ifdef __SANITIZE_THREAD__
  margin = size - size / 4;  // its records hold 65,535 calls
#endif
  f.stack_limit = static_cast<char*>(low) + margin;
  return f;
}

// Did the calling thread use the state last? A later thread may have the same pthread_t, or the same kernel number.
bool is_own(const ThreadState* ts) {
  return ts->native_thread_id == t_facts.native_id && ts->thread_id == static_cast<unsigned long>(pthread_self()) && t_facts.native_id != 0;
}

// The calling thread is about to use a state that another one, or none, has used before.
ATOLL_COLD void adopt(ThreadState* ts) {
  if (t_facts.native_id == 0) t_facts = find_thread_facts();
  ts->c_stack_limit = t_facts.stack_limit;
  ts->c_stack_base = t_facts.stack_base;
  {
    // Others look for threads by these.
    std::lock_guard hold(ts->interpreter().list_lock);
    ts->native_thread_id = t_facts.native_id;
    ts->thread_id = static_cast<unsigned long>(pthread_self());
  }
  // Any state of the main interpreter serves the process's main thread, where signals are handled.
  if (ts != runtime().main_tstate) ts->is_main_thread = ts->interpreter().is_main && ts->thread_id == runtime().main_thread;
}

// Signals for the main thread go where it is.
void note_main_thread(ThreadState* ts) {
  Runtime& rt = runtime();
  if (ts->thread_id != rt.main_thread) return;
  ThreadState* inside = ts->interpreter().is_main ? nullptr : ts;
  if (rt.main_inside.load(std::memory_order_relaxed) != inside) rt.main_inside.store(inside, std::memory_order_release);
}

bool ends_without(ThreadState* ts) {
  ThreadState* finalizer = ts->interpreter().finalizer.load(std::memory_order_acquire);
  return finalizer != nullptr && finalizer != ts;
}

}  // namespace

void thread_facts_after_fork(ThreadState* ts) {
  t_facts.native_id = static_cast<unsigned long>(gettid());
  ts->native_thread_id = t_facts.native_id;
  ts->thread_id = static_cast<unsigned long>(pthread_self());
}

ThreadState* new_thread_state(Interpreter& interp) {
  void* memory = std::calloc(1, sizeof(ThreadState));
  if (memory == nullptr) return nullptr;
  auto* ts = new (memory) ThreadState{};
  ts->interp = interp.as_c();
  ts->recursion_limit = interp.recursion_limit;
  ts->recursion_remaining = interp.recursion_limit;
  ts->cframe = &ts->root_cframe;
  ts->exc_info = &ts->exc_state;
  ts->gilstate_counter = 1;
  ts->_initialized = 1;
  std::lock_guard hold(interp.list_lock);
  ts->id = interp.next_thread_id++;
  ts->next = interp.threads;
  if (interp.threads) interp.threads->prev = ts;
  interp.threads = ts;
  return ts;
}

void clear_thread_state(ThreadState& on, ThreadState* ts) {
  (void)on;
  clear_field(ts->dict);
  clear_field(ts->async_exc);
  clear_field(ts->curexc_type);
  clear_field(ts->curexc_value);
  clear_field(ts->curexc_traceback);
  clear_field(ts->exc_state.exc_value);
  ts->c_profilefunc = nullptr;
  ts->c_tracefunc = nullptr;
  clear_field(ts->c_profileobj);
  clear_field(ts->c_traceobj);
  clear_field(ts->async_gen_firstiter);
  clear_field(ts->async_gen_finalizer);
  clear_field(ts->context);
  clear_field(ts->repr_stack);
  if (ts->on_delete != nullptr) {
    auto f = std::exchange(ts->on_delete, nullptr);
    f(ts->on_delete_data);
  }
}

namespace {

void unlink_locked(ThreadState* ts) {
  Interpreter& interp = ts->interpreter();
  if (ts->prev != nullptr) {
    ts->prev->next = ts->next;
  } else {
    interp.threads = static_cast<ThreadState*>(ts->next);
  }
  if (ts->next != nullptr) ts->next->prev = ts->prev;
}
void unlink_thread_state(ThreadState* ts) {
  std::lock_guard hold(ts->interpreter().list_lock);
  unlink_locked(ts);
}

void free_thread_state(ThreadState* ts) {
  auto* chunk = ts->datastack_chunk;
  while (chunk != nullptr) {
    auto* previous = chunk->previous;
    PyObjectArenaAllocator arena;
    PyObject_GetArenaAllocator(&arena);
    arena.free(arena.ctx, chunk, chunk->size);
    chunk = previous;
  }
  ThreadState* self = ts;
  runtime().main_inside.compare_exchange_strong(self, nullptr);
  std::free(ts);
}

}  // namespace

void delete_thread_state(ThreadState* ts) {
  unlink_thread_state(ts);
  free_thread_state(ts);
}

void end_thread_state(ThreadState* ts) {
  // Whoever waits for this thread may end the interpreter as soon as its lock is free: nothing of it is touched then.
  unlink_thread_state(ts);
  detach(ts);
  forget_detached_state();
  free_thread_state(ts);
}

namespace {

// For a thread whose interpreter ends, or has ended, without it. What it was doing (a system call, say) may have been using
// the interpreter's memory until now: that goes with the last of them. The thread never runs again.
[[noreturn]] void stay_away(ThreadState* ts) {
  Interpreter& interp = ts->interpreter();
  bool last;
  {
    std::lock_guard hold(interp.list_lock);
    unlink_locked(ts);
    last = interp.threads == nullptr && interp.abandoned;
  }
  if (last) interpreter_drop_memory(&interp);
  for (;;) pause();
}

}  // namespace

void interpreter_drop_memory(Interpreter* interp) {
  interp->heap.drop_all();
  interpreter_struct_free(interp);
}

// ---- the memory of interpreters ----------------------------------------------------------------------------------

namespace {
constexpr size_t kStructBytes = kGateRoom + ((sizeof(Interpreter) + 63) & ~size_t{63});
}

Interpreter* interpreter_struct_new() {
  Runtime& rt = runtime();
  char* block = nullptr;
  {
    std::lock_guard hold(rt.interpreters_lock);
    block = static_cast<char*>(rt.free_structs);
    if (block != nullptr) rt.free_structs = *reinterpret_cast<void**>(block + kGateRoom);
  }
  if (block == nullptr) {
    block = static_cast<char*>(std::aligned_alloc(64, kStructBytes));
    if (block == nullptr) return nullptr;
    new (block) PostGate;
  }
  char* body = block + kGateRoom;
  std::memset(body, 0, kStructBytes - kGateRoom);
  auto* interp = new (body) Interpreter();
  post_gate(interp).open();
  return interp;
}

void interpreter_struct_free(Interpreter* interp) {
  Runtime& rt = runtime();
  post_gate(interp).close();
  interp->~Interpreter();
  char* body = reinterpret_cast<char*>(interp);
  std::lock_guard hold(rt.interpreters_lock);
  *reinterpret_cast<void**>(body) = rt.free_structs;
  rt.free_structs = body - kGateRoom;
}

void interpreter_structs_drop() {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  while (rt.free_structs != nullptr) {
    char* block = static_cast<char*>(rt.free_structs);
    rt.free_structs = *reinterpret_cast<void**>(block + kGateRoom);
    std::free(block);
  }
}

// ---- attaching ---------------------------------------------------------------------------------------------------

bool interpreter_abandon(Interpreter* interp) {
  std::lock_guard hold(interp->list_lock);
  interp->abandoned = interp->threads != nullptr;
  return interp->abandoned;
}

void attach(ThreadState* ts) {
  ATOLL_ASSERT(t_current == nullptr);
  if (!is_own(ts)) adopt(ts);
  if (ends_without(ts)) stay_away(ts);
  ts->interpreter().gil->acquire(ts);
  if (ends_without(ts)) {
    ts->interpreter().gil->release(ts);
    stay_away(ts);
  }
  t_current = ts;
  note_main_thread(ts);
}

bool try_attach(ThreadState* ts) {
  ATOLL_ASSERT(t_current == nullptr);
  if (!is_own(ts)) adopt(ts);
  if (ends_without(ts) || !ts->interpreter().gil->try_acquire(ts)) return false;
  if (ends_without(ts)) {
    ts->interpreter().gil->release(ts);
    return false;
  }
  t_current = ts;
  note_main_thread(ts);
  return true;
}

void detach(ThreadState* ts) {
  ATOLL_ASSERT(t_current == ts);
  t_current = nullptr;
  t_last = {ts, ts->id, ts->interpreter().id};
  ts->interpreter().gil->release(ts);
}

void forget_detached_state() { t_last.ts = nullptr; }

ThreadState* detached_thread_state(int64_t interpreter) {
  Runtime& rt = runtime();
  const auto self = static_cast<unsigned long>(pthread_self());
  std::lock_guard hold(rt.interpreters_lock);
  if (t_last.ts != nullptr && (interpreter < 0 || t_last.interpreter == interpreter)) {
    if (Interpreter* interp = find_interpreter_locked(rt, t_last.interpreter)) {
      std::lock_guard hold_list(interp->list_lock);
      for (ThreadState* t = interp->threads; t != nullptr; t = static_cast<ThreadState*>(t->next)) {
        if (t == t_last.ts && t->id == t_last.id && t->thread_id == self) return t;
      }
    }
  }
  // One that it has used before that.
  Interpreter* interp = interpreter < 0 ? rt.main : find_interpreter_locked(rt, interpreter);
  if (interp == nullptr) return nullptr;
  std::lock_guard hold_list(interp->list_lock);
  for (ThreadState* t = interp->threads; t != nullptr; t = static_cast<ThreadState*>(t->next)) {
    if (t->thread_id == self && t != interp->home && !t->visiting) return t;
  }
  return nullptr;
}

bool c_stack_error(ThreadState& ts, const char* where) {
  upcall_set_recursion_error(ts, where);
  return false;
}

bool recursion_error(ThreadState& ts, const char* where) {
  // Room for handlers while the stack unwinds: below the limit by up to 50 frames the error is fatal only when the
  // C stack itself is at its end.
  if (ts.recursion_headroom > 0) {
    if (ts.recursion_remaining > -50) return true;
  }
  ++ts.recursion_headroom;
  upcall_set_recursion_error(ts, where);
  --ts.recursion_headroom;
  return false;
}

}  // namespace atl
