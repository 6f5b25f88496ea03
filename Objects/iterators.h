// Iterator structs that the virtual machine reads inline.
#pragma once

#include "Objects/object.h"

namespace atl {

// list and tuple iterators: the sequence is dropped (NULL) at the end.
struct ListIterObject {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* list;
};

// Iterator over a range whose values fit 64 bits.
struct RangeIterObject {
  PyObject ob_base;
  int64_t next;
  int64_t step;
  int64_t remaining;
  int64_t start;  // where it began: pickles say how far it is from there
};

}  // namespace atl
