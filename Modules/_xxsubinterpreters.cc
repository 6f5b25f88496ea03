// _xxsubinterpreters: the module of 3.11, over what _interpreters and _interpchannels use. Channels are used by number:
// an interpreter that has sent or received uses that end until it releases it or is gone.
#include "Modules/interpreter_tools.h"
#include "Modules/module_def.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "Python/sharing/channel_id.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/execute.h"

namespace atl {

namespace {

struct State {
  PyTypeObject* interpreter_id_type;
  PyObject* run_failed;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

// ---- InterpreterID -------------------------------------------------------------------------------------------------

struct InterpreterIdObject {
  PyObject ob_base;
  int64_t id;
  bool counted;  // the interpreter ends with the last of these
};
InterpreterIdObject* as_id(PyObject* o) { return reinterpret_cast<InterpreterIdObject*>(o); }

Ref<> interpreter_id_new(ThreadState& ts, PyTypeObject* type, int64_t id, bool force) {
  Ref<> self = Ref<>::steal(type->tp_alloc(type, 0));
  if (!self) return {};
  as_id(self.get())->id = id;
  if (!force) {
    if (failed(interpreters_add_ref(ts, id, false))) return {};
    as_id(self.get())->counted = true;
  }
  return self;
}
Ref<> id_new(ThreadState& ts, PyTypeObject* type, PyObject* id, bool force) {
  int64_t number;
  return failed(number_argument(ts, id, "interpreter", &number)) ? Ref<>() : interpreter_id_new(ts, type, number, force);
}
void id_dealloc(PyObject* o) {
  ThreadState& ts = current_thread();
  int64_t id = as_id(o)->id;
  bool counted = as_id(o)->counted;
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
  if (counted && failed(interpreters_drop_ref(ts, id))) error_clear(ts);
}
Ref<> id_repr(ThreadState& ts, PyObject* o) {
  Ref<> name = object_getattr(ts, obj(o->ob_type), "__name__");
  return name ? str_format(ts, "%U(%lld)", name.get(), static_cast<long long>(as_id(o)->id)) : Ref<>();
}
Ref<> id_str(ThreadState& ts, PyObject* o) { return str_format(ts, "%lld", static_cast<long long>(as_id(o)->id)); }
Ref<> id_int(ThreadState& ts, PyObject* o) { return int_from_i64(ts, as_id(o)->id); }
Py_hash_t id_hash(ThreadState&, PyObject* o) { return as_id(o)->id; }
Ref<> id_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  bool same = b->ob_type == a->ob_type;
  return number_object_richcompare(ts, as_id(a)->id, b, same, same ? as_id(b)->id : 0, op);
}

// ---- what may be sent ----------------------------------------------------------------------------------------------

bool sent_by_311(ThreadState& ts, PyObject* o) { return o == Py_None || is_exact_str(o) || PyBytes_CheckExact(o) || PyLong_CheckExact(o) || is_channel_id(ts, o); }
Status check_sendable(ThreadState& ts, PyObject* o) {
  if (!sent_by_311(ts, o)) return raise(ts, PyExc_ValueError, "%S does not support cross-interpreter data", o);
  if (!PyLong_CheckExact(o)) return Status::kOk;
  int64_t fits;
  return int_as_i64(ts, o, &fits);
}

// ---- interpreters --------------------------------------------------------------------------------------------------

Ref<> make_id(ThreadState& ts, PyObject* m, int64_t id) { return interpreter_id_new(ts, state_of(m)->interpreter_id_type, id, false); }

Ref<> m_create(ThreadState& ts, PyObject* m, bool isolated) {
  InterpreterOptions options;
  if (isolated) {
    options.own_gil = true;
    options.use_main_obmalloc = options.allow_fork = options.allow_exec = options.allow_threads = options.allow_daemon_threads = false;
    options.check_multi_interp_extensions = true;
  }
  int64_t id;
  if (failed(interpreters_create(ts, options, Whence::kModule, &id))) return {};
  Ref<> object = make_id(ts, m, id);
  if (!object) {
    ErrorStash stash(ts);
    if (failed(interpreters_destroy(ts, id))) error_clear(ts);
    return {};
  }
  return failed(interpreters_set_ends_with_refs(ts, id)) ? Ref<>() : std::move(object);
}
Status m_destroy(ThreadState& ts, PyObject*, PyObject* id) {
  int64_t number;
  return failed(number_argument(ts, id, "interpreter", &number)) ? Status::kError : interpreters_destroy(ts, number);
}
Ref<> m_list_all(ThreadState& ts, PyObject* m) {
  InterpreterIds ids;
  if (!ids.read()) return raise_memory(ts);
  Ref<> list = list_new_room(ts, static_cast<Py_ssize_t>(ids.size()));
  for (size_t i = 0; list && i < ids.size(); ++i) {
    Ref<> id = make_id(ts, m, ids[i]);
    if (!id && error_clear_if(ts, ts.interpreter().sharing.interpreter_not_found)) continue;  // ended meanwhile
    if (!id || failed(list_append(ts, list.get(), std::move(id)))) return {};
  }
  return list;
}
Ref<> m_get_current(ThreadState& ts, PyObject* m) { return make_id(ts, m, ts.interpreter().id); }
Ref<> m_get_main(ThreadState& ts, PyObject* m) { return make_id(ts, m, 0); }
Tri m_is_running(ThreadState& ts, PyObject*, PyObject* id) {
  int64_t number;
  return failed(number_argument(ts, id, "interpreter", &number)) ? Tri::kError : interpreters_is_running(ts, number);
}

Ref<> m_run_string(ThreadState& ts, PyObject* m, PyObject* id, PyObject* script, PyObject* shared) {
  int64_t number;
  if (failed(number_argument(ts, id, "interpreter", &number))) return {};
  if (!is_str(script)) return raise(ts, PyExc_TypeError, "run_string() argument 2 must be str, not %T", script);
  RemoteRun what;
  what.source = script;
  what.shared = shared;
  if (failed(check_shared_dict(ts, &what.shared))) return {};
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (what.shared != nullptr && dict_next(what.shared, &pos, &key, &value)) {
    if (failed(check_sendable(ts, value))) return {};
  }
  RemoteOutcome outcome;
  if (failed(interpreters_run(ts, number, what, &outcome))) return {};
  if (!outcome.exception) return new_none();
  // The class as its repr, then the text.
  PyObject* parts = outcome.exception.get();
  PyObject* module = tuple_peek(parts, 2);
  Ref<> type = str_equals_ascii(module, "builtins") ? str_format(ts, "<class '%U'>", tuple_peek(parts, 1))
                                                    : str_format(ts, "<class '%U.%U'>", module, tuple_peek(parts, 1));
  return type ? raise(ts, state_of(m)->run_failed, "%U: %U", type.get(), tuple_peek(parts, 3)) : already_raised();
}

Tri m_is_shareable(ThreadState& ts, PyObject*, PyObject* o) { return tri(sent_by_311(ts, o)); }

// ---- channels ------------------------------------------------------------------------------------------------------

// A channel for the duration of a call, from its number or a ChannelID.
class NumberedChannel {
 public:
  NumberedChannel() = default;
  NumberedChannel(const NumberedChannel&) = delete;
  NumberedChannel& operator=(const NumberedChannel&) = delete;
  ~NumberedChannel() {
    if (channel_ != nullptr) channel_->unref();
  }
  Channel* operator->() const { return channel_; }
  Channel* get() const { return channel_; }
  bool find(ThreadState& ts, PyObject* o) {
    int64_t id;
    if (failed(sharing_classes(ts)) || failed(number_argument(ts, o, "channel", &id))) return false;
    channel_ = Channel::find(id, ChannelKind::kNumbered);
    if (channel_ == nullptr) (void)raise_channel_not_found(ts, id);
    return channel_ != nullptr;
  }

 private:
  Channel* channel_ = nullptr;
};

}  // namespace

template <>
struct ArgTraits<NumberedChannel> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, NumberedChannel* out) { return out->find(ts, o); }
};

namespace {

Ref<> m_channel_create(ThreadState& ts, PyObject*) {
  Channel* channel = Channel::create(0, ChannelKind::kNumbered);
  if (channel == nullptr) return raise_memory(ts);
  Ref<> id = channel_id_new(ts, channel, kBothEnds);
  channel->unref();
  return id;
}
Status m_channel_destroy(ThreadState&, PyObject*, const NumberedChannel& channel) {
  OrphanList orphans;
  channel->destroy(orphans);
  return Status::kOk;
}
Ref<> m_channel_list_all(ThreadState& ts, PyObject*) {
  NumberList ids;
  if (!ids.read([](int64_t* items, size_t room) { return Channel::list(ChannelKind::kNumbered, items, room); })) return raise_memory(ts);
  Ref<> list = list_new_room(ts, static_cast<Py_ssize_t>(ids.size()));
  for (size_t i = 0; list && i < ids.size(); ++i) {
    Channel* channel = Channel::find(ids[i], ChannelKind::kNumbered);
    if (channel == nullptr) continue;
    Ref<> id = channel_id_new(ts, channel, kBothEnds);
    channel->unref();
    if (!id && error_clear_if(ts, ts.interpreter().sharing.channel_not_found)) continue;  // destroyed meanwhile
    if (!id || failed(list_append(ts, list.get(), std::move(id)))) return {};
  }
  return list;
}
Ref<> m_channel_list_interpreters(ThreadState& ts, PyObject* m, const NumberedChannel& channel, bool send) {
  ChannelEnd end = send ? ChannelEnd::kSend : ChannelEnd::kReceive;
  if (!channel->is_open(end)) return channel_raise(ts, ChannelResult::kClosed, channel->id());
  NumberList ids;
  if (!ids.read([&](int64_t* items, size_t room) { return channel->list_interpreters(end, items, room); })) return raise_memory(ts);
  Ref<> list = list_new_room(ts, static_cast<Py_ssize_t>(ids.size()));
  for (size_t i = 0; list && i < ids.size(); ++i) {
    Ref<> id = make_id(ts, m, ids[i]);
    if (!id && error_clear_if(ts, ts.interpreter().sharing.interpreter_not_found)) continue;
    if (!id || failed(list_append(ts, list.get(), std::move(id)))) return {};
  }
  return list;
}

Status m_channel_send(ThreadState& ts, PyObject*, const NumberedChannel& channel, PyObject* value) {
  if (failed(check_sendable(ts, value))) return Status::kError;
  ChannelResult r = channel->use(ChannelEnd::kSend, ts.interpreter().id);
  if (r != ChannelResult::kOk) return channel_raise(ts, r, channel->id());
  bool timed_out;
  return channel_send(ts, channel.get(), value, 0, &timed_out, nullptr);
}
Ref<> m_channel_recv(ThreadState& ts, PyObject*, const NumberedChannel& channel, PyObject* fallback) {
  ChannelResult r = channel->use(ChannelEnd::kReceive, ts.interpreter().id);
  if (r != ChannelResult::kOk) return channel_raise(ts, r, channel->id());
  bool timed_out;
  Ref<> value = channel_receive(ts, channel.get(), 0, &timed_out);
  if (!timed_out) return value;
  return fallback != nullptr ? dup(fallback) : static_cast<Ref<>>(channel_raise(ts, ChannelResult::kEmpty, channel->id()));
}

Status m_channel_close(ThreadState& ts, PyObject*, const NumberedChannel& channel, bool send, bool recv, bool force) {
  if (!send && !recv) send = recv = true;
  OrphanList orphans;
  bool over = !channel->is_open(ChannelEnd::kSend) && !channel->is_open(ChannelEnd::kReceive);
  ChannelResult r = over ? ChannelResult::kClosed : channel->close(recv || force, send, force, orphans);
  return r == ChannelResult::kOk ? Status::kOk : static_cast<Status>(channel_raise(ts, r, channel->id()));
}
Status m_channel_release(ThreadState& ts, PyObject*, const NumberedChannel& channel, bool send, bool recv, bool) {
  if (!send && !recv) send = recv = true;
  OrphanList orphans;
  ChannelResult r = channel->release_both(ts.interpreter().id, recv, send, orphans);
  return r == ChannelResult::kOk ? Status::kOk : static_cast<Status>(channel_raise(ts, r, channel->id()));
}

Status read_end(ThreadState& ts, PyObject* given, Tri* out) {
  if (given == nullptr || given == Py_None) return Status::kOk;
  *out = object_is_true(ts, given);
  return failed(*out) ? Status::kError : Status::kOk;
}
Ref<> m_channel_id(ThreadState& ts, PyObject*, PyObject* id, PyObject* send, PyObject* recv, bool force, bool) {
  int64_t number;
  Tri sends = Tri::kError, receives = Tri::kError;  // not told
  if (failed(sharing_classes(ts)) || failed(number_argument(ts, id, "channel", &number)) || failed(read_end(ts, send, &sends)) || failed(read_end(ts, recv, &receives))) return {};
  if (sends == Tri::kFalse && receives == Tri::kFalse) return raise(ts, PyExc_ValueError, "'send' and 'recv' cannot both be False");
  uint8_t ends = kBothEnds;
  if (sends == Tri::kTrue && receives != Tri::kTrue) ends = kSendEnd;
  if (receives == Tri::kTrue && sends != Tri::kTrue) ends = kReceiveEnd;
  if (sends == Tri::kError && receives == Tri::kError && is_channel_id(ts, id)) ends = channel_id_value(id).ends;
  Channel* channel = Channel::find(number, ChannelKind::kNumbered);
  if (channel == nullptr) return force ? channel_id_forced(ts, number, ends) : static_cast<Ref<>>(raise_channel_not_found(ts, number));
  Ref<> object = channel_id_new(ts, channel, ends);
  channel->unref();
  return object;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_create, "create", "($module, *, isolated=True)", "Create a new interpreter; its ID."),
    ATOLL_METHOD(m_destroy, "destroy", "($module, id)", "Destroy the identified interpreter.\n\nRuntimeError for the current and the main one, and while it runs."),
    ATOLL_METHOD(m_list_all, "list_all", "($module, /)", "The IDs of all interpreters."),
    ATOLL_METHOD(m_get_current, "get_current", "($module, /)", "The ID of the current interpreter."),
    ATOLL_METHOD(m_get_main, "get_main", "($module, /)", "The ID of the main interpreter."),
    ATOLL_METHOD(m_is_running, "is_running", "($module, id)", "Does the identified interpreter run?"),
    ATOLL_METHOD(m_run_string, "run_string", "($module, id, script, shared=None)",
                 "Run source code in the identified interpreter's __main__.\n\nRunFailedError tells of an exception there."),
    ATOLL_METHOD(m_is_shareable, "is_shareable", "($module, obj)", "Can the object be sent to another interpreter by this module?"),
    ATOLL_METHOD(m_channel_create, "channel_create", "($module, /)", "Create a channel; its ID."),
    ATOLL_METHOD(m_channel_destroy, "channel_destroy", "($module, cid)", "Close and forget a channel."),
    ATOLL_METHOD(m_channel_list_all, "channel_list_all", "($module, /)", "The IDs of all channels."),
    ATOLL_METHOD(m_channel_list_interpreters, "channel_list_interpreters", "($module, cid, *, send)", "The IDs of the interpreters that use an end of the channel."),
    ATOLL_METHOD(m_channel_send, "channel_send", "($module, cid, obj)", "Put an object's data into the channel."),
    ATOLL_METHOD(m_channel_recv, "channel_recv", "($module, cid, default=<unrepresentable>)", "The next object of the channel; without one the default, or ChannelEmptyError."),
    ATOLL_METHOD(m_channel_close, "channel_close", "($module, cid, *, send=False, recv=False, force=False)",
                 "Close the channel for all interpreters.\n\nWhat was sent can still be received when only sending is closed; with force it is dropped."),
    ATOLL_METHOD(m_channel_release, "channel_release", "($module, cid, *, send=False, recv=False, force=True)", "Give up the current interpreter's use of an end, or both."),
    ATOLL_METHOD(m_channel_id, "_channel_id", "($module, id, *, send=None, recv=None, force=False, _resolve=False)", "A ChannelID."),
    ATOLL_METHOD_END};

template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}

int exec_subinterpreters(PyObject* m) {
  ThreadState& ts = current_thread();
  if (failed(sharing_classes(ts)) || failed(channel_id_class(ts))) return -1;
  State* s = state_of(m);
  PyType_Slot slots[] = {{Py_tp_new, slot(ATOLL_NEW(id_new, "InterpreterID", "(id, *, force=False)"))},
                         {Py_tp_dealloc, slot(id_dealloc)},
                         {Py_tp_repr, slot(ATOLL_SLOT(id_repr))},
                         {Py_tp_str, slot(ATOLL_SLOT(id_str))},
                         {Py_tp_hash, slot(ATOLL_SLOT(id_hash))},
                         {Py_tp_richcompare, slot(ATOLL_SLOT(id_richcompare))},
                         {Py_nb_int, slot(ATOLL_SLOT(id_int))},
                         {Py_nb_index, slot(ATOLL_SLOT(id_int))},
                         {Py_tp_doc, const_cast<char*>("The number of an interpreter; may be used as an int.")},
                         {0, nullptr}};
  PyType_Spec spec{"_xxsubinterpreters.InterpreterID", sizeof(InterpreterIdObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  s->interpreter_id_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  s->run_failed = PyErr_NewExceptionWithDoc("_xxsubinterpreters.RunFailedError", "Code in another interpreter ended in an exception.", PyExc_RuntimeError, nullptr);
  if (s->interpreter_id_type == nullptr || s->run_failed == nullptr) return -1;
  SharingState& sharing = ts.interpreter().sharing;
  struct {
    const char* name;
    PyObject* value;
  } all[] = {{"InterpreterID", obj(s->interpreter_id_type)},
             {"RunFailedError", s->run_failed},
             {"ChannelID", obj(sharing.channel_id_type)},
             {"ChannelError", sharing.channel_error},
             {"ChannelNotFoundError", sharing.channel_not_found},
             {"ChannelClosedError", sharing.channel_closed},
             {"ChannelEmptyError", sharing.channel_empty},
             {"ChannelNotEmptyError", sharing.channel_not_empty}};
  for (auto& row : all) {
    if (PyModule_AddObjectRef(m, row.name, row.value) < 0) return -1;
  }
  return 0;
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(state_of(m)->interpreter_id_type);
  Py_VISIT(state_of(m)->run_failed);
  return 0;
}
int clear(PyObject* m) {
  clear_field(state_of(m)->interpreter_id_type);
  clear_field(state_of(m)->run_failed);
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit__xxsubinterpreters, "_xxsubinterpreters", "Interpreters of this process and channels between them, as in 3.11.",
                        sizeof(atl::State), atl::kMethods, atl::exec_subinterpreters, atl::traverse, atl::clear, nullptr)
