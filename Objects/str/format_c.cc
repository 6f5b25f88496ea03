// str_format: the language of PyUnicode_FromFormat, in which the core words its messages.
//
// %[0][width][.precision][length]code with the codes of 3.11. The core's own messages may also use %T (type name of an
// object) and %N (name of a type); the C API does not know them.
#include <cstring>

#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"
#include "Objects/type/type.h"

namespace atl {
namespace {

enum class Length : uint8_t { kInt, kLong, kLongLong, kSize };

struct Directive {
  bool zero = false;
  Py_ssize_t width = -1;
  Py_ssize_t precision = -1;
  Length length = Length::kInt;
  char code = 0;
};

Status write_padded(StrWriter& w, PyObject* s, const Directive& d) {
  Py_ssize_t n = str_length(s);
  if (d.precision >= 0 && d.precision < n) n = d.precision;
  if (d.width > n && failed(w.fill(' ', d.width - n))) return Status::kError;
  return w.write(s, 0, n);
}

// `text` is UTF-8, cut at `precision` bytes; what is not valid is replaced.
Status write_c_string(ThreadState& ts, StrWriter& w, const char* text, const Directive& d) {
  size_t n = d.precision >= 0 ? strnlen(text, static_cast<size_t>(d.precision)) : std::strlen(text);
  Directive plain = d;
  plain.precision = -1;
  if (bytes_are_ascii(reinterpret_cast<const uint8_t*>(text), n)) {
    auto size = static_cast<Py_ssize_t>(n);
    if (d.width > size && failed(w.fill(' ', d.width - size))) return Status::kError;
    return w.write_ascii({text, n});
  }
  Ref<> s = decode_utf8(ts, {text, n}, "replace", nullptr);
  return s ? write_padded(w, s.get(), plain) : Status::kError;
}

// Digits of a number with width, precision and zeros as printf counts them.
Status write_number(StrWriter& w, const char* digits, Py_ssize_t size, const Directive& d) {
  bool minus = digits[0] == '-';
  Py_ssize_t body = size - minus;
  Py_ssize_t zeros = d.precision > body ? d.precision - body : 0;
  Py_ssize_t total = size + zeros;
  if (d.width > total) {
    if (d.zero) {
      zeros += d.width - total;
    } else if (failed(w.fill(' ', d.width - total))) {
      return Status::kError;
    }
  }
  if (minus && failed(w.put('-'))) return Status::kError;
  if (failed(w.fill('0', zeros))) return Status::kError;
  return w.write_ascii({digits + minus, static_cast<size_t>(body)});
}

Status write_signed(StrWriter& w, int64_t v, const Directive& d) {
  char text[24];
  return write_number(w, text, std::snprintf(text, sizeof text, "%lld", static_cast<long long>(v)), d);
}
Status write_unsigned(StrWriter& w, uint64_t v, const Directive& d) {
  char text[24];
  const char* format = d.code == 'x' ? "%llx" : d.code == 'X' ? "%llX" : d.code == 'o' ? "%llo" : "%llu";
  return write_number(w, text, std::snprintf(text, sizeof text, format, static_cast<unsigned long long>(v)), d);
}

// Where the arguments are: passed by reference whatever va_list is.
struct Arguments {
  va_list list;
};

Status write_object(ThreadState& ts, StrWriter& w, Ref<> text, const Directive& d) {
  (void)ts;
  return text ? write_padded(w, text.get(), d) : Status::kError;
}

// True in *unknown: not a code of the language.
Status write_directive(ThreadState& ts, StrWriter& w, const Directive& d, Arguments* args, bool core, bool* unknown) {
  switch (d.code) {
    case 'c': {
      int c = va_arg(args->list, int);
      if (c < 0 || c > 0x10FFFF) {
        return raise(ts, PyExc_OverflowError, "character argument not in range(0x110000)");
      }
      return w.put(static_cast<uint32_t>(c));
    }
    case 'd':
    case 'i':
      switch (d.length) {
        case Length::kLong: return write_signed(w, va_arg(args->list, long), d);
        case Length::kLongLong: return write_signed(w, va_arg(args->list, long long), d);
        case Length::kSize: return write_signed(w, va_arg(args->list, Py_ssize_t), d);
        default: return write_signed(w, va_arg(args->list, int), d);
      }
    case 'X':
    case 'o':
      if (!core) break;
      [[fallthrough]];
    case 'x':
    case 'u':
      switch (d.length) {
        case Length::kLong: return write_unsigned(w, va_arg(args->list, unsigned long), d);
        case Length::kLongLong: return write_unsigned(w, va_arg(args->list, unsigned long long), d);
        case Length::kSize: return write_unsigned(w, va_arg(args->list, size_t), d);
        default: return write_unsigned(w, va_arg(args->list, unsigned int), d);
      }
    case 'p': {
      char text[32];
      int n = std::snprintf(text, sizeof text, "0x%llx",
                            static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(va_arg(args->list, void*))));
      return w.write_ascii({text, static_cast<size_t>(n)});
    }
    case 's':
      return write_c_string(ts, w, va_arg(args->list, const char*), d);
    case 'U':
      return write_padded(w, va_arg(args->list, PyObject*), d);
    case 'V': {
      PyObject* o = va_arg(args->list, PyObject*);
      const char* text = va_arg(args->list, const char*);
      return o != nullptr ? write_padded(w, o, d) : write_c_string(ts, w, text, d);
    }
    case 'S':
      return write_object(ts, w, object_str(ts, va_arg(args->list, PyObject*)), d);
    case 'R':
      return write_object(ts, w, object_repr(ts, va_arg(args->list, PyObject*)), d);
    case 'A':
      return write_object(ts, w, object_ascii(ts, va_arg(args->list, PyObject*)), d);
    case 'T':
      if (!core) break;
      return write_c_string(ts, w, type_of(va_arg(args->list, PyObject*))->tp_name, d);
    case 'N':
      if (!core) break;
      return write_c_string(ts, w, va_arg(args->list, PyTypeObject*)->tp_name, d);
    default:
      break;
  }
  *unknown = true;
  return Status::kOk;
}

Ref<> format_va(ThreadState& ts, const char* format, va_list given, bool core) {
  Arguments args;
  va_copy(args.list, given);
  ScopeGuard end([&] { va_end(args.list); });
  StrWriter w(ts);
  const char* f = format;
  while (*f != 0) {
    const char* percent = f;
    while (*percent != 0 && *percent != '%') {
      if (static_cast<unsigned char>(*percent) >= 0x80) {
        return raise(ts, PyExc_ValueError,
                     "PyUnicode_FromFormatV() expects an ASCII-encoded format string, got a non-ASCII byte: 0x%02x",
                     static_cast<unsigned char>(*percent));
      }
      ++percent;
    }
    if (failed(w.write_ascii({f, static_cast<size_t>(percent - f)}))) return {};
    f = percent;
    if (*f == 0) break;
    if (f[1] == '%') {
      if (failed(w.put('%'))) return {};
      f += 2;
      continue;
    }
    const char* p = f + 1;
    Directive d;
    if (*p == '0') {
      d.zero = true;
      ++p;
    }
    auto number = [&](const char* what, Py_ssize_t* out) -> Status {
      Py_ssize_t v = 0;
      for (; *p >= '0' && *p <= '9'; ++p) {
        if (v > (PY_SSIZE_T_MAX - (*p - '0')) / 10) {
          return raise(ts, PyExc_ValueError, "%s too big", what);
        }
        v = v * 10 + (*p - '0');
      }
      *out = v;
      return Status::kOk;
    };
    if (*p >= '0' && *p <= '9' && failed(number("width", &d.width))) return {};
    if (*p == '.') {
      ++p;
      if (failed(number("precision", &d.precision))) return {};
    }
    if (*p == 'l') {
      d.length = Length::kLong;
      if (*++p == 'l') {
        d.length = Length::kLongLong;
        ++p;
      }
    } else if (*p == 'z') {
      d.length = Length::kSize;
      ++p;
    } else if (core && *p == 'j') {
      d.length = Length::kLongLong;
      ++p;
    }
    d.code = *p;
    bool unknown = *p == 0;
    if (!unknown && failed(write_directive(ts, w, d, &args, core, &unknown))) return {};
    if (unknown) {  // the rest is copied as it is
      if (failed(w.write_ascii(f))) return {};
      break;
    }
    f = p + 1;
  }
  return w.finish();
}

}  // namespace

Ref<> str_format_va(ThreadState& ts, const char* format, va_list args) { return format_va(ts, format, args, true); }

Ref<> str_format(ThreadState& ts, const char* format, ...) {
  va_list args;
  va_start(args, format);
  Ref<> s = format_va(ts, format, args, true);
  va_end(args);
  return s;
}

}  // namespace atl

extern "C" {

PyObject* PyUnicode_FromFormatV(const char* format, va_list args) {
  return atl::format_va(atl::current_thread(), format, args, false).release();
}

PyObject* PyUnicode_FromFormat(const char* format, ...) {
  va_list args;
  va_start(args, format);
  PyObject* s = atl::format_va(atl::current_thread(), format, args, false).release();
  va_end(args);
  return s;
}

}  // extern "C"
