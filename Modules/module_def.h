// How a built-in module is declared: one macro at the end of its file.
#pragma once

#include "Objects/module.h"
#include "Objects/type/bind.h"

namespace atl {
// exec of a module that has nothing to add to its functions.
inline int module_exec_nothing(PyObject*) { return 0; }
}  // namespace atl

// init: PyInit_name; text: its Python name; doc; state: bytes of state (in the module object); methods: a terminated
// array of MethodSpec; exec: int f(PyObject* module). Multi-phase; safe in every interpreter. The definition is
// sealed: bring-up writes its index once.
#define ATOLL_BUILTIN_MODULE(init, text, doc, state, methods, exec) \
  ATOLL_BUILTIN_MODULE_GC(init, text, doc, state, methods, exec, nullptr, nullptr, nullptr)
#define ATOLL_BUILTIN_MODULE_GC(init, text, doc, state, methods, exec, traverse, clear, free_)               \
  PyMODINIT_FUNC init(void) {                                                                                \
    ATOLL_SEALED static PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}}; \
    ATOLL_SEALED static PyModuleDef def = {                                                                  \
        PyModuleDef_HEAD_INIT, text, doc, state, reinterpret_cast<PyMethodDef*>(const_cast<::atl::MethodSpec*>(methods)), \
        slots, traverse, clear, free_};                                                                      \
    return PyModuleDef_Init(&def);                                                                           \
  }
