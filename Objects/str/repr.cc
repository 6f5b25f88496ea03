// repr() and ascii() of text.
#include <cstring>

#include "Objects/str/layout.h"
#include "Objects/str/text.h"
#include "Objects/str/unicode_tables.h"

namespace atl {
namespace {

char* put_hex(char* out, uint32_t c, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) *out++ = Py_hexdigits[c >> shift & 15];
  return out;
}

}  // namespace

// Writes the escape for c; returns its length (2 to 10).
int escape_char(uint32_t c, char out[10]) {
  char* p = out;
  *p++ = '\\';
  if (c == '\t') {
    *p++ = 't';
  } else if (c == '\n') {
    *p++ = 'n';
  } else if (c == '\r') {
    *p++ = 'r';
  } else if (c < 0x100) {
    *p++ = 'x';
    p = put_hex(p, c, 2);
  } else if (c < 0x10000) {
    *p++ = 'u';
    p = put_hex(p, c, 4);
  } else {
    *p++ = 'U';
    p = put_hex(p, c, 8);
  }
  return static_cast<int>(p - out);
}

namespace {

Ref<> quoted(ThreadState& ts, PyObject* s, bool ascii_only) {
  TextView text = str_view(s);
  // The quote is ' unless the text has that and no ".
  bool single = text_find_char(text, '\'') >= 0;
  char quote = single && text_find_char(text, '"') < 0 ? '"' : '\'';
  StrWriter w(ts);
  if (failed(w.prepare_exact(text.length + 2, 0x7F)) || failed(w.put(static_cast<uint8_t>(quote)))) return {};
  Status done = text_visit(text, [&](auto* chars) -> Status {
    ptrdiff_t plain = 0;  // characters from here to i stand for themselves
    auto flush = [&](ptrdiff_t i) { return i == plain ? Status::kOk : w.write_view(text_slice(text, plain, i)); };
    for (ptrdiff_t i = 0; i < text.length; ++i) {
      uint32_t c = chars[i];
      if (ATOLL_LIKELY(c >= ' ' && c < 0x7F && c != '\\' && c != '\'' && c != '"')) continue;
      if (c == static_cast<uint32_t>(quote) || c == '\\') {
        if (failed(flush(i)) || failed(w.put('\\'))) return Status::kError;
        plain = i;
      } else if (c == '\'' || c == '"' || (c >= 0x7F && !ascii_only && uc_is_printable(c))) {
        continue;
      } else {
        char escape[10];
        int n = escape_char(c, escape);
        if (failed(flush(i)) || failed(w.write_ascii({escape, static_cast<size_t>(n)}))) return Status::kError;
        plain = i + 1;
      }
    }
    return flush(text.length);
  });
  if (failed(done) || failed(w.put(static_cast<uint8_t>(quote)))) return {};
  return w.finish();
}

}  // namespace

Ref<> str_repr(ThreadState& ts, PyObject* s) { return quoted(ts, s, false); }
Ref<> str_ascii(ThreadState& ts, PyObject* s) { return quoted(ts, s, true); }

}  // namespace atl
