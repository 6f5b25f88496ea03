// The compiler's memory: a bump arena over malloc, a growable scratch array, and interned identifiers.
//
// Everything that one compilation builds (tokens' text, AST, symbol tables, code before it is assembled) lives in
// one Arena and goes away with it. Nothing here knows Python objects or interpreters. A failed allocation returns
// nullptr and is remembered by the arena, so callers propagate nullptr and look at failed() once, at the end.
// Not thread-safe: an arena belongs to the compilation that made it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace atl::compiler {

class Arena {
 public:
  // `limit` bounds the bytes taken from malloc; reaching it counts as running out of memory.
  explicit Arena(size_t limit = SIZE_MAX) : limit_(limit) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // 8-byte aligned, uninitialised; nullptr when memory or the limit is exhausted.
  [[nodiscard]] void* alloc(size_t size) {
    size = (size + 7) & ~size_t{7};
    if (size <= static_cast<size_t>(end_ - next_)) [[likely]] {
      char* result = next_;
      next_ += size;
      return result;
    }
    return alloc_slow(size);
  }

  template <typename T>
  [[nodiscard]] T* make() {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 8);
    void* memory = alloc(sizeof(T));
    return memory ? new (memory) T{} : nullptr;
  }

  template <typename T>
  [[nodiscard]] T* make_array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 8);
    if (count > SIZE_MAX / 2 / sizeof(T)) {
      failed_ = true;
      return nullptr;
    }
    return static_cast<T*>(alloc(count * sizeof(T)));
  }

  // A NUL-terminated copy.
  [[nodiscard]] char* copy_text(std::string_view text);

  bool failed() const { return failed_; }
  void note_failure() { failed_ = true; }
  size_t bytes_taken() const { return taken_; }

 private:
  struct Block {
    Block* previous;
    size_t size;
  };
  void* alloc_slow(size_t size);

  char* next_ = nullptr;
  char* end_ = nullptr;
  Block* blocks_ = nullptr;
  size_t limit_;
  size_t taken_ = 0;
  bool failed_ = false;
};

// A growable malloc array of trivial items, for scratch data whose size is not known beforehand.
template <typename T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  ~Buffer() { std::free(items_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] bool push(const T& item) {
    if (size_ == capacity_ && !grow(size_ + 1)) return false;
    items_[size_++] = item;
    return true;
  }
  [[nodiscard]] bool append(const T* items, size_t count) {
    if (count == 0) return true;
    if (size_ + count > capacity_ && !grow(size_ + count)) return false;
    std::memcpy(items_ + size_, items, count * sizeof(T));
    size_ += count;
    return true;
  }
  [[nodiscard]] bool reserve(size_t capacity) { return capacity <= capacity_ || grow(capacity); }
  [[nodiscard]] bool resize_zeroed(size_t size) {
    if (size > capacity_ && !grow(size)) return false;
    if (size > size_) std::memset(static_cast<void*>(items_ + size_), 0, (size - size_) * sizeof(T));
    size_ = size;
    return true;
  }
  void truncate(size_t size) { size_ = size; }
  T pop() { return items_[--size_]; }
  T& operator[](size_t index) { return items_[index]; }
  const T& operator[](size_t index) const { return items_[index]; }
  T& back() { return items_[size_ - 1]; }
  T* data() { return items_; }
  const T* data() const { return items_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }

 private:
  bool grow(size_t needed) {
    size_t capacity = capacity_ < 16 ? 16 : capacity_ + capacity_ / 2;
    if (capacity < needed) capacity = needed;
    if (capacity > SIZE_MAX / 2 / sizeof(T)) return false;
    void* items = std::realloc(static_cast<void*>(items_), capacity * sizeof(T));
    if (!items) return false;
    items_ = static_cast<T*>(items);
    capacity_ = capacity;
    return true;
  }

  T* items_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// An identifier of the program, interned: two identifiers with equal text are the same pointer.
struct Identifier {
  const char* text;  // UTF-8 (surrogates allowed as three bytes), NUL-terminated
  uint32_t size;
  uint32_t hash;
  std::string_view view() const { return {text, size}; }
  bool is(std::string_view other) const { return view() == other; }
};
using identifier = const Identifier*;

// The identifiers of one compilation. Lives beside the arena that holds their text.
class IdentifierTable {
 public:
  explicit IdentifierTable(Arena& arena) : arena_(arena) {}
  ~IdentifierTable() { std::free(slots_); }
  IdentifierTable(const IdentifierTable&) = delete;
  IdentifierTable& operator=(const IdentifierTable&) = delete;

  // nullptr only when out of memory (noted in the arena). `text` is copied.
  [[nodiscard]] identifier intern(std::string_view text) { return intern_hashed(text, hash_text(text)); }
  [[nodiscard]] identifier intern_hashed(std::string_view text, uint32_t hash);
  static uint32_t hash_text(std::string_view text);
  size_t count() const { return count_; }

 private:
  bool grow();
  Arena& arena_;
  Identifier** slots_ = nullptr;
  uint32_t mask_ = 0;
  uint32_t count_ = 0;
};

}  // namespace atl::compiler
