// Shared by the files of kernel_mpn: digits to limbs and back, buffers.
#pragma once

#include <gmp.h>

#include <cstdlib>
#include <cstring>

#include "Objects/int/kernel_mpn.h"

namespace atl {

static_assert(GMP_NUMB_BITS == 64 && sizeof(mp_limb_t) == 8);

inline size_t limbs_for_digits(size_t digits) { return (digits * kDigitBits + 63) / 64; }

// Writes limbs_for_digits(a.size) limbs; returns the normalised count.
inline size_t digits_to_limbs(DigitView a, mp_limb_t* out) {
  mp_limb_t accumulated = 0;
  unsigned bits = 0;
  size_t n = 0;
  for (size_t i = 0; i < a.size; i++) {
    mp_limb_t digit = a.data[i];
    accumulated |= digit << bits;
    bits += kDigitBits;
    if (bits >= 64) {
      out[n++] = accumulated;
      bits -= 64;
      accumulated = digit >> (kDigitBits - bits);
    }
  }
  if (bits > 0) out[n++] = accumulated;
  while (n > 0 && out[n - 1] == 0) n--;
  return n;
}

// Writes exactly `size` digits, zeros above what the limbs hold.
inline void limbs_to_digits(const mp_limb_t* limbs, size_t count, Digit* out, size_t size) {
  mp_limb_t accumulated = 0;
  unsigned bits = 0;
  size_t next = 0;
  for (size_t i = 0; i < size; i++) {
    if (bits >= kDigitBits) {
      out[i] = static_cast<Digit>(accumulated) & kDigitMask;
      accumulated >>= kDigitBits;
      bits -= kDigitBits;
      continue;
    }
    mp_limb_t limb = next < count ? limbs[next] : 0;
    next++;
    out[i] = static_cast<Digit>(accumulated | limb << bits) & kDigitMask;
    accumulated = limb >> (kDigitBits - bits);
    bits += 64 - kDigitBits;
  }
}

inline size_t limbs_normalize(const mp_limb_t* limbs, size_t count) {
  while (count > 0 && limbs[count - 1] == 0) count--;
  return count;
}

// Limbs on the stack if they are few.
class LimbBuffer {
 public:
  explicit LimbBuffer(size_t count) {
    if (count > kInline) heap_ = static_cast<mp_limb_t*>(std::malloc(count * sizeof(mp_limb_t)));
    failed_ = count > kInline && !heap_;
  }
  ~LimbBuffer() { std::free(heap_); }
  LimbBuffer(const LimbBuffer&) = delete;
  LimbBuffer& operator=(const LimbBuffer&) = delete;
  bool failed() const { return failed_; }
  mp_limb_t* get() { return heap_ ? heap_ : inline_; }

 private:
  static constexpr size_t kInline = 64;
  mp_limb_t inline_[kInline];
  mp_limb_t* heap_ = nullptr;
  bool failed_ = false;
};

// Whether malloc can give GMP this much for its scratch space. What is small comes from the stack or is
// assumed.
inline bool gmp_can_allocate(size_t limbs) {
  if (limbs < 4096) return true;
  if (limbs > SIZE_MAX / 64) return false;
  void* volatile trial = std::malloc(limbs * sizeof(mp_limb_t));
  std::free(trial);
  return trial != nullptr;
}

// The largest number of limbs an operand may have: GMP counts in long, mpz in int, and so far no product may
// reach it.
constexpr size_t kMaxLimbs = size_t{1} << 30;

}  // namespace atl
