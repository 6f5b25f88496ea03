// From source text to tokens, all of them at once.
//
// The lexer never stops early for the parser's sake: a lexical error ends the stream with a kError token, and the
// parser decides whether the error counts (3.11 reports many of them only when the parser gets there, others even
// though the parser failed before).
#pragma once

#include "Python/compiler/records.h"
#include "Python/compiler/source.h"
#include "Python/compiler/token.h"

namespace atl::compiler {

struct LexOptions {
  bool type_comments = false;
  bool async_hacks = false;     // async and await are names outside of `async def` (feature_version < 3.7)
  bool imply_dedent = true;     // false: the end of the text closes no block (PyCF_DONT_IMPLY_DEDENT)
  bool interactive = false;     // a NEWLINE is made up before the end (`single` input)
  // For the expressions in f-strings: where the text starts (lines have no indentation then).
  bool embedded = false;
  int32_t first_line = 1;
  int32_t first_col = 0;
};

struct TypeIgnoreRecord {
  int32_t line;
  uint32_t start, end;  // the tag
};

struct TokenStream {
  Buffer<Token> tokens;
  Buffer<TypeIgnoreRecord> type_ignores;
  Buffer<WarningRecord> warnings;
  // Why there is a kError token.
  ErrorRecord error;
  // The error only counts if the parser reaches it; otherwise it overrides the parser's own.
  bool only_when_reached = false;
  // The error is that the text ended: more of it might have been valid.
  bool at_end = false;
  // If the error lies within brackets: "'(' was never closed" for the innermost, and its line.
  ErrorRecord unclosed;
  int32_t unclosed_line = 0;
};

// false only when out of memory. Lexical errors are in `stream`.
[[nodiscard]] bool tokenize(Arena& arena, const Source& source, const LexOptions& options, TokenStream* stream);

// The line of the text that contains byte `position`, with its newline.
std::string_view line_around(const Source& source, size_t position);

}  // namespace atl::compiler
