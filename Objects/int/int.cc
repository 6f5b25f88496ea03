// The type int: objects, conversions, slots and methods. Arithmetic is in int_arith.cc, text in int_text.cc,
// the C API in int_capi.cc, bool in bool.cc.
#include "Objects/int/int.h"

#include <algorithm>
#include <cmath>

#include "Objects/bytes.h"
#include "Objects/float/float.h"
#include "Objects/int/int-inl.h"
#include "Objects/str/format_spec.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"

namespace atl {

ATOLL_SEALED SmallInt g_small_ints[kSmallIntMax - kSmallIntMin + 1] = {};

// ---- making
// ------------------------------------------------------------------------------------------------------

Ref<PyLongObject> int_alloc(ThreadState& ts, size_t digits) {
  if (digits > kMaxIntDigits) return raise(ts, PyExc_OverflowError, "too many digits in integer");
  size_t room = std::max<size_t>(digits, 2);
  return new_var_object<PyLongObject>(ts, &PyLong_Type,
                                      offsetof(PyLongObject, ob_digit) + room * sizeof(Digit),
                                      static_cast<Py_ssize_t>(digits));
}

Ref<> int_finish(Ref<PyLongObject> r, size_t digits, bool negative) {
  if (digits <= 1) {
    Py_ssize_t value = digits == 0 ? 0 : static_cast<Py_ssize_t>(r->ob_digit[0]);
    if (negative) value = -value;
    if (value >= kSmallIntMin && value <= kSmallIntMax)
      return Ref<>::steal(small_int(static_cast<int>(value)));
  }
  Py_ssize_t size = static_cast<Py_ssize_t>(digits);
  reinterpret_cast<PyVarObject*>(r.get())->ob_size = negative ? -size : size;
  return r;
}

Ref<> int_from_result(ThreadState& ts, const MpnResult& result, bool negative) {
  size_t digits = result.digits();
  auto r = int_alloc(ts, digits);
  if (!r) return {};
  result.store(int_place(r));
  return int_finish(std::move(r), digits, negative);
}

namespace {
Ref<> from_magnitude(ThreadState& ts, uint64_t value, bool negative) {
  if (ATOLL_LIKELY(value >> (2 * kDigitBits) == 0)) {  // two digits: nothing to trim, and no cached value comes here
    auto r = new_var_object<PyLongObject>(ts, &PyLong_Type, offsetof(PyLongObject, ob_digit) + 2 * sizeof(Digit), 0);
    if (!r) return {};
    Py_ssize_t size = value >> kDigitBits != 0 ? 2 : 1;
    reinterpret_cast<PyVarObject*>(r.get())->ob_size = negative ? -size : size;
    r->ob_digit[0] = static_cast<Digit>(value & kDigitMask);
    r->ob_digit[1] = static_cast<Digit>(value >> kDigitBits);
    return r;
  }
  auto r = int_alloc(ts, value >> 60 ? 3 : 2);
  if (!r) return {};
  size_t digits = digits_from_u64(value, int_place(r));
  return int_finish(std::move(r), digits, negative);
}
}  // namespace

Ref<> int_from_i64(ThreadState& ts, int64_t v) {
  if (v >= kSmallIntMin && v <= kSmallIntMax) return Ref<>::steal(small_int(static_cast<int>(v)));
  return from_magnitude(ts, v < 0 ? -static_cast<uint64_t>(v) : static_cast<uint64_t>(v), v < 0);
}

Ref<> int_from_u64(ThreadState& ts, uint64_t v) {
  if (v <= kSmallIntMax) return Ref<>::steal(small_int(static_cast<int>(v)));
  return from_magnitude(ts, v, false);
}

Ref<> int_from_double(ThreadState& ts, double v) {
  if (std::isinf(v)) return raise(ts, PyExc_OverflowError, "cannot convert float infinity to integer");
  if (std::isnan(v)) return raise(ts, PyExc_ValueError, "cannot convert float NaN to integer");
  if (std::fabs(v) < 9.0e18) return int_from_i64(ts, static_cast<int64_t>(v));
  Digit digits[kDigitsOfDouble];
  size_t n = digits_from_double(v, digits);
  return int_from_digits(ts, digits, static_cast<Py_ssize_t>(n), v < 0);
}

Ref<> int_from_digits(ThreadState& ts, const uint32_t* digits, Py_ssize_t n, bool negative) {
  size_t count = digits_normalize(digits, static_cast<size_t>(n));
  auto r = int_alloc(ts, count);
  if (!r) return {};
  std::copy_n(digits, count, int_place(r));
  return int_finish(std::move(r), count, negative);
}

Ref<> int_exact(ThreadState& ts, PyObject* a) {
  if (is_exact_int(a)) return dup(a);
  return int_from_digits(ts, int_digits(a), static_cast<Py_ssize_t>(int_digit_count(a)), int_is_negative(a));
}

// ---- reading
// -----------------------------------------------------------------------------------------------------

int64_t int_as_i64_overflow(PyObject* o, int* overflow) {
  *overflow = 0;
  if (int_is_small(o)) return int_small_value(o);
  DigitView view = int_view(o);
  const bool negative = int_is_negative(o);
  const size_t bits = digits_bit_length(view);
  const uint64_t magnitude = int_as_u64_mask(o);
  // In two's complement the low bits are right whenever the number fits.
  if (bits <= 63) return static_cast<int64_t>(magnitude);
  if (bits == 64 && negative && magnitude == uint64_t{1} << 63) return INT64_MIN;
  *overflow = negative ? -1 : 1;
  return -1;
}

uint64_t int_as_u64_mask(PyObject* o) {
  DigitView view = int_view(o);
  uint64_t value = 0;
  for (size_t i = std::min<size_t>(view.size, 3); i-- > 0;) value = value << kDigitBits | view.data[i];
  return int_is_negative(o) ? -value : value;
}

Status int_as_i64(ThreadState& ts, PyObject* o, int64_t* out) {
  if (!is_int(o)) return raise(ts, PyExc_TypeError, "an integer is required");
  int overflow;
  *out = int_as_i64_overflow(o, &overflow);
  if (overflow == 0) return Status::kOk;
  return raise(ts, PyExc_OverflowError, "Python int too large to convert to C long");
}

Status int_as_u64(ThreadState& ts, PyObject* o, uint64_t* out) {
  if (!is_int(o)) return raise(ts, PyExc_TypeError, "an integer is required");
  if (int_is_negative(o))
    return raise(ts, PyExc_OverflowError, "can't convert negative value to unsigned int");
  if (digits_bit_length(int_view(o)) > 64) {
    return raise(ts, PyExc_OverflowError, "Python int too large to convert to C unsigned long");
  }
  *out = int_as_u64_mask(o);
  return Status::kOk;
}

Status int_as_double(ThreadState& ts, PyObject* o, double* out) {
  if (!is_int(o)) return raise(ts, PyExc_TypeError, "an integer is required");
  if (int_is_compact(o)) {
    *out = static_cast<double>(int_compact_value(o));
    return Status::kOk;
  }
  if (digits_to_double(int_view(o), out) != MpnStatus::kOk) {
    return raise(ts, PyExc_OverflowError, "int too large to convert to float");
  }
  if (int_is_negative(o)) *out = -*out;
  return Status::kOk;
}

int int_sign(PyObject* o) { return int_size(o) < 0 ? -1 : int_size(o) > 0; }
size_t int_bit_length(PyObject* a) { return digits_bit_length(int_view(a)); }

Py_hash_t int_hash(PyObject* o) {
  Py_hash_t hash =
      int_is_compact(o) ? int_compact_value(o) : static_cast<Py_hash_t>(digits_hash(int_view(o)));
  if (int_is_negative(o) && !int_is_compact(o)) hash = -hash;
  return hash == -1 ? -2 : hash;
}

int int_compare(PyObject* a, PyObject* b) {
  Py_ssize_t x = int_size(a), y = int_size(b);
  if (x != y) return x < y ? -1 : 1;
  int order = digits_compare(int_view(a), int_view(b));
  return x < 0 ? -order : order;
}

// ---- slots
// -------------------------------------------------------------------------------------------------------

namespace {

bool both_ints(PyObject* a, PyObject* b) { return is_int(a) && is_int(b); }

template <Ref<> (*Op)(ThreadState&, PyObject*, PyObject*)>
Ref<> binary(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!both_ints(a, b)) return not_implemented();
  return Op(ts, a, b);
}

Ref<> divmod_slot(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!both_ints(a, b)) return not_implemented();
  Ref<> modulus;
  Ref<> quotient = int_divmod(ts, a, b, &modulus);
  if (!quotient) return {};
  return tuple_of(ts, quotient.get(), modulus.get());
}

Ref<> pow_slot(ThreadState& ts, PyObject* a, PyObject* b, PyObject* modulus) {
  if (!both_ints(a, b)) return not_implemented();
  if (modulus == Py_None) return int_pow(ts, a, b, nullptr);
  if (!is_int(modulus)) return not_implemented();
  return int_pow(ts, a, b, modulus);
}

Ref<> float_slot(ThreadState& ts, PyObject* a) {
  double value;
  if (failed(int_as_double(ts, a, &value))) return {};
  return new_float(ts, value);
}

int int_bool(PyObject* o) { return int_size(o) != 0; }

Ref<> int_repr(ThreadState& ts, PyObject* o) { return int_to_text(ts, o, 10, false); }

Ref<> int_richcompare(ThreadState&, PyObject* a, PyObject* b, int op) {
  if (!both_ints(a, b)) return not_implemented();
  int order = a == b ? 0 : int_compare(a, b);
  switch (op) {
    case Py_LT:
      return new_bool(order < 0);
    case Py_LE:
      return new_bool(order <= 0);
    case Py_EQ:
      return new_bool(order == 0);
    case Py_NE:
      return new_bool(order != 0);
    case Py_GT:
      return new_bool(order > 0);
    default:
      return new_bool(order >= 0);
  }
}

constexpr PyNumberMethods kNumber = {
    .nb_add = ATOLL_SLOT(binary<int_add>),
    .nb_subtract = ATOLL_SLOT(binary<int_sub>),
    .nb_multiply = ATOLL_SLOT(binary<int_mul>),
    .nb_remainder = ATOLL_SLOT(binary<int_mod>),
    .nb_divmod = ATOLL_SLOT(divmod_slot),
    .nb_power = ATOLL_SLOT(pow_slot),
    .nb_negative = ATOLL_SLOT(int_negative),
    .nb_positive = ATOLL_SLOT(int_exact),
    .nb_absolute = ATOLL_SLOT(int_absolute),
    .nb_bool = int_bool,
    .nb_invert = ATOLL_SLOT(int_invert),
    .nb_lshift = ATOLL_SLOT(binary<int_lshift>),
    .nb_rshift = ATOLL_SLOT(binary<int_rshift>),
    .nb_and = ATOLL_SLOT(binary<int_and>),
    .nb_xor = ATOLL_SLOT(binary<int_xor>),
    .nb_or = ATOLL_SLOT(binary<int_or>),
    .nb_int = ATOLL_SLOT(int_exact),
    .nb_float = ATOLL_SLOT(float_slot),
    .nb_floor_divide = ATOLL_SLOT(binary<int_floordiv>),
    .nb_true_divide = ATOLL_SLOT(binary<int_truediv>),
    .nb_index = ATOLL_SLOT(int_exact),
};

// ---- construction
// ------------------------------------------------------------------------------------------------

Ref<> make_exact(ThreadState& ts, PyObject* x, PyObject* base_arg) {
  if (x == nullptr) {
    if (base_arg != nullptr) return raise(ts, PyExc_TypeError, "int() missing string argument");
    return Ref<>::steal(small_int(0));
  }
  if (base_arg == nullptr) return number_long(ts, x);
  Py_ssize_t base;
  if (failed(index_as_ssize(ts, base_arg, &base, nullptr))) return {};
  if ((base != 0 && base < 2) || base > 36) {
    return raise(ts, PyExc_ValueError, "int() base must be >= 2 and <= 36, or 0");
  }
  if (is_str(x)) return int_from_unicode(ts, x, static_cast<int>(base));
  if (is_bytes(x)) return int_from_buffer_text(ts, bytes_data(x), bytes_size(x), static_cast<int>(base));
  if (is_instance_nocall(x, &PyByteArray_Type)) {
    return int_from_buffer_text(ts, PyByteArray_AsString(x), PyByteArray_Size(x), static_cast<int>(base));
  }
  return raise(ts, PyExc_TypeError, "int() can't convert non-string with explicit base");
}

Ref<> int_make(ThreadState& ts, PyTypeObject* type, PyObject* x, PyObject* base) {
  Ref<> value = make_exact(ts, x, base);
  if (!value || type == &PyLong_Type) return value;
  // Readers of compact ints look at the first digit before the size: there is always one.
  const size_t digits = int_digit_count(value.get());
  Ref<> made = Ref<>::steal(type->tp_alloc(type, static_cast<Py_ssize_t>(std::max<size_t>(digits, 1))));
  if (!made) return {};
  auto* o = reinterpret_cast<PyLongObject*>(made.get());
  std::copy_n(int_digits(value.get()), digits, o->ob_digit);
  reinterpret_cast<PyVarObject*>(o)->ob_size = int_size(value.get());
  return made;
}

struct MakeText {
  constexpr MethodText operator()() const { return {"int", "($type, x=0, /, base=10)", ""}; }
};

PyObject* int_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (n == 1 && kwnames == nullptr) return number_long(current_thread(), args[0]).release();
  return bind_detail::Entry<&int_make, MakeText>::fast_keywords(type, args, n, kwnames);
}

// ---- methods
// -----------------------------------------------------------------------------------------------------

Ref<> int_self(ThreadState& ts, PyObject* self) { return int_exact(ts, self); }
Ref<> int_real(ThreadState& ts, PyObject* self) { return int_exact(ts, self); }
Ref<> int_imag(ThreadState&, PyObject*) { return Ref<>::steal(small_int(0)); }
Ref<> int_denominator(ThreadState&, PyObject*) { return Ref<>::steal(small_int(1)); }

Ref<> int_bit_length_method(ThreadState& ts, PyObject* self) {
  return int_from_u64(ts, digits_bit_length(int_view(self)));
}
Ref<> int_bit_count(ThreadState& ts, PyObject* self) {
  return int_from_u64(ts, digits_bit_count(int_view(self)));
}

// Big by default.
Status byte_order(ThreadState& ts, PyUnicodeObject* name, BytesOrder* out) {
  *out = BytesOrder::kBig;
  if (name == nullptr || str_equals_ascii(obj(name), "big")) return Status::kOk;
  if (!str_equals_ascii(obj(name), "little")) {
    return raise(ts, PyExc_ValueError, "byteorder must be either 'little' or 'big'");
  }
  *out = BytesOrder::kLittle;
  return Status::kOk;
}

Ref<> int_to_bytes(ThreadState& ts, PyObject* self, Py_ssize_t length, PyUnicodeObject* order_name,
                   bool is_signed) {
  BytesOrder order;
  if (failed(byte_order(ts, order_name, &order))) return {};
  if (length < 0) return raise(ts, PyExc_ValueError, "length argument must be non-negative");
  Ref<> bytes = bytes_new(ts, length);
  if (!bytes) return {};
  // The empty bytes object is shared: nothing is written for length 0.
  MpnStatus status = digits_to_bytes(
      int_view(self), int_is_negative(self), is_signed ? Signedness::kSigned : Signedness::kUnsigned, order,
      reinterpret_cast<uint8_t*>(bytes_data(bytes.get())), static_cast<size_t>(length));
  if (status == MpnStatus::kNegative) {
    return raise(ts, PyExc_OverflowError, "can't convert negative int to unsigned");
  }
  if (status != MpnStatus::kOk) return raise(ts, PyExc_OverflowError, "int too big to convert");
  return bytes;
}

Ref<> int_from_bytes(ThreadState& ts, PyTypeObject* type, PyObject* source, PyUnicodeObject* order_name,
                     bool is_signed) {
  BytesOrder order;
  if (failed(byte_order(ts, order_name, &order))) return {};
  Ref<> bytes = object_bytes(ts, source);
  if (!bytes) return {};
  const size_t size = static_cast<size_t>(bytes_size(bytes.get()));
  auto r = int_alloc(ts, size / 15 * 4 + (size % 15 * 8 + 29) / 30);
  if (!r) return {};
  bool negative;
  size_t n = digits_from_bytes(reinterpret_cast<const uint8_t*>(bytes_data(bytes.get())), size,
                               is_signed ? Signedness::kSigned : Signedness::kUnsigned, order, int_place(r),
                               &negative);
  Ref<> value = int_finish(std::move(r), n, negative);
  if (type == &PyLong_Type) return value;
  return call(ts, obj(type), value.get());
}

Ref<> int_as_integer_ratio(ThreadState& ts, PyObject* self) {
  Ref<> numerator = int_exact(ts, self);
  if (!numerator) return {};
  return tuple_of(ts, numerator.get(), small_int(1));
}

Ref<> int_round(ThreadState& ts, PyObject* self, PyObject* ndigits) {
  if (ndigits == nullptr || ndigits == Py_None) return int_exact(ts, self);
  Ref<> places = number_index(ts, ndigits);
  if (!places) return {};
  if (!int_is_negative(places.get())) return int_exact(ts, self);
  // Rounding to 10**k with 10**k more than twice the number leaves nothing, and need not be computed.
  Ref<> power = int_negative(ts, places.get());
  if (!power) return {};
  const double decimal_digits = static_cast<double>(digits_bit_length(int_view(self))) * 0.30103 + 2;
  if (!int_is_small(power.get()) || static_cast<double>(int_small_value(power.get())) > decimal_digits) {
    return Ref<>::steal(small_int(0));
  }
  Ref<> unit = int_pow(ts, small_int(10), power.get(), nullptr);
  if (!unit) return {};
  Ref<> rest;
  if (!int_divmod_near(ts, self, unit.get(), &rest)) return {};
  return int_sub(ts, self, rest.get());
}

Ref<> int_getnewargs(ThreadState& ts, PyObject* self) {
  Ref<> value = int_exact(ts, self);
  if (!value) return {};
  return tuple_of(ts, value.get());
}

Ref<> int_format_method(ThreadState& ts, PyObject* self, PyUnicodeObject* format_spec) {
  return format_int(ts, self, obj(format_spec));
}

Ref<> int_sizeof(ThreadState& ts, PyObject* self) {
  size_t digits = std::max<size_t>(int_digit_count(self), 1);
  return int_from_u64(ts, offsetof(PyLongObject, ob_digit) + digits * sizeof(Digit));
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(int_self, "conjugate", "($self, /)", "Return the number itself, its own complex conjugate."),
    ATOLL_METHOD(int_bit_length_method, "bit_length", "($self, /)",
                 "Number of bits that the value takes in binary."),
    ATOLL_METHOD(int_bit_count, "bit_count", "($self, /)",
                 "Number of ones in the binary form of the absolute value."),
    ATOLL_METHOD(int_to_bytes, "to_bytes", "($self, /, length=1, byteorder='big', *, signed=False)",
                 "Return the value as that many bytes, in two's complement if signed."),
    ATOLL_CLASSMETHOD(int_from_bytes, "from_bytes", "($type, /, bytes, byteorder='big', *, signed=False)",
                      "Make a number from bytes, read as two's complement if signed."),
    ATOLL_METHOD(int_as_integer_ratio, "as_integer_ratio", "($self, /)",
                 "Return the pair of the number and 1."),
    ATOLL_METHOD(int_self, "__trunc__", "($self, /)", "Return the number itself."),
    ATOLL_METHOD(int_self, "__floor__", "($self, /)", "Return the number itself."),
    ATOLL_METHOD(int_self, "__ceil__", "($self, /)", "Return the number itself."),
    ATOLL_METHOD(int_round, "__round__", "($self, ndigits=<unrepresentable>, /)",
                 "Round half to even; a negative count of digits rounds to tens, hundreds and so on."),
    ATOLL_METHOD(int_getnewargs, "__getnewargs__", "($self, /)", "Arguments that make an equal object."),
    ATOLL_METHOD(int_format_method, "__format__", "($self, format_spec, /)",
                 "Format by a format specification."),
    ATOLL_METHOD(int_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD_END,
};

constexpr PyGetSetDef kGetSet[] = {
    {"real", ATOLL_GETTER(int_real), nullptr, "the real part, the number itself", nullptr},
    {"imag", ATOLL_GETTER(int_imag), nullptr, "the imaginary part, 0", nullptr},
    {"numerator", ATOLL_GETTER(int_real), nullptr, "the numerator in lowest terms, the number itself",
     nullptr},
    {"denominator", ATOLL_GETTER(int_denominator), nullptr, "the denominator in lowest terms, 1", nullptr},
    ATOLL_GETSET_END,
};

void int_dealloc(ThreadState& ts, PyObject* o) { free_object_and_type(ts, o); }

}  // namespace

constinit const TypeSpec int_spec{
    .name = "int",
    .doc =
        "int(x=0) or int(text, base=10)\n\nAn integer of any size, from a number (its fraction is dropped) "
        "or from\n"
        "text. Base 0 reads the text as a literal of the language, prefix included.",
    .basicsize = offsetof(PyLongObject, ob_digit),
    .itemsize = sizeof(Digit),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_LONG_SUBCLASS | _Py_TPFLAGS_MATCH_SELF,
    .dealloc = ATOLL_SLOT(int_dealloc),
    .repr = ATOLL_SLOT(int_repr),
    .hash = int_hash,
    .richcompare = ATOLL_SLOT(int_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .new_ = ATOLL_NEW(int_make, "int", "($type, x=0, /, base=10)"),
    .vectorcall = int_vectorcall,
    .number = &kNumber,
    .methods = kMethods,
    .getset = kGetSet,
};

void int_bringup() {
  auto fill = [](PyLongObject* o, PyTypeObject* type, int value) {
    auto* head = reinterpret_cast<PyVarObject*>(o);
    head->ob_base.ob_refcnt = kImmortalRefcnt;
    head->ob_base.ob_type = type;
    head->ob_size = value < 0 ? -1 : value > 0;
    o->ob_digit[0] = static_cast<Digit>(value < 0 ? -value : value);
  };
  for (int v = kSmallIntMin; v <= kSmallIntMax; v++) fill(&g_small_ints[v - kSmallIntMin].value, &PyLong_Type, v);
  fill(&_Py_FalseStruct, &PyBool_Type, 0);
  fill(&_Py_TrueStruct, &PyBool_Type, 1);
}

}  // namespace atl

ATOLL_SEALED PyTypeObject PyLong_Type = {};
