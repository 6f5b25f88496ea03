// frame.f_lineno = n: going on somewhere else in the running frame.
//
// A jump is possible where all temporaries that the place expects are there, each of its kind; those that are not
// expected any more are let go, which ends loops, with blocks (without calling __exit__) and except blocks. What stands
// in a temporary is found by following the code from its beginning, once for each jump.
#include <algorithm>
#include <vector>

#include "Python/vm/internal.h"

namespace atl {

namespace {

enum Kind : uint8_t {
  kNone,      // nothing is there
  kValue,     // part of an expression: only what the same instruction has put there is the same
  kIterator,  // of a loop
  kExit,      // of a with block
  kCaught,    // the exception of a handler: of the same handler
  kFormer,    // the exception that was handled before: ExcEnter put it there
};

// What a temporary holds, and the instruction that put it there.
struct Held {
  Kind kind = kNone;
  uint32_t by = 0;
};

const char* why_not(Kind top) {
  switch (top) {
    case kIterator: return "can't jump into the body of a for loop";
    case kCaught:
    case kFormer: return "can't jump into an 'except' block as there's no exception";
    default: return "incompatible stacks";
  }
}

struct Word {
  Opcode op;
  const OpInfo& info;
  int operand[3];
  Operand kind[3];

  explicit Word(uint64_t w)
      : op(static_cast<Opcode>(w & 0xffff)),
        info(kOpInfo[w & 0xffff]),
        operand{static_cast<int16_t>(w >> 16), static_cast<int16_t>(w >> 32), static_cast<int16_t>(static_cast<int64_t>(w) >> 48)},
        kind{info.a, info.b, info.c} {}
  uint32_t size() const { return 1u + info.cache; }
  // Temporaries of the window that are in use: what is below the operand's first.
  int window_size() const {
    const int c = operand[2];
    switch (op) {
      case Opcode::kCall:
      case Opcode::kCallM: return 2 + c;
      case Opcode::kCallKw:
      case Opcode::kCallMKw:
      case Opcode::kMatchClass: return 3 + (op == Opcode::kMatchClass ? 0 : c);
      case Opcode::kCallEx: return c != 0 ? 4 : 3;
      case Opcode::kMakeFunction: return 1 + __builtin_popcount(static_cast<unsigned>(c));
      case Opcode::kBuildMap: return 2 * c;
      case Opcode::kBuildConstMap: return c + 1;
      case Opcode::kImportName: return 2;
      default: return c;
    }
  }
};

using Kinds = std::vector<Held>;  // by register

class Places {
 public:
  explicit Places(const CodeImage* image)
      : image_(image), width_(image->ntemps), kinds_(static_cast<size_t>(image->word_count) * width_), reached_(image->word_count, false) {
    follow();
  }
  bool reached(uint32_t at) const { return reached_[at]; }

  // What is there before the instruction.
  Kinds alive(uint32_t at) const { return Kinds(kinds_.begin() + static_cast<ptrdiff_t>(at * width_), kinds_.begin() + static_cast<ptrdiff_t>((at + 1) * width_)); }

 private:
  void arrive(uint32_t at, const Kinds& kinds) {
    if (at >= image_->word_count || reached_[at]) return;
    reached_[at] = true;
    std::copy(kinds.begin(), kinds.end(), kinds_.begin() + static_cast<ptrdiff_t>(at * width_));
    queue_.push_back(at);
  }

  // A handler keeps what its live set names, and has the exception.
  void arrive_raising(const HandlerRow& row, const Kinds& kinds) {
    if (reached_[row.handler]) return;
    Kinds kept(width_);
    const LiveRow* live = image_live(image_, row.handler);
    for (uint32_t i = 0; live != nullptr && live->pc <= row.handler && i < live->count; ++i) {
      const uint16_t reg = image_->live_pool[live->first + i];
      kept[reg] = kinds[reg];
    }
    kept[static_cast<size_t>(row.exc_register)] = {kCaught, row.handler};
    arrive(row.handler, kept);
  }

  void set(Kinds& kinds, int first, int count, Held held) {
    for (int i = first; i < first + count; ++i) {
      if (i >= kFrameHeader && static_cast<size_t>(i) < width_) kinds[static_cast<size_t>(i)] = held;
    }
  }

  static Held made_by(const Word& w, uint32_t at, const Kinds& before) {
    switch (w.op) {
      case Opcode::kGetIter:
      case Opcode::kGetAIter: return {kIterator, at};
      case Opcode::kExcEnter: return {kFormer, at};
      case Opcode::kMove:
      case Opcode::kDup:
        if (w.operand[1] >= kFrameHeader) return before[static_cast<size_t>(w.operand[1])];
        return {kValue, at};
      default: return {kValue, at};
    }
  }

  void define(const Word& w, uint32_t at, const Kinds& before, Kinds& kinds) {
    const Kind pair = w.op == Opcode::kWithLoad || w.op == Opcode::kAsyncWithLoad ? kExit : kValue;
    for (int k = 0; k < 3; ++k) {
      const int o = w.operand[k], c = w.operand[2];
      switch (w.kind[k]) {
        case Operand::Dst: set(kinds, o, 1, made_by(w, at, before)); break;
        case Operand::Dst2: set(kinds, o, 2, {pair, at}); break;
        case Operand::Dst3: set(kinds, o, 3, {kValue, at}); break;
        case Operand::DstN: set(kinds, o, w.op == Opcode::kUnpackEx ? (c & 0xff) + 1 + (c >> 8) : c, {kValue, at}); break;
        default: break;
      }
    }
  }

  void follow() {
    arrive(0, Kinds(width_));
    while (!queue_.empty()) {
      const uint32_t at = queue_.back();
      queue_.pop_back();
      const Kinds before = alive(at);
      for (uint32_t i = 0; i < image_->handler_count; ++i) {
        const HandlerRow& row = image_->handlers[i];
        if (row.start <= at && at < row.end) arrive_raising(row, before);
      }
      const Word w(image_->words[at]);
      // What it takes: a loop's iterator and a value that is kept on a jump go where it falls through.
      Kinds fall = before;
      for (int k = 0; k < 3; ++k) {
        if (w.kind[k] == Operand::Src) set(fall, w.operand[k], 1, {});
        if (w.kind[k] == Operand::Win && w.op != Opcode::kSend) set(fall, w.operand[k], w.window_size(), {});
      }
      if (w.op == Opcode::kSend) set(fall, w.operand[1] + 1, 1, {});
      Kinds jump = fall;
      const bool keeps_on_jump = w.op == Opcode::kForIter || w.op == Opcode::kJTKeep || w.op == Opcode::kJFKeep;
      for (int k = 0; k < 3; ++k) {
        if (w.kind[k] == Operand::InOut && keeps_on_jump) set(fall, w.operand[k], 1, {});
      }
      if (w.op == Opcode::kSend) set(jump, w.operand[1], 1, {});
      define(w, at, before, jump);
      if (w.op != Opcode::kForIter) define(w, at, before, fall);
      const uint32_t next = at + w.size();
      for (int k = 0; k < 3; ++k) {
        if (w.kind[k] == Operand::Jump) arrive(next + static_cast<uint32_t>(w.operand[k]), jump);
      }
      if (w.op == Opcode::kJumpFar) arrive(next + static_cast<uint32_t>(image_->words[at] >> 32), jump);
      if (!(w.info.flags & kEnds)) arrive(next, fall);
    }
  }

  const CodeImage* image_;
  size_t width_;
  Kinds kinds_;  // before each instruction
  std::vector<bool> reached_;
  std::vector<uint32_t> queue_;
};

// All that `to` expects is there.
bool compatible(const Kinds& from, const Kinds& to) {
  for (size_t r = 0; r < to.size(); ++r) {
    if (to[r].kind == kNone) continue;
    if (from[r].kind != to[r].kind) return false;
    if ((to[r].kind == kValue || to[r].kind == kCaught) && from[r].by != to[r].by) return false;
  }
  return true;
}

Kind top_of(const Kinds& kinds) {
  for (size_t r = kinds.size(); r-- > 0;) {
    if (kinds[r].kind != kNone) return kinds[r].kind;
  }
  return kNone;
}
size_t count_of(const Kinds& kinds) {
  return static_cast<size_t>(std::count_if(kinds.begin(), kinds.end(), [](Held h) { return h.kind != kNone; }));
}

}  // namespace

Status frame_find_jump(ThreadState& ts, CodeObject* code, uint32_t from, int line, uint32_t* to) {
  const CodeImage* image = code->image;
  // The nearest line at or behind the wanted one that has code of its own.
  int best = INT32_MAX;
  for (uint32_t i = 0; i < image->position_count; ++i) {
    int l = image->positions[i].line;
    if (l >= line && l < best) best = l;
  }
  if (line < code->head.co_firstlineno) return raise(ts, PyExc_ValueError, "line %d comes before the current code block", line);
  if (best == INT32_MAX) return raise(ts, PyExc_ValueError, "line %d comes after the current code block", line);
  Places places(image);
  const Kinds here = places.alive(from);
  const char* error = "cannot find bytecode for specified line";
  bool found = false;
  size_t deepest = 0;
  for (uint32_t i = 0; i < image->position_count; ++i) {
    const PositionRow& row = image->positions[i];
    if (row.line != best || (i > 0 && image->positions[i - 1].line == best)) continue;
    if (!places.reached(row.pc)) {
      if (!found) error = "can't jump into an exception handler, or code may be unreachable";
      continue;
    }
    const Kinds there = places.alive(row.pc);
    if (compatible(here, there)) {
      if (found && count_of(there) <= deepest) continue;
      found = true;
      deepest = count_of(there);
      *to = row.pc;
    } else if (!found) {
      error = why_not(top_of(there));
    }
  }
  return found ? Status::kOk : raise(ts, PyExc_ValueError, "%s", error);
}

void frame_jump(ThreadState& ts, Slot* base, uint32_t from, uint32_t to) {
  CodeObject* code = frame_code(base);
  Places places(code->image);
  const Kinds here = places.alive(from), there = places.alive(to);
  for (size_t r = here.size(); r-- > 0;) {
    if (here[r].kind == kNone || there[r].kind != kNone) continue;
    PyObject* gone = std::exchange(base[r].o, nullptr);
    if (here[r].kind == kFormer) gone = std::exchange(ts.exc_info->exc_value, gone == Py_None ? nullptr : gone);
    xdecref(gone);
  }
  // The compiler has proved of some places that a local is bound there; a jump can make that wrong.
  Slot* locals = frame_locals(base);
  for (uint32_t i = 0; i < code->image->local_name_count && i < code->nlocals; ++i) {
    if (locals[i].o == nullptr && code->image->local_names[i] != nullptr) locals[i].o = new_ref(Py_None);
  }
}

}  // namespace atl
