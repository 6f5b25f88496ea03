// _datetime: datetime.
#include <time.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "Modules/datetime/internal.h"

namespace atl::datetime {

namespace {

void store(PyDateTime_DateTime* o, const Ymd& d, const Clock& c) {
  o->data[0] = static_cast<unsigned char>(d.year >> 8);
  o->data[1] = static_cast<unsigned char>(d.year);
  o->data[2] = static_cast<unsigned char>(d.month);
  o->data[3] = static_cast<unsigned char>(d.day);
  o->data[4] = static_cast<unsigned char>(c.hour);
  o->data[5] = static_cast<unsigned char>(c.minute);
  o->data[6] = static_cast<unsigned char>(c.second);
  o->data[7] = static_cast<unsigned char>(c.microsecond >> 16);
  o->data[8] = static_cast<unsigned char>(c.microsecond >> 8);
  o->data[9] = static_cast<unsigned char>(c.microsecond);
  o->fold = static_cast<unsigned char>(c.fold);
}
void set_zone(PyDateTime_DateTime* o, PyObject* zone) {
  o->hastzinfo = zone != Py_None;
  o->tzinfo = zone != Py_None ? new_ref(zone) : nullptr;
}
PyObject* not_implemented() { return new_ref(Py_NotImplemented); }

}  // namespace

Ref<> new_datetime(ThreadState& ts, PyTypeObject* type, const Ymd& d, const Clock& c, PyObject* zone) {
  if (!check_date(ts, d) || !check_clock(ts, c)) return {};
  if (zone != Py_None && !check_zone(ts, state_of(type), zone)) return {};
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  as_datetime(o.get())->hashcode = -1;
  store(as_datetime(o.get()), d, c);
  set_zone(as_datetime(o.get()), zone);
  return o;
}
Ref<> make_datetime(ThreadState& ts, State& state, PyTypeObject* type, const Ymd& d, const Clock& c, PyObject* zone) {
  if (type == state.datetime) return new_datetime(ts, type, d, c, zone);
  Ref<> o = Ref<>::steal(PyObject_CallFunction(obj(type), "iiiiiiiO", d.year, d.month, d.day, c.hour, c.minute, c.second, c.microsecond, zone));
  if (o && c.fold && is_a(o.get(), state.datetime)) as_datetime(o.get())->fold = 1;
  return o;
}
Ref<> datetime_from_micros(ThreadState& ts, State& state, PyTypeObject* type, Micros us, PyObject* zone, int fold) {
  Micros day = us / kUsPerDay;
  if (us < kUsPerDay || day > kMaxOrdinal) return raise(ts, PyExc_OverflowError, "date value out of range");
  auto rest = static_cast<int64_t>(us % kUsPerDay);
  auto seconds = static_cast<int>(rest / kUsPerSecond);
  Clock c{seconds / 3600, seconds / 60 % 60, seconds % 60, static_cast<int>(rest % kUsPerSecond), fold};
  return make_datetime(ts, state, type, ymd_of(static_cast<int>(day)), c, zone);
}

namespace {

Micros micros(PyObject* dt) { return micros_since_year1(ymd(dt), clock_of_datetime(dt)); }
constexpr int64_t kEpochSeconds = INT64_C(719163) * 86400;  // 1970-01-01, counted as ordinals are
constexpr int64_t kMaxFoldSeconds = 24 * 3600;

// ---- local time --------------------------------------------------------------------------------------------------
// Seconds are counted as for datetimes, from the day before 0001-01-01.

bool platform_local(ThreadState& ts, int64_t posix_seconds, tm* out) {
  time_t t = posix_seconds;
  errno = 0;
  if (localtime_r(&t, out) != nullptr) return true;
  (void)raise_os_error(ts, errno != 0 ? errno : EINVAL);
  return false;
}
int64_t seconds_of(const Ymd& d, const Clock& c) {
  return static_cast<int64_t>(ordinal_of(d.year, d.month, d.day)) * 86400 + c.hour * 3600 + c.minute * 60 + c.second;
}
// What local clocks show at a moment in UTC; false with an exception set.
bool local_of(ThreadState& ts, int64_t utc, int64_t* out) {
  tm t;
  if (!platform_local(ts, utc - kEpochSeconds, &t)) return false;
  int year = t.tm_year + 1900;
  if (year < kMinYear || year > kMaxYear) {
    (void)raise(ts, PyExc_ValueError, "year %i is out of range", year);
    return false;
  }
  *out = seconds_of({year, t.tm_mon + 1, t.tm_mday}, {t.tm_hour, t.tm_min, t.tm_sec, 0, 0});
  return true;
}
// The moment in UTC at which local clocks show `local`. Where they show it twice, fold says which; where never, it says
// whether the offset before or behind the gap counts (PEP 495).
bool utc_of_local(ThreadState& ts, int64_t local, int fold, int64_t* out) {
  int64_t shown;
  if (!local_of(ts, local, &shown)) return false;
  int64_t offset = shown - local;
  int64_t guess = local - offset;
  if (!local_of(ts, guess, &shown)) return false;
  int64_t other_offset;
  if (shown == local) {
    // A solution. The other one, if there is one, has the offset of a day away.
    int64_t away = fold ? guess + kMaxFoldSeconds : guess - kMaxFoldSeconds;
    if (!local_of(ts, away, &shown)) return false;
    other_offset = shown - away;
    if (other_offset == offset) {
      *out = guess;
      return true;
    }
  } else {
    other_offset = shown - guess;
  }
  int64_t second = local - other_offset;
  int64_t second_shown;
  if (!local_of(ts, second, &second_shown)) return false;
  if (second_shown == local) {
    *out = second;
    return true;
  }
  if (!local_of(ts, guess, &shown)) return false;
  if (shown == local) {
    *out = guess;
  } else {
    *out = fold ? (guess < second ? guess : second) : (guess > second ? guess : second);
  }
  return true;
}

// A timestamp as seconds and microseconds, to the nearest, ties to even.
bool split_timestamp(ThreadState& ts, PyObject* o, int64_t* seconds, int* us) {
  *us = 0;
  if (!PyFloat_Check(o)) {
    Ref<> index = number_index(ts, o);
    if (!index) return false;
    int overflow;
    *seconds = int_as_i64_overflow(index.get(), &overflow);
    if (overflow != 0) (void)raise(ts, PyExc_OverflowError, "timestamp out of range for platform time_t");
    return overflow == 0;
  }
  double value = PyFloat_AS_DOUBLE(o);
  if (std::isnan(value)) {
    (void)raise(ts, PyExc_ValueError, "Invalid value NaN (not a number)");
    return false;
  }
  double whole;
  double fraction = std::nearbyint(std::modf(value, &whole) * 1e6);
  if (fraction >= 1e6) {
    fraction -= 1e6;
    whole += 1;
  } else if (fraction < 0) {
    fraction += 1e6;
    whole -= 1;
  }
  if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0)) {
    (void)raise(ts, PyExc_OverflowError, "timestamp out of range for platform time_t");
    return false;
  }
  *seconds = static_cast<int64_t>(whole);
  *us = static_cast<int>(fraction);
  return true;
}

// cls of a moment, on local clocks or in UTC.
Ref<> at_moment(ThreadState& ts, State& state, PyTypeObject* type, int64_t posix_seconds, int us, bool local, PyObject* zone) {
  tm t;
  if (local) {
    if (!platform_local(ts, posix_seconds, &t)) return {};
  } else {
    time_t moment = posix_seconds;
    errno = 0;
    if (gmtime_r(&moment, &t) == nullptr) return raise_os_error(ts, errno != 0 ? errno : EINVAL);
  }
  // A leap second is the second before it.
  Clock c{t.tm_hour, t.tm_min, t.tm_sec < 59 ? t.tm_sec : 59, us, 0};
  Ymd d{t.tm_year + 1900, t.tm_mon + 1, t.tm_mday};
  if (local && zone == Py_None && check_date(ts, d) && posix_seconds + kEpochSeconds > kMaxFoldSeconds + 86400) {
    // Did clocks show this time before, within a day?
    int64_t now = seconds_of(d, c);
    int64_t before;
    if (!local_of(ts, posix_seconds + kEpochSeconds - kMaxFoldSeconds, &before)) return {};
    int64_t transition = now - before - kMaxFoldSeconds;
    if (transition < 0) {
      int64_t probe;
      if (!local_of(ts, posix_seconds + kEpochSeconds + transition, &probe)) return {};
      c.fold = probe == now;
    }
  }
  if (error_set(ts)) return {};
  return make_datetime(ts, state, type, d, c, zone);
}
Ref<> in_zone(ThreadState& ts, State& state, PyTypeObject* type, int64_t seconds, int us, PyObject* zone) {
  Ref<> utc = at_moment(ts, state, type, seconds, us, zone == Py_None, zone);
  if (!utc || zone == Py_None) return utc;
  return Ref<>::steal(PyObject_CallMethod(zone, "fromutc", "O", utc.get()));
}

}  // namespace

Ref<> datetime_from_timestamp(ThreadState& ts, PyTypeObject* type, PyObject* timestamp, PyObject* zone) {
  State& state = state_of(type);
  int64_t seconds;
  int us;
  if (!check_zone(ts, state, zone) || !split_timestamp(ts, timestamp, &seconds, &us)) return {};
  return in_zone(ts, state, type, seconds, us, zone);
}

namespace {

// ---- making ------------------------------------------------------------------------------------------------------

Ref<> datetime_from_fields(ThreadState& ts, PyTypeObject* type, int year, int month, int day, int hour, int minute, int second, int microsecond,
                           PyObject* zone, int fold) {
  if (zone == nullptr) zone = Py_None;
  return new_datetime(ts, type, {year, month, day}, {hour, minute, second, microsecond, fold}, zone);
}
Ref<> datetime_from_state(ThreadState& ts, PyTypeObject* type, const unsigned char* data, PyObject* zone) {
  if (zone != Py_None && !is_a(zone, state_of(type).tzinfo)) return raise(ts, PyExc_TypeError, "bad tzinfo state arg");
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  PyDateTime_DateTime* d = as_datetime(o.get());
  d->hashcode = -1;
  std::memcpy(d->data, data, _PyDateTime_DATETIME_DATASIZE);
  // The month's high bit is the fold.
  d->fold = (d->data[2] & 128) != 0;
  d->data[2] &= 127;
  set_zone(d, zone);
  return o;
}
bool month_ok(unsigned byte) { return (byte & 127) >= 1 && (byte & 127) <= 12; }
PyObject* datetime_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if ((n == 1 || n == 2) && (kwargs == nullptr || dict_size(kwargs) == 0)) {
    PyObject* state = tuple_peek(args, 0);
    PyObject* zone = n == 2 ? tuple_peek(args, 1) : Py_None;
    if (is_bytes(state)) {
      auto* data = reinterpret_cast<unsigned char*>(bytes_data(state));
      if (bytes_size(state) == _PyDateTime_DATETIME_DATASIZE && month_ok(data[2])) return datetime_from_state(ts, type, data, zone).release();
    } else if (is_str(state) && PyUnicode_GET_LENGTH(state) == _PyDateTime_DATETIME_DATASIZE && month_ok(PyUnicode_READ_CHAR(state, 2))) {
      Ref<> bytes = Ref<>::steal(PyUnicode_AsLatin1String(state));
      if (bytes) return datetime_from_state(ts, type, reinterpret_cast<unsigned char*>(bytes_data(bytes.get())), zone).release();
      if (!error_clear_if(ts, PyExc_UnicodeEncodeError)) return nullptr;
      return raise(ts, PyExc_ValueError, "Failed to encode latin1 string when unpickling a datetime object. pickle.load(data, encoding='latin1') is assumed.");
    }
  }
  return ATOLL_NEW(datetime_from_fields, "__new__",
                   "(year, month, day, hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0)")(type, args, kwargs);
}
void datetime_dealloc(PyObject* o) {
  if (as_datetime(o)->hastzinfo) clear_field(as_datetime(o)->tzinfo);
  heap_instance_free(o);
}

timespec wall_clock() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t;
}
Ref<> m_now(ThreadState& ts, PyTypeObject* type, PyObject* zone) {
  State& state = state_of(type);
  if (zone == nullptr) zone = Py_None;
  if (!check_zone(ts, state, zone)) return {};
  timespec t = wall_clock();
  return in_zone(ts, state, type, t.tv_sec, static_cast<int>(t.tv_nsec / 1000), zone);
}
Ref<> m_utcnow(ThreadState& ts, PyTypeObject* type) {
  timespec t = wall_clock();
  return at_moment(ts, state_of(type), type, t.tv_sec, static_cast<int>(t.tv_nsec / 1000), false, Py_None);
}
Ref<> m_fromtimestamp(ThreadState& ts, PyTypeObject* type, PyObject* timestamp, PyObject* zone) {
  return datetime_from_timestamp(ts, type, timestamp, zone != nullptr ? zone : Py_None);
}
Ref<> m_utcfromtimestamp(ThreadState& ts, PyTypeObject* type, PyObject* timestamp) {
  int64_t seconds;
  int us;
  return split_timestamp(ts, timestamp, &seconds, &us) ? at_moment(ts, state_of(type), type, seconds, us, false, Py_None) : Ref<>();
}
Ref<> m_strptime(ThreadState&, PyTypeObject* type, PyUnicodeObject* text, PyUnicodeObject* format) {
  Ref<> module = Ref<>::steal(PyImport_ImportModule("_strptime"));
  return module ? Ref<>::steal(PyObject_CallMethod(module.get(), "_strptime_datetime", "OOO", obj(type), obj(text), obj(format))) : Ref<>();
}
Ref<> m_combine(ThreadState& ts, PyTypeObject* type, PyObject* date, PyObject* time, PyObject* zone) {
  State& state = state_of(type);
  if (!is_a(date, state.date)) return raise(ts, PyExc_TypeError, "combine() argument 1 must be datetime.date, not %T", date);
  if (!is_a(time, state.time)) return raise(ts, PyExc_TypeError, "combine() argument 2 must be datetime.time, not %T", time);
  return make_datetime(ts, state, type, ymd(date), clock_of_time(time), zone != nullptr ? zone : zone_of_time(time));
}
Ref<> m_fromisoformat(ThreadState& ts, PyTypeObject* type, PyObject* text) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "fromisoformat: argument must be str");
  auto bad = [&] { return Ref<>(raise(ts, PyExc_ValueError, "Invalid isoformat string: %R", text)); };
  // Any one character may stand between date and time.
  Ref<> clean = dup(text);
  Py_ssize_t length = PyUnicode_GET_LENGTH(text);
  for (Py_ssize_t at : {7, 8, 10}) {
    if (at >= length || PyUnicode_READ_CHAR(text, at) < 128) continue;
    Ref<> head = Ref<>::steal(PyUnicode_Substring(text, 0, at)), tail = Ref<>::steal(PyUnicode_Substring(text, at + 1, length));
    if (!head || !tail) return {};
    clean = str_format(ts, "%UT%U", head.get(), tail.get());
    if (!clean) return {};
    break;
  }
  Py_ssize_t n;
  const char* c = PyUnicode_AsUTF8AndSize(clean.get(), &n);
  if (c == nullptr) return error_clear_if(ts, PyExc_UnicodeEncodeError) ? bad() : Ref<>();
  if (n < 7 || n != PyUnicode_GET_LENGTH(clean.get())) return bad();
  size_t date_end = iso_date_end(c, static_cast<size_t>(n));
  Ymd d;
  ParsedClock parsed;
  if (!parse_iso_date(c, date_end, &d)) return bad();
  if (date_end < static_cast<size_t>(n)) {
    if (!parse_iso_clock(c + date_end + 1, static_cast<size_t>(n) - date_end - 1, &parsed)) return bad();
  }
  State& state = state_of(type);
  Ref<> zone = zone_of_parsed(ts, state, parsed);
  return zone ? make_datetime(ts, state, type, d, parsed.clock, zone.get()) : Ref<>();
}

// ---- parts -------------------------------------------------------------------------------------------------------

template <int Clock::*kField>
Ref<> get_field(ThreadState& ts, PyObject* o) {
  return int_from_i64(ts, clock_of_datetime(o).*kField);
}
Ref<> get_tzinfo(ThreadState&, PyObject* o) { return dup(zone_of_datetime(o)); }
Ref<> m_date(ThreadState& ts, PyObject* o) { return new_date(ts, state_of(o).date, ymd(o)); }
Ref<> m_time(ThreadState& ts, PyObject* o) { return new_time(ts, state_of(o).time, clock_of_datetime(o), Py_None); }
Ref<> m_timetz(ThreadState& ts, PyObject* o) { return new_time(ts, state_of(o).time, clock_of_datetime(o), zone_of_datetime(o)); }
Ref<> offset_of(ThreadState& ts, PyObject* o) { return call_offset(ts, state_of(o), zone_of_datetime(o), "utcoffset", o); }
Ref<> m_dst(ThreadState& ts, PyObject* o) { return call_offset(ts, state_of(o), zone_of_datetime(o), "dst", o); }
Ref<> m_tzname(ThreadState& ts, PyObject* o) { return call_tzname(ts, zone_of_datetime(o), o); }
Ref<> m_timetuple(ThreadState& ts, PyObject* o) {
  int dst = -1;
  if (zone_of_datetime(o) != Py_None) {
    Ref<> delta = m_dst(ts, o);
    if (!delta) return {};
    if (delta.get() != Py_None) dst = micros_of(delta.get()) != 0;
  }
  return struct_time(ts, ymd(o), clock_of_datetime(o), dst);
}
Ref<> m_utctimetuple(ThreadState& ts, PyObject* o) {
  Ref<> offset = offset_of(ts, o);
  if (!offset) return {};
  if (offset.get() == Py_None) return struct_time(ts, ymd(o), clock_of_datetime(o), 0);
  State& state = state_of(o);
  Ref<> utc = datetime_from_micros(ts, state, state.datetime, micros(o) - micros_of(offset.get()), Py_None, 0);
  return utc ? struct_time(ts, ymd(utc.get()), clock_of_datetime(utc.get()), 0) : Ref<>();
}
Ref<> m_timestamp(ThreadState& ts, PyObject* o) {
  if (zone_of_datetime(o) != Py_None) {
    Ref<> delta = Ref<>::steal(PyNumber_Subtract(o, state_of(o).epoch));
    return delta ? Ref<>::steal(PyObject_CallMethod(delta.get(), "total_seconds", nullptr)) : Ref<>();
  }
  Clock c = clock_of_datetime(o);
  int64_t utc;
  if (!utc_of_local(ts, seconds_of(ymd(o), c), c.fold, &utc)) return {};
  return new_float(ts, static_cast<double>(utc - kEpochSeconds) + c.microsecond / 1e6);
}
Ref<> m_replace(ThreadState& ts, PyObject* o, PyObject* year, PyObject* month, PyObject* day, PyObject* hour, PyObject* minute, PyObject* second,
                PyObject* microsecond, PyObject* zone, PyObject* fold) {
  Ymd d = ymd(o);
  Clock c = clock_of_datetime(o);
  for (auto [given, field] :
       {std::pair{year, &d.year}, std::pair{month, &d.month}, std::pair{day, &d.day}, std::pair{hour, &c.hour}, std::pair{minute, &c.minute},
        std::pair{second, &c.second}, std::pair{microsecond, &c.microsecond}, std::pair{fold, &c.fold}}) {
    if (given != nullptr && !take_int(ts, given, field)) return {};
  }
  return new_datetime(ts, o->ob_type, d, c, zone != nullptr ? zone : zone_of_datetime(o));
}

// The zone of local clocks at a moment, with its name.
Ref<> local_zone_at(ThreadState& ts, State& state, int64_t posix_seconds) {
  tm t;
  if (!platform_local(ts, posix_seconds, &t)) return {};
  Ref<> offset = new_delta(ts, state, static_cast<Micros>(t.tm_gmtoff) * kUsPerSecond);
  Ref<> name = offset ? Ref<>::steal(PyUnicode_DecodeLocale(t.tm_zone, "surrogateescape")) : Ref<>();
  return name ? new_timezone(ts, state, offset.get(), name.get()) : Ref<>();
}
Ref<> local_zone_of_naive(ThreadState& ts, State& state, PyObject* o) {
  Clock c = clock_of_datetime(o);
  int64_t utc;
  if (!utc_of_local(ts, seconds_of(ymd(o), c), c.fold, &utc)) return {};
  return local_zone_at(ts, state, utc - kEpochSeconds);
}
Ref<> m_astimezone(ThreadState& ts, PyObject* o, PyObject* zone) {
  State& state = state_of(o);
  if (zone == nullptr) zone = Py_None;
  if (zone != Py_None && !is_a(zone, state.tzinfo)) {
    return raise(ts, PyExc_TypeError, "tzinfo argument must be None or of a tzinfo subclass, not type '%s'", zone->ob_type->tp_name);
  }
  Ref<> own = dup(zone_of_datetime(o));
  if (own.get() == zone && zone != Py_None) return dup(o);
  Ref<> offset;
  if (own.get() != Py_None) {
    offset = call_offset(ts, state, own.get(), "utcoffset", o);
    if (!offset) return {};
  }
  if (!offset || offset.get() == Py_None) {  // naive: on local clocks
    own = local_zone_of_naive(ts, state, o);
    if (!own) return {};
    if (own.get() == zone) return dup(o);
    offset = call_offset(ts, state, own.get(), "utcoffset", o);
    if (!offset) return {};
  }
  Micros utc = micros(o) - micros_of(offset.get());
  Ref<> target = dup(zone);
  if (zone == Py_None) {
    Micros since_epoch = utc / kUsPerSecond - kEpochSeconds;
    target = local_zone_at(ts, state, static_cast<int64_t>(since_epoch));
    if (!target) return {};
  }
  Ref<> moment = datetime_from_micros(ts, state, o->ob_type, utc, target.get(), 0);
  return moment ? Ref<>::steal(PyObject_CallMethod(target.get(), "fromutc", "O", moment.get())) : Ref<>();
}

// ---- text --------------------------------------------------------------------------------------------------------

Ref<> datetime_repr(ThreadState& ts, PyObject* o) {
  Ymd d = ymd(o);
  Clock c = clock_of_datetime(o);
  Ref<> text = str_format(ts, "%s(%d, %d, %d, %d, %d", o->ob_type->tp_name, d.year, d.month, d.day, c.hour, c.minute);
  if (text && (c.second != 0 || c.microsecond != 0)) text = str_format(ts, "%U, %d", text.get(), c.second);
  if (text && c.microsecond != 0) text = str_format(ts, "%U, %d", text.get(), c.microsecond);
  if (text && c.fold) text = str_format(ts, "%U, fold=1", text.get());
  if (text && zone_of_datetime(o) != Py_None) text = str_format(ts, "%U, tzinfo=%R", text.get(), zone_of_datetime(o));
  return text ? str_format(ts, "%U)", text.get()) : Ref<>();
}
Ref<> datetime_str(ThreadState&, PyObject* o) { return Ref<>::steal(PyObject_CallMethod(o, "isoformat", "s", " ")); }
Ref<> m_isoformat(ThreadState& ts, PyObject* o, PyObject* separator, PyUnicodeObject* timespec) {
  Py_UCS4 between = 'T';
  if (separator != nullptr) {
    if (!is_str(separator)) return raise(ts, PyExc_TypeError, "isoformat() argument 1 must be a unicode character, not %T", separator);
    if (PyUnicode_GET_LENGTH(separator) != 1) return raise(ts, PyExc_TypeError, "isoformat() argument 1 must be a unicode character, not %T", separator);
    between = PyUnicode_READ_CHAR(separator, 0);
  }
  const char* spec = timespec != nullptr ? PyUnicode_AsUTF8(obj(timespec)) : nullptr;
  if (timespec != nullptr && spec == nullptr) return {};
  Ymd d = ymd(o);
  Ref<> clock = clock_text(ts, clock_of_datetime(o), spec);
  Ref<> suffix = clock ? offset_suffix(ts, state_of(o), zone_of_datetime(o), o, ":") : Ref<>();
  Ref<> sep = suffix ? str_from_char(ts, between) : Ref<>();
  return sep ? str_format(ts, "%04d-%02d-%02d%U%U%U", d.year, d.month, d.day, sep.get(), clock.get(), suffix.get()) : Ref<>();
}

// ---- arithmetic and comparison -----------------------------------------------------------------------------------

PyObject* shifted(ThreadState& ts, State& state, PyObject* dt, Micros us) {
  return datetime_from_micros(ts, state, dt->ob_type, micros(dt) + us, zone_of_datetime(dt), 0).release();
}
PyObject* datetime_add(PyObject* a, PyObject* b) {
  State* s = state_of_either(a, b);
  if (s == nullptr) return not_implemented();
  if (!is_a(a, s->datetime)) std::swap(a, b);
  if (!is_a(a, s->datetime) || !is_a(b, s->delta)) return not_implemented();
  return shifted(current_thread(), *s, a, micros_of(b));
}
PyObject* datetime_subtract(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  State* s = state_of_either(a, b);
  if (s == nullptr || !is_a(a, s->datetime)) return not_implemented();
  if (is_a(b, s->delta)) return shifted(ts, *s, a, -micros_of(b));
  if (!is_a(b, s->datetime)) return not_implemented();
  Micros difference = micros(a) - micros(b);
  if (zone_of_datetime(a) != zone_of_datetime(b)) {
    Ref<> x = offset_of(ts, a);
    Ref<> y = x ? offset_of(ts, b) : Ref<>();
    if (!y) return nullptr;
    if ((x.get() == Py_None) != (y.get() == Py_None)) {
      return raise(ts, PyExc_TypeError, "can't subtract offset-naive and offset-aware datetimes");
    }
    if (x.get() != Py_None) difference -= micros_of(x.get()) - micros_of(y.get());
  }
  return new_delta(ts, *s, difference).release();
}

// Does the offset depend on the fold? Then the time equals none of another zone (PEP 495). offset is the one of o as it is.
Tri offset_depends_on_fold(ThreadState& ts, PyObject* o, PyObject* offset) {
  Clock c = clock_of_datetime(o);
  c.fold = !c.fold;
  Ref<> flipped = new_datetime(ts, state_of(o).datetime, ymd(o), c, zone_of_datetime(o));
  Ref<> other = flipped ? offset_of(ts, flipped.get()) : Ref<>();
  if (!other) return Tri::kError;
  if (other.get() == offset) return Tri::kFalse;
  if (other.get() == Py_None || offset == Py_None) return Tri::kTrue;
  return tri(micros_of(other.get()) != micros_of(offset));
}
PyObject* datetime_compare(PyObject* a, PyObject* b, int op) {
  ThreadState& ts = current_thread();
  State& state = state_of(a);
  bool equality = op == Py_EQ || op == Py_NE;
  if (!is_a(b, state.datetime)) {
    if (!is_a(b, state.date)) return not_implemented();
    // A datetime is a date, but comparing the two makes no sense.
    if (equality) return new_ref(op == Py_EQ ? Py_False : Py_True);
    return cant_compare(ts, a, b);
  }
  auto plain = [&] { return compare_result(std::memcmp(as_datetime(a)->data, as_datetime(b)->data, _PyDateTime_DATETIME_DATASIZE), op); };
  if (zone_of_datetime(a) == zone_of_datetime(b)) return plain();
  Ref<> x = offset_of(ts, a);
  Ref<> y = x ? offset_of(ts, b) : Ref<>();
  if (!y) return nullptr;
  bool x_naive = x.get() == Py_None, y_naive = y.get() == Py_None;
  if (x_naive != y_naive) {
    if (equality) return new_ref(op == Py_EQ ? Py_False : Py_True);
    return raise(ts, PyExc_TypeError, "can't compare offset-naive and offset-aware datetimes");
  }
  Micros p = micros(a), q = micros(b);
  if (!x_naive) {
    p -= micros_of(x.get());
    q -= micros_of(y.get());
  }
  if (equality && p == q) {
    Tri problem = offset_depends_on_fold(ts, a, x.get());
    if (problem == Tri::kFalse) problem = offset_depends_on_fold(ts, b, y.get());
    if (failed(problem)) return nullptr;
    if (problem == Tri::kTrue) return new_ref(op == Py_EQ ? Py_False : Py_True);
  }
  return compare_result(p < q ? -1 : p > q, op);
}
Py_hash_t datetime_hash(PyObject* o) {
  ThreadState& ts = current_thread();
  PyDateTime_DateTime* d = as_datetime(o);
  if (d->hashcode != -1) return d->hashcode;
  Ref<> first = dup(o);
  if (d->fold) {
    Clock c = clock_of_datetime(o);
    c.fold = 0;
    first = new_datetime(ts, state_of(o).datetime, ymd(o), c, zone_of_datetime(o));
  }
  Ref<> offset = first ? offset_of(ts, first.get()) : Ref<>();
  if (!offset) return -1;
  if (offset.get() == Py_None) {
    d->hashcode = hash_of_bytes(ts, d->data, _PyDateTime_DATETIME_DATASIZE);
  } else {
    Ref<> delta = new_delta(ts, state_of(o), micros(o) - micros_of(offset.get()));
    d->hashcode = delta ? PyObject_Hash(delta.get()) : -1;
  }
  return d->hashcode;
}

Ref<> reduced(ThreadState& ts, PyObject* o, bool with_fold) {
  Ref<> state = bytes_from(ts, {reinterpret_cast<char*>(as_datetime(o)->data), _PyDateTime_DATETIME_DATASIZE});
  if (!state) return {};
  if (with_fold && as_datetime(o)->fold) bytes_data(state.get())[2] = static_cast<char>(bytes_data(state.get())[2] | 128);
  PyObject* zone = zone_of_datetime(o);
  if (zone == Py_None) return Ref<>::steal(Py_BuildValue("O(O)", obj(o->ob_type), state.get()));
  return Ref<>::steal(Py_BuildValue("O(OO)", obj(o->ob_type), state.get(), zone));
}
Ref<> m_reduce_ex(ThreadState& ts, PyObject* o, int protocol) { return reduced(ts, o, protocol > 3); }
Ref<> m_reduce(ThreadState& ts, PyObject* o) { return reduced(ts, o, false); }

constexpr MethodSpec kMethods[] = {
    ATOLL_CLASSMETHOD(m_now, "now", "($type, /, tz=None)",
                      "Returns new datetime object representing current time local to tz.\n\n  tz\n    Timezone object.\n\nIf no tz is specified, uses local timezone."),
    ATOLL_METHOD_PLAIN_FLAGS(m_utcnow, "utcnow", "($type, /)", "Return a new datetime representing UTC day and time.", METH_CLASS),
    ATOLL_METHOD_PLAIN_FLAGS(m_fromtimestamp, "fromtimestamp", "($type, /, timestamp, tz=None)", "timestamp[, tz] -> tz's local time from POSIX timestamp.",
                             METH_CLASS),
    ATOLL_METHOD_PLAIN_FLAGS(m_utcfromtimestamp, "utcfromtimestamp", "($type, timestamp, /)", "Construct a naive UTC datetime from a POSIX timestamp.",
                             METH_CLASS),
    ATOLL_METHOD_PLAIN_FLAGS(m_strptime, "strptime", "($type, date_string, format, /)",
                             "string, format -> new datetime parsed from a string (like time.strptime()).", METH_CLASS),
    ATOLL_METHOD_PLAIN_FLAGS(m_combine, "combine", "($type, /, date, time, tzinfo=None)", "date, time -> datetime with same date and time fields", METH_CLASS),
    ATOLL_METHOD_PLAIN_FLAGS(m_fromisoformat, "fromisoformat", "($type, date_string, /)", "string -> datetime from a string in most ISO 8601 formats",
                             METH_CLASS),
    ATOLL_METHOD_PLAIN(m_date, "date", "($self, /)", "Return date object with same year, month and day."),
    ATOLL_METHOD_PLAIN(m_time, "time", "($self, /)", "Return time object with same time but with tzinfo=None."),
    ATOLL_METHOD_PLAIN(m_timetz, "timetz", "($self, /)", "Return time object with same time and tzinfo."),
    ATOLL_METHOD_PLAIN(m_timetuple, "timetuple", "($self, /)", "Return time tuple, compatible with time.localtime()."),
    ATOLL_METHOD_PLAIN(m_timestamp, "timestamp", "($self, /)", "Return POSIX timestamp as float."),
    ATOLL_METHOD_PLAIN(m_utctimetuple, "utctimetuple", "($self, /)", "Return UTC time tuple, compatible with time.localtime()."),
    ATOLL_METHOD_PLAIN(m_isoformat, "isoformat", "($self, /, sep=None, timespec=None)",
                       "[sep] -> string in ISO 8601 format, YYYY-MM-DDT[HH[:MM[:SS[.mmm[uuu]]]]][+HH:MM].\n"
                       "sep stands between date and time and is 'T' by default.\n"
                       "timespec says how many components the time has: 'auto' (the default), 'hours', 'minutes', 'seconds', 'milliseconds' or 'microseconds'.\n"),
    ATOLL_METHOD_PLAIN(offset_of, "utcoffset", "($self, /)", "Return self.tzinfo.utcoffset(self)."),
    ATOLL_METHOD_PLAIN(m_tzname, "tzname", "($self, /)", "Return self.tzinfo.tzname(self)."),
    ATOLL_METHOD_PLAIN(m_dst, "dst", "($self, /)", "Return self.tzinfo.dst(self)."),
    ATOLL_METHOD_PLAIN(m_replace, "replace", "($self, /, year=0, month=0, day=0, hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0)",
                       "Return datetime with new specified fields."),
    ATOLL_METHOD_PLAIN(m_astimezone, "astimezone", "($self, /, tz=None)", "tz -> convert to local time in new timezone tz\n"),
    ATOLL_METHOD_PLAIN(m_reduce_ex, "__reduce_ex__", "($self, protocol, /)", "__reduce_ex__(proto) -> (cls, state)"),
    ATOLL_METHOD_PLAIN(m_reduce, "__reduce__", "($self, /)", "__reduce__() -> (cls, state)"), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"hour", ATOLL_GETTER(get_field<&Clock::hour>), nullptr, nullptr, nullptr},
                                   {"minute", ATOLL_GETTER(get_field<&Clock::minute>), nullptr, nullptr, nullptr},
                                   {"second", ATOLL_GETTER(get_field<&Clock::second>), nullptr, nullptr, nullptr},
                                   {"microsecond", ATOLL_GETTER(get_field<&Clock::microsecond>), nullptr, nullptr, nullptr},
                                   {"tzinfo", ATOLL_GETTER(get_tzinfo), nullptr, nullptr, nullptr},
                                   {"fold", ATOLL_GETTER(get_field<&Clock::fold>), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};

}  // namespace

PyTypeObject* make_datetime_type(PyObject* m, PyTypeObject* date) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(datetime_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(datetime_repr))},
                         {Py_tp_str, reinterpret_cast<void*>(ATOLL_SLOT(datetime_str))},
                         {Py_tp_hash, reinterpret_cast<void*>(datetime_hash)},
                         {Py_tp_richcompare, reinterpret_cast<void*>(datetime_compare)},
                         {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                         {Py_tp_doc, const_cast<char*>("datetime(year, month, day[, hour[, minute[, second[, microsecond[,tzinfo]]]]])\n\n"
                                                       "The year, month and day arguments are required. tzinfo may be None, or an\ninstance of a tzinfo subclass. The remaining arguments may be ints.\n")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {Py_tp_new, reinterpret_cast<void*>(datetime_new)},
                         {Py_nb_add, reinterpret_cast<void*>(datetime_add)},
                         {Py_nb_subtract, reinterpret_cast<void*>(datetime_subtract)},
                         {0, nullptr}};
  PyType_Spec spec{"datetime.datetime", sizeof(PyDateTime_DateTime), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  return heap_type(m, spec, date);
}

}  // namespace atl::datetime
