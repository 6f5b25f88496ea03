// What the virtual machine needs from higher rooms.
#pragma once

#include "Objects/object.h"

namespace atl {

// Python/import: builtins.__import__ itself.
Ref<> upcall_import_module_level(ThreadState& ts, PyObject* name, PyObject* globals, PyObject* locals, PyObject* fromlist, int level);
// Objects/exceptions: ImportError with name, path and name_from filled; path and module name may be NULL.
void upcall_set_import_error(ThreadState& ts, PyObject* message, PyObject* module_name, PyObject* path, PyObject* name_from);

}  // namespace atl
