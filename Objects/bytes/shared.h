// What bytes and bytearray have in common: arguments, results of the receiver's own kind, and the methods.
//
// Methods take `self` as either type. Those of bytearray give new bytearrays; those of bytes may give the receiver back.
// Arguments are converted first, because that may run Python code, and the receiver looked at afterwards.
#pragma once

#include "Objects/bytes.h"
#include "Objects/str/kernel_find.h"
#include "Objects/type/bind.h"

namespace atl {

ATOLL_INLINE bool is_bytearray(const PyObject* o) { return is_instance_nocall(o, &PyByteArray_Type); }
ATOLL_INLINE std::string_view byte_view(const PyObject* o) {
  if (is_bytes(o)) return bytes_view(o);
  auto* a = reinterpret_cast<const PyByteArrayObject*>(o);
  return {a->ob_start != nullptr ? a->ob_start : "", static_cast<size_t>(a->ob_base.ob_size)};
}
inline TextView text_of(std::string_view v) { return {v.data(), static_cast<ptrdiff_t>(v.size()), TextKind::k1}; }

// A new object of self's kind (never a subclass) with `size` bytes to fill in.
Ref<> byte_new_like(ThreadState& ts, PyObject* self, Py_ssize_t size, char** data);
// The same with content. bytes of the whole content of an exact bytes give that.
Ref<> byte_from_like(ThreadState& ts, PyObject* self, std::string_view content);

// A bytes-like argument, released at the end of the scope.
struct ByteArg {
  Py_buffer view{};
  ByteArg() = default;
  ByteArg(const ByteArg&) = delete;
  ByteArg& operator=(const ByteArg&) = delete;
  ~ByteArg() { release(); }
  void release() {
    if (view.obj != nullptr) PyBuffer_Release(&view);
    view.obj = nullptr;
  }
  // "a bytes-like object is required, not 'T'"
  Status get(PyObject* o) { return PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) == 0 ? Status::kOk : Status::kError; }
  std::string_view bytes() const { return {static_cast<const char*>(view.buf), static_cast<size_t>(view.len)}; }
};

// An int 0..255 by __index__; ValueError "byte must be in range(0, 256)".
Status byte_value(ThreadState& ts, PyObject* o, uint8_t* out, const char* range_message = "byte must be in range(0, 256)");

// shared_find.cc
PyObject* byte_find(PyObject* self, PyObject* const* args, Py_ssize_t n);
PyObject* byte_rfind(PyObject* self, PyObject* const* args, Py_ssize_t n);
PyObject* byte_index(PyObject* self, PyObject* const* args, Py_ssize_t n);
PyObject* byte_rindex(PyObject* self, PyObject* const* args, Py_ssize_t n);
PyObject* byte_count(PyObject* self, PyObject* const* args, Py_ssize_t n);
PyObject* byte_startswith(PyObject* self, PyObject* const* args, Py_ssize_t n);
PyObject* byte_endswith(PyObject* self, PyObject* const* args, Py_ssize_t n);
Tri byte_contains(ThreadState& ts, PyObject* self, PyObject* item);
Ref<> byte_split(ThreadState& ts, PyObject* self, PyObject* sep, Py_ssize_t maxsplit);
Ref<> byte_rsplit(ThreadState& ts, PyObject* self, PyObject* sep, Py_ssize_t maxsplit);
Ref<> byte_splitlines(ThreadState& ts, PyObject* self, int keepends);
Ref<> byte_partition(ThreadState& ts, PyObject* self, PyObject* sep);
Ref<> byte_rpartition(ThreadState& ts, PyObject* self, PyObject* sep);
Ref<> byte_strip(ThreadState& ts, PyObject* self, PyObject* chars);
Ref<> byte_lstrip(ThreadState& ts, PyObject* self, PyObject* chars);
Ref<> byte_rstrip(ThreadState& ts, PyObject* self, PyObject* chars);
Ref<> byte_replace(ThreadState& ts, PyObject* self, PyObject* from, PyObject* to, Py_ssize_t count);
Ref<> byte_removeprefix(ThreadState& ts, PyObject* self, PyObject* prefix);
Ref<> byte_removesuffix(ThreadState& ts, PyObject* self, PyObject* suffix);
Ref<> byte_join(ThreadState& ts, PyObject* self, PyObject* iterable);

// shared_shape.cc
Ref<> byte_translate(ThreadState& ts, PyObject* self, PyObject* table, PyObject* remove);
Ref<> byte_expandtabs(ThreadState& ts, PyObject* self, int tabsize);
Ref<> byte_center(ThreadState& ts, PyObject* self, Py_ssize_t width, PyObject* fill);
Ref<> byte_ljust(ThreadState& ts, PyObject* self, Py_ssize_t width, PyObject* fill);
Ref<> byte_rjust(ThreadState& ts, PyObject* self, Py_ssize_t width, PyObject* fill);
Ref<> byte_zfill(ThreadState& ts, PyObject* self, Py_ssize_t width);
PyObject* byte_capitalize(PyObject* self, PyObject*);
PyObject* byte_lower(PyObject* self, PyObject*);
PyObject* byte_upper(PyObject* self, PyObject*);
PyObject* byte_title(PyObject* self, PyObject*);
PyObject* byte_swapcase(PyObject* self, PyObject*);
PyObject* byte_isalnum(PyObject* self, PyObject*);
PyObject* byte_isalpha(PyObject* self, PyObject*);
PyObject* byte_isascii(PyObject* self, PyObject*);
PyObject* byte_isdigit(PyObject* self, PyObject*);
PyObject* byte_islower(PyObject* self, PyObject*);
PyObject* byte_isspace(PyObject* self, PyObject*);
PyObject* byte_istitle(PyObject* self, PyObject*);
PyObject* byte_isupper(PyObject* self, PyObject*);
Ref<> byte_hex(ThreadState& ts, PyObject* self, PyObject* sep, int bytes_per_sep);
Ref<> byte_decode(ThreadState& ts, PyObject* self, PyUnicodeObject* encoding, PyUnicodeObject* errors);
PyObject* byte_maketrans(PyObject*, PyObject* const* args, Py_ssize_t n);

// Hexadecimal digits of memory with an optional separator (NULL: none), as str. sep -1..: positive groups count from the
// right, negative ones from the left.
Ref<> hex_of_memory(ThreadState& ts, std::string_view data, PyObject* sep, int bytes_per_sep);
// The bytes that hexadecimal text stands for, appended to what `prepare` allots.
Ref<> bytes_from_hex(ThreadState& ts, PyObject* text, bool array);

// The content for bytes(x) and bytearray(x) where x is neither str nor a count: a buffer, or an iterable of ints. NULL
// range_message picks the words of the kind.
Ref<> bytes_from_object(ThreadState& ts, PyObject* o, bool array);

// repr: b'...'. kSmart: double quotes around a text with single quotes only; kSmartEscaped: the same, and the single
// quotes are escaped all the same.
enum class ReprQuotes : uint8_t { kSingle, kSmart, kSmartEscaped };
Ref<> bytes_repr_text(ThreadState& ts, std::string_view data, std::string_view before, std::string_view after, ReprQuotes quotes);

// % formatting (percent.cc). The result is of the kind `array` says.
Ref<> bytes_percent(ThreadState& ts, std::string_view format, PyObject* args, bool array);

}  // namespace atl
