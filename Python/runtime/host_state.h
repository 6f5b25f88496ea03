// What a host says before it starts the runtime, and what it wants at the end. Part of Runtime; used by the thread that starts and
// ends it, and sealed in between.
#pragma once

#include "Python/runtime/base.h"

namespace atl {

struct BuiltinModule;
struct Config;

struct HostState {
  BuiltinModule* modules = nullptr;  // the built-in modules with the host's own, ended by a row without a name; or NULL
  size_t module_count = 0;           // of the host's own, which come first
  void (*exit_functions[32])() = {};  // Py_AtExit
  int exit_count = 0;
  Config* config = nullptr;          // made by Py_Initialize... and given back by Py_Finalize; or NULL
  wchar_t* program_name = nullptr;   // Py_SetProgramName and the like: copies
  wchar_t* home = nullptr;
  wchar_t* path = nullptr;
  wchar_t* texts[4] = {};            // what Py_GetPrefix and the like have answered
};

}  // namespace atl
