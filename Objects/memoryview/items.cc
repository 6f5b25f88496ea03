// memoryview: what items mean: unpacking, packing, lists, comparison.
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/memoryview/memoryview.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {

char view_native_format(const char* format) {
  if (format == nullptr) return 'B';
  if (*format == '@') ++format;
  if (*format == 0 || format[1] != 0 || std::strchr("cbBhHiIlLqQnNfd?P", *format) == nullptr) return 0;
  return *format;
}

Py_ssize_t view_native_size(char format) {
  switch (format) {
    case 'c': case 'b': case 'B': return 1;
    case '?': return sizeof(bool);
    case 'h': case 'H': return sizeof(short);
    case 'i': case 'I': return sizeof(int);
    case 'l': case 'L': return sizeof(long);
    case 'q': case 'Q': return sizeof(long long);
    case 'n': case 'N': return sizeof(Py_ssize_t);
    case 'f': return sizeof(float);
    case 'd': return sizeof(double);
    case 'P': return sizeof(void*);
    default: return -1;
  }
}

char view_format_or_raise(ThreadState& ts, PyMemoryViewObject* v) {
  char format = view_native_format(v->view.format);
  if (format == 0) static_cast<void>(raise(ts, PyExc_NotImplementedError, "memoryview: unsupported format %s", v->view.format));
  return format;
}

namespace {

template <class T>
T load(const char* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// Calls f(T{}) with the C type of an integer format.
template <class F>
auto with_integer(char format, F f) {
  switch (format) {
    case 'b': return f(static_cast<signed char>(0));
    case 'B': return f(static_cast<unsigned char>(0));
    case 'h': return f(static_cast<short>(0));
    case 'H': return f(static_cast<unsigned short>(0));
    case 'i': return f(static_cast<int>(0));
    case 'I': return f(static_cast<unsigned>(0));
    case 'l': return f(static_cast<long>(0));
    case 'L': return f(static_cast<unsigned long>(0));
    case 'q': return f(static_cast<long long>(0));
    case 'Q': return f(static_cast<unsigned long long>(0));
    case 'n': return f(static_cast<Py_ssize_t>(0));
    default: return f(static_cast<size_t>(0));  // N
  }
}

}  // namespace

Ref<> view_unpack(ThreadState& ts, char format, const char* p) {
  switch (format) {
    case 'c': return bytes_from_char(static_cast<uint8_t>(*p));
    case '?': return new_bool(load<bool>(p));
    case 'f': return new_float(ts, static_cast<double>(load<float>(p)));
    case 'd': return new_float(ts, load<double>(p));
    case 'P': return int_from_u64(ts, reinterpret_cast<uintptr_t>(load<void*>(p)));
    default:
      return with_integer(format, [&](auto zero) -> Ref<> {
        using T = decltype(zero);
        T v = load<T>(p);
        if constexpr (std::is_signed_v<T>) {
          return int_from_i64(ts, v);
        } else {
          return int_from_u64(ts, v);
        }
      });
  }
}

Status view_pack(ThreadState& ts, PyMemoryViewObject* v, char format, char* item, PyObject* value) {
  char bytes[16];
  auto wrong_type = [&] { return raise(ts, PyExc_TypeError, "memoryview: invalid type for format '%c'", format); };
  auto wrong_value = [&] { return raise(ts, PyExc_ValueError, "memoryview: invalid value for format '%c'", format); };
  // What went wrong in a conversion, in memoryview's words; other exceptions stay.
  auto failed_conversion = [&]() -> Status {
    if (error_matches(ts, PyExc_TypeError)) {
      error_clear(ts);
      return wrong_type();
    }
    if (error_matches(ts, PyExc_OverflowError) || error_matches(ts, PyExc_ValueError)) {
      error_clear(ts);
      return wrong_value();
    }
    return Status::kError;
  };
  switch (format) {
    case 'c':
      if (!is_bytes(value)) return wrong_type();
      if (bytes_size(value) != 1) return wrong_value();
      bytes[0] = bytes_data(value)[0];
      break;
    case '?': {
      Tri truth = object_is_true(ts, value);
      if (truth == Tri::kError) return Status::kError;
      bool b = truth == Tri::kTrue;
      std::memcpy(bytes, &b, sizeof b);
      break;
    }
    case 'f':
    case 'd': {
      double x;
      if (failed(float_as_double(ts, value, &x))) return failed_conversion();
      auto narrow = static_cast<float>(x);
      if (format == 'f') {
        std::memcpy(bytes, &narrow, sizeof narrow);
      } else {
        std::memcpy(bytes, &x, sizeof x);
      }
      break;
    }
    default: {
      Ref<> number = number_index(ts, value);
      if (!number) return failed_conversion();
      if (format == 'P') {
        void* pointer = PyLong_AsVoidPtr(number.get());
        if (pointer == nullptr && error_set(ts)) return failed_conversion();
        std::memcpy(bytes, &pointer, sizeof pointer);
        break;
      }
      bool fits = with_integer(format, [&](auto zero) {
        using T = decltype(zero);
        T narrow;
        if constexpr (std::is_signed_v<T>) {
          int overflow;
          int64_t wide = int_as_i64_overflow(number.get(), &overflow);
          narrow = static_cast<T>(wide);
          if (overflow != 0 || narrow != wide) return false;
        } else {
          uint64_t wide;
          if (failed(int_as_u64(ts, number.get(), &wide))) {
            error_clear(ts);
            return false;
          }
          narrow = static_cast<T>(wide);
          if (narrow != wide) return false;
        }
        std::memcpy(bytes, &narrow, sizeof narrow);
        return true;
      });
      if (!fits) return wrong_value();
      break;
    }
  }
  // The conversion may have run Python code that released the view.
  if (failed(view_check(ts, v))) return Status::kError;
  std::memcpy(item, bytes, static_cast<size_t>(view_native_size(format)));
  return Status::kOk;
}

// ---- lists -----------------------------------------------------------------------------------------------------------

namespace {

Ref<> list_of(ThreadState& ts, const Py_buffer& view, char format, char* p, int dimension) {
  if (dimension == view.ndim) return view_unpack(ts, format, p);
  Ref<> list = list_new_room(ts, view.shape[dimension]);
  for (Py_ssize_t i = 0; list && i < view.shape[dimension]; ++i, p += view.strides[dimension]) {
    Ref<> item = list_of(ts, view, format, view_follow(p, view.suboffsets, dimension), dimension + 1);
    if (!item || failed(list_append(ts, list.get(), std::move(item)))) return {};
  }
  return list;
}

}  // namespace

Ref<> view_tolist(ThreadState& ts, PyMemoryViewObject* v) {
  if (failed(view_check(ts, v))) return {};
  char format = view_format_or_raise(ts, v);
  return format == 0 ? Ref<>() : list_of(ts, v->view, format, static_cast<char*>(v->view.buf), 0);
}

// ---- comparison ------------------------------------------------------------------------------------------------------

namespace {

// Reads items: natively, or by struct.Struct(format).unpack_from.
struct ItemReader {
  char native = 0;
  Ref<> unpack;   // bound method
  Ref<> buffer;   // bytearray of one item
  Py_ssize_t size = 0;

  // kFalse: the module struct can't read the format.
  Tri open(ThreadState& ts, const Py_buffer& view) {
    native = view_native_format(view.format);
    size = view.itemsize;
    if (native != 0 && view_native_size(native) == size) return Tri::kTrue;
    native = 0;
    Ref<> module = steal(PyImport_ImportModule("struct"));
    if (!module) return Tri::kError;
    Ref<> make = object_getattr(ts, module.get(), "Struct"), problem = object_getattr(ts, module.get(), "error");
    Ref<> text = str_from_utf8(ts, view.format);
    if (!make || !problem || !text) return Tri::kError;
    Ref<> reader = call(ts, make.get(), text.get());
    if (!reader) return error_clear_if(ts, problem.get()) ? Tri::kFalse : Tri::kError;
    Ref<> item_size = object_getattr(ts, reader.get(), "size");
    Py_ssize_t needed;
    if (!item_size || failed(index_as_ssize(ts, item_size.get(), &needed))) return Tri::kError;
    if (needed != size) return Tri::kFalse;
    unpack = object_getattr(ts, reader.get(), "unpack_from");
    buffer = steal(PyByteArray_FromStringAndSize(nullptr, size));
    return unpack && buffer ? Tri::kTrue : Tri::kError;
  }

  Ref<> read(ThreadState& ts, const char* p) {
    if (native != 0) return view_unpack(ts, native, p);
    std::memcpy(PyByteArray_AS_STRING(buffer.get()), p, static_cast<size_t>(size));
    Ref<> values = call(ts, unpack.get(), buffer.get());
    if (values && is_tuple(values.get()) && tuple_size(values.get()) == 1) return dup(tuple_peek(values.get(), 0));
    return values;
  }
};

struct Comparison {
  ThreadState& ts;
  const Py_buffer& a;
  const Py_buffer& b;
  ItemReader left, right;

  Tri items(const char* p, const char* q) {
    if (left.native != 0 && left.native == right.native) {
      char f = left.native;
      if (f == 'f') return tri(load<float>(p) == load<float>(q));
      if (f == 'd') return tri(load<double>(p) == load<double>(q));
      if (f == '?') return tri((*p != 0) == (*q != 0));
      return tri(std::memcmp(p, q, static_cast<size_t>(left.size)) == 0);
    }
    Ref<> x = left.read(ts, p), y = x ? right.read(ts, q) : Ref<>();
    return y ? object_richcompare_bool(ts, x.get(), y.get(), Py_EQ) : Tri::kError;
  }

  Tri run(char* p, char* q, int dimension) {
    if (dimension == a.ndim) return items(p, q);
    Py_ssize_t p_step = a.strides != nullptr ? a.strides[dimension] : a.itemsize;
    Py_ssize_t q_step = b.strides != nullptr ? b.strides[dimension] : b.itemsize;
    for (Py_ssize_t i = 0; i < a.shape[dimension]; ++i, p += p_step, q += q_step) {
      Tri same = run(view_follow(p, a.suboffsets, dimension), view_follow(q, b.suboffsets, dimension), dimension + 1);
      if (same != Tri::kTrue) return same;
    }
    return Tri::kTrue;
  }
};

bool same_shape(const Py_buffer& a, const Py_buffer& b) {
  if (a.ndim != b.ndim) return false;
  for (int i = 0; i < a.ndim; ++i) {
    if (a.shape[i] != b.shape[i]) return false;
    if (a.shape[i] == 0) break;
  }
  return true;
}

Tri views_equal(ThreadState& ts, const Py_buffer& a, const Py_buffer& b) {
  if (!same_shape(a, b)) return Tri::kFalse;
  Comparison c{ts, a, b, {}, {}};
  Tri readable = c.left.open(ts, a);
  if (readable == Tri::kTrue) readable = c.right.open(ts, b);
  return readable == Tri::kTrue ? c.run(static_cast<char*>(a.buf), static_cast<char*>(b.buf), 0) : readable;
}

}  // namespace

Ref<> view_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (op != Py_EQ && op != Py_NE) return not_implemented();
  if (!is_memoryview(a)) return not_implemented();
  PyMemoryViewObject* v = as_view(a);
  if (view_released(v)) return new_bool((a == b) == (op == Py_EQ));
  Tri equal;
  // The views must stay as they are while Python code may run.
  ++v->exports;
  ScopeGuard done([&] { --v->exports; });
  if (is_memoryview(b)) {
    PyMemoryViewObject* w = as_view(b);
    if (view_released(w)) return new_bool((a == b) == (op == Py_EQ));
    ++w->exports;
    equal = views_equal(ts, v->view, w->view);
    --w->exports;
  } else {
    Py_buffer other;
    if (PyObject_GetBuffer(b, &other, PyBUF_FULL_RO) < 0) {
      error_clear(ts);
      return not_implemented();
    }
    equal = views_equal(ts, v->view, other);
    PyBuffer_Release(&other);
  }
  if (equal == Tri::kError) return {};
  return new_bool((equal == Tri::kTrue) == (op == Py_EQ));
}

}  // namespace atl
