// Timeouts as Python gives them: numbers of seconds, or of milliseconds, with a deadline on the monotonic clock.
#pragma once

#include <time.h>

#include <cmath>

#include "Objects/errors.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"

namespace atl {

// A number in units of unit_ns as nanoseconds, rounded up (away from zero for a negative one). TypeError, with the given (or,
// if NULL, the usual) message, for what is no number.
inline Status timeout_as_ns(ThreadState& ts, PyObject* o, int64_t unit_ns, const char* type_message, int64_t* out) {
  if (PyFloat_Check(o)) {
    double d = PyFloat_AS_DOUBLE(o);
    if (std::isnan(d)) return raise(ts, PyExc_ValueError, "Invalid value NaN (not a number)");
    d *= static_cast<double>(unit_ns);
    d = d >= 0 ? std::ceil(d) : std::floor(d);
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) {
      return raise(ts, PyExc_OverflowError, "timestamp too large to convert to C _PyTime_t");
    }
    *out = static_cast<int64_t>(d);
    return Status::kOk;
  }
  Ref<> index = number_index(ts, o);
  if (!index) {
    if (type_message != nullptr && error_clear_if(ts, PyExc_TypeError)) return raise(ts, PyExc_TypeError, "%s", type_message);
    return Status::kError;
  }
  int overflow;
  int64_t v = int_as_i64_overflow(index.get(), &overflow);
  if (overflow != 0 || __builtin_mul_overflow(v, unit_ns, out)) {
    return raise(ts, PyExc_OverflowError, "timestamp too large to convert to C _PyTime_t");
  }
  return Status::kOk;
}

inline int64_t monotonic_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}
// Rounded up; INT64_MAX stands for never.
inline int64_t deadline_after(int64_t ns) {
  int64_t at;
  return __builtin_add_overflow(monotonic_ns(), ns, &at) ? INT64_MAX : at;
}
inline int64_t ns_to_ms_up(int64_t ns) { return ns <= 0 ? ns / 1000000 : (ns - 1) / 1000000 + 1; }

}  // namespace atl
