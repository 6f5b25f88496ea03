// _datetime: timedelta.
//
// Arithmetic goes through the number of microseconds, an integer of 77 bits at most; where factors may be any number, through
// Python's integers.
#include <cmath>

#include "Modules/datetime/internal.h"

namespace atl::datetime {

Micros micros_of(const PyDateTime_Delta* d) {
  return static_cast<Micros>(d->days) * kUsPerDay + static_cast<Micros>(d->seconds) * kUsPerSecond + d->microseconds;
}

Ref<> int_of_micros(Micros us) { return Ref<>::steal(_PyLong_FromByteArray(reinterpret_cast<const unsigned char*>(&us), sizeof us, 1, 1)); }
Status micros_from_int(ThreadState& ts, PyObject* number, Micros* out) {
  if (_PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(number), reinterpret_cast<unsigned char*>(out), sizeof *out, 1, 1) == 0) return Status::kOk;
  error_clear(ts);
  return raise(ts, PyExc_OverflowError, "Python int too large to convert to C int");
}

Ref<> new_delta(ThreadState& ts, PyTypeObject* type, Micros us) {
  Micros days = us / kUsPerDay;
  auto rest = static_cast<int64_t>(us % kUsPerDay);
  if (rest < 0) {
    rest += kUsPerDay;
    --days;
  }
  if (days > INT32_MAX || days < INT32_MIN) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C int");
  if (days > kMaxDeltaDays || days < -kMaxDeltaDays) {
    return raise(ts, PyExc_OverflowError, "days=%d; must have magnitude <= %d", static_cast<int>(days), kMaxDeltaDays);
  }
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  PyDateTime_Delta* d = as_delta(o.get());
  d->hashcode = -1;
  d->days = static_cast<int>(days);
  d->seconds = static_cast<int>(rest / kUsPerSecond);
  d->microseconds = static_cast<int>(rest % kUsPerSecond);
  return o;
}

namespace {

Ref<> delta_from_int(ThreadState& ts, State& state, Ref<> us) {
  Micros v;
  if (!us || failed(micros_from_int(ts, us.get(), &v))) return {};
  return new_delta(ts, state, v);
}

// a / b to the nearest integer, ties to the even one.
Ref<> divide_nearest(ThreadState& ts, PyObject* a, PyObject* b) {
  Ref<> pair = Ref<>::steal(PyNumber_Divmod(a, b));
  if (!pair) return {};
  Ref<> q = dup(tuple_peek(pair.get(), 0));
  Ref<> r = Ref<>::steal(PyNumber_Lshift(tuple_peek(pair.get(), 1), small_int(1)));
  if (!r) return {};
  // The remainder has the divisor's sign: compare magnitudes.
  Ref<> x = Ref<>::steal(PyNumber_Absolute(r.get())), y = Ref<>::steal(PyNumber_Absolute(b));
  if (!x || !y) return {};
  int greater = PyObject_RichCompareBool(x.get(), y.get(), Py_GT);
  int equal = PyObject_RichCompareBool(x.get(), y.get(), Py_EQ);
  if (greater < 0 || equal < 0) return {};
  if (!greater && equal) {
    Ref<> odd = Ref<>::steal(PyNumber_And(q.get(), small_int(1)));
    if (!odd) return {};
    greater = PyObject_IsTrue(odd.get());
  }
  (void)ts;
  return greater ? Ref<>::steal(PyNumber_Add(q.get(), small_int(1))) : std::move(q);
}

// us * f, or us / f, for a float f.
Ref<> by_float(ThreadState& ts, State& state, PyObject* delta, PyObject* f, bool divide) {
  Ref<> ratio = Ref<>::steal(PyObject_CallMethod(f, "as_integer_ratio", nullptr));
  Ref<> us = int_of_micros(micros_of(delta));
  if (!ratio || !us) return {};
  // A subclass of float may say what it likes.
  if (!is_tuple(ratio.get())) {
    return raise(ts, PyExc_TypeError, "unexpected return type from as_integer_ratio(): expected tuple, got '%.200s'", ratio->ob_type->tp_name);
  }
  if (tuple_size(ratio.get()) != 2) return raise(ts, PyExc_ValueError, "unexpected size of as_integer_ratio() tuple");
  PyObject* top = tuple_peek(ratio.get(), divide ? 1 : 0);
  PyObject* bottom = tuple_peek(ratio.get(), divide ? 0 : 1);
  Ref<> product = Ref<>::steal(PyNumber_Multiply(us.get(), top));
  return product ? delta_from_int(ts, state, divide_nearest(ts, product.get(), bottom)) : Ref<>();
}
Ref<> by_int(ThreadState& ts, State& state, PyObject* delta, PyObject* n, PyObject* (*operation)(PyObject*, PyObject*)) {
  Ref<> us = int_of_micros(micros_of(delta));
  return us ? delta_from_int(ts, state, Ref<>::steal(operation(us.get(), n))) : Ref<>();
}
Ref<> of_ints(PyObject* a, PyObject* b, PyObject* (*operation)(PyObject*, PyObject*)) {
  Ref<> x = int_of_micros(micros_of(a)), y = int_of_micros(micros_of(b));
  return x && y ? Ref<>::steal(operation(x.get(), y.get())) : Ref<>();
}

PyObject* not_implemented() { return new_ref(Py_NotImplemented); }

template <int kSign>
PyObject* delta_add(PyObject* a, PyObject* b) {
  State* s = state_of_either(a, b);
  if (s == nullptr || !is_a(a, s->delta) || !is_a(b, s->delta)) return not_implemented();
  return new_delta(current_thread(), *s, micros_of(a) + kSign * micros_of(b)).release();
}
PyObject* delta_multiply(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  State* s = state_of_either(a, b);
  if (s == nullptr) return not_implemented();
  if (!is_a(a, s->delta)) std::swap(a, b);
  if (!is_a(a, s->delta)) return not_implemented();
  if (is_int(b)) return by_int(ts, *s, a, b, PyNumber_Multiply).release();
  if (PyFloat_Check(b)) return by_float(ts, *s, a, b, false).release();
  return not_implemented();
}
PyObject* delta_true_divide(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  State* s = state_of_either(a, b);
  if (s == nullptr || !is_a(a, s->delta)) return not_implemented();
  if (is_a(b, s->delta)) return of_ints(a, b, PyNumber_TrueDivide).release();
  if (PyFloat_Check(b)) return by_float(ts, *s, a, b, true).release();
  if (!is_int(b)) return not_implemented();
  Ref<> us = int_of_micros(micros_of(a));
  return us ? delta_from_int(ts, *s, divide_nearest(ts, us.get(), b)).release() : nullptr;
}
PyObject* delta_floor_divide(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  State* s = state_of_either(a, b);
  if (s == nullptr || !is_a(a, s->delta)) return not_implemented();
  if (is_a(b, s->delta)) return of_ints(a, b, PyNumber_FloorDivide).release();
  return is_int(b) ? by_int(ts, *s, a, b, PyNumber_FloorDivide).release() : not_implemented();
}
PyObject* delta_remainder(PyObject* a, PyObject* b) {
  State* s = state_of_either(a, b);
  if (s == nullptr || !is_a(a, s->delta) || !is_a(b, s->delta)) return not_implemented();
  return delta_from_int(current_thread(), *s, of_ints(a, b, PyNumber_Remainder)).release();
}
PyObject* delta_divmod(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  State* s = state_of_either(a, b);
  if (s == nullptr || !is_a(a, s->delta) || !is_a(b, s->delta)) return not_implemented();
  Ref<> pair = of_ints(a, b, PyNumber_Divmod);
  Ref<> rest = pair ? delta_from_int(ts, *s, dup(tuple_peek(pair.get(), 1))) : Ref<>();
  return rest ? tuple_of(ts, tuple_peek(pair.get(), 0), rest.get()).release() : nullptr;
}
PyObject* delta_negative(PyObject* o) { return new_delta(current_thread(), state_of(o), -micros_of(o)).release(); }
PyObject* delta_positive(PyObject* o) { return new_delta(current_thread(), state_of(o), micros_of(o)).release(); }
PyObject* delta_absolute(PyObject* o) {
  Micros us = micros_of(o);
  return new_delta(current_thread(), state_of(o), us < 0 ? -us : us).release();
}
int delta_bool(PyObject* o) { return micros_of(o) != 0; }

PyObject* delta_compare(PyObject* a, PyObject* b, int op) {
  if (!is_a(b, state_of(a).delta)) return not_implemented();
  Micros x = micros_of(a), y = micros_of(b);
  return compare_result(x < y ? -1 : x > y, op);
}
Py_hash_t delta_hash(PyObject* o) {
  PyDateTime_Delta* d = as_delta(o);
  if (d->hashcode == -1) {
    Ref<> fields = Ref<>::steal(Py_BuildValue("(iii)", d->days, d->seconds, d->microseconds));
    if (!fields) return -1;
    d->hashcode = PyObject_Hash(fields.get());
  }
  return d->hashcode;
}

Ref<> delta_repr(ThreadState& ts, PyObject* o) {
  PyDateTime_Delta* d = as_delta(o);
  const char* name = o->ob_type->tp_name;
  Ref<> args = str_from_ascii(ts, "");
  struct {
    const char* name;
    int value;
  } parts[] = {{"days", d->days}, {"seconds", d->seconds}, {"microseconds", d->microseconds}};
  bool first = true;
  for (const auto& p : parts) {
    if (p.value == 0 || !args) continue;
    args = str_format(ts, "%U%s%s=%d", args.get(), first ? "" : ", ", p.name, p.value);
    first = false;
  }
  if (!args) return {};
  return first ? str_format(ts, "%s(0)", name) : str_format(ts, "%s(%U)", name, args.get());
}
Ref<> delta_str(ThreadState& ts, PyObject* o) {
  PyDateTime_Delta* d = as_delta(o);
  char text[80];
  int n = 0;
  if (d->days != 0) n = std::snprintf(text, sizeof text, "%d day%s, ", d->days, d->days == 1 || d->days == -1 ? "" : "s");
  n += std::snprintf(text + n, sizeof text - static_cast<size_t>(n), "%d:%02d:%02d", d->seconds / 3600, d->seconds / 60 % 60, d->seconds % 60);
  if (d->microseconds != 0) std::snprintf(text + n, sizeof text - static_cast<size_t>(n), ".%06d", d->microseconds);
  return str_from_ascii(ts, text);
}

Ref<> total_seconds(ThreadState&, PyObject* o) {
  Ref<> us = int_of_micros(micros_of(o)), million = Ref<>::steal(PyLong_FromLong(kUsPerSecond));
  return us && million ? Ref<>::steal(PyNumber_TrueDivide(us.get(), million.get())) : Ref<>();
}
Ref<> delta_reduce(ThreadState&, PyObject* o) {
  PyDateTime_Delta* d = as_delta(o);
  return Ref<>::steal(Py_BuildValue("O(iii)", obj(o->ob_type), d->days, d->seconds, d->microseconds));
}

// Adds up the arguments of timedelta(): whole microseconds exactly, what is left of floats apart.
class Sum {
 public:
  bool add(ThreadState& ts, PyObject* value, int64_t factor, const char* name) {
    if (value == nullptr) return true;
    if (!total_) total_ = dup(small_int(0));
    Ref<> f = int_from_i64(ts, factor);
    if (!f) return false;
    if (is_int(value)) return add_product(value, f.get());
    if (!PyFloat_Check(value)) {
      (void)raise(ts, PyExc_TypeError, "unsupported type for timedelta %s component: %s", name, value->ob_type->tp_name);
      return false;
    }
    double whole;
    double fraction = std::modf(PyFloat_AS_DOUBLE(value), &whole);
    Ref<> number = Ref<>::steal(PyLong_FromDouble(whole));
    if (!number || !add_product(number.get(), f.get())) return false;
    if (fraction == 0) return true;
    fraction = std::modf(fraction * static_cast<double>(factor), &whole);
    number = Ref<>::steal(PyLong_FromDouble(whole));
    rest_ += fraction;
    return number && add_product(number.get(), small_int(1));
  }
  // The sum, what is left rounded so that ties give an even number.
  bool finish(ThreadState& ts, Micros* out) {
    *out = 0;
    if (!total_) return true;
    if (rest_ != 0) {
      double low = std::floor(rest_);
      double above = rest_ - low;
      if (above > 0.5) {
        low += 1;
      } else if (above == 0.5) {
        Ref<> whole = Ref<>::steal(PyLong_FromDouble(low));
        Ref<> sum = whole ? Ref<>::steal(PyNumber_Add(total_.get(), whole.get())) : Ref<>();
        Ref<> odd = sum ? Ref<>::steal(PyNumber_And(sum.get(), small_int(1))) : Ref<>();
        if (!odd) return false;
        if (PyObject_IsTrue(odd.get())) low += 1;
      }
      Ref<> whole = Ref<>::steal(PyLong_FromDouble(low));
      if (!whole || !add_product(whole.get(), small_int(1))) return false;
    }
    return !failed(micros_from_int(ts, total_.get(), out));
  }

 private:
  bool add_product(PyObject* a, PyObject* b) {
    Ref<> product = Ref<>::steal(PyNumber_Multiply(a, b));
    if (product) total_ = Ref<>::steal(PyNumber_Add(total_.get(), product.get()));
    return product && total_;
  }
  Ref<> total_;
  double rest_ = 0;
};

Ref<> delta_new(ThreadState& ts, PyTypeObject* type, PyObject* days, PyObject* seconds, PyObject* microseconds, PyObject* milliseconds,
                PyObject* minutes, PyObject* hours, PyObject* weeks) {
  Sum sum;
  Micros us;
  if (!sum.add(ts, microseconds, 1, "microseconds") || !sum.add(ts, milliseconds, 1000, "milliseconds") ||
      !sum.add(ts, seconds, kUsPerSecond, "seconds") || !sum.add(ts, minutes, 60 * kUsPerSecond, "minutes") ||
      !sum.add(ts, hours, 3600 * kUsPerSecond, "hours") || !sum.add(ts, days, kUsPerDay, "days") || !sum.add(ts, weeks, 7 * kUsPerDay, "weeks") ||
      !sum.finish(ts, &us)) {
    return {};
  }
  return new_delta(ts, type, us);
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_PLAIN(total_seconds, "total_seconds", "($self, /)", "Total seconds in the duration."),
    ATOLL_METHOD_PLAIN(delta_reduce, "__reduce__", "($self, /)", "__reduce__() -> (cls, state)"), ATOLL_METHOD_END};
constexpr PyMemberDef kMembers[] = {
    {"days", T_INT, offsetof(PyDateTime_Delta, days), READONLY, "Number of days."},
    {"seconds", T_INT, offsetof(PyDateTime_Delta, seconds), READONLY, "Number of seconds (>= 0 and less than 1 day)."},
    {"microseconds", T_INT, offsetof(PyDateTime_Delta, microseconds), READONLY, "Number of microseconds (>= 0 and less than 1 second)."},
    {}};

}  // namespace

PyTypeObject* make_delta_type(PyObject* m) {
  static const PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(plain_dealloc)},
      {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(delta_repr))},
      {Py_tp_str, reinterpret_cast<void*>(ATOLL_SLOT(delta_str))},
      {Py_tp_hash, reinterpret_cast<void*>(delta_hash)},
      {Py_tp_richcompare, reinterpret_cast<void*>(delta_compare)},
      {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
      {Py_tp_doc, const_cast<char*>("Difference between two datetime values.\n\n"
                                    "timedelta(days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0)\n\n"
                                    "All arguments are optional and default to 0.\nArguments may be integers or floats, and may be positive or negative.")},
      {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
      {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
      {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(delta_new, "__new__",
                                                    "(days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0)"))},
      {Py_nb_add, reinterpret_cast<void*>(delta_add<1>)},
      {Py_nb_subtract, reinterpret_cast<void*>(delta_add<-1>)},
      {Py_nb_multiply, reinterpret_cast<void*>(delta_multiply)},
      {Py_nb_remainder, reinterpret_cast<void*>(delta_remainder)},
      {Py_nb_divmod, reinterpret_cast<void*>(delta_divmod)},
      {Py_nb_negative, reinterpret_cast<void*>(delta_negative)},
      {Py_nb_positive, reinterpret_cast<void*>(delta_positive)},
      {Py_nb_absolute, reinterpret_cast<void*>(delta_absolute)},
      {Py_nb_bool, reinterpret_cast<void*>(delta_bool)},
      {Py_nb_floor_divide, reinterpret_cast<void*>(delta_floor_divide)},
      {Py_nb_true_divide, reinterpret_cast<void*>(delta_true_divide)},
      {0, nullptr}};
  PyType_Spec spec{"datetime.timedelta", sizeof(PyDateTime_Delta), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                   const_cast<PyType_Slot*>(slots)};
  return heap_type(m, spec);
}

}  // namespace atl::datetime
