// Building and analysing the symbol table (see symtable.h).
#include "Python/compiler/symtable.h"

#include <cstdio>

namespace atl::compiler {

using namespace ast;

// ---- maps -------------------------------------------------------------------------------------------------------

Symbol* SymbolMap::find(identifier name) {
  if (!index_) {
    for (uint32_t i = 0; i < count_; i++) {
      if (items_[i].name == name) return &items_[i];
    }
    return nullptr;
  }
  for (uint32_t i = name->hash & index_mask_; index_[i]; i = (i + 1) & index_mask_) {
    if (items_[index_[i] - 1].name == name) return &items_[index_[i] - 1];
  }
  return nullptr;
}

Symbol* SymbolMap::find_or_add(Arena& arena, identifier name) {
  if (Symbol* found = find(name)) return found;
  if (count_ == capacity_) {
    uint32_t capacity = capacity_ ? capacity_ * 2 : 4;
    auto* items = arena.make_array<Symbol>(capacity);
    if (!items) return nullptr;
    if (count_) std::memcpy(static_cast<void*>(items), items_, count_ * sizeof(Symbol));
    items_ = items;
    capacity_ = capacity;
    if (capacity >= 16) {
      uint32_t slots = capacity * 4;
      index_ = arena.make_array<uint32_t>(slots);
      if (!index_) return nullptr;
      std::memset(index_, 0, slots * sizeof(uint32_t));
      index_mask_ = slots - 1;
      for (uint32_t k = 0; k < count_; k++) {
        uint32_t i = items_[k].name->hash & index_mask_;
        while (index_[i]) i = (i + 1) & index_mask_;
        index_[i] = k + 1;
      }
    }
  }
  items_[count_] = {name, 0, NameScope::kUnknown};
  if (index_) {
    uint32_t i = name->hash & index_mask_;
    while (index_[i]) i = (i + 1) & index_mask_;
    index_[i] = count_ + 1;
  }
  return &items_[count_++];
}

namespace {
uint32_t node_hash(const Node* node) {
  uint64_t h = reinterpret_cast<uintptr_t>(node) * 0x9E3779B97F4A7C15u;
  return static_cast<uint32_t>(h >> 32);
}

template <typename T>
bool append(Arena& arena, T*& items, uint32_t& count, uint32_t& capacity, const T& item) {
  if (count == capacity) {
    uint32_t larger = capacity ? capacity * 2 : 4;
    auto* copy = arena.make_array<T>(larger);
    if (!copy) return false;
    if (count) std::memcpy(static_cast<void*>(copy), items, count * sizeof(T));
    items = copy;
    capacity = larger;
  }
  items[count++] = item;
  return true;
}
}  // namespace

Scope* SymbolTable::find(const Node* node) const {
  if (!slots) return nullptr;
  for (uint32_t i = node_hash(node) & mask; slots[i].node; i = (i + 1) & mask) {
    if (slots[i].node == node) return slots[i].scope;
  }
  return nullptr;
}

NameScope scope_of(const Scope* scope, identifier name) {
  const Symbol* symbol = scope->symbols.find(name);
  return symbol ? symbol->scope : NameScope::kUnknown;
}

// ---- building ---------------------------------------------------------------------------------------------------

namespace {

class Builder {
 public:
  Builder(PassContext& context, uint32_t future_flags, SymbolTable* table)
      : context_(context), arena_(context.arena), future_annotations_(future_flags & kFutureAnnotations),
        table_(*table) {}

  bool build(mod* tree);

 private:
  bool enter(const Node* node, identifier name, ScopeKind kind, const PositionedNode* at);
  void leave() { current_ = current_->parent; }
  identifier intern(std::string_view text) { return context_.names.intern(text); }
  identifier mangled(identifier name) { return mangle(context_, private_, name); }

  bool define(identifier name, uint32_t flags, const PositionedNode* at) {
    return define_in(current_, name, flags, at);
  }
  bool define_in(Scope* scope, identifier name, uint32_t flags, const PositionedNode* at);
  bool record_directive(identifier name, const PositionedNode* at) {
    identifier m = mangled(name);
    return m && append(arena_, current_->directives, current_->directive_count, current_->directive_capacity, {m, at});
  }
  const Symbol* lookup(identifier name) {
    identifier m = mangled(name);
    return m ? current_->symbols.find(m) : nullptr;
  }
  uint32_t flags_of(const Scope* scope, identifier name) {
    identifier m = mangled(name);
    const Symbol* symbol = m ? scope->symbols.find(m) : nullptr;
    return symbol ? symbol->flags : 0;
  }

  bool statements(const Seq<stmt*>& body) {
    for (stmt* s : body) {
      if (!statement(s)) return false;
    }
    return true;
  }
  bool statement(stmt* s);
  bool expression(expr* e);
  bool maybe(expr* e) { return !e || expression(e); }
  bool expressions(const Seq<expr*>& items) {
    for (expr* e : items) {
      if (e && !expression(e)) return false;
    }
    return true;
  }
  bool keywords(const Seq<keyword*>& items) {
    for (keyword* k : items) {
      if (!expression(k->value)) return false;
    }
    return true;
  }
  bool function(stmt* node, identifier name, ast::arguments* args, const Seq<stmt*>& body,
                const Seq<expr*>& decorators, expr* returns, bool is_async);
  bool class_(ClassDef* node);
  bool parameters(ast::arguments* args);
  bool annotation(expr* e);
  bool annotations(const stmt* node, ast::arguments* args, expr* returns);
  bool handlers(const Seq<excepthandler*>& handlers);
  bool import_names(const Seq<alias*>& names);
  bool global(const stmt* node, const Seq<identifier>& names, bool nonlocal);
  bool named_expression(NamedExpr* node);
  bool extend_named_scope(NamedExpr* node);
  bool comprehension_(expr* node, identifier name, ComprehensionKind kind, const Seq<comprehension*>& generators,
                      expr* element, expr* value);
  bool target_of_comprehension(expr* target) {
    current_->comp_iter_target = true;
    bool ok = expression(target);
    current_->comp_iter_target = false;
    return ok;
  }
  bool pattern(ast::pattern* p);
  bool patterns(const Seq<ast::pattern*>& items) {
    for (ast::pattern* p : items) {
      if (!pattern(p)) return false;
    }
    return true;
  }
  bool not_in_annotation(const char* what, const expr* e) {
    if (current_->kind != ScopeKind::kAnnotation) return true;
    return context_.syntax_error(e, "'%s' can not be used within an annotation", what);
  }
  bool not_in_comprehension(const expr* e);

  // analysis
  bool analyse(Scope* scope);
  bool resolve(Scope* scope, Symbol& symbol);
  bool directive_error(const Scope* scope, identifier name, const char* format);
  bool find_owner(Scope* scope, identifier name, Scope** owner);
  bool make_free(Scope* scope, Scope* owner, identifier name);

  PassContext& context_;
  Arena& arena_;
  bool future_annotations_;
  SymbolTable& table_;
  Scope* current_ = nullptr;
  identifier private_ = nullptr;
  identifier class_name_ = nullptr;  // "__class__"
};

bool Builder::enter(const Node* node, identifier name, ScopeKind kind, const PositionedNode* at) {
  if (!name) return false;
  auto* scope = arena_.make<Scope>();
  if (!scope) return false;
  scope->kind = kind;
  scope->name = name;
  scope->node = node;
  scope->parent = current_;
  if (at) {
    scope->lineno = at->lineno;
    scope->col_offset = at->col_offset;
    scope->end_lineno = at->end_lineno;
    scope->end_col_offset = at->end_col_offset;
  }
  if (current_) {
    scope->nested = current_->nested || current_->kind == ScopeKind::kFunction;
    scope->comp_iter_expr = current_->comp_iter_expr;
    // Names in annotations that stay text are nobody's.
    if (kind != ScopeKind::kAnnotation &&
        !append(arena_, current_->child_items, current_->child_count, current_->child_capacity, scope))
      return false;
  }
  if (table_.count * 2 >= table_.mask) {
    uint32_t capacity = table_.slots ? (table_.mask + 1) * 2 : 32;
    auto* slots = static_cast<SymbolTable::Slot*>(std::calloc(capacity, sizeof(SymbolTable::Slot)));
    if (!slots) return context_.memory_error();
    for (uint32_t i = 0; table_.slots && i <= table_.mask; i++) {
      if (!table_.slots[i].node) continue;
      uint32_t j = node_hash(table_.slots[i].node) & (capacity - 1);
      while (slots[j].node) j = (j + 1) & (capacity - 1);
      slots[j] = table_.slots[i];
    }
    std::free(table_.slots);
    table_.slots = slots;
    table_.mask = capacity - 1;
  }
  if (kind != ScopeKind::kAnnotation) {
    uint32_t i = node_hash(node) & table_.mask;
    while (table_.slots[i].node) i = (i + 1) & table_.mask;
    table_.slots[i] = {node, scope};
    table_.count++;
  }
  current_ = scope;
  return true;
}

bool Builder::build(mod* tree) {
  class_name_ = intern("__class__");
  if (!class_name_ || !enter(tree, intern("top"), ScopeKind::kModule, nullptr)) return false;
  table_.top = current_;
  bool ok = false;
  switch (tree->kind) {
    case Kind::Module: ok = statements(as<Module>(tree)->body); break;
    case Kind::Interactive: ok = statements(as<Interactive>(tree)->body); break;
    case Kind::Expression: ok = expression(as<Expression>(tree)->body); break;
    default: return context_.error_of(ErrorKind::kSystemError, "this compiler does not handle FunctionTypes");
  }
  return ok && analyse(table_.top);
}

bool Builder::define_in(Scope* scope, identifier name, uint32_t flags, const PositionedNode* at) {
  identifier m = mangled(name);
  if (!m) return false;
  Symbol* symbol = scope->symbols.find_or_add(arena_, m);
  if (!symbol) return false;
  if ((flags & kDefParam) && (symbol->flags & kDefParam)) {
    return context_.syntax_error(at, "duplicate argument '%s' in function definition", name->text);
  }
  symbol->flags |= flags;
  if (scope->comp_iter_target) {
    // An iteration variable: named expressions within the comprehension must leave it alone.
    if (symbol->flags & (kDefGlobal | kDefNonlocal)) {
      return context_.syntax_error(at, "comprehension inner loop cannot rebind assignment expression target '%s'",
                                   name->text);
    }
    symbol->flags |= kDefCompIter;
  }
  if (flags & kDefParam) {
    return append(arena_, scope->parameters, scope->parameter_count, scope->parameter_capacity, m);
  }
  if (flags & kDefGlobal) {
    // The module's table knows that somebody assigns to it.
    Symbol* top = table_.top->symbols.find_or_add(arena_, m);
    if (!top) return false;
    top->flags |= flags;
  }
  return true;
}

bool Builder::not_in_comprehension(const expr* e) {
  const char* what;
  switch (current_->comprehension) {
    case ComprehensionKind::kList: what = "'yield' inside list comprehension"; break;
    case ComprehensionKind::kSet: what = "'yield' inside set comprehension"; break;
    case ComprehensionKind::kDict: what = "'yield' inside dict comprehension"; break;
    case ComprehensionKind::kGenerator: what = "'yield' inside generator expression"; break;
    default: return true;
  }
  return context_.syntax_error(e, "%s", what);
}

bool Builder::statement(stmt* s) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  switch (s->kind) {
    case Kind::FunctionDef: {
      auto* f = as<FunctionDef>(s);
      return function(s, f->name, f->args, f->body, f->decorator_list, f->returns, false);
    }
    case Kind::AsyncFunctionDef: {
      auto* f = as<AsyncFunctionDef>(s);
      return function(s, f->name, f->args, f->body, f->decorator_list, f->returns, true);
    }
    case Kind::ClassDef: return class_(as<ClassDef>(s));
    case Kind::Return: {
      auto* r = as<Return>(s);
      if (!r->value) return true;
      current_->returns_value = true;
      return expression(r->value);
    }
    case Kind::Delete: return expressions(as<Delete>(s)->targets);
    case Kind::Assign: return expressions(as<Assign>(s)->targets) && expression(as<Assign>(s)->value);
    case Kind::AnnAssign: {
      auto* a = as<AnnAssign>(s);
      if (auto* n = if_is<Name>(a->target)) {
        uint32_t flags = flags_of(current_, n->id);
        if ((flags & (kDefGlobal | kDefNonlocal)) && current_ != table_.top && a->simple) {
          return context_.syntax_error(s, (flags & kDefGlobal) ? "annotated name '%s' can't be global"
                                                               : "annotated name '%s' can't be nonlocal",
                                       n->id->text);
        }
        if (a->simple) {
          if (!define(n->id, kDefAnnot | kDefLocal, n)) return false;
        } else if (a->value) {
          if (!define(n->id, kDefLocal, n)) return false;
        }
      } else if (!expression(a->target)) {
        return false;
      }
      return annotation(a->annotation) && maybe(a->value);
    }
    case Kind::AugAssign: return expression(as<AugAssign>(s)->target) && expression(as<AugAssign>(s)->value);
    case Kind::For: {
      auto* f = as<For>(s);
      return expression(f->target) && expression(f->iter) && statements(f->body) && statements(f->orelse);
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
      // A chain of elif is a loop here: its length is no nesting.
      for (auto* i = as<If>(s);;) {
        if (!expression(i->test) || !statements(i->body)) return false;
        if (i->orelse.size() == 1 && is<If>(i->orelse[0])) {
          i = as<If>(i->orelse[0]);
          continue;
        }
        return statements(i->orelse);
      }
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
      return statements(t->body) && statements(t->orelse) && handlers(t->handlers) && statements(t->finalbody);
    }
    case Kind::TryStar: {
      auto* t = as<TryStar>(s);
      return statements(t->body) && statements(t->orelse) && handlers(t->handlers) && statements(t->finalbody);
    }
    case Kind::Assert: return expression(as<Assert>(s)->test) && maybe(as<Assert>(s)->msg);
    case Kind::Import: return import_names(as<Import>(s)->names);
    case Kind::ImportFrom: return import_names(as<ImportFrom>(s)->names);
    case Kind::Global: return global(s, as<Global>(s)->names, false);
    case Kind::Nonlocal: return global(s, as<Nonlocal>(s)->names, true);
    case Kind::Expr: return expression(as<Expr>(s)->value);
    case Kind::With:
    case Kind::AsyncWith: {
      bool plain = is<With>(s);
      for (withitem* item : plain ? as<With>(s)->items : as<AsyncWith>(s)->items) {
        if (!expression(item->context_expr) || !maybe(item->optional_vars)) return false;
      }
      return statements(plain ? as<With>(s)->body : as<AsyncWith>(s)->body);
    }
    default: return true;
  }
}

bool Builder::function(stmt* node, identifier name, ast::arguments* args, const Seq<stmt*>& body,
                       const Seq<expr*>& decorators, expr* returns, bool is_async) {
  if (!define(name, kDefLocal, node) || !expressions(args->defaults) || !expressions(args->kw_defaults) ||
      !annotations(node, args, returns) || !expressions(decorators) ||
      !enter(node, name, ScopeKind::kFunction, node))
    return false;
  current_->coroutine = is_async;
  if (!parameters(args) || !statements(body)) return false;
  leave();
  return true;
}

bool Builder::class_(ClassDef* node) {
  if (!define(node->name, kDefLocal, node) || !expressions(node->bases) || !keywords(node->keywords) ||
      !expressions(node->decorator_list) || !enter(node, node->name, ScopeKind::kClass, node))
    return false;
  identifier outer = private_;
  private_ = node->name;
  bool ok = statements(node->body);
  private_ = outer;
  leave();
  return ok;
}

bool Builder::parameters(ast::arguments* args) {
  auto all = [&](const Seq<arg*>& items) {
    for (arg* a : items) {
      if (!define(a->arg_, kDefParam, a)) return false;
    }
    return true;
  };
  if (!all(args->posonlyargs) || !all(args->args) || !all(args->kwonlyargs)) return false;
  if (args->vararg) {
    if (!define(args->vararg->arg_, kDefParam, args->vararg)) return false;
    current_->varargs = true;
  }
  if (args->kwarg) {
    if (!define(args->kwarg->arg_, kDefParam, args->kwarg)) return false;
    current_->varkeywords = true;
  }
  return true;
}

bool Builder::annotation(expr* e) {
  if (!future_annotations_) return expression(e);
  if (!enter(e, intern("_annotation"), ScopeKind::kAnnotation, e)) return false;
  bool ok = expression(e);
  leave();
  return ok;
}

bool Builder::annotations(const stmt* node, ast::arguments* args, expr* returns) {
  (void)node;
  auto all = [&](const Seq<arg*>& items) {
    for (arg* a : items) {
      if (a->annotation && !annotation(a->annotation)) return false;
    }
    return true;
  };
  return all(args->posonlyargs) && all(args->args) &&
         (!args->vararg || !args->vararg->annotation || annotation(args->vararg->annotation)) &&
         (!args->kwarg || !args->kwarg->annotation || annotation(args->kwarg->annotation)) && all(args->kwonlyargs) &&
         (!returns || annotation(returns));
}

bool Builder::handlers(const Seq<excepthandler*>& handlers) {
  for (excepthandler* h : handlers) {
    auto* handler = as<ExceptHandler>(h);
    if (!maybe(handler->type)) return false;
    if (handler->name && !define(handler->name, kDefLocal, handler)) return false;
    if (!statements(handler->body)) return false;
  }
  return true;
}

bool Builder::import_names(const Seq<alias*>& names) {
  for (alias* a : names) {
    identifier name = a->asname;
    if (!name) {
      std::string_view text = a->name->view();
      if (text == "*") {
        if (current_->kind != ScopeKind::kModule)
          return context_.syntax_error(a, "import * only allowed at module level");
        continue;
      }
      size_t dot = text.find('.');
      name = dot == std::string_view::npos ? a->name : intern(text.substr(0, dot));
      if (!name) return false;
    }
    if (!define(name, kDefImport, a)) return false;
  }
  return true;
}

bool Builder::global(const stmt* node, const Seq<identifier>& names, bool nonlocal) {
  const char* what = nonlocal ? "nonlocal" : "global";
  for (identifier name : names) {
    uint32_t flags = flags_of(current_, name);
    if (flags & (kDefParam | kDefLocal | kUse | kDefAnnot)) {
      if (flags & kDefParam)
        return context_.syntax_error(node, "name '%s' is parameter and %s", name->text, what);
      if (flags & kUse)
        return context_.syntax_error(node, "name '%s' is used prior to %s declaration", name->text, what);
      if (flags & kDefAnnot)
        return context_.syntax_error(node, "annotated name '%s' can't be %s", name->text, what);
      return context_.syntax_error(node, "name '%s' is assigned to before %s declaration", name->text, what);
    }
    if (!define(name, nonlocal ? kDefNonlocal : kDefGlobal, node) || !record_directive(name, node)) return false;
  }
  return true;
}

bool Builder::expression(expr* e) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  switch (e->kind) {
    case Kind::NamedExpr: return not_in_annotation("named expression", e) && named_expression(as<NamedExpr>(e));
    case Kind::BoolOp: return expressions(as<BoolOp>(e)->values);
    case Kind::BinOp: return expression(as<BinOp>(e)->left) && expression(as<BinOp>(e)->right);
    case Kind::UnaryOp: return expression(as<UnaryOp>(e)->operand);
    case Kind::Lambda: {
      auto* l = as<Lambda>(e);
      if (!expressions(l->args->defaults) || !expressions(l->args->kw_defaults) ||
          !enter(e, intern("lambda"), ScopeKind::kFunction, e))
        return false;
      if (!parameters(l->args) || !expression(l->body)) return false;
      leave();
      return true;
    }
    case Kind::IfExp: {
      auto* i = as<IfExp>(e);
      return expression(i->test) && expression(i->body) && expression(i->orelse);
    }
    case Kind::Dict: return expressions(as<Dict>(e)->keys) && expressions(as<Dict>(e)->values);
    case Kind::Set: return expressions(as<Set>(e)->elts);
    case Kind::ListComp: {
      auto* c = as<ListComp>(e);
      return comprehension_(e, intern("listcomp"), ComprehensionKind::kList, c->generators, c->elt, nullptr);
    }
    case Kind::SetComp: {
      auto* c = as<SetComp>(e);
      return comprehension_(e, intern("setcomp"), ComprehensionKind::kSet, c->generators, c->elt, nullptr);
    }
    case Kind::DictComp: {
      auto* c = as<DictComp>(e);
      return comprehension_(e, intern("dictcomp"), ComprehensionKind::kDict, c->generators, c->key, c->value);
    }
    case Kind::GeneratorExp: {
      auto* c = as<GeneratorExp>(e);
      return comprehension_(e, intern("genexpr"), ComprehensionKind::kGenerator, c->generators, c->elt, nullptr);
    }
    case Kind::Yield:
      if (!not_in_annotation("yield expression", e) || !maybe(as<Yield>(e)->value)) return false;
      current_->generator = true;
      return not_in_comprehension(e);
    case Kind::YieldFrom:
      if (!not_in_annotation("yield expression", e) || !expression(as<YieldFrom>(e)->value)) return false;
      current_->generator = true;
      return not_in_comprehension(e);
    case Kind::Await:
      if (!not_in_annotation("await expression", e) || !expression(as<Await>(e)->value)) return false;
      current_->coroutine = true;
      return true;
    case Kind::Compare: return expression(as<Compare>(e)->left) && expressions(as<Compare>(e)->comparators);
    case Kind::Call: {
      auto* c = as<Call>(e);
      return expression(c->func) && expressions(c->args) && keywords(c->keywords);
    }
    case Kind::FormattedValue:
      return expression(as<FormattedValue>(e)->value) && maybe(as<FormattedValue>(e)->format_spec);
    case Kind::JoinedStr: return expressions(as<JoinedStr>(e)->values);
    case Kind::Attribute: return expression(as<Attribute>(e)->value);
    case Kind::Subscript: return expression(as<Subscript>(e)->value) && expression(as<Subscript>(e)->slice);
    case Kind::Starred: return expression(as<Starred>(e)->value);
    case Kind::Slice: {
      auto* s = as<Slice>(e);
      return maybe(s->lower) && maybe(s->upper) && maybe(s->step);
    }
    case Kind::Name: {
      auto* n = as<Name>(e);
      if (!define(n->id, n->ctx == expr_context::Load ? kUse : kDefLocal, e)) return false;
      // super() needs __class__.
      if (n->ctx == expr_context::Load && current_->kind == ScopeKind::kFunction && n->id->is("super"))
        return define(class_name_, kUse, e);
      return true;
    }
    case Kind::List: return expressions(as<List>(e)->elts);
    case Kind::Tuple: return expressions(as<Tuple>(e)->elts);
    default: return true;
  }
}

bool Builder::named_expression(NamedExpr* node) {
  if (current_->comp_iter_expr > 0) {
    return context_.syntax_error(node,
                                 "assignment expression cannot be used in a comprehension iterable expression");
  }
  current_->has_named_expressions = true;
  if (current_->comprehension != ComprehensionKind::kNone && !extend_named_scope(node)) return false;
  return expression(node->value) && expression(node->target);
}

// In a comprehension, the name belongs to the function or module around it.
bool Builder::extend_named_scope(NamedExpr* node) {
  auto* target = as<Name>(node->target);
  for (Scope* scope = current_; scope; scope = scope->parent) {
    if (scope->comprehension != ComprehensionKind::kNone) {
      if (flags_of(scope, target->id) & kDefCompIter) {
        return context_.syntax_error(target,
                                     "assignment expression cannot rebind comprehension iteration variable '%s'",
                                     target->id->text);
      }
      continue;
    }
    scope->has_named_expressions = true;
    switch (scope->kind) {
      case ScopeKind::kFunction: {
        bool global = flags_of(scope, target->id) & kDefGlobal;
        return define(target->id, global ? kDefGlobal : kDefNonlocal, target) &&
               record_directive(target->id, target) && define_in(scope, target->id, kDefLocal, target);
      }
      case ScopeKind::kModule:
        return define(target->id, kDefGlobal, target) && record_directive(target->id, target) &&
               define_in(scope, target->id, kDefGlobal, target);
      case ScopeKind::kClass:
        return context_.syntax_error(
            target, "assignment expression within a comprehension cannot be used in a class body");
      case ScopeKind::kAnnotation: continue;
    }
  }
  return true;
}

bool Builder::comprehension_(expr* node, identifier name, ComprehensionKind kind,
                             const Seq<comprehension*>& generators, expr* element, expr* value) {
  comprehension* outermost = generators[0];
  // The first iterable belongs to the scope around.
  current_->comp_iter_expr++;
  bool ok = expression(outermost->iter);
  current_->comp_iter_expr--;
  if (!ok || !enter(node, name, ScopeKind::kFunction, node)) return false;
  current_->comprehension = kind;
  if (outermost->is_async) current_->coroutine = true;
  if (!define(intern(".0"), kDefParam, node) || !target_of_comprehension(outermost->target) ||
      !expressions(outermost->ifs))
    return false;
  for (uint32_t i = 1; i < generators.size(); i++) {
    comprehension* g = generators[i];
    if (!target_of_comprehension(g->target)) return false;
    current_->comp_iter_expr++;
    ok = expression(g->iter);
    current_->comp_iter_expr--;
    if (!ok || !expressions(g->ifs)) return false;
    if (g->is_async) current_->coroutine = true;
  }
  if (!maybe(value) || !expression(element)) return false;
  current_->generator = kind == ComprehensionKind::kGenerator;
  bool is_async = current_->coroutine && kind != ComprehensionKind::kGenerator;
  leave();
  if (is_async) current_->coroutine = true;
  return true;
}

bool Builder::pattern(ast::pattern* p) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  switch (p->kind) {
    case Kind::MatchValue: return expression(as<MatchValue>(p)->value);
    case Kind::MatchSequence: return patterns(as<MatchSequence>(p)->patterns);
    case Kind::MatchStar: return !as<MatchStar>(p)->name || define(as<MatchStar>(p)->name, kDefLocal, p);
    case Kind::MatchMapping: {
      auto* m = as<MatchMapping>(p);
      return expressions(m->keys) && patterns(m->patterns) && (!m->rest || define(m->rest, kDefLocal, p));
    }
    case Kind::MatchClass: {
      auto* m = as<MatchClass>(p);
      return expression(m->cls) && patterns(m->patterns) && patterns(m->kwd_patterns);
    }
    case Kind::MatchAs: {
      auto* m = as<MatchAs>(p);
      return (!m->pattern_ || pattern(m->pattern_)) && (!m->name || define(m->name, kDefLocal, p));
    }
    case Kind::MatchOr: return patterns(as<MatchOr>(p)->patterns);
    default: return true;
  }
}

// ---- analysis ---------------------------------------------------------------------------------------------------

bool Builder::directive_error(const Scope* scope, identifier name, const char* format) {
  for (uint32_t i = 0; i < scope->directive_count; i++) {
    const Directive& d = scope->directives[i];
    if (d.name != name) continue;
    char message[400];
    std::snprintf(message, sizeof message, format, name->text);
    return context_.syntax_error(d.at, "%s", message);
  }
  return context_.error_of(ErrorKind::kSystemError, "no directive for a declared name");
}

// The function around `scope` that binds the name, if it is not global there. Class bodies bind only __class__.
bool Builder::find_owner(Scope* scope, identifier name, Scope** owner) {
  for (Scope* p = scope->parent; p; p = p->parent) {
    if (p->kind == ScopeKind::kClass) {
      if (name == class_name_) {
        *owner = p;
        return true;
      }
      continue;
    }
    if (p->kind != ScopeKind::kFunction) continue;
    const Symbol* symbol = p->symbols.find(name);
    if (!symbol) continue;
    if (symbol->flags & kDefGlobal) return false;
    if ((symbol->flags & kDefBound) && !(symbol->flags & kDefNonlocal)) {
      *owner = p;
      return true;
    }
  }
  return false;
}

// Every scope from `scope` out to the owner hands the variable on.
bool Builder::make_free(Scope* scope, Scope* owner, identifier name) {
  for (Scope* p = scope; p != owner; p = p->parent) {
    Symbol* symbol = p->symbols.find_or_add(arena_, name);
    if (!symbol) return false;
    if (p == scope) {
      symbol->scope = NameScope::kFree;
    } else if (p->kind == ScopeKind::kClass && (symbol->flags & (kDefBound | kDefGlobal))) {
      symbol->flags |= kDefFreeClass;
    } else if (symbol->scope == NameScope::kUnknown) {
      symbol->scope = NameScope::kFree;
    }
  }
  if (owner->kind == ScopeKind::kClass) {
    owner->needs_class_closure = true;
  } else if (Symbol* symbol = owner->symbols.find(name)) {
    symbol->scope = NameScope::kCell;
  }
  return true;
}

bool Builder::resolve(Scope* scope, Symbol& symbol) {
  uint32_t flags = symbol.flags;
  identifier name = symbol.name;
  if (flags & kDefGlobal) {
    if (flags & kDefNonlocal) return directive_error(scope, name, "name '%s' is nonlocal and global");
    symbol.scope = NameScope::kGlobalExplicit;
    return true;
  }
  Scope* owner = nullptr;
  if (flags & kDefNonlocal) {
    if (scope->kind == ScopeKind::kModule)
      return directive_error(scope, name, "nonlocal declaration not allowed at module level");
    if (!find_owner(scope, name, &owner)) return directive_error(scope, name, "no binding for nonlocal '%s' found");
    return make_free(scope, owner, name);
  }
  if (flags & kDefBound) {
    // A cell already, if an inner scope came first; inner scopes come later, so it can only be unknown here.
    if (symbol.scope != NameScope::kCell) symbol.scope = NameScope::kLocal;
    return true;
  }
  if (find_owner(scope, name, &owner)) return make_free(scope, owner, name);
  symbol.scope = NameScope::kGlobalImplicit;
  return true;
}

bool Builder::analyse(Scope* scope) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  // (Scopes further in may add symbols to this one later; those are resolved when added.)
  for (uint32_t i = 0; i < scope->symbols.size(); i++) {
    Symbol& symbol = scope->symbols.begin()[i];
    if (symbol.scope != NameScope::kUnknown) continue;
    identifier name = symbol.name;
    if (!resolve(scope, *scope->symbols.find(name))) return false;
  }
  for (Scope* child : scope->children()) {
    if (!analyse(child)) return false;
  }
  return true;
}

}  // namespace

bool build_symbol_table(PassContext& context, mod* tree, uint32_t future_flags, SymbolTable* table) {
  Builder builder(context, future_flags, table);
  return builder.build(tree) && !context.failed();
}

}  // namespace atl::compiler
