// The C API of str: codecs, file names, the locale's encoding, _PyUnicodeWriter.
#include <cstring>
#include <cwchar>

#include "Objects/str/codecs.h"
#include "Objects/str/kernel_find.h"
#include "Objects/str/layout.h"
#include "Objects/str/text.h"

using namespace atl;

namespace {

std::string_view sized(const char* text, Py_ssize_t size) { return {text, static_cast<size_t>(size)}; }

bool plain(ThreadState& ts, PyObject* o) {
  if (o == nullptr || !is_str(o)) {
    static_cast<void>(raise(ts, PyExc_TypeError, "bad argument type for built-in operation"));
    return false;
  }
  return PyUnicode_READY(o) == 0;
}

}  // namespace

extern "C" {

const char* PyUnicode_GetDefaultEncoding(void) { return "utf-8"; }

// ---- by name -------------------------------------------------------------------------------------------------------

PyObject* PyUnicode_Decode(const char* s, Py_ssize_t size, const char* encoding, const char* errors) {
  return str_decode(current_thread(), sized(s, size), encoding, errors).release();
}
PyObject* PyUnicode_AsEncodedString(PyObject* s, const char* encoding, const char* errors) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? str_encode(ts, s, encoding, errors).release() : nullptr;
}
PyObject* PyUnicode_AsDecodedObject(PyObject* s, const char* encoding, const char* errors) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return nullptr;
  if (failed(warn(ts, PyExc_DeprecationWarning, 1,
                  "PyUnicode_AsDecodedObject() is deprecated; use PyCodec_Decode() to decode from str"))) {
    return nullptr;
  }
  return PyCodec_Decode(s, encoding != nullptr ? encoding : "utf-8", errors);
}
PyObject* PyUnicode_AsDecodedUnicode(PyObject* s, const char* encoding, const char* errors) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return nullptr;
  if (failed(warn(ts, PyExc_DeprecationWarning, 1,
                  "PyUnicode_AsDecodedUnicode() is deprecated; use PyCodec_Decode() to decode from str to str"))) {
    return nullptr;
  }
  if (encoding == nullptr) encoding = "utf-8";
  Ref<> text = steal(PyCodec_Decode(s, encoding, errors));
  if (text && !is_str(text.get())) {
    return raise(ts, PyExc_TypeError,
                 "'%.400s' decoder returned '%.400T' instead of 'str'; use codecs.decode() to decode to arbitrary types",
                 encoding, text.get());
  }
  return text.release();
}
PyObject* PyUnicode_AsEncodedObject(PyObject* s, const char* encoding, const char* errors) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return nullptr;
  if (failed(warn(ts, PyExc_DeprecationWarning, 1,
                  "PyUnicode_AsEncodedObject() is deprecated; use PyUnicode_AsEncodedString() to encode from str to bytes "
                  "or PyCodec_Encode() for generic encoding"))) {
    return nullptr;
  }
  return PyCodec_Encode(s, encoding != nullptr ? encoding : "utf-8", errors);
}
PyObject* PyUnicode_AsEncodedUnicode(PyObject* s, const char* encoding, const char* errors) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return nullptr;
  if (failed(warn(ts, PyExc_DeprecationWarning, 1,
                  "PyUnicode_AsEncodedUnicode() is deprecated; use PyCodec_Encode() to encode from str to str"))) {
    return nullptr;
  }
  if (encoding == nullptr) encoding = "utf-8";
  Ref<> text = steal(PyCodec_Encode(s, encoding, errors));
  if (text && !is_str(text.get())) {
    return raise(ts, PyExc_TypeError,
                 "'%.400s' encoder returned '%.400T' instead of 'str'; use codecs.encode() to encode to arbitrary types",
                 encoding, text.get());
  }
  return text.release();
}

// ---- one by one ----------------------------------------------------------------------------------------------------

PyObject* PyUnicode_DecodeUTF8(const char* s, Py_ssize_t size, const char* errors) {
  return str_from_utf8(current_thread(), sized(s, size), errors).release();
}
PyObject* PyUnicode_DecodeUTF8Stateful(const char* s, Py_ssize_t size, const char* errors, Py_ssize_t* consumed) {
  return decode_utf8(current_thread(), sized(s, size), errors, consumed).release();
}
PyObject* PyUnicode_AsUTF8String(PyObject* s) { return _PyUnicode_AsUTF8String(s, nullptr); }
PyObject* _PyUnicode_AsUTF8String(PyObject* s, const char* errors) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_utf8(ts, s, errors).release() : nullptr;
}

PyObject* PyUnicode_DecodeUTF16(const char* s, Py_ssize_t size, const char* errors, int* order) {
  return decode_utf16(current_thread(), sized(s, size), errors, order, nullptr).release();
}
PyObject* PyUnicode_DecodeUTF16Stateful(const char* s, Py_ssize_t size, const char* errors, int* order, Py_ssize_t* consumed) {
  return decode_utf16(current_thread(), sized(s, size), errors, order, consumed).release();
}
PyObject* _PyUnicode_EncodeUTF16(PyObject* s, const char* errors, int order) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_utf16(ts, s, errors, order).release() : nullptr;
}
PyObject* PyUnicode_AsUTF16String(PyObject* s) { return _PyUnicode_EncodeUTF16(s, nullptr, 0); }

PyObject* PyUnicode_DecodeUTF32(const char* s, Py_ssize_t size, const char* errors, int* order) {
  return decode_utf32(current_thread(), sized(s, size), errors, order, nullptr).release();
}
PyObject* PyUnicode_DecodeUTF32Stateful(const char* s, Py_ssize_t size, const char* errors, int* order, Py_ssize_t* consumed) {
  return decode_utf32(current_thread(), sized(s, size), errors, order, consumed).release();
}
PyObject* _PyUnicode_EncodeUTF32(PyObject* s, const char* errors, int order) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_utf32(ts, s, errors, order).release() : nullptr;
}
PyObject* PyUnicode_AsUTF32String(PyObject* s) { return _PyUnicode_EncodeUTF32(s, nullptr, 0); }

PyObject* PyUnicode_DecodeUTF7(const char* s, Py_ssize_t size, const char* errors) {
  return decode_utf7(current_thread(), sized(s, size), errors, nullptr).release();
}
PyObject* PyUnicode_DecodeUTF7Stateful(const char* s, Py_ssize_t size, const char* errors, Py_ssize_t* consumed) {
  return decode_utf7(current_thread(), sized(s, size), errors, consumed).release();
}
PyObject* _PyUnicode_EncodeUTF7(PyObject* s, int, int, const char* errors) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_utf7(ts, s, errors).release() : nullptr;
}

PyObject* PyUnicode_DecodeASCII(const char* s, Py_ssize_t size, const char* errors) {
  return decode_ascii(current_thread(), sized(s, size), errors).release();
}
PyObject* _PyUnicode_AsASCIIString(PyObject* s, const char* errors) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_ascii(ts, s, errors).release() : nullptr;
}
PyObject* PyUnicode_AsASCIIString(PyObject* s) { return _PyUnicode_AsASCIIString(s, nullptr); }

PyObject* PyUnicode_DecodeLatin1(const char* s, Py_ssize_t size, const char*) {
  return decode_latin1(current_thread(), sized(s, size)).release();
}
PyObject* _PyUnicode_AsLatin1String(PyObject* s, const char* errors) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_latin1(ts, s, errors).release() : nullptr;
}
PyObject* PyUnicode_AsLatin1String(PyObject* s) { return _PyUnicode_AsLatin1String(s, nullptr); }

PyObject* PyUnicode_DecodeUnicodeEscape(const char* s, Py_ssize_t size, const char* errors) {
  return decode_unicode_escape_warn(current_thread(), sized(s, size), errors, nullptr).release();
}
PyObject* _PyUnicode_DecodeUnicodeEscapeStateful(const char* s, Py_ssize_t size, const char* errors, Py_ssize_t* consumed) {
  return decode_unicode_escape_warn(current_thread(), sized(s, size), errors, consumed).release();
}
PyObject* _PyUnicode_DecodeUnicodeEscapeInternal(const char* s, Py_ssize_t size, const char* errors, Py_ssize_t* consumed,
                                                 const char** first_invalid) {
  InvalidEscape invalid;
  Ref<> text = decode_unicode_escape(current_thread(), sized(s, size), errors, consumed, &invalid);
  *first_invalid = invalid.offset < 0 ? nullptr : s + invalid.offset + 1;
  return text.release();
}
PyObject* _PyUnicode_DecodeUnicodeEscapeInternal2(const char* s, Py_ssize_t size, const char* errors, Py_ssize_t* consumed,
                                                  int* first_invalid_char, const char** first_invalid) {
  PyObject* text = _PyUnicode_DecodeUnicodeEscapeInternal(s, size, errors, consumed, first_invalid);
  *first_invalid_char = *first_invalid != nullptr ? escape_code(*first_invalid) : -1;
  return text;
}
PyObject* PyUnicode_AsUnicodeEscapeString(PyObject* s) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_unicode_escape(ts, s).release() : nullptr;
}

PyObject* PyUnicode_DecodeRawUnicodeEscape(const char* s, Py_ssize_t size, const char* errors) {
  return decode_raw_unicode_escape(current_thread(), sized(s, size), errors, nullptr).release();
}
PyObject* _PyUnicode_DecodeRawUnicodeEscapeStateful(const char* s, Py_ssize_t size, const char* errors, Py_ssize_t* consumed) {
  return decode_raw_unicode_escape(current_thread(), sized(s, size), errors, consumed).release();
}
PyObject* PyUnicode_AsRawUnicodeEscapeString(PyObject* s) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_raw_unicode_escape(ts, s).release() : nullptr;
}

PyObject* PyUnicode_DecodeCharmap(const char* s, Py_ssize_t size, PyObject* mapping, const char* errors) {
  return decode_charmap(current_thread(), sized(s, size), mapping, errors).release();
}
PyObject* _PyUnicode_EncodeCharmap(PyObject* s, PyObject* mapping, const char* errors) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? encode_charmap(ts, s, mapping, errors).release() : nullptr;
}
PyObject* PyUnicode_AsCharmapString(PyObject* s, PyObject* mapping) {
  ThreadState& ts = current_thread();
  if (s == nullptr || !is_str(s) || mapping == nullptr) {
    return raise(ts, PyExc_TypeError, "bad argument type for built-in operation");
  }
  return encode_charmap(ts, s, mapping, nullptr).release();
}
PyObject* PyUnicode_BuildEncodingMap(PyObject* table) {
  ThreadState& ts = current_thread();
  if (!is_str(table) || str_length(table) == 0) {
    return raise(ts, PyExc_TypeError, "bad argument type for built-in operation");
  }
  return charmap_build(ts, table).release();
}

// ---- file names ----------------------------------------------------------------------------------------------------

PyObject* PyUnicode_DecodeFSDefaultAndSize(const char* s, Py_ssize_t size) {
  return str_decode_fs(current_thread(), sized(s, size)).release();
}
PyObject* PyUnicode_DecodeFSDefault(const char* s) { return str_decode_fs(current_thread(), s).release(); }
PyObject* PyUnicode_EncodeFSDefault(PyObject* s) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? str_encode_fs(ts, s).release() : nullptr;
}

int PyUnicode_FSConverter(PyObject* o, void* result) {
  auto** out = static_cast<PyObject**>(result);
  if (o == nullptr) {
    xdecref(std::exchange(*out, nullptr));
    return 1;
  }
  ThreadState& ts = current_thread();
  Ref<> path = steal(PyOS_FSPath(o));
  if (!path) return 0;
  if (!is_bytes(path.get())) {
    path = str_encode_fs(ts, path.get());
    if (!path) return 0;
  }
  if (bytes_view(path.get()).find('\0') != std::string_view::npos) {
    static_cast<void>(raise(ts, PyExc_ValueError, "embedded null byte"));
    return 0;
  }
  *out = path.release();
  return Py_CLEANUP_SUPPORTED;
}

int PyUnicode_FSDecoder(PyObject* o, void* result) {
  auto** out = static_cast<PyObject**>(result);
  if (o == nullptr) {
    xdecref(std::exchange(*out, nullptr));
    return 1;
  }
  ThreadState& ts = current_thread();
  Ref<> path;
  if (!is_str(o) && !is_bytes(o) && PyObject_CheckBuffer(o)) {
    if (PyErr_WarnFormat(PyExc_DeprecationWarning, 1, "path should be string, bytes, or os.PathLike, not %.200s", o->ob_type->tp_name) < 0) {
      return 0;
    }
    path = steal(PyBytes_FromObject(o));
  } else {
    path = steal(PyOS_FSPath(o));
  }
  if (!path) return 0;
  if (is_bytes(path.get())) {
    path = str_decode_fs(ts, bytes_view(path.get()));
    if (!path) return 0;
  }
  if (text_find_char(str_view(path.get()), 0) >= 0) {
    static_cast<void>(raise(ts, PyExc_ValueError, "embedded null character"));
    return 0;
  }
  *out = path.release();
  return Py_CLEANUP_SUPPORTED;
}

// ---- the locale's encoding -----------------------------------------------------------------------------------------

static int locale_errors(ThreadState& ts, const char* errors, bool* escape) {
  ErrorMode mode = error_mode(errors);
  *escape = mode == ErrorMode::kSurrogateEscape;
  if (mode == ErrorMode::kStrict || *escape) return 0;
  return raise(ts, PyExc_ValueError, "unsupported error handler");
}

PyObject* PyUnicode_DecodeLocaleAndSize(const char* s, Py_ssize_t size, const char* errors) {
  ThreadState& ts = current_thread();
  bool escape;
  if (locale_errors(ts, errors, &escape) < 0) return nullptr;
  if (s[size] != 0 || std::strlen(s) != static_cast<size_t>(size)) {
    return raise(ts, PyExc_ValueError, "embedded null byte");
  }
  StrWriter w(ts);
  mbstate_t state{};
  for (Py_ssize_t i = 0; i < size;) {
    wchar_t c = 0;
    size_t n = std::mbrtowc(&c, s + i, static_cast<size_t>(size - i), &state);
    auto code = static_cast<uint32_t>(c);
    bool bad = n == static_cast<size_t>(-1) || n == static_cast<size_t>(-2) || (code >= 0xD800 && code <= 0xDFFF);
    if (!bad) {
      if (failed(w.put(code))) return nullptr;
      i += static_cast<Py_ssize_t>(n);
      continue;
    }
    if (!escape) return raise_decode_error(ts, "locale", sized(s, size), i, i + 1, "decoding error");
    if (failed(w.put(0xDC00u + static_cast<unsigned char>(s[i])))) return nullptr;
    ++i;
    state = mbstate_t{};
  }
  return w.finish().release();
}
PyObject* PyUnicode_DecodeLocale(const char* s, const char* errors) {
  return PyUnicode_DecodeLocaleAndSize(s, static_cast<Py_ssize_t>(std::strlen(s)), errors);
}
PyObject* PyUnicode_EncodeLocale(PyObject* s, const char* errors) {
  ThreadState& ts = current_thread();
  bool escape;
  if (!plain(ts, s) || locale_errors(ts, errors, &escape) < 0) return nullptr;
  if (text_find_char(str_view(s), 0) >= 0) return raise(ts, PyExc_ValueError, "embedded null character");
  BytesWriter w(ts);
  mbstate_t state{};
  for (Py_ssize_t i = 0; i < str_length(s); ++i) {
    uint32_t c = str_at(s, i);
    if (escape && c >= 0xDC80 && c <= 0xDCFF) {
      if (failed(w.put(static_cast<uint8_t>(c - 0xDC00)))) return nullptr;
      continue;
    }
    char buffer[32];
    size_t n = std::wcrtomb(buffer, static_cast<wchar_t>(c), &state);
    if (n == static_cast<size_t>(-1)) return raise_encode_error(ts, "locale", s, i, i + 1, "encoding error");
    if (failed(w.write({buffer, n}))) return nullptr;
  }
  return w.finish().release();
}

// ---- _PyUnicodeWriter ------------------------------------------------------------------------------------------------

static void writer_update(_PyUnicodeWriter* w) {
  w->maxchar = str_max_class(w->buffer);
  w->data = str_data(w->buffer);
  if (w->readonly) {
    w->kind = PyUnicode_WCHAR_KIND;  // so that whatever is written next asks for another buffer
    w->size = 0;
  } else {
    w->kind = static_cast<PyUnicode_Kind>(str_kind(w->buffer));
    w->size = str_length(w->buffer);
  }
}

void _PyUnicodeWriter_Init(_PyUnicodeWriter* w) { std::memset(w, 0, sizeof *w); }

int _PyUnicodeWriter_PrepareInternal(_PyUnicodeWriter* w, Py_ssize_t length, Py_UCS4 max_char) {
  ThreadState& ts = current_thread();
  if (length > PY_SSIZE_T_MAX - w->pos) return raise_memory(ts);
  Py_ssize_t needed = w->pos + length;
  if (max_char < w->min_char) max_char = w->min_char;
  if (max_char < w->maxchar) max_char = w->maxchar;
  Py_ssize_t size = needed;
  if (w->overallocate && needed > w->size && needed < PY_SSIZE_T_MAX - needed / 4) size += needed / 4;
  if (size < w->min_length) size = w->min_length;
  if (w->buffer == nullptr) {
    w->buffer = PyUnicode_New(size, max_char);
    if (w->buffer == nullptr) return -1;
  } else if (needed > w->size || max_char > w->maxchar) {
    if (size < w->size) size = w->size;
    if (max_char > w->maxchar || w->readonly) {
      PyObject* fresh = PyUnicode_New(size, max_char);
      if (fresh == nullptr) return -1;
      _PyUnicode_FastCopyCharacters(fresh, 0, w->buffer, 0, w->pos);
      decref(std::exchange(w->buffer, fresh));
      w->readonly = 0;
    } else if (PyUnicode_Resize(&w->buffer, size) < 0) {
      return -1;
    }
  }
  writer_update(w);
  return 0;
}

int _PyUnicodeWriter_PrepareKindInternal(_PyUnicodeWriter* w, PyUnicode_Kind kind) {
  Py_UCS4 max_char = kind == PyUnicode_1BYTE_KIND ? 0xFF : kind == PyUnicode_2BYTE_KIND ? 0xFFFF : 0x10FFFF;
  return _PyUnicodeWriter_PrepareInternal(w, 0, max_char);
}

int _PyUnicodeWriter_WriteChar(_PyUnicodeWriter* w, Py_UCS4 c) {
  if (_PyUnicodeWriter_Prepare(w, 1, c) < 0) return -1;
  PyUnicode_WRITE(w->kind, w->data, w->pos, c);
  ++w->pos;
  return 0;
}

int _PyUnicodeWriter_WriteStr(_PyUnicodeWriter* w, PyObject* s) {
  if (PyUnicode_READY(s) < 0) return -1;
  Py_ssize_t n = str_length(s);
  if (n == 0) return 0;
  Py_UCS4 max_char = str_max_class(s);
  if (max_char > w->maxchar || n > w->size - w->pos) {
    if (w->buffer == nullptr && !w->overallocate) {
      w->readonly = 1;
      w->buffer = new_ref(s);
      writer_update(w);
      w->pos += n;
      return 0;
    }
    if (_PyUnicodeWriter_PrepareInternal(w, n, max_char) < 0) return -1;
  }
  _PyUnicode_FastCopyCharacters(w->buffer, w->pos, s, 0, n);
  w->pos += n;
  return 0;
}

int _PyUnicodeWriter_WriteSubstring(_PyUnicodeWriter* w, PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  if (PyUnicode_READY(s) < 0) return -1;
  if (end <= start) return 0;
  if (start == 0 && end == str_length(s)) return _PyUnicodeWriter_WriteStr(w, s);
  if (_PyUnicodeWriter_Prepare(w, end - start, _PyUnicode_FindMaxChar(s, start, end)) < 0) return -1;
  _PyUnicode_FastCopyCharacters(w->buffer, w->pos, s, start, end - start);
  w->pos += end - start;
  return 0;
}

static int writer_bytes(_PyUnicodeWriter* w, const char* text, Py_ssize_t n, Py_UCS4 max_char) {
  if (n == 0) return 0;
  if (_PyUnicodeWriter_Prepare(w, n, max_char) < 0) return -1;
  auto kind = static_cast<TextKind>(w->kind);
  text_convert({text, n, TextKind::k1}, kind, static_cast<char*>(w->data) + w->pos * static_cast<Py_ssize_t>(kind));
  w->pos += n;
  return 0;
}
int _PyUnicodeWriter_WriteASCIIString(_PyUnicodeWriter* w, const char* text, Py_ssize_t n) {
  return writer_bytes(w, text, n < 0 ? static_cast<Py_ssize_t>(std::strlen(text)) : n, 0x7F);
}
int _PyUnicodeWriter_WriteLatin1String(_PyUnicodeWriter* w, const char* text, Py_ssize_t n) {
  return writer_bytes(w, text, n, text_max_class({text, n, TextKind::k1}));
}

PyObject* _PyUnicodeWriter_Finish(_PyUnicodeWriter* w) {
  if (w->pos == 0) {
    xdecref(std::exchange(w->buffer, nullptr));
    return empty_str();
  }
  PyObject* s = std::exchange(w->buffer, nullptr);
  if (w->readonly || str_length(s) == w->pos) return s;
  if (PyUnicode_Resize(&s, w->pos) < 0) {
    decref(s);
    return nullptr;
  }
  return s;
}

void _PyUnicodeWriter_Dealloc(_PyUnicodeWriter* w) { xdecref(std::exchange(w->buffer, nullptr)); }

}  // extern "C"
