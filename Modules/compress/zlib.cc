// zlib: compression, decompression and checksums by libz.
#include <zlib.h>

#include "Modules/compress/stream.h"

namespace atl::compress {

namespace {

constexpr int kMemoryLevel = 8;
constexpr Py_ssize_t kBufferSize = 16384;

struct State {
  PyTypeObject* compress_type;
  PyTypeObject* decompress_type;
  PyObject* error;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

// Feeds a stream, whose counters are 32 bits wide, from a longer input.
class Feeder {
 public:
  Feeder(z_stream& z, const uint8_t* data, size_t n) : z_(z), left_(n) {
    z.next_in = const_cast<Bytef*>(data);
    z.avail_in = 0;
    refill();
  }
  // Gives the stream its next piece, once it has taken the last one.
  void refill() {
    if (z_.avail_in != 0) return;
    size_t n = left_ < UINT_MAX ? left_ : UINT_MAX;
    z_.avail_in = static_cast<uInt>(n);
    left_ -= n;
  }
  bool piece_is_last() const { return left_ == 0; }
  size_t unused() const { return left_ + z_.avail_in; }

 private:
  z_stream& z_;
  size_t left_;  // beyond the piece that the stream has
};

Raised stream_error(ThreadState& ts, PyObject* type, const z_stream& z, int code, const char* doing) {
  const char* detail = z.msg;
  if (detail == nullptr) {
    switch (code) {
      case Z_BUF_ERROR:
        detail = "incomplete or truncated stream";
        break;
      case Z_STREAM_ERROR:
        detail = "inconsistent stream state";
        break;
      case Z_DATA_ERROR:
        detail = "invalid input data";
        break;
      case Z_VERSION_ERROR:
        detail = "library version mismatch";
        break;
    }
  }
  if (detail == nullptr) return raise(ts, type, "Error %d %s", code, doing);
  return raise(ts, type, "Error %d %s: %.200s", code, doing, detail);
}

// Runs `step` (deflate or inflate with a mode) until it has taken all input and has no more to give; its last code.
template <class F>
int pump(z_stream& z, Feeder& feeder, Output& out, F step) {
  int code = Z_OK;
  for (;;) {
    feeder.refill();
    char* at;
    size_t n;
    if (!out.room(&at, &n)) return code;
    z.next_out = reinterpret_cast<Bytef*>(at);
    z.avail_out = static_cast<uInt>(n);
    code = step(feeder.piece_is_last());
    out.used(n - z.avail_out);
    if (code != Z_OK && code != Z_BUF_ERROR) return code;
    // Room to spare means that nothing is held back.
    if (z.avail_out != 0 && feeder.unused() == 0) return code;
    if (code == Z_BUF_ERROR && z.avail_out != 0) return code;
  }
}

// ---- in one go ---------------------------------------------------------------------------------------------------

Ref<> f_compress(ThreadState& ts, PyObject* m, const BufferArg& data, PyObject* level_arg, PyObject* bits_arg) {
  int level = Z_DEFAULT_COMPRESSION, bits = MAX_WBITS;
  for (auto [given, to] : {std::pair{level_arg, &level}, std::pair{bits_arg, &bits}}) {
    if (given == nullptr) continue;
    Ref<> index = number_index(ts, given);
    if (!index) return {};
    *to = _PyLong_AsInt(index.get());
    if (error_set(ts)) return {};
  }
  z_stream z{};
  int code = deflateInit2(&z, level, Z_DEFLATED, bits, kMemoryLevel, Z_DEFAULT_STRATEGY);
  if (code == Z_MEM_ERROR) return raise(ts, PyExc_MemoryError, "Out of memory while compressing data");
  if (code == Z_STREAM_ERROR) return raise(ts, state_of(m)->error, "Bad compression level");
  if (code != Z_OK) {
    deflateEnd(&z);
    return stream_error(ts, state_of(m)->error, z, code, "while compressing data");
  }
  Output out(-1);
  PyThreadState* saved = PyEval_SaveThread();
  Feeder feeder(z, data.data(), static_cast<size_t>(data.size()));
  code = pump(z, feeder, out, [&](bool last) { return deflate(&z, last ? Z_FINISH : Z_NO_FLUSH); });
  PyEval_RestoreThread(saved);
  if (code == Z_STREAM_END) code = deflateEnd(&z);
  else deflateEnd(&z);
  return code == Z_OK ? out.bytes(ts) : Ref<>(stream_error(ts, state_of(m)->error, z, code, "while finishing compression"));
}

Ref<> f_decompress(ThreadState& ts, PyObject* m, const BufferArg& data, PyObject* bits_arg, PyObject* size_arg) {
  int bits = MAX_WBITS;
  Py_ssize_t size = kBufferSize;
  if (bits_arg != nullptr) {
    Ref<> index = number_index(ts, bits_arg);
    if (!index) return {};
    bits = _PyLong_AsInt(index.get());
    if (error_set(ts)) return {};
  }
  if (size_arg != nullptr && !take_ssize(ts, size_arg, &size)) return {};
  if (size < 0) return raise(ts, PyExc_ValueError, "bufsize must be non-negative");
  z_stream z{};
  int code = inflateInit2(&z, bits);
  if (code == Z_MEM_ERROR) return raise(ts, PyExc_MemoryError, "Out of memory while decompressing data");
  if (code != Z_OK) {
    inflateEnd(&z);
    return stream_error(ts, state_of(m)->error, z, code, "while preparing to decompress data");
  }
  Output out(-1, static_cast<size_t>(size == 0 ? 1 : size));
  PyThreadState* saved = PyEval_SaveThread();
  Feeder feeder(z, data.data(), static_cast<size_t>(data.size()));
  code = pump(z, feeder, out, [&](bool last) { return inflate(&z, last ? Z_FINISH : Z_NO_FLUSH); });
  PyEval_RestoreThread(saved);
  if (code == Z_MEM_ERROR) {
    inflateEnd(&z);
    return raise(ts, PyExc_MemoryError, "Out of memory while decompressing data");
  }
  Ref<> result;
  if (code != Z_STREAM_END) {
    if (code == Z_OK) code = Z_BUF_ERROR;
    (void)stream_error(ts, state_of(m)->error, z, code, "while decompressing data");
  } else {
    result = out.bytes(ts);
  }
  inflateEnd(&z);
  return result;
}

// ---- Compress and Decompress -------------------------------------------------------------------------------------

struct Stream {
  PyObject ob_base;
  z_stream z;
  PyObject* unused_data;
  PyObject* unconsumed_tail;
  PyObject* dictionary;  // or NULL
  PyObject* error;       // zlib.error
  char eof;
  bool live;  // the library's state exists
  bool deflates;
  std::mutex lock;
};
Stream* as_stream(PyObject* o) { return reinterpret_cast<Stream*>(o); }

Ref<> new_stream(ThreadState& ts, PyTypeObject* type, PyObject* error, bool deflates) {
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Stream* s = as_stream(o.get());
  new (&s->lock) std::mutex;
  s->error = new_ref(error);
  s->deflates = deflates;
  s->unused_data = bytes_from(ts, {}).release();
  s->unconsumed_tail = bytes_from(ts, {}).release();
  return s->unconsumed_tail != nullptr ? std::move(o) : Ref<>();
}
int end_stream(Stream* s) {
  if (!s->live) return Z_OK;
  s->live = false;
  return s->deflates ? deflateEnd(&s->z) : inflateEnd(&s->z);
}
void stream_dealloc(PyObject* o) {
  Stream* s = as_stream(o);
  end_stream(s);
  clear_field(s->unused_data);
  clear_field(s->unconsumed_tail);
  clear_field(s->dictionary);
  clear_field(s->error);
  s->lock.~mutex();
  heap_instance_free(o);
}

Ref<> f_compressobj(ThreadState& ts, PyObject* m, PyObject* level_arg, PyObject* method_arg, PyObject* bits_arg, PyObject* memory_arg,
                    PyObject* strategy_arg, PyObject* dictionary) {
  int numbers[5] = {Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS, kMemoryLevel, Z_DEFAULT_STRATEGY};
  int i = 0;
  for (PyObject* given : {level_arg, method_arg, bits_arg, memory_arg, strategy_arg}) {
    if (given != nullptr) {
      Ref<> index = number_index(ts, given);
      if (!index) return {};
      numbers[i] = _PyLong_AsInt(index.get());
      if (error_set(ts)) return {};
    }
    ++i;
  }
  BufferArg words;
  if (dictionary != nullptr && PyObject_GetBuffer(dictionary, &words.view, PyBUF_SIMPLE) < 0) return {};
  if (words.size() > UINT_MAX) return raise(ts, PyExc_OverflowError, "zdict length does not fit in an unsigned int");
  Ref<> o = new_stream(ts, state_of(m)->compress_type, state_of(m)->error, true);
  if (!o) return {};
  Stream* s = as_stream(o.get());
  int code = deflateInit2(&s->z, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
  if (code == Z_MEM_ERROR) return raise(ts, PyExc_MemoryError, "Can't allocate memory for compression object");
  if (code == Z_STREAM_ERROR) return raise(ts, PyExc_ValueError, "Invalid initialization option");
  if (code != Z_OK) return stream_error(ts, s->error, s->z, code, "while creating compression object");
  s->live = true;
  if (dictionary != nullptr) {
    code = deflateSetDictionary(&s->z, words.data(), static_cast<uInt>(words.size()));
    if (code == Z_STREAM_ERROR) return raise(ts, PyExc_ValueError, "Invalid dictionary");
    if (code != Z_OK) return raise(ts, PyExc_ValueError, "deflateSetDictionary()");
  }
  return o;
}

int set_dictionary(Stream* s, const BufferArg& words) { return inflateSetDictionary(&s->z, words.data(), static_cast<uInt>(words.size())); }

Ref<> f_decompressobj(ThreadState& ts, PyObject* m, PyObject* bits_arg, PyObject* dictionary) {
  int bits = MAX_WBITS;
  if (bits_arg != nullptr) {
    Ref<> index = number_index(ts, bits_arg);
    if (!index) return {};
    bits = _PyLong_AsInt(index.get());
    if (error_set(ts)) return {};
  }
  if (dictionary != nullptr && !PyObject_CheckBuffer(dictionary)) {
    return raise(ts, PyExc_TypeError, "zdict argument must support the buffer protocol");
  }
  Ref<> o = new_stream(ts, state_of(m)->decompress_type, state_of(m)->error, false);
  if (!o) return {};
  Stream* s = as_stream(o.get());
  if (dictionary != nullptr) s->dictionary = new_ref(dictionary);
  int code = inflateInit2(&s->z, bits);
  if (code == Z_MEM_ERROR) return raise(ts, PyExc_MemoryError, "Can't allocate memory for decompression object");
  if (code == Z_STREAM_ERROR) return raise(ts, PyExc_ValueError, "Invalid initialization option");
  if (code != Z_OK) return stream_error(ts, s->error, s->z, code, "while creating decompression object");
  s->live = true;
  // A raw stream never asks for its dictionary.
  if (dictionary != nullptr && bits < 0) {
    BufferArg words;
    if (PyObject_GetBuffer(dictionary, &words.view, PyBUF_SIMPLE) < 0) return {};
    if (words.size() > UINT_MAX) return raise(ts, PyExc_OverflowError, "zdict length does not fit in an unsigned int");
    code = set_dictionary(s, words);
    if (code != Z_OK) return stream_error(ts, s->error, s->z, code, "while setting zdict");
  }
  return o;
}

Ref<> compress_compress(ThreadState& ts, Stream* s, const BufferArg& data) {
  Output out(-1);
  int code;
  {
    Unlocked scope(s->lock);
    Feeder feeder(s->z, data.data(), static_cast<size_t>(data.size()));
    code = pump(s->z, feeder, out, [&](bool) { return deflate(&s->z, Z_NO_FLUSH); });
  }
  if (code == Z_STREAM_ERROR) return stream_error(ts, s->error, s->z, code, "while compressing data");
  return out.bytes(ts);
}
Ref<> compress_flush(ThreadState& ts, Stream* s, PyObject* mode_arg) {
  int mode = Z_FINISH;
  if (mode_arg != nullptr) {
    Ref<> index = number_index(ts, mode_arg);
    if (!index) return {};
    mode = _PyLong_AsInt(index.get());
    if (error_set(ts)) return {};
  }
  // Nothing is flushed, and an empty compress() would be an error.
  if (mode == Z_NO_FLUSH) return bytes_from(ts, {});
  Output out(-1);
  int code;
  {
    Unlocked scope(s->lock);
    Feeder feeder(s->z, nullptr, 0);
    code = pump(s->z, feeder, out, [&](bool) { return deflate(&s->z, mode); });
    if (code == Z_STREAM_END && mode == Z_FINISH) {
      code = end_stream(s);
      if (code == Z_OK) code = Z_STREAM_END;
    }
  }
  if (code == Z_OK || code == Z_BUF_ERROR || code == Z_STREAM_END) return out.bytes(ts);
  return stream_error(ts, s->error, s->z, code, "while flushing");
}

// What input is left: behind the stream's end it is unused data, else it waits for the next call. `data` may be our own tail.
bool keep_rest(ThreadState& ts, Stream* s, const Feeder& feeder, const uint8_t* data, size_t n, bool ended) {
  size_t rest = feeder.unused();
  const char* at = reinterpret_cast<const char*>(data) + (n - rest);
  if (ended) {
    if (rest > 0) {
      size_t old = static_cast<size_t>(bytes_size(s->unused_data));
      Ref<> longer = bytes_new(ts, static_cast<Py_ssize_t>(old + rest));
      if (!longer) return false;
      std::memcpy(bytes_data(longer.get()), bytes_data(s->unused_data), old);
      std::memcpy(bytes_data(longer.get()) + old, at, rest);
      set_field(s->unused_data, std::move(longer));
    }
    rest = 0;
  }
  if (rest > 0 || bytes_size(s->unconsumed_tail) > 0) {
    Ref<> tail = bytes_from(ts, {at, rest});
    if (!tail) return false;
    set_field(s->unconsumed_tail, std::move(tail));
  }
  return true;
}

// The work of decompress() and flush(). kRaised: an exception is set.
enum class Inflated { kEnd, kMore, kFailed, kRaised };
Inflated run_inflate(ThreadState& ts, Stream* s, const uint8_t* data, size_t n, int last_mode, Output& out, int* code) {
  BufferArg words;
  if (s->dictionary != nullptr && PyObject_GetBuffer(s->dictionary, &words.view, PyBUF_SIMPLE) < 0) return Inflated::kRaised;
  bool bad_dictionary = false;
  Feeder* feeder;
  alignas(Feeder) char place[sizeof(Feeder)];
  {
    Unlocked scope(s->lock);
    feeder = new (place) Feeder(s->z, data, n);
    if (!s->live) {
      *code = Z_STREAM_END;  // flushed to its end before
    } else {
      *code = pump(s->z, *feeder, out, [&](bool last) {
        int r = inflate(&s->z, last ? last_mode : Z_SYNC_FLUSH);
        if (r != Z_NEED_DICT || s->dictionary == nullptr) return r;
        r = set_dictionary(s, words);
        bad_dictionary = r != Z_OK;
        return r;
      });
    }
  }
  if (bad_dictionary) {
    (void)stream_error(ts, s->error, s->z, *code, "while setting zdict");
    return Inflated::kRaised;
  }
  bool ended = *code == Z_STREAM_END;
  if (!keep_rest(ts, s, *feeder, data, n, ended)) return Inflated::kRaised;
  if (ended) {
    s->eof = 1;
    return Inflated::kEnd;
  }
  return *code == Z_OK || *code == Z_BUF_ERROR ? Inflated::kMore : Inflated::kFailed;
}
Ref<> decompress_decompress(ThreadState& ts, Stream* s, const BufferArg& data, Py_ssize_t max_length) {
  if (max_length < 0) return raise(ts, PyExc_ValueError, "max_length must be non-negative");
  Output out(max_length == 0 ? -1 : max_length);
  int code;
  switch (run_inflate(ts, s, data.data(), static_cast<size_t>(data.size()), Z_SYNC_FLUSH, out, &code)) {
    case Inflated::kRaised:
      return {};
    case Inflated::kFailed:
      return stream_error(ts, s->error, s->z, code, "while decompressing data");
    default:
      return out.bytes(ts);
  }
}
Ref<> decompress_flush(ThreadState& ts, Stream* s, PyObject* length_arg) {
  Py_ssize_t length = kBufferSize;
  if (length_arg != nullptr && !take_ssize(ts, length_arg, &length)) return {};
  if (length <= 0) return raise(ts, PyExc_ValueError, "length must be greater than zero");
  Ref<> tail = dup(s->unconsumed_tail);
  Output out(-1, static_cast<size_t>(length));
  int code;
  Inflated state = run_inflate(ts, s, reinterpret_cast<uint8_t*>(bytes_data(tail.get())), static_cast<size_t>(bytes_size(tail.get())), Z_FINISH, out, &code);
  if (state == Inflated::kRaised) return {};
  if (state == Inflated::kEnd) {
    Locked scope(s->lock);
    code = end_stream(s);
    if (code != Z_OK) return stream_error(ts, s->error, s->z, code, "while finishing decompression");
  }
  return out.bytes(ts);
}

Ref<> stream_copy(ThreadState& ts, Stream* s) {
  Ref<> o = new_stream(ts, s->ob_base.ob_type, s->error, s->deflates);
  if (!o) return {};
  Stream* t = as_stream(o.get());
  Locked scope(s->lock);
  int code = !s->live ? Z_STREAM_ERROR : s->deflates ? deflateCopy(&t->z, &s->z) : inflateCopy(&t->z, &s->z);
  const char* kind = s->deflates ? "compression" : "decompression";
  if (code == Z_STREAM_ERROR) return raise(ts, PyExc_ValueError, "Inconsistent stream state");
  if (code == Z_MEM_ERROR) return raise(ts, PyExc_MemoryError, "Can't allocate memory for %s object", kind);
  if (code != Z_OK) return stream_error(ts, s->error, s->z, code, s->deflates ? "while copying compression object" : "while copying decompression object");
  t->live = true;
  set_field(t->unused_data, dup(s->unused_data));
  set_field(t->unconsumed_tail, dup(s->unconsumed_tail));
  if (s->dictionary != nullptr) t->dictionary = new_ref(s->dictionary);
  t->eof = s->eof;
  return o;
}
Ref<> stream_deepcopy(ThreadState& ts, Stream* s, PyObject*) { return stream_copy(ts, s); }

// ---- checksums ---------------------------------------------------------------------------------------------------

template <uLong (*kSum)(uLong, const Bytef*, z_size_t)>
Ref<> checksum(ThreadState& ts, const BufferArg& data, PyObject* start, uint32_t value) {
  if (start != nullptr) {
    Ref<> index = number_index(ts, start);
    if (!index) return {};
    value = static_cast<uint32_t>(PyLong_AsUnsignedLongMask(index.get()));
    if (error_set(ts)) return {};
  }
  bool unlock = data.size() > 5 * 1024;
  PyThreadState* saved = unlock ? PyEval_SaveThread() : nullptr;
  uLong sum = kSum(value, data.data(), static_cast<z_size_t>(data.size()));
  if (unlock) PyEval_RestoreThread(saved);
  return int_from_i64(ts, static_cast<int64_t>(sum & 0xffffffff));
}
// libz takes a missing buffer as the wish for the start value.
uLong crc32_of(uLong start, const Bytef* data, z_size_t n) { return n == 0 ? start : crc32_z(start, data, n); }
uLong adler32_of(uLong start, const Bytef* data, z_size_t n) { return n == 0 ? start : adler32_z(start, data, n); }
Ref<> f_crc32(ThreadState& ts, PyObject*, const BufferArg& data, PyObject* start) { return checksum<crc32_of>(ts, data, start, 0); }
Ref<> f_adler32(ThreadState& ts, PyObject*, const BufferArg& data, PyObject* start) { return checksum<adler32_of>(ts, data, start, 1); }

// ---- the module --------------------------------------------------------------------------------------------------

constexpr MethodSpec kCompressMethods[] = {
    ATOLL_METHOD(compress_compress, "compress", "($self, data, /)",
                 "Returns a bytes object containing compressed data.\n\nWhat has been taken in need not have come out again before flush()."),
    ATOLL_METHOD(compress_flush, "flush", "($self, mode=zlib.Z_FINISH, /)",
                 "Return a bytes object containing any remaining compressed data.\n\nAfter Z_FINISH, the default, the object takes no more data."),
    ATOLL_METHOD(stream_copy, "copy", "($self, /)", "Return a copy of the compression object."),
    ATOLL_METHOD(stream_copy, "__copy__", "($self, /)", ""), ATOLL_METHOD(stream_deepcopy, "__deepcopy__", "($self, memo, /)", ""), ATOLL_METHOD_END};
constexpr MethodSpec kDecompressMethods[] = {
    ATOLL_METHOD(decompress_decompress, "decompress", "($self, data, /, max_length=0)",
                 "Return a bytes object containing the decompressed version of the data.\n\n"
                 "With max_length, input that would give more stays in unconsumed_tail."),
    ATOLL_METHOD(decompress_flush, "flush", "($self, length=zlib.DEF_BUF_SIZE, /)",
                 "Return a bytes object containing any remaining decompressed data.\n\nlength is the size that the buffer has at first."),
    ATOLL_METHOD(stream_copy, "copy", "($self, /)", "Return a copy of the decompression object."),
    ATOLL_METHOD(stream_copy, "__copy__", "($self, /)", ""), ATOLL_METHOD(stream_deepcopy, "__deepcopy__", "($self, memo, /)", ""), ATOLL_METHOD_END};
constexpr PyMemberDef kDecompressMembers[] = {{"unused_data", T_OBJECT, offsetof(Stream, unused_data), READONLY, nullptr},
                                              {"unconsumed_tail", T_OBJECT, offsetof(Stream, unconsumed_tail), READONLY, nullptr},
                                              {"eof", T_BOOL, offsetof(Stream, eof), READONLY, nullptr},
                                              {}};

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_adler32, "adler32", "($module, data, value=1, /)", "Compute an Adler-32 checksum of data, going on from a given one."),
    ATOLL_METHOD(f_compress, "compress", "($module, data, /, level=Z_DEFAULT_COMPRESSION, wbits=MAX_WBITS)",
                 "Returns a bytes object containing compressed data.\n\nThe level goes from 0 to 9, or is -1; wbits gives the window's size and the format."),
    ATOLL_METHOD(f_compressobj, "compressobj",
                 "($module, /, level=Z_DEFAULT_COMPRESSION, method=DEFLATED,\n            wbits=MAX_WBITS, memLevel=DEF_MEM_LEVEL,\n"
                 "            strategy=Z_DEFAULT_STRATEGY, zdict=None)",
                 "Return a compressor object.\n\nzdict holds what is likely to occur in the data, the likeliest last."),
    ATOLL_METHOD(f_crc32, "crc32", "($module, data, value=0, /)", "Compute a CRC-32 checksum of data, going on from a given one."),
    ATOLL_METHOD(f_decompress, "decompress", "($module, data, /, wbits=MAX_WBITS, bufsize=DEF_BUF_SIZE)",
                 "Returns a bytes object containing the uncompressed data.\n\nbufsize is the size that the buffer has at first."),
    ATOLL_METHOD(f_decompressobj, "decompressobj", "($module, /, wbits=MAX_WBITS, zdict=b'')",
                 "Return a decompressor object.\n\nzdict must be the one that the data was compressed with."),
    ATOLL_METHOD_END};

PyTypeObject* make_type(PyObject* m, const char* name, const MethodSpec* methods, const PyMemberDef* members) {
  PyType_Slot slots[4] = {{Py_tp_dealloc, reinterpret_cast<void*>(stream_dealloc)}, {Py_tp_methods, const_cast<MethodSpec*>(methods)}, {0, nullptr}, {0, nullptr}};
  if (members != nullptr) slots[2] = {Py_tp_members, const_cast<PyMemberDef*>(members)};
  PyType_Spec spec{name, sizeof(Stream), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return heap_type(m, spec);
}

constexpr IntConstant kConstants[] = {{"MAX_WBITS", MAX_WBITS},
                                      {"DEFLATED", Z_DEFLATED},
                                      {"DEF_MEM_LEVEL", kMemoryLevel},
                                      {"DEF_BUF_SIZE", kBufferSize},
                                      {"Z_NO_COMPRESSION", Z_NO_COMPRESSION},
                                      {"Z_BEST_SPEED", Z_BEST_SPEED},
                                      {"Z_BEST_COMPRESSION", Z_BEST_COMPRESSION},
                                      {"Z_DEFAULT_COMPRESSION", Z_DEFAULT_COMPRESSION},
                                      {"Z_FILTERED", Z_FILTERED},
                                      {"Z_HUFFMAN_ONLY", Z_HUFFMAN_ONLY},
                                      {"Z_RLE", Z_RLE},
                                      {"Z_FIXED", Z_FIXED},
                                      {"Z_DEFAULT_STRATEGY", Z_DEFAULT_STRATEGY},
                                      {"Z_NO_FLUSH", Z_NO_FLUSH},
                                      {"Z_PARTIAL_FLUSH", Z_PARTIAL_FLUSH},
                                      {"Z_SYNC_FLUSH", Z_SYNC_FLUSH},
                                      {"Z_FULL_FLUSH", Z_FULL_FLUSH},
                                      {"Z_FINISH", Z_FINISH},
                                      {"Z_BLOCK", Z_BLOCK},
                                      {"Z_TREES", Z_TREES}};

int exec(PyObject* m) {
  State* s = state_of(m);
  s->compress_type = make_type(m, "zlib.Compress", kCompressMethods, nullptr);
  s->decompress_type = s->compress_type != nullptr ? make_type(m, "zlib.Decompress", kDecompressMethods, kDecompressMembers) : nullptr;
  if (s->decompress_type == nullptr) return -1;
  s->error = PyErr_NewException("zlib.error", nullptr, nullptr);
  if (s->error == nullptr || PyModule_AddObjectRef(m, "error", s->error) < 0 || add_int_constants(m, kConstants) < 0) return -1;
  if (PyModule_AddStringConstant(m, "ZLIB_VERSION", ZLIB_VERSION) < 0 || PyModule_AddStringConstant(m, "ZLIB_RUNTIME_VERSION", zlibVersion()) < 0) return -1;
  return PyModule_AddStringConstant(m, "__version__", "1.0");
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  State* s = state_of(m);
  Py_VISIT(obj(s->compress_type));
  Py_VISIT(obj(s->decompress_type));
  Py_VISIT(s->error);
  return 0;
}
int clear(PyObject* m) {
  State* s = state_of(m);
  clear_field(s->compress_type);
  clear_field(s->decompress_type);
  clear_field(s->error);
  return 0;
}

}  // namespace

}  // namespace atl::compress

ATOLL_BUILTIN_MODULE_GC(PyInit_zlib, "zlib",
                        "Compression and decompression by the zlib library, whose format is GNU zip's.\n\n"
                        "compress() and decompress() work in one go; compressobj() and decompressobj() give objects that take data in pieces;\n"
                        "adler32() and crc32() are checksums. 'wbits' is the window's size and the container format.",
                        sizeof(atl::compress::State), atl::compress::kFunctions, atl::compress::exec, atl::compress::traverse, atl::compress::clear, nullptr)
