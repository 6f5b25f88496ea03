// How ints are read and made, for the files of this folder.
#pragma once

#include <cstddef>

#include "Objects/int/int.h"

namespace atl {

inline size_t int_digit_count(const PyObject* o) {
  Py_ssize_t size = int_size(o);
  return static_cast<size_t>(size < 0 ? -size : size);
}
inline DigitView int_view(const PyObject* o) { return {int_digits(o), int_digit_count(o)}; }
inline bool int_is_negative(const PyObject* o) { return int_size(o) < 0; }

// The value of an int of at most two digits.
inline bool int_is_small(const PyObject* o) { return static_cast<size_t>(int_size(o) + 2) <= 4; }
inline int64_t int_small_value(const PyObject* o) {
  int64_t magnitude = static_cast<int64_t>(digits_small_value(int_view(o)));
  return int_is_negative(o) ? -magnitude : magnitude;
}

inline constexpr size_t kMaxIntDigits = (static_cast<size_t>(PY_SSIZE_T_MAX) - 64) / sizeof(Digit);

// Room for `digits` digits, and for two at least: the virtual machine writes results over dead ints of up to
// two digits.
Ref<PyLongObject> int_alloc(ThreadState& ts, size_t digits);
inline Digit* int_place(const Ref<PyLongObject>& r) { return reinterpret_cast<Digit*>(r->ob_digit); }
// Fixes size and sign; small values become the shared objects.
Ref<> int_finish(Ref<PyLongObject> r, size_t digits, bool negative);
Ref<> int_from_result(ThreadState& ts, const MpnResult& result, bool negative);
inline Raised int_raise(ThreadState& ts, MpnStatus) {
  return raise_memory(ts);
}  // the one way arithmetic fails

}  // namespace atl
