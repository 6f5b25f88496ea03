// _interpreters: making, entering and ending interpreters; the low level of the package interpreters. The names are those of
// the module that later versions of Python have.
#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/namespace.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/execute.h"

namespace atl {

namespace {

// Where an interpreter comes from: the runtime itself, or this module.
constexpr int kWhenceRuntime = 1, kWhenceModule = 5;

struct Id {
  int64_t value;
};

}  // namespace

template <>
struct ArgTraits<Id> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, Id* out) {
    Ref<> n = number_index(ts, o);
    if (!n || failed(int_as_i64(ts, n.get(), &out->value))) return false;
    if (out->value >= 0) return true;
    (void)raise(ts, PyExc_ValueError, "interpreter ID must be a non-negative int, got %R", o);
    return false;
  }
};

namespace {

Ref<> id_and_whence(ThreadState& ts, int64_t id) {
  Ref<> number = int_from_i64(ts, id);
  Ref<> whence = int_from_i64(ts, id == 0 ? kWhenceRuntime : kWhenceModule);
  return number && whence ? tuple_of(ts, number.get(), whence.get()) : Ref<>();
}

// A configuration is told by name: 'isolated' and 'default' have a lock of their own, 'legacy' shares the main one's.
Status read_config(ThreadState& ts, PyObject* config, InterpreterOptions* options) {
  *options = InterpreterOptions{};
  options->own_gil = true;
  options->allow_daemon_threads = false;
  options->allow_fork = options->allow_exec = false;
  options->check_multi_interp_extensions = true;
  if (config == nullptr || config == Py_None) return Status::kOk;
  if (!is_str(config)) return raise(ts, PyExc_TypeError, "config must be a str or None, not %T", config);
  if (str_equals_ascii(config, "isolated") || str_equals_ascii(config, "default")) return Status::kOk;
  if (!str_equals_ascii(config, "legacy")) return raise(ts, PyExc_ValueError, "unsupported config name %R", config);
  *options = InterpreterOptions{};
  return Status::kOk;
}

Ref<> m_create(ThreadState& ts, PyObject*, PyObject* config, bool reqrefs) {
  InterpreterOptions options;
  int64_t id;
  if (failed(read_config(ts, config, &options)) || failed(interpreters_create(ts, options, &id))) return {};
  if (reqrefs && failed(interpreters_add_ref(ts, id, true))) return {};
  return int_from_i64(ts, id);
}
Status m_destroy(ThreadState& ts, PyObject*, Id id) { return interpreters_destroy(ts, id.value); }

Ref<> m_list_all(ThreadState& ts, PyObject*) {
  size_t room = 64, n;
  int64_t* ids;
  for (;;) {
    ids = static_cast<int64_t*>(std::malloc(room * sizeof(int64_t)));
    if (ids == nullptr) return raise_memory(ts);
    n = interpreter_list(ids, room);
    if (n <= room) break;
    std::free(ids);
    room = n + 16;
  }
  ScopeGuard guard([&] { std::free(ids); });
  Ref<> list = list_new_room(ts, static_cast<Py_ssize_t>(n));
  for (size_t i = 0; list && i < n; ++i) {
    Ref<> entry = id_and_whence(ts, ids[i]);
    if (!entry || failed(list_append(ts, list.get(), std::move(entry)))) return {};
  }
  return list;
}
Ref<> m_get_current(ThreadState& ts, PyObject*) { return id_and_whence(ts, ts.interpreter().id); }
Ref<> m_get_main(ThreadState& ts, PyObject*) { return id_and_whence(ts, 0); }
Tri m_is_running(ThreadState& ts, PyObject*, Id id) { return interpreters_is_running(ts, id.value); }
Ref<> m_whence(ThreadState& ts, PyObject*, Id id) {
  if (failed(interpreters_is_running(ts, id.value))) return {};
  return int_from_i64(ts, id.value == 0 ? kWhenceRuntime : kWhenceModule);
}
Status m_incref(ThreadState& ts, PyObject*, Id id, bool implieslink) { return interpreters_add_ref(ts, id.value, implieslink); }
Status m_decref(ThreadState& ts, PyObject*, Id id) { return interpreters_drop_ref(ts, id.value); }
Tri m_is_shareable(ThreadState& ts, PyObject*, PyObject* value) { return value_is_shareable(ts, value); }

Status check_shared(ThreadState& ts, PyObject** shared) {
  if (*shared == Py_None) *shared = nullptr;
  if (*shared == nullptr) return Status::kOk;
  if (!is_exact_dict(*shared)) return raise(ts, PyExc_TypeError, "expected 'shared' to be a dict, not %T", *shared);
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(*shared, &pos, &key, &value)) {
    if (!is_exact_str(key)) return raise(ts, PyExc_TypeError, "names of shared values must be str, not %T", key);
  }
  return Status::kOk;
}

// What is known of an exception over there, as later versions give it.
Ref<> exception_info(ThreadState& ts, PyObject* parts) {
  Ref<> type = dict_new(ts), info = dict_new(ts);
  if (!type || !info) return {};
  if (failed(dict_set(ts, type.get(), "__name__", tuple_peek(parts, 0))) || failed(dict_set(ts, type.get(), "__qualname__", tuple_peek(parts, 1))) ||
      failed(dict_set(ts, type.get(), "__module__", tuple_peek(parts, 2)))) {
    return {};
  }
  Ref<> type_info = Ref<>::steal(_PyNamespace_New(type.get()));
  Ref<> formatted = str_format(ts, "%U: %U", tuple_peek(parts, 0), tuple_peek(parts, 3));
  if (!type_info || !formatted || failed(dict_set(ts, info.get(), "type", type_info.get())) ||
      failed(dict_set(ts, info.get(), "msg", tuple_peek(parts, 3))) || failed(dict_set(ts, info.get(), "formatted", formatted.get())) ||
      failed(dict_set(ts, info.get(), "errdisplay", tuple_peek(parts, 4)))) {
    return {};
  }
  return Ref<>::steal(_PyNamespace_New(info.get()));
}

Ref<> m_exec(ThreadState& ts, PyObject*, Id id, PyObject* code, PyObject* shared) {
  if (!is_str(code)) return raise(ts, PyExc_TypeError, "exec() argument 2 must be a string, not %T", code);
  if (failed(check_shared(ts, &shared))) return {};
  Ref<> report = interpreters_exec(ts, id.value, code, shared);
  if (!report || report.get() == Py_None) return report;
  return exception_info(ts, report.get());
}
Ref<> m_set_main_attrs(ThreadState& ts, PyObject*, Id id, PyObject* updates) {
  if (failed(check_shared(ts, &updates))) return {};
  if (updates == nullptr || dict_size(updates) == 0) return raise(ts, PyExc_ValueError, "arg 2 must be a non-empty mapping");
  Ref<> report = interpreters_exec(ts, id.value, nullptr, updates);
  if (!report || report.get() == Py_None) return report;
  return raise(ts, ts.interpreter().sharing.interpreter_error, "%U", tuple_peek(report.get(), 3));
}
Ref<> m_capture_exception(ThreadState& ts, PyObject*, PyObject* exc) {
  Ref<> exception = exc != nullptr && exc != Py_None ? dup(exc) : Ref<>::steal(PyErr_GetHandledException());
  if (!exception || !PyExceptionInstance_Check(exception.get())) return raise(ts, PyExc_TypeError, "expected exception, got %R", exception ? exception.get() : Py_None);
  Ref<> parts = describe_exception(ts, exception.get());
  return parts ? exception_info(ts, parts.get()) : Ref<>();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_create, "create", "($module, config='isolated', *, reqrefs=False)",
                 "Create an interpreter; its ID.\n\nWith reqrefs it ends when the last reference (incref, decref) goes."),
    ATOLL_METHOD(m_destroy, "destroy", "($module, id)", "End an interpreter."),
    ATOLL_METHOD(m_list_all, "list_all", "($module, /)", "(ID, origin) of every interpreter."),
    ATOLL_METHOD(m_get_current, "get_current", "($module, /)", "(ID, origin) of the current interpreter."),
    ATOLL_METHOD(m_get_main, "get_main", "($module, /)", "(ID, origin) of the main interpreter."),
    ATOLL_METHOD(m_is_running, "is_running", "($module, id)", "Does somebody run code in the interpreter's __main__?"),
    ATOLL_METHOD(m_whence, "whence", "($module, id)", "Where the interpreter comes from."),
    ATOLL_METHOD(m_incref, "incref", "($module, id, *, implieslink=False)", "One more reference on the interpreter."),
    ATOLL_METHOD(m_decref, "decref", "($module, id)", "One reference less on the interpreter."),
    ATOLL_METHOD(m_is_shareable, "is_shareable", "($module, obj)", "Can the object be sent to another interpreter?"),
    ATOLL_METHOD(m_exec, "exec", "($module, id, code, shared=None)",
                 "Run source code in the interpreter's __main__, after putting the shared values there.\n\nNone, or what is known of the exception that ended it."),
    ATOLL_METHOD(m_exec, "run_string", "($module, id, script, shared=None)", "The same as exec."),
    ATOLL_METHOD(m_set_main_attrs, "set___main___attrs", "($module, id, updates)", "Put values into the interpreter's __main__."),
    ATOLL_METHOD(m_capture_exception, "capture_exception", "($module, exc=None)", "What exec would tell of an exception."),
    ATOLL_METHOD_END};

int exec_interpreters(PyObject* m) {
  ThreadState& ts = current_thread();
  if (failed(sharing_classes(ts))) return -1;
  SharingState& s = ts.interpreter().sharing;
  if (PyModule_AddObjectRef(m, "InterpreterError", s.interpreter_error) < 0 ||
      PyModule_AddObjectRef(m, "InterpreterNotFoundError", s.interpreter_not_found) < 0 ||
      PyModule_AddObjectRef(m, "NotShareableError", s.not_shareable) < 0 || PyModule_AddIntConstant(m, "WHENCE_UNKNOWN", 0) < 0 ||
      PyModule_AddIntConstant(m, "WHENCE_RUNTIME", kWhenceRuntime) < 0 || PyModule_AddIntConstant(m, "WHENCE_STDLIB", kWhenceModule) < 0) {
    return -1;
  }
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__interpreters, "_interpreters", "Interpreters in this process: the low level.", 0, atl::kMethods, atl::exec_interpreters)
