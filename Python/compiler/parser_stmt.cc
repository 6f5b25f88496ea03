// Statements.
#include "Python/compiler/parser_impl.h"

namespace atl::compiler {

using namespace ast;

namespace {

bool augmented_operator(Tok kind, operator_* op) {
  switch (kind) {
    case Tok::kPlusEqual: *op = operator_::Add; return true;
    case Tok::kMinEqual: *op = operator_::Sub; return true;
    case Tok::kStarEqual: *op = operator_::Mult; return true;
    case Tok::kAtEqual: *op = operator_::MatMult; return true;
    case Tok::kSlashEqual: *op = operator_::Div; return true;
    case Tok::kPercentEqual: *op = operator_::Mod; return true;
    case Tok::kAmperEqual: *op = operator_::BitAnd; return true;
    case Tok::kVBarEqual: *op = operator_::BitOr; return true;
    case Tok::kCircumflexEqual: *op = operator_::BitXor; return true;
    case Tok::kLeftShiftEqual: *op = operator_::LShift; return true;
    case Tok::kRightShiftEqual: *op = operator_::RShift; return true;
    case Tok::kDoubleStarEqual: *op = operator_::Pow; return true;
    case Tok::kDoubleSlashEqual: *op = operator_::FloorDiv; return true;
    default: return false;
  }
}

// An expression in brackets of its own starts later than its first token.
bool is_parenthesized(const Token* start, const expr* node) {
  return start->kind == Tok::kLPar && (node->lineno != start->line || node->col_offset != start->col);
}

}  // namespace

// Statements up to the end of the block or text, pushed on scratch_.
bool Parser::statements() {
  do {
    if (!statement()) return false;
  } while (!at(Tok::kDedent) && !at(Tok::kEndMarker));
  return true;
}

bool Parser::statement() {
  switch (kind()) {
    case Tok::kIf:
    case Tok::kWhile:
    case Tok::kFor:
    case Tok::kTry:
    case Tok::kWith:
    case Tok::kDef:
    case Tok::kClass:
    case Tok::kAt:
    case Tok::kAsync: return push(compound_statement());
    case Tok::kName:
      if (tok_->soft == SoftKeyword::kMatch) {
        stmt* match = match_statement();
        if (match) return push(match);
        if (error_ || arena_.failed()) return false;
      }
      [[fallthrough]];
    default: return simple_statements();
  }
}

stmt* Parser::compound_statement() {
  switch (kind()) {
    case Tok::kIf: return if_statement();
    case Tok::kWhile: return while_statement();
    case Tok::kFor: return for_statement(tok_, false);
    case Tok::kTry: return try_statement();
    case Tok::kWith: return with_statement(tok_, false);
    case Tok::kDef: return function_definition(tok_, {}, false);
    case Tok::kClass: return class_definition({});
    case Tok::kAt: return decorated();
    default: {
      const Token* start = tok_++;
      switch (kind()) {
        case Tok::kDef: return function_definition(start, {}, true);
        case Tok::kFor: return for_statement(start, true);
        case Tok::kWith: return with_statement(start, true);
        default: return fail();
      }
    }
  }
}

bool Parser::simple_statements() {
  for (;;) {
    if (!push(simple_statement())) return false;
    if (accept(Tok::kSemi)) {
      if (accept(Tok::kNewline)) return true;
      touch(tok_);
      continue;
    }
    return expect(Tok::kNewline);
  }
}

stmt* Parser::simple_statement() {
  const Token* start = tok_;
  switch (kind()) {
    case Tok::kReturn: return return_statement();
    case Tok::kImport: return import_statement();
    case Tok::kFrom: return import_from();
    case Tok::kRaise: return raise_statement();
    case Tok::kPass: return tok_++, make_at<Pass>(start);
    case Tok::kBreak: return tok_++, make_at<Break>(start);
    case Tok::kContinue: return tok_++, make_at<Continue>(start);
    case Tok::kDel: return delete_statement();
    case Tok::kAssert: return assert_statement();
    case Tok::kGlobal:
    case Tok::kNonlocal: return global_or_nonlocal();
    default: return expression_statement();
  }
}

// ---- expressions and assignments --------------------------------------------------------------------------------

stmt* Parser::expression_statement() {
  const Token* start = tok_;
  expr* value = yield_or_star_expressions();
  if (!value) return nullptr;
  operator_ op;
  if (at(Tok::kEqual)) return assignment(start, value);
  if (at(Tok::kColon)) return annotated_assignment(start, value);
  if (augmented_operator(kind(), &op)) {
    bool target_ok = (is<Name>(value) || is<Attribute>(value) || is<Subscript>(value)) &&
                     set_context(value, expr_context::Store, false);
    if (!target_ok) {
      fail();
      if (!diagnose_ || error_ || start->kind == Tok::kYield) return nullptr;
      tok_++;
      if (!yield_or_star_expressions()) return nullptr;
      return raise_node(value, "'%s' is an illegal expression for augmented assignment", expression_name(value));
    }
    tok_++;
    if (op == operator_::MatMult && !version_ok(5, "The '@' operator is")) return nullptr;
    expr* right = yield_or_star_expressions();
    if (!right) return nullptr;
    auto* node = make_at<AugAssign>(start);
    if (!node) return nullptr;
    node->target = value;
    node->op = op;
    node->value = right;
    return node;
  }
  if (diagnose_ && start->kind != Tok::kYield && !at(Tok::kNewline) && !at(Tok::kSemi)) {
    const Token* here = tok_;
    touch(tok_);
    expr* first = diagnose_elements(start);
    if (first && accept(Tok::kColon) && expression()) {
      return raise_node(first, "only single target (not tuple) can be annotated");
    }
    if (error_) return nullptr;
    tok_ = here;
  }
  auto* node = make_at<Expr>(start);
  if (node) node->value = value;
  return node;
}

stmt* Parser::assignment(const Token* start, expr* first) {
  size_t base = scratch_.size();
  expr* value = first;
  const Token* value_start = start;
  while (at(Tok::kEqual)) {
    if (value_start->kind == Tok::kYield || !set_context(value, expr_context::Store, true)) {
      fail();
      if (diagnose_ && !error_) diagnose_assignment(start, value_start, value);
      return nullptr;
    }
    if (!push(value)) return nullptr;
    tok_++;
    value_start = tok_;
    value = yield_or_star_expressions();
    if (!value) {
      if (diagnose_ && !error_ && start->kind != Tok::kYield) {
        touch(tok_);
        diagnose_elements(start);
      }
      return nullptr;
    }
  }
  string comment = nullptr;
  if (at(Tok::kTypeComment) && !(comment = type_comment())) return nullptr;
  auto* node = make_at<Assign>(start);
  if (!node || !take(base, &node->targets)) return nullptr;
  node->value = value;
  node->type_comment = comment;
  return node;
}

// At ':'.
stmt* Parser::annotated_assignment(const Token* start, expr* target) {
  bool parenthesized = is_parenthesized(start, target);
  bool is_name = is<Name>(target);
  if (start->kind == Tok::kYield || !(is_name || is<Attribute>(target) || is<Subscript>(target))) {
    fail();
    if (diagnose_ && !error_ && start->kind != Tok::kYield) diagnose_annotation(start, target);
    return nullptr;
  }
  set_context(target, expr_context::Store, false);
  tok_++;
  expr* annotation = expression();
  if (!annotation) return nullptr;
  if (!version_ok(6, "Variable annotations are")) return nullptr;
  expr* value = nullptr;
  if (accept(Tok::kEqual)) {
    value = yield_or_star_expressions();
    if (!value) return nullptr;
  }
  auto* node = make_at<AnnAssign>(start);
  if (!node) return nullptr;
  node->target = target;
  node->annotation = annotation;
  node->value = value;
  node->simple = is_name && !parenthesized;
  return node;
}

string Parser::type_comment() {
  const Token* token = tok_++;
  return shared_.names.intern(text(token));
}

// ---- small statements -------------------------------------------------------------------------------------------

stmt* Parser::return_statement() {
  const Token* start = tok_++;
  expr* value = nullptr;
  if (at_expression_start() || at(Tok::kStar)) {
    value = star_expressions();
    if (!value) return nullptr;
  }
  auto* node = make_at<Return>(start);
  if (node) node->value = value;
  return node;
}

stmt* Parser::raise_statement() {
  const Token* start = tok_++;
  expr *exc = nullptr, *cause = nullptr;
  if (at_expression_start()) {
    exc = expression();
    if (!exc) return nullptr;
    if (accept(Tok::kFrom)) {
      cause = expression();
      if (!cause) return nullptr;
    }
  }
  auto* node = make_at<Raise>(start);
  if (!node) return nullptr;
  node->exc = exc;
  node->cause = cause;
  return node;
}

stmt* Parser::assert_statement() {
  const Token* start = tok_++;
  expr* test = expression();
  if (!test) return nullptr;
  expr* msg = nullptr;
  if (accept(Tok::kComma) && !(msg = expression())) return nullptr;
  auto* node = make_at<Assert>(start);
  if (!node) return nullptr;
  node->test = test;
  node->msg = msg;
  return node;
}

stmt* Parser::delete_statement() {
  const Token* start = tok_++;
  const Token* targets_start = tok_;
  size_t base = scratch_.size();
  auto targets = [&] {
    do {
      if (!at_expression_start() && scratch_.size() > base) break;
      expr* target = primary();
      if (!target) return false;
      if (!set_context(target, expr_context::Del, false)) return fail(), false;
      if (!push(target)) return false;
    } while (accept(Tok::kComma));
    return at(Tok::kSemi) || at(Tok::kNewline) || (fail(), false);
  };
  if (!targets()) {
    if (diagnose_ && !error_) {
      touch(tok_);
      tok_ = targets_start;
      expr* all = star_expressions();
      if (all) raise_invalid_target(all, TargetKind::kDel);
    }
    return nullptr;
  }
  auto* node = make_at<Delete>(start);
  if (!node || !take(base, &node->targets)) return nullptr;
  return node;
}

stmt* Parser::global_or_nonlocal() {
  const Token* start = tok_++;
  size_t base = scratch_.size();
  do {
    if (!at(Tok::kName)) return fail();
    if (!push(identifier_at(tok_++))) return nullptr;
  } while (accept(Tok::kComma));
  if (start->kind == Tok::kGlobal) {
    auto* node = make_at<Global>(start);
    return node && take(base, &node->names) ? node : nullptr;
  }
  auto* node = make_at<Nonlocal>(start);
  return node && take(base, &node->names) ? node : nullptr;
}

// NAME ('.' NAME)*, as one identifier.
identifier Parser::dotted_name() {
  if (!at(Tok::kName)) return fail();
  identifier first = identifier_at(tok_++);
  if (!first || !at(Tok::kDot)) return first;
  Buffer<char> joined;
  bool ok = joined.append(first->text, first->size);
  while (ok && accept(Tok::kDot)) {
    if (!at(Tok::kName)) return fail();
    identifier part = identifier_at(tok_++);
    if (!part) return nullptr;
    ok = joined.push('.') && joined.append(part->text, part->size);
  }
  if (!ok) return arena_.note_failure(), nullptr;
  return shared_.names.intern({joined.data(), joined.size()});
}

stmt* Parser::import_statement() {
  const Token* start = tok_++;
  size_t base = scratch_.size();
  do {
    const Token* alias_start = tok_;
    identifier name = dotted_name();
    if (!name) return nullptr;
    identifier asname = nullptr;
    if (accept(Tok::kAs)) {
      if (!at(Tok::kName)) return fail();
      if (!(asname = identifier_at(tok_++))) return nullptr;
    }
    auto* node = make_at<alias>(alias_start);
    if (!push(node)) return nullptr;
    node->name = name;
    node->asname = asname;
  } while (accept(Tok::kComma));
  auto* node = make_at<Import>(start);
  return node && take(base, &node->names) ? node : nullptr;
}

stmt* Parser::import_from() {
  const Token* start = tok_++;
  int level = 0;
  for (;; tok_++) {
    if (at(Tok::kDot)) {
      level += 1;
    } else if (at(Tok::kEllipsis)) {
      level += 3;
    } else {
      break;
    }
  }
  identifier module = nullptr;
  if (level == 0 || !at(Tok::kImport)) {
    module = dotted_name();
    if (!module) return nullptr;
  }
  if (!expect(Tok::kImport)) return nullptr;
  size_t base = scratch_.size();
  if (at(Tok::kStar)) {
    const Token* star = tok_++;
    auto* all = make_at<alias>(star);
    if (!push(all)) return nullptr;
    all->name = shared_.names.intern("*");
    if (!all->name) return nullptr;
  } else {
    bool parenthesized = accept(Tok::kLPar);
    for (;;) {
      const Token* alias_start = tok_;
      if (!at(Tok::kName)) return fail();
      identifier name = identifier_at(tok_++);
      if (!name) return nullptr;
      identifier asname = nullptr;
      if (accept(Tok::kAs)) {
        if (!at(Tok::kName)) return fail();
        if (!(asname = identifier_at(tok_++))) return nullptr;
      }
      auto* node = make_at<alias>(alias_start);
      if (!push(node)) return nullptr;
      node->name = name;
      node->asname = asname;
      if (level == 0 && module && module->is("__future__") && name->is("barry_as_FLUFL")) shared_.barry = true;
      if (!accept(Tok::kComma)) break;
      if (parenthesized && at(Tok::kRPar)) break;
      if (!parenthesized && at(Tok::kNewline)) {
        fail();
        if (diagnose_ && !error_)
          raise_last(ErrorKind::kSyntaxError, "trailing comma not allowed without surrounding parentheses");
        return nullptr;
      }
    }
    if (parenthesized && !expect(Tok::kRPar)) return nullptr;
  }
  auto* node = make_at<ImportFrom>(start);
  if (!node || !take(base, &node->names)) return nullptr;
  node->module = module;
  node->level = level;
  return node;
}

// ---- blocks -----------------------------------------------------------------------------------------------------

// What follows ':': an indented block or statements on the same line.
bool Parser::block(Seq<stmt*>* body) {
  size_t base = scratch_.size();
  if (accept(Tok::kNewline)) {
    if (!expect(Tok::kIndent) || !statements() || !expect(Tok::kDedent)) return false;
  } else {
    if (!simple_statements()) return false;
  }
  return take(base, body);
}

// ':' and block of a statement whose ':' 3.11 does not insist on: its absence is only explained at a line's end.
bool Parser::colon_and_block(const Token* keyword, const char* what, Seq<stmt*>* body) {
  return statement_colon() && diagnose_block(keyword, what) && block(body);
}

bool Parser::statement_colon() {
  if (accept(Tok::kColon)) return true;
  fail();
  if (diagnose_ && !error_ && at(Tok::kNewline)) raise_last(ErrorKind::kSyntaxError, "expected ':'");
  return false;
}

// The same where ':' is insisted on.
bool Parser::forced_colon_and_block(const Token* keyword, const char* what, Seq<stmt*>* body) {
  if (!at(Tok::kColon)) return raise_forced(":"), false;
  tok_++;
  return diagnose_block(keyword, what) && block(body);
}

bool Parser::else_block(Seq<stmt*>* body) {
  if (!at(Tok::kElse)) return touch(tok_), true;
  const Token* start = tok_++;
  return forced_colon_and_block(start, "'else' statement", body);
}

// A chain of elif is built from its end, so that its length costs no stack.
stmt* Parser::if_statement() {
  size_t base = scratch_.size();
  Seq<stmt*> orelse;
  while (at(Tok::kIf) || at(Tok::kElif)) {
    const Token* start = tok_++;
    auto* node = make_at<If>(start);
    if (!push(node)) return nullptr;
    node->test = named_expression();
    if (!node->test) return nullptr;
    if (!colon_and_block(start, start->kind == Tok::kIf ? "'if' statement" : "'elif' statement", &node->body))
      return nullptr;
    if (!at(Tok::kElif)) {
      if (!else_block(&orelse)) return nullptr;
      break;
    }
  }
  const Token* last = previous();
  If* inner = nullptr;
  while (scratch_.size() > base) {
    auto* node = static_cast<If*>(scratch_.pop());
    if (inner) {
      auto** items = arena_.make_array<stmt*>(1);
      if (!items) return nullptr;
      items[0] = inner;
      node->orelse = {items, 1};
    } else {
      node->orelse = orelse;
    }
    node->end_lineno = end_line(last);
    node->end_col_offset = last->end_col;
    inner = node;
  }
  return inner;
}

stmt* Parser::while_statement() {
  const Token* start = tok_++;
  expr* test = named_expression();
  if (!test) return nullptr;
  Seq<stmt*> body, orelse;
  if (!colon_and_block(start, "'while' statement", &body) || !else_block(&orelse)) return nullptr;
  auto* node = make_at<While>(start);
  if (!node) return nullptr;
  node->test = test;
  node->body = body;
  node->orelse = orelse;
  return node;
}

stmt* Parser::for_statement(const Token* start, bool is_async) {
  if (is_async && !version_ok(5, "Async for loops are")) return nullptr;
  const Token* for_token = tok_++;
  const Token* after_for = tok_;
  expr* target = star_targets();
  if (!target || !at(Tok::kIn)) {
    fail();
    if (diagnose_ && !error_) diagnose_for_target(after_for);
    return nullptr;
  }
  tok_++;
  expr* iter = star_expressions();
  if (!iter || !statement_colon()) return nullptr;
  string comment = nullptr;
  if (at(Tok::kTypeComment) && !(comment = type_comment())) return nullptr;
  Seq<stmt*> body, orelse;
  if (!diagnose_block(for_token, "'for' statement") || !block(&body) || !else_block(&orelse)) return nullptr;
  auto fill = [&](auto* node) -> stmt* {
    if (!node) return nullptr;
    node->target = target;
    node->iter = iter;
    node->body = body;
    node->orelse = orelse;
    node->type_comment = comment;
    return node;
  };
  return is_async ? fill(make_at<AsyncFor>(start)) : fill(make_at<For>(start));
}

// ---- with -------------------------------------------------------------------------------------------------------

ast::withitem* Parser::with_item() {
  expr* context = expression();
  if (!context) return nullptr;
  expr* target = nullptr;
  if (at(Tok::kAs)) {
    const Token* as_token = tok_++;
    target = star_target();
    if (!target || !(at(Tok::kComma) || at(Tok::kRPar) || at(Tok::kColon))) {
      if (error_) return nullptr;
      touch(tok_);
      if (tok_->kind == Tok::kError) return fail();
      if (diagnose_) {
        tok_ = as_token + 1;
        expr* other = expression();
        if (other && (at(Tok::kComma) || at(Tok::kRPar) || at(Tok::kColon)))
          raise_invalid_target(other, TargetKind::kStar);
      }
      return nullptr;
    }
  }
  auto* item = make<withitem>();
  if (!item) return nullptr;
  item->context_expr = context;
  item->optional_vars = target;
  return item;
}

bool Parser::with_items(Seq<withitem*>* items, bool parenthesized) {
  size_t base = scratch_.size();
  do {
    if (parenthesized && at(Tok::kRPar) && scratch_.size() > base) break;
    if (!push(with_item())) return false;
  } while (accept(Tok::kComma));
  if (parenthesized && !(expect(Tok::kRPar) && (at(Tok::kColon) || (fail(), false)))) return false;
  return take(base, items);
}

stmt* Parser::with_statement(const Token* start, bool is_async) {
  if (is_async && !version_ok(5, "Async with statements are")) return nullptr;
  const Token* with_token = tok_++;
  const Token* items_start = tok_;
  Seq<withitem*> items;
  bool done = false;
  if (at(Tok::kLPar)) {
    // Brackets around all items, or the beginning of an expression?
    Mark m = mark();
    tok_++;
    done = with_items(&items, true);
    if (!done) {
      if (error_ || arena_.failed()) return nullptr;
      restore(m);
    } else if (!version_ok(9, "Parenthesized context managers are")) {
      return nullptr;
    }
  }
  bool brackets = done;
  if (!done) done = with_items(&items, false);
  if (!done || !at(Tok::kColon)) {
    fail();
    if (diagnose_ && !error_) diagnose_with(items_start);
    return nullptr;
  }
  tok_++;
  string comment = nullptr;
  if (!brackets && at(Tok::kTypeComment) && !(comment = type_comment())) return nullptr;
  Seq<stmt*> body;
  if (!diagnose_block(with_token, "'with' statement") || !block(&body)) return nullptr;
  auto fill = [&](auto* node) -> stmt* {
    if (!node) return nullptr;
    node->items = items;
    node->body = body;
    node->type_comment = comment;
    return node;
  };
  return is_async ? fill(make_at<AsyncWith>(start)) : fill(make_at<With>(start));
}

// ---- try --------------------------------------------------------------------------------------------------------

stmt* Parser::try_statement() {
  const Token* start = tok_++;
  Seq<stmt*> body, orelse, finalbody;
  Seq<excepthandler*> handlers;
  if (!forced_colon_and_block(start, "'try' statement", &body)) return nullptr;
  bool star = false;
  size_t base = scratch_.size();
  while (at(Tok::kExcept)) {
    const Token* except = tok_++;
    bool this_star = at(Tok::kStar);
    if (scratch_.size() == base) {
      star = this_star;
    } else if (star != this_star) {
      fail();
      if (!diagnose_ || error_) return nullptr;
      if (this_star) tok_++;
      expr* type = nullptr;
      identifier name = nullptr;
      if (!except_header(this_star, &type, &name)) {
        if (!error_) diagnose_except(except, this_star);
        return nullptr;
      }
      return raise_tokens(except, except + this_star, "cannot have both 'except' and 'except*' on the same 'try'");
    }
    if (this_star) tok_++;
    if (!push(except_clause(except, this_star))) return nullptr;
  }
  if (!take(base, &handlers)) return nullptr;
  if (handlers.empty() && !at(Tok::kFinally)) {
    fail();
    if (diagnose_ && !error_) raise_last(ErrorKind::kSyntaxError, "expected 'except' or 'finally' block");
    return nullptr;
  }
  if (!handlers.empty() && !else_block(&orelse)) return nullptr;
  if (at(Tok::kFinally)) {
    const Token* keyword = tok_++;
    if (!forced_colon_and_block(keyword, "'finally' statement", &finalbody)) return nullptr;
  } else {
    touch(tok_);
  }
  auto fill = [&](auto* node) -> stmt* {
    if (!node) return nullptr;
    node->body = body;
    node->handlers = handlers;
    node->orelse = orelse;
    node->finalbody = finalbody;
    return node;
  };
  if (!star) return fill(make_at<Try>(start));
  if (!version_ok(11, "Exception groups are")) return nullptr;
  return fill(make_at<TryStar>(start));
}

// Behind `except` or `except*`: types and name, up to and including ':'.
bool Parser::except_header(bool star, expr** type, identifier* name) {
  if (!star && accept(Tok::kColon)) return true;
  *type = expression();
  if (!*type) return false;
  if (accept(Tok::kAs)) {
    if (!at(Tok::kName)) return fail(), false;
    *name = identifier_at(tok_++);
    if (!*name) return false;
  }
  return expect(Tok::kColon);
}

excepthandler* Parser::except_clause(const Token* except, bool star) {
  expr* type = nullptr;
  identifier name = nullptr;
  Seq<stmt*> body;
  if (!except_header(star, &type, &name)) {
    if (diagnose_ && !error_) diagnose_except(except, star);
    return nullptr;
  }
  if (!diagnose_block(except, star ? "'except*' statement" : "'except' statement") || !block(&body)) return nullptr;
  auto* node = make_at<ExceptHandler>(except);
  if (!node) return nullptr;
  node->type = type;
  node->name = name;
  node->body = body;
  return node;
}

// ---- definitions ------------------------------------------------------------------------------------------------

stmt* Parser::decorated() {
  size_t base = scratch_.size();
  Seq<expr*> decorators;
  while (accept(Tok::kAt)) {
    if (!push(named_expression()) || !expect(Tok::kNewline)) return nullptr;
  }
  if (!take(base, &decorators)) return nullptr;
  switch (kind()) {
    case Tok::kDef: return function_definition(tok_, decorators, false);
    case Tok::kClass: return class_definition(decorators);
    case Tok::kAsync:
      if (tok_[1].kind == Tok::kDef) {
        const Token* start = tok_++;
        return function_definition(start, decorators, true);
      }
      tok_++;
      [[fallthrough]];
    default: return fail();
  }
}

stmt* Parser::function_definition(const Token* start, Seq<expr*> decorators, bool is_async) {
  const Token* def = tok_++;
  if (!at(Tok::kName)) return fail();
  identifier name = identifier_at(tok_++);
  if (!name) return nullptr;
  if (!at(Tok::kLPar)) return raise_forced("(");
  tok_++;
  ast::arguments* args = parameters(false);
  if (!args || !expect(Tok::kRPar)) return nullptr;
  expr* returns = nullptr;
  if (at(Tok::kRarrow)) {
    const Token* arrow = tok_++;
    size_t kept = scratch_.size();
    returns = expression();
    if (!returns && !stop_at(arrow, kept, args)) return nullptr;
  }
  if (!at(Tok::kColon)) return raise_forced(":");
  tok_++;
  string comment = nullptr;
  if (options_.type_comments && !function_type_comment(&comment)) return nullptr;
  Seq<stmt*> body;
  if (!diagnose_block(def, "function definition") || !block(&body)) return nullptr;
  if (is_async && !version_ok(5, "Async functions are")) return nullptr;
  auto fill = [&](auto* node) -> stmt* {
    if (!node) return nullptr;
    node->name = name;
    node->args = args;
    node->body = body;
    node->decorator_list = decorators;
    node->returns = returns;
    node->type_comment = comment;
    return node;
  };
  return is_async ? fill(make_at<AsyncFunctionDef>(start)) : fill(make_at<FunctionDef>(start));
}

// Behind a definition's ':': a comment on the same line, or alone on the next line.
bool Parser::function_type_comment(string* comment) {
  if (at(Tok::kNewline) && tok_[1].kind == Tok::kTypeComment && tok_[2].kind == Tok::kNewline &&
      tok_[3].kind == Tok::kIndent) {
    tok_++;
    *comment = type_comment();
    return *comment;
  }
  if (!at(Tok::kTypeComment)) return true;
  if (diagnose_ && tok_[1].kind == Tok::kNewline && tok_[2].kind == Tok::kTypeComment &&
      tok_[3].kind == Tok::kNewline && tok_[4].kind == Tok::kIndent) {
    touch(tok_ + 4);
    raise_last(ErrorKind::kSyntaxError, "Cannot have two type comments on def");
    return false;
  }
  *comment = type_comment();
  return *comment;
}

stmt* Parser::class_definition(Seq<expr*> decorators) {
  const Token* start = tok_++;
  if (!at(Tok::kName)) return fail();
  identifier name = identifier_at(tok_++);
  if (!name) return nullptr;
  Seq<expr*> bases;
  Seq<keyword*> keywords;
  if (at(Tok::kLPar)) {
    const Token* open = tok_;
    if (!arguments(open, &bases, &keywords, true)) {
      if (diagnose_ && !error_) diagnose_arguments(open);
      return nullptr;
    }
  }
  Seq<stmt*> body;
  if (!colon_and_block(start, "class definition", &body)) return nullptr;
  auto* node = make_at<ClassDef>(start);
  if (!node) return nullptr;
  node->name = name;
  node->bases = bases;
  node->keywords = keywords;
  node->body = body;
  node->decorator_list = decorators;
  return node;
}

}  // namespace atl::compiler
