// Searching text in text: exact, over any mixture of 1, 2 and 4 byte kinds, in linear time whatever the
// input. Bytes objects use the same functions with kind 1.
#pragma once

#include <cstddef>
#include <cstdint>

#include "Objects/str/kernel_chars.h"

namespace atl {

constexpr ptrdiff_t kNotFound = -1;

// Index of the first or last occurrence, or kNotFound. An empty needle is found at 0, or at the end.
ptrdiff_t text_find(TextView hay, TextView needle);
ptrdiff_t text_rfind(TextView hay, TextView needle);

// Number of occurrences that do not overlap, counting stops at `limit`. An empty needle occurs between all
// characters: length + 1 times.
ptrdiff_t text_count(TextView hay, TextView needle, ptrdiff_t limit = PTRDIFF_MAX);

ptrdiff_t text_find_char(TextView hay, uint32_t cp);
ptrdiff_t text_rfind_char(TextView hay, uint32_t cp);
ptrdiff_t text_count_char(TextView hay, uint32_t cp, ptrdiff_t limit = PTRDIFF_MAX);

}  // namespace atl
