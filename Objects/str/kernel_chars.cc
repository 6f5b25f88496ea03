// Widths, whitespace, lines and case of raw text. Hot loops use SSE2, which every x86-64 has, and fall back
// to plain loops elsewhere.
#include "Objects/str/kernel_chars.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "Objects/str/unicode_tables.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace atl {
namespace {

template <class From, class To>
void convert_run(const From* in, ptrdiff_t n, To* out) {
  if constexpr (sizeof(From) == sizeof(To)) {
    if (n > 0) std::memcpy(out, in, static_cast<size_t>(n) * sizeof(To));
  } else {
    ptrdiff_t i = 0;
#ifdef __SSE2__
    const __m128i zero = _mm_setzero_si128();
    if constexpr (sizeof(From) == 1 && sizeof(To) == 2) {
      for (; i + 16 <= n; i += 16) {
        __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_unpacklo_epi8(v, zero));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i + 8), _mm_unpackhi_epi8(v, zero));
      }
    } else if constexpr (sizeof(From) == 1 && sizeof(To) == 4) {
      for (; i + 16 <= n; i += 16) {
        __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
        __m128i low = _mm_unpacklo_epi8(v, zero), high = _mm_unpackhi_epi8(v, zero);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_unpacklo_epi16(low, zero));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i + 4), _mm_unpackhi_epi16(low, zero));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i + 8), _mm_unpacklo_epi16(high, zero));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i + 12), _mm_unpackhi_epi16(high, zero));
      }
    } else if constexpr (sizeof(From) == 2 && sizeof(To) == 4) {
      for (; i + 8 <= n; i += 8) {
        __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_unpacklo_epi16(v, zero));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i + 4), _mm_unpackhi_epi16(v, zero));
      }
    } else if constexpr (sizeof(From) == 2 && sizeof(To) == 1) {
      for (; i + 16 <= n; i += 16) {
        __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
        __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i + 8));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_packus_epi16(a, b));
      }
    }
#endif
    for (; i < n; i++) out[i] = static_cast<To>(in[i]);
  }
}

template <class C>
uint32_t max_class(const C* in, ptrdiff_t n) {
  if constexpr (sizeof(C) == 1) {
    return bytes_are_ascii(in, static_cast<size_t>(n)) ? 0x7F : 0xFF;
  } else {
    // Or-ing the code points together keeps the class of the largest, whose bounds are powers of two.
    ptrdiff_t i = 0;
    uint32_t all = 0;
    constexpr ptrdiff_t kPerVector = 16 / sizeof(C);
#ifdef __SSE2__
    __m128i sum = _mm_setzero_si128();
    for (; i + 2 * kPerVector <= n; i += 2 * kPerVector) {
      sum = _mm_or_si128(sum, _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i)));
      sum = _mm_or_si128(sum, _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i + kPerVector)));
    }
    C lanes[kPerVector];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes), sum);
    for (C lane : lanes) all |= lane;
#endif
    for (; i < n; i++) all |= in[i];
    return all < 0x80 ? 0x7F : all < 0x100 ? 0xFF : all < 0x10000 ? 0xFFFF : 0x10FFFF;
  }
}

constexpr std::array<uint8_t, 256> make_latin1_table() {
  // Bit 0: white space; bit 1: line break.
  std::array<uint8_t, 256> table{};
  for (int c : {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x85, 0xA0}) {
    table[static_cast<size_t>(c)] |= 1;
  }
  for (int c : {0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x85}) table[static_cast<size_t>(c)] |= 2;
  return table;
}
constexpr std::array<uint8_t, 256> kLatin1 = make_latin1_table();

template <class C>
bool is_space(C c) {
  return c < 256 ? (kLatin1[c] & 1) != 0 : uc_is_space(c);
}
template <class C>
bool is_linebreak(C c) {
  return c < 256 ? (kLatin1[c] & 2) != 0 : uc_is_linebreak(c);
}

template <class C>
LineSpan line_at(const C* s, ptrdiff_t n, ptrdiff_t start) {
  ptrdiff_t i = start;
  while (i < n && !is_linebreak(s[i])) i++;
  if (i == n) return {n, n};
  ptrdiff_t next = i + 1;
  if (s[i] == '\r' && next < n && s[next] == '\n') next++;
  return {i, next};
}

template <class A, class B>
int compare_runs(const A* a, ptrdiff_t an, const B* b, ptrdiff_t bn) {
  ptrdiff_t n = std::min(an, bn);
  if constexpr (sizeof(A) == 1 && sizeof(B) == 1) {
    int order = n > 0 ? std::memcmp(a, b, static_cast<size_t>(n)) : 0;
    if (order != 0) return order < 0 ? -1 : 1;
  } else {
    for (ptrdiff_t i = 0; i < n; i++) {
      uint32_t x = a[i], y = b[i];
      if (x != y) return x < y ? -1 : 1;
    }
  }
  return an < bn ? -1 : an > bn ? 1 : 0;
}

// --- case ---

constexpr uint32_t kCapitalSigma = 0x3A3, kSigma = 0x3C3, kFinalSigma = 0x3C2;

// Final: a cased letter before it and none after it, looking past what is case-ignorable.
template <class C>
bool sigma_is_final(const C* s, ptrdiff_t n, ptrdiff_t i) {
  ptrdiff_t j = i - 1;
  while (j >= 0 && uc_is_case_ignorable(s[j])) j--;
  if (j < 0 || !uc_is_cased(s[j])) return false;
  j = i + 1;
  while (j < n && uc_is_case_ignorable(s[j])) j++;
  return j == n || !uc_is_cased(s[j]);
}

// Feeds the mapped code points to `sink`.
template <class C, class Sink>
void map_case(CaseOp op, const C* s, ptrdiff_t n, Sink&& sink) {
  auto put = [&](uint32_t cp, int (*full)(uint32_t, uint32_t[3]), int32_t UcTextRecord::*simple) {
    const UcTextRecord& record = uc_text(cp);
    if (!(record.flags & kUcFullCase)) {
      sink(cp + static_cast<uint32_t>(record.*simple));
      return;
    }
    uint32_t out[3];
    int count = full(cp, out);
    for (int k = 0; k < count; k++) sink(out[k]);
  };
  auto lower = [&](ptrdiff_t i) {
    if (s[i] == kCapitalSigma) {
      sink(sigma_is_final(s, n, i) ? kFinalSigma : kSigma);
    } else {
      put(s[i], uc_to_lower_full, &UcTextRecord::lower);
    }
  };
  auto upper = [&](ptrdiff_t i) { put(s[i], uc_to_upper_full, &UcTextRecord::upper); };
  auto title = [&](ptrdiff_t i) { put(s[i], uc_to_title_full, &UcTextRecord::title); };
  switch (op) {
    case CaseOp::kLower:
      for (ptrdiff_t i = 0; i < n; i++) lower(i);
      break;
    case CaseOp::kUpper:
      for (ptrdiff_t i = 0; i < n; i++) upper(i);
      break;
    case CaseOp::kCasefold:
      for (ptrdiff_t i = 0; i < n; i++) put(s[i], uc_to_fold_full, &UcTextRecord::lower);
      break;
    case CaseOp::kCapitalize:
      if (n > 0) title(0);
      for (ptrdiff_t i = 1; i < n; i++) lower(i);
      break;
    case CaseOp::kTitle: {
      bool in_word = false;
      for (ptrdiff_t i = 0; i < n; i++) {
        if (in_word) {
          lower(i);
        } else {
          title(i);
        }
        in_word = uc_is_cased(s[i]);
      }
      break;
    }
    case CaseOp::kSwapcase:
      for (ptrdiff_t i = 0; i < n; i++) {
        unsigned flags = uc_text(s[i]).flags;
        if (flags & kUcUpper) {
          lower(i);
        } else if (flags & kUcLower) {
          upper(i);
        } else {
          sink(s[i]);
        }
      }
      break;
  }
}

constexpr bool ascii_lower(uint8_t c) { return c >= 'a' && c <= 'z'; }
constexpr bool ascii_upper(uint8_t c) { return c >= 'A' && c <= 'Z'; }

// Flips bit 5 of the bytes in first..last.
void flip_range(const uint8_t* in, size_t n, uint8_t* out, uint8_t first, uint8_t last) {
  size_t i = 0;
#ifdef __SSE2__
  // Shifted so that the range begins at the smallest signed value, one signed comparison decides.
  const __m128i shift = _mm_set1_epi8(static_cast<char>(first + 128));
  const __m128i span = _mm_set1_epi8(static_cast<char>(-128 + (last - first + 1)));
  const __m128i bit = _mm_set1_epi8(0x20);
  for (; i + 16 <= n; i += 16) {
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    __m128i inside = _mm_cmplt_epi8(_mm_sub_epi8(v, shift), span);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_xor_si128(v, _mm_and_si128(inside, bit)));
  }
#endif
  for (; i < n; i++) out[i] = in[i] >= first && in[i] <= last ? in[i] ^ 0x20 : in[i];
}

}  // namespace

size_t ascii_prefix(const uint8_t* data, size_t size) {
  size_t i = 0;
#ifdef __SSE2__
  for (; i + 64 <= size; i += 64) {
    const __m128i* p = reinterpret_cast<const __m128i*>(data + i);
    __m128i all = _mm_or_si128(_mm_or_si128(_mm_loadu_si128(p), _mm_loadu_si128(p + 1)),
                               _mm_or_si128(_mm_loadu_si128(p + 2), _mm_loadu_si128(p + 3)));
    if (_mm_movemask_epi8(all)) break;
  }
  for (; i + 16 <= size; i += 16) {
    int mask = _mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i)));
    if (mask) return i + static_cast<size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
#endif
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    std::memcpy(&word, data + i, 8);
    if (word & 0x8080808080808080u) break;
  }
  while (i < size && data[i] < 0x80) i++;
  return i;
}

uint32_t text_max_class(TextView text) {
  return text_visit(text, [&](auto* s) { return max_class(s, text.length); });
}

void text_convert(TextView text, TextKind out_kind, void* out) {
  text_visit(text, [&](auto* s) {
    if (out_kind == TextKind::k1) return convert_run(s, text.length, static_cast<uint8_t*>(out));
    if (out_kind == TextKind::k2) return convert_run(s, text.length, static_cast<uint16_t*>(out));
    return convert_run(s, text.length, static_cast<uint32_t*>(out));
  });
}

void text_fill(TextKind kind, void* out, ptrdiff_t count, uint32_t cp) {
  if (count <= 0) return;
  if (kind == TextKind::k1) {
    std::memset(out, static_cast<int>(cp), static_cast<size_t>(count));
  } else if (kind == TextKind::k2) {
    std::fill_n(static_cast<uint16_t*>(out), count, static_cast<uint16_t>(cp));
  } else {
    std::fill_n(static_cast<uint32_t*>(out), count, cp);
  }
}

void text_reverse_copy(TextView text, void* out) {
  text_visit(text, [&](auto* s) {
    using C = std::remove_const_t<std::remove_pointer_t<decltype(s)>>;
    std::reverse_copy(s, s + text.length, static_cast<C*>(out));
  });
}

int text_compare(TextView a, TextView b) {
  return text_visit(a, [&](auto* x) {
    return text_visit(b, [&](auto* y) { return compare_runs(x, a.length, y, b.length); });
  });
}

bool text_equal(TextView a, TextView b) {
  if (a.length != b.length) return false;
  if (a.length == 0) return true;
  if (a.kind == b.kind) {
    return std::memcmp(a.data, b.data, static_cast<size_t>(a.length) * static_cast<size_t>(a.kind)) == 0;
  }
  return text_compare(a, b) == 0;
}

ptrdiff_t text_skip_space(TextView text, ptrdiff_t start) {
  return text_visit(text, [&](auto* s) {
    while (start < text.length && is_space(s[start])) start++;
    return start;
  });
}

ptrdiff_t text_rskip_space(TextView text, ptrdiff_t start) {
  return text_visit(text, [&](auto* s) {
    ptrdiff_t end = text.length;
    while (end > start && is_space(s[end - 1])) end--;
    return end;
  });
}

ptrdiff_t text_find_space(TextView text, ptrdiff_t start) {
  return text_visit(text, [&](auto* s) {
    while (start < text.length && !is_space(s[start])) start++;
    return start;
  });
}

LineSpan text_line(TextView text, ptrdiff_t start) {
  return text_visit(text, [&](auto* s) { return line_at(s, text.length, start); });
}

LineSpan bytes_line(const uint8_t* data, ptrdiff_t length, ptrdiff_t start) {
  ptrdiff_t i = start;
  while (i < length && data[i] != '\n' && data[i] != '\r') i++;
  if (i == length) return {length, length};
  ptrdiff_t next = i + 1;
  if (data[i] == '\r' && next < length && data[next] == '\n') next++;
  return {i, next};
}

bool text_all_have(TextView text, unsigned uc_flags) {
  if (text.length == 0) return false;
  return text_visit(text, [&](auto* s) {
    return std::all_of(s, s + text.length, [&](uint32_t c) { return uc_has(c, uc_flags); });
  });
}

bool text_is_lower(TextView text) {
  return text_visit(text, [&](auto* s) {
    bool seen = false;
    for (ptrdiff_t i = 0; i < text.length; i++) {
      unsigned flags = uc_text(s[i]).flags;
      if (flags & (kUcUpper | kUcTitle)) return false;
      seen |= (flags & kUcLower) != 0;
    }
    return seen;
  });
}

bool text_is_upper(TextView text) {
  return text_visit(text, [&](auto* s) {
    bool seen = false;
    for (ptrdiff_t i = 0; i < text.length; i++) {
      unsigned flags = uc_text(s[i]).flags;
      if (flags & (kUcLower | kUcTitle)) return false;
      seen |= (flags & kUcUpper) != 0;
    }
    return seen;
  });
}

bool text_is_title(TextView text) {
  return text_visit(text, [&](auto* s) {
    bool seen = false, in_word = false;
    for (ptrdiff_t i = 0; i < text.length; i++) {
      unsigned flags = uc_text(s[i]).flags;
      if (flags & (kUcUpper | kUcTitle)) {
        if (in_word) return false;
        in_word = seen = true;
      } else if (flags & kUcLower) {
        if (!in_word) return false;
        seen = true;
      } else {
        in_word = false;
      }
    }
    return seen;
  });
}

bool text_is_printable(TextView text) { return text.length == 0 || text_all_have(text, kUcPrintable); }

bool text_is_identifier(TextView text) {
  if (text.length == 0 || !uc_is_identifier_start(text_read(text.kind, text.data, 0))) return false;
  return text.length == 1 || text_all_have(text_slice(text, 1, text.length), kUcXidContinue);
}

CaseSize text_case_measure(CaseOp op, TextView text) {
  CaseSize size{0, 0};
  text_visit(text, [&](auto* s) {
    map_case(op, s, text.length, [&](uint32_t cp) {
      size.length++;
      size.max_char = std::max(size.max_char, cp);
    });
  });
  return size;
}

void text_case_write(CaseOp op, TextView text, TextKind out_kind, void* out) {
  text_visit(text, [&](auto* s) {
    auto into = [&](auto* to) {
      using C = std::remove_pointer_t<decltype(to)>;
      map_case(op, s, text.length, [&](uint32_t cp) { *to++ = static_cast<C>(cp); });
    };
    if (out_kind == TextKind::k1) return into(static_cast<uint8_t*>(out));
    if (out_kind == TextKind::k2) return into(static_cast<uint16_t*>(out));
    return into(static_cast<uint32_t*>(out));
  });
}

bool text_case_try_same(CaseOp op, TextView text, void* out, uint32_t* max_class) {
  return text_visit(text, [&](auto* s) {
    using C = std::remove_const_t<std::remove_pointer_t<decltype(s)>>;
    C* to = static_cast<C*>(out);
    uint32_t bits = 0;
    ptrdiff_t written = 0;
    map_case(op, s, text.length, [&](uint32_t cp) {
      if (written < text.length) to[written] = static_cast<C>(cp);
      written++;
      bits |= cp;
    });
    *max_class = bits < 0x80 ? 0x7F : bits < 0x100 ? 0xFF : bits < 0x10000 ? 0xFFFF : 0x10FFFF;
    return written == text.length && text_kind_for(*max_class) <= text.kind;
  });
}

void ascii_case(CaseOp op, const uint8_t* in, size_t size, uint8_t* out) {
  switch (op) {
    case CaseOp::kLower:
    case CaseOp::kCasefold:
      flip_range(in, size, out, 'A', 'Z');
      break;
    case CaseOp::kUpper:
      flip_range(in, size, out, 'a', 'z');
      break;
    case CaseOp::kCapitalize:
      flip_range(in, size, out, 'A', 'Z');
      if (size > 0 && ascii_lower(out[0])) out[0] ^= 0x20;
      break;
    case CaseOp::kSwapcase:
      for (size_t i = 0; i < size; i++)
        out[i] = ascii_lower(in[i]) || ascii_upper(in[i]) ? in[i] ^ 0x20 : in[i];
      break;
    case CaseOp::kTitle: {
      bool in_word = false;
      for (size_t i = 0; i < size; i++) {
        bool letter = ascii_lower(in[i]) || ascii_upper(in[i]);
        out[i] = !letter ? in[i] : in_word ? in[i] | 0x20 : in[i] & 0xDF;
        in_word = letter;
      }
      break;
    }
  }
}

}  // namespace atl
