// _IOBase, _RawIOBase, _BufferedIOBase, _TextIOBase: the abstract base classes of streams.
#include "Modules/_io/io.h"

namespace atl::io {

namespace {

struct BaseObject {
  PyObject ob_base;
  PyObject* dict;
  PyObject* weakrefs;
};
BaseObject* as_base(PyObject* o) { return reinterpret_cast<BaseObject*>(o); }

// ---- _IOBase -----------------------------------------------------------------------------------------------------

constexpr const char* kClosedKey = "__IOBase_closed";

Tri flagged_closed(ThreadState& ts, PyObject* self) {
  Ref<> key = str_interned(ts, kClosedKey);
  Ref<> v;
  if (!key || failed(object_lookup_attr(ts, self, key.get(), &v))) return Tri::kError;
  return tri(static_cast<bool>(v));
}

Ref<> b_flush(ThreadState& ts, PyObject* self) {
  Tri closed = flagged_closed(ts, self);
  if (failed(closed)) return {};
  if (closed == Tri::kTrue) return raise_closed(ts);
  return new_none();
}
Ref<> b_close(ThreadState& ts, PyObject* self) {
  Tri closed = flagged_closed(ts, self);
  if (failed(closed)) return {};
  if (closed == Tri::kTrue) return new_none();
  Ref<> flushed = call_method(ts, self, ID(flush));
  Ref<> exc = flushed ? Ref<>() : error_take(ts);
  Ref<> key = str_interned(ts, kClosedKey);
  if (!key || failed(object_setattr(ts, self, key.get(), Py_True))) return {};
  if (exc) {
    error_restore(ts, std::move(exc));
    return {};
  }
  return new_none();
}
Ref<> b_get_closed(ThreadState& ts, PyObject* self) {
  Tri t = flagged_closed(ts, self);
  return failed(t) ? Ref<>() : new_bool(t == Tri::kTrue);
}
Ref<> b_seek(ThreadState& ts, PyObject* self, PyObject*, PyObject*) { return raise_unsupported(ts, self, "seek"); }
Ref<> b_tell(ThreadState& ts, PyObject* self) {
  Ref<> zero = int_from_i64(ts, 0), one = int_from_i64(ts, 1);
  return call_method(ts, self, ID(seek), zero.get(), one.get());
}
Ref<> b_truncate(ThreadState& ts, PyObject* self, PyObject*) { return raise_unsupported(ts, self, "truncate"); }
Ref<> b_fileno(ThreadState& ts, PyObject* self) { return raise_unsupported(ts, self, "fileno"); }
Ref<> b_false(ThreadState&, PyObject*) { return new_bool(false); }
Ref<> b_isatty(ThreadState& ts, PyObject* self) { return failed(check_closed(ts, self)) ? Ref<>() : new_bool(false); }
Ref<> b_enter(ThreadState& ts, PyObject* self) { return failed(check_closed(ts, self)) ? Ref<>() : dup(self); }
PyObject* b_exit(PyObject* self, PyObject* const*, Py_ssize_t) { return call_method(current_thread(), self, ID(close)).release(); }
Ref<> b_check_closed(ThreadState& ts, PyObject* self) { return failed(check_closed(ts, self)) ? Ref<>() : new_none(); }
template <int kWhich>
Ref<> b_check(ThreadState& ts, PyObject* self) {
  static constexpr const char* kNames[] = {"seekable", "readable", "writable"};
  static constexpr const char* kTexts[] = {"File or stream is not seekable.", "File or stream is not readable.", "File or stream is not writable."};
  Ref<> r = call_name(ts, self, kNames[kWhich]);
  if (!r) return {};
  if (r.get() != Py_True) return raise_unsupported(ts, self, kTexts[kWhich]);
  return r;
}

Ref<> b_readline(ThreadState& ts, PyObject* self, PyObject* size_arg) {
  Py_ssize_t limit;
  if (failed(as_size(ts, size_arg, &limit))) return {};
  Ref<> peek_name = str_interned(ts, "peek");
  Ref<> peek;
  if (!peek_name || failed(object_lookup_attr(ts, self, peek_name.get(), &peek))) return {};
  Ref<> line = bytearray_from(ts, {});
  if (!line) return {};
  while (limit < 0 || PyByteArray_GET_SIZE(line.get()) < limit) {
    Py_ssize_t want = 1;
    if (peek) {
      Ref<> one = int_from_i64(ts, 1);
      Ref<> ahead = call(ts, peek.get(), one.get());
      if (!ahead) {
        if (interrupted(ts)) continue;
        return {};
      }
      if (!is_bytes(ahead.get())) return raise(ts, PyExc_OSError, "peek() should have returned a bytes object, not '%.200s'", ahead.get()->ob_type->tp_name);
      std::string_view v = bytes_view(ahead.get());
      if (!v.empty()) {
        size_t at = v.find('\n');
        want = static_cast<Py_ssize_t>(at == std::string_view::npos ? v.size() : at + 1);
        if (limit >= 0 && want > limit - PyByteArray_GET_SIZE(line.get())) want = limit - PyByteArray_GET_SIZE(line.get());
      }
    }
    Ref<> n = int_from_ssize(ts, want);
    Ref<> b = n ? call_method(ts, self, ID(read), n.get()) : Ref<>();
    if (!b) {
      if (interrupted(ts)) continue;
      return {};
    }
    if (!is_bytes(b.get())) return raise(ts, PyExc_OSError, "read() should have returned a bytes object, not '%.200s'", b.get()->ob_type->tp_name);
    if (bytes_size(b.get()) == 0) break;
    Py_ssize_t old = PyByteArray_GET_SIZE(line.get());
    if (PyByteArray_Resize(line.get(), old + bytes_size(b.get())) < 0) return {};
    __builtin_memcpy(PyByteArray_AS_STRING(line.get()) + old, bytes_data(b.get()), static_cast<size_t>(bytes_size(b.get())));
    if (PyByteArray_AS_STRING(line.get())[PyByteArray_GET_SIZE(line.get()) - 1] == '\n') break;
  }
  return bytes_from(ts, {PyByteArray_AS_STRING(line.get()), static_cast<size_t>(PyByteArray_GET_SIZE(line.get()))});
}

Ref<> b_iter(ThreadState& ts, PyObject* self) { return failed(check_closed(ts, self)) ? Ref<>() : dup(self); }
Ref<> b_iternext(ThreadState& ts, PyObject* self) {
  Ref<> line = call_method(ts, self, ID(readline));
  if (!line) return {};
  Py_ssize_t n;
  if (failed(object_len(ts, line.get(), &n)) || n <= 0) return {};
  return line;
}
Ref<> b_readlines(ThreadState& ts, PyObject* self, PyObject* hint_arg) {
  Py_ssize_t hint;
  if (failed(as_size(ts, hint_arg, &hint))) return {};
  Ref<> lines = list_new(ts, 0);
  Ref<> it = lines ? object_iter(ts, self) : Ref<>();
  if (!it) return {};
  Py_ssize_t total = 0;
  while (Ref<> line = iter_next(ts, it.get())) {
    Py_ssize_t n;
    if (failed(object_len(ts, line.get(), &n)) || failed(list_append(ts, lines.get(), std::move(line)))) return {};
    total += n;
    if (hint > 0 && total > hint) break;
  }
  return error_set(ts) ? Ref<>() : std::move(lines);
}
Ref<> b_writelines(ThreadState& ts, PyObject* self, PyObject* lines) {
  if (failed(check_closed(ts, self))) return {};
  Status s = for_each(ts, lines, [&](PyObject* line) {
    for (;;) {
      if (call_method(ts, self, ID(write), line)) return Status::kOk;
      if (!interrupted(ts)) return Status::kError;
    }
  });
  return failed(s) ? Ref<>() : new_none();
}

void b_finalize(ThreadState& ts, PyObject* self) {
  ErrorStash stash(ts);
  Tri closed = is_closed(ts, self);
  if (failed(closed)) error_clear(ts);
  if (closed != Tri::kFalse) return;
  // close() may warn about a file that nobody closed.
  Ref<> name = str_interned(ts, "_finalizing");
  if (!name || failed(object_setattr(ts, self, name.get(), Py_True))) error_clear(ts);
  if (!call_method(ts, self, ID(close))) error_clear(ts);  // as 3.11: silent outside of developer mode
}

void b_dealloc(PyObject* o) {
  if (!finalize_before_dealloc(o)) return;
  PyObject_GC_UnTrack(o);
  if (as_base(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  clear_field(as_base(o)->dict);
  free_instance(o);
}
int b_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_base(o)->dict);
  return 0;
}
int b_clear(PyObject* o) {
  clear_field(as_base(o)->dict);
  return 0;
}

constexpr MethodSpec kBaseMethods[] = {
    ATOLL_METHOD(b_seek, "seek", "($self, offset, whence=0, /)", "Change the stream position."),
    ATOLL_METHOD(b_tell, "tell", "($self, /)", "The stream position."),
    ATOLL_METHOD(b_truncate, "truncate", "($self, size=None, /)", "Truncate the file."),
    ATOLL_METHOD(b_flush, "flush", "($self, /)", "Flush write buffers."),
    ATOLL_METHOD(b_close, "close", "($self, /)", "Flush and close the stream."),
    ATOLL_METHOD(b_false, "seekable", "($self, /)", "Can it seek?"),
    ATOLL_METHOD(b_false, "readable", "($self, /)", "Can it be read?"),
    ATOLL_METHOD(b_false, "writable", "($self, /)", "Can it be written?"),
    ATOLL_METHOD(b_check_closed, "_checkClosed", "($self, /)", "Raise ValueError when closed."),
    ATOLL_METHOD(b_check<0>, "_checkSeekable", "($self, /)", "Raise when not seekable."),
    ATOLL_METHOD(b_check<1>, "_checkReadable", "($self, /)", "Raise when not readable."),
    ATOLL_METHOD(b_check<2>, "_checkWritable", "($self, /)", "Raise when not writable."),
    ATOLL_METHOD(b_fileno, "fileno", "($self, /)", "The file descriptor."),
    ATOLL_METHOD(b_isatty, "isatty", "($self, /)", "Is it a terminal?"),
    ATOLL_METHOD(b_enter, "__enter__", "($self, /)", "The stream itself."),
    ATOLL_METHOD_RAW(b_exit, "__exit__", METH_FASTCALL, "Close the stream."),
    ATOLL_METHOD(b_readline, "readline", "($self, size=-1, /)", "Read a line."),
    ATOLL_METHOD(b_readlines, "readlines", "($self, hint=-1, /)", "Read lines into a list."),
    ATOLL_METHOD(b_writelines, "writelines", "($self, lines, /)", "Write lines."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kBaseGetSet[] = {{"__dict__", PyObject_GenericGetDict, nullptr, nullptr, nullptr},
                                       {"closed", ATOLL_GETTER(b_get_closed), nullptr, nullptr, nullptr},
                                       ATOLL_GETSET_END};
// ---- _RawIOBase --------------------------------------------------------------------------------------------------

Ref<> r_read(ThreadState& ts, PyObject* self, Py_ssize_t n) {
  if (n < 0) return call_name(ts, self, "readall");
  Ref<> b = bytearray_from(ts, {});
  if (!b || PyByteArray_Resize(b.get(), n) < 0) return {};
  Ref<> r = call_name(ts, self, "readinto", b.get());
  if (!r || r.get() == Py_None) return r;
  Py_ssize_t got;
  if (failed(index_as_ssize(ts, r.get(), &got, PyExc_ValueError))) return {};
  if (got < 0 || got > n) return raise(ts, PyExc_ValueError, "readinto returned %zd outside buffer size %zd", got, n);
  return bytes_from(ts, {PyByteArray_AS_STRING(b.get()), static_cast<size_t>(got)});
}
Ref<> r_readall(ThreadState& ts, PyObject* self) {
  Ref<> chunks = list_new(ts, 0);
  Ref<> size = int_from_ssize(ts, kDefaultBufferSize);
  if (!chunks || !size) return {};
  for (;;) {
    Ref<> data = call_method(ts, self, ID(read), size.get());
    if (!data) {
      if (interrupted(ts)) continue;
      return {};
    }
    if (data.get() == Py_None) {
      if (list_size(chunks.get()) == 0) return data;
      break;
    }
    if (!is_bytes(data.get())) return raise(ts, PyExc_TypeError, "read() should return bytes");
    if (bytes_size(data.get()) == 0) break;
    if (failed(list_append(ts, chunks.get(), std::move(data)))) return {};
  }
  Ref<> empty = bytes_from(ts, {});
  return empty ? call_method(ts, empty.get(), ID(join), chunks.get()) : Ref<>();
}
Ref<> unsupported_write(ThreadState& ts, PyObject* self, PyObject*) { return raise_unsupported(ts, self, "write"); }
constexpr MethodSpec kRawMethods[] = {
    ATOLL_METHOD(r_read, "read", "($self, size=-1, /)", "Read up to size bytes."),
    ATOLL_METHOD(r_readall, "readall", "($self, /)", "Read until the end."), ATOLL_METHOD_END};

// ---- _BufferedIOBase ---------------------------------------------------------------------------------------------

Ref<> readinto_by(ThreadState& ts, PyObject* self, PyObject* target, const char* method) {
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "%s() argument must be read-write bytes-like object, not %T", method[4] == '1' ? "readinto1" : "readinto", target);
  }
  ScopeGuard release([&] { PyBuffer_Release(&view); });
  Ref<> n = int_from_ssize(ts, view.len);
  Ref<> data = n ? call_name(ts, self, method, n.get()) : Ref<>();
  if (!data) return {};
  if (!is_bytes(data.get())) return raise(ts, PyExc_TypeError, "read() should return bytes");
  Py_ssize_t got = bytes_size(data.get());
  if (got > view.len) return raise(ts, PyExc_ValueError, "read() returned too much data: %zd bytes requested, %zd returned", view.len, got);
  __builtin_memcpy(view.buf, bytes_data(data.get()), static_cast<size_t>(got));
  return int_from_ssize(ts, got);
}
Ref<> bb_readinto(ThreadState& ts, PyObject* self, PyObject* b) { return readinto_by(ts, self, b, "read"); }
Ref<> bb_readinto1(ThreadState& ts, PyObject* self, PyObject* b) { return readinto_by(ts, self, b, "read1"); }
Ref<> bb_detach(ThreadState& ts, PyObject* self) { return raise_unsupported(ts, self, "detach"); }
Ref<> bb_read(ThreadState& ts, PyObject* self, PyObject*) { return raise_unsupported(ts, self, "read"); }
Ref<> bb_read1(ThreadState& ts, PyObject* self, PyObject*) { return raise_unsupported(ts, self, "read1"); }
constexpr MethodSpec kBufferedMethods[] = {
    ATOLL_METHOD(bb_detach, "detach", "($self, /)", "Separate the raw stream."),
    ATOLL_METHOD(bb_read, "read", "($self, size=-1, /)", "Read up to size bytes."),
    ATOLL_METHOD(bb_read1, "read1", "($self, size=-1, /)", "Read with at most one call of the raw stream."),
    ATOLL_METHOD(bb_readinto, "readinto", "($self, buffer, /)", "Read into a buffer."),
    ATOLL_METHOD(bb_readinto1, "readinto1", "($self, buffer, /)", "Read into a buffer with at most one call of the raw stream."),
    ATOLL_METHOD(unsupported_write, "write", "($self, b, /)", "Write bytes."), ATOLL_METHOD_END};

// ---- _TextIOBase -------------------------------------------------------------------------------------------------

Ref<> t_readline(ThreadState& ts, PyObject* self, PyObject*) { return raise_unsupported(ts, self, "readline"); }
Ref<> t_none(ThreadState&, PyObject*) { return new_none(); }
constexpr MethodSpec kTextMethods[] = {
    ATOLL_METHOD(bb_detach, "detach", "($self, /)", "Separate the underlying buffer."),
    ATOLL_METHOD(bb_read, "read", "($self, size=-1, /)", "Read up to size characters."),
    ATOLL_METHOD(t_readline, "readline", "($self, size=-1, /)", "Read a line."),
    ATOLL_METHOD(unsupported_write, "write", "($self, s, /)", "Write a string."), ATOLL_METHOD_END};
constexpr PyGetSetDef kTextGetSet[] = {{"encoding", ATOLL_GETTER(t_none), nullptr, nullptr, nullptr},
                                       {"newlines", ATOLL_GETTER(t_none), nullptr, nullptr, nullptr},
                                       {"errors", ATOLL_GETTER(t_none), nullptr, nullptr, nullptr},
                                       ATOLL_GETSET_END};

}  // namespace

}  // namespace atl::io

using namespace atl;
ATOLL_SEALED PyTypeObject atoll_io_base_type = {};
ATOLL_SEALED PyTypeObject atoll_io_raw_base_type = {};
ATOLL_SEALED PyTypeObject atoll_io_buffered_base_type = {};
ATOLL_SEALED PyTypeObject atoll_io_text_base_type = {};

namespace atl {
using namespace io;

constinit const TypeSpec io_base_spec{
    .name = "_io._IOBase",
    .doc = "What all streams have in common: position, lines, closing. Streams are iterators over lines and context managers.",
    .basicsize = sizeof(BaseObject),
    .flags = kFlags,
    .base = nullptr,
    .dealloc = b_dealloc,
    .traverse = b_traverse,
    .clear = b_clear,
    .finalize = ATOLL_SLOT(b_finalize),
    .iter = ATOLL_SLOT(b_iter),
    .iternext = ATOLL_SLOT(b_iternext),
    .new_ = PyType_GenericNew,
    .weaklist_offset = offsetof(BaseObject, weakrefs),
    .dict_offset = offsetof(BaseObject, dict),
    .methods = kBaseMethods,
    .getset = kBaseGetSet,
};
constinit const TypeSpec io_raw_base_spec{
    .name = "_io._RawIOBase",
    .doc = "Streams of bytes without a buffer: one system call for each operation.",
    .basicsize = sizeof(BaseObject),
    .flags = kFlags,
    .base = &atoll_io_base_type,
    .dealloc = b_dealloc,
    .traverse = b_traverse,
    .clear = b_clear,
    .weaklist_offset = offsetof(BaseObject, weakrefs),
    .dict_offset = offsetof(BaseObject, dict),
    .methods = kRawMethods,
};
constinit const TypeSpec io_buffered_base_spec{
    .name = "_io._BufferedIOBase",
    .doc = "Streams of bytes with a buffer: reads return what was asked for, if it is there.",
    .basicsize = sizeof(BaseObject),
    .flags = kFlags,
    .base = &atoll_io_base_type,
    .dealloc = b_dealloc,
    .traverse = b_traverse,
    .clear = b_clear,
    .weaklist_offset = offsetof(BaseObject, weakrefs),
    .dict_offset = offsetof(BaseObject, dict),
    .methods = kBufferedMethods,
};
constinit const TypeSpec io_text_base_spec{
    .name = "_io._TextIOBase",
    .doc = "Streams of characters.",
    .basicsize = sizeof(BaseObject),
    .flags = kFlags,
    .base = &atoll_io_base_type,
    .dealloc = b_dealloc,
    .traverse = b_traverse,
    .clear = b_clear,
    .weaklist_offset = offsetof(BaseObject, weakrefs),
    .dict_offset = offsetof(BaseObject, dict),
    .methods = kTextMethods,
    .getset = kTextGetSet,
};

}  // namespace atl
