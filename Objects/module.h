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
// A module whose namespace is copied from a template (Objects/dict).
Ref<> module_from_template(ThreadState& ts, PyObject* name, const struct _dictkeysobject* keys);
// Modules with entries that are to be made: kept in a list of the interpreter, from which they find their module.
Status on_demand_add(ThreadState& ts, PyObject* module);
PyObject* on_demand_peek_module(ThreadState& ts, const PyObject* dict);
// o.name for a module o, without AttributeError: kOk with *out empty when absent.
Status module_lookup_attr(ThreadState& ts, PyObject* module, PyObject* name, Ref<>* out);
// Methods of a terminated table become built-in functions in the module's dict.
Status module_add_functions(ThreadState& ts, PyObject* module, const PyMethodDef* methods);
Status module_add(ThreadState& ts, PyObject* module, const char* name, Ref<> value);

}  // namespace atl
