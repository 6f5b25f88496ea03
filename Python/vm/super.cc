// What super() without arguments asks of the running frame.
#include "Objects/str/str.h"
#include "Python/vm/internal.h"

namespace atl {

Status vm_super_arguments(ThreadState& ts, Ref<>* type, Ref<>* object) {
  Slot* base = ts.base();
  if (base == nullptr) return raise(ts, PyExc_RuntimeError, "super(): no current frame");
  CodeObject* code = frame_code(base);
  if (code->head.co_argcount == 0) return raise(ts, PyExc_RuntimeError, "super(): no arguments");
  PyObject* first = frame_locals(base)[0].o;
  if (first != nullptr && (code->image->local_kinds[0] & kLocalCell) && is_exact(first, &PyCell_Type)) first = cell_slot(first);
  if (first == nullptr) return raise(ts, PyExc_RuntimeError, "super(): arg[0] deleted");
  PyObject* closure = frame_function(base)->func_closure;
  Py_ssize_t free_count = closure != nullptr ? tuple_size(closure) : 0;
  uint32_t named = code->image->local_name_count - code->image->free_count;
  for (Py_ssize_t i = 0; i < free_count; ++i) {
    PyObject* name = code->image->local_names[named + i];
    if (name != ID(__class__) && !str_equal(name, ID(__class__))) continue;
    PyObject* cell = tuple_peek(closure, i);
    PyObject* value = is_exact(cell, &PyCell_Type) ? cell_slot(cell) : nullptr;
    if (value == nullptr) return raise(ts, PyExc_RuntimeError, "super(): empty __class__ cell");
    if (!PyType_Check(value)) return raise(ts, PyExc_RuntimeError, "super(): __class__ is not a type (%T)", value);
    *type = dup(value);
    *object = dup(first);
    return Status::kOk;
  }
  return raise(ts, PyExc_RuntimeError, "super(): __class__ cell not found");
}

}  // namespace atl
