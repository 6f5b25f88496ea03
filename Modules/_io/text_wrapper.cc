// TextIOWrapper: characters over a binary stream.
//
// What was read is decoded a chunk at a time into `decoded`, of which [used, end) is still to be handed out; `snapshot`
// remembers the decoder's state and the bytes of the chunk, from which tell() works out a position. What is written
// waits as encoded pieces in `pending` until there are chunk_size bytes.
#include <cstring>

#include "Modules/_io/io.h"
#include "Python/sharing/upcalls.h"

namespace atl::io {

namespace {

struct TextObject {
  PyObject ob_base;
  PyObject* dict;
  PyObject* weakrefs;
  PyObject* buffer;
  PyObject* encoding;
  PyObject* errors;
  PyObject* encoder;   // NULL: not writable; None: UTF-8, which needs no object
  PyObject* decoder;   // NULL: not readable
  PyObject* read_newline;  // as given: None or str
  PyObject* write_newline; // what "\n" becomes on writing, or NULL
  bool ok, detached, line_buffering, write_through, read_universal, read_translate, seekable, telling, has_read1, finalizing;
  bool is_utf8;        // encoded without a codec
  Py_ssize_t chunk_size;
  PyObject* decoded;   // str or NULL
  Py_ssize_t used;
  PyObject* pending;   // list of bytes
  Py_ssize_t pending_bytes;
  PyObject* snapshot;  // (flags, bytes) or NULL
};
TextObject* as_text(PyObject* o) { return reinterpret_cast<TextObject*>(o); }

bool check_ok(ThreadState& ts, TextObject* t) {
  if (t->ok) return true;
  (void)raise(ts, PyExc_ValueError, t->detached ? "underlying buffer has been detached" : "I/O operation on uninitialized object");
  return false;
}
bool check_open(ThreadState& ts, TextObject* t) {
  if (!check_ok(ts, t)) return false;
  Ref<> buffer = dup(t->buffer);
  Tri closed = is_closed(ts, buffer.get());
  if (failed(closed)) return false;
  if (closed == Tri::kTrue) {
    (void)raise_closed(ts);
    return false;
  }
  return true;
}
#define OPEN(t) \
  if (!check_open(ts, t)) return {}

void drop_decoded(TextObject* t) {
  clear_field(t->decoded);
  t->used = 0;
}

// ---- making ------------------------------------------------------------------------------------------------------

bool good_newline(ThreadState& ts, PyObject* newline, const char** out) {
  *out = nullptr;
  if (newline == nullptr || newline == Py_None) return true;
  if (!is_str(newline)) {
    (void)raise(ts, PyExc_TypeError, "TextIOWrapper() argument 'newline' must be str or None, not %T", newline);
    return false;
  }
  *out = str_utf8(ts, newline);
  if (*out == nullptr) return false;
  for (const char* good : {"", "\n", "\r", "\r\n"}) {
    if (std::strcmp(*out, good) == 0) return true;
  }
  (void)raise(ts, PyExc_ValueError, "illegal newline value: %s", *out);
  return false;
}

Status set_newline(ThreadState& ts, TextObject* t, const char* newline) {
  t->read_universal = newline == nullptr || *newline == 0;
  t->read_translate = newline == nullptr;
  Ref<> in = newline != nullptr ? str_from_ascii(ts, newline) : new_none();
  if (!in) return Status::kError;
  set_field(t->read_newline, std::move(in));
  clear_field(t->write_newline);
  if (newline != nullptr && *newline == '\r') t->write_newline = str_from_ascii(ts, newline).release();
  return error_set(ts) ? Status::kError : Status::kOk;
}

bool names_utf8(const char* encoding) { return strcasecmp(encoding, "utf-8") == 0 || strcasecmp(encoding, "utf8") == 0; }

Status set_coders(ThreadState& ts, TextObject* t) {
  const char* encoding = str_utf8(ts, t->encoding);
  const char* errors = str_utf8(ts, t->errors);
  if (encoding == nullptr || errors == nullptr) return Status::kError;
  clear_field(t->decoder);
  clear_field(t->encoder);
  Tri readable = ask(ts, t->buffer, "readable");
  if (failed(readable)) return Status::kError;
  if (readable == Tri::kTrue) {
    Ref<> d = Ref<>::steal(PyCodec_IncrementalDecoder(encoding, errors));
    if (!d) return Status::kError;
    if (t->read_universal) {
      d = call(ts, obj(&atoll_io_newline_decoder_type), d.get(), t->read_translate ? Py_True : Py_False);
      if (!d) return Status::kError;
    }
    t->decoder = d.release();
  }
  Tri writable = ask(ts, t->buffer, "writable");
  if (failed(writable)) return Status::kError;
  t->is_utf8 = names_utf8(encoding);
  if (writable == Tri::kTrue) {
    t->encoder = t->is_utf8 ? new_ref(Py_None) : PyCodec_IncrementalEncoder(encoding, errors);
    if (t->encoder == nullptr) return Status::kError;
  }
  return Status::kOk;
}

// In the middle of a file no byte order mark is written.
bool has_encoder_state(const TextObject* t) { return t->encoder != nullptr && t->encoder != Py_None; }
Status settle_encoder(ThreadState& ts, TextObject* t) {
  if (!t->seekable || !has_encoder_state(t)) return Status::kOk;
  Ref<> at = call_held(ts, t->buffer, ID(tell));
  Ref<> zero = int_from_i64(ts, 0);
  if (!at || !zero) return Status::kError;
  Tri start = object_equal(ts, at.get(), zero.get());
  if (start != Tri::kFalse) return failed(start) ? Status::kError : Status::kOk;
  return call_held(ts, t->encoder, "setstate", zero.get()) ? Status::kOk : Status::kError;
}

Status text_init(ThreadState& ts, TextObject* t, PyObject* buffer, PyObject* encoding, PyObject* errors, PyObject* newline, bool line_buffering,
                 bool write_through) {
  t->ok = t->detached = false;
  const char* nl;
  if (!good_newline(ts, newline, &nl)) return Status::kError;
  Ref<> enc;
  if (encoding != nullptr && encoding != Py_None) {
    if (!is_str(encoding)) return raise(ts, PyExc_TypeError, "TextIOWrapper() argument 'encoding' must be str or None, not %T", encoding);
    enc = str_equals_ascii(encoding, "locale") ? str_from_ascii(ts, "UTF-8") : dup(encoding);
  } else {
    enc = str_from_ascii(ts, "UTF-8");
  }
  Ref<> err;
  if (errors != nullptr && errors != Py_None) {
    if (!is_str(errors)) return raise(ts, PyExc_TypeError, "TextIOWrapper() argument 'errors' must be str or None, not %T", errors);
    err = dup(errors);
  } else {
    err = str_interned(ts, "strict");
  }
  if (!enc || !err) return Status::kError;
  const char* enc_text = str_utf8(ts, enc.get());
  if (enc_text == nullptr) return Status::kError;
  // Only text encodings, and only those that exist.
  if (!names_utf8(enc_text)) {
    Ref<> info = Ref<>::steal(_PyCodec_LookupTextEncoding(enc_text, "codecs.open()"));
    if (!info) return Status::kError;
  }
  set_field(t->encoding, std::move(enc));
  set_field(t->errors, std::move(err));
  set_field(t->buffer, dup(buffer));
  t->line_buffering = line_buffering;
  t->write_through = write_through;
  t->chunk_size = kDefaultBufferSize;
  drop_decoded(t);
  clear_field(t->snapshot);
  clear_field(t->pending);
  t->pending_bytes = 0;
  if (failed(set_newline(ts, t, nl)) || failed(set_coders(ts, t))) return Status::kError;
  Tri seekable = ask(ts, buffer, "seekable");
  if (failed(seekable)) return Status::kError;
  t->seekable = t->telling = seekable == Tri::kTrue;
  Ref<> read1;
  Ref<> name = str_interned(ts, "read1");
  if (!name || failed(object_lookup_attr(ts, buffer, name.get(), &read1))) return Status::kError;
  t->has_read1 = static_cast<bool>(read1);
  t->ok = true;
  return settle_encoder(ts, t);
}

// ---- writing -----------------------------------------------------------------------------------------------------

Status write_pending(ThreadState& ts, TextObject* t) {
  if (t->pending == nullptr || list_size(t->pending) == 0) return Status::kOk;
  Ref<> pieces = Ref<>::steal(std::exchange(t->pending, nullptr));
  t->pending_bytes = 0;
  Ref<> all;
  if (list_size(pieces.get()) == 1) {
    all = dup(list_items(pieces.get())[0]);
  } else {
    Ref<> empty = bytes_from(ts, {});
    all = empty ? call_method(ts, empty.get(), ID(join), pieces.get()) : Ref<>();
  }
  if (!all) return Status::kError;
  for (;;) {
    if (call_held(ts, t->buffer, ID(write), all.get())) return Status::kOk;
    if (!interrupted(ts)) return Status::kError;
  }
}

Ref<> m_write(ThreadState& ts, TextObject* t, PyUnicodeObject* text_arg) {
  PyObject* given = obj(text_arg);
  OPEN(t);
  if (t->encoder == nullptr) return raise_unsupported(ts, obj(t), "not writable");
  Py_ssize_t length = str_length(given);
  Ref<> text = dup(given);
  Ref<> lf = str_from_ascii(ts, "\n");
  bool has_newline = (t->write_newline != nullptr || t->line_buffering) && str_find(given, lf.get(), 0, length, 1) >= 0;
  if (has_newline && t->write_newline != nullptr) {
    text = str_replace(ts, given, lf.get(), t->write_newline, -1);
    if (!text) return {};
  }
  bool needs_flush = false;
  bool text_needs_flush = t->write_through;
  if (t->line_buffering && !needs_flush) {
    Ref<> cr = str_from_ascii(ts, "\r");
    if (has_newline || str_find(given, cr.get(), 0, length, 1) >= 0) needs_flush = true;
  }
  Ref<> bytes;
  if (t->is_utf8) {
    const char* errors = str_utf8(ts, t->errors);
    bytes = errors != nullptr ? Ref<>::steal(_PyUnicode_AsUTF8String(text.get(), errors)) : Ref<>();
  } else {
    bytes = call_held(ts, t->encoder, "encode", text.get());
  }
  if (!bytes) return {};
  if (!is_bytes(bytes.get())) return raise(ts, PyExc_TypeError, "encoder should return a bytes object, not '%.200s'", bytes.get()->ob_type->tp_name);
  // Pieces are not joined beyond the size of a chunk.
  if (t->pending_bytes > 0 && t->pending_bytes + bytes_size(bytes.get()) > t->chunk_size && failed(write_pending(ts, t))) return {};
  t->pending_bytes += bytes_size(bytes.get());
  if (t->pending == nullptr) t->pending = list_new(ts, 0).release();
  if (t->pending == nullptr || failed(list_append(ts, t->pending, std::move(bytes)))) return {};
  if (t->pending_bytes >= t->chunk_size || needs_flush || text_needs_flush) {
    if (failed(write_pending(ts, t))) return {};
  }
  if (needs_flush && !call_held(ts, t->buffer, ID(flush))) return {};
  drop_decoded(t);
  clear_field(t->snapshot);
  if (t->decoder != nullptr && !call_held(ts, t->decoder, "reset")) return {};
  return int_from_ssize(ts, length);
}

Ref<> m_flush(ThreadState& ts, TextObject* t) {
  OPEN(t);
  t->telling = t->seekable;
  if (failed(write_pending(ts, t))) return {};
  return call_held(ts, t->buffer, ID(flush));
}

// ---- reading -----------------------------------------------------------------------------------------------------

// One more chunk into `decoded`. kFalse: the end.
Tri read_chunk(ThreadState& ts, TextObject* t) {
  if (t->decoder == nullptr) {
    (void)raise_unsupported(ts, obj(t), "not readable");
    return Tri::kError;
  }
  Ref<> flags, before;
  if (t->telling) {
    Ref<> state = call_held(ts, t->decoder, "getstate");
    if (!state) return Tri::kError;
    if (!is_tuple(state.get()) || tuple_size(state.get()) != 2 || !is_bytes(tuple_peek(state.get(), 0))) {
      return raise(ts, PyExc_TypeError, "illegal decoder state");
    }
    before = dup(tuple_peek(state.get(), 0));
    flags = dup(tuple_peek(state.get(), 1));
  }
  Ref<> size = int_from_ssize(ts, t->chunk_size);
  Ref<> input = size ? call_held(ts, t->buffer, t->has_read1 ? "read1" : "read", size.get()) : Ref<>();
  if (!input) return Tri::kError;
  BufferArg view;
  if (PyObject_GetBuffer(input.get(), &view.view, PyBUF_CONTIG_RO) < 0) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "underlying %s() should have returned a bytes-like object, not '%.200s'", t->has_read1 ? "read1" : "read", input.get()->ob_type->tp_name);
  }
  bool eof = view.size() == 0;
  Ref<> text = call_held(ts, t->decoder, "decode", input.get(), eof ? Py_True : Py_False);
  if (!text) return Tri::kError;
  if (!is_str(text.get())) return raise(ts, PyExc_TypeError, "decoder should return a string result, not '%.200s'", text.get()->ob_type->tp_name);
  if (str_length(text.get()) > 0) eof = false;
  set_field(t->decoded, std::move(text));
  t->used = 0;
  if (t->telling) {
    Ref<> data = bytes_new(ts, bytes_size(before.get()) + view.size());
    if (!data) return Tri::kError;
    std::memcpy(bytes_data(data.get()), bytes_data(before.get()), static_cast<size_t>(bytes_size(before.get())));
    std::memcpy(bytes_data(data.get()) + bytes_size(before.get()), view.data(), static_cast<size_t>(view.size()));
    Ref<> snapshot = tuple_of(ts, flags.get(), data.get());
    if (!snapshot) return Tri::kError;
    set_field(t->snapshot, std::move(snapshot));
  }
  return tri(!eof);
}

Ref<> take_decoded(ThreadState& ts, TextObject* t, Py_ssize_t n) {
  if (t->decoded == nullptr) return dup(empty_str());
  Py_ssize_t left = str_length(t->decoded) - t->used;
  if (n < 0 || n > left) n = left;
  Ref<> r = t->used == 0 && n == str_length(t->decoded) ? dup(t->decoded) : str_substring(ts, t->decoded, t->used, t->used + n);
  if (r) t->used += n;
  return r;
}

Ref<> m_read(ThreadState& ts, TextObject* t, PyObject* size_arg) {
  Py_ssize_t n;
  if (failed(as_size(ts, size_arg, &n))) return {};
  OPEN(t);
  if (t->decoder == nullptr) return raise_unsupported(ts, obj(t), "not readable");
  if (failed(write_pending(ts, t))) return {};
  if (n < 0) {
    Ref<> bytes = call_held(ts, t->buffer, ID(read));
    if (!bytes) return {};
    Ref<> text = call_held(ts, t->decoder, "decode", bytes.get(), Py_True);
    if (!text) return {};
    if (!is_str(text.get())) return raise(ts, PyExc_TypeError, "decoder should return a string result, not '%.200s'", text.get()->ob_type->tp_name);
    Ref<> head = take_decoded(ts, t, -1);
    if (!head) return {};
    drop_decoded(t);
    clear_field(t->snapshot);
    return str_length(head.get()) == 0 ? std::move(text) : str_concat(ts, head.get(), text.get());
  }
  Ref<> result = take_decoded(ts, t, n);
  if (!result) return {};
  if (str_length(result.get()) == n) return result;
  StrWriter w(ts);
  if (failed(w.write(result.get()))) return {};
  while (w.length() < n) {
    Tri more = read_chunk(ts, t);
    if (failed(more)) {
      if (interrupted(ts)) continue;
      return {};
    }
    if (more == Tri::kFalse) break;
    Ref<> part = take_decoded(ts, t, n - w.length());
    if (!part || failed(w.write(part.get()))) return {};
  }
  return w.finish();
}

Ref<> read_line(ThreadState& ts, TextObject* t, Py_ssize_t limit) {
  OPEN(t);
  if (failed(write_pending(ts, t))) return {};
  Ref<> line;  // what came before the present chunk
  for (;;) {
    while (t->decoded == nullptr || t->used >= str_length(t->decoded)) {
      Tri more = read_chunk(ts, t);
      if (failed(more)) {
        if (interrupted(ts)) continue;
        return {};
      }
      if (more == Tri::kFalse) {
        drop_decoded(t);
        clear_field(t->snapshot);
        return line ? std::move(line) : dup(empty_str());
      }
    }
    // A line end may lie across two chunks: the old part is looked at together with the new one.
    Py_ssize_t begin = t->used;
    Ref<> joined;
    PyObject* text = t->decoded;
    Py_ssize_t old = 0;
    if (line) {
      old = str_length(line.get());
      Ref<> rest = begin == 0 ? dup(t->decoded) : str_substring(ts, t->decoded, begin, str_length(t->decoded));
      joined = rest ? str_concat(ts, line.get(), rest.get()) : Ref<>();
      if (!joined) return {};
      text = joined.get();
      begin = 0;
    }
    Py_ssize_t from = line ? (old > 0 && !t->read_translate ? old - 1 : old) : begin;
    Py_ssize_t consumed = 0;
    Py_ssize_t end = find_line_end(t->read_translate, t->read_universal, t->read_newline, text, from, &consumed);
    Py_ssize_t n = str_length(text);
    bool found = end >= 0;
    if (!found) end = n;
    if (limit >= 0 && end - begin >= limit) {
      end = begin + limit;
      found = true;
    }
    if (found) {
      if (line) {
        t->used += end - old;
        return str_substring(ts, text, 0, end);
      }
      t->used = end;
      return str_substring(ts, text, begin, end);
    }
    line = line ? std::move(joined) : str_substring(ts, text, begin, n);
    if (!line) return {};
    t->used = str_length(t->decoded);
  }
}
Ref<> m_readline(ThreadState& ts, TextObject* t, PyObject* size_arg) {
  Py_ssize_t n = -1;
  if (size_arg != nullptr && failed(index_as_ssize(ts, size_arg, &n))) return {};
  if (!check_ok(ts, t)) return {};
  return read_line(ts, t, n);
}
Ref<> m_iternext(ThreadState& ts, PyObject* o) {
  TextObject* t = as_text(o);
  if (!check_ok(ts, t)) return {};
  // Iterating reads ahead without noting positions.
  t->telling = false;
  Ref<> line = o->ob_type == &atoll_io_text_wrapper_type ? read_line(ts, t, -1) : call_method(ts, o, ID(readline));
  if (!line) return {};
  if (!is_str(line.get())) return raise(ts, PyExc_OSError, "readline() should have returned a str object, not '%.200s'", line.get()->ob_type->tp_name);
  if (str_length(line.get()) != 0) return line;
  clear_field(t->snapshot);
  t->telling = t->seekable;
  return {};
}

// ---- positions ---------------------------------------------------------------------------------------------------
// A position is an int: the byte position of a point where the decoder is in a known state, and behind it (64 bits
// each) the decoder's flags, the bytes to feed it from there, the characters to skip then, and whether the end was fed.

struct Cookie {
  int64_t start = 0;
  int64_t flags = 0, bytes_to_feed = 0, chars_to_skip = 0;
  bool need_eof = false;
};

Ref<> pack(ThreadState& ts, const Cookie& c) {
  Ref<> r = int_from_i64(ts, c.start);
  if (c.flags == 0 && c.bytes_to_feed == 0 && c.chars_to_skip == 0 && !c.need_eof) return r;
  int64_t parts[] = {c.flags, c.bytes_to_feed, c.chars_to_skip, c.need_eof};
  for (int i = 0; i < 4 && r; ++i) {
    Ref<> p = int_from_i64(ts, parts[i]);
    Ref<> shift = int_from_i64(ts, 64 * (i + 1));
    Ref<> high = p && shift ? int_lshift(ts, p.get(), shift.get()) : Ref<>();
    r = high ? int_or(ts, r.get(), high.get()) : Ref<>();
  }
  return r;
}
Status unpack(ThreadState& ts, PyObject* cookie, Cookie* c) {
  Ref<> n = number_index(ts, cookie);
  int64_t parts[5] = {};
  Ref<> mask = int_from_u64(ts, UINT64_MAX), shift = int_from_i64(ts, 64);
  for (int64_t& part : parts) {
    if (!n) return Status::kError;
    Ref<> low = int_and(ts, n.get(), mask.get());
    if (!low) return Status::kError;
    part = static_cast<int64_t>(int_as_u64_mask(low.get()));
    n = int_rshift(ts, n.get(), shift.get());
  }
  *c = {parts[0], parts[1], parts[2], parts[3], parts[4] != 0};
  return Status::kOk;
}

Status set_decoder_state(ThreadState& ts, TextObject* t, PyObject* bytes, int64_t flags) {
  Ref<> f = int_from_i64(ts, flags);
  Ref<> state = f ? tuple_of(ts, bytes, f.get()) : Ref<>();
  return state && call_held(ts, t->decoder, "setstate", state.get()) ? Status::kOk : Status::kError;
}
// The decoder's flags; whether it holds back any bytes.
Status get_decoder_state(ThreadState& ts, TextObject* t, int64_t* flags, Py_ssize_t* held) {
  Ref<> state = call_held(ts, t->decoder, "getstate");
  if (!state) return Status::kError;
  if (!is_tuple(state.get()) || tuple_size(state.get()) != 2 || !is_bytes(tuple_peek(state.get(), 0))) return raise(ts, PyExc_TypeError, "illegal decoder state");
  *held = bytes_size(tuple_peek(state.get(), 0));
  return int_as_i64(ts, tuple_peek(state.get(), 1), flags);
}
Status decoded_length(ThreadState& ts, TextObject* t, PyObject* bytes, bool final_, Py_ssize_t* n) {
  Ref<> text = call_held(ts, t->decoder, "decode", bytes, final_ ? Py_True : Py_False);
  if (!text) return Status::kError;
  *n = is_str(text.get()) ? str_length(text.get()) : 0;
  return Status::kOk;
}

Ref<> m_tell(ThreadState& ts, TextObject* t) {
  OPEN(t);
  if (!t->seekable) return raise_unsupported(ts, obj(t), "underlying stream is not seekable");
  if (!t->telling) return raise(ts, PyExc_OSError, "telling position disabled by next() call");
  if (failed(write_pending(ts, t)) || !call_method(ts, obj(t), ID(flush))) return {};
  Ref<> at = call_held(ts, t->buffer, ID(tell));
  if (!at) return {};
  if (t->decoder == nullptr || t->snapshot == nullptr) return at;
  Cookie c;
  if (failed(as_offset(ts, at.get(), &c.start))) return {};
  Ref<> snapshot = dup(t->snapshot);
  PyObject* next_input = tuple_peek(snapshot.get(), 1);
  c.start -= bytes_size(next_input);
  if (failed(int_as_i64(ts, tuple_peek(snapshot.get(), 0), &c.flags))) return {};
  Py_ssize_t skip = t->used;
  if (skip == 0) return pack(ts, c);
  // Feed the chunk's bytes one by one to see which of them give the characters handed out; the last point at which
  // the decoder holds nothing back is where the position starts.
  Ref<> saved = call_held(ts, t->decoder, "getstate");
  if (!saved) return {};
  Ref<> empty = bytes_from(ts, {});
  Status s = set_decoder_state(ts, t, empty.get(), c.flags);
  Py_ssize_t chars = 0, fed = 0;
  int64_t safe_flags = c.flags;
  Py_ssize_t safe_bytes = 0, safe_chars = 0;
  bool need_eof = false;
  for (; !failed(s) && fed < bytes_size(next_input); ++fed) {
    Ref<> one = bytes_from(ts, {bytes_data(next_input) + fed, 1});
    Py_ssize_t n;
    if (!one || failed(decoded_length(ts, t, one.get(), false, &n))) {
      s = Status::kError;
      break;
    }
    chars += n;
    int64_t flags;
    Py_ssize_t held;
    s = get_decoder_state(ts, t, &flags, &held);
    if (failed(s)) break;
    if (held == 0 && chars <= skip) {
      safe_bytes = fed + 1;
      safe_chars = chars;
      safe_flags = flags;
    }
    if (chars >= skip) {
      ++fed;
      break;
    }
  }
  if (!failed(s) && chars < skip) {
    Py_ssize_t n;
    s = decoded_length(ts, t, empty.get(), true, &n);
    need_eof = true;
    if (!failed(s) && chars + n < skip) s = raise(ts, PyExc_OSError, "can't reconstruct logical file position");
  }
  {
    ErrorStash stash(ts);
    if (!call_held(ts, t->decoder, "setstate", saved.get())) error_clear(ts);
  }
  if (failed(s)) return {};
  c.start += safe_bytes;
  c.flags = safe_flags;
  c.bytes_to_feed = safe_chars == skip && !need_eof ? 0 : fed - safe_bytes;
  c.chars_to_skip = skip - safe_chars;
  c.need_eof = need_eof;
  return pack(ts, c);
}

Ref<> m_seek(ThreadState& ts, TextObject* t, PyObject* cookie_arg, int whence) {
  OPEN(t);
  if (!t->seekable) return raise_unsupported(ts, obj(t), "underlying stream is not seekable");
  Ref<> cookie = dup(cookie_arg);
  Ref<> zero = int_from_i64(ts, 0);
  auto nonzero = [&]() {
    Tri same = object_equal(ts, cookie_arg, zero.get());
    return same == Tri::kFalse;
  };
  if (whence == 1) {
    if (nonzero()) return raise_unsupported(ts, obj(t), "can't do nonzero cur-relative seeks");
    cookie = call_method(ts, obj(t), ID(tell));
    if (!cookie) return {};
  } else if (whence == 2) {
    if (nonzero()) return raise_unsupported(ts, obj(t), "can't do nonzero end-relative seeks");
    if (!call_method(ts, obj(t), ID(flush))) return {};
    drop_decoded(t);
    clear_field(t->snapshot);
    if (t->decoder != nullptr && !call_held(ts, t->decoder, "reset")) return {};
    Ref<> two = int_from_i64(ts, 2);
    Ref<> r = call_held(ts, t->buffer, ID(seek), zero.get(), two.get());
    if (r && has_encoder_state(t)) {
      bool at_start = object_equal(ts, r.get(), zero.get()) == Tri::kTrue;
      if (!(at_start ? call_held(ts, t->encoder, "reset") : call_held(ts, t->encoder, "setstate", zero.get()))) return {};
    }
    return r;
  } else if (whence != 0) {
    return raise(ts, PyExc_ValueError, "invalid whence (%d, should be 0, 1 or 2)", whence);
  }
  Tri negative = object_richcompare_bool(ts, cookie.get(), zero.get(), Py_LT);
  if (failed(negative)) return {};
  if (negative == Tri::kTrue) return raise(ts, PyExc_ValueError, "negative seek position %R", cookie.get());
  if (!call_method(ts, obj(t), ID(flush))) return {};
  Cookie c;
  if (failed(unpack(ts, cookie.get(), &c))) return {};
  Ref<> start = int_from_i64(ts, c.start);
  if (!start || !call_held(ts, t->buffer, ID(seek), start.get())) return {};
  drop_decoded(t);
  clear_field(t->snapshot);
  if (t->decoder != nullptr) {
    Ref<> empty = bytes_from(ts, {});
    Status s;
    if (c.start == 0 && c.flags == 0) {
      s = call_held(ts, t->decoder, "reset") ? Status::kOk : Status::kError;
    } else {
      s = set_decoder_state(ts, t, empty.get(), c.flags);
    }
    if (failed(s)) return {};
    Ref<> flags = int_from_i64(ts, c.flags);
    Ref<> snapshot = tuple_of(ts, flags.get(), empty.get());
    if (!snapshot) return {};
    set_field(t->snapshot, std::move(snapshot));
    if (c.chars_to_skip > 0 || c.bytes_to_feed > 0) {
      Ref<> n = int_from_i64(ts, c.bytes_to_feed);
      Ref<> input = n ? call_held(ts, t->buffer, ID(read), n.get()) : Ref<>();
      if (!input) return {};
      if (!is_bytes(input.get())) return raise(ts, PyExc_TypeError, "underlying read() should have returned a bytes object, not '%.200s'", input.get()->ob_type->tp_name);
      Ref<> text = call_held(ts, t->decoder, "decode", input.get(), c.need_eof ? Py_True : Py_False);
      if (!text) return {};
      if (str_length(text.get()) < c.chars_to_skip) return raise(ts, PyExc_OSError, "can't restore logical file position");
      Ref<> fresh = tuple_of(ts, flags.get(), input.get());
      if (!fresh) return {};
      set_field(t->snapshot, std::move(fresh));
      set_field(t->decoded, std::move(text));
      t->used = c.chars_to_skip;
    }
  }
  if (has_encoder_state(t)) {
    if (!(c.start == 0 && c.flags == 0 ? call_held(ts, t->encoder, "reset") : call_held(ts, t->encoder, "setstate", zero.get()))) return {};
  }
  return cookie;
}

// ---- the rest ----------------------------------------------------------------------------------------------------

PyObject* m_reconfigure(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  TextObject* t = as_text(self);
  static constexpr ParamText kParams[] = {{"encoding", 8, 4, "None", ParamKind::kKeywordOnly},
                                          {"errors", 6, 4, "None", ParamKind::kKeywordOnly},
                                          {"newline", 7, 4, "None", ParamKind::kKeywordOnly},
                                          {"line_buffering", 14, 4, "None", ParamKind::kKeywordOnly},
                                          {"write_through", 13, 4, "None", ParamKind::kKeywordOnly}};
  static constexpr SignatureView kView{"reconfigure", kParams, 5, 0, 0, 0, 0};
  PyObject* v[5];
  if (!check_ok(ts, t) || !bind_arguments(ts, kView, args, n, kwnames, v)) return nullptr;
  auto given = [&](int i) { return v[i] != nullptr && v[i] != Py_None; };
  bool newline_given = v[2] != nullptr;
  if (t->decoder != nullptr && t->snapshot != nullptr && (given(0) || given(1) || newline_given)) {
    return raise_unsupported(ts, self, "It is not possible to set the encoding or newline of stream after the first read");
  }
  const char* nl = nullptr;
  if (newline_given && !good_newline(ts, v[2], &nl)) return nullptr;
  bool flags[2] = {t->line_buffering, t->write_through};
  for (int i = 0; i < 2; ++i) {
    if (!given(3 + i)) continue;
    long value = PyLong_AsLong(v[3 + i]);
    if (value == -1 && error_set(ts)) return nullptr;
    flags[i] = value != 0;
  }
  if (!call_method(ts, self, ID(flush))) return nullptr;
  t->line_buffering = flags[0];
  t->write_through = flags[1];
  if (given(0) || given(1) || newline_given) {
    if (given(0)) {
      if (!is_str(v[0])) return raise(ts, PyExc_TypeError, "reconfigure() argument 'encoding' must be str or None, not %T", v[0]);
      Ref<> enc = str_equals_ascii(v[0], "locale") ? str_from_ascii(ts, "UTF-8") : dup(v[0]);
      if (!enc) return nullptr;
      set_field(t->encoding, std::move(enc));
      if (!given(1)) set_field(t->errors, str_interned(ts, "strict"));
    }
    if (given(1)) {
      if (!is_str(v[1])) return raise(ts, PyExc_TypeError, "reconfigure() argument 'errors' must be str or None, not %T", v[1]);
      set_field(t->errors, dup(v[1]));
    }
    if (newline_given && failed(set_newline(ts, t, nl))) return nullptr;
    if (failed(set_coders(ts, t)) || failed(settle_encoder(ts, t))) return nullptr;
  }
  return new_ref(Py_None);
}
Ref<> m_detach(ThreadState& ts, TextObject* t) {
  if (!check_ok(ts, t) || !call_method(ts, obj(t), ID(flush))) return {};
  t->detached = true;
  t->ok = false;
  return Ref<>::steal(std::exchange(t->buffer, nullptr));
}
Ref<> m_close(ThreadState& ts, TextObject* t) {
  if (!check_ok(ts, t)) return {};
  Ref<> buffer = dup(t->buffer);
  Tri closed = is_closed(ts, buffer.get());
  if (failed(closed)) return {};
  if (closed == Tri::kTrue) return new_none();
  if (t->finalizing && !call_held(ts, t->buffer, "_dealloc_warn", obj(t))) error_clear(ts);
  Ref<> flushed = call_method(ts, obj(t), ID(flush));
  Ref<> exc = flushed ? Ref<>() : error_take(ts);
  Ref<> r = call_held(ts, t->buffer, ID(close));
  if (!exc) return r;
  if (!r) {
    Ref<> second = error_take(ts);
    PyException_SetContext(second.get(), exc.release());
    error_restore(ts, std::move(second));
  } else {
    error_restore(ts, std::move(exc));
  }
  return {};
}
Ref<> m_truncate(ThreadState& ts, TextObject* t, PyObject* pos) {
  if (!check_ok(ts, t) || !call_method(ts, obj(t), ID(flush))) return {};
  return call_held(ts, t->buffer, "truncate", pos != nullptr ? pos : Py_None);
}
#define FORWARD(name)                                                 \
  Ref<> m_##name(ThreadState& ts, TextObject* t) {                    \
    return check_ok(ts, t) ? call_held(ts, t->buffer, #name) : Ref<>(); \
  }
FORWARD(fileno)
FORWARD(seekable)
FORWARD(readable)
FORWARD(writable)
FORWARD(isatty)
#undef FORWARD
Ref<> m_reduce(ThreadState& ts, TextObject* t) { return raise(ts, PyExc_TypeError, "cannot pickle '%s' object", t->ob_base.ob_type->tp_name); }

Ref<> get_name(ThreadState& ts, TextObject* t) { return check_ok(ts, t) ? object_getattr(ts, t->buffer, ID(name)) : Ref<>(); }
Ref<> get_closed(ThreadState& ts, TextObject* t) { return check_ok(ts, t) ? object_getattr(ts, t->buffer, ID(closed)) : Ref<>(); }
// These stay when the buffer is detached.
Ref<> get_encoding(ThreadState& ts, TextObject* t) { return t->detached || check_ok(ts, t) ? dup(t->encoding) : Ref<>(); }
Ref<> get_errors(ThreadState& ts, TextObject* t) { return t->detached || check_ok(ts, t) ? dup(t->errors) : Ref<>(); }
Ref<> get_buffer(ThreadState& ts, TextObject* t) {
  if (t->buffer == nullptr) return check_ok(ts, t) ? new_none() : Ref<>();
  return dup(t->buffer);
}
Ref<> get_newlines(ThreadState& ts, TextObject* t) {
  if (!check_ok(ts, t)) return {};
  if (t->decoder == nullptr) return new_none();
  Ref<> name = str_interned(ts, "newlines");
  Ref<> v;
  if (!name || failed(object_lookup_attr(ts, t->decoder, name.get(), &v))) return {};
  return v ? std::move(v) : new_none();
}
Ref<> get_chunk(ThreadState& ts, TextObject* t) { return int_from_ssize(ts, t->chunk_size); }
Status set_chunk(ThreadState& ts, TextObject* t, PyObject* v) {
  if (v == nullptr) return raise(ts, PyExc_AttributeError, "cannot delete attribute");
  Py_ssize_t n;
  if (failed(index_as_ssize(ts, v, &n, PyExc_ValueError))) return Status::kError;
  if (n <= 0) return raise(ts, PyExc_ValueError, "a strictly positive integer is required");
  t->chunk_size = n;
  return Status::kOk;
}

Ref<> m_repr(ThreadState& ts, PyObject* o) {
  TextObject* t = as_text(o);
  if (!t->detached && !check_ok(ts, t)) return {};
  int seen = repr_enter(ts, o);
  if (seen != 0) {
    if (seen > 0) (void)raise(ts, PyExc_RuntimeError, "reentrant call inside %s.__repr__", o->ob_type->tp_name);
    return {};
  }
  ScopeGuard leave([&] { repr_leave(ts, o); });
  StrWriter w(ts);
  if (failed(w.write_ascii("<_io.TextIOWrapper"))) return {};
  for (const char* key : {"name", "mode"}) {
    Ref<> k = str_interned(ts, key);
    Ref<> v;
    if (!k || failed(object_lookup_attr(ts, o, k.get(), &v))) {
      if (!error_clear_if(ts, PyExc_ValueError)) return {};
    }
    if (!v) continue;
    Ref<> part = str_format(ts, " %s=%R", key, v.get());
    if (!part || failed(w.write(part.get()))) return {};
  }
  Ref<> tail = str_format(ts, " encoding=%R>", t->encoding);
  if (!tail || failed(w.write(tail.get()))) return {};
  return w.finish();
}

int text_clear(PyObject* o) {
  TextObject* t = as_text(o);
  t->ok = false;
  clear_field(t->buffer);
  clear_field(t->encoding);
  clear_field(t->errors);
  clear_field(t->encoder);
  clear_field(t->decoder);
  clear_field(t->read_newline);
  clear_field(t->write_newline);
  clear_field(t->decoded);
  clear_field(t->pending);
  clear_field(t->snapshot);
  clear_field(t->dict);
  return 0;
}
void text_dealloc(PyObject* o) {
  as_text(o)->finalizing = true;
  if (as_text(o)->ok && !finalize_before_dealloc(o)) return;
  PyObject_GC_UnTrack(o);
  if (as_text(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  text_clear(o);
  free_instance(o);
}
int text_traverse(PyObject* o, visitproc visit, void* arg) {
  TextObject* t = as_text(o);
  Py_VISIT(t->buffer);
  Py_VISIT(t->encoder);
  Py_VISIT(t->decoder);
  Py_VISIT(t->pending);
  Py_VISIT(t->snapshot);
  Py_VISIT(t->dict);
  return 0;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_detach, "detach", "($self, /)", "Separate the underlying buffer."),
    ATOLL_METHOD_RAW(m_reconfigure, "reconfigure", METH_FASTCALL | METH_KEYWORDS, "reconfigure(*, encoding=None, errors=None, newline=None, line_buffering=None, write_through=None)\n\nChange the settings."),
    ATOLL_METHOD(m_write, "write", "($self, text, /)", "Write a string; its length."),
    ATOLL_METHOD(m_read, "read", "($self, size=-1, /)", "Read at most size characters."),
    ATOLL_METHOD(m_readline, "readline", "($self, size=-1, /)", "Read a line."),
    ATOLL_METHOD(m_flush, "flush", "($self, /)", "Flush what waits to be written."),
    ATOLL_METHOD(m_close, "close", "($self, /)", "Flush and close."),
    ATOLL_METHOD(m_fileno, "fileno", "($self, /)", "The descriptor."),
    ATOLL_METHOD(m_seekable, "seekable", "($self, /)", "Can it seek?"),
    ATOLL_METHOD(m_readable, "readable", "($self, /)", "Can it be read?"),
    ATOLL_METHOD(m_writable, "writable", "($self, /)", "Can it be written?"),
    ATOLL_METHOD(m_isatty, "isatty", "($self, /)", "Is it a terminal?"),
    ATOLL_METHOD(m_reduce, "__reduce__", "($self, /)", "Streams can't be pickled."),
    ATOLL_METHOD(m_seek, "seek", "($self, cookie, whence=0, /)", "Move to a position told by tell()."),
    ATOLL_METHOD(m_tell, "tell", "($self, /)", "The position, as a number that only seek() understands."),
    ATOLL_METHOD(m_truncate, "truncate", "($self, pos=None, /)", "Truncate."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"name", ATOLL_GETTER(get_name), nullptr, nullptr, nullptr},
                                   {"closed", ATOLL_GETTER(get_closed), nullptr, nullptr, nullptr},
                                   {"encoding", ATOLL_GETTER(get_encoding), nullptr, nullptr, nullptr},
                                   {"buffer", ATOLL_GETTER(get_buffer), nullptr, nullptr, nullptr},
                                   {"newlines", ATOLL_GETTER(get_newlines), nullptr, nullptr, nullptr},
                                   {"errors", ATOLL_GETTER(get_errors), nullptr, nullptr, nullptr},
                                   {"_CHUNK_SIZE", ATOLL_GETTER(get_chunk), ATOLL_SETTER(set_chunk), nullptr, nullptr},
                                   ATOLL_GETSET_END};
constexpr PyMemberDef kMembers[] = {{"line_buffering", T_BOOL, offsetof(TextObject, line_buffering), READONLY, nullptr},
                                    {"write_through", T_BOOL, offsetof(TextObject, write_through), READONLY, nullptr},
                                    {"_finalizing", T_BOOL, offsetof(TextObject, finalizing), 0, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};

}  // namespace

}  // namespace atl::io

using namespace atl;
ATOLL_SEALED PyTypeObject atoll_io_text_wrapper_type = {};

namespace atl {
using namespace io;

constinit const TypeSpec io_text_wrapper_spec{
    .name = "_io.TextIOWrapper",
    .doc = "Characters and lines over a stream of bytes.",
    .basicsize = sizeof(TextObject),
    .flags = kFlags,
    .base = &atoll_io_text_base_type,
    .dealloc = text_dealloc,
    .traverse = text_traverse,
    .clear = text_clear,
    .repr = ATOLL_SLOT(m_repr),
    .iternext = ATOLL_SLOT(m_iternext),
    .init = ATOLL_INIT(text_init, "TextIOWrapper", "(buffer, encoding=None, errors=None, newline=None, line_buffering=False, write_through=False)"),
    .new_ = PyType_GenericNew,
    .weaklist_offset = offsetof(TextObject, weakrefs),
    .dict_offset = offsetof(TextObject, dict),
    .methods = kMethods,
    .members = kMembers,
    .getset = kGetSet,
};

bool upcall_stream_is_flushed(PyObject* stream) {
  if (stream->ob_type != &atoll_io_text_wrapper_type) return false;
  const TextObject* t = as_text(stream);
  return t->ok && (t->pending == nullptr || list_size(t->pending) == 0) && t->telling == t->seekable && !has_own_flush(t->dict) &&
         is_flushed_writer(t->buffer);
}

}  // namespace atl
