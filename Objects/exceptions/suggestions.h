// "Did you mean": what a name that was not found may have been meant to be.
#pragma once

#include "Objects/object.h"

namespace atl {

// The name nearest to the one that an AttributeError or NameError is about: among the object's attributes, or among the
// locals, globals and builtins of the frame that raised it. Empty without exception when nothing is near enough.
Ref<> exception_suggestion(ThreadState& ts, PyObject* exc);

}  // namespace atl
