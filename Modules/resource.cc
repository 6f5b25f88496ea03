// resource: limits and use of the system's resources.
#include <sys/resource.h>
#include <unistd.h>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Objects/float/float.h"

namespace atl {

namespace {


Ref<> f_getrusage(ThreadState& ts, PyObject*, int who) {
  rusage u;
  if (getrusage(static_cast<__rusage_who_t>(who), &u) < 0) {
    if (errno == EINVAL) return raise(ts, PyExc_ValueError, "invalid who parameter");
    return posix::call_error(ts);
  }
  StructFiller result(&atoll_struct_rusage_type);
  for (const timeval& t : {u.ru_utime, u.ru_stime}) {
    result.add(new_float(ts, static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6).release());
  }
  for (long n : {u.ru_maxrss, u.ru_ixrss, u.ru_idrss, u.ru_isrss, u.ru_minflt, u.ru_majflt, u.ru_nswap, u.ru_inblock, u.ru_oublock,
                 u.ru_msgsnd, u.ru_msgrcv, u.ru_nsignals, u.ru_nvcsw, u.ru_nivcsw}) {
    result.add(int_from_i64(ts, n).release());
  }
  return result.finish();
}

bool check_resource(ThreadState& ts, int resource) {
  if (resource >= 0 && resource < RLIM_NLIMITS) return true;
  (void)raise(ts, PyExc_ValueError, "invalid resource specified");
  return false;
}
Status read_limits(ThreadState& ts, PyObject* pair, rlimit* out) {
  Ref<> two = Ref<>::steal(PySequence_Tuple(pair));
  if (!two) return Status::kError;
  if (tuple_size(two.get()) != 2) return raise(ts, PyExc_ValueError, "expected a tuple of 2 integers");
  rlim_t* fields[2] = {&out->rlim_cur, &out->rlim_max};
  for (int i = 0; i < 2; ++i) {
    // -1 is RLIM_INFINITY.
    *fields[i] = static_cast<rlim_t>(PyLong_AsLong(tuple_peek(two.get(), i)));
    if (error_set(ts)) return Status::kError;
  }
  return Status::kOk;
}
Ref<> limits_pair(ThreadState& ts, const rlimit& l) {
  Ref<> soft = int_from_i64(ts, static_cast<int64_t>(l.rlim_cur));
  Ref<> hard = int_from_i64(ts, static_cast<int64_t>(l.rlim_max));
  return soft && hard ? tuple_of(ts, soft.get(), hard.get()) : Ref<>();
}
Raised set_failed(ThreadState& ts) {
  if (errno == EINVAL) return raise(ts, PyExc_ValueError, "current limit exceeds maximum limit");
  if (errno == EPERM) return raise(ts, PyExc_ValueError, "not allowed to raise maximum limit");
  return posix::call_error(ts);
}

Ref<> f_getrlimit(ThreadState& ts, PyObject*, int resource) {
  rlimit l;
  if (!check_resource(ts, resource)) return {};
  return getrlimit(static_cast<__rlimit_resource_t>(resource), &l) < 0 ? Ref<>(posix::call_error(ts)) : limits_pair(ts, l);
}
Ref<> f_setrlimit(ThreadState& ts, PyObject*, int resource, PyObject* limits) {
  rlimit l;
  if (!check_resource(ts, resource)) return {};
  if (PySys_Audit("resource.setrlimit", "iO", resource, limits) < 0 || failed(read_limits(ts, limits, &l))) return {};
  return setrlimit(static_cast<__rlimit_resource_t>(resource), &l) < 0 ? Ref<>(set_failed(ts)) : new_none();
}
PyObject* f_prlimit(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n < 2 || n > 3) return raise(ts, PyExc_TypeError, "resource.prlimit requires 2 to 3 arguments");
  int numbers[2];
  for (int i = 0; i < 2; ++i) {
    Ref<> index = number_index(ts, args[i]);
    if (!index) return nullptr;
    numbers[i] = _PyLong_AsInt(index.get());
    if (error_set(ts)) return nullptr;
  }
  rlimit fresh, old;
  if (!check_resource(ts, numbers[1])) return nullptr;
  if (PySys_Audit("resource.prlimit", "iiO", numbers[0], numbers[1], n > 2 ? args[2] : Py_None) < 0) return nullptr;
  if (n > 2 && failed(read_limits(ts, args[2], &fresh))) return nullptr;
  if (prlimit(numbers[0], static_cast<__rlimit_resource>(numbers[1]), n > 2 ? &fresh : nullptr, &old) < 0) {
    if (errno == EINVAL) return raise(ts, PyExc_ValueError, "current limit exceeds maximum limit");
    return posix::call_error(ts);
  }
  return limits_pair(ts, old).release();
}
Ref<> f_getpagesize(ThreadState& ts, PyObject*) { return int_from_i64(ts, sysconf(_SC_PAGESIZE)); }

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_getrusage, "getrusage", "($module, who, /)", "What this process, its children, or this thread have used."),
    ATOLL_METHOD(f_getrlimit, "getrlimit", "($module, resource, /)", "The limits of a resource: (soft, hard)."),
    ATOLL_METHOD(f_setrlimit, "setrlimit", "($module, resource, limits, /)", "Set the limits of a resource, (soft, hard)."),
    ATOLL_METHOD_RAW(f_prlimit, "prlimit", METH_FASTCALL,
                     "prlimit(pid, resource, [limits])\n\nThe limits of a resource of a process; set them if new ones are given."),
    ATOLL_METHOD(f_getpagesize, "getpagesize", "($module, /)", "The size of a page of memory."), ATOLL_METHOD_END};

constexpr IntConstant kConstants[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_OFILE", RLIMIT_OFILE},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
    {"RLIM_INFINITY", static_cast<long>(RLIM_INFINITY)},
    {"RUSAGE_CHILDREN", RUSAGE_CHILDREN},
    {"RUSAGE_SELF", RUSAGE_SELF},
    {"RUSAGE_THREAD", RUSAGE_THREAD},
};
constexpr PyStructSequence_Field kFields[] = {
    {"ru_utime", "user time used"},
    {"ru_stime", "system time used"},
    {"ru_maxrss", "max. resident set size"},
    {"ru_ixrss", "shared memory size"},
    {"ru_idrss", "unshared data size"},
    {"ru_isrss", "unshared stack size"},
    {"ru_minflt", "page faults not requiring I/O"},
    {"ru_majflt", "page faults requiring I/O"},
    {"ru_nswap", "number of swap outs"},
    {"ru_inblock", "block input operations"},
    {"ru_oublock", "block output operations"},
    {"ru_msgsnd", "IPC messages sent"},
    {"ru_msgrcv", "IPC messages received"},
    {"ru_nsignals", "signals received"},
    {"ru_nvcsw", "voluntary context switches"},
    {"ru_nivcsw", "involuntary context switches"},
    {nullptr, nullptr}};

}  // namespace

constinit const StructSpec resource_struct_rusage_struct{"resource.struct_rusage", "What getrusage() gives: a tuple whose items have names.", kFields, 16};

namespace {

int exec(PyObject* m) {
  if (PyModule_AddObjectRef(m, "struct_rusage", obj(&atoll_struct_rusage_type)) < 0 || PyModule_AddObjectRef(m, "error", PyExc_OSError) < 0) return -1;
  return add_int_constants(m, kConstants);
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_resource, "resource", nullptr, 0, atl::kFunctions, atl::exec)
