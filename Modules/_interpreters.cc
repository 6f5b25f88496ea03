// _interpreters: making, entering and ending interpreters; the low level of the packages interpreters and
// concurrent.interpreters. The names are those of the module that later versions of Python have.
#include <cmath>

#include "Modules/interpreter_tools.h"
#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/function.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/namespace.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/runtime/statistics.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/execute.h"

namespace atl {

namespace {

// With `restrict`, only interpreters that this module made are known to it.
Status check_restricted(ThreadState& ts, InterpreterArg id, bool restrict_) {
  if (!restrict_) return Status::kOk;
  InterpreterFacts facts;
  if (failed(interpreters_facts(ts, id.value, &facts))) return Status::kError;
  if (facts.whence == Whence::kModule) return Status::kOk;
  return raise(ts, ts.interpreter().sharing.interpreter_error, "unrecognized interpreter %lld", static_cast<long long>(id.value));
}

Ref<> id_and_whence(ThreadState& ts, int64_t id, Whence whence) {
  Ref<> number = int_from_i64(ts, id);
  Ref<> origin = int_from_i64(ts, static_cast<int>(whence));
  return number && origin ? tuple_of(ts, number.get(), origin.get()) : Ref<>();
}

// ---- configurations ----------------------------------------------------------------------------------------------

struct Flag {
  const char* name;
  bool InterpreterOptions::*member;
};
constexpr Flag kFlags[] = {
    {"use_main_obmalloc", &InterpreterOptions::use_main_obmalloc},
    {"allow_fork", &InterpreterOptions::allow_fork},
    {"allow_exec", &InterpreterOptions::allow_exec},
    {"allow_threads", &InterpreterOptions::allow_threads},
    {"allow_daemon_threads", &InterpreterOptions::allow_daemon_threads},
    {"check_multi_interp_extensions", &InterpreterOptions::check_multi_interp_extensions},
};

// The configurations that have a name. "empty" sets nothing but says who has the lock when asked.
struct Config {
  InterpreterOptions options;
  const char* gil;
};
bool named_config(PyObject* name, Config* out) {
  InterpreterOptions& o = out->options;
  o = InterpreterOptions{};
  if (str_equals_ascii(name, "isolated") || str_equals_ascii(name, "default")) {
    o.own_gil = true;
    o.use_main_obmalloc = o.allow_fork = o.allow_exec = o.allow_daemon_threads = false;
    o.check_multi_interp_extensions = true;
    out->gil = "own";
  } else if (str_equals_ascii(name, "legacy")) {
    out->gil = "shared";
  } else if (str_equals_ascii(name, "empty")) {
    for (const Flag& flag : kFlags) o.*flag.member = false;
    out->gil = "default";
  } else {
    return false;
  }
  return true;
}

Ref<> config_object(ThreadState& ts, const Config& config) {
  Ref<> d = dict_new(ts);
  for (const Flag& flag : kFlags) {
    if (!d || failed(dict_set(ts, d.get(), flag.name, config.options.*flag.member ? Py_True : Py_False))) return {};
  }
  Ref<> gil = str_from_ascii(ts, config.gil);
  if (!d || !gil || failed(dict_set(ts, d.get(), "gil", gil.get()))) return {};
  return Ref<>::steal(_PyNamespace_New(d.get()));
}

// The lock's keeper: 'default' and 'shared' are the main interpreter's.
Status set_gil(ThreadState& ts, PyObject* value, Config* config) {
  if (!is_str(value)) return raise(ts, PyExc_TypeError, "expected a str for config.gil, got %R", value);
  for (const char* known : {"own", "shared", "default"}) {
    if (!str_equals_ascii(value, known)) continue;
    config->gil = known;
    config->options.own_gil = str_equals_ascii(value, "own");
    return Status::kOk;
  }
  return raise(ts, PyExc_ValueError, "unsupported interpreter config .gil value %R", value);
}
Status set_flag(ThreadState& ts, PyObject* value, bool* out) {
  Tri t = object_is_true(ts, value);
  *out = t == Tri::kTrue;
  return failed(t) ? Status::kError : Status::kOk;
}

Status check_config(ThreadState& ts, const InterpreterOptions& o) {
  PyObject* error = ts.interpreter().sharing.interpreter_error;
  if (o.own_gil && o.use_main_obmalloc) return raise(ts, error, "interpreter creation failed: a lock of its own does not go with the main interpreter's memory (gil 'own', use_main_obmalloc)");
  if (!o.use_main_obmalloc && !o.check_multi_interp_extensions) {
    return raise(ts, error, "interpreter creation failed: memory of its own needs check_multi_interp_extensions");
  }
  if (o.allow_daemon_threads && !o.allow_threads) return raise(ts, error, "interpreter creation failed: daemon threads need allow_threads");
  return Status::kOk;
}

Status pop(ThreadState& ts, PyObject* d, const char* name, Ref<>* out) {
  Ref<> key = str_from_ascii(ts, name);
  return key ? dict_pop(ts, d, key.get(), out) : Status::kError;
}

// None, a name, or an object with the attributes of new_config's.
Status read_config(ThreadState& ts, PyObject* value, Config* config) {
  Ref<> fallback;
  if (value == nullptr || value == Py_None) {
    fallback = str_from_ascii(ts, "isolated");
    if (!fallback) return Status::kError;
    value = fallback.get();
  }
  if (is_str(value)) {
    if (!named_config(value, config)) return raise(ts, PyExc_ValueError, "unsupported config name %R", value);
    return check_config(ts, config->options);
  }
  Ref<> d;
  if (failed(object_lookup_attr(ts, value, ID(__dict__), &d))) return Status::kError;
  if (!d || !is_dict(d.get())) return raise(ts, PyExc_TypeError, "config must be a str, a configuration or None, not %T", value);
  d = dict_copy(ts, d.get());
  if (!d) return Status::kError;
  for (const Flag& flag : kFlags) {
    Ref<> given;
    if (failed(pop(ts, d.get(), flag.name, &given))) return Status::kError;
    if (!given) return raise(ts, PyExc_ValueError, "config is missing '%s'", flag.name);
    if (failed(set_flag(ts, given.get(), &(config->options.*flag.member)))) return Status::kError;
  }
  Ref<> gil;
  if (failed(pop(ts, d.get(), "gil", &gil))) return Status::kError;
  if (!gil) return raise(ts, PyExc_ValueError, "config is missing 'gil'");
  if (failed(set_gil(ts, gil.get(), config))) return Status::kError;
  Py_ssize_t pos = 0;
  PyObject *key, *rest;
  if (dict_next(d.get(), &pos, &key, &rest)) return raise(ts, PyExc_ValueError, "config has an unknown setting %R", key);
  return check_config(ts, config->options);
}

PyObject* m_new_config(PyObject*, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) > 1) return raise(ts, PyExc_TypeError, "new_config() takes at most 1 positional argument (%zd given)", tuple_size(args));
  Config config;
  Ref<> name = tuple_size(args) == 1 ? dup(tuple_peek(args, 0)) : str_from_ascii(ts, "isolated");
  if (!name) return nullptr;
  if (!is_str(name.get())) return raise(ts, PyExc_TypeError, "new_config() argument 1 must be str, not %T", name.get());
  if (!named_config(name.get(), &config)) return raise(ts, PyExc_ValueError, "unsupported config name %R", name.get());
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (kwargs != nullptr && dict_next(kwargs, &pos, &key, &value)) {
    if (str_equals_ascii(key, "gil")) {
      if (failed(set_gil(ts, value, &config))) return nullptr;
      continue;
    }
    const Flag* known = nullptr;
    for (const Flag& flag : kFlags) {
      if (str_equals_ascii(key, flag.name)) known = &flag;
    }
    if (known == nullptr) return raise(ts, PyExc_ValueError, "got an unexpected setting %R", key);
    if (failed(set_flag(ts, value, &(config.options.*known->member)))) return nullptr;
  }
  return config_object(ts, config).release();
}

Ref<> m_get_config(ThreadState& ts, PyObject*, InterpreterArg id, bool restrict_) {
  InterpreterFacts facts;
  if (failed(check_restricted(ts, id, restrict_)) || failed(interpreters_facts(ts, id.value, &facts))) return {};
  return config_object(ts, Config{facts.options, facts.options.own_gil ? "own" : "shared"});
}

// ---- life ----------------------------------------------------------------------------------------------------------

Ref<> m_create(ThreadState& ts, PyObject*, PyObject* given, bool reqrefs) {
  Config config;
  int64_t id;
  if (failed(read_config(ts, given, &config)) || failed(interpreters_create(ts, config.options, Whence::kModule, &id))) return {};
  if (reqrefs && failed(interpreters_set_ends_with_refs(ts, id))) return {};
  return int_from_i64(ts, id);
}
Status m_destroy(ThreadState& ts, PyObject*, InterpreterArg id, bool restrict_) {
  return failed(check_restricted(ts, id, restrict_)) ? Status::kError : interpreters_destroy(ts, id.value);
}

// Those that are being made or ended are never listed.
Ref<> m_list_all(ThreadState& ts, PyObject*, bool) {
  InterpreterIds ids;
  if (!ids.read()) return raise_memory(ts);
  Ref<> list = list_new_room(ts, static_cast<Py_ssize_t>(ids.size()));
  for (size_t i = 0; list && i < ids.size(); ++i) {
    InterpreterFacts facts;
    if (failed(interpreters_facts(ts, ids[i], &facts))) {  // ended meanwhile
      if (!error_clear_if(ts, ts.interpreter().sharing.interpreter_not_found)) return {};
      continue;
    }
    Ref<> entry = id_and_whence(ts, ids[i], facts.whence);
    if (!entry || failed(list_append(ts, list.get(), std::move(entry)))) return {};
  }
  return list;
}
Ref<> m_get_current(ThreadState& ts, PyObject*) {
  Interpreter& interp = ts.interpreter();
  return id_and_whence(ts, interp.id, interp.is_main ? Whence::kRuntime : interp.whence);
}
Ref<> m_get_main(ThreadState& ts, PyObject*) { return id_and_whence(ts, 0, Whence::kRuntime); }
Tri m_is_running(ThreadState& ts, PyObject*, InterpreterArg id, bool restrict_) {
  return failed(check_restricted(ts, id, restrict_)) ? Tri::kError : interpreters_is_running(ts, id.value);
}
Ref<> m_whence(ThreadState& ts, PyObject*, InterpreterArg id) {
  InterpreterFacts facts;
  if (failed(interpreters_facts(ts, id.value, &facts))) return {};
  return int_from_i64(ts, static_cast<int>(facts.whence));
}
Status m_incref(ThreadState& ts, PyObject*, InterpreterArg id, bool implieslink, bool restrict_) {
  return failed(check_restricted(ts, id, restrict_)) ? Status::kError : interpreters_add_ref(ts, id.value, implieslink);
}
Status m_decref(ThreadState& ts, PyObject*, InterpreterArg id, bool restrict_) {
  return failed(check_restricted(ts, id, restrict_)) ? Status::kError : interpreters_drop_ref(ts, id.value);
}
Tri m_is_shareable(ThreadState& ts, PyObject*, PyObject* value) { return value_is_shareable(ts, value); }

// ---- running code --------------------------------------------------------------------------------------------------

// What is known of an exception over there, as later versions give it.
Ref<> exception_info(ThreadState& ts, PyObject* parts) {
  Ref<> type = dict_new(ts), info = dict_new(ts);
  if (!type || !info) return {};
  if (failed(dict_set(ts, type.get(), "__name__", tuple_peek(parts, 0))) || failed(dict_set(ts, type.get(), "__qualname__", tuple_peek(parts, 1))) ||
      failed(dict_set(ts, type.get(), "__module__", tuple_peek(parts, 2)))) {
    return {};
  }
  PyObject* module = tuple_peek(parts, 2);
  bool plain = str_equals_ascii(module, "builtins") || str_equals_ascii(module, "__main__");
  Ref<> type_info = Ref<>::steal(_PyNamespace_New(type.get()));
  Ref<> name = plain ? dup(tuple_peek(parts, 1)) : str_format(ts, "%U.%U", module, tuple_peek(parts, 1));
  Ref<> formatted = name && str_length(tuple_peek(parts, 3)) != 0 ? str_format(ts, "%U: %U", name.get(), tuple_peek(parts, 3)) : name.dup();
  if (!type_info || !formatted || failed(dict_set(ts, info.get(), "type", type_info.get())) ||
      failed(dict_set(ts, info.get(), "msg", tuple_peek(parts, 3))) || failed(dict_set(ts, info.get(), "formatted", formatted.get())) ||
      failed(dict_set(ts, info.get(), "errdisplay", tuple_peek(parts, 4)))) {
    return {};
  }
  return Ref<>::steal(_PyNamespace_New(info.get()));
}

Ref<> run(ThreadState& ts, InterpreterArg id, RemoteRun what, PyObject* shared, bool restrict_) {
  what.shared = shared;
  if (failed(check_shared_dict(ts, &what.shared)) || failed(check_restricted(ts, id, restrict_))) return {};
  RemoteOutcome outcome;
  if (failed(interpreters_run(ts, id.value, what, &outcome))) return {};
  return outcome.exception ? exception_info(ts, outcome.exception.get()) : new_none();
}

Ref<> m_exec(ThreadState& ts, PyObject*, InterpreterArg id, PyObject* code, PyObject* shared, bool restrict_) {
  RemoteRun what;
  if (is_str(code)) {
    what.source = code;
  } else if (is_function(code) || PyCode_Check(code)) {
    what.script = code;
  } else {
    return raise(ts, PyExc_TypeError, "exec() argument 2 must be a string, a function, or a code object, not %T", code);
  }
  return run(ts, id, what, shared, restrict_);
}
Ref<> m_run_string(ThreadState& ts, PyObject*, InterpreterArg id, PyObject* script, PyObject* shared, bool restrict_) {
  if (!is_str(script)) return raise(ts, PyExc_TypeError, "run_string() argument 2 must be a string, not %T", script);
  RemoteRun what;
  what.source = script;
  return run(ts, id, what, shared, restrict_);
}
Ref<> m_run_func(ThreadState& ts, PyObject*, InterpreterArg id, PyObject* func, PyObject* shared, bool restrict_) {
  if (!is_function(func) && !PyCode_Check(func)) return raise(ts, PyExc_TypeError, "run_func() argument 2 must be a function, not %T", func);
  RemoteRun what;
  what.script = func;
  return run(ts, id, what, shared, restrict_);
}
Ref<> m_set_main_attrs(ThreadState& ts, PyObject*, InterpreterArg id, PyObject* updates, bool restrict_) {
  RemoteRun what;
  what.shared = updates;
  if (failed(check_shared_dict(ts, &what.shared)) || failed(check_restricted(ts, id, restrict_))) return {};
  if (what.shared == nullptr || dict_size(what.shared) == 0) return raise(ts, PyExc_ValueError, "arg 2 must be a non-empty mapping");
  RemoteOutcome outcome;
  if (failed(interpreters_run(ts, id.value, what, &outcome))) return {};
  if (!outcome.exception) return new_none();
  return raise(ts, ts.interpreter().sharing.interpreter_error, "%U: %U", tuple_peek(outcome.exception.get(), 0), tuple_peek(outcome.exception.get(), 3));
}

// (result, None), or (None, what is known of the exception).
Ref<> m_call(ThreadState& ts, PyObject*, InterpreterArg id, PyObject* callable, PyObject* args, PyObject* kwargs, bool, bool restrict_) {
  if (args == Py_None) args = nullptr;
  if (kwargs == Py_None) kwargs = nullptr;
  if (!PyCallable_Check(callable)) return raise(ts, PyExc_TypeError, "call() argument 2 must be callable, not %T", callable);
  if (args != nullptr && !is_exact_tuple(args)) return raise(ts, PyExc_TypeError, "call() argument 'args' must be tuple, not %T", args);
  if (failed(check_shared_dict(ts, &kwargs)) || failed(check_restricted(ts, id, restrict_))) return {};
  RemoteRun what;
  what.callable = callable;
  what.args = args;
  what.kwargs = kwargs;
  RemoteOutcome outcome;
  if (failed(interpreters_run(ts, id.value, what, &outcome))) return {};
  Ref<> info = outcome.exception ? exception_info(ts, outcome.exception.get()) : new_none();
  return info ? tuple_of(ts, outcome.result ? outcome.result.get() : Py_None, info.get()) : Ref<>();
}

Ref<> m_capture_exception(ThreadState& ts, PyObject*, PyObject* exc) {
  Ref<> exception = exc != nullptr && exc != Py_None ? dup(exc) : Ref<>::steal(PyErr_GetHandledException());
  if (!exception || !PyExceptionInstance_Check(exception.get())) return raise(ts, PyExc_TypeError, "expected exception, got %R", exception ? exception.get() : Py_None);
  Ref<> parts = describe_exception(ts, exception.get());
  return parts ? exception_info(ts, parts.get()) : Ref<>();
}

// ---- from outside --------------------------------------------------------------------------------------------------

Status figures_answer(ThreadState& ts, FiguresAnswer answer, int64_t id) {
  switch (answer) {
    case FiguresAnswer::kOk: return Status::kOk;
    case FiguresAnswer::kNoInterpreter: return raise_interpreter_not_found(ts, id);
    case FiguresAnswer::kNotRunning: return raise(ts, ts.interpreter().sharing.interpreter_error, "interpreter is not running");
    case FiguresAnswer::kNoThread: return raise(ts, PyExc_RuntimeError, "can't start new thread");
  }
  return Status::kOk;
}

Ref<> m_statistics(ThreadState& ts, PyObject*, InterpreterArg id) {
  InterpreterFigures f;
  if (failed(figures_answer(ts, interpreter_figures(id.value, &f), id.value))) return {};
  struct {
    const char* name;
    uint64_t value;
  } const numbers[] = {
      {"memory", f.memory_bytes}, {"blocks", f.memory_blocks}, {"reserved", f.memory_reserved}, {"memory_limit", f.memory_limit},
      {"lock_taken", f.lock_taken}, {"lock_waits", f.lock_waits}, {"pending_posted", f.pending_posted}, {"pending_run", f.pending_run},
      {"pending_waiting", f.pending_waiting}, {"collected", f.collected}, {"threads", f.threads},
  };
  struct {
    const char* name;
    uint64_t ns;
  } const times[] = {{"lock_held", f.lock_held_ns}, {"lock_waited", f.lock_wait_ns}, {"cpu_time", f.cpu_ns}, {"cpu_limit", f.cpu_limit_ns}};
  Ref<> d = dict_new(ts);
  for (const auto& row : numbers) {
    Ref<> n = int_from_u64(ts, row.value);
    if (!d || !n || failed(dict_set(ts, d.get(), row.name, n.get()))) return {};
  }
  for (const auto& row : times) {
    Ref<> seconds = new_float(ts, static_cast<double>(row.ns) * 1e-9);
    if (!seconds || failed(dict_set(ts, d.get(), row.name, seconds.get()))) return {};
  }
  Ref<> collections = Ref<>::steal(Py_BuildValue("(KKK)", static_cast<unsigned long long>(f.collections[0]), static_cast<unsigned long long>(f.collections[1]),
                                                 static_cast<unsigned long long>(f.collections[2])));
  if (!collections || failed(dict_set(ts, d.get(), "collections", collections.get())) || failed(dict_set(ts, d.get(), "attached", f.running ? Py_True : Py_False))) return {};
  return Ref<>::steal(_PyNamespace_New(d.get()));
}

// 0 takes a limit away, None leaves it.
Status m_set_limits(ThreadState& ts, PyObject*, InterpreterArg id, PyObject* memory, PyObject* cpu_time) {
  uint64_t bytes = 0;
  double seconds = 0;
  bool has_memory = memory != nullptr && memory != Py_None, has_time = cpu_time != nullptr && cpu_time != Py_None;
  if (has_memory) {
    Py_ssize_t n;
    if (failed(index_as_ssize(ts, memory, &n))) return Status::kError;
    if (n < 0) return raise(ts, PyExc_ValueError, "memory must not be negative");
    bytes = static_cast<uint64_t>(n);
  }
  if (has_time) {
    if (failed(float_as_double(ts, cpu_time, &seconds))) return Status::kError;
    if (!(seconds >= 0)) return raise(ts, PyExc_ValueError, "cpu_time must not be negative");
    if (seconds > 4e9) return raise(ts, PyExc_OverflowError, "cpu_time is too large");
  }
  InterpreterFacts facts;
  if (failed(interpreters_facts(ts, id.value, &facts))) return Status::kError;
  if (has_memory && failed(figures_answer(ts, interpreter_set_memory_limit(id.value, bytes), id.value))) return Status::kError;
  if (!has_time) return Status::kOk;
  auto ns = static_cast<int64_t>(std::ceil(seconds * 1e9));
  return figures_answer(ts, interpreter_set_cpu_limit(id.value, ns), id.value);
}
Status m_interrupt(ThreadState& ts, PyObject*, InterpreterArg id) { return figures_answer(ts, interpreter_interrupt(id.value), id.value); }

Status m_post(ThreadState& ts, PyObject*, InterpreterArg id, PyObject* callable, PyObject* args) {
  if (!PyCallable_Check(callable)) return raise(ts, PyExc_TypeError, "post() argument 2 must be callable, not %T", callable);
  if (args != nullptr && !is_exact_tuple(args)) return raise(ts, PyExc_TypeError, "post() argument 'args' must be tuple, not %T", args);
  RemoteRun what;
  what.callable = callable;
  what.args = args;
  return interpreters_post(ts, id.value, what);
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_RAW(m_new_config, "new_config", METH_VARARGS | METH_KEYWORDS,
                     "new_config(name='isolated', /, **overrides)\n\nA configuration to start from: 'isolated' (also 'default'), 'legacy' or 'empty'."),
    ATOLL_METHOD(m_get_config, "get_config", "($module, id, *, restrict=False)", "How the interpreter was configured."),
    ATOLL_METHOD(m_create, "create", "($module, config='isolated', *, reqrefs=False)",
                 "Create an interpreter; its ID.\n\nWith reqrefs it ends when the last reference (incref, decref) goes."),
    ATOLL_METHOD(m_destroy, "destroy", "($module, id, *, restrict=False)", "End an interpreter."),
    ATOLL_METHOD(m_list_all, "list_all", "($module, *, require_ready=False)", "(ID, origin) of every interpreter."),
    ATOLL_METHOD(m_get_current, "get_current", "($module, /)", "(ID, origin) of the current interpreter."),
    ATOLL_METHOD(m_get_main, "get_main", "($module, /)", "(ID, origin) of the main interpreter."),
    ATOLL_METHOD(m_is_running, "is_running", "($module, id, *, restrict=False)", "Does somebody run code in the interpreter's __main__?"),
    ATOLL_METHOD(m_whence, "whence", "($module, id)", "Where the interpreter comes from: one of the WHENCE_ constants."),
    ATOLL_METHOD(m_incref, "incref", "($module, id, *, implieslink=False, restrict=False)", "One more reference on the interpreter."),
    ATOLL_METHOD(m_decref, "decref", "($module, id, *, restrict=False)", "One reference less on the interpreter."),
    ATOLL_METHOD(m_is_shareable, "is_shareable", "($module, obj)", "Can the object be sent to another interpreter?"),
    ATOLL_METHOD(m_exec, "exec", "($module, id, code, shared=None, *, restrict=False)",
                 "Run code (source, or a function or code object without parameters) in the interpreter's __main__, after putting the shared values there.\n\n"
                 "None, or what is known of the exception that ended it."),
    ATOLL_METHOD(m_run_string, "run_string", "($module, id, script, shared=None, *, restrict=False)", "exec for source code."),
    ATOLL_METHOD(m_run_func, "run_func", "($module, id, func, shared=None, *, restrict=False)", "exec for a function or a code object."),
    ATOLL_METHOD(m_call, "call", "($module, id, callable, args=None, kwargs=None, *, preserve_exc=False, restrict=False)",
                 "Call something in the interpreter.\n\n(result, None), or (None, what is known of the exception that ended it)."),
    ATOLL_METHOD(m_set_main_attrs, "set___main___attrs", "($module, id, updates, *, restrict=False)", "Put values into the interpreter's __main__."),
    ATOLL_METHOD(m_post, "post", "($module, id, callable, args=<unrepresentable>)",
                 "Have something called in the interpreter, by whoever runs there next, without waiting for it.\n\nWhat it raises is reported there as unraisable."),
    ATOLL_METHOD(m_interrupt, "interrupt", "($module, id)", "Raise KeyboardInterrupt in what runs in the interpreter.\n\nInterpreterError when nothing does."),
    ATOLL_METHOD(m_statistics, "statistics", "($module, id)", "What the interpreter holds and has used so far; times in seconds, memory in bytes."),
    ATOLL_METHOD(m_set_limits, "set_limits", "($module, id, *, memory=None, cpu_time=None)",
                 "Limit the interpreter's memory (bytes) and processor time (seconds from now on); 0: no limit.\n\n"
                 "Beyond it MemoryError or TimeoutError is raised there."),
    ATOLL_METHOD(m_capture_exception, "capture_exception", "($module, exc=None)", "What exec would tell of an exception."),
    ATOLL_METHOD_END};

int exec_interpreters(PyObject* m) {
  ThreadState& ts = current_thread();
  if (failed(sharing_classes(ts))) return -1;
  SharingState& s = ts.interpreter().sharing;
  if (PyModule_AddObjectRef(m, "InterpreterError", s.interpreter_error) < 0 ||
      PyModule_AddObjectRef(m, "InterpreterNotFoundError", s.interpreter_not_found) < 0 ||
      PyModule_AddObjectRef(m, "NotShareableError", s.not_shareable) < 0) {
    return -1;
  }
  constexpr const char* kWhence[] = {"WHENCE_UNKNOWN", "WHENCE_RUNTIME", "WHENCE_LEGACY_CAPI", "WHENCE_CAPI", "WHENCE_XI", "WHENCE_STDLIB"};
  for (int i = 0; i < static_cast<int>(std::size(kWhence)); ++i) {
    if (PyModule_AddIntConstant(m, kWhence[i], i) < 0) return -1;
  }
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__interpreters, "_interpreters", "Interpreters in this process: the low level.", 0, atl::kMethods, atl::exec_interpreters)
