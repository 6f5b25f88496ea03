// Code for statements.
#include "Python/compiler/codegen_impl.h"

namespace atl::compiler {

using namespace ast;

bool Generator::statements(const Seq<stmt*>& list) {
  for (stmt* s : list) {
    if (!statement(s)) return false;
  }
  return true;
}

bool Generator::statement(stmt* s) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  set_pos(s);
  int saved = u_->depth;
  bool ok = statement_inner(s);
  u_->depth = saved;
  return ok;
}

bool Generator::statement_inner(stmt* s) {
  switch (s->kind) {
    case Kind::FunctionDef:
    case Kind::AsyncFunctionDef: return function_def(s);
    case Kind::ClassDef: return class_def(as<ClassDef>(s));
    case Kind::Return: return return_(as<Return>(s));
    case Kind::Delete:
      for (expr* target : as<Delete>(s)->targets) {
        if (!delete_target(target)) return false;
      }
      return true;
    case Kind::Assign: return assign(as<Assign>(s));
    case Kind::AugAssign: return aug_assign(as<AugAssign>(s));
    case Kind::AnnAssign: return ann_assign(as<AnnAssign>(s));
    case Kind::For: return for_(as<For>(s));
    case Kind::AsyncFor: return async_for(as<AsyncFor>(s));
    case Kind::While: return while_(as<While>(s));
    case Kind::If: return if_(as<If>(s));
    case Kind::Match: return match(as<Match>(s));
    case Kind::Raise: return raise(as<Raise>(s));
    case Kind::Try: {
      auto* t = as<Try>(s);
      return try_(t->body, t->handlers, t->orelse, t->finalbody, false);
    }
    case Kind::TryStar: {
      auto* t = as<TryStar>(s);
      return try_(t->body, t->handlers, t->orelse, t->finalbody, true);
    }
    case Kind::Assert: return assert_(as<Assert>(s));
    case Kind::Import: return import(as<Import>(s));
    case Kind::ImportFrom: return import_from(as<ImportFrom>(s));
    case Kind::Global:
    case Kind::Nonlocal: return true;
    case Kind::Expr: return expression_statement(as<Expr>(s));
    case Kind::Pass: return emit(Opcode::kNop);
    case Kind::Break: return break_(s);
    case Kind::Continue: return continue_(s);
    case Kind::With: return with_(as<With>(s)->items, 0, as<With>(s)->body, false, s);
    case Kind::AsyncWith: {
      bool top_level = options_.top_level_await && u_->scope->kind == ScopeKind::kModule;
      if (!top_level && u_->kind != UnitKind::kAsyncFunction)
        return error("'async with' outside async function");
      return with_(as<AsyncWith>(s)->items, 0, as<AsyncWith>(s)->body, true, s);
    }
    default: return error("unexpected statement");
  }
}

bool Generator::expression_statement(Expr* s) {
  if (interactive_ && !u_->parent) {
    int t = to_temp(s->value);
    return t != kFail && emit(Opcode::kPrintExpr, t);
  }
  if (is<Constant>(s->value)) return emit(Opcode::kNop);
  int saved = u_->depth;
  int t = to_temp(s->value);
  no_pos();  // letting go of the value belongs to what comes before
  bool ok = t != kFail && drop(t);
  u_->depth = saved;
  return ok;
}

// ---- assignment -------------------------------------------------------------------------------------------------

// Stores the operand, which is consumed if it is a temporary.
bool Generator::store(expr* target, int src) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  PosScope pos(*this, target);
  int saved = u_->depth;
  bool ok = false;
  switch (target->kind) {
    case Kind::Name: ok = store_name(as<Name>(target)->id, src); break;
    case Kind::Attribute: {
      auto* a = as<Attribute>(target);
      int object = value(a->value);
      identifier name = object == kFail ? nullptr : mangled(a->attr);
      int index = name ? add_name(name) : -1;
      attribute_position(a);
      ok = index >= 0 && check_name(a->attr, expr_context::Store) && emit(Opcode::kSetAttr, object, src, index);
      break;
    }
    case Kind::Subscript: {
      auto* s = as<Subscript>(target);
      int object = value(s->value, s->slice);
      if (object == kFail) return false;
      if (constant c = operand_constant(s->slice)) {
        int k = add_const(c);
        ok = k >= 0 && emit(Opcode::kSetItemK, object, k, src);
      } else {
        int index = value(s->slice);
        ok = index != kFail && emit(Opcode::kSetItem, object, index, src);
      }
      break;
    }
    case Kind::Tuple: ok = unpack(as<Tuple>(target)->elts, src); break;
    case Kind::List: ok = unpack(as<List>(target)->elts, src); break;
    case Kind::Starred: return error("starred assignment target must be in a list or tuple");
    default: return error("invalid assignment target");
  }
  u_->depth = saved;
  return ok;
}

bool Generator::unpack(const Seq<expr*>& targets, int src) {
  uint32_t star = UINT32_MAX;
  for (uint32_t i = 0; i < targets.size(); i++) {
    if (!is<Starred>(targets[i])) continue;
    if (star != UINT32_MAX) return error("multiple starred expressions in assignment");
    if (i >= 256 || targets.size() - i - 1 >= 128)
      return error("too many expressions in star-unpacking assignment");
    star = i;
  }
  // The items go over the source if that is the top temporary.
  int first = is_temp(src) && src == u_->depth - 1 ? src : u_->depth;
  bool ok;
  if (star == UINT32_MAX) {
    if (targets.size() > 32000) return error("too many expressions in assignment");
    ok = emit(Opcode::kUnpack, first, src, static_cast<int>(targets.size()));
  } else {
    ok = emit(Opcode::kUnpackEx, first, src, static_cast<int>(star | (targets.size() - star - 1) << 8));
  }
  if (!ok) return false;
  int saved = u_->depth;
  u_->depth = first;
  push_temps(static_cast<int>(targets.size()));
  for (uint32_t i = 0; i < targets.size(); i++) {
    expr* target = i == star ? as<Starred>(targets[i])->value : targets[i];
    if (!store(target, first + static_cast<int>(i))) return false;
  }
  u_->depth = saved;
  return true;
}

// target = value, the shortest way.
bool Generator::store_value(expr* target, expr* value_expr) {
  if (auto* name = if_is<Name>(target)) {
    int slot = plain_local(name->id);
    if (context_.failed()) return false;
    if (slot != kFail) {
      PosScope pos(*this, target);
      return check_name(name->id, expr_context::Store) && into(value_expr, slot);
    }
  }
  if (is<Attribute>(target) && operand_constant(value_expr)) {
    auto* a = as<Attribute>(target);
    int saved = u_->depth;
    int object = value(a->value);
    identifier name = object == kFail ? nullptr : mangled(a->attr);
    int index = name ? add_name(name) : -1;
    int k = add_const(constant_of(value_expr));
    PosScope pos(*this, target);
    attribute_position(a);
    u_->depth = saved;
    return index >= 0 && k >= 0 && check_name(a->attr, expr_context::Store) &&
           emit(Opcode::kSetAttrK, object, k, index);
  }
  const Seq<expr*>* targets = is<Tuple>(target)  ? &as<Tuple>(target)->elts
                              : is<List>(target) ? &as<List>(target)->elts
                                                 : nullptr;
  const Seq<expr*>* values = is<Tuple>(value_expr) ? &as<Tuple>(value_expr)->elts : nullptr;
  if (targets && values && targets->size() == values->size() && targets->size() <= 8) {
    bool plain = true;
    for (uint32_t i = 0; i < targets->size(); i++) plain = plain && !is<Starred>((*targets)[i]) && !is<Starred>((*values)[i]);
    if (plain) return assign_tuple(*targets, *values);
  }
  int saved = u_->depth;
  // A local as source is stored as it is, unless the target's own parts could change it.
  int src = is<Name>(value_expr) && !is<Name>(target) ? value(value_expr, target) : to_temp(value_expr);
  bool ok = src != kFail && store(target, src);
  u_->depth = saved;
  return ok;
}

// a, b = x, y without a tuple: all sources are read before the first target is written.
bool Generator::assign_tuple(const Seq<expr*>& targets, const Seq<expr*>& values) {
  int saved = u_->depth;
  Buffer<int> sources;
  bool simple_targets = true;  // plain locals: storing them runs nothing
  for (expr* target : targets) {
    auto* name = if_is<Name>(target);
    simple_targets = simple_targets && name && plain_local(name->id) != kFail;
  }
  if (context_.failed()) return false;
  for (uint32_t i = 0; i < values.size(); i++) {
    int src = kFail;
    if (auto* name = if_is<Name>(values[i]); name && simple_targets && !u_->disturbed) {
      // May be read late if no target is the same variable.
      bool is_target = false;
      for (expr* target : targets) is_target |= as<Name>(target)->id == name->id;
      if (!is_target) src = value(values[i]);
    }
    if (src == kFail && !context_.failed()) src = to_temp(values[i]);
    if (src == kFail) return false;
    if (!sources.push(src)) return context_.memory_error();
  }
  for (uint32_t i = 0; i < targets.size(); i++) {
    if (!store(targets[i], sources[i])) return false;
  }
  u_->depth = saved;
  return true;
}

bool Generator::assign(Assign* s) {
  if (s->targets.size() == 1) return store_value(s->targets[0], s->value);
  int src = to_temp(s->value);
  if (src == kFail) return false;
  for (uint32_t i = 0; i + 1 < s->targets.size(); i++) {
    int saved = u_->depth;
    int copy = push_temp();
    if (!emit(Opcode::kDup, copy, src) || !store(s->targets[i], copy)) return false;
    u_->depth = saved;
  }
  return store(s->targets.back(), src);
}

// Trees made of ast objects only. The number is the kind's among the expressions, from 1.
bool Generator::bad_target(const expr* target, const char* assignment) {
  int number = static_cast<int>(target->kind) - static_cast<int>(Kind::BoolOp) + 1;
  return context_.error_of(ErrorKind::kSystemError, "invalid node type (%d) for %s assignment", number, assignment);
}

bool Generator::aug_assign(AugAssign* s) {
  PosScope pos(*this, s);
  switch (s->target->kind) {
    case Kind::Name: {
      auto* name = as<Name>(s->target);
      int slot = plain_local(name->id);
      if (context_.failed()) return false;
      bool later = u_->disturbed && disturbs(s->value, name->id);
      if (slot != kFail && !later) {
        {
          PosScope target_pos(*this, s->target);
          if (!emit(Opcode::kCheckLocal, slot)) return false;
        }
        return binary_with(s->op, true, slot, s->value, slot);
      }
      int t = u_->depth;
      {
        PosScope target_pos(*this, s->target);
        if (!load_name(name->id, t)) return false;
      }
      push_temp();
      if (!binary_with(s->op, true, t, s->value, t)) return false;
      u_->depth = t;
      push_temp();
      PosScope target_pos(*this, s->target);
      return store_name(name->id, t);
    }
    case Kind::Attribute: {
      auto* a = as<Attribute>(s->target);
      int object = value(a->value, s->value);
      identifier name = object == kFail ? nullptr : mangled(a->attr);
      int index = name ? add_name(name) : -1;
      if (index < 0) return false;
      int t;
      {
        PosScope target_pos(*this, a);
        attribute_position(a);
        int source = object;
        t = push_temp();
        if (is_temp(object)) {
          if (!emit(Opcode::kDup, t, object)) return false;
          source = t;
        }
        if (!emit(Opcode::kGetAttr, t, source, index)) return false;
      }
      if (!binary_with(s->op, true, t, s->value, t)) return false;
      u_->depth = t + 1;
      PosScope target_pos(*this, a);
      attribute_position(a);
      return check_name(a->attr, expr_context::Store) && emit(Opcode::kSetAttr, object, t, index);
    }
    case Kind::Subscript: {
      auto* sub = as<Subscript>(s->target);
      int object = value(sub->value, sub->slice, s->value);
      if (object == kFail) return false;
      constant key_constant = operand_constant(sub->slice);
      int key = key_constant ? add_const(key_constant) : value(sub->slice, s->value);
      if (key == kFail || (key_constant && key < 0)) return false;
      int t;
      {
        PosScope target_pos(*this, sub);
        int object_copy = object, key_copy = key;
        t = u_->depth;
        if (is_temp(object)) {
          object_copy = push_temp();
          if (!emit(Opcode::kDup, object_copy, object)) return false;
        }
        if (!key_constant && is_temp(key)) {
          key_copy = push_temp();
          if (!emit(Opcode::kDup, key_copy, key)) return false;
        }
        u_->depth = t;
        push_temp();
        if (!(key_constant ? emit(Opcode::kGetItemK, t, object_copy, key)
                           : emit(Opcode::kGetItem, t, object_copy, key_copy)))
          return false;
      }
      if (!binary_with(s->op, true, t, s->value, t)) return false;
      u_->depth = t + 1;
      PosScope target_pos(*this, sub);
      return key_constant ? emit(Opcode::kSetItemK, object, key, t) : emit(Opcode::kSetItem, object, key, t);
    }
    default: return bad_target(s->target, "augmented");
  }
}

bool Generator::ann_assign(AnnAssign* s) {
  bool namespace_scope = u_->kind == UnitKind::kModule || u_->kind == UnitKind::kClass;
  bool as_text = flags_ & kFutureAnnotations;
  if (s->value && !store_value(s->target, s->value)) return false;
  auto evaluate = [&](expr* e) { return effect(e); };
  switch (s->target->kind) {
    case Kind::Name: {
      auto* name = as<Name>(s->target);
      if (!check_name(name->id, expr_context::Store)) return false;
      if (s->simple && namespace_scope) {
        // __annotations__[name] = annotation
        int annotation = u_->depth;
        if (!annotation_value(s->annotation)) return false;
        identifier dictionary = intern("__annotations__"), key = mangled(name->id);
        constant text = key ? make_str(key->view()) : nullptr;
        int k = text ? add_const(text) : -1;
        int map = u_->depth;
        if (!dictionary || k < 0 || !load_name(dictionary, map)) return false;
        push_temp();
        return emit(Opcode::kSetItemK, map, k, annotation);
      }
      break;
    }
    case Kind::Attribute:
      if (!check_name(as<Attribute>(s->target)->attr, expr_context::Store)) return false;
      if (!s->value && !evaluate(as<Attribute>(s->target)->value)) return false;
      break;
    case Kind::Subscript: {
      auto* sub = as<Subscript>(s->target);
      if (s->value) break;
      if (!evaluate(sub->value)) return false;
      auto part = [&](expr* e) { return !e || evaluate(e); };
      auto one = [&](expr* e) {
        if (auto* slice = if_is<Slice>(e)) return part(slice->lower) && part(slice->upper) && part(slice->step);
        return evaluate(e);
      };
      if (auto* tuple = if_is<Tuple>(sub->slice)) {
        for (expr* e : tuple->elts) {
          if (!one(e)) return false;
        }
      } else if (!one(sub->slice)) {
        return false;
      }
      break;
    }
    default: return bad_target(s->target, "annotated");
  }
  // The annotation of anything else is evaluated, in modules and classes, and forgotten.
  if (!s->simple && !as_text && namespace_scope) return evaluate(s->annotation);
  return true;
}

bool Generator::delete_target(expr* target) {
  PosScope pos(*this, target);
  int saved = u_->depth;
  bool ok = false;
  switch (target->kind) {
    case Kind::Name: return delete_name(as<Name>(target)->id);
    case Kind::Attribute: {
      auto* a = as<Attribute>(target);
      int object = value(a->value);
      identifier name = object == kFail ? nullptr : mangled(a->attr);
      int index = name ? add_name(name) : -1;
      attribute_position(a);
      ok = index >= 0 && emit(Opcode::kDelAttr, object, index);
      break;
    }
    case Kind::Subscript: {
      auto* s = as<Subscript>(target);
      int object = value(s->value, s->slice);
      int index = object == kFail ? kFail : value(s->slice);
      ok = index != kFail && emit(Opcode::kDelItem, object, index);
      break;
    }
    case Kind::Tuple:
    case Kind::List:
      for (expr* e : is<Tuple>(target) ? as<Tuple>(target)->elts : as<List>(target)->elts) {
        if (!delete_target(e)) return false;
      }
      return true;
    default: return error("invalid deletion target");
  }
  u_->depth = saved;
  return ok;
}

// ---- branches and loops -------------------------------------------------------------------------------------------

bool Generator::if_(If* s) {
  Label end = new_label();
  if (end < 0) return false;
  for (;;) {
    bool last = s->orelse.empty();
    Label next = last ? end : new_label();
    if (next < 0 || !cond_jump(s->test, next, false) || !statements(s->body)) return false;
    if (last) break;
    no_pos();
    if (!emit_jump(Opcode::kJump, end) || !place(next)) return false;
    if (s->orelse.size() == 1 && is<If>(s->orelse[0])) {
      s = as<If>(s->orelse[0]);
      set_pos(s);
      continue;
    }
    if (!statements(s->orelse)) return false;
    break;
  }
  return place(end);
}

bool Generator::while_(While* s) {
  Label body = new_label(), test = new_label(), end = new_label();
  if (body < 0 || test < 0 || end < 0) return false;
  Block block;
  block.kind = BlockKind::kWhile;
  block.on_break = end;
  block.on_continue = test;
  constant c = constant_of(s->test);
  Position header = pos_;
  if (c && !constant_truth(c)) {
    // Never entered, but its errors count.
    Label skip = new_label();
    if (skip < 0 || !emit_jump(Opcode::kJump, skip) || !enter_block(block) || !statements(s->body)) return false;
    leave_block();
    return place(test) && place(skip) && statements(s->orelse) && place(end);
  }
  if (!c) {
    // Tested on entry and at the bottom.
    Label orelse = new_label();
    if (orelse < 0 || !cond_jump(s->test, orelse, false) || !place(body) || !enter_block(block) || !statements(s->body))
      return false;
    leave_block();
    pos_ = header;
    return place(test) && cond_jump(s->test, body, true) && place(orelse) && statements(s->orelse) && place(end);
  }
  if (!emit(Opcode::kNop) || !place(body) || !enter_block(block) || !statements(s->body)) return false;
  leave_block();
  pos_ = header;
  return place(test) && emit_jump(Opcode::kJump, body) && statements(s->orelse) && place(end);
}

bool Generator::for_(For* s) {
  int iterator = u_->depth;
  {
    int iterable = value(s->iter);
    if (iterable == kFail) return false;
    PosScope pos(*this, s->iter);
    u_->depth = iterator;
    if (!emit(Opcode::kGetIter, iterator, iterable)) return false;
  }
  push_temp();
  Label body = new_label(), next = new_label(), end = new_label();
  if (body < 0 || next < 0 || end < 0) return false;
  set_pos(s->iter);
  if (!emit_jump(Opcode::kJump, next) || !place(body)) return false;
  Block block;
  block.kind = BlockKind::kFor;
  block.on_break = end;
  block.on_continue = next;
  block.temp = iterator;
  if (!enter_block(block)) return false;
  int item;
  auto* name = if_is<Name>(s->target);
  int slot = name ? plain_local(name->id) : kFail;
  if (context_.failed()) return false;
  if (slot != kFail) {
    item = slot;
    if (s->target->lineno != s->iter->lineno) {
      PosScope pos(*this, s->target);
      if (!emit(Opcode::kNop)) return false;
    }
  } else {
    item = push_temp();
    if (!store(s->target, item)) return false;
    u_->depth = iterator + 1;
  }
  if (!statements(s->body)) return false;
  leave_block();
  set_pos(s->iter);
  if (!place(next) || !emit_jump(Opcode::kForIter, body, item, iterator)) return false;
  u_->depth = iterator;
  return statements(s->orelse) && place(end);
}

// Awaits the next item of an asynchronous iterator into temporary dst (the first free one). The end of the iteration
// arrives at `done`, with the exception in that temporary.
bool Generator::async_next(int iterator, int dst, Label done) {
  Block block;
  block.kind = BlockKind::kValue;
  if (!enter_block(block) || !open_region(block, done, dst)) return false;
  int awaitable = push_temp();
  if (!emit(Opcode::kGetANext, awaitable, iterator)) return false;
  if (!send_loop(awaitable, dst) || !close_region(block)) return false;
  leave_block();
  return true;
}

bool Generator::async_for(AsyncFor* s) {
  bool top_level = options_.top_level_await && u_->scope->kind == ScopeKind::kModule;
  if (!top_level && u_->kind != UnitKind::kAsyncFunction) return error("'async for' outside async function");
  int iterator = u_->depth;
  int iterable = value(s->iter);
  if (iterable == kFail) return false;
  u_->depth = iterator;
  set_pos(s->iter);
  if (!emit(Opcode::kGetAIter, iterator, iterable)) return false;
  push_temp();
  Label next = new_label(), done = new_label(), end = new_label();
  if (next < 0 || done < 0 || end < 0 || !place(next)) return false;
  int item = u_->depth;
  if (!async_next(iterator, item, done)) return false;
  Block block;
  block.kind = BlockKind::kAsyncFor;
  block.on_break = end;
  block.on_continue = next;
  block.temp = iterator;
  if (!enter_block(block)) return false;
  push_temp();
  if (!store(s->target, item)) return false;
  u_->depth = iterator + 1;
  if (!statements(s->body)) return false;
  leave_block();
  no_pos();
  if (!emit_jump(Opcode::kJump, next) || !place(done)) return false;
  set_pos(s->iter);
  if (!emit(Opcode::kEndAsyncFor, iterator + 1) || !emit(Opcode::kDrop, iterator)) return false;
  u_->depth = iterator;
  return statements(s->orelse) && place(end);
}

// What would run on the way out may have errors of its own, which come first.
bool Generator::outside_loop(const char* message) {
  Position pos = pos_;
  int none = kFail;
  Suspended suspended(*this);
  if (!unwind_to(nullptr, &none, &suspended)) return false;
  pos_ = pos;
  return error("%s", message);
}

bool Generator::break_(stmt* s) {
  (void)s;
  Block* loop = u_->block;
  while (loop && loop->on_break == kNoLabel) loop = loop->outer;
  if (leaves_star_handler(loop))
    return error("'break', 'continue' and 'return' cannot appear in an except* block");
  if (!loop) return outside_loop("'break' outside loop");
  if (!emit(Opcode::kNop)) return false;  // the line of `break`
  int none = kFail;
  Label target = loop->on_break;
  Suspended suspended(*this);
  if (!unwind_to(loop, &none, &suspended)) return false;
  no_pos();
  return emit_jump(Opcode::kJump, target);
}

bool Generator::continue_(stmt* s) {
  (void)s;
  Block* loop = u_->block;
  while (loop && loop->on_continue == kNoLabel) loop = loop->outer;
  if (leaves_star_handler(loop))
    return error("'break', 'continue' and 'return' cannot appear in an except* block");
  if (!loop) return outside_loop("'continue' not properly in loop");
  if (!emit(Opcode::kNop)) return false;
  int none = kFail;
  // The loop itself stays.
  Label target = loop->on_continue;
  Block* inner = u_->block;
  Suspended suspended(*this);
  if (inner != loop) {
    Block* last = inner;
    while (last->outer != loop) last = last->outer;
    if (!unwind_to(last, &none, &suspended)) return false;
  }
  no_pos();
  return emit_jump(Opcode::kJump, target);
}

// ---- leaving ----------------------------------------------------------------------------------------------------

bool Generator::return_(Return* s) {
  if (u_->scope->kind != ScopeKind::kFunction) return error("'return' outside function");
  if (s->value && u_->scope->generator && u_->scope->coroutine)
    return error("'return' with value in async generator");
  if (leaves_star_handler(nullptr))
    return error("'break', 'continue' and 'return' cannot appear in an except* block");
  constant c = s->value ? constant_of(s->value) : none_constant();
  // Does leaving run code?
  bool runs = false;
  for (Block* b = u_->block; b; b = b->outer) {
    runs = runs || b->kind == BlockKind::kFinallyTry || b->kind == BlockKind::kWith || b->kind == BlockKind::kAsyncWith ||
           b->kind == BlockKind::kHandler || b->kind == BlockKind::kFinallyHandler;
  }
  int src = kFail;
  if (c) {
    if (s->value) set_pos(s->value);
    if (!emit(Opcode::kNop)) return false;
  } else {
    src = runs ? to_temp(s->value) : value(s->value);
    if (src == kFail) return false;
  }
  set_pos(s);
  Suspended suspended(*this);
  if (!unwind_to(nullptr, &src, &suspended)) return false;
  if (c) {
    return return_constant(c);
  }
  return emit(Opcode::kReturn, src);
}

bool Generator::raise(Raise* s) {
  if (!s->exc) return emit(Opcode::kRaise0);
  int exc = value(s->exc, s->cause);
  if (exc == kFail) return false;
  if (!s->cause) return emit(Opcode::kRaise1, exc);
  int cause = value(s->cause);
  return cause != kFail && emit(Opcode::kRaise2, exc, cause);
}

bool Generator::assert_(Assert* s) {
  bool always = false;
  if (auto* tuple = if_is<Tuple>(s->test)) always = !tuple->elts.empty();
  if (constant c = constant_of(s->test)) always = c->kind == ConstantKind::kTuple && c->size > 0;
  if (always && !warn("assertion is always true, perhaps remove parentheses?")) return false;
  if (options_.optimize) return true;
  Label end = new_label();
  if (end < 0 || !cond_jump(s->test, end, true)) return false;
  int window = u_->depth;
  if (!emit(Opcode::kLoadAssertionError, window)) return false;
  push_temp();
  if (s->msg) {
    push_temp();
    if (to_temp(s->msg) == kFail || !emit(Opcode::kCall, window, window, 1)) return false;
    u_->depth = window + 1;
  }
  return emit(Opcode::kRaise1, window) && place(end);
}

// ---- import -----------------------------------------------------------------------------------------------------

bool Generator::import(Import* s) {
  for (alias* a : s->names) {
    int window = u_->depth;
    constant zero = make_int(0);
    int name = add_name(a->name);
    if (!zero || name < 0 || !load_const(window, zero)) return false;
    push_temp();
    if (!load_none(window + 1)) return false;
    push_temp();
    u_->depth = window;
    if (!emit(Opcode::kImportName, window, window, name)) return false;
    push_temp();
    std::string_view text = a->name->view();
    size_t dot = text.find('.');
    if (!a->asname) {
      identifier first = dot == std::string_view::npos ? a->name : intern(text.substr(0, dot));
      if (!first || !store_name(first, window)) return false;
    } else {
      // import a.b.c as d: the last of a, a.b, a.b.c.
      while (dot != std::string_view::npos) {
        text.remove_prefix(dot + 1);
        dot = text.find('.');
        identifier part = intern(text.substr(0, dot));
        int index = part ? add_name(part) : -1;
        int t = window + 1;
        u_->depth = t;
        push_temp();
        if (index < 0 || !emit(Opcode::kImportFrom, t, window, index) || !emit(Opcode::kDrop, window) ||
            !emit(Opcode::kMove, window, t))
          return false;
        u_->depth = t;
      }
      if (!store_name(a->asname, window)) return false;
    }
    u_->depth = window;
  }
  return true;
}

bool Generator::import_from(ImportFrom* s) {
  if (s->lineno > future_.last_line && s->module && s->module->is("__future__"))
    return error("from __future__ imports must occur at the beginning of the file");
  int window = u_->depth;
  Buffer<constant> items;
  for (alias* a : s->names) {
    constant name = make_str(a->name->view());
    if (!name || !items.push(name)) return context_.memory_error();
  }
  constant level = make_int(s->level), names = make_tuple(items);
  identifier module = s->module ? s->module : intern("");
  int index = module ? add_name(module) : -1;
  if (!level || !names || index < 0 || !load_const(window, level)) return false;
  push_temp();
  if (!load_const(window + 1, names)) return false;
  push_temp();
  u_->depth = window;
  if (!emit(Opcode::kImportName, window, window, index)) return false;
  push_temp();
  for (alias* a : s->names) {
    if (a->name->is("*")) return emit(Opcode::kImportStar, window);
    int t = push_temp();
    int name = add_name(a->name);
    if (name < 0 || !emit(Opcode::kImportFrom, t, window, name) || !store_name(a->asname ? a->asname : a->name, t))
      return false;
    u_->depth = t;
  }
  return emit(Opcode::kDrop, window);
}

}  // namespace atl::compiler
