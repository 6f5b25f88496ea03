// Functions, bound methods, cells and built-in functions inside the core.
#pragma once

#include "Objects/code/code.h"
#include "Objects/object.h"

namespace atl {

ATOLL_INLINE PyFunctionObject* as_function(PyObject* o) { return reinterpret_cast<PyFunctionObject*>(o); }
ATOLL_INLINE bool is_function(const PyObject* o) { return o->ob_type == &PyFunction_Type; }
ATOLL_INLINE bool is_method(const PyObject* o) { return o->ob_type == &PyMethod_Type; }
ATOLL_INLINE CodeObject* function_code(PyFunctionObject* f) { return as_code(f->func_code); }

// qualname may be NULL (the code's). Doc, module and builtins come from code and globals.
Ref<PyFunctionObject> function_new(ThreadState& ts, PyObject* code, PyObject* globals, PyObject* qualname = nullptr);
// A number for caches of calls; 0 when there are no more. Reset to 0 when code, defaults or kwdefaults change.
uint32_t function_version(ThreadState& ts, PyFunctionObject* f);

Ref<> method_new(ThreadState& ts, PyObject* function, PyObject* self);

Ref<> cell_new(ThreadState& ts, PyObject* value /* or NULL */);
ATOLL_INLINE PyObject*& cell_slot(PyObject* cell) { return reinterpret_cast<PyCellObject*>(cell)->ob_ref; }

// A built-in function object; `def` must outlive it.
Ref<> builtin_function_new(ThreadState& ts, PyMethodDef* def, PyObject* self, PyObject* module, PyTypeObject* defining_class = nullptr);

// How the virtual machine is entered; Objects fills PyFunctionObject.vectorcall with it. Defined by Python/vm.
extern "C" PyObject* atoll_function_vectorcall(PyObject* func, PyObject* const* args, size_t nargsf, PyObject* kwnames);

}  // namespace atl
