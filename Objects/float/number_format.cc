// __format__ of numbers.
//
// A specification is parsed into a Spec; the number is turned into ASCII text (sign, digits, and for floats
// point, fraction and exponent); Layout then puts sign, prefix, grouped and zero-filled digits, the rest, and
// padding together in one string of the right width and kind.
#include "Objects/float/number_format.h"

#include <limits.h>
#include <locale.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <cwchar>
#include <memory>
#include <string_view>

#include "Objects/float/float.h"
#include "Objects/float/kernel_text.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/str/unicode_tables.h"

namespace atl {
namespace {

struct Freer {
  void operator()(char* p) const { std::free(p); }
};
using Memory = std::unique_ptr<char, Freer>;

enum class Grouping : uint8_t { kNone, kComma, kUnderscore, kUnderscoreFour, kLocale };

struct Spec {
  uint32_t fill = ' ';
  uint32_t align = 0;  // '<', '>', '=', '^'
  bool fill_given = false, align_given = false;
  uint32_t sign = 0;  // '+', '-', ' ' or none
  bool no_negative_zero = false;
  bool alternate = false;
  Grouping grouping = Grouping::kNone;
  Py_ssize_t width = -1;
  Py_ssize_t precision = -1;
  uint32_t type = 0;
};

constexpr bool is_align(uint32_t c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

class Reader {
 public:
  explicit Reader(PyObject* text) : kind_(str_kind(text)), data_(str_data(text)), end_(str_length(text)) {}
  bool done() const { return at_ >= end_; }
  Py_ssize_t left() const { return end_ - at_; }
  uint32_t peek(Py_ssize_t ahead = 0) const {
    return at_ + ahead < end_ ? str_read(kind_, data_, at_ + ahead) : 0;
  }
  void skip(Py_ssize_t n = 1) { at_ += n; }
  bool take(uint32_t c) {
    if (done() || peek() != c) return false;
    at_++;
    return true;
  }
  // Decimal digits, of any script: how many there were, or -1 if the number is too large.
  Py_ssize_t number(Py_ssize_t* out) {
    Py_ssize_t value = 0, count = 0;
    for (; !done(); at_++, count++) {
      int digit = uc_to_decimal(peek());
      if (digit < 0) break;
      if (value > (PY_SSIZE_T_MAX - digit) / 10) return -1;
      value = value * 10 + digit;
    }
    *out = value;
    return count;
  }

 private:
  unsigned kind_;
  const void* data_;
  Py_ssize_t end_, at_ = 0;
};

Raised raise_unknown_code(ThreadState& ts, uint32_t code, PyObject* o) {
  if (code > 32 && code < 128) {
    return raise(ts, PyExc_ValueError, "Unknown format code '%c' for object of type '%.200s'",
                 static_cast<int>(code), o->ob_type->tp_name);
  }
  return raise(ts, PyExc_ValueError, "Unknown format code '\\x%x' for object of type '%.200s'", code,
               o->ob_type->tp_name);
}

Raised raise_grouping(ThreadState& ts, char separator, uint32_t code) {
  if (code > 32 && code < 128) {
    return raise(ts, PyExc_ValueError, "Cannot specify '%c' with '%c'.", separator, static_cast<int>(code));
  }
  return raise(ts, PyExc_ValueError, "Cannot specify '%c' with '\\x%x'.", separator, code);
}

// [[fill]align][sign][z][#][0][width][grouping][.precision][type]
Status parse_spec(ThreadState& ts, PyObject* text, PyObject* o, uint32_t default_type, uint32_t default_align,
                  Spec* out) {
  Reader in(text);
  Spec& spec = *out;
  spec.align = default_align;
  spec.type = default_type;
  if (in.left() >= 2 && is_align(in.peek(1))) {
    spec.fill = in.peek();
    spec.align = in.peek(1);
    spec.fill_given = spec.align_given = true;
    in.skip(2);
  } else if (!in.done() && is_align(in.peek())) {
    spec.align = in.peek();
    spec.align_given = true;
    in.skip();
  }
  if (uint32_t c = in.peek(); c == '+' || c == '-' || c == ' ') {
    spec.sign = c;
    in.skip();
  }
  spec.no_negative_zero = in.take('z');
  spec.alternate = in.take('#');
  if (!spec.fill_given && in.peek() == '0') {
    spec.fill = '0';
    if (!spec.align_given && default_align == '>') spec.align = '=';
    in.skip();
  }
  Py_ssize_t count = in.number(&spec.width);
  if (count < 0) return raise(ts, PyExc_ValueError, "Too many decimal digits in format string");
  if (count == 0) spec.width = -1;
  if (in.take(',')) spec.grouping = Grouping::kComma;
  if (in.take('_')) {
    if (spec.grouping != Grouping::kNone)
      return raise(ts, PyExc_ValueError, "Cannot specify both ',' and '_'.");
    spec.grouping = Grouping::kUnderscore;
  }
  if (in.peek() == ',' && spec.grouping == Grouping::kUnderscore) {
    return raise(ts, PyExc_ValueError, "Cannot specify both ',' and '_'.");
  }
  if (in.take('.')) {
    count = in.number(&spec.precision);
    if (count < 0) return raise(ts, PyExc_ValueError, "Too many decimal digits in format string");
    if (count == 0) return raise(ts, PyExc_ValueError, "Format specifier missing precision");
  }
  if (in.left() > 1) {
    return raise(ts, PyExc_ValueError, "Invalid format specifier '%U' for object of type '%.200s'", text,
                 o->ob_type->tp_name);
  }
  if (in.left() == 1) spec.type = in.peek();
  if (spec.grouping == Grouping::kNone) return Status::kOk;
  switch (spec.type) {
    case 'd':
    case 'e':
    case 'f':
    case 'g':
    case 'E':
    case 'G':
    case '%':
    case 'F':
    case 0:
      return Status::kOk;
    case 'b':
    case 'o':
    case 'x':
    case 'X':
      if (spec.grouping == Grouping::kUnderscore) {
        spec.grouping = Grouping::kUnderscoreFour;
        return Status::kOk;
      }
      break;
  }
  return raise_grouping(ts, spec.grouping == Grouping::kComma ? ',' : '_', spec.type);
}

// --- separators ---

struct Separators {
  uint32_t point[8] = {'.'};
  int point_length = 1;
  uint32_t thousands[8] = {};
  int thousands_length = 0;
  char groups[16] = {};  // as localeconv: sizes from the right, the last repeats; CHAR_MAX ends grouping
};

// Text in the locale's encoding.
int decode_locale(const char* text, uint32_t (&out)[8]) {
  std::mbstate_t state{};
  int count = 0;
  size_t left = std::strlen(text);
  while (left > 0 && count < 8) {
    wchar_t c;
    size_t used = std::mbrtowc(&c, text, left, &state);
    if (used == static_cast<size_t>(-1) || used == static_cast<size_t>(-2) || used == 0) {
      c = static_cast<unsigned char>(*text);
      used = 1;
      state = {};
    }
    out[count++] = static_cast<uint32_t>(c);
    text += used;
    left -= used;
  }
  return count;
}

Separators separators_for(Grouping grouping) {
  Separators s;
  switch (grouping) {
    case Grouping::kNone:
      break;
    case Grouping::kComma:
    case Grouping::kUnderscore:
    case Grouping::kUnderscoreFour:
      s.thousands[0] = grouping == Grouping::kComma ? ',' : '_';
      s.thousands_length = 1;
      s.groups[0] = grouping == Grouping::kUnderscoreFour ? 4 : 3;
      break;
    case Grouping::kLocale: {
      const lconv* conventions = localeconv();
      s.point_length = decode_locale(conventions->decimal_point, s.point);
      s.thousands_length = decode_locale(conventions->thousands_sep, s.thousands);
      std::strncpy(s.groups, conventions->grouping, sizeof s.groups - 1);
      break;
    }
  }
  return s;
}

// Walks the groups from the right.
class Groups {
 public:
  explicit Groups(const Separators& s) : next_(s.groups) {}
  // Size of the next group; PY_SSIZE_T_MAX when there are no more separators.
  Py_ssize_t take() {
    char size = *next_;
    if (size == 0) return last_ == 0 ? PY_SSIZE_T_MAX : last_;
    if (size == CHAR_MAX) return PY_SSIZE_T_MAX;
    next_++;
    return last_ = size;
  }

 private:
  const char* next_;
  Py_ssize_t last_ = 0;
};

// --- a number in its parts, and how it is laid out ---

struct Number {
  char sign = 0;            // what is shown: '-', '+', ' ' or 0
  std::string_view prefix;  // "0x"
  std::string_view digits;  // grouped and filled with zeros
  bool point = false;
  std::string_view rest;  // behind the point or the digits
};

class Layout {
 public:
  Layout(const Spec& spec, const Separators& separators, const Number& number)
      : spec_(spec), separators_(separators), number_(number) {
    const Py_ssize_t fixed = (number.sign != 0) +
                             static_cast<Py_ssize_t>(number.prefix.size() + number.rest.size()) +
                             (number.point ? separators.point_length : 0);
    // Zero padding is part of the number: the zeros are grouped too.
    Py_ssize_t least = spec.fill == '0' && spec.align == '=' ? spec.width - fixed : 0;
    measure_digits(least);
    const Py_ssize_t padding = std::max<Py_ssize_t>(0, spec.width - fixed - digits_width_);
    switch (spec.align) {
      case '<':
        right_ = padding;
        break;
      case '^':
        left_ = padding / 2;
        right_ = padding - left_;
        break;
      case '=':
        inner_ = padding;
        break;
      default:
        left_ = padding;
        break;
    }
    width_ = fixed + digits_width_ + padding;
  }

  Py_ssize_t width() const { return width_; }
  uint32_t max_char() const {
    uint32_t c = 127;
    if (left_ + inner_ + right_ > 0) c = std::max(c, spec_.fill);
    if (number_.point) c = largest(separators_.point, separators_.point_length, c);
    if (separators_used_ > 0) c = largest(separators_.thousands, separators_.thousands_length, c);
    return c;
  }
  // Writes width() characters at `at`; returns the end.
  Py_ssize_t write(unsigned kind, void* data, Py_ssize_t at) const {
    auto put = [&](uint32_t c) { str_put(kind, data, at++, c); };
    auto fill = [&](Py_ssize_t n) {
      for (; n > 0; n--) put(spec_.fill);
    };
    auto text = [&](std::string_view s) {
      for (char c : s) put(static_cast<uint8_t>(c));
    };
    fill(left_);
    if (number_.sign) put(static_cast<uint8_t>(number_.sign));
    text(number_.prefix);
    fill(inner_);
    at += digits_width_;
    write_digits(kind, data, at);
    if (number_.point) {
      for (int i = 0; i < separators_.point_length; i++) put(separators_.point[i]);
    }
    text(number_.rest);
    fill(right_);
    return at;
  }

 private:
  static uint32_t largest(const uint32_t* text, int n, uint32_t least) {
    for (int i = 0; i < n; i++) least = std::max(least, text[i]);
    return least;
  }

  // A group may be begun only for a digit: with zeros up to the least width, which a separator may exceed by
  // one zero.
  void measure_digits(Py_ssize_t least) {
    const Py_ssize_t given = static_cast<Py_ssize_t>(number_.digits.size());
    digits_total_ = given;
    digits_width_ = given;
    if (given == 0) {
      // Infinities and NaNs: zeros in front of the word.
      digits_total_ = digits_width_ = std::max<Py_ssize_t>(least, 0);
      return;
    }
    if (separators_.thousands_length == 0 || separators_.groups[0] == 0) {
      digits_total_ = digits_width_ = std::max(given, least);
      return;
    }
    Groups groups(separators_);
    Py_ssize_t left = given, width = 0, total = 0;
    while (true) {
      const Py_ssize_t group = groups.take();
      // Digits of this group: those there are, and zeros as far as the width asks for them.
      Py_ssize_t take = std::min(group, std::max<Py_ssize_t>(std::max(left, least - width), 1));
      width += take;
      total += take;
      left -= std::min(left, take);
      if (left <= 0 && width >= least) break;
      width += separators_.thousands_length;
      separators_used_++;
    }
    digits_width_ = width;
    digits_total_ = total;
  }

  void write_digits(unsigned kind, void* data, Py_ssize_t end) const {
    const Py_ssize_t given = static_cast<Py_ssize_t>(number_.digits.size());
    Groups groups(separators_);
    Py_ssize_t in_group = separators_used_ > 0 ? groups.take() : PY_SSIZE_T_MAX;
    for (Py_ssize_t i = 0; i < digits_total_; i++) {
      if (in_group == 0) {
        for (int k = separators_.thousands_length; k-- > 0;)
          str_put(kind, data, --end, separators_.thousands[k]);
        in_group = groups.take();
      }
      char c = i < given ? number_.digits[static_cast<size_t>(given - 1 - i)] : '0';
      str_put(kind, data, --end, static_cast<uint8_t>(c));
      in_group--;
    }
  }

  const Spec& spec_;
  const Separators& separators_;
  const Number& number_;
  Py_ssize_t digits_width_ = 0, digits_total_ = 0, separators_used_ = 0;
  Py_ssize_t left_ = 0, inner_ = 0, right_ = 0, width_ = 0;
};

char shown_sign(bool negative, uint32_t sign) {
  if (negative) return '-';
  return sign == '+' ? '+' : sign == ' ' ? ' ' : 0;
}

Ref<> lay_out(ThreadState& ts, const Spec& spec, const Separators& separators, const Number& number) {
  Layout layout(spec, separators, number);
  Ref<> out = str_new(ts, layout.width(), layout.max_char());
  if (!out) return {};
  layout.write(str_kind(out.get()), str_data(out.get()), 0);
  return out;
}

// --- ints ---

Ref<> format_character(ThreadState& ts, PyObject* o, const Spec& spec) {
  if (spec.sign) return raise(ts, PyExc_ValueError, "Sign not allowed with integer format specifier 'c'");
  if (spec.alternate) {
    return raise(ts, PyExc_ValueError, "Alternate form (#) not allowed with integer format specifier 'c'");
  }
  int overflow;
  int64_t c = int_as_i64_overflow(o, &overflow);
  if (overflow != 0) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C long");
  if (c < 0 || c > 0x10FFFF) return raise(ts, PyExc_OverflowError, "%%c arg not in range(0x110000)");
  // The character takes the place of the digits; a single one, in a number without sign.
  const Py_ssize_t padding = std::max<Py_ssize_t>(0, spec.width - 1);
  const Py_ssize_t left = spec.align == '<' ? 0 : spec.align == '^' ? padding / 2 : padding;
  Ref<> out = str_new(ts, padding + 1, std::max(static_cast<uint32_t>(c), padding > 0 ? spec.fill : 0));
  if (!out) return {};
  const unsigned kind = str_kind(out.get());
  for (Py_ssize_t i = 0; i <= padding; i++) {
    str_put(kind, str_data(out.get()), i, i == left ? static_cast<uint32_t>(c) : spec.fill);
  }
  return out;
}

Ref<> format_integer(ThreadState& ts, PyObject* o, const Spec& spec) {
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
  if (!text) return {};
  // A bare number needs no layout.
  if (spec.width <= 0 && spec.grouping == Grouping::kNone && spec.type != 'n' && spec.type != 'X' &&
      !spec.alternate && (spec.sign == 0 || spec.sign == '-')) {
    return text;
  }
  std::string_view digits(static_cast<const char*>(str_data(text.get())),
                          static_cast<size_t>(str_length(text.get())));
  Number number;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  number.sign = shown_sign(negative, spec.sign);
  Memory upper;
  if (spec.type == 'X') {
    upper.reset(static_cast<char*>(std::malloc(digits.size())));
    if (!upper) return raise_memory(ts);
    std::transform(digits.begin(), digits.end(), upper.get(),
                   [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
    digits = {upper.get(), digits.size()};
  }
  number.digits = digits;
  if (spec.alternate) {
    number.prefix = spec.type == 'b'   ? "0b"
                    : spec.type == 'o' ? "0o"
                    : spec.type == 'x' ? "0x"
                    : spec.type == 'X' ? "0X"
                                       : "";
  }
  Separators separators = separators_for(spec.type == 'n' ? Grouping::kLocale : spec.grouping);
  return lay_out(ts, spec, separators, number);
}

// --- floats ---

// The text of a float as a specification's type wants it: valid as long as the object.
class FloatText {
 public:
  Status make(ThreadState& ts, double value, const Spec& spec, char code, int precision, unsigned flags) {
    if (spec.alternate) flags |= kFloatAlternate;
    if (spec.no_negative_zero) flags |= kFloatNoNegativeZero;
    const size_t bound = float_format_bound(value, code, precision);
    char* out = small_;
    if (bound > sizeof small_) {
      large_.reset(static_cast<char*>(std::malloc(bound)));
      if (!large_) return raise_memory(ts);
      out = large_.get();
    }
    text_ = {out, float_format(value, code, precision, flags, out)};
    return Status::kOk;
  }

  Number number(uint32_t sign) const {
    Number n;
    std::string_view text = text_;
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    n.sign = shown_sign(negative, sign);
    size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') digits++;
    n.digits = text.substr(0, digits);
    text.remove_prefix(digits);
    n.point = text.starts_with('.');
    if (n.point) text.remove_prefix(1);
    n.rest = text;
    return n;
  }

 private:
  char small_[96];
  Memory large_;
  std::string_view text_;
};

// What the type character of a specification means for the kernel.
struct FloatStyle {
  char code;
  int precision;
  unsigned flags = 0;
};

Status float_style(ThreadState& ts, const Spec& spec, FloatStyle* out) {
  if (spec.precision > INT_MAX) return raise(ts, PyExc_ValueError, "precision too big");
  out->precision = static_cast<int>(spec.precision);
  out->code = static_cast<char>(spec.type);
  if (spec.type == 0) {
    // Like 'g' with a ".0", or repr.
    out->code = 'r';
    out->flags = kFloatAddDot0;
    if (out->precision >= 0) out->code = 'g';
  } else if (spec.type == 'n') {
    out->code = 'g';
  }
  if (out->precision < 0) out->precision = out->code == 'r' ? 0 : 6;
  return Status::kOk;
}

Ref<> format_double(ThreadState& ts, double value, const Spec& spec) {
  FloatStyle style;
  if (failed(float_style(ts, spec, &style))) return {};
  FloatText text;
  if (failed(text.make(ts, value, spec, style.code, style.precision, style.flags))) return {};
  Separators separators = separators_for(spec.type == 'n' ? Grouping::kLocale : spec.grouping);
  return lay_out(ts, spec, separators, text.number(spec.sign));
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

Ref<> int_format(ThreadState& ts, PyObject* o, PyObject* text) {
  if (str_length(text) == 0) return is_exact_int(o) ? int_to_text(ts, o, 10, false) : object_str(ts, o);
  Spec spec;
  if (failed(parse_spec(ts, text, o, 'd', '>', &spec))) return {};
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
  if (is_float_type(spec.type) || spec.type == '%') {
    double value;
    if (failed(int_as_double(ts, o, &value))) return {};
    return format_double(ts, value, spec);
  }
  return raise_unknown_code(ts, spec.type, o);
}

Ref<> float_format_value(ThreadState& ts, PyObject* o, PyObject* text) {
  if (str_length(text) == 0) return object_str(ts, o);
  Spec spec;
  if (failed(parse_spec(ts, text, o, 0, '>', &spec))) return {};
  if (spec.type != 0 && spec.type != '%' && !is_float_type(spec.type))
    return raise_unknown_code(ts, spec.type, o);
  return format_double(ts, float_value(o), spec);
}

Ref<> complex_format(ThreadState& ts, PyObject* o, PyObject* text) {
  if (str_length(text) == 0) return object_str(ts, o);
  Spec spec;
  if (failed(parse_spec(ts, text, o, 0, '>', &spec))) return {};
  if (spec.type != 0 && !is_float_type(spec.type)) return raise_unknown_code(ts, spec.type, o);
  if (spec.fill == '0')
    return raise(ts, PyExc_ValueError, "Zero padding is not allowed in complex format specifier");
  if (spec.align == '=') {
    return raise(ts, PyExc_ValueError, "'=' alignment flag is not allowed in complex format specifier");
  }
  const Py_complex value = reinterpret_cast<PyComplexObject*>(o)->cval;
  FloatStyle style;
  if (failed(float_style(ts, spec, &style))) return {};
  style.flags = 0;
  // Without a type it looks like repr: in brackets, and without a real part that is a plain zero.
  const bool like_repr = spec.type == 0;
  const bool imaginary_only = like_repr && value.real == 0.0 && !std::signbit(value.real);
  const bool brackets = like_repr && !imaginary_only;
  FloatText real_text, imaginary_text;
  if (failed(real_text.make(ts, value.real, spec, style.code, style.precision, 0))) return {};
  if (failed(imaginary_text.make(ts, value.imag, spec, style.code, style.precision, 0))) return {};
  Separators separators = separators_for(spec.type == 'n' ? Grouping::kLocale : spec.grouping);
  Spec bare;  // the parts are not padded
  Number real = real_text.number(spec.sign);
  Number imaginary = imaginary_text.number(imaginary_only ? spec.sign : '+');
  Layout real_layout(bare, separators, real), imaginary_layout(bare, separators, imaginary);
  const Py_ssize_t content =
      (imaginary_only ? 0 : real_layout.width()) + imaginary_layout.width() + 1 + (brackets ? 2 : 0);
  const Py_ssize_t padding = std::max<Py_ssize_t>(0, spec.width - content);
  const Py_ssize_t left = spec.align == '<' ? 0 : spec.align == '^' ? padding / 2 : padding;
  uint32_t max_char = std::max(real_layout.max_char(), imaginary_layout.max_char());
  if (padding > 0) max_char = std::max(max_char, spec.fill);
  Ref<> out = str_new(ts, content + padding, max_char);
  if (!out) return {};
  const unsigned kind = str_kind(out.get());
  void* data = str_data(out.get());
  Py_ssize_t at = 0;
  for (; at < left; at++) str_put(kind, data, at, spec.fill);
  if (brackets) str_put(kind, data, at++, '(');
  if (!imaginary_only) at = real_layout.write(kind, data, at);
  at = imaginary_layout.write(kind, data, at);
  str_put(kind, data, at++, 'j');
  if (brackets) str_put(kind, data, at++, ')');
  for (; at < content + padding; at++) str_put(kind, data, at, spec.fill);
  return out;
}

}  // namespace atl
