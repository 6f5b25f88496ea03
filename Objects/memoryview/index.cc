// memoryview: items by index, slices, assignment, casts.
#include <cstring>

#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/memoryview/memoryview.h"
#include "Objects/slice.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {
namespace {

char* buffer_of(PyMemoryViewObject* v) { return static_cast<char*>(v->view.buf); }

// The address of item i of dimension d.
char* step_to(ThreadState& ts, const Py_buffer& view, char* p, int dimension, Py_ssize_t i) {
  Py_ssize_t n = view.shape[dimension];
  if (i < 0) i += n;
  if (i < 0 || i >= n) {
    return raise(ts, PyExc_IndexError, "index out of bounds on dimension %d", dimension + 1);
  }
  return view_follow(p + view.strides[dimension] * i, view.suboffsets, dimension);
}

char* item_at_tuple(ThreadState& ts, PyMemoryViewObject* v, PyObject* key) {
  Py_ssize_t n = tuple_size(key);
  if (n > v->view.ndim) {
    return raise(ts, PyExc_TypeError, "cannot index %zd-dimension view with %zd-element tuple", static_cast<Py_ssize_t>(v->view.ndim), n);
  }
  char* p = buffer_of(v);
  for (Py_ssize_t i = 0; i < n && p != nullptr; ++i) {
    Py_ssize_t index;
    if (failed(index_as_ssize(ts, tuple_peek(key, i), &index, PyExc_IndexError)) || failed(view_check(ts, v))) return nullptr;
    p = step_to(ts, v->view, p, static_cast<int>(i), index);
  }
  return p;
}

bool all_indices(PyObject* key) {
  if (!is_tuple(key)) return false;
  for (Py_ssize_t i = 0; i < tuple_size(key); ++i) {
    if (!PyIndex_Check(tuple_peek(key, i))) return false;
  }
  return true;
}

bool all_slices(PyObject* key) {
  if (!is_tuple(key) || tuple_size(key) == 0) return false;
  for (Py_ssize_t i = 0; i < tuple_size(key); ++i) {
    if (!PySlice_Check(tuple_peek(key, i))) return false;
  }
  return true;
}

// Narrows dimension 0 of a view to a slice.
Status apply_slice(ThreadState& ts, Py_buffer* view, PyObject* slice) {
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, slice, &start, &stop, &step))) return Status::kError;
  Py_ssize_t n = slice_adjust(view->shape[0], &start, &stop, step);
  // A suboffset of this dimension counts from where the pointer leads; the pointers themselves lie along the stride.
  view->buf = static_cast<char*>(view->buf) + view->strides[0] * start;
  view->shape[0] = n < 0 ? 0 : n;
  view->strides[0] *= step;
  return Status::kOk;
}

void set_length(PyMemoryViewObject* v) {
  Py_ssize_t length = v->view.itemsize;
  for (int i = 0; i < v->view.ndim; ++i) length *= v->view.shape[i];
  v->view.len = length;
}

}  // namespace

Ref<> view_item(ThreadState& ts, PyMemoryViewObject* v, Py_ssize_t i) {
  if (failed(view_check(ts, v))) return {};
  char format = view_format_or_raise(ts, v);
  if (format == 0) return {};
  if (v->view.ndim == 0) return raise(ts, PyExc_TypeError, "invalid indexing of 0-dim memory");
  if (v->view.ndim > 1) return raise(ts, PyExc_NotImplementedError, "multi-dimensional sub-views are not implemented");
  char* p = step_to(ts, v->view, buffer_of(v), 0, i);
  return p != nullptr ? view_unpack(ts, format, p) : Ref<>();
}

Ref<> view_subscript(ThreadState& ts, PyMemoryViewObject* v, PyObject* key) {
  if (failed(view_check(ts, v))) return {};
  if (v->view.ndim == 0) {
    if (is_tuple(key) && tuple_size(key) == 0) {
      char format = view_format_or_raise(ts, v);
      return format != 0 ? view_unpack(ts, format, buffer_of(v)) : Ref<>();
    }
    if (key == Py_Ellipsis) return dup(obj(v));
    return raise(ts, PyExc_TypeError, "invalid indexing of 0-dim memory");
  }
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return {};
    return view_item(ts, v, i);
  }
  if (PySlice_Check(key)) {
    Ref<PyMemoryViewObject> part = view_add(ts, v->mbuf, &v->view);
    if (!part || failed(apply_slice(ts, &part->view, key))) return {};
    set_length(part.get());
    view_set_flags(part.get());
    return part;
  }
  if (all_indices(key)) {
    char format = view_format_or_raise(ts, v);
    if (format == 0) return {};
    if (tuple_size(key) < v->view.ndim) return raise(ts, PyExc_NotImplementedError, "sub-views are not implemented");
    char* p = item_at_tuple(ts, v, key);
    return p != nullptr ? view_unpack(ts, format, p) : Ref<>();
  }
  if (all_slices(key)) return raise(ts, PyExc_NotImplementedError, "multi-dimensional slicing is not implemented");
  return raise(ts, PyExc_TypeError, "memoryview: invalid slice key");
}

// ---- assignment ------------------------------------------------------------------------------------------------------

namespace {

const char* format_text(const Py_buffer& view) { return view.format != nullptr ? view.format : "B"; }

// Copies the items of a one-dimensional view into another of the same structure; they may overlap.
Status copy_items(ThreadState& ts, const Py_buffer& to, const Py_buffer& from) {
  auto same_format = [&] {
    const char *a = format_text(to), *b = format_text(from);
    if (*a == '@') ++a;
    if (*b == '@') ++b;
    return std::strcmp(a, b) == 0;
  };
  if (!same_format() || to.itemsize != from.itemsize || to.ndim != from.ndim || to.shape[0] != from.shape[0]) {
    return raise(ts, PyExc_ValueError, "memoryview assignment: lvalue and rvalue have different structures");
  }
  Py_ssize_t n = to.shape[0], size = to.itemsize;
  if (n == 0) return Status::kOk;
  auto item = [](const Py_buffer& v, Py_ssize_t i) {
    char* p = static_cast<char*>(v.buf) + (v.strides != nullptr ? v.strides[0] : v.itemsize) * i;
    return view_follow(p, v.suboffsets, 0);
  };
  auto packed = [](const Py_buffer& v) {
    return (v.strides == nullptr || v.strides[0] == v.itemsize) && (v.suboffsets == nullptr || v.suboffsets[0] < 0);
  };
  auto bytes = static_cast<size_t>(size), total = static_cast<size_t>(n * size);
  if (packed(to) && packed(from)) {
    std::memmove(to.buf, from.buf, total);
    return Status::kOk;
  }
  auto* copy = static_cast<char*>(std::malloc(total));
  if (copy == nullptr) return raise_memory(ts);
  for (Py_ssize_t i = 0; i < n; ++i) std::memcpy(copy + i * size, item(from, i), bytes);
  for (Py_ssize_t i = 0; i < n; ++i) std::memcpy(item(to, i), copy + i * size, bytes);
  std::free(copy);
  return Status::kOk;
}

}  // namespace

Status view_ass_subscript(ThreadState& ts, PyMemoryViewObject* v, PyObject* key, PyObject* value) {
  if (failed(view_check(ts, v))) return Status::kError;
  char format = view_format_or_raise(ts, v);
  if (format == 0) return Status::kError;
  if (v->view.readonly) return raise(ts, PyExc_TypeError, "cannot modify read-only memory");
  if (value == nullptr) return raise(ts, PyExc_TypeError, "cannot delete memory");
  if (v->view.ndim == 0) {
    if (key == Py_Ellipsis || (is_tuple(key) && tuple_size(key) == 0)) return view_pack(ts, v, format, buffer_of(v), value);
    return raise(ts, PyExc_TypeError, "invalid indexing of 0-dim memory");
  }
  if (PyIndex_Check(key)) {
    if (v->view.ndim > 1) return raise(ts, PyExc_NotImplementedError, "sub-views are not implemented");
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError)) || failed(view_check(ts, v))) return Status::kError;
    char* p = step_to(ts, v->view, buffer_of(v), 0, i);
    return p != nullptr ? view_pack(ts, v, format, p, value) : Status::kError;
  }
  if (PySlice_Check(key) && v->view.ndim == 1) {
    Py_buffer from;
    if (PyObject_GetBuffer(value, &from, PyBUF_FULL_RO) < 0) return Status::kError;
    ScopeGuard release([&] { PyBuffer_Release(&from); });
    Py_buffer to = v->view;
    Py_ssize_t shape = v->view.shape[0], stride = v->view.strides[0], suboffset = v->view.suboffsets ? v->view.suboffsets[0] : -1;
    to.shape = &shape;
    to.strides = &stride;
    if (to.suboffsets != nullptr) to.suboffsets = &suboffset;
    if (failed(apply_slice(ts, &to, key)) || failed(view_check(ts, v))) return Status::kError;
    return copy_items(ts, to, from);
  }
  if (PySlice_Check(key) || all_slices(key)) {
    return raise(ts, PyExc_NotImplementedError, "memoryview slice assignments are currently restricted to ndim = 1");
  }
  if (all_indices(key)) {
    if (tuple_size(key) < v->view.ndim) return raise(ts, PyExc_NotImplementedError, "sub-views are not implemented");
    char* p = item_at_tuple(ts, v, key);
    return p != nullptr ? view_pack(ts, v, format, p, value) : Status::kError;
  }
  return raise(ts, PyExc_TypeError, "memoryview: invalid slice key");
}

// ---- casts -----------------------------------------------------------------------------------------------------------

namespace {

bool is_byte_format(char f) { return f == 'b' || f == 'B' || f == 'c'; }

// The format text that a cast view carries, with or without '@': constants, because nobody owns the argument.
char* constant_format(char f, bool at) {
  static constexpr char kTexts[][3] = {"@c", "@b", "@B", "@h", "@H", "@i", "@I", "@l", "@L", "@q", "@Q", "@n", "@N", "@f", "@d", "@?", "@P"};
  for (auto& text : kTexts) {
    if (text[1] == f) return const_cast<char*>(at ? text : text + 1);
  }
  return nullptr;
}

Status cast_to_1d(ThreadState& ts, PyMemoryViewObject* v, const char* format) {
  Py_buffer& view = v->view;
  char target = view_native_format(format), source = view_native_format(view.format);
  if (target == 0) {
    return raise(ts, PyExc_ValueError,
                 "memoryview: destination format must be a native single character format prefixed with an optional '@'");
  }
  if ((source == 0 || !is_byte_format(source)) && !is_byte_format(target)) {
    return raise(ts, PyExc_TypeError, "memoryview: cannot cast between two non-byte formats");
  }
  Py_ssize_t size = view_native_size(target);
  if (view.len % size != 0) return raise(ts, PyExc_TypeError, "memoryview: length is not a multiple of itemsize");
  view.format = constant_format(target, *format == '@');
  view.itemsize = size;
  view.ndim = 1;
  view.shape[0] = view.len / size;
  view.strides[0] = size;
  view.suboffsets = nullptr;
  view_set_flags(v);
  return Status::kOk;
}

Status cast_to_nd(ThreadState& ts, PyMemoryViewObject* v, PyObject* const* shape, int ndim) {
  Py_buffer& view = v->view;
  view.ndim = ndim;
  view.shape = ndim > 0 ? v->ob_array : nullptr;
  view.strides = ndim > 0 ? v->ob_array + ndim : nullptr;
  Py_ssize_t length = view.itemsize;
  for (int i = 0; i < ndim; ++i) {
    if (!is_int(shape[i])) {
      return raise(ts, PyExc_TypeError, "memoryview.cast(): elements of shape must be integers");
    }
    Py_ssize_t n;
    if (failed(index_as_ssize(ts, shape[i], &n, PyExc_OverflowError))) return Status::kError;
    if (n <= 0) return raise(ts, PyExc_ValueError, "memoryview.cast(): elements of shape must be integers > 0");
    if (n > PY_SSIZE_T_MAX / length) return raise(ts, PyExc_ValueError, "memoryview.cast(): product(shape) > SSIZE_MAX");
    length *= n;
    view.shape[i] = n;
  }
  Py_ssize_t stride = view.itemsize;
  for (int i = ndim - 1; i >= 0; --i) {
    view.strides[i] = stride;
    stride *= view.shape[i];
  }
  if (view.len != length) return raise(ts, PyExc_TypeError, "memoryview: product(shape) * itemsize != buffer size");
  view_set_flags(v);
  return Status::kOk;
}

}  // namespace

Ref<> view_cast(ThreadState& ts, PyMemoryViewObject* v, PyUnicodeObject* format_arg, PyObject* shape) {
  if (failed(view_check(ts, v))) return {};
  if (!(v->flags & _Py_MEMORYVIEW_C)) return raise(ts, PyExc_TypeError, "memoryview: casts are restricted to C-contiguous views");
  int ndim = 1;
  PyObject* const* dims = nullptr;
  if (shape != nullptr) {
    if (!is_list(shape) && !is_tuple(shape)) return raise(ts, PyExc_TypeError, "shape must be a list or a tuple");
    Py_ssize_t n = is_list(shape) ? list_size(shape) : tuple_size(shape);
    if (n > PyBUF_MAX_NDIM) return raise(ts, PyExc_ValueError, "memoryview: number of dimensions must not exceed %d", PyBUF_MAX_NDIM);
    ndim = static_cast<int>(n);
    dims = is_list(shape) ? list_items(shape) : tuple_items(shape);
    if (v->view.ndim != 1 && ndim != 1) return raise(ts, PyExc_TypeError, "memoryview: cast must be 1D -> ND or ND -> 1D");
  }
  if (shape != nullptr || v->view.ndim != 1) {
    for (int i = 0; i < v->view.ndim; ++i) {
      if (v->view.shape[i] == 0 || v->view.strides[i] == 0) {
        return raise(ts, PyExc_TypeError, "memoryview: cannot cast view with zeros in shape or strides");
      }
    }
  }
  const char* format = str_utf8(ts, obj(format_arg));
  if (format == nullptr) return {};
  // Laid out with room for the new dimensions, and as the old view.
  Py_buffer like = v->view;
  Py_ssize_t one_shape = 1, one_stride = 1;
  like.ndim = ndim > 1 ? ndim : 1;
  Py_ssize_t spare_shape[PyBUF_MAX_NDIM], spare_strides[PyBUF_MAX_NDIM];
  if (like.ndim == 1) {
    like.shape = &one_shape;
    like.strides = &one_stride;
  } else {
    for (int i = 0; i < like.ndim; ++i) spare_shape[i] = spare_strides[i] = 1;
    like.shape = spare_shape;
    like.strides = spare_strides;
  }
  like.suboffsets = nullptr;
  Ref<PyMemoryViewObject> r = view_add(ts, v->mbuf, &like);
  if (!r || failed(cast_to_1d(ts, r.get(), format))) return {};
  if (shape != nullptr && failed(cast_to_nd(ts, r.get(), dims, ndim))) return {};
  return r;
}

}  // namespace atl
