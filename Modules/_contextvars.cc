// _contextvars: the types of Objects/context.cc as a module.
#include "Modules/module_def.h"
#include "Objects/context.h"

namespace atl {

namespace {

Ref<> m_copy_context(ThreadState& ts, PyObject*) { return context_copy_current(ts); }
constexpr MethodSpec kFunctions[] = {ATOLL_METHOD(m_copy_context, "copy_context", "($module, /)", ""), ATOLL_METHOD_END};

int exec(PyObject* module) {
  for (PyTypeObject* type : {&PyContext_Type, &PyContextVar_Type, &PyContextToken_Type}) {
    if (PyModule_AddType(module, type) < 0) return -1;
  }
  return 0;
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__contextvars, "_contextvars", "Context Variables", 0, atl::kFunctions, atl::exec)
