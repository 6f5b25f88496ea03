// Finding interpreters by number, keeping them from ending, and entering them.
//
// A thread never holds two interpreters' locks: entering another one first gives up the lock of the one it is in, and
// leaving takes it back afterwards.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// With Runtime's interpreters_lock held: the interpreter of an id, whatever state it is in; NULL when there is none.
Interpreter* find_interpreter_locked(Runtime& rt, int64_t id);

// The interpreter of an id, kept from ending until unpin; NULL when there is none or it is ending.
Interpreter* interpreter_pin(int64_t id);
void interpreter_unpin(Interpreter* interp);
// The same without a pin, for as long as the caller holds Runtime's interpreters_lock.
Interpreter* interpreter_find_locked(int64_t id);
// Ids of all interpreters, oldest first: how many were written, at most `room`, and how many there are.
size_t interpreter_list(int64_t* ids, size_t room);

// One thread at a time runs code in an interpreter's __main__. False: somebody does already.
bool interpreter_claim_main(Interpreter* interp);
void interpreter_release_main(Interpreter* interp);
// The same together with giving up the pin.
void interpreter_leave_main(Interpreter* interp);
bool interpreter_is_running(Interpreter* interp);

// Begins its end: from now on nobody can pin it. The caller holds a pin, which is used up when the answer is kOk.
enum class CloseAnswer { kOk, kRunning, kInUse };
// An interpreter whose thread states are in the hands of who made it by the C API is closed by that one (kInUse), unless the
// process ends.
enum class CloseReason { kAsked, kProcessEnds };
CloseAnswer interpreter_begin_close(Interpreter* interp, CloseReason reason = CloseReason::kAsked);

// What a visit to another interpreter must remember. The C form of a scope.
struct ScopeRecord {
  ThreadState* from = nullptr;    // attached before, or NULL
  ThreadState* inside = nullptr;  // NULL: not entered
  bool own_state = false;         // `inside` was made for this visit
};
// Attaches the calling thread, which is attached to `record->from` or to nothing, to `target`, which is pinned or guarded.
// Calls that wait there are made first. False without memory for a thread state: attached as before.
[[nodiscard]] bool scope_enter(ScopeRecord* record, Interpreter* target);
// The same if it does not have to wait for the lock; nothing is made.
[[nodiscard]] bool scope_try_enter(ScopeRecord* record, Interpreter* target);
void scope_leave(ScopeRecord* record);

// For code that is attached (`from`) or not (NULL): attached to `target`, which is pinned, until the end of the scope.
class [[nodiscard]] InterpreterScope {
 public:
  InterpreterScope(ThreadState* from, Interpreter* target) : record_{from} {
    if (!scope_enter(&record_, target)) record_.inside = nullptr;
  }
  InterpreterScope(const InterpreterScope&) = delete;
  InterpreterScope& operator=(const InterpreterScope&) = delete;
  ~InterpreterScope() { scope_leave(&record_); }
  // NULL when there was no memory for a thread state: still attached to `from`.
  ThreadState* inside() const { return record_.inside; }

 private:
  ScopeRecord record_;
};

}  // namespace atl
