// posix: processes, users, the environment, the system.
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <memory>

#include "Modules/posix/posix.h"
#include "Objects/float/float.h"
#include "Objects/list.h"

extern char** environ;

namespace atl::posix {

namespace {

Ref<> int_or_error(ThreadState& ts, int64_t r) { return r < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r); }
Ref<> none_or_error(ThreadState& ts, int r) { return r < 0 ? Ref<>(call_error(ts)) : new_none(); }

template <auto kCall>
Ref<> identity(ThreadState& ts, PyObject*) {
  return int_from_i64(ts, static_cast<int64_t>(kCall()));
}
template <auto kCall, class Id>
Ref<> set_one(ThreadState& ts, PyObject*, Id id) {
  return none_or_error(ts, kCall(id.id));
}
template <auto kCall, class Id>
Ref<> set_two(ThreadState& ts, PyObject*, Id a, Id b) {
  return none_or_error(ts, kCall(a.id, b.id));
}
template <auto kCall, class Id>
Ref<> set_three(ThreadState& ts, PyObject*, Id a, Id b, Id c) {
  return none_or_error(ts, kCall(a.id, b.id, c.id));
}
template <auto kCall>
Ref<> get_three(ThreadState& ts, PyObject*) {
  unsigned a, b, c;
  if (kCall(&a, &b, &c) < 0) return call_error(ts);
  return Ref<>::steal(Py_BuildValue("(III)", a, b, c));
}
Ref<> m_getpgid(ThreadState& ts, PyObject*, int pid) { return int_or_error(ts, getpgid(pid)); }
Ref<> m_getsid(ThreadState& ts, PyObject*, int pid) { return int_or_error(ts, getsid(pid)); }
Ref<> m_setsid(ThreadState& ts, PyObject*) { return none_or_error(ts, setsid()); }
Ref<> m_setpgrp(ThreadState& ts, PyObject*) { return none_or_error(ts, setpgid(0, 0)); }
Ref<> m_setpgid(ThreadState& ts, PyObject*, int pid, int group) { return none_or_error(ts, setpgid(pid, group)); }
Ref<> m_getgroups(ThreadState& ts, PyObject*) {
  gid_t groups[65536 / sizeof(gid_t)];
  int n = getgroups(static_cast<int>(std::size(groups)), groups);
  if (n < 0) return call_error(ts);
  Ref<> list = Ref<>::steal(PyList_New(0));
  for (int i = 0; list && i < n; ++i) {
    Ref<> g = int_from_i64(ts, groups[i]);
    if (!g || PyList_Append(list.get(), g.get()) < 0) return {};
  }
  return list;
}
Ref<> m_setgroups(ThreadState& ts, PyObject*, PyObject* groups) {
  if (!PySequence_Check(groups)) return raise(ts, PyExc_TypeError, "setgroups argument must be a sequence");
  Py_ssize_t n = PySequence_Size(groups);
  if (n < 0) return {};
  if (n > NGROUPS_MAX) return raise(ts, PyExc_ValueError, "too many groups");
  auto ids = std::make_unique<gid_t[]>(static_cast<size_t>(n) + 1);
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> item = Ref<>::steal(PySequence_GetItem(groups, i));
    if (!item) return {};
    if (!is_int(item.get())) return raise(ts, PyExc_TypeError, "groups must be integers");
    if (!as_id(ts, item.get(), &ids[static_cast<size_t>(i)], "gid")) return {};
  }
  return none_or_error(ts, setgroups(static_cast<size_t>(n), ids.get()));
}
Ref<> m_initgroups(ThreadState& ts, PyObject*, const Path& user, GroupId group) { return none_or_error(ts, initgroups(user.c, group.id)); }
Ref<> m_getgrouplist(ThreadState& ts, PyObject*, PyUnicodeObject* user, GroupId group) {
  Ref<> name = Ref<>::steal(PyUnicode_EncodeFSDefault(obj(user)));
  char* c;
  if (!name || PyBytes_AsStringAndSize(name.get(), &c, nullptr) < 0) return {};
  int n = 64;
  std::unique_ptr<gid_t[]> ids;
  for (int room = n;; room = n > room ? n : 2 * room) {
    ids = std::make_unique<gid_t[]>(static_cast<size_t>(room));
    n = room;
    if (getgrouplist(c, group.id, ids.get(), &n) >= 0) break;
  }
  Ref<> list = list_new(ts, 0);
  for (int i = 0; list && i < n; ++i) {
    gid_t id = ids[static_cast<size_t>(i)];
    Ref<> number = int_from_i64(ts, id == static_cast<gid_t>(-1) ? -1 : int64_t{id});
    if (!number || failed(list_append(ts, list.get(), std::move(number)))) return {};
  }
  return list;
}
Ref<> m_getlogin(ThreadState& ts, PyObject*) {
  char name[256];
  int e = getlogin_r(name, sizeof name);
  return e != 0 ? Ref<>(raise_os_error(ts, e)) : Ref<>::steal(PyUnicode_DecodeFSDefault(name));
}
Ref<> m_getpriority(ThreadState& ts, PyObject*, int which, int who) {
  errno = 0;
  int r = getpriority(static_cast<__priority_which_t>(which), static_cast<id_t>(who));
  return errno != 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}
Ref<> m_setpriority(ThreadState& ts, PyObject*, int which, int who, int priority) {
  return none_or_error(ts, setpriority(static_cast<__priority_which_t>(which), static_cast<id_t>(who), priority));
}
Ref<> m_nice(ThreadState& ts, PyObject*, int increment) {
  errno = 0;
  int r = nice(increment);
  return r == -1 && errno != 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}

// ---- the current directory, the environment ----------------------------------------------------------------------

template <bool kBytes>
Ref<> m_getcwd(ThreadState& ts, PyObject*) {
  char* c = unlocked([&] { return getcwd(nullptr, 0); });
  if (c == nullptr) return call_error(ts);
  Ref<> r = name_as_given(ts, c, std::strlen(c), kBytes);
  free(c);
  return r;
}
Ref<> m_putenv(ThreadState& ts, PyObject*, const Path& name, const Path& value) {
  if (name.c[0] == 0 || std::strchr(name.c, '=') != nullptr) return raise(ts, PyExc_ValueError, "illegal environment variable name");
  return none_or_error(ts, setenv(name.c, value.c, 1));
}
Ref<> m_unsetenv(ThreadState& ts, PyObject*, const Path& name) { return none_or_error(ts, unsetenv(name.c)); }
Ref<> m_umask(ThreadState& ts, PyObject*, int mask) { return int_from_i64(ts, umask(static_cast<mode_t>(mask))); }
Ref<> m_strerror(ThreadState& ts, PyObject*, int code) {
  char text[256];
  return str_from_utf8(ts, strerror_r(code, text, sizeof text), "surrogateescape");
}
Ref<> m_fspath(ThreadState&, PyObject*, PyObject* path) { return Ref<>::steal(PyOS_FSPath(path)); }
Ref<> m_uname(ThreadState& ts, PyObject*) {
  utsname u;
  if (uname(&u) < 0) return call_error(ts);
  Ref<> r = Ref<>::steal(PyStructSequence_New(&atoll_uname_result_type));
  if (!r) return {};
  const char* values[5] = {u.sysname, u.nodename, u.release, u.version, u.machine};
  for (int i = 0; i < 5; ++i) PyStructSequence_SetItem(r.get(), i, PyUnicode_DecodeFSDefault(values[i]));
  return error_set(ts) ? Ref<>() : std::move(r);
}
Ref<> m_times(ThreadState& ts, PyObject*) {
  tms t;
  clock_t elapsed = times(&t);
  if (elapsed == static_cast<clock_t>(-1)) return call_error(ts);
  Ref<> r = Ref<>::steal(PyStructSequence_New(&atoll_times_result_type));
  if (!r) return {};
  double hz = static_cast<double>(sysconf(_SC_CLK_TCK));
  clock_t values[5] = {t.tms_utime, t.tms_stime, t.tms_cutime, t.tms_cstime, elapsed};
  for (int i = 0; i < 5; ++i) PyStructSequence_SetItem(r.get(), i, new_float(ts, static_cast<double>(values[i]) / hz).release());
  return error_set(ts) ? Ref<>() : std::move(r);
}
Ref<> m_getloadavg(ThreadState& ts, PyObject*) {
  double l[3];
  if (getloadavg(l, 3) != 3) return raise(ts, PyExc_OSError, "Load averages are unobtainable");
  return Ref<>::steal(Py_BuildValue("ddd", l[0], l[1], l[2]));
}
Ref<> m_cpu_count(ThreadState& ts, PyObject*) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? int_from_i64(ts, n) : new_none();
}
// A configuration value's number, given as such or by its name in the module's dict of names.
Status configuration_number(ThreadState& ts, PyObject* m, const char* names_attribute, PyObject* name, int* out) {
  Ref<> number = Ref<>::dup_of(name);
  if (is_str(name)) {
    Ref<> names = object_getattr(ts, m, names_attribute);
    if (!names) return Status::kError;
    PyObject* found = PyDict_GetItemWithError(names.get(), name);
    if (found == nullptr) return error_set(ts) ? Status::kError : Status(raise(ts, PyExc_ValueError, "unrecognized configuration name"));
    number = Ref<>::dup_of(found);
  } else if (!is_int(name)) {
    return raise(ts, PyExc_TypeError, "configuration names must be strings or integers");
  }
  int64_t v;
  if (failed(int_as_i64(ts, number.get(), &v))) return Status::kError;
  *out = static_cast<int>(v);
  return Status::kOk;
}
Ref<> m_sysconf(ThreadState& ts, PyObject* m, PyObject* name) {
  int key;
  if (failed(configuration_number(ts, m, "sysconf_names", name, &key))) return {};
  errno = 0;
  long r = sysconf(key);
  return r == -1 && errno != 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}
Ref<> m_confstr(ThreadState& ts, PyObject* m, PyObject* name) {
  int key;
  if (failed(configuration_number(ts, m, "confstr_names", name, &key))) return {};
  errno = 0;
  size_t n = confstr(key, nullptr, 0);
  if (n == 0) return errno != 0 ? Ref<>(call_error(ts)) : new_none();
  auto text = std::make_unique<char[]>(n);
  confstr(key, text.get(), n);
  return Ref<>::steal(PyUnicode_DecodeFSDefaultAndSize(text.get(), static_cast<Py_ssize_t>(n) - 1));
}
Ref<> m_ctermid(ThreadState& ts, PyObject*) {
  char name[L_ctermid];
  return ctermid(name) == nullptr ? Ref<>(call_error(ts)) : Ref<>::steal(PyUnicode_DecodeFSDefault(name));
}
Ref<> m_sync(ThreadState&, PyObject*) {
  unlocked([] {
    sync();
    return 0;
  });
  return new_none();
}

// ---- ending, signals, children -----------------------------------------------------------------------------------

Ref<> m_exit(ThreadState&, PyObject*, int status) { _exit(status); }
Ref<> m_abort(ThreadState&, PyObject*) { abort(); }
Ref<> m_kill(ThreadState& ts, PyObject*, Py_ssize_t pid, int signal) {
  if (PySys_Audit("os.kill", "ni", pid, signal) < 0) return {};
  if (kill(static_cast<pid_t>(pid), signal) < 0) return call_error(ts);
  // A signal to ourselves is handled before kill() returns.
  return PyErr_CheckSignals() < 0 ? Ref<>() : new_none();
}
Ref<> m_killpg(ThreadState& ts, PyObject*, Py_ssize_t group, int signal) {
  if (killpg(static_cast<pid_t>(group), signal) < 0) return call_error(ts);
  return PyErr_CheckSignals() < 0 ? Ref<>() : new_none();
}
Ref<> m_system(ThreadState& ts, PyObject*, const Path& command) {
  if (PySys_Audit("os.system", "O", command.given) < 0) return {};
  return int_from_i64(ts, unlocked([&] { return system(command.c); }));
}
Ref<> m_waitpid(ThreadState& ts, PyObject*, Py_ssize_t pid, int options) {
  int status = 0;
  pid_t r;
  if (!unlocked_retry([&] { return waitpid(static_cast<pid_t>(pid), &status, options); }, &r)) return {};
  return r < 0 ? Ref<>(call_error(ts)) : Ref<>::steal(Py_BuildValue("(ii)", static_cast<int>(r), status));
}
Ref<> m_wait(ThreadState& ts, PyObject* m) { return m_waitpid(ts, m, -1, 0); }

template <auto kTest>
Ref<> status_is(ThreadState&, PyObject*, int status) {
  return Ref<>::steal(PyBool_FromLong(kTest(status)));
}
template <auto kPart>
Ref<> status_part(ThreadState& ts, PyObject*, int status) {
  return int_from_i64(ts, kPart(status));
}
bool exited(int s) { return WIFEXITED(s); }
bool signalled(int s) { return WIFSIGNALED(s); }
bool stopped(int s) { return WIFSTOPPED(s); }
bool continued(int s) { return WIFCONTINUED(s); }
bool dumped(int s) { return WCOREDUMP(s); }
int exit_status(int s) { return WEXITSTATUS(s); }
int term_signal(int s) { return WTERMSIG(s); }
int stop_signal(int s) { return WSTOPSIG(s); }
Ref<> m_waitstatus_to_exitcode(ThreadState& ts, PyObject*, int s) {
  if (WIFEXITED(s)) return int_from_i64(ts, WEXITSTATUS(s));
  if (WIFSIGNALED(s)) return int_from_i64(ts, -WTERMSIG(s));
  if (WIFSTOPPED(s)) return raise(ts, PyExc_ValueError, "process stopped by delivery of signal %i", WSTOPSIG(s));
  return raise(ts, PyExc_ValueError, "invalid wait status: %i", s);
}

Status may_exec(ThreadState& ts) {
  if (ts.interpreter().is_main || ts.interpreter().options.allow_exec) return Status::kOk;
  return raise(ts, PyExc_RuntimeError, "exec not supported for isolated subinterpreters");
}

Ref<> m_execv(ThreadState& ts, PyObject*, const Path& path, PyObject* argv) {
  if (failed(may_exec(ts))) return {};
  Strings args;
  if (!take_argv(ts, argv, &args, "execv() arg 2")) return {};
  execv(path.c, args.data());
  return path_error(ts, path);
}
Ref<> m_execve(ThreadState& ts, PyObject*, const PathOrFd& path, PyObject* argv, PyObject* env) {
  if (failed(may_exec(ts))) return {};
  Strings args, vars;
  if (!take_argv(ts, argv, &args, "execve: argv")) return {};
  if (!PyMapping_Check(env)) return raise(ts, PyExc_TypeError, "execve: environment must be a mapping object");
  if (!take_env(ts, env, &vars)) return {};
  if (path.is_fd()) {
    fexecve(path.fd, args.data(), vars.data());
  } else {
    execve(path.c, args.data(), vars.data());
  }
  return path_error(ts, path);
}

// ---- scheduling --------------------------------------------------------------------------------------------------

Ref<> m_sched_yield(ThreadState& ts, PyObject*) {
  return none_or_error(ts, unlocked([] { return sched_yield(); }));
}
Ref<> m_sched_get_priority_max(ThreadState& ts, PyObject*, int policy) { return int_or_error(ts, sched_get_priority_max(policy)); }
Ref<> m_sched_get_priority_min(ThreadState& ts, PyObject*, int policy) { return int_or_error(ts, sched_get_priority_min(policy)); }
Ref<> m_sched_getscheduler(ThreadState& ts, PyObject*, int pid) { return int_or_error(ts, sched_getscheduler(pid)); }
Ref<> m_sched_getaffinity(ThreadState& ts, PyObject*, int pid) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(pid, sizeof set, &set) < 0) return call_error(ts);
  Ref<> r = Ref<>::steal(PySet_New(nullptr));
  for (int i = 0; r && i < CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(i, &set)) continue;
    Ref<> n = int_from_i64(ts, i);
    if (!n || PySet_Add(r.get(), n.get()) < 0) return {};
  }
  return r;
}
Ref<> m_sched_setaffinity(ThreadState& ts, PyObject*, int pid, PyObject* mask) {
  Ref<> cpus = Ref<>::steal(PySequence_Tuple(mask));
  if (!cpus) return {};
  cpu_set_t set;
  CPU_ZERO(&set);
  for (Py_ssize_t i = 0; i < tuple_size(cpus.get()); ++i) {
    int64_t cpu;
    if (failed(int_as_i64(ts, tuple_peek(cpus.get(), i), &cpu))) return {};
    if (cpu < 0) return raise(ts, PyExc_ValueError, "negative CPU number");
    if (cpu >= CPU_SETSIZE) return raise(ts, PyExc_OverflowError, "CPU number too large");
    CPU_SET(static_cast<size_t>(cpu), &set);
  }
  return none_or_error(ts, sched_setaffinity(pid, sizeof set, &set));
}

}  // namespace

bool as_id(ThreadState& ts, PyObject* o, unsigned* out, const char* what) {
  Ref<> index = number_index(ts, o);
  if (!index) {
    if (error_clear_if(ts, PyExc_TypeError)) (void)raise(ts, PyExc_TypeError, "%s should be integer, not %T", what, o);
    return false;
  }
  int overflow;
  int64_t v = int_as_i64_overflow(index.get(), &overflow);
  if (overflow != 0 || v < -1 || v > INT64_C(0xffffffff)) {
    // As in 3.11, what a long holds and an id does not is always "less".
    (void)raise(ts, PyExc_OverflowError, "%s is %s than %s", what, overflow > 0 ? "greater" : "less", overflow > 0 ? "maximum" : "minimum");
    return false;
  }
  *out = static_cast<unsigned>(v);
  return true;
}

bool Strings::init() { return static_cast<bool>(list_ = Ref<>::steal(PyList_New(0))); }
bool Strings::add(PyObject* o) {
  PyObject* bytes = nullptr;
  return PyUnicode_FSConverter(o, &bytes) && add_bytes(Ref<>::steal(bytes));
}
bool Strings::add_bytes(Ref<> b) { return b && PyList_Append(list_.get(), b.get()) == 0; }
char** Strings::data() {
  Py_ssize_t n = PyList_Size(list_.get());
  pointers_ = std::make_unique<char*[]>(static_cast<size_t>(n) + 1);
  for (Py_ssize_t i = 0; i < n; ++i) pointers_[i] = PyBytes_AsString(PyList_GetItem(list_.get(), i));
  return pointers_.get();
}

bool take_argv(ThreadState& ts, PyObject* argv, Strings* out, const char* what) {
  if (!PyList_Check(argv) && !is_tuple(argv)) {
    (void)raise(ts, PyExc_TypeError, "%s must be a tuple or list", what);
    return false;
  }
  Ref<> fast = Ref<>::steal(PySequence_Tuple(argv));
  if (!fast || !out->init()) return false;
  Py_ssize_t n = tuple_size(fast.get());
  if (n < 1) {
    (void)raise(ts, PyExc_ValueError, "%s must not be empty", what);
    return false;
  }
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!out->add(tuple_peek(fast.get(), i))) return false;
  }
  if (out->data()[0][0] == 0) {
    (void)raise(ts, PyExc_ValueError, "%s first element cannot be empty", what);
    return false;
  }
  return true;
}
bool take_env(ThreadState& ts, PyObject* mapping, Strings* out) {
  Ref<> items = Ref<>::steal(PyMapping_Items(mapping));
  if (!items || !out->init()) return false;
  for (Py_ssize_t i = 0; i < PyList_Size(items.get()); ++i) {
    PyObject* pair = PyList_GetItem(items.get(), i);
    if (!is_tuple(pair) || tuple_size(pair) != 2) {
      (void)raise(ts, PyExc_TypeError, "items() returned an item which is not a pair");
      return false;
    }
    PyObject *k, *v;
    if (!PyUnicode_FSConverter(tuple_peek(pair, 0), &k)) return false;
    Ref<> key = Ref<>::steal(k);
    if (!PyUnicode_FSConverter(tuple_peek(pair, 1), &v)) return false;
    Ref<> value = Ref<>::steal(v);
    const char* name = PyBytes_AsString(k);
    if (name[0] == 0 || std::strchr(name + 1, '=') != nullptr) {
      (void)raise(ts, PyExc_ValueError, "illegal environment variable name");
      return false;
    }
    if (!out->add_bytes(Ref<>::steal(PyBytes_FromFormat("%s=%s", name, PyBytes_AsString(v))))) return false;
  }
  return true;
}

// A dict of bytes, as the process's environment is now. The first of two definitions of a name counts.
Ref<> make_environ(ThreadState&) {
  Ref<> d = Ref<>::steal(PyDict_New());
  for (char** e = environ; d && e != nullptr && *e != nullptr; ++e) {
    const char* equals = std::strchr(*e, '=');
    if (equals == nullptr) continue;
    Ref<> key = Ref<>::steal(PyBytes_FromStringAndSize(*e, equals - *e));
    Ref<> value = Ref<>::steal(PyBytes_FromString(equals + 1));
    if (!key || !value || PyDict_SetDefault(d.get(), key.get(), value.get()) == nullptr) return {};
  }
  return d;
}

namespace {
constexpr PyStructSequence_Field kSizeFields[] = {
    {"columns", "width of the terminal window in characters"},
    {"lines", "height of the terminal window in characters"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kUnameFields[] = {
    {"sysname", "operating system name"},
    {"nodename", "name of machine on network (implementation-defined)"},
    {"release", "operating system release"},
    {"version", "operating system version"},
    {"machine", "hardware identifier"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kTimesFields[] = {
    {"user", "user time"},
    {"system", "system time"},
    {"children_user", "user time of children"},
    {"children_system", "system time of children"},
    {"elapsed", "elapsed time since an arbitrary point in the past"},
    {nullptr, nullptr}};
}  // namespace

constexpr MethodSpec kProcessMethods[] = {
    ATOLL_METHOD(identity<getpid>, "getpid", "($module, /)", "This process's number."),
    ATOLL_METHOD(identity<getppid>, "getppid", "($module, /)", "The parent's number."),
    ATOLL_METHOD(identity<getuid>, "getuid", "($module, /)", "The user."),
    ATOLL_METHOD(identity<geteuid>, "geteuid", "($module, /)", "The effective user."),
    ATOLL_METHOD(identity<getgid>, "getgid", "($module, /)", "The group."),
    ATOLL_METHOD(identity<getegid>, "getegid", "($module, /)", "The effective group."),
    ATOLL_METHOD(identity<getpgrp>, "getpgrp", "($module, /)", "The process group."),
    ATOLL_METHOD((set_one<setuid, UserId>), "setuid", "($module, uid, /)", "Set the user."),
    ATOLL_METHOD((set_one<seteuid, UserId>), "seteuid", "($module, euid, /)", "Set the effective user."),
    ATOLL_METHOD((set_one<setgid, GroupId>), "setgid", "($module, gid, /)", "Set the group."),
    ATOLL_METHOD((set_one<setegid, GroupId>), "setegid", "($module, egid, /)", "Set the effective group."),
    ATOLL_METHOD((set_two<setreuid, UserId>), "setreuid", "($module, ruid, euid, /)", "Set real and effective user."),
    ATOLL_METHOD((set_two<setregid, GroupId>), "setregid", "($module, rgid, egid, /)", "Set real and effective group."),
    ATOLL_METHOD((set_three<setresuid, UserId>), "setresuid", "($module, ruid, euid, suid, /)", "Set real, effective and saved user."),
    ATOLL_METHOD((set_three<setresgid, GroupId>), "setresgid", "($module, rgid, egid, sgid, /)", "Set real, effective and saved group."),
    ATOLL_METHOD(get_three<getresuid>, "getresuid", "($module, /)", "Real, effective and saved user."),
    ATOLL_METHOD(get_three<getresgid>, "getresgid", "($module, /)", "Real, effective and saved group."),
    ATOLL_METHOD(m_getpgid, "getpgid", "($module, /, pid)", "A process's group."),
    ATOLL_METHOD(m_getsid, "getsid", "($module, pid, /)", "A process's session."),
    ATOLL_METHOD(m_setsid, "setsid", "($module, /)", "Start a session."),
    ATOLL_METHOD(m_setpgrp, "setpgrp", "($module, /)", "Lead a process group."),
    ATOLL_METHOD(m_setpgid, "setpgid", "($module, pid, pgrp, /)", "Set a process's group."),
    ATOLL_METHOD(m_getgroups, "getgroups", "($module, /)", "The supplementary groups."),
    ATOLL_METHOD(m_setgroups, "setgroups", "($module, groups, /)", "Set the supplementary groups."),
    ATOLL_METHOD(m_initgroups, "initgroups", "($module, username, gid, /)", "Set the supplementary groups to a user's, and one more."),
    ATOLL_METHOD(m_getgrouplist, "getgrouplist", "($module, user, group, /)", "The groups that a user belongs to."),
    ATOLL_METHOD(m_getlogin, "getlogin", "($module, /)", "The login name."),
    ATOLL_METHOD(m_getpriority, "getpriority", "($module, /, which, who)", "A scheduling priority."),
    ATOLL_METHOD(m_setpriority, "setpriority", "($module, /, which, who, priority)", "Set a scheduling priority."),
    ATOLL_METHOD(m_nice, "nice", "($module, increment, /)", "Add to the priority; the new one."),
    ATOLL_METHOD(m_getcwd<false>, "getcwd", "($module, /)", "The current directory."),
    ATOLL_METHOD(m_getcwd<true>, "getcwdb", "($module, /)", "The current directory as bytes."),
    ATOLL_METHOD(m_putenv, "putenv", "($module, name, value, /)", "Set an environment variable."),
    ATOLL_METHOD(m_unsetenv, "unsetenv", "($module, name, /)", "Remove an environment variable."),
    ATOLL_METHOD(m_umask, "umask", "($module, mask, /)", "Set the mask for new files; the old one."),
    ATOLL_METHOD(m_strerror, "strerror", "($module, code, /)", "An error number's message."),
    ATOLL_METHOD(m_fspath, "fspath", "($module, /, path)", "The str or bytes of a path."),
    ATOLL_METHOD(m_uname, "uname", "($module, /)", "What the system is."),
    ATOLL_METHOD(m_times, "times", "($module, /)", "The process's times."),
    ATOLL_METHOD(m_getloadavg, "getloadavg", "($module, /)", "Average numbers of runnable processes."),
    ATOLL_METHOD(m_cpu_count, "cpu_count", "($module, /)", "The number of processors, or None."),
    ATOLL_METHOD(m_sysconf, "sysconf", "($module, name, /)", "A value of the system's configuration."),
    ATOLL_METHOD(m_confstr, "confstr", "($module, name, /)", "A text of the system's configuration."),
    ATOLL_METHOD(m_ctermid, "ctermid", "($module, /)", "The name of the process's controlling terminal."),
    ATOLL_METHOD(m_sync, "sync", "($module, /)", "Write everything to the disks."),
    ATOLL_METHOD(m_exit, "_exit", "($module, /, status)", "End the process at once."),
    ATOLL_METHOD(m_abort, "abort", "($module, /)", "Abort the process."),
    ATOLL_METHOD(m_kill, "kill", "($module, pid, signal, /)", "Send a signal."),
    ATOLL_METHOD(m_killpg, "killpg", "($module, pgid, signal, /)", "Send a signal to a group."),
    ATOLL_METHOD(m_system, "system", "($module, /, command)", "Run a command in a shell; its wait status."),
    ATOLL_METHOD(m_waitpid, "waitpid", "($module, pid, options, /)", "Wait for a child."),
    ATOLL_METHOD(m_wait, "wait", "($module, /)", "Wait for any child."),
    ATOLL_METHOD(status_is<exited>, "WIFEXITED", "($module, /, status)", "Did it exit?"),
    ATOLL_METHOD(status_is<signalled>, "WIFSIGNALED", "($module, /, status)", "Was it killed by a signal?"),
    ATOLL_METHOD(status_is<stopped>, "WIFSTOPPED", "($module, /, status)", "Was it stopped?"),
    ATOLL_METHOD(status_is<continued>, "WIFCONTINUED", "($module, /, status)", "Was it continued?"),
    ATOLL_METHOD(status_is<dumped>, "WCOREDUMP", "($module, status, /)", "Did it leave a core file?"),
    ATOLL_METHOD(status_part<exit_status>, "WEXITSTATUS", "($module, /, status)", "Its exit status."),
    ATOLL_METHOD(status_part<term_signal>, "WTERMSIG", "($module, /, status)", "The signal that killed it."),
    ATOLL_METHOD(status_part<stop_signal>, "WSTOPSIG", "($module, /, status)", "The signal that stopped it."),
    ATOLL_METHOD(m_waitstatus_to_exitcode, "waitstatus_to_exitcode", "($module, /, status)", "A wait status as an exit code."),
    ATOLL_METHOD(m_execv, "execv", "($module, path, argv, /)", "Replace the program."),
    ATOLL_METHOD(m_execve, "execve", "($module, /, path, argv, env)", "Replace the program, with an environment."),
    ATOLL_METHOD(m_sched_yield, "sched_yield", "($module, /)", "Let others run."),
    ATOLL_METHOD(m_sched_get_priority_max, "sched_get_priority_max", "($module, /, policy)", "The highest priority of a policy."),
    ATOLL_METHOD(m_sched_get_priority_min, "sched_get_priority_min", "($module, /, policy)", "The lowest priority of a policy."),
    ATOLL_METHOD(m_sched_getscheduler, "sched_getscheduler", "($module, pid, /)", "A process's policy."),
    ATOLL_METHOD(m_sched_getaffinity, "sched_getaffinity", "($module, pid, /)", "The processors a process may use."),
    ATOLL_METHOD(m_sched_setaffinity, "sched_setaffinity", "($module, pid, mask, /)", "Set the processors a process may use."),
    ATOLL_METHOD_END};

}  // namespace atl::posix

namespace atl {
constinit const StructSpec posix_terminal_size_struct{"os.terminal_size", "A terminal's size: a tuple (columns, lines).", posix::kSizeFields, 2};
constinit const StructSpec posix_uname_result_struct{"posix.uname_result", "What uname() gives: a tuple whose items have names.", posix::kUnameFields, 5};
constinit const StructSpec posix_times_result_struct{"posix.times_result", "What times() gives: a tuple whose items have names.", posix::kTimesFields, 5};
}  // namespace atl
