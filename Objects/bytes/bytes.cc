// bytes: making, slots, the type.
#include <cstring>

#include "Objects/bytes/layout.h"
#include "Objects/bytes/shared.h"
#include "Objects/bytes/writer.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/slice.h"
#include "Objects/str/codecs.h"
#include "Objects/str/hash.h"
#include "Objects/str/methods.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"

extern "C" {
ATOLL_SEALED PyTypeObject PyBytes_Type = {};
ATOLL_SEALED PyTypeObject PyBytesIter_Type = {};
}

namespace atl {

// ---- making ----------------------------------------------------------------------------------------------------------

namespace {

// b'' and the bytes objects of length 1; immortal.
struct SharedBytes {
  PyBytesObject empty;
  PyBytesObject one[256];
};
static_assert(sizeof(PyBytesObject) >= kBytesPrefix + 2);

constexpr PyBytesObject sealed_bytes(int byte) {
  PyBytesObject b{};
  b.ob_base.ob_base.ob_refcnt = kImmortalRefcnt;
  b.ob_base.ob_base.ob_type = &PyBytes_Type;
  b.ob_base.ob_size = byte >= 0;
  b.ob_shash = -1;
  b.ob_sval[0] = byte >= 0 ? static_cast<char>(byte) : 0;
  return b;
}
constexpr SharedBytes make_shared_bytes() {
  SharedBytes all{};
  all.empty = sealed_bytes(-1);
  for (int i = 0; i < 256; ++i) all.one[i] = sealed_bytes(i);
  return all;
}
ATOLL_SEALED constinit SharedBytes g_shared_bytes = make_shared_bytes();

PyObject* empty_bytes() { return obj(&g_shared_bytes.empty); }

}  // namespace

void bytes_bringup() {
  g_shared_bytes.empty.ob_shash = 0;
  for (PyBytesObject& b : g_shared_bytes.one) b.ob_shash = hash_memory(b.ob_sval, 1);
}

Ref<> bytes_from_char(uint8_t c) { return dup(obj(&g_shared_bytes.one[c])); }

Ref<> bytes_new(ThreadState& ts, Py_ssize_t size) {
  if (size == 0) return dup(empty_bytes());
  if (ATOLL_UNLIKELY(size > kMaxBytes)) return raise(ts, PyExc_OverflowError, "byte string is too large");
  void* memory = object_alloc(ts, kBytesPrefix + static_cast<size_t>(size) + 1);
  if (ATOLL_UNLIKELY(memory == nullptr)) return {};
  return steal(bytes_init(memory, size));
}

Ref<> bytes_from(ThreadState& ts, std::string_view data) {
  if (data.size() == 1) return bytes_from_char(static_cast<uint8_t>(data[0]));
  Ref<> b = bytes_new(ts, static_cast<Py_ssize_t>(data.size()));
  if (b && !data.empty()) std::memcpy(bytes_data(b.get()), data.data(), data.size());
  return b;
}

Status bytes_resize(ThreadState& ts, Ref<>* bytes, Py_ssize_t size) {
  Py_ssize_t old = bytes_size(bytes->get());
  if (old == size) return Status::kOk;
  if (size == 0) {
    *bytes = dup(empty_bytes());
    return Status::kOk;
  }
  PyObject* b = bytes->get();
  if (is_immortal(b) || b->ob_refcnt != 1 || !is_exact_bytes(b)) {
    Ref<> copy = bytes_new(ts, size);
    if (!copy) return Status::kError;
    std::memcpy(bytes_data(copy.get()), bytes_data(b), static_cast<size_t>(old < size ? old : size));
    *bytes = std::move(copy);
    return Status::kOk;
  }
  if (size > kMaxBytes) return raise_memory(ts);
  void* moved = ts.interpreter().heap.realloc(b, kBytesPrefix + static_cast<size_t>(size) + 1);
  if (moved == nullptr) return raise_memory(ts);
  static_cast<void>(bytes->release());
  *bytes = steal(bytes_init(moved, size));
  return Status::kOk;
}

Ref<> bytes_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  ByteArg left, right;
  auto get = [&](PyObject* o, ByteArg* arg) {
    if (is_bytes(o)) {
      arg->view.buf = bytes_data(o);
      arg->view.len = bytes_size(o);
      return true;
    }
    if (!failed(arg->get(o))) return true;
    error_clear(ts);
    return false;
  };
  if (!get(a, &left) || !get(b, &right)) {
    return raise(ts, PyExc_TypeError, "can't concat %.100T to %.100T", b, a);
  }
  if (left.view.len == 0 && is_exact_bytes(b)) return dup(b);
  if (right.view.len == 0 && is_exact_bytes(a)) return dup(a);
  if (left.view.len > kMaxBytes - right.view.len) return raise_memory(ts);
  Ref<> r = bytes_new(ts, left.view.len + right.view.len);
  if (r && bytes_size(r.get()) != 0) {
    std::memcpy(bytes_data(r.get()), left.view.buf, static_cast<size_t>(left.view.len));
    std::memcpy(bytes_data(r.get()) + left.view.len, right.view.buf, static_cast<size_t>(right.view.len));
  }
  return r;
}

namespace {

// ---- construction ----------------------------------------------------------------------------------------------------

Ref<> make_content(ThreadState& ts, PyObject* x, PyUnicodeObject* encoding, PyUnicodeObject* errors) {
  if (x == nullptr) {
    if (encoding == nullptr && errors == nullptr) return dup(empty_bytes());
    return raise(ts, PyExc_TypeError, encoding != nullptr ? "encoding without a string argument" : "errors without a string argument");
  }
  if (encoding != nullptr) {
    if (!is_str(x)) return raise(ts, PyExc_TypeError, "encoding without a string argument");
    const char *e, *r;
    if (failed(codec_argument(ts, encoding, &e)) || failed(codec_argument(ts, errors, &r))) return {};
    return str_encode(ts, x, e, r);
  }
  if (errors != nullptr) {
    return raise(ts, PyExc_TypeError, is_str(x) ? "string argument without an encoding" : "errors without a string argument");
  }
  Ref<> method;
  if (!is_exact_bytes(x) && !is_exact_int(x)) {
    if (failed(object_lookup_special(ts, x, ID(__bytes__), &method))) return {};
  }
  if (method) {
    Ref<> r = call(ts, method.get());
    if (r && !is_bytes(r.get())) return raise(ts, PyExc_TypeError, "__bytes__ returned non-bytes (type %.200T)", r.get());
    return r;
  }
  if (is_str(x)) return raise(ts, PyExc_TypeError, "string argument without an encoding");
  if (PyIndex_Check(x)) {
    Py_ssize_t n;
    if (!failed(index_as_ssize(ts, x, &n))) {
      if (n < 0) return raise(ts, PyExc_ValueError, "negative count");
      Ref<> r = bytes_new(ts, n);
      if (r && n != 0) std::memset(bytes_data(r.get()), 0, static_cast<size_t>(n));
      return r;
    }
    if (!error_matches(ts, PyExc_TypeError)) return {};
    error_clear(ts);
  }
  if (is_exact_bytes(x)) return dup(x);
  return bytes_from_object(ts, x, false);
}

Ref<> bytes_make(ThreadState& ts, PyTypeObject* type, PyObject* source, PyUnicodeObject* encoding, PyUnicodeObject* errors) {
  Ref<> content = make_content(ts, source, encoding, errors);
  if (!content || type == &PyBytes_Type) return content;
  Py_ssize_t n = bytes_size(content.get());
  Ref<> self = steal(type->tp_alloc(type, n));
  if (self) {
    std::memcpy(bytes_data(self.get()), bytes_data(content.get()), static_cast<size_t>(n) + 1);
    reinterpret_cast<PyBytesObject*>(self.get())->ob_shash = reinterpret_cast<PyBytesObject*>(content.get())->ob_shash;
  }
  return self;
}

// bytes(x): the general call goes through tp_new.
PyObject* bytes_type_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (ATOLL_LIKELY(kwnames == nullptr && n <= 1)) {
    if (n == 1 && (is_exact(args[0], &PyList_Type) || is_exact(args[0], &PyTuple_Type))) {
      return bytes_from_object(ts, args[0], false).release();
    }
    return make_content(ts, n == 0 ? nullptr : args[0], nullptr, nullptr).release();
  }
  Ref<> positional = tuple_from(ts, args, n), kwargs;
  if (!positional) return nullptr;
  if (kwnames != nullptr) {
    kwargs = dict_new(ts);
    if (!kwargs) return nullptr;
    for (Py_ssize_t i = 0; i < tuple_size(kwnames); ++i) {
      if (failed(dict_set(ts, kwargs.get(), tuple_peek(kwnames, i), args[n + i]))) return nullptr;
    }
  }
  auto* t = reinterpret_cast<PyTypeObject*>(type);
  return t->tp_new(t, positional.get(), kwargs.get());
}

void bytes_dealloc(ThreadState& ts, PyObject* o) {
  if (ATOLL_LIKELY(is_exact_bytes(o))) {
    object_free(ts, o);
  } else {
    o->ob_type->tp_free(o);
  }
}

// ---- slots -----------------------------------------------------------------------------------------------------------

Py_hash_t bytes_hash(ThreadState&, PyObject* o) {
  auto* b = reinterpret_cast<PyBytesObject*>(o);
  if (b->ob_shash == -1) b->ob_shash = hash_memory(b->ob_sval, static_cast<size_t>(b->ob_base.ob_size));
  return b->ob_shash;
}

Py_ssize_t bytes_len(ThreadState&, PyObject* o) { return bytes_size(o); }

Ref<> bytes_repr(ThreadState& ts, PyObject* o) { return bytes_repr_text(ts, bytes_view(o), "", "", ReprQuotes::kSmart); }

Ref<> bytes_str(ThreadState& ts, PyObject* o) {
  if (Py_BytesWarningFlag && failed(warn(ts, PyExc_BytesWarning, 1, "str() on a bytes instance"))) return {};
  return bytes_repr(ts, o);
}

Ref<> bytes_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_bytes(a) || !is_bytes(b)) {
    if (Py_BytesWarningFlag && (op == Py_EQ || op == Py_NE)) {
      if ((is_str(a) || is_str(b)) && failed(warn(ts, PyExc_BytesWarning, 1, "Comparison between bytes and string"))) return {};
      if ((is_int(a) || is_int(b)) && failed(warn(ts, PyExc_BytesWarning, 1, "Comparison between bytes and int"))) return {};
    }
    return not_implemented();
  }
  std::string_view x = bytes_view(a), y = bytes_view(b);
  switch (op) {
    case Py_EQ: return new_bool(a == b || x == y);
    case Py_NE: return new_bool(a != b && x != y);
    case Py_LT: return new_bool(x < y);
    case Py_LE: return new_bool(x <= y);
    case Py_GT: return new_bool(x > y);
    default: return new_bool(x >= y);
  }
}

Ref<> bytes_item(ThreadState& ts, PyObject* o, Py_ssize_t i) {
  if (i < 0 || i >= bytes_size(o)) return raise(ts, PyExc_IndexError, "index out of range");
  return dup(small_int(static_cast<uint8_t>(bytes_data(o)[i])));
}

Ref<> bytes_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  Py_ssize_t n = bytes_size(o);
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return {};
    return bytes_item(ts, o, i < 0 ? i + n : i);
  }
  if (!PySlice_Check(key)) {
    return raise(ts, PyExc_TypeError, "byte indices must be integers or slices, not %.200T", key);
  }
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, key, &start, &stop, &step))) return {};
  Py_ssize_t count = slice_adjust(n, &start, &stop, step);
  if (count <= 0) return dup(empty_bytes());
  if (step == 1) {
    if (count == n && is_exact_bytes(o)) return dup(o);
    return bytes_from(ts, bytes_view(o).substr(static_cast<size_t>(start), static_cast<size_t>(count)));
  }
  if (count == 1) return bytes_from_char(static_cast<uint8_t>(bytes_data(o)[start]));
  Ref<> r = bytes_new(ts, count);
  if (!r) return {};
  const char* from = bytes_data(o);
  char* out = bytes_data(r.get());
  for (Py_ssize_t k = 0, i = start; k < count; ++k, i += step) out[k] = from[i];
  return r;
}

Ref<> bytes_repeat(ThreadState& ts, PyObject* o, Py_ssize_t n) {
  Py_ssize_t size = bytes_size(o);
  if (n < 0) n = 0;
  if (n != 0 && size > PY_SSIZE_T_MAX / n) return raise(ts, PyExc_OverflowError, "repeated bytes are too long");
  if (n == 1 && is_exact_bytes(o)) return dup(o);
  if (size * n > kMaxBytes) return raise_memory(ts);
  if (size * n == 1) return bytes_from_char(static_cast<uint8_t>(bytes_data(o)[0]));
  Ref<> r = bytes_new(ts, size * n);
  if (r && size * n != 0) bytes_fill_repeated(bytes_data(r.get()), static_cast<size_t>(size * n), bytes_view(o));
  return r;
}

Ref<> bytes_mod(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_bytes(a)) return not_implemented();
  return bytes_percent(ts, bytes_view(a), b, false);
}

int bytes_getbuffer(PyObject* o, Py_buffer* view, int flags) {
  return PyBuffer_FillInfo(view, o, bytes_data(o), bytes_size(o), 1, flags);
}

// ---- methods ---------------------------------------------------------------------------------------------------------

PyObject* bytes_getnewargs(PyObject* self, PyObject*) {
  ThreadState& ts = current_thread();
  Ref<> content = is_exact_bytes(self) ? dup(self) : bytes_from(ts, bytes_view(self));
  return content ? tuple_of(ts, content.get()).release() : nullptr;
}
Ref<> bytes_dunder_bytes(ThreadState& ts, PyObject* self) {
  return is_exact_bytes(self) ? dup(self) : bytes_from(ts, bytes_view(self));
}
Ref<> bytes_fromhex(ThreadState& ts, PyTypeObject* type, PyUnicodeObject* text) {
  Ref<> r = bytes_from_hex(ts, obj(text), false);
  if (!r || type == &PyBytes_Type) return r;
  return call(ts, obj(type), r.get());
}

constinit const MethodSpec kMethods[] = {
    ATOLL_METHOD_RAW(bytes_getnewargs, "__getnewargs__", METH_NOARGS, nullptr),
    ATOLL_METHOD(bytes_dunder_bytes, "__bytes__", "($self, /)", "This object as exact bytes."),
#include "Objects/bytes/methods.inc"
    ATOLL_CLASSMETHOD(bytes_fromhex, "fromhex", "($type, string, /)",
                      "Return the bytes that pairs of hexadecimal digits stand for; white space between pairs is skipped."),
    ATOLL_METHOD_END};

constinit const PyNumberMethods kNumber{.nb_remainder = ATOLL_SLOT(bytes_mod)};
constinit const PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(bytes_len),
                                            .sq_concat = ATOLL_SLOT(bytes_concat),
                                            .sq_repeat = ATOLL_SLOT(bytes_repeat),
                                            .sq_item = ATOLL_SLOT(bytes_item),
                                            .sq_contains = ATOLL_SLOT(byte_contains)};
constinit const PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(bytes_len), .mp_subscript = ATOLL_SLOT(bytes_subscript)};
constinit const PyBufferProcs kBuffer{.bf_getbuffer = bytes_getbuffer};

// ---- iterator --------------------------------------------------------------------------------------------------------

struct BytesIterObject {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* bytes;  // NULL at the end
};

Ref<> bytes_iter(ThreadState& ts, PyObject* o) {
  auto it = new_object<BytesIterObject>(ts, &PyBytesIter_Type);
  if (!it) return {};
  it->index = 0;
  it->bytes = new_ref(o);
  track(ts, it.get());
  return it;
}
void bytes_iter_dealloc(ThreadState& ts, BytesIterObject* it) {
  untrack(it);
  xdecref(it->bytes);
  free_object(ts, obj(it));
}
int bytes_iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<BytesIterObject*>(o)->bytes);
  return 0;
}
Ref<> bytes_iter_next(ThreadState&, BytesIterObject* it) {
  if (it->bytes == nullptr) return {};
  if (it->index < bytes_size(it->bytes)) return dup(small_int(static_cast<uint8_t>(bytes_data(it->bytes)[it->index++])));
  clear_field(it->bytes);
  return {};
}
Ref<> bytes_iter_length_hint(ThreadState& ts, BytesIterObject* it) {
  return int_from_ssize(ts, it->bytes != nullptr ? bytes_size(it->bytes) - it->index : 0);
}
Ref<> bytes_iter_reduce(ThreadState& ts, BytesIterObject* it) {
  Ref<> iter = steal(_PyEval_GetBuiltin(ID(iter)));
  if (!iter) return {};
  Ref<> args = it->bytes != nullptr ? tuple_of(ts, it->bytes) : tuple_of(ts, empty_tuple());
  if (!args) return {};
  if (it->bytes == nullptr) return tuple_of(ts, iter.get(), args.get());
  Ref<> index = int_from_ssize(ts, it->index);
  return index ? tuple_of(ts, iter.get(), args.get(), index.get()) : Ref<>();
}
Status bytes_iter_setstate(ThreadState& ts, BytesIterObject* it, PyObject* state) {
  Py_ssize_t index;
  if (failed(index_as_ssize(ts, state, &index))) return Status::kError;
  if (it->bytes != nullptr) {
    Py_ssize_t n = bytes_size(it->bytes);
    it->index = index < 0 ? 0 : index > n ? n : index;
  }
  return Status::kOk;
}
constinit const MethodSpec kIterMethods[] = {
    ATOLL_METHOD(bytes_iter_length_hint, "__length_hint__", "($self, /)", "Number of bytes left."),
    ATOLL_METHOD(bytes_iter_reduce, "__reduce__", "($self, /)", "State for pickling."),
    ATOLL_METHOD(bytes_iter_setstate, "__setstate__", "($self, state, /)", "Go to a position."),
    ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec bytes_spec{
    .name = "bytes",
    .doc = "bytes(iterable_of_ints) -> bytes\n"
           "bytes(string, encoding[, errors]) -> bytes\n"
           "bytes(bytes_or_buffer) -> immutable copy of bytes_or_buffer\n"
           "bytes(int) -> bytes object of size given by the parameter initialized with null bytes\n"
           "bytes() -> empty bytes object\n"
           "\n"
           "An immutable array of bytes.",
    .basicsize = kBytesPrefix + 1,
    .itemsize = 1,
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_BYTES_SUBCLASS | _Py_TPFLAGS_MATCH_SELF,
    .dealloc = ATOLL_SLOT(bytes_dealloc),
    .repr = ATOLL_SLOT(bytes_repr),
    .str = ATOLL_SLOT(bytes_str),
    .hash = ATOLL_SLOT(bytes_hash),
    .richcompare = ATOLL_SLOT(bytes_richcompare),
    .iter = ATOLL_SLOT(bytes_iter),
    .new_ = ATOLL_NEW(bytes_make, "bytes", "(source=b'', encoding='utf-8', errors='strict')"),
    .vectorcall = bytes_type_vectorcall,
    .number = &kNumber,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .buffer = &kBuffer,
    .methods = kMethods,
};

constinit const TypeSpec bytes_iter_spec{
    .name = "bytes_iterator",
    .basicsize = sizeof(BytesIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(bytes_iter_dealloc),
    .traverse = bytes_iter_traverse,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(bytes_iter_next),
    .methods = kIterMethods,
};

}  // namespace atl
