// Core identifiers: immortal, interned, process-wide strings known at compile time. ID(__init__) is a
// PyObject*. One row each in identifiers.def (sorted; add what you need).
#pragma once

#include "Python/runtime/ref.h"

namespace atl {

template <size_t N>
struct StaticAscii {
  PyASCIIObject head;
  char text[(N + 7) / 8 * 8];
};

struct Identifiers {
#define ATOLL_ID(name) StaticAscii<sizeof(#name)> id_##name;
#define ATOLL_ID_TEXT(name, text) StaticAscii<sizeof(text)> id_##name;
#include "Objects/str/identifiers.def"
#undef ATOLL_ID
#undef ATOLL_ID_TEXT
};

// Sealed: hashes are filled in at bring-up, before the second interpreter can exist.
extern Identifiers g_identifiers;

#define ID(name) (reinterpret_cast<PyObject*>(&::atl::g_identifiers.id_##name))

// Immortal one-character strings of U+0000..U+00FF, and the empty string.
extern PyObject* g_latin1_chars[256];
ATOLL_INLINE PyObject* latin1_char(unsigned c) { return g_latin1_chars[c]; }
PyObject* empty_str();

}  // namespace atl
