// The lexer (see lexer.h): one pass over NUL-terminated UTF-8, a class table for the first byte of each token.
#include "Python/compiler/lexer.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "Python/compiler/utf8.h"

namespace atl::compiler {

namespace {

constexpr int kMaxIndent = 100;
constexpr int kMaxLevel = 200;
constexpr int kTabSize = 8;

enum CharClass : uint8_t { kOther, kIdent, kPrefix, kDigit, kSpace, kNewlineChar, kOp, kQuote, kHash, kBackslash, kEnd };

struct CharTable {
  uint8_t of[256];
  constexpr CharTable() : of() {
    for (int c = 0; c < 256; c++) of[c] = kOther;
    for (int c = 'a'; c <= 'z'; c++) of[c] = of[c - 32] = kIdent;
    for (int c = 128; c < 256; c++) of[c] = kIdent;
    of[int{'_'}] = kIdent;
    for (char c : {'b', 'B', 'r', 'R', 'u', 'U', 'f', 'F'}) of[static_cast<int>(c)] = kPrefix;
    for (int c = '0'; c <= '9'; c++) of[c] = kDigit;
    of[int{' '}] = of[int{'\t'}] = of[int{'\f'}] = kSpace;
    of[int{'\n'}] = kNewlineChar;
    for (char c : {'(', ')', '[', ']', '{', '}', ':', ',', ';', '.', '+', '-', '*', '/', '|', '&', '<', '>', '=', '%',
                   '^', '~', '@', '!', '$', '?', '`'})
      of[static_cast<int>(c)] = kOp;
    of[int{'"'}] = of[int{'\''}] = kQuote;
    of[int{'#'}] = kHash;
    of[int{'\\'}] = kBackslash;
    of[0] = kEnd;
  }
};
constexpr CharTable kChars;

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
inline bool is_ident(char c) {
  uint8_t k = kChars.of[static_cast<unsigned char>(c)];
  return k == kIdent || k == kPrefix || k == kDigit;
}
inline bool is_hex(char c) { return is_digit(c) || static_cast<unsigned char>((c | 32) - 'a') < 6; }

struct KeywordRow {
  const char* text;
  uint8_t size;
  Tok kind;
};
constexpr KeywordRow kKeywords[] = {
#define X(name, text, precedence) {text, sizeof text - 1, Tok::k##name},
    ATOLL_KEYWORD_TOKENS(X)
#undef X
};

// A perfect hash of the keywords over (first, last, length), found at compile time.
struct KeywordHash {
  static constexpr unsigned kSlots = 128;
  uint8_t slot[kSlots];
  unsigned multiplier;
  static constexpr unsigned index(const char* text, unsigned size, unsigned multiplier) {
    unsigned key = static_cast<unsigned char>(text[0]) | static_cast<unsigned char>(text[size - 1]) << 8 |
                   static_cast<unsigned char>(text[1]) << 16;
    return ((key + size) * multiplier) >> 25;
  }
  constexpr KeywordHash() : slot(), multiplier(0) {
    for (unsigned m = 0x9E3779B1u;; m += 0x61C88646u * 2 + 2) {
      bool fits = true;
      for (unsigned i = 0; i < kSlots; i++) slot[i] = 255;
      for (unsigned k = 0; k < sizeof kKeywords / sizeof *kKeywords && fits; k++) {
        unsigned i = index(kKeywords[k].text, kKeywords[k].size, m);
        fits = slot[i] == 255;
        slot[i] = static_cast<uint8_t>(k);
      }
      if (fits) {
        multiplier = m;
        return;
      }
    }
  }
};
constexpr KeywordHash kKeywordHash;

inline Tok keyword_kind(const char* text, size_t size) {
  if (size < 2 || size > 8) return Tok::kName;
  unsigned k = kKeywordHash.slot[KeywordHash::index(text, static_cast<unsigned>(size), kKeywordHash.multiplier)];
  if (k == 255) return Tok::kName;
  const KeywordRow& row = kKeywords[k];
  return row.size == size && std::memcmp(row.text, text, size) == 0 ? row.kind : Tok::kName;
}

inline SoftKeyword soft_keyword(const char* text, size_t size) {
  if (size == 1 && text[0] == '_') return SoftKeyword::kUnderscore;
  if (size == 4 && std::memcmp(text, "case", 4) == 0) return SoftKeyword::kCase;
  if (size == 5 && std::memcmp(text, "match", 5) == 0) return SoftKeyword::kMatch;
  return SoftKeyword::kNone;
}

class Lexer {
 public:
  Lexer(Arena& arena, const Source& source, const LexOptions& options, TokenStream* stream)
      : arena_(arena), source_(source), options_(options), stream_(*stream), p_(source.text), line_start_(source.text),
        line_(options.first_line), col_shift_(options.first_col) {}

  bool run() {
    if (!stream_.tokens.reserve(source_.size / 4 + 8)) return false;
    bool ok = lex();
    if (!ok && !stream_.error) out_of_memory_ = true;
    if (!ok && !out_of_memory_) {
      if (level_ > 0 && !stream_.unclosed && !note_unclosed()) return false;
      if (!push(Tok::kError, p_, p_)) out_of_memory_ = true;
    }
    return !out_of_memory_;
  }

 private:
  struct Bracket {
    char open;
    int32_t line;
    int32_t col;
    const char* at;
  };

  bool lex();
  bool indentation();
  bool comment(bool* made_token);
  bool identifier_or_string();
  bool finish_identifier(const char* start);
  bool string(const char* start);
  bool number();
  bool number_tail_ok(const char* base_name);
  bool decimal_tail();
  bool op(char c);
  bool end_of_text();
  bool continuation();
  Tok async_name(Tok kind);

  int32_t column(const char* at) const { return static_cast<int32_t>(at - line_start_) + col_shift_; }

  bool push(Tok kind, const char* start, const char* end) {
    int32_t col = column(start);
    return stream_.tokens.push({static_cast<uint32_t>(start - source_.text), static_cast<uint32_t>(end - source_.text),
                                line_, col, static_cast<int32_t>(end - start) + col, kind,
                                static_cast<uint8_t>(level_), SoftKeyword::kNone, 0});
  }
  // INDENT, DEDENT, ENDMARKER have no text; their column is how far the line has been read.
  bool push_marker(Tok kind, int32_t line, int32_t col) {
    uint32_t at = static_cast<uint32_t>(p_ - source_.text);
    return stream_.tokens.push({at, at, line, col, col, kind, static_cast<uint8_t>(level_), SoftKeyword::kNone, 0});
  }
  void next_line() {
    line_++;
    line_start_ = p_;
    col_shift_ = 0;
  }

  // ---- errors ----
  // All return false. Offsets count the characters of the line up to `upto`.
  bool fail(const char* upto, const char* format, ...) __attribute__((format(printf, 3, 4)));
  bool fail_range(int32_t line, int32_t offset, int32_t end_offset, ErrorKind kind, std::string_view text,
                  std::string_view message);
  int32_t characters(const char* upto) const {
    return static_cast<int32_t>(utf8_count({line_start_, static_cast<size_t>(upto - line_start_)}));
  }
  std::string_view current_line(bool with_newline) const {
    const char* end = line_start_;
    while (*end && *end != '\n') end++;
    return {line_start_, static_cast<size_t>(end - line_start_) + (with_newline && *end ? 1 : 0)};
  }
  bool unexpected_eof();
  bool only_when_reached(bool result) {
    stream_.only_when_reached = true;
    return result;
  }
  bool note_unclosed();

  Arena& arena_;
  const Source& source_;
  const LexOptions& options_;
  TokenStream& stream_;
  const char* p_;
  const char* line_start_;
  const char* comment_start_ = nullptr;
  int32_t line_;
  int32_t col_shift_;
  int level_ = 0;
  int indent_ = 0;
  bool out_of_memory_ = false;
  // async_hacks
  bool async_def_ = false;
  bool async_def_newline_ = false;
  int async_def_indent_ = 0;
  int indents_[kMaxIndent] = {0};
  int alt_indents_[kMaxIndent] = {0};
  Bracket brackets_[kMaxLevel];
};

bool Lexer::fail_range(int32_t line, int32_t offset, int32_t end_offset, ErrorKind kind, std::string_view text,
                       std::string_view message) {
  char* copy = arena_.copy_text(message);
  if (!copy) {
    out_of_memory_ = true;
    return false;
  }
  ErrorRecord& e = stream_.error;
  e.kind = kind;
  e.lineno = e.end_lineno = line;
  e.offset = offset;
  e.end_offset = end_offset;
  e.text = text;
  e.message = {copy, message.size()};
  return false;
}

bool Lexer::fail(const char* upto, const char* format, ...) {
  char message[256];
  va_list args;
  va_start(args, format);
  std::vsnprintf(message, sizeof message, format, args);
  va_end(args);
  int32_t offset = characters(upto);
  return fail_range(line_, offset, offset, ErrorKind::kSyntaxError, current_line(false), message);
}

// Describes the innermost open bracket.
bool Lexer::note_unclosed() {
  const Bracket& open = brackets_[level_ - 1];
  char message[32];
  int size = std::snprintf(message, sizeof message, "'%c' was never closed", open.open);
  char* copy = arena_.copy_text({message, static_cast<size_t>(size)});
  if (!copy) {
    out_of_memory_ = true;
    return false;
  }
  ErrorRecord& e = stream_.unclosed;
  e.kind = ErrorKind::kSyntaxError;
  e.message = {copy, static_cast<size_t>(size)};
  e.text = line_around(source_, static_cast<size_t>(open.at - source_.text));
  e.lineno = e.end_lineno = stream_.unclosed_line = open.line;
  e.offset = static_cast<int32_t>(utf8_count({e.text.data(), static_cast<size_t>(open.at - e.text.data())})) + 1;
  e.end_offset = 0;
  return true;
}

bool Lexer::unexpected_eof() {
  stream_.only_when_reached = stream_.at_end = true;
  if (level_ > 0) {
    if (!note_unclosed()) return false;
    stream_.error = stream_.unclosed;
    return false;
  }
  // The end is noticed on the line after; what counts is the last line there is.
  std::string_view text = line_around(source_, source_.size ? source_.size - 1 : 0);
  int32_t lines = options_.first_line - 1;
  for (size_t i = 0; i < source_.size; i++) lines += source_.text[i] == '\n';
  return fail_range(lines, static_cast<int32_t>(utf8_count(text)), -1, ErrorKind::kSyntaxError, text,
                    "unexpected EOF while parsing");
}

bool Lexer::lex() {
  if (options_.embedded) {
    // An f-string's expression starts within a line: no indentation there.
  } else if (*p_ && !indentation()) {
    return false;
  }
  for (;;) {
    unsigned char c = static_cast<unsigned char>(*p_);
    switch (kChars.of[c]) {
      case kSpace:
        p_++;
        continue;
      case kIdent: {
        const char* start = p_;
        do p_++;
        while (is_ident(*p_));
        if (!finish_identifier(start)) return false;
        continue;
      }
      case kPrefix:
        if (!identifier_or_string()) return false;
        continue;
      case kDigit:
        if (!number()) return false;
        continue;
      case kQuote:
        if (!string(p_)) return false;
        continue;
      case kOp:
        if (c == '.' && is_digit(p_[1])) {
          if (!number()) return false;
          continue;
        }
        if (!op(static_cast<char>(c))) return false;
        continue;
      case kNewlineChar:
        if (level_ > 0) {
          p_++;
          next_line();
          continue;
        }
        // A comment at the end of a line is part of the NEWLINE, as far as its place goes.
        if (!push(Tok::kNewline, comment_start_ ? comment_start_ : p_, p_)) return false;
        comment_start_ = nullptr;
        p_++;
        next_line();
        if (async_def_) async_def_newline_ = true;
        if (!indentation()) return false;
        continue;
      case kHash: {
        bool made_token;
        const char* start = p_;
        if (!comment(&made_token)) return false;
        if (!made_token && level_ == 0) comment_start_ = start;
        continue;
      }
      case kBackslash:
        if (!continuation()) return false;
        continue;
      case kEnd:
        return end_of_text();
      default: {
        const char* bad = p_++;
        char code[8];
        std::snprintf(code, sizeof code, "%04X", static_cast<unsigned>(static_cast<unsigned char>(*bad)));
        return fail(p_, "invalid non-printable character U+%s", code);
      }
    }
  }
}

// A backslash at the end of a line: the next line goes on with this one.
bool Lexer::continuation() {
  p_++;
  if (*p_ != '\n') {
    int32_t offset = characters(p_) + (*p_ != 0);
    return only_when_reached(fail_range(line_, offset, 0, ErrorKind::kSyntaxError, current_line(true),
                                        "unexpected character after line continuation character"));
  }
  p_++;
  if (!*p_) return unexpected_eof();
  next_line();
  return true;
}

// Reads the white space at the start of lines, skipping lines without tokens, and makes INDENT and DEDENT tokens.
bool Lexer::indentation() {
  for (;;) {
    int col = 0, alt_col = 0, continued_col = 0;
    for (;; p_++) {
      if (*p_ == ' ') {
        col++, alt_col++;
      } else if (*p_ == '\t') {
        col = (col / kTabSize + 1) * kTabSize;
        alt_col++;
      } else if (*p_ == '\f') {
        col = alt_col = 0;
      } else if (*p_ == '\\') {
        // Indentation cannot be split: what stands before the first backslash counts.
        if (!continued_col) continued_col = col;
        if (!continuation()) return false;
        p_--;
      } else {
        break;
      }
    }
    if (*p_ == '#') {
      bool made_token = false;
      if (!comment(&made_token)) return false;
      if (made_token) return true;
    }
    if (*p_ == '\n') {
      p_++;
      next_line();
      continue;
    }
    // At the end, end_of_text() closes the blocks; but blanks without a newline are a line of their own.
    if (!*p_ && line_start_ == p_) return true;
    if (continued_col) col = alt_col = continued_col;
    auto tab_error = [&] {
      return only_when_reached(fail_range(line_, 1, 0, ErrorKind::kTabError, current_line(true),
                                          "inconsistent use of tabs and spaces in indentation"));
    };
    if (col == indents_[indent_]) {
      if (alt_col != alt_indents_[indent_]) return tab_error();
    } else if (col > indents_[indent_]) {
      if (indent_ + 1 >= kMaxIndent) {
        return only_when_reached(fail_range(line_, 1, 0, ErrorKind::kIndentationError, current_line(true),
                                            "too many levels of indentation"));
      }
      if (alt_col <= alt_indents_[indent_]) return tab_error();
      indent_++;
      indents_[indent_] = col;
      alt_indents_[indent_] = alt_col;
      if (!push_marker(Tok::kIndent, line_, column(p_))) return false;
    } else {
      int target = indent_;
      while (target > 0 && col < indents_[target]) target--;
      if (col != indents_[target]) {
        std::string_view text = current_line(true);
        return only_when_reached(fail_range(line_, static_cast<int32_t>(utf8_count(text)), -1,
                                            ErrorKind::kIndentationError, text,
                                            "unindent does not match any outer indentation level"));
      }
      for (; indent_ > target; indent_--) {
        if (!push_marker(Tok::kDedent, line_, column(p_))) return false;
      }
      if (alt_col != alt_indents_[indent_]) return tab_error();
    }
    if (async_def_ && async_def_newline_ && level_ == 0 && indent_ <= async_def_indent_) {
      async_def_ = async_def_newline_ = false;
    }
    return true;
  }
}

// At '#'. Leaves p_ at the end of the line.
bool Lexer::comment(bool* made_token) {
  *made_token = false;
  const char* start = p_;
  auto* end = static_cast<const char*>(std::memchr(p_, '\n', static_cast<size_t>(source_.text + source_.size - p_)));
  p_ = end ? end : source_.text + source_.size;
  if (!options_.type_comments) return true;
  // "# type: ", where a space stands for any number of blanks.
  const char* q = start;
  for (const char* prefix = "# type: "; *prefix; prefix++) {
    if (*prefix == ' ') {
      while (*q == ' ' || *q == '\t') q++;
    } else if (*q == *prefix) {
      q++;
    } else {
      return true;
    }
  }
  if (p_ - q >= 6 && std::memcmp(q, "ignore", 6) == 0 &&
      !(p_ > q + 6 && is_ident(q[6]) && q[6] != '_')) {
    return stream_.type_ignores.push({line_, static_cast<uint32_t>(q + 6 - source_.text),
                                      static_cast<uint32_t>(p_ - source_.text)});
  }
  *made_token = true;
  return push(Tok::kTypeComment, q, p_);
}

bool Lexer::identifier_or_string() {
  // A string prefix: at most one of each letter, u alone, b and f not together.
  const char* start = p_;
  bool b = false, u = false, r = false, f = false;
  for (;; p_++) {
    char c = *p_ | 32;
    if (!(b || u || f) && c == 'b') {
      b = true;
    } else if (!(b || u || r || f) && c == 'u') {
      u = true;
    } else if (!(r || u) && c == 'r') {
      r = true;
    } else if (!(f || b || u) && c == 'f') {
      f = true;
    } else {
      break;
    }
  }
  if (*p_ == '"' || *p_ == '\'') return string(start);
  while (is_ident(*p_)) p_++;
  return finish_identifier(start);
}

bool Lexer::finish_identifier(const char* start) {
  size_t size = static_cast<size_t>(p_ - start);
  Tok kind = keyword_kind(start, size);
  if (kind != Tok::kName) {
    if (options_.async_hacks && (kind == Tok::kAsync || kind == Tok::kAwait)) kind = async_name(kind);
    return push(kind, start, p_);
  }
  bool ascii = true;
  for (const char* q = start; q < p_ && ascii; q++) ascii = !(*q & 0x80);
  if (!ascii) {
    if (source_.may_be_invalid) {
      Utf8Error bad;
      if (!utf8_check({start, size}, &bad)) {
        char message[160] = "(unicode error) ";
        utf8_error_message({start, size}, bad, message + 16, sizeof message - 16);
        return fail_range(line_, static_cast<int32_t>(p_ - line_start_), -1, ErrorKind::kSyntaxError, current_line(true),
                          message);
      }
    }
    const char* q = start;
    while (q < p_) {
      const char* at = q;
      uint32_t c = utf8_next(q);
      if (at == start ? is_xid_start(c) : is_xid_continue(c)) continue;
      if (is_printable(c)) {
        return fail(q, "invalid character '%.*s' (U+%04X)", static_cast<int>(q - at), at, c);
      }
      return fail(q, "invalid non-printable character U+%04X", c);
    }
  }
  if (!push(Tok::kName, start, p_)) return false;
  if (size <= 5) stream_.tokens.back().soft = soft_keyword(start, size);
  return true;
}

// `async` and `await` before 3.7: keywords in `async def` and inside of such functions, else names.
Tok Lexer::async_name(Tok kind) {
  if (async_def_) return kind;
  if (kind == Tok::kAsync) {
    const char* q = p_;
    while (*q == ' ' || *q == '\t' || *q == '\f') q++;
    if (std::strncmp(q, "def", 3) == 0 && !is_ident(q[3])) {
      async_def_ = true;
      async_def_newline_ = false;
      async_def_indent_ = indent_;
      return kind;
    }
  }
  return Tok::kName;
}

bool Lexer::string(const char* start) {
  char quote = *p_;
  int32_t first_line = line_;
  const char* first_line_start = line_start_;
  int32_t start_col = column(start);
  bool triple = p_[1] == quote && p_[2] == quote;
  bool closed = false;
  int newlines = 0;
  if (!triple) {
    for (p_++;; p_++) {
      if (*p_ == quote) {
        closed = true;
        break;
      }
      if (*p_ == '\n' || !*p_) break;
      if (*p_ == '\\') {
        p_++;
        if (*p_ == '\n') {
          if (!p_[1]) {
            stream_.at_end = true;
            break;
          }
          newlines++;
          line_++;
          line_start_ = p_ + 1;
          col_shift_ = 0;
        }
        if (!*p_) break;
      }
    }
    if (closed) p_++;
  } else {
    p_ += 3;
    for (; *p_; p_++) {
      if (*p_ == quote && p_[1] == quote && p_[2] == quote) {
        closed = true;
        break;
      }
      if (*p_ == '\\') {
        p_++;
        if (!*p_) break;
      }
      if (*p_ == '\n') {
        newlines++;
        line_++;
        line_start_ = p_ + 1;
        col_shift_ = 0;
      }
    }
    if (closed) p_ += 3;
  }
  if (!closed) {
    stream_.at_end |= !*p_;
    // The error is where the string starts.
    int32_t last = *p_ ? line_ : line_ - (line_start_ == p_ && newlines > 0);
    char message[100];
    std::snprintf(message, sizeof message, "unterminated %sstring literal (detected at line %d)",
                  triple ? "triple-quoted " : "", last);
    line_start_ = first_line_start;
    int32_t offset = characters(start) + 1;
    return fail_range(first_line, offset, offset, ErrorKind::kSyntaxError, current_line(false), message);
  }
  uint8_t lines = static_cast<uint8_t>(newlines > 254 ? 255 : newlines);
  // 3.11 moves a token of an f-string's expression to its place in the source only if it ends on the first line.
  if (newlines && options_.embedded && first_line == options_.first_line) start_col -= options_.first_col;
  return stream_.tokens.push({static_cast<uint32_t>(start - source_.text), static_cast<uint32_t>(p_ - source_.text),
                              first_line, start_col, column(p_), Tok::kString, static_cast<uint8_t>(level_),
                              SoftKeyword::kNone, lines});
}

// Digits with single underscores between them; p_ is behind the first. The error is at the character after '_'.
bool Lexer::decimal_tail() {
  for (;;) {
    while (is_digit(*p_)) p_++;
    if (*p_ != '_') return true;
    p_++;
    if (!is_digit(*p_)) return fail(p_, "invalid decimal literal");
  }
}

// What follows a number directly may be a keyword (with a warning), but no other name.
bool Lexer::number_tail_ok(const char* base_name) {
  auto keyword_follows = [&](const char* keyword) {
    size_t n = std::strlen(keyword);
    return std::strncmp(p_, keyword, n) == 0 && !is_ident(p_[n]);
  };
  bool keyword = false;
  switch (*p_) {
    case 'a': keyword = keyword_follows("and"); break;
    case 'e': keyword = keyword_follows("else"); break;
    case 'f': keyword = keyword_follows("for"); break;
    case 'i': keyword = p_[1] == 'f' || p_[1] == 'n' || p_[1] == 's'; break;
    case 'o': keyword = keyword_follows("or"); break;
    case 'n': keyword = keyword_follows("not"); break;
  }
  if (keyword) {
    char message[40];
    int size = std::snprintf(message, sizeof message, "invalid %s literal", base_name);
    char* copy = arena_.copy_text({message, static_cast<size_t>(size)});
    if (!copy) return false;
    WarningRecord w{WarningKind::kSyntaxWarning, line_, {copy, static_cast<size_t>(size)}, {}};
    w.as_error.kind = ErrorKind::kSyntaxError;
    w.as_error.message = w.message;
    w.as_error.lineno = w.as_error.end_lineno = line_;
    w.as_error.offset = w.as_error.end_offset = characters(p_);
    w.as_error.text = current_line(false);
    return stream_.warnings.push(w);
  }
  if (is_ident(*p_)) return fail(p_, "invalid %s literal", base_name);
  return true;
}

bool Lexer::number() {
  const char* start = p_;
  auto done = [&](const char* base_name) { return number_tail_ok(base_name) && push(Tok::kNumber, start, p_); };
  auto radix = [&](const char* base_name, auto is_radix_digit) {
    p_ += 2;
    do {
      if (*p_ == '_') p_++;
      if (!is_radix_digit(*p_)) {
        if (is_digit(*p_)) return p_++, fail(p_, "invalid digit '%c' in %s literal", p_[-1], base_name);
        return fail(p_, "invalid %s literal", base_name);
      }
      while (is_radix_digit(*p_)) p_++;
    } while (*p_ == '_');
    if (is_digit(*p_)) return p_++, fail(p_, "invalid digit '%c' in %s literal", p_[-1], base_name);
    return done(base_name);
  };
  bool leading_zeros = false;
  const char* after_zeros = nullptr;
  if (*p_ == '0') {
    switch (p_[1] | 32) {
      case 'x': return radix("hexadecimal", is_hex);
      case 'o': return radix("octal", [](char c) { return c >= '0' && c < '8'; });
      case 'b': return radix("binary", [](char c) { return c == '0' || c == '1'; });
    }
    p_++;
    for (;;) {
      if (*p_ == '_') {
        p_++;
        if (!is_digit(*p_)) return fail(p_, "invalid decimal literal");
      }
      if (*p_ != '0') break;
      p_++;
    }
    after_zeros = p_ + 1;
    if (is_digit(*p_)) {
      leading_zeros = true;
      if (!decimal_tail()) return false;
    }
  } else if (*p_ != '.') {
    if (!decimal_tail()) return false;
  }
  bool is_float = false;
  if (*p_ == '.') {
    is_float = true;
    p_++;
    if (is_digit(*p_) && !decimal_tail()) return false;
  }
  if ((*p_ | 32) == 'e') {
    const char* e = p_;
    if (p_[1] == '+' || p_[1] == '-') {
      if (!is_digit(p_[2])) return p_ += 2, fail(p_, "invalid decimal literal");
      p_ += 2;
    } else if (is_digit(p_[1])) {
      p_++;
    }
    if (p_ != e) {
      is_float = true;
      if (!decimal_tail()) return false;
    } else {
      return done("decimal");
    }
  }
  if ((*p_ | 32) == 'j') {
    p_++;
    return done("imaginary");
  }
  if (leading_zeros && !is_float) {
    int32_t offset = static_cast<int32_t>(start - line_start_) + 1;
    return fail_range(line_, offset, static_cast<int32_t>(after_zeros - line_start_), ErrorKind::kSyntaxError,
                      current_line(false),
                      "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers");
  }
  return done("decimal");
}

bool Lexer::op(char c) {
  const char* start = p_;
  Tok kind;
  int size = 1;
  auto with_equal = [&](Tok plain, Tok equal) {
    if (p_[1] == '=') return size = 2, equal;
    return plain;
  };
  switch (c) {
    case '(': kind = Tok::kLPar; break;
    case '[': kind = Tok::kLSqb; break;
    case '{': kind = Tok::kLBrace; break;
    case ')': kind = Tok::kRPar; break;
    case ']': kind = Tok::kRSqb; break;
    case '}': kind = Tok::kRBrace; break;
    case ':': kind = with_equal(Tok::kColon, Tok::kColonEqual); break;
    case ',': kind = Tok::kComma; break;
    case ';': kind = Tok::kSemi; break;
    case '.':
      if (p_[1] == '.' && p_[2] == '.') {
        kind = Tok::kEllipsis;
        size = 3;
      } else {
        kind = Tok::kDot;
      }
      break;
    case '+': kind = with_equal(Tok::kPlus, Tok::kPlusEqual); break;
    case '-':
      if (p_[1] == '>') {
        kind = Tok::kRarrow;
        size = 2;
      } else {
        kind = with_equal(Tok::kMinus, Tok::kMinEqual);
      }
      break;
    case '*':
      if (p_[1] == '*') {
        size = p_[2] == '=' ? 3 : 2;
        kind = size == 3 ? Tok::kDoubleStarEqual : Tok::kDoubleStar;
      } else {
        kind = with_equal(Tok::kStar, Tok::kStarEqual);
      }
      break;
    case '/':
      if (p_[1] == '/') {
        size = p_[2] == '=' ? 3 : 2;
        kind = size == 3 ? Tok::kDoubleSlashEqual : Tok::kDoubleSlash;
      } else {
        kind = with_equal(Tok::kSlash, Tok::kSlashEqual);
      }
      break;
    case '|': kind = with_equal(Tok::kVBar, Tok::kVBarEqual); break;
    case '&': kind = with_equal(Tok::kAmper, Tok::kAmperEqual); break;
    case '%': kind = with_equal(Tok::kPercent, Tok::kPercentEqual); break;
    case '^': kind = with_equal(Tok::kCircumflex, Tok::kCircumflexEqual); break;
    case '@': kind = with_equal(Tok::kAt, Tok::kAtEqual); break;
    case '=': kind = with_equal(Tok::kEqual, Tok::kEqEqual); break;
    case '~': kind = Tok::kTilde; break;
    case '<':
      if (p_[1] == '<') {
        size = p_[2] == '=' ? 3 : 2;
        kind = size == 3 ? Tok::kLeftShiftEqual : Tok::kLeftShift;
      } else if (p_[1] == '>') {
        kind = Tok::kNotEqual;  // the parser knows whether this spelling is welcome
        size = 2;
      } else {
        kind = with_equal(Tok::kLess, Tok::kLessEqual);
      }
      break;
    case '>':
      if (p_[1] == '>') {
        size = p_[2] == '=' ? 3 : 2;
        kind = size == 3 ? Tok::kRightShiftEqual : Tok::kRightShift;
      } else {
        kind = with_equal(Tok::kGreater, Tok::kGreaterEqual);
      }
      break;
    case '!': kind = with_equal(Tok::kUnknownChar, Tok::kNotEqual); break;
    default: kind = Tok::kUnknownChar; break;
  }
  p_ += size;
  switch (c) {
    case '(':
    case '[':
    case '{':
      if (level_ >= kMaxLevel) return fail(p_, "too many nested parentheses");
      brackets_[level_++] = {c, line_, column(start), start};
      break;
    case ')':
    case ']':
    case '}': {
      if (level_ == 0) return fail(p_, "unmatched '%c'", c);
      const Bracket& open = brackets_[--level_];
      if (open.open != (c == ')' ? '(' : c == ']' ? '[' : '{')) {
        if (open.line != line_) {
          return fail(p_, "closing parenthesis '%c' does not match opening parenthesis '%c' on line %d", c, open.open,
                      open.line);
        }
        return fail(p_, "closing parenthesis '%c' does not match opening parenthesis '%c'", c, open.open);
      }
      break;
    }
  }
  return push(kind, start, p_);
}

bool Lexer::end_of_text() {
  if (level_ > 0) {
    stream_.only_when_reached = stream_.at_end = true;
    if (note_unclosed()) stream_.error = stream_.unclosed;
    return false;
  }
  // The markers at the end belong to the last line there is.
  bool at_line_start = line_start_ == p_;
  std::string_view last = source_.size ? line_around(source_, source_.size - 1) : std::string_view{};
  int32_t line = line_ - at_line_start;
  int32_t col = static_cast<int32_t>(last.size());
  auto dedent_all = [&] {
    for (; indent_ > 0; indent_--) {
      if (!push_marker(Tok::kDedent, line, col)) return false;
    }
    return true;
  };
  if (options_.interactive && !stream_.tokens.empty()) {
    // The end of the text ends the line if it has no newline, and then, as an empty line would, a compound statement.
    if (at_line_start) {
      return dedent_all() && push_marker(Tok::kNewline, line, col) && push_marker(Tok::kEndMarker, line, col);
    }
    bool blocks = indent_ > 0 && options_.imply_dedent;
    return push_marker(Tok::kNewline, line, col) &&
           (!blocks || (dedent_all() && push_marker(Tok::kNewline, line, col))) &&
           push_marker(Tok::kEndMarker, line, col);
  }
  return dedent_all() && push_marker(Tok::kEndMarker, line, col);
}

}  // namespace

bool tokenize(Arena& arena, const Source& source, const LexOptions& options, TokenStream* stream) {
  Lexer lexer(arena, source, options, stream);
  return lexer.run();
}

std::string_view line_around(const Source& source, size_t position) {
  size_t start = position, end = position;
  while (start > 0 && source.text[start - 1] != '\n') start--;
  while (end < source.size && source.text[end] != '\n') end++;
  return {source.text + start, end - start + (end < source.size ? 1 : 0)};
}

}  // namespace atl::compiler
