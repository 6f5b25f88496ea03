// pickle.PickleBuffer: holds a buffer that a pickler may hand over apart from the stream.
#include <cstring>

#include "Objects/object.h"
#include "Objects/type/spec.h"

extern "C" {
ATOLL_SEALED PyTypeObject PyPickleBuffer_Type = {};
}

namespace atl {
namespace {

struct PickleBufferObject {
  PyObject ob_base;
  Py_buffer view;  // obj NULL: released
  PyObject* weakreflist;
};
static_assert(sizeof(PickleBufferObject) == 104 && offsetof(PickleBufferObject, weakreflist) == 96);

PickleBufferObject* as_pickle_buffer(PyObject* o) { return reinterpret_cast<PickleBufferObject*>(o); }

Status check(ThreadState& ts, PickleBufferObject* b) {
  if (b->view.obj != nullptr) return Status::kOk;
  return raise(ts, PyExc_ValueError, "operation forbidden on released PickleBuffer object");
}

Ref<> make(PyTypeObject* type, PyObject* base) {
  Ref<> self = steal(type->tp_alloc(type, 0));
  if (!self) return {};
  PickleBufferObject* b = as_pickle_buffer(self.get());
  b->view.obj = nullptr;
  b->weakreflist = nullptr;
  if (PyObject_GetBuffer(base, &b->view, PyBUF_FULL_RO) < 0) {
    b->view.obj = nullptr;
    return {};
  }
  return self;
}

PyObject* make_entry(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (kwargs != nullptr && PyDict_GET_SIZE(kwargs) != 0) return raise(ts, PyExc_TypeError, "PickleBuffer() takes no keyword arguments");
  Py_ssize_t n = PyTuple_GET_SIZE(args);
  if (n != 1) return raise(ts, PyExc_TypeError, "PickleBuffer() takes exactly 1 positional argument (%zd given)", n);
  return make(type, PyTuple_GET_ITEM(args, 0)).release();
}

void dealloc(ThreadState&, PickleBufferObject* b) {
  untrack(b);
  if (b->weakreflist != nullptr) PyObject_ClearWeakRefs(obj(b));
  PyBuffer_Release(&b->view);
  b->ob_base.ob_type->tp_free(obj(b));
}
int traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_pickle_buffer(o)->view.obj);
  return 0;
}
int clear(PyObject* o) {
  PyBuffer_Release(&as_pickle_buffer(o)->view);
  return 0;
}

// The exported buffer belongs to the underlying object: releasing it needs nothing from here.
int getbuffer(PyObject* o, Py_buffer* view, int flags) {
  PickleBufferObject* b = as_pickle_buffer(o);
  if (failed(check(current_thread(), b))) return -1;
  return PyObject_GetBuffer(b->view.obj, view, flags);
}
void releasebuffer(PyObject* o, Py_buffer* view) {
  static_cast<void>(o);
  static_cast<void>(view);
}

Ref<> raw(ThreadState& ts, PickleBufferObject* b) {
  if (failed(check(ts, b))) return {};
  if (b->view.suboffsets != nullptr || !PyBuffer_IsContiguous(&b->view, 'A')) {
    return raise(ts, PyExc_BufferError, "cannot extract raw buffer from non-contiguous buffer");
  }
  Ref<> m = steal(PyMemoryView_FromObject(obj(b)));
  if (!m) return {};
  // Flat, as unsigned bytes.
  auto* v = reinterpret_cast<PyMemoryViewObject*>(m.get());
  v->view.format = const_cast<char*>("B");
  v->view.ndim = 1;
  v->view.itemsize = 1;
  v->view.shape = v->ob_array;
  v->view.strides = v->ob_array + (v->ob_base.ob_size / 3);
  v->view.shape[0] = v->view.len;
  v->view.strides[0] = 1;
  v->view.suboffsets = nullptr;
  v->flags = _Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN;
  return m;
}

Status release(ThreadState&, PickleBufferObject* b) {
  PyBuffer_Release(&b->view);
  return Status::kOk;
}

constinit const MethodSpec kMethods[] = {
    ATOLL_METHOD(raw, "raw", "($self, /)", "Return a memoryview of the memory as a flat array of bytes."),
    ATOLL_METHOD(release, "release", "($self, /)", "Give the memory back to its owner."),
    ATOLL_METHOD_END};
constinit const PyBufferProcs kBuffer{.bf_getbuffer = getbuffer, .bf_releasebuffer = releasebuffer};

}  // namespace

constinit const TypeSpec pickle_buffer_spec{
    .name = "pickle.PickleBuffer",
    .doc = "Holds a buffer that may be pickled out of band.",
    .basicsize = sizeof(PickleBufferObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(dealloc),
    .traverse = traverse,
    .clear = clear,
    .new_ = make_entry,
    .buffer = &kBuffer,
    .weaklist_offset = offsetof(PickleBufferObject, weakreflist),
    .methods = kMethods,
};

}  // namespace atl

using namespace atl;

extern "C" {

PyObject* PyPickleBuffer_FromObject(PyObject* base) { return make(&PyPickleBuffer_Type, base).release(); }

const Py_buffer* PyPickleBuffer_GetBuffer(PyObject* o) {
  ThreadState& ts = current_thread();
  if (!PyPickleBuffer_Check(o)) return raise(ts, PyExc_TypeError, "expected PickleBuffer, %.200T found", o);
  if (failed(check(ts, as_pickle_buffer(o)))) return nullptr;
  return &as_pickle_buffer(o)->view;
}

int PyPickleBuffer_Release(PyObject* o) {
  if (!PyPickleBuffer_Check(o)) return raise(current_thread(), PyExc_TypeError, "expected PickleBuffer, %.200T found", o);
  PyBuffer_Release(&as_pickle_buffer(o)->view);
  return 0;
}

}  // extern "C"
