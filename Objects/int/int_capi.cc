// The C API of int: conversions to and from C numbers and bytes. Texts are in int_text.cc.
#include <limits.h>

#include <algorithm>

#include "Objects/int/int-inl.h"
#include "Objects/tuple.h"

using namespace atl;

namespace {

// An int as it is, anything else by __index__; *owned keeps the result alive.
PyObject* peek_index(ThreadState& ts, PyObject* o, Ref<>* owned) {
  if (o == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (is_int(o)) return o;
  *owned = number_index(ts, o);
  return owned->get();
}

// False with TypeError (or SystemError for NULL) where only an int will do.
bool check_int(ThreadState& ts, PyObject* o) {
  if (o != nullptr && is_int(o)) return true;
  if (o == nullptr) {
    (void)raise_bad_internal_call(ts, __FILE__, __LINE__);
  } else {
    (void)raise(ts, PyExc_TypeError, "an integer is required");
  }
  return false;
}

template <class T>
T as_unsigned(PyObject* o, const char* negative, const char* too_large) {
  ThreadState& ts = current_thread();
  if (!check_int(ts, o)) return static_cast<T>(-1);
  const char* problem = int_is_negative(o)                    ? negative
                        : digits_bit_length(int_view(o)) > 64 ? too_large
                                                              : nullptr;
  if (problem == nullptr) return static_cast<T>(int_as_u64_mask(o));
  (void)raise(ts, PyExc_OverflowError, problem);
  return static_cast<T>(-1);
}

uint64_t as_mask(PyObject* o) {
  Ref<> owned;
  PyObject* number = peek_index(current_thread(), o, &owned);
  return number == nullptr ? static_cast<uint64_t>(-1) : int_as_u64_mask(number);
}

// The converters of argument parsing: 1 and the value, or 0 with an exception. What kRead lets
// through and T cannot hold is too large.
template <class T, auto kRead>
int convert_unsigned(PyObject* o, void* out, const char* too_large) {
  ThreadState& ts = current_thread();
  if (is_int(o) && int_is_negative(o)) {
    (void)raise(ts, PyExc_ValueError, "value must be positive");
    return 0;
  }
  auto value = kRead(o);
  if (value == static_cast<decltype(value)>(-1) && error_set(ts)) return 0;
  if (value > static_cast<T>(-1)) {
    (void)raise(ts, PyExc_OverflowError, too_large);
    return 0;
  }
  *static_cast<T*>(out) = static_cast<T>(value);
  return 1;
}

BytesOrder order_of(int little_endian) { return little_endian ? BytesOrder::kLittle : BytesOrder::kBig; }
Signedness sign_of(int is_signed) { return is_signed ? Signedness::kSigned : Signedness::kUnsigned; }

}  // namespace

// ---- from C
// ------------------------------------------------------------------------------------------------------

PyObject* PyLong_FromLong(long v) { return int_from_i64(current_thread(), v).release(); }
PyObject* PyLong_FromLongLong(long long v) { return int_from_i64(current_thread(), v).release(); }
PyObject* PyLong_FromSsize_t(Py_ssize_t v) { return int_from_i64(current_thread(), v).release(); }
PyObject* PyLong_FromUnsignedLong(unsigned long v) { return int_from_u64(current_thread(), v).release(); }
PyObject* PyLong_FromUnsignedLongLong(unsigned long long v) {
  return int_from_u64(current_thread(), v).release();
}
PyObject* PyLong_FromSize_t(size_t v) { return int_from_u64(current_thread(), v).release(); }
PyObject* PyLong_FromVoidPtr(void* p) {
  return int_from_u64(current_thread(), reinterpret_cast<uintptr_t>(p)).release();
}
PyObject* PyLong_FromDouble(double v) { return int_from_double(current_thread(), v).release(); }

PyObject* _PyLong_FromByteArray(const unsigned char* bytes, size_t n, int little_endian, int is_signed) {
  ThreadState& ts = current_thread();
  auto r = int_alloc(ts, n / 15 * 4 + (n % 15 * 8 + 29) / 30);
  if (!r) return nullptr;
  bool negative;
  size_t digits =
      digits_from_bytes(bytes, n, sign_of(is_signed), order_of(little_endian), int_place(r), &negative);
  return int_finish(std::move(r), digits, negative).release();
}

// Uninitialised digits: the caller fills them and fixes the size.
PyLongObject* _PyLong_New(Py_ssize_t digits) {
  return int_alloc(current_thread(), static_cast<size_t>(digits)).release();
}

PyObject* _PyLong_Copy(PyLongObject* source) {
  PyObject* o = obj(source);
  return int_from_digits(current_thread(), int_digits(o), static_cast<Py_ssize_t>(int_digit_count(o)),
                         int_is_negative(o))
      .release();
}

// ---- to C
// --------------------------------------------------------------------------------------------------------

long PyLong_AsLongAndOverflow(PyObject* o, int* overflow) {
  *overflow = 0;
  Ref<> owned;
  PyObject* number = peek_index(current_thread(), o, &owned);
  return number == nullptr ? -1 : int_as_i64_overflow(number, overflow);
}

long long PyLong_AsLongLongAndOverflow(PyObject* o, int* overflow) {
  return PyLong_AsLongAndOverflow(o, overflow);
}

long PyLong_AsLong(PyObject* o) {
  int overflow;
  long value = PyLong_AsLongAndOverflow(o, &overflow);
  if (overflow) {
    (void)raise(current_thread(), PyExc_OverflowError, "Python int too large to convert to C long");
  }
  return value;
}

long long PyLong_AsLongLong(PyObject* o) {
  int overflow;
  long long value = PyLong_AsLongAndOverflow(o, &overflow);
  if (overflow) (void)raise(current_thread(), PyExc_OverflowError, "int too big to convert");
  return value;
}

int _PyLong_AsInt(PyObject* o) {
  int overflow;
  long value = PyLong_AsLongAndOverflow(o, &overflow);
  if (overflow || value > INT_MAX || value < INT_MIN) {
    (void)raise(current_thread(), PyExc_OverflowError, "Python int too large to convert to C int");
    return -1;
  }
  return static_cast<int>(value);
}

Py_ssize_t PyLong_AsSsize_t(PyObject* o) {
  ThreadState& ts = current_thread();
  if (!check_int(ts, o)) return -1;
  int overflow;
  Py_ssize_t value = int_as_i64_overflow(o, &overflow);
  if (overflow) (void)raise(ts, PyExc_OverflowError, "Python int too large to convert to C ssize_t");
  return value;
}

unsigned long PyLong_AsUnsignedLong(PyObject* o) {
  return as_unsigned<unsigned long>(o, "can't convert negative value to unsigned int",
                                    "Python int too large to convert to C unsigned long");
}

unsigned long long PyLong_AsUnsignedLongLong(PyObject* o) {
  return as_unsigned<unsigned long long>(o, "can't convert negative int to unsigned",
                                         "int too big to convert");
}

size_t PyLong_AsSize_t(PyObject* o) {
  return as_unsigned<size_t>(o, "can't convert negative value to size_t",
                             "Python int too large to convert to C size_t");
}

unsigned long PyLong_AsUnsignedLongMask(PyObject* o) { return as_mask(o); }
unsigned long long PyLong_AsUnsignedLongLongMask(PyObject* o) { return as_mask(o); }

void* PyLong_AsVoidPtr(PyObject* o) {
  ThreadState& ts = current_thread();
  if (!check_int(ts, o)) return nullptr;
  unsigned long value =
      int_is_negative(o) ? static_cast<unsigned long>(PyLong_AsLong(o)) : PyLong_AsUnsignedLong(o);
  if (value == static_cast<unsigned long>(-1) && error_set(ts)) return nullptr;
  return reinterpret_cast<void*>(value);
}

double PyLong_AsDouble(PyObject* o) {
  ThreadState& ts = current_thread();
  double value;
  if (!check_int(ts, o) || failed(int_as_double(ts, o, &value))) return -1.0;
  return value;
}

int _PyLong_AsByteArray(PyLongObject* v, unsigned char* bytes, size_t n, int little_endian, int is_signed) {
  PyObject* o = obj(v);
  MpnStatus status =
      digits_to_bytes(int_view(o), int_is_negative(o), sign_of(is_signed), order_of(little_endian), bytes, n);
  if (status == MpnStatus::kOk) return 0;
  return raise(
      current_thread(), PyExc_OverflowError,
      status == MpnStatus::kNegative ? "can't convert negative int to unsigned" : "int too big to convert");
}

// ---- other questions
// ---------------------------------------------------------------------------------------------

int _PyLong_Sign(PyObject* o) { return int_sign(o); }
size_t _PyLong_NumBits(PyObject* o) { return digits_bit_length(int_view(o)); }

double _PyLong_Frexp(PyLongObject* a, Py_ssize_t* exponent) {
  int64_t e;
  double fraction = digits_frexp(int_view(obj(a)), &e);
  *exponent = e;
  return int_is_negative(obj(a)) ? -fraction : fraction;
}

PyObject* _PyLong_GCD(PyObject* a, PyObject* b) { return int_gcd(current_thread(), a, b).release(); }

PyObject* _PyLong_DivmodNear(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  if (!is_int(a) || !is_int(b)) return raise(ts, PyExc_TypeError, "non-integer arguments in division");
  Ref<> rest;
  Ref<> quotient = int_divmod_near(ts, a, b, &rest);
  if (!quotient) return nullptr;
  return tuple_of(ts, quotient.get(), rest.get()).release();
}

PyObject* _PyLong_Lshift(PyObject* a, size_t bits) {
  ThreadState& ts = current_thread();
  Ref<> count = int_from_u64(ts, bits);
  return count ? int_lshift(ts, a, count.get()).release() : nullptr;
}

PyObject* _PyLong_Rshift(PyObject* a, size_t bits) {
  ThreadState& ts = current_thread();
  Ref<> count = int_from_u64(ts, bits);
  return count ? int_rshift(ts, a, count.get()).release() : nullptr;
}

// The same object that sys shows.
PyObject* PyLong_GetInfo(void) {
  PyObject* info = PySys_GetObject("int_info");
  if (info == nullptr) return raise(current_thread(), PyExc_RuntimeError, "lost sys.int_info");
  return new_ref(info);
}

int _PyLong_UnsignedShort_Converter(PyObject* o, void* out) {
  return convert_unsigned<unsigned short, PyLong_AsUnsignedLong>(o, out,
                                                                 "Python int too large for C unsigned short");
}
int _PyLong_UnsignedInt_Converter(PyObject* o, void* out) {
  return convert_unsigned<unsigned int, PyLong_AsUnsignedLong>(o, out,
                                                               "Python int too large for C unsigned int");
}
int _PyLong_UnsignedLong_Converter(PyObject* o, void* out) {
  return convert_unsigned<unsigned long, PyLong_AsUnsignedLong>(o, out, "");
}
int _PyLong_UnsignedLongLong_Converter(PyObject* o, void* out) {
  return convert_unsigned<unsigned long long, PyLong_AsUnsignedLongLong>(o, out, "");
}
int _PyLong_Size_t_Converter(PyObject* o, void* out) {
  return convert_unsigned<size_t, PyLong_AsSize_t>(o, out, "");
}
