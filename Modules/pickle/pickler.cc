// _pickle: Pickler.
#include "Modules/pickle/pickle.h"

namespace atl::pickle {

namespace {

// Objects by identity, each with its number in the pickle. Keeps them alive.
class Memo {
 public:
  Memo() = default;
  Memo(const Memo&) = delete;
  Memo& operator=(const Memo&) = delete;
  ~Memo() { clear(); }
  // -1: not there.
  Py_ssize_t find(PyObject* o) const {
    if (slots_.empty()) return -1;
    const Slot& s = slots_[index_of(o)];
    return s.key != nullptr ? s.value : -1;
  }
  void put(PyObject* o, Py_ssize_t value) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    Slot& s = slots_[index_of(o)];
    if (s.key == nullptr) {
      s.key = new_ref(o);
      ++count_;
    }
    s.value = value;
  }
  size_t size() const { return count_; }
  void clear() {
    std::vector<Slot> old;
    old.swap(slots_);
    count_ = 0;
    for (Slot& s : old) Py_XDECREF(s.key);
  }
  template <class F>
  void each(F f) const {
    for (const Slot& s : slots_) {
      if (s.key != nullptr) f(s.key, s.value);
    }
  }

 private:
  struct Slot {
    PyObject* key = nullptr;
    Py_ssize_t value = 0;
  };
  size_t index_of(PyObject* o) const {
    size_t mask = slots_.size() - 1;
    size_t i = (reinterpret_cast<uintptr_t>(o) >> 4) * 0x9e3779b97f4a7c15ull >> 20 & mask;
    while (slots_[i].key != nullptr && slots_[i].key != o) i = (i + 1) & mask;
    return i;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 4);
    old.swap(slots_);
    for (Slot& s : old) {
      if (s.key != nullptr) slots_[index_of(s.key)] = s;
    }
  }
  std::vector<Slot> slots_;
  size_t count_ = 0;
};

struct Pickler {
  PyObject ob_base;
  PyObject* write;  // the file's method; NULL: everything stays in `out`
  PyObject* persistent_id;
  PyObject* dispatch_table;
  PyObject* buffer_callback;
  int protocol, bin, fast, fast_nesting;
  bool ready, fix_imports, framing;
  Memo memo;
  Memo fast_path;  // objects being saved, in fast mode
  std::vector<char> out;
  Py_ssize_t frame_start;  // -1: no frame is open
};
Pickler* as_pickler(PyObject* o) { return reinterpret_cast<Pickler*>(o); }

// The work of one dump().
class Saver {
 public:
  Saver(ThreadState& ts, State& state, Pickler* p) : ts_(ts), state_(state), p_(p) {}
  bool dump(PyObject* o) {
    // A subclass may say more by its methods.
    if (p_->ob_base.ob_type != state_.pickler_type && !look_for_methods()) return false;
    if (!persistent_) persistent_ = Ref<>::dup_of(p_->persistent_id);
    p_->framing = false;
    p_->frame_start = -1;
    if (p_->protocol >= 2) put(kProto, static_cast<unsigned char>(p_->protocol));
    p_->framing = p_->protocol >= 4;
    if (!save(o)) return false;
    put(kStop);
    close_frame();
    p_->framing = false;
    return true;
  }

 private:
  bool look_for_methods() {
    for (auto [name, to] : {std::pair{"persistent_id", &persistent_}, std::pair{"reducer_override", &override_}}) {
      *to = object_getattr(ts_, obj(p_), name);
      if (!*to && !error_clear_if(ts_, PyExc_AttributeError)) return false;
    }
    return true;
  }

  // ---- output ----------------------------------------------------------------------------------------------------

  void open_frame() {
    if (!p_->framing || p_->frame_start >= 0) return;
    p_->frame_start = static_cast<Py_ssize_t>(p_->out.size());
    p_->out.resize(p_->out.size() + kFrameHeader);
  }
  void close_frame() {
    if (!p_->framing || p_->frame_start < 0) return;
    auto start = static_cast<size_t>(std::exchange(p_->frame_start, -1));
    size_t n = p_->out.size() - start - kFrameHeader;
    if (n >= kFrameMin) {
      p_->out[start] = static_cast<char>(kFrame);
      for (int i = 0; i < 8; ++i) p_->out[start + 1 + static_cast<size_t>(i)] = static_cast<char>(n >> (8 * i));
    } else {
      p_->out.erase(p_->out.begin() + static_cast<std::ptrdiff_t>(start), p_->out.begin() + static_cast<std::ptrdiff_t>(start + kFrameHeader));
    }
  }
  void bytes(const void* data, size_t n) {
    open_frame();
    auto* c = static_cast<const char*>(data);
    p_->out.insert(p_->out.end(), c, c + n);
  }
  template <class... C>
  void put(C... c) {
    const char data[] = {static_cast<char>(c)...};
    bytes(data, sizeof data);
  }
  // An opcode with a number of so many bytes, the least significant first.
  void op(Op code, uint64_t value, int size) {
    char data[9] = {static_cast<char>(code)};
    for (int i = 0; i < size; ++i) data[1 + i] = static_cast<char>(value >> (8 * i));
    bytes(data, static_cast<size_t>(size) + 1);
  }
  void text(const char* s) { bytes(s, std::strlen(s)); }
  // Gives what is complete to the file.
  bool flush() {
    if (p_->write == nullptr) return true;
    Ref<> data = bytes_from(ts_, {p_->out.data(), p_->out.size()});
    p_->out.clear();
    return data && call(ts_, p_->write, data.get());
  }
  bool end_of_object() {
    if (!p_->framing || p_->frame_start < 0) return true;
    if (p_->out.size() - static_cast<size_t>(p_->frame_start) - kFrameHeader < kFrameTarget) return true;
    close_frame();
    return flush();
  }
  // An opcode with its size, and data; long data stand outside of frames, and go to a file as they are.
  bool payload(Op code, int size_bytes, const char* data, size_t n, PyObject* as_object) {
    if (!p_->framing || n < kFrameTarget) {
      op(code, n, size_bytes);
      bytes(data, n);
      return true;
    }
    close_frame();
    p_->framing = false;
    op(code, n, size_bytes);
    bool ok = true;
    if (p_->write == nullptr) {
      bytes(data, n);
    } else {
      Ref<> object = as_object != nullptr ? dup(as_object) : bytes_from(ts_, {data, n});
      ok = flush() && object && call(ts_, p_->write, object.get());
    }
    p_->framing = true;
    return ok;
  }

  // ---- memo ------------------------------------------------------------------------------------------------------

  bool get(Py_ssize_t index) {
    if (!p_->bin) {
      char line[32];
      std::snprintf(line, sizeof line, "g%zd\n", index);
      text(line);
    } else if (index < 256) {
      op(kBinGet, static_cast<uint64_t>(index), 1);
    } else {
      op(kLongBinGet, static_cast<uint64_t>(index), 4);
    }
    return true;
  }
  bool memoize(PyObject* o) {
    if (p_->fast) return true;
    auto index = static_cast<Py_ssize_t>(p_->memo.size());
    p_->memo.put(o, index);
    if (p_->protocol >= 4) {
      put(kMemoize);
    } else if (!p_->bin) {
      char line[32];
      std::snprintf(line, sizeof line, "p%zd\n", index);
      text(line);
    } else if (index < 256) {
      op(kBinPut, static_cast<uint64_t>(index), 1);
    } else {
      op(kLongBinPut, static_cast<uint64_t>(index), 4);
    }
    return true;
  }

  // ---- any object ------------------------------------------------------------------------------------------------

  bool save(PyObject* o, bool may_be_persistent = true) {
    RecursionGuard guard(ts_, " while pickling an object");
    if (!guard.ok()) return false;
    return save_one(o, may_be_persistent) && end_of_object();
  }
  bool save_one(PyObject* o, bool may_be_persistent) {
    if (may_be_persistent && persistent_) {
      Ref<> id = call(ts_, persistent_.get(), o);
      if (!id) return false;
      if (id.get() != Py_None) return save_persistent(id.get());
    }
    PyTypeObject* type = o->ob_type;
    if (o == Py_None) {
      put(kNone);
      return true;
    }
    if (o == Py_True || o == Py_False) {
      if (p_->protocol >= 2) {
        put(o == Py_True ? kNewTrue : kNewFalse);
      } else {
        text(o == Py_True ? "I01\n" : "I00\n");
      }
      return true;
    }
    if (type == &PyLong_Type) return save_int(o);
    if (type == &PyFloat_Type) return save_float(o);
    Py_ssize_t known = p_->memo.find(o);
    if (known >= 0) return get(known);
    if (type == &PyUnicode_Type) return save_str(o);
    if (type == &PyBytes_Type) return save_bytes(o);
    if (type == &PyTuple_Type) return save_tuple(o);
    if (type == &PyDict_Type) return in_fast_path(o, [&] { return save_dict(o); });
    if (type == &PyList_Type) return in_fast_path(o, [&] { return save_list(o); });
    if (type == &PySet_Type) return save_set(o);
    if (type == &PyFrozenSet_Type) return save_frozenset(o);
    if (type == &PyByteArray_Type) return save_bytearray(o);
    if (type == &PyPickleBuffer_Type) return save_buffer(o);
    if (override_) {
      Ref<> value = call(ts_, override_.get(), o);
      if (!value) return false;
      if (value.get() != Py_NotImplemented) return save_reduced(o, value.get());
    }
    if (type == &PyType_Type) return save_type(o);
    if (type == &PyFunction_Type) return save_global(o, nullptr);
    Ref<> reducer;
    if (p_->dispatch_table != nullptr) {
      reducer = Ref<>::steal(PyObject_GetItem(p_->dispatch_table, obj(type)));
      if (!reducer && !error_clear_if(ts_, PyExc_KeyError)) return false;
    } else {
      reducer = Ref<>::dup_of(dict_peek(ts_, state_.dispatch_table, obj(type)));
      if (!reducer && error_set(ts_)) return false;
    }
    Ref<> value;
    if (reducer) {
      value = call(ts_, reducer.get(), o);
    } else if (PyType_IsSubtype(type, &PyType_Type)) {
      return save_global(o, nullptr);
    } else {
      Ref<> method = object_getattr(ts_, o, "__reduce_ex__");
      if (method) {
        Ref<> protocol = int_from_i64(ts_, p_->protocol);
        value = protocol ? call(ts_, method.get(), protocol.get()) : Ref<>();
      } else {
        if (!error_clear_if(ts_, PyExc_AttributeError)) return false;
        method = object_getattr(ts_, o, "__reduce__");
        if (!method) {
          if (!error_clear_if(ts_, PyExc_AttributeError)) return false;
          return fail("can't pickle '%.200s' object: %R", type->tp_name, o);
        }
        value = call(ts_, method.get());
      }
    }
    return value && save_reduced(o, value.get());
  }
  template <class... A>
  bool fail(const char* format, A... args) {
    (void)raise(ts_, state_.pickling_error, format, args...);
    return false;
  }
  bool save_reduced(PyObject* o, PyObject* value) {
    if (is_str(value)) return save_global(o, value);
    if (!is_tuple(value)) return fail("__reduce__ must return a string or tuple");
    return save_reduce(value, o);
  }
  bool save_persistent(PyObject* id) {
    if (p_->bin) {
      if (!save(id, false)) return false;
      put(kBinPersId);
      return true;
    }
    Ref<> line = Ref<>::steal(PyObject_Str(id));
    if (!line) return false;
    if (!str_is_ascii(line.get())) return fail("persistent IDs in protocol 0 must be ASCII strings");
    put(kPersId);
    text(PyUnicode_AsUTF8(line.get()));
    put('\n');
    return true;
  }

  // In fast mode nothing is remembered: deep nesting is watched for cycles instead.
  template <class F>
  bool in_fast_path(PyObject* o, F f) {
    if (!p_->fast) return f();
    bool watched = p_->fast_nesting >= 50;
    if (watched) {
      if (p_->fast_path.find(o) > 0) {
        (void)raise(ts_, PyExc_ValueError, "fast mode: can't pickle cyclic objects including object type %.200s at %p", o->ob_type->tp_name, o);
        return false;
      }
      p_->fast_path.put(o, 1);
    }
    ++p_->fast_nesting;
    bool ok = f();
    --p_->fast_nesting;
    if (watched) p_->fast_path.put(o, 0);
    return ok;
  }

  // ---- atoms -----------------------------------------------------------------------------------------------------

  bool save_int(PyObject* o) {
    int overflow;
    int64_t v = int_as_i64_overflow(o, &overflow);
    if (overflow == 0 && v >= INT32_MIN && v <= INT32_MAX) {
      if (!p_->bin) {
        char line[32];
        std::snprintf(line, sizeof line, "I%lld\n", static_cast<long long>(v));
        text(line);
      } else if (v >= 0 && v < 256) {
        op(kBinInt1, static_cast<uint64_t>(v), 1);
      } else if (v >= 0 && v < 65536) {
        op(kBinInt2, static_cast<uint64_t>(v), 2);
      } else {
        op(kBinInt, static_cast<uint64_t>(v), 4);
      }
      return true;
    }
    if (p_->protocol < 2) {
      Ref<> digits = Ref<>::steal(PyObject_Repr(o));
      if (!digits) return false;
      put(kLong);
      text(PyUnicode_AsUTF8(digits.get()));
      text("L\n");
      return true;
    }
    auto bits = static_cast<size_t>(int_bit_length(o));
    size_t n = bits / 8 + 1;
    if (n > INT32_MAX) {
      (void)raise(ts_, PyExc_OverflowError, "int too large to pickle");
      return false;
    }
    std::vector<unsigned char> data(n);
    if (_PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(o), data.data(), n, 1, 1) < 0) return false;
    // A negative number may have one byte of sign too many.
    if (n > 1 && data[n - 1] == 0xff && (data[n - 2] & 0x80)) --n;
    if (n < 256) {
      op(kLong1, n, 1);
    } else {
      op(kLong4, n, 4);
    }
    bytes(data.data(), n);
    return true;
  }
  bool save_float(PyObject* o) {
    if (p_->bin) {
      char data[9] = {static_cast<char>(kBinFloat)};
      if (PyFloat_Pack8(PyFloat_AS_DOUBLE(o), data + 1, 0) < 0) return false;
      bytes(data, sizeof data);
      return true;
    }
    char* line = PyOS_double_to_string(PyFloat_AS_DOUBLE(o), 'r', 0, Py_DTSF_ADD_DOT_0, nullptr);
    if (line == nullptr) return false;
    put(kFloat);
    text(line);
    put('\n');
    PyMem_Free(line);
    return true;
  }
  bool too_large(const char* what) {
    (void)raise(ts_, PyExc_OverflowError, "serializing a %s object larger than 4 GiB requires pickle protocol 4 or higher", what);
    return false;
  }
  bool save_bytes(PyObject* o) {
    auto n = static_cast<size_t>(bytes_size(o));
    if (p_->protocol < 3) {
      // Older Pythons read it as text in Latin-1.
      Ref<> value;
      if (n == 0) {
        value = Ref<>::steal(Py_BuildValue("(O())", obj(&PyBytes_Type)));
      } else {
        Ref<> latin1 = Ref<>::steal(PyUnicode_DecodeLatin1(bytes_data(o), bytes_size(o), "strict"));
        value = latin1 ? Ref<>::steal(Py_BuildValue("(O(Os))", state_.encode, latin1.get(), "latin1")) : Ref<>();
      }
      return value && save_reduce(value.get(), o);
    }
    bool ok;
    if (n <= 0xff) {
      ok = payload(kShortBinBytes, 1, bytes_data(o), n, o);
    } else if (n <= 0xffffffff) {
      ok = payload(kBinBytes, 4, bytes_data(o), n, o);
    } else {
      ok = p_->protocol >= 4 ? payload(kBinBytes8, 8, bytes_data(o), n, o) : too_large("bytes");
    }
    return ok && memoize(o);
  }
  bool save_bytearray(PyObject* o) {
    if (p_->protocol < 5) {
      Ref<> value;
      if (PyByteArray_GET_SIZE(o) == 0) {
        value = Ref<>::steal(Py_BuildValue("(O())", obj(&PyByteArray_Type)));
      } else {
        Ref<> data = Ref<>::steal(PyBytes_FromObject(o));
        value = data ? Ref<>::steal(Py_BuildValue("(O(O))", obj(&PyByteArray_Type), data.get())) : Ref<>();
      }
      return value && save_reduce(value.get(), o);
    }
    return payload(kByteArray8, 8, PyByteArray_AS_STRING(o), static_cast<size_t>(PyByteArray_GET_SIZE(o)), o) && memoize(o);
  }
  bool save_buffer(PyObject* o) {
    if (p_->protocol < 5) return fail("PickleBuffer can only be pickled with protocol >= 5");
    const Py_buffer* view = PyPickleBuffer_GetBuffer(o);
    if (view == nullptr) return false;
    if (view->suboffsets != nullptr || !PyBuffer_IsContiguous(view, 'A')) {
      return fail("PickleBuffer can not be pickled when pointing to a non-contiguous buffer");
    }
    bool in_band = true;
    if (p_->buffer_callback != nullptr) {
      Ref<> answer = call(ts_, p_->buffer_callback, o);
      Tri truth = answer ? object_is_true(ts_, answer.get()) : Tri::kError;
      if (failed(truth)) return false;
      in_band = truth == Tri::kTrue;
    }
    if (!in_band) {
      put(kNextBuffer);
      if (view->readonly) put(kReadOnlyBuffer);
      return true;
    }
    auto* data = static_cast<const char*>(view->buf);
    auto n = static_cast<size_t>(view->len);
    if (!view->readonly) return payload(kByteArray8, 8, data, n, nullptr) && memoize(o);
    bool ok = n <= 0xff ? payload(kShortBinBytes, 1, data, n, nullptr) : n <= 0xffffffff ? payload(kBinBytes, 4, data, n, nullptr) : payload(kBinBytes8, 8, data, n, nullptr);
    return ok && memoize(o);
  }
  bool save_str(PyObject* o) {
    if (!p_->bin) {
      // Raw, but for what would end the line or begin an escape.
      put(kUnicode);
      for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(o); ++i) {
        Py_UCS4 c = PyUnicode_READ_CHAR(o, i);
        char escape[16];
        if (c >= 0x10000) {
          std::snprintf(escape, sizeof escape, "\\U%08x", c);
          text(escape);
        } else if (c >= 256 || c == '\\' || c == 0 || c == '\n' || c == '\r' || c == 0x1a) {
          std::snprintf(escape, sizeof escape, "\\u%04x", c);
          text(escape);
        } else {
          put(c);
        }
      }
      put('\n');
      return memoize(o);
    }
    Ref<> encoded;
    Py_ssize_t size;
    const char* data = PyUnicode_AsUTF8AndSize(o, &size);
    if (data == nullptr) {
      if (!error_clear_if(ts_, PyExc_UnicodeEncodeError)) return false;
      encoded = Ref<>::steal(PyUnicode_AsEncodedString(o, "utf-8", "surrogatepass"));
      if (!encoded) return false;
      data = bytes_data(encoded.get());
      size = bytes_size(encoded.get());
    }
    auto n = static_cast<size_t>(size);
    bool ok;
    if (n <= 0xff && p_->protocol >= 4) {
      ok = payload(kShortBinUnicode, 1, data, n, encoded.get());
    } else if (n <= 0xffffffff) {
      ok = payload(kBinUnicode, 4, data, n, encoded.get());
    } else {
      ok = p_->protocol >= 4 ? payload(kBinUnicode8, 8, data, n, encoded.get()) : too_large("string");
    }
    return ok && memoize(o);
  }

  // ---- containers ------------------------------------------------------------------------------------------------

  bool save_tuple(PyObject* o) {
    Py_ssize_t n = tuple_size(o);
    if (n == 0) {
      if (p_->bin) {
        put(kEmptyTuple);
      } else {
        put(kMark, kTuple);
      }
      return true;
    }
    bool small = n <= 3 && p_->protocol >= 2;
    if (!small) put(kMark);
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (!save(tuple_peek(o, i))) return false;
    }
    // A tuple that contains itself, by way of something else, is there by now.
    Py_ssize_t known = p_->memo.find(o);
    if (known >= 0) {
      if (!small && p_->bin) {
        put(kPopMark);
      } else {
        for (Py_ssize_t i = small ? 0 : -1; i < n; ++i) put(kPop);
      }
      return get(known);
    }
    if (small) {
      put(kTuple1 + n - 1);
    } else {
      put(kTuple);
    }
    return memoize(o);
  }
  bool save_list(PyObject* o) {
    if (p_->bin) {
      put(kEmptyList);
    } else {
      put(kMark, kList);
    }
    if (!memoize(o)) return false;
    Py_ssize_t n = PyList_GET_SIZE(o);
    if (n == 0) return true;
    if (p_->protocol == 0) {
      Ref<> items = Ref<>::steal(PyObject_GetIter(o));
      return items && append_all(items.get());
    }
    if (n == 1) {
      Ref<> item = dup(PyList_GET_ITEM(o, 0));
      if (!save(item.get())) return false;
      put(kAppend);
      return true;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o);) {
      put(kMark);
      for (Py_ssize_t k = 0; k < kBatch && i < PyList_GET_SIZE(o); ++k, ++i) {
        Ref<> item = dup(PyList_GET_ITEM(o, i));
        if (!save(item.get())) return false;
      }
      put(kAppends);
    }
    return true;
  }
  // Items of an iterator in batches, each with the opcode for one or the one for several.
  template <class F>
  bool in_batches(PyObject* items, Op one, Op several, F save_item) {
    Ref<> next = Ref<>::steal(PyIter_Next(items));
    while (next) {
      Ref<> first = std::move(next);
      next = p_->protocol == 0 ? Ref<>() : Ref<>::steal(PyIter_Next(items));
      if (!next) {
        if (error_set(ts_) || !save_item(first.get())) return false;
        put(one);
        if (p_->protocol != 0) return true;
        next = Ref<>::steal(PyIter_Next(items));
        continue;
      }
      put(kMark);
      if (!save_item(first.get())) return false;
      for (Py_ssize_t k = 1; next && k < kBatch; ++k) {
        if (!save_item(next.get())) return false;
        next = Ref<>::steal(PyIter_Next(items));
      }
      if (error_set(ts_)) return false;
      put(several);
    }
    return !error_set(ts_);
  }
  bool append_all(PyObject* items) {
    return in_batches(items, kAppend, kAppends, [&](PyObject* item) { return save(item); });
  }
  bool set_all(PyObject* items) {
    return in_batches(items, kSetItem, kSetItems, [&](PyObject* pair) {
      if (is_tuple(pair) && tuple_size(pair) == 2) return save(tuple_peek(pair, 0)) && save(tuple_peek(pair, 1));
      (void)raise(ts_, PyExc_TypeError, "dict items iterator must return 2-tuples");
      return false;
    });
  }
  bool save_dict(PyObject* o) {
    if (p_->bin) {
      put(kEmptyDict);
    } else {
      put(kMark, kDict);
    }
    if (!memoize(o)) return false;
    Py_ssize_t n = dict_size(o);
    if (n == 0) return true;
    if (p_->protocol == 0) {
      Ref<> pairs = Ref<>::steal(PyDict_Items(o));
      Ref<> items = pairs ? Ref<>::steal(PyObject_GetIter(pairs.get())) : Ref<>();
      return items && set_all(items.get());
    }
    Py_ssize_t at = 0, done = 0;
    PyObject *k, *v;
    while (done < n) {
      if (n > 1) put(kMark);
      Py_ssize_t in_batch = 0;
      while (in_batch < kBatch && PyDict_Next(o, &at, &k, &v)) {
        Ref<> key = dup(k), value = dup(v);
        if (!save(key.get()) || !save(value.get())) return false;
        if (dict_size(o) != n) {
          (void)raise(ts_, PyExc_RuntimeError, "dictionary changed size during iteration");
          return false;
        }
        ++in_batch;
      }
      done += in_batch;
      put(n > 1 ? kSetItems : kSetItem);
      if (in_batch == 0) break;
    }
    return true;
  }
  bool save_as_call(PyTypeObject* type, PyObject* o) {
    Ref<> items = Ref<>::steal(PySequence_List(o));
    Ref<> value = items ? Ref<>::steal(Py_BuildValue("(O(O))", obj(type), items.get())) : Ref<>();
    return value && save_reduce(value.get(), o);
  }
  bool save_set(PyObject* o) {
    if (p_->protocol < 4) return save_as_call(&PySet_Type, o);
    put(kEmptySet);
    if (!memoize(o)) return false;
    Py_ssize_t n = PySet_GET_SIZE(o);
    Ref<> items = n > 0 ? Ref<>::steal(PyObject_GetIter(o)) : Ref<>();
    if (n == 0) return true;
    if (!items) return false;
    Ref<> next = Ref<>::steal(PyIter_Next(items.get()));
    while (next) {
      put(kMark);
      for (Py_ssize_t k = 0; next && k < kBatch; ++k) {
        if (!save(next.get())) return false;
        next = Ref<>::steal(PyIter_Next(items.get()));
      }
      put(kAddItems);
    }
    return !error_set(ts_);
  }
  bool save_frozenset(PyObject* o) {
    if (p_->protocol < 4) return save_as_call(&PyFrozenSet_Type, o);
    put(kMark);
    Ref<> items = Ref<>::steal(PyObject_GetIter(o));
    if (!items) return false;
    while (Ref<> item = Ref<>::steal(PyIter_Next(items.get()))) {
      if (!save(item.get())) return false;
    }
    if (error_set(ts_)) return false;
    Py_ssize_t known = p_->memo.find(o);
    if (known >= 0) {
      put(kPopMark);
      return get(known);
    }
    put(kFrozenSet);
    return memoize(o);
  }

  // ---- classes and functions, by name ----------------------------------------------------------------------------

  bool save_type(PyObject* o) {
    for (PyObject* singleton : {Py_None, Py_Ellipsis, Py_NotImplemented}) {
      if (o != obj(singleton->ob_type)) continue;
      Ref<> value = Ref<>::steal(Py_BuildValue("(O(O))", obj(&PyType_Type), singleton));
      return value && save_reduce(value.get(), o);
    }
    return save_global(o, nullptr);
  }
  // The name of the module in which an object is found under a name.
  Ref<> module_of(PyObject* o, PyObject* path) {
    Ref<> name = object_getattr(ts_, o, "__module__");
    if (name && name.get() != Py_None) return name;
    if (!name && !error_clear_if(ts_, PyExc_AttributeError)) return {};
    PyObject* modules = ts_.interpreter().modules;
    Ref<> all = Ref<>::steal(PyMapping_Items(modules));
    for (Py_ssize_t i = 0; all && i < PyList_GET_SIZE(all.get()); ++i) {
      Ref<> pair = dup(PyList_GET_ITEM(all.get(), i));
      PyObject *key = tuple_peek(pair.get(), 0), *module = tuple_peek(pair.get(), 1);
      if (module == Py_None || (is_str(key) && str_equals_ascii(key, "__main__"))) continue;
      Ref<> parent;
      Ref<> found = deep_attribute(ts_, module, path, &parent);
      if (found.get() == o && found) return dup(key);
      error_clear(ts_);
    }
    return all ? str_from_ascii(ts_, "__main__") : Ref<>();
  }
  bool save_global(PyObject* o, PyObject* given_name) {
    Ref<> name = Ref<>::dup_of(given_name);
    if (!name) {
      name = object_getattr(ts_, o, "__qualname__");
      if (!name && error_clear_if(ts_, PyExc_AttributeError)) name = object_getattr(ts_, o, "__name__");
      if (!name) return false;
    }
    Ref<> path = dotted_path(ts_, name.get(), nullptr);
    Ref<> module_name = path ? module_of(o, path.get()) : Ref<>();
    if (!module_name) return false;
    Ref<> module = Ref<>::steal(PyImport_Import(module_name.get()));
    if (module) {
      // The innermost module of a dotted name.
      Ref<> inner = Ref<>::steal(PyImport_GetModule(module_name.get()));
      if (inner) module = std::move(inner);
    }
    if (!module) return fail("Can't pickle %R: import of module %R failed", o, module_name.get());
    Ref<> parent;
    Ref<> found = deep_attribute(ts_, module.get(), path.get(), &parent);
    if (!found) return fail("Can't pickle %R: attribute lookup %S on %S failed", o, name.get(), module_name.get());
    if (found.get() != o) return fail("Can't pickle %R: it's not the same object as %S.%S", o, module_name.get(), name.get());
    PyObject* last = PyList_GET_ITEM(path.get(), PyList_GET_SIZE(path.get()) - 1);
    if (p_->protocol >= 2) {
      Ref<> key = tuple_of(ts_, module_name.get(), name.get());
      PyObject* code = key ? dict_peek(ts_, state_.extension_registry, key.get()) : nullptr;
      if (code == nullptr && error_set(ts_)) return false;
      if (code != nullptr) return save_extension(o, code);
    }
    if (p_->protocol >= 4) {
      if (!save(module_name.get()) || !save(name.get())) return false;
      put(kStackGlobal);
      return memoize(o);
    }
    if (parent.get() != module.get()) {
      Ref<> value = Ref<>::steal(Py_BuildValue("(O(OO))", state_.getattr, parent.get(), last));
      return value && save_reduce(value.get(), o);
    }
    Ref<> global_name = dup(last);
    if (p_->fix_imports && p_->protocol < 3 && !old_names(&module_name, &global_name)) return false;
    put(kGlobal);
    for (auto [part, what] : {std::pair{module_name.get(), "module"}, std::pair{global_name.get(), "global"}}) {
      Ref<> line = Ref<>::steal(p_->protocol >= 3 ? PyUnicode_AsUTF8String(part) : PyUnicode_AsASCIIString(part));
      if (!line) {
        if (!error_clear_if(ts_, PyExc_UnicodeEncodeError)) return false;
        if (*what == 'm') return fail("can't pickle module identifier '%S' using pickle protocol %i", part, p_->protocol);
        return fail("can't pickle global identifier '%S.%S' using pickle protocol %i", module_name.get(), global_name.get(), p_->protocol);
      }
      bytes(bytes_data(line.get()), static_cast<size_t>(bytes_size(line.get())));
      put('\n');
    }
    return memoize(o);
  }
  bool save_extension(PyObject* o, PyObject* code_object) {
    if (!is_int(code_object)) return fail("Can't pickle %R: extension code %R isn't an integer", o, code_object);
    long code = PyLong_AsLong(code_object);
    if (error_set(ts_)) return false;
    if (code <= 0 || code > 0x7fffffff) return fail("Can't pickle %R: extension code %ld is out of range", o, code);
    op(code <= 0xff ? kExt1 : code <= 0xffff ? kExt2 : kExt4, static_cast<uint64_t>(code), code <= 0xff ? 1 : code <= 0xffff ? 2 : 4);
    return true;
  }
  // The names that Python 2 had.
  bool old_names(Ref<>* module_name, Ref<>* global_name) {
    Ref<> key = tuple_of(ts_, module_name->get(), global_name->get());
    PyObject* pair = key ? dict_peek(ts_, state_.names_3to2, key.get()) : nullptr;
    if (pair != nullptr && is_tuple(pair) && tuple_size(pair) == 2) {
      Ref<> m = dup(tuple_peek(pair, 0)), g = dup(tuple_peek(pair, 1));
      *module_name = std::move(m);
      *global_name = std::move(g);
      return true;
    }
    if (error_set(ts_)) return false;
    PyObject* module = dict_peek(ts_, state_.imports_3to2, module_name->get());
    if (module != nullptr) *module_name = dup(module);
    return !error_set(ts_);
  }

  // ---- what __reduce__ gives -------------------------------------------------------------------------------------

  bool save_reduce(PyObject* value, PyObject* o) {
    Py_ssize_t n = tuple_size(value);
    if (n < 2 || n > 6) return fail("tuple returned by __reduce__ must contain 2 through 6 elements");
    PyObject* parts[6] = {};
    for (Py_ssize_t i = 0; i < n; ++i) parts[i] = i >= 2 && tuple_peek(value, i) == Py_None ? nullptr : tuple_peek(value, i);
    auto [callable, args, object_state, list_items, dict_items, setter] = parts;
    if (!PyCallable_Check(callable)) return fail("first item of the tuple returned by __reduce__ must be callable");
    if (!is_tuple(args)) return fail("second item of the tuple returned by __reduce__ must be a tuple");
    if (list_items != nullptr && !PyIter_Check(list_items)) {
      return fail("fourth element of the tuple returned by __reduce__ must be an iterator, not %s", list_items->ob_type->tp_name);
    }
    if (dict_items != nullptr && !PyIter_Check(dict_items)) {
      return fail("fifth element of the tuple returned by __reduce__ must be an iterator, not %s", dict_items->ob_type->tp_name);
    }
    if (setter != nullptr && !PyCallable_Check(setter)) {
      return fail("sixth element of the tuple returned by __reduce__ must be a function, not %s", setter->ob_type->tp_name);
    }
    Ref<> name;
    if (p_->protocol >= 2) {
      name = object_getattr(ts_, callable, "__name__");
      if (!name && !error_clear_if(ts_, PyExc_AttributeError)) return false;
    }
    bool made = name && is_str(name.get()) && str_equals_ascii(name.get(), "__newobj_ex__") ? save_newobj_ex(args)
                : name && is_str(name.get()) && str_equals_ascii(name.get(), "__newobj__")  ? save_newobj(args, o)
                                                                                            : save_call(callable, args);
    if (!made) return false;
    if (o != nullptr) {
      // An argument may have led back to the object.
      Py_ssize_t known = p_->memo.find(o);
      if (known >= 0) {
        put(kPop);
        return get(known);
      }
      if (!memoize(o)) return false;
    }
    if (list_items != nullptr && !append_all(list_items)) return false;
    if (dict_items != nullptr && !set_all(dict_items)) return false;
    if (object_state == nullptr) return true;
    if (setter == nullptr) {
      if (!save(object_state)) return false;
      put(kBuild);
      return true;
    }
    if (!save(setter) || !save(o) || !save(object_state)) return false;
    put(kTuple2, kReduce, kPop);
    return true;
  }
  bool save_call(PyObject* callable, PyObject* args) {
    if (!save(callable) || !save(args)) return false;
    put(kReduce);
    return true;
  }
  bool save_newobj_ex(PyObject* args) {
    if (tuple_size(args) != 3) return fail("length of the NEWOBJ_EX argument tuple must be exactly 3, not %zd", tuple_size(args));
    PyObject *cls = tuple_peek(args, 0), *positional = tuple_peek(args, 1), *named = tuple_peek(args, 2);
    if (!PyType_Check(cls)) return fail("first item from NEWOBJ_EX argument tuple must be a class, not %.200s", cls->ob_type->tp_name);
    if (!is_tuple(positional)) return fail("second item from NEWOBJ_EX argument tuple must be a tuple, not %.200s", positional->ob_type->tp_name);
    if (!PyDict_Check(named)) return fail("third item from NEWOBJ_EX argument tuple must be a dict, not %.200s", named->ob_type->tp_name);
    if (p_->protocol >= 4) {
      if (!save(cls) || !save(positional) || !save(named)) return false;
      put(kNewObjEx);
      return true;
    }
    // partial(cls.__new__, cls, *args, **kwargs)()
    Ref<> make = object_getattr(ts_, cls, "__new__");
    Ref<> head = make ? tuple_of(ts_, make.get(), cls) : Ref<>();
    Ref<> all = head ? Ref<>::steal(PySequence_Concat(head.get(), positional)) : Ref<>();
    Ref<> callable = all ? Ref<>::steal(PyObject_Call(state_.partial, all.get(), named)) : Ref<>();
    return callable && save_call(callable.get(), empty_tuple());
  }
  bool save_newobj(PyObject* args, PyObject* o) {
    if (tuple_size(args) < 1) return fail("__newobj__ arglist is empty");
    PyObject* cls = tuple_peek(args, 0);
    Ref<> make = object_getattr(ts_, cls, "__new__");
    if (!make) {
      if (!error_clear_if(ts_, PyExc_AttributeError)) return false;
      return fail("args[0] from __newobj__ args has no __new__");
    }
    if (o != nullptr) {
      Ref<> own = object_getattr(ts_, o, "__class__");
      if (!own) return false;
      if (own.get() != cls) return fail("args[0] from __newobj__ args has the wrong class");
    }
    Ref<> rest = Ref<>::steal(PyTuple_GetSlice(args, 1, tuple_size(args)));
    if (!rest || !save(cls) || !save(rest.get())) return false;
    put(kNewObj);
    return true;
  }

  ThreadState& ts_;
  State& state_;
  Pickler* p_;
  Ref<> persistent_, override_;
};

// ---- the type ----------------------------------------------------------------------------------------------------

bool set_protocol(ThreadState& ts, Pickler* p, PyObject* protocol, bool fix_imports) {
  int n = kDefaultProtocol;
  if (protocol != nullptr && protocol != Py_None) {
    Ref<> index = number_index(ts, protocol);
    if (!index) return false;
    n = _PyLong_AsInt(index.get());
    if (error_set(ts)) return false;
    if (n < 0) {
      n = kHighestProtocol;
    } else if (n > kHighestProtocol) {
      (void)raise(ts, PyExc_ValueError, "pickle protocol must be <= %d", kHighestProtocol);
      return false;
    }
  }
  p->protocol = n;
  p->bin = n > 0;
  p->fix_imports = fix_imports && n < 3;
  return true;
}
bool set_buffer_callback(ThreadState& ts, Pickler* p, PyObject* callback) {
  if (callback == Py_None) callback = nullptr;
  if (callback != nullptr && p->protocol < 5) {
    (void)raise(ts, PyExc_ValueError, "buffer_callback needs protocol >= 5");
    return false;
  }
  set_field(p->buffer_callback, Ref<>::dup_of(callback));
  return true;
}
bool set_file(ThreadState& ts, Pickler* p, PyObject* file) {
  Ref<> write = object_getattr(ts, file, "write");
  if (!write) {
    if (error_clear_if(ts, PyExc_AttributeError)) (void)raise(ts, PyExc_TypeError, "file must have a 'write' attribute");
    return false;
  }
  set_field(p->write, std::move(write));
  return true;
}
PyObject* pickler_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  Pickler* p = as_pickler(o);
  new (&p->memo) Memo;
  new (&p->fast_path) Memo;
  new (&p->out) std::vector<char>;
  p->frame_start = -1;
  return o;
}
Status pickler_init(ThreadState& ts, Pickler* p, PyObject* file, PyObject* protocol, bool fix_imports, PyObject* buffer_callback) {
  p->ready = false;
  if (!set_protocol(ts, p, protocol, fix_imports) || !set_file(ts, p, file) || !set_buffer_callback(ts, p, buffer_callback != nullptr ? buffer_callback : Py_None)) {
    return Status::kError;
  }
  p->memo.clear();
  p->fast_path.clear();
  p->fast = p->fast_nesting = 0;
  Ref<> table = object_getattr(ts, obj(p), "dispatch_table");
  if (!table && !error_clear_if(ts, PyExc_AttributeError)) return Status::kError;
  set_field(p->dispatch_table, std::move(table));
  p->ready = true;
  return Status::kOk;
}
int pickler_traverse(PyObject* o, visitproc visit, void* arg) {
  Pickler* p = as_pickler(o);
  Py_VISIT(obj(o->ob_type));
  for (PyObject* f : {p->write, p->persistent_id, p->dispatch_table, p->buffer_callback}) Py_VISIT(f);
  int r = 0;
  p->memo.each([&](PyObject* key, Py_ssize_t) {
    if (r == 0) r = visit(key, arg);
  });
  return r;
}
int pickler_clear(PyObject* o) {
  Pickler* p = as_pickler(o);
  for (PyObject** f : {&p->write, &p->persistent_id, &p->dispatch_table, &p->buffer_callback}) clear_field(*f);
  p->memo.clear();
  p->fast_path.clear();
  return 0;
}
void pickler_dealloc(PyObject* o) {
  untrack(o);
  pickler_clear(o);
  as_pickler(o)->memo.~Memo();
  as_pickler(o)->fast_path.~Memo();
  as_pickler(o)->out.~vector();
  heap_instance_free(o);
}

Ref<> take_output(ThreadState& ts, Pickler* p) {
  Ref<> data = bytes_from(ts, {p->out.data(), p->out.size()});
  p->out.clear();
  return data;
}
Ref<> m_dump(ThreadState& ts, Pickler* p, PyObject* o) {
  State* state = state_of_type(p->ob_base.ob_type);
  if (state == nullptr) return {};
  if (!p->ready) {
    return raise(ts, state->pickling_error, "Pickler.__init__() was not called by %s.__init__()", p->ob_base.ob_type->tp_name);
  }
  p->out.clear();
  if (!Saver(ts, *state, p).dump(o)) return {};
  Ref<> data = take_output(ts, p);
  return data && call(ts, p->write, data.get()) ? new_none() : Ref<>();
}
Status m_clear_memo(ThreadState&, Pickler* p) {
  p->memo.clear();
  return Status::kOk;
}
Ref<> m_sizeof(ThreadState& ts, Pickler* p) {
  return int_from_ssize(ts, p->ob_base.ob_type->tp_basicsize + static_cast<Py_ssize_t>(p->memo.size() * 16 + p->out.capacity()));
}

Ref<> get_persistent_id(ThreadState& ts, Pickler* p) {
  return p->persistent_id != nullptr ? dup(p->persistent_id) : Ref<>(raise(ts, PyExc_AttributeError, "persistent_id"));
}
Status set_persistent_id(ThreadState& ts, Pickler* p, PyObject* value) {
  if (value == nullptr) return raise(ts, PyExc_TypeError, "attribute deletion is not supported");
  if (!PyCallable_Check(value)) return raise(ts, PyExc_TypeError, "persistent_id must be a callable taking one argument");
  set_field(p->persistent_id, dup(value));
  return Status::kOk;
}

// ---- the memo as Python sees it ----------------------------------------------------------------------------------

struct Proxy {
  PyObject ob_base;
  PyObject* pickler;
};
Memo& memo_of(Proxy* x) { return as_pickler(x->pickler)->memo; }

Ref<> memo_dict(ThreadState& ts, const Memo& memo) {
  Ref<> result = dict_new(ts);
  memo.each([&](PyObject* key, Py_ssize_t value) {
    Ref<> id = result ? Ref<>::steal(PyLong_FromVoidPtr(key)) : Ref<>();
    Ref<> entry = id ? Ref<>::steal(Py_BuildValue("nO", value, key)) : Ref<>();
    if (!entry || failed(dict_set(ts, result.get(), id.get(), entry.get()))) result = {};
  });
  return result;
}
Ref<> proxy_copy(ThreadState& ts, Proxy* x) { return memo_dict(ts, memo_of(x)); }
Status proxy_clear_memo(ThreadState&, Proxy* x) {
  memo_of(x).clear();
  return Status::kOk;
}
Ref<> proxy_reduce(ThreadState& ts, Proxy* x) {
  Ref<> copy = proxy_copy(ts, x);
  return copy ? Ref<>::steal(Py_BuildValue("(O(O))", obj(&PyDict_Type), copy.get())) : Ref<>();
}
int proxy_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(obj(o->ob_type));
  Py_VISIT(reinterpret_cast<Proxy*>(o)->pickler);
  return 0;
}
int proxy_clear(PyObject* o) {
  clear_field(reinterpret_cast<Proxy*>(o)->pickler);
  return 0;
}
void proxy_dealloc(PyObject* o) {
  untrack(o);
  proxy_clear(o);
  heap_instance_free(o);
}
constexpr MethodSpec kProxyMethods[] = {
    ATOLL_METHOD(proxy_clear_memo, "clear", "($self, /)", "Remove all items from memo."),
    ATOLL_METHOD(proxy_copy, "copy", "($self, /)", "Copy the memo to a new object."),
    ATOLL_METHOD(proxy_reduce, "__reduce__", "($self, /)", "Implement pickle support."), ATOLL_METHOD_END};

Ref<> get_memo(ThreadState&, Pickler* p) {
  State* state = state_of_type(p->ob_base.ob_type);
  if (state == nullptr) return {};
  Ref<> o = Ref<>::steal(state->pickler_memo_type->tp_alloc(state->pickler_memo_type, 0));
  if (o) reinterpret_cast<Proxy*>(o.get())->pickler = new_ref(obj(p));
  return o;
}
Status set_memo(ThreadState& ts, Pickler* p, PyObject* value) {
  if (value == nullptr) return raise(ts, PyExc_TypeError, "attribute deletion is not supported");
  State* state = state_of_type(p->ob_base.ob_type);
  if (state == nullptr) return Status::kError;
  std::vector<std::pair<Ref<>, Py_ssize_t>> entries;
  if (value->ob_type == state->pickler_memo_type) {
    memo_of(reinterpret_cast<Proxy*>(value)).each([&](PyObject* key, Py_ssize_t index) { entries.push_back({dup(key), index}); });
  } else if (PyDict_Check(value)) {
    Py_ssize_t at = 0;
    PyObject *key, *entry;
    while (PyDict_Next(value, &at, &key, &entry)) {
      if (!is_tuple(entry) || tuple_size(entry) != 2) return raise(ts, PyExc_TypeError, "'memo' values must be 2-item tuples");
      Py_ssize_t index = PyLong_AsSsize_t(tuple_peek(entry, 0));
      if (error_set(ts)) return Status::kError;
      entries.push_back({dup(tuple_peek(entry, 1)), index});
    }
  } else {
    return raise(ts, PyExc_TypeError, "'memo' attribute must be a PicklerMemoProxy object or dict, not %.200s", value->ob_type->tp_name);
  }
  p->memo.clear();
  for (auto& [key, index] : entries) p->memo.put(key.get(), index);
  return Status::kOk;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_dump, "dump", "($self, obj, /)", "Write a pickled representation of the given object to the open file."),
    ATOLL_METHOD(m_clear_memo, "clear_memo", "($self, /)", "Clears the pickler's \"memo\".\n\nObjects that it has seen are pickled anew afterwards."),
    ATOLL_METHOD(m_sizeof, "__sizeof__", "($self, /)", "Returns size in memory, in bytes."), ATOLL_METHOD_END};
constexpr PyMemberDef kMembers[] = {{"bin", T_INT, offsetof(Pickler, bin), 0, nullptr},
                                    {"fast", T_INT, offsetof(Pickler, fast), 0, nullptr},
                                    {"dispatch_table", T_OBJECT_EX, offsetof(Pickler, dispatch_table), 0, nullptr},
                                    {}};
constexpr PyGetSetDef kGetSet[] = {{"memo", ATOLL_GETTER(get_memo), ATOLL_SETTER(set_memo), nullptr, nullptr},
                                   {"persistent_id", ATOLL_GETTER(get_persistent_id), ATOLL_SETTER(set_persistent_id), nullptr, nullptr},
                                   ATOLL_GETSET_END};

}  // namespace

Ref<> dump(ThreadState& ts, State& state, PyObject* o, PyObject* file, PyObject* protocol, bool fix_imports, PyObject* buffer_callback) {
  Ref<> pickler = Ref<>::steal(pickler_new(state.pickler_type, nullptr, nullptr));
  if (!pickler) return {};
  Pickler* p = as_pickler(pickler.get());
  if (!set_protocol(ts, p, protocol, fix_imports) || (file != nullptr && !set_file(ts, p, file)) ||
      !set_buffer_callback(ts, p, buffer_callback != nullptr ? buffer_callback : Py_None) || !Saver(ts, state, p).dump(o)) {
    return {};
  }
  Ref<> data = take_output(ts, p);
  if (file == nullptr || !data) return data;
  return call(ts, p->write, data.get()) ? new_none() : Ref<>();
}

PyTypeObject* make_pickler_type(PyObject* m) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(pickler_dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(pickler_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(pickler_clear)},
      {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
      {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
      {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
      {Py_tp_init, reinterpret_cast<void*>(ATOLL_INIT(pickler_init, "Pickler", "(file, protocol=None, fix_imports=True, buffer_callback=None)"))},
      {Py_tp_new, reinterpret_cast<void*>(pickler_new)},
      {Py_tp_doc, const_cast<char*>("Pickler(file, protocol=None, fix_imports=True, buffer_callback=None)\n--\n\n"
                                    "This takes a binary file for writing a pickle data stream.\n\n"
                                    "The protocol goes from 0 to 5; a negative one stands for the highest. Up to protocol 2, fix_imports maps names to those\n"
                                    "of Python 2. With protocol 5, buffer_callback gets the buffers that are not to stand in the stream.")},
      {0, nullptr}};
  PyType_Spec spec{"_pickle.Pickler", sizeof(Pickler), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  return heap_type(m, spec);
}
PyTypeObject* make_pickler_memo_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(proxy_dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(proxy_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(proxy_clear)},
                         {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kProxyMethods)},
                         {0, nullptr}};
  PyType_Spec spec{"_pickle.PicklerMemoProxy", sizeof(Proxy), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  return heap_type(m, spec);
}

}  // namespace atl::pickle
