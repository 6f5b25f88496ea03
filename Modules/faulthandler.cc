// faulthandler: tracebacks when a program crashes, on a signal, or after a time.
//
// Signal handlers belong to the process, so what they read is one block of plain memory (Control), made at first use and
// found through Runtime. The module object of the interpreter that asked keeps the file
// objects alive. Handlers write with the functions of Python/vm/dump.h only. The watchdog is a thread of its own that
// never enters an interpreter.
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <new>

#include "Modules/module_def.h"
#include "Modules/time.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/dump.h"
#include "Python/vm/sealed_fault.h"

namespace atl {

namespace {

struct FatalSignal {
  int number;
  const char* name;
};
constexpr FatalSignal kFatal[] = {{SIGBUS, "Bus error"},
                                  {SIGILL, "Illegal instruction"},
                                  {SIGFPE, "Floating point exception"},
                                  {SIGABRT, "Aborted"},
                                  {SIGSEGV, "Segmentation fault"}};
constexpr size_t kFatalCount = std::size(kFatal);
constexpr int kSignals = 65;

struct UserSignal {
  std::atomic<bool> enabled{false};
  int fd = -1;
  bool all_threads = true;
  bool chain = false;
  struct sigaction before;
};

struct Control {
  std::atomic<bool> enabled{false};
  int fd = -1;
  bool all_threads = true;
  bool installed[kFatalCount] = {};
  struct sigaction before[kFatalCount];
  UserSignal user[kSignals];
  stack_t stack = {};  // what handlers of the thread that enabled us run on: its own may be exhausted
  stack_t old_stack = {};
  // The watchdog: started, told to end and joined under the interpreter's lock.
  pthread_mutex_t lock;
  pthread_cond_t wake;
  pthread_t watchdog;
  pid_t watchdog_process = 0;  // 0: none is running
  bool cancelled = false;
  timespec interval = {};
  bool repeat = false, exit = false;
  int later_fd = -1;
  Interpreter* later_interpreter = nullptr;
  char header[64];
};

struct State {
  Control* control;
  PyObject* fatal_file;
  PyObject* later_file;
  PyObject* user_files;  // dict: signal number to file
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

Control* control() { return static_cast<Control*>(runtime().fault_control.load(std::memory_order_acquire)); }

// ---- what runs in handlers and in the watchdog -------------------------------------------------------------------

void dump(int fd, bool all_threads) {
  ThreadState* ts = thread_state_here();
  if (all_threads) {
    dump_threads(fd, nullptr, ts);
  } else if (ts != nullptr) {
    dump_stack(fd, ts);
  }
}

void restore_fatal(Control* c, size_t i) {
  if (!c->installed[i]) return;
  c->installed[i] = false;
  (void)sigaction(kFatal[i].number, &c->before[i], nullptr);
}

void on_fatal(int signum, siginfo_t* info, void*) {
  const int saved = errno;
  Control* c = control();
  if (c == nullptr || !c->enabled.load()) return;
  size_t i = 0;
  while (i < kFatalCount && kFatal[i].number != signum) ++i;
  if (i == kFatalCount) return;
  // Back to what was there before: when this returns the signal is raised again, and a crash in here is not ours.
  restore_fatal(c, i);
  if (signum == SIGSEGV && info->si_code > 0 && sealed_fault_report(c->fd, info->si_addr)) dump_text(c->fd, "\n");
  dump_text(c->fd, "Fatal Python error: ");
  dump_text(c->fd, kFatal[i].name);
  dump_text(c->fd, "\n\n");
  dump(c->fd, c->all_threads);
  ThreadState* ts = thread_state_here();
  dump_extension_modules(c->fd, ts != nullptr ? &ts->interpreter() : nullptr);
  errno = saved;
  ::raise(signum);
}

bool install_user(int signum, UserSignal* u, struct sigaction* before);

void on_user(int signum) {
  const int saved = errno;
  Control* c = control();
  if (c == nullptr || signum < 1 || signum >= kSignals) return;
  UserSignal& u = c->user[signum];
  if (!u.enabled.load()) return;
  dump(u.fd, u.all_threads);
  errno = saved;
  if (!u.chain) return;
  (void)sigaction(signum, &u.before, nullptr);
  ::raise(signum);
  const int after = errno;
  (void)install_user(signum, &u, nullptr);
  errno = after;
}

bool install_user(int signum, UserSignal* u, struct sigaction* before) {
  struct sigaction action = {};
  action.sa_handler = on_user;
  sigemptyset(&action.sa_mask);
  // A chained handler is called by raising the signal inside ours.
  action.sa_flags = SA_ONSTACK | (u->chain ? SA_NODEFER : SA_RESTART);
  return sigaction(signum, &action, before) == 0;
}

timespec after(timespec interval) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += interval.tv_sec;
  t.tv_nsec += interval.tv_nsec;
  if (t.tv_nsec >= 1000000000) {
    t.tv_nsec -= 1000000000;
    ++t.tv_sec;
  }
  return t;
}

void* watch(void* arg) {
  auto* c = static_cast<Control*>(arg);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_mutex_lock(&c->lock);
  do {
    const timespec until = after(c->interval);
    int error = 0;
    while (!c->cancelled && error != ETIMEDOUT) error = pthread_cond_timedwait(&c->wake, &c->lock, &until);
    if (c->cancelled) break;
    dump_text(c->later_fd, c->header);
    dump_threads(c->later_fd, c->later_interpreter, nullptr);
    if (c->exit) _exit(1);
  } while (c->repeat);
  pthread_mutex_unlock(&c->lock);
  return nullptr;
}

// ---- switching on and off ----------------------------------------------------------------------------------------

void fatal_off(Control* c) {
  if (!c->enabled.exchange(false)) return;
  for (size_t i = 0; i < kFatalCount; ++i) restore_fatal(c, i);
}
void fatal_off_now() {
  if (Control* c = control()) fatal_off(c);
}

bool user_off(Control* c, int signum) {
  UserSignal& u = c->user[signum];
  if (!u.enabled.exchange(false)) return false;
  (void)sigaction(signum, &u.before, nullptr);
  u.fd = -1;
  return true;
}

// After fork() the child has no watchdog to wait for.
void later_off(Control* c) {
  if (c->watchdog_process == 0) return;
  if (c->watchdog_process == getpid()) {
    pthread_mutex_lock(&c->lock);
    c->cancelled = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->watchdog, nullptr);
  }
  c->watchdog_process = 0;
}

void init_lock(Control* c) {
  pthread_mutex_init(&c->lock, nullptr);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&c->wake, &attributes);
  pthread_condattr_destroy(&attributes);
}

Control* need_control(ThreadState& ts, PyObject* module) {
  Control* c = control();
  if (c == nullptr) {
    auto* fresh = new (std::nothrow) Control;
    if (fresh == nullptr) return raise_memory(ts);
    init_lock(fresh);
    void* expected = nullptr;
    if (runtime().fault_control.compare_exchange_strong(expected, fresh)) {
      runtime().fault_handler_off.store(fatal_off_now);
      c = fresh;
    } else {
      delete fresh;
      c = static_cast<Control*>(expected);
    }
  }
  state_of(module)->control = c;
  return c;
}

// ---- arguments ---------------------------------------------------------------------------------------------------

// The descriptor of a file argument; *keep is the object that must stay open, or empty for a plain number.
bool file_descriptor(ThreadState& ts, PyObject* file, Ref<>* keep, int* fd) {
  Ref<> stream;
  if (file == nullptr || file == Py_None) {
    stream = Ref<>::dup_of(PySys_GetObject("stderr"));
    if (!stream) {
      (void)raise(ts, PyExc_RuntimeError, "unable to get sys.stderr");
      return false;
    }
    if (stream.get() == Py_None) {
      (void)raise(ts, PyExc_RuntimeError, "sys.stderr is None");
      return false;
    }
  } else if (PyLong_Check(file)) {
    long n = PyLong_AsLong(file);
    if ((n == -1 && error_set(ts)) || n > INT_MAX || n < INT_MIN) {
      error_clear(ts);
      (void)raise(ts, PyExc_OverflowError, "Python int too large to convert to C int");
      return false;
    }
    if (n < 0) {
      (void)raise(ts, PyExc_ValueError, "file is not a valid file descripter");
      return false;
    }
    *fd = static_cast<int>(n);
    return true;
  } else {
    stream = dup(file);
  }
  Ref<> number = Ref<>::steal(PyObject_CallMethod(stream.get(), "fileno", nullptr));
  if (!number) return false;
  long n = -1;
  if (PyLong_Check(number.get())) {
    n = PyLong_AsLong(number.get());
    if (n == -1) error_clear(ts);
  }
  if (n < 0 || n > INT_MAX) {
    (void)raise(ts, PyExc_RuntimeError, "file.fileno() is not a valid file descriptor");
    return false;
  }
  // What waits in the stream comes before the traceback; that it can't be flushed now is no reason to fail.
  if (!Ref<>::steal(PyObject_CallMethod(stream.get(), "flush", nullptr))) error_clear(ts);
  *fd = static_cast<int>(n);
  *keep = std::move(stream);
  return true;
}

bool check_signal(ThreadState& ts, int signum) {
  for (const FatalSignal& f : kFatal) {
    if (f.number != signum) continue;
    (void)raise(ts, PyExc_RuntimeError, "signal %i cannot be registered, use enable() instead", signum);
    return false;
  }
  if (signum >= 1 && signum < kSignals) return true;
  (void)raise(ts, PyExc_ValueError, "signal number out of range");
  return false;
}

// ---- functions ---------------------------------------------------------------------------------------------------

Ref<> m_dump_traceback(ThreadState& ts, PyObject*, PyObject* file, bool all_threads) {
  Ref<> keep;
  int fd;
  if (!file_descriptor(ts, file, &keep, &fd)) return {};
  if (all_threads) {
    dump_threads(fd, &ts.interpreter(), &ts);
  } else {
    dump_stack(fd, &ts);
  }
  return PyErr_CheckSignals() < 0 ? Ref<>() : new_none();
}

// Handlers get a stack of their own, so that a thread that ran out of its stack can still say so.
bool use_own_stack(Control* c) {
  if (c->stack.ss_sp != nullptr) return true;
  long wanted = sysconf(_SC_SIGSTKSZ);
  const size_t size = (wanted > 0 ? static_cast<size_t>(wanted) : size_t{8192}) * 2 + 64 * 1024;
  void* memory = std::malloc(size);
  if (memory == nullptr) return false;
  c->stack.ss_sp = memory;
  c->stack.ss_size = size;
  c->stack.ss_flags = 0;
  if (sigaltstack(&c->stack, &c->old_stack) == 0) return true;
  std::free(memory);
  c->stack.ss_sp = nullptr;
  return true;  // without it the handlers run on the thread's stack
}

Ref<> m_enable(ThreadState& ts, PyObject* module, PyObject* file, bool all_threads) {
  Ref<> keep;
  int fd;
  if (!file_descriptor(ts, file, &keep, &fd)) return {};
  Control* c = need_control(ts, module);
  if (c == nullptr) return {};
  if (!use_own_stack(c)) return raise_memory(ts);
  set_field(state_of(module)->fatal_file, std::move(keep));
  c->fd = fd;
  c->all_threads = all_threads;
  if (c->enabled.exchange(true)) return new_none();
  for (size_t i = 0; i < kFatalCount; ++i) {
    struct sigaction action = {};
    action.sa_sigaction = on_fatal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_NODEFER | SA_ONSTACK | SA_SIGINFO;
    if (sigaction(kFatal[i].number, &action, &c->before[i]) != 0) return raise_os_error(ts, errno);
    c->installed[i] = true;
  }
  return new_none();
}
Ref<> m_disable(ThreadState&, PyObject* module) {
  Control* c = control();
  const bool was = c != nullptr && c->enabled.load();
  if (was) fatal_off(c);
  clear_field(state_of(module)->fatal_file);
  return new_bool(was);
}
Ref<> m_is_enabled(ThreadState&, PyObject*) {
  Control* c = control();
  return new_bool(c != nullptr && c->enabled.load());
}

Ref<> m_dump_traceback_later(ThreadState& ts, PyObject* module, PyObject* timeout, bool repeat, PyObject* file, bool exit) {
  int64_t ns;
  if (!seconds_to_ns(ts, timeout, &ns)) return {};
  if (ns <= 0) return raise(ts, PyExc_ValueError, "timeout must be greater than 0");
  Ref<> keep;
  int fd;
  if (!file_descriptor(ts, file, &keep, &fd)) return {};
  Control* c = need_control(ts, module);
  if (c == nullptr) return {};
  const bool forked = c->watchdog_process != 0 && c->watchdog_process != getpid();
  later_off(c);
  if (forked) init_lock(c);  // the parent's may have been held
  set_field(state_of(module)->later_file, std::move(keep));
  c->interval = {static_cast<time_t>(ns / 1000000000), static_cast<long>(ns % 1000000000)};
  c->repeat = repeat;
  c->exit = exit;
  c->later_fd = fd;
  c->later_interpreter = &ts.interpreter();
  c->cancelled = false;
  const long long seconds = ns / 1000000000;
  const long micro = static_cast<long>(ns % 1000000000 / 1000);
  int n = std::snprintf(c->header, sizeof c->header, "Timeout (%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (micro != 0) n += std::snprintf(c->header + n, sizeof c->header - static_cast<size_t>(n), ".%06ld", micro);
  std::snprintf(c->header + n, sizeof c->header - static_cast<size_t>(n), ")!\n");
  if (pthread_create(&c->watchdog, nullptr, watch, c) != 0) return raise(ts, PyExc_RuntimeError, "unable to start watchdog thread");
  c->watchdog_process = getpid();
  return new_none();
}
Ref<> m_cancel_dump_traceback_later(ThreadState&, PyObject* module) {
  if (Control* c = control()) later_off(c);
  clear_field(state_of(module)->later_file);
  return new_none();
}

Ref<> m_register(ThreadState& ts, PyObject* module, int signum, PyObject* file, bool all_threads, bool chain) {
  if (!check_signal(ts, signum)) return {};
  Ref<> keep;
  int fd;
  if (!file_descriptor(ts, file, &keep, &fd)) return {};
  Control* c = need_control(ts, module);
  if (c == nullptr) return {};
  State* s = state_of(module);
  if (s->user_files == nullptr) s->user_files = dict_new(ts).release();
  Ref<> key = int_from_i64(ts, signum);
  if (s->user_files == nullptr || !key || failed(dict_set(ts, s->user_files, key.get(), keep ? keep.get() : Py_None))) return {};
  UserSignal& u = c->user[signum];
  const bool was = u.enabled.load();
  u.chain = chain;
  if (!install_user(signum, &u, was ? nullptr : &u.before)) return raise_os_error(ts, errno);
  u.fd = fd;
  u.all_threads = all_threads;
  u.enabled.store(true);
  return new_none();
}
Ref<> m_unregister(ThreadState& ts, PyObject* module, int signum) {
  if (!check_signal(ts, signum)) return {};
  Control* c = control();
  const bool was = c != nullptr && user_off(c, signum);
  State* s = state_of(module);
  if (s->user_files != nullptr) {
    Ref<> key = int_from_i64(ts, signum), old;
    if (!key || failed(dict_pop(ts, s->user_files, key.get(), &old))) return {};
  }
  return new_bool(was);
}

// ---- crashes to order --------------------------------------------------------------------------------------------

// Whoever asks for a crash does not want a core file.
void no_core_file() {
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = 0;
    (void)setrlimit(RLIMIT_CORE, &limit);
  }
}

Ref<> m_read_null(ThreadState& ts, PyObject*) {
  no_core_file();
  volatile int* volatile nowhere = nullptr;
  return int_from_i64(ts, *nowhere);
}
Ref<> m_sigsegv(ThreadState&, PyObject*, bool release_gil) {
  no_core_file();
  if (release_gil) {
    PyThreadState* saved = PyEval_SaveThread();
    ::raise(SIGSEGV);
    PyEval_RestoreThread(saved);
  } else {
    ::raise(SIGSEGV);
  }
  return new_none();
}
Ref<> m_sigfpe(ThreadState&, PyObject*) {
  no_core_file();
  ::raise(SIGFPE);
  return new_none();
}
Ref<> m_sigabrt(ThreadState&, PyObject*) {
  no_core_file();
  std::abort();
}
void* fail_in_thread(void*) {
  _Py_FatalErrorFunc("faulthandler_fatal_error_thread", "in new thread");
}
Ref<> m_fatal_error_c_thread(ThreadState& ts, PyObject*) {
  no_core_file();
  pthread_t thread;
  if (pthread_create(&thread, nullptr, fail_in_thread, nullptr) != 0) return raise(ts, PyExc_RuntimeError, "unable to start the thread");
  pthread_join(thread, nullptr);
  return new_none();
}

__attribute__((noinline)) uintptr_t go_down(uintptr_t low, uintptr_t high, size_t* depth) {
  volatile char block[4096];
  block[0] = 1;
  block[4095] = 2;
  ++*depth;
  auto here = reinterpret_cast<uintptr_t>(&block[0]);
  if (here < low || here > high) return here;
  return go_down(low, high, depth) + block[0] - 1;
}
Ref<> m_stack_overflow(ThreadState& ts, PyObject*) {
  no_core_file();
  constexpr uintptr_t kFar = 100 * 1024 * 1024;
  size_t depth = 0;
  char mark;
  auto from = reinterpret_cast<uintptr_t>(&mark);
  uintptr_t end = go_down(from < kFar ? 0 : from - kFar, from + kFar, &depth);
  return raise(ts, PyExc_RuntimeError, "unable to raise a stack overflow (allocated %zu bytes on the stack, %zu recursive calls)",
               static_cast<size_t>(end > from ? end - from : from - end), depth);
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_PLAIN_FLAGS(m_enable, "enable", "(file=None, all_threads=True)", "enable(file=sys.stderr, all_threads=True)\n\nShow tracebacks when the program crashes.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_disable, "disable", "()", "disable()\n\nShow no more tracebacks when the program crashes.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_is_enabled, "is_enabled", "()", "is_enabled() -> bool\n\nAre tracebacks shown when the program crashes?", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_dump_traceback, "dump_traceback", "(file=None, all_threads=True)", "dump_traceback(file=sys.stderr, all_threads=True)\n\nWrite the traceback of this thread, or of all.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_dump_traceback_later, "dump_traceback_later", "(timeout, repeat=False, file=None, exit=False)", "dump_traceback_later(timeout, repeat=False, file=sys.stderr, exit=False)\n\nWrite the tracebacks of all threads after some seconds, once or again and again.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_cancel_dump_traceback_later, "cancel_dump_traceback_later", "()", "cancel_dump_traceback_later()\n\nCancel the last dump_traceback_later().", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_register, "register", "(signum, file=None, all_threads=True, chain=False)", "register(signum, file=sys.stderr, all_threads=True, chain=False)\n\nWrite tracebacks when a signal arrives.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_unregister, "unregister", "(signum, /)", "unregister(signum) -> bool\n\nUndo register(); was there anything to undo?", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_read_null, "_read_null", "()", "_read_null()\n\nRead from address 0.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_sigsegv, "_sigsegv", "(release_gil=False, /)", "_sigsegv(release_gil=False)\n\nRaise SIGSEGV.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_sigfpe, "_sigfpe", "()", "_sigfpe()\n\nRaise SIGFPE.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_sigabrt, "_sigabrt", "()", "_sigabrt()\n\nRaise SIGABRT.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_fatal_error_c_thread, "_fatal_error_c_thread", "()", "_fatal_error_c_thread()\n\nCall Py_FatalError() in a new C thread.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_stack_overflow, "_stack_overflow", "()", "_stack_overflow()\n\nUse up the C stack.", 0),
    ATOLL_METHOD_END};

int fault_traverse(PyObject* m, visitproc visit, void* arg) {
  State* s = state_of(m);
  if (s == nullptr) return 0;
  Py_VISIT(s->fatal_file);
  Py_VISIT(s->later_file);
  Py_VISIT(s->user_files);
  return 0;
}
// The interpreter that used us ends: its files go, so nothing may write to them any more.
int fault_clear(PyObject* m) {
  State* s = state_of(m);
  if (s == nullptr) return 0;
  if (Control* c = s->control) {
    later_off(c);
    for (int i = 1; i < kSignals; ++i) user_off(c, i);
    fatal_off(c);
    s->control = nullptr;
  }
  clear_field(s->fatal_file);
  clear_field(s->later_file);
  clear_field(s->user_files);
  return 0;
}
void fault_free(void* m) { (void)fault_clear(static_cast<PyObject*>(m)); }

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit_faulthandler, "faulthandler", "Tracebacks of crashes, on signals and after a time.", sizeof(atl::State), atl::kMethods,
                        atl::module_exec_nothing, atl::fault_traverse, atl::fault_clear, atl::fault_free)
