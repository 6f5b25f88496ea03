// Source preparation, lexer and arena.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "Python/compiler/lexer.h"

namespace atl::compiler {
namespace {

struct Lexed {
  Arena arena;
  Source source;
  TokenStream stream;
  ErrorRecord error;
  bool ok = false;

  explicit Lexed(std::string_view text, SourceKind kind = SourceKind::kText) {
    SourceOptions options;
    options.kind = kind;
    ok = prepare_source(arena, text, options, &source, &error) && tokenize(arena, source, {}, &stream);
  }
  std::string kinds() const {
    std::string result;
    for (const Token& t : stream.tokens) result += std::to_string(static_cast<int>(t.kind)) + " ";
    return result;
  }
  Tok kind(size_t i) const { return stream.tokens[i].kind; }
};

TEST(Arena, LimitIsReportedNotCrashed) {
  Arena arena(64 * 1024);
  EXPECT_NE(arena.alloc(100), nullptr);
  EXPECT_EQ(arena.alloc(100 * 1024), nullptr);
  EXPECT_TRUE(arena.failed());
}

TEST(Arena, LargeItemsLeaveTheBlockUsable) {
  Arena arena;
  char* a = static_cast<char*>(arena.alloc(16));
  ASSERT_NE(arena.alloc(1 << 20), nullptr);
  char* b = static_cast<char*>(arena.alloc(16));
  EXPECT_EQ(b, a + 16);
}

TEST(Identifiers, EqualTextIsOnePointer) {
  Arena arena;
  IdentifierTable names(arena);
  identifier first = names.intern("spam");
  for (int i = 0; i < 1000; i++) ASSERT_NE(names.intern(std::to_string(i)), nullptr);
  EXPECT_EQ(names.intern(std::string("sp") + "am"), first);
  EXPECT_NE(names.intern("spa"), first);
}

TEST(Source, NewlinesAreNormalised) {
  Lexed x("a\r\nb\rc");
  EXPECT_EQ(std::string(x.source.text), "a\nb\nc\n");
}

TEST(Source, Encodings) {
  Lexed latin("# -*- coding: latin-1 -*-\n'\xe9'\n", SourceKind::kBytes);
  ASSERT_TRUE(latin.ok);
  EXPECT_NE(std::string(latin.source.text).find("'\xc3\xa9'"), std::string::npos);
  EXPECT_EQ(latin.source.encoding, "iso-8859-1");

  Lexed second("#!/usr/bin/python\n# vim: set fileencoding=utf-8 :\n", SourceKind::kBytes);
  EXPECT_EQ(second.source.encoding, "utf-8");
  Lexed third("\n\n# coding: latin-1\n", SourceKind::kBytes);
  EXPECT_EQ(third.source.encoding, "");
  Lexed code("x = 1\n# coding: latin-1\n", SourceKind::kBytes);
  EXPECT_EQ(code.source.encoding, "");

  Lexed bom("\xef\xbb\xbf# coding: latin-1\n", SourceKind::kBytes);
  EXPECT_EQ(bom.error.message, "encoding problem: iso-8859-1 with BOM");
  Lexed unknown("# coding: nonsense\n", SourceKind::kBytes);
  EXPECT_EQ(unknown.error.message, "unknown encoding: nonsense");
  Lexed file("x = '\xff'\n", SourceKind::kFile);
  EXPECT_EQ(file.error.message,
            "Non-UTF-8 code starting with '\\xff' on line 1, but no encoding declared; see "
            "https://peps.python.org/pep-0263/ for details");
  Lexed null(std::string_view("a\0b", 3));
  EXPECT_EQ(null.error.kind, ErrorKind::kValueError);
  EXPECT_EQ(null.error.message, "source code string cannot contain null bytes");
}

TEST(Lexer, Blocks) {
  Lexed x("if a:\n    b\n    # comment\n\n  # odd comment\nc\n");
  std::vector<Tok> expected = {Tok::kIf, Tok::kName, Tok::kColon, Tok::kNewline, Tok::kIndent, Tok::kName,
                               Tok::kNewline, Tok::kDedent, Tok::kName, Tok::kNewline, Tok::kEndMarker};
  ASSERT_EQ(x.stream.tokens.size(), expected.size()) << x.kinds();
  for (size_t i = 0; i < expected.size(); i++) EXPECT_EQ(x.kind(i), expected[i]) << i;
}

TEST(Lexer, OperatorsTakeTheLongest) {
  Lexed x("a **= b // c >>= d -> ... := @= <> != << . .. ...x\n");
  std::vector<Tok> expected = {
      Tok::kName, Tok::kDoubleStarEqual, Tok::kName, Tok::kDoubleSlash, Tok::kName, Tok::kRightShiftEqual, Tok::kName,
      Tok::kRarrow, Tok::kEllipsis, Tok::kColonEqual, Tok::kAtEqual, Tok::kNotEqual, Tok::kNotEqual, Tok::kLeftShift,
      Tok::kDot, Tok::kDot, Tok::kDot, Tok::kEllipsis, Tok::kName};
  for (size_t i = 0; i < expected.size(); i++) EXPECT_EQ(x.kind(i), expected[i]) << i;
}

TEST(Lexer, KeywordsAreExact) {
  Lexed x("def defx de None none async awaitx match case _\n");
  EXPECT_EQ(x.kind(0), Tok::kDef);
  EXPECT_EQ(x.kind(1), Tok::kName);
  EXPECT_EQ(x.kind(2), Tok::kName);
  EXPECT_EQ(x.kind(3), Tok::kNone);
  EXPECT_EQ(x.kind(4), Tok::kName);
  EXPECT_EQ(x.kind(5), Tok::kAsync);
  EXPECT_EQ(x.kind(6), Tok::kName);
  EXPECT_EQ(x.stream.tokens[7].soft, SoftKeyword::kMatch);
  EXPECT_EQ(x.stream.tokens[8].soft, SoftKeyword::kCase);
  EXPECT_EQ(x.stream.tokens[9].soft, SoftKeyword::kUnderscore);
}

TEST(Lexer, PositionsCountBytes) {
  Lexed x("\xc3\xa9 = '''a\nb''' + c\n");
  EXPECT_EQ(x.stream.tokens[1].col, 3);
  const Token& text = x.stream.tokens[2];
  EXPECT_EQ(text.line, 1);
  EXPECT_EQ(text.lines, 1);
  EXPECT_EQ(text.end_col, 4);
  EXPECT_EQ(x.stream.tokens[4].line, 2);
  EXPECT_EQ(x.stream.tokens[4].col, 7);
}

struct ErrorCase {
  const char* source;
  ErrorKind kind;
  const char* message;
  int line, offset;
};

TEST(Lexer, Errors) {
  const ErrorCase cases[] = {
      {"0b12", ErrorKind::kSyntaxError, "invalid digit '2' in binary literal", 1, 4},
      {"0o18", ErrorKind::kSyntaxError, "invalid digit '8' in octal literal", 1, 4},
      {"0xg", ErrorKind::kSyntaxError, "invalid hexadecimal literal", 1, 2},
      {"1__0", ErrorKind::kSyntaxError, "invalid decimal literal", 1, 2},
      {"1e+", ErrorKind::kSyntaxError, "invalid decimal literal", 1, 3},
      {"1ja", ErrorKind::kSyntaxError, "invalid imaginary literal", 1, 2},
      {"00001", ErrorKind::kSyntaxError,
       "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers", 1, 1},
      {"x = 'abc\n", ErrorKind::kSyntaxError, "unterminated string literal (detected at line 1)", 1, 5},
      {"'''abc\n\n", ErrorKind::kSyntaxError, "unterminated triple-quoted string literal (detected at line 2)", 1, 1},
      {"x = )", ErrorKind::kSyntaxError, "unmatched ')'", 1, 5},
      {"(\n]", ErrorKind::kSyntaxError,
       "closing parenthesis ']' does not match opening parenthesis '(' on line 1", 2, 1},
      {"x = (a,\n[b\n", ErrorKind::kSyntaxError, "'[' was never closed", 2, 1},
      {"a = \xc2\xa3", ErrorKind::kSyntaxError, "invalid character '\xc2\xa3' (U+00A3)", 1, 5},
      {"a\xc2\xa0", ErrorKind::kSyntaxError, "invalid non-printable character U+00A0", 1, 2},
      {"x = \\ 3", ErrorKind::kSyntaxError, "unexpected character after line continuation character", 1, 6},
      {"x = \\\n", ErrorKind::kSyntaxError, "unexpected EOF while parsing", 1, 6},
      {"if x:\n    a\n  b\n", ErrorKind::kIndentationError,
       "unindent does not match any outer indentation level", 3, 4},
      {"if x:\n\ta\n        b\n", ErrorKind::kTabError, "inconsistent use of tabs and spaces in indentation", 3, 1},
  };
  for (const ErrorCase& c : cases) {
    Lexed x(c.source);
    ASSERT_TRUE(x.ok) << c.source;
    EXPECT_EQ(x.stream.error.kind, c.kind) << c.source;
    EXPECT_EQ(x.stream.error.message, c.message) << c.source;
    EXPECT_EQ(x.stream.error.lineno, c.line) << c.source;
    EXPECT_EQ(x.stream.error.offset, c.offset) << c.source;
    EXPECT_EQ(x.stream.tokens.back().kind, Tok::kError) << c.source;
  }
}

TEST(Lexer, KeywordBehindNumberWarns) {
  Lexed x("1if 0x1for 2in\n");
  ASSERT_EQ(x.stream.warnings.size(), 3u);
  EXPECT_EQ(x.stream.warnings[0].message, "invalid decimal literal");
  EXPECT_EQ(x.stream.warnings[1].message, "invalid hexadecimal literal");
  EXPECT_FALSE(x.stream.error);
}

TEST(Lexer, NestingIsBounded) {
  Lexed brackets(std::string(201, '('));
  EXPECT_EQ(brackets.stream.error.message, "too many nested parentheses");
  std::string deep;
  for (int i = 0; i < 101; i++) deep += std::string(static_cast<size_t>(i), ' ') + "if x:\n";
  Lexed blocks(deep);
  EXPECT_EQ(blocks.stream.error.message, "too many levels of indentation");
  EXPECT_EQ(blocks.stream.error.kind, ErrorKind::kIndentationError);
}

}  // namespace
}  // namespace atl::compiler
