// The interactive interpreter: statements are read from a C stream line by line, compiled when they are whole, and run.
#include <cstdio>
#include <cstring>
#include <string>

#include "Modules/interpreter_parts.h"
#include "Modules/sys.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/module.h"
#include "Objects/object.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/capi/compile.h"
#include "Python/import/import.h"
#include "Python/lifecycle/lifecycle.h"
#include "Python/lifecycle/steps.h"
#include "Python/vm/frame.h"
#include "compile.h"
#include "pythonrun.h"

namespace atl {

namespace {

enum class Turn { kRan, kFailed /* an exception is set */, kEnd };

PyObject* main_namespace(ThreadState& ts) {
  PyObject* m = dict_peek(ts, ts.interpreter().modules, ID(__main__));
  return m != nullptr && is_module(m) ? module_dict(m) : nullptr;
}

// sys.ps1 or sys.ps2 as text; what can't be shown is no prompt.
std::string prompt_text(ThreadState& ts, const char* name) {
  PyObject* prompt = sys_peek(ts, name);
  Ref<> hold = Ref<>::dup_of(prompt);
  Ref<> text = hold ? object_str(ts, hold.get()) : Ref<>();
  const char* utf8 = text ? str_utf8(ts, text.get()) : nullptr;
  if (utf8 == nullptr) error_clear(ts);
  return utf8 != nullptr ? utf8 : "";
}

bool is_blank_or_comment(std::string_view line) {
  size_t at = line.find_first_not_of(" \t\f\r\n");
  return at == std::string_view::npos || line[at] == '#';
}

// What compiling what is there says: a code object; nothing without an exception when more has to come; or the exception.
Ref<> compile_if_whole(ThreadState& ts, const std::string& source, PyObject* filename, int flags, bool at_end) {
  std::string_view text = source;
  // Without its last line end a statement of several lines is whole only after an empty line.
  if (!at_end && !text.empty() && text.back() == '\n') text.remove_suffix(1);
  const int asked = flags | PyCF_ALLOW_INCOMPLETE_INPUT | PyCF_DONT_IMPLY_DEDENT | PyCF_IGNORE_COOKIE;
  Ref<> code = compile_text(ts, text, filename, CompileMode::kSingle, at_end ? flags | PyCF_IGNORE_COOKIE : asked, -1);
  if (code || at_end || !error_matches(ts, PyExc_SyntaxError)) return code;
  Ref<> error = error_take(ts);
  std::string with_end(text);
  with_end.push_back('\n');
  bool more = static_cast<bool>(compile_text(ts, with_end, filename, CompileMode::kSingle, asked, -1));
  if (!more && error_matches(ts, PyExc_SyntaxError)) {
    Ref<> second = error_take(ts);
    Ref<> message = object_str(ts, second.get());
    const char* utf8 = message ? str_utf8(ts, message.get()) : nullptr;
    more = utf8 != nullptr && std::strstr(utf8, "incomplete input") != nullptr;
  }
  error_clear(ts);
  if (more) return {};
  // What is wrong with it apart from being cut off here.
  if (compile_text(ts, with_end, filename, CompileMode::kSingle, flags | PyCF_IGNORE_COOKIE, -1)) error_restore(ts, std::move(error));
  return {};
}

// Reads one statement and runs it. *flags keeps what `from __future__` switched on.
Turn one_statement(ThreadState& ts, FILE* in, PyObject* filename, int* flags) {
  std::string source;
  Ref<> code;
  bool first = true;
  for (;;) {
    std::string prompt = prompt_text(ts, first ? "ps1" : "ps2");
    char* line = PyOS_Readline(in, stdout, prompt.c_str());
    if (line == nullptr) {
      if (!error_set(ts)) (void)raise_none(ts, PyExc_KeyboardInterrupt);
      return Turn::kFailed;
    }
    const bool end = *line == 0;
    std::string_view text(line);
    if (first && !end && is_blank_or_comment(text)) {
      PyMem_Free(line);
      continue;
    }
    source += text;
    PyMem_Free(line);
    if (end && source.empty()) return Turn::kEnd;
    if (end) std::fputc('\n', stderr);
    code = compile_if_whole(ts, source, filename, *flags, end);
    if (code) break;
    if (error_set(ts)) return Turn::kFailed;
    first = false;
  }
  *flags |= reinterpret_cast<PyCodeObject*>(code.get())->co_flags & PyCF_MASK;
  PyObject* d = main_namespace(ts);
  if (d == nullptr) return Turn::kEnd;
  Ref<> hold = dup(d);
  return vm_eval_code(ts, code.get(), d, d, nullptr) ? Turn::kRan : Turn::kFailed;
}

Status default_prompt(ThreadState& ts, const char* name, const char* text) {
  if (sys_peek(ts, name) != nullptr) return Status::kOk;
  return sys_put(ts, name, str_from_ascii(ts, text));
}

// Until the end of the stream, or SystemExit: that is what *status is of.
void loop(ThreadState& ts, FILE* in, PyObject* filename, int flags, int* status) {
  *status = 0;
  if (failed(default_prompt(ts, "ps1", ">>> ")) || failed(default_prompt(ts, "ps2", "... "))) error_clear(ts);
  for (;;) {
    Turn turn = one_statement(ts, in, filename, &flags);
    if (turn == Turn::kFailed) {
      if (error_matches(ts, PyExc_SystemExit)) {
        *status = handle_exit_exception(ts);
        return;
      }
      print_exception(ts);
    }
    (void)flush_std_files(ts);
    if (turn == Turn::kEnd) return;
  }
}

}  // namespace

int run_interactive(ThreadState& ts, const Config& c) {
  if (!c.quiet && c.run == Config::Run::kStdin) {
    Ref<> banner = str_format(ts, "Python %S on %S\nType \"help\", \"copyright\", \"credits\" or \"license\" for more information.\n",
                              sys_peek(ts, "version"), sys_peek(ts, "platform"));
    const char* utf8 = banner ? str_utf8(ts, banner.get()) : nullptr;
    if (utf8 != nullptr) sys_write_stderr(ts, utf8);
  }
  if (!c.isolated) {
    // Editing of lines and completion, where they are to be had.
    if (!import_module(ts, "readline")) error_clear(ts);
  }
  if (PyObject* hook = sys_peek(ts, "__interactivehook__")) {
    Ref<> hold = dup(hook);
    Ref<> args = tuple_of(ts, hook);
    if (!args || failed(audit(ts, "cpython.run_interactivehook", args.get())) || !call(ts, hook)) {
      sys_write_stderr(ts, "Failed calling sys.__interactivehook__\n");
      print_exception(ts);
    }
  }
  Ref<> filename = str_from_ascii(ts, "<stdin>");
  if (!filename) return handle_exit_exception(ts);
  int status;
  loop(ts, stdin, filename.get(), 0, &status);
  if (status == 0) std::fputc('\n', stderr);
  return status;
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

int PyRun_InteractiveOneObject(FILE* in, PyObject* filename, PyCompilerFlags* flags) {
  ThreadState& ts = current_thread();
  int bits = flags != nullptr ? flags->cf_flags : 0;
  Turn turn = one_statement(ts, in, filename, &bits);
  if (flags != nullptr) flags->cf_flags = bits;
  if (turn == Turn::kFailed) {
    PyErr_Print();
    (void)flush_std_files(ts);
    return -1;
  }
  (void)flush_std_files(ts);
  return turn == Turn::kEnd ? 11 : 0;
}
int PyRun_InteractiveOneFlags(FILE* in, const char* filename, PyCompilerFlags* flags) {
  Ref<> name = Ref<>::steal(PyUnicode_DecodeFSDefault(filename));
  if (name) return PyRun_InteractiveOneObject(in, name.get(), flags);
  PyErr_Print();
  return -1;
}
int(PyRun_InteractiveOne)(FILE* in, const char* filename) { return PyRun_InteractiveOneFlags(in, filename, nullptr); }
int _PyRun_InteractiveLoopObject(FILE* in, PyObject* filename, PyCompilerFlags* flags) {
  ThreadState& ts = current_thread();
  PyCompilerFlags own = {0, PY_MINOR_VERSION};
  if (flags == nullptr) flags = &own;
  if (failed(default_prompt(ts, "ps1", ">>> ")) || failed(default_prompt(ts, "ps2", "... "))) error_clear(ts);
  for (;;) {
    int result = PyRun_InteractiveOneObject(in, filename, flags);
    if (result == 11) return 0;
  }
}
int PyRun_InteractiveLoopFlags(FILE* in, const char* filename, PyCompilerFlags* flags) {
  Ref<> name = Ref<>::steal(PyUnicode_DecodeFSDefault(filename));
  if (name) return _PyRun_InteractiveLoopObject(in, name.get(), flags);
  PyErr_Print();
  return -1;
}
int(PyRun_InteractiveLoop)(FILE* in, const char* filename) { return PyRun_InteractiveLoopFlags(in, filename, nullptr); }
