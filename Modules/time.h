// What other modules take from time.
#pragma once

#include "Objects/object.h"

namespace atl {

// Seconds (int or float) as nanoseconds, rounded away from zero as a timeout is. False with an exception.
bool seconds_to_ns(ThreadState& ts, PyObject* seconds, int64_t* out);

}  // namespace atl
