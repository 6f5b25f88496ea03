// The buffer protocol: asking exporters, walking over strided memory, copying.
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/int/int.h"
#include "Objects/object/internal.h"
#include "Objects/str/str.h"

namespace atl {

namespace {

// Is the memory one block in the given order? 'C': last index fastest, 'F': first index fastest.
bool contiguous_in(const Py_buffer* view, char order) {
  if (view->suboffsets != nullptr) return false;
  if (view->len == 0) return true;
  if (view->strides == nullptr) {
    // No strides means C order; that is also Fortran order when at most one dimension counts.
    if (order == 'C' || view->ndim <= 1) return true;
    if (view->shape == nullptr) return false;
    int longer = 0;
    for (int i = 0; i < view->ndim; ++i) longer += view->shape[i] > 1;
    return longer <= 1;
  }
  Py_ssize_t expected = view->itemsize;
  for (int k = 0; k < view->ndim; ++k) {
    int i = order == 'C' ? view->ndim - 1 - k : k;
    Py_ssize_t extent = view->shape != nullptr ? view->shape[i] : view->len / view->itemsize;
    if (extent > 1 && view->strides[i] != expected) return false;
    expected *= extent;
  }
  return true;
}

// Calls f(pointer) for each item, in the order given.
template <class F>
void for_each_item(const Py_buffer* view, char order, F f) {
  if (view->len == 0) return;
  if (view->ndim == 0) {
    f(static_cast<char*>(view->buf));
    return;
  }
  Py_ssize_t at[PyBUF_MAX_NDIM] = {};
  for (;;) {
    f(static_cast<char*>(PyBuffer_GetPointer(view, at)));
    int k = 0;
    for (; k < view->ndim; ++k) {
      int i = order == 'F' ? k : view->ndim - 1 - k;
      if (++at[i] < view->shape[i]) break;
      at[i] = 0;
    }
    if (k == view->ndim) return;
  }
}

// A view whose shape and strides are always there.
struct FullView {
  Py_buffer view;
  Py_ssize_t shape[PyBUF_MAX_NDIM];
  Py_ssize_t strides[PyBUF_MAX_NDIM];
  explicit FullView(const Py_buffer* src) : view(*src) {
    if (view.shape == nullptr && view.ndim == 1) {
      shape[0] = view.len / view.itemsize;
      view.shape = shape;
    }
    if (view.strides == nullptr && view.ndim > 0) {
      PyBuffer_FillContiguousStrides(view.ndim, view.shape, strides, static_cast<int>(view.itemsize), 'C');
      view.strides = strides;
    }
  }
};

}  // namespace
}  // namespace atl

using namespace atl;

int PyObject_CheckBuffer(PyObject* o) {
  PyBufferProcs* b = o->ob_type->tp_as_buffer;
  return b != nullptr && b->bf_getbuffer != nullptr;
}

int PyObject_GetBuffer(PyObject* exporter, Py_buffer* view, int flags) {
  PyBufferProcs* b = exporter->ob_type->tp_as_buffer;
  if (b == nullptr || b->bf_getbuffer == nullptr) {
    return raise(current_thread(), PyExc_TypeError, "a bytes-like object is required, not '%.100T'", exporter);
  }
  return b->bf_getbuffer(exporter, view, flags);
}

void PyBuffer_Release(Py_buffer* view) {
  PyObject* o = view->obj;
  if (o == nullptr) return;
  PyBufferProcs* b = o->ob_type->tp_as_buffer;
  if (b != nullptr && b->bf_releasebuffer != nullptr) b->bf_releasebuffer(o, view);
  view->obj = nullptr;
  decref(o);
}

int PyBuffer_FillInfo(Py_buffer* view, PyObject* exporter, void* buf, Py_ssize_t len, int readonly, int flags) {
  ThreadState& ts = current_thread();
  if (view == nullptr) return raise(ts, PyExc_BufferError, "PyBuffer_FillInfo: view==NULL argument is obsolete");
  if ((flags & PyBUF_WRITABLE) && readonly) return raise(ts, PyExc_BufferError, "Object is not writable.");
  view->obj = exporter;
  xincref(exporter);
  view->buf = buf;
  view->len = len;
  view->readonly = readonly;
  view->itemsize = 1;
  view->format = (flags & PyBUF_FORMAT) ? const_cast<char*>("B") : nullptr;
  view->ndim = 1;
  view->shape = (flags & PyBUF_ND) == PyBUF_ND ? &view->len : nullptr;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &view->itemsize : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  return 0;
}

int PyBuffer_IsContiguous(const Py_buffer* view, char order) {
  switch (order) {
    case 'C':
    case 'F':
      return contiguous_in(view, order);
    case 'A':
      return contiguous_in(view, 'C') || contiguous_in(view, 'F');
    default:
      return 0;
  }
}

void* PyBuffer_GetPointer(const Py_buffer* view, const Py_ssize_t* indices) {
  auto* p = static_cast<char*>(view->buf);
  for (int i = 0; i < view->ndim; ++i) {
    p += view->strides[i] * indices[i];
    if (view->suboffsets != nullptr && view->suboffsets[i] >= 0) p = *reinterpret_cast<char**>(p) + view->suboffsets[i];
  }
  return p;
}

void PyBuffer_FillContiguousStrides(int ndims, Py_ssize_t* shape, Py_ssize_t* strides, int itemsize, char order) {
  Py_ssize_t step = itemsize;
  for (int k = 0; k < ndims; ++k) {
    int i = order == 'F' ? k : ndims - 1 - k;
    strides[i] = step;
    step *= shape[i];
  }
}

int PyBuffer_ToContiguous(void* buf, const Py_buffer* src, Py_ssize_t len, char order) {
  ThreadState& ts = current_thread();
  if (len != src->len) return raise(ts, PyExc_ValueError, "PyBuffer_ToContiguous: len != view->len");
  if (PyBuffer_IsContiguous(src, order)) {
    std::memcpy(buf, src->buf, static_cast<size_t>(len));
    return 0;
  }
  FullView full(src);
  auto* out = static_cast<char*>(buf);
  auto size = static_cast<size_t>(src->itemsize);
  for_each_item(&full.view, order == 'F' ? 'F' : 'C', [&](char* item) {
    std::memcpy(out, item, size);
    out += size;
  });
  return 0;
}

int PyBuffer_FromContiguous(const Py_buffer* view, const void* buf, Py_ssize_t len, char order) {
  if (len > view->len) len = view->len;
  if (PyBuffer_IsContiguous(view, order)) {
    std::memcpy(view->buf, buf, static_cast<size_t>(len));
    return 0;
  }
  FullView full(view);
  auto* in = static_cast<const char*>(buf);
  const char* end = in + len;
  auto size = static_cast<size_t>(view->itemsize);
  for_each_item(&full.view, order == 'F' ? 'F' : 'C', [&](char* item) {
    if (end - in < static_cast<Py_ssize_t>(size)) return;
    std::memcpy(item, in, size);
    in += size;
  });
  return 0;
}

int PyObject_CopyData(PyObject* dest, PyObject* src) {
  ThreadState& ts = current_thread();
  if (!PyObject_CheckBuffer(dest) || !PyObject_CheckBuffer(src)) {
    return raise(ts, PyExc_TypeError, "both destination and source must be bytes-like objects");
  }
  Py_buffer to, from;
  if (PyObject_GetBuffer(dest, &to, PyBUF_FULL) != 0) return -1;
  if (PyObject_GetBuffer(src, &from, PyBUF_FULL_RO) != 0) {
    PyBuffer_Release(&to);
    return -1;
  }
  int result = 0;
  if (to.len < from.len) {
    result = raise(ts, PyExc_BufferError, "destination is too small to receive data from source");
  } else if ((PyBuffer_IsContiguous(&to, 'C') && PyBuffer_IsContiguous(&from, 'C')) ||
             (PyBuffer_IsContiguous(&to, 'F') && PyBuffer_IsContiguous(&from, 'F'))) {
    std::memmove(to.buf, from.buf, static_cast<size_t>(from.len));
  } else {
    // Through a contiguous copy: the two may share memory.
    void* middle = std::malloc(from.len > 0 ? static_cast<size_t>(from.len) : 1);
    if (middle == nullptr) {
      result = raise_memory(ts);
    } else {
      result = PyBuffer_ToContiguous(middle, &from, from.len, 'C');
      if (result == 0) result = PyBuffer_FromContiguous(&to, middle, from.len, 'C');
      std::free(middle);
    }
  }
  PyBuffer_Release(&to);
  PyBuffer_Release(&from);
  return result;
}

Py_ssize_t PyBuffer_SizeFromFormat(const char* format) {
  ThreadState& ts = current_thread();
  Ref<> module = Ref<>::steal(PyImport_ImportModule("struct"));
  if (!module) return -1;
  Ref<> calcsize = object_getattr(ts, module.get(), "calcsize");
  if (!calcsize) return -1;
  Ref<> text = str_from_utf8(ts, std::string_view(format));
  if (!text) return -1;
  Ref<> size = call(ts, calcsize.get(), text.get());
  if (!size) return -1;
  return PyLong_AsSsize_t(size.get());
}

// ---- the protocol before this one: a pointer that stays valid as long as the object is left alone ----------------

namespace {
int as_old_buffer(PyObject* o, int flags, const void** data, Py_ssize_t* size) {
  ThreadState& ts = current_thread();
  if (o == nullptr || data == nullptr || size == nullptr) {
    return raise(ts, PyExc_SystemError, "null argument to internal routine");
  }
  Py_buffer view;
  if (PyObject_GetBuffer(o, &view, flags) != 0) {
    if (flags == PyBUF_WRITABLE) {
      error_clear(ts);
      return raise(ts, PyExc_TypeError, "expected a writable bytes-like object");
    }
    return -1;
  }
  *data = view.buf;
  *size = view.len;
  PyBuffer_Release(&view);
  return 0;
}
}  // namespace

int PyObject_AsCharBuffer(PyObject* o, const char** data, Py_ssize_t* size) {
  return as_old_buffer(o, PyBUF_SIMPLE, reinterpret_cast<const void**>(data), size);
}
int PyObject_AsReadBuffer(PyObject* o, const void** data, Py_ssize_t* size) {
  return as_old_buffer(o, PyBUF_SIMPLE, data, size);
}
int PyObject_AsWriteBuffer(PyObject* o, void** data, Py_ssize_t* size) {
  return as_old_buffer(o, PyBUF_WRITABLE, const_cast<const void**>(data), size);
}
int PyObject_CheckReadBuffer(PyObject* o) {
  Py_buffer view;
  if (!PyObject_CheckBuffer(o)) return 0;
  if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) != 0) {
    error_clear(current_thread());
    return 0;
  }
  PyBuffer_Release(&view);
  return 1;
}

void _Py_add_one_to_index_F(int nd, Py_ssize_t* index, const Py_ssize_t* shape) {
  for (int k = 0; k < nd; ++k) {
    if (index[k] < shape[k] - 1) {
      ++index[k];
      return;
    }
    index[k] = 0;
  }
}
void _Py_add_one_to_index_C(int nd, Py_ssize_t* index, const Py_ssize_t* shape) {
  for (int k = nd - 1; k >= 0; --k) {
    if (index[k] < shape[k] - 1) {
      ++index[k];
      return;
    }
    index[k] = 0;
  }
}
