// posix: new processes, waiting for them with their use of resources, pseudo-terminals, scheduling parameters.
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <iterator>

#include "Modules/posix/posix.h"
#include "Objects/float/float.h"
#include "Objects/list.h"

namespace atl::posix {

namespace {

// ---- fork --------------------------------------------------------------------------------------------------------

Status may_fork(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  if (interp.is_main || interp.options.allow_fork) return Status::kOk;
  return raise(ts, PyExc_RuntimeError, "fork not supported for isolated subinterpreters");
}

// Forks by `make`, with the registered functions around it. The child's pid, 0 in the child, -1 with errno set.
template <class F>
pid_t fork_with_hooks(F make) {
  PyOS_BeforeFork();
  pid_t pid = make();
  int e = errno;
  if (pid == 0) {
    PyOS_AfterFork_Child();
  } else {
    PyOS_AfterFork_Parent();
  }
  errno = e;
  return pid;
}

Ref<> m_fork(ThreadState& ts, PyObject*) {
  if (failed(may_fork(ts)) || PySys_Audit("os.fork", nullptr) < 0) return {};
  pid_t pid = fork_with_hooks([] { return fork(); });
  return pid < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, pid);
}
Ref<> m_forkpty(ThreadState& ts, PyObject*) {
  if (failed(may_fork(ts))) return {};
  if (PySys_Audit("os.forkpty", nullptr) < 0) return {};
  int master = -1;
  pid_t pid = fork_with_hooks([&] { return forkpty(&master, nullptr, nullptr, nullptr); });
  if (pid < 0) return call_error(ts);
  return Ref<>::steal(Py_BuildValue("(ii)", static_cast<int>(pid), master));
}

Status add_hook(ThreadState& ts, PyObject*& list, PyObject* hook) {
  if (hook == nullptr) return Status::kOk;
  if (list == nullptr) {
    list = list_new(ts, 0).release();
    if (list == nullptr) return Status::kError;
  }
  return list_append(ts, list, dup(hook));
}
Status check_hook(ThreadState& ts, PyObject* hook, const char* name) {
  if (hook == nullptr || PyCallable_Check(hook)) return Status::kOk;
  return raise(ts, PyExc_TypeError, "'%s' must be callable, not %T", name, hook);
}
Status m_register_at_fork(ThreadState& ts, PyObject*, PyObject* before, PyObject* in_child, PyObject* in_parent) {
  if (before == nullptr && in_child == nullptr && in_parent == nullptr) return raise(ts, PyExc_TypeError, "At least one argument is required.");
  if (failed(check_hook(ts, before, "before")) || failed(check_hook(ts, in_child, "after_in_child")) ||
      failed(check_hook(ts, in_parent, "after_in_parent"))) {
    return Status::kError;
  }
  Interpreter& interp = ts.interpreter();
  if (failed(add_hook(ts, interp.before_forkers, before)) || failed(add_hook(ts, interp.after_forkers_child, in_child))) return Status::kError;
  return add_hook(ts, interp.after_forkers_parent, in_parent);
}

// ---- pseudo-terminals --------------------------------------------------------------------------------------------

Ref<> m_openpty(ThreadState& ts, PyObject*) {
  int master, slave;
  if (openpty(&master, &slave, nullptr, nullptr, nullptr) < 0) return call_error(ts);
  for (int fd : {master, slave}) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0) continue;
    int e = errno;
    close(master);
    close(slave);
    return raise_os_error(ts, e);
  }
  return Ref<>::steal(Py_BuildValue("(ii)", master, slave));
}
Ref<> m_login_tty(ThreadState& ts, PyObject*, Fileno fd) { return login_tty(fd.fd) < 0 ? Ref<>(call_error(ts)) : new_none(); }

// ---- posix_spawn -------------------------------------------------------------------------------------------------

// The attributes and file actions of one call; what they hold goes with them.
struct SpawnPlan {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  bool with_actions = false;
  Ref<> kept;  // list of the encoded paths that the actions point to
  short flags = 0;
  SpawnPlan() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
};

bool as_int(ThreadState& ts, PyObject* o, int* out) {
  Ref<> index = number_index(ts, o);
  int64_t v;
  if (!index || failed(int_as_i64(ts, index.get(), &v))) return false;
  if (v < INT_MIN || v > INT_MAX) {
    (void)raise(ts, PyExc_OverflowError, v < 0 ? "signed integer is less than minimum" : "signed integer is greater than maximum");
    return false;
  }
  *out = static_cast<int>(v);
  return true;
}

constexpr int kSpawnOpen = 0, kSpawnClose = 1, kSpawnDup2 = 2;

Status add_action(ThreadState& ts, SpawnPlan& plan, PyObject* action) {
  if (!is_tuple(action) || tuple_size(action) == 0) return raise(ts, PyExc_TypeError, "Each file_actions element must be a non-empty tuple");
  int tag, fd, second;
  if (!as_int(ts, tuple_peek(action, 0), &tag)) return Status::kError;
  Py_ssize_t n = tuple_size(action);
  int e = 0;
  switch (tag) {
    case kSpawnOpen: {
      if (n != 5) return raise(ts, PyExc_TypeError, "A open file_action tuple must have 5 elements");
      PyObject* path = nullptr;
      int64_t mode;
      if (!as_int(ts, tuple_peek(action, 1), &fd) || !PyUnicode_FSConverter(tuple_peek(action, 2), &path)) return Status::kError;
      Ref<> owned = Ref<>::steal(path);
      if (!as_int(ts, tuple_peek(action, 3), &second) || failed(int_as_i64(ts, tuple_peek(action, 4), &mode))) return Status::kError;
      if (failed(list_append(ts, plan.kept.get(), std::move(owned)))) return Status::kError;
      e = posix_spawn_file_actions_addopen(&plan.actions, fd, PyBytes_AS_STRING(path), second, static_cast<mode_t>(mode));
      break;
    }
    case kSpawnClose:
      if (n != 2) return raise(ts, PyExc_TypeError, "A close file_action tuple must have 2 elements");
      if (!as_int(ts, tuple_peek(action, 1), &fd)) return Status::kError;
      e = posix_spawn_file_actions_addclose(&plan.actions, fd);
      break;
    case kSpawnDup2:
      if (n != 3) return raise(ts, PyExc_TypeError, "A dup2 file_action tuple must have 3 elements");
      if (!as_int(ts, tuple_peek(action, 1), &fd) || !as_int(ts, tuple_peek(action, 2), &second)) return Status::kError;
      e = posix_spawn_file_actions_adddup2(&plan.actions, fd, second);
      break;
    default:
      return raise(ts, PyExc_TypeError, "Unknown file_actions identifier");
  }
  return e != 0 ? Status(raise_os_error(ts, e)) : Status::kOk;
}

Status add_actions(ThreadState& ts, SpawnPlan& plan, PyObject* actions) {
  if (actions == nullptr || actions == Py_None) return Status::kOk;
  if (!PySequence_Check(actions)) return raise(ts, PyExc_TypeError, "file_actions must be a sequence or None");
  Ref<> all = Ref<>::steal(PySequence_Tuple(actions));
  if (!all) return Status::kError;
  if (tuple_size(all.get()) == 0) return Status::kOk;
  plan.kept = list_new(ts, 0);
  if (!plan.kept) return Status::kError;
  for (Py_ssize_t i = 0; i < tuple_size(all.get()); ++i) {
    if (failed(add_action(ts, plan, tuple_peek(all.get(), i)))) return Status::kError;
  }
  plan.with_actions = true;
  return Status::kOk;
}

Status signal_set(ThreadState& ts, PyObject* signals, sigset_t* out) {
  sigemptyset(out);
  Ref<> all = Ref<>::steal(PyObject_GetIter(signals));
  if (!all) return Status::kError;
  for (;;) {
    Ref<> item = Ref<>::steal(PyIter_Next(all.get()));
    if (!item) return error_set(ts) ? Status::kError : Status::kOk;
    Ref<> index = number_index(ts, item.get());
    int overflow;
    if (!index) return Status::kError;
    int64_t n = int_as_i64_overflow(index.get(), &overflow);
    if (overflow != 0 || n < 1 || n >= _NSIG) {
      if (overflow != 0) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C long");
      return raise(ts, PyExc_ValueError, "signal number %ld out of range [1; %i]", static_cast<long>(n), _NSIG - 1);
    }
    // The numbers that libc keeps for itself are passed over.
    if (sigaddset(out, static_cast<int>(n)) < 0 && errno != EINVAL) return call_error(ts);
  }
}

Status sched_parameter(ThreadState& ts, PyObject*, PyObject* o, sched_param* out) {
  if (o->ob_type != &atoll_sched_param_type) return raise(ts, PyExc_TypeError, "must have a sched_param object");
  Ref<> index = number_index(ts, tuple_peek(o, 0));
  if (!index) return Status::kError;
  int overflow;
  int64_t v = int_as_i64_overflow(index.get(), &overflow);
  if (overflow != 0 || v < INT_MIN || v > INT_MAX) {
    return raise(ts, PyExc_OverflowError, overflow != 0 ? "Python int too large to convert to C long" : "sched_priority out of range");
  }
  out->sched_priority = static_cast<int>(v);
  return Status::kOk;
}

Status set_scheduler(ThreadState& ts, PyObject* m, SpawnPlan& plan, PyObject* scheduler) {
  if (!is_tuple(scheduler)) return raise(ts, PyExc_SystemError, "new style getargs format but argument is not a tuple");
  if (tuple_size(scheduler) != 2) return raise(ts, PyExc_TypeError, "A scheduler tuple must have two elements");
  sched_param parameter;
  if (tuple_peek(scheduler, 0) != Py_None) {
    int policy;
    if (!as_int(ts, tuple_peek(scheduler, 0), &policy)) return Status::kError;
    plan.flags |= POSIX_SPAWN_SETSCHEDULER;
    if (int e = posix_spawnattr_setschedpolicy(&plan.attributes, policy)) return raise_os_error(ts, e);
  }
  if (failed(sched_parameter(ts, m, tuple_peek(scheduler, 1), &parameter))) return Status::kError;
  plan.flags |= POSIX_SPAWN_SETSCHEDPARAM;
  if (int e = posix_spawnattr_setschedparam(&plan.attributes, &parameter)) return raise_os_error(ts, e);
  return Status::kOk;
}

template <auto kSpawn>
Ref<> spawn(ThreadState& ts, PyObject* m, const char* name, const Path& path, PyObject* argv, PyObject* env, PyObject* file_actions,
            PyObject* group, int reset_ids, int session, PyObject* mask, PyObject* defaults, PyObject* scheduler) {
  Strings args, vars;
  char message[64];
  snprintf(message, sizeof message, "%s: argv", name);
  if (!take_argv(ts, argv, &args, message)) return {};
  if (!PyMapping_Check(env)) return raise(ts, PyExc_TypeError, "%s: environment must be a mapping object", name);
  if (!take_env(ts, env, &vars)) return {};
  SpawnPlan plan;
  if (failed(add_actions(ts, plan, file_actions))) return {};
  if (group != nullptr) {
    int pgid;
    if (!as_int(ts, group, &pgid)) return {};
    plan.flags |= POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setpgroup(&plan.attributes, pgid);
  }
  if (reset_ids) plan.flags |= POSIX_SPAWN_RESETIDS;
  if (session) plan.flags |= POSIX_SPAWN_SETSID;
  sigset_t set;
  if (mask != nullptr) {
    if (failed(signal_set(ts, mask, &set))) return {};
    plan.flags |= POSIX_SPAWN_SETSIGMASK;
    posix_spawnattr_setsigmask(&plan.attributes, &set);
  }
  if (defaults != nullptr) {
    if (failed(signal_set(ts, defaults, &set))) return {};
    plan.flags |= POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_setsigdefault(&plan.attributes, &set);
  }
  if (scheduler != nullptr && failed(set_scheduler(ts, m, plan, scheduler))) return {};
  if (int e = posix_spawnattr_setflags(&plan.attributes, plan.flags)) return raise_os_error(ts, e);
  if (PySys_Audit("os.posix_spawn", "OOO", path.given, argv, env) < 0) return {};
  pid_t pid;
  if (int e = kSpawn(&pid, path.c, plan.with_actions ? &plan.actions : nullptr, &plan.attributes, args.data(), vars.data())) {
    return raise_os_error(ts, e, path.given);
  }
  return int_from_i64(ts, pid);
}
Ref<> m_posix_spawn(ThreadState& ts, PyObject* m, const Path& path, PyObject* argv, PyObject* env, PyObject* file_actions, PyObject* group,
                    int reset_ids, int session, PyObject* mask, PyObject* defaults, PyObject* scheduler) {
  return spawn<::posix_spawn>(ts, m, "posix_spawn", path, argv, env, file_actions, group, reset_ids, session, mask, defaults, scheduler);
}
Ref<> m_posix_spawnp(ThreadState& ts, PyObject* m, const Path& path, PyObject* argv, PyObject* env, PyObject* file_actions, PyObject* group,
                     int reset_ids, int session, PyObject* mask, PyObject* defaults, PyObject* scheduler) {
  return spawn<::posix_spawnp>(ts, m, "posix_spawnp", path, argv, env, file_actions, group, reset_ids, session, mask, defaults, scheduler);
}

// ---- waiting -----------------------------------------------------------------------------------------------------

double seconds_of(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

Ref<> wait_with_usage(ThreadState& ts, Py_ssize_t pid, int options) {
  int status = 0;
  rusage usage{};
  pid_t r;
  if (!unlocked_retry([&] { return wait4(static_cast<pid_t>(pid), &status, options, &usage); }, &r)) return {};
  if (r < 0) return call_error(ts);
  Ref<> module = Ref<>::steal(PyImport_ImportModule("resource"));
  Ref<> type = module ? object_getattr(ts, module.get(), "struct_rusage") : Ref<>();
  if (!type) return {};
  Ref<> values = Ref<>::steal(Py_BuildValue("(ddllllllllllllll)", seconds_of(usage.ru_utime), seconds_of(usage.ru_stime), usage.ru_maxrss,
                                            usage.ru_ixrss, usage.ru_idrss, usage.ru_isrss, usage.ru_minflt, usage.ru_majflt, usage.ru_nswap,
                                            usage.ru_inblock, usage.ru_oublock, usage.ru_msgsnd, usage.ru_msgrcv, usage.ru_nsignals,
                                            usage.ru_nvcsw, usage.ru_nivcsw));
  Ref<> result = values ? call(ts, type.get(), values.get()) : Ref<>();
  if (!result) return {};
  return Ref<>::steal(Py_BuildValue("(iiO)", static_cast<int>(r), status, result.get()));
}
Ref<> m_wait4(ThreadState& ts, PyObject*, Py_ssize_t pid, int options) { return wait_with_usage(ts, pid, options); }
Ref<> m_wait3(ThreadState& ts, PyObject*, int options) { return wait_with_usage(ts, -1, options); }
Ref<> m_waitid(ThreadState& ts, PyObject*, int what, Py_ssize_t id, int options) {
  siginfo_t info{};
  int r;
  if (!unlocked_retry([&] { return waitid(static_cast<idtype_t>(what), static_cast<id_t>(id), &info, options); }, &r)) return {};
  if (r < 0) return call_error(ts);
  if (info.si_pid == 0) return new_none();
  Ref<> result = Ref<>::steal(PyStructSequence_New(&atoll_waitid_result_type));
  if (!result) return {};
  int64_t values[5] = {info.si_pid, info.si_uid, info.si_signo, info.si_status, info.si_code};
  for (int i = 0; i < 5; ++i) {
    Ref<> v = int_from_i64(ts, values[i]);
    if (!v) return {};
    PyStructSequence_SetItem(result.get(), i, v.release());
  }
  return result;
}
Ref<> m_pidfd_open(ThreadState& ts, PyObject*, int pid, int flags) {
  long fd = syscall(SYS_pidfd_open, pid, flags);
  return fd < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, fd);
}

// ---- scheduling parameters ---------------------------------------------------------------------------------------

Ref<> sched_param_make(ThreadState& ts, PyTypeObject* type, PyObject* priority) {
  Ref<> o = Ref<>::steal(PyStructSequence_New(type));
  if (o) PyStructSequence_SetItem(o.get(), 0, new_ref(priority));
  (void)ts;
  return o;
}
Ref<> m_sched_getparam(ThreadState& ts, PyObject*, int pid) {
  sched_param p;
  if (sched_getparam(pid, &p) < 0) return call_error(ts);
  Ref<> priority = int_from_i64(ts, p.sched_priority);
  return priority ? sched_param_make(ts, &atoll_sched_param_type, priority.get()) : Ref<>();
}
Ref<> m_sched_setparam(ThreadState& ts, PyObject* m, int pid, PyObject* parameter) {
  sched_param p;
  if (failed(sched_parameter(ts, m, parameter, &p))) return {};
  return sched_setparam(pid, &p) < 0 ? Ref<>(call_error(ts)) : new_none();
}
Ref<> m_sched_setscheduler(ThreadState& ts, PyObject* m, int pid, int policy, PyObject* parameter) {
  sched_param p;
  if (failed(sched_parameter(ts, m, parameter, &p))) return {};
  return sched_setscheduler(pid, policy, &p) < 0 ? Ref<>(call_error(ts)) : new_none();
}
Ref<> m_sched_rr_get_interval(ThreadState& ts, PyObject*, int pid) {
  timespec t;
  if (sched_rr_get_interval(pid, &t) < 0) return call_error(ts);
  return new_float(ts, static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec));
}

// Made from the field itself, not from a sequence.
PyObject* sched_param_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return ATOLL_NEW(sched_param_make, "sched_param", "(sched_priority)")(type, args, kwargs);
}

constexpr PyStructSequence_Field kWaitidFields[] = {
    {"si_pid", nullptr},
    {"si_uid", nullptr},
    {"si_signo", nullptr},
    {"si_status", nullptr},
    {"si_code", nullptr},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kParamFields[] = {
    {"sched_priority", "the scheduling priority"},
    {nullptr, nullptr}};

}  // namespace

#define ATOLL_SPAWN_SIGNATURE                                                                                                            \
  "($module, path, argv, env, /, *, file_actions=(),\n            setpgroup=<unrepresentable>, resetids=False, setsid=False,\n"          \
  "            setsigmask=(), setsigdef=(), scheduler=<unrepresentable>)"

constexpr MethodSpec kSpawnMethods[] = {
    ATOLL_METHOD(m_fork, "fork", "($module, /)", "Fork a child: its number in the parent, 0 in the child."),
    ATOLL_METHOD(m_forkpty, "forkpty", "($module, /)", "Fork a child on a new pseudo-terminal: (pid, master's descriptor)."),
    ATOLL_METHOD(m_register_at_fork, "register_at_fork",
                 "($module, /, *, before=<unrepresentable>,\n                 after_in_child=<unrepresentable>,\n"
                 "                 after_in_parent=<unrepresentable>)",
                 "Register functions to be called around fork.\n\nThose of `before` run in reverse order."),
    ATOLL_METHOD(m_openpty, "openpty", "($module, /)", "Open a pseudo-terminal: the descriptors of its two ends."),
    ATOLL_METHOD(m_login_tty, "login_tty", "($module, fd, /)", "Make a terminal the controlling one of a new session, and the standard streams."),
    ATOLL_METHOD(m_posix_spawn, "posix_spawn", ATOLL_SPAWN_SIGNATURE, "Run a program in a new process."),
    ATOLL_METHOD(m_posix_spawnp, "posix_spawnp", ATOLL_SPAWN_SIGNATURE, "Run a program, looked for on PATH, in a new process."),
    ATOLL_METHOD(m_wait3, "wait3", "($module, /, options)", "Wait for any child: (pid, status, its use of resources)."),
    ATOLL_METHOD(m_wait4, "wait4", "($module, /, pid, options)", "Wait for a child: (pid, status, its use of resources)."),
    ATOLL_METHOD(m_waitid, "waitid", "($module, idtype, id, options, /)", "Wait for children: a waitid_result, or None with WNOHANG."),
    ATOLL_METHOD(m_pidfd_open, "pidfd_open", "($module, /, pid, flags=0)", "A descriptor that refers to a process."),
    ATOLL_METHOD(m_sched_getparam, "sched_getparam", "($module, pid, /)", "A process's scheduling parameters."),
    ATOLL_METHOD(m_sched_setparam, "sched_setparam", "($module, pid, param, /)", "Set a process's scheduling parameters."),
    ATOLL_METHOD(m_sched_setscheduler, "sched_setscheduler", "($module, pid, policy, param, /)", "Set a process's scheduling policy."),
    ATOLL_METHOD(m_sched_rr_get_interval, "sched_rr_get_interval", "($module, pid, /)", "The time slice of a process, in seconds."),
    ATOLL_METHOD_END};

}  // namespace atl::posix

namespace atl {
constinit const StructSpec posix_waitid_result_struct{
    "posix.waitid_result",
    "waitid_result: Result from waitid.\n\nThis object may be accessed either as a tuple of\n"
    "  (si_pid, si_uid, si_signo, si_status, si_code),\nor via the attributes si_pid, si_uid, and so on.",
    posix::kWaitidFields, 5};
constinit const StructSpec posix_sched_param_struct{
    "posix.sched_param", "sched_param(sched_priority)\n--\n\nParameters for a scheduling policy: their one field is the priority.",
    posix::kParamFields, 1, 0, posix::sched_param_new};
}  // namespace atl
