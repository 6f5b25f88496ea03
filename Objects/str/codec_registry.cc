// The codec registry: one per interpreter, made on first use. The search function of the package encodings is registered
// by importing that package when a codec is first looked up by a name that the core does not know.
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "Objects/dict/dict.h"
#include "Objects/list.h"
#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"
#include "Objects/tuple.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"

namespace atl {
namespace {

CodecState& state_of(ThreadState& ts) { return ts.interpreter().codecs; }

Status ensure_search_path(ThreadState& ts) {
  CodecState& state = state_of(ts);
  if (state.search_path != nullptr) return Status::kOk;
  Ref<> path = list_new_room(ts, 1), cache = dict_new(ts);
  if (!path || !cache) return Status::kError;
  state.search_path = path.release();
  if (state.search_cache == nullptr) state.search_cache = cache.release();
  Ref<> encodings = steal(PyImport_ImportModuleNoBlock("encodings"));
  if (encodings) return Status::kOk;
  clear_field(state.search_path);  // so that the next look-up tries again
  return Status::kError;
}

// Lower case, and one '_' for each run of what is neither letter, digit nor '.'; none at the ends.
constexpr size_t kNameBuffer = 128;
size_t normalize_name(const char* name, size_t size, char* out) {
  size_t n = 0;
  bool gap = false;
  for (size_t i = 0; i < size; ++i) {
    auto c = static_cast<unsigned char>(name[i]);
    bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.') {
      if (gap && n != 0) out[n++] = '_';
      gap = false;
      out[n++] = static_cast<char>(upper ? c + 32 : c);
    } else {
      gap = true;
    }
  }
  return n;
}

}  // namespace

void codecs_clear(Interpreter& interp) {
  clear_field(interp.codecs.search_path);
  clear_field(interp.codecs.search_cache);
  clear_field(interp.codecs.error_registry);
}

Ref<> codec_lookup(ThreadState& ts, const char* encoding) {
  if (encoding == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (failed(ensure_search_path(ts))) return {};
  CodecState& state = state_of(ts);
  size_t size = std::strlen(encoding);
  char small[kNameBuffer];
  char* buffer = size <= sizeof small ? small : static_cast<char*>(std::malloc(size));
  if (buffer == nullptr) return raise_memory(ts);
  size_t n = normalize_name(encoding, size, buffer);
  Ref<> name = str_from_ascii(ts, {buffer, n});
  if (buffer != small) std::free(buffer);
  if (!name) return {};
  str_intern(ts, &name);
  if (PyObject* found = dict_peek(ts, state.search_cache, name.get())) return dup(found);
  if (error_set(ts)) return {};
  if (list_size(state.search_path) == 0) {
    return raise(ts, PyExc_LookupError, "no codec search functions registered: can't find encoding");
  }
  for (Py_ssize_t i = 0; i < list_size(state.search_path); ++i) {
    Ref<> search = dup(list_items(state.search_path)[i]);
    Ref<> result = call(ts, search.get(), name.get());
    if (!result) return {};
    if (result.get() == Py_None) continue;
    if (!is_tuple(result.get()) || tuple_size(result.get()) != 4) {
      return raise(ts, PyExc_TypeError, "codec search functions must return 4-tuples");
    }
    if (failed(dict_set(ts, state.search_cache, name.get(), result.get()))) return {};
    return result;
  }
  return raise(ts, PyExc_LookupError, "unknown encoding: %s", encoding);
}

// ---- error handlers ------------------------------------------------------------------------------------------------

Ref<> codec_lookup_error(ThreadState& ts, const char* name) {
  if (name == nullptr) name = "strict";
  CodecState& state = state_of(ts);
  Ref<> key = str_from_utf8(ts, name);
  if (!key) return {};
  if (state.error_registry != nullptr) {
    if (PyObject* found = dict_peek(ts, state.error_registry, key.get())) return dup(found);
    if (error_set(ts)) return {};
  }
  Ref<> handler = codec_builtin_error_handler(ts, name);
  if (!handler) {
    if (error_set(ts)) return {};
    return raise(ts, PyExc_LookupError, "unknown error handler name '%.400s'", name);
  }
  if (state.error_registry == nullptr) {
    state.error_registry = dict_new(ts).release();
    if (state.error_registry == nullptr) return {};
  }
  if (failed(dict_set(ts, state.error_registry, key.get(), handler.get()))) return {};
  return handler;
}

// ---- calling codecs ------------------------------------------------------------------------------------------------

namespace {

Status check_text_encoding(ThreadState& ts, PyObject* codec, const char* encoding, const char* alternative) {
  if (is_exact_tuple(codec)) return Status::kOk;
  Ref<> flag;
  Ref<> name = str_from_ascii(ts, "_is_text_encoding");
  if (!name || failed(object_lookup_attr(ts, codec, name.get(), &flag))) return Status::kError;
  if (!flag) return Status::kOk;
  Tri is_text = object_is_true(ts, flag.get());
  if (is_text == Tri::kError) return Status::kError;
  if (is_text == Tri::kTrue) return Status::kOk;
  return raise(ts, PyExc_LookupError, "'%.400s' is not a text encoding; use %s to handle arbitrary codecs", encoding, alternative);
}

Ref<> lookup_text(ThreadState& ts, const char* encoding, const char* alternative) {
  Ref<> codec = codec_lookup(ts, encoding);
  if (!codec || failed(check_text_encoding(ts, codec.get(), encoding, alternative))) return {};
  return codec;
}

// coder(object[, errors])[0]
Ref<> run_coder(ThreadState& ts, PyObject* coder, PyObject* object, const char* errors, const char* encoding, bool encoding_it) {
  Ref<> result;
  if (errors != nullptr) {
    Ref<> e = str_from_utf8(ts, errors);
    if (!e) return {};
    result = call(ts, coder, object, e.get());
  } else {
    result = call(ts, coder, object);
  }
  if (!result) {
    _PyErr_TrySetFromCause("%s with '%s' codec failed", encoding_it ? "encoding" : "decoding", encoding);
    return {};
  }
  if (!is_tuple(result.get()) || tuple_size(result.get()) != 2) {
    return raise(ts, PyExc_TypeError,
                 encoding_it ? "encoder must return a tuple (object, integer)" : "decoder must return a tuple (object,integer)");
  }
  return dup(tuple_peek(result.get(), 0));
}

Ref<> codec_item(PyObject* codec, Py_ssize_t i) { return codec != nullptr ? dup(tuple_peek(codec, i)) : Ref<>(); }

Ref<> codec_item_of(ThreadState& ts, const char* encoding, Py_ssize_t i) {
  Ref<> codec = codec_lookup(ts, encoding);
  return codec_item(codec.get(), i);
}

Ref<> codec_encode(ThreadState& ts, PyObject* object, const char* encoding, const char* errors, bool text) {
  Ref<> codec = text ? lookup_text(ts, encoding, "codecs.encode()") : codec_lookup(ts, encoding);
  Ref<> encoder = codec_item(codec.get(), 0);
  return encoder ? run_coder(ts, encoder.get(), object, errors, encoding, true) : Ref<>();
}

Ref<> codec_decode(ThreadState& ts, PyObject* object, const char* encoding, const char* errors, bool text) {
  Ref<> codec = text ? lookup_text(ts, encoding, "codecs.decode()") : codec_lookup(ts, encoding);
  Ref<> decoder = codec_item(codec.get(), 1);
  return decoder ? run_coder(ts, decoder.get(), object, errors, encoding, false) : Ref<>();
}

// ---- by name -------------------------------------------------------------------------------------------------------

enum class Known : uint8_t { kNone, kUtf8, kAscii, kLatin1, kUtf16, kUtf32 };

Known known_encoding(const char* encoding) {
  if (encoding == nullptr) return Known::kUtf8;
  size_t size = std::strlen(encoding);
  if (size > 12) return Known::kNone;
  char buffer[16];
  size_t n = normalize_name(encoding, size, buffer);
  std::string_view name(buffer, n);
  struct Row {
    std::string_view name;
    Known known;
  };
  static constexpr Row kRows[] = {{"utf_8", Known::kUtf8},      {"utf8", Known::kUtf8},        {"ascii", Known::kAscii},
                                  {"us_ascii", Known::kAscii},  {"latin_1", Known::kLatin1},   {"latin1", Known::kLatin1},
                                  {"iso_8859_1", Known::kLatin1}, {"iso8859_1", Known::kLatin1}, {"utf_16", Known::kUtf16},
                                  {"utf_32", Known::kUtf32}};
  for (const Row& row : kRows) {
    if (row.name == name) return row.known;
  }
  return Known::kNone;
}

// Development mode (-X dev) checks the names even where nothing needs them.
Status check_names(ThreadState& ts, const char* encoding, const char* errors) {
  const Config* config = runtime().config;
  if (ATOLL_LIKELY(config == nullptr || !config->dev_mode) || ts.interpreter().finalizing || !runtime().initialized.load()) {
    return Status::kOk;
  }
  auto is_one_of = [](const char* name, std::initializer_list<const char*> names) {
    for (const char* known : names) {
      if (std::strcmp(name, known) == 0) return true;
    }
    return false;
  };
  if (encoding != nullptr && !is_one_of(encoding, {"utf-8", "utf8", "ascii"}) && !codec_lookup(ts, encoding)) return Status::kError;
  if (errors != nullptr && !is_one_of(errors, {"strict", "ignore", "replace", "surrogateescape", "surrogatepass"}) &&
      !codec_lookup_error(ts, errors)) {
    return Status::kError;
  }
  return Status::kOk;
}

Ref<> decode_by_codec(ThreadState& ts, PyObject* object, const char* encoding, const char* errors) {
  Ref<> text = codec_decode(ts, object, encoding, errors, true);
  if (text && !is_str(text.get())) {
    return raise(ts, PyExc_TypeError,
                 "'%.400s' decoder returned '%.400T' instead of 'str'; use codecs.decode() to decode to arbitrary types",
                 encoding, text.get());
  }
  return text;
}

// Empty without an exception: not one of the well-known ones.
Ref<> decode_known(ThreadState& ts, std::string_view data, const char* encoding, const char* errors, bool* known) {
  *known = true;
  switch (known_encoding(encoding)) {
    case Known::kUtf8: return str_from_utf8(ts, data, errors);
    case Known::kAscii: return decode_ascii(ts, data, errors);
    case Known::kLatin1: return decode_latin1(ts, data);
    case Known::kUtf16: return decode_utf16(ts, data, errors, nullptr, nullptr);
    case Known::kUtf32: return decode_utf32(ts, data, errors, nullptr, nullptr);
    default: break;
  }
  *known = false;
  return {};
}

}  // namespace

Ref<> str_decode(ThreadState& ts, std::string_view data, const char* encoding, const char* errors) {
  if (failed(check_names(ts, encoding, errors))) return {};
  bool known;
  Ref<> text = decode_known(ts, data, encoding, errors, &known);
  if (known) return text;
  Ref<> view = steal(PyMemoryView_FromMemory(const_cast<char*>(data.data()), static_cast<Py_ssize_t>(data.size()), PyBUF_READ));
  return view ? decode_by_codec(ts, view.get(), encoding, errors) : Ref<>();
}

Ref<> str_decode_object(ThreadState& ts, PyObject* o, const char* encoding, const char* errors) {
  if (is_str(o)) return raise(ts, PyExc_TypeError, "decoding str is not supported");
  if (is_bytes(o)) return str_decode(ts, bytes_view(o), encoding, errors);
  Py_buffer view;
  if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) < 0) {
    if (!error_matches(ts, PyExc_TypeError)) return {};
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "decoding to str: need a bytes-like object, %.80T found", o);
  }
  Ref<> text = str_decode(ts, {static_cast<const char*>(view.buf), static_cast<size_t>(view.len)}, encoding, errors);
  PyBuffer_Release(&view);
  return text;
}

Ref<> str_encode(ThreadState& ts, PyObject* s, const char* encoding, const char* errors) {
  if (failed(check_names(ts, encoding, errors))) return {};
  switch (known_encoding(encoding)) {
    case Known::kUtf8: return encode_utf8(ts, s, errors);
    case Known::kAscii: return encode_ascii(ts, s, errors);
    case Known::kLatin1: return encode_latin1(ts, s, errors);
    case Known::kUtf16: return encode_utf16(ts, s, errors, 0);
    case Known::kUtf32: return encode_utf32(ts, s, errors, 0);
    default: break;
  }
  Ref<> result = codec_encode(ts, s, encoding, errors, true);
  if (!result || is_bytes(result.get())) return result;
  if (PyByteArray_Check(result.get())) {
    if (failed(warn(ts, PyExc_RuntimeWarning, 1,
                    "encoder %s returned bytearray instead of bytes; use codecs.encode() to encode to arbitrary types", encoding))) {
      return {};
    }
    return bytes_from(ts, {PyByteArray_AS_STRING(result.get()), static_cast<size_t>(PyByteArray_GET_SIZE(result.get()))});
  }
  return raise(ts, PyExc_TypeError,
               "'%.400s' encoder returned '%.400T' instead of 'bytes'; use codecs.encode() to encode to arbitrary types",
               encoding, result.get());
}

Ref<> str_encode_fs(ThreadState& ts, PyObject* s) { return encode_utf8(ts, s, "surrogateescape"); }
Ref<> str_decode_fs(ThreadState& ts, std::string_view data) { return str_from_utf8(ts, data, "surrogateescape"); }

}  // namespace atl

// ---- C API -----------------------------------------------------------------------------------------------------------

using namespace atl;

extern "C" {

ATOLL_SEALED const char* Py_hexdigits = "0123456789abcdef";

int PyCodec_Register(PyObject* search) {
  ThreadState& ts = current_thread();
  if (failed(ensure_search_path(ts))) return -1;
  if (search == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (!PyCallable_Check(search)) return raise(ts, PyExc_TypeError, "argument must be callable");
  return static_cast<int>(list_append(ts, state_of(ts).search_path, dup(search)));
}

int PyCodec_Unregister(PyObject* search) {
  ThreadState& ts = current_thread();
  CodecState& state = state_of(ts);
  if (state.search_path == nullptr) return 0;
  for (Py_ssize_t i = 0; i < list_size(state.search_path); ++i) {
    if (list_items(state.search_path)[i] == search) {
      if (state.search_cache != nullptr) dict_clear(ts, state.search_cache);
      return static_cast<int>(list_set_slice(ts, state.search_path, i, i + 1, nullptr));
    }
  }
  return 0;
}

PyObject* _PyCodec_Lookup(const char* encoding) { return codec_lookup(current_thread(), encoding).release(); }
PyObject* _PyCodec_LookupTextEncoding(const char* encoding, const char* alternative) {
  return lookup_text(current_thread(), encoding, alternative).release();
}

int PyCodec_KnownEncoding(const char* encoding) {
  ThreadState& ts = current_thread();
  Ref<> codec = codec_lookup(ts, encoding);
  if (codec) return 1;
  error_clear(ts);
  return 0;
}

PyObject* PyCodec_Encode(PyObject* object, const char* encoding, const char* errors) {
  return codec_encode(current_thread(), object, encoding, errors, false).release();
}
PyObject* PyCodec_Decode(PyObject* object, const char* encoding, const char* errors) {
  return codec_decode(current_thread(), object, encoding, errors, false).release();
}
PyObject* _PyCodec_EncodeText(PyObject* object, const char* encoding, const char* errors) {
  return codec_encode(current_thread(), object, encoding, errors, true).release();
}
PyObject* _PyCodec_DecodeText(PyObject* object, const char* encoding, const char* errors) {
  return codec_decode(current_thread(), object, encoding, errors, true).release();
}

PyObject* PyCodec_Encoder(const char* encoding) { return codec_item_of(current_thread(), encoding, 0).release(); }
PyObject* PyCodec_Decoder(const char* encoding) { return codec_item_of(current_thread(), encoding, 1).release(); }

static PyObject* stream_of(const char* encoding, PyObject* stream, const char* errors, Py_ssize_t i) {
  ThreadState& ts = current_thread();
  Ref<> factory = codec_item_of(ts, encoding, i);
  if (!factory) return nullptr;
  if (errors == nullptr) return call(ts, factory.get(), stream).release();
  Ref<> e = str_from_utf8(ts, errors);
  return e ? call(ts, factory.get(), stream, e.get()).release() : nullptr;
}
PyObject* PyCodec_StreamReader(const char* encoding, PyObject* stream, const char* errors) {
  return stream_of(encoding, stream, errors, 2);
}
PyObject* PyCodec_StreamWriter(const char* encoding, PyObject* stream, const char* errors) {
  return stream_of(encoding, stream, errors, 3);
}

static PyObject* incremental_of(PyObject* codec, const char* errors, const char* attribute) {
  ThreadState& ts = current_thread();
  if (codec == nullptr) return nullptr;
  Ref<> factory = object_getattr(ts, codec, attribute);
  if (!factory) return nullptr;
  if (errors == nullptr) return call(ts, factory.get()).release();
  Ref<> e = str_from_utf8(ts, errors);
  return e ? call(ts, factory.get(), e.get()).release() : nullptr;
}
PyObject* _PyCodecInfo_GetIncrementalDecoder(PyObject* codec, const char* errors) {
  return incremental_of(codec, errors, "incrementaldecoder");
}
PyObject* _PyCodecInfo_GetIncrementalEncoder(PyObject* codec, const char* errors) {
  return incremental_of(codec, errors, "incrementalencoder");
}
PyObject* PyCodec_IncrementalDecoder(const char* encoding, const char* errors) {
  Ref<> codec = codec_lookup(current_thread(), encoding);
  return incremental_of(codec.get(), errors, "incrementaldecoder");
}
PyObject* PyCodec_IncrementalEncoder(const char* encoding, const char* errors) {
  Ref<> codec = codec_lookup(current_thread(), encoding);
  return incremental_of(codec.get(), errors, "incrementalencoder");
}

int PyCodec_RegisterError(const char* name, PyObject* handler) {
  ThreadState& ts = current_thread();
  CodecState& state = state_of(ts);
  if (!PyCallable_Check(handler)) return raise(ts, PyExc_TypeError, "handler must be callable");
  if (state.error_registry == nullptr) {
    state.error_registry = dict_new(ts).release();
    if (state.error_registry == nullptr) return -1;
  }
  Ref<> key = str_from_utf8(ts, name);
  return key ? static_cast<int>(dict_set(ts, state.error_registry, key.get(), handler)) : -1;
}
PyObject* PyCodec_LookupError(const char* name) { return codec_lookup_error(current_thread(), name).release(); }

}  // extern "C"
