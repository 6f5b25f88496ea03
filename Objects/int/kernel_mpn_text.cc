// Ints to and from strings, bytes and doubles.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "Objects/int/kernel_mpn-inl.h"
#include "Objects/int/kernel_mpn.h"

namespace atl {
namespace {

using Wide = uint64_t;
using Wide128 = unsigned __int128;

constexpr char kDigitChars[] = "0123456789abcdefghijklmnopqrstuvwxyz";

// log2(base), rounded up and down to a few decimals: bounds on sizes.
constexpr double kLog2Low[37] = {
    0,      0,      1.0,    1.5849, 2.0,    2.3219, 2.5849, 2.8073, 3.0,    3.1699, 3.3219, 3.4594, 3.5849,
    3.7004, 3.8073, 3.9068, 4.0,    4.0874, 4.1699, 4.2479, 4.3219, 4.3923, 4.4594, 4.5235, 4.5849, 4.6438,
    4.7004, 4.7548, 4.8073, 4.8579, 4.9068, 4.9541, 5.0,    5.0443, 5.0874, 5.1292, 5.1699};

bool is_power_of_two(int base) { return (base & (base - 1)) == 0; }

MpnStatus to_text_power_of_two(DigitView a, int base, char* out, size_t* length) {
  const unsigned width = static_cast<unsigned>(std::countr_zero(static_cast<unsigned>(base)));
  const size_t count = std::max<size_t>(1, (digits_bit_length(a) + width - 1) / width);
  char* p = out + count;
  Wide accumulated = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < a.size; i++) {
    accumulated |= static_cast<Wide>(a.data[i]) << bits;
    bits += kDigitBits;
    while (bits >= width && p > out) {
      *--p = kDigitChars[accumulated & static_cast<Wide>(base - 1)];
      accumulated >>= width;
      bits -= width;
    }
  }
  while (p > out) {
    *--p = kDigitChars[accumulated & static_cast<Wide>(base - 1)];
    accumulated >>= width;
  }
  *length = count;
  return MpnStatus::kOk;
}

// mantissa * 2**exponent plus something smaller than its last bit if `sticky`, to the nearest double.
MpnStatus round_scaled(uint64_t mantissa, int64_t exponent, bool sticky, double* out) {
  if (mantissa == 0) {
    *out = 0.0;
    return MpnStatus::kOk;
  }
  int zeros = std::countl_zero(mantissa);
  mantissa <<= zeros;
  exponent -= zeros;
  // Now the value is in [2**(exponent + 63), 2**(exponent + 64)).
  constexpr int64_t kMaxExponent = 1024, kMinBit = -1074;
  if (exponent + 64 > kMaxExponent) return MpnStatus::kOverflow;
  // The lowest bit that a double of this size has.
  int64_t last = std::max(exponent + 11, kMinBit);
  int64_t drop = last - exponent;
  if (drop > 64) {
    *out = 0.0;
    return MpnStatus::kOk;
  }
  uint64_t kept = drop == 64 ? 0 : mantissa >> drop;
  uint64_t rest = drop == 64 ? mantissa : mantissa & ((uint64_t{1} << drop) - 1);
  uint64_t half = uint64_t{1} << (drop - 1);
  if (rest > half || (rest == half && (sticky || (kept & 1)))) kept++;
  double value = std::ldexp(static_cast<double>(kept), static_cast<int>(last));
  if (std::isinf(value)) return MpnStatus::kOverflow;
  *out = value;
  return MpnStatus::kOk;
}

// The top 64 bits: a = (result + something less than 1 if sticky) * 2**exponent.
uint64_t top_bits(DigitView a, int64_t* exponent, bool* sticky) {
  size_t bits = digits_bit_length(a);
  *sticky = false;
  *exponent = 0;
  uint64_t value = 0;
  if (bits <= 64) {
    for (size_t i = a.size; i-- > 0;) value = value << kDigitBits | a.data[i];
    return value;
  }
  const size_t shift = bits - 64, whole = shift / kDigitBits;
  const unsigned part = static_cast<unsigned>(shift % kDigitBits);
  Wide128 wide = 0;
  for (size_t i = a.size; i-- > whole;) wide = wide << kDigitBits | a.data[i];
  value = static_cast<uint64_t>(wide >> part);
  *sticky = (a.data[whole] & ((Digit{1} << part) - 1)) != 0;
  for (size_t i = 0; i < whole && !*sticky; i++) *sticky = a.data[i] != 0;
  *exponent = static_cast<int64_t>(shift);
  return value;
}

}  // namespace

size_t digits_text_size(DigitView a, int base) {
  // GMP may write zeros in front, as if the top limb were full.
  return static_cast<size_t>(static_cast<double>(digits_bit_length(a) + 64) / kLog2Low[base]) + 2;
}

MpnStatus digits_to_text(DigitView a, int base, char* out, size_t* length) {
  if (is_power_of_two(base)) return to_text_power_of_two(a, base, out, length);
  if (a.size <= 2) {
    if (base == 10) {
      *length = static_cast<size_t>(std::to_chars(out, out + 20, digits_small_value(a)).ptr - out);
      return MpnStatus::kOk;
    }
    char buffer[64];
    char* p = buffer + sizeof buffer;
    uint64_t value = digits_small_value(a);
    do {
      *--p = kDigitChars[value % static_cast<unsigned>(base)];
      value /= static_cast<unsigned>(base);
    } while (value != 0);
    *length = static_cast<size_t>(buffer + sizeof buffer - p);
    std::memcpy(out, p, *length);
    return MpnStatus::kOk;
  }
  const size_t limbs = limbs_for_digits(a.size);
  if (limbs > kMaxLimbs || !gmp_can_allocate(8 * limbs)) return MpnStatus::kNoMemory;
  LimbBuffer buffer(limbs + 1);
  if (buffer.failed()) return MpnStatus::kNoMemory;
  size_t n = digits_to_limbs(a, buffer.get());
  unsigned char* text = reinterpret_cast<unsigned char*>(out);
  size_t count = mpn_get_str(text, base, buffer.get(), static_cast<mp_size_t>(n));
  // mpn_get_str may begin with zeros.
  size_t zeros = 0;
  while (zeros + 1 < count && text[zeros] == 0) zeros++;
  count -= zeros;
  for (size_t i = 0; i < count; i++) out[i] = kDigitChars[text[i + zeros]];
  *length = count;
  return MpnStatus::kOk;
}

MpnStatus digits_from_values(const uint8_t* values, size_t count, int base, MpnResult* out) {
  while (count > 0 && *values == 0) {
    values++;
    count--;
  }
  const unsigned width = static_cast<unsigned>(std::bit_width(static_cast<unsigned>(base - 1)));
  // Enough for any base; mpn_set_str needs a limb more for its own carry.
  const size_t capacity = count / 64 * width + (count % 64 * width) / 64 + 3;
  if (capacity > kMaxLimbs || !gmp_can_allocate(8 * capacity)) return MpnStatus::kNoMemory;
  mp_limb_t* limbs = static_cast<mp_limb_t*>(std::malloc(capacity * sizeof(mp_limb_t)));
  if (!limbs) return MpnStatus::kNoMemory;
  size_t n = 0;
  if (count == 0) {
    limbs[0] = 0;
  } else if (count * width <= 63) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) value = value * static_cast<unsigned>(base) + values[i];
    limbs[0] = value;
    n = 1;
  } else {
    n = static_cast<size_t>(mpn_set_str(limbs, values, count, base));
  }
  out->adopt(reinterpret_cast<uint64_t*>(limbs), n);
  return MpnStatus::kOk;
}

MpnStatus digits_to_bytes(DigitView a, bool negative, Signedness sign, BytesOrder order, uint8_t* out,
                          size_t size) {
  if (negative && sign == Signedness::kUnsigned) return MpnStatus::kNegative;
  // Two's complement as it comes: complemented digits plus one.
  const Wide flip = negative ? kDigitMask : 0;
  Wide accumulated = 0, carry = negative;
  unsigned bits = 0;
  size_t digit = 0, written = 0;
  uint8_t last = 0;
  uint8_t* p = order == BytesOrder::kLittle ? out : out + size;
  auto put = [&](uint8_t byte) {
    if (order == BytesOrder::kLittle) {
      *p++ = byte;
    } else {
      *--p = byte;
    }
    last = byte;
    written++;
  };
  while (written < size) {
    while (bits < 8) {
      Wide value = ((digit < a.size ? a.data[digit] : 0) ^ flip) + carry;
      digit++;
      carry = value >> kDigitBits;
      accumulated |= (value & kDigitMask) << bits;
      bits += kDigitBits;
    }
    put(static_cast<uint8_t>(accumulated));
    accumulated >>= 8;
    bits -= 8;
  }
  // Does it fit? The magnitude takes `length` bits; the sign another, except for -2**(8 * size - 1).
  size_t length = digits_bit_length(a), room = size * 8;
  if (sign == Signedness::kUnsigned) return length <= room ? MpnStatus::kOk : MpnStatus::kOverflow;
  // Python lets -1 be the empty string, as if its sign stood for it.
  if (room == 0 && negative && length == 1) return MpnStatus::kOk;
  if (a.size == 0) return MpnStatus::kOk;
  if (length < room) return MpnStatus::kOk;
  if (length == room && negative && (last & 0x80)) {
    // Magnitude exactly 2**(room - 1)?
    return digits_bit_count(a) == 1 ? MpnStatus::kOk : MpnStatus::kOverflow;
  }
  return MpnStatus::kOverflow;
}

size_t digits_from_bytes(const uint8_t* data, size_t size, Signedness sign, BytesOrder order, Digit* out,
                         bool* negative) {
  auto byte = [&](size_t i) { return data[order == BytesOrder::kLittle ? i : size - 1 - i]; };
  *negative = sign == Signedness::kSigned && size > 0 && (byte(size - 1) & 0x80);
  const Wide flip = *negative ? 0xFF : 0;
  Wide accumulated = 0, carry = *negative;
  unsigned bits = 0;
  size_t n = 0;
  for (size_t i = 0; i < size; i++) {
    Wide value = (byte(i) ^ flip) + carry;
    carry = value >> 8;
    accumulated |= (value & 0xFF) << bits;
    bits += 8;
    if (bits >= kDigitBits) {
      out[n++] = static_cast<Digit>(accumulated) & kDigitMask;
      accumulated >>= kDigitBits;
      bits -= kDigitBits;
    }
  }
  // -2**(8 * size) is not expressible, so nothing is left in the carry of a negative number.
  if (bits > 0) out[n++] = static_cast<Digit>(accumulated);
  return digits_normalize(out, n);
}

MpnStatus digits_to_double(DigitView a, double* out) {
  int64_t exponent;
  bool sticky;
  uint64_t top = top_bits(a, &exponent, &sticky);
  return round_scaled(top, exponent, sticky, out);
}

double digits_frexp(DigitView a, int64_t* exponent) {
  if (a.size == 0) {
    *exponent = 0;
    return 0.0;
  }
  int64_t scale;
  bool sticky;
  uint64_t top = top_bits(a, &scale, &sticky);
  double fraction = 0.0;
  // As a number of 64 bits below the point it cannot overflow.
  int zeros = std::countl_zero(top);
  if (round_scaled(top << zeros, -64, sticky, &fraction) != MpnStatus::kOk) __builtin_trap();
  *exponent = scale + 64 - zeros;
  if (fraction == 1.0) {
    fraction = 0.5;
    ++*exponent;
  }
  return fraction;
}

size_t digits_from_double(double value, Digit out[kDigitsOfDouble]) {
  int exponent;
  double fraction = std::frexp(std::fabs(value), &exponent);
  if (exponent <= 0) return 0;
  size_t size = static_cast<size_t>(exponent - 1) / kDigitBits + 1;
  fraction = std::ldexp(fraction, (exponent - 1) % kDigitBits + 1);
  for (size_t i = size; i-- > 0;) {
    Digit digit = static_cast<Digit>(fraction);
    out[i] = digit;
    fraction = std::ldexp(fraction - digit, kDigitBits);
  }
  return size;
}

MpnStatus digits_true_divide(DigitView a, DigitView b, double* out) {
  const size_t a_bits = digits_bit_length(a), b_bits = digits_bit_length(b);
  if (a_bits == 0) {
    *out = 0.0;
    return MpnStatus::kOk;
  }
  if (a_bits <= 53 && b_bits <= 53) {
    *out = static_cast<double>(digits_small_value(a)) / static_cast<double>(digits_small_value(b));
    return MpnStatus::kOk;
  }
  const int64_t difference = static_cast<int64_t>(a_bits) - static_cast<int64_t>(b_bits);
  if (difference > 1024) return MpnStatus::kOverflow;
  if (difference < -1076) {
    *out = 0.0;
    return MpnStatus::kOk;
  }
  // Scale a so that the quotient has 63 or 64 bits; what is dropped below only matters as "not exact".
  const int64_t scale = 63 - difference;
  const size_t scaled_limbs = (b_bits + 64) / 64 + 2, b_limbs = limbs_for_digits(b.size);
  const size_t a_limbs = limbs_for_digits(a.size);
  LimbBuffer buffer(a_limbs + scaled_limbs + 3 * b_limbs + 8);
  if (buffer.failed() || !gmp_can_allocate(4 * b_limbs)) return MpnStatus::kNoMemory;
  mp_limb_t* raw = buffer.get();
  mp_limb_t* x = raw + a_limbs;
  mp_limb_t* y = x + scaled_limbs;
  mp_limb_t* r = y + b_limbs;
  mp_limb_t* q = r + b_limbs;
  size_t rn = digits_to_limbs(a, raw), bn = digits_to_limbs(b, y);
  std::fill_n(x, scaled_limbs, 0);
  size_t an;
  bool sticky = false;
  if (scale >= 0) {
    size_t whole = static_cast<size_t>(scale) / 64;
    unsigned part = static_cast<unsigned>(scale % 64);
    if (part) {
      x[whole + rn] = mpn_lshift(x + whole, raw, static_cast<mp_size_t>(rn), part);
    } else {
      std::copy_n(raw, rn, x + whole);
    }
    an = limbs_normalize(x, whole + rn + 1);
  } else {
    size_t whole = static_cast<size_t>(-scale) / 64;
    unsigned part = static_cast<unsigned>(-scale % 64);
    for (size_t i = 0; i < whole && !sticky; i++) sticky = raw[i] != 0;
    if (part) {
      sticky |= mpn_rshift(x, raw + whole, static_cast<mp_size_t>(rn - whole), part) != 0;
    } else {
      std::copy_n(raw + whole, rn - whole, x);
    }
    an = limbs_normalize(x, rn - whole);
  }
  mpn_tdiv_qr(q, r, 0, x, static_cast<mp_size_t>(an), y, static_cast<mp_size_t>(bn));
  sticky |= limbs_normalize(r, bn) != 0;
  size_t qn = limbs_normalize(q, an - bn + 1);
  int64_t exponent = -scale;
  uint64_t top = q[0];
  if (qn > 1) {
    // 65 bits at most.
    sticky |= top & 1;
    top = top >> 1 | q[1] << 63;
    exponent++;
  }
  return round_scaled(top, exponent, sticky, out);
}

uint64_t digits_hash(DigitView a) {
  constexpr uint64_t kModulus = (uint64_t{1} << 61) - 1;
  uint64_t value = 0;
  for (size_t i = a.size; i-- > 0;) {
    // Multiplying by 2**30 modulo 2**61 - 1 rotates 61 bits.
    value = (value << kDigitBits & kModulus) | value >> (61 - kDigitBits);
    value += a.data[i];
    if (value >= kModulus) value -= kModulus;
  }
  return value;
}

}  // namespace atl
