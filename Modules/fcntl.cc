// fcntl: control of descriptors, locks on files.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"

namespace atl {

namespace {

using posix::call_error;
using posix::Fileno;
using posix::unlocked_retry;

// What goes to the kernel by address, and what comes back, may have this size.
constexpr Py_ssize_t kLongest = 1024;

// The bytes of a str or bytes-like argument; kFalse when it is neither.
Tri read_only_bytes(PyObject* o, BufferArg* out) {
  if (is_str(o)) {
    Py_ssize_t n;
    const char* utf8 = PyUnicode_AsUTF8AndSize(o, &n);
    if (utf8 == nullptr) return Tri::kError;
    out->view.buf = const_cast<char*>(utf8);
    out->view.len = n;
    return Tri::kTrue;
  }
  if (!PyBytes_Check(o)) return Tri::kFalse;
  return PyObject_GetBuffer(o, &out->view, PyBUF_SIMPLE) < 0 ? Tri::kError : Tri::kTrue;
}

Ref<> number_or_error(ThreadState& ts, bool returned, int r) {
  if (!returned) return {};
  return r < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}

Ref<> f_fcntl(ThreadState& ts, PyObject*, Fileno fd, int command, PyObject* argument) {
  if (PySys_Audit("fcntl.fcntl", "iiO", fd.fd, command, argument != nullptr ? argument : Py_None) < 0) return {};
  int r;
  if (argument != nullptr) {
    BufferArg bytes;
    Tri is_bytes_like = read_only_bytes(argument, &bytes);
    if (failed(is_bytes_like)) return {};
    if (is_bytes_like == Tri::kTrue) {
      if (bytes.size() > kLongest) return raise(ts, PyExc_ValueError, "fcntl string arg too long");
      char buffer[kLongest];
      std::memcpy(buffer, bytes.data(), static_cast<size_t>(bytes.size()));
      if (!unlocked_retry([&] { return fcntl(fd.fd, command, buffer); }, &r)) return {};
      return r < 0 ? Ref<>(call_error(ts)) : bytes_from(ts, {buffer, static_cast<size_t>(bytes.size())});
    }
  }
  unsigned long value = 0;
  if (argument != nullptr) {
    Ref<> index = number_index(ts, argument);
    if (!index) return {};
    value = PyLong_AsUnsignedLongMask(index.get()) & 0xffffffff;
    if (error_set(ts)) return {};
  }
  bool returned = unlocked_retry([&] { return fcntl(fd.fd, command, static_cast<int>(value)); }, &r);
  return number_or_error(ts, returned, r);
}

Ref<> f_ioctl(ThreadState& ts, PyObject*, Fileno fd, PyObject* request_number, PyObject* argument, bool mutate) {
  Ref<> index = number_index(ts, request_number);
  if (!index) return {};
  auto request = static_cast<unsigned int>(PyLong_AsUnsignedLongMask(index.get()));
  if (error_set(ts)) return {};
  if (PySys_Audit("fcntl.ioctl", "iIO", fd.fd, request, argument != nullptr ? argument : Py_None) < 0) return {};
  int r;
  if (argument == nullptr || PyIndex_Check(argument) ||
      (!is_str(argument) && !PyObject_CheckBuffer(argument))) {
    unsigned long value = 0;
    if (argument != nullptr) {
      Ref<> number = number_index(ts, argument);
      if (!number) return {};
      value = PyLong_AsUnsignedLongMask(number.get()) & 0xffffffff;
      if (error_set(ts)) return {};
    }
    r = posix::unlocked([&] { return ioctl(fd.fd, request, static_cast<int>(value)); });
    return number_or_error(ts, true, r);
  }
  BufferArg bytes;
  char buffer[kLongest + 1];
  bool writable = !is_str(argument) && PyObject_GetBuffer(argument, &bytes.view, PyBUF_WRITABLE) == 0;
  if (!writable) {
    error_clear(ts);
    if (is_str(argument)) {
      if (read_only_bytes(argument, &bytes) != Tri::kTrue) return {};
    } else if (PyObject_GetBuffer(argument, &bytes.view, PyBUF_SIMPLE) < 0) {
      return {};
    }
  }
  if (writable && mutate) {
    // A short buffer is copied, so that a request that writes too much hits ours.
    char* at = static_cast<char*>(bytes.view.buf);
    bool copied = bytes.size() <= kLongest;
    if (copied) {
      std::memcpy(buffer, at, static_cast<size_t>(bytes.size()));
      buffer[bytes.size()] = 0;
    }
    r = posix::unlocked([&] { return ioctl(fd.fd, request, copied ? buffer : at); });
    if (copied) std::memcpy(at, buffer, static_cast<size_t>(bytes.size()));
    return number_or_error(ts, true, r);
  }
  if (bytes.size() > kLongest) return raise(ts, PyExc_ValueError, "ioctl string arg too long");
  std::memcpy(buffer, bytes.data(), static_cast<size_t>(bytes.size()));
  buffer[bytes.size()] = 0;
  r = posix::unlocked([&] { return ioctl(fd.fd, request, buffer); });
  return r < 0 ? Ref<>(call_error(ts)) : bytes_from(ts, {buffer, static_cast<size_t>(bytes.size())});
}

Ref<> done(ThreadState& ts, bool returned, int r) {
  if (!returned) return {};
  return r < 0 ? Ref<>(call_error(ts)) : new_none();
}
Ref<> f_flock(ThreadState& ts, PyObject*, Fileno fd, int operation) {
  if (PySys_Audit("fcntl.flock", "ii", fd.fd, operation) < 0) return {};
  int r;
  bool returned = unlocked_retry([&] { return flock(fd.fd, operation); }, &r);
  return done(ts, returned, r);
}
Ref<> f_lockf(ThreadState& ts, PyObject*, Fileno fd, int operation, PyObject* length, PyObject* start, int whence) {
  if (PySys_Audit("fcntl.lockf", "iiOOi", fd.fd, operation, length != nullptr ? length : Py_None, start != nullptr ? start : Py_None, whence) < 0) {
    return {};
  }
  struct flock lock {};
  if (operation == LOCK_UN) {
    lock.l_type = F_UNLCK;
  } else if (operation & LOCK_SH) {
    lock.l_type = F_RDLCK;
  } else if (operation & LOCK_EX) {
    lock.l_type = F_WRLCK;
  } else {
    return raise(ts, PyExc_ValueError, "unrecognized lockf argument");
  }
  for (auto [given, field] : {std::pair{start, &lock.l_start}, std::pair{length, &lock.l_len}}) {
    if (given == nullptr) continue;
    Ref<> index = number_index(ts, given);
    if (!index) return {};
    *field = PyLong_AsLong(index.get());
    if (error_set(ts)) return {};
  }
  lock.l_whence = static_cast<short>(whence);
  int r;
  bool returned = unlocked_retry([&] { return fcntl(fd.fd, operation & LOCK_NB ? F_SETLK : F_SETLKW, &lock); }, &r);
  return done(ts, returned, r);
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_fcntl, "fcntl", "($module, fd, cmd, arg=0, /)",
                 "Perform an operation on a descriptor.\n\nWith an integer argument the result is fcntl's own; a str or bytes argument of at most\n"
                 "1024 bytes is handed over by address, and the result is what it holds then."),
    ATOLL_METHOD(f_ioctl, "ioctl", "($module, fd, request, arg=0, mutate_flag=True, /)",
                 "Perform an operation on a device.\n\nAs fcntl(); a writable buffer as the argument receives what the call writes, unless\n"
                 "mutate_flag is false."),
    ATOLL_METHOD(f_flock, "flock", "($module, fd, operation, /)", "Lock or unlock a whole file: LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB for not waiting."),
    ATOLL_METHOD(f_lockf, "lockf", "($module, fd, cmd, len=0, start=0, whence=0, /)",
                 "Lock or unlock a part of a file: LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB for not waiting.\n\nA length of 0 reaches to the end."),
    ATOLL_METHOD_END};

constexpr IntConstant kConstants[] = {
    {"DN_ACCESS", DN_ACCESS},
    {"DN_ATTRIB", DN_ATTRIB},
    {"DN_CREATE", DN_CREATE},
    {"DN_DELETE", DN_DELETE},
    {"DN_MODIFY", DN_MODIFY},
    {"DN_MULTISHOT", DN_MULTISHOT},
    {"DN_RENAME", DN_RENAME},
    {"FASYNC", FASYNC},
    {"FD_CLOEXEC", FD_CLOEXEC},
    {"F_ADD_SEALS", F_ADD_SEALS},
    {"F_DUPFD", F_DUPFD},
    {"F_DUPFD_CLOEXEC", F_DUPFD_CLOEXEC},
    {"F_EXLCK", F_EXLCK},
    {"F_GETFD", F_GETFD},
    {"F_GETFL", F_GETFL},
    {"F_GETLEASE", F_GETLEASE},
    {"F_GETLK", F_GETLK},
    {"F_GETLK64", F_GETLK64},
    {"F_GETOWN", F_GETOWN},
    {"F_GETPIPE_SZ", F_GETPIPE_SZ},
    {"F_GETSIG", F_GETSIG},
    {"F_GET_SEALS", F_GET_SEALS},
    {"F_NOTIFY", F_NOTIFY},
    {"F_OFD_GETLK", F_OFD_GETLK},
    {"F_OFD_SETLK", F_OFD_SETLK},
    {"F_OFD_SETLKW", F_OFD_SETLKW},
    {"F_RDLCK", F_RDLCK},
    {"F_SEAL_GROW", F_SEAL_GROW},
    {"F_SEAL_SEAL", F_SEAL_SEAL},
    {"F_SEAL_SHRINK", F_SEAL_SHRINK},
    {"F_SEAL_WRITE", F_SEAL_WRITE},
    {"F_SETFD", F_SETFD},
    {"F_SETFL", F_SETFL},
    {"F_SETLEASE", F_SETLEASE},
    {"F_SETLK", F_SETLK},
    {"F_SETLK64", F_SETLK64},
    {"F_SETLKW", F_SETLKW},
    {"F_SETLKW64", F_SETLKW64},
    {"F_SETOWN", F_SETOWN},
    {"F_SETPIPE_SZ", F_SETPIPE_SZ},
    {"F_SETSIG", F_SETSIG},
    {"F_SHLCK", F_SHLCK},
    {"F_UNLCK", F_UNLCK},
    {"F_WRLCK", F_WRLCK},
    {"LOCK_EX", LOCK_EX},
    {"LOCK_MAND", LOCK_MAND},
    {"LOCK_NB", LOCK_NB},
    {"LOCK_READ", LOCK_READ},
    {"LOCK_RW", LOCK_RW},
    {"LOCK_SH", LOCK_SH},
    {"LOCK_UN", LOCK_UN},
    {"LOCK_WRITE", LOCK_WRITE},
};
int exec(PyObject* m) { return add_int_constants(m, kConstants); }

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_fcntl, "fcntl", "Control of descriptors and locks on files: the system calls fcntl, ioctl and flock.", 0, atl::kFunctions,
                     atl::exec)
