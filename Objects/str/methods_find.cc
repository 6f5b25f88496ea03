// Methods of str that search, cut and replace.
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/find_args.h"
#include "Objects/str/layout.h"
#include "Objects/str/methods.h"
#include "Objects/str/text.h"
#include "Objects/tuple.h"

namespace atl {

Status slice_bound(ThreadState& ts, PyObject* o, Py_ssize_t* out) {
  if (o == nullptr || o == Py_None) return Status::kOk;
  if (!PyIndex_Check(o)) {
    return raise(ts, PyExc_TypeError, "slice indices must be integers or None or have an __index__ method");
  }
  return index_as_ssize(ts, o, out, nullptr);
}

Status find_args_parse(ThreadState& ts, const char* name, PyObject* const* args, Py_ssize_t n, FindArgs* out) {
  if (n < 1) return raise(ts, PyExc_TypeError, "%s() takes at least 1 argument (%zd given)", name, n);
  if (n > 3) return raise(ts, PyExc_TypeError, "%s() takes at most 3 arguments (%zd given)", name, n);
  out->what = args[0];
  if (n > 1 && failed(slice_bound(ts, args[1], &out->start))) return Status::kError;
  if (n > 2 && failed(slice_bound(ts, args[2], &out->end))) return Status::kError;
  return Status::kOk;
}

// ---- find and count --------------------------------------------------------------------------------------------------

namespace {

Status text_args(ThreadState& ts, const char* name, PyObject* const* args, Py_ssize_t n, FindArgs* out) {
  if (failed(find_args_parse(ts, name, args, n, out))) return Status::kError;
  if (!is_str(out->what)) return raise(ts, PyExc_TypeError, "must be str, not %.100T", out->what);
  return Status::kOk;
}

template <int kDirection, bool kMust>
PyObject* find_method(ThreadState& ts, PyObject* self, PyObject* const* args, Py_ssize_t n, const char* name) {
  FindArgs a;
  if (failed(text_args(ts, name, args, n, &a))) return nullptr;
  Py_ssize_t at = str_find(self, a.what, a.start, a.end, kDirection);
  if (kMust && at < 0) return raise(ts, PyExc_ValueError, "substring not found");
  return int_from_ssize(ts, at).release();
}
}  // namespace

PyObject* str_find_method(PyObject* s, PyObject* const* args, Py_ssize_t n) {
  return find_method<1, false>(current_thread(), s, args, n, "find");
}
PyObject* str_rfind_method(PyObject* s, PyObject* const* args, Py_ssize_t n) {
  return find_method<-1, false>(current_thread(), s, args, n, "rfind");
}
PyObject* str_index_method(PyObject* s, PyObject* const* args, Py_ssize_t n) {
  return find_method<1, true>(current_thread(), s, args, n, "index");
}
PyObject* str_rindex_method(PyObject* s, PyObject* const* args, Py_ssize_t n) {
  return find_method<-1, true>(current_thread(), s, args, n, "rindex");
}

PyObject* str_count_method(PyObject* s, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  FindArgs a;
  if (failed(text_args(ts, "count", args, n, &a))) return nullptr;
  return int_from_ssize(ts, str_count(s, a.what, a.start, a.end)).release();
}

// ---- startswith, endswith --------------------------------------------------------------------------------------------

namespace {

PyObject* tail_method(ThreadState& ts, PyObject* s, PyObject* const* args, Py_ssize_t n, int direction, const char* name) {
  FindArgs a;
  if (failed(find_args_parse(ts, name, args, n, &a))) return nullptr;
  if (is_tuple(a.what)) {
    for (Py_ssize_t i = 0; i < tuple_size(a.what); ++i) {
      PyObject* item = tuple_peek(a.what, i);
      if (!is_str(item)) {
        return raise(ts, PyExc_TypeError, "tuple for %s must only contain str, not %.100T", name, item);
      }
      if (str_tailmatch(s, item, a.start, a.end, direction)) return new_ref(Py_True);
    }
    return new_ref(Py_False);
  }
  if (!is_str(a.what)) {
    return raise(ts, PyExc_TypeError, "%s first arg must be str or a tuple of str, not %.100T", name, a.what);
  }
  return new_bool(str_tailmatch(s, a.what, a.start, a.end, direction)).release();
}
}  // namespace

PyObject* str_startswith(PyObject* s, PyObject* const* args, Py_ssize_t n) {
  return tail_method(current_thread(), s, args, n, -1, "startswith");
}
PyObject* str_endswith(PyObject* s, PyObject* const* args, Py_ssize_t n) {
  return tail_method(current_thread(), s, args, n, 1, "endswith");
}

Py_ssize_t str_count(PyObject* s, PyObject* what, Py_ssize_t start, Py_ssize_t end) {
  clip_range(str_length(s), &start, &end);
  if (end - start < str_length(what) || str_max_class(what) > str_max_class(s)) return 0;
  return text_count(text_slice(str_view(s), start, end), str_view(what));
}

bool str_tailmatch(PyObject* s, PyObject* part, Py_ssize_t start, Py_ssize_t end, int direction) {
  clip_range(str_length(s), &start, &end);
  Py_ssize_t n = str_length(part);
  if (end - start < n) return false;
  if (n == 0) return true;
  TextView text = str_view(s), what = str_view(part);
  if (what.kind > text.kind) return false;
  Py_ssize_t at = direction > 0 ? end - n : start;
  if (what.kind == text.kind) {
    return std::memcmp(text_slice(text, at, at + n).data, what.data, static_cast<size_t>(n) * static_cast<size_t>(text.kind)) == 0;
  }
  return text_equal(text_slice(text, at, at + n), what);
}

// ---- split -----------------------------------------------------------------------------------------------------------

namespace {

// Appends text[start:end] of s to the list.
ATOLL_INLINE Status append_piece(ThreadState& ts, PyObject* list, PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  if (str_is_ascii(s) && start < end && is_exact_str(s)) {
    if (start == 0 && end == str_length(s)) return list_append(ts, list, dup(s));
    PyObject* piece = str_ascii_piece(ts, static_cast<const char*>(str_data(s)) + start, end - start);
    return piece != nullptr ? list_append(ts, list, steal(piece)) : Status::kError;
  }
  Ref<> piece = str_substring(ts, s, start, end);
  return piece ? list_append(ts, list, std::move(piece)) : Status::kError;
}

Ref<> new_piece_list(ThreadState& ts, Py_ssize_t max) { return list_new_room(ts, max < 12 ? max + 1 : 12); }

struct AsciiSpace {
  bool is[128] = {};
  constexpr AsciiSpace() {
    for (int c = 9; c <= 13; ++c) is[c] = true;
    for (int c = 28; c <= 32; ++c) is[c] = true;
  }
};
constexpr AsciiSpace kAsciiSpace;

Ref<> split_space(ThreadState& ts, PyObject* s, Py_ssize_t max) {
  TextView text = str_view(s);
  Ref<> list = new_piece_list(ts, max);
  if (!list) return {};
  if (str_is_ascii(s)) {
    auto* data = static_cast<const uint8_t*>(text.data);
    auto space = [&](Py_ssize_t i) { return kAsciiSpace.is[data[i]]; };
    for (Py_ssize_t at = 0, n = text.length; max > 0; --max) {
      while (at < n && space(at)) ++at;
      if (at >= n) return list;
      Py_ssize_t end = at + 1;
      while (end < n && !space(end)) ++end;
      if (failed(append_piece(ts, list.get(), s, at, end))) return {};
      at = end;
      if (max == 1) {
        while (at < n && space(at)) ++at;
        if (at < n && failed(append_piece(ts, list.get(), s, at, n))) return {};
        return list;
      }
    }
  }
  for (Py_ssize_t at = 0;; --max) {
    at = text_skip_space(text, at);
    if (at >= text.length) break;
    Py_ssize_t end = max > 0 ? text_find_space(text, at) : text.length;
    if (failed(append_piece(ts, list.get(), s, at, end))) return {};
    if (max <= 0) break;
    at = end;
  }
  return list;
}

Ref<> rsplit_space(ThreadState& ts, PyObject* s, Py_ssize_t max) {
  TextView text = str_view(s);
  Ref<> list = new_piece_list(ts, max);
  if (!list) return {};
  Py_ssize_t end = text.length;
  for (;; --max) {
    end = text_rskip_space(text_slice(text, 0, end), 0);
    if (end <= 0) break;
    Py_ssize_t start = max > 0 ? end : 0;
    if (max > 0) {
      text_visit(text, [&](auto* chars) {
        while (start > 0 && !uc_is_space(chars[start - 1])) --start;
        return 0;
      });
    }
    if (failed(append_piece(ts, list.get(), s, start, end))) return {};
    if (max <= 0) break;
    end = start;
  }
  if (failed(list_reverse(list.get()))) return {};
  return list;
}

// The first c in [at, n), near ones without a call; n if there is none.
ATOLL_INLINE Py_ssize_t next_byte(const uint8_t* data, Py_ssize_t at, Py_ssize_t n, uint8_t c) {
  Py_ssize_t near = n - at > 16 ? at + 16 : n;
  for (; at < near; ++at) {
    if (data[at] == c) return at;
  }
  if (at == n) return n;
  auto* found = static_cast<const uint8_t*>(std::memchr(data + at, c, static_cast<size_t>(n - at)));
  return found != nullptr ? found - data : n;
}

Ref<> split_by(ThreadState& ts, PyObject* s, PyObject* sep, Py_ssize_t max) {
  TextView text = str_view(s), what = str_view(sep);
  Ref<> list = new_piece_list(ts, max);
  if (!list) return {};
  Py_ssize_t at = 0;
  if (what.length == 1 && text.kind == TextKind::k1 && what.kind == TextKind::k1) {
    auto* data = static_cast<const uint8_t*>(text.data);
    uint8_t c = *static_cast<const uint8_t*>(what.data);
    for (; max > 0; --max) {
      Py_ssize_t end = next_byte(data, at, text.length, c);
      if (end == text.length) break;
      if (failed(append_piece(ts, list.get(), s, at, end))) return {};
      at = end + 1;
    }
    if (failed(append_piece(ts, list.get(), s, at, text.length))) return {};
    return list;
  }
  uint32_t c = what.length == 1 ? text_read(what.kind, what.data, 0) : 0;
  if (str_max_class(sep) > str_max_class(s)) max = 0;
  for (; max > 0; --max) {
    TextView rest = text_slice(text, at, text.length);
    Py_ssize_t found = what.length == 1 ? text_find_char(rest, c) : text_find(rest, what);
    if (found < 0) break;
    if (failed(append_piece(ts, list.get(), s, at, at + found))) return {};
    at += found + what.length;
  }
  if (failed(append_piece(ts, list.get(), s, at, text.length))) return {};
  return list;
}

Ref<> rsplit_by(ThreadState& ts, PyObject* s, PyObject* sep, Py_ssize_t max) {
  TextView text = str_view(s), what = str_view(sep);
  Ref<> list = new_piece_list(ts, max);
  if (!list) return {};
  Py_ssize_t end = text.length;
  for (; max > 0; --max) {
    TextView rest = text_slice(text, 0, end);
    Py_ssize_t found = what.length == 1 ? text_rfind_char(rest, text_read(what.kind, what.data, 0)) : text_rfind(rest, what);
    if (found < 0) break;
    if (failed(append_piece(ts, list.get(), s, found + what.length, end))) return {};
    end = found;
  }
  if (failed(append_piece(ts, list.get(), s, 0, end)) || failed(list_reverse(list.get()))) return {};
  return list;
}

Ref<> split_any(ThreadState& ts, PyObject* s, PyObject* sep, Py_ssize_t max, bool right) {
  if (max < 0) max = PY_SSIZE_T_MAX;
  if (sep == nullptr || sep == Py_None) return right ? rsplit_space(ts, s, max) : split_space(ts, s, max);
  if (!is_str(sep)) return raise(ts, PyExc_TypeError, "must be str or None, not %.100T", sep);
  if (str_length(sep) == 0) return raise(ts, PyExc_ValueError, "empty separator");
  return right ? rsplit_by(ts, s, sep, max) : split_by(ts, s, sep, max);
}

}  // namespace

Ref<> str_split(ThreadState& ts, PyObject* s, PyObject* sep, Py_ssize_t max) { return split_any(ts, s, sep, max, false); }
Ref<> str_rsplit(ThreadState& ts, PyObject* s, PyObject* sep, Py_ssize_t max) { return split_any(ts, s, sep, max, true); }

Ref<> str_splitlines(ThreadState& ts, PyObject* s, bool keepends) {
  TextView text = str_view(s);
  Ref<> list = list_new_room(ts, 0);
  if (!list) return {};
  for (Py_ssize_t at = 0; at < text.length;) {
    LineSpan line = text_line(text, at);
    if (failed(append_piece(ts, list.get(), s, at, keepends ? line.next : line.end))) return {};
    at = line.next;
  }
  return list;
}

namespace {

Ref<> partition_any(ThreadState& ts, PyObject* s, PyObject* sep, bool right) {
  if (!is_str(sep)) return raise(ts, PyExc_TypeError, "must be str, not %.100T", sep);
  if (str_length(sep) == 0) return raise(ts, PyExc_ValueError, "empty separator");
  Py_ssize_t at = str_find(s, sep, 0, PY_SSIZE_T_MAX, right ? -1 : 1);
  if (at < 0) {
    Ref<> whole = str_exact(ts, s);
    if (!whole) return {};
    return right ? tuple_of(ts, empty_str(), empty_str(), whole.get()) : tuple_of(ts, whole.get(), empty_str(), empty_str());
  }
  Ref<> before = str_substring(ts, s, 0, at), after = str_substring(ts, s, at + str_length(sep), PY_SSIZE_T_MAX);
  Ref<> middle = str_exact(ts, sep);
  return before && after && middle ? tuple_of(ts, before.get(), middle.get(), after.get()) : Ref<>();
}

}  // namespace

Ref<> str_partition(ThreadState& ts, PyObject* s, PyObject* sep) { return partition_any(ts, s, sep, false); }
Ref<> str_rpartition(ThreadState& ts, PyObject* s, PyObject* sep) { return partition_any(ts, s, sep, true); }

// ---- strip -----------------------------------------------------------------------------------------------------------

Ref<> str_strip_chars(ThreadState& ts, PyObject* s, int sides, PyObject* chars) {
  TextView text = str_view(s);
  Py_ssize_t start = 0, end = text.length;
  if (chars == nullptr || chars == Py_None) {
    if (sides & kStripLeft) start = text_skip_space(text, 0);
    if (sides & kStripRight) end = text_rskip_space(text, start);
  } else {
    TextView set = str_view(chars);
    uint64_t bloom = 0;
    for (Py_ssize_t i = 0; i < set.length; ++i) bloom |= uint64_t{1} << (text_read(set.kind, set.data, i) & 63);
    auto in_set = [&](uint32_t c) { return (bloom >> (c & 63) & 1) && text_find_char(set, c) >= 0; };
    if (sides & kStripLeft) {
      while (start < end && in_set(text_read(text.kind, text.data, start))) ++start;
    }
    if (sides & kStripRight) {
      while (end > start && in_set(text_read(text.kind, text.data, end - 1))) --end;
    }
  }
  return str_substring(ts, s, start, end);
}

namespace {

Ref<> strip_method(ThreadState& ts, PyObject* s, PyObject* chars, int sides, const char* name) {
  if (chars != nullptr && chars != Py_None && !is_str(chars)) {
    return raise(ts, PyExc_TypeError, "%s arg must be None or str", name);
  }
  return str_strip_chars(ts, s, sides, chars);
}
}  // namespace

Ref<> str_strip(ThreadState& ts, PyObject* s, PyObject* chars) {
  return strip_method(ts, s, chars, kStripLeft | kStripRight, "strip");
}
Ref<> str_lstrip(ThreadState& ts, PyObject* s, PyObject* chars) { return strip_method(ts, s, chars, kStripLeft, "lstrip"); }
Ref<> str_rstrip(ThreadState& ts, PyObject* s, PyObject* chars) { return strip_method(ts, s, chars, kStripRight, "rstrip"); }

Ref<> str_removeprefix(ThreadState& ts, PyObject* s, PyUnicodeObject* prefix) {
  bool match = str_tailmatch(s, obj(prefix), 0, PY_SSIZE_T_MAX, -1);
  return str_substring(ts, s, match ? str_length(obj(prefix)) : 0, PY_SSIZE_T_MAX);
}
Ref<> str_removesuffix(ThreadState& ts, PyObject* s, PyUnicodeObject* suffix) {
  bool match = str_tailmatch(s, obj(suffix), 0, PY_SSIZE_T_MAX, 1);
  return str_substring(ts, s, 0, str_length(s) - (match ? str_length(obj(suffix)) : 0));
}

Ref<> str_replace_method(ThreadState& ts, PyObject* s, PyUnicodeObject* from, PyUnicodeObject* to, Py_ssize_t count) {
  return str_replace(ts, s, obj(from), obj(to), count);
}
Ref<> str_splitlines_method(ThreadState& ts, PyObject* s, int keepends) { return str_splitlines(ts, s, keepends != 0); }

// ---- maketrans -------------------------------------------------------------------------------------------------------

namespace {

Status put_mapping(ThreadState& ts, PyObject* table, uint32_t from, PyObject* to) {
  Ref<> key = int_from_i64(ts, from);
  return key ? dict_set(ts, table, key.get(), to) : Status::kError;
}

}  // namespace

Ref<> str_maketrans(ThreadState& ts, PyObject*, PyObject* x, PyUnicodeObject* y, PyUnicodeObject* z) {
  Ref<> table = dict_new(ts);
  if (!table) return {};
  if (y != nullptr) {
    if (!is_str(x)) {
      return raise(ts, PyExc_TypeError, "first maketrans argument must be a string if there is a second argument");
    }
    if (str_length(x) != str_length(obj(y))) {
      return raise(ts, PyExc_ValueError, "the first two maketrans arguments must have equal length");
    }
    for (Py_ssize_t i = 0; i < str_length(x); ++i) {
      Ref<> to = int_from_i64(ts, str_at(obj(y), i));
      if (!to || failed(put_mapping(ts, table.get(), str_at(x, i), to.get()))) return {};
    }
    if (z != nullptr) {
      for (Py_ssize_t i = 0; i < str_length(obj(z)); ++i) {
        if (failed(put_mapping(ts, table.get(), str_at(obj(z), i), Py_None))) return {};
      }
    }
    return table;
  }
  if (!is_exact_dict(x)) {
    return raise(ts, PyExc_TypeError, "if you give only one argument to maketrans it must be a dict");
  }
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(x, &pos, &key, &value)) {
    if (is_str(key)) {
      if (str_length(key) != 1) return raise(ts, PyExc_ValueError, "string keys in translate table must be of length 1");
      if (failed(put_mapping(ts, table.get(), str_at(key, 0), value))) return {};
    } else if (is_int(key)) {
      Ref<> held_key = dup(key), held_value = dup(value);
      if (failed(dict_set(ts, table.get(), key, value))) return {};
    } else {
      return raise(ts, PyExc_TypeError, "keys in translate table must be strings or integers");
    }
  }
  return table;
}

}  // namespace atl
