// math: functions of whole numbers.
#include "Modules/math_parts.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"

namespace atl {

namespace {

// ---- gcd, lcm, isqrt ---------------------------------------------------------------------------------------------

template <class F>
PyObject* fold_integers(ThreadState& ts, PyObject* const* args, Py_ssize_t n, int start, F combine) {
  if (n == 0) return new_ref(small_int(start));
  Ref<> result = number_index(ts, args[0]);
  if (result) result = int_absolute(ts, result.get());
  for (Py_ssize_t i = 1; result && i < n; ++i) {
    Ref<> x = number_index(ts, args[i]);
    result = x ? combine(result.get(), x.get()) : Ref<>();
  }
  return result.release();
}
PyObject* m_gcd(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  return fold_integers(ts, args, n, 0, [&](PyObject* a, PyObject* b) { return int_gcd(ts, a, b); });
}
PyObject* m_lcm(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  return fold_integers(ts, args, n, 1, [&](PyObject* a, PyObject* b) -> Ref<> {
    if (int_sign(a) == 0 || int_sign(b) == 0) return dup(small_int(0));
    Ref<> common = int_gcd(ts, a, b);
    Ref<> part = common ? int_floordiv(ts, a, common.get()) : Ref<>();
    Ref<> product = part ? int_mul(ts, part.get(), b) : Ref<>();
    return product ? int_absolute(ts, product.get()) : Ref<>();
  });
}
Ref<> m_isqrt(ThreadState& ts, PyObject*, PyObject* n_arg) {
  Ref<> n = number_index(ts, n_arg);
  if (!n) return {};
  if (int_sign(n.get()) < 0) return raise(ts, PyExc_ValueError, "isqrt() argument must be nonnegative");
  return int_isqrt(ts, n.get());
}

// ---- products ----------------------------------------------------------------------------------------------------

// first * (first + step) * … , count factors, by halves, so that the operands of large multiplications are of like size.
Ref<> progression_product(ThreadState& ts, uint64_t first, uint64_t step, uint64_t count) {
  if (count == 0) return dup(small_int(1));
  uint64_t product = first, next;
  uint64_t i = 1;
  for (; i < count && !__builtin_mul_overflow(product, first + i * step, &next); ++i) product = next;
  if (i == count) return int_from_u64(ts, product);
  uint64_t half = count / 2;
  Ref<> low = progression_product(ts, first, step, half);
  Ref<> high = low ? progression_product(ts, first + half * step, step, count - half) : Ref<>();
  return high ? int_mul(ts, low.get(), high.get()) : Ref<>();
}

// The odd part of n!: the odd numbers up to n, times the odd part of (n/2)!, which stands for the halves of the even ones.
Ref<> odd_factorial(ThreadState& ts, uint64_t n) {
  Ref<> odds = progression_product(ts, 1, 2, (n + 1) / 2);
  if (!odds || n < 4) return odds;
  Ref<> rest = odd_factorial(ts, n / 2);
  return rest ? int_mul(ts, odds.get(), rest.get()) : Ref<>();
}
Ref<> factorial(ThreadState& ts, uint64_t n) {
  if (n <= 20) return progression_product(ts, 1, 1, n);
  Ref<> odd = odd_factorial(ts, n);
  Ref<> twos = int_from_u64(ts, n - static_cast<uint64_t>(__builtin_popcountll(n)));
  return odd && twos ? int_lshift(ts, odd.get(), twos.get()) : Ref<>();
}

Ref<> m_factorial(ThreadState& ts, PyObject*, PyObject* n_arg) {
  Ref<> n = number_index(ts, n_arg);
  if (!n) return {};
  int overflow;
  int64_t value = int_as_i64_overflow(n.get(), &overflow);
  if (overflow > 0) return raise(ts, PyExc_OverflowError, "factorial() argument should not exceed %ld", LONG_MAX);
  if (overflow < 0 || value < 0) return raise(ts, PyExc_ValueError, "factorial() not defined for negative values");
  return factorial(ts, static_cast<uint64_t>(value));
}

// n * (n-1) * … , k factors; n of any size, n >= k.
Ref<> falling_product(ThreadState& ts, PyObject* n, uint64_t k) {
  uint64_t small;
  if (k == 0) return dup(small_int(1));
  if (!failed(int_as_u64(ts, n, &small))) return progression_product(ts, small - (k - 1), 1, k);
  if (!error_clear_if(ts, PyExc_OverflowError)) return {};
  if (k == 1) return dup(n);
  Ref<> high = falling_product(ts, n, k / 2);
  Ref<> offset = int_from_u64(ts, k / 2);
  Ref<> from = high && offset ? int_sub(ts, n, offset.get()) : Ref<>();
  Ref<> low = from ? falling_product(ts, from.get(), k - k / 2) : Ref<>();
  return low ? int_mul(ts, high.get(), low.get()) : Ref<>();
}

// n over k for numbers whose result fits: each step divides exactly, in 128 bits. False when something is too large.
bool small_binomial(uint64_t n, uint64_t k, uint64_t* out) {
  unsigned __int128 r = 1;
  for (uint64_t i = 1; i <= k; ++i) {
    r = r * (n - k + i) / i;
    if (r > UINT64_MAX) return false;
  }
  *out = static_cast<uint64_t>(r);
  return true;
}

Status two_counts(ThreadState& ts, PyObject* n_arg, PyObject* k_arg, Ref<>* n, Ref<>* k) {
  *n = number_index(ts, n_arg);
  if (!*n) return Status::kError;
  *k = number_index(ts, k_arg);
  if (!*k) return Status::kError;
  if (int_sign(n->get()) < 0) return raise(ts, PyExc_ValueError, "n must be a non-negative integer");
  if (int_sign(k->get()) < 0) return raise(ts, PyExc_ValueError, "k must be a non-negative integer");
  return Status::kOk;
}

Ref<> m_perm(ThreadState& ts, PyObject* module, PyObject* n_arg, PyObject* k_arg) {
  if (k_arg == nullptr || k_arg == Py_None) return m_factorial(ts, module, n_arg);
  Ref<> n, k;
  if (failed(two_counts(ts, n_arg, k_arg, &n, &k))) return {};
  if (int_compare(n.get(), k.get()) < 0) return dup(small_int(0));
  int overflow;
  int64_t factors = int_as_i64_overflow(k.get(), &overflow);
  if (overflow != 0) return raise(ts, PyExc_OverflowError, "k must not exceed %lld", LLONG_MAX);
  return falling_product(ts, n.get(), static_cast<uint64_t>(factors));
}

Ref<> m_comb(ThreadState& ts, PyObject*, PyObject* n_arg, PyObject* k_arg) {
  Ref<> n, k;
  if (failed(two_counts(ts, n_arg, k_arg, &n, &k))) return {};
  if (int_compare(n.get(), k.get()) < 0) return dup(small_int(0));
  // n over k is n over n-k: the smaller one counts.
  Ref<> other = int_sub(ts, n.get(), k.get());
  if (!other) return {};
  if (int_compare(other.get(), k.get()) < 0) k = std::move(other);
  int overflow, n_overflow;
  int64_t factors = int_as_i64_overflow(k.get(), &overflow);
  if (overflow != 0) return raise(ts, PyExc_OverflowError, "min(n - k, k) must not exceed %lld", LLONG_MAX);
  int64_t total = int_as_i64_overflow(n.get(), &n_overflow);
  uint64_t small;
  if (n_overflow == 0 && small_binomial(static_cast<uint64_t>(total), static_cast<uint64_t>(factors), &small)) {
    return int_from_u64(ts, small);
  }
  Ref<> top = falling_product(ts, n.get(), static_cast<uint64_t>(factors));
  Ref<> bottom = top ? factorial(ts, static_cast<uint64_t>(factors)) : Ref<>();
  return bottom ? int_floordiv(ts, top.get(), bottom.get()) : Ref<>();
}

}  // namespace

constinit const MethodSpec kMathIntegerFunctions[] = {
    ATOLL_METHOD(m_comb, "comb", "($module, n, k, /)",
                 "Number of ways to choose k items from n items without repetition and without order.\n\n"
                 "n! / (k! * (n - k)!) where k <= n, and zero where k > n."),
    ATOLL_METHOD(m_factorial, "factorial", "($module, n, /)", "Find n!.\n\nRaise a ValueError if n is negative or non-integral."),
    ATOLL_METHOD_RAW(m_gcd, "gcd", METH_FASTCALL, "gcd($module, *integers)\n--\n\nGreatest Common Divisor."),
    ATOLL_METHOD(m_isqrt, "isqrt", "($module, n, /)", "Return the integer part of the square root of the input."),
    ATOLL_METHOD_RAW(m_lcm, "lcm", METH_FASTCALL, "lcm($module, *integers)\n--\n\nLeast Common Multiple."),
    ATOLL_METHOD(m_perm, "perm", "($module, n, k=None, /)",
                 "Number of ways to choose k items from n items without repetition and with order.\n\n"
                 "n! / (n - k)! where k <= n, and zero where k > n; n! without k."),
    ATOLL_METHOD_END};

}  // namespace atl
