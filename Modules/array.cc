// array: sequences of numbers of one type of C.
#include <cstring>
#include <limits>

#include "Modules/module_def.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/list.h"
#include "Objects/slice.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"
#include "Objects/type/type.h"

namespace atl {

namespace {

// ---- item types --------------------------------------------------------------------------------------------------

struct ItemType {
  char code;
  uint8_t size;
  bool integer;
  bool is_signed;
  uint8_t machine_format;  // as pickles say it, for a little-endian machine
  const char* format;      // of the buffer protocol
  Ref<> (*get)(ThreadState& ts, const uint8_t* p);
  Status (*put)(ThreadState& ts, uint8_t* p, PyObject* value);  // p NULL: only checks
};

template <class T>
Ref<> get_integer(ThreadState& ts, const uint8_t* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  if constexpr (std::is_signed_v<T>) {
    return int_from_i64(ts, v);
  } else {
    return int_from_u64(ts, v);
  }
}
template <class T>
Ref<> get_float(ThreadState& ts, const uint8_t* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return new_float(ts, static_cast<double>(v));
}
Ref<> get_char(ThreadState& ts, const uint8_t* p) {
  uint32_t c;
  std::memcpy(&c, p, sizeof c);
  if (c > 0x10FFFF) return raise(ts, PyExc_ValueError, "character U+%x is not in range [U+0000; U+10ffff]", c);
  return str_from_char(ts, c);
}

// Small types: what 3.11 calls them in its messages.
template <class T>
constexpr const char* kTypeName = nullptr;
template <>
constexpr const char* kTypeName<int8_t> = "signed char";
template <>
constexpr const char* kTypeName<uint8_t> = "unsigned byte integer";
template <>
constexpr const char* kTypeName<int16_t> = "signed short integer";
template <>
constexpr const char* kTypeName<uint16_t> = "unsigned short";
template <>
constexpr const char* kTypeName<int32_t> = "signed integer";
template <>
constexpr const char* kTypeName<uint32_t> = "unsigned int";

template <class T>
Status put_small(ThreadState& ts, uint8_t* p, PyObject* value) {
  Ref<> number = number_index(ts, value);
  if (!number) return Status::kError;
  int overflow;
  int64_t v = int_as_i64_overflow(number.get(), &overflow);
  if constexpr (std::is_same_v<T, uint32_t>) {
    if (overflow < 0 || v < 0) return raise(ts, PyExc_OverflowError, "can't convert negative value to unsigned int");
    if (overflow > 0) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C unsigned long");
  }
  if (overflow != 0) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C long");
  if (v < std::numeric_limits<T>::min()) return raise(ts, PyExc_OverflowError, "%s is less than minimum", kTypeName<T>);
  if (v > std::numeric_limits<T>::max()) return raise(ts, PyExc_OverflowError, "%s is greater than maximum", kTypeName<T>);
  auto item = static_cast<T>(v);
  if (p != nullptr) std::memcpy(p, &item, sizeof item);
  return Status::kOk;
}
// 64 bits; `too_large` is the message.
Status put_i64(ThreadState& ts, uint8_t* p, PyObject* value, const char* too_large) {
  Ref<> number = number_index(ts, value);
  if (!number) return Status::kError;
  int overflow;
  int64_t v = int_as_i64_overflow(number.get(), &overflow);
  if (overflow != 0) return raise(ts, PyExc_OverflowError, "%s", too_large);
  if (p != nullptr) std::memcpy(p, &v, sizeof v);
  return Status::kOk;
}
Status put_u64(ThreadState& ts, uint8_t* p, PyObject* value, const char* negative, const char* too_large) {
  Ref<> number = number_index(ts, value);
  if (!number) return Status::kError;
  if (int_sign(number.get()) < 0) return raise(ts, PyExc_OverflowError, "%s", negative);
  uint64_t v;
  if (failed(int_as_u64(ts, number.get(), &v))) {
    error_clear(ts);
    return raise(ts, PyExc_OverflowError, "%s", too_large);
  }
  if (p != nullptr) std::memcpy(p, &v, sizeof v);
  return Status::kOk;
}
Status put_long(ThreadState& ts, uint8_t* p, PyObject* v) { return put_i64(ts, p, v, "Python int too large to convert to C long"); }
Status put_long_long(ThreadState& ts, uint8_t* p, PyObject* v) { return put_i64(ts, p, v, "int too big to convert"); }
Status put_ulong(ThreadState& ts, uint8_t* p, PyObject* v) {
  return put_u64(ts, p, v, "can't convert negative value to unsigned int", "Python int too large to convert to C unsigned long");
}
Status put_ulong_long(ThreadState& ts, uint8_t* p, PyObject* v) {
  return put_u64(ts, p, v, "can't convert negative int to unsigned", "int too big to convert");
}
template <class T>
Status put_float(ThreadState& ts, uint8_t* p, PyObject* value) {
  double x;
  if (failed(float_as_double(ts, value, &x))) return Status::kError;
  auto item = static_cast<T>(x);
  if (p != nullptr) std::memcpy(p, &item, sizeof item);
  return Status::kOk;
}
Status put_char(ThreadState& ts, uint8_t* p, PyObject* value) {
  if (!is_str(value) || str_length(value) != 1) return raise(ts, PyExc_TypeError, "array item must be unicode character");
  uint32_t c = str_at(value, 0);
  if (p != nullptr) std::memcpy(p, &c, sizeof c);
  return Status::kOk;
}

constexpr ItemType kTypes[] = {
    {'b', 1, true, true, 1, "b", get_integer<int8_t>, put_small<int8_t>},
    {'B', 1, true, false, 0, "B", get_integer<uint8_t>, put_small<uint8_t>},
    {'u', 4, false, false, 20, "w", get_char, put_char},
    {'h', 2, true, true, 4, "h", get_integer<int16_t>, put_small<int16_t>},
    {'H', 2, true, false, 2, "H", get_integer<uint16_t>, put_small<uint16_t>},
    {'i', 4, true, true, 8, "i", get_integer<int32_t>, put_small<int32_t>},
    {'I', 4, true, false, 6, "I", get_integer<uint32_t>, put_small<uint32_t>},
    {'l', 8, true, true, 12, "l", get_integer<int64_t>, put_long},
    {'L', 8, true, false, 10, "L", get_integer<uint64_t>, put_ulong},
    {'q', 8, true, true, 12, "q", get_integer<int64_t>, put_long_long},
    {'Q', 8, true, false, 10, "Q", get_integer<uint64_t>, put_ulong_long},
    {'f', 4, false, false, 14, "f", get_float<float>, put_float<float>},
    {'d', 8, false, false, 16, "d", get_float<double>, put_float<double>},
};
const ItemType* item_type(uint32_t code) {
  for (const ItemType& t : kTypes) {
    if (static_cast<unsigned char>(t.code) == code) return &t;
  }
  return nullptr;
}

// ---- storage -----------------------------------------------------------------------------------------------------

struct Array {
  PyVarObject ob_base;
  uint8_t* items;
  Py_ssize_t room;
  const ItemType* type;
  PyObject* weaklist;
  Py_ssize_t exports;  // buffers that are lent out: the size may not change
};
static_assert(sizeof(Array) == 64);
Array* as_array(PyObject* o) { return reinterpret_cast<Array*>(o); }
Py_ssize_t size_of(Array* a) { return a->ob_base.ob_size; }
bool is_array(PyObject* o) { return is_instance_nocall(o, &atoll_array_type); }
uint8_t* at(Array* a, Py_ssize_t i) { return a->items + i * a->type->size; }
size_t bytes_of(Array* a, Py_ssize_t n) { return static_cast<size_t>(n) * a->type->size; }

Status resize(ThreadState& ts, Array* a, Py_ssize_t n) {
  if (a->exports > 0 && n != size_of(a)) {
    return raise(ts, PyExc_BufferError, "cannot resize an array that is exporting buffers");
  }
  if (n <= a->room && n >= a->room / 2 && a->items != nullptr) {
    a->ob_base.ob_size = n;
    return Status::kOk;
  }
  if (n == 0) {
    PyMem_Free(std::exchange(a->items, nullptr));
    a->room = a->ob_base.ob_size = 0;
    return Status::kOk;
  }
  if (n > PY_SSIZE_T_MAX / 16) return raise_memory(ts);
  Py_ssize_t room = n + (n >> 4) + (size_of(a) < 8 ? 3 : 7);
  auto* items = static_cast<uint8_t*>(PyMem_Realloc(a->items, bytes_of(a, room)));
  if (items == nullptr) return raise_memory(ts);
  a->items = items;
  a->room = room;
  a->ob_base.ob_size = n;
  return Status::kOk;
}

Ref<Array> array_new(ThreadState& ts, PyTypeObject* type, Py_ssize_t n, const ItemType* item) {
  if (n > PY_SSIZE_T_MAX / 16) return raise_memory(ts);
  Ref<Array> a;
  if (type == &atoll_array_type) {
    a = new_object<Array>(ts, type);
  } else {
    a = Ref<Array>::steal(as_array(type->tp_alloc(type, 0)));
  }
  if (!a) return {};
  a->items = nullptr;
  a->room = 0;
  a->type = item;
  a->weaklist = nullptr;
  a->exports = 0;
  a->ob_base.ob_size = 0;
  if (n > 0) {
    a->items = static_cast<uint8_t*>(PyMem_Malloc(bytes_of(a.get(), n)));
    if (a->items == nullptr) return raise_memory(ts);
    a->room = a->ob_base.ob_size = n;
  }
  return a;
}
void array_dealloc(ThreadState& ts, PyObject* o) {
  Array* a = as_array(o);
  if (o->ob_type->tp_flags & Py_TPFLAGS_HAVE_GC) untrack(o);
  if (a->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  PyMem_Free(std::exchange(a->items, nullptr));
  free_instance(ts, o);
}

Ref<> item_at(ThreadState& ts, Array* a, Py_ssize_t i) { return a->type->get(ts, at(a, i)); }

// Converting a value may run Python code, which may resize the array: the place is looked at again afterwards.
Status put_at(ThreadState& ts, Array* a, Py_ssize_t i, PyObject* value) {
  uint8_t buffer[8];
  if (failed(a->type->put(ts, buffer, value))) return Status::kError;
  if (i >= size_of(a)) return raise(ts, PyExc_IndexError, "array assignment index out of range");
  std::memcpy(at(a, i), buffer, a->type->size);
  return Status::kOk;
}
Status insert_at(ThreadState& ts, Array* a, Py_ssize_t i, PyObject* value) {
  uint8_t buffer[8];
  if (failed(a->type->put(ts, buffer, value))) return Status::kError;
  Py_ssize_t n = size_of(a);
  if (failed(resize(ts, a, n + 1))) return Status::kError;
  if (i < 0) i = i + n < 0 ? 0 : i + n;
  if (i > n) i = n;
  std::memmove(at(a, i + 1), at(a, i), bytes_of(a, n - i));
  std::memcpy(at(a, i), buffer, a->type->size);
  return Status::kOk;
}
Status append(ThreadState& ts, Array* a, PyObject* value) { return insert_at(ts, a, size_of(a), value); }

Raised bad_argument(ThreadState& ts) { return raise(ts, PyExc_TypeError, "bad argument type for built-in operation"); }

Status extend(ThreadState& ts, Array* a, PyObject* source) {
  if (!is_array(source)) return for_each(ts, source, [&](PyObject* x) { return append(ts, a, x); });
  Array* b = as_array(source);
  if (a->type != b->type) return raise(ts, PyExc_TypeError, "can only extend with array of same kind");
  Py_ssize_t n = size_of(a), m = size_of(b);
  if (m == 0) return Status::kOk;
  if (n > PY_SSIZE_T_MAX - m || failed(resize(ts, a, n + m))) return error_set(ts) ? Status::kError : Status(raise_memory(ts));
  std::memcpy(at(a, n), b->items, bytes_of(a, m));
  return Status::kOk;
}

Status append_bytes(ThreadState& ts, Array* a, const uint8_t* p, Py_ssize_t bytes) {
  if (bytes % a->type->size != 0) return raise(ts, PyExc_ValueError, "bytes length not a multiple of item size");
  Py_ssize_t more = bytes / a->type->size, n = size_of(a);
  if (more == 0) return Status::kOk;
  if (n > PY_SSIZE_T_MAX - more) return raise_memory(ts);
  if (failed(resize(ts, a, n + more))) return Status::kError;
  std::memcpy(at(a, n), p, static_cast<size_t>(bytes));
  return Status::kOk;
}
Status append_text(ThreadState& ts, Array* a, PyObject* text) {
  Py_ssize_t n = size_of(a), m = str_length(text);
  if (m == 0) return Status::kOk;
  if (failed(resize(ts, a, n + m))) return Status::kError;
  for (Py_ssize_t i = 0; i < m; ++i) {
    uint32_t c = str_at(text, i);
    std::memcpy(at(a, n + i), &c, sizeof c);
  }
  return Status::kOk;
}

// ---- making ------------------------------------------------------------------------------------------------------

PyObject* array_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (!no_keywords(ts, "array.array", type, &atoll_array_type, kwargs)) return nullptr;
  Py_ssize_t n = tuple_size(args);
  if (n < 1) return raise(ts, PyExc_TypeError, "array() takes at least 1 argument (0 given)");
  if (n > 2) return raise(ts, PyExc_TypeError, "array() takes at most 2 arguments (%zd given)", n);
  PyObject* code = tuple_peek(args, 0);
  if (!is_str(code) || str_length(code) != 1) {
    return raise(ts, PyExc_TypeError, "array() argument 1 must be a unicode character, not %.50s", code->ob_type->tp_name);
  }
  PyObject* initial = n == 2 ? tuple_peek(args, 1) : nullptr;
  uint32_t letter = str_at(code, 0);
  if (initial != nullptr && letter != 'u') {
    const char* what = is_str(initial) ? "str" : is_array(initial) && as_array(initial)->type->code == 'u' ? "unicode array" : nullptr;
    if (what != nullptr) {
      return raise(ts, PyExc_TypeError, "cannot use a %s to initialize an array with typecode '%c'", what, letter);
    }
  }
  const ItemType* item = item_type(letter);
  if (item == nullptr) {
    return raise(ts, PyExc_ValueError, "bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
  }
  auto a = array_new(ts, type, 0, item);
  if (!a || initial == nullptr) return obj(a.release());
  Status s;
  if (is_bytes(initial)) {
    s = append_bytes(ts, a.get(), reinterpret_cast<uint8_t*>(bytes_data(initial)), bytes_size(initial));
  } else if (PyByteArray_Check(initial)) {
    s = append_bytes(ts, a.get(), reinterpret_cast<uint8_t*>(PyByteArray_AS_STRING(initial)), PyByteArray_GET_SIZE(initial));
  } else if (is_str(initial)) {
    s = append_text(ts, a.get(), initial);
  } else if (is_array(initial) && as_array(initial)->type == item) {
    s = extend(ts, a.get(), initial);
  } else {
    s = for_each(ts, initial, [&](PyObject* x) { return append(ts, a.get(), x); });
  }
  return failed(s) ? nullptr : obj(a.release());
}

// ---- sequence ----------------------------------------------------------------------------------------------------

Py_ssize_t array_length(ThreadState&, PyObject* o) { return size_of(as_array(o)); }
Ref<> array_item(ThreadState& ts, PyObject* o, Py_ssize_t i) {
  if (i < 0 || i >= size_of(as_array(o))) return raise(ts, PyExc_IndexError, "array index out of range");
  return item_at(ts, as_array(o), i);
}
// Replaces [low, low + gone) by m items from elsewhere.
Status splice(ThreadState& ts, Array* a, Py_ssize_t low, Py_ssize_t gone, const uint8_t* from, Py_ssize_t m) {
  Py_ssize_t n = size_of(a), tail = n - low - gone;
  if (m < gone) {
    if (a->exports > 0) return resize(ts, a, n - gone + m);
    std::memmove(at(a, low + m), at(a, low + gone), bytes_of(a, tail));
    if (failed(resize(ts, a, n - gone + m))) return Status::kError;
  } else if (m > gone) {
    if (failed(resize(ts, a, n - gone + m))) return Status::kError;
    std::memmove(at(a, low + m), at(a, low + gone), bytes_of(a, tail));
  }
  if (m > 0) std::memcpy(at(a, low), from, bytes_of(a, m));
  return Status::kOk;
}
Status array_ass_item(ThreadState& ts, PyObject* o, Py_ssize_t i, PyObject* value) {
  Array* a = as_array(o);
  if (i < 0 || i >= size_of(a)) return raise(ts, PyExc_IndexError, "array assignment index out of range");
  return value != nullptr ? put_at(ts, a, i, value) : splice(ts, a, i, 1, nullptr, 0);
}
Ref<> array_concat(ThreadState& ts, PyObject* x, PyObject* y) {
  if (!is_array(y)) {
    return raise(ts, PyExc_TypeError, "can only append array (not \"%.200s\") to array", y->ob_type->tp_name);
  }
  Array *a = as_array(x), *b = as_array(y);
  if (a->type != b->type) return bad_argument(ts);
  if (size_of(a) > PY_SSIZE_T_MAX - size_of(b)) return raise_memory(ts);
  auto r = array_new(ts, &atoll_array_type, size_of(a) + size_of(b), a->type);
  if (!r) return {};
  if (size_of(a) > 0) std::memcpy(r->items, a->items, bytes_of(a, size_of(a)));
  if (size_of(b) > 0) std::memcpy(at(r.get(), size_of(a)), b->items, bytes_of(b, size_of(b)));
  return r;
}
void repeat_bytes(uint8_t* p, size_t have, size_t want) {
  while (have < want) {
    size_t step = have < want - have ? have : want - have;
    std::memcpy(p + have, p, step);
    have += step;
  }
}
Ref<> array_repeat(ThreadState& ts, PyObject* o, Py_ssize_t count) {
  Array* a = as_array(o);
  Py_ssize_t n = size_of(a);
  if (count < 0) count = 0;
  if (n > 0 && count > PY_SSIZE_T_MAX / n) return raise_memory(ts);
  auto r = array_new(ts, &atoll_array_type, n * count, a->type);
  if (!r || n * count == 0) return r;
  std::memcpy(r->items, a->items, bytes_of(a, n));
  repeat_bytes(r->items, bytes_of(a, n), bytes_of(a, n * count));
  return r;
}
Ref<> array_inplace_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_array(b)) {
    return raise(ts, PyExc_TypeError, "can only extend array with array (not \"%.200s\")", b->ob_type->tp_name);
  }
  return failed(extend(ts, as_array(a), b)) ? Ref<>() : dup(a);
}
Ref<> array_inplace_repeat(ThreadState& ts, PyObject* o, Py_ssize_t count) {
  Array* a = as_array(o);
  Py_ssize_t n = size_of(a);
  if (n == 0) return dup(o);
  if (count < 0) count = 0;
  if (count > PY_SSIZE_T_MAX / n) return raise_memory(ts);
  if (failed(resize(ts, a, n * count))) return {};
  if (count > 1) repeat_bytes(a->items, bytes_of(a, n), bytes_of(a, n * count));
  return dup(o);
}
// Position of a value, -1: absent, -2: error.
Py_ssize_t find(ThreadState& ts, Array* a, PyObject* value, Py_ssize_t start, Py_ssize_t stop) {
  for (Py_ssize_t i = start; i < stop && i < size_of(a); ++i) {
    Ref<> item = item_at(ts, a, i);
    if (!item) return -2;
    Tri same = object_richcompare_bool(ts, item.get(), value, Py_EQ);
    if (failed(same)) return -2;
    if (same == Tri::kTrue) return i;
  }
  return -1;
}
Tri array_contains(ThreadState& ts, PyObject* o, PyObject* value) {
  Py_ssize_t i = find(ts, as_array(o), value, 0, PY_SSIZE_T_MAX);
  return i == -2 ? Tri::kError : tri(i >= 0);
}

Ref<> array_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  Array* a = as_array(o);
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return {};
    return array_item(ts, o, i < 0 ? i + size_of(a) : i);
  }
  if (!is_exact(key, &PySlice_Type)) return raise(ts, PyExc_TypeError, "array indices must be integers");
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, key, &start, &stop, &step))) return {};
  Py_ssize_t n = slice_adjust(size_of(a), &start, &stop, step);
  auto r = array_new(ts, &atoll_array_type, n, a->type);
  if (!r || n == 0) return r;
  if (step == 1) {
    std::memcpy(r->items, at(a, start), bytes_of(a, n));
  } else {
    for (Py_ssize_t i = 0, from = start; i < n; ++i, from += step) std::memcpy(at(r.get(), i), at(a, from), a->type->size);
  }
  return r;
}
Status array_ass_subscript(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value) {
  Array* a = as_array(o);
  if (PyIndex_Check(key)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return Status::kError;
    return array_ass_item(ts, o, i < 0 ? i + size_of(a) : i, value);
  }
  if (!is_exact(key, &PySlice_Type)) return raise(ts, PyExc_TypeError, "array indices must be integers");
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, key, &start, &stop, &step))) return Status::kError;
  Py_ssize_t n = slice_adjust(size_of(a), &start, &stop, step);
  Ref<> copy;
  Array* b = nullptr;
  Py_ssize_t m = 0;
  if (value != nullptr) {
    if (!is_array(value)) {
      return raise(ts, PyExc_TypeError, "can only assign array (not \"%.200s\") to array slice", value->ob_type->tp_name);
    }
    if (as_array(value)->type != a->type) return bad_argument(ts);
    if (value == o) {
      copy = array_repeat(ts, o, 1);
      if (!copy) return Status::kError;
      value = copy.get();
    }
    b = as_array(value);
    m = size_of(b);
  }
  if (step == 1) return splice(ts, a, start, n, b != nullptr ? b->items : nullptr, m);
  if (value != nullptr) {
    if (m != n) return raise(ts, PyExc_ValueError, "attempt to assign array of size %zd to extended slice of size %zd", m, n);
    for (Py_ssize_t i = 0, to = start; i < n; ++i, to += step) std::memcpy(at(a, to), at(b, i), a->type->size);
    return Status::kOk;
  }
  if (n == 0) return Status::kOk;
  if (step < 0) {
    start += step * (n - 1);
    step = -step;
  }
  if (a->exports > 0) return resize(ts, a, size_of(a) - n);
  Py_ssize_t to = start, left = n;
  for (Py_ssize_t i = start; i < size_of(a); ++i) {
    if (left > 0 && (i - start) % step == 0) {
      --left;
    } else {
      std::memmove(at(a, to++), at(a, i), a->type->size);
    }
  }
  return resize(ts, a, size_of(a) - n);
}

Ref<> array_richcompare(ThreadState& ts, PyObject* x, PyObject* y, int op) {
  if (!is_array(x) || !is_array(y)) return not_implemented();
  Array *a = as_array(x), *b = as_array(y);
  if (size_of(a) != size_of(b) && (op == Py_EQ || op == Py_NE)) return new_bool(op == Py_NE);
  for (Py_ssize_t i = 0; i < size_of(a) && i < size_of(b); ++i) {
    Ref<> p = item_at(ts, a, i), q = item_at(ts, b, i);
    if (!p || !q) return {};
    Tri same = object_richcompare_bool(ts, p.get(), q.get(), Py_EQ);
    if (failed(same)) return {};
    if (same == Tri::kTrue) continue;
    if (op == Py_EQ) return new_bool(false);
    if (op == Py_NE) return new_bool(true);
    return object_richcompare(ts, p.get(), q.get(), op);
  }
  Py_ssize_t n = size_of(a), m = size_of(b);
  return new_bool(order_matches(n < m ? -1 : n > m, op));
}

Ref<> to_list(ThreadState& ts, Array* a) {
  Ref<> list = list_new_room(ts, size_of(a));
  if (!list) return {};
  for (Py_ssize_t i = 0; i < size_of(a); ++i) {
    Ref<> item = item_at(ts, a, i);
    if (!item || failed(list_append(ts, list.get(), std::move(item)))) return {};
  }
  return list;
}
Ref<> to_text(ThreadState& ts, Array* a) {
  if (a->type->code != 'u') return raise(ts, PyExc_ValueError, "tounicode() may only be called on unicode type arrays");
  for (Py_ssize_t i = 0; i < size_of(a); ++i) {
    if (!get_char(ts, at(a, i))) return {};
  }
  return str_from_kind(ts, 4, a->items, size_of(a));
}
Ref<> array_repr(ThreadState& ts, PyObject* o) {
  Array* a = as_array(o);
  const char* name = type_short_name(o->ob_type);
  if (size_of(a) == 0) return str_format(ts, "%s('%c')", name, a->type->code);
  Ref<> shown = a->type->code == 'u' ? to_text(ts, a) : to_list(ts, a);
  return shown ? str_format(ts, "%s('%c', %R)", name, a->type->code, shown.get()) : Ref<>();
}

// ---- buffer ------------------------------------------------------------------------------------------------------

int array_get_buffer(PyObject* o, Py_buffer* view, int flags) {
  ThreadState& ts = current_thread();
  if (view == nullptr) return raise(ts, PyExc_BufferError, "array_buffer_getbuf: view==NULL argument is obsolete");
  static constexpr uint8_t kNothing[1] = {0};
  Array* a = as_array(o);
  view->buf = a->items != nullptr ? a->items : const_cast<uint8_t*>(kNothing);
  view->obj = new_ref(o);
  view->len = static_cast<Py_ssize_t>(bytes_of(a, size_of(a)));
  view->itemsize = a->type->size;
  view->readonly = 0;
  view->ndim = 1;
  view->format = (flags & PyBUF_FORMAT) == PyBUF_FORMAT ? const_cast<char*>(a->type->format) : nullptr;
  view->shape = (flags & PyBUF_ND) == PyBUF_ND ? &a->ob_base.ob_size : nullptr;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &view->itemsize : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  ++a->exports;
  return 0;
}
void array_release_buffer(PyObject* o, Py_buffer*) { --as_array(o)->exports; }

// ---- methods -----------------------------------------------------------------------------------------------------

Status m_append(ThreadState& ts, Array* a, PyObject* v) { return append(ts, a, v); }
Ref<> m_buffer_info(ThreadState& ts, Array* a) {
  Ref<> address = int_from_u64(ts, reinterpret_cast<uintptr_t>(a->items)), n = int_from_ssize(ts, size_of(a));
  return address && n ? tuple_of(ts, address.get(), n.get()) : Ref<>();
}
Status m_byteswap(ThreadState&, Array* a) {
  for (Py_ssize_t i = 0; i < size_of(a); ++i) {
    uint8_t* p = at(a, i);
    for (int k = 0; k < a->type->size / 2; ++k) std::swap(p[k], p[a->type->size - 1 - k]);
  }
  return Status::kOk;
}
Ref<> m_copy(ThreadState& ts, Array* a) {
  auto r = array_new(ts, &atoll_array_type, size_of(a), a->type);
  if (r && size_of(a) > 0) std::memcpy(r->items, a->items, bytes_of(a, size_of(a)));
  return r;
}
Ref<> m_deepcopy(ThreadState& ts, Array* a, PyObject*) { return m_copy(ts, a); }
Ref<> m_count(ThreadState& ts, Array* a, PyObject* v) {
  Py_ssize_t n = 0;
  for (Py_ssize_t i = 0; i < size_of(a); ++i) {
    Ref<> item = item_at(ts, a, i);
    if (!item) return {};
    Tri same = object_richcompare_bool(ts, item.get(), v, Py_EQ);
    if (failed(same)) return {};
    n += same == Tri::kTrue;
  }
  return int_from_ssize(ts, n);
}
Status m_extend(ThreadState& ts, Array* a, PyObject* source) { return extend(ts, a, source); }
Status m_frombytes(ThreadState& ts, Array* a, const BufferArg& data) { return append_bytes(ts, a, data.data(), data.size()); }
Status m_fromfile(ThreadState& ts, Array* a, PyObject* f, Py_ssize_t n) {
  if (n < 0) return raise(ts, PyExc_ValueError, "negative count");
  if (n > PY_SSIZE_T_MAX / a->type->size) return raise_memory(ts);
  Ref<> wanted = int_from_ssize(ts, n * a->type->size);
  Ref<> data = wanted ? call_method(ts, f, ID(read), wanted.get()) : Ref<>();
  if (!data) return Status::kError;
  if (!is_bytes(data.get())) return raise(ts, PyExc_TypeError, "read() didn't return bytes");
  bool short_read = bytes_size(data.get()) != n * a->type->size;
  if (failed(append_bytes(ts, a, reinterpret_cast<uint8_t*>(bytes_data(data.get())), bytes_size(data.get())))) return Status::kError;
  return short_read ? Status(raise(ts, PyExc_EOFError, "read() didn't return enough bytes")) : Status::kOk;
}
Status m_tofile(ThreadState& ts, Array* a, PyObject* f) {
  constexpr size_t kBlock = 64 * 1024;
  for (size_t done = 0; done < bytes_of(a, size_of(a)); done += kBlock) {
    size_t left = bytes_of(a, size_of(a)) - done;
    Ref<> block = bytes_from(ts, {reinterpret_cast<char*>(a->items) + done, left < kBlock ? left : kBlock});
    if (!block || !call_method(ts, f, ID(write), block.get())) return Status::kError;
  }
  return Status::kOk;
}
Status m_fromlist(ThreadState& ts, Array* a, PyObject* list) {
  if (!is_list(list)) return raise(ts, PyExc_TypeError, "arg must be list");
  Py_ssize_t n = list_size(list), old = size_of(a);
  if (n == 0) return Status::kOk;
  if (failed(resize(ts, a, old + n))) return Status::kError;
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> item = dup(list_items(list)[i]);
    Status s = put_at(ts, a, old + i, item.get());
    if (!failed(s) && n != list_size(list)) s = raise(ts, PyExc_RuntimeError, "list changed size during iteration");
    if (failed(s)) {
      ErrorStash stash(ts);
      if (failed(resize(ts, a, old))) error_clear(ts);
      return Status::kError;
    }
  }
  return Status::kOk;
}
Status m_fromunicode(ThreadState& ts, Array* a, PyUnicodeObject* text) {
  if (a->type->code != 'u') return raise(ts, PyExc_ValueError, "fromunicode() may only be called on unicode type arrays");
  return append_text(ts, a, obj(text));
}

PyObject* m_index(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Array* a = as_array(self);
  Py_ssize_t start = 0, stop = PY_SSIZE_T_MAX;
  if (!check_count(ts, "index", n, 1, 3) || (n > 1 && !_PyEval_SliceIndexNotNone(args[1], &start)) ||
      (n > 2 && !_PyEval_SliceIndexNotNone(args[2], &stop))) {
    return nullptr;
  }
  if (start < 0) start = start + size_of(a) < 0 ? 0 : start + size_of(a);
  if (stop < 0) stop += size_of(a);
  Py_ssize_t i = find(ts, a, args[0], start, stop);
  if (i == -1) return raise(ts, PyExc_ValueError, "array.index(x): x not in array");
  return i == -2 ? nullptr : int_from_ssize(ts, i).release();
}
Status m_insert(ThreadState& ts, Array* a, Py_ssize_t i, PyObject* v) { return insert_at(ts, a, i, v); }
Ref<> m_pop(ThreadState& ts, Array* a, Py_ssize_t i) {
  if (size_of(a) == 0) return raise(ts, PyExc_IndexError, "pop from empty array");
  if (i < 0) i += size_of(a);
  if (i < 0 || i >= size_of(a)) return raise(ts, PyExc_IndexError, "pop index out of range");
  Ref<> item = item_at(ts, a, i);
  return item && !failed(splice(ts, a, i, 1, nullptr, 0)) ? std::move(item) : Ref<>();
}
Ref<> array_reconstructor(ThreadState& ts) {
  Ref<> module = Ref<>::steal(PyImport_ImportModule("array"));
  return module ? object_getattr(ts, module.get(), "_array_reconstructor") : Ref<>();
}
Ref<> m_reduce_ex(ThreadState& ts, Array* a, PyObject* value) {
  if (!is_int(value)) return raise(ts, PyExc_TypeError, "__reduce_ex__ argument should be an integer");
  int overflow;
  int64_t protocol = int_as_i64_overflow(value, &overflow);
  PyTypeObject* type = a->ob_base.ob_base.ob_type;
  Ref<> dict;
  if (failed(object_lookup_attr(ts, obj(a), ID(__dict__), &dict))) return {};
  if (!dict) dict = new_none();
  Ref<> code = str_from_char(ts, static_cast<unsigned char>(a->type->code));
  if (!code) return {};
  if (overflow == 0 && protocol < 3) {
    Ref<> list = to_list(ts, a);
    Ref<> args = list ? tuple_of(ts, code.get(), list.get()) : Ref<>();
    return args ? tuple_of(ts, type, args.get(), dict.get()) : Ref<>();
  }
  Ref<> maker = array_reconstructor(ts);
  Ref<> data = bytes_from(ts, {reinterpret_cast<char*>(a->items), bytes_of(a, size_of(a))});
  if (!maker || !data) return {};
  Ref<> args = tuple_of(ts, type, code.get(), small_int(a->type->machine_format), data.get());
  return args ? tuple_of(ts, maker.get(), args.get(), dict.get()) : Ref<>();
}
Status m_remove(ThreadState& ts, Array* a, PyObject* v) {
  Py_ssize_t i = find(ts, a, v, 0, PY_SSIZE_T_MAX);
  if (i == -2) return Status::kError;
  if (i == -1) return raise(ts, PyExc_ValueError, "array.remove(x): x not in array");
  return i < size_of(a) ? splice(ts, a, i, 1, nullptr, 0) : Status::kOk;
}
Status m_reverse(ThreadState&, Array* a) {
  uint8_t keep[8];
  for (Py_ssize_t i = 0, j = size_of(a) - 1; i < j; ++i, --j) {
    std::memcpy(keep, at(a, i), a->type->size);
    std::memcpy(at(a, i), at(a, j), a->type->size);
    std::memcpy(at(a, j), keep, a->type->size);
  }
  return Status::kOk;
}
Ref<> m_tobytes(ThreadState& ts, Array* a) {
  return bytes_from(ts, {reinterpret_cast<char*>(a->items), bytes_of(a, size_of(a))});
}
Ref<> m_tolist(ThreadState& ts, Array* a) { return to_list(ts, a); }
Ref<> m_tounicode(ThreadState& ts, Array* a) { return to_text(ts, a); }
Ref<> m_sizeof(ThreadState& ts, Array* a) {
  return int_from_u64(ts, static_cast<uint64_t>(a->ob_base.ob_base.ob_type->tp_basicsize) + bytes_of(a, a->room));
}
Ref<> get_typecode(ThreadState& ts, Array* a) { return str_from_char(ts, static_cast<unsigned char>(a->type->code)); }
Ref<> get_itemsize(ThreadState&, Array* a) { return dup(small_int(a->type->size)); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_append, "append", "($self, v, /)", "Append new value v to the end of the array."),
    ATOLL_METHOD(m_buffer_info, "buffer_info", "($self, /)",
                 "Return a tuple (address, length) giving the current memory address and the length in items of the buffer used to hold array's contents."),
    ATOLL_METHOD(m_byteswap, "byteswap", "($self, /)", "Byteswap all items of the array."),
    ATOLL_METHOD(m_copy, "__copy__", "($self, /)", "Return a copy of the array."),
    ATOLL_METHOD(m_count, "count", "($self, v, /)", "Return number of occurrences of v in the array."),
    ATOLL_METHOD(m_deepcopy, "__deepcopy__", "($self, unused, /)", "Return a copy of the array."),
    ATOLL_METHOD(m_extend, "extend", "($self, bb, /)", "Append items to the end of the array."),
    ATOLL_METHOD(m_fromfile, "fromfile", "($self, f, n, /)", "Read n objects from the file object f and append them to the end of the array."),
    ATOLL_METHOD(m_fromlist, "fromlist", "($self, list, /)", "Append items to array from list."),
    ATOLL_METHOD(m_frombytes, "frombytes", "($self, buffer, /)", "Appends items from the string, interpreting it as an array of machine values."),
    ATOLL_METHOD(m_fromunicode, "fromunicode", "($self, ustr, /)", "Extends this array with data from the unicode string ustr.\n\nOnly for arrays of type 'u'."),
    ATOLL_METHOD_RAW(m_index, "index", METH_FASTCALL,
                     "index($self, v, start=0, stop=sys.maxsize, /)\n--\n\nReturn index of first occurrence of v in the array.\n\nRaise ValueError if the value is not present."),
    ATOLL_METHOD(m_insert, "insert", "($self, i, v, /)", "Insert a new item v into the array before position i."),
    ATOLL_METHOD(m_pop, "pop", "($self, i=-1, /)", "Return the i-th element and delete it from the array.\n\ni defaults to -1."),
    ATOLL_METHOD(m_reduce_ex, "__reduce_ex__", "($self, value, /)", "Return state information for pickling."),
    ATOLL_METHOD(m_remove, "remove", "($self, v, /)", "Remove the first occurrence of v in the array."),
    ATOLL_METHOD(m_reverse, "reverse", "($self, /)", "Reverse the order of the items in the array."),
    ATOLL_METHOD(m_tofile, "tofile", "($self, f, /)", "Write all items (as machine values) to the file object f."),
    ATOLL_METHOD(m_tolist, "tolist", "($self, /)", "Convert array to an ordinary list with the same items."),
    ATOLL_METHOD(m_tobytes, "tobytes", "($self, /)", "Convert the array to an array of machine values and return the bytes representation."),
    ATOLL_METHOD(m_tounicode, "tounicode", "($self, /)", "Extends this array with data from the unicode string ustr.\n\nOnly for arrays of type 'u'."),
    ATOLL_METHOD(m_sizeof, "__sizeof__", "($self, /)", "Size of the array in memory, in bytes."), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"typecode", ATOLL_GETTER(get_typecode), nullptr, "the typecode character used to create the array", nullptr},
                                   {"itemsize", ATOLL_GETTER(get_itemsize), nullptr, "the size, in bytes, of one array item", nullptr},
                                   ATOLL_GETSET_END};
constexpr PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(array_length),
                                      .sq_concat = ATOLL_SLOT(array_concat),
                                      .sq_repeat = ATOLL_SLOT(array_repeat),
                                      .sq_item = ATOLL_SLOT(array_item),
                                      .sq_ass_item = ATOLL_SLOT(array_ass_item),
                                      .sq_contains = ATOLL_SLOT(array_contains),
                                      .sq_inplace_concat = ATOLL_SLOT(array_inplace_concat),
                                      .sq_inplace_repeat = ATOLL_SLOT(array_inplace_repeat)};
constexpr PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(array_length),
                                    .mp_subscript = ATOLL_SLOT(array_subscript),
                                    .mp_ass_subscript = ATOLL_SLOT(array_ass_subscript)};
constexpr PyBufferProcs kBuffer{array_get_buffer, array_release_buffer};

// ---- iterator ----------------------------------------------------------------------------------------------------

struct ArrayIter {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* array;  // NULL at the end
};
ArrayIter* as_iter(PyObject* o) { return reinterpret_cast<ArrayIter*>(o); }
using IterFields = OwnedFields<ArrayIter, &ArrayIter::array>;

Ref<> array_iter(ThreadState& ts, PyObject* o) {
  auto it = new_object<ArrayIter>(ts, &atoll_array_iter_type);
  if (!it) return {};
  it->index = 0;
  it->array = new_ref(o);
  track(ts, it.get());
  return it;
}
Ref<> iter_step(ThreadState& ts, PyObject* o) {
  ArrayIter* it = as_iter(o);
  if (it->array == nullptr) return {};
  if (it->index < size_of(as_array(it->array))) return item_at(ts, as_array(it->array), it->index++);
  clear_field(it->array);
  return {};
}
Ref<> iter_reduce(ThreadState& ts, ArrayIter* it) {
  if (it->array == nullptr) return reduce_exhausted(ts);
  Ref<> maker = builtin_named(ts, "iter");
  Ref<> args = tuple_of(ts, it->array), index = int_from_ssize(ts, it->index);
  return maker && args && index ? tuple_of(ts, maker.get(), args.get(), index.get()) : Ref<>();
}
Status iter_setstate(ThreadState& ts, ArrayIter* it, PyObject* state) {
  Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && error_set(ts)) return Status::kError;
  if (it->array != nullptr) {
    Py_ssize_t n = size_of(as_array(it->array));
    it->index = index < 0 ? 0 : index > n ? n : index;
  }
  return Status::kOk;
}
constexpr MethodSpec kIterMethods[] = {
    ATOLL_METHOD(iter_reduce, "__reduce__", "($self, /)", "Return state information for pickling."),
    ATOLL_METHOD(iter_setstate, "__setstate__", "($self, state, /)", "Set state information for unpickling."), ATOLL_METHOD_END};

// ---- pickles of other machines -----------------------------------------------------------------------------------

struct MachineFormat {
  uint8_t size;
  bool is_signed;
  bool big;
  enum Kind : uint8_t { kInteger, kFloat, kText } kind;
};
constexpr MachineFormat kMachineFormats[] = {
    {1, false, false, MachineFormat::kInteger}, {1, true, false, MachineFormat::kInteger},
    {2, false, false, MachineFormat::kInteger}, {2, false, true, MachineFormat::kInteger},
    {2, true, false, MachineFormat::kInteger},  {2, true, true, MachineFormat::kInteger},
    {4, false, false, MachineFormat::kInteger}, {4, false, true, MachineFormat::kInteger},
    {4, true, false, MachineFormat::kInteger},  {4, true, true, MachineFormat::kInteger},
    {8, false, false, MachineFormat::kInteger}, {8, false, true, MachineFormat::kInteger},
    {8, true, false, MachineFormat::kInteger},  {8, true, true, MachineFormat::kInteger},
    {4, false, false, MachineFormat::kFloat},   {4, false, true, MachineFormat::kFloat},
    {8, false, false, MachineFormat::kFloat},   {8, false, true, MachineFormat::kFloat},
    {4, false, false, MachineFormat::kText},    {4, false, true, MachineFormat::kText},
    {8, false, false, MachineFormat::kText},    {8, false, true, MachineFormat::kText},
};
constexpr int kUtf16 = 18, kUtf32 = 20;

// type(typecode, source)
Ref<> make(ThreadState& ts, PyTypeObject* type, char code, PyObject* source) {
  Ref<> letter = str_from_char(ts, static_cast<unsigned char>(code));
  return letter ? call(ts, obj(type), letter.get(), source) : Ref<>();
}

Ref<> m_reconstructor(ThreadState& ts, PyObject*, PyObject* type_arg, PyObject* code_arg, int format, PyObject* items) {
  if (!PyType_Check(type_arg)) {
    return raise(ts, PyExc_TypeError, "first argument must be a type object, not %.200s", type_arg->ob_type->tp_name);
  }
  auto* type = reinterpret_cast<PyTypeObject*>(type_arg);
  if (!is_subtype(type, &atoll_array_type)) return raise(ts, PyExc_TypeError, "%.200s is not a subtype of array.array", type->tp_name);
  if (!is_str(code_arg) || str_length(code_arg) != 1) {
    return raise(ts, PyExc_TypeError, "_array_reconstructor() argument 2 must be a unicode character, not %.50s", code_arg->ob_type->tp_name);
  }
  const ItemType* item = item_type(str_at(code_arg, 0));
  if (item == nullptr) return raise(ts, PyExc_ValueError, "second argument must be a valid type code");
  if (format < 0 || format >= static_cast<int>(std::size(kMachineFormats))) {
    return raise(ts, PyExc_ValueError, "third argument must be a valid machine format code.");
  }
  if (!is_bytes(items)) {
    return raise(ts, PyExc_TypeError, "fourth argument should be bytes, not %.200s", items->ob_type->tp_name);
  }
  if (format == item->machine_format) return make(ts, type, item->code, items);
  const MachineFormat& f = kMachineFormats[format];
  auto* p = reinterpret_cast<const uint8_t*>(bytes_data(items));
  Py_ssize_t bytes = bytes_size(items);
  if (f.kind == MachineFormat::kText) {
    // UTF-16 or UTF-32: decoded to characters.
    int order = f.big ? 1 : -1;
    if (bytes % (format >= kUtf32 ? 4 : 2) != 0) return raise(ts, PyExc_ValueError, "string length not a multiple of item size");
    static_assert(kUtf16 < kUtf32);
    Ref<> text = Ref<>::steal(format >= kUtf32 ? PyUnicode_DecodeUTF32(bytes_data(items), bytes, "strict", &order)
                                               : PyUnicode_DecodeUTF16(bytes_data(items), bytes, "strict", &order));
    return text ? make(ts, type, item->code, text.get()) : Ref<>();
  }
  if (bytes % f.size != 0) return raise(ts, PyExc_ValueError, "bytes length not a multiple of item size");
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (Py_ssize_t i = 0; i < bytes; i += f.size) {
    Ref<> value;
    if (f.kind == MachineFormat::kFloat) {
      auto* text = reinterpret_cast<const char*>(p + i);
      double x = f.size == 4 ? PyFloat_Unpack4(text, !f.big) : PyFloat_Unpack8(text, !f.big);
      if (x == -1.0 && error_set(ts)) return {};
      value = new_float(ts, x);
    } else {
      value = Ref<>::steal(_PyLong_FromByteArray(p + i, f.size, !f.big, f.is_signed));
    }
    if (!value || failed(list_append(ts, list.get(), std::move(value)))) return {};
  }
  char code = item->code;
  if (f.kind == MachineFormat::kInteger) {
    // The item type of this machine that has the same range.
    for (const ItemType& t : kTypes) {
      if (t.integer && t.size == f.size && t.is_signed == f.is_signed) code = t.code;
    }
  }
  return make(ts, type, code, list.get());
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(m_reconstructor, "_array_reconstructor", "($module, arraytype, typecode, mformat_code, items,\n                     /)",
                 "Internal. Used for pickling support."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  if (PyModule_AddType(module, &atoll_array_type) < 0) return -1;
  if (failed(module_add(ts, module, "ArrayType", dup(obj(&atoll_array_type))))) return -1;
  char codes[std::size(kTypes) + 1] = {};
  for (size_t i = 0; i < std::size(kTypes); ++i) codes[i] = kTypes[i].code;
  if (failed(module_add(ts, module, "typecodes", str_from_ascii(ts, codes)))) return -1;
  Ref<> abc = Ref<>::steal(PyImport_ImportModule("_collections_abc"));
  Ref<> sequence = abc ? object_getattr(ts, abc.get(), "MutableSequence") : Ref<>();
  Ref<> registrar = sequence ? object_getattr(ts, sequence.get(), "register") : Ref<>();
  return registrar && call(ts, registrar.get(), &atoll_array_type) ? 0 : -1;
}

}  // namespace

constinit const TypeSpec array_array_spec{
    .name = "array.array",
    .doc = "array(typecode [, initializer]) -> array\n\n"
           "A new array whose items are restricted by typecode, and initialized from the\n"
           "optional initializer: a list, a bytes-like object, or an iterable of items; a\n"
           "string for the typecode 'u'.\n\n"
           "The type codes and the least size of an item in bytes:\n\n"
           "    'b'  signed integer     1\n    'B'  unsigned integer   1\n    'u'  Unicode character  2\n"
           "    'h'  signed integer     2\n    'H'  unsigned integer   2\n    'i'  signed integer     2\n"
           "    'I'  unsigned integer   2\n    'l'  signed integer     4\n    'L'  unsigned integer   4\n"
           "    'q'  signed integer     8\n    'Q'  unsigned integer   8\n    'f'  floating point     4\n"
           "    'd'  floating point     8\n",
    .basicsize = sizeof(Array),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_SEQUENCE,
    .dealloc = ATOLL_SLOT(array_dealloc),
    .repr = ATOLL_SLOT(array_repr),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(array_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(array_iter),
    .new_ = array_tp_new,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .buffer = &kBuffer,
    .weaklist_offset = offsetof(Array, weaklist),
    .methods = kMethods,
    .getset = kGetSet,
};
constinit const TypeSpec array_array_iter_spec{
    .name = "array.arrayiterator",
    .basicsize = sizeof(ArrayIter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = IterFields::dealloc,
    .traverse = IterFields::traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(iter_step),
    .methods = kIterMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_array_type = {};
ATOLL_SEALED PyTypeObject atoll_array_iter_type = {};

ATOLL_BUILTIN_MODULE(PyInit_array, "array",
                     "This module defines an object type which can efficiently represent\n"
                     "an array of basic values: characters, integers, floating point\n"
                     "numbers.  Arrays are sequence types and behave very much like lists,\n"
                     "except that the type of objects stored in them is constrained.\n",
                     0, atl::kFunctions, atl::exec)
