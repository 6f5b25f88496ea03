// Number literals to constants.
#include <charconv>
#include <cstdio>
#include <limits>

#include "Python/compiler/parser_impl.h"

namespace atl::compiler {

using namespace ast;

namespace {

int digit_value(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

// `text` has no underscores. Overflow gives infinity, underflow zero.
double parse_float(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    // Which of the two: the exponent's sign decides, for a mantissa that is not itself extreme.
    bool zero_mantissa = true;
    long scale = 0;  // position of the first significant digit
    bool point = false;
    size_t i = 0;
    for (; i < text.size() && (text[i] | 32) != 'e'; i++) {
      if (text[i] == '.') {
        point = true;
      } else if (text[i] != '0' || !zero_mantissa) {
        zero_mantissa = false;
        if (!point) scale++;
      } else if (point) {
        scale--;
      }
    }
    if (zero_mantissa) return 0;
    long exponent = 0;
    if (i < text.size()) {
      bool negative = text[i + 1] == '-';
      for (i += 1 + (text[i + 1] == '-' || text[i + 1] == '+'); i < text.size(); i++) {
        if (exponent < 100'000'000) exponent = exponent * 10 + (text[i] - '0');
      }
      if (negative) exponent = -exponent;
    }
    return exponent + scale > 0 ? std::numeric_limits<double>::infinity() : 0;
  }
  return value;
}

}  // namespace

expr* Parser::number() {
  const Token* token = tok_++;
  std::string_view spelling = text(token);
  char local[64];
  if (spelling.find('_') != std::string_view::npos) {
    if (options_.feature_version < 6) {
      return raise_at(token, "Underscores in numeric literals are only supported in Python 3.6 and greater");
    }
    char* copy = spelling.size() <= sizeof local ? local : static_cast<char*>(arena_.alloc(spelling.size()));
    if (!copy) return nullptr;
    size_t n = 0;
    for (char c : spelling) {
      if (c != '_') copy[n++] = c;
    }
    spelling = {copy, n};
  }
  auto* value = arena_.make<ConstantValue>();
  auto* node = make_at<Constant>(token);
  if (!value || !node) return nullptr;
  node->value = value;

  unsigned base = 10;
  if (spelling.size() > 1 && spelling[0] == '0') {
    char c = spelling[1] | 32;
    base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
  }
  if (base == 10) {
    bool imaginary = (spelling.back() | 32) == 'j';
    if (imaginary) spelling.remove_suffix(1);
    bool is_float = imaginary;
    for (char c : spelling) is_float |= c < '0' || c > '9';
    if (is_float) {
      double number = parse_float(spelling);
      if (imaginary) {
        value->kind = ConstantKind::kComplex;
        value->real = 0;
        value->imag = number;
      } else {
        value->kind = ConstantKind::kFloat;
        value->real = number;
      }
      return node;
    }
    int limit = options_.int_max_str_digits;
    if (limit > 0 && spelling.size() > static_cast<size_t>(limit)) {
      return raise_token_line(
          token,
          "Exceeds the limit (%d digits) for integer string conversion: value has %zu digits; use "
          "sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to "
          "avoid decimal conversion limits.",
          limit, spelling.size());
    }
  } else {
    spelling.remove_prefix(2);
  }
  while (spelling.size() > 1 && spelling[0] == '0') spelling.remove_prefix(1);
  uint64_t small = 0;
  bool fits = true;
  for (char c : spelling) {
    uint64_t next;
    fits = fits && !__builtin_mul_overflow(small, uint64_t{base}, &next) &&
           !__builtin_add_overflow(next, static_cast<uint64_t>(digit_value(c)), &small);
  }
  if (fits && small <= INT64_MAX) {
    value->kind = ConstantKind::kInt;
    value->integer = static_cast<int64_t>(small);
    return node;
  }
  // Equal numbers should look equal: hexadecimal up to 128 bits, and above as they are spelled, in lower case.
  unsigned __int128 wide = 0;
  bool wide_fits = true;
  for (char c : spelling) {
    wide_fits = wide_fits && !__builtin_mul_overflow(wide, static_cast<unsigned __int128>(base), &wide) &&
                !__builtin_add_overflow(wide, static_cast<unsigned __int128>(digit_value(c)), &wide);
  }
  char hex[33];
  if (wide_fits) {
    char* p = hex + sizeof hex;
    for (; wide; wide >>= 4) *--p = "0123456789abcdef"[static_cast<unsigned>(wide & 15)];
    spelling = {p, static_cast<size_t>(hex + sizeof hex - p)};
    base = 16;
  }
  value->kind = ConstantKind::kBigInt;
  value->base = static_cast<uint8_t>(base);
  char* digits = arena_.copy_text(spelling);
  if (!digits) return nullptr;
  for (size_t i = 0; i < spelling.size(); i++) digits[i] = static_cast<char>(digits[i] | (digits[i] >= 'A' ? 32 : 0));
  value->text = digits;
  value->size = static_cast<uint32_t>(spelling.size());
  return node;
}

}  // namespace atl::compiler
