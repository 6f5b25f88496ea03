// The table of built-in modules (Modules/config.def).
#pragma once

#include "Python/import/upcalls.h"

namespace atl {
// Each module's init function gives its definition, and has nothing else to do; what it writes into it, it writes here.
void builtin_modules_bringup();
}  // namespace atl
