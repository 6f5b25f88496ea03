// The steps of an interpreter's life that live in this room's other files.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// streams.cc: the codec registry's package, sys.stdin and its friends.
Status codecs_init(ThreadState& ts);
void codecs_clear(ThreadState& ts);
Status streams_init(ThreadState& ts);
// `import site`
Status run_site(ThreadState& ts);

}  // namespace atl
