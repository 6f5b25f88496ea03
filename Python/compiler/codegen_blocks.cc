// Code for try and with, and for leaving them early.
#include "Python/compiler/codegen_impl.h"

namespace atl::compiler {

using namespace ast;

namespace {
constexpr int kMaxBlocks = 20;
}

bool Generator::enter_block(Block& block) {
  if (u_->block_depth >= kMaxBlocks && block.kind != BlockKind::kValue && block.kind != BlockKind::kPending)
    return error("too many statically nested blocks");
  block.outer = u_->block;
  u_->block = &block;
  u_->block_depth++;
  return true;
}

// From here on exceptions go to `handler`, with what is on the temporaries now.
bool Generator::open_region(Block& block, Label handler, int exc_register) {
  if (handler < 0) return false;
  block.has_region = true;
  block.region_start = static_cast<int32_t>(u_->code.size());
  block.handler = handler;
  block.exc_register = exc_register;
  block.base = u_->depth;
  u_->region_depth++;
  return true;
}

bool Generator::suspend_region(Block& block) {
  if (!block.has_region || block.region_start < 0) return true;
  int32_t end = static_cast<int32_t>(u_->code.size());
  int32_t depth = 0;
  for (Block* b = block.outer; b; b = b->outer) depth += b->has_region;
  if (end > block.region_start) {
    Region region{block.region_start, end, block.handler, block.exc_register, block.base, depth};
    if (!u_->regions.push(region)) return context_.memory_error();
  }
  block.region_start = -1;
  return true;
}

void Generator::resume_region(Block& block) {
  if (block.has_region) block.region_start = static_cast<int32_t>(u_->code.size());
}

bool Generator::close_region(Block& block) {
  if (!suspend_region(block)) return false;
  block.has_region = false;
  u_->region_depth--;
  return true;
}

// ---- leaving ----------------------------------------------------------------------------------------------------

// break, continue and return must stay within an except* block.
bool Generator::leaves_star_handler(Block* until) const {
  for (Block* b = u_->block; b && b != until; b = b->outer) {
    if (b->kind == BlockKind::kStarHandler) return true;
  }
  return false;
}

// Their regions do not cover the code that leaves them: they are in `suspended` until that is complete.
bool Generator::unwind_to(Block* until, int* value, Suspended* suspended) {
  Block* top = u_->block;
  int block_depth = u_->block_depth;
  Block* stop = until ? until->outer : nullptr;
  bool ok = true;
  for (Block* b = top; ok && b != stop; b = b->outer) {
    if (b->has_region && b->region_start >= 0) {
      ok = suspend_region(*b) && (suspended->blocks.push(b) || context_.memory_error());
    }
    u_->block = b->outer;
    u_->block_depth--;
    ok = ok && unwind_block(*b, value);
  }
  u_->block = top;
  u_->block_depth = block_depth;
  return ok;
}

Generator::Suspended::~Suspended() {
  for (Block* b : blocks) generator.resume_region(*b);
}

bool Generator::unwind_block(Block& block, int* value) {
  switch (block.kind) {
    case BlockKind::kWhile:
    case BlockKind::kTry:
    case BlockKind::kValue:
    case BlockKind::kStarHandler: return true;
    case BlockKind::kFor:
    case BlockKind::kAsyncFor:
    case BlockKind::kPending: return emit(Opcode::kDrop, block.temp);
    case BlockKind::kFinallyTry: {
      // The value waits in its temporary while the final statements run. What follows appears to belong to them.
      int saved = u_->depth;
      Block pending;
      pending.kind = BlockKind::kPending;
      pending.temp = *value;
      if (is_temp(*value) && !enter_block(pending)) return false;
      if (!statements(*block.finalbody)) return false;
      if (is_temp(*value)) leave_block();
      u_->depth = saved;
      no_pos();
      return true;
    }
    case BlockKind::kHandler:
      if (block.name) {
        Position pos = pos_;
        if (!unbind(block.name)) return false;
        pos_ = pos;
      }
      [[fallthrough]];
    case BlockKind::kFinallyHandler:
      return emit(Opcode::kExcLeave, block.saved) && emit(Opcode::kDrop, block.temp);
    case BlockKind::kWith:
    case BlockKind::kAsyncWith: {
      // The exit function's window is where it stands, so a value must move out of the way.
      int saved = u_->depth;
      if (is_temp(*value)) {
        if (!emit(Opcode::kMove, block.slot, *value)) return false;
        *value = block.slot;
      }
      pos_ = block.pos;
      u_->depth = block.temp + 2;
      for (int i = 0; i < 3; i++) {
        if (!load_none(u_->depth)) return false;
        push_temp();
      }
      if (!call_exit(block.temp, block.kind == BlockKind::kAsyncWith, block.temp) || !emit(Opcode::kDrop, block.temp))
        return false;
      u_->depth = saved;
      no_pos();
      return true;
    }
  }
  return false;
}

// name = None; del name
bool Generator::unbind(identifier name) {
  identifier m = mangled(name);
  NameRef ref;
  if (!m || !resolve(m, &ref)) return false;
  no_pos();
  if (ref.access == Access::kFast) return emit(Opcode::kClearLocal, ref.index);
  int t = u_->depth;
  if (!load_none(t)) return false;
  push_temp();
  bool ok = store_name(name, t) && delete_name(name);
  u_->depth = t;
  return ok;
}

// ---- try --------------------------------------------------------------------------------------------------------

bool Generator::try_(const Seq<stmt*>& body, const Seq<excepthandler*>& handlers, const Seq<stmt*>& orelse,
                     const Seq<stmt*>& finalbody, bool star) {
  if (!finalbody.empty()) return try_finally(body, handlers, orelse, finalbody, star);
  return star ? try_star(body, handlers, orelse) : try_except(body, handlers, orelse);
}

// At the handler of code that handles exception `exc` (with `saved` the one handled before): a further exception is in
// the temporary behind them; lets go of both and goes on with it.
bool Generator::reraise_cleanup(int saved, int exc) {
  no_pos();
  return emit(Opcode::kExcLeave, saved) && emit(Opcode::kDrop, exc) && emit(Opcode::kReRaise, saved + 1, 1);
}

bool Generator::try_finally(const Seq<stmt*>& body, const Seq<excepthandler*>& handlers, const Seq<stmt*>& orelse,
                            const Seq<stmt*>& finalbody, bool star) {
  Label handler = new_label(), end = new_label(), cleanup = new_label();
  if (handler < 0 || end < 0 || cleanup < 0) return false;
  int exc = u_->depth;
  // try: body
  if (!emit(Opcode::kNop)) return false;
  Block block;
  block.kind = BlockKind::kFinallyTry;
  block.finalbody = &finalbody;
  if (!enter_block(block) || !open_region(block, handler, exc)) return false;
  bool ok = handlers.empty() ? statements(body) : try_(body, handlers, orelse, {}, star);
  if (!ok || !close_region(block)) return false;
  leave_block();
  if (!statements(finalbody)) return false;
  no_pos();
  if (!emit_jump(Opcode::kJump, end) || !place(handler)) return false;
  // An exception: the final statements, then on with it.
  push_temp();
  int saved = push_temp();
  if (!emit(Opcode::kExcEnter, saved, exc)) return false;
  Block inner;
  inner.kind = BlockKind::kFinallyHandler;
  inner.temp = exc;
  inner.saved = saved;
  if (!enter_block(inner) || !open_region(inner, cleanup, saved + 1) || !statements(finalbody) || !close_region(inner))
    return false;
  leave_block();
  no_pos();
  if (!emit(Opcode::kExcLeave, saved) || !emit(Opcode::kReRaise, exc) || !place(cleanup)) return false;
  push_temp();
  if (!reraise_cleanup(saved, exc)) return false;
  u_->depth = exc;
  return place(end);
}

bool Generator::try_except(const Seq<stmt*>& body, const Seq<excepthandler*>& handlers, const Seq<stmt*>& orelse) {
  Label handler = new_label(), end = new_label(), cleanup = new_label();
  if (handler < 0 || end < 0 || cleanup < 0) return false;
  int exc = u_->depth;
  if (!emit(Opcode::kNop)) return false;
  Block block;
  block.kind = BlockKind::kTry;
  if (!enter_block(block) || !open_region(block, handler, exc) || !statements(body) || !close_region(block))
    return false;
  leave_block();
  if (!statements(orelse)) return false;
  no_pos();
  if (!emit_jump(Opcode::kJump, end) || !place(handler)) return false;
  push_temp();
  int saved = push_temp();
  if (!emit(Opcode::kExcEnter, saved, exc)) return false;
  // Whatever goes wrong from here on first ends the handling of this exception.
  Block guard;
  guard.kind = BlockKind::kValue;
  if (!enter_block(guard) || !open_region(guard, cleanup, saved + 1)) return false;
  for (uint32_t i = 0; i < handlers.size(); i++) {
    auto* h = as<ExceptHandler>(handlers[i]);
    set_pos(h);
    if (!h->type && i + 1 < handlers.size()) return error("default 'except:' must be last");
    if (!h->type && !emit(Opcode::kNop)) return false;  // its line must be seen
    Label next = new_label();
    if (next < 0) return false;
    if (h->type) {
      int type = value(h->type);
      if (type == kFail || !emit_jump(Opcode::kJFExcMatch, next, 0, exc, type)) return false;
      u_->depth = saved + 1;
    }
    Block inner;
    inner.kind = BlockKind::kHandler;
    inner.temp = exc;
    inner.saved = saved;
    inner.name = h->name;
    Label name_cleanup = kNoLabel;
    if (h->name) {
      int copy = push_temp();
      if (!emit(Opcode::kDup, copy, exc) || !store_name(h->name, copy)) return false;
      u_->depth = saved + 1;
      name_cleanup = new_label();
      if (name_cleanup < 0) return false;
    }
    if (!enter_block(inner)) return false;
    if (h->name && !open_region(inner, name_cleanup, saved + 1)) return false;
    if (!statements(h->body)) return false;
    if (h->name && !close_region(inner)) return false;
    leave_block();
    no_pos();
    if (h->name && !unbind(h->name)) return false;
    if (!suspend_region(guard) || !emit(Opcode::kExcLeave, saved) || !emit(Opcode::kDrop, exc) ||
        !emit_jump(Opcode::kJump, end))
      return false;
    resume_region(guard);
    if (h->name) {
      if (!place(name_cleanup)) return false;
      int again = push_temp();
      if (!unbind(h->name) || !emit(Opcode::kReRaise, again, 1)) return false;
      u_->depth = saved + 1;
    }
    if (!place(next)) return false;
  }
  // No match.
  if (!close_region(guard)) return false;
  leave_block();
  no_pos();
  if (!emit(Opcode::kExcLeave, saved) || !emit(Opcode::kReRaise, exc) || !place(cleanup)) return false;
  push_temp();
  if (!reraise_cleanup(saved, exc)) return false;
  u_->depth = exc;
  return place(end);
}

// Temporaries: the group, the exception handled before, a list of what is raised or left over, the rest of the group.
bool Generator::try_star(const Seq<stmt*>& body, const Seq<excepthandler*>& handlers, const Seq<stmt*>& orelse) {
  Label handler = new_label(), end = new_label(), cleanup = new_label();
  if (handler < 0 || end < 0 || cleanup < 0) return false;
  int exc = u_->depth;
  if (!emit(Opcode::kNop)) return false;
  Block block;
  block.kind = BlockKind::kTry;
  if (!enter_block(block) || !open_region(block, handler, exc) || !statements(body) || !close_region(block))
    return false;
  leave_block();
  if (!statements(orelse)) return false;
  no_pos();
  if (!emit_jump(Opcode::kJump, end) || !place(handler)) return false;
  push_temp();
  int saved = push_temp();
  if (!emit(Opcode::kExcEnter, saved, exc)) return false;
  Block guard;
  guard.kind = BlockKind::kValue;
  if (!enter_block(guard) || !open_region(guard, cleanup, saved + 1)) return false;
  int list = push_temp();
  int rest = push_temp();
  if (!emit(Opcode::kBuildList, list, list, 0) || !emit(Opcode::kDup, rest, exc)) return false;
  for (uint32_t i = 0; i < handlers.size(); i++) {
    auto* h = as<ExceptHandler>(handlers[i]);
    set_pos(h);
    Label no_match = new_label(), next = new_label(), failed = new_label();
    if (no_match < 0 || next < 0 || failed < 0) return false;
    int match = u_->depth;
    int type = value(h->type);
    if (type == kFail) return false;
    u_->depth = match;
    push_temp();
    if (!emit(Opcode::kCheckEgMatch, match, rest, type)) return false;
    int test = push_temp();
    if (!emit(Opcode::kDup, test, match) || !emit_jump(Opcode::kJNone, no_match, 0, test)) return false;
    u_->depth = test;
    // The matching part is the exception being handled.
    int outer_saved = push_temp();
    if (!emit(Opcode::kExcEnter, outer_saved, match)) return false;
    Block inner;
    inner.kind = BlockKind::kStarHandler;
    if (!enter_block(inner) || !open_region(inner, failed, outer_saved + 1)) return false;
    if (h->name) {
      int copy = push_temp();
      if (!emit(Opcode::kDup, copy, match) || !store_name(h->name, copy)) return false;
      u_->depth = outer_saved + 1;
    }
    if (!statements(h->body) || !close_region(inner)) return false;
    leave_block();
    no_pos();
    if (h->name && !unbind(h->name)) return false;
    if (!emit(Opcode::kExcLeave, outer_saved) || !emit(Opcode::kDrop, match) || !emit_jump(Opcode::kJump, next) ||
        !place(failed))
      return false;
    // What the body raised is kept for the end.
    int raised = push_temp();
    if (h->name && !unbind(h->name)) return false;
    if (!emit(Opcode::kListAppend, list, raised) || !emit(Opcode::kExcLeave, outer_saved) ||
        !emit(Opcode::kDrop, match) || !emit_jump(Opcode::kJump, next) || !place(no_match))
      return false;
    if (!emit(Opcode::kDrop, match) || !place(next)) return false;
    u_->depth = match;
  }
  no_pos();
  int result = u_->depth;
  push_temp();
  if (!emit(Opcode::kListAppend, list, rest) || !emit(Opcode::kPrepReraiseStar, result, exc, list) ||
      !close_region(guard))
    return false;
  leave_block();
  Label reraise = new_label();
  int test = push_temp();
  if (reraise < 0 || !emit(Opcode::kExcLeave, saved) || !emit(Opcode::kDrop, exc) ||
      !emit(Opcode::kDup, test, result) || !emit_jump(Opcode::kJNotNone, reraise, 0, test) ||
      !emit(Opcode::kDrop, result) || !emit_jump(Opcode::kJump, end) || !place(reraise) ||
      !emit(Opcode::kReRaise, result) || !place(cleanup))
    return false;
  u_->depth = saved + 1;
  push_temp();
  if (!reraise_cleanup(saved, exc)) return false;
  u_->depth = exc;
  return place(end);
}

// ---- with -------------------------------------------------------------------------------------------------------

// Calls the exit function whose window begins at `exit`, its three arguments being in place; the result goes to
// `result`.
bool Generator::call_exit(int exit, bool is_async, int result) {
  if (!emit(Opcode::kCallM, exit, exit, 3)) return false;
  if (!is_async) return move(result, exit);
  u_->depth = exit + 1;
  return emit(Opcode::kGetAwaitable, exit, exit, 2) && send_loop(exit, result);
}

// Temporaries: [value of a return on its way out] [exception, exception handled before] [exit function, self].
// All but the last pair are written only when needed.
bool Generator::with_(const Seq<withitem*>& items, uint32_t index, const Seq<stmt*>& body, bool is_async,
                      const stmt* node) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  withitem* item = items[index];
  int bottom = u_->depth;
  int slot = push_temp();
  int exc = push_temp();
  int saved = push_temp();
  int exit = u_->depth;
  Label handler = new_label(), end = new_label(), cleanup = new_label(), suppress = new_label();
  if (handler < 0 || end < 0 || cleanup < 0 || suppress < 0) return false;

  int manager = value(item->context_expr);
  if (manager == kFail) return false;
  u_->depth = exit;
  push_temps(4);
  int enter = exit + 2;
  set_pos(node);
  Position with_pos;
  {
    PosScope pos(*this, item->context_expr);
    with_pos = pos_;
    if (!emit(is_async ? Opcode::kAsyncWithLoad : Opcode::kWithLoad, exit, enter, manager) ||
        !emit(Opcode::kCallM, enter, enter, 0))
      return false;
    u_->depth = enter;
    push_temp();
    if (is_async) {
      if (!emit(Opcode::kGetAwaitable, enter, enter, 1) || !send_loop(enter, enter)) return false;
      u_->depth = enter;
      push_temp();
    }
  }
  Block block;
  block.kind = is_async ? BlockKind::kAsyncWith : BlockKind::kWith;
  block.temp = exit;
  block.slot = slot;
  block.pos = {node->lineno, node->end_lineno, node->col_offset, node->end_col_offset};
  if (!enter_block(block)) return false;
  u_->depth = enter;  // the value of __enter__ is gone before anything can go wrong, or handled by the instruction
  if (!open_region(block, handler, exc)) return false;
  push_temp();
  if (item->optional_vars) {
    if (!store(item->optional_vars, enter)) return false;
  } else if (!emit(Opcode::kDrop, enter)) {
    return false;
  }
  u_->depth = enter;
  bool ok = index + 1 < items.size() ? with_(items, index + 1, body, is_async, node) : statements(body);
  if (!ok || !close_region(block)) return false;
  leave_block();
  // Normal end.
  set_pos(node);
  u_->depth = enter;
  for (int i = 0; i < 3; i++) {
    if (!load_none(u_->depth)) return false;
    push_temp();
  }
  if (!call_exit(exit, is_async, exit) || !emit(Opcode::kDrop, exit)) return false;
  no_pos();
  if (!emit_jump(Opcode::kJump, end) || !place(handler)) return false;
  // An exception: ask the exit function.
  set_pos(node);
  u_->depth = enter;
  if (!emit(Opcode::kExcEnter, saved, exc)) return false;
  Block guard;
  guard.kind = BlockKind::kValue;
  if (!enter_block(guard)) return false;
  u_->depth = exit;
  if (!open_region(guard, cleanup, exit)) return false;
  u_->depth = enter;
  push_temps(3);
  if (!emit(Opcode::kExcTriple, enter, exc) || !call_exit(exit, is_async, exit) ||
      !emit_jump(Opcode::kJT, suppress, 0, exit) || !close_region(guard))
    return false;
  leave_block();
  no_pos();
  if (!emit(Opcode::kExcLeave, saved) || !emit(Opcode::kReRaise, exc, 1) || !place(cleanup) ||
      !emit(Opcode::kExcLeave, saved) || !emit(Opcode::kDrop, exc) || !emit(Opcode::kReRaise, exit, 1) ||
      !place(suppress) || !emit(Opcode::kExcLeave, saved) || !emit(Opcode::kDrop, exc))
    return false;
  u_->depth = bottom;
  return place(end);
}

}  // namespace atl::compiler
