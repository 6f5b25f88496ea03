// The C API of float, and of numbers as C strings.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <cstdlib>
#include <limits>
#include <memory>

#include "Objects/bytes.h"
#include "Objects/float/float.h"
#include "Objects/float/kernel_text.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"

using namespace atl;

PyObject* PyFloat_FromDouble(double v) { return new_float(current_thread(), v).release(); }
double PyFloat_GetMax(void) { return DBL_MAX; }
double PyFloat_GetMin(void) { return DBL_MIN; }

double PyFloat_AsDouble(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr) {
    (void)raise(ts, PyExc_TypeError, "bad argument type for built-in operation");
    return -1.0;
  }
  double value;
  return failed(float_as_double(ts, o, &value)) ? -1.0 : value;
}

PyObject* PyFloat_FromString(PyObject* o) {
  ThreadState& ts = current_thread();
  if (is_str(o)) return float_from_unicode(ts, o).release();
  if (is_bytes(o)) return float_from_text(ts, bytes_data(o), bytes_size(o), o).release();
  if (is_instance_nocall(o, &PyByteArray_Type)) {
    return float_from_text(ts, PyByteArray_AsString(o), PyByteArray_Size(o), o).release();
  }
  Py_buffer view;
  if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) == 0) {
    // The buffer need not end with a zero, and may change while Python code runs for the message.
    Ref<> copy = bytes_from(ts, {static_cast<const char*>(view.buf), static_cast<size_t>(view.len)});
    PyBuffer_Release(&view);
    if (!copy) return nullptr;
    return float_from_text(ts, bytes_data(copy.get()), bytes_size(copy.get()), o).release();
  }
  return raise(ts, PyExc_TypeError, "float() argument must be a string or a real number, not '%.200s'",
               o->ob_type->tp_name);
}

// The same object that sys shows.
PyObject* PyFloat_GetInfo(void) {
  PyObject* info = PySys_GetObject("float_info");
  if (info == nullptr) return raise(current_thread(), PyExc_RuntimeError, "lost sys.float_info");
  return new_ref(info);
}

// ---- packed forms
// ------------------------------------------------------------------------------------------------

namespace {

template <class Bits>
void store(Bits bits, char* p, int little_endian) {
  for (size_t i = 0; i < sizeof bits; i++) {
    p[little_endian ? i : sizeof bits - 1 - i] = static_cast<char>(bits >> (8 * i));
  }
}

template <class Bits>
Bits load(const char* p, int little_endian) {
  Bits bits = 0;
  for (size_t i = 0; i < sizeof bits; i++) {
    bits = static_cast<Bits>(
        bits | static_cast<Bits>(static_cast<uint8_t>(p[little_endian ? i : sizeof bits - 1 - i]))
                   << (8 * i));
  }
  return bits;
}

// Binary16: 5 bits of exponent, 10 of fraction. False if the value is too large.
bool to_half(double value, uint16_t* out) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) {
    *out = sign | 0x7E00;
    return true;
  }
  if (std::isinf(value)) {
    *out = sign | 0x7C00;
    return true;
  }
  const double size = std::fabs(value);
  if (size == 0.0) {
    *out = sign;
    return true;
  }
  // In units of the last place: 2**-24 for what is subnormal, else 2**(exponent - 10).
  int exponent = std::max(std::ilogb(size), -14);
  double units = std::nearbyint(std::ldexp(size, 10 - exponent));
  unsigned bits = static_cast<unsigned>(units) + (static_cast<unsigned>(exponent + 14) << 10);
  // Rounding up carries into the exponent by itself.
  if (bits >= 0x7C00) return false;
  *out = static_cast<uint16_t>(sign | bits);
  return true;
}

double from_half(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
  double value;
  if (exponent == 0x1F) {
    value = fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  } else if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else {
    value = std::ldexp(fraction + 1024, exponent - 25);
  }
  return bits & 0x8000 ? -value : value;
}

template <class To, class From>
To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace

int PyFloat_Pack2(double x, char* p, int little_endian) {
  uint16_t bits;
  if (!to_half(x, &bits)) {
    return raise(current_thread(), PyExc_OverflowError, "float too large to pack with e format");
  }
  store(bits, p, little_endian);
  return 0;
}

int PyFloat_Pack4(double x, char* p, int little_endian) {
  float narrow = static_cast<float>(x);
  if (std::isinf(narrow) && !std::isinf(x)) {
    return raise(current_thread(), PyExc_OverflowError, "float too large to pack with f format");
  }
  store(bits_as<uint32_t>(narrow), p, little_endian);
  return 0;
}

int PyFloat_Pack8(double x, char* p, int little_endian) {
  store(bits_as<uint64_t>(x), p, little_endian);
  return 0;
}

double PyFloat_Unpack2(const char* p, int little_endian) {
  return from_half(load<uint16_t>(p, little_endian));
}
double PyFloat_Unpack4(const char* p, int little_endian) {
  return bits_as<float>(load<uint32_t>(p, little_endian));
}
double PyFloat_Unpack8(const char* p, int little_endian) {
  return bits_as<double>(load<uint64_t>(p, little_endian));
}

// ---- C strings
// ---------------------------------------------------------------------------------------------------

double PyOS_string_to_double(const char* s, char** end, PyObject* overflow_exception) {
  ThreadState& ts = current_thread();
  double value = -1.0;
  size_t used;
  FloatParse status = float_parse_prefix(s, std::strlen(s), &value, &used);
  if (status == FloatParse::kInvalid || (end == nullptr && s[used] != '\0')) {
    if (end != nullptr) *end = const_cast<char*>(s);
    (void)raise(ts, PyExc_ValueError, "could not convert string to float: '%.200s'", s);
    return -1.0;
  }
  if (end != nullptr) *end = const_cast<char*>(s) + used;
  if (status == FloatParse::kOverflow && overflow_exception != nullptr) {
    (void)raise(ts, overflow_exception, "value too large to convert to float: '%.200s'", s);
    return -1.0;
  }
  return value;
}

// An infinity or NaN at the start of the text; *end is the text itself if there is none.
double _Py_parse_inf_or_nan(const char* s, char** end) {
  double value = -1.0;
  size_t used = 0;
  const char* word = s + (*s == '+' || *s == '-');
  if (std::isalpha(static_cast<unsigned char>(*word)))
    (void)float_parse_prefix(s, std::strlen(s), &value, &used);
  *end = const_cast<char*>(s) + used;
  return used ? value : -1.0;
}

// Hands `inner` the text without the underscores that may stand between digits; what = "float" or the like.
PyObject* _Py_string_to_number_with_underscores(const char* s, Py_ssize_t size, const char* what,
                                                PyObject* shown, void* arg,
                                                PyObject* (*inner)(const char*, Py_ssize_t, void*)) {
  ThreadState& ts = current_thread();
  if (std::strchr(s, '_') == nullptr) return inner(s, size, arg);
  std::unique_ptr<char, void (*)(void*)> clean(static_cast<char*>(std::malloc(static_cast<size_t>(size) + 1)),
                                               std::free);
  if (!clean) return raise_memory(ts);
  auto is_digit = [&](Py_ssize_t i) { return i >= 0 && i < size && s[i] >= '0' && s[i] <= '9'; };
  Py_ssize_t n = 0;
  for (Py_ssize_t i = 0; i < size; i++) {
    if (s[i] != '_' && s[i] != '\0') {
      clean.get()[n++] = s[i];
    } else if (s[i] == '\0' || !is_digit(i - 1) || !is_digit(i + 1)) {
      return raise(ts, PyExc_ValueError, "could not convert string to %s: %R", what, shown);
    }
  }
  clean.get()[n] = '\0';
  return inner(clean.get(), n, arg);
}

char* PyOS_double_to_string(double value, char code, int precision, int flags, int* kind) {
  ThreadState& ts = current_thread();
  if (code == '\0' || std::strchr("eEfFgGr", code) == nullptr || (code == 'r' && precision != 0)) {
    return raise_bad_internal_call(ts, __FILE__, __LINE__);
  }
  if (kind != nullptr) {
    *kind = std::isnan(value) ? Py_DTST_NAN : std::isinf(value) ? Py_DTST_INFINITE : Py_DTST_FINITE;
  }
  char* out = static_cast<char*>(PyMem_Malloc(float_format_bound(value, code, precision) + 1));
  if (out == nullptr) return raise_memory(ts);
  out[float_format(value, code, precision, static_cast<unsigned>(flags), out)] = '\0';
  return out;
}

// Numbers in C strings: base 0 takes the prefixes of C (with "0o" and "0b"). Overflow saturates and sets
// errno.
unsigned long PyOS_strtoul(const char* s, char** end, int base) {
  const char* p = s;
  while (std::isspace(static_cast<unsigned char>(*p))) p++;
  if (end != nullptr) *end = const_cast<char*>(p);
  if ((base != 0 && base < 2) || base > 36) return 0;
  int prefix = 0;
  if (p[0] == '0') {
    char letter = static_cast<char>(p[1] | 0x20);
    prefix = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  }
  auto digit = [](char c) {
    return c >= '0' && c <= '9'                          ? c - '0'
           : std::isalpha(static_cast<unsigned char>(c)) ? (c | 0x20) - 'a' + 10
                                                         : 37;
  };
  if (prefix != 0 && (base == 0 || base == prefix)) {
    if (digit(p[2]) >= prefix) {
      // Only the zero is a number.
      if (end != nullptr) *end = const_cast<char*>(p) + 1;
      return 0;
    }
    p += 2;
    base = prefix;
  } else if (base == 0) {
    base = 10;
    if (*p == '0') {
      // Old octal numbers are none: only the zeros count, and white space behind them.
      while (*p == '0') p++;
      while (std::isspace(static_cast<unsigned char>(*p))) p++;
      if (end != nullptr) *end = const_cast<char*>(p);
      return 0;
    }
  }
  if (digit(*p) >= base) return 0;
  unsigned long value = 0;
  bool overflow = false;
  for (; digit(*p) < base; p++) {
    overflow |= __builtin_mul_overflow(value, static_cast<unsigned long>(base), &value);
    overflow |= __builtin_add_overflow(value, static_cast<unsigned long>(digit(*p)), &value);
  }
  if (end != nullptr) *end = const_cast<char*>(p);
  if (!overflow) return value;
  errno = ERANGE;
  return ~0ul;
}

long PyOS_strtol(const char* s, char** end, int base) {
  const char* p = s;
  while (std::isspace(static_cast<unsigned char>(*p))) p++;
  const bool negative = *p == '-';
  if (*p == '+' || *p == '-') p++;
  unsigned long size = PyOS_strtoul(p, end, base);
  const unsigned long limit = static_cast<unsigned long>(std::numeric_limits<long>::max());
  if (size <= limit) return negative ? -static_cast<long>(size) : static_cast<long>(size);
  if (negative && size == limit + 1) return std::numeric_limits<long>::min();
  errno = ERANGE;
  return std::numeric_limits<long>::max();
}
