// Wide texts of the configuration interface, and bytes as the core has them: UTF-8, bytes that are none of it as lone surrogates
// U+DC80 to U+DCFF, as PEP 383 has it.
#pragma once

#include <string>
#include <string_view>

#include "Python/runtime/base.h"

namespace atl {

std::string narrow(const wchar_t* text);
std::wstring widen(std::string_view bytes);
// malloc'ed copies (of the raw allocator); NULL for NULL, and without memory.
char* narrow_copy(const wchar_t* text);
wchar_t* wide_copy(const wchar_t* text);
wchar_t* wide_copy_of_bytes(const char* bytes);

}  // namespace atl
