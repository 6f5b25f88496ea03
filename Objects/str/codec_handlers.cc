// The error handlers that every interpreter knows: each takes the exception and returns (replacement, position).
#include <cctype>
#include <cstring>

#include "Objects/function.h"
#include "Objects/int/int.h"
#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"
#include "Objects/str/text.h"
#include "Objects/str/unicode_tables.h"
#include "Objects/tuple.h"

namespace atl {
namespace {

enum class What : uint8_t { kEncode, kDecode, kTranslate, kOther };

What kind_of(PyObject* exception) {
  auto is = [&](PyObject* type) { return is_instance_nocall(exception, reinterpret_cast<PyTypeObject*>(type)); };
  if (is(PyExc_UnicodeEncodeError)) return What::kEncode;
  if (is(PyExc_UnicodeDecodeError)) return What::kDecode;
  if (is(PyExc_UnicodeTranslateError)) return What::kTranslate;
  return What::kOther;
}

Raised wrong_exception(ThreadState& ts, PyObject* exception) {
  return raise(ts, PyExc_TypeError, "don't know how to handle %.200T in error callback", exception);
}

// What an exception tells.
struct Trouble {
  What what;
  Py_ssize_t start = 0, end = 0;
  Ref<> object;

  Status read(PyObject* e) {
    switch (what) {
      case What::kEncode:
        object = steal(PyUnicodeEncodeError_GetObject(e));
        return !object || PyUnicodeEncodeError_GetStart(e, &start) < 0 || PyUnicodeEncodeError_GetEnd(e, &end) < 0 ? Status::kError : Status::kOk;
      case What::kDecode:
        object = steal(PyUnicodeDecodeError_GetObject(e));
        return !object || PyUnicodeDecodeError_GetStart(e, &start) < 0 || PyUnicodeDecodeError_GetEnd(e, &end) < 0 ? Status::kError : Status::kOk;
      default:
        object = steal(PyUnicodeTranslateError_GetObject(e));
        return !object || PyUnicodeTranslateError_GetStart(e, &start) < 0 || PyUnicodeTranslateError_GetEnd(e, &end) < 0 ? Status::kError : Status::kOk;
    }
  }
};

Ref<> answer(ThreadState& ts, Ref<> replacement, Py_ssize_t pos) {
  Ref<> where = int_from_ssize(ts, pos);
  return replacement && where ? tuple_of(ts, replacement.get(), where.get()) : Ref<>();
}

Ref<> raise_again(ThreadState& ts, PyObject* exception) {
  return raise_object(ts, obj(type_of(exception)), exception);
}

bool is_exception(PyObject* o) {
  return is_instance_nocall(o, reinterpret_cast<PyTypeObject*>(PyExc_BaseException));
}

Ref<> handle_strict(ThreadState& ts, PyObject* e) {
  if (is_exception(e)) return raise_again(ts, e);
  return raise(ts, PyExc_TypeError, "codec must pass exception instance");
}

Ref<> handle_ignore(ThreadState& ts, PyObject* e) {
  Trouble t{kind_of(e)};
  if (t.what == What::kOther) return wrong_exception(ts, e);
  if (failed(t.read(e))) return {};
  return answer(ts, dup(empty_str()), t.end);
}

Ref<> handle_replace(ThreadState& ts, PyObject* e) {
  Trouble t{kind_of(e)};
  if (t.what == What::kOther) return wrong_exception(ts, e);
  if (failed(t.read(e))) return {};
  StrWriter w(ts);
  if (t.what == What::kDecode) {
    if (failed(w.put(0xFFFD))) return {};
  } else if (failed(w.fill(t.what == What::kEncode ? '?' : 0xFFFD, t.end - t.start))) {
    return {};
  }
  return answer(ts, w.finish(), t.end);
}

template <class F>
Ref<> each_char(ThreadState& ts, const Trouble& t, F write) {
  StrWriter w(ts);
  Py_ssize_t length = str_length(t.object.get());
  for (Py_ssize_t i = t.start; i < t.end; ++i) {
    if (failed(write(w, i < length ? str_at(t.object.get(), i) : 0))) return {};
  }
  return answer(ts, w.finish(), t.end);
}

Ref<> handle_xmlcharref(ThreadState& ts, PyObject* e) {
  Trouble t{kind_of(e)};
  if (t.what != What::kEncode) return wrong_exception(ts, e);
  if (failed(t.read(e))) return {};
  return each_char(ts, t, [](StrWriter& w, uint32_t c) {
    char text[16];
    int n = std::snprintf(text, sizeof text, "&#%u;", c);
    return w.write_ascii({text, static_cast<size_t>(n)});
  });
}

Status write_escape(StrWriter& w, uint32_t c) {
  char text[16];
  int n = std::snprintf(text, sizeof text, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
  return w.write_ascii({text, static_cast<size_t>(n)});
}

Ref<> handle_backslash(ThreadState& ts, PyObject* e) {
  Trouble t{kind_of(e)};
  if (t.what == What::kOther) return wrong_exception(ts, e);
  if (failed(t.read(e))) return {};
  if (t.what != What::kDecode) return each_char(ts, t, write_escape);
  StrWriter w(ts);
  for (Py_ssize_t i = t.start; i < t.end; ++i) {
    if (failed(write_escape(w, static_cast<uint8_t>(bytes_data(t.object.get())[i])))) return {};
  }
  return answer(ts, w.finish(), t.end);
}

Ref<> handle_name(ThreadState& ts, PyObject* e) {
  Trouble t{kind_of(e)};
  if (t.what != What::kEncode) return wrong_exception(ts, e);
  if (failed(t.read(e))) return {};
  return each_char(ts, t, [](StrWriter& w, uint32_t c) {
    char name[kUcNameBuffer];
    size_t n = uc_name(c, name);
    if (n == 0) return write_escape(w, c);
    return failed(w.write_ascii("\\N{")) || failed(w.write_ascii({name, n})) ? Status::kError : w.put('}');
  });
}

// Which of the encodings that can carry surrogates; kNone for others.
enum class Carrier : uint8_t { kNone, kUtf8, kUtf16le, kUtf16be, kUtf32le, kUtf32be };

Carrier carrier_of(const char* name) {
  auto same = [&](const char* begin) {
    for (; *begin != 0; ++begin, ++name) {
      if (std::tolower(static_cast<unsigned char>(*name)) != *begin) return false;
    }
    return true;
  };
  const char* start = name;
  if (std::strcmp(name, "CP_UTF8") == 0) return Carrier::kUtf8;
  if (!same("utf")) return Carrier::kNone;
  if (*name == '-' || *name == '_') ++name;
  (void)start;
  if (*name == '8' && name[1] == 0) return Carrier::kUtf8;
  int bits = std::strncmp(name, "16", 2) == 0 ? 16 : std::strncmp(name, "32", 2) == 0 ? 32 : 0;
  if (bits == 0) return Carrier::kNone;
  name += 2;
  if (*name == 0) return bits == 16 ? Carrier::kUtf16le : Carrier::kUtf32le;
  if (*name == '-' || *name == '_') ++name;
  const char* rest = name;
  if (same("be") && *name == 0) return bits == 16 ? Carrier::kUtf16be : Carrier::kUtf32be;
  name = rest;
  if (same("le") && *name == 0) return bits == 16 ? Carrier::kUtf16le : Carrier::kUtf32le;
  return Carrier::kNone;
}

Carrier carrier_of_exception(PyObject* e, What what, Status* status) {
  *status = Status::kError;
  Ref<> name = steal(what == What::kEncode ? PyUnicodeEncodeError_GetEncoding(e) : PyUnicodeDecodeError_GetEncoding(e));
  if (!name) return Carrier::kNone;
  const char* text = str_utf8(current_thread(), name.get());
  if (text == nullptr) return Carrier::kNone;
  *status = Status::kOk;
  return carrier_of(text);
}

bool is_surrogate(uint32_t c) { return c >= 0xD800 && c <= 0xDFFF; }

int put_surrogate(Carrier carrier, uint32_t c, uint8_t out[4]) {
  auto high = static_cast<uint8_t>(c >> 8), low = static_cast<uint8_t>(c);
  switch (carrier) {
    case Carrier::kUtf8:
      return utf8_put(c, out);
    case Carrier::kUtf16le:
      out[0] = low, out[1] = high;
      return 2;
    case Carrier::kUtf16be:
      out[0] = high, out[1] = low;
      return 2;
    case Carrier::kUtf32le:
      out[0] = low, out[1] = high, out[2] = out[3] = 0;
      return 4;
    default:
      out[0] = out[1] = 0, out[2] = high, out[3] = low;
      return 4;
  }
}

// A surrogate at p as the carrier writes it: its length in bytes, or 0.
int get_surrogate(Carrier carrier, const uint8_t* p, Py_ssize_t left, uint32_t* c) {
  auto take = [&](uint32_t value, int size) {
    *c = value;
    return is_surrogate(value) ? size : 0;
  };
  switch (carrier) {
    case Carrier::kUtf8:
      if (left < 3 || (p[0] & 0xF0) != 0xE0 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80) return 0;
      return take((p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u), 3);
    case Carrier::kUtf16le:
      return left < 2 ? 0 : take(static_cast<uint32_t>(p[1] << 8 | p[0]), 2);
    case Carrier::kUtf16be:
      return left < 2 ? 0 : take(static_cast<uint32_t>(p[0] << 8 | p[1]), 2);
    case Carrier::kUtf32le:
      return left < 4 ? 0 : take(static_cast<uint32_t>(p[3]) << 24 | static_cast<uint32_t>(p[2] << 16 | p[1] << 8 | p[0]), 4);
    case Carrier::kUtf32be:
      return left < 4 ? 0 : take(static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1] << 16 | p[2] << 8 | p[3]), 4);
    default:
      return 0;
  }
}

Ref<> handle_surrogatepass(ThreadState& ts, PyObject* e) {
  Trouble t{kind_of(e)};
  if (t.what != What::kEncode && t.what != What::kDecode) return wrong_exception(ts, e);
  Status status;
  Carrier carrier = carrier_of_exception(e, t.what, &status);
  if (failed(status) || failed(t.read(e))) return {};
  if (carrier == Carrier::kNone) return raise_again(ts, e);
  if (t.what == What::kEncode) {
    BytesWriter w(ts);
    for (Py_ssize_t i = t.start; i < t.end; ++i) {
      uint32_t c = i < str_length(t.object.get()) ? str_at(t.object.get(), i) : 0;
      if (!is_surrogate(c)) return raise_again(ts, e);
      uint8_t* out = w.prepare(4);
      if (out == nullptr) return {};
      w.advance(put_surrogate(carrier, c, out));
    }
    return answer(ts, w.finish(), t.end);
  }
  uint32_t c;
  auto* data = reinterpret_cast<const uint8_t*>(bytes_data(t.object.get()));
  int size = get_surrogate(carrier, data + t.start, bytes_size(t.object.get()) - t.start, &c);
  if (size == 0) return raise_again(ts, e);
  return answer(ts, str_from_char(ts, c), t.start + size);
}

Ref<> handle_surrogateescape(ThreadState& ts, PyObject* e) {
  Trouble t{kind_of(e)};
  if (t.what != What::kEncode && t.what != What::kDecode) return wrong_exception(ts, e);
  if (failed(t.read(e))) return {};
  if (t.what == What::kEncode) {
    BytesWriter w(ts);
    for (Py_ssize_t i = t.start; i < t.end; ++i) {
      uint32_t c = i < str_length(t.object.get()) ? str_at(t.object.get(), i) : 0;
      if (c < 0xDC80 || c > 0xDCFF) return raise_again(ts, e);
      if (failed(w.put(static_cast<uint8_t>(c - 0xDC00)))) return {};
    }
    return answer(ts, w.finish(), t.end);
  }
  StrWriter w(ts);
  Py_ssize_t i = t.start;
  for (; i < t.end && i < t.start + 4; ++i) {
    auto byte = static_cast<uint8_t>(bytes_data(t.object.get())[i]);
    if (byte < 0x80) break;
    if (failed(w.put(0xDC00u + byte))) return {};
  }
  if (i == t.start) return raise_again(ts, e);
  return answer(ts, w.finish(), i);
}

template <auto Handler>
PyObject* entry(PyObject*, PyObject* exception) {
  return Handler(current_thread(), exception).release();
}

constinit const PyMethodDef kHandlers[] = {
    {"strict_errors", entry<&handle_strict>, METH_O, "Raise the exception."},
    {"ignore_errors", entry<&handle_ignore>, METH_O, "Leave out what can't be converted."},
    {"replace_errors", entry<&handle_replace>, METH_O, "Put a replacement marker for what can't be converted."},
    {"xmlcharrefreplace_errors", entry<&handle_xmlcharref>, METH_O, "Put an XML character reference for each character."},
    {"backslashreplace_errors", entry<&handle_backslash>, METH_O, "Put a backslash escape for what can't be converted."},
    {"namereplace_errors", entry<&handle_name>, METH_O, "Put \\N{...} with the name of each character."},
    {"surrogatepass", entry<&handle_surrogatepass>, METH_O, nullptr},
    {"surrogateescape", entry<&handle_surrogateescape>, METH_O, nullptr},
};
constexpr const char* kNames[] = {"strict",           "ignore",      "replace",       "xmlcharrefreplace",
                                  "backslashreplace", "namereplace", "surrogatepass", "surrogateescape"};

}  // namespace

Ref<> codec_builtin_error_handler(ThreadState& ts, const char* name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (std::strcmp(kNames[i], name) == 0) {
      return builtin_function_new(ts, const_cast<PyMethodDef*>(&kHandlers[i]), nullptr, nullptr);
    }
  }
  return {};
}

}  // namespace atl

extern "C" {

PyObject* PyCodec_StrictErrors(PyObject* e) { return atl::handle_strict(atl::current_thread(), e).release(); }
PyObject* PyCodec_IgnoreErrors(PyObject* e) { return atl::handle_ignore(atl::current_thread(), e).release(); }
PyObject* PyCodec_ReplaceErrors(PyObject* e) { return atl::handle_replace(atl::current_thread(), e).release(); }
PyObject* PyCodec_XMLCharRefReplaceErrors(PyObject* e) { return atl::handle_xmlcharref(atl::current_thread(), e).release(); }
PyObject* PyCodec_BackslashReplaceErrors(PyObject* e) { return atl::handle_backslash(atl::current_thread(), e).release(); }
PyObject* PyCodec_NameReplaceErrors(PyObject* e) { return atl::handle_name(atl::current_thread(), e).release(); }

}  // extern "C"
