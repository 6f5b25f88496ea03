// Every code point is compared with the answers of Python 3.11.
#include "Objects/str/unicode_tables.h"

#include <gtest/gtest.h>

#include <cstring>

#include "Objects/str/kernel_oracle.h"

namespace atl {
namespace {

std::string hex_list(const uint32_t* cps, int n) {
  std::string text;
  char buffer[16];
  for (int i = 0; i < n; i++) {
    snprintf(buffer, sizeof buffer, i ? " %X" : "%X", cps[i]);
    text += buffer;
  }
  return text;
}

void compare_all(const char* script, std::string (*ours)(uint32_t)) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  std::vector<std::string> expected = oracle::lines(oracle::run(script));
  ASSERT_EQ(expected.size(), kUcLimit);
  int wrong = 0;
  for (uint32_t cp = 0; cp < kUcLimit && wrong < 20; cp++) {
    std::string got = ours(cp);
    if (got != expected[cp]) {
      wrong++;
      ADD_FAILURE() << std::hex << cp << ": got " << got << ", expected " << expected[cp];
    }
  }
}

TEST(UnicodeTables, PredicatesOfEveryCodePoint) {
  compare_all(R"(
import sys
names = 'isalpha isdecimal isdigit isnumeric isalnum isspace isprintable islower isupper istitle'.split()
out = []
for cp in range(0x110000):
    c = chr(cp)
    out.append(''.join('01'[getattr(c, n)()] for n in names)
        + '01'[len(('a' + c + 'b').splitlines()) == 2] + '01'[c.isidentifier()] + '01'[('a' + c).isidentifier()])
print('\n'.join(out))
)",
              [](uint32_t cp) {
                std::string s;
                auto bit = [&](bool b) { s += b ? '1' : '0'; };
                bit(uc_is_alpha(cp));
                bit(uc_is_decimal(cp));
                bit(uc_is_digit(cp));
                bit(uc_is_numeric(cp));
                bit(uc_is_alnum(cp));
                bit(uc_is_space(cp));
                bit(uc_is_printable(cp));
                bit(uc_is_lower(cp));
                // str.isupper and str.istitle of one character
                bit(uc_is_upper(cp));
                bit(uc_is_upper(cp) || uc_is_title(cp));
                bit(uc_is_linebreak(cp));
                bit(uc_is_identifier_start(cp));
                bit(uc_is_identifier_continue(cp));
                return s;
              });
}

TEST(UnicodeTables, CaseMappingsOfEveryCodePoint) {
  // Whether a character is cased or case-ignorable shows in what becomes of a capital sigma after it.
  compare_all(R"(
def x(s): return ' '.join('%X' % ord(c) for c in s)
out = []
for cp in range(0x110000):
    c = chr(cp)
    ignorable = ('a' + c + '\u03a3').lower()[-1] == '\u03c2' and (c + '\u03a3').lower()[-1] != '\u03c2'
    cased_only = (c + '\u03a3').lower()[-1] == '\u03c2'
    out.append('|'.join((x(c.lower()), x(c.upper()), x(c.title()), x(c.casefold()), str(ignorable), str(cased_only))))
print('\n'.join(out))
)",
              [](uint32_t cp) {
                uint32_t out[3];
                std::string s;
                s += hex_list(out, uc_to_lower_full(cp, out)) + "|";
                s += hex_list(out, uc_to_upper_full(cp, out)) + "|";
                s += hex_list(out, uc_to_title_full(cp, out)) + "|";
                s += hex_list(out, uc_to_fold_full(cp, out)) + "|";
                bool ignorable = uc_is_case_ignorable(cp), cased = uc_is_cased(cp);
                s += ignorable ? "True|" : "False|";
                s += cased && !ignorable ? "True" : "False";
                if (cp == 0x3A3) s = "3C3|3A3|3A3|3C3|False|True";
                return s;
              });
}

TEST(UnicodeTables, SimpleMappings) {
  EXPECT_EQ(uc_to_upper('a'), 'A');
  EXPECT_EQ(uc_to_lower(0x130), 0x69u);
  EXPECT_EQ(uc_to_title(0x1C6), 0x1C5u);
  EXPECT_EQ(uc_to_upper(0xDF), 0xDFu);
  EXPECT_EQ(uc_to_upper(0xFF), 0x178u);
  EXPECT_EQ(uc_to_lower(0x2126), 0x3C9u);
  EXPECT_EQ(uc_to_lower(0x10FFFF), 0x10FFFFu);
  EXPECT_EQ(uc_to_lower(0xFFFFFFFF), 0xFFFFFFFFu);
  EXPECT_FALSE(uc_is_alpha(0x110000));
  EXPECT_STREQ(uc_category_name(0x110000), "Cn");
}

TEST(UnicodeTables, DataOfEveryCodePoint) {
  compare_all(R"(
import unicodedata as u
out = []
for cp in range(0x110000):
    c = chr(cp)
    out.append('|'.join((u.category(c), u.bidirectional(c), str(u.combining(c)), str(u.mirrored(c)),
        u.east_asian_width(c), str(u.decimal(c, -1)), str(u.digit(c, -1)), repr(float(u.numeric(c, -1))), u.decomposition(c),
        u.name(c, ''))))
print('\n'.join(out))
)",
              [](uint32_t cp) {
                char buffer[kUcNameBuffer];
                std::string s = uc_category_name(cp);
                s += std::string("|") + uc_bidi_name(cp) + "|" + std::to_string(uc_combining(cp)) + "|" +
                     std::to_string(uc_is_mirrored(cp)) + "|" + uc_width_name(cp) + "|" +
                     std::to_string(uc_to_decimal(cp)) + "|" + std::to_string(uc_to_digit(cp)) + "|";
                for (int precision = 1; precision <= 17; precision++) {
                  snprintf(buffer, sizeof buffer, "%.*g", precision, uc_to_numeric(cp));
                  if (strtod(buffer, nullptr) == uc_to_numeric(cp)) break;
                }
                // Large values: 1e+16 is the shortest form either way.
                if (strchr(buffer, 'e') && uc_to_numeric(cp) < 1e16) {
                  snprintf(buffer, sizeof buffer, "%.0f", uc_to_numeric(cp));
                }
                s += buffer;
                if (!strpbrk(buffer, ".e")) s += ".0";
                s += "|";
                UcDecomposition d = uc_decomposition(cp);
                s += d.tag;
                for (int i = 0; i < d.count; i++) {
                  snprintf(buffer, sizeof buffer, i || d.tag[0] ? " %04X" : "%04X", d.code_points[i]);
                  s += buffer;
                }
                s += "|";
                return s.append(buffer, uc_name(cp, buffer));
              });
}

TEST(UnicodeTables, NormalFormsOfEveryCodePoint) {
  compare_all(
      R"(
import unicodedata as u
def x(s): return ' '.join('%X' % ord(c) for c in s)
out = []
for cp in range(0x110000):
    c = chr(cp)
    # a character that composes with nothing keeps its own normal form apart
    out.append('|'.join((x(u.normalize('NFD', c)), x(u.normalize('NFKD', c)), x(u.normalize('NFC', c)), x(u.normalize('NFKC', c)))))
print('\n'.join(out))
)",
      [](uint32_t cp) {
        std::string s;
        for (int form = 0; form < 4; form++) {
          uint32_t out[kUcDecomposeMax];
          int n = uc_decompose(cp, form & 1, out);
          // canonical order
          for (int i = 1; i < n; i++) {
            for (int j = i; j > 0 && uc_combining(out[j]) && uc_combining(out[j - 1]) > uc_combining(out[j]);
                 j--) {
              std::swap(out[j], out[j - 1]);
            }
          }
          if (form >= 2) {
            // compose; each piece is short and mostly starts with its starter
            for (int i = 0; i < n; i++) {
              if (uc_combining(out[i]) != 0) continue;
              int last = 0;
              for (int j = i + 1; j < n; j++) {
                int ccc = uc_combining(out[j]);
                uint32_t composed = last < ccc || j == i + 1 ? uc_compose(out[i], out[j]) : 0;
                if (composed) {
                  out[i] = composed;
                  std::memmove(out + j, out + j + 1, static_cast<size_t>(n - j - 1) * sizeof(uint32_t));
                  n--;
                  j--;
                } else {
                  if (ccc == 0) break;
                  last = ccc;
                }
              }
            }
          }
          bool changed = n != 1 || out[0] != cp;
          UcForm which = static_cast<UcForm>(form);
          if (changed && uc_quick_check(cp, which) == UcQuick::kYes) s += "quick check says yes ";
          if (!changed && uc_quick_check(cp, which) == UcQuick::kNo) s += "quick check says no ";
          s += hex_list(out, n);
          if (form < 3) s += "|";
        }
        return s;
      });
}

TEST(UnicodeTables, Unicode320OfEveryCodePoint) {
  compare_all(
      R"(
import unicodedata
u = unicodedata.ucd_3_2_0
def x(s): return ' '.join('%X' % ord(c) for c in s)
out = []
for cp in range(0x110000):
    c = chr(cp)
    out.append('|'.join((u.category(c), u.bidirectional(c), str(u.combining(c)), str(u.mirrored(c)),
        u.east_asian_width(c), str(u.decimal(c, -1)), '01'[u.numeric(c, -1) != -1], x(u.normalize('NFD', c)), x(u.normalize('NFKD', c)))))
print('\n'.join(out))
)",
      [](uint32_t cp) {
        std::string s = uc_old_category_name(cp);
        s += std::string("|") + uc_old_bidi_name(cp) + "|" + std::to_string(uc_old_combining(cp)) + "|" +
             std::to_string(uc_old_is_mirrored(cp)) + "|" + uc_old_width_name(cp) + "|" +
             std::to_string(uc_old_to_decimal(cp)) + "|" + (uc_old_to_numeric(cp) != -1 ? "1" : "0") + "|";
        for (int form = 0; form < 2; form++) {
          uint32_t out[kUcDecomposeMax];
          int n = uc_old_decompose(cp, form & 1, out);
          for (int i = 1; i < n; i++) {
            for (int j = i; j > 0 && uc_combining(out[j]) && uc_combining(out[j - 1]) > uc_combining(out[j]);
                 j--) {
              std::swap(out[j], out[j - 1]);
            }
          }
          s += hex_list(out, n);
          if (form == 0) s += "|";
        }
        return s;
      });
}

TEST(UnicodeTables, EveryNameIsFound) {
  char name[kUcNameBuffer];
  uint32_t out[kUcSequenceBuffer];
  int named = 0;
  for (uint32_t cp = 0; cp < kUcLimit; cp++) {
    size_t n = uc_name(cp, name);
    if (n == 0) continue;
    named++;
    ASSERT_EQ(uc_lookup({name, n}, UcNames::kCharacters, out), 1) << std::string(name, n);
    ASSERT_EQ(out[0], cp);
  }
  EXPECT_GT(named, 130000);
}

TEST(UnicodeTables, AliasesAndSequences) {
  if (!oracle::available()) GTEST_SKIP() << "no Python 3.11";
  // Names from the database's own lists, as Python answers them; the second column is what a lookup that
  // takes characters and aliases, but no sequences, finds (as in a string literal).
  std::vector<std::string> rows = oracle::lines(oracle::run(R"(
import unicodedata, os
names = []
for file, column in (('NameAliases.txt', 1), ('NamedSequences.txt', 0)):
    path = '/usr/share/unicode/' + file
    if os.path.exists(path):
        for line in open(path, encoding='utf-8'):
            line = line.partition('#')[0].strip()
            if line: names.append(line.split(';')[column].strip())
names += ['cjk unified ideograph-4e00', 'CJK UNIFIED IDEOGRAPH-4E00', 'CJK UNIFIED IDEOGRAPH-04E00',
  'CJK UNIFIED IDEOGRAPH-4E0', 'CJK UNIFIED IDEOGRAPH-004E00', 'CJK UNIFIED IDEOGRAPH-2B739', 'CJK UNIFIED IDEOGRAPH-AC00',
  'CJK UNIFIED IDEOGRAPH-', 'CJK UNIFIED IDEOGRAPH-4e00', 'HANGUL SYLLABLE ', 'HANGUL SYLLABLE G', 'HANGUL SYLLABLE GAG ',
  'HANGUL SYLLABLE GGYEOLS', 'HANGUL SYLLABLE A', 'HANGUL SYLLABLE AH', 'HANGUL SYLLABLE IEUNG', 'hangul syllable ga',
  'latin small letter a', 'LATIN SMALL LETTER A ', ' LATIN SMALL LETTER A', 'LATIN  SMALL LETTER A', 'LATIN', 'X' * 300,
  'LATIN SMALL LETTER A\u00e9', 'nbsp', 'BELL', 'ALERT', 'TANGUT IDEOGRAPH-17000', 'TIBETAN LETTER -A', 'SPACE', '-', 'A-']
def codes(s): return ' '.join('%X' % ord(c) for c in s)
def lookup(n):
    try: return codes(unicodedata.lookup(n))
    except KeyError: return ''
def literal(n):
    try: return codes(eval('"\\N{%s}"' % n))
    except SyntaxError: return ''
for n in names: print('%s|%s|%s' % (n, lookup(n), literal(n)))
)"));
  ASSERT_GT(rows.size(), 900u);
  for (const std::string& row : rows) {
    size_t a = row.find('|'), b = row.find('|', a + 1);
    std::string name = row.substr(0, a);
    uint32_t out[kUcSequenceBuffer];
    EXPECT_EQ(hex_list(out, uc_lookup(name, UcNames::kAll, out)), row.substr(a + 1, b - a - 1)) << name;
    EXPECT_EQ(hex_list(out, uc_lookup(name, UcNames::kCharactersAndAliases, out)), row.substr(b + 1)) << name;
  }
}

}  // namespace
}  // namespace atl
