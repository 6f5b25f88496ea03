#include "Objects/str/kernel_chars.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "Objects/str/kernel_oracle.h"
#include "Objects/str/unicode_tables.h"

namespace atl {
namespace {

using Points = std::vector<uint32_t>;

struct Text {
  TextKind kind;
  std::vector<uint8_t> bytes;
  ptrdiff_t length;
  Text(const Points& s, TextKind k)
      : kind(k), bytes(s.size() * static_cast<size_t>(k) + 1), length(static_cast<ptrdiff_t>(s.size())) {
    for (size_t i = 0; i < s.size(); i++) text_write(k, bytes.data(), static_cast<ptrdiff_t>(i), s[i]);
  }
  TextView view() const { return {bytes.data(), length, kind}; }
};

Points points_of(TextView text) {
  Points out;
  for (ptrdiff_t i = 0; i < text.length; i++) out.push_back(text_read(text.kind, text.data, i));
  return out;
}

uint32_t maximum(const Points& s) {
  uint32_t m = 0;
  for (uint32_t c : s) m = std::max(m, c);
  return m;
}

std::vector<TextKind> kinds_for(const Points& s) {
  std::vector<TextKind> kinds{TextKind::k4};
  if (maximum(s) < 0x10000) kinds.push_back(TextKind::k2);
  if (maximum(s) < 0x100) kinds.push_back(TextKind::k1);
  return kinds;
}

Points random_points(std::mt19937& random, size_t length) {
  static const uint32_t kInteresting[] = {
      'a',    'B',    ' ',   '\n',   '\r',    '1',     '_',     '.',     '\'',   0xDF,   0xE9,   0xC9,
      0xA0,   0x85,   0x130, 0x131,  0x149,   0x1C4,   0x1C5,   0x1C6,   0x3A3,  0x3C3,  0x3C2,  0x3B1,
      0x391,  0x345,  0x301, 0x390,  0x587,   0x13A0,  0xAB70,  0x1E9E,  0x1F80, 0x1F88, 0x2028, 0x2160,
      0x24D0, 0xFB03, 0xAD,  0x2019, 0x10400, 0x10428, 0x1D400, 0x1F600, 0xB7};
  static const uint32_t kLimits[] = {0x80, 0x100, 0x600, 0x10000, 0x110000};
  Points s(length);
  uint32_t limit = kLimits[random() % 5];
  for (uint32_t& c : s) {
    c = random() % 3 ? kInteresting[random() % std::size(kInteresting)] : random() % limit;
    if (c >= limit) c = 'a' + c % 26;
    if (c >= 0xD800 && c < 0xE000) c = 'A';
  }
  return s;
}

std::string hex(const Points& s) {
  std::string text;
  char buffer[16];
  for (uint32_t c : s) {
    snprintf(buffer, sizeof buffer, text.empty() ? "%x" : ",%x", c);
    text += buffer;
  }
  return text;
}

TEST(KernelChars, MaxClass) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; round++) {
    Points s = random_points(random, random() % 100);
    uint32_t m = maximum(s);
    uint32_t expected = m < 0x80 ? 0x7F : m < 0x100 ? 0xFF : m < 0x10000 ? 0xFFFF : 0x10FFFF;
    for (TextKind kind : kinds_for(s)) ASSERT_EQ(text_max_class(Text(s, kind).view()), expected);
  }
}

TEST(KernelChars, AsciiPrefix) {
  std::vector<uint8_t> s(200, 'x');
  for (size_t n = 0; n <= s.size(); n++) {
    EXPECT_EQ(ascii_prefix(s.data(), n), n);
    if (n < s.size()) {
      s[n] = 0x80;
      EXPECT_EQ(ascii_prefix(s.data(), s.size()), n);
      s[n] = 'x';
    }
  }
}

TEST(KernelChars, ConvertCompareReverse) {
  std::mt19937 random(4);
  for (int round = 0; round < 2000; round++) {
    Points s = random_points(random, random() % 80), t = random_points(random, random() % 80);
    if (random() % 2) t = s;
    if (random() % 2 && !t.empty()) t.resize(random() % t.size());
    for (TextKind from : kinds_for(s)) {
      Text text(s, from);
      for (TextKind to : kinds_for(s)) {
        Text out(Points(s.size()), to);
        text_convert(text.view(), to, out.bytes.data());
        ASSERT_EQ(points_of(out.view()), s);
      }
      Text reversed(Points(s.size()), from);
      text_reverse_copy(text.view(), reversed.bytes.data());
      ASSERT_EQ(points_of(reversed.view()), Points(s.rbegin(), s.rend()));
      for (TextKind other : kinds_for(t)) {
        Text second(t, other);
        int order = s < t ? -1 : s > t ? 1 : 0;
        ASSERT_EQ(text_compare(text.view(), second.view()), order);
        ASSERT_EQ(text_equal(text.view(), second.view()), order == 0);
      }
    }
  }
}

TEST(KernelChars, WholeTextsAsPython) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::mt19937 random(5);
  std::vector<Points> texts;
  std::string input;
  for (int round = 0; round < 20000; round++) {
    texts.push_back(random_points(random, random() % 24));
    input += hex(texts.back()) + "\n";
  }
  // Python 3.11's answers: mappings, predicates, lines and white space at both ends.
  std::vector<std::string> rows = oracle::lines(oracle::run(R"(
import sys
def x(s): return ','.join('%x' % ord(c) for c in s)
for line in sys.stdin:
    s = ''.join(chr(int(c, 16)) for c in line.strip().split(',') if c)
    print('|'.join([x(s.lower()), x(s.upper()), x(s.title()), x(s.capitalize()), x(s.swapcase()), x(s.casefold()),
        ''.join('01'[b] for b in (s.islower(), s.isupper(), s.istitle(), s.isprintable(), s.isidentifier(), s.isalpha(), s.isalnum(), s.isspace())),
        ';'.join(x(l) for l in s.splitlines(True)) + ':' + ';'.join(x(l) for l in s.splitlines()), x(s.lstrip()), x(s.rstrip())]))
)",
                                                            input));
  ASSERT_EQ(rows.size(), texts.size());
  for (size_t i = 0; i < texts.size(); i++) {
    for (TextKind kind : kinds_for(texts[i])) {
      Text text(texts[i], kind);
      TextView view = text.view();
      std::string got;
      for (CaseOp op : {CaseOp::kLower, CaseOp::kUpper, CaseOp::kTitle, CaseOp::kCapitalize,
                        CaseOp::kSwapcase, CaseOp::kCasefold}) {
        CaseSize size = text_case_measure(op, view);
        Text out(Points(static_cast<size_t>(size.length)), text_kind_for(size.max_char));
        text_case_write(op, view, out.kind, out.bytes.data());
        Points points = points_of(out.view());
        ASSERT_EQ(maximum(points), size.max_char);
        got += hex(points) + "|";
        Text same(Points(texts[i].size()), kind);
        uint32_t max_class = 0;
        if (text_case_try_same(op, view, same.bytes.data(), &max_class)) {
          ASSERT_EQ(points_of(same.view()), points);
          ASSERT_EQ(text_kind_for(max_class), out.kind);
        } else {
          ASSERT_TRUE(out.kind > kind || points.size() != texts[i].size());
        }
        if (maximum(texts[i]) < 0x80 && kind == TextKind::k1) {
          std::vector<uint8_t> ascii(texts[i].size());
          ascii_case(op, text.bytes.data(), ascii.size(), ascii.data());
          ASSERT_EQ(Points(ascii.begin(), ascii.end()), points);
        }
      }
      for (bool b : {text_is_lower(view), text_is_upper(view), text_is_title(view), text_is_printable(view),
                     text_is_identifier(view), text_all_have(view, kUcAlpha),
                     text_all_have(view, kUcAlpha | kUcDecimal | kUcDigit | kUcNumeric),
                     text_all_have(view, kUcSpace)}) {
        got += b ? '1' : '0';
      }
      std::string with, without;
      for (ptrdiff_t at = 0; at < view.length;) {
        LineSpan line = text_line(view, at);
        if (at > 0) with += ";", without += ";";
        with += hex(points_of(text_slice(view, at, line.next)));
        without += hex(points_of(text_slice(view, at, line.end)));
        at = line.next;
      }
      got += "|" + with + ":" + without + "|" +
             hex(points_of(text_slice(view, text_skip_space(view, 0), view.length))) + "|" +
             hex(points_of(text_slice(view, 0, text_rskip_space(view, 0))));
      ASSERT_EQ(got, rows[i]) << hex(texts[i]);
    }
  }
}

TEST(KernelChars, BytesLines) {
  const uint8_t data[] = "a\nb\r\nc\rd\x0b\x1c\n";
  std::vector<std::string> lines;
  for (ptrdiff_t at = 0; at < 11;) {
    LineSpan line = bytes_line(data, 11, at);
    lines.emplace_back(data + at, data + line.end);
    at = line.next;
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "b", "c", "d\x0b\x1c"}));
}

TEST(KernelChars, Fill) {
  for (TextKind kind : {TextKind::k1, TextKind::k2, TextKind::k4}) {
    Text text(Points(10), kind);
    text_fill(kind, text.bytes.data(), 9, 0xE9);
    EXPECT_EQ(text_read(kind, text.bytes.data(), 8), 0xE9u);
    EXPECT_EQ(text_read(kind, text.bytes.data(), 9), 0u);
  }
}

}  // namespace
}  // namespace atl
