// The fast loop. Built with -fno-gcse -fno-crossjumping, so that each handler keeps its own indirect jump.
#include "Python/vm/generator.h"
#include "Python/vm/internal.h"
#include "Python/vm/numbers-inl.h"
#include "Python/runtime/sealed.h"

#define ATOLL_TRACED 0
#define ATOLL_LOOP_NAME loop_fast

namespace atl {
#include "Python/vm/loop_body.inc"
}  // namespace atl
