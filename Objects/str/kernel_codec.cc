// UTF-8, UTF-16, UTF-32, Latin-1 and ASCII: measuring and writing passes. See the header for how they go
// together.
#include "Objects/str/kernel_codec.h"

#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace atl {
namespace {

constexpr const char* kBadStart = "invalid start byte";
constexpr const char* kBadContinuation = "invalid continuation byte";
constexpr const char* kUnexpectedEnd = "unexpected end of data";
constexpr const char* kTruncated = "truncated data";
constexpr const char* kSurrogates = "surrogates not allowed";

constexpr bool is_surrogate(uint32_t cp) { return (cp & 0xFFFFF800u) == 0xD800; }
constexpr bool is_continuation(uint8_t b) { return (b & 0xC0) == 0x80; }

constexpr uint32_t class_of(uint32_t bits) {
  return bits < 0x80 ? 0x7F : bits < 0x100 ? 0xFF : bits < 0x10000 ? 0xFFFF : 0x10FFFF;
}

// What may follow a lead byte of UTF-8: how many bytes, and the range of the first of them (which excludes
// overlong forms, surrogates and what lies beyond the last code point).
struct Lead {
  uint8_t more, low, high;
};

constexpr Lead lead_of(uint8_t b) {
  if (b < 0xC2 || b > 0xF4) return {0, 0, 0};
  if (b < 0xE0) return {1, 0x80, 0xBF};
  if (b < 0xF0)
    return {2, static_cast<uint8_t>(b == 0xE0 ? 0xA0 : 0x80), static_cast<uint8_t>(b == 0xED ? 0x9F : 0xBF)};
  return {3, static_cast<uint8_t>(b == 0xF0 ? 0x90 : 0x80), static_cast<uint8_t>(b == 0xF4 ? 0x8F : 0xBF)};
}

// Says what is wrong with the sequence at `i`, which is not a valid one.
void find_error(const uint8_t* data, ptrdiff_t size, ptrdiff_t i, Lead lead, DecodeScan* scan) {
  scan->reason = lead.more == 0 ? kBadStart : kBadContinuation;
  scan->error_end = i + 1;
  for (ptrdiff_t k = 1; k <= lead.more; k++) {
    if (i + k >= size) {
      scan->reason = kUnexpectedEnd;
      scan->error_end = size;
      return;
    }
    uint8_t b = data[i + k];
    bool good = k == 1 ? b >= lead.low && b <= lead.high : is_continuation(b);
    scan->error_end = i + k;
    if (!good) return;
  }
}

// Whether what was found wrong at `i` may become right with more input. The beginning of a surrogate counts:
// an error handler may accept it when it is whole.
bool incomplete(const uint8_t* data, ptrdiff_t size, ptrdiff_t i, const DecodeScan& scan) {
  if (scan.reason == kUnexpectedEnd) return true;
  return data[i] == 0xED && i + 2 == size && is_continuation(data[i + 1]);
}

template <class C>
void utf8_write_run(const uint8_t* in, const uint8_t* end, C* out) {
  while (in < end) {
    if (*in < 0x80) {
#ifdef __SSE2__
      // Sixteen ASCII bytes at a time while there are that many.
      while (end - in >= 16) {
        __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
        if (_mm_movemask_epi8(v)) break;
        text_convert({in, 16, TextKind::k1}, static_cast<TextKind>(sizeof(C)), out);
        in += 16;
        out += 16;
      }
#endif
      while (in < end && *in < 0x80) *out++ = *in++;
      continue;
    }
    uint32_t b = *in;
    if (b < 0xE0) {
      *out++ = static_cast<C>((b & 0x1F) << 6 | (in[1] & 0x3Fu));
      in += 2;
    } else if constexpr (sizeof(C) > 1) {
      if (b < 0xF0) {
        *out++ = static_cast<C>((b & 0x0F) << 12 | (in[1] & 0x3Fu) << 6 | (in[2] & 0x3Fu));
        in += 3;
      } else {
        *out++ =
            static_cast<C>((b & 0x07) << 18 | (in[1] & 0x3Fu) << 12 | (in[2] & 0x3Fu) << 6 | (in[3] & 0x3Fu));
        in += 4;
      }
    } else {
      // The caller asked for a kind that cannot hold the text.
      __builtin_trap();
    }
  }
}

uint16_t load16(const uint8_t* p, ByteOrder order) {
  uint16_t v;
  std::memcpy(&v, p, 2);
  bool swap = (order == ByteOrder::kBig) == (std::endian::native == std::endian::little);
  return swap ? __builtin_bswap16(v) : v;
}

uint32_t load32(const uint8_t* p, ByteOrder order) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  bool swap = (order == ByteOrder::kBig) == (std::endian::native == std::endian::little);
  return swap ? __builtin_bswap32(v) : v;
}

uint8_t* store16(uint8_t* p, uint32_t value, ByteOrder order) {
  uint16_t v = static_cast<uint16_t>(value);
  if ((order == ByteOrder::kBig) == (std::endian::native == std::endian::little)) v = __builtin_bswap16(v);
  std::memcpy(p, &v, 2);
  return p + 2;
}

uint8_t* store32(uint8_t* p, uint32_t value, ByteOrder order) {
  uint32_t v = value;
  if ((order == ByteOrder::kBig) == (std::endian::native == std::endian::little)) v = __builtin_bswap32(v);
  std::memcpy(p, &v, 4);
  return p + 4;
}

template <class F>
auto with_output(TextKind kind, void* out, F&& f) {
  if (kind == TextKind::k1) return f(static_cast<uint8_t*>(out));
  if (kind == TextKind::k2) return f(static_cast<uint16_t*>(out));
  return f(static_cast<uint32_t*>(out));
}

// First index from `start` on that holds a code point not below `limit`; the end of that run in `run_end`.
EncodeScan measure_below(TextView text, ptrdiff_t start, uint32_t limit, const char* reason) {
  return text_visit(text, [&](auto* s) {
    ptrdiff_t i = start;
    if (sizeof(*s) == 1 && limit > 0xFF) {
      i = text.length;
    } else {
      while (i < text.length && s[i] < limit) i++;
    }
    EncodeScan scan{i, i - start, nullptr, i};
    if (i < text.length) {
      scan.reason = reason;
      while (scan.error_end < text.length && s[scan.error_end] >= limit) scan.error_end++;
    }
    return scan;
  });
}

}  // namespace

DecodeScan utf8_scan(const uint8_t* data, ptrdiff_t size, ptrdiff_t start, Input input) {
  DecodeScan scan{start, 0, 0, nullptr, start};
  uint32_t bits = 0;
  ptrdiff_t i = start, trailing = 0;
  while (i < size) {
    uint8_t b = data[i];
    if (b < 0x80) {
      // A long run is worth a call; most gaps between other characters are short.
      ptrdiff_t run = i + 1;
      while (run < size && run < i + 8 && data[run] < 0x80) run++;
      if (run == i + 8) {
        run += static_cast<ptrdiff_t>(ascii_prefix(data + run, static_cast<size_t>(size - run)));
      }
      i = run;
      continue;
    }
    // The valid forms, two bytes first: they come in long runs in most scripts that have them.
    ptrdiff_t left = size - i;
    if (b < 0xE0) {
      if (b >= 0xC2 && left >= 2 && is_continuation(data[i + 1])) {
        bits |= b < 0xC4 ? 0x80 : 0x100;
        trailing += 1;
        i += 2;
        continue;
      }
    } else if (b < 0xF0) {
      if (left >= 3 && is_continuation(data[i + 1]) && is_continuation(data[i + 2])) {
        uint32_t cp = (b & 0x0Fu) << 12 | (data[i + 1] & 0x3Fu) << 6;
        if (cp >= 0x800 && !is_surrogate(cp)) {
          bits |= 0x100;
          trailing += 2;
          i += 3;
          continue;
        }
      }
    } else if (left >= 4 && is_continuation(data[i + 1]) && is_continuation(data[i + 2]) &&
               is_continuation(data[i + 3])) {
      uint32_t cp = (b & 0x0Fu) << 18 | (data[i + 1] & 0x3Fu) << 12;
      if (cp >= 0x10000 && cp < 0x110000) {
        bits |= 0x10000;
        trailing += 3;
        i += 4;
        continue;
      }
    }
    find_error(data, size, i, lead_of(b), &scan);
    if (input == Input::kPartial && incomplete(data, size, i, scan)) scan.reason = nullptr;
    break;
  }
  scan.stop = i;
  scan.length = i - start - trailing;
  scan.max_class = class_of(bits);
  return scan;
}

void utf8_write(const uint8_t* data, ptrdiff_t size, TextKind out_kind, void* out) {
  with_output(out_kind, out, [&](auto* to) { utf8_write_run(data, data + size, to); });
}

DecodeScan utf16_scan(const uint8_t* data, ptrdiff_t size, ptrdiff_t start, ByteOrder order, Input input) {
  DecodeScan scan{start, 0, 0, nullptr, start};
  uint32_t bits = 0;
  ptrdiff_t i = start, length = 0;
  for (; size - i >= 2; length++) {
    uint32_t unit = load16(data + i, order);
    if (!is_surrogate(unit)) {
      bits |= unit;
      i += 2;
      continue;
    }
    if (unit >= 0xDC00) {
      scan.reason = "illegal encoding";
      scan.error_end = i + 2;
      break;
    }
    if (size - i < 4) {
      if (input == Input::kFinal) scan.reason = kUnexpectedEnd;
      scan.error_end = size;
      break;
    }
    uint32_t low = load16(data + i + 2, order);
    if (low < 0xDC00 || low > 0xDFFF) {
      scan.reason = "illegal UTF-16 surrogate";
      scan.error_end = i + 2;
      break;
    }
    bits |= 0x10000;
    i += 4;
  }
  if (size - i == 1 && input == Input::kFinal) {
    scan.reason = kTruncated;
    scan.error_end = size;
  }
  scan.stop = i;
  scan.length = length;
  scan.max_class = class_of(bits);
  return scan;
}

void utf16_write(const uint8_t* data, ptrdiff_t size, ByteOrder order, TextKind out_kind, void* out) {
  with_output(out_kind, out, [&](auto* to) {
    using C = std::remove_pointer_t<decltype(to)>;
    for (ptrdiff_t i = 0; i < size; i += 2) {
      uint32_t unit = load16(data + i, order);
      if (sizeof(C) == 4 && is_surrogate(unit)) {
        i += 2;
        unit = 0x10000 + ((unit - 0xD800) << 10) + (load16(data + i, order) - 0xDC00u);
      }
      *to++ = static_cast<C>(unit);
    }
  });
}

DecodeScan utf32_scan(const uint8_t* data, ptrdiff_t size, ptrdiff_t start, ByteOrder order, Input input) {
  DecodeScan scan{start, 0, 0, nullptr, start};
  uint32_t bits = 0;
  ptrdiff_t i = start;
  for (; size - i >= 4; i += 4) {
    uint32_t cp = load32(data + i, order);
    if (cp > 0x10FFFF || is_surrogate(cp)) {
      scan.reason = cp > 0x10FFFF ? "code point not in range(0x110000)"
                                  : "code point in surrogate code point range(0xd800, 0xe000)";
      scan.error_end = i + 4;
      break;
    }
    bits |= cp;
  }
  if (scan.reason == nullptr && i < size && input == Input::kFinal) {
    scan.reason = kTruncated;
    scan.error_end = size;
  }
  scan.stop = i;
  scan.length = (i - start) / 4;
  scan.max_class = class_of(bits);
  return scan;
}

void utf32_write(const uint8_t* data, ptrdiff_t size, ByteOrder order, TextKind out_kind, void* out) {
  with_output(out_kind, out, [&](auto* to) {
    using C = std::remove_pointer_t<decltype(to)>;
    for (ptrdiff_t i = 0; i < size; i += 4) *to++ = static_cast<C>(load32(data + i, order));
  });
}

DecodeScan ascii_scan(const uint8_t* data, ptrdiff_t size, ptrdiff_t start) {
  ptrdiff_t length = static_cast<ptrdiff_t>(ascii_prefix(data + start, static_cast<size_t>(size - start)));
  ptrdiff_t stop = start + length;
  if (stop == size) return {stop, length, 0x7F, nullptr, stop};
  return {stop, length, 0x7F, "ordinal not in range(128)", stop + 1};
}

EncodeScan utf8_measure(TextView text, ptrdiff_t start) {
  return text_visit(text, [&](auto* s) {
    using C = std::remove_const_t<std::remove_pointer_t<decltype(s)>>;
    EncodeScan scan{start, 0, nullptr, start};
    ptrdiff_t i = start, size = 0;
#ifdef __SSE2__
    if constexpr (sizeof(C) == 1) {
      ptrdiff_t high = 0;
      for (; text.length - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(s + i));
        high += __builtin_popcount(static_cast<unsigned>(_mm_movemask_epi8(v)));
      }
      size = i - start + high;
    }
#endif
    for (; i < text.length; i++) {
      uint32_t c = s[i];
      if constexpr (sizeof(C) == 1) {
        size += 1 + (c >= 0x80);
      } else {
        if (is_surrogate(c)) {
          scan.reason = kSurrogates;
          scan.error_end = i;
          while (scan.error_end < text.length && is_surrogate(s[scan.error_end])) scan.error_end++;
          break;
        }
        size += 1 + (c >= 0x80) + (c >= 0x800) + (c >= 0x10000);
      }
    }
    scan.stop = i;
    scan.size = size;
    return scan;
  });
}

int utf8_put(uint32_t cp, uint8_t out[4]) {
  if (cp < 0x80) {
    out[0] = static_cast<uint8_t>(cp);
    return 1;
  }
  auto trail = [&](int shift) { return static_cast<uint8_t>(0x80 | (cp >> shift & 0x3F)); };
  if (cp < 0x800) {
    out[0] = static_cast<uint8_t>(0xC0 | cp >> 6);
    out[1] = trail(0);
    return 2;
  }
  if (cp < 0x10000) {
    out[0] = static_cast<uint8_t>(0xE0 | cp >> 12);
    out[1] = trail(6);
    out[2] = trail(0);
    return 3;
  }
  out[0] = static_cast<uint8_t>(0xF0 | cp >> 18);
  out[1] = trail(12);
  out[2] = trail(6);
  out[3] = trail(0);
  return 4;
}

uint8_t* utf8_encode(TextView text, uint8_t* out) {
  return text_visit(text, [&](auto* s) {
    using C = std::remove_const_t<std::remove_pointer_t<decltype(s)>>;
    for (ptrdiff_t i = 0; i < text.length;) {
      if constexpr (sizeof(C) == 1) {
        size_t run = ascii_prefix(s + i, static_cast<size_t>(text.length - i));
        std::memcpy(out, s + i, run);
        out += run;
        i += static_cast<ptrdiff_t>(run);
        for (; i < text.length && s[i] >= 0x80; i++) {
          *out++ = static_cast<uint8_t>(0xC0 | s[i] >> 6);
          *out++ = static_cast<uint8_t>(0x80 | (s[i] & 0x3F));
        }
      } else {
        uint32_t c = s[i++];
        if (c < 0x80) {
          *out++ = static_cast<uint8_t>(c);
        } else if (c < 0x800) {
          *out++ = static_cast<uint8_t>(0xC0 | c >> 6);
          *out++ = static_cast<uint8_t>(0x80 | (c & 0x3F));
        } else {
          out += utf8_put(c, out);
        }
      }
    }
    return out;
  });
}

EncodeScan utf16_measure(TextView text, ptrdiff_t start) {
  return text_visit(text, [&](auto* s) {
    EncodeScan scan{start, 0, nullptr, start};
    ptrdiff_t i = start, pairs = 0;
    for (; i < text.length; i++) {
      uint32_t c = s[i];
      if (is_surrogate(c)) {
        scan.reason = kSurrogates;
        scan.error_end = i + 1;
        break;
      }
      pairs += c >= 0x10000;
    }
    scan.stop = i;
    scan.size = 2 * (i - start + pairs);
    return scan;
  });
}

uint8_t* utf16_encode(TextView text, ByteOrder order, uint8_t* out) {
  return text_visit(text, [&](auto* s) {
    for (ptrdiff_t i = 0; i < text.length; i++) {
      uint32_t c = s[i];
      if (c < 0x10000) {
        out = store16(out, c, order);
      } else {
        out = store16(out, 0xD800 + ((c - 0x10000) >> 10), order);
        out = store16(out, 0xDC00 + (c & 0x3FF), order);
      }
    }
    return out;
  });
}

EncodeScan utf32_measure(TextView text, ptrdiff_t start) {
  return text_visit(text, [&](auto* s) {
    ptrdiff_t i = start;
    while (i < text.length && !is_surrogate(s[i])) i++;
    EncodeScan scan{i, 4 * (i - start), nullptr, i};
    if (i < text.length) {
      scan.reason = kSurrogates;
      scan.error_end = i + 1;
    }
    return scan;
  });
}

uint8_t* utf32_encode(TextView text, ByteOrder order, uint8_t* out) {
  return text_visit(text, [&](auto* s) {
    for (ptrdiff_t i = 0; i < text.length; i++) out = store32(out, s[i], order);
    return out;
  });
}

EncodeScan latin1_measure(TextView text, ptrdiff_t start) {
  return measure_below(text, start, 0x100, "ordinal not in range(256)");
}

EncodeScan ascii_measure(TextView text, ptrdiff_t start) {
  return measure_below(text, start, 0x80, "ordinal not in range(128)");
}

}  // namespace atl
