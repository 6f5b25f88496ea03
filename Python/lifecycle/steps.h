// The steps of an interpreter's life that live in other rooms, in the order of lifecycle.cc's table. Each init may rely
// on those before it; each clear must cope with a step that was not finished.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// Modules/builtins.cc
Status builtins_fill(ThreadState& ts, PyObject* dict);
// Modules/sys*.cc
Status sys_init(ThreadState& ts);
void sys_clear(ThreadState& ts);
// Python/lifecycle/streams.cc
Status codecs_init(ThreadState& ts);
void codecs_clear(ThreadState& ts);
Status streams_init(ThreadState& ts);
// Modules/_signal.cc
Status signals_init(ThreadState& ts);
void signals_clear(ThreadState& ts);
void signals_restore();
// Modules/_warnings.cc
Status warnings_init(ThreadState& ts);
void warnings_clear(ThreadState& ts);
// `import site`
Status run_site(ThreadState& ts);

}  // namespace atl
