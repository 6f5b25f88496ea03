// cmath: the complex functions of the C library, with the errors that 3.11 raises.
//
// C's Annex G fixes the special values; where it speaks of the "invalid" or "divide-by-zero" exception, Python raises
// ValueError, and where finite arguments overflow, OverflowError. The rules are written out per function.
#include <cmath>

#include "Modules/module_def.h"
#include "Objects/float/float.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

using C = __complex__ double;

C make(double re, double im) {
  C z;
  __real__ z = re;
  __imag__ z = im;
  return z;
}
double re(C z) { return __real__ z; }
double im(C z) { return __imag__ z; }
bool finite(C z) { return std::isfinite(re(z)) && std::isfinite(im(z)); }

}  // namespace

// A complex argument.
template <>
struct ArgTraits<C> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, C* out) {
    Py_complex c = PyComplex_AsCComplex(o);
    if (c.real == -1.0 && error_set(ts)) return false;
    *out = make(c.real, c.imag);
    return true;
  }
};

namespace {

Raised domain_error(ThreadState& ts) { return raise(ts, PyExc_ValueError, "math domain error"); }
Raised range_error(ThreadState& ts) { return raise(ts, PyExc_OverflowError, "math range error"); }

// Which arguments are outside the domain, beside those whose result is not a number though they are.
using IsInvalid = bool (*)(C);
bool never(C) { return false; }
bool zero(C z) { return re(z) == 0 && im(z) == 0; }
bool real_unit(C z) { return im(z) == 0 && std::fabs(re(z)) == 1; }
bool imaginary_unit(C z) { return re(z) == 0 && std::fabs(im(z)) == 1; }
bool exp_invalid(C z) { return std::isinf(im(z)) && (std::isfinite(re(z)) || (std::isinf(re(z)) && re(z) > 0)); }
bool turn_invalid(C z) { return std::isinf(im(z)) && !std::isnan(re(z)); }         // cosh, sinh
bool tanh_invalid(C z) { return std::isinf(im(z)) && std::isfinite(re(z)); }
C rotated(C z) { return make(-im(z), re(z)); }  // iz: cos z = cosh iz, sin and tan as well up to a factor
bool cos_invalid(C z) { return turn_invalid(rotated(z)); }
bool tan_invalid(C z) { return tanh_invalid(rotated(z)); }

template <C (*kFn)(C), IsInvalid kInvalid>
Ref<> apply(ThreadState& ts, PyObject*, C z) {
  if (kInvalid(z)) return domain_error(ts);
  C r = kFn(z);
  if (ATOLL_UNLIKELY(!finite(r)) && finite(z)) return range_error(ts);
  return new_complex(ts, re(r), im(r));
}

C c_acos(C z) { return __builtin_cacos(z); }
// Of 0 + NaN*i newer versions of C know one part of the result; 3.11 says that neither is known.
bool unknown(double zero, double nan) { return zero == 0 && std::isnan(nan); }
C c_acosh(C z) { return unknown(re(z), im(z)) ? make(NAN, NAN) : __builtin_cacosh(z); }
C c_asin(C z) { return __builtin_casin(z); }
C c_asinh(C z) { return __builtin_casinh(z); }
C c_atan(C z) { return __builtin_catan(z); }
C c_atanh(C z) { return __builtin_catanh(z); }
C c_cos(C z) { return __builtin_ccos(z); }
C c_cosh(C z) { return __builtin_ccosh(z); }
C c_exp(C z) { return __builtin_cexp(z); }
C c_log(C z) { return __builtin_clog(z); }
C c_sin(C z) { return __builtin_csin(z); }
C c_sinh(C z) { return __builtin_csinh(z); }
C c_sqrt(C z) { return __builtin_csqrt(z); }
C c_tan(C z) { return unknown(im(z), re(z)) ? make(NAN, NAN) : __builtin_ctan(z); }
C c_tanh(C z) { return unknown(re(z), im(z)) ? make(NAN, NAN) : __builtin_ctanh(z); }
C c_log10(C z) {
  constexpr double kLn10 = 2.302585092994045684017991454684364208;
  C r = c_log(z);
  return make(re(r) / kLn10, im(r) / kLn10);
}

Ref<> m_log(ThreadState& ts, PyObject*, C z, PyObject* base_arg) {
  C base = make(1, 0);
  if (base_arg != nullptr && !ArgTraits<C>::convert(ts, base_arg, ArgPlace{}, &base)) return {};
  if (zero(z) || (base_arg != nullptr && zero(base))) return domain_error(ts);
  C r = c_log(z);
  if (base_arg != nullptr) {
    Py_complex divisor{re(c_log(base)), im(c_log(base))};
    if (divisor.real == 0 && divisor.imag == 0) return domain_error(ts);
    Py_complex q = _Py_c_quot(Py_complex{re(r), im(r)}, divisor);
    r = make(q.real, q.imag);
  }
  return new_complex(ts, re(r), im(r));
}

double phase_of(C z) { return std::atan2(im(z), re(z)); }
Ref<> m_phase(ThreadState& ts, PyObject*, C z) { return new_float(ts, phase_of(z)); }
Ref<> m_polar(ThreadState& ts, PyObject*, C z) {
  double r = std::hypot(re(z), im(z));
  if (std::isinf(r) && finite(z)) return range_error(ts);
  Ref<> length = new_float(ts, r), angle = new_float(ts, phase_of(z));
  return length && angle ? tuple_of(ts, length.get(), angle.get()) : Ref<>();
}
Ref<> m_rect(ThreadState& ts, PyObject*, double r, double phi) {
  if (!std::isfinite(r) || !std::isfinite(phi)) {
    if (std::isinf(phi) && r != 0 && !std::isnan(r)) return domain_error(ts);
    if (std::isinf(r) && std::isfinite(phi) && phi != 0) {
      // Infinite in both directions, whatever the angle.
      double x = std::copysign(HUGE_VAL, std::cos(phi)), y = std::copysign(HUGE_VAL, std::sin(phi));
      return r > 0 ? new_complex(ts, x, y) : new_complex(ts, -x, -y);
    }
    if (phi == 0) return new_complex(ts, r, std::isnan(r) ? phi : std::copysign(1.0, r) * phi);
    if (r == 0) return new_complex(ts, r, r * 0.0);
    return new_complex(ts, std::isinf(r) ? HUGE_VAL : NAN, NAN);
  }
  if (phi == 0) return new_complex(ts, r, r * phi);
  return new_complex(ts, r * std::cos(phi), r * std::sin(phi));
}

Tri m_isfinite(ThreadState&, PyObject*, C z) { return tri(finite(z)); }
Tri m_isnan(ThreadState&, PyObject*, C z) { return tri(std::isnan(re(z)) || std::isnan(im(z))); }
Tri m_isinf(ThreadState&, PyObject*, C z) { return tri(std::isinf(re(z)) || std::isinf(im(z))); }
Tri m_isclose(ThreadState& ts, PyObject*, C a, C b, PyObject* rel_arg, PyObject* abs_arg) {
  double rel_tol = 1e-09, abs_tol = 0;
  if (rel_arg != nullptr && failed(float_as_double(ts, rel_arg, &rel_tol))) return Tri::kError;
  if (abs_arg != nullptr && failed(float_as_double(ts, abs_arg, &abs_tol))) return Tri::kError;
  if (rel_tol < 0 || abs_tol < 0) return raise(ts, PyExc_ValueError, "tolerances must be non-negative");
  if (re(a) == re(b) && im(a) == im(b)) return Tri::kTrue;
  if (std::isinf(re(a)) || std::isinf(im(a)) || std::isinf(re(b)) || std::isinf(im(b))) return Tri::kFalse;
  double difference = std::hypot(re(a) - re(b), im(a) - im(b));
  double size_a = std::hypot(re(a), im(a)), size_b = std::hypot(re(b), im(b));
  return tri(difference <= rel_tol * size_b || difference <= rel_tol * size_a || difference <= abs_tol);
}

#define ATOLL_COMPLEX(fn, invalid, name, doc) ATOLL_METHOD((apply<fn, invalid>), name, "($module, z, /)", doc)
#define ATOLL_ONE(fn, name, doc) ATOLL_METHOD(fn, name, "($module, z, /)", doc)

constexpr MethodSpec kFunctions[] = {
    ATOLL_COMPLEX(c_acos, never, "acos", "Return the arc cosine of z."),
    ATOLL_COMPLEX(c_acosh, never, "acosh", "Return the inverse hyperbolic cosine of z."),
    ATOLL_COMPLEX(c_asin, never, "asin", "Return the arc sine of z."),
    ATOLL_COMPLEX(c_asinh, never, "asinh", "Return the inverse hyperbolic sine of z."),
    ATOLL_COMPLEX(c_atan, imaginary_unit, "atan", "Return the arc tangent of z."),
    ATOLL_COMPLEX(c_atanh, real_unit, "atanh", "Return the inverse hyperbolic tangent of z."),
    ATOLL_COMPLEX(c_cos, cos_invalid, "cos", "Return the cosine of z."),
    ATOLL_COMPLEX(c_cosh, turn_invalid, "cosh", "Return the hyperbolic cosine of z."),
    ATOLL_COMPLEX(c_exp, exp_invalid, "exp", "Return the exponential value e**z."),
    ATOLL_METHOD(m_isclose, "isclose", "($module, /, a, b, *, rel_tol=1e-09, abs_tol=0.0)",
                 "Are two complex numbers close in value?\n\n"
                 "  rel_tol\n    the largest difference that counts as close, relative to the larger number\n"
                 "  abs_tol\n    the same as an absolute value\n\n"
                 "NaN is not close to anything, infinity only to itself."),
    ATOLL_ONE(m_isfinite, "isfinite", "Return True if both the real and imaginary parts of z are finite, else False."),
    ATOLL_ONE(m_isinf, "isinf", "Checks if the real or imaginary part of z is infinite."),
    ATOLL_ONE(m_isnan, "isnan", "Checks if the real or imaginary part of z not a number (NaN)."),
    ATOLL_METHOD(m_log, "log", "($module, z, base=<unrepresentable>, /)",
                 "log(z[, base]) -> the logarithm of z to the given base.\n\n"
                 "If the base is not specified, returns the natural logarithm (base e) of z."),
    ATOLL_COMPLEX(c_log10, zero, "log10", "Return the base-10 logarithm of z."),
    ATOLL_ONE(m_phase, "phase", "Return argument, also known as the phase angle, of a complex."),
    ATOLL_ONE(m_polar, "polar", "Convert a complex from rectangular coordinates to polar coordinates.\n\nr is the distance from 0 and phi the phase angle."),
    ATOLL_METHOD(m_rect, "rect", "($module, r, phi, /)", "Convert from polar coordinates to rectangular coordinates."),
    ATOLL_COMPLEX(c_sin, cos_invalid, "sin", "Return the sine of z."),
    ATOLL_COMPLEX(c_sinh, turn_invalid, "sinh", "Return the hyperbolic sine of z."),
    ATOLL_COMPLEX(c_sqrt, never, "sqrt", "Return the square root of z."),
    ATOLL_COMPLEX(c_tan, tan_invalid, "tan", "Return the tangent of z."),
    ATOLL_COMPLEX(c_tanh, tanh_invalid, "tanh", "Return the hyperbolic tangent of z."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  constexpr double kPi = 3.141592653589793238462643383279502884197;
  struct {
    const char* name;
    double value;
  } const constants[] = {{"pi", kPi}, {"e", 2.718281828459045235360287471352662498}, {"tau", 2 * kPi}, {"inf", HUGE_VAL}, {"nan", std::fabs(NAN)}};
  for (const auto& c : constants) {
    if (failed(module_add(ts, module, c.name, new_float(ts, c.value)))) return -1;
  }
  if (failed(module_add(ts, module, "infj", new_complex(ts, 0, HUGE_VAL)))) return -1;
  return static_cast<int>(module_add(ts, module, "nanj", new_complex(ts, 0, std::fabs(NAN))));
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_cmath, "cmath",
                     "This module provides access to mathematical functions for complex\nnumbers.", 0, atl::kFunctions, atl::exec)
