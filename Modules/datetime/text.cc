// _datetime: dates and times as text.
#include <cstring>
#include <string>

#include "Modules/datetime/internal.h"

namespace atl::datetime {

Ref<> offset_text(ThreadState& ts, Micros offset, const char* separator) {
  char sign = '+';
  if (offset < 0) {
    sign = '-';
    offset = -offset;
  }
  auto us = static_cast<int64_t>(offset);
  auto seconds = static_cast<int>(us / kUsPerSecond);
  auto rest = static_cast<int>(us % kUsPerSecond);
  char text[40];
  int n = std::snprintf(text, sizeof text, "%c%02d%s%02d", sign, seconds / 3600, separator, seconds / 60 % 60);
  if (seconds % 60 != 0 || rest != 0) n += std::snprintf(text + n, sizeof text - static_cast<size_t>(n), "%s%02d", separator, seconds % 60);
  if (rest != 0) std::snprintf(text + n, sizeof text - static_cast<size_t>(n), ".%06d", rest);
  return str_from_ascii(ts, text);
}
Ref<> offset_suffix(ThreadState& ts, State& state, PyObject* zone, PyObject* arg, const char* separator) {
  if (zone == Py_None) return str_from_ascii(ts, "");
  Ref<> offset = call_offset(ts, state, zone, "utcoffset", arg);
  if (!offset) return {};
  if (offset.get() == Py_None) return str_from_ascii(ts, "");
  return offset_text(ts, micros_of(offset.get()), separator);
}

Ref<> clock_text(ThreadState& ts, const Clock& c, const char* timespec) {
  static constexpr struct {
    const char* name;
    const char* format;
  } kSpecs[] = {{"hours", "%02d"},
                {"minutes", "%02d:%02d"},
                {"seconds", "%02d:%02d:%02d"},
                {"milliseconds", "%02d:%02d:%02d.%03d"},
                {"microseconds", "%02d:%02d:%02d.%06d"}};
  int which = c.microsecond != 0 ? 4 : 2;
  if (timespec != nullptr && std::strcmp(timespec, "auto") != 0) {
    which = 0;
    while (which < 5 && std::strcmp(kSpecs[which].name, timespec) != 0) ++which;
    if (which == 5) return raise(ts, PyExc_ValueError, "Unknown timespec value");
  }
  char text[40];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  std::snprintf(text, sizeof text, kSpecs[which].format, c.hour, c.minute, c.second, which == 3 ? c.microsecond / 1000 : c.microsecond);
#pragma GCC diagnostic pop
  return str_from_ascii(ts, text);
}

Ref<> format_by_strftime(ThreadState& ts, State& state, PyObject*, PyObject* format, PyObject* time_tuple, PyObject* zone_arg, PyObject* zone,
                         int microsecond) {
  Py_ssize_t size;
  const char* text = PyUnicode_AsUTF8AndSize(format, &size);
  if (text == nullptr) return {};
  std::string out;
  Ref<> z_text, name_text;  // made once
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (text[i] != '%' || i + 1 == size) {
      out += text[i];
      continue;
    }
    char directive = text[++i];
    switch (directive) {
      case 'z': {
        if (!z_text) z_text = offset_suffix(ts, state, zone, zone_arg, "");
        if (!z_text) return {};
        out += PyUnicode_AsUTF8(z_text.get());
        break;
      }
      case 'Z': {
        if (!name_text) {
          name_text = zone == Py_None ? str_from_ascii(ts, "") : call_tzname(ts, zone, zone_arg);
          if (name_text && name_text.get() == Py_None) name_text = str_from_ascii(ts, "");
          // A percent sign in the name is none of strftime's.
          if (name_text) name_text = Ref<>::steal(PyObject_CallMethod(name_text.get(), "replace", "ss", "%", "%%"));
          if (!name_text) return {};
          if (!is_str(name_text.get())) return raise(ts, PyExc_TypeError, "tzname.replace() did not return a string");
        }
        Py_ssize_t n;
        const char* name = PyUnicode_AsUTF8AndSize(name_text.get(), &n);
        if (name == nullptr) return {};
        out.append(name, static_cast<size_t>(n));
        break;
      }
      case 'f': {
        char digits[16];
        std::snprintf(digits, sizeof digits, "%06d", microsecond);
        out += digits;
        break;
      }
      default:
        out += '%';
        out += directive;
    }
  }
  Ref<> time = Ref<>::steal(PyImport_ImportModule("time"));
  Ref<> strftime = time ? object_getattr(ts, time.get(), "strftime") : Ref<>();
  Ref<> final_format = Ref<>::steal(PyUnicode_FromStringAndSize(out.data(), static_cast<Py_ssize_t>(out.size())));
  return strftime && final_format ? call(ts, strftime.get(), final_format.get(), time_tuple) : Ref<>();
}

// ---- reading ISO 8601 --------------------------------------------------------------------------------------------

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A cursor over ASCII text.
struct Reader {
  const char* at;
  const char* end;
  size_t left() const { return static_cast<size_t>(end - at); }
  bool skip(char c) {
    if (at == end || *at != c) return false;
    ++at;
    return true;
  }
  // Exactly n digits.
  bool number(int n, int* out) {
    if (left() < static_cast<size_t>(n)) return false;
    *out = 0;
    for (int i = 0; i < n; ++i) {
      if (!is_digit(at[i])) return false;
      *out = *out * 10 + (at[i] - '0');
    }
    at += n;
    return true;
  }
};

// HH[[:]MM[[:]SS[(.|,)f…]]]
bool read_clock(Reader r, Clock* c) {
  int* fields[3] = {&c->hour, &c->minute, &c->second};
  *c = {};
  if (!r.number(2, fields[0])) return false;
  if (r.left() == 0) return true;
  bool colons = *r.at == ':';
  int i = 1;
  for (; i < 3 && r.left() > 0; ++i) {
    if (colons && !r.skip(':')) break;
    if (!r.number(2, fields[i])) return false;
  }
  if (r.left() == 0) return true;
  // A fraction belongs to the seconds only.
  if (i != 3 || !(r.skip('.') || r.skip(','))) return false;
  if (r.left() == 0) return false;
  int scale = 100000;
  for (; r.left() > 0; ++r.at) {
    if (!is_digit(*r.at)) return false;
    c->microsecond += scale * (*r.at - '0');
    scale /= 10;
  }
  return true;
}

}  // namespace

bool iso_calendar_to_ymd(ThreadState& ts, int year, int week, int day, Ymd* out) {
  if (year < kMinYear || year > kMaxYear) {
    (void)raise(ts, PyExc_ValueError, "Year is out of range: %d", year);
    return false;
  }
  bool week_ok = week >= 1 && week <= 52;
  if (week == 53) {
    // Years that begin on a Thursday, or leap years that begin on a Wednesday, have 53 weeks.
    int first = weekday_of(year, 1, 1);
    week_ok = first == 3 || (first == 2 && is_leap(year));
  }
  if (!week_ok) {
    (void)raise(ts, PyExc_ValueError, "Invalid week: %d", week);
    return false;
  }
  if (day < 1 || day > 7) {
    (void)raise(ts, PyExc_ValueError, "Invalid day: %d (range is [1, 7])", day);
    return false;
  }
  int ordinal = iso_week1_monday(year) + (week - 1) * 7 + day - 1;
  if (ordinal < 1 || ordinal > kMaxOrdinal) {
    *out = {ordinal < 1 ? 0 : kMaxYear + 1, 1, 1};  // refused by check_date
    return true;
  }
  *out = ymd_of(ordinal);
  return true;
}

bool parse_iso_date(const char* s, size_t n, Ymd* out) {
  Reader r{s, s + n};
  if (!r.number(4, &out->year)) return false;
  bool dashes = r.skip('-');
  if (r.skip('W')) {
    int week, day = 1;
    if (!r.number(2, &week)) return false;
    if (r.left() > 0) {
      if (dashes && !r.skip('-')) return false;
      if (!r.number(1, &day) || r.left() > 0) return false;
    }
    ThreadState& ts = current_thread();
    if (iso_calendar_to_ymd(ts, out->year, week, day, out)) return true;
    error_clear(ts);
    return false;
  }
  if (!r.number(2, &out->month) || (dashes && !r.skip('-'))) return false;
  return r.number(2, &out->day) && r.left() == 0;
}

bool parse_iso_clock(const char* s, size_t n, ParsedClock* out) {
  const char* end = s + n;
  const char* zone = s;
  while (zone < end && *zone != '+' && *zone != '-' && *zone != 'Z') ++zone;
  if (!read_clock({s, zone}, &out->clock)) return false;
  out->has_zone = zone < end;
  if (!out->has_zone) return true;
  if (*zone == 'Z') return zone + 1 == end;
  Clock offset;
  if (!read_clock({zone + 1, end}, &offset)) return false;
  Micros us = (static_cast<int64_t>(offset.hour) * 3600 + offset.minute * 60 + offset.second) * kUsPerSecond + offset.microsecond;
  out->offset = *zone == '-' ? -us : us;
  return true;
}

size_t iso_date_end(const char* s, size_t n) {
  // YYYY-MM-DD, YYYY-Www, YYYY-Www-D, YYYYMMDD, YYYYWww, YYYYWwwD
  if (n <= 7) return n;
  if (s[4] == '-') {
    if (s[5] != 'W') return n < 10 ? n : 10;
    if (n < 8) return n;
    // The dash behind the week is the weekday's, or the separator with an hour behind it.
    if (n > 8 && s[8] == '-') {
      if (n == 9) return n;
      return n > 10 && is_digit(s[10]) ? 8 : 10;
    }
    return 8;
  }
  if (s[4] != 'W') return 8;
  // The digit behind the week is the weekday's when the number of digits up to the separator is odd.
  size_t at = 7;
  while (at < n && is_digit(s[at])) ++at;
  if (at < 9) return at;
  return at % 2 == 0 ? 7 : 8;
}

Ref<> zone_of_parsed(ThreadState& ts, State& state, const ParsedClock& p) {
  if (!p.has_zone) return new_none();
  if (p.offset == 0) return dup(state.utc);
  Ref<> offset = new_delta(ts, state, p.offset);
  return offset ? new_timezone(ts, state, offset.get(), nullptr) : Ref<>();
}

}  // namespace atl::datetime
