// _datetime: date, and what isocalendar() gives.
#include <time.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "Modules/datetime/internal.h"

namespace atl::datetime {

Ref<> new_date(ThreadState& ts, PyTypeObject* type, const Ymd& d) {
  if (!check_date(ts, d)) return {};
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  PyDateTime_Date* self = as_date(o.get());
  self->hashcode = -1;
  self->data[0] = static_cast<unsigned char>(d.year >> 8);
  self->data[1] = static_cast<unsigned char>(d.year);
  self->data[2] = static_cast<unsigned char>(d.month);
  self->data[3] = static_cast<unsigned char>(d.day);
  return o;
}
Ref<> make_date(ThreadState& ts, State& state, PyTypeObject* type, const Ymd& d) {
  if (type == state.date) return new_date(ts, type, d);
  return Ref<>::steal(PyObject_CallFunction(obj(type), "iii", d.year, d.month, d.day));
}

namespace {

PyObject* not_implemented() { return new_ref(Py_NotImplemented); }

Ref<> date_from_state(ThreadState& ts, PyTypeObject* type, const unsigned char* data) {
  (void)ts;
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  as_date(o.get())->hashcode = -1;
  std::memcpy(as_date(o.get())->data, data, _PyDateTime_DATE_DATASIZE);
  return o;
}
Ref<> date_from_fields(ThreadState& ts, PyTypeObject* type, int year, int month, int day) { return new_date(ts, type, {year, month, day}); }
PyObject* date_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  // What pickle kept: four bytes, perhaps as text by an older Python.
  if (tuple_size(args) == 1 && (kwargs == nullptr || dict_size(kwargs) == 0)) {
    PyObject* state = tuple_peek(args, 0);
    if (is_bytes(state) && bytes_size(state) == _PyDateTime_DATE_DATASIZE && bytes_data(state)[2] >= 1 && bytes_data(state)[2] <= 12) {
      return date_from_state(ts, type, reinterpret_cast<unsigned char*>(bytes_data(state))).release();
    }
    if (is_str(state) && PyUnicode_GET_LENGTH(state) == _PyDateTime_DATE_DATASIZE) {
      Py_UCS4 month = PyUnicode_READ_CHAR(state, 2);
      if (month >= 1 && month <= 12) {
        Ref<> bytes = Ref<>::steal(PyUnicode_AsLatin1String(state));
        if (bytes) return date_from_state(ts, type, reinterpret_cast<unsigned char*>(bytes_data(bytes.get()))).release();
        if (!error_clear_if(ts, PyExc_UnicodeEncodeError)) return nullptr;
        return raise(ts, PyExc_ValueError, "Failed to encode latin1 string when unpickling a date object. pickle.load(data, encoding='latin1') is assumed.");
      }
    }
  }
  return ATOLL_NEW(date_from_fields, "__new__", "(year, month, day)")(type, args, kwargs);
}

Ref<> get_year(ThreadState& ts, PyObject* o) { return int_from_i64(ts, ymd(o).year); }
Ref<> get_month(ThreadState& ts, PyObject* o) { return int_from_i64(ts, ymd(o).month); }
Ref<> get_day(ThreadState& ts, PyObject* o) { return int_from_i64(ts, ymd(o).day); }

bool local_time(ThreadState& ts, PyObject* timestamp, tm* out) {
  // Rounded down to seconds.
  double seconds = 0;
  int64_t whole;
  if (PyFloat_Check(timestamp)) {
    seconds = std::floor(PyFloat_AS_DOUBLE(timestamp));
    if (std::isnan(seconds)) {
      (void)raise(ts, PyExc_ValueError, "Invalid value NaN (not a number)");
      return false;
    }
    if (!(seconds >= -9223372036854775808.0 && seconds < 9223372036854775808.0)) {
      (void)raise(ts, PyExc_OverflowError, "timestamp out of range for platform time_t");
      return false;
    }
    whole = static_cast<int64_t>(seconds);
  } else {
    Ref<> index = number_index(ts, timestamp);
    if (!index) return false;
    int overflow;
    whole = int_as_i64_overflow(index.get(), &overflow);
    if (overflow != 0) {
      (void)raise(ts, PyExc_OverflowError, "timestamp out of range for platform time_t");
      return false;
    }
  }
  time_t t = whole;
  errno = 0;
  if (localtime_r(&t, out) != nullptr) return true;
  (void)raise_os_error(ts, errno != 0 ? errno : EINVAL);
  return false;
}

}  // namespace

Ref<> date_from_timestamp(ThreadState& ts, PyTypeObject* type, PyObject* timestamp) {
  tm t;
  if (!local_time(ts, timestamp, &t)) return {};
  return make_date(ts, state_of(type), type, {t.tm_year + 1900, t.tm_mon + 1, t.tm_mday});
}

namespace {

Ref<> m_today(ThreadState& ts, PyTypeObject* type) {
  Ref<> time = Ref<>::steal(PyImport_ImportModule("time"));
  Ref<> now = time ? Ref<>::steal(PyObject_CallMethod(time.get(), "time", nullptr)) : Ref<>();
  Ref<> method = now ? object_getattr(ts, obj(type), "fromtimestamp") : Ref<>();
  return method ? call(ts, method.get(), now.get()) : Ref<>();
}
Ref<> m_fromtimestamp(ThreadState& ts, PyTypeObject* type, PyObject* timestamp) { return date_from_timestamp(ts, type, timestamp); }
Ref<> m_fromordinal(ThreadState& ts, PyTypeObject* type, int ordinal) {
  if (ordinal < 1) return raise(ts, PyExc_ValueError, "ordinal must be >= 1");
  // Beyond the calendar's end the year tells.
  Ymd d = ordinal > kMaxOrdinal + 1000000000 ? Ymd{kMaxYear + 1, 1, 1} : ymd_of(ordinal);
  return make_date(ts, state_of(type), type, d);
}
Ref<> m_fromisoformat(ThreadState& ts, PyTypeObject* type, PyObject* text) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "fromisoformat: argument must be str");
  Py_ssize_t n;
  const char* c = PyUnicode_AsUTF8AndSize(text, &n);
  Ymd d;
  if (c != nullptr && (n == 7 || n == 8 || n == 10) && parse_iso_date(c, static_cast<size_t>(n), &d)) return make_date(ts, state_of(type), type, d);
  if (c == nullptr && !error_clear_if(ts, PyExc_UnicodeEncodeError)) return {};
  return raise(ts, PyExc_ValueError, "Invalid isoformat string: %R", text);
}
Ref<> m_fromisocalendar(ThreadState& ts, PyTypeObject* type, PyObject* year_arg, PyObject* week_arg, PyObject* day_arg) {
  int numbers[3];
  PyObject* given[3] = {year_arg, week_arg, day_arg};
  for (int i = 0; i < 3; ++i) {
    if (take_int(ts, given[i], &numbers[i])) continue;
    if (error_clear_if(ts, PyExc_OverflowError)) return raise(ts, PyExc_ValueError, "ISO calendar component out of range");
    return {};
  }
  Ymd d;
  return iso_calendar_to_ymd(ts, numbers[0], numbers[1], numbers[2], &d) ? make_date(ts, state_of(type), type, d) : Ref<>();
}

Ref<> date_repr(ThreadState& ts, PyObject* o) {
  Ymd d = ymd(o);
  return str_format(ts, "%s(%d, %d, %d)", o->ob_type->tp_name, d.year, d.month, d.day);
}
Ref<> m_isoformat(ThreadState& ts, PyObject* o) {
  Ymd d = ymd(o);
  return str_format(ts, "%04d-%02d-%02d", d.year, d.month, d.day);
}
Ref<> date_str(ThreadState&, PyObject* o) { return Ref<>::steal(PyObject_CallMethod(o, "isoformat", nullptr)); }
Ref<> m_ctime(ThreadState& ts, PyObject* o) {
  static constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Ymd d = ymd(o);
  Clock c = is_a(o, state_of(o).datetime) ? clock_of_datetime(o) : Clock{};
  return str_format(ts, "%s %s %2d %02d:%02d:%02d %04d", kDays[weekday_of(d.year, d.month, d.day)], kMonths[d.month - 1], d.day, c.hour, c.minute, c.second,
                    d.year);
}
Ref<> m_strftime(ThreadState& ts, PyObject* o, PyUnicodeObject* format) {
  Ref<> tuple = Ref<>::steal(PyObject_CallMethod(o, "timetuple", nullptr));
  if (!tuple) return {};
  State& state = state_of(o);
  bool full = is_a(o, state.datetime);
  return format_by_strftime(ts, state, o, obj(format), tuple.get(), o, full ? zone_of_datetime(o) : Py_None, full ? clock_of_datetime(o).microsecond : 0);
}
Ref<> m_format(ThreadState&, PyObject* o, PyUnicodeObject* format) {
  if (PyUnicode_GET_LENGTH(obj(format)) == 0) return Ref<>::steal(PyObject_Str(o));
  return Ref<>::steal(PyObject_CallMethod(o, "strftime", "O", obj(format)));
}

Ref<> m_isoweekday(ThreadState& ts, PyObject* o) {
  Ymd d = ymd(o);
  return int_from_i64(ts, weekday_of(d.year, d.month, d.day) + 1);
}
Ref<> m_weekday(ThreadState& ts, PyObject* o) {
  Ymd d = ymd(o);
  return int_from_i64(ts, weekday_of(d.year, d.month, d.day));
}
Ref<> m_toordinal(ThreadState& ts, PyObject* o) {
  Ymd d = ymd(o);
  return int_from_i64(ts, ordinal_of(d.year, d.month, d.day));
}
Ref<> m_timetuple(ThreadState& ts, PyObject* o) { return struct_time(ts, ymd(o), {}, -1); }
Ref<> m_isocalendar(ThreadState&, PyObject* o) {
  Ymd d = ymd(o);
  int ordinal = ordinal_of(d.year, d.month, d.day);
  int year = d.year;
  int monday = iso_week1_monday(year);
  if (ordinal < monday) {
    monday = iso_week1_monday(--year);
  } else if (ordinal >= iso_week1_monday(year + 1)) {
    monday = iso_week1_monday(++year);
  }
  Ref<> args = Ref<>::steal(Py_BuildValue("((iii))", year, (ordinal - monday) / 7 + 1, (ordinal - monday) % 7 + 1));
  return args ? Ref<>::steal(PyTuple_Type.tp_new(state_of(o).iso_calendar, args.get(), nullptr)) : Ref<>();
}
Ref<> m_replace(ThreadState& ts, PyObject* o, PyObject* year, PyObject* month, PyObject* day) {
  Ymd d = ymd(o);
  for (auto [given, field] : {std::pair{year, &d.year}, std::pair{month, &d.month}, std::pair{day, &d.day}}) {
    if (given != nullptr && !take_int(ts, given, field)) return {};
  }
  return new_date(ts, o->ob_type, d);
}
Ref<> m_reduce(ThreadState& ts, PyObject* o) {
  Ref<> state = bytes_from(ts, {reinterpret_cast<char*>(as_date(o)->data), _PyDateTime_DATE_DATASIZE});
  return state ? Ref<>::steal(Py_BuildValue("O(O)", obj(o->ob_type), state.get())) : Ref<>();
}

// date + days, as the date's class.
PyObject* shifted(ThreadState& ts, State& state, PyObject* date, int64_t days) {
  Ymd d = ymd(date);
  int64_t ordinal = ordinal_of(d.year, d.month, d.day) + days;
  if (ordinal < 1 || ordinal > kMaxOrdinal) return raise(ts, PyExc_OverflowError, "date value out of range");
  return make_date(ts, state, date->ob_type, ymd_of(static_cast<int>(ordinal))).release();
}
PyObject* date_add(PyObject* a, PyObject* b) {
  State* s = state_of_either(a, b);
  if (s == nullptr || is_a(a, s->datetime) || is_a(b, s->datetime)) return not_implemented();
  if (!is_a(a, s->date)) std::swap(a, b);
  if (!is_a(a, s->date) || !is_a(b, s->delta)) return not_implemented();
  return shifted(current_thread(), *s, a, as_delta(b)->days);
}
PyObject* date_subtract(PyObject* a, PyObject* b) {
  State* s = state_of_either(a, b);
  if (s == nullptr || is_a(a, s->datetime) || is_a(b, s->datetime) || !is_a(a, s->date)) return not_implemented();
  if (is_a(b, s->delta)) return shifted(current_thread(), *s, a, -static_cast<int64_t>(as_delta(b)->days));
  if (!is_a(b, s->date)) return not_implemented();
  Ymd x = ymd(a), y = ymd(b);
  int64_t days = ordinal_of(x.year, x.month, x.day) - ordinal_of(y.year, y.month, y.day);
  return new_delta(current_thread(), *s, static_cast<Micros>(days) * kUsPerDay).release();
}
PyObject* date_compare(PyObject* a, PyObject* b, int op) {
  if (!is_a(b, state_of(a).date)) return not_implemented();
  return compare_result(std::memcmp(as_date(a)->data, as_date(b)->data, _PyDateTime_DATE_DATASIZE), op);
}
Py_hash_t date_hash(PyObject* o) {
  if (as_date(o)->hashcode == -1) as_date(o)->hashcode = hash_of_bytes(current_thread(), as_date(o)->data, _PyDateTime_DATE_DATASIZE);
  return as_date(o)->hashcode;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_CLASSMETHOD(m_fromtimestamp, "fromtimestamp", "($type, timestamp, /)",
                      "Create a date from a POSIX timestamp.\n\nThe timestamp is a number, e.g. created via time.time(), that is interpreted as local time."),
    ATOLL_METHOD_PLAIN_FLAGS(m_fromordinal, "fromordinal", "($type, ordinal, /)", "int -> date corresponding to a proleptic Gregorian ordinal.", METH_CLASS),
    ATOLL_METHOD_PLAIN_FLAGS(m_fromisoformat, "fromisoformat", "($type, string, /)", "str -> Construct a date from a string in ISO 8601 format.", METH_CLASS),
    ATOLL_METHOD_PLAIN_FLAGS(m_fromisocalendar, "fromisocalendar", "($type, /, year, week, day)",
                             "int, int, int -> Construct a date from the ISO year, week number and weekday.\n\nThis is the inverse of the function date.isocalendar()",
                             METH_CLASS),
    ATOLL_METHOD_PLAIN_FLAGS(m_today, "today", "($type, /)", "Current date or datetime:  same as self.__class__.fromtimestamp(time.time()).", METH_CLASS),
    ATOLL_METHOD_PLAIN(m_ctime, "ctime", "($self, /)", "Return ctime() style string."),
    ATOLL_METHOD_PLAIN(m_strftime, "strftime", "($self, /, format)", "format -> strftime() style string."),
    ATOLL_METHOD_PLAIN(m_format, "__format__", "($self, format, /)", "Formats self with strftime."),
    ATOLL_METHOD_PLAIN(m_timetuple, "timetuple", "($self, /)", "Return time tuple, compatible with time.localtime()."),
    ATOLL_METHOD_PLAIN(m_isocalendar, "isocalendar", "($self, /)", "Return a named tuple containing ISO year, week number, and weekday."),
    ATOLL_METHOD_PLAIN(m_isoformat, "isoformat", "($self, /)", "Return string in ISO 8601 format, YYYY-MM-DD."),
    ATOLL_METHOD_PLAIN(m_isoweekday, "isoweekday", "($self, /)", "Return the day of the week represented by the date.\nMonday == 1 ... Sunday == 7"),
    ATOLL_METHOD_PLAIN(m_toordinal, "toordinal", "($self, /)", "Return proleptic Gregorian ordinal.  January 1 of year 1 is day 1."),
    ATOLL_METHOD_PLAIN(m_weekday, "weekday", "($self, /)", "Return the day of the week represented by the date.\nMonday == 0 ... Sunday == 6"),
    ATOLL_METHOD_PLAIN(m_replace, "replace", "($self, /, year=0, month=0, day=0)", "Return date with new specified fields."),
    ATOLL_METHOD_PLAIN(m_reduce, "__reduce__", "($self, /)", "__reduce__() -> (cls, state)"), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"year", ATOLL_GETTER(get_year), nullptr, nullptr, nullptr},
                                   {"month", ATOLL_GETTER(get_month), nullptr, nullptr, nullptr},
                                   {"day", ATOLL_GETTER(get_day), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};

// ---- IsoCalendarDate ---------------------------------------------------------------------------------------------

template <int kIndex>
Ref<> iso_field(ThreadState&, PyObject* o) {
  return Ref<>::dup_of(PyTuple_GetItem(o, kIndex));
}
Ref<> iso_repr(ThreadState& ts, PyObject* o) {
  return str_format(ts, "%.200s(year=%S, week=%S, weekday=%S)", o->ob_type->tp_name, tuple_peek(o, 0), tuple_peek(o, 1), tuple_peek(o, 2));
}
Ref<> iso_reduce(ThreadState&, PyObject* o) {
  return Ref<>::steal(Py_BuildValue("O((OOO))", obj(&PyTuple_Type), tuple_peek(o, 0), tuple_peek(o, 1), tuple_peek(o, 2)));
}
PyObject* iso_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  static constexpr const char* kNames[] = {"year", "week", "weekday"};
  PyObject* given[3];
  for (int i = 0; i < 3; ++i) given[i] = i < tuple_size(args) ? tuple_peek(args, i) : kwargs != nullptr ? PyDict_GetItemString(kwargs, kNames[i]) : nullptr;
  int numbers[3];
  for (int i = 0; i < 3; ++i) {
    if (given[i] == nullptr) return raise(ts, PyExc_TypeError, "IsoCalendarDate() missing required argument '%s' (pos %d)", kNames[i], i + 1);
    if (!take_int(ts, given[i], &numbers[i])) return nullptr;
  }
  Ref<> fields = Ref<>::steal(Py_BuildValue("((iii))", numbers[0], numbers[1], numbers[2]));
  return fields ? PyTuple_Type.tp_new(type, fields.get(), nullptr) : nullptr;
}
constexpr MethodSpec kIsoMethods[] = {ATOLL_METHOD_PLAIN(iso_reduce, "__reduce__", "($self, /)", "__reduce__() -> (cls, state)"), ATOLL_METHOD_END};
constexpr PyGetSetDef kIsoGetSet[] = {{"year", ATOLL_GETTER(iso_field<0>), nullptr, nullptr, nullptr},
                                      {"week", ATOLL_GETTER(iso_field<1>), nullptr, nullptr, nullptr},
                                      {"weekday", ATOLL_GETTER(iso_field<2>), nullptr, nullptr, nullptr},
                                      ATOLL_GETSET_END};

}  // namespace

PyTypeObject* make_date_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(plain_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(date_repr))},
                         {Py_tp_str, reinterpret_cast<void*>(ATOLL_SLOT(date_str))},
                         {Py_tp_hash, reinterpret_cast<void*>(date_hash)},
                         {Py_tp_richcompare, reinterpret_cast<void*>(date_compare)},
                         {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                         {Py_tp_doc, const_cast<char*>("date(year, month, day) --> date object")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {Py_tp_new, reinterpret_cast<void*>(date_new)},
                         {Py_nb_add, reinterpret_cast<void*>(date_add)},
                         {Py_nb_subtract, reinterpret_cast<void*>(date_subtract)},
                         {0, nullptr}};
  PyType_Spec spec{"datetime.date", sizeof(PyDateTime_Date), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  return heap_type(m, spec);
}
PyTypeObject* make_iso_calendar_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(iso_repr))},
                         {Py_tp_doc, const_cast<char*>("The result of date.isocalendar() or datetime.isocalendar()\n\n"
                                                       "This object may be accessed either as a tuple of\n  ((year, week, weekday))\nor via the object attributes as named in the above tuple.")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kIsoMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kIsoGetSet)},
                         {Py_tp_new, reinterpret_cast<void*>(iso_new)},
                         {0, nullptr}};
  PyType_Spec spec{"datetime.IsoCalendarDate", 0, 0, Py_TPFLAGS_DEFAULT, slots};
  return heap_type(m, spec, &PyTuple_Type);
}

}  // namespace atl::datetime
