// syslog: messages to the system's log.
//
// The connection is the C library's, one for the process: the main interpreter opens and closes it, others may write once it is open.
#include <syslog.h>

#include <cstring>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

// The last component of sys.argv[0]; empty when there is none.
Ref<> program_name(ThreadState& ts) {
  PyObject* argv = PySys_GetObject("argv");
  if (argv == nullptr || !PyList_Check(argv) || PyList_GET_SIZE(argv) == 0 || !is_str(PyList_GET_ITEM(argv, 0))) return {};
  PyObject* path = PyList_GET_ITEM(argv, 0);
  Py_ssize_t n = PyUnicode_GET_LENGTH(path);
  Py_ssize_t slash = PyUnicode_FindChar(path, '/', 0, n, -1);
  if (slash >= 0 && slash < n - 1) return Ref<>::steal(PyUnicode_Substring(path, slash + 1, n));
  (void)ts;
  return n > 0 ? dup(path) : Ref<>();
}

Status open_log(ThreadState& ts, PyObject* ident, int options, int facility) {
  Ref<> name = ident != nullptr ? dup(ident) : program_name(ts);
  if (!name && error_set(ts)) return Status::kError;
  Ref<> bytes;
  if (name) {
    bytes = Ref<>::steal(PyUnicode_AsUTF8String(name.get()));
    if (!bytes) return Status::kError;
  }
  if (PySys_Audit("syslog.openlog", "Oll", name ? name.get() : Py_None, static_cast<long>(options), static_cast<long>(facility)) < 0) return Status::kError;
  // libc keeps the pointer.
  char* kept = bytes ? strdup(PyBytes_AsString(bytes.get())) : nullptr;
  LibcState& libc = runtime().libc;
  std::lock_guard hold(libc.lock);
  openlog(kept, options, facility);
  free(std::exchange(libc.syslog_ident, kept));
  libc.syslog_open = true;
  return Status::kOk;
}

Status f_openlog(ThreadState& ts, PyObject*, PyObject* ident, int options, PyObject* facility) {
  if (!ts.interpreter().is_main) return raise(ts, PyExc_RuntimeError, "subinterpreter can't use syslog.openlog()");
  if (ident != nullptr && !is_str(ident)) return raise(ts, PyExc_TypeError, "openlog() argument 1 must be str, not %T", ident);
  int number = LOG_USER;
  if (facility != nullptr) {
    Ref<> index = number_index(ts, facility);
    if (!index) return Status::kError;
    number = _PyLong_AsInt(index.get());
    if (error_set(ts)) return Status::kError;
  }
  return open_log(ts, ident, options, number);
}

PyObject* f_syslog(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  int priority = LOG_INFO;
  if (n < 1 || n > 2 || !is_str(args[n - 1]) || (n == 2 && !PyIndex_Check(args[0]))) return raise(ts, PyExc_TypeError, "[priority,] message string");
  if (n == 2) {
    priority = _PyLong_AsInt(args[0]);
    if (error_set(ts)) return nullptr;
  }
  const char* message = PyUnicode_AsUTF8(args[n - 1]);
  if (message == nullptr) return nullptr;
  if (PySys_Audit("syslog.syslog", "is", priority, message) < 0) return nullptr;
  bool open;
  {
    std::lock_guard hold(runtime().libc.lock);
    open = runtime().libc.syslog_open;
  }
  if (!open) {
    if (!ts.interpreter().is_main) {
      return raise(ts, PyExc_RuntimeError, "subinterpreter can't use syslog.syslog() until the syslog is opened by the main interpreter");
    }
    if (failed(open_log(ts, nullptr, 0, LOG_USER))) return nullptr;
  }
  posix::unlocked([&] {
    syslog(priority, "%s", message);
    return 0;
  });
  return new_ref(Py_None);
}
Status f_closelog(ThreadState& ts, PyObject*) {
  if (!ts.interpreter().is_main) return raise(ts, PyExc_RuntimeError, "subinterpreter can't use syslog.closelog()");
  if (PySys_Audit("syslog.closelog", nullptr) < 0) return Status::kError;
  LibcState& libc = runtime().libc;
  std::lock_guard hold(libc.lock);
  if (libc.syslog_open) {
    closelog();
    free(std::exchange(libc.syslog_ident, nullptr));
    libc.syslog_open = false;
  }
  return Status::kOk;
}
Ref<> f_setlogmask(ThreadState& ts, PyObject*, int mask) {
  if (PySys_Audit("syslog.setlogmask", "i", mask) < 0) return {};
  return int_from_i64(ts, setlogmask(mask));
}
Ref<> f_mask(ThreadState& ts, PyObject*, int priority) { return int_from_i64(ts, static_cast<int>(1u << (priority & 31))); }
Ref<> f_upto(ThreadState& ts, PyObject*, int priority) { return int_from_i64(ts, static_cast<int>((1u << ((priority + 1) & 31)) - 1)); }

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD_PLAIN(f_openlog, "openlog", "($module, /, ident=None, logoption=0, facility=LOG_USER)", "Open the log with a name before each message."),
    ATOLL_METHOD_PLAIN(f_closelog, "closelog", "($module, /)", "Close the log."),
    ATOLL_METHOD_RAW(f_syslog, "syslog", METH_FASTCALL, "syslog([priority,] message)\n\nSend a message to the system's log."),
    ATOLL_METHOD_PLAIN(f_setlogmask, "setlogmask", "($module, maskpri, /)", "Say which priorities are logged; the mask before."),
    ATOLL_METHOD_PLAIN(f_mask, "LOG_MASK", "($module, pri, /)", "The mask of one priority."),
    ATOLL_METHOD_PLAIN(f_upto, "LOG_UPTO", "($module, pri, /)", "The mask of all priorities up to one."), ATOLL_METHOD_END};

constexpr IntConstant kConstants[] = {
    {"LOG_ALERT", LOG_ALERT},
    {"LOG_AUTH", LOG_AUTH},
    {"LOG_AUTHPRIV", LOG_AUTHPRIV},
    {"LOG_CONS", LOG_CONS},
    {"LOG_CRIT", LOG_CRIT},
    {"LOG_CRON", LOG_CRON},
    {"LOG_DAEMON", LOG_DAEMON},
    {"LOG_DEBUG", LOG_DEBUG},
    {"LOG_EMERG", LOG_EMERG},
    {"LOG_ERR", LOG_ERR},
    {"LOG_INFO", LOG_INFO},
    {"LOG_KERN", LOG_KERN},
    {"LOG_LOCAL0", LOG_LOCAL0},
    {"LOG_LOCAL1", LOG_LOCAL1},
    {"LOG_LOCAL2", LOG_LOCAL2},
    {"LOG_LOCAL3", LOG_LOCAL3},
    {"LOG_LOCAL4", LOG_LOCAL4},
    {"LOG_LOCAL5", LOG_LOCAL5},
    {"LOG_LOCAL6", LOG_LOCAL6},
    {"LOG_LOCAL7", LOG_LOCAL7},
    {"LOG_LPR", LOG_LPR},
    {"LOG_MAIL", LOG_MAIL},
    {"LOG_NDELAY", LOG_NDELAY},
    {"LOG_NEWS", LOG_NEWS},
    {"LOG_NOTICE", LOG_NOTICE},
    {"LOG_NOWAIT", LOG_NOWAIT},
    {"LOG_ODELAY", LOG_ODELAY},
    {"LOG_PERROR", LOG_PERROR},
    {"LOG_PID", LOG_PID},
    {"LOG_SYSLOG", LOG_SYSLOG},
    {"LOG_USER", LOG_USER},
    {"LOG_UUCP", LOG_UUCP},
    {"LOG_WARNING", LOG_WARNING},
};
int exec(PyObject* m) { return add_int_constants(m, kConstants); }

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_syslog, "syslog", nullptr, 0, atl::kFunctions, atl::exec)
