// Code for expressions.
#include "Python/compiler/codegen_impl.h"

namespace atl::compiler {

using namespace ast;

namespace {

// First of the five opcodes of an operator: RR, RK, KR, in place RR, in place RK.
Opcode binary_base(operator_ op) {
  switch (op) {
    case operator_::Add: return Opcode::kAddRR;
    case operator_::Sub: return Opcode::kSubRR;
    case operator_::Mult: return Opcode::kMulRR;
    case operator_::MatMult: return Opcode::kMatMulRR;
    case operator_::Div: return Opcode::kTrueDivRR;
    case operator_::Mod: return Opcode::kModRR;
    case operator_::Pow: return Opcode::kPowRR;
    case operator_::LShift: return Opcode::kLShiftRR;
    case operator_::RShift: return Opcode::kRShiftRR;
    case operator_::BitOr: return Opcode::kOrRR;
    case operator_::BitXor: return Opcode::kXorRR;
    case operator_::BitAnd: return Opcode::kAndRR;
    case operator_::FloorDiv: return Opcode::kFloorDivRR;
  }
  return Opcode::kNop;
}
enum { kRR, kRK, kKR, kInPlaceRR, kInPlaceRK };
static_assert(static_cast<int>(Opcode::kIAddRK) - static_cast<int>(Opcode::kAddRR) == kInPlaceRK);

// First of the six opcodes of a comparison: RR, RK, jump if true RR, RK, if false RR, RK. kNop: `is` and `in`.
Opcode compare_base(cmpop op) {
  switch (op) {
    case cmpop::Eq: return Opcode::kEqRR;
    case cmpop::NotEq: return Opcode::kNeRR;
    case cmpop::Lt: return Opcode::kLtRR;
    case cmpop::LtE: return Opcode::kLeRR;
    case cmpop::Gt: return Opcode::kGtRR;
    case cmpop::GtE: return Opcode::kGeRR;
    default: return Opcode::kNop;
  }
}
static_assert(static_cast<int>(Opcode::kJFLtRK) - static_cast<int>(Opcode::kLtRR) == 5);

Opcode plus(Opcode op, int n) { return static_cast<Opcode>(static_cast<int>(op) + n); }

// Displays longer than this are built item by item, so that frames stay small.
constexpr uint32_t kWindowGuide = 30;
constexpr uint32_t kCallGuide = 250;

}  // namespace

constant Generator::constant_of(const expr* e) { return is<Constant>(e) ? as<Constant>(e)->value : nullptr; }

// ---- what may change a local while an expression is evaluated -----------------------------------------------------

namespace {
struct Disturbance {
  identifier name;
  bool found = false;

  void look(Node* node) {
    if (!node || found) return;
    switch (node->kind) {
      case Kind::Yield:
      case Kind::YieldFrom:
      case Kind::Await: found = true; return;
      case Kind::NamedExpr:
        if (as<Name>(as<NamedExpr>(node)->target)->id == name) {
          found = true;
          return;
        }
        break;
      case Kind::Lambda:
        // Defaults only; the body runs elsewhere.
        for (expr* e : as<Lambda>(node)->args->defaults) look(e);
        for (expr* e : as<Lambda>(node)->args->kw_defaults) look(e);
        return;
      default: break;
    }
    visit_fields(node, *this);
  }
  template <typename T>
  void operator()(int, T& field) {
    if constexpr (std::is_pointer_v<T> && std::is_base_of_v<Node, std::remove_pointer_t<T>>) {
      look(field);
    }
  }
  template <typename T>
  void operator()(int, Seq<T*>& items) {
    if constexpr (std::is_base_of_v<Node, T>) {
      for (T* item : items) look(item);
    }
  }
};
}  // namespace

bool Generator::disturbs(const expr* e, identifier name) const {
  if (!e) return false;
  Disturbance d{name};
  d.look(const_cast<expr*>(e));
  return d.found;
}

bool Generator::disturbs_any(const Seq<expr*>& items, identifier name) const {
  for (expr* e : items) {
    if (disturbs(e, name)) return true;
  }
  return false;
}

// ---- the ways to evaluate ---------------------------------------------------------------------------------------

bool Generator::into(expr* e, int dst) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  PosScope pos(*this, e);
  int saved = u_->depth;
  bool ok = into_inner(e, dst);
  u_->depth = saved;
  return ok;
}

int Generator::to_temp(expr* e) {
  int t = u_->depth;
  if (!into(e, t)) return kFail;
  return push_temp();
}

int Generator::value(expr* e, const expr* later, const expr* later2) {
  if (auto* name = if_is<Name>(e)) {
    int slot = plain_local(name->id);
    if (slot != kFail && !(u_->disturbed && (disturbs(later, name->id) || disturbs(later2, name->id)))) {
      // An operand on a line of its own has no instruction that shows the line.
      bool shown = e->lineno == pos_.line;
      PosScope pos(*this, e);
      if (!shown && !emit(Opcode::kNop)) return kFail;
      return emit(Opcode::kCheckLocal, slot) ? slot : kFail;
    }
    if (context_.failed()) return kFail;
  }
  return to_temp(e);
}

// For side effects only.
bool Generator::effect(expr* e) {
  int saved = u_->depth;
  int t = to_temp(e);
  bool ok = t != kFail && drop(t);
  u_->depth = saved;
  return ok;
}

bool Generator::into_inner(expr* e, int dst) {
  switch (e->kind) {
    case Kind::Name: return load_name(as<Name>(e)->id, dst);
    case Kind::Constant: return load_const(dst, as<Constant>(e)->value);
    case Kind::BinOp: return binary(as<BinOp>(e)->op, false, as<BinOp>(e)->left, as<BinOp>(e)->right, dst);
    case Kind::UnaryOp: {
      auto* u = as<UnaryOp>(e);
      int saved = u_->depth;
      int operand = value(u->operand);
      if (operand == kFail) return false;
      u_->depth = saved;
      static constexpr Opcode kOps[] = {Opcode::kInvert, Opcode::kNot, Opcode::kPos, Opcode::kNeg};
      return emit(kOps[static_cast<int>(u->op)], dst, operand);
    }
    case Kind::Compare: return compare(as<Compare>(e), dst);
    case Kind::BoolOp: return bool_op(as<BoolOp>(e), dst);
    case Kind::IfExp: return if_exp(as<IfExp>(e), dst);
    case Kind::Attribute: return attribute(as<Attribute>(e), dst);
    case Kind::Subscript: return subscript(as<Subscript>(e), dst);
    case Kind::Slice: return build_slice(as<Slice>(e), dst);
    case Kind::Call: return call(as<Call>(e), dst);
    case Kind::Tuple: return sequence(as<Tuple>(e)->elts, Opcode::kBuildTuple, dst);
    case Kind::List: return sequence(as<List>(e)->elts, Opcode::kBuildList, dst);
    case Kind::Set: return sequence(as<Set>(e)->elts, Opcode::kBuildSet, dst);
    case Kind::Dict: return dict(as<Dict>(e), dst);
    case Kind::JoinedStr: return joined_str(as<JoinedStr>(e), dst);
    case Kind::FormattedValue: return formatted_value(as<FormattedValue>(e), dst);
    case Kind::NamedExpr: return named_expr(as<NamedExpr>(e), dst);
    case Kind::Lambda: return lambda(as<Lambda>(e), dst);
    case Kind::ListComp:
    case Kind::SetComp:
    case Kind::DictComp:
    case Kind::GeneratorExp: return comprehension(e, dst);
    case Kind::Yield: return yield(as<Yield>(e), dst);
    case Kind::YieldFrom: return yield_from(as<YieldFrom>(e), dst);
    case Kind::Await: return await_(as<Await>(e), dst);
    case Kind::Starred: return error("can't use starred expression here");
    default: return error("unexpected expression");
  }
}

// ---- operators --------------------------------------------------------------------------------------------------

bool Generator::binary(operator_ op, bool in_place, expr* left, expr* right, int dst) {
  int saved = u_->depth;
  constant left_constant = operand_constant(left);
  if (left_constant && !constant_of(right) && !in_place) {
    int k = add_const(left_constant);
    int b = value(right);
    if (k < 0 || b == kFail) return false;
    u_->depth = saved;
    return emit(plus(binary_base(op), kKR), dst, k, b);
  }
  int a = value(left, right);
  bool ok = a != kFail && binary_with(op, in_place, a, right, dst);
  u_->depth = saved;
  return ok;
}

bool Generator::binary_with(operator_ op, bool in_place, int left, expr* right, int dst) {
  if (constant right_constant = operand_constant(right)) {
    int k = add_const(right_constant);
    return k >= 0 && emit(plus(binary_base(op), in_place ? kInPlaceRK : kRK), dst, left, k);
  }
  int b = value(right);
  return b != kFail && emit(plus(binary_base(op), in_place ? kInPlaceRR : kRR), dst, left, b);
}

bool Generator::check_compare(Compare* e) {
  auto may_be_identical = [](const expr* operand) {
    constant c = constant_of(operand);
    return !c || c->kind == ConstantKind::kNone || c->kind == ConstantKind::kTrue || c->kind == ConstantKind::kFalse ||
           c->kind == ConstantKind::kEllipsis;
  };
  bool left = may_be_identical(e->left);
  for (uint32_t i = 0; i < e->ops.size(); i++) {
    bool right = may_be_identical(e->comparators[i]);
    if (e->ops[i] == cmpop::Is && (!left || !right)) return warn("\"is\" with a literal. Did you mean \"==\"?");
    if (e->ops[i] == cmpop::IsNot && (!left || !right))
      return warn("\"is not\" with a literal. Did you mean \"!=\"?");
    left = right;
  }
  return true;
}

bool Generator::compare_into(cmpop op, int left, expr* right, int dst) {
  Opcode base = compare_base(op);
  if (base != Opcode::kNop) {
    if (constant c = operand_constant(right)) {
      int k = add_const(c);
      return k >= 0 && emit(plus(base, 1), dst, left, k);
    }
    int b = value(right);
    return b != kFail && emit(base, dst, left, b);
  }
  int b = value(right);
  if (b == kFail) return false;
  switch (op) {
    case cmpop::Is: return emit(Opcode::kIs, dst, left, b);
    case cmpop::IsNot: return emit(Opcode::kIsNot, dst, left, b);
    case cmpop::In: return emit(Opcode::kContains, dst, left, b);
    default: return emit(Opcode::kNotContains, dst, left, b);
  }
}

bool Generator::compare_jump(cmpop op, int left, expr* right, Label target, bool when) {
  Opcode base = compare_base(op);
  if (base != Opcode::kNop) {
    if (constant c = operand_constant(right)) {
      int k = add_const(c);
      return k >= 0 && emit_jump(plus(base, when ? 3 : 5), target, 0, left, k);
    }
    int b = value(right);
    return b != kFail && emit_jump(plus(base, when ? 2 : 4), target, 0, left, b);
  }
  if (op == cmpop::IsNot || op == cmpop::NotIn) {
    op = op == cmpop::IsNot ? cmpop::Is : cmpop::In;
    when = !when;
  }
  if (op == cmpop::Is) {
    constant c = constant_of(right);
    if (c && c->kind == ConstantKind::kNone)
      return emit_jump(when ? Opcode::kJNone : Opcode::kJNotNone, target, 0, left);
  }
  int b = value(right);
  if (b == kFail) return false;
  if (op == cmpop::Is) return emit_jump(when ? Opcode::kJTIs : Opcode::kJFIs, target, 0, left, b);
  return emit_jump(when ? Opcode::kJTContains : Opcode::kJFContains, target, 0, left, b);
}

// a < b < c: an operand in the middle is needed twice, and let go of where the chain ends early. Two temporaries take
// turns as the left and the right operand, so that long chains need no more of them than short ones.
struct Generator::Chain {
  Generator& g;
  Compare* e;
  int temps[2];
  Label drop[2] = {kNoLabel, kNoLabel};  // where the temporary is dropped after a false comparison

  // The operand before the next comparisons begin: a local, or the temporary.
  int operand(expr* x, uint32_t next, int temp) {
    auto* name = if_is<Name>(x);
    bool disturbed = false;
    if (name && g.u_->disturbed) {
      for (uint32_t i = next; i < e->ops.size(); i++) disturbed = disturbed || g.disturbs(e->comparators[i], name->id);
    }
    if (name && !disturbed && g.plain_local(name->id) != kFail) return g.value(x);
    if (g.context_.failed()) return kFail;
    return g.into(x, temp) ? temp : kFail;
  }
  // Operand i, with a copy to be compared: *right. *on_false: where a false comparison goes on; `otherwise` is where it
  // would without a temporary to drop.
  int middle(uint32_t i, int* right, Label otherwise, Label* on_false) {
    int which = (i + 1) & 1;
    int m = operand(e->comparators[i], i + 1, temps[which]);
    *right = m;
    *on_false = otherwise;
    if (m == kFail || m != temps[which]) return m;
    if (drop[which] == kNoLabel) drop[which] = g.new_label();
    *on_false = drop[which];
    *right = g.u_->depth;
    g.push_temp();
    g.u_->depth = *right;
    return drop[which] >= 0 && g.emit(Opcode::kDup, *right, m) ? m : kFail;
  }
  // The places where temporaries are dropped; each goes on at `to`.
  bool drops(Label to) {
    for (int which = 0; which < 2; which++) {
      if (drop[which] == kNoLabel) continue;
      if (!g.place(drop[which]) || !g.emit(Opcode::kDrop, temps[which]) || !g.emit_jump(Opcode::kJump, to)) return false;
    }
    return true;
  }
  bool any_drops() const { return drop[0] != kNoLabel || drop[1] != kNoLabel; }
};

bool Generator::compare(Compare* e, int dst) {
  if (!check_compare(e)) return false;
  int saved = u_->depth;
  uint32_t n = e->ops.size();
  if (n == 1) {
    int left = value(e->left, e->comparators[0]);
    bool ok = left != kFail && compare_into(e->ops[0], left, e->comparators[0], dst);
    u_->depth = saved;
    return ok;
  }
  // The result stands in a temporary of its own below the operands.
  int result = push_temp();
  Chain chain{*this, e, {push_temp(), push_temp()}};
  int left = chain.operand(e->left, 0, chain.temps[0]);
  Label end = new_label();
  if (left == kFail || end < 0) return false;
  for (uint32_t i = 0; i + 1 < n; i++) {
    int right;
    Label on_false;
    int middle = chain.middle(i, &right, end, &on_false);
    if (middle == kFail) return false;
    static constexpr Opcode kIdentity[] = {Opcode::kIs, Opcode::kIsNot, Opcode::kContains, Opcode::kNotContains};
    Opcode op = compare_base(e->ops[i]);
    if (op == Opcode::kNop) op = kIdentity[static_cast<int>(e->ops[i]) - static_cast<int>(cmpop::Is)];
    if (!emit(op, result, left, right) || !emit_jump(Opcode::kJFKeep, on_false, 0, result)) return false;
    left = middle;
  }
  if (!compare_into(e->ops[n - 1], left, e->comparators[n - 1], result)) return false;
  if (chain.any_drops() && (!emit_jump(Opcode::kJump, end) || !chain.drops(end))) return false;
  if (!place(end)) return false;
  u_->depth = saved;
  return move(dst, result);
}

bool Generator::compare_chain_jump(Compare* e, Label target, bool when) {
  if (!check_compare(e)) return false;
  int saved = u_->depth;
  uint32_t n = e->ops.size();
  if (n == 1) {
    int left = value(e->left, e->comparators[0]);
    bool ok = left != kFail && compare_jump(e->ops[0], left, e->comparators[0], target, when);
    u_->depth = saved;
    return ok;
  }
  Chain chain{*this, e, {push_temp(), push_temp()}};
  int left = chain.operand(e->left, 0, chain.temps[0]);
  Label end = new_label();
  if (left == kFail || end < 0) return false;
  Label where_false = when ? end : target;
  for (uint32_t i = 0; i + 1 < n; i++) {
    int right;
    Label on_false;
    int middle = chain.middle(i, &right, where_false, &on_false);
    if (middle == kFail) return false;
    Opcode base = compare_base(e->ops[i]);
    bool ok;
    if (base != Opcode::kNop) {
      ok = emit_jump(plus(base, 4), on_false, 0, left, right);
    } else {
      static constexpr Opcode kJumps[] = {Opcode::kJFIs, Opcode::kJTIs, Opcode::kJFContains, Opcode::kJTContains};
      ok = emit_jump(kJumps[static_cast<int>(e->ops[i]) - static_cast<int>(cmpop::Is)], on_false, 0, left, right);
    }
    if (!ok) return false;
    left = middle;
  }
  if (!compare_jump(e->ops[n - 1], left, e->comparators[n - 1], target, when)) return false;
  if (chain.any_drops() && (!emit_jump(Opcode::kJump, end) || !chain.drops(where_false))) return false;
  u_->depth = saved;
  return place(end);
}

bool Generator::bool_op(BoolOp* e, int dst) {
  int result = u_->depth;
  Label end = new_label();
  if (end < 0) return false;
  Opcode jump = e->op == boolop::And ? Opcode::kJFKeep : Opcode::kJTKeep;
  for (uint32_t i = 0; i + 1 < e->values.size(); i++) {
    if (!into(e->values[i], result)) return false;
    push_temp();
    if (!emit_jump(jump, end, 0, result)) return false;
    u_->depth = result;
  }
  if (!into(e->values.back(), result)) return false;
  push_temp();
  return place(end) && move(dst, result);
}

bool Generator::if_exp(IfExp* e, int dst) {
  Label orelse = new_label(), end = new_label();
  return orelse >= 0 && end >= 0 && cond_jump(e->test, orelse, false) && into(e->body, dst) &&
         (no_pos(), emit_jump(Opcode::kJump, end)) && place(orelse) && into(e->orelse, dst) && place(end);
}

bool Generator::cond_jump(expr* e, Label target, bool when) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  PosScope pos(*this, e);
  switch (e->kind) {
    case Kind::UnaryOp:
      if (as<UnaryOp>(e)->op == unaryop::Not) return cond_jump(as<UnaryOp>(e)->operand, target, !when);
      break;
    case Kind::BoolOp: {
      auto* b = as<BoolOp>(e);
      bool is_or = b->op == boolop::Or;
      // For `or`, each true operand decides for true; for `and`, each false one for false.
      Label end = kNoLabel;
      Label decided = target;
      if (is_or != when) {
        end = new_label();
        if (end < 0) return false;
        decided = end;
      }
      for (uint32_t i = 0; i + 1 < b->values.size(); i++) {
        if (!cond_jump(b->values[i], decided, is_or)) return false;
      }
      return cond_jump(b->values.back(), target, when) && (end == kNoLabel || place(end));
    }
    case Kind::IfExp: {
      auto* i = as<IfExp>(e);
      Label orelse = new_label(), end = new_label();
      return orelse >= 0 && end >= 0 && cond_jump(i->test, orelse, false) && cond_jump(i->body, target, when) &&
             emit_jump(Opcode::kJump, end) && place(orelse) && cond_jump(i->orelse, target, when) && place(end);
    }
    case Kind::Compare: return compare_chain_jump(as<Compare>(e), target, when);
    case Kind::Constant:
      return constant_truth(as<Constant>(e)->value) != when ? emit(Opcode::kNop) : emit_jump(Opcode::kJump, target);  // its line must be seen
    default: break;
  }
  int saved = u_->depth;
  int operand = value(e);
  if (operand == kFail) return false;
  u_->depth = saved;
  return emit_jump(when ? Opcode::kJT : Opcode::kJF, target, 0, operand);
}

// ---- attributes and items ---------------------------------------------------------------------------------------

bool Generator::attribute(Attribute* e, int dst) {
  int saved = u_->depth;
  int object = value(e->value);
  identifier name = mangled(e->attr);
  if (object == kFail || !name) return false;
  u_->depth = saved;
  attribute_position(e);
  int index = add_name(name);
  return index >= 0 && emit(Opcode::kGetAttr, dst, object, index);
}

// An attribute on a later line than its object begins is reported where it stands.
void Generator::attribute_position(const Attribute* e) {
  if (pos_.line == e->end_lineno) return;
  pos_.line = e->end_lineno;
  int32_t length = 0;
  for (char c : e->attr->view()) length += (c & 0xC0) != 0x80;
  pos_.col = length <= e->end_col_offset ? e->end_col_offset - length : -1;
  pos_.end_col = length <= e->end_col_offset ? e->end_col_offset : -1;
}

bool Generator::subscript(Subscript* e, int dst) {
  if (!check_subscripter(e->value) || !check_index(e->value, e->slice)) return false;
  int saved = u_->depth;
  int object = value(e->value, e->slice);
  if (object == kFail) return false;
  if (constant c = operand_constant(e->slice)) {
    int k = add_const(c);
    u_->depth = saved;
    return k >= 0 && emit(Opcode::kGetItemK, dst, object, k);
  }
  int index = value(e->slice);
  if (index == kFail) return false;
  u_->depth = saved;
  return emit(Opcode::kGetItem, dst, object, index);
}

bool Generator::build_slice(Slice* e, int dst) {
  int window = u_->depth;
  auto part = [&](expr* x) {
    int t = u_->depth;
    if (!(x ? into(x, t) : load_none(t))) return false;
    push_temp();
    return true;
  };
  if (!part(e->lower) || !part(e->upper) || (e->step && !part(e->step))) return false;
  u_->depth = window;
  return emit(Opcode::kBuildSlice, dst, window, e->step ? 3 : 2);
}

// ---- displays ---------------------------------------------------------------------------------------------------

bool Generator::sequence(const Seq<expr*>& items, Opcode build, int dst) {
  bool starred = false, constants = items.size() > 2;
  for (expr* item : items) {
    starred |= is<Starred>(item);
    constants = constants && is<Constant>(item);
  }
  if (build == Opcode::kBuildTuple) {
    if (!starred && items.size() <= kWindowGuide) {
      int window = u_->depth;
      for (expr* item : items) {
        if (to_temp(item) == kFail) return false;
      }
      u_->depth = window;
      return emit(build, dst, window, static_cast<int>(items.size()));
    }
    int list = u_->depth;
    if (!list_of(items, list, Opcode::kBuildList, Opcode::kListAppend, Opcode::kListExtend)) return false;
    return emit(Opcode::kListToTuple, dst, list);
  }
  bool set = build == Opcode::kBuildSet;
  Opcode add = set ? Opcode::kSetAdd : Opcode::kListAppend;
  Opcode extend = set ? Opcode::kSetUpdate : Opcode::kListExtend;
  if (constants) {
    // One constant for all the items.
    auto* all = arena_.make<ConstantValue>();
    if (!all) return false;
    all->kind = set ? ConstantKind::kFrozenSet : ConstantKind::kTuple;
    all->size = items.size();
    all->items = arena_.make_array<constant>(items.size());
    if (!all->items) return false;
    for (uint32_t i = 0; i < items.size(); i++) all->items[i] = as<Constant>(items[i])->value;
    int result = push_temp();
    int t = u_->depth;
    if (!emit(build, result, t, 0) || !load_const(t, all)) return false;
    push_temp();
    return emit(extend, result, t) && move(dst, result);
  }
  if (!starred && items.size() <= kWindowGuide) {
    int window = u_->depth;
    for (expr* item : items) {
      if (to_temp(item) == kFail) return false;
    }
    u_->depth = window;
    return emit(build, dst, window, static_cast<int>(items.size()));
  }
  int result = u_->depth;
  return list_of(items, result, build, add, extend) && move(dst, result);
}

// Into temporary dst (the first free one), item by item.
bool Generator::list_of(const Seq<expr*>& items, int dst, Opcode build, Opcode add, Opcode extend) {
  uint32_t i = 0;
  for (; i < items.size() && i < kWindowGuide && !is<Starred>(items[i]); i++) {
    if (to_temp(items[i]) == kFail) return false;
  }
  u_->depth = dst;
  if (!emit(build, dst, dst, static_cast<int>(i))) return false;
  push_temp();
  for (; i < items.size(); i++) {
    auto* star = if_is<Starred>(items[i]);
    int saved = u_->depth;
    int item = value(star ? star->value : items[i]);
    if (item == kFail || !emit(star ? extend : add, dst, item)) return false;
    u_->depth = saved;
  }
  u_->depth = dst;
  return true;
}

bool Generator::dict(Dict* e, int dst) {
  uint32_t n = e->values.size();
  bool plain = true, constant_keys = n > 1;
  for (uint32_t i = 0; i < n; i++) {
    plain = plain && e->keys[i];
    constant_keys = constant_keys && e->keys[i] && is<Constant>(e->keys[i]);
  }
  int window = u_->depth;
  if (plain && n <= kWindowGuide / 2) {
    if (constant_keys) {
      Buffer<constant> keys;
      for (uint32_t i = 0; i < n; i++) {
        if (to_temp(e->values[i]) == kFail) return false;
        if (!keys.push(as<Constant>(e->keys[i])->value)) return context_.memory_error();
      }
      constant names = make_tuple(keys);
      if (!names || !load_const(u_->depth, names)) return false;
      push_temp();
      u_->depth = window;
      return emit(Opcode::kBuildConstMap, dst, window, static_cast<int>(n));
    }
    for (uint32_t i = 0; i < n; i++) {
      if (to_temp(e->keys[i]) == kFail || to_temp(e->values[i]) == kFail) return false;
    }
    u_->depth = window;
    return emit(Opcode::kBuildMap, dst, window, static_cast<int>(n));
  }
  int result = window;
  if (!emit(Opcode::kBuildMap, result, window, 0)) return false;
  push_temp();
  for (uint32_t i = 0; i < n; i++) {
    int saved = u_->depth;
    if (e->keys[i]) {
      int key = value(e->keys[i], e->values[i]);
      int val = key == kFail ? kFail : value(e->values[i]);
      if (val == kFail || !emit(Opcode::kMapAdd, result, key, val)) return false;
    } else {
      int mapping = value(e->values[i]);
      if (mapping == kFail || !emit(Opcode::kDictUpdate, result, mapping)) return false;
    }
    u_->depth = saved;
  }
  return move(dst, result);
}

bool Generator::joined_str(JoinedStr* e, int dst) {
  uint32_t n = e->values.size();
  if (n == 0) {
    constant empty = make_str("");
    return empty && load_const(dst, empty);
  }
  if (n == 1 && is<FormattedValue>(e->values[0])) return into(e->values[0], dst);
  int window = u_->depth;
  if (n <= kWindowGuide) {
    for (expr* part : e->values) {
      if (to_temp(part) == kFail) return false;
    }
    u_->depth = window;
    return emit(Opcode::kBuildString, dst, window, static_cast<int>(n));
  }
  // ''.join(list)
  constant empty = make_str("");
  identifier join = intern("join");
  int name = join ? add_name(join) : -1;
  if (!empty || name < 0 || !load_const(window, empty)) return false;
  push_temp();
  if (!emit(Opcode::kGetMethod, window, window, name)) return false;
  push_temp();
  if (!list_of(e->values, u_->depth, Opcode::kBuildList, Opcode::kListAppend, Opcode::kListExtend)) return false;
  push_temp();
  u_->depth = window;
  return emit(Opcode::kCallM, dst, window, 1);
}

bool Generator::formatted_value(FormattedValue* e, int dst) {
  int saved = u_->depth;
  int v = value(e->value, e->format_spec);
  if (v == kFail) return false;
  if (e->conversion == 's' || e->conversion == 'r' || e->conversion == 'a') {
    int kind = e->conversion == 's' ? 1 : e->conversion == 'r' ? 2 : 3;
    u_->depth = saved;
    int converted = push_temp();
    if (!emit(Opcode::kConvert, converted, v, kind)) return false;
    v = converted;
  } else if (e->conversion != -1) {
    return context_.error_of(ErrorKind::kSystemError, "Unrecognized conversion character %d", e->conversion);
  }
  if (!e->format_spec) {
    u_->depth = saved;
    return emit(Opcode::kFormatSimple, dst, v);
  }
  int spec = value(e->format_spec);
  if (spec == kFail) return false;
  u_->depth = saved;
  return emit(Opcode::kFormat, dst, v, spec);
}

bool Generator::named_expr(NamedExpr* e, int dst) {
  auto* target = as<Name>(e->target);
  int slot = plain_local(target->id);
  if (context_.failed()) return false;
  if (slot != kFail) return into(e->value, slot) && emit(Opcode::kMove, dst, slot);
  int result = to_temp(e->value);
  if (result == kFail) return false;
  int copy = push_temp();
  PosScope pos(*this, target);
  if (!emit(Opcode::kDup, copy, result) || !store_name(target->id, copy)) return false;
  return move(dst, result);
}

// ---- suspending -------------------------------------------------------------------------------------------------

bool Generator::yield(Yield* e, int dst) {
  if (u_->scope->kind != ScopeKind::kFunction) return error("'yield' outside function");
  int saved = u_->depth;
  int v;
  if (e->value) {
    v = value(e->value);
    if (v == kFail) return false;
  } else {
    if (!load_none(u_->depth)) return false;
    v = push_temp();
  }
  if (u_->scope->generator && u_->scope->coroutine) {
    u_->depth = saved;
    int wrapped = push_temp();
    if (!emit(Opcode::kAsyncGenWrap, wrapped, v)) return false;
    v = wrapped;
  }
  u_->depth = saved;
  return emit(Opcode::kYield, dst, v, saved);
}

bool Generator::yield_from(YieldFrom* e, int dst) {
  if (u_->scope->kind != ScopeKind::kFunction) return error("'yield' outside function");
  if (u_->kind == UnitKind::kAsyncFunction) return error("'yield from' inside async function");
  int receiver = u_->depth;
  int iterable = value(e->value);
  if (iterable == kFail) return false;
  u_->depth = receiver;
  return emit(Opcode::kGetYieldFromIter, receiver, iterable) && (push_temp(), send_loop(receiver, dst));
}

bool Generator::await_(Await* e, int dst) {
  bool top_level = options_.top_level_await && u_->scope->kind == ScopeKind::kModule;
  if (!top_level) {
    if (u_->scope->kind != ScopeKind::kFunction) return error("'await' outside function");
    if (u_->kind != UnitKind::kAsyncFunction && u_->kind != UnitKind::kComprehension)
      return error("'await' outside async function");
  }
  int receiver = u_->depth;
  int awaited = value(e->value);
  if (awaited == kFail) return false;
  u_->depth = receiver;
  return emit(Opcode::kGetAwaitable, receiver, awaited, 0) && (push_temp(), send_loop(receiver, dst));
}

bool Generator::send_loop(int receiver, int dst) {
  int sent = push_temp();
  Label loop = new_label(), done = new_label();
  if (loop < 0 || done < 0 || !load_none(sent) || !place(loop) ||
      !emit_jump(Opcode::kSend, done, sent, receiver) || !emit(Opcode::kYieldFrom, sent, sent, receiver) ||
      !emit_jump(Opcode::kJump, loop) || !place(done))
    return false;
  u_->depth = receiver;
  return move(dst, sent);
}

// ---- calls ------------------------------------------------------------------------------------------------------

bool Generator::check_keywords(const Seq<keyword*>& keywords) {
  // The first name that comes again is what is reported, at its second place.
  IndexMap names;
  Buffer<uint32_t> second;  // by name: where it comes again
  for (uint32_t i = 0; i < keywords.size(); i++) {
    keyword* k = keywords[i];
    if (!k->arg) continue;
    bool added;
    int index = names.find_or_add(k->arg, &added);
    if (index < 0 || (added && !second.push(0))) return context_.memory_error();
    if (!added && second[static_cast<size_t>(index)] == 0) second[static_cast<size_t>(index)] = i;
  }
  for (uint32_t i = 0; i < keywords.size(); i++) {
    keyword* k = keywords[i];
    if (!k->arg) continue;
    if (!check_name(k->arg, expr_context::Store)) return false;
    uint32_t again = second[static_cast<size_t>(names.find(k->arg))];
    if (again == 0) continue;
    PosScope pos(*this, keywords[again]);
    return error("keyword argument repeated: %s", k->arg->text);
  }
  return true;
}

bool Generator::call(Call* e, int dst) {
  if (!check_keywords(e->keywords)) return false;
  int window = u_->depth;
  bool unpacking = e->args.size() + e->keywords.size() > kCallGuide;
  for (expr* arg : e->args) unpacking |= is<Starred>(arg);
  for (keyword* k : e->keywords) unpacking |= !k->arg;
  auto* method = if_is<Attribute>(e->func);
  if (method && method->ctx == expr_context::Load && !unpacking) {
    int object = value(method->value);
    identifier name = mangled(method->attr);
    int index = object == kFail || !name ? -1 : add_name(name);
    if (index < 0) return false;
    u_->depth = window;
    {
      PosScope pos(*this, method);
      attribute_position(method);
      if (!emit(Opcode::kGetMethod, window, object, index)) return false;
    }
    push_temps(2);
    Position saved = pos_;
    attribute_position(method);
    call_pos_ = pos_;
    pos_ = saved;
    bool ok = call_arguments(window, true, e->args, e->keywords, 0, dst);
    u_->depth = window;
    return ok;
  }
  if (!check_caller(e->func) || !into(e->func, window)) return false;
  push_temps(2);
  call_pos_ = pos_;
  bool ok = call_arguments(window, false, e->args, e->keywords, 0, dst);
  u_->depth = window;
  return ok;
}

// Arguments behind the window's head (and `extra` that stand there already), then the call, at call_pos_.
bool Generator::call_arguments(int window, bool method, const Seq<expr*>& args, const Seq<keyword*>& keywords,
                               int extra, int dst) {
  Position at = call_pos_;
  bool unpacking = args.size() + keywords.size() > kCallGuide;
  for (expr* arg : args) unpacking |= is<Starred>(arg);
  for (keyword* k : keywords) unpacking |= !k->arg;
  auto finish = [&](Opcode op, int count) {
    pos_ = at;
    return emit(op, dst, window, count);
  };
  if (!unpacking) {
    for (expr* arg : args) {
      if (to_temp(arg) == kFail) return false;
    }
    int count = extra + static_cast<int>(args.size());
    if (keywords.empty()) return finish(method ? Opcode::kCallM : Opcode::kCall, count);
    Buffer<constant> names;
    for (keyword* k : keywords) {
      if (to_temp(k->value) == kFail) return false;
      constant name = make_str(k->arg->view());
      if (!name || !names.push(name)) return context_.memory_error();
    }
    constant tuple = make_tuple(names);
    if (!tuple || !load_const(u_->depth, tuple)) return false;
    push_temp();
    return finish(method ? Opcode::kCallMKw : Opcode::kCallKw, count + static_cast<int>(keywords.size()));
  }
  // [callable][hole][positional][keywords]
  int positional = window + 2;
  if (method) return error("method call with unpacking");  // (call() never asks for it)
  if (extra == 0 && args.size() == 1 && is<Starred>(args[0])) {
    if (!into(as<Starred>(args[0])->value, positional)) return false;
    push_temp();
  } else if (extra == 0 && args.empty()) {
    constant empty = make_tuple({});
    if (!empty || !load_const(positional, empty)) return false;
    push_temp();
  } else {
    if (extra) {
      u_->depth = positional;
      if (!emit(Opcode::kBuildList, positional, positional, extra)) return false;
      push_temp();
      for (expr* arg : args) {
        auto* star = if_is<Starred>(arg);
        int saved = u_->depth;
        int item = value(star ? star->value : arg);
        if (item == kFail || !emit(star ? Opcode::kListExtend : Opcode::kListAppend, positional, item)) return false;
        u_->depth = saved;
      }
      u_->depth = positional;
    } else if (!list_of(args, positional, Opcode::kBuildList, Opcode::kListAppend, Opcode::kListExtend)) {
      return false;
    }
    if (!emit(Opcode::kListToTuple, positional, positional)) return false;
    push_temp();
  }
  if (keywords.empty()) return finish(Opcode::kCallEx, 0);
  int map = u_->depth;
  bool have_map = false;
  for (uint32_t i = 0; i < keywords.size();) {
    int part = u_->depth;
    if (keywords[i]->arg) {
      // A run of named arguments.
      Buffer<constant> names;
      uint32_t first = i;
      for (; i < keywords.size() && keywords[i]->arg && i - first < kWindowGuide; i++) {
        if (to_temp(keywords[i]->value) == kFail) return false;
        constant name = make_str(keywords[i]->arg->view());
        if (!name || !names.push(name)) return context_.memory_error();
      }
      constant tuple = make_tuple(names);
      if (!tuple || !load_const(u_->depth, tuple)) return false;
      push_temp();
      u_->depth = part;
      if (!emit(Opcode::kBuildConstMap, part, part, static_cast<int>(i - first))) return false;
      push_temp();
      if (!have_map) {
        have_map = true;
        continue;
      }
    } else {
      if (!have_map) {
        if (!emit(Opcode::kBuildMap, map, map, 0)) return false;
        push_temp();
        have_map = true;
        part = u_->depth;
      }
      part = value(keywords[i++]->value);
      if (part == kFail) return false;
    }
    pos_ = at;
    if (!emit(Opcode::kDictMerge, map, part, window)) return false;
    u_->depth = map + 1;
  }
  return finish(Opcode::kCallEx, 1);
}

// ---- comprehensions -----------------------------------------------------------------------------------------------

bool Generator::comprehension(expr* e, int dst) {
  const Scope* scope = table_.find(e);
  if (!scope) return context_.error_of(ErrorKind::kSystemError, "no scope for a comprehension");
  const Seq<ast::comprehension*>* generators;
  expr *element, *val = nullptr;
  const char* name;
  switch (e->kind) {
    case Kind::ListComp:
      generators = &as<ListComp>(e)->generators, element = as<ListComp>(e)->elt, name = "<listcomp>";
      break;
    case Kind::SetComp:
      generators = &as<SetComp>(e)->generators, element = as<SetComp>(e)->elt, name = "<setcomp>";
      break;
    case Kind::DictComp:
      generators = &as<DictComp>(e)->generators, element = as<DictComp>(e)->key, val = as<DictComp>(e)->value;
      name = "<dictcomp>";
      break;
    default:
      generators = &as<GeneratorExp>(e)->generators, element = as<GeneratorExp>(e)->elt, name = "<genexpr>";
      break;
  }
  bool is_generator = is<GeneratorExp>(e);
  bool top_level = options_.top_level_await && u_->scope->kind == ScopeKind::kModule;
  bool async_allowed = u_->kind == UnitKind::kAsyncFunction || u_->kind == UnitKind::kComprehension || top_level;
  if (scope->coroutine && !async_allowed && !is_generator)
    return error("asynchronous comprehension outside of an asynchronous function");

  Unit unit(scope, UnitKind::kComprehension, u_);
  Position outer_pos = pos_;
  if (!begin_unit(unit, intern(name), e->lineno)) return false;
  unit.result->argcount = 1;
  set_pos(e);
  bool ok = true;
  int result = -1;
  if (!is_generator) {
    result = push_temp();
    Opcode build = is<ListComp>(e) ? Opcode::kBuildList : is<SetComp>(e) ? Opcode::kBuildSet : Opcode::kBuildMap;
    ok = emit(build, result, result, 0);
  }
  ok = ok && comprehension_loops(*generators, 0, result, element, val, e->kind);
  if (ok) {
    if (is_generator) {
      no_pos();
      ok = return_constant(none_constant());
    } else {
      ok = emit(Opcode::kReturn, result);
    }
  }
  if (!end_unit(unit) || !ok) return false;
  pos_ = outer_pos;

  int window = u_->depth;
  if (!make_function(unit.result, scope, window)) return false;
  push_temps(2);
  ast::comprehension* outermost = (*generators)[0];
  int argument = u_->depth;
  {
    int iterable = value(outermost->iter);
    if (iterable == kFail) return false;
    PosScope pos(*this, outermost->iter);
    if (!emit(outermost->is_async ? Opcode::kGetAIter : Opcode::kGetIter, argument, iterable)) return false;
  }
  u_->depth = argument;
  push_temp();
  if (scope->coroutine && !is_generator) {
    if (!emit(Opcode::kCall, window, window, 1)) return false;
    u_->depth = window;
    push_temp();
    if (!emit(Opcode::kGetAwaitable, window, window, 0) || !send_loop(window, dst)) return false;
    u_->depth = window;
    return true;
  }
  u_->depth = window;
  return emit(Opcode::kCall, dst, window, 1);
}

bool Generator::comprehension_element(int result, expr* element, expr* val, Kind kind) {
  int saved = u_->depth;
  bool ok;
  if (kind == Kind::DictComp) {
    int key = value(element, val);
    int v = key == kFail ? kFail : value(val);
    ok = v != kFail && emit(Opcode::kMapAdd, result, key, v);
  } else if (kind == Kind::GeneratorExp) {
    int v = value(element);
    if (v == kFail) return false;
    if (u_->scope->coroutine) {
      u_->depth = saved;
      int wrapped = push_temp();
      if (!emit(Opcode::kAsyncGenWrap, wrapped, v)) return false;
      v = wrapped;
    }
    u_->depth = saved;
    ok = emit(Opcode::kYield, saved, v, saved);
    push_temp();
    ok = ok && emit(Opcode::kDrop, saved);
  } else {
    int v = value(element);
    ok = v != kFail && emit(kind == Kind::ListComp ? Opcode::kListAppend : Opcode::kSetAdd, result, v);
  }
  u_->depth = saved;
  return ok;
}

bool Generator::comprehension_loops(const Seq<ast::comprehension*>& generators, uint32_t index, int result,
                                    expr* element, expr* val, Kind kind) {
  ast::comprehension* g = generators[index];
  if (g->is_async) return comprehension_async_loop(generators, index, result, element, val, kind);
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  Label next = new_label(), body = new_label();
  if (next < 0 || body < 0) return false;
  int saved = u_->depth;

  // for y in [f(x)]: an assignment.
  if (index > 0) {
    const Seq<expr*>* items = is<Tuple>(g->iter) ? &as<Tuple>(g->iter)->elts
                              : is<List>(g->iter) ? &as<List>(g->iter)->elts
                                                  : nullptr;
    constant single = constant_of(g->iter);
    expr* only = nullptr;
    if (items && items->size() == 1 && !is<Starred>((*items)[0])) only = (*items)[0];
    if (!only && single && single->kind == ConstantKind::kTuple && single->size == 1) {
      auto* item = arena_.make<Constant>();
      if (!item) return false;
      *static_cast<expr*>(item) = *static_cast<expr*>(g->iter);
      item->value = single->items[0];
      only = item;
    }
    if (only) {
      if (!store_value(g->target, only)) return false;
      for (expr* condition : g->ifs) {
        if (!cond_jump(condition, next, false)) return false;
      }
      bool ok = index + 1 < generators.size() ? comprehension_loops(generators, index + 1, result, element, val, kind)
                                              : comprehension_element(result, element, val, kind);
      return ok && place(next);
    }
  }

  int iterator = u_->depth;
  if (index == 0) {
    if (!emit(Opcode::kMove, iterator, -1)) return false;  // local 0 is ".0"
  } else {
    int iterable = value(g->iter);
    if (iterable == kFail) return false;
    PosScope pos(*this, g->iter);
    u_->depth = iterator;
    if (!emit(Opcode::kGetIter, iterator, iterable)) return false;
  }
  push_temp();
  if (!emit_jump(Opcode::kJump, next) || !place(body)) return false;
  int item = u_->depth;
  auto* name = if_is<Name>(g->target);
  int slot = name ? plain_local(name->id) : kFail;
  if (context_.failed()) return false;
  if (slot != kFail) {
    item = slot;
    if (g->target->lineno != pos_.line) {
      // The assignment is part of ForIter, but belongs to a line of its own.
      PosScope pos(*this, g->target);
      if (!emit(Opcode::kNop)) return false;
    }
  } else {
    push_temp();
    if (!store(g->target, item)) return false;
    u_->depth = iterator + 1;
  }
  for (expr* condition : g->ifs) {
    if (!cond_jump(condition, next, false)) return false;
    // What comes after a condition begins on the comprehension's line.
    if (condition->end_lineno != pos_.line && !emit(Opcode::kNop)) return false;
  }
  bool ok = index + 1 < generators.size() ? comprehension_loops(generators, index + 1, result, element, val, kind)
                                          : comprehension_element(result, element, val, kind);
  ok = ok && place(next) && emit_jump(Opcode::kForIter, body, item, iterator);
  u_->depth = saved;
  return ok;
}

bool Generator::comprehension_async_loop(const Seq<ast::comprehension*>& generators, uint32_t index, int result,
                                         expr* element, expr* val, Kind kind) {
  ast::comprehension* g = generators[index];
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  int iterator = u_->depth;
  if (index == 0) {
    if (!emit(Opcode::kMove, iterator, -1)) return false;
  } else {
    int iterable = value(g->iter);
    if (iterable == kFail) return false;
    u_->depth = iterator;
    if (!emit(Opcode::kGetAIter, iterator, iterable)) return false;
  }
  push_temp();
  Label next = new_label(), done = new_label();
  if (next < 0 || done < 0 || !place(next)) return false;
  int item = u_->depth;
  if (!async_next(iterator, item, done)) return false;
  push_temp();
  if (!store(g->target, item)) return false;
  u_->depth = iterator + 1;
  for (expr* condition : g->ifs) {
    if (!cond_jump(condition, next, false)) return false;
  }
  bool ok = index + 1 < generators.size() ? comprehension_loops(generators, index + 1, result, element, val, kind)
                                          : comprehension_element(result, element, val, kind);
  // At `done` the exception is in the temporary behind the iterator.
  ok = ok && emit_jump(Opcode::kJump, next) && place(done) && emit(Opcode::kEndAsyncFor, iterator + 1) &&
       emit(Opcode::kDrop, iterator);
  u_->depth = iterator;
  return ok;
}

// ---- warnings about what can't work -------------------------------------------------------------------------------

namespace {
// Type of what the expression makes, if that is obvious; else nullptr.
const char* inferred_type(const expr* e) {
  switch (e->kind) {
    case Kind::Tuple: return "tuple";
    case Kind::List:
    case Kind::ListComp: return "list";
    case Kind::Dict:
    case Kind::DictComp: return "dict";
    case Kind::Set:
    case Kind::SetComp: return "set";
    case Kind::GeneratorExp: return "generator";
    case Kind::Lambda: return "function";
    case Kind::JoinedStr:
    case Kind::FormattedValue: return "str";
    case Kind::Constant:
      switch (as<Constant>(e)->value->kind) {
        case ConstantKind::kNone: return "NoneType";
        case ConstantKind::kTrue:
        case ConstantKind::kFalse: return "bool";
        case ConstantKind::kEllipsis: return "ellipsis";
        case ConstantKind::kInt:
        case ConstantKind::kBigInt: return "int";
        case ConstantKind::kFloat: return "float";
        case ConstantKind::kComplex: return "complex";
        case ConstantKind::kStr: return "str";
        case ConstantKind::kBytes: return "bytes";
        case ConstantKind::kForeign: break;
        case ConstantKind::kTuple: return "tuple";
        case ConstantKind::kFrozenSet: return "frozenset";
      }
      return nullptr;
    default: return nullptr;
  }
}
}  // namespace

bool Generator::check_caller(const expr* e) {
  switch (e->kind) {
    case Kind::Constant: case Kind::Tuple: case Kind::List: case Kind::ListComp: case Kind::Dict: case Kind::DictComp:
    case Kind::Set: case Kind::SetComp: case Kind::GeneratorExp: case Kind::JoinedStr: case Kind::FormattedValue: {
      PosScope pos(*this, e);
      return warn("'%.200s' object is not callable; perhaps you missed a comma?", inferred_type(e));
    }
    default: return true;
  }
}

bool Generator::check_subscripter(const expr* e) {
  switch (e->kind) {
    case Kind::Constant:
      switch (as<Constant>(e)->value->kind) {
        case ConstantKind::kStr: case ConstantKind::kBytes: case ConstantKind::kTuple: return true;
        default: break;
      }
      break;
    case Kind::Set: case Kind::SetComp: case Kind::GeneratorExp: case Kind::Lambda: break;
    default: return true;
  }
  PosScope pos(*this, e);
  return warn("'%.200s' object is not subscriptable; perhaps you missed a comma?", inferred_type(e));
}

bool Generator::check_index(const expr* e, const expr* index) {
  const char* type = inferred_type(index);
  if (!type || is<Slice>(index)) return true;
  std::string_view name = type;
  if (name == "int" || name == "bool") return true;
  switch (e->kind) {
    case Kind::Constant:
      switch (as<Constant>(e)->value->kind) {
        case ConstantKind::kStr: case ConstantKind::kBytes: case ConstantKind::kTuple: break;
        default: return true;
      }
      break;
    case Kind::Tuple: case Kind::List: case Kind::ListComp: case Kind::JoinedStr: case Kind::FormattedValue: break;
    default: return true;
  }
  PosScope pos(*this, e);
  return warn("%.200s indices must be integers or slices, not %.200s; perhaps you missed a comma?", inferred_type(e),
              type);
}

}  // namespace atl::compiler
