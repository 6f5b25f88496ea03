// StrWriter: grows by half, widens when a wider character comes, and hands its memory over as the string.
#include <cstring>

#include "Objects/str/layout.h"

namespace atl {

StrWriter::~StrWriter() {
  if (block_ != nullptr) object_free(ts_, block_);
  xdecref(only_);
}

// Moves what is there so that `extra` more characters up to max_char have room.
Status StrWriter::grow(Py_ssize_t extra, uint32_t max_char) {
  if (only_ != nullptr) {
    Ref<> first = steal(std::exchange(only_, nullptr));
    TextView text = str_view(first.get());
    length_ = 0;
    uint32_t m = str_max_class(first.get());
    if (text.length > PY_SSIZE_T_MAX - extra) return raise_memory(ts_);
    if (failed(grow(text.length + extra, m > max_char ? m : max_char))) return Status::kError;
    text_convert(text, kind(), data_);
    length_ = text.length;
    return Status::kOk;
  }
  if (ATOLL_UNLIKELY(extra > PY_SSIZE_T_MAX - length_)) return raise_memory(ts_);
  Py_ssize_t needed = length_ + extra;
  uint32_t max_class = max_char < 0x80 ? 0x7F : max_char < 0x100 ? 0xFF : max_char < 0x10000 ? 0xFFFF : 0x10FFFF;
  if (max_class < max_char_) max_class = max_char_;
  if (needed <= room_ && max_class == max_char_) return Status::kOk;
  TextKind wide = text_kind_for(max_class);
  auto unit = static_cast<Py_ssize_t>(wide);
  if (block_ == nullptr && needed * unit <= static_cast<Py_ssize_t>(sizeof inline_) && needed <= static_cast<Py_ssize_t>(sizeof inline_)) {
    if (static_cast<unsigned>(wide) != kind_) {
      char copy[sizeof inline_];
      std::memcpy(copy, inline_, static_cast<size_t>(length_) * kind_);
      text_convert({copy, length_, kind()}, wide, inline_);
    }
    kind_ = static_cast<unsigned>(wide);
    max_char_ = max_class;
    room_ = static_cast<Py_ssize_t>(sizeof inline_) / unit;
    return Status::kOk;
  }
  Py_ssize_t room = needed;
  if (block_ != nullptr || length_ != 0) {
    Py_ssize_t slack = needed / 2;
    if (slack < str_max_length(max_class) - needed) room += slack;
  }
  if (room > str_max_length(max_class)) return raise_memory(ts_);
  size_t prefix = str_prefix_size(max_class);
  size_t bytes = prefix + (static_cast<size_t>(room) + 1) * static_cast<size_t>(wide);
  if (block_ != nullptr && max_class == max_char_) {
    auto* moved = static_cast<char*>(ts_.interpreter().heap.realloc(block_, bytes));
    if (moved == nullptr) return raise_memory(ts_);
    block_ = moved;
    data_ = block_ + prefix;
  } else {
    auto* fresh = static_cast<char*>(object_alloc(ts_, bytes));
    if (fresh == nullptr) return Status::kError;
    text_convert({data_, length_, kind()}, wide, fresh + prefix);
    if (block_ != nullptr) object_free(ts_, block_);
    block_ = fresh;
    data_ = fresh + prefix;
  }
  kind_ = static_cast<unsigned>(wide);
  max_char_ = max_class;
  room_ = room;
  return Status::kOk;
}

Status StrWriter::prepare(Py_ssize_t extra, uint32_t max_char) {
  if (max_char > max_char_) bound_only_ = true;
  return prepare_exact(extra, max_char);
}

Status StrWriter::prepare_exact(Py_ssize_t extra, uint32_t max_char) {
  if (ATOLL_LIKELY(only_ == nullptr && extra <= room_ - length_ && max_char <= max_char_)) return Status::kOk;
  return grow(extra, max_char);
}

Status StrWriter::fill(uint32_t c, Py_ssize_t count) {
  if (count <= 0) return Status::kOk;
  if (failed(prepare_exact(count, c))) return Status::kError;
  text_fill(kind(), tail(), count, c);
  length_ += count;
  return Status::kOk;
}

Status StrWriter::write_view(TextView text) {
  if (text.length == 0) return Status::kOk;
  if (text.kind == TextKind::k1 && max_char_ >= 0xFF) {
    if (failed(prepare_exact(text.length, 0xFF))) return Status::kError;
  } else if (failed(prepare_exact(text.length, text_max_class(text)))) {
    return Status::kError;
  }
  text_convert(text, kind(), tail());
  length_ += text.length;
  return Status::kOk;
}

Status StrWriter::write(PyObject* s) {
  Py_ssize_t n = str_length(s);
  if (n == 0) return Status::kOk;
  if (length_ == 0 && only_ == nullptr && block_ == nullptr && is_exact_str(s)) {
    only_ = new_ref(s);
    length_ = n;
    room_ = 0;  // so that whatever comes next calls grow
    return Status::kOk;
  }
  if (failed(prepare_exact(n, str_max_class(s)))) return Status::kError;
  if (str_kind(s) == kind_) {
    copy_short(tail(), str_data(s), static_cast<size_t>(n) * kind_);
  } else {
    text_convert(str_view(s), kind(), tail());
  }
  length_ += n;
  return Status::kOk;
}

Status StrWriter::write(PyObject* s, Py_ssize_t start, Py_ssize_t end) {
  if (start >= end) return Status::kOk;
  if (start == 0 && end == str_length(s)) return write(s);
  if (str_is_ascii(s)) {
    return write_ascii({static_cast<const char*>(str_data(s)) + start, static_cast<size_t>(end - start)});
  }
  return write_view(text_slice(str_view(s), start, end));
}

Status StrWriter::write_ascii(std::string_view text) {
  auto n = static_cast<Py_ssize_t>(text.size());
  if (n == 0) return Status::kOk;
  if (failed(prepare_exact(n, 0x7F))) return Status::kError;
  if (kind_ == 1) {
    copy_short(tail(), text.data(), text.size());
  } else {
    text_convert({text.data(), n, TextKind::k1}, kind(), tail());
  }
  length_ += n;
  return Status::kOk;
}

Status StrWriter::write_latin1(const uint8_t* text, Py_ssize_t n) { return write_view({text, n, TextKind::k1}); }

Status StrWriter::write_repr(PyObject* o) {
  Ref<> text = object_repr(ts_, o);
  return text ? write(text.get()) : Status::kError;
}

Status StrWriter::write_str(PyObject* o) {
  if (is_exact_str(o)) return write(o);
  Ref<> text = object_str(ts_, o);
  return text ? write(text.get()) : Status::kError;
}

Ref<> StrWriter::finish() {
  if (only_ != nullptr) {
    length_ = 0;
    room_ = static_cast<Py_ssize_t>(sizeof inline_) / kind_;
    return steal(std::exchange(only_, nullptr));
  }
  if (length_ <= 1) {
    if (length_ == 0) return dup(empty_str());
    return str_from_char(ts_, str_read(kind_, data_, 0));
  }
  TextView text{data_, length_, kind()};
  if (bound_only_ && max_char_ > 0x7F && text_max_class(text) != max_char_) return str_from_view(ts_, text);
  if (block_ == nullptr) {
    void* data;
    PyObject* s = str_allocate(ts_, length_, max_char_, &data);
    if (s != nullptr) copy_short(data, inline_, static_cast<size_t>(length_) * kind_);
    return steal(s);
  }
  size_t bytes = str_prefix_size(max_char_) + (static_cast<size_t>(length_) + 1) * kind_;
  if (room_ > length_ + length_ / 16 + 16) {
    auto* moved = static_cast<char*>(ts_.interpreter().heap.realloc(block_, bytes));
    if (moved != nullptr) block_ = moved;
  }
  char* memory = std::exchange(block_, nullptr);
  str_init(memory, length_, max_char_);
  data_ = inline_;
  length_ = 0;
  kind_ = 1;
  max_char_ = 0x7F;
  room_ = sizeof inline_;
  bound_only_ = false;
  return steal(reinterpret_cast<PyObject*>(memory));
}

}  // namespace atl
