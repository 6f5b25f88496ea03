#include "Python/sharing/queue_object.h"

#include "Objects/int/int.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/bind.h"
#include "Python/sharing/channel_object.h"
#include "structmember.h"

namespace atl {

namespace {

struct QueueObject {
  PyObject ob_base;
  Channel* channel;  // a handle of kind kId
  PyObject* weakrefs;
};
QueueObject* as_queue(PyObject* o) { return reinterpret_cast<QueueObject*>(o); }
SharingState& sharing_of(ThreadState& ts) { return ts.interpreter().sharing; }

void queue_dealloc(PyObject* o) {
  if (as_queue(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  if (Channel* channel = as_queue(o)->channel) {
    OrphanList orphans;
    channel->drop(ChannelEnd::kId, kInTransit, orphans);
  }
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}

// Queue(id): one more object for a queue that exists.
Ref<> queue_new(ThreadState& ts, PyTypeObject*, PyObject* id) {
  int64_t number;
  if (!PyIndex_Check(id)) return raise(ts, PyExc_TypeError, "id must be an int, got %R", id);
  Ref<> index = number_index(ts, id);
  if (!index || failed(int_as_i64(ts, index.get(), &number))) return {};
  Channel* channel = Channel::find(number, ChannelKind::kQueue);
  if (channel == nullptr) return raise_queue_not_found(ts, number);
  Ref<> self = shared_queue_new(ts, channel);
  channel->unref();
  return self;
}

Ref<> queue_repr(ThreadState& ts, PyObject* o) { return str_format(ts, "Queue(%lld)", static_cast<long long>(as_queue(o)->channel->id())); }
Py_hash_t queue_hash(ThreadState&, PyObject* o) { return as_queue(o)->channel->id(); }
Ref<> queue_richcompare(ThreadState&, PyObject* a, PyObject* b, int op) {
  if (a->ob_type != b->ob_type || (op != Py_EQ && op != Py_NE)) return not_implemented();
  return new_bool((as_queue(a)->channel == as_queue(b)->channel) == (op == Py_EQ));
}
Ref<> queue_reduce(ThreadState& ts, QueueObject*) { return raise(ts, PyExc_TypeError, "cannot pickle 'Queue' instances"); }

Status deadline_of(ThreadState& ts, bool block, PyObject* timeout, int64_t* deadline) {
  *deadline = 0;
  return block ? deadline_from(ts, timeout, deadline) : Status::kOk;
}

Status queue_put(ThreadState& ts, QueueObject* q, PyObject* value, bool block, PyObject* timeout) {
  int64_t deadline;
  return failed(deadline_of(ts, block, timeout, &deadline)) ? Status::kError : shared_queue_put(ts, q->channel, value, deadline);
}
Status queue_put_nowait(ThreadState& ts, QueueObject* q, PyObject* value) { return shared_queue_put(ts, q->channel, value, 0); }
Ref<> queue_get(ThreadState& ts, QueueObject* q, bool block, PyObject* timeout) {
  int64_t deadline;
  return failed(deadline_of(ts, block, timeout, &deadline)) ? Ref<>() : shared_queue_get(ts, q->channel, deadline);
}
Ref<> queue_get_nowait(ThreadState& ts, QueueObject* q) { return shared_queue_get(ts, q->channel, 0); }

Status check_there(ThreadState& ts, QueueObject* q) {
  return q->channel->is_open(ChannelEnd::kSend) ? Status::kOk : static_cast<Status>(raise_queue_not_found(ts, q->channel->id()));
}
Ref<> queue_qsize(ThreadState& ts, QueueObject* q) { return failed(check_there(ts, q)) ? Ref<>() : int_from_u64(ts, q->channel->size()); }
Tri queue_empty(ThreadState& ts, QueueObject* q) { return failed(check_there(ts, q)) ? Tri::kError : tri(q->channel->size() == 0); }
Tri queue_full(ThreadState& ts, QueueObject* q) {
  return failed(check_there(ts, q)) ? Tri::kError : tri(q->channel->capacity() != 0 && q->channel->size() >= q->channel->capacity());
}
Ref<> get_id(ThreadState& ts, QueueObject* q) { return int_from_i64(ts, q->channel->id()); }
Ref<> get_maxsize(ThreadState& ts, QueueObject* q) { return int_from_u64(ts, q->channel->capacity()); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(queue_put, "put", "($self, obj, block=True, timeout=None)",
                 "Put an object into the queue.\n\nWaits while the queue is full, for ever or for `timeout` seconds; then QueueFull."),
    ATOLL_METHOD(queue_put_nowait, "put_nowait", "($self, obj)", "Put an object into the queue, or QueueFull."),
    ATOLL_METHOD(queue_get, "get", "($self, block=True, timeout=None)",
                 "The next object.\n\nWaits for it, for ever or for `timeout` seconds; then QueueEmpty."),
    ATOLL_METHOD(queue_get_nowait, "get_nowait", "($self, /)", "The next object, or QueueEmpty."),
    ATOLL_METHOD(queue_qsize, "qsize", "($self, /)", "How many objects are in the queue now."),
    ATOLL_METHOD(queue_empty, "empty", "($self, /)", "Is nothing in the queue now?"),
    ATOLL_METHOD(queue_full, "full", "($self, /)", "Is there no place in the queue now?"),
    ATOLL_METHOD(queue_reduce, "__reduce__", "($self, /)", "Queues can't be pickled; they can be sent."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"id", ATOLL_GETTER(get_id), nullptr, "The queue's number.", nullptr},
                                   {"maxsize", ATOLL_GETTER(get_maxsize), nullptr, "How many objects it holds at most; 0: no bound.", nullptr},
                                   ATOLL_GETSET_END};
constexpr PyMemberDef kMembers[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(QueueObject, weakrefs), READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}};

template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}

PyTypeObject* make_queue_type() {
  PyType_Slot slots[] = {{Py_tp_new, slot(ATOLL_NEW(queue_new, "Queue", "(id, /)"))},
                         {Py_tp_dealloc, slot(queue_dealloc)},
                         {Py_tp_repr, slot(ATOLL_SLOT(queue_repr))},
                         {Py_tp_hash, slot(ATOLL_SLOT(queue_hash))},
                         {Py_tp_richcompare, slot(ATOLL_SLOT(queue_richcompare))},
                         {Py_tp_methods, const_cast<PyMethodDef*>(kMethods->c())},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
                         {Py_tp_doc, const_cast<char*>("A queue between interpreters, first in first out.")},
                         {0, nullptr}};
  PyType_Spec spec{"concurrent.interpreters.Queue", sizeof(QueueObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

// An exception class below QueueError and one of queue's.
bool make_error(ThreadState& ts, PyObject** out, PyObject* queue_module, const char* base, const char* name, const char* doc) {
  if (*out != nullptr) return true;
  Ref<> other = object_getattr(ts, queue_module, base);
  Ref<> bases = other ? tuple_of(ts, sharing_of(ts).queue_error, other.get()) : Ref<>();
  if (bases) *out = PyErr_NewExceptionWithDoc(name, doc, bases.get(), nullptr);
  return *out != nullptr;
}

}  // namespace

Status queue_classes(ThreadState& ts) {
  SharingState& s = sharing_of(ts);
  if (s.queue_type != nullptr) return Status::kOk;
  if (failed(sharing_classes(ts))) return Status::kError;
  if (s.queue_error == nullptr) s.queue_error = PyErr_NewExceptionWithDoc("concurrent.interpreters.QueueError", "An operation on a queue failed.", PyExc_RuntimeError, nullptr);
  if (s.queue_error == nullptr) return Status::kError;
  if (s.queue_not_found == nullptr) {
    s.queue_not_found = PyErr_NewExceptionWithDoc("concurrent.interpreters.QueueNotFoundError", "There is no such queue (any more).", s.queue_error, nullptr);
    if (s.queue_not_found == nullptr) return Status::kError;
  }
  Ref<> module = Ref<>::steal(PyImport_ImportModule("queue"));
  if (!module || !make_error(ts, &s.queue_empty, module.get(), "Empty", "concurrent.interpreters.QueueEmpty", "Nothing is in the queue.") ||
      !make_error(ts, &s.queue_full, module.get(), "Full", "concurrent.interpreters.QueueFull", "There is no place in the queue.")) {
    return Status::kError;
  }
  s.queue_type = make_queue_type();
  return s.queue_type != nullptr ? Status::kOk : Status::kError;
}

bool is_shared_queue(ThreadState& ts, PyObject* o) { return o->ob_type == sharing_of(ts).queue_type; }
Channel* shared_queue_channel(PyObject* o) { return as_queue(o)->channel; }

Ref<> shared_queue_new(ThreadState& ts, Channel* channel) {
  if (failed(queue_classes(ts))) return {};
  PyTypeObject* type = sharing_of(ts).queue_type;
  Ref<> self = Ref<>::steal(type->tp_alloc(type, 0));
  if (!self) return {};
  if (channel->acquire(ChannelEnd::kId, kInTransit) != ChannelResult::kOk) return raise_queue_not_found(ts, channel->id());
  as_queue(self.get())->channel = channel;
  return self;
}

Raised raise_queue_not_found(ThreadState& ts, int64_t id) {
  if (failed(queue_classes(ts))) return already_raised();
  return raise(ts, sharing_of(ts).queue_not_found, "queue %lld not found", static_cast<long long>(id));
}

Status shared_queue_put(ThreadState& ts, Channel* channel, PyObject* value, int64_t deadline) {
  bool timed_out;
  if (failed(queue_classes(ts))) return Status::kError;
  if (failed(channel_send(ts, channel, value, deadline, &timed_out, nullptr))) {
    if (!error_clear_if(ts, sharing_of(ts).channel_closed)) return Status::kError;
    return raise_queue_not_found(ts, channel->id());
  }
  return timed_out ? static_cast<Status>(raise(ts, sharing_of(ts).queue_full, "queue %lld is full", static_cast<long long>(channel->id()))) : Status::kOk;
}

Ref<> shared_queue_get(ThreadState& ts, Channel* channel, int64_t deadline) {
  bool timed_out;
  if (failed(queue_classes(ts))) return {};
  Ref<> value = channel_receive(ts, channel, deadline, &timed_out);
  if (value) return value;
  if (timed_out) return raise(ts, sharing_of(ts).queue_empty, "queue %lld is empty", static_cast<long long>(channel->id()));
  if (!error_clear_if(ts, sharing_of(ts).channel_closed)) return {};
  return raise_queue_not_found(ts, channel->id());
}

}  // namespace atl
