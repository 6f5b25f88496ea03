// The C API of bytes and bytearray.
#include <cstdarg>
#include <cstring>

#include "Objects/bytes/bytearray.h"
#include "Objects/bytes/layout.h"
#include "Objects/bytes/shared.h"
#include "Objects/bytes/writer.h"
#include "Objects/str/codecs.h"
#include "Objects/str/text.h"

using namespace atl;

// ---- bytes -----------------------------------------------------------------------------------------------------------

extern "C" {

PyObject* PyBytes_FromStringAndSize(const char* data, Py_ssize_t size) {
  ThreadState& ts = current_thread();
  if (size < 0) return raise(ts, PyExc_SystemError, "Negative size passed to PyBytes_FromStringAndSize");
  if (data == nullptr) return bytes_new(ts, size).release();
  return bytes_from(ts, {data, static_cast<size_t>(size)}).release();
}

PyObject* PyBytes_FromString(const char* data) { return bytes_from(current_thread(), data).release(); }

PyObject* PyBytes_FromObject(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (is_exact_bytes(o)) return new_ref(o);
  return bytes_from_object(ts, o, false).release();
}

Py_ssize_t PyBytes_Size(PyObject* o) {
  if (!is_bytes(o)) return raise(current_thread(), PyExc_TypeError, "expected bytes, %.200T found", o);
  return bytes_size(o);
}

char* PyBytes_AsString(PyObject* o) {
  if (!is_bytes(o)) return raise(current_thread(), PyExc_TypeError, "expected bytes, %.200T found", o);
  return bytes_data(o);
}

int PyBytes_AsStringAndSize(PyObject* o, char** data, Py_ssize_t* size) {
  ThreadState& ts = current_thread();
  if (data == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (!is_bytes(o)) return raise(ts, PyExc_TypeError, "expected bytes, %.200T found", o);
  *data = bytes_data(o);
  if (size != nullptr) {
    *size = bytes_size(o);
  } else if (std::strlen(*data) != static_cast<size_t>(bytes_size(o))) {
    return raise(ts, PyExc_ValueError, "embedded null byte");
  }
  return 0;
}

PyObject* PyBytes_Repr(PyObject* o, int smart_quotes) {
  return bytes_repr_text(current_thread(), bytes_view(o), "", "", smart_quotes ? ReprQuotes::kSmart : ReprQuotes::kSingle).release();
}

void PyBytes_Concat(PyObject** bytes, PyObject* more) {
  ThreadState& ts = current_thread();
  if (*bytes == nullptr) return;
  Ref<> left = steal(std::exchange(*bytes, nullptr));
  if (more == nullptr) return;
  if (!is_immortal(left.get()) && left->ob_refcnt == 1 && is_exact_bytes(left.get()) && more != left.get()) {
    ByteArg right;
    if (failed(right.get(more))) {
      error_clear(ts);
      static_cast<void>(raise(ts, PyExc_TypeError, "can't concat %.100T to %.100T", more, left.get()));
      return;
    }
    Py_ssize_t old = bytes_size(left.get());
    if (right.view.len > kMaxBytes - old) {
      static_cast<void>(raise_memory(ts));
      return;
    }
    if (failed(bytes_resize(ts, &left, old + right.view.len))) return;
    std::memcpy(bytes_data(left.get()) + old, right.view.buf, static_cast<size_t>(right.view.len));
    *bytes = left.release();
    return;
  }
  *bytes = bytes_concat(ts, left.get(), more).release();
}

void PyBytes_ConcatAndDel(PyObject** bytes, PyObject* more) {
  PyBytes_Concat(bytes, more);
  xdecref(more);
}

int _PyBytes_Resize(PyObject** bytes, Py_ssize_t size) {
  ThreadState& ts = current_thread();
  Ref<> b = steal(std::exchange(*bytes, nullptr));
  if (!b || !is_bytes(b.get()) || size < 0) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (bytes_size(b.get()) != size && bytes_size(b.get()) != 0 && size != 0 && !is_immortal(b.get()) && b->ob_refcnt != 1) {
    return raise_bad_internal_call(ts, __FILE__, __LINE__);
  }
  if (failed(bytes_resize(ts, &b, size))) return -1;
  *bytes = b.release();
  return 0;
}

PyObject* _PyBytes_Join(PyObject* separator, PyObject* iterable) { return byte_join(current_thread(), separator, iterable).release(); }

PyObject* _PyBytes_FromHex(PyObject* text, int use_bytearray) {
  return bytes_from_hex(current_thread(), text, use_bytearray != 0).release();
}

PyObject* _PyBytes_FormatEx(const char* format, Py_ssize_t size, PyObject* args, int use_bytearray) {
  return bytes_percent(current_thread(), {format, static_cast<size_t>(size)}, args, use_bytearray != 0).release();
}

Py_EXPORTED_SYMBOL Py_ssize_t _PyBytes_Find(const char* hay, Py_ssize_t hay_size, const char* needle, Py_ssize_t needle_size, Py_ssize_t offset) {
  ptrdiff_t at = text_find({hay, hay_size, TextKind::k1}, {needle, needle_size, TextKind::k1});
  return at < 0 ? -1 : at + offset;
}
Py_EXPORTED_SYMBOL Py_ssize_t _PyBytes_ReverseFind(const char* hay, Py_ssize_t hay_size, const char* needle, Py_ssize_t needle_size, Py_ssize_t offset) {
  ptrdiff_t at = text_rfind({hay, hay_size, TextKind::k1}, {needle, needle_size, TextKind::k1});
  return at < 0 ? -1 : at + offset;
}

Py_EXPORTED_SYMBOL PyObject* _Py_strhex(const char* data, Py_ssize_t size) {
  return hex_of_memory(current_thread(), {data, static_cast<size_t>(size)}, nullptr, 0).release();
}
Py_EXPORTED_SYMBOL PyObject* _Py_strhex_with_sep(const char* data, Py_ssize_t size, PyObject* sep, int bytes_per_sep) {
  return hex_of_memory(current_thread(), {data, static_cast<size_t>(size)}, sep, bytes_per_sep).release();
}
Py_EXPORTED_SYMBOL PyObject* _Py_strhex_bytes_with_sep(const char* data, Py_ssize_t size, PyObject* sep, int bytes_per_sep) {
  ThreadState& ts = current_thread();
  Ref<> text = hex_of_memory(ts, {data, static_cast<size_t>(size)}, sep, bytes_per_sep);
  return text ? encode_ascii(ts, text.get(), nullptr).release() : nullptr;
}
Py_EXPORTED_SYMBOL PyObject* _Py_strhex_bytes(const char* data, Py_ssize_t size) {
  return _Py_strhex_bytes_with_sep(data, size, nullptr, 0);
}

}  // extern "C"

// ---- escapes ---------------------------------------------------------------------------------------------------------

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int simple_escape(char c) {
  switch (c) {
    case '\\': case '\'': case '"': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 't': return '\t';
    case 'n': return '\n';
    case 'r': return '\r';
    case 'v': return '\v';
    case 'a': return '\a';
    default: return -1;
  }
}

// The bytes of a literal's text. *first_invalid: where an escape stands that the language does not know (behind its
// backslash), or NULL.
Ref<> decode_escapes(ThreadState& ts, std::string_view text, const char* errors, const char** first_invalid) {
  *first_invalid = nullptr;
  BytesWriter w(ts);
  size_t n = text.size();
  for (size_t i = 0; i < n;) {
    size_t plain = text.find('\\', i);
    if (plain == text.npos) plain = n;
    if (failed(w.write(text.substr(i, plain - i)))) return {};
    i = plain + 1;
    if (plain == n) break;
    if (i == n) return raise(ts, PyExc_ValueError, "Trailing \\ in string");
    char c = text[i++];
    int simple = simple_escape(c);
    if (simple >= 0) {
      if (failed(w.put(static_cast<uint8_t>(simple)))) return {};
    } else if (c == '\n') {
      // the line goes on
    } else if (c >= '0' && c <= '7') {
      const char* octal = text.data() + i - 1;
      int value = c - '0';
      for (int k = 0; k < 2 && i < n && text[i] >= '0' && text[i] <= '7'; ++k) value = value * 8 + (text[i++] - '0');
      if (value > 0377 && *first_invalid == nullptr) *first_invalid = octal;
      if (failed(w.put(static_cast<uint8_t>(value)))) return {};
    } else if (c == 'x') {
      int high = i < n ? hex_digit(text[i]) : -1, low = i + 1 < n ? hex_digit(text[i + 1]) : -1;
      if (high >= 0 && low >= 0) {
        if (failed(w.put(static_cast<uint8_t>(high << 4 | low)))) return {};
        i += 2;
        continue;
      }
      auto at = static_cast<Py_ssize_t>(i) - 2;
      if (high >= 0) ++i;
      if (errors == nullptr || std::strcmp(errors, "strict") == 0) {
        return raise(ts, PyExc_ValueError, "invalid \\x escape at position %zd", at);
      }
      if (std::strcmp(errors, "replace") == 0) {
        if (failed(w.put('?'))) return {};
      } else if (std::strcmp(errors, "ignore") != 0) {
        return raise(ts, PyExc_ValueError, "decoding error; unknown error handling code: %.400s", errors);
      }
    } else {
      if (*first_invalid == nullptr) *first_invalid = text.data() + i - 1;
      if (failed(w.put('\\')) || failed(w.put(static_cast<uint8_t>(c)))) return {};
    }
  }
  return w.finish();
}

}  // namespace

extern "C" {

PyObject* _PyBytes_DecodeEscape(const char* text, Py_ssize_t size, const char* errors, const char** first_invalid) {
  return decode_escapes(current_thread(), {text, static_cast<size_t>(size)}, errors, first_invalid).release();
}
PyObject* _PyBytes_DecodeEscape2(const char* text, Py_ssize_t size, const char* errors, int* first_invalid_char,
                                 const char** first_invalid) {
  PyObject* r = _PyBytes_DecodeEscape(text, size, errors, first_invalid);
  *first_invalid_char = *first_invalid != nullptr ? escape_code(*first_invalid) : -1;
  return r;
}
PyObject* PyBytes_DecodeEscape(const char* text, Py_ssize_t size, const char* errors, Py_ssize_t, const char*) {
  ThreadState& ts = current_thread();
  const char* invalid;
  Ref<> r = decode_escapes(ts, {text, static_cast<size_t>(size)}, errors, &invalid);
  if (r && invalid != nullptr && failed(warn_of_escape(ts, invalid))) return nullptr;
  return r.release();
}

// ---- PyBytes_FromFormat ------------------------------------------------------------------------------------------------

PyObject* PyBytes_FromFormatV(const char* format, va_list args) {
  ThreadState& ts = current_thread();
  va_list a;
  va_copy(a, args);
  ScopeGuard end([&] { va_end(a); });
  BytesWriter w(ts);
  for (const char* f = format; *f != 0;) {
    if (*f != '%') {
      const char* run = f;
      while (*f != 0 && *f != '%') ++f;
      if (failed(w.write({run, static_cast<size_t>(f - run)}))) return nullptr;
      continue;
    }
    const char* start = f++;
    while (*f >= '0' && *f <= '9') ++f;  // a width is allowed and not used
    long precision = 0;
    bool has_precision = *f == '.';
    if (has_precision) {
      for (++f; *f >= '0' && *f <= '9'; ++f) {
        if (precision < (1L << 40)) precision = precision * 10 + (*f - '0');
      }
    }
    bool is_long = false, is_size = false;
    if (*f == 'l' && (f[1] == 'd' || f[1] == 'u')) {
      is_long = true;
      ++f;
    } else if (*f == 'z' && (f[1] == 'd' || f[1] == 'u')) {
      is_size = true;
      ++f;
    }
    char text[32];
    int n = -1;
    switch (*f) {
      case 'c': {
        int c = va_arg(a, int);
        if (c < 0 || c > 255) {
          return raise(ts, PyExc_OverflowError, "PyBytes_FromFormatV(): %%c format expects an integer in [0; 255]");
        }
        text[0] = static_cast<char>(c);
        n = 1;
        break;
      }
      case 'd':
        n = is_long   ? std::snprintf(text, sizeof text, "%ld", va_arg(a, long))
            : is_size ? std::snprintf(text, sizeof text, "%zd", va_arg(a, Py_ssize_t))
                      : std::snprintf(text, sizeof text, "%d", va_arg(a, int));
        break;
      case 'u':
        n = is_long   ? std::snprintf(text, sizeof text, "%lu", va_arg(a, unsigned long))
            : is_size ? std::snprintf(text, sizeof text, "%zu", va_arg(a, size_t))
                      : std::snprintf(text, sizeof text, "%u", va_arg(a, unsigned));
        break;
      case 'i': n = std::snprintf(text, sizeof text, "%i", va_arg(a, int)); break;
      case 'x': n = std::snprintf(text, sizeof text, "%x", va_arg(a, unsigned)); break;
      case 'p':
        n = std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(va_arg(a, void*))));
        break;
      case 's': {
        const char* s = va_arg(a, const char*);
        size_t length = has_precision && precision > 0 ? strnlen(s, static_cast<size_t>(precision)) : std::strlen(s);
        if (failed(w.write({s, length}))) return nullptr;
        ++f;
        continue;
      }
      case '%':
        text[0] = '%';
        n = 1;
        break;
      default:  // not known: the rest is copied as it is
        if (failed(w.write(start))) return nullptr;
        return w.finish().release();
    }
    ++f;
    if (failed(w.write({text, static_cast<size_t>(n)}))) return nullptr;
  }
  return w.finish().release();
}

PyObject* PyBytes_FromFormat(const char* format, ...) {
  va_list args;
  va_start(args, format);
  PyObject* r = PyBytes_FromFormatV(format, args);
  va_end(args);
  return r;
}

// ---- bytearray -------------------------------------------------------------------------------------------------------

PyObject* PyByteArray_FromStringAndSize(const char* data, Py_ssize_t size) {
  ThreadState& ts = current_thread();
  if (size < 0) return raise(ts, PyExc_SystemError, "Negative size passed to PyByteArray_FromStringAndSize");
  if (data == nullptr) return bytearray_new(ts, size).release();
  return bytearray_from(ts, {data, static_cast<size_t>(size)}).release();
}
PyObject* PyByteArray_FromObject(PyObject* o) { return call(current_thread(), obj(&PyByteArray_Type), o).release(); }
PyObject* PyByteArray_Concat(PyObject* a, PyObject* b) { return bytearray_concat(current_thread(), a, b).release(); }
Py_ssize_t PyByteArray_Size(PyObject* o) { return PyByteArray_GET_SIZE(o); }
char* PyByteArray_AsString(PyObject* o) { return PyByteArray_AS_STRING(o); }
int PyByteArray_Resize(PyObject* o, Py_ssize_t size) { return static_cast<int>(bytearray_resize(current_thread(), o, size)); }

// ---- _PyBytesWriter ----------------------------------------------------------------------------------------------------
// The caller writes through a pointer into small_buffer or the object; every function takes it and gives the next one.

static char* writer_begin(_PyBytesWriter* w) {
  if (w->use_small_buffer) return w->small_buffer;
  if (w->use_bytearray) return PyByteArray_AS_STRING(w->buffer);
  return bytes_data(w->buffer);
}

void _PyBytesWriter_Init(_PyBytesWriter* w) { std::memset(w, 0, offsetof(_PyBytesWriter, small_buffer)); }

void* _PyBytesWriter_Resize(_PyBytesWriter* w, void* at, Py_ssize_t size) {
  ThreadState& ts = current_thread();
  Py_ssize_t pos = static_cast<char*>(at) - writer_begin(w);
  if (w->overallocate && size <= PY_SSIZE_T_MAX - size / 4) size += size / 4;
  if (!w->use_small_buffer) {
    if (w->use_bytearray ? PyByteArray_Resize(w->buffer, size) < 0 : _PyBytes_Resize(&w->buffer, size) < 0) {
      _PyBytesWriter_Dealloc(w);
      w->allocated = 0;
      return nullptr;
    }
  } else {
    w->buffer = (w->use_bytearray ? bytearray_new(ts, size) : bytes_new(ts, size)).release();
    if (w->buffer == nullptr) return nullptr;
    char* to = w->use_bytearray ? PyByteArray_AS_STRING(w->buffer) : bytes_data(w->buffer);
    std::memcpy(to, w->small_buffer, static_cast<size_t>(pos));
    w->use_small_buffer = 0;
  }
  w->allocated = size;
  return writer_begin(w) + pos;
}

void* _PyBytesWriter_Prepare(_PyBytesWriter* w, void* at, Py_ssize_t size) {
  if (size == 0) return at;
  if (w->min_size > PY_SSIZE_T_MAX - size) {
    _PyBytesWriter_Dealloc(w);
    return raise_memory(current_thread());
  }
  Py_ssize_t needed = w->min_size + size;
  if (needed > w->allocated) at = _PyBytesWriter_Resize(w, at, needed);
  w->min_size = needed;
  return at;
}

void* _PyBytesWriter_Alloc(_PyBytesWriter* w, Py_ssize_t size) {
  w->use_small_buffer = 1;
  w->allocated = sizeof w->small_buffer;
  return _PyBytesWriter_Prepare(w, w->small_buffer, size);
}

void* _PyBytesWriter_WriteBytes(_PyBytesWriter* w, void* at, const void* data, Py_ssize_t size) {
  auto* to = static_cast<char*>(_PyBytesWriter_Prepare(w, at, size));
  if (to == nullptr) return nullptr;
  std::memcpy(to, data, static_cast<size_t>(size));
  return to + size;
}

PyObject* _PyBytesWriter_Finish(_PyBytesWriter* w, void* at) {
  ThreadState& ts = current_thread();
  Py_ssize_t size = static_cast<char*>(at) - writer_begin(w);
  if (w->use_small_buffer) {
    std::string_view data(w->small_buffer, static_cast<size_t>(size));
    return (w->use_bytearray ? bytearray_from(ts, data) : bytes_from(ts, data)).release();
  }
  PyObject* r = std::exchange(w->buffer, nullptr);
  if (w->use_bytearray) {
    if (PyByteArray_Resize(r, size) < 0) {
      decref(r);
      return nullptr;
    }
  } else if (_PyBytes_Resize(&r, size) < 0) {
    return nullptr;
  }
  return r;
}

void _PyBytesWriter_Dealloc(_PyBytesWriter* w) { xdecref(std::exchange(w->buffer, nullptr)); }

}  // extern "C"
