#include "Python/lifecycle/texts.h"

#include <cstring>

#include "fileutils.h"

namespace atl {

namespace {

void put_utf8(std::string* out, uint32_t c) {
  if (c >= 0xdc80 && c <= 0xdcff) {
    out->push_back(static_cast<char>(c - 0xdc00));
  } else if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xc0 | c >> 6));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | c >> 12));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  } else {
    out->push_back(static_cast<char>(0xf0 | c >> 18));
    out->push_back(static_cast<char>(0x80 | (c >> 12 & 63)));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  }
}

// The length of the well-formed sequence at the front, and its character; 0 when there is none.
size_t take_utf8(std::string_view s, uint32_t* c) {
  auto byte = [&](size_t i) -> uint32_t { return static_cast<unsigned char>(s[i]); };
  uint32_t first = byte(0);
  if (first < 0x80) {
    *c = first;
    return 1;
  }
  size_t n = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (n == 0 || s.size() < n) return 0;
  uint32_t value = first & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    value = value << 6 | (byte(i) & 63);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[n] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return 0;
  *c = value;
  return n;
}

template <class T>
T* raw_copy(const T* text, size_t n) {
  auto* p = static_cast<T*>(PyMem_RawMalloc((n + 1) * sizeof(T)));
  if (p == nullptr) return nullptr;
  std::memcpy(p, text, n * sizeof(T));
  p[n] = 0;
  return p;
}

}  // namespace

std::string narrow(const wchar_t* text) {
  std::string out;
  for (; *text != 0; ++text) put_utf8(&out, static_cast<uint32_t>(*text));
  return out;
}

std::wstring widen(std::string_view bytes) {
  std::wstring out;
  while (!bytes.empty()) {
    uint32_t c;
    size_t n = take_utf8(bytes, &c);
    out.push_back(static_cast<wchar_t>(n != 0 ? c : 0xdc00u + static_cast<unsigned char>(bytes[0])));
    bytes.remove_prefix(n != 0 ? n : 1);
  }
  return out;
}

char* narrow_copy(const wchar_t* text) { return text != nullptr ? strdup(narrow(text).c_str()) : nullptr; }
wchar_t* wide_copy(const wchar_t* text) { return text != nullptr ? raw_copy(text, wcslen(text)) : nullptr; }
wchar_t* wide_copy_of_bytes(const char* bytes) {
  if (bytes == nullptr) return nullptr;
  std::wstring w = widen(bytes);
  return raw_copy(w.data(), w.size());
}

}  // namespace atl

// ---- C API: what the system hands over, as text and back ---------------------------------------------------------------

wchar_t* Py_DecodeLocale(const char* bytes, size_t* size) {
  std::wstring w = atl::widen(bytes);
  if (size != nullptr) *size = w.size();
  wchar_t* p = atl::raw_copy(w.data(), w.size());
  if (p == nullptr && size != nullptr) *size = static_cast<size_t>(-1);
  return p;
}
char* Py_EncodeLocale(const wchar_t* text, size_t* error_position) {
  if (error_position != nullptr) *error_position = static_cast<size_t>(-1);
  for (const wchar_t* p = text; *p != 0; ++p) {
    auto c = static_cast<uint32_t>(*p);
    if (c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000 && !(c >= 0xdc80 && c <= 0xdcff))) continue;
    if (error_position != nullptr) *error_position = static_cast<size_t>(p - text);
    return nullptr;
  }
  std::string s = atl::narrow(text);
  auto* p = static_cast<char*>(PyMem_Malloc(s.size() + 1));
  if (p != nullptr) std::memcpy(p, s.c_str(), s.size() + 1);
  return p;
}
