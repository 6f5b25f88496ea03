// What trees made of ast objects must satisfy before they are compiled (see passes.h).
#include "Python/compiler/passes.h"

namespace atl::compiler {

using namespace ast;

namespace {

class Validator {
 public:
  explicit Validator(PassContext& context) : context_(context) {}

  bool tree(const mod* m) {
    switch (m->kind) {
      case Kind::Module: return statements(as<Module>(m)->body) && ignores(as<Module>(m)->type_ignores);
      case Kind::Interactive: return statements(as<Interactive>(m)->body);
      case Kind::Expression: return expression(as<Expression>(m)->body, expr_context::Load);
      default: {
        auto* f = as<FunctionType>(m);
        return expressions(f->argtypes, expr_context::Load) && expression(f->returns, expr_context::Load);
      }
    }
  }

 private:
  bool value_error(const char* format, const char* what = "") { return context_.error_of(ErrorKind::kValueError, format, what); }
  bool empty(const char* what, Kind where) {
    return context_.error_of(ErrorKind::kValueError, "empty %s on %s", what, node_info(where).name);
  }

  bool places(const PositionedNode* n) {
    int line = n->lineno, end_line = n->end_lineno, col = n->col_offset, end_col = n->end_col_offset;
    if (line > end_line) {
      return context_.error_of(ErrorKind::kValueError, "AST node line range (%d, %d) is not valid", line, end_line);
    }
    if ((line < 0 && line != end_line) || (col < 0 && col != end_col)) {
      return context_.error_of(ErrorKind::kValueError, "AST node column range (%d, %d) for line range (%d, %d) is not valid",
                               col, end_col, line, end_line);
    }
    if (line == end_line && col > end_col) {
      return context_.error_of(ErrorKind::kValueError, "line %d, column %d-%d is not a valid range", line, col, end_col);
    }
    return true;
  }

  bool name(identifier id) {
    for (const char* word : {"None", "True", "False"}) {
      if (id->is(word)) return value_error("identifier field can't represent '%s' constant", word);
    }
    return true;
  }
  bool capture(identifier id) {
    if (id->is("_")) return value_error("can't capture name '_' in patterns");
    return name(id);
  }
  // Absent items crash other implementations or are refused; here they are always refused.
  template <class T>
  bool all_there(const Seq<T*>& items, const char* what) {
    for (T* item : items) {
      if (!item) return value_error("None disallowed in %s list", what);
    }
    return true;
  }

  // ---- expressions ----
  bool expressions(const Seq<expr*>& items, expr_context want, bool may_be_absent = false) {
    for (const expr* e : items) {
      if (!e) {
        if (!may_be_absent) return value_error("None disallowed in expression list");
      } else if (!expression(e, want)) {
        return false;
      }
    }
    return true;
  }
  bool optional(const expr* e) { return !e || expression(e, expr_context::Load); }
  bool load(const expr* e) { return expression(e, expr_context::Load); }

  static bool context_of(const expr* e, expr_context* out) {
    switch (e->kind) {
      case Kind::Attribute: *out = as<Attribute>(e)->ctx; return true;
      case Kind::Subscript: *out = as<Subscript>(e)->ctx; return true;
      case Kind::Starred: *out = as<Starred>(e)->ctx; return true;
      case Kind::Name: *out = as<Name>(e)->ctx; return true;
      case Kind::List: *out = as<List>(e)->ctx; return true;
      case Kind::Tuple: *out = as<Tuple>(e)->ctx; return true;
      default: return false;
    }
  }

  bool expression(const expr* e, expr_context want) {
    PassDepth depth(context_);
    if (depth.too_deep || !places(e)) return false;
    auto word = [](expr_context c) { return member_name(FieldType::kExprContext, static_cast<int>(c)); };
    expr_context have;
    if (e->kind == Kind::Name && !name(as<Name>(e)->id)) return false;
    if (!context_of(e, &have)) {
      if (want != expr_context::Load) return value_error("expression which can't be assigned to in %s context", word(want));
    } else if (have != want) {
      return context_.error_of(ErrorKind::kValueError, "expression must have %s context but has %s instead", word(want), word(have));
    }
    switch (e->kind) {
      case Kind::BoolOp: {
        auto& values = as<BoolOp>(e)->values;
        if (values.size() < 2) return value_error("BoolOp with less than 2 values");
        return expressions(values, expr_context::Load);
      }
      case Kind::NamedExpr: {
        auto* n = as<NamedExpr>(e);
        if (!load(n->value)) return false;
        if (n->target->kind != Kind::Name) return value_error("NamedExpr target can only be a Name node");
        if (as<Name>(n->target)->ctx != expr_context::Store) {
          return context_.error_of(ErrorKind::kValueError, "expression must have Store context but has %s instead",
                                   member_name(FieldType::kExprContext, static_cast<int>(as<Name>(n->target)->ctx)));
        }
        return true;
      }
      case Kind::BinOp: return load(as<BinOp>(e)->left) && load(as<BinOp>(e)->right);
      case Kind::UnaryOp: return load(as<UnaryOp>(e)->operand);
      case Kind::Lambda: return parameters(as<Lambda>(e)->args) && load(as<Lambda>(e)->body);
      case Kind::IfExp: return load(as<IfExp>(e)->test) && load(as<IfExp>(e)->body) && load(as<IfExp>(e)->orelse);
      case Kind::Dict: {
        auto* d = as<Dict>(e);
        if (d->keys.size() != d->values.size()) return value_error("Dict doesn't have the same number of keys as values");
        return expressions(d->keys, expr_context::Load, true) && expressions(d->values, expr_context::Load);
      }
      case Kind::Set: return expressions(as<Set>(e)->elts, expr_context::Load);
      case Kind::ListComp: return generators(as<ListComp>(e)->generators) && load(as<ListComp>(e)->elt);
      case Kind::SetComp: return generators(as<SetComp>(e)->generators) && load(as<SetComp>(e)->elt);
      case Kind::GeneratorExp: return generators(as<GeneratorExp>(e)->generators) && load(as<GeneratorExp>(e)->elt);
      case Kind::DictComp:
        return generators(as<DictComp>(e)->generators) && load(as<DictComp>(e)->key) && load(as<DictComp>(e)->value);
      case Kind::Await: return load(as<Await>(e)->value);
      case Kind::Yield: return optional(as<Yield>(e)->value);
      case Kind::YieldFrom: return load(as<YieldFrom>(e)->value);
      case Kind::Compare: {
        auto* c = as<Compare>(e);
        if (c->comparators.empty()) return value_error("Compare with no comparators");
        if (c->comparators.size() != c->ops.size()) {
          return value_error("Compare has a different number of comparators and operands");
        }
        return expressions(c->comparators, expr_context::Load) && load(c->left);
      }
      case Kind::Call: {
        auto* c = as<Call>(e);
        return load(c->func) && expressions(c->args, expr_context::Load) && keywords(c->keywords);
      }
      case Kind::FormattedValue: return load(as<FormattedValue>(e)->value) && optional(as<FormattedValue>(e)->format_spec);
      case Kind::JoinedStr: return expressions(as<JoinedStr>(e)->values, expr_context::Load);
      case Kind::Constant: return constant_value(as<Constant>(e)->value);
      case Kind::Attribute: return load(as<Attribute>(e)->value);
      case Kind::Subscript: return load(as<Subscript>(e)->slice) && load(as<Subscript>(e)->value);
      case Kind::Starred: return expression(as<Starred>(e)->value, want);
      case Kind::List: return expressions(as<List>(e)->elts, want);
      case Kind::Tuple: return expressions(as<Tuple>(e)->elts, want);
      case Kind::Slice: return optional(as<Slice>(e)->lower) && optional(as<Slice>(e)->upper) && optional(as<Slice>(e)->step);
      default: return true;  // Name
    }
  }

  bool constant_value(constant c) {
    if (c->kind == ConstantKind::kForeign) {
      return context_.error_of(ErrorKind::kTypeError, "got an invalid type in Constant: %.*s", static_cast<int>(c->size), c->text);
    }
    if (c->kind != ConstantKind::kTuple && c->kind != ConstantKind::kFrozenSet) return true;
    PassDepth depth(context_);
    if (depth.too_deep) return false;
    for (uint32_t i = 0; i < c->size; i++) {
      if (!constant_value(c->items[i])) return false;
    }
    return true;
  }

  bool generators(const Seq<comprehension*>& all) {
    if (all.empty()) return value_error("comprehension with no generators");
    if (!all_there(all, "comprehension")) return false;
    for (const comprehension* g : all) {
      if (!expression(g->target, expr_context::Store) || !load(g->iter) || !expressions(g->ifs, expr_context::Load)) return false;
    }
    return true;
  }
  bool keywords(const Seq<keyword*>& all) {
    if (!all_there(all, "keyword")) return false;
    for (const keyword* k : all) {
      if (!load(k->value)) return false;
    }
    return true;
  }
  bool parameter_list(const Seq<arg*>& all) {
    if (!all_there(all, "argument")) return false;
    for (const arg* a : all) {
      if (!places(a) || !optional(a->annotation)) return false;
    }
    return true;
  }
  bool parameters(const arguments* a) {
    if (!parameter_list(a->posonlyargs) || !parameter_list(a->args)) return false;
    if (a->vararg && !optional(a->vararg->annotation)) return false;
    if (!parameter_list(a->kwonlyargs)) return false;
    if (a->kwarg && !optional(a->kwarg->annotation)) return false;
    if (a->defaults.size() > a->posonlyargs.size() + a->args.size()) {
      return value_error("more positional defaults than args on arguments");
    }
    if (a->kw_defaults.size() != a->kwonlyargs.size()) {
      return value_error("length of kwonlyargs is not the same as kw_defaults on arguments");
    }
    return expressions(a->defaults, expr_context::Load) && expressions(a->kw_defaults, expr_context::Load, true);
  }

  // ---- patterns ----
  bool patterns(const Seq<pattern*>& all, bool star_allowed) {
    if (!all_there(all, "pattern")) return false;
    for (const pattern* p : all) {
      if (!one_pattern(p, star_allowed)) return false;
    }
    return true;
  }

  static bool is_number(const expr* e, bool real, bool imaginary) {
    auto* c = if_is<Constant>(e);
    if (!c) return false;
    switch (c->value->kind) {
      case ConstantKind::kInt:
      case ConstantKind::kBigInt:
      case ConstantKind::kFloat: return real;
      case ConstantKind::kComplex: return imaginary;
      default: return false;
    }
  }
  static bool is_signed(const expr* e, bool real, bool imaginary) {
    auto* u = if_is<UnaryOp>(e);
    return u && u->op == unaryop::USub ? is_number(u->operand, real, imaginary) : is_number(e, real, imaginary);
  }

  bool pattern_value(const expr* e) {
    if (!load(e)) return false;
    switch (e->kind) {
      case Kind::Constant:
        switch (as<Constant>(e)->value->kind) {
          case ConstantKind::kInt:
          case ConstantKind::kBigInt:
          case ConstantKind::kFloat:
          case ConstantKind::kComplex:
          case ConstantKind::kStr:
          case ConstantKind::kBytes: return true;
          default: return value_error("unexpected constant inside of a literal pattern");
        }
      // (What is in front of the dot may be anything; f-strings are refused when they are compiled.)
      case Kind::Attribute:
      case Kind::JoinedStr: return true;
      case Kind::UnaryOp:
        if (is_signed(e, true, true)) return true;
        break;
      case Kind::BinOp: {
        auto* b = as<BinOp>(e);
        bool sum = b->op == operator_::Add || b->op == operator_::Sub;
        if (sum && is_signed(b->left, true, false) && is_number(b->right, false, true)) return true;
        break;
      }
      default: break;
    }
    return value_error("patterns may only match literals and attribute lookups");
  }

  bool pattern_key(const expr* e) {
    if (auto* c = if_is<Constant>(e)) {
      if (c->value->kind == ConstantKind::kNone || c->value->kind == ConstantKind::kTrue || c->value->kind == ConstantKind::kFalse) {
        return true;
      }
    }
    return pattern_value(e);
  }

  bool one_pattern(const pattern* p, bool star_allowed) {
    PassDepth depth(context_);
    if (depth.too_deep || !places(p)) return false;
    switch (p->kind) {
      case Kind::MatchValue: return pattern_value(as<MatchValue>(p)->value);
      case Kind::MatchSingleton: {
        ConstantKind kind = as<MatchSingleton>(p)->value->kind;
        if (kind == ConstantKind::kNone || kind == ConstantKind::kTrue || kind == ConstantKind::kFalse) return true;
        return value_error("MatchSingleton can only contain True, False and None");
      }
      case Kind::MatchSequence: return patterns(as<MatchSequence>(p)->patterns, true);
      case Kind::MatchMapping: {
        auto* m = as<MatchMapping>(p);
        if (m->keys.size() != m->patterns.size()) {
          return value_error("MatchMapping doesn't have the same number of keys as patterns");
        }
        if (m->rest && !capture(m->rest)) return false;
        if (!all_there(m->keys, "expression") || !patterns(m->patterns, false)) return false;
        for (const expr* key : m->keys) {
          if (!pattern_key(key)) return false;
        }
        return true;
      }
      case Kind::MatchClass: return class_pattern(as<MatchClass>(p));
      case Kind::MatchStar:
        if (!star_allowed) return value_error("can't use MatchStar here");
        return !as<MatchStar>(p)->name || capture(as<MatchStar>(p)->name);
      case Kind::MatchAs: {
        auto* a = as<MatchAs>(p);
        if (a->name && !capture(a->name)) return false;
        if (!a->pattern_) return true;
        if (!a->name) return value_error("MatchAs must specify a target name if a pattern is given");
        return one_pattern(a->pattern_, false);
      }
      default: {
        auto& alternatives = as<MatchOr>(p)->patterns;
        if (alternatives.size() < 2) return value_error("MatchOr requires at least 2 patterns");
        return patterns(alternatives, false);
      }
    }
  }

  bool class_pattern(const MatchClass* p) {
    if (p->kwd_attrs.size() != p->kwd_patterns.size()) {
      return value_error("MatchClass doesn't have the same number of keyword attributes as patterns");
    }
    if (!load(p->cls) || !patterns(p->patterns, false) || !patterns(p->kwd_patterns, false)) return false;
    if (!all_there(p->kwd_attrs, "identifier")) return false;
    for (identifier attr : p->kwd_attrs) {
      if (!name(attr)) return false;
    }
    const expr* cls = p->cls;
    while (cls->kind == Kind::Attribute) cls = as<Attribute>(cls)->value;
    return cls->kind == Kind::Name || value_error("MatchClass cls field can only contain Name or Attribute nodes.");
  }

  // ---- statements ----
  bool ignores(const Seq<type_ignore*>&) { return true; }

  bool statements(const Seq<stmt*>& all) {
    for (const stmt* s : all) {
      if (!s) return value_error("None disallowed in statement list");
      if (!statement(s)) return false;
    }
    return true;
  }
  bool body(const Seq<stmt*>& all, Kind where) {
    if (all.empty()) return empty("body", where);
    return statements(all);
  }
  bool targets(const Seq<expr*>& all, expr_context want, Kind where) {
    if (all.empty()) return empty("targets", where);
    return expressions(all, want);
  }
  template <class T>
  bool names(const Seq<T*>& all, Kind where) {
    if (all.empty()) return empty("names", where);
    return all_there(all, std::is_same_v<T, const Identifier> ? "identifier" : "alias");
  }

  template <class F>
  bool function(const F* f) {
    return body(f->body, f->kind) && parameters(f->args) && expressions(f->decorator_list, expr_context::Load) &&
           optional(f->returns);
  }
  template <class F>
  bool loop(const F* f) {
    return expression(f->target, expr_context::Store) && load(f->iter) && body(f->body, f->kind) && statements(f->orelse);
  }
  template <class W>
  bool with(const W* w) {
    if (w->items.empty()) return empty("items", w->kind);
    if (!all_there(w->items, "withitem")) return false;
    for (const withitem* item : w->items) {
      if (!load(item->context_expr)) return false;
      if (item->optional_vars && !expression(item->optional_vars, expr_context::Store)) return false;
    }
    return body(w->body, w->kind);
  }
  template <class T>
  bool try_(const T* t) {
    if (!body(t->body, t->kind)) return false;
    const char* what = node_info(t->kind).name;
    if (t->handlers.empty() && t->finalbody.empty()) return value_error("%s has neither except handlers nor finalbody", what);
    if (t->handlers.empty() && !t->orelse.empty()) return value_error("%s has orelse but no except handlers", what);
    if (!all_there(t->handlers, "except handler")) return false;
    for (const excepthandler* h : t->handlers) {
      auto* handler = as<ExceptHandler>(h);
      if (t->kind == Kind::TryStar && !handler->type) return value_error("field 'type' is required for ExceptHandler of TryStar");
      if ((t->kind == Kind::Try && !places(handler)) || !optional(handler->type) || !body(handler->body, Kind::ExceptHandler)) return false;
    }
    return statements(t->finalbody) && statements(t->orelse);
  }

  bool match(const Match* m) {
    if (!load(m->subject)) return false;
    if (m->cases.empty()) return empty("cases", Kind::Match);
    if (!all_there(m->cases, "match_case")) return false;
    for (const match_case* c : m->cases) {
      if (!one_pattern(c->pattern_, false) || !optional(c->guard) || !body(c->body, Kind::match_case)) return false;
    }
    return true;
  }

  bool statement(const stmt* s) {
    PassDepth depth(context_);
    if (depth.too_deep || !places(s)) return false;
    switch (s->kind) {
      case Kind::FunctionDef: return function(as<FunctionDef>(s));
      case Kind::AsyncFunctionDef: return function(as<AsyncFunctionDef>(s));
      case Kind::ClassDef: {
        auto* c = as<ClassDef>(s);
        return body(c->body, s->kind) && expressions(c->bases, expr_context::Load) && keywords(c->keywords) &&
               expressions(c->decorator_list, expr_context::Load);
      }
      case Kind::Return: return optional(as<Return>(s)->value);
      case Kind::Delete: return targets(as<Delete>(s)->targets, expr_context::Del, s->kind);
      case Kind::Assign: return targets(as<Assign>(s)->targets, expr_context::Store, s->kind) && load(as<Assign>(s)->value);
      case Kind::AugAssign: return expression(as<AugAssign>(s)->target, expr_context::Store) && load(as<AugAssign>(s)->value);
      case Kind::AnnAssign: {
        auto* a = as<AnnAssign>(s);
        if (a->target->kind != Kind::Name && a->simple) {
          return context_.error_of(ErrorKind::kTypeError, "AnnAssign with simple non-Name target");
        }
        return expression(a->target, expr_context::Store) && optional(a->value) && load(a->annotation);
      }
      case Kind::For: return loop(as<For>(s));
      case Kind::AsyncFor: return loop(as<AsyncFor>(s));
      case Kind::While: return load(as<While>(s)->test) && body(as<While>(s)->body, s->kind) && statements(as<While>(s)->orelse);
      case Kind::If: return load(as<If>(s)->test) && body(as<If>(s)->body, s->kind) && statements(as<If>(s)->orelse);
      case Kind::With: return with(as<With>(s));
      case Kind::AsyncWith: return with(as<AsyncWith>(s));
      case Kind::Match: return match(as<Match>(s));
      case Kind::Raise: {
        auto* r = as<Raise>(s);
        if (r->exc) return load(r->exc) && optional(r->cause);
        return !r->cause || value_error("Raise with cause but no exception");
      }
      case Kind::Try: return try_(as<Try>(s));
      case Kind::TryStar: return try_(as<TryStar>(s));
      case Kind::Assert: return load(as<Assert>(s)->test) && optional(as<Assert>(s)->msg);
      case Kind::Import: return names(as<Import>(s)->names, s->kind);
      case Kind::ImportFrom:
        if (as<ImportFrom>(s)->level < 0) return value_error("Negative ImportFrom level");
        return names(as<ImportFrom>(s)->names, s->kind);
      case Kind::Global: return names(as<Global>(s)->names, s->kind);
      case Kind::Nonlocal: return names(as<Nonlocal>(s)->names, s->kind);
      case Kind::Expr: return load(as<Expr>(s)->value);
      default: return true;  // pass, break, continue
    }
  }

  PassContext& context_;
};

}  // namespace

bool validate_tree(PassContext& context, const mod* tree) { return Validator(context).tree(tree) && !context.failed(); }

}  // namespace atl::compiler
