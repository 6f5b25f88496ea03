// Text as arrays of 1, 2 or 4 byte code points, without objects: widths, whitespace, lines, case.
//
// Every function here is pure: it reads what it is given and writes to what the caller provides. A one-byte
// text is Latin-1 (ASCII among it), and the 1 byte functions serve bytes objects too where that makes sense.
#pragma once

#include <cstddef>
#include <cstdint>

namespace atl {

enum class TextKind : uint8_t { k1 = 1, k2 = 2, k4 = 4 };

struct TextView {
  const void* data;
  ptrdiff_t length;
  TextKind kind;
};

inline uint32_t text_read(TextKind kind, const void* data, ptrdiff_t i) {
  if (kind == TextKind::k1) return static_cast<const uint8_t*>(data)[i];
  if (kind == TextKind::k2) return static_cast<const uint16_t*>(data)[i];
  return static_cast<const uint32_t*>(data)[i];
}

inline void text_write(TextKind kind, void* data, ptrdiff_t i, uint32_t cp) {
  if (kind == TextKind::k1) {
    static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(cp);
  } else if (kind == TextKind::k2) {
    static_cast<uint16_t*>(data)[i] = static_cast<uint16_t>(cp);
  } else {
    static_cast<uint32_t*>(data)[i] = cp;
  }
}

inline TextView text_slice(TextView text, ptrdiff_t start, ptrdiff_t stop) {
  const char* bytes = static_cast<const char*>(text.data);
  return {bytes + start * static_cast<ptrdiff_t>(text.kind), stop - start, text.kind};
}

// Calls f(const uint8_t* | const uint16_t* | const uint32_t*).
template <class F>
auto text_visit(TextView text, F&& f) {
  if (text.kind == TextKind::k1) return f(static_cast<const uint8_t*>(text.data));
  if (text.kind == TextKind::k2) return f(static_cast<const uint16_t*>(text.data));
  return f(static_cast<const uint32_t*>(text.data));
}

// The narrowest kind that holds `max_char`.
constexpr TextKind text_kind_for(uint32_t max_char) {
  return max_char < 0x100 ? TextKind::k1 : max_char < 0x10000 ? TextKind::k2 : TextKind::k4;
}

// --- widths ---

// Length of the run of bytes below 0x80 at the start.
size_t ascii_prefix(const uint8_t* data, size_t size);
inline bool bytes_are_ascii(const uint8_t* data, size_t size) { return ascii_prefix(data, size) == size; }

// The class of the largest code point: 0x7F, 0xFF, 0xFFFF or 0x10FFFF.
uint32_t text_max_class(TextView text);

// Copies `text` to `out`, whose kind may be wider, or narrower if every code point fits.
void text_convert(TextView text, TextKind out_kind, void* out);

void text_fill(TextKind kind, void* out, ptrdiff_t count, uint32_t cp);
void text_reverse_copy(TextView text, void* out);  // same kind

// Three-way comparison by code point: -1, 0, 1.
int text_compare(TextView a, TextView b);
bool text_equal(TextView a, TextView b);

// --- whitespace and lines ---

// First index at or after `start` that is not white space, or the length; and the end of what is left when
// white space is taken from the end, not below `start`.
ptrdiff_t text_skip_space(TextView text, ptrdiff_t start);
ptrdiff_t text_rskip_space(TextView text, ptrdiff_t start);
// First index at or after `start` that is white space, or the length.
ptrdiff_t text_find_space(TextView text, ptrdiff_t start);
// White space for bytes: ASCII's six.
constexpr bool byte_is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The line that begins at `start`: text up to `end`, the next line at `next` (which is past a line break,
// "\r\n" counted as one, or the length).
struct LineSpan {
  ptrdiff_t end, next;
};
LineSpan text_line(TextView text, ptrdiff_t start);
LineSpan bytes_line(const uint8_t* data, ptrdiff_t length, ptrdiff_t start);  // only \n, \r, \r\n

// --- questions about whole texts, as the methods of str answer them ---

bool text_all_have(TextView text, unsigned uc_flags);  // false for an empty text
bool text_is_lower(TextView text);
bool text_is_upper(TextView text);
bool text_is_title(TextView text);
bool text_is_printable(TextView text);
bool text_is_identifier(TextView text);

// --- case mapping ---

enum class CaseOp : uint8_t { kLower, kUpper, kTitle, kCapitalize, kSwapcase, kCasefold };

struct CaseSize {
  ptrdiff_t length;   // may be up to three times that of the source
  uint32_t max_char;  // the exact maximum
};
CaseSize text_case_measure(CaseOp op, TextView text);
// Writes what was measured to `out`, of a kind that holds it.
void text_case_write(CaseOp op, TextView text, TextKind out_kind, void* out);

// One pass where nothing grows, which is nearly always: writes to `out`, of the text's own kind and length,
// and says whether that was the whole truth. If so, `max_class` tells the kind that would do.
bool text_case_try_same(CaseOp op, TextView text, void* out, uint32_t* max_class);

// ASCII only, for str and bytes: same length. Bytes from 0x80 on are copied.
void ascii_case(CaseOp op, const uint8_t* in, size_t size, uint8_t* out);

}  // namespace atl
