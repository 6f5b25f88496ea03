// _posixsubprocess: fork_exec, on which subprocess.Popen is built.
//
// Everything that the child needs is laid out before the fork in a ChildPlan, so that between fork and exec the child makes
// async-signal-safe calls only. Where nothing in the child can disturb the parent, vfork saves copying the page tables:
// the child then runs in the parent's memory while the parent waits, so it writes nothing but its own stack, and all
// signals are blocked until it has put their handlers back to the default.
//
// An error of the child goes through the error pipe as "<exception's name>:<errno in hex>:<description>"; the description
// "noexec" says that exec was never tried.
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "Modules/posix/posix.h"

extern char** environ;

namespace atl {

namespace {

using posix::GroupId;
using posix::UserId;

struct ChildPlan {
  char* const* programs;  // to be tried one after the other
  char* const* argv;      // NULL: give no arguments at all
  char* const* env;       // NULL: the parent's environment
  const char* cwd;        // or NULL
  const int* keep;        // descriptors, ascending
  size_t keep_count;
  int p2c_read, p2c_write, c2p_read, c2p_write, err_read, err_write, report_read, report_write;
  bool close_fds, restore_signals, new_session;
  bool set_group = false, set_user = false, set_groups = false;
  pid_t process_group;  // or -1
  mode_t umask;
  bool set_umask;
  gid_t group;
  uid_t user;
  const gid_t* groups;
  size_t group_count;
  PyObject* preexec;          // or NULL
  const sigset_t* old_mask;   // vfork: what to go back to; NULL after fork
};

// ---- in the child ------------------------------------------------------------------------------------------------

bool keep_over_exec(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) >= 0;
}

void close_between(int low, int high) {  // both included
  if (low > high) return;
  if (close_range(static_cast<unsigned>(low), static_cast<unsigned>(high), 0) == 0) return;
  // A kernel without that call.
  rlimit limit;
  int end = high;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < static_cast<rlim_t>(high)) end = static_cast<int>(limit.rlim_cur);
  for (int fd = low; fd <= end; ++fd) close(fd);
}

// Puts `from` in the place of the standard stream `to`.
bool install(int from, int to) {
  if (from == to) return keep_over_exec(from);
  return from < 0 || dup2(from, to) >= 0;
}

void write_all(int fd, const char* text, size_t n) {
  while (n > 0) {
    ssize_t r = write(fd, text, n);
    if (r < 0 && errno != EINTR) return;
    if (r > 0) {
      text += r;
      n -= static_cast<size_t>(r);
    }
  }
}

[[noreturn]] void report_errno(const ChildPlan& plan, int error, bool exec_tried) {
  char text[64] = "OSError:";
  size_t n = 8;
  char digits[16];
  int count = 0;
  for (unsigned e = static_cast<unsigned>(error); e != 0; e /= 16) digits[count++] = "0123456789ABCDEF"[e % 16];
  while (count > 0) text[n++] = digits[--count];
  text[n++] = ':';
  if (!exec_tried) {
    std::memcpy(text + n, "noexec", 6);
    n += 6;
  }
  write_all(plan.report_write, text, n);
  _exit(255);
}
[[noreturn]] void report_preexec(const ChildPlan& plan) {
  static constexpr char kText[] = "SubprocessError:0:Exception occurred in preexec_fn.";
  write_all(plan.report_write, kText, sizeof kText - 1);
  _exit(255);
}

// Standard streams, credentials and so on; false with errno set.
bool prepare(const ChildPlan& plan) {
  for (size_t i = 0; i < plan.keep_count; ++i) {
    // The report pipe closes by itself when exec succeeds.
    if (plan.keep[i] != plan.report_write && !keep_over_exec(plan.keep[i])) return false;
  }
  for (int fd : {plan.p2c_write, plan.c2p_read, plan.err_read, plan.report_read}) {
    if (fd >= 0 && close(fd) < 0) return false;
  }
  // A descriptor in the place of a stream that is filled before it is used moves out of the way.
  int output = plan.c2p_write, errors = plan.err_write;
  if (output == 0 && (output = fcntl(output, F_DUPFD_CLOEXEC, 3)) < 0) return false;
  if ((errors == 0 || errors == 1) && (errors = fcntl(errors, F_DUPFD_CLOEXEC, 3)) < 0) return false;
  if (!install(plan.p2c_read, 0) || !install(output, 1) || !install(errors, 2)) return false;
  if (plan.cwd != nullptr && chdir(plan.cwd) < 0) return false;
  if (plan.set_umask) umask(plan.umask);
  if (plan.restore_signals) {
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
  }
  if (plan.new_session) setsid();
  if (plan.process_group >= 0 && setpgid(0, plan.process_group) < 0) return false;
  if (plan.set_groups && setgroups(plan.group_count, plan.groups) < 0) return false;
  if (plan.set_group && setregid(plan.group, plan.group) < 0) return false;
  return !plan.set_user || setreuid(plan.user, plan.user) >= 0;
}

// After vfork the parent's handlers must not run in the child.
void drop_handlers() {
  for (int s = 1; s < _NSIG; ++s) {
    struct sigaction action;
    if (sigaction(s, nullptr, &action) < 0 || action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL) continue;
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    sigaction(s, &action, nullptr);
  }
}

[[noreturn]] ATOLL_NOINLINE void run_child(const ChildPlan& plan) {
  if (!prepare(plan)) report_errno(plan, errno, false);
  if (plan.old_mask != nullptr) {
    drop_handlers();
    sigprocmask(SIG_SETMASK, plan.old_mask, nullptr);
  }
  if (plan.preexec != nullptr) {
    Ref<> result = Ref<>::steal(PyObject_CallNoArgs(plan.preexec));
    if (!result) report_preexec(plan);
  }
  if (plan.close_fds) {
    int low = 3;
    for (size_t i = 0; i < plan.keep_count; ++i) {
      if (plan.keep[i] < low) continue;
      close_between(low, plan.keep[i] - 1);
      low = plan.keep[i] + 1;
    }
    close_between(low, INT_MAX);
  }
  int error = 0;
  char* const* env = plan.env != nullptr ? plan.env : environ;
  char* const no_arguments[] = {nullptr};
  for (char* const* program = plan.programs; *program != nullptr; ++program) {
    execve(*program, plan.argv != nullptr ? plan.argv : no_arguments, env);
    // Of several failures the telling one counts, not "there is nothing there".
    if (errno != ENOENT && errno != ENOTDIR && error == 0) error = errno;
  }
  report_errno(plan, error != 0 ? error : errno, true);
}

// ---- in the parent -----------------------------------------------------------------------------------------------

// In a frame of its own: after vfork the child must not return into the parent's.
ATOLL_NOINLINE pid_t start_shared(const ChildPlan& plan) {
  pid_t pid = vfork();
  if (pid == 0) run_child(plan);
  return pid;
}

// A sequence of bytes objects.
bool take_bytes(ThreadState& ts, PyObject* sequence, posix::Strings* out) {
  Py_ssize_t n = PySequence_Size(sequence);
  if (n < 0 || !out->init()) return false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> item = Ref<>::steal(PySequence_GetItem(sequence, i));
    if (!item) return false;
    if (!PyBytes_Check(item.get())) {
      (void)raise(ts, PyExc_TypeError, "expected bytes, %s found", item->ob_type->tp_name);
      return false;
    }
    if (std::strlen(PyBytes_AS_STRING(item.get())) != static_cast<size_t>(PyBytes_GET_SIZE(item.get()))) {
      (void)raise(ts, PyExc_ValueError, "embedded null byte");
      return false;
    }
    if (!out->add_bytes(std::move(item))) return false;
  }
  return true;
}

Status take_keep(ThreadState& ts, PyObject* tuple, std::unique_ptr<int[]>* out) {
  Py_ssize_t n = tuple_size(tuple);
  *out = std::make_unique<int[]>(static_cast<size_t>(n) + 1);
  int64_t last = -1;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = tuple_peek(tuple, i);
    int overflow = 0;
    int64_t fd = is_int(item) ? int_as_i64_overflow(item, &overflow) : -1;
    if (overflow != 0 || fd <= last || fd > INT_MAX) return raise(ts, PyExc_ValueError, "bad value(s) in fds_to_keep");
    (*out)[static_cast<size_t>(i)] = static_cast<int>(fd);
    last = fd;
  }
  return Status::kOk;
}

Status take_groups(ThreadState& ts, PyObject* list, std::unique_ptr<gid_t[]>* out, size_t* count) {
  if (!PyList_Check(list)) return raise(ts, PyExc_TypeError, "setgroups argument must be a list");
  Py_ssize_t n = PyList_GET_SIZE(list);
  if (n > NGROUPS_MAX) return raise(ts, PyExc_ValueError, "too many groups");
  *out = std::make_unique<gid_t[]>(static_cast<size_t>(n) + 1);
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = PyList_GET_ITEM(list, i);
    if (!is_int(item)) return raise(ts, PyExc_TypeError, "groups must be integers");
    if (!posix::as_id(ts, item, &(*out)[static_cast<size_t>(i)], "gid")) {
      error_clear(ts);
      return raise(ts, PyExc_ValueError, "invalid group id");
    }
  }
  *count = static_cast<size_t>(n);
  return Status::kOk;
}

// Keeps the collector off between fork and exec; on again at the end, unless it was off before.
class CollectorPause {
 public:
  explicit CollectorPause(bool pause) : resume_(pause && PyGC_Disable() != 0) {}
  CollectorPause(const CollectorPause&) = delete;
  CollectorPause& operator=(const CollectorPause&) = delete;
  ~CollectorPause() {
    if (resume_) PyGC_Enable();
  }

 private:
  bool resume_;
};

Ref<> fork_exec(ThreadState& ts, PyObject*, PyObject* argv, PyObject* programs, bool close_fds, PyObject* keep, PyObject* cwd, PyObject* env,
                int p2c_read, int p2c_write, int c2p_read, int c2p_write, int err_read, int err_write, int report_read, int report_write,
                bool restore_signals, bool new_session, int process_group, PyObject* group, PyObject* groups, PyObject* user, int mask,
                PyObject* preexec, bool allow_vfork) {
  if (!is_tuple(keep)) return raise(ts, PyExc_TypeError, "fork_exec() argument 4 must be tuple, not %T", keep);
  ChildPlan plan{};
  plan.p2c_read = p2c_read;
  plan.p2c_write = p2c_write;
  plan.c2p_read = c2p_read;
  plan.c2p_write = c2p_write;
  plan.err_read = err_read;
  plan.err_write = err_write;
  plan.report_read = report_read;
  plan.report_write = report_write;
  plan.close_fds = close_fds;
  plan.restore_signals = restore_signals;
  plan.new_session = new_session;
  plan.process_group = process_group;
  plan.set_umask = mask >= 0;
  plan.umask = static_cast<mode_t>(mask);
  plan.preexec = preexec != Py_None ? preexec : nullptr;
  if (plan.preexec != nullptr && !ts.interpreter().is_main) {
    return raise(ts, PyExc_RuntimeError, "preexec_fn not supported within subinterpreters");
  }
  if (plan.close_fds && plan.report_write < 3) return raise(ts, PyExc_ValueError, "errpipe_write must be >= 3");
  std::unique_ptr<int[]> keep_fds;
  if (failed(take_keep(ts, keep, &keep_fds))) return {};
  plan.keep = keep_fds.get();
  plan.keep_count = static_cast<size_t>(tuple_size(keep));

  CollectorPause pause(plan.preexec != nullptr);
  posix::Strings program_strings, argument_strings, env_strings, cwd_string;
  if (!take_bytes(ts, programs, &program_strings)) return {};
  plan.programs = program_strings.data();
  if (argv != Py_None) {
    Ref<> fast = Ref<>::steal(PySequence_Fast(argv, "argv must be a tuple"));
    if (!fast || !argument_strings.init()) return {};
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast.get()); ++i) {
      if (!argument_strings.add(PySequence_Fast_GET_ITEM(fast.get(), i))) return {};
    }
    plan.argv = argument_strings.data();
  }
  if (env != Py_None) {
    if (!take_bytes(ts, env, &env_strings)) return {};
    plan.env = env_strings.data();
  }
  if (cwd != Py_None) {
    if (!cwd_string.init() || !cwd_string.add(cwd)) return {};
    plan.cwd = cwd_string.data()[0];
  }
  std::unique_ptr<gid_t[]> group_ids;
  if (groups != Py_None) {
    if (failed(take_groups(ts, groups, &group_ids, &plan.group_count))) return {};
    plan.groups = group_ids.get();
    plan.set_groups = true;
  }
  plan.set_group = group != Py_None;
  plan.set_user = user != Py_None;
  if (plan.set_group && !posix::as_id(ts, group, &plan.group, "gid")) return {};
  if (plan.set_user && !posix::as_id(ts, user, &plan.user, "uid")) return {};

  pid_t pid;
  int error = 0;
  if (allow_vfork && plan.preexec == nullptr && !plan.set_user && !plan.set_group && !plan.set_groups) {
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    plan.old_mask = &old;
    pid = start_shared(plan);
    error = errno;
    sigprocmask(SIG_SETMASK, &old, nullptr);
    if (pid < 0) plan.old_mask = nullptr;
  } else {
    pid = -1;
  }
  if (pid < 0) {
    if (plan.preexec != nullptr) PyOS_BeforeFork();
    pid = fork();
    error = errno;
    if (pid == 0) {
      if (plan.preexec != nullptr) PyOS_AfterFork_Child();
      run_child(plan);
    }
    if (plan.preexec != nullptr) PyOS_AfterFork_Parent();
  }
  if (pid < 0) return raise_os_error(ts, error);
  return int_from_i64(ts, pid);
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD_PLAIN(fork_exec, "fork_exec",
                     "($module, args, executable_list, close_fds, pass_fds, cwd, env, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, "
                     "errpipe_read, errpipe_write, restore_signals, call_setsid, pgid_to_set, gid, groups_list, uid, child_umask, preexec_fn, "
                     "allow_vfork, /)",
                     "fork_exec(args, executable_list, close_fds, pass_fds, cwd, env,\n"
                     "          p2cread, p2cwrite, c2pread, c2pwrite,\n"
                     "          errread, errwrite, errpipe_read, errpipe_write,\n"
                     "          restore_signals, call_setsid, pgid_to_set,\n"
                     "          gid, groups_list, uid, child_umask,\n"
                     "          preexec_fn, allow_vfork)\n\n"
                     "Start a program in a new process; its number.\n\n"
                     "With close_fds, descriptors from 3 on are closed in it, but not those in the sorted tuple pass_fds.\n"
                     "preexec_fn is called in the child just before; with threads about, it may hang there. What goes wrong in the\n"
                     "child before the program runs is written to errpipe_write."),
    ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__posixsubprocess, "_posixsubprocess", "A POSIX helper for the subprocess module.", 0, atl::kFunctions,
                     atl::module_exec_nothing)
