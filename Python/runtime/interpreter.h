// Interpreter: everything that one isolated interpreter owns. The composition of the rooms' state structs, hottest
// first. Guarded by the interpreter's lock unless a member says otherwise.
#pragma once

#include <atomic>

#include "Python/lifecycle/on_demand_state.h"
#include "Python/runtime/eval_breaker.h"
#include "Python/runtime/gc_state.h"
#include "Python/runtime/gil.h"
#include "Python/runtime/heap.h"
#include "Python/runtime/leaf_lock.h"
#include "Python/runtime/pending.h"
#include "Python/runtime/post_gate.h"
#include "Python/runtime/statistics.h"
#include "Python/runtime/thread_state.h"
#include "Python/runtime/type_state.h"
#include "Python/sharing/sharing_state.h"

namespace atl {

struct AuditHook;

// What compile and import look at; copied from the process's configuration or the creator's.
struct InterpreterOptions {
  bool own_gil = false;
  bool allow_fork = true;
  bool allow_exec = true;
  bool allow_threads = true;
  bool allow_daemon_threads = true;
  bool check_multi_interp_extensions = false;
  bool use_main_obmalloc = true;  // told by later versions' configurations; the heap is each interpreter's own in any case
};

// Who made an interpreter: the numbers of later versions.
enum class Whence : uint8_t { kUnknown, kRuntime, kLegacyApi, kApi, kCrossApi, kModule };

// Codec registry (Objects/str/codecs): lists and dicts made on first use.
struct CodecState {
  PyObject* search_path;
  PyObject* search_cache;
  PyObject* error_registry;
};

// Counters that must differ between live things of the interpreter.
struct VersionCounters {
  uint64_t dict_version;
  uint64_t dict_version_end;
  uint32_t func_version;
  uint32_t keys_version;        // from kKeysVersionsOfBuiltins + 1
  uint32_t builtins_version;    // of the keys of dicts that served as builtins: up to kKeysVersionsOfBuiltins
};

// Caches of global lookups have 16 bits for the version of the builtins' keys and 32 for that of the globals'.
inline constexpr uint32_t kKeysVersionsOfBuiltins = UINT16_MAX;

struct Interpreter {
  EvalBreaker breaker;  // atomic
  Heap heap;
  GcState gc;
  TypeState types;
  VersionCounters versions;

  Gil* gil = nullptr;  // &own_gil, or the main interpreter's
  Gil own_gil;
  // Who is attached; NULL: the interpreter is idle. Written by whoever takes or gives up its lock, read by anybody.
  std::atomic<ThreadState*> attached{nullptr};
  InterpreterCounters counters;
  CpuLimit cpu;         // atomic
  PendingInbox inbox;   // lock-free queues

  int64_t id = 0;
  InterpreterOptions options;
  bool is_main = false;
  bool finalizing = false;
  bool ended_by_interrupt = false;  // the program's end was a KeyboardInterrupt that nobody caught
  std::atomic<bool> closing{false};
  // The thread that takes it down: from then on no other one can attach.
  std::atomic<ThreadState*> finalizer{nullptr};
  Whence whence = Whence::kUnknown;  // written before it is ready

  // Guarded by Runtime's interpreters_lock: who is inside, through scope.h.
  bool ready = false;              // others may see it
  uint32_t users = 0;              // threads that entered, and whoever holds it off from ending
  bool running_main = false;       // somebody runs code in __main__
  bool home_busy = false;          // somebody uses `home`
  ThreadState* home = nullptr;     // the state that came with the interpreter; entering threads take it in turn
  uint32_t guards = 0;             // guard.h: they hold off its end
  bool guards_closed = false;
  ThreadState* guard_waiter = nullptr;  // waits for the last of them
  int64_t id_refs = 0;             // Interpreter objects that keep it alive, in any interpreter
  bool ends_with_refs = false;     // it ends when the last of them goes

  SharingState sharing;
  OnDemandState on_demand;

  // Interned strings of this interpreter that are not process-wide: a set-like dict str -> str. Entries are not
  // counted; a string takes itself out when it dies.
  PyObject* interned = nullptr;
  PyObject* empty_args = nullptr;

  PyObject* modules = nullptr;     // sys.modules
  PyObject* sysdict = nullptr;     // vars(sys)
  PyObject* builtins = nullptr;    // vars(builtins)
  PyObject* sys_module = nullptr;
  PyObject* builtins_module = nullptr;
  PyObject* importlib = nullptr;   // _frozen_importlib
  PyObject* import_func = nullptr; // builtins.__import__ as first seen
  unsigned long import_lock_owner = 0;  // a thread's id
  int import_lock_depth = 0;
  PyObject* modules_by_index = nullptr;  // list, for PyState_FindModule
  PyObject* dict = nullptr;        // PyInterpreterState_GetDict
  PyObject* extensions = nullptr;  // dict (path, name) -> module data
  PyObject* copyreg_cache = nullptr;
  PyObject* ast_state = nullptr;   // owned by module _ast
  CodecState codecs{};
  PyObject* before_forkers = nullptr;
  PyObject* after_forkers_parent = nullptr;
  PyObject* after_forkers_child = nullptr;
  PyObject* atexit_callbacks = nullptr;  // list of (func, args, kwargs)
  PyObject* warn_filters = nullptr;
  PyObject* warn_once_registry = nullptr;
  PyObject* warn_default_action = nullptr;
  long warn_filters_version = 0;
  PyObject* audit_hooks = nullptr;  // list
  PyObject* signal_handlers = nullptr;  // main interpreter: dict number -> handler
  PyObject* hamt_empty = nullptr;
  PyObject* exception_group = nullptr;    // class ExceptionGroup, a heap class because it has two bases
  PyObject* last_memory_error = nullptr;  // ready-made MemoryError, for when there is no memory to make one
  PyObject* recursion_error_args = nullptr;

  int int_max_str_digits = 4300;
  int recursion_limit = 1000;
  int dlopen_flags = 2;
  _PyFrameEvalFunction eval_frame = nullptr;

  // Thread states; list_lock is a leaf lock, because threads come and go without our GIL.
  LeafMutex list_lock{LockRank::kThreadList};
  ThreadState* threads = nullptr;
  uint64_t next_thread_id = 1;
  bool left_behind = false;  // ended by the process's end, not by the program
  bool abandoned = false;  // ended while threads knew of it: the last of them gives its memory back
  std::atomic<Py_ssize_t> thread_count{0};  // threads started by _thread and alive

  // Weak references to objects that all interpreters share, by address (Objects/weakref).
  struct SharedWeakrefs* shared_weakrefs = nullptr;

  // Code room: per-interpreter caches, opaque here.
  void* code_state = nullptr;
  // Formatting and other one-off caches of Objects.
  void* str_state = nullptr;
  void* context_state = nullptr;

  PyInterpreterState* as_c() { return reinterpret_cast<PyInterpreterState*>(this); }
};

ATOLL_INLINE Interpreter& interp_of(ThreadState& ts) { return ts.interpreter(); }
ATOLL_INLINE Interpreter& as_interp(PyInterpreterState* i) { return *reinterpret_cast<Interpreter*>(i); }

// Does a thread still know of the ended interpreter? Then the last one gives up its memory as it learns of the end.
bool interpreter_abandon(Interpreter* interp);
// Gives up the heap and the struct itself.
void interpreter_drop_memory(Interpreter* interp);

// ---- objects: memory -------------------------------------------------------------------------------------------

// Memory for an object, from the current interpreter's heap; NULL with MemoryError set.
ATOLL_COLD void* raise_no_memory(ThreadState& ts);
ATOLL_INLINE void* object_alloc(ThreadState& ts, size_t size) {
  void* p = ts.interpreter().heap.alloc(size);
  if (ATOLL_UNLIKELY(p == nullptr)) return raise_no_memory(ts);
  return p;
}
ATOLL_INLINE void object_free(ThreadState& ts, void* p) {
#ifdef ATOLL_MALLOC_OBJECTS
  (void)ts;
  Heap::free_remote(p);
#else
  Heap& h = ts.interpreter().heap;
  if (ATOLL_LIKELY(chunk_of(p)->heap == &h)) {
    h.free(p);
  } else {
    Heap::free_remote(p);
  }
#endif
}

// Bytes in front of an instance of the type.
ATOLL_INLINE size_t pre_header_size(const PyTypeObject* type) {
  if (!(type->tp_flags & Py_TPFLAGS_HAVE_GC)) return 0;
  return (type->tp_flags & kTypeShaped) ? 32 : 16;
}

void gc_count_allocation(ThreadState& ts);  // cold part: a collection is due

ATOLL_INLINE void gc_note_allocation(ThreadState& ts) {
  GcGeneration& young = ts.interpreter().gc.generations[0];
  if (ATOLL_UNLIKELY(++young.count > young.threshold)) gc_count_allocation(ts);
}

// A new uninitialised object of exactly `size` bytes: head filled, count 1. The type's reference is taken for heap
// types. GC types: links zeroed, not tracked. NULL with MemoryError set.
ATOLL_INLINE PyObject* new_object_sized(ThreadState& ts, PyTypeObject* type, size_t size) {
  size_t pre = pre_header_size(type);
  char* block = static_cast<char*>(object_alloc(ts, pre + size));
  if (ATOLL_UNLIKELY(block == nullptr)) return nullptr;
  auto* o = reinterpret_cast<PyObject*>(block + pre);
  if (pre != 0) {
    auto* words = reinterpret_cast<uint64_t*>(o);
    words[-1] = words[-2] = 0;
    if (pre == 32) words[-3] = words[-4] = 0;
    gc_note_allocation(ts);
  }
  o->ob_refcnt = 1;
  o->ob_type = type;
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) incref(obj(type));
  return o;
}

// For core structs of fixed size. Fields after the head are not initialised.
template <class T>
ATOLL_INLINE Ref<T> new_object(ThreadState& ts, PyTypeObject* type) {
  return Ref<T>::steal(reinterpret_cast<T*>(new_object_sized(ts, type, sizeof(T))));
}
// For var-sized structs: size bytes in all; ob_size is set.
template <class T>
ATOLL_INLINE Ref<T> new_var_object(ThreadState& ts, PyTypeObject* type, size_t size, Py_ssize_t n) {
  PyObject* o = new_object_sized(ts, type, size);
  if (ATOLL_LIKELY(o != nullptr)) reinterpret_cast<PyVarObject*>(o)->ob_size = n;
  return Ref<T>::steal(reinterpret_cast<T*>(o));
}
// Gives back the memory of an object (its pre-header included); the type's reference is the caller's business.
ATOLL_INLINE void free_object(ThreadState& ts, PyObject* o) {
  size_t pre = pre_header_size(o->ob_type);
  if (pre != 0) {
    GcGeneration& young = ts.interpreter().gc.generations[0];
    if (young.count > 0) --young.count;
  }
  object_free(ts, reinterpret_cast<char*>(o) - pre);
}
ATOLL_INLINE void track(ThreadState& ts, void* o) { gc_track(ts.interpreter().gc, o); }
ATOLL_INLINE void untrack(void* o) { gc_untrack(o); }

}  // namespace atl
