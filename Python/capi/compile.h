// Source to code objects.
#pragma once

#include <string_view>

#include "Objects/object.h"

namespace atl {

enum class CompileMode { kExec, kEval, kSingle, kFuncType };

// The code object of a source text (bytes, decoded by its cookie or as UTF-8), or SyntaxError. flags: PyCF_… and
// CO_FUTURE_…; optimize -1: the interpreter's level.
Ref<> compile_text(ThreadState& ts, std::string_view source, PyObject* filename, CompileMode mode, int flags, int optimize);

}  // namespace atl
