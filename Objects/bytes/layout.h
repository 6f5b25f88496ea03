// How a bytes object lies in memory.
#pragma once

#include <cstring>

#include "Objects/bytes.h"

namespace atl {

inline constexpr size_t kBytesPrefix = offsetof(PyBytesObject, ob_sval);
inline constexpr Py_ssize_t kMaxBytes = PY_SSIZE_T_MAX - static_cast<Py_ssize_t>(kBytesPrefix) - 1;

// Fills head and terminator of an exact bytes in `memory`.
ATOLL_INLINE PyObject* bytes_init(void* memory, Py_ssize_t size) {
  auto* b = static_cast<PyBytesObject*>(memory);
  b->ob_base.ob_base.ob_refcnt = 1;
  b->ob_base.ob_base.ob_type = &PyBytes_Type;
  b->ob_base.ob_size = size;
  b->ob_shash = -1;
  b->ob_sval[size] = 0;
  return obj(b);
}

// Fills `total` bytes, a multiple of piece's size, with copies of piece (which may be the beginning of out).
inline void bytes_fill_repeated(char* out, size_t total, std::string_view piece) {
  if (piece.size() == 1) {
    std::memset(out, piece[0], total);
    return;
  }
  if (out != piece.data()) std::memcpy(out, piece.data(), piece.size());
  for (size_t done = piece.size(); done < total;) {
    size_t step = done < total - done ? done : total - done;
    std::memcpy(out + done, out, step);
    done += step;
  }
}

}  // namespace atl
