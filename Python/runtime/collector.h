// The cycle collector: generations and finalization order as Python 3.11 documents them (module gc).
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

enum GcDebug : int { kGcDebugStats = 1, kGcDebugCollectable = 2, kGcDebugUncollectable = 4, kGcDebugSaveAll = 32 };

// Collects `generation` and all younger ones. Returns the number of unreachable objects found (collected and
// uncollectable). May run any Python code. Does nothing while a collection runs.
Py_ssize_t gc_collect(ThreadState& ts, int generation);
// At a poll: the oldest generation whose count is over its threshold.
void gc_collect_due(ThreadState& ts);
// All tracked objects back into the oldest generation from the permanent one, and the other way.
void gc_freeze(GcState& gc);
void gc_unfreeze(GcState& gc);
Py_ssize_t gc_list_size(const GcLinks& head);
// Calls tp_finalize once in the object's life.
void object_finalize_once(PyObject* o);

}  // namespace atl
