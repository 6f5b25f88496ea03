// See compile.h.
#include "Python/compiler/compile.h"

#include <cstdio>
#include <cstring>

#include "Objects/code/code.h"
#include "Objects/errors.h"
#include "Objects/int/int.h"
#include "Objects/str/codecs.h"
#include "Objects/str/str.h"
#include "Objects/str/unicode_tables.h"
#include "Objects/tuple.h"
#include "Python/compiler/codegen.h"
#include "Python/compiler/image_make.h"
#include "Python/compiler/symtable.h"
#include "Python/compiler/utf8.h"

namespace atl::compiler {

Ref<> file_line(ThreadState& ts, PyObject* filename, int32_t line) {
  if (line <= 0 || !is_str(filename)) return dup(Py_None);
  const char* path = str_utf8(ts, filename);
  if (!path) {
    error_clear(ts);
    return dup(Py_None);
  }
  std::FILE* file = std::fopen(path, "rb");
  if (!file) return dup(Py_None);
  Buffer<char> text;
  char block[4096];
  bool ok = true;
  int32_t at = 1;
  for (bool done = false; ok && !done;) {
    size_t n = std::fread(block, 1, sizeof block, file);
    if (n == 0) break;
    for (size_t i = 0; i < n && ok && !done; i++) {
      if (at == line) ok = text.push(block[i]);
      if (block[i] == '\n') done = at++ == line;
    }
  }
  std::fclose(file);
  if (!ok || text.empty()) return dup(Py_None);
  Ref<> result = str_from_utf8(ts, {text.data(), text.size()});
  if (!result) {
    error_clear(ts);
    return dup(Py_None);
  }
  return result;
}

namespace {

Ref<> number_or_none(ThreadState& ts, int32_t value) {
  return value == ErrorRecord::kAbsent ? dup(Py_None) : int_from_i64(ts, value);
}

PyObject* exception_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kIndentationError: return PyExc_IndentationError;
    case ErrorKind::kTabError: return PyExc_TabError;
    case ErrorKind::kRecursionError: return PyExc_RecursionError;
    case ErrorKind::kValueError:
    case ErrorKind::kUnicodeError: return PyExc_ValueError;
    case ErrorKind::kTypeError: return PyExc_TypeError;
    case ErrorKind::kOverflowError: return PyExc_OverflowError;
    case ErrorKind::kSystemError: return PyExc_SystemError;
    default: return PyExc_SyntaxError;
  }
}

}  // namespace

void raise_record(ThreadState& ts, const ErrorRecord& error, PyObject* filename) {
  switch (error.kind) {
    case ErrorKind::kRaised: return;
    case ErrorKind::kNone:
    case ErrorKind::kMemoryError: (void)raise_memory(ts); return;
    default: break;
  }
  PyObject* type = exception_of(error.kind);
  Ref<> message = str_from_utf8(ts, error.message, "replace");
  if (!message) return;
  bool syntax = error.kind == ErrorKind::kSyntaxError || error.kind == ErrorKind::kIndentationError ||
                error.kind == ErrorKind::kTabError;
  bool placed = error.lineno != ErrorRecord::kAbsent;
  if (!syntax || !placed) {
    (void)raise_object(ts, type, message.get());
    return;
  }
  Ref<> line = number_or_none(ts, error.lineno), offset = number_or_none(ts, error.offset);
  Ref<> end_line = number_or_none(ts, error.end_lineno), end_offset = number_or_none(ts, error.end_offset);
  Ref<> text = error.pass != ErrorRecord::Pass::kParser ? file_line(ts, filename, error.lineno)
               : error.text.data()                      ? str_from_utf8(ts, error.text, "replace")
                                                        : dup(Py_None);
  if (!line || !offset || !end_line || !end_offset || !text) return;
  if (error.pass == ErrorRecord::Pass::kScopes) {
    // SyntaxError(message), the place as attributes.
    Ref<> exception = call(ts, type, message.get());
    if (!exception) return;
    struct {
      const char* name;
      PyObject* value;
    } attributes[] = {{"lineno", line.get()}, {"offset", offset.get()}, {"end_lineno", end_line.get()},
                      {"end_offset", end_offset.get()}, {"filename", filename}, {"text", text.get()}};
    for (auto& a : attributes) {
      if (PyObject_SetAttrString(exception.get(), a.name, a.value) < 0) return;
    }
    (void)raise_object(ts, type, exception.get());
    return;
  }
  bool has_end = error.end_lineno != ErrorRecord::kAbsent;
  Ref<> place = has_end ? tuple_of(ts, filename, line.get(), offset.get(), text.get(), end_line.get(), end_offset.get())
                        : tuple_of(ts, filename, line.get(), offset.get(), text.get());
  Ref<> args = place ? tuple_of(ts, message.get(), place.get()) : Ref<>();
  if (args) (void)raise_object(ts, type, args.get());
}

bool issue_warnings(ThreadState& ts, const Buffer<WarningRecord>& warnings, PyObject* filename) {
  for (const WarningRecord& w : warnings) {
    PyObject* category =
        w.kind == WarningKind::kDeprecationWarning ? PyExc_DeprecationWarning : PyExc_SyntaxWarning;
    Ref<> message = str_from_utf8(ts, w.message, "replace");
    if (!message) return false;
    if (PyErr_WarnExplicitObject(category, message.get(), filename, w.lineno, nullptr, nullptr) == 0) continue;
    if (error_matches(ts, category)) {
      // A filter made it an error: the source's, then.
      error_clear(ts);
      raise_record(ts, w.as_error, filename);
    }
    return false;
  }
  return true;
}

// ---- services for the parser --------------------------------------------------------------------------------------

namespace {

ThreadState& state_of(void* context) { return *static_cast<ThreadState*>(context); }

bool put(ThreadState& ts, PyObject* text, TextSink& sink) {
  Py_ssize_t size;
  const char* utf8 = str_utf8(ts, text, &size);
  return utf8 && sink.set({utf8, static_cast<size_t>(size)});
}

bool out_of_memory(void* context) {
  (void)raise_memory(state_of(context));
  return false;
}

// NFKC, by the tables of the core: most names are in that form already.
bool normalize_identifier(void* context, std::string_view name, TextSink& sink) {
  bool same = true;
  int last = 0;
  const char* end = name.data() + name.size();
  for (const char* p = name.data(); p < end && same;) {
    uint32_t c = utf8_next(p);
    int order = uc_combining(c);
    same = uc_quick_check(c, UcForm::kNfkc) == UcQuick::kYes && (order == 0 || order >= last);
    last = order;
  }
  if (same) return sink.set(name);

  Buffer<uint32_t> text;
  for (const char* p = name.data(); p < end;) {
    uint32_t parts[kUcDecomposeMax];
    int count = uc_decompose(utf8_next(p), true, parts);
    if (!text.append(parts, static_cast<size_t>(count))) return out_of_memory(context);
  }
  // Marks in canonical order: a stable sort of each run of them.
  size_t size = text.size();
  for (size_t i = 1; i < size; i++) {
    uint32_t c = text[i];
    int order = uc_combining(c);
    size_t at = i;
    if (order != 0) {
      for (; at > 0 && uc_combining(text[at - 1]) > order; at--) text[at] = text[at - 1];
    }
    text[at] = c;
  }
  // A mark joins the last starter unless another mark of its class, or of none, is between them.
  size_t out = 0, starter = SIZE_MAX;
  for (size_t i = 0; i < size; i++) {
    uint32_t c = text[i];
    int order = uc_combining(c);
    if (starter != SIZE_MAX) {
      int between = out - 1 > starter ? uc_combining(text[out - 1]) : -1;
      uint32_t joined = between < order ? uc_compose(text[starter], c) : 0;
      if (joined) {
        text[starter] = joined;
        continue;
      }
    }
    if (order == 0) starter = out;
    text[out++] = c;
  }
  Buffer<char> utf8;
  for (size_t i = 0; i < out; i++) {
    char bytes[4];
    if (!utf8.append(bytes, static_cast<size_t>(utf8_put(bytes, text[i])))) return out_of_memory(context);
  }
  return sink.set({utf8.data(), utf8.size()});
}

bool character_by_name(void*, std::string_view name, uint32_t* code_point) {
  uint32_t found[kUcSequenceBuffer];
  *code_point = uc_lookup(name, UcNames::kCharactersAndAliases, found) == 1 ? found[0] : UINT32_MAX;
  return true;
}

bool decode_source(void* context, std::string_view encoding, std::string_view bytes, TextSink& sink,
                   std::string_view* message) {
  ThreadState& ts = state_of(context);
  char name[200];
  std::snprintf(name, sizeof name, "%.*s", static_cast<int>(encoding.size()), encoding.data());
  Ref<> text = str_decode(ts, bytes, name, "strict");
  if (text) return put(ts, text.get(), sink);
  // What the codec says becomes a SyntaxError's message; an unknown encoding has one of its own.
  bool unknown = error_matches(ts, PyExc_LookupError);
  Ref<> exception = error_take(ts);
  if (!unknown) {
    Ref<> what = Ref<>::steal(PyObject_Str(exception.get()));
    const char* utf8 = what ? str_utf8(ts, what.get()) : nullptr;
    if (!utf8) {
      error_clear(ts);
      return true;
    }
    char* copy = sink.arena.copy_text(utf8);
    if (copy) *message = copy;
    return true;
  }
  // "'hex' is not a text encoding; ..." is a LookupError, too.
  Ref<> what = Ref<>::steal(PyObject_Str(exception.get()));
  const char* utf8 = what ? str_utf8(ts, what.get()) : nullptr;
  if (utf8 && std::strstr(utf8, "not a text encoding")) {
    char* copy = sink.arena.copy_text(utf8);
    if (copy) *message = copy;
  }
  if (!utf8) error_clear(ts);
  return true;
}

}  // namespace

// ---- compiling ----------------------------------------------------------------------------------------------------

bool parse_source(ThreadState& ts, std::string_view source, const CompileRequest& request, Tree* tree) {
  Callbacks callbacks;
  callbacks.context = &ts;
  callbacks.normalize = normalize_identifier;
  callbacks.character_by_name = character_by_name;
  callbacks.decode = decode_source;
  ParseOptions options;
  options.mode = request.mode;
  options.source_kind = request.kind;
  options.callbacks = &callbacks;
  options.type_comments = request.flags & PyCF_TYPE_COMMENTS;
  options.dont_imply_dedent = request.flags & PyCF_DONT_IMPLY_DEDENT;
  options.allow_incomplete_input = request.flags & PyCF_ALLOW_INCOMPLETE_INPUT;
  options.barry_as_bdfl = request.flags & kFutureBarryAsBdfl;
  options.feature_version = request.feature_version;
  options.int_max_str_digits = ts.interpreter().int_max_str_digits;
  if (request.kind == SourceKind::kFile && is_str(request.filename)) {
    Py_ssize_t size;
    const char* name = str_utf8(ts, request.filename, &size);
    if (name) {
      options.filename = {name, static_cast<size_t>(size)};
    } else {
      error_clear(ts);
    }
  }
  ParseResult result;
  parse(tree->arena, tree->names, source, options, &result);
  if (!result.tree && result.error.kind == ErrorKind::kRaised) return false;
  if (!issue_warnings(ts, result.warnings, request.filename)) return false;
  if (!result.tree) {
    raise_record(ts, result.error, request.filename);
    return false;
  }
  tree->root = result.tree;
  return true;
}

Ref<> compile_tree(ThreadState& ts, Tree& tree, const CompileRequest& request) {
  PassContext context{tree.arena, tree.names, {}, {}};
  context.max_depth = 3 * ts.interpreter().recursion_limit;
  context.stack_limit = static_cast<const char*>(ts.c_stack_limit);
  Future future;
  SymbolTable table;
  const CodeUnit* unit = nullptr;
  bool ok = find_future(context, tree.root, &future);
  if (ok) {
    uint32_t flags = future.flags | static_cast<uint32_t>(request.flags);
    CodegenOptions options;
    options.optimize = request.optimize;
    options.flags = static_cast<uint32_t>(request.flags);
    options.top_level_await = request.flags & PyCF_ALLOW_TOP_LEVEL_AWAIT;
    ok = fold_constants(context, tree.root, {request.optimize, flags}) &&
         build_symbol_table(context, tree.root, flags, &table) &&
         (unit = generate_code(context, tree.root, table, future, options)) != nullptr;
  }
  if (!issue_warnings(ts, context.warnings, request.filename)) return {};
  if (!ok || !unit) {
    raise_record(ts, context.error, request.filename);
    return {};
  }
  CodeImage* image = image_make(ts, unit, request.filename);
  return image ? code_new(ts, image) : Ref<>();
}

bool symbol_table_of_source(ThreadState& ts, std::string_view source, const CompileRequest& request, Tree* tree, SymbolTable* table) {
  if (!parse_source(ts, source, request, tree)) return false;
  PassContext context{tree->arena, tree->names, {}, {}};
  context.max_depth = 3 * ts.interpreter().recursion_limit;
  context.stack_limit = static_cast<const char*>(ts.c_stack_limit);
  Future future;
  bool ok = find_future(context, tree->root, &future) &&
            build_symbol_table(context, tree->root, future.flags | static_cast<uint32_t>(request.flags), table);
  if (!issue_warnings(ts, context.warnings, request.filename)) return false;
  if (!ok) raise_record(ts, context.error, request.filename);
  return ok;
}

Ref<> compile_source(ThreadState& ts, std::string_view source, const CompileRequest& request) {
  Tree tree;
  if (!parse_source(ts, source, request, &tree)) return {};
  return compile_tree(ts, tree, request);
}

}  // namespace atl::compiler
