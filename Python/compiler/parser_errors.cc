// Errors: where they are reported, and the second pass's search for a specialised message.
#include <cstdio>

#include "Python/compiler/parser_impl.h"
#include "Python/compiler/utf8.h"

namespace atl::compiler {

using namespace ast;

// ---- places -----------------------------------------------------------------------------------------------------

std::string_view Parser::line_text(int32_t line) const {
  size_t start = 0;
  for (int32_t n = first_line_; n < line; n++) {
    size_t newline = std::string_view(source_.text, source_.size).find('\n', start);
    if (newline == std::string_view::npos || newline + 1 >= source_.size) break;
    start = newline + 1;
  }
  return line_around(source_, start);
}

// Characters from 1, as SyntaxError counts. The column of a range's end is counted on its first line (!), as 3.11
// does; and where the source's encoding was not declared, it counts bytes.
int32_t Parser::offset_at(int32_t line, int32_t col) const {
  if (embedded_) col -= first_col_;
  if (col < 0 || offsets_in_bytes_) return col + 1;
  std::string_view text = line_text(line);
  if (static_cast<size_t>(col) >= text.size() && text.ends_with('\n')) text.remove_suffix(1);
  return static_cast<int32_t>(utf8_count(text.substr(0, static_cast<size_t>(col)))) + 1;
}

int32_t Parser::end_line(const Token* token) const {
  if (token->lines < 255) return token->line + token->lines;
  int32_t lines = token->line;
  for (uint32_t i = token->start; i < token->end; i++) lines += source_.text[i] == '\n';
  return lines;
}

// Tokens without text: INDENT, DEDENT, ENDMARKER, and the NEWLINE that `single` input adds.
bool Parser::is_marker(const Token* t) const {
  return t->kind == Tok::kIndent || t->kind == Tok::kDedent || t->kind == Tok::kEndMarker ||
         (t->kind == Tok::kNewline && t->start >= source_.size);
}

// They stand behind what has been read of the line, its newline included.
int32_t Parser::marker_offset(const Token* token) const {
  return static_cast<int32_t>(utf8_count(line_text(token->line).substr(0, static_cast<size_t>(token->col))));
}

// ---- raising ----------------------------------------------------------------------------------------------------

std::nullptr_t Parser::raise_lexer_error() {
  if (!error_) error_ = stream_.error;
  return nullptr;
}

std::nullptr_t Parser::raise_memory() {
  if (!error_) error_.kind = ErrorKind::kMemoryError;
  return nullptr;
}

std::nullptr_t Parser::raise_too_deep() {
  if (!error_) {
    error_.kind = ErrorKind::kMemoryError;
    error_.message = "parser stack overflow";
  }
  return nullptr;
}

std::nullptr_t Parser::raise_place(ErrorKind kind, int32_t line, int32_t offset, int32_t end_line, int32_t end_offset,
                                   const char* format, va_list args) {
  if (error_) return nullptr;
  touch(tok_);
  // Whoever looked at a token that the lexer could not make gets the lexer's error.
  if (furthest_->kind == Tok::kError) return raise_lexer_error();
  char message[400];
  size_t prefix = 0;
  if (embedded_) {
    std::memcpy(message, "f-string: ", 10);
    prefix = 10;
  }
  int size = std::vsnprintf(message + prefix, sizeof message - prefix, format, args);
  size_t length = prefix + static_cast<size_t>(size);
  if (length >= sizeof message) length = sizeof message - 1;
  char* copy = arena_.copy_text({message, length});
  if (!copy) return raise_memory();
  error_.kind = kind;
  error_.message = {copy, length};
  error_.lineno = line;
  error_.offset = offset;
  error_.end_lineno = end_line;
  error_.end_offset = end_offset;
  error_.text = line_text(line);
  return nullptr;
}

#define ATOLL_RAISE(kind, line, offset, end_line, end_offset)                           \
  va_list args;                                                                         \
  va_start(args, format);                                                               \
  raise_place(kind, line, offset, end_line, end_offset, format, args);                  \
  va_end(args);                                                                         \
  return nullptr;

// At the furthest token that has been looked at.
std::nullptr_t Parser::raise_last(ErrorKind kind, const char* format, ...) {
  touch(tok_);
  const Token* t = furthest_;
  bool marker = is_marker(t);
  int32_t offset = marker ? marker_offset(t) : offset_at(t->line, t->col);
  int32_t end_offset = marker ? -1 : offset_at(t->line, t->end_col);
  ATOLL_RAISE(kind, t->line, offset, end_line(t), end_offset)
}

std::nullptr_t Parser::raise_at(const Token* t, const char* format, ...) {
  bool marker = is_marker(t);
  int32_t offset = marker ? 0 : offset_at(t->line, t->col);
  int32_t end_offset = marker ? 0 : offset_at(t->line, t->end_col);
  ATOLL_RAISE(ErrorKind::kSyntaxError, t->line, offset, end_line(t), end_offset)
}

std::nullptr_t Parser::raise_node(const PositionedNode* node, const char* format, ...) {
  ATOLL_RAISE(ErrorKind::kSyntaxError, node->lineno, offset_at(node->lineno, node->col_offset), node->end_lineno,
              offset_at(node->lineno, node->end_col_offset))
}

std::nullptr_t Parser::raise_range(const PositionedNode* from, const PositionedNode* to, const char* format, ...) {
  ATOLL_RAISE(ErrorKind::kSyntaxError, from->lineno, offset_at(from->lineno, from->col_offset), to->end_lineno,
              offset_at(from->lineno, to->end_col_offset))
}

std::nullptr_t Parser::raise_node_to_token(const PositionedNode* from, const Token* to, const char* format, ...) {
  ATOLL_RAISE(ErrorKind::kSyntaxError, from->lineno, offset_at(from->lineno, from->col_offset), end_line(to),
              offset_at(from->lineno, to->end_col))
}

std::nullptr_t Parser::raise_tokens(const Token* from, const Token* to, const char* format, ...) {
  ATOLL_RAISE(ErrorKind::kSyntaxError, from->line, offset_at(from->line, from->col), end_line(to),
              offset_at(from->line, to->end_col))
}

// From here to as far as the text has been read.
std::nullptr_t Parser::raise_from(int32_t line, int32_t col, const char* format, ...) {
  touch(tok_);
  ATOLL_RAISE(ErrorKind::kSyntaxError, line, offset_at(line, col), end_line(furthest_),
              offset_at(line, furthest_->end_col) - 1)
}

std::nullptr_t Parser::raise_token_line(const Token* t, const char* format, ...) {
  ATOLL_RAISE(ErrorKind::kSyntaxError, t->line, 0, end_line(t), 0)
}

std::nullptr_t Parser::raise_forced(const char* expected) {
  fail();
  return raise_at(tok_, "expected '%s'", expected);
}

bool Parser::version_ok(int minor, const char* what) {
  if (options_.feature_version >= minor) return true;
  raise_last(ErrorKind::kSyntaxError, "%s only supported in Python 3.%i and greater", what, minor);
  return false;
}

bool Parser::warn(WarningKind kind, const Token* token, std::string_view message) {
  if (token->line < shared_.warned_line ||
      (token->line == shared_.warned_line && token->col <= shared_.warned_col))
    return true;
  shared_.warned_line = token->line;
  shared_.warned_col = token->col;
  char* copy = arena_.copy_text(message);
  if (!copy) return false;
  WarningRecord w{kind, token->line, {copy, message.size()}, {}};
  w.as_error.kind = ErrorKind::kSyntaxError;
  w.as_error.message = w.message;
  w.as_error.lineno = token->line;
  w.as_error.offset = offset_at(token->line, token->col);
  w.as_error.end_lineno = end_line(token);
  w.as_error.end_offset = offset_at(token->line, token->end_col);
  w.as_error.text = line_text(token->line);
  if (shared_.warnings.push(w)) return true;
  arena_.note_failure();
  return false;
}

// ---- the end of a failed parse ----------------------------------------------------------------------------------

// The end of the text has been read: more of it might have made it valid.
bool Parser::touched_end() const {
  if (furthest_->kind == Tok::kError) return stream_.at_end;
  return furthest_->end >= source_.size && furthest_->kind != Tok::kString;
}

void Parser::generic_error(const Token* last) {
  if (last->kind == Tok::kIndent || last->kind == Tok::kDedent) {
    furthest_ = tok_ = last;
    raise_last(ErrorKind::kIndentationError, last->kind == Tok::kIndent ? "unexpected indent" : "unexpected unindent");
  } else {
    furthest_ = tok_ = last;
    raise_at(last, "invalid syntax");
  }
}

// After both passes. `last` is the furthest token of the first.
void Parser::finish_error(const Token* last) {
  const Token* reached = furthest_;
  if (reached->kind == Tok::kError && !error_) raise_lexer_error();
  if (!error_) {
    generic_error(last);
    if (error_.kind == ErrorKind::kIndentationError) return;
  }
  bool syntax = error_.kind == ErrorKind::kSyntaxError || error_.kind == ErrorKind::kIndentationError ||
                error_.kind == ErrorKind::kTabError;
  if (!syntax || !stream_.error || reached->kind == Tok::kError) return;
  // Errors of the lexer further down are more fundamental than what has been found.
  if (!stream_.only_when_reached) {
    error_ = stream_.error;
  } else if (stream_.unclosed && reached->line > stream_.unclosed_line) {
    error_ = stream_.unclosed;
  }
}

// ---- targets ----------------------------------------------------------------------------------------------------

const expr* Parser::invalid_target(const expr* node, TargetKind kind) const {
  switch (node->kind) {
    case Kind::Name:
    case Kind::Attribute:
    case Kind::Subscript: return nullptr;
    case Kind::Tuple:
    case Kind::List:
      for (const expr* element : is<Tuple>(node) ? as<Tuple>(node)->elts : as<List>(node)->elts) {
        if (const expr* bad = invalid_target(element, kind)) return bad;
      }
      return nullptr;
    case Kind::Starred:
      if (kind == TargetKind::kDel) return node;
      return invalid_target(as<Starred>(node)->value, kind);
    case Kind::Compare:
      // `for a in b` parsed as an expression.
      if (kind == TargetKind::kFor) {
        auto* compare = as<Compare>(node);
        return compare->ops[0] == cmpop::In ? invalid_target(compare->left, kind) : nullptr;
      }
      return node;
    default: return node;
  }
}

std::nullptr_t Parser::raise_invalid_target(const expr* node, TargetKind kind) {
  const expr* bad = invalid_target(node, kind);
  if (!bad) return nullptr;
  return raise_node(bad, kind == TargetKind::kDel ? "cannot delete %s" : "cannot assign to %s", expression_name(bad));
}

void Parser::diagnose_for_target(const Token* after_for) {
  touch(tok_);
  tok_ = after_for;
  if (expr* targets = star_expressions()) raise_invalid_target(targets, TargetKind::kFor);
}

// ---- expressions ------------------------------------------------------------------------------------------------

bool Parser::is_legacy_name(const expr* node) const {
  auto* name = if_is<Name>(node);
  return name && (name->id->is("print") || name->id->is("exec"));
}

// What could follow where nothing should: an expression, conditional or not.
expr* Parser::expression_quiet() {
  const Token* start = tok_;
  (void)start;
  if (at(Tok::kLambda)) return try_quietly([&] { return lambda(); });
  expr* body = try_quietly([&] { return disjunction(); });
  if (!body || !at(Tok::kIf)) return body;
  expr* whole = try_quietly([&]() -> expr* {
    tok_++;
    expr* test = disjunction();
    if (!test || !expect(Tok::kElse)) return nullptr;
    return expression();
  });
  if (!whole) return body;
  // Only the place of its end matters.
  auto* node = make_at<IfExp>(start);
  return node;
}

// Behind the disjunction `left`. False if something has been raised.
bool Parser::check_invalid_expression(const Token* start, expr* left) {
  if (!first_search(start, kExpression)) return !arena_.failed();
  bool name_and_string = start->kind == Tok::kName && start[1].kind == Tok::kString;
  // A soft keyword, or the beginning of one: 3.11 compares only as far as the name goes.
  std::string_view word = text(start);
  bool soft = start->kind == Tok::kName && (word == std::string_view("match").substr(0, word.size()) ||
                                            word == std::string_view("case").substr(0, word.size()) || word == "_");
  if (!name_and_string && !soft && at_expression_start()) {
    Mark m = mark();
    const Token* begin = tok_;
    const Token* reached = std::exchange(furthest_, tok_);
    expr* right = expression_quiet();
    touch(tok_);
    (void)first_search(begin, kQuietly);
    for (const Token* t = begin + 1; t < furthest_; t++) (void)first_search(t, kQuietly);
    touch(reached);
    if (right) {
      if (!is_legacy_name(left) && tok_[-1].level != 0)
        raise_range(left, right, "invalid syntax. Perhaps you forgot a comma?");
      else if (furthest_->kind == Tok::kError)
        raise_lexer_error();
    }
    restore(m);
  }
  return !error_;
}

// `name ...`, as the statements print and exec once were. False if something has been raised.
bool Parser::check_legacy_statement(const Token* start) {
  // (A long row of names is searched from each of them in turn, so there is a limit to that.)
  constexpr int kMaxSearchDepth = 1000;
  if (shared_.depth > kMaxSearchDepth) return true;
  DepthGuard guard(*this);
  if (start->kind == Tok::kName && start[1].kind != Tok::kLPar && first_search(start, kLegacy)) {
    std::string_view word = text(start);
    // What stands behind a name is looked at in any case, and its own errors count.
    Mark m = mark();
    tok_ = start + 1;
    expr* operand = at_expression_start() || at(Tok::kStar) ? star_expressions() : nullptr;
    if (operand && (word == "print" || word == "exec")) {
      tok_ = start;
      expr* function = name();
      if (function) {
        raise_range(function, operand, "Missing parentheses in call to '%.*s'. Did you mean %.*s(...)?",
                    static_cast<int>(word.size()), word.data(), static_cast<int>(word.size()), word.data());
      }
    }
    restore(m);
  }
  return !error_ && !arena_.failed();
}

// Behind the expression `value` where a named expression is allowed. False if something has been raised.
bool Parser::check_invalid_named(const Token* start, expr* value) {
  if (!at(Tok::kColonEqual) && !at(Tok::kEqual)) return true;
  if (!first_search(start, kNamed)) return !arena_.failed();
  Mark m = mark();
  if (at(Tok::kColonEqual)) {
    tok_++;
    if (expression()) raise_node(value, "cannot use assignment expressions with %s", expression_name(value));
    restore(m);
    return !error_;
  }
  auto ends_well = [&] { return !at(Tok::kEqual) && !at(Tok::kColonEqual); };
  if (start->kind == Tok::kName && start[1].kind == Tok::kEqual) {
    tok_ = start + 2;
    expr* right = bitwise_or();
    if (right && ends_well())
      raise_range(value, right, "invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
    restore(m);
    if (error_) return false;
  }
  if (start->kind == Tok::kTrue || start->kind == Tok::kFalse || start->kind == Tok::kNone) return true;
  if (start->kind == Tok::kLSqb || start->kind == Tok::kLPar) {
    tok_ = start;
    expr* display = try_quietly([&] { return atom(); });
    restore(m);
    if (error_) return false;
    bool own_brackets = display && display->lineno == start->line && display->col_offset == start->col;
    if (own_brackets && (is<List>(display) || is<Tuple>(display) || is<GeneratorExp>(display))) return true;
  }
  tok_ = start;
  expr* left = try_quietly([&] { return bitwise_or(); });
  if (left && accept(Tok::kEqual) && bitwise_or() && ends_well()) {
    raise_node(left, "cannot assign to %s here. Maybe you meant '==' instead of '='?", expression_name(left));
  }
  restore(m);
  return !error_;
}

// A statement's first expressions, up to where no more follow, each with a chance to be a mistaken `=`. The first one, if
// there was a comma behind it. (3.11 does not insist on commas between the others.)
expr* Parser::diagnose_elements(const Token* start) {
  tok_ = start;
  expr* first = star_named_expression();
  if (!first || !accept(Tok::kComma)) return nullptr;
  while (at_expression_start() || at(Tok::kStar)) {
    const Token* here = tok_;
    size_t kept = scratch_.size();
    expr* next = star_named_expression();
    if (!next) {
      stop_at(here, kept, first);
      break;
    }
    accept(Tok::kComma);
  }
  touch(tok_);
  return error_ ? nullptr : first;
}

// `start` begins a statement, at '=' behind `value`, which can't be assigned to.
void Parser::diagnose_assignment(const Token* start, const Token* value_start, expr* value) {
  const Token* equal = tok_;
  touch(tok_);
  if (start->kind != Tok::kYield) {
    diagnose_elements(start);
    if (error_) return;
  }
  tok_ = equal;
  if (value_start->kind == Tok::kYield) {
    raise_node(value, "assignment to yield expression not possible");
  } else {
    raise_invalid_target(value, TargetKind::kStar);
  }
}

// At ':' behind a statement's expression that can't be annotated.
void Parser::diagnose_annotation(const Token* start, expr* target) {
  const Token* colon = tok_;
  auto annotated = [&] {
    tok_ = colon + 1;
    return expression() != nullptr;
  };
  if (is<Tuple>(target) || is<List>(target)) {
    tok_ = start;
    bool display = try_quietly([&] { return atom(); }) && tok_ == colon;
    if (display) {
      if (annotated())
        raise_node(target, "only single target (not %s) can be annotated", is<List>(target) ? "list" : "tuple");
      return;
    }
    if (is<Tuple>(target)) {
      // Errors of the elements come first.
      (void)diagnose_elements(start);
      if (error_ || tok_ != colon || !annotated()) return;
      raise_node(as<Tuple>(target)->elts[0], "only single target (not tuple) can be annotated");
      return;
    }
  }
  tok_ = start;
  if (!at(Tok::kStar) && (!named_expression() || error_)) return;
  if (is<Starred>(target)) return;
  if (annotated()) raise_node(target, "illegal target for annotation");
}

// ---- calls ------------------------------------------------------------------------------------------------------

namespace {
// Where a comprehension's text ends: its last condition or its iterable.
const expr* last_item(const comprehension* generator) {
  return generator->ifs.empty() ? generator->iter : generator->ifs.back();
}
}  // namespace

void Parser::diagnose_arguments(const Token* open) {
  touch(tok_);
  if (!first_search(open, kArguments)) return;
  tok_ = open + 1;
  constexpr const char* kMeantEqual = "invalid syntax. Maybe you meant '==' or ':=' instead of '='?";
  constexpr const char* kParenthesize = "Generator expression must be parenthesized";
  // Arguments as far as they are in order; `end` is behind the last.
  const Token* end = tok_;
  int count = 0, positional = 0;
  expr* last_positional = nullptr;
  bool keyword_seen = false, double_star_seen = false;
  while (!at(Tok::kRPar)) {
    const Token* start = tok_;
    if (at(Tok::kStar)) {
      if (double_star_seen) break;
      tok_++;
      expr* value = expression();
      if (!value) break;
      auto* starred = make_at<Starred>(start);
      if (!starred) return;
      starred->value = value;
      positional++;
      last_positional = starred;
    } else if (accept(Tok::kDoubleStar)) {
      if (!expression()) break;
      double_star_seen = keyword_seen = true;
    } else if ((at(Tok::kTrue) || at(Tok::kFalse) || at(Tok::kNone)) && tok_[1].kind == Tok::kEqual) {
      std::string_view word = text(start);
      touch(tok_ + 1);
      raise_tokens(start, start + 1, "cannot assign to %.*s", static_cast<int>(word.size()), word.data());
      return;
    } else if (at(Tok::kName) && tok_[1].kind == Tok::kEqual) {
      tok_ += 2;
      if (!expression()) break;
      if (at_comprehension()) {
        Seq<comprehension*> generators;
        if (comprehensions(&generators)) raise_tokens(start, start + 1, kMeantEqual);
        return;
      }
      keyword_seen = true;
    } else {
      expr* value = assignment_or_expression();
      if (!value) break;
      if (at(Tok::kEqual)) {
        touch(tok_);
        if (start[1].kind == Tok::kColonEqual) break;  // x := y =
        raise_node_to_token(value, tok_, "expression cannot contain assignment, perhaps you meant \"==\"?");
        return;
      }
      if (keyword_seen) break;
      positional++;
      last_positional = value;
    }
    count++;
    end = tok_;
    if (!accept(Tok::kComma)) break;
  }
  if (error_) return;
  touch(tok_);

  tok_ = end;
  if (count && at(Tok::kComma) && tok_[1].kind == Tok::kStar) {
    touch(tok_ + 1);
    raise_tokens(open + 1, end - 1, "iterable argument unpacking follows keyword argument unpacking");
    return;
  }
  // A bare generator expression first, and something behind it.
  tok_ = open + 1;
  if (at_expression_start()) {
    expr* element = expression();
    if (error_) return;
    if (element && at_comprehension()) {
      Seq<comprehension*> generators;
      if (comprehensions(&generators) && at(Tok::kComma)) {
        tok_++;
        touch(tok_);
        const expr* last = last_item(generators.back());
        // What follows is parsed for its own errors.
        if (at_expression_start() && !expression() && error_) return;
        raise_range(element, last, kParenthesize);
        return;
      }
      if (error_) return;
    }
  }
  tok_ = end;
  if (count && at_comprehension()) {
    Seq<comprehension*> generators;
    if (comprehensions(&generators) && positional > 1)
      raise_range(last_positional, last_item(generators.back()), kParenthesize);
    if (error_) return;
    tok_ = end;
  }
  if (!count || !accept(Tok::kComma)) return;
  Mark m = mark();
  if (at_expression_start()) {
    expr* element = expression();
    if (error_) return;
    if (element && at_comprehension()) {
      Seq<comprehension*> generators;
      if (comprehensions(&generators)) raise_range(element, last_item(generators.back()), kParenthesize);
      if (error_) return;
    }
  }
  restore(m);
  // Another run of arguments, which would have been part of the first, had it been in order.
  bool more = false;
  while (!at(Tok::kRPar)) {
    if (at(Tok::kStar) || at(Tok::kDoubleStar)) {
      tok_++;
      if (!expression()) break;
    } else if (at(Tok::kName) && tok_[1].kind == Tok::kEqual) {
      tok_ += 2;
      if (!expression()) break;
    } else {
      if (!at_expression_start() || !assignment_or_expression() || at(Tok::kEqual)) break;
    }
    more = true;
    if (!accept(Tok::kComma)) break;
  }
  if (error_ || !more) return;
  raise_last(ErrorKind::kSyntaxError, double_star_seen ? "positional argument follows keyword argument unpacking"
                                                       : "positional argument follows keyword argument");
}

// ---- displays ---------------------------------------------------------------------------------------------------

// In [], {} (not pairs), or for a starred element in (): a comprehension over something that can't be its element.
void Parser::diagnose_comprehension(const Token* open) {
  touch(tok_);
  if (!first_search(open, kDisplay)) return;
  tok_ = open + 1;
  const Token* start = tok_;
  if (at(Tok::kStar)) {
    tok_++;
    if (expression() && at_comprehension()) {
      auto* starred = make_at<Starred>(start);
      Seq<comprehension*> generators;
      if (starred && comprehensions(&generators))
        raise_node(starred, "iterable unpacking cannot be used in comprehension");
    }
    if (error_) return;
  }
  if (open->kind == Tok::kLPar) return;
  tok_ = start;
  if (!at_expression_start() && !at(Tok::kStar)) return;
  expr* first = star_named_expression();
  if (!first || !at(Tok::kComma)) return;
  const Token* comma = tok_;
  tok_++;
  constexpr const char* kForgot = "did you forget parentheses around the comprehension target?";
  expr* last = nullptr;
  while (at_expression_start() || at(Tok::kStar)) {
    last = star_named_expression();
    if (!last) return;
    if (!accept(Tok::kComma)) break;
  }
  touch(tok_);
  if (!at_comprehension()) return;
  Seq<comprehension*> generators;
  if (!comprehensions(&generators)) return;
  if (last) {
    raise_range(first, last, kForgot);
  } else {
    raise_node_to_token(first, comma, kForgot);
  }
}

void Parser::diagnose_group(const Token* open) {
  touch(tok_);
  tok_ = open + 1;
  const Token* start = tok_;
  if (at(Tok::kStar)) {
    tok_++;
    if (expression() && at(Tok::kRPar)) {
      auto* starred = make_at<Starred>(start);
      if (starred) raise_node(starred, "cannot use starred expression here");
      return;
    }
    if (error_) return;
    diagnose_comprehension(open);
  } else if (accept(Tok::kDoubleStar)) {
    if (expression() && at(Tok::kRPar)) raise_at(start, "cannot use double starred expression here");
  }
}

// Where a pair should be.
void Parser::diagnose_invalid_kvpair() {
  expr* key = at_expression_start() ? expression() : nullptr;
  if (!key) return;
  if (!at(Tok::kColon)) {
    touch(tok_);
    // The colon belongs behind the key's last character.
    raise_here(key->lineno, key->end_col_offset - 1, key->end_lineno, "':' expected after dictionary key");
    return;
  }
  diagnose_pair_value();
}

// At the ':' of a pair.
void Parser::diagnose_pair_value() {
  const Token* colon = tok_++;
  if (at(Tok::kStar)) {
    const Token* star = tok_++;
    if (bitwise_or()) raise_from(star->line, star->col, "cannot use a starred expression in a dictionary value");
  } else if (at(Tok::kRBrace) || at(Tok::kComma)) {
    touch(tok_);
    raise_at(colon, "expression expected after dictionary key and ':'");
  }
}

void Parser::diagnose_dict(const Token* open) {
  touch(tok_);
  if (!first_search(open, kDict)) return;
  tok_ = open + 1;
  int pairs = 0;
  const Token* start = tok_;
  for (;;) {
    start = tok_;
    bool ok;
    if (accept(Tok::kDoubleStar)) {
      ok = bitwise_or();
    } else {
      ok = at_expression_start() && expression() && accept(Tok::kColon) && expression();
    }
    if (error_) return;
    if (!ok) break;
    pairs++;
    if (!at(Tok::kComma)) break;
    tok_++;
    start = tok_;
    if (at(Tok::kRBrace)) return;
  }
  touch(tok_);
  if (pairs && start > open + 1 && start[-1].kind == Tok::kComma) {
    tok_ = start;
    diagnose_invalid_kvpair();
    if (error_) return;
  }
  tok_ = open + 1;
  if (at_expression_start() && expression() && at(Tok::kColon)) {
    diagnose_pair_value();
    return;
  }
  if (error_) return;
  tok_ = open + 1;
  if (at(Tok::kDoubleStar)) {
    const Token* stars = tok_++;
    Seq<comprehension*> generators;
    if (bitwise_or() && at_comprehension() && comprehensions(&generators) && at(Tok::kRBrace))
      raise_at(stars, "dict unpacking cannot be used in dict comprehension");
  }
}

std::nullptr_t Parser::raise_here(int32_t line, int32_t col, int32_t end_line, const char* format, ...) {
  ATOLL_RAISE(ErrorKind::kSyntaxError, line, offset_at(line, col), end_line, 0)
}

// ---- statements -------------------------------------------------------------------------------------------------

// Behind a ':': false if a block should follow and does not.
bool Parser::diagnose_block(const Token* keyword, const char* what) {
  if (!diagnose_ || !at(Tok::kNewline) || tok_[1].kind == Tok::kIndent) return true;
  touch(tok_ + 1);
  raise_last(ErrorKind::kIndentationError, "expected an indented block after %s on line %d", what, keyword->line);
  return false;
}

void Parser::diagnose_with(const Token* items_start) {
  touch(tok_);
  auto item = [&](bool list) {
    expr* value = list ? star_expressions() : expression();
    return value && (!accept(Tok::kAs) || star_target());
  };
  tok_ = items_start;
  bool ok;
  do {
    ok = item(false);
  } while (ok && accept(Tok::kComma));
  if (!error_ && !(ok && at(Tok::kNewline))) {
    tok_ = items_start;
    ok = accept(Tok::kLPar);
    while (ok && !at(Tok::kRPar)) {
      ok = item(true);
      if (!accept(Tok::kComma)) break;
    }
    ok = ok && accept(Tok::kRPar);
  }
  if (ok && !error_ && at(Tok::kNewline)) raise_last(ErrorKind::kSyntaxError, "expected ':'");
}

void Parser::diagnose_except(const Token* except, bool star) {
  touch(tok_);
  tok_ = except + 1 + star;
  if (at_expression_start()) {
    const Token* start = tok_;
    (void)start;
    expr* type = expression();
    if (!type) return;
    const Token* behind = tok_;
    auto as_name = [&] {
      if (!at(Tok::kAs)) return;
      if (tok_[1].kind == Tok::kName) tok_ += 2;
    };
    if (accept(Tok::kComma)) {
      bool ok = true;
      do {
        ok = at_expression_start() && expression();
      } while (ok && accept(Tok::kComma) && at_expression_start());
      if (error_) return;
      as_name();
      if (ok && at(Tok::kColon)) {
        raise_from(type->lineno, type->col_offset, "multiple exception types must be parenthesized");
        return;
      }
    }
    tok_ = behind;
    as_name();
    if (at(Tok::kNewline)) raise_last(ErrorKind::kSyntaxError, "expected ':'");
    return;
  }
  if (!star && at(Tok::kNewline)) raise_last(ErrorKind::kSyntaxError, "expected ':'");
  if (star && (at(Tok::kNewline) || at(Tok::kColon)))
    raise_last(ErrorKind::kSyntaxError, "expected one or more exception types");
}

}  // namespace atl::compiler
