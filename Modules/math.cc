// math: the functions of the C library with 3.11's errors. Whole numbers are in math_integers.cc, sums in math_sums.cc.
#include <cfloat>
#include <cmath>

#include "Modules/math_parts.h"
#include "Modules/module_def.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

Raised domain_error(ThreadState& ts) { return raise(ts, PyExc_ValueError, "math domain error"); }
Raised range_error(ThreadState& ts) { return raise(ts, PyExc_OverflowError, "math range error"); }

// What an infinite result for a finite argument means.
enum class Infinite { kOverflow, kDomain };

// A function of the C library; its results say what went wrong.
template <double (*kFn)(double), Infinite kInfinite>
Ref<> unary(ThreadState& ts, PyObject*, double x) {
  double r = kFn(x);
  if (ATOLL_UNLIKELY(!std::isfinite(r))) {
    if (std::isnan(r) && !std::isnan(x)) return domain_error(ts);
    if (std::isinf(r) && std::isfinite(x)) {
      if (kInfinite == Infinite::kOverflow) return range_error(ts);
      return domain_error(ts);
    }
  }
  return new_float(ts, r);
}

// The gamma functions have poles at 0 and the negative whole numbers.
bool at_pole(double x) { return x <= 0 && x == std::floor(x); }
Ref<> m_gamma(ThreadState& ts, PyObject*, double x) {
  if (!std::isfinite(x)) {
    if (std::isnan(x) || x > 0) return new_float(ts, x);
    return domain_error(ts);
  }
  if (at_pole(x)) return domain_error(ts);
  double r = std::tgamma(x);
  return std::isinf(r) ? Ref<>(range_error(ts)) : new_float(ts, r);
}
Ref<> m_lgamma(ThreadState& ts, PyObject*, double x) {
  if (!std::isfinite(x)) return new_float(ts, std::isnan(x) ? x : HUGE_VAL);
  if (at_pole(x)) return domain_error(ts);
  int sign;
  double r = ::lgamma_r(x, &sign);
  return std::isinf(r) ? Ref<>(range_error(ts)) : new_float(ts, r);
}

// ---- logarithms --------------------------------------------------------------------------------------------------

// An int of any size: where it does not fit a double, log(m * 2**e) = log(m) + e * log(2).
Status log_of(ThreadState& ts, PyObject* o, double (*fn)(double), double* out) {
  if (is_int(o)) {
    if (int_sign(o) <= 0) return domain_error(ts);
    double x;
    if (!failed(int_as_double(ts, o, &x))) {
      *out = fn(x);
      return Status::kOk;
    }
    if (!error_clear_if(ts, PyExc_OverflowError)) return Status::kError;
    Py_ssize_t e;
    x = _PyLong_Frexp(reinterpret_cast<PyLongObject*>(o), &e);
    if (x == -1.0 && error_set(ts)) return Status::kError;
    *out = fn(x) + fn(2.0) * static_cast<double>(e);
    return Status::kOk;
  }
  double x;
  if (failed(float_as_double(ts, o, &x))) return Status::kError;
  if (x <= 0) return domain_error(ts);
  *out = fn(x);
  return Status::kOk;
}
double natural(double x) { return std::log(x); }
double binary(double x) { return std::log2(x); }
double decimal(double x) { return std::log10(x); }

PyObject* m_log(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n < 1 || n > 2) return raise(ts, PyExc_TypeError, "math.log requires 1 to 2 arguments");
  double x, base;
  if (failed(log_of(ts, args[0], natural, &x))) return nullptr;
  if (n == 1) return obj(new_float(ts, x).release());
  if (failed(log_of(ts, args[1], natural, &base))) return nullptr;
  if (base == 0) return raise(ts, PyExc_ZeroDivisionError, "float division by zero");
  return obj(new_float(ts, x / base).release());
}
template <double (*kFn)(double)>
Ref<> log_in(ThreadState& ts, PyObject*, PyObject* o) {
  double r;
  return failed(log_of(ts, o, kFn, &r)) ? Ref<>() : new_float(ts, r);
}

// ---- functions of two numbers ------------------------------------------------------------------------------------

Ref<> m_atan2(ThreadState& ts, PyObject*, double y, double x) { return new_float(ts, std::atan2(y, x)); }
Ref<> m_copysign(ThreadState& ts, PyObject*, double x, double y) { return new_float(ts, std::copysign(x, y)); }
Ref<> m_nextafter(ThreadState& ts, PyObject*, double x, double y) { return new_float(ts, std::nextafter(x, y)); }
Ref<> m_fmod(ThreadState& ts, PyObject*, double x, double y) {
  double r = std::fmod(x, y);
  if (std::isnan(r) && !std::isnan(x) && !std::isnan(y)) return domain_error(ts);
  return new_float(ts, r);
}
Ref<> m_remainder(ThreadState& ts, PyObject*, double x, double y) {
  double r = std::remainder(x, y);
  if (std::isnan(r) && !std::isnan(x) && !std::isnan(y)) return domain_error(ts);
  return new_float(ts, r);
}
Ref<> m_pow(ThreadState& ts, PyObject*, double x, double y) {
  double r = std::pow(x, y);
  if (!std::isfinite(r) && std::isfinite(x) && std::isfinite(y)) {
    if (std::isnan(r) || x == 0) return domain_error(ts);
    return range_error(ts);
  }
  return new_float(ts, r);
}
Ref<> m_ldexp(ThreadState& ts, PyObject*, double x, PyObject* i) {
  if (!is_int(i)) return raise(ts, PyExc_TypeError, "Expected an int as second argument to ldexp.");
  if (x == 0 || !std::isfinite(x)) return new_float(ts, x);
  int overflow;
  int64_t e = int_as_i64_overflow(i, &overflow);
  if (overflow != 0) e = overflow < 0 ? INT64_MIN : INT64_MAX;
  if (e > INT32_MAX) return range_error(ts);
  if (e < INT32_MIN) return new_float(ts, std::copysign(0.0, x));
  double r = std::ldexp(x, static_cast<int>(e));
  return std::isinf(r) ? Ref<>(range_error(ts)) : new_float(ts, r);
}
Ref<> m_frexp(ThreadState& ts, PyObject*, double x) {
  int e = 0;
  if (std::isfinite(x)) x = std::frexp(x, &e);
  Ref<> m = new_float(ts, x), exponent = int_from_i64(ts, e);
  return m && exponent ? tuple_of(ts, m.get(), exponent.get()) : Ref<>();
}
Ref<> m_modf(ThreadState& ts, PyObject*, double x) {
  double whole = x, part;
  if (std::isinf(x)) {
    part = std::copysign(0.0, x);
  } else {
    part = std::modf(x, &whole);
  }
  Ref<> a = new_float(ts, part), b = new_float(ts, whole);
  return a && b ? tuple_of(ts, a.get(), b.get()) : Ref<>();
}
Ref<> m_ulp(ThreadState& ts, PyObject*, double x) {
  if (std::isnan(x)) return new_float(ts, x);
  x = std::fabs(x);
  if (std::isinf(x)) return new_float(ts, x);
  double next = std::nextafter(x, HUGE_VAL);
  // Above the largest number stands infinity: the distance to the number below is the same.
  return new_float(ts, std::isinf(next) ? x - std::nextafter(x, -HUGE_VAL) : next - x);
}

constexpr double kPi = 3.141592653589793238462643383279502884197;
Ref<> m_degrees(ThreadState& ts, PyObject*, double x) { return new_float(ts, x * (180.0 / kPi)); }
Ref<> m_radians(ThreadState& ts, PyObject*, double x) { return new_float(ts, x * (kPi / 180.0)); }
Tri m_isfinite(ThreadState&, PyObject*, double x) { return tri(std::isfinite(x)); }
Tri m_isnan(ThreadState&, PyObject*, double x) { return tri(std::isnan(x)); }
Tri m_isinf(ThreadState&, PyObject*, double x) { return tri(std::isinf(x)); }

Tri m_isclose(ThreadState& ts, PyObject*, double a, double b, PyObject* rel_arg, PyObject* abs_arg) {
  double rel_tol = 1e-09, abs_tol = 0;
  if (rel_arg != nullptr && failed(float_as_double(ts, rel_arg, &rel_tol))) return Tri::kError;
  if (abs_arg != nullptr && failed(float_as_double(ts, abs_arg, &abs_tol))) return Tri::kError;
  if (rel_tol < 0 || abs_tol < 0) return raise(ts, PyExc_ValueError, "tolerances must be non-negative");
  if (a == b) return Tri::kTrue;
  if (std::isinf(a) || std::isinf(b)) return Tri::kFalse;
  double difference = std::fabs(b - a);
  return tri(difference <= std::fabs(rel_tol * b) || difference <= std::fabs(rel_tol * a) || difference <= abs_tol);
}

// ---- rounding to whole numbers -----------------------------------------------------------------------------------

Ref<> rounded(ThreadState& ts, PyObject* o, PyObject* name, double (*fn)(double)) {
  double x;
  if (is_exact_float(o)) {
    x = float_value(o);
  } else {
    Ref<> method;
    if (failed(object_lookup_special(ts, o, name, &method))) return {};
    if (method) return call(ts, method.get());
    if (failed(float_as_double(ts, o, &x))) return {};
  }
  return int_from_double(ts, fn(x));
}
Ref<> m_ceil(ThreadState& ts, PyObject*, PyObject* o) { return rounded(ts, o, ID(__ceil__), std::ceil); }
Ref<> m_floor(ThreadState& ts, PyObject*, PyObject* o) { return rounded(ts, o, ID(__floor__), std::floor); }
Ref<> m_trunc(ThreadState& ts, PyObject*, PyObject* o) {
  if (is_exact_float(o)) return int_from_double(ts, float_value(o));
  Ref<> method;
  if (failed(object_lookup_special(ts, o, ID(__trunc__), &method))) return {};
  if (!method) return raise(ts, PyExc_TypeError, "type %.100s doesn't define __trunc__ method", o->ob_type->tp_name);
  return call(ts, method.get());
}

#define ATOLL_MATH1(fn, infinite, name, doc) \
  ATOLL_METHOD((unary<fn, Infinite::infinite>), name, "($module, x, /)", doc)
#define ATOLL_ONE(fn, name, doc) ATOLL_METHOD(fn, name, "($module, x, /)", doc)
#define ATOLL_TWO(fn, name, doc) ATOLL_METHOD(fn, name, "($module, x, y, /)", doc)

double c_acos(double x) { return std::acos(x); }
double c_acosh(double x) { return std::acosh(x); }
double c_asin(double x) { return std::asin(x); }
double c_asinh(double x) { return std::asinh(x); }
double c_atan(double x) { return std::atan(x); }
double c_atanh(double x) { return std::atanh(x); }
double c_cbrt(double x) { return std::cbrt(x); }
double c_cos(double x) { return std::cos(x); }
double c_cosh(double x) { return std::cosh(x); }
double c_erf(double x) { return std::erf(x); }
double c_erfc(double x) { return std::erfc(x); }
double c_exp(double x) { return std::exp(x); }
double c_exp2(double x) { return std::exp2(x); }
double c_expm1(double x) { return std::expm1(x); }
double c_fabs(double x) { return std::fabs(x); }
double c_log1p(double x) { return std::log1p(x); }
double c_sin(double x) { return std::sin(x); }
double c_sinh(double x) { return std::sinh(x); }
double c_sqrt(double x) { return std::sqrt(x); }
double c_tan(double x) { return std::tan(x); }
double c_tanh(double x) { return std::tanh(x); }

constexpr MethodSpec kFunctions[] = {
    ATOLL_MATH1(c_acos, kDomain, "acos", "Return the arc cosine (measured in radians) of x.\n\nThe result is between 0 and pi."),
    ATOLL_MATH1(c_acosh, kDomain, "acosh", "Return the inverse hyperbolic cosine of x."),
    ATOLL_MATH1(c_asin, kDomain, "asin", "Return the arc sine (measured in radians) of x.\n\nThe result is between -pi/2 and pi/2."),
    ATOLL_MATH1(c_asinh, kDomain, "asinh", "Return the inverse hyperbolic sine of x."),
    ATOLL_MATH1(c_atan, kDomain, "atan", "Return the arc tangent (measured in radians) of x.\n\nThe result is between -pi/2 and pi/2."),
    ATOLL_METHOD(m_atan2, "atan2", "($module, y, x, /)", "Return the arc tangent (measured in radians) of y/x.\n\nUnlike atan(y/x), the signs of both x and y are considered."),
    ATOLL_MATH1(c_atanh, kDomain, "atanh", "Return the inverse hyperbolic tangent of x."),
    ATOLL_MATH1(c_cbrt, kDomain, "cbrt", "Return the cube root of x."),
    ATOLL_ONE(m_ceil, "ceil", "Return the ceiling of x as an Integral.\n\nThis is the smallest integer >= x."),
    ATOLL_TWO(m_copysign, "copysign", "Return a float with the magnitude (absolute value) of x but the sign of y."),
    ATOLL_MATH1(c_cos, kDomain, "cos", "Return the cosine of x (measured in radians)."),
    ATOLL_MATH1(c_cosh, kOverflow, "cosh", "Return the hyperbolic cosine of x."),
    ATOLL_ONE(m_degrees, "degrees", "Convert angle x from radians to degrees."),
    ATOLL_MATH1(c_erf, kDomain, "erf", "Error function at x."),
    ATOLL_MATH1(c_erfc, kDomain, "erfc", "Complementary error function at x."),
    ATOLL_MATH1(c_exp, kOverflow, "exp", "Return e raised to the power of x."),
    ATOLL_MATH1(c_exp2, kOverflow, "exp2", "Return 2 raised to the power of x."),
    ATOLL_MATH1(c_expm1, kOverflow, "expm1", "Return exp(x)-1.\n\nMore precise than exp(x)-1 for small x."),
    ATOLL_MATH1(c_fabs, kDomain, "fabs", "Return the absolute value of the float x."),
    ATOLL_ONE(m_floor, "floor", "Return the floor of x as an Integral.\n\nThis is the largest integer <= x."),
    ATOLL_TWO(m_fmod, "fmod", "Return fmod(x, y), according to platform C.\n\nx % y may differ."),
    ATOLL_ONE(m_frexp, "frexp", "Return the mantissa and exponent of x, as pair (m, e).\n\nm is a float and e is an int, such that x = m * 2.**e.\nIf x is 0, m and e are both 0.  Else 0.5 <= abs(m) < 1.0."),
    ATOLL_ONE(m_gamma, "gamma", "Gamma function at x."),
    ATOLL_METHOD(m_isclose, "isclose", "($module, /, a, b, *, rel_tol=1e-09, abs_tol=0.0)",
                 "Are two floating point numbers close in value?\n\n"
                 "  rel_tol\n    the largest difference that counts as close, relative to the larger number\n"
                 "  abs_tol\n    the same as an absolute value\n\n"
                 "NaN is not close to anything, infinity only to itself."),
    ATOLL_ONE(m_isfinite, "isfinite", "Return True if x is neither an infinity nor a NaN, and False otherwise."),
    ATOLL_ONE(m_isinf, "isinf", "Return True if x is a positive or negative infinity, and False otherwise."),
    ATOLL_ONE(m_isnan, "isnan", "Return True if x is a NaN (not a number), and False otherwise."),
    ATOLL_METHOD(m_ldexp, "ldexp", "($module, x, i, /)", "Return x * (2**i).\n\nThis is essentially the inverse of frexp()."),
    ATOLL_ONE(m_lgamma, "lgamma", "Natural logarithm of absolute value of Gamma function at x."),
    ATOLL_METHOD_RAW(m_log, "log", METH_FASTCALL,
                     "log(x, [base=math.e])\nReturn the logarithm of x to the given base.\n\nIf the base is not specified, returns the natural logarithm (base e) of x."),
    ATOLL_MATH1(c_log1p, kDomain, "log1p", "Return the natural logarithm of 1+x (base e).\n\nMore precise than log(1+x) near zero."),
    ATOLL_ONE(log_in<decimal>, "log10", "Return the base 10 logarithm of x."),
    ATOLL_ONE(log_in<binary>, "log2", "Return the base 2 logarithm of x."),
    ATOLL_ONE(m_modf, "modf", "Return the fractional and integer parts of x.\n\nBoth results carry the sign of x and are floats."),
    ATOLL_TWO(m_nextafter, "nextafter", "Return the next floating-point value after x towards y."),
    ATOLL_TWO(m_pow, "pow", "Return x**y (x to the power of y)."),
    ATOLL_ONE(m_radians, "radians", "Convert angle x from degrees to radians."),
    ATOLL_TWO(m_remainder, "remainder", "Difference between x and the closest integer multiple of y.\n\nOf two multiples that are equally close, the even one counts."),
    ATOLL_MATH1(c_sin, kDomain, "sin", "Return the sine of x (measured in radians)."),
    ATOLL_MATH1(c_sinh, kOverflow, "sinh", "Return the hyperbolic sine of x."),
    ATOLL_MATH1(c_sqrt, kDomain, "sqrt", "Return the square root of x."),
    ATOLL_MATH1(c_tan, kDomain, "tan", "Return the tangent of x (measured in radians)."),
    ATOLL_MATH1(c_tanh, kDomain, "tanh", "Return the hyperbolic tangent of x."),
    ATOLL_ONE(m_trunc, "trunc", "Truncates the Real x to the nearest Integral toward 0.\n\nUses the __trunc__ magic method."),
    ATOLL_ONE(m_ulp, "ulp", "Return the value of the least significant bit of the float x."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  if (failed(module_add_functions(ts, module, kMathIntegerFunctions->c())) ||
      failed(module_add_functions(ts, module, kMathSumFunctions->c()))) {
    return -1;
  }
  struct {
    const char* name;
    double value;
  } const constants[] = {{"pi", kPi}, {"e", 2.718281828459045235360287471352662498}, {"tau", 2 * kPi}, {"inf", HUGE_VAL}, {"nan", std::fabs(NAN)}};
  for (const auto& c : constants) {
    if (failed(module_add(ts, module, c.name, new_float(ts, c.value)))) return -1;
  }
  return 0;
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_math, "math", "This module provides access to the mathematical functions\ndefined by the C standard.", 0,
                     atl::kFunctions, atl::exec)
