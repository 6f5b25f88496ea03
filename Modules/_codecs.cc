// _codecs: the registry, and the core's codecs as functions (object, errors) -> (result, length used).
#include <cstring>

#include "Modules/module_def.h"
#include "Objects/bytes/shared.h"
#include "Objects/int/int.h"
#include "Objects/str/codecs.h"
#include "Objects/str/methods.h"
#include "Objects/tuple.h"

namespace atl {
namespace {

// An optional "errors" argument: str or None.
struct ErrorsArg {
  const char* text = nullptr;
};
// A str argument as C text.
struct NameArg {
  const char* text = nullptr;
};
// A flag that must be an int, as old functions want them.
template <bool kDefault>
struct Flag {
  bool value = kDefault;
};
// Exactly bytes.
struct BytesArg {
  PyObject* bytes = nullptr;
};
// Bytes-like, or a str that stands for its UTF-8 form.
struct TextOrBuffer {
  BufferArg buffer;
  std::string_view text;
  bool is_text = false;
  std::string_view view() const {
    return is_text ? text : std::string_view(reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(buffer.size()));
  }
};

bool c_text(ThreadState& ts, PyObject* o, const char** out) {
  return !failed(codec_argument(ts, reinterpret_cast<PyUnicodeObject*>(o), out));
}

}  // namespace

template <>
struct ArgTraits<ErrorsArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, ErrorsArg* out) {
    if (o == Py_None) return true;
    if (is_str(o)) return c_text(ts, o, &out->text);
    static_cast<void>(raise_bad_argument(ts, p, "str or None", o));
    return false;
  }
};
template <>
struct ArgTraits<NameArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, NameArg* out) {
    if (is_str(o)) return c_text(ts, o, &out->text);
    static_cast<void>(raise_bad_argument(ts, p, "str", o));
    return false;
  }
};
template <bool kDefault>
struct ArgTraits<Flag<kDefault>> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, Flag<kDefault>* out) {
    int value;
    if (!convert_int(ts, o, p, &value)) return false;
    out->value = value != 0;
    return true;
  }
};
template <>
struct ArgTraits<BytesArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, BytesArg* out) {
    out->bytes = o;
    if (is_bytes(o)) return true;
    static_cast<void>(raise_bad_argument(ts, p, "bytes", o));
    return false;
  }
};
template <>
struct ArgTraits<TextOrBuffer> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, TextOrBuffer* out) {
    if (!is_str(o)) return ArgTraits<BufferArg>::convert(ts, o, p, &out->buffer);
    Py_ssize_t size;
    const char* text = str_utf8(ts, o, &size);
    if (text == nullptr) return false;
    out->text = {text, static_cast<size_t>(size)};
    out->is_text = true;
    return true;
  }
};

namespace {

std::string_view view_of(const BufferArg& data) {
  return {reinterpret_cast<const char*>(data.data()), static_cast<size_t>(data.size())};
}

Ref<> pair(ThreadState& ts, Ref<> result, Py_ssize_t used) {
  if (!result) return {};
  Ref<> count = int_from_ssize(ts, used);
  return count ? tuple_of(ts, result.get(), count.get()) : Ref<>();
}

// ---- registry --------------------------------------------------------------------------------------------------------

Ref<> codecs_register(ThreadState&, PyObject*, PyObject* search) {
  return PyCodec_Register(search) < 0 ? Ref<>() : new_none();
}
Ref<> codecs_unregister(ThreadState&, PyObject*, PyObject* search) {
  return PyCodec_Unregister(search) < 0 ? Ref<>() : new_none();
}
Ref<> codecs_lookup(ThreadState& ts, PyObject*, NameArg encoding) { return codec_lookup(ts, encoding.text); }
Ref<> codecs_encode(ThreadState&, PyObject*, PyObject* object, NameArg encoding, NameArg errors) {
  return steal(PyCodec_Encode(object, encoding.text != nullptr ? encoding.text : "utf-8", errors.text));
}
Ref<> codecs_decode(ThreadState&, PyObject*, PyObject* object, NameArg encoding, NameArg errors) {
  return steal(PyCodec_Decode(object, encoding.text != nullptr ? encoding.text : "utf-8", errors.text));
}
Ref<> codecs_register_error(ThreadState&, PyObject*, NameArg errors, PyObject* handler) {
  return PyCodec_RegisterError(errors.text, handler) < 0 ? Ref<>() : new_none();
}
Ref<> codecs_lookup_error(ThreadState& ts, PyObject*, NameArg name) { return codec_lookup_error(ts, name.text); }

// ---- decoders --------------------------------------------------------------------------------------------------------

// Those that can leave an incomplete rest: without `final` what is not used is not counted.
template <auto Decode>
Ref<> decode_stateful(ThreadState& ts, PyObject*, const BufferArg& data, ErrorsArg errors, Flag<false> final) {
  Py_ssize_t used = data.size();
  Ref<> text = Decode(ts, view_of(data), errors.text, final.value ? nullptr : &used);
  return pair(ts, std::move(text), used);
}

Ref<> utf16_fixed(ThreadState& ts, std::string_view data, const char* errors, int order, Py_ssize_t* consumed) {
  return decode_utf16(ts, data, errors, &order, consumed);
}
Ref<> utf32_fixed(ThreadState& ts, std::string_view data, const char* errors, int order, Py_ssize_t* consumed) {
  return decode_utf32(ts, data, errors, &order, consumed);
}
template <auto Decode, int kOrder>
Ref<> decode_ordered(ThreadState& ts, std::string_view data, const char* errors, Py_ssize_t* consumed) {
  return Decode(ts, data, errors, kOrder, consumed);
}
template <auto Decode>
Ref<> decode_ex(ThreadState& ts, PyObject*, const BufferArg& data, ErrorsArg errors, int order, Flag<false> final) {
  Py_ssize_t used = data.size();
  Ref<> text = Decode(ts, view_of(data), errors.text, &order, final.value ? nullptr : &used);
  if (!text) return {};
  Ref<> count = int_from_ssize(ts, used), found = int_from_i64(ts, order);
  return count && found ? tuple_of(ts, text.get(), count.get(), found.get()) : Ref<>();
}

Ref<> ascii_decode(ThreadState& ts, PyObject*, const BufferArg& data, ErrorsArg errors) {
  return pair(ts, decode_ascii(ts, view_of(data), errors.text), data.size());
}
Ref<> latin_1_decode(ThreadState& ts, PyObject*, const BufferArg& data, ErrorsArg) {
  return pair(ts, decode_latin1(ts, view_of(data)), data.size());
}
Ref<> charmap_decode(ThreadState& ts, PyObject*, const BufferArg& data, ErrorsArg errors, PyObject* mapping) {
  if (mapping == Py_None) mapping = nullptr;
  return pair(ts, decode_charmap(ts, view_of(data), mapping, errors.text), data.size());
}
template <auto Decode>
Ref<> decode_escape(ThreadState& ts, PyObject*, const TextOrBuffer& data, ErrorsArg errors, Flag<true> final) {
  auto used = static_cast<Py_ssize_t>(data.view().size());
  Ref<> text = Decode(ts, data.view(), errors.text, final.value ? nullptr : &used);
  return pair(ts, std::move(text), used);
}
Ref<> escape_decode(ThreadState& ts, PyObject*, const TextOrBuffer& data, ErrorsArg errors) {
  auto size = static_cast<Py_ssize_t>(data.view().size());
  return pair(ts, steal(PyBytes_DecodeEscape(data.view().data(), size, errors.text, 0, nullptr)), size);
}

// ---- encoders --------------------------------------------------------------------------------------------------------

template <auto Encode>
Ref<> encode_text(ThreadState& ts, PyObject*, PyUnicodeObject* text, ErrorsArg errors) {
  return pair(ts, Encode(ts, obj(text), errors.text), str_length(obj(text)));
}
template <auto Encode, int kOrder>
Ref<> encode_ordered(ThreadState& ts, PyObject* s, const char* errors) {
  return Encode(ts, s, errors, kOrder);
}
template <auto Encode>
Ref<> encode_with_order(ThreadState& ts, PyObject*, PyUnicodeObject* text, ErrorsArg errors, int order) {
  return pair(ts, Encode(ts, obj(text), errors.text, order), str_length(obj(text)));
}
template <auto Encode>
Ref<> encode_escape(ThreadState& ts, PyObject*, PyUnicodeObject* text, ErrorsArg) {
  return pair(ts, Encode(ts, obj(text)), str_length(obj(text)));
}
Ref<> charmap_encode(ThreadState& ts, PyObject*, PyUnicodeObject* text, ErrorsArg errors, PyObject* mapping) {
  if (mapping == Py_None) mapping = nullptr;
  return pair(ts, encode_charmap(ts, obj(text), mapping, errors.text), str_length(obj(text)));
}
Ref<> charmap_build_map(ThreadState&, PyObject*, PyUnicodeObject* map) { return steal(PyUnicode_BuildEncodingMap(obj(map))); }
Ref<> readbuffer_encode(ThreadState& ts, PyObject*, const TextOrBuffer& data, ErrorsArg) {
  return pair(ts, bytes_from(ts, data.view()), static_cast<Py_ssize_t>(data.view().size()));
}
Ref<> escape_encode(ThreadState& ts, PyObject*, BytesArg arg, ErrorsArg) {
  PyObject* data = arg.bytes;
  Ref<> text = bytes_repr_text(ts, bytes_view(data), "", "", ReprQuotes::kSingle);
  if (!text) return {};
  // Without b'...'.
  std::string_view inner(static_cast<const char*>(str_data(text.get())) + 2, static_cast<size_t>(str_length(text.get())) - 3);
  return pair(ts, bytes_from(ts, inner), bytes_size(data));
}

constexpr auto decode_utf16_le = &decode_ordered<&utf16_fixed, -1>;
constexpr auto decode_utf16_be = &decode_ordered<&utf16_fixed, 1>;
constexpr auto decode_utf16_any = &decode_ordered<&utf16_fixed, 0>;
constexpr auto decode_utf32_le = &decode_ordered<&utf32_fixed, -1>;
constexpr auto decode_utf32_be = &decode_ordered<&utf32_fixed, 1>;
constexpr auto decode_utf32_any = &decode_ordered<&utf32_fixed, 0>;
constexpr auto encode_utf16_le = &encode_ordered<&encode_utf16, -1>;
constexpr auto encode_utf16_be = &encode_ordered<&encode_utf16, 1>;
constexpr auto encode_utf32_le = &encode_ordered<&encode_utf32, -1>;
constexpr auto encode_utf32_be = &encode_ordered<&encode_utf32, 1>;

#define ATOLL_ENCODE_SIG "($module, str, errors=None, /)"
#define ATOLL_DECODE_SIG "($module, data, errors=None, final=False, /)"
#define ATOLL_EX_SIG "($module, data, errors=None, byteorder=0, final=False,\n                 /)"

constinit const MethodSpec kMethods[] = {
    ATOLL_METHOD(codecs_register, "register", "($module, search_function, /)",
                 "Register a function that finds codecs.\n\n"
                 "It is called with the encoding's name in lower case and returns a tuple (encoder, decoder, stream reader,\n"
                 "stream writer) or a CodecInfo, or None."),
    ATOLL_METHOD(codecs_unregister, "unregister", "($module, search_function, /)",
                 "Take a search function out again and forget what was found."),
    ATOLL_METHOD(codecs_lookup, "lookup", "($module, encoding, /)", "Find a codec; returns a CodecInfo."),
    ATOLL_METHOD(codecs_encode, "encode", "($module, /, obj, encoding='utf-8', errors='strict')",
                 "Encode an object with the codec of that name."),
    ATOLL_METHOD(codecs_decode, "decode", "($module, /, obj, encoding='utf-8', errors='strict')",
                 "Decode an object with the codec of that name."),
    ATOLL_METHOD(escape_encode, "escape_encode", "($module, data, errors=None, /)", "Bytes as they stand in a literal."),
    ATOLL_METHOD(escape_decode, "escape_decode", "($module, data, errors=None, /)", "The bytes that a literal's text stands for."),
    ATOLL_METHOD(encode_text<&encode_utf8>, "utf_8_encode", ATOLL_ENCODE_SIG, "Encode to UTF-8."),
    ATOLL_METHOD(decode_stateful<&decode_utf8>, "utf_8_decode", ATOLL_DECODE_SIG, "Decode UTF-8."),
    ATOLL_METHOD(encode_text<&encode_utf7>, "utf_7_encode", ATOLL_ENCODE_SIG, "Encode to UTF-7."),
    ATOLL_METHOD(decode_stateful<&decode_utf7>, "utf_7_decode", ATOLL_DECODE_SIG, "Decode UTF-7."),
    ATOLL_METHOD(encode_with_order<&encode_utf16>, "utf_16_encode", "($module, str, errors=None, byteorder=0, /)", "Encode to UTF-16."),
    ATOLL_METHOD(encode_text<encode_utf16_le>, "utf_16_le_encode", ATOLL_ENCODE_SIG, "Encode to UTF-16, little end first."),
    ATOLL_METHOD(encode_text<encode_utf16_be>, "utf_16_be_encode", ATOLL_ENCODE_SIG, "Encode to UTF-16, big end first."),
    ATOLL_METHOD(decode_stateful<decode_utf16_any>, "utf_16_decode", ATOLL_DECODE_SIG, "Decode UTF-16."),
    ATOLL_METHOD(decode_stateful<decode_utf16_le>, "utf_16_le_decode", ATOLL_DECODE_SIG, "Decode UTF-16, little end first."),
    ATOLL_METHOD(decode_stateful<decode_utf16_be>, "utf_16_be_decode", ATOLL_DECODE_SIG, "Decode UTF-16, big end first."),
    ATOLL_METHOD(decode_ex<&decode_utf16>, "utf_16_ex_decode", ATOLL_EX_SIG, "Decode UTF-16; tells the byte order too."),
    ATOLL_METHOD(encode_with_order<&encode_utf32>, "utf_32_encode", "($module, str, errors=None, byteorder=0, /)", "Encode to UTF-32."),
    ATOLL_METHOD(encode_text<encode_utf32_le>, "utf_32_le_encode", ATOLL_ENCODE_SIG, "Encode to UTF-32, little end first."),
    ATOLL_METHOD(encode_text<encode_utf32_be>, "utf_32_be_encode", ATOLL_ENCODE_SIG, "Encode to UTF-32, big end first."),
    ATOLL_METHOD(decode_stateful<decode_utf32_any>, "utf_32_decode", ATOLL_DECODE_SIG, "Decode UTF-32."),
    ATOLL_METHOD(decode_stateful<decode_utf32_le>, "utf_32_le_decode", ATOLL_DECODE_SIG, "Decode UTF-32, little end first."),
    ATOLL_METHOD(decode_stateful<decode_utf32_be>, "utf_32_be_decode", ATOLL_DECODE_SIG, "Decode UTF-32, big end first."),
    ATOLL_METHOD(decode_ex<&decode_utf32>, "utf_32_ex_decode", ATOLL_EX_SIG, "Decode UTF-32; tells the byte order too."),
    ATOLL_METHOD(encode_escape<&encode_unicode_escape>, "unicode_escape_encode", ATOLL_ENCODE_SIG, "Encode as in a str literal."),
    ATOLL_METHOD(decode_escape<&decode_unicode_escape_warn>, "unicode_escape_decode", "($module, data, errors=None, final=True, /)",
                 "Decode the text of a str literal."),
    ATOLL_METHOD(encode_escape<&encode_raw_unicode_escape>, "raw_unicode_escape_encode", ATOLL_ENCODE_SIG,
                 "Encode to Latin-1 with \\\\u escapes."),
    ATOLL_METHOD(decode_escape<&decode_raw_unicode_escape>, "raw_unicode_escape_decode",
                 "($module, data, errors=None, final=True, /)", "Decode Latin-1 with \\\\u escapes."),
    ATOLL_METHOD(encode_text<&encode_latin1>, "latin_1_encode", ATOLL_ENCODE_SIG, "Encode to Latin-1."),
    ATOLL_METHOD(latin_1_decode, "latin_1_decode", "($module, data, errors=None, /)", "Decode Latin-1."),
    ATOLL_METHOD(encode_text<&encode_ascii>, "ascii_encode", ATOLL_ENCODE_SIG, "Encode to ASCII."),
    ATOLL_METHOD(ascii_decode, "ascii_decode", "($module, data, errors=None, /)", "Decode ASCII."),
    ATOLL_METHOD(charmap_encode, "charmap_encode", "($module, str, errors=None, mapping=None, /)",
                 "Encode by a mapping from code points to bytes."),
    ATOLL_METHOD(charmap_decode, "charmap_decode", "($module, data, errors=None, mapping=None, /)",
                 "Decode by a mapping from bytes to code points or text."),
    ATOLL_METHOD(charmap_build_map, "charmap_build", "($module, map, /)", "Make a mapping for charmap_encode from a decoding table."),
    ATOLL_METHOD(readbuffer_encode, "readbuffer_encode", "($module, data, errors=None, /)", "The bytes of a buffer or of text in UTF-8."),
    ATOLL_METHOD(codecs_register_error, "register_error", "($module, errors, handler, /)",
                 "Register an error handler under a name.\n\n"
                 "It is called with the exception and returns (replacement, position to go on at)."),
    ATOLL_METHOD(codecs_lookup_error, "lookup_error", "($module, name, /)", "Find an error handler by its name."),
    ATOLL_METHOD_END};

int ready(PyObject*) { return 0; }

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__codecs, "_codecs", nullptr, 0, atl::kMethods, atl::ready)
