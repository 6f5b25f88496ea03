// The compiler as others call it: source text or a syntax tree to a code object, with errors raised and warnings issued.
#pragma once

#include "Objects/object.h"
#include "Python/compiler/parser.h"
#include "Python/compiler/passes.h"

namespace atl::compiler {

// Raised when the compiler makes other code of the same source: code files of before are not read any more.
inline constexpr uint32_t kCodeRevision = 3;

struct CompileRequest {
  PyObject* filename = nullptr;  // str
  ParseMode mode = ParseMode::kExec;
  // PyCF_… and CO_FUTURE_…
  int flags = 0;
  int optimize = 0;
  int feature_version = 11;
  // kText: `source` has been decoded already; kBytes; kFile: the contents of the file, which changes messages.
  SourceKind kind = SourceKind::kText;
};

// One compilation's memory, and what the parser made.
struct Tree {
  Arena arena;
  IdentifierTable names{arena};
  ast::mod* root = nullptr;
};

// Parses; false with an exception set (a SyntaxError, usually). Warnings are issued.
[[nodiscard]] bool parse_source(ThreadState& ts, std::string_view source, const CompileRequest& request, Tree* tree);
// The code object of a tree, which is changed on the way.
Ref<> compile_tree(ThreadState& ts, Tree& tree, const CompileRequest& request);
// Both.
Ref<> compile_source(ThreadState& ts, std::string_view source, const CompileRequest& request);

// Parses and sorts names into scopes, without constant folding.
struct SymbolTable;
[[nodiscard]] bool symbol_table_of_source(ThreadState& ts, std::string_view source, const CompileRequest& request, Tree* tree,
                                          SymbolTable* table);

// A line of a source file with its newline, or None.
Ref<> file_line(ThreadState& ts, PyObject* filename, int32_t line);
// Raises what a record describes.
void raise_record(ThreadState& ts, const ErrorRecord& error, PyObject* filename);
// Issues warnings in order; false with an exception set when one has become an error.
[[nodiscard]] bool issue_warnings(ThreadState& ts, const Buffer<WarningRecord>& warnings, PyObject* filename);

}  // namespace atl::compiler
