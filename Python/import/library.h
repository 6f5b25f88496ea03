// The library's code, made once for all interpreters of the process.
#pragma once

#include "Objects/object.h"

namespace atl {

// Is this a file of the system's library or of Atoll's own?
bool is_library_path(ThreadState& ts, PyObject* path);
// The code of one of the library's files. `shown` is its co_filename; one file has one of them.
Ref<> library_code(ThreadState& ts, const char* path, PyObject* shown);
// Lets the loader of source files take the library's code from here.
Status library_adjust_loader(ThreadState& ts, PyObject* external);

}  // namespace atl
