// Readers of the generated Unicode tables. Two-level tables share one block size (kUcShift); a name is stored
// as a list of words and found through a perfect hash whose answer is always compared with the text.
#include "Objects/str/unicode_tables.h"

#include <algorithm>
#include <cstring>

namespace atl {

struct UcOldCorrection {
  uint32_t code_point, replacement;
};

// Constants of the generated files that the header does not declare stay in this file; the declarations
// before each inclusion give the others external linkage.
#include "Objects/str/generated/unicode_data.inc"
#include "Objects/str/generated/unicode_text.inc"
namespace {
#include "Objects/str/generated/unicode_3_2_0.inc"
#include "Objects/str/generated/unicode_decomposition.inc"
#include "Objects/str/generated/unicode_names.inc"

static_assert(kUcNameMaxLength < kUcNameBuffer);
static_assert(kUcSequenceMaxLength <= kUcSequenceBuffer);

constexpr uint32_t kBlockMask = (1u << kUcShift) - 1;

// Hangul syllables are composed by arithmetic (chapter 3.12 of the Unicode standard).
constexpr uint32_t kHangulBase = 0xAC00, kLeadBase = 0x1100, kVowelBase = 0x1161, kTailBase = 0x11A7;
constexpr uint32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;
constexpr uint32_t kHangulCount = kLeadCount * kVowelCount * kTailCount;

constexpr std::string_view kHangulPrefix = "HANGUL SYLLABLE ";
constexpr std::string_view kIdeographPrefix = "CJK UNIFIED IDEOGRAPH-";
constexpr std::string_view kLeads[kLeadCount] = {"G",  "GG", "N", "D",  "DD", "R", "M", "B", "BB", "S",
                                                 "SS", "",   "J", "JJ", "C",  "K", "T", "P", "H"};
constexpr std::string_view kVowels[kVowelCount] = {"A",   "AE", "YA", "YAE", "EO", "E",  "YEO",
                                                   "YE",  "O",  "WA", "WAE", "OE", "YO", "U",
                                                   "WEO", "WE", "WI", "YU",  "EU", "YI", "I"};
constexpr std::string_view kTails[kTailCount] = {"",   "G",  "GG", "GS", "N",  "NJ", "NH", "D", "L",  "LG",
                                                 "LM", "LB", "LS", "LT", "LP", "LH", "M",  "B", "BS", "S",
                                                 "SS", "NG", "J",  "C",  "K",  "T",  "P",  "H"};

bool is_unified_ideograph(uint32_t cp) {
  for (size_t i = 0; i < std::size(kUcCjkRanges); i += 2) {
    if (cp >= kUcCjkRanges[i] && cp <= kUcCjkRanges[i + 1]) return true;
  }
  return false;
}

enum class Mapping { kLower = 0, kUpper = 1, kTitle = 2, kFold = 3 };

int full_mapping(uint32_t cp, Mapping which, uint32_t out[3]) {
  const UcTextRecord& record = uc_text(cp);
  if (record.flags & kUcFullCase) {
    const UcFullCase& full = kUcFullCases[record.full];
    int length = full.length[static_cast<int>(which)];
    std::copy_n(kUcFullCasePool + full.place[static_cast<int>(which)], length, out);
    return length;
  }
  int32_t delta = which == Mapping::kUpper   ? record.upper
                  : which == Mapping::kTitle ? record.title
                                             : record.lower;
  out[0] = cp + static_cast<uint32_t>(delta);
  return 1;
}

int decompose_into(uint32_t cp, bool compatibility, bool old, uint32_t* out, int count) {
  if (cp - kHangulBase < kHangulCount) {
    uint32_t index = cp - kHangulBase;
    out[count++] = kLeadBase + index / (kVowelCount * kTailCount);
    out[count++] = kVowelBase + index % (kVowelCount * kTailCount) / kTailCount;
    if (index % kTailCount) out[count++] = kTailBase + index % kTailCount;
    return count;
  }
  if (old) {
    for (const UcOldCorrection& correction : kUcOldCorrections) {
      if (correction.code_point == cp) {
        out[count++] = correction.replacement;
        return count;
      }
    }
    if (uc_old_is_unassigned(cp)) {
      out[count++] = cp;
      return count;
    }
  }
  UcDecomposition step = uc_decomposition(cp);
  if (step.count == 0 || (step.tag[0] != '\0' && !compatibility)) {
    out[count++] = cp;
    return count;
  }
  for (int i = 0; i < step.count; i++)
    count = decompose_into(step.code_points[i], compatibility, old, out, count);
  return count;
}

// ORDER: unicode name hash
uint64_t name_hash(const char* upper_name, size_t length) {
  uint64_t value = 0xCBF29CE484222325u;
  for (size_t i = 0; i < length; i++) value = (value ^ static_cast<uint8_t>(upper_name[i])) * 0x100000001B3u;
  value ^= value >> 32;
  value *= 0x9E3779B97F4A7C15u;
  return value ^ value >> 29;
}

size_t write_hex(uint32_t cp, char* out) {
  char digits[8];
  size_t n = 0;
  do {
    digits[n++] = "0123456789ABCDEF"[cp & 15];
    cp >>= 4;
  } while (cp != 0 || n < 4);
  for (size_t i = 0; i < n; i++) out[i] = digits[n - 1 - i];
  return n;
}

// Writes the stored name number `entry`; `cp` serves the token that stands for it.
size_t write_entry(uint32_t entry, uint32_t cp, char* out) {
  const uint8_t* in = kUcNameStream + kUcNameStarts[entry / kUcNameOffsetStep];
  for (uint32_t skip = entry % kUcNameOffsetStep; skip > 0; skip--) {
    for (unsigned tokens = *in++; tokens > 0; tokens--) in += *in < kUcNameOneByteTokens ? 1 : 2;
  }
  size_t length = 0;
  unsigned tokens = *in++;
  for (unsigned i = 0; i < tokens; i++) {
    uint32_t token = *in++;
    if (token >= kUcNameOneByteTokens) {
      token = ((token - kUcNameOneByteTokens) << 8) + kUcNameOneByteTokens + *in++;
    }
    if (token == 0) {
      out[length++] = '-';
      length += write_hex(cp, out + length);
      continue;
    }
    const char* word = kUcNameLexicon + kUcNameLexiconOffsets[token];
    size_t size = kUcNameLexiconOffsets[token + 1] - kUcNameLexiconOffsets[token];
    if (i > 0 && (size == 0 || word[0] != '-')) out[length++] = ' ';
    std::memcpy(out + length, word, size);
    length += size;
  }
  return length;
}

// Number of the last element not above `value` in an ascending array whose first element is not above it.
template <typename T>
size_t last_not_above(const T* values, size_t count, uint32_t value) {
  return static_cast<size_t>(std::upper_bound(values, values + count, value) - values) - 1;
}

// The longest of `parts` that `text` begins with.
template <size_t N>
int longest_prefix(const std::string_view (&parts)[N], std::string_view text) {
  int best = -1;
  for (size_t i = 0; i < N; i++) {
    if (text.starts_with(parts[i]) && (best < 0 || parts[i].size() > parts[best].size()))
      best = static_cast<int>(i);
  }
  return best;
}

uint32_t lookup_hangul(std::string_view rest) {
  int lead = longest_prefix(kLeads, rest);
  rest.remove_prefix(kLeads[lead].size());
  int vowel = longest_prefix(kVowels, rest);
  if (vowel < 0) return 0;
  rest.remove_prefix(kVowels[vowel].size());
  int tail = longest_prefix(kTails, rest);
  if (kTails[tail].size() != rest.size()) return 0;
  return kHangulBase +
         (static_cast<uint32_t>(lead) * kVowelCount + static_cast<uint32_t>(vowel)) * kTailCount +
         static_cast<uint32_t>(tail);
}

uint32_t lookup_ideograph(std::string_view rest) {
  if (rest.size() != 4 && rest.size() != 5) return 0;
  uint32_t cp = 0;
  for (char c : rest) {
    if (c >= '0' && c <= '9') {
      cp = cp * 16 + static_cast<uint32_t>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      cp = cp * 16 + static_cast<uint32_t>(c - 'A' + 10);
    } else {
      return 0;
    }
  }
  return is_unified_ideograph(cp) ? cp : 0;
}

}  // namespace

double uc_to_numeric(uint32_t cp) {
  int number = uc_data(cp).numeric;
  return number == 0 ? -1.0 : kUcNumericValues[number - 1];
}

int uc_to_lower_full(uint32_t cp, uint32_t out[3]) { return full_mapping(cp, Mapping::kLower, out); }
int uc_to_upper_full(uint32_t cp, uint32_t out[3]) { return full_mapping(cp, Mapping::kUpper, out); }
int uc_to_title_full(uint32_t cp, uint32_t out[3]) { return full_mapping(cp, Mapping::kTitle, out); }
int uc_to_fold_full(uint32_t cp, uint32_t out[3]) { return full_mapping(cp, Mapping::kFold, out); }

const char* uc_category_name(uint32_t cp) { return kUcCategoryNames[uc_data(cp).category]; }
const char* uc_bidi_name(uint32_t cp) { return kUcBidiNames[uc_data(cp).bidi]; }
const char* uc_width_name(uint32_t cp) { return kUcWidthNames[uc_data(cp).width]; }

UcDecomposition uc_decomposition(uint32_t cp) {
  if (cp >= kUcLimit) return {};
  size_t block = kUcDecompositionIndex[cp >> kUcShift];
  size_t place = kUcDecompositionData[(block << kUcShift) + (cp & kBlockMask)];
  if (place == 0) return {};
  uint32_t head = kUcDecompositionPool[place];
  return {kUcDecompositionTags[head >> 8], kUcDecompositionPool + place + 1, static_cast<int>(head & 255)};
}

int uc_decompose(uint32_t cp, bool compatibility, uint32_t out[kUcDecomposeMax]) {
  return decompose_into(cp, compatibility, false, out, 0);
}

uint32_t uc_compose(uint32_t first, uint32_t second) {
  if (first - kLeadBase < kLeadCount && second - kVowelBase < kVowelCount) {
    return kHangulBase + ((first - kLeadBase) * kVowelCount + (second - kVowelBase)) * kTailCount;
  }
  if (first - kHangulBase < kHangulCount && (first - kHangulBase) % kTailCount == 0 && second > kTailBase &&
      second < kTailBase + kTailCount) {
    return first + (second - kTailBase);
  }
  // Whatever can compose with a character before it answers Maybe.
  if (uc_quick_check(second, UcForm::kNfc) != UcQuick::kMaybe) return 0;
  uint64_t key = static_cast<uint64_t>(first) << 32 | second;
  const uint64_t* end = kUcCompositionKeys + kUcCompositionCount;
  const uint64_t* found = std::lower_bound(kUcCompositionKeys, end, key);
  return found != end && *found == key ? kUcCompositionResults[found - kUcCompositionKeys] : 0;
}

size_t uc_name(uint32_t cp, char out[kUcNameBuffer]) {
  size_t length = 0;
  auto put = [&](std::string_view text) {
    std::memcpy(out + length, text.data(), text.size());
    length += text.size();
  };
  if (cp - kHangulBase < kHangulCount) {
    uint32_t index = cp - kHangulBase;
    put(kHangulPrefix);
    put(kLeads[index / (kVowelCount * kTailCount)]);
    put(kVowels[index % (kVowelCount * kTailCount) / kTailCount]);
    put(kTails[index % kTailCount]);
    return length;
  }
  if (is_unified_ideograph(cp)) {
    put(kIdeographPrefix);
    return length + write_hex(cp, out + length);
  }
  if (cp < kUcNameRunFirst[0] || cp >= kUcLimit) return 0;
  size_t run = last_not_above(kUcNameRunFirst, kUcNameRunCount, cp);
  uint32_t entry = kUcNameRunEntry[run] + (cp - kUcNameRunFirst[run]);
  uint32_t limit = run + 1 < kUcNameRunCount ? kUcNameRunEntry[run + 1] : kUcNameCharCount;
  return entry < limit ? write_entry(entry, cp, out) : 0;
}

int uc_lookup(std::string_view name, UcNames which, uint32_t out[kUcSequenceBuffer]) {
  if (name.empty() || name.size() >= kUcNameBuffer) return 0;
  uint32_t cp = 0;
  if (name.starts_with(kHangulPrefix)) {
    cp = lookup_hangul(name.substr(kHangulPrefix.size()));
  } else if (name.starts_with(kIdeographPrefix)) {
    cp = lookup_ideograph(name.substr(kIdeographPrefix.size()));
  }
  if (cp != 0) {
    out[0] = cp;
    return 1;
  }
  char upper[kUcNameBuffer];
  for (size_t i = 0; i < name.size(); i++) {
    char c = name[i];
    upper[i] = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  uint64_t hash = name_hash(upper, name.size());
  uint64_t low = static_cast<uint32_t>(hash), high = hash >> 32;
  uint64_t displacement = kUcNameDisplacements[low % kUcNameBucketCount];
  uint32_t entry = kUcNameSlots[(high + displacement * (low | 1)) % kUcNameSlotCount];
  constexpr uint32_t kAliasEnd = kUcNameCharCount + kUcNameAliasCount;
  if (entry >= kAliasEnd + kUcNameSequenceCount) return 0;
  if (entry < kUcNameCharCount) {
    size_t run = last_not_above(kUcNameRunEntry, kUcNameRunCount, entry);
    cp = kUcNameRunFirst[run] + (entry - kUcNameRunEntry[run]);
  }
  char stored[kUcNameBuffer];
  size_t length = write_entry(entry, cp, stored);
  if (length != name.size() || std::memcmp(stored, upper, length) != 0) return 0;
  if (entry < kUcNameCharCount) {
    out[0] = cp;
    return 1;
  }
  if (entry < kAliasEnd) {
    if (which == UcNames::kCharacters) return 0;
    out[0] = kUcNameAliasTargets[entry - kUcNameCharCount];
    return 1;
  }
  if (which != UcNames::kAll) return 0;
  uint32_t first = kUcSequenceStarts[entry - kAliasEnd], last = kUcSequenceStarts[entry - kAliasEnd + 1];
  std::copy(kUcSequencePool + first, kUcSequencePool + last, out);
  return static_cast<int>(last - first);
}

const UcOldRecord& uc_old(uint32_t cp) {
  if (cp >= kUcLimit) return kUcOldRecords[1];
  size_t block = kUcOldIndex[cp >> kUcShift];
  return kUcOldRecords[kUcOldData[(block << kUcShift) + (cp & kBlockMask)]];
}

const char* uc_old_category_name(uint32_t cp) {
  int category = uc_old(cp).category;
  return category == 255 ? uc_category_name(cp) : kUcCategoryNames[category];
}

const char* uc_old_bidi_name(uint32_t cp) {
  int bidi = uc_old(cp).bidi;
  return bidi == 255 ? uc_bidi_name(cp) : kUcBidiNames[bidi];
}

const char* uc_old_width_name(uint32_t cp) {
  int width = uc_old(cp).width;
  return width == 255 ? uc_width_name(cp) : kUcWidthNames[width];
}

int uc_old_combining(uint32_t cp) { return uc_old_is_unassigned(cp) ? 0 : uc_combining(cp); }

bool uc_old_is_mirrored(uint32_t cp) {
  int mirrored = uc_old(cp).mirrored;
  return mirrored == 255 ? uc_is_mirrored(cp) : mirrored != 0;
}

int uc_old_to_decimal(uint32_t cp) {
  if (uc_old_is_unassigned(cp)) return -1;
  int decimal = uc_old(cp).decimal;
  return decimal == 255 ? uc_to_decimal(cp) : decimal;
}

double uc_old_to_numeric(uint32_t cp) { return uc_old_is_unassigned(cp) ? -1.0 : uc_to_numeric(cp); }

int uc_old_decompose(uint32_t cp, bool compatibility, uint32_t out[kUcDecomposeMax]) {
  return decompose_into(cp, compatibility, true, out, 0);
}

}  // namespace atl
