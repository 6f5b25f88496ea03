// Methods of str that map, pad or classify.
#include <cstring>

#include "Objects/int/int.h"
#include "Objects/str/codecs.h"
#include "Objects/str/format_spec.h"
#include "Objects/str/kernel_find.h"
#include "Objects/str/layout.h"
#include "Objects/str/methods.h"
#include "Objects/tuple.h"

namespace atl {

// ---- case ----------------------------------------------------------------------------------------------------------

Ref<> str_case(ThreadState& ts, CaseOp op, PyObject* s) {
  TextView text = str_view(s);
  if (text.length == 0) return dup(empty_str());
  void* data;
  if (str_is_ascii(s)) {
    PyObject* r = str_allocate(ts, text.length, 0x7F, &data);
    if (r != nullptr) ascii_case(op, static_cast<const uint8_t*>(text.data), static_cast<size_t>(text.length), static_cast<uint8_t*>(data));
    return steal(r);
  }
  Ref<> r = steal(str_allocate(ts, text.length, str_max_class(s), &data));
  if (!r) return {};
  uint32_t max_class;
  if (text_case_try_same(op, text, data, &max_class)) {
    if (max_class == str_max_class(s)) return r;
    return str_from_view(ts, str_view(r.get()));
  }
  CaseSize size = text_case_measure(op, text);
  r = steal(str_allocate(ts, size.length, size.max_char, &data));
  if (r) text_case_write(op, text, text_kind_for(size.max_char), data);
  return r;
}

Ref<> str_capitalize(ThreadState& ts, PyObject* s) { return str_case(ts, CaseOp::kCapitalize, s); }
Ref<> str_casefold(ThreadState& ts, PyObject* s) { return str_case(ts, CaseOp::kCasefold, s); }
Ref<> str_title(ThreadState& ts, PyObject* s) { return str_case(ts, CaseOp::kTitle, s); }
Ref<> str_lower(ThreadState& ts, PyObject* s) { return str_case(ts, CaseOp::kLower, s); }
Ref<> str_upper(ThreadState& ts, PyObject* s) { return str_case(ts, CaseOp::kUpper, s); }
Ref<> str_swapcase(ThreadState& ts, PyObject* s) { return str_case(ts, CaseOp::kSwapcase, s); }

// ---- padding -------------------------------------------------------------------------------------------------------

namespace {

Ref<> pad(ThreadState& ts, PyObject* s, Py_ssize_t left, Py_ssize_t right, uint32_t fill) {
  if (left < 0) left = 0;
  if (right < 0) right = 0;
  Py_ssize_t n = str_length(s);
  if (left == 0 && right == 0) return str_exact(ts, s);
  if (left > PY_SSIZE_T_MAX - n || right > PY_SSIZE_T_MAX - n - left) {
    return raise(ts, PyExc_OverflowError, "padded string is too long");
  }
  uint32_t max_class = str_max_class(s);
  if (fill > max_class) max_class = fill;
  void* data;
  PyObject* r = str_allocate(ts, left + n + right, max_class, &data);
  if (r == nullptr) return {};
  TextKind kind = text_kind_for(max_class);
  auto* out = static_cast<char*>(data);
  auto unit = static_cast<Py_ssize_t>(kind);
  text_fill(kind, out, left, fill);
  text_convert(str_view(s), kind, out + left * unit);
  text_fill(kind, out + (left + n) * unit, right, fill);
  return steal(r);
}

Status fill_char(ThreadState& ts, PyObject* o, uint32_t* out) {
  *out = ' ';
  if (o == nullptr) return Status::kOk;
  if (!is_str(o)) return raise(ts, PyExc_TypeError, "The fill character must be a unicode character, not %.100T", o);
  if (str_length(o) != 1) return raise(ts, PyExc_TypeError, "The fill character must be exactly one character long");
  *out = str_at(o, 0);
  return Status::kOk;
}

}  // namespace

Ref<> str_center(ThreadState& ts, PyObject* s, Py_ssize_t width, PyObject* fill) {
  uint32_t c;
  if (failed(fill_char(ts, fill, &c))) return {};
  if (str_length(s) >= width) return str_exact(ts, s);
  Py_ssize_t margin = width - str_length(s);
  Py_ssize_t left = margin / 2 + (margin & width & 1);  // an odd margin leans left where the width is odd
  return pad(ts, s, left, margin - left, c);
}
Ref<> str_ljust(ThreadState& ts, PyObject* s, Py_ssize_t width, PyObject* fill) {
  uint32_t c;
  if (failed(fill_char(ts, fill, &c))) return {};
  return width <= str_length(s) ? str_exact(ts, s) : pad(ts, s, 0, width - str_length(s), c);
}
Ref<> str_rjust(ThreadState& ts, PyObject* s, Py_ssize_t width, PyObject* fill) {
  uint32_t c;
  if (failed(fill_char(ts, fill, &c))) return {};
  return width <= str_length(s) ? str_exact(ts, s) : pad(ts, s, width - str_length(s), 0, c);
}

Ref<> str_zfill(ThreadState& ts, PyObject* s, Py_ssize_t width) {
  Py_ssize_t n = str_length(s);
  if (n >= width) return str_exact(ts, s);
  Py_ssize_t zeros = width - n;
  Ref<> r = pad(ts, s, zeros, 0, '0');
  if (!r || n == 0) return r;
  uint32_t sign = str_at(s, 0);
  if (sign == '+' || sign == '-') {  // the sign goes in front of the zeros
    unsigned kind = str_kind(r.get());
    void* data = str_data(r.get());
    str_put(kind, data, 0, sign);
    str_put(kind, data, zeros, '0');
  }
  return r;
}

Ref<> str_expandtabs(ThreadState& ts, PyObject* s, int tabsize) {
  TextView text = str_view(s);
  if (text_find_char(text, '\t') < 0) return str_exact(ts, s);
  // First the length, so that an overflow is seen before anything is written.
  Py_ssize_t total = 0, column = 0;
  for (Py_ssize_t i = 0; i < text.length; ++i) {
    uint32_t c = text_read(text.kind, text.data, i);
    if (c == '\t') {
      if (tabsize <= 0) continue;
      Py_ssize_t step = tabsize - column % tabsize;
      if (total > PY_SSIZE_T_MAX - step) return raise(ts, PyExc_OverflowError, "new string is too long");
      column += step;
      total += step;
    } else {
      if (total == PY_SSIZE_T_MAX) return raise(ts, PyExc_OverflowError, "new string is too long");
      ++total;
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  if (total == 0) return dup(empty_str());
  void* data;
  PyObject* r = str_allocate(ts, total, str_max_class(s), &data);
  if (r == nullptr) return {};
  Py_ssize_t at = 0;
  column = 0;
  for (Py_ssize_t i = 0; i < text.length; ++i) {
    uint32_t c = text_read(text.kind, text.data, i);
    if (c == '\t') {
      if (tabsize <= 0) continue;
      Py_ssize_t step = tabsize - column % tabsize;
      text_fill(text.kind, static_cast<char*>(data) + at * static_cast<Py_ssize_t>(text.kind), step, ' ');
      column += step;
      at += step;
    } else {
      text_write(text.kind, data, at++, c);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return steal(r);
}

// ---- questions -----------------------------------------------------------------------------------------------------

Tri str_isascii(ThreadState&, PyObject* s) { return tri(str_is_ascii(s)); }
Tri str_islower(ThreadState&, PyObject* s) { return tri(text_is_lower(str_view(s))); }
Tri str_isupper(ThreadState&, PyObject* s) { return tri(text_is_upper(str_view(s))); }
Tri str_istitle(ThreadState&, PyObject* s) { return tri(text_is_title(str_view(s))); }
Tri str_isspace(ThreadState&, PyObject* s) { return tri(text_all_have(str_view(s), kUcSpace)); }
Tri str_isdecimal(ThreadState&, PyObject* s) { return tri(text_all_have(str_view(s), kUcDecimal)); }
Tri str_isdigit(ThreadState&, PyObject* s) { return tri(text_all_have(str_view(s), kUcDigit)); }
Tri str_isnumeric(ThreadState&, PyObject* s) { return tri(text_all_have(str_view(s), kUcNumeric)); }
Tri str_isalpha(ThreadState&, PyObject* s) { return tri(text_all_have(str_view(s), kUcAlpha)); }
Tri str_isalnum(ThreadState&, PyObject* s) {
  return tri(text_all_have(str_view(s), kUcAlpha | kUcDecimal | kUcDigit | kUcNumeric));
}
Tri str_isidentifier(ThreadState&, PyObject* s) { return tri(text_is_identifier(str_view(s))); }
Tri str_isprintable(ThreadState&, PyObject* s) { return tri(text_is_printable(str_view(s))); }

// ---- the rest ------------------------------------------------------------------------------------------------------

Status codec_argument(ThreadState& ts, PyUnicodeObject* text, const char** out) {
  *out = nullptr;
  if (text == nullptr) return Status::kOk;
  Py_ssize_t size;
  const char* p = str_utf8(ts, obj(text), &size);
  if (p == nullptr) return Status::kError;
  if (std::strlen(p) != static_cast<size_t>(size)) return raise(ts, PyExc_ValueError, "embedded null character");
  *out = p;
  return Status::kOk;
}

Ref<> str_encode_method(ThreadState& ts, PyObject* s, PyUnicodeObject* encoding, PyUnicodeObject* errors) {
  const char *e, *r;
  if (failed(codec_argument(ts, encoding, &e)) || failed(codec_argument(ts, errors, &r))) return {};
  return str_encode(ts, s, e, r);
}

Ref<> str_translate_method(ThreadState& ts, PyObject* s, PyObject* table) { return str_translate(ts, s, table, "ignore"); }

Ref<> str_format_spec_method(ThreadState& ts, PyObject* s, PyUnicodeObject* spec) { return format_str(ts, s, obj(spec)); }

Ref<> str_sizeof(ThreadState& ts, PyObject* s) {
  PyASCIIObject* head = str_head(s);
  size_t kind = str_kind(s), chars = (static_cast<size_t>(head->length) + 1) * kind, size;
  if (head->state.compact) {
    size = (head->state.ascii ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject)) + chars;
  } else {
    size = sizeof(PyUnicodeObject) + chars;
  }
  if (!head->state.ascii) {
    auto* compact = reinterpret_cast<PyCompactUnicodeObject*>(s);
    // (that of the shared characters is a constant)
    if (compact->utf8 != nullptr && !is_immortal(s)) size += static_cast<size_t>(compact->utf8_length) + 1;
  }
  if (head->wstr != nullptr && head->wstr != str_data(s)) size += (static_cast<size_t>(head->length) + 1) * sizeof(wchar_t);
  return int_from_u64(ts, size);
}

Ref<> str_getnewargs(ThreadState& ts, PyObject* s) {
  Ref<> text = steal(_PyUnicode_Copy(s));  // another object, as pickle and copy expect
  return text ? tuple_of(ts, text.get()) : Ref<>();
}

}  // namespace atl
