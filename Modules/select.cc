// select: waiting for descriptors by select, poll and epoll.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include <climits>
#include <vector>

#include "Modules/posix/posix.h"
#include "Modules/timeouts.h"
#include "Objects/list.h"

namespace atl {

namespace {

using posix::unlocked;

struct State {
  PyTypeObject* poll_type;
  PyTypeObject* epoll_type;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

constexpr const char* kFloatOrNone = "timeout must be a float or None";
constexpr const char* kIntOrNone = "timeout must be an integer or None";

struct Fd {
  int fd;
};

}  // namespace

template <>
struct ArgTraits<Fd> {
  static bool convert(ThreadState&, PyObject* o, const ArgPlace&, Fd* out) {
    out->fd = PyObject_AsFileDescriptor(o);
    return out->fd >= 0;
  }
};

namespace {

// ---- select ------------------------------------------------------------------------------------------------------

struct Watched {
  Ref<> object;
  int fd;
};
using WatchList = std::vector<Watched>;

Status read_watch_list(ThreadState& ts, PyObject* sequence, WatchList* out, fd_set* set, int* highest) {
  FD_ZERO(set);
  Ref<> fast = Ref<>::steal(PySequence_Fast(sequence, "arguments 1-3 must be sequences"));
  if (!fast) return Status::kError;
  // fileno() may change the list.
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast.get()); ++i) {
    Ref<> o = dup(PySequence_Fast_GET_ITEM(fast.get(), i));
    int fd = PyObject_AsFileDescriptor(o.get());
    if (fd < 0) return Status::kError;
    if (fd >= FD_SETSIZE) return raise(ts, PyExc_ValueError, "filedescriptor out of range in select()");
    if (i >= FD_SETSIZE) return raise(ts, PyExc_ValueError, "too many file descriptors in select()");
    FD_SET(fd, set);
    if (fd > *highest) *highest = fd;
    out->push_back({std::move(o), fd});
  }
  return Status::kOk;
}
Ref<> ready_ones(ThreadState& ts, const WatchList& watched, const fd_set* set) {
  Ref<> list = list_new(ts, 0);
  for (const Watched& w : watched) {
    if (!list) return {};
    if (FD_ISSET(w.fd, set) && failed(list_append(ts, list.get(), w.object.dup()))) return {};
  }
  return list;
}

Ref<> f_select(ThreadState& ts, PyObject*, PyObject* readers, PyObject* writers, PyObject* exceptional, PyObject* timeout) {
  int64_t ns = -1;
  if (timeout != nullptr && timeout != Py_None) {
    if (failed(timeout_as_ns(ts, timeout, 1000000000, kFloatOrNone, &ns))) return {};
    if (ns < 0) return raise(ts, PyExc_ValueError, "timeout must be non-negative");
  }
  WatchList lists[3];
  fd_set wanted[3];
  int highest = -1;
  PyObject* given[3] = {readers, writers, exceptional};
  for (int i = 0; i < 3; ++i) {
    if (failed(read_watch_list(ts, given[i], &lists[i], &wanted[i], &highest))) return {};
  }
  int64_t deadline = ns >= 0 ? deadline_after(ns) : INT64_MAX;
  fd_set sets[3];
  for (;;) {
    for (int i = 0; i < 3; ++i) sets[i] = wanted[i];
    int64_t us = ns <= 0 ? 0 : (ns - 1) / 1000 + 1;
    timeval left{us / 1000000, us % 1000000};
    int r = unlocked([&] { return select(highest + 1, &sets[0], &sets[1], &sets[2], ns >= 0 ? &left : nullptr); });
    if (r >= 0) {
      if (r == 0) {
        for (fd_set& s : sets) FD_ZERO(&s);
      }
      break;
    }
    if (errno != EINTR) return posix::call_error(ts);
    if (PyErr_CheckSignals() < 0) return {};
    if (ns >= 0) {
      ns = deadline - monotonic_ns();
      if (ns < 0) ns = 0;
    }
  }
  Ref<> results[3];
  for (int i = 0; i < 3; ++i) {
    results[i] = ready_ones(ts, lists[i], &sets[i]);
    if (!results[i]) return {};
  }
  return tuple_of(ts, results[0].get(), results[1].get(), results[2].get());
}

// ---- poll --------------------------------------------------------------------------------------------------------

struct PollObject {
  PyObject ob_base;
  PyObject* events;  // dict: descriptor -> mask
  bool running;
};
PollObject* as_poll(PyObject* o) { return reinterpret_cast<PollObject*>(o); }

void heap_free(PyObject* o) {
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}
void poll_dealloc(PyObject* o) {
  clear_field(as_poll(o)->events);
  heap_free(o);
}

Status read_mask(ThreadState& ts, PyObject* o, unsigned default_mask, unsigned* out) {
  *out = default_mask;
  if (o == nullptr) return Status::kOk;
  if (!is_int(o)) return raise(ts, PyExc_TypeError, "an integer is required");
  int overflow;
  int64_t v = int_as_i64_overflow(o, &overflow);
  if (overflow < 0 || (overflow == 0 && v < 0)) return raise(ts, PyExc_ValueError, "value must be positive");
  if (overflow > 0) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C unsigned long");
  if (v > USHRT_MAX) return raise(ts, PyExc_OverflowError, "Python int too large for C unsigned short");
  *out = static_cast<unsigned>(v);
  return Status::kOk;
}
Status poll_set(ThreadState& ts, PollObject* self, int fd, unsigned mask) {
  Ref<> key = int_from_i64(ts, fd);
  Ref<> value = int_from_i64(ts, mask);
  return key && value ? dict_set(ts, self->events, key.get(), value.get()) : Status::kError;
}
Status poll_register(ThreadState& ts, PollObject* self, Fd fd, PyObject* events) {
  unsigned mask;
  if (failed(read_mask(ts, events, POLLIN | POLLPRI | POLLOUT, &mask))) return Status::kError;
  return poll_set(ts, self, fd.fd, mask);
}
Status poll_modify(ThreadState& ts, PollObject* self, Fd fd, PyObject* events) {
  unsigned mask;
  if (failed(read_mask(ts, events, 0, &mask))) return Status::kError;
  Ref<> key = int_from_i64(ts, fd.fd);
  if (!key) return Status::kError;
  if (dict_peek(ts, self->events, key.get()) == nullptr) {
    return error_set(ts) ? Status::kError : Status(raise_os_error(ts, ENOENT));
  }
  return poll_set(ts, self, fd.fd, mask);
}
Status poll_unregister(ThreadState& ts, PollObject* self, Fd fd) {
  Ref<> key = int_from_i64(ts, fd.fd);
  return key ? dict_del(ts, self->events, key.get()) : Status::kError;
}
Ref<> pair_of(ThreadState& ts, int64_t fd, int64_t events) {
  Ref<> a = int_from_i64(ts, fd);
  Ref<> b = int_from_i64(ts, events);
  return a && b ? tuple_of(ts, a.get(), b.get()) : Ref<>();
}
Ref<> poll_poll(ThreadState& ts, PollObject* self, PyObject* timeout) {
  int64_t ns = -1;
  int64_t ms = -1;
  if (timeout != nullptr && timeout != Py_None) {
    if (failed(timeout_as_ns(ts, timeout, 1000000, kIntOrNone, &ns))) return {};
    ms = ns < 0 ? -ns_to_ms_up(-ns) : ns_to_ms_up(ns);
    if (ms < INT_MIN || ms > INT_MAX) return raise(ts, PyExc_OverflowError, "timeout is too large");
    if (ms < 0) ns = ms = -1;
  }
  if (self->running) return raise(ts, PyExc_RuntimeError, "concurrent poll() invocation");
  std::vector<pollfd> fds;
  Py_ssize_t at = 0;
  PyObject *key, *value;
  while (PyDict_Next(self->events, &at, &key, &value)) {
    fds.push_back({static_cast<int>(PyLong_AsLong(key)), static_cast<short>(PyLong_AsLong(value)), 0});
  }
  int64_t deadline = ns >= 0 ? deadline_after(ns) : INT64_MAX;
  int r;
  self->running = true;
  for (;;) {
    r = unlocked([&] { return poll(fds.data(), fds.size(), static_cast<int>(ms)); });
    if (r >= 0 || errno != EINTR) break;
    if (PyErr_CheckSignals() < 0) {
      self->running = false;
      return {};
    }
    if (ns >= 0) {
      int64_t left = deadline - monotonic_ns();
      ms = left > 0 ? ns_to_ms_up(left) : 0;
    }
  }
  self->running = false;
  if (r < 0) return posix::call_error(ts);
  Ref<> list = list_new(ts, 0);
  for (const pollfd& p : fds) {
    if (!list) return {};
    if (p.revents == 0) continue;
    Ref<> item = pair_of(ts, p.fd, static_cast<unsigned short>(p.revents));
    if (!item || failed(list_append(ts, list.get(), std::move(item)))) return {};
  }
  return list;
}

constexpr MethodSpec kPollMethods[] = {
    ATOLL_METHOD(poll_register, "register", "($self, fd,\n         eventmask=select.POLLIN | select.POLLPRI | select.POLLOUT, /)",
                 "Watch a descriptor (or an object with fileno()) for the events of the mask."),
    ATOLL_METHOD(poll_modify, "modify", "($self, fd, eventmask, /)", "Change the mask of a watched descriptor."),
    ATOLL_METHOD(poll_unregister, "unregister", "($self, fd, /)", "Watch a descriptor no more."),
    ATOLL_METHOD(poll_poll, "poll", "($self, timeout=None, /)",
                 "Wait for events, at most for so many milliseconds: a list of (descriptor, events).\n\nWithout an event in time it is empty."),
    ATOLL_METHOD_END};

Ref<> f_poll(ThreadState& ts, PyObject* m) {
  PyTypeObject* type = state_of(m)->poll_type;
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  as_poll(o.get())->events = dict_new(ts).release();
  return as_poll(o.get())->events != nullptr ? std::move(o) : Ref<>();
}

// ---- epoll -------------------------------------------------------------------------------------------------------

struct EpollObject {
  PyObject ob_base;
  int fd;  // -1: closed
};
EpollObject* as_epoll(PyObject* o) { return reinterpret_cast<EpollObject*>(o); }

Raised closed_error(ThreadState& ts) { return raise(ts, PyExc_ValueError, "I/O operation on closed epoll object"); }

Ref<> epoll_with_fd(ThreadState& ts, PyTypeObject* type, int fd) {
  if (fd < 0) return posix::call_error(ts);
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (o) {
    as_epoll(o.get())->fd = fd;
  } else {
    close(fd);
  }
  return o;
}
Ref<> epoll_new(ThreadState& ts, PyTypeObject* type, int size_hint, int flags) {
  if (size_hint == 0 || size_hint < -1) return raise(ts, PyExc_ValueError, "negative sizehint");
  if (flags != 0 && flags != EPOLL_CLOEXEC) return raise(ts, PyExc_OSError, "invalid flags");
  return epoll_with_fd(ts, type, epoll_create1(EPOLL_CLOEXEC));
}
Ref<> epoll_fromfd(ThreadState& ts, PyTypeObject* type, int fd) { return epoll_with_fd(ts, type, fd); }
Status epoll_close(ThreadState& ts, EpollObject* self) {
  int fd = std::exchange(self->fd, -1);
  if (fd >= 0 && unlocked([fd] { return close(fd); }) < 0) return posix::call_error(ts);
  return Status::kOk;
}
void epoll_dealloc(PyObject* o) {
  int fd = as_epoll(o)->fd;
  if (fd >= 0) unlocked([fd] { return close(fd); });
  heap_free(o);
}
Ref<> epoll_fileno(ThreadState& ts, EpollObject* self) { return self->fd < 0 ? Ref<>(closed_error(ts)) : int_from_i64(ts, self->fd); }
Ref<> epoll_closed(ThreadState&, EpollObject* self) { return new_bool(self->fd < 0); }
Ref<> epoll_enter(ThreadState& ts, EpollObject* self) { return self->fd < 0 ? Ref<>(closed_error(ts)) : dup(obj(self)); }
Ref<> epoll_exit(ThreadState& ts, EpollObject* self, PyObject*, PyObject*, PyObject*) {
  Ref<> method = object_getattr(ts, obj(self), "close");
  return method ? call(ts, method.get()) : Ref<>();
}

Status control(ThreadState& ts, EpollObject* self, int operation, int fd, uint32_t events) {
  if (self->fd < 0) return closed_error(ts);
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return unlocked([&] { return epoll_ctl(self->fd, operation, fd, &event); }) < 0 ? Status(posix::call_error(ts)) : Status::kOk;
}
Status event_bits(ThreadState& ts, PyObject* o, uint32_t* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return Status::kError;
  *out = static_cast<uint32_t>(PyLong_AsUnsignedLongMask(index.get()));
  return error_set(ts) ? Status::kError : Status::kOk;
}
Status epoll_register(ThreadState& ts, EpollObject* self, Fd fd, PyObject* events) {
  uint32_t bits = EPOLLIN | EPOLLPRI | EPOLLOUT;
  if (events != nullptr && failed(event_bits(ts, events, &bits))) return Status::kError;
  return control(ts, self, EPOLL_CTL_ADD, fd.fd, bits);
}
Status epoll_modify(ThreadState& ts, EpollObject* self, Fd fd, PyObject* events) {
  uint32_t bits;
  if (failed(event_bits(ts, events, &bits))) return Status::kError;
  return control(ts, self, EPOLL_CTL_MOD, fd.fd, bits);
}
Status epoll_unregister(ThreadState& ts, EpollObject* self, Fd fd) { return control(ts, self, EPOLL_CTL_DEL, fd.fd, 0); }
Ref<> epoll_poll(ThreadState& ts, EpollObject* self, PyObject* timeout, int max_events) {
  if (self->fd < 0) return closed_error(ts);
  int64_t ns = -1, ms = -1;
  if (timeout != nullptr && timeout != Py_None) {
    if (failed(timeout_as_ns(ts, timeout, 1000000000, kIntOrNone, &ns))) return {};
    ms = ns < 0 ? -1 : ns_to_ms_up(ns);
    if (ms > INT_MAX) return raise(ts, PyExc_OverflowError, "timeout is too large");
    if (ns < 0) ns = -1;
  }
  if (max_events == -1) {
    max_events = FD_SETSIZE - 1;
  } else if (max_events < 1) {
    return raise(ts, PyExc_ValueError, "maxevents must be greater than 0, got %d", max_events);
  }
  std::vector<epoll_event> events(static_cast<size_t>(max_events));
  int64_t deadline = ns >= 0 ? deadline_after(ns) : INT64_MAX;
  int r;
  for (;;) {
    int fd = self->fd;
    r = unlocked([&] { return epoll_wait(fd, events.data(), max_events, static_cast<int>(ms)); });
    if (r >= 0 || errno != EINTR) break;
    if (PyErr_CheckSignals() < 0) return {};
    if (ns >= 0) {
      int64_t left = deadline - monotonic_ns();
      ms = left > 0 ? ns_to_ms_up(left) : 0;
    }
  }
  if (r < 0) return posix::call_error(ts);
  Ref<> list = list_new(ts, 0);
  for (int i = 0; list && i < r; ++i) {
    const epoll_event& e = events[static_cast<size_t>(i)];
    Ref<> item = pair_of(ts, e.data.fd, e.events);
    if (!item || failed(list_append(ts, list.get(), std::move(item)))) return {};
  }
  return list;
}

constexpr MethodSpec kEpollMethods[] = {
    ATOLL_CLASSMETHOD(epoll_fromfd, "fromfd", "($type, fd, /)", "An epoll object of a descriptor that there is already."),
    ATOLL_METHOD(epoll_close, "close", "($self, /)", "Close the descriptor; further operations raise ValueError."),
    ATOLL_METHOD(epoll_fileno, "fileno", "($self, /)", "The descriptor of the epoll object itself."),
    ATOLL_METHOD(epoll_register, "register", "($self, /, fd,\n         eventmask=select.EPOLLIN | select.EPOLLPRI | select.EPOLLOUT)",
                 "Watch a descriptor (or an object with fileno()) for the events of the mask."),
    ATOLL_METHOD(epoll_modify, "modify", "($self, /, fd, eventmask)", "Change the mask of a watched descriptor."),
    ATOLL_METHOD(epoll_unregister, "unregister", "($self, /, fd)", "Watch a descriptor no more."),
    ATOLL_METHOD(epoll_poll, "poll", "($self, /, timeout=None, maxevents=-1)",
                 "Wait for events, at most for so many seconds: a list of (descriptor, events).\n\nmaxevents bounds the list's length."),
    ATOLL_METHOD(epoll_enter, "__enter__", "($self, /)", ""),
    ATOLL_METHOD(epoll_exit, "__exit__", "($self, exc_type=None, exc_value=None, exc_tb=None, /)", ""), ATOLL_METHOD_END};
constexpr PyGetSetDef kEpollGetSet[] = {{"closed", ATOLL_GETTER(epoll_closed), nullptr, "True if the epoll handler is closed", nullptr},
                                        ATOLL_GETSET_END};

// ---- the module --------------------------------------------------------------------------------------------------

PyTypeObject* make_poll_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(poll_dealloc)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kPollMethods)},
                         {0, nullptr}};
  PyType_Spec spec{"select.poll", sizeof(PollObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, &spec, nullptr));
}
PyTypeObject* make_epoll_type(PyObject* m) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(epoll_dealloc)},
      {Py_tp_doc, const_cast<char*>("select.epoll(sizehint=-1, flags=0)\n\nReturns an epolling object\n\n"
                                    "sizehint is -1 or a positive number of descriptors to be expected; it limits nothing.")},
      {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
      {Py_tp_getset, const_cast<PyGetSetDef*>(kEpollGetSet)},
      {Py_tp_methods, const_cast<MethodSpec*>(kEpollMethods)},
      {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(epoll_new, "epoll", "(sizehint=-1, flags=0)"))},
      {0, nullptr}};
  PyType_Spec spec{"select.epoll", sizeof(EpollObject), 0, Py_TPFLAGS_DEFAULT, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, &spec, nullptr));
}

constexpr struct {
  const char* name;
  long value;
} kConstants[] = {{"PIPE_BUF", PIPE_BUF},
                  {"POLLIN", POLLIN},
                  {"POLLPRI", POLLPRI},
                  {"POLLOUT", POLLOUT},
                  {"POLLERR", POLLERR},
                  {"POLLHUP", POLLHUP},
                  {"POLLNVAL", POLLNVAL},
                  {"POLLRDNORM", POLLRDNORM},
                  {"POLLRDBAND", POLLRDBAND},
                  {"POLLWRNORM", POLLWRNORM},
                  {"POLLWRBAND", POLLWRBAND},
                  {"POLLMSG", POLLMSG},
                  {"POLLRDHUP", POLLRDHUP},
                  {"EPOLLIN", EPOLLIN},
                  {"EPOLLOUT", EPOLLOUT},
                  {"EPOLLPRI", EPOLLPRI},
                  {"EPOLLERR", EPOLLERR},
                  {"EPOLLHUP", EPOLLHUP},
                  {"EPOLLRDHUP", EPOLLRDHUP},
                  {"EPOLLET", static_cast<long>(EPOLLET)},
                  {"EPOLLONESHOT", EPOLLONESHOT},
                  {"EPOLLEXCLUSIVE", EPOLLEXCLUSIVE},
                  {"EPOLLRDNORM", EPOLLRDNORM},
                  {"EPOLLRDBAND", EPOLLRDBAND},
                  {"EPOLLWRNORM", EPOLLWRNORM},
                  {"EPOLLWRBAND", EPOLLWRBAND},
                  {"EPOLLMSG", EPOLLMSG},
                  {"EPOLL_CLOEXEC", EPOLL_CLOEXEC}};

int exec(PyObject* m) {
  State* s = state_of(m);
  s->poll_type = make_poll_type(m);
  s->epoll_type = s->poll_type != nullptr ? make_epoll_type(m) : nullptr;
  if (s->epoll_type == nullptr || PyModule_AddType(m, s->epoll_type) < 0) return -1;
  for (const auto& c : kConstants) {
    if (PyModule_AddIntConstant(m, c.name, c.value) < 0) return -1;
  }
  return PyModule_AddObjectRef(m, "error", PyExc_OSError);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(obj(state_of(m)->poll_type));
  Py_VISIT(obj(state_of(m)->epoll_type));
  return 0;
}
int clear(PyObject* m) {
  clear_field(state_of(m)->poll_type);
  clear_field(state_of(m)->epoll_type);
  return 0;
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_select, "select", "($module, rlist, wlist, xlist, timeout=None, /)",
                 "Wait until descriptors are ready for reading, for writing, or exceptional.\n\n"
                 "Each list holds descriptors or objects with fileno(); the result is the three lists of those that are ready. The timeout\n"
                 "is in seconds; without it, wait for ever."),
    ATOLL_METHOD(f_poll, "poll", "($module, /)", "An object that watches descriptors by poll()."), ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit_select, "select", "Waiting for input and output on several descriptors.", sizeof(atl::State), atl::kFunctions,
                        atl::exec, atl::traverse, atl::clear, nullptr)
