// Methods of bytes and bytearray that search, cut, join and replace.
#include <cstring>

#include "Objects/bytes/layout.h"
#include "Objects/bytes/shared.h"
#include "Objects/bytes/writer.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/find_args.h"
#include "Objects/str/layout.h"
#include "Objects/str/occurrences.h"
#include "Objects/tuple.h"

namespace atl {

Status byte_value(ThreadState& ts, PyObject* o, uint8_t* out, const char* range_message) {
  Py_ssize_t v;
  if (is_exact_int(o) && int_is_compact(o)) {
    v = int_compact_value(o);
  } else {
    if (failed(index_as_ssize(ts, o, &v, nullptr))) return Status::kError;
  }
  if (v < 0 || v > 255) return raise(ts, PyExc_ValueError, "%s", range_message);
  *out = static_cast<uint8_t>(v);
  return Status::kOk;
}

Ref<> byte_new_like(ThreadState& ts, PyObject* self, Py_ssize_t size, char** data) {
  if (is_bytes(self)) {
    Ref<> r = bytes_new(ts, size);
    if (r) *data = bytes_data(r.get());
    return r;
  }
  Ref<> r = steal(PyByteArray_FromStringAndSize(nullptr, size));
  if (r) *data = PyByteArray_AS_STRING(r.get());
  return r;
}

Ref<> byte_from_like(ThreadState& ts, PyObject* self, std::string_view content) {
  if (!is_bytes(self)) return bytearray_from(ts, content);
  if (is_exact_bytes(self) && content.size() == static_cast<size_t>(bytes_size(self))) return dup(self);
  return bytes_from(ts, content);
}

// ---- find, index, count ----------------------------------------------------------------------------------------------

namespace {

void clip(Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* end) {
  if (*end > length) *end = length;
  if (*end < 0 && (*end += length) < 0) *end = 0;
  if (*start < 0 && (*start += length) < 0) *start = 0;
}

// What to look for: a buffer, or one byte given as an int.
struct Needle {
  ByteArg buffer;
  uint8_t byte = 0;
  bool single = false;

  Status get(ThreadState& ts, PyObject* o) {
    if (PyObject_CheckBuffer(o)) return buffer.get(o);
    if (!PyIndex_Check(o)) {
      return raise(ts, PyExc_TypeError, "argument should be integer or bytes-like object, not '%.200T'", o);
    }
    single = true;
    return byte_value(ts, o, &byte);
  }
  TextView view() const { return single ? TextView{&byte, 1, TextKind::k1} : text_of(buffer.bytes()); }
};

struct Search {
  FindArgs args;
  Needle needle;
  TextView hay;

  Status get(ThreadState& ts, const char* name, PyObject* self, PyObject* const* a, Py_ssize_t n) {
    if (failed(find_args_parse(ts, name, a, n, &args)) || failed(needle.get(ts, args.what))) return Status::kError;
    hay = text_of(byte_view(self));
    clip(hay.length, &args.start, &args.end);
    return Status::kOk;
  }
  bool impossible() const { return args.end - args.start < needle.view().length; }
  TextView part() const { return text_slice(hay, args.start, args.end); }
};

PyObject* find_any(PyObject* self, PyObject* const* a, Py_ssize_t n, const char* name, bool last, bool must) {
  ThreadState& ts = current_thread();
  Search s;
  if (failed(s.get(ts, name, self, a, n))) return nullptr;
  Py_ssize_t at = kNotFound;
  if (!s.impossible()) at = last ? text_rfind(s.part(), s.needle.view()) : text_find(s.part(), s.needle.view());
  if (at >= 0) at += s.args.start;
  if (must && at < 0) return raise(ts, PyExc_ValueError, "subsection not found");
  return int_from_ssize(ts, at).release();
}

}  // namespace

PyObject* byte_find(PyObject* s, PyObject* const* a, Py_ssize_t n) { return find_any(s, a, n, "find", false, false); }
PyObject* byte_rfind(PyObject* s, PyObject* const* a, Py_ssize_t n) { return find_any(s, a, n, "rfind", true, false); }
PyObject* byte_index(PyObject* s, PyObject* const* a, Py_ssize_t n) { return find_any(s, a, n, "index", false, true); }
PyObject* byte_rindex(PyObject* s, PyObject* const* a, Py_ssize_t n) { return find_any(s, a, n, "rindex", true, true); }

PyObject* byte_count(PyObject* self, PyObject* const* a, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Search s;
  if (failed(s.get(ts, "count", self, a, n))) return nullptr;
  return int_from_ssize(ts, s.impossible() ? 0 : text_count(s.part(), s.needle.view())).release();
}

Tri byte_contains(ThreadState& ts, PyObject* self, PyObject* item) {
  if (!PyObject_CheckBuffer(item) && PyIndex_Check(item)) {
    uint8_t byte;
    if (failed(byte_value(ts, item, &byte))) return Tri::kError;
    std::string_view v = byte_view(self);
    return tri(!v.empty() && std::memchr(v.data(), byte, v.size()) != nullptr);
  }
  ByteArg what;
  if (failed(what.get(item))) return Tri::kError;
  return tri(text_find(text_of(byte_view(self)), text_of(what.bytes())) >= 0);
}

// ---- startswith, endswith --------------------------------------------------------------------------------------------

namespace {

bool tail_matches(std::string_view self, std::string_view part, Py_ssize_t start, Py_ssize_t end, bool at_end) {
  clip(static_cast<Py_ssize_t>(self.size()), &start, &end);
  auto n = static_cast<Py_ssize_t>(part.size());
  if (end - start < n) return false;
  return std::memcmp(self.data() + (at_end ? end - n : start), part.data(), part.size()) == 0;
}

PyObject* tail_any(PyObject* self, PyObject* const* a, Py_ssize_t n, const char* name, bool at_end) {
  ThreadState& ts = current_thread();
  FindArgs args;
  if (failed(find_args_parse(ts, name, a, n, &args))) return nullptr;
  if (is_tuple(args.what)) {
    for (Py_ssize_t i = 0; i < tuple_size(args.what); ++i) {
      ByteArg part;
      if (failed(part.get(tuple_peek(args.what, i)))) return nullptr;
      if (tail_matches(byte_view(self), part.bytes(), args.start, args.end, at_end)) return new_ref(Py_True);
    }
    return new_ref(Py_False);
  }
  ByteArg part;
  if (failed(part.get(args.what))) {
    if (!error_matches(ts, PyExc_TypeError)) return nullptr;
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "%s first arg must be bytes or a tuple of bytes, not %.200T", name, args.what);
  }
  return new_bool(tail_matches(byte_view(self), part.bytes(), args.start, args.end, at_end)).release();
}

}  // namespace

PyObject* byte_startswith(PyObject* s, PyObject* const* a, Py_ssize_t n) { return tail_any(s, a, n, "startswith", false); }
PyObject* byte_endswith(PyObject* s, PyObject* const* a, Py_ssize_t n) { return tail_any(s, a, n, "endswith", true); }

// ---- split -----------------------------------------------------------------------------------------------------------

namespace {

Status append_piece(ThreadState& ts, PyObject* list, PyObject* self, std::string_view piece) {
  if (piece.size() > 1 && is_exact_bytes(self) && piece.size() < static_cast<size_t>(bytes_size(self))) {
    void* memory = object_alloc(ts, kBytesPrefix + piece.size() + 1);
    if (memory == nullptr) return Status::kError;
    PyObject* b = bytes_init(memory, static_cast<Py_ssize_t>(piece.size()));
    copy_short(bytes_data(b), piece.data(), piece.size());
    return list_append(ts, list, steal(b));
  }
  Ref<> item = byte_from_like(ts, self, piece);
  return item ? list_append(ts, list, std::move(item)) : Status::kError;
}

Ref<> split_space(ThreadState& ts, PyObject* self, std::string_view v, Py_ssize_t max) {
  Ref<> list = list_new_room(ts, max < 12 ? max + 1 : 12);
  if (!list) return {};
  size_t at = 0, n = v.size();
  for (;; --max) {
    while (at < n && byte_is_space(static_cast<uint8_t>(v[at]))) ++at;
    if (at >= n) break;
    size_t end = at;
    if (max > 0) {
      while (end < n && !byte_is_space(static_cast<uint8_t>(v[end]))) ++end;
    } else {
      end = n;
    }
    if (failed(append_piece(ts, list.get(), self, v.substr(at, end - at)))) return {};
    if (max <= 0) break;
    at = end;
  }
  return list;
}

Ref<> rsplit_space(ThreadState& ts, PyObject* self, std::string_view v, Py_ssize_t max) {
  Ref<> list = list_new_room(ts, max < 12 ? max + 1 : 12);
  if (!list) return {};
  size_t end = v.size();
  for (;; --max) {
    while (end > 0 && byte_is_space(static_cast<uint8_t>(v[end - 1]))) --end;
    if (end == 0) break;
    size_t start = end;
    if (max > 0) {
      while (start > 0 && !byte_is_space(static_cast<uint8_t>(v[start - 1]))) --start;
    } else {
      start = 0;
    }
    if (failed(append_piece(ts, list.get(), self, v.substr(start, end - start)))) return {};
    if (max <= 0) break;
    end = start;
  }
  if (failed(list_reverse(list.get()))) return {};
  return list;
}

Ref<> split_by(ThreadState& ts, PyObject* self, std::string_view v, std::string_view sep, Py_ssize_t max, bool right) {
  Ref<> list = list_new_room(ts, max < 12 ? max + 1 : 12);
  if (!list) return {};
  TextView what = text_of(sep);
  for (; max > 0; --max) {
    ptrdiff_t at = right ? text_rfind(text_of(v), what) : text_find(text_of(v), what);
    if (at < 0) break;
    auto found = static_cast<size_t>(at);
    std::string_view piece = right ? v.substr(found + sep.size()) : v.substr(0, found);
    if (failed(append_piece(ts, list.get(), self, piece))) return {};
    v = right ? v.substr(0, found) : v.substr(found + sep.size());
  }
  if (failed(append_piece(ts, list.get(), self, v))) return {};
  if (right && failed(list_reverse(list.get()))) return {};
  return list;
}

Ref<> split_any(ThreadState& ts, PyObject* self, PyObject* sep, Py_ssize_t max, bool right) {
  if (max < 0) max = PY_SSIZE_T_MAX;
  if (sep == nullptr || sep == Py_None) {
    std::string_view v = byte_view(self);
    return right ? rsplit_space(ts, self, v, max) : split_space(ts, self, v, max);
  }
  ByteArg what;
  if (failed(what.get(sep))) return {};
  if (what.bytes().empty()) return raise(ts, PyExc_ValueError, "empty separator");
  return split_by(ts, self, byte_view(self), what.bytes(), max, right);
}

}  // namespace

Ref<> byte_split(ThreadState& ts, PyObject* self, PyObject* sep, Py_ssize_t max) { return split_any(ts, self, sep, max, false); }
Ref<> byte_rsplit(ThreadState& ts, PyObject* self, PyObject* sep, Py_ssize_t max) { return split_any(ts, self, sep, max, true); }

Ref<> byte_splitlines(ThreadState& ts, PyObject* self, int keepends) {
  std::string_view v = byte_view(self);
  Ref<> list = list_new_room(ts, 0);
  if (!list) return {};
  auto length = static_cast<ptrdiff_t>(v.size());
  for (ptrdiff_t at = 0; at < length;) {
    LineSpan line = bytes_line(reinterpret_cast<const uint8_t*>(v.data()), length, at);
    ptrdiff_t end = keepends ? line.next : line.end;
    if (failed(append_piece(ts, list.get(), self, v.substr(static_cast<size_t>(at), static_cast<size_t>(end - at))))) return {};
    at = line.next;
  }
  return list;
}

namespace {

Ref<> partition_any(ThreadState& ts, PyObject* self, PyObject* sep, bool right) {
  Ref<> own_sep;  // a bytearray's parts are all bytearrays
  if (!is_bytes(self)) {
    ByteArg given;
    if (failed(given.get(sep))) return {};
    own_sep = bytearray_from(ts, given.bytes());
    if (!own_sep) return {};
    sep = own_sep.get();
  }
  ByteArg what;
  if (failed(what.get(sep))) return {};
  std::string_view v = byte_view(self), s = what.bytes();
  if (s.empty()) return raise(ts, PyExc_ValueError, "empty separator");
  ptrdiff_t at = right ? text_rfind(text_of(v), text_of(s)) : text_find(text_of(v), text_of(s));
  if (at < 0) {
    Ref<> whole = byte_from_like(ts, self, v), none1 = byte_from_like(ts, self, {}), none2 = byte_from_like(ts, self, {});
    if (!whole || !none1 || !none2) return {};
    return right ? tuple_of(ts, none1.get(), none2.get(), whole.get()) : tuple_of(ts, whole.get(), none1.get(), none2.get());
  }
  auto found = static_cast<size_t>(at);
  Ref<> before = byte_from_like(ts, self, v.substr(0, found)), after = byte_from_like(ts, self, v.substr(found + s.size()));
  return before && after ? tuple_of(ts, before.get(), sep, after.get()) : Ref<>();
}

}  // namespace

Ref<> byte_partition(ThreadState& ts, PyObject* self, PyObject* sep) { return partition_any(ts, self, sep, false); }
Ref<> byte_rpartition(ThreadState& ts, PyObject* self, PyObject* sep) { return partition_any(ts, self, sep, true); }

// ---- strip -----------------------------------------------------------------------------------------------------------

namespace {

Ref<> strip_any(ThreadState& ts, PyObject* self, PyObject* chars, bool left, bool right) {
  bool in[256] = {};
  if (chars == nullptr || chars == Py_None) {
    for (unsigned c = 0; c < 128; ++c) in[c] = byte_is_space(static_cast<uint8_t>(c));
  } else {
    ByteArg set;
    if (failed(set.get(chars))) return {};
    for (char c : set.bytes()) in[static_cast<uint8_t>(c)] = true;
  }
  std::string_view v = byte_view(self);
  size_t start = 0, end = v.size();
  if (left) {
    while (start < end && in[static_cast<uint8_t>(v[start])]) ++start;
  }
  if (right) {
    while (end > start && in[static_cast<uint8_t>(v[end - 1])]) --end;
  }
  return byte_from_like(ts, self, v.substr(start, end - start));
}

}  // namespace

Ref<> byte_strip(ThreadState& ts, PyObject* self, PyObject* chars) { return strip_any(ts, self, chars, true, true); }
Ref<> byte_lstrip(ThreadState& ts, PyObject* self, PyObject* chars) { return strip_any(ts, self, chars, true, false); }
Ref<> byte_rstrip(ThreadState& ts, PyObject* self, PyObject* chars) { return strip_any(ts, self, chars, false, true); }

Ref<> byte_removeprefix(ThreadState& ts, PyObject* self, PyObject* prefix) {
  ByteArg part;
  if (failed(part.get(prefix))) return {};
  std::string_view v = byte_view(self), p = part.bytes();
  bool match = v.size() >= p.size() && v.substr(0, p.size()) == p;
  return byte_from_like(ts, self, match ? v.substr(p.size()) : v);
}
Ref<> byte_removesuffix(ThreadState& ts, PyObject* self, PyObject* suffix) {
  ByteArg part;
  if (failed(part.get(suffix))) return {};
  std::string_view v = byte_view(self), p = part.bytes();
  bool match = v.size() >= p.size() && v.substr(v.size() - p.size()) == p;
  return byte_from_like(ts, self, match ? v.substr(0, v.size() - p.size()) : v);
}

// ---- replace ---------------------------------------------------------------------------------------------------------

Ref<> byte_replace(ThreadState& ts, PyObject* self, PyObject* from_arg, PyObject* to_arg, Py_ssize_t max) {
  ByteArg from_buffer, to_buffer;
  if (failed(from_buffer.get(from_arg)) || failed(to_buffer.get(to_arg))) return {};
  std::string_view v = byte_view(self), from = from_buffer.bytes(), to = to_buffer.bytes();
  if (max < 0) max = PY_SSIZE_T_MAX;
  auto n = static_cast<Py_ssize_t>(v.size()), nf = static_cast<Py_ssize_t>(from.size()), nt = static_cast<Py_ssize_t>(to.size());
  Py_ssize_t count = 0;
  Occurrences found;
  if (nf == 0) {
    count = text_count(text_of(v), text_of(from), max);
  } else if (n >= nf) {
    if (!found.find(text_of(v), text_of(from), max)) return raise_memory(ts);
    count = found.count();
  }
  if (count == 0) return byte_from_like(ts, self, v);
  if (nt > nf && count > (PY_SSIZE_T_MAX - n) / (nt - nf)) {
    return raise(ts, PyExc_OverflowError, "replace bytes is too long");
  }
  char* out = nullptr;
  Ref<> r = byte_new_like(ts, self, n + count * (nt - nf), &out);
  if (!r) return {};
  auto copy = [&](std::string_view piece) {
    copy_short(out, piece.data(), piece.size());
    out += piece.size();
  };
  size_t at = 0;
  if (nf == 0) {
    for (; count > 0; --count) {
      copy(to);
      if (at < v.size()) *out++ = v[at++];
    }
  } else {
    for (Py_ssize_t i = 0; i < count; ++i) {
      auto next = static_cast<size_t>(found[i]);
      copy(v.substr(at, next - at));
      copy(to);
      at = next + from.size();
    }
  }
  copy(v.substr(at));
  return r;
}

// ---- join ------------------------------------------------------------------------------------------------------------

Ref<> byte_join(ThreadState& ts, PyObject* self, PyObject* iterable) {
  Ref<> seq = steal(PySequence_Fast(iterable, "can only join an iterable"));
  if (!seq) return {};
  bool list = is_list(seq.get());
  PyObject** items = list ? list_items(seq.get()) : tuple_items(seq.get());
  Py_ssize_t n = list ? list_size(seq.get()) : tuple_size(seq.get());
  if (n == 0) return byte_from_like(ts, self, {});
  if (n == 1 && is_bytes(self) && is_exact_bytes(items[0])) return dup(items[0]);
  constexpr Py_ssize_t kFew = 16;
  Py_buffer few[kFew];
  Py_buffer* views = few;
  if (n > kFew) {
    if (static_cast<size_t>(n) > SIZE_MAX / 2 / sizeof(Py_buffer)) return raise_memory(ts);
    views = static_cast<Py_buffer*>(std::malloc(static_cast<size_t>(n) * sizeof(Py_buffer)));
    if (views == nullptr) return raise_memory(ts);
  }
  Py_ssize_t got = 0;
  ScopeGuard release([&] {
    for (Py_ssize_t i = 0; i < got; ++i) {
      if (views[i].obj != nullptr) PyBuffer_Release(&views[i]);
    }
    if (views != few) std::free(views);
  });
  auto sep_size = static_cast<Py_ssize_t>(byte_view(self).size());
  Py_ssize_t total = 0;
  for (; got < n; ++got) {
    PyObject* item = items[got];
    Py_buffer& view = views[got];
    if (is_exact_bytes(item)) {
      view.obj = new_ref(item);
      view.buf = bytes_data(item);
      view.len = bytes_size(item);
      view.internal = nullptr;
    } else if (PyObject_GetBuffer(item, &view, PyBUF_SIMPLE) != 0) {
      if (error_matches(ts, PyExc_BufferError)) return {};
      error_clear(ts);
      return raise(ts, PyExc_TypeError, "sequence item %zd: expected a bytes-like object, %.80T found", got, item);
    }
    Py_ssize_t add = view.len + (got != 0 ? sep_size : 0);
    if (total > PY_SSIZE_T_MAX - add) {
      ++got;
      return raise(ts, PyExc_OverflowError, "join() result is too long");
    }
    total += add;
    Py_ssize_t size_now = list ? list_size(seq.get()) : n;
    if (size_now != n) {
      ++got;
      return raise(ts, PyExc_RuntimeError, "sequence changed size during iteration");
    }
  }
  char* out = nullptr;
  Ref<> r = byte_new_like(ts, self, total, &out);
  if (!r) return {};
  std::string_view sep = byte_view(self);
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (i != 0) {
      std::memcpy(out, sep.data(), sep.size());
      out += sep.size();
    }
    std::memcpy(out, views[i].buf, static_cast<size_t>(views[i].len));
    out += views[i].len;
  }
  return r;
}

}  // namespace atl
