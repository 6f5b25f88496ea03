// repr() of constants, as text.
#pragma once

#include "Python/compiler/ast.h"

namespace atl::compiler {

// false: out of memory.
[[nodiscard]] bool append_text(Buffer<char>* out, std::string_view text);
[[nodiscard]] bool append_str_repr(Buffer<char>* out, std::string_view text);
[[nodiscard]] bool append_bytes_repr(Buffer<char>* out, std::string_view text);
[[nodiscard]] bool append_float_repr(Buffer<char>* out, double value);
[[nodiscard]] bool append_constant_repr(Buffer<char>* out, ast::constant value);

}  // namespace atl::compiler
