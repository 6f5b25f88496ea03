#include "Objects/bytes/writer.h"

#include "Objects/bytes/layout.h"

namespace atl {

Status BytesWriter::grow(Py_ssize_t extra) {
  if (extra > kMaxBytes - size_) return raise_memory(ts_);
  Py_ssize_t room = size_ + extra, slack = block_ == nullptr && size_ == 0 ? 0 : room / 2;
  if (slack < kMaxBytes - room) room += slack;
  size_t bytes = kBytesPrefix + static_cast<size_t>(room) + 1;
  char* block;
  if (block_ != nullptr) {
    block = static_cast<char*>(ts_.interpreter().heap.realloc(block_, bytes));
    if (block == nullptr) return raise_memory(ts_);
  } else {
    block = static_cast<char*>(object_alloc(ts_, bytes));
    if (block == nullptr) return Status::kError;
    std::memcpy(block + kBytesPrefix, inline_, static_cast<size_t>(size_));
  }
  block_ = block;
  data_ = reinterpret_cast<uint8_t*>(block + kBytesPrefix);
  room_ = room;
  return Status::kOk;
}

Ref<> BytesWriter::finish() {
  if (block_ == nullptr || size_ <= 1) return bytes_from(ts_, view());
  if (room_ > size_ + size_ / 16 + 16) {
    void* moved = ts_.interpreter().heap.realloc(block_, kBytesPrefix + static_cast<size_t>(size_) + 1);
    if (moved != nullptr) block_ = static_cast<char*>(moved);
  }
  PyObject* o = bytes_init(std::exchange(block_, nullptr), size_);
  data_ = inline_;
  size_ = 0;
  room_ = sizeof inline_;
  return steal(o);
}

Ref<> BytesWriter::finish_bytearray() { return bytearray_from(ts_, view()); }

}  // namespace atl
