// Expressions: operators by precedence climbing, primaries, displays, calls, targets, parameters.
#include "Python/compiler/parser_impl.h"

namespace atl::compiler {

using namespace ast;

// or 1, and 2, not 3, comparisons 4, | 5, ^ 6, & 7, shifts 8, sums 9, products 10. 0: not a binary operator.
const uint8_t kPrecedence[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // up to kString
#define X(name, text, precedence) precedence,
    ATOLL_OPERATOR_TOKENS(X) ATOLL_KEYWORD_TOKENS(X)
#undef X
};
static_assert(sizeof kPrecedence == static_cast<int>(Tok::kCount));

namespace {

constexpr int kNotPrecedence = 3;
constexpr int kComparePrecedence = 4;

struct StartSet {
  bool of[static_cast<int>(Tok::kCount)] = {};
  constexpr StartSet() {
    for (Tok t : {Tok::kName, Tok::kNumber, Tok::kString, Tok::kLPar, Tok::kLSqb, Tok::kLBrace, Tok::kMinus, Tok::kPlus,
                  Tok::kTilde, Tok::kNot, Tok::kLambda, Tok::kAwait, Tok::kEllipsis, Tok::kFalse, Tok::kNone,
                  Tok::kTrue})
      of[static_cast<int>(t)] = true;
  }
};
constexpr StartSet kStartsExpression;

operator_ binary_operator(Tok kind) {
  switch (kind) {
    case Tok::kVBar: return operator_::BitOr;
    case Tok::kCircumflex: return operator_::BitXor;
    case Tok::kAmper: return operator_::BitAnd;
    case Tok::kLeftShift: return operator_::LShift;
    case Tok::kRightShift: return operator_::RShift;
    case Tok::kPlus: return operator_::Add;
    case Tok::kMinus: return operator_::Sub;
    case Tok::kStar: return operator_::Mult;
    case Tok::kSlash: return operator_::Div;
    case Tok::kPercent: return operator_::Mod;
    case Tok::kDoubleSlash: return operator_::FloorDiv;
    default: return operator_::MatMult;
  }
}

}  // namespace

bool Parser::at_expression_start() const { return kStartsExpression.of[static_cast<int>(tok_->kind)]; }

identifier Parser::identifier_at(const Token* token) {
  std::string_view spelling = text(token);
  bool ascii = true;
  for (char c : spelling) ascii &= !(c & 0x80);
  if (!ascii && options_.callbacks && options_.callbacks->normalize) {
    TextSink sink{arena_};
    if (!options_.callbacks->normalize(options_.callbacks->context, spelling, sink)) {
      error_.kind = ErrorKind::kRaised;
      return nullptr;
    }
    if (!sink.data) return nullptr;
    spelling = {sink.data, sink.size};
  }
  return shared_.names.intern(spelling);
}

// ---- lists of expressions -----------------------------------------------------------------------------------

// star_expression (',' star_expression)* [',']: a tuple if there is a comma.
expr* Parser::star_expressions(bool star_allowed) {
  const Token* start = tok_;
  expr* first = star_allowed ? star_expression() : expression();
  if (!first || !at(Tok::kComma)) return first;
  size_t base = scratch_.size();
  if (!push(first)) return nullptr;
  while (accept(Tok::kComma)) {
    if (!at_expression_start() && !(star_allowed && at(Tok::kStar))) {
      touch(tok_);
      break;
    }
    const Token* here = tok_;
    size_t kept = scratch_.size();
    expr* element = star_expression();
    if (element ? !push(element) : !stop_at(here, kept, first)) return nullptr;
    if (!element) break;
  }
  auto* tuple = make_at<Tuple>(start);
  if (!tuple || !take(base, &tuple->elts)) return nullptr;
  tuple->ctx = expr_context::Load;
  return tuple;
}

expr* Parser::star_expression() {
  if (!at(Tok::kStar)) return expression();
  const Token* start = tok_++;
  expr* value = bitwise_or();
  if (!value) return nullptr;
  auto* starred = make_at<Starred>(start);
  if (!starred) return nullptr;
  starred->value = value;
  starred->ctx = expr_context::Load;
  return starred;
}

expr* Parser::star_named_expression() { return at(Tok::kStar) ? star_expression() : named_expression(); }

expr* Parser::assignment_or_expression() {
  if (at(Tok::kName) && tok_[1].kind == Tok::kColonEqual) {
    const Token* start = tok_;
    expr* target = name();
    if (!target) return nullptr;
    as<Name>(target)->ctx = expr_context::Store;
    tok_++;
    if (!version_ok(8, "Assignment expressions are")) return nullptr;
    expr* value = expression();
    if (!value) return nullptr;
    auto* node = make_at<NamedExpr>(start);
    if (!node) return nullptr;
    node->target = target;
    node->value = value;
    return node;
  }
  expr* value = expression();
  if (value && at(Tok::kColonEqual)) return fail();
  return value;
}

expr* Parser::named_expression() {
  if (!diagnose_ || (at(Tok::kName) && tok_[1].kind == Tok::kColonEqual)) return assignment_or_expression();
  const Token* start = tok_;
  expr* value = expression();
  if (!value || !check_invalid_named(start, value)) return nullptr;
  if (at(Tok::kColonEqual)) return fail();
  return value;
}

expr* Parser::expression() {
  const Token* start = tok_;
  if (at(Tok::kLambda)) return lambda();
  expr* body = disjunction();
  if (!body) return nullptr;
  if (diagnose_ && !check_invalid_expression(start, body)) return nullptr;
  if (!at(Tok::kIf)) {
    if (diagnose_ && !check_legacy_statement(start)) return nullptr;
    return body;
  }
  DepthGuard guard(*this);
  if (guard.too_deep) return nullptr;
  const Token* here = tok_++;
  size_t kept = scratch_.size();
  expr* test = disjunction();
  if (test && !at(Tok::kElse)) {
    fail();
    if (diagnose_ && !error_ && !at(Tok::kColon)) raise_range(body, test, "expected 'else' after 'if' expression");
  }
  if (diagnose_ && !error_ && !check_legacy_statement(start)) return nullptr;
  if (!test || error_ || !at(Tok::kElse)) return stop_at(here, kept, body);
  tok_++;
  expr* orelse = expression();
  if (!orelse) return stop_at(here, kept, body);
  auto* node = make_at<IfExp>(start);
  if (!node) return nullptr;
  node->test = test;
  node->body = body;
  node->orelse = orelse;
  return node;
}

expr* Parser::yield_expression() {
  const Token* start = tok_++;
  if (accept(Tok::kFrom)) {
    expr* value = expression();
    if (!value) return nullptr;
    auto* node = make_at<YieldFrom>(start);
    if (node) node->value = value;
    return node;
  }
  expr* value = nullptr;
  if (at_expression_start() || at(Tok::kStar)) {
    value = star_expressions();
    if (!value) return nullptr;
  } else {
    touch(tok_);
  }
  auto* node = make_at<Yield>(start);
  if (node) node->value = value;
  return node;
}

// ---- operators ------------------------------------------------------------------------------------------------

expr* Parser::binary(int min_precedence) {
  const Token* start = tok_;
  expr* left;
  if (at(Tok::kNot) && min_precedence <= kNotPrecedence) {
    DepthGuard guard(*this);
    if (guard.too_deep) return nullptr;
    tok_++;
    expr* operand = binary(kNotPrecedence);
    if (!operand) return nullptr;
    auto* node = make_at<UnaryOp>(start);
    if (!node) return nullptr;
    node->op = unaryop::Not;
    node->operand = operand;
    left = node;
    // `not` binds weaker than what could follow at a higher level, so only and/or remain.
  } else {
    left = unary();
    if (!left) return nullptr;
  }
  for (;;) {
    Tok op = kind();
    int precedence = kPrecedence[static_cast<int>(op)];
    if (precedence == 0 || precedence < min_precedence) return left;
    if (precedence == kComparePrecedence) {
      if (op == Tok::kNot && tok_[1].kind != Tok::kIn) {
        touch(tok_ + 1);
        if (tok_[1].kind == Tok::kError) return raise_lexer_error();
        return left;
      }
      if (op == Tok::kNotEqual) {
        bool is_angle = text(tok_) == "<>";
        if (is_angle && !shared_.barry) return touch(tok_), left;
        if (!is_angle && shared_.barry)
          return raise_last(ErrorKind::kSyntaxError, "with Barry as BDFL, use '<>' instead of '!='");
      }
      expr* compared = comparison(start, left);
      if (!compared || compared == left) return compared;
      left = compared;
      continue;
    }
    if (precedence <= 2) {
      size_t base = scratch_.size();
      if (!push(left)) return nullptr;
      while (at(op)) {
        const Token* here = tok_++;
        size_t kept = scratch_.size();
        expr* operand = binary(precedence + 1);
        if (operand ? !push(operand) : !stop_at(here, kept, left)) return nullptr;
        if (!operand) break;
      }
      if (scratch_.size() == base + 1) return scratch_.truncate(base), left;
      auto* node = make_at<BoolOp>(start);
      if (!node || !take(base, &node->values)) return nullptr;
      node->op = op == Tok::kOr ? boolop::Or : boolop::And;
      left = node;
      continue;
    }
    const Token* here = tok_++;
    size_t kept = scratch_.size();
    expr* right = binary(precedence + 1);
    if (!right) return stop_at(here, kept, left);
    if (op == Tok::kAt && !version_ok(5, "The '@' operator is")) return nullptr;
    auto* node = make_at<BinOp>(start);
    if (!node) return nullptr;
    node->left = left;
    node->op = binary_operator(op);
    node->right = right;
    left = node;
  }
}

expr* Parser::comparison(const Token* start, expr* left) {
  size_t base = scratch_.size();
  for (;;) {
    cmpop op;
    const Token* here = tok_;
    switch (kind()) {
      case Tok::kEqEqual: op = cmpop::Eq; break;
      case Tok::kNotEqual: {
        bool is_angle = text(tok_) == "<>";
        if (is_angle != shared_.barry) {
          if (!is_angle)
            return raise_last(ErrorKind::kSyntaxError, "with Barry as BDFL, use '<>' instead of '!='");
          touch(tok_);
          goto done;
        }
        op = cmpop::NotEq;
        break;
      }
      case Tok::kLess: op = cmpop::Lt; break;
      case Tok::kLessEqual: op = cmpop::LtE; break;
      case Tok::kGreater: op = cmpop::Gt; break;
      case Tok::kGreaterEqual: op = cmpop::GtE; break;
      case Tok::kIn: op = cmpop::In; break;
      case Tok::kIs:
        op = cmpop::Is;
        if (tok_[1].kind == Tok::kNot) {
          op = cmpop::IsNot;
          tok_++;
        }
        break;
      case Tok::kNot:
        if (tok_[1].kind != Tok::kIn) {
          touch(tok_ + 1);
          goto done;
        }
        tok_++;
        op = cmpop::NotIn;
        break;
      default: goto done;
    }
    tok_++;
    size_t kept = scratch_.size();
    expr* operand = bitwise_or();
    if (!operand) {
      if (!stop_at(here, kept, left)) return nullptr;
      break;
    }
    if (!push_nullable(reinterpret_cast<void*>(static_cast<uintptr_t>(op)))) return nullptr;
    if (!push(operand)) return nullptr;
  }
done:
  size_t count = (scratch_.size() - base) / 2;
  if (count == 0) return left;
  auto* node = make_at<Compare>(start);
  auto* ops = arena_.make_array<cmpop>(count);
  auto* comparators = arena_.make_array<expr*>(count);
  if (!node || !ops || !comparators) return nullptr;
  for (size_t i = 0; i < count; i++) {
    ops[i] = static_cast<cmpop>(reinterpret_cast<uintptr_t>(scratch_[base + 2 * i]));
    comparators[i] = static_cast<expr*>(scratch_[base + 2 * i + 1]);
  }
  scratch_.truncate(base);
  node->left = left;
  node->ops = {ops, static_cast<uint32_t>(count)};
  node->comparators = {comparators, static_cast<uint32_t>(count)};
  return node;
}

expr* Parser::unary() {
  unaryop op;
  switch (kind()) {
    case Tok::kMinus: op = unaryop::USub; break;
    case Tok::kPlus: op = unaryop::UAdd; break;
    case Tok::kTilde: op = unaryop::Invert; break;
    default: return power();
  }
  DepthGuard guard(*this);
  if (guard.too_deep) return nullptr;
  const Token* start = tok_++;
  expr* operand = unary();
  if (!operand) return nullptr;
  auto* node = make_at<UnaryOp>(start);
  if (!node) return nullptr;
  node->op = op;
  node->operand = operand;
  return node;
}

expr* Parser::power() {
  const Token* start = tok_;
  expr* base;
  if (at(Tok::kAwait)) {
    tok_++;
    expr* value = primary();
    if (!value || !version_ok(5, "Await expressions are")) return nullptr;
    auto* node = make_at<Await>(start);
    if (!node) return nullptr;
    node->value = value;
    base = node;
  } else {
    base = primary();
    if (!base) return nullptr;
  }
  if (!at(Tok::kDoubleStar)) return base;
  DepthGuard guard(*this);
  if (guard.too_deep) return nullptr;
  const Token* here = tok_++;
  size_t kept = scratch_.size();
  expr* exponent = unary();
  if (!exponent) return stop_at(here, kept, base);
  auto* node = make_at<BinOp>(start);
  if (!node) return nullptr;
  node->left = base;
  node->op = operator_::Pow;
  node->right = exponent;
  return node;
}

// ---- primaries ------------------------------------------------------------------------------------------------

expr* Parser::primary() {
  const Token* start = tok_;
  expr* value = atom();
  return value ? trailers(start, value) : nullptr;
}

expr* Parser::trailers(const Token* start, expr* value) {
  for (;;) {
    switch (kind()) {
      case Tok::kDot: {
        const Token* dot = tok_++;
        if (!at(Tok::kName)) return fail(), stop_at(dot, scratch_.size(), value);
        identifier attr = identifier_at(tok_++);
        auto* node = make_at<Attribute>(start);
        if (!attr || !node) return nullptr;
        node->value = value;
        node->attr = attr;
        node->ctx = expr_context::Load;
        value = node;
        break;
      }
      case Tok::kLBrace:
        // 3.11 looks for a mistaken comprehension behind any primary, whatever its bracket.
        if (diagnose_) {
          const Token* open = tok_;
          diagnose_comprehension(open);
          return stop_at(open, scratch_.size(), value);
        }
        return value;
      case Tok::kLPar: {
        const Token* open = tok_;
        if (diagnose_ && tok_[1].kind == Tok::kStar) {
          diagnose_comprehension(open);
          if (!stop_at(open, scratch_.size(), value)) return nullptr;
        }
        size_t kept = scratch_.size();
        Seq<expr*> args;
        Seq<keyword*> keywords;
        if (!arguments(open, &args, &keywords)) {
          if (diagnose_ && !error_) diagnose_arguments(open);
          return stop_at(open, kept, value);
        }
        auto* node = make_at<Call>(start);
        if (!node) return nullptr;
        node->func = value;
        node->args = args;
        node->keywords = keywords;
        value = node;
        break;
      }
      case Tok::kLSqb: {
        const Token* open = tok_;
        size_t kept = scratch_.size();
        if (diagnose_) {
          diagnose_comprehension(open);
          if (!stop_at(open, kept, value)) return nullptr;
        }
        tok_++;
        expr* index = slices();
        if (!index || !expect(Tok::kRSqb)) return stop_at(open, kept, value);
        auto* node = make_at<Subscript>(start);
        if (!node) return nullptr;
        node->value = value;
        node->slice = index;
        node->ctx = expr_context::Load;
        value = node;
        break;
      }
      default: return value;
    }
  }
}

expr* Parser::name() {
  const Token* token = tok_++;
  identifier id = identifier_at(token);
  auto* node = make<Name>();
  if (!id || !node) return nullptr;
  node->lineno = node->end_lineno = token->line;
  node->col_offset = token->col;
  node->end_col_offset = token->end_col;
  node->id = id;
  node->ctx = expr_context::Load;
  return node;
}

expr* Parser::constant(const Token* token, ConstantKind kind) {
  auto* value = arena_.make<ConstantValue>();
  if (!value) return nullptr;
  value->kind = kind;
  tok_ = token + 1;
  auto* node = make_at<Constant>(token);
  if (node) node->value = value;
  return node;
}

expr* Parser::atom() {
  switch (kind()) {
    case Tok::kName: return name();
    case Tok::kNumber: return number();
    case Tok::kString: return strings();
    case Tok::kNone: return constant(tok_, ConstantKind::kNone);
    case Tok::kTrue: return constant(tok_, ConstantKind::kTrue);
    case Tok::kFalse: return constant(tok_, ConstantKind::kFalse);
    case Tok::kEllipsis: return constant(tok_, ConstantKind::kEllipsis);
    case Tok::kLPar: return group_tuple_or_genexp();
    case Tok::kLSqb: return list_or_listcomp();
    case Tok::kLBrace: return dict_set_or_comp();
    default: return fail();
  }
}

// After the first element and at a comma: the rest of a display's elements, pushed on scratch_.
bool Parser::more_elements() {
  while (accept(Tok::kComma)) {
    if (!at_expression_start() && !at(Tok::kStar)) {
      touch(tok_);
      break;
    }
    if (!push(star_named_expression())) return false;
  }
  return true;
}

expr* Parser::group_tuple_or_genexp() {
  const Token* open = tok_++;
  expr* result = nullptr;
  auto parse = [&]() -> expr* {
    if (accept(Tok::kRPar)) {
      auto* node = make_at<Tuple>(open);
      if (node) node->ctx = expr_context::Load;
      return node;
    }
    if (at(Tok::kYield)) {
      expr* value = yield_expression();
      return value && expect(Tok::kRPar) ? value : nullptr;
    }
    bool starred = at(Tok::kStar);
    expr* first = star_named_expression();
    if (!first) return nullptr;
    if (at(Tok::kComma)) {
      size_t base = scratch_.size();
      if (!push(first) || !more_elements() || !expect(Tok::kRPar)) return nullptr;
      auto* node = make_at<Tuple>(open);
      if (!node || !take(base, &node->elts)) return nullptr;
      node->ctx = expr_context::Load;
      return node;
    }
    if (starred) return fail();
    if (at_comprehension()) {
      Seq<comprehension*> generators;
      if (!comprehensions(&generators) || !expect(Tok::kRPar)) return nullptr;
      auto* node = make_at<GeneratorExp>(open);
      if (!node) return nullptr;
      node->elt = first;
      node->generators = generators;
      return node;
    }
    return expect(Tok::kRPar) ? first : nullptr;
  };
  result = parse();
  if (!result && diagnose_ && !error_) diagnose_group(open);
  return result;
}

expr* Parser::list_or_listcomp() {
  const Token* open = tok_++;
  auto parse = [&]() -> expr* {
    size_t base = scratch_.size();
    if (!at(Tok::kRSqb)) {
      bool starred = at(Tok::kStar);
      expr* first = star_named_expression();
      if (!push(first)) return nullptr;
      if (!starred && at_comprehension()) {
        scratch_.truncate(base);
        Seq<comprehension*> generators;
        if (!comprehensions(&generators) || !expect(Tok::kRSqb)) return nullptr;
        auto* node = make_at<ListComp>(open);
        if (!node) return nullptr;
        node->elt = first;
        node->generators = generators;
        return node;
      }
      if (!more_elements()) return nullptr;
    }
    if (!expect(Tok::kRSqb)) return nullptr;
    auto* node = make_at<List>(open);
    if (!node || !take(base, &node->elts)) return nullptr;
    node->ctx = expr_context::Load;
    return node;
  };
  expr* result = parse();
  if (!result && diagnose_ && !error_) diagnose_comprehension(open);
  return result;
}

expr* Parser::dict_set_or_comp() {
  const Token* open = tok_++;
  if (at(Tok::kRBrace) || at(Tok::kDoubleStar)) return dict_display(open, nullptr);
  auto parse = [&]() -> expr* {
    bool starred = at(Tok::kStar);
    bool walrus = at(Tok::kName) && tok_[1].kind == Tok::kColonEqual;
    const Token* first_token = tok_;
    expr* first;
    if (starred || walrus) {
      first = star_named_expression();
    } else {
      // A dict's key is an expression, a set's element a named expression; they differ when diagnosing only.
      first = expression();
      if (first && at(Tok::kColon)) return dict_display(open, first);
      if (first && diagnose_) {
        if (!check_invalid_named(first_token, first)) return nullptr;
      }
      if (first && at(Tok::kColonEqual)) return fail();
    }
    size_t base = scratch_.size();
    if (!push(first)) return nullptr;
    if (!starred && at_comprehension()) {
      scratch_.truncate(base);
      Seq<comprehension*> generators;
      if (!comprehensions(&generators) || !expect(Tok::kRBrace)) return nullptr;
      auto* node = make_at<SetComp>(open);
      if (!node) return nullptr;
      node->elt = first;
      node->generators = generators;
      return node;
    }
    if (!more_elements() || !expect(Tok::kRBrace)) return nullptr;
    auto* node = make_at<Set>(open);
    if (!node || !take(base, &node->elts)) return nullptr;
    return node;
  };
  expr* result = parse();
  if (!result && diagnose_ && !error_) diagnose_comprehension(open);
  return result;
}

// From the first pair on; its key has been parsed if there is one. Keys are nullptr for `**mapping`.
expr* Parser::dict_display(const Token* open, expr* first_key) {
  size_t base = scratch_.size();
  expr* key = first_key;
  bool first = true;
  auto parse = [&]() -> expr* {
    while (key || !at(Tok::kRBrace)) {
      if (!key && accept(Tok::kDoubleStar)) {
        if (!push_nullable<expr>(nullptr) || !push(bitwise_or())) return nullptr;
      } else {
        if (!key) key = expression();
        if (!key || !expect(Tok::kColon)) return nullptr;
        expr* value = expression();
        if (!value || !push(key) || !push(value)) return nullptr;
        if (first && at_comprehension()) {
          scratch_.truncate(base);
          Seq<comprehension*> generators;
          if (!comprehensions(&generators) || !expect(Tok::kRBrace)) return nullptr;
          auto* node = make_at<DictComp>(open);
          if (!node) return nullptr;
          node->key = key;
          node->value = value;
          node->generators = generators;
          return node;
        }
      }
      key = nullptr;
      first = false;
      if (!accept(Tok::kComma)) break;
    }
    if (!expect(Tok::kRBrace)) return nullptr;
    auto* node = make_at<Dict>(open);
    if (!node) return nullptr;
    uint32_t count = static_cast<uint32_t>((scratch_.size() - base) / 2);
    if (count) {
      node->keys = {arena_.make_array<expr*>(count), count};
      node->values = {arena_.make_array<expr*>(count), count};
      if (!node->keys.items || !node->values.items) return nullptr;
    }
    for (uint32_t i = 0; i < count; i++) {
      node->keys[i] = static_cast<expr*>(scratch_[base + 2 * i]);
      node->values[i] = static_cast<expr*>(scratch_[base + 2 * i + 1]);
    }
    scratch_.truncate(base);
    return node;
  };
  expr* result = parse();
  // (Also in the first pass, as in 3.11; what it raises there, without looking deeper, is final.)
  if (!result && !error_) diagnose_dict(open);
  return result;
}

bool Parser::comprehensions(Seq<comprehension*>* result) {
  size_t base = scratch_.size();
  while (at_comprehension()) {
    auto* node = make<comprehension>();
    if (!node) return false;
    node->is_async = accept(Tok::kAsync);
    const Token* after_for = ++tok_;
    node->target = star_targets();
    if (!node->target || !at(Tok::kIn)) {
      fail();
      if (diagnose_ && !error_) diagnose_for_target(after_for);
      return false;
    }
    tok_++;
    node->iter = disjunction();
    if (!node->iter) return false;
    size_t conditions = scratch_.size();
    while (accept(Tok::kIf)) {
      if (!push(disjunction())) return false;
    }
    if (node->is_async && !version_ok(6, "Async comprehensions are")) return false;
    if (!take(conditions, &node->ifs) || !push(node)) return false;
  }
  return take(base, result);
}

// A call's arguments, brackets included. A lone generator expression takes the brackets as its own.
// (A class's don't: there a bare one is an error.)
bool Parser::arguments(const Token* open, Seq<expr*>* args, Seq<keyword*>* keywords, bool of_class) {
  tok_++;
  size_t base = scratch_.size();
  Buffer<keyword*> keyword_list;
  bool keyword_seen = false, double_star_seen = false;
  while (!at(Tok::kRPar)) {
    const Token* start = tok_;
    if (at(Tok::kStar)) {
      if (double_star_seen) return fail(), false;
      tok_++;
      expr* value = expression();
      if (!value) return false;
      auto* starred = make_at<Starred>(start);
      if (!push(starred)) return false;
      starred->value = value;
      starred->ctx = expr_context::Load;
    } else if (at(Tok::kDoubleStar) || (at(Tok::kName) && tok_[1].kind == Tok::kEqual)) {
      identifier name = nullptr;
      if (at(Tok::kDoubleStar)) {
        double_star_seen = true;
        tok_++;
      } else {
        name = identifier_at(tok_);
        if (!name) return false;
        tok_ += 2;
      }
      keyword_seen = true;
      expr* value = expression();
      if (!value) return false;
      auto* node = make_at<keyword>(start);
      if (!node) return false;
      node->arg = name;
      node->value = value;
      if (!keyword_list.push(node)) return arena_.note_failure(), false;
    } else {
      if (keyword_seen) {
        if (at(Tok::kName)) touch(tok_ + 1);
        return fail(), false;
      }
      expr* value = assignment_or_expression();
      if (!value) return false;
      if (start == open + 1 && !of_class && at_comprehension()) {
        Seq<comprehension*> generators;
        if (!comprehensions(&generators) || !expect(Tok::kRPar)) return false;
        auto* node = make_at<GeneratorExp>(open);
        if (!push(node)) return false;
        node->elt = value;
        node->generators = generators;
        return take(base, args);
      }
      if (at(Tok::kEqual)) return fail(), false;
      if (!push(value)) return false;
    }
    if (!accept(Tok::kComma)) break;
  }
  if (!expect(Tok::kRPar)) return false;
  if (keyword_list.size()) {
    keywords->items = arena_.make_array<keyword*>(keyword_list.size());
    if (!keywords->items) return false;
    keywords->count = static_cast<uint32_t>(keyword_list.size());
    std::memcpy(static_cast<void*>(keywords->items), keyword_list.data(), keyword_list.size() * sizeof(keyword*));
  }
  return take(base, args);
}

expr* Parser::slices() {
  const Token* start = tok_;
  bool starred = at(Tok::kStar);
  auto element = [&]() -> expr* {
    if (!at(Tok::kStar)) return slice();
    const Token* star = tok_++;
    expr* value = expression();
    if (!value) return nullptr;
    auto* node = make_at<Starred>(star);
    if (!node) return nullptr;
    node->value = value;
    node->ctx = expr_context::Load;
    return node;
  };
  expr* first = element();
  if (!first) return nullptr;
  if (!starred && !at(Tok::kComma)) return first;
  size_t base = scratch_.size();
  if (!push(first)) return nullptr;
  while (accept(Tok::kComma)) {
    if (!at_expression_start() && !at(Tok::kStar) && !at(Tok::kColon)) {
      touch(tok_);
      break;
    }
    if (!push(element())) return nullptr;
  }
  auto* node = make_at<Tuple>(start);
  if (!node || !take(base, &node->elts)) return nullptr;
  node->ctx = expr_context::Load;
  return node;
}

expr* Parser::slice() {
  const Token* start = tok_;
  expr* lower = nullptr;
  if (!at(Tok::kColon)) {
    if (at(Tok::kName) && tok_[1].kind == Tok::kColonEqual) return named_expression();
    lower = expression();
    if (!lower) return nullptr;
    if (!at(Tok::kColon)) {
      if (diagnose_ && !check_invalid_named(start, lower)) return nullptr;
      if (at(Tok::kColonEqual)) return fail();
      return lower;
    }
  }
  tok_++;
  expr *upper = nullptr, *step = nullptr;
  if (at_expression_start() && !(upper = expression())) return nullptr;
  if (accept(Tok::kColon)) {
    if (at_expression_start() && !(step = expression())) return nullptr;
  }
  auto* node = make_at<Slice>(start);
  if (!node) return nullptr;
  node->lower = lower;
  node->upper = upper;
  node->step = step;
  return node;
}

expr* Parser::lambda() {
  DepthGuard guard(*this);
  if (guard.too_deep) return nullptr;
  const Token* start = tok_++;
  ast::arguments* args = parameters(true);
  if (!args) return nullptr;
  if (!expect(Tok::kColon)) return nullptr;
  expr* body = expression();
  if (!body) return nullptr;
  auto* node = make_at<Lambda>(start);
  if (!node) return nullptr;
  node->args = args;
  node->body = body;
  return node;
}

// ---- targets --------------------------------------------------------------------------------------------------

// Turns an expression into a target. False (nothing raised) if it can't be one.
bool Parser::set_context(expr* node, expr_context context, bool star_allowed) {
  switch (node->kind) {
    case Kind::Name: as<Name>(node)->ctx = context; return true;
    case Kind::Attribute: as<Attribute>(node)->ctx = context; return true;
    case Kind::Subscript: as<Subscript>(node)->ctx = context; return true;
    case Kind::Starred: {
      auto* starred = as<Starred>(node);
      if (!star_allowed || is<Starred>(starred->value)) return false;
      starred->ctx = context;
      return set_context(starred->value, context, false);
    }
    case Kind::Tuple:
    case Kind::List: {
      Seq<expr*>& elements = is<Tuple>(node) ? as<Tuple>(node)->elts : as<List>(node)->elts;
      for (expr* element : elements) {
        if (!set_context(element, context, context == expr_context::Store)) return false;
      }
      (is<Tuple>(node) ? as<Tuple>(node)->ctx : as<List>(node)->ctx) = context;
      return true;
    }
    default: return false;
  }
}

// What `for` assigns to, up to `in`.
expr* Parser::star_targets() {
  const Token* start = tok_;
  expr* first = star_target();
  if (!first || !at(Tok::kComma)) return first;
  size_t base = scratch_.size();
  if (!push(first)) return nullptr;
  while (accept(Tok::kComma)) {
    if (!at_expression_start() && !at(Tok::kStar)) {
      touch(tok_);
      break;
    }
    if (!push(star_target())) return nullptr;
  }
  auto* node = make_at<Tuple>(start);
  if (!node || !take(base, &node->elts)) return nullptr;
  node->ctx = expr_context::Store;
  return node;
}

expr* Parser::star_target() {
  const Token* start = tok_;
  expr* node;
  if (accept(Tok::kStar)) {
    expr* value = primary();
    if (!value) return nullptr;
    auto* starred = make_at<Starred>(start);
    if (!starred) return nullptr;
    starred->value = value;
    node = starred;
  } else {
    node = primary();
    if (!node) return nullptr;
  }
  if (!set_context(node, expr_context::Store, true)) return fail();
  return node;
}

// ---- parameters -----------------------------------------------------------------------------------------------

ast::arg* Parser::parameter(bool lambda, bool star_annotation) {
  if (!at(Tok::kName)) return fail();
  const Token* start = tok_++;
  identifier name = identifier_at(start);
  if (!name) return nullptr;
  expr* annotation = nullptr;
  if (!lambda && at(Tok::kColon)) {
    const Token* colon = tok_++;
    size_t kept = scratch_.size();
    annotation = star_annotation ? star_expression() : expression();
    if (!annotation && !stop_at(colon, kept, start)) return nullptr;
  }
  auto* node = make_at<arg>(start);
  if (!node) return nullptr;
  node->arg_ = name;
  node->annotation = annotation;
  return node;
}

// At '(' where a parameter should be: is this `(a, b)`, in the style of Python 2? Raises if so.
bool Parser::parenthesized_parameters(bool lambda) {
  const Token* open = tok_;
  auto names = [&] {
    tok_++;
    int count = 0;
    while (at(Tok::kName)) {
      if (!parameter(lambda, false)) return false;
      count++;
      if (!accept(Tok::kComma)) break;
    }
    return count > 0 && accept(Tok::kRPar);
  };
  if (!try_quietly(names)) return false;
  raise_tokens(open, tok_ - 1,
               lambda ? "Lambda expression parameters cannot be parenthesized" : "Function parameters cannot be parenthesized");
  return true;
}

// Up to ')' of a definition or ':' of a lambda, which is not consumed.
ast::arguments* Parser::parameters(bool lambda) {
  const Tok close = lambda ? Tok::kColon : Tok::kRPar;
  auto* result = make<ast::arguments>();
  if (!result) return nullptr;
  if (at(close)) return result;

  Buffer<arg*> positional, keyword_only;
  Buffer<expr*> defaults, keyword_defaults;
  auto store = [&](auto& list, auto* seq) {
    using T = std::remove_reference_t<decltype(list[0])>;
    seq->count = static_cast<uint32_t>(list.size());
    if (!seq->count) return true;
    seq->items = arena_.make_array<T>(seq->count);
    if (!seq->items) return false;
    std::memcpy(static_cast<void*>(seq->items), list.data(), seq->count * sizeof(T));
    return true;
  };
  auto keep = [&](bool ok) {
    if (!ok) arena_.note_failure();
    return ok;
  };
  bool slash = false, defaults_before_slash = false, plain_only = true;
  const Token* star = nullptr;
  // A parameter ends at ',' or the closing token, with a type comment behind the comma or before the end.
  auto end_of_parameter = [&](arg* node) {
    auto comment = [&] {
      if (lambda || !at(Tok::kTypeComment)) return true;
      if (node) node->type_comment = type_comment();
      return !node || node->type_comment;
    };
    if (accept(Tok::kComma)) {
      return node ? comment() : true;
    }
    return comment() && (at(close) || (fail(), false));
  };
  auto default_value = [&]() -> expr* {
    const Token* equal = tok_++;
    if (diagnose_ && (at(Tok::kRPar) || at(Tok::kComma)))
      return raise_at(equal, "expected default value expression");
    return expression();
  };
  auto followed_by_end = [&] { return at(Tok::kComma) || at(close) || (!lambda && at(Tok::kTypeComment)); };

  while (!at(close)) {
    if (at(Tok::kSlash)) {
      const Token* here = tok_;
      if (slash || star || positional.empty()) {
        fail();
        if (diagnose_ && !error_) {
          if (star) return raise_at(here, "/ must be ahead of *");
          if (slash) return raise_at(here, "/ may appear only once");
          if (tok_[1].kind == Tok::kComma) return raise_at(here, "at least one argument must precede /");
        }
        return nullptr;
      }
      tok_++;
      if (!version_ok(8, "Positional-only parameters are")) return nullptr;
      slash = true;
      defaults_before_slash = !defaults.empty();
      plain_only = false;
      if (!store(positional, &result->posonlyargs)) return nullptr;
      positional.truncate(0);
      if (diagnose_ && at(Tok::kStar)) return raise_at(tok_, "expected comma between / and *");
      if (!accept(Tok::kComma) && !at(close)) return fail();
    } else if (at(Tok::kStar)) {
      const Token* here = tok_;
      if (star) {
        fail();
        if (!diagnose_ || error_ || (result->vararg && result->vararg->annotation && is<Starred>(result->vararg->annotation))) {
          return nullptr;
        }
        tok_++;
        if (at(Tok::kComma) || (parameter(lambda, false) && followed_by_end())) {
          return raise_at(here, "* argument may appear only once");
        }
        return nullptr;
      }
      star = tok_++;
      plain_only = false;
      auto bare_star = [&]() -> ast::arguments* {
        fail();
        if (!diagnose_ || error_) return nullptr;
        constexpr const char* kMessage = "named arguments must follow bare *";
        return lambda ? raise_last(ErrorKind::kSyntaxError, kMessage) : raise_at(star, kMessage);
      };
      if (at(close)) return bare_star();
      if (accept(Tok::kComma)) {
        if (at(Tok::kTypeComment)) {
          fail();
          return diagnose_ && !error_
                     ? raise_last(ErrorKind::kSyntaxError, "bare * has associated type comment")
                     : nullptr;
        }
        if (at(close) || at(Tok::kDoubleStar)) return bare_star();
      } else {
        result->vararg = parameter(lambda, true);
        if (!result->vararg) return nullptr;
        if (at(Tok::kEqual)) {
          fail();
          if (!diagnose_ || error_ || (result->vararg->annotation && is<Starred>(result->vararg->annotation))) return nullptr;
          return raise_at(tok_, "var-positional argument cannot have default value");
        }
        if (!end_of_parameter(result->vararg)) return nullptr;
      }
    } else if (accept(Tok::kDoubleStar)) {
      result->kwarg = parameter(lambda, false);
      if (!result->kwarg) return nullptr;
      if (at(Tok::kEqual)) {
        fail();
        return diagnose_ && !error_ ? raise_at(tok_, "var-keyword argument cannot have default value") : nullptr;
      }
      if (!end_of_parameter(result->kwarg)) return nullptr;
      if (!at(close)) {
        fail();
        if (!diagnose_ || error_) return nullptr;
        if (at(Tok::kStar) || at(Tok::kDoubleStar) || at(Tok::kSlash))
          return raise_at(tok_, "arguments cannot follow var-keyword argument");
        arg* extra = tok_[-1].kind == Tok::kComma ? try_quietly([&] { return parameter(lambda, false); }) : nullptr;
        if (extra) return raise_node(extra, "arguments cannot follow var-keyword argument");
        return nullptr;
      }
      break;
    } else {
      if (at(Tok::kLPar) && diagnose_ && plain_only && parenthesized_parameters(lambda)) return nullptr;
      arg* node = parameter(lambda, false);
      if (!node) return nullptr;
      if (at(Tok::kEqual)) {
        plain_only = false;
        expr* value = default_value();
        if (!value) return nullptr;
        if (!keep((star ? keyword_defaults : defaults).push(value))) return nullptr;
      } else if (star) {
        if (!keep(keyword_defaults.push(nullptr))) return nullptr;
      } else if (!defaults.empty()) {
        touch(tok_);
        if (diagnose_ && followed_by_end() && (!slash || (defaults_before_slash && positional.empty())))
          return raise_node(node, "non-default argument follows default argument");
        return fail();
      }
      if (!keep((star ? keyword_only : positional).push(node))) return nullptr;
      if (!end_of_parameter(node)) return nullptr;
    }
  }
  if (star && !result->vararg && keyword_only.empty()) return fail();
  if (!store(positional, &result->args) || !store(keyword_only, &result->kwonlyargs) ||
      !store(defaults, &result->defaults) || !store(keyword_defaults, &result->kw_defaults))
    return nullptr;
  return result;
}

}  // namespace atl::compiler
