#include "Modules/config.h"

#include "Python/runtime/runtime.h"

extern "C" {
#define ATOLL_MODULE(name, init) PyObject* init(void);
#include "Modules/config.def"
#undef ATOLL_MODULE
}

namespace atl {

const BuiltinModule* builtin_modules() {
  static constexpr BuiltinModule kModules[] = {
#define ATOLL_MODULE(name, init) {#name, init},
#include "Modules/config.def"
#undef ATOLL_MODULE
      {nullptr, nullptr}};
  const BuiltinModule* with_hosts = runtime().host.modules;
  return with_hosts != nullptr ? with_hosts : kModules;
}

void builtin_modules_bringup() {
  for (const BuiltinModule* m = builtin_modules(); m->name != nullptr; ++m) (void)m->init();
}

}  // namespace atl
