// BufferedReader, BufferedWriter, BufferedRandom, BufferedRWPair.
//
// One buffer per object. Either it holds bytes that were read ahead ([pos, read_end) are still to be handed out) or
// bytes that wait to be written ([0, write_end)), never both: a write first gives up what was read ahead by seeking the
// raw stream back, a read first flushes. raw_pos is the raw stream's position where that is known, else -1.
#include <pthread.h>

#include <cstring>

#include "Modules/_io/io.h"
#include "Python/runtime/runtime.h"

namespace atl::io {

namespace {

struct BufferedObject {
  PyObject ob_base;
  PyObject* dict;
  PyObject* weakrefs;
  PyObject* raw;
  bool ok, detached, readable, writable, finalizing;
  char* buffer;
  Py_ssize_t size;
  Py_ssize_t pos, read_end, write_end;
  int64_t raw_pos;
  unsigned long owner;  // thread inside, 0 for none
  unsigned waiting;     // threads that wait until nobody is inside
};
BufferedObject* as_buf(PyObject* o) { return reinterpret_cast<BufferedObject*>(o); }

constexpr int64_t kPatienceAtExit = 1'000'000'000;
// At the end of the process, what 3.11 does. Other interpreters end without the stream's last words.
void give_up_at_exit(ThreadState& ts, BufferedObject* b) {
  Ref<> text = str_format(ts, "could not acquire lock for %R at interpreter shutdown, possibly due to daemon threads", b);
  const char* utf8 = text ? str_utf8(ts, text.get()) : nullptr;
  if (ts.interpreter().is_main) _Py_FatalErrorFunc("_enter_buffered_busy", utf8 != nullptr ? utf8 : "could not acquire lock");
  if (utf8 != nullptr) (void)raise(ts, PyExc_RuntimeError, "%s", utf8);
}

// One thread at a time; the raw stream's calls give up the interpreter's lock in between.
class Enter {
 public:
  Enter(ThreadState& ts, BufferedObject* b) : ts_(ts), b_(b) {
    auto me = static_cast<unsigned long>(pthread_self());
    if (b->owner == me) {
      (void)raise(ts, PyExc_RuntimeError, "reentrant call inside %R", b);
      b_ = nullptr;
      return;
    }
    int64_t deadline = 0;
    while (b->owner != 0) {
      if (ts.interpreter().finalizer.load(std::memory_order_relaxed) == &ts) {
        // A daemon thread that sleeps for ever may be inside: nobody will ever come out.
        if (deadline == 0) deadline = monotonic_now() + kPatienceAtExit;
        if (monotonic_now() > deadline) {
          give_up_at_exit(ts, b);
          b_ = nullptr;
          return;
        }
      }
      ++b->waiting;
      pause(kLook);
      --b->waiting;
    }
    b->owner = me;
  }
  // Who writes all the time would be inside again before anybody who waits has seen the door open.
  ~Enter() {
    if (b_ == nullptr) return;
    b_->owner = 0;
    if (b_->waiting != 0 && ts_.interpreter().finalizer.load(std::memory_order_relaxed) == nullptr) pause(3 * kLook);
  }
  bool ok() const { return b_ != nullptr; }

 private:
  static constexpr long kLook = 100'000;  // nanoseconds
  static void pause(long ns) {
    PyThreadState* saved = PyEval_SaveThread();
    timespec t{0, ns};
    nanosleep(&t, nullptr);
    PyEval_RestoreThread(saved);
  }

  ThreadState& ts_;
  BufferedObject* b_;
};

bool check_init(ThreadState& ts, BufferedObject* b) {
  if (b->ok) return true;
  (void)raise(ts, PyExc_ValueError, b->detached ? "raw stream has been detached" : "I/O operation on uninitialized object");
  return false;
}
Tri raw_closed(ThreadState& ts, BufferedObject* b) {
  Ref<> raw = dup(b->raw);
  return is_closed(ts, raw.get());
}
bool check_open(ThreadState& ts, BufferedObject* b, const char* text) {
  if (!check_init(ts, b)) return false;
  Tri closed = b->buffer == nullptr ? Tri::kTrue : raw_closed(ts, b);
  if (failed(closed)) return false;
  if (closed == Tri::kTrue) {
    (void)raise(ts, PyExc_ValueError, "%s", text);
    return false;
  }
  return true;
}

Py_ssize_t ahead(const BufferedObject* b) { return b->read_end - b->pos; }
void drop_read(BufferedObject* b) { b->pos = b->read_end = 0; }

// The raw stream's read into memory. Bytes read; -1: error; -2: would block.
Py_ssize_t raw_read(ThreadState& ts, BufferedObject* b, char* to, Py_ssize_t n) {
  Ref<> view = Ref<>::steal(PyMemoryView_FromMemory(to, n, PyBUF_WRITE));
  if (!view) return -1;
  Ref<> r;
  for (;;) {
    r = call_held(ts, b->raw, "readinto", view.get());
    if (r || !interrupted(ts)) break;
  }
  if (!r) return -1;
  if (r.get() == Py_None) return -2;
  Py_ssize_t got;
  if (failed(index_as_ssize(ts, r.get(), &got, PyExc_ValueError))) {
    (void)raise_from_current(ts, PyExc_OSError, "raw readinto() failed");
    return -1;
  }
  if (got < 0 || got > n) {
    (void)raise(ts, PyExc_OSError, "raw readinto() returned invalid length %zd (should have been between 0 and %zd)", got, n);
    return -1;
  }
  if (got > 0 && b->raw_pos >= 0) b->raw_pos += got;
  return got;
}
Py_ssize_t raw_write(ThreadState& ts, BufferedObject* b, const char* from, Py_ssize_t n) {
  Ref<> view = Ref<>::steal(PyMemoryView_FromMemory(const_cast<char*>(from), n, PyBUF_READ));
  if (!view) return -1;
  Ref<> r;
  for (;;) {
    r = call_held(ts, b->raw, ID(write), view.get());
    if (r || !interrupted(ts)) break;
  }
  if (!r) return -1;
  if (r.get() == Py_None) return -2;
  Py_ssize_t put;
  if (failed(index_as_ssize(ts, r.get(), &put, PyExc_ValueError))) return -1;
  if (put < 0 || put > n) {
    (void)raise(ts, PyExc_OSError, "raw write() returned invalid length %zd (should have been between 0 and %zd)", put, n);
    return -1;
  }
  if (put > 0 && b->raw_pos >= 0) b->raw_pos += put;
  return put;
}

Status raw_seek(ThreadState& ts, BufferedObject* b, int64_t offset, int whence) {
  Ref<> o = int_from_i64(ts, offset), w = int_from_i64(ts, whence);
  Ref<> r = o && w ? call_held(ts, b->raw, ID(seek), o.get(), w.get()) : Ref<>();
  int64_t at;
  if (!r || failed(as_offset(ts, r.get(), &at))) return Status::kError;
  if (at < 0) return raise(ts, PyExc_OSError, "Raw stream returned invalid position %lld", static_cast<long long>(at));
  b->raw_pos = at;
  return Status::kOk;
}
Status raw_tell(ThreadState& ts, BufferedObject* b) {
  Ref<> r = call_held(ts, b->raw, ID(tell));
  int64_t at;
  if (!r || failed(as_offset(ts, r.get(), &at))) return Status::kError;
  if (at < 0) return raise(ts, PyExc_OSError, "Raw stream returned invalid position %lld", static_cast<long long>(at));
  b->raw_pos = at;
  return Status::kOk;
}

Raised raise_blocked(ThreadState& ts, Py_ssize_t written) {
  Ref<> exc = Ref<>::steal(PyObject_CallFunction(PyExc_BlockingIOError, "isn", 11, "write could not complete without blocking", written));
  return exc ? raise_object(ts, PyExc_BlockingIOError, exc.get()) : Raised{};
}

// Everything that waits goes to the raw stream.
Status flush_writes(ThreadState& ts, BufferedObject* b) {
  Py_ssize_t done = 0;
  Status s = Status::kOk;
  while (done < b->write_end) {
    Py_ssize_t n = raw_write(ts, b, b->buffer + done, b->write_end - done);
    if (n == -2) s = raise_blocked(ts, 0);
    if (n < 0) {
      s = Status::kError;
      break;
    }
    done += n;
    if (PyErr_CheckSignals() < 0) {
      s = Status::kError;
      break;
    }
  }
  if (done > 0) {
    std::memmove(b->buffer, b->buffer + done, static_cast<size_t>(b->write_end - done));
    b->write_end -= done;
  }
  return s;
}
// The raw position becomes the logical one.
Status give_up_read_ahead(ThreadState& ts, BufferedObject* b) {
  Py_ssize_t n = ahead(b);
  if (n > 0 && failed(raw_seek(ts, b, -n, 1))) return Status::kError;
  drop_read(b);
  return Status::kOk;
}

Py_ssize_t fill(ThreadState& ts, BufferedObject* b) {
  if (b->pos == b->read_end) drop_read(b);
  Py_ssize_t n = raw_read(ts, b, b->buffer + b->read_end, b->size - b->read_end);
  if (n > 0) b->read_end += n;
  return n;
}

// ---- making ------------------------------------------------------------------------------------------------------

Status init_buffer(ThreadState& ts, BufferedObject* b, PyObject* raw, Py_ssize_t size, bool readable, bool writable) {
  b->ok = b->detached = false;
  if (readable) {
    Tri t = ask(ts, raw, "readable");
    if (failed(t)) return Status::kError;
    if (t == Tri::kFalse) return raise_unsupported(ts, obj(b), "File or stream is not readable.");
  }
  if (writable) {
    Tri t = ask(ts, raw, "writable");
    if (failed(t)) return Status::kError;
    if (t == Tri::kFalse) return raise_unsupported(ts, obj(b), "File or stream is not writable.");
  }
  if (size <= 0) return raise(ts, PyExc_ValueError, "buffer size must be strictly positive");
  set_field(b->raw, dup(raw));
  PyMem_Free(b->buffer);
  b->buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size)));
  if (b->buffer == nullptr) return raise_memory(ts);
  b->size = size;
  b->readable = readable;
  b->writable = writable;
  b->pos = b->read_end = b->write_end = 0;
  b->raw_pos = -1;
  b->owner = 0;
  if (failed(raw_tell(ts, b))) error_clear(ts);
  b->ok = true;
  return Status::kOk;
}
Status reader_init(ThreadState& ts, BufferedObject* b, PyObject* raw, Py_ssize_t size) { return init_buffer(ts, b, raw, size, true, false); }
Status writer_init(ThreadState& ts, BufferedObject* b, PyObject* raw, Py_ssize_t size) { return init_buffer(ts, b, raw, size, false, true); }
Status random_init(ThreadState& ts, BufferedObject* b, PyObject* raw, Py_ssize_t size) {
  Tri t = ask(ts, raw, "seekable");
  if (failed(t)) return Status::kError;
  if (t == Tri::kFalse) return raise_unsupported(ts, obj(b), "File or stream is not seekable.");
  return init_buffer(ts, b, raw, size, true, true);
}

// ---- reading -----------------------------------------------------------------------------------------------------

// The lock comes first: another thread may be closing the stream.
#define ENTER(text)                  \
  if (!check_init(ts, b)) return {}; \
  Enter enter(ts, b);                \
  if (!enter.ok()) return {};        \
  if (!check_open(ts, b, text)) return {}

// Before reading from a stream that is also written.
Status before_read(ThreadState& ts, BufferedObject* b) { return b->write_end > 0 ? flush_writes(ts, b) : Status::kOk; }

Ref<> read_all(ThreadState& ts, BufferedObject* b) {
  Ref<> chunks = list_new(ts, 0);
  if (!chunks) return {};
  Ref<> head = bytes_from(ts, {b->buffer + b->pos, static_cast<size_t>(ahead(b))});
  if (!head) return {};
  bool any = bytes_size(head.get()) > 0;
  drop_read(b);
  if (any && failed(list_append(ts, chunks.get(), std::move(head)))) return {};
  Ref<> name = str_interned(ts, "readall");
  Ref<> readall;
  if (!name || failed(object_lookup_attr(ts, b->raw, name.get(), &readall))) return {};
  if (readall) {
    Ref<> rest = call(ts, readall.get());
    b->raw_pos = -1;
    if (!rest) return {};
    if (rest.get() == Py_None) {
      if (!any) return rest;
    } else if (!is_bytes(rest.get())) {
      return raise(ts, PyExc_TypeError, "readall() should return bytes");
    } else {
      if (!any) return rest;
      if (failed(list_append(ts, chunks.get(), std::move(rest)))) return {};
    }
  } else {
    for (;;) {
      Ref<> data = call_held(ts, b->raw, ID(read));
      b->raw_pos = -1;
      if (!data) return {};
      if (data.get() == Py_None) {
        if (list_size(chunks.get()) == 0) return data;
        break;
      }
      if (!is_bytes(data.get())) return raise(ts, PyExc_TypeError, "read() should return bytes");
      if (bytes_size(data.get()) == 0) break;
      if (failed(list_append(ts, chunks.get(), std::move(data)))) return {};
    }
  }
  Ref<> empty = bytes_from(ts, {});
  return empty ? call_method(ts, empty.get(), ID(join), chunks.get()) : Ref<>();
}

Ref<> read_n(ThreadState& ts, BufferedObject* b, Py_ssize_t n) {
  Ref<> data = bytes_new(ts, n);
  if (!data) return {};
  char* to = bytes_data(data.get());
  Py_ssize_t have = ahead(b) < n ? ahead(b) : n;
  std::memcpy(to, b->buffer + b->pos, static_cast<size_t>(have));
  b->pos += have;
  while (have < n) {
    Py_ssize_t left = n - have;
    Py_ssize_t r;
    if (left >= b->size) {  // large parts go straight to their place
      drop_read(b);
      r = raw_read(ts, b, to + have, left - left % b->size);
      if (r > 0) have += r;
    } else {
      r = fill(ts, b);
      if (r > 0) {
        Py_ssize_t take = ahead(b) < left ? ahead(b) : left;
        std::memcpy(to + have, b->buffer + b->pos, static_cast<size_t>(take));
        b->pos += take;
        have += take;
      }
    }
    if (r == -1) return {};
    if (r == 0 || r == -2) {
      if (r == -2 && have == 0) return new_none();
      break;
    }
  }
  if (have != n && failed(bytes_resize(ts, &data, have))) return {};
  return data;
}

Ref<> m_read(ThreadState& ts, BufferedObject* b, PyObject* size_arg) {
  Py_ssize_t n;
  if (failed(as_size(ts, size_arg, &n))) return {};
  if (n < -1) return raise(ts, PyExc_ValueError, "read length must be non-negative or -1");
  if (!check_init(ts, b)) return {};
  if (!b->readable) return raise_unsupported(ts, obj(b), "read");
  ENTER("read of closed file");
  if (failed(before_read(ts, b))) return {};
  return n < 0 ? read_all(ts, b) : read_n(ts, b, n);
}
Ref<> m_read1(ThreadState& ts, BufferedObject* b, Py_ssize_t n) {
  if (!check_init(ts, b)) return {};
  if (!b->readable) return raise_unsupported(ts, obj(b), "read1");
  if (n < 0) n = b->size;
  ENTER("read of closed file");
  if (n == 0) return bytes_from(ts, {});
  if (failed(before_read(ts, b))) return {};
  if (ahead(b) > 0) return read_n(ts, b, n < ahead(b) ? n : ahead(b));
  Ref<> data = bytes_new(ts, n);
  if (!data) return {};
  drop_read(b);
  Py_ssize_t r = raw_read(ts, b, bytes_data(data.get()), n);
  if (r == -1) return {};
  if (r == -2) r = 0;
  if (r != n && failed(bytes_resize(ts, &data, r))) return {};
  return data;
}
Ref<> readinto(ThreadState& ts, BufferedObject* b, PyObject* target, bool once) {
  if (!check_init(ts, b)) return {};
  if (!b->readable) return raise_unsupported(ts, obj(b), "readinto");
  ENTER("readinto of closed file");
  Py_buffer view;
  if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "%s() argument must be read-write bytes-like object, not %T", once ? "readinto1" : "readinto", target);
  }
  ScopeGuard release([&] { PyBuffer_Release(&view); });
  if (failed(before_read(ts, b))) return {};
  auto* to = static_cast<char*>(view.buf);
  Py_ssize_t have = ahead(b) < view.len ? ahead(b) : view.len;
  std::memcpy(to, b->buffer + b->pos, static_cast<size_t>(have));
  b->pos += have;
  while (have < view.len) {
    Py_ssize_t left = view.len - have;
    if (once && have > 0 && left <= b->size) break;
    Py_ssize_t r;
    if (left > b->size) {
      drop_read(b);
      r = raw_read(ts, b, to + have, left);
      if (r > 0) have += r;
    } else {
      r = fill(ts, b);
      if (r > 0) {
        Py_ssize_t take = ahead(b) < left ? ahead(b) : left;
        std::memcpy(to + have, b->buffer + b->pos, static_cast<size_t>(take));
        b->pos += take;
        have += take;
      }
    }
    if (r == -1) return {};
    if (r == -2 && have == 0) return new_none();
    if (r <= 0 || once) break;
  }
  return int_from_ssize(ts, have);
}
Ref<> m_readinto(ThreadState& ts, BufferedObject* b, PyObject* target) { return readinto(ts, b, target, false); }
Ref<> m_readinto1(ThreadState& ts, BufferedObject* b, PyObject* target) { return readinto(ts, b, target, true); }

Ref<> m_peek(ThreadState& ts, BufferedObject* b, Py_ssize_t) {
  if (!check_init(ts, b)) return {};
  if (!b->readable) return raise_unsupported(ts, obj(b), "peek");
  ENTER("peek of closed file");
  if (failed(before_read(ts, b))) return {};
  if (ahead(b) == 0) {
    Py_ssize_t r = fill(ts, b);
    if (r == -1) return {};
  }
  return bytes_from(ts, {b->buffer + b->pos, static_cast<size_t>(ahead(b))});
}

Ref<> read_line(ThreadState& ts, BufferedObject* b, Py_ssize_t limit) {
  ENTER("readline of closed file");
  if (failed(before_read(ts, b))) return {};
  Ref<> chunks;
  Py_ssize_t total = 0;
  for (;;) {
    Py_ssize_t n = ahead(b);
    if (limit >= 0 && n > limit - total) n = limit - total;
    char* start = b->buffer + b->pos;
    auto* end = n > 0 ? static_cast<char*>(std::memchr(start, '\n', static_cast<size_t>(n))) : nullptr;
    bool done = end != nullptr || (limit >= 0 && total + n >= limit);
    if (end != nullptr) n = end - start + 1;
    if (done && !chunks) {
      b->pos += n;
      return bytes_from(ts, {start, static_cast<size_t>(n)});
    }
    if (n > 0) {
      Ref<> part = bytes_from(ts, {start, static_cast<size_t>(n)});
      if (!chunks) chunks = list_new(ts, 0);
      if (!part || !chunks || failed(list_append(ts, chunks.get(), std::move(part)))) return {};
      b->pos += n;
      total += n;
    }
    if (done) break;
    drop_read(b);
    Py_ssize_t r = fill(ts, b);
    if (r == -1) return {};
    if (r <= 0) break;
  }
  Ref<> empty = bytes_from(ts, {});
  if (!chunks || !empty) return empty;
  return call_method(ts, empty.get(), ID(join), chunks.get());
}
Ref<> m_readline(ThreadState& ts, BufferedObject* b, PyObject* size_arg) {
  Py_ssize_t n;
  if (failed(as_size(ts, size_arg, &n))) return {};
  if (!check_init(ts, b)) return {};
  if (!b->readable) return raise_unsupported(ts, obj(b), "readline");
  return read_line(ts, b, n);
}
Ref<> m_iternext(ThreadState& ts, PyObject* o) {
  BufferedObject* b = as_buf(o);
  if (!check_init(ts, b)) return {};
  Ref<> line;
  if (o->ob_type == &atoll_io_buffered_reader_type || o->ob_type == &atoll_io_buffered_random_type) {
    line = read_line(ts, b, -1);
  } else {
    line = call_method(ts, o, ID(readline));
    if (line && !is_bytes(line.get())) return raise(ts, PyExc_OSError, "readline() should have returned a bytes object, not '%.200s'", line.get()->ob_type->tp_name);
  }
  if (!line || bytes_size(line.get()) == 0) return {};
  return line;
}

// ---- writing -----------------------------------------------------------------------------------------------------

Ref<> m_write(ThreadState& ts, BufferedObject* b, const BufferArg& data) {
  if (!check_init(ts, b)) return {};
  if (!b->writable) return raise_unsupported(ts, obj(b), "write");
  ENTER("write to closed file");
  if (b->read_end > 0 && failed(give_up_read_ahead(ts, b))) return {};
  Py_ssize_t n = data.size();
  auto* from = reinterpret_cast<const char*>(data.data());
  if (n <= b->size - b->write_end) {
    std::memcpy(b->buffer + b->write_end, from, static_cast<size_t>(n));
    b->write_end += n;
    return int_from_ssize(ts, n);
  }
  if (failed(flush_writes(ts, b))) {
    if (!error_matches(ts, PyExc_BlockingIOError)) return {};
    // As much as there is room for is taken; the exception says how much.
    Py_ssize_t room = b->size - b->write_end;
    Py_ssize_t take = n < room ? n : room;
    error_clear(ts);
    std::memcpy(b->buffer + b->write_end, from, static_cast<size_t>(take));
    b->write_end += take;
    if (take == n) return int_from_ssize(ts, n);
    return raise_blocked(ts, take);
  }
  Py_ssize_t done = 0;
  while (n - done > b->size) {
    Py_ssize_t r = raw_write(ts, b, from + done, n - done);
    if (r == -1) return {};
    if (r == -2) {
      Py_ssize_t take = n - done < b->size ? n - done : b->size;
      std::memcpy(b->buffer, from + done, static_cast<size_t>(take));
      b->write_end = take;
      if (done + take == n) break;
      return raise_blocked(ts, done + take);
    }
    done += r;
    if (PyErr_CheckSignals() < 0) return {};
  }
  if (b->write_end == 0) {
    std::memcpy(b->buffer, from + done, static_cast<size_t>(n - done));
    b->write_end = n - done;
  }
  return int_from_ssize(ts, n);
}

Status flush_and_rewind(ThreadState& ts, BufferedObject* b) {
  if (failed(flush_writes(ts, b))) return Status::kError;
  return b->readable && b->writable ? give_up_read_ahead(ts, b) : Status::kOk;
}
Ref<> m_flush(ThreadState& ts, BufferedObject* b) {
  if (!check_init(ts, b)) return {};
  ENTER("flush of closed file");
  if (b->writable) return failed(flush_and_rewind(ts, b)) ? Ref<>() : new_none();
  return call_held(ts, b->raw, ID(flush));
}

// ---- positions ---------------------------------------------------------------------------------------------------

Ref<> m_tell(ThreadState& ts, BufferedObject* b) {
  if (!check_init(ts, b) || failed(raw_tell(ts, b))) return {};
  int64_t at = b->raw_pos - ahead(b) + b->write_end;
  return int_from_i64(ts, at < 0 ? 0 : at);
}
Ref<> m_seek(ThreadState& ts, BufferedObject* b, PyObject* target, int whence) {
  if (!check_init(ts, b)) return {};
  if (whence < 0 || whence > 2) {
#ifdef SEEK_DATA
    if (whence != SEEK_DATA && whence != SEEK_HOLE)
#endif
      return raise(ts, PyExc_ValueError, "whence value %d unsupported", whence);
  }
  if (!check_open(ts, b, "seek of closed file")) return {};
  Tri seekable = ask(ts, b->raw, "seekable");
  if (failed(seekable)) return {};
  if (seekable == Tri::kFalse) return raise_unsupported(ts, obj(b), "File or stream is not seekable.");
  int64_t offset;
  if (failed(as_offset(ts, target, &offset))) return {};
  Enter enter(ts, b);
  if (!enter.ok()) return {};
  // Within what was read ahead nothing has to be asked of the raw stream.
  if (b->readable && b->write_end == 0 && whence != 2 && b->raw_pos >= 0 && whence <= 2) {
    int64_t now = b->raw_pos - ahead(b);
    int64_t delta = whence == 0 ? offset - now : offset;
    if (delta >= -b->pos && delta <= ahead(b) && b->read_end > 0) {
      b->pos += delta;
      return int_from_i64(ts, now + delta);
    }
  }
  if (failed(flush_writes(ts, b))) return {};
  if (whence == 1) offset -= ahead(b);
  if (failed(raw_seek(ts, b, offset, whence))) return {};
  drop_read(b);
  return int_from_i64(ts, b->raw_pos);
}
Ref<> m_truncate(ThreadState& ts, BufferedObject* b, PyObject* size_arg) {
  if (!check_init(ts, b)) return {};
  if (!b->writable) return raise_unsupported(ts, obj(b), "truncate");
  ENTER("truncate of closed file");
  if (failed(flush_and_rewind(ts, b))) return {};
  Ref<> pos;
  if (size_arg == nullptr || size_arg == Py_None) {
    if (failed(raw_tell(ts, b))) return {};
    pos = int_from_i64(ts, b->raw_pos);
    if (!pos) return {};
    size_arg = pos.get();
  }
  Ref<> r = call_held(ts, b->raw, "truncate", size_arg);
  b->raw_pos = -1;
  return r;
}

// ---- the rest ----------------------------------------------------------------------------------------------------

Ref<> m_dealloc_warn(ThreadState& ts, BufferedObject* b, PyObject* source) {
  if (b->ok && b->raw != nullptr && !call_held(ts, b->raw, "_dealloc_warn", source)) error_clear(ts);
  return new_none();
}
Ref<> m_close(ThreadState& ts, BufferedObject* b) {
  if (!check_init(ts, b)) return {};
  {
    Enter enter(ts, b);
    if (!enter.ok()) return {};
    Tri closed = raw_closed(ts, b);
    if (failed(closed)) return {};
    if (closed == Tri::kTrue) return new_none();
    if (b->finalizing && !m_dealloc_warn(ts, b, obj(b))) return {};
  }
  // flush() may be overridden and takes the lock itself.
  Ref<> flushed = call_method(ts, obj(b), ID(flush));
  Ref<> exc = flushed ? Ref<>() : error_take(ts);
  Ref<> r;
  {
    Enter enter(ts, b);
    if (enter.ok()) {
      r = call_held(ts, b->raw, ID(close));
      PyMem_Free(std::exchange(b->buffer, nullptr));
      b->write_end = 0;
      drop_read(b);
    }
  }
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
Ref<> m_detach(ThreadState& ts, BufferedObject* b) {
  if (!check_init(ts, b)) return {};
  Ref<> flushed = call_method(ts, obj(b), ID(flush));
  if (!flushed) return {};
  Ref<> raw = Ref<>::steal(std::exchange(b->raw, nullptr));
  b->detached = true;
  b->ok = false;
  return raw;
}
#define FORWARD(name)                                                  \
  Ref<> m_##name(ThreadState& ts, BufferedObject* b) {                 \
    return check_init(ts, b) ? call_held(ts, b->raw, #name) : Ref<>(); \
  }
FORWARD(seekable)
FORWARD(readable)
FORWARD(writable)
FORWARD(fileno)
FORWARD(isatty)
#undef FORWARD
Ref<> get_closed(ThreadState& ts, BufferedObject* b) {
  if (!check_init(ts, b)) return {};
  return object_getattr(ts, b->raw, ID(closed));
}
Ref<> get_name(ThreadState& ts, BufferedObject* b) { return check_init(ts, b) ? object_getattr(ts, b->raw, ID(name)) : Ref<>(); }
Ref<> get_mode(ThreadState& ts, BufferedObject* b) { return check_init(ts, b) ? object_getattr(ts, b->raw, ID(mode)) : Ref<>(); }
Ref<> get_raw(ThreadState& ts, BufferedObject* b) {
  if (b->raw == nullptr) return raise(ts, PyExc_AttributeError, "raw");
  return dup(b->raw);
}
Ref<> m_reduce(ThreadState& ts, BufferedObject* b) { return raise(ts, PyExc_TypeError, "cannot pickle '%s' object", b->ob_base.ob_type->tp_name); }

Ref<> m_sizeof(ThreadState& ts, BufferedObject* b) {
  return int_from_ssize(ts, b->ob_base.ob_type->tp_basicsize + (b->buffer != nullptr ? b->size : 0));
}

Ref<> m_repr(ThreadState& ts, PyObject* o) {
  Ref<> name;
  if (as_buf(o)->ok) {
    if (failed(object_lookup_attr(ts, o, ID(name), &name))) {
      if (!error_clear_if(ts, PyExc_ValueError)) return {};
    }
  }
  if (!name) return str_format(ts, "<%s>", o->ob_type->tp_name);
  int seen = repr_enter(ts, o);
  if (seen != 0) {
    if (seen > 0) (void)raise(ts, PyExc_RuntimeError, "reentrant call inside %s.__repr__", o->ob_type->tp_name);
    return {};
  }
  Ref<> r = str_format(ts, "<%s name=%R>", o->ob_type->tp_name, name.get());
  repr_leave(ts, o);
  return r;
}

int buf_clear(PyObject* o) {
  as_buf(o)->ok = false;
  clear_field(as_buf(o)->raw);
  clear_field(as_buf(o)->dict);
  return 0;
}
void buf_dealloc(PyObject* o) {
  as_buf(o)->finalizing = true;
  if (as_buf(o)->ok && !finalize_before_dealloc(o)) return;
  PyObject_GC_UnTrack(o);
  if (as_buf(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  PyMem_Free(std::exchange(as_buf(o)->buffer, nullptr));
  buf_clear(o);
  free_instance(o);
}
int buf_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_buf(o)->raw);
  Py_VISIT(as_buf(o)->dict);
  return 0;
}

#define COMMON_METHODS                                                                             \
  ATOLL_METHOD(m_detach, "detach", "($self, /)", "Separate the raw stream."),                      \
      ATOLL_METHOD(m_flush, "flush", "($self, /)", "Flush what waits to be written."),             \
      ATOLL_METHOD(m_close, "close", "($self, /)", "Flush and close."),                            \
      ATOLL_METHOD(m_seekable, "seekable", "($self, /)", "Can it seek?"),                          \
      ATOLL_METHOD(m_fileno, "fileno", "($self, /)", "The descriptor."),                           \
      ATOLL_METHOD(m_isatty, "isatty", "($self, /)", "Is it a terminal?"),                         \
      ATOLL_METHOD(m_dealloc_warn, "_dealloc_warn", "($self, source, /)", "Warn about a stream that nobody closed."), \
      ATOLL_METHOD(m_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),             \
      ATOLL_METHOD(m_reduce, "__reduce__", "($self, /)", "Streams can't be pickled."),             \
      ATOLL_METHOD(m_seek, "seek", "($self, target, whence=0, /)", "Move to a position."),         \
      ATOLL_METHOD(m_tell, "tell", "($self, /)", "The position."),                                 \
      ATOLL_METHOD(m_truncate, "truncate", "($self, pos=None, /)", "Truncate.")
#define READ_METHODS                                                                                             \
  ATOLL_METHOD(m_read, "read", "($self, size=-1, /)", "Read size bytes, or until the end."),                     \
      ATOLL_METHOD(m_peek, "peek", "($self, size=0, /)", "What is buffered, without moving."),                   \
      ATOLL_METHOD(m_read1, "read1", "($self, size=-1, /)", "Read with at most one call of the raw stream."),    \
      ATOLL_METHOD(m_readinto, "readinto", "($self, buffer, /)", "Read into a buffer."),                         \
      ATOLL_METHOD(m_readinto1, "readinto1", "($self, buffer, /)", "Read into a buffer with at most one call of the raw stream."), \
      ATOLL_METHOD(m_readline, "readline", "($self, size=-1, /)", "Read a line.")
#define CAN_READ ATOLL_METHOD(m_readable, "readable", "($self, /)", "Can it be read?")
#define CAN_WRITE ATOLL_METHOD(m_writable, "writable", "($self, /)", "Can it be written?")
constexpr MethodSpec kReaderMethods[] = {READ_METHODS, CAN_READ, COMMON_METHODS, ATOLL_METHOD_END};
constexpr MethodSpec kWriterMethods[] = {CAN_WRITE, ATOLL_METHOD(m_write, "write", "($self, buffer, /)", "Write bytes."), COMMON_METHODS, ATOLL_METHOD_END};
constexpr MethodSpec kRandomMethods[] = {READ_METHODS, CAN_READ, CAN_WRITE, ATOLL_METHOD(m_write, "write", "($self, buffer, /)", "Write bytes."), COMMON_METHODS, ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"closed", ATOLL_GETTER(get_closed), nullptr, nullptr, nullptr},
                                   {"name", ATOLL_GETTER(get_name), nullptr, nullptr, nullptr},
                                   {"mode", ATOLL_GETTER(get_mode), nullptr, nullptr, nullptr},
                                   {"raw", ATOLL_GETTER(get_raw), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};
constexpr PyMemberDef kMembers[] = {{"_finalizing", T_BOOL, offsetof(BufferedObject, finalizing), 0, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};

// ---- a reader and a writer as one --------------------------------------------------------------------------------

struct PairObject {
  PyObject ob_base;
  PyObject* dict;
  PyObject* weakrefs;
  PyObject* reader;
  PyObject* writer;
};
PairObject* as_pair(PyObject* o) { return reinterpret_cast<PairObject*>(o); }

Status pair_init(ThreadState& ts, PairObject* p, PyObject* reader, PyObject* writer, Py_ssize_t size) {
  Ref<> n = int_from_ssize(ts, size);
  Tri t = ask(ts, reader, "readable");
  if (failed(t)) return Status::kError;
  if (t == Tri::kFalse) return raise_unsupported(ts, obj(p), "File or stream is not readable.");
  t = ask(ts, writer, "writable");
  if (failed(t)) return Status::kError;
  if (t == Tri::kFalse) return raise_unsupported(ts, obj(p), "File or stream is not writable.");
  Ref<> r = n ? call(ts, obj(&atoll_io_buffered_reader_type), reader, n.get()) : Ref<>();
  Ref<> w = r ? call(ts, obj(&atoll_io_buffered_writer_type), writer, n.get()) : Ref<>();
  if (!w) return Status::kError;
  set_field(p->reader, std::move(r));
  set_field(p->writer, std::move(w));
  return Status::kOk;
}
Ref<> forward(ThreadState& ts, PyObject* to, const char* name, PyObject* arg = nullptr) {
  if (to == nullptr) return raise(ts, PyExc_ValueError, "I/O operation on uninitialized object");
  return arg != nullptr ? call_name(ts, to, name, arg) : call_name(ts, to, name);
}
#define PAIR_READ(name) \
  Ref<> p_##name(ThreadState& ts, PairObject* p, PyObject* arg) { return forward(ts, p->reader, #name, arg); }
PAIR_READ(read)
PAIR_READ(peek)
PAIR_READ(read1)
PAIR_READ(readinto)
PAIR_READ(readinto1)
#undef PAIR_READ
Ref<> p_write(ThreadState& ts, PairObject* p, PyObject* arg) { return forward(ts, p->writer, "write", arg); }
Ref<> p_flush(ThreadState& ts, PairObject* p) { return forward(ts, p->writer, "flush"); }
Ref<> p_readable(ThreadState& ts, PairObject* p) { return forward(ts, p->reader, "readable"); }
Ref<> p_writable(ThreadState& ts, PairObject* p) { return forward(ts, p->writer, "writable"); }
Ref<> p_close(ThreadState& ts, PairObject* p) {
  Ref<> w = forward(ts, p->writer, "close");
  Ref<> exc = w ? Ref<>() : error_take(ts);
  Ref<> r = forward(ts, p->reader, "close");
  if (!exc) return r;
  if (!r) {
    Ref<> second = error_take(ts);
    PyException_SetContext(second.get(), exc.release());
    error_restore(ts, std::move(second));
    return {};
  }
  error_restore(ts, std::move(exc));
  return {};
}
Ref<> p_isatty(ThreadState& ts, PairObject* p) {
  Ref<> w = forward(ts, p->writer, "isatty");
  if (!w || w.get() == Py_True) return w;
  return forward(ts, p->reader, "isatty");
}
Ref<> p_closed(ThreadState& ts, PairObject* p) {
  if (p->writer == nullptr) return raise(ts, PyExc_RuntimeError, "the BufferedRWPair object is being garbage-collected");
  return object_getattr(ts, p->writer, ID(closed));
}
int pair_clear(PyObject* o) {
  clear_field(as_pair(o)->reader);
  clear_field(as_pair(o)->writer);
  clear_field(as_pair(o)->dict);
  return 0;
}
void pair_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  if (as_pair(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  pair_clear(o);
  free_instance(o);
}
int pair_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_pair(o)->reader);
  Py_VISIT(as_pair(o)->writer);
  Py_VISIT(as_pair(o)->dict);
  return 0;
}
constexpr MethodSpec kPairMethods[] = {
    ATOLL_METHOD(p_read, "read", "($self, size=-1, /)", "Read from the reader."),
    ATOLL_METHOD(p_peek, "peek", "($self, size=0, /)", "Peek into the reader."),
    ATOLL_METHOD(p_read1, "read1", "($self, size=-1, /)", "Read from the reader."),
    ATOLL_METHOD(p_readinto, "readinto", "($self, buffer, /)", "Read from the reader."),
    ATOLL_METHOD(p_readinto1, "readinto1", "($self, buffer, /)", "Read from the reader."),
    ATOLL_METHOD(p_write, "write", "($self, buffer, /)", "Write to the writer."),
    ATOLL_METHOD(p_flush, "flush", "($self, /)", "Flush the writer."),
    ATOLL_METHOD(p_readable, "readable", "($self, /)", "Can the reader be read?"),
    ATOLL_METHOD(p_writable, "writable", "($self, /)", "Can the writer be written?"),
    ATOLL_METHOD(p_close, "close", "($self, /)", "Close both."),
    ATOLL_METHOD(p_isatty, "isatty", "($self, /)", "Is either a terminal?"),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kPairGetSet[] = {{"closed", ATOLL_GETTER(p_closed), nullptr, nullptr, nullptr}, ATOLL_GETSET_END};
}  // namespace

bool is_flushed_writer(PyObject* o) {
  const BufferedObject* b = as_buf(o);
  return o->ob_type == &atoll_io_buffered_writer_type && b->ok && b->write_end == 0 && !has_own_flush(b->dict);
}

}  // namespace atl::io

using namespace atl;
ATOLL_SEALED PyTypeObject atoll_io_buffered_reader_type = {};
ATOLL_SEALED PyTypeObject atoll_io_buffered_writer_type = {};
ATOLL_SEALED PyTypeObject atoll_io_buffered_random_type = {};
ATOLL_SEALED PyTypeObject atoll_io_buffered_pair_type = {};

namespace atl {
using namespace io;

constinit const TypeSpec io_buffered_reader_spec{
    .name = "_io.BufferedReader",
    .doc = "A buffer for reading from a raw stream.",
    .basicsize = sizeof(BufferedObject),
    .flags = kFlags,
    .base = &atoll_io_buffered_base_type,
    .dealloc = buf_dealloc,
    .traverse = buf_traverse,
    .clear = buf_clear,
    .repr = ATOLL_SLOT(m_repr),
    .iternext = ATOLL_SLOT(m_iternext),
    .init = ATOLL_INIT(reader_init, "BufferedReader", "(raw, buffer_size=8192)"),
    .new_ = PyType_GenericNew,
    .weaklist_offset = offsetof(BufferedObject, weakrefs),
    .dict_offset = offsetof(BufferedObject, dict),
    .methods = kReaderMethods,
    .members = kMembers,
    .getset = kGetSet,
};
constinit const TypeSpec io_buffered_writer_spec{
    .name = "_io.BufferedWriter",
    .doc = "A buffer for writing to a raw stream.",
    .basicsize = sizeof(BufferedObject),
    .flags = kFlags,
    .base = &atoll_io_buffered_base_type,
    .dealloc = buf_dealloc,
    .traverse = buf_traverse,
    .clear = buf_clear,
    .repr = ATOLL_SLOT(m_repr),
    .init = ATOLL_INIT(writer_init, "BufferedWriter", "(raw, buffer_size=8192)"),
    .new_ = PyType_GenericNew,
    .weaklist_offset = offsetof(BufferedObject, weakrefs),
    .dict_offset = offsetof(BufferedObject, dict),
    .methods = kWriterMethods,
    .members = kMembers,
    .getset = kGetSet,
};
constinit const TypeSpec io_buffered_random_spec{
    .name = "_io.BufferedRandom",
    .doc = "A buffer for reading from and writing to a raw stream with a position.",
    .basicsize = sizeof(BufferedObject),
    .flags = kFlags,
    .base = &atoll_io_buffered_base_type,
    .dealloc = buf_dealloc,
    .traverse = buf_traverse,
    .clear = buf_clear,
    .repr = ATOLL_SLOT(m_repr),
    .iternext = ATOLL_SLOT(m_iternext),
    .init = ATOLL_INIT(random_init, "BufferedRandom", "(raw, buffer_size=8192)"),
    .new_ = PyType_GenericNew,
    .weaklist_offset = offsetof(BufferedObject, weakrefs),
    .dict_offset = offsetof(BufferedObject, dict),
    .methods = kRandomMethods,
    .members = kMembers,
    .getset = kGetSet,
};
constinit const TypeSpec io_buffered_pair_spec{
    .name = "_io.BufferedRWPair",
    .doc = "A reader and a writer, each with a buffer, as one stream.",
    .basicsize = sizeof(PairObject),
    .flags = kFlags,
    .base = &atoll_io_buffered_base_type,
    .dealloc = pair_dealloc,
    .traverse = pair_traverse,
    .clear = pair_clear,
    .init = ATOLL_INIT(pair_init, "BufferedRWPair", "(reader, writer, buffer_size=8192, /)"),
    .new_ = PyType_GenericNew,
    .weaklist_offset = offsetof(PairObject, weakrefs),
    .dict_offset = offsetof(PairObject, dict),
    .methods = kPairMethods,
    .getset = kPairGetSet,
};

}  // namespace atl
