#include "Python/sharing/execute.h"

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/upcalls.h"

namespace atl {

namespace {

Raised raise_not_found(ThreadState& ts, int64_t id) {
  if (failed(sharing_classes(ts))) return already_raised();
  return raise(ts, ts.interpreter().sharing.interpreter_not_found, "unrecognized interpreter ID %lld", static_cast<long long>(id));
}
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

Ref<> run_main(ThreadState& ts, ValueMessage* source, ValueMessage* shared) {
  Ref<> main = Ref<>::dup_of(PyImport_AddModule("__main__"));
  if (!main) return {};
  PyObject* d = module_dict(main.get());
  if (shared != nullptr && failed(put_shared(ts, d, shared))) return {};
  if (source == nullptr) return new_none();
  Ref<> text = message_to_value(ts, source);
  const char* utf8 = text ? str_utf8(ts, text.get()) : nullptr;
  if (utf8 == nullptr) return {};
  PyCompilerFlags flags{PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE, PY_MINOR_VERSION};
  Ref<> code = Ref<>::steal(Py_CompileStringExFlags(utf8, "<string>", Py_file_input, &flags, -1));
  return code ? Ref<>::steal(PyEval_EvalCode(code.get(), d, d)) : Ref<>();
}

// What is written waits in buffers of the other interpreter's streams.
void flush_streams(ThreadState& ts) {
  for (const char* name : {"stdout", "stderr"}) {
    PyObject* stream = PySys_GetObject(name);
    if (stream == nullptr || stream == Py_None) continue;
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

Status interpreters_create(ThreadState& ts, const InterpreterOptions& options, int64_t* id) {
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
    interp.ready = true;
  }
  attach(&ts);
  return Status::kOk;
}

void interpreter_enter_and_end(ThreadState* from, Interpreter* interp) {
  ThreadState* home = interp->home;
  thread_moves_to(home, from);
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
  Pin interp(id);
  if (!interp) return raise_not_found(ts, id);
  std::lock_guard hold(runtime().interpreters_lock);
  ++interp.get()->id_refs;
  if (ends_with_refs) interp.get()->ends_with_refs = true;
  return Status::kOk;
}

Status interpreters_drop_ref(ThreadState& ts, int64_t id) {
  {
    Pin interp(id);
    if (!interp) return Status::kOk;
    std::lock_guard hold(runtime().interpreters_lock);
    Interpreter* i = interp.get();
    if (i->id_refs > 0) --i->id_refs;
    if (i->id_refs != 0 || !i->ends_with_refs || i->is_main || i->running_main || i == &ts.interpreter()) return Status::kOk;
  }
  // Somebody may have come in meanwhile: then it goes on, and ends when that one drops it.
  if (failed(interpreters_destroy(ts, id))) error_clear(ts);
  return Status::kOk;
}

Tri interpreters_is_running(ThreadState& ts, int64_t id) {
  Pin interp(id);
  if (!interp) return raise_not_found(ts, id);
  return tri(interpreter_is_running(interp.get()));
}

Ref<> interpreters_exec(ThreadState& ts, int64_t id, PyObject* source, PyObject* shared) {
  MessageRef source_message, shared_message;
  if (source != nullptr) {
    Ref<> text = str_substring(ts, source, 0, str_length(source));
    if (!text) return {};
    source_message = message_from_value(ts, text.get(), "source");
    if (!source_message) return {};
  }
  if (shared != nullptr) {
    shared_message = message_from_value(ts, shared, "shared");
    if (!shared_message) return {};
  }
  Pin interp(id);
  if (!interp) return raise_not_found(ts, id);
  if (interp.get() == &ts.interpreter()) return raise_interpreter_error(ts, "cannot exec in the current interpreter");
  if (!interpreter_claim_main(interp.get())) return raise_interpreter_error(ts, "interpreter already running");
  MessageRef report;
  bool entered;
  {
    InterpreterScope scope(&ts, interp.get());
    entered = scope.inside() != nullptr;
    if (entered) {
      ThreadState& inside = *scope.inside();
      Ref<> result = run_main(inside, source_message.get(), shared_message.get());
      if (!result) {
        Ref<> exception = error_take(inside);
        Ref<> description = describe_exception(inside, exception.get());
        if (description) report = message_from_value(inside, description.get(), "exception");
        error_clear(inside);
      } else {
        report = message_from_value(inside, Py_None, "result");
      }
      flush_streams(inside);
    }
  }
  interpreter_release_main(interp.get());
  if (!entered || !report) return raise_memory(ts);
  return message_to_value(ts, report.get());
}

}  // namespace atl
