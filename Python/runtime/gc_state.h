// The cycle collector's data, and the links in front of every collectable object.
//
// 16 bytes stand before an object whose type has Py_TPFLAGS_HAVE_GC: a doubly linked list per generation. next is 0
// while the object is not tracked. The two lowest bits of prev are flags, kept outside collections too.
#pragma once

#include "Python/runtime/ref.h"

namespace atl {

struct GcLinks {
  uintptr_t next;
  uintptr_t prev;  // pointer | flags; during a collection the working count is kept here instead
};
inline constexpr uintptr_t kGcFinalized = 1;
inline constexpr uintptr_t kGcCollecting = 2;
inline constexpr uintptr_t kGcFlags = 3;

struct GcGeneration {
  GcLinks head;
  int threshold;
  int count;
};

struct GcGenerationStats {
  Py_ssize_t collections;
  Py_ssize_t collected;
  Py_ssize_t uncollectable;
};

struct GcState {
  GcGeneration generations[3];
  GcLinks permanent;
  GcGenerationStats stats[3];
  PyObject* garbage;    // list
  PyObject* callbacks;  // list
  bool enabled;
  bool collecting;
  int debug;
  Py_ssize_t long_lived_total;
  Py_ssize_t long_lived_pending;
};

void gc_init(GcState& gc);

ATOLL_INLINE GcLinks* gc_links(const void* object) {
  return reinterpret_cast<GcLinks*>(const_cast<void*>(object)) - 1;
}
ATOLL_INLINE PyObject* gc_object(GcLinks* links) { return reinterpret_cast<PyObject*>(links + 1); }
ATOLL_INLINE bool gc_is_tracked(const void* object) { return gc_links(object)->next != 0; }

ATOLL_INLINE void gc_track(GcState& gc, void* object) {
  GcLinks* g = gc_links(object);
  ATOLL_ASSERT(g->next == 0);
  GcLinks* head = &gc.generations[0].head;
  auto* last = reinterpret_cast<GcLinks*>(head->prev);
  last->next = reinterpret_cast<uintptr_t>(g);
  g->prev = reinterpret_cast<uintptr_t>(last) | (g->prev & kGcFinalized);
  g->next = reinterpret_cast<uintptr_t>(head);
  head->prev = reinterpret_cast<uintptr_t>(g);
}
ATOLL_INLINE void gc_untrack(void* object) {
  GcLinks* g = gc_links(object);
  if (g->next == 0) return;
  auto* prev = reinterpret_cast<GcLinks*>(g->prev & ~kGcFlags);
  auto* next = reinterpret_cast<GcLinks*>(g->next);
  prev->next = reinterpret_cast<uintptr_t>(next);
  next->prev = reinterpret_cast<uintptr_t>(prev) | (next->prev & kGcFlags);
  g->next = 0;
  g->prev &= kGcFinalized;
}

}  // namespace atl
