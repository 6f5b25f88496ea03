#include "Objects/str/kernel_find.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "Objects/str/kernel_oracle.h"

namespace atl {
namespace {

// Text in any kind, made from code points.
struct Text {
  TextKind kind;
  std::vector<uint8_t> bytes;
  ptrdiff_t length;
  Text(const std::u32string& s, TextKind k)
      : kind(k), bytes(s.size() * static_cast<size_t>(k) + 1), length(static_cast<ptrdiff_t>(s.size())) {
    for (size_t i = 0; i < s.size(); i++) text_write(k, bytes.data(), static_cast<ptrdiff_t>(i), s[i]);
  }
  TextView view() const { return {bytes.data(), length, kind}; }
};

constexpr TextKind kKinds[] = {TextKind::k1, TextKind::k2, TextKind::k4};

ptrdiff_t naive_find(const std::u32string& hay, const std::u32string& needle) {
  size_t at = hay.find(needle);
  return at == std::u32string::npos ? kNotFound : static_cast<ptrdiff_t>(at);
}
ptrdiff_t naive_rfind(const std::u32string& hay, const std::u32string& needle) {
  size_t at = hay.rfind(needle);
  return at == std::u32string::npos ? kNotFound : static_cast<ptrdiff_t>(at);
}
ptrdiff_t naive_count(const std::u32string& hay, const std::u32string& needle) {
  if (needle.empty()) return static_cast<ptrdiff_t>(hay.size()) + 1;
  ptrdiff_t count = 0;
  for (size_t at = 0; (at = hay.find(needle, at)) != std::u32string::npos; at += needle.size()) count++;
  return count;
}

void check(const std::u32string& hay, const std::u32string& needle) {
  ptrdiff_t found = naive_find(hay, needle), rfound = naive_rfind(hay, needle),
            count = naive_count(hay, needle);
  for (TextKind hk : kKinds) {
    for (TextKind nk : kKinds) {
      Text h(hay, hk), n(needle, nk);
      ASSERT_EQ(text_find(h.view(), n.view()), found);
      ASSERT_EQ(text_rfind(h.view(), n.view()), rfound);
      ASSERT_EQ(text_count(h.view(), n.view()), count);
      ASSERT_EQ(text_count(h.view(), n.view(), 2), std::min<ptrdiff_t>(count, 2));
    }
  }
}

TEST(KernelFind, EmptyAndTiny) {
  check(U"", U"");
  check(U"abc", U"");
  check(U"", U"a");
  check(U"a", U"a");
  check(U"ab", U"abc");
  check(U"abcabc", U"abc");
  check(U"aaaaaaa", U"aa");
}

TEST(KernelFind, RandomOverSmallAlphabets) {
  std::mt19937 random(1);
  for (int round = 0; round < 6000; round++) {
    unsigned letters = 1 + random() % 4;
    std::u32string hay(random() % 200, U'a');
    for (char32_t& c : hay) c = U'a' + random() % letters;
    std::u32string needle;
    if (random() % 2 && !hay.empty()) {
      size_t start = random() % hay.size();
      needle = hay.substr(start, random() % 40);
      if (random() % 2 && !needle.empty()) needle[random() % needle.size()] = U'a' + random() % letters;
    } else {
      needle.resize(random() % 12);
      for (char32_t& c : needle) c = U'a' + random() % letters;
    }
    check(hay, needle);
  }
}

TEST(KernelFind, SecondGear) {
  // Long repetitive needles spend the budget and go on with two-way.
  std::mt19937 random(2);
  for (int round = 0; round < 300; round++) {
    size_t period = 1 + random() % 7;
    std::u32string unit(period, U'a');
    for (char32_t& c : unit) c = U'a' + random() % 2;
    std::u32string hay;
    while (hay.size() < 4000) hay += unit;
    for (int k = random() % 6; k > 0; k--) hay[random() % hay.size()] = U'a' + random() % 3;
    size_t start = random() % 3000;
    std::u32string needle = hay.substr(start, 300 + random() % 600);
    if (random() % 2) needle[1 + random() % (needle.size() - 2)] = U'b';
    check(hay, needle);
    std::u32string absent = needle;
    absent[absent.size() / 2] = U'z';
    check(hay, absent);
  }
}

TEST(KernelFind, NeedleThatTheHayCannotHold) {
  Text hay(U"hello hello", TextKind::k1);
  for (TextKind kind : {TextKind::k2, TextKind::k4}) {
    EXPECT_EQ(text_find(hay.view(), Text(U"\u0168", kind).view()), kNotFound);  // low byte is 'h'
    EXPECT_EQ(text_find(hay.view(), Text(U"h\u0165l", kind).view()), kNotFound);
    EXPECT_EQ(text_rfind(hay.view(), Text(U"\u0168e", kind).view()), kNotFound);
    EXPECT_EQ(text_count(hay.view(), Text(U"l\u016F", kind).view()), 0);
    EXPECT_EQ(text_count_char(hay.view(), 0x16C), 0);
  }
}

TEST(KernelFind, WorstCasesAreLinear) {
  // Quadratic search would need 10^10 steps for each.
  auto start = std::chrono::steady_clock::now();
  std::u32string hay(400000, U'a');
  std::u32string needle(50000, U'a');
  for (size_t place : {size_t{0}, size_t{1}, size_t{25000}, size_t{49998}, size_t{49999}}) {
    std::u32string n = needle;
    n[place] = U'b';
    for (TextKind kind : kKinds) {
      Text h(hay, kind), t(n, kind);
      EXPECT_EQ(text_find(h.view(), t.view()), kNotFound);
      EXPECT_EQ(text_rfind(h.view(), t.view()), kNotFound);
      EXPECT_EQ(text_count(h.view(), t.view()), 0);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace atl
