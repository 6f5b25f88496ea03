// memoryview inside the core. A managed buffer owns one export of the underlying object; the memoryviews made from each
// other share it and count in its `exports`. What others export from a memoryview counts in the memoryview's.
#pragma once

#include "Objects/object.h"

namespace atl {

ATOLL_INLINE bool is_memoryview(const PyObject* o) { return o->ob_type == &PyMemoryView_Type; }
ATOLL_INLINE PyMemoryViewObject* as_view(PyObject* o) { return reinterpret_cast<PyMemoryViewObject*>(o); }
ATOLL_INLINE bool view_released(const PyMemoryViewObject* v) {
  return (v->flags & _Py_MEMORYVIEW_RELEASED) || (v->mbuf->flags & _Py_MANAGED_BUFFER_RELEASED);
}
// "operation forbidden on released memoryview object"
ATOLL_COLD Raised raise_released(ThreadState& ts);
Status view_check(ThreadState& ts, PyMemoryViewObject* v);

Ref<> view_from_object(ThreadState& ts, PyObject* o);
// Another view of the same managed buffer; `like` gives its shape. ndim dimensions are laid out, the caller may change them.
Ref<PyMemoryViewObject> view_add(ThreadState& ts, _PyManagedBufferObject* buffer, const Py_buffer* like);
void view_set_flags(PyMemoryViewObject* v);

// items.cc: single items of native formats.
// The format's one character without '@', or 0 where it is none that memoryview knows.
char view_native_format(const char* format);
Py_ssize_t view_native_size(char format);
Ref<> view_unpack(ThreadState& ts, char format, const char* item);
Status view_pack(ThreadState& ts, PyMemoryViewObject* v, char format, char* item, PyObject* value);
Ref<> view_tolist(ThreadState& ts, PyMemoryViewObject* v);
Ref<> view_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op);

// index.cc
Ref<> view_subscript(ThreadState& ts, PyMemoryViewObject* v, PyObject* key);
Status view_ass_subscript(ThreadState& ts, PyMemoryViewObject* v, PyObject* key, PyObject* value);
Ref<> view_item(ThreadState& ts, PyMemoryViewObject* v, Py_ssize_t i);
Ref<> view_cast(ThreadState& ts, PyMemoryViewObject* v, PyUnicodeObject* format, PyObject* shape);
// "memoryview: unsupported format %s"
char view_format_or_raise(ThreadState& ts, PyMemoryViewObject* v);

// The address behind a suboffset (which is -1 for none).
ATOLL_INLINE char* view_follow(char* p, const Py_ssize_t* suboffsets, int dimension) {
  return suboffsets != nullptr && suboffsets[dimension] >= 0 ? *reinterpret_cast<char**>(p) + suboffsets[dimension] : p;
}

}  // namespace atl
