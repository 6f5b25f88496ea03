// Linked last into the executable: a page of its own at the end of the sealed section makes the section begin on a page
// boundary, and all objects before it lie on pages that nothing else uses.
#include "Python/runtime/base.h"

namespace atl {
extern char g_sealed_end[];
alignas(4096) ATOLL_SEALED __attribute__((used)) char g_sealed_end[4096] = {1};
}  // namespace atl
