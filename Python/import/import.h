// Import inside the core.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

Status import_init(ThreadState& ts);
void import_clear(ThreadState& ts);
// import name; the module from sys.modules. The last component's module for dotted names.
Ref<> import_module(ThreadState& ts, const char* name);
// sys.path for the process, from configuration: a list.
Ref<> import_make_path(ThreadState& ts);
// The import lock: one per interpreter, re-entrant; waiting gives the interpreter's lock up. Release returns false to a
// thread that does not hold it.
void import_lock_acquire(ThreadState& ts);
bool import_lock_release(ThreadState& ts);

}  // namespace atl
