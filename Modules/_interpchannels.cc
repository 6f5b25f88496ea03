// _interpchannels: channels by number, and the classes of their ends; the low level of the package interpreters.
#include "Modules/interpreter_tools.h"
#include "Modules/module_def.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "Python/sharing/channel_object.h"

namespace atl {

namespace {

// A channel for the duration of a call, from its number or one of its ends.
class ChannelArg {
 public:
  ChannelArg() = default;
  ChannelArg(const ChannelArg&) = delete;
  ChannelArg& operator=(const ChannelArg&) = delete;
  ~ChannelArg() {
    if (channel_ != nullptr) channel_->unref();
  }
  Channel* operator->() const { return channel_; }
  Channel* get() const { return channel_; }

  bool find(ThreadState& ts, PyObject* o) {
    if (failed(sharing_classes(ts))) return false;
    if (is_channel_end(ts, o)) {
      channel_ = channel_end_handle(o).channel;
      channel_->ref();
      return true;
    }
    int64_t id;
    Ref<> n = number_index(ts, o);
    if (!n || failed(int_as_i64(ts, n.get(), &id))) return false;
    channel_ = Channel::find(id);
    if (channel_ != nullptr) return true;
    (void)raise(ts, ts.interpreter().sharing.channel_not_found, "channel %lld not found", static_cast<long long>(id));
    return false;
  }

 private:
  Channel* channel_ = nullptr;
};

}  // namespace

template <>
struct ArgTraits<ChannelArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, ChannelArg* out) { return out->find(ts, o); }
};

namespace {

// (receiving end, sending end) of a new channel. The ends keep it alive.
Ref<> m_create(ThreadState& ts, PyObject*, Py_ssize_t capacity) {
  if (capacity < 0) return raise(ts, PyExc_ValueError, "capacity must not be negative");
  if (failed(sharing_classes(ts))) return {};
  Channel* channel = Channel::create(static_cast<size_t>(capacity));
  if (channel == nullptr) return raise_memory(ts);
  Ref<> receive = channel_end_new(ts, channel, ChannelEnd::kReceive);
  Ref<> send = receive ? channel_end_new(ts, channel, ChannelEnd::kSend) : Ref<>();
  channel->unref();
  return send ? tuple_of(ts, receive.get(), send.get()) : Ref<>();
}

Ref<> m_list_all(ThreadState& ts, PyObject*) {
  NumberList ids;
  if (!ids.read([](int64_t* items, size_t room) { return Channel::list(ChannelKind::kChannel, items, room); })) return raise_memory(ts);
  return ids.as_list(ts);
}

Ref<> m_list_interpreters(ThreadState& ts, PyObject*, const ChannelArg& channel, bool send) {
  NumberList ids;
  ChannelEnd end = send ? ChannelEnd::kSend : ChannelEnd::kReceive;
  if (!ids.read([&](int64_t* items, size_t room) { return channel->list_interpreters(end, items, room); })) return raise_memory(ts);
  return ids.as_list(ts);
}

Ref<> m_send(ThreadState& ts, PyObject*, const ChannelArg& channel, PyObject* value, bool blocking, PyObject* timeout) {
  int64_t deadline = 0;
  bool timed_out;
  if (blocking && failed(deadline_from(ts, timeout, &deadline))) return {};
  if (failed(channel_send(ts, channel.get(), value, deadline, &timed_out, nullptr))) return {};
  if (!timed_out) return new_none();
  if (blocking) return raise(ts, PyExc_TimeoutError, "channel %lld stayed full", static_cast<long long>(channel->id()));
  return channel_raise(ts, ChannelResult::kFull, channel->id());
}

// Never waits, as in later versions.
Ref<> m_recv(ThreadState& ts, PyObject*, const ChannelArg& channel, PyObject* fallback) {
  bool timed_out;
  Ref<> value = channel_receive(ts, channel.get(), 0, &timed_out);
  if (!timed_out) return value;
  return fallback != nullptr ? dup(fallback) : static_cast<Ref<>>(channel_raise(ts, ChannelResult::kEmpty, channel->id()));
}

Status m_close(ThreadState& ts, PyObject*, const ChannelArg& channel, bool send, bool recv, bool force) {
  if (!send && !recv) send = recv = true;
  OrphanList orphans;
  ChannelResult r = channel->close(recv, send, force, orphans);
  return r == ChannelResult::kOk ? Status::kOk : static_cast<Status>(channel_raise(ts, r, channel->id()));
}
Status m_destroy(ThreadState& ts, PyObject*, const ChannelArg& channel) {
  OrphanList orphans;
  (void)channel->close(true, true, true, orphans);
  (void)ts;
  return Status::kOk;
}
Status m_release(ThreadState& ts, PyObject*, const ChannelArg& channel, bool send, bool recv) {
  if (!send && !recv) send = recv = true;
  OrphanList orphans;
  ChannelResult r = channel->release_both(ts.interpreter().id, recv, send, orphans);
  return r == ChannelResult::kOk ? Status::kOk : static_cast<Status>(channel_raise(ts, r, channel->id()));
}
Ref<> m_get_count(ThreadState& ts, PyObject*, const ChannelArg& channel) { return int_from_u64(ts, channel->size()); }
// Messages alive in the process, sent or not: back to zero when all is received or dropped.
Ref<> m_count_messages(ThreadState& ts, PyObject*) { return int_from_i64(ts, runtime().channels.messages.load()); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_create, "create", "($module, /, capacity=0)", "A new channel: (receiving end, sending end)."),
    ATOLL_METHOD(m_destroy, "destroy", "($module, cid)", "Close both ends; what is in the channel is dropped."),
    ATOLL_METHOD(m_list_all, "list_all", "($module, /)", "The numbers of all channels."),
    ATOLL_METHOD(m_list_interpreters, "list_interpreters", "($module, cid, *, send=False)", "IDs of the interpreters that hold an end."),
    ATOLL_METHOD(m_send, "send", "($module, cid, obj, *, blocking=True, timeout=None)", "Put a value into a channel."),
    ATOLL_METHOD(m_recv, "recv", "($module, cid, default=<unrepresentable>)", "The next value, without waiting."),
    ATOLL_METHOD(m_close, "close", "($module, cid, *, send=False, recv=False, force=False)", "Close an end, or both, for all interpreters."),
    ATOLL_METHOD(m_release, "release", "($module, cid, *, send=False, recv=False)", "Give up this interpreter's use of an end, or both."),
    ATOLL_METHOD(m_get_count, "get_count", "($module, cid)", "How many values are in the channel."),
    ATOLL_METHOD(m_count_messages, "_count_messages", "($module, /)", "How many messages are alive in the process."),
    ATOLL_METHOD_END};

int exec_channels(PyObject* m) {
  ThreadState& ts = current_thread();
  if (failed(sharing_classes(ts))) return -1;
  SharingState& s = ts.interpreter().sharing;
  struct {
    const char* name;
    PyObject* value;
  } all[] = {{"ChannelError", s.channel_error},
             {"ChannelNotFoundError", s.channel_not_found},
             {"ChannelClosedError", s.channel_closed},
             {"ChannelEmptyError", s.channel_empty},
             {"ChannelFullError", s.channel_full},
             {"ChannelNotEmptyError", s.channel_not_empty},
             {"RecvChannel", obj(s.receive_type)},
             {"SendChannel", obj(s.send_type)}};
  for (auto& row : all) {
    if (PyModule_AddObjectRef(m, row.name, row.value) < 0) return -1;
  }
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__interpchannels, "_interpchannels", "Channels between interpreters: the low level.", 0, atl::kMethods, atl::exec_channels)
