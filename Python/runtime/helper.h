// The runtime's helper thread: watches the clock for what nobody else would notice. Started on demand, ended with the
// runtime; it has no interpreter of its own.
//
//   - Calls wait in an idle interpreter: after kDrainAge their poster is asked to see to them at its next poll; when it
//     did not within as much time again, or has no interpreter, the helper enters the idle one itself.
//   - An interpreter has a processor-time limit: the helper looks at the clock of the thread that runs there and sets the
//     eval breaker when the time is used up.
//   - An interpreter has been interrupted: until somebody there has noticed, its waiting threads are woken again and again.
#pragma once

#include <pthread.h>

#include "Python/runtime/leaf_lock.h"
#include "Python/runtime/parker.h"

namespace atl {

// An interpreter in which calls wait, by number: it may end at any time.
struct IdleTarget {
  int64_t target;
  int64_t poster;  // -1: none, or it has had its chance
  int64_t due;     // by monotonic_now()
  bool asked;      // the poster has been told
};

// Part of Runtime.
struct HelperState {
  LeafMutex lock{LockRank::kHelper};  // guards all below but the Parker
  IdleTarget* idle = nullptr;
  size_t idle_count = 0;
  size_t idle_capacity = 0;
  int64_t* timed = nullptr;  // interpreters that are watched
  size_t timed_count = 0;
  size_t timed_capacity = 0;
  int64_t wakes_at = 0;  // when the thread looks next
  bool running = false;
  bool stop = false;
  pthread_t thread{};
  Parker parker;
};

// How urgently an idle interpreter's calls have been noted: Interpreter::inbox.noted.
enum IdleNote : uint8_t { kNotNoted, kNotedTimed, kNotedNow };

// Calls wait in `target`, which is idle. `poster` (attached in this thread, or NULL) or the helper sees to them: now, or when they
// are kDrainAge old.
void helper_note_idle(Interpreter& target, Interpreter* poster, bool now);
// A target that a poster shall see to: taken off the list. False: there is none.
bool helper_take_target(int64_t poster, int64_t* target);
// Its lock was not free and the holder is in another interpreter: to be tried again.
void helper_put_back(int64_t target);

// Watches the interpreter's processor time, or an interrupt until it is noticed. False: there is no thread for it.
bool helper_watch(int64_t id);

// The runtime ends: the thread is gone afterwards. The caller is attached; it waits detached.
void helper_end(ThreadState& ts);
// The runtime starts, or this is the child of a fork: there is no such thread, and nothing for it to do.
void helper_reset();

}  // namespace atl
