// _datetime: the module, the calendar, what the types share, and the C API.
#include "Modules/datetime/internal.h"

namespace atl::datetime {

// ---- the calendar ------------------------------------------------------------------------------------------------

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
int days_in_month(int year, int month) {
  static constexpr uint8_t kDays[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month];
}
int day_of_year(int year, int month, int day) {
  static constexpr uint16_t kBefore[13] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  return kBefore[month] + (month > 2 && is_leap(year)) + day;
}
int ordinal_of(int year, int month, int day) {
  int y = year - 1;
  return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year(year, month, day);
}
// Counts in years that begin in March, so that the leap day comes last; 400 of them make a cycle.
Ymd ymd_of(int ordinal) {
  int days = ordinal + 305;
  int cycle = days / 146097;
  int in_cycle = days % 146097;
  int year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
  int in_year = in_cycle - (365 * year + year / 4 - year / 100);
  int month = (5 * in_year + 2) / 153;  // 0: March
  int day = in_year - (153 * month + 2) / 5 + 1;
  return {year + 400 * cycle + (month >= 10), month < 10 ? month + 3 : month - 9, day};
}
int iso_week1_monday(int year) {
  int first = ordinal_of(year, 1, 1);
  int weekday = (first + 6) % 7;
  return first - weekday + (weekday > 3 ? 7 : 0);  // the week with the year's first Thursday
}

// ---- shared ------------------------------------------------------------------------------------------------------

bool check_date(ThreadState& ts, const Ymd& d) {
  if (d.year < kMinYear || d.year > kMaxYear) {
    (void)raise(ts, PyExc_ValueError, "year %i is out of range", d.year);
  } else if (d.month < 1 || d.month > 12) {
    (void)raise(ts, PyExc_ValueError, "month must be in 1..12");
  } else if (d.day < 1 || d.day > days_in_month(d.year, d.month)) {
    (void)raise(ts, PyExc_ValueError, "day is out of range for month");
  } else {
    return true;
  }
  return false;
}
bool check_clock(ThreadState& ts, const Clock& c) {
  const char* problem = c.hour < 0 || c.hour > 23                      ? "hour must be in 0..23"
                        : c.minute < 0 || c.minute > 59                ? "minute must be in 0..59"
                        : c.second < 0 || c.second > 59                ? "second must be in 0..59"
                        : c.microsecond < 0 || c.microsecond > 999999 ? "microsecond must be in 0..999999"
                        : c.fold != 0 && c.fold != 1                   ? "fold must be either 0 or 1"
                                                                       : nullptr;
  if (problem != nullptr) (void)raise(ts, PyExc_ValueError, "%s", problem);
  return problem == nullptr;
}
bool check_zone(ThreadState& ts, State& state, PyObject* zone) {
  if (zone == Py_None || is_a(zone, state.tzinfo)) return true;
  (void)raise(ts, PyExc_TypeError, "tzinfo argument must be None or of a tzinfo subclass, not type '%s'", zone->ob_type->tp_name);
  return false;
}

Py_hash_t hash_of_bytes(ThreadState& ts, const void* data, size_t n) {
  Ref<> bytes = bytes_from(ts, {static_cast<const char*>(data), n});
  return bytes ? PyObject_Hash(bytes.get()) : -1;
}
void plain_dealloc(PyObject* o) { heap_instance_free(o); }
PyObject* compare_result(int difference, int op) {
  bool r = op == Py_EQ   ? difference == 0
           : op == Py_NE ? difference != 0
           : op == Py_LT ? difference < 0
           : op == Py_LE ? difference <= 0
           : op == Py_GT ? difference > 0
                         : difference >= 0;
  return new_ref(r ? Py_True : Py_False);
}
Raised cant_compare(ThreadState& ts, PyObject* a, PyObject* b) {
  return raise(ts, PyExc_TypeError, "can't compare %s to %s", a->ob_type->tp_name, b->ob_type->tp_name);
}
bool take_int(ThreadState& ts, PyObject* o, int* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return false;
  *out = _PyLong_AsInt(index.get());
  return !error_set(ts);
}
Micros micros_since_year1(const Ymd& d, const Clock& c) {
  return static_cast<Micros>(ordinal_of(d.year, d.month, d.day)) * kUsPerDay +
         (static_cast<int64_t>(c.hour) * 3600 + c.minute * 60 + c.second) * kUsPerSecond + c.microsecond;
}

Ref<> struct_time(ThreadState& ts, const Ymd& d, const Clock& c, int dst) {
  Ref<> time = Ref<>::steal(PyImport_ImportModule("time"));
  Ref<> type = time ? object_getattr(ts, time.get(), "struct_time") : Ref<>();
  if (!type) return {};
  Ref<> fields = Ref<>::steal(Py_BuildValue("((iiiiiiiii))", d.year, d.month, d.day, c.hour, c.minute, c.second, weekday_of(d.year, d.month, d.day),
                                            day_of_year(d.year, d.month, d.day), dst));
  return fields ? Ref<>::steal(PyObject_CallObject(type.get(), fields.get())) : Ref<>();
}

// ---- the C API ---------------------------------------------------------------------------------------------------

namespace {

PyObject* api_date(int year, int month, int day, PyTypeObject* type) {
  return make_date(current_thread(), state_of(type), type, {year, month, day}).release();
}
PyObject* api_datetime_fold(int year, int month, int day, int hour, int minute, int second, int us, PyObject* zone, int fold, PyTypeObject* type) {
  return make_datetime(current_thread(), state_of(type), type, {year, month, day}, {hour, minute, second, us, fold}, zone).release();
}
PyObject* api_datetime(int year, int month, int day, int hour, int minute, int second, int us, PyObject* zone, PyTypeObject* type) {
  return api_datetime_fold(year, month, day, hour, minute, second, us, zone, 0, type);
}
PyObject* api_time_fold(int hour, int minute, int second, int us, PyObject* zone, int fold, PyTypeObject* type) {
  return make_time(current_thread(), state_of(type), type, {hour, minute, second, us, fold}, zone).release();
}
PyObject* api_time(int hour, int minute, int second, int us, PyObject* zone, PyTypeObject* type) {
  return api_time_fold(hour, minute, second, us, zone, 0, type);
}
PyObject* api_delta(int days, int seconds, int us, int, PyTypeObject* type) {
  return new_delta(current_thread(), type, static_cast<Micros>(days) * kUsPerDay + static_cast<Micros>(seconds) * kUsPerSecond + us).release();
}
PyObject* api_timezone(PyObject* offset, PyObject* name) {
  ThreadState& ts = current_thread();
  return new_timezone(ts, state_of(offset), offset, name).release();
}
PyObject* api_datetime_from_timestamp(PyObject* cls, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Ref<> method = object_getattr(ts, cls, "fromtimestamp");
  return method ? PyObject_Call(method.get(), args, kwargs) : nullptr;
}
PyObject* api_date_from_timestamp(PyObject* cls, PyObject* args) {
  ThreadState& ts = current_thread();
  Ref<> method = object_getattr(ts, cls, "fromtimestamp");
  return method ? PyObject_Call(method.get(), args, nullptr) : nullptr;
}

void api_free(PyObject* capsule) {
  auto* api = static_cast<PyDateTime_CAPI*>(PyCapsule_GetPointer(capsule, PyDateTime_CAPSULE_NAME));
  if (api == nullptr) return;
  for (PyTypeObject* t : {api->DateType, api->DateTimeType, api->TimeType, api->DeltaType, api->TZInfoType}) Py_XDECREF(t);
  Py_XDECREF(api->TimeZone_UTC);
  PyMem_Free(api);
}
int add_api(PyObject* m) {
  State& s = state_of_module(m);
  auto* api = static_cast<PyDateTime_CAPI*>(PyMem_Calloc(1, sizeof(PyDateTime_CAPI)));
  if (api == nullptr) {
    PyErr_NoMemory();
    return -1;
  }
  auto keep = [](PyTypeObject* t) {
    Py_INCREF(t);
    return t;
  };
  api->DateType = keep(s.date);
  api->DateTimeType = keep(s.datetime);
  api->TimeType = keep(s.time);
  api->DeltaType = keep(s.delta);
  api->TZInfoType = keep(s.tzinfo);
  api->TimeZone_UTC = new_ref(s.utc);
  api->Date_FromDate = api_date;
  api->DateTime_FromDateAndTime = api_datetime;
  api->Time_FromTime = api_time;
  api->Delta_FromDelta = api_delta;
  api->TimeZone_FromTimeZone = api_timezone;
  api->DateTime_FromTimestamp = api_datetime_from_timestamp;
  api->Date_FromTimestamp = api_date_from_timestamp;
  api->DateTime_FromDateAndTimeAndFold = api_datetime_fold;
  api->Time_FromTimeAndFold = api_time_fold;
  Ref<> capsule = Ref<>::steal(PyCapsule_New(api, PyDateTime_CAPSULE_NAME, api_free));
  return capsule ? PyModule_AddObjectRef(m, "datetime_CAPI", capsule.get()) : -1;
}

// An entry of a type's dict, while it is still open.
bool set(PyTypeObject* type, const char* name, Ref<> value) { return value && PyObject_SetAttrString(obj(type), name, value.get()) == 0; }

bool add_attributes(ThreadState& ts, State& s) {
  constexpr Micros kMaxDelta = static_cast<Micros>(kMaxDeltaDays) * kUsPerDay;
  const Clock last{23, 59, 59, 999999, 0};
  Ref<> offset = new_delta(ts, s, 0);
  if (!offset) return false;
  s.utc = new_timezone(ts, s, offset.get(), nullptr).release();
  if (s.utc == nullptr) return false;
  s.epoch = new_datetime(ts, s.datetime, {1970, 1, 1}, {}, s.utc).release();
  if (s.epoch == nullptr) return false;
  Ref<> low = new_delta(ts, s, -(kUsPerDay - 60 * kUsPerSecond)), high = new_delta(ts, s, kUsPerDay - 60 * kUsPerSecond);
  return low && high && set(s.delta, "resolution", new_delta(ts, s, 1)) && set(s.delta, "min", new_delta(ts, s, -kMaxDelta)) &&
         set(s.delta, "max", new_delta(ts, s, kMaxDelta + kUsPerDay - 1)) && set(s.date, "min", new_date(ts, s.date, {1, 1, 1})) &&
         set(s.date, "max", new_date(ts, s.date, {kMaxYear, 12, 31})) && set(s.date, "resolution", new_delta(ts, s, kUsPerDay)) &&
         set(s.time, "min", new_time(ts, s.time, {}, Py_None)) && set(s.time, "max", new_time(ts, s.time, last, Py_None)) &&
         set(s.time, "resolution", new_delta(ts, s, 1)) && set(s.datetime, "min", new_datetime(ts, s.datetime, {1, 1, 1}, {}, Py_None)) &&
         set(s.datetime, "max", new_datetime(ts, s.datetime, {kMaxYear, 12, 31}, last, Py_None)) && set(s.datetime, "resolution", new_delta(ts, s, 1)) &&
         set(s.timezone, "utc", dup(s.utc)) && set(s.timezone, "min", new_timezone(ts, s, low.get(), nullptr)) &&
         set(s.timezone, "max", new_timezone(ts, s, high.get(), nullptr));
}

int exec(PyObject* m) {
  ThreadState& ts = current_thread();
  State& s = state_of_module(m);
  if ((s.delta = make_delta_type(m)) == nullptr || (s.date = make_date_type(m)) == nullptr || (s.tzinfo = make_tzinfo_type(m)) == nullptr ||
      (s.time = make_time_type(m)) == nullptr || (s.datetime = make_datetime_type(m, s.date)) == nullptr ||
      (s.timezone = make_timezone_type(m, s.tzinfo)) == nullptr || (s.iso_calendar = make_iso_calendar_type(m)) == nullptr) {
    return -1;
  }
  if (!add_attributes(ts, s)) return -1;
  for (PyTypeObject* t : {s.delta, s.date, s.tzinfo, s.time, s.datetime, s.timezone}) {
    t->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    if (PyModule_AddType(m, t) < 0) return -1;
  }
  s.iso_calendar->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
  if (PyModule_AddIntConstant(m, "MINYEAR", kMinYear) < 0 || PyModule_AddIntConstant(m, "MAXYEAR", kMaxYear) < 0) return -1;
  return PyModule_AddObjectRef(m, "UTC", s.utc) < 0 ? -1 : add_api(m);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  State& s = state_of_module(m);
  for (PyTypeObject* t : {s.delta, s.date, s.tzinfo, s.time, s.datetime, s.timezone, s.iso_calendar}) Py_VISIT(obj(t));
  Py_VISIT(s.utc);
  Py_VISIT(s.epoch);
  return 0;
}
int clear(PyObject* m) {
  State& s = state_of_module(m);
  clear_field(s.utc);
  clear_field(s.epoch);
  for (PyTypeObject** t : {&s.delta, &s.date, &s.tzinfo, &s.time, &s.datetime, &s.timezone, &s.iso_calendar}) clear_field(*t);
  return 0;
}

constexpr MethodSpec kNone[] = {ATOLL_METHOD_END};
ATOLL_SEALED PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
ATOLL_SEALED PyModuleDef g_definition = {PyModuleDef_HEAD_INIT,
                                         "_datetime",
                                         "Fast implementation of the datetime type.",
                                         sizeof(State),
                                         reinterpret_cast<PyMethodDef*>(const_cast<MethodSpec*>(kNone)),
                                         g_slots,
                                         traverse,
                                         clear,
                                         nullptr};

}  // namespace

State& state_of_module(PyObject* m) { return *static_cast<State*>(PyModule_GetState(m)); }
State& state_of(PyTypeObject* type) { return state_of_module(PyType_GetModuleByDef(type, &g_definition)); }
State* state_of_either(PyObject* a, PyObject* b) {
  for (PyObject* o : {a, b}) {
    if (!(o->ob_type->tp_flags & Py_TPFLAGS_HEAPTYPE)) continue;
    PyObject* m = PyType_GetModuleByDef(o->ob_type, &g_definition);
    if (m != nullptr) return &state_of_module(m);
    error_clear(current_thread());
  }
  return nullptr;
}

}  // namespace atl::datetime

PyMODINIT_FUNC PyInit__datetime() { return PyModuleDef_Init(&atl::datetime::g_definition); }
