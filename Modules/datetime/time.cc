// _datetime: time.
#include <cstring>

#include "Modules/datetime/internal.h"

namespace atl::datetime {

namespace {
void store_clock(unsigned char* data, const Clock& c) {
  data[0] = static_cast<unsigned char>(c.hour);
  data[1] = static_cast<unsigned char>(c.minute);
  data[2] = static_cast<unsigned char>(c.second);
  data[3] = static_cast<unsigned char>(c.microsecond >> 16);
  data[4] = static_cast<unsigned char>(c.microsecond >> 8);
  data[5] = static_cast<unsigned char>(c.microsecond);
}
}  // namespace

Ref<> new_time(ThreadState& ts, PyTypeObject* type, const Clock& c, PyObject* zone) {
  if (!check_clock(ts, c)) return {};
  // While the module's own type is being made there is no state to ask; it passes None.
  if (zone != Py_None && !check_zone(ts, state_of(type), zone)) return {};
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  PyDateTime_Time* t = as_time(o.get());
  t->hashcode = -1;
  t->fold = static_cast<unsigned char>(c.fold);
  store_clock(t->data, c);
  t->hastzinfo = zone != Py_None;
  t->tzinfo = zone != Py_None ? new_ref(zone) : nullptr;
  return o;
}
Ref<> make_time(ThreadState& ts, State& state, PyTypeObject* type, const Clock& c, PyObject* zone) {
  if (type == state.time) return new_time(ts, type, c, zone);
  Ref<> o = Ref<>::steal(PyObject_CallFunction(obj(type), "iiiiO", c.hour, c.minute, c.second, c.microsecond, zone));
  if (o && c.fold && is_a(o.get(), state.time)) as_time(o.get())->fold = 1;
  return o;
}

namespace {

PyObject* not_implemented() { return new_ref(Py_NotImplemented); }

Ref<> time_from_fields(ThreadState& ts, PyTypeObject* type, int hour, int minute, int second, int microsecond, PyObject* zone, int fold) {
  if (zone == nullptr) zone = Py_None;
  if (!check_zone(ts, state_of(type), zone)) return {};
  return new_time(ts, type, {hour, minute, second, microsecond, fold}, zone);
}
Ref<> time_from_state(ThreadState& ts, PyTypeObject* type, const unsigned char* data, PyObject* zone) {
  if (zone != Py_None && !is_a(zone, state_of(type).tzinfo)) return raise(ts, PyExc_TypeError, "bad tzinfo state arg");
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  PyDateTime_Time* t = as_time(o.get());
  t->hashcode = -1;
  std::memcpy(t->data, data, _PyDateTime_TIME_DATASIZE);
  // The first byte's high bit is the fold.
  t->fold = (t->data[0] & 128) != 0;
  t->data[0] &= 127;
  t->hastzinfo = zone != Py_None;
  t->tzinfo = zone != Py_None ? new_ref(zone) : nullptr;
  return o;
}
bool hour_ok(unsigned byte) { return (byte & 127) < 24; }
PyObject* time_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if ((n == 1 || n == 2) && (kwargs == nullptr || dict_size(kwargs) == 0)) {
    PyObject* state = tuple_peek(args, 0);
    PyObject* zone = n == 2 ? tuple_peek(args, 1) : Py_None;
    if (is_bytes(state)) {
      auto* data = reinterpret_cast<unsigned char*>(bytes_data(state));
      if (bytes_size(state) == _PyDateTime_TIME_DATASIZE && hour_ok(data[0])) return time_from_state(ts, type, data, zone).release();
    } else if (is_str(state) && PyUnicode_GET_LENGTH(state) == _PyDateTime_TIME_DATASIZE && hour_ok(PyUnicode_READ_CHAR(state, 0))) {
      Ref<> bytes = Ref<>::steal(PyUnicode_AsLatin1String(state));
      if (bytes) return time_from_state(ts, type, reinterpret_cast<unsigned char*>(bytes_data(bytes.get())), zone).release();
      if (!error_clear_if(ts, PyExc_UnicodeEncodeError)) return nullptr;
      return raise(ts, PyExc_ValueError, "Failed to encode latin1 string when unpickling a time object. pickle.load(data, encoding='latin1') is assumed.");
    }
  }
  return ATOLL_NEW(time_from_fields, "__new__", "(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0)")(type, args, kwargs);
}
void time_dealloc(PyObject* o) {
  if (as_time(o)->hastzinfo) clear_field(as_time(o)->tzinfo);
  heap_instance_free(o);
}

template <int Clock::*kField>
Ref<> get_field(ThreadState& ts, PyObject* o) {
  return int_from_i64(ts, clock_of_time(o).*kField);
}
Ref<> get_tzinfo(ThreadState&, PyObject* o) { return dup(zone_of_time(o)); }

Ref<> m_utcoffset(ThreadState& ts, PyObject* o) { return call_offset(ts, state_of(o), zone_of_time(o), "utcoffset", Py_None); }
Ref<> m_dst(ThreadState& ts, PyObject* o) { return call_offset(ts, state_of(o), zone_of_time(o), "dst", Py_None); }
Ref<> m_tzname(ThreadState& ts, PyObject* o) { return call_tzname(ts, zone_of_time(o), Py_None); }

Ref<> time_repr(ThreadState& ts, PyObject* o) {
  Clock c = clock_of_time(o);
  const char* name = o->ob_type->tp_name;
  Ref<> text = c.microsecond != 0 ? str_format(ts, "%s(%d, %d, %d, %d", name, c.hour, c.minute, c.second, c.microsecond)
               : c.second != 0    ? str_format(ts, "%s(%d, %d, %d", name, c.hour, c.minute, c.second)
                                  : str_format(ts, "%s(%d, %d", name, c.hour, c.minute);
  if (text && zone_of_time(o) != Py_None) text = str_format(ts, "%U, tzinfo=%R", text.get(), zone_of_time(o));
  if (text && c.fold) text = str_format(ts, "%U, fold=1", text.get());
  return text ? str_format(ts, "%U)", text.get()) : Ref<>();
}
Ref<> time_str(ThreadState&, PyObject* o) { return Ref<>::steal(PyObject_CallMethod(o, "isoformat", nullptr)); }
Ref<> m_isoformat(ThreadState& ts, PyObject* o, PyUnicodeObject* timespec) {
  const char* spec = timespec != nullptr ? PyUnicode_AsUTF8(obj(timespec)) : nullptr;
  if (timespec != nullptr && spec == nullptr) return {};
  Ref<> text = clock_text(ts, clock_of_time(o), spec);
  Ref<> suffix = text ? offset_suffix(ts, state_of(o), zone_of_time(o), Py_None, ":") : Ref<>();
  return suffix ? Ref<>::steal(PyUnicode_Concat(text.get(), suffix.get())) : Ref<>();
}
Ref<> m_strftime(ThreadState& ts, PyObject* o, PyUnicodeObject* format) {
  Clock c = clock_of_time(o);
  Ref<> tuple = Ref<>::steal(Py_BuildValue("iiiiiiiii", 1900, 1, 1, c.hour, c.minute, c.second, 0, 1, -1));
  return tuple ? format_by_strftime(ts, state_of(o), o, obj(format), tuple.get(), Py_None, zone_of_time(o), c.microsecond) : Ref<>();
}
Ref<> m_format(ThreadState&, PyObject* o, PyUnicodeObject* format) {
  if (PyUnicode_GET_LENGTH(obj(format)) == 0) return Ref<>::steal(PyObject_Str(o));
  return Ref<>::steal(PyObject_CallMethod(o, "strftime", "O", obj(format)));
}
Ref<> m_fromisoformat(ThreadState& ts, PyTypeObject* type, PyObject* text) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "fromisoformat: argument must be str");
  Py_ssize_t n;
  const char* c = PyUnicode_AsUTF8AndSize(text, &n);
  if (c == nullptr && !error_clear_if(ts, PyExc_UnicodeEncodeError)) return {};
  ParsedClock parsed;
  State& state = state_of(type);
  if (c != nullptr && n > 0 && *c == 'T') {
    ++c;
    --n;
  }
  if (c == nullptr || !parse_iso_clock(c, static_cast<size_t>(n), &parsed)) return raise(ts, PyExc_ValueError, "Invalid isoformat string: %R", text);
  Ref<> zone = zone_of_parsed(ts, state, parsed);
  return zone ? make_time(ts, state, type, parsed.clock, zone.get()) : Ref<>();
}
Ref<> m_replace(ThreadState& ts, PyObject* o, PyObject* hour, PyObject* minute, PyObject* second, PyObject* microsecond, PyObject* zone, PyObject* fold) {
  Clock c = clock_of_time(o);
  for (auto [given, field] : {std::pair{hour, &c.hour}, std::pair{minute, &c.minute}, std::pair{second, &c.second},
                              std::pair{microsecond, &c.microsecond}, std::pair{fold, &c.fold}}) {
    if (given != nullptr && !take_int(ts, given, field)) return {};
  }
  if (zone == nullptr) zone = zone_of_time(o);
  if (!check_zone(ts, state_of(o), zone)) return {};
  return new_time(ts, o->ob_type, c, zone);
}
Ref<> reduced(ThreadState& ts, PyObject* o, bool with_fold) {
  Ref<> state = bytes_from(ts, {reinterpret_cast<char*>(as_time(o)->data), _PyDateTime_TIME_DATASIZE});
  if (!state) return {};
  if (with_fold && as_time(o)->fold) bytes_data(state.get())[0] = static_cast<char>(bytes_data(state.get())[0] | 128);
  PyObject* zone = zone_of_time(o);
  if (zone == Py_None) return Ref<>::steal(Py_BuildValue("O(O)", obj(o->ob_type), state.get()));
  return Ref<>::steal(Py_BuildValue("O(OO)", obj(o->ob_type), state.get(), zone));
}
Ref<> m_reduce_ex(ThreadState& ts, PyObject* o, int protocol) { return reduced(ts, o, protocol > 3); }
Ref<> m_reduce(ThreadState& ts, PyObject* o) { return reduced(ts, o, false); }

int64_t micros_of_day(const Clock& c) { return (static_cast<int64_t>(c.hour) * 3600 + c.minute * 60 + c.second) * kUsPerSecond + c.microsecond; }

PyObject* time_compare(PyObject* a, PyObject* b, int op) {
  ThreadState& ts = current_thread();
  State& state = state_of(a);
  if (!is_a(b, state.time)) return not_implemented();
  auto plain = [&] { return compare_result(std::memcmp(as_time(a)->data, as_time(b)->data, _PyDateTime_TIME_DATASIZE), op); };
  if (zone_of_time(a) == zone_of_time(b)) return plain();
  Ref<> x = m_utcoffset(ts, a);
  Ref<> y = x ? m_utcoffset(ts, b) : Ref<>();
  if (!y) return nullptr;
  bool x_naive = x.get() == Py_None, y_naive = y.get() == Py_None;
  if (x_naive && y_naive) return plain();
  if (x_naive || y_naive) {
    if (op == Py_EQ || op == Py_NE) return new_ref(op == Py_EQ ? Py_False : Py_True);
    return raise(ts, PyExc_TypeError, "can't compare offset-naive and offset-aware times");
  }
  Micros p = micros_of_day(clock_of_time(a)) - micros_of(x.get()), q = micros_of_day(clock_of_time(b)) - micros_of(y.get());
  return compare_result(p < q ? -1 : p > q, op);
}
Py_hash_t time_hash(PyObject* o) {
  ThreadState& ts = current_thread();
  PyDateTime_Time* t = as_time(o);
  if (t->hashcode != -1) return t->hashcode;
  // Equal times have equal hashes whatever their fold is.
  Ref<> first = dup(o);
  if (t->fold) first = new_time(ts, state_of(o).time, [&] { Clock c = clock_of_time(o); c.fold = 0; return c; }(), zone_of_time(o));
  Ref<> offset = first ? m_utcoffset(ts, first.get()) : Ref<>();
  if (!offset) return -1;
  if (offset.get() == Py_None) {
    t->hashcode = hash_of_bytes(ts, t->data, _PyDateTime_TIME_DATASIZE);
  } else {
    Ref<> delta = new_delta(ts, state_of(o), micros_of_day(clock_of_time(o)) - micros_of(offset.get()));
    t->hashcode = delta ? PyObject_Hash(delta.get()) : -1;
  }
  return t->hashcode;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_PLAIN(m_isoformat, "isoformat", "($self, /, timespec=None)",
                       "Return string in ISO 8601 format, [HH[:MM[:SS[.mmm[uuu]]]]][+HH:MM].\n\n"
                       "timespec says how many components there are: 'auto' (the default), 'hours', 'minutes', 'seconds', 'milliseconds' or 'microseconds'.\n"),
    ATOLL_METHOD_PLAIN(m_strftime, "strftime", "($self, /, format)", "format -> strftime() style string."),
    ATOLL_METHOD_PLAIN(m_format, "__format__", "($self, format, /)", "Formats self with strftime."),
    ATOLL_METHOD_PLAIN(m_utcoffset, "utcoffset", "($self, /)", "Return self.tzinfo.utcoffset(self)."),
    ATOLL_METHOD_PLAIN(m_tzname, "tzname", "($self, /)", "Return self.tzinfo.tzname(self)."),
    ATOLL_METHOD_PLAIN(m_dst, "dst", "($self, /)", "Return self.tzinfo.dst(self)."),
    ATOLL_METHOD_PLAIN(m_replace, "replace", "($self, /, hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0)",
                       "Return time with new specified fields."),
    ATOLL_METHOD_PLAIN_FLAGS(m_fromisoformat, "fromisoformat", "($type, string, /)", "string -> time from a string in ISO 8601 format", METH_CLASS),
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

PyTypeObject* make_time_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(time_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(time_repr))},
                         {Py_tp_str, reinterpret_cast<void*>(ATOLL_SLOT(time_str))},
                         {Py_tp_hash, reinterpret_cast<void*>(time_hash)},
                         {Py_tp_richcompare, reinterpret_cast<void*>(time_compare)},
                         {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                         {Py_tp_doc, const_cast<char*>("time([hour[, minute[, second[, microsecond[, tzinfo]]]]]) --> a time object\n\n"
                                                       "All arguments are optional. tzinfo may be None, or an instance of\na tzinfo subclass. The remaining arguments may be ints.\n")},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {Py_tp_new, reinterpret_cast<void*>(time_new)},
                         {0, nullptr}};
  PyType_Spec spec{"datetime.time", sizeof(PyDateTime_Time), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  return heap_type(m, spec);
}

}  // namespace atl::datetime
