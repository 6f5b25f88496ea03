// _signal: handlers of signals. The C handler only notes the signal; Python handlers run in the main thread of the main
// interpreter at its next poll. What the C handler needs is in Runtime (atomics); the Python handlers are the main
// interpreter's.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "Modules/interpreter_parts.h"
#include "Modules/module_def.h"
#include "Modules/timeouts.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/structseq.h"
#include "Objects/tuple.h"
#include "Objects/upcalls.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

// SIG_DFL and SIG_IGN as Python sees them: the numbers 0 and 1.
PyObject* default_handler() { return small_int(0); }
PyObject* ignore_handler() { return small_int(1); }

// signal number -> handler, a dict of the main interpreter hung in its `signal_handlers`.
PyObject* handlers(ThreadState& ts) {
  PyObject*& d = ts.interpreter().signal_handlers;
  if (d == nullptr) d = dict_new(ts).release();
  return d;
}

void on_signal(int signum) {
  int saved = errno;
  // While the main thread is in another interpreter only itself may look at where it is.
  if (runtime().main_inside.load(std::memory_order_acquire) != nullptr && static_cast<unsigned long>(pthread_self()) != runtime().main_thread) {
    pthread_kill(static_cast<pthread_t>(runtime().main_thread), signum);
    errno = saved;
    return;
  }
  SignalState& s = runtime().signals;
  ThreadState* inside = signum == SIGINT ? runtime().main_inside.load(std::memory_order_acquire) : nullptr;
  if (inside != nullptr) {
    s.interrupted_inside.store(true, std::memory_order_relaxed);
    inside->interpreter().breaker.set(kBreakInterrupt);
    inside->parker.wake(Parker::kPoked);
  }
  s.tripped[signum].store(true, std::memory_order_relaxed);
  s.any.store(true, std::memory_order_release);
  if (Interpreter* main = runtime().main) main->breaker.set(kBreakSignals);
  if (ThreadState* main_thread = runtime().main_tstate) main_thread->parker.wake(Parker::kPoked);
  int fd = s.wakeup_fd.load(std::memory_order_relaxed);
  if (fd != -1) {
    unsigned char byte = static_cast<unsigned char>(signum);
    ssize_t n = write(fd, &byte, 1);
    (void)n;
  }
  errno = saved;
}

Status install(int signum, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  return sigaction(signum, &action, nullptr) == 0 ? Status::kOk : Status::kError;
}

bool in_main_thread(ThreadState& ts) { return ts.interpreter().is_main && ts.is_main_thread; }

bool check_number(ThreadState& ts, int signum) {
  if (signum >= 1 && signum < 65) return true;
  (void)raise(ts, PyExc_ValueError, "signal number out of range");
  return false;
}

// What a signal does now: a handler set from Python, SIG_DFL, SIG_IGN, or None for a handler that C code has set.
Ref<> present_handler(ThreadState& ts, int signalnum) {
  PyObject* d = runtime().main != nullptr && ts.interpreter().is_main ? handlers(ts) : nullptr;
  Ref<> key = int_from_i64(ts, signalnum);
  Ref<> handler;
  if (!key || (d != nullptr && failed(dict_lookup(ts, d, key.get(), &handler)))) return {};
  if (handler) return handler;
  struct sigaction action;
  if (sigaction(signalnum, nullptr, &action) != 0) return new_none();
  if (action.sa_handler == SIG_DFL) return dup(default_handler());
  if (action.sa_handler == SIG_IGN) return dup(ignore_handler());
  return new_none();
}

Ref<> m_signal(ThreadState& ts, PyObject*, int signalnum, PyObject* handler) {
  if (!in_main_thread(ts)) return raise(ts, PyExc_ValueError, "signal only works in main thread of the main interpreter");
  if (!check_number(ts, signalnum)) return {};
  void (*c_handler)(int);
  if (PyCallable_Check(handler)) {
    c_handler = on_signal;
  } else {
    Tri is_ignore = object_equal(ts, handler, ignore_handler());
    if (failed(is_ignore)) return {};
    Tri is_default = object_equal(ts, handler, default_handler());
    if (failed(is_default)) return {};
    if (is_ignore == Tri::kTrue) {
      c_handler = SIG_IGN;
    } else if (is_default == Tri::kTrue) {
      c_handler = SIG_DFL;
    } else {
      return raise(ts, PyExc_TypeError, "signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object");
    }
  }
  if (PyErr_CheckSignals() < 0) return {};
  Ref<> old = present_handler(ts, signalnum);
  if (!old) return {};
  if (failed(install(signalnum, c_handler))) return raise_os_error(ts, errno);
  Ref<> key = int_from_i64(ts, signalnum);
  PyObject* d = handlers(ts);
  if (!key || d == nullptr || failed(dict_set(ts, d, key.get(), handler))) return {};
  return old;
}

Ref<> m_getsignal(ThreadState& ts, PyObject*, int signalnum) {
  return check_number(ts, signalnum) ? present_handler(ts, signalnum) : Ref<>();
}

Ref<> m_default_int_handler(ThreadState& ts, PyObject*, PyObject*, PyObject*) { return raise_none(ts, PyExc_KeyboardInterrupt); }
Ref<> m_alarm(ThreadState& ts, PyObject*, int seconds) { return int_from_u64(ts, alarm(static_cast<unsigned>(seconds))); }
Ref<> m_pause(ThreadState&, PyObject*) {
  PyThreadState* saved = PyEval_SaveThread();
  pause();
  PyEval_RestoreThread(saved);
  return PyErr_CheckSignals() < 0 ? Ref<>() : new_none();
}
Ref<> m_raise_signal(ThreadState& ts, PyObject*, int signalnum) {
  int r = ::raise(signalnum);
  if (r != 0) return raise_os_error(ts, errno);
  return PyErr_CheckSignals() < 0 ? Ref<>() : new_none();
}
Ref<> m_strsignal(ThreadState& ts, PyObject*, int signalnum) {
  if (!check_number(ts, signalnum)) return {};
  const char* text = strsignal(signalnum);
  if (text == nullptr || std::strstr(text, "Unknown signal") != nullptr) return new_none();
  return str_from_utf8(ts, text);
}
Ref<> m_siginterrupt(ThreadState& ts, PyObject*, int signalnum, int flag) {
  if (!check_number(ts, signalnum)) return {};
  struct sigaction action;
  if (sigaction(signalnum, nullptr, &action) != 0) return raise_os_error(ts, errno);
  if (flag) {
    action.sa_flags &= ~SA_RESTART;
  } else {
    action.sa_flags |= SA_RESTART;
  }
  if (sigaction(signalnum, &action, nullptr) != 0) return raise_os_error(ts, errno);
  return new_none();
}

PyObject* m_set_wakeup_fd(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  static constexpr ParamText kParams[] = {{"fd", 2, 0, nullptr, ParamKind::kPositionalOnly},
                                          {"warn_on_full_buffer", 19, 4, "True", ParamKind::kKeywordOnly}};
  static constexpr SignatureView kView{"set_wakeup_fd", kParams, 2, 1, 1, 1, 0};
  PyObject* v[2];
  if (!bind_arguments(ts, kView, args, n, kwnames, v)) return nullptr;
  int fd;
  if (!convert_int(ts, v[0], {&kView, 0}, &fd)) return nullptr;
  if (!in_main_thread(ts)) return raise(ts, PyExc_ValueError, "set_wakeup_fd only works in main thread of the main interpreter");
  if (fd != -1) {
    struct stat status;
    if (fstat(fd, &status) != 0) return raise_os_error(ts, errno);
    int flags = fcntl(fd, F_GETFL);
    if (flags == -1) return raise_os_error(ts, errno);
    if (!(flags & O_NONBLOCK)) return raise(ts, PyExc_ValueError, "the fd %i must be in non-blocking mode", fd);
  }
  if (v[1] != nullptr) runtime().signals.warn_on_full_buffer.store(object_is_true(ts, v[1]) == Tri::kTrue);
  return int_from_i64(ts, runtime().signals.wakeup_fd.exchange(fd)).release();
}

// ---- sets of signals ---------------------------------------------------------------------------------------------

bool read_set(ThreadState& ts, PyObject* iterable, sigset_t* out) {
  sigemptyset(out);
  return !failed(for_each(ts, iterable, [&](PyObject* item) {
    Ref<> index = number_index(ts, item);
    if (!index) return Status::kError;
    int overflow;
    int64_t n = int_as_i64_overflow(index.get(), &overflow);
    if (overflow != 0) n = -1;
    if (n < 1 || n > 64) return Status(raise(ts, PyExc_ValueError, "signal number %lld out of range [1; 64]", static_cast<long long>(n)));
    sigaddset(out, static_cast<int>(n));
    return Status::kOk;
  }));
}
Ref<> make_set(ThreadState& ts, const sigset_t& set) {
  Ref<> r = set_new(ts, nullptr);
  for (int i = 1; r && i < 65; ++i) {
    if (sigismember(&set, i) != 1) continue;
    Ref<> n = int_from_i64(ts, i);
    if (!n || failed(set_add(ts, r.get(), n.get()))) return {};
  }
  return r;
}
Ref<> m_pthread_sigmask(ThreadState& ts, PyObject*, int how, PyObject* mask) {
  sigset_t wanted, old;
  if (!read_set(ts, mask, &wanted)) return {};
  int error = pthread_sigmask(how, &wanted, &old);
  if (error != 0) return raise_os_error(ts, error);
  if (PyErr_CheckSignals() < 0) return {};
  return make_set(ts, old);
}
Ref<> m_sigpending(ThreadState& ts, PyObject*) {
  sigset_t set;
  if (sigpending(&set) != 0) return raise_os_error(ts, errno);
  return make_set(ts, set);
}
Ref<> m_sigwait(ThreadState& ts, PyObject*, PyObject* sigset) {
  sigset_t set;
  if (!read_set(ts, sigset, &set)) return {};
  int signum = 0;
  PyThreadState* saved = PyEval_SaveThread();
  int error = sigwait(&set, &signum);
  PyEval_RestoreThread(saved);
  if (error != 0) return raise_os_error(ts, error);
  return int_from_i64(ts, signum);
}
// A timeout below zero stands for none. None when it is over.
Ref<> wait_info(ThreadState& ts, PyObject* sigset, int64_t timeout_ns) {
  sigset_t set;
  if (!read_set(ts, sigset, &set)) return {};
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t begin = now.tv_sec * int64_t{1000000000} + now.tv_nsec;
  int64_t left = timeout_ns;
  for (;;) {
    siginfo_t info{};
    timespec t{static_cast<time_t>(left / 1000000000), static_cast<long>(left % 1000000000)};
    PyThreadState* saved = PyEval_SaveThread();
    int r = timeout_ns < 0 ? sigwaitinfo(&set, &info) : sigtimedwait(&set, &info, &t);
    int error = errno;
    PyEval_RestoreThread(saved);
    if (r >= 0) {
      Ref<> result = Ref<>::steal(PyStructSequence_New(&atoll_struct_siginfo_type));
      const int64_t values[] = {info.si_signo, info.si_code, info.si_errno, info.si_pid, info.si_uid, info.si_status, info.si_band};
      for (size_t i = 0; result && i < std::size(values); ++i) {
        Ref<> v = int_from_i64(ts, values[i]);
        if (!v) return {};
        PyStructSequence_SetItem(result.get(), static_cast<Py_ssize_t>(i), v.release());
      }
      return result;
    }
    if (error == EAGAIN && timeout_ns >= 0) return new_none();
    if (error != EINTR) return raise_os_error(ts, error);
    if (PyErr_CheckSignals() < 0) return {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    left = timeout_ns - (now.tv_sec * int64_t{1000000000} + now.tv_nsec - begin);
    if (timeout_ns >= 0 && left < 0) return new_none();
  }
}
Ref<> m_sigwaitinfo(ThreadState& ts, PyObject*, PyObject* sigset) { return wait_info(ts, sigset, -1); }
Ref<> m_sigtimedwait(ThreadState& ts, PyObject*, PyObject* sigset, PyObject* timeout) {
  int64_t ns;
  if (failed(timeout_as_ns(ts, timeout, 1000000000, nullptr, &ns))) return {};
  if (ns < 0) return raise(ts, PyExc_ValueError, "timeout must be non-negative");
  return wait_info(ts, sigset, ns);
}
Ref<> m_valid_signals(ThreadState& ts, PyObject*) {
  sigset_t set;
  sigfillset(&set);
  return make_set(ts, set);
}
Ref<> m_pthread_kill(ThreadState& ts, PyObject*, Py_ssize_t thread_id, int signalnum) {
  int error = pthread_kill(static_cast<pthread_t>(thread_id), signalnum);
  if (error != 0) return raise_os_error(ts, error);
  return PyErr_CheckSignals() < 0 ? Ref<>() : new_none();
}

// ---- interval timers ---------------------------------------------------------------------------------------------

timeval to_timeval(double seconds) {
  timeval t;
  double whole = std::floor(seconds);
  t.tv_sec = static_cast<time_t>(whole);
  t.tv_usec = static_cast<suseconds_t>(std::ceil((seconds - whole) * 1e6));
  if (t.tv_usec >= 1000000) {
    t.tv_usec -= 1000000;
    ++t.tv_sec;
  }
  return t;
}
Ref<> timer_pair(const itimerval& t) {
  auto seconds = [](const timeval& v) { return static_cast<double>(v.tv_sec) + static_cast<double>(v.tv_usec) * 1e-6; };
  return Ref<>::steal(Py_BuildValue("(dd)", seconds(t.it_value), seconds(t.it_interval)));
}
Ref<> raise_itimer(ThreadState& ts, PyObject* m) {
  int error = errno;
  Ref<> type = object_getattr(ts, m, "ItimerError");
  if (!type) return {};
  errno = error;
  return Ref<>::steal(PyErr_SetFromErrno(type.get()));
}
Ref<> m_setitimer(ThreadState& ts, PyObject* m, int which, double seconds, double interval) {
  itimerval fresh{to_timeval(interval), to_timeval(seconds)}, old;
  if (setitimer(static_cast<__itimer_which_t>(which), &fresh, &old) != 0) return raise_itimer(ts, m);
  return timer_pair(old);
}
Ref<> m_getitimer(ThreadState& ts, PyObject* m, int which) {
  itimerval t;
  if (getitimer(static_cast<__itimer_which_t>(which), &t) != 0) return raise_itimer(ts, m);
  return timer_pair(t);
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_default_int_handler, "default_int_handler", "($module, signalnum, frame, /)", "The default handler for SIGINT: raises KeyboardInterrupt."),
    ATOLL_METHOD(m_alarm, "alarm", "($module, seconds, /)", "Arrange for SIGALRM to arrive."),
    ATOLL_METHOD(m_setitimer, "setitimer", "($module, which, seconds, interval=0, /)", "Set an interval timer."),
    ATOLL_METHOD(m_getitimer, "getitimer", "($module, which, /)", "The value of an interval timer."),
    ATOLL_METHOD(m_signal, "signal", "($module, signalnum, handler, /)", "Set the action for a signal."),
    ATOLL_METHOD(m_raise_signal, "raise_signal", "($module, signalnum, /)", "Send a signal to this process."),
    ATOLL_METHOD(m_strsignal, "strsignal", "($module, signalnum, /)", "The system's description of a signal."),
    ATOLL_METHOD(m_getsignal, "getsignal", "($module, signalnum, /)", "The current action for a signal."),
    ATOLL_METHOD_RAW(m_set_wakeup_fd, "set_wakeup_fd", METH_FASTCALL | METH_KEYWORDS, "set_wakeup_fd(fd, *, warn_on_full_buffer=True) -> fd\n\nSet the descriptor that is written to when a signal arrives."),
    ATOLL_METHOD(m_siginterrupt, "siginterrupt", "($module, signalnum, flag, /)", "Change the restart of system calls."),
    ATOLL_METHOD(m_pause, "pause", "($module, /)", "Wait for a signal."),
    ATOLL_METHOD(m_pthread_kill, "pthread_kill", "($module, thread_id, signalnum, /)", "Send a signal to a thread."),
    ATOLL_METHOD(m_pthread_sigmask, "pthread_sigmask", "($module, how, mask, /)", "Change the signals that this thread blocks."),
    ATOLL_METHOD(m_sigpending, "sigpending", "($module, /)", "Signals that wait to be delivered."),
    ATOLL_METHOD(m_sigwait, "sigwait", "($module, sigset, /)", "Wait for one of the signals."),
    ATOLL_METHOD(m_sigwaitinfo, "sigwaitinfo", "($module, sigset, /)", "Wait for one of the signals: a struct_siginfo that describes it."),
    ATOLL_METHOD(m_sigtimedwait, "sigtimedwait", "($module, sigset, timeout, /)", "Like sigwaitinfo(), for so many seconds; None when they are over."),
    ATOLL_METHOD(m_valid_signals, "valid_signals", "($module, /)", "The signals that this system has."),
    ATOLL_METHOD_END};

constexpr PyStructSequence_Field kSiginfoFields[] = {
    {"si_signo", "signal number"},  {"si_code", "signal code"},    {"si_errno", "errno associated with this signal"},
    {"si_pid", "sending process ID"}, {"si_uid", "real user ID of sending process"}, {"si_status", "exit value or signal"},
    {"si_band", "band event for SIGPOLL"}, {nullptr, nullptr}};

}  // namespace

constinit const StructSpec signal_struct_siginfo_struct{"signal.struct_siginfo", "What sigwaitinfo() and sigtimedwait() tell about a signal.",
                                                        kSiginfoFields, 7};

namespace {

int exec_signal(PyObject* m) {
  struct Constant {
    const char* name;
    int value;
  };
  static constexpr Constant kConstants[] = {
      {"SIGHUP", SIGHUP},       {"SIGINT", SIGINT},       {"SIGQUIT", SIGQUIT},     {"SIGILL", SIGILL},     {"SIGTRAP", SIGTRAP},
      {"SIGIOT", SIGIOT},       {"SIGABRT", SIGABRT},     {"SIGFPE", SIGFPE},       {"SIGKILL", SIGKILL},   {"SIGBUS", SIGBUS},
      {"SIGSEGV", SIGSEGV},     {"SIGSYS", SIGSYS},       {"SIGPIPE", SIGPIPE},     {"SIGALRM", SIGALRM},   {"SIGTERM", SIGTERM},
      {"SIGUSR1", SIGUSR1},     {"SIGUSR2", SIGUSR2},     {"SIGCLD", SIGCHLD},      {"SIGCHLD", SIGCHLD},   {"SIGPWR", SIGPWR},
      {"SIGIO", SIGIO},         {"SIGURG", SIGURG},       {"SIGWINCH", SIGWINCH},   {"SIGPOLL", SIGPOLL},   {"SIGSTOP", SIGSTOP},
      {"SIGTSTP", SIGTSTP},     {"SIGCONT", SIGCONT},     {"SIGTTIN", SIGTTIN},     {"SIGTTOU", SIGTTOU},   {"SIGVTALRM", SIGVTALRM},
      {"SIGPROF", SIGPROF},     {"SIGXCPU", SIGXCPU},     {"SIGXFSZ", SIGXFSZ},     {"SIGSTKFLT", SIGSTKFLT},
      {"SIG_DFL", 0},           {"SIG_IGN", 1},           {"SIG_BLOCK", SIG_BLOCK}, {"SIG_UNBLOCK", SIG_UNBLOCK}, {"SIG_SETMASK", SIG_SETMASK},
      {"NSIG", 65},             {"ITIMER_REAL", ITIMER_REAL}, {"ITIMER_VIRTUAL", ITIMER_VIRTUAL}, {"ITIMER_PROF", ITIMER_PROF}};
  for (const Constant& c : kConstants) {
    if (PyModule_AddIntConstant(m, c.name, c.value) < 0) return -1;
  }
  if (PyModule_AddIntConstant(m, "SIGRTMIN", SIGRTMIN) < 0 || PyModule_AddIntConstant(m, "SIGRTMAX", SIGRTMAX) < 0) return -1;
  Ref<> error = Ref<>::steal(PyErr_NewException("signal.itimer_error", PyExc_OSError, nullptr));
  if (!error || PyModule_AddObjectRef(m, "ItimerError", error.get()) < 0) return -1;
  if (PyModule_AddObjectRef(m, "struct_siginfo", obj(&atoll_struct_siginfo_type)) < 0) return -1;
  ThreadState& ts = current_thread();
  if (!ts.interpreter().is_main || runtime().config == nullptr || !runtime().config->install_signal_handlers) return 0;
  // Ctrl-C: unless somebody ignores it already.
  struct sigaction action;
  if (sigaction(SIGINT, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    Ref<> handler = object_getattr(ts, m, "default_int_handler");
    Ref<> key = int_from_i64(ts, SIGINT);
    PyObject* d = handlers(ts);
    if (!handler || !key || d == nullptr || failed(dict_set(ts, d, key.get(), handler.get())) || failed(install(SIGINT, on_signal))) return -1;
  }
  return 0;
}

}  // namespace

Status signals_init(ThreadState& ts) {
  if (!ts.interpreter().is_main || !runtime().config->install_signal_handlers) return Status::kOk;
  // A write to a closed pipe or file too large is an error value, not the end of the process.
  if (failed(install(SIGPIPE, SIG_IGN)) || failed(install(SIGXFSZ, SIG_IGN))) return raise_os_error(ts, errno);
  Ref<> name = str_interned(ts, "_signal");
  Ref<> fromlist = tuple_new(ts, 0);
  Ref<> m = name && fromlist ? Ref<>::steal(PyImport_Import(name.get())) : Ref<>();
  return m ? Status::kOk : Status::kError;
}
void signals_clear(ThreadState& ts) { clear_field(ts.interpreter().signal_handlers); }
void signals_restore() {
  if (runtime().config == nullptr || !runtime().config->install_signal_handlers) return;
  for (int i = 1; i < 65; ++i) {
    struct sigaction action;
    if (sigaction(i, nullptr, &action) == 0 && action.sa_handler == on_signal) (void)install(i, SIG_DFL);
  }
}

namespace {
bool is_default_int_handler(PyObject* handler) {
  if (!PyCFunction_Check(handler)) return false;
  auto* f = reinterpret_cast<PyCFunctionObject*>(handler);
  return f->m_module != nullptr && is_str(f->m_module) && str_equals_ascii(f->m_module, "_signal") &&
         std::strcmp(f->m_ml->ml_name, "default_int_handler") == 0;
}
}  // namespace

Status upcall_run_signal_handlers(ThreadState& ts) {
  SignalState& s = runtime().signals;
  if (!s.any.exchange(false, std::memory_order_acquire)) return Status::kOk;
  for (int i = 1; i < 65; ++i) {
    if (!s.tripped[i].exchange(false)) continue;
    Ref<> key = int_from_i64(ts, i);
    PyObject* d = handlers(ts);
    Ref<> handler;
    Status st = key && d != nullptr ? dict_lookup(ts, d, key.get(), &handler) : Status::kError;
    // What KeyboardInterrupt is for has been interrupted: the interpreter in which the main thread was.
    if (i == SIGINT && s.interrupted_inside.exchange(false) && handler && is_default_int_handler(handler.get())) continue;
    if (!failed(st) && handler && PyCallable_Check(handler.get())) {
      Ref<PyFrameObject> frame = vm_current_frame(ts);
      if (!frame && error_set(ts)) st = Status::kError;
      if (!failed(st) && !call(ts, handler.get(), key.get(), frame ? obj(frame.get()) : Py_None)) st = Status::kError;
    }
    if (failed(st)) {
      // The others run at the next poll.
      s.any.store(true);
      ts.interpreter().breaker.set(kBreakSignals);
      return st;
    }
  }
  return Status::kOk;
}

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__signal, "_signal", "Handlers of signals.", 0, atl::kMethods, atl::exec_signal)

using namespace atl;

// Also where code that waits learns that its interpreter is interrupted, or has used up its time.
int PyErr_CheckSignals() {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr) return 0;
  if (ts->is_main_thread && ts->interpreter().is_main && failed(upcall_run_signal_handlers(*ts))) return -1;
  const uint32_t bits = ts->interpreter().breaker.load();
  if ((bits & kBreakInterrupt) && failed(interrupt_poll(*ts))) return -1;
  if ((bits & kBreakLimits) && failed(cpu_limit_poll(*ts))) return -1;
  return 0;
}
int _PyErr_CheckSignals() { return PyErr_CheckSignals(); }
int PyErr_SetInterruptEx(int signum) {
  if (signum < 1 || signum >= 65) return -1;
  struct sigaction action;
  if (sigaction(signum, nullptr, &action) == 0 && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)) return 0;
  on_signal(signum);
  return 0;
}
void PyErr_SetInterrupt() { (void)PyErr_SetInterruptEx(SIGINT); }
int PyOS_InterruptOccurred() {
  if (!runtime().signals.tripped[SIGINT].load()) return 0;
  runtime().signals.tripped[SIGINT].store(false);
  return 1;
}
