// __format__ of int, float and complex. The specification is parsed and numbers are laid out by
// Objects/str/format_spec.h; here are the digits, and what each type allows.
#include <limits.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "Objects/float/float.h"
#include "Objects/float/kernel_text.h"
#include "Objects/int/int.h"
#include "Objects/str/format_spec.h"

namespace atl {
namespace {

struct Freer {
  void operator()(char* p) const { std::free(p); }
};
using Memory = std::unique_ptr<char, Freer>;

// Nothing but the number itself is asked for.
bool is_bare(const FormatSpec& spec) {
  return spec.width <= 0 && spec.grouping == Grouping::kNone && spec.type != 'n' &&
         (spec.sign == 0 || spec.sign == '-');
}

Ref<> lay_out(ThreadState& ts, const FormatSpec& spec, const NumberText& number) {
  NumberLocale locale;
  if (failed(number_locale(ts, spec, &locale))) return {};
  StrWriter w(ts);
  if (failed(format_number(ts, w, spec, number, locale))) return {};
  return w.finish();
}

// ---- ints
// --------------------------------------------------------------------------------------------------------

Ref<> format_character(ThreadState& ts, PyObject* o, const FormatSpec& spec) {
  if (spec.sign) return raise(ts, PyExc_ValueError, "Sign not allowed with integer format specifier 'c'");
  if (spec.alternate) {
    return raise(ts, PyExc_ValueError, "Alternate form (#) not allowed with integer format specifier 'c'");
  }
  int overflow;
  int64_t c = int_as_i64_overflow(o, &overflow);
  if (overflow != 0) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C long");
  if (c < 0 || c > 0x10FFFF) return raise(ts, PyExc_OverflowError, "%%c arg not in range(0x110000)");
  Ref<> text = str_from_char(ts, static_cast<uint32_t>(c));
  if (!text || spec.width <= 1) return text;
  StrWriter w(ts);
  if (failed(format_padded(w, spec, text.get()))) return {};
  return w.finish();
}

Ref<> format_integer(ThreadState& ts, PyObject* o, const FormatSpec& spec) {
  if (spec.precision != -1)
    return raise(ts, PyExc_ValueError, "Precision not allowed in integer format specifier");
  if (spec.no_negative_zero) {
    return raise(ts, PyExc_ValueError, "Negative zero coercion (z) not allowed in integer format specifier");
  }
  if (spec.type == 'c') return format_character(ts, o, spec);
  const int base = spec.type == 'b'                       ? 2
                   : spec.type == 'o'                     ? 8
                   : spec.type == 'x' || spec.type == 'X' ? 16
                                                          : 10;
  Ref<> text = int_to_text(ts, o, base, false);
  if (!text || (is_bare(spec) && spec.type != 'X' && !spec.alternate)) return text;
  NumberText number;
  number.digits = {static_cast<const char*>(str_data(text.get())),
                   static_cast<size_t>(str_length(text.get()))};
  number.negative = number.digits.starts_with('-');
  if (number.negative) number.digits.remove_prefix(1);
  Memory upper;
  if (spec.type == 'X') {
    upper.reset(static_cast<char*>(std::malloc(number.digits.size())));
    if (!upper) return raise_memory(ts);
    std::transform(number.digits.begin(), number.digits.end(), upper.get(),
                   [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
    number.digits = {upper.get(), number.digits.size()};
  }
  if (spec.alternate) {
    number.prefix = spec.type == 'b'   ? "0b"
                    : spec.type == 'o' ? "0o"
                    : spec.type == 'x' ? "0x"
                    : spec.type == 'X' ? "0X"
                                       : "";
  }
  return lay_out(ts, spec, number);
}

// ---- floats
// ------------------------------------------------------------------------------------------------------

// What the type character of a specification means for the kernel.
struct FloatStyle {
  char code;
  int precision;
  unsigned flags;
};

Status float_style(ThreadState& ts, const FormatSpec& spec, unsigned flags, FloatStyle* out) {
  if (spec.precision > INT_MAX) return raise(ts, PyExc_ValueError, "precision too big");
  out->precision = static_cast<int>(spec.precision);
  out->flags = 0;
  switch (spec.type) {
    case 0:
      // Like repr, or like 'g'; `flags` says whether a whole number keeps its ".0".
      out->code = out->precision < 0 ? 'r' : 'g';
      out->flags = flags;
      break;
    case 'n':
      out->code = 'g';
      break;
    default:
      out->code = static_cast<char>(spec.type);
      break;
  }
  if (out->precision < 0) out->precision = out->code == 'r' ? 0 : 6;
  if (spec.alternate) out->flags |= kFloatAlternate;
  if (spec.no_negative_zero) out->flags |= kFloatNoNegativeZero;
  return Status::kOk;
}

// The text of a float; the parts point into it.
class FloatText {
 public:
  Status make(ThreadState& ts, double value, const FloatStyle& style) {
    const size_t bound = float_format_bound(value, style.code, style.precision);
    char* out = small_;
    if (bound > sizeof small_) {
      large_.reset(static_cast<char*>(std::malloc(bound)));
      if (!large_) return raise_memory(ts);
      out = large_.get();
    }
    text_ = {out, float_format(value, style.code, style.precision, style.flags, out)};
    return Status::kOk;
  }

  std::string_view text() const { return text_; }
  NumberText parts() const {
    NumberText n;
    std::string_view rest = text_;
    n.negative = rest.starts_with('-');
    if (n.negative) rest.remove_prefix(1);
    size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') digits++;
    // Infinities and NaNs: zeros are put in front of the word, but not grouped.
    n.group = digits > 0;
    if (!n.group) digits = 3;
    n.digits = rest.substr(0, digits);
    rest.remove_prefix(digits);
    n.point = rest.starts_with('.');
    if (n.point) rest.remove_prefix(1);
    n.remainder = rest;
    return n;
  }

 private:
  char small_[96];
  Memory large_;
  std::string_view text_;
};

Ref<> format_double(ThreadState& ts, double value, const FormatSpec& spec) {
  FloatStyle style;
  if (failed(float_style(ts, spec, kFloatAddDot0, &style))) return {};
  FloatText text;
  if (failed(text.make(ts, value, style))) return {};
  if (is_bare(spec)) return str_from_ascii(ts, text.text());
  return lay_out(ts, spec, text.parts());
}

constexpr bool is_float_type(uint32_t type) {
  switch (type) {
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'n':
      return true;
    default:
      return false;
  }
}

}  // namespace

Ref<> format_int(ThreadState& ts, PyObject* o, PyObject* text) {
  if (str_length(text) == 0) return is_exact_int(o) ? int_to_text(ts, o, 10, false) : object_str(ts, o);
  FormatSpec spec;
  if (failed(format_spec_parse(ts, o, text, 'd', '>', &spec))) return {};
  switch (spec.type) {
    case 'b':
    case 'c':
    case 'd':
    case 'o':
    case 'x':
    case 'X':
    case 'n':
      return format_integer(ts, o, spec);
  }
  if (!is_float_type(spec.type) && spec.type != '%') return raise_unknown_format(ts, spec.type, o);
  double value;
  if (failed(int_as_double(ts, o, &value))) return {};
  return format_double(ts, value, spec);
}

Ref<> format_float(ThreadState& ts, PyObject* o, PyObject* text) {
  if (str_length(text) == 0) return object_str(ts, o);
  FormatSpec spec;
  if (failed(format_spec_parse(ts, o, text, 0, '>', &spec))) return {};
  if (spec.type != 0 && spec.type != '%' && !is_float_type(spec.type))
    return raise_unknown_format(ts, spec.type, o);
  return format_double(ts, float_value(o), spec);
}

Ref<> format_complex(ThreadState& ts, PyObject* o, PyObject* text) {
  if (str_length(text) == 0) return object_str(ts, o);
  FormatSpec spec;
  if (failed(format_spec_parse(ts, o, text, 0, '>', &spec))) return {};
  if (spec.type != 0 && !is_float_type(spec.type)) return raise_unknown_format(ts, spec.type, o);
  if (spec.fill == '0')
    return raise(ts, PyExc_ValueError, "Zero padding is not allowed in complex format specifier");
  if (spec.align == '=') {
    return raise(ts, PyExc_ValueError, "'=' alignment flag is not allowed in complex format specifier");
  }
  const Py_complex value = reinterpret_cast<PyComplexObject*>(o)->cval;
  FloatStyle style;
  if (failed(float_style(ts, spec, 0, &style))) return {};
  // Without a type it looks like repr: in brackets, and without a real part that is a plain zero.
  const bool like_repr = spec.type == 0;
  const bool imaginary_only = like_repr && value.real == 0.0 && !std::signbit(value.real);
  const bool brackets = like_repr && !imaginary_only;
  FloatText real, imaginary;
  if (failed(real.make(ts, value.real, style)) || failed(imaginary.make(ts, value.imag, style))) return {};
  NumberLocale locale;
  if (failed(number_locale(ts, spec, &locale))) return {};
  StrWriter w(ts);
  if (brackets && failed(w.put('('))) return {};
  if (!imaginary_only) {
    if (failed(format_number_bare(ts, w, spec, real.parts(), locale))) return {};
    spec.sign = '+';
  }
  if (failed(format_number_bare(ts, w, spec, imaginary.parts(), locale)) || failed(w.put('j'))) return {};
  if (brackets && failed(w.put(')'))) return {};
  Ref<> content = w.finish();
  if (!content || spec.width <= str_length(content.get())) return content;
  StrWriter padded(ts);
  if (failed(format_padded(padded, spec, content.get()))) return {};
  return padded.finish();
}

}  // namespace atl
