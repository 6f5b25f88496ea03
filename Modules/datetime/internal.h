// _datetime: what its files share.
#pragma once

#include "Modules/module_tools.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "datetime.h"
#include "structmember.h"

namespace atl::datetime {

inline constexpr int kMinYear = 1, kMaxYear = 9999, kMaxOrdinal = 3652059;
inline constexpr int kMaxDeltaDays = 999999999;
inline constexpr int64_t kUsPerSecond = 1000000, kUsPerDay = 86400 * kUsPerSecond;
// Microseconds of a timedelta: 77 bits.
using Micros = __int128;

struct State {
  PyTypeObject *delta, *date, *tzinfo, *time, *datetime, *timezone, *iso_calendar;
  PyObject* utc;
  PyObject* epoch;  // datetime(1970, 1, 1, tzinfo=utc)
};
State& state_of_module(PyObject* m);
// The state of the module that a type of this module, or a subclass, belongs to.
State& state_of(PyTypeObject* type);
inline State& state_of(const void* o) { return state_of(static_cast<const PyObject*>(o)->ob_type); }

// Of whichever operand of a binary operator has one; NULL without an exception.
State* state_of_either(PyObject* a, PyObject* b);

inline bool is_a(const PyObject* o, const PyTypeObject* type) { return is_instance_nocall(o, const_cast<PyTypeObject*>(type)); }

// ---- the calendar ------------------------------------------------------------------------------------------------

struct Ymd {
  int year, month, day;
};
bool is_leap(int year);
int days_in_month(int year, int month);
int day_of_year(int year, int month, int day);      // from 1
int ordinal_of(int year, int month, int day);       // 1 is 0001-01-01
Ymd ymd_of(int ordinal);
inline int weekday_of(int year, int month, int day) { return (ordinal_of(year, month, day) + 6) % 7; }  // 0: Monday
int iso_week1_monday(int year);                      // its ordinal

// ---- fields ------------------------------------------------------------------------------------------------------

struct Clock {
  int hour = 0, minute = 0, second = 0, microsecond = 0, fold = 0;
};
inline PyDateTime_Delta* as_delta(PyObject* o) { return reinterpret_cast<PyDateTime_Delta*>(o); }
inline PyDateTime_Date* as_date(PyObject* o) { return reinterpret_cast<PyDateTime_Date*>(o); }
inline PyDateTime_Time* as_time(PyObject* o) { return reinterpret_cast<PyDateTime_Time*>(o); }
inline PyDateTime_DateTime* as_datetime(PyObject* o) { return reinterpret_cast<PyDateTime_DateTime*>(o); }

inline Ymd date_fields(const unsigned char* d) { return {d[0] << 8 | d[1], d[2], d[3]}; }
inline Clock clock_fields(const unsigned char* d, int fold) { return {d[0], d[1], d[2], d[3] << 16 | d[4] << 8 | d[5], fold}; }
inline Ymd ymd(const PyObject* o) { return date_fields(reinterpret_cast<const PyDateTime_Date*>(o)->data); }
inline Clock clock_of_datetime(PyObject* o) { return clock_fields(as_datetime(o)->data + 4, as_datetime(o)->fold); }
inline Clock clock_of_time(PyObject* o) { return clock_fields(as_time(o)->data, as_time(o)->fold); }
// None when naive; borrowed.
inline PyObject* zone_of_time(PyObject* o) { return as_time(o)->hastzinfo ? as_time(o)->tzinfo : Py_None; }
inline PyObject* zone_of_datetime(PyObject* o) { return as_datetime(o)->hastzinfo ? as_datetime(o)->tzinfo : Py_None; }

bool check_date(ThreadState& ts, const Ymd& d);
bool check_clock(ThreadState& ts, const Clock& c);
bool check_zone(ThreadState& ts, State& state, PyObject* zone);

// ---- making objects ----------------------------------------------------------------------------------------------
// new_… checks and fills an instance of the type itself; make_… calls the class where it is a subclass.

Micros micros_of(const PyDateTime_Delta* d);
inline Micros micros_of(PyObject* delta) { return micros_of(as_delta(delta)); }
Ref<> new_delta(ThreadState& ts, PyTypeObject* type, Micros us);
inline Ref<> new_delta(ThreadState& ts, State& state, Micros us) { return new_delta(ts, state.delta, us); }
Ref<> new_date(ThreadState& ts, PyTypeObject* type, const Ymd& d);
Ref<> make_date(ThreadState& ts, State& state, PyTypeObject* type, const Ymd& d);
Ref<> new_time(ThreadState& ts, PyTypeObject* type, const Clock& c, PyObject* zone);
Ref<> make_time(ThreadState& ts, State& state, PyTypeObject* type, const Clock& c, PyObject* zone);
Ref<> new_datetime(ThreadState& ts, PyTypeObject* type, const Ymd& d, const Clock& c, PyObject* zone);
Ref<> make_datetime(ThreadState& ts, State& state, PyTypeObject* type, const Ymd& d, const Clock& c, PyObject* zone);
Ref<> new_timezone(ThreadState& ts, State& state, PyObject* offset, PyObject* name);  // name may be NULL
// From microseconds since 0001-01-01; OverflowError outside of the years.
Ref<> datetime_from_micros(ThreadState& ts, State& state, PyTypeObject* type, Micros us, PyObject* zone, int fold);
Micros micros_since_year1(const Ymd& d, const Clock& c);

Ref<> int_of_micros(Micros us);
// OverflowError "Python int too large to convert to C int" when it is out of reach.
Status micros_from_int(ThreadState& ts, PyObject* number, Micros* out);

// ---- tzinfo ------------------------------------------------------------------------------------------------------

// zone.<method>(arg): None, or a timedelta of less than a day. zone may be None.
Ref<> call_offset(ThreadState& ts, State& state, PyObject* zone, const char* method, PyObject* arg);
Ref<> call_tzname(ThreadState& ts, PyObject* zone, PyObject* arg);
Ref<> zone_from_utc(ThreadState& ts, State& state, PyObject* zone, PyObject* datetime);

// ---- text --------------------------------------------------------------------------------------------------------

// "+HH:MM[:SS[.ffffff]]" with the given separator.
Ref<> offset_text(ThreadState& ts, Micros offset, const char* separator);
// The text of hours, minutes and so on; empty with ValueError for an unknown timespec (NULL: auto).
Ref<> clock_text(ThreadState& ts, const Clock& c, const char* timespec);
// The offset of an object in a zone, or "".
Ref<> offset_suffix(ThreadState& ts, State& state, PyObject* zone, PyObject* arg, const char* separator);
// Directives for time zones and microseconds are filled in here, the rest is time.strftime's.
Ref<> format_by_strftime(ThreadState& ts, State& state, PyObject* o, PyObject* format, PyObject* time_tuple, PyObject* zone_arg, PyObject* zone, int microsecond);

struct ParsedClock {
  Clock clock;
  bool has_zone = false;
  Micros offset = 0;
};
bool parse_iso_date(const char* s, size_t n, Ymd* out);
// False: not a time. Fractions beyond microseconds are cut off.
bool parse_iso_clock(const char* s, size_t n, ParsedClock* out);
// Where the date ends in an ISO 8601 text of date and time.
size_t iso_date_end(const char* s, size_t n);
Ref<> zone_of_parsed(ThreadState& ts, State& state, const ParsedClock& p);
bool iso_calendar_to_ymd(ThreadState& ts, int year, int week, int day, Ymd* out);

Ref<> struct_time(ThreadState& ts, const Ymd& d, const Clock& c, int dst);

// ---- shared slots ------------------------------------------------------------------------------------------------

Py_hash_t hash_of_bytes(ThreadState& ts, const void* data, size_t n);
void plain_dealloc(PyObject* o);
PyObject* compare_result(int difference, int op);
Raised cant_compare(ThreadState& ts, PyObject* a, PyObject* b);

bool take_int(ThreadState& ts, PyObject* o, int* out);

// The specs' makers, one for each type.
PyTypeObject* make_delta_type(PyObject* m);
PyTypeObject* make_date_type(PyObject* m);
PyTypeObject* make_iso_calendar_type(PyObject* m);
PyTypeObject* make_tzinfo_type(PyObject* m);
PyTypeObject* make_timezone_type(PyObject* m, PyTypeObject* tzinfo);
PyTypeObject* make_time_type(PyObject* m);
PyTypeObject* make_datetime_type(PyObject* m, PyTypeObject* date);

// What the C API needs of datetime and date.
Ref<> datetime_from_timestamp(ThreadState& ts, PyTypeObject* type, PyObject* timestamp, PyObject* zone);
Ref<> date_from_timestamp(ThreadState& ts, PyTypeObject* type, PyObject* timestamp);

}  // namespace atl::datetime
