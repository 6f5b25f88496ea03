// str inside the core: PEP 393 layout, always "ready", compact except for subclass instances.
#pragma once

#include <string_view>

#include "Objects/object.h"
#include "Objects/str/kernel_chars.h"

namespace atl {

ATOLL_INLINE bool is_str(const PyObject* o) { return has_flag(o, Py_TPFLAGS_UNICODE_SUBCLASS); }
ATOLL_INLINE bool is_exact_str(const PyObject* o) { return o->ob_type == &PyUnicode_Type; }
ATOLL_INLINE PyASCIIObject* str_head(const PyObject* o) {
  return reinterpret_cast<PyASCIIObject*>(const_cast<PyObject*>(o));
}
ATOLL_INLINE Py_ssize_t str_length(const PyObject* o) { return str_head(o)->length; }
ATOLL_INLINE unsigned str_kind(const PyObject* o) { return str_head(o)->state.kind; }  // 1, 2 or 4 bytes
ATOLL_INLINE bool str_is_ascii(const PyObject* o) { return str_head(o)->state.ascii; }
ATOLL_INLINE void* str_data(const PyObject* o) {
  PyASCIIObject* h = str_head(o);
  if (ATOLL_LIKELY(h->state.compact)) {
    return h->state.ascii ? static_cast<void*>(h + 1)
                          : static_cast<void*>(reinterpret_cast<PyCompactUnicodeObject*>(h) + 1);
  }
  return reinterpret_cast<PyUnicodeObject*>(h)->data.any;
}
ATOLL_INLINE uint32_t str_read(unsigned kind, const void* data, Py_ssize_t i) {
  if (kind == 1) return static_cast<const uint8_t*>(data)[i];
  if (kind == 2) return static_cast<const uint16_t*>(data)[i];
  return static_cast<const uint32_t*>(data)[i];
}
ATOLL_INLINE void str_put(unsigned kind, void* data, Py_ssize_t i, uint32_t c) {
  if (kind == 1) {
    static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(c);
  } else if (kind == 2) {
    static_cast<uint16_t*>(data)[i] = static_cast<uint16_t>(c);
  } else {
    static_cast<uint32_t*>(data)[i] = c;
  }
}
ATOLL_INLINE uint32_t str_at(const PyObject* o, Py_ssize_t i) {
  return str_read(str_kind(o), str_data(o), i);
}
// The class of its characters as the layout tells: 0x7F, 0xFF, 0xFFFF or 0x10FFFF.
ATOLL_INLINE uint32_t str_max_class(const PyObject* o) {
  if (str_is_ascii(o)) return 0x7F;
  unsigned kind = str_kind(o);
  return kind == 1 ? 0xFFu : kind == 2 ? 0xFFFFu : 0x10FFFFu;
}
ATOLL_INLINE TextView str_view(const PyObject* o) {
  return {str_data(o), str_length(o), static_cast<TextKind>(str_kind(o))};
}
ATOLL_INLINE bool str_is_interned(const PyObject* o) { return str_head(o)->state.interned != 0; }

// A new string with room for `length` characters up to max_char; the caller fills all of them before anybody
// sees it.
Ref<> str_new(ThreadState& ts, Py_ssize_t length, uint32_t max_char);
Ref<> str_from_ascii(ThreadState& ts, std::string_view text);
Ref<> str_from_utf8(ThreadState& ts, std::string_view text);  // strict
Ref<> str_from_utf8(ThreadState& ts, std::string_view text, const char* errors);
Ref<> str_from_latin1(ThreadState& ts, const uint8_t* p, Py_ssize_t n);
Ref<> str_from_ucs4(ThreadState& ts, const uint32_t* p, Py_ssize_t n);
Ref<> str_from_kind(ThreadState& ts, unsigned kind, const void* p, Py_ssize_t n);  // narrows when possible
Ref<> str_from_char(ThreadState& ts, uint32_t c);
Ref<> str_format(ThreadState& ts, const char* format,
                 ...);  // PyUnicode_FromFormat's language, with %T and %N (errors.h)
Ref<> str_format_va(ThreadState& ts, const char* format, va_list args);
Ref<> str_substring(ThreadState& ts, PyObject* s, Py_ssize_t start, Py_ssize_t end);
Ref<> str_concat(ThreadState& ts, PyObject* a, PyObject* b);
// *left += right, in place when *left is not shared; consumes nothing of right.
Status str_append(ThreadState& ts, Ref<>* left, PyObject* right);
Ref<> str_join(ThreadState& ts, PyObject* separator, PyObject* const* items, Py_ssize_t n);
Ref<> str_join_iterable(ThreadState& ts, PyObject* separator, PyObject* iterable);
bool str_equal(const PyObject* a, const PyObject* b);
bool str_equals_ascii(const PyObject* a, std::string_view text);
int str_compare(const PyObject* a, const PyObject* b);
Py_hash_t str_hash_fill(const PyObject* o);
ATOLL_INLINE Py_hash_t str_hash(const PyObject* o) {  // fills the cached hash
  Py_hash_t hash = str_head(o)->hash;
  return ATOLL_LIKELY(hash != -1) ? hash : str_hash_fill(o);
}
Py_ssize_t str_find(const PyObject* hay, const PyObject* needle, Py_ssize_t start, Py_ssize_t end,
                    int direction);  // -1: absent
// UTF-8 form, cached in the string; surrogates raise UnicodeEncodeError. Valid as long as the string.
const char* str_utf8(ThreadState& ts, PyObject* s, Py_ssize_t* size = nullptr);
Ref<> str_replace(ThreadState& ts, PyObject* s, PyObject* from, PyObject* to, Py_ssize_t max);

// Interning: *s becomes the interned equal string.
void str_intern(ThreadState& ts, Ref<>* s);
Ref<> str_interned(ThreadState& ts, const char* ascii);
// The interned string equal to s if there is one (identifier table or interpreter's); borrowed or NULL.
PyObject* str_peek_interned(ThreadState& ts, PyObject* s);

// Builds a string piece by piece. Small results never touch the heap before they are finished.
class StrWriter {
 public:
  explicit StrWriter(ThreadState& ts) : ts_(ts) {}
  StrWriter(const StrWriter&) = delete;
  StrWriter& operator=(const StrWriter&) = delete;
  ~StrWriter();
  // Room for `extra` more characters up to max_char, which may be an upper bound.
  Status prepare(Py_ssize_t extra, uint32_t max_char);
  // The same where a character of max_char's class will certainly be written.
  Status prepare_exact(Py_ssize_t extra, uint32_t max_char);
  ATOLL_INLINE Status put(uint32_t c) {
    if (ATOLL_UNLIKELY(length_ >= room_ || c > max_char_)) {
      if (failed(grow(1, c))) return Status::kError;
    }
    str_put(kind_, data_, length_++, c);
    return Status::kOk;
  }
  Status fill(uint32_t c, Py_ssize_t count);
  Status write(PyObject* s);
  Status write(PyObject* s, Py_ssize_t start, Py_ssize_t end);
  Status write_view(TextView text);
  Status write_ascii(std::string_view text);
  Status write_latin1(const uint8_t* text, Py_ssize_t n);
  Status write_repr(PyObject* o);
  Status write_str(PyObject* o);  // str(o)
  Py_ssize_t length() const { return length_; }
  // After prepare: where the next character goes, and to say that n of them are there.
  TextKind kind() const { return static_cast<TextKind>(kind_); }
  void* tail() { return data_ + length_ * kind_; }
  void advance(Py_ssize_t n) { length_ += n; }
  // Takes back what prepare and advance have added.
  void truncate(Py_ssize_t length) {
    length_ = length;
    bound_only_ = true;
  }
  Ref<> finish();

 private:
  Status grow(Py_ssize_t extra, uint32_t max_char);

  ThreadState& ts_;
  char* data_ = inline_;
  char* block_ = nullptr;  // the memory of the string under construction; NULL: inline
  PyObject* only_ = nullptr;  // a single whole string written so far: handed back unchanged; owned
  Py_ssize_t length_ = 0;
  Py_ssize_t room_ = sizeof inline_;
  uint32_t max_char_ = 0x7F;  // a class
  unsigned kind_ = 1;
  bool bound_only_ = false;  // nothing of class max_char_ may have been written
  alignas(8) char inline_[200];
};

void identifiers_bringup(Runtime& rt);
// Bring-up only: the process-wide immortal interned string of an ASCII text (from the identifier table, or made in the
// sealed arena with its hash filled and added to runtime().identifiers). Names, qualified names and documentation of
// static types are made with it. NULL without memory.
PyObject* str_immortal(std::string_view ascii);
// A complete immortal copy in the sealed arena, hash and UTF-8 form filled: for text that interpreters will share. An
// interned one is left as it is by str_intern. NULL without memory.
enum class Sealing : uint8_t { kPlain, kInterned };
PyObject* str_sealed_copy(PyObject* s, Sealing sealing);
// The same in memory from elsewhere, zeroed.
PyObject* str_immortal_copy(PyObject* s, Sealing sealing, void* (*alloc)(void* context, size_t size), void* context);

// The process-wide interned string equal to s, for images that interpreters share; also after bring-up. One thread at a time.
PyObject* str_shared_name(PyObject* s);

}  // namespace atl
