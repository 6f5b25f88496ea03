// Leaf locks: what guards the process's shared data for a bounded moment, under a GIL or without one.
//
// The lock rule: GIL, then one leaf at a time. Nobody waits for a GIL, a channel, a condition or I/O while holding a
// leaf, and nobody waits for another GIL, a Parker or the end of a thread while holding a GIL. The few leaves that are
// taken inside another one stand in kNestings. fork takes all of them, in the order of LockRank.
//
// A checked build knows which leaves a thread holds and stops the process where the rule is broken; in a release build
// a LeafMutex is a std::mutex and the checks are nothing.
#pragma once

#include <mutex>

#include "Python/runtime/base.h"

namespace atl {

// ORDER: the one in which fork takes them. Of one rank a thread holds one lock (fork holds all).
enum class LockRank : uint8_t {
  kInterpreters,     // the table of interpreters
  kThreadList,       // one interpreter's list of thread states
  kHelper,           // what the runtime's helper thread has to do
  kLibrary,          // shared code images
  kStaticTypes,      // the register of static types
  kSealed,           // the sealed arena
  kChannelRegistry,  // channels by number
  kChannel,          // one channel
  kHeapBooks,        // one heap's list of chunks
  kHeapBlocks,       // one heap's list of blocks (sanitizer builds)
  kChunkPool,        // warm chunks
  kLibc,             // what the C library keeps for the process
  kGil,              // the inside of one GIL
  kCount,
};

namespace lock_check {

struct Nesting {
  LockRank outer;
  LockRank inner;
};
// The only pairs of leaves that are ever held together.
inline constexpr Nesting kNestings[] = {
    {LockRank::kInterpreters, LockRank::kThreadList},  // a walk over all threads
    {LockRank::kLibrary, LockRank::kSealed},           // an image is sealed while its place in the table is held
};

#ifdef ATOLL_CHECKED
// A lock is about to be taken or has been given up by this thread.
void taking(LockRank rank);
void released(LockRank rank);
// The thread is about to wait for something that may take long. It holds no leaf, and no GIL.
void waiting(const char* for_what);
// ... for a GIL.
void waiting_for_gil();
// Between these nothing is checked: fork takes everything, and the child makes it anew.
void pause();
void resume();
unsigned held();
#else
inline void taking(LockRank) {}
inline void released(LockRank) {}
inline void waiting(const char*) {}
inline void waiting_for_gil() {}
inline void pause() {}
inline void resume() {}
#endif

}  // namespace lock_check

class LeafMutex {
 public:
#ifdef ATOLL_CHECKED
  constexpr explicit LeafMutex(LockRank rank) : rank_(rank) {}
#else
  constexpr explicit LeafMutex(LockRank) {}
#endif
  LeafMutex(const LeafMutex&) = delete;
  LeafMutex& operator=(const LeafMutex&) = delete;

  void lock() {
#ifdef ATOLL_CHECKED
    lock_check::taking(rank_);
#endif
    mutex_.lock();
  }
  // Whoever takes the lock next may destroy it with what it guards: nothing of it is touched once it is free.
  void unlock() {
#ifdef ATOLL_CHECKED
    const LockRank rank = rank_;
    mutex_.unlock();
    lock_check::released(rank);
#else
    mutex_.unlock();
#endif
  }

 private:
  std::mutex mutex_;
#ifdef ATOLL_CHECKED
  LockRank rank_;
#endif
};
#ifndef ATOLL_CHECKED
static_assert(sizeof(LeafMutex) == sizeof(std::mutex));
#endif

}  // namespace atl
