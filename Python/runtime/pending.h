// Targeted pending calls: any thread posts a call to any interpreter, where it is made at a poll.
//
// The queue has many producers and one consumer at a time (whoever drains it, holding the interpreter's lock). It is
// first-in first-out for each poster and never full: a node is either embedded in the object it is for, or allocated. A
// node that is queued already is not queued again; from the moment that its call begins it may be posted anew, by the
// call itself, too, which must then not touch it any more once it has given it away.
//
// A target in which a thread runs is asked through its eval breaker. Nobody polls in an idle one (all its threads are
// detached: outside, or waiting): whoever attaches next drains it; its end drains it; and when kDrainNodes nodes or
// kDrainBytes bytes of pinned memory wait, or the oldest is kDrainAge old, the poster does, at its own next poll, if the
// target's lock is free then. The runtime's helper thread (helper.h) watches the clock, and stands in for a poster that
// has no interpreter or does not come to a poll.
//
// Calls to one interpreter are made one after the other: while one runs, a poll inside it or in another thread leaves the
// rest alone. What a call raises is reported as unraisable.
#pragma once

#include <atomic>

#include "Python/runtime/base.h"

namespace atl {

struct PendingNode {
  int (*func)(void* arg) = nullptr;  // 0, or -1 with an exception
  void* arg = nullptr;
  std::atomic<PendingNode*> next{nullptr};
  std::atomic<bool> queued{false};
  bool owned = false;  // allocated by post(), freed before the call
  uint32_t pinned = 0;  // memory that is held until the call has been made, in units of 64 bytes
};

inline constexpr uint32_t kDrainNodes = 64;
inline constexpr uint64_t kDrainBytes = 1 << 20;
inline constexpr int64_t kDrainAge = 10'000'000;  // nanoseconds

// The queue alone: it knows nothing of interpreters.
class PendingQueue {
 public:
  // Any thread, no lock. False: the node is queued already and will run.
  bool post(PendingNode* node);
  // The oldest node, taken out; NULL when there is none. One thread at a time.
  PendingNode* take();
  // Any thread: is there nothing?
  bool empty() const { return waiting_.load(std::memory_order_seq_cst) == 0; }
  uint32_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  uint64_t pinned_bytes() const { return pinned_.load(std::memory_order_relaxed) * 64; }
  uint64_t posted() const { return posted_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<PendingNode*> head_{nullptr};  // newest first; turned round by take()
  std::atomic<uint32_t> waiting_{0};
  std::atomic<uint64_t> pinned_{0};
  std::atomic<uint64_t> posted_{0};
  PendingNode* taken_ = nullptr;  // oldest first; the consumer's
};

// Part of Interpreter: what is posted to it.
struct PendingInbox {
  PendingQueue queue;
  PendingQueue main_calls;            // Py_AddPendingCall: the main interpreter's main thread makes them
  std::atomic<uint8_t> noted{0};      // IdleNote; how far the helper knows that calls wait while nobody is attached
  // Guarded by the interpreter's lock.
  std::atomic<unsigned long> runner{0};  // the thread (pthread_self) that makes calls now; read by anybody
  ThreadState* main_runner = nullptr;
  bool closed = false;
};

enum class PostAnswer : uint8_t {
  kQueued,
  kAlreadyQueued,  // the node waits to be run; nothing was changed
  kEnded,          // the interpreter ends, or has ended: the call will not be made
  kNoMemory,
};

// Any thread, with or without a thread state; takes no lock that anybody waits for. `target` was an interpreter of this
// runtime: when it has ended since, kEnded (or, when another one has taken its place, a call there).
PostAnswer pending_post(Interpreter* target, PendingNode* node);
// With a node of the runtime's own. `pinned`: bytes that are kept until the call.
PostAnswer pending_post_call(Interpreter* target, int (*func)(void*), void* arg, size_t pinned = 0);

// ---- for the runtime ---------------------------------------------------------------------------------------------

// Py_AddPendingCall: for the main interpreter's main thread, at a poll. False without memory or main interpreter.
bool pending_post_main(int (*func)(void*), void* arg);

// At a poll: makes the calls that wait now; those that come meanwhile are for the next poll.
void pending_poll(ThreadState& ts);
// At a poll of the main interpreter's main thread, the calls for it. Stops at the first that fails: kError, its exception is set.
Status pending_poll_main(ThreadState& ts);
// Makes all that wait, those that come meanwhile, too.
void pending_drain(ThreadState& ts);
// Begins the end: kEnded for who posts from now on. What has been accepted is run.
void pending_close(ThreadState& ts);
// At a poll with kBreakDrain: enters those idle interpreters that this one has posted to and that nobody has drained.
void pending_visit_targets(ThreadState& ts);
// The interpreter's last thread detaches although calls wait.
void pending_left_behind(Interpreter& interp);
// Enters an interpreter if its lock is free, and drains it there; `from` is attached and becomes so again, or NULL. False when
// somebody else of a lock that several interpreters share is in the way.
bool pending_visit(ThreadState* from, int64_t target);

}  // namespace atl
