#include "Python/sharing/values.h"

#include <cstring>
#include <new>
#include <string>

#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "Python/sharing/channel_id.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/queue_object.h"

namespace atl {

namespace {

// One byte in front of each value; with kNoted it gets the next number, to which kBack refers.
enum Tag : uint8_t {
  kNone,
  kTrue,
  kFalse,
  kEllipsis,
  kByteInt,   // int8
  kInt,       // int64
  kBigInt,    // sign byte, number of digits, 30-bit digits
  kFloat,
  kComplex,
  kAscii,     // length, characters
  kText,      // kind, length, characters
  kBytes,
  kTuple,
  kList,
  kDict,
  kChannel,   // number of the handle
  kChannelId, // which ends, number of the handle
  kQueue,     // number of the handle
  kBack,      // number of a noted value
  kNoted = 0x80,
};

// Strings and bytes below this size are written again where they are met again.
constexpr Py_ssize_t kWorthNoting = 64;

void destroy_value(Message* m, OrphanList& orphans) {
  auto* self = static_cast<ValueMessage*>(m);
  for (uint32_t i = 0; i < self->handle_count; ++i) self->handles[i].channel->drop(self->handles[i].end, kInTransit, orphans);
  std::free(self->handles);
  self->~ValueMessage();
  std::free(self);
  runtime().channels.messages.fetch_sub(1, std::memory_order_relaxed);
}

// ---- writing -----------------------------------------------------------------------------------------------------

class ValueWriter {
 public:
  ValueWriter(ThreadState& ts, const char* name) : ts_(ts), name_(name) {}
  ValueWriter(const ValueWriter&) = delete;
  ValueWriter& operator=(const ValueWriter&) = delete;
  ~ValueWriter() {
    OrphanList orphans;
    for (uint32_t i = 0; i < handle_count_; ++i) handles_[i].channel->drop(handles_[i].end, kInTransit, orphans);
    std::free(handles_);
    if (data_ != inline_) std::free(data_);
    std::free(seen_);
  }

  bool write(PyObject* o);
  MessageRef finish();
  // Why the last write failed, when it was for the value's type.
  bool refused() const { return refused_ != nullptr; }
  void raise_refused() {
    PyObject* type = ts_.interpreter().sharing.not_shareable;
    if (path_.empty()) {
      (void)raise(ts_, type, "object of type '%.200s' can't be sent to another interpreter", refused_->tp_name);
    } else {
      (void)raise(ts_, type, "%.200s%s: object of type '%.200s' can't be sent to another interpreter", name_, path_.c_str(), refused_->tp_name);
    }
  }

 private:
  struct Seen {
    PyObject* object;
    uint32_t number;
  };

  bool raw(const void* from, size_t n) {
    if (room_ - size_ < n && !make_room(n)) return false;
    if (n != 0) std::memcpy(data_ + size_, from, n);
    size_ += n;
    return true;
  }
  bool make_room(size_t n) {
    size_t room = room_ * 2 > size_ + n ? room_ * 2 : size_ + n;
    auto* bigger = static_cast<uint8_t*>(data_ == inline_ ? std::malloc(room) : std::realloc(data_, room));
    if (bigger == nullptr) return no_memory();
    if (data_ == inline_) std::memcpy(bigger, inline_, size_);
    data_ = bigger;
    room_ = room;
    return true;
  }
  bool no_memory() {
    raise_no_memory(ts_);
    return false;
  }
  bool byte(uint8_t b) { return raw(&b, 1); }
  template <class T>
  bool plain(T v) {
    return raw(&v, sizeof v);
  }
  bool sized(uint8_t tag, Py_ssize_t n) { return byte(tag) && plain(static_cast<uint64_t>(n)); }

  // A value that is held more than once may be met again. *tag gets the flag; *done: it was met before.
  bool note(PyObject* o, uint8_t* tag, bool* done);
  bool write_int(PyObject* o);
  bool write_text(PyObject* o);
  bool write_items(uint8_t tag, PyObject* const* items, Py_ssize_t n);
  bool write_dict(uint8_t tag, PyObject* o);
  bool write_channel(PyObject* o);
  bool write_channel_id(PyObject* o);
  bool hold(ChannelHandle handle);
  void place(const std::string& step) {
    if (refused_ != nullptr) path_.insert(0, step);
  }

  ThreadState& ts_;
  const char* name_;
  PyTypeObject* refused_ = nullptr;
  std::string path_;
  uint8_t inline_[512];
  uint8_t* data_ = inline_;
  size_t size_ = 0, room_ = sizeof inline_;
  ChannelHandle* handles_ = nullptr;
  uint32_t handle_count_ = 0;
  Seen* seen_ = nullptr;  // open addressing by address
  uint32_t seen_count_ = 0, seen_mask_ = 0;
};

bool ValueWriter::note(PyObject* o, uint8_t* tag, bool* done) {
  *done = false;
  if (o->ob_refcnt == 1 || is_immortal(o)) return true;
  auto home = [](PyObject* p) { return static_cast<uint32_t>((reinterpret_cast<uintptr_t>(p) >> 4) * 0x9e3779b1u); };
  if ((seen_count_ + 1) * 2 > seen_mask_) {
    uint32_t n = seen_mask_ == 0 ? 16 : (seen_mask_ + 1) * 2;
    auto* grown = static_cast<Seen*>(std::calloc(n, sizeof(Seen)));
    if (grown == nullptr) return no_memory();
    for (uint32_t i = 0; seen_ != nullptr && i <= seen_mask_; ++i) {
      if (seen_[i].object == nullptr) continue;
      uint32_t at = home(seen_[i].object) & (n - 1);
      while (grown[at].object != nullptr) at = (at + 1) & (n - 1);
      grown[at] = seen_[i];
    }
    std::free(seen_);
    seen_ = grown;
    seen_mask_ = n - 1;
  }
  uint32_t at = home(o) & seen_mask_;
  while (seen_[at].object != nullptr && seen_[at].object != o) at = (at + 1) & seen_mask_;
  if (seen_[at].object == o) {
    *done = true;
    return byte(kBack) && plain(seen_[at].number);
  }
  seen_[at] = {o, seen_count_++};
  *tag |= kNoted;
  return true;
}

bool ValueWriter::write_int(PyObject* o) {
  int overflow;
  int64_t v = int_as_i64_overflow(o, &overflow);
  if (overflow == 0) {
    if (v >= INT8_MIN && v <= INT8_MAX) return byte(kByteInt) && plain(static_cast<int8_t>(v));
    return byte(kInt) && plain(v);
  }
  Py_ssize_t n = int_size(o);
  uint64_t digits = static_cast<uint64_t>(n < 0 ? -n : n);
  return byte(kBigInt) && byte(n < 0) && plain(digits) && raw(int_digits(o), digits * 4);
}

bool ValueWriter::write_text(PyObject* o) {
  Py_ssize_t n = str_length(o);
  uint8_t tag = str_is_ascii(o) ? kAscii : kText;
  bool done = false;
  if (n >= kWorthNoting && !note(o, &tag, &done)) return false;
  if (done) return true;
  if ((tag & ~kNoted) == kAscii) return sized(tag, n) && raw(str_data(o), static_cast<size_t>(n));
  unsigned kind = str_kind(o);
  return byte(tag) && byte(static_cast<uint8_t>(kind)) && plain(static_cast<uint64_t>(n)) && raw(str_data(o), static_cast<size_t>(n) * kind);
}

bool ValueWriter::write_items(uint8_t tag, PyObject* const* items, Py_ssize_t n) {
  if (!sized(tag, n)) return false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (write(items[i])) continue;
    place("[" + std::to_string(i) + "]");
    return false;
  }
  return true;
}

bool ValueWriter::write_dict(uint8_t tag, PyObject* o) {
  if (!sized(tag, dict_size(o))) return false;
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(o, &pos, &key, &value)) {
    if (!write(key)) {
      place(".<key>");
      return false;
    }
    if (write(value)) continue;
    if (refused_ == nullptr) return false;
    Ref<> text = object_repr(ts_, key);  // of an exact built-in type
    const char* utf8 = text ? str_utf8(ts_, text.get()) : nullptr;
    if (utf8 == nullptr) error_clear(ts_);
    place(std::string("[") + (utf8 != nullptr ? utf8 : "?") + "]");
    return false;
  }
  return true;
}

bool ValueWriter::write_channel(PyObject* o) { return hold(channel_end_handle(o)) && byte(kChannel) && plain(handle_count_ - 1); }

bool ValueWriter::hold(ChannelHandle handle) {
  auto* grown = static_cast<ChannelHandle*>(std::realloc(handles_, (handle_count_ + 1) * sizeof(ChannelHandle)));
  if (grown == nullptr) return no_memory();
  handles_ = grown;
  ChannelResult r = handle.channel->acquire(handle.end, kInTransit);
  if (r != ChannelResult::kOk) {
    (void)channel_raise(ts_, r, handle.channel->id());
    return false;
  }
  handles_[handle_count_++] = handle;
  return true;
}

bool ValueWriter::write_channel_id(PyObject* o) {
  ChannelIdValue v = channel_id_value(o);
  Channel* channel = Channel::find(v.id, ChannelKind::kNumbered);
  if (channel == nullptr) {
    (void)raise_channel_not_found(ts_, v.id);
    return false;
  }
  bool ok = hold({channel, ChannelEnd::kId});
  channel->unref();
  return ok && byte(kChannelId) && byte(v.ends) && plain(handle_count_ - 1);
}

bool ValueWriter::write(PyObject* o) {
  if (o == Py_None) return byte(kNone);
  if (o == Py_True) return byte(kTrue);
  if (o == Py_False) return byte(kFalse);
  if (o == Py_Ellipsis) return byte(kEllipsis);
  if (is_exact_str(o)) return write_text(o);
  if (is_exact_int(o)) return write_int(o);
  if (is_exact_float(o)) return byte(kFloat) && plain(float_value(o));
  if (is_exact(o, &PyComplex_Type)) return byte(kComplex) && plain(reinterpret_cast<PyComplexObject*>(o)->cval);
  if (is_exact_bytes(o)) {
    uint8_t tag = kBytes;
    bool done = false;
    if (bytes_size(o) >= kWorthNoting && !note(o, &tag, &done)) return false;
    return done || (sized(tag, bytes_size(o)) && raw(bytes_data(o), static_cast<size_t>(bytes_size(o))));
  }
  uint8_t tag;
  if (is_exact_tuple(o)) {
    tag = kTuple;
  } else if (is_exact_list(o)) {
    tag = kList;
  } else if (is_exact_dict(o)) {
    tag = kDict;
  } else if (is_channel_end(ts_, o)) {
    return write_channel(o);
  } else if (is_channel_id(ts_, o)) {
    return write_channel_id(o);
  } else if (is_shared_queue(ts_, o)) {
    return hold({shared_queue_channel(o), ChannelEnd::kId}) && byte(kQueue) && plain(handle_count_ - 1);
  } else {
    refused_ = o->ob_type;
    return false;
  }
  RecursionGuard guard(ts_, " while sending an object to another interpreter");
  if (!guard.ok()) return false;
  uint8_t kind = tag;
  bool done = false;
  if (!note(o, &tag, &done)) return false;
  if (done) return true;
  if (kind == kTuple) return write_items(tag, tuple_items(o), tuple_size(o));
  if (kind == kList) return write_items(tag, list_items(o), list_size(o));
  return write_dict(tag, o);
}

MessageRef ValueWriter::finish() {
  void* memory = std::malloc(sizeof(ValueMessage) + size_);
  if (memory == nullptr) {
    no_memory();
    return {};
  }
  auto* m = new (memory) ValueMessage();
  m->destroy = destroy_value;
  m->size = size_;
  m->handles = std::exchange(handles_, nullptr);
  m->handle_count = std::exchange(handle_count_, 0);
  std::memcpy(m->data(), data_, size_);
  runtime().channels.messages.fetch_add(1, std::memory_order_relaxed);
  return MessageRef(m);
}

// ---- reading -----------------------------------------------------------------------------------------------------

// The data was written by the class above in this process, so it is not checked.
class ValueReader {
 public:
  ValueReader(ThreadState& ts, ValueMessage* m) : ts_(ts), m_(m), at_(m->data()) {}
  ValueReader(const ValueReader&) = delete;
  ValueReader& operator=(const ValueReader&) = delete;
  ~ValueReader() { std::free(noted_); }
  Ref<> read();

 private:
  template <class T>
  T plain() {
    T v;
    std::memcpy(&v, at_, sizeof v);
    at_ += sizeof v;
    return v;
  }
  const uint8_t* take(size_t n) { return std::exchange(at_, at_ + n); }
  // Borrowed: what is noted hangs in the value that is being read.
  bool note(PyObject* o) {
    if (noted_count_ == noted_room_) {
      size_t room = noted_room_ * 2 + 16;
      auto* grown = static_cast<PyObject**>(std::realloc(noted_, room * sizeof(PyObject*)));
      if (grown == nullptr) {
        raise_no_memory(ts_);
        return false;
      }
      noted_ = grown;
      noted_room_ = room;
    }
    noted_[noted_count_++] = o;
    return true;
  }
  Ref<> read_flat(uint8_t tag);
  bool fill(PyObject** items, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; ++i) {
      if ((items[i] = read().release()) == nullptr) return false;
    }
    return true;
  }

  ThreadState& ts_;
  ValueMessage* m_;
  const uint8_t* at_;
  PyObject** noted_ = nullptr;
  size_t noted_count_ = 0, noted_room_ = 0;
};

Ref<> ValueReader::read_flat(uint8_t tag) {
  switch (tag) {
    case kNone: return new_none();
    case kTrue: return new_bool(true);
    case kFalse: return new_bool(false);
    case kEllipsis: return dup(Py_Ellipsis);
    case kByteInt: return int_from_i64(ts_, plain<int8_t>());
    case kInt: return int_from_i64(ts_, plain<int64_t>());
    case kBigInt: {
      bool negative = plain<uint8_t>() != 0;
      auto n = plain<uint64_t>();
      const uint8_t* p = take(n * 4);
      auto* digits = static_cast<uint32_t*>(std::malloc(n * 4));  // aligned
      if (digits == nullptr) return raise_memory(ts_);
      std::memcpy(digits, p, n * 4);
      Ref<> r = int_from_digits(ts_, digits, static_cast<Py_ssize_t>(n), negative);
      std::free(digits);
      return r;
    }
    case kFloat: return new_float(ts_, plain<double>());
    case kComplex: {
      auto c = plain<Py_complex>();
      return new_complex(ts_, c.real, c.imag);
    }
    case kAscii: {
      auto n = plain<uint64_t>();
      return str_from_ascii(ts_, {reinterpret_cast<const char*>(take(n)), n});
    }
    case kText: {
      unsigned kind = plain<uint8_t>();
      auto n = plain<uint64_t>();
      Ref<> s = str_new(ts_, static_cast<Py_ssize_t>(n), kind == 1 ? 0xFFu : kind == 2 ? 0xFFFFu : 0x10FFFFu);
      if (s) std::memcpy(str_data(s.get()), take(n * kind), n * kind);
      return s;
    }
    case kBytes: {
      auto n = plain<uint64_t>();
      return bytes_from(ts_, {reinterpret_cast<const char*>(take(n)), n});
    }
    case kChannelId: {
      uint8_t ends = plain<uint8_t>();
      return channel_id_new(ts_, m_->handles[plain<uint32_t>()].channel, ends);
    }
    case kQueue: return shared_queue_new(ts_, m_->handles[plain<uint32_t>()].channel);
    default: {
      ATOLL_ENSURE(tag == kChannel);
      const ChannelHandle& h = m_->handles[plain<uint32_t>()];
      return channel_end_new(ts_, h.channel, h.end);
    }
  }
}

Ref<> ValueReader::read() {
  auto tag = plain<uint8_t>();
  bool noted = (tag & kNoted) != 0;
  tag &= static_cast<uint8_t>(~kNoted);
  if (tag == kBack) return dup(noted_[plain<uint32_t>()]);
  if (tag != kTuple && tag != kList && tag != kDict) {
    Ref<> r = read_flat(tag);
    if (r && noted && !note(r.get())) return {};
    return r;
  }
  RecursionGuard guard(ts_, " while receiving an object from another interpreter");
  if (!guard.ok()) return {};
  auto n = static_cast<Py_ssize_t>(plain<uint64_t>());
  Ref<> r = tag == kTuple ? tuple_new(ts_, n) : tag == kList ? list_new(ts_, n) : dict_new_presized(ts_, n);
  if (!r || (noted && !note(r.get()))) return {};
  if (tag == kTuple) return fill(tuple_items(r.get()), n) ? std::move(r) : Ref<>();
  if (tag == kList) return fill(list_items(r.get()), n) ? std::move(r) : Ref<>();
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> key = read();
    Ref<> value = key ? read() : Ref<>();
    if (!value || failed(dict_set(ts_, r.get(), key.get(), value.get()))) return {};
  }
  return r;
}

}  // namespace

MessageRef message_from_value(ThreadState& ts, PyObject* value, const char* name) {
  if (failed(sharing_classes(ts))) return {};
  ValueWriter w(ts, name);
  if (!w.write(value)) {
    if (w.refused()) w.raise_refused();
    return {};
  }
  return w.finish();
}

Ref<> message_to_value(ThreadState& ts, ValueMessage* message) {
  ValueReader r(ts, message);
  return r.read();
}

Tri value_is_shareable(ThreadState& ts, PyObject* value) {
  if (failed(sharing_classes(ts))) return Tri::kError;
  ValueWriter w(ts, "value");
  if (w.write(value)) return Tri::kTrue;
  return w.refused() ? Tri::kFalse : Tri::kError;
}

}  // namespace atl
