// C API: points in time as 64-bit nanoseconds (pytime.h), which compiled modules use for timeouts.
#include "pytime.h"

#include <sys/time.h>

#include <cmath>
#include <ctime>

#include "Objects/errors.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"

namespace atl {

namespace {

constexpr int64_t kNsPerSecond = 1000000000;
using Wide = __int128;

bool fits(Wide v) { return v >= _PyTime_MIN && v <= _PyTime_MAX; }
_PyTime_t clamped(Wide v) { return v > _PyTime_MAX ? _PyTime_MAX : v < _PyTime_MIN ? _PyTime_MIN : static_cast<_PyTime_t>(v); }

int raise_overflow(const char* type) {
  (void)raise(current_thread(), PyExc_OverflowError, "timestamp %s", type);
  return -1;
}
int raise_too_large() { return raise_overflow("too large to convert to C _PyTime_t"); }
int raise_out_of_range() { return raise_overflow("out of range for platform time_t"); }

double rounded(double x, _PyTime_round_t how) {
  switch (how) {
    case _PyTime_ROUND_FLOOR: return std::floor(x);
    case _PyTime_ROUND_CEILING: return std::ceil(x);
    case _PyTime_ROUND_HALF_EVEN: return std::nearbyint(x);
    default: return x >= 0 ? std::ceil(x) : std::floor(x);
  }
}

// t / k, k > 0.
_PyTime_t divided(_PyTime_t t, _PyTime_t k, _PyTime_round_t how) {
  _PyTime_t q = t / k, r = t % k;
  if (r == 0) return q;
  int away = t < 0 ? -1 : 1;
  switch (how) {
    case _PyTime_ROUND_FLOOR: return t < 0 ? q - 1 : q;
    case _PyTime_ROUND_CEILING: return t < 0 ? q : q + 1;
    case _PyTime_ROUND_HALF_EVEN: {
      _PyTime_t twice = (r < 0 ? -r : r) * 2;
      return twice > k || (twice == k && q % 2 != 0) ? q + away : q;
    }
    default: return q + away;
  }
}

// Whole units and the rest in 0 … k-1.
void split(_PyTime_t t, _PyTime_t k, _PyTime_t* whole, _PyTime_t* rest) {
  *whole = t / k;
  *rest = t % k;
  if (*rest < 0) {
    *rest += k;
    --*whole;
  }
}

bool is_nan(double d) {
  if (!std::isnan(d)) return false;
  (void)raise(current_thread(), PyExc_ValueError, "Invalid value NaN (not a number)");
  return true;
}

// A number of units of `unit` nanoseconds.
int from_object(_PyTime_t* out, PyObject* o, _PyTime_round_t how, int64_t unit) {
  ThreadState& ts = current_thread();
  if (PyFloat_Check(o)) {
    double d = PyFloat_AsDouble(o);
    if (is_nan(d)) return -1;
    d = rounded(d * static_cast<double>(unit), how);
    if (!(d >= -0x1p63 && d < 0x1p63)) {
      *out = 0;
      return raise_too_large();
    }
    *out = static_cast<_PyTime_t>(d);
    return 0;
  }
  long long n = PyLong_AsLongLong(o);
  if (n == -1 && error_set(ts)) {
    if (!error_clear_if(ts, PyExc_OverflowError)) return -1;
    return raise_too_large();
  }
  Wide v = static_cast<Wide>(n) * unit;
  *out = clamped(v);
  return fits(v) ? 0 : raise_too_large();
}

int time_t_from_int(PyObject* o, time_t* out) {
  ThreadState& ts = current_thread();
  *out = PyLong_AsLong(o);
  if (*out != -1 || !error_set(ts)) return 0;
  return error_clear_if(ts, PyExc_OverflowError) ? raise_out_of_range() : -1;
}

// Seconds, and the rest in units of 1/denominator.
int split_object(PyObject* o, time_t* seconds, long* rest, double denominator, _PyTime_round_t how) {
  *rest = 0;
  if (!PyFloat_Check(o)) return time_t_from_int(o, seconds);
  double d = PyFloat_AsDouble(o);
  if (is_nan(d)) return -1;
  double whole;
  double part = rounded(std::modf(d, &whole) * denominator, how);
  if (part >= denominator) {
    part -= denominator;
    whole += 1;
  } else if (part < 0) {
    part += denominator;
    whole -= 1;
  }
  if (!(whole >= -0x1p63 && whole < 0x1p63)) return raise_out_of_range();
  *seconds = static_cast<time_t>(whole);
  *rest = static_cast<long>(part);
  return 0;
}

_PyTime_t clock_now(clockid_t id) {
  timespec t;
  clock_gettime(id, &t);
  return clamped(static_cast<Wide>(t.tv_sec) * kNsPerSecond + t.tv_nsec);
}

int clock_with_info(clockid_t id, const char* name, bool monotonic, _PyTime_t* t, _Py_clock_info_t* info) {
  *t = clock_now(id);
  if (info == nullptr) return 0;
  timespec resolution;
  clock_getres(id, &resolution);
  info->implementation = name;
  info->monotonic = monotonic;
  info->adjustable = !monotonic;
  info->resolution = static_cast<double>(resolution.tv_sec) + static_cast<double>(resolution.tv_nsec) * 1e-9;
  return 0;
}

}  // namespace

}  // namespace atl

using namespace atl;

// ---- from and to Python ------------------------------------------------------------------------------------------

_PyTime_t _PyTime_FromSeconds(int seconds) { return static_cast<_PyTime_t>(seconds) * kNsPerSecond; }
_PyTime_t _PyTime_FromNanoseconds(_PyTime_t ns) { return ns; }
int _PyTime_FromNanosecondsObject(_PyTime_t* out, PyObject* o) {
  ThreadState& ts = current_thread();
  if (!is_int(o)) {
    (void)raise(ts, PyExc_TypeError, "expect int, got %s", o->ob_type->tp_name);
    return -1;
  }
  long long n = PyLong_AsLongLong(o);
  if (n == -1 && error_set(ts)) return error_clear_if(ts, PyExc_OverflowError) ? raise_too_large() : -1;
  *out = n;
  return 0;
}
int _PyTime_FromSecondsObject(_PyTime_t* out, PyObject* o, _PyTime_round_t how) { return from_object(out, o, how, kNsPerSecond); }
int _PyTime_FromMillisecondsObject(_PyTime_t* out, PyObject* o, _PyTime_round_t how) { return from_object(out, o, how, 1000000); }
PyObject* _PyTime_AsNanosecondsObject(_PyTime_t t) { return int_from_i64(current_thread(), t).release(); }
double _PyTime_AsSecondsDouble(_PyTime_t t) {
  // Whole seconds are exact.
  return t % kNsPerSecond == 0 ? static_cast<double>(t / kNsPerSecond) : static_cast<double>(t) / 1e9;
}
int _PyTime_ObjectToTime_t(PyObject* o, time_t* out, _PyTime_round_t how) {
  if (!PyFloat_Check(o)) return time_t_from_int(o, out);
  double d = PyFloat_AsDouble(o);
  if (is_nan(d)) return -1;
  d = rounded(d, how);
  if (!(d >= -0x1p63 && d < 0x1p63)) return raise_out_of_range();
  *out = static_cast<time_t>(d);
  return 0;
}
int _PyTime_ObjectToTimespec(PyObject* o, time_t* seconds, long* ns, _PyTime_round_t how) { return split_object(o, seconds, ns, 1e9, how); }
int _PyTime_ObjectToTimeval(PyObject* o, time_t* seconds, long* us, _PyTime_round_t how) { return split_object(o, seconds, us, 1e6, how); }

// ---- from and to C -----------------------------------------------------------------------------------------------

_PyTime_t _PyTime_AsNanoseconds(_PyTime_t t) { return t; }
_PyTime_t _PyTime_AsMicroseconds(_PyTime_t t, _PyTime_round_t how) { return divided(t, 1000, how); }
_PyTime_t _PyTime_AsMilliseconds(_PyTime_t t, _PyTime_round_t how) { return divided(t, 1000000, how); }
void _PyTime_AsTimespec_clamp(_PyTime_t t, struct timespec* out) {
  _PyTime_t seconds, ns;
  split(t, kNsPerSecond, &seconds, &ns);
  out->tv_sec = seconds;
  out->tv_nsec = ns;
}
int _PyTime_AsTimespec(_PyTime_t t, struct timespec* out) {
  _PyTime_AsTimespec_clamp(t, out);  // every value fits a 64-bit time_t
  return 0;
}
void _PyTime_AsTimeval_clamp(_PyTime_t t, struct timeval* out, _PyTime_round_t how) {
  _PyTime_t seconds, us;
  split(divided(t, 1000, how), 1000000, &seconds, &us);
  out->tv_sec = seconds;
  out->tv_usec = us;
}
int _PyTime_AsTimeval(_PyTime_t t, struct timeval* out, _PyTime_round_t how) {
  _PyTime_AsTimeval_clamp(t, out, how);
  return 0;
}
int _PyTime_AsTimevalTime_t(_PyTime_t t, time_t* seconds, int* us, _PyTime_round_t how) {
  timeval tv;
  _PyTime_AsTimeval_clamp(t, &tv, how);
  *seconds = tv.tv_sec;
  *us = static_cast<int>(tv.tv_usec);
  return 0;
}
int _PyTime_FromTimespec(_PyTime_t* out, struct timespec* t) {
  Wide v = static_cast<Wide>(t->tv_sec) * kNsPerSecond + t->tv_nsec;
  *out = clamped(v);
  return fits(v) ? 0 : raise_too_large();
}
int _PyTime_FromTimeval(_PyTime_t* out, struct timeval* t) {
  Wide v = static_cast<Wide>(t->tv_sec) * kNsPerSecond + static_cast<Wide>(t->tv_usec) * 1000;
  *out = clamped(v);
  return fits(v) ? 0 : raise_too_large();
}
_PyTime_t _PyTime_Add(_PyTime_t a, _PyTime_t b) { return clamped(static_cast<Wide>(a) + b); }
_PyTime_t _PyTime_MulDiv(_PyTime_t ticks, _PyTime_t mul, _PyTime_t div) { return clamped(static_cast<Wide>(ticks) * mul / div); }

// ---- clocks ------------------------------------------------------------------------------------------------------

_PyTime_t _PyTime_GetSystemClock() { return clock_now(CLOCK_REALTIME); }
_PyTime_t _PyTime_GetMonotonicClock() { return clock_now(CLOCK_MONOTONIC); }
_PyTime_t _PyTime_GetPerfCounter() { return clock_now(CLOCK_MONOTONIC); }
int _PyTime_GetSystemClockWithInfo(_PyTime_t* t, _Py_clock_info_t* info) {
  return clock_with_info(CLOCK_REALTIME, "clock_gettime(CLOCK_REALTIME)", false, t, info);
}
int _PyTime_GetMonotonicClockWithInfo(_PyTime_t* t, _Py_clock_info_t* info) {
  return clock_with_info(CLOCK_MONOTONIC, "clock_gettime(CLOCK_MONOTONIC)", true, t, info);
}
int _PyTime_GetPerfCounterWithInfo(_PyTime_t* t, _Py_clock_info_t* info) { return _PyTime_GetMonotonicClockWithInfo(t, info); }
_PyTime_t _PyDeadline_Init(_PyTime_t timeout) { return _PyTime_Add(_PyTime_GetMonotonicClock(), timeout); }
_PyTime_t _PyDeadline_Get(_PyTime_t deadline) { return clamped(static_cast<Wide>(deadline) - _PyTime_GetMonotonicClock()); }

int _PyTime_localtime(time_t t, struct tm* out) {
  if (localtime_r(&t, out) != nullptr) return 0;
  (void)raise_os_error(current_thread(), errno);
  return -1;
}
int _PyTime_gmtime(time_t t, struct tm* out) {
  if (gmtime_r(&t, out) != nullptr) return 0;
  (void)raise_os_error(current_thread(), errno);
  return -1;
}
