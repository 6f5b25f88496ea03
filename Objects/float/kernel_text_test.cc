// Text of doubles, rounding and hash, compared with Python 3.11.
#include "Objects/float/kernel_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "Objects/str/kernel_oracle.h"

namespace atl {
namespace {

std::vector<double> sample(uint64_t seed, int count) {
  std::mt19937_64 random(seed);
  std::vector<double> values = {0.0,
                                -0.0,
                                1.0,
                                -1.0,
                                0.1,
                                0.5,
                                1.5,
                                2.5,
                                1e15,
                                1e16,
                                1e17,
                                123456789012345678.0,
                                9999999999999998.0,
                                1e22,
                                1e23,
                                1e-4,
                                1e-5,
                                9.9999e-5,
                                5e-324,
                                2.2250738585072014e-308,
                                2.225073858507201e-308,
                                1.7976931348623157e308,
                                0.3,
                                2.675,
                                1e100,
                                123.456,
                                1234.5,
                                12.0,
                                100.0,
                                25.0,
                                35.0,
                                9.5,
                                99.5,
                                999999.5,
                                0.000123456,
                                4503599627370496.5,
                                9007199254740993.0,
                                5e-5,
                                314159.0};
  for (int e = -1074; e <= 1023; e += 7) values.push_back(std::ldexp(1.0, e));
  values.push_back(std::numeric_limits<double>::infinity());
  values.push_back(-std::numeric_limits<double>::infinity());
  values.push_back(std::numeric_limits<double>::quiet_NaN());
  while (static_cast<int>(values.size()) < count) {
    double value;
    switch (random() % 5) {
      case 0:
        value = std::bit_cast<double>(random());
        break;
      case 1:
        value = static_cast<double>(random() % 2000001) / 1000 - 1000;
        break;
      case 2:
        value = static_cast<double>(static_cast<int64_t>(random() >> 8)) / 4;
        break;
      case 3:
        value = std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 200) - 120);
        break;
      default:
        value =
            static_cast<double>(random() % 100000) * std::pow(10.0, static_cast<int>(random() % 40) - 20) / 2;
        break;
    }
    if (random() % 4 == 0) value = -value;
    if (!std::isnan(value)) values.push_back(value);
  }
  return values;
}

std::string bits_of(double value) {
  char buffer[32];
  snprintf(buffer, sizeof buffer, "%016lx", static_cast<unsigned long>(std::bit_cast<uint64_t>(value)));
  return buffer;
}

std::string repr(double value) {
  char out[kFloatReprSize];
  size_t n = float_repr(value, out);
  EXPECT_LE(n, kFloatReprSize);
  return {out, n};
}

std::string format(double value, char code, int precision, unsigned flags) {
  std::string out(float_format_bound(value, code, precision) + 8, '\x7F');
  size_t n = float_format(value, code, precision, flags, out.data());
  EXPECT_LE(n, out.size() - 8) << value << code << precision;
  EXPECT_EQ(out.substr(out.size() - 8), std::string(8, '\x7F'));
  return out.substr(0, n);
}

const char kPreamble[] = R"(
import sys, struct
def d(h): return struct.unpack('>d', bytes.fromhex(h))[0]
def b(x): return '7ff8000000000000' if x != x else struct.pack('>d', x).hex()
)";

TEST(KernelFloatText, Repr) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::vector<double> values = sample(21, 200000);
  for (int e = -1074; e <= 1023; e++) {
    double power = std::ldexp(1.0, e);
    for (double v : {power, std::nextafter(power, 0.0), std::nextafter(power, 1e308)}) values.push_back(v);
  }
  std::string input;
  for (double v : values) input += bits_of(v) + "\n";
  auto rows = oracle::lines(
      oracle::run(std::string(kPreamble) +
                      "for l in sys.stdin: x = d(l); print(repr(x), x.hex(), hash(x) if x == x else 'nan')\n",
                  input));
  ASSERT_EQ(rows.size(), values.size());
  for (size_t i = 0; i < values.size(); i++) {
    char hex[kFloatHexSize];
    size_t n = float_hex(values[i], hex);
    std::string hash = std::isnan(values[i]) ? "nan" : std::to_string(float_number_hash(values[i]));
    ASSERT_EQ(repr(values[i]) + " " + std::string(hex, n) + " " + hash, rows[i]);
    double back;
    if (std::isfinite(values[i])) {
      std::string text = repr(values[i]);
      ASSERT_EQ(float_parse(text.data(), text.size(), &back), FloatParse::kOk);
      ASSERT_EQ(bits_of(back), bits_of(values[i])) << text;
      ASSERT_EQ(float_parse_hex(hex, n, &back), FloatParse::kOk);
      ASSERT_EQ(bits_of(back), bits_of(values[i])) << text;
    }
  }
}

TEST(KernelFloatText, Formats) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::mt19937_64 random(22);
  struct Case {
    double value;
    char code;
    int precision;
    unsigned flags;
  };
  std::vector<Case> cases;
  std::string input;
  for (double value : sample(23, 6000)) {
    for (int k = 0; k < 12; k++) {
      Case c;
      c.value = value;
      c.code = "eEfFgG%eg?"[random() % 10];
      c.precision = static_cast<int>(k == 0 ? random() % 900 : random() % 25);
      if (k == 1 && random() % 8 == 0) c.precision = 1000 + static_cast<int>(random() % 4000);
      c.flags = (random() % 2 ? unsigned{kFloatSign} : 0u) |
                (random() % 3 == 0 ? unsigned{kFloatAlternate} : 0u) |
                (random() % 4 == 0 ? unsigned{kFloatNoNegativeZero} : 0u);
      std::string spec = bits_of(value) + " ";
      if (c.flags & kFloatSign) spec += '+';
      if (c.flags & kFloatNoNegativeZero) spec += 'z';
      if (c.flags & kFloatAlternate) spec += '#';
      spec += "." + std::to_string(c.precision);
      if (c.code == '?') {
        // No type: like 'g' with ".0".
        c.code = 'g';
        c.flags |= kFloatAddDot0;
      } else {
        spec += c.code;
      }
      cases.push_back(c);
      input += spec + "\n";
    }
  }
  auto rows = oracle::lines(oracle::run(
      std::string(kPreamble) + "for l in sys.stdin:\n  h, s = l.split()\n  print(format(d(h), s))\n", input));
  ASSERT_EQ(rows.size(), cases.size());
  for (size_t i = 0; i < cases.size(); i++) {
    const Case& c = cases[i];
    ASSERT_EQ(format(c.value, c.code, c.precision, c.flags), rows[i])
        << repr(c.value) << " " << c.code << " " << c.precision << " " << c.flags;
  }
}

TEST(KernelFloatText, AlternateRepr) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::string input;
  std::vector<double> values = sample(24, 2000);
  for (double v : values) input += bits_of(v) + "\n";
  auto rows = oracle::lines(
      oracle::run(std::string(kPreamble) + "for l in sys.stdin: print(format(d(l), '#'))\n", input));
  ASSERT_EQ(rows.size(), values.size());
  for (size_t i = 0; i < values.size(); i++) {
    ASSERT_EQ(format(values[i], 'r', 0, kFloatAddDot0 | kFloatAlternate), rows[i]);
  }
}

TEST(KernelFloatText, Parse) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::mt19937_64 random(25);
  std::vector<std::string> texts = {"1",
                                    "1.",
                                    ".5",
                                    ".",
                                    "",
                                    "+",
                                    "-1",
                                    "1e5",
                                    "1e",
                                    "1e+",
                                    "1e-5",
                                    "1E5",
                                    "1_0.5",
                                    "1__0",
                                    "_1",
                                    "1_",
                                    "1_.5",
                                    "1._5",
                                    "1e_5",
                                    "1e1_0",
                                    "inf",
                                    "-inf",
                                    "Infinity",
                                    "infinit",
                                    "INFINITY",
                                    "nan",
                                    "-nan",
                                    "+NaN",
                                    "nanx",
                                    "inff",
                                    "in_f",
                                    "1e400",
                                    "-1e400",
                                    "1e-400",
                                    "-1e-400",
                                    "0e999999",
                                    "1e99999999999999999999",
                                    "1e-99999999999999999999",
                                    "0x10",
                                    "1d5",
                                    "1.5.5",
                                    "--1",
                                    "+-1",
                                    "5e-324",
                                    "2e-324",
                                    "2.4703282292062327e-324",
                                    "2.4703282292062328e-324",
                                    "1.7976931348623158e308",
                                    "1.7976931348623159e308",
                                    "179769313486231580793e289",
                                    "0.1",
                                    "1e23",
                                    "9007199254740993",
                                    "9007199254740992.9999999999999999999999",
                                    "4.9e-324",
                                    "1e308",
                                    "1e309",
                                    "2.2250738585072011e-308",
                                    "2.2250738585072014e-308",
                                    "123456789012345678901234567890",
                                    "0" + std::string(400, '0') + "1e3",
                                    "0." + std::string(500, '0') + "1e501",
                                    "1" + std::string(500, '0') + "e-500",
                                    "0." + std::string(2000, '0') + "1",
                                    std::string(400, '9'),
                                    "1e-0000000000000000000000000001",
                                    "1e0000000000000000000000308",
                                    "9007199254740992.5",
                                    "9007199254740993.5",
                                    "9007199254740992." + std::string(900, '9'),
                                    "9007199254740993." + std::string(900, '0') + "1"};
  for (int round = 0; round < 30000; round++) {
    std::string text;
    if (random() % 3 == 0) text += random() % 2 ? "-" : "+";
    for (unsigned k = random() % 25; k > 0; k--) text += static_cast<char>('0' + random() % 10);
    if (random() % 2) text += '.';
    for (unsigned k = random() % 25; k > 0; k--) text += static_cast<char>('0' + random() % 10);
    if (random() % 2) text += "e" + std::to_string(static_cast<int>(random() % 700) - 350);
    if (random() % 6 == 0 && !text.empty()) text.insert(random() % text.size(), "_");
    texts.push_back(text);
  }
  // Halfway cases written out exactly: the mean of two neighbouring doubles.
  for (int round = 0; round < 2000; round++) {
    double low = std::ldexp(static_cast<double>(random() >> 11 | uint64_t{1} << 52),
                            static_cast<int>(random() % 120) - 80);
    char buffer[2048];
    std::string text;
    // low plus half a unit: exact in long double
    long double middle = static_cast<long double>(low) + std::ldexp(0.5L, std::ilogb(low) - 52);
    snprintf(buffer, sizeof buffer, "%.400Lf", middle);
    text = buffer;
    if (round % 3 == 1) text.back() = '1';
    texts.push_back(text);
  }
  std::string input;
  for (const std::string& t : texts) input += "'" + t + "'\n";
  auto rows = oracle::lines(oracle::run(
      std::string(kPreamble) +
          "for l in sys.stdin:\n  try: print(b(float(l[1:-2])))\n  except ValueError: print('invalid')\n",
      input));
  ASSERT_EQ(rows.size(), texts.size());
  for (size_t i = 0; i < texts.size(); i++) {
    double value = 0;
    FloatParse status = float_parse(texts[i].data(), texts[i].size(), &value);
    if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
    ASSERT_EQ(status == FloatParse::kInvalid ? "invalid" : bits_of(value), rows[i]) << texts[i];
    if (rows[i] != "invalid" && std::isinf(value)) {
      bool named = texts[i].find_first_of("nN") != std::string::npos;
      ASSERT_EQ(status, named ? FloatParse::kOk : FloatParse::kOverflow) << texts[i];
    }
  }
  size_t used;
  double value;
  for (auto [text, length] : {std::pair{"1.5abc", 3u},
                              {"1e5e", 3u},
                              {"1ex", 1u},
                              {"1e+", 1u},
                              {"infin", 3u},
                              {"nano", 3u},
                              {"-.e", 0u},
                              {"+.5.", 3u},
                              {"12 ", 2u}}) {
    FloatParse status = float_parse_prefix(text, strlen(text), &value, &used);
    EXPECT_EQ(used, length) << text;
    EXPECT_EQ(status == FloatParse::kInvalid, length == 0) << text;
  }
}

TEST(KernelFloatText, ParseHex) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::mt19937_64 random(26);
  std::vector<std::string> texts = {"",
                                    "0x",
                                    "0x1",
                                    "1p0",
                                    "0x.8",
                                    "0x.p1",
                                    "0x1.8p",
                                    "0x1.8p+",
                                    "0x1p1023",
                                    "0x1p1024",
                                    "-0x1p1024",
                                    "inf",
                                    "-inf",
                                    "infinity",
                                    "nan",
                                    "infi",
                                    "  0x1 ",
                                    "\t1\v",
                                    "0x1 p1",
                                    "0x1.fffffffffffff7p1023",
                                    "0x1.fffffffffffff8p1023",
                                    "0x1.fffffffffffff7fffffp1023",
                                    "0x1p-1074",
                                    "0x1p-1075",
                                    "0x1.8p-1075",
                                    "0x1.0000000000001p-1075",
                                    "0x0p99999999999999999999",
                                    "0x1p99999999999999999999",
                                    "0x1p-99999999999999999999",
                                    "-0x0",
                                    "+1.",
                                    "1..",
                                    "0X1P3",
                                    "g",
                                    "0x_1",
                                    "--1",
                                    "- 1"};
  for (int round = 0; round < 20000; round++) {
    std::string text = random() % 4 ? "0x" : "";
    if (random() % 4 == 0) text = "-" + text;
    static const char kDigits[] = "0000123456789abcdefF8888fff";
    for (unsigned k = random() % 20; k > 0; k--) text += kDigits[random() % (sizeof kDigits - 1)];
    if (random() % 2) text += '.';
    for (unsigned k = random() % 24; k > 0; k--) text += kDigits[random() % (sizeof kDigits - 1)];
    if (random() % 2) text += "p" + std::to_string(static_cast<int>(random() % 2300) - 1150);
    texts.push_back(text);
  }
  std::string input;
  for (const std::string& t : texts) {
    for (unsigned char c : t) {
      char buffer[4];
      snprintf(buffer, sizeof buffer, "%02x", c);
      input += buffer;
    }
    input += "\n";
  }
  auto rows = oracle::lines(
      oracle::run(std::string(kPreamble) +
                      "for l in sys.stdin:\n  try: print(b(float.fromhex(bytes.fromhex(l).decode())))\n"
                      "  except ValueError: print('invalid')\n  except OverflowError: print('overflow')\n",
                  input));
  ASSERT_EQ(rows.size(), texts.size());
  for (size_t i = 0; i < texts.size(); i++) {
    double value = 0;
    FloatParse status = float_parse_hex(texts[i].data(), texts[i].size(), &value);
    if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
    ASSERT_EQ(status == FloatParse::kInvalid    ? "invalid"
              : status == FloatParse::kOverflow ? "overflow"
                                                : bits_of(value),
              rows[i])
        << texts[i];
  }
}

TEST(KernelFloatText, Rounding) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::mt19937_64 random(27);
  std::vector<std::pair<double, int>> cases;
  std::string input;
  auto add = [&](double v, int n) {
    cases.emplace_back(v, n);
    input += bits_of(v) + " " + std::to_string(n) + "\n";
  };
  for (double v : {5.0, 6.0, 15.0, 25.0, 35.0, 4.5, 0.5, 1.5, 2.5, 2.675, 1e22, 5e22, 1.5e300, 50.0, 500.0,
                   1500.0, 95.0, 96.0, 995.0}) {
    for (int n = -4; n <= 4; n++) add(v, n), add(-v, n);
  }
  for (double v : sample(28, 20000)) {
    if (!std::isfinite(v)) continue;
    add(v, static_cast<int>(random() % 30) - 12);
    int magnitude = v == 0 ? 0 : static_cast<int>(std::log10(std::fabs(v)));
    add(v, static_cast<int>(random() % 20) - 3 - magnitude);
    add(v, static_cast<int>(random() % 5) - 2 - magnitude);
  }
  auto rows = oracle::lines(oracle::run(
      std::string(kPreamble) +
          "for l in sys.stdin:\n  h, n = l.split()\n  try: print(b(round(d(h), int(n))), round(d(h)))\n"
          "  except OverflowError: print('overflow', round(d(h)))\n",
      input));
  ASSERT_EQ(rows.size(), cases.size());
  for (size_t i = 0; i < cases.size(); i++) {
    double value, integral = float_round_integral(cases[i].first);
    FloatParse status = float_round_places(cases[i].first, cases[i].second, &value);
    std::string whole = format(integral, 'f', 0, kFloatNoNegativeZero);
    ASSERT_EQ((status == FloatParse::kOverflow ? "overflow" : bits_of(value)) + " " + whole, rows[i])
        << repr(cases[i].first) << " " << cases[i].second;
  }
}

TEST(KernelFloatText, Split) {
  uint64_t mantissa;
  int exponent;
  for (double v : sample(29, 20000)) {
    if (!std::isfinite(v)) continue;
    float_split(v, &mantissa, &exponent);
    EXPECT_EQ(std::ldexp(static_cast<double>(mantissa), exponent), std::fabs(v));
    EXPECT_TRUE(v == 0 || (mantissa & 1));
  }
}

}  // namespace
}  // namespace atl
