// The matcher of regular expressions: runs the code that the library's re._compiler makes.
//
// One loop with a stack of choices of its own: matching takes no C stack, however long the text. What is changed on
// the way (group marks) is put on a trail and undone when a choice is taken back; the state of repetitions is a chain
// of immutable nodes, so that a choice only has to remember one pointer.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "Python/runtime/ref.h"
#include "Python/runtime/thread_state.h"

namespace atl::sre {

// Numbers of re._constants for magic 20220615.
enum class Op : uint32_t {
  kFailure, kSuccess, kAny, kAnyAll, kAssert, kAssertNot, kAt, kBranch, kCategory, kCharset, kBigCharset, kGroupRef, kGroupRefExists, kIn, kInfo,
  kJump, kLiteral, kMark, kMaxUntil, kMinUntil, kNotLiteral, kNegate, kRange, kRepeat, kRepeatOne, kSubpattern, kMinRepeatOne, kAtomicGroup,
  kPossessiveRepeat, kPossessiveRepeatOne, kGroupRefIgnore, kInIgnore, kLiteralIgnore, kNotLiteralIgnore, kGroupRefLocIgnore, kInLocIgnore,
  kLiteralLocIgnore, kNotLiteralLocIgnore, kGroupRefUniIgnore, kInUniIgnore, kLiteralUniIgnore, kNotLiteralUniIgnore, kRangeUniIgnore, kCount
};
inline constexpr uint32_t kMagic = 20220615;
inline constexpr uint32_t kMaxRepeat = 0xffffffff;

// Growing memory of plain items; grow() says false without memory.
template <class T>
struct Stack {
  T* items = nullptr;
  size_t size = 0, room = 0;
  Stack() = default;
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() { std::free(items); }
  bool push(const T& v) {
    if (size == room) {
      size_t more = room * 2 + 32;
      auto* p = static_cast<T*>(std::realloc(static_cast<void*>(items), more * sizeof(T)));
      if (p == nullptr) return false;
      items = p;
      room = more;
    }
    items[size++] = v;
    return true;
  }
};

struct Text {
  const void* data;
  int kind;  // bytes per character: 1, 2, 4
  Py_ssize_t begin = 0;
  Py_ssize_t end;  // where the text ends for the pattern (endpos)
};

enum class Outcome : int8_t { kNo, kYes, kNoMemory, kInterrupted /* an exception is set */ };

struct Mark {
  Py_ssize_t start = -1, end = -1;
  bool set() const { return start >= 0 && end >= start; }
};

struct Match {
  Py_ssize_t start, end;
  int last_index;  // group closed last, or -1
};

class Matcher {
 public:
  // `marks` has one Mark per group, owned by the caller.
  Matcher(ThreadState& ts, const uint32_t* code, const Text& text, Mark* marks, size_t groups)
      : ts_(ts), code_(code), text_(text), marks_(marks), groups_(groups) {}
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;
  ~Matcher();

  // At `at` exactly; whole: up to the end of the text.
  Outcome match(Py_ssize_t at, bool whole, Match* out);
  // At the first possible place from `at` on. not_empty_at: an empty match there does not count; -1 for none.
  Outcome search(Py_ssize_t at, Py_ssize_t not_empty_at, Match* out);
  void set_not_empty_at(Py_ssize_t at) { not_empty_at_ = at; }

 private:
  struct Repeat {  // one per iteration that has begun
    const uint32_t* op;
    Repeat* outer;
    uint32_t count;
    Py_ssize_t last;
    Repeat* allocated_before;
  };
  enum class Choice : uint8_t { kBranch, kResume, kGreedyOne, kLazyOne };
  struct Saved {
    Choice kind;
    const uint32_t* pc;
    Py_ssize_t at;
    Py_ssize_t low;  // greedy: the leftmost place; lazy: how many more items
    Repeat* repeat;
    size_t trail;
  };
  struct Undo {
    uint32_t mark;
    Py_ssize_t value;
    int last_index;
  };

  template <class Char>
  Outcome run(const uint32_t* pc, Py_ssize_t at, bool top, Py_ssize_t* end);
  Outcome run_any(const uint32_t* pc, Py_ssize_t at, bool top, Py_ssize_t* end) {
    return text_.kind == 1   ? run<uint8_t>(pc, at, top, end)
           : text_.kind == 2 ? run<uint16_t>(pc, at, top, end)
                             : run<uint32_t>(pc, at, top, end);
  }
  template <class Char>
  bool one(const uint32_t* pc, uint32_t ch) const;
  template <class Char>
  Py_ssize_t count(const uint32_t* pc, Py_ssize_t at, Py_ssize_t limit) const;
  uint32_t at_index(Py_ssize_t i) const {
    return text_.kind == 1   ? static_cast<const uint8_t*>(text_.data)[i]
           : text_.kind == 2 ? static_cast<const uint16_t*>(text_.data)[i]
                             : static_cast<const uint32_t*>(text_.data)[i];
  }
  bool at_place(uint32_t where, Py_ssize_t at) const;
  Repeat* new_repeat(const uint32_t* op, Repeat* outer, uint32_t count, Py_ssize_t last);
  bool set_mark(uint32_t mark, Py_ssize_t value);
  void undo_to(size_t size);
  void reset();

  ThreadState& ts_;
  const uint32_t* code_;
  Text text_;
  Mark* marks_;
  size_t groups_;
  Stack<Saved> choices_;
  Stack<Undo> trail_;
  Repeat* allocated_ = nullptr;
  Repeat* repeat_ = nullptr;
  int last_index_ = -1;
  bool whole_ = false;
  Py_ssize_t not_empty_at_ = -1;
  uint32_t ticks_ = 0;
};

bool ascii_cased(uint32_t ch);
bool unicode_cased(uint32_t ch);
uint32_t ascii_lower(uint32_t ch);
// Is the code well-formed: every jump and set inside, groups below the count? Run once when a pattern is made.
bool code_valid(const uint32_t* code, size_t n, size_t groups);

}  // namespace atl::sre
