// UTF-8 checking and the identifier tables (see utf8.h).
#include "Python/compiler/utf8.h"

#include <cstdio>
#include <cstring>

#include "Python/compiler/generated/xid_tables.h"

namespace atl::compiler {

bool utf8_check(std::string_view text, Utf8Error* error) {
  const auto* begin = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* p = begin;
  const unsigned char* end = begin + text.size();
  auto fail = [&](size_t length, const char* reason) {
    if (error) *error = {static_cast<size_t>(p - begin), static_cast<size_t>(p - begin) + length, reason};
    return false;
  };
  while (p < end) {
    if (*p < 0x80) {
      if (end - p >= 8) {
        uint64_t word;
        std::memcpy(&word, p, 8);
        if (!(word & 0x8080808080808080u)) {
          p += 8;
          continue;
        }
      }
      p++;
      continue;
    }
    unsigned lead = *p;
    if (lead < 0xC2 || lead > 0xF4) return fail(1, "invalid start byte");
    int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    unsigned low = 0x80, high = 0xBF;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    for (int i = 1; i < length; i++, low = 0x80, high = 0xBF) {
      if (p + i >= end) return fail(static_cast<size_t>(i), "unexpected end of data");
      if (p[i] < low || p[i] > high) return fail(static_cast<size_t>(i), "invalid continuation byte");
    }
    p += length;
  }
  return true;
}

size_t utf8_error_message(std::string_view text, const Utf8Error& error, char* buffer, size_t buffer_size) {
  int length;
  if (error.end - error.start == 1) {
    length = std::snprintf(buffer, buffer_size, "'utf-8' codec can't decode byte 0x%02x in position %zu: %s",
                           static_cast<unsigned char>(text[error.start]), error.start, error.reason);
  } else {
    length = std::snprintf(buffer, buffer_size, "'utf-8' codec can't decode bytes in position %zu-%zu: %s", error.start,
                           error.end - 1, error.reason);
  }
  return static_cast<size_t>(length);
}

size_t utf8_count(std::string_view text) {
  size_t count = 0;
  Utf8Error error;
  for (;;) {
    bool ok = utf8_check(text, &error);
    size_t valid = ok ? text.size() : error.start;
    for (size_t i = 0; i < valid; i++) count += (text[i] & 0xC0) != 0x80;
    if (ok) return count;
    count++;
    text.remove_prefix(error.end);
  }
}

namespace {
template <size_t N>
bool in_ranges(const CodePointRange (&ranges)[N], uint32_t c) {
  size_t low = 0, high = N;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (c < ranges[middle].first) {
      high = middle;
    } else if (c > ranges[middle].last) {
      low = middle + 1;
    } else {
      return true;
    }
  }
  return false;
}
}  // namespace

bool is_xid_start(uint32_t c) {
  if (c < 0x80) return (c | 32) - 'a' < 26 || c == '_';
  return in_ranges(kXidStart, c);
}

bool is_xid_continue(uint32_t c) {
  if (c < 0x80) return (c | 32) - 'a' < 26 || c == '_' || c - '0' < 10;
  return in_ranges(kXidContinue, c);
}

bool is_printable(uint32_t c) {
  if (c < 0x80) return c >= 0x20 && c < 0x7F;
  return !in_ranges(kNotPrintable, c);
}

}  // namespace atl::compiler
