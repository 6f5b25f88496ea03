// float and complex inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

ATOLL_INLINE bool is_float(const PyObject* o) { return is_instance_nocall(o, &PyFloat_Type); }
ATOLL_INLINE bool is_exact_float(const PyObject* o) { return o->ob_type == &PyFloat_Type; }
ATOLL_INLINE double float_value(const PyObject* o) { return reinterpret_cast<const PyFloatObject*>(o)->ob_fval; }

ATOLL_INLINE Ref<> new_float(ThreadState& ts, double v) {
  auto r = new_object<PyFloatObject>(ts, &PyFloat_Type);
  if (ATOLL_LIKELY(static_cast<bool>(r))) r->ob_fval = v;
  return r;
}
Ref<> new_complex(ThreadState& ts, double real, double imag);
Status float_as_double(ThreadState& ts, PyObject* o, double* out);  // float, __float__, __index__
Ref<> float_from_unicode(ThreadState& ts, PyObject* text);
Ref<> float_to_text(ThreadState& ts, double v, char format, int precision, int flags);  // as PyOS_double_to_string; str
Py_hash_t float_hash(PyObject* self_for_nan, double v);
// What float(text) reads, from ASCII text. ValueError shows `shown`.
Ref<> float_from_text(ThreadState& ts, const char* text, Py_ssize_t size, PyObject* shown);
Ref<> float_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op);  // a is a float
Ref<> float_floordiv(ThreadState& ts, double a, double b);
Ref<> float_mod(ThreadState& ts, double a, double b);
Ref<> float_pow(ThreadState& ts, double a, double b);  // may give a complex
Ref<> complex_pow(ThreadState& ts, Py_complex a, Py_complex b);
// Decimal digits and white space of any script as ASCII; false with MemoryError.
bool number_text_to_ascii(ThreadState& ts, PyObject* text, char** out, Py_ssize_t* size);  // *out is from malloc

}  // namespace atl
