// What outlives an interpreter: the gate that whoever holds a bare pointer to it goes through.
//
// The memory of an Interpreter is never given to anybody but the next Interpreter while the runtime is up, and the gate
// in front of it is never made anew. A pointer that somebody has kept too long therefore finds a closed gate, or a younger
// interpreter in the same place; never memory that has become something else. Who must not mistake one for the other uses
// a number, a guard or a view.
#pragma once

#include <sched.h>

#include <atomic>

#include "Python/runtime/base.h"

namespace atl {

class PostGate {
 public:
  // False: it is closed. True: it stays open, and the interpreter there, until leave().
  bool enter() {
    if (!(word_.fetch_add(1, std::memory_order_seq_cst) & kClosed)) return true;
    leave();
    return false;
  }
  void leave() { word_.fetch_sub(1, std::memory_order_release); }
  void open() { word_.fetch_and(~kClosed, std::memory_order_release); }
  // Nobody is inside when it returns. Who is inside stays there for some dozens of instructions only.
  void close() {
    word_.fetch_or(kClosed, std::memory_order_seq_cst);
    while ((word_.load(std::memory_order_acquire) & ~kClosed) != 0) sched_yield();
  }

 private:
  static constexpr uint32_t kClosed = 1u << 31;
  std::atomic<uint32_t> word_{kClosed};
};

inline constexpr size_t kGateRoom = 64;
static_assert(sizeof(PostGate) <= kGateRoom);

inline PostGate& post_gate(Interpreter* interp) {
  return *reinterpret_cast<PostGate*>(reinterpret_cast<char*>(interp) - kGateRoom);
}

// A zeroed Interpreter whose constructor has run and whose gate is open; NULL without memory.
Interpreter* interpreter_struct_new();
// Runs the destructor and keeps the memory for the next one. The gate is closed afterwards.
void interpreter_struct_free(Interpreter* interp);
// The runtime has ended: what is kept goes back.
void interpreter_structs_drop();

}  // namespace atl
