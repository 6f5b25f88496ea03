// Character classes and case of ASCII for the C API, whatever the locale.
#include <array>

#include "Python/runtime/base.h"

namespace {

constexpr unsigned classes_of(int c) {
  unsigned bits = 0;
  if (c >= 'a' && c <= 'z') bits |= PY_CTF_LOWER;
  if (c >= 'A' && c <= 'Z') bits |= PY_CTF_UPPER;
  if (c >= '0' && c <= '9') bits |= PY_CTF_DIGIT | PY_CTF_XDIGIT;
  if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= PY_CTF_XDIGIT;
  if (c == ' ' || (c >= '\t' && c <= '\r')) bits |= PY_CTF_SPACE;
  return bits;
}

}  // namespace

// Filled by the compiler from the functions above; written out by index because the arrays are C arrays.
#define ATOLL_ROW4(f, c) f(c), f((c) + 1), f((c) + 2), f((c) + 3)
#define ATOLL_ROW16(f, c) ATOLL_ROW4(f, c), ATOLL_ROW4(f, (c) + 4), ATOLL_ROW4(f, (c) + 8), ATOLL_ROW4(f, (c) + 12)
#define ATOLL_ROW64(f, c) ATOLL_ROW16(f, c), ATOLL_ROW16(f, (c) + 16), ATOLL_ROW16(f, (c) + 32), ATOLL_ROW16(f, (c) + 48)
#define ATOLL_ROW256(f) ATOLL_ROW64(f, 0), ATOLL_ROW64(f, 64), ATOLL_ROW64(f, 128), ATOLL_ROW64(f, 192)
#define ATOLL_LOWER(c) static_cast<unsigned char>((c) >= 'A' && (c) <= 'Z' ? (c) + 32 : (c))
#define ATOLL_UPPER(c) static_cast<unsigned char>((c) >= 'a' && (c) <= 'z' ? (c)-32 : (c))

extern "C" {
extern const unsigned int _Py_ctype_table[256] = {ATOLL_ROW256(classes_of)};
extern const unsigned char _Py_ctype_tolower[256] = {ATOLL_ROW256(ATOLL_LOWER)};
extern const unsigned char _Py_ctype_toupper[256] = {ATOLL_ROW256(ATOLL_UPPER)};
}

extern "C" {

int PyOS_mystricmp(const char* a, const char* b) {
  while (*a != 0 && Py_TOLOWER(*a) == Py_TOLOWER(*b)) {
    ++a;
    ++b;
  }
  return Py_TOLOWER(*a) - Py_TOLOWER(*b);
}

int PyOS_mystrnicmp(const char* a, const char* b, Py_ssize_t size) {
  for (; size > 0; --size, ++a, ++b) {
    int difference = Py_TOLOWER(*a) - Py_TOLOWER(*b);
    if (difference != 0 || *a == 0) return difference;
  }
  return 0;
}

}  // extern "C"
