// Token kinds of Python 3.11 and the token record.
#pragma once

#include <cstdint>

namespace atl::compiler {

// name, text (as messages quote it), binary precedence (0: none; see parser.h)
#define ATOLL_OPERATOR_TOKENS(X) \
  X(LPar, "(", 0)                \
  X(RPar, ")", 0)                \
  X(LSqb, "[", 0)                \
  X(RSqb, "]", 0)                \
  X(LBrace, "{", 0)              \
  X(RBrace, "}", 0)              \
  X(Colon, ":", 0)               \
  X(Comma, ",", 0)               \
  X(Semi, ";", 0)                \
  X(Dot, ".", 0)                 \
  X(Ellipsis, "...", 0)          \
  X(Rarrow, "->", 0)             \
  X(ColonEqual, ":=", 0)         \
  X(Equal, "=", 0)               \
  X(PlusEqual, "+=", 0)          \
  X(MinEqual, "-=", 0)           \
  X(StarEqual, "*=", 0)          \
  X(SlashEqual, "/=", 0)         \
  X(PercentEqual, "%=", 0)       \
  X(AmperEqual, "&=", 0)         \
  X(VBarEqual, "|=", 0)          \
  X(CircumflexEqual, "^=", 0)    \
  X(LeftShiftEqual, "<<=", 0)    \
  X(RightShiftEqual, ">>=", 0)   \
  X(DoubleStarEqual, "**=", 0)   \
  X(DoubleSlashEqual, "//=", 0)  \
  X(AtEqual, "@=", 0)            \
  X(Tilde, "~", 0)               \
  X(DoubleStar, "**", 0)         \
  X(EqEqual, "==", 4)            \
  X(NotEqual, "!=", 4)           \
  X(Less, "<", 4)                \
  X(Greater, ">", 4)             \
  X(LessEqual, "<=", 4)          \
  X(GreaterEqual, ">=", 4)       \
  X(VBar, "|", 5)                \
  X(Circumflex, "^", 6)          \
  X(Amper, "&", 7)               \
  X(LeftShift, "<<", 8)          \
  X(RightShift, ">>", 8)         \
  X(Plus, "+", 9)                \
  X(Minus, "-", 9)               \
  X(Star, "*", 10)               \
  X(Slash, "/", 10)              \
  X(Percent, "%", 10)            \
  X(DoubleSlash, "//", 10)       \
  X(At, "@", 10)

#define ATOLL_KEYWORD_TOKENS(X) \
  X(False, "False", 0)          \
  X(None, "None", 0)            \
  X(True, "True", 0)            \
  X(And, "and", 2)              \
  X(As, "as", 0)                \
  X(Assert, "assert", 0)        \
  X(Async, "async", 0)          \
  X(Await, "await", 0)          \
  X(Break, "break", 0)          \
  X(Class, "class", 0)          \
  X(Continue, "continue", 0)    \
  X(Def, "def", 0)              \
  X(Del, "del", 0)              \
  X(Elif, "elif", 0)            \
  X(Else, "else", 0)            \
  X(Except, "except", 0)        \
  X(Finally, "finally", 0)      \
  X(For, "for", 0)              \
  X(From, "from", 0)            \
  X(Global, "global", 0)        \
  X(If, "if", 0)                \
  X(Import, "import", 0)        \
  X(In, "in", 4)                \
  X(Is, "is", 4)                \
  X(Lambda, "lambda", 0)        \
  X(Nonlocal, "nonlocal", 0)    \
  X(Not, "not", 4)              \
  X(Or, "or", 1)                \
  X(Pass, "pass", 0)            \
  X(Raise, "raise", 0)          \
  X(Return, "return", 0)        \
  X(Try, "try", 0)              \
  X(While, "while", 0)          \
  X(With, "with", 0)            \
  X(Yield, "yield", 0)

enum class Tok : uint8_t {
  kEndMarker,
  kNewline,
  kIndent,
  kDedent,
  kTypeComment,
  kError,        // nothing follows; TokenStream::error (or `unclosed`) says why
  kUnknownChar,  // '$', '?', '!', '`': no token of the language
  kName,
  kNumber,
  kString,
#define X(name, text, precedence) k##name,
  ATOLL_OPERATOR_TOKENS(X)
  ATOLL_KEYWORD_TOKENS(X)
#undef X
  kCount,
};

enum class SoftKeyword : uint8_t { kNone, kMatch, kCase, kUnderscore };

struct Token {
  uint32_t start;  // byte offsets into the source
  uint32_t end;
  int32_t line;     // of the first byte, from 1
  int32_t col;      // in bytes, from 0
  int32_t end_col;  // on the last line of the token
  Tok kind;
  uint8_t level;  // open brackets after this token
  SoftKeyword soft;
  uint8_t lines;  // newlines inside of the token; 255: count them
};
static_assert(sizeof(Token) == 24);

}  // namespace atl::compiler
