// Source text made ready for the lexer: UTF-8, newlines as '\n', terminated by NUL.
//
// Where it comes from decides how errors are worded: a `str` (already UTF-8, no cookie looked for), a bytes object
// (cookie and BOM honoured; bytes that are not UTF-8 are only noticed inside of tokens), or a file's contents (not
// being UTF-8 is an error of the whole file).
#pragma once

#include <cstdint>
#include <string_view>

#include "Python/compiler/records.h"

namespace atl::compiler {

enum class SourceKind : uint8_t { kText, kBytes, kFile };

struct Source {
  // text[size] == 0; a copy in the arena.
  const char* text = nullptr;
  size_t size = 0;
  // Tokens must be checked for bytes that are not UTF-8.
  bool may_be_invalid = false;
  // The encoding a cookie or BOM declared; empty if there was neither.
  std::string_view encoding;
};

struct SourceOptions {
  SourceKind kind = SourceKind::kText;
  std::string_view filename;  // for messages of kFile
  const Callbacks* callbacks = nullptr;
  bool add_newline = true;  // to a last line that has none (`exec` input only)
};

// false with *error filled on failure.
[[nodiscard]] bool prepare_source(Arena& arena, std::string_view input, const SourceOptions& options, Source* source,
                                  ErrorRecord* error);

}  // namespace atl::compiler
