#include "Python/sharing/execute.h"

#include <cstring>

#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/sharing/callable.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/upcalls.h"
#include "marshal.h"

namespace atl {

namespace {

Raised raise_not_found(ThreadState& ts, int64_t id) {
  if (failed(sharing_classes(ts))) return already_raised();
  return raise(ts, ts.interpreter().sharing.interpreter_not_found, "unrecognized interpreter ID %lld", static_cast<long long>(id));
}
}  // namespace

Raised raise_interpreter_not_found(ThreadState& ts, int64_t id) { return raise_not_found(ts, id); }

namespace {

Raised raise_interpreter_error(ThreadState& ts, const char* text) {
  if (failed(sharing_classes(ts))) return already_raised();
  return raise(ts, ts.interpreter().sharing.interpreter_error, "%s", text);
}

// A pin that goes with the scope.
class Pin {
 public:
  explicit Pin(int64_t id) : interp_(interpreter_pin(id)) {}
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() {
    if (interp_ != nullptr) interpreter_unpin(interp_);
  }
  Interpreter* get() const { return interp_; }
  Interpreter* release() { return std::exchange(interp_, nullptr); }
  explicit operator bool() const { return interp_ != nullptr; }

 private:
  Interpreter* interp_;
};

Ref<> lookup_text(ThreadState& ts, PyObject* type, PyObject* name) {
  Ref<> v = object_getattr(ts, type, name);
  if (v && is_str(v.get())) return str_substring(ts, v.get(), 0, str_length(v.get()));
  error_clear(ts);
  return str_from_ascii(ts, "?");
}

// The traceback as the traceback module writes it; empty when that fails.
Ref<> format_traceback(ThreadState& ts, PyObject* exception) {
  Ref<> module = Ref<>::steal(PyImport_ImportModule("traceback"));
  Ref<> format = module ? object_getattr(ts, module.get(), "format_exception") : Ref<>();
  Ref<> lines = format ? call(ts, format.get(), exception) : Ref<>();
  return lines ? str_join_iterable(ts, empty_str(), lines.get()) : Ref<>();
}

// Sets the shared values. The message came from another interpreter.
Status put_shared(ThreadState& ts, PyObject* dict, ValueMessage* shared) {
  Ref<> values = message_to_value(ts, shared);
  return values ? dict_merge(ts, dict, values.get(), true) : Status::kError;
}

// What another interpreter wants run here.
struct Request {
  const char* source = nullptr;     // UTF-8, kept alive by who waits for the outcome
  ValueMessage* value = nullptr;    // else: bytes (code), a tuple (callable, args, kwargs or None); None: nothing
  ValueMessage* shared = nullptr;   // what __main__ gets first
  bool wants_result = false;
};

Ref<> run_main(ThreadState& ts, const Request& request) {
  Ref<> main = Ref<>::dup_of(PyImport_AddModuleObject(ID(__main__)));
  if (!main) return {};
  PyObject* d = module_dict(main.get());
  if (request.shared != nullptr && failed(put_shared(ts, d, request.shared))) return {};
  if (request.source != nullptr) {
    PyCompilerFlags flags{PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE, PY_MINOR_VERSION};
    Ref<> code = Ref<>::steal(Py_CompileStringExFlags(request.source, "<string>", Py_file_input, &flags, -1));
    return code ? Ref<>::steal(PyEval_EvalCode(code.get(), d, d)) : Ref<>();
  }
  Ref<> what = message_to_value(ts, request.value);
  if (!what || what.get() == Py_None) return what;
  if (is_bytes(what.get())) {
    Ref<> code = Ref<>::steal(PyMarshal_ReadObjectFromString(bytes_data(what.get()), bytes_size(what.get())));
    return code ? Ref<>::steal(PyEval_EvalCode(code.get(), d, d)) : Ref<>();
  }
  Ref<> callable = callable_from_value(ts, tuple_peek(what.get(), 0));
  if (!callable) return {};
  PyObject* kwargs = tuple_peek(what.get(), 2);
  Ref<> result = object_call(ts, callable.get(), tuple_peek(what.get(), 1), kwargs == Py_None ? nullptr : kwargs);
  return result && !request.wants_result ? new_none() : std::move(result);
}

// What is written waits in buffers of the other interpreter's streams.
void flush_streams(ThreadState& ts) {
  for (PyObject* name : {ID(stdout), ID(stderr)}) {
    PyObject* stream = dict_peek_made(ts.interpreter().sysdict, name);
    if (stream == nullptr || stream == Py_None || upcall_stream_is_flushed(stream)) continue;
    Ref<> hold = dup(stream);
    Ref<> done = call_method(ts, stream, ID(flush));
    if (!done) error_clear(ts);
  }
}

}  // namespace

Ref<> describe_exception(ThreadState& ts, PyObject* exception) {
  PyObject* type = obj(exception->ob_type);
  Ref<> name = lookup_text(ts, type, ID(__name__));
  Ref<> qualname = lookup_text(ts, type, ID(__qualname__));
  Ref<> module = lookup_text(ts, type, ID(__module__));
  Ref<> text = object_str(ts, exception);
  if (text) text = str_substring(ts, text.get(), 0, str_length(text.get()));
  if (!text) {
    error_clear(ts);
    text = str_from_ascii(ts, "<exception str() failed>");
  }
  Ref<> formatted = format_traceback(ts, exception);
  if (!formatted) {
    error_clear(ts);
    formatted = name && text ? str_format(ts, "%U: %U\n", name.get(), text.get()) : Ref<>();
  }
  if (!name || !qualname || !module || !text || !formatted) return {};
  return tuple_of(ts, name.get(), qualname.get(), module.get(), text.get(), formatted.get());
}

Status interpreters_create(ThreadState& ts, const InterpreterOptions& options, Whence whence, int64_t* id) {
  // Where the new one looks for modules: where this one does, as far as that is text.
  PyObject* path = PySys_GetObject("path");
  Ref<> texts = list_new(ts, 0);
  if (!texts) return Status::kError;
  if (path != nullptr && is_list(path)) {
    for (Py_ssize_t i = 0; i < list_size(path); ++i) {
      if (is_exact_str(list_items(path)[i]) && failed(list_append(ts, texts.get(), dup(list_items(path)[i])))) return Status::kError;
    }
  }
  MessageRef shared_path = message_from_value(ts, texts.get(), "sys.path");
  if (!shared_path) return Status::kError;
  ThreadState* fresh = upcall_interpreter_new(options, false);
  if (fresh == nullptr) return Status::kError;
  Interpreter& interp = fresh->interpreter();
  Ref<> its_path = message_to_value(*fresh, shared_path.get());
  bool ok = its_path && PySys_SetObject("path", its_path.get()) == 0;
  its_path.reset();
  if (!ok) {
    error_clear(*fresh);
    upcall_interpreter_end(fresh);
    attach(&ts);
    return raise_memory(ts);
  }
  *id = interp.id;
  detach(fresh);
  {
    std::lock_guard hold(runtime().interpreters_lock);
    interp.home = fresh;
    interp.whence = whence;
    interp.ready = true;
  }
  attach(&ts);
  return Status::kOk;
}

void interpreter_enter_and_end(ThreadState* from, Interpreter* interp) {
  ThreadState* home = interp->home;
  if (home == nullptr) {  // made by the C API; the process ends
    std::lock_guard hold(interp->list_lock);
    if (interp->threads != nullptr && interp->threads->next == nullptr) home = interp->threads;
  }
  if (home == nullptr) home = new_thread_state(*interp);
  if (home == nullptr) return;  // without memory it goes with the process
  if (from != nullptr) detach(from);
  attach(home);
  upcall_interpreter_end(home);
  if (from != nullptr) attach(from);
}

Status interpreters_destroy(ThreadState& ts, int64_t id) {
  Pin interp(id);
  if (!interp) return raise_not_found(ts, id);
  if (interp.get()->is_main) return raise_interpreter_error(ts, "cannot destroy the main interpreter");
  if (interp.get() == &ts.interpreter()) return raise_interpreter_error(ts, "cannot destroy the current interpreter");
  switch (interpreter_begin_close(interp.get())) {
    case CloseAnswer::kRunning: return raise_interpreter_error(ts, "interpreter is running");
    case CloseAnswer::kInUse: return raise_interpreter_error(ts, "interpreter is in use");
    case CloseAnswer::kOk: break;
  }
  interpreter_enter_and_end(&ts, interp.release());
  return Status::kOk;
}

Status interpreters_add_ref(ThreadState& ts, int64_t id, bool ends_with_refs) {
  std::unique_lock hold(runtime().interpreters_lock);
  if (Interpreter* interp = interpreter_find_locked(id)) {
    ++interp->id_refs;
    if (ends_with_refs) interp->ends_with_refs = true;
    return Status::kOk;
  }
  hold.unlock();
  return raise_not_found(ts, id);
}

Status interpreters_set_ends_with_refs(ThreadState& ts, int64_t id) {
  std::unique_lock hold(runtime().interpreters_lock);
  if (Interpreter* interp = interpreter_find_locked(id)) {
    interp->ends_with_refs = true;
    return Status::kOk;
  }
  hold.unlock();
  return raise_not_found(ts, id);
}

Status interpreters_drop_ref(ThreadState& ts, int64_t id) {
  {
    std::lock_guard hold(runtime().interpreters_lock);
    Interpreter* interp = interpreter_find_locked(id);
    if (interp == nullptr) return Status::kOk;
    if (interp->id_refs > 0) --interp->id_refs;
    if (interp->id_refs != 0 || !interp->ends_with_refs || interp->is_main || interp->running_main || interp == &ts.interpreter()) return Status::kOk;
  }
  // Somebody may have come in meanwhile: then it goes on, and ends when that one drops it.
  ErrorStash stash(ts);
  if (failed(interpreters_destroy(ts, id))) error_clear(ts);
  return Status::kOk;
}

Tri interpreters_is_running(ThreadState& ts, int64_t id) {
  std::unique_lock hold(runtime().interpreters_lock);
  if (Interpreter* interp = interpreter_find_locked(id)) return tri(interp->running_main || interp->is_main);
  hold.unlock();
  return raise_not_found(ts, id);
}

Status interpreters_facts(ThreadState& ts, int64_t id, InterpreterFacts* facts) {
  std::unique_lock hold(runtime().interpreters_lock);
  if (Interpreter* interp = interpreter_find_locked(id)) {
    *facts = {interp->is_main ? Whence::kRuntime : interp->whence, interp->options};
    return Status::kOk;
  }
  hold.unlock();
  return raise_not_found(ts, id);
}

namespace {

// The source as a terminated text; NULL with an exception.
const char* request_source(ThreadState& ts, PyObject* source) {
  Py_ssize_t n = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(source, &n);
  if (utf8 == nullptr) return nullptr;
  if (std::memchr(utf8, 0, static_cast<size_t>(n)) != nullptr) return raise(ts, PyExc_ValueError, "source code string cannot contain null bytes");
  return utf8;
}

// Any other request as one value.
Ref<> request_value(ThreadState& ts, const RemoteRun& run) {
  if (run.callable == nullptr && run.script == nullptr) return new_none();
  Ref<> callable = run.script != nullptr ? script_code_to_value(ts, run.script) : callable_to_value(ts, run.callable, "callable");
  if (!callable || is_bytes(callable.get())) return callable;
  // The place of what can't be sent is told below its own name.
  if (run.args != nullptr && !message_from_value(ts, run.args, "args")) return {};
  if (run.kwargs != nullptr && !message_from_value(ts, run.kwargs, "kwargs")) return {};
  return tuple_of(ts, callable.get(), run.args != nullptr ? run.args : empty_tuple(), run.kwargs != nullptr ? run.kwargs : Py_None);
}

enum Answer : int { kResult, kException, kNotShareable };

MessageRef answer_with(ThreadState& ts, Answer answer, PyObject* value, const char* name) {
  MessageRef message = message_from_value(ts, value, name);
  if (message) message.get()->kind = answer;
  return message;
}

// What an exception of the current interpreter is told as. Clears it.
MessageRef answer_exception(ThreadState& ts) {
  Ref<> exception = error_take(ts);
  Ref<> description = describe_exception(ts, exception.get());
  MessageRef answer = description ? answer_with(ts, kException, description.get(), "exception") : MessageRef();
  error_clear(ts);
  return answer;
}

// *done: it has run, and the result is None.
MessageRef run_inside(ThreadState& inside, const Request& request, bool* done) {
  Ref<> result = run_main(inside, request);
  if (!result) return answer_exception(inside);
  if (!request.wants_result || result.get() == Py_None) {
    *done = true;
    return {};
  }
  MessageRef answer = answer_with(inside, kResult, result.get(), "result");
  PyObject* not_shareable = inside.interpreter().sharing.not_shareable;
  if (answer || not_shareable == nullptr || !error_matches(inside, not_shareable)) return answer;
  Ref<> exception = error_take(inside);
  Ref<> text = object_str(inside, exception.get());
  answer = text ? answer_with(inside, kNotShareable, text.get(), "text") : MessageRef();
  error_clear(inside);
  return answer;
}

}  // namespace

Status interpreters_run(ThreadState& ts, int64_t id, const RemoteRun& run, RemoteOutcome* outcome) {
  Request request;
  request.wants_result = run.callable != nullptr;
  MessageRef request_message, shared_message;
  if (run.source != nullptr) {
    request.source = request_source(ts, run.source);
    if (request.source == nullptr) return Status::kError;
  } else {
    Ref<> value = request_value(ts, run);
    if (value) request_message = message_from_value(ts, value.get(), "arguments");
    if (!request_message) return Status::kError;
    request.value = request_message.get();
  }
  if (run.shared != nullptr) {
    shared_message = message_from_value(ts, run.shared, "shared");
    if (!shared_message) return Status::kError;
    request.shared = shared_message.get();
  }
  Pin interp(id);
  if (!interp) return raise_not_found(ts, id);
  if (interp.get() == &ts.interpreter() || interp.get()->is_main || !interpreter_claim_main(interp.get())) {
    return raise_interpreter_error(ts, "interpreter already running");
  }
  MessageRef answer;
  bool done = false;
  {
    InterpreterScope scope(&ts, interp.get());
    if (scope.inside() != nullptr) {
      ThreadState& inside = *scope.inside();
      answer = run_inside(inside, request, &done);
      error_clear(inside);
      flush_streams(inside);
    }
  }
  // At once: whoever sees it idle may close it.
  interpreter_leave_main(interp.release());
  if (done) {
    outcome->result = new_none();
    return Status::kOk;
  }
  if (!answer) return raise_memory(ts);
  Ref<> value = message_to_value(ts, answer.get());
  if (!value || (answer.get()->kind == kNotShareable && failed(sharing_classes(ts)))) return Status::kError;
  if (answer.get()->kind == kNotShareable) return raise(ts, ts.interpreter().sharing.not_shareable, "%U", value.get());
  (answer.get()->kind == kResult ? outcome->result : outcome->exception) = std::move(value);
  return Status::kOk;
}

namespace {

// A posted call: owns its message until it is made.
int make_posted_call(void* arg) {
  ThreadState& ts = current_thread();
  MessageRef request(static_cast<ValueMessage*>(arg));
  if (failed(sharing_classes(ts))) return -1;
  Request what;
  what.value = request.get();
  return run_main(ts, what) ? 0 : -1;
}

}  // namespace

Status interpreters_post(ThreadState& ts, int64_t id, const RemoteRun& run) {
  if (failed(sharing_classes(ts))) return Status::kError;
  Ref<> value = request_value(ts, run);
  MessageRef request = value ? message_from_value(ts, value.get(), "arguments") : MessageRef();
  if (!request) return Status::kError;
  PostAnswer answer = PostAnswer::kEnded;
  {
    Pin interp(id);
    if (interp) answer = pending_post_call(interp.get(), make_posted_call, request.get(), request.get()->size);
  }
  switch (answer) {
    case PostAnswer::kQueued: break;
    case PostAnswer::kNoMemory: return raise_memory(ts);
    default: return raise_not_found(ts, id);
  }
  (void)request.release();
  return Status::kOk;
}

}  // namespace atl
