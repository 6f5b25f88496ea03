// bytes and bytearray inside the core.
#pragma once

#include <string_view>

#include "Objects/object.h"

namespace atl {

ATOLL_INLINE bool is_bytes(const PyObject* o) { return has_flag(o, Py_TPFLAGS_BYTES_SUBCLASS); }
ATOLL_INLINE bool is_exact_bytes(const PyObject* o) { return o->ob_type == &PyBytes_Type; }
ATOLL_INLINE char* bytes_data(const PyObject* o) { return const_cast<char*>(reinterpret_cast<const PyBytesObject*>(o)->ob_sval); }
ATOLL_INLINE Py_ssize_t bytes_size(const PyObject* o) { return reinterpret_cast<const PyVarObject*>(o)->ob_size; }
ATOLL_INLINE std::string_view bytes_view(const PyObject* o) { return {bytes_data(o), static_cast<size_t>(bytes_size(o))}; }

Ref<> bytes_new(ThreadState& ts, Py_ssize_t size);  // uninitialised, zero-terminated; size 0 gives the shared b''
Ref<> bytes_from(ThreadState& ts, std::string_view data);
Status bytes_resize(ThreadState& ts, Ref<>* bytes, Py_ssize_t size);  // the only reference
Ref<> bytes_from_char(uint8_t c);  // one of the immortal ones
Ref<> bytes_concat(ThreadState& ts, PyObject* a, PyObject* b);  // of anything bytes-like
void bytes_bringup();
Ref<> bytearray_from(ThreadState& ts, std::string_view data);

}  // namespace atl
