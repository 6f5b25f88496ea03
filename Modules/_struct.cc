// _struct: values of C in bytes.
//
// A format is parsed once into codes, each a run of equal items at a fixed offset. Struct is a heap type, because its errors
// are the interpreter's own class struct.error, which is found through the module.
#include <cctype>
#include <cstring>

#include "Modules/module_def.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"
#include "structmember.h"

namespace atl {

namespace {

struct State {
  PyObject* error;
  PyTypeObject* struct_type;
  PyObject* cache;  // format -> Struct
};

extern PyModuleDef g_definition;
State* state_of_module(PyObject* module) { return static_cast<State*>(PyModule_GetState(module)); }
// Of Struct or a subclass; NULL with TypeError for other types.
State* state_of_type(PyTypeObject* type) {
  PyObject* module = PyType_GetModuleByDef(type, &g_definition);
  return module != nullptr ? state_of_module(module) : nullptr;
}

// ---- formats -----------------------------------------------------------------------------------------------------

struct Layout {
  char letter;
  uint8_t size;
  uint8_t align;  // 0: none
};
constexpr Layout kNative[] = {{'x', 1, 0}, {'b', 1, 0}, {'B', 1, 0}, {'c', 1, 0}, {'s', 1, 0}, {'p', 1, 0}, {'?', 1, 0},
                              {'h', 2, 2}, {'H', 2, 2}, {'i', 4, 4}, {'I', 4, 4}, {'l', 8, 8}, {'L', 8, 8}, {'n', 8, 8},
                              {'N', 8, 8}, {'q', 8, 8}, {'Q', 8, 8}, {'P', 8, 8}, {'e', 2, 2}, {'f', 4, 4}, {'d', 8, 8}, {}};
constexpr Layout kStandard[] = {{'x', 1, 0}, {'b', 1, 0}, {'B', 1, 0}, {'c', 1, 0}, {'s', 1, 0}, {'p', 1, 0}, {'?', 1, 0},
                                {'h', 2, 0}, {'H', 2, 0}, {'i', 4, 0}, {'I', 4, 0}, {'l', 4, 0}, {'L', 4, 0}, {'q', 8, 0},
                                {'Q', 8, 0}, {'e', 2, 0}, {'f', 4, 0}, {'d', 8, 0}, {}};

struct Code {
  char letter;
  uint8_t size;       // of one item
  bool native;
  bool big;
  Py_ssize_t offset;
  Py_ssize_t repeat;  // s and p: the length of the one item
};

struct StructObject {
  PyObject ob_base;
  Py_ssize_t size;   // in bytes; -1 before __init__
  Py_ssize_t items;  // values that pack takes
  Py_ssize_t code_count;
  Code* codes;
  PyObject* format;  // str
  PyObject* weaklist;
};
StructObject* as_struct(PyObject* o) { return reinterpret_cast<StructObject*>(o); }
State& state_of(StructObject* s) { return *state_of_type(s->ob_base.ob_type); }

// Reads the codes of a format one by one.
class FormatReader {
 public:
  FormatReader(const char* text) : at_(text) {
    switch (*at_) {
      case '<':
        native_ = false;
        ++at_;
        break;
      case '>':
      case '!':
        native_ = false;
        big_ = true;
        ++at_;
        break;
      case '=':
        native_ = false;
        ++at_;
        break;
      case '@':
        ++at_;
        break;
    }
  }
  enum class Step { kCode, kEnd, kTooLong, kNoSpecifier, kBadChar };
  // The next code with its offset; `items` counts values.
  Step next(Code* code) {
    while (isspace(static_cast<unsigned char>(*at_))) ++at_;
    if (*at_ == 0) return Step::kEnd;
    Py_ssize_t repeat = 1;
    if (*at_ >= '0' && *at_ <= '9') {
      repeat = 0;
      for (; *at_ >= '0' && *at_ <= '9'; ++at_) {
        if (__builtin_mul_overflow(repeat, 10, &repeat) || __builtin_add_overflow(repeat, *at_ - '0', &repeat)) return Step::kTooLong;
      }
      if (*at_ == 0) return Step::kNoSpecifier;
    }
    char letter = *at_++;
    const Layout* row = native_ ? kNative : kStandard;
    while (row->letter != 0 && row->letter != letter) ++row;
    if (row->letter == 0) return Step::kBadChar;
    if (row->align > 1) {
      Py_ssize_t rest = size % row->align;
      if (rest != 0 && __builtin_add_overflow(size, row->align - rest, &size)) return Step::kTooLong;
    }
    *code = {letter, row->size, native_, big_, size, repeat};
    Py_ssize_t bytes;
    if (__builtin_mul_overflow(repeat, static_cast<Py_ssize_t>(row->size), &bytes) || __builtin_add_overflow(size, bytes, &size)) {
      return Step::kTooLong;
    }
    if (letter == 's' || letter == 'p') {
      ++items;
    } else if (letter != 'x') {
      items += repeat;
    }
    return Step::kCode;
  }
  Py_ssize_t size = 0;
  Py_ssize_t items = 0;

 private:
  const char* at_;
  bool native_ = true;
  bool big_ = false;
};

// The format as str of ASCII characters.
Ref<> format_text(ThreadState& ts, PyObject* format) {
  if (is_str(format)) {
    if (str_is_ascii(format)) return dup(format);
    Ref<> bytes = Ref<>::steal(PyUnicode_AsASCIIString(format));  // raises
    return bytes ? Ref<>(raise(ts, PyExc_SystemError, "format is ASCII and is not")) : Ref<>();
  }
  if (is_bytes(format)) return Ref<>::steal(PyUnicode_DecodeASCII(bytes_data(format), bytes_size(format), "surrogateescape"));
  return raise(ts, PyExc_TypeError, "Struct() argument 1 must be a str or bytes object, not %.200s", format->ob_type->tp_name);
}

Status set_format(ThreadState& ts, State& state, StructObject* s, PyObject* format) {
  Ref<> text = format_text(ts, format);
  if (!text) return Status::kError;
  Py_ssize_t n;
  Ref<> raw = Ref<>::steal(PyUnicode_AsEncodedString(text.get(), "ascii", "surrogateescape"));
  if (!raw) return Status::kError;
  const char* utf8 = bytes_data(raw.get());
  n = bytes_size(raw.get());
  if (strlen(utf8) != static_cast<size_t>(n)) return raise(ts, state.error, "embedded null character");
  // Twice: to count the codes, then to keep them.
  Py_ssize_t count = 0;
  Code code;
  FormatReader reader(utf8);
  for (;; ++count) {
    FormatReader::Step step = reader.next(&code);
    if (step == FormatReader::Step::kEnd) break;
    if (step == FormatReader::Step::kTooLong) return raise(ts, state.error, "total struct size too long");
    if (step == FormatReader::Step::kNoSpecifier) return raise(ts, state.error, "repeat count given without format specifier");
    if (step == FormatReader::Step::kBadChar) return raise(ts, state.error, "bad char in struct format");
  }
  auto* codes = static_cast<Code*>(PyMem_Malloc(static_cast<size_t>(count == 0 ? 1 : count) * sizeof(Code)));
  if (codes == nullptr) return raise_memory(ts);
  FormatReader again(utf8);
  Py_ssize_t kept = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    (void)again.next(&codes[kept]);
    // Padding and empty runs need no work.
    if (codes[kept].letter != 'x' && (codes[kept].repeat != 0 || codes[kept].letter == 's' || codes[kept].letter == 'p')) ++kept;
  }
  PyMem_Free(std::exchange(s->codes, codes));
  s->code_count = kept;
  s->size = reader.size;
  s->items = reader.items;
  set_field(s->format, std::move(text));
  return Status::kOk;
}

// ---- one item ----------------------------------------------------------------------------------------------------

void store(uint8_t* p, unsigned size, bool big, uint64_t v) {
  for (unsigned i = 0; i < size; ++i) p[big ? size - 1 - i : i] = static_cast<uint8_t>(v >> (8 * i));
}
uint64_t load(const uint8_t* p, unsigned size, bool big) {
  uint64_t v = 0;
  for (unsigned i = 0; i < size; ++i) v |= static_cast<uint64_t>(p[big ? size - 1 - i : i]) << (8 * i);
  return v;
}

bool is_signed(char letter) { return letter >= 'a' && letter <= 'z'; }

Raised out_of_range(ThreadState& ts, State& state) { return raise(ts, state.error, "argument out of range"); }

// The names that 3.11 has for the small formats in its message; NULL for the others.
const char* small_name(char letter) {
  switch (letter) {
    case 'b':
      return "byte";
    case 'B':
      return "ubyte";
    case 'h':
      return "short";
    case 'H':
      return "ushort";
  }
  return nullptr;
}

Status pack_integer(ThreadState& ts, State& state, const Code& c, uint8_t* p, PyObject* value) {
  if (!is_int(value) && !PyIndex_Check(value)) return raise(ts, state.error, "required argument is not an integer");
  Ref<> number = number_index(ts, value);
  if (!number) return Status::kError;
  int overflow;
  int64_t v = int_as_i64_overflow(number.get(), &overflow);
  if (c.letter == 'P') {
    // A pointer may be given as a negative number, too.
    if (overflow < 0) return raise(ts, state.error, "int too large to convert");
    uint64_t u = static_cast<uint64_t>(v);
    if (overflow > 0 && failed(int_as_u64(ts, number.get(), &u))) {
      error_clear(ts);
      return raise(ts, state.error, "int too large to convert");
    }
    store(p, c.size, c.big, u);
    return Status::kOk;
  }
  const char* name = c.size == 1 || !c.big ? small_name(c.letter) : nullptr;
  if (c.size == 8) {
    bool fits = overflow == 0 && (is_signed(c.letter) || v >= 0);
    uint64_t u = static_cast<uint64_t>(v);
    if (!fits && !is_signed(c.letter) && overflow > 0) {
      fits = !failed(int_as_u64(ts, number.get(), &u));
      if (!fits) error_clear(ts);
    }
    if (!fits) {
      if (c.big) return raise(ts, state.error, "int too large to convert");
      return out_of_range(ts, state);
    }
    store(p, c.size, c.big, u);
    return Status::kOk;
  }
  bool plain_unsigned = name == nullptr && !is_signed(c.letter);
  if (plain_unsigned && overflow > 0 && int_bit_length(number.get()) <= 64) {
    overflow = 0;  // too large, but a number that C has
    v = INT64_MAX;
  }
  if (overflow != 0 || (plain_unsigned && v < 0)) return out_of_range(ts, state);
  int64_t low = is_signed(c.letter) ? -(int64_t{1} << (8 * c.size - 1)) : 0;
  int64_t high = (int64_t{1} << (8 * c.size - (is_signed(c.letter) ? 1 : 0))) - 1;
  if (v < low || v > high) {
    if (name != nullptr) return raise(ts, state.error, "%s format requires %lld <= number <= %lld", name, low, high);
    return raise(ts, state.error, "'%c' format requires %lld <= number <= %lld", c.letter, low, high);
  }
  store(p, c.size, c.big, static_cast<uint64_t>(v));
  return Status::kOk;
}

Status pack_float(ThreadState& ts, State& state, const Code& c, uint8_t* p, PyObject* value) {
  double x;
  if (failed(float_as_double(ts, value, &x))) {
    error_clear(ts);
    return raise(ts, state.error, "required argument is not a float");
  }
  auto* to = reinterpret_cast<char*>(p);
  if (c.letter != 'f' || !c.native) {
    int r = c.letter == 'd' ? PyFloat_Pack8(x, to, !c.big) : c.letter == 'e' ? PyFloat_Pack2(x, to, !c.big) : PyFloat_Pack4(x, to, !c.big);
    if (r >= 0) return Status::kOk;
    if (is_int(value) && error_clear_if(ts, PyExc_OverflowError)) return raise(ts, state.error, "int too large to convert");
    return Status::kError;
  }
  auto narrow = static_cast<float>(x);
  std::memcpy(p, &narrow, sizeof narrow);
  return Status::kOk;
}

// s and p: bytes or bytearray.
Status pack_text(ThreadState& ts, State& state, const Code& c, uint8_t* p, PyObject* value) {
  bool is_byte_array = PyByteArray_Check(value);
  if (!is_bytes(value) && !is_byte_array) return raise(ts, state.error, "argument for '%c' must be a bytes object", c.letter);
  const char* data = is_byte_array ? PyByteArray_AS_STRING(value) : bytes_data(value);
  Py_ssize_t n = is_byte_array ? PyByteArray_GET_SIZE(value) : bytes_size(value);
  if (c.letter == 's') {
    std::memcpy(p, data, static_cast<size_t>(n < c.repeat ? n : c.repeat));
    return Status::kOk;
  }
  if (c.repeat == 0) return Status::kOk;
  if (n > c.repeat - 1) n = c.repeat - 1;
  std::memcpy(p + 1, data, static_cast<size_t>(n));
  *p = static_cast<uint8_t>(n > 255 ? 255 : n);
  return Status::kOk;
}

Status pack_one(ThreadState& ts, State& state, const Code& c, uint8_t* p, PyObject* value) {
  switch (c.letter) {
    case 's':
    case 'p':
      return pack_text(ts, state, c, p, value);
    case 'c':
      if (!is_bytes(value) || bytes_size(value) != 1) {
        return raise(ts, state.error, "char format requires a bytes object of length 1");
      }
      *p = static_cast<uint8_t>(bytes_data(value)[0]);
      return Status::kOk;
    case '?': {
      Tri truth = object_is_true(ts, value);
      *p = truth == Tri::kTrue;
      return failed(truth) ? Status::kError : Status::kOk;
    }
    case 'e':
    case 'f':
    case 'd':
      return pack_float(ts, state, c, p, value);
    default:
      return pack_integer(ts, state, c, p, value);
  }
}

Ref<> unpack_one(ThreadState& ts, const Code& c, const uint8_t* p) {
  auto* from = reinterpret_cast<const char*>(p);
  switch (c.letter) {
    case 's':
      return bytes_from(ts, {from, static_cast<size_t>(c.repeat)});
    case 'p': {
      if (c.repeat == 0) return bytes_from(ts, {});
      Py_ssize_t n = *p < c.repeat ? *p : c.repeat - 1;
      return bytes_from(ts, {from + 1, static_cast<size_t>(n)});
    }
    case 'c':
      return bytes_from(ts, {from, 1});
    case '?':
      return new_bool(*p != 0);
    case 'e':
    case 'f':
    case 'd': {
      double x = c.letter == 'e' ? PyFloat_Unpack2(from, !c.big) : c.letter == 'f' ? PyFloat_Unpack4(from, !c.big) : PyFloat_Unpack8(from, !c.big);
      return x == -1.0 && error_set(ts) ? Ref<>() : new_float(ts, x);
    }
  }
  uint64_t v = load(p, c.size, c.big);
  if (c.letter == 'P' || !is_signed(c.letter)) return int_from_u64(ts, v);
  unsigned unused = 64 - 8u * c.size;
  return int_from_i64(ts, static_cast<int64_t>(v << unused) >> unused);
}

// ---- packing and unpacking ---------------------------------------------------------------------------------------

// p has room for s->size bytes; args are s->items values.
Status pack_all(ThreadState& ts, State& state, StructObject* s, uint8_t* p, PyObject* const* args) {
  std::memset(p, 0, static_cast<size_t>(s->size));
  for (Py_ssize_t i = 0; i < s->code_count; ++i) {
    const Code& c = s->codes[i];
    bool text = c.letter == 's' || c.letter == 'p';
    uint8_t* to = p + c.offset;
    for (Py_ssize_t k = text ? 1 : c.repeat; k > 0; --k, to += c.size) {
      if (failed(pack_one(ts, state, c, to, *args++))) return Status::kError;
    }
  }
  return Status::kOk;
}
Ref<> unpack_all(ThreadState& ts, StructObject* s, const uint8_t* p) {
  Ref<> t = tuple_new(ts, s->items);
  if (!t) return {};
  PyObject** out = tuple_items(t.get());
  for (Py_ssize_t i = 0; i < s->code_count; ++i) {
    const Code& c = s->codes[i];
    bool text = c.letter == 's' || c.letter == 'p';
    const uint8_t* from = p + c.offset;
    for (Py_ssize_t k = text ? 1 : c.repeat; k > 0; --k, from += c.size) {
      Ref<> v = unpack_one(ts, c, from);
      if (!v) return {};
      *out++ = v.release();
    }
  }
  return t;
}

Ref<> pack(ThreadState& ts, StructObject* s, PyObject* const* args, Py_ssize_t n) {
  State& state = state_of(s);
  if (n != s->items) return raise(ts, state.error, "pack expected %zd items for packing (got %zd)", s->items, n);
  Ref<> result = bytes_new(ts, s->size);
  if (!result || failed(pack_all(ts, state, s, reinterpret_cast<uint8_t*>(bytes_data(result.get())), args))) return {};
  return result;
}

Ref<> pack_into(ThreadState& ts, StructObject* s, PyObject* const* args, Py_ssize_t n) {
  State& state = state_of(s);
  if (n != s->items + 2) {
    if (n == 0) return raise(ts, state.error, "pack_into expected buffer argument");
    if (n == 1) return raise(ts, state.error, "pack_into expected offset argument");
    return raise(ts, state.error, "pack_into expected %zd items for packing (got %zd)", s->items, n - 2);
  }
  BufferArg buffer;
  if (PyObject_GetBuffer(args[0], &buffer.view, PyBUF_WRITABLE) < 0) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "argument must be read-write bytes-like object, not %.50s", args[0]->ob_type->tp_name);
  }
  Py_ssize_t offset;
  if (failed(index_as_ssize(ts, args[1], &offset, PyExc_IndexError))) return {};
  if (offset < 0) {
    if (offset + s->size > 0) return raise(ts, state.error, "no space to pack %zd bytes at offset %zd", s->size, offset);
    if (offset + buffer.size() < 0) {
      return raise(ts, state.error, "offset %zd out of range for %zd-byte buffer", offset, buffer.size());
    }
    offset += buffer.size();
  }
  if (buffer.size() - offset < s->size) {
    return raise(ts, state.error,
                 "pack_into requires a buffer of at least %zu bytes for packing %zd bytes at offset %zd (actual buffer size is %zd)",
                 static_cast<size_t>(s->size) + static_cast<size_t>(offset), s->size, offset, buffer.size());
  }
  if (failed(pack_all(ts, state, s, static_cast<uint8_t*>(buffer.view.buf) + offset, args + 2))) return {};
  return new_none();
}

Ref<> unpack(ThreadState& ts, StructObject* s, PyObject* data) {
  BufferArg buffer;
  if (PyObject_GetBuffer(data, &buffer.view, PyBUF_SIMPLE) < 0) return {};
  if (buffer.size() != s->size) return raise(ts, state_of(s).error, "unpack requires a buffer of %zd bytes", s->size);
  return unpack_all(ts, s, buffer.data());
}

Ref<> unpack_from(ThreadState& ts, StructObject* s, PyObject* data, Py_ssize_t offset) {
  State& state = state_of(s);
  BufferArg buffer;
  if (PyObject_GetBuffer(data, &buffer.view, PyBUF_SIMPLE) < 0) return {};
  if (offset < 0) {
    if (offset + s->size > 0) return raise(ts, state.error, "not enough data to unpack %zd bytes at offset %zd", s->size, offset);
    if (offset + buffer.size() < 0) {
      return raise(ts, state.error, "offset %zd out of range for %zd-byte buffer", offset, buffer.size());
    }
    offset += buffer.size();
  }
  if (buffer.size() - offset < s->size) {
    return raise(ts, state.error,
                 "unpack_from requires a buffer of at least %zu bytes for unpacking %zd bytes at offset %zd (actual buffer size is %zd)",
                 static_cast<size_t>(s->size) + static_cast<size_t>(offset), s->size, offset, buffer.size());
  }
  return unpack_all(ts, s, buffer.data() + offset);
}

// ---- iter_unpack -------------------------------------------------------------------------------------------------

struct UnpackIter {
  PyObject ob_base;
  PyObject* format;  // the Struct; NULL at the end
  Py_buffer buffer;
  Py_ssize_t index;
};
UnpackIter* as_iter(PyObject* o) { return reinterpret_cast<UnpackIter*>(o); }

Ref<> iter_unpack(ThreadState& ts, StructObject* s, PyObject* data) {
  State& state = state_of(s);
  if (s->size <= 0) return raise(ts, state.error, "cannot iteratively unpack with a struct of length %zd", s->size);
  auto it = new_object<UnpackIter>(ts, &atoll_unpack_iter_type);
  if (!it) return {};
  it->format = nullptr;
  it->buffer = {};
  it->index = 0;
  track(ts, it.get());
  if (PyObject_GetBuffer(data, &it->buffer, PyBUF_SIMPLE) < 0) return {};
  if (it->buffer.len % s->size != 0) {
    return raise(ts, state.error, "iterative unpacking requires a buffer of a multiple of %zd bytes", s->size);
  }
  it->format = new_ref(obj(s));
  return it;
}
void iter_end(UnpackIter* it) {
  clear_field(it->format);
  if (it->buffer.obj != nullptr) PyBuffer_Release(&it->buffer);
}
void iter_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  iter_end(as_iter(o));
  free_object(ts, o);
}
int iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_iter(o)->format);
  Py_VISIT(as_iter(o)->buffer.obj);
  return 0;
}
Ref<> iter_next_value(ThreadState& ts, PyObject* o) {
  UnpackIter* it = as_iter(o);
  if (it->format == nullptr) return {};
  StructObject* s = as_struct(it->format);
  // The format may have been replaced by another call of __init__.
  if (s->size <= 0 || it->index > it->buffer.len - s->size) {
    iter_end(it);
    return {};
  }
  Ref<> result = unpack_all(ts, s, static_cast<uint8_t*>(it->buffer.buf) + it->index);
  it->index += s->size;
  return result;
}
Ref<> iter_hint(ThreadState& ts, UnpackIter* it) {
  Py_ssize_t size = it->format != nullptr ? as_struct(it->format)->size : 0;
  return int_from_ssize(ts, size > 0 ? (it->buffer.len - it->index) / size : 0);
}
constexpr MethodSpec kIterMethods[] = {ATOLL_METHOD_PLAIN(iter_hint, "__length_hint__", "($self, /)", ""), ATOLL_METHOD_END};

// ---- Struct ------------------------------------------------------------------------------------------------------

PyObject* struct_tp_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  as_struct(o)->size = as_struct(o)->items = -1;
  as_struct(o)->format = new_ref(empty_str());
  return o;
}
Status struct_init(ThreadState& ts, StructObject* s, PyObject* format) {
  State* state = state_of_type(s->ob_base.ob_type);
  return state != nullptr ? set_format(ts, *state, s, format) : Status::kError;
}
void struct_dealloc(ThreadState&, PyObject* o) {
  PyTypeObject* type = o->ob_type;
  untrack(o);
  StructObject* s = as_struct(o);
  if (s->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  PyMem_Free(std::exchange(s->codes, nullptr));
  clear_field(s->format);
  type->tp_free(o);
  decref(obj(type));
}
int struct_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(obj(o->ob_type));
  Py_VISIT(as_struct(o)->format);
  return 0;
}

PyObject* m_pack(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  return pack(current_thread(), as_struct(self), args, n).release();
}
PyObject* m_pack_into(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  return pack_into(current_thread(), as_struct(self), args, n).release();
}
Ref<> m_sizeof(ThreadState& ts, StructObject* s) {
  return int_from_ssize(ts, s->ob_base.ob_type->tp_basicsize + (s->code_count + 1) * static_cast<Py_ssize_t>(sizeof(Code)));
}
Ref<> get_format(ThreadState&, StructObject* s) { return dup(s->format); }
Ref<> get_size(ThreadState& ts, StructObject* s) { return int_from_ssize(ts, s->size); }

constexpr MethodSpec kStructMethods[] = {
    ATOLL_METHOD(iter_unpack, "iter_unpack", "($self, buffer, /)",
                 "Return an iterator yielding tuples.\n\nThe buffer's size must be a multiple of the struct's."),
    ATOLL_METHOD_RAW(m_pack, "pack", METH_FASTCALL, "S.pack(v1, v2, ...) -> bytes\n\nThe values in the format of the struct."),
    ATOLL_METHOD_RAW(m_pack_into, "pack_into", METH_FASTCALL,
                     "S.pack_into(buffer, offset, v1, v2, ...)\n\nThe values in the format of the struct, written into a buffer."),
    ATOLL_METHOD(unpack, "unpack", "($self, buffer, /)", "Return a tuple containing unpacked values.\n\nThe buffer's size must be that of the struct."),
    ATOLL_METHOD(unpack_from, "unpack_from", "($self, /, buffer, offset=0)",
                 "Return a tuple containing unpacked values.\n\nThe buffer must be large enough, counted from offset."),
    ATOLL_METHOD_PLAIN(m_sizeof, "__sizeof__", "($self, /)", "S.__sizeof__() -> size of S in memory, in bytes"), ATOLL_METHOD_END};
constexpr PyGetSetDef kStructGetSet[] = {{"format", ATOLL_GETTER(get_format), nullptr, "struct format string", nullptr},
                                         {"size", ATOLL_GETTER(get_size), nullptr, "struct size in bytes", nullptr},
                                         ATOLL_GETSET_END};
constexpr PyMemberDef kStructMembers[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(StructObject, weaklist), READONLY, nullptr}, {}};

Ref<> make_struct_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(ATOLL_SLOT(struct_dealloc))},
                         {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                         {Py_tp_setattro, reinterpret_cast<void*>(PyObject_GenericSetAttr)},
                         {Py_tp_doc, const_cast<char*>("Struct(fmt) --> compiled struct object")},
                         {Py_tp_traverse, reinterpret_cast<void*>(struct_traverse)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kStructMethods)},
                         {Py_tp_members, const_cast<PyMemberDef*>(kStructMembers)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kStructGetSet)},
                         {Py_tp_init, reinterpret_cast<void*>(ATOLL_INIT(struct_init, "Struct", "(format)"))},
                         {Py_tp_new, reinterpret_cast<void*>(struct_tp_new)},
                         {0, nullptr}};
  PyType_Spec spec{"_struct.Struct", sizeof(StructObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return Ref<>::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

// ---- the module --------------------------------------------------------------------------------------------------

// The Struct of a format: formats are few, so the ones used lately are kept.
Ref<StructObject> cached(ThreadState& ts, PyObject* module, PyObject* format) {
  State& state = *state_of_module(module);
  PyObject* found = dict_peek(ts, state.cache, format);
  if (found != nullptr) return dup(as_struct(found));
  if (error_set(ts)) return {};
  Ref<> made = call(ts, obj(state.struct_type), format);
  if (!made) return {};
  if (dict_size(state.cache) >= 100) dict_clear(ts, state.cache);
  if (failed(dict_set(ts, state.cache, format, made.get()))) return {};
  return std::move(made).cast<StructObject>();
}

Status f_clearcache(ThreadState& ts, PyObject* module) {
  dict_clear(ts, state_of_module(module)->cache);
  return Status::kOk;
}
Ref<> f_calcsize(ThreadState& ts, PyObject* module, PyObject* format) {
  auto s = cached(ts, module, format);
  return s ? int_from_ssize(ts, s->size) : Ref<>();
}
PyObject* f_pack(PyObject* module, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n == 0) return raise(ts, PyExc_TypeError, "missing format argument");
  auto s = cached(ts, module, args[0]);
  return s ? pack(ts, s.get(), args + 1, n - 1).release() : nullptr;
}
PyObject* f_pack_into(PyObject* module, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n == 0) return raise(ts, PyExc_TypeError, "missing format argument");
  auto s = cached(ts, module, args[0]);
  return s ? pack_into(ts, s.get(), args + 1, n - 1).release() : nullptr;
}
Ref<> f_unpack(ThreadState& ts, PyObject* module, PyObject* format, PyObject* buffer) {
  auto s = cached(ts, module, format);
  return s ? unpack(ts, s.get(), buffer) : Ref<>();
}
Ref<> f_unpack_from(ThreadState& ts, PyObject* module, PyObject* format, PyObject* buffer, Py_ssize_t offset) {
  auto s = cached(ts, module, format);
  return s ? unpack_from(ts, s.get(), buffer, offset) : Ref<>();
}
Ref<> f_iter_unpack(ThreadState& ts, PyObject* module, PyObject* format, PyObject* buffer) {
  auto s = cached(ts, module, format);
  return s ? iter_unpack(ts, s.get(), buffer) : Ref<>();
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_clearcache, "_clearcache", "($module, /)", "Clear the internal cache."),
    ATOLL_METHOD(f_calcsize, "calcsize", "($module, format, /)", "Return size in bytes of the struct described by the format string."),
    ATOLL_METHOD(f_iter_unpack, "iter_unpack", "($module, format, buffer, /)",
                 "Return an iterator yielding tuples unpacked from the given bytes.\n\nEach item stands for calcsize(format) bytes."),
    ATOLL_METHOD_RAW(f_pack, "pack", METH_FASTCALL, "pack(format, v1, v2, ...) -> bytes\n\nThe values in the given format."),
    ATOLL_METHOD_RAW(f_pack_into, "pack_into", METH_FASTCALL,
                     "pack_into(format, buffer, offset, v1, v2, ...)\n\nThe values in the given format, written into a buffer."),
    ATOLL_METHOD(f_unpack, "unpack", "($module, format, buffer, /)",
                 "Return a tuple containing values unpacked according to the format string.\n\nThe buffer's size must be calcsize(format)."),
    ATOLL_METHOD(f_unpack_from, "unpack_from", "($module, format, /, buffer, offset=0)",
                 "Return a tuple containing values unpacked according to the format string.\n\nThe buffer must be large enough, counted from offset."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  State& state = *state_of_module(module);
  state.cache = dict_new(ts).release();
  state.error = PyErr_NewException("struct.error", nullptr, nullptr);
  if (state.cache == nullptr || state.error == nullptr || failed(module_add(ts, module, "error", dup(state.error)))) return -1;
  state.struct_type = reinterpret_cast<PyTypeObject*>(make_struct_type(module).release());
  if (state.struct_type == nullptr) return -1;
  return PyModule_AddType(module, state.struct_type);
}
int traverse(PyObject* module, visitproc visit, void* arg) {
  State* state = state_of_module(module);
  if (state == nullptr) return 0;
  Py_VISIT(state->error);
  Py_VISIT(obj(state->struct_type));
  Py_VISIT(state->cache);
  return 0;
}
int clear(PyObject* module) {
  State* state = state_of_module(module);
  if (state == nullptr) return 0;
  clear_field(state->error);
  clear_field(state->struct_type);
  clear_field(state->cache);
  return 0;
}
void free_state(void* module) { clear(static_cast<PyObject*>(module)); }

ATOLL_SEALED PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
ATOLL_SEALED PyModuleDef g_definition = {PyModuleDef_HEAD_INIT,
                                         "_struct",
                                         "Values of C in bytes, as described by format strings.\n\n"
                                         "The first character may give byte order, sizes and alignment:\n"
                                         "  @: native order, sizes and alignment (the default)\n"
                                         "  =: native order, standard sizes, no alignment\n"
                                         "  <: little-endian, standard sizes, no alignment\n"
                                         "  >, !: big-endian, standard sizes, no alignment\n\n"
                                         "Then come the items, each after an optional count:\n"
                                         "  x: padding; c: char; b, B: signed, unsigned byte; ?: bool;\n"
                                         "  h, H: short; i, I: int; l, L: long; q, Q: long long;\n"
                                         "  e, f, d: floats of 2, 4, 8 bytes;\n"
                                         "  s, p: bytes, whose length the count is (p: with a length byte);\n"
                                         "  n, N: size_t; P: pointer (these with native sizes only).\n",
                                         sizeof(State),
                                         reinterpret_cast<PyMethodDef*>(const_cast<MethodSpec*>(kFunctions)),
                                         g_slots,
                                         traverse,
                                         clear,
                                         free_state};

}  // namespace

constinit const TypeSpec struct_unpack_iter_spec{
    .name = "_struct.unpack_iterator",
    .basicsize = sizeof(UnpackIter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(iter_dealloc),
    .traverse = iter_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(iter_next_value),
    .methods = kIterMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_unpack_iter_type = {};

PyMODINIT_FUNC PyInit__struct() { return PyModuleDef_Init(&atl::g_definition); }
