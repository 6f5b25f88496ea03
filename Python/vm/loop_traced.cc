// The loop with hooks, for sys.settrace and sys.setprofile.
#include "Python/vm/generator.h"
#include "Python/vm/internal.h"
#include "Python/vm/numbers-inl.h"
#include "Python/runtime/sealed.h"

#define ATOLL_TRACED 1
#define ATOLL_LOOP_NAME loop_traced

namespace atl {
#include "Python/vm/loop_body.inc"
}  // namespace atl
