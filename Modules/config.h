// The table of built-in modules (Modules/config.def).
#pragma once

#include "Python.h"

namespace atl {

struct BuiltinModule {
  const char* name;
  PyObject* (*init)();
};
// Ended by a row without a name.
const BuiltinModule* builtin_modules();

}  // namespace atl
