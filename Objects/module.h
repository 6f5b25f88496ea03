// Module objects inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

// md_state stands at 32, where compiled code reads it.
struct PyModuleObject {
  PyObject ob_base;
  PyObject* md_dict;
  PyModuleDef* md_def;
  void* md_state;
  PyObject* md_weaklist;
  PyObject* md_name;
};
static_assert(offsetof(PyModuleObject, md_state) == 32 && sizeof(PyModuleObject) == 56);

ATOLL_INLINE bool is_module(const PyObject* o) { return is_instance_nocall(o, &PyModule_Type); }
ATOLL_INLINE PyObject* module_dict(PyObject* m) { return reinterpret_cast<PyModuleObject*>(m)->md_dict; }
Ref<> module_new(ThreadState& ts, PyObject* name);
// o.name for a module o, without AttributeError: kOk with *out empty when absent.
Status module_lookup_attr(ThreadState& ts, PyObject* module, PyObject* name, Ref<>* out);
// Methods of a terminated table become built-in functions in the module's dict.
Status module_add_functions(ThreadState& ts, PyObject* module, const PyMethodDef* methods);
Status module_add(ThreadState& ts, PyObject* module, const char* name, Ref<> value);

}  // namespace atl
