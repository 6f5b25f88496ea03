// Methods of bytes and bytearray that map, pad, classify, and convert to and from text.
#include <cstring>

#include "Objects/bytes/shared.h"
#include "Objects/bytes/writer.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"
#include "Objects/str/methods.h"
#include "Objects/tuple.h"

namespace atl {

// ---- translate -------------------------------------------------------------------------------------------------------

Ref<> byte_translate(ThreadState& ts, PyObject* self, PyObject* table_arg, PyObject* remove_arg) {
  ByteArg table, remove;
  bool mapped = table_arg != Py_None;
  if (mapped) {
    if (failed(table.get(table_arg))) return {};
    if (table.bytes().size() != 256) return raise(ts, PyExc_ValueError, "translation table must be 256 characters long");
  }
  bool gone[256] = {};
  if (remove_arg != nullptr) {
    if (failed(remove.get(remove_arg))) return {};
    for (char c : remove.bytes()) gone[static_cast<uint8_t>(c)] = true;
  }
  std::string_view v = byte_view(self), map = table.bytes();
  size_t left = 0;
  bool changed = !is_exact_bytes(self);
  for (char c : v) {
    auto i = static_cast<uint8_t>(c);
    left += !gone[i];
    changed |= gone[i] || (mapped && map[i] != c);
  }
  if (!changed) return dup(self);
  char* out = nullptr;
  Ref<> r = byte_new_like(ts, self, static_cast<Py_ssize_t>(left), &out);
  if (!r) return {};
  v = byte_view(self);
  for (char c : v) {
    auto i = static_cast<uint8_t>(c);
    if (!gone[i]) *out++ = mapped ? map[i] : c;
  }
  return r;
}

PyObject* byte_maketrans(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n != 2) return raise(ts, PyExc_TypeError, "maketrans expected 2 arguments, got %zd", n);
  ByteArg from, to;
  if (failed(from.get(args[0])) || failed(to.get(args[1]))) return nullptr;
  if (from.bytes().size() != to.bytes().size()) {
    return raise(ts, PyExc_ValueError, "maketrans arguments must have same length");
  }
  char table[256];
  for (int i = 0; i < 256; ++i) table[i] = static_cast<char>(i);
  for (size_t i = 0; i < from.bytes().size(); ++i) table[static_cast<uint8_t>(from.bytes()[i])] = to.bytes()[i];
  return bytes_from(ts, {table, 256}).release();
}

// ---- padding ---------------------------------------------------------------------------------------------------------

namespace {

Status fill_byte(ThreadState& ts, PyObject* o, const char* name, char* out) {
  *out = ' ';
  if (o == nullptr) return Status::kOk;
  if (is_bytes(o) || is_bytearray(o)) {
    std::string_view v = byte_view(o);
    if (v.size() == 1) {
      *out = v[0];
      return Status::kOk;
    }
  }
  return raise(ts, PyExc_TypeError, "%s() argument 2 must be a byte string of length 1, not %.50s", name,
               o == Py_None ? "None" : type_of(o)->tp_name);
}

Ref<> pad(ThreadState& ts, PyObject* self, Py_ssize_t left, Py_ssize_t right, char fill) {
  std::string_view v = byte_view(self);
  if (left <= 0 && right <= 0) return byte_from_like(ts, self, v);
  auto n = static_cast<Py_ssize_t>(v.size());
  if (left > PY_SSIZE_T_MAX - n || right > PY_SSIZE_T_MAX - n - left) return raise_memory(ts);
  char* out = nullptr;
  Ref<> r = byte_new_like(ts, self, left + n + right, &out);
  if (!r) return {};
  v = byte_view(self);
  std::memset(out, fill, static_cast<size_t>(left));
  std::memcpy(out + left, v.data(), v.size());
  std::memset(out + left + n, fill, static_cast<size_t>(right));
  return r;
}

Py_ssize_t missing(PyObject* self, Py_ssize_t width) {
  auto n = static_cast<Py_ssize_t>(byte_view(self).size());
  return width > n ? width - n : 0;
}

}  // namespace

Ref<> byte_center(ThreadState& ts, PyObject* self, Py_ssize_t width, PyObject* fill) {
  char c;
  if (failed(fill_byte(ts, fill, "center", &c))) return {};
  Py_ssize_t margin = missing(self, width), left = margin / 2 + (margin & width & 1);
  return pad(ts, self, left, margin - left, c);
}
Ref<> byte_ljust(ThreadState& ts, PyObject* self, Py_ssize_t width, PyObject* fill) {
  char c;
  if (failed(fill_byte(ts, fill, "ljust", &c))) return {};
  return pad(ts, self, 0, missing(self, width), c);
}
Ref<> byte_rjust(ThreadState& ts, PyObject* self, Py_ssize_t width, PyObject* fill) {
  char c;
  if (failed(fill_byte(ts, fill, "rjust", &c))) return {};
  return pad(ts, self, missing(self, width), 0, c);
}
Ref<> byte_zfill(ThreadState& ts, PyObject* self, Py_ssize_t width) {
  Py_ssize_t zeros = missing(self, width);
  Ref<> r = pad(ts, self, zeros, 0, '0');
  if (!r || zeros == 0) return r;
  auto* data = const_cast<char*>(byte_view(r.get()).data());
  if (width > zeros && (data[zeros] == '+' || data[zeros] == '-')) std::swap(data[0], data[zeros]);
  return r;
}

Ref<> byte_expandtabs(ThreadState& ts, PyObject* self, int tabsize) {
  std::string_view v = byte_view(self);
  Py_ssize_t total = 0, column = 0;
  auto too_long = [&] { return raise(ts, PyExc_OverflowError, "result too long"); };
  for (char c : v) {
    if (c == '\t') {
      if (tabsize <= 0) continue;
      Py_ssize_t step = tabsize - column % tabsize;
      if (column > PY_SSIZE_T_MAX - step || total > PY_SSIZE_T_MAX - step) return too_long();
      column += step;
      total += step;
    } else {
      if (total == PY_SSIZE_T_MAX) return too_long();
      ++total;
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  char* out = nullptr;
  Ref<> r = byte_new_like(ts, self, total, &out);
  if (!r) return {};
  column = 0;
  for (char c : byte_view(self)) {
    if (c == '\t') {
      if (tabsize <= 0) continue;
      Py_ssize_t step = tabsize - column % tabsize;
      std::memset(out, ' ', static_cast<size_t>(step));
      out += step;
      column += step;
    } else {
      *out++ = c;
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return r;
}

// ---- case ------------------------------------------------------------------------------------------------------------

namespace {

PyObject* case_of(PyObject* self, CaseOp op) {
  ThreadState& ts = current_thread();
  std::string_view v = byte_view(self);
  char* out = nullptr;
  Ref<> r = byte_new_like(ts, self, static_cast<Py_ssize_t>(v.size()), &out);
  if (r && !v.empty()) {
    ascii_case(op, reinterpret_cast<const uint8_t*>(v.data()), v.size(), reinterpret_cast<uint8_t*>(out));
  }
  return r.release();
}

}  // namespace

PyObject* byte_capitalize(PyObject* self, PyObject*) { return case_of(self, CaseOp::kCapitalize); }
PyObject* byte_lower(PyObject* self, PyObject*) { return case_of(self, CaseOp::kLower); }
PyObject* byte_upper(PyObject* self, PyObject*) { return case_of(self, CaseOp::kUpper); }
PyObject* byte_title(PyObject* self, PyObject*) { return case_of(self, CaseOp::kTitle); }
PyObject* byte_swapcase(PyObject* self, PyObject*) { return case_of(self, CaseOp::kSwapcase); }

// ---- questions -------------------------------------------------------------------------------------------------------

namespace {

PyObject* all_have(PyObject* self, unsigned bits) {
  std::string_view v = byte_view(self);
  for (char c : v) {
    if (!_Py_CTYPE_HAS(c, bits)) return new_ref(Py_False);
  }
  return new_ref(v.empty() ? Py_False : Py_True);
}

// All letters are of that case, and there is one.
PyObject* one_case(PyObject* self, unsigned wanted, unsigned other) {
  bool any = false;
  for (char c : byte_view(self)) {
    if (_Py_CTYPE_HAS(c, other)) return new_ref(Py_False);
    any |= _Py_CTYPE_HAS(c, wanted) != 0;
  }
  return new_ref(any ? Py_True : Py_False);
}

}  // namespace

PyObject* byte_isalnum(PyObject* self, PyObject*) { return all_have(self, PY_CTF_ALNUM); }
PyObject* byte_isalpha(PyObject* self, PyObject*) { return all_have(self, PY_CTF_ALPHA); }
PyObject* byte_isdigit(PyObject* self, PyObject*) { return all_have(self, PY_CTF_DIGIT); }
PyObject* byte_isspace(PyObject* self, PyObject*) { return all_have(self, PY_CTF_SPACE); }
PyObject* byte_islower(PyObject* self, PyObject*) { return one_case(self, PY_CTF_LOWER, PY_CTF_UPPER); }
PyObject* byte_isupper(PyObject* self, PyObject*) { return one_case(self, PY_CTF_UPPER, PY_CTF_LOWER); }
PyObject* byte_isascii(PyObject* self, PyObject*) {
  std::string_view v = byte_view(self);
  return new_ref(bytes_are_ascii(reinterpret_cast<const uint8_t*>(v.data()), v.size()) ? Py_True : Py_False);
}
PyObject* byte_istitle(PyObject* self, PyObject*) {
  bool in_word = false, any = false;
  for (char c : byte_view(self)) {
    if (Py_ISUPPER(c)) {
      if (in_word) return new_ref(Py_False);
      in_word = any = true;
    } else if (Py_ISLOWER(c)) {
      if (!in_word) return new_ref(Py_False);
      any = true;
    } else {
      in_word = false;
    }
  }
  return new_ref(any ? Py_True : Py_False);
}

// ---- text ------------------------------------------------------------------------------------------------------------

Ref<> byte_decode(ThreadState& ts, PyObject* self, PyUnicodeObject* encoding, PyUnicodeObject* errors) {
  const char *e, *r;
  if (failed(codec_argument(ts, encoding, &e)) || failed(codec_argument(ts, errors, &r))) return {};
  return str_decode_object(ts, self, e, r);
}

Ref<> hex_of_memory(ThreadState& ts, std::string_view data, PyObject* sep, int group) {
  char mark = 0;
  if (sep != nullptr) {
    Py_ssize_t length;
    if (failed(object_len(ts, sep, &length))) return {};
    if (length != 1) return raise(ts, PyExc_ValueError, "sep must be length 1.");
    uint32_t c;
    if (is_str(sep)) {
      c = str_at(sep, 0);
    } else if (is_bytes(sep)) {
      c = static_cast<uint8_t>(bytes_data(sep)[0]);
    } else {
      return raise(ts, PyExc_TypeError, "sep must be str or bytes.");
    }
    if (c > 127) return raise(ts, PyExc_ValueError, "sep must be ASCII.");
    mark = static_cast<char>(c);
  } else {
    group = 0;
  }
  size_t n = data.size();
  if (n == 0) return dup(empty_str());
  size_t size = group < 0 ? size_t{0} - static_cast<size_t>(group) : static_cast<size_t>(group);
  size_t marks = size == 0 ? 0 : (n - 1) / size;
  if (n > (static_cast<size_t>(PY_SSIZE_T_MAX) - marks) / 2) return raise_memory(ts);
  void* text;
  PyObject* s = str_allocate(ts, static_cast<Py_ssize_t>(2 * n + marks), 0x7F, &text);
  if (s == nullptr) return {};
  auto* out = static_cast<char*>(text);
  // Groups are counted from the right if the number is positive: the first may be short.
  size_t until = size == 0 ? n : group > 0 ? n - marks * size : size;
  for (size_t i = 0; i < n; ++i) {
    if (until == 0) {
      *out++ = mark;
      until = size;
    }
    --until;
    auto byte = static_cast<uint8_t>(data[i]);
    *out++ = Py_hexdigits[byte >> 4];
    *out++ = Py_hexdigits[byte & 15];
  }
  return steal(s);
}

Ref<> byte_hex(ThreadState& ts, PyObject* self, PyObject* sep, int bytes_per_sep) {
  return hex_of_memory(ts, byte_view(self), sep, bytes_per_sep);
}

Ref<> bytes_from_hex(ThreadState& ts, PyObject* text, bool array) {
  BytesWriter w(ts);
  Py_ssize_t n = str_length(text);
  auto bad = [&](Py_ssize_t at) {
    return raise(ts, PyExc_ValueError, "non-hexadecimal number found in fromhex() arg at position %zd", at);
  };
  auto digit = [&](Py_ssize_t i) {
    uint32_t c = i < n ? str_at(text, i) : 0;
    if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
    c |= 32;
    return c >= 'a' && c <= 'f' ? static_cast<int>(c - 'a') + 10 : -1;
  };
  for (Py_ssize_t i = 0; i < n;) {
    uint32_t c = str_at(text, i);
    if (c < 128 && byte_is_space(static_cast<uint8_t>(c))) {
      ++i;
      continue;
    }
    int high = digit(i);
    if (high < 0) return bad(i);
    int low = digit(i + 1);
    if (low < 0) return bad(i + 1);
    if (failed(w.put(static_cast<uint8_t>(high << 4 | low)))) return {};
    i += 2;
  }
  return array ? w.finish_bytearray() : w.finish();
}

Ref<> bytes_repr_text(ThreadState& ts, std::string_view v, std::string_view before, std::string_view after, ReprQuotes quotes) {
  char quote = '\'';
  if (quotes != ReprQuotes::kSingle && v.find('\'') != v.npos && v.find('"') == v.npos) quote = '"';
  auto escaped = [&](char c) { return c == quote || c == '\\' || (c == '\'' && quotes == ReprQuotes::kSmartEscaped); };
  size_t size = before.size() + 3 + after.size();
  for (char c : v) {
    auto b = static_cast<uint8_t>(c);
    size_t add = escaped(c) || c == '\t' || c == '\n' || c == '\r' ? 2 : b < ' ' || b >= 0x7F ? 4 : 1;
    if (size > static_cast<size_t>(PY_SSIZE_T_MAX) - add) return raise(ts, PyExc_OverflowError, "bytes object is too large to make repr");
    size += add;
  }
  void* text;
  PyObject* s = str_allocate(ts, static_cast<Py_ssize_t>(size), 0x7F, &text);
  if (s == nullptr) return {};
  auto* out = static_cast<char*>(text);
  auto put = [&](std::string_view piece) {
    std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  };
  put(before);
  *out++ = 'b';
  *out++ = quote;
  for (char c : v) {
    auto b = static_cast<uint8_t>(c);
    if (escaped(c)) {
      *out++ = '\\';
      *out++ = c;
    } else if (c == '\t' || c == '\n' || c == '\r') {
      *out++ = '\\';
      *out++ = c == '\t' ? 't' : c == '\n' ? 'n' : 'r';
    } else if (b < ' ' || b >= 0x7F) {
      const char escape[] = {'\\', 'x', Py_hexdigits[b >> 4], Py_hexdigits[b & 15]};
      put({escape, 4});
    } else {
      *out++ = c;
    }
  }
  *out++ = quote;
  put(after);
  return steal(s);
}

// ---- from any object -------------------------------------------------------------------------------------------------

Ref<> bytes_from_object(ThreadState& ts, PyObject* o, bool array) {
  const char* range = array ? "byte must be in range(0, 256)" : "bytes must be in range(0, 256)";
  auto made = [&](BytesWriter& w) { return array ? w.finish_bytearray() : w.finish(); };
  if (PyObject_CheckBuffer(o)) {
    Py_buffer view;
    if (PyObject_GetBuffer(o, &view, PyBUF_FULL_RO) != 0) return {};
    Ref<> r;
    char* out = nullptr;
    if (array) {
      r = steal(PyByteArray_FromStringAndSize(nullptr, view.len));
      if (r) out = PyByteArray_AS_STRING(r.get());
    } else {
      r = bytes_new(ts, view.len);
      if (r) out = bytes_data(r.get());
    }
    if (r && PyBuffer_ToContiguous(out, &view, view.len, 'C') < 0) r.reset();
    PyBuffer_Release(&view);
    return r;
  }
  if (is_str(o)) return raise(ts, PyExc_TypeError, "cannot convert 'str' object to bytes");
  BytesWriter w(ts);
  if (is_exact_list(o) || is_exact_tuple(o)) {
    bool list = is_list(o);
    for (Py_ssize_t i = 0; i < (list ? list_size(o) : tuple_size(o)); ++i) {
      Ref<> item = dup(list ? list_items(o)[i] : tuple_peek(o, i));
      uint8_t byte;
      if (failed(byte_value(ts, item.get(), &byte, range)) || failed(w.put(byte))) return {};
    }
    return made(w);
  }
  Ref<> it = object_iter(ts, o);
  if (!it) {
    if (!error_matches(ts, PyExc_TypeError)) return {};
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "cannot convert '%.200T' object to %s", o, array ? "bytearray" : "bytes");
  }
  Py_ssize_t hint;
  if (failed(object_length_hint(ts, o, 64, &hint)) || w.prepare(hint < (1 << 20) ? hint : 1 << 20) == nullptr) return {};
  while (Ref<> item = iter_next(ts, it.get())) {
    uint8_t byte;
    if (failed(byte_value(ts, item.get(), &byte, range)) || failed(w.put(byte))) return {};
  }
  if (error_set(ts)) return {};
  return made(w);
}

}  // namespace atl
