// Doubles to and from text, exactly as Python writes and reads them; rounding to decimal places; hash.
//
// Pure functions without objects or locale. Conversions are correctly rounded: the digits come from the
// standard library's to_chars and from_chars, the layout rules are here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace atl {

// --- writing ---

// As Py_DTSF_*: sign also for positive numbers, ".0" where it would look like an int, point and zeros kept,
// and no sign for a zero.
enum FloatFlag : unsigned {
  kFloatSign = 1,
  kFloatAddDot0 = 2,
  kFloatAlternate = 4,
  kFloatNoNegativeZero = 8,
};

constexpr size_t kFloatReprSize = 32;
// repr(value); returns the length. Nothing is terminated.
size_t float_repr(double value, char out[kFloatReprSize]);

// `code` is one of "eEfFgGr" ('r': shortest, precision ignored) or '%' (times 100, 'f', and the sign of per
// cent). precision >= 0.
size_t float_format_bound(double value, char code, int precision);
size_t float_format(double value, char code, int precision, unsigned flags, char* out);

constexpr size_t kFloatHexSize = 32;
size_t float_hex(double value, char out[kFloatHexSize]);

// --- reading ---

enum class [[nodiscard]] FloatParse : uint8_t{
    kOk,       kInvalid,
    kOverflow,  // *out is an infinity of the right sign
    kTooLong,   // fromhex only
    kNoMemory,  // only for long texts with underscores
};

// The longest prefix that is a number: an optional sign, then digits with point and exponent, or "inf",
// "infinity" or "nan" in any case. `used` is its length (0 if kInvalid). No white space, no underscores.
FloatParse float_parse_prefix(const char* text, size_t size, double* out, size_t* used);
// The whole text, with underscores between digits if the language allows them there. No white space.
FloatParse float_parse(const char* text, size_t size, double* out);
// float.fromhex: white space around it is skipped.
FloatParse float_parse_hex(const char* text, size_t size, double* out);

// --- arithmetic ---

// round(value, places), half to even on the exact value. kOverflow if the result is too large.
FloatParse float_round_places(double value, int64_t places, double* out);
// To the nearest integral value, half to even.
double float_round_integral(double value);

// |value| = mantissa * 2**exponent with an odd mantissa, or 0 and 0. value is finite.
void float_split(double value, uint64_t* mantissa, int* exponent);

// Hash of a number that is not a NaN.
int64_t float_number_hash(double value);

}  // namespace atl
