// Substring search in two gears.
//
// The first compares a vector of positions at a time: does the needle's first character stand there, and its
// last one where it should? Candidates are verified character by character. That is fast on ordinary text,
// and quadratic on text made for it, so every character compared in vain is charged to a budget that grows
// with the distance covered; when it is spent, the rest is searched by the Crochemore-Perrin two-way
// algorithm, which is linear and needs no memory.
//
// Searching from the end is the same on mirrored indices: the classes Forward and Backward translate.
#include "Objects/str/kernel_find.h"

#include <cstring>
#include <cwchar>
#include <limits>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace atl {
namespace {

template <class C>
struct Forward {
  const C* data;
  ptrdiff_t length;
  uint32_t operator[](ptrdiff_t i) const { return data[i]; }
};

template <class C>
struct Backward {
  const C* data;
  ptrdiff_t length;
  uint32_t operator[](ptrdiff_t i) const { return data[length - 1 - i]; }
};

// --- two-way ---

struct Suffix {
  ptrdiff_t start;   // of the maximal suffix
  ptrdiff_t period;  // of that suffix
};

// Maximal suffix of the needle in the order of code points, or in the reverse of it.
template <class N>
Suffix maximal_suffix(const N& needle, bool reversed) {
  ptrdiff_t start = 0, candidate = 1, matched = 0, period = 1;
  while (candidate + matched < needle.length) {
    uint32_t a = needle[candidate + matched], b = needle[start + matched];
    if (a == b) {
      if (++matched == period) {
        candidate += period;
        matched = 0;
      }
    } else if ((a < b) != reversed) {
      candidate += matched + 1;
      matched = 0;
      period = candidate - start;
    } else {
      start = candidate++;
      matched = 0;
      period = 1;
    }
  }
  return {start, period};
}

template <class H, class N>
ptrdiff_t two_way(const H& hay, const N& needle, ptrdiff_t from) {
  const ptrdiff_t m = needle.length;
  Suffix a = maximal_suffix(needle, false), b = maximal_suffix(needle, true);
  Suffix cut = a.start > b.start ? a : b;
  bool periodic = true;
  for (ptrdiff_t i = 0; i < cut.start && periodic; i++) {
    periodic = i + cut.period < m && needle[i] == needle[i + cut.period];
  }
  // Without a period, a mismatch left of the cut allows a long shift and nothing needs to be remembered.
  ptrdiff_t shift = periodic ? cut.period : (cut.start > m - cut.start ? cut.start : m - cut.start) + 1;
  ptrdiff_t known = 0;  // length of the prefix known to match at `pos`
  for (ptrdiff_t pos = from; pos + m <= hay.length;) {
    ptrdiff_t i = cut.start > known ? cut.start : known;
    while (i < m && needle[i] == hay[pos + i]) i++;
    if (i < m) {
      pos += i - cut.start + 1;
      known = 0;
      continue;
    }
    i = cut.start;
    while (i > known && needle[i - 1] == hay[pos + i - 1]) i--;
    if (i <= known) return pos;
    pos += shift;
    known = periodic ? m - shift : 0;
  }
  return kNotFound;
}

// --- one character ---

template <class C>
bool fits(uint32_t cp) {
  return cp <= std::numeric_limits<C>::max();
}

#ifdef __SSE2__
template <class C>
__m128i broadcast(C c) {
  if constexpr (sizeof(C) == 1) return _mm_set1_epi8(static_cast<char>(c));
  if constexpr (sizeof(C) == 2) return _mm_set1_epi16(static_cast<short>(c));
  if constexpr (sizeof(C) == 4) return _mm_set1_epi32(static_cast<int>(c));
}

// All bits of a lane set where equal.
template <class C>
__m128i equal_lanes(const C* p, __m128i wanted) {
  __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  if constexpr (sizeof(C) == 1) return _mm_cmpeq_epi8(v, wanted);
  if constexpr (sizeof(C) == 2) return _mm_cmpeq_epi16(v, wanted);
  if constexpr (sizeof(C) == 4) return _mm_cmpeq_epi32(v, wanted);
}
#endif

template <class C>
constexpr ptrdiff_t kLanes = 16 / sizeof(C);

template <class C>
ptrdiff_t find_char(const C* s, ptrdiff_t n, uint32_t cp) {
  if (n <= 0 || !fits<C>(cp)) return kNotFound;
  if constexpr (sizeof(C) == 1) {
    const void* p = std::memchr(s, static_cast<int>(cp), static_cast<size_t>(n));
    return p ? static_cast<const C*>(p) - s : kNotFound;
  } else if constexpr (sizeof(C) == sizeof(wchar_t)) {
    const wchar_t* p =
        std::wmemchr(reinterpret_cast<const wchar_t*>(s), static_cast<wchar_t>(cp), static_cast<size_t>(n));
    return p ? reinterpret_cast<const C*>(p) - s : kNotFound;
  } else {
    ptrdiff_t i = 0;
#ifdef __SSE2__
    const __m128i wanted = broadcast(static_cast<C>(cp));
    for (; i + kLanes<C> <= n; i += kLanes<C>) {
      unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(equal_lanes(s + i, wanted)));
      if (mask) return i + __builtin_ctz(mask) / static_cast<ptrdiff_t>(sizeof(C));
    }
#endif
    for (; i < n; i++) {
      if (s[i] == cp) return i;
    }
    return kNotFound;
  }
}

template <class C>
ptrdiff_t rfind_char(const C* s, ptrdiff_t n, uint32_t cp) {
  if (n <= 0 || !fits<C>(cp)) return kNotFound;
  if constexpr (sizeof(C) == 1) {
    const void* p = memrchr(s, static_cast<int>(cp), static_cast<size_t>(n));
    return p ? static_cast<const C*>(p) - s : kNotFound;
  } else {
#ifdef __SSE2__
    const __m128i wanted = broadcast(static_cast<C>(cp));
    for (; n >= kLanes<C>; n -= kLanes<C>) {
      unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(equal_lanes(s + n - kLanes<C>, wanted)));
      if (mask) return n - kLanes<C> + (31 - __builtin_clz(mask)) / static_cast<ptrdiff_t>(sizeof(C));
    }
#endif
    while (n-- > 0) {
      if (s[n] == cp) return n;
    }
    return kNotFound;
  }
}

template <class C>
ptrdiff_t count_char(const C* s, ptrdiff_t n, uint32_t cp) {
  if (!fits<C>(cp)) return 0;
  ptrdiff_t count = 0, i = 0;
#ifdef __SSE2__
  // Equal lanes are -1 in every byte: subtracting them counts, in bytes that are emptied before they
  // overflow.
  const __m128i wanted = broadcast(static_cast<C>(cp)), zero = _mm_setzero_si128();
  while (i + kLanes<C> <= n) {
    __m128i lanes = zero;
    for (int round = 0; round < 255 && i + kLanes<C> <= n; round++, i += kLanes<C>) {
      lanes = _mm_sub_epi8(lanes, equal_lanes(s + i, wanted));
    }
    __m128i sums = _mm_sad_epu8(lanes, zero);
    count += _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
  }
  count /= static_cast<ptrdiff_t>(sizeof(C));
#endif
  for (; i < n; i++) count += s[i] == cp;
  return count;
}

// --- first gear ---

template <class H, class N>
ptrdiff_t matching_middle(const H* hay, const N* needle, ptrdiff_t m) {
  // How many characters agree, of those between the first and the last.
  ptrdiff_t i = 1;
  while (i < m - 1 && hay[i] == needle[i]) i++;
  return i;
}

// A budget of compared characters: what the distance covered pays for, and something to begin with.
constexpr ptrdiff_t kInitialBudget = 2048;
constexpr ptrdiff_t kBudgetPerPosition = 4;

template <class H, class N>
ptrdiff_t find_run(const H* hay, ptrdiff_t n, const N* needle, ptrdiff_t m) {
  const uint32_t first = needle[0], last = needle[m - 1];
  if (!fits<H>(first) || !fits<H>(last)) return kNotFound;
  const ptrdiff_t positions = n - m + 1;
  ptrdiff_t spent = 0, i = 0;
#ifdef __SSE2__
  const __m128i first_lanes = broadcast(static_cast<H>(first)), last_lanes = broadcast(static_cast<H>(last));
  for (; i + kLanes<H> <= positions; i += kLanes<H>) {
    __m128i both = _mm_and_si128(equal_lanes(hay + i, first_lanes), equal_lanes(hay + i + m - 1, last_lanes));
    unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(both));
    while (mask) {
      unsigned bit = static_cast<unsigned>(__builtin_ctz(mask));
      ptrdiff_t at = i + static_cast<ptrdiff_t>(bit / sizeof(H));
      ptrdiff_t agreed = matching_middle(hay + at, needle, m);
      if (agreed >= m - 1) return at;
      spent += agreed;
      if (spent > kInitialBudget + kBudgetPerPosition * at) {
        return two_way(Forward<H>{hay, n}, Forward<N>{needle, m}, at + 1);
      }
      mask &= ~(((1u << sizeof(H)) - 1) << bit);
    }
  }
#endif
  for (; i < positions; i++) {
    if (hay[i] != first || hay[i + m - 1] != last) continue;
    ptrdiff_t agreed = matching_middle(hay + i, needle, m);
    if (agreed >= m - 1) return i;
    spent += agreed;
    if (spent > kInitialBudget + kBudgetPerPosition * i) {
      return two_way(Forward<H>{hay, n}, Forward<N>{needle, m}, i + 1);
    }
  }
  return kNotFound;
}

template <class H, class N>
ptrdiff_t rfind_run(const H* hay, ptrdiff_t n, const N* needle, ptrdiff_t m) {
  const uint32_t first = needle[0], last = needle[m - 1];
  if (!fits<H>(first) || !fits<H>(last)) return kNotFound;
  const ptrdiff_t positions = n - m + 1;
  ptrdiff_t spent = 0, end = positions;  // positions from `end` on are done
  auto exhausted = [&](ptrdiff_t at) {
    return spent > kInitialBudget + kBudgetPerPosition * (positions - at);
  };
  auto second_gear = [&](ptrdiff_t at) {
    ptrdiff_t found = two_way(Backward<H>{hay, n}, Backward<N>{needle, m}, positions - at);
    return found < 0 ? kNotFound : n - m - found;
  };
#ifdef __SSE2__
  const __m128i first_lanes = broadcast(static_cast<H>(first)), last_lanes = broadcast(static_cast<H>(last));
  for (; end >= kLanes<H>; end -= kLanes<H>) {
    const H* p = hay + end - kLanes<H>;
    __m128i both = _mm_and_si128(equal_lanes(p, first_lanes), equal_lanes(p + m - 1, last_lanes));
    unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(both));
    while (mask) {
      unsigned lane = (31u - static_cast<unsigned>(__builtin_clz(mask))) / sizeof(H);
      ptrdiff_t at = end - kLanes<H> + static_cast<ptrdiff_t>(lane);
      ptrdiff_t agreed = matching_middle(hay + at, needle, m);
      if (agreed >= m - 1) return at;
      spent += agreed;
      if (exhausted(at)) return second_gear(at);
      mask &= (1u << (lane * sizeof(H))) - 1;
    }
  }
#endif
  while (end-- > 0) {
    if (hay[end] != first || hay[end + m - 1] != last) continue;
    ptrdiff_t agreed = matching_middle(hay + end, needle, m);
    if (agreed >= m - 1) return end;
    spent += agreed;
    if (exhausted(end)) return second_gear(end);
  }
  return kNotFound;
}

template <class F>
auto visit_both(TextView a, TextView b, F&& f) {
  return text_visit(a, [&](auto* x) { return text_visit(b, [&](auto* y) { return f(x, y); }); });
}

}  // namespace

ptrdiff_t text_find_char(TextView hay, uint32_t cp) {
  return text_visit(hay, [&](auto* s) { return find_char(s, hay.length, cp); });
}

ptrdiff_t text_rfind_char(TextView hay, uint32_t cp) {
  return text_visit(hay, [&](auto* s) { return rfind_char(s, hay.length, cp); });
}

ptrdiff_t text_count_char(TextView hay, uint32_t cp, ptrdiff_t limit) {
  ptrdiff_t count = text_visit(hay, [&](auto* s) { return count_char(s, hay.length, cp); });
  return count < limit ? count : limit;
}

ptrdiff_t text_find(TextView hay, TextView needle) {
  if (needle.length == 0) return 0;
  if (needle.length > hay.length) return kNotFound;
  if (needle.length == 1) return text_find_char(hay, text_read(needle.kind, needle.data, 0));
  return visit_both(hay, needle, [&](auto* h, auto* n) { return find_run(h, hay.length, n, needle.length); });
}

ptrdiff_t text_rfind(TextView hay, TextView needle) {
  if (needle.length == 0) return hay.length;
  if (needle.length > hay.length) return kNotFound;
  if (needle.length == 1) return text_rfind_char(hay, text_read(needle.kind, needle.data, 0));
  return visit_both(hay, needle,
                    [&](auto* h, auto* n) { return rfind_run(h, hay.length, n, needle.length); });
}

ptrdiff_t text_count(TextView hay, TextView needle, ptrdiff_t limit) {
  if (limit <= 0) return 0;
  if (needle.length == 0) return hay.length < limit ? hay.length + 1 : limit;
  if (needle.length == 1) return text_count_char(hay, text_read(needle.kind, needle.data, 0), limit);
  ptrdiff_t count = 0, from = 0;
  while (count < limit) {
    ptrdiff_t at = text_find(text_slice(hay, from, hay.length), needle);
    if (at < 0) break;
    count++;
    from += at + needle.length;
  }
  return count;
}

}  // namespace atl
