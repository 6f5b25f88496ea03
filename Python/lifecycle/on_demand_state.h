// What of an interpreter is made when something first asks for it. Part of Interpreter; Doc/internals/creation.md.
#pragma once

#include "Python/runtime/base.h"

namespace atl {

// A module whose namespace has entries that are to be made. The namespace does not hold the module: while the record is
// there the module is alive.
struct OnDemandModule {
  OnDemandModule* next;
  PyObject* dict;
  PyObject* module;
};

struct OnDemandState {
  enum class Import : uint8_t { kNotYet, kComing, kThere };

  OnDemandModule* modules = nullptr;
  // The import system in Python, with what comes up with it.
  Import import = Import::kNotYet;
  unsigned long import_thread = 0;    // kComing: the thread that is at it
  PyObject* early_modules = nullptr;  // dict: built-in modules made before it, for sys.modules
};

}  // namespace atl
