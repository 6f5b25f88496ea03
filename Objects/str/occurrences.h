// The places of all occurrences of a needle, found once: replacing needs their number first and then each of them.
#pragma once

#include <cstdlib>

#include "Objects/str/kernel_find.h"

namespace atl {

class Occurrences {
 public:
  Occurrences() = default;
  Occurrences(const Occurrences&) = delete;
  Occurrences& operator=(const Occurrences&) = delete;
  ~Occurrences() {
    if (places_ != few_) std::free(places_);
  }
  // At most `max` that do not overlap; the needle is not empty. False without memory.
  bool find(TextView hay, TextView needle, ptrdiff_t max) {
    if (needle.length == 1 && hay.kind == TextKind::k1 && hay.length < kShort) {  // not worth a call for each
      auto* data = static_cast<const uint8_t*>(hay.data);
      uint32_t c = text_read(needle.kind, needle.data, 0);
      for (ptrdiff_t i = 0; i < hay.length && count_ < max; ++i) {
        if (data[i] != c) continue;
        if (count_ == room_ && !grow()) return false;
        places_[count_++] = i;
      }
      return true;
    }
    for (ptrdiff_t from = 0; count_ < max;) {
      ptrdiff_t at = text_find(text_slice(hay, from, hay.length), needle);
      if (at < 0) break;
      if (count_ == room_ && !grow()) return false;
      places_[count_++] = from + at;
      from += at + needle.length;
    }
    return true;
  }
  ptrdiff_t count() const { return count_; }
  ptrdiff_t operator[](ptrdiff_t i) const { return places_[i]; }

 private:
  bool grow() {
    auto bytes = static_cast<size_t>(room_) * 2 * sizeof(ptrdiff_t);
    auto* more = static_cast<ptrdiff_t*>(places_ == few_ ? std::malloc(bytes) : std::realloc(places_, bytes));
    if (more == nullptr) return false;
    if (places_ == few_) {
      for (ptrdiff_t i = 0; i < count_; ++i) more[i] = few_[i];
    }
    places_ = more;
    room_ *= 2;
    return true;
  }

  static constexpr ptrdiff_t kFew = 64, kShort = 100;
  ptrdiff_t few_[kFew];
  ptrdiff_t* places_ = few_;
  ptrdiff_t count_ = 0, room_ = kFew;
};

}  // namespace atl
