// File objects in the C API: what asks an object for its descriptor.
#include "Objects/errors.h"
#include "Objects/int/int.h"

using namespace atl;

// An int, or what the object's fileno() returns; -1 with ValueError for a negative number, TypeError for anything else.
int PyObject_AsFileDescriptor(PyObject* o) {
  ThreadState& ts = current_thread();
  Ref<> number;
  if (is_int(o)) {
    number = Ref<>::dup_of(o);
  } else {
    Ref<> fileno = Ref<>::steal(PyObject_GetAttrString(o, "fileno"));
    if (!fileno) {
      if (error_clear_if(ts, PyExc_AttributeError)) (void)raise(ts, PyExc_TypeError, "argument must be an int, or have a fileno() method.");
      return -1;
    }
    number = Ref<>::steal(PyObject_CallNoArgs(fileno.get()));
    if (!number) return -1;
    if (!is_int(number.get())) return raise(ts, PyExc_TypeError, "fileno() returned a non-integer");
  }
  int overflow;
  long fd = PyLong_AsLongAndOverflow(number.get(), &overflow);
  if (fd == -1 && error_set(ts)) return -1;
  if (overflow > 0 || fd > INT32_MAX) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C int");
  if (overflow < 0 || fd < 0) return raise(ts, PyExc_ValueError, "file descriptor cannot be a negative integer (%i)", static_cast<int>(fd));
  return static_cast<int>(fd);
}
