// Import inside the core.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// bring_up.cc: the import system in Python is there when this returns. What it needs itself while it comes up asks for it, too,
// and goes on; other threads wait.
Status import_ensure(ThreadState& ts);
void import_clear(ThreadState& ts);
// A built-in module for the core's own use, whatever sys.modules says; it is the one that will stand there.
Ref<> import_early(ThreadState& ts, const char* name);
ATOLL_INLINE bool import_is_coming(ThreadState& ts) {
  const OnDemandState& s = ts.interpreter().on_demand;
  return s.import == OnDemandState::Import::kComing && s.import_thread == ts.thread_id;
}
// import name; the module from sys.modules. The last component's module for dotted names.
Ref<> import_module(ThreadState& ts, const char* name);
// sys.path for the process, from configuration: a list.
Ref<> import_make_path(ThreadState& ts);
// The import lock: one per interpreter, re-entrant; waiting gives the interpreter's lock up. Release returns false to a
// thread that does not hold it.
void import_lock_acquire(ThreadState& ts);
bool import_lock_release(ThreadState& ts);

}  // namespace atl
