// int and bool inside the core. Digits are 30 bits wide; ob_size carries the sign.
#pragma once

#include "Objects/int/kernel_mpn.h"
#include "Objects/object.h"

namespace atl {

inline constexpr int kSmallIntMin = -5;
inline constexpr int kSmallIntMax = 256;

// Immortal; [v + 5]. Sealed.
// 64 bytes apart: compiled extensions count on them without looking, from several cores.
struct alignas(64) SmallInt {
  PyLongObject value;
};
extern SmallInt g_small_ints[kSmallIntMax - kSmallIntMin + 1];
ATOLL_INLINE PyObject* small_int(int v) { return obj(&g_small_ints[v - kSmallIntMin].value); }

ATOLL_INLINE bool is_int(const PyObject* o) { return has_flag(o, Py_TPFLAGS_LONG_SUBCLASS); }
ATOLL_INLINE bool is_exact_int(const PyObject* o) { return o->ob_type == &PyLong_Type; }
ATOLL_INLINE const uint32_t* int_digits(const PyObject* o) {
  return reinterpret_cast<const uint32_t*>(reinterpret_cast<const PyLongObject*>(o)->ob_digit);
}
ATOLL_INLINE Py_ssize_t int_size(const PyObject* o) { return reinterpret_cast<const PyVarObject*>(o)->ob_size; }
// At most one digit: its value.
ATOLL_INLINE bool int_is_compact(const PyObject* o) { return static_cast<size_t>(int_size(o) + 1) <= 2; }
ATOLL_INLINE Py_ssize_t int_compact_value(const PyObject* o) { return int_size(o) * static_cast<Py_ssize_t>(int_digits(o)[0]); }
ATOLL_INLINE Py_hash_t int_compact_hash(const PyObject* o) {
  Py_ssize_t v = int_compact_value(o);
  return v == -1 ? -2 : v;
}
// Of two ints or subclass instances, by value.
ATOLL_INLINE bool int_equal(const PyObject* a, const PyObject* b) {
  Py_ssize_t size = int_size(a);
  return size == int_size(b) &&
         __builtin_memcmp(int_digits(a), int_digits(b), static_cast<size_t>(size < 0 ? -size : size) * sizeof(uint32_t)) == 0;
}

Ref<> int_from_i64(ThreadState& ts, int64_t v);
Ref<> int_from_u64(ThreadState& ts, uint64_t v);
inline Ref<> int_from_ssize(ThreadState& ts, Py_ssize_t v) { return int_from_i64(ts, v); }
Ref<> int_from_double(ThreadState& ts, double v);  // truncates; OverflowError/ValueError for inf and nan
Ref<> int_from_digits(ThreadState& ts, const uint32_t* digits, Py_ssize_t n, bool negative);  // normalises
// From ASCII digits with an optional sign and underscores as the language allows; base 0 or 2..36.
// ValueError names the whole text.
Ref<> int_from_text(ThreadState& ts, const char* text, Py_ssize_t size, int base);
Ref<> int_from_unicode(ThreadState& ts, PyObject* text, int base);
// The same for the text in a bytes-like object, which ValueError names as such.
Ref<> int_from_buffer_text(ThreadState& ts, const char* text, Py_ssize_t size, int base);
// kError with OverflowError; TypeError when o is not an int (no __index__ is called).
Status int_as_i64(ThreadState& ts, PyObject* o, int64_t* out);
// *overflow: -1, 0, +1; no exception.
int64_t int_as_i64_overflow(PyObject* o, int* overflow);
Status int_as_u64(ThreadState& ts, PyObject* o, uint64_t* out);
uint64_t int_as_u64_mask(PyObject* o);
Status int_as_double(ThreadState& ts, PyObject* o, double* out);
Ref<> int_to_text(ThreadState& ts, PyObject* o, int base, bool prefix);  // str; the digit limit applies to base 10
int int_sign(PyObject* o);
Py_hash_t int_hash(PyObject* o);
int int_compare(PyObject* a, PyObject* b);  // -1, 0, 1
// Exact or derived ints; results are exact ints.
Ref<> int_add(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_sub(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_mul(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_floordiv(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_mod(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_divmod(ThreadState& ts, PyObject* a, PyObject* b, Ref<>* mod);
Ref<> int_truediv(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_lshift(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_rshift(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_and(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_or(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_xor(ThreadState& ts, PyObject* a, PyObject* b);
Ref<> int_negative(ThreadState& ts, PyObject* a);
Ref<> int_absolute(ThreadState& ts, PyObject* a);
Ref<> int_invert(ThreadState& ts, PyObject* a);
// A float for a negative exponent.
Ref<> int_pow(ThreadState& ts, PyObject* a, PyObject* exponent, PyObject* modulus /* or NULL */);
// The nearest quotient, half to even, and its remainder.
Ref<> int_divmod_near(ThreadState& ts, PyObject* a, PyObject* b, Ref<>* rest);
Ref<> int_isqrt(ThreadState& ts, PyObject* a);  // a >= 0
// The object itself if it is exact, else an exact int of the same value.
Ref<> int_exact(ThreadState& ts, PyObject* a);
size_t int_bit_length(PyObject* a);
Ref<> int_gcd(ThreadState& ts, PyObject* a, PyObject* b);

void int_bringup();  // fills the small ints, True and False

}  // namespace atl
