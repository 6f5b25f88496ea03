// _pickle: Unpickler.
#include <climits>
#include <string>

#include "Modules/pickle/pickle.h"

namespace atl::pickle {

Ref<> dotted_path(ThreadState& ts, PyObject* name, PyObject* of) {
  Ref<> dot = str_from_ascii(ts, ".");
  Ref<> path = dot ? Ref<>::steal(PyUnicode_Split(name, dot.get(), -1)) : Ref<>();
  for (Py_ssize_t i = 0; path && i < PyList_GET_SIZE(path.get()); ++i) {
    if (!str_equals_ascii(PyList_GET_ITEM(path.get(), i), "<locals>")) continue;
    if (of == nullptr) return raise(ts, PyExc_AttributeError, "Can't pickle local object %R", name);
    return raise(ts, PyExc_AttributeError, "Can't get local attribute %R on %R", name, of);
  }
  return path;
}
Ref<> deep_attribute(ThreadState& ts, PyObject* o, PyObject* path, Ref<>* parent) {
  Ref<> at = dup(o);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(path); ++i) {
    *parent = std::move(at);
    at = object_getattr(ts, parent->get(), PyList_GET_ITEM(path, i));
    if (!at) return {};
  }
  return at;
}

namespace {

struct Unpickler {
  PyObject ob_base;
  PyObject *read, *readline, *peek;  // the file's methods; peek may be NULL
  PyObject* persistent_load;
  PyObject* buffers;  // iterator, or NULL
  PyObject *encoding, *errors;  // str
  bool ready, fix_imports;
  int protocol;
  std::vector<PyObject*> memo;  // owned; NULL: nothing under that number
  size_t memo_used;
};
Unpickler* as_unpickler(PyObject* o) { return reinterpret_cast<Unpickler*>(o); }

void memo_put(Unpickler* u, size_t index, PyObject* o) {
  if (index >= u->memo.size()) u->memo.resize(index + index / 2 + 16);
  if (u->memo[index] == nullptr) ++u->memo_used;
  Ref<> old = Ref<>::steal(std::exchange(u->memo[index], new_ref(o)));
}
void memo_clear(Unpickler* u) {
  std::vector<PyObject*> old;
  old.swap(u->memo);
  u->memo_used = 0;
  for (PyObject* o : old) Py_XDECREF(o);
}

// The work of one load().
class Loader {
 public:
  Loader(ThreadState& ts, State& state, Unpickler* u) : ts_(ts), state_(state), u_(u) {}
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader() {
    for (PyObject* o : stack_) Py_DECREF(o);
  }
  // Memory to read from; without it the file's methods are asked.
  void set_data(const char* data, size_t n) {
    at_ = data;
    end_ = data + n;
  }

  Ref<> load() {
    own_find_class_ = u_->ob_base.ob_type == state_.unpickler_type;
    if (!own_find_class_ && !look_for_methods()) return {};
    if (!persistent_) persistent_ = Ref<>::dup_of(u_->persistent_load);
    u_->protocol = 0;
    for (;;) {
      if (at_ == end_ && !refill(1, true)) return {};
      auto code = static_cast<unsigned char>(*at_++);
      if (code == kStop) break;
      if (!execute(code)) {
        ErrorStash stash(ts_);
        (void)give_back();
        error_clear(ts_);
        return {};
      }
    }
    if (!give_back()) return {};
    return pop();
  }

 private:
  bool look_for_methods() {
    persistent_ = object_getattr(ts_, obj(u_), "persistent_load");
    if (!persistent_ && !error_clear_if(ts_, PyExc_AttributeError)) return false;
    find_class_ = object_getattr(ts_, obj(u_), "find_class");
    return static_cast<bool>(find_class_);
  }
  template <class... A>
  bool fail(const char* format, A... args) {
    (void)raise(ts_, state_.unpickling_error, format, args...);
    return false;
  }
  bool truncated() { return fail("pickle data was truncated"); }
  bool underflow() { return fail(!marks_.empty() && stack_.size() > 0 && stack_.size() <= fence() ? "unexpected MARK found" : "unpickling stack underflow"); }

  // ---- input -----------------------------------------------------------------------------------------------------

  // What came by peek() is still to be read from the file: as much of it as was used.
  bool give_back() {
    if (!peeked_) return true;
    peeked_ = false;
    Py_ssize_t used = at_ - bytes_data(chunk_.get());
    at_ = end_ = nullptr;
    Ref<> n = int_from_ssize(ts_, used);
    Ref<> skipped = n && used > 0 ? call(ts_, u_->read, n.get()) : std::move(n);
    return static_cast<bool>(skipped);
  }
  // Bytes from the file; what it gives is bytes, or copied.
  Ref<> ask(PyObject* method, Py_ssize_t n) {
    Ref<> count = int_from_ssize(ts_, n);
    Ref<> data = count ? n < 0 ? call(ts_, method) : call(ts_, method, count.get()) : Ref<>();
    if (data && !PyBytes_Check(data.get())) {
      if (!PyObject_CheckBuffer(data.get())) return raise(ts_, PyExc_TypeError, "a bytes-like object is required, not '%T'", data.get());
      data = Ref<>::steal(PyBytes_FromObject(data.get()));
    }
    return data;
  }
  // At least n bytes at at_, when fewer are there.
  bool refill(size_t n, bool opcode = false) {
    size_t left = static_cast<size_t>(end_ - at_);
    if (u_->read == nullptr) {
      if (opcode) {
        (void)raise(ts_, PyExc_EOFError, "Ran out of input");
        return false;
      }
      return truncated();
    }
    if (n > static_cast<size_t>(PY_SSIZE_T_MAX)) {
      (void)raise(ts_, PyExc_OverflowError, "read would overflow (invalid bytecode)");
      return false;
    }
    if (peeked_) {
      left = 0;
      if (!give_back()) return false;
    }
    if (left == 0 && u_->peek != nullptr && n < 128 * 1024) {
      Ref<> data = ask(u_->peek, 128 * 1024);
      if (!data) {
        if (!error_clear_if(ts_, PyExc_NotImplementedError)) return false;
        clear_field(u_->peek);
      } else if (static_cast<size_t>(bytes_size(data.get())) >= n) {
        take(std::move(data));
        peeked_ = true;
        return true;
      }
    }
    std::string kept(at_ == nullptr ? "" : at_, left);
    Ref<> data = ask(u_->read, static_cast<Py_ssize_t>(n - left));
    if (!data) return false;
    if (static_cast<size_t>(bytes_size(data.get())) + left < n) {
      if (opcode) {
        (void)raise(ts_, PyExc_EOFError, "Ran out of input");
        return false;
      }
      return truncated();
    }
    if (left > 0) {
      kept.append(bytes_data(data.get()), static_cast<size_t>(bytes_size(data.get())));
      data = bytes_from(ts_, kept);
      if (!data) return false;
    }
    take(std::move(data));
    return true;
  }
  void take(Ref<> data) {
    chunk_ = std::move(data);
    at_ = bytes_data(chunk_.get());
    end_ = at_ + bytes_size(chunk_.get());
  }
  const char* bytes(size_t n) {
    if (static_cast<size_t>(end_ - at_) < n && !refill(n)) return nullptr;
    const char* data = at_;
    at_ += n;
    return data;
  }
  // An unsigned number of so many bytes.
  bool number(int n, uint64_t* out) {
    auto* data = reinterpret_cast<const unsigned char*>(bytes(static_cast<size_t>(n)));
    if (data == nullptr) return false;
    *out = 0;
    for (int i = 0; i < n; ++i) *out |= static_cast<uint64_t>(data[i]) << (8 * i);
    return true;
  }
  // A line with its end.
  bool line(std::string* out) {
    auto* newline = at_ == end_ ? nullptr : static_cast<const char*>(std::memchr(at_, '\n', static_cast<size_t>(end_ - at_)));
    if (newline != nullptr) {
      out->assign(at_, newline + 1);
      at_ = newline + 1;
      return true;
    }
    if (u_->read == nullptr) return truncated();
    std::string head;
    if (!peeked_) head.assign(at_ == nullptr ? "" : at_, static_cast<size_t>(end_ - at_));
    if (!give_back()) return false;
    Ref<> data = ask(u_->readline, -1);
    if (!data) return false;
    at_ = end_ = nullptr;
    *out = head + std::string(bytes_data(data.get()), static_cast<size_t>(bytes_size(data.get())));
    return !out->empty() && out->back() == '\n' ? true : truncated();
  }
  // The same without its end, which must not be all.
  bool argument(std::string* out) {
    if (!line(out)) return false;
    out->pop_back();
    return true;
  }

  // ---- stack -----------------------------------------------------------------------------------------------------

  size_t fence() const { return marks_.empty() ? 0 : marks_.back(); }
  bool push(Ref<> o) {
    if (!o) return false;
    stack_.push_back(o.release());
    return true;
  }
  Ref<> pop() {
    if (stack_.size() <= fence()) {
      (void)underflow();
      return {};
    }
    Ref<> o = Ref<>::steal(stack_.back());
    stack_.pop_back();
    return o;
  }
  PyObject* top() {
    if (stack_.size() > fence()) return stack_.back();
    (void)underflow();
    return nullptr;
  }
  // The items above the last mark, which goes; the caller removes them.
  bool pop_mark(size_t* from) {
    if (marks_.empty()) return fail("could not find MARK");
    *from = marks_.back();
    marks_.pop_back();
    return true;
  }
  void drop(size_t from) {
    while (stack_.size() > from) {
      PyObject* o = stack_.back();
      stack_.pop_back();
      Py_DECREF(o);
    }
  }
  Ref<> tuple_from(size_t from) {
    auto n = static_cast<Py_ssize_t>(stack_.size() - from);
    Ref<> t = tuple_new(ts_, n);
    if (!t) return {};
    for (Py_ssize_t i = 0; i < n; ++i) tuple_items(t.get())[i] = stack_[from + static_cast<size_t>(i)];
    stack_.resize(from);
    return t;
  }
  Ref<> list_from(size_t from) {
    Ref<> l = list_new(ts_, 0);
    for (size_t i = from; l && i < stack_.size(); ++i) {
      if (failed(list_append(ts_, l.get(), dup(stack_[i])))) return {};
    }
    drop(from);
    return l;
  }

  // ---- numbers and text ------------------------------------------------------------------------------------------

  bool load_int() {
    std::string s;
    if (!argument(&s)) return false;
    if (s == "00" || s == "01") return push(new_bool(s == "01"));
    Ref<> v = Ref<>::steal(PyLong_FromString(s.c_str(), nullptr, 0));
    if (!v && error_clear_if(ts_, PyExc_ValueError)) {
      // Leading zeros are decimal here.
      v = Ref<>::steal(PyLong_FromString(s.c_str(), nullptr, 10));
      if (!v && error_clear_if(ts_, PyExc_ValueError)) (void)raise(ts_, PyExc_ValueError, "could not convert string to int");
    }
    return push(std::move(v));
  }
  bool load_long() {
    std::string s;
    if (!argument(&s)) return false;
    if (!s.empty() && s.back() == 'L') s.pop_back();
    return push(Ref<>::steal(PyLong_FromString(s.c_str(), nullptr, 0)));
  }
  bool load_counted_long(int size) {
    uint64_t n;
    if (!number(size, &n)) return false;
    if (size == 4 && static_cast<int32_t>(n) < 0) return fail("LONG pickle has negative byte count");
    if (n == 0) return push(dup(small_int(0)));
    const char* data = bytes(n);
    return data != nullptr && push(Ref<>::steal(_PyLong_FromByteArray(reinterpret_cast<const unsigned char*>(data), n, 1, 1)));
  }
  bool load_float() {
    std::string s;
    if (!argument(&s)) return false;
    double d = PyOS_string_to_double(s.c_str(), nullptr, PyExc_OverflowError);
    if (d == -1.0 && error_set(ts_)) {
      if (error_clear_if(ts_, PyExc_ValueError)) (void)raise(ts_, PyExc_ValueError, "could not convert string to float");
      return false;
    }
    return push(new_float(ts_, d));
  }
  bool load_bin_float() {
    const char* data = bytes(8);
    if (data == nullptr) return false;
    double d = PyFloat_Unpack8(data, 0);
    return !(d == -1.0 && error_set(ts_)) && push(new_float(ts_, d));
  }
  bool push_old_string(const char* data, size_t n) {
    if (str_equals_ascii(u_->encoding, "bytes")) return push(bytes_from(ts_, {data, n}));
    const char* encoding = PyUnicode_AsUTF8(u_->encoding);
    const char* errors = PyUnicode_AsUTF8(u_->errors);
    return encoding != nullptr && errors != nullptr && push(Ref<>::steal(PyUnicode_Decode(data, static_cast<Py_ssize_t>(n), encoding, errors)));
  }
  bool load_string() {
    std::string s;
    if (!argument(&s)) return false;
    if (s.size() < 2 || s.front() != s.back() || (s.front() != '"' && s.front() != '\'')) return fail("the STRING opcode argument must be quoted");
    Ref<> decoded = Ref<>::steal(PyBytes_DecodeEscape(s.data() + 1, static_cast<Py_ssize_t>(s.size()) - 2, nullptr, 0, nullptr));
    return decoded && push_old_string(bytes_data(decoded.get()), static_cast<size_t>(bytes_size(decoded.get())));
  }
  bool counted(int size, const char* what, size_t* n) {
    uint64_t v;
    if (!number(size, &v)) return false;
    if (v > static_cast<uint64_t>(PY_SSIZE_T_MAX)) {
      (void)raise(ts_, PyExc_OverflowError, "%s exceeds system's maximum size of %zd bytes", what, PY_SSIZE_T_MAX);
      return false;
    }
    *n = v;
    return true;
  }
  bool load_bin_string(int size) {
    uint64_t n;
    if (!number(size, &n)) return false;
    if (size == 4 && static_cast<int32_t>(n) < 0) return fail("BINSTRING pickle has negative byte count");
    const char* data = bytes(n);
    return data != nullptr && push_old_string(data, n);
  }
  bool load_bytes(int size) {
    size_t n = 0;
    if (!counted(size, "BINBYTES", &n)) return false;
    const char* data = bytes(n);
    return data != nullptr && push(bytes_from(ts_, {data, n}));
  }
  bool load_bytearray() {
    size_t n = 0;
    if (!counted(8, "BYTEARRAY8", &n)) return false;
    const char* data = bytes(n);
    return data != nullptr && push(Ref<>::steal(PyByteArray_FromStringAndSize(data, static_cast<Py_ssize_t>(n))));
  }
  bool load_unicode() {
    std::string s;
    return argument(&s) && push(Ref<>::steal(PyUnicode_DecodeRawUnicodeEscape(s.data(), static_cast<Py_ssize_t>(s.size()), nullptr)));
  }
  bool load_bin_unicode(int size) {
    size_t n = 0;
    if (!counted(size, "BINUNICODE", &n)) return false;
    const char* data = bytes(n);
    return data != nullptr && push(Ref<>::steal(PyUnicode_DecodeUTF8(data, static_cast<Py_ssize_t>(n), "surrogatepass")));
  }
  bool load_next_buffer() {
    if (u_->buffers == nullptr) return fail("pickle stream refers to out-of-band data but no *buffers* argument was given");
    Ref<> buffer = Ref<>::steal(PyIter_Next(u_->buffers));
    if (!buffer && !error_set(ts_)) return fail("not enough out-of-band buffers");
    return push(std::move(buffer));
  }
  bool load_read_only_buffer() {
    PyObject* o = top();
    if (o == nullptr) return false;
    Ref<> view = Ref<>::steal(PyMemoryView_FromObject(o));
    if (!view) return false;
    if (PyMemoryView_GET_BUFFER(view.get())->readonly) return true;
    Ref<> read_only = Ref<>::steal(PyObject_CallMethod(view.get(), "toreadonly", nullptr));
    Ref<> old = pop();
    return push(std::move(read_only));
  }

  // ---- containers ------------------------------------------------------------------------------------------------

  bool load_tuple(size_t n) {
    if (stack_.size() < fence() + n) return underflow();
    return push(tuple_from(stack_.size() - n));
  }
  bool load_dict() {
    size_t from = 0;
    if (!pop_mark(&from)) return false;
    Ref<> d = dict_new(ts_);
    if (!d) return false;
    if ((stack_.size() - from) % 2 != 0) return fail("odd number of items for DICT");
    for (size_t i = from; i < stack_.size(); i += 2) {
      if (failed(dict_set(ts_, d.get(), stack_[i], stack_[i + 1]))) return false;
    }
    drop(from);
    return push(std::move(d));
  }
  bool append_from(size_t from) {
    if (from > stack_.size() || from <= fence()) return underflow();
    if (stack_.size() == from) return true;
    PyObject* list = stack_[from - 1];
    if (PyList_CheckExact(list)) {
      for (size_t i = from; i < stack_.size(); ++i) {
        if (failed(list_append(ts_, list, dup(stack_[i])))) return false;
      }
      drop(from);
      return true;
    }
    Ref<> extend = object_getattr(ts_, list, "extend");
    if (extend) {
      Ref<> items = list_from(from);
      return items && call(ts_, extend.get(), items.get());
    }
    if (!error_clear_if(ts_, PyExc_AttributeError)) return false;
    Ref<> append = object_getattr(ts_, list, "append");
    if (!append) return false;
    for (size_t i = from; i < stack_.size(); ++i) {
      if (!call(ts_, append.get(), stack_[i])) return false;
    }
    drop(from);
    return true;
  }
  bool set_items_from(size_t from) {
    if (from > stack_.size() || from <= fence()) return underflow();
    if (stack_.size() == from) return true;
    if ((stack_.size() - from) % 2 != 0) return fail("odd number of items for SETITEMS");
    PyObject* dict = stack_[from - 1];
    for (size_t i = from; i < stack_.size(); i += 2) {
      if (PyDict_CheckExact(dict) ? failed(dict_set(ts_, dict, stack_[i], stack_[i + 1])) : PyObject_SetItem(dict, stack_[i], stack_[i + 1]) < 0) return false;
    }
    drop(from);
    return true;
  }
  bool load_add_items() {
    size_t from = 0;
    if (!pop_mark(&from)) return false;
    if (from > stack_.size() || from <= fence()) return underflow();
    if (stack_.size() == from) return true;
    PyObject* set = stack_[from - 1];
    if (PySet_Check(set)) {
      for (size_t i = from; i < stack_.size(); ++i) {
        if (PySet_Add(set, stack_[i]) < 0) return false;
      }
    } else {
      Ref<> add = object_getattr(ts_, set, "add");
      if (!add) return false;
      for (size_t i = from; i < stack_.size(); ++i) {
        if (!call(ts_, add.get(), stack_[i])) return false;
      }
    }
    drop(from);
    return true;
  }
  bool load_frozenset() {
    size_t from = 0;
    if (!pop_mark(&from)) return false;
    Ref<> items = tuple_from(from);
    return items && push(Ref<>::steal(PyFrozenSet_New(items.get())));
  }

  // ---- memo ------------------------------------------------------------------------------------------------------

  bool get(size_t index) {
    PyObject* o = index < u_->memo.size() ? u_->memo[index] : nullptr;
    if (o == nullptr) return fail("Memo value not found at index %ld", static_cast<long>(index));
    return push(dup(o));
  }
  bool index_line(size_t* out, const char* negative) {
    std::string s;
    if (!line(&s)) return false;
    if (s.size() < 2) return truncated();
    s.pop_back();
    Ref<> key = Ref<>::steal(PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), nullptr));
    Ref<> number = key ? Ref<>::steal(PyLong_FromUnicodeObject(key.get(), 10)) : Ref<>();
    if (!number) return false;
    Py_ssize_t v = PyLong_AsSsize_t(number.get());
    if (error_set(ts_)) return false;
    if (v < 0 && negative != nullptr) {
      (void)raise(ts_, PyExc_ValueError, "%s", negative);
      return false;
    }
    if (v < 0) return fail("Memo value not found at index %ld", static_cast<long>(v));
    *out = static_cast<size_t>(v);
    return true;
  }
  bool memoize(size_t index) {
    PyObject* o = top();
    if (o == nullptr) return false;
    if (index > (size_t{1} << 27)) {
      (void)raise_memory(ts_);
      return false;
    }
    memo_put(u_, index, o);
    return true;
  }

  // ---- classes and objects ---------------------------------------------------------------------------------------

 public:
  Ref<> find_class(PyObject* module_name, PyObject* name) {
    if (PySys_Audit("pickle.find_class", "OO", module_name, name) < 0) return {};
    Ref<> m = dup(module_name), g = dup(name);
    if (u_->protocol < 3 && u_->fix_imports) {
      Ref<> key = tuple_of(ts_, m.get(), g.get());
      PyObject* pair = key ? dict_peek(ts_, state_.names_2to3, key.get()) : nullptr;
      if (pair != nullptr && is_tuple(pair) && tuple_size(pair) == 2) {
        m = dup(tuple_peek(pair, 0));
        g = dup(tuple_peek(pair, 1));
      } else if (!error_set(ts_)) {
        PyObject* renamed = dict_peek(ts_, state_.imports_2to3, m.get());
        if (renamed != nullptr) m = dup(renamed);
      }
      if (error_set(ts_)) return {};
    }
    Ref<> module = Ref<>::steal(PyImport_Import(m.get()));
    if (!module) return {};
    Ref<> inner = Ref<>::steal(PyImport_GetModule(m.get()));
    if (inner) module = std::move(inner);
    if (u_->protocol < 4) {
      Ref<> found = object_getattr(ts_, module.get(), g.get());
      if (!found && error_clear_if(ts_, PyExc_AttributeError)) return raise(ts_, PyExc_AttributeError, "Can't get attribute %R on %R", g.get(), module.get());
      return found;
    }
    Ref<> path = dotted_path(ts_, g.get(), module.get());
    Ref<> parent;
    Ref<> found = path ? deep_attribute(ts_, module.get(), path.get(), &parent) : Ref<>();
    if (path && !found && error_clear_if(ts_, PyExc_AttributeError)) {
      return raise(ts_, PyExc_AttributeError, "Can't get attribute %R on %R", g.get(), module.get());
    }
    return found;
  }

 private:
  Ref<> found_class(PyObject* module_name, PyObject* name) {
    return own_find_class_ ? find_class(module_name, name) : call(ts_, find_class_.get(), module_name, name);
  }
  Ref<> global_of_lines() {
    std::string m, g;
    if (!argument(&m) || !argument(&g)) return {};
    Ref<> module = Ref<>::steal(PyUnicode_DecodeUTF8(m.data(), static_cast<Py_ssize_t>(m.size()), "strict"));
    Ref<> name = module ? Ref<>::steal(PyUnicode_DecodeUTF8(g.data(), static_cast<Py_ssize_t>(g.size()), "strict")) : Ref<>();
    return name ? found_class(module.get(), name.get()) : Ref<>();
  }
  bool load_stack_global() {
    Ref<> name = stack_.size() > fence() ? pop() : Ref<>();
    Ref<> module = stack_.size() > fence() ? pop() : Ref<>();
    if (!name || !module || !PyUnicode_CheckExact(name.get()) || !PyUnicode_CheckExact(module.get())) return fail("STACK_GLOBAL requires str");
    return push(found_class(module.get(), name.get()));
  }
  bool load_extension(int size) {
    uint64_t v;
    if (!number(size, &v)) return false;
    long code = size == 4 ? static_cast<int32_t>(v) : static_cast<long>(v);
    if (code <= 0) return fail("EXT specifies code <= 0");
    Ref<> key = int_from_i64(ts_, code);
    PyObject* cached = key ? dict_peek(ts_, state_.extension_cache, key.get()) : nullptr;
    if (cached != nullptr) return push(dup(cached));
    PyObject* pair = error_set(ts_) ? nullptr : dict_peek(ts_, state_.inverted_registry, key.get());
    if (pair == nullptr) {
      if (!error_set(ts_)) (void)raise(ts_, PyExc_ValueError, "unregistered extension code %ld", code);
      return false;
    }
    if (!is_tuple(pair) || tuple_size(pair) != 2 || !is_str(tuple_peek(pair, 0)) || !is_str(tuple_peek(pair, 1))) {
      (void)raise(ts_, PyExc_ValueError, "_inverted_registry[%ld] isn't a 2-tuple of strings", code);
      return false;
    }
    Ref<> found = found_class(tuple_peek(pair, 0), tuple_peek(pair, 1));
    return found && !failed(dict_set(ts_, state_.extension_cache, key.get(), found.get())) && push(std::move(found));
  }
  // A call of a class for INST and OBJ: of old, __init__ was not called without arguments.
  Ref<> instantiate(PyObject* cls, PyObject* args) {
    if (tuple_size(args) == 0 && PyType_Check(cls)) {
      Ref<> method = object_getattr(ts_, cls, "__getinitargs__");
      if (!method) {
        if (!error_clear_if(ts_, PyExc_AttributeError)) return {};
        return Ref<>::steal(PyObject_CallMethod(cls, "__new__", "O", cls));
      }
    }
    return Ref<>::steal(PyObject_CallObject(cls, args));
  }
  bool load_inst() {
    size_t from = 0;
    Ref<> cls = marks_.empty() ? Ref<>() : global_of_lines();
    if (marks_.empty()) return fail("could not find MARK");
    if (!cls || !pop_mark(&from)) return false;
    Ref<> args = tuple_from(from);
    return args && push(instantiate(cls.get(), args.get()));
  }
  bool load_obj() {
    size_t from = 0;
    if (!pop_mark(&from)) return false;
    if (stack_.size() < from + 1) return underflow();
    Ref<> args = tuple_from(from + 1);
    Ref<> cls = args ? pop() : Ref<>();
    return cls && push(instantiate(cls.get(), args.get()));
  }
  bool load_newobj(bool with_names) {
    Ref<> names = with_names ? pop() : Ref<>();
    if (with_names && !names) return false;
    Ref<> args = pop();
    Ref<> cls = args ? pop() : Ref<>();
    if (!cls) return false;
    const char* op = with_names ? "NEWOBJ_EX" : "NEWOBJ";
    if (!PyType_Check(cls.get())) return fail("%s class argument must be a type, not %.200s", op, cls->ob_type->tp_name);
    auto* type = reinterpret_cast<PyTypeObject*>(cls.get());
    if (type->tp_new == nullptr) return fail("%s class argument '%.200s' doesn't have __new__", op, type->tp_name);
    if (!is_tuple(args.get())) return fail("%s args argument must be a tuple, not %.200s", op, args->ob_type->tp_name);
    if (with_names && !PyDict_Check(names.get())) return fail("%s kwargs argument must be a dict, not %.200s", op, names->ob_type->tp_name);
    return push(Ref<>::steal(type->tp_new(type, args.get(), names.get())));
  }
  bool load_reduce() {
    Ref<> args = pop();
    Ref<> callable = args ? pop() : Ref<>();
    if (!callable) return false;
    return push(Ref<>::steal(PyObject_CallObject(callable.get(), args.get())));
  }
  bool load_build() {
    if (stack_.size() < fence() + 2) return underflow();
    Ref<> state = pop();
    PyObject* o = stack_.back();
    Ref<> set_state = object_getattr(ts_, o, "__setstate__");
    if (set_state) return static_cast<bool>(call(ts_, set_state.get(), state.get()));
    if (!error_clear_if(ts_, PyExc_AttributeError)) return false;
    Ref<> slots;
    if (is_tuple(state.get()) && tuple_size(state.get()) == 2) {
      slots = dup(tuple_peek(state.get(), 1));
      state = dup(tuple_peek(state.get(), 0));
    }
    if (state.get() != Py_None) {
      if (!PyDict_Check(state.get())) return fail("state is not a dictionary");
      Ref<> attributes = object_getattr(ts_, o, "__dict__");
      if (!attributes) return false;
      Py_ssize_t at = 0;
      PyObject *k, *v;
      while (PyDict_Next(state.get(), &at, &k, &v)) {
        // Names of attributes are interned, as others are.
        PyObject* key = new_ref(k);
        if (PyUnicode_CheckExact(key)) PyUnicode_InternInPlace(&key);
        Ref<> owned = Ref<>::steal(key), value = dup(v);
        if (PyObject_SetItem(attributes.get(), owned.get(), value.get()) < 0) return false;
      }
    }
    if (slots && slots.get() != Py_None) {
      if (!PyDict_Check(slots.get())) return fail("slot state is not a dictionary");
      Py_ssize_t at = 0;
      PyObject *k, *v;
      while (PyDict_Next(slots.get(), &at, &k, &v)) {
        Ref<> key = dup(k), value = dup(v);
        if (PyObject_SetAttr(o, key.get(), value.get()) < 0) return false;
      }
    }
    return true;
  }
  bool load_persistent(bool by_line) {
    if (!persistent_) {
      return fail("A load persistent id instruction was encountered,\nbut no persistent_load function was specified.");
    }
    Ref<> id;
    if (by_line) {
      std::string s;
      if (!argument(&s)) return false;
      id = Ref<>::steal(PyUnicode_DecodeASCII(s.data(), static_cast<Py_ssize_t>(s.size()), nullptr));
      if (!id && error_clear_if(ts_, PyExc_UnicodeDecodeError)) return fail("persistent IDs in protocol 0 must be ASCII strings");
    } else {
      id = pop();
    }
    return id && push(call(ts_, persistent_.get(), id.get()));
  }

  // ---- instructions ----------------------------------------------------------------------------------------------

  bool execute(unsigned char code) {
    uint64_t v;
    size_t n = 0;
    switch (code) {
      case kNone:
        return push(new_none());
      case kBinInt:
        return number(4, &v) && push(int_from_i64(ts_, static_cast<int32_t>(v)));
      case kBinInt1:
        return number(1, &v) && push(int_from_i64(ts_, static_cast<int64_t>(v)));
      case kBinInt2:
        return number(2, &v) && push(int_from_i64(ts_, static_cast<int64_t>(v)));
      case kInt:
        return load_int();
      case kLong:
        return load_long();
      case kLong1:
        return load_counted_long(1);
      case kLong4:
        return load_counted_long(4);
      case kFloat:
        return load_float();
      case kBinFloat:
        return load_bin_float();
      case kShortBinBytes:
        return load_bytes(1);
      case kBinBytes:
        return load_bytes(4);
      case kBinBytes8:
        return load_bytes(8);
      case kByteArray8:
        return load_bytearray();
      case kNextBuffer:
        return load_next_buffer();
      case kReadOnlyBuffer:
        return load_read_only_buffer();
      case kShortBinString:
        return load_bin_string(1);
      case kBinString:
        return load_bin_string(4);
      case kString:
        return load_string();
      case kUnicode:
        return load_unicode();
      case kShortBinUnicode:
        return load_bin_unicode(1);
      case kBinUnicode:
        return load_bin_unicode(4);
      case kBinUnicode8:
        return load_bin_unicode(8);
      case kEmptyTuple:
        return push(dup(empty_tuple()));
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return load_tuple(static_cast<size_t>(code - kTuple1 + 1));
      case kTuple:
        return pop_mark(&n) && push(tuple_from(n));
      case kEmptyList:
        return push(list_new(ts_, 0));
      case kList:
        return pop_mark(&n) && push(list_from(n));
      case kEmptyDict:
        return push(dict_new(ts_));
      case kDict:
        return load_dict();
      case kEmptySet:
        return push(Ref<>::steal(PySet_New(nullptr)));
      case kAddItems:
        return load_add_items();
      case kFrozenSet:
        return load_frozenset();
      case kObj:
        return load_obj();
      case kInst:
        return load_inst();
      case kNewObj:
        return load_newobj(false);
      case kNewObjEx:
        return load_newobj(true);
      case kGlobal:
        return push(global_of_lines());
      case kStackGlobal:
        return load_stack_global();
      case kAppend:
        return stack_.size() > fence() ? append_from(stack_.size() - 1) : underflow();
      case kAppends:
        return pop_mark(&n) && append_from(n);
      case kSetItem:
        return stack_.size() >= 2 ? set_items_from(stack_.size() - 2) : underflow();
      case kSetItems:
        return pop_mark(&n) && set_items_from(n);
      case kBuild:
        return load_build();
      case kDup:
        return top() != nullptr && push(dup(stack_.back()));
      case kBinGet:
        return number(1, &v) && get(v);
      case kLongBinGet:
        return number(4, &v) && get(v);
      case kGet:
        return index_line(&n, nullptr) && get(n);
      case kMark:
        marks_.push_back(stack_.size());
        return true;
      case kBinPut:
        return number(1, &v) && memoize(v);
      case kLongBinPut:
        return number(4, &v) && memoize(v);
      case kPut:
        return index_line(&n, "negative PUT argument") && memoize(n);
      case kMemoize:
        return memoize(u_->memo_used);
      case kPop:
        if (!marks_.empty() && marks_.back() == stack_.size()) {
          marks_.pop_back();
          return true;
        }
        return static_cast<bool>(pop());
      case kPopMark:
        if (!pop_mark(&n)) return false;
        drop(n);
        return true;
      case kPersId:
        return load_persistent(true);
      case kBinPersId:
        return load_persistent(false);
      case kReduce:
        return load_reduce();
      case kProto:
        if (!number(1, &v)) return false;
        if (v <= kHighestProtocol) {
          u_->protocol = static_cast<int>(v);
          return true;
        }
        (void)raise(ts_, PyExc_ValueError, "unsupported pickle protocol: %d", static_cast<int>(v));
        return false;
      case kFrame:
        if (!counted(8, "FRAME length", &n)) return false;
        // The frame at once; what is left of the last one would have been its end.
        return bytes(n) != nullptr && ((at_ -= n), true);
      case kExt1:
        return load_extension(1);
      case kExt2:
        return load_extension(2);
      case kExt4:
        return load_extension(4);
      case kNewTrue:
        return push(new_bool(true));
      case kNewFalse:
        return push(new_bool(false));
    }
    if (code >= 0x20 && code <= 0x7e && code != '\'' && code != '\\') return fail("invalid load key, '%c'.", code);
    return fail("invalid load key, '\\x%02x'.", code);
  }

  ThreadState& ts_;
  State& state_;
  Unpickler* u_;
  Ref<> persistent_, find_class_;
  bool own_find_class_ = true;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  Ref<> chunk_;
  bool peeked_ = false;
  std::vector<PyObject*> stack_;  // owned
  std::vector<size_t> marks_;     // heights of the stack
};

// ---- the type ----------------------------------------------------------------------------------------------------

bool set_file(ThreadState& ts, Unpickler* u, PyObject* file) {
  Ref<> read = object_getattr(ts, file, "read");
  if (!read && !error_clear_if(ts, PyExc_AttributeError)) return false;
  Ref<> readline = object_getattr(ts, file, "readline");
  if (!readline && !error_clear_if(ts, PyExc_AttributeError)) return false;
  if (!read || !readline) {
    (void)raise(ts, PyExc_TypeError, "file must have 'read' and 'readline' attributes");
    return false;
  }
  Ref<> peek = object_getattr(ts, file, "peek");
  if (!peek && !error_clear_if(ts, PyExc_AttributeError)) return false;
  set_field(u->read, std::move(read));
  set_field(u->readline, std::move(readline));
  set_field(u->peek, std::move(peek));
  return true;
}
bool set_options(ThreadState& ts, Unpickler* u, bool fix_imports, const char* encoding, const char* errors, PyObject* buffers) {
  u->fix_imports = fix_imports;
  Ref<> e = Ref<>::steal(PyUnicode_FromString(encoding)), r = Ref<>::steal(PyUnicode_FromString(errors));
  Ref<> iterator;
  if (buffers != nullptr && buffers != Py_None) {
    iterator = Ref<>::steal(PyObject_GetIter(buffers));
    if (!iterator) return false;
  }
  if (!e || !r) return false;
  (void)ts;
  set_field(u->encoding, std::move(e));
  set_field(u->errors, std::move(r));
  set_field(u->buffers, std::move(iterator));
  return true;
}
PyObject* unpickler_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o != nullptr) new (&as_unpickler(o)->memo) std::vector<PyObject*>;
  return o;
}
Status unpickler_init(ThreadState& ts, Unpickler* u, PyObject* file, bool fix_imports, PyUnicodeObject* encoding, PyUnicodeObject* errors, PyObject* buffers) {
  u->ready = false;
  const char* e = encoding != nullptr ? PyUnicode_AsUTF8(obj(encoding)) : "ASCII";
  const char* r = errors != nullptr ? PyUnicode_AsUTF8(obj(errors)) : "strict";
  if (e == nullptr || r == nullptr || !set_file(ts, u, file) || !set_options(ts, u, fix_imports, e, r, buffers)) return Status::kError;
  memo_clear(u);
  u->protocol = 0;
  u->ready = true;
  return Status::kOk;
}
int unpickler_traverse(PyObject* o, visitproc visit, void* arg) {
  Unpickler* u = as_unpickler(o);
  Py_VISIT(obj(o->ob_type));
  for (PyObject* f : {u->read, u->readline, u->peek, u->persistent_load, u->buffers}) Py_VISIT(f);
  for (PyObject* f : u->memo) Py_VISIT(f);
  return 0;
}
int unpickler_clear(PyObject* o) {
  Unpickler* u = as_unpickler(o);
  for (PyObject** f : {&u->read, &u->readline, &u->peek, &u->persistent_load, &u->buffers, &u->encoding, &u->errors}) clear_field(*f);
  memo_clear(u);
  return 0;
}
void unpickler_dealloc(PyObject* o) {
  untrack(o);
  unpickler_clear(o);
  as_unpickler(o)->memo.~vector();
  heap_instance_free(o);
}
Ref<> m_load(ThreadState& ts, Unpickler* u) {
  State* state = state_of_type(u->ob_base.ob_type);
  if (state == nullptr) return {};
  if (!u->ready) return raise(ts, state->unpickling_error, "Unpickler.__init__() was not called by %s.__init__()", u->ob_base.ob_type->tp_name);
  return Loader(ts, *state, u).load();
}
Ref<> m_find_class(ThreadState& ts, Unpickler* u, PyObject* module_name, PyObject* name) {
  State* state = state_of_type(u->ob_base.ob_type);
  return state != nullptr ? Loader(ts, *state, u).find_class(module_name, name) : Ref<>();
}
Ref<> m_sizeof(ThreadState& ts, Unpickler* u) {
  return int_from_ssize(ts, u->ob_base.ob_type->tp_basicsize + static_cast<Py_ssize_t>(u->memo.capacity() * sizeof(PyObject*)));
}
Ref<> get_persistent_load(ThreadState& ts, Unpickler* u) {
  return u->persistent_load != nullptr ? dup(u->persistent_load) : Ref<>(raise(ts, PyExc_AttributeError, "persistent_load"));
}
Status set_persistent_load(ThreadState& ts, Unpickler* u, PyObject* value) {
  if (value == nullptr) return raise(ts, PyExc_TypeError, "attribute deletion is not supported");
  if (!PyCallable_Check(value)) return raise(ts, PyExc_TypeError, "persistent_load must be a callable taking one argument");
  set_field(u->persistent_load, dup(value));
  return Status::kOk;
}

// ---- the memo as Python sees it ----------------------------------------------------------------------------------

struct Proxy {
  PyObject ob_base;
  PyObject* unpickler;
};
Unpickler* owner_of(Proxy* x) { return as_unpickler(x->unpickler); }
Ref<> proxy_copy(ThreadState& ts, Proxy* x) {
  Ref<> result = dict_new(ts);
  Unpickler* u = owner_of(x);
  for (size_t i = 0; result && i < u->memo.size(); ++i) {
    if (u->memo[i] == nullptr) continue;
    Ref<> key = int_from_i64(ts, static_cast<int64_t>(i));
    if (!key || failed(dict_set(ts, result.get(), key.get(), u->memo[i]))) return {};
  }
  return result;
}
Status proxy_clear_memo(ThreadState&, Proxy* x) {
  memo_clear(owner_of(x));
  return Status::kOk;
}
Ref<> proxy_reduce(ThreadState& ts, Proxy* x) {
  Ref<> copy = proxy_copy(ts, x);
  return copy ? Ref<>::steal(Py_BuildValue("(O(O))", obj(&PyDict_Type), copy.get())) : Ref<>();
}
int proxy_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(obj(o->ob_type));
  Py_VISIT(reinterpret_cast<Proxy*>(o)->unpickler);
  return 0;
}
int proxy_clear(PyObject* o) {
  clear_field(reinterpret_cast<Proxy*>(o)->unpickler);
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
    ATOLL_METHOD(proxy_reduce, "__reduce__", "($self, /)", "Implement pickling support."), ATOLL_METHOD_END};

Ref<> get_memo(ThreadState&, Unpickler* u) {
  State* state = state_of_type(u->ob_base.ob_type);
  if (state == nullptr) return {};
  Ref<> o = Ref<>::steal(state->unpickler_memo_type->tp_alloc(state->unpickler_memo_type, 0));
  if (o) reinterpret_cast<Proxy*>(o.get())->unpickler = new_ref(obj(u));
  return o;
}
Status set_memo(ThreadState& ts, Unpickler* u, PyObject* value) {
  if (value == nullptr) return raise(ts, PyExc_TypeError, "attribute deletion is not supported");
  State* state = state_of_type(u->ob_base.ob_type);
  if (state == nullptr) return Status::kError;
  std::vector<std::pair<size_t, Ref<>>> entries;
  if (value->ob_type == state->unpickler_memo_type) {
    Unpickler* other = owner_of(reinterpret_cast<Proxy*>(value));
    for (size_t i = 0; i < other->memo.size(); ++i) {
      if (other->memo[i] != nullptr) entries.push_back({i, dup(other->memo[i])});
    }
  } else if (PyDict_Check(value)) {
    Py_ssize_t at = 0;
    PyObject *k, *v;
    while (PyDict_Next(value, &at, &k, &v)) {
      if (!is_int(k)) return raise(ts, PyExc_TypeError, "memo key must be integers");
      Py_ssize_t index = PyLong_AsSsize_t(k);
      if (error_set(ts)) return Status::kError;
      if (index < 0) return raise(ts, PyExc_ValueError, "memo key must be positive integers.");
      if (index > (Py_ssize_t{1} << 27)) return raise_memory(ts);
      entries.push_back({static_cast<size_t>(index), dup(v)});
    }
  } else {
    return raise(ts, PyExc_TypeError, "'memo' attribute must be an UnpicklerMemoProxy object or dict, not %.200s", value->ob_type->tp_name);
  }
  memo_clear(u);
  for (auto& [index, o] : entries) memo_put(u, index, o.get());
  return Status::kOk;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_load, "load", "($self, /)", "Load a pickle.\n\nReads an object from the file given to the constructor."),
    ATOLL_METHOD(m_find_class, "find_class", "($self, module_name, global_name, /)",
                 "Return an object from a specified module.\n\nThe module is imported if necessary. Subclasses may override this, to restrict what can be loaded."),
    ATOLL_METHOD(m_sizeof, "__sizeof__", "($self, /)", "Returns size in memory, in bytes."), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"memo", ATOLL_GETTER(get_memo), ATOLL_SETTER(set_memo), nullptr, nullptr},
                                   {"persistent_load", ATOLL_GETTER(get_persistent_load), ATOLL_SETTER(set_persistent_load), nullptr, nullptr},
                                   ATOLL_GETSET_END};

}  // namespace

Ref<> load(ThreadState& ts, State& state, PyObject* file, PyObject* data, bool fix_imports, const char* encoding, const char* errors, PyObject* buffers) {
  Ref<> o = Ref<>::steal(unpickler_new(state.unpickler_type, nullptr, nullptr));
  if (!o) return {};
  Unpickler* u = as_unpickler(o.get());
  if (!set_options(ts, u, fix_imports, encoding, errors, buffers) || (file != nullptr && !set_file(ts, u, file))) return {};
  BufferArg view;
  if (data != nullptr && PyObject_GetBuffer(data, &view.view, PyBUF_CONTIG_RO) < 0) return {};
  Loader loader(ts, state, u);
  if (data != nullptr) loader.set_data(reinterpret_cast<const char*>(view.data()), static_cast<size_t>(view.size()));
  return loader.load();
}

PyTypeObject* make_unpickler_type(PyObject* m) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(unpickler_dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(unpickler_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(unpickler_clear)},
      {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
      {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
      {Py_tp_init, reinterpret_cast<void*>(ATOLL_INIT(unpickler_init, "Unpickler",
                                                      "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())"))},
      {Py_tp_new, reinterpret_cast<void*>(unpickler_new)},
      {Py_tp_doc, const_cast<char*>("Unpickler(file, *, fix_imports=True, encoding='ASCII', errors='strict',\n          buffers=())\n--\n\n"
                                    "This takes a binary file for reading a pickle data stream.\n\n"
                                    "The file needs the methods read and readline. fix_imports, encoding and errors are for pickles of Python 2; buffers\n"
                                    "gives what was kept out of the stream by a buffer_callback.")},
      {0, nullptr}};
  PyType_Spec spec{"_pickle.Unpickler", sizeof(Unpickler), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  return heap_type(m, spec);
}
PyTypeObject* make_unpickler_memo_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(proxy_dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(proxy_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(proxy_clear)},
                         {Py_tp_hash, reinterpret_cast<void*>(PyObject_HashNotImplemented)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kProxyMethods)},
                         {0, nullptr}};
  PyType_Spec spec{"_pickle.UnpicklerMemoProxy", sizeof(Proxy), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  return heap_type(m, spec);
}

}  // namespace atl::pickle
