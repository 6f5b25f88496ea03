// BytesIO: a binary stream in memory.
#include <cstring>

#include "Modules/_io/io.h"

namespace atl::io {

namespace {

struct BytesObject {
  PyObject ob_base;
  PyObject* dict;
  PyObject* weakrefs;
  PyObject* buffer;     // bytes with room; shared with getvalue()'s result until the next change. NULL: closed
  Py_ssize_t pos;
  Py_ssize_t size;      // bytes that count
  Py_ssize_t exports;
};
BytesObject* as_bio(PyObject* o) { return reinterpret_cast<BytesObject*>(o); }
#define CHECK_OPEN(b) \
  if ((b)->buffer == nullptr) return raise_closed(ts)
#define CHECK_EXPORTS(b) \
  if ((b)->exports > 0) return raise(ts, PyExc_BufferError, "Existing exports of data: object cannot be re-sized")

// The buffer to ourselves, with room for n bytes.
Status own_buffer(ThreadState& ts, BytesObject* b, Py_ssize_t n) {
  Py_ssize_t room = bytes_size(b->buffer);
  if (b->buffer->ob_refcnt == 1 && !is_immortal(b->buffer) && n <= room) return Status::kOk;
  if (n > room) room = n + (n >> 3) + 16;
  Ref<> fresh = bytes_new(ts, room);
  if (!fresh) return Status::kError;
  std::memcpy(bytes_data(fresh.get()), bytes_data(b->buffer), static_cast<size_t>(b->size < room ? b->size : room));
  set_field(b->buffer, std::move(fresh));
  return Status::kOk;
}

PyObject* bio_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  as_bio(o)->buffer = bytes_from(current_thread(), {}).release();
  return o;
}
Status write_bytes(ThreadState& ts, BytesObject* b, const void* data, Py_ssize_t n) {
  if (n == 0) return Status::kOk;
  Py_ssize_t end = b->pos + n;
  if (end < 0) return raise_memory(ts);
  if (failed(own_buffer(ts, b, end > b->size ? end : b->size))) return Status::kError;
  char* to = bytes_data(b->buffer);
  if (b->pos > b->size) std::memset(to + b->size, 0, static_cast<size_t>(b->pos - b->size));
  std::memcpy(to + b->pos, data, static_cast<size_t>(n));
  b->pos = end;
  if (end > b->size) b->size = end;
  return Status::kOk;
}
Status bio_init(ThreadState& ts, BytesObject* b, PyObject* initial) {
  if (b->exports > 0) return raise(ts, PyExc_BufferError, "Existing exports of data: object cannot be re-sized");
  b->pos = b->size = 0;
  Ref<> empty = bytes_from(ts, {});
  set_field(b->buffer, std::move(empty));
  if (initial == nullptr || initial == Py_None) return Status::kOk;
  if (is_exact_bytes(initial)) {
    set_field(b->buffer, dup(initial));
    b->size = bytes_size(initial);
    return Status::kOk;
  }
  BufferArg view;
  if (PyObject_GetBuffer(initial, &view.view, PyBUF_CONTIG_RO) < 0) return Status::kError;
  if (failed(write_bytes(ts, b, view.data(), view.size()))) return Status::kError;
  b->pos = 0;
  return Status::kOk;
}

Ref<> take(ThreadState& ts, BytesObject* b, Py_ssize_t n) {
  Py_ssize_t left = b->size > b->pos ? b->size - b->pos : 0;
  if (n < 0 || n > left) n = left;
  if (n > 1 && b->pos == 0 && n == bytes_size(b->buffer) && b->exports == 0) {
    b->pos = n;
    return dup(b->buffer);
  }
  Ref<> r = bytes_from(ts, {bytes_data(b->buffer) + (n ? b->pos : 0), static_cast<size_t>(n)});
  if (r) b->pos += n;
  return r;
}
Ref<> bio_read(ThreadState& ts, BytesObject* b, PyObject* size_arg) {
  Py_ssize_t n;
  if (failed(as_size(ts, size_arg, &n))) return {};
  CHECK_OPEN(b);
  return take(ts, b, n);
}
Py_ssize_t line_length(BytesObject* b) {
  Py_ssize_t left = b->size > b->pos ? b->size - b->pos : 0;
  if (left == 0) return 0;
  auto* start = bytes_data(b->buffer) + b->pos;
  auto* end = static_cast<char*>(std::memchr(start, '\n', static_cast<size_t>(left)));
  return end != nullptr ? end - start + 1 : left;
}
Ref<> bio_readline(ThreadState& ts, BytesObject* b, PyObject* size_arg) {
  Py_ssize_t n;
  if (failed(as_size(ts, size_arg, &n))) return {};
  CHECK_OPEN(b);
  Py_ssize_t length = line_length(b);
  return take(ts, b, n >= 0 && n < length ? n : length);
}
Ref<> bio_readlines(ThreadState& ts, BytesObject* b, PyObject* size_arg) {
  Py_ssize_t hint;
  if (failed(as_size(ts, size_arg, &hint))) return {};
  CHECK_OPEN(b);
  Ref<> l = list_new(ts, 0);
  Py_ssize_t total = 0;
  while (l) {
    Py_ssize_t n = line_length(b);
    if (n == 0) break;
    Ref<> line = take(ts, b, n);
    if (!line || failed(list_append(ts, l.get(), std::move(line)))) return {};
    total += n;
    if (hint > 0 && total >= hint) break;
  }
  return l;
}
Ref<> bio_iternext(ThreadState& ts, PyObject* o) {
  BytesObject* b = as_bio(o);
  CHECK_OPEN(b);
  Py_ssize_t n = line_length(b);
  return n == 0 ? Ref<>() : take(ts, b, n);
}
Ref<> bio_readinto(ThreadState& ts, BytesObject* b, PyObject* target) {
  CHECK_OPEN(b);
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "readinto() argument must be read-write bytes-like object, not %T", target);
  }
  Py_ssize_t left = b->size > b->pos ? b->size - b->pos : 0;
  Py_ssize_t n = view.len < left ? view.len : left;
  std::memcpy(view.buf, bytes_data(b->buffer) + (n ? b->pos : 0), static_cast<size_t>(n));
  b->pos += n;
  PyBuffer_Release(&view);
  return int_from_ssize(ts, n);
}
Ref<> bio_write(ThreadState& ts, BytesObject* b, const BufferArg& data) {
  CHECK_OPEN(b);
  CHECK_EXPORTS(b);
  if (failed(write_bytes(ts, b, data.data(), data.size()))) return {};
  return int_from_ssize(ts, data.size());
}
Ref<> bio_writelines(ThreadState& ts, BytesObject* b, PyObject* lines) {
  CHECK_OPEN(b);
  Status s = for_each(ts, lines, [&](PyObject* line) { return call_method(ts, obj(b), ID(write), line) ? Status::kOk : Status::kError; });
  return failed(s) ? Ref<>() : new_none();
}
Ref<> bio_getvalue(ThreadState& ts, BytesObject* b) {
  CHECK_OPEN(b);
  if (b->size != bytes_size(b->buffer) && b->exports == 0) {
    Ref<> exact = bytes_from(ts, {bytes_data(b->buffer), static_cast<size_t>(b->size)});
    if (!exact) return {};
    set_field(b->buffer, std::move(exact));
  }
  if (b->exports > 0) return bytes_from(ts, {bytes_data(b->buffer), static_cast<size_t>(b->size)});
  return dup(b->buffer);
}
Ref<> bio_seek(ThreadState& ts, BytesObject* b, Py_ssize_t pos, int whence) {
  CHECK_OPEN(b);
  if (pos < 0 && whence == 0) return raise(ts, PyExc_ValueError, "negative seek value %zd", pos);
  if (whence < 0 || whence > 2) return raise(ts, PyExc_ValueError, "invalid whence (%i, should be 0, 1 or 2)", whence);
  Py_ssize_t from = whence == 1 ? b->pos : whence == 2 ? b->size : 0;
  if (pos > PY_SSIZE_T_MAX - from) return raise(ts, PyExc_OverflowError, "new position too large");
  b->pos = pos + from < 0 ? 0 : pos + from;
  return int_from_ssize(ts, b->pos);
}
Ref<> bio_tell(ThreadState& ts, BytesObject* b) {
  CHECK_OPEN(b);
  return int_from_ssize(ts, b->pos);
}
Ref<> bio_truncate(ThreadState& ts, BytesObject* b, PyObject* size_arg) {
  CHECK_OPEN(b);
  CHECK_EXPORTS(b);
  Py_ssize_t n = b->pos;
  if (size_arg != nullptr && size_arg != Py_None && failed(index_as_ssize(ts, size_arg, &n))) return {};
  if (n < 0) return raise(ts, PyExc_ValueError, "negative size value %zd", n);
  if (n < b->size) {
    b->size = n;
    if (failed(own_buffer(ts, b, n))) return {};
  }
  return int_from_ssize(ts, n);
}
Ref<> bio_close(ThreadState& ts, BytesObject* b) {
  CHECK_EXPORTS(b);
  clear_field(b->buffer);
  return new_none();
}
Ref<> bio_flush(ThreadState& ts, BytesObject* b) {
  CHECK_OPEN(b);
  return new_none();
}
Ref<> bio_true(ThreadState& ts, BytesObject* b) {
  CHECK_OPEN(b);
  return new_bool(true);
}
Ref<> bio_false(ThreadState& ts, BytesObject* b) {
  CHECK_OPEN(b);
  return new_bool(false);
}
Ref<> bio_closed(ThreadState&, BytesObject* b) { return new_bool(b->buffer == nullptr); }
Ref<> bio_getstate(ThreadState& ts, BytesObject* b) {
  Ref<> value = bio_getvalue(ts, b);
  Ref<> pos = value ? int_from_ssize(ts, b->pos) : Ref<>();
  return pos ? tuple_of(ts, value.get(), pos.get(), b->dict != nullptr ? b->dict : Py_None) : Ref<>();
}
Ref<> bio_setstate(ThreadState& ts, BytesObject* b, PyObject* state) {
  if (!is_tuple(state) || tuple_size(state) < 3) {
    return raise(ts, PyExc_TypeError, "%.200s.__setstate__ argument should be 3-tuple, got %.200s", b->ob_base.ob_type->tp_name, state->ob_type->tp_name);
  }
  CHECK_EXPORTS(b);
  Py_ssize_t pos;
  if (failed(bio_init(ts, b, tuple_peek(state, 0))) || failed(index_as_ssize(ts, tuple_peek(state, 1), &pos))) return {};
  if (pos < 0) return raise(ts, PyExc_ValueError, "position value cannot be negative");
  b->pos = pos;
  PyObject* dict = tuple_peek(state, 2);
  if (dict == Py_None) return new_none();
  if (!is_dict(dict)) return raise(ts, PyExc_TypeError, "third item of state should be a dict, got a %.200s", dict->ob_type->tp_name);
  if (b->dict != nullptr) {
    if (failed(dict_merge(ts, b->dict, dict, true))) return {};
  } else {
    b->dict = new_ref(dict);
  }
  return new_none();
}

// ---- getbuffer() -------------------------------------------------------------------------------------------------

struct BufferExport {
  PyObject ob_base;
  BytesObject* source;
};
int export_getbuffer(PyObject* o, Py_buffer* view, int flags) {
  ThreadState& ts = current_thread();
  BytesObject* b = reinterpret_cast<BufferExport*>(o)->source;
  if (view == nullptr) return raise(ts, PyExc_BufferError, "_BytesIOBuffer.getbuffer: view==NULL argument is obsolete");
  if (b->exports == 0 && (b->buffer->ob_refcnt > 1 || is_immortal(b->buffer)) && failed(own_buffer(ts, b, b->size ? b->size : 1))) return -1;
  if (PyBuffer_FillInfo(view, o, bytes_data(b->buffer), b->size, 0, flags) < 0) return -1;
  ++b->exports;
  return 0;
}
void export_releasebuffer(PyObject* o, Py_buffer*) { --reinterpret_cast<BufferExport*>(o)->source->exports; }
void export_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  clear_field(reinterpret_cast<BufferExport*>(o)->source);
  free_instance(o);
}
int export_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<BufferExport*>(o)->source);
  return 0;
}
constexpr PyBufferProcs kExportBuffer{.bf_getbuffer = export_getbuffer, .bf_releasebuffer = export_releasebuffer};
Ref<> bio_getbuffer(ThreadState& ts, BytesObject* b) {
  CHECK_OPEN(b);
  PyTypeObject* type = &_PyBytesIOBuffer_Type;
  Ref<> e = Ref<>::steal(type->tp_alloc(type, 0));
  if (!e) return {};
  reinterpret_cast<BufferExport*>(e.get())->source = new_ref(b);
  return Ref<>::steal(PyMemoryView_FromObject(e.get()));
}

void bio_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  if (as_bio(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  clear_field(as_bio(o)->buffer);
  clear_field(as_bio(o)->dict);
  free_instance(o);
}
int bio_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_bio(o)->dict);
  return 0;
}
int bio_clear(PyObject* o) {
  clear_field(as_bio(o)->dict);
  return 0;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(bio_true, "readable", "($self, /)", "True."),
    ATOLL_METHOD(bio_true, "seekable", "($self, /)", "True."),
    ATOLL_METHOD(bio_true, "writable", "($self, /)", "True."),
    ATOLL_METHOD(bio_close, "close", "($self, /)", "Close: the memory is given back."),
    ATOLL_METHOD(bio_flush, "flush", "($self, /)", "Does nothing."),
    ATOLL_METHOD(bio_false, "isatty", "($self, /)", "False."),
    ATOLL_METHOD(bio_tell, "tell", "($self, /)", "The position."),
    ATOLL_METHOD(bio_write, "write", "($self, b, /)", "Write bytes."),
    ATOLL_METHOD(bio_writelines, "writelines", "($self, lines, /)", "Write lines."),
    ATOLL_METHOD(bio_read, "read1", "($self, size=-1, /)", "Read at most size bytes."),
    ATOLL_METHOD(bio_readinto, "readinto", "($self, buffer, /)", "Read into a buffer."),
    ATOLL_METHOD(bio_readline, "readline", "($self, size=-1, /)", "Read a line."),
    ATOLL_METHOD(bio_readlines, "readlines", "($self, size=None, /)", "Read lines into a list."),
    ATOLL_METHOD(bio_read, "read", "($self, size=-1, /)", "Read at most size bytes."),
    ATOLL_METHOD(bio_getbuffer, "getbuffer", "($self, /)", "A view on the content."),
    ATOLL_METHOD(bio_getvalue, "getvalue", "($self, /)", "The whole content."),
    ATOLL_METHOD(bio_seek, "seek", "($self, pos, whence=0, /)", "Move to a position."),
    ATOLL_METHOD(bio_truncate, "truncate", "($self, size=None, /)", "Truncate."),
    ATOLL_METHOD(bio_getstate, "__getstate__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD(bio_setstate, "__setstate__", "($self, state, /)", "Helper for pickle."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"closed", ATOLL_GETTER(bio_closed), nullptr, "True if the file is closed.", nullptr}, ATOLL_GETSET_END};
}  // namespace

}  // namespace atl::io

using namespace atl;
ATOLL_SEALED PyTypeObject atoll_io_bytes_type = {};
ATOLL_SEALED PyTypeObject _PyBytesIOBuffer_Type = {};

namespace atl {
using namespace io;

constinit const TypeSpec io_bytes_spec{
    .name = "_io.BytesIO",
    .doc = "A stream of bytes in memory.",
    .basicsize = sizeof(BytesObject),
    .flags = kFlags,
    .base = &atoll_io_buffered_base_type,
    .dealloc = bio_dealloc,
    .traverse = bio_traverse,
    .clear = bio_clear,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(bio_iternext),
    .init = ATOLL_INIT(bio_init, "BytesIO", "(initial_bytes=b'')"),
    .new_ = bio_new,
    .weaklist_offset = offsetof(BytesObject, weakrefs),
    .dict_offset = offsetof(BytesObject, dict),
    .methods = kMethods,
    .getset = kGetSet,
};
constinit const TypeSpec io_bytes_buffer_spec{
    .name = "_io._BytesIOBuffer",
    .basicsize = sizeof(BufferExport),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .base = nullptr,
    .dealloc = export_dealloc,
    .traverse = export_traverse,
    .buffer = &kExportBuffer,
};

}  // namespace atl
