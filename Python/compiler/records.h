// What the compiler reports: errors and warnings as plain records, and the services it asks of higher rooms.
//
// Nothing here raises; whoever called the compiler turns a record into an exception or a warning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "Python/compiler/arena.h"

namespace atl::compiler {

enum class ErrorKind : uint8_t {
  kNone,
  kSyntaxError,
  kIndentationError,
  kTabError,
  kMemoryError,     // arena exhausted, or the parser's stack limit
  kRecursionError,  // nesting too deep for a later pass
  kTypeError,
  kValueError,
  kOverflowError,
  kSystemError,
  kUnicodeError,    // bytes that are not UTF-8 met outside of a syntax error's reach (UnicodeDecodeError)
  kRaised,          // a callback failed and has raised its own exception already
};

// Numbers are those of SyntaxError's attributes: lines and columns count from 1, columns are characters, and
// kAbsent stands for None. `text` is the source line (no newline guaranteed), data() == nullptr when there is none.
struct ErrorRecord {
  static constexpr int32_t kAbsent = INT32_MIN;

  ErrorKind kind = ErrorKind::kNone;
  int32_t lineno = kAbsent;
  int32_t offset = kAbsent;
  int32_t end_lineno = kAbsent;
  int32_t end_offset = kAbsent;
  // Which pass found it. Behind the parser, `text` is looked up in the file and offsets are bytes; errors of scopes are
  // SyntaxError(message) with the place set as attributes, the others have it among their arguments.
  enum class Pass : uint8_t { kParser, kScopes, kCode } pass = Pass::kParser;
  std::string_view message;  // in the arena, or static
  std::string_view text;     // in the arena, in the source, or none

  explicit operator bool() const { return kind != ErrorKind::kNone; }
};

enum class WarningKind : uint8_t { kDeprecationWarning, kSyntaxWarning };

// If a filter turns the warning into an error, 3.11 raises SyntaxError with the same message at `as_error`'s place.
struct WarningRecord {
  WarningKind kind;
  int32_t lineno;
  std::string_view message;
  ErrorRecord as_error;
};

// A place where a callback leaves bytes, in the arena of the compilation.
struct TextSink {
  Arena& arena;
  const char* data = nullptr;
  size_t size = 0;
  [[nodiscard]] bool set(std::string_view text) {
    data = arena.copy_text(text);
    size = text.size();
    return data != nullptr;
  }
};

// Services of higher rooms; any may be null. A callback returns false after raising its own exception.
struct Callbacks {
  void* context = nullptr;
  // NFKC form of an identifier that is not ASCII. Without it identifiers stay as written.
  bool (*normalize)(void* context, std::string_view identifier, TextSink& result) = nullptr;
  // The character of a Unicode name (\N{...}); sets *code_point to UINT32_MAX when there is none.
  bool (*character_by_name)(void* context, std::string_view name, uint32_t* code_point) = nullptr;
  // Source text in `encoding` to UTF-8. A failed decoding either raises (false) or leaves *message, a SyntaxError's.
  bool (*decode)(void* context, std::string_view encoding, std::string_view bytes, TextSink& result,
                 std::string_view* message) = nullptr;
};

}  // namespace atl::compiler
