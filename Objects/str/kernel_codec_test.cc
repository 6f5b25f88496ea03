// The strict decoders and encoders against Python 3.11, errors and their places included.
#include "Objects/str/kernel_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "Objects/str/kernel_oracle.h"

namespace atl {
namespace {

std::string hex_bytes(const std::string& s) {
  std::string out;
  char buffer[4];
  for (unsigned char c : s) {
    snprintf(buffer, sizeof buffer, "%02x", c);
    out += buffer;
  }
  return out;
}

std::string hex_text(TextKind kind, const void* data, ptrdiff_t length) {
  std::string out;
  char buffer[16];
  for (ptrdiff_t i = 0; i < length; i++) {
    snprintf(buffer, sizeof buffer, i ? ",%x" : "%x", text_read(kind, data, i));
    out += buffer;
  }
  return out;
}

std::string outcome(const DecodeScan& scan, ptrdiff_t size, Input input, auto&& write) {
  if (scan.reason) {
    return "E" + std::to_string(scan.stop) + "," + std::to_string(scan.error_end) + "," + scan.reason;
  }
  TextKind kind = text_kind_for(scan.max_class);
  std::vector<uint8_t> out(static_cast<size_t>(scan.length) * static_cast<size_t>(kind) + 16, 0xAA);
  write(scan.stop, kind, out.data());
  for (size_t i = out.size() - 16; i < out.size(); i++) EXPECT_EQ(out[i], 0xAA) << "wrote too much";
  EXPECT_EQ(text_max_class({out.data(), scan.length, kind}), scan.max_class);
  std::string text = hex_text(kind, out.data(), scan.length);
  if (input == Input::kPartial)
    text += "/" + std::to_string(scan.stop);
  else
    EXPECT_EQ(scan.stop, size);
  return text;
}

std::string decode(const std::string& codec, const std::string& bytes, Input input) {
  const uint8_t* data = reinterpret_cast<const uint8_t*>(bytes.data());
  ptrdiff_t size = static_cast<ptrdiff_t>(bytes.size());
  if (codec == "utf-8") {
    return outcome(utf8_scan(data, size, 0, input), size, input,
                   [&](ptrdiff_t n, TextKind kind, void* out) { utf8_write(data, n, kind, out); });
  }
  ByteOrder order =
      codec.back() == 'e' && codec[codec.size() - 2] == 'b' ? ByteOrder::kBig : ByteOrder::kLittle;
  if (codec.starts_with("utf-16")) {
    return outcome(utf16_scan(data, size, 0, order, input), size, input,
                   [&](ptrdiff_t n, TextKind kind, void* out) { utf16_write(data, n, order, kind, out); });
  }
  return outcome(utf32_scan(data, size, 0, order, input), size, input,
                 [&](ptrdiff_t n, TextKind kind, void* out) { utf32_write(data, n, order, kind, out); });
}

constexpr const char* kDecodeScript = R"(
import sys, codecs
for line in sys.stdin:
    codec, final, data = line.rstrip('\n').split(' ')
    data = bytes.fromhex(data)
    try:
        s, used = getattr(codecs, codec.replace('-', '_') + '_decode')(data, 'strict', final == '1')
        out = ','.join('%x' % ord(c) for c in s)
        if final == '0': out += '/%d' % used
    except UnicodeDecodeError as e:
        out = 'E%d,%d,%s' % (e.start, e.end, e.reason)
    print(out)
)";

void compare_decoding(const std::vector<std::pair<std::string, std::string>>& cases) {
  std::string input;
  for (auto& [codec, bytes] : cases) {
    for (const char* final : {"1", "0"}) input += codec + " " + final + " " + hex_bytes(bytes) + "\n";
  }
  std::vector<std::string> rows = oracle::lines(oracle::run(kDecodeScript, input));
  ASSERT_EQ(rows.size(), 2 * cases.size());
  for (size_t i = 0; i < cases.size(); i++) {
    ASSERT_EQ(decode(cases[i].first, cases[i].second, Input::kFinal), rows[2 * i])
        << hex_bytes(cases[i].second);
    ASSERT_EQ(decode(cases[i].first, cases[i].second, Input::kPartial), rows[2 * i + 1])
        << hex_bytes(cases[i].second);
  }
}

TEST(KernelCodec, Utf8EveryShortSequence) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  // Bytes at every border of the grammar, in all sequences of up to four.
  const unsigned char borders[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2,
                                   0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5};
  std::vector<std::pair<std::string, std::string>> cases;
  std::vector<std::string> level{""};
  for (int length = 1; length <= 4; length++) {
    std::vector<std::string> next;
    for (const std::string& head : level) {
      for (unsigned char b : borders) {
        next.push_back(head + static_cast<char>(b));
        cases.emplace_back("utf-8", next.back());
      }
    }
    level = std::move(next);
  }
  compare_decoding(cases);
}

TEST(KernelCodec, RandomBytes) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::mt19937 random(7);
  std::vector<std::pair<std::string, std::string>> cases;
  const char* codecs[] = {"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"};
  for (int round = 0; round < 40000; round++) {
    std::string codec = codecs[random() % 5], bytes;
    bool big = codec.ends_with("be");
    for (unsigned n = random() % 12; n > 0; n--) {
      uint32_t cp =
          random() % 3 == 0 ? 0xD7F0 + random() % 0x900 : random() % (random() % 2 ? 0x3000 : 0x110400);
      if (random() % 4 == 0) cp &= 0xFF;
      if (codec == "utf-8") {
        uint8_t out[4];
        int k = utf8_put(cp & 0x1FFFFF, out);
        if (random() % 16 == 0) out[random() % 4] ^= 0x40;
        bytes.append(reinterpret_cast<char*>(out), static_cast<size_t>(k));
        if (random() % 4 == 0) bytes.append(random() % 40, 'x');
        continue;
      }
      int width = codec.starts_with("utf-16") ? 2 : 4;
      for (int k = 0; k < width; k++) {
        bytes += static_cast<char>(cp >> 8 * (big ? width - 1 - k : k));
      }
    }
    if (random() % 8 == 0 && !bytes.empty()) bytes.resize(bytes.size() - 1);
    cases.emplace_back(codec, bytes);
  }
  compare_decoding(cases);
}

TEST(KernelCodec, EncodingAsPython) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::mt19937 random(8);
  std::vector<std::vector<uint32_t>> texts;
  std::string input;
  for (int round = 0; round < 10000; round++) {
    std::vector<uint32_t> text(random() % 40);
    uint32_t limit = random() % 3 == 0 ? 0x110000 : random() % 2 ? 0x100 : 0x80;
    for (uint32_t& c : text) {
      c = random() % limit;
      if (c >= 0xD800 && c < 0xE000 && random() % 4) c = 0xE9;
      if (limit > 0x100 && random() % 50 == 0) c = 0xD800 + random() % 0x800;
    }
    texts.push_back(text);
    input += hex_text(TextKind::k4, text.data(), static_cast<ptrdiff_t>(text.size())) + "\n";
  }
  const char* codecs[] = {"utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "latin-1", "ascii"};
  std::vector<std::string> rows = oracle::lines(oracle::run(R"(
import sys
for line in sys.stdin:
    s = ''.join(chr(int(c, 16)) for c in line.strip().split(',') if c)
    for codec in 'utf-8 utf-16-le utf-16-be utf-32-le utf-32-be latin-1 ascii'.split():
        try: print(s.encode(codec).hex())
        except UnicodeEncodeError as e: print('E%d,%d,%s' % (e.start, e.end, e.reason))
)",
                                                            input));
  ASSERT_EQ(rows.size(), 7 * texts.size());
  for (size_t i = 0; i < texts.size(); i++) {
    TextView wide{texts[i].data(), static_cast<ptrdiff_t>(texts[i].size()), TextKind::k4};
    for (TextKind kind : {text_kind_for(text_max_class(wide)), TextKind::k4}) {
      std::vector<uint8_t> storage(texts[i].size() * 4 + 1);
      text_convert(wide, kind, storage.data());
      TextView text{storage.data(), wide.length, kind};
      for (size_t k = 0; k < 7; k++) {
        std::string codec = codecs[k];
        ByteOrder order = codec.ends_with("be") ? ByteOrder::kBig : ByteOrder::kLittle;
        EncodeScan scan = codec == "utf-8"              ? utf8_measure(text, 0)
                          : codec.starts_with("utf-16") ? utf16_measure(text, 0)
                          : codec.starts_with("utf-32") ? utf32_measure(text, 0)
                          : codec == "latin-1"          ? latin1_measure(text, 0)
                                                        : ascii_measure(text, 0);
        std::string got;
        if (scan.reason) {
          got = "E" + std::to_string(scan.stop) + "," + std::to_string(scan.error_end) + "," + scan.reason;
        }
        // What stands before the error is written either way.
        TextView good = text_slice(text, 0, scan.stop);
        std::string out(static_cast<size_t>(scan.size), '\0');
        uint8_t* p = reinterpret_cast<uint8_t*>(out.data());
        uint8_t* end = p + scan.size;
        if (codec == "utf-8") {
          ASSERT_EQ(utf8_encode(good, p), end);
        } else if (codec.starts_with("utf-16")) {
          ASSERT_EQ(utf16_encode(good, order, p), end);
        } else if (codec.starts_with("utf-32")) {
          ASSERT_EQ(utf32_encode(good, order, p), end);
        } else {
          text_convert(good, TextKind::k1, p);
        }
        if (!scan.reason) got = hex_bytes(out);
        ASSERT_EQ(got, rows[7 * i + k]);
      }
    }
  }
}

TEST(KernelCodec, GoingOnAfterAnError) {
  const std::string bytes = "ab\xFFge\xE9x\xC3\xA9";
  const uint8_t* data = reinterpret_cast<const uint8_t*>(bytes.data());
  ptrdiff_t size = static_cast<ptrdiff_t>(bytes.size());
  DecodeScan scan = utf8_scan(data, size, 0, Input::kFinal);
  EXPECT_EQ(scan.stop, 2);
  EXPECT_STREQ(scan.reason, "invalid start byte");
  scan = utf8_scan(data, size, scan.error_end, Input::kFinal);
  EXPECT_EQ(scan.stop, 5);
  EXPECT_EQ(scan.length, 2);
  EXPECT_STREQ(scan.reason, "invalid continuation byte");
  scan = utf8_scan(data, size, scan.error_end, Input::kFinal);
  EXPECT_EQ(scan.reason, nullptr);
  EXPECT_EQ(scan.length, 2);
  EXPECT_EQ(scan.max_class, 0xFFu);
  scan = ascii_scan(data, size, 0);
  EXPECT_EQ(scan.stop, 2);
  EXPECT_EQ(scan.error_end, 3);
  EXPECT_STREQ(scan.reason, "ordinal not in range(128)");
}

}  // namespace
}  // namespace atl
