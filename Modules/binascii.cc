// binascii: base64, hexadecimal, uuencode, quoted-printable, checksums.
#include <zlib.h>

#include "Modules/module_def.h"
#include "Objects/bytes.h"
#include "Objects/bytes/writer.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"

// Objects/bytes: the engine of bytes.hex().
extern "C" PyObject* _Py_strhex_bytes_with_sep(const char* data, Py_ssize_t size, PyObject* sep, int bytes_per_sep);

namespace atl {

namespace {

struct State {
  PyObject* error;
  PyObject* incomplete;
};
State& state_of(PyObject* module) { return *static_cast<State*>(PyModule_GetState(module)); }

// Text to decode: bytes-like, or str of ASCII characters.
struct AsciiArg {
  BufferArg buffer;
  const uint8_t* data = nullptr;
  Py_ssize_t size = 0;
};

}  // namespace

template <>
struct ArgTraits<AsciiArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, AsciiArg* out) {
    if (is_str(o)) {
      if (!str_is_ascii(o)) {
        (void)raise(ts, PyExc_ValueError, "string argument should contain only ASCII characters");
        return false;
      }
      out->data = static_cast<const uint8_t*>(str_data(o));
      out->size = str_length(o);
      return true;
    }
    if (!PyObject_CheckBuffer(o) || PyObject_GetBuffer(o, &out->buffer.view, PyBUF_SIMPLE) < 0) {
      if (error_set(ts) && !error_clear_if(ts, PyExc_TypeError) && !error_clear_if(ts, PyExc_BufferError)) return false;
      (void)raise(ts, PyExc_TypeError, "argument should be bytes, buffer or ASCII string, not '%.100s'", o->ob_type->tp_name);
      return false;
    }
    out->data = out->buffer.data();
    out->size = out->buffer.size();
    return true;
  }
};

// Checksums take ints of any size, by their lowest 32 bits.
struct Word {
  uint32_t value = 0;
};
template <>
struct ArgTraits<Word> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, Word* out) {
    Ref<> n = number_index(ts, o);
    if (!n) return false;
    out->value = static_cast<uint32_t>(int_as_u64_mask(n.get()));
    return true;
  }
};

namespace {

// ---- base64 ------------------------------------------------------------------------------------------------------

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
struct Base64Values {
  uint8_t of[256];
};
constexpr Base64Values make_values() {
  Base64Values v{};
  for (uint8_t& x : v.of) x = 255;
  for (uint8_t i = 0; i < 64; ++i) v.of[static_cast<uint8_t>(kBase64[i])] = i;
  return v;
}
constexpr Base64Values kValues = make_values();

Ref<> m_a2b_base64(ThreadState& ts, PyObject* module, const AsciiArg& data, bool strict) {
  PyObject* error = state_of(module).error;
  BytesWriter w(ts);
  if (w.prepare((data.size + 3) / 4 * 3) == nullptr) return {};
  if (strict && data.size > 0 && data.data[0] == '=') return raise(ts, error, "Leading padding not allowed");
  unsigned have = 0;  // characters of the present group of four
  uint32_t group = 0;
  int pads = 0;
  bool padding = false;
  for (Py_ssize_t i = 0; i < data.size; ++i) {
    uint8_t c = data.data[i];
    if (c == '=') {
      padding = true;
      if (have >= 2 && static_cast<int>(have) + ++pads >= 4) {
        // The group is complete: what follows is not read.
        if (strict && i + 1 < data.size) return raise(ts, error, "Excess data after padding");
        return w.finish();
      }
      continue;
    }
    uint8_t v = kValues.of[c];
    if (v == 255) {
      if (strict) return raise(ts, error, "Only base64 data is allowed");
      continue;
    }
    if (strict && padding) return raise(ts, error, "Discontinuous padding not allowed");
    pads = 0;
    group = group << 6 | v;
    // Each character but the first of a group completes a byte.
    if (have != 0 && failed(w.put(static_cast<uint8_t>(group >> (6 - 2 * have))))) return {};
    have = (have + 1) & 3;
  }
  if (have == 0) return w.finish();
  if (have == 1) {
    return raise(ts, error,
                 "Invalid base64-encoded string: number of data characters (%zd) cannot be 1 more than a multiple of 4",
                 w.size() / 3 * 4 + 1);
  }
  return raise(ts, error, "Incorrect padding");
}

Ref<> m_b2a_base64(ThreadState& ts, PyObject* module, const BufferArg& data, bool newline) {
  if (data.size() > PY_SSIZE_T_MAX / 2 - 3) return raise(ts, state_of(module).error, "Too much data for base64 line");
  BytesWriter w(ts);
  uint8_t* out = w.prepare((data.size() + 2) / 3 * 4 + 1);
  if (out == nullptr) return {};
  uint8_t* start = out;
  const uint8_t* p = data.data();
  Py_ssize_t n = data.size();
  for (; n > 0; p += 3, n -= 3) {
    uint32_t group = static_cast<uint32_t>(p[0]) << 16 | (n > 1 ? p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
    *out++ = static_cast<uint8_t>(kBase64[group >> 18]);
    *out++ = static_cast<uint8_t>(kBase64[group >> 12 & 63]);
    *out++ = static_cast<uint8_t>(n > 1 ? kBase64[group >> 6 & 63] : '=');
    *out++ = static_cast<uint8_t>(n > 2 ? kBase64[group & 63] : '=');
  }
  if (newline) *out++ = '\n';
  w.advance(out - start);
  return w.finish();
}

// ---- hexadecimal -------------------------------------------------------------------------------------------------

int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
Ref<> m_a2b_hex(ThreadState& ts, PyObject* module, const AsciiArg& text) {
  if (text.size % 2 != 0) return raise(ts, state_of(module).error, "Odd-length string");
  Ref<> result = bytes_new(ts, text.size / 2);
  if (!result) return {};
  for (Py_ssize_t i = 0; i < text.size; i += 2) {
    int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
    if (high < 0 || low < 0) return raise(ts, state_of(module).error, "Non-hexadecimal digit found");
    bytes_data(result.get())[i / 2] = static_cast<char>(high << 4 | low);
  }
  return result;
}
Ref<> m_b2a_hex(ThreadState&, PyObject*, const BufferArg& data, PyObject* sep, int bytes_per_sep) {
  return Ref<>::steal(_Py_strhex_bytes_with_sep(reinterpret_cast<const char*>(data.data()), data.size(), sep, bytes_per_sep));
}

// ---- uuencode ----------------------------------------------------------------------------------------------------

Ref<> m_a2b_uu(ThreadState& ts, PyObject* module, const AsciiArg& line) {
  PyObject* error = state_of(module).error;
  Py_ssize_t at = 0;
  // Of no data the first byte is the zero behind it, as behind a C string.
  Py_ssize_t size = ((line.size > 0 ? line.data[at++] : 0) - ' ') & 077;
  BytesWriter w(ts);
  uint32_t bits = 0;
  int have = 0;
  while (w.size() < size) {
    unsigned v = 0;
    // A line that ends too early stands for zeros: mailers strip blanks.
    if (at < line.size && line.data[at] != '\n' && line.data[at] != '\r') {
      uint8_t c = line.data[at++];
      if (c < ' ' || c > ' ' + 64) return raise(ts, error, "Illegal char");
      v = (c - ' ') & 077u;
    }
    bits = bits << 6 | v;
    have += 6;
    if (have >= 8) {
      have -= 8;
      if (failed(w.put(static_cast<uint8_t>(bits >> have)))) return {};
    }
  }
  for (; at < line.size; ++at) {
    uint8_t c = line.data[at];
    if (c != ' ' && c != ' ' + 64 && c != '\n' && c != '\r') return raise(ts, error, "Trailing garbage");
  }
  return w.finish();
}

Ref<> m_b2a_uu(ThreadState& ts, PyObject* module, const BufferArg& data, bool backtick) {
  if (data.size() > 45) return raise(ts, state_of(module).error, "At most 45 bytes at once");
  auto coded = [&](unsigned v) -> uint8_t { return static_cast<uint8_t>(v == 0 && backtick ? '`' : v + ' '); };
  BytesWriter w(ts);
  if (failed(w.put(coded(static_cast<unsigned>(data.size()))))) return {};
  for (Py_ssize_t i = 0; i < data.size(); i += 3) {
    uint32_t group = 0;
    for (Py_ssize_t k = i; k < i + 3; ++k) group = group << 8 | (k < data.size() ? data.data()[k] : 0u);
    for (int shift = 18; shift >= 0; shift -= 6) {
      if (failed(w.put(coded(group >> shift & 077)))) return {};
    }
  }
  if (failed(w.put('\n'))) return {};
  return w.finish();
}

// ---- quoted-printable --------------------------------------------------------------------------------------------

Ref<> m_a2b_qp(ThreadState& ts, PyObject*, const AsciiArg& data, bool header) {
  BytesWriter w(ts);
  const uint8_t* p = data.data;
  Py_ssize_t n = data.size;
  for (Py_ssize_t i = 0; i < n;) {
    uint8_t c = p[i++];
    if (c != '=') {
      if (failed(w.put(header && c == '_' ? ' ' : c))) return {};
      continue;
    }
    if (i >= n) break;
    if (p[i] == '\n' || p[i] == '\r') {
      // A soft line break: the rest of the line goes.
      while (i < n && p[i] != '\n') ++i;
      if (i < n) ++i;
    } else if (p[i] == '=') {
      if (failed(w.put('='))) return {};
      ++i;
    } else if (i + 1 < n && hex_digit(p[i]) >= 0 && hex_digit(p[i + 1]) >= 0) {
      if (failed(w.put(static_cast<uint8_t>(hex_digit(p[i]) << 4 | hex_digit(p[i + 1]))))) return {};
      i += 2;
    } else if (failed(w.put('='))) {
      return {};
    }
  }
  return w.finish();
}

// Writes quoted-printable text, with soft breaks so that no line is longer than 76 characters.
class QuotedWriter {
 public:
  QuotedWriter(ThreadState& ts, bool crlf) : w_(ts), crlf_(crlf) {}
  Status quoted(uint8_t c) {
    if (column_ + 3 >= kLine && failed(soft_break())) return Status::kError;
    column_ += 3;
    return hex(c);
  }
  Status plain(uint8_t c, bool more_on_line) {
    if (more_on_line && column_ + 1 >= kLine && failed(soft_break())) return Status::kError;
    ++column_;
    last_blank_ = c == ' ' || c == '\t' ? c : 0;
    return w_.put(c);
  }
  // A line's end; a blank just before it must not stand there bare.
  Status line_end() {
    column_ = 0;
    if (last_blank_ != 0) {
      uint8_t blank = last_blank_;
      w_.advance(-1);
      if (failed(hex(blank))) return Status::kError;
    }
    last_blank_ = 0;
    return w_.write(crlf_ ? "\r\n" : "\n");
  }
  Py_ssize_t column() const { return column_; }
  Ref<> finish() { return w_.finish(); }

 private:
  static constexpr Py_ssize_t kLine = 76;
  Status hex(uint8_t c) {
    last_blank_ = 0;
    char text[3] = {'=', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]};
    return w_.write({text, 3});
  }
  Status soft_break() {
    column_ = 0;
    last_blank_ = 0;
    return w_.write(crlf_ ? "=\r\n" : "=\n");
  }
  BytesWriter w_;
  Py_ssize_t column_ = 0;
  uint8_t last_blank_ = 0;
  bool crlf_;
};

Ref<> m_b2a_qp(ThreadState& ts, PyObject*, const BufferArg& data, bool quotetabs, bool istext, bool header) {
  const uint8_t* p = data.data();
  Py_ssize_t n = data.size();
  // Line ends are written as the first one in the data is.
  Py_ssize_t first = 0;
  while (first < n && p[first] != '\n') ++first;
  QuotedWriter w(ts, first > 0 && first < n && p[first - 1] == '\r');
  for (Py_ssize_t i = 0; i < n;) {
    uint8_t c = p[i];
    bool last = i + 1 == n;
    uint8_t next = last ? 0 : p[i + 1];
    bool blank = c == ' ' || c == '\t';
    bool line_char = c == '\n' || c == '\r';
    bool lonely_dot = c == '.' && w.column() == 0 && (last || next == '\n' || next == '\r' || next == 0);
    bool quote = c > 126 || c == '=' || (header && c == '_') || lonely_dot || (!istext && line_char) || (blank && last) ||
                 (c < 33 && !line_char && (!blank || quotetabs));
    // A blank in a header is written as an underscore instead.
    if (header && c == ' ' && quote && !last && !quotetabs) quote = false;
    if (quote) {
      if (failed(w.quoted(c))) return {};
      ++i;
    } else if (istext && (c == '\n' || (c == '\r' && !last && next == '\n'))) {
      if (failed(w.line_end())) return {};
      i += c == '\r' ? 2 : 1;
    } else {
      if (failed(w.plain(header && c == ' ' ? '_' : c, !last && next != '\n'))) return {};
      ++i;
    }
  }
  return w.finish();
}

// ---- checksums ---------------------------------------------------------------------------------------------------

Ref<> m_crc32(ThreadState& ts, PyObject*, const BufferArg& data, Word start) {
  uint64_t crc = start.value;
  auto run = [&] {
    const uint8_t* p = data.data();
    for (Py_ssize_t left = data.size(); left > 0;) {
      auto step = static_cast<uInt>(left > (1 << 30) ? 1 << 30 : left);
      crc = ::crc32(crc, p, step);
      p += step;
      left -= step;
    }
  };
  if (data.size() > 1024 * 5) {
    Py_BEGIN_ALLOW_THREADS
    run();
    Py_END_ALLOW_THREADS
  } else {
    run();
  }
  return int_from_u64(ts, crc & 0xffffffff);
}

// CRC-CCITT with the polynomial 0x1021, as BinHex 4 has it.
Ref<> m_crc_hqx(ThreadState& ts, PyObject*, const BufferArg& data, Word start) {
  uint32_t crc = start.value & 0xffff;
  for (Py_ssize_t i = 0; i < data.size(); ++i) {
    crc ^= static_cast<uint32_t>(data.data()[i]) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
  }
  return int_from_u64(ts, crc);
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(m_a2b_uu, "a2b_uu", "($module, data, /)", "Decode a line of uuencoded data."),
    ATOLL_METHOD(m_b2a_uu, "b2a_uu", "($module, data, /, *, backtick=False)", "Uuencode line of data."),
    ATOLL_METHOD(m_a2b_base64, "a2b_base64", "($module, data, /, *, strict_mode=False)",
                 "Decode a line of base64 data.\n\n"
                 "  strict_mode\n    When set to True, bytes that are not in the base64 standard are not allowed.\n"
                 "    The same applies to excess data after padding (= / ==)."),
    ATOLL_METHOD(m_b2a_base64, "b2a_base64", "($module, data, /, *, newline=True)", "Base64-code line of data."),
    ATOLL_METHOD(m_b2a_hex, "b2a_hex", "($module, /, data, sep=<unrepresentable>, bytes_per_sep=1)",
                 "Hexadecimal representation of binary data.\n\n"
                 "  sep\n    An optional single character or byte to separate hex bytes.\n"
                 "  bytes_per_sep\n    How many bytes between separators.  Positive values count from the\n"
                 "    right, negative values count from the left.\n\n"
                 "The return value is a bytes object."),
    ATOLL_METHOD(m_b2a_hex, "hexlify", "($module, /, data, sep=<unrepresentable>, bytes_per_sep=1)",
                 "Hexadecimal representation of binary data, as b2a_hex()."),
    ATOLL_METHOD(m_a2b_hex, "a2b_hex", "($module, hexstr, /)",
                 "Binary data of hexadecimal representation.\n\n"
                 "hexstr must contain an even number of hex digits (upper or lower case).\n"
                 "This function is also available as \"unhexlify()\"."),
    ATOLL_METHOD(m_a2b_hex, "unhexlify", "($module, hexstr, /)",
                 "Binary data of hexadecimal representation.\n\nhexstr must contain an even number of hex digits (upper or lower case)."),
    ATOLL_METHOD(m_crc_hqx, "crc_hqx", "($module, data, crc, /)", "Compute CRC-CCITT incrementally."),
    ATOLL_METHOD(m_crc32, "crc32", "($module, data, crc=0, /)", "Compute CRC-32 incrementally."),
    ATOLL_METHOD(m_a2b_qp, "a2b_qp", "($module, /, data, header=False)", "Decode a string of qp-encoded data."),
    ATOLL_METHOD(m_b2a_qp, "b2a_qp", "($module, /, data, quotetabs=False, istext=True, header=False)",
                 "Encode a string using quoted-printable encoding.\n\n"
                 "On encoding, when istext is set, newlines are not encoded, and white\n"
                 "space at end of lines is.  When istext is not set, \\r and \\n (CR/LF)\n"
                 "are both encoded.  When quotetabs is set, space and tabs are encoded."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  State& state = state_of(module);
  state.error = PyErr_NewException("binascii.Error", PyExc_ValueError, nullptr);
  if (state.error == nullptr || failed(module_add(ts, module, "Error", dup(state.error)))) return -1;
  state.incomplete = PyErr_NewException("binascii.Incomplete", nullptr, nullptr);
  return state.incomplete == nullptr || failed(module_add(ts, module, "Incomplete", dup(state.incomplete))) ? -1 : 0;
}
int traverse(PyObject* module, visitproc visit, void* arg) {
  auto* state = static_cast<State*>(PyModule_GetState(module));
  if (state == nullptr) return 0;
  Py_VISIT(state->error);
  Py_VISIT(state->incomplete);
  return 0;
}
int clear(PyObject* module) {
  auto* state = static_cast<State*>(PyModule_GetState(module));
  if (state == nullptr) return 0;
  clear_field(state->error);
  clear_field(state->incomplete);
  return 0;
}
void free_state(void* module) { clear(static_cast<PyObject*>(module)); }

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit_binascii, "binascii", "Conversion between binary data and ASCII", sizeof(atl::State), atl::kFunctions,
                        atl::exec, atl::traverse, atl::clear, atl::free_state)
