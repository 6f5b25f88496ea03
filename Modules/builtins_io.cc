// print and input.
#include <stdio.h>
#include <unistd.h>

#include "Modules/builtins_parts.h"
#include "Modules/sys.h"
#include "Objects/bytes.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

// ---- print -------------------------------------------------------------------------------------------------------

Status write_text(ThreadState& ts, PyObject* file, PyObject* text) {
  return call_method(ts, file, ID(write), text) ? Status::kOk : Status::kError;
}
Status write_object(ThreadState& ts, PyObject* file, PyObject* o) {
  Ref<> text = object_str(ts, o);
  return text ? write_text(ts, file, text.get()) : Status::kError;
}

// None stands for the default, which is NULL here.
Status text_option(ThreadState& ts, const char* name, PyObject** value) {
  if (*value == nullptr || *value == Py_None) {
    *value = nullptr;
    return Status::kOk;
  }
  if (is_str(*value)) return Status::kOk;
  return raise(ts, PyExc_TypeError, "%s must be None or a string, not %.200s", name, (*value)->ob_type->tp_name);
}

PyObject* m_print(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  PyObject *sep = nullptr, *end = nullptr, *file = nullptr, *flush = nullptr;
  for (Py_ssize_t i = 0; kwnames != nullptr && i < tuple_size(kwnames); ++i) {
    PyObject* name = tuple_peek(kwnames, i);
    PyObject** to = str_equals_ascii(name, "sep")     ? &sep
                    : str_equals_ascii(name, "end")   ? &end
                    : str_equals_ascii(name, "file")  ? &file
                    : str_equals_ascii(name, "flush") ? &flush
                                                      : nullptr;
    if (to == nullptr) return raise(ts, PyExc_TypeError, "'%U' is an invalid keyword argument for print()", name);
    *to = args[n + i];
  }
  Tri flush_after = flush != nullptr ? object_is_true(ts, flush) : Tri::kFalse;
  if (failed(flush_after)) return nullptr;
  Ref<> out;
  if (file == nullptr || file == Py_None) {
    out = Ref<>::dup_of(sys_peek(ts, "stdout"));
    if (!out) return raise(ts, PyExc_RuntimeError, "lost sys.stdout");
    if (out.get() == Py_None) return new_ref(Py_None);
  } else {
    out = dup(file);
  }
  if (failed(text_option(ts, "sep", &sep)) || failed(text_option(ts, "end", &end))) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (i > 0 && failed(write_text(ts, out.get(), sep != nullptr ? sep : latin1_char(' ')))) return nullptr;
    if (failed(write_object(ts, out.get(), args[i]))) return nullptr;
  }
  if (failed(write_text(ts, out.get(), end != nullptr ? end : latin1_char('\n')))) return nullptr;
  if (flush_after == Tri::kTrue && !call_method(ts, out.get(), ID(flush))) return nullptr;
  return new_ref(Py_None);
}

// ---- input -------------------------------------------------------------------------------------------------------

Status stream(ThreadState& ts, const char* name, Ref<>* out) {
  PyObject* o = sys_peek(ts, name);
  if (o == nullptr || o == Py_None) return raise(ts, PyExc_RuntimeError, "input(): lost sys.%s", name);
  *out = dup(o);
  return Status::kOk;
}

// Is a file object the C stream of that descriptor, and a terminal? Trouble means no.
Status is_terminal(ThreadState& ts, PyObject* file, int fd, bool* yes) {
  *yes = false;
  Ref<> number = call_method(ts, file, ID(fileno));
  if (!number) {
    error_clear(ts);
    return Status::kOk;
  }
  Py_ssize_t given;
  if (failed(index_as_ssize(ts, number.get(), &given))) return Status::kError;
  *yes = given == fd && isatty(fd);
  return Status::kOk;
}

Status flush_quietly(ThreadState& ts, PyObject* file) {
  if (!call_method(ts, file, ID(flush))) error_clear(ts);
  return Status::kOk;
}

// The encoding and error handler of a stream.
struct StreamCodec {
  Ref<> encoding, errors;
  const char* encoding_text = nullptr;
  const char* errors_text = nullptr;

  bool load(ThreadState& ts, PyObject* file) {
    encoding = object_getattr(ts, file, ID(encoding));
    errors = encoding ? object_getattr(ts, file, ID(errors)) : Ref<>();
    if (!errors || !is_str(encoding.get()) || !is_str(errors.get())) return false;
    encoding_text = str_utf8(ts, encoding.get());
    errors_text = str_utf8(ts, errors.get());
    return encoding_text != nullptr && errors_text != nullptr;
  }
};

Ref<> decode_line(ThreadState& ts, const char* line, StreamCodec& codec) {
  size_t n = strlen(line);
  if (n == 0) return raise_none(ts, PyExc_EOFError);
  if (n > static_cast<size_t>(PY_SSIZE_T_MAX)) return raise(ts, PyExc_OverflowError, "input: input too long");
  if (line[n - 1] == '\n') --n;
  return Ref<>::steal(PyUnicode_Decode(line, static_cast<Py_ssize_t>(n), codec.encoding_text, codec.errors_text));
}

// Line editing on a terminal. kOk with *out empty: the streams do not tell their encodings, so the plain way is taken.
Status read_terminal(ThreadState& ts, PyObject* prompt, PyObject* fin, PyObject* fout, Ref<>* out) {
  StreamCodec in;
  if (!in.load(ts, fin)) {
    error_clear(ts);
    return Status::kOk;
  }
  (void)flush_quietly(ts, fout);
  Ref<> prompt_bytes;
  const char* prompt_text = "";
  if (prompt != nullptr) {
    StreamCodec codec;
    if (!codec.load(ts, fout)) {
      error_clear(ts);
      return Status::kOk;
    }
    Ref<> text = object_str(ts, prompt);
    if (!text) return Status::kError;
    prompt_bytes = Ref<>::steal(PyUnicode_AsEncodedString(text.get(), codec.encoding_text, codec.errors_text));
    if (!prompt_bytes) return Status::kError;
    prompt_text = bytes_data(prompt_bytes.get());
    if (strlen(prompt_text) != static_cast<size_t>(bytes_size(prompt_bytes.get()))) {
      return raise(ts, PyExc_ValueError, "input: prompt string cannot contain null characters");
    }
  }
  char* line = PyOS_Readline(stdin, stdout, prompt_text);
  if (line == nullptr) {
    PyErr_CheckSignals();
    if (!error_set(ts)) return raise_none(ts, PyExc_KeyboardInterrupt);
    return Status::kError;
  }
  *out = decode_line(ts, line, in);
  PyMem_Free(line);
  return *out ? Status::kOk : Status::kError;
}

Status audit_one(ThreadState& ts, const char* event, PyObject* value) {
  if (ts.interpreter().audit_hooks == nullptr) return Status::kOk;
  Ref<> args = tuple_of(ts, value);
  return args ? audit(ts, event, args.get()) : Status::kError;
}

Ref<> m_input(ThreadState& ts, PyObject*, PyObject* prompt) {
  Ref<> fin, fout, ferr;
  if (failed(stream(ts, "stdin", &fin)) || failed(stream(ts, "stdout", &fout)) || failed(stream(ts, "stderr", &ferr))) return {};
  if (failed(audit_one(ts, "builtins.input", prompt != nullptr ? prompt : Py_None))) return {};
  (void)flush_quietly(ts, ferr.get());
  bool in_tty = false, out_tty = false;
  if (failed(is_terminal(ts, fin.get(), fileno(stdin), &in_tty))) return {};
  if (in_tty && failed(is_terminal(ts, fout.get(), fileno(stdout), &out_tty))) return {};
  if (in_tty && out_tty) {
    Ref<> line;
    if (failed(read_terminal(ts, prompt, fin.get(), fout.get(), &line))) return {};
    if (line) {
      if (failed(audit_one(ts, "builtins.input/result", line.get()))) return {};
      return line;
    }
  }
  if (prompt != nullptr && failed(write_object(ts, fout.get(), prompt))) return {};
  (void)flush_quietly(ts, fout.get());
  return Ref<>::steal(PyFile_GetLine(fin.get(), -1));
}

}  // namespace

constinit const MethodSpec kBuiltinIoFunctions[] = {
    ATOLL_METHOD_RAW(m_print, "print", METH_FASTCALL | METH_KEYWORDS,
                     "print($module, /, *args, sep=' ', end='\\n', file=None, flush=False)\n--\n\n"
                     "Print the values to a stream, sys.stdout by default.\n\n"
                     "  sep\n    what stands between two values, a blank by default.\n"
                     "  end\n    what comes after the last, a newline by default.\n"
                     "  file\n    an object with a write method.\n"
                     "  flush\n    whether to flush the stream at once."),
    ATOLL_METHOD(m_input, "input", "($module, prompt='', /)",
                 "Read a line from standard input, without its newline.\n\nThe prompt is printed to standard output first. EOFError at the end of the file."),
    ATOLL_METHOD_END};

}  // namespace atl
