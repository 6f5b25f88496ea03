// _socket: the socket type.
//
// A socket with a timeout is non-blocking for the system; each operation waits for readiness by poll, until its deadline, and tries
// again when the system says that it would block after all. Interrupted calls go on, unless a signal handler raised.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <vector>

#include "Modules/socket/socket.h"
#include "structmember.h"

namespace atl::socket {

namespace {

using posix::call_error;
using posix::unlocked;

PyObject* raise_errno() { return PyErr_SetFromErrno(PyExc_OSError); }

Raised timed_out(ThreadState& ts) { return raise(ts, PyExc_TimeoutError, "timed out"); }

// ---- waiting -----------------------------------------------------------------------------------------------------

enum class Wait { kReady, kTimeout, kRaised };

// Until the socket is ready for the events, at most until the deadline.
Wait wait_for(ThreadState& ts, SocketObject* s, short events, int64_t deadline) {
  for (;;) {
    int64_t ms = -1;
    if (deadline != INT64_MAX) {
      int64_t left = deadline - monotonic_ns();
      if (left < 0) return Wait::kTimeout;
      ms = ns_to_ms_up(left);
      if (ms > INT_MAX) ms = INT_MAX;
    }
    pollfd p{s->fd, events, 0};
    int r = unlocked([&] { return poll(&p, 1, static_cast<int>(ms)); });
    if (r > 0) return Wait::kReady;
    if (r == 0) {
      if (deadline == INT64_MAX || monotonic_ns() < deadline) continue;
      return Wait::kTimeout;
    }
    if (errno != EINTR) {
      (void)call_error(ts);
      return Wait::kRaised;
    }
    if (PyErr_CheckSignals() < 0) return Wait::kRaised;
  }
}

int64_t deadline_of(const SocketObject* s) { return s->timeout > 0 ? deadline_after(s->timeout) : INT64_MAX; }

// Runs a call until it succeeds: true, with its result. False: an exception is set.
template <class F, class R>
bool perform(ThreadState& ts, SocketObject* s, short events, int64_t deadline, F operation, R* result) {
  for (;;) {
    if (s->timeout > 0) {
      switch (wait_for(ts, s, events, deadline)) {
        case Wait::kReady:
          break;
        case Wait::kTimeout:
          (void)timed_out(ts);
          return false;
        case Wait::kRaised:
          return false;
      }
    }
    *result = unlocked(operation);
    if (*result >= 0) return true;
    if (errno == EINTR) {
      if (PyErr_CheckSignals() < 0) return false;
      continue;
    }
    if (s->timeout > 0 && (errno == EWOULDBLOCK || errno == EAGAIN)) continue;
    (void)call_error(ts);
    return false;
  }
}

// ---- making and closing ------------------------------------------------------------------------------------------

// Takes over the descriptor.
Status adopt(ThreadState& ts, State& state, SocketObject* s, int fd, int family, int type, int protocol) {
  s->fd = fd;
  s->family = family;
  s->type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  s->protocol = protocol;
  s->error_handler = raise_errno;
  if (type & SOCK_NONBLOCK) {
    s->timeout = 0;
    return Status::kOk;
  }
  s->timeout = state.default_timeout;
  return s->timeout >= 0 ? set_nonblocking(ts, s, true) : Status::kOk;
}

PyObject* socket_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  as_socket(o)->fd = -1;
  as_socket(o)->timeout = -1;
  as_socket(o)->error_handler = raise_errno;
  return o;
}

Status socket_init(ThreadState& ts, SocketObject* s, PyObject* family_arg, PyObject* type_arg, PyObject* protocol_arg, PyObject* fileno) {
  State* state = state_of_type(s->ob_base.ob_type);
  if (state == nullptr) return Status::kError;
  int numbers[3] = {-1, -1, -1};
  int i = 0;
  for (PyObject* o : {family_arg, type_arg, protocol_arg}) {
    if (o != nullptr) {
      Ref<> index = number_index(ts, o);
      if (!index) return Status::kError;
      numbers[i] = _PyLong_AsInt(index.get());
      if (error_set(ts)) return Status::kError;
    }
    ++i;
  }
  int family = numbers[0], type = numbers[1], protocol = numbers[2];
  if (PySys_Audit("socket.__new__", "Oiii", obj(s), family, type, protocol) < 0) return Status::kError;
  int fd;
  if (fileno != nullptr && fileno != Py_None) {
    Ref<> index = number_index(ts, fileno);
    if (!index) return Status::kError;
    fd = _PyLong_AsInt(index.get());
    if (error_set(ts)) return Status::kError;
    if (fd < 0) return raise(ts, PyExc_ValueError, "negative file descriptor");
    Address address{};
    socklen_t size = sizeof address;
    if (getsockname(fd, &address.any, &size) == 0) {
      if (family == -1) family = address.any.sa_family;
    } else if (family == -1 || errno == EBADF || errno == ENOTSOCK) {
      return call_error(ts);
    }
    size = sizeof(int);
    if (type == -1 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) return call_error(ts);
    size = sizeof(int);
    if (protocol == -1 && getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0) return call_error(ts);
  } else {
    if (family == -1) family = AF_INET;
    if (type == -1) type = SOCK_STREAM;
    if (protocol == -1) protocol = 0;
    fd = unlocked([&] { return ::socket(family, type | SOCK_CLOEXEC, protocol); });
    if (fd < 0) return call_error(ts);
  }
  if (s->fd >= 0) close(s->fd);  // initialised once more
  return adopt(ts, *state, s, fd, family, type, protocol);
}

void socket_finalize(PyObject* o) {
  ThreadState& ts = current_thread();
  ErrorStash stash(ts);
  SocketObject* s = as_socket(o);
  if (s->fd < 0) return;
  if (PyErr_ResourceWarning(o, 1, "unclosed %R", o) < 0) {
    // Spurious errors can appear at shutdown.
    if (PyErr_ExceptionMatches(PyExc_Warning)) {
      write_unraisable(ts, o);
    } else {
      error_clear(ts);
    }
  }
  int fd = std::exchange(s->fd, -1);
  unlocked([fd] { return close(fd); });
}
void socket_dealloc(PyObject* o) {
  if (PyObject_CallFinalizerFromDealloc(o) < 0) return;
  heap_instance_free(o);
}
Ref<> socket_repr(ThreadState& ts, PyObject* o) {
  SocketObject* s = as_socket(o);
  return str_format(ts, "<socket object, fd=%ld, family=%d, type=%d, proto=%d>", static_cast<long>(s->fd), s->family, s->type, s->protocol);
}

Status m_close(ThreadState& ts, SocketObject* s) {
  int fd = std::exchange(s->fd, -1);
  if (fd < 0) return Status::kOk;
  // A peer's reset does not keep the descriptor from being closed.
  if (unlocked([fd] { return close(fd); }) < 0 && errno != ECONNRESET) return call_error(ts);
  return Status::kOk;
}
Ref<> m_detach(ThreadState& ts, SocketObject* s) { return int_from_i64(ts, std::exchange(s->fd, -1)); }
Ref<> m_fileno(ThreadState& ts, SocketObject* s) { return int_from_i64(ts, s->fd); }

Ref<> m_accept(ThreadState& ts, SocketObject* s) {
  Address address{};
  socklen_t size = 0;
  int fd;
  if (!perform(ts, s, POLLIN, deadline_of(s),
               [&] {
                 size = sizeof address;
                 return accept4(s->fd, &address.any, &size, SOCK_CLOEXEC);
               },
               &fd)) {
    return {};
  }
  Ref<> from = address_to_python(ts, address, size, s->protocol);
  if (!from) {
    close(fd);
    return {};
  }
  return Ref<>::steal(Py_BuildValue("(iO)", fd, from.get()));
}

// ---- timeouts ----------------------------------------------------------------------------------------------------

Status m_setblocking(ThreadState& ts, SocketObject* s, PyObject* flag) {
  Ref<> index = number_index(ts, flag);
  int block = index ? _PyLong_AsInt(index.get()) : -1;
  if (error_set(ts)) return Status::kError;
  s->timeout = block != 0 ? -1 : 0;
  return set_nonblocking(ts, s, block == 0);
}
Tri m_getblocking(ThreadState&, SocketObject* s) { return tri(s->timeout != 0); }
Status m_settimeout(ThreadState& ts, SocketObject* s, PyObject* timeout) {
  int64_t ns;
  if (failed(parse_timeout(ts, timeout, &ns))) return Status::kError;
  s->timeout = ns;
  return set_nonblocking(ts, s, ns >= 0);
}
Ref<> m_gettimeout(ThreadState& ts, SocketObject* s) { return timeout_number(ts, s->timeout); }

// ---- addresses ---------------------------------------------------------------------------------------------------

Status m_bind(ThreadState& ts, SocketObject* s, PyObject* where) {
  Address address;
  socklen_t size;
  if (failed(address_from_python(ts, s, where, "bind", &address, &size)) || PySys_Audit("socket.bind", "OO", obj(s), where) < 0) return Status::kError;
  return unlocked([&] { return bind(s->fd, &address.any, size); }) < 0 ? Status(call_error(ts)) : Status::kOk;
}

// 0, or the errno of the failure; -1 with an exception set when a signal handler raised.
int connect_now(ThreadState& ts, SocketObject* s, const Address& address, socklen_t size, bool* timeout) {
  int64_t deadline = deadline_of(s);
  *timeout = false;
  if (unlocked([&] { return connect(s->fd, &address.any, size); }) == 0) return 0;
  int error = errno;
  // An interrupted connect goes on in the background; with a timeout it does from the start.
  if (error == EINTR && PyErr_CheckSignals() < 0) return -1;
  if (!(error == EINTR && s->timeout != 0) && !(error == EINPROGRESS && s->timeout > 0)) return error;
  switch (wait_for(ts, s, POLLOUT, deadline)) {
    case Wait::kTimeout:
      *timeout = true;
      return EWOULDBLOCK;
    case Wait::kRaised:
      return -1;
    case Wait::kReady:
      break;
  }
  socklen_t length = sizeof error;
  if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
  return error;
}
Ref<> m_connect(ThreadState& ts, SocketObject* s, PyObject* where) {
  Address address;
  socklen_t size;
  if (failed(address_from_python(ts, s, where, "connect", &address, &size)) || PySys_Audit("socket.connect", "OO", obj(s), where) < 0) return {};
  bool timeout;
  int error = connect_now(ts, s, address, size, &timeout);
  if (error < 0) return {};
  if (timeout) return timed_out(ts);
  return error != 0 ? Ref<>(raise_os_error(ts, error)) : new_none();
}
Ref<> m_connect_ex(ThreadState& ts, SocketObject* s, PyObject* where) {
  Address address;
  socklen_t size;
  if (failed(address_from_python(ts, s, where, "connect_ex", &address, &size)) || PySys_Audit("socket.connect", "OO", obj(s), where) < 0) return {};
  bool timeout;
  int error = connect_now(ts, s, address, size, &timeout);
  return error < 0 ? Ref<>() : int_from_i64(ts, error);
}
template <auto kCall>
Ref<> ask_name(ThreadState& ts, SocketObject* s) {
  Address address{};
  socklen_t size = sizeof address;
  if (unlocked([&] { return kCall(s->fd, &address.any, &size); }) < 0) return call_error(ts);
  return address_to_python(ts, address, size, s->protocol);
}
Ref<> m_listen(ThreadState& ts, SocketObject* s, PyObject* backlog) {
  int n = SOMAXCONN < 128 ? SOMAXCONN : 128;
  if (backlog != nullptr) {
    Ref<> index = number_index(ts, backlog);
    if (!index) return {};
    n = _PyLong_AsInt(index.get());
    if (error_set(ts)) return {};
  }
  if (n < 0) n = 0;
  return unlocked([&] { return listen(s->fd, n); }) < 0 ? Ref<>(call_error(ts)) : new_none();
}
Ref<> m_shutdown(ThreadState& ts, SocketObject* s, int how) {
  return unlocked([&] { return shutdown(s->fd, how); }) < 0 ? Ref<>(call_error(ts)) : new_none();
}

// ---- options -----------------------------------------------------------------------------------------------------

Ref<> m_getsockopt(ThreadState& ts, SocketObject* s, int level, int name, int room) {
  if (room == 0) {
    if (s->family == AF_VSOCK) {
      uint64_t wide = 0;
      socklen_t size = sizeof wide;
      return getsockopt(s->fd, level, name, &wide, &size) < 0 ? Ref<>(call_error(ts)) : int_from_u64(ts, wide);
    }
    int flag = 0;
    socklen_t size = sizeof flag;
    return getsockopt(s->fd, level, name, &flag, &size) < 0 ? Ref<>(call_error(ts)) : int_from_i64(ts, flag);
  }
  if (s->family == AF_VSOCK) return raise(ts, PyExc_OSError, "getsockopt string buffer not allowed");
  if (room < 0 || room > 1024) return raise(ts, PyExc_OSError, "getsockopt buflen out of range");
  char value[1024];
  auto size = static_cast<socklen_t>(room);
  if (getsockopt(s->fd, level, name, value, &size) < 0) return call_error(ts);
  return bytes_from(ts, {value, size});
}
Status arg_int(ThreadState& ts, PyObject* o, int* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return Status::kError;
  *out = _PyLong_AsInt(index.get());
  return error_set(ts) ? Status::kError : Status::kOk;
}
PyObject* m_setsockopt(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  SocketObject* s = as_socket(self);
  int level, name;
  if (n != 3 && !(n == 4 && args[2] == Py_None && PyIndex_Check(args[3]))) {
    return raise(ts, PyExc_TypeError, "setsockopt() takes exactly 3 arguments (%zd given)", n);
  }
  if (failed(arg_int(ts, args[0], &level)) || failed(arg_int(ts, args[1], &name))) return nullptr;
  int r;
  if (n == 4) {
    Ref<> index = number_index(ts, args[3]);
    if (!index) return nullptr;
    auto length = static_cast<socklen_t>(PyLong_AsUnsignedLongMask(index.get()));
    if (error_set(ts)) return nullptr;
    r = setsockopt(s->fd, level, name, nullptr, length);
  } else if (s->family == AF_VSOCK && is_int(args[2])) {
    unsigned long long wide = PyLong_AsUnsignedLongLong(args[2]);
    if (error_set(ts)) return nullptr;
    r = setsockopt(s->fd, level, name, &wide, sizeof wide);
  } else {
    int flag;
    if (PyIndex_Check(args[2]) && !failed(arg_int(ts, args[2], &flag))) {
      r = setsockopt(s->fd, level, name, &flag, sizeof flag);
    } else {
      error_clear(ts);
      BufferArg bytes;
      if (PyObject_GetBuffer(args[2], &bytes.view, PyBUF_SIMPLE) < 0) return nullptr;
      r = setsockopt(s->fd, level, name, bytes.data(), static_cast<socklen_t>(bytes.size()));
    }
  }
  return r < 0 ? (PyObject*)call_error(ts) : new_ref(Py_None);
}

// ---- receiving ---------------------------------------------------------------------------------------------------

Ref<> m_recv(ThreadState& ts, SocketObject* s, Py_ssize_t size, int flags) {
  if (size < 0) return raise(ts, PyExc_ValueError, "negative buffersize in recv");
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, size);
  if (bytes == nullptr) return {};
  ssize_t got;
  char* to = PyBytes_AS_STRING(bytes);
  if (size == 0) {
    got = 0;
  } else if (!perform(ts, s, POLLIN, deadline_of(s), [&] { return recv(s->fd, to, static_cast<size_t>(size), flags); }, &got)) {
    Py_DECREF(bytes);
    return {};
  }
  if (got != size && _PyBytes_Resize(&bytes, got) < 0) return {};
  return Ref<>::steal(bytes);
}
struct WritableArg : BufferArg {};

}  // namespace
}  // namespace atl::socket

namespace atl {
template <>
struct ArgTraits<socket::WritableArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& place, socket::WritableArg* out) {
    if (PyObject_GetBuffer(o, &out->view, PyBUF_WRITABLE) == 0) return true;
    error_clear(ts);
    (void)raise(ts, PyExc_TypeError, "%s() argument 1 must be read-write bytes-like object, not %T", place.sig->function, o);
    return false;
  }
};
}  // namespace atl

namespace atl::socket {
namespace {

Ref<> m_recv_into(ThreadState& ts, SocketObject* s, const WritableArg& buffer, Py_ssize_t size, int flags) {
  if (size < 0) return raise(ts, PyExc_ValueError, "negative buffersize in recv_into");
  if (size == 0) size = buffer.size();
  if (size > buffer.size()) return raise(ts, PyExc_ValueError, "buffer too small for requested bytes");
  if (size == 0) return int_from_i64(ts, 0);
  ssize_t got;
  if (!perform(ts, s, POLLIN, deadline_of(s), [&] { return recv(s->fd, buffer.view.buf, static_cast<size_t>(size), flags); }, &got)) return {};
  return int_from_i64(ts, got);
}
bool receive_from(ThreadState& ts, SocketObject* s, void* to, Py_ssize_t size, int flags, ssize_t* got, Ref<>* from) {
  Address address{};
  socklen_t length = 0;
  if (!perform(ts, s, POLLIN, deadline_of(s),
               [&] {
                 length = sizeof address;
                 std::memset(&address, 0, sizeof address);
                 return recvfrom(s->fd, to, static_cast<size_t>(size), flags, &address.any, &length);
               },
               got)) {
    return false;
  }
  *from = address_to_python(ts, address, length, s->protocol);
  return static_cast<bool>(*from);
}
Ref<> m_recvfrom(ThreadState& ts, SocketObject* s, Py_ssize_t size, int flags) {
  if (size < 0) return raise(ts, PyExc_ValueError, "negative buffersize in recvfrom");
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, size);
  if (bytes == nullptr) return {};
  ssize_t got;
  Ref<> from;
  if (!receive_from(ts, s, PyBytes_AS_STRING(bytes), size, flags, &got, &from)) {
    Py_DECREF(bytes);
    return {};
  }
  if (got != size && _PyBytes_Resize(&bytes, got) < 0) return {};
  Ref<> data = Ref<>::steal(bytes);
  return tuple_of(ts, data.get(), from.get());
}
Ref<> m_recvfrom_into(ThreadState& ts, SocketObject* s, const WritableArg& buffer, Py_ssize_t size, int flags) {
  if (size < 0) return raise(ts, PyExc_ValueError, "negative buffersize in recvfrom_into");
  if (size == 0) size = buffer.size();
  if (size > buffer.size()) return raise(ts, PyExc_ValueError, "nbytes is greater than the length of the buffer");
  ssize_t got;
  Ref<> from;
  if (!receive_from(ts, s, buffer.view.buf, size, flags, &got, &from)) return {};
  Ref<> count = int_from_i64(ts, got);
  return count ? tuple_of(ts, count.get(), from.get()) : Ref<>();
}

// ---- messages with several buffers and ancillary data ------------------------------------------------------------

struct Buffers {
  std::vector<Py_buffer> views;
  std::vector<iovec> vectors;
  Buffers() = default;
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  ~Buffers() {
    for (Py_buffer& v : views) PyBuffer_Release(&v);
  }
  // False with the exception of PyObject_GetBuffer.
  bool add(PyObject* o, int flags) {
    Py_buffer view;
    if (PyObject_GetBuffer(o, &view, flags) < 0) return false;
    views.push_back(view);
    vectors.push_back({view.buf, static_cast<size_t>(view.len)});
    return true;
  }
};
// The items of an iterable argument as a tuple.
Ref<> iterable_arg(ThreadState& ts, PyObject* o, const char* message) {
  Ref<> all = Ref<>::steal(PySequence_Tuple(o));
  if (!all && error_clear_if(ts, PyExc_TypeError)) return raise(ts, PyExc_TypeError, "%s", message);
  if (all && tuple_size(all.get()) > INT_MAX) return raise(ts, PyExc_OSError, "argument is too long");
  return all;
}

// How much of a message's data lies in the buffer; false when its head does not.
bool data_in_buffer(const msghdr& msg, const cmsghdr* c, size_t* n) {
  auto* begin = static_cast<const char*>(msg.msg_control);
  auto* at = reinterpret_cast<const char*>(c);
  if (at < begin) return false;
  auto offset = static_cast<size_t>(at - begin);
  if (offset + CMSG_LEN(0) > msg.msg_controllen || c->cmsg_len < CMSG_LEN(0)) return false;
  size_t there = msg.msg_controllen - offset - CMSG_LEN(0);
  size_t said = c->cmsg_len - CMSG_LEN(0);
  *n = said < there ? said : there;
  return true;
}
void close_passed_descriptors(const msghdr& msg) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&msg); c != nullptr; c = CMSG_NXTHDR(const_cast<msghdr*>(&msg), c)) {
    size_t n;
    if (!data_in_buffer(msg, c, &n)) return;
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    for (size_t i = 0; i + sizeof(int) <= n; i += sizeof(int)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i, sizeof fd);
      close(fd);
    }
  }
}

// The tail of recvmsg and recvmsg_into; `head` makes the result's first item from the number of bytes.
template <class F>
Ref<> receive_message(ThreadState& ts, SocketObject* s, std::vector<iovec>& vectors, Py_ssize_t ancillary_size, int flags, F head) {
  if (ancillary_size < 0 || ancillary_size > INT_MAX) return raise(ts, PyExc_ValueError, "invalid ancillary data buffer length");
  std::vector<char> control(static_cast<size_t>(ancillary_size));
  Address address{};
  msghdr msg{};
  ssize_t got;
  if (!perform(ts, s, POLLIN, deadline_of(s),
               [&] {
                 msg = {};
                 msg.msg_name = &address;
                 msg.msg_namelen = sizeof address;
                 msg.msg_iov = vectors.data();
                 msg.msg_iovlen = vectors.size();
                 msg.msg_control = ancillary_size > 0 ? control.data() : nullptr;
                 msg.msg_controllen = control.size();
                 return recvmsg(s->fd, &msg, flags);
               },
               &got)) {
    return {};
  }
  Ref<> ancillary = list_new(ts, 0);
  Ref<> result;
  for (cmsghdr* c = msg.msg_controllen > 0 ? CMSG_FIRSTHDR(&msg) : nullptr; ancillary && c != nullptr; c = CMSG_NXTHDR(&msg, c)) {
    size_t n;
    bool whole = data_in_buffer(msg, c, &n);
    if (!whole || n < c->cmsg_len - CMSG_LEN(0)) {
      if (failed(warn(ts, PyExc_RuntimeWarning, 1, "received malformed or improperly-truncated ancillary data"))) {
        ancillary = {};
        break;
      }
      if (!whole) break;
    }
    Ref<> data = bytes_from(ts, {reinterpret_cast<char*>(CMSG_DATA(c)), n});
    Ref<> item = data ? Ref<>::steal(Py_BuildValue("(iiO)", c->cmsg_level, c->cmsg_type, data.get())) : Ref<>();
    if (!item || failed(list_append(ts, ancillary.get(), std::move(item)))) ancillary = {};
    if (n < c->cmsg_len - CMSG_LEN(0)) break;
  }
  if (ancillary) {
    Ref<> first = head(got);
    Ref<> from = first ? address_to_python(ts, address, msg.msg_namelen < sizeof address ? msg.msg_namelen : sizeof address, s->protocol) : Ref<>();
    if (from) result = Ref<>::steal(Py_BuildValue("(OOiO)", first.get(), ancillary.get(), msg.msg_flags, from.get()));
  }
  // Nobody would ever close descriptors that came in and are not handed on.
  if (!result && msg.msg_controllen > 0) close_passed_descriptors(msg);
  return result;
}
Ref<> m_recvmsg(ThreadState& ts, SocketObject* s, Py_ssize_t size, Py_ssize_t ancillary_size, int flags) {
  if (size < 0) return raise(ts, PyExc_ValueError, "negative buffer size in recvmsg()");
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, size);
  if (bytes == nullptr) return {};
  std::vector<iovec> vectors{{PyBytes_AS_STRING(bytes), static_cast<size_t>(size)}};
  Ref<> result = receive_message(ts, s, vectors, ancillary_size, flags, [&](ssize_t got) {
    if (got != size && _PyBytes_Resize(&bytes, got) < 0) return Ref<>();
    return dup(bytes);
  });
  Py_XDECREF(bytes);
  return result;
}
Ref<> m_recvmsg_into(ThreadState& ts, SocketObject* s, PyObject* buffers, Py_ssize_t ancillary_size, int flags) {
  Ref<> all = iterable_arg(ts, buffers, "recvmsg_into() argument 1 must be an iterable");
  if (!all) return {};
  Buffers into;
  for (Py_ssize_t i = 0; i < tuple_size(all.get()); ++i) {
    if (!into.add(tuple_peek(all.get(), i), PyBUF_WRITABLE)) {
      error_clear(ts);
      return raise(ts, PyExc_TypeError, "recvmsg_into() argument 1 must be an iterable of single-segment read-write buffers");
    }
  }
  return receive_message(ts, s, into.vectors, ancillary_size, flags, [&](ssize_t got) { return int_from_i64(ts, got); });
}

// ---- sending -----------------------------------------------------------------------------------------------------

Ref<> m_send(ThreadState& ts, SocketObject* s, const BufferArg& data, int flags) {
  ssize_t sent;
  if (!perform(ts, s, POLLOUT, deadline_of(s), [&] { return send(s->fd, data.data(), static_cast<size_t>(data.size()), flags); }, &sent)) return {};
  return int_from_i64(ts, sent);
}
Ref<> m_sendall(ThreadState& ts, SocketObject* s, const BufferArg& data, int flags) {
  int64_t deadline = deadline_of(s);  // for all of it
  Py_ssize_t done = 0;
  do {
    ssize_t sent;
    if (!perform(ts, s, POLLOUT, deadline, [&] { return send(s->fd, data.data() + done, static_cast<size_t>(data.size() - done), flags); }, &sent)) {
      return {};
    }
    done += sent;
    // Between two pieces, as an interrupted call would.
    if (PyErr_CheckSignals() < 0) return {};
  } while (done < data.size());
  return new_none();
}
PyObject* m_sendto(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  SocketObject* s = as_socket(self);
  if (n != 2 && n != 3) return raise(ts, PyExc_TypeError, "sendto() takes 2 or 3 arguments (%zd given)", n);
  BufferArg data;
  int flags = 0;
  if (PyObject_GetBuffer(args[0], &data.view, PyBUF_SIMPLE) < 0 || (n == 3 && failed(arg_int(ts, args[1], &flags)))) return nullptr;
  Address address;
  socklen_t size;
  if (failed(address_from_python(ts, s, args[n - 1], "sendto", &address, &size)) || PySys_Audit("socket.sendto", "OO", self, args[n - 1]) < 0) {
    return nullptr;
  }
  ssize_t sent;
  if (!perform(ts, s, POLLOUT, deadline_of(s), [&] { return sendto(s->fd, data.data(), static_cast<size_t>(data.size()), flags, &address.any, size); },
               &sent)) {
    return nullptr;
  }
  return int_from_i64(ts, sent).release();
}

// Ancillary data as the system wants it.
class ControlBuffer {
 public:
  bool add(ThreadState& ts, int level, int type, const void* data, size_t n) {
    size_t old = bytes_.size();
    size_t space = CMSG_SPACE(n);
    if (n > INT_MAX || old > INT_MAX - space) {
      (void)raise(ts, PyExc_OSError, "too much ancillary data");
      return false;
    }
    bytes_.resize(old + space);
    auto* c = reinterpret_cast<cmsghdr*>(bytes_.data() + old);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(n);
    if (n > 0) std::memcpy(CMSG_DATA(c), data, n);
    return true;
  }
  void put_into(msghdr* msg) {
    msg->msg_control = bytes_.empty() ? nullptr : bytes_.data();
    msg->msg_controllen = bytes_.size();
  }

 private:
  std::vector<char> bytes_;
};

bool gather(ThreadState& ts, PyObject* buffers, const char* message, Buffers* out) {
  Ref<> all = iterable_arg(ts, buffers, message);
  if (!all) return false;
  for (Py_ssize_t i = 0; i < tuple_size(all.get()); ++i) {
    if (!out->add(tuple_peek(all.get(), i), PyBUF_SIMPLE)) return false;
  }
  return true;
}
bool take_ancillary(ThreadState& ts, PyObject* items, ControlBuffer* out) {
  Ref<> all = iterable_arg(ts, items, "sendmsg() argument 2 must be an iterable");
  if (!all) return false;
  for (Py_ssize_t i = 0; i < tuple_size(all.get()); ++i) {
    PyObject* item = tuple_peek(all.get(), i);
    if (!PySequence_Check(item) || is_str(item)) {
      (void)raise(ts, PyExc_TypeError, "[sendmsg() ancillary data items]() argument must be 3-item sequence, not %T", item);
      return false;
    }
    Ref<> three = Ref<>::steal(PySequence_Tuple(item));
    if (!three) return false;
    if (tuple_size(three.get()) != 3) {
      (void)raise(ts, PyExc_TypeError, "[sendmsg() ancillary data items]() argument must be sequence of length 3, not %zd", tuple_size(three.get()));
      return false;
    }
    int level, type;
    BufferArg data;
    if (failed(arg_int(ts, tuple_peek(three.get(), 0), &level)) || failed(arg_int(ts, tuple_peek(three.get(), 1), &type)) ||
        PyObject_GetBuffer(tuple_peek(three.get(), 2), &data.view, PyBUF_SIMPLE) < 0 ||
        !out->add(ts, level, type, data.data(), static_cast<size_t>(data.size()))) {
      return false;
    }
  }
  return true;
}
Ref<> send_message(ThreadState& ts, SocketObject* s, msghdr* msg, int flags) {
  ssize_t sent;
  if (!perform(ts, s, POLLOUT, deadline_of(s), [&] { return sendmsg(s->fd, msg, flags); }, &sent)) return {};
  return int_from_i64(ts, sent);
}
Ref<> m_sendmsg(ThreadState& ts, SocketObject* s, PyObject* buffers, PyObject* ancillary, int flags, PyObject* where) {
  msghdr msg{};
  Address address;
  if (where != nullptr && where != Py_None) {
    socklen_t size;
    if (failed(address_from_python(ts, s, where, "sendmsg", &address, &size))) return {};
    msg.msg_name = &address;
    msg.msg_namelen = size;
  }
  if (PySys_Audit("socket.sendmsg", "OO", obj(s), where != nullptr ? where : Py_None) < 0) return {};
  Buffers data;
  ControlBuffer control;
  if (!gather(ts, buffers, "sendmsg() argument 1 must be an iterable", &data)) return {};
  if (ancillary != nullptr && !take_ancillary(ts, ancillary, &control)) return {};
  msg.msg_iov = data.vectors.data();
  msg.msg_iovlen = data.vectors.size();
  control.put_into(&msg);
  return send_message(ts, s, &msg, flags);
}
Ref<> m_sendmsg_afalg(ThreadState& ts, SocketObject* s, PyObject* buffers, PyObject* op_arg, PyObject* iv_arg, PyObject* length_arg, int flags) {
  if (s->family != AF_ALG) return raise(ts, PyExc_OSError, "algset is only supported for AF_ALG");
  int op = -1, length = -1;
  if (op_arg != nullptr && failed(arg_int(ts, op_arg, &op))) return {};
  if (op < 0) return raise(ts, PyExc_TypeError, "Invalid or missing argument 'op'");
  if (length_arg != nullptr) {
    if (length_arg == Py_None || failed(arg_int(ts, length_arg, &length)) || length < 0) {
      error_clear(ts);
      return raise(ts, PyExc_TypeError, "assoclen must be positive");
    }
  }
  Buffers data;
  ControlBuffer control;
  if (buffers != nullptr && !gather(ts, buffers, "sendmsg_afalg() argument 1 must be an iterable", &data)) return {};
  auto operation = static_cast<uint32_t>(op);
  if (!control.add(ts, SOL_ALG, ALG_SET_OP, &operation, sizeof operation)) return {};
  if (iv_arg != nullptr) {
    BufferArg iv;
    if (PyObject_GetBuffer(iv_arg, &iv.view, PyBUF_SIMPLE) < 0) return {};
    std::vector<char> packed(sizeof(af_alg_iv) + static_cast<size_t>(iv.size()));
    auto n = static_cast<uint32_t>(iv.size());
    std::memcpy(packed.data(), &n, sizeof n);
    std::memcpy(packed.data() + offsetof(af_alg_iv, iv), iv.data(), n);
    if (!control.add(ts, SOL_ALG, ALG_SET_IV, packed.data(), packed.size())) return {};
  }
  auto associated = static_cast<uint32_t>(length);
  if (length >= 0 && !control.add(ts, SOL_ALG, ALG_SET_AEAD_ASSOCLEN, &associated, sizeof associated)) return {};
  msghdr msg{};
  msg.msg_iov = data.vectors.data();
  msg.msg_iovlen = data.vectors.size();
  control.put_into(&msg);
  return send_message(ts, s, &msg, flags);
}

// ---- the type ----------------------------------------------------------------------------------------------------

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_PLAIN(m_accept, "_accept", "($self, /)", "_accept() -> (integer, address info)\n\nWait for a connection: its descriptor and the peer's address."),
    ATOLL_METHOD_PLAIN(m_bind, "bind", "($self, address, /)", "bind(address)\n\nBind the socket to a local address."),
    ATOLL_METHOD_PLAIN(m_close, "close", "($self, /)", "close()\n\nClose the socket; what is done with it afterwards fails."),
    ATOLL_METHOD_PLAIN(m_connect, "connect", "($self, address, /)", "connect(address)\n\nConnect the socket to a remote address."),
    ATOLL_METHOD_PLAIN(m_connect_ex, "connect_ex", "($self, address, /)", "connect_ex(address) -> errno\n\nAs connect(), with the error as a number, 0 for success."),
    ATOLL_METHOD_PLAIN(m_detach, "detach", "($self, /)", "detach()\n\nClose the object and leave the descriptor open; it is returned."),
    ATOLL_METHOD_PLAIN(m_fileno, "fileno", "($self, /)", "fileno() -> integer\n\nThe descriptor; -1 when closed."),
    ATOLL_METHOD_PLAIN(ask_name<::getpeername>, "getpeername", "($self, /)", "getpeername() -> address info\n\nThe remote address."),
    ATOLL_METHOD_PLAIN(ask_name<::getsockname>, "getsockname", "($self, /)", "getsockname() -> address info\n\nThe local address."),
    ATOLL_METHOD_PLAIN(m_getsockopt, "getsockopt", "($self, level, option, buffersize=0, /)",
                       "getsockopt(level, option[, buffersize]) -> value\n\nAn option, as an integer, or as bytes where a size is given."),
    ATOLL_METHOD_PLAIN(m_listen, "listen", "($self, backlog=None, /)", "listen([backlog])\n\nBegin to take connections."),
    ATOLL_METHOD_PLAIN(m_recv, "recv", "($self, buffersize, flags=0, /)", "recv(buffersize[, flags]) -> data\n\nReceive at most so many bytes; none at the end."),
    ATOLL_METHOD_PLAIN(m_recv_into, "recv_into", "($self, /, buffer, nbytes=0, flags=0)", "recv_into(buffer, [nbytes[, flags]]) -> nbytes_read"),
    ATOLL_METHOD_PLAIN(m_recvfrom, "recvfrom", "($self, buffersize, flags=0, /)", "recvfrom(buffersize[, flags]) -> (data, address info)"),
    ATOLL_METHOD_PLAIN(m_recvfrom_into, "recvfrom_into", "($self, /, buffer, nbytes=0, flags=0)",
                       "recvfrom_into(buffer[, nbytes[, flags]]) -> (nbytes, address info)"),
    ATOLL_METHOD_PLAIN(m_send, "send", "($self, data, flags=0, /)", "send(data[, flags]) -> count\n\nSend bytes; how many the system took."),
    ATOLL_METHOD_PLAIN(m_sendall, "sendall", "($self, data, flags=0, /)", "sendall(data[, flags])\n\nSend all bytes; after an error nobody knows how many went."),
    ATOLL_METHOD_RAW(m_sendto, "sendto", METH_FASTCALL, "sendto(data[, flags], address) -> count\n\nSend bytes to an address."),
    ATOLL_METHOD_PLAIN(m_setblocking, "setblocking", "($self, flag, /)", "setblocking(flag)\n\nTrue: no timeout; False: a timeout of 0."),
    ATOLL_METHOD_PLAIN(m_getblocking, "getblocking", "($self, /)", "getblocking()\n\nFalse where the timeout is 0."),
    ATOLL_METHOD_PLAIN(m_settimeout, "settimeout", "($self, timeout, /)", "settimeout(timeout)\n\nSeconds that operations may take, or None."),
    ATOLL_METHOD_PLAIN(m_gettimeout, "gettimeout", "($self, /)", "gettimeout() -> timeout\n\nSeconds that operations may take, or None."),
    ATOLL_METHOD_RAW(m_setsockopt, "setsockopt", METH_FASTCALL,
                     "setsockopt(level, option, value: int)\nsetsockopt(level, option, value: buffer)\nsetsockopt(level, option, None, optlen: int)\n\nSet an option."),
    ATOLL_METHOD_PLAIN(m_shutdown, "shutdown", "($self, flag, /)", "shutdown(flag)\n\nEnd reading, writing, or both."),
    ATOLL_METHOD_PLAIN(m_recvmsg, "recvmsg", "($self, bufsize, ancbufsize=0, flags=0, /)",
                       "recvmsg(bufsize[, ancbufsize[, flags]]) -> (data, ancdata, msg_flags, address)\n\nancdata is a list of (level, type, data)."),
    ATOLL_METHOD_PLAIN(m_recvmsg_into, "recvmsg_into", "($self, buffers, ancbufsize=0, flags=0, /)",
                       "recvmsg_into(buffers[, ancbufsize[, flags]]) -> (nbytes, ancdata, msg_flags, address)"),
    ATOLL_METHOD_PLAIN(m_sendmsg, "sendmsg", "($self, buffers, ancdata=(), flags=0, address=None, /)",
                       "sendmsg(buffers[, ancdata[, flags[, address]]]) -> count\n\nancdata is an iterable of (level, type, data)."),
    ATOLL_METHOD_PLAIN(m_sendmsg_afalg, "sendmsg_afalg", "($self, /, msg=None, op=None, iv=None, assoclen=None, flags=0)",
                       "sendmsg_afalg([msg], *, op[, iv[, assoclen[, flags=MSG_MORE]]])\n\nSet mode, IV and length of associated data for an AF_ALG operation socket."),
    ATOLL_METHOD_END};

constexpr PyMemberDef kMembers[] = {{"family", T_INT, offsetof(SocketObject, family), READONLY, "the socket family"},
                                    {"type", T_INT, offsetof(SocketObject, type), READONLY, "the socket type"},
                                    {"proto", T_INT, offsetof(SocketObject, protocol), READONLY, "the socket protocol"},
                                    {}};
constexpr PyGetSetDef kGetSet[] = {{"timeout", ATOLL_GETTER(m_gettimeout), nullptr, "the socket timeout", nullptr}, ATOLL_GETSET_END};

}  // namespace

Status parse_timeout(ThreadState& ts, PyObject* o, int64_t* out) {
  int64_t ns = -1;
  if (o != Py_None) {
    if (failed(timeout_as_ns(ts, o, 1000000000, nullptr, &ns))) return Status::kError;
    if (ns < 0) return raise(ts, PyExc_ValueError, "Timeout value out of range");
  }
  *out = ns;
  return Status::kOk;
}
Ref<> timeout_number(ThreadState& ts, int64_t ns) { return ns < 0 ? new_none() : new_float(ts, static_cast<double>(ns) / 1e9); }

Status set_nonblocking(ThreadState& ts, SocketObject* s, bool on) {
  int value = on;
  return unlocked([&] { return ioctl(s->fd, FIONBIO, &value); }) < 0 ? Status(call_error(ts)) : Status::kOk;
}

Ref<> new_socket_pair(ThreadState& ts, PyObject* m, int family, int type, int protocol) {
  State& state = *state_of_module(m);
  int fds[2];
  if (unlocked([&] { return socketpair(family, type | SOCK_CLOEXEC, protocol, fds); }) < 0) return call_error(ts);
  Ref<> sockets[2];
  for (int i = 0; i < 2; ++i) {
    sockets[i] = Ref<>::steal(socket_new(state.socket_type, nullptr, nullptr));
    if (!sockets[i] || failed(adopt(ts, state, as_socket(sockets[i].get()), fds[i], family, type, protocol))) {
      if (!sockets[i]) close(fds[i]);
      if (i == 0) close(fds[1]);
      return {};
    }
  }
  return tuple_of(ts, sockets[0].get(), sockets[1].get());
}

PyTypeObject* make_socket_type(PyObject* m) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(socket_dealloc)},
      {Py_tp_finalize, reinterpret_cast<void*>(socket_finalize)},
      {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(socket_repr))},
      {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
      {Py_tp_doc, const_cast<char*>("socket(family=AF_INET, type=SOCK_STREAM, proto=0) -> socket object\n"
                                    "socket(family=-1, type=-1, proto=-1, fileno=None) -> socket object\n\n"
                                    "Open a socket, or take one over by its descriptor.\n\n"
                                    "A socket object is one end of a connection over a network. Its methods are those of the system; addresses are\n"
                                    "(host, port) for IPv4 and so on, by family.")},
      {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
      {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
      {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
      {Py_tp_init, reinterpret_cast<void*>(ATOLL_INIT(socket_init, "socket", "(family=-1, type=-1, proto=-1, fileno=None)"))},
      {Py_tp_new, reinterpret_cast<void*>(socket_new)},
      {0, nullptr}};
  PyType_Spec spec{"_socket.socket", sizeof(SocketObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return heap_type(m, spec);
}

}  // namespace atl::socket
