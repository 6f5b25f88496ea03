// What codecs do where input can't be converted: the well-known modes in place, all others by calling the handler.
#include <cstring>

#include "Objects/int/int.h"
#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"
#include "Objects/tuple.h"

namespace atl {

Raised raise_decode_error(ThreadState& ts, const char* encoding, std::string_view data, Py_ssize_t start, Py_ssize_t end,
                          const char* reason) {
  Ref<> exception = steal(PyUnicodeDecodeError_Create(encoding, data.data(), static_cast<Py_ssize_t>(data.size()), start, end, reason));
  if (exception) return raise_object(ts, PyExc_UnicodeDecodeError, exception.get());
  return already_raised();
}

namespace {

Ref<> new_encode_error(ThreadState& ts, const char* encoding, PyObject* text, Py_ssize_t start, Py_ssize_t end,
                       const char* reason) {
  Ref<> name = str_from_utf8(ts, encoding), why = str_from_utf8(ts, reason);
  Ref<> from = int_from_ssize(ts, start), to = int_from_ssize(ts, end);
  if (!name || !why || !from || !to) return {};
  return call(ts, PyExc_UnicodeEncodeError, name.get(), text, from.get(), to.get(), why.get());
}

// (replacement, position) as a handler gave it.
Status unpack_result(ThreadState& ts, PyObject* result, bool bytes_too, const char* message, PyObject** replacement,
                     Py_ssize_t* pos) {
  if (!is_tuple(result) || tuple_size(result) != 2) return raise(ts, PyExc_TypeError, "%s", message);
  PyObject* item = tuple_peek(result, 0);
  if (!is_str(item) && !(bytes_too && is_bytes(item))) return raise(ts, PyExc_TypeError, "%s", message);
  if (failed(index_as_ssize(ts, tuple_peek(result, 1), pos))) return Status::kError;
  *replacement = item;
  return Status::kOk;
}

}  // namespace

Raised raise_encode_error(ThreadState& ts, const char* encoding, PyObject* text, Py_ssize_t start, Py_ssize_t end,
                          const char* reason) {
  Ref<> exception = new_encode_error(ts, encoding, text, start, end, reason);
  if (exception) return raise_object(ts, PyExc_UnicodeEncodeError, exception.get());
  return already_raised();
}

ErrorMode error_mode(const char* errors) {
  if (errors == nullptr) return ErrorMode::kStrict;
  struct Row {
    const char* name;
    ErrorMode mode;
  };
  static constexpr Row kRows[] = {{"strict", ErrorMode::kStrict},
                                  {"surrogateescape", ErrorMode::kSurrogateEscape},
                                  {"replace", ErrorMode::kReplace},
                                  {"ignore", ErrorMode::kIgnore},
                                  {"backslashreplace", ErrorMode::kBackslashReplace},
                                  {"xmlcharrefreplace", ErrorMode::kXmlCharRefReplace}};
  for (const Row& row : kRows) {
    if (std::strcmp(row.name, errors) == 0) return row.mode;
  }
  return ErrorMode::kOther;
}

// ---- decoding ------------------------------------------------------------------------------------------------------

Status DecodeErrors::handle(const char* reason, Py_ssize_t start, Py_ssize_t end, StrWriter* out, Py_ssize_t* pos) {
  if (mode_ == ErrorMode::kUnknown) mode_ = error_mode(errors_);
  switch (mode_) {
    case ErrorMode::kStrict:
      break;
    case ErrorMode::kIgnore:
      *pos = end;
      return Status::kOk;
    case ErrorMode::kReplace:
      *pos = end;
      return out->put(0xFFFD);
    case ErrorMode::kSurrogateEscape: {
      Py_ssize_t i = start;
      for (; i < end && i < start + 4 && data[i] >= 0x80; ++i) {
        if (failed(out->put(0xDC00u + data[i]))) return Status::kError;
      }
      if (i == start) break;
      *pos = i;
      return Status::kOk;
    }
    case ErrorMode::kBackslashReplace: {
      if (failed(out->prepare_exact((end - start) * 4, 0x7F))) return Status::kError;
      for (Py_ssize_t i = start; i < end; ++i) {
        const char text[] = {'\\', 'x', Py_hexdigits[data[i] >> 4], Py_hexdigits[data[i] & 15]};
        if (failed(out->write_ascii({text, 4}))) return Status::kError;
      }
      *pos = end;
      return Status::kOk;
    }
    default:
      return call_handler(reason, start, end, out, pos);
  }
  return raise_decode_error(ts_, encoding_, {reinterpret_cast<const char*>(data), static_cast<size_t>(size)}, start, end,
                            reason);
}

Status DecodeErrors::call_handler(const char* reason, Py_ssize_t start, Py_ssize_t end, StrWriter* out, Py_ssize_t* pos) {
  if (!handler_) {
    handler_ = codec_lookup_error(ts_, errors_);
    if (!handler_) return Status::kError;
  }
  if (!exception_) {
    exception_ = steal(
        PyUnicodeDecodeError_Create(encoding_, reinterpret_cast<const char*>(data), size, start, end, reason));
    if (!exception_) return Status::kError;
  } else if (PyUnicodeDecodeError_SetStart(exception_.get(), start) < 0 ||
             PyUnicodeDecodeError_SetEnd(exception_.get(), end) < 0 ||
             PyUnicodeDecodeError_SetReason(exception_.get(), reason) < 0) {
    return Status::kError;
  }
  Ref<> result = call(ts_, handler_.get(), exception_.get());
  if (!result) return Status::kError;
  PyObject* replacement;
  Py_ssize_t next;
  if (failed(unpack_result(ts_, result.get(), false, "decoding error handler must return (str, int) tuple", &replacement,
                           &next))) {
    return Status::kError;
  }
  // The handler may have put another input in the exception.
  Ref<> input = steal(PyUnicodeDecodeError_GetObject(exception_.get()));
  if (!input) return Status::kError;
  data = reinterpret_cast<const uint8_t*>(bytes_data(input.get()));
  size = bytes_size(input.get());
  input_ = std::move(input);
  Py_ssize_t given = next;
  if (next < 0) next += size;
  if (next < 0 || next > size) {
    return raise(ts_, PyExc_IndexError, "position %zd from error handler out of bounds", given);
  }
  *pos = next;
  return out->write(replacement);
}

// ---- encoding ------------------------------------------------------------------------------------------------------

ErrorMode EncodeErrors::mode() {
  if (mode_ == ErrorMode::kUnknown) mode_ = error_mode(errors_);
  return mode_;
}

Raised EncodeErrors::fail(const char* reason, Py_ssize_t start, Py_ssize_t end) {
  if (!exception_) {
    exception_ = new_encode_error(ts_, encoding_, text_, start, end, reason);
  } else if (PyUnicodeEncodeError_SetStart(exception_.get(), start) < 0 ||
             PyUnicodeEncodeError_SetEnd(exception_.get(), end) < 0 ||
             PyUnicodeEncodeError_SetReason(exception_.get(), reason) < 0) {
    return already_raised();
  }
  if (exception_) return raise_object(ts_, PyExc_UnicodeEncodeError, exception_.get());
  return already_raised();
}

Status EncodeErrors::handle(const char* reason, Py_ssize_t start, Py_ssize_t end, Ref<>* replacement, Py_ssize_t* pos) {
  replacement->reset();
  *pos = end;
  switch (mode()) {
    case ErrorMode::kStrict:
      return fail(reason, start, end);
    case ErrorMode::kIgnore:
      return Status::kOk;
    case ErrorMode::kReplace: {
      void* data;
      PyObject* marks = str_allocate(ts_, end - start, 0x7F, &data);
      if (marks == nullptr) return Status::kError;
      std::memset(data, '?', static_cast<size_t>(end - start));
      *replacement = steal(marks);
      return Status::kOk;
    }
    case ErrorMode::kSurrogateEscape: {
      // What can be escaped first; an error then names only the rest.
      Py_ssize_t stop = start;
      auto escaped = [&](Py_ssize_t i) {
        uint32_t c = str_at(text_, i);
        return c >= 0xDC80 && c <= 0xDCFF;
      };
      while (stop < end && escaped(stop)) ++stop;
      if (stop == start || (stop < end && escape_ == Escape::kWhole)) return fail(reason, start, end);
      Ref<> bytes = bytes_new(ts_, stop - start);
      if (!bytes) return Status::kError;
      for (Py_ssize_t i = start; i < stop; ++i) bytes_data(bytes.get())[i - start] = static_cast<char>(str_at(text_, i) - 0xDC00);
      *pos = stop;
      *replacement = std::move(bytes);
      return Status::kOk;
    }
    case ErrorMode::kBackslashReplace:
    case ErrorMode::kXmlCharRefReplace: {
      StrWriter w(ts_);
      for (Py_ssize_t i = start; i < end; ++i) {
        char text[16];
        uint32_t c = str_at(text_, i);
        int n = std::snprintf(text, sizeof text,
                              mode_ == ErrorMode::kXmlCharRefReplace ? "&#%u;"
                              : c < 0x100                            ? "\\x%02x"
                              : c < 0x10000                          ? "\\u%04x"
                                                                     : "\\U%08x",
                              c);
        if (failed(w.write_ascii({text, static_cast<size_t>(n)}))) return Status::kError;
      }
      *replacement = w.finish();
      return *replacement ? Status::kOk : Status::kError;
    }
    default:
      break;
  }
  if (!handler_) {
    handler_ = codec_lookup_error(ts_, errors_);
    if (!handler_) return Status::kError;
  }
  if (!exception_) {
    exception_ = new_encode_error(ts_, encoding_, text_, start, end, reason);
    if (!exception_) return Status::kError;
  } else if (PyUnicodeEncodeError_SetStart(exception_.get(), start) < 0 ||
             PyUnicodeEncodeError_SetEnd(exception_.get(), end) < 0 ||
             PyUnicodeEncodeError_SetReason(exception_.get(), reason) < 0) {
    return Status::kError;
  }
  Ref<> result = call(ts_, handler_.get(), exception_.get());
  if (!result) return Status::kError;
  PyObject* given;
  Py_ssize_t next;
  if (failed(unpack_result(ts_, result.get(), true, "encoding error handler must return (str/bytes, int) tuple", &given,
                           &next))) {
    return Status::kError;
  }
  Py_ssize_t told = next, length = str_length(text_);
  if (next < 0) next += length;
  if (next < 0 || next > length) {
    return raise(ts_, PyExc_IndexError, "position %zd from error handler out of bounds", told);
  }
  *pos = next;
  *replacement = dup(given);
  return Status::kOk;
}

}  // namespace atl
