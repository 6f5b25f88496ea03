// _json: the fast parts of json: scanning of documents, encoding of objects and strings.
#include <cmath>
#include <string>
#include <vector>

#include "Modules/module_tools.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "structmember.h"

namespace atl {

namespace {

using Text = std::vector<Py_UCS4>;

Ref<> str_of(const Text& text) {
  return Ref<>::steal(PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, text.data(), static_cast<Py_ssize_t>(text.size())));
}
void append(Text& out, const char* ascii) {
  while (*ascii != 0) out.push_back(static_cast<unsigned char>(*ascii++));
}
void append(Text& out, PyObject* str) {
  Py_ssize_t n = PyUnicode_GET_LENGTH(str);
  unsigned kind = PyUnicode_KIND(str);
  const void* data = PyUnicode_DATA(str);
  size_t old = out.size();
  out.resize(old + static_cast<size_t>(n));
  for (Py_ssize_t i = 0; i < n; ++i) out[old + static_cast<size_t>(i)] = PyUnicode_READ(kind, data, i);
}

// ---- strings to JSON ---------------------------------------------------------------------------------------------

void append_unit(Text& out, Py_UCS4 unit) {
  static constexpr char kHex[] = "0123456789abcdef";
  append(out, "\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(static_cast<unsigned char>(kHex[unit >> shift & 15]));
}
void append_quoted(Text& out, PyObject* str, bool ascii_only) {
  Py_ssize_t n = PyUnicode_GET_LENGTH(str);
  unsigned kind = PyUnicode_KIND(str);
  const void* data = PyUnicode_DATA(str);
  out.reserve(out.size() + static_cast<size_t>(n) + 2);
  out.push_back('"');
  for (Py_ssize_t i = 0; i < n; ++i) {
    Py_UCS4 c = PyUnicode_READ(kind, data, i);
    char letter = c == '"' || c == '\\' ? static_cast<char>(c)
                  : c == '\n'           ? 'n'
                  : c == '\r'           ? 'r'
                  : c == '\t'           ? 't'
                  : c == '\b'           ? 'b'
                  : c == '\f'           ? 'f'
                                        : 0;
    if (letter != 0) {
      out.push_back('\\');
      out.push_back(static_cast<unsigned char>(letter));
    } else if (c < ' ' || (ascii_only && c > '~' && c <= 0xffff)) {
      append_unit(out, c);
    } else if (ascii_only && c > 0xffff) {
      append_unit(out, 0xd800 + ((c - 0x10000) >> 10));
      append_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}
template <bool kAscii>
PyObject* f_encode(PyObject*, PyObject* str) {
  if (!is_str(str)) return raise(current_thread(), PyExc_TypeError, "first argument must be a string, not %.80s", str->ob_type->tp_name);
  Text out;
  append_quoted(out, str, kAscii);
  return str_of(out).release();
}

// ---- decoding ----------------------------------------------------------------------------------------------------

Raised decode_error(ThreadState& ts, const char* message, PyObject* document, Py_ssize_t at) {
  Ref<> module = Ref<>::steal(PyImport_ImportModule("json.decoder"));
  Ref<> type = module ? object_getattr(ts, module.get(), "JSONDecodeError") : Ref<>();
  Ref<> exception = type ? Ref<>::steal(PyObject_CallFunction(type.get(), "sOn", message, document, at)) : Ref<>();
  return exception ? raise_object(ts, type.get(), exception.get()) : already_raised();
}
// No value begins at an index: what the scanner's caller makes of it is its business.
Raised stop_at(ThreadState& ts, Py_ssize_t at) {
  Ref<> index = int_from_ssize(ts, at);
  return index ? raise_object(ts, PyExc_StopIteration, index.get()) : already_raised();
}

struct Scanner {
  PyObject ob_base;
  char strict;
  PyObject* object_hook;
  PyObject* object_pairs_hook;
  PyObject* parse_float;
  PyObject* parse_int;
  PyObject* parse_constant;
};
Scanner* as_scanner(PyObject* o) { return reinterpret_cast<Scanner*>(o); }

// One document under a scanner's rules.
class Document {
 public:
  Document(PyObject* text, bool strict, const Scanner* rules)
      : text_(text), size_(PyUnicode_GET_LENGTH(text)), kind_(PyUnicode_KIND(text)), data_(PyUnicode_DATA(text)), strict_(strict), rules_(rules) {}

  // The string whose opening quote stands before `at`; *next is behind the closing one.
  Ref<> string(ThreadState& ts, Py_ssize_t at, Py_ssize_t* next) {
    Py_ssize_t begin = at - 1;
    if (at < 0 || at > size_) return raise(ts, PyExc_ValueError, "end is out of bounds");
    Text decoded;
    for (;;) {
      Py_ssize_t run = at;
      Py_UCS4 c = 0;
      for (; at < size_; ++at) {
        c = char_at(at);
        if (c == '"' || c == '\\') break;
        if (c <= 0x1f && strict_) return decode_error(ts, "Invalid control character at", text_, at);
      }
      if (at >= size_) return decode_error(ts, "Unterminated string starting at", text_, begin);
      if (c == '"' && decoded.empty()) {
        *next = at + 1;
        return Ref<>::steal(PyUnicode_Substring(text_, run, at));
      }
      for (; run < at; ++run) decoded.push_back(char_at(run));
      if (c == '"') {
        *next = at + 1;
        return str_of(decoded);
      }
      if (++at >= size_) return decode_error(ts, "Unterminated string starting at", text_, begin);
      Py_UCS4 escaped = char_at(at++);
      if (escaped != 'u') {
        int value = simple_escape(escaped);
        if (value < 0) return decode_error(ts, "Invalid \\escape", text_, at - 2);
        decoded.push_back(static_cast<Py_UCS4>(value));
      } else {
        int unit = hex4(at);
        if (unit < 0) return decode_error(ts, "Invalid \\uXXXX escape", text_, at - 1);
        at += 4;
        auto value = static_cast<Py_UCS4>(unit);
        // Two halves of a character.
        if (Py_UNICODE_IS_HIGH_SURROGATE(value) && at + 6 < size_ && char_at(at) == '\\' && char_at(at + 1) == 'u') {
          int low = hex4(at + 2);
          if (low < 0) return decode_error(ts, "Invalid \\uXXXX escape", text_, at + 1);
          if (Py_UNICODE_IS_LOW_SURROGATE(static_cast<Py_UCS4>(low))) {
            value = Py_UNICODE_JOIN_SURROGATES(value, static_cast<Py_UCS4>(low));
            at += 6;
          }
        }
        decoded.push_back(value);
      }
      // An escape that gave nothing does not exist, so `decoded` says that there were some.
    }
  }

  Ref<> value(ThreadState& ts, Py_ssize_t at, Py_ssize_t* next) {
    if (at < 0) return raise(ts, PyExc_ValueError, "idx cannot be negative");
    if (at >= size_) return stop_at(ts, at);
    switch (char_at(at)) {
      case '"':
        return string(ts, at + 1, next);
      case '{': {
        RecursionGuard guard(ts, " while decoding a JSON object from a unicode string");
        return guard.ok() ? object(ts, at + 1, next) : Ref<>();
      }
      case '[': {
        RecursionGuard guard(ts, " while decoding a JSON array from a unicode string");
        return guard.ok() ? array(ts, at + 1, next) : Ref<>();
      }
      case 'n':
        if (says(at, "null", next)) return new_none();
        break;
      case 't':
        if (says(at, "true", next)) return new_bool(true);
        break;
      case 'f':
        if (says(at, "false", next)) return new_bool(false);
        break;
      case 'N':
        if (says(at, "NaN", next)) return constant(ts, "NaN");
        break;
      case 'I':
        if (says(at, "Infinity", next)) return constant(ts, "Infinity");
        break;
      case '-':
        if (says(at, "-Infinity", next)) return constant(ts, "-Infinity");
        break;
    }
    return number(ts, at, next);
  }

 private:
  Py_UCS4 char_at(Py_ssize_t i) const { return PyUnicode_READ(kind_, data_, i); }
  bool is(Py_ssize_t i, Py_UCS4 c) const { return i < size_ && char_at(i) == c; }
  bool is_digit(Py_ssize_t i) const { return i < size_ && char_at(i) >= '0' && char_at(i) <= '9'; }
  Py_ssize_t skip_space(Py_ssize_t i) const {
    while (i < size_ && (char_at(i) == ' ' || char_at(i) == '\t' || char_at(i) == '\n' || char_at(i) == '\r')) ++i;
    return i;
  }
  bool says(Py_ssize_t at, const char* word, Py_ssize_t* next) const {
    for (; *word != 0; ++word, ++at) {
      if (!is(at, static_cast<unsigned char>(*word))) return false;
    }
    *next = at;
    return true;
  }
  static int simple_escape(Py_UCS4 c) {
    switch (c) {
      case '"':
      case '\\':
      case '/':
        return static_cast<int>(c);
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
    }
    return -1;
  }
  // Four hexadecimal digits, with something behind them; -1 if they are none.
  int hex4(Py_ssize_t at) const {
    if (at + 4 >= size_) return -1;
    int value = 0;
    for (int i = 0; i < 4; ++i) {
      Py_UCS4 c = char_at(at + i);
      int digit = c >= '0' && c <= '9'   ? static_cast<int>(c - '0')
                  : c >= 'a' && c <= 'f' ? static_cast<int>(c - 'a') + 10
                  : c >= 'A' && c <= 'F' ? static_cast<int>(c - 'A') + 10
                                         : -1;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }
  Ref<> constant(ThreadState& ts, const char* word) const {
    Ref<> text = str_from_ascii(ts, word);
    return text ? call(ts, rules_->parse_constant, text.get()) : Ref<>();
  }

  Ref<> number(ThreadState& ts, Py_ssize_t start, Py_ssize_t* next) {
    Py_ssize_t at = start;
    if (is(at, '-')) ++at;
    if (!is_digit(at)) return stop_at(ts, start);
    if (char_at(at) == '0') {
      ++at;
    } else {
      while (is_digit(at)) ++at;
    }
    bool is_float = false;
    if (is(at, '.') && is_digit(at + 1)) {
      is_float = true;
      for (at += 2; is_digit(at);) ++at;
    }
    if (is(at, 'e') || is(at, 'E')) {
      Py_ssize_t exponent = at + 1;
      if (is(exponent, '+') || is(exponent, '-')) ++exponent;
      if (is_digit(exponent)) {
        is_float = true;
        for (at = exponent; is_digit(at);) ++at;
      }
    }
    *next = at;
    PyObject* convert = is_float ? rules_->parse_float : rules_->parse_int;
    bool usual = convert == obj(is_float ? &PyFloat_Type : &PyLong_Type);
    if (!usual) {
      Ref<> text = Ref<>::steal(PyUnicode_Substring(text_, start, at));
      return text ? call(ts, convert, text.get()) : Ref<>();
    }
    std::string digits;
    for (Py_ssize_t i = start; i < at; ++i) digits += static_cast<char>(char_at(i));
    if (!is_float) return Ref<>::steal(PyLong_FromString(digits.c_str(), nullptr, 10));
    double d = PyOS_string_to_double(digits.c_str(), nullptr, nullptr);
    return d == -1.0 && error_set(ts) ? Ref<>() : new_float(ts, d);
  }

  Ref<> array(ThreadState& ts, Py_ssize_t at, Py_ssize_t* next) {
    Ref<> list = list_new(ts, 0);
    if (!list) return {};
    at = skip_space(at);
    if (is(at, ']')) {
      *next = at + 1;
      return list;
    }
    for (;;) {
      Ref<> item = value(ts, at, &at);
      if (!item || failed(list_append(ts, list.get(), std::move(item)))) return {};
      at = skip_space(at);
      if (is(at, ']')) break;
      if (!is(at, ',')) return decode_error(ts, "Expecting ',' delimiter", text_, at);
      at = skip_space(at + 1);
    }
    *next = at + 1;
    return list;
  }

  // Equal keys share one string.
  Ref<> shared_key(ThreadState& ts, Ref<> key) {
    if (!keys_) keys_ = dict_new(ts);
    return keys_ ? Ref<>::dup_of(PyDict_SetDefault(keys_.get(), key.get(), key.get())) : Ref<>();
  }
  Ref<> object(ThreadState& ts, Py_ssize_t at, Py_ssize_t* next) {
    bool as_pairs = rules_->object_pairs_hook != Py_None;
    Ref<> result = as_pairs ? list_new(ts, 0) : dict_new(ts);
    if (!result) return {};
    at = skip_space(at);
    if (!is(at, '}')) {
      for (;;) {
        if (!is(at, '"')) return decode_error(ts, "Expecting property name enclosed in double quotes", text_, at);
        Ref<> key = string(ts, at + 1, &at);
        if (key) key = shared_key(ts, std::move(key));
        if (!key) return {};
        at = skip_space(at);
        if (!is(at, ':')) return decode_error(ts, "Expecting ':' delimiter", text_, at);
        at = skip_space(at + 1);
        Ref<> item = value(ts, at, &at);
        if (!item) return {};
        if (as_pairs) {
          Ref<> pair = tuple_of(ts, key.get(), item.get());
          if (!pair || failed(list_append(ts, result.get(), std::move(pair)))) return {};
        } else if (failed(dict_set(ts, result.get(), key.get(), item.get()))) {
          return {};
        }
        at = skip_space(at);
        if (is(at, '}')) break;
        if (!is(at, ',')) return decode_error(ts, "Expecting ',' delimiter", text_, at);
        at = skip_space(at + 1);
      }
    }
    *next = at + 1;
    if (as_pairs) return call(ts, rules_->object_pairs_hook, result.get());
    return rules_->object_hook != Py_None ? call(ts, rules_->object_hook, result.get()) : std::move(result);
  }

  PyObject* text_;
  Py_ssize_t size_;
  unsigned kind_;
  const void* data_;
  bool strict_;
  const Scanner* rules_;
  Ref<> keys_;
};

Ref<> f_scanstring(ThreadState& ts, PyObject*, PyObject* text, Py_ssize_t at, bool strict) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "first argument must be a string, not %.80s", text->ob_type->tp_name);
  Py_ssize_t next;
  Ref<> value = Document(text, strict, nullptr).string(ts, at, &next);
  Ref<> end = value ? int_from_ssize(ts, next) : Ref<>();
  return end ? tuple_of(ts, value.get(), end.get()) : Ref<>();
}

Ref<> scanner_new(ThreadState& ts, PyTypeObject* type, PyObject* context) {
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Scanner* s = as_scanner(o.get());
  Ref<> strict = object_getattr(ts, context, "strict");
  Tri truth = strict ? object_is_true(ts, strict.get()) : Tri::kError;
  if (failed(truth)) return {};
  s->strict = truth == Tri::kTrue;
  struct {
    const char* name;
    PyObject** to;
  } fields[] = {{"object_hook", &s->object_hook}, {"object_pairs_hook", &s->object_pairs_hook}, {"parse_float", &s->parse_float},
                {"parse_int", &s->parse_int},     {"parse_constant", &s->parse_constant}};
  for (auto& f : fields) {
    *f.to = object_getattr(ts, context, f.name).release();
    if (*f.to == nullptr) return {};
  }
  return o;
}
int scanner_traverse(PyObject* o, visitproc visit, void* arg) {
  Scanner* s = as_scanner(o);
  Py_VISIT(obj(o->ob_type));
  for (PyObject* f : {s->object_hook, s->object_pairs_hook, s->parse_float, s->parse_int, s->parse_constant}) Py_VISIT(f);
  return 0;
}
int scanner_clear(PyObject* o) {
  Scanner* s = as_scanner(o);
  for (PyObject** f : {&s->object_hook, &s->object_pairs_hook, &s->parse_float, &s->parse_int, &s->parse_constant}) clear_field(*f);
  return 0;
}
void scanner_dealloc(PyObject* o) {
  untrack(o);
  scanner_clear(o);
  heap_instance_free(o);
}
Ref<> scan_once(ThreadState& ts, PyTypeObject* self, PyObject* text, Py_ssize_t at) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "first argument must be a string, not %.80s", text->ob_type->tp_name);
  const Scanner* s = as_scanner(obj(self));
  Py_ssize_t next;
  Ref<> value = Document(text, s->strict, s).value(ts, at, &next);
  Ref<> end = value ? int_from_ssize(ts, next) : Ref<>();
  return end ? tuple_of(ts, value.get(), end.get()) : Ref<>();
}
// tp_call has tp_new's shape.
PyObject* scanner_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return ATOLL_NEW(scan_once, "scan_once", "(string, idx)")(reinterpret_cast<PyTypeObject*>(self), args, kwargs);
}

// ---- encoding ----------------------------------------------------------------------------------------------------

struct Encoder {
  PyObject ob_base;
  PyObject* markers;  // dict of what is being encoded, or None
  PyObject* default_;
  PyObject* encoder;
  PyObject* indent;
  PyObject* key_separator;
  PyObject* item_separator;
  char sort_keys, skip_keys;
  bool allow_nan;
  int own_encoder;  // 0: call `encoder`; 1: as it is; 2: ASCII only
};
Encoder* as_encoder(PyObject* o) { return reinterpret_cast<Encoder*>(o); }

class Writer {
 public:
  explicit Writer(const Encoder* rules) : rules_(rules) {}
  const Text& text() const { return out_; }

  Status value(ThreadState& ts, PyObject* o) {
    if (o == Py_None || o == Py_True || o == Py_False) {
      append(out_, o == Py_None ? "null" : o == Py_True ? "true" : "false");
      return Status::kOk;
    }
    if (is_str(o)) return string(ts, o);
    if (is_int(o)) return repr(PyLong_Type.tp_repr(o));
    if (PyFloat_Check(o)) return floating(ts, o);
    RecursionGuard guard(ts, " while encoding a JSON object");
    if (!guard.ok()) return Status::kError;
    if (PyList_Check(o) || is_tuple(o)) return list(ts, o);
    if (PyDict_Check(o)) return dict(ts, o);
    Ref<> marker;
    if (failed(enter(ts, o, &marker))) return Status::kError;
    Ref<> other = call(ts, rules_->default_, o);
    return other && !failed(value(ts, other.get())) ? leave(ts, marker) : Status::kError;
  }

 private:
  Status enter(ThreadState& ts, PyObject* o, Ref<>* marker) {
    if (rules_->markers == Py_None) return Status::kOk;
    *marker = Ref<>::steal(PyLong_FromVoidPtr(o));
    if (!*marker) return Status::kError;
    int there = PyDict_Contains(rules_->markers, marker->get());
    if (there < 0) return Status::kError;
    if (there) return raise(ts, PyExc_ValueError, "Circular reference detected");
    return dict_set(ts, rules_->markers, marker->get(), o);
  }
  Status leave(ThreadState& ts, const Ref<>& marker) { return marker ? dict_del(ts, rules_->markers, marker.get()) : Status::kOk; }

  Status repr(PyObject* text_consumed) {
    Ref<> text = Ref<>::steal(text_consumed);
    if (!text) return Status::kError;
    append(out_, text.get());
    return Status::kOk;
  }
  Status string(ThreadState& ts, PyObject* o) {
    if (rules_->own_encoder != 0) {
      append_quoted(out_, o, rules_->own_encoder == 2);
      return Status::kOk;
    }
    Ref<> text = call(ts, rules_->encoder, o);
    if (text && !is_str(text.get())) return raise(ts, PyExc_TypeError, "encoder() must return a string, not %.80s", text->ob_type->tp_name);
    return repr(text.release());
  }
  Ref<> float_text(ThreadState& ts, PyObject* o) {
    double d = PyFloat_AS_DOUBLE(o);
    if (std::isfinite(d)) return Ref<>::steal(PyFloat_Type.tp_repr(o));
    if (!rules_->allow_nan) return raise(ts, PyExc_ValueError, "Out of range float values are not JSON compliant");
    return str_from_ascii(ts, std::isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
  }
  Status floating(ThreadState& ts, PyObject* o) { return repr(float_text(ts, o).release()); }

  Status list(ThreadState& ts, PyObject* o) {
    Ref<> items = Ref<>::steal(PySequence_Fast(o, "_iterencode_list needs a sequence"));
    if (!items) return Status::kError;
    if (PySequence_Fast_GET_SIZE(items.get()) == 0) {
      append(out_, "[]");
      return Status::kOk;
    }
    Ref<> marker;
    if (failed(enter(ts, o, &marker))) return Status::kError;
    out_.push_back('[');
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
      if (i > 0) append(out_, rules_->item_separator);
      Ref<> item = dup(PySequence_Fast_GET_ITEM(items.get(), i));
      if (failed(value(ts, item.get()))) return Status::kError;
    }
    out_.push_back(']');
    return leave(ts, marker);
  }
  // A key as str; kFalse: it is to be skipped.
  Tri key_text(ThreadState& ts, PyObject* key, Ref<>* out) {
    if (is_str(key)) {
      *out = dup(key);
    } else if (PyFloat_Check(key)) {
      *out = float_text(ts, key);
    } else if (key == Py_True || key == Py_False || key == Py_None) {
      *out = str_from_ascii(ts, key == Py_None ? "null" : key == Py_True ? "true" : "false");
    } else if (is_int(key)) {
      *out = Ref<>::steal(PyLong_Type.tp_repr(key));
    } else if (rules_->skip_keys) {
      return Tri::kFalse;
    } else {
      return raise(ts, PyExc_TypeError, "keys must be str, int, float, bool or None, not %.100s", key->ob_type->tp_name);
    }
    return *out ? Tri::kTrue : Tri::kError;
  }
  Status dict(ThreadState& ts, PyObject* o) {
    if (dict_size(o) == 0) {
      append(out_, "{}");
      return Status::kOk;
    }
    Ref<> marker;
    if (failed(enter(ts, o, &marker))) return Status::kError;
    Ref<> items = Ref<>::steal(PyMapping_Items(o));
    if (!items || (rules_->sort_keys && PyList_Sort(items.get()) < 0)) return Status::kError;
    out_.push_back('{');
    bool first = true;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
      Ref<> pair = dup(PyList_GET_ITEM(items.get(), i));
      if (!is_tuple(pair.get()) || tuple_size(pair.get()) != 2) return raise(ts, PyExc_ValueError, "items must return 2-tuples");
      Ref<> key;
      Tri wanted = key_text(ts, tuple_peek(pair.get(), 0), &key);
      if (failed(wanted)) return Status::kError;
      if (wanted == Tri::kFalse) continue;
      if (!first) append(out_, rules_->item_separator);
      first = false;
      if (failed(string(ts, key.get()))) return Status::kError;
      append(out_, rules_->key_separator);
      if (failed(value(ts, tuple_peek(pair.get(), 1)))) return Status::kError;
    }
    out_.push_back('}');
    return leave(ts, marker);
  }

  const Encoder* rules_;
  Text out_;
};

Ref<> encoder_new(ThreadState& ts, PyTypeObject* type, PyObject* markers, PyObject* default_, PyObject* encoder, PyObject* indent,
                  PyUnicodeObject* key_separator, PyUnicodeObject* item_separator, bool sort_keys, bool skip_keys, bool allow_nan) {
  if (markers != Py_None && !PyDict_Check(markers)) {
    return raise(ts, PyExc_TypeError, "make_encoder() argument 1 must be dict or None, not %.200s", markers->ob_type->tp_name);
  }
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Encoder* e = as_encoder(o.get());
  e->markers = new_ref(markers);
  e->default_ = new_ref(default_);
  e->encoder = new_ref(encoder);
  e->indent = new_ref(indent);
  e->key_separator = new_ref(obj(key_separator));
  e->item_separator = new_ref(obj(item_separator));
  e->sort_keys = sort_keys;
  e->skip_keys = skip_keys;
  e->allow_nan = allow_nan;
  if (PyCFunction_Check(encoder)) {
    PyCFunction f = PyCFunction_GetFunction(encoder);
    e->own_encoder = f == f_encode<true> ? 2 : f == f_encode<false> ? 1 : 0;
  }
  return o;
}
int encoder_traverse(PyObject* o, visitproc visit, void* arg) {
  Encoder* e = as_encoder(o);
  Py_VISIT(obj(o->ob_type));
  for (PyObject* f : {e->markers, e->default_, e->encoder, e->indent, e->key_separator, e->item_separator}) Py_VISIT(f);
  return 0;
}
int encoder_clear(PyObject* o) {
  Encoder* e = as_encoder(o);
  for (PyObject** f : {&e->markers, &e->default_, &e->encoder, &e->indent, &e->key_separator, &e->item_separator}) clear_field(*f);
  return 0;
}
void encoder_dealloc(PyObject* o) {
  untrack(o);
  encoder_clear(o);
  heap_instance_free(o);
}
Ref<> iterencode(ThreadState& ts, PyTypeObject* self, PyObject* o, Py_ssize_t) {
  Writer writer(as_encoder(obj(self)));
  if (failed(writer.value(ts, o))) return {};
  Ref<> text = str_of(writer.text());
  return text ? tuple_of(ts, text.get()) : Ref<>();
}
PyObject* encoder_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return ATOLL_NEW(iterencode, "_iterencode", "(obj, _current_indent_level)")(reinterpret_cast<PyTypeObject*>(self), args, kwargs);
}

// ---- the module --------------------------------------------------------------------------------------------------

constexpr PyMemberDef kScannerMembers[] = {{"strict", T_BOOL, offsetof(Scanner, strict), READONLY, "strict"},
                                           {"object_hook", T_OBJECT, offsetof(Scanner, object_hook), READONLY, "object_hook"},
                                           {"object_pairs_hook", T_OBJECT, offsetof(Scanner, object_pairs_hook), READONLY, nullptr},
                                           {"parse_float", T_OBJECT, offsetof(Scanner, parse_float), READONLY, "parse_float"},
                                           {"parse_int", T_OBJECT, offsetof(Scanner, parse_int), READONLY, "parse_int"},
                                           {"parse_constant", T_OBJECT, offsetof(Scanner, parse_constant), READONLY, "parse_constant"},
                                           {}};
constexpr PyMemberDef kEncoderMembers[] = {{"markers", T_OBJECT, offsetof(Encoder, markers), READONLY, "markers"},
                                           {"default", T_OBJECT, offsetof(Encoder, default_), READONLY, "default"},
                                           {"encoder", T_OBJECT, offsetof(Encoder, encoder), READONLY, "encoder"},
                                           {"indent", T_OBJECT, offsetof(Encoder, indent), READONLY, "indent"},
                                           {"key_separator", T_OBJECT, offsetof(Encoder, key_separator), READONLY, "key_separator"},
                                           {"item_separator", T_OBJECT, offsetof(Encoder, item_separator), READONLY, "item_separator"},
                                           {"sort_keys", T_BOOL, offsetof(Encoder, sort_keys), READONLY, "sort_keys"},
                                           {"skipkeys", T_BOOL, offsetof(Encoder, skip_keys), READONLY, "skipkeys"},
                                           {}};

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD_RAW(f_encode<true>, "encode_basestring_ascii", METH_O,
                     "encode_basestring_ascii(string) -> string\n\nReturn an ASCII-only JSON representation of a Python string"),
    ATOLL_METHOD_RAW(f_encode<false>, "encode_basestring", METH_O, "encode_basestring(string) -> string\n\nReturn a JSON representation of a Python string"),
    ATOLL_METHOD_PLAIN(f_scanstring, "scanstring", "($module, string, end, strict=True, /)",
                       "scanstring(string, end, strict=True) -> (string, end)\n\n"
                       "Scan a JSON string whose first character behind the quote has the index `end'. If strict is not true, control characters\n"
                       "are allowed in it. The index in the result is the one behind the closing quote."),
    ATOLL_METHOD_END};

int exec(PyObject* m) {
  PyType_Slot scanner_slots[] = {{Py_tp_doc, const_cast<char*>("JSON scanner object")},
                                 {Py_tp_dealloc, reinterpret_cast<void*>(scanner_dealloc)},
                                 {Py_tp_call, reinterpret_cast<void*>(scanner_call)},
                                 {Py_tp_traverse, reinterpret_cast<void*>(scanner_traverse)},
                                 {Py_tp_clear, reinterpret_cast<void*>(scanner_clear)},
                                 {Py_tp_members, const_cast<PyMemberDef*>(kScannerMembers)},
                                 {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(scanner_new, "make_scanner", "(context)"))},
                                 {0, nullptr}};
  PyType_Spec scanner_spec{"_json.Scanner", sizeof(Scanner), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, scanner_slots};
  PyType_Slot encoder_slots[] = {
      {Py_tp_doc, const_cast<char*>("_iterencode(obj, _current_indent_level) -> iterable")},
      {Py_tp_dealloc, reinterpret_cast<void*>(encoder_dealloc)},
      {Py_tp_call, reinterpret_cast<void*>(encoder_call)},
      {Py_tp_traverse, reinterpret_cast<void*>(encoder_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(encoder_clear)},
      {Py_tp_members, const_cast<PyMemberDef*>(kEncoderMembers)},
      {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(encoder_new, "make_encoder",
                                                    "(markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan)"))},
      {0, nullptr}};
  PyType_Spec encoder_spec{"_json.Encoder", sizeof(Encoder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, encoder_slots};
  for (auto [name, spec] : {std::pair{"make_scanner", &scanner_spec}, std::pair{"make_encoder", &encoder_spec}}) {
    Ref<> type = Ref<>::steal(obj(heap_type(m, *spec)));
    if (!type || PyModule_AddObjectRef(m, name, type.get()) < 0) return -1;
  }
  return 0;
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__json, "_json", "json speedups\n", 0, atl::kFunctions, atl::exec)
