// Runtime: the one process-wide object. Every member names its lock or says that it is atomic or sealed.
#pragma once

#include <atomic>

#include "Python/import/library_state.h"
#include "Python/runtime/helper.h"
#include "Python/runtime/host_state.h"
#include "Python/runtime/interpreter.h"
#include "Python/runtime/sealed.h"
#include "Python/sharing/channel_state.h"

namespace atl {

struct Config;  // Python/lifecycle: the process's configuration

inline constexpr unsigned kMaxSignal = 65;

// Address >> 16 -> chunk; atomic words, written under the table's lock, read without.
struct ChunkTable {
  std::atomic<std::atomic<Chunk*>*> level1[1 << 16];
};

struct ChunkPool {
  LeafMutex lock{LockRank::kChunkPool};  // guards all below
  Chunk* free = nullptr; // linked through next
  unsigned count = 0;
};

struct SignalState {
  std::atomic<bool> any{false};
  std::atomic<bool> tripped[kMaxSignal];
  std::atomic<bool> interrupted_inside{false};  // SIGINT came while the main thread was in another interpreter, and went there
  std::atomic<int> wakeup_fd{-1};
  std::atomic<bool> warn_on_full_buffer{true};
};

// What the C library keeps for the whole process.
struct LibcState {
  LeafMutex lock{LockRank::kLibc};  // guards walks through the databases of users and groups, and all below
  char* syslog_ident = nullptr;
  bool syslog_open = false;
};

struct Runtime {
  // sealed after bring-up
  bool core_initialized = false;
  uint64_t hash_secret[2] = {0, 0};
  const Config* config = nullptr;
  // What the namespaces of a new interpreter's modules are copied from (Objects/dict: dict_make_template).
  struct _dictkeysobject* builtins_template = nullptr;
  struct _dictkeysobject* sys_template = nullptr;
  struct _dictkeysobject* modules_template = nullptr;

  std::atomic<bool> initialized{false};
  std::atomic<ThreadState*> finalizing{nullptr};
  unsigned long main_thread = 0;  // written at bring-up and after fork
  ThreadState* main_tstate = nullptr;

  LeafMutex interpreters_lock{LockRank::kInterpreters};  // guards the table below, and what Interpreter says
  Interpreter* main = nullptr;
  Interpreter** interpreters = nullptr;
  size_t interpreter_count = 0;
  size_t interpreter_capacity = 0;
  int64_t next_interpreter_id = 0;
  void* free_structs = nullptr;  // memory of ended interpreters, for the next ones (post_gate.h)

  HelperState helper;  // own lock
  HostState host;
  ClockBase clock_base;  // sealed after bring-up

  ChunkTable chunk_table;  // atomic; level 2 tables added under chunk_pool.lock
  ChunkPool chunk_pool;

  SealedState sealed;           // own lock
  StaticTypeRegistry static_types;  // own lock
  void* identifiers = nullptr;  // Objects/str: open hash table of process-wide strings; written at bring-up and under library's lock

  std::atomic<uint64_t> next_dict_version_block{1};
  std::atomic<uint32_t> next_static_type_version{1};
  std::atomic<uint64_t> gilstate_key_generation{0};
  std::atomic<Py_ssize_t> next_module_index{0};  // of module definitions (PyState_FindModule)

  SignalState signals;
  LibcState libc;
  std::atomic<bool> fatal_error{false};
  std::atomic<void*> fault_control{nullptr};           // module faulthandler: what its signal handlers read; never freed
  std::atomic<void (*)()> fault_handler_off{nullptr};  // ... and how Py_FatalError takes them out
  // Where the process's main thread is while it has entered another interpreter; NULL at home.
  std::atomic<ThreadState*> main_inside{nullptr};

  ChannelRegistry channels;  // own lock
  LibraryImages library;     // own lock
};

extern Runtime g_runtime;
ATOLL_INLINE Runtime& runtime() { return g_runtime; }

}  // namespace atl
