#include "Python/runtime/runtime.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "Python/runtime/upcalls.h"

namespace atl {

constinit thread_local ThreadState* t_current __attribute__((tls_model("initial-exec"))) = nullptr;

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

// ---- sealed arena ------------------------------------------------------------------------------------------------

namespace {
constexpr size_t kSealedReserve = size_t{64} << 20;  // not touched, not used; names and constants of the library are the most of it
}

void* sealed_alloc(size_t size) {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.sealed_lock);
  size = (size + 15) & ~size_t{15};
  if (rt.sealed_arena == nullptr) {
    void* p = mmap(nullptr, kSealedReserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return nullptr;
    rt.sealed_arena = static_cast<char*>(p);
    rt.sealed_size = kSealedReserve;
  }
  if (rt.sealed_used + size > rt.sealed_size) return nullptr;
  void* p = rt.sealed_arena + rt.sealed_used;
  rt.sealed_used += size;
  return p;
}

bool is_sealed_address(const void* p) {
  Runtime& rt = runtime();
  auto* c = static_cast<const char*>(p);
  return c >= rt.sealed_arena && c < rt.sealed_arena + rt.sealed_size;
}

// ---- type state --------------------------------------------------------------------------------------------------

Status type_state_init(Interpreter& interp) {
  auto n = static_cast<uint32_t>(runtime().static_type_count + 64);
  interp.types.statics = static_cast<TypeMutable*>(std::calloc(n, sizeof(TypeMutable)));
  if (interp.types.statics == nullptr) return Status::kError;
  interp.types.statics_size = n;
  interp.types.next_version = kFirstHeapVersion;
  interp.types.method_cache = nullptr;
  return Status::kOk;
}

void type_state_clear(Interpreter& interp) {
  // The lists of subclasses lie in the interpreter's heap, which goes as a whole.
  std::free(interp.types.statics);
  std::free(interp.types.method_cache);
  interp.types = TypeState{};
}

TypeMutable* type_mutable(Interpreter& interp, PyTypeObject* type) {
  TypeRecord* r = type_record(type);
  if (r == nullptr) return nullptr;
  if (r->static_index < 0) return &r->own;
  TypeState& types = interp.types;
  auto index = static_cast<uint32_t>(r->static_index);
  if (index >= types.statics_size) {  // a static type of an extension, registered after this interpreter began
    uint32_t n = index + 64;
    auto* grown = static_cast<TypeMutable*>(std::realloc(types.statics, n * sizeof(TypeMutable)));
    if (grown == nullptr) return nullptr;
    std::memset(grown + types.statics_size, 0, (n - types.statics_size) * sizeof(TypeMutable));
    types.statics = grown;
    types.statics_size = n;
  }
  return &types.statics[index];
}

// ---- thread states -----------------------------------------------------------------------------------------------

void set_c_stack_bounds(ThreadState* ts) {
  pthread_attr_t attr;
  void* low = nullptr;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attr) == 0) {
    pthread_attr_getstack(&attr, &low, &size);
    pthread_attr_destroy(&attr);
  }
  if (low == nullptr) {
    ts->c_stack_limit = static_cast<char*>(__builtin_frame_address(0)) - (size_t{256} << 10);
    return;
  }
  ts->c_stack_base = static_cast<char*>(low) + size;
  // The main thread's stack grows on demand up to its limit; keep a margin for what has no check of its own.
  size_t margin = size / 4 < (size_t{192} << 10) ? size / 4 : (size_t{192} << 10);
  ts->c_stack_limit = static_cast<char*>(low) + margin;
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
  interp->~Interpreter();
  std::free(interp);
}

bool interpreter_abandon(Interpreter* interp) {
  std::lock_guard hold(interp->list_lock);
  interp->abandoned = interp->threads != nullptr;
  return interp->abandoned;
}

void attach(ThreadState* ts) {
  ATOLL_ASSERT(t_current == nullptr);
  Interpreter& interp = ts->interpreter();
  auto ends_without_us = [&] {
    ThreadState* finalizer = interp.finalizer.load(std::memory_order_acquire);
    return finalizer != nullptr && finalizer != ts;
  };
  if (ends_without_us()) stay_away(ts);
  interp.gil->acquire(ts);
  if (ends_without_us()) {
    interp.gil->release(ts);
    stay_away(ts);
  }
  t_current = ts;
  if (ts->c_stack_limit == nullptr) {
    set_c_stack_bounds(ts);
    ts->thread_id = static_cast<unsigned long>(pthread_self());
    ts->native_thread_id = static_cast<unsigned long>(gettid());
  }
}

void detach(ThreadState* ts) {
  ATOLL_ASSERT(t_current == ts);
  t_current = nullptr;
  ts->interpreter().gil->release(ts);
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
