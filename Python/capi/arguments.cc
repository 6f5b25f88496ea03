// PyArg_Parse and its family: C values from Python arguments, by the format language of the C API documentation
// ("Parsing arguments").
//
// A call is first matched against its signature (how many arguments, which keywords), then a Conversion reads the format
// once from left to right, each unit with its argument, or without one where an optional argument is absent. What the
// units before a failing one acquired (buffers, memory, converters' results) is given back.
//
// Parsers that extension modules keep in static memory are only read: they are shared by all interpreters.
#include <cstdarg>
#include <cstring>
#include <limits>

#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/errors.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/interpreter.h"

namespace atl {

namespace {

constexpr int kNoLimit = std::numeric_limits<int>::max();

// What a format says besides its units: "ii|i$i:name" or "ii;message".
struct Signature {
  const char* function = nullptr;
  const char* message = nullptr;

  const char* name() const { return function != nullptr ? function : "function"; }
  const char* brackets() const { return function != nullptr ? "()" : ""; }
};

Signature signature_of(const char* format) {
  Signature s;
  const char* p = format + std::strcspn(format, ":;");
  if (*p == ':') s.function = p + 1;
  if (*p == ';') s.message = p + 1;
  return s;
}

bool at_end(const char* format) { return *format == 0 || *format == ':' || *format == ';'; }

const char* plural(Py_ssize_t n) { return n == 1 ? "" : "s"; }

// One reading of a format. Every method that returns bool returns false with an exception set.
class Conversion {
 public:
  Conversion(ThreadState& ts, const char* format, va_list* targets, bool size_t_lengths, const Signature& signature)
      : ts_(ts), at_(format), targets_(targets), size_t_lengths_(size_t_lengths), signature_(signature) {}
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;
  ~Conversion() {
    if (!kept_) {
      for (size_t i = acquired_count_; i-- > 0;) acquired_[i].give_back();
    }
    if (acquired_ != small_) std::free(acquired_);
  }
  // Success: what was acquired belongs to the caller now.
  int keep() {
    kept_ = true;
    return 1;
  }

  const char* at() const { return at_; }
  void pass(char c) {
    if (*at_ == c) ++at_;
  }
  // The next unit takes argument number `index` (0: it is the only one).
  bool argument(PyObject* v, int index) {
    depth_ = 0;
    path_[0] = index;
    return unit(v);
  }
  // The next unit has no argument: its targets stay as they are.
  bool absent() { return unit(nullptr); }

 private:
  static constexpr int kMaxDepth = 30;

  struct Acquired {
    void* what;
    void (*release)(void*);
    int (*converter)(PyObject*, void*);
    void give_back() const {
      if (converter != nullptr) {
        (void)converter(nullptr, what);
      } else {
        release(what);
      }
    }
  };

  template <class T>
  T* target() {
    return va_arg(*targets_, T*);
  }

  bool acquired(void* what, void (*release)(void*), int (*converter)(PyObject*, void*) = nullptr) {
    if (acquired_count_ == acquired_room_) {
      size_t room = acquired_room_ * 2;
      auto* more = static_cast<Acquired*>(std::malloc(room * sizeof(Acquired)));
      if (more == nullptr) {
        Acquired{what, release, converter}.give_back();
        (void)raise_memory(ts_);
        return false;
      }
      std::memcpy(more, acquired_, acquired_count_ * sizeof(Acquired));
      if (acquired_ != small_) std::free(acquired_);
      acquired_ = more;
      acquired_room_ = room;
    }
    acquired_[acquired_count_++] = {what, release, converter};
    return true;
  }

  // "f() argument 2, item 0"; empty with an exception set: a custom message stands for all others.
  Ref<> place() {
    if (signature_.message != nullptr) return raise(ts_, PyExc_TypeError, "%s", signature_.message);
    StrWriter w(ts_);
    if (signature_.function != nullptr && (failed(w.write_ascii(signature_.function)) || failed(w.write_ascii("() ")))) return {};
    Ref<> part = path_[0] != 0 ? str_format(ts_, "argument %d", path_[0]) : str_from_ascii(ts_, "argument");
    if (!part || failed(w.write_str(part.get()))) return {};
    for (int i = 1; i <= depth_; ++i) {
      part = str_format(ts_, ", item %d", path_[i]);
      if (!part || failed(w.write_str(part.get()))) return {};
    }
    return w.finish();
  }
  // "… must be int, not str". A text in brackets stands for itself.
  bool wrong(const char* expected, PyObject* v) {
    Ref<> at = place();
    if (!at) return false;
    if (expected[0] == '(') return raise_here("%U %.256s", at.get(), expected);
    return raise_here("%U must be %.100s, not %.50s", at.get(), expected, v == Py_None ? "None" : v->ob_type->tp_name);
  }
  template <class... A>
  bool raise_here(const char* format, A... a) {
    (void)raise(ts_, PyExc_TypeError, format, a...);
    return false;
  }
  bool overflow(const char* message) {
    (void)raise(ts_, PyExc_OverflowError, "%s", message);
    return false;
  }
  bool bad_format(const char* message) {
    (void)raise(ts_, PyExc_SystemError, "%s", message);
    return false;
  }

  // ---- numbers ---------------------------------------------------------------------------------------------------

  template <class T>
  bool ranged(PyObject* v, const char* below, const char* above) {
    T* out = target<T>();
    if (v == nullptr) return true;
    long n = PyLong_AsLong(v);
    if (n == -1 && error_set(ts_)) return false;
    if (n < static_cast<long>(std::numeric_limits<T>::min())) return overflow(below);
    if (n > static_cast<long>(std::numeric_limits<T>::max())) return overflow(above);
    *out = static_cast<T>(n);
    return true;
  }
  // The low bits, whatever the size.
  template <class T>
  bool masked(PyObject* v) {
    T* out = target<T>();
    if (v == nullptr) return true;
    unsigned long n = PyLong_AsUnsignedLongMask(v);
    if (n == static_cast<unsigned long>(-1) && error_set(ts_)) return false;
    *out = static_cast<T>(n);
    return true;
  }
  template <class T>
  bool masked_int(PyObject* v) {
    T* out = target<T>();
    if (v == nullptr) return true;
    if (!is_int(v)) return wrong("int", v);
    *out = static_cast<T>(PyLong_AsUnsignedLongLongMask(v));
    return true;
  }
  template <class T, class Read>
  bool read(PyObject* v, Read read) {
    T* out = target<T>();
    if (v == nullptr) return true;
    auto x = read(v);
    if (error_set(ts_)) return false;
    *out = static_cast<T>(x);
    return true;
  }

  // ---- text and bytes --------------------------------------------------------------------------------------------

  enum class Text { kNone, kPointer, kLength, kBuffer };
  // What follows the letter: "#" or "*".
  Text form() {
    if (*at_ == '#') {
      ++at_;
      return Text::kLength;
    }
    if (*at_ == '*') {
      ++at_;
      return Text::kBuffer;
    }
    return Text::kPointer;
  }
  bool lengths_declared() {
    if (size_t_lengths_) return true;
    return bad_format("PY_SSIZE_T_CLEAN macro must be defined for '#' formats");
  }

  // The bytes of an object whose memory stays as long as it does.
  bool lasting_bytes(PyObject* v, const char** p, Py_ssize_t* n) {
    PyBufferProcs* procs = v->ob_type->tp_as_buffer;
    if (procs != nullptr && procs->bf_releasebuffer != nullptr) return wrong("read-only bytes-like object", v);
    Py_buffer view;
    if (PyObject_GetBuffer(v, &view, PyBUF_SIMPLE) < 0) return false;
    *p = static_cast<const char*>(view.buf);
    *n = view.len;
    PyBuffer_Release(&view);
    return true;
  }

  // s, z, y and their # and * forms.
  bool text(PyObject* v, char letter) {
    switch (form()) {
      case Text::kBuffer: {
        auto* view = target<Py_buffer>();
        if (v == nullptr) return true;
        if (letter == 'z' && v == Py_None) {
          if (PyBuffer_FillInfo(view, nullptr, nullptr, 0, 1, 0) < 0) return false;
        } else if (letter != 'y' && is_str(v)) {
          Py_ssize_t n;
          const char* p = str_utf8(ts_, v, &n);
          if (p == nullptr || PyBuffer_FillInfo(view, v, const_cast<char*>(p), n, 1, 0) < 0) return false;
        } else if (PyObject_GetBuffer(v, view, PyBUF_SIMPLE) < 0) {
          return false;
        }
        return acquired(view, release_buffer);
      }
      case Text::kLength: {
        const char** p = target<const char*>();
        auto* n = target<Py_ssize_t>();
        if (!lengths_declared()) return false;
        if (v == nullptr) return true;
        if (letter == 'z' && v == Py_None) {
          *p = nullptr;
          *n = 0;
          return true;
        }
        if (letter != 'y' && is_str(v)) {
          *p = str_utf8(ts_, v, n);
          return *p != nullptr;
        }
        return lasting_bytes(v, p, n);
      }
      default:
        break;
    }
    const char** p = target<const char*>();
    if (v == nullptr) return true;
    if (letter == 'z' && v == Py_None) {
      *p = nullptr;
      return true;
    }
    Py_ssize_t n;
    if (letter == 'y') {
      if (!lasting_bytes(v, p, &n)) return false;
    } else {
      if (!is_str(v)) return wrong(letter == 'z' ? "str or None" : "str", v);
      *p = str_utf8(ts_, v, &n);
      if (*p == nullptr) return false;
    }
    if (std::strlen(*p) == static_cast<size_t>(n)) return true;
    (void)raise(ts_, PyExc_ValueError, letter == 'y' ? "embedded null byte" : "embedded null character");
    return false;
  }

  bool writable_buffer(PyObject* v) {
    if (form() != Text::kBuffer) return v == nullptr ? true : wrong("(impossible<bad format char>)", v);
    auto* view = target<Py_buffer>();
    if (v == nullptr) return true;
    if (PyObject_GetBuffer(v, view, PyBUF_WRITABLE) < 0) {
      error_clear(ts_);
      return wrong("read-write bytes-like object", v);
    }
    if (!PyBuffer_IsContiguous(view, 'C')) {
      PyBuffer_Release(view);
      return wrong("contiguous buffer", v);
    }
    return acquired(view, release_buffer);
  }

  // es, et and their # forms: text encoded into memory of the caller or of ours.
  bool encoded(PyObject* v) {
    char kind = *at_;
    if (kind != 's' && kind != 't') return v == nullptr ? true : wrong("(unknown parser marker combination)", v);
    ++at_;
    bool with_length = form() == Text::kLength;
    const char* encoding = va_arg(*targets_, const char*);
    char** out = target<char*>();
    Py_ssize_t* length = with_length ? target<Py_ssize_t>() : nullptr;
    if (with_length && !lengths_declared()) return false;
    if (v == nullptr) return true;
    Ref<> bytes;
    if (kind == 't' && is_bytes(v)) {
      bytes = dup(v);
    } else if (kind == 't' && PyByteArray_Check(v)) {
      bytes = Ref<>::steal(PyBytes_FromStringAndSize(PyByteArray_AsString(v), PyByteArray_Size(v)));
      if (!bytes) return false;
    } else if (is_str(v)) {
      bytes = Ref<>::steal(PyUnicode_AsEncodedString(v, encoding != nullptr ? encoding : "utf-8", nullptr));
      if (!bytes) return false;
      if (!is_bytes(bytes.get())) return wrong("(encoder failed to return bytes)", v);
    } else {
      return wrong(kind == 't' ? "str, bytes or bytearray" : "str", v);
    }
    const char* p = PyBytes_AS_STRING(bytes.get());
    Py_ssize_t n = PyBytes_GET_SIZE(bytes.get());
    if (!with_length && std::strlen(p) != static_cast<size_t>(n)) {
      (void)raise(ts_, PyExc_ValueError, "embedded null byte");
      return false;
    }
    if (!with_length || *out == nullptr) {
      *out = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(n) + 1));
      if (*out == nullptr) {
        (void)raise_memory(ts_);
        return false;
      }
      if (!acquired(out, release_memory)) return false;
    } else if (n + 1 > *length) {
      (void)raise(ts_, PyExc_ValueError, "encoded string too long (%zd, maximum length %zd)", n, *length - 1);
      return false;
    }
    std::memcpy(*out, p, static_cast<size_t>(n) + 1);
    if (with_length) *length = n;
    return true;
  }

  static void release_buffer(void* view) { PyBuffer_Release(static_cast<Py_buffer*>(view)); }
  static void release_memory(void* pointer) {
    auto** p = static_cast<char**>(pointer);
    PyMem_Free(*p);
    *p = nullptr;
  }

  // ---- objects ---------------------------------------------------------------------------------------------------

  bool instance(PyObject* v, bool fits, const char* expected) {
    PyObject** out = target<PyObject*>();
    if (v == nullptr) return true;
    if (!fits) return wrong(expected, v);
    *out = v;
    return true;
  }

  bool object(PyObject* v) {
    if (*at_ == '!') {
      ++at_;
      auto* type = va_arg(*targets_, PyTypeObject*);
      return instance(v, v != nullptr && is_instance_nocall(v, type), type->tp_name);
    }
    if (*at_ == '&') {
      ++at_;
      auto converter = va_arg(*targets_, int (*)(PyObject*, void*));
      void* to = va_arg(*targets_, void*);
      if (v == nullptr) return true;
      int result = converter(v, to);
      if (result == 0) return error_set(ts_) ? false : wrong("(unspecified)", v);
      return result == Py_CLEANUP_SUPPORTED ? acquired(to, nullptr, converter) : true;
    }
    return instance(v, true, "");
  }

  bool byte(PyObject* v) {
    char* out = target<char>();
    if (v == nullptr) return true;
    if (is_bytes(v) && PyBytes_GET_SIZE(v) == 1) {
      *out = PyBytes_AS_STRING(v)[0];
    } else if (PyByteArray_Check(v) && PyByteArray_Size(v) == 1) {
      *out = PyByteArray_AsString(v)[0];
    } else {
      return wrong("a byte string of length 1", v);
    }
    return true;
  }
  bool character(PyObject* v) {
    int* out = target<int>();
    if (v == nullptr) return true;
    if (!is_str(v) || str_length(v) != 1) return wrong("a unicode character", v);
    *out = static_cast<int>(str_at(v, 0));
    return true;
  }

  // "(…)": the items of a sequence. Without a value the targets inside are passed over.
  bool group(PyObject* v) {
    const char* inside = at_;
    Py_ssize_t wanted = 0;
    int level = 0;
    for (const char* p = at_; level > 0 || *p != ')'; ++p) {
      if (at_end(p)) return bad_format("missing ')' in getargs format");
      if (*p == '(') {
        if (level++ == 0) ++wanted;
      } else if (*p == ')') {
        --level;
      } else if (level == 0 && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))) {
        if (!(p > inside && p[-1] == 'e' && (*p == 's' || *p == 't'))) ++wanted;
      }
    }
    if (v != nullptr) {
      if (!PySequence_Check(v) || is_bytes(v)) {
        Ref<> text = str_format(ts_, "%zd-item sequence", wanted);
        const char* expected = text ? str_utf8(ts_, text.get()) : nullptr;
        return expected != nullptr && wrong(expected, v);
      }
      Py_ssize_t n = PySequence_Size(v);
      if (n < 0) return false;
      if (n != wanted) {
        Ref<> at = place();
        return at ? raise_here("%U must be sequence of length %zd, not %zd", at.get(), wanted, n) : false;
      }
    }
    if (depth_ + 1 >= kMaxDepth) return bad_format("too many tuple nesting levels in argument format string");
    ++depth_;
    for (Py_ssize_t i = 0; *at_ != ')'; ++i) {
      path_[depth_] = static_cast<int>(i);
      Ref<> item;
      if (v != nullptr) {
        item = Ref<>::steal(PySequence_GetItem(v, i));
        if (!item) {
          error_clear(ts_);
          return wrong("(is not retrievable)", v);
        }
      }
      // Borrowed from the sequence, as the documentation has it: the caller keeps that alive.
      if (!unit(item.get())) return false;
    }
    ++at_;
    --depth_;
    return true;
  }
  bool wide(PyObject* v, char letter) {
    bool with_length = form() == Text::kLength;
    const wchar_t** out = target<const wchar_t*>();
    Py_ssize_t* length = with_length ? target<Py_ssize_t>() : nullptr;
    if (with_length && !lengths_declared()) return false;
    if (v == nullptr) return true;
    if (PyErr_WarnFormat(PyExc_DeprecationWarning, 1, "getargs: The '%c%s' format is deprecated. Use 'U' instead.", letter,
                         with_length ? "#" : "") < 0) {
      return false;
    }
    if (letter == 'Z' && v == Py_None) {
      *out = nullptr;
      if (with_length) *length = 0;
      return true;
    }
    if (!is_str(v)) return wrong(letter == 'Z' ? "str or None" : "str", v);
    Py_ssize_t n;
    *out = PyUnicode_AsUnicodeAndSize(v, &n);
    if (*out == nullptr) return false;
    if (with_length) {
      *length = n;
    } else if (std::wcslen(*out) != static_cast<size_t>(n)) {
      (void)raise(ts_, PyExc_ValueError, "embedded null character");
      return false;
    }
    return true;
  }

  // One unit of the format with its argument, or NULL.
  bool unit(PyObject* v) {
    char letter = *at_++;
    switch (letter) {
      case '(': return group(v);
      case 'b': return ranged<unsigned char>(v, "unsigned byte integer is less than minimum", "unsigned byte integer is greater than maximum");
      case 'h': return ranged<short>(v, "signed short integer is less than minimum", "signed short integer is greater than maximum");
      case 'i': return ranged<int>(v, "signed integer is less than minimum", "signed integer is greater than maximum");
      case 'l': return read<long>(v, PyLong_AsLong);
      case 'L': return read<long long>(v, PyLong_AsLongLong);
      case 'B': return masked<unsigned char>(v);
      case 'H': return masked<unsigned short>(v);
      case 'I': return masked<unsigned int>(v);
      case 'k': return masked_int<unsigned long>(v);
      case 'K': return masked_int<unsigned long long>(v);
      case 'n':
        return read<Py_ssize_t>(v, [](PyObject* x) -> Py_ssize_t {
          Ref<> n = Ref<>::steal(PyNumber_Index(x));
          return n ? PyLong_AsSsize_t(n.get()) : -1;
        });
      case 'f': return read<float>(v, PyFloat_AsDouble);
      case 'd': return read<double>(v, PyFloat_AsDouble);
      case 'D': return read<Py_complex>(v, PyComplex_AsCComplex);
      case 'p': return read<int>(v, PyObject_IsTrue);
      case 'c': return byte(v);
      case 'C': return character(v);
      case 's':
      case 'z':
      case 'y': return text(v, letter);
      case 'u':
      case 'Z': return wide(v, letter);
      case 'e': return encoded(v);
      case 'w': return writable_buffer(v);
      case 'S': return instance(v, v != nullptr && is_bytes(v), "bytes");
      case 'Y': return instance(v, v != nullptr && PyByteArray_Check(v), "bytearray");
      case 'U': return instance(v, v != nullptr && is_str(v), "str");
      case 'O': return object(v);
      default:
        if (v != nullptr && letter != 0 && letter != ')') {
          depth_ = 0;
          (void)raise(ts_, PyExc_SystemError, "argument %d (impossible<bad format char>)", path_[0]);
          return false;
        }
        (void)raise(ts_, PyExc_SystemError, "bad format string: %.200s", at_ - 1);
        return false;
    }
  }

  ThreadState& ts_;
  const char* at_;
  va_list* targets_;
  bool size_t_lengths_;
  Signature signature_;
  bool kept_ = false;
  int depth_ = 0;
  int path_[kMaxDepth + 1];
  Acquired small_[8];
  Acquired* acquired_ = small_;
  size_t acquired_count_ = 0;
  size_t acquired_room_ = 8;
};

// ---- positional arguments ----------------------------------------------------------------------------------------

// How many arguments a format without keywords takes.
struct Count {
  int min = kNoLimit;  // kNoLimit until "|" was seen
  int max = 0;
};
bool count_units(ThreadState& ts, const char* format, Count* out) {
  int level = 0;
  for (const char* p = format; !at_end(p); ++p) {
    if (*p == '(') {
      if (level++ == 0) ++out->max;
    } else if (*p == ')') {
      if (level-- == 0) {
        (void)raise(ts, PyExc_SystemError, "excess ')' in getargs format");
        return false;
      }
    } else if (level == 0 && *p == '|') {
      out->min = out->max;
    } else if (level == 0 && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))) {
      if (*p == 'e' && (p[1] == 's' || p[1] == 't')) ++p;
      ++out->max;
    }
  }
  if (level != 0) {
    (void)raise(ts, PyExc_SystemError, "missing ')' in getargs format");
    return false;
  }
  if (out->min == kNoLimit) out->min = out->max;
  return true;
}

int parse_stack(PyObject* const* args, Py_ssize_t n, const char* format, va_list* targets, bool lengths) {
  ThreadState& ts = current_thread();
  Signature s = signature_of(format);
  Count count;
  if (!count_units(ts, format, &count)) return 0;
  if (n < count.min || n > count.max) {
    if (s.message != nullptr) {
      (void)raise(ts, PyExc_TypeError, "%s", s.message);
    } else {
      int bound = n < count.min ? count.min : count.max;
      (void)raise(ts, PyExc_TypeError, "%.150s%s takes %s %d argument%s (%zd given)", s.name(), s.brackets(),
                  count.min == count.max ? "exactly" : n < count.min ? "at least" : "at most", bound, plural(bound), n);
    }
    return 0;
  }
  Conversion c(ts, format, targets, lengths, s);
  for (Py_ssize_t i = 0; i < n; ++i) {
    c.pass('|');
    if (!c.argument(args[i], static_cast<int>(i) + 1)) return 0;
  }
  const char* rest = c.at();
  if (!at_end(rest) && *rest != '|' && *rest != '(' && !((*rest | 32) >= 'a' && (*rest | 32) <= 'z')) {
    (void)raise(ts, PyExc_SystemError, "bad format string: %.200s", format);
    return 0;
  }
  return c.keep();
}

int parse_tuple(PyObject* args, const char* format, va_list* targets, bool lengths) {
  if (!is_tuple(args)) {
    (void)raise(current_thread(), PyExc_SystemError, "new style getargs format but argument is not a tuple");
    return 0;
  }
  return parse_stack(tuple_items(args), tuple_size(args), format, targets, lengths);
}

// PyArg_Parse: the format describes one object.
int parse_object(PyObject* arg, const char* format, va_list* targets, bool lengths) {
  ThreadState& ts = current_thread();
  Signature s = signature_of(format);
  Count count;
  if (!count_units(ts, format, &count)) return 0;
  if (count.max == 0) {
    if (arg == nullptr) return 1;
    (void)raise(ts, PyExc_TypeError, "%.200s%s takes no arguments", s.name(), s.brackets());
    return 0;
  }
  if (count.min != 1 || count.max != 1) {
    (void)raise(ts, PyExc_SystemError, "old style getargs format uses new features");
    return 0;
  }
  if (arg == nullptr) {
    (void)raise(ts, PyExc_TypeError, "%.200s%s takes at least one argument", s.name(), s.brackets());
    return 0;
  }
  Conversion c(ts, format, targets, lengths, s);
  return c.argument(arg, 0) ? c.keep() : 0;
}

// ---- keyword arguments -------------------------------------------------------------------------------------------

// The keyword arguments of a call: a dict, or names and the values that follow the positional ones.
struct Keywords {
  ThreadState& ts;
  PyObject* dict = nullptr;
  PyObject* names = nullptr;
  PyObject* const* values = nullptr;

  Py_ssize_t count() const { return dict != nullptr ? dict_size(dict) : names != nullptr ? tuple_size(names) : 0; }
  // Calls f(key, value) until it says that it has found what it looks for.
  template <class F>
  void each(F f) const {
    PyObject *key, *value;
    if (dict != nullptr) {
      Py_ssize_t at = 0;
      while (dict_next(dict, &at, &key, &value)) {
        if (f(key, value)) return;
      }
    } else if (names != nullptr) {
      for (Py_ssize_t i = 0; i < tuple_size(names); ++i) {
        if (f(tuple_peek(names, i), values[i])) return;
      }
    }
  }
  // Borrowed, or NULL.
  PyObject* find(const char* name) const {
    PyObject* found = nullptr;
    each([&](PyObject* key, PyObject* value) {
      if (!is_str(key) || !str_equals_ascii(key, name)) return false;
      found = value;
      return true;
    });
    return found;
  }
};

// The parameters' names; those without one come first and are positional-only.
struct Names {
  const char* const* names;
  int total = 0;
  int positional_only = 0;

  explicit Names(const char* const* list) : names(list) {
    while (list[positional_only] != nullptr && *list[positional_only] == 0) ++positional_only;
    for (total = positional_only; list[total] != nullptr; ++total) {
    }
  }
  bool nameless_later() const {
    for (int i = positional_only; i < total; ++i) {
      if (*names[i] == 0) return true;
    }
    return false;
  }
  bool has(PyObject* key) const {
    for (int i = positional_only; i < total; ++i) {
      if (str_equals_ascii(key, names[i])) return true;
    }
    return false;
  }
};

// Keywords that named no parameter, or one that a positional argument has filled. Always raises, unless there are none.
bool raise_leftover(ThreadState& ts, const Signature& s, const Names& names, const Keywords& keywords, Py_ssize_t positional) {
  for (int i = names.positional_only; i < names.total && i < positional; ++i) {
    if (keywords.find(names.names[i]) == nullptr) continue;
    (void)raise(ts, PyExc_TypeError, "argument for %.200s%s given by name ('%s') and position (%d)", s.name(), s.brackets(),
                names.names[i], i + 1);
    return true;
  }
  bool raised = false;
  keywords.each([&](PyObject* key, PyObject*) {
    if (!is_str(key)) {
      (void)raise(ts, PyExc_TypeError, "keywords must be strings");
      return raised = true;
    }
    if (names.has(key)) return false;
    (void)raise(ts, PyExc_TypeError, "'%S' is an invalid keyword argument for %.200s%s", key,
                s.function != nullptr ? s.function : "this function", s.brackets());
    return raised = true;
  });
  return raised;
}

void raise_too_many(ThreadState& ts, const Signature& s, int total, Py_ssize_t positional, Py_ssize_t given) {
  (void)raise(ts, PyExc_TypeError, "%.200s%s takes at most %d %sargument%s (%zd given)", s.name(), s.brackets(), total,
              positional == 0 ? "keyword " : "", plural(total), given);
}
void raise_positional_count(ThreadState& ts, const Signature& s, const char* bound, Py_ssize_t count, Py_ssize_t given) {
  if (count == 0) {
    (void)raise(ts, PyExc_TypeError, "%.200s%s takes no positional arguments", s.name(), s.brackets());
    return;
  }
  (void)raise(ts, PyExc_TypeError, "%.200s%s takes %s %zd positional argument%s (%zd given)", s.name(), s.brackets(), bound, count,
              plural(count), given);
}
void raise_missing(ThreadState& ts, const Signature& s, const char* name, int index) {
  (void)raise(ts, PyExc_TypeError, "%.200s%s missing required argument '%s' (pos %i)", s.name(), s.brackets(), name, index + 1);
}

int parse_keywords(ThreadState& ts, PyObject* const* args, Py_ssize_t n, const Keywords& keywords, const char* format,
                   const Signature& s, const char* const* list, va_list* targets, bool lengths) {
  Names names(list);
  if (names.nameless_later()) {
    (void)raise(ts, PyExc_SystemError, "Empty keyword parameter name");
    return 0;
  }
  Py_ssize_t keyword_count = keywords.count();
  if (n + keyword_count > names.total) {
    raise_too_many(ts, s, names.total, n, n + keyword_count);
    return 0;
  }
  Conversion c(ts, format, targets, lengths, s);
  int min = kNoLimit, max = kNoLimit;
  bool positional_missing = false;
  Py_ssize_t left = keyword_count;
  for (int i = 0; i < names.total; ++i) {
    if (*c.at() == '|') {
      if (min != kNoLimit || max != kNoLimit) {
        (void)raise(ts, PyExc_SystemError, min != kNoLimit ? "Invalid format string (| specified twice)" : "Invalid format string ($ before |)");
        return 0;
      }
      min = i;
      c.pass('|');
    }
    if (*c.at() == '$') {
      if (max != kNoLimit) {
        (void)raise(ts, PyExc_SystemError, "Invalid format string ($ specified twice)");
        return 0;
      }
      max = i;
      c.pass('$');
      if (max < names.positional_only) {
        (void)raise(ts, PyExc_SystemError, "Empty parameter name after $");
        return 0;
      }
      if (max < n) {
        raise_positional_count(ts, s, min != kNoLimit ? "at most" : "exactly", max, n);
        return 0;
      }
    }
    if (at_end(c.at())) {
      (void)raise(ts, PyExc_SystemError, "More keyword list entries (%d) than format specifiers (%d)", names.total, i);
      return 0;
    }
    PyObject* v = nullptr;
    if (i < n) {
      v = args[i];
    } else if (left > 0 && i >= names.positional_only) {
      v = keywords.find(names.names[i]);
      if (v != nullptr) --left;
    }
    if (v != nullptr) {
      if (!positional_missing && !c.argument(v, i + 1)) return 0;
      if (positional_missing && !c.absent()) return 0;
      continue;
    }
    if (min == kNoLimit || positional_missing) {
      if (i < names.positional_only) {
        positional_missing = true;
      } else if (!positional_missing) {
        raise_missing(ts, s, names.names[i], i);
        return 0;
      }
    }
    if (!c.absent()) return 0;
  }
  c.pass('|');
  c.pass('$');
  if (positional_missing) {
    int bound = names.positional_only < min ? names.positional_only : min;
    raise_positional_count(ts, s, bound < names.total ? "at least" : "exactly", bound, n);
    return 0;
  }
  if (!at_end(c.at())) {
    (void)raise(ts, PyExc_SystemError, "more argument specifiers than keyword list entries (remaining format:'%s')", c.at());
    return 0;
  }
  if (left > 0 && raise_leftover(ts, s, names, keywords, n)) return 0;
  return c.keep();
}

bool valid_call(PyObject* args, PyObject* kwargs, const void* format, const void* list) {
  if (args != nullptr && is_tuple(args) && (kwargs == nullptr || is_dict(kwargs)) && format != nullptr && list != nullptr) return true;
  (void)raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return false;
}

int parse_tuple_and_keywords(PyObject* args, PyObject* kwargs, const char* format, const char* const* list, va_list* targets,
                             bool lengths) {
  if (!valid_call(args, kwargs, format, list)) return 0;
  ThreadState& ts = current_thread();
  return parse_keywords(ts, tuple_items(args), tuple_size(args), {ts, kwargs}, format, signature_of(format), list, targets, lengths);
}

Signature signature_of(const _PyArg_Parser* parser) {
  Signature s = parser->format != nullptr ? signature_of(parser->format) : Signature{};
  if (parser->fname != nullptr) s.function = parser->fname;
  if (parser->custom_msg != nullptr) s.message = parser->custom_msg;
  return s;
}

int parse_tuple_fast(PyObject* args, PyObject* kwargs, _PyArg_Parser* parser, va_list* targets, bool lengths) {
  if (!valid_call(args, kwargs, parser, parser)) return 0;
  ThreadState& ts = current_thread();
  return parse_keywords(ts, tuple_items(args), tuple_size(args), {ts, kwargs}, parser->format, signature_of(parser), parser->keywords,
                        targets, lengths);
}
int parse_stack_fast(PyObject* const* args, Py_ssize_t n, PyObject* kwnames, _PyArg_Parser* parser, va_list* targets, bool lengths) {
  ThreadState& ts = current_thread();
  return parse_keywords(ts, args, n, {ts, nullptr, kwnames, args + n}, parser->format, signature_of(parser), parser->keywords, targets,
                        lengths);
}

// Sorts a call's arguments into out[0 … total-1]; absent ones are NULL. With `rest` ≥ 0 the positional arguments after
// the maxpos-th become a tuple there.
bool unpack(PyObject* const* args, Py_ssize_t n, PyObject* kwargs, PyObject* kwnames, const _PyArg_Parser* parser, int minpos, int maxpos,
            int minkw, int rest, PyObject** out) {
  ThreadState& ts = current_thread();
  Signature s = signature_of(parser);
  Names names(parser->keywords);
  Keywords keywords{ts, kwargs, kwnames, args + n};
  bool has_rest = rest >= 0;
  Py_ssize_t keyword_count = keywords.count();
  if (!has_rest && n + keyword_count > names.total) {
    raise_too_many(ts, s, names.total, n, n + keyword_count);
    return false;
  }
  if (!has_rest && n > maxpos) {
    raise_positional_count(ts, s, minpos < maxpos ? "at most" : "exactly", maxpos, n);
    return false;
  }
  int needed = names.positional_only < minpos ? names.positional_only : minpos;
  if (n < needed) {
    raise_positional_count(ts, s, has_rest || minpos < maxpos ? "at least" : "exactly", minpos, n);
    return false;
  }
  Py_ssize_t placed = n < maxpos ? n : maxpos;
  Py_ssize_t left = keyword_count;
  Ref<> more;
  if (has_rest) {
    more = tuple_from(ts, args + placed, n - placed);
    if (!more) return false;
  }
  for (int i = 0; i < names.total; ++i) {
    PyObject* v = i < placed ? args[i] : nullptr;
    if (v == nullptr && left > 0 && i >= names.positional_only) {
      v = keywords.find(names.names[i]);
      if (v != nullptr) --left;
    }
    bool required = i < minpos || (i >= maxpos && i < maxpos + minkw);
    if (v == nullptr && required) {
      raise_missing(ts, s, names.names[i], i);
      return false;
    }
    out[has_rest && i >= rest ? i + 1 : i] = v;
  }
  if (left > 0 && raise_leftover(ts, s, names, keywords, placed)) return false;
  if (has_rest) out[rest] = more.release();
  return true;
}

}  // namespace

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

namespace {
// Calls f(&targets) with a copy of the caller's list, which must survive.
template <class F>
int with_targets(va_list given, F f) {
  va_list targets;
  va_copy(targets, given);
  int ok = f(&targets);
  va_end(targets);
  return ok;
}
}  // namespace

#define ATOLL_FROM_DOTS(last, call) \
  va_list targets;                  \
  va_start(targets, last);          \
  int ok = call;                    \
  va_end(targets);                  \
  return ok

int(PyArg_Parse)(PyObject* arg, const char* format, ...) { ATOLL_FROM_DOTS(format, parse_object(arg, format, &targets, false)); }
int _PyArg_Parse_SizeT(PyObject* arg, const char* format, ...) { ATOLL_FROM_DOTS(format, parse_object(arg, format, &targets, true)); }
int(PyArg_ParseTuple)(PyObject* args, const char* format, ...) { ATOLL_FROM_DOTS(format, parse_tuple(args, format, &targets, false)); }
int _PyArg_ParseTuple_SizeT(PyObject* args, const char* format, ...) {
  ATOLL_FROM_DOTS(format, parse_tuple(args, format, &targets, true));
}
int(_PyArg_ParseStack)(PyObject* const* args, Py_ssize_t n, const char* format, ...) {
  ATOLL_FROM_DOTS(format, parse_stack(args, n, format, &targets, false));
}
int _PyArg_ParseStack_SizeT(PyObject* const* args, Py_ssize_t n, const char* format, ...) {
  ATOLL_FROM_DOTS(format, parse_stack(args, n, format, &targets, true));
}
int(PyArg_VaParse)(PyObject* args, const char* format, va_list given) {
  return with_targets(given, [&](va_list* targets) { return parse_tuple(args, format, targets, false); });
}
int _PyArg_VaParse_SizeT(PyObject* args, const char* format, va_list given) {
  return with_targets(given, [&](va_list* targets) { return parse_tuple(args, format, targets, true); });
}
int(PyArg_ParseTupleAndKeywords)(PyObject* args, PyObject* kwargs, const char* format, char** list, ...) {
  ATOLL_FROM_DOTS(list, parse_tuple_and_keywords(args, kwargs, format, list, &targets, false));
}
int _PyArg_ParseTupleAndKeywords_SizeT(PyObject* args, PyObject* kwargs, const char* format, char** list, ...) {
  ATOLL_FROM_DOTS(list, parse_tuple_and_keywords(args, kwargs, format, list, &targets, true));
}
int(PyArg_VaParseTupleAndKeywords)(PyObject* args, PyObject* kwargs, const char* format, char** list, va_list given) {
  return with_targets(given, [&](va_list* targets) { return parse_tuple_and_keywords(args, kwargs, format, list, targets, false); });
}
int _PyArg_VaParseTupleAndKeywords_SizeT(PyObject* args, PyObject* kwargs, const char* format, char** list, va_list given) {
  return with_targets(given, [&](va_list* targets) { return parse_tuple_and_keywords(args, kwargs, format, list, targets, true); });
}
int(_PyArg_ParseTupleAndKeywordsFast)(PyObject* args, PyObject* kwargs, _PyArg_Parser* parser, ...) {
  ATOLL_FROM_DOTS(parser, parse_tuple_fast(args, kwargs, parser, &targets, false));
}
int _PyArg_ParseTupleAndKeywordsFast_SizeT(PyObject* args, PyObject* kwargs, _PyArg_Parser* parser, ...) {
  ATOLL_FROM_DOTS(parser, parse_tuple_fast(args, kwargs, parser, &targets, true));
}
int(_PyArg_VaParseTupleAndKeywordsFast)(PyObject* args, PyObject* kwargs, _PyArg_Parser* parser, va_list given) {
  return with_targets(given, [&](va_list* targets) { return parse_tuple_fast(args, kwargs, parser, targets, false); });
}
int _PyArg_VaParseTupleAndKeywordsFast_SizeT(PyObject* args, PyObject* kwargs, _PyArg_Parser* parser, va_list given) {
  return with_targets(given, [&](va_list* targets) { return parse_tuple_fast(args, kwargs, parser, targets, true); });
}
int(_PyArg_ParseStackAndKeywords)(PyObject* const* args, Py_ssize_t n, PyObject* kwnames, _PyArg_Parser* parser, ...) {
  ATOLL_FROM_DOTS(parser, parse_stack_fast(args, n, kwnames, parser, &targets, false));
}
int _PyArg_ParseStackAndKeywords_SizeT(PyObject* const* args, Py_ssize_t n, PyObject* kwnames, _PyArg_Parser* parser, ...) {
  ATOLL_FROM_DOTS(parser, parse_stack_fast(args, n, kwnames, parser, &targets, true));
}
#undef ATOLL_FROM_DOTS

// Values in the order of the parameters, borrowed: the given array itself where that is it, else `buf`. NULL with an
// exception.
PyObject* const*(_PyArg_UnpackKeywords)(PyObject* const* args, Py_ssize_t n, PyObject* kwargs, PyObject* kwnames, _PyArg_Parser* parser,
                                        int minpos, int maxpos, int minkw, PyObject** buf) {
  return unpack(args, n, kwargs, kwnames, parser, minpos, maxpos, minkw, -1, buf) ? buf : nullptr;
}
PyObject* const* _PyArg_UnpackKeywordsWithVararg(PyObject* const* args, Py_ssize_t n, PyObject* kwargs, PyObject* kwnames,
                                                 _PyArg_Parser* parser, int minpos, int maxpos, int minkw, int vararg, PyObject** buf) {
  return unpack(args, n, kwargs, kwnames, parser, minpos, maxpos, minkw, vararg, buf) ? buf : nullptr;
}

namespace {

int unpack_stack(PyObject* const* args, Py_ssize_t n, const char* name, Py_ssize_t min, Py_ssize_t max, va_list* targets) {
  if (n < min || n > max) {
    const char* bound = min == max ? "" : n < min ? "at least " : "at most ";
    Py_ssize_t count = n < min ? min : max;
    if (name != nullptr) {
      (void)raise(current_thread(), PyExc_TypeError, "%.200s expected %s%zd argument%s, got %zd", name, bound, count, plural(count), n);
    } else {
      (void)raise(current_thread(), PyExc_TypeError, "unpacked tuple should have %s%zd element%s, but has %zd", bound, count, plural(count), n);
    }
    return 0;
  }
  for (Py_ssize_t i = 0; i < n; ++i) *va_arg(*targets, PyObject**) = args[i];
  return 1;
}

}  // namespace

int PyArg_UnpackTuple(PyObject* args, const char* name, Py_ssize_t min, Py_ssize_t max, ...) {
  if (!is_tuple(args)) {
    (void)raise(current_thread(), PyExc_SystemError, "PyArg_UnpackTuple() argument list is not a tuple");
    return 0;
  }
  va_list targets;
  va_start(targets, max);
  int ok = unpack_stack(tuple_items(args), tuple_size(args), name, min, max, &targets);
  va_end(targets);
  return ok;
}
int _PyArg_UnpackStack(PyObject* const* args, Py_ssize_t n, const char* name, Py_ssize_t min, Py_ssize_t max, ...) {
  va_list targets;
  va_start(targets, max);
  int ok = unpack_stack(args, n, name, min, max, &targets);
  va_end(targets);
  return ok;
}
int(_PyArg_CheckPositional)(const char* name, Py_ssize_t n, Py_ssize_t min, Py_ssize_t max) {
  return n >= min && n <= max ? 1 : unpack_stack(nullptr, n, name, min, max, nullptr);
}

void _PyArg_BadArgument(const char* fname, const char* displayname, const char* expected, PyObject* arg) {
  (void)raise(current_thread(), PyExc_TypeError, "%.200s() %.200s must be %.50s, not %.50s", fname, displayname, expected,
              arg == Py_None ? "None" : arg->ob_type->tp_name);
}
int(_PyArg_NoKeywords)(const char* name, PyObject* kwargs) {
  if (kwargs == nullptr || (is_dict(kwargs) && dict_size(kwargs) == 0)) return 1;
  (void)raise(current_thread(), PyExc_TypeError, "%.200s() takes no keyword arguments", name);
  return 0;
}
int(_PyArg_NoPositional)(const char* name, PyObject* args) {
  if (args == nullptr || (is_tuple(args) && tuple_size(args) == 0)) return 1;
  (void)raise(current_thread(), PyExc_TypeError, "%.200s() takes no positional arguments", name);
  return 0;
}
int(_PyArg_NoKwnames)(const char* name, PyObject* kwnames) {
  if (kwnames == nullptr || tuple_size(kwnames) == 0) return 1;
  (void)raise(current_thread(), PyExc_TypeError, "%.200s() takes no keyword arguments", name);
  return 0;
}

int PyArg_ValidateKeywordArguments(PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (!is_dict(kwargs)) {
    (void)raise_bad_internal_call(ts, __FILE__, __LINE__);
    return 0;
  }
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (dict_next(kwargs, &at, &key, &value)) {
    if (is_str(key)) continue;
    (void)raise(ts, PyExc_TypeError, "keywords must be strings");
    return 0;
  }
  return 1;
}
