// posix: file descriptors.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include <memory>

#include "Modules/posix/posix.h"

namespace atl::posix {

namespace {

Status set_inheritable(ThreadState& ts, int fd, bool inheritable) {
  int flags = fcntl(fd, F_GETFD);
  if (flags < 0) return call_error(ts);
  int wanted = inheritable ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
  if (wanted != flags && fcntl(fd, F_SETFD, wanted) < 0) return call_error(ts);
  return Status::kOk;
}

Ref<> m_open(ThreadState& ts, PyObject*, const Path& path, int flags, int mode, DirFd dir) {
  if (PySys_Audit("open", "OOi", path.given, Py_None, flags) < 0) return {};
  int fd;
  if (!unlocked_retry([&] { return openat(dir.fd, path.c, flags | O_CLOEXEC, mode); }, &fd)) return {};
  return fd < 0 ? Ref<>(path_error(ts, path)) : int_from_i64(ts, fd);
}
// Not repeated after EINTR: the descriptor is closed then all the same.
Ref<> m_close(ThreadState& ts, PyObject*, int fd) {
  int r = unlocked([&] { return close(fd); });
  if (r < 0 && errno != EINTR) return call_error(ts);
  return new_none();
}
Ref<> m_closerange(ThreadState&, PyObject*, int low, int high) {
  unlocked([&] {
    if (low < high) close_range(low < 0 ? 0u : static_cast<unsigned>(low), static_cast<unsigned>(high - 1), 0);
    return 0;
  });
  return new_none();
}

Ref<> read_into_bytes(ThreadState& ts, Py_ssize_t n, auto call) {
  if (n < 0) {
    errno = EINVAL;
    return call_error(ts);
  }
  if (n > PY_SSIZE_T_MAX / 2) n = PY_SSIZE_T_MAX / 2;
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, n);
  if (bytes == nullptr) return {};
  ssize_t got;
  char* to = PyBytes_AsString(bytes);
  if (!unlocked_retry([&] { return call(to, static_cast<size_t>(n)); }, &got)) {
    Py_DECREF(bytes);
    return {};
  }
  if (got < 0) {
    int e = errno;
    Py_DECREF(bytes);
    return raise_os_error(ts, e);
  }
  if (got != n && _PyBytes_Resize(&bytes, got) < 0) return {};
  return Ref<>::steal(bytes);
}
Ref<> m_read(ThreadState& ts, PyObject*, int fd, Py_ssize_t n) {
  return read_into_bytes(ts, n, [fd](char* to, size_t size) { return read(fd, to, size); });
}
Ref<> m_pread(ThreadState& ts, PyObject*, int fd, Py_ssize_t n, Py_ssize_t offset) {
  return read_into_bytes(ts, n, [fd, offset](char* to, size_t size) { return pread(fd, to, size, offset); });
}
Ref<> count_result(ThreadState& ts, bool ok, ssize_t r) {
  if (!ok) return {};
  return r < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}
Ref<> m_write(ThreadState& ts, PyObject*, int fd, const BufferArg& data) {
  ssize_t r;
  bool ok = unlocked_retry([&] { return write(fd, data.data(), static_cast<size_t>(data.size())); }, &r);
  return count_result(ts, ok, r);
}
Ref<> m_pwrite(ThreadState& ts, PyObject*, int fd, const BufferArg& data, Py_ssize_t offset) {
  ssize_t r;
  bool ok = unlocked_retry([&] { return pwrite(fd, data.data(), static_cast<size_t>(data.size()), offset); }, &r);
  return count_result(ts, ok, r);
}

// The buffers of readv and writev, held for the call.
class Vectors {
 public:
  Vectors() = default;
  Vectors(const Vectors&) = delete;
  Vectors& operator=(const Vectors&) = delete;
  ~Vectors() {
    for (Py_ssize_t i = 0; i < held_; ++i) PyBuffer_Release(&views_[i]);
  }
  bool take(ThreadState& ts, PyObject* buffers, bool writable, const char* function) {
    if (!PySequence_Check(buffers)) {
      (void)raise(ts, PyExc_TypeError, "%s() arg 2 must be a sequence", function);
      return false;
    }
    Ref<> fast = Ref<>::steal(PySequence_Tuple(buffers));
    if (!fast) return false;
    Py_ssize_t n = tuple_size(fast.get());
    views_ = std::make_unique<Py_buffer[]>(static_cast<size_t>(n) + 1);
    iov_ = std::make_unique<iovec[]>(static_cast<size_t>(n) + 1);
    for (; held_ < n; ++held_) {
      if (PyObject_GetBuffer(tuple_peek(fast.get(), held_), &views_[held_], writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0) return false;
      iov_[held_] = {views_[held_].buf, static_cast<size_t>(views_[held_].len)};
    }
    return true;
  }
  const iovec* data() const { return iov_.get(); }
  int size() const { return static_cast<int>(held_); }

 private:
  std::unique_ptr<Py_buffer[]> views_;
  std::unique_ptr<iovec[]> iov_;
  Py_ssize_t held_ = 0;
};
Ref<> m_readv(ThreadState& ts, PyObject*, int fd, PyObject* buffers) {
  Vectors v;
  ssize_t r;
  if (!v.take(ts, buffers, true, "readv")) return {};
  bool ok = unlocked_retry([&] { return readv(fd, v.data(), v.size()); }, &r);
  return count_result(ts, ok, r);
}
Ref<> m_writev(ThreadState& ts, PyObject*, int fd, PyObject* buffers) {
  Vectors v;
  ssize_t r;
  if (!v.take(ts, buffers, false, "writev")) return {};
  bool ok = unlocked_retry([&] { return writev(fd, v.data(), v.size()); }, &r);
  return count_result(ts, ok, r);
}
Ref<> m_preadv(ThreadState& ts, PyObject*, int fd, PyObject* buffers, Py_ssize_t offset, int flags) {
  Vectors v;
  ssize_t r;
  if (!v.take(ts, buffers, true, "preadv")) return {};
  bool ok = unlocked_retry([&] { return preadv2(fd, v.data(), v.size(), offset, flags); }, &r);
  return count_result(ts, ok, r);
}
Ref<> m_pwritev(ThreadState& ts, PyObject*, int fd, PyObject* buffers, Py_ssize_t offset, int flags) {
  Vectors v;
  ssize_t r;
  if (!v.take(ts, buffers, false, "pwritev")) return {};
  bool ok = unlocked_retry([&] { return pwritev2(fd, v.data(), v.size(), offset, flags); }, &r);
  return count_result(ts, ok, r);
}
Ref<> m_lseek(ThreadState& ts, PyObject*, int fd, Py_ssize_t position, int how) {
  off_t r = unlocked([&] { return lseek(fd, position, how); });
  return r < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}
Ref<> m_dup(ThreadState& ts, PyObject*, int fd) {
  int r = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return r < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}
Ref<> m_dup2(ThreadState& ts, PyObject*, int fd, int fd2, bool inheritable) {
  int r;
  // dup3 refuses equal descriptors, dup2 does nothing for them.
  if (!unlocked_retry([&] { return inheritable || fd == fd2 ? dup2(fd, fd2) : dup3(fd, fd2, O_CLOEXEC); }, &r)) return {};
  return r < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}
Ref<> make_pipe(ThreadState& ts, int flags) {
  int fds[2];
  if (pipe2(fds, flags) < 0) return call_error(ts);
  return Ref<>::steal(Py_BuildValue("(ii)", fds[0], fds[1]));
}
Ref<> m_pipe(ThreadState& ts, PyObject*) { return make_pipe(ts, O_CLOEXEC); }
Ref<> m_pipe2(ThreadState& ts, PyObject*, int flags) { return make_pipe(ts, flags); }
Ref<> m_isatty(ThreadState&, PyObject*, int fd) { return Ref<>::steal(PyBool_FromLong(isatty(fd))); }
Ref<> m_fstat(ThreadState& ts, PyObject* m, int fd) {
  struct stat st;
  if (unlocked([&] { return fstat(fd, &st); }) < 0) return call_error(ts);
  return make_stat(ts, m, st);
}
Ref<> done(ThreadState& ts, bool ok, int r) {
  if (!ok) return {};
  return r < 0 ? Ref<>(call_error(ts)) : new_none();
}
template <int (*kCall)(int)>
Ref<> on_fileno(ThreadState& ts, PyObject*, Fileno file) {
  int r;
  bool ok = unlocked_retry([&] { return kCall(file.fd); }, &r);
  return done(ts, ok, r);
}
Ref<> m_ftruncate(ThreadState& ts, PyObject*, int fd, Py_ssize_t length) {
  int r;
  bool ok = unlocked_retry([&] { return ftruncate(fd, length); }, &r);
  return done(ts, ok, r);
}
Ref<> m_fchmod(ThreadState& ts, PyObject*, int fd, int mode) {
  int r;
  bool ok = unlocked_retry([&] { return fchmod(fd, static_cast<mode_t>(mode)); }, &r);
  return done(ts, ok, r);
}
Ref<> m_fchown(ThreadState& ts, PyObject*, int fd, UserId uid, GroupId gid) {
  int r;
  bool ok = unlocked_retry([&] { return fchown(fd, uid.id, gid.id); }, &r);
  return done(ts, ok, r);
}
Ref<> m_get_inheritable(ThreadState& ts, PyObject*, int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags < 0 ? Ref<>(call_error(ts)) : Ref<>::steal(PyBool_FromLong((flags & FD_CLOEXEC) == 0));
}
Status m_set_inheritable(ThreadState& ts, PyObject*, int fd, int inheritable) { return set_inheritable(ts, fd, inheritable != 0); }
Ref<> m_get_blocking(ThreadState& ts, PyObject*, int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? Ref<>(call_error(ts)) : Ref<>::steal(PyBool_FromLong((flags & O_NONBLOCK) == 0));
}
Ref<> m_set_blocking(ThreadState& ts, PyObject*, int fd, bool blocking) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0) return call_error(ts);
  return new_none();
}
Ref<> m_lockf(ThreadState& ts, PyObject*, int fd, int command, Py_ssize_t length) {
  int r;
  bool ok = unlocked_retry([&] { return lockf(fd, command, length); }, &r);
  return done(ts, ok, r);
}
Ref<> m_posix_fallocate(ThreadState& ts, PyObject*, int fd, Py_ssize_t offset, Py_ssize_t length) {
  int e = unlocked([&] { return posix_fallocate(fd, offset, length); });
  return e != 0 ? Ref<>(raise_os_error(ts, e)) : new_none();
}
Ref<> m_posix_fadvise(ThreadState& ts, PyObject*, int fd, Py_ssize_t offset, Py_ssize_t length, int advice) {
  int e = unlocked([&] { return posix_fadvise(fd, offset, length, advice); });
  return e != 0 ? Ref<>(raise_os_error(ts, e)) : new_none();
}
// An offset that may be None: the file's own position.
bool optional_offset(ThreadState& ts, PyObject* o, off_t* value, off_t** pointer) {
  *pointer = nullptr;
  if (o == nullptr || o == Py_None) return true;
  int64_t v;
  if (failed(int_as_i64(ts, o, &v))) return false;
  *value = v;
  *pointer = value;
  return true;
}
Ref<> m_sendfile(ThreadState& ts, PyObject*, int out_fd, int in_fd, PyObject* offset, Py_ssize_t count) {
  off_t value, *p;
  ssize_t r;
  if (!optional_offset(ts, offset, &value, &p)) return {};
  bool ok = unlocked_retry([&] { return sendfile(out_fd, in_fd, p, static_cast<size_t>(count)); }, &r);
  return count_result(ts, ok, r);
}
Ref<> m_copy_file_range(ThreadState& ts, PyObject*, int src, int dst, Py_ssize_t count, PyObject* offset_src, PyObject* offset_dst) {
  if (count < 0) return raise(ts, PyExc_ValueError, "negative value for 'count' not allowed");
  off_t from, to, *p, *q;
  ssize_t r;
  if (!optional_offset(ts, offset_src, &from, &p) || !optional_offset(ts, offset_dst, &to, &q)) return {};
  bool ok = unlocked_retry([&] { return copy_file_range(src, p, dst, q, static_cast<size_t>(count), 0); }, &r);
  return count_result(ts, ok, r);
}
Ref<> m_splice(ThreadState& ts, PyObject*, int src, int dst, Py_ssize_t count, PyObject* offset_src, PyObject* offset_dst, int flags) {
  if (count < 0) return raise(ts, PyExc_ValueError, "negative value for 'count' not allowed");
  off_t from, to, *p, *q;
  ssize_t r;
  if (!optional_offset(ts, offset_src, &from, &p) || !optional_offset(ts, offset_dst, &to, &q)) return {};
  bool ok = unlocked_retry([&] { return splice(src, p, dst, q, static_cast<size_t>(count), static_cast<unsigned>(flags)); }, &r);
  return count_result(ts, ok, r);
}
Ref<> m_urandom(ThreadState& ts, PyObject*, Py_ssize_t size) {
  if (size < 0) return raise(ts, PyExc_ValueError, "negative argument not allowed");
  Ref<> bytes = Ref<>::steal(PyBytes_FromStringAndSize(nullptr, size));
  if (!bytes) return {};
  char* to = PyBytes_AsString(bytes.get());
  for (Py_ssize_t done = 0; done < size;) {
    ssize_t r;
    if (!unlocked_retry([&] { return getrandom(to + done, static_cast<size_t>(size - done), 0); }, &r)) return {};
    if (r < 0) return call_error(ts);
    done += r;
  }
  return bytes;
}
Ref<> m_getrandom(ThreadState& ts, PyObject*, Py_ssize_t size, int flags) {
  return read_into_bytes(ts, size, [flags](char* to, size_t n) { return getrandom(to, n, static_cast<unsigned>(flags)); });
}
Ref<> m_memfd_create(ThreadState& ts, PyObject*, const Path& name, PyObject* flags) {
  int64_t f = MFD_CLOEXEC;
  if (flags != nullptr && failed(int_as_i64(ts, flags, &f))) return {};
  int fd = unlocked([&] { return memfd_create(name.c, static_cast<unsigned>(f)); });
  return fd < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, fd);
}
Ref<> m_eventfd(ThreadState& ts, PyObject*, int initval, PyObject* flags) {
  int64_t f = EFD_CLOEXEC;
  if (flags != nullptr && failed(int_as_i64(ts, flags, &f))) return {};
  int fd = eventfd(static_cast<unsigned>(initval), static_cast<int>(f));
  return fd < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, fd);
}
Ref<> m_eventfd_read(ThreadState& ts, PyObject*, Fileno fd) {
  eventfd_t value;
  if (unlocked([&] { return eventfd_read(fd.fd, &value); }) < 0) return call_error(ts);
  return Ref<>::steal(PyLong_FromUnsignedLongLong(value));
}
Ref<> m_eventfd_write(ThreadState& ts, PyObject*, Fileno fd, PyObject* value) {
  unsigned long long v = PyLong_AsUnsignedLongLong(value);
  if (error_set(ts)) return {};
  if (unlocked([&] { return eventfd_write(fd.fd, v); }) < 0) return call_error(ts);
  return new_none();
}
Ref<> m_device_encoding(ThreadState& ts, PyObject*, int fd) { return isatty(fd) ? str_from_utf8(ts, "UTF-8") : new_none(); }
Ref<> m_get_terminal_size(ThreadState& ts, PyObject*, PyObject* fd_arg) {
  int64_t fd = STDOUT_FILENO;
  if (fd_arg != nullptr && failed(int_as_i64(ts, fd_arg, &fd))) return {};
  winsize w;
  if (ioctl(static_cast<int>(fd), TIOCGWINSZ, &w) < 0) return call_error(ts);
  Ref<> r = Ref<>::steal(PyStructSequence_New(&atoll_terminal_size_type));
  if (!r) return {};
  PyStructSequence_SetItem(r.get(), 0, int_from_i64(ts, w.ws_col).release());
  PyStructSequence_SetItem(r.get(), 1, int_from_i64(ts, w.ws_row).release());
  return error_set(ts) ? Ref<>() : std::move(r);
}
Ref<> m_ttyname(ThreadState& ts, PyObject*, int fd) {
  char name[256];
  int e = ttyname_r(fd, name, sizeof name);
  return e != 0 ? Ref<>(raise_os_error(ts, e)) : Ref<>::steal(PyUnicode_DecodeFSDefault(name));
}
Ref<> m_tcgetpgrp(ThreadState& ts, PyObject*, int fd) {
  pid_t p = tcgetpgrp(fd);
  return p < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, p);
}
Ref<> m_tcsetpgrp(ThreadState& ts, PyObject*, int fd, int group) { return done(ts, true, tcsetpgrp(fd, group)); }
Ref<> m_fpathconf(ThreadState& ts, PyObject*, Fileno fd, int name) {
  errno = 0;
  long r = fpathconf(fd.fd, name);
  return r == -1 && errno != 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, r);
}

}  // namespace

constexpr MethodSpec kFileMethods[] = {
    ATOLL_METHOD(m_open, "open", "($module, /, path, flags, mode=511, *, dir_fd=None)", "Open a file; its descriptor, which is not inheritable."),
    ATOLL_METHOD(m_close, "close", "($module, /, fd)", "Close a file descriptor."),
    ATOLL_METHOD(m_closerange, "closerange", "($module, fd_low, fd_high, /)", "Close the descriptors from fd_low to fd_high, excluded, ignoring errors."),
    ATOLL_METHOD(m_read, "read", "($module, fd, length, /)", "Read from a descriptor."),
    ATOLL_METHOD(m_pread, "pread", "($module, fd, length, offset, /)", "Read at an offset."),
    ATOLL_METHOD(m_write, "write", "($module, fd, data, /)", "Write to a descriptor; the number of bytes written."),
    ATOLL_METHOD(m_pwrite, "pwrite", "($module, fd, buffer, offset, /)", "Write at an offset."),
    ATOLL_METHOD(m_readv, "readv", "($module, fd, buffers, /)", "Read into several buffers."),
    ATOLL_METHOD(m_writev, "writev", "($module, fd, buffers, /)", "Write from several buffers."),
    ATOLL_METHOD(m_preadv, "preadv", "($module, fd, buffers, offset, flags=0, /)", "Read at an offset into several buffers."),
    ATOLL_METHOD(m_pwritev, "pwritev", "($module, fd, buffers, offset, flags=0, /)", "Write at an offset from several buffers."),
    ATOLL_METHOD(m_lseek, "lseek", "($module, fd, position, how, /)", "Set a descriptor's position; the new one."),
    ATOLL_METHOD(m_dup, "dup", "($module, fd, /)", "A copy of a descriptor, not inheritable."),
    ATOLL_METHOD(m_dup2, "dup2", "($module, /, fd, fd2, inheritable=True)", "Make fd2 a copy of fd."),
    ATOLL_METHOD(m_pipe, "pipe", "($module, /)", "A pipe's two ends."),
    ATOLL_METHOD(m_pipe2, "pipe2", "($module, flags, /)", "A pipe's two ends, with flags."),
    ATOLL_METHOD(m_isatty, "isatty", "($module, fd, /)", "Is the descriptor a terminal?"),
    ATOLL_METHOD(m_fstat, "fstat", "($module, /, fd)", "The status of a descriptor."),
    ATOLL_METHOD(on_fileno<fsync>, "fsync", "($module, /, fd)", "Write a file to its device."),
    ATOLL_METHOD(on_fileno<fdatasync>, "fdatasync", "($module, /, fd)", "Write a file's data to its device."),
    ATOLL_METHOD(on_fileno<fchdir>, "fchdir", "($module, /, fd)", "Change to a directory given by its descriptor."),
    ATOLL_METHOD(m_ftruncate, "ftruncate", "($module, fd, length, /)", "Set a file's length."),
    ATOLL_METHOD(m_fchmod, "fchmod", "($module, /, fd, mode)", "Change access rights."),
    ATOLL_METHOD(m_fchown, "fchown", "($module, /, fd, uid, gid)", "Change the owner."),
    ATOLL_METHOD(m_get_inheritable, "get_inheritable", "($module, fd, /)", "Do child programs get the descriptor?"),
    ATOLL_METHOD(m_set_inheritable, "set_inheritable", "($module, fd, inheritable, /)", "Say whether child programs get the descriptor."),
    ATOLL_METHOD(m_get_blocking, "get_blocking", "($module, fd, /)", "Does the descriptor block?"),
    ATOLL_METHOD(m_set_blocking, "set_blocking", "($module, fd, blocking, /)", "Say whether the descriptor blocks."),
    ATOLL_METHOD(m_lockf, "lockf", "($module, fd, command, length, /)", "Lock or unlock a part of a file."),
    ATOLL_METHOD(m_posix_fallocate, "posix_fallocate", "($module, fd, offset, length, /)", "Make sure that a file has disk space."),
    ATOLL_METHOD(m_posix_fadvise, "posix_fadvise", "($module, fd, offset, length, advice, /)", "Tell how a file will be used."),
    ATOLL_METHOD(m_sendfile, "sendfile", "($module, /, out_fd, in_fd, offset, count)", "Copy between descriptors."),
    ATOLL_METHOD(m_copy_file_range, "copy_file_range", "($module, /, src, dst, count, offset_src=None, offset_dst=None)", "Copy between files in the kernel."),
    ATOLL_METHOD(m_splice, "splice", "($module, /, src, dst, count, offset_src=None, offset_dst=None, flags=0)", "Move data between a pipe and a descriptor."),
    ATOLL_METHOD(m_urandom, "urandom", "($module, size, /)", "Random bytes fit for cryptography."),
    ATOLL_METHOD(m_getrandom, "getrandom", "($module, /, size, flags=0)", "Random bytes of the kernel."),
    ATOLL_METHOD(m_memfd_create, "memfd_create", "($module, /, name, flags=MFD_CLOEXEC)", "An anonymous file in memory."),
    ATOLL_METHOD(m_eventfd, "eventfd", "($module, /, initval, flags=EFD_CLOEXEC)", "A descriptor that counts events."),
    ATOLL_METHOD(m_eventfd_read, "eventfd_read", "($module, /, fd)", "Read an event counter."),
    ATOLL_METHOD(m_eventfd_write, "eventfd_write", "($module, /, fd, value)", "Add to an event counter."),
    ATOLL_METHOD(m_device_encoding, "device_encoding", "($module, /, fd)", "The encoding of a terminal, or None."),
    ATOLL_METHOD(m_get_terminal_size, "get_terminal_size", "($module, fd=<unrepresentable>, /)", "A terminal's columns and lines."),
    ATOLL_METHOD(m_ttyname, "ttyname", "($module, fd, /)", "A terminal's name."),
    ATOLL_METHOD(m_tcgetpgrp, "tcgetpgrp", "($module, fd, /)", "A terminal's process group."),
    ATOLL_METHOD(m_tcsetpgrp, "tcsetpgrp", "($module, fd, pgid, /)", "Set a terminal's process group."),
    ATOLL_METHOD(m_fpathconf, "fpathconf", "($module, fd, name, /)", "A limit of a file."),
    ATOLL_METHOD_END};

}  // namespace atl::posix
