// What compile() asks of the module _ast. Weak: a build without _ast has no syntax tree objects either.
#pragma once

#include "Objects/object.h"

namespace atl {

[[gnu::weak]] Tri ast_is_tree(ThreadState& ts, PyObject* o);
// The code object of a syntax tree. start: Py_file_input, …
[[gnu::weak]] Ref<> ast_compile_tree(ThreadState& ts, PyObject* tree, PyObject* filename, int start, PyCompilerFlags* flags,
                                     int optimize);

}  // namespace atl
