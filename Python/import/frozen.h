// Frozen modules: importlib's core, and the modules of the library that 3.11 freezes. "Frozen" means here that their code
// comes straight from the library's files, without a search on sys.path.
#pragma once

#include "Objects/object.h"

namespace atl {

struct FrozenModule {
  const char* name;
  const char* origin;  // the name of its file's module; '<' in front: a package's __init__ under a name of its own; NULL: no file
  const char* file;    // below the library's folder, or NULL
  const char* text;    // the source where there is no file
  bool is_package;
  bool essential;      // importlib can't do without: found even where frozen modules are switched off
};

// In the order of _imp._frozen_module_names(); ended by a row without a name.
const FrozenModule* frozen_modules();
const FrozenModule* find_frozen_module(PyObject* name);
Ref<> frozen_code(ThreadState& ts, const FrozenModule& m);

}  // namespace atl
