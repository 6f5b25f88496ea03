// str: making, joining, cutting and comparing texts. Every text is kept in the narrowest kind that holds it, so texts of
// different kinds are different, and a text of one character up to U+00FF is the shared one wherever that costs nothing.
#include "Objects/str/str.h"

#include <cstring>

#include "Objects/list.h"
#include "Objects/str/codecs.h"
#include "Objects/str/hash.h"
#include "Objects/str/kernel_codec.h"
#include "Objects/str/kernel_find.h"
#include "Objects/str/layout.h"
#include "Objects/str/occurrences.h"
#include "Objects/str/str_state.h"
#include "Objects/tuple.h"

namespace atl {

// ---- making ------------------------------------------------------------------------------------------------------

Ref<> str_new(ThreadState& ts, Py_ssize_t length, uint32_t max_char) {
  if (length == 0) return dup(empty_str());
  void* data;
  return steal(str_allocate(ts, length, max_char, &data));
}

Ref<> str_from_char(ThreadState& ts, uint32_t c) {
  if (c < 0x100) return dup(latin1_char(c));
  void* data;
  PyObject* s = str_allocate(ts, 1, c, &data);
  if (s != nullptr) str_put(str_kind(s), data, 0, c);
  return steal(s);
}

Ref<> str_from_ascii(ThreadState& ts, std::string_view text) {
  if (text.empty()) return dup(empty_str());
  return steal(str_ascii_piece(ts, text.data(), static_cast<Py_ssize_t>(text.size())));
}

Ref<> str_from_latin1(ThreadState& ts, const uint8_t* p, Py_ssize_t n) {
  return str_from_kind(ts, 1, p, n);
}
Ref<> str_from_ucs4(ThreadState& ts, const uint32_t* p, Py_ssize_t n) { return str_from_kind(ts, 4, p, n); }

Ref<> str_from_view(ThreadState& ts, TextView text) {
  if (text.length <= 1) {
    if (text.length == 0) return dup(empty_str());
    return str_from_char(ts, text_read(text.kind, text.data, 0));
  }
  uint32_t max_class = text_max_class(text);
  void* data;
  PyObject* s = str_allocate(ts, text.length, max_class, &data);
  if (s != nullptr) text_convert(text, text_kind_for(max_class), data);
  return steal(s);
}

Ref<> str_from_kind(ThreadState& ts, unsigned kind, const void* p, Py_ssize_t n) {
  return str_from_view(ts, {p, n, static_cast<TextKind>(kind)});
}

Ref<> str_from_utf8(ThreadState& ts, std::string_view text) { return str_from_utf8(ts, text, nullptr); }

Ref<> str_from_utf8(ThreadState& ts, std::string_view text, const char* errors) {
  auto* data = reinterpret_cast<const uint8_t*>(text.data());
  auto size = static_cast<ptrdiff_t>(text.size());
  if (size <= 1 && (size == 0 || data[0] < 0x80)) return dup(size == 0 ? empty_str() : latin1_char(data[0]));
  DecodeScan scan = utf8_scan(data, size, 0, Input::kFinal);
  if (ATOLL_UNLIKELY(scan.reason != nullptr)) return decode_utf8(ts, text, errors, nullptr);
  if (scan.length == 1) {
    uint32_t c;
    utf8_write(data, size, TextKind::k4, &c);
    return str_from_char(ts, c);
  }
  void* out;
  PyObject* s = str_allocate(ts, scan.length, scan.max_class, &out);
  if (s == nullptr) return {};
  if (scan.max_class == 0x7F) {
    copy_short(out, data, text.size());
  } else {
    utf8_write(data, size, text_kind_for(scan.max_class), out);
  }
  return steal(s);
}

Ref<> str_exact(ThreadState& ts, PyObject* s) {
  if (ATOLL_LIKELY(is_exact_str(s))) return dup(s);
  Py_ssize_t n = str_length(s);
  if (n == 0) return dup(empty_str());
  void* data;
  PyObject* copy = str_allocate(ts, n, str_max_class(s), &data);
  if (copy != nullptr) std::memcpy(data, str_data(s), static_cast<size_t>(n) * str_kind(s));
  return steal(copy);
}

Ref<> str_substring(ThreadState& ts, PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  Py_ssize_t length = str_length(s);
  if (end > length) end = length;
  if (start >= end) return dup(empty_str());
  if (start == 0 && end == length) return str_exact(ts, s);
  TextView part = text_slice(str_view(s), start, end);
  if (str_is_ascii(s)) {
    return str_from_ascii(ts, {static_cast<const char*>(part.data), static_cast<size_t>(part.length)});
  }
  return str_from_view(ts, part);
}

// ---- concatenation -------------------------------------------------------------------------------------------------

Ref<> str_concat(ThreadState& ts, PyObject* a, PyObject* b) {
  Py_ssize_t na = str_length(a), nb = str_length(b);
  if (na == 0) return str_exact(ts, b);
  if (nb == 0) return str_exact(ts, a);
  if (ATOLL_UNLIKELY(na > PY_SSIZE_T_MAX - nb)) {
    return raise(ts, PyExc_OverflowError, "strings are too large to concat");
  }
  uint32_t ma = str_max_class(a), mb = str_max_class(b);
  uint32_t m = ma > mb ? ma : mb;
  void* data;
  PyObject* s = str_allocate(ts, na + nb, m, &data);
  if (s == nullptr) return {};
  if (str_kind(s) == 1) {
    copy_short(data, str_data(a), static_cast<size_t>(na));
    copy_short(static_cast<char*>(data) + na, str_data(b), static_cast<size_t>(nb));
  } else {
    TextKind kind = text_kind_for(m);
    text_convert(str_view(a), kind, data);
    text_convert(str_view(b), kind, static_cast<char*>(data) + na * static_cast<Py_ssize_t>(kind));
  }
  return steal(s);
}

Status str_append(ThreadState& ts, Ref<>* left, PyObject* right) {
  PyObject* a = left->get();
  Py_ssize_t na = str_length(a), nb = str_length(right);
  if (nb == 0 && is_exact_str(a)) return Status::kOk;
  PyASCIIObject* head = str_head(a);
  bool mine = a->ob_refcnt == 1 && is_exact_str(a) && head->state.interned == 0 && head->state.compact &&
              str_kind(right) <= str_kind(a) && (!head->state.ascii || str_is_ascii(right)) && na <= PY_SSIZE_T_MAX / 8 - nb;
  if (!mine || a == right || na == 0) {
    Ref<> joined = str_concat(ts, a, right);
    if (!joined) return Status::kError;
    *left = std::move(joined);
    return Status::kOk;
  }
  unsigned kind = str_kind(a);
  size_t prefix = head->state.ascii ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject);
  size_t needed = prefix + static_cast<size_t>(na + nb + 1) * kind;
  str_drop_caches(ts, a);
  if (needed > Heap::usable_size(a)) {
    // A long text that has grown once will grow again: the slack makes a loop of appends linear.
    size_t wanted = needed > 256 ? needed + needed / 8 : needed;
    void* moved = ts.interpreter().heap.realloc(a, wanted);
    if (moved == nullptr) return raise_memory(ts);
    static_cast<void>(left->release());
    a = static_cast<PyObject*>(moved);
    *left = steal(a);
  }
  char* end = static_cast<char*>(str_data(a)) + na * kind;
  if (str_kind(right) == kind) {
    copy_short(end, str_data(right), static_cast<size_t>(nb) * kind);
  } else {
    text_convert(str_view(right), static_cast<TextKind>(kind), end);
  }
  str_put(kind, end, nb, 0);
  str_head(a)->length = na + nb;
  return Status::kOk;
}

Ref<> str_join(ThreadState& ts, PyObject* separator, PyObject* const* items, Py_ssize_t n) {
  if (n == 0) return dup(empty_str());
  if (n == 1 && is_exact_str(items[0])) return dup(items[0]);
  Py_ssize_t sep_length = 1;
  uint32_t max_class = 0x7F;
  const char* sep_data = " ";
  TextView sep_view{sep_data, 1, TextKind::k1};
  if (separator != nullptr) {
    if (!is_str(separator)) {
      return raise(ts, PyExc_TypeError, "separator: expected str instance, %.80T found", separator);
    }
    sep_view = str_view(separator);
    sep_length = sep_view.length;
    if (n > 1) max_class = str_max_class(separator);
  }
  Py_ssize_t total = 0;
  bool same_kind = true;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = items[i];
    if (ATOLL_UNLIKELY(!is_str(item))) {
      return raise(ts, PyExc_TypeError, "sequence item %zd: expected str instance, %.80T found", i, item);
    }
    uint32_t m = str_max_class(item);
    if (m > max_class) max_class = m;
    Py_ssize_t add = str_length(item) + (i + 1 < n ? sep_length : 0);
    if (ATOLL_UNLIKELY(total > PY_SSIZE_T_MAX - add)) {
      return raise(ts, PyExc_OverflowError, "join() result is too long for a Python string");
    }
    total += add;
  }
  if (total == 0) return dup(empty_str());
  void* data;
  PyObject* s = str_allocate(ts, total, max_class, &data);
  if (s == nullptr) return {};
  TextKind kind = text_kind_for(max_class);
  auto* out = static_cast<char*>(data);
  auto unit = static_cast<Py_ssize_t>(kind);
  same_kind = kind == TextKind::k1;
  if (same_kind) {
    auto* sep = static_cast<const char*>(sep_view.data);
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (i != 0 && sep_length != 0) {
        if (sep_length == 1) {
          *out = *sep;
        } else {
          copy_short(out, sep, static_cast<size_t>(sep_length));
        }
        out += sep_length;
      }
      auto length = static_cast<size_t>(str_length(items[i]));
      copy_short(out, str_data(items[i]), length);
      out += length;
    }
  } else {
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (i != 0 && sep_length != 0) {
        text_convert(sep_view, kind, out);
        out += sep_length * unit;
      }
      text_convert(str_view(items[i]), kind, out);
      out += str_length(items[i]) * unit;
    }
  }
  return steal(s);
}

Ref<> str_join_iterable(ThreadState& ts, PyObject* separator, PyObject* iterable) {
  if (is_exact_list(iterable)) {
    // Nothing below runs Python code, so the list stays as it is.
    return str_join(ts, separator, list_items(iterable), list_size(iterable));
  }
  if (is_exact_tuple(iterable)) return str_join(ts, separator, tuple_items(iterable), tuple_size(iterable));
  Ref<> seq = steal(PySequence_Fast(iterable, "can only join an iterable"));
  if (!seq) return {};
  bool list = is_list(seq.get());
  return str_join(ts, separator, list ? list_items(seq.get()) : tuple_items(seq.get()),
                  list ? list_size(seq.get()) : tuple_size(seq.get()));
}

Ref<> str_repeat(ThreadState& ts, PyObject* s, Py_ssize_t n) {
  Py_ssize_t length = str_length(s);
  if (n < 1 || length == 0) return dup(empty_str());
  if (n == 1) return str_exact(ts, s);
  if (length > PY_SSIZE_T_MAX / n) return raise(ts, PyExc_OverflowError, "repeated string is too long");
  void* data;
  PyObject* r = str_allocate(ts, length * n, str_max_class(s), &data);
  if (r == nullptr) return {};
  if (length == 1) {
    text_fill(static_cast<TextKind>(str_kind(s)), data, n, str_at(s, 0));
    return steal(r);
  }
  size_t piece = static_cast<size_t>(length) * str_kind(s), total = piece * static_cast<size_t>(n);
  std::memcpy(data, str_data(s), piece);
  for (size_t done = piece; done < total;) {
    size_t step = done < total - done ? done : total - done;
    std::memcpy(static_cast<char*>(data) + done, data, step);
    done += step;
  }
  return steal(r);
}

// ---- comparison ------------------------------------------------------------------------------------------------------

bool str_equal(const PyObject* a, const PyObject* b) {
  if (a == b) return true;
  Py_ssize_t n = str_length(a);
  if (n != str_length(b)) return false;
  unsigned kind = str_kind(a);
  if (kind != str_kind(b)) return false;
  return std::memcmp(str_data(a), str_data(b), static_cast<size_t>(n) * kind) == 0;
}

bool str_equals_ascii(const PyObject* a, std::string_view text) {
  return str_is_ascii(a) && str_length(a) == static_cast<Py_ssize_t>(text.size()) &&
         std::memcmp(str_data(a), text.data(), text.size()) == 0;
}

int str_compare(const PyObject* a, const PyObject* b) {
  if (a == b) return 0;
  return text_compare(str_view(a), str_view(b));
}

Py_hash_t str_hash_fill(const PyObject* o) {
  Py_hash_t hash = hash_memory(str_data(o), static_cast<size_t>(str_length(o)) * str_kind(o));
  return str_head(o)->hash = hash;
}

// ---- searching -------------------------------------------------------------------------------------------------------

Py_ssize_t str_find(const PyObject* hay, const PyObject* needle, Py_ssize_t start, Py_ssize_t end, int direction) {
  Py_ssize_t length = str_length(hay);
  clip_range(length, &start, &end);
  if (end - start < str_length(needle) || str_max_class(needle) > str_max_class(hay)) return -1;
  TextView part = text_slice(str_view(hay), start, end), what = str_view(needle);
  ptrdiff_t at = direction >= 0 ? text_find(part, what) : text_rfind(part, what);
  return at < 0 ? -1 : at + start;
}

// ---- UTF-8 form ------------------------------------------------------------------------------------------------------

const char* str_utf8(ThreadState& ts, PyObject* s, Py_ssize_t* size) {
  PyASCIIObject* head = str_head(s);
  if (ATOLL_LIKELY(head->state.ascii)) {
    if (size != nullptr) *size = head->length;
    return static_cast<const char*>(str_data(s));
  }
  auto* compact = reinterpret_cast<PyCompactUnicodeObject*>(s);
  if (compact->utf8 == nullptr) {
    EncodeScan scan = utf8_measure(str_view(s), 0);
    if (scan.reason != nullptr) {
      return raise_encode_error(ts, "utf-8", s, scan.stop, scan.error_end, scan.reason);
    }
    auto* out = static_cast<uint8_t*>(object_alloc(ts, static_cast<size_t>(scan.size) + 1));
    if (out == nullptr) return nullptr;
    *utf8_encode(str_view(s), out) = 0;
    compact->utf8 = reinterpret_cast<char*>(out);
    compact->utf8_length = scan.size;
  }
  if (size != nullptr) *size = compact->utf8_length;
  return compact->utf8;
}

void str_drop_caches(ThreadState& ts, PyObject* s) {
  PyASCIIObject* head = str_head(s);
  head->hash = -1;
  void* data = str_data(s);
  if (head->wstr != nullptr) {
    if (head->wstr != data) object_free(ts, head->wstr);
    head->wstr = nullptr;
  }
  if (head->state.compact && head->state.ascii) return;
  auto* compact = reinterpret_cast<PyCompactUnicodeObject*>(s);
  compact->wstr_length = 0;
  if (compact->utf8 != nullptr) {
    if (compact->utf8 != data) object_free(ts, compact->utf8);
    compact->utf8 = nullptr;
    compact->utf8_length = 0;
  }
}

// ---- replacing -------------------------------------------------------------------------------------------------------

namespace {

Ref<> replace_chars(ThreadState& ts, PyObject* s, uint32_t from, uint32_t to, Py_ssize_t max) {
  TextView view = str_view(s);
  ptrdiff_t at = text_find_char(view, from);
  if (at < 0) return str_exact(ts, s);
  uint32_t old_class = str_max_class(s);
  // Of the same width: copy and overwrite. The result may be narrower when `from` was of the widest class.
  if (to <= old_class && from <= 0x7F) {
    void* data;
    PyObject* r = str_allocate(ts, view.length, old_class, &data);
    if (r == nullptr) return {};
    std::memcpy(data, view.data, static_cast<size_t>(view.length) * static_cast<size_t>(view.kind));
    text_visit(view, [&](auto* typed) {
      using Char = std::remove_const_t<std::remove_pointer_t<decltype(typed)>>;
      auto* out = static_cast<Char*>(data);
      for (ptrdiff_t i = at; i < view.length && max > 0; ++i) {
        if (typed[i] == from) {
          out[i] = static_cast<Char>(to);
          --max;
        }
      }
    });
    return steal(r);
  }
  StrWriter w(ts);
  if (failed(w.prepare(view.length, to > old_class ? to : old_class))) return {};
  for (ptrdiff_t i = 0; i < view.length; ++i) {
    uint32_t c = text_read(view.kind, view.data, i);
    if (c == from && max > 0) {
      c = to;
      --max;
    }
    if (failed(w.put(c))) return {};
  }
  return w.finish();
}

}  // namespace

Ref<> str_replace(ThreadState& ts, PyObject* s, PyObject* from, PyObject* to, Py_ssize_t max) {
  if (max < 0) max = PY_SSIZE_T_MAX;
  Py_ssize_t n = str_length(s), nf = str_length(from), nt = str_length(to);
  if (max == 0 || n < nf || str_max_class(from) > str_max_class(s) || str_equal(from, to)) return str_exact(ts, s);
  if (nf == 1 && nt == 1) return replace_chars(ts, s, str_at(from, 0), str_at(to, 0), max);
  TextView hay = str_view(s), needle = str_view(from), with = str_view(to);
  Occurrences found;
  if (nf != 0 && !found.find(hay, needle, max)) return raise_memory(ts);
  Py_ssize_t count = nf != 0 ? found.count() : text_count(hay, needle, max);
  if (count == 0) return str_exact(ts, s);
  if (nt > nf && count > (PY_SSIZE_T_MAX - n) / (nt - nf)) {
    return raise(ts, PyExc_OverflowError, "replace string is too long");
  }
  Py_ssize_t total = n + count * (nt - nf);
  if (total == 0) return dup(empty_str());
  uint32_t ms = str_max_class(s), mt = str_max_class(to);
  uint32_t m = mt > ms ? mt : ms;
  TextKind kind = text_kind_for(m);
  auto unit = static_cast<Py_ssize_t>(kind);
  void* data;
  Ref<> r = steal(str_allocate(ts, total, m, &data));
  if (!r) return {};
  auto* out = static_cast<char*>(data);
  auto copy = [&](TextView piece) {
    if (piece.kind == kind) {
      copy_short(out, piece.data, static_cast<size_t>(piece.length * unit));
    } else {
      text_convert(piece, kind, out);
    }
    out += piece.length * unit;
  };
  if (nf == 0) {  // between all characters
    for (Py_ssize_t i = 0; i < count; ++i) {
      copy(with);
      if (i < n) copy(text_slice(hay, i, i + 1));
    }
    if (count < n) copy(text_slice(hay, count, n));
  } else {
    Py_ssize_t at = 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
      copy(text_slice(hay, at, found[i]));
      copy(with);
      at = found[i] + nf;
    }
    copy(text_slice(hay, at, n));
  }
  // What was taken out may have been all that was wide.
  if (ms > mt && str_max_class(from) == ms && ms > 0x7F) {
    if (text_max_class(str_view(r.get())) != m) return str_from_view(ts, str_view(r.get()));
  }
  return r;
}

}  // namespace atl
