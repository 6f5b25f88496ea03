#include "Python/sharing/channel_object.h"

#include <cmath>

#include "Objects/exceptions/exceptions.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/bind.h"
#include "Python/runtime/runtime.h"
#include "structmember.h"

namespace atl {

namespace {

struct ChannelEndObject {
  PyObject ob_base;
  Channel* channel;  // a handle of this interpreter's
  ChannelEnd end;
  PyObject* weakrefs;
};
ChannelEndObject* as_end(PyObject* o) { return reinterpret_cast<ChannelEndObject*>(o); }
SharingState& sharing_of(ThreadState& ts) { return ts.interpreter().sharing; }

}  // namespace

bool is_channel_end(ThreadState& ts, PyObject* o) {
  SharingState& s = sharing_of(ts);
  return o->ob_type == s.receive_type || o->ob_type == s.send_type;
}
ChannelHandle channel_end_handle(PyObject* end) { return {as_end(end)->channel, as_end(end)->end}; }

Ref<> channel_end_new(ThreadState& ts, Channel* channel, ChannelEnd end) {
  if (failed(sharing_classes(ts))) return {};
  SharingState& s = sharing_of(ts);
  PyTypeObject* type = end == ChannelEnd::kSend ? s.send_type : s.receive_type;
  Ref<> self = Ref<>::steal(type->tp_alloc(type, 0));
  if (!self) return {};
  ChannelResult r = channel->acquire(end, ts.interpreter().id);
  if (r != ChannelResult::kOk) return channel_raise(ts, r, channel->id());
  as_end(self.get())->channel = channel;
  as_end(self.get())->end = end;
  return self;
}

Raised channel_raise(ThreadState& ts, ChannelResult result, int64_t id) {
  if (failed(sharing_classes(ts))) return already_raised();
  SharingState& s = sharing_of(ts);
  auto n = static_cast<long long>(id);
  switch (result) {
    case ChannelResult::kEmpty: return raise(ts, s.channel_empty, "channel %lld is empty", n);
    case ChannelResult::kFull: return raise(ts, s.channel_full, "channel %lld is full", n);
    case ChannelResult::kClosed: return raise(ts, s.channel_closed, "channel %lld is closed", n);
    case ChannelResult::kReleased: return raise(ts, s.channel_closed, "channel %lld is released in this interpreter", n);
    case ChannelResult::kNotEmpty: return raise(ts, s.channel_not_empty, "channel %lld is not empty", n);
    default: return raise_memory(ts);
  }
}

Status deadline_from(ThreadState& ts, PyObject* timeout, int64_t* deadline) {
  *deadline = kForever;
  if (timeout == nullptr || timeout == Py_None) return Status::kOk;
  double seconds;
  if (failed(float_as_double(ts, timeout, &seconds))) return Status::kError;
  if (!(seconds >= 0)) return raise(ts, PyExc_ValueError, "timeout value must be a non-negative number");
  if (seconds > 4e9) return raise(ts, PyExc_OverflowError, "timeout value is too large");
  *deadline = seconds == 0 ? 0 : monotonic_now() + static_cast<int64_t>(std::ceil(seconds * 1e9));
  return Status::kOk;
}

namespace {

enum class Waited { kAgain, kTimeout, kError };

// The interpreter's lock is given up; signals and interrupts end the wait.
Waited wait_for(ThreadState& ts, Channel* channel, ChannelEnd end, int64_t deadline) {
  if (deadline == 0) return Waited::kTimeout;
  // The thread may never come back from attach: what it holds on the channel must not depend on that.
  channel->ref();
  detach(&ts);
  uint32_t reasons = channel->wait(end, ts.parker, deadline);
  channel->unref();
  attach(&ts);
  if (reasons == 0) return Waited::kTimeout;
  if (!(reasons & Parker::kPoked)) return Waited::kAgain;
  // Signals, interrupts, posted calls, exceptions that another thread set.
  return Py_MakePendingCalls() < 0 ? Waited::kError : Waited::kAgain;
}

}  // namespace

Status channel_send(ThreadState& ts, Channel* channel, PyObject* value, int64_t deadline, bool* timed_out, bool* received_soon) {
  *timed_out = false;
  MessageRef message = message_from_value(ts, value, "value");
  if (!message) return Status::kError;
  for (bool last_try = false;;) {
    ChannelResult r = channel->try_send(ts.interpreter().id, message.get(), received_soon);
    if (r == ChannelResult::kOk) {
      message.release();
      return Status::kOk;
    }
    if (r != ChannelResult::kFull) return channel_raise(ts, r, channel->id());
    if (last_try) {
      *timed_out = true;
      return Status::kOk;
    }
    Waited w = wait_for(ts, channel, ChannelEnd::kSend, deadline);
    if (w == Waited::kError) return Status::kError;
    last_try = w == Waited::kTimeout;
  }
}

Ref<> channel_receive(ThreadState& ts, Channel* channel, int64_t deadline, bool* timed_out) {
  *timed_out = false;
  for (bool last_try = false;;) {
    Message* got = nullptr;
    ChannelResult r = channel->try_receive(ts.interpreter().id, &got);
    if (r == ChannelResult::kOk) {
      MessageRef message(static_cast<ValueMessage*>(got));
      return message_to_value(ts, message.get());
    }
    if (r != ChannelResult::kEmpty) return channel_raise(ts, r, channel->id());
    if (last_try) {
      *timed_out = true;
      return {};
    }
    Waited w = wait_for(ts, channel, ChannelEnd::kReceive, deadline);
    if (w == Waited::kError) return {};
    last_try = w == Waited::kTimeout;
  }
}

// ---- the classes -------------------------------------------------------------------------------------------------

namespace {

void end_dealloc(PyObject* o) {
  ThreadState& ts = current_thread();
  if (as_end(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  if (as_end(o)->channel != nullptr) {
    OrphanList orphans;
    as_end(o)->channel->drop(as_end(o)->end, ts.interpreter().id, orphans);
  }
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}

// RecvChannel(id), SendChannel(id): an end of a channel that exists.
Ref<> end_new(ThreadState& ts, PyTypeObject* type, PyObject* id) {
  int64_t number;
  Ref<> index = number_index(ts, id);
  if (!index || failed(int_as_i64(ts, index.get(), &number))) return {};
  Channel* channel = Channel::find(number);
  if (channel == nullptr) return raise(ts, sharing_of(ts).channel_not_found, "channel %lld not found", static_cast<long long>(number));
  Ref<> self = channel_end_new(ts, channel, type == sharing_of(ts).send_type ? ChannelEnd::kSend : ChannelEnd::kReceive);
  channel->unref();
  return self;
}

Ref<> end_repr(ThreadState& ts, PyObject* o) {
  const char* name = as_end(o)->end == ChannelEnd::kSend ? "SendChannel" : "RecvChannel";
  return str_format(ts, "<%s id=%lld%s>", name, static_cast<long long>(as_end(o)->channel->id()), as_end(o)->channel->is_open(as_end(o)->end) ? "" : " closed");
}
Py_hash_t end_hash(ThreadState&, PyObject* o) { return as_end(o)->channel->id() * 2 + static_cast<int>(as_end(o)->end) + 1000003; }
Ref<> end_richcompare(ThreadState&, PyObject* a, PyObject* b, int op) {
  if (a->ob_type != b->ob_type || (op != Py_EQ && op != Py_NE)) return not_implemented();
  return new_bool((as_end(a)->channel == as_end(b)->channel) == (op == Py_EQ));
}
Ref<> get_id(ThreadState& ts, ChannelEndObject* e) { return int_from_i64(ts, e->channel->id()); }
Ref<> get_capacity(ThreadState& ts, ChannelEndObject* e) { return int_from_u64(ts, e->channel->capacity()); }
Ref<> get_closed(ThreadState&, ChannelEndObject* e) { return new_bool(!e->channel->is_open(e->end)); }
Ref<> end_count(ThreadState& ts, ChannelEndObject* e) { return int_from_u64(ts, e->channel->size()); }

Status end_close(ThreadState& ts, ChannelEndObject* e, bool force) {
  OrphanList orphans;
  bool receive = e->end == ChannelEnd::kReceive;
  ChannelResult r = e->channel->close(receive || force, true, force, orphans);
  // A second close changes nothing, as with files.
  return r == ChannelResult::kOk || r == ChannelResult::kClosed ? Status::kOk : static_cast<Status>(channel_raise(ts, r, e->channel->id()));
}
Status end_release(ThreadState& ts, ChannelEndObject* e) {
  OrphanList orphans;
  (void)e->channel->release(e->end, ts.interpreter().id, orphans);
  return Status::kOk;
}

Ref<> send_send(ThreadState& ts, ChannelEndObject* e, PyObject* value, PyObject* timeout) {
  int64_t deadline;
  bool timed_out;
  if (failed(deadline_from(ts, timeout, &deadline)) || failed(channel_send(ts, e->channel, value, deadline, &timed_out, nullptr))) return {};
  if (timed_out) return raise(ts, PyExc_TimeoutError, "channel %lld stayed full", static_cast<long long>(e->channel->id()));
  return new_none();
}
Ref<> send_nowait(ThreadState& ts, ChannelEndObject* e, PyObject* value) {
  bool timed_out, soon = false;
  if (failed(channel_send(ts, e->channel, value, 0, &timed_out, &soon))) return {};
  if (timed_out) return channel_raise(ts, ChannelResult::kFull, e->channel->id());
  return new_bool(soon);
}

Ref<> recv_recv(ThreadState& ts, ChannelEndObject* e, PyObject* timeout) {
  int64_t deadline;
  bool timed_out;
  if (failed(deadline_from(ts, timeout, &deadline))) return {};
  Ref<> value = channel_receive(ts, e->channel, deadline, &timed_out);
  if (timed_out) return raise(ts, PyExc_TimeoutError, "channel %lld stayed empty", static_cast<long long>(e->channel->id()));
  return value;
}
Ref<> recv_nowait(ThreadState& ts, ChannelEndObject* e, PyObject* fallback) {
  bool timed_out;
  Ref<> value = channel_receive(ts, e->channel, 0, &timed_out);
  if (!timed_out) return value;
  return fallback != nullptr ? dup(fallback) : static_cast<Ref<>>(channel_raise(ts, ChannelResult::kEmpty, e->channel->id()));
}
Ref<> recv_default(ThreadState& ts, ChannelEndObject* e, PyObject* fallback) { return recv_nowait(ts, e, fallback); }
Ref<> recv_iter(ThreadState&, PyObject* o) { return dup(o); }
Ref<> recv_next(ThreadState& ts, PyObject* o) {
  bool timed_out;
  Ref<> value = channel_receive(ts, as_end(o)->channel, kForever, &timed_out);
  if (!value) (void)error_clear_if(ts, sharing_of(ts).channel_closed);
  return value;
}

#define ATOLL_BOTH_ENDS                                                                                                     \
  ATOLL_METHOD(end_count, "count", "($self, /)", "How many messages wait in the channel."),                                \
      ATOLL_METHOD(end_release, "release", "($self, /)", "Give up this interpreter's use of the end.\n\nThe end is closed when no interpreter uses it any more.")
constexpr MethodSpec kSendMethods[] = {
    ATOLL_METHOD(send_send, "send", "($self, value, /, timeout=None)",
                 "Put a value into the channel.\n\nWaits while the channel is full, for ever or for `timeout` seconds (TimeoutError)."),
    ATOLL_METHOD(send_nowait, "send_nowait", "($self, value, /)",
                 "Put a value into the channel without waiting.\n\nTrue when a receiver was waiting for it. ChannelFullError when there is no place."),
    ATOLL_METHOD(end_close, "close", "($self, /, force=False)",
                 "End the sending, for all interpreters.\n\nReceivers get what is in the channel, then ChannelClosedError. With `force` it is dropped."),
    ATOLL_BOTH_ENDS, ATOLL_METHOD_END};
constexpr MethodSpec kReceiveMethods[] = {
    ATOLL_METHOD(recv_recv, "recv", "($self, /, timeout=None)",
                 "The next value.\n\nWaits for it, for ever or for `timeout` seconds (TimeoutError). ChannelClosedError when none can come any more."),
    ATOLL_METHOD(recv_nowait, "recv_nowait", "($self, default=<unrepresentable>, /)",
                 "The next value if there is one, else `default`, else ChannelEmptyError."),
    ATOLL_METHOD(recv_default, "recv_default", "($self, default, /)", "The next value if there is one, else `default`."),
    ATOLL_METHOD(end_close, "close", "($self, /, force=False)",
                 "Close the channel, for all interpreters.\n\nChannelNotEmptyError when something is in it; with `force` that is dropped."),
    ATOLL_BOTH_ENDS, ATOLL_METHOD_END};
constexpr PyGetSetDef kEndGetSet[] = {{"id", ATOLL_GETTER(get_id), nullptr, "The channel's number.", nullptr},
                                      {"capacity", ATOLL_GETTER(get_capacity), nullptr, "How many messages it holds at most; 0: no bound.", nullptr},
                                      {"closed", ATOLL_GETTER(get_closed), nullptr, "Is this end of no more use?", nullptr},
                                      ATOLL_GETSET_END};
constexpr PyMemberDef kEndMembers[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(ChannelEndObject, weakrefs), READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}};

template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}
PyMethodDef* methods_of(const MethodSpec* m) { return const_cast<PyMethodDef*>(m->c()); }

PyTypeObject* make_end_type(ChannelEnd end) {
  bool send = end == ChannelEnd::kSend;
  PyType_Slot slots[] = {{Py_tp_new, slot(ATOLL_NEW(end_new, "ChannelEnd", "(id, /)"))},
                         {Py_tp_dealloc, slot(end_dealloc)},
                         {Py_tp_repr, slot(ATOLL_SLOT(end_repr))},
                         {Py_tp_hash, slot(ATOLL_SLOT(end_hash))},
                         {Py_tp_richcompare, slot(ATOLL_SLOT(end_richcompare))},
                         {Py_tp_methods, methods_of(send ? kSendMethods : kReceiveMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kEndGetSet)},
                         {Py_tp_members, const_cast<PyMemberDef*>(kEndMembers)},
                         {Py_tp_doc, const_cast<char*>(send ? "The sending end of a channel." : "The receiving end of a channel.")},
                         {send ? 0 : Py_tp_iter, slot(ATOLL_SLOT(recv_iter))},  // the list ends here for senders
                         {Py_tp_iternext, slot(ATOLL_SLOT(recv_next))},
                         {0, nullptr}};
  PyType_Spec spec{send ? "interpreters.SendChannel" : "interpreters.RecvChannel", sizeof(ChannelEndObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

}  // namespace

Status sharing_classes(ThreadState& ts) {
  SharingState& s = sharing_of(ts);
  if (s.send_type != nullptr) return Status::kOk;
  auto fresh = [](PyObject** out, const char* name, const char* doc, PyObject* base) {
    if (*out == nullptr) *out = PyErr_NewExceptionWithDoc(name, doc, base, nullptr);
    return *out != nullptr;
  };
  Ref<> bases = tuple_of(ts, PyExc_TypeError, PyExc_ValueError);
  if (!bases) return Status::kError;
  if (!fresh(&s.interpreter_error, "interpreters.InterpreterError", "An operation on an interpreter failed.", PyExc_RuntimeError) ||
      !fresh(&s.interpreter_not_found, "interpreters.InterpreterNotFoundError", "There is no such interpreter (any more).", s.interpreter_error) ||
      !fresh(&s.not_shareable, "interpreters.NotShareableError", "An object can't be sent to another interpreter.", bases.get()) ||
      !fresh(&s.channel_error, "interpreters.ChannelError", "An operation on a channel failed.", PyExc_RuntimeError) ||
      !fresh(&s.channel_not_found, "interpreters.ChannelNotFoundError", "There is no such channel (any more).", s.channel_error) ||
      !fresh(&s.channel_closed, "interpreters.ChannelClosedError", "The channel is closed, or released in this interpreter.", s.channel_error) ||
      !fresh(&s.channel_empty, "interpreters.ChannelEmptyError", "Nothing is in the channel now.", s.channel_error) ||
      !fresh(&s.channel_full, "interpreters.ChannelFullError", "A bounded channel has no place now.", s.channel_error) ||
      !fresh(&s.channel_not_empty, "interpreters.ChannelNotEmptyError", "Something is in the channel.", s.channel_error)) {
    return Status::kError;
  }
  if (s.receive_type == nullptr) s.receive_type = make_end_type(ChannelEnd::kReceive);
  if (s.receive_type == nullptr) return Status::kError;
  s.send_type = make_end_type(ChannelEnd::kSend);
  return s.send_type != nullptr ? Status::kOk : Status::kError;
}

Status sharing_init(ThreadState&) { return Status::kOk; }

void sharing_clear(ThreadState& ts) {
  SharingState& s = sharing_of(ts);
  clear_field(s.receive_type);
  clear_field(s.send_type);
  clear_field(s.channel_id_type);
  clear_field(s.queue_type);
  for (PyObject** field : {&s.interpreter_not_found, &s.interpreter_error, &s.not_shareable, &s.channel_not_found, &s.channel_closed,
                           &s.channel_empty, &s.channel_full, &s.channel_not_empty, &s.channel_error, &s.queue_empty,
                           &s.queue_full, &s.queue_not_found, &s.queue_error}) {
    clear_field(*field);
  }
}

}  // namespace atl
