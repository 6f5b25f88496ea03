// What the runtime needs from higher rooms: the complete list of upward calls from here.
#pragma once

#include "Python/runtime/ref.h"

namespace atl {

// Objects/exceptions: sets MemoryError without allocating; RecursionError.
void upcall_set_memory_error(ThreadState& ts);
void upcall_set_recursion_error(ThreadState& ts, const char* where);
// Objects/exceptions: reports the exception that is set as unraisable and clears it.
void upcall_write_unraisable(ThreadState& ts, const char* where);
// Objects/weakref: the collector's handling of weak references to `o`: clears them; callbacks of references that are
// not themselves garbage are appended to `out` (a list of weak references).
Status upcall_clear_weakrefs_of_garbage(ThreadState& ts, PyObject* o, PyObject* out);
// Objects/weakref: calls the callback of a cleared reference; errors are reported as unraisable.
void upcall_call_weakref_callback(ThreadState& ts, PyObject* ref);
// Objects/tuple, Objects/dict: takes an exact tuple or dict off the collector's lists if nothing in it can be part of a
// cycle. An insertion puts the dict back.
void upcall_gc_untrack_tuple(PyObject* o);
void upcall_gc_untrack_dict(PyObject* o);
// Modules/gc: gc.callbacks with phase "start"/"stop".
void upcall_gc_callbacks(ThreadState& ts, const char* phase, int generation, Py_ssize_t collected, Py_ssize_t uncollectable);
// Objects/list: appends for the collector; false when there is no memory (no exception is left set).
bool upcall_list_append(ThreadState& ts, PyObject* list, PyObject* item);
// Python/vm: says that this thread touches an object of another interpreter, and ends the process.
[[noreturn]] void upcall_report_foreign(ThreadState& ts, const PyObject* o, Interpreter& owner);
// Python/vm: runs handlers of tripped signals; main interpreter's main thread.
Status upcall_run_signal_handlers(ThreadState& ts);

// Python/sharing: all channels' locks around fork; in the child nobody waits for them any more, and only one interpreter is left.
void upcall_fork_lock_channels();
void upcall_fork_unlock_channels();
void upcall_fork_channels_in_child(int64_t kept);

}  // namespace atl
