// memoryview: life, attributes, the buffers it exports, the types.
#include "Objects/memoryview/memoryview.h"

#include <cstring>

#include "Objects/bytes.h"
#include "Objects/bytes/shared.h"
#include "Objects/int/int.h"
#include "Objects/str/hash.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"

extern "C" {
ATOLL_SEALED PyTypeObject PyMemoryView_Type = {};
ATOLL_SEALED PyTypeObject _PyManagedBuffer_Type = {};
ATOLL_SEALED PyTypeObject _PyMemoryIter_Type = {};
}

namespace atl {

// ---- managed buffers -------------------------------------------------------------------------------------------------

namespace {

Ref<_PyManagedBufferObject> buffer_new(ThreadState& ts) {
  auto b = new_object<_PyManagedBufferObject>(ts, &_PyManagedBuffer_Type);
  if (!b) return {};
  b->flags = 0;
  b->exports = 0;
  std::memset(&b->master, 0, sizeof b->master);
  track(ts, b.get());
  return b;
}

void buffer_release(_PyManagedBufferObject* b) {
  if (b->flags & _Py_MANAGED_BUFFER_RELEASED) return;
  b->flags |= _Py_MANAGED_BUFFER_RELEASED;
  if (gc_is_tracked(b)) untrack(b);
  if (b->flags & _Py_MANAGED_BUFFER_FREE_FORMAT) std::free(b->master.format);
  PyBuffer_Release(&b->master);
}

void buffer_dealloc(ThreadState& ts, _PyManagedBufferObject* b) {
  buffer_release(b);
  free_object(ts, obj(b));
}
int buffer_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<_PyManagedBufferObject*>(o)->master.obj);
  return 0;
}
int buffer_clear(PyObject* o) {
  auto* b = reinterpret_cast<_PyManagedBufferObject*>(o);
  if (b->exports == 0) buffer_release(b);
  return 0;
}

}  // namespace

constinit const TypeSpec managed_buffer_spec{
    .name = "managedbuffer",
    .basicsize = sizeof(_PyManagedBufferObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(buffer_dealloc),
    .traverse = buffer_traverse,
    .clear = buffer_clear,
};

// ---- views -----------------------------------------------------------------------------------------------------------

Raised raise_released(ThreadState& ts) {
  return raise(ts, PyExc_ValueError, "operation forbidden on released memoryview object");
}
Status view_check(ThreadState& ts, PyMemoryViewObject* v) {
  if (ATOLL_LIKELY(!view_released(v))) return Status::kOk;
  return raise_released(ts);
}

void view_set_flags(PyMemoryViewObject* v) {
  const Py_buffer& view = v->view;
  int flags = 0;
  if (view.ndim == 0) {
    flags = _Py_MEMORYVIEW_SCALAR | _Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN;
  } else if (view.ndim == 1) {
    if (view.shape[0] == 1 || view.strides[0] == view.itemsize) flags = _Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN;
  } else {
    if (PyBuffer_IsContiguous(&view, 'C')) flags |= _Py_MEMORYVIEW_C;
    if (PyBuffer_IsContiguous(&view, 'F')) flags |= _Py_MEMORYVIEW_FORTRAN;
  }
  if (view.suboffsets != nullptr) {
    flags |= _Py_MEMORYVIEW_PIL;
    flags &= ~(_Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN);
  }
  v->flags = (v->flags & _Py_MEMORYVIEW_RELEASED) | flags;
}

namespace {

// An empty view with room for ndim dimensions; at least one, so that a cast has it.
Ref<PyMemoryViewObject> view_allocate(ThreadState& ts, _PyManagedBufferObject* buffer, int ndim) {
  int room = ndim > 0 ? ndim : 1;
  auto v = new_var_object<PyMemoryViewObject>(
      ts, &PyMemoryView_Type, offsetof(PyMemoryViewObject, ob_array) + static_cast<size_t>(room) * 3 * sizeof(Py_ssize_t), room * 3);
  if (!v) return {};
  v->mbuf = new_ref(buffer);
  ++buffer->exports;
  v->hash = -1;
  v->flags = 0;
  v->exports = 0;
  v->weakreflist = nullptr;
  std::memset(&v->view, 0, sizeof v->view);
  v->view.ndim = ndim;
  v->view.shape = v->ob_array;
  v->view.strides = v->ob_array + room;
  v->view.suboffsets = v->ob_array + 2 * room;
  return v;
}

}  // namespace

Ref<PyMemoryViewObject> view_add(ThreadState& ts, _PyManagedBufferObject* buffer, const Py_buffer* like) {
  if (like == nullptr) like = &buffer->master;
  if (buffer->flags & _Py_MANAGED_BUFFER_RELEASED) return raise_released(ts);
  if (like->ndim > PyBUF_MAX_NDIM) {
    return raise(ts, PyExc_ValueError, "memoryview: number of dimensions must not exceed %d", PyBUF_MAX_NDIM);
  }
  auto v = view_allocate(ts, buffer, like->ndim);
  if (!v) return {};
  Py_buffer& view = v->view;
  view.obj = like->obj;
  view.buf = like->buf;
  view.len = like->len;
  view.itemsize = like->itemsize;
  view.readonly = like->readonly;
  view.format = like->format != nullptr ? like->format : const_cast<char*>("B");
  view.internal = like->internal;
  if (like->ndim == 0) {
    view.shape = view.strides = nullptr;
  } else if (like->ndim == 1 && like->shape == nullptr) {
    view.shape[0] = like->itemsize != 0 ? like->len / like->itemsize : 0;
    view.strides[0] = like->itemsize;
  } else {
    for (int i = 0; i < like->ndim; ++i) view.shape[i] = like->shape[i];
    if (like->strides != nullptr) {
      for (int i = 0; i < like->ndim; ++i) view.strides[i] = like->strides[i];
    } else {
      Py_ssize_t stride = like->itemsize;
      for (int i = like->ndim - 1; i >= 0; --i) {
        view.strides[i] = stride;
        stride *= view.shape[i];
      }
    }
  }
  if (like->suboffsets != nullptr) {
    for (int i = 0; i < like->ndim; ++i) view.suboffsets[i] = like->suboffsets[i];
  } else {
    view.suboffsets = nullptr;
  }
  view_set_flags(v.get());
  track(ts, v.get());
  return v;
}

Ref<> view_from_object(ThreadState& ts, PyObject* o) {
  if (is_memoryview(o)) {
    if (failed(view_check(ts, as_view(o)))) return {};
    return view_add(ts, as_view(o)->mbuf, &as_view(o)->view);
  }
  if (!PyObject_CheckBuffer(o)) {
    return raise(ts, PyExc_TypeError, "memoryview: a bytes-like object is required, not '%.200T'", o);
  }
  auto buffer = buffer_new(ts);
  if (!buffer) return {};
  if (PyObject_GetBuffer(o, &buffer->master, PyBUF_FULL_RO) < 0) {
    buffer->master.obj = nullptr;
    return {};
  }
  return view_add(ts, buffer.get(), nullptr);
}

namespace {

Ref<> view_make(ThreadState& ts, PyTypeObject*, PyObject* object) { return view_from_object(ts, object); }

// Gives the view up; the caller has checked exports.
void view_let_go(PyMemoryViewObject* v) {
  if (v->flags & _Py_MEMORYVIEW_RELEASED) return;
  v->flags |= _Py_MEMORYVIEW_RELEASED;
  if (--v->mbuf->exports == 0) buffer_release(v->mbuf);
}

Status view_release(ThreadState& ts, PyMemoryViewObject* v) {
  if (v->flags & _Py_MEMORYVIEW_RELEASED) return Status::kOk;
  if (v->exports > 0) {
    return raise(ts, PyExc_BufferError, "memoryview has %zd exported buffer%s", v->exports, v->exports == 1 ? "" : "s");
  }
  view_let_go(v);
  return Status::kOk;
}

void view_dealloc(ThreadState& ts, PyMemoryViewObject* v) {
  untrack(v);
  if (v->weakreflist != nullptr) PyObject_ClearWeakRefs(obj(v));
  view_let_go(v);
  clear_field(v->mbuf);
  free_object(ts, obj(v));
}
int view_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_view(o)->mbuf);
  return 0;
}
int view_clear(PyObject* o) {
  PyMemoryViewObject* v = as_view(o);
  if (v->exports == 0) view_let_go(v);
  return 0;
}

// ---- exporting -------------------------------------------------------------------------------------------------------

int view_getbuffer(PyObject* o, Py_buffer* out, int flags) {
  ThreadState& ts = current_thread();
  PyMemoryViewObject* v = as_view(o);
  auto wants = [&](int mask) { return (flags & mask) == mask; };
  auto refuse = [&](const char* why) -> int {
    out->obj = nullptr;
    return raise(ts, PyExc_BufferError, "memoryview: %s", why);
  };
  if (view_released(v)) {
    out->obj = nullptr;
    return raise_released(ts);
  }
  *out = v->view;
  out->obj = nullptr;
  if (wants(PyBUF_WRITABLE) && v->view.readonly) return refuse("underlying buffer is not writable");
  if (!wants(PyBUF_FORMAT)) out->format = nullptr;
  if (wants(PyBUF_C_CONTIGUOUS) && !(v->flags & _Py_MEMORYVIEW_C)) return refuse("underlying buffer is not C-contiguous");
  if (wants(PyBUF_F_CONTIGUOUS) && !(v->flags & _Py_MEMORYVIEW_FORTRAN)) {
    return refuse("underlying buffer is not Fortran contiguous");
  }
  if (wants(PyBUF_ANY_CONTIGUOUS) && !(v->flags & (_Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN))) {
    return refuse("underlying buffer is not contiguous");
  }
  if (!wants(PyBUF_INDIRECT) && (v->flags & _Py_MEMORYVIEW_PIL)) return refuse("underlying buffer requires suboffsets");
  if (!wants(PyBUF_STRIDES)) {
    if (!(v->flags & _Py_MEMORYVIEW_C)) return refuse("underlying buffer is not C-contiguous");
    out->strides = nullptr;
  }
  if (!wants(PyBUF_ND)) {
    if (out->format != nullptr) return refuse("cannot cast to unsigned bytes if the format flag is present");
    out->ndim = 1;
    out->shape = nullptr;
  }
  out->obj = new_ref(o);
  ++v->exports;
  return 0;
}
void view_releasebuffer(PyObject* o, Py_buffer*) { --as_view(o)->exports; }

// ---- attributes ------------------------------------------------------------------------------------------------------

#define ATOLL_CHECKED_VIEW(v) \
  if (failed(view_check(ts, v))) return {}

Ref<> ssize_tuple(ThreadState& ts, const Py_ssize_t* values, int n) {
  Ref<> t = tuple_new(ts, values != nullptr ? n : 0);
  for (Py_ssize_t i = 0; t && i < tuple_size(t.get()); ++i) {
    Ref<> item = int_from_ssize(ts, values[i]);
    if (!item) return {};
    tuple_items(t.get())[i] = item.release();
  }
  return t;
}

Ref<> get_obj(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return v->view.obj != nullptr ? dup(v->view.obj) : new_none();
}
Ref<> get_nbytes(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return int_from_ssize(ts, v->view.len);
}
Ref<> get_format(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return str_from_utf8(ts, v->view.format);
}
Ref<> get_itemsize(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return int_from_ssize(ts, v->view.itemsize);
}
Ref<> get_shape(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return ssize_tuple(ts, v->view.shape, v->view.ndim);
}
Ref<> get_strides(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return ssize_tuple(ts, v->view.strides, v->view.ndim);
}
Ref<> get_suboffsets(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return ssize_tuple(ts, v->view.suboffsets, v->view.ndim);
}
Ref<> get_readonly(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return new_bool(v->view.readonly != 0);
}
Ref<> get_ndim(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return int_from_ssize(ts, v->view.ndim);
}
Ref<> get_c_contiguous(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return new_bool((v->flags & _Py_MEMORYVIEW_C) != 0);
}
Ref<> get_f_contiguous(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return new_bool((v->flags & _Py_MEMORYVIEW_FORTRAN) != 0);
}
Ref<> get_contiguous(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  return new_bool((v->flags & (_Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN)) != 0);
}

constinit const PyGetSetDef kGetters[] = {
    {"obj", ATOLL_GETTER(get_obj), nullptr, "The object whose memory this is.", nullptr},
    {"nbytes", ATOLL_GETTER(get_nbytes), nullptr, "Size in bytes of all items.", nullptr},
    {"readonly", ATOLL_GETTER(get_readonly), nullptr, "Is the memory read-only?", nullptr},
    {"itemsize", ATOLL_GETTER(get_itemsize), nullptr, "Size in bytes of one item.", nullptr},
    {"format", ATOLL_GETTER(get_format), nullptr, "What an item is, in the language of the module struct.", nullptr},
    {"ndim", ATOLL_GETTER(get_ndim), nullptr, "Number of dimensions.", nullptr},
    {"shape", ATOLL_GETTER(get_shape), nullptr, "Number of items in each dimension.", nullptr},
    {"strides", ATOLL_GETTER(get_strides), nullptr, "Bytes from one item to the next in each dimension.", nullptr},
    {"suboffsets", ATOLL_GETTER(get_suboffsets), nullptr, "Offsets behind pointers, for arrays of pointers.", nullptr},
    {"c_contiguous", ATOLL_GETTER(get_c_contiguous), nullptr, "Is the memory contiguous, last dimension fastest?", nullptr},
    {"f_contiguous", ATOLL_GETTER(get_f_contiguous), nullptr, "Is the memory contiguous, first dimension fastest?", nullptr},
    {"contiguous", ATOLL_GETTER(get_contiguous), nullptr, "Is the memory contiguous?", nullptr},
    ATOLL_GETSET_END};

// ---- methods and slots -----------------------------------------------------------------------------------------------

Ref<> view_tobytes(ThreadState& ts, PyMemoryViewObject* v, PyObject* order_arg) {
  char order = 'C';
  ATOLL_CHECKED_VIEW(v);
  if (order_arg != nullptr && order_arg != Py_None) {
    if (!is_str(order_arg)) {
      return raise(ts, PyExc_TypeError, "tobytes() argument 'order' must be str or None, not %.50T", order_arg);
    }
    if (str_equals_ascii(order_arg, "F")) {
      order = 'F';
    } else if (str_equals_ascii(order_arg, "A")) {
      order = 'A';
    } else if (!str_equals_ascii(order_arg, "C")) {
      return raise(ts, PyExc_ValueError, "order must be 'C', 'F' or 'A'");
    }
  }
  Ref<> r = bytes_new(ts, v->view.len);
  if (r && PyBuffer_ToContiguous(bytes_data(r.get()), &v->view, v->view.len, order) < 0) return {};
  return r;
}

Ref<> view_hex(ThreadState& ts, PyMemoryViewObject* v, PyObject* sep, int bytes_per_sep) {
  ATOLL_CHECKED_VIEW(v);
  if (v->flags & (_Py_MEMORYVIEW_SCALAR | _Py_MEMORYVIEW_C)) {
    return hex_of_memory(ts, {static_cast<char*>(v->view.buf), static_cast<size_t>(v->view.len)}, sep, bytes_per_sep);
  }
  Ref<> copy = view_tobytes(ts, v, nullptr);
  return copy ? hex_of_memory(ts, bytes_view(copy.get()), sep, bytes_per_sep) : Ref<>();
}

Ref<> view_toreadonly(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  Ref<PyMemoryViewObject> r = view_add(ts, v->mbuf, &v->view);
  if (r) r->view.readonly = 1;
  return r;
}

PyObject* view_enter(PyObject* self, PyObject*) {
  if (failed(view_check(current_thread(), as_view(self)))) return nullptr;
  return new_ref(self);
}
PyObject* view_exit(PyObject* self, PyObject*) {
  if (failed(view_release(current_thread(), as_view(self)))) return nullptr;
  return new_ref(Py_None);
}

Ref<> view_repr(ThreadState& ts, PyObject* o) {
  return str_format(ts, as_view(o)->flags & _Py_MEMORYVIEW_RELEASED ? "<released memory at %p>" : "<memory at %p>", o);
}

Py_ssize_t view_len(ThreadState& ts, PyMemoryViewObject* v) {
  if (failed(view_check(ts, v))) return -1;
  return v->view.ndim == 0 ? 1 : v->view.shape[0];
}

Py_hash_t view_hash(ThreadState& ts, PyMemoryViewObject* v) {
  if (v->hash != -1) return v->hash;
  if (failed(view_check(ts, v))) return -1;
  if (!v->view.readonly) return raise(ts, PyExc_ValueError, "cannot hash writable memoryview object").operator Py_ssize_t();
  char format = view_native_format(v->view.format);
  if (format != 'B' && format != 'b' && format != 'c') {
    return raise(ts, PyExc_ValueError, "memoryview: hashing is restricted to formats 'B', 'b' or 'c'").operator Py_ssize_t();
  }
  Py_hash_t unused;
  // Memory that an unhashable object owns may change.
  if (v->view.obj != nullptr && failed(object_hash(ts, v->view.obj, &unused))) return -1;
  if (v->flags & _Py_MEMORYVIEW_C) {
    v->hash = hash_memory(v->view.buf, static_cast<size_t>(v->view.len));
  } else {
    Ref<> copy = view_tobytes(ts, v, nullptr);
    if (!copy) return -1;
    v->hash = hash_memory(bytes_data(copy.get()), static_cast<size_t>(bytes_size(copy.get())));
  }
  return v->hash;
}

constinit const MethodSpec kMethods[] = {
    ATOLL_METHOD(view_release, "release", "($self, /)", "Give the memory back to its owner; nothing else can be done with the view then."),
    ATOLL_METHOD(view_tobytes, "tobytes", "($self, /, order='C')",
                 "Return the items as bytes, the last dimension fastest, or in the order 'F' or 'A' (as it lies)."),
    ATOLL_METHOD(view_hex, "hex", "($self, /, sep=<unrepresentable>, bytes_per_sep=1)",
                 "Return the bytes as hexadecimal digits, with sep between groups of bytes_per_sep bytes.\n\n"
                 "Groups are counted from the right; from the left where bytes_per_sep is negative."),
    ATOLL_METHOD(view_tolist, "tolist", "($self, /)", "Return the items as a list, or as nested lists."),
    ATOLL_METHOD(view_cast, "cast", "($self, /, format, shape=<unrepresentable>)",
                 "Return a view of the same memory with another format or shape."),
    ATOLL_METHOD(view_toreadonly, "toreadonly", "($self, /)", "Return a read-only view of the same memory."),
    ATOLL_METHOD_RAW(view_enter, "__enter__", METH_NOARGS, nullptr),
    ATOLL_METHOD_RAW(view_exit, "__exit__", METH_VARARGS, nullptr),
    ATOLL_METHOD_END};

constinit const PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(view_len), .sq_item = ATOLL_SLOT(view_item)};
constinit const PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(view_len),
                                          .mp_subscript = ATOLL_SLOT(view_subscript),
                                          .mp_ass_subscript = ATOLL_SLOT(view_ass_subscript)};
constinit const PyBufferProcs kBuffer{.bf_getbuffer = view_getbuffer, .bf_releasebuffer = view_releasebuffer};

// ---- iterator --------------------------------------------------------------------------------------------------------

struct ViewIterObject {
  PyObject ob_base;
  Py_ssize_t index;
  Py_ssize_t length;
  PyMemoryViewObject* view;  // NULL at the end
  char format;
};

Ref<> view_iter(ThreadState& ts, PyMemoryViewObject* v) {
  ATOLL_CHECKED_VIEW(v);
  if (v->view.ndim == 0) return raise(ts, PyExc_TypeError, "invalid indexing of 0-dim memory");
  if (v->view.ndim > 1) return raise(ts, PyExc_NotImplementedError, "multi-dimensional sub-views are not implemented");
  char format = view_format_or_raise(ts, v);
  if (format == 0) return {};
  auto it = new_object<ViewIterObject>(ts, &_PyMemoryIter_Type);
  if (!it) return {};
  it->index = 0;
  it->length = v->view.shape[0];
  it->view = new_ref(v);
  it->format = format;
  track(ts, it.get());
  return it;
}
void view_iter_dealloc(ThreadState& ts, ViewIterObject* it) {
  untrack(it);
  if (it->view != nullptr) decref(obj(it->view));
  free_object(ts, obj(it));
}
int view_iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<ViewIterObject*>(o)->view);
  return 0;
}
Ref<> view_iter_next(ThreadState& ts, ViewIterObject* it) {
  PyMemoryViewObject* v = it->view;
  if (v == nullptr) return {};
  if (it->index < it->length) {
    ATOLL_CHECKED_VIEW(v);
    char* p = static_cast<char*>(v->view.buf) + v->view.strides[0] * it->index++;
    return view_unpack(ts, it->format, view_follow(p, v->view.suboffsets, 0));
  }
  clear_field(it->view);
  return {};
}

}  // namespace

constinit const TypeSpec memory_iter_spec{
    .name = "memory_iterator",
    .basicsize = sizeof(ViewIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(view_iter_dealloc),
    .traverse = view_iter_traverse,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(view_iter_next),
};

constinit const TypeSpec memoryview_spec{
    .name = "memoryview",
    .doc = "memoryview(object)\n--\n\nA view of the memory of an object that supports the buffer protocol.",
    .basicsize = offsetof(PyMemoryViewObject, ob_array),
    .itemsize = sizeof(Py_ssize_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_SEQUENCE,
    .dealloc = ATOLL_SLOT(view_dealloc),
    .traverse = view_traverse,
    .clear = view_clear,
    .repr = ATOLL_SLOT(view_repr),
    .hash = ATOLL_SLOT(view_hash),
    .richcompare = ATOLL_SLOT(view_richcompare),
    .iter = ATOLL_SLOT(view_iter),
    .new_ = ATOLL_NEW(view_make, "memoryview", "(object)"),
    .sequence = &kSequence,
    .mapping = &kMapping,
    .buffer = &kBuffer,
    .weaklist_offset = offsetof(PyMemoryViewObject, weakreflist),
    .methods = kMethods,
    .getset = kGetters,
};

namespace {

// A view of a contiguous copy, with the format and shape of `from`.
Ref<> contiguous_copy(ThreadState& ts, const Py_buffer& from, char order) {
  Ref<> bytes = bytes_new(ts, from.len);
  if (!bytes || PyBuffer_ToContiguous(bytes_data(bytes.get()), &from, from.len, order) < 0) return {};
  auto buffer = buffer_new(ts);
  if (!buffer || PyObject_GetBuffer(bytes.get(), &buffer->master, PyBUF_FULL_RO) < 0) return {};
  if (from.format != nullptr) {
    char* format = strdup(from.format);
    if (format == nullptr) return raise_memory(ts);
    buffer->master.format = format;
    buffer->flags |= _Py_MANAGED_BUFFER_FREE_FORMAT;
  }
  Py_buffer like = buffer->master;
  Py_ssize_t strides[PyBUF_MAX_NDIM];
  like.itemsize = from.itemsize;
  like.ndim = from.ndim;
  like.shape = from.shape;
  PyBuffer_FillContiguousStrides(from.ndim, from.shape, strides, static_cast<int>(from.itemsize), order == 'A' ? 'C' : order);
  like.strides = strides;
  like.suboffsets = nullptr;
  return view_add(ts, buffer.get(), &like);
}

}  // namespace
}  // namespace atl

// ---- C API -----------------------------------------------------------------------------------------------------------

using namespace atl;

extern "C" {

PyObject* PyMemoryView_FromObject(PyObject* o) { return view_from_object(current_thread(), o).release(); }

PyObject* PyMemoryView_FromMemory(char* memory, Py_ssize_t size, int flags) {
  ThreadState& ts = current_thread();
  auto buffer = buffer_new(ts);
  if (!buffer) return nullptr;
  int readonly = flags == PyBUF_WRITE ? 0 : 1;
  static_cast<void>(PyBuffer_FillInfo(&buffer->master, nullptr, memory, size, readonly, PyBUF_FULL_RO));
  return obj(view_add(ts, buffer.get(), nullptr).release());
}

PyObject* PyMemoryView_FromBuffer(const Py_buffer* info) {
  ThreadState& ts = current_thread();
  if (info->buf == nullptr) return raise(ts, PyExc_ValueError, "PyMemoryView_FromBuffer(): info->buf must not be NULL");
  auto buffer = buffer_new(ts);
  if (!buffer) return nullptr;
  buffer->master = *info;
  buffer->master.obj = nullptr;
  return obj(view_add(ts, buffer.get(), nullptr).release());
}

PyObject* PyMemoryView_GetContiguous(PyObject* o, int buffer_type, char order) {
  ThreadState& ts = current_thread();
  Ref<> view = view_from_object(ts, o);
  if (!view) return nullptr;
  const Py_buffer& v = as_view(view.get())->view;
  if (buffer_type == PyBUF_WRITE && v.readonly) return raise(ts, PyExc_BufferError, "underlying buffer is not writable");
  if (PyBuffer_IsContiguous(&v, order)) return view.release();
  if (buffer_type == PyBUF_WRITE) {
    return raise(ts, PyExc_BufferError, "writable contiguous buffer requested for a non-contiguous object.");
  }
  return contiguous_copy(ts, v, order).release();
}

}  // extern "C"
