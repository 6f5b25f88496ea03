// posix: path arguments, the status of files, what changes a file by its path.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "Modules/posix/posix.h"
#include "Objects/float/float.h"

namespace atl::posix {

bool convert_path(ThreadState& ts, PyObject* o, const ArgPlace& place, bool allow_fd, bool allow_none, Path* out) {
  ParamText param = place.sig->params[place.index];
  out->given = o;
  if (o == Py_None && allow_none) return true;
  if (allow_fd && PyIndex_Check(o)) {
    Ref<> index = number_index(ts, o);
    if (!index) return false;
    int64_t v;
    if (failed(int_as_i64(ts, index.get(), &v)) || v > INT32_MAX || v < INT32_MIN) {
      error_clear(ts);
      (void)raise(ts, PyExc_OverflowError, "fd is %s than %s", PyLong_AsLongLong(index.get()) < 0 ? "less" : "greater",
                  PyLong_AsLongLong(index.get()) < 0 ? "minimum" : "maximum");
      return false;
    }
    out->fd = static_cast<int>(v);
    if (out->fd < 0) out->fd = INT32_MAX;  // no descriptor: the call says EBADF
    return true;
  }
  Ref<> text = Ref<>::dup_of(o);
  if (!is_str(o) && !PyBytes_Check(o)) {
    Ref<> method;
    text.reset();
    if (PyObject_HasAttrString(reinterpret_cast<PyObject*>(Py_TYPE(o)), "__fspath__")) {
      text = Ref<>::steal(PyOS_FSPath(o));
      if (!text) return false;
    } else {
      const char* expected = allow_fd && allow_none ? "string, bytes, os.PathLike, integer or None"
                             : allow_fd             ? "string, bytes, os.PathLike or integer"
                             : allow_none           ? "string, bytes, os.PathLike or None"
                                                    : "string, bytes or os.PathLike";
      char name[32];
      std::snprintf(name, sizeof name, "%.*s", static_cast<int>(param.name_size), param.name);
      if (!PyObject_CheckBuffer(o)) {
        (void)raise(ts, PyExc_TypeError, "%s: %s should be %s, not %T", place.sig->function, name, expected, o);
        return false;
      }
      // Other bytes-like objects are on their way out.
      if (failed(warn(ts, PyExc_DeprecationWarning, 1, "%s: %s should be %s, not %s", place.sig->function, name, expected, o->ob_type->tp_name))) {
        return false;
      }
      text = Ref<>::steal(PyBytes_FromObject(o));
      if (!text) return false;
    }
  }
  out->is_bytes = PyBytes_Check(text.get());
  out->bytes = out->is_bytes ? std::move(text) : Ref<>::steal(PyUnicode_EncodeFSDefault(text.get()));
  if (!out->bytes) return false;
  out->c = PyBytes_AsString(out->bytes.get());
  if (std::strlen(out->c) != static_cast<size_t>(PyBytes_Size(out->bytes.get()))) {
    char name[32];
    std::snprintf(name, sizeof name, "%.*s", static_cast<int>(param.name_size), param.name);
    (void)raise(ts, PyExc_ValueError, "%s: embedded null character in %s", place.sig->function, name);
    return false;
  }
  return true;
}

bool convert_dir_fd(ThreadState& ts, PyObject* o, DirFd* out) {
  if (o == Py_None) return true;
  if (!PyIndex_Check(o)) {
    (void)raise(ts, PyExc_TypeError, "argument should be integer or None, not %T", o);
    return false;
  }
  Ref<> index = number_index(ts, o);
  int64_t v;
  if (!index || failed(int_as_i64(ts, index.get(), &v))) return false;
  out->fd = static_cast<int>(v);
  return true;
}

Ref<> name_as_given(ThreadState&, const char* name, size_t n, bool as_bytes) {
  Py_ssize_t size = static_cast<Py_ssize_t>(n);
  return Ref<>::steal(as_bytes ? PyBytes_FromStringAndSize(name, size) : PyUnicode_DecodeFSDefaultAndSize(name, size));
}

Ref<> make_stat(ThreadState& ts, PyObject*, const struct stat& st) {
  Ref<> r = Ref<>::steal(PyStructSequence_New(&atoll_stat_result_type));
  if (!r) return {};
  auto put = [&](int i, PyObject* v) { PyStructSequence_SetItem(r.get(), i, v); };
  put(0, int_from_i64(ts, st.st_mode).release());
  put(1, PyLong_FromUnsignedLongLong(st.st_ino));
  put(2, PyLong_FromUnsignedLongLong(st.st_dev));
  put(3, PyLong_FromUnsignedLongLong(st.st_nlink));
  put(4, int_from_i64(ts, st.st_uid).release());
  put(5, int_from_i64(ts, st.st_gid).release());
  put(6, int_from_i64(ts, st.st_size).release());
  const timespec* times[3] = {&st.st_atim, &st.st_mtim, &st.st_ctim};
  for (int i = 0; i < 3; ++i) {
    int64_t s = times[i]->tv_sec, ns = times[i]->tv_nsec;
    put(7 + i, int_from_i64(ts, s).release());
    put(10 + i, new_float(ts, static_cast<double>(s) + 1e-9 * static_cast<double>(ns)).release());
    int64_t all;
    if (!__builtin_mul_overflow(s, 1000000000, &all) && !__builtin_add_overflow(all, ns, &all)) {
      put(13 + i, int_from_i64(ts, all).release());
    } else {
      Ref<> seconds = int_from_i64(ts, s), billion = int_from_i64(ts, 1000000000), rest = int_from_i64(ts, ns);
      Ref<> product = Ref<>::steal(PyNumber_Multiply(seconds.get(), billion.get()));
      if (!product) return {};
      put(13 + i, PyNumber_Add(product.get(), rest.get()));
    }
  }
  put(16, int_from_i64(ts, st.st_blksize).release());
  put(17, int_from_i64(ts, st.st_blocks).release());
  put(18, PyLong_FromUnsignedLongLong(st.st_rdev));
  return error_set(ts) ? Ref<>() : std::move(r);
}

namespace {

bool fd_with(ThreadState& ts, const Path& p, DirFd dir, bool follow, const char* function) {
  if (!p.is_fd()) return true;
  if (dir.fd != AT_FDCWD) {
    (void)raise(ts, PyExc_ValueError, "%s: can't specify dir_fd without matching path", function);
    return false;
  }
  if (!follow) {
    (void)raise(ts, PyExc_ValueError, "%s: cannot use fd and follow_symlinks together", function);
    return false;
  }
  return true;
}

Ref<> m_stat(ThreadState& ts, PyObject* m, const PathOrFd& path, DirFd dir, bool follow) {
  if (!fd_with(ts, path, dir, follow, "stat")) return {};
  struct stat st;
  int r = unlocked([&] {
    return path.is_fd() ? fstat(path.fd, &st) : fstatat(dir.fd, path.c, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW);
  });
  return r < 0 ? Ref<>(path_error(ts, path)) : make_stat(ts, m, st);
}
Ref<> m_lstat(ThreadState& ts, PyObject* m, const Path& path, DirFd dir) {
  struct stat st;
  int r = unlocked([&] { return fstatat(dir.fd, path.c, &st, AT_SYMLINK_NOFOLLOW); });
  return r < 0 ? Ref<>(path_error(ts, path)) : make_stat(ts, m, st);
}
Ref<> make_statvfs(ThreadState& ts, PyObject*, const struct statvfs& st) {
  Ref<> r = Ref<>::steal(PyStructSequence_New(&atoll_statvfs_result_type));
  if (!r) return {};
  unsigned long long values[11] = {st.f_bsize, st.f_frsize, st.f_blocks, st.f_bfree, st.f_bavail, st.f_files,
                                   st.f_ffree, st.f_favail, st.f_flag, st.f_namemax, st.f_fsid};
  for (int i = 0; i < 11; ++i) PyStructSequence_SetItem(r.get(), i, PyLong_FromUnsignedLongLong(values[i]));
  return error_set(ts) ? Ref<>() : std::move(r);
}
Ref<> m_statvfs(ThreadState& ts, PyObject* m, const PathOrFd& path) {
  struct statvfs st;
  int r = unlocked([&] { return path.is_fd() ? fstatvfs(path.fd, &st) : statvfs(path.c, &st); });
  return r < 0 ? Ref<>(path_error(ts, path)) : make_statvfs(ts, m, st);
}
Ref<> m_fstatvfs(ThreadState& ts, PyObject* m, int fd) {
  struct statvfs st;
  if (unlocked([&] { return fstatvfs(fd, &st); }) < 0) return call_error(ts);
  return make_statvfs(ts, m, st);
}
Ref<> m_access(ThreadState&, PyObject*, const Path& path, int mode, DirFd dir, bool effective, bool follow) {
  int r = unlocked([&] { return faccessat(dir.fd, path.c, mode, (effective ? AT_EACCESS : 0) | (follow ? 0 : AT_SYMLINK_NOFOLLOW)); });
  return Ref<>::steal(PyBool_FromLong(r == 0));
}
Ref<> done(ThreadState& ts, int r, const Path& p) { return r < 0 ? Ref<>(path_error(ts, p)) : new_none(); }

Ref<> m_chmod(ThreadState& ts, PyObject*, const PathOrFd& path, int mode, DirFd dir, bool follow) {
  if (!fd_with(ts, path, dir, follow, "chmod")) return {};
  if (!follow) return raise(ts, PyExc_NotImplementedError, "chmod: follow_symlinks unavailable on this platform");
  mode_t bits = static_cast<mode_t>(mode);
  return done(ts, unlocked([&] { return path.is_fd() ? fchmod(path.fd, bits) : fchmodat(dir.fd, path.c, bits, 0); }), path);
}
Ref<> m_chown(ThreadState& ts, PyObject*, const PathOrFd& path, UserId uid, GroupId gid, DirFd dir, bool follow) {
  if (!fd_with(ts, path, dir, follow, "chown")) return {};
  return done(ts, unlocked([&] {
    return path.is_fd() ? fchown(path.fd, uid.id, gid.id) : fchownat(dir.fd, path.c, uid.id, gid.id, follow ? 0 : AT_SYMLINK_NOFOLLOW);
  }), path);
}
Ref<> m_lchown(ThreadState& ts, PyObject*, const Path& path, UserId uid, GroupId gid) {
  return done(ts, unlocked([&] { return lchown(path.c, uid.id, gid.id); }), path);
}
Ref<> m_chdir(ThreadState& ts, PyObject*, const PathOrFd& path) {
  return done(ts, unlocked([&] { return path.is_fd() ? fchdir(path.fd) : chdir(path.c); }), path);
}
Ref<> m_chroot(ThreadState& ts, PyObject*, const Path& path) { return done(ts, unlocked([&] { return chroot(path.c); }), path); }
Ref<> m_mkdir(ThreadState& ts, PyObject*, const Path& path, int mode, DirFd dir) {
  if (PySys_Audit("os.mkdir", "Oii", path.given, mode, dir.fd == AT_FDCWD ? -1 : dir.fd) < 0) return {};
  return done(ts, unlocked([&] { return mkdirat(dir.fd, path.c, static_cast<mode_t>(mode)); }), path);
}
Ref<> m_rmdir(ThreadState& ts, PyObject*, const Path& path, DirFd dir) {
  if (PySys_Audit("os.rmdir", "Oi", path.given, dir.fd == AT_FDCWD ? -1 : dir.fd) < 0) return {};
  return done(ts, unlocked([&] { return unlinkat(dir.fd, path.c, AT_REMOVEDIR); }), path);
}
Ref<> m_unlink(ThreadState& ts, PyObject*, const Path& path, DirFd dir) {
  if (PySys_Audit("os.remove", "Oi", path.given, dir.fd == AT_FDCWD ? -1 : dir.fd) < 0) return {};
  return done(ts, unlocked([&] { return unlinkat(dir.fd, path.c, 0); }), path);
}
Ref<> m_rename(ThreadState& ts, PyObject*, const Path& src, const Path& dst, DirFd from, DirFd to) {
  if (unlocked([&] { return renameat(from.fd, src.c, to.fd, dst.c); }) < 0) return path_error(ts, src, dst);
  return new_none();
}
Ref<> m_link(ThreadState& ts, PyObject*, const Path& src, const Path& dst, DirFd from, DirFd to, bool follow) {
  if (unlocked([&] { return linkat(from.fd, src.c, to.fd, dst.c, follow ? AT_SYMLINK_FOLLOW : 0); }) < 0) return path_error(ts, src, dst);
  return new_none();
}
Ref<> m_symlink(ThreadState& ts, PyObject*, const Path& src, const Path& dst, bool, DirFd dir) {
  if (unlocked([&] { return symlinkat(src.c, dir.fd, dst.c); }) < 0) return path_error(ts, src, dst);
  return new_none();
}
Ref<> m_readlink(ThreadState& ts, PyObject*, const Path& path, DirFd dir) {
  char target[4097];
  ssize_t n = unlocked([&] { return readlinkat(dir.fd, path.c, target, sizeof target); });
  return n < 0 ? Ref<>(path_error(ts, path)) : name_as_given(ts, target, static_cast<size_t>(n), path.is_bytes);
}
Ref<> m_truncate(ThreadState& ts, PyObject*, const PathOrFd& path, Py_ssize_t length) {
  return done(ts, unlocked([&] { return path.is_fd() ? ftruncate(path.fd, length) : truncate(path.c, length); }), path);
}
Ref<> m_mkfifo(ThreadState& ts, PyObject*, const Path& path, int mode, DirFd dir) {
  return done(ts, unlocked([&] { return mkfifoat(dir.fd, path.c, static_cast<mode_t>(mode)); }), path);
}
Ref<> m_mknod(ThreadState& ts, PyObject*, const Path& path, int mode, Py_ssize_t device, DirFd dir) {
  return done(ts, unlocked([&] { return mknodat(dir.fd, path.c, static_cast<mode_t>(mode), static_cast<dev_t>(device)); }), path);
}
template <auto kPart>
Ref<> part_of_device(ThreadState& ts, PyObject*, PyObject* device) {
  Ref<> index = number_index(ts, device);
  if (!index) return {};
  unsigned long long number = PyLong_AsUnsignedLongLong(index.get());
  return error_set(ts) ? Ref<>() : int_from_i64(ts, kPart(number));
}
unsigned major_of(dev_t device) { return major(device); }
unsigned minor_of(dev_t device) { return minor(device); }
Ref<> m_makedev(ThreadState& ts, PyObject*, int ma, int mi) {
  return int_from_i64(ts, static_cast<int64_t>(makedev(static_cast<unsigned>(ma), static_cast<unsigned>(mi))));
}

// ---- utime -------------------------------------------------------------------------------------------------------

bool seconds_as_timespec(ThreadState& ts, PyObject* o, timespec* out) {
  if (is_float(o)) {
    double d = float_value(o);
    double whole = std::floor(d);
    if (std::isnan(d) || !(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0)) {
      (void)raise(ts, std::isnan(d) ? PyExc_ValueError : PyExc_OverflowError,
                  std::isnan(d) ? "Invalid value NaN (not a number)" : "timestamp out of range for platform time_t");
      return false;
    }
    out->tv_sec = static_cast<time_t>(whole);
    out->tv_nsec = static_cast<long>(std::floor((d - whole) * 1e9));
    if (out->tv_nsec >= 1000000000) ++out->tv_sec, out->tv_nsec -= 1000000000;
    return true;
  }
  int64_t v;
  Ref<> index = number_index(ts, o);
  if (!index || failed(int_as_i64(ts, index.get(), &v))) return false;
  *out = {v, 0};
  return true;
}
bool ns_as_timespec(ThreadState& ts, PyObject* o, timespec* out) {
  Ref<> billion = int_from_i64(ts, 1000000000);
  Ref<> pair = Ref<>::steal(PyNumber_Divmod(o, billion.get()));
  if (!pair) return false;
  int64_t s, n;
  if (!is_tuple(pair.get()) || tuple_size(pair.get()) != 2) {
    (void)raise(ts, PyExc_TypeError, "%T.__divmod__() must return a 2-tuple, not %T", o, pair.get());
    return false;
  }
  if (failed(int_as_i64(ts, tuple_peek(pair.get(), 0), &s)) || failed(int_as_i64(ts, tuple_peek(pair.get(), 1), &n))) return false;
  *out = {s, static_cast<long>(n)};
  return true;
}
Ref<> m_utime(ThreadState& ts, PyObject*, const PathOrFd& path, PyObject* times, PyObject* ns, DirFd dir, bool follow) {
  timespec t[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
  bool has_times = times != nullptr && times != Py_None;
  if (has_times && ns != nullptr) return raise(ts, PyExc_ValueError, "utime: you may specify either 'times' or 'ns' but not both");
  if (has_times) {
    if (!is_tuple(times) || tuple_size(times) != 2) return raise(ts, PyExc_TypeError, "utime: 'times' must be either a tuple of two ints or None");
    if (!seconds_as_timespec(ts, tuple_peek(times, 0), &t[0]) || !seconds_as_timespec(ts, tuple_peek(times, 1), &t[1])) return {};
  } else if (ns != nullptr) {
    if (!is_tuple(ns) || tuple_size(ns) != 2) return raise(ts, PyExc_TypeError, "utime: 'ns' must be a tuple of two ints");
    if (!ns_as_timespec(ts, tuple_peek(ns, 0), &t[0]) || !ns_as_timespec(ts, tuple_peek(ns, 1), &t[1])) return {};
  }
  if (!fd_with(ts, path, dir, follow, "utime")) return {};
  return done(ts, unlocked([&] {
    return path.is_fd() ? futimens(path.fd, t) : utimensat(dir.fd, path.c, t, follow ? 0 : AT_SYMLINK_NOFOLLOW);
  }), path);
}

// ---- extended attributes -----------------------------------------------------------------------------------------

Ref<> m_getxattr(ThreadState& ts, PyObject*, const PathOrFd& path, const Path& name, bool follow) {
  if (!fd_with(ts, path, {}, follow, "getxattr")) return {};
  for (size_t size = 256;; size = XATTR_SIZE_MAX) {
    Ref<> value = Ref<>::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
    if (!value) return {};
    char* to = PyBytes_AsString(value.get());
    ssize_t n = unlocked([&] {
      return path.is_fd() ? fgetxattr(path.fd, name.c, to, size) : follow ? getxattr(path.c, name.c, to, size) : lgetxattr(path.c, name.c, to, size);
    });
    if (n >= 0) return Ref<>::steal(PyBytes_FromStringAndSize(to, n));
    if (errno != ERANGE || size == XATTR_SIZE_MAX) return path_error(ts, path);
  }
}
Ref<> m_setxattr(ThreadState& ts, PyObject*, const PathOrFd& path, const Path& name, const BufferArg& v, int flags, bool follow) {
  if (!fd_with(ts, path, {}, follow, "setxattr")) return {};
  size_t n = static_cast<size_t>(v.size());
  return done(ts, unlocked([&] {
    return path.is_fd() ? fsetxattr(path.fd, name.c, v.data(), n, flags)
           : follow     ? setxattr(path.c, name.c, v.data(), n, flags)
                        : lsetxattr(path.c, name.c, v.data(), n, flags);
  }), path);
}
Ref<> m_removexattr(ThreadState& ts, PyObject*, const PathOrFd& path, const Path& name, bool follow) {
  if (!fd_with(ts, path, {}, follow, "removexattr")) return {};
  return done(ts, unlocked([&] {
    return path.is_fd() ? fremovexattr(path.fd, name.c) : follow ? removexattr(path.c, name.c) : lremovexattr(path.c, name.c);
  }), path);
}
Ref<> m_listxattr(ThreadState& ts, PyObject*, const PathOrFdOrNone& path, bool follow) {
  if (!fd_with(ts, path, {}, follow, "listxattr")) return {};
  const char* c = path.c != nullptr ? path.c : ".";
  Ref<> buffer = Ref<>::steal(PyBytes_FromStringAndSize(nullptr, XATTR_LIST_MAX));
  Ref<> list = Ref<>::steal(PyList_New(0));
  if (!buffer || !list) return {};
  char* to = PyBytes_AsString(buffer.get());
  ssize_t n = unlocked([&] {
    return path.is_fd() ? flistxattr(path.fd, to, XATTR_LIST_MAX) : follow ? listxattr(c, to, XATTR_LIST_MAX) : llistxattr(c, to, XATTR_LIST_MAX);
  });
  if (n < 0) return path_error(ts, path);
  for (const char* p = to; p < to + n; p += std::strlen(p) + 1) {
    Ref<> name = name_as_given(ts, p, std::strlen(p), false);
    if (!name || PyList_Append(list.get(), name.get()) < 0) return {};
  }
  return list;
}
Ref<> m_pathconf(ThreadState& ts, PyObject*, const PathOrFd& path, int name) {
  errno = 0;
  long r = path.is_fd() ? fpathconf(path.fd, name) : pathconf(path.c, name);
  return r == -1 && errno != 0 ? Ref<>(path_error(ts, path)) : int_from_i64(ts, r);
}

constexpr PyStructSequence_Field kStatFields[] = {
    {"st_mode", "protection bits"},
    {"st_ino", "inode"},
    {"st_dev", "device"},
    {"st_nlink", "number of hard links"},
    {"st_uid", "user ID of owner"},
    {"st_gid", "group ID of owner"},
    {"st_size", "total size, in bytes"},
    {kUnnamedField, "integer time of last access"},
    {kUnnamedField, "integer time of last modification"},
    {kUnnamedField, "integer time of last change"},
    {"st_atime", "time of last access"},
    {"st_mtime", "time of last modification"},
    {"st_ctime", "time of last change"},
    {"st_atime_ns", "time of last access in nanoseconds"},
    {"st_mtime_ns", "time of last modification in nanoseconds"},
    {"st_ctime_ns", "time of last change in nanoseconds"},
    {"st_blksize", "blocksize for filesystem I/O"},
    {"st_blocks", "number of blocks allocated"},
    {"st_rdev", "device type (if inode device)"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kStatvfsFields[] = {
    {"f_bsize", nullptr},
    {"f_frsize", nullptr},
    {"f_blocks", nullptr},
    {"f_bfree", nullptr},
    {"f_bavail", nullptr},
    {"f_files", nullptr},
    {"f_ffree", nullptr},
    {"f_favail", nullptr},
    {"f_flag", nullptr},
    {"f_namemax", nullptr},
    {"f_fsid", nullptr},
    {nullptr, nullptr}};

}  // namespace

constexpr MethodSpec kPathMethods[] = {
    ATOLL_METHOD(m_stat, "stat", "($module, /, path, *, dir_fd=None, follow_symlinks=True)", "The status of a file."),
    ATOLL_METHOD(m_lstat, "lstat", "($module, /, path, *, dir_fd=None)", "The status of a file, not following symbolic links."),
    ATOLL_METHOD(m_statvfs, "statvfs", "($module, /, path)", "The status of a file system."),
    ATOLL_METHOD(m_fstatvfs, "fstatvfs", "($module, fd, /)", "The status of a descriptor's file system."),
    ATOLL_METHOD(m_access, "access", "($module, /, path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True)", "May the user access the path?"),
    ATOLL_METHOD(m_chmod, "chmod", "($module, /, path, mode, *, dir_fd=None, follow_symlinks=True)", "Change access rights."),
    ATOLL_METHOD(m_chown, "chown", "($module, /, path, uid, gid, *, dir_fd=None, follow_symlinks=True)", "Change the owner."),
    ATOLL_METHOD(m_lchown, "lchown", "($module, /, path, uid, gid)", "Change the owner, not following symbolic links."),
    ATOLL_METHOD(m_chdir, "chdir", "($module, /, path)", "Change the current directory."),
    ATOLL_METHOD(m_chroot, "chroot", "($module, /, path)", "Change the root directory."),
    ATOLL_METHOD(m_mkdir, "mkdir", "($module, /, path, mode=511, *, dir_fd=None)", "Make a directory."),
    ATOLL_METHOD(m_rmdir, "rmdir", "($module, /, path, *, dir_fd=None)", "Remove a directory."),
    ATOLL_METHOD(m_unlink, "unlink", "($module, /, path, *, dir_fd=None)", "Remove a file."),
    ATOLL_METHOD(m_unlink, "remove", "($module, /, path, *, dir_fd=None)", "Remove a file."),
    ATOLL_METHOD(m_rename, "rename", "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None)", "Rename a file or directory."),
    ATOLL_METHOD(m_rename, "replace", "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None)", "Rename, overwriting the destination."),
    ATOLL_METHOD(m_link, "link", "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None, follow_symlinks=True)", "Make a hard link."),
    ATOLL_METHOD(m_symlink, "symlink", "($module, /, src, dst, target_is_directory=False, *, dir_fd=None)", "Make a symbolic link."),
    ATOLL_METHOD(m_readlink, "readlink", "($module, /, path, *, dir_fd=None)", "Where a symbolic link points to."),
    ATOLL_METHOD(m_truncate, "truncate", "($module, /, path, length)", "Set a file's length."),
    ATOLL_METHOD(m_mkfifo, "mkfifo", "($module, /, path, mode=438, *, dir_fd=None)", "Make a named pipe."),
    ATOLL_METHOD(m_mknod, "mknod", "($module, /, path, mode=384, device=0, *, dir_fd=None)", "Make a node of a file system."),
    ATOLL_METHOD(part_of_device<major_of>, "major", "($module, device, /)", "A device's major number."),
    ATOLL_METHOD(part_of_device<minor_of>, "minor", "($module, device, /)", "A device's minor number."),
    ATOLL_METHOD(m_makedev, "makedev", "($module, major, minor, /)", "A device's number."),
    ATOLL_METHOD(m_utime, "utime", "($module, /, path, times=None, *, ns=<unrepresentable>, dir_fd=None, follow_symlinks=True)", "Set a file's times."),
    ATOLL_METHOD(m_getxattr, "getxattr", "($module, /, path, attribute, *, follow_symlinks=True)", "An extended attribute."),
    ATOLL_METHOD(m_setxattr, "setxattr", "($module, /, path, attribute, value, flags=0, *, follow_symlinks=True)", "Set an extended attribute."),
    ATOLL_METHOD(m_removexattr, "removexattr", "($module, /, path, attribute, *, follow_symlinks=True)", "Remove an extended attribute."),
    ATOLL_METHOD(m_listxattr, "listxattr", "($module, /, path=None, *, follow_symlinks=True)", "The names of a file's extended attributes."),
    ATOLL_METHOD(m_pathconf, "pathconf", "($module, /, path, name)", "A limit of a file."),
    ATOLL_METHOD_END};

}  // namespace atl::posix

namespace atl {
constinit const StructSpec posix_stat_result_struct{"os.stat_result", "The status of a file.", posix::kStatFields, 10};
constinit const StructSpec posix_statvfs_result_struct{"os.statvfs_result", "The status of a file system.", posix::kStatvfsFields, 10};
}  // namespace atl
