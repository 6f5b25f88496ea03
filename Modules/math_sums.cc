// math: fsum, prod, hypot, dist.
#include <cfloat>
#include <cmath>
#include <cstring>

#include "Modules/math_parts.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"

namespace atl {

namespace {

// ---- fsum --------------------------------------------------------------------------------------------------------

// The exact sum of doubles, as a fixed-point number whose unit is 2**-1074. Digits are 32 bits wide in 64-bit words: carries
// wait in the upper halves, and are passed on after 2**29 additions at the latest.
class ExactSum {
 public:
  void add(double x) {
    int e;
    double m = std::frexp(x, &e);  // 0.5 <= |m| < 1
    if (m == 0) return;
    auto mantissa = static_cast<int64_t>(std::ldexp(m, 53));
    int place = e - 53 + 1074;
    if (place < 0) {  // subnormal: the low bits are zero
      mantissa >>= -place;
      place = 0;
    }
    bool negative = mantissa < 0;
    unsigned __int128 bits = static_cast<unsigned __int128>(negative ? -mantissa : mantissa) << (place % 32);
    for (int i = place / 32; bits != 0; ++i, bits >>= 32) {
      auto digit = static_cast<int64_t>(static_cast<uint32_t>(bits));
      digits_[i] += negative ? -digit : digit;
    }
    if (++pending_ == (1 << 29)) carry();
  }
  // Beyond the range of double as it stands?
  bool overflows() { return std::isinf(value()); }

  // The nearest double, half to even; infinite when it is too large.
  double value() {
    carry();
    int64_t digits[kDigits];
    std::memcpy(digits, digits_, sizeof digits);
    bool negative = digits[kDigits - 1] < 0;
    if (negative) {
      // Two's complement: the digits below the last are not negative.
      int64_t borrow = 0;
      for (int64_t& d : digits) {
        int64_t v = -d + borrow;
        borrow = v >> 32;
        d = v & 0xffffffff;
      }
    }
    int top = kDigits - 1;
    while (top >= 0 && digits[top] == 0) --top;
    if (top < 0) return 0.0;
    int high_bit = top * 32 + 63 - __builtin_clzll(static_cast<uint64_t>(digits[top]));
    auto bit = [&](int i) { return static_cast<uint64_t>(digits[i / 32] >> (i % 32)) & 1; };
    // 53 bits below and including the highest, as many as there are.
    int low_bit = high_bit - 52 < 0 ? 0 : high_bit - 52;
    uint64_t mantissa = 0;
    for (int i = high_bit; i >= low_bit; --i) mantissa = mantissa << 1 | bit(i);
    if (low_bit > 0 && bit(low_bit - 1)) {
      bool exact_half = true;
      for (int i = 0; i < low_bit - 1 && exact_half; ++i) exact_half = !bit(i);
      if (!exact_half || (mantissa & 1)) ++mantissa;
    }
    double r = std::ldexp(static_cast<double>(mantissa), low_bit - 1074);
    return negative ? -r : r;
  }

 private:
  static constexpr int kDigits = 68;  // 2098 bits, sign and head room
  void carry() {
    int64_t over = 0;
    for (int i = 0; i < kDigits; ++i) {
      int64_t v = digits_[i] + over;
      if (i == kDigits - 1) {
        digits_[i] = v;
        break;
      }
      over = v >> 32;
      digits_[i] = v & 0xffffffff;
    }
    pending_ = 0;
  }
  int64_t digits_[kDigits] = {};
  int pending_ = 0;
};

Ref<> m_fsum(ThreadState& ts, PyObject*, PyObject* seq) {
  ExactSum sum;
  bool up = false, down = false, nan = false, any_special = false;
  double special = 0;
  Status s = for_each(ts, seq, [&](PyObject* item) -> Status {
    double x;
    if (failed(float_as_double(ts, item, &x))) return Status::kError;
    if (ATOLL_UNLIKELY(!std::isfinite(x))) {
      any_special = true;
      special += x;
      nan |= std::isnan(x);
      up |= x > 0;
      down |= x < 0;
      return Status::kOk;
    }
    sum.add(x);
    if (std::fabs(x) >= 0x1p1022 && sum.overflows()) {
      return raise(ts, PyExc_OverflowError, "intermediate overflow in fsum");
    }
    return Status::kOk;
  });
  if (failed(s)) return {};
  if (any_special) {
    if (up && down && !nan) return raise(ts, PyExc_ValueError, "-inf + inf in fsum");
    return new_float(ts, special);
  }
  double r = sum.value();
  if (std::isinf(r)) return raise(ts, PyExc_OverflowError, "intermediate overflow in fsum");
  return new_float(ts, r);
}

// ---- hypot and dist ----------------------------------------------------------------------------------------------

// The Euclidean norm: the squares are summed with twice the precision, after scaling by a power of two that makes overflow and
// underflow impossible, and the root is corrected by what is left over.
double norm(const double* v, Py_ssize_t n, double largest, bool nan) {
  if (std::isinf(largest)) return largest;
  if (nan) return NAN;
  if (largest == 0 || n == 0) return largest;
  if (n == 1) return largest;
  int e;
  std::frexp(largest, &e);
  double sum = 0, rest = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    double x = std::ldexp(v[i], -e);
    double square = x * x;
    double square_rest = std::fma(x, x, -square);
    double total = sum + square;
    double lost = sum > square ? (sum - total) + square : (square - total) + sum;
    sum = total;
    rest += lost + square_rest;
  }
  double root = std::sqrt(sum + rest);
  double root_square = root * root;
  double root_rest = std::fma(root, root, -root_square);
  double residue = ((sum - root_square) - root_rest) + rest;
  return std::ldexp(root + residue / (2 * root), e);
}

// Room for the coordinates.
class Coordinates {
 public:
  bool reserve(ThreadState& ts, Py_ssize_t n) {
    if (n <= kSmall) return true;
    v_ = static_cast<double*>(std::malloc(static_cast<size_t>(n) * sizeof(double)));
    if (v_ != nullptr) return true;
    v_ = small_;
    (void)raise_memory(ts);
    return false;
  }
  ~Coordinates() {
    if (v_ != small_) std::free(v_);
  }
  void put(Py_ssize_t i, double x) {
    x = std::fabs(x);
    v_[i] = x;
    nan_ |= std::isnan(x);
    if (x > largest_) largest_ = x;
  }
  double length(Py_ssize_t n) const { return norm(v_, n, largest_, nan_); }

 private:
  static constexpr Py_ssize_t kSmall = 20;
  double small_[kSmall];
  double* v_ = small_;
  double largest_ = 0;
  bool nan_ = false;
};

PyObject* m_hypot(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Coordinates c;
  if (!c.reserve(ts, n)) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    double x;
    if (failed(float_as_double(ts, args[i], &x))) return nullptr;
    c.put(i, x);
  }
  return obj(new_float(ts, c.length(n)).release());
}

Ref<> m_dist(ThreadState& ts, PyObject*, PyObject* p_arg, PyObject* q_arg) {
  Ref<> p = tuple_from_iterable(ts, p_arg);
  if (!p) return {};
  Ref<> q = tuple_from_iterable(ts, q_arg);
  if (!q) return {};
  Py_ssize_t n = tuple_size(p.get());
  if (n != tuple_size(q.get())) {
    return raise(ts, PyExc_ValueError, "both points must have the same number of dimensions");
  }
  Coordinates c;
  if (!c.reserve(ts, n)) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    double x, y;
    if (failed(float_as_double(ts, tuple_peek(p.get(), i), &x)) || failed(float_as_double(ts, tuple_peek(q.get(), i), &y))) return {};
    c.put(i, x - y);
  }
  return new_float(ts, c.length(n));
}

// ---- prod --------------------------------------------------------------------------------------------------------

// Multiplies ints while everything fits 64 bits, then floats, then anything.
Ref<> m_prod(ThreadState& ts, PyObject*, PyObject* iterable, PyObject* start) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) return {};
  Ref<> total = dup(start != nullptr ? start : small_int(1));
  enum { kInt, kFloat, kObject } stage = kObject;
  int64_t whole = 0;
  double real = 0;
  if (is_exact_int(total.get())) {
    int overflow;
    whole = int_as_i64_overflow(total.get(), &overflow);
    if (overflow == 0) stage = kInt;
  } else if (is_exact_float(total.get())) {
    real = float_value(total.get());
    stage = kFloat;
  }
  auto to_object = [&] {
    if (stage == kInt) total = int_from_i64(ts, whole);
    if (stage == kFloat) total = new_float(ts, real);
    stage = kObject;
    return static_cast<bool>(total);
  };
  while (Ref<> item = raw_next(it.get())) {
    if (stage == kInt && is_exact_int(item.get())) {
      int overflow;
      int64_t v = int_as_i64_overflow(item.get(), &overflow), next;
      if (overflow == 0 && !__builtin_mul_overflow(whole, v, &next)) {
        whole = next;
        continue;
      }
    } else if (stage == kFloat && is_exact_float(item.get())) {
      real *= float_value(item.get());
      continue;
    } else if (stage == kFloat && is_exact_int(item.get())) {
      int overflow;
      int64_t v = int_as_i64_overflow(item.get(), &overflow);
      if (overflow == 0) {
        real *= static_cast<double>(v);
        continue;
      }
    } else if (stage == kInt && is_exact_float(item.get())) {
      real = static_cast<double>(whole) * float_value(item.get());
      stage = kFloat;
      continue;
    }
    if (!to_object()) return {};
    total = number_binary(ts, BinaryOp::kMul, total.get(), item.get());
    if (!total) return {};
  }
  if (failed(end_of_iteration(ts)) || !to_object()) return {};
  return total;
}

}  // namespace

constinit const MethodSpec kMathSumFunctions[] = {
    ATOLL_METHOD(m_dist, "dist", "($module, p, q, /)",
                 "Return the Euclidean distance between two points p and q.\n\n"
                 "The points are sequences (or iterables) of coordinates, of the same number."),
    ATOLL_METHOD(m_fsum, "fsum", "($module, seq, /)", "Return an accurate floating point sum of values in the iterable seq."),
    ATOLL_METHOD_RAW(m_hypot, "hypot", METH_FASTCALL,
                     "hypot(*coordinates) -> value\n\nThe distance of a point from the origin: sqrt(x*x + y*y) in two dimensions."),
    ATOLL_METHOD(m_prod, "prod", "($module, iterable, /, *, start=1)",
                 "Calculate the product of all the elements in the input iterable.\n\n"
                 "The start value where the iterable is empty. For numbers only."),
    ATOLL_METHOD_END};

}  // namespace atl
