// FileIO: a file descriptor as a raw stream.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "Modules/_io/io.h"

namespace atl::io {

namespace {

struct FileObject {
  PyObject ob_base;
  PyObject* dict;
  PyObject* weakrefs;
  int fd;
  bool created, readable, writable, appending, closefd, finalizing;
  int8_t seekable;  // -1: not known
  unsigned block_size;
};
FileObject* as_file(PyObject* o) { return reinterpret_cast<FileObject*>(o); }

Raised raise_file_closed(ThreadState& ts) { return raise(ts, PyExc_ValueError, "I/O operation on closed file"); }

// Runs a system call without the interpreter's lock, again after EINTR.
template <class F>
ssize_t blocking(F f) {
  for (;;) {
    PyThreadState* saved = PyEval_SaveThread();
    errno = 0;
    ssize_t r = f();
    int error = errno;
    PyEval_RestoreThread(saved);
    errno = error;
    if (r >= 0 || error != EINTR) return r;
    if (PyErr_CheckSignals() < 0) return -2;  // an exception is set
  }
}

PyObject* file_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  FileObject* f = as_file(o);
  f->fd = -1;
  f->closefd = true;
  f->seekable = -1;
  return o;
}

Status close_fd(ThreadState& ts, FileObject* f) {
  int fd = std::exchange(f->fd, -1);
  if (fd < 0) return Status::kOk;
  PyThreadState* saved = PyEval_SaveThread();
  int r = close(fd);
  int error = errno;
  PyEval_RestoreThread(saved);
  return r < 0 ? Status(raise_os_error(ts, error)) : Status::kOk;
}

bool bad_mode(ThreadState& ts, const char* mode, const char* why) {
  if (why != nullptr) {
    (void)raise(ts, PyExc_ValueError, "%s", why);
  } else {
    (void)raise(ts, PyExc_ValueError, "invalid mode: %.200s", mode);
  }
  return false;
}

bool read_mode(ThreadState& ts, FileObject* f, const char* mode, int* flags) {
  constexpr const char* kOne = "Must have exactly one of create/read/write/append mode and at most one plus";
  bool kind = false, plus = false;
  *flags = 0;
  for (const char* p = mode; *p; ++p) {
    switch (*p) {
      case 'x':
      case 'r':
      case 'w':
      case 'a':
        if (kind) return bad_mode(ts, mode, kOne);
        kind = true;
        if (*p == 'r') {
          f->readable = true;
        } else {
          f->writable = true;
          *flags |= O_CREAT;
          if (*p == 'x') {
            f->created = true;
            *flags |= O_EXCL;
          }
          if (*p == 'w') *flags |= O_TRUNC;
          if (*p == 'a') {
            f->appending = true;
            *flags |= O_APPEND;
          }
        }
        break;
      case 'b':
        break;
      case '+':
        if (plus) return bad_mode(ts, mode, kOne);
        plus = true;
        f->readable = f->writable = true;
        break;
      default:
        return bad_mode(ts, mode, nullptr);
    }
  }
  if (!kind) return bad_mode(ts, mode, kOne);
  *flags |= f->readable && f->writable ? O_RDWR : f->readable ? O_RDONLY : O_WRONLY;
  *flags |= O_CLOEXEC;
  return true;
}

Status file_init(ThreadState& ts, FileObject* f, PyObject* file, PyUnicodeObject* mode_arg, bool closefd, PyObject* opener) {
  if (f->fd >= 0) {
    if (f->closefd) {
      if (failed(close_fd(ts, f))) return Status::kError;
    } else {
      f->fd = -1;
    }
  }
  f->created = f->readable = f->writable = f->appending = false;
  f->seekable = -1;
  f->closefd = closefd;
  const char* mode = mode_arg != nullptr ? str_utf8(ts, obj(mode_arg)) : "r";
  if (mode == nullptr) return Status::kError;
  int flags;
  if (!read_mode(ts, f, mode, &flags)) return Status::kError;
  if (PyBool_Check(file) && failed(warn(ts, PyExc_RuntimeWarning, 1, "bool is used as a file descriptor"))) return Status::kError;
  int fd = -1;
  if (is_int(file)) {
    int64_t v;
    if (failed(int_as_i64(ts, file, &v))) return Status::kError;
    if (v < 0) return raise(ts, PyExc_ValueError, "negative file descriptor");
    fd = static_cast<int>(v);
  }
  Ref<> path;
  if (fd < 0) {
    if (!closefd) return raise(ts, PyExc_ValueError, "Cannot use closefd=False with file name");
    PyObject* bytes = nullptr;
    if (!PyUnicode_FSConverter(file, &bytes)) return Status::kError;
    path = Ref<>::steal(bytes);
  }
  bool own = false;
  if (fd >= 0) {
    f->fd = fd;
  } else if (opener == nullptr || opener == Py_None) {
    const char* name = PyBytes_AS_STRING(path.get());
    ssize_t r = blocking([&] { return static_cast<ssize_t>(open(name, flags, 0666)); });
    if (r == -2) return Status::kError;
    if (r < 0) return raise_os_error(ts, errno, file);
    f->fd = static_cast<int>(r);
    own = true;
  } else {
    Ref<> flag_object = int_from_i64(ts, flags);
    Ref<> r = flag_object ? call(ts, opener, file, flag_object.get()) : Ref<>();
    if (!r) return Status::kError;
    if (!is_int(r.get())) return raise(ts, PyExc_TypeError, "expected integer from opener");
    int64_t v;
    if (failed(int_as_i64(ts, r.get(), &v))) return Status::kError;
    if (v < 0) return raise(ts, PyExc_ValueError, "opener returned %lld", static_cast<long long>(v));
    f->fd = static_cast<int>(v);
    own = true;
    if (fcntl(f->fd, F_SETFD, FD_CLOEXEC) < 0) return raise_os_error(ts, errno);
  }
  auto fail = [&]() {
    if (own) {
      ErrorStash stash(ts);
      if (failed(close_fd(ts, f))) error_clear(ts);
    }
    f->fd = -1;
    return Status::kError;
  };
  struct stat st;
  f->block_size = kDefaultBufferSize;
  if (fstat(f->fd, &st) < 0) {
    if (errno == EBADF) {
      (void)raise_os_error(ts, errno, own ? file : nullptr);
      return fail();
    }
  } else {
    if (S_ISDIR(st.st_mode)) {
      (void)raise_os_error(ts, EISDIR, file);
      return fail();
    }
    if (st.st_blksize > 1) f->block_size = static_cast<unsigned>(st.st_blksize);
  }
  if (failed(object_setattr(ts, obj(f), ID(name), file))) return fail();
  if (f->appending && lseek(f->fd, 0, SEEK_END) < 0 && errno != ESPIPE) {
    (void)raise_os_error(ts, errno);
    return fail();
  }
  return Status::kOk;
}

#define CHECK_OPEN(f) \
  if ((f)->fd < 0) return raise_file_closed(ts)

Ref<> f_fileno(ThreadState& ts, FileObject* f) {
  CHECK_OPEN(f);
  return int_from_i64(ts, f->fd);
}
Ref<> f_readable(ThreadState& ts, FileObject* f) {
  CHECK_OPEN(f);
  return new_bool(f->readable);
}
Ref<> f_writable(ThreadState& ts, FileObject* f) {
  CHECK_OPEN(f);
  return new_bool(f->writable);
}
Ref<> f_seekable(ThreadState& ts, FileObject* f) {
  CHECK_OPEN(f);
  if (f->seekable < 0) f->seekable = lseek(f->fd, 0, SEEK_CUR) >= 0;
  return new_bool(f->seekable != 0);
}
Ref<> f_isatty(ThreadState& ts, FileObject* f) {
  CHECK_OPEN(f);
  return new_bool(isatty(f->fd) != 0);
}

constexpr size_t kMaxRead = 0x7ffff000;

Ref<> f_readinto(ThreadState& ts, FileObject* f, PyObject* target) {
  CHECK_OPEN(f);
  if (!f->readable) return raise_unsupported(ts, obj(f), "File not open for reading");
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "readinto() argument must be read-write bytes-like object, not %T", target);
  }
  size_t n = static_cast<size_t>(view.len) < kMaxRead ? static_cast<size_t>(view.len) : kMaxRead;
  int fd = f->fd;
  ssize_t r = blocking([&] { return read(fd, view.buf, n); });
  int error = errno;
  PyBuffer_Release(&view);
  if (r >= 0) return int_from_ssize(ts, r);
  if (r == -2) return {};
  return error == EAGAIN ? new_none() : Ref<>(raise_os_error(ts, error));
}

Ref<> f_readall(ThreadState& ts, FileObject* f) {
  CHECK_OPEN(f);
  // What is left to the end, and one byte more so that the end is seen at once.
  Py_ssize_t room = kDefaultBufferSize;
  struct stat st;
  off_t pos = lseek(f->fd, 0, SEEK_CUR);
  if (pos >= 0 && fstat(f->fd, &st) == 0 && st.st_size >= pos && st.st_size - pos < PY_SSIZE_T_MAX / 2) room = static_cast<Py_ssize_t>(st.st_size - pos) + 1;
  Ref<> data = bytes_new(ts, room);
  if (!data) return {};
  Py_ssize_t have = 0;
  for (;;) {
    if (have >= room) {
      room = room + (room > 65536 ? room / 2 : 65536);
      if (failed(bytes_resize(ts, &data, room))) return {};
    }
    char* to = bytes_data(data.get()) + have;
    size_t n = static_cast<size_t>(room - have) < kMaxRead ? static_cast<size_t>(room - have) : kMaxRead;
    int fd = f->fd;
    ssize_t r = blocking([&] { return read(fd, to, n); });
    if (r == 0) break;
    if (r == -2) return {};
    if (r < 0) {
      if (errno == EAGAIN) {
        if (have > 0) break;
        return new_none();
      }
      return raise_os_error(ts, errno);
    }
    have += r;
  }
  if (failed(bytes_resize(ts, &data, have))) return {};
  return data;
}

Ref<> f_read(ThreadState& ts, FileObject* f, PyObject* size_arg) {
  Py_ssize_t size;
  if (failed(as_size(ts, size_arg, &size))) return {};
  CHECK_OPEN(f);
  if (!f->readable) return raise_unsupported(ts, obj(f), "File not open for reading");
  if (size < 0) return f_readall(ts, f);
  if (static_cast<size_t>(size) > kMaxRead) size = kMaxRead;
  Ref<> data = bytes_new(ts, size);
  if (!data) return {};
  char* to = bytes_data(data.get());
  int fd = f->fd;
  ssize_t r = blocking([&] { return read(fd, to, static_cast<size_t>(size)); });
  if (r == -2) return {};
  if (r < 0) return errno == EAGAIN ? new_none() : Ref<>(raise_os_error(ts, errno));
  if (r != size && failed(bytes_resize(ts, &data, r))) return {};
  return data;
}

Ref<> f_write(ThreadState& ts, FileObject* f, const BufferArg& b) {
  CHECK_OPEN(f);
  if (!f->writable) return raise_unsupported(ts, obj(f), "File not open for writing");
  size_t n = static_cast<size_t>(b.size()) < kMaxRead ? static_cast<size_t>(b.size()) : kMaxRead;
  int fd = f->fd;
  ssize_t r = blocking([&] { return write(fd, b.data(), n); });
  if (r >= 0) return int_from_ssize(ts, r);
  if (r == -2) return {};
  return errno == EAGAIN ? new_none() : Ref<>(raise_os_error(ts, errno));
}

Ref<> f_seek(ThreadState& ts, FileObject* f, PyObject* offset_arg, int whence) {
  CHECK_OPEN(f);
  if (PyFloat_Check(offset_arg)) return raise(ts, PyExc_TypeError, "an integer is required");
  int64_t offset;
  if (failed(as_offset(ts, offset_arg, &offset))) return {};
  off_t r = lseek(f->fd, offset, whence);
  if (f->seekable < 0) f->seekable = r >= 0;
  if (r < 0) return raise_os_error(ts, errno);
  return int_from_i64(ts, r);
}
Ref<> f_tell(ThreadState& ts, FileObject* f) {
  CHECK_OPEN(f);
  off_t r = lseek(f->fd, 0, SEEK_CUR);
  if (r < 0) return raise_os_error(ts, errno);
  return int_from_i64(ts, r);
}
Ref<> f_truncate(ThreadState& ts, FileObject* f, PyObject* size_arg) {
  CHECK_OPEN(f);
  if (!f->writable) return raise_unsupported(ts, obj(f), "File not open for writing");
  int64_t size;
  if (size_arg == nullptr || size_arg == Py_None) {
    size = lseek(f->fd, 0, SEEK_CUR);
    if (size < 0) return raise_os_error(ts, errno);
  } else if (failed(as_offset(ts, size_arg, &size))) {
    return {};
  }
  int fd = f->fd;
  ssize_t r = blocking([&] { return static_cast<ssize_t>(ftruncate(fd, size)); });
  if (r == -2) return {};
  if (r < 0) return raise_os_error(ts, errno);
  return int_from_i64(ts, size);
}

// Warns about a file that nobody closed; `source` is the outermost stream.
Ref<> f_dealloc_warn(ThreadState& ts, FileObject* f, PyObject* source) {
  if (f->fd >= 0 && f->closefd) {
    ErrorStash stash(ts);
    if (PyErr_ResourceWarning(source, 1, "unclosed file %R", source) < 0) {
      // With -W error the warning is all there is to say; other errors of showing it are not.
      if (error_matches(ts, PyExc_Warning)) write_unraisable(ts, obj(f));
      error_clear(ts);
    }
  }
  return new_none();
}

Ref<> f_close(ThreadState& ts, FileObject* f) {
  // The base class flushes and notes that it is closed.
  Ref<> base_close = object_getattr(ts, obj(&atoll_io_raw_base_type), ID(close));
  if (!base_close) return {};
  Ref<> r = call(ts, base_close.get(), f);
  if (!f->closefd) {
    f->fd = -1;
    return r;
  }
  Ref<> exc = r ? Ref<>() : error_take(ts);
  if (f->finalizing && !f_dealloc_warn(ts, f, obj(f))) return {};
  Status closed = close_fd(ts, f);
  if (exc) {
    if (failed(closed)) error_clear(ts);
    error_restore(ts, std::move(exc));
    return {};
  }
  return failed(closed) ? Ref<>() : std::move(r);
}

const char* mode_text(FileObject* f) {
  if (f->created) return f->readable ? "xb+" : "xb";
  if (f->appending) return f->readable ? "ab+" : "ab";
  if (f->readable) return f->writable ? "rb+" : "rb";
  return "wb";
}
Ref<> f_get_mode(ThreadState& ts, FileObject* f) { return str_from_ascii(ts, mode_text(f)); }
Ref<> f_get_closed(ThreadState&, FileObject* f) { return new_bool(f->fd < 0); }
Ref<> f_get_closefd(ThreadState&, FileObject* f) { return new_bool(f->closefd); }

Ref<> f_repr(ThreadState& ts, PyObject* o) {
  FileObject* f = as_file(o);
  if (f->fd < 0) return str_from_ascii(ts, "<_io.FileIO [closed]>");
  Ref<> name;
  if (failed(object_lookup_attr(ts, o, ID(name), &name))) return {};
  const char* closefd = f->closefd ? "True" : "False";
  if (!name) return str_format(ts, "<_io.FileIO fd=%d mode='%s' closefd=%s>", f->fd, mode_text(f), closefd);
  int seen = repr_enter(ts, o);
  if (seen != 0) {
    if (seen > 0) (void)raise(ts, PyExc_RuntimeError, "reentrant call inside %s.__repr__", o->ob_type->tp_name);
    return {};
  }
  Ref<> r = str_format(ts, "<_io.FileIO name=%R mode='%s' closefd=%s>", name.get(), mode_text(f), closefd);
  repr_leave(ts, o);
  return r;
}
Ref<> f_reduce(ThreadState& ts, FileObject* f) { return raise(ts, PyExc_TypeError, "cannot pickle '%s' object", f->ob_base.ob_type->tp_name); }

void f_dealloc(PyObject* o) {
  as_file(o)->finalizing = true;
  if (!finalize_before_dealloc(o)) return;
  PyObject_GC_UnTrack(o);
  if (as_file(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  clear_field(as_file(o)->dict);
  free_instance(o);
}
int f_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_file(o)->dict);
  return 0;
}
int f_clear(PyObject* o) {
  clear_field(as_file(o)->dict);
  return 0;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(f_read, "read", "($self, size=-1, /)", "Read at most size bytes."),
    ATOLL_METHOD(f_readall, "readall", "($self, /)", "Read until the end."),
    ATOLL_METHOD(f_readinto, "readinto", "($self, buffer, /)", "Read into a buffer."),
    ATOLL_METHOD(f_write, "write", "($self, b, /)", "Write bytes; the number written."),
    ATOLL_METHOD(f_seek, "seek", "($self, pos, whence=0, /)", "Move to a position."),
    ATOLL_METHOD(f_tell, "tell", "($self, /)", "The position."),
    ATOLL_METHOD(f_truncate, "truncate", "($self, size=None, /)", "Truncate the file."),
    ATOLL_METHOD(f_close, "close", "($self, /)", "Close the file."),
    ATOLL_METHOD(f_seekable, "seekable", "($self, /)", "Can it seek?"),
    ATOLL_METHOD(f_readable, "readable", "($self, /)", "Can it be read?"),
    ATOLL_METHOD(f_writable, "writable", "($self, /)", "Can it be written?"),
    ATOLL_METHOD(f_fileno, "fileno", "($self, /)", "The descriptor."),
    ATOLL_METHOD(f_isatty, "isatty", "($self, /)", "Is it a terminal?"),
    ATOLL_METHOD(f_dealloc_warn, "_dealloc_warn", "($self, source, /)", "Warn about a file that nobody closed."),
    ATOLL_METHOD(f_reduce, "__reduce__", "($self, /)", "Files can't be pickled."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"closed", ATOLL_GETTER(f_get_closed), nullptr, "True if the file is closed", nullptr},
                                   {"closefd", ATOLL_GETTER(f_get_closefd), nullptr, "True if close() closes the descriptor", nullptr},
                                   {"mode", ATOLL_GETTER(f_get_mode), nullptr, "String giving the file mode", nullptr},
                                   ATOLL_GETSET_END};
constexpr PyMemberDef kMembers[] = {{"_blksize", T_UINT, offsetof(FileObject, block_size), 0, nullptr},
                                    {"_finalizing", T_BOOL, offsetof(FileObject, finalizing), 0, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};

}  // namespace

}  // namespace atl::io

using namespace atl;
ATOLL_SEALED PyTypeObject atoll_io_file_type = {};

namespace atl {
using namespace io;

constinit const TypeSpec io_file_spec{
    .name = "_io.FileIO",
    .doc = "A file as a raw stream: opened by path or around a descriptor; mode is 'r', 'w', 'x' or 'a', with '+' for both.",
    .basicsize = sizeof(FileObject),
    .flags = kFlags,
    .base = &atoll_io_raw_base_type,
    .dealloc = f_dealloc,
    .traverse = f_traverse,
    .clear = f_clear,
    .repr = ATOLL_SLOT(f_repr),
    .init = ATOLL_INIT(file_init, "FileIO", "(file, mode='r', closefd=True, opener=None)"),
    .new_ = file_new,
    .weaklist_offset = offsetof(FileObject, weakrefs),
    .dict_offset = offsetof(FileObject, dict),
    .methods = kMethods,
    .members = kMembers,
    .getset = kGetSet,
};

}  // namespace atl
