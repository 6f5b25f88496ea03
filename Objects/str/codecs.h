// Decoding and encoding: the codecs of the core, the error handlers, and the registry's internal side.
#pragma once

#include "Objects/bytes.h"
#include "Objects/bytes/writer.h"
#include "Objects/str/kernel_codec.h"
#include "Objects/str/str.h"

namespace atl {

// ---- errors --------------------------------------------------------------------------------------------------------

ATOLL_COLD Raised raise_decode_error(ThreadState& ts, const char* encoding, std::string_view data, Py_ssize_t start,
                                     Py_ssize_t end, const char* reason);
ATOLL_COLD Raised raise_encode_error(ThreadState& ts, const char* encoding, PyObject* text, Py_ssize_t start,
                                     Py_ssize_t end, const char* reason);

enum class ErrorMode : uint8_t {
  kUnknown, kStrict, kIgnore, kReplace, kSurrogateEscape, kBackslashReplace, kXmlCharRefReplace, kOther
};
ErrorMode error_mode(const char* errors);  // NULL: strict

// One decoding run's dealings with its error handler. `data` and `size` are the input; a handler may replace them.
class DecodeErrors {
 public:
  DecodeErrors(ThreadState& ts, const char* encoding, std::string_view input, const char* errors)
      : data(reinterpret_cast<const uint8_t*>(input.data())),
        size(static_cast<Py_ssize_t>(input.size())),
        ts_(ts),
        encoding_(encoding),
        errors_(errors) {}
  // The bytes [start, end) can't be decoded: writes what stands for them, *pos is where to go on.
  Status handle(const char* reason, Py_ssize_t start, Py_ssize_t end, StrWriter* out, Py_ssize_t* pos);
  const uint8_t* data;
  Py_ssize_t size;

 private:
  Status call_handler(const char* reason, Py_ssize_t start, Py_ssize_t end, StrWriter* out, Py_ssize_t* pos);

  ThreadState& ts_;
  const char* encoding_;
  const char* errors_;
  ErrorMode mode_ = ErrorMode::kUnknown;
  Ref<> handler_, exception_, input_;
};

// One encoding run's.
class EncodeErrors {
 public:
  // Where surrogateescape meets what it can't escape: what stands before it is escaped, and the error names only the
  // rest; or the error names all of it.
  enum class Escape : uint8_t { kPrefix, kWhole };
  EncodeErrors(ThreadState& ts, const char* encoding, PyObject* text, const char* errors, Escape escape = Escape::kPrefix)
      : ts_(ts), encoding_(encoding), text_(text), errors_(errors), escape_(escape) {}
  // The characters [start, end) can't be encoded: *replacement is a str or bytes that stands for them, or empty;
  // *pos is where to go on.
  Status handle(const char* reason, Py_ssize_t start, Py_ssize_t end, Ref<>* replacement, Py_ssize_t* pos);
  // The replacement can't be encoded either.
  ATOLL_COLD Raised fail(const char* reason, Py_ssize_t start, Py_ssize_t end);
  ErrorMode mode();

 private:
  ThreadState& ts_;
  const char* encoding_;
  PyObject* text_;
  const char* errors_;
  ErrorMode mode_ = ErrorMode::kUnknown;
  Escape escape_;
  Ref<> handler_, exception_;
};

// ---- codecs --------------------------------------------------------------------------------------------------------
// `consumed` not NULL: more input may follow; what is incomplete at the end is left and the number of bytes used stored.

Ref<> decode_utf8(ThreadState& ts, std::string_view data, const char* errors, Py_ssize_t* consumed);
Ref<> decode_ascii(ThreadState& ts, std::string_view data, const char* errors);
Ref<> decode_latin1(ThreadState& ts, std::string_view data);
// *order: -1 little, 1 big, 0: as a byte order mark says (native without one); tells afterwards what was found.
Ref<> decode_utf16(ThreadState& ts, std::string_view data, const char* errors, int* order, Py_ssize_t* consumed);
Ref<> decode_utf32(ThreadState& ts, std::string_view data, const char* errors, int* order, Py_ssize_t* consumed);
Ref<> decode_utf7(ThreadState& ts, std::string_view data, const char* errors, Py_ssize_t* consumed);
// The first escape that the language does not know, or an octal one above \\377: its place and what stands behind the
// backslash (of the input at that time: a handler may have replaced it).
struct InvalidEscape {
  Py_ssize_t offset = -1;
  char text[4] = {};
};
Ref<> decode_unicode_escape(ThreadState& ts, std::string_view data, const char* errors, Py_ssize_t* consumed,
                            InvalidEscape* invalid);
// As the codec does: warns of an escape that is not known.
Ref<> decode_unicode_escape_warn(ThreadState& ts, std::string_view data, const char* errors, Py_ssize_t* consumed);
Ref<> decode_raw_unicode_escape(ThreadState& ts, std::string_view data, const char* errors, Py_ssize_t* consumed);
// mapping NULL: Latin-1.
Ref<> decode_charmap(ThreadState& ts, std::string_view data, PyObject* mapping, const char* errors);

Ref<> encode_utf8(ThreadState& ts, PyObject* s, const char* errors);
Ref<> encode_ascii(ThreadState& ts, PyObject* s, const char* errors);
Ref<> encode_latin1(ThreadState& ts, PyObject* s, const char* errors);
Ref<> encode_utf16(ThreadState& ts, PyObject* s, const char* errors, int order);  // 0: native with a mark
Ref<> encode_utf32(ThreadState& ts, PyObject* s, const char* errors, int order);
Ref<> encode_utf7(ThreadState& ts, PyObject* s, const char* errors);
Ref<> encode_unicode_escape(ThreadState& ts, PyObject* s);
Ref<> encode_raw_unicode_escape(ThreadState& ts, PyObject* s);
Ref<> encode_charmap(ThreadState& ts, PyObject* s, PyObject* mapping, const char* errors);
Ref<> charmap_build(ThreadState& ts, PyObject* table);  // str of up to 256 characters -> EncodingMap or dict

Ref<> str_translate(ThreadState& ts, PyObject* s, PyObject* table, const char* errors);

// ---- by name -------------------------------------------------------------------------------------------------------
// encoding NULL: UTF-8. Well-known names go straight to the codecs above, others through the registry.
Ref<> str_decode(ThreadState& ts, std::string_view data, const char* encoding, const char* errors);
Ref<> str_decode_object(ThreadState& ts, PyObject* bytes_like, const char* encoding, const char* errors);
Ref<> str_encode(ThreadState& ts, PyObject* s, const char* encoding, const char* errors);
// How file names and arguments are coded: UTF-8 with surrogateescape.
Ref<> str_encode_fs(ThreadState& ts, PyObject* s);
Ref<> str_decode_fs(ThreadState& ts, std::string_view data);

// ---- registry ------------------------------------------------------------------------------------------------------
Ref<> codec_lookup(ThreadState& ts, const char* encoding);
Ref<> codec_lookup_error(ThreadState& ts, const char* name);  // NULL: strict
// The error handlers of the core, by what codec_lookup_error gives without a registration; empty without exception.
Ref<> codec_builtin_error_handler(ThreadState& ts, const char* name);
void codecs_clear(Interpreter& interp);

}  // namespace atl
