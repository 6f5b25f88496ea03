// Source to code objects.
#pragma once

#include <string_view>

#include "Objects/object.h"

namespace atl {

enum class CompileMode { kExec, kEval, kSingle, kFuncType };

// The code object of a source text (bytes, decoded by its cookie or as UTF-8), or SyntaxError. flags: PyCF_… and
// CO_FUTURE_…; optimize -1: the interpreter's level.
Ref<> compile_text(ThreadState& ts, std::string_view source, PyObject* filename, CompileMode mode, int flags, int optimize);
// The contents of a script: bytes that are not UTF-8, without a declared encoding, are an error of the file.
Ref<> compile_script(ThreadState& ts, std::string_view source, PyObject* filename);

}  // namespace atl
