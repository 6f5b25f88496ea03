// _uuid: identifiers made of time and node, by libuuid.
#include <uuid/uuid.h>

#include "Modules/module_tools.h"
#include "Objects/bytes.h"

namespace atl {

namespace {

// (bytes, status): 0 when no other process can have made the same one.
Ref<> f_generate_time_safe(ThreadState&, PyObject*) {
  uuid_t id;
  int status = uuid_generate_time_safe(id);
  return Ref<>::steal(Py_BuildValue("y#i", reinterpret_cast<char*>(id), static_cast<Py_ssize_t>(sizeof id), status));
}

constexpr MethodSpec kFunctions[] = {ATOLL_METHOD_PLAIN(f_generate_time_safe, "generate_time_safe", "($module, /)", ""), ATOLL_METHOD_END};
int exec(PyObject* m) { return PyModule_AddIntConstant(m, "has_uuid_generate_time_safe", 1); }

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__uuid, "_uuid", nullptr, 0, atl::kFunctions, atl::exec)
