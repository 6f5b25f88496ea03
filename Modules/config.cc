#include "Modules/config.h"

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
  return kModules;
}

}  // namespace atl
