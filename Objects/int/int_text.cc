// Ints from and to text: the rules of int(), the limit on decimal digits, and str(), hex() and their kin.
#include <cstring>
#include <memory>

#include "Objects/int/int-inl.h"
#include "Objects/str/str.h"
#include "Objects/str/unicode_tables.h"

namespace atl {
namespace {

// Texts of up to this many digits are never refused.
constexpr size_t kDigitLimitThreshold = 640;

struct Freer {
  void operator()(void* p) const { std::free(p); }
};
using Memory = std::unique_ptr<char, Freer>;
Memory allocate(size_t size) { return Memory(static_cast<char*>(std::malloc(size + 1))); }

constexpr bool is_c_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_power_of_two(int base) { return (base & (base - 1)) == 0; }

constexpr int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 37;
}

enum class Parse : uint8_t { kOk, kInvalid, kTooManyDigits, kNoMemory };

struct Parsed {
  MpnResult magnitude;
  bool negative = false;
  int base = 0;
  size_t digits = 0;  // how many there are in the text
  size_t end = 0;     // where parsing stopped, white space behind the number included
};

constexpr int prefix_base(char letter) {
  return letter == 'x' || letter == 'X'   ? 16
         : letter == 'o' || letter == 'O' ? 8
         : letter == 'b' || letter == 'B' ? 2
                                          : 0;
}

// A number at the start of the text, after white space. Where it ends is the caller's business.
Parse parse(const char* text, size_t size, int base, int digit_limit, Parsed* out) {
  size_t i = 0;
  while (i < size && is_c_space(text[i])) i++;
  if (i < size && (text[i] == '+' || text[i] == '-')) out->negative = text[i++] == '-';
  out->end = i;
  bool only_zeros = false;
  const int prefix = i + 1 < size && text[i] == '0' ? prefix_base(text[i + 1]) : 0;
  if (base == 0) {
    // Old octal literals are an error, so a leading zero lets only zeros follow.
    only_zeros = prefix == 0 && i < size && text[i] == '0';
    base = prefix != 0 ? prefix : 10;
  }
  if (prefix == base) {
    i += 2;
    if (i < size && text[i] == '_') i++;
  }
  out->base = base;
  // Digits without their underscores.
  uint8_t small[256];
  Memory large;
  uint8_t* values = small;
  if (size - i > sizeof small) {
    large = allocate(size - i);
    if (!large) return Parse::kNoMemory;
    values = reinterpret_cast<uint8_t*>(large.get());
  }
  size_t count = 0;
  bool after_digit = false, non_zero = false;
  for (; i < size; i++) {
    if (text[i] == '_') {
      if (!after_digit) return Parse::kInvalid;
      after_digit = false;
      continue;
    }
    int value = digit_value(text[i]);
    if (value >= base) break;
    values[count++] = static_cast<uint8_t>(value);
    non_zero |= value != 0;
    after_digit = true;
  }
  if (!after_digit) return Parse::kInvalid;
  out->end = i;
  out->digits = count;
  if (!is_power_of_two(base) && count > kDigitLimitThreshold && digit_limit > 0 &&
      count > static_cast<size_t>(digit_limit)) {
    return Parse::kTooManyDigits;
  }
  if (only_zeros && non_zero) return Parse::kInvalid;
  if (digits_from_values(values, count, base, &out->magnitude) != MpnStatus::kOk) return Parse::kNoMemory;
  while (i < size && is_c_space(text[i])) i++;
  out->end = i;
  return Parse::kOk;
}

Raised raise_too_many_digits(ThreadState& ts, size_t digits) {
  return raise(ts, PyExc_ValueError,
               "Exceeds the limit (%d digits) for integer string conversion: value has %zu digits; "
               "use sys.set_int_max_str_digits() to increase the limit",
               ts.interpreter().int_max_str_digits, digits);
}

Raised raise_invalid(ThreadState& ts, PyObject* text, int base) {
  return raise(ts, PyExc_ValueError, "invalid literal for int() with base %d: %.200R", base, text);
}

// Parses all of the text. Empty without an exception if it is no number.
Ref<> from_whole_text(ThreadState& ts, const char* text, size_t size, int base) {
  Parsed parsed;
  switch (parse(text, size, base, ts.interpreter().int_max_str_digits, &parsed)) {
    case Parse::kOk:
      if (parsed.end != size) return {};
      return int_from_result(ts, parsed.magnitude, parsed.negative);
    case Parse::kInvalid:
      return {};
    case Parse::kTooManyDigits:
      return raise_too_many_digits(ts, parsed.digits);
    default:
      return raise_memory(ts);
  }
}

}  // namespace

Ref<> int_from_text(ThreadState& ts, const char* text, Py_ssize_t size, int base) {
  Ref<> value = from_whole_text(ts, text, static_cast<size_t>(size), base);
  if (value || error_set(ts)) return value;
  Ref<> shown = str_from_utf8(ts, {text, static_cast<size_t>(size)}, "replace");
  if (!shown) return {};
  return raise_invalid(ts, shown.get(), base);
}

Ref<> int_from_buffer_text(ThreadState& ts, const char* text, Py_ssize_t size, int base) {
  Ref<> value = from_whole_text(ts, text, static_cast<size_t>(size), base);
  if (value || error_set(ts)) return value;
  Ref<> shown = Ref<>::steal(PyBytes_FromStringAndSize(text, size));
  if (!shown) return {};
  return raise_invalid(ts, shown.get(), base);
}

Ref<> int_from_unicode(ThreadState& ts, PyObject* text, int base) {
  const size_t size = static_cast<size_t>(str_length(text));
  Ref<> value;
  if (str_is_ascii(text)) {
    value = from_whole_text(ts, static_cast<const char*>(str_data(text)), size, base);
  } else {
    // White space and decimal digits of any script count as their ASCII kin; other characters end the number.
    Memory ascii = allocate(size);
    if (!ascii) return raise_memory(ts);
    const unsigned kind = str_kind(text);
    const void* data = str_data(text);
    for (size_t i = 0; i < size; i++) {
      uint32_t c = str_read(kind, data, static_cast<Py_ssize_t>(i));
      int digit = c < 127 ? -1 : uc_to_decimal(c);
      ascii.get()[i] = c < 127          ? static_cast<char>(c)
                       : digit >= 0     ? static_cast<char>('0' + digit)
                       : uc_is_space(c) ? ' '
                                        : '?';
    }
    value = from_whole_text(ts, ascii.get(), size, base);
  }
  if (value || error_set(ts)) return value;
  return raise_invalid(ts, text, base);
}

Ref<> int_to_text(ThreadState& ts, PyObject* o, int base, bool prefix) {
  DigitView view = int_view(o);
  const bool negative = int_is_negative(o);
  char head[4];
  size_t head_size = 0;
  if (negative) head[head_size++] = '-';
  if (prefix && (base == 2 || base == 8 || base == 16)) {
    head[head_size++] = '0';
    head[head_size++] = base == 2 ? 'b' : base == 8 ? 'o' : 'x';
  }
  const int limit = is_power_of_two(base) ? 0 : ts.interpreter().int_max_str_digits;
  auto too_long = [&]() {
    return raise(ts, PyExc_ValueError,
                 "Exceeds the limit (%d digits) for integer string conversion; "
                 "use sys.set_int_max_str_digits() to increase the limit",
                 limit);
  };
  // What is sure to be too long is refused before any work: a decimal digit holds less than 3.33 bits.
  if (base == 10 && limit > 0 && digits_bit_length(view) / 3.33 > static_cast<double>(limit) + 1 &&
      view.size > kDigitLimitThreshold / 10) {
    return too_long();
  }
  char small[96];
  Memory large;
  char* out = small;
  const size_t room = digits_text_size(view, base) + sizeof head;
  if (room > sizeof small) {
    large = allocate(room);
    if (!large) return raise_memory(ts);
    out = large.get();
  }
  std::memcpy(out, head, head_size);
  size_t length;
  MpnStatus status = digits_to_text(view, base, out + head_size, &length);
  if (status != MpnStatus::kOk) return int_raise(ts, status);
  if (base == 10 && limit > 0 && length > kDigitLimitThreshold && length > static_cast<size_t>(limit))
    return too_long();
  return str_from_ascii(ts, {out, head_size + length});
}

}  // namespace atl

// ---- C API
// -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* PyLong_FromString(const char* text, char** end, int base) {
  ThreadState& ts = current_thread();
  if ((base != 0 && base < 2) || base > 36) {
    return raise(ts, PyExc_ValueError, "int() arg 2 must be >= 2 and <= 36");
  }
  const size_t size = std::strlen(text);
  Parsed parsed;
  Parse status = parse(text, size, base, ts.interpreter().int_max_str_digits, &parsed);
  if (end != nullptr) *end = const_cast<char*>(text) + parsed.end;
  if (status == Parse::kOk && (end != nullptr || parsed.end == size)) {
    return int_from_result(ts, parsed.magnitude, parsed.negative).release();
  }
  if (status == Parse::kTooManyDigits) return raise_too_many_digits(ts, parsed.digits);
  if (status == Parse::kNoMemory) return raise_memory(ts);
  Ref<> shown = str_from_utf8(ts, {text, size});
  if (!shown) return nullptr;
  return raise_invalid(ts, shown.get(), base);
}

PyObject* PyLong_FromUnicodeObject(PyObject* text, int base) {
  return int_from_unicode(current_thread(), text, base).release();
}

PyObject* _PyLong_FromBytes(const char* text, Py_ssize_t size, int base) {
  return int_from_buffer_text(current_thread(), text, size, base).release();
}

PyObject* _PyLong_Format(PyObject* o, int base) {
  ThreadState& ts = current_thread();
  if (!is_int(o)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return int_to_text(ts, o, base, true).release();
}
