// The format specification language for numbers: int.__format__, float.__format__, complex.__format__.
#pragma once

#include "Objects/object.h"

namespace atl {

// `spec` is a str. o is an int, a value a float's or a complex number's.
Ref<> int_format(ThreadState& ts, PyObject* o, PyObject* spec);
Ref<> float_format_value(ThreadState& ts, PyObject* o, PyObject* spec);
Ref<> complex_format(ThreadState& ts, PyObject* o, PyObject* spec);

}  // namespace atl
