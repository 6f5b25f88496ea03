// Sealed memory: immortal objects that all interpreters share and nobody writes.
//
// Two places: the linker section of ATOLL_SEALED objects, filled while the process comes up, and the arena, which also
// grows afterwards, when an image of the library is published. What is added lies open until sealed_close(): from then
// on it never changes, but for counts that compiled extensions write. A process that checks (a checked build, or
// -X isolation=check) closes whole pages, keeps a sum of each, and with the option maps them read-only.
#pragma once

#include <atomic>

#include "Python/runtime/base.h"
#include "Python/runtime/leaf_lock.h"

// The linker names the bounds of a section whose name is an identifier.
extern "C" __attribute__((visibility("hidden"))) char __start_atoll_sealed[];
extern "C" __attribute__((visibility("hidden"))) char __stop_atoll_sealed[];

namespace atl {

struct SealedState {
  LeafMutex lock{LockRank::kSealed};  // guards all below
  char* arena = nullptr;
  size_t used = 0;
  size_t size = 0;
  size_t closed = 0;      // of the arena: up to here pages are closed. Stays 0 where nothing is checked
  uint64_t* sums = nullptr;  // of the section's pages, then of the arena's closed ones
  size_t sum_count = 0;
  size_t section_pages = 0;
  bool section_closed = false;
  bool checking = false;   // set before bring-up
  bool read_only = false;  // -X isolation=check
};

// Memory for an object that all interpreters share: immortal, 16-byte aligned, zeroed. Bring-up, or somebody who holds
// the lock of what is being published. NULL when there is none.
void* sealed_alloc(size_t size);
bool is_sealed_address(const void* p);
// Cheap, and false for all objects of interpreters' heaps: those are mapped above 4 GiB, the arena below where that is free.
ATOLL_INLINE bool may_be_sealed(const void* p) {
  auto at = reinterpret_cast<uintptr_t>(p);
  auto section = reinterpret_cast<uintptr_t>(__start_atoll_sealed);
  return at >> 32 == 0 || at - section < reinterpret_cast<uintptr_t>(__stop_atoll_sealed) - section;
}

// Before bring-up: the process checks, and maps what is closed read-only.
void sealed_check(bool read_only);
// What was added so far is complete. Nobody is about to add anything.
void sealed_close();
// The last interpreter has gone: what the process shares may be taken down.
void sealed_open();
// The address of the first word that changed since its page was closed, NULL when none has.
const void* sealed_first_change();
// Whether a write to the address is one to read-only sealed pages. Async-signal-safe.
bool sealed_is_protected(const void* p);

struct SealedRange {
  const char* begin;
  const char* end;
};
inline constexpr int kSealedRangeCount = 2;
// The closed pages: section, arena. Async-signal-safe.
void sealed_ranges(SealedRange* out);

}  // namespace atl
