// The match statement and its patterns.
#include "Python/compiler/parser_impl.h"

namespace atl::compiler {

using namespace ast;

// nullptr with nothing raised if this is no match statement after all (`match` is an ordinary name elsewhere); tok_ is
// then back at the start.
stmt* Parser::match_statement() {
  const Token* start = tok_;
  // Most uses of the name show at the next token.
  switch (tok_[1].kind) {
    case Tok::kEqual: case Tok::kDot: case Tok::kComma: case Tok::kColon: case Tok::kNewline: case Tok::kRPar:
      return nullptr;
    default: break;
  }
  Mark m = mark();
  tok_++;
  expr* subject = at_expression_start() || at(Tok::kStar) ? match_subject() : (touch(tok_), nullptr);
  if (!subject || !at(Tok::kColon)) {
    if (error_ || arena_.failed()) return nullptr;
    touch(tok_);
    if (subject && diagnose_ && at(Tok::kNewline)) return raise_last(ErrorKind::kSyntaxError, "expected ':'");
    if (tok_->kind == Tok::kError) return fail();
    restore(m);
    return nullptr;
  }
  tok_++;
  if (!at(Tok::kNewline)) {
    fail();
    if (error_) return nullptr;
    restore(m);
    return nullptr;
  }
  if (!diagnose_block(start, "'match' statement")) return nullptr;
  tok_++;
  size_t base = scratch_.size();
  Seq<ast::match_case*> cases;
  bool ok = expect(Tok::kIndent);
  if (ok && !at_soft(SoftKeyword::kCase)) ok = (fail(), false);
  while (ok && at_soft(SoftKeyword::kCase)) ok = push(match_case());
  if (!ok || !expect(Tok::kDedent) || !take(base, &cases)) {
    if (error_ || arena_.failed()) return nullptr;
    restore(m);
    return nullptr;
  }
  if (!version_ok(10, "Pattern matching is")) return nullptr;
  auto* node = make_at<Match>(start);
  if (!node) return nullptr;
  node->subject = subject;
  node->cases = cases;
  return node;
}

expr* Parser::match_subject() {
  const Token* start = tok_;
  bool starred = at(Tok::kStar);
  expr* first = star_named_expression();
  if (!first) return nullptr;
  if (!at(Tok::kComma)) return starred ? fail() : first;
  size_t base = scratch_.size();
  if (!push(first) || !more_elements()) return nullptr;
  auto* node = make_at<Tuple>(start);
  if (!node || !take(base, &node->elts)) return nullptr;
  node->ctx = expr_context::Load;
  return node;
}

ast::match_case* Parser::match_case() {
  const Token* start = tok_++;
  ast::pattern* pattern = open_pattern();
  if (!pattern) return nullptr;
  expr* guard = nullptr;
  if (accept(Tok::kIf) && !(guard = named_expression())) return nullptr;
  Seq<stmt*> body;
  if (!colon_and_block(start, "'case' statement", &body)) return nullptr;
  auto* node = make<ast::match_case>();
  if (!node) return nullptr;
  node->pattern_ = pattern;
  node->guard = guard;
  node->body = body;
  return node;
}

// A pattern, or several with commas: a sequence without brackets.
ast::pattern* Parser::open_pattern() {
  const Token* start = tok_;
  bool starred = at(Tok::kStar);
  ast::pattern* first = maybe_star_pattern();
  if (!first) return nullptr;
  if (!at(Tok::kComma)) return starred ? fail() : first;
  size_t base = scratch_.size();
  if (!push(first)) return nullptr;
  while (accept(Tok::kComma)) {
    switch (kind()) {
      case Tok::kName: case Tok::kNumber: case Tok::kMinus: case Tok::kString: case Tok::kNone: case Tok::kTrue:
      case Tok::kFalse: case Tok::kLPar: case Tok::kLSqb: case Tok::kLBrace: case Tok::kStar: break;
      default: touch(tok_); goto end;
    }
    if (!push(maybe_star_pattern())) return nullptr;
  }
end:
  auto* node = make_at<MatchSequence>(start);
  return node && take(base, &node->patterns) ? node : nullptr;
}

ast::pattern* Parser::maybe_star_pattern() { return at(Tok::kStar) ? star_pattern() : pattern(); }

ast::pattern* Parser::star_pattern() {
  const Token* start = tok_++;
  if (!at(Tok::kName)) return fail();
  identifier name = nullptr;
  const Token* target = tok_++;
  if (target->soft != SoftKeyword::kUnderscore) {
    // A capture is never followed by these.
    if (at(Tok::kDot) || at(Tok::kLPar) || at(Tok::kEqual)) return fail();
    name = identifier_at(target);
    if (!name) return nullptr;
  }
  auto* node = make_at<MatchStar>(start);
  if (node) node->name = name;
  return node;
}

ast::pattern* Parser::pattern() {
  DepthGuard guard(*this);
  if (guard.too_deep) return nullptr;
  const Token* start = tok_;
  ast::pattern* value = or_pattern();
  if (!value || !accept(Tok::kAs)) return value;
  const Token* target = tok_;
  if (at(Tok::kName) && target->soft != SoftKeyword::kUnderscore) {
    tok_++;
    if (!at(Tok::kDot) && !at(Tok::kLPar) && !at(Tok::kEqual)) {
      identifier name = identifier_at(target);
      auto* node = make_at<MatchAs>(start);
      if (!name || !node) return nullptr;
      node->pattern_ = value;
      node->name = name;
      return node;
    }
    return fail();
  }
  fail();
  if (diagnose_ && !error_) {
    if (at(Tok::kName)) return raise_at(target, "cannot use '_' as a target");
    if (at_expression_start()) {
      expr* other = expression();
      if (other) return raise_node(other, "invalid pattern target");
    }
  }
  return nullptr;
}

ast::pattern* Parser::or_pattern() {
  const Token* start = tok_;
  ast::pattern* first = closed_pattern();
  if (!first || !at(Tok::kVBar)) return first;
  size_t base = scratch_.size();
  if (!push(first)) return nullptr;
  while (accept(Tok::kVBar)) {
    if (!push(closed_pattern())) return nullptr;
  }
  auto* node = make_at<MatchOr>(start);
  return node && take(base, &node->patterns) ? node : nullptr;
}

ast::pattern* Parser::closed_pattern() {
  const Token* start = tok_;
  switch (kind()) {
    case Tok::kNumber:
    case Tok::kMinus: {
      expr* value = complex_number();
      if (!value) return nullptr;
      auto* node = make_at<MatchValue>(start);
      if (node) node->value = value;
      return node;
    }
    case Tok::kString: {
      expr* value = strings();
      if (!value) return nullptr;
      auto* node = make_at<MatchValue>(start);
      if (node) node->value = value;
      return node;
    }
    case Tok::kNone:
    case Tok::kTrue:
    case Tok::kFalse: {
      expr* value = atom();
      auto* node = make_at<MatchSingleton>(start);
      if (!value || !node) return nullptr;
      node->value = as<Constant>(value)->value;
      return node;
    }
    case Tok::kLPar: {
      tok_++;
      size_t base = scratch_.size();
      if (!at(Tok::kRPar)) {
        bool starred = at(Tok::kStar);
        ast::pattern* first = maybe_star_pattern();
        if (!first) return nullptr;
        if (!starred && accept(Tok::kRPar)) return first;
        if (!at(Tok::kComma)) return fail();
        if (!push(first)) return nullptr;
      }
      return sequence_rest(start, base, Tok::kRPar);
    }
    case Tok::kLSqb: {
      tok_++;
      size_t base = scratch_.size();
      if (!at(Tok::kRSqb) && !push(maybe_star_pattern())) return nullptr;
      return sequence_rest(start, base, Tok::kRSqb);
    }
    case Tok::kLBrace: return mapping_pattern();
    case Tok::kName: {
      if (tok_->soft == SoftKeyword::kUnderscore || (tok_[1].kind != Tok::kDot &&
                                                      tok_[1].kind != Tok::kLPar && tok_[1].kind != Tok::kEqual)) {
        // (No dotted name or class begins with '_'.)
        identifier name = nullptr;
        if (tok_->soft != SoftKeyword::kUnderscore && !(name = identifier_at(tok_))) return nullptr;
        tok_++;
        auto* node = make_at<MatchAs>(start);
        if (node) node->name = name;
        return node;
      }
      expr* value = name_or_attribute();
      if (!value) return nullptr;
      if (at(Tok::kLPar)) return class_pattern(start, value);
      if (is<Name>(value) || at(Tok::kEqual)) return fail();
      auto* node = make_at<MatchValue>(start);
      if (node) node->value = value;
      return node;
    }
    default: return fail();
  }
}

// Behind the first element, if any, of a sequence in brackets.
ast::pattern* Parser::sequence_rest(const Token* start, size_t base, Tok close) {
  while (accept(Tok::kComma)) {
    if (at(close)) break;
    if (!push(maybe_star_pattern())) return nullptr;
  }
  if (!expect(close)) return nullptr;
  auto* node = make_at<MatchSequence>(start);
  return node && take(base, &node->patterns) ? node : nullptr;
}

expr* Parser::name_or_attribute() {
  const Token* start = tok_;
  expr* value = name();
  while (value && accept(Tok::kDot)) {
    if (!at(Tok::kName)) return fail();
    identifier attr = identifier_at(tok_++);
    auto* node = make_at<Attribute>(start);
    if (!attr || !node) return nullptr;
    node->value = value;
    node->attr = attr;
    node->ctx = expr_context::Load;
    value = node;
  }
  return value;
}

expr* Parser::signed_number() {
  if (!at(Tok::kMinus)) return at(Tok::kNumber) ? number() : fail();
  const Token* start = tok_++;
  if (!at(Tok::kNumber)) return fail();
  expr* operand = number();
  auto* node = make_at<UnaryOp>(start);
  if (!operand || !node) return nullptr;
  node->op = unaryop::USub;
  node->operand = operand;
  return node;
}

// A signed number, or the sum of a real and an imaginary one.
expr* Parser::complex_number() {
  const Token* start = tok_;
  expr* left = signed_number();
  if (!left || (!at(Tok::kPlus) && !at(Tok::kMinus))) return left;
  auto kind_of = [](expr* e) {
    if (auto* unary = if_is<UnaryOp>(e)) e = unary->operand;
    return as<Constant>(e)->value->kind;
  };
  if (kind_of(left) == ConstantKind::kComplex) {
    expr* real = is<UnaryOp>(left) ? as<UnaryOp>(left)->operand : left;
    return raise_node(real, "real number required in complex literal");
  }
  bool plus = tok_++->kind == Tok::kPlus;
  if (!at(Tok::kNumber)) return fail();
  expr* right = number();
  if (!right) return nullptr;
  if (kind_of(right) != ConstantKind::kComplex)
    return raise_node(right, "imaginary number required in complex literal");
  auto* node = make_at<BinOp>(start);
  if (!node) return nullptr;
  node->left = left;
  node->op = plus ? operator_::Add : operator_::Sub;
  node->right = right;
  return node;
}

ast::pattern* Parser::mapping_pattern() {
  const Token* start = tok_++;
  size_t base = scratch_.size();
  identifier rest = nullptr;
  while (!at(Tok::kRBrace)) {
    if (accept(Tok::kDoubleStar)) {
      if (!at(Tok::kName) || tok_->soft == SoftKeyword::kUnderscore) return fail();
      if (!(rest = identifier_at(tok_++))) return nullptr;
      if (at(Tok::kDot) || at(Tok::kLPar) || at(Tok::kEqual)) return fail();
      accept(Tok::kComma);
      break;
    }
    expr* key;
    switch (kind()) {
      case Tok::kNumber:
      case Tok::kMinus: key = complex_number(); break;
      case Tok::kString:
      case Tok::kNone:
      case Tok::kTrue:
      case Tok::kFalse: key = atom(); break;
      case Tok::kName:
        key = name_or_attribute();
        if (key && is<Name>(key)) return fail();
        break;
      default: return fail();
    }
    if (!key || !expect(Tok::kColon)) return nullptr;
    ast::pattern* value = pattern();
    if (!value || !push(key) || !push(value)) return nullptr;
    if (!accept(Tok::kComma)) break;
  }
  if (!expect(Tok::kRBrace)) return nullptr;
  auto* node = make_at<MatchMapping>(start);
  if (!node) return nullptr;
  uint32_t count = static_cast<uint32_t>((scratch_.size() - base) / 2);
  if (count) {
    node->keys = {arena_.make_array<expr*>(count), count};
    node->patterns = {arena_.make_array<ast::pattern*>(count), count};
    if (!node->keys.items || !node->patterns.items) return nullptr;
  }
  for (uint32_t i = 0; i < count; i++) {
    node->keys[i] = static_cast<expr*>(scratch_[base + 2 * i]);
    node->patterns[i] = static_cast<ast::pattern*>(scratch_[base + 2 * i + 1]);
  }
  scratch_.truncate(base);
  node->rest = rest;
  return node;
}

// At '(' behind the class.
ast::pattern* Parser::class_pattern(const Token* start, expr* cls) {
  const Token* open = tok_++;
  size_t base = scratch_.size();
  Seq<ast::pattern*> positional, by_keyword;
  Seq<identifier> names;
  while (!at(Tok::kRPar) && !(at(Tok::kName) && tok_[1].kind == Tok::kEqual)) {
    if (!push(pattern())) return nullptr;
    if (!accept(Tok::kComma)) break;
  }
  if (!take(base, &positional)) return nullptr;
  bool after_comma = positional.empty() || tok_[-1].kind == Tok::kComma;
  if (after_comma) {
    Buffer<identifier> collected;
    while (at(Tok::kName) && tok_[1].kind == Tok::kEqual) {
      identifier name = identifier_at(tok_);
      if (!name) return nullptr;
      if (!collected.push(name)) return arena_.note_failure(), nullptr;
      tok_ += 2;
      if (!push(pattern())) return nullptr;
      if (!accept(Tok::kComma)) break;
    }
    if (!take(base, &by_keyword)) return nullptr;
    if (collected.size()) {
      names = {arena_.make_array<identifier>(collected.size()), static_cast<uint32_t>(collected.size())};
      if (!names.items) return nullptr;
      std::memcpy(static_cast<void*>(names.items), collected.data(), collected.size() * sizeof(identifier));
    }
  }
  if (!at(Tok::kRPar)) {
    if (after_comma && at(Tok::kName) && (tok_[-1].kind == Tok::kComma || tok_[-1].kind == Tok::kLPar))
      touch(tok_ + 1);
    fail();
    if (diagnose_ && !error_ && names.count && tok_[-1].kind == Tok::kComma) {
      // Positional patterns again.
      ast::pattern *first = nullptr, *last = nullptr;
      while (!at(Tok::kRPar) && !(at(Tok::kName) && tok_[1].kind == Tok::kEqual)) {
        ast::pattern* next = pattern();
        if (!next) return nullptr;
        if (!first) first = next;
        last = next;
        if (!accept(Tok::kComma)) break;
      }
      if (first) raise_range(first, last, "positional patterns follow keyword patterns");
    }
    return nullptr;
  }
  (void)open;
  tok_++;
  auto* node = make_at<MatchClass>(start);
  if (!node) return nullptr;
  node->cls = cls;
  node->patterns = positional;
  node->kwd_attrs = names;
  node->kwd_patterns = by_keyword;
  return node;
}

}  // namespace atl::compiler
