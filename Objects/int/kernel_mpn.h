// Arithmetic on the magnitudes of Python ints: arrays of 30-bit digits, least significant first.
//
// Pure functions on raw arrays: no objects, no exceptions, no mutable state. A magnitude is normalised (no
// zero digit at the top; zero has no digits) on the way in and, where a size is returned, on the way out.
// Outputs go to buffers of the caller, of the sizes stated; unless said otherwise they must not overlap the
// inputs. Where the size of a result is not known beforehand it comes as an MpnResult, which owns it.
//
// Small operands are worked on as they are; beyond measured sizes the digits are repacked into 64-bit limbs
// for GMP, whose algorithms are subquadratic. GMP aborts when malloc fails, so calls that make it allocate
// much are preceded by a trial allocation and answer kNoMemory instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace atl {

using Digit = uint32_t;
constexpr int kDigitBits = 30;
constexpr Digit kDigitMask = (Digit{1} << kDigitBits) - 1;

struct DigitView {
  const Digit* data;
  size_t size;
};

enum class [[nodiscard]] MpnStatus : uint8_t{
    kOk,
    kNoMemory,
    kOverflow,       // the result does not fit what was asked for
    kNotInvertible,  // powmod with a negative exponent
    kNegative,       // a negative number where only unsigned ones fit
};

// Owns a magnitude in limbs, to be stored once the caller has a place of the right size for it.
class MpnResult {
 public:
  MpnResult() = default;
  MpnResult(MpnResult&& other) noexcept
      : limbs_(std::exchange(other.limbs_, nullptr)),
        count_(std::exchange(other.count_, 0)),
        shift_(std::exchange(other.shift_, 0)) {}
  MpnResult& operator=(MpnResult&& other) noexcept;
  ~MpnResult();

  size_t bit_length() const;
  size_t digits() const { return (bit_length() + kDigitBits - 1) / kDigitBits; }
  void store(Digit* out) const;  // writes digits() digits

  // For the functions below: takes over `limbs` (from malloc); the value is limbs * 2**shift.
  void adopt(uint64_t* limbs, size_t count, size_t shift = 0);

 private:
  uint64_t* limbs_ = nullptr;
  size_t count_ = 0;  // normalised
  size_t shift_ = 0;
};

inline size_t digits_normalize(const Digit* data, size_t size) {
  while (size > 0 && data[size - 1] == 0) size--;
  return size;
}

inline size_t digits_bit_length(DigitView a) {
  if (a.size == 0) return 0;
  return a.size * kDigitBits - static_cast<size_t>(__builtin_clz(a.data[a.size - 1]) - (32 - kDigitBits));
}

// The value, if it has at most two digits (60 bits).
inline uint64_t digits_small_value(DigitView a) {
  return a.size == 0   ? 0
         : a.size == 1 ? a.data[0]
                       : a.data[0] | static_cast<uint64_t>(a.data[1]) << kDigitBits;
}

// Writes up to three digits.
inline size_t digits_from_u64(uint64_t value, Digit out[3]) {
  size_t n = 0;
  for (; value != 0; value >>= kDigitBits) out[n++] = static_cast<Digit>(value & kDigitMask);
  return n;
}

int digits_compare(DigitView a, DigitView b);

// out: max(a.size, b.size) + 1 digits; may be one of the inputs.
size_t digits_add(DigitView a, DigitView b, Digit* out);
// |a| >= |b|; out: a.size digits; may be one of the inputs.
size_t digits_sub(DigitView a, DigitView b, Digit* out);
// out: a.size + b.size digits.
MpnStatus digits_mul(DigitView a, DigitView b, Digit* out, size_t* out_size);

// Truncating division by b != 0. quotient: a.size - b.size + 1 digits (none if a < b); remainder: min(a.size,
// b.size) digits. Either may be nullptr.
MpnStatus digits_divmod(DigitView a, DigitView b, Digit* quotient, size_t* quotient_size, Digit* remainder,
                        size_t* remainder_size);
// quotient: a.size digits, may be a's own; nullptr if only the remainder is wanted.
Digit digits_divmod_digit(DigitView a, Digit b, Digit* quotient, size_t* quotient_size);

// out: a.size + bits / 30 + 1 digits.
size_t digits_shift_left(DigitView a, size_t bits, Digit* out);
// Drops bits; `lost` tells whether one of them was set. out: a.size digits; may be a's own.
size_t digits_shift_right(DigitView a, size_t bits, Digit* out, bool* lost);

enum class BitOp : uint8_t { kAnd, kOr, kXor };
// On two's complement values given as sign and magnitude. out: max(a.size, b.size) + 1 digits.
size_t digits_bitwise(BitOp op, DigitView a, bool a_negative, DigitView b, bool b_negative, Digit* out,
                      bool* negative);
size_t digits_bit_count(DigitView a);

// out: min(a.size, b.size) digits if both are non-zero, else the larger size.
MpnStatus digits_gcd(DigitView a, DigitView b, Digit* out, size_t* out_size);
// Square root, rounded down. out: (a.size + 1) / 2 digits.
MpnStatus digits_isqrt(DigitView a, Digit* out, size_t* out_size);

MpnStatus digits_pow(DigitView base, uint64_t exponent, MpnResult* out);
// base ** exponent mod modulus, with 0 <= base, modulus >= 1; a negative exponent inverts the base first.
MpnStatus digits_powmod(DigitView base, DigitView exponent, bool exponent_negative, DigitView modulus,
                        MpnResult* out);

// --- kernel_mpn_text.cc: strings, bytes, doubles ---

// An upper bound for the characters that digits_to_text writes.
size_t digits_text_size(DigitView a, int base);
// Lower-case digits in any base from 2 to 36, at least one character, no sign. `length` is exact.
MpnStatus digits_to_text(DigitView a, int base, char* out, size_t* length);
// From digit values (not characters), the most significant first.
MpnStatus digits_from_values(const uint8_t* values, size_t count, int base, MpnResult* out);

enum class BytesOrder : uint8_t { kLittle, kBig };
enum class Signedness : uint8_t { kUnsigned, kSigned };
// Two's complement in exactly `size` bytes; kOverflow if it does not fit, with the low bytes written all the
// same; kNegative (nothing written) for a negative number that is to be unsigned.
MpnStatus digits_to_bytes(DigitView a, bool negative, Signedness sign, BytesOrder order, uint8_t* out,
                          size_t size);
// out: (8 * size + 29) / 30 digits.
size_t digits_from_bytes(const uint8_t* data, size_t size, Signedness sign, BytesOrder order, Digit* out,
                         bool* negative);

// Correctly rounded (half to even); kOverflow where it would be infinite.
MpnStatus digits_to_double(DigitView a, double* out);
// a = fraction * 2**exponent with 0.5 <= fraction < 1, correctly rounded; 0 and 0 for zero. Never overflows.
double digits_frexp(DigitView a, int64_t* exponent);
constexpr size_t kDigitsOfDouble = 35;
// The integral part of |value|, which is finite.
size_t digits_from_double(double value, Digit out[kDigitsOfDouble]);
// a / b for b != 0, correctly rounded; kOverflow where it would be infinite.
MpnStatus digits_true_divide(DigitView a, DigitView b, double* out);

// The number modulo 2**61 - 1, which is the hash of a positive int.
uint64_t digits_hash(DigitView a);

}  // namespace atl
