// The type float: arithmetic, comparison with ints of any size, text, construction. Digits and rounding are
// the kernels' business (kernel_text.h), __format__ is number_format.cc's.
#include "Objects/float/float.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>

#include "Objects/bytes.h"
#include "Objects/float/kernel_text.h"
#include "Objects/int/int.h"
#include "Objects/str/format_spec.h"
#include "Objects/str/str.h"
#include "Objects/str/unicode_tables.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"

namespace atl {
namespace {

struct Freer {
  void operator()(char* p) const { std::free(p); }
};
using Memory = std::unique_ptr<char, Freer>;

// An operand of arithmetic: kTrue and the value, kFalse if it is neither a float nor an int.
Tri operand(ThreadState& ts, PyObject* o, double* out) {
  if (is_float(o)) {
    *out = float_value(o);
    return Tri::kTrue;
  }
  if (is_int(o)) return failed(int_as_double(ts, o, out)) ? Tri::kError : Tri::kTrue;
  return Tri::kFalse;
}

template <Ref<> (*Op)(ThreadState&, double, double)>
Ref<> binary(ThreadState& ts, PyObject* a, PyObject* b) {
  double x, y;
  Tri good = operand(ts, a, &x);
  if (good == Tri::kTrue) good = operand(ts, b, &y);
  if (good != Tri::kTrue) return failed(good) ? Ref<>() : not_implemented();
  return Op(ts, x, y);
}

Ref<> add(ThreadState& ts, double a, double b) { return new_float(ts, a + b); }
Ref<> subtract(ThreadState& ts, double a, double b) { return new_float(ts, a - b); }
Ref<> multiply(ThreadState& ts, double a, double b) { return new_float(ts, a * b); }
Ref<> divide(ThreadState& ts, double a, double b) {
  if (b == 0.0) return raise(ts, PyExc_ZeroDivisionError, "float division by zero");
  return new_float(ts, a / b);
}

// b != 0. The modulus has b's sign, zero included, and the quotient is rounded down to fit it.
void floor_divmod(double a, double b, double* quotient, double* modulus) {
  double mod = std::fmod(a, b);
  double exact = (a - mod) / b;
  if (mod == 0.0) {
    mod = std::copysign(0.0, b);
  } else if ((mod < 0) != (b < 0)) {
    mod += b;
    exact -= 1.0;
  }
  *modulus = mod;
  if (exact == 0.0) {
    *quotient = std::copysign(0.0, a / b);
    return;
  }
  // The division may have come out a little off the whole number it stands for.
  double down = std::floor(exact);
  *quotient = exact - down > 0.5 ? down + 1.0 : down;
}

Ref<> divmod(ThreadState& ts, double a, double b) {
  if (b == 0.0) return raise(ts, PyExc_ZeroDivisionError, "float divmod()");
  double quotient, modulus;
  floor_divmod(a, b, &quotient, &modulus);
  Ref<> q = new_float(ts, quotient);
  Ref<> m = new_float(ts, modulus);
  if (!q || !m) return {};
  return tuple_of(ts, q.get(), m.get());
}

Ref<> pow_slot(ThreadState& ts, PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) {
    return raise(ts, PyExc_TypeError, "pow() 3rd argument not allowed unless all arguments are integers");
  }
  return binary<float_pow>(ts, a, b);
}

bool is_odd_integral(double v) { return std::fmod(std::fabs(v), 2.0) == 1.0; }

Ref<> raise_range(ThreadState& ts) {
  Ref<> number = int_from_i64(ts, ERANGE);
  Ref<> text = str_from_ascii(ts, "Numerical result out of range");
  if (!number || !text) return {};
  Ref<> args = tuple_of(ts, number.get(), text.get());
  if (!args) return {};
  return raise_object(ts, PyExc_OverflowError, args.get());
}

Ref<> exact_float(ThreadState& ts, PyObject* o) {
  return is_exact_float(o) ? dup(o) : new_float(ts, float_value(o));
}
Ref<> negative(ThreadState& ts, PyObject* o) { return new_float(ts, -float_value(o)); }
Ref<> absolute(ThreadState& ts, PyObject* o) { return new_float(ts, std::fabs(float_value(o))); }
Ref<> truncate(ThreadState& ts, PyObject* o) { return int_from_double(ts, float_value(o)); }
int float_bool(PyObject* o) { return float_value(o) != 0.0; }

constexpr PyNumberMethods kNumber = {
    .nb_add = ATOLL_SLOT(binary<add>),
    .nb_subtract = ATOLL_SLOT(binary<subtract>),
    .nb_multiply = ATOLL_SLOT(binary<multiply>),
    .nb_remainder = ATOLL_SLOT(binary<float_mod>),
    .nb_divmod = ATOLL_SLOT(binary<divmod>),
    .nb_power = ATOLL_SLOT(pow_slot),
    .nb_negative = ATOLL_SLOT(negative),
    .nb_positive = ATOLL_SLOT(exact_float),
    .nb_absolute = ATOLL_SLOT(absolute),
    .nb_bool = float_bool,
    .nb_int = ATOLL_SLOT(truncate),
    .nb_float = ATOLL_SLOT(exact_float),
    .nb_floor_divide = ATOLL_SLOT(binary<float_floordiv>),
    .nb_true_divide = ATOLL_SLOT(binary<divide>),
};

// Three-way comparison of a finite double with an int, exactly.
int compare_with_int(double v, PyObject* o) {
  const int sign = int_sign(o), own_sign = v < 0 ? -1 : v > 0;
  if (sign != own_sign) return own_sign < sign ? -1 : 1;
  if (sign == 0) return 0;
  const size_t bits = int_bit_length(o);
  if (bits <= 53) {
    int overflow;
    double other = static_cast<double>(int_as_i64_overflow(o, &overflow));
    return v < other ? -1 : v > other;
  }
  // Same sign: the magnitudes decide, first by their sizes. Numbers above 2**53 are whole.
  int exponent;
  std::frexp(v, &exponent);
  int order;
  if (exponent < 0 || static_cast<size_t>(exponent) != bits) {
    order = exponent < 0 || static_cast<size_t>(exponent) < bits ? -1 : 1;
  } else {
    Digit digits[kDigitsOfDouble];
    size_t n = digits_from_double(v, digits);
    Py_ssize_t size = int_size(o);
    order = digits_compare({digits, n}, {int_digits(o), static_cast<size_t>(size < 0 ? -size : size)});
  }
  return sign < 0 ? -order : order;
}

Ref<> richcompare_slot(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  return float_richcompare(ts, a, b, op);
}

Py_hash_t hash_slot(PyObject* o) { return float_hash(o, float_value(o)); }

Ref<> float_repr_object(ThreadState& ts, PyObject* o) {
  char text[kFloatReprSize];
  return str_from_ascii(ts, {text, float_repr(float_value(o), text)});
}

// --- construction ---

Ref<> float_make_exact(ThreadState& ts, PyObject* x) {
  if (x == nullptr) return new_float(ts, 0.0);
  if (is_exact_float(x)) return dup(x);
  if (is_exact_str(x)) return float_from_unicode(ts, x);
  return number_float(ts, x);
}

PyObject* float_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (kwargs != nullptr && PyDict_GET_SIZE(kwargs) > 0 &&
      (type == &PyFloat_Type || type->tp_init == PyFloat_Type.tp_init)) {
    return raise(ts, PyExc_TypeError, "float() takes no keyword arguments");
  }
  const Py_ssize_t n = tuple_size(args);
  if (n > 1) return raise(ts, PyExc_TypeError, "float expected at most 1 argument, got %zd", n);
  Ref<> value = float_make_exact(ts, n == 1 ? tuple_peek(args, 0) : nullptr);
  if (!value || type == &PyFloat_Type) return value.release();
  Ref<> made = Ref<>::steal(type->tp_alloc(type, 0));
  if (!made) return nullptr;
  reinterpret_cast<PyFloatObject*>(made.get())->ob_fval = float_value(value.get());
  return made.release();
}

PyObject* float_vectorcall(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  const Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (kwnames != nullptr && tuple_size(kwnames) > 0) {
    return raise(ts, PyExc_TypeError, "float() takes no keyword arguments");
  }
  if (n > 1) return raise(ts, PyExc_TypeError, "float expected at most 1 argument, got %zd", n);
  return float_make_exact(ts, n == 1 ? args[0] : nullptr).release();
}

void float_dealloc(ThreadState& ts, PyObject* o) { free_object_and_type(ts, o); }

// --- methods ---

Ref<> float_self(ThreadState& ts, PyObject* self) { return exact_float(ts, self); }
Ref<> float_imag(ThreadState& ts, PyObject*) { return new_float(ts, 0.0); }
Ref<> float_trunc(ThreadState& ts, PyObject* self) { return truncate(ts, self); }
Ref<> float_floor(ThreadState& ts, PyObject* self) {
  return int_from_double(ts, std::floor(float_value(self)));
}
Ref<> float_ceil(ThreadState& ts, PyObject* self) {
  return int_from_double(ts, std::ceil(float_value(self)));
}

Ref<> float_round(ThreadState& ts, PyObject* self, PyObject* ndigits) {
  const double value = float_value(self);
  if (ndigits == nullptr || ndigits == Py_None) return int_from_double(ts, float_round_integral(value));
  Py_ssize_t places;
  if (failed(index_as_ssize(ts, ndigits, &places, nullptr))) return {};
  double rounded;
  if (float_round_places(value, places, &rounded) != FloatParse::kOk) {
    return raise(ts, PyExc_OverflowError, "rounded value too large to represent");
  }
  return new_float(ts, rounded);
}

Ref<> float_as_integer_ratio(ThreadState& ts, PyObject* self) {
  const double value = float_value(self);
  if (std::isinf(value)) return raise(ts, PyExc_OverflowError, "cannot convert Infinity to integer ratio");
  if (std::isnan(value)) return raise(ts, PyExc_ValueError, "cannot convert NaN to integer ratio");
  uint64_t mantissa;
  int exponent;
  float_split(value, &mantissa, &exponent);
  int64_t signed_mantissa = static_cast<int64_t>(mantissa);
  Ref<> numerator = int_from_i64(ts, value < 0 ? -signed_mantissa : signed_mantissa);
  Ref<> shift = int_from_i64(ts, std::abs(exponent));
  if (!numerator || !shift) return {};
  Ref<> denominator = dup(small_int(1));
  if (exponent > 0) {
    numerator = int_lshift(ts, numerator.get(), shift.get());
  } else {
    denominator = int_lshift(ts, denominator.get(), shift.get());
  }
  if (!numerator || !denominator) return {};
  return tuple_of(ts, numerator.get(), denominator.get());
}

Ref<> float_hex_method(ThreadState& ts, PyObject* self) {
  char text[kFloatHexSize];
  return str_from_ascii(ts, {text, float_hex(float_value(self), text)});
}

Ref<> float_fromhex(ThreadState& ts, PyTypeObject* type, PyObject* text) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "bad argument type for built-in operation");
  Py_ssize_t size;
  const char* utf8 = str_utf8(ts, text, &size);
  if (utf8 == nullptr) return {};
  double value = 0.0;
  switch (float_parse_hex(utf8, static_cast<size_t>(size), &value)) {
    case FloatParse::kOk:
      break;
    case FloatParse::kOverflow:
      return raise(ts, PyExc_OverflowError, "hexadecimal value too large to represent as a float");
    case FloatParse::kTooLong:
      return raise(ts, PyExc_ValueError, "hexadecimal string too long to convert");
    default:
      return raise(ts, PyExc_ValueError, "invalid hexadecimal floating-point string");
  }
  Ref<> result = new_float(ts, value);
  if (!result || type == &PyFloat_Type) return result;
  return call(ts, obj(type), result.get());
}

Ref<> float_is_integer(ThreadState&, PyObject* self) {
  const double value = float_value(self);
  return new_bool(std::isfinite(value) && std::floor(value) == value);
}

Ref<> float_getnewargs(ThreadState& ts, PyObject* self) {
  Ref<> value = exact_float(ts, self);
  if (!value) return {};
  return tuple_of(ts, value.get());
}

Ref<> float_getformat(ThreadState& ts, PyTypeObject*, PyUnicodeObject* name) {
  if (!str_equals_ascii(obj(name), "double") && !str_equals_ascii(obj(name), "float")) {
    return raise(ts, PyExc_ValueError, "__getformat__() argument 1 must be 'double' or 'float'");
  }
  return str_from_ascii(ts, "IEEE, little-endian");
}

Ref<> float_format_method(ThreadState& ts, PyObject* self, PyUnicodeObject* format_spec) {
  return format_float(ts, self, obj(format_spec));
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(float_self, "conjugate", "($self, /)",
                 "Return the number itself, its own complex conjugate."),
    ATOLL_METHOD(float_trunc, "__trunc__", "($self, /)",
                 "Return the int nearest to it between 0 and itself."),
    ATOLL_METHOD(float_floor, "__floor__", "($self, /)", "Return the largest int that is not greater."),
    ATOLL_METHOD(float_ceil, "__ceil__", "($self, /)", "Return the smallest int that is not less."),
    ATOLL_METHOD(float_round, "__round__", "($self, ndigits=None, /)",
                 "Round half to even: to an int, or with ndigits to a float of so many decimals."),
    ATOLL_METHOD(float_as_integer_ratio, "as_integer_ratio", "($self, /)",
                 "Return two ints, the second positive, whose ratio is exactly the number."),
    ATOLL_CLASSMETHOD(float_fromhex, "fromhex", "($type, string, /)", "Make a float from hexadecimal text."),
    ATOLL_METHOD(float_hex_method, "hex", "($self, /)", "Return the number as hexadecimal text, exactly."),
    ATOLL_METHOD(float_is_integer, "is_integer", "($self, /)", "True if the number is whole."),
    ATOLL_METHOD(float_getnewargs, "__getnewargs__", "($self, /)", "Arguments that make an equal object."),
    ATOLL_CLASSMETHOD(float_getformat, "__getformat__", "($type, typestr, /)",
                      "Say how C's 'double' or 'float' is stored: for Python's own test suite."),
    ATOLL_METHOD(float_format_method, "__format__", "($self, format_spec, /)",
                 "Format by a format specification."),
    ATOLL_METHOD_END,
};

constexpr PyGetSetDef kGetSet[] = {
    {"real", ATOLL_GETTER(float_self), nullptr, "the real part, the number itself", nullptr},
    {"imag", ATOLL_GETTER(float_imag), nullptr, "the imaginary part, 0", nullptr},
    ATOLL_GETSET_END,
};

}  // namespace

// ---- arithmetic for others
// ---------------------------------------------------------------------------------------

Ref<> float_floordiv(ThreadState& ts, double a, double b) {
  if (b == 0.0) return raise(ts, PyExc_ZeroDivisionError, "float floor division by zero");
  double quotient, modulus;
  floor_divmod(a, b, &quotient, &modulus);
  return new_float(ts, quotient);
}

Ref<> float_mod(ThreadState& ts, double a, double b) {
  if (b == 0.0) return raise(ts, PyExc_ZeroDivisionError, "float modulo");
  double mod = std::fmod(a, b);
  if (mod == 0.0) {
    mod = std::copysign(0.0, b);
  } else if ((mod < 0) != (b < 0)) {
    mod += b;
  }
  return new_float(ts, mod);
}

Ref<> float_pow(ThreadState& ts, double a, double b) {
  // C's pow() has the special cases of the standard; what remains is what Python reports otherwise.
  if (std::isfinite(a) && std::isfinite(b)) {
    if (a == 0.0 && b < 0.0) {
      return raise(ts, PyExc_ZeroDivisionError, "0.0 cannot be raised to a negative power");
    }
    if (a < 0.0 && b != std::floor(b)) return complex_pow(ts, {a, 0.0}, {b, 0.0});
    double value = std::pow(std::fabs(a), b);
    if (std::isinf(value)) return raise_range(ts);
    return new_float(ts, std::signbit(a) && is_odd_integral(b) ? -value : value);
  }
  return new_float(ts, std::pow(a, b));
}

Ref<> float_richcompare(ThreadState&, PyObject* a, PyObject* b, int op) {
  const double x = float_value(a);
  double y;
  if (is_float(b)) {
    y = float_value(b);
  } else if (is_int(b)) {
    // Not finite: any finite number stands for the int.
    y = 0.0;
    if (std::isfinite(x)) {
      int order = compare_with_int(x, b);
      return new_bool(op == Py_LT   ? order < 0
                      : op == Py_LE ? order <= 0
                      : op == Py_EQ ? order == 0
                      : op == Py_NE ? order != 0
                      : op == Py_GT ? order > 0
                                    : order >= 0);
    }
  } else {
    return not_implemented();
  }
  switch (op) {
    case Py_LT:
      return new_bool(x < y);
    case Py_LE:
      return new_bool(x <= y);
    case Py_EQ:
      return new_bool(x == y);
    case Py_NE:
      return new_bool(x != y);
    case Py_GT:
      return new_bool(x > y);
    default:
      return new_bool(x >= y);
  }
}

Py_hash_t float_hash(PyObject* self_for_nan, double v) {
  if (!std::isnan(v)) return float_number_hash(v);
  // NaNs differ from one another: by address, whose low bits are always zero.
  uintptr_t address = reinterpret_cast<uintptr_t>(self_for_nan);
  Py_hash_t hash = static_cast<Py_hash_t>(address >> 4 | address << (8 * sizeof address - 4));
  return hash == -1 ? -2 : hash;
}

Status float_as_double(ThreadState& ts, PyObject* o, double* out) {
  if (is_float(o)) {
    *out = float_value(o);
    return Status::kOk;
  }
  const PyNumberMethods* number = type_of(o)->tp_as_number;
  if (number == nullptr || number->nb_float == nullptr) {
    if (number != nullptr && number->nb_index != nullptr) {
      Ref<> index = number_index(ts, o);
      if (!index) return Status::kError;
      return int_as_double(ts, index.get(), out);
    }
    return raise(ts, PyExc_TypeError, "must be real number, not %.50s", o->ob_type->tp_name);
  }
  Ref<> value = Ref<>::steal(number->nb_float(o));
  if (!value) return Status::kError;
  if (!is_exact_float(value.get())) {
    if (!is_float(value.get())) {
      return raise(ts, PyExc_TypeError, "%.50s.__float__ returned non-float (type %.50s)",
                   o->ob_type->tp_name, value->ob_type->tp_name);
    }
    if (failed(warn(
            ts, PyExc_DeprecationWarning, 1,
            "%.50s.__float__ returned non-float (type %.50s).  The ability to return an instance of a strict "
            "subclass of float is deprecated, and may be removed in a future version of Python.",
            o->ob_type->tp_name, value->ob_type->tp_name))) {
      return Status::kError;
    }
  }
  *out = float_value(value.get());
  return Status::kOk;
}

// ---- text
// --------------------------------------------------------------------------------------------------------

bool number_text_to_ascii(ThreadState& ts, PyObject* text, char** out, Py_ssize_t* size) {
  const Py_ssize_t n = str_length(text);
  char* ascii = static_cast<char*>(std::malloc(static_cast<size_t>(n) + 1));
  if (ascii == nullptr) {
    (void)raise_memory(ts);
    return false;
  }
  const unsigned kind = str_kind(text);
  const void* data = str_data(text);
  // A character that belongs to no number ends the text: what follows can't matter.
  Py_ssize_t used = 0;
  for (bool stop = false; used < n && !stop; used++) {
    uint32_t c = str_read(kind, data, used);
    int digit = c < 127 ? -1 : uc_to_decimal(c);
    stop = c >= 127 && digit < 0 && !uc_is_space(c);
    ascii[used] = c < 127      ? static_cast<char>(c)
                  : digit >= 0 ? static_cast<char>('0' + digit)
                  : stop       ? '?'
                               : ' ';
  }
  ascii[used] = '\0';
  *out = ascii;
  *size = used;
  return true;
}

Ref<> float_from_text(ThreadState& ts, const char* text, Py_ssize_t size, PyObject* shown) {
  auto is_c_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  const char* end = text + size;
  while (text < end && is_c_space(*text)) text++;
  while (end > text && is_c_space(end[-1])) end--;
  double value = 0.0;
  switch (float_parse(text, static_cast<size_t>(end - text), &value)) {
    case FloatParse::kOk:
    case FloatParse::kOverflow:  // an infinity
      return new_float(ts, value);
    case FloatParse::kNoMemory:
      return raise_memory(ts);
    default:
      return raise(ts, PyExc_ValueError, "could not convert string to float: %R", shown);
  }
}

Ref<> float_from_unicode(ThreadState& ts, PyObject* text) {
  if (str_is_ascii(text)) {
    return float_from_text(ts, static_cast<const char*>(str_data(text)), str_length(text), text);
  }
  char* ascii;
  Py_ssize_t size;
  if (!number_text_to_ascii(ts, text, &ascii, &size)) return {};
  Memory owner(ascii);
  return float_from_text(ts, ascii, size, text);
}

Ref<> float_to_text(ThreadState& ts, double v, char format, int precision, int flags) {
  char small[96];
  Memory large;
  char* out = small;
  const size_t bound = float_format_bound(v, format, precision);
  if (bound > sizeof small) {
    large.reset(static_cast<char*>(std::malloc(bound)));
    if (!large) return raise_memory(ts);
    out = large.get();
  }
  return str_from_ascii(ts, {out, float_format(v, format, precision, static_cast<unsigned>(flags), out)});
}

constinit const TypeSpec float_spec{
    .name = "float",
    .doc = "float(x=0, /)\n--\n\nA floating-point number, from a number or from text.",
    .basicsize = sizeof(PyFloatObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | _Py_TPFLAGS_MATCH_SELF,
    .dealloc = ATOLL_SLOT(float_dealloc),
    .repr = ATOLL_SLOT(float_repr_object),
    .hash = hash_slot,
    .richcompare = ATOLL_SLOT(richcompare_slot),
    .getattro = PyObject_GenericGetAttr,
    .new_ = float_new,
    .vectorcall = float_vectorcall,
    .number = &kNumber,
    .methods = kMethods,
    .getset = kGetSet,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject PyFloat_Type = {};
