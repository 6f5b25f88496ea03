#include "Python/sharing/channel_id.h"

#include "Objects/int/int.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/type/bind.h"
#include "Python/sharing/channel_object.h"

namespace atl {

namespace {

struct ChannelIdObject {
  PyObject ob_base;
  int64_t id;
  Channel* channel;  // a handle of kind kId, or NULL
  uint8_t ends;
};
ChannelIdObject* as_id(PyObject* o) { return reinterpret_cast<ChannelIdObject*>(o); }
PyTypeObject*& id_type(ThreadState& ts) { return ts.interpreter().sharing.channel_id_type; }

void id_dealloc(PyObject* o) {
  if (Channel* channel = as_id(o)->channel) {
    OrphanList orphans;
    channel->drop(ChannelEnd::kId, kInTransit, orphans);
  }
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}

Ref<> id_repr(ThreadState& ts, PyObject* o) {
  const char* ends = as_id(o)->ends == kSendEnd ? ", send=True" : as_id(o)->ends == kReceiveEnd ? ", recv=True" : "";
  return str_format(ts, "%s(%lld%s)", o->ob_type->tp_name[0] == '_' ? "ChannelID" : o->ob_type->tp_name, static_cast<long long>(as_id(o)->id), ends);
}
Ref<> id_str(ThreadState& ts, PyObject* o) { return str_format(ts, "%lld", static_cast<long long>(as_id(o)->id)); }
Ref<> id_int(ThreadState& ts, PyObject* o) { return int_from_i64(ts, as_id(o)->id); }
Py_hash_t id_hash(ThreadState&, PyObject* o) { return as_id(o)->id; }  // as the int's
Ref<> id_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  bool same = b->ob_type == a->ob_type;
  if (same && as_id(a)->ends != as_id(b)->ends) return op == Py_EQ || op == Py_NE ? new_bool(op == Py_NE) : not_implemented();
  return number_object_richcompare(ts, as_id(a)->id, b, same, same ? as_id(b)->id : 0, op);
}

Ref<> get_end(ThreadState& ts, ChannelIdObject* c) { return str_from_ascii(ts, c->ends == kSendEnd ? "send" : c->ends == kReceiveEnd ? "recv" : "both"); }
Ref<> other_end(ThreadState& ts, ChannelIdObject* c, uint8_t ends) {
  return c->channel != nullptr ? channel_id_new(ts, c->channel, ends) : channel_id_forced(ts, c->id, ends);
}
Ref<> get_send(ThreadState& ts, ChannelIdObject* c) { return other_end(ts, c, kSendEnd); }
Ref<> get_recv(ThreadState& ts, ChannelIdObject* c) { return other_end(ts, c, kReceiveEnd); }

constexpr PyGetSetDef kGetSet[] = {{"end", ATOLL_GETTER(get_end), nullptr, "'send', 'recv', or 'both'", nullptr},
                                   {"send", ATOLL_GETTER(get_send), nullptr, "the 'send' end of the channel", nullptr},
                                   {"recv", ATOLL_GETTER(get_recv), nullptr, "the 'recv' end of the channel", nullptr},
                                   ATOLL_GETSET_END};

template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}

}  // namespace

Status channel_id_class(ThreadState& ts) {
  if (id_type(ts) != nullptr) return Status::kOk;
  if (failed(sharing_classes(ts))) return Status::kError;
  PyType_Slot slots[] = {{Py_tp_dealloc, slot(id_dealloc)},
                         {Py_tp_repr, slot(ATOLL_SLOT(id_repr))},
                         {Py_tp_str, slot(ATOLL_SLOT(id_str))},
                         {Py_tp_hash, slot(ATOLL_SLOT(id_hash))},
                         {Py_tp_richcompare, slot(ATOLL_SLOT(id_richcompare))},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {Py_nb_int, slot(ATOLL_SLOT(id_int))},
                         {Py_nb_index, slot(ATOLL_SLOT(id_int))},
                         {Py_tp_doc, const_cast<char*>("The number of a channel; may be used as an int.")},
                         {0, nullptr}};
  PyType_Spec spec{"_xxsubinterpreters.ChannelID", sizeof(ChannelIdObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  id_type(ts) = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return id_type(ts) != nullptr ? Status::kOk : Status::kError;
}

bool is_channel_id(ThreadState& ts, PyObject* o) { return o->ob_type == id_type(ts); }
ChannelIdValue channel_id_value(PyObject* o) { return {as_id(o)->id, as_id(o)->ends}; }

Ref<> channel_id_forced(ThreadState& ts, int64_t id, uint8_t ends) {
  if (failed(channel_id_class(ts))) return {};
  Ref<> self = Ref<>::steal(id_type(ts)->tp_alloc(id_type(ts), 0));
  if (!self) return {};
  as_id(self.get())->id = id;
  as_id(self.get())->ends = ends;
  return self;
}

Ref<> channel_id_new(ThreadState& ts, Channel* channel, uint8_t ends) {
  Ref<> self = channel_id_forced(ts, channel->id(), ends);
  if (!self) return {};
  if (channel->acquire(ChannelEnd::kId, kInTransit) != ChannelResult::kOk) return raise_channel_not_found(ts, channel->id());
  as_id(self.get())->channel = channel;
  return self;
}

Raised raise_channel_not_found(ThreadState& ts, int64_t id) {
  if (failed(sharing_classes(ts))) return already_raised();
  return raise(ts, ts.interpreter().sharing.channel_not_found, "channel %lld not found", static_cast<long long>(id));
}

Ref<> number_object_richcompare(ThreadState& ts, int64_t own, PyObject* other, bool same_type, int64_t others, int op) {
  if (op != Py_EQ && op != Py_NE) return not_implemented();
  if (same_type) return new_bool((own == others) == (op == Py_EQ));
  if (!PyNumber_Check(other)) return not_implemented();
  Ref<> number = int_from_i64(ts, own);
  return number ? object_richcompare(ts, number.get(), other, op) : Ref<>();
}

Status number_argument(ThreadState& ts, PyObject* o, const char* what, int64_t* out) {
  if (!PyIndex_Check(o)) return raise(ts, PyExc_TypeError, "%s ID must be an int, got %.100T", what, o);
  Ref<> n = number_index(ts, o);
  if (!n || failed(int_as_i64(ts, n.get(), out))) return Status::kError;
  if (*out < 0) return raise(ts, PyExc_ValueError, "%s ID must be a non-negative int, got %R", what, o);
  return Status::kOk;
}

}  // namespace atl
