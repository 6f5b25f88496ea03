// Contexts inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

Ref<> context_copy_current(ThreadState& ts);

}  // namespace atl
