// _interpqueues: queues between interpreters, by number; the low level of concurrent.interpreters.
//
// A queue lives as long as somebody is bound to it: a Queue object in any interpreter, one on its way in a message, or a
// number that create or bind gave and release has not taken back.
#include "Modules/interpreter_tools.h"
#include "Modules/module_def.h"
#include "Objects/tuple.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/queue_object.h"

namespace atl {

namespace {

// A queue for the duration of a call, from its number or a Queue.
class QueueArg {
 public:
  QueueArg() = default;
  QueueArg(const QueueArg&) = delete;
  QueueArg& operator=(const QueueArg&) = delete;
  ~QueueArg() {
    if (channel_ != nullptr) channel_->unref();
  }
  Channel* operator->() const { return channel_; }
  Channel* get() const { return channel_; }

  bool find(ThreadState& ts, PyObject* o) {
    int64_t id;
    if (failed(queue_classes(ts))) return false;
    if (is_shared_queue(ts, o)) {
      id = shared_queue_channel(o)->id();
    } else {
      if (!PyIndex_Check(o)) return (void)raise(ts, PyExc_TypeError, "queue ID must be an int, got %T", o), false;
      Ref<> n = number_index(ts, o);
      if (!n || failed(int_as_i64(ts, n.get(), &id))) return false;
    }
    channel_ = Channel::find(id, ChannelKind::kQueue);
    if (channel_ == nullptr) (void)raise_queue_not_found(ts, id);
    return channel_ != nullptr;
  }

 private:
  Channel* channel_ = nullptr;
};

}  // namespace

template <>
struct ArgTraits<QueueArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, QueueArg* out) { return out->find(ts, o); }
};

namespace {

Ref<> m_create(ThreadState& ts, PyObject*, Py_ssize_t maxsize) {
  Channel* channel = Channel::create(maxsize > 0 ? static_cast<size_t>(maxsize) : 0, ChannelKind::kQueue);
  if (channel == nullptr) return raise_memory(ts);
  (void)channel->bind();
  Ref<> id = int_from_i64(ts, channel->id());
  channel->unref();
  return id;
}
Status m_destroy(ThreadState&, PyObject*, const QueueArg& queue) {
  OrphanList orphans;
  queue->destroy(orphans);
  return Status::kOk;
}
Ref<> m_list_all(ThreadState& ts, PyObject*) {
  NumberList ids;
  if (!ids.read([](int64_t* items, size_t room) { return Channel::list(ChannelKind::kQueue, items, room); })) return raise_memory(ts);
  return ids.as_list(ts);
}
Status m_put(ThreadState& ts, PyObject*, const QueueArg& queue, PyObject* value, bool block, PyObject* timeout) {
  int64_t deadline = 0;
  if (block && failed(deadline_from(ts, timeout, &deadline))) return Status::kError;
  return shared_queue_put(ts, queue.get(), value, deadline);
}
Ref<> m_get(ThreadState& ts, PyObject*, const QueueArg& queue, bool block, PyObject* timeout) {
  int64_t deadline = 0;
  if (block && failed(deadline_from(ts, timeout, &deadline))) return {};
  return shared_queue_get(ts, queue.get(), deadline);
}
Status m_bind(ThreadState& ts, PyObject*, const QueueArg& queue) {
  if (queue->bind()) return Status::kOk;
  return raise_queue_not_found(ts, queue->id());
}
Status m_release(ThreadState& ts, PyObject*, const QueueArg& queue) {
  OrphanList orphans;
  if (queue->unbind(orphans)) return Status::kOk;
  return raise(ts, ts.interpreter().sharing.queue_error, "queue %lld is not bound", static_cast<long long>(queue->id()));
}
Ref<> m_get_maxsize(ThreadState& ts, PyObject*, const QueueArg& queue) { return int_from_u64(ts, queue->capacity()); }
Tri m_is_full(ThreadState&, PyObject*, const QueueArg& queue) { return tri(queue->capacity() != 0 && queue->size() >= queue->capacity()); }
Ref<> m_get_count(ThreadState& ts, PyObject*, const QueueArg& queue) { return int_from_u64(ts, queue->size()); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_create, "create", "($module, maxsize=0)", "A new queue; its number, bound once."),
    ATOLL_METHOD(m_destroy, "destroy", "($module, qid)", "End a queue; what is in it is dropped."),
    ATOLL_METHOD(m_list_all, "list_all", "($module, /)", "The numbers of all queues."),
    ATOLL_METHOD(m_put, "put", "($module, qid, obj, *, block=False, timeout=None)", "Put an object into a queue."),
    ATOLL_METHOD(m_get, "get", "($module, qid, *, block=False, timeout=None)", "The next object of a queue."),
    ATOLL_METHOD(m_bind, "bind", "($module, qid)", "Keep a queue from ending."),
    ATOLL_METHOD(m_release, "release", "($module, qid)", "Take a bind (or create) back; the last one ends the queue."),
    ATOLL_METHOD(m_get_maxsize, "get_maxsize", "($module, qid)", "How many objects the queue holds at most; 0: no bound."),
    ATOLL_METHOD(m_is_full, "is_full", "($module, qid)", "Is there no place in the queue now?"),
    ATOLL_METHOD(m_get_count, "get_count", "($module, qid)", "How many objects are in the queue now."),
    ATOLL_METHOD_END};

int exec_queues(PyObject* m) {
  ThreadState& ts = current_thread();
  if (failed(queue_classes(ts))) return -1;
  SharingState& s = ts.interpreter().sharing;
  struct {
    const char* name;
    PyObject* value;
  } all[] = {{"Queue", obj(s.queue_type)}, {"QueueError", s.queue_error}, {"QueueNotFoundError", s.queue_not_found}, {"QueueEmpty", s.queue_empty}, {"QueueFull", s.queue_full}};
  for (auto& row : all) {
    if (PyModule_AddObjectRef(m, row.name, row.value) < 0) return -1;
  }
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__interpqueues, "_interpqueues", "Queues between interpreters: the low level.", 0, atl::kMethods, atl::exec_queues)
