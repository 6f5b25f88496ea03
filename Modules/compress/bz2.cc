// _bz2: compression and decompression by libbz2.
#include <bzlib.h>

#include "Modules/compress/stream.h"

namespace atl::compress {

namespace {

Status check(ThreadState& ts, int code) {
  switch (code) {
    case BZ_OK:
    case BZ_RUN_OK:
    case BZ_FLUSH_OK:
    case BZ_FINISH_OK:
    case BZ_STREAM_END:
      return Status::kOk;
    case BZ_PARAM_ERROR:
      return raise(ts, PyExc_ValueError, "Internal error - invalid parameters passed to libbzip2");
    case BZ_MEM_ERROR:
      return raise_memory(ts);
    case BZ_DATA_ERROR:
    case BZ_DATA_ERROR_MAGIC:
      return raise(ts, PyExc_OSError, "Invalid data stream");
    case BZ_IO_ERROR:
      return raise(ts, PyExc_OSError, "Unknown I/O error");
    case BZ_UNEXPECTED_EOF:
      return raise(ts, PyExc_EOFError, "Compressed file ended before the logical end-of-stream was detected");
    case BZ_SEQUENCE_ERROR:
      return raise(ts, PyExc_RuntimeError, "Internal error - Invalid sequence of commands sent to libbzip2");
    default:
      return raise(ts, PyExc_OSError, "Unrecognized error from libbzip2: %d", code);
  }
}

// ---- BZ2Compressor -----------------------------------------------------------------------------------------------

struct Compressor {
  PyObject ob_base;
  bz_stream z;
  bool live, flushed;
  std::mutex lock;
};
Compressor* as_compressor(PyObject* o) { return reinterpret_cast<Compressor*>(o); }

Ref<> compressor_new(ThreadState& ts, PyTypeObject* type, PyObject* level_arg) {
  int level = 9;
  if (level_arg != nullptr) {
    Ref<> index = number_index(ts, level_arg);
    if (!index) return {};
    level = _PyLong_AsInt(index.get());
    if (error_set(ts)) return {};
  }
  if (level < 1 || level > 9) return raise(ts, PyExc_ValueError, "compresslevel must be between 1 and 9");
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Compressor* c = as_compressor(o.get());
  new (&c->lock) std::mutex;
  if (failed(check(ts, BZ2_bzCompressInit(&c->z, level, 0, 0)))) return {};
  c->live = true;
  return o;
}
void compressor_dealloc(PyObject* o) {
  Compressor* c = as_compressor(o);
  if (c->live) BZ2_bzCompressEnd(&c->z);
  c->lock.~mutex();
  heap_instance_free(o);
}

int run_compress(bz_stream& z, const uint8_t* data, size_t left, int action, Output& out) {
  z.next_in = reinterpret_cast<char*>(const_cast<uint8_t*>(data));
  z.avail_in = 0;
  for (;;) {
    if (z.avail_in == 0 && left > 0) {
      z.avail_in = static_cast<unsigned>(left < UINT_MAX ? left : UINT_MAX);
      left -= z.avail_in;
    }
    // Running without input is an error for the library.
    if (action == BZ_RUN && z.avail_in == 0) return BZ_OK;
    char* at;
    size_t n;
    out.room(&at, &n);
    z.next_out = at;
    z.avail_out = static_cast<unsigned>(n);
    int code = BZ2_bzCompress(&z, action);
    out.used(n - z.avail_out);
    if (code < 0 || code == BZ_STREAM_END) return code;
  }
}
Ref<> compressor_compress(ThreadState& ts, Compressor* c, const BufferArg& data) {
  Output out(-1);
  int code;
  {
    Unlocked scope(c->lock);
    code = c->flushed ? 1000 : run_compress(c->z, data.data(), static_cast<size_t>(data.size()), BZ_RUN, out);
  }
  if (code == 1000) return raise(ts, PyExc_ValueError, "Compressor has been flushed");
  return failed(check(ts, code)) ? Ref<>() : out.bytes(ts);
}
Ref<> compressor_flush(ThreadState& ts, Compressor* c) {
  Output out(-1);
  int code;
  {
    Unlocked scope(c->lock);
    code = c->flushed ? 1000 : run_compress(c->z, nullptr, 0, BZ_FINISH, out);
    c->flushed = true;
  }
  if (code == 1000) return raise(ts, PyExc_ValueError, "Repeated call to flush()");
  return failed(check(ts, code)) ? Ref<>() : out.bytes(ts);
}

// ---- BZ2Decompressor ---------------------------------------------------------------------------------------------

struct Decompressor {
  PyObject ob_base;
  bz_stream z;
  PyObject* unused_data;
  char eof, needs_input;
  bool live;
  std::vector<uint8_t> rest;  // input of earlier calls, not yet taken
  std::mutex lock;
};
Decompressor* as_decompressor(PyObject* o) { return reinterpret_cast<Decompressor*>(o); }

Ref<> decompressor_new(ThreadState& ts, PyTypeObject* type) {
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Decompressor* d = as_decompressor(o.get());
  new (&d->lock) std::mutex;
  new (&d->rest) std::vector<uint8_t>;
  d->needs_input = 1;
  d->unused_data = bytes_from(ts, {}).release();
  if (d->unused_data == nullptr || failed(check(ts, BZ2_bzDecompressInit(&d->z, 0, 0)))) return {};
  d->live = true;
  return o;
}
void decompressor_dealloc(PyObject* o) {
  Decompressor* d = as_decompressor(o);
  if (d->live) BZ2_bzDecompressEnd(&d->z);
  clear_field(d->unused_data);
  d->rest.~vector();
  d->lock.~mutex();
  heap_instance_free(o);
}

int run_decompress(bz_stream& z, const uint8_t* data, size_t* left, Output& out) {
  z.next_in = reinterpret_cast<char*>(const_cast<uint8_t*>(data));
  z.avail_in = 0;
  for (;;) {
    if (z.avail_in == 0 && *left > 0) {
      z.avail_in = static_cast<unsigned>(*left < UINT_MAX ? *left : UINT_MAX);
      *left -= z.avail_in;
    }
    char* at;
    size_t n;
    int code = BZ_OK;
    bool room = out.room(&at, &n);
    if (room) {
      z.next_out = at;
      z.avail_out = static_cast<unsigned>(n);
      code = BZ2_bzDecompress(&z);
      out.used(n - z.avail_out);
    }
    if (!room || code != BZ_OK || (z.avail_in == 0 && *left == 0 && z.avail_out != 0)) {
      *left += z.avail_in;
      return code;
    }
  }
}
Ref<> decompressor_decompress(ThreadState& ts, Decompressor* d, const BufferArg& data, Py_ssize_t max_length) {
  Locked whole(d->lock);
  if (d->eof) return raise(ts, PyExc_EOFError, "End of stream already reached");
  const uint8_t* from = data.data();
  auto n = static_cast<size_t>(data.size());
  std::vector<uint8_t> joined;
  if (!d->rest.empty()) {
    joined.swap(d->rest);
    joined.insert(joined.end(), from, from + n);
    from = joined.data();
    n = joined.size();
  }
  Output out(max_length);
  size_t left = n;
  PyThreadState* saved = PyEval_SaveThread();
  int code = run_decompress(d->z, from, &left, out);
  PyEval_RestoreThread(saved);
  if (failed(check(ts, code))) return {};
  const uint8_t* rest = from + (n - left);
  if (code == BZ_STREAM_END) {
    d->eof = 1;
    d->needs_input = 0;
    Ref<> unused = bytes_from(ts, {reinterpret_cast<const char*>(rest), left});
    if (!unused) return {};
    set_field(d->unused_data, std::move(unused));
  } else {
    // With no input left there may still be output that max_length held back.
    d->needs_input = left == 0 && !out.full();
    d->rest.assign(rest, rest + left);
  }
  return out.bytes(ts);
}

constexpr MethodSpec kCompressorMethods[] = {
    ATOLL_METHOD(compressor_compress, "compress", "($self, data, /)",
                 "Provide data to the compressor object.\n\nReturns a chunk of compressed data if possible, or b'' otherwise."),
    ATOLL_METHOD(compressor_flush, "flush", "($self, /)", "Finish the compression process.\n\nReturns what is left; the object takes no more data."),
    ATOLL_METHOD_END};
constexpr MethodSpec kDecompressorMethods[] = {
    ATOLL_METHOD(decompressor_decompress, "decompress", "($self, /, data, max_length=-1)",
                 "Decompress *data*, returning uncompressed data as bytes.\n\n"
                 "At most max_length bytes, where that is not negative; needs_input tells whether the next call needs data. What follows the\n"
                 "stream's end is in unused_data."),
    ATOLL_METHOD_END};
constexpr PyMemberDef kDecompressorMembers[] = {
    {"eof", T_BOOL, offsetof(Decompressor, eof), READONLY, "True if the end-of-stream marker has been reached."},
    {"unused_data", T_OBJECT_EX, offsetof(Decompressor, unused_data), READONLY, "Data found after the end of the compressed stream."},
    {"needs_input", T_BOOL, offsetof(Decompressor, needs_input), READONLY, "True if more input is needed before more decompressed data can be produced."},
    {}};

int add_type(PyObject* m, PyType_Spec& spec) {
  PyTypeObject* type = heap_type(m, spec);
  if (type == nullptr) return -1;
  int r = PyModule_AddType(m, type);
  Py_DECREF(type);
  return r;
}
int exec(PyObject* m) {
  PyType_Slot compressor[] = {{Py_tp_dealloc, reinterpret_cast<void*>(compressor_dealloc)},
                              {Py_tp_methods, const_cast<MethodSpec*>(kCompressorMethods)},
                              {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(compressor_new, "BZ2Compressor", "(compresslevel=9, /)"))},
                              {Py_tp_doc, const_cast<char*>("BZ2Compressor(compresslevel=9, /)\n--\n\nCreate a compressor object for compressing data incrementally.\n\n"
                                                            "  compresslevel\n    Compression level, as a number between 1 and 9.\n\n"
                                                            "For one-shot compression, use the compress() function instead.")},
                              {0, nullptr}};
  PyType_Spec compressor_spec{"_bz2.BZ2Compressor", sizeof(Compressor), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, compressor};
  PyType_Slot decompressor[] = {{Py_tp_dealloc, reinterpret_cast<void*>(decompressor_dealloc)},
                                {Py_tp_methods, const_cast<MethodSpec*>(kDecompressorMethods)},
                                {Py_tp_members, const_cast<PyMemberDef*>(kDecompressorMembers)},
                                {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(decompressor_new, "BZ2Decompressor", "()"))},
                                {Py_tp_doc, const_cast<char*>("BZ2Decompressor()\n--\n\nCreate a decompressor object for decompressing data incrementally.\n\n"
                                                              "For one-shot decompression, use the decompress() function instead.")},
                                {0, nullptr}};
  PyType_Spec decompressor_spec{"_bz2.BZ2Decompressor", sizeof(Decompressor), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, decompressor};
  return add_type(m, compressor_spec) < 0 ? -1 : add_type(m, decompressor_spec);
}

constexpr MethodSpec kNone[] = {ATOLL_METHOD_END};

}  // namespace

}  // namespace atl::compress

ATOLL_BUILTIN_MODULE(PyInit__bz2, "_bz2", nullptr, 0, atl::compress::kNone, atl::compress::exec)
