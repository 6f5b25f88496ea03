// The format mini-language: [[fill]align][sign][z][#][0][width][grouping][.precision][type]: parsing, and laying out
// numbers with sign, prefix, grouping and padding. int, float and complex make their digits themselves and hand them
// over as NumberText.
#pragma once

#include "Objects/str/str.h"

namespace atl {

enum class Grouping : uint8_t { kNone, kComma, kUnderscore, kUnderscoreBy4 };

struct FormatSpec {
  uint32_t fill = ' ';
  char align = 0;  // one of "<>=^"
  char sign = 0;   // 0 or one of "+- "
  bool no_negative_zero = false;
  bool alternate = false;
  bool fill_given = false;
  bool align_given = false;
  Grouping grouping = Grouping::kNone;
  Py_ssize_t width = -1;      // -1: none
  Py_ssize_t precision = -1;  // -1: none
  uint32_t type = 0;          // the default's when none is given
};

// `value` is what is being formatted: errors name its type. default_align: '<' for text, '>' for numbers.
Status format_spec_parse(ThreadState& ts, PyObject* value, PyObject* spec, char default_type, char default_align,
                         FormatSpec* out);
// "Unknown format code 'q' for object of type 'int'"
ATOLL_COLD Raised raise_unknown_format(ThreadState& ts, uint32_t type, PyObject* value);

// What type 'n' takes from the locale; for other types what the grouping option says.
struct NumberLocale {
  Ref<> decimal_point;  // str
  Ref<> thousands_sep;  // str
  char grouping[16];    // as in struct lconv: sizes from the right, 0 repeats the last, CHAR_MAX ends grouping
};
Status number_locale(ThreadState& ts, const FormatSpec& spec, NumberLocale* out);

struct NumberText {
  bool negative = false;
  std::string_view prefix;     // "0x"
  std::string_view digits;     // before the point: these are grouped; all of it in "inf" and "nan", with group false
  bool point = false;          // a decimal point follows
  std::string_view remainder;  // after the point: decimals and exponent
  bool group = true;           // zero padding takes part in the grouping
};

// Writes the number with sign, grouping and padding as the spec says.
Status format_number(ThreadState& ts, StrWriter& w, const FormatSpec& spec, const NumberText& number,
                     const NumberLocale& locale);
// Length of the same without padding by width, and writing just that (the two halves of a complex number).
Status format_number_bare(ThreadState& ts, StrWriter& w, const FormatSpec& spec, const NumberText& number,
                          const NumberLocale& locale);
// A whole piece padded by the spec (align '=' counts as '>').
Status format_padded(StrWriter& w, const FormatSpec& spec, PyObject* text);

// format(value, spec) of each family. `spec` is a str. Those of numbers are in Objects/int, Objects/float, Objects/complex.
Ref<> format_str(ThreadState& ts, PyObject* value, PyObject* spec);
Ref<> format_int(ThreadState& ts, PyObject* value, PyObject* spec);
Ref<> format_float(ThreadState& ts, PyObject* value, PyObject* spec);
Ref<> format_complex(ThreadState& ts, PyObject* value, PyObject* spec);

}  // namespace atl
