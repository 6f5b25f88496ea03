// Expressions back to source text, for annotations that stay strings. Brackets appear where precedence needs them.
#include "Python/compiler/literal_repr.h"
#include "Python/compiler/passes.h"

namespace atl::compiler {

using namespace ast;

namespace {

enum Level {
  kTuple, kTest, kOr, kAnd, kNot, kCompare, kBitOr, kBitXor, kBitAnd, kShift, kSum, kProduct, kFactor, kPower, kAwait,
  kAtom
};

class Unparser {
 public:
  Unparser(PassContext& context, Buffer<char>* out) : context_(context), out_(out) {}
  bool write(const expr* e, int level);

 private:
  bool text(std::string_view s) { return append_text(out_, s) || context_.memory_error(); }
  bool list(const Seq<expr*>& items, std::string_view separator, int level) {
    for (uint32_t i = 0; i < items.size(); i++) {
      if ((i && !text(separator)) || !write(items[i], level)) return false;
    }
    return true;
  }
  bool generators(const Seq<comprehension*>& items) {
    for (comprehension* g : items) {
      if (!text(g->is_async ? " async for " : " for ") || !write(g->target, kTuple) || !text(" in ") ||
          !write(g->iter, kTest + 1))
        return false;
      for (expr* condition : g->ifs) {
        if (!text(" if ") || !write(condition, kTest + 1)) return false;
      }
    }
    return true;
  }
  bool comprehension_(std::string_view open, const expr* element, const Seq<comprehension*>& items,
                      std::string_view close) {
    return text(open) && write(element, kTest) && generators(items) && text(close);
  }
  bool parameters(const ast::arguments* args);
  bool constant_(ast::constant value);
  bool joined_body(const JoinedStr* node, bool is_spec, Buffer<char>* body);
  bool formatted(const FormattedValue* node, Buffer<char>* body);
  bool joined(const expr* node);

  PassContext& context_;
  Buffer<char>* out_;
};

bool Unparser::parameters(const ast::arguments* args) {
  bool first = true;
  auto comma = [&] {
    bool was_first = first;
    first = false;
    return was_first || text(", ");
  };
  uint32_t positional = args->posonlyargs.size() + args->args.size();
  for (uint32_t i = 0; i < positional; i++) {
    const arg* a = i < args->posonlyargs.size() ? args->posonlyargs[i] : args->args[i - args->posonlyargs.size()];
    if (!comma() || !text(a->arg_->view())) return false;
    uint32_t without = positional - args->defaults.size();
    if (i >= without && (!text("=") || !write(args->defaults[i - without], kTest))) return false;
    if (i + 1 == args->posonlyargs.size() && !text(", /")) return false;
  }
  if (args->vararg || !args->kwonlyargs.empty()) {
    if (!comma() || !text("*") || (args->vararg && !text(args->vararg->arg_->view()))) return false;
  }
  for (uint32_t i = 0; i < args->kwonlyargs.size(); i++) {
    if (!comma() || !text(args->kwonlyargs[i]->arg_->view())) return false;
    const expr* value = args->kw_defaults[i];
    if (value && (!text("=") || !write(value, kTest))) return false;
  }
  return !args->kwarg || (comma() && text("**") && text(args->kwarg->arg_->view()));
}

// Infinity has no literal, but overflows of literals do.
bool Unparser::constant_(ast::constant value) {
  if (value->kind == ConstantKind::kEllipsis) return text("...");
  if (value->kind == ConstantKind::kTuple) {
    if (!text("(")) return false;
    for (uint32_t i = 0; i < value->size; i++) {
      if ((i && !text(", ")) || !constant_(value->items[i])) return false;
    }
    return text(value->size == 1 ? ",)" : ")");
  }
  Buffer<char> repr;
  if (!append_constant_repr(&repr, value)) return context_.memory_error();
  std::string_view r(repr.data(), repr.size());
  if (value->kind == ConstantKind::kFloat || value->kind == ConstantKind::kComplex) {
    for (size_t at; (at = r.find("inf")) != std::string_view::npos; r.remove_prefix(at + 3)) {
      if (!text(r.substr(0, at)) || !text("1e309")) return false;
    }
  }
  return text(r);
}

// The text between the quotes, before it is quoted as a whole.
bool Unparser::joined_body(const JoinedStr* node, bool is_spec, Buffer<char>* body) {
  for (const expr* part : node->values) {
    if (auto* value = if_is<FormattedValue>(part)) {
      if (!formatted(value, body)) return false;
    } else if (auto* nested = if_is<JoinedStr>(part)) {
      if (!joined_body(nested, is_spec, body)) return false;
    } else if (auto* literal = if_is<Constant>(part)) {
      for (char c : literal->value->view()) {
        if (!body->push(c)) return context_.memory_error();
        if ((c == '{' || c == '}') && !body->push(c)) return context_.memory_error();
      }
    }
  }
  return true;
}

bool Unparser::formatted(const FormattedValue* node, Buffer<char>* body) {
  // The expression is written on its own, to see how it begins and what quotes it has.
  Buffer<char> inner;
  Unparser nested(context_, &inner);
  if (!nested.write(node->value, kTest + 1)) return false;
  std::string_view text(inner.data(), inner.size());
  if (text.find('\\') != std::string_view::npos) {
    return context_.error_of(ErrorKind::kValueError, "f-string expression part cannot include a backslash");
  }
  bool ok = body->push('{') && (!text.starts_with('{') || body->push(' ')) && append_text(body, text);
  if (ok && node->conversion > 0) ok = body->push('!') && body->push(static_cast<char>(node->conversion));
  if (ok && node->format_spec) {
    ok = body->push(':');
    if (ok) {
      if (auto* spec = if_is<JoinedStr>(node->format_spec)) {
        if (!joined_body(spec, true, body)) return false;
      } else if (auto* literal = if_is<Constant>(node->format_spec)) {
        ok = append_text(body, literal->value->view());
      }
    }
  }
  return (ok && body->push('}')) || context_.memory_error();
}

bool Unparser::joined(const expr* node) {
  Buffer<char> body;
  if (auto* whole = if_is<JoinedStr>(node)) {
    if (!joined_body(whole, false, &body)) return false;
  } else if (!formatted(as<FormattedValue>(node), &body)) {
    return false;
  }
  return text("f") && (append_str_repr(out_, {body.data(), body.size()}) || context_.memory_error());
}

bool Unparser::write(const expr* e, int level) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  auto bracketed = [&](int own, auto inner) {
    bool brackets = level > own;
    return (!brackets || text("(")) && inner() && (!brackets || text(")"));
  };
  switch (e->kind) {
    case Kind::BoolOp: {
      auto* b = as<BoolOp>(e);
      int own = b->op == boolop::And ? kAnd : kOr;
      return bracketed(own, [&] { return list(b->values, b->op == boolop::And ? " and " : " or ", own + 1); });
    }
    case Kind::BinOp: {
      auto* b = as<BinOp>(e);
      static constexpr struct {
        const char* text;
        int level;
      } kOps[] = {{" + ", kSum}, {" - ", kSum}, {" * ", kProduct}, {" @ ", kProduct}, {" / ", kProduct},
                  {" % ", kProduct}, {" ** ", kPower}, {" << ", kShift}, {" >> ", kShift}, {" | ", kBitOr},
                  {" ^ ", kBitXor}, {" & ", kBitAnd}, {" // ", kProduct}};
      auto& op = kOps[static_cast<int>(b->op)];
      bool right_first = b->op == operator_::Pow;
      return bracketed(op.level, [&] {
        return write(b->left, op.level + right_first) && text(op.text) && write(b->right, op.level + !right_first);
      });
    }
    case Kind::UnaryOp: {
      auto* u = as<UnaryOp>(e);
      static constexpr const char* kOps[] = {"~", "not ", "+", "-"};
      int own = u->op == unaryop::Not ? kNot : kFactor;
      return bracketed(own, [&] { return text(kOps[static_cast<int>(u->op)]) && write(u->operand, own); });
    }
    case Kind::Lambda: {
      auto* l = as<Lambda>(e);
      // (3.11 leaves the space out before a star.)
      bool any = !l->args->posonlyargs.empty() || !l->args->args.empty();
      return bracketed(kTest, [&] {
        return text(any ? "lambda " : "lambda") && parameters(l->args) && text(": ") && write(l->body, kTest);
      });
    }
    case Kind::IfExp: {
      auto* i = as<IfExp>(e);
      return bracketed(kTest, [&] {
        return write(i->body, kTest + 1) && text(" if ") && write(i->test, kTest + 1) && text(" else ") &&
               write(i->orelse, kTest);
      });
    }
    case Kind::Dict: {
      auto* d = as<Dict>(e);
      if (!text("{")) return false;
      for (uint32_t i = 0; i < d->values.size(); i++) {
        if (i && !text(", ")) return false;
        if (d->keys[i]) {
          if (!write(d->keys[i], kTest) || !text(": ") || !write(d->values[i], kTest)) return false;
        } else if (!text("**") || !write(d->values[i], kBitOr)) {
          return false;
        }
      }
      return text("}");
    }
    case Kind::Set: return text("{") && list(as<Set>(e)->elts, ", ", kTest) && text("}");
    case Kind::GeneratorExp: return comprehension_("(", as<GeneratorExp>(e)->elt, as<GeneratorExp>(e)->generators, ")");
    case Kind::ListComp: return comprehension_("[", as<ListComp>(e)->elt, as<ListComp>(e)->generators, "]");
    case Kind::SetComp: return comprehension_("{", as<SetComp>(e)->elt, as<SetComp>(e)->generators, "}");
    case Kind::DictComp: {
      auto* d = as<DictComp>(e);
      return text("{") && write(d->key, kTest) && text(": ") && write(d->value, kTest) && generators(d->generators) &&
             text("}");
    }
    case Kind::Yield:
      if (!as<Yield>(e)->value) return text("(yield)");
      return text("(yield ") && write(as<Yield>(e)->value, kTuple) && text(")");
    case Kind::YieldFrom: return text("(yield from ") && write(as<YieldFrom>(e)->value, kTest) && text(")");
    case Kind::Await:
      return bracketed(kAwait, [&] { return text("await ") && write(as<Await>(e)->value, kAtom); });
    case Kind::Compare: {
      auto* c = as<Compare>(e);
      static constexpr const char* kOps[] = {" == ", " != ", " < ", " <= ", " > ", " >= ",
                                             " is ", " is not ", " in ", " not in "};
      return bracketed(kCompare, [&] {
        if (!write(c->left, kCompare + 1)) return false;
        for (uint32_t i = 0; i < c->ops.size(); i++) {
          if (!text(kOps[static_cast<int>(c->ops[i])]) || !write(c->comparators[i], kCompare + 1)) return false;
        }
        return true;
      });
    }
    case Kind::Call: {
      auto* c = as<Call>(e);
      if (!write(c->func, kAtom)) return false;
      if (c->args.size() == 1 && c->keywords.empty() && is<GeneratorExp>(c->args[0])) return write(c->args[0], kTest);
      if (!text("(") || !list(c->args, ", ", kTest)) return false;
      for (uint32_t i = 0; i < c->keywords.size(); i++) {
        if ((i || !c->args.empty()) && !text(", ")) return false;
        keyword* k = c->keywords[i];
        if (!(k->arg ? text(k->arg->view()) && text("=") : text("**")) || !write(k->value, kTest)) return false;
      }
      return text(")");
    }
    case Kind::JoinedStr:
    case Kind::FormattedValue: return joined(e);
    case Kind::Constant:
      if (as<Constant>(e)->kind && !text("u")) return false;
      return constant_(as<Constant>(e)->value);
    case Kind::Attribute: {
      auto* a = as<Attribute>(e);
      auto* number = if_is<Constant>(a->value);
      bool is_int = number && (number->value->kind == ConstantKind::kInt || number->value->kind == ConstantKind::kBigInt);
      return write(a->value, kAtom) && text(is_int ? " ." : ".") && text(a->attr->view());
    }
    case Kind::Starred: return text("*") && write(as<Starred>(e)->value, kBitOr);
    case Kind::Name: return text(as<Name>(e)->id->view());
    case Kind::List: return text("[") && list(as<List>(e)->elts, ", ", kTest) && text("]");
    case Kind::Tuple: {
      auto* t = as<Tuple>(e);
      if (t->elts.empty()) return text("()");
      return bracketed(kTuple, [&] {
        return list(t->elts, ", ", kTest) && (t->elts.size() != 1 || text(","));
      });
    }
    case Kind::Subscript:
      return write(as<Subscript>(e)->value, kAtom) && text("[") && write(as<Subscript>(e)->slice, kTuple) && text("]");
    case Kind::Slice: {
      auto* s = as<Slice>(e);
      return (!s->lower || write(s->lower, kTest)) && text(":") && (!s->upper || write(s->upper, kTest)) &&
             (!s->step || (text(":") && write(s->step, kTest)));
    }
    case Kind::NamedExpr:
      return bracketed(kTuple, [&] {
        return write(as<NamedExpr>(e)->target, kAtom) && text(" := ") && write(as<NamedExpr>(e)->value, kAtom);
      });
    default: return context_.error_of(ErrorKind::kSystemError, "unknown expression kind");
  }
}

}  // namespace

bool unparse_expression(PassContext& context, const expr* node, Buffer<char>* out) {
  Unparser unparser(context, out);
  return unparser.write(node, kTest);
}

}  // namespace atl::compiler
