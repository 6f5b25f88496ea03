// The C API of str: making, reading, searching, joining.
#include <climits>
#include <cstring>
#include <cwchar>

#include "Objects/str/codecs.h"
#include "Objects/str/format_spec.h"
#include "Objects/str/kernel_find.h"
#include "Objects/str/layout.h"
#include "Objects/str/methods.h"
#include "Objects/str/percent.h"
#include "Objects/str/str_state.h"
#include "Objects/str/text.h"

using namespace atl;

// ---- strings that are not ready --------------------------------------------------------------------------------------
// Only PyUnicode_FromUnicode(NULL, n) makes them: the caller fills their wchar_t text before anybody looks at it.

namespace {

bool ready(ThreadState& ts, PyObject* s) {
  PyASCIIObject* head = str_head(s);
  if (ATOLL_LIKELY(head->state.ready)) return true;
  auto* whole = reinterpret_cast<PyUnicodeObject*>(s);
  Py_ssize_t n = whole->_base.wstr_length;
  TextView wide{head->wstr, n, TextKind::k4};
  uint32_t max_class = text_max_class(wide);
  auto kind = static_cast<size_t>(text_kind_for(max_class));
  void* data = object_alloc(ts, (static_cast<size_t>(n) + 1) * kind);
  if (data == nullptr) return false;
  text_convert(wide, static_cast<TextKind>(kind), data);
  str_put(static_cast<unsigned>(kind), data, n, 0);
  whole->data.any = data;
  head->length = n;
  head->state.kind = kind & 7;
  head->state.ascii = max_class == 0x7F;
  if (head->state.ascii) {
    whole->_base.utf8 = static_cast<char*>(data);
    whole->_base.utf8_length = n;
  }
  head->state.ready = 1;
  return true;
}

// A str to work with, or an exception: "bad argument type for built-in operation".
bool plain(ThreadState& ts, PyObject* o) {
  if (o == nullptr || !is_str(o)) {
    static_cast<void>(raise(ts, PyExc_TypeError, "bad argument type for built-in operation"));
    return false;
  }
  return ready(ts, o);
}

// The same with "must be str, not T".
bool must_be_str(ThreadState& ts, PyObject* o) {
  if (!is_str(o)) {
    static_cast<void>(raise(ts, PyExc_TypeError, "must be str, not %.100T", o));
    return false;
  }
  return ready(ts, o);
}

bool modifiable(PyObject* s) {
  return s->ob_refcnt == 1 && is_exact_str(s) && !str_is_interned(s) && str_head(s)->hash == -1;
}

Status check_modifiable(ThreadState& ts, PyObject* s) {
  if (modifiable(s)) return Status::kOk;
  return raise(ts, PyExc_SystemError, "Cannot modify a string currently used");
}

std::string_view sized(const char* text, Py_ssize_t size) { return {text, static_cast<size_t>(size)}; }

}  // namespace

extern "C" {

int _PyUnicode_Ready(PyObject* s) { return ready(current_thread(), s) ? 0 : -1; }
int _PyUnicode_CheckConsistency(PyObject*, int) { return 1; }

// ---- making --------------------------------------------------------------------------------------------------------

PyObject* PyUnicode_New(Py_ssize_t size, Py_UCS4 max_char) {
  ThreadState& ts = current_thread();
  if (size < 0) return raise(ts, PyExc_SystemError, "Negative size passed to PyUnicode_New");
  if (max_char > 0x10FFFF) return raise(ts, PyExc_SystemError, "invalid maximum character passed to PyUnicode_New");
  return str_new(ts, size, max_char).release();
}

PyObject* PyUnicode_FromStringAndSize(const char* text, Py_ssize_t size) {
  ThreadState& ts = current_thread();
  if (size < 0) return raise(ts, PyExc_SystemError, "Negative size passed to PyUnicode_FromStringAndSize");
  if (text != nullptr) return str_from_utf8(ts, sized(text, size)).release();
  return PyUnicode_FromUnicode(nullptr, size);
}
PyObject* PyUnicode_FromString(const char* text) {
  ThreadState& ts = current_thread();
  return str_from_utf8(ts, text).release();
}
PyObject* _PyUnicode_FromASCII(const char* text, Py_ssize_t size) {
  return str_from_latin1(current_thread(), reinterpret_cast<const uint8_t*>(text), size).release();
}

PyObject* PyUnicode_FromKindAndData(int kind, const void* buffer, Py_ssize_t size) {
  ThreadState& ts = current_thread();
  if (size < 0) return raise(ts, PyExc_ValueError, "size must be positive");
  if (kind != 1 && kind != 2 && kind != 4) return raise(ts, PyExc_SystemError, "invalid kind");
  return str_from_kind(ts, static_cast<unsigned>(kind), buffer, size).release();
}

PyObject* PyUnicode_FromWideChar(const wchar_t* wide, Py_ssize_t size) {
  ThreadState& ts = current_thread();
  if (wide == nullptr && size != 0) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (size == -1) size = static_cast<Py_ssize_t>(std::wcslen(wide));
  for (Py_ssize_t i = 0; i < size; ++i) {
    auto c = static_cast<uint32_t>(wide[i]);
    if (c > 0x10FFFF) return raise(ts, PyExc_ValueError, "character U+%x is not in range [U+0000; U+10ffff]", c);
  }
  return str_from_kind(ts, 4, wide, size).release();
}

PyObject* PyUnicode_FromUnicode(const Py_UNICODE* wide, Py_ssize_t size) {
  ThreadState& ts = current_thread();
  if (wide != nullptr) return PyUnicode_FromWideChar(wide, size);
  if (size < 0) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (size == 0) return empty_str();
  if (size > str_max_length(0x10FFFF)) return static_cast<PyObject*>(raise_no_memory(ts));
  auto text = new_object<PyUnicodeObject>(ts, &PyUnicode_Type);
  if (!text) return nullptr;
  PyASCIIObject& head = text->_base._base;
  head.length = 0;
  head.hash = -1;
  head.state = {};
  head.wstr = nullptr;
  text->_base.utf8 = nullptr;
  text->_base.utf8_length = 0;
  text->_base.wstr_length = size;
  text->data.any = nullptr;
  head.wstr = static_cast<wchar_t*>(object_alloc(ts, (static_cast<size_t>(size) + 1) * sizeof(wchar_t)));
  if (head.wstr == nullptr) return nullptr;
  head.wstr[0] = head.wstr[size] = 0;
  return obj(text.release());
}

PyObject* PyUnicode_FromOrdinal(int ordinal) {
  ThreadState& ts = current_thread();
  if (ordinal < 0 || ordinal > 0x10FFFF) return raise(ts, PyExc_ValueError, "chr() arg not in range(0x110000)");
  return str_from_char(ts, static_cast<uint32_t>(ordinal)).release();
}

PyObject* PyUnicode_FromObject(PyObject* o) {
  ThreadState& ts = current_thread();
  if (!is_str(o)) return raise(ts, PyExc_TypeError, "Can't convert '%.100T' object to str implicitly", o);
  return ready(ts, o) ? str_exact(ts, o).release() : nullptr;
}

PyObject* PyUnicode_FromEncodedObject(PyObject* o, const char* encoding, const char* errors) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return str_decode_object(ts, o, encoding, errors).release();
}

PyObject* _PyUnicode_Copy(PyObject* s) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return nullptr;
  if (str_length(s) == 0) return empty_str();
  void* data;
  PyObject* copy = str_allocate(ts, str_length(s), str_max_class(s), &data);
  if (copy != nullptr) std::memcpy(data, str_data(s), static_cast<size_t>(str_length(s)) * str_kind(s));
  return copy;
}

// ---- interning -----------------------------------------------------------------------------------------------------

void PyUnicode_InternInPlace(PyObject** s) {
  ThreadState& ts = current_thread();
  if (*s == nullptr || !is_exact_str(*s) || !ready(ts, *s)) return;
  Ref<> text = steal(*s);
  str_intern(ts, &text);
  *s = text.release();
}
void PyUnicode_InternImmortal(PyObject** s) {
  PyUnicode_InternInPlace(s);
  xincref(*s);  // kept for good
}
PyObject* PyUnicode_InternFromString(const char* text) { return str_interned(current_thread(), text).release(); }

PyObject* _PyUnicode_FromId(_Py_Identifier* id) {
  ThreadState& ts = current_thread();
  return peek_static_id(ts, id, id->string);
}
int _PyUnicode_EqualToASCIIId(PyObject* s, _Py_Identifier* id) { return str_equals_ascii(s, id->string); }

// ---- reading -------------------------------------------------------------------------------------------------------

Py_ssize_t PyUnicode_GetLength(PyObject* s) { return plain(current_thread(), s) ? str_length(s) : -1; }
Py_ssize_t PyUnicode_GetSize(PyObject* s) { return plain(current_thread(), s) ? str_length(s) : -1; }

Py_UCS4 PyUnicode_ReadChar(PyObject* s, Py_ssize_t i) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return static_cast<Py_UCS4>(-1);
  if (i < 0 || i >= str_length(s)) {
    static_cast<void>(raise(ts, PyExc_IndexError, "string index out of range"));
    return static_cast<Py_UCS4>(-1);
  }
  return str_at(s, i);
}

int PyUnicode_WriteChar(PyObject* s, Py_ssize_t i, Py_UCS4 c) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return -1;
  if (i < 0 || i >= str_length(s)) return raise(ts, PyExc_IndexError, "string index out of range");
  if (failed(check_modifiable(ts, s))) return -1;
  if (c > str_max_class(s)) return raise(ts, PyExc_ValueError, "character out of range");
  str_put(str_kind(s), str_data(s), i, c);
  return 0;
}

const char* PyUnicode_AsUTF8AndSize(PyObject* s, Py_ssize_t* size) {
  ThreadState& ts = current_thread();
  return plain(ts, s) ? str_utf8(ts, s, size) : nullptr;
}
const char* PyUnicode_AsUTF8(PyObject* s) { return PyUnicode_AsUTF8AndSize(s, nullptr); }

Py_UCS4* PyUnicode_AsUCS4(PyObject* s, Py_UCS4* buffer, Py_ssize_t room, int copy_null) {
  ThreadState& ts = current_thread();
  if (buffer == nullptr || room < 0) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (!plain(ts, s)) return nullptr;
  Py_ssize_t n = str_length(s);
  if (room < n + (copy_null != 0)) {
    if (copy_null && room > 0) buffer[0] = 0;
    return raise(ts, PyExc_SystemError, "string is longer than the buffer");
  }
  text_convert(str_view(s), TextKind::k4, buffer);
  if (copy_null) buffer[n] = 0;
  return buffer;
}
Py_UCS4* PyUnicode_AsUCS4Copy(PyObject* s) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return nullptr;
  Py_ssize_t room = str_length(s) + 1;
  auto* buffer = static_cast<Py_UCS4*>(PyMem_Malloc(static_cast<size_t>(room) * sizeof(Py_UCS4)));
  if (buffer == nullptr) return raise_memory(ts);
  return PyUnicode_AsUCS4(s, buffer, room, 1);
}

Py_ssize_t PyUnicode_AsWideChar(PyObject* s, wchar_t* wide, Py_ssize_t room) {
  ThreadState& ts = current_thread();
  if (s == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (!plain(ts, s)) return -1;
  Py_ssize_t n = str_length(s);
  if (wide == nullptr) return n + 1;
  Py_ssize_t copied = n < room ? n : room;
  text_convert(text_slice(str_view(s), 0, copied), TextKind::k4, wide);
  if (n < room) wide[n] = 0;
  return copied;
}
wchar_t* PyUnicode_AsWideCharString(PyObject* s, Py_ssize_t* size) {
  ThreadState& ts = current_thread();
  if (s == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (!plain(ts, s)) return nullptr;
  Py_ssize_t n = str_length(s);
  if (size == nullptr && text_find_char(str_view(s), 0) >= 0) return raise(ts, PyExc_ValueError, "embedded null character");
  auto* wide = static_cast<wchar_t*>(PyMem_Malloc((static_cast<size_t>(n) + 1) * sizeof(wchar_t)));
  if (wide == nullptr) return raise_memory(ts);
  text_convert(str_view(s), TextKind::k4, wide);
  wide[n] = 0;
  if (size != nullptr) *size = n;
  return wide;
}
int _PyUnicode_WideCharString_Converter(PyObject* o, void* out) {
  auto** p = static_cast<wchar_t**>(out);
  ThreadState& ts = current_thread();
  if (o == nullptr) {
    PyMem_Free(*p);
    *p = nullptr;
    return 1;
  }
  if (!is_str(o)) {
    static_cast<void>(raise(ts, PyExc_TypeError, "argument must be str, not %.50T", o));
    return 0;
  }
  *p = PyUnicode_AsWideCharString(o, nullptr);
  return *p == nullptr ? 0 : Py_CLEANUP_SUPPORTED;
}
int _PyUnicode_WideCharString_Opt_Converter(PyObject* o, void* out) {
  ThreadState& ts = current_thread();
  if (o == Py_None) {
    *static_cast<wchar_t**>(out) = nullptr;
    return 1;
  }
  if (o != nullptr && !is_str(o)) {
    static_cast<void>(raise(ts, PyExc_TypeError, "argument must be str or None, not %.50T", o));
    return 0;
  }
  return _PyUnicode_WideCharString_Converter(o, out);
}

Py_UNICODE* PyUnicode_AsUnicodeAndSize(PyObject* s, Py_ssize_t* size) {
  ThreadState& ts = current_thread();
  if (s == nullptr || !is_str(s)) {
    return raise(ts, PyExc_TypeError, "bad argument type for built-in operation");
  }
  PyASCIIObject* head = str_head(s);
  Py_ssize_t n = head->state.ready ? head->length : reinterpret_cast<PyCompactUnicodeObject*>(s)->wstr_length;
  if (size != nullptr) *size = n;
  if (head->wstr != nullptr) return head->wstr;
  if (is_immortal(s)) return sealed_wide_view(ts, s);
  wchar_t* wide;
  if (str_kind(s) == 4) {
    wide = static_cast<wchar_t*>(str_data(s));
  } else {
    wide = static_cast<wchar_t*>(object_alloc(ts, (static_cast<size_t>(n) + 1) * sizeof(wchar_t)));
    if (wide == nullptr) return nullptr;
    text_convert(str_view(s), TextKind::k4, wide);
    wide[n] = 0;
  }
  head->wstr = wide;
  if (!PyUnicode_IS_COMPACT_ASCII(s)) reinterpret_cast<PyCompactUnicodeObject*>(s)->wstr_length = n;
  return wide;
}
Py_UNICODE* PyUnicode_AsUnicode(PyObject* s) { return PyUnicode_AsUnicodeAndSize(s, nullptr); }
const Py_UNICODE* _PyUnicode_AsUnicode(PyObject* s) {
  ThreadState& ts = current_thread();
  Py_ssize_t size;
  const wchar_t* wide = PyUnicode_AsUnicodeAndSize(s, &size);
  if (wide != nullptr && std::wcslen(wide) != static_cast<size_t>(size)) {
    return raise(ts, PyExc_ValueError, "embedded null character");
  }
  return wide;
}

// ---- changing what nobody else has seen ------------------------------------------------------------------------------

int PyUnicode_Resize(PyObject** p, Py_ssize_t length) {
  ThreadState& ts = current_thread();
  PyObject* s = *p;
  if (s == nullptr || !is_str(s) || length < 0) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (!ready(ts, s)) return -1;
  Py_ssize_t n = str_length(s);
  if (n == length) return 0;
  Ref<> old = steal(s);
  if (length == 0) {
    *p = empty_str();
    return 0;
  }
  unsigned kind = str_kind(s);
  if (!modifiable(s) || !str_head(s)->state.compact) {
    void* data;
    PyObject* copy = str_allocate(ts, length, str_max_class(s), &data);
    if (copy == nullptr) {
      static_cast<void>(old.release());
      return -1;
    }
    std::memcpy(data, str_data(s), static_cast<size_t>(n < length ? n : length) * kind);
    *p = copy;
    return 0;
  }
  static_cast<void>(old.release());
  if (length > str_max_length(str_max_class(s))) return raise_memory(ts);
  str_drop_caches(ts, s);
  size_t size = str_prefix_size(str_max_class(s)) + (static_cast<size_t>(length) + 1) * kind;
  void* moved = ts.interpreter().heap.realloc(s, size);
  if (moved == nullptr) return raise_memory(ts);
  *p = s = static_cast<PyObject*>(moved);
  str_head(s)->length = length;
  str_put(kind, str_data(s), length, 0);
  return 0;
}

Py_ssize_t PyUnicode_CopyCharacters(PyObject* to, Py_ssize_t to_start, PyObject* from, Py_ssize_t from_start, Py_ssize_t count) {
  ThreadState& ts = current_thread();
  if (!is_str(from) || !is_str(to)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (!ready(ts, from) || !ready(ts, to)) return -1;
  if (from_start < 0 || from_start > str_length(from) || to_start < 0 || to_start > str_length(to)) {
    return raise(ts, PyExc_IndexError, "string index out of range");
  }
  if (count < 0) return raise(ts, PyExc_SystemError, "how_many cannot be negative");
  if (count > str_length(from) - from_start) count = str_length(from) - from_start;
  if (to_start + count > str_length(to)) {
    return raise(ts, PyExc_SystemError, "Cannot write %zi characters at %zi in a string of %zi characters", count, to_start, str_length(to));
  }
  if (count == 0) return 0;
  if (failed(check_modifiable(ts, to))) return -1;
  TextView part = text_slice(str_view(from), from_start, from_start + count);
  if (str_max_class(from) > str_max_class(to) && text_max_class(part) > str_max_class(to)) {
    auto name = [](PyObject* s) { return str_is_ascii(s) ? "ascii" : str_kind(s) == 1 ? "latin1" : str_kind(s) == 2 ? "UCS2" : "UCS4"; };
    return raise(ts, PyExc_SystemError, "Cannot copy %s characters into a string of %s characters", name(from), name(to));
  }
  _PyUnicode_FastCopyCharacters(to, to_start, from, from_start, count);
  return count;
}
void _PyUnicode_FastCopyCharacters(PyObject* to, Py_ssize_t to_start, PyObject* from, Py_ssize_t from_start, Py_ssize_t count) {
  auto kind = static_cast<TextKind>(str_kind(to));
  text_convert(text_slice(str_view(from), from_start, from_start + count), kind,
               static_cast<char*>(str_data(to)) + to_start * static_cast<Py_ssize_t>(kind));
}

Py_ssize_t PyUnicode_Fill(PyObject* s, Py_ssize_t start, Py_ssize_t length, Py_UCS4 c) {
  ThreadState& ts = current_thread();
  if (!is_str(s)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  if (!ready(ts, s) || failed(check_modifiable(ts, s))) return -1;
  if (start < 0) return raise(ts, PyExc_IndexError, "string index out of range");
  if (c > str_max_class(s)) return raise(ts, PyExc_ValueError, "fill character is bigger than the string maximum character");
  Py_ssize_t room = str_length(s) - start;
  if (length > room) length = room;
  if (length <= 0) return 0;
  _PyUnicode_FastFill(s, start, length, c);
  return length;
}
void _PyUnicode_FastFill(PyObject* s, Py_ssize_t start, Py_ssize_t length, Py_UCS4 c) {
  unsigned kind = str_kind(s);
  text_fill(static_cast<TextKind>(kind), static_cast<char*>(str_data(s)) + start * static_cast<Py_ssize_t>(kind), length, c);
}
Py_UCS4 _PyUnicode_FindMaxChar(PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  if (start >= end) return 0x7F;
  if (start == 0 && end == str_length(s)) return str_max_class(s);
  return text_max_class(text_slice(str_view(s), start, end));
}

// ---- joining and cutting -------------------------------------------------------------------------------------------

PyObject* PyUnicode_Concat(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  if (!must_be_str(ts, a)) return nullptr;
  if (!is_str(b)) return raise(ts, PyExc_TypeError, "can only concatenate str (not \"%.200T\") to str", b);
  return ready(ts, b) ? str_concat(ts, a, b).release() : nullptr;
}

void PyUnicode_Append(PyObject** p, PyObject* right) {
  ThreadState& ts = current_thread();
  if (p == nullptr) {
    if (!error_set(ts)) static_cast<void>(raise_bad_internal_call(ts, __FILE__, __LINE__));
    return;
  }
  Ref<> left = steal(std::exchange(*p, nullptr));
  if (!left || right == nullptr || !is_str(left.get()) || !is_str(right)) {
    if (!error_set(ts)) static_cast<void>(raise_bad_internal_call(ts, __FILE__, __LINE__));
    return;
  }
  if (!ready(ts, left.get()) || !ready(ts, right) || failed(str_append(ts, &left, right))) return;
  *p = left.release();
}
void PyUnicode_AppendAndDel(PyObject** p, PyObject* right) {
  PyUnicode_Append(p, right);
  xdecref(right);
}

PyObject* PyUnicode_Join(PyObject* separator, PyObject* items) { return str_join_iterable(current_thread(), separator, items).release(); }
PyObject* _PyUnicode_JoinArray(PyObject* separator, PyObject* const* items, Py_ssize_t n) {
  return str_join(current_thread(), separator, items, n).release();
}

PyObject* PyUnicode_Substring(PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return nullptr;
  if (start < 0 || end < 0) return raise(ts, PyExc_IndexError, "string index out of range");
  return str_substring(ts, s, start, end).release();
}

PyObject* PyUnicode_Split(PyObject* s, PyObject* sep, Py_ssize_t max) {
  ThreadState& ts = current_thread();
  if (!must_be_str(ts, s) || (sep != nullptr && !must_be_str(ts, sep))) return nullptr;
  return str_split(ts, s, sep, max).release();
}
PyObject* PyUnicode_RSplit(PyObject* s, PyObject* sep, Py_ssize_t max) {
  ThreadState& ts = current_thread();
  if (!must_be_str(ts, s) || (sep != nullptr && !must_be_str(ts, sep))) return nullptr;
  return str_rsplit(ts, s, sep, max).release();
}
PyObject* PyUnicode_Splitlines(PyObject* s, int keepends) {
  ThreadState& ts = current_thread();
  return must_be_str(ts, s) ? str_splitlines(ts, s, keepends != 0).release() : nullptr;
}
PyObject* PyUnicode_Partition(PyObject* s, PyObject* sep) {
  ThreadState& ts = current_thread();
  return must_be_str(ts, s) && must_be_str(ts, sep) ? str_partition(ts, s, sep).release() : nullptr;
}
PyObject* PyUnicode_RPartition(PyObject* s, PyObject* sep) {
  ThreadState& ts = current_thread();
  return must_be_str(ts, s) && must_be_str(ts, sep) ? str_rpartition(ts, s, sep).release() : nullptr;
}
PyObject* _PyUnicode_XStrip(PyObject* s, int sides, PyObject* chars) {
  return str_strip_chars(current_thread(), s, sides == 0 ? kStripLeft : sides == 1 ? kStripRight : kStripLeft | kStripRight, chars).release();
}
PyObject* PyUnicode_Replace(PyObject* s, PyObject* from, PyObject* to, Py_ssize_t max) {
  ThreadState& ts = current_thread();
  if (!must_be_str(ts, s) || !must_be_str(ts, from) || !must_be_str(ts, to)) return nullptr;
  return str_replace(ts, s, from, to, max).release();
}
PyObject* PyUnicode_Translate(PyObject* s, PyObject* table, const char* errors) {
  ThreadState& ts = current_thread();
  return must_be_str(ts, s) ? str_translate(ts, s, table, errors).release() : nullptr;
}

// ---- searching and comparing -----------------------------------------------------------------------------------------

Py_ssize_t PyUnicode_Find(PyObject* s, PyObject* what, Py_ssize_t start, Py_ssize_t end, int direction) {
  ThreadState& ts = current_thread();
  if (!must_be_str(ts, s) || !must_be_str(ts, what)) return -2;
  return str_find(s, what, start, end, direction);
}
Py_ssize_t PyUnicode_FindChar(PyObject* s, Py_UCS4 c, Py_ssize_t start, Py_ssize_t end, int direction) {
  ThreadState& ts = current_thread();
  if (!ready(ts, s)) return -2;
  clip_range(str_length(s), &start, &end);
  if (start >= end) return -1;
  TextView part = text_slice(str_view(s), start, end);
  Py_ssize_t at = direction > 0 ? text_find_char(part, c) : text_rfind_char(part, c);
  return at < 0 ? -1 : at + start;
}
Py_ssize_t PyUnicode_Count(PyObject* s, PyObject* what, Py_ssize_t start, Py_ssize_t end) {
  ThreadState& ts = current_thread();
  if (!must_be_str(ts, s) || !must_be_str(ts, what)) return -1;
  return str_count(s, what, start, end);
}
Py_ssize_t PyUnicode_Tailmatch(PyObject* s, PyObject* part, Py_ssize_t start, Py_ssize_t end, int direction) {
  ThreadState& ts = current_thread();
  if (!must_be_str(ts, s) || !must_be_str(ts, part)) return -1;
  return str_tailmatch(s, part, start, end, direction);
}
int PyUnicode_Contains(PyObject* s, PyObject* what) {
  ThreadState& ts = current_thread();
  if (!is_str(what)) return raise(ts, PyExc_TypeError, "'in <string>' requires string as left operand, not %.100T", what);
  if (!must_be_str(ts, s) || !ready(ts, what)) return -1;
  return str_find(s, what, 0, PY_SSIZE_T_MAX, 1) >= 0;
}

int PyUnicode_Compare(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  if (!is_str(a) || !is_str(b)) return raise(ts, PyExc_TypeError, "Can't compare %.100T and %.100T", a, b);
  if (!ready(ts, a) || !ready(ts, b)) return -1;
  return str_compare(a, b);
}
int PyUnicode_CompareWithASCIIString(PyObject* s, const char* text) {
  if (!ready(current_thread(), s)) return -1;
  TextView other{text, static_cast<ptrdiff_t>(std::strlen(text)), TextKind::k1};
  return text_compare(str_view(s), other);
}
int _PyUnicode_EqualToASCIIString(PyObject* s, const char* text) {
  return ready(current_thread(), s) && str_equals_ascii(s, text);
}
int _PyUnicode_EQ(PyObject* a, PyObject* b) { return str_equal(a, b); }
int _PyUnicode_Equal(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  if (!ready(ts, a) || !ready(ts, b)) return -1;
  return str_equal(a, b);
}
PyObject* PyUnicode_RichCompare(PyObject* a, PyObject* b, int op) {
  ThreadState& ts = current_thread();
  if (is_str(a) && is_str(b) && (!ready(ts, a) || !ready(ts, b))) return nullptr;
  return str_richcompare(ts, a, b, op).release();
}

int PyUnicode_IsIdentifier(PyObject* s) { return text_is_identifier(str_view(s)); }
Py_ssize_t _PyUnicode_ScanIdentifier(PyObject* s) {
  Py_ssize_t n = str_length(s);
  if (n == 0 || !uc_is_identifier_start(str_at(s, 0))) return 0;
  Py_ssize_t i = 1;
  while (i < n && uc_is_identifier_continue(str_at(s, i))) ++i;
  return i;
}

// ---- formatting ----------------------------------------------------------------------------------------------------

PyObject* PyUnicode_Format(PyObject* format, PyObject* args) {
  ThreadState& ts = current_thread();
  if (format == nullptr || args == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return must_be_str(ts, format) ? str_percent(ts, format, args).release() : nullptr;
}
PyObject* _PyUnicode_FormatLong(PyObject* value, int alternate, int precision, int code) {
  PercentSpec spec;
  spec.alternate = alternate != 0;
  spec.precision = precision;
  spec.code = static_cast<uint32_t>(code);
  return percent_integer(current_thread(), spec, value).release();
}
int _PyUnicode_FormatAdvancedWriter(_PyUnicodeWriter* writer, PyObject* value, PyObject* spec, Py_ssize_t start, Py_ssize_t end) {
  ThreadState& ts = current_thread();
  Ref<> part = str_substring(ts, spec, start, end);
  Ref<> text = part ? format_str(ts, value, part.get()) : Ref<>();
  return text ? _PyUnicodeWriter_WriteStr(writer, text.get()) : -1;
}

PyObject* _PyUnicode_TransformDecimalAndSpaceToASCII(PyObject* s) {
  ThreadState& ts = current_thread();
  if (!plain(ts, s)) return nullptr;
  if (str_is_ascii(s)) return new_ref(s);
  StrWriter w(ts);
  for (Py_ssize_t i = 0; i < str_length(s); ++i) {
    uint32_t c = str_at(s, i);
    if (c >= 0x80) {
      int digit = uc_to_decimal(c);
      c = uc_is_space(c) ? ' ' : digit >= 0 ? static_cast<uint32_t>('0' + digit) : '?';
    }
    if (failed(w.put(c))) return nullptr;
    if (c == '?') break;  // no number goes on behind that
  }
  return w.finish().release();
}

// ---- characters ----------------------------------------------------------------------------------------------------

extern const unsigned char _Py_ascii_whitespace[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};

int _PyUnicode_IsAlpha(Py_UCS4 c) { return uc_is_alpha(c); }
int _PyUnicode_IsCased(Py_UCS4 c) { return uc_is_cased(c); }
int _PyUnicode_IsCaseIgnorable(Py_UCS4 c) { return uc_is_case_ignorable(c); }
int _PyUnicode_IsDecimalDigit(Py_UCS4 c) { return uc_is_decimal(c); }
int _PyUnicode_IsDigit(Py_UCS4 c) { return uc_is_digit(c); }
int _PyUnicode_IsLinebreak(const Py_UCS4 c) { return uc_is_linebreak(c); }
int _PyUnicode_IsLowercase(Py_UCS4 c) { return uc_is_lower(c); }
int _PyUnicode_IsNumeric(Py_UCS4 c) { return uc_is_numeric(c); }
int _PyUnicode_IsPrintable(Py_UCS4 c) { return uc_is_printable(c); }
int _PyUnicode_IsTitlecase(Py_UCS4 c) { return uc_is_title(c); }
int _PyUnicode_IsUppercase(Py_UCS4 c) { return uc_is_upper(c); }
int _PyUnicode_IsWhitespace(const Py_UCS4 c) { return uc_is_space(c); }
int _PyUnicode_IsXidContinue(Py_UCS4 c) { return uc_has(c, kUcXidContinue); }
int _PyUnicode_IsXidStart(Py_UCS4 c) { return uc_has(c, kUcXidStart); }
int _PyUnicode_ToDecimalDigit(Py_UCS4 c) { return uc_to_decimal(c); }
int _PyUnicode_ToDigit(Py_UCS4 c) { return uc_to_digit(c); }
double _PyUnicode_ToNumeric(Py_UCS4 c) { return uc_to_numeric(c); }
// Of a mapping to several characters these give the first.
Py_UCS4 _PyUnicode_ToLowercase(Py_UCS4 c) {
  Py_UCS4 out[3];
  return uc_to_lower_full(c, out) > 1 ? out[0] : uc_to_lower(c);
}
Py_UCS4 _PyUnicode_ToUppercase(Py_UCS4 c) {
  Py_UCS4 out[3];
  return uc_to_upper_full(c, out) > 1 ? out[0] : uc_to_upper(c);
}
Py_UCS4 _PyUnicode_ToTitlecase(Py_UCS4 c) {
  Py_UCS4 out[3];
  return uc_to_title_full(c, out) > 1 ? out[0] : uc_to_title(c);
}
int _PyUnicode_ToLowerFull(Py_UCS4 c, Py_UCS4* out) { return uc_to_lower_full(c, out); }
int _PyUnicode_ToUpperFull(Py_UCS4 c, Py_UCS4* out) { return uc_to_upper_full(c, out); }
int _PyUnicode_ToTitleFull(Py_UCS4 c, Py_UCS4* out) { return uc_to_title_full(c, out); }
int _PyUnicode_ToFoldedFull(Py_UCS4 c, Py_UCS4* out) { return uc_to_fold_full(c, out); }

}  // extern "C"
