// Newline handling, IncrementalNewlineDecoder and StringIO.
#include <cstring>

#include "Modules/_io/io.h"

namespace atl::io {

// ---- where a line ends -------------------------------------------------------------------------------------------

namespace {
Py_ssize_t find_char(PyObject* text, uint32_t c, Py_ssize_t from) {
  unsigned kind = str_kind(text);
  const void* data = str_data(text);
  Py_ssize_t n = str_length(text);
  if (kind == 1 && c < 256) {
    auto* p = static_cast<const char*>(data);
    auto* hit = static_cast<const char*>(std::memchr(p + from, static_cast<int>(c), static_cast<size_t>(n - from)));
    return hit != nullptr ? hit - p : -1;
  }
  for (Py_ssize_t i = from; i < n; ++i) {
    if (str_read(kind, data, i) == c) return i;
  }
  return -1;
}
}  // namespace

Py_ssize_t find_line_end(bool translated, bool universal, PyObject* newline, PyObject* text, Py_ssize_t start, Py_ssize_t* consumed) {
  Py_ssize_t n = str_length(text);
  if (translated) {
    Py_ssize_t at = find_char(text, '\n', start);
    if (at >= 0) return at + 1;
    *consumed = n;
    return -1;
  }
  if (universal) {
    // \n, \r or \r\n; a \r at the end may be half of one, but what was decoded is complete.
    Py_ssize_t lf = find_char(text, '\n', start);
    Py_ssize_t cr = find_char(text, '\r', start);
    if (lf < 0 && cr < 0) {
      *consumed = n;
      return -1;
    }
    if (cr < 0 || (lf >= 0 && lf < cr)) return lf + 1;
    return lf == cr + 1 ? cr + 2 : cr + 1;
  }
  Py_ssize_t m = str_length(newline);
  Py_ssize_t at = str_find(text, newline, start, n, 1);
  if (at >= 0) return at + m;
  // The beginning of a line end may stand at the end.
  *consumed = n - start >= m ? n - m + 1 : start;
  for (Py_ssize_t i = *consumed; i < n; ++i) {
    if (str_at(text, i) == str_at(newline, 0)) {
      *consumed = i;
      return -1;
    }
  }
  *consumed = n;
  return -1;
}

// ---- IncrementalNewlineDecoder -----------------------------------------------------------------------------------

namespace {

enum Seen : unsigned { kCr = 1, kLf = 2, kCrLf = 4 };

struct NewlineDecoder {
  PyObject ob_base;
  PyObject* decoder;
  PyObject* errors;
  bool pending_cr, translate;
  unsigned seen;
};
NewlineDecoder* as_nl(PyObject* o) { return reinterpret_cast<NewlineDecoder*>(o); }

Status nl_init(ThreadState& ts, NewlineDecoder* d, PyObject* decoder, PyObject* translate, PyObject* errors) {
  Tri t = object_is_true(ts, translate);
  if (failed(t)) return Status::kError;
  set_field(d->decoder, dup(decoder));
  Ref<> e = errors != nullptr ? dup(errors) : str_interned(ts, "strict");
  if (!e) return Status::kError;
  set_field(d->errors, std::move(e));
  d->translate = t == Tri::kTrue;
  d->seen = 0;
  d->pending_cr = false;
  return Status::kOk;
}

bool nl_ready(ThreadState& ts, NewlineDecoder* d) {
  if (d->decoder != nullptr) return true;
  (void)raise(ts, PyExc_ValueError, "IncrementalNewlineDecoder.__init__() not called");
  return false;
}

Ref<> nl_decode(ThreadState& ts, NewlineDecoder* d, PyObject* input, bool final_) {
  if (!nl_ready(ts, d)) return {};
  Ref<> out;
  if (d->decoder != Py_None) {
    out = call_held(ts, d->decoder, "decode", input, final_ ? Py_True : Py_False);
    if (!out) return {};
  } else {
    out = dup(input);
  }
  if (!is_str(out.get())) return raise(ts, PyExc_TypeError, "decoder should return a string result, not '%.200s'", out.get()->ob_type->tp_name);
  Py_ssize_t n = str_length(out.get());
  if (d->pending_cr && (final_ || n > 0)) {
    Ref<> cr = str_from_ascii(ts, "\r");
    out = cr ? str_concat(ts, cr.get(), out.get()) : Ref<>();
    if (!out) return {};
    d->pending_cr = false;
    ++n;
  }
  // A \r at the end waits: the next piece may begin with \n.
  if (!final_ && n > 0 && str_at(out.get(), n - 1) == '\r') {
    out = str_substring(ts, out.get(), 0, n - 1);
    if (!out) return {};
    d->pending_cr = true;
    --n;
  }
  if (n == 0) return out;
  bool has_cr = find_char(out.get(), '\r', 0) >= 0;
  if (!has_cr) {
    if (find_char(out.get(), '\n', 0) >= 0) d->seen |= kLf;
    return out;
  }
  unsigned kind = str_kind(out.get());
  const void* data = str_data(out.get());
  Py_ssize_t shorter = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    uint32_t c = str_read(kind, data, i);
    if (c == '\n') d->seen |= kLf;
    if (c != '\r') continue;
    if (i + 1 < n && str_read(kind, data, i + 1) == '\n') {
      d->seen |= kCrLf;
      ++shorter;
      ++i;
    } else {
      d->seen |= kCr;
    }
  }
  if (!d->translate) return out;
  Ref<> result = str_new(ts, n - shorter, kind == 1 ? (str_is_ascii(out.get()) ? 127 : 255) : kind == 2 ? 0xffff : 0x10ffff);
  if (!result) return {};
  void* to = str_data(result.get());
  Py_ssize_t at = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    uint32_t c = str_read(kind, data, i);
    if (c == '\r') {
      if (i + 1 < n && str_read(kind, data, i + 1) == '\n') ++i;
      c = '\n';
    }
    str_put(kind, to, at++, c);
  }
  return result;
}
Ref<> nl_m_decode(ThreadState& ts, NewlineDecoder* d, PyObject* input, bool final_) { return nl_decode(ts, d, input, final_); }
Ref<> nl_getstate(ThreadState& ts, NewlineDecoder* d) {
  if (!nl_ready(ts, d)) return {};
  Ref<> buffer = bytes_from(ts, {});
  uint64_t flag = 0;
  if (d->decoder != Py_None) {
    Ref<> state = call_held(ts, d->decoder, "getstate");
    if (!state) return {};
    if (!is_tuple(state.get()) || tuple_size(state.get()) != 2) return raise(ts, PyExc_TypeError, "illegal decoder state");
    buffer = dup(tuple_peek(state.get(), 0));
    if (failed(int_as_u64(ts, tuple_peek(state.get(), 1), &flag))) return {};
  }
  Ref<> f = int_from_u64(ts, flag << 1 | (d->pending_cr ? 1 : 0));
  return buffer && f ? tuple_of(ts, buffer.get(), f.get()) : Ref<>();
}
Ref<> nl_setstate(ThreadState& ts, NewlineDecoder* d, PyObject* state) {
  if (!nl_ready(ts, d)) return {};
  if (!is_tuple(state) || tuple_size(state) != 2) return raise(ts, PyExc_TypeError, "state argument must be a tuple");
  uint64_t flag;
  if (failed(int_as_u64(ts, tuple_peek(state, 1), &flag))) return {};
  d->pending_cr = flag & 1;
  if (d->decoder == Py_None) return new_none();
  Ref<> f = int_from_u64(ts, flag >> 1);
  Ref<> inner = f ? tuple_of(ts, tuple_peek(state, 0), f.get()) : Ref<>();
  return inner ? call_held(ts, d->decoder, "setstate", inner.get()) : Ref<>();
}
Ref<> nl_reset(ThreadState& ts, NewlineDecoder* d) {
  if (!nl_ready(ts, d)) return {};
  d->seen = 0;
  d->pending_cr = false;
  return d->decoder != Py_None ? call_held(ts, d->decoder, "reset") : new_none();
}
Ref<> seen_newlines(ThreadState& ts, unsigned seen) {
  static constexpr const char* kTexts[] = {"\r", "\n", "\r\n"};
  PyObject* items[3];
  int n = 0;
  Ref<> hold[3];
  for (int i = 0; i < 3; ++i) {
    if (!(seen & (1u << i))) continue;
    hold[n] = str_interned(ts, kTexts[i]);
    if (!hold[n]) return {};
    items[n] = hold[n].get();
    ++n;
  }
  if (n == 0) return new_none();
  return n == 1 ? dup(items[0]) : tuple_from(ts, items, n);
}
Ref<> nl_newlines(ThreadState& ts, NewlineDecoder* d) { return nl_ready(ts, d) ? seen_newlines(ts, d->seen) : Ref<>(); }

void nl_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  clear_field(as_nl(o)->decoder);
  clear_field(as_nl(o)->errors);
  free_instance(o);
}
int nl_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_nl(o)->decoder);
  return 0;
}
constexpr MethodSpec kNlMethods[] = {
    ATOLL_METHOD(nl_m_decode, "decode", "($self, input, final=False)", "Decode and translate line ends."),
    ATOLL_METHOD(nl_getstate, "getstate", "($self, /)", "The state."),
    ATOLL_METHOD(nl_setstate, "setstate", "($self, state, /)", "Set the state."),
    ATOLL_METHOD(nl_reset, "reset", "($self, /)", "Begin anew."), ATOLL_METHOD_END};
constexpr PyGetSetDef kNlGetSet[] = {{"newlines", ATOLL_GETTER(nl_newlines), nullptr, nullptr, nullptr}, ATOLL_GETSET_END};

}  // namespace

Ref<> decode_newlines(ThreadState& ts, PyObject* decoder, PyObject* text, bool final_) { return nl_decode(ts, as_nl(decoder), text, final_); }

// ---- StringIO ----------------------------------------------------------------------------------------------------

namespace {

struct StringObject {
  PyObject ob_base;
  PyObject* dict;
  PyObject* weakrefs;
  uint32_t* buffer;
  Py_ssize_t pos, size, room;
  bool ok, closed, universal, translate;
  PyObject* decoder;  // for newline=None
  PyObject* newline_in;   // as given
  PyObject* newline_out;  // what "\n" becomes, or NULL
};
StringObject* as_sio(PyObject* o) { return reinterpret_cast<StringObject*>(o); }

bool sio_check(ThreadState& ts, StringObject* s) {
  if (!s->ok) {
    (void)raise(ts, PyExc_ValueError, "I/O operation on uninitialized object");
    return false;
  }
  if (s->closed) {
    (void)raise(ts, PyExc_ValueError, "I/O operation on closed file");
    return false;
  }
  return true;
}
#define SIO_OPEN(s) \
  if (!sio_check(ts, s)) return {}

Status sio_reserve(ThreadState& ts, StringObject* s, Py_ssize_t n) {
  if (n <= s->room) return Status::kOk;
  Py_ssize_t room = n + (n >> 2) + 32;
  auto* p = static_cast<uint32_t*>(PyMem_Realloc(s->buffer, static_cast<size_t>(room) * 4));
  if (p == nullptr) return raise_memory(ts);
  s->buffer = p;
  s->room = room;
  return Status::kOk;
}
Status sio_put(ThreadState& ts, StringObject* s, PyObject* text) {
  Ref<> decoded = s->decoder != nullptr ? decode_newlines(ts, s->decoder, text, true) : dup(text);
  if (!decoded) return Status::kError;
  if (s->newline_out != nullptr) {
    Ref<> lf = str_from_ascii(ts, "\n");
    decoded = lf ? str_replace(ts, decoded.get(), lf.get(), s->newline_out, -1) : Ref<>();
    if (!decoded) return Status::kError;
  }
  Py_ssize_t n = str_length(decoded.get());
  if (n == 0) return Status::kOk;
  if (failed(sio_reserve(ts, s, s->pos + n))) return Status::kError;
  for (Py_ssize_t i = s->size; i < s->pos; ++i) s->buffer[i] = 0;
  unsigned kind = str_kind(decoded.get());
  const void* data = str_data(decoded.get());
  for (Py_ssize_t i = 0; i < n; ++i) s->buffer[s->pos + i] = str_read(kind, data, i);
  s->pos += n;
  if (s->pos > s->size) s->size = s->pos;
  return Status::kOk;
}

Status sio_init(ThreadState& ts, StringObject* s, PyObject* initial, PyObject* newline) {
  const char* nl = "\n";
  if (newline != nullptr) {
    if (newline == Py_None) {
      nl = nullptr;
    } else if (!is_str(newline)) {
      return raise(ts, PyExc_TypeError, "newline must be str or None, not %.200s", newline->ob_type->tp_name);
    } else {
      nl = str_utf8(ts, newline);
      if (nl == nullptr) return Status::kError;
    }
  }
  if (nl != nullptr && *nl != 0 && std::strcmp(nl, "\n") != 0 && std::strcmp(nl, "\r") != 0 && std::strcmp(nl, "\r\n") != 0) {
    return raise(ts, PyExc_ValueError, "illegal newline value: %R", newline);
  }
  if (initial != nullptr && initial != Py_None && !is_str(initial)) {
    return raise(ts, PyExc_TypeError, "initial_value must be str or None, not %.200s", initial->ob_type->tp_name);
  }
  s->ok = false;
  clear_field(s->decoder);
  clear_field(s->newline_out);
  Ref<> in = nl != nullptr ? str_from_ascii(ts, nl) : new_none();
  if (!in) return Status::kError;
  set_field(s->newline_in, std::move(in));
  s->universal = nl == nullptr || *nl == 0;
  s->translate = nl == nullptr;
  if (s->universal) {
    Ref<> d = call(ts, obj(&atoll_io_newline_decoder_type), Py_None, s->translate ? Py_True : Py_False);
    if (!d) return Status::kError;
    s->decoder = d.release();
  }
  if (nl != nullptr && *nl == '\r') s->newline_out = str_from_ascii(ts, nl).release();
  s->pos = s->size = 0;
  s->closed = false;
  s->ok = true;
  if (initial != nullptr && initial != Py_None && failed(sio_put(ts, s, initial))) return Status::kError;
  s->pos = 0;
  return Status::kOk;
}

Ref<> sio_getvalue(ThreadState& ts, StringObject* s) {
  SIO_OPEN(s);
  return str_from_ucs4(ts, s->buffer, s->size);
}
Ref<> sio_take(ThreadState& ts, StringObject* s, Py_ssize_t n) {
  Py_ssize_t left = s->size > s->pos ? s->size - s->pos : 0;
  if (n < 0 || n > left) n = left;
  if (n == 0) return dup(empty_str());
  Ref<> r = str_from_ucs4(ts, s->buffer + s->pos, n);
  if (r) s->pos += n;
  return r;
}
Ref<> sio_read(ThreadState& ts, StringObject* s, PyObject* size_arg) {
  Py_ssize_t n;
  if (failed(as_size(ts, size_arg, &n))) return {};
  SIO_OPEN(s);
  return sio_take(ts, s, n);
}
Ref<> sio_line(ThreadState& ts, StringObject* s, Py_ssize_t limit) {
  if (s->pos >= s->size) return dup(empty_str());
  const uint32_t* p = s->buffer + s->pos;
  Py_ssize_t left = s->size - s->pos;
  Py_ssize_t end = left;
  Py_ssize_t m = s->newline_in != Py_None ? str_length(s->newline_in) : 0;
  for (Py_ssize_t i = 0; i < left; ++i) {
    if (s->translate) {
      if (p[i] != '\n') continue;
      end = i + 1;
    } else if (s->universal) {
      if (p[i] != '\n' && p[i] != '\r') continue;
      end = p[i] == '\r' && i + 1 < left && p[i + 1] == '\n' ? i + 2 : i + 1;
    } else {
      if (i + m > left || p[i] != str_at(s->newline_in, 0) || (m == 2 && p[i + 1] != str_at(s->newline_in, 1))) continue;
      end = i + m;
    }
    break;
  }
  if (limit >= 0 && end > limit) end = limit;
  return sio_take(ts, s, end);
}
Ref<> sio_readline(ThreadState& ts, StringObject* s, PyObject* size_arg) {
  Py_ssize_t n;
  if (failed(as_size(ts, size_arg, &n))) return {};
  SIO_OPEN(s);
  return sio_line(ts, s, n);
}
Ref<> sio_iternext(ThreadState& ts, PyObject* o) {
  StringObject* s = as_sio(o);
  SIO_OPEN(s);
  Ref<> line = o->ob_type == &atoll_io_string_type ? sio_line(ts, s, -1) : call_method(ts, o, ID(readline));
  if (!line) return {};
  if (!is_str(line.get())) return raise(ts, PyExc_OSError, "readline() should have returned a str object, not '%.200s'", line.get()->ob_type->tp_name);
  return str_length(line.get()) == 0 ? Ref<>() : std::move(line);
}
Ref<> sio_write(ThreadState& ts, StringObject* s, PyObject* text) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "string argument expected, got '%s'", text->ob_type->tp_name);
  SIO_OPEN(s);
  if (failed(sio_put(ts, s, text))) return {};
  return int_from_ssize(ts, str_length(text));
}
Ref<> sio_seek(ThreadState& ts, StringObject* s, Py_ssize_t pos, int whence) {
  SIO_OPEN(s);
  if (whence != 0 && whence != 1 && whence != 2) return raise(ts, PyExc_ValueError, "Invalid whence (%i, should be 0, 1 or 2)", whence);
  if (pos < 0 && whence == 0) return raise(ts, PyExc_ValueError, "Negative seek position %zd", pos);
  if (whence != 0 && pos != 0) return raise(ts, PyExc_OSError, "Can't do nonzero cur-relative seeks");
  if (whence == 1) pos = s->pos;
  if (whence == 2) pos = s->size;
  s->pos = pos;
  return int_from_ssize(ts, pos);
}
Ref<> sio_tell(ThreadState& ts, StringObject* s) {
  SIO_OPEN(s);
  return int_from_ssize(ts, s->pos);
}
Ref<> sio_truncate(ThreadState& ts, StringObject* s, PyObject* size_arg) {
  SIO_OPEN(s);
  Py_ssize_t n = s->pos;
  if (size_arg != nullptr && size_arg != Py_None && failed(index_as_ssize(ts, size_arg, &n))) return {};
  if (n < 0) return raise(ts, PyExc_ValueError, "Negative size value %zd", n);
  if (n < s->size) s->size = n;
  return int_from_ssize(ts, n);
}
Ref<> sio_close(ThreadState&, StringObject* s) {
  s->closed = true;
  PyMem_Free(std::exchange(s->buffer, nullptr));
  s->room = s->size = 0;
  return new_none();
}
Ref<> sio_true(ThreadState& ts, StringObject* s) {
  SIO_OPEN(s);
  return new_bool(true);
}
Ref<> sio_getstate(ThreadState& ts, StringObject* s) {
  Ref<> value = sio_getvalue(ts, s);
  Ref<> pos = value ? int_from_ssize(ts, s->pos) : Ref<>();
  return pos ? tuple_of(ts, value.get(), s->newline_in, pos.get(), s->dict != nullptr ? s->dict : Py_None) : Ref<>();
}
Ref<> sio_setstate(ThreadState& ts, StringObject* s, PyObject* state) {
  if (s->closed) return raise(ts, PyExc_ValueError, "I/O operation on closed file");
  if (!is_tuple(state) || tuple_size(state) < 4) {
    return raise(ts, PyExc_TypeError, "%.200s.__setstate__ argument should be 4-tuple, got %.200s", s->ob_base.ob_type->tp_name, state->ob_type->tp_name);
  }
  if (!is_str(tuple_peek(state, 0)) && tuple_peek(state, 0) != Py_None) return raise(ts, PyExc_TypeError, "first item of state must be a str");
  // The value has its line ends already: it is put as it is.
  Ref<> none = new_none();
  if (failed(sio_init(ts, s, none.get(), tuple_peek(state, 1)))) return {};
  PyObject* decoder = std::exchange(s->decoder, nullptr);
  PyObject* out = std::exchange(s->newline_out, nullptr);
  Status st = is_str(tuple_peek(state, 0)) ? sio_put(ts, s, tuple_peek(state, 0)) : Status::kOk;
  s->decoder = decoder;
  s->newline_out = out;
  Py_ssize_t pos;
  if (failed(st) || failed(index_as_ssize(ts, tuple_peek(state, 2), &pos))) return {};
  if (pos < 0) return raise(ts, PyExc_ValueError, "position value cannot be negative");
  s->pos = pos;
  PyObject* dict = tuple_peek(state, 3);
  if (dict == Py_None) return new_none();
  if (!is_dict(dict)) return raise(ts, PyExc_TypeError, "fourth item of state should be a dict, got a %.200s", dict->ob_type->tp_name);
  if (s->dict != nullptr) {
    if (failed(dict_merge(ts, s->dict, dict, true))) return {};
  } else {
    s->dict = new_ref(dict);
  }
  return new_none();
}
Ref<> sio_closed(ThreadState& ts, StringObject* s) {
  if (!s->ok) return raise(ts, PyExc_ValueError, "I/O operation on uninitialized object");
  return new_bool(s->closed);
}
Ref<> sio_line_buffering(ThreadState& ts, StringObject* s) {
  SIO_OPEN(s);
  return new_bool(false);
}
Ref<> sio_newlines(ThreadState& ts, StringObject* s) {
  SIO_OPEN(s);
  return s->decoder != nullptr ? seen_newlines(ts, as_nl(s->decoder)->seen) : new_none();
}

int sio_clear(PyObject* o) {
  clear_field(as_sio(o)->dict);
  return 0;
}
void sio_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  StringObject* s = as_sio(o);
  if (s->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  s->ok = false;
  PyMem_Free(std::exchange(s->buffer, nullptr));
  clear_field(s->decoder);
  clear_field(s->newline_in);
  clear_field(s->newline_out);
  sio_clear(o);
  free_instance(o);
}
int sio_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_sio(o)->dict);
  Py_VISIT(as_sio(o)->decoder);
  return 0;
}

constexpr MethodSpec kSioMethods[] = {
    ATOLL_METHOD(sio_close, "close", "($self, /)", "Close: the memory is given back."),
    ATOLL_METHOD(sio_getvalue, "getvalue", "($self, /)", "The whole content."),
    ATOLL_METHOD(sio_read, "read", "($self, size=-1, /)", "Read at most size characters."),
    ATOLL_METHOD(sio_readline, "readline", "($self, size=-1, /)", "Read a line."),
    ATOLL_METHOD(sio_tell, "tell", "($self, /)", "The position."),
    ATOLL_METHOD(sio_truncate, "truncate", "($self, pos=None, /)", "Truncate."),
    ATOLL_METHOD(sio_seek, "seek", "($self, pos, whence=0, /)", "Move to a position."),
    ATOLL_METHOD(sio_write, "write", "($self, s, /)", "Write a string."),
    ATOLL_METHOD(sio_true, "seekable", "($self, /)", "True."),
    ATOLL_METHOD(sio_true, "readable", "($self, /)", "True."),
    ATOLL_METHOD(sio_true, "writable", "($self, /)", "True."),
    ATOLL_METHOD(sio_getstate, "__getstate__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD(sio_setstate, "__setstate__", "($self, state, /)", "Helper for pickle."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kSioGetSet[] = {{"closed", ATOLL_GETTER(sio_closed), nullptr, nullptr, nullptr},
                                      {"newlines", ATOLL_GETTER(sio_newlines), nullptr, nullptr, nullptr},
                                      {"line_buffering", ATOLL_GETTER(sio_line_buffering), nullptr, nullptr, nullptr},
                                      ATOLL_GETSET_END};
}  // namespace

}  // namespace atl::io

using namespace atl;
ATOLL_SEALED PyTypeObject atoll_io_newline_decoder_type = {};
ATOLL_SEALED PyTypeObject atoll_io_string_type = {};

namespace atl {
using namespace io;

constinit const TypeSpec io_newline_decoder_spec{
    .name = "_io.IncrementalNewlineDecoder",
    .doc = "A decoder that translates ends of lines in what another decoder gives, and remembers which ones it has seen.",
    .basicsize = sizeof(NewlineDecoder),
    .flags = kFlags,
    .base = nullptr,
    .dealloc = nl_dealloc,
    .traverse = nl_traverse,
    .init = ATOLL_INIT(nl_init, "IncrementalNewlineDecoder", "(decoder, translate, errors='strict')"),
    .new_ = PyType_GenericNew,
    .methods = kNlMethods,
    .getset = kNlGetSet,
};
constinit const TypeSpec io_string_spec{
    .name = "_io.StringIO",
    .doc = "A stream of characters in memory.",
    .basicsize = sizeof(StringObject),
    .flags = kFlags,
    .base = &atoll_io_text_base_type,
    .dealloc = sio_dealloc,
    .traverse = sio_traverse,
    .clear = sio_clear,
    .iternext = ATOLL_SLOT(sio_iternext),
    .init = ATOLL_INIT(sio_init, "StringIO", "(initial_value='', newline='\\n')"),
    .new_ = PyType_GenericNew,
    .weaklist_offset = offsetof(StringObject, weakrefs),
    .dict_offset = offsetof(StringObject, dict),
    .methods = kSioMethods,
    .getset = kSioGetSet,
};

}  // namespace atl
