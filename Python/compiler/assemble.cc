// From a unit's instructions to words and tables.
//
//  1. Control flow: instructions are followed from the entry, with the set of temporaries that are alive. What is not
//     reached is dropped; sets that disagree where paths meet are a bug of the generator and reported as SystemError.
//  2. Locals that are certainly bound need no CheckLocal.
//  3. Lines: code that the source does not show (the return at a function's end, ends of handlers) counts as belonging to
//     the line that leads there; a return that several lines lead to is copied for each.
//  4. Layout: words, jump distances, and the tables of handlers, live temporaries and positions.
#include <utility>

#include "Python/compiler/codegen_impl.h"

namespace atl::compiler {

namespace {

constexpr bool kVerify = true;

const OpInfo& info_of(const Instr& i) { return kOpInfo[static_cast<int>(i.op)]; }

// Set of small numbers.
class BitSet {
 public:
  bool resize(size_t bits) { return words_.resize_zeroed((bits + 63) / 64); }
  bool test(int i) const { return words_[static_cast<size_t>(i) / 64] >> (i % 64) & 1; }
  void set(int i) { words_[static_cast<size_t>(i) / 64] |= uint64_t{1} << (i % 64); }
  void reset(int i) { words_[static_cast<size_t>(i) / 64] &= ~(uint64_t{1} << (i % 64)); }
  const uint64_t* data() const { return words_.data(); }
  uint64_t* data() { return words_.data(); }
  size_t size() const { return words_.size(); }

 private:
  Buffer<uint64_t> words_;
};

class Assembler {
 public:
  Assembler(PassContext& context, Unit& unit) : context_(context), arena_(context.arena), unit_(unit), code_(unit.code) {}

  bool run() {
    return resolve_labels() && follow() && check_locals() && inherit_positions() && thread_jumps() && copy_returns() &&
           drop_needless() && inherit_positions() && strip_constants() && layout() && fill_locals();
  }

 private:
  // Where control may go from instruction i, and what it does to temporaries.
  struct Effect {
    int consumed[4];
    int consumed_count = 0;
    int window_first = 0, window_count = 0;  // consumed, too
    int defined_first = 0, defined_count = 0;
    int defined2_first = 0, defined2_count = 0;
    int in_out = -1;  // consumed if the instruction fails, else kept (on the path that `kept_on_jump` says)
    enum { kBoth, kOnJump, kOnFall } in_out_kept = kBoth;
    bool defines_on_jump = true, defines_on_fall = true;
    int jump_consumes = -1;  // consumed on the jump only
  };
  Effect effect_of(const Instr& i) const;

  bool resolve_labels();
  bool follow();
  bool merge(int32_t to, const uint64_t* state, bool handler);
  bool check_locals();
  bool inherit_positions();
  bool copy_returns();
  bool strip_constants();
  bool thread_jumps();
  bool drop_needless();
  bool layout();
  bool fill_locals();
  bool bug(const char* what, int32_t at) {
    return context_.error_of(ErrorKind::kSystemError, "code generator: %s at %d (%s) in %s", what, at,
                             at >= 0 && static_cast<size_t>(at) < code_.size() ? info_of(code_[static_cast<size_t>(at)]).name : "end",
                             unit_.result->name->text);
  }
  const Region* region_of(int32_t at) const;
  int32_t first_kept(int32_t at) const {
    while (static_cast<size_t>(at) < code_.size() && (reached_[static_cast<size_t>(at)] & 5) != 1) at++;
    return at;
  }
  int32_t target_of(const Instr& i) const { return unit_.labels[static_cast<size_t>(i.target)]; }
  static bool may_raise(const Instr& i) {
    return info_of(i).flags & (kRaises | kPolls | kSuspends | kJumps);
  }

  int operand(int32_t o, Operand kind) const {
    switch (kind) {
      case Operand::Dst: case Operand::Src: case Operand::Keep: case Operand::InOut: case Operand::Local:
      case Operand::Dst2: case Operand::Dst3: case Operand::DstN: case Operand::Win:
        if (o <= kCellOperand) return static_cast<int>(unit_.locals.keys().size()) + (kCellOperand - o) - nlocals_;
        if (o < 0) return -1 - o - nlocals_;
        return o;
      default: return o;
    }
  }

  PassContext& context_;
  Arena& arena_;
  Unit& unit_;
  Buffer<Instr>& code_;
  size_t state_words_ = 0;
  Buffer<uint64_t> states_;    // per instruction: temporaries alive before it
  Buffer<uint8_t> reached_;    // 1: reached, 2: a handler begins here, 4: dropped
  Buffer<int32_t> region_at_;  // innermost region of each instruction, -1 for none
  Buffer<int32_t> queue_;
  int nlocals_ = 0;
};

Assembler::Effect Assembler::effect_of(const Instr& i) const {
  Effect e;
  const OpInfo& info = info_of(i);
  const int32_t operands[3] = {i.a, i.b, i.c};
  const Operand kinds[3] = {info.a, info.b, info.c};
  for (int k = 0; k < 3; k++) {
    int o = operands[k];
    bool temp = o >= kFrameHeader;
    switch (kinds[k]) {
      case Operand::Src:
        if (temp) e.consumed[e.consumed_count++] = o;
        break;
      case Operand::Dst:
        if (temp) e.defined_first = o, e.defined_count = 1;
        break;
      case Operand::Dst2:
        if (e.defined_count) {
          e.defined2_first = o, e.defined2_count = 2;
        } else {
          e.defined_first = o, e.defined_count = 2;
        }
        break;
      case Operand::Dst3: e.defined_first = o, e.defined_count = 3; break;
      case Operand::DstN:
        e.defined_first = o;
        e.defined_count = i.op == Opcode::kUnpackEx ? (i.c & 0xFF) + 1 + (i.c >> 8) : i.c;
        break;
      case Operand::InOut: e.in_out = o; break;
      case Operand::Win: e.window_first = o; break;
      default: break;
    }
  }
  switch (i.op) {
    case Opcode::kCall: e.window_count = 2 + i.c; break;
    case Opcode::kCallM: e.window_count = 2 + i.c; break;
    case Opcode::kCallKw:
    case Opcode::kCallMKw: e.window_count = 3 + i.c; break;
    case Opcode::kCallEx: e.window_count = 3 + i.c; break;
    case Opcode::kMakeFunction: e.window_count = 1 + __builtin_popcount(static_cast<unsigned>(i.c)); break;
    case Opcode::kBuildTuple:
    case Opcode::kBuildList:
    case Opcode::kBuildSet:
    case Opcode::kBuildString:
    case Opcode::kBuildSlice: e.window_count = i.c; break;
    case Opcode::kBuildMap: e.window_count = 2 * i.c; break;
    case Opcode::kBuildConstMap: e.window_count = i.c + 1; break;
    case Opcode::kImportName: e.window_count = 2; break;
    case Opcode::kMatchClass: e.window_count = 3; break;
    case Opcode::kSend:
      // The receiver stays while it yields.
      e.consumed[e.consumed_count++] = i.b + 1;
      e.jump_consumes = i.b;
      break;
    case Opcode::kJTKeep:
    case Opcode::kJFKeep: e.in_out_kept = Effect::kOnJump; break;
    case Opcode::kForIter:
      e.in_out_kept = Effect::kOnJump;
      e.defines_on_fall = false;
      break;
    default: break;
  }
  return e;
}

bool Assembler::resolve_labels() {
  // The innermost region of each instruction. Regions of one block are disjoint; deeper ones win.
  if (!region_at_.resize_zeroed(code_.size() + 1)) return context_.memory_error();
  for (int32_t& r : region_at_) r = -1;
  for (size_t r = 0; r < unit_.regions.size(); r++) {
    const Region& region = unit_.regions[r];
    for (int32_t i = region.start; i < region.end; i++) {
      int32_t& at = region_at_[static_cast<size_t>(i)];
      if (at < 0 || unit_.regions[static_cast<size_t>(at)].depth < region.depth) at = static_cast<int32_t>(r);
    }
  }
  for (size_t i = 0; i < code_.size(); i++) {
    if (code_[i].target == kNoLabel) continue;
    int32_t target = target_of(code_[i]);
    if (target < 0 || static_cast<size_t>(target) >= code_.size()) return bug("label not placed", static_cast<int32_t>(i));
  }
  return true;
}

const Region* Assembler::region_of(int32_t at) const {
  int32_t r = region_at_[static_cast<size_t>(at)];
  return r < 0 ? nullptr : &unit_.regions[static_cast<size_t>(r)];
}

// Control arrives at `to` with these temporaries alive.
bool Assembler::merge(int32_t to, const uint64_t* state, bool handler) {
  if (static_cast<size_t>(to) >= code_.size()) return bug("control runs off the end", to);
  uint64_t* known = &states_[static_cast<size_t>(to) * state_words_];
  uint8_t& reached = reached_[static_cast<size_t>(to)];
  if (!(reached & 1)) {
    std::memcpy(known, state, state_words_ * sizeof(uint64_t));
    reached = static_cast<uint8_t>(1 | (handler ? 2 : 0));
    return queue_.push(to) || context_.memory_error();
  }
  if (handler) reached |= 2;
  if (kVerify && std::memcmp(known, state, state_words_ * sizeof(uint64_t)) != 0)
    return bug("temporaries disagree where paths meet", to);
  return true;
}

bool Assembler::follow() {
  size_t n = code_.size();
  state_words_ = (static_cast<size_t>(unit_.max_depth) + 64) / 64;
  if (!states_.resize_zeroed(n * state_words_) || !reached_.resize_zeroed(n + 1)) return context_.memory_error();
  BitSet state;
  if (!state.resize(state_words_ * 64)) return context_.memory_error();
  if (!merge(0, state.data(), false)) return false;
  BitSet after, jumped;
  if (!after.resize(state_words_ * 64) || !jumped.resize(state_words_ * 64)) return context_.memory_error();
  while (!queue_.empty()) {
    int32_t at = queue_.pop();
    for (;;) {
      const Instr& i = code_[static_cast<size_t>(at)];
      const OpInfo& info = info_of(i);
      std::memcpy(after.data(), &states_[static_cast<size_t>(at) * state_words_], state_words_ * sizeof(uint64_t));
      Effect e = effect_of(i);
      auto consume = [&](int temp, bool hole_allowed) {
        if (kVerify && !hole_allowed && !after.test(temp)) return bug("reads a temporary that is not there", at);
        after.reset(temp);
        return true;
      };
      for (int k = 0; k < e.consumed_count; k++) {
        if (!consume(e.consumed[k], false)) return false;
      }
      for (int k = 0; k < e.window_count; k++) {
        bool hole = k == 1 && (i.op == Opcode::kCall || i.op == Opcode::kCallKw || i.op == Opcode::kCallEx);
        if (!consume(e.window_first + k, hole)) return false;
      }
      if (kVerify) {
        const int32_t operands[3] = {i.a, i.b, i.c};
        const Operand kinds[3] = {info.a, info.b, info.c};
        for (int k = 0; k < 3; k++) {
          bool read = kinds[k] == Operand::Keep || kinds[k] == Operand::InOut;
          if (read && operands[k] >= kFrameHeader && !after.test(operands[k]))
            return bug("looks at a temporary that is not there", at);
        }
      }
      // What is alive across it: what an exception has to release, and a handler may keep.
      int in_out = e.in_out >= kFrameHeader ? e.in_out : -1;
      if (may_raise(i)) {
        if (const Region* region = region_of(at)) {
          std::memcpy(jumped.data(), after.data(), state_words_ * sizeof(uint64_t));
          if (in_out >= 0) jumped.reset(in_out);
          if (e.jump_consumes >= 0) jumped.reset(e.jump_consumes);
          for (int t = region->base; t < unit_.max_depth; t++) jumped.reset(t);
          jumped.set(region->exc_register);
          if (!merge(unit_.labels[static_cast<size_t>(region->handler)], jumped.data(), true)) return false;
        }
      }
      auto define = [&](BitSet& set) {
        for (int k = 0; k < e.defined_count + e.defined2_count; k++) {
          int t = k < e.defined_count ? e.defined_first + k : e.defined2_first + k - e.defined_count;
          if (kVerify && set.test(t)) return bug("overwrites a temporary", at);
          set.set(t);
        }
        return true;
      };
      if (i.target != kNoLabel) {
        std::memcpy(jumped.data(), after.data(), state_words_ * sizeof(uint64_t));
        if (in_out >= 0 && e.in_out_kept == Effect::kOnFall) jumped.reset(in_out);
        if (e.jump_consumes >= 0) jumped.reset(e.jump_consumes);
        if (e.defines_on_jump && !define(jumped)) return false;
        if (!merge(target_of(i), jumped.data(), false)) return false;
      }
      if (info.flags & kEnds) break;
      if (in_out >= 0 && e.in_out_kept == Effect::kOnJump) after.reset(in_out);
      if (e.defines_on_fall && !define(after)) return false;
      int32_t next = at + 1;
      bool seen = static_cast<size_t>(next) < n && (reached_[static_cast<size_t>(next)] & 1);
      if (!merge(next, after.data(), false)) return false;
      if (seen) break;
      queue_.pop();  // (merge() has queued it; it is the next one)
      at = next;
    }
  }
  return true;
}

// CheckLocal where every path has bound the local goes away.
bool Assembler::check_locals() {
  size_t n = code_.size();
  size_t locals = unit_.locals.keys().size();
  bool any = false;
  for (size_t i = 0; i < n && !any; i++) any = (reached_[i] & 1) && code_[i].op == Opcode::kCheckLocal;
  if (!any) return true;
  size_t words = (locals + 63) / 64;
  Buffer<uint64_t> bound;  // per instruction, what is certainly bound before it; all ones where not yet known
  Buffer<uint8_t> queued;
  if (!bound.resize_zeroed(n * words) || !queued.resize_zeroed(n)) return context_.memory_error();
  std::memset(static_cast<void*>(bound.data()), 0xFF, n * words * sizeof(uint64_t));
  BitSet now;
  if (!now.resize(words * 64)) return context_.memory_error();
  for (uint32_t i = 0; i < unit_.scope->parameter_count; i++) now.set(static_cast<int>(i));
  queue_.truncate(0);
  auto merge_bound = [&](int32_t to, const uint64_t* set, bool force) {
    uint64_t* known = &bound[static_cast<size_t>(to) * words];
    bool changed = force;
    for (size_t w = 0; w < words; w++) {
      uint64_t both = known[w] & set[w];
      changed |= both != known[w];
      known[w] = both;
    }
    if (!changed || queued[static_cast<size_t>(to)]) return true;
    queued[static_cast<size_t>(to)] = 1;
    return queue_.push(to) || context_.memory_error();
  };
  // Instructions are done in runs; a run starts wherever something arrived.
  Buffer<uint8_t> visited;
  if (!visited.resize_zeroed(n)) return context_.memory_error();
  if (!merge_bound(0, now.data(), true)) return false;
  while (!queue_.empty()) {
    int32_t at = queue_.pop();
    queued[static_cast<size_t>(at)] = 0;
    std::memcpy(now.data(), &bound[static_cast<size_t>(at) * words], words * sizeof(uint64_t));
    for (;;) {
      const Instr& i = code_[static_cast<size_t>(at)];
      const OpInfo& info = info_of(i);
      visited[static_cast<size_t>(at)] = 1;
      if (may_raise(i)) {
        if (const Region* region = region_of(at)) {
          int32_t handler = unit_.labels[static_cast<size_t>(region->handler)];
          if (!merge_bound(handler, now.data(), !visited[static_cast<size_t>(handler)])) return false;
        }
      }
      if (i.op == Opcode::kDelLocal || i.op == Opcode::kClearLocal) {
        if (i.a > kCellOperand) now.reset(-1 - i.a);
      } else if (i.op == Opcode::kCheckLocal) {
        now.set(-1 - i.a);
      }
      bool stores = info.a == Operand::Dst && i.a < 0 && i.a > kCellOperand;
      if (i.target != kNoLabel) {
        int32_t to = target_of(i);
        bool was = stores && now.test(-1 - i.a);
        if (stores) now.set(-1 - i.a);
        if (!merge_bound(to, now.data(), !visited[static_cast<size_t>(to)])) return false;
        // (ForIter binds its target only when it goes on.)
        if (stores && !was && i.op == Opcode::kForIter) now.reset(-1 - i.a);
      } else if (stores) {
        now.set(-1 - i.a);
      }
      if (info.flags & kEnds) break;
      int32_t next = at + 1;
      uint64_t* known = &bound[static_cast<size_t>(next) * words];
      bool changed = !visited[static_cast<size_t>(next)];
      for (size_t w = 0; w < words; w++) {
        uint64_t both = known[w] & now.data()[w];
        changed |= both != known[w];
        known[w] = both;
      }
      if (!changed) break;
      std::memcpy(now.data(), known, words * sizeof(uint64_t));
      at = next;
    }
  }
  for (size_t i = 0; i < n; i++) {
    if (!(reached_[i] & 1) || code_[i].op != Opcode::kCheckLocal) continue;
    int local = -1 - code_[i].a;
    if (bound[i * words + static_cast<size_t>(local) / 64] >> (local % 64) & 1) reached_[i] |= 4;
  }
  return true;
}

// What has no place of its own has that of what comes before it, if that is one instruction only.
bool Assembler::inherit_positions() {
  size_t n = code_.size();
  constexpr int32_t kNone = -1, kMany = -2;
  Buffer<int32_t> origin;
  if (!origin.resize_zeroed(n + 1)) return context_.memory_error();
  for (int32_t& o : origin) o = kNone;
  auto arrives = [&](int32_t to, int32_t from) {
    int32_t& o = origin[static_cast<size_t>(first_kept(to))];
    o = o == kNone ? from : kMany;
  };
  for (size_t i = 0; i < n; i++) {
    if (reached_[i] & 2) arrives(static_cast<int32_t>(i), kMany);
    if ((reached_[i] & 5) != 1) continue;
    if (code_[i].target != kNoLabel) arrives(target_of(code_[i]), static_cast<int32_t>(i));
    if (!(info_of(code_[i]).flags & kEnds)) arrives(static_cast<int32_t>(i) + 1, static_cast<int32_t>(i));
  }
  // A function without code of its own is at the line of its definition.
  auto first = static_cast<size_t>(first_kept(0));
  if (first < n && origin[first] == kNone && code_[first].pos.line <= 0 && unit_.scope->kind != ScopeKind::kModule) {
    int32_t line = unit_.result->firstlineno;
    code_[first].pos = {line, line, 0, 0};
  }
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < n; i++) {
      if ((reached_[i] & 5) != 1 || code_[i].pos.line > 0 || origin[i] < 0) continue;
      const Position& from = code_[static_cast<size_t>(origin[i])].pos;
      if (from.line <= 0) continue;
      code_[i].pos = from;
      again = true;
    }
  }
  return true;
}

// A jump to a `return constant` that belongs to no line: returns at once, or at a copy, and so on its own line.
bool Assembler::copy_returns() {
  size_t n = code_.size();
  auto is_return = [](Opcode op) { return op == Opcode::kReturnK; };
  for (size_t i = 0; i < n; i++) {
    if ((reached_[i] & 5) != 1 || code_[i].target == kNoLabel) continue;
    auto at = static_cast<size_t>(first_kept(target_of(code_[i])));
    Instr to = code_[at];
    if (!is_return(to.op) || to.pos.line > 0) continue;
    if (code_[i].op == Opcode::kJump) {
      code_[i].op = to.op;
      code_[i].a = to.a;
      code_[i].target = kNoLabel;
      continue;
    }
    if (code_[i].pos.line <= 0) continue;
    to.pos = code_[i].pos;
    size_t copy = code_.size();
    code_[i].target = static_cast<Label>(unit_.labels.size());
    if (!unit_.labels.push(static_cast<int32_t>(copy)) || !code_.push(to) || !reached_.push(0) || !region_at_.push(-1))
      return context_.memory_error();
    reached_[copy] = 1;
    for (size_t w = 0; w < state_words_; w++) {
      uint64_t word = states_[at * state_words_ + w];
      if (!states_.push(word)) return context_.memory_error();
    }
  }
  return true;
}

// Jumps to jumps go straight on.
bool Assembler::thread_jumps() {
  size_t n = code_.size();
  for (size_t i = 0; i < n; i++) {
    Instr& instr = code_[i];
    if ((reached_[i] & 5) != 1 || instr.target == kNoLabel) continue;
    for (int hops = 0; hops < 8; hops++) {
      int32_t to = first_kept(target_of(instr));
      if (static_cast<size_t>(to) >= n || code_[static_cast<size_t>(to)].op != Opcode::kJump) break;
      const Instr& through = code_[static_cast<size_t>(to)];
      // A jump with a line of its own must be seen; a back-edge must stay one instruction that polls.
      if (through.pos.line > 0 && through.pos.line != instr.pos.line) break;
      if (target_of(through) <= to) break;
      instr.target = through.target;
    }
  }
  return true;
}

// Jumps to the next instruction and needless NOPs go away.
bool Assembler::drop_needless() {
  size_t n = code_.size();
  auto kept = [&](size_t i) { return (reached_[i] & 5) == 1; };
  auto next_kept = [&](int32_t at) {
    while (static_cast<size_t>(at) < n && !kept(static_cast<size_t>(at))) at++;
    return at;
  };
  // An unconditional jump to a `return constant` of the same line returns at once.
  for (size_t i = 0; i < n; i++) {
    if (!kept(i) || code_[i].op != Opcode::kJump) continue;
    const Instr& to = code_[static_cast<size_t>(next_kept(target_of(code_[i])))];
    if (to.op != Opcode::kReturnK || to.pos.line != code_[i].pos.line) continue;
    code_[i].op = Opcode::kReturnK;
    code_[i].a = to.a;
    code_[i].target = kNoLabel;
  }
  Buffer<uint8_t> arrived;  // control comes here otherwise than from the instruction before
  if (!arrived.resize_zeroed(n + 1)) return context_.memory_error();
  auto mark_arrivals = [&] {
    for (size_t i = 0; i < n; i++) {
      if (!(reached_[i] & 1)) continue;
      if (kept(i) && code_[i].target != kNoLabel) arrived[static_cast<size_t>(next_kept(target_of(code_[i])))] = 1;
      if (reached_[i] & 2) arrived[static_cast<size_t>(next_kept(static_cast<int32_t>(i)))] = 1;
    }
  };
  mark_arrivals();
  for (size_t i = 0; i < n; i++) {
    if (!kept(i)) continue;
    Instr& instr = code_[i];
    size_t next = static_cast<size_t>(next_kept(static_cast<int32_t>(i) + 1));
    if (instr.op == Opcode::kJump) {
      int32_t to = target_of(instr);
      bool to_next = static_cast<size_t>(to) > i && static_cast<size_t>(next_kept(to)) == next;
      if (to_next && instr.pos.line <= 0) reached_[i] |= 4;
    } else if (instr.op == Opcode::kNop && next < n) {
      Instr& follower = code_[next];
      if (instr.pos.line <= 0 || follower.pos.line == instr.pos.line) {
        reached_[i] |= 4;
      } else if (follower.pos.line <= 0 && !arrived[next]) {
        follower.pos = instr.pos;
        reached_[i] |= 4;
      }
    } else if (instr.op == Opcode::kMove && instr.a == instr.b) {
      reached_[i] |= 4;
    }
  }
  return true;
}

// Constants that no instruction names any more go away, but for the first: it is the docstring's place.
bool Assembler::strip_constants() {
  size_t n = code_.size(), count = unit_.consts.size();
  Buffer<int32_t> place;
  if (!place.resize_zeroed(count + 1)) return context_.memory_error();
  auto each_operand = [&](auto visit) {
    for (size_t i = 0; i < n; i++) {
      if ((reached_[i] & 5) != 1) continue;
      const OpInfo& info = info_of(code_[i]);
      if (info.a == Operand::K) visit(code_[i], code_[i].a);
      if (info.b == Operand::K) visit(code_[i], code_[i].b);
      if (info.c == Operand::K) visit(code_[i], code_[i].c);
    }
  };
  each_operand([&](const Instr&, int32_t& k) { place[static_cast<size_t>(k)] = 1; });
  if (count) place[0] = 1;
  size_t kept = 0;
  for (size_t k = 0; k < count; k++) {
    if (!place[k]) continue;
    unit_.consts[kept] = unit_.consts[k];
    place[k] = static_cast<int32_t>(kept++);
  }
  unit_.consts.truncate(kept);
  bool fits = true;
  each_operand([&](const Instr& i, int32_t& k) {
    k = place[static_cast<size_t>(k)];
    fits = fits && (k < 65536 || i.op == Opcode::kLoadK);
  });
  return fits || context_.error_of(ErrorKind::kOverflowError, "too many constants in one code block");
}

bool Assembler::layout() {
  CodeUnit& out = *unit_.result;
  size_t n = code_.size();
  nlocals_ = static_cast<int>(unit_.locals.keys().size() + unit_.cells.size()) +
             (unit_.scope->kind != ScopeKind::kFunction);
  out.nlocals = static_cast<uint32_t>(nlocals_);
  out.ntemps = static_cast<uint32_t>(unit_.max_depth);
  if (nlocals_ > 32000 || unit_.max_depth > 32000)
    return context_.error_of(ErrorKind::kOverflowError, "too many variables or temporaries in one code block");
  if (unit_.names.keys().size() > 65535)
    return context_.error_of(ErrorKind::kOverflowError, "too many names in one code block");

  // Addresses; long jumps take more room, so this repeats until nothing grows.
  Buffer<uint32_t> address;
  Buffer<uint8_t> far;
  if (!address.resize_zeroed(n + 1) || !far.resize_zeroed(n)) return context_.memory_error();
  auto kept = [&](size_t i) { return (reached_[i] & 5) == 1; };
  for (bool again = true; again;) {
    again = false;
    uint32_t pc = 0;
    for (size_t i = 0; i < n; i++) {
      address[i] = pc;
      if (!kept(i)) continue;
      pc += 1u + info_of(code_[i]).cache;
      if (far[i] && code_[i].op != Opcode::kJump) pc += 2;
    }
    address[n] = pc;
    for (size_t i = 0; i < n; i++) {
      if (!kept(i) || code_[i].target == kNoLabel || far[i]) continue;
      int64_t from = address[i] + 1 + info_of(code_[i]).cache;
      int64_t distance = static_cast<int64_t>(address[static_cast<size_t>(target_of(code_[i]))]) - from;
      if (distance >= -32768 && distance <= 32767) continue;
      far[i] = 1;
      again = true;
    }
  }
  uint32_t size = address[n];
  out.words = {arena_.make_array<uint64_t>(size), size};
  if (size && !out.words.items) return false;

  Buffer<LiveRow> live;
  Buffer<uint16_t> pool;
  Buffer<PositionRow> positions;
  Buffer<uint64_t> last_set;
  if (!last_set.resize_zeroed(state_words_)) return context_.memory_error();
  BitSet across;
  if (!across.resize(state_words_ * 64)) return context_.memory_error();
  bool first = true;
  Position last_position;
  last_position.line = -1;
  for (size_t i = 0; i < n; i++) {
    if (!kept(i)) continue;
    const Instr& instr = code_[i];
    const OpInfo& info = info_of(instr);
    uint32_t pc = address[i];
    int a = operand(instr.a, info.a), b = operand(instr.b, info.b), c = operand(instr.c, info.c);
    Opcode op = instr.op;
    if (op == Opcode::kLoadK && b > 65535) {
      op = Opcode::kLoadKFar;
      c = b >> 16;
    }
    if (instr.target != kNoLabel) {
      int64_t distance = static_cast<int64_t>(address[static_cast<size_t>(target_of(instr))]) - (pc + 1 + info.cache);
      if (far[i]) {
        uint32_t at = pc;
        if (op != Opcode::kJump) {
          // The instruction jumps over a jump that goes on, to one that goes far.
          uint32_t behind = pc + 1 + info.cache;
          (info.c == Operand::Jump ? c : a) = 1;
          out.words[pc] = encode_word(op, a, b, c);
          for (uint32_t k = 1; k <= info.cache; k++) out.words[pc + k] = 0;
          out.words[behind] = encode_word(Opcode::kJump, 1);
          at = behind + 1;
          distance = static_cast<int64_t>(address[static_cast<size_t>(target_of(instr))]) - (at + 1);
        } else {
          distance = static_cast<int64_t>(address[static_cast<size_t>(target_of(instr))]) - (at + 1);
        }
        auto u = static_cast<uint32_t>(static_cast<int32_t>(distance));
        out.words[at] = encode_word(Opcode::kJumpFar, 0, static_cast<int>(u & 0xFFFF), static_cast<int>(u >> 16));
      } else {
        (info.c == Operand::Jump ? c : a) = static_cast<int>(distance);
      }
    }
    if (!far[i]) {
      out.words[pc] = encode_word(op, a, b, c);
      for (uint32_t k = 1; k <= info.cache; k++) out.words[pc + k] = 0;
    }
    // Live temporaries, where they matter: across what may raise or suspend, and where handlers begin.
    bool handler = reached_[i] & 2;
    if (may_raise(instr) || handler) {
      std::memcpy(across.data(), &states_[i * state_words_], state_words_ * sizeof(uint64_t));
      Effect e = effect_of(instr);
      if (handler) {
        // (Instructions at handlers' starts do not raise.)
        for (const Region& r : unit_.regions) {
          if (first_kept(unit_.labels[static_cast<size_t>(r.handler)]) == static_cast<int32_t>(i)) across.reset(r.exc_register);
        }
      } else {
        for (int k = 0; k < e.consumed_count; k++) across.reset(e.consumed[k]);
        for (int k = 0; k < e.window_count; k++) across.reset(e.window_first + k);
        if (e.in_out >= kFrameHeader) across.reset(e.in_out);
        if (instr.op == Opcode::kSend) across.reset(instr.b);
      }
      if (first || std::memcmp(across.data(), last_set.data(), state_words_ * sizeof(uint64_t)) != 0) {
        LiveRow row{pc, static_cast<uint32_t>(pool.size()), 0};
        for (int t = kFrameHeader; t < unit_.max_depth; t++) {
          if (!across.test(t)) continue;
          row.count++;
          if (!pool.push(static_cast<uint16_t>(t))) return context_.memory_error();
        }
        if ((!first || row.count) && !live.push(row)) return context_.memory_error();
        first = first && !row.count;
        std::memcpy(last_set.data(), across.data(), state_words_ * sizeof(uint64_t));
      }
    }
    if (!(instr.pos == last_position)) {
      PositionRow row{pc, instr.pos.line > 0 ? instr.pos.line : 0, instr.pos.line > 0 ? instr.pos.end_line : 0,
                      instr.pos.line > 0 ? instr.pos.col : -1, instr.pos.line > 0 ? instr.pos.end_col : -1};
      if (!positions.push(row)) return context_.memory_error();
      last_position = instr.pos;
    }
  }

  // Handlers, innermost first.
  Buffer<HandlerRow> handlers;
  Buffer<int32_t> depths;
  for (const Region& region : unit_.regions) {
    int32_t handler = unit_.labels[static_cast<size_t>(region.handler)];
    if (!(reached_[static_cast<size_t>(handler)] & 1)) continue;
    HandlerRow row{address[static_cast<size_t>(region.start)], address[static_cast<size_t>(region.end)],
                   address[static_cast<size_t>(handler)], region.exc_register};
    if (row.start == row.end) continue;
    size_t at = handlers.size();
    if (!handlers.push(row) || !depths.push(region.depth)) return context_.memory_error();
    for (; at > 0 && depths[at - 1] < region.depth; at--) {
      std::swap(handlers[at], handlers[at - 1]);
      std::swap(depths[at], depths[at - 1]);
    }
  }

  auto store = [&](auto& from, auto& to) {
    using T = std::remove_reference_t<decltype(from[0])>;
    to = {arena_.make_array<T>(from.size() + 1), static_cast<uint32_t>(from.size())};
    if (!to.items) return false;
    if (from.size()) std::memcpy(static_cast<void*>(to.items), from.data(), from.size() * sizeof(T));
    return true;
  };
  return store(live, out.live) && store(pool, out.live_pool) && store(positions, out.positions) &&
         store(handlers, out.handlers) && store(unit_.consts, out.consts);
}

// Names of the slots, in order, then of the free variables.
bool Assembler::fill_locals() {
  CodeUnit& out = *unit_.result;
  const auto& locals = unit_.locals.keys();
  uint32_t count = static_cast<uint32_t>(locals.size() + unit_.cells.size() + unit_.free_names.size());
  out.local_names = {arena_.make_array<identifier>(count + 1), count};
  out.local_kinds = {arena_.make_array<uint8_t>(count + 1), count};
  out.names = {arena_.make_array<identifier>(unit_.names.keys().size() + 1),
               static_cast<uint32_t>(unit_.names.keys().size())};
  if (!out.local_names.items || !out.local_kinds.items || !out.names.items) return false;
  uint32_t at = 0;
  for (const void* key : locals) {
    auto name = static_cast<identifier>(key);
    bool cell = scope_of(unit_.scope, name) == NameScope::kCell;
    out.cell_count += cell;
    out.local_names[at] = name;
    out.local_kinds[at++] = static_cast<uint8_t>(kLocalPlain | (cell ? kLocalCell : 0));
  }
  for (identifier name : unit_.cells) {
    out.cell_count++;
    out.local_names[at] = name;
    out.local_kinds[at++] = kLocalCell;
  }
  for (identifier name : unit_.free_names) {
    out.local_names[at] = name;
    out.local_kinds[at++] = kLocalFree;
  }
  out.free_count = static_cast<uint32_t>(unit_.free_names.size());
  for (size_t i = 0; i < unit_.names.keys().size(); i++) out.names[i] = static_cast<identifier>(unit_.names.keys()[i]);
  return true;
}

}  // namespace

bool assemble_unit(PassContext& context, Unit& unit) {
  Assembler assembler(context, unit);
  return assembler.run() && !context.failed();
}

}  // namespace atl::compiler
