// posix: what its files share. The module's state, path arguments, system calls outside the GIL.
#pragma once

#include <cerrno>
#include <climits>
#include <memory>
#include <utility>

#include "Modules/module_def.h"
#include "Objects/bytes/shared.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/structseq.h"
#include "Objects/tuple.h"

namespace atl::posix {

struct State {
  PyObject* dir_entry;
  PyObject* scandir_iterator;
};
inline State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

// A path argument: str, bytes or os.PathLike; for Fd also an integer, for Nullable also None (the current directory).
struct Path {
  PyObject* given = nullptr;  // borrowed from the call
  Ref<> bytes;                // owns `c`
  const char* c = nullptr;    // NULL: fd, or missing
  int fd = -1;
  bool is_bytes = false;  // results are bytes
  bool is_fd() const { return c == nullptr && fd >= 0; }
};
struct PathOrFd : Path {};
struct PathOrFdOrNone : Path {};
// A directory's descriptor: None, missing or an integer.
struct DirFd {
  int fd = -100;  // AT_FDCWD
};
// uid_t and gid_t; -1 stands for "leave it".
struct UserId {
  uid_t id;
};
struct GroupId {
  gid_t id;
};
bool as_id(ThreadState& ts, PyObject* o, unsigned* out, const char* what);  // what: "uid" or "gid"
// A file descriptor, or an object with fileno().
struct Fileno {
  int fd = -1;
};

bool convert_path(ThreadState& ts, PyObject* o, const ArgPlace& place, bool allow_fd, bool allow_none, Path* out);
bool convert_dir_fd(ThreadState& ts, PyObject* o, DirFd* out);

// The error of the last system call, with the path as its filename.
inline Raised path_error(ThreadState& ts, const Path& p) {
  int e = errno;
  return raise_os_error(ts, e, p.given != nullptr && p.given != Py_None ? p.given : nullptr);
}
inline Raised path_error(ThreadState& ts, const Path& p, const Path& q) {
  int e = errno;
  return raise_os_error(ts, e, p.given, q.given);
}
inline Raised call_error(ThreadState& ts) { return raise_os_error(ts, errno); }

// Runs a system call without the GIL; errno is kept.
template <class F>
auto unlocked(F f) {
  PyThreadState* saved = PyEval_SaveThread();
  auto r = f();
  int e = errno;
  PyEval_RestoreThread(saved);
  errno = e;
  return r;
}
// The same, again after EINTR (PEP 475). False: a signal handler has raised.
template <class F, class R>
bool unlocked_retry(F f, R* result) {
  for (;;) {
    *result = unlocked(f);
    if (*result >= 0 || errno != EINTR) return true;
    if (PyErr_CheckSignals() < 0) return false;
  }
}

// C strings for exec: owns what it points to.
class Strings {
 public:
  bool init();
  bool add(PyObject* o);  // str, bytes or os.PathLike
  bool add_bytes(Ref<> bytes);
  char** data();  // terminated by NULL

 private:
  Ref<> list_;
  std::unique_ptr<char*[]> pointers_;
};
// `what` begins the messages: "execv() arg 2", "execve: argv".
bool take_argv(ThreadState& ts, PyObject* argv, Strings* out, const char* what);
bool take_env(ThreadState& ts, PyObject* mapping, Strings* out);

Ref<> name_as_given(ThreadState& ts, const char* name, size_t n, bool as_bytes);
Ref<> make_stat(ThreadState& ts, PyObject* m, const struct stat& st);

// The tables of methods, and what a file adds to the module.
extern const MethodSpec kFileMethods[];
extern const MethodSpec kPathMethods[];
extern const MethodSpec kDirMethods[];
extern const MethodSpec kProcessMethods[];
extern const MethodSpec kSpawnMethods[];
bool add_dir_types(PyObject* m);
bool add_constants(PyObject* m);
Ref<> make_environ(ThreadState& ts);

}  // namespace atl::posix

namespace atl {
template <>
struct ArgTraits<posix::Path> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, posix::Path* out) { return posix::convert_path(ts, o, p, false, false, out); }
};
template <>
struct ArgTraits<posix::PathOrFd> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, posix::PathOrFd* out) { return posix::convert_path(ts, o, p, true, false, out); }
};
template <>
struct ArgTraits<posix::PathOrFdOrNone> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, posix::PathOrFdOrNone* out) {
    return posix::convert_path(ts, o, p, true, true, out);
  }
};
template <>
struct ArgTraits<posix::DirFd> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, posix::DirFd* out) { return posix::convert_dir_fd(ts, o, out); }
};
template <>
struct ArgTraits<posix::UserId> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, posix::UserId* out) { return posix::as_id(ts, o, &out->id, "uid"); }
};
template <>
struct ArgTraits<posix::GroupId> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, posix::GroupId* out) { return posix::as_id(ts, o, &out->id, "gid"); }
};
template <>
struct ArgTraits<posix::Fileno> {
  static bool convert(ThreadState&, PyObject* o, const ArgPlace&, posix::Fileno* out) {
    out->fd = PyObject_AsFileDescriptor(o);
    return out->fd >= 0;
  }
};
}  // namespace atl
