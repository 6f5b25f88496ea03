// bytearray: a resizable array. [ob_bytes, ob_bytes + ob_alloc) is the memory; the content begins at ob_start, which moves
// forward when bytes are taken from the front. While buffers are exported the size can't change.
#include "Objects/bytes/bytearray.h"

#include <cstring>

#include "Objects/bytes/layout.h"
#include "Objects/bytes/shared.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/slice.h"
#include "Objects/str/codecs.h"
#include "Objects/str/methods.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"

extern "C" {
ATOLL_SEALED PyTypeObject PyByteArray_Type = {};
ATOLL_SEALED PyTypeObject PyByteArrayIter_Type = {};
ATOLL_SEALED char _PyByteArray_empty_string[1] = {0};
}

namespace atl {
namespace {

PyByteArrayObject* as_array(PyObject* o) { return reinterpret_cast<PyByteArrayObject*>(o); }
Py_ssize_t size_of(PyObject* o) { return as_array(o)->ob_base.ob_size; }
char* data_of(PyObject* o) { return as_array(o)->ob_start != nullptr ? as_array(o)->ob_start : _PyByteArray_empty_string; }

Status check_resizable(ThreadState& ts, PyObject* o) {
  if (as_array(o)->ob_exports == 0) return Status::kOk;
  return raise(ts, PyExc_BufferError, "Existing exports of data: object cannot be re-sized");
}

}  // namespace

Status bytearray_resize(ThreadState& ts, PyObject* o, Py_ssize_t size) {
  PyByteArrayObject* a = as_array(o);
  if (size == a->ob_base.ob_size) return Status::kOk;
  if (failed(check_resizable(ts, o))) return Status::kError;
  Py_ssize_t offset = a->ob_start - a->ob_bytes, alloc = a->ob_alloc;
  if (size > kMaxBytes) return raise_memory(ts);
  if (size + offset + 1 <= alloc) {
    if (size >= alloc / 2) {  // it fits, and not much room is lost
      a->ob_base.ob_size = size;
      a->ob_start[size] = 0;
      return Status::kOk;
    }
    alloc = size + 1;
  } else if (size <= alloc + (alloc >> 3)) {  // growing by little: it will go on
    alloc = size + (size >> 3) + (size < 9 ? 3 : 6);
  } else {
    alloc = size + 1;
  }
  Py_ssize_t kept = a->ob_base.ob_size < size ? a->ob_base.ob_size : size;
  char* memory;
  if (offset > 0 || a->ob_bytes == nullptr) {
    memory = static_cast<char*>(object_alloc(ts, static_cast<size_t>(alloc)));
    if (memory == nullptr) return Status::kError;
    if (kept > 0) std::memcpy(memory, a->ob_start, static_cast<size_t>(kept));
    if (a->ob_bytes != nullptr) object_free(ts, a->ob_bytes);
  } else {
    memory = static_cast<char*>(ts.interpreter().heap.realloc(a->ob_bytes, static_cast<size_t>(alloc)));
    if (memory == nullptr) return raise_memory(ts);
  }
  a->ob_bytes = a->ob_start = memory;
  a->ob_alloc = alloc;
  a->ob_base.ob_size = size;
  memory[size] = 0;
  return Status::kOk;
}

namespace {

Ref<> array_new(ThreadState& ts, Py_ssize_t size) {
  auto a = new_object<PyByteArrayObject>(ts, &PyByteArray_Type);
  if (!a) return {};
  a->ob_base.ob_size = 0;
  a->ob_alloc = 0;
  a->ob_bytes = a->ob_start = nullptr;
  a->ob_exports = 0;
  if (size != 0 && failed(bytearray_resize(ts, obj(a.get()), size))) return {};
  return a;
}

}  // namespace

Ref<> bytearray_from(ThreadState& ts, std::string_view data) {
  Ref<> a = array_new(ts, static_cast<Py_ssize_t>(data.size()));
  if (a && !data.empty()) std::memcpy(data_of(a.get()), data.data(), data.size());
  return a;
}

Ref<> bytearray_new(ThreadState& ts, Py_ssize_t size) { return array_new(ts, size); }

Ref<> bytearray_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  ByteArg left, right;
  if (failed(left.get(a)) || failed(right.get(b))) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "can't concat %.100T to %.100T", b, a);
  }
  if (left.view.len > kMaxBytes - right.view.len) return raise_memory(ts);
  Ref<> r = array_new(ts, left.view.len + right.view.len);
  if (r) {
    char* out = data_of(r.get());
    std::memcpy(out, left.view.buf, static_cast<size_t>(left.view.len));
    std::memcpy(out + left.view.len, right.view.buf, static_cast<size_t>(right.view.len));
  }
  return r;
}

namespace {

// ---- life ------------------------------------------------------------------------------------------------------------

// The arguments are for __init__.
PyObject* array_make(PyTypeObject* type, PyObject*, PyObject*) {
  Ref<> self = steal(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  PyByteArrayObject* a = as_array(self.get());
  a->ob_base.ob_size = 0;
  a->ob_alloc = 0;
  a->ob_bytes = a->ob_start = nullptr;
  a->ob_exports = 0;
  return self.release();
}

Status append_items(ThreadState& ts, PyObject* self, PyObject* iterable) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) {
    if (error_matches(ts, PyExc_TypeError)) {
      error_clear(ts);
      return raise(ts, PyExc_TypeError, "cannot convert '%.200T' object to bytearray", iterable);
    }
    return Status::kError;
  }
  while (Ref<> item = iter_next(ts, it.get())) {
    uint8_t byte;
    if (failed(byte_value(ts, item.get(), &byte))) return Status::kError;
    Py_ssize_t n = size_of(self);
    if (failed(bytearray_resize(ts, self, n + 1))) return Status::kError;
    data_of(self)[n] = static_cast<char>(byte);
  }
  return error_set(ts) ? Status::kError : Status::kOk;
}

Status array_init(ThreadState& ts, PyObject* self, PyObject* x, PyUnicodeObject* encoding, PyUnicodeObject* errors) {
  if (size_of(self) != 0 && failed(bytearray_resize(ts, self, 0))) return Status::kError;
  if (x == nullptr) {
    if (encoding == nullptr && errors == nullptr) return Status::kOk;
    return raise(ts, PyExc_TypeError, encoding != nullptr ? "encoding without a string argument" : "errors without a string argument");
  }
  auto assign = [&](std::string_view v) -> Status {
    if (failed(bytearray_resize(ts, self, static_cast<Py_ssize_t>(v.size())))) return Status::kError;
    std::memcpy(data_of(self), v.data(), v.size());
    return Status::kOk;
  };
  if (is_str(x)) {
    if (encoding == nullptr) return raise(ts, PyExc_TypeError, "string argument without an encoding");
    const char *e, *r;
    if (failed(codec_argument(ts, encoding, &e)) || failed(codec_argument(ts, errors, &r))) return Status::kError;
    Ref<> encoded = str_encode(ts, x, e, r);
    return encoded ? assign(bytes_view(encoded.get())) : Status::kError;
  }
  if (encoding != nullptr || errors != nullptr) {
    return raise(ts, PyExc_TypeError, encoding != nullptr ? "encoding without a string argument" : "errors without a string argument");
  }
  if (PyIndex_Check(x)) {
    Py_ssize_t n;
    if (!failed(index_as_ssize(ts, x, &n))) {
      if (n < 0) return raise(ts, PyExc_ValueError, "negative count");
      if (failed(bytearray_resize(ts, self, n))) return Status::kError;
      if (n != 0) std::memset(data_of(self), 0, static_cast<size_t>(n));
      return Status::kOk;
    }
    if (!error_matches(ts, PyExc_TypeError)) return Status::kError;
    error_clear(ts);
  }
  if (PyObject_CheckBuffer(x) || is_exact_list(x) || is_exact_tuple(x)) {
    Ref<> content = bytes_from_object(ts, x, true);
    return content ? assign(byte_view(content.get())) : Status::kError;
  }
  return append_items(ts, self, x);
}

void array_dealloc(ThreadState& ts, PyObject* o) {
  PyByteArrayObject* a = as_array(o);
  if (a->ob_exports > 0) {
    ErrorStash stash(ts);
    static_cast<void>(raise(ts, PyExc_SystemError, "deallocated bytearray object has exported buffers"));
    write_unraisable(ts, nullptr);
  }
  if (a->ob_bytes != nullptr) object_free(ts, a->ob_bytes);
  if (is_exact(o, &PyByteArray_Type)) {
    free_object(ts, o);
  } else {
    o->ob_type->tp_free(o);
  }
}

// ---- slots -----------------------------------------------------------------------------------------------------------

Py_ssize_t array_len(ThreadState&, PyObject* o) { return size_of(o); }

Ref<> array_repr(ThreadState& ts, PyObject* o) {
  const char* name = type_of(o)->tp_name;
  if (const char* dot = std::strrchr(name, '.')) name = dot + 1;
  Ref<> text = bytes_repr_text(ts, byte_view(o), "", "", ReprQuotes::kSmartEscaped);
  return text ? str_format(ts, "%s(%U)", name, text.get()) : Ref<>();
}

Ref<> array_str(ThreadState& ts, PyObject* o) {
  if (Py_BytesWarningFlag && failed(warn(ts, PyExc_BytesWarning, 1, "str() on a bytearray instance"))) return {};
  return array_repr(ts, o);
}

Ref<> array_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!PyObject_CheckBuffer(a) || !PyObject_CheckBuffer(b)) {
    if (Py_BytesWarningFlag && (op == Py_EQ || op == Py_NE) && (is_str(a) || is_str(b)) &&
        failed(warn(ts, PyExc_BytesWarning, 1, "Comparison between bytearray and string"))) {
      return {};
    }
    return not_implemented();
  }
  ByteArg left, right;
  if (failed(left.get(a)) || failed(right.get(b))) {
    error_clear(ts);
    return not_implemented();
  }
  std::string_view x = left.bytes(), y = right.bytes();
  switch (op) {
    case Py_EQ: return new_bool(x == y);
    case Py_NE: return new_bool(x != y);
    case Py_LT: return new_bool(x < y);
    case Py_LE: return new_bool(x <= y);
    case Py_GT: return new_bool(x > y);
    default: return new_bool(x >= y);
  }
}

Ref<> array_item(ThreadState& ts, PyObject* o, Py_ssize_t i) {
  if (i < 0 || i >= size_of(o)) return raise(ts, PyExc_IndexError, "bytearray index out of range");
  return dup(small_int(static_cast<uint8_t>(data_of(o)[i])));
}

Ref<> array_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return {};
    return array_item(ts, o, i < 0 ? i + size_of(o) : i);
  }
  if (!PySlice_Check(key)) {
    return raise(ts, PyExc_TypeError, "bytearray indices must be integers or slices, not %.200T", key);
  }
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, key, &start, &stop, &step))) return {};
  Py_ssize_t count = slice_adjust(size_of(o), &start, &stop, step);
  if (count <= 0) return array_new(ts, 0);
  if (step == 1) return bytearray_from(ts, byte_view(o).substr(static_cast<size_t>(start), static_cast<size_t>(count)));
  Ref<> r = array_new(ts, count);
  if (!r) return {};
  const char* from = data_of(o);
  char* out = data_of(r.get());
  for (Py_ssize_t k = 0, i = start; k < count; ++k, i += step) out[k] = from[i];
  return r;
}

// Replaces [low, high) by `with`, which does not lie in the array itself.
Status splice(ThreadState& ts, PyObject* o, Py_ssize_t low, Py_ssize_t high, std::string_view with) {
  PyByteArrayObject* a = as_array(o);
  Py_ssize_t size = a->ob_base.ob_size;
  auto added = static_cast<Py_ssize_t>(with.size());
  Py_ssize_t growth = added - (high - low);
  if (growth < 0) {
    if (failed(check_resizable(ts, o))) return Status::kError;
    if (low == 0) {  // the front goes: the rest stays where it is
      a->ob_start -= growth;
      a->ob_base.ob_size = size + growth;
      a->ob_start[size + growth] = 0;
      if (size + growth < a->ob_alloc / 2) {  // give memory back
        Py_ssize_t left = size + growth, alloc = left + 1;
        auto* memory = static_cast<char*>(object_alloc(ts, static_cast<size_t>(alloc)));
        if (memory == nullptr) {
          error_clear(ts);
        } else {
          std::memcpy(memory, a->ob_start, static_cast<size_t>(alloc));
          object_free(ts, a->ob_bytes);
          a->ob_bytes = a->ob_start = memory;
          a->ob_alloc = alloc;
        }
      }
    } else {
      std::memmove(a->ob_start + low + added, a->ob_start + high, static_cast<size_t>(size - high));
      if (failed(bytearray_resize(ts, o, size + growth))) {
        error_clear(ts);  // shrinking may do without new memory
        a->ob_base.ob_size = size + growth;
        a->ob_start[size + growth] = 0;
      }
    }
  } else if (growth > 0) {
    if (size > PY_SSIZE_T_MAX - growth) return raise_memory(ts);
    if (failed(bytearray_resize(ts, o, size + growth))) return Status::kError;
    std::memmove(a->ob_start + low + added, a->ob_start + high, static_cast<size_t>(size - high));
  }
  if (added > 0) std::memcpy(a->ob_start + low, with.data(), with.size());
  return Status::kOk;
}

// A copy of what is assigned, as bytes or bytearray.
Ref<> assigned_bytes(ThreadState& ts, PyObject* self, PyObject* values) {
  if (values == self) return bytes_from(ts, byte_view(self));
  if (is_bytes(values)) return dup(values);
  if (PyIndex_Check(values) || is_str(values)) {
    return raise(ts, PyExc_TypeError, "can assign only bytes, buffers, or iterables of ints in range(0, 256)");
  }
  if (is_bytearray(values)) return bytes_from(ts, byte_view(values));
  return bytes_from_object(ts, values, true);
}

Status array_ass_subscript(ThreadState& ts, PyObject* o, PyObject* key, PyObject* values) {
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return Status::kError;
    uint8_t byte = 0;
    if (values != nullptr && failed(byte_value(ts, values, &byte))) return Status::kError;
    if (i < 0) i += size_of(o);
    if (i < 0 || i >= size_of(o)) return raise(ts, PyExc_IndexError, "bytearray index out of range");
    if (values == nullptr) return splice(ts, o, i, i + 1, {});
    data_of(o)[i] = static_cast<char>(byte);
    return Status::kOk;
  }
  if (!PySlice_Check(key)) {
    return raise(ts, PyExc_TypeError, "bytearray indices must be integers or slices, not %.200T", key);
  }
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, key, &start, &stop, &step))) return Status::kError;
  Ref<> content;
  if (values != nullptr) {
    content = assigned_bytes(ts, o, values);
    if (!content) return Status::kError;
  }
  std::string_view with = content ? byte_view(content.get()) : std::string_view();
  Py_ssize_t count = slice_adjust(size_of(o), &start, &stop, step);
  if (step < 0 ? stop > start : stop < start) stop = start;
  if (step == 1) return splice(ts, o, start, start + count, with);
  auto needed = static_cast<Py_ssize_t>(with.size());
  char* data = data_of(o);
  if (needed == 0) {  // delete every step-th byte
    if (count == 0) return Status::kOk;
    if (failed(check_resizable(ts, o))) return Status::kError;
    if (step < 0) {
      start += step * (count - 1);
      step = -step;
    }
    Py_ssize_t size = size_of(o), to = start;
    for (Py_ssize_t i = 0; i < count; ++i) {
      Py_ssize_t from = start + i * step + 1;
      Py_ssize_t run = i + 1 < count ? step - 1 : size - from;
      std::memmove(data + to, data + from, static_cast<size_t>(run));
      to += run;
    }
    return bytearray_resize(ts, o, size - count);
  }
  if (needed != count) {
    return raise(ts, PyExc_ValueError, "attempt to assign bytes of size %zd to extended slice of size %zd", needed, count);
  }
  for (Py_ssize_t k = 0, i = start; k < count; ++k, i += step) data[i] = with[static_cast<size_t>(k)];
  return Status::kOk;
}

Status array_ass_item(ThreadState& ts, PyObject* o, Py_ssize_t i, PyObject* value) {
  if (i < 0 || i >= size_of(o)) return raise(ts, PyExc_IndexError, "bytearray index out of range");
  if (value == nullptr) return splice(ts, o, i, i + 1, {});
  uint8_t byte;
  if (failed(byte_value(ts, value, &byte))) return Status::kError;
  if (i >= size_of(o)) return raise(ts, PyExc_IndexError, "bytearray index out of range");
  data_of(o)[i] = static_cast<char>(byte);
  return Status::kOk;
}

Ref<> array_repeat(ThreadState& ts, PyObject* o, Py_ssize_t n) {
  Py_ssize_t size = size_of(o);
  if (n < 0) n = 0;
  if (n != 0 && size > kMaxBytes / n) return raise_memory(ts);
  Ref<> r = array_new(ts, size * n);
  if (r && size * n != 0) bytes_fill_repeated(data_of(r.get()), static_cast<size_t>(size * n), byte_view(o));
  return r;
}

Ref<> array_iconcat(ThreadState& ts, PyObject* o, PyObject* other) {
  ByteArg right;
  if (failed(right.get(other))) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "can't concat %.100T to %.100T", other, o);
  }
  Py_ssize_t size = size_of(o), more = right.view.len;
  if (size > kMaxBytes - more) return raise_memory(ts);
  if (failed(bytearray_resize(ts, o, size + more))) return {};
  std::memcpy(data_of(o) + size, right.view.buf, static_cast<size_t>(more));
  return dup(o);
}

Ref<> array_irepeat(ThreadState& ts, PyObject* o, Py_ssize_t n) {
  if (n < 0) n = 0;
  if (n == 1) return dup(o);
  Py_ssize_t size = size_of(o);
  if (n > 0 && size > kMaxBytes / n) return raise_memory(ts);
  if (failed(bytearray_resize(ts, o, size * n))) return {};
  if (size * n != 0) bytes_fill_repeated(data_of(o), static_cast<size_t>(size * n), {data_of(o), static_cast<size_t>(size)});
  return dup(o);
}

Ref<> array_mod(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_bytearray(a)) return not_implemented();
  // Formatting may run Python code that changes the array: the format is a copy.
  Ref<> format = bytes_from(ts, byte_view(a));
  return format ? bytes_percent(ts, bytes_view(format.get()), b, true) : Ref<>();
}

int array_getbuffer(PyObject* o, Py_buffer* view, int flags) {
  if (view == nullptr) {
    return raise(current_thread(), PyExc_BufferError, "bytearray_getbuffer: view==NULL argument is obsolete");
  }
  int r = PyBuffer_FillInfo(view, o, data_of(o), size_of(o), 0, flags);
  if (r == 0) ++as_array(o)->ob_exports;
  return r;
}
void array_releasebuffer(PyObject* o, Py_buffer*) { --as_array(o)->ob_exports; }

// ---- methods ---------------------------------------------------------------------------------------------------------

PyObject* array_alloc(PyObject* self, PyObject*) { return int_from_ssize(current_thread(), as_array(self)->ob_alloc).release(); }

Ref<> array_sizeof(ThreadState& ts, PyObject* self) {
  return int_from_ssize(ts, type_of(self)->tp_basicsize + as_array(self)->ob_alloc);
}

Status array_append(ThreadState& ts, PyObject* self, PyObject* item) {
  uint8_t byte;
  if (failed(byte_value(ts, item, &byte))) return Status::kError;
  Py_ssize_t n = size_of(self);
  if (n == PY_SSIZE_T_MAX) return raise(ts, PyExc_OverflowError, "cannot add more objects to bytearray");
  if (failed(bytearray_resize(ts, self, n + 1))) return Status::kError;
  data_of(self)[n] = static_cast<char>(byte);
  return Status::kOk;
}

Status array_extend(ThreadState& ts, PyObject* self, PyObject* items) {
  if (PyObject_CheckBuffer(items)) {
    ByteArg more;
    if (items == self) {
      Ref<> copy = bytes_from(ts, byte_view(self));
      return copy ? splice(ts, self, size_of(self), size_of(self), bytes_view(copy.get())) : Status::kError;
    }
    if (failed(more.get(items))) return Status::kError;
    return splice(ts, self, size_of(self), size_of(self), more.bytes());
  }
  Ref<> it = object_iter(ts, items);
  if (!it) {
    if (error_matches(ts, PyExc_TypeError)) {
      error_clear(ts);
      return raise(ts, PyExc_TypeError, "can't extend bytearray with %.100T", items);
    }
    return Status::kError;
  }
  // An estimate that fails is an error, though nothing is done with it.
  Py_ssize_t hint;
  if (failed(object_length_hint(ts, items, 32, &hint))) return Status::kError;
  // All items first: an error in the middle leaves the array as it was.
  Ref<> content = bytes_from_object(ts, it.get(), true);
  return content ? splice(ts, self, size_of(self), size_of(self), byte_view(content.get())) : Status::kError;
}

Status array_insert(ThreadState& ts, PyObject* self, Py_ssize_t index, PyObject* item) {
  uint8_t byte;
  if (failed(byte_value(ts, item, &byte))) return Status::kError;
  Py_ssize_t n = size_of(self);
  if (n == PY_SSIZE_T_MAX) return raise(ts, PyExc_OverflowError, "cannot add more objects to bytearray");
  if (index < 0 && (index += n) < 0) index = 0;
  if (index > n) index = n;
  char c = static_cast<char>(byte);
  return splice(ts, self, index, index, {&c, 1});
}

Ref<> array_pop(ThreadState& ts, PyObject* self, Py_ssize_t index) {
  Py_ssize_t n = size_of(self);
  if (n == 0) return raise(ts, PyExc_IndexError, "pop from empty bytearray");
  if (index < 0) index += n;
  if (index < 0 || index >= n) return raise(ts, PyExc_IndexError, "pop index out of range");
  if (failed(check_resizable(ts, self))) return {};
  auto byte = static_cast<uint8_t>(data_of(self)[index]);
  if (failed(splice(ts, self, index, index + 1, {}))) return {};
  return dup(small_int(byte));
}

Status array_remove(ThreadState& ts, PyObject* self, PyObject* item) {
  uint8_t byte;
  if (failed(byte_value(ts, item, &byte))) return Status::kError;
  std::string_view v = byte_view(self);
  size_t at = v.find(static_cast<char>(byte));
  if (at == v.npos) return raise(ts, PyExc_ValueError, "value not found in bytearray");
  if (failed(check_resizable(ts, self))) return Status::kError;
  return splice(ts, self, static_cast<Py_ssize_t>(at), static_cast<Py_ssize_t>(at) + 1, {});
}

Status array_clear(ThreadState& ts, PyObject* self) { return bytearray_resize(ts, self, 0); }
Ref<> array_copy(ThreadState& ts, PyObject* self) { return bytearray_from(ts, byte_view(self)); }

Status array_reverse(ThreadState&, PyObject* self) {
  char* data = data_of(self);
  for (Py_ssize_t i = 0, j = size_of(self) - 1; i < j; ++i, --j) std::swap(data[i], data[j]);
  return Status::kOk;
}

Ref<> array_fromhex(ThreadState& ts, PyTypeObject* type, PyUnicodeObject* text) {
  Ref<> r = bytes_from_hex(ts, obj(text), true);
  if (!r || type == &PyByteArray_Type) return r;
  return call(ts, obj(type), r.get());
}

// (type, arguments, state): text for the old protocols, bytes for the new.
Ref<> reduce_with(ThreadState& ts, PyObject* self, int protocol) {
  Ref<> state = call_method(ts, self, ID(__getstate__));
  if (!state) return {};
  Ref<> args;
  if (protocol < 3) {
    Ref<> text = decode_latin1(ts, byte_view(self)), encoding = str_from_ascii(ts, "latin-1");
    if (!text || !encoding) return {};
    args = size_of(self) != 0 ? tuple_of(ts, text.get(), encoding.get()) : dup(empty_tuple());
  } else {
    Ref<> content = bytes_from(ts, byte_view(self));
    if (!content) return {};
    args = size_of(self) != 0 ? tuple_of(ts, content.get()) : dup(empty_tuple());
  }
  return args ? tuple_of(ts, obj(type_of(self)), args.get(), state.get()) : Ref<>();
}
Ref<> array_reduce(ThreadState& ts, PyObject* self) { return reduce_with(ts, self, 2); }
Ref<> array_reduce_ex(ThreadState& ts, PyObject* self, int protocol) { return reduce_with(ts, self, protocol); }

constinit const MethodSpec kMethods[] = {
    ATOLL_METHOD_RAW(array_alloc, "__alloc__", METH_NOARGS, "B.__alloc__() -> int\n\nNumber of bytes that there is memory for."),
    ATOLL_METHOD(array_reduce, "__reduce__", "($self, /)", "State for pickling."),
    ATOLL_METHOD(array_reduce_ex, "__reduce_ex__", "($self, proto=0, /)", "State for pickling."),
    ATOLL_METHOD(array_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD(array_append, "append", "($self, item, /)", "Add one byte at the end."),
    ATOLL_METHOD(array_clear, "clear", "($self, /)", "Remove all bytes."),
    ATOLL_METHOD(array_copy, "copy", "($self, /)", "Return a copy."),
    ATOLL_METHOD(array_extend, "extend", "($self, iterable_of_ints, /)", "Add the bytes of a buffer or of an iterable of ints at the end."),
    ATOLL_METHOD(array_insert, "insert", "($self, index, item, /)", "Put one byte before index."),
    ATOLL_METHOD(array_pop, "pop", "($self, index=-1, /)", "Remove the byte at index and return it."),
    ATOLL_METHOD(array_remove, "remove", "($self, value, /)", "Remove the first byte of that value."),
    ATOLL_METHOD(array_reverse, "reverse", "($self, /)", "Turn the order of the bytes round."),
#include "Objects/bytes/methods.inc"
    ATOLL_CLASSMETHOD(array_fromhex, "fromhex", "($type, string, /)",
                      "Return the bytes that pairs of hexadecimal digits stand for; white space between pairs is skipped."),
    ATOLL_METHOD_END};

constinit const PyNumberMethods kNumber{.nb_remainder = ATOLL_SLOT(array_mod)};
constinit const PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(array_len),
                                            .sq_concat = ATOLL_SLOT(bytearray_concat),
                                            .sq_repeat = ATOLL_SLOT(array_repeat),
                                            .sq_item = ATOLL_SLOT(array_item),
                                            .sq_ass_item = ATOLL_SLOT(array_ass_item),
                                            .sq_contains = ATOLL_SLOT(byte_contains),
                                            .sq_inplace_concat = ATOLL_SLOT(array_iconcat),
                                            .sq_inplace_repeat = ATOLL_SLOT(array_irepeat)};
constinit const PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(array_len),
                                          .mp_subscript = ATOLL_SLOT(array_subscript),
                                          .mp_ass_subscript = ATOLL_SLOT(array_ass_subscript)};
constinit const PyBufferProcs kBuffer{.bf_getbuffer = array_getbuffer, .bf_releasebuffer = array_releasebuffer};

// ---- iterator --------------------------------------------------------------------------------------------------------

struct ArrayIterObject {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* array;  // NULL at the end
};

Ref<> array_iter(ThreadState& ts, PyObject* o) {
  auto it = new_object<ArrayIterObject>(ts, &PyByteArrayIter_Type);
  if (!it) return {};
  it->index = 0;
  it->array = new_ref(o);
  track(ts, it.get());
  return it;
}
void array_iter_dealloc(ThreadState& ts, ArrayIterObject* it) {
  untrack(it);
  xdecref(it->array);
  free_object(ts, obj(it));
}
int array_iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<ArrayIterObject*>(o)->array);
  return 0;
}
Ref<> array_iter_next(ThreadState&, ArrayIterObject* it) {
  if (it->array == nullptr) return {};
  if (it->index < size_of(it->array)) return dup(small_int(static_cast<uint8_t>(data_of(it->array)[it->index++])));
  clear_field(it->array);
  return {};
}
Ref<> array_iter_length_hint(ThreadState& ts, ArrayIterObject* it) {
  Py_ssize_t left = it->array != nullptr ? size_of(it->array) - it->index : 0;
  return int_from_ssize(ts, left > 0 ? left : 0);
}
Ref<> array_iter_reduce(ThreadState& ts, ArrayIterObject* it) {
  Ref<> iter = steal(_PyEval_GetBuiltin(ID(iter)));
  if (!iter) return {};
  Ref<> args = it->array != nullptr ? tuple_of(ts, it->array) : tuple_of(ts, empty_tuple());
  if (!args) return {};
  if (it->array == nullptr) return tuple_of(ts, iter.get(), args.get());
  Ref<> index = int_from_ssize(ts, it->index);
  return index ? tuple_of(ts, iter.get(), args.get(), index.get()) : Ref<>();
}
Status array_iter_setstate(ThreadState& ts, ArrayIterObject* it, PyObject* state) {
  Py_ssize_t index;
  if (failed(index_as_ssize(ts, state, &index))) return Status::kError;
  if (it->array != nullptr) {
    Py_ssize_t n = size_of(it->array);
    it->index = index < -1 ? -1 : index > n ? n : index;
    if (it->index < 0) it->index = 0;
  }
  return Status::kOk;
}
constinit const MethodSpec kIterMethods[] = {
    ATOLL_METHOD(array_iter_length_hint, "__length_hint__", "($self, /)", "Number of bytes left."),
    ATOLL_METHOD(array_iter_reduce, "__reduce__", "($self, /)", "State for pickling."),
    ATOLL_METHOD(array_iter_setstate, "__setstate__", "($self, state, /)", "Go to a position."),
    ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec bytearray_spec{
    .name = "bytearray",
    .doc = "bytearray(iterable_of_ints) -> bytearray\n"
           "bytearray(string, encoding[, errors]) -> bytearray\n"
           "bytearray(bytes_or_buffer) -> mutable copy of bytes_or_buffer\n"
           "bytearray(int) -> bytes array of size given by the parameter initialized with null bytes\n"
           "bytearray() -> empty bytes array\n"
           "\n"
           "A mutable array of bytes.",
    .basicsize = sizeof(PyByteArrayObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | _Py_TPFLAGS_MATCH_SELF,
    .dealloc = ATOLL_SLOT(array_dealloc),
    .repr = ATOLL_SLOT(array_repr),
    .str = ATOLL_SLOT(array_str),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(array_richcompare),
    .iter = ATOLL_SLOT(array_iter),
    .init = ATOLL_INIT(array_init, "bytearray", "(source=b'', encoding='utf-8', errors='strict')"),
    .new_ = array_make,
    .number = &kNumber,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .buffer = &kBuffer,
    .methods = kMethods,
};

constinit const TypeSpec bytearray_iter_spec{
    .name = "bytearray_iterator",
    .basicsize = sizeof(ArrayIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(array_iter_dealloc),
    .traverse = array_iter_traverse,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(array_iter_next),
    .methods = kIterMethods,
};

}  // namespace atl
