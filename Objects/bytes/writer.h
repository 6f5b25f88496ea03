// BytesWriter: builds a bytes object piece by piece; small results never touch the heap before they are finished.
#pragma once

#include <cstring>
#include <string_view>

#include "Objects/bytes.h"

namespace atl {

class BytesWriter {
 public:
  explicit BytesWriter(ThreadState& ts) : ts_(ts) {}
  BytesWriter(const BytesWriter&) = delete;
  BytesWriter& operator=(const BytesWriter&) = delete;
  ~BytesWriter() {
    if (block_ != nullptr) object_free(ts_, block_);
  }
  // Room for `extra` more bytes; gives where they go, NULL with MemoryError.
  ATOLL_INLINE uint8_t* prepare(Py_ssize_t extra) {
    if (ATOLL_UNLIKELY(extra > room_ - size_) && failed(grow(extra))) return nullptr;
    return data_ + size_;
  }
  void advance(Py_ssize_t n) { size_ += n; }
  ATOLL_INLINE Status put(uint8_t byte) {
    if (ATOLL_UNLIKELY(size_ >= room_) && failed(grow(1))) return Status::kError;
    data_[size_++] = byte;
    return Status::kOk;
  }
  Status write(std::string_view data) {
    uint8_t* out = prepare(static_cast<Py_ssize_t>(data.size()));
    if (out == nullptr) return Status::kError;
    std::memcpy(out, data.data(), data.size());
    size_ += static_cast<Py_ssize_t>(data.size());
    return Status::kOk;
  }
  Status fill(uint8_t byte, Py_ssize_t count) {
    if (count <= 0) return Status::kOk;
    uint8_t* out = prepare(count);
    if (out == nullptr) return Status::kError;
    std::memset(out, byte, static_cast<size_t>(count));
    size_ += count;
    return Status::kOk;
  }
  Py_ssize_t size() const { return size_; }
  const uint8_t* data() const { return data_; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), static_cast<size_t>(size_)}; }
  Ref<> finish();            // bytes
  Ref<> finish_bytearray();  // bytearray

 private:
  ATOLL_NOINLINE Status grow(Py_ssize_t extra);

  ThreadState& ts_;
  uint8_t* data_ = inline_;
  char* block_ = nullptr;  // memory of the bytes object under construction
  Py_ssize_t size_ = 0;
  Py_ssize_t room_ = sizeof inline_;
  uint8_t inline_[256];
};

}  // namespace atl
