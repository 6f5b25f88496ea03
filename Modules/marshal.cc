// marshal: values as bytes, in the format that 3.11 documents for everything but code; code is an image of Atoll's own.
//
// A code's data starts with the number of instructions this build knows, so that one of another build is refused.
#include <cstdlib>
#include <cstring>

#include "Modules/module_def.h"
#include "Objects/bytes/shared.h"
#include "Objects/code/code.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "marshal.h"

namespace atl {

namespace {

constexpr int kVersion = 4;
constexpr int kMaxDepth = 2000;
constexpr uint8_t kRefFlag = 0x80;
constexpr uint32_t kCodeFormat = 0x41540000u + static_cast<uint32_t>(Opcode::kGenericCount);

// ---- writing -----------------------------------------------------------------------------------------------------

class Writer {
 public:
  Writer(ThreadState& ts, int version) : ts_(ts), version_(version) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { std::free(data_); }

  bool init() { return version_ < 3 || (seen_ = dict_new(ts_)); }
  bool write(PyObject* o);
  Ref<> finish() { return Ref<>::steal(PyBytes_FromStringAndSize(data_, static_cast<Py_ssize_t>(size_))); }

 private:
  bool raw(const void* from, size_t n) {
    if (size_ + n > room_) {
      size_t room = (size_ + n) * 2 + 64;
      auto* bigger = static_cast<char*>(std::realloc(data_, room));
      if (bigger == nullptr) {
        (void)raise_memory(ts_);
        return false;
      }
      data_ = bigger;
      room_ = room;
    }
    if (n != 0) std::memcpy(data_ + size_, from, n);
    size_ += n;
    return true;
  }
  bool byte(int b) {
    char c = static_cast<char>(b);
    return raw(&c, 1);
  }
  bool u32(uint32_t v) { return raw(&v, 4); }
  bool size(Py_ssize_t n) {
    if (n > INT32_MAX) {
      (void)raise(ts_, PyExc_ValueError, "unmarshallable object");
      return false;
    }
    return u32(static_cast<uint32_t>(n));
  }
  // Writes a back reference when the object stands in the data already; else notes it, and its type byte gets the flag.
  bool reference(PyObject* o, bool* done, int* flag) {
    *done = false;
    *flag = 0;
    if (!seen_ || Py_REFCNT(o) == 1) return true;
    Ref<> key = Ref<>::steal(PyLong_FromVoidPtr(o));
    if (!key) return false;
    if (PyObject* at = PyDict_GetItemWithError(seen_.get(), key.get())) {
      *done = true;
      return byte('r') && u32(static_cast<uint32_t>(PyLong_AsLong(at)));
    }
    if (error_set(ts_)) return false;
    Ref<> index = int_from_i64(ts_, PyDict_Size(seen_.get()));
    *flag = kRefFlag;
    return index && PyDict_SetItem(seen_.get(), key.get(), index.get()) == 0;
  }
  bool write_int(PyObject* o, int flag);
  bool write_float(double d, int flag, bool complex_part);
  bool write_str(PyObject* o, int flag);
  bool write_set(PyObject* o, int flag);
  bool write_code(PyObject* o, int flag);
  template <class T>
  bool array(const T* from, uint32_t n) {
    return u32(n) && raw(from, n * sizeof(T));
  }

  ThreadState& ts_;
  int version_;
  int depth_ = 0;
  Ref<> seen_;
  char* data_ = nullptr;
  size_t size_ = 0, room_ = 0;
};

bool Writer::write_int(PyObject* o, int flag) {
  int overflow;
  long v = PyLong_AsLongAndOverflow(o, &overflow);
  if (overflow == 0 && v >= INT32_MIN && v <= INT32_MAX) return byte('i' | flag) && u32(static_cast<uint32_t>(v));
  size_t bits = _PyLong_NumBits(o);
  bool negative = _PyLong_Sign(o) < 0;
  size_t digits = (bits + 14) / 15, n = bits / 8 + 3;
  if (digits > INT32_MAX) {
    (void)raise(ts_, PyExc_ValueError, "unmarshallable object");
    return false;
  }
  auto* bytes = static_cast<uint8_t*>(std::calloc(n + 4, 1));
  if (bytes == nullptr) {
    (void)raise_memory(ts_);
    return false;
  }
  Ref<> magnitude = Ref<>::steal(PyNumber_Absolute(o));
  bool ok = magnitude && _PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(magnitude.get()), bytes, n, 1, 0) == 0 && byte('l' | flag) &&
            u32(static_cast<uint32_t>(negative ? -static_cast<int32_t>(digits) : static_cast<int32_t>(digits)));
  for (size_t i = 0; ok && i < digits; ++i) {
    size_t bit = i * 15;
    uint32_t window;
    std::memcpy(&window, bytes + bit / 8, 4);
    uint16_t digit = static_cast<uint16_t>((window >> (bit % 8)) & 0x7fff);
    ok = raw(&digit, 2);
  }
  std::free(bytes);
  return ok;
}
bool Writer::write_float(double d, int flag, bool part) {
  if (version_ > 1) return (part || byte('g' | flag)) && raw(&d, 8);
  char* text = PyOS_double_to_string(d, 'g', 17, 0, nullptr);
  if (text == nullptr) return false;
  size_t n = std::strlen(text);
  bool ok = (part || byte('f' | flag)) && byte(static_cast<int>(n)) && raw(text, n);
  PyMem_Free(text);
  return ok;
}
bool Writer::write_str(PyObject* o, int flag) {
  bool interned = PyUnicode_CHECK_INTERNED(o);
  if (version_ >= 4 && PyUnicode_IS_ASCII(o)) {
    Py_ssize_t n = PyUnicode_GET_LENGTH(o);
    bool is_short = n < 256;
    int code = is_short ? (interned ? 'Z' : 'z') : (interned ? 'A' : 'a');
    return byte(code | flag) && (is_short ? byte(static_cast<int>(n)) : size(n)) && raw(PyUnicode_DATA(o), static_cast<size_t>(n));
  }
  Ref<> bytes = Ref<>::steal(PyUnicode_AsEncodedString(o, "utf8", "surrogatepass"));
  if (!bytes) return false;
  Py_ssize_t n = PyBytes_Size(bytes.get());
  return byte((version_ >= 3 && interned ? 't' : 'u') | flag) && size(n) && raw(PyBytes_AsString(bytes.get()), static_cast<size_t>(n));
}
// In the order of the elements' own data, so that equal sets give equal bytes.
bool Writer::write_set(PyObject* o, int flag) {
  if (!byte((PyAnySet_CheckExact(o) && Py_IS_TYPE(o, &PyFrozenSet_Type) ? '>' : '<') | flag) || !size(PySet_Size(o))) return false;
  Ref<> elements = Ref<>::steal(PySequence_List(o));
  Ref<> pairs = Ref<>::steal(PyList_New(0));
  if (!elements || !pairs) return false;
  for (Py_ssize_t i = 0; i < PyList_Size(elements.get()); ++i) {
    Writer w(ts_, version_);
    if (!w.init() || !w.write(PyList_GetItem(elements.get(), i))) return false;
    Ref<> data = w.finish();
    Ref<> at = int_from_i64(ts_, i);
    Ref<> pair = data && at ? Ref<>::steal(PyTuple_Pack(2, data.get(), at.get())) : Ref<>();
    if (!pair || PyList_Append(pairs.get(), pair.get()) < 0) return false;
  }
  if (PyList_Sort(pairs.get()) < 0) return false;
  for (Py_ssize_t i = 0; i < PyList_Size(pairs.get()); ++i) {
    Py_ssize_t at = PyLong_AsSsize_t(tuple_peek(PyList_GetItem(pairs.get(), i), 1));
    if (!write(PyList_GetItem(elements.get(), at))) return false;
  }
  return true;
}
bool Writer::write_code(PyObject* o, int flag) {
  const CodeObject* code = as_code(o);
  const CodeImage* i = code->image;
  bool ok = byte('c' | flag) && u32(kCodeFormat);
  for (uint32_t v : {i->flags, i->argcount, i->posonlyargcount, i->kwonlyargcount, i->nlocals, i->ntemps, static_cast<uint32_t>(i->firstlineno),
                     i->free_count, i->cell_count}) {
    ok = ok && u32(v);
  }
  ok = ok && write(code->head.co_name) && write(code->head.co_qualname) && write(code->head.co_filename);
  ok = ok && array(i->words, i->word_count) && array(i->handlers, i->handler_count) && array(i->live, i->live_count) &&
       array(i->live_pool, i->live_pool_count) && array(i->positions, i->position_count) && array(i->local_kinds, i->local_name_count);
  ok = ok && u32(i->const_count) && u32(i->name_count);
  for (uint32_t n = 0; ok && n < i->const_count; ++n) ok = write(code->consts[n]);
  for (uint32_t n = 0; ok && n < i->name_count; ++n) ok = write(i->names[n]);
  for (uint32_t n = 0; ok && n < i->local_name_count; ++n) ok = write(i->local_names[n]);
  return ok;
}

bool Writer::write(PyObject* o) {
  if (o == Py_None) return byte('N');
  if (o == Py_True) return byte('T');
  if (o == Py_False) return byte('F');
  if (o == Py_Ellipsis) return byte('.');
  if (o == PyExc_StopIteration) return byte('S');
  if (depth_ >= kMaxDepth) {
    (void)raise(ts_, PyExc_ValueError, "object too deeply nested to marshal");
    return false;
  }
  bool done;
  int flag;
  if (!reference(o, &done, &flag)) return false;
  if (done) return true;
  ++depth_;
  bool ok;
  if (PyLong_CheckExact(o)) {
    ok = write_int(o, flag);
  } else if (PyFloat_CheckExact(o)) {
    ok = write_float(float_value(o), flag, false);
  } else if (PyComplex_CheckExact(o)) {
    ok = byte((version_ > 1 ? 'y' : 'x') | flag) && write_float(PyComplex_RealAsDouble(o), 0, true) && write_float(PyComplex_ImagAsDouble(o), 0, true);
  } else if (PyUnicode_CheckExact(o)) {
    ok = write_str(o, flag);
  } else if (PyTuple_CheckExact(o)) {
    Py_ssize_t n = tuple_size(o);
    ok = version_ >= 4 && n < 256 ? byte(')' | flag) && byte(static_cast<int>(n)) : byte('(' | flag) && size(n);
    for (Py_ssize_t i = 0; ok && i < n; ++i) ok = write(tuple_peek(o, i));
  } else if (PyList_CheckExact(o)) {
    Py_ssize_t n = PyList_Size(o);
    ok = byte('[' | flag) && size(n);
    for (Py_ssize_t i = 0; ok && i < n; ++i) ok = write(PyList_GetItem(o, i));
  } else if (PyDict_CheckExact(o)) {
    ok = byte('{' | flag);
    Py_ssize_t at = 0;
    PyObject *k, *v;
    while (ok && PyDict_Next(o, &at, &k, &v)) ok = write(k) && write(v);
    ok = ok && byte('0');
  } else if (PyAnySet_CheckExact(o)) {
    ok = write_set(o, flag);
  } else if (PyCode_Check(o)) {
    ok = write_code(o, flag);
  } else if (PyObject_CheckBuffer(o)) {
    Py_buffer view;
    ok = PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) == 0;
    if (ok) {
      ok = byte('s' | flag) && size(view.len) && raw(view.buf, static_cast<size_t>(view.len));
      PyBuffer_Release(&view);
    } else if (error_clear_if(ts_, PyExc_BufferError)) {
      (void)raise(ts_, PyExc_ValueError, "unmarshallable object");
    }
  } else {
    (void)raise(ts_, PyExc_ValueError, "unmarshallable object");
    ok = false;
  }
  --depth_;
  return ok;
}

// ---- reading -----------------------------------------------------------------------------------------------------

class Reader {
 public:
  Reader(ThreadState& ts, const uint8_t* data, size_t n) : ts_(ts), at_(data), end_(data + n) {}
  Reader(ThreadState& ts, PyObject* file) : ts_(ts), file_(Ref<>::dup_of(file)) {}
  Reader(ThreadState& ts, FILE* stream) : ts_(ts), stream_(stream) {}
  bool init() { return static_cast<bool>(refs_ = Ref<>::steal(PyList_New(0))); }
  // A value; empty without an exception only for the end mark of a dict.
  Ref<> read();
  Ref<> read_top() {
    Ref<> r = read();
    if (!r && !error_set(ts_)) return raise(ts_, PyExc_TypeError, "NULL object in marshal data for object");
    return r;
  }

 private:
  // The next n bytes, until the next call.
  const uint8_t* take(size_t n) {
    if (stream_ != nullptr) return take_from_stream(n);
    if (!file_) {
      if (static_cast<size_t>(end_ - at_) < n) return too_short();
      const uint8_t* p = at_;
      at_ += n;
      return p;
    }
    static constexpr uint8_t kNothing[1] = {0};
    if (n == 0) return kNothing;
    chunk_ = Ref<>::steal(PyObject_CallMethod(file_.get(), "read", "n", static_cast<Py_ssize_t>(n)));
    if (!chunk_) return nullptr;
    if (!PyBytes_Check(chunk_.get())) {
      (void)raise(ts_, PyExc_TypeError, "file.read() returned not bytes but %T", chunk_.get());
      return nullptr;
    }
    size_t got = static_cast<size_t>(PyBytes_Size(chunk_.get()));
    if (got > n) {
      (void)raise(ts_, PyExc_ValueError, "read() returned too much data: %zd bytes requested, %zd returned", n, got);
      return nullptr;
    }
    return got < n ? too_short() : reinterpret_cast<const uint8_t*>(PyBytes_AsString(chunk_.get()));
  }
  // In steps: the size may come from a damaged file.
  const uint8_t* take_from_stream(size_t n) {
    static constexpr size_t kStep = size_t{1} << 20;
    for (size_t have = 0; have < n;) {
      const size_t more = n - have < kStep ? n - have : kStep;
      if (have + more > from_stream_.size) {
        auto* grown = static_cast<uint8_t*>(std::realloc(from_stream_.data, have + more));
        if (grown == nullptr) {
          (void)raise_memory(ts_);
          return nullptr;
        }
        from_stream_.data = grown;
        from_stream_.size = have + more;
      }
      if (fread(from_stream_.data + have, 1, more, stream_) != more) return too_short();
      have += more;
    }
    static constexpr uint8_t kNothing[1] = {0};
    return n != 0 ? from_stream_.data : kNothing;
  }
  const uint8_t* too_short() {
    (void)raise(ts_, PyExc_EOFError, "marshal data too short");
    return nullptr;
  }
  bool u32(uint32_t* v) {
    const uint8_t* p = take(4);
    if (p != nullptr) std::memcpy(v, p, 4);
    return p != nullptr;
  }
  bool count(Py_ssize_t* n, const char* what) {
    uint32_t v;
    if (!u32(&v)) return false;
    if (v > INT32_MAX) {
      (void)raise(ts_, PyExc_ValueError, "bad marshal data (%s size out of range)", what);
      return false;
    }
    *n = v;
    return true;
  }
  // A place for an object that is named before it is complete.
  bool reserve(bool flag, Py_ssize_t* at) {
    *at = -1;
    if (!flag) return true;
    *at = PyList_Size(refs_.get());
    return PyList_Append(refs_.get(), Py_None) == 0;
  }
  Ref<> noted(Ref<> o, Py_ssize_t at) {
    if (o && at >= 0) PyList_SetItem(refs_.get(), at, new_ref(o.get()));
    return o;
  }
  // An item of a container: a missing one is an error.
  Ref<> item(const char* where) {
    Ref<> r = read();
    if (!r && !error_set(ts_)) return raise(ts_, PyExc_TypeError, "NULL object in marshal data for %s", where);
    return r;
  }
  Ref<> read_value(uint8_t code, bool flag, Py_ssize_t at);
  Ref<> read_text(uint8_t code);
  Ref<> read_long();
  bool read_double(bool text, double* out);
  Ref<> read_code();
  template <class T, class P>
  bool array(P* to, uint32_t* n) {
    if (!u32(n)) return false;
    size_t size = size_t{*n} * sizeof(T);
    const uint8_t* p = take(size);
    if (p == nullptr) return false;
    auto* copy = static_cast<T*>(PyObject_Malloc(size + 1));
    if (copy == nullptr) {
      (void)raise_memory(ts_);
      return false;
    }
    std::memcpy(static_cast<void*>(copy), p, size);
    *to = copy;
    return true;
  }
  bool objects(PyObject*** to, uint32_t n) {
    *to = static_cast<PyObject**>(PyObject_Calloc(n + 1, sizeof(PyObject*)));
    if (*to == nullptr) (void)raise_memory(ts_);
    return *to != nullptr;
  }
  bool text_item(PyObject** to) {
    Ref<> s = item("code");
    if (s && !is_str(s.get())) (void)raise(ts_, PyExc_ValueError, "bad marshal data (code)");
    if (!s || !is_str(s.get())) return false;
    str_intern(ts_, &s);
    *to = s.release();
    return true;
  }

  ThreadState& ts_;
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  Ref<> file_;
  FILE* stream_ = nullptr;
  struct StreamBuffer {
    uint8_t* data = nullptr;
    size_t size = 0;
    ~StreamBuffer() { std::free(data); }
  } from_stream_;
  Ref<> chunk_;
  Ref<> refs_;
  int depth_ = 0;
};

Ref<> Reader::read() {
  const uint8_t* p = take(1);
  if (p == nullptr) return {};
  uint8_t code = *p & ~kRefFlag;
  bool flag = (*p & kRefFlag) != 0;
  if (depth_ >= kMaxDepth) return raise(ts_, PyExc_ValueError, "recursion limit exceeded");
  ++depth_;
  Ref<> r;
  Py_ssize_t at = -1;
  switch (code) {
    case '0': break;
    case 'N': r = Ref<>::dup_of(Py_None); break;
    case 'T': r = Ref<>::dup_of(Py_True); break;
    case 'F': r = Ref<>::dup_of(Py_False); break;
    case '.': r = Ref<>::dup_of(Py_Ellipsis); break;
    case 'S': r = Ref<>::dup_of(PyExc_StopIteration); break;
    case 'r': {
      uint32_t n;
      if (!u32(&n)) break;
      if (n >= static_cast<size_t>(PyList_Size(refs_.get()))) {
        (void)raise(ts_, PyExc_ValueError, "bad marshal data (invalid reference)");
        break;
      }
      r = Ref<>::dup_of(PyList_GetItem(refs_.get(), static_cast<Py_ssize_t>(n)));
      break;
    }
    default:
      if (reserve(flag, &at)) r = noted(read_value(code, flag, at), at);
  }
  --depth_;
  return r;
}

Ref<> Reader::read_long() {
  uint32_t raw;
  if (!u32(&raw)) return {};
  int32_t signed_count = static_cast<int32_t>(raw);
  if (signed_count == INT32_MIN) return raise(ts_, PyExc_ValueError, "bad marshal data (long size out of range)");
  size_t digits = static_cast<size_t>(std::abs(signed_count));
  const uint8_t* p = take(digits * 2);
  if (p == nullptr) return {};
  size_t n = digits * 15 / 8 + 8;
  auto* bytes = static_cast<uint8_t*>(std::calloc(n, 1));
  if (bytes == nullptr) return raise_memory(ts_);
  uint16_t digit = 1;
  bool valid = true;
  for (size_t i = 0; i < digits; ++i) {
    std::memcpy(&digit, p + i * 2, 2);
    valid &= digit < 0x8000;
    uint32_t window;
    std::memcpy(&window, bytes + i * 15 / 8, 4);
    window |= static_cast<uint32_t>(digit) << (i * 15 % 8);
    std::memcpy(bytes + i * 15 / 8, &window, 4);
  }
  Ref<> r;
  if (!valid) {
    (void)raise(ts_, PyExc_ValueError, "bad marshal data (digit out of range in long)");
  } else if (digit == 0) {
    (void)raise(ts_, PyExc_ValueError, "bad marshal data (unnormalized long data)");
  } else {
    r = Ref<>::steal(_PyLong_FromByteArray(bytes, n, 1, 0));
    if (r && signed_count < 0) r = Ref<>::steal(PyNumber_Negative(r.get()));
  }
  std::free(bytes);
  return r;
}
bool Reader::read_double(bool text, double* out) {
  const uint8_t* p = take(text ? 1 : 8);
  if (p == nullptr) return false;
  if (!text) {
    std::memcpy(out, p, 8);
    return true;
  }
  size_t n = *p;
  char buffer[256];
  if ((p = take(n)) == nullptr) return false;
  std::memcpy(buffer, p, n);
  buffer[n] = 0;
  *out = PyOS_string_to_double(buffer, nullptr, nullptr);
  return !error_set(ts_);
}
Ref<> Reader::read_text(uint8_t code) {
  Py_ssize_t n;
  if (code == 'z' || code == 'Z') {
    const uint8_t* p = take(1);
    if (p == nullptr) return {};
    n = *p;
  } else if (!count(&n, "string")) {
    return {};
  }
  const uint8_t* p = take(static_cast<size_t>(n));
  if (p == nullptr) return {};
  bool ascii = code != 'u' && code != 't';
  Ref<> s = ascii ? Ref<>::steal(PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, p, n))
                  : Ref<>::steal(PyUnicode_DecodeUTF8(reinterpret_cast<const char*>(p), n, "surrogatepass"));
  if (s && (code == 'Z' || code == 'A' || code == 't')) str_intern(ts_, &s);
  return s;
}

Ref<> Reader::read_value(uint8_t code, bool flag, Py_ssize_t at) {
  (void)flag;
  Py_ssize_t n;
  switch (code) {
    case 'i': {
      uint32_t v;
      return u32(&v) ? int_from_i64(ts_, static_cast<int32_t>(v)) : Ref<>();
    }
    case 'I': {
      const uint8_t* p = take(8);
      int64_t v;
      if (p == nullptr) return {};
      std::memcpy(&v, p, 8);
      return int_from_i64(ts_, v);
    }
    case 'l': return read_long();
    case 'f':
    case 'g': {
      double d;
      return read_double(code == 'f', &d) ? new_float(ts_, d) : Ref<>();
    }
    case 'x':
    case 'y': {
      double a, b;
      return read_double(code == 'x', &a) && read_double(code == 'x', &b) ? Ref<>::steal(PyComplex_FromDoubles(a, b)) : Ref<>();
    }
    case 's': {
      if (!count(&n, "bytes object")) return {};
      const uint8_t* p = take(static_cast<size_t>(n));
      return p != nullptr ? Ref<>::steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(p), n)) : Ref<>();
    }
    case 'u':
    case 't':
    case 'a':
    case 'A':
    case 'z':
    case 'Z': return read_text(code);
    case ')':
    case '(': {
      if (code == ')') {
        const uint8_t* p = take(1);
        if (p == nullptr) return {};
        n = *p;
      } else if (!count(&n, "tuple")) {
        return {};
      }
      // A list first: the count is not to be trusted, and the tuple must not be seen unfinished.
      Ref<> items = Ref<>::steal(PyList_New(0));
      for (Py_ssize_t i = 0; items && i < n; ++i) {
        Ref<> v = item("tuple");
        if (!v || PyList_Append(items.get(), v.get()) < 0) return {};
      }
      return items ? Ref<>::steal(PyList_AsTuple(items.get())) : Ref<>();
    }
    case '[': {
      if (!count(&n, "list")) return {};
      Ref<> list = noted(Ref<>::steal(PyList_New(0)), at);
      for (Py_ssize_t i = 0; list && i < n; ++i) {
        Ref<> v = item("list");
        if (!v || PyList_Append(list.get(), v.get()) < 0) return {};
      }
      return list;
    }
    case '{': {
      Ref<> d = noted(dict_new(ts_), at);
      while (d) {
        Ref<> k = read();
        if (!k) return error_set(ts_) ? Ref<>() : std::move(d);
        Ref<> v = item("dict");
        if (!v || PyDict_SetItem(d.get(), k.get(), v.get()) < 0) return {};
      }
      return {};
    }
    case '<':
    case '>': {
      if (!count(&n, "set")) return {};
      Ref<> set = Ref<>::steal(code == '<' ? PySet_New(nullptr) : PyFrozenSet_New(nullptr));
      if (code == '<') set = noted(std::move(set), at);
      if (code == '>' && set && n > 0) set = Ref<>::steal(PySet_New(nullptr));
      for (Py_ssize_t i = 0; set && i < n; ++i) {
        Ref<> v = item("set");
        if (!v || PySet_Add(set.get(), v.get()) < 0) return {};
      }
      return code == '>' && set && n > 0 ? Ref<>::steal(PyFrozenSet_New(set.get())) : std::move(set);
    }
    case 'c': return read_code();
    default: return raise(ts_, PyExc_ValueError, "bad marshal data (unknown type code)");
  }
}

// Trusted like all of marshal's data: the instructions are run as they are.
Ref<> Reader::read_code() {
  uint32_t format;
  if (!u32(&format)) return {};
  if (format != kCodeFormat) return raise(ts_, PyExc_ValueError, "bad marshal data (code of another interpreter)");
  CodeImage* i = image_new();
  if (i == nullptr) return raise_memory(ts_);
  bool ok = true;
  uint32_t first_line = 0, kinds = 0, consts = 0, names = 0;
  for (uint32_t* v : {&i->flags, &i->argcount, &i->posonlyargcount, &i->kwonlyargcount, &i->nlocals, &i->ntemps, &first_line, &i->free_count, &i->cell_count}) {
    ok = ok && u32(v);
  }
  i->firstlineno = static_cast<int32_t>(first_line);
  ok = ok && text_item(&i->name) && text_item(&i->qualname) && text_item(&i->filename);
  ok = ok && array<uint64_t>(&i->words, &i->word_count) && array<HandlerRow>(&i->handlers, &i->handler_count) &&
       array<LiveRow>(&i->live, &i->live_count) && array<uint16_t>(&i->live_pool, &i->live_pool_count) &&
       array<PositionRow>(&i->positions, &i->position_count) && array<uint8_t>(&i->local_kinds, &kinds);
  ok = ok && u32(&consts) && u32(&names) && objects(&i->consts, consts) && objects(&i->names, names) && objects(&i->local_names, kinds);
  if (ok) {
    i->children = static_cast<CodeImage**>(PyObject_Calloc(consts + 1, sizeof(CodeImage*)));
    ok = i->children != nullptr;
    if (!ok) (void)raise_memory(ts_);
  }
  if (ok) {
    i->const_count = consts;
    i->name_count = names;
    i->local_name_count = kinds;
  }
  for (uint32_t n = 0; ok && n < consts; ++n) {
    Ref<> v = item("code");
    ok = static_cast<bool>(v);
    if (!ok) break;
    if (PyCode_Check(v.get())) {
      i->children[n] = image_ref(as_code(v.get())->image);
    } else {
      i->consts[n] = v.release();
    }
  }
  for (uint32_t n = 0; ok && n < names; ++n) ok = text_item(&i->names[n]);
  for (uint32_t n = 0; ok && n < kinds; ++n) ok = text_item(&i->local_names[n]);
  if (!ok) {
    image_unref(i);
    return {};
  }
  return code_new(ts_, i);
}

// ---- the module --------------------------------------------------------------------------------------------------

Ref<> dump_bytes(ThreadState& ts, PyObject* value, int version) {
  Writer w(ts, version);
  return w.init() && w.write(value) ? w.finish() : Ref<>();
}
Ref<> m_dumps(ThreadState& ts, PyObject*, PyObject* value, int version) { return dump_bytes(ts, value, version); }
Ref<> m_dump(ThreadState& ts, PyObject*, PyObject* value, PyObject* file, int version) {
  Ref<> data = dump_bytes(ts, value, version);
  return data ? Ref<>::steal(PyObject_CallMethod(file, "write", "O", data.get())) : Ref<>();
}
Ref<> m_loads(ThreadState& ts, PyObject*, const BufferArg& data) {
  Reader r(ts, data.data(), static_cast<size_t>(data.size()));
  return r.init() ? r.read_top() : Ref<>();
}
Ref<> m_load(ThreadState& ts, PyObject*, PyObject* file) {
  Reader r(ts, file);
  return r.init() ? r.read_top() : Ref<>();
}
constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_dump, "dump", "($module, value, file, version=4, /)", "Write a value to a binary file."),
    ATOLL_METHOD(m_dumps, "dumps", "($module, value, version=4, /)", "A value as bytes."),
    ATOLL_METHOD(m_load, "load", "($module, file, /)", "Read a value from a binary file."),
    ATOLL_METHOD(m_loads, "loads", "($module, bytes, /)", "A value from bytes; what follows it is ignored."),
    ATOLL_METHOD_END};

int exec_marshal(PyObject* m) { return PyModule_AddIntConstant(m, "version", kVersion); }

}  // namespace
}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

PyObject* PyMarshal_WriteObjectToString(PyObject* value, int version) {
  return atl::dump_bytes(atl::current_thread(), value, version).release();
}
PyObject* PyMarshal_ReadObjectFromString(const char* data, Py_ssize_t size) {
  atl::Reader r(atl::current_thread(), reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size));
  return r.init() ? r.read_top().release() : nullptr;
}

// Integers in files: two or four bytes, the lowest first. -1 with EOFError.
static long read_number(FILE* file, int bytes) {
  uint32_t n = 0;
  for (int i = 0; i < bytes; ++i) {
    const int c = getc(file);
    if (c == EOF) {
      PyErr_SetString(PyExc_EOFError, "EOF read where data expected");
      return -1;
    }
    n |= static_cast<uint32_t>(c) << (8 * i);
  }
  return bytes == 2 ? static_cast<int16_t>(n) : static_cast<int32_t>(n);
}
int PyMarshal_ReadShortFromFile(FILE* file) { return static_cast<int>(read_number(file, 2)); }
long PyMarshal_ReadLongFromFile(FILE* file) { return read_number(file, 4); }
PyObject* PyMarshal_ReadObjectFromFile(FILE* file) {
  atl::Reader r(atl::current_thread(), file);
  return r.init() ? r.read_top().release() : nullptr;
}
PyObject* PyMarshal_ReadLastObjectFromFile(FILE* file) { return PyMarshal_ReadObjectFromFile(file); }

// Errors of the stream show in ferror(file), as with any other writing.
void PyMarshal_WriteLongToFile(long value, FILE* file, int) {
  for (int i = 0; i < 4; ++i) putc(static_cast<int>(static_cast<unsigned long>(value) >> (8 * i) & 0xff), file);
}
void PyMarshal_WriteObjectToFile(PyObject* value, FILE* file, int version) {
  atl::ThreadState& ts = atl::current_thread();
  atl::Ref<> data = atl::dump_bytes(ts, value, version);
  if (!data) return;
  (void)fwrite(PyBytes_AS_STRING(data.get()), 1, static_cast<size_t>(PyBytes_GET_SIZE(data.get())), file);
}

ATOLL_BUILTIN_MODULE(PyInit_marshal, "marshal", "Values as bytes, for the interpreter's own files.", 0, atl::kMethods, atl::exec_marshal)
