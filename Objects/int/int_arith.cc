// Arithmetic of ints: signs and object memory around the kernels of kernel_mpn.h. Results are exact ints.
#include <algorithm>

#include "Objects/float/float.h"
#include "Objects/int/int-inl.h"

namespace atl {
namespace {

// |a| + |b| or |a| - |b|, with the sign that goes with it.
Ref<> add_magnitudes(ThreadState& ts, PyObject* a, PyObject* b, bool negative) {
  DigitView x = int_view(a), y = int_view(b);
  auto r = int_alloc(ts, std::max(x.size, y.size) + 1);
  if (!r) return {};
  size_t n = digits_add(x, y, int_place(r));
  return int_finish(std::move(r), n, negative);
}

Ref<> sub_magnitudes(ThreadState& ts, PyObject* a, PyObject* b, bool negative) {
  DigitView x = int_view(a), y = int_view(b);
  int order = digits_compare(x, y);
  if (order == 0) return Ref<>::steal(small_int(0));
  if (order < 0) {
    std::swap(x, y);
    negative = !negative;
  }
  auto r = int_alloc(ts, x.size);
  if (!r) return {};
  size_t n = digits_sub(x, y, int_place(r));
  return int_finish(std::move(r), n, negative);
}

Raised raise_division_by_zero(ThreadState& ts, const char* what) {
  return raise(ts, PyExc_ZeroDivisionError, what);
}
constexpr char kDivision[] = "integer division or modulo by zero";
constexpr char kModulo[] = "integer modulo by zero";

// Floor division for b != 0; either result may be left out.
Status floor_divmod(ThreadState& ts, PyObject* a, PyObject* b, Ref<>* quotient, Ref<>* modulus) {
  if (int_is_small(a) && int_is_small(b)) {
    int64_t x = int_small_value(a), y = int_small_value(b);
    int64_t q = x / y, r = x % y;
    if (r != 0 && (r < 0) != (y < 0)) {
      q--;
      r += y;
    }
    if (quotient && !(*quotient = int_from_i64(ts, q))) return Status::kError;
    if (modulus && !(*modulus = int_from_i64(ts, r))) return Status::kError;
    return Status::kOk;
  }
  DigitView x = int_view(a), y = int_view(b);
  const bool signs_differ = int_is_negative(a) != int_is_negative(b);
  // Room for a quotient that is rounded away from zero, and for a remainder that becomes |b| - remainder.
  const size_t quotient_room = (x.size >= y.size ? x.size - y.size + 1 : 0) + 1;
  Ref<PyLongObject> q = int_alloc(ts, quotient ? quotient_room : 0);
  if (!q) return Status::kError;
  Ref<PyLongObject> r = int_alloc(ts, y.size);
  if (!r) return Status::kError;
  size_t qn = 0, rn = 0;
  MpnStatus status = digits_divmod(x, y, quotient ? int_place(q) : nullptr, &qn, int_place(r), &rn);
  if (status != MpnStatus::kOk) return int_raise(ts, status);
  if (signs_differ && rn > 0) {
    const Digit one = 1;
    if (quotient) qn = digits_add({int_place(q), qn}, {&one, 1}, int_place(q));
    rn = digits_sub(y, {int_place(r), rn}, int_place(r));
  }
  if (quotient) *quotient = int_finish(std::move(q), qn, signs_differ);
  if (modulus) *modulus = int_finish(std::move(r), rn, int_is_negative(b));
  return Status::kOk;
}

Ref<> bitwise(ThreadState& ts, BitOp op, PyObject* a, PyObject* b) {
  if (int_is_small(a) && int_is_small(b)) {
    int64_t x = int_small_value(a), y = int_small_value(b);
    return int_from_i64(ts, op == BitOp::kAnd ? x & y : op == BitOp::kOr ? x | y : x ^ y);
  }
  DigitView x = int_view(a), y = int_view(b);
  auto r = int_alloc(ts, std::max(x.size, y.size) + 1);
  if (!r) return {};
  bool negative;
  size_t n = digits_bitwise(op, x, int_is_negative(a), y, int_is_negative(b), int_place(r), &negative);
  return int_finish(std::move(r), n, negative);
}

// The count of a shift by b, saturated; kError for a negative one.
Status shift_count(ThreadState& ts, PyObject* b, size_t* out) {
  if (int_is_negative(b)) return raise(ts, PyExc_ValueError, "negative shift count");
  *out = int_digit_count(b) <= 2 ? static_cast<size_t>(digits_small_value(int_view(b))) : SIZE_MAX;
  return Status::kOk;
}

}  // namespace

Ref<> int_add(ThreadState& ts, PyObject* a, PyObject* b) {
  if (int_is_small(a) && int_is_small(b)) return int_from_i64(ts, int_small_value(a) + int_small_value(b));
  if (int_is_negative(a) == int_is_negative(b)) return add_magnitudes(ts, a, b, int_is_negative(a));
  return sub_magnitudes(ts, a, b, int_is_negative(a));
}

Ref<> int_sub(ThreadState& ts, PyObject* a, PyObject* b) {
  if (int_is_small(a) && int_is_small(b)) return int_from_i64(ts, int_small_value(a) - int_small_value(b));
  if (int_is_negative(a) != int_is_negative(b)) return add_magnitudes(ts, a, b, int_is_negative(a));
  return sub_magnitudes(ts, a, b, int_is_negative(a));
}

Ref<> int_mul(ThreadState& ts, PyObject* a, PyObject* b) {
  if (int_is_compact(a) && int_is_compact(b))
    return int_from_i64(ts, int_compact_value(a) * int_compact_value(b));
  DigitView x = int_view(a), y = int_view(b);
  if (x.size == 0 || y.size == 0) return Ref<>::steal(small_int(0));
  auto r = int_alloc(ts, x.size + y.size);
  if (!r) return {};
  size_t n;
  MpnStatus status = digits_mul(x, y, int_place(r), &n);
  if (status != MpnStatus::kOk) return int_raise(ts, status);
  return int_finish(std::move(r), n, int_is_negative(a) != int_is_negative(b));
}

Ref<> int_floordiv(ThreadState& ts, PyObject* a, PyObject* b) {
  if (int_size(b) == 0) return raise_division_by_zero(ts, kDivision);
  Ref<> quotient;
  if (failed(floor_divmod(ts, a, b, &quotient, nullptr))) return {};
  return quotient;
}

Ref<> int_mod(ThreadState& ts, PyObject* a, PyObject* b) {
  if (int_size(b) == 0) return raise_division_by_zero(ts, kModulo);
  Ref<> modulus;
  if (failed(floor_divmod(ts, a, b, nullptr, &modulus))) return {};
  return modulus;
}

Ref<> int_divmod(ThreadState& ts, PyObject* a, PyObject* b, Ref<>* mod) {
  if (int_size(b) == 0) return raise_division_by_zero(ts, kDivision);
  Ref<> quotient;
  if (failed(floor_divmod(ts, a, b, &quotient, mod))) return {};
  return quotient;
}

Ref<> int_divmod_near(ThreadState& ts, PyObject* a, PyObject* b, Ref<>* rest) {
  Ref<> quotient = int_divmod(ts, a, b, rest);
  if (!quotient) return {};
  // The remainder has b's sign: compare what is left of |b| with it.
  Ref<> other = int_sub(ts, b, rest->get());
  if (!other) return {};
  int order = digits_compare(int_view(rest->get()), int_view(other.get()));
  bool odd = int_size(quotient.get()) != 0 && (int_digits(quotient.get())[0] & 1);
  if (order > 0 || (order == 0 && odd)) {
    quotient = int_add(ts, quotient.get(), small_int(1));
    if (!quotient) return {};
    *rest = int_negative(ts, other.get());
    if (!*rest) return {};
  }
  return quotient;
}

Ref<> int_truediv(ThreadState& ts, PyObject* a, PyObject* b) {
  if (int_size(b) == 0) return raise_division_by_zero(ts, "division by zero");
  double value;
  MpnStatus status = digits_true_divide(int_view(a), int_view(b), &value);
  if (status == MpnStatus::kOverflow) {
    return raise(ts, PyExc_OverflowError, "integer division result too large for a float");
  }
  if (status != MpnStatus::kOk) return int_raise(ts, status);
  return new_float(ts, int_is_negative(a) != int_is_negative(b) ? -value : value);
}

Ref<> int_lshift(ThreadState& ts, PyObject* a, PyObject* b) {
  size_t count;
  if (failed(shift_count(ts, b, &count))) return {};
  DigitView x = int_view(a);
  if (x.size == 0) return Ref<>::steal(small_int(0));
  if (count / kDigitBits > kMaxIntDigits - x.size - 1) {
    return raise(ts, PyExc_OverflowError, "too many digits in integer");
  }
  auto r = int_alloc(ts, x.size + count / kDigitBits + 1);
  if (!r) return {};
  size_t n = digits_shift_left(x, count, int_place(r));
  return int_finish(std::move(r), n, int_is_negative(a));
}

Ref<> int_rshift(ThreadState& ts, PyObject* a, PyObject* b) {
  size_t count;
  if (failed(shift_count(ts, b, &count))) return {};
  if (int_is_small(a)) return int_from_i64(ts, int_small_value(a) >> std::min<size_t>(count, 63));
  DigitView x = int_view(a);
  const bool negative = int_is_negative(a);
  const size_t whole = count / kDigitBits;
  // One digit more than stays, for rounding a negative number down.
  auto r = int_alloc(ts, whole < x.size ? x.size - whole + 1 : 1);
  if (!r) return {};
  bool lost;
  size_t n = digits_shift_right(x, count, int_place(r), &lost);
  if (negative && lost) {
    const Digit one = 1;
    n = digits_add({int_place(r), n}, {&one, 1}, int_place(r));
  }
  return int_finish(std::move(r), n, negative);
}

Ref<> int_and(ThreadState& ts, PyObject* a, PyObject* b) { return bitwise(ts, BitOp::kAnd, a, b); }
Ref<> int_or(ThreadState& ts, PyObject* a, PyObject* b) { return bitwise(ts, BitOp::kOr, a, b); }
Ref<> int_xor(ThreadState& ts, PyObject* a, PyObject* b) { return bitwise(ts, BitOp::kXor, a, b); }

Ref<> int_negative(ThreadState& ts, PyObject* a) {
  if (int_is_small(a)) return int_from_i64(ts, -int_small_value(a));
  return int_from_digits(ts, int_digits(a), static_cast<Py_ssize_t>(int_digit_count(a)), !int_is_negative(a));
}

Ref<> int_absolute(ThreadState& ts, PyObject* a) {
  return int_is_negative(a) ? int_negative(ts, a) : int_exact(ts, a);
}

Ref<> int_invert(ThreadState& ts, PyObject* a) {
  if (int_is_small(a)) return int_from_i64(ts, ~int_small_value(a));
  // ~a is -a - 1.
  Ref<> more = int_add(ts, a, small_int(1));
  return more ? int_negative(ts, more.get()) : Ref<>();
}

Ref<> int_pow(ThreadState& ts, PyObject* a, PyObject* exponent, PyObject* modulus) {
  const bool exponent_negative = int_is_negative(exponent);
  if (modulus == nullptr) {
    if (exponent_negative) {
      double base, power;
      if (failed(int_as_double(ts, a, &base)) || failed(int_as_double(ts, exponent, &power))) return {};
      return float_pow(ts, base, power);
    }
    if (int_is_small(a) && int_is_compact(exponent)) {
      // Most powers fit a machine word on the way.
      int64_t value = 1, square = int_small_value(a);
      bool fits = true;
      for (Py_ssize_t rest = int_compact_value(exponent); fits;) {
        if (rest & 1) fits = !__builtin_mul_overflow(value, square, &value);
        rest >>= 1;
        if (rest == 0) break;
        fits = fits && !__builtin_mul_overflow(square, square, &square);
      }
      if (fits) return int_from_i64(ts, value);
    }
    DigitView e = int_view(exponent);
    const bool odd = e.size > 0 && (e.data[0] & 1);
    DigitView x = int_view(a);
    MpnResult result;
    uint64_t power = digits_small_value(e);
    if (e.size > 2) {
      // Only 0, 1 and -1 have such powers.
      if (x.size > 1 || (x.size == 1 && x.data[0] != 1)) return raise_memory(ts);
      power = odd ? 1 : 2;
    }
    MpnStatus status = digits_pow(x, power, &result);
    if (status != MpnStatus::kOk) return int_raise(ts, status);
    return int_from_result(ts, result, int_is_negative(a) && odd);
  }
  if (int_size(modulus) == 0) return raise(ts, PyExc_ValueError, "pow() 3rd argument cannot be 0");
  // With the magnitude of the modulus; then into the range that its sign says.
  Ref<> magnitude = int_absolute(ts, modulus);
  if (!magnitude) return {};
  Ref<> base = dup(a);
  if (int_is_negative(a) || int_digit_count(a) > int_digit_count(modulus)) {
    base = int_mod(ts, a, magnitude.get());
    if (!base) return {};
  }
  MpnResult result;
  MpnStatus status = digits_powmod(int_view(base.get()), int_view(exponent), exponent_negative,
                                   int_view(magnitude.get()), &result);
  if (status == MpnStatus::kNotInvertible) {
    return raise(ts, PyExc_ValueError, "base is not invertible for the given modulus");
  }
  if (status != MpnStatus::kOk) return int_raise(ts, status);
  Ref<> value = int_from_result(ts, result, false);
  if (!value || !int_is_negative(modulus) || int_size(value.get()) == 0) return value;
  return int_add(ts, value.get(), modulus);
}

Ref<> int_gcd(ThreadState& ts, PyObject* a, PyObject* b) {
  DigitView x = int_view(a), y = int_view(b);
  auto r = int_alloc(ts, std::max(x.size, y.size));
  if (!r) return {};
  size_t n;
  MpnStatus status = digits_gcd(x, y, int_place(r), &n);
  if (status != MpnStatus::kOk) return int_raise(ts, status);
  return int_finish(std::move(r), n, false);
}

Ref<> int_isqrt(ThreadState& ts, PyObject* a) {
  DigitView x = int_view(a);
  auto r = int_alloc(ts, (x.size + 1) / 2);
  if (!r) return {};
  size_t n;
  MpnStatus status = digits_isqrt(x, int_place(r), &n);
  if (status != MpnStatus::kOk) return int_raise(ts, status);
  return int_finish(std::move(r), n, false);
}

}  // namespace atl
