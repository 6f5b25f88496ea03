// From a host's PyConfig to the runtime's configuration.
#pragma once

#include "Python/runtime/config.h"
#include "initconfig.h"

namespace atl {

// Fills `to`, which is empty, with what a host says, the environment, and defaults. An exit status when the command line asked for
// help or was wrong.
PyStatus config_from_c(Config* to, const PyConfig& from);

}  // namespace atl
