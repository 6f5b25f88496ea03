// _typing: what typing wants quick.
#include "Modules/module_def.h"

namespace atl {

namespace {

Ref<> m_idfunc(ThreadState&, PyObject*, PyObject* x) { return dup(x); }
constexpr MethodSpec kFunctions[] = {ATOLL_METHOD(m_idfunc, "_idfunc", "($module, x, /)", ""), ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__typing, "_typing", "Accelerators for the typing module.\n", 0, atl::kFunctions, atl::module_exec_nothing)
