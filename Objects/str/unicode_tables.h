// What the Unicode Character Database (14.0) says about each code point: the questions that the methods of
// str, the lexer and the module unicodedata ask. Pure functions over constant tables, safe from any thread; a
// code point above 0x10FFFF is answered as unassigned. The tables come from Tools/unicode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace atl {

// --- rows of the tables (ORDER: unicode tables) ---

struct UcTextRecord {
  uint16_t flags;
  int32_t lower, upper, title;  // simple mapping minus the code point
  uint16_t full;                // row of kUcFullCases if kUcFullCase
  uint8_t decimal, digit;       // 255: none
};

struct UcFullCase {
  uint8_t length[4];  // lower, upper, title, fold
  uint16_t place[4];  // in kUcFullCasePool
};

struct UcDataRecord {
  uint8_t category, bidi, combining, mirrored, width;
  uint8_t quick_check;  // two bits each: NFD, NFKD, NFC, NFKC
  uint8_t numeric;      // 0: none, else 1 + row of kUcNumericValues
};

// ORDER: unicode flags
enum UcFlag : uint16_t {
  kUcAlpha = 1 << 0,
  kUcDecimal = 1 << 1,
  kUcDigit = 1 << 2,
  kUcNumeric = 1 << 3,
  kUcSpace = 1 << 4,
  kUcLinebreak = 1 << 5,
  kUcPrintable = 1 << 6,
  kUcLower = 1 << 7,
  kUcUpper = 1 << 8,
  kUcTitle = 1 << 9,
  kUcXidStart = 1 << 10,
  kUcXidContinue = 1 << 11,
  kUcCased = 1 << 12,
  kUcCaseIgnorable = 1 << 13,
  kUcFullCase = 1 << 14,
};

constexpr int kUcShift = 7;
constexpr uint32_t kUcLimit = 0x110000;

extern const UcTextRecord kUcTextRecords[];
extern const uint16_t kUcTextIndex[kUcLimit >> kUcShift];
extern const uint16_t kUcTextData[];
extern const UcDataRecord kUcDataRecords[];
extern const uint16_t kUcDataIndex[kUcLimit >> kUcShift];
extern const uint16_t kUcDataData[];

inline const UcTextRecord& uc_text(uint32_t cp) {
  if (cp >= kUcLimit) return kUcTextRecords[0];
  size_t block = kUcTextIndex[cp >> kUcShift];
  return kUcTextRecords[kUcTextData[(block << kUcShift) + (cp & ((1u << kUcShift) - 1))]];
}

inline const UcDataRecord& uc_data(uint32_t cp) {
  if (cp >= kUcLimit) return kUcDataRecords[0];
  size_t block = kUcDataIndex[cp >> kUcShift];
  return kUcDataRecords[kUcDataData[(block << kUcShift) + (cp & ((1u << kUcShift) - 1))]];
}

// --- questions of str ---

inline bool uc_has(uint32_t cp, unsigned flags) { return (uc_text(cp).flags & flags) != 0; }
inline bool uc_is_alpha(uint32_t cp) { return uc_has(cp, kUcAlpha); }
inline bool uc_is_decimal(uint32_t cp) { return uc_has(cp, kUcDecimal); }
inline bool uc_is_digit(uint32_t cp) { return uc_has(cp, kUcDigit); }
inline bool uc_is_numeric(uint32_t cp) { return uc_has(cp, kUcNumeric); }
inline bool uc_is_alnum(uint32_t cp) { return uc_has(cp, kUcAlpha | kUcDecimal | kUcDigit | kUcNumeric); }
inline bool uc_is_space(uint32_t cp) { return uc_has(cp, kUcSpace); }
inline bool uc_is_linebreak(uint32_t cp) { return uc_has(cp, kUcLinebreak); }
inline bool uc_is_printable(uint32_t cp) { return uc_has(cp, kUcPrintable); }
inline bool uc_is_lower(uint32_t cp) { return uc_has(cp, kUcLower); }
inline bool uc_is_upper(uint32_t cp) { return uc_has(cp, kUcUpper); }
inline bool uc_is_title(uint32_t cp) { return uc_has(cp, kUcTitle); }
inline bool uc_is_cased(uint32_t cp) { return uc_has(cp, kUcCased); }
inline bool uc_is_case_ignorable(uint32_t cp) { return uc_has(cp, kUcCaseIgnorable); }
// What may begin and continue an identifier: the database's property and, as Python adds, the low line.
inline bool uc_is_identifier_start(uint32_t cp) { return cp == '_' || uc_has(cp, kUcXidStart); }
inline bool uc_is_identifier_continue(uint32_t cp) { return uc_has(cp, kUcXidContinue); }

// Value 0..9, or -1.
inline int uc_to_decimal(uint32_t cp) {
  int value = uc_text(cp).decimal;
  return value == 255 ? -1 : value;
}
inline int uc_to_digit(uint32_t cp) {
  int value = uc_text(cp).digit;
  return value == 255 ? -1 : value;
}
// Value, or -1 (no character has a negative one but U+0F33, -1/2).
double uc_to_numeric(uint32_t cp);

inline uint32_t uc_to_lower(uint32_t cp) { return cp + static_cast<uint32_t>(uc_text(cp).lower); }
inline uint32_t uc_to_upper(uint32_t cp) { return cp + static_cast<uint32_t>(uc_text(cp).upper); }
inline uint32_t uc_to_title(uint32_t cp) { return cp + static_cast<uint32_t>(uc_text(cp).title); }

// Full mappings: write 1 to 3 code points, return how many. The final form of sigma depends on the context
// and is not decided here.
int uc_to_lower_full(uint32_t cp, uint32_t out[3]);
int uc_to_upper_full(uint32_t cp, uint32_t out[3]);
int uc_to_title_full(uint32_t cp, uint32_t out[3]);
int uc_to_fold_full(uint32_t cp, uint32_t out[3]);

// --- questions of unicodedata ---

enum class UcForm : uint8_t { kNfd = 0, kNfkd = 1, kNfc = 2, kNfkc = 3 };
enum class UcQuick : uint8_t { kYes = 0, kMaybe = 1, kNo = 2 };

const char* uc_category_name(uint32_t cp);  // "Lu"; "Cn" where unassigned
const char* uc_bidi_name(uint32_t cp);      // "" where unassigned
const char* uc_width_name(uint32_t cp);     // "F" where unassigned, as Python says
inline int uc_combining(uint32_t cp) { return uc_data(cp).combining; }
inline bool uc_is_mirrored(uint32_t cp) { return uc_data(cp).mirrored != 0; }
inline UcQuick uc_quick_check(uint32_t cp, UcForm form) {
  return static_cast<UcQuick>(uc_data(cp).quick_check >> (2 * static_cast<int>(form)) & 3);
}

// One step of decomposition as the database states it, without Hangul: count 0 if there is none. `tag` is ""
// for a canonical one, else like "<compat>".
struct UcDecomposition {
  const char* tag = "";
  const uint32_t* code_points = nullptr;
  int count = 0;
};
UcDecomposition uc_decomposition(uint32_t cp);

// All the way, Hangul included: writes at most kUcDecomposeMax code points (in no canonical order yet),
// returns how many; 1 and the code point itself if it does not decompose.
constexpr int kUcDecomposeMax = 18;
int uc_decompose(uint32_t cp, bool compatibility, uint32_t out[kUcDecomposeMax]);

// The primary composite of a pair, Hangul included, or 0.
uint32_t uc_compose(uint32_t first, uint32_t second);

// --- names ---

constexpr size_t kUcNameBuffer = 128;  // no name is longer
constexpr int kUcSequenceBuffer = 8;   // nor a named sequence

// Writes the name, returns its length; 0 if the code point has none.
size_t uc_name(uint32_t cp, char out[kUcNameBuffer]);

// Code points that a name stands for: 0 if none, more than 1 for a named sequence. ASCII case is ignored,
// except in the names that come from a rule (Hangul syllables, unified ideographs). Without `aliases`, only
// names of characters count.
enum class UcNames : uint8_t { kCharacters, kCharactersAndAliases, kAll };
int uc_lookup(std::string_view name, UcNames which, uint32_t out[kUcSequenceBuffer]);

// --- Unicode 3.2.0, for unicodedata.ucd_3_2_0 ---

struct UcOldRecord {
  uint8_t category, bidi, mirrored, decimal, width;  // 255: as now
};

// What was different then: unassigned code points are reported with category 0 ("Cn").
const UcOldRecord& uc_old(uint32_t cp);
inline bool uc_old_is_unassigned(uint32_t cp) { return uc_old(cp).category == 0; }
const char* uc_old_category_name(uint32_t cp);
const char* uc_old_bidi_name(uint32_t cp);
const char* uc_old_width_name(uint32_t cp);
int uc_old_combining(uint32_t cp);
bool uc_old_is_mirrored(uint32_t cp);
int uc_old_to_decimal(uint32_t cp);
double uc_old_to_numeric(uint32_t cp);
int uc_old_decompose(uint32_t cp, bool compatibility, uint32_t out[kUcDecomposeMax]);

}  // namespace atl
