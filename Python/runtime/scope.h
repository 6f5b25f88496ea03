// Finding interpreters by number, keeping them from ending, and entering them.
//
// A thread never holds two interpreters' locks: entering another one first gives up the lock of the one it is in, and
// leaving takes it back afterwards.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// The interpreter of an id, kept from ending until unpin; NULL when there is none or it is ending.
Interpreter* interpreter_pin(int64_t id);
void interpreter_unpin(Interpreter* interp);
// Ids of all interpreters, oldest first: how many were written, at most `room`, and how many there are.
size_t interpreter_list(int64_t* ids, size_t room);

// One thread at a time runs code in an interpreter's __main__. False: somebody does already.
bool interpreter_claim_main(Interpreter* interp);
void interpreter_release_main(Interpreter* interp);
bool interpreter_is_running(Interpreter* interp);

// Begins its end: from now on nobody can pin it. The caller holds a pin, which is used up when the answer is kOk.
enum class CloseAnswer { kOk, kRunning, kInUse };
CloseAnswer interpreter_begin_close(Interpreter* interp);

// A thread state is taken over by the thread that runs with `from` (NULL: attach finds the stack's bounds).
void thread_moves_to(ThreadState* to, const ThreadState* from);

// For code that is attached (`from`) or not (NULL): attached to `target`, which is pinned, until the end of the scope.
class [[nodiscard]] InterpreterScope {
 public:
  InterpreterScope(ThreadState* from, Interpreter* target);
  InterpreterScope(const InterpreterScope&) = delete;
  InterpreterScope& operator=(const InterpreterScope&) = delete;
  ~InterpreterScope();
  // NULL when there was no memory for a thread state: still attached to `from`.
  ThreadState* inside() const { return inside_; }

 private:
  ThreadState* from_;
  ThreadState* inside_ = nullptr;
  ThreadState* main_outside_ = nullptr;
  bool own_state_ = false;
};

}  // namespace atl
