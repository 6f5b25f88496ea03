// int and float values in the loop: reading, and finding a box for a result.
#pragma once

#include "Objects/float/float.h"
#include "Objects/int/int.h"

namespace atl {

inline constexpr int64_t kTwoDigitLimit = int64_t{1} << 60;  // |v| below it fits two digits

// The value of an exact int of at most two digits.
ATOLL_INLINE bool read_int(const PyObject* o, int64_t* v) {
  Py_ssize_t size = int_size(o);
  const uint32_t* d = int_digits(o);
  if (ATOLL_LIKELY(static_cast<size_t>(size + 1) <= 2)) {
    *v = size * static_cast<int64_t>(d[0]);
    return true;
  }
  if (size == 2 || size == -2) {
    int64_t m = static_cast<int64_t>(d[0]) | static_cast<int64_t>(d[1]) << kDigitBits;
    *v = size < 0 ? -m : m;
    return true;
  }
  return false;
}

// |v| < 2^60 and not a cached value. Both digits with one store.
ATOLL_INLINE void write_int(PyObject* o, int64_t v) {
  uint64_t m = static_cast<uint64_t>(v < 0 ? -v : v);
  Py_ssize_t size = m >> kDigitBits ? 2 : 1;
  reinterpret_cast<PyVarObject*>(o)->ob_size = v < 0 ? -size : size;
  uint64_t digits = (m & kDigitMask) | (m >> kDigitBits) << 32;
  __builtin_memcpy(reinterpret_cast<PyLongObject*>(o)->ob_digit, &digits, 8);
}

ATOLL_INLINE bool is_small_int_value(int64_t v) {
  return static_cast<uint64_t>(v - kSmallIntMin) <= static_cast<uint64_t>(kSmallIntMax - kSmallIntMin);
}

// |v| < 2^60. NULL with MemoryError.
ATOLL_INLINE PyObject* box_int(ThreadState& ts, int64_t v) {
  if (is_small_int_value(v)) return small_int(static_cast<int>(v));
  auto* o = static_cast<PyObject*>(object_alloc(ts, 32));
  if (ATOLL_UNLIKELY(o == nullptr)) return nullptr;
  o->ob_refcnt = 1;
  o->ob_type = &PyLong_Type;
  write_int(o, v);
  return o;
}

ATOLL_INLINE bool only_ref(const PyObject* o) { return o->ob_refcnt == 1; }

// A dead local value that a result may overwrite.
ATOLL_INLINE bool reusable_int(const PyObject* o) {
  return o != nullptr && only_ref(o) && is_exact_int(o) && static_cast<size_t>(int_size(o) + 2) <= 4;
}
ATOLL_INLINE bool reusable_float(const PyObject* o) { return o != nullptr && only_ref(o) && is_exact_float(o); }

ATOLL_INLINE PyObject* box_float(ThreadState& ts, double v) {
  auto* o = static_cast<PyObject*>(object_alloc(ts, sizeof(PyFloatObject)));
  if (ATOLL_UNLIKELY(o == nullptr)) return nullptr;
  o->ob_refcnt = 1;
  o->ob_type = &PyFloat_Type;
  reinterpret_cast<PyFloatObject*>(o)->ob_fval = v;
  return o;
}

}  // namespace atl
