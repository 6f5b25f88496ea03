// The sys module: displayhook, excepthook, unraisablehook, breakpointhook; writing to the standard streams.
#include <unistd.h>

#include <cstring>

#include "Modules/sys.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/exceptions/groups.h"
#include "Objects/exceptions/suggestions.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/structseq.h"
#include "Objects/tuple.h"
#include "Objects/type/bind.h"
#include "Objects/type/type.h"
#include "frameobject.h"
#include "Objects/upcalls.h"
#include "Python/import/import.h"
#include "Modules/interpreter_parts.h"
#include "Objects/namespace.h"
#include "Python/runtime/runtime.h"

namespace atl {

Status file_write(ThreadState& ts, PyObject* file, PyObject* text) {
  return call_method(ts, file, ID(write), text) ? Status::kOk : Status::kError;
}

void sys_write_stderr(ThreadState& ts, const char* utf8) {
  PyObject* file = sys_peek(ts, "stderr");
  if (file != nullptr && file != Py_None) {
    Ref<> hold = dup(file);
    Ref<> text = str_from_utf8(ts, utf8, "backslashreplace");
    if (text && !failed(file_write(ts, file, text.get()))) return;
    error_clear(ts);
  }
  // There is no stream, or it is broken: the descriptor is what is left.
  ssize_t written = ::write(2, utf8, std::strlen(utf8));
  (void)written;
}

namespace {

// Without the traceback module: the type and the message.
void print_plain(ThreadState& ts, PyObject* exc) {
  Ref<> text = object_str(ts, exc);
  const char* utf8 = text ? str_utf8(ts, text.get()) : nullptr;
  if (utf8 == nullptr) error_clear(ts);
  sys_write_stderr(ts, exc->ob_type->tp_name);
  if (utf8 != nullptr && *utf8 != 0) {
    sys_write_stderr(ts, ": ");
    sys_write_stderr(ts, utf8);
  }
  sys_write_stderr(ts, "\n");
}

// Adds "Did you mean" to what the traceback module says about exc and those it is linked with.
Status add_suggestions(ThreadState& ts, PyObject* shown, PyObject* exc) {
  RecursionGuard guard(ts, " while printing an exception");
  if (!guard.ok()) return Status::kError;
  if (Ref<> suggestion = exception_suggestion(ts, exc)) {
    Ref<> text = object_getattr(ts, shown, "_str");
    Ref<> longer = text ? str_format(ts, "%S. Did you mean: '%U'?", text.get(), suggestion.get()) : Ref<>();
    Ref<> name = str_interned(ts, "_str");
    if (!longer || !name || failed(object_setattr(ts, shown, name.get(), longer.get()))) return Status::kError;
  }
  auto* e = as_exception(exc);
  if (is_instance_nocall(exc, reinterpret_cast<PyTypeObject*>(PyExc_SyntaxError))) {
    // A place that ends before it begins is shown by one mark, one that ends behind the line by marks up to there.
    Ref<> from = object_getattr(ts, shown, "offset");
    Ref<> to = object_getattr(ts, shown, "end_offset");
    if (!from || !to) return Status::kError;
    if (PyLong_Check(from.get()) && PyLong_Check(to.get())) {
      long a = PyLong_AsLong(from.get()), b = PyLong_AsLong(to.get());
      if (error_set(ts)) error_clear(ts);
      Ref<> name = str_interned(ts, "end_offset");
      if (!name || (b < a && b != 0 && failed(object_setattr(ts, shown, name.get(), from.get())))) return Status::kError;
      Ref<> text = object_getattr(ts, shown, "text");
      if (!text) return Status::kError;
      if (is_str(text.get())) {
        Py_ssize_t n = str_length(text.get());
        while (n > 0 && (str_at(text.get(), n - 1) == '\n' || str_at(text.get(), n - 1) == '\r')) --n;
        Ref<> last = int_from_ssize(ts, n + 1);
        if (!last || (b > n + 1 && a <= n && failed(object_setattr(ts, shown, name.get(), last.get())))) return Status::kError;
      }
    }
  }
  struct Link {
    const char* name;
    PyObject* exc;
  };
  for (Link link : {Link{"__cause__", e->cause}, Link{"__context__", e->context}}) {
    if (link.exc == nullptr) continue;
    Ref<> other = object_getattr(ts, shown, link.name);
    if (!other || (other.get() != Py_None && failed(add_suggestions(ts, other.get(), link.exc)))) return Status::kError;
  }
  if (!is_exception_group(exc)) return Status::kOk;
  Ref<> parts = object_getattr(ts, shown, "exceptions");
  if (!parts) return Status::kError;
  if (!is_list(parts.get())) return Status::kOk;
  PyObject* members = reinterpret_cast<PyBaseExceptionGroupObject*>(exc)->excs;
  for (Py_ssize_t i = 0; i < list_size(parts.get()) && i < tuple_size(members); ++i) {
    if (failed(add_suggestions(ts, list_items(parts.get())[i], tuple_peek(members, i)))) return Status::kError;
  }
  return Status::kOk;
}

// The traceback module knows chaining, groups, notes, source lines and markers.
bool print_with_traceback_module(ThreadState& ts, PyObject* exc) {
  if (ts.interpreter().modules == nullptr || dict_size(ts.interpreter().modules) == 0) return false;
  PyObject* file = sys_peek(ts, "stderr");
  if (file == nullptr || file == Py_None) return false;
  Ref<> module = import_module(ts, "traceback");
  Ref<> make = module ? object_getattr(ts, module.get(), "TracebackException") : Ref<>();
  PyObject* tb = as_exception(exc)->traceback;
  Ref<> args = tuple_of(ts, obj(exc->ob_type), exc, tb != nullptr ? tb : Py_None);
  Ref<> options = dict_new(ts);
  Ref<> shown;
  if (make && args && options && !failed(dict_set(ts, options.get(), "compact", Py_True))) {
    shown = object_call(ts, make.get(), args.get(), options.get());
  }
  Ref<> print = shown && !failed(add_suggestions(ts, shown.get(), exc)) ? object_getattr(ts, shown.get(), "print") : Ref<>();
  if (!print || !call(ts, print.get())) {
    error_clear(ts);
    return false;
  }
  return true;
}

void display_exception(ThreadState& ts, PyObject* exc) {
  if (!print_with_traceback_module(ts, exc)) print_plain(ts, exc);
}

Ref<> m_excepthook(ThreadState& ts, PyObject*, PyObject* type, PyObject* value, PyObject* tb) {
  (void)type;
  if (!is_exception(value)) {
    Ref<> message = str_format(ts, "TypeError: print_exception(): Exception expected for value, %s found\n", value->ob_type->tp_name);
    const char* utf8 = message ? str_utf8(ts, message.get()) : nullptr;
    if (utf8 != nullptr) sys_write_stderr(ts, utf8);
    return new_none();
  }
  if (tb != Py_None && is_exact(tb, &PyTraceBack_Type) && as_exception(value)->traceback == nullptr) {
    set_field(as_exception(value)->traceback, dup(tb));
  }
  display_exception(ts, value);
  return new_none();
}

Ref<> m_displayhook(ThreadState& ts, PyObject*, PyObject* value) {
  if (value == Py_None) return new_none();
  PyObject* builtins = ts.interpreter().builtins;
  Ref<> underscore = str_interned(ts, "_");
  if (!underscore || failed(dict_set(ts, builtins, underscore.get(), Py_None))) return {};
  PyObject* file = sys_peek(ts, "stdout");
  if (file == nullptr || file == Py_None) return raise(ts, PyExc_RuntimeError, "lost sys.stdout");
  Ref<> hold = dup(file);
  Ref<> text = object_repr(ts, value);
  if (!text) return {};
  if (failed(file_write(ts, file, text.get()))) {
    if (!error_clear_if(ts, PyExc_UnicodeEncodeError)) return {};
    // Characters that the stream can't show are escaped.
    Ref<> encoding = object_getattr(ts, file, "encoding");
    const char* name = encoding && is_str(encoding.get()) ? str_utf8(ts, encoding.get()) : nullptr;
    if (name == nullptr) return {};
    Ref<> bytes = Ref<>::steal(PyUnicode_AsEncodedString(text.get(), name, "backslashreplace"));
    Ref<> escaped = bytes ? Ref<>::steal(PyUnicode_FromEncodedObject(bytes.get(), name, "strict")) : Ref<>();
    if (!escaped || failed(file_write(ts, file, escaped.get()))) return {};
  }
  Ref<> newline = str_from_ascii(ts, "\n");
  if (!newline || failed(file_write(ts, file, newline.get()))) return {};
  if (failed(dict_set(ts, builtins, underscore.get(), value))) return {};
  return new_none();
}

// args: exc_type, exc_value, exc_traceback, err_msg, object
Ref<> m_unraisablehook(ThreadState& ts, PyObject*, PyObject* args) {
  if (args->ob_type != &atoll_unraisable_args_type) {
    return raise(ts, PyExc_TypeError, "sys.unraisablehook argument type must be UnraisableHookArgs");
  }
  Ref<> value = dup(tuple_peek(args, 1)), message = dup(tuple_peek(args, 3)), object = dup(tuple_peek(args, 4));
  Ref<> head;
  if (object.get() != Py_None) {
    Ref<> shown = object_repr(ts, object.get());
    if (!shown) {
      error_clear(ts);
      shown = str_from_ascii(ts, "<object repr() failed>");
    }
    head = message.get() != Py_None ? str_format(ts, "%S: %U\n", message.get(), shown.get())
                                    : str_format(ts, "Exception ignored in: %U\n", shown.get());
  } else if (message.get() != Py_None) {
    head = str_format(ts, "%S:\n", message.get());
  }
  if (head) {
    const char* utf8 = str_utf8(ts, head.get());
    if (utf8 != nullptr) sys_write_stderr(ts, utf8);
    error_clear(ts);
  }
  if (value.get() != Py_None) display_exception(ts, value.get());
  return new_none();
}

PyObject* m_breakpointhook(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  const char* env = std::getenv("PYTHONBREAKPOINT");
  if (env == nullptr || *env == 0 || runtime().config == nullptr) env = "pdb.set_trace";
  if (std::strcmp(env, "0") == 0) return new_ref(Py_None);
  const char* dot = std::strrchr(env, '.');
  char module_name[256] = "builtins";
  if (dot != nullptr && static_cast<size_t>(dot - env) < sizeof module_name) {
    std::memcpy(module_name, env, static_cast<size_t>(dot - env));
    module_name[dot - env] = 0;
  }
  Ref<> module = import_module(ts, module_name);
  Ref<> hook = module ? object_getattr(ts, module.get(), dot != nullptr ? dot + 1 : env) : Ref<>();
  if (!hook) {
    if (!error_matches(ts, PyExc_ImportError) && !error_matches(ts, PyExc_AttributeError)) return nullptr;
    error_clear(ts);
    if (failed(warn(ts, PyExc_RuntimeWarning, 0, "Ignoring unimportable $PYTHONBREAKPOINT: \"%s\"", env))) return nullptr;
    return new_ref(Py_None);
  }
  return object_vectorcall(ts, hook.get(), args, static_cast<size_t>(n), kwnames).release();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_excepthook, "excepthook", "($module, exctype, value, traceback, /)", "Show an exception on sys.stderr."),
    ATOLL_METHOD(m_displayhook, "displayhook", "($module, object, /)", "Print an object to sys.stdout and save it in builtins._."),
    ATOLL_METHOD(m_unraisablehook, "unraisablehook", "($module, unraisable, /)", "Show an exception that can't be raised."),
    ATOLL_METHOD_RAW(m_breakpointhook, "breakpointhook", METH_FASTCALL | METH_KEYWORDS, "breakpointhook(*args, **kws)\n\nCalled by breakpoint()."),
    ATOLL_METHOD_END};

}  // namespace

const PyMethodDef* sys_hook_methods() { return kMethods[0].c(); }

void print_exception(ThreadState& ts) {
  Ref<> exc = error_take(ts);
  if (!exc) return;
  PyObject* tb = as_exception(exc.get())->traceback;
  for (const char* name : {"last_type", "last_value", "last_traceback"}) {
    PyObject* v = std::strcmp(name, "last_type") == 0 ? obj(exc.get()->ob_type) : std::strcmp(name, "last_value") == 0 ? exc.get() : tb;
    if (failed(sys_put(ts, name, dup(v != nullptr ? v : Py_None)))) error_clear(ts);
  }
  PyObject* hook = sys_peek(ts, "excepthook");
  if (hook == nullptr) {
    sys_write_stderr(ts, "sys.excepthook is missing\n");
    display_exception(ts, exc.get());
    return;
  }
  Ref<> hold = dup(hook);
  if (call(ts, hook, exc.get()->ob_type, exc.get(), tb != nullptr ? tb : Py_None)) return;
  Ref<> second = error_take(ts);
  if (is_instance_nocall(second.get(), reinterpret_cast<PyTypeObject*>(PyExc_SystemExit))) {
    error_restore(ts, std::move(second));
    return;
  }
  sys_write_stderr(ts, "Error in sys.excepthook:\n");
  display_exception(ts, second.get());
  sys_write_stderr(ts, "\nOriginal exception was:\n");
  display_exception(ts, exc.get());
}

void write_unraisable(ThreadState& ts, PyObject* object, const char* where) {
  Ref<> exc = error_take(ts);
  if (!exc) return;
  // An exception that did not come out of a frame is shown with the one that runs.
  if (as_exception(exc.get())->traceback == nullptr) {
    if (Ref<PyFrameObject> frame = vm_current_frame(ts)) {
      error_restore(ts, std::move(exc));
      (void)PyTraceBack_Here(frame.get());
      exc = error_take(ts);
    } else {
      error_clear(ts);
    }
  }
  // The message as 3.11 shows it: the caller's own, or "Exception ignored <where>".
  Ref<> message = new_none();
  if (where != nullptr) {
    message = std::strncmp(where, "Exception ignored", 17) == 0 ? str_from_utf8(ts, where) : str_format(ts, "Exception ignored %s", where);
    if (!message) {
      error_clear(ts);
      message = new_none();
    }
  }
  PyObject* hook = ts.interpreter().sysdict != nullptr ? sys_peek(ts, "unraisablehook") : nullptr;
  PyObject* tb = as_exception(exc.get())->traceback;
  PyObject* fields[] = {obj(exc.get()->ob_type), exc.get(), tb != nullptr ? tb : Py_None, message.get(), object != nullptr ? object : Py_None};
  Ref<> args = Ref<>::steal(PyStructSequence_New(&atoll_unraisable_args_type));
  for (int i = 0; args && i < 5; ++i) PyStructSequence_SetItem(args.get(), i, new_ref(fields[i]));
  if (!args) {
    error_clear(ts);
    print_plain(ts, exc.get());
    return;
  }
  Ref<> hold = Ref<>::dup_of(hook);
  if (hook != nullptr && hook != Py_None) {
    if (call(ts, hook, args.get())) return;
    Ref<> second = error_take(ts);
    sys_write_stderr(ts, "Exception ignored in sys.unraisablehook:\n");
    if (second) display_exception(ts, second.get());
    return;
  }
  if (!m_unraisablehook(ts, nullptr, args.get())) error_clear(ts);
}

}  // namespace atl

using namespace atl;

void PyErr_PrintEx(int) {
  ThreadState& ts = current_thread();
  if (error_matches(ts, PyExc_SystemExit)) {
    Py_Exit(upcall_exit_status(ts));
  }
  print_exception(ts);
}
void PyErr_Print() { PyErr_PrintEx(1); }
void PyErr_Display(PyObject* type, PyObject* value, PyObject* tb) {
  ThreadState& ts = current_thread();
  if (!m_excepthook(ts, nullptr, type, value, tb != nullptr ? tb : Py_None)) error_clear(ts);
}

// 0, or -1 with an exception. Nothing is written for no traceback.
int PyTraceBack_Print(PyObject* tb, PyObject* file) {
  ThreadState& ts = current_thread();
  if (tb == nullptr) return 0;
  if (!is_exact(tb, &PyTraceBack_Type)) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (PyFile_WriteString("Traceback (most recent call last):\n", file) < 0) return -1;
  Ref<> module = import_module(ts, "traceback");
  return module && Ref<>::steal(PyObject_CallMethod(module.get(), "print_tb", "OOO", tb, Py_None, file)) ? 0 : -1;
}
