// Every kernel on random operands of many sizes, compared with Python 3.11's ints.
#include "Objects/int/kernel_mpn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "Objects/str/kernel_oracle.h"

namespace atl {
namespace {

struct Int {
  std::vector<Digit> digits;
  bool negative = false;
  DigitView view() const { return {digits.data(), digits.size()}; }
};

std::string hex(const std::vector<Digit>& digits, size_t size, bool negative = false) {
  std::string bits;  // least significant first
  for (size_t i = 0; i < size; i++) {
    EXPECT_LE(digits[i], kDigitMask);
    for (int b = 0; b < kDigitBits; b++) bits += static_cast<char>('0' + (digits[i] >> b & 1));
  }
  EXPECT_TRUE(size == 0 || digits[size - 1] != 0) << "not normalised";
  std::string out;
  for (size_t i = 0; i < bits.size(); i += 4) {
    int v = 0;
    for (size_t k = 0; k < 4 && i + k < bits.size(); k++) v |= (bits[i + k] - '0') << k;
    out += "0123456789abcdef"[v];
  }
  while (!out.empty() && out.back() == '0') out.pop_back();
  if (out.empty()) out = "0";
  if (negative) out += '-';
  return {out.rbegin(), out.rend()};
}

std::string hex(const Int& a) { return hex(a.digits, a.digits.size(), a.negative); }

Int random_int(std::mt19937_64& random, size_t max_digits) {
  Int a;
  size_t n = random() % (max_digits + 1);
  int style = random() % 6;
  for (size_t i = 0; i < n; i++) {
    Digit d = static_cast<Digit>(random()) & kDigitMask;
    if (style == 0) d = kDigitMask;
    if (style == 1) d = 0;
    if (style == 2 && random() % 2) d = random() % 2 ? kDigitMask : 0;
    a.digits.push_back(d);
  }
  if (style == 1 && n > 0) a.digits[n - 1] = Digit{1} << random() % kDigitBits;
  if (style == 3 && n > 0) a.digits[n - 1] = 1;
  if (style == 0 && n > 0 && random() % 2) a.digits[0] -= random() % 2;
  a.digits.resize(digits_normalize(a.digits.data(), a.digits.size()));
  a.negative = random() % 2 && !a.digits.empty();
  return a;
}

size_t random_size(std::mt19937_64& random) {
  static const size_t kSizes[] = {1, 2, 3, 4, 6, 12, 30, 70, 200};
  return kSizes[random() % std::size(kSizes)];
}

// Collects questions with our answers, then asks Python in one go.
class Comparison {
 public:
  void add(const std::string& expression, const std::string& ours) {
    expressions_ += expression + "\n";
    ours_.push_back(ours);
    asked_.push_back(expression);
  }
  // Expressions may use h(x), which gives hexadecimal without a prefix.
  void check(const std::string& preamble = "") {
    if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
    std::string script =
        "import sys, math\nsys.set_int_max_str_digits(0)\n"
        "def h(x): return ('-' if x < 0 else '') + '%x' % abs(x)\n" +
        preamble +
        "\nfor line in sys.stdin:\n"
        "    try: print(eval(line))\n"
        "    except Exception as e: print(type(e).__name__)\n";
    std::vector<std::string> rows = oracle::lines(oracle::run(script, expressions_));
    ASSERT_EQ(rows.size(), ours_.size());
    int wrong = 0;
    for (size_t i = 0; i < rows.size() && wrong < 5; i++) {
      if (rows[i] != ours_[i]) {
        wrong++;
        ADD_FAILURE() << asked_[i] << "\n  expected " << rows[i] << "\n  got      " << ours_[i];
      }
    }
  }

 private:
  std::string expressions_;
  std::vector<std::string> ours_, asked_;
};

std::string literal(const Int& a) {
  std::string s = hex(a);
  return a.negative ? "-0x" + s.substr(1) : "0x" + s;
}
std::string literal_abs(const Int& a) { return "0x" + hex(a.digits, a.digits.size()); }

std::string result_hex(const MpnResult& result) {
  std::vector<Digit> digits(result.digits() + 1, 0xAAAAAAAA);
  result.store(digits.data());
  EXPECT_EQ(digits.back(), 0xAAAAAAAA);
  return hex(digits, digits.size() - 1);
}

TEST(KernelMpn, AddSubMulDivmod) {
  std::mt19937_64 random(11);
  Comparison comparison;
  for (int round = 0; round < 6000; round++) {
    Int a = random_int(random, random_size(random)), b = random_int(random, random_size(random));
    std::string x = literal_abs(a), y = literal_abs(b);
    std::vector<Digit> out(a.digits.size() + b.digits.size() + 2), rest(out.size());
    comparison.add("h(" + x + "+" + y + ")", hex(out, digits_add(a.view(), b.view(), out.data())));
    const Int &big = digits_compare(a.view(), b.view()) >= 0 ? a : b, &small = &big == &a ? b : a;
    comparison.add("h(abs(" + x + "-" + y + "))", hex(out, digits_sub(big.view(), small.view(), out.data())));
    comparison.add("(" + x + ">" + y + ")-(" + x + "<" + y + ")",
                   std::to_string(digits_compare(a.view(), b.view())));
    size_t n, m;
    ASSERT_EQ(digits_mul(a.view(), b.view(), out.data(), &n), MpnStatus::kOk);
    comparison.add("h(" + x + "*" + y + ")", hex(out, n));
    ASSERT_EQ(digits_mul(a.view(), a.view(), (out.resize(2 * a.digits.size() + 1), out.data()), &n),
              MpnStatus::kOk);
    comparison.add("h(" + x + "*" + x + ")", hex(out, n));
    if (b.digits.empty()) continue;
    ASSERT_EQ(digits_divmod(a.view(), b.view(), out.data(), &n, rest.data(), &m), MpnStatus::kOk);
    comparison.add("h(" + x + "//" + y + ")+h(" + x + "%" + y + ")", hex(out, n) + hex(rest, m));
    ASSERT_EQ(digits_divmod(a.view(), b.view(), nullptr, nullptr, rest.data(), &m), MpnStatus::kOk);
    comparison.add("h(" + x + "%" + y + ")", hex(rest, m));
    ASSERT_EQ(digits_divmod(a.view(), b.view(), out.data(), &n, nullptr, nullptr), MpnStatus::kOk);
    comparison.add("h(" + x + "//" + y + ")", hex(out, n));
    Digit d = b.digits[0] | 1;
    Digit r = digits_divmod_digit(a.view(), d, out.data(), &n);
    comparison.add("h(" + x + "//" + std::to_string(d) + ")+'/'+str(" + x + "%" + std::to_string(d) + ")",
                   hex(out, n) + "/" + std::to_string(r));
  }
  comparison.check();
}

TEST(KernelMpn, ProductsOfEquallyManyDigits) {
  // The number of limbs follows the bits, not the digits: the first operand may have fewer of them.
  std::mt19937_64 random(19);
  Comparison comparison;
  for (size_t size = 1; size < 400; size += 1 + size / 16) {
    for (int top = 0; top < 30; top += 3) {
      Int a = random_int(random, size), b = random_int(random, size);
      if (a.digits.size() != size || b.digits.size() != size) continue;
      a.digits.back() = Digit{1} << top;
      b.digits.back() |= Digit{1} << 29;
      std::vector<Digit> out(2 * size + 1);
      size_t n;
      ASSERT_EQ(digits_mul(a.view(), b.view(), out.data(), &n), MpnStatus::kOk);
      comparison.add("h(" + literal_abs(a) + "*" + literal_abs(b) + ")", hex(out, n));
      ASSERT_EQ(digits_mul(b.view(), a.view(), out.data(), &n), MpnStatus::kOk);
      comparison.add("h(" + literal_abs(a) + "*" + literal_abs(b) + ")", hex(out, n));
    }
  }
  comparison.check();
}

TEST(KernelMpn, DivisionEdges) {
  // Quotients and remainders one off a power of the digit and limb bases.
  std::mt19937_64 random(12);
  Comparison comparison;
  for (int round = 0; round < 3000; round++) {
    Int b = random_int(random, random_size(random)), q = random_int(random, random_size(random));
    if (b.digits.empty() || q.digits.empty()) continue;
    Int a;
    a.digits.resize(b.digits.size() + q.digits.size());
    size_t n, m;
    ASSERT_EQ(digits_mul(b.view(), q.view(), a.digits.data(), &n), MpnStatus::kOk);
    a.digits.resize(n);
    const Digit one[] = {1};
    if (round % 3 == 1) a.digits.resize(digits_sub(a.view(), {one, 1}, a.digits.data()));
    if (round % 3 == 2) {
      a.digits.push_back(0);
      a.digits.resize(digits_add({a.digits.data(), n}, {one, 1}, a.digits.data()));
    }
    std::vector<Digit> out(a.digits.size() + 1), rest(a.digits.size() + b.digits.size());
    ASSERT_EQ(digits_divmod(a.view(), b.view(), out.data(), &n, rest.data(), &m), MpnStatus::kOk);
    comparison.add(
        "h(" + literal(a) + "//" + literal_abs(b) + ")+h(" + literal(a) + "%" + literal_abs(b) + ")",
        hex(out, n) + hex(rest, m));
  }
  comparison.check();
}

TEST(KernelMpn, ShiftsAndBits) {
  std::mt19937_64 random(13);
  Comparison comparison;
  for (int round = 0; round < 6000; round++) {
    Int a = random_int(random, random_size(random)), b = random_int(random, random_size(random));
    std::string x = literal(a), y = literal(b), magnitude = literal_abs(a);
    size_t bits = random() % 200;
    std::vector<Digit> out(std::max(a.digits.size(), b.digits.size()) + bits / kDigitBits + 2);
    std::string count = std::to_string(bits);
    comparison.add("h(" + magnitude + "<<" + count + ")",
                   hex(out, digits_shift_left(a.view(), bits, out.data())));
    bool lost;
    size_t n = digits_shift_right(a.view(), bits, out.data(), &lost);
    comparison.add("h(" + magnitude + ">>" + count + ")+str(" + magnitude + "&((1<<" + count + ")-1)!=0)",
                   hex(out, n) + (lost ? "True" : "False"));
    const char* names[] = {"&", "|", "^"};
    for (int op = 0; op < 3; op++) {
      bool negative;
      n = digits_bitwise(static_cast<BitOp>(op), a.view(), a.negative, b.view(), b.negative, out.data(),
                         &negative);
      comparison.add("h((" + x + ")" + names[op] + "(" + y + "))", hex(out, n, negative));
    }
    comparison.add(magnitude + ".bit_length()", std::to_string(digits_bit_length(a.view())));
    comparison.add(magnitude + ".bit_count()", std::to_string(digits_bit_count(a.view())));
    comparison.add("hash(" + magnitude + ")", std::to_string(digits_hash(a.view())));
  }
  comparison.check();
}

TEST(KernelMpn, GcdAndRoot) {
  std::mt19937_64 random(14);
  Comparison comparison;
  for (int round = 0; round < 4000; round++) {
    Int a = random_int(random, random_size(random)), b = random_int(random, random_size(random));
    if (random() % 2) {
      // a common factor
      Int f = random_int(random, random_size(random));
      for (Int* p : {&a, &b}) {
        std::vector<Digit> product(p->digits.size() + f.digits.size() + 1);
        size_t n;
        ASSERT_EQ(digits_mul(p->view(), f.view(), product.data(), &n), MpnStatus::kOk);
        product.resize(n);
        p->digits = product;
      }
    }
    std::vector<Digit> out(a.digits.size() + b.digits.size() + 1);
    size_t n;
    ASSERT_EQ(digits_gcd(a.view(), b.view(), out.data(), &n), MpnStatus::kOk);
    ASSERT_TRUE(a.digits.empty() || b.digits.empty() || n <= std::min(a.digits.size(), b.digits.size()));
    comparison.add("h(math.gcd(" + literal_abs(a) + "," + literal_abs(b) + "))", hex(out, n));
    ASSERT_EQ(digits_isqrt(a.view(), out.data(), &n), MpnStatus::kOk);
    comparison.add("h(math.isqrt(" + literal_abs(a) + "))", hex(out, n));
  }
  comparison.check();
}

TEST(KernelMpn, Powers) {
  std::mt19937_64 random(15);
  Comparison comparison;
  for (int round = 0; round < 2500; round++) {
    Int a = random_int(random, round % 3 ? 2 : 12), e = random_int(random, 3),
        m = random_int(random, random_size(random));
    uint64_t power = random() % (round % 5 ? 40 : 400);
    MpnResult result;
    ASSERT_EQ(digits_pow(a.view(), power, &result), MpnStatus::kOk);
    comparison.add("h(" + literal_abs(a) + "**" + std::to_string(power) + ")", result_hex(result));
    if (m.digits.empty()) continue;
    MpnStatus status = digits_powmod(a.view(), e.view(), e.negative, m.view(), &result);
    ASSERT_TRUE(status == MpnStatus::kOk || (status == MpnStatus::kNotInvertible && e.negative));
    comparison.add("h(pow(" + literal_abs(a) + "," + literal(e) + "," + literal_abs(m) + "))",
                   status == MpnStatus::kOk ? result_hex(result) : "ValueError");
  }
  const Digit two[] = {2}, three[] = {3};
  MpnResult result;
  EXPECT_EQ(digits_pow({two, 1}, 1000003, &result), MpnStatus::kOk);
  EXPECT_EQ(result.bit_length(), 1000004u);
  EXPECT_EQ(digits_pow({two, 1}, UINT64_MAX, &result), MpnStatus::kNoMemory);
  EXPECT_EQ(digits_pow({three, 1}, UINT64_MAX, &result), MpnStatus::kNoMemory);
  comparison.check();
}

TEST(KernelMpn, TextInEveryBase) {
  std::mt19937_64 random(16);
  Comparison comparison;
  for (int base = 2; base <= 36; base++) {
    for (int round = 0; round < 60; round++) {
      Int a = random_int(random, random_size(random));
      std::string text(digits_text_size(a.view(), base), '?');
      size_t length;
      ASSERT_EQ(digits_to_text(a.view(), base, text.data(), &length), MpnStatus::kOk);
      ASSERT_LE(length, text.size());
      text.resize(length);
      comparison.add("h(int('" + text + "'," + std::to_string(base) + "))", hex(a.digits, a.digits.size()));
      EXPECT_TRUE(text == "0" || text[0] != '0');
      std::vector<uint8_t> values;
      for (unsigned k = random() % 3; k > 0; k--) values.push_back(0);
      for (char c : text) values.push_back(static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10));
      MpnResult result;
      ASSERT_EQ(digits_from_values(values.data(), values.size(), base, &result), MpnStatus::kOk);
      ASSERT_EQ(result_hex(result), hex(a.digits, a.digits.size()));
    }
  }
  MpnResult result;
  ASSERT_EQ(digits_from_values(nullptr, 0, 10, &result), MpnStatus::kOk);
  EXPECT_EQ(result.digits(), 0u);
  comparison.check();
}

TEST(KernelMpn, Bytes) {
  std::mt19937_64 random(17);
  Comparison comparison;
  for (int round = 0; round < 8000; round++) {
    Int a = random_int(random, 6);
    size_t bytes = digits_bit_length(a.view()) / 8;
    size_t size = bytes + random() % 4;
    if (size > 0) size--;
    for (int option = 0; option < 4; option++) {
      Signedness sign = option & 1 ? Signedness::kSigned : Signedness::kUnsigned;
      BytesOrder order = option & 2 ? BytesOrder::kBig : BytesOrder::kLittle;
      std::vector<uint8_t> out(size + 1, 0xAA);
      MpnStatus status = digits_to_bytes(a.view(), a.negative, sign, order, out.data(), size);
      ASSERT_EQ(out[size], 0xAA);
      std::string expression = "(" + literal(a) + ").to_bytes(" + std::to_string(size) + "," +
                               (option & 2 ? "'big'" : "'little'") +
                               ",signed=" + (option & 1 ? "True" : "False") + ").hex()";
      std::string text;
      if (status == MpnStatus::kOk && a.negative && size == 0) {
        comparison.add(expression, "");
        continue;  // -1 in no bytes does not come back
      }
      for (size_t i = 0; i < size; i++) {
        char buffer[4];
        snprintf(buffer, sizeof buffer, "%02x", out[i]);
        text += buffer;
      }
      comparison.add(expression, status == MpnStatus::kOk ? text : "OverflowError");
      if (status != MpnStatus::kOk) continue;
      std::vector<Digit> back((8 * size + 29) / 30 + 1, 0xAAAAAAAA);
      bool negative;
      size_t n = digits_from_bytes(out.data(), size, sign, order, back.data(), &negative);
      ASSERT_EQ(back.back(), 0xAAAAAAAA);
      ASSERT_EQ(hex(back, n, negative), hex(a));
    }
  }
  comparison.check();
}

std::string hex_double(double value) {
  char buffer[64];
  snprintf(buffer, sizeof buffer, "%a", value);
  return buffer;
}

TEST(KernelMpn, Doubles) {
  std::mt19937_64 random(18);
  Comparison comparison;
  auto ask_double = [&](const std::string& expression, MpnStatus status, double value) {
    comparison.add("'%a' % 0 if 0 else hexd(" + expression + ")",
                   status == MpnStatus::kOk ? hex_double(value) : "OverflowError");
  };
  for (int round = 0; round < 12000; round++) {
    Int a = random_int(random, round % 2 ? 4 : 36), b = random_int(random, round % 2 ? 4 : 36);
    if (random() % 4 == 0) {
      // near the middle between two doubles
      uint64_t m = (random() >> 11 | uint64_t{1} << 52) * 2 + 1;
      Digit digits[3];
      size_t n = digits_from_u64(m, digits);
      Int middle;
      middle.digits.resize(40);
      middle.digits.resize(digits_shift_left({digits, n}, random() % 971, middle.digits.data()));
      if (random() % 2) middle.digits[0] ^= 1;
      a = middle;
    }
    double value = -1;
    MpnStatus status = digits_to_double(a.view(), &value);
    ask_double("float(" + literal_abs(a) + ")", status, value);
    if (status == MpnStatus::kOk) {
      std::vector<Digit> back(kDigitsOfDouble);
      size_t n = digits_from_double(value, back.data());
      comparison.add("h(int(float(" + literal_abs(a) + ")))", hex(back, n));
    }
    int64_t exponent;
    double fraction = digits_frexp(a.view(), &exponent);
    if (status == MpnStatus::kOk) {
      int e;
      ASSERT_EQ(fraction, std::frexp(value, &e));
      ASSERT_EQ(exponent, e);
    }
    if (b.digits.empty()) continue;
    status = digits_true_divide(a.view(), b.view(), &value);
    ask_double(literal_abs(a) + "/" + literal_abs(b), status, value);
    if (!a.digits.empty()) {
      // Tiny quotients: subnormal results.
      Int c;
      c.digits.resize(b.digits.size() + 40);
      c.digits.resize(digits_shift_left(b.view(), 1000 + random() % 120, c.digits.data()));
      status = digits_true_divide(a.view(), c.view(), &value);
      ask_double(literal_abs(a) + "/" + literal(c), status, value);
    }
  }
  const double doubles[] = {
      0.0,          0.5,         -0.99, 1.0, -1.5, 1e15, 4503599627370497.5, 1e308, 1.7976931348623157e308,
      1073741824.0, 1073741823.9};
  for (double d : doubles) {
    std::vector<Digit> back(kDigitsOfDouble);
    size_t n = digits_from_double(d, back.data());
    char buffer[64];
    snprintf(buffer, sizeof buffer, "h(abs(int(%.17g)))", d);
    comparison.add(buffer, hex(back, n));
  }
  // C writes 0x1.8p+1 and Python 0x1.8000000000000p+1.
  comparison.check(R"(
def hexd(x):
    if x == 0: return '0x0p+0'
    m, e = math.frexp(x)
    m, e = m * 2, e - 1
    if e < -1022: m, e = math.ldexp(m, e + 1022), -1022
    n = int(m * 2**52)
    digits = ('%013x' % (n & (2**52 - 1))).rstrip('0')
    if e == -1022 and n < 2**52:
        return '0x0' + ('.' + digits if digits else '') + 'p-1022'
    return '0x1' + ('.' + digits if digits else '') + 'p%+d' % e
)");
}

TEST(KernelMpn, LargeOperands) {
  std::mt19937_64 random(19);
  Comparison comparison;
  for (size_t size : {3000u, 20000u}) {
    Int a, b;
    for (size_t i = 0; i < size; i++) a.digits.push_back(static_cast<Digit>(random()) & kDigitMask);
    for (size_t i = 0; i < size / 3; i++) b.digits.push_back(static_cast<Digit>(random()) & kDigitMask);
    a.digits.back() |= 1, b.digits.back() |= 1;
    std::vector<Digit> out(a.digits.size() + b.digits.size() + 1), rest(b.digits.size());
    size_t n, m;
    ASSERT_EQ(digits_mul(a.view(), b.view(), out.data(), &n), MpnStatus::kOk);
    comparison.add("h(" + literal(a) + "*" + literal(b) + ")", hex(out, n));
    ASSERT_EQ(digits_divmod(a.view(), b.view(), out.data(), &n, rest.data(), &m), MpnStatus::kOk);
    comparison.add("h(" + literal(a) + "//" + literal(b) + ")", hex(out, n));
    comparison.add("h(" + literal(a) + "%" + literal(b) + ")", hex(rest, m));
    std::string text(digits_text_size(a.view(), 10), '?');
    ASSERT_EQ(digits_to_text(a.view(), 10, text.data(), &n), MpnStatus::kOk);
    comparison.add("str(" + literal(a) + ")", text.substr(0, n));
  }
  comparison.check();
}

}  // namespace
}  // namespace atl
