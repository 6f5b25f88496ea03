// UTF-8 as the compiler needs it: checking, stepping, encoding. Surrogates are encoded as three bytes where Python's
// strings allow them (escapes), but are errors in source text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace atl::compiler {

struct Utf8Error {
  size_t start;
  size_t end;  // one past the last offending byte, as UnicodeDecodeError counts
  const char* reason;
};

// True if `text` is valid UTF-8; else describes the first offence.
bool utf8_check(std::string_view text, Utf8Error* error);
// "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte", in `buffer`; returns its length.
size_t utf8_error_message(std::string_view text, const Utf8Error& error, char* buffer, size_t buffer_size);

// Decodes one code point of well-formed text (surrogates allowed) and advances.
inline uint32_t utf8_next(const char*& p) {
  auto* u = reinterpret_cast<const unsigned char*>(p);
  if (u[0] < 0x80) return p += 1, u[0];
  if (u[0] < 0xE0) return p += 2, (u[0] & 0x1Fu) << 6 | (u[1] & 0x3Fu);
  if (u[0] < 0xF0) return p += 3, (u[0] & 0x0Fu) << 12 | (u[1] & 0x3Fu) << 6 | (u[2] & 0x3Fu);
  return p += 4, (u[0] & 0x07u) << 18 | (u[1] & 0x3Fu) << 12 | (u[2] & 0x3Fu) << 6 | (u[3] & 0x3Fu);
}

// Writes 1 to 4 bytes, returns how many.
inline int utf8_put(char* out, uint32_t c) {
  if (c < 0x80) return out[0] = static_cast<char>(c), 1;
  if (c < 0x800) return out[0] = static_cast<char>(0xC0 | c >> 6), out[1] = static_cast<char>(0x80 | (c & 0x3F)), 2;
  if (c < 0x10000) {
    out[0] = static_cast<char>(0xE0 | c >> 12);
    out[1] = static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out[2] = static_cast<char>(0x80 | (c & 0x3F));
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | c >> 18);
  out[1] = static_cast<char>(0x80 | (c >> 12 & 0x3F));
  out[2] = static_cast<char>(0x80 | (c >> 6 & 0x3F));
  out[3] = static_cast<char>(0x80 | (c & 0x3F));
  return 4;
}

// Number of characters in text that may contain invalid bytes (each maximal invalid part counts one, as decoding with
// "replace" would).
size_t utf8_count(std::string_view text);

// Identifier tables (Unicode 14.0, generated/xid_tables.h) and what repr() would print.
bool is_xid_start(uint32_t c);
bool is_xid_continue(uint32_t c);
bool is_printable(uint32_t c);

}  // namespace atl::compiler
