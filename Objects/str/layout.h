// How a str lies in memory, for the files of this folder.
#pragma once

#include <cstring>

#include "Objects/str/str.h"

namespace atl {

constexpr size_t str_prefix_size(uint32_t max_char) {
  return max_char < 0x80 ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject);
}

// Fills the head of an exact compact str of `length` characters in `memory`, and the terminator; gives its characters.
ATOLL_INLINE void* str_init(void* memory, Py_ssize_t length, uint32_t max_char) {
  auto* head = static_cast<PyASCIIObject*>(memory);
  unsigned kind = max_char < 0x100 ? 1 : max_char < 0x10000 ? 2 : 4;
  head->ob_base.ob_refcnt = 1;
  head->ob_base.ob_type = &PyUnicode_Type;
  head->length = length;
  head->hash = -1;
  head->state = {};
  head->state.kind = kind & 7;
  head->state.compact = 1;
  head->state.ascii = max_char < 0x80;
  head->state.ready = 1;
  head->wstr = nullptr;
  void* data = head + 1;
  if (max_char >= 0x80) {
    auto* compact = static_cast<PyCompactUnicodeObject*>(memory);
    compact->utf8_length = 0;
    compact->utf8 = nullptr;
    compact->wstr_length = 0;
    data = compact + 1;
  }
  str_put(kind, data, length, 0);
  return data;
}

constexpr Py_ssize_t str_max_length(uint32_t max_char) {
  Py_ssize_t kind = max_char < 0x100 ? 1 : max_char < 0x10000 ? 2 : 4;
  return (PY_SSIZE_T_MAX - static_cast<Py_ssize_t>(str_prefix_size(max_char))) / kind - 1;
}

// An exact str of length >= 1 with characters to fill in; NULL with MemoryError.
ATOLL_INLINE PyObject* str_allocate(ThreadState& ts, Py_ssize_t length, uint32_t max_char, void** data) {
  *data = nullptr;
  size_t kind = max_char < 0x100 ? 1 : max_char < 0x10000 ? 2 : 4;
  if (ATOLL_UNLIKELY(length > str_max_length(max_char))) return static_cast<PyObject*>(raise_no_memory(ts));
  void* memory = object_alloc(ts, str_prefix_size(max_char) + (static_cast<size_t>(length) + 1) * kind);
  if (ATOLL_UNLIKELY(memory == nullptr)) return nullptr;
  *data = str_init(memory, length, max_char);
  return static_cast<PyObject*>(memory);
}

// memcpy for what is mostly short: without a call up to 32 bytes.
ATOLL_INLINE void copy_short(void* to, const void* from, size_t n) {
  auto* out = static_cast<char*>(to);
  auto* in = static_cast<const char*>(from);
  if (n > 32) {
    std::memcpy(out, in, n);
  } else if (n >= 16) {
    char a[16], b[16];
    std::memcpy(a, in, 16);
    std::memcpy(b, in + n - 16, 16);
    std::memcpy(out, a, 16);
    std::memcpy(out + n - 16, b, 16);
  } else if (n >= 8) {
    uint64_t a, b;
    std::memcpy(&a, in, 8);
    std::memcpy(&b, in + n - 8, 8);
    std::memcpy(out, &a, 8);
    std::memcpy(out + n - 8, &b, 8);
  } else if (n >= 4) {
    uint32_t a, b;
    std::memcpy(&a, in, 4);
    std::memcpy(&b, in + n - 4, 4);
    std::memcpy(out, &a, 4);
    std::memcpy(out + n - 4, &b, 4);
  } else {
    for (size_t i = 0; i < n; ++i) out[i] = in[i];
  }
}

// [start, end) of an ASCII text, not empty.
ATOLL_INLINE PyObject* str_ascii_piece(ThreadState& ts, const char* text, Py_ssize_t n) {
  if (n == 1) return latin1_char(static_cast<uint8_t>(*text));  // immortal: no count
  void* data;
  PyObject* s = str_allocate(ts, n, 0x7F, &data);
  if (ATOLL_LIKELY(s != nullptr)) copy_short(data, text, static_cast<size_t>(n));
  return s;
}

// Narrows to what the text needs.
Ref<> str_from_view(ThreadState& ts, TextView text);
// The same text as an exact str.
Ref<> str_exact(ThreadState& ts, PyObject* s);
Ref<> str_repeat(ThreadState& ts, PyObject* s, Py_ssize_t n);
// Forgets hash, UTF-8 and wchar_t forms: before changing a text that nobody else holds.
void str_drop_caches(ThreadState& ts, PyObject* s);

// Slice rules for start and end: negative numbers count from the end.
ATOLL_INLINE void clip_range(Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* end) {
  if (*end > length) {
    *end = length;
  } else if (*end < 0) {
    *end += length;
    if (*end < 0) *end = 0;
  }
  if (*start < 0) {
    *start += length;
    if (*start < 0) *start = 0;
  }
}

}  // namespace atl
