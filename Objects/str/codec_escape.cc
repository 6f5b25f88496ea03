// unicode-escape and raw-unicode-escape.
#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"
#include "Objects/str/text.h"
#include "Objects/str/unicode_tables.h"

namespace atl {
namespace {

constexpr int hex_value(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Hexadecimal digits of \xXX, \uXXXX and \UXXXXXXXX; *pos stops behind the last good one. Fewer than `count`: false.
bool read_hex(const DecodeErrors& in, Py_ssize_t* pos, int count, uint32_t* value) {
  *value = 0;
  for (; count > 0; --count) {
    int v = *pos < in.size ? hex_value(in.data[*pos]) : -1;
    if (v < 0) return false;
    *value = *value << 4 | static_cast<uint32_t>(v);
    ++*pos;
  }
  return true;
}

// Simple escapes of the language: what stands behind the backslash, or -1.
int simple_escape(uint8_t c) {
  switch (c) {
    case '\\': case '\'': case '"': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 't': return '\t';
    case 'n': return '\n';
    case 'r': return '\r';
    case 'v': return '\v';
    case 'a': return '\a';
    default: return -1;
  }
}

}  // namespace

Ref<> decode_unicode_escape(ThreadState& ts, std::string_view input, const char* errors, Py_ssize_t* consumed,
                            InvalidEscape* invalid) {
  *invalid = InvalidEscape{};
  DecodeErrors err(ts, "unicodeescape", input, errors);
  StrWriter w(ts);
  auto note = [&](Py_ssize_t start) {
    if (invalid->offset >= 0) return;
    invalid->offset = start;
    for (Py_ssize_t i = 0; i < 3 && start + 1 + i < err.size; ++i) invalid->text[i] = static_cast<char>(err.data[start + 1 + i]);
  };
  Py_ssize_t pos = 0;
  while (pos < err.size) {
    Py_ssize_t plain = pos;
    while (pos < err.size && err.data[pos] != '\\') ++pos;
    if (failed(w.write_latin1(err.data + plain, pos - plain))) return {};
    if (pos >= err.size) break;
    Py_ssize_t start = pos++;
    const char* problem = nullptr;
    bool incomplete = false;
    if (pos >= err.size) {
      problem = "\\ at end of string";
      incomplete = true;
    } else {
      uint8_t c = err.data[pos++];
      int simple = simple_escape(c);
      int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
      if (simple >= 0) {
        if (failed(w.put(static_cast<uint32_t>(simple)))) return {};
      } else if (c == '\n') {
        // the line goes on
      } else if (c >= '0' && c <= '7') {
        uint32_t value = static_cast<uint32_t>(c - '0');
        for (int k = 0; k < 2 && pos < err.size && err.data[pos] >= '0' && err.data[pos] <= '7'; ++k) {
          value = value * 8 + static_cast<uint32_t>(err.data[pos++] - '0');
        }
        if (value > 0377) note(start);
        if (failed(w.put(value))) return {};
      } else if (digits != 0) {
        uint32_t value;
        if (!read_hex(err, &pos, digits, &value)) {
          problem = digits == 2 ? "truncated \\xXX escape" : digits == 4 ? "truncated \\uXXXX escape" : "truncated \\UXXXXXXXX escape";
          incomplete = pos >= err.size;
        } else if (value > 0x10FFFF) {
          problem = "illegal Unicode character";
        } else if (failed(w.put(value))) {
          return {};
        }
      } else if (c == 'N') {
        problem = "malformed \\N character escape";
        if (pos >= err.size) {
          incomplete = true;
        } else if (err.data[pos] == '{') {
          Py_ssize_t name = ++pos;
          while (pos < err.size && err.data[pos] != '}') ++pos;
          if (pos >= err.size) {
            incomplete = true;
          } else if (pos > name) {
            uint32_t found[kUcSequenceBuffer];
            int n = uc_lookup({reinterpret_cast<const char*>(err.data + name), static_cast<size_t>(pos - name)},
                              UcNames::kCharactersAndAliases, found);
            ++pos;
            problem = "unknown Unicode character name";
            if (n == 1) {
              if (failed(w.put(found[0]))) return {};
              problem = nullptr;
            }
          }
        }
      } else {
        note(start);
        if (failed(w.put('\\')) || failed(w.put(c))) return {};
      }
    }
    if (problem == nullptr) continue;
    if (incomplete && consumed != nullptr) {
      *consumed = start;
      return w.finish();
    }
    if (failed(err.handle(problem, start, pos, &w, &pos))) return {};
  }
  if (consumed != nullptr) *consumed = pos;
  return w.finish();
}

Status warn_of_escape(ThreadState& ts, const char* escape) {
  if (*escape >= '4' && *escape <= '7') {
    return warn(ts, PyExc_DeprecationWarning, 1, "invalid octal escape sequence '\\%.3s'", escape);
  }
  return warn(ts, PyExc_DeprecationWarning, 1, "invalid escape sequence '\\%c'", static_cast<unsigned char>(*escape));
}

int escape_code(const char* escape) {
  if (*escape >= '4' && *escape <= '7') return (escape[0] - '0') * 64 + (escape[1] - '0') * 8 + (escape[2] - '0');
  return static_cast<unsigned char>(*escape);
}

Ref<> decode_unicode_escape_warn(ThreadState& ts, std::string_view input, const char* errors, Py_ssize_t* consumed) {
  InvalidEscape invalid;
  Ref<> text = decode_unicode_escape(ts, input, errors, consumed, &invalid);
  if (!text || invalid.offset < 0) return text;
  return failed(warn_of_escape(ts, invalid.text)) ? Ref<>() : std::move(text);
}

Ref<> decode_raw_unicode_escape(ThreadState& ts, std::string_view input, const char* errors, Py_ssize_t* consumed) {
  DecodeErrors err(ts, "rawunicodeescape", input, errors);
  StrWriter w(ts);
  Py_ssize_t pos = 0;
  while (pos < err.size) {
    Py_ssize_t plain = pos;
    while (pos < err.size && err.data[pos] != '\\') ++pos;
    if (failed(w.write_latin1(err.data + plain, pos - plain))) return {};
    if (pos >= err.size) break;
    Py_ssize_t start = pos++;
    if (pos >= err.size) {
      if (consumed != nullptr) {
        *consumed = start;
        return w.finish();
      }
      if (failed(w.put('\\'))) return {};
      break;
    }
    uint8_t c = err.data[pos++];
    if (c != 'u' && c != 'U') {
      if (failed(w.put('\\')) || failed(w.put(c))) return {};
      continue;
    }
    uint32_t value;
    const char* problem;
    if (!read_hex(err, &pos, c == 'u' ? 4 : 8, &value)) {
      if (pos >= err.size && consumed != nullptr) {
        *consumed = start;
        return w.finish();
      }
      problem = c == 'u' ? "truncated \\uXXXX escape" : "truncated \\UXXXXXXXX escape";
    } else if (value > 0x10FFFF) {
      problem = "\\Uxxxxxxxx out of range";
    } else {
      if (failed(w.put(value))) return {};
      continue;
    }
    if (failed(err.handle(problem, start, pos, &w, &pos))) return {};
  }
  if (consumed != nullptr) *consumed = pos;
  return w.finish();
}

Ref<> encode_unicode_escape(ThreadState& ts, PyObject* s) {
  TextView text = str_view(s);
  BytesWriter w(ts);
  for (Py_ssize_t i = 0; i < text.length; ++i) {
    uint32_t c = text_read(text.kind, text.data, i);
    if (c >= ' ' && c < 0x7F) {
      if (c == '\\' && failed(w.put('\\'))) return {};
      if (failed(w.put(static_cast<uint8_t>(c)))) return {};
    } else {
      char escape[10];
      int n = escape_char(c, escape);
      if (failed(w.write({escape, static_cast<size_t>(n)}))) return {};
    }
  }
  return w.finish();
}

Ref<> encode_raw_unicode_escape(ThreadState& ts, PyObject* s) {
  TextView text = str_view(s);
  BytesWriter w(ts);
  for (Py_ssize_t i = 0; i < text.length; ++i) {
    uint32_t c = text_read(text.kind, text.data, i);
    if (c < 0x100) {
      if (failed(w.put(static_cast<uint8_t>(c)))) return {};
    } else {
      char escape[10];
      int n = escape_char(c, escape);
      if (failed(w.write({escape, static_cast<size_t>(n)}))) return {};
    }
  }
  return w.finish();
}

}  // namespace atl
