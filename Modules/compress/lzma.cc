// _lzma: compression and decompression by liblzma.
#include <lzma.h>

#include "Modules/compress/stream.h"
#include "Objects/dict/dict.h"

namespace atl::compress {

namespace {

enum Format { kAuto, kXz, kAlone, kRaw };
constexpr int kUnknownCheck = LZMA_CHECK_ID_MAX + 1;

struct State {
  PyTypeObject* compressor_type;
  PyTypeObject* decompressor_type;
  PyObject* error;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }
extern PyModuleDef g_definition;
State* state_of_type(PyTypeObject* type) {
  PyObject* m = PyType_GetModuleByDef(type, &g_definition);
  return m != nullptr ? state_of(m) : nullptr;
}

Status check(ThreadState& ts, PyObject* error, lzma_ret code) {
  const char* text;
  switch (code) {
    case LZMA_OK:
    case LZMA_GET_CHECK:
    case LZMA_NO_CHECK:
    case LZMA_STREAM_END:
      return Status::kOk;
    case LZMA_UNSUPPORTED_CHECK:
      text = "Unsupported integrity check";
      break;
    case LZMA_MEM_ERROR:
      return raise_memory(ts);
    case LZMA_MEMLIMIT_ERROR:
      text = "Memory usage limit exceeded";
      break;
    case LZMA_FORMAT_ERROR:
      text = "Input format not supported by decoder";
      break;
    case LZMA_OPTIONS_ERROR:
      text = "Invalid or unsupported options";
      break;
    case LZMA_DATA_ERROR:
      text = "Corrupt input data";
      break;
    case LZMA_BUF_ERROR:
      text = "Insufficient buffer space";
      break;
    case LZMA_PROG_ERROR:
      text = "Internal error";
      break;
    default:
      return raise(ts, error, "Unrecognized error from liblzma: %d", static_cast<int>(code));
  }
  return raise(ts, error, "%s", text);
}

// ---- filters -----------------------------------------------------------------------------------------------------

Status as_u64(ThreadState& ts, PyObject* o, uint64_t* out) {
  *out = PyLong_AsUnsignedLongLong(o);
  return error_set(ts) ? Status::kError : Status::kOk;
}
Status as_u32(ThreadState& ts, PyObject* o, uint32_t* out) {
  uint64_t v;
  if (failed(as_u64(ts, o, &v))) return Status::kError;
  if (v > UINT32_MAX) return raise(ts, PyExc_OverflowError, "Value too large for uint32_t type");
  *out = static_cast<uint32_t>(v);
  return Status::kOk;
}

// What a filter's dict may say: each option with the place of its value.
struct Option {
  const char* name;
  uint32_t* to;
};
// Reads the options of a specifier. kFalse: it holds a key that is none of them.
Tri read_options(ThreadState& ts, PyObject* spec, const Option* options, size_t n) {
  Ref<> items = Ref<>::steal(PyMapping_Items(spec));
  if (!items) return Tri::kError;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* pair = PyList_GET_ITEM(items.get(), i);
    if (!is_tuple(pair) || tuple_size(pair) != 2 || !is_str(tuple_peek(pair, 0))) return Tri::kFalse;
    const char* key = PyUnicode_AsUTF8(tuple_peek(pair, 0));
    if (key == nullptr) return Tri::kError;
    if (std::strcmp(key, "id") == 0) continue;
    bool known = false;
    for (size_t k = 0; k < n; ++k) {
      if (std::strcmp(options[k].name, key) != 0) continue;
      known = true;
      if (options[k].to != nullptr && failed(as_u32(ts, tuple_peek(pair, 1), options[k].to))) {
        error_clear(ts);  // whatever it was: the specifier is invalid
        return Tri::kFalse;
      }
    }
    if (!known) return Tri::kFalse;
  }
  return Tri::kTrue;
}

// A chain of filters with their options.
class Filters {
 public:
  Filters() {
    for (lzma_filter& f : chain_) f = {LZMA_VLI_UNKNOWN, nullptr};
  }
  Filters(const Filters&) = delete;
  Filters& operator=(const Filters&) = delete;
  ~Filters() {
    for (lzma_filter& f : chain_) PyMem_Free(f.options);
  }
  lzma_filter* chain() { return chain_; }

  Status read(ThreadState& ts, PyObject* error, PyObject* specs) {
    Py_ssize_t n = PySequence_Length(specs);
    if (n < 0) return Status::kError;
    if (n > LZMA_FILTERS_MAX) return raise(ts, PyExc_ValueError, "Too many filters - liblzma supports a maximum of %d", LZMA_FILTERS_MAX);
    for (Py_ssize_t i = 0; i < n; ++i) {
      Ref<> spec = Ref<>::steal(PySequence_GetItem(specs, i));
      if (!spec || failed(read_one(ts, error, spec.get(), &chain_[i]))) return Status::kError;
    }
    return Status::kOk;
  }
  static Status read_one(ThreadState& ts, PyObject* error, PyObject* spec, lzma_filter* out) {
    if (!PyMapping_Check(spec)) return raise(ts, PyExc_TypeError, "Filter specifier must be a dict or dict-like object");
    Ref<> id = Ref<>::steal(PyMapping_GetItemString(spec, "id"));
    if (!id) {
      if (error_clear_if(ts, PyExc_KeyError)) return raise(ts, PyExc_ValueError, "Filter specifier must have an \"id\" entry");
      return Status::kError;
    }
    uint64_t number;
    if (failed(as_u64(ts, id.get(), &number))) return Status::kError;
    switch (number) {
      case LZMA_FILTER_LZMA1:
      case LZMA_FILTER_LZMA2:
        out->options = read_lzma(ts, error, spec);
        break;
      case LZMA_FILTER_DELTA:
        out->options = read_delta(ts, spec);
        break;
      case LZMA_FILTER_X86:
      case LZMA_FILTER_POWERPC:
      case LZMA_FILTER_IA64:
      case LZMA_FILTER_ARM:
      case LZMA_FILTER_ARMTHUMB:
      case LZMA_FILTER_SPARC:
        out->options = read_bcj(ts, spec);
        break;
      default:
        return raise(ts, PyExc_ValueError, "Invalid filter ID: %llu", static_cast<unsigned long long>(number));
    }
    if (out->options == nullptr) return Status::kError;
    out->id = number;
    return Status::kOk;
  }

 private:
  template <class T>
  static T* allocate(ThreadState& ts) {
    auto* p = static_cast<T*>(PyMem_Calloc(1, sizeof(T)));
    if (p == nullptr) (void)raise_memory(ts);
    return p;
  }
  static void* finish(ThreadState& ts, void* options, Tri read, const char* message) {
    if (read == Tri::kTrue) return options;
    PyMem_Free(options);
    if (read == Tri::kFalse) (void)raise(ts, PyExc_ValueError, "%s", message);
    return nullptr;
  }
  static void* read_lzma(ThreadState& ts, PyObject* error, PyObject* spec) {
    uint32_t preset = LZMA_PRESET_DEFAULT;
    Ref<> given = Ref<>::steal(PyMapping_GetItemString(spec, "preset"));
    if (!given && !error_clear_if(ts, PyExc_KeyError)) return nullptr;
    if (given && failed(as_u32(ts, given.get(), &preset))) return nullptr;
    auto* o = allocate<lzma_options_lzma>(ts);
    if (o == nullptr) return nullptr;
    if (lzma_lzma_preset(o, preset)) {
      PyMem_Free(o);
      return raise(ts, error, "Invalid compression preset: %u", preset);
    }
    uint32_t mode = o->mode, finder = o->mf;
    const Option options[] = {{"preset", nullptr}, {"dict_size", &o->dict_size}, {"lc", &o->lc},   {"lp", &o->lp},      {"pb", &o->pb},
                              {"mode", &mode},     {"nice_len", &o->nice_len},   {"mf", &finder}, {"depth", &o->depth}};
    Tri read = read_options(ts, spec, options, std::size(options));
    o->mode = static_cast<lzma_mode>(mode);
    o->mf = static_cast<lzma_match_finder>(finder);
    return finish(ts, o, read, "Invalid filter specifier for LZMA filter");
  }
  static void* read_delta(ThreadState& ts, PyObject* spec) {
    auto* o = allocate<lzma_options_delta>(ts);
    if (o == nullptr) return nullptr;
    o->type = LZMA_DELTA_TYPE_BYTE;
    o->dist = 1;
    const Option options[] = {{"dist", &o->dist}};
    return finish(ts, o, read_options(ts, spec, options, 1), "Invalid filter specifier for delta filter");
  }
  static void* read_bcj(ThreadState& ts, PyObject* spec) {
    auto* o = allocate<lzma_options_bcj>(ts);
    if (o == nullptr) return nullptr;
    const Option options[] = {{"start_offset", &o->start_offset}};
    return finish(ts, o, read_options(ts, spec, options, 1), "Invalid filter specifier for BCJ filter");
  }

  lzma_filter chain_[LZMA_FILTERS_MAX + 1];
};

// A filter as the dict that Filters reads.
Ref<> filter_to_python(ThreadState& ts, const lzma_filter& f) {
  Ref<> d = dict_new(ts);
  auto put = [&](const char* name, uint64_t value) {
    Ref<> number = int_from_u64(ts, value);
    if (d && (!number || PyDict_SetItemString(d.get(), name, number.get()) < 0)) d = {};
  };
  put("id", f.id);
  switch (f.id) {
    case LZMA_FILTER_LZMA1: {
      auto* o = static_cast<lzma_options_lzma*>(f.options);
      put("dict_size", o->dict_size);
      put("lc", o->lc);
      put("lp", o->lp);
      put("pb", o->pb);
      break;
    }
    case LZMA_FILTER_LZMA2:
      put("dict_size", static_cast<lzma_options_lzma*>(f.options)->dict_size);
      break;
    case LZMA_FILTER_DELTA:
      put("dist", static_cast<lzma_options_delta*>(f.options)->dist);
      break;
    case LZMA_FILTER_X86:
    case LZMA_FILTER_POWERPC:
    case LZMA_FILTER_IA64:
    case LZMA_FILTER_ARM:
    case LZMA_FILTER_ARMTHUMB:
    case LZMA_FILTER_SPARC:
      if (f.options != nullptr) put("start_offset", static_cast<lzma_options_bcj*>(f.options)->start_offset);
      break;
    default:
      return raise(ts, PyExc_ValueError, "Invalid filter ID: %llu", static_cast<unsigned long long>(f.id));
  }
  return d;
}

// Runs a coder until its input is used up and nothing is held back, its end, or the output's limit.
lzma_ret pump(lzma_stream& z, const uint8_t* data, size_t n, lzma_action action, Output& out, char* check_seen) {
  z.next_in = data;
  z.avail_in = n;
  for (;;) {
    char* at;
    size_t room;
    if (!out.room(&at, &room)) return LZMA_OK;
    z.next_out = reinterpret_cast<uint8_t*>(at);
    z.avail_out = room;
    lzma_ret code = lzma_code(&z, action);
    out.used(room - z.avail_out);
    if (code == LZMA_BUF_ERROR && n == 0 && z.avail_out > 0) code = LZMA_OK;  // nothing to do is no error
    if (code == LZMA_GET_CHECK || code == LZMA_NO_CHECK) {
      *check_seen = 1;
      continue;
    }
    if (code != LZMA_OK) return code;
    if (z.avail_out != 0 && z.avail_in == 0 && action == LZMA_RUN) return LZMA_OK;
  }
}

// ---- LZMACompressor ----------------------------------------------------------------------------------------------

struct Compressor {
  PyObject ob_base;
  lzma_stream z;
  PyObject* error;
  bool flushed;
  std::mutex lock;
};
Compressor* as_compressor(PyObject* o) { return reinterpret_cast<Compressor*>(o); }

PyObject* compressor_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  as_compressor(o)->z = LZMA_STREAM_INIT;
  new (&as_compressor(o)->lock) std::mutex;
  return o;
}
void compressor_dealloc(PyObject* o) {
  lzma_end(&as_compressor(o)->z);
  clear_field(as_compressor(o)->error);
  as_compressor(o)->lock.~mutex();
  heap_instance_free(o);
}

Status compressor_init(ThreadState& ts, Compressor* c, PyObject* format_arg, PyObject* check_arg, PyObject* preset_arg, PyObject* filters_arg) {
  State* state = state_of_type(c->ob_base.ob_type);
  if (state == nullptr) return Status::kError;
  int format = kXz, check_id = -1;
  for (auto [given, to] : {std::pair{format_arg, &format}, std::pair{check_arg, &check_id}}) {
    if (given == nullptr) continue;
    Ref<> index = number_index(ts, given);
    if (!index) return Status::kError;
    *to = _PyLong_AsInt(index.get());
    if (error_set(ts)) return Status::kError;
  }
  bool has_preset = preset_arg != nullptr && preset_arg != Py_None;
  bool has_filters = filters_arg != nullptr && filters_arg != Py_None;
  if (has_preset && has_filters) return raise(ts, PyExc_ValueError, "Cannot specify both preset and filter chain");
  uint32_t preset = LZMA_PRESET_DEFAULT;
  if (has_preset && failed(as_u32(ts, preset_arg, &preset))) return Status::kError;
  if (format != kXz && check_id != -1 && check_id != LZMA_CHECK_NONE) {
    return raise(ts, PyExc_ValueError, "Integrity checks are only supported by FORMAT_XZ");
  }
  lzma_end(&c->z);
  c->z = LZMA_STREAM_INIT;
  c->flushed = false;
  set_field(c->error, dup(state->error));
  Filters filters;
  lzma_ret code;
  switch (format) {
    case kXz:
      if (check_id == -1) check_id = LZMA_CHECK_CRC64;
      if (has_filters) {
        if (failed(filters.read(ts, state->error, filters_arg))) return Status::kError;
        code = lzma_stream_encoder(&c->z, filters.chain(), static_cast<lzma_check>(check_id));
      } else {
        code = lzma_easy_encoder(&c->z, preset, static_cast<lzma_check>(check_id));
      }
      break;
    case kAlone:
      if (has_filters) {
        if (failed(filters.read(ts, state->error, filters_arg))) return Status::kError;
        lzma_filter* chain = filters.chain();
        if (chain[0].id != LZMA_FILTER_LZMA1 || chain[1].id != LZMA_VLI_UNKNOWN) {
          return raise(ts, PyExc_ValueError, "Invalid filter chain for FORMAT_ALONE - must be a single LZMA1 filter");
        }
        code = lzma_alone_encoder(&c->z, static_cast<lzma_options_lzma*>(chain[0].options));
      } else {
        lzma_options_lzma options;
        if (lzma_lzma_preset(&options, preset)) return raise(ts, state->error, "Invalid compression preset: %u", preset);
        code = lzma_alone_encoder(&c->z, &options);
      }
      break;
    case kRaw:
      if (!has_filters) return raise(ts, PyExc_ValueError, "Must specify filters for FORMAT_RAW");
      if (failed(filters.read(ts, state->error, filters_arg))) return Status::kError;
      code = lzma_raw_encoder(&c->z, filters.chain());
      break;
    default:
      return raise(ts, PyExc_ValueError, "Invalid container format: %d", format);
  }
  return check(ts, state->error, code);
}

Ref<> run_compressor(ThreadState& ts, Compressor* c, const uint8_t* data, size_t n, lzma_action action, const char* when_flushed) {
  Output out(-1);
  lzma_ret code = LZMA_OK;
  bool was_flushed;
  char unused;
  {
    Unlocked scope(c->lock);
    was_flushed = c->flushed;
    if (!was_flushed) {
      c->flushed = action == LZMA_FINISH;
      if (action == LZMA_FINISH || n > 0) code = pump(c->z, data, n, action, out, &unused);
    }
  }
  if (was_flushed) return raise(ts, PyExc_ValueError, "%s", when_flushed);
  PyObject* error = c->error != nullptr ? c->error : PyExc_ValueError;
  return failed(check(ts, error, code)) ? Ref<>() : out.bytes(ts);
}
Ref<> compressor_compress(ThreadState& ts, Compressor* c, const BufferArg& data) {
  return run_compressor(ts, c, data.data(), static_cast<size_t>(data.size()), LZMA_RUN, "Compressor has been flushed");
}
Ref<> compressor_flush(ThreadState& ts, Compressor* c) { return run_compressor(ts, c, nullptr, 0, LZMA_FINISH, "Repeated call to flush()"); }

// ---- LZMADecompressor --------------------------------------------------------------------------------------------

struct Decompressor {
  PyObject ob_base;
  lzma_stream z;
  PyObject* error;
  PyObject* unused_data;
  int check;
  char eof, needs_input;
  std::vector<uint8_t> rest;  // input of earlier calls, not yet taken
  std::mutex lock;
};
Decompressor* as_decompressor(PyObject* o) { return reinterpret_cast<Decompressor*>(o); }

void decompressor_dealloc(PyObject* o) {
  Decompressor* d = as_decompressor(o);
  lzma_end(&d->z);
  clear_field(d->error);
  clear_field(d->unused_data);
  d->rest.~vector();
  d->lock.~mutex();
  heap_instance_free(o);
}

Ref<> decompressor_new(ThreadState& ts, PyTypeObject* type, PyObject* format_arg, PyObject* limit_arg, PyObject* filters_arg) {
  State* state = state_of_type(type);
  if (state == nullptr) return {};
  int format = kAuto;
  if (format_arg != nullptr) {
    Ref<> index = number_index(ts, format_arg);
    if (!index) return {};
    format = _PyLong_AsInt(index.get());
    if (error_set(ts)) return {};
  }
  uint64_t limit = UINT64_MAX;
  if (limit_arg != nullptr && limit_arg != Py_None) {
    if (format == kRaw) return raise(ts, PyExc_ValueError, "Cannot specify memory limit with FORMAT_RAW");
    if (failed(as_u64(ts, limit_arg, &limit))) return {};
  }
  bool has_filters = filters_arg != nullptr && filters_arg != Py_None;
  if (format == kRaw && !has_filters) return raise(ts, PyExc_ValueError, "Must specify filters for FORMAT_RAW");
  if (format != kRaw && has_filters) return raise(ts, PyExc_ValueError, "Cannot specify filters except with FORMAT_RAW");
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Decompressor* d = as_decompressor(o.get());
  d->z = LZMA_STREAM_INIT;
  new (&d->lock) std::mutex;
  new (&d->rest) std::vector<uint8_t>;
  d->check = kUnknownCheck;
  d->needs_input = 1;
  d->error = new_ref(state->error);
  d->unused_data = bytes_from(ts, {}).release();
  if (d->unused_data == nullptr) return {};
  constexpr uint32_t kFlags = LZMA_TELL_ANY_CHECK | LZMA_TELL_NO_CHECK;
  Filters filters;
  lzma_ret code;
  switch (format) {
    case kAuto:
      code = lzma_auto_decoder(&d->z, limit, kFlags);
      break;
    case kXz:
      code = lzma_stream_decoder(&d->z, limit, kFlags);
      break;
    case kAlone:
      d->check = LZMA_CHECK_NONE;
      code = lzma_alone_decoder(&d->z, limit);
      break;
    case kRaw:
      d->check = LZMA_CHECK_NONE;
      if (failed(filters.read(ts, state->error, filters_arg))) return {};
      code = lzma_raw_decoder(&d->z, filters.chain());
      break;
    default:
      return raise(ts, PyExc_ValueError, "Invalid container format: %d", format);
  }
  return failed(check(ts, state->error, code)) ? Ref<>() : std::move(o);
}

Ref<> decompressor_decompress(ThreadState& ts, Decompressor* d, const BufferArg& data, Py_ssize_t max_length) {
  Locked whole(d->lock);
  if (d->eof) return raise(ts, PyExc_EOFError, "Already at end of stream");
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
  char check_seen = 0;
  PyThreadState* saved = PyEval_SaveThread();
  lzma_ret code = pump(d->z, from, n, LZMA_RUN, out, &check_seen);
  PyEval_RestoreThread(saved);
  if (check_seen) d->check = static_cast<int>(lzma_get_check(&d->z));
  if (failed(check(ts, d->error, code))) return {};
  size_t left = d->z.avail_in;
  const uint8_t* rest = from + (n - left);
  if (code == LZMA_STREAM_END) {
    d->eof = 1;
    d->needs_input = 0;
    Ref<> unused = bytes_from(ts, {reinterpret_cast<const char*>(rest), left});
    if (!unused) return {};
    set_field(d->unused_data, std::move(unused));
  } else {
    d->needs_input = left == 0 && !out.full();
    d->rest.assign(rest, rest + left);
  }
  return out.bytes(ts);
}

// ---- functions ---------------------------------------------------------------------------------------------------

Tri f_is_check_supported(ThreadState&, PyObject*, int id) { return tri(lzma_check_is_supported(static_cast<lzma_check>(id))); }
Ref<> f_encode_filter_properties(ThreadState& ts, PyObject* m, PyObject* spec) {
  PyObject* error = state_of(m)->error;
  lzma_filter filter{LZMA_VLI_UNKNOWN, nullptr};
  if (failed(Filters::read_one(ts, error, spec, &filter))) return {};
  uint32_t size;
  Ref<> result;
  if (!failed(check(ts, error, lzma_properties_size(&size, &filter)))) {
    result = bytes_new(ts, size);
    if (result && failed(check(ts, error, lzma_properties_encode(&filter, reinterpret_cast<uint8_t*>(bytes_data(result.get())))))) result = {};
  }
  PyMem_Free(filter.options);
  return result;
}
Ref<> f_decode_filter_properties(ThreadState& ts, PyObject* m, PyObject* id, const BufferArg& encoded) {
  uint64_t number;
  if (failed(as_u64(ts, id, &number))) return {};
  lzma_filter filter{number, nullptr};
  if (failed(check(ts, state_of(m)->error, lzma_properties_decode(&filter, nullptr, encoded.data(), static_cast<size_t>(encoded.size()))))) return {};
  Ref<> result = filter_to_python(ts, filter);
  free(filter.options);  // liblzma's own allocation
  return result;
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
    {"check", T_INT, offsetof(Decompressor, check), READONLY, "ID of the integrity check used by the input stream."},
    {"eof", T_BOOL, offsetof(Decompressor, eof), READONLY, "True if the end-of-stream marker has been reached."},
    {"needs_input", T_BOOL, offsetof(Decompressor, needs_input), READONLY, "True if more input is needed before more decompressed data can be produced."},
    {"unused_data", T_OBJECT_EX, offsetof(Decompressor, unused_data), READONLY, "Data found after the end of the compressed stream."},
    {}};

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_is_check_supported, "is_check_supported", "($module, check_id, /)",
                 "Test whether the given integrity check is supported.\n\nCHECK_NONE and CHECK_CRC32 always are."),
    ATOLL_METHOD(f_encode_filter_properties, "_encode_filter_properties", "($module, filter, /)",
                 "Return a bytes object encoding the options (properties) of the filter specified by *filter* (a dict)."),
    ATOLL_METHOD(f_decode_filter_properties, "_decode_filter_properties", "($module, filter_id, encoded_props, /)",
                 "Return a dict of the options (properties) of a filter, as _encode_filter_properties() takes it."),
    ATOLL_METHOD_END};

PyTypeObject* make_compressor(PyObject* m) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(compressor_dealloc)},
      {Py_tp_methods, const_cast<MethodSpec*>(kCompressorMethods)},
      {Py_tp_init, reinterpret_cast<void*>(ATOLL_INIT(compressor_init, "LZMACompressor", "(format=FORMAT_XZ, check=-1, preset=None, filters=None)"))},
      {Py_tp_new, reinterpret_cast<void*>(compressor_new)},
      {Py_tp_doc, const_cast<char*>("LZMACompressor(format=FORMAT_XZ, check=-1, preset=None, filters=None)\n\n"
                                    "Create a compressor object for compressing data incrementally.\n\n"
                                    "format is FORMAT_XZ, FORMAT_ALONE or FORMAT_RAW; check is the integrity check of FORMAT_XZ, CHECK_CRC64 by default.\n"
                                    "How to compress is said by a preset from 0 to 9, perhaps with PRESET_EXTREME, or by a sequence of filters, each a dict\n"
                                    "with an \"id\" and options; FORMAT_RAW needs the latter.\n\n"
                                    "For one-shot compression, use the compress() function instead.\n")},
      {0, nullptr}};
  PyType_Spec spec{"_lzma.LZMACompressor", sizeof(Compressor), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return heap_type(m, spec);
}
PyTypeObject* make_decompressor(PyObject* m) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(decompressor_dealloc)},
      {Py_tp_methods, const_cast<MethodSpec*>(kDecompressorMethods)},
      {Py_tp_members, const_cast<PyMemberDef*>(kDecompressorMembers)},
      {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(decompressor_new, "LZMADecompressor", "(format=FORMAT_AUTO, memlimit=None, filters=None)"))},
      {Py_tp_doc, const_cast<char*>("LZMADecompressor(format=FORMAT_AUTO, memlimit=None, filters=None)\n--\n\n"
                                    "Create a decompressor object for decompressing data incrementally.\n\n"
                                    "  format\n    The container; FORMAT_AUTO tells FORMAT_XZ from FORMAT_ALONE, FORMAT_RAW must be named.\n"
                                    "  memlimit\n    How much memory decompression may take.\n"
                                    "  filters\n    The chain of filters, for FORMAT_RAW only.\n\n"
                                    "For one-shot decompression, use the decompress() function instead.")},
      {0, nullptr}};
  PyType_Spec spec{"_lzma.LZMADecompressor", sizeof(Decompressor), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return heap_type(m, spec);
}

constexpr struct {
  const char* name;
  long long value;
} kConstants[] = {{"FORMAT_AUTO", kAuto},
                  {"FORMAT_XZ", kXz},
                  {"FORMAT_ALONE", kAlone},
                  {"FORMAT_RAW", kRaw},
                  {"CHECK_NONE", LZMA_CHECK_NONE},
                  {"CHECK_CRC32", LZMA_CHECK_CRC32},
                  {"CHECK_CRC64", LZMA_CHECK_CRC64},
                  {"CHECK_SHA256", LZMA_CHECK_SHA256},
                  {"CHECK_ID_MAX", LZMA_CHECK_ID_MAX},
                  {"CHECK_UNKNOWN", kUnknownCheck},
                  {"FILTER_LZMA1", static_cast<long long>(LZMA_FILTER_LZMA1)},
                  {"FILTER_LZMA2", static_cast<long long>(LZMA_FILTER_LZMA2)},
                  {"FILTER_DELTA", static_cast<long long>(LZMA_FILTER_DELTA)},
                  {"FILTER_X86", static_cast<long long>(LZMA_FILTER_X86)},
                  {"FILTER_IA64", static_cast<long long>(LZMA_FILTER_IA64)},
                  {"FILTER_ARM", static_cast<long long>(LZMA_FILTER_ARM)},
                  {"FILTER_ARMTHUMB", static_cast<long long>(LZMA_FILTER_ARMTHUMB)},
                  {"FILTER_SPARC", static_cast<long long>(LZMA_FILTER_SPARC)},
                  {"FILTER_POWERPC", static_cast<long long>(LZMA_FILTER_POWERPC)},
                  {"MF_HC3", LZMA_MF_HC3},
                  {"MF_HC4", LZMA_MF_HC4},
                  {"MF_BT2", LZMA_MF_BT2},
                  {"MF_BT3", LZMA_MF_BT3},
                  {"MF_BT4", LZMA_MF_BT4},
                  {"MODE_FAST", LZMA_MODE_FAST},
                  {"MODE_NORMAL", LZMA_MODE_NORMAL},
                  {"PRESET_DEFAULT", LZMA_PRESET_DEFAULT},
                  {"PRESET_EXTREME", LZMA_PRESET_EXTREME}};

int exec(PyObject* m) {
  State* s = state_of(m);
  for (const auto& c : kConstants) {
    if (PyModule_AddIntConstant(m, c.name, static_cast<long>(c.value)) < 0) return -1;
  }
  s->error = PyErr_NewExceptionWithDoc("_lzma.LZMAError", "Call to liblzma failed.", nullptr, nullptr);
  if (s->error == nullptr || PyModule_AddObjectRef(m, "LZMAError", s->error) < 0) return -1;
  s->compressor_type = make_compressor(m);
  s->decompressor_type = s->compressor_type != nullptr ? make_decompressor(m) : nullptr;
  if (s->decompressor_type == nullptr) return -1;
  return PyModule_AddType(m, s->compressor_type) < 0 ? -1 : PyModule_AddType(m, s->decompressor_type);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  State* s = state_of(m);
  Py_VISIT(obj(s->compressor_type));
  Py_VISIT(obj(s->decompressor_type));
  Py_VISIT(s->error);
  return 0;
}
int clear(PyObject* m) {
  State* s = state_of(m);
  clear_field(s->compressor_type);
  clear_field(s->decompressor_type);
  clear_field(s->error);
  return 0;
}

ATOLL_SEALED PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
ATOLL_SEALED PyModuleDef g_definition = {PyModuleDef_HEAD_INIT,
                                         "_lzma",
                                         nullptr,
                                         sizeof(State),
                                         reinterpret_cast<PyMethodDef*>(const_cast<MethodSpec*>(kFunctions)),
                                         g_slots,
                                         traverse,
                                         clear,
                                         nullptr};

}  // namespace

}  // namespace atl::compress

PyMODINIT_FUNC PyInit__lzma() { return PyModuleDef_Init(&atl::compress::g_definition); }
