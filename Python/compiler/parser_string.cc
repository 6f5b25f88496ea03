// String literals: prefixes, escapes, concatenation, and f-strings.
//
// 3.11 lexes an f-string as one string token. Its expressions are found here by looking for their end, character by
// character, and are then lexed and parsed as "(expression)" by a parser of their own, at their place in the source.
#include <cstdio>

#include "Python/compiler/parser_impl.h"
#include "Python/compiler/utf8.h"

namespace atl::compiler {

using namespace ast;

namespace {

struct Prefix {
  bool bytes = false, raw = false, formatted = false, unicode = false;
  std::string_view body;
};

Prefix read_prefix(std::string_view token) {
  Prefix prefix;
  size_t i = 0;
  for (; token[i] != '"' && token[i] != '\''; i++) {
    switch (token[i] | 32) {
      case 'b': prefix.bytes = true; break;
      case 'r': prefix.raw = true; break;
      case 'f': prefix.formatted = true; break;
      case 'u': prefix.unicode = token[i] == 'u'; break;
    }
  }
  size_t quotes = token.size() >= i + 6 && token[i + 1] == token[i] && token[i + 2] == token[i] ? 3 : 1;
  prefix.body = token.substr(i + quotes, token.size() - i - 2 * quotes);
  return prefix;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\n\f\r") == std::string_view::npos;
}

}  // namespace

// What has been collected of one or more adjacent literals: text, and the parts before it.
struct Parser::FString {
  Buffer<char> text;
  const Token* start = nullptr;  // of all of them
  bool formatted = false;
  bool unicode_kind = false;
  bool bytes = false;
};

// Appends the value of `body` to `out`. Warns of the first escape that is none.
bool Parser::decode_escapes(const Token* token, std::string_view body, bool bytes, Buffer<char>* out) {
  auto memory = [&] { return arena_.note_failure(), false; };
  const char* p = body.data();
  const char* end = p + body.size();
  // Error positions count what 3.11 decodes: there, characters that are not ASCII have become \UXXXXXXXX.
  auto position = [&](const char* at) {
    size_t n = 0;
    for (const char* q = body.data(); q < at;) {
      if (*q & 0x80) {
        if (q > body.data() && q[-1] == '\\') n += 5;
        utf8_next(q);
        n += 10;
      } else {
        n++, q++;
      }
    }
    return n;
  };
  auto bad = [&](const char* start, const char* stop, const char* reason) {
    size_t from = position(start), to = position(stop);
    if (to - from > 1) {
      raise_last(ErrorKind::kSyntaxError, "(unicode error) 'unicodeescape' codec can't decode bytes in position %zu-%zu: %s",
                 from, to - 1, reason);
    } else {
      raise_last(ErrorKind::kSyntaxError, "(unicode error) 'unicodeescape' codec can't decode byte 0x%02x in position %zu: %s",
                 static_cast<unsigned char>(*start), from, reason);
    }
    return false;
  };
  const char* invalid = nullptr;
  bool invalid_octal = false;
  while (p < end) {
    auto* backslash = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
    const char* stop = backslash ? backslash : end;
    if (!out->append(p, static_cast<size_t>(stop - p))) return memory();
    if (!backslash) break;
    p = backslash + 1;
    if (p >= end || (*p & 0x80)) {
      // At the end of an f-string's text, or before a character that is not ASCII, it stands for itself.
      if (!out->push('\\')) return memory();
      continue;
    }
    char c = *p++;
    uint32_t value;
    switch (c) {
      case '\n': continue;
      case '\\':
      case '\'':
      case '"': value = static_cast<unsigned char>(c); break;
      case 'a': value = 7; break;
      case 'b': value = 8; break;
      case 'f': value = 12; break;
      case 'n': value = 10; break;
      case 'r': value = 13; break;
      case 't': value = 9; break;
      case 'v': value = 11; break;
      case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7':
        value = static_cast<uint32_t>(c - '0');
        for (int i = 0; i < 2 && p < end && *p >= '0' && *p <= '7'; i++) value = value * 8 + static_cast<uint32_t>(*p++ - '0');
        if (value > 0377 && !invalid) {
          invalid = backslash;
          invalid_octal = true;
        }
        if (bytes) value &= 0xFF;
        break;
      case 'x':
        if (bytes) {
          if (end - p < 2 || hex_value(p[0]) < 0 || hex_value(p[1]) < 0) {
            raise_last(ErrorKind::kSyntaxError, "(value error) invalid \\x escape at position %zu",
                       static_cast<size_t>(backslash - body.data()));
            return false;
          }
          value = static_cast<uint32_t>(hex_value(p[0]) * 16 + hex_value(p[1]));
          p += 2;
          break;
        }
        [[fallthrough]];
      case 'u':
      case 'U': {
        if (bytes) goto not_an_escape;
        int digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        value = 0;
        int i = 0;
        for (; i < digits && p < end && hex_value(*p) >= 0; i++) value = value * 16 + static_cast<uint32_t>(hex_value(*p++));
        if (i < digits) {
          return bad(backslash, p, c == 'x'   ? "truncated \\xXX escape"
                                   : c == 'u' ? "truncated \\uXXXX escape"
                                              : "truncated \\UXXXXXXXX escape");
        }
        if (value > 0x10FFFF) return bad(backslash, p, "illegal Unicode character");
        break;
      }
      case 'N': {
        if (bytes) goto not_an_escape;
        const char* brace = p < end && *p == '{' ? p : nullptr;
        const char* close = brace ? static_cast<const char*>(std::memchr(p, '}', static_cast<size_t>(end - p))) : nullptr;
        if (!close || close == brace + 1) {
          return bad(backslash, !brace ? p : close ? close : end, "malformed \\N character escape");
        }
        std::string_view name(brace + 1, static_cast<size_t>(close - brace - 1));
        value = UINT32_MAX;
        if (options_.callbacks && options_.callbacks->character_by_name &&
            !options_.callbacks->character_by_name(options_.callbacks->context, name, &value)) {
          error_.kind = ErrorKind::kRaised;
          return false;
        }
        if (value == UINT32_MAX) return bad(backslash, close + 1, "unknown Unicode character name");
        p = close + 1;
        break;
      }
      default:
      not_an_escape:
        if (!invalid) invalid = backslash;
        p = backslash + 1;
        if (!out->push('\\')) return memory();
        continue;
    }
    char buffer[4] = {static_cast<char>(value)};
    int size = bytes ? 1 : utf8_put(buffer, value);
    if (!out->append(buffer, static_cast<size_t>(size))) return memory();
  }
  if (!invalid) return true;
  if (!invalid_octal) return warn_escape(token, invalid[1]);
  char message[48];
  int size = std::snprintf(message, sizeof message, "invalid octal escape sequence '%.4s'", invalid);
  return warn(WarningKind::kDeprecationWarning, token, {message, static_cast<size_t>(size)});
}

bool Parser::warn_escape(const Token* token, char escaped) {
  char message[40];
  int size = std::snprintf(message, sizeof message, "invalid escape sequence '\\%c'", escaped);
  return warn(WarningKind::kDeprecationWarning, token, {message, static_cast<size_t>(size)});
}

// One or more adjacent literals.
expr* Parser::strings() {
  const Token* first = tok_;
  const Token* end = tok_ + 1;
  while (end->kind == Tok::kString) end++;
  tok_ = end;
  touch(end);
  if (end->kind == Tok::kError) return raise_lexer_error();

  if (end == first + 1) {
    // The common case: one literal whose value is its source text.
    Prefix prefix = read_prefix(text(first));
    if (!prefix.formatted && !prefix.bytes && !source_.may_be_invalid &&
        (prefix.raw || prefix.body.find('\\') == std::string_view::npos)) {
      return string_constant(first, prefix.body, false, prefix.unicode);
    }
  }

  FString all;
  size_t base = scratch_.size();
  auto memory = [&]() -> expr* { return arena_.note_failure(), nullptr; };
  for (const Token* token = first; token < end; token++) {
    Prefix prefix = read_prefix(text(token));
    if (prefix.formatted && options_.feature_version < 6) {
      return raise_last(ErrorKind::kSyntaxError, "Format strings are only supported in Python 3.6 and greater");
    }
    if (token == first) {
      all.bytes = prefix.bytes;
      all.unicode_kind = prefix.unicode;
    }
    if (source_.may_be_invalid && !prefix.bytes) {
      Utf8Error bad;
      if (!utf8_check(prefix.body, &bad)) {
        char message[128];
        utf8_error_message(prefix.body, bad, message, sizeof message);
        return raise_last(ErrorKind::kSyntaxError, "(unicode error) %s", message);
      }
    }
    if (prefix.bytes) {
      for (char c : prefix.body) {
        if (c & 0x80)
          return raise_last(ErrorKind::kSyntaxError, "bytes can only contain ASCII literal characters");
      }
    }
    if (prefix.bytes != all.bytes)
      return raise_last(ErrorKind::kSyntaxError, "cannot mix bytes and nonbytes literals");
    if (prefix.formatted) {
      all.formatted = true;
      all.start = first;
      const char* p = prefix.body.data();
      if (!fstring_parts(all, token, p, p + prefix.body.size(), prefix.raw, 0)) return nullptr;
    } else if (prefix.raw || prefix.body.find('\\') == std::string_view::npos) {
      if (!all.text.append(prefix.body.data(), prefix.body.size())) return memory();
    } else if (!decode_escapes(token, prefix.body, prefix.bytes, &all.text)) {
      return nullptr;
    }
  }
  if (!all.formatted) {
    char* copy = arena_.copy_text({all.text.data(), all.text.size()});
    return copy ? string_constant(first, {copy, all.text.size()}, all.bytes, all.unicode_kind) : nullptr;
  }
  all.start = first;
  if (!fstring_flush(all)) return nullptr;
  auto* node = make_at<JoinedStr>(first);
  return node && take(base, &node->values) ? node : nullptr;
}

expr* Parser::string_constant(const Token* first, std::string_view text, bool bytes, bool unicode_kind) {
  auto* value = arena_.make<ConstantValue>();
  auto* node = make_at<Constant>(first);
  if (!value || !node) return nullptr;
  value->kind = bytes ? ConstantKind::kBytes : ConstantKind::kStr;
  value->text = text.data();
  value->size = static_cast<uint32_t>(text.size());
  node->value = value;
  if (unicode_kind && !(node->kind = shared_.names.intern("u"))) return nullptr;
  return node;
}

// Turns the text collected so far into a part of its own.
bool Parser::fstring_flush(FString& out) {
  if (out.text.empty()) return true;
  char* copy = arena_.copy_text({out.text.data(), out.text.size()});
  if (!copy) return false;
  size_t size = out.text.size();
  out.text.truncate(0);
  return push(string_constant(out.start, {copy, size}, false, out.unicode_kind));
}

// Literal text and expressions in turn, up to `end`, or in a format specification (level > 0) up to its '}'.
// Parts are pushed on scratch_.
bool Parser::fstring_parts(FString& out, const Token* token, const char*& p, const char* end, bool raw, int level) {
  while (p < end) {
    if (!fstring_literal(out, token, p, end, raw, level)) return false;
    if (p >= end || *p == '}') break;
    if (!fstring_expression(out, token, p, end, raw, level)) return false;
  }
  if (level == 0 || p < end) return true;
  return raise_last(ErrorKind::kSyntaxError, "f-string: expecting '}'"), false;
}

// Up to a '{' that begins an expression, a '}' that ends a format specification, or the end.
bool Parser::fstring_literal(FString& out, const Token* token, const char*& p, const char* end, bool raw, int level) {
  for (;;) {
    const char* start = p;
    bool doubled = false;
    for (; p < end; p++) {
      if (!raw && *p == '\\' && p + 1 < end) {
        p++;
        if (*p == 'N') {
          // The braces of \N{NAME} begin no expression.
          if (p + 1 < end && p[1] == '{') {
            p++;
            while (p + 1 < end && *p != '}') p++;
          }
          continue;
        }
        if (*p == '{' && !warn_escape(token, *p)) return false;
      }
      if (*p != '{' && *p != '}') continue;
      if (level == 0) {
        doubled = p + 1 < end && p[1] == *p;
        if (!doubled && *p == '}')
          return raise_last(ErrorKind::kSyntaxError, "f-string: single '}' is not allowed"), false;
      }
      break;
    }
    std::string_view text(start, static_cast<size_t>(p - start) + doubled);
    if (raw || text.find('\\') == std::string_view::npos) {
      if (!out.text.append(text.data(), text.size())) return arena_.note_failure(), false;
    } else if (!decode_escapes(token, text, false, &out.text)) {
      return false;
    }
    if (!doubled) return true;
    p += 2;
  }
}

// At '{': the expression, its conversion and format, and the closing '}'.
bool Parser::fstring_expression(FString& out, const Token* token, const char*& p, const char* end, bool raw, int level) {
  auto raise = [&](const char* message) { return raise_last(ErrorKind::kSyntaxError, "f-string: %s", message), false; };
  if (level >= 2) return raise("expressions nested too deeply");
  const char* start = ++p;
  constexpr int kMaxNesting = 200;
  char brackets[kMaxNesting];
  int depth = 0;
  char quote = 0;
  int quote_size = 0;
  for (; p < end; p++) {
    char c = *p;
    if (c == '\\')
      return raise_last(ErrorKind::kSyntaxError, "f-string expression part cannot include a backslash"), false;
    if (quote) {
      if (c != quote) continue;
      if (quote_size == 1) {
        quote = 0;
      } else if (p + 2 < end && p[1] == c && p[2] == c) {
        p += 2;
        quote = 0;
      }
      continue;
    }
    if (c == '\'' || c == '"') {
      quote = c;
      quote_size = 1;
      if (p + 2 < end && p[1] == c && p[2] == c) {
        quote_size = 3;
        p += 2;
      }
      continue;
    }
    if (c == '[' || c == '{' || c == '(') {
      if (depth >= kMaxNesting) return raise("too many nested parenthesis");
      brackets[depth++] = c;
      continue;
    }
    if (c == '#')
      return raise_last(ErrorKind::kSyntaxError, "f-string expression part cannot include '#'"), false;
    if (depth == 0 && (c == '!' || c == ':' || c == '}' || c == '=' || c == '>' || c == '<')) {
      if (p + 1 < end && p[1] == '=' && (c == '!' || c == '=' || c == '<' || c == '>')) {
        p++;
        continue;
      }
      if (c == '>' || c == '<') continue;
      break;
    }
    if (c == ']' || c == '}' || c == ')') {
      if (depth == 0)
        return raise_last(ErrorKind::kSyntaxError, "f-string: unmatched '%c'", c), false;
      char open = brackets[--depth];
      if (open != (c == ')' ? '(' : c == ']' ? '[' : '{')) {
        return raise_last(ErrorKind::kSyntaxError,
                          "f-string: closing parenthesis '%c' does not match opening parenthesis '%c'", c, open),
               false;
      }
    }
  }
  const char* expression_end = p;
  if (quote) return raise("unterminated string");
  if (depth) return raise_last(ErrorKind::kSyntaxError, "f-string: unmatched '%c'", brackets[depth - 1]), false;
  if (p >= end) return raise("expecting '}'");
  expr* value = fstring_compile(token, start, expression_end);
  if (!value) return false;

  bool self_documenting = *p == '=';
  if (self_documenting) {
    if (options_.feature_version < 8) {
      return raise_last(ErrorKind::kSyntaxError,
                        "f-string: self documenting expressions are only supported in Python 3.8 and greater"),
             false;
    }
    p++;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\f' || *p == '\r' || *p == '\v')) p++;
    if (p >= end) return raise("expecting '}'");
    if (!out.text.append(start, static_cast<size_t>(p - start))) return arena_.note_failure(), false;
  }
  int conversion = -1;
  if (*p == '!') {
    p++;
    if (p >= end) return raise("expecting '}'");
    conversion = static_cast<unsigned char>(*p++);
    if (conversion != 's' && conversion != 'r' && conversion != 'a')
      return raise("invalid conversion character: expected 's', 'r', or 'a'");
    if (p >= end) return raise("expecting '}'");
  }
  if (!fstring_flush(out)) return false;
  expr* format = nullptr;
  if (*p == ':') {
    p++;
    FString inner;
    inner.start = out.start;
    inner.unicode_kind = out.unicode_kind;
    size_t base = scratch_.size();
    if (!fstring_parts(inner, token, p, end, raw, level + 1)) return false;
    // A format specification, and text at its end, has the place of the one literal that it is in.
    const Token* behind = tok_;
    tok_ = token + 1;
    inner.start = token;
    bool ok = fstring_flush(inner);
    auto* joined = ok ? make_at<JoinedStr>(token) : nullptr;
    tok_ = behind;
    if (!joined || !take(base, &joined->values)) return false;
    format = joined;
  }
  if (p >= end || *p != '}') return raise("expecting '}'");
  p++;
  if (self_documenting && !format && conversion == -1) conversion = 'r';
  auto* node = make_at<FormattedValue>(out.start);
  if (!push(node)) return false;
  node->value = value;
  node->conversion = conversion;
  node->format_spec = format;
  return true;
}

// Parses the text of an expression, where it stands in the source.
expr* Parser::fstring_compile(const Token* token, const char* start, const char* end) {
  std::string_view body(start, static_cast<size_t>(end - start));
  if (is_blank(body)) {
    if (*end == '!' || *end == ':' || *end == '=')
      return raise_last(ErrorKind::kSyntaxError, "f-string: expression required before '%c'", *end);
    return raise_last(ErrorKind::kSyntaxError, "f-string: empty expression not allowed");
  }
  DepthGuard guard(*this);
  if (guard.too_deep) return nullptr;

  char* copy = static_cast<char*>(arena_.alloc(body.size() + 5));
  if (!copy) return nullptr;
  copy[0] = '(';
  std::memcpy(copy + 1, body.data(), body.size());
  std::memcpy(copy + 1 + body.size(), ")\n\0", 4);
  Source source;
  source.text = copy;
  source.size = body.size() + 3;
  source.may_be_invalid = source_.may_be_invalid;

  // The bracket takes the place of the brace.
  const char* token_text = source_.text + token->start;
  LexOptions lex;
  lex.embedded = true;
  lex.async_hacks = options_.feature_version < 7;
  lex.first_line = token->line;
  lex.first_col = token->col;
  const char* brace = start - 1;
  const char* line_start = token_text;
  for (const char* q = token_text; q < brace; q++) {
    if (*q == '\n') {
      lex.first_line++;
      lex.first_col = 0;
      line_start = q + 1;
    }
  }
  // If the line ends behind the brace, 3.11 does without the bracket's column (it is only seen in tuples and errors).
  const char* after = start;
  while (*after == ' ' || *after == '\t' || *after == '\f') after++;
  if (*after != '\n') lex.first_col += static_cast<int32_t>(brace - line_start);

  TokenStream stream;
  if (!tokenize(arena_, source, lex, &stream)) return arena_.note_failure(), nullptr;
  for (const WarningRecord& warning : stream.warnings) {
    if (!diagnose_ && !shared_.warnings.push(warning)) return arena_.note_failure(), nullptr;
  }
  Parser parser(shared_, source, stream);
  expr* result = parser.run_embedded(lex.first_line, lex.first_col);
  if (!result && !error_) {
    if (parser.error()) {
      error_ = parser.error();
      error_.text = {};
      if (!parser.error().text.empty()) {
        char* text_copy = arena_.copy_text(parser.error().text);
        if (text_copy) error_.text = {text_copy, parser.error().text.size()};
      }
    }
  }
  return result;
}

}  // namespace atl::compiler
