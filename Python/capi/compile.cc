// Source to code objects: the C API of compiling, and what the import room needs of it.
#include "Python/capi/compile.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Python/compiler/ast_objects.h"
#include "Python/compiler/compile.h"
#include "Python/import/upcalls.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"
#include "Python/vm/frame.h"

namespace atl {

namespace {

compiler::ParseMode parse_mode(CompileMode mode) {
  switch (mode) {
    case CompileMode::kEval:
      return compiler::ParseMode::kEval;
    case CompileMode::kSingle:
      return compiler::ParseMode::kSingle;
    case CompileMode::kFuncType:
      return compiler::ParseMode::kFunctionType;
    default:
      return compiler::ParseMode::kExec;
  }
}

Ref<> compile_as(ThreadState& ts, std::string_view source, PyObject* filename, CompileMode mode, int flags, int optimize, compiler::SourceKind kind) {
  compiler::CompileRequest request;
  request.filename = filename;
  request.mode = parse_mode(mode);
  request.flags = flags;
  request.optimize = optimize >= 0 ? optimize : (runtime().config != nullptr ? runtime().config->optimize : 0);
  request.kind = kind;
  return compiler::compile_source(ts, source, request);
}

}  // namespace

Ref<> compile_text(ThreadState& ts, std::string_view source, PyObject* filename, CompileMode mode, int flags, int optimize) {
  auto kind = (flags & PyCF_IGNORE_COOKIE) ? compiler::SourceKind::kText : compiler::SourceKind::kBytes;
  return compile_as(ts, source, filename, mode, flags, optimize, kind);
}
Ref<> compile_script(ThreadState& ts, std::string_view source, PyObject* filename) {
  return compile_as(ts, source, filename, CompileMode::kExec, 0, -1, compiler::SourceKind::kFile);
}

Ref<> compile_library_text(ThreadState& ts, const char* text, const char* shown) {
  Ref<> filename = str_format(ts, "<frozen %s>", shown);
  return filename ? compile_text(ts, text, filename.get(), CompileMode::kExec, 0, -1) : Ref<>();
}

Ref<> compile_library_source(ThreadState& ts, const char* path, PyObject* shown) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    int error = errno;
    Ref<> name = str_from_utf8(ts, path, "surrogateescape");
    return raise_os_error(ts, error, name.get());
  }
  Ref<> data = bytes_from(ts, {});
  Py_ssize_t have = 0;
  for (;;) {
    if (!data || failed(bytes_resize(ts, &data, have + 65536))) break;
    ssize_t n = read(fd, bytes_data(data.get()) + have, 65536);
    if (n <= 0) {
      if (n < 0) data = raise_os_error(ts, errno);
      break;
    }
    have += n;
  }
  close(fd);
  if (!data || error_set(ts)) return {};
  return compile_as(ts, {bytes_data(data.get()), static_cast<size_t>(have)}, shown, CompileMode::kExec, 0, -1, compiler::SourceKind::kFile);
}

namespace {

// Changes with the instruction table and with the revision of the code generator; never 3.11's number, which is 3495.
constexpr uint16_t code_magic() {
  constexpr std::string_view table =
#define ATOLL_OP(name, a, b, c, cache, flags) #name #a #b #c #cache ";"
#include "Objects/code/opcodes.def"
#undef ATOLL_OP
      ;
  uint32_t h = 2166136261u + compiler::kCodeRevision;
  for (char c : table) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
  return static_cast<uint16_t>((h ^ h >> 16) | 0x8000);
}

}  // namespace

// Code files of user modules carry Atoll's own magic number, so that neither interpreter reads the other's.
Status import_adjust_external(ThreadState& ts, PyObject* external) {
  static constexpr uint16_t kNumber = code_magic();
  static constexpr char kMagic[4] = {static_cast<char>(kNumber & 0xff), static_cast<char>(kNumber >> 8), '\r', '\n'};
  Ref<> magic = bytes_from(ts, {kMagic, 4});
  Ref<> name = str_interned(ts, "MAGIC_NUMBER");
  Ref<> raw_name = str_interned(ts, "_RAW_MAGIC_NUMBER");
  Ref<> raw = int_from_i64(ts, 0x0a0d0000 + kNumber);
  if (!magic || !name || !raw_name || !raw) return Status::kError;
  PyObject* d = module_dict(external);
  if (failed(dict_set(ts, d, name.get(), magic.get()))) return Status::kError;
  return dict_set(ts, d, raw_name.get(), raw.get());
}

void upcall_gc_callbacks(ThreadState& ts, const char* phase, int generation, Py_ssize_t collected, Py_ssize_t uncollectable) {
  PyObject* callbacks = ts.interpreter().gc.callbacks;
  if (callbacks == nullptr || PyList_GET_SIZE(callbacks) == 0) return;
  Ref<> info = Ref<>::steal(Py_BuildValue("{sisnsn}", "generation", generation, "collected", collected, "uncollectable", uncollectable));
  Ref<> name = str_interned(ts, phase);
  if (!info || !name) {
    write_unraisable(ts, nullptr, "while invoking gc callbacks");
    return;
  }
  Ref<> hold = dup(callbacks);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(callbacks); ++i) {
    Ref<> callback = dup(PyList_GET_ITEM(callbacks, i));
    if (!call(ts, callback.get(), name.get(), info.get())) write_unraisable(ts, callback.get());
  }
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* Py_CompileStringObject(const char* text, PyObject* filename, int start, PyCompilerFlags* flags, int optimize) {
  ThreadState& ts = current_thread();
  CompileMode mode = start == Py_eval_input ? CompileMode::kEval : start == Py_single_input ? CompileMode::kSingle
                   : start == Py_func_type_input ? CompileMode::kFuncType : CompileMode::kExec;
  int bits = flags != nullptr ? flags->cf_flags : 0;
  auto kind = (bits & PyCF_IGNORE_COOKIE) ? compiler::SourceKind::kText : compiler::SourceKind::kBytes;
  if (bits & PyCF_ONLY_AST) {
    compiler::CompileRequest request;
    request.filename = filename;
    request.mode = parse_mode(mode);
    request.flags = bits;
    request.feature_version = flags->cf_feature_version;
    request.kind = kind;
    return compiler::ast_of_source(ts, text, request).release();
  }
  return compile_as(ts, text, filename, mode, bits, optimize, kind).release();
}
PyObject* Py_CompileStringExFlags(const char* text, const char* filename, int start, PyCompilerFlags* flags, int optimize) {
  Ref<> name = Ref<>::steal(PyUnicode_DecodeFSDefault(filename));
  return name ? Py_CompileStringObject(text, name.get(), start, flags, optimize) : nullptr;
}
PyObject*(Py_CompileString)(const char* text, const char* filename, int start) { return Py_CompileStringExFlags(text, filename, start, nullptr, -1); }
PyObject*(Py_CompileStringFlags)(const char* text, const char* filename, int start, PyCompilerFlags* flags) {
  return Py_CompileStringExFlags(text, filename, start, flags, -1);
}
int PyEval_MergeCompilerFlags(PyCompilerFlags* flags) {
  ThreadState& ts = current_thread();
  FrameCursor c = frame_top(ts);
  if (c.base != nullptr) flags->cf_flags |= frame_code(c.base)->head.co_flags & PyCF_MASK;
  return flags->cf_flags != 0;
}

// A line of a file object; n as for PyFile_GetLine.
PyObject* PyFile_GetLine(PyObject* f, int n) {
  ThreadState& ts = current_thread();
  Ref<> size = int_from_i64(ts, n);
  Ref<> line = n <= 0 ? call_method(ts, f, ID(readline)) : call_method(ts, f, ID(readline), size.get());
  if (!line) return nullptr;
  bool text = is_str(line.get());
  if (!text && !is_bytes(line.get())) return raise(ts, PyExc_TypeError, "object.readline() returned non-string");
  if (n >= 0) return line.release();
  Py_ssize_t length = text ? str_length(line.get()) : bytes_size(line.get());
  if (length == 0) return raise(ts, PyExc_EOFError, "EOF when reading a line");
  bool newline = text ? str_at(line.get(), length - 1) == '\n' : bytes_data(line.get())[length - 1] == '\n';
  if (!newline) return line.release();
  if (text) return str_substring(ts, line.get(), 0, length - 1).release();
  return bytes_from(ts, bytes_view(line.get()).substr(0, static_cast<size_t>(length - 1))).release();
}
// A line from a terminal, by PyOS_ReadlineFunctionPointer where a module has set it. Allocated by PyMem_Malloc; NULL with
// an exception, or an empty string at the end.
char* PyOS_Readline(FILE* in, FILE* out, const char* prompt) {
  ThreadState& ts = current_thread();
  if (PyOS_ReadlineFunctionPointer != nullptr && isatty(fileno(in)) && isatty(fileno(out))) {
    PyThreadState* saved = PyEval_SaveThread();
    char* raw = PyOS_ReadlineFunctionPointer(in, out, prompt);
    PyEval_RestoreThread(saved);
    if (raw == nullptr) return nullptr;
    size_t n = std::strlen(raw) + 1;
    auto* copy = static_cast<char*>(PyMem_Malloc(n));
    if (copy != nullptr) std::memcpy(copy, raw, n);
    PyMem_RawFree(raw);
    return copy != nullptr ? copy : static_cast<char*>(raise_memory(ts));
  }
  if (prompt != nullptr) {
    std::fputs(prompt, stderr);
    std::fflush(stderr);
  }
  size_t room = 256, have = 0;
  auto* line = static_cast<char*>(PyMem_Malloc(room));
  while (line != nullptr) {
    PyThreadState* saved = PyEval_SaveThread();
    errno = 0;
    int c = std::getc(in);
    int error = errno;
    PyEval_RestoreThread(saved);
    if (c == EOF && error == EINTR) {
      std::clearerr(in);
      if (PyErr_CheckSignals() < 0) {
        PyMem_Free(line);
        return nullptr;
      }
      continue;
    }
    if (c == EOF) {
      std::clearerr(in);
      break;
    }
    line[have++] = static_cast<char>(c);
    if (have + 1 == room) line = static_cast<char*>(PyMem_Realloc(line, room *= 2));
    if (c == '\n') break;
  }
  if (line == nullptr) return static_cast<char*>(raise_memory(ts));
  line[have] = 0;
  return line;
}
extern "C" {
char* (*PyOS_ReadlineFunctionPointer)(FILE*, FILE*, const char*) = nullptr;
int (*PyOS_InputHook)(void) = nullptr;
}
