// _datetime: tzinfo and timezone, and asking a tzinfo.
#include "Modules/datetime/internal.h"

namespace atl::datetime {

namespace {

struct Timezone {
  PyObject ob_base;
  PyObject* offset;
  PyObject* name;  // or NULL
};
Timezone* as_timezone(PyObject* o) { return reinterpret_cast<Timezone*>(o); }

PyObject* not_implemented() { return new_ref(Py_NotImplemented); }
bool within_a_day(Micros us) { return us > -static_cast<Micros>(kUsPerDay) && us < static_cast<Micros>(kUsPerDay); }

}  // namespace

Ref<> call_offset(ThreadState& ts, State& state, PyObject* zone, const char* method, PyObject* arg) {
  if (zone == Py_None) return new_none();
  Ref<> offset = Ref<>::steal(PyObject_CallMethod(zone, method, "O", arg));
  if (!offset || offset.get() == Py_None) return offset;
  if (!is_a(offset.get(), state.delta)) {
    return raise(ts, PyExc_TypeError, "tzinfo.%s() must return None or a timedelta, not '%.200s'", method, offset->ob_type->tp_name);
  }
  if (!within_a_day(micros_of(offset.get()))) {
    return raise(ts, PyExc_ValueError, "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24).");
  }
  return offset;
}
Ref<> call_tzname(ThreadState& ts, PyObject* zone, PyObject* arg) {
  if (zone == Py_None) return new_none();
  Ref<> name = Ref<>::steal(PyObject_CallMethod(zone, "tzname", "O", arg));
  if (!name || name.get() == Py_None || is_str(name.get())) return name;
  return raise(ts, PyExc_TypeError, "tzinfo.tzname() must return None or a string, not '%s'", name->ob_type->tp_name);
}

// ---- tzinfo ------------------------------------------------------------------------------------------------------

Ref<> zone_from_utc(ThreadState& ts, State& state, PyObject* zone, PyObject* dt) {
  if (!is_a(dt, state.datetime)) return raise(ts, PyExc_TypeError, "fromutc: argument must be a datetime");
  if (zone_of_datetime(dt) != zone) return raise(ts, PyExc_ValueError, "fromutc: dt.tzinfo is not self");
  Ref<> offset = call_offset(ts, state, zone, "utcoffset", dt);
  if (!offset) return {};
  if (offset.get() == Py_None) return raise(ts, PyExc_ValueError, "fromutc: non-None utcoffset() result required");
  Ref<> dst = call_offset(ts, state, zone, "dst", dt);
  if (!dst) return {};
  if (dst.get() == Py_None) return raise(ts, PyExc_ValueError, "fromutc: non-None dst() result required");
  Ref<> standard = Ref<>::steal(PyNumber_Subtract(offset.get(), dst.get()));
  Ref<> result = standard ? Ref<>::steal(PyNumber_Add(dt, standard.get())) : Ref<>();
  if (!result) return {};
  // Daylight saving at the standard time that this gives.
  dst = call_offset(ts, state, zone, "dst", result.get());
  if (!dst) return {};
  if (dst.get() == Py_None) return raise(ts, PyExc_ValueError, "fromutc: tz.dst() gave inconsistent results; cannot convert");
  return micros_of(dst.get()) != 0 ? Ref<>::steal(PyNumber_Add(result.get(), dst.get())) : std::move(result);
}

namespace {

Ref<> tzinfo_missing(ThreadState& ts, const char* method) {
  return raise(ts, PyExc_NotImplementedError, "a tzinfo subclass must implement %s()", method);
}
Ref<> t_tzname(ThreadState& ts, PyObject*, PyObject*) { return tzinfo_missing(ts, "tzname"); }
Ref<> t_utcoffset(ThreadState& ts, PyObject*, PyObject*) { return tzinfo_missing(ts, "utcoffset"); }
Ref<> t_dst(ThreadState& ts, PyObject*, PyObject*) { return tzinfo_missing(ts, "dst"); }
Ref<> t_fromutc(ThreadState& ts, PyObject* self, PyObject* dt) { return zone_from_utc(ts, state_of(self), self, dt); }
Ref<> t_reduce(ThreadState& ts, PyObject* self) {
  Ref<> method = Ref<>::steal(PyObject_GetAttrString(self, "__getinitargs__"));
  Ref<> args;
  if (method) {
    args = call(ts, method.get());
  } else if (error_clear_if(ts, PyExc_AttributeError)) {
    args = dup(empty_tuple());
  }
  Ref<> state = args ? Ref<>::steal(PyObject_CallMethod(self, "__getstate__", nullptr)) : Ref<>();
  return state ? Ref<>::steal(Py_BuildValue("(OOO)", obj(self->ob_type), args.get(), state.get())) : Ref<>();
}

constexpr MethodSpec kTzinfoMethods[] = {
    ATOLL_METHOD_PLAIN(t_tzname, "tzname", "($self, dt, /)", "datetime -> string name of time zone."),
    ATOLL_METHOD_PLAIN(t_utcoffset, "utcoffset", "($self, dt, /)",
                       "datetime -> timedelta showing offset from UTC, negative values indicating West of UTC"),
    ATOLL_METHOD_PLAIN(t_dst, "dst", "($self, dt, /)", "datetime -> DST offset as timedelta positive east of UTC."),
    ATOLL_METHOD_PLAIN(t_fromutc, "fromutc", "($self, dt, /)", "datetime in UTC -> datetime in local time."),
    ATOLL_METHOD_PLAIN(t_reduce, "__reduce__", "($self, /)", "-> (cls, state)"), ATOLL_METHOD_END};

// ---- timezone ----------------------------------------------------------------------------------------------------

Ref<> fill_timezone(ThreadState&, PyTypeObject* type, PyObject* offset, PyObject* name) {
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  as_timezone(o.get())->offset = new_ref(offset);
  as_timezone(o.get())->name = name != nullptr ? new_ref(name) : nullptr;
  return o;
}

}  // namespace

Ref<> new_timezone(ThreadState& ts, State& state, PyObject* offset, PyObject* name) {
  if (name == nullptr && micros_of(offset) == 0 && state.utc != nullptr) return dup(state.utc);
  if (!within_a_day(micros_of(offset))) {
    return raise(ts, PyExc_ValueError,
                 "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not %R.", offset);
  }
  return fill_timezone(ts, state.timezone, offset, name);
}

namespace {

Ref<> timezone_new(ThreadState& ts, PyTypeObject* type, PyObject* offset, PyObject* name) {
  State& state = state_of(type);
  if (!is_a(offset, state.delta)) return raise(ts, PyExc_TypeError, "timezone() argument 1 must be datetime.timedelta, not %T", offset);
  if (name != nullptr && !is_str(name)) return raise(ts, PyExc_TypeError, "timezone() argument 2 must be str, not %T", name);
  return new_timezone(ts, state, offset, name);
}
void timezone_dealloc(PyObject* o) {
  clear_field(as_timezone(o)->offset);
  clear_field(as_timezone(o)->name);
  heap_instance_free(o);
}
PyObject* timezone_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_a(b, state_of(a).timezone)) return not_implemented();
  return PyObject_RichCompare(as_timezone(a)->offset, as_timezone(b)->offset, op);
}
Py_hash_t timezone_hash(PyObject* o) { return PyObject_Hash(as_timezone(o)->offset); }
bool check_argument(ThreadState& ts, PyObject* self, PyObject* dt, const char* method) {
  if (dt == Py_None || is_a(dt, state_of(self).datetime)) return true;
  (void)raise(ts, PyExc_TypeError, "%s(dt) argument must be a datetime instance or None, not %.200s", method, dt->ob_type->tp_name);
  return false;
}
Ref<> timezone_repr(ThreadState& ts, PyObject* o) {
  const char* name = o->ob_type->tp_name;
  if (o == state_of(o).utc) return str_format(ts, "%s.utc", name);
  if (as_timezone(o)->name != nullptr) return str_format(ts, "%s(%R, %R)", name, as_timezone(o)->offset, as_timezone(o)->name);
  return str_format(ts, "%s(%R)", name, as_timezone(o)->offset);
}
Ref<> timezone_str(ThreadState& ts, PyObject* o) {
  Timezone* z = as_timezone(o);
  if (z->name != nullptr) return dup(z->name);
  Micros us = micros_of(z->offset);
  if (us == 0) return str_from_ascii(ts, "UTC");
  Ref<> text = offset_text(ts, us, ":");
  return text ? str_format(ts, "UTC%U", text.get()) : Ref<>();
}
Ref<> z_tzname(ThreadState& ts, PyObject* self, PyObject* dt) { return check_argument(ts, self, dt, "tzname") ? timezone_str(ts, self) : Ref<>(); }
Ref<> z_utcoffset(ThreadState& ts, PyObject* self, PyObject* dt) {
  return check_argument(ts, self, dt, "utcoffset") ? dup(as_timezone(self)->offset) : Ref<>();
}
Ref<> z_dst(ThreadState& ts, PyObject* self, PyObject* dt) { return check_argument(ts, self, dt, "dst") ? new_none() : Ref<>(); }
Ref<> z_fromutc(ThreadState& ts, PyObject* self, PyObject* dt) {
  if (!is_a(dt, state_of(self).datetime)) return raise(ts, PyExc_TypeError, "fromutc: argument must be a datetime");
  if (zone_of_datetime(dt) != self) return raise(ts, PyExc_ValueError, "fromutc: dt.tzinfo is not self");
  return Ref<>::steal(PyNumber_Add(dt, as_timezone(self)->offset));
}
Ref<> z_getinitargs(ThreadState& ts, PyObject* self) {
  Timezone* z = as_timezone(self);
  return z->name != nullptr ? tuple_of(ts, z->offset, z->name) : tuple_of(ts, z->offset);
}

constexpr MethodSpec kTimezoneMethods[] = {
    ATOLL_METHOD_PLAIN(z_tzname, "tzname", "($self, dt, /)",
                       "If name is specified when timezone is created, returns the name.  Otherwise returns offset as 'UTC(+|-)HH:MM'."),
    ATOLL_METHOD_PLAIN(z_utcoffset, "utcoffset", "($self, dt, /)", "Return fixed offset."),
    ATOLL_METHOD_PLAIN(z_dst, "dst", "($self, dt, /)", "Return None."),
    ATOLL_METHOD_PLAIN(z_fromutc, "fromutc", "($self, dt, /)", "datetime in UTC -> datetime in local time."),
    ATOLL_METHOD_PLAIN(z_getinitargs, "__getinitargs__", "($self, /)", "pickle support"), ATOLL_METHOD_END};

}  // namespace

PyTypeObject* make_tzinfo_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(plain_dealloc)},
                         {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                         {Py_tp_doc, const_cast<char*>("Abstract base class for time zone info objects.")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kTzinfoMethods)},
                         {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
                         {0, nullptr}};
  PyType_Spec spec{"datetime.tzinfo", sizeof(PyDateTime_TZInfo), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  return heap_type(m, spec);
}
PyTypeObject* make_timezone_type(PyObject* m, PyTypeObject* tzinfo) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(timezone_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(timezone_repr))},
                         {Py_tp_str, reinterpret_cast<void*>(ATOLL_SLOT(timezone_str))},
                         {Py_tp_hash, reinterpret_cast<void*>(timezone_hash)},
                         {Py_tp_richcompare, reinterpret_cast<void*>(timezone_compare)},
                         {Py_tp_doc, const_cast<char*>("Fixed offset from UTC implementation of tzinfo.")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kTimezoneMethods)},
                         {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(timezone_new, "timezone", "(offset, name=<unrepresentable>)"))},
                         {0, nullptr}};
  PyType_Spec spec{"datetime.timezone", sizeof(Timezone), 0, Py_TPFLAGS_DEFAULT, slots};
  return heap_type(m, spec, tzinfo);
}

}  // namespace atl::datetime
