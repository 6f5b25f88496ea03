// The parser: Python 3.11 source text to AST.
//
// Needs no interpreter: bytes and an arena in, nodes or an error record out. Hand-written recursive descent with
// precedence climbing for operators; targets are parsed as expressions and converted. A first pass over the tokens
// only says whether the text is valid. If it is not, a second pass with `diagnose_` set looks for the specialised
// errors of 3.11, and when none applies, the error is "invalid syntax" at the furthest token that the first pass saw.
//
// Thread-safe: no state outlives a call. C stack use is bounded (see kMaxDepth in parser_impl.h).
#pragma once

#include "Python/compiler/ast.h"
#include "Python/compiler/records.h"
#include "Python/compiler/source.h"

namespace atl::compiler {

enum class ParseMode : uint8_t {
  kExec,          // Module
  kEval,          // Expression
  kSingle,        // Interactive
  kFunctionType,  // FunctionType
};

struct ParseOptions {
  ParseMode mode = ParseMode::kExec;
  SourceKind source_kind = SourceKind::kText;
  std::string_view filename;
  const Callbacks* callbacks = nullptr;
  bool type_comments = false;           // PyCF_TYPE_COMMENTS
  bool dont_imply_dedent = false;       // PyCF_DONT_IMPLY_DEDENT
  bool allow_incomplete_input = false;  // PyCF_ALLOW_INCOMPLETE_INPUT: say "incomplete input" when more may follow
  bool barry_as_bdfl = false;           // CO_FUTURE_BARRY_AS_BDFL: '<>' instead of '!='
  int feature_version = 11;             // minor version
  int int_max_str_digits = 4300;        // 0: no limit
};

struct ParseResult {
  ast::mod* tree = nullptr;  // nullptr: see `error`
  ErrorRecord error;
  Buffer<WarningRecord> warnings;  // in the order in which 3.11 issues them; to be issued before the error is raised
  std::string_view encoding;       // declared by the source, or empty
};

// Everything in the result lives in `arena`, identifiers in `names`.
void parse(Arena& arena, IdentifierTable& names, std::string_view input, const ParseOptions& options,
           ParseResult* result);

}  // namespace atl::compiler
