// See engine.h.
#include "Modules/sre/engine.h"

#include <cctype>
#include <cstring>

#include "Objects/errors.h"
#include "Objects/object.h"

namespace atl::sre {

namespace {

enum Place : uint32_t {
  kBeginning, kBeginningLine, kBeginningString, kBoundary, kNonBoundary, kEnd, kEndLine, kEndString, kLocBoundary, kLocNonBoundary, kUniBoundary,
  kUniNonBoundary
};

uint32_t loc_lower(uint32_t ch) { return ch < 256 ? static_cast<uint32_t>(std::tolower(static_cast<int>(ch))) : ch; }
uint32_t loc_upper(uint32_t ch) { return ch < 256 ? static_cast<uint32_t>(std::toupper(static_cast<int>(ch))) : ch; }

// For each ASCII character, which of the categories (by half their code) it is in; the locale's own, 4, is not here.
struct AsciiCategories {
  uint16_t of[128];
};
constexpr AsciiCategories make_ascii_categories() {
  AsciiCategories t{};
  for (uint32_t ch = 0; ch < 128; ++ch) {
    bool digit = ch >= '0' && ch <= '9';
    bool space = ch == ' ' || (ch >= 9 && ch <= 13);
    bool word = digit || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
    bool separator = ch >= 28 && ch <= 31;  // white space to Unicode alone
    bool breaks = (ch >= 10 && ch <= 13) || (ch >= 28 && ch <= 30);
    t.of[ch] = static_cast<uint16_t>(digit << 0 | space << 1 | word << 2 | (ch == '\n') << 3 | digit << 5 | (space || separator) << 6 |
                                     word << 7 | breaks << 8);
  }
  return t;
}
constexpr AsciiCategories kAsciiCategories = make_ascii_categories();

bool ascii_word(uint32_t ch) { return ch < 128 && (kAsciiCategories.of[ch] & 1 << 2); }
bool loc_word(uint32_t ch) { return ch < 256 && (std::isalnum(static_cast<int>(ch)) || ch == '_'); }
bool uni_word(uint32_t ch) { return ch < 128 ? ascii_word(ch) : Py_UNICODE_ISALNUM(ch) != 0; }

// Categories come in pairs: a class and what is not in it.
ATOLL_INLINE bool in_category(uint32_t category, uint32_t ch) {
  bool in = false;
  if (ATOLL_LIKELY(ch < 128 && category / 2 != 4 && category / 2 <= 8)) {
    return (kAsciiCategories.of[ch] >> category / 2 & 1) != (category & 1);
  }
  switch (category / 2) {
    case 0: in = ch >= '0' && ch <= '9'; break;
    case 1: in = ch == ' ' || (ch >= 9 && ch <= 13); break;
    case 2: in = ascii_word(ch); break;
    case 3: in = ch == '\n'; break;
    case 4: in = loc_word(ch); break;
    case 5: in = Py_UNICODE_ISDECIMAL(ch) != 0; break;
    case 6: in = Py_UNICODE_ISSPACE(ch) != 0; break;
    case 7: in = uni_word(ch); break;
    case 8: in = Py_UNICODE_ISLINEBREAK(ch) != 0; break;
  }
  return in != (category % 2 == 1);
}

bool in_set(const uint32_t* set, uint32_t ch) {
  bool in = true;
  for (;;) {
    switch (static_cast<Op>(*set++)) {
      case Op::kFailure: return !in;
      case Op::kLiteral:
        if (ch == *set++) return in;
        break;
      case Op::kCategory:
        if (in_category(*set++, ch)) return in;
        break;
      case Op::kCharset:
        if (ch < 256 && (set[ch / 32] >> (ch % 32) & 1)) return in;
        set += 8;
        break;
      case Op::kRange:
        if (set[0] <= ch && ch <= set[1]) return in;
        set += 2;
        break;
      case Op::kRangeUniIgnore: {
        uint32_t upper = _PyUnicode_ToUppercase(ch);
        if ((set[0] <= ch && ch <= set[1]) || (set[0] <= upper && upper <= set[1])) return in;
        set += 2;
        break;
      }
      case Op::kNegate: in = !in; break;
      case Op::kBigCharset: {
        uint32_t blocks = *set++;
        if (ch < 65536) {
          uint32_t block = reinterpret_cast<const uint8_t*>(set)[ch >> 8];
          if ((set + 64 + block * 8)[(ch & 255) / 32] >> (ch % 32) & 1) return in;
        }
        set += 64 + blocks * 8;
        break;
      }
      default: return false;
    }
  }
}

// Literals that stand at the start of what can follow a repetition: a cheap test before trying.
bool starts_with_literal(const uint32_t* pc, uint32_t* ch) {
  if (static_cast<Op>(pc[0]) != Op::kLiteral) return false;
  *ch = pc[1];
  return true;
}

}  // namespace

uint32_t ascii_lower(uint32_t ch) { return ch >= 'A' && ch <= 'Z' ? ch + 32 : ch; }
bool ascii_cased(uint32_t ch) { return (ch | 32) >= 'a' && (ch | 32) <= 'z'; }
bool unicode_cased(uint32_t ch) { return _PyUnicode_ToLowercase(ch) != ch || _PyUnicode_ToUppercase(ch) != ch; }

Matcher::~Matcher() { reset(); }

void Matcher::reset() {
  while (allocated_ != nullptr) std::free(std::exchange(allocated_, allocated_->allocated_before));
  choices_.size = trail_.size = 0;
  repeat_ = nullptr;
  last_index_ = -1;
  for (size_t i = 0; i < groups_; ++i) marks_[i] = {};
}

Matcher::Repeat* Matcher::new_repeat(const uint32_t* op, Repeat* outer, uint32_t count, Py_ssize_t last) {
  auto* r = static_cast<Repeat*>(std::malloc(sizeof(Repeat)));
  if (r == nullptr) return nullptr;
  *r = {op, outer, count, last, allocated_};
  allocated_ = r;
  return r;
}

bool Matcher::set_mark(uint32_t mark, Py_ssize_t value) {
  Py_ssize_t& slot = mark % 2 == 0 ? marks_[mark / 2].start : marks_[mark / 2].end;
  if (!trail_.push({mark, slot, last_index_})) return false;
  slot = value;
  if (mark % 2 == 1) last_index_ = static_cast<int>(mark / 2) + 1;
  return true;
}
void Matcher::undo_to(size_t size) {
  while (trail_.size > size) {
    const Undo& u = trail_.items[--trail_.size];
    (u.mark % 2 == 0 ? marks_[u.mark / 2].start : marks_[u.mark / 2].end) = u.value;
    last_index_ = u.last_index;
  }
}

bool Matcher::at_place(uint32_t where, Py_ssize_t at) const {
  auto boundary = [&](auto word) {
    bool before = at > text_.begin && word(at_index(at - 1));
    bool after = at < text_.end && word(at_index(at));
    return before != after;
  };
  bool empty = text_.begin == text_.end;
  switch (where) {
    case kBeginning:
    case kBeginningString: return at == text_.begin;
    case kBeginningLine: return at == text_.begin || at_index(at - 1) == '\n';
    case kEnd: return at == text_.end || (at + 1 == text_.end && at_index(at) == '\n');
    case kEndLine: return at == text_.end || at_index(at) == '\n';
    case kEndString: return at == text_.end;
    case kBoundary: return !empty && boundary(ascii_word);
    case kNonBoundary: return !empty && !boundary(ascii_word);
    case kLocBoundary: return !empty && boundary(loc_word);
    case kLocNonBoundary: return !empty && !boundary(loc_word);
    case kUniBoundary: return !empty && boundary(uni_word);
    case kUniNonBoundary: return !empty && !boundary(uni_word);
  }
  return false;
}

// Does the one-character item at pc match ch?
template <class Char>
bool Matcher::one(const uint32_t* pc, uint32_t ch) const {
  switch (static_cast<Op>(pc[0])) {
    case Op::kAny: return ch != '\n';
    case Op::kAnyAll: return true;
    case Op::kLiteral: return ch == pc[1];
    case Op::kNotLiteral: return ch != pc[1];
    case Op::kIn: return in_set(pc + 2, ch);
    case Op::kInIgnore: return in_set(pc + 2, ascii_lower(ch));
    case Op::kInUniIgnore: return in_set(pc + 2, _PyUnicode_ToLowercase(ch));
    case Op::kInLocIgnore: {
      uint32_t low = loc_lower(ch), up = loc_upper(ch);
      return in_set(pc + 2, low) || (up != low && in_set(pc + 2, up));
    }
    case Op::kLiteralIgnore: return ascii_lower(ch) == pc[1];
    case Op::kNotLiteralIgnore: return ascii_lower(ch) != pc[1];
    case Op::kLiteralUniIgnore: return _PyUnicode_ToLowercase(ch) == pc[1];
    case Op::kNotLiteralUniIgnore: return _PyUnicode_ToLowercase(ch) != pc[1];
    case Op::kLiteralLocIgnore: return ch == pc[1] || loc_lower(ch) == pc[1] || loc_upper(ch) == pc[1];
    case Op::kNotLiteralLocIgnore: return !(ch == pc[1] || loc_lower(ch) == pc[1] || loc_upper(ch) == pc[1]);
    default: return false;
  }
}

// How often the item matches in a row from `at`, up to `limit` times.
template <class Char>
Py_ssize_t Matcher::count(const uint32_t* pc, Py_ssize_t at, Py_ssize_t limit) const {
  const Char* first = static_cast<const Char*>(text_.data) + at;
  Py_ssize_t room = text_.end - at;
  const Char* last = first + (limit < room ? limit : room);
  const Char* p = first;
  switch (static_cast<Op>(pc[0])) {
    case Op::kAnyAll: p = last; break;
    case Op::kAny:
      while (p < last && *p != '\n') ++p;
      break;
    case Op::kLiteral:
      while (p < last && *p == pc[1]) ++p;
      break;
    case Op::kNotLiteral:
      while (p < last && *p != pc[1]) ++p;
      break;
    case Op::kIn:
      // Most often one category alone.
      if (static_cast<Op>(pc[2]) == Op::kCategory && static_cast<Op>(pc[4]) == Op::kFailure) {
        while (p < last && in_category(pc[3], *p)) ++p;
      } else {
        while (p < last && in_set(pc + 2, *p)) ++p;
      }
      break;
    default:
      while (p < last && one<Char>(pc, *p)) ++p;
  }
  return p - first;
}

template <class Char>
Outcome Matcher::run(const uint32_t* pc, Py_ssize_t at, bool top, Py_ssize_t* end) {
  const Char* text = static_cast<const Char*>(text_.data);
  const size_t floor = choices_.size;
  // Sub-patterns run in a nested call; their choices are dropped when they end, their marks are not.
  auto nested = [&](const uint32_t* from, Py_ssize_t place, Py_ssize_t* stop) {
    size_t choices = choices_.size;
    Repeat* repeat = repeat_;
    Outcome o = run<Char>(from, place, false, stop);
    choices_.size = choices;
    repeat_ = repeat;
    return o;
  };

  for (;;) {
    if ((++ticks_ & 0xffff) == 0 && PyErr_CheckSignals() < 0) return Outcome::kInterrupted;
    bool ok = true;
    switch (static_cast<Op>(pc[0])) {
      case Op::kFailure: ok = false; break;
      case Op::kSuccess:
        if (top && ((whole_ && at != text_.end) || at == not_empty_at_)) {
          ok = false;
          break;
        }
        *end = at;
        return Outcome::kYes;
      case Op::kAny:
      case Op::kAnyAll:
      case Op::kLiteral:
      case Op::kNotLiteral:
      case Op::kLiteralIgnore:
      case Op::kNotLiteralIgnore:
      case Op::kLiteralUniIgnore:
      case Op::kNotLiteralUniIgnore:
      case Op::kLiteralLocIgnore:
      case Op::kNotLiteralLocIgnore: {
        ok = at < text_.end && one<Char>(pc, text[at]);
        ++at;
        pc += static_cast<Op>(pc[0]) == Op::kAny || static_cast<Op>(pc[0]) == Op::kAnyAll ? 1 : 2;
        break;
      }
      case Op::kIn:
      case Op::kInIgnore:
      case Op::kInUniIgnore:
      case Op::kInLocIgnore:
        ok = at < text_.end && one<Char>(pc, text[at]);
        ++at;
        pc += 1 + pc[1];
        break;
      case Op::kAt:
        ok = at_place(pc[1], at);
        pc += 2;
        break;
      case Op::kCategory:
        ok = at < text_.end && in_category(pc[1], text[at]);
        ++at;
        pc += 2;
        break;
      case Op::kMark:
        if (!set_mark(pc[1], at)) return Outcome::kNoMemory;
        pc += 2;
        break;
      case Op::kInfo:
      case Op::kJump: pc += 1 + pc[1]; break;
      case Op::kBranch:
        if (!choices_.push({Choice::kBranch, pc + 1 + pc[1], at, 0, repeat_, trail_.size})) return Outcome::kNoMemory;
        pc += 2;
        break;
      case Op::kGroupRef:
      case Op::kGroupRefIgnore:
      case Op::kGroupRefUniIgnore:
      case Op::kGroupRefLocIgnore: {
        const Mark& m = marks_[pc[1]];
        Op op = static_cast<Op>(pc[0]);
        ok = m.set() && m.end - m.start <= text_.end - at;
        for (Py_ssize_t i = m.start; ok && i < m.end; ++i, ++at) {
          uint32_t a = text[i], b = text[at];
          ok = op == Op::kGroupRef          ? a == b
               : op == Op::kGroupRefIgnore  ? ascii_lower(a) == ascii_lower(b)
               : op == Op::kGroupRefLocIgnore ? loc_lower(a) == loc_lower(b)
                                            : _PyUnicode_ToLowercase(a) == _PyUnicode_ToLowercase(b);
        }
        pc += 2;
        break;
      }
      case Op::kGroupRefExists: pc = marks_[pc[1]].set() ? pc + 3 : pc + 1 + pc[2]; break;
      case Op::kAssert:
      case Op::kAssertNot: {
        bool negative = static_cast<Op>(pc[0]) == Op::kAssertNot;
        Py_ssize_t from = at - static_cast<Py_ssize_t>(pc[2]), stop;
        size_t trail = trail_.size;
        Outcome o = from >= text_.begin ? nested(pc + 3, from, &stop) : Outcome::kNo;
        if (o > Outcome::kYes) return o;
        if (negative || o == Outcome::kNo) undo_to(trail);
        ok = (o == Outcome::kYes) != negative;
        pc += 1 + pc[1];
        break;
      }
      case Op::kAtomicGroup: {
        Outcome o = nested(pc + 2, at, &at);
        if (o > Outcome::kYes) return o;
        ok = o == Outcome::kYes;
        pc += 1 + pc[1];
        break;
      }
      case Op::kRepeatOne:
      case Op::kPossessiveRepeatOne: {
        Py_ssize_t low = pc[2];
        Py_ssize_t n = count<Char>(pc + 4, at, pc[3] == kMaxRepeat ? PY_SSIZE_T_MAX : static_cast<Py_ssize_t>(pc[3]));
        ok = n >= low;
        if (!ok) break;
        const uint32_t* tail = pc + 1 + pc[1];
        if (n > low && static_cast<Op>(pc[0]) == Op::kRepeatOne &&
            !choices_.push({Choice::kGreedyOne, tail, at + n, at + low, repeat_, trail_.size})) {
          return Outcome::kNoMemory;
        }
        at += n;
        pc = tail;
        break;
      }
      case Op::kMinRepeatOne: {
        Py_ssize_t low = pc[2];
        ok = count<Char>(pc + 4, at, low) >= low;
        if (!ok) break;
        at += low;
        Py_ssize_t more = pc[3] == kMaxRepeat ? PY_SSIZE_T_MAX : static_cast<Py_ssize_t>(pc[3]) - low;
        if (more > 0 && !choices_.push({Choice::kLazyOne, pc, at, more, repeat_, trail_.size})) return Outcome::kNoMemory;
        pc += 1 + pc[1];
        break;
      }
      case Op::kPossessiveRepeat: {
        uint32_t done = 0;
        while (pc[3] == kMaxRepeat || done < pc[3]) {
          Py_ssize_t stop;
          size_t trail = trail_.size;
          Outcome o = nested(pc + 4, at, &stop);
          if (o > Outcome::kYes) return o;
          if (o == Outcome::kNo) {
            undo_to(trail);
            break;
          }
          ++done;
          bool stuck = stop == at;
          at = stop;
          if (stuck && done >= pc[2]) break;
        }
        ok = done >= pc[2];
        pc += 2 + pc[1];
        break;
      }
      case Op::kRepeat:
        repeat_ = new_repeat(pc, repeat_, 0, -1);
        if (repeat_ == nullptr) return Outcome::kNoMemory;
        pc += 1 + pc[1];  // the UNTIL, which decides about the first iteration too
        break;
      case Op::kMaxUntil:
      case Op::kMinUntil: {
        bool greedy = static_cast<Op>(pc[0]) == Op::kMaxUntil;
        Repeat* r = repeat_;
        const uint32_t* op = r->op;
        const uint32_t* tail = pc + 1;
        if (r->count < op[2]) {
          repeat_ = new_repeat(op, r->outer, r->count + 1, r->last);
          if (repeat_ == nullptr) return Outcome::kNoMemory;
          pc = op + 4;
          break;
        }
        // An iteration that has matched nothing is the last.
        bool again = (op[3] == kMaxRepeat || r->count < op[3]) && at != r->last;
        if (!again) {
          repeat_ = r->outer;
          pc = tail;
          break;
        }
        Repeat* next = new_repeat(op, r->outer, r->count + 1, at);
        if (next == nullptr) return Outcome::kNoMemory;
        Saved other{Choice::kResume, greedy ? tail : op + 4, at, 0, greedy ? r->outer : next, trail_.size};
        if (!choices_.push(other)) return Outcome::kNoMemory;
        repeat_ = greedy ? next : r->outer;
        pc = greedy ? op + 4 : tail;
        break;
      }
      default: (void)raise(ts_, PyExc_RuntimeError, "invalid SRE code"); return Outcome::kInterrupted;
    }
    if (ok) continue;

    // The latest choice that has another way.
    for (;;) {
      if (choices_.size == floor) return Outcome::kNo;
      Saved& s = choices_.items[choices_.size - 1];
      undo_to(s.trail);
      repeat_ = s.repeat;
      if (s.kind == Choice::kResume) {
        pc = s.pc;
        at = s.at;
        --choices_.size;
        break;
      }
      if (s.kind == Choice::kBranch) {
        if (*s.pc == 0) {
          --choices_.size;
          continue;
        }
        pc = s.pc + 1;
        at = s.at;
        s.pc += *s.pc;
        break;
      }
      if (s.kind == Choice::kGreedyOne) {
        pc = s.pc;
        Py_ssize_t place = s.at - 1;
        uint32_t ch;
        if (starts_with_literal(pc, &ch)) {
          while (place >= s.low && (place >= text_.end || text[place] != ch)) --place;
        }
        if (place <= s.low) {
          --choices_.size;
          if (place < s.low) continue;
        } else {
          s.at = place;
        }
        at = place;
        break;
      }
      if (s.at >= text_.end || !one<Char>(s.pc + 4, text[s.at])) {
        --choices_.size;
        continue;
      }
      at = ++s.at;
      pc = s.pc + 1 + s.pc[1];
      if (--s.low == 0) --choices_.size;
      break;
    }
  }
}

Outcome Matcher::match(Py_ssize_t at, bool whole, Match* out) {
  reset();
  whole_ = whole;
  out->start = at;
  Outcome o = run_any(code_, at, true, &out->end);
  out->last_index = last_index_;
  return o;
}

Outcome Matcher::search(Py_ssize_t at, Py_ssize_t not_empty_at, Match* out) {
  whole_ = false;
  const uint32_t* pc = code_;
  uint32_t first = 0;
  bool literal = false;
  const uint32_t* set = nullptr;
  Py_ssize_t min_width = 0;
  if (static_cast<Op>(pc[0]) == Op::kInfo) {
    uint32_t flags = pc[2];
    min_width = pc[3];
    if (flags & 1) {
      literal = true;
      first = pc[7];  // after skip, flags, min, max: the prefix's length, its skip, the prefix
    } else if (flags & 4) {
      set = pc + 5;
    }
  }
  // What is tied to the beginning is tried once.
  const uint32_t* body = static_cast<Op>(pc[0]) == Op::kInfo ? pc + 1 + pc[1] : pc;
  const bool anchored = static_cast<Op>(body[0]) == Op::kAt && (body[1] == kBeginning || body[1] == kBeginningString);
  const Py_ssize_t last = anchored && at + min_width <= text_.end ? at : text_.end - min_width;
  for (Py_ssize_t place = at; place <= last; ++place) {
    if (literal) {
      if (text_.kind == 1 && first < 256) {
        const auto* base = static_cast<const uint8_t*>(text_.data);
        const void* hit = place < text_.end ? std::memchr(base + place, static_cast<int>(first), static_cast<size_t>(text_.end - place)) : nullptr;
        if (hit == nullptr) return Outcome::kNo;
        place = static_cast<const uint8_t*>(hit) - base;
      } else {
        while (place < text_.end && at_index(place) != first) ++place;
        if (place >= text_.end) return Outcome::kNo;
      }
    } else if (set != nullptr) {
      while (place < text_.end && !in_set(set, at_index(place))) ++place;
      if (place >= text_.end) return Outcome::kNo;
    }
    reset();
    not_empty_at_ = place == not_empty_at ? place : -1;
    Outcome o = run_any(code_, place, true, &out->end);
    if (o != Outcome::kNo) {
      out->start = place;
      out->last_index = last_index_;
      return o;
    }
  }
  return Outcome::kNo;
}

// ---- checking ----------------------------------------------------------------------------------------------------

namespace {

struct Checker {
  const uint32_t* end;
  size_t groups;

  bool set(const uint32_t* p, const uint32_t* stop) const {
    while (p < stop) {
      switch (static_cast<Op>(*p++)) {
        case Op::kFailure: return p == stop;
        case Op::kNegate: break;
        case Op::kLiteral:
          if (stop - p < 1) return false;
          ++p;
          break;
        case Op::kCategory:
          if (stop - p < 1 || *p++ > 17) return false;
          break;
        case Op::kRange:
        case Op::kRangeUniIgnore:
          if (stop - p < 2) return false;
          p += 2;
          break;
        case Op::kCharset:
          if (stop - p < 8) return false;
          p += 8;
          break;
        case Op::kBigCharset: {
          if (stop - p < 65) return false;
          uint32_t blocks = *p++;
          const auto* index = reinterpret_cast<const uint8_t*>(p);
          for (int i = 0; i < 256; ++i) {
            if (index[i] >= blocks) return false;
          }
          p += 64;
          if (blocks > 256 || stop - p < static_cast<ptrdiff_t>(blocks) * 8) return false;
          p += blocks * 8;
          break;
        }
        default: return false;
      }
    }
    return false;
  }
  // From p to stop exactly, no SUCCESS at the end included.
  bool body(const uint32_t* p, const uint32_t* stop, int depth) const {
    if (depth > 500) return false;
    while (p < stop) {
      Op op = static_cast<Op>(*p);
      auto left = stop - p;
      auto skip_to = [&](int at) { return left > at && p[at] <= static_cast<uint32_t>(left - at) ? p + at + p[at] : nullptr; };
      switch (op) {
        case Op::kSuccess:
        case Op::kFailure:
        case Op::kAny:
        case Op::kAnyAll: ++p; break;
        case Op::kLiteral: case Op::kNotLiteral: case Op::kLiteralIgnore: case Op::kNotLiteralIgnore: case Op::kLiteralUniIgnore:
        case Op::kNotLiteralUniIgnore: case Op::kLiteralLocIgnore: case Op::kNotLiteralLocIgnore:
          if (left < 2) return false;
          p += 2;
          break;
        case Op::kAt:
          if (left < 2 || p[1] > 11) return false;
          p += 2;
          break;
        case Op::kCategory:
          if (left < 2 || p[1] > 17) return false;
          p += 2;
          break;
        case Op::kMark:
          if (left < 2 || p[1] >= groups * 2) return false;
          p += 2;
          break;
        case Op::kGroupRef: case Op::kGroupRefIgnore: case Op::kGroupRefUniIgnore: case Op::kGroupRefLocIgnore:
          if (left < 2 || p[1] >= groups) return false;
          p += 2;
          break;
        case Op::kIn: case Op::kInIgnore: case Op::kInUniIgnore: case Op::kInLocIgnore: {
          const uint32_t* to = skip_to(1);
          if (to == nullptr || !set(p + 2, to)) return false;
          p = to;
          break;
        }
        case Op::kInfo: {
          const uint32_t* to = skip_to(1);
          if (to == nullptr || p[1] < 4 || ((p[2] & 1) && p[1] < 7) || ((p[2] & 4) && !(p[2] & 1) && !set(p + 5, to))) return false;
          p = to;
          break;
        }
        case Op::kJump: return false;  // only inside branches and conditions
        case Op::kBranch: {
          const uint32_t* slot = p + 1;
          const uint32_t* target = nullptr;
          while (slot < stop && *slot != 0) {
            if (*slot > static_cast<uint32_t>(stop - slot) || *slot < 3) return false;
            const uint32_t* next = slot + *slot;
            if (static_cast<Op>(next[-2]) != Op::kJump || next[-1] > static_cast<uint32_t>(stop - (next - 1))) return false;
            const uint32_t* to = next - 1 + next[-1];
            if ((target != nullptr && to != target) || !body(slot + 1, next - 2, depth + 1)) return false;
            target = to;
            slot = next;
          }
          if (slot >= stop || target != slot + 1) return false;
          p = target;
          break;
        }
        case Op::kGroupRefExists: {
          if (left < 3 || p[1] >= groups || p[2] < 2 || p[2] > static_cast<uint32_t>(left - 1)) return false;
          const uint32_t* other = p + 1 + p[2];
          if (other - 2 >= p + 3 && static_cast<Op>(other[-2]) == Op::kJump && other[-1] >= 1 &&
              other[-1] <= static_cast<uint32_t>(stop - (other - 1)) && body(p + 3, other - 2, depth + 1)) {
            const uint32_t* to = other - 1 + other[-1];
            if (!body(other, to, depth + 1)) return false;
            p = to;
          } else {
            if (!body(p + 3, other, depth + 1)) return false;
            p = other;
          }
          break;
        }
        case Op::kAssert:
        case Op::kAssertNot: {
          const uint32_t* to = skip_to(1);
          if (to == nullptr || p[1] < 3 || static_cast<Op>(to[-1]) != Op::kSuccess || !body(p + 3, to, depth + 1)) return false;
          p = to;
          break;
        }
        case Op::kAtomicGroup: {
          const uint32_t* to = skip_to(1);
          if (to == nullptr || p[1] < 2 || static_cast<Op>(to[-1]) != Op::kSuccess || !body(p + 2, to, depth + 1)) return false;
          p = to;
          break;
        }
        case Op::kRepeatOne:
        case Op::kMinRepeatOne:
        case Op::kPossessiveRepeatOne: {
          const uint32_t* to = skip_to(1);
          if (to == nullptr || p[1] < 5 || p[2] > p[3] || static_cast<Op>(to[-1]) != Op::kSuccess || !body(p + 4, to - 1, depth + 1)) return false;
          p = to;
          break;
        }
        case Op::kRepeat:
        case Op::kPossessiveRepeat: {
          const uint32_t* to = skip_to(1);
          if (to == nullptr || to >= stop || p[1] < 3 || p[2] > p[3] || !body(p + 4, to, depth + 1)) return false;
          Op until = static_cast<Op>(*to);
          bool right = op == Op::kRepeat ? until == Op::kMaxUntil || until == Op::kMinUntil : until == Op::kSuccess;
          if (!right) return false;
          p = to + 1;
          break;
        }
        default: return false;
      }
    }
    return p == stop;
  }
};

}  // namespace

bool code_valid(const uint32_t* code, size_t n, size_t groups) {
  if (n == 0 || static_cast<Op>(code[n - 1]) != Op::kSuccess) return false;
  return Checker{code + n, groups}.body(code, code + n, 0);
}

}  // namespace atl::sre
