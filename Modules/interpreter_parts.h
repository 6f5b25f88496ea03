// The parts of an interpreter's life that built-in modules provide; the lifecycle table calls them in its order. Each
// init may rely on those before it; each clear must cope with a part that was not finished.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

Status builtins_fill(ThreadState& ts, PyObject* dict);  // builtins.cc
Status sys_init(ThreadState& ts);                        // sys.cc
// What stands under a name in the module, made anew. Empty without an exception: not known here.
Ref<> builtins_make(ThreadState& ts, PyObject* name);
Ref<> sys_make(ThreadState& ts, PyObject* name);
Ref<> io_make(ThreadState& ts, PyObject* module, PyObject* name);  // for a module that may be _io
void sys_clear(ThreadState& ts);
Status signals_init(ThreadState& ts);                    // _signal.cc
void signals_clear(ThreadState& ts);
void signals_restore();
Status warnings_init(ThreadState& ts);                   // _warnings.cc
void warnings_clear(ThreadState& ts);

// Defined by Python/lifecycle (upward): the exit status for the SystemExit or other exception that is set.
int upcall_exit_status(ThreadState& ts);

}  // namespace atl
