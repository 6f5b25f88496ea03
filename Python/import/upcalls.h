// What the import room shares inside, and needs from higher rooms.
#pragma once

#include "Objects/object.h"

namespace atl {

// Modules/config.cc: the table of built-in modules.
struct BuiltinModule {
  const char* name;
  PyObject* (*init)();
};
// Ended by a row without a name.
const BuiltinModule* builtin_modules();

// Python/capi/compile.cc: a code object from a file (co_filename is `shown`), or from a text (it is "<frozen shown>").
Ref<> compile_library_source(ThreadState& ts, const char* path, PyObject* shown);
Ref<> compile_library_text(ThreadState& ts, const char* text, const char* shown);
// imp_module.cc: a fresh built-in module (spec may be NULL: one with only a name is made).
Ref<> import_builtin_by_name(ThreadState& ts, PyObject* name, PyObject* spec);
// Rebinds the magic number of importlib's path-based half to Atoll's.
Status import_adjust_external(ThreadState& ts, PyObject* external);
Status audit_import(ThreadState& ts, PyObject* name);

}  // namespace atl
