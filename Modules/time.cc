// time: clocks, sleeping, calendar conversions.
#include <sys/resource.h>
#include <time.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "Modules/module_def.h"
#include "Modules/time.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/namespace.h"
#include "Objects/str/str.h"
#include "Objects/structseq.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

constexpr int64_t kNs = 1000000000;

bool clock_ns(ThreadState& ts, clockid_t id, int64_t* out) {
  timespec t;
  if (clock_gettime(id, &t) != 0) {
    (void)raise_os_error(ts, errno);
    return false;
  }
  *out = static_cast<int64_t>(t.tv_sec) * kNs + t.tv_nsec;
  return true;
}
Ref<> as_seconds(ThreadState& ts, int64_t ns) {
  // Whole seconds and the rest apart, so that nothing is lost before the addition.
  return new_float(ts, static_cast<double>(ns / kNs) + static_cast<double>(ns % kNs) * 1e-9);
}
template <clockid_t kId>
Ref<> seconds(ThreadState& ts, PyObject*) {
  int64_t ns = 0;
  return clock_ns(ts, kId, &ns) ? as_seconds(ts, ns) : Ref<>();
}
template <clockid_t kId>
Ref<> nanoseconds(ThreadState& ts, PyObject*) {
  int64_t ns = 0;
  return clock_ns(ts, kId, &ns) ? int_from_i64(ts, ns) : Ref<>();
}
Ref<> m_clock_gettime(ThreadState& ts, PyObject*, int id) {
  int64_t ns = 0;
  return clock_ns(ts, id, &ns) ? as_seconds(ts, ns) : Ref<>();
}
Ref<> m_clock_gettime_ns(ThreadState& ts, PyObject*, int id) {
  int64_t ns = 0;
  return clock_ns(ts, id, &ns) ? int_from_i64(ts, ns) : Ref<>();
}
Ref<> m_clock_getres(ThreadState& ts, PyObject*, int id) {
  timespec t;
  if (clock_getres(id, &t) != 0) return raise_os_error(ts, errno);
  return new_float(ts, static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9);
}
Ref<> set_clock(ThreadState& ts, int id, int64_t ns) {
  timespec t{static_cast<time_t>(ns / kNs), static_cast<long>(ns % kNs)};
  if (clock_settime(id, &t) != 0) return raise_os_error(ts, errno);
  return new_none();
}
Ref<> m_clock_settime(ThreadState& ts, PyObject*, int id, double value) { return set_clock(ts, id, static_cast<int64_t>(value * 1e9)); }
Ref<> m_clock_settime_ns(ThreadState& ts, PyObject*, int id, PyObject* value) {
  int64_t ns = 0;
  return failed(int_as_i64(ts, value, &ns)) ? Ref<>() : set_clock(ts, id, ns);
}
Ref<> m_pthread_getcpuclockid(ThreadState& ts, PyObject*, Py_ssize_t thread) {
  clockid_t id;
  int error = pthread_getcpuclockid(static_cast<pthread_t>(thread), &id);
  if (error != 0) return raise_os_error(ts, error);
  return int_from_i64(ts, id);
}

}  // namespace

bool seconds_to_ns(ThreadState& ts, PyObject* o, int64_t* out) {
  if (is_float(o)) {
    double d = float_value(o);
    if (std::isnan(d)) {
      (void)raise(ts, PyExc_ValueError, "Invalid value NaN (not a number)");
      return false;
    }
    double ns = d * 1e9;
    ns = ns >= 0 ? std::ceil(ns) : std::floor(ns);
    if (!(ns >= -9223372036854775808.0 && ns < 9223372036854775808.0)) {
      (void)raise(ts, PyExc_OverflowError, "timestamp out of range for platform time_t");
      return false;
    }
    *out = static_cast<int64_t>(ns);
    return true;
  }
  Ref<> i = number_index(ts, o);
  int64_t s;
  if (!i || failed(int_as_i64(ts, i.get(), &s))) {
    if (error_matches(ts, PyExc_OverflowError)) (void)raise(ts, PyExc_OverflowError, "timestamp too large to convert to C _PyTime_t");
    return false;
  }
  if (__builtin_mul_overflow(s, kNs, out)) {
    (void)raise(ts, PyExc_OverflowError, "timestamp too large to convert to C _PyTime_t");
    return false;
  }
  return true;
}

namespace {

Ref<> m_sleep(ThreadState& ts, PyObject*, PyObject* seconds_arg) {
  int64_t ns = 0;
  if (!seconds_to_ns(ts, seconds_arg, &ns)) return {};
  if (ns < 0) return raise(ts, PyExc_ValueError, "sleep length must be non-negative");
  int64_t now = 0;
  if (!clock_ns(ts, CLOCK_MONOTONIC, &now)) return {};
  int64_t end;
  if (__builtin_add_overflow(now, ns, &end)) end = INT64_MAX;
  // On the thread's Parker, where signals and interrupts wake it.
  for (;;) {
    detach(&ts);
    uint32_t reasons = ts.parker.wait(end == INT64_MAX ? end - 1 : end);
    attach(&ts);
    if (reasons == 0) return new_none();
    if (PyErr_CheckSignals() < 0) return {};
  }
}

// ---- calendar ----------------------------------------------------------------------------------------------------

Ref<> make_struct(ThreadState& ts, PyObject*, const tm& t, bool utc) {
  Ref<> s = Ref<>::steal(PyStructSequence_New(&atoll_struct_time_type));
  if (!s) return {};
  int values[9] = {t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, (t.tm_wday + 6) % 7, t.tm_yday + 1, t.tm_isdst};
  for (int i = 0; i < 9; ++i) PyStructSequence_SetItem(s.get(), i, int_from_i64(ts, values[i]).release());
  PyStructSequence_SetItem(s.get(), 9, str_from_utf8(ts, utc ? "UTC" : t.tm_zone, "surrogateescape").release());
  PyStructSequence_SetItem(s.get(), 10, int_from_i64(ts, utc ? 0 : t.tm_gmtoff).release());
  return error_set(ts) ? Ref<>() : std::move(s);
}

bool to_time_t(ThreadState& ts, PyObject* o, time_t* out) {
  if (o == nullptr || o == Py_None) {
    *out = time(nullptr);
    return true;
  }
  if (is_float(o)) {
    double d = std::floor(float_value(o));
    if (std::isnan(d)) {
      (void)raise(ts, PyExc_ValueError, "Invalid value NaN (not a number)");
      return false;
    }
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) {
      (void)raise(ts, PyExc_OverflowError, "timestamp out of range for platform time_t");
      return false;
    }
    *out = static_cast<time_t>(d);
    return true;
  }
  Ref<> i = number_index(ts, o);
  int64_t v;
  if (!i || failed(int_as_i64(ts, i.get(), &v))) {
    if (error_clear_if(ts, PyExc_OverflowError)) (void)raise(ts, PyExc_OverflowError, "timestamp out of range for platform time_t");
    return false;
  }
  *out = v;
  return true;
}

Ref<> broken_down(ThreadState& ts, PyObject* m, PyObject* when, bool utc) {
  time_t t;
  if (!to_time_t(ts, when, &t)) return {};
  tm parts;
  errno = 0;
  if ((utc ? gmtime_r(&t, &parts) : localtime_r(&t, &parts)) == nullptr) return raise_os_error(ts, errno ? errno : EINVAL);
  return make_struct(ts, m, parts, utc);
}
Ref<> m_gmtime(ThreadState& ts, PyObject* m, PyObject* when) { return broken_down(ts, m, when, true); }
Ref<> m_localtime(ThreadState& ts, PyObject* m, PyObject* when) { return broken_down(ts, m, when, false); }

// A struct_time or any tuple of nine numbers. Zone fields are taken over where they are there.
bool read_struct(ThreadState& ts, PyObject*, PyObject* arg, tm* out, const char* function, Ref<>* zone) {
  *out = {};
  if (!is_tuple(arg)) {
    (void)raise(ts, PyExc_TypeError, "Tuple or struct_time argument required");
    return false;
  }
  if (tuple_size(arg) != 9) {
    (void)raise(ts, PyExc_TypeError, "%s(): illegal time tuple argument", function);
    return false;
  }
  int v[9];
  for (int i = 0; i < 9; ++i) {
    Py_ssize_t n;
    if (failed(index_as_ssize(ts, tuple_peek(arg, i), &n))) return false;
    if (n > INT32_MAX || n < INT32_MIN) {
      (void)raise(ts, PyExc_OverflowError, i == 0 ? "year out of range" : "signed integer is greater than maximum");
      return false;
    }
    v[i] = static_cast<int>(n);
  }
  if (v[0] < INT32_MIN + 1900) {
    (void)raise(ts, PyExc_OverflowError, "year out of range");
    return false;
  }
  out->tm_year = v[0] - 1900;
  out->tm_mon = v[1] - 1;
  out->tm_mday = v[2];
  out->tm_hour = v[3];
  out->tm_min = v[4];
  out->tm_sec = v[5];
  out->tm_wday = (v[6] + 1) % 7;
  out->tm_yday = v[7] - 1;
  out->tm_isdst = v[8];
  if (arg->ob_type == &atoll_struct_time_type) {
    PyObject* name = PyStructSequence_GetItem(arg, 9);
    PyObject* offset = PyStructSequence_GetItem(arg, 10);
    if (name != nullptr && name != Py_None && is_str(name)) {
      *zone = dup(name);
      out->tm_zone = str_utf8(ts, name);
      if (out->tm_zone == nullptr) return false;
    }
    int64_t off;
    if (offset != nullptr && is_int(offset) && !failed(int_as_i64(ts, offset, &off))) out->tm_gmtoff = off;
  }
  return true;
}

// strftime and asctime index tables with these.
bool check_ranges(ThreadState& ts, tm* t) {
  if (t->tm_mon == -1) t->tm_mon = 0;
  if (t->tm_mday == 0) t->tm_mday = 1;
  if (t->tm_yday == -1) t->tm_yday = 0;
  struct {
    bool bad;
    const char* text;
  } checks[] = {{t->tm_mon < 0 || t->tm_mon > 11, "month out of range"},
                {t->tm_mday < 0 || t->tm_mday > 31, "day of month out of range"},
                {t->tm_hour < 0 || t->tm_hour > 23, "hour out of range"},
                {t->tm_min < 0 || t->tm_min > 59, "minute out of range"},
                {t->tm_sec < 0 || t->tm_sec > 61, "seconds out of range"},
                {t->tm_wday < 0, "day of week out of range"},
                {t->tm_yday < 0 || t->tm_yday > 365, "day of year out of range"}};
  for (const auto& c : checks) {
    if (c.bad) {
      (void)raise(ts, PyExc_ValueError, "%s", c.text);
      return false;
    }
  }
  return true;
}

Ref<> m_mktime(ThreadState& ts, PyObject* m, PyObject* arg) {
  tm t;
  Ref<> zone;
  if (!read_struct(ts, m, arg, &t, "mktime", &zone)) return {};
  t.tm_wday = -1;  // tells an error from the second before the epoch
  time_t r;
  {
    std::lock_guard hold(runtime().libc.lock);  // reads the time zone again where TZ has changed
    r = mktime(&t);
  }
  if (r == -1 && t.tm_wday == -1) return raise(ts, PyExc_OverflowError, "mktime argument out of range");
  return new_float(ts, static_cast<double>(r));
}

Ref<> asctime_of(ThreadState& ts, const tm& t) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return str_format(ts, "%s %s%3d %02d:%02d:%02d %d", kDays[t.tm_wday], kMonths[t.tm_mon], t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, 1900 + t.tm_year);
}
Ref<> m_asctime(ThreadState& ts, PyObject* m, PyObject* arg) {
  tm t;
  Ref<> zone;
  if (arg == nullptr) {
    time_t now = time(nullptr);
    localtime_r(&now, &t);
  } else if (!read_struct(ts, m, arg, &t, "asctime", &zone) || !check_ranges(ts, &t)) {
    return {};
  }
  return asctime_of(ts, t);
}
Ref<> m_ctime(ThreadState& ts, PyObject*, PyObject* when) {
  time_t t;
  if (!to_time_t(ts, when, &t)) return {};
  tm parts;
  errno = 0;
  if (localtime_r(&t, &parts) == nullptr) return raise_os_error(ts, errno ? errno : EINVAL);
  return asctime_of(ts, parts);
}

Ref<> m_strftime(ThreadState& ts, PyObject* m, PyUnicodeObject* format, PyObject* arg) {
  tm t;
  Ref<> zone;
  if (arg == nullptr) {
    time_t now = time(nullptr);
    localtime_r(&now, &t);
  } else if (!read_struct(ts, m, arg, &t, "strftime", &zone) || !check_ranges(ts, &t)) {
    return {};
  }
  if (t.tm_isdst < -1) t.tm_isdst = -1;
  if (t.tm_isdst > 1) t.tm_isdst = 1;
  Ref<> bytes = Ref<>::steal(PyUnicode_AsEncodedString(obj(format), "utf-8", "surrogateescape"));
  if (!bytes) return {};
  const char* f = PyBytes_AS_STRING(bytes.get());
  size_t n = static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()));
  if (std::strlen(f) != n) return raise(ts, PyExc_ValueError, "embedded null character");
  if (n == 0) return dup(empty_str());
  // An empty result is told from too small a buffer by its size: no format needs 256 times its length.
  for (size_t room = 1024;; room *= 2) {
    auto* buffer = static_cast<char*>(std::malloc(room));
    if (buffer == nullptr) return raise_memory(ts);
    size_t written;
    {
      std::lock_guard hold(runtime().libc.lock);
      written = strftime(buffer, room, f, &t);
    }
    if (written > 0 || room >= 256 * n) {
      Ref<> r = str_from_utf8(ts, {buffer, written}, "surrogateescape");
      std::free(buffer);
      return r;
    }
    std::free(buffer);
  }
}

PyObject* m_strptime(PyObject*, PyObject* args) {
  ThreadState& ts = current_thread();
  Ref<> module = Ref<>::steal(PyImport_ImportModule("_strptime"));
  Ref<> f = module ? object_getattr(ts, module.get(), "_strptime_time") : Ref<>();
  return f ? object_call(ts, f.get(), args, nullptr).release() : nullptr;
}

Status set_zone(ThreadState& ts, PyObject* m) {
  {
    std::lock_guard hold(runtime().libc.lock);
    tzset();
  }
  time_t year = 365 * 24 * 3600 + 6 * 3600;
  time_t now = (time(nullptr) / year) * year;
  tm january, july;
  localtime_r(&now, &january);
  char jname[10], sname[10];
  std::snprintf(jname, sizeof jname, "%s", january.tm_zone ? january.tm_zone : "   ");
  long jzone = -january.tm_gmtoff;
  now += year / 2;
  localtime_r(&now, &july);
  std::snprintf(sname, sizeof sname, "%s", july.tm_zone ? july.tm_zone : "   ");
  long szone = -july.tm_gmtoff;
  bool south = jzone < szone;  // summer in January
  long standard = south ? szone : jzone, summer = south ? jzone : szone;
  if (PyModule_AddIntConstant(m, "timezone", standard) < 0 || PyModule_AddIntConstant(m, "altzone", summer) < 0 ||
      PyModule_AddIntConstant(m, "daylight", jzone != szone) < 0) {
    return Status::kError;
  }
  Ref<> names = Ref<>::steal(Py_BuildValue("(zz)", south ? sname : jname, south ? jname : sname));
  return names && PyModule_AddObjectRef(m, "tzname", names.get()) == 0 ? Status::kOk : Status::kError;
  (void)ts;
}
Ref<> m_tzset(ThreadState& ts, PyObject* m) { return failed(set_zone(ts, m)) ? Ref<>() : new_none(); }

Ref<> m_get_clock_info(ThreadState& ts, PyObject*, PyUnicodeObject* name) {
  struct Row {
    const char* name;
    const char* implementation;
    clockid_t id;
    bool monotonic, adjustable;
  };
  static constexpr Row kRows[] = {{"time", "clock_gettime(CLOCK_REALTIME)", CLOCK_REALTIME, false, true},
                                  {"monotonic", "clock_gettime(CLOCK_MONOTONIC)", CLOCK_MONOTONIC, true, false},
                                  {"perf_counter", "clock_gettime(CLOCK_MONOTONIC)", CLOCK_MONOTONIC, true, false},
                                  {"process_time", "clock_gettime(CLOCK_PROCESS_CPUTIME_ID)", CLOCK_PROCESS_CPUTIME_ID, true, false},
                                  {"thread_time", "clock_gettime(CLOCK_THREAD_CPUTIME_ID)", CLOCK_THREAD_CPUTIME_ID, true, false}};
  for (const Row& row : kRows) {
    if (!str_equals_ascii(obj(name), row.name)) continue;
    timespec res;
    clock_getres(row.id, &res);
    Ref<> d = Ref<>::steal(Py_BuildValue("{s:s,s:O,s:O,s:d}", "implementation", row.implementation, "monotonic",
                                         row.monotonic ? Py_True : Py_False, "adjustable", row.adjustable ? Py_True : Py_False,
                                         "resolution", static_cast<double>(res.tv_sec) + static_cast<double>(res.tv_nsec) * 1e-9));
    return d ? Ref<>::steal(_PyNamespace_New(d.get())) : Ref<>();
  }
  return raise(ts, PyExc_ValueError, "unknown clock");
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(seconds<CLOCK_REALTIME>, "time", "($module, /)", "Seconds since the epoch."),
    ATOLL_METHOD(nanoseconds<CLOCK_REALTIME>, "time_ns", "($module, /)", "Nanoseconds since the epoch."),
    ATOLL_METHOD(seconds<CLOCK_MONOTONIC>, "monotonic", "($module, /)", "A clock that can't go backward."),
    ATOLL_METHOD(nanoseconds<CLOCK_MONOTONIC>, "monotonic_ns", "($module, /)", "A clock that can't go backward, in nanoseconds."),
    ATOLL_METHOD(seconds<CLOCK_MONOTONIC>, "perf_counter", "($module, /)", "The clock for measuring performance."),
    ATOLL_METHOD(nanoseconds<CLOCK_MONOTONIC>, "perf_counter_ns", "($module, /)", "The clock for measuring performance, in nanoseconds."),
    ATOLL_METHOD(seconds<CLOCK_PROCESS_CPUTIME_ID>, "process_time", "($module, /)", "CPU time of the process."),
    ATOLL_METHOD(nanoseconds<CLOCK_PROCESS_CPUTIME_ID>, "process_time_ns", "($module, /)", "CPU time of the process, in nanoseconds."),
    ATOLL_METHOD(seconds<CLOCK_THREAD_CPUTIME_ID>, "thread_time", "($module, /)", "CPU time of the thread."),
    ATOLL_METHOD(nanoseconds<CLOCK_THREAD_CPUTIME_ID>, "thread_time_ns", "($module, /)", "CPU time of the thread, in nanoseconds."),
    ATOLL_METHOD(m_clock_gettime, "clock_gettime", "($module, clk_id, /)", "A clock's time."),
    ATOLL_METHOD(m_clock_gettime_ns, "clock_gettime_ns", "($module, clk_id, /)", "A clock's time in nanoseconds."),
    ATOLL_METHOD(m_clock_settime, "clock_settime", "($module, clk_id, time, /)", "Set a clock."),
    ATOLL_METHOD(m_clock_settime_ns, "clock_settime_ns", "($module, clk_id, time, /)", "Set a clock in nanoseconds."),
    ATOLL_METHOD(m_clock_getres, "clock_getres", "($module, clk_id, /)", "A clock's resolution."),
    ATOLL_METHOD(m_pthread_getcpuclockid, "pthread_getcpuclockid", "($module, thread_id, /)", "The clock of a thread's CPU time."),
    ATOLL_METHOD(m_sleep, "sleep", "($module, seconds, /)", "Wait."),
    ATOLL_METHOD(m_gmtime, "gmtime", "($module, seconds=None, /)", "UTC as a struct_time."),
    ATOLL_METHOD(m_localtime, "localtime", "($module, seconds=None, /)", "Local time as a struct_time."),
    ATOLL_METHOD(m_asctime, "asctime", "($module, tuple=None, /)", "A time as text."),
    ATOLL_METHOD(m_ctime, "ctime", "($module, seconds=None, /)", "Local time as text."),
    ATOLL_METHOD(m_mktime, "mktime", "($module, tuple, /)", "Seconds since the epoch from local time."),
    ATOLL_METHOD(m_strftime, "strftime", "($module, format, tuple=None, /)", "A time as text by a format."),
    ATOLL_METHOD_RAW(m_strptime, "strptime", METH_VARARGS, "strptime(string, format) -> struct_time\n\nParse a time by a format."),
    ATOLL_METHOD(m_tzset, "tzset", "($module, /)", "Read the time zone again."),
    ATOLL_METHOD(m_get_clock_info, "get_clock_info", "($module, name, /)", "What a clock is."),
    ATOLL_METHOD_END};

constexpr PyStructSequence_Field kStructTimeFields[] = {
    {"tm_year", "year, for example, 1993"},
    {"tm_mon", "month of year, range [1, 12]"},
    {"tm_mday", "day of month, range [1, 31]"},
    {"tm_hour", "hours, range [0, 23]"},
    {"tm_min", "minutes, range [0, 59]"},
    {"tm_sec", "seconds, range [0, 61])"},
    {"tm_wday", "day of week, range [0, 6], Monday is 0"},
    {"tm_yday", "day of year, range [1, 366]"},
    {"tm_isdst", "1 if summer time is in effect, 0 if not, and -1 if unknown"},
    {"tm_zone", "abbreviation of timezone name"},
    {"tm_gmtoff", "offset from UTC in seconds"},
    {nullptr, nullptr}};

}  // namespace

constinit const StructSpec time_struct_time_struct{"time.struct_time", "A time broken down into parts.", kStructTimeFields, 9};

namespace {

int exec_time(PyObject* m) {
  ThreadState& ts = current_thread();
  if (PyModule_AddObjectRef(m, "struct_time", obj(&atoll_struct_time_type)) < 0) return -1;
  static constexpr struct {
    const char* name;
    int value;
  } kClocks[] = {{"CLOCK_REALTIME", CLOCK_REALTIME}, {"CLOCK_MONOTONIC", CLOCK_MONOTONIC}, {"CLOCK_MONOTONIC_RAW", CLOCK_MONOTONIC_RAW},
                 {"CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID}, {"CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID},
                 {"CLOCK_BOOTTIME", CLOCK_BOOTTIME}, {"CLOCK_TAI", CLOCK_TAI}, {"_STRUCT_TM_ITEMS", 11}};
  for (const auto& c : kClocks) {
    if (PyModule_AddIntConstant(m, c.name, c.value) < 0) return -1;
  }
  return static_cast<int>(set_zone(ts, m));
}
}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_time, "time", "Clocks, sleeping and calendar conversions.", 0, atl::kMethods, atl::exec_time)
