// Arithmetic on magnitudes; see the header. The sizes at which GMP takes over were measured on x86-64:
// repacking costs less than a nanosecond a digit, so that it pays from four digits on.
#include "Objects/int/kernel_mpn.h"

#include <algorithm>
#include <bit>

#include "Objects/int/kernel_mpn-inl.h"

namespace atl {
namespace {

// Below these many digits in the smaller operand, plain loops over digits win.
constexpr size_t kGmpMulDigits = 4;
constexpr size_t kGmpDivDigitDigits = 22;

using Wide = uint64_t;
using Wide128 = unsigned __int128;

void mul_plain(DigitView a, DigitView b, Digit* out) {
  std::fill_n(out, a.size + b.size, 0);
  for (size_t i = 0; i < b.size; i++) {
    const Wide factor = b.data[i];
    Wide carry = 0;
    for (size_t j = 0; j < a.size; j++) {
      carry += out[i + j] + a.data[j] * factor;
      out[i + j] = static_cast<Digit>(carry & kDigitMask);
      carry >>= kDigitBits;
    }
    out[i + a.size] = static_cast<Digit>(carry);
  }
}

Wide128 value_128(DigitView a) {
  Wide128 value = 0;
  for (size_t i = a.size; i-- > 0;) value = value << kDigitBits | a.data[i];
  return value;
}

size_t store_128(Wide128 value, Digit* out) {
  size_t n = 0;
  for (; value != 0; value >>= kDigitBits) out[n++] = static_cast<Digit>(value & kDigitMask);
  return n;
}

uint64_t gcd_64(uint64_t a, uint64_t b) {
  if (a == 0) return b;
  if (b == 0) return a;
  int shift = std::countr_zero(a | b);
  a >>= std::countr_zero(a);
  while (b != 0) {
    b >>= std::countr_zero(b);
    if (a > b) std::swap(a, b);
    b -= a;
  }
  return a << shift;
}

// A magnitude as an mpz that GMP only reads.
class ReadOnlyMpz {
 public:
  explicit ReadOnlyMpz(DigitView a) : limbs_(limbs_for_digits(a.size) + 1) {
    if (limbs_.failed()) return;
    size_t count = digits_to_limbs(a, limbs_.get());
    mpz_roinit_n(value_, limbs_.get(), static_cast<mp_size_t>(count));
  }
  bool failed() const { return limbs_.failed(); }
  mpz_srcptr get() const { return value_; }

 private:
  LimbBuffer limbs_;
  mpz_t value_;
};

// An mpz that GMP writes.
class ScratchMpz {
 public:
  ScratchMpz() { mpz_init(value_); }
  ~ScratchMpz() { mpz_clear(value_); }
  ScratchMpz(const ScratchMpz&) = delete;
  ScratchMpz& operator=(const ScratchMpz&) = delete;
  mpz_ptr get() { return value_; }

 private:
  mpz_t value_;
};

MpnStatus result_from_limbs(const mp_limb_t* limbs, size_t count, size_t shift, MpnResult* out) {
  count = limbs_normalize(limbs, count);
  uint64_t* copy = static_cast<uint64_t*>(std::malloc((count + 1) * sizeof(uint64_t)));
  if (!copy) return MpnStatus::kNoMemory;
  if (count > 0) std::memcpy(copy, limbs, count * sizeof(uint64_t));
  out->adopt(copy, count, shift);
  return MpnStatus::kOk;
}

MpnStatus powmod_small(uint64_t base, DigitView exponent, uint64_t modulus, MpnResult* out) {
  uint64_t result = 1 % modulus;
  base %= modulus;
  for (size_t i = exponent.size; i-- > 0;) {
    for (int bit = kDigitBits - 1; bit >= 0; bit--) {
      result = static_cast<uint64_t>(static_cast<Wide128>(result) * result % modulus);
      if (exponent.data[i] >> bit & 1)
        result = static_cast<uint64_t>(static_cast<Wide128>(result) * base % modulus);
    }
  }
  mp_limb_t limb = result;
  return result_from_limbs(&limb, 1, 0, out);
}

}  // namespace

MpnResult& MpnResult::operator=(MpnResult&& other) noexcept {
  std::swap(limbs_, other.limbs_);
  std::swap(count_, other.count_);
  std::swap(shift_, other.shift_);
  return *this;
}

MpnResult::~MpnResult() { std::free(limbs_); }

void MpnResult::adopt(uint64_t* limbs, size_t count, size_t shift) {
  std::free(limbs_);
  limbs_ = limbs;
  count_ = limbs_normalize(reinterpret_cast<mp_limb_t*>(limbs), count);
  shift_ = shift;
}

size_t MpnResult::bit_length() const {
  if (count_ == 0) return 0;
  return count_ * 64 - static_cast<size_t>(std::countl_zero(limbs_[count_ - 1])) + shift_;
}

void MpnResult::store(Digit* out) const {
  size_t size = digits();
  if (size == 0) return;
  const mp_limb_t* limbs = reinterpret_cast<const mp_limb_t*>(limbs_);
  size_t whole = shift_ / kDigitBits;
  unsigned part = static_cast<unsigned>(shift_ % kDigitBits);
  std::fill_n(out, whole, 0);
  limbs_to_digits(limbs, count_, out + whole, size - whole);
  if (part == 0) return;
  // The top digit has room: `size` already counts the shift.
  Digit carry = 0;
  for (size_t i = whole; i < size; i++) {
    Wide moved = static_cast<Wide>(out[i]) << part | carry;
    out[i] = static_cast<Digit>(moved & kDigitMask);
    carry = static_cast<Digit>(moved >> kDigitBits);
  }
}

int digits_compare(DigitView a, DigitView b) {
  if (a.size != b.size) return a.size < b.size ? -1 : 1;
  for (size_t i = a.size; i-- > 0;) {
    if (a.data[i] != b.data[i]) return a.data[i] < b.data[i] ? -1 : 1;
  }
  return 0;
}

size_t digits_add(DigitView a, DigitView b, Digit* out) {
  if (a.size < b.size) std::swap(a, b);
  Digit carry = 0;
  size_t i = 0;
  for (; i < b.size; i++) {
    carry += a.data[i] + b.data[i];
    out[i] = carry & kDigitMask;
    carry >>= kDigitBits;
  }
  for (; i < a.size; i++) {
    carry += a.data[i];
    out[i] = carry & kDigitMask;
    carry >>= kDigitBits;
  }
  out[i] = carry;
  return i + (carry != 0);
}

size_t digits_sub(DigitView a, DigitView b, Digit* out) {
  Digit borrow = 0;
  size_t i = 0;
  for (; i < b.size; i++) {
    Digit difference = a.data[i] - b.data[i] - borrow;
    out[i] = difference & kDigitMask;
    borrow = difference >> 31;
  }
  for (; i < a.size; i++) {
    Digit difference = a.data[i] - borrow;
    out[i] = difference & kDigitMask;
    borrow = difference >> 31;
  }
  return digits_normalize(out, a.size);
}

MpnStatus digits_mul(DigitView a, DigitView b, Digit* out, size_t* out_size) {
  if (a.size < b.size) std::swap(a, b);
  if (a.size <= 2) {
    *out_size = store_128(static_cast<Wide128>(digits_small_value(a)) * digits_small_value(b), out);
    return MpnStatus::kOk;
  }
  if (b.size < kGmpMulDigits) {
    mul_plain(a, b, out);
    *out_size = digits_normalize(out, a.size + b.size);
    return MpnStatus::kOk;
  }
  const size_t a_limbs = limbs_for_digits(a.size), b_limbs = limbs_for_digits(b.size);
  if (a_limbs > kMaxLimbs || !gmp_can_allocate(8 * (a_limbs + b_limbs))) return MpnStatus::kNoMemory;
  LimbBuffer buffer(2 * (a_limbs + b_limbs));
  if (buffer.failed()) return MpnStatus::kNoMemory;
  mp_limb_t* x = buffer.get();
  mp_limb_t* product = x + a_limbs + b_limbs;
  size_t an = digits_to_limbs(a, x), bn = an;
  if (a.data == b.data && a.size == b.size) {
    mpn_sqr(product, x, static_cast<mp_size_t>(an));
  } else {
    mp_limb_t* y = x + a_limbs;
    bn = digits_to_limbs(b, y);
    // mpn_mul wants the longer operand first; of equally many digits the first may still have fewer limbs.
    const bool ordered = an >= bn;
    mpn_mul(product, ordered ? x : y, static_cast<mp_size_t>(ordered ? an : bn), ordered ? y : x,
            static_cast<mp_size_t>(ordered ? bn : an));
  }
  limbs_to_digits(product, an + bn, out, a.size + b.size);
  *out_size = digits_normalize(out, a.size + b.size);
  return MpnStatus::kOk;
}

Digit digits_divmod_digit(DigitView a, Digit b, Digit* quotient, size_t* quotient_size) {
  Wide remainder = 0;
  for (size_t i = a.size; i-- > 0;) {
    Wide value = remainder << kDigitBits | a.data[i];
    Wide q = static_cast<uint32_t>(value / b);
    remainder = value - q * b;
    if (quotient) quotient[i] = static_cast<Digit>(q);
  }
  if (quotient) *quotient_size = digits_normalize(quotient, a.size);
  return static_cast<Digit>(remainder);
}

MpnStatus digits_divmod(DigitView a, DigitView b, Digit* quotient, size_t* quotient_size, Digit* remainder,
                        size_t* remainder_size) {
  if (digits_compare(a, b) < 0) {
    if (quotient) *quotient_size = 0;
    if (remainder) {
      std::copy_n(a.data, a.size, remainder);
      *remainder_size = a.size;
    }
    return MpnStatus::kOk;
  }
  if (b.size == 1 && a.size < kGmpDivDigitDigits) {
    Digit rest = digits_divmod_digit(a, b.data[0], quotient, quotient_size);
    if (remainder) {
      remainder[0] = rest;
      *remainder_size = rest != 0;
    }
    return MpnStatus::kOk;
  }
  if (a.size <= 4) {
    Wide128 x = value_128(a), y = value_128(b);
    if (quotient) *quotient_size = store_128(x / y, quotient);
    if (remainder) *remainder_size = store_128(x % y, remainder);
    return MpnStatus::kOk;
  }
  const size_t a_limbs = limbs_for_digits(a.size), b_limbs = limbs_for_digits(b.size);
  if (a_limbs > kMaxLimbs || !gmp_can_allocate(8 * a_limbs)) return MpnStatus::kNoMemory;
  LimbBuffer buffer(2 * a_limbs + 2 * b_limbs + 2);
  if (buffer.failed()) return MpnStatus::kNoMemory;
  mp_limb_t* x = buffer.get();
  mp_limb_t* y = x + a_limbs;
  mp_limb_t* r = y + b_limbs;
  mp_limb_t* q = r + b_limbs;
  size_t an = digits_to_limbs(a, x), bn = digits_to_limbs(b, y);
  // a >= b, so an >= bn.
  mpn_tdiv_qr(q, r, 0, x, static_cast<mp_size_t>(an), y, static_cast<mp_size_t>(bn));
  if (quotient) {
    limbs_to_digits(q, an - bn + 1, quotient, a.size - b.size + 1);
    *quotient_size = digits_normalize(quotient, a.size - b.size + 1);
  }
  if (remainder) {
    limbs_to_digits(r, bn, remainder, b.size);
    *remainder_size = digits_normalize(remainder, b.size);
  }
  return MpnStatus::kOk;
}

size_t digits_shift_left(DigitView a, size_t bits, Digit* out) {
  if (a.size == 0) return 0;
  const size_t whole = bits / kDigitBits;
  const unsigned part = static_cast<unsigned>(bits % kDigitBits);
  std::fill_n(out, whole, 0);
  Digit carry = 0;
  for (size_t i = 0; i < a.size; i++) {
    Wide moved = static_cast<Wide>(a.data[i]) << part | carry;
    out[whole + i] = static_cast<Digit>(moved & kDigitMask);
    carry = static_cast<Digit>(moved >> kDigitBits);
  }
  out[whole + a.size] = carry;
  return whole + a.size + (carry != 0);
}

size_t digits_shift_right(DigitView a, size_t bits, Digit* out, bool* lost) {
  const size_t whole = bits / kDigitBits;
  const unsigned part = static_cast<unsigned>(bits % kDigitBits);
  if (whole >= a.size) {
    *lost = a.size > 0;
    return 0;
  }
  bool dropped = (a.data[whole] & ((Digit{1} << part) - 1)) != 0;
  for (size_t i = 0; i < whole && !dropped; i++) dropped = a.data[i] != 0;
  *lost = dropped;
  const size_t size = a.size - whole;
  for (size_t i = 0; i < size; i++) {
    Wide pair = a.data[whole + i];
    if (i + 1 < size) pair |= static_cast<Wide>(a.data[whole + i + 1]) << kDigitBits;
    out[i] = static_cast<Digit>(pair >> part & kDigitMask);
  }
  return digits_normalize(out, size);
}

size_t digits_bitwise(BitOp op, DigitView a, bool a_negative, DigitView b, bool b_negative, Digit* out,
                      bool* negative) {
  // -x is ~(x - 1): the digits of x with a borrow running upwards, complemented.
  struct Complement {
    DigitView view;
    Digit flip, borrow;
    Digit next(size_t i) {
      Digit difference = (i < view.size ? view.data[i] : 0) - borrow;
      borrow = difference >> 31;
      return (difference & kDigitMask) ^ flip;
    }
  };
  auto combine = [op](Digit x, Digit y) {
    return op == BitOp::kAnd ? x & y : op == BitOp::kOr ? x | y : x ^ y;
  };
  Complement x{a, a_negative ? kDigitMask : 0, a_negative}, y{b, b_negative ? kDigitMask : 0, b_negative};
  const bool result_negative = combine(a_negative, b_negative) != 0;
  const size_t size = std::max(a.size, b.size);
  Digit carry = result_negative;
  for (size_t i = 0; i < size; i++) {
    Digit digit = combine(x.next(i), y.next(i));
    if (result_negative) {
      digit = (digit ^ kDigitMask) + carry;
      carry = digit >> kDigitBits;
      digit &= kDigitMask;
    }
    out[i] = digit;
  }
  out[size] = carry;
  *negative = result_negative;
  return digits_normalize(out, size + 1);
}

size_t digits_bit_count(DigitView a) {
  size_t count = 0;
  for (size_t i = 0; i < a.size; i++) count += static_cast<size_t>(std::popcount(a.data[i]));
  return count;
}

MpnStatus digits_gcd(DigitView a, DigitView b, Digit* out, size_t* out_size) {
  if (a.size < b.size) std::swap(a, b);
  if (a.size <= 2) {
    *out_size = digits_from_u64(gcd_64(digits_small_value(a), digits_small_value(b)), out);
    return MpnStatus::kOk;
  }
  if (b.size == 0) {
    std::copy_n(a.data, a.size, out);
    *out_size = a.size;
    return MpnStatus::kOk;
  }
  if (a.size > 2 * b.size + 2) {
    // Very unequal: one division first.
    LimbBuffer storage((b.size + 1) / 2);
    if (storage.failed()) return MpnStatus::kNoMemory;
    Digit* rest = reinterpret_cast<Digit*>(storage.get());
    size_t rest_size;
    MpnStatus status = digits_divmod(a, b, nullptr, nullptr, rest, &rest_size);
    if (status != MpnStatus::kOk) return status;
    return digits_gcd(b, {rest, rest_size}, out, out_size);
  }
  const size_t a_limbs = limbs_for_digits(a.size);
  if (a_limbs > kMaxLimbs || !gmp_can_allocate(8 * a_limbs)) return MpnStatus::kNoMemory;
  LimbBuffer buffer(3 * a_limbs + 3);
  if (buffer.failed()) return MpnStatus::kNoMemory;
  // mpn_gcd wants the second operand odd and not longer in bits, both in working copies.
  mp_limb_t* x = buffer.get();
  mp_limb_t* y = x + a_limbs + 1;
  mp_limb_t* g = y + a_limbs + 1;
  size_t xn = digits_to_limbs(a, x), yn = digits_to_limbs(b, y);
  auto strip_zeros = [](mp_limb_t* limbs, size_t* count) {
    size_t bits = mpn_scan1(limbs, 0), whole = bits / 64;
    std::memmove(limbs, limbs + whole, (*count - whole) * sizeof(mp_limb_t));
    *count -= whole;
    if (bits % 64) mpn_rshift(limbs, limbs, static_cast<mp_size_t>(*count), static_cast<unsigned>(bits % 64));
    *count = limbs_normalize(limbs, *count);
    return bits;
  };
  size_t shift = std::min(strip_zeros(x, &xn), strip_zeros(y, &yn));
  if (xn < yn || (xn == yn && mpn_cmp(x, y, static_cast<mp_size_t>(xn)) < 0)) {
    std::swap(x, y);
    std::swap(xn, yn);
  }
  size_t gn = static_cast<size_t>(mpn_gcd(g, x, static_cast<mp_size_t>(xn), y, static_cast<mp_size_t>(yn)));
  // Back into digits, moved up by the common power of two.
  MpnResult result;
  MpnStatus status = result_from_limbs(g, gn, shift, &result);
  if (status != MpnStatus::kOk) return status;
  *out_size = result.digits();
  result.store(out);
  return MpnStatus::kOk;
}

MpnStatus digits_isqrt(DigitView a, Digit* out, size_t* out_size) {
  if (a.size == 0) {
    *out_size = 0;
    return MpnStatus::kOk;
  }
  const size_t limbs = limbs_for_digits(a.size);
  if (limbs > kMaxLimbs || !gmp_can_allocate(4 * limbs)) return MpnStatus::kNoMemory;
  LimbBuffer buffer(2 * limbs + 2);
  if (buffer.failed()) return MpnStatus::kNoMemory;
  mp_limb_t* x = buffer.get();
  mp_limb_t* root = x + limbs;
  size_t n = digits_to_limbs(a, x);
  mpn_sqrtrem(root, nullptr, x, static_cast<mp_size_t>(n));
  limbs_to_digits(root, (n + 1) / 2, out, (a.size + 1) / 2);
  *out_size = digits_normalize(out, (a.size + 1) / 2);
  return MpnStatus::kOk;
}

MpnStatus digits_pow(DigitView base, uint64_t exponent, MpnResult* out) {
  const mp_limb_t one = 1;
  if (exponent == 0) return result_from_limbs(&one, 1, 0, out);
  if (base.size == 0) return result_from_limbs(&one, 0, 0, out);
  // base = odd * 2**zeros: only the odd part is multiplied.
  size_t zeros = 0;
  while (base.data[zeros / kDigitBits] == 0) zeros += kDigitBits;
  zeros += static_cast<size_t>(std::countr_zero(base.data[zeros / kDigitBits]));
  size_t shift, bits;
  const size_t odd_bits = digits_bit_length(base) - zeros;
  if (__builtin_mul_overflow(zeros, exponent, &shift) || __builtin_mul_overflow(odd_bits, exponent, &bits) ||
      bits / 64 + 2 > kMaxLimbs || shift > kMaxLimbs * 64) {
    // Not the number itself but the bound on its size; for an odd part of 1 there is nothing to multiply.
    if (odd_bits != 1 || shift > kMaxLimbs * 64) return MpnStatus::kNoMemory;
    bits = 1;
  }
  if (odd_bits == 1) return result_from_limbs(&one, 1, shift, out);

  const size_t base_limbs = limbs_for_digits(base.size);
  LimbBuffer odd_buffer(base_limbs);
  if (odd_buffer.failed()) return MpnStatus::kNoMemory;
  mp_limb_t* odd = odd_buffer.get();
  size_t odd_size = digits_to_limbs(base, odd);
  if (size_t whole = zeros / 64) {
    std::memmove(odd, odd + whole, (odd_size - whole) * sizeof(mp_limb_t));
    odd_size -= whole;
  }
  if (zeros % 64) mpn_rshift(odd, odd, static_cast<mp_size_t>(odd_size), static_cast<unsigned>(zeros % 64));
  odd_size = limbs_normalize(odd, odd_size);

  // A product is written with the sum of its factors' sizes, one limb more than the value may need.
  const size_t capacity = bits / 64 + 3 + odd_size;
  if (!gmp_can_allocate(8 * capacity)) return MpnStatus::kNoMemory;
  mp_limb_t* value = static_cast<mp_limb_t*>(std::malloc(capacity * sizeof(mp_limb_t)));
  mp_limb_t* other = static_cast<mp_limb_t*>(std::malloc(capacity * sizeof(mp_limb_t)));
  if (!value || !other) {
    std::free(value);
    std::free(other);
    return MpnStatus::kNoMemory;
  }
  std::copy_n(odd, odd_size, value);
  size_t n = odd_size;
  for (int bit = 62 - std::countl_zero(exponent); bit >= 0; bit--) {
    mpn_sqr(other, value, static_cast<mp_size_t>(n));
    n = limbs_normalize(other, 2 * n);
    std::swap(value, other);
    if (exponent >> bit & 1) {
      if (n >= odd_size) {
        mpn_mul(other, value, static_cast<mp_size_t>(n), odd, static_cast<mp_size_t>(odd_size));
      } else {
        mpn_mul(other, odd, static_cast<mp_size_t>(odd_size), value, static_cast<mp_size_t>(n));
      }
      n = limbs_normalize(other, n + odd_size);
      std::swap(value, other);
    }
  }
  std::free(other);
  out->adopt(reinterpret_cast<uint64_t*>(value), n, shift);
  return MpnStatus::kOk;
}

MpnStatus digits_powmod(DigitView base, DigitView exponent, bool exponent_negative, DigitView modulus,
                        MpnResult* out) {
  if (modulus.size <= 2 && base.size <= 2 && !exponent_negative) {
    return powmod_small(digits_small_value(base), exponent, digits_small_value(modulus), out);
  }
  const size_t limbs =
      limbs_for_digits(base.size) + limbs_for_digits(exponent.size) + limbs_for_digits(modulus.size);
  if (limbs > kMaxLimbs || !gmp_can_allocate(16 * limbs)) return MpnStatus::kNoMemory;
  ReadOnlyMpz b(base), e(exponent), m(modulus);
  if (b.failed() || e.failed() || m.failed()) return MpnStatus::kNoMemory;
  ScratchMpz result;
  if (exponent_negative) {
    ScratchMpz inverse;
    // GMP calls nothing invertible modulo 1; in Python everything is, and the answer is 0.
    if (mpz_cmp_ui(m.get(), 1) != 0) {
      if (mpz_invert(inverse.get(), b.get(), m.get()) == 0) return MpnStatus::kNotInvertible;
      mpz_powm(result.get(), inverse.get(), e.get(), m.get());
    }
  } else {
    mpz_powm(result.get(), b.get(), e.get(), m.get());
  }
  return result_from_limbs(mpz_limbs_read(result.get()), mpz_size(result.get()), 0, out);
}

}  // namespace atl
