// Doubles and text; see the header.
//
// All writing goes through Decimal: digits and the place of the point, either the shortest that read back as
// the same number or a given count of them, correctly rounded. A double has at most 767 significant digits
// and 1074 decimal places, so longer requests are zeros that need no arithmetic.
#include "Objects/float/kernel_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace atl {
namespace {

constexpr int kMaxSignificant = 767;
constexpr int kMaxPlaces = 1074;
constexpr int kMaxIntegerDigits = 309;

// The value is 0.d1d2d3... * 10**point; no digits at all for zero.
struct Decimal {
  char digits[kMaxIntegerDigits + kMaxPlaces + 8];
  int count = 0;
  int point = 1;
};

void drop_zeros(Decimal* d) {
  while (d->count > 0 && d->digits[d->count - 1] == '0') d->count--;
}

// From to_chars' scientific form "d.ddde+xx".
void read_scientific(const char* p, const char* end, Decimal* d) {
  d->count = 0;
  for (; p < end && *p != 'e'; p++) {
    if (*p != '.') d->digits[d->count++] = *p;
  }
  int exponent = 0;
  bool negative = p + 1 < end && p[1] == '-';
  for (p += 2; p < end; p++) exponent = exponent * 10 + (*p - '0');
  d->point = (negative ? -exponent : exponent) + 1;
  drop_zeros(d);
  if (d->count == 0) d->point = 1;
}

// For value >= 0 and finite.
void shortest_digits(double value, Decimal* d) {
  char buffer[40];
  auto result = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  read_scientific(buffer, result.ptr, d);
}

void significant_digits(double value, int count, Decimal* d) {
  char buffer[kMaxSignificant + 32];
  count = std::min(count, kMaxSignificant);
  auto result =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, count - 1);
  read_scientific(buffer, result.ptr, d);
}

void fixed_digits(double value, int places, Decimal* d) {
  char buffer[kMaxIntegerDigits + kMaxPlaces + 16];
  places = std::min(places, kMaxPlaces);
  auto result = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, places);
  d->count = 0;
  d->point = 0;
  bool seen_point = false, seen_digit = false;
  for (const char* p = buffer; p < result.ptr; p++) {
    if (*p == '.') {
      seen_point = true;
      continue;
    }
    seen_digit |= *p != '0';
    if (seen_digit) {
      d->digits[d->count++] = *p;
      if (!seen_point) d->point++;
    } else if (seen_point) {
      d->point--;
    }
  }
  drop_zeros(d);
  if (d->count == 0) d->point = 1;
}

class Writer {
 public:
  explicit Writer(char* out) : start_(out), p_(out) {}
  void put(char c) { *p_++ = c; }
  void put(const char* text, size_t n) {
    std::memcpy(p_, text, n);
    p_ += n;
  }
  void zeros(int64_t n) {
    if (n <= 0) return;
    std::memset(p_, '0', static_cast<size_t>(n));
    p_ += n;
  }
  size_t length() const { return static_cast<size_t>(p_ - start_); }

 private:
  char* start_;
  char* p_;
};

// At least `places` decimals, more if there are more digits. `dot`: a point even without decimals.
void write_fixed(Writer& w, const Decimal& d, int64_t places, bool dot) {
  int whole = std::clamp(d.point, 0, d.count);
  if (d.point <= 0 || d.count == 0) {
    w.put('0');
  } else {
    w.put(d.digits, static_cast<size_t>(whole));
    w.zeros(d.point - whole);
  }
  int64_t leading = d.count > 0 && d.point < 0 ? -static_cast<int64_t>(d.point) : 0;
  int64_t fraction = d.count - whole;
  int64_t decimals = std::max(places, fraction > 0 ? leading + fraction : 0);
  if (decimals > 0 || dot) w.put('.');
  if (fraction > 0) {
    w.zeros(leading);
    w.put(d.digits + whole, static_cast<size_t>(fraction));
    w.zeros(decimals - leading - fraction);
  } else {
    w.zeros(decimals);
  }
}

void write_exponent(Writer& w, const Decimal& d, int64_t places, bool dot, char letter) {
  w.put(d.count > 0 ? d.digits[0] : '0');
  int64_t fraction = std::max(d.count - 1, 0);
  int64_t decimals = std::max(places, fraction);
  if (decimals > 0 || dot) w.put('.');
  if (fraction > 0) w.put(d.digits + 1, static_cast<size_t>(fraction));
  w.zeros(decimals - fraction);
  int exponent = d.point - 1;
  w.put(letter);
  w.put(exponent < 0 ? '-' : '+');
  exponent = std::abs(exponent);
  if (exponent < 10) w.put('0');
  char buffer[8];
  auto result = std::to_chars(buffer, buffer + sizeof buffer, exponent);
  w.put(buffer, static_cast<size_t>(result.ptr - buffer));
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool matches(const char* text, size_t size, const char* word) {
  for (; *word; word++, text++, size--) {
    if (size == 0 || lower(*text) != *word) return false;
  }
  return true;
}

// "inf", "infinity" or "nan" at the start: its length, or 0.
size_t parse_word(const char* text, size_t size, double* out) {
  if (matches(text, size, "inf")) {
    *out = std::numeric_limits<double>::infinity();
    return matches(text, size, "infinity") ? 8 : 3;
  }
  if (matches(text, size, "nan")) {
    *out = std::numeric_limits<double>::quiet_NaN();
    return 3;
  }
  return 0;
}

constexpr uint64_t kSignBit = uint64_t{1} << 63;

}  // namespace

size_t float_repr(double value, char out[kFloatReprSize]) {
  return float_format(value, 'r', 0, kFloatAddDot0, out);
}

size_t float_format_bound(double value, char code, int precision) {
  size_t places = static_cast<size_t>(precision);
  switch (code) {
    case 'f':
    case 'F':
    case '%':
      if (!std::isfinite(value)) return 8;
      // sign, integer digits (two more for per cent), point, decimals
      return places + static_cast<size_t>(std::max(0.0, std::log10(std::fabs(value) + 1.0))) + 12;
    case 'r':
      return kFloatReprSize;
    default:
      return places + 24;
  }
}

size_t float_format(double value, char code, int precision, unsigned flags, char* out) {
  Writer w(out);
  const bool upper = code == 'E' || code == 'F' || code == 'G';
  const bool percent = code == '%';
  char kind = percent ? 'f' : lower(code);
  if (percent) value *= 100.0;
  bool negative = std::signbit(value) && !std::isnan(value);
  if (!std::isfinite(value)) {
    if (negative) {
      w.put('-');
    } else if (flags & kFloatSign) {
      w.put('+');
    }
    w.put(std::isnan(value) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf"), 3);
    if (percent) w.put('%');
    return w.length();
  }

  Decimal d;
  const double magnitude = std::fabs(value);
  if (kind == 'g' && precision == 0) precision = 1;
  switch (kind) {
    case 'f':
      fixed_digits(magnitude, precision, &d);
      break;
    case 'e':
      significant_digits(magnitude, precision < kMaxSignificant ? precision + 1 : kMaxSignificant, &d);
      break;
    case 'g':
      significant_digits(magnitude, precision, &d);
      break;
    default:
      shortest_digits(magnitude, &d);
      break;
  }
  if (negative && d.count == 0 && (flags & kFloatNoNegativeZero)) negative = false;
  if (negative) {
    w.put('-');
  } else if (flags & kFloatSign) {
    w.put('+');
  }

  const bool alternate = flags & kFloatAlternate;
  const char letter = upper ? 'E' : 'e';
  if (kind == 'f') {
    write_fixed(w, d, flags & kFloatAddDot0 ? std::max(precision, 1) : precision, alternate);
  } else if (kind == 'e') {
    write_exponent(w, d, precision, alternate, letter);
  } else {
    // Where ".0" is to be added there is one digit less before exponents are used.
    int64_t limit = kind == 'r' ? 16 : (flags & kFloatAddDot0) ? int64_t{precision} - 1 : precision;
    int64_t places = 0;
    if (d.point <= -4 || d.point > limit) {
      if (alternate && kind == 'g') places = int64_t{precision} - 1;
      write_exponent(w, d, places, alternate, letter);
    } else {
      if (alternate && kind == 'g') places = int64_t{precision} - d.point;
      if (flags & kFloatAddDot0) places = std::max<int64_t>(places, 1);
      write_fixed(w, d, places, alternate);
    }
  }
  if (percent) w.put('%');
  return w.length();
}

size_t float_hex(double value, char out[kFloatHexSize]) {
  Writer w(out);
  if (!std::isfinite(value)) return float_format(value, 'r', 0, 0, out);
  uint64_t bits = std::bit_cast<uint64_t>(value);
  if (bits & kSignBit) w.put('-');
  uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  int exponent = static_cast<int>(bits >> 52 & 0x7FF);
  w.put("0x", 2);
  w.put(exponent == 0 ? '0' : '1');
  w.put('.');
  if (exponent == 0 && fraction == 0) {
    w.put("0p+0", 4);
    return w.length();
  }
  for (int shift = 48; shift >= 0; shift -= 4) w.put("0123456789abcdef"[fraction >> shift & 15]);
  int power = exponent == 0 ? -1022 : exponent - 1023;
  w.put('p');
  w.put(power < 0 ? '-' : '+');
  char buffer[8];
  auto result = std::to_chars(buffer, buffer + sizeof buffer, std::abs(power));
  w.put(buffer, static_cast<size_t>(result.ptr - buffer));
  return w.length();
}

FloatParse float_parse_prefix(const char* text, size_t size, double* out, size_t* used) {
  *used = 0;
  size_t i = 0;
  bool negative = false;
  if (i < size && (text[i] == '+' || text[i] == '-')) negative = text[i++] == '-';
  const size_t start = i;
  if (size_t word = parse_word(text + i, size - i, out)) {
    if (negative) *out = -*out;
    *used = i + word;
    return FloatParse::kOk;
  }
  // Find where the number ends; the position of its first significant digit decides between overflow and
  // underflow.
  size_t digits = 0;
  int64_t magnitude = 0;  // exponent of ten just above the first non-zero digit
  bool significant = false;
  for (; i < size && is_digit(text[i]); i++, digits++) {
    significant |= text[i] != '0';
    magnitude += significant;
  }
  if (i < size && text[i] == '.') {
    i++;
    for (; i < size && is_digit(text[i]); i++, digits++) {
      significant |= text[i] != '0';
      if (!significant) magnitude--;
    }
  }
  if (digits == 0) return FloatParse::kInvalid;
  size_t mantissa_end = i;
  int64_t exponent = 0;
  if (i < size && (text[i] == 'e' || text[i] == 'E')) {
    size_t e = i + 1;
    bool below = false;
    if (e < size && (text[e] == '+' || text[e] == '-')) below = text[e++] == '-';
    if (e < size && is_digit(text[e])) {
      for (; e < size && is_digit(text[e]); e++) {
        if (exponent < int64_t{1} << 50) exponent = exponent * 10 + (text[e] - '0');
      }
      if (below) exponent = -exponent;
      i = e;
    }
  }
  *used = i;
  double value = 0.0;
  if (significant) {
    int64_t scale = magnitude + exponent;
    if (scale > 400 || scale < -400) {
      // Far outside, whatever the digits.
      value = scale > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    } else {
      // A small exponent with thousands of zeros around it is within reach of from_chars' own counters here.
      auto result = std::from_chars(text + start, text + (i > mantissa_end ? i : mantissa_end), value);
      if (result.ec == std::errc::result_out_of_range) {
        value = scale > 0 ? std::numeric_limits<double>::infinity() : 0.0;
      }
    }
  }
  *out = negative ? -value : value;
  return std::isinf(value) ? FloatParse::kOverflow : FloatParse::kOk;
}

FloatParse float_parse(const char* text, size_t size, double* out) {
  size_t used;
  if (!std::memchr(text, '_', size)) {
    FloatParse status = float_parse_prefix(text, size, out, &used);
    return status == FloatParse::kInvalid || used != size ? FloatParse::kInvalid : status;
  }
  // An underscore stands between two digits, nowhere else.
  char small[128] = {};
  char* clean = size <= sizeof small ? small : static_cast<char*>(std::malloc(size));
  if (!clean) return FloatParse::kNoMemory;
  size_t n = 0;
  bool good = true;
  for (size_t i = 0; i < size && good; i++) {
    if (text[i] != '_') {
      clean[n++] = text[i];
    } else {
      good = i > 0 && is_digit(text[i - 1]) && i + 1 < size && is_digit(text[i + 1]);
    }
  }
  FloatParse status = FloatParse::kInvalid;
  if (good) {
    status = float_parse_prefix(clean, n, out, &used);
    if (status != FloatParse::kInvalid && used != n) status = FloatParse::kInvalid;
  }
  if (clean != small) std::free(clean);
  return status;
}

FloatParse float_parse_hex(const char* text, size_t size, double* out) {
  auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  auto hex_value = [](char c) {
    return is_digit(c) ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
  };
  size_t i = 0;
  while (i < size && is_space(text[i])) i++;
  while (size > i && is_space(text[size - 1])) size--;
  bool negative = false;
  if (i < size && (text[i] == '+' || text[i] == '-')) negative = text[i++] == '-';
  if (size_t word = parse_word(text + i, size - i, out)) {
    if (i + word != size) return FloatParse::kInvalid;
    if (negative) *out = -*out;
    return FloatParse::kOk;
  }
  if (i + 1 < size && text[i] == '0' && lower(text[i + 1]) == 'x') i += 2;
  // The first 64 significant bits, whether any came after them, and the exponent of the last of those kept.
  uint64_t mantissa = 0;
  bool sticky = false, point = false;
  size_t digits = 0;
  int64_t exponent = 0;
  for (; i < size; i++) {
    if (text[i] == '.' && !point) {
      point = true;
      continue;
    }
    int v = hex_value(text[i]);
    if (v < 0) break;
    digits++;
    if (point) exponent -= 4;
    if (mantissa >> 60) {
      sticky |= v != 0;
      exponent += 4;
    } else {
      mantissa = mantissa << 4 | static_cast<unsigned>(v);
    }
  }
  if (digits == 0) return FloatParse::kInvalid;
  if (digits > (size_t{1} << 60)) return FloatParse::kTooLong;
  if (i < size && lower(text[i]) == 'p') {
    i++;
    bool below = false;
    if (i < size && (text[i] == '+' || text[i] == '-')) below = text[i++] == '-';
    if (i == size || !is_digit(text[i])) return FloatParse::kInvalid;
    int64_t given = 0;
    for (; i < size && is_digit(text[i]); i++) {
      if (given < int64_t{1} << 58) given = given * 10 + (text[i] - '0');
    }
    exponent += below ? -given : given;
  }
  if (i != size) return FloatParse::kInvalid;
  double value = 0.0;
  if (mantissa != 0) {
    int zeros = std::countl_zero(mantissa);
    mantissa <<= zeros;
    exponent -= zeros;
    if (exponent + 63 > 1023) {
      *out = negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
      return FloatParse::kOverflow;
    }
    // Round to the last bit that a double of this size has.
    int64_t last = std::max<int64_t>(exponent + 11, -1074);
    int64_t drop = last - exponent;
    if (drop <= 64) {
      uint64_t kept = drop == 64 ? 0 : mantissa >> drop;
      uint64_t rest = drop == 64 ? mantissa : mantissa & ((uint64_t{1} << drop) - 1);
      uint64_t half = uint64_t{1} << (drop - 1);
      if (rest > half || (rest == half && (sticky || (kept & 1)))) kept++;
      value = std::ldexp(static_cast<double>(kept), static_cast<int>(last));
    }
  }
  *out = negative ? -value : value;
  return std::isinf(value) ? FloatParse::kOverflow : FloatParse::kOk;
}

FloatParse float_round_places(double value, int64_t places, double* out) {
  *out = value;
  if (!std::isfinite(value) || value == 0.0) return FloatParse::kOk;
  // Beyond these a double has no digits to round, or none is left.
  if (places > 323) return FloatParse::kOk;
  if (places < -308) {
    *out = std::copysign(0.0, value);
    return FloatParse::kOk;
  }
  const double magnitude = std::fabs(value);
  Decimal d;
  if (places >= 0) {
    fixed_digits(magnitude, static_cast<int>(places), &d);
  } else {
    significant_digits(magnitude, kMaxSignificant, &d);
    // Exact now: keep the digits above 10**-places, at least the one to be decided.
    int keep = d.point + static_cast<int>(places);
    if (keep < 0) {
      d.count = 0;
    } else if (keep < d.count) {
      bool up = d.digits[keep] > '5';
      if (d.digits[keep] == '5') up = d.count > keep + 1 || (keep > 0 && (d.digits[keep - 1] - '0') % 2 == 1);
      d.count = keep;
      if (up) {
        int i = keep - 1;
        while (i >= 0 && d.digits[i] == '9') i--;
        if (i >= 0) {
          d.digits[i]++;
          d.count = i + 1;
        } else {
          d.digits[0] = '1';
          d.count = 1;
          d.point++;
        }
      }
    }
  }
  double rounded = 0.0;
  if (d.count > 0) {
    char text[sizeof d.digits + 32];
    std::memcpy(text, d.digits, static_cast<size_t>(d.count));
    char* p = text + d.count;
    *p++ = 'e';
    p = std::to_chars(p, p + 16, d.point - d.count).ptr;
    size_t used;
    FloatParse status = float_parse_prefix(text, static_cast<size_t>(p - text), &rounded, &used);
    if (status != FloatParse::kOk) return status;
  }
  *out = std::copysign(rounded, value);
  return FloatParse::kOk;
}

double float_round_integral(double value) {
  double rounded = std::round(value);
  // std::round goes away from zero in the middle.
  if (std::fabs(value - rounded) == 0.5) rounded = 2.0 * std::round(value / 2.0);
  return rounded;
}

void float_split(double value, uint64_t* mantissa, int* exponent) {
  *mantissa = 0;
  *exponent = 0;
  if (value == 0.0) return;
  double fraction = std::frexp(std::fabs(value), exponent);
  uint64_t whole = static_cast<uint64_t>(std::ldexp(fraction, 53));
  *exponent -= 53;
  int zeros = std::countr_zero(whole);
  *mantissa = whole >> zeros;
  *exponent += zeros;
}

int64_t float_number_hash(double value) {
  constexpr int kBits = 61;
  constexpr uint64_t kModulus = (uint64_t{1} << kBits) - 1;
  if (std::isinf(value)) return value > 0 ? 314159 : -314159;
  uint64_t mantissa;
  int exponent;
  float_split(value, &mantissa, &exponent);
  // mantissa < 2**53; times a power of two modulo 2**61 - 1 is a rotation.
  int turn = exponent % kBits;
  if (turn < 0) turn += kBits;
  uint64_t turned = turn == 0 ? mantissa : (mantissa << turn & kModulus) | mantissa >> (kBits - turn);
  int64_t hash = static_cast<int64_t>(turned % kModulus);
  if (value < 0) hash = -hash;
  return hash == -1 ? -2 : hash;
}

}  // namespace atl
