// Py_BuildValue and its family: Python values from C values, by the format language of the C API documentation
// ("Building values").
#include <cstdarg>
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

// Reads a format and the arguments along with it. After an error it goes on reading, because "N" arguments must be
// released whatever happens.
struct Builder {
  ThreadState& ts;
  const char* at;
  va_list* args;
  bool size_t_lengths;
  bool failed_ = false;

  static bool is_filler(char c) { return c == ' ' || c == ',' || c == ':' || c == '\t'; }
  void skip() {
    while (is_filler(*at)) ++at;
  }

  // Number of values up to `end` at this level; -1 with SystemError for unbalanced brackets.
  Py_ssize_t count(char end) {
    Py_ssize_t n = 0;
    int level = 0;
    for (const char* p = at; level > 0 || *p != end; ++p) {
      switch (*p) {
        case 0:
          (void)raise(ts, PyExc_SystemError, "unmatched paren in format");
          return -1;
        case '(':
        case '[':
        case '{':
          if (level++ == 0) ++n;
          break;
        case ')':
        case ']':
        case '}':
          --level;
          break;
        case '#':
        case '&':
        case ',':
        case ':':
        case ' ':
        case '\t':
          break;
        default:
          if (level == 0) ++n;
      }
    }
    return n;
  }

  Py_ssize_t length() {
    if (*at != '#') return -1;
    ++at;
    return size_t_lengths ? va_arg(*args, Py_ssize_t) : va_arg(*args, int);
  }

  Ref<> sequence(char end, bool list) {
    Py_ssize_t n = count(end);
    if (n < 0) {
      failed_ = true;
      return {};
    }
    Ref<> items = list_new(ts, 0);
    for (Py_ssize_t i = 0; i < n; ++i) {
      Ref<> item = value();
      if (!item) failed_ = true;
      if (!failed_ && items && failed(list_append(ts, items.get(), std::move(item)))) failed_ = true;
    }
    skip();
    if (*at == end && end != 0) ++at;
    if (failed_ || !items) return {};
    return list ? std::move(items) : list_as_tuple(ts, items.get());
  }

  Ref<> mapping() {
    Py_ssize_t n = count('}');
    if (n < 0) {
      failed_ = true;
      return {};
    }
    Ref<> d = dict_new(ts);
    if (n % 2 != 0) {
      (void)raise(ts, PyExc_SystemError, "Bad dict format");
      failed_ = true;
    }
    for (Py_ssize_t i = 0; i + 1 < n; i += 2) {
      Ref<> k = value();
      Ref<> v = value();
      if (!k || !v) failed_ = true;
      if (!failed_ && d && failed(dict_set(ts, d.get(), k.get(), v.get()))) failed_ = true;
    }
    skip();
    if (*at == '}') ++at;
    if (failed_) return {};
    return d;
  }

  Ref<> value() {
    skip();
    char c = *at++;
    switch (c) {
      case '(':
        return sequence(')', false);
      case '[':
        return sequence(']', true);
      case '{':
        return mapping();
      case 'b':
      case 'B':
      case 'h':
      case 'i':
        return int_from_i64(ts, va_arg(*args, int));
      case 'H':
        return int_from_i64(ts, static_cast<uint16_t>(va_arg(*args, int)));
      case 'I':
        return int_from_u64(ts, va_arg(*args, unsigned int));
      case 'n':
        return int_from_ssize(ts, va_arg(*args, Py_ssize_t));
      case 'l':
        return int_from_i64(ts, va_arg(*args, long));
      case 'k':
        return int_from_u64(ts, va_arg(*args, unsigned long));
      case 'L':
        return int_from_i64(ts, va_arg(*args, long long));
      case 'K':
        return int_from_u64(ts, va_arg(*args, unsigned long long));
      case 'f':
      case 'd':
        return new_float(ts, va_arg(*args, double));
      case 'D': {
        auto* z = va_arg(*args, Py_complex*);
        return new_complex(ts, z->real, z->imag);
      }
      case 'c': {
        char byte = static_cast<char>(va_arg(*args, int));
        return bytes_from(ts, {&byte, 1});
      }
      case 'C':
        return str_from_char(ts, static_cast<uint32_t>(va_arg(*args, int)));
      case 's':
      case 'z':
      case 'U':
      case 'y': {
        const char* text = va_arg(*args, const char*);
        Py_ssize_t n = length();
        if (text == nullptr) return new_none();
        if (n < 0) n = static_cast<Py_ssize_t>(std::strlen(text));
        std::string_view view(text, static_cast<size_t>(n));
        return c == 'y' ? bytes_from(ts, view) : str_from_utf8(ts, view);
      }
      case 'u': {
        const wchar_t* text = va_arg(*args, const wchar_t*);
        Py_ssize_t n = length();
        return text == nullptr ? new_none() : Ref<>::steal(PyUnicode_FromWideChar(text, n));
      }
      case 'N':
      case 'S':
      case 'O': {
        if (*at == '&') {
          ++at;
          auto convert = va_arg(*args, PyObject * (*)(void*));
          void* arg = va_arg(*args, void*);
          return Ref<>::steal(convert(arg));
        }
        auto* o = va_arg(*args, PyObject*);
        if (o == nullptr) {
          // Usually the result of a call that failed: its exception is the one to report.
          if (!error_set(ts)) (void)raise(ts, PyExc_SystemError, "NULL object passed to Py_BuildValue");
          return {};
        }
        return c == 'N' ? Ref<>::steal(o) : dup(o);
      }
      default:
        (void)raise(ts, PyExc_SystemError, "bad format char passed to Py_BuildValue");
        failed_ = true;
        return {};
    }
  }
};

PyObject* build(const char* format, va_list original, bool size_t_lengths) {
  ThreadState& ts = current_thread();
  va_list args;
  va_copy(args, original);
  Builder b{ts, format, &args, size_t_lengths};
  b.skip();
  Py_ssize_t n = b.count(0);
  Ref<> result;
  if (n == 0) {
    result = new_none();
  } else if (n == 1) {
    result = b.value();
  } else if (n > 1) {
    result = b.sequence(0, false);
  }
  va_end(args);
  return result.release();
}

// The values of a format as separate objects, for vectorcalls. `small` has room for small_room of them.
PyObject** build_stack(PyObject** small, Py_ssize_t small_room, const char* format, va_list original, Py_ssize_t* out_n,
                       bool size_t_lengths) {
  ThreadState& ts = current_thread();
  va_list args;
  va_copy(args, original);
  Builder b{ts, format, &args, size_t_lengths};
  b.skip();
  Py_ssize_t n = b.count(0);
  PyObject** stack = nullptr;
  *out_n = 0;
  if (n == 0) {
    stack = small;
  } else if (n > 0) {
    stack = n <= small_room ? small : static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(n) * sizeof(PyObject*)));
    if (stack == nullptr) raise_no_memory(ts);
    for (Py_ssize_t i = 0; stack != nullptr && i < n; ++i) {
      stack[i] = b.value().release();
      if (stack[i] == nullptr) {
        while (i-- > 0) decref(stack[i]);
        if (stack != small) PyMem_Free(stack);
        stack = nullptr;
      }
    }
    if (stack != nullptr) *out_n = n;
  }
  va_end(args);
  return stack;
}

}  // namespace
}  // namespace atl

PyObject* Py_VaBuildValue(const char* format, va_list args) { return atl::build(format, args, false); }
PyObject* _Py_VaBuildValue_SizeT(const char* format, va_list args) { return atl::build(format, args, true); }
PyObject* Py_BuildValue(const char* format, ...) {
  va_list args;
  va_start(args, format);
  PyObject* r = atl::build(format, args, false);
  va_end(args);
  return r;
}
PyObject* _Py_BuildValue_SizeT(const char* format, ...) {
  va_list args;
  va_start(args, format);
  PyObject* r = atl::build(format, args, true);
  va_end(args);
  return r;
}
PyObject** _Py_VaBuildStack(PyObject** small, Py_ssize_t room, const char* format, va_list args, Py_ssize_t* n) {
  return atl::build_stack(small, room, format, args, n, false);
}
PyObject** _Py_VaBuildStack_SizeT(PyObject** small, Py_ssize_t room, const char* format, va_list args, Py_ssize_t* n) {
  return atl::build_stack(small, room, format, args, n, true);
}
