// Source text made ready for the lexer: UTF-8, newlines as '\n', terminated by "\n\0".
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
  // text[size] == 0; ends with '\n' unless empty. Lives in the arena or, if nothing had to change, is a copy there too.
  const char* text = nullptr;
  size_t size = 0;
  // The last line had no newline of its own (one was added).
  bool newline_added = false;
  // Tokens must be checked for bytes that are not UTF-8.
  bool may_be_invalid = false;
  // The encoding a cookie or BOM declared; empty if there was neither.
  std::string_view encoding;
};

struct SourceOptions {
  SourceKind kind = SourceKind::kText;
  std::string_view filename;  // for messages of kFile
  const Callbacks* callbacks = nullptr;
};

// false with *error filled on failure.
[[nodiscard]] bool prepare_source(Arena& arena, std::string_view input, const SourceOptions& options, Source* source,
                                  ErrorRecord* error);

}  // namespace atl::compiler
