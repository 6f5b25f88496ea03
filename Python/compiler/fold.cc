// Constant folding on the tree, in place. What 3.11 folds is folded here with arena constants; integers up to 127 bits
// take part (its own limit for products and powers is 128), float floor division and modulo are left to run time.
#include <cmath>
#include <cstdio>

#include "Python/compiler/passes.h"
#include "Python/compiler/utf8.h"

namespace atl::compiler {

using namespace ast;

namespace {

using Wide = __int128;

constexpr int kMaxIntBits = 128;
constexpr int64_t kMaxCollection = 256;
constexpr int64_t kMaxText = 4096;
constexpr int64_t kMaxTotalItems = 1024;

bool wide_value(constant c, Wide* value) {
  switch (c->kind) {
    case ConstantKind::kTrue: return *value = 1, true;
    case ConstantKind::kFalse: return *value = 0, true;
    case ConstantKind::kInt: return *value = c->integer, true;
    case ConstantKind::kBigInt: {
      Wide result = 0;
      for (char ch : c->view()) {
        int digit = ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10;
        if (__builtin_mul_overflow(result, Wide{c->base}, &result) || __builtin_add_overflow(result, Wide{digit}, &result))
          return false;
      }
      *value = c->negative ? -result : result;
      return true;
    }
    default: return false;
  }
}

bool is_integer(constant c) {
  return c->kind == ConstantKind::kTrue || c->kind == ConstantKind::kFalse || c->kind == ConstantKind::kInt ||
         c->kind == ConstantKind::kBigInt;
}

int bits(Wide value) {
  if (value < 0) value = -value;
  auto u = static_cast<unsigned __int128>(value);
  int n = 0;
  for (; u; u >>= 1) n++;
  return n;
}

class Folder {
 public:
  Folder(PassContext& context, const FoldOptions& options) : context_(context), arena_(context.arena), options_(options) {}

  bool module(mod* tree) {
    switch (tree->kind) {
      case Kind::Module: return body(as<Module>(tree)->body);
      case Kind::Interactive: return statements(as<Interactive>(tree)->body);
      case Kind::Expression: return expression(as<Expression>(tree)->body);
      default: return true;
    }
  }

 private:
  // A folded string must not become a docstring.
  bool body(Seq<stmt*>& items) {
    auto has_docstring = [&] {
      auto* first = items.empty() ? nullptr : if_is<Expr>(items[0]);
      auto* text = first ? if_is<Constant>(first->value) : nullptr;
      return text && text->value->kind == ConstantKind::kStr;
    };
    bool before = has_docstring();
    if (!statements(items)) return false;
    if (!before && has_docstring()) {
      auto* text = as<Expr>(items[0]);
      auto* joined = arena_.make<JoinedStr>();
      auto** values = arena_.make_array<expr*>(1);
      if (!joined || !values) return false;
      copy_place(joined, text->value);
      static_cast<Node*>(joined)->kind = Kind::JoinedStr;
      values[0] = text->value;
      joined->values = {values, 1};
      text->value = joined;
    }
    return true;
  }
  bool statements(Seq<stmt*>& items) {
    for (stmt* s : items) {
      if (!statement(s)) return false;
    }
    return true;
  }
  bool expressions(Seq<expr*>& items) {
    for (expr*& e : items) {
      if (e && !expression(e)) return false;
    }
    return true;
  }
  bool maybe(expr*& e) { return !e || expression(e); }
  bool keywords(Seq<keyword*>& items) {
    for (keyword* k : items) {
      if (!expression(k->value)) return false;
    }
    return true;
  }
  bool statement(stmt* s);
  bool function_parts(ast::arguments* args, Seq<stmt*>& b, Seq<expr*>& decorators, expr*& returns) {
    return parameters(args) && body(b) && expressions(decorators) && annotation(returns);
  }
  bool annotation(expr*& e) { return (options_.future_flags & kFutureAnnotations) || maybe(e); }
  bool parameters(ast::arguments* args) {
    auto all = [&](Seq<arg*>& items) {
      for (arg* a : items) {
        if (!annotation(a->annotation)) return false;
      }
      return true;
    };
    return all(args->posonlyargs) && all(args->args) && (!args->vararg || annotation(args->vararg->annotation)) &&
           all(args->kwonlyargs) && expressions(args->kw_defaults) &&
           (!args->kwarg || annotation(args->kwarg->annotation)) && expressions(args->defaults);
  }
  bool handlers(Seq<excepthandler*>& items) {
    for (excepthandler* h : items) {
      if (!maybe(as<ExceptHandler>(h)->type) || !statements(as<ExceptHandler>(h)->body)) return false;
    }
    return true;
  }
  bool comprehensions(Seq<comprehension*>& items) {
    for (comprehension* c : items) {
      if (!expression(c->target) || !expression(c->iter) || !expressions(c->ifs)) return false;
      if (!iterable(c->iter)) return false;
    }
    return true;
  }
  bool pattern(ast::pattern* p);
  bool patterns(Seq<ast::pattern*>& items) {
    for (ast::pattern* p : items) {
      if (!pattern(p)) return false;
    }
    return true;
  }
  bool pattern_value(expr*& e) {
    if (is<UnaryOp>(e) || is<BinOp>(e)) return expression(e);
    return true;
  }

  bool expression(expr*& e);
  bool unary(expr*& e);
  bool binary(expr*& e);
  bool tuple(expr*& e);
  bool subscript(expr*& e);
  bool iterable(expr*& e);
  bool compare(Compare* node);
  bool format(expr*& e, bool* done);
  bool format_item(std::string_view text, size_t* i, expr* value, expr** result);

  static void copy_place(expr* to, const expr* from) {
    to->lineno = from->lineno;
    to->col_offset = from->col_offset;
    to->end_lineno = from->end_lineno;
    to->end_col_offset = from->end_col_offset;
  }
  static constant constant_of(const expr* e) { return is<Constant>(e) ? as<Constant>(e)->value : nullptr; }
  bool replace(expr*& e, ConstantValue* value) {
    if (!value) return !arena_.failed();  // not folded
    auto* node = arena_.make<Constant>();
    if (!node) return false;
    copy_place(node, e);
    static_cast<Node*>(node)->kind = Kind::Constant;
    node->value = value;
    e = node;
    return true;
  }
  // All of these: nullptr when the operation is not folded (or memory is short).
  ConstantValue* make_bool(bool value) {
    auto* c = arena_.make<ConstantValue>();
    if (c) c->kind = value ? ConstantKind::kTrue : ConstantKind::kFalse;
    return c;
  }
  ConstantValue* make_int(Wide value) {
    auto* c = arena_.make<ConstantValue>();
    if (!c) return nullptr;
    if (value >= INT64_MIN && value <= INT64_MAX) {
      c->kind = ConstantKind::kInt;
      c->integer = static_cast<int64_t>(value);
      return c;
    }
    char digits[40];
    int n = 40;
    auto u = static_cast<unsigned __int128>(value < 0 ? -value : value);
    for (; u; u >>= 4) digits[--n] = "0123456789abcdef"[static_cast<int>(u & 15)];
    c->kind = ConstantKind::kBigInt;
    c->negative = value < 0;
    c->base = 16;
    c->size = static_cast<uint32_t>(40 - n);
    c->text = arena_.copy_text({digits + n, c->size});
    return c->text ? c : nullptr;
  }
  ConstantValue* make_float(double value) {
    auto* c = arena_.make<ConstantValue>();
    if (!c) return nullptr;
    c->kind = ConstantKind::kFloat;
    c->real = value;
    return c;
  }
  ConstantValue* make_complex(double real, double imag) {
    auto* c = arena_.make<ConstantValue>();
    if (!c) return nullptr;
    c->kind = ConstantKind::kComplex;
    c->real = real;
    c->imag = imag;
    return c;
  }
  ConstantValue* operate(operator_ op, constant a, constant b);
  ConstantValue* operate_ints(operator_ op, Wide a, Wide b);
  ConstantValue* operate_floats(operator_ op, double a, double b);
  ConstantValue* operate_complex(operator_ op, constant a, constant b);
  ConstantValue* join(constant a, constant b);
  ConstantValue* repeat(constant sequence, Wide count);
  ConstantValue* index(constant sequence, Wide i);
  static bool as_double(constant c, double* value) {
    if (c->kind == ConstantKind::kFloat) return *value = c->real, true;
    Wide w;
    if (!wide_value(c, &w)) return false;
    *value = static_cast<double>(w);
    return true;
  }
  static int64_t total_items(constant c, int64_t limit);

  PassContext& context_;
  Arena& arena_;
  const FoldOptions& options_;
};

bool Folder::statement(stmt* s) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  switch (s->kind) {
    case Kind::FunctionDef: {
      auto* f = as<FunctionDef>(s);
      return function_parts(f->args, f->body, f->decorator_list, f->returns);
    }
    case Kind::AsyncFunctionDef: {
      auto* f = as<AsyncFunctionDef>(s);
      return function_parts(f->args, f->body, f->decorator_list, f->returns);
    }
    case Kind::ClassDef: {
      auto* c = as<ClassDef>(s);
      return expressions(c->bases) && keywords(c->keywords) && body(c->body) && expressions(c->decorator_list);
    }
    case Kind::Return: return maybe(as<Return>(s)->value);
    case Kind::Delete: return expressions(as<Delete>(s)->targets);
    case Kind::Assign: return expressions(as<Assign>(s)->targets) && expression(as<Assign>(s)->value);
    case Kind::AugAssign: return expression(as<AugAssign>(s)->target) && expression(as<AugAssign>(s)->value);
    case Kind::AnnAssign: {
      auto* a = as<AnnAssign>(s);
      return expression(a->target) && annotation(a->annotation) && maybe(a->value);
    }
    case Kind::For: {
      auto* f = as<For>(s);
      return expression(f->target) && expression(f->iter) && statements(f->body) && statements(f->orelse) &&
             iterable(f->iter);
    }
    case Kind::AsyncFor: {
      auto* f = as<AsyncFor>(s);
      return expression(f->target) && expression(f->iter) && statements(f->body) && statements(f->orelse);
    }
    case Kind::While: {
      auto* w = as<While>(s);
      return expression(w->test) && statements(w->body) && statements(w->orelse);
    }
    case Kind::If: {
      for (auto* i = as<If>(s);;) {
        if (!expression(i->test) || !statements(i->body)) return false;
        if (i->orelse.size() == 1 && is<If>(i->orelse[0])) {
          i = as<If>(i->orelse[0]);
          continue;
        }
        return statements(i->orelse);
      }
    }
    case Kind::With:
    case Kind::AsyncWith: {
      bool plain = is<With>(s);
      for (withitem* item : plain ? as<With>(s)->items : as<AsyncWith>(s)->items) {
        if (!expression(item->context_expr) || !maybe(item->optional_vars)) return false;
      }
      return statements(plain ? as<With>(s)->body : as<AsyncWith>(s)->body);
    }
    case Kind::Match: {
      auto* m = as<Match>(s);
      if (!expression(m->subject)) return false;
      for (match_case* c : m->cases) {
        if (!pattern(c->pattern_) || !maybe(c->guard) || !statements(c->body)) return false;
      }
      return true;
    }
    case Kind::Raise: return maybe(as<Raise>(s)->exc) && maybe(as<Raise>(s)->cause);
    case Kind::Try: {
      auto* t = as<Try>(s);
      return statements(t->body) && handlers(t->handlers) && statements(t->orelse) && statements(t->finalbody);
    }
    case Kind::TryStar: {
      auto* t = as<TryStar>(s);
      return statements(t->body) && handlers(t->handlers) && statements(t->orelse) && statements(t->finalbody);
    }
    case Kind::Assert: return expression(as<Assert>(s)->test) && maybe(as<Assert>(s)->msg);
    case Kind::Expr: return expression(as<Expr>(s)->value);
    default: return true;
  }
}

bool Folder::pattern(ast::pattern* p) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  switch (p->kind) {
    case Kind::MatchValue: return pattern_value(as<MatchValue>(p)->value);
    case Kind::MatchSequence: return patterns(as<MatchSequence>(p)->patterns);
    case Kind::MatchMapping:
      for (expr*& key : as<MatchMapping>(p)->keys) {
        if (!pattern_value(key)) return false;
      }
      return patterns(as<MatchMapping>(p)->patterns);
    case Kind::MatchClass:
      return expression(as<MatchClass>(p)->cls) && patterns(as<MatchClass>(p)->patterns) &&
             patterns(as<MatchClass>(p)->kwd_patterns);
    case Kind::MatchAs: return !as<MatchAs>(p)->pattern_ || pattern(as<MatchAs>(p)->pattern_);
    case Kind::MatchOr: return patterns(as<MatchOr>(p)->patterns);
    default: return true;
  }
}

bool Folder::expression(expr*& e) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  switch (e->kind) {
    case Kind::BoolOp: return expressions(as<BoolOp>(e)->values);
    case Kind::NamedExpr: return expression(as<NamedExpr>(e)->value);
    case Kind::BinOp:
      return expression(as<BinOp>(e)->left) && expression(as<BinOp>(e)->right) && binary(e);
    case Kind::UnaryOp: return expression(as<UnaryOp>(e)->operand) && unary(e);
    case Kind::Lambda: return parameters(as<Lambda>(e)->args) && expression(as<Lambda>(e)->body);
    case Kind::IfExp: {
      auto* i = as<IfExp>(e);
      return expression(i->test) && expression(i->body) && expression(i->orelse);
    }
    case Kind::Dict: return expressions(as<Dict>(e)->keys) && expressions(as<Dict>(e)->values);
    case Kind::Set: return expressions(as<Set>(e)->elts);
    case Kind::ListComp: return expression(as<ListComp>(e)->elt) && comprehensions(as<ListComp>(e)->generators);
    case Kind::SetComp: return expression(as<SetComp>(e)->elt) && comprehensions(as<SetComp>(e)->generators);
    case Kind::DictComp: {
      auto* d = as<DictComp>(e);
      return expression(d->key) && expression(d->value) && comprehensions(d->generators);
    }
    case Kind::GeneratorExp:
      return expression(as<GeneratorExp>(e)->elt) && comprehensions(as<GeneratorExp>(e)->generators);
    case Kind::Await: return expression(as<Await>(e)->value);
    case Kind::Yield: return maybe(as<Yield>(e)->value);
    case Kind::YieldFrom: return expression(as<YieldFrom>(e)->value);
    case Kind::Compare:
      return expression(as<Compare>(e)->left) && expressions(as<Compare>(e)->comparators) && compare(as<Compare>(e));
    case Kind::Call: {
      auto* c = as<Call>(e);
      return expression(c->func) && expressions(c->args) && keywords(c->keywords);
    }
    case Kind::FormattedValue: return expression(as<FormattedValue>(e)->value) && maybe(as<FormattedValue>(e)->format_spec);
    case Kind::JoinedStr: return expressions(as<JoinedStr>(e)->values);
    case Kind::Attribute: return expression(as<Attribute>(e)->value);
    case Kind::Subscript:
      return expression(as<Subscript>(e)->value) && expression(as<Subscript>(e)->slice) && subscript(e);
    case Kind::Starred: return expression(as<Starred>(e)->value);
    case Kind::Slice: {
      auto* s = as<Slice>(e);
      return maybe(s->lower) && maybe(s->upper) && maybe(s->step);
    }
    case Kind::List: return expressions(as<List>(e)->elts);
    case Kind::Tuple: return expressions(as<Tuple>(e)->elts) && tuple(e);
    case Kind::Name: {
      auto* n = as<Name>(e);
      if (n->ctx == expr_context::Load && n->id->is("__debug__")) return replace(e, make_bool(options_.optimize == 0));
      return true;
    }
    default: return true;
  }
}

bool Folder::unary(expr*& e) {
  auto* node = as<UnaryOp>(e);
  constant c = constant_of(node->operand);
  if (!c) {
    // not (a in b): a not in b.
    auto* inner = node->op == unaryop::Not ? if_is<Compare>(node->operand) : nullptr;
    if (!inner || inner->ops.size() != 1) return true;
    switch (inner->ops[0]) {
      case cmpop::Is: inner->ops[0] = cmpop::IsNot; break;
      case cmpop::IsNot: inner->ops[0] = cmpop::Is; break;
      case cmpop::In: inner->ops[0] = cmpop::NotIn; break;
      case cmpop::NotIn: inner->ops[0] = cmpop::In; break;
      default: return true;
    }
    copy_place(inner, e);
    e = inner;
    return true;
  }
  Wide w;
  switch (node->op) {
    case unaryop::Not: return replace(e, make_bool(!constant_truth(c)));
    case unaryop::Invert: return replace(e, wide_value(c, &w) ? make_int(~w) : nullptr);
    case unaryop::UAdd:
      if (c->kind == ConstantKind::kFloat) return replace(e, make_float(c->real));
      if (c->kind == ConstantKind::kComplex) return replace(e, make_complex(c->real, c->imag));
      return replace(e, wide_value(c, &w) ? make_int(w) : nullptr);
    case unaryop::USub:
      if (c->kind == ConstantKind::kFloat) return replace(e, make_float(-c->real));
      if (c->kind == ConstantKind::kComplex) return replace(e, make_complex(-c->real, -c->imag));
      if (wide_value(c, &w)) return replace(e, make_int(-w));
      if (c->kind == ConstantKind::kBigInt) {
        auto* negative = arena_.make<ConstantValue>();
        if (!negative) return false;
        *negative = *c;
        negative->negative = !c->negative;
        return replace(e, negative);
      }
      return true;
  }
  return true;
}

bool Folder::binary(expr*& e) {
  auto* node = as<BinOp>(e);
  constant a = constant_of(node->left);
  if (a && a->kind == ConstantKind::kStr && node->op == operator_::Mod && is<Tuple>(node->right)) {
    bool done = false;
    if (!format(e, &done)) return false;
    if (done) return true;
  }
  constant b = constant_of(node->right);
  if (!a || !b) return true;
  return replace(e, operate(node->op, a, b));
}

ConstantValue* Folder::operate(operator_ op, constant a, constant b) {
  Wide x = 0, y = 0;
  bool a_int = wide_value(a, &x), b_int = wide_value(b, &y);
  auto is_bool = [](constant c) { return c->kind == ConstantKind::kTrue || c->kind == ConstantKind::kFalse; };
  if (is_bool(a) && is_bool(b)) {
    // These three stay in bool; all else is arithmetic on 0 and 1.
    if (op == operator_::BitAnd) return make_bool(x & y);
    if (op == operator_::BitOr) return make_bool(x | y);
    if (op == operator_::BitXor) return make_bool(x ^ y);
  }
  if (a_int && b_int) return operate_ints(op, x, y);
  if (is_integer(a) != a_int || is_integer(b) != b_int) return nullptr;  // too large
  if (a->kind == ConstantKind::kComplex || b->kind == ConstantKind::kComplex) return operate_complex(op, a, b);
  double f, g;
  if (as_double(a, &f) && as_double(b, &g)) return operate_floats(op, f, g);
  auto is_sequence = [](constant c) {
    return c->kind == ConstantKind::kStr || c->kind == ConstantKind::kBytes || c->kind == ConstantKind::kTuple;
  };
  if (op == operator_::Add && is_sequence(a) && a->kind == b->kind) return join(a, b);
  if (op == operator_::Mult && is_sequence(a) && b_int) return repeat(a, y);
  if (op == operator_::Mult && is_sequence(b) && a_int) return repeat(b, x);
  return nullptr;
}

ConstantValue* Folder::operate_ints(operator_ op, Wide a, Wide b) {
  Wide r;
  switch (op) {
    case operator_::Add: return __builtin_add_overflow(a, b, &r) ? nullptr : make_int(r);
    case operator_::Sub: return __builtin_sub_overflow(a, b, &r) ? nullptr : make_int(r);
    case operator_::Mult: return __builtin_mul_overflow(a, b, &r) ? nullptr : make_int(r);
    case operator_::Div:
      // Exact quotients of doubles only.
      if (b == 0 || bits(a) > 53 || bits(b) > 53) return nullptr;
      return make_float(static_cast<double>(a) / static_cast<double>(b));
    case operator_::FloorDiv:
    case operator_::Mod: {
      if (b == 0) return nullptr;
      Wide quotient = a / b, rest = a % b;
      if (rest != 0 && (rest < 0) != (b < 0)) {
        quotient--;
        rest += b;
      }
      return make_int(op == operator_::Mod ? rest : quotient);
    }
    case operator_::Pow: {
      if (b < 0) {
        if (a == 0 || bits(a) > 53 || bits(b) > 53) return nullptr;
        return operate_floats(op, static_cast<double>(a), static_cast<double>(b));
      }
      if (b > kMaxIntBits && a != 0 && a != 1 && a != -1) return nullptr;
      if (a != 0 && b != 0 && bits(a) * (b > kMaxIntBits ? kMaxIntBits + 1 : b) > kMaxIntBits) return nullptr;
      if (a == -1) return make_int((b & 1) ? -1 : 1);
      if (a == 0 || a == 1) return make_int(b == 0 ? 1 : a);
      r = 1;
      for (Wide i = 0; i < b; i++) {
        if (__builtin_mul_overflow(r, a, &r)) return nullptr;
      }
      return make_int(r);
    }
    case operator_::LShift:
      if (b < 0) return nullptr;
      if (a == 0) return make_int(0);
      if (b > kMaxIntBits || bits(a) + b > 126) return nullptr;
      return make_int(a * (Wide{1} << static_cast<int>(b)));
    case operator_::RShift:
      if (b < 0) return nullptr;
      return make_int(b > 126 ? (a < 0 ? -1 : 0) : a >> static_cast<int>(b));
    case operator_::BitOr: return make_int(a | b);
    case operator_::BitXor: return make_int(a ^ b);
    case operator_::BitAnd: return make_int(a & b);
    case operator_::MatMult: return nullptr;
  }
  return nullptr;
}

ConstantValue* Folder::operate_floats(operator_ op, double a, double b) {
  switch (op) {
    case operator_::Add: return make_float(a + b);
    case operator_::Sub: return make_float(a - b);
    case operator_::Mult: return make_float(a * b);
    case operator_::Div: return b == 0 ? nullptr : make_float(a / b);
    case operator_::Pow: {
      if (a == 0 && b < 0) return nullptr;
      if (a < 0 && b != std::floor(b)) return nullptr;
      double r = std::pow(a, b);
      if (std::isinf(r) && std::isfinite(a) && std::isfinite(b)) return nullptr;
      return make_float(r);
    }
    default: return nullptr;
  }
}

ConstantValue* Folder::operate_complex(operator_ op, constant a, constant b) {
  double x = a->real, xi = a->imag, y = b->real, yi = b->imag;
  if (a->kind != ConstantKind::kComplex) {
    xi = 0;
    if (!as_double(a, &x)) return nullptr;
  }
  if (b->kind != ConstantKind::kComplex) {
    yi = 0;
    if (!as_double(b, &y)) return nullptr;
  }
  switch (op) {
    case operator_::Add: return make_complex(x + y, xi + yi);
    case operator_::Sub: return make_complex(x - y, xi - yi);
    case operator_::Mult: return make_complex(x * y - xi * yi, x * yi + xi * y);
    default: return nullptr;
  }
}

ConstantValue* Folder::join(constant a, constant b) {
  auto* c = arena_.make<ConstantValue>();
  if (!c) return nullptr;
  c->kind = a->kind;
  c->size = a->size + b->size;
  if (c->size < a->size) return nullptr;
  if (a->kind == ConstantKind::kTuple) {
    c->items = arena_.make_array<constant>(c->size);
    if (!c->items) return nullptr;
    for (uint32_t i = 0; i < c->size; i++) c->items[i] = i < a->size ? a->items[i] : b->items[i - a->size];
    return c;
  }
  char* text = static_cast<char*>(arena_.alloc(c->size + 1));
  if (!text) return nullptr;
  std::memcpy(text, a->text, a->size);
  std::memcpy(text + a->size, b->text, b->size);
  c->text = text;
  return c;
}

// Items of nested tuples, or -1 beyond the limit.
int64_t Folder::total_items(constant c, int64_t limit) {
  if (c->kind != ConstantKind::kTuple && c->kind != ConstantKind::kFrozenSet) return limit;
  limit -= c->size;
  for (uint32_t i = 0; limit >= 0 && i < c->size; i++) limit = total_items(c->items[i], limit);
  return limit;
}

ConstantValue* Folder::repeat(constant sequence, Wide count) {
  int64_t length = sequence->size;
  if (sequence->kind == ConstantKind::kStr) length = static_cast<int64_t>(utf8_count(sequence->view()));
  if (length) {
    int64_t limit = sequence->kind == ConstantKind::kTuple ? kMaxCollection : kMaxText;
    if (count < 0 || count > limit / length) return nullptr;
    if (sequence->kind == ConstantKind::kTuple && count && total_items(sequence, kMaxTotalItems / static_cast<int64_t>(count)) < 0)
      return nullptr;
  } else {
    count = 0;
  }
  auto* c = arena_.make<ConstantValue>();
  if (!c) return nullptr;
  c->kind = sequence->kind;
  c->size = static_cast<uint32_t>(sequence->size * static_cast<int64_t>(count));
  if (c->kind == ConstantKind::kTuple) {
    c->items = arena_.make_array<constant>(c->size);
    if (!c->items) return nullptr;
    for (uint32_t i = 0; i < c->size; i++) c->items[i] = sequence->items[i % sequence->size];
    return c;
  }
  char* text = static_cast<char*>(arena_.alloc(c->size + 1));
  if (!text) return nullptr;
  for (uint32_t i = 0; i < c->size; i += sequence->size) std::memcpy(text + i, sequence->text, sequence->size);
  c->text = text;
  return c;
}

ConstantValue* Folder::index(constant sequence, Wide i) {
  Wide length = sequence->kind == ConstantKind::kStr ? static_cast<Wide>(utf8_count(sequence->view())) : sequence->size;
  if (i < 0) i += length;
  if (i < 0 || i >= length) return nullptr;
  auto at = static_cast<uint32_t>(i);
  if (sequence->kind == ConstantKind::kBytes) return make_int(static_cast<unsigned char>(sequence->text[at]));
  auto* c = arena_.make<ConstantValue>();
  if (!c) return nullptr;
  if (sequence->kind == ConstantKind::kTuple) {
    *c = *sequence->items[at];
    return c;
  }
  const char* p = sequence->text;
  for (uint32_t n = 0; n < at; n++) utf8_next(p);
  const char* end = p;
  utf8_next(end);
  c->kind = ConstantKind::kStr;
  c->text = p;
  c->size = static_cast<uint32_t>(end - p);
  return c;
}

bool Folder::tuple(expr*& e) {
  auto* node = as<Tuple>(e);
  if (node->ctx != expr_context::Load) return true;
  for (expr* element : node->elts) {
    if (!is<Constant>(element)) return true;
  }
  auto* c = arena_.make<ConstantValue>();
  if (!c) return false;
  c->kind = ConstantKind::kTuple;
  c->size = node->elts.size();
  c->items = arena_.make_array<constant>(c->size);
  if (!c->items) return false;
  for (uint32_t i = 0; i < c->size; i++) c->items[i] = as<Constant>(node->elts[i])->value;
  return replace(e, c);
}

bool Folder::subscript(expr*& e) {
  auto* node = as<Subscript>(e);
  constant sequence = constant_of(node->value), at = constant_of(node->slice);
  if (!sequence || !at || node->ctx != expr_context::Load) return true;
  Wide i;
  bool indexable = sequence->kind == ConstantKind::kStr || sequence->kind == ConstantKind::kBytes ||
                   sequence->kind == ConstantKind::kTuple;
  if (!indexable || !wide_value(at, &i)) return true;
  return replace(e, index(sequence, i));
}

// What is only iterated over need not be mutable.
bool Folder::iterable(expr*& e) {
  if (auto* list = if_is<List>(e)) {
    for (expr* element : list->elts) {
      if (is<Starred>(element)) return true;
    }
    auto* node = arena_.make<Tuple>();
    if (!node) return false;
    copy_place(node, e);
    static_cast<Node*>(node)->kind = Kind::Tuple;
    node->elts = list->elts;
    node->ctx = expr_context::Load;
    e = node;
    return tuple(e);
  }
  if (auto* set = if_is<Set>(e)) {
    for (expr* element : set->elts) {
      if (!is<Constant>(element)) return true;
    }
    auto* c = arena_.make<ConstantValue>();
    if (!c) return false;
    c->kind = ConstantKind::kFrozenSet;
    c->size = set->elts.size();
    c->items = arena_.make_array<constant>(c->size);
    if (!c->items) return false;
    for (uint32_t i = 0; i < c->size; i++) c->items[i] = as<Constant>(set->elts[i])->value;
    return replace(e, c);
  }
  return true;
}

bool Folder::compare(Compare* node) {
  cmpop last = node->ops.back();
  if (last != cmpop::In && last != cmpop::NotIn) return true;
  expr*& right = node->comparators.back();
  if (auto* list = if_is<List>(right)) {
    for (expr* element : list->elts) {
      if (!is<Constant>(element)) return true;
    }
    return iterable(right);
  }
  return is<Set>(right) ? iterable(right) : true;
}

// "…%s…" % (a, …) with nothing but %s, %r, %a (and width, precision, '-'): a joined string.
bool Folder::format(expr*& e, bool* done) {
  auto* node = as<BinOp>(e);
  auto* values = as<Tuple>(node->right);
  for (expr* value : values->elts) {
    if (is<Starred>(value)) return true;
  }
  std::string_view text = constant_of(node->left)->view();
  Buffer<expr*> parts;
  Buffer<char> literal;
  auto memory = [&] { return context_.memory_error(); };
  auto flush = [&] {
    if (literal.empty()) return true;
    auto* c = arena_.make<ConstantValue>();
    auto* constant_node = arena_.make<Constant>();
    if (!c || !constant_node) return false;
    c->kind = ConstantKind::kStr;
    c->size = static_cast<uint32_t>(literal.size());
    c->text = arena_.copy_text({literal.data(), literal.size()});
    static_cast<Node*>(constant_node)->kind = Kind::Constant;
    copy_place(constant_node, node->left);
    constant_node->value = c;
    literal.truncate(0);
    return c->text && parts.push(constant_node);
  };
  uint32_t used = 0;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '%') {
      if (!literal.push(text[i++])) return memory();
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '%') {
      if (!literal.push('%')) return memory();
      i += 2;
      continue;
    }
    if (used == values->elts.size()) return true;
    expr* part = nullptr;
    i++;
    if (!format_item(text, &i, values->elts[used++], &part)) return false;
    if (!part) return true;
    copy_place(part, node->left);
    if (!flush() || !parts.push(part)) return memory();
  }
  if (used != values->elts.size()) return true;
  if (!flush()) return memory();
  auto* joined = arena_.make<JoinedStr>();
  if (!joined) return false;
  static_cast<Node*>(joined)->kind = Kind::JoinedStr;
  copy_place(joined, e);
  joined->values = {arena_.make_array<expr*>(parts.size()), static_cast<uint32_t>(parts.size())};
  if (!joined->values.items) return false;
  for (uint32_t i = 0; i < parts.size(); i++) joined->values[i] = parts[i];
  e = joined;
  *done = true;
  return true;
}

// Behind '%'. *result stays nullptr if this is nothing that a joined string could do.
bool Folder::format_item(std::string_view text, size_t* i, expr* value, expr** result) {
  bool left = false;
  auto at = [&] { return *i < text.size() ? text[*i] : '\0'; };
  for (; at() == '-' || at() == '+' || at() == ' ' || at() == '#' || at() == '0'; ++*i) {
    if (at() != '-') return true;
    left = true;
  }
  auto number = [&](int* n) {
    *n = 0;
    int digits = 0;
    for (; at() >= '0' && at() <= '9'; ++*i) {
      if (++digits > 3) return false;
      *n = *n * 10 + (at() - '0');
    }
    return true;
  };
  int width = -1, precision = -1;
  if (at() >= '0' && at() <= '9' && !number(&width)) return true;
  if (at() == '.') {
    ++*i;
    if (!number(&precision)) return true;
  }
  char conversion = at();
  if (conversion != 's' && conversion != 'r' && conversion != 'a') return true;
  ++*i;
  auto* node = arena_.make<FormattedValue>();
  if (!node) return false;
  static_cast<Node*>(node)->kind = Kind::FormattedValue;
  node->value = value;
  node->conversion = conversion;
  if (width >= 0 || precision >= 0) {
    char spec[32];
    int n = 0;
    if (width > 0) {
      if (!left) spec[n++] = '>';
      n += std::snprintf(spec + n, sizeof spec - static_cast<size_t>(n), "%d", width);
    }
    if (precision >= 0) n += std::snprintf(spec + n, sizeof spec - static_cast<size_t>(n), ".%d", precision);
    if (n) {
      auto* c = arena_.make<ConstantValue>();
      auto* spec_node = arena_.make<Constant>();
      if (!c || !spec_node) return false;
      c->kind = ConstantKind::kStr;
      c->size = static_cast<uint32_t>(n);
      c->text = arena_.copy_text({spec, static_cast<size_t>(n)});
      if (!c->text) return false;
      static_cast<Node*>(spec_node)->kind = Kind::Constant;
      copy_place(spec_node, value);
      spec_node->value = c;
      node->format_spec = spec_node;
    }
  }
  *result = node;
  return true;
}

}  // namespace

bool fold_constants(PassContext& context, mod* tree, const FoldOptions& options) {
  Folder folder(context, options);
  return folder.module(tree) && !context.failed();
}

}  // namespace atl::compiler
