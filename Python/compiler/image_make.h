// Code units to code images: the one step in which constants and names become Python objects.
#pragma once

#include "Objects/code/image.h"
#include "Objects/object.h"
#include "Python/compiler/codegen.h"

namespace atl::compiler {

// A constant as an object; empty with an exception set.
Ref<> make_constant(ThreadState& ts, ast::constant value);
// An identifier as an interned string.
Ref<> make_name(ThreadState& ts, identifier name);
// A private image of the unit and the units in it; nullptr with an exception set.
CodeImage* image_make(ThreadState& ts, const CodeUnit* unit, PyObject* filename);

}  // namespace atl::compiler
