// The object heap of one interpreter.
//
// Chunks of 64 KiB, 64 KiB-aligned, each owned by one heap, divided into spans (runs of 4 KiB pages), one size
// class per span. Requests over kMaxSmall take a page run of their own in a chunk, those over kMaxRun a 64 KiB-aligned
// mapping of their own. Every block therefore finds its header by masking its address, and Runtime's chunk table
// answers for any address whether it is ours and whose.
//
// Lists are guarded by the owner's interpreter lock. A free without that lock goes to the heap's atomic remote
// list, which the owner takes back when it next looks for memory.
//
// When the system gives no more, the allocation fails, and a small reserve is opened, so that the program can handle its
// MemoryError. It is filled again when there is memory.
//
// No operation walks the chunks: those with room hang in lists by the length of their longest free page run.
//
// With ATOLL_MALLOC_OBJECTS (sanitizer builds) every block comes from malloc behind a small prefix, and heap keeps
// the list of its live blocks.
#pragma once

#include <atomic>
#include <mutex>

#include "Python/runtime/leaf_lock.h"

namespace atl {

inline constexpr size_t kChunkSize = 64 * 1024;
inline constexpr size_t kPageSize = 4096;
inline constexpr size_t kMaxSmall = 2048;
inline constexpr size_t kMaxRun = 32 * 1024;
inline constexpr unsigned kSizeClasses = 24;

inline constexpr uint16_t kClassSize[kSizeClasses] = {16,  32,  48,  64,  80,  96,  112, 128,  160,  192,  224,  256,
                                                      320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048};

namespace heap_detail {
struct ClassTable {
  uint8_t of[kMaxSmall / 16 + 1];
};
constexpr ClassTable make_class_table() {
  ClassTable t{};
  unsigned c = 0;
  for (size_t units = 0; units <= kMaxSmall / 16; ++units) {
    while (kClassSize[c] < units * 16) ++c;
    t.of[units] = static_cast<uint8_t>(c);
  }
  return t;
}
inline constexpr ClassTable kClassTable = make_class_table();
}  // namespace heap_detail

constexpr unsigned size_class_of(size_t size) { return heap_detail::kClassTable.of[(size + 15) / 16]; }

class Heap;

struct FreeBlock {
  FreeBlock* next;
};

struct Chunk;

// A run of pages that serves one size class, or one block (size_class == kRunClass).
struct Span {
  FreeBlock* free;      // blocks ready to be handed out
  uint32_t used;        // blocks handed out
  uint16_t capacity;    // blocks in all
  uint16_t formatted;   // blocks that have been on the free list at least once
  uint8_t size_class;
  uint8_t first_page;
  uint8_t pages;
  bool listed;          // in its class's list of spans with room, or current
  Span* prev;
  Span* next;
};
inline constexpr uint8_t kRunClass = 0xff;

struct Chunk {
  Heap* heap;
  size_t mapped_size;             // kChunkSize, or the size of a large mapping
  size_t user_size;               // of a large mapping's one block
  Chunk* prev;
  Chunk* next;
  Chunk* room_prev;               // in the list of chunks with as much room
  Chunk* room_next;
  uint32_t free_pages;            // bit p: page p is free
  uint8_t room;                   // longest run of free pages
  bool large;
  uint8_t span_of_page[16];
  Span spans[16];                 // by first page
};
inline constexpr size_t kLargeHeader = 128;
static_assert(sizeof(Chunk) <= kPageSize);

ATOLL_INLINE Chunk* chunk_of(const void* p) {
  return reinterpret_cast<Chunk*>(reinterpret_cast<uintptr_t>(p) & ~(uintptr_t{kChunkSize} - 1));
}

struct HeapStats {
  size_t bytes_reserved;  // chunks and large mappings in use
  size_t chunks;
  size_t large_blocks;
};

// What a heap holds, as anybody may see it: exact while the owner's lock is free, otherwise as of some moment during the call.
struct HeapFigures {
  size_t bytes_reserved;
  size_t bytes_used;  // in blocks that are handed out, rounded up as they are
  size_t blocks;
};

class Heap {
 public:
  void init(Interpreter* owner);
  // Gives everything back, whether freed or not.
  void drop_all();

  // NULL when there is no memory; no exception is set.
  ATOLL_INLINE void* alloc(size_t size);
  void* realloc(void* p, size_t size);
  // p was allocated by this heap, whose interpreter's lock is held.
  ATOLL_INLINE void free(void* p);
  static size_t usable_size(void* p);
  // From a thread that does not hold the owner's lock.
  static void free_remote(void* p);

  Interpreter* owner() const { return owner_; }
  HeapStats stats() const { return stats_; }
  // Any thread, no interpreter's lock; the heap stays there meanwhile. Walks the chunks.
  HeapFigures figures();
  // Around fork.
  void fork_lock();
  void fork_unlock();
  // Bytes this heap may reserve at most; 0 means no limit. Any thread sets it; allocations beyond it fail from then on.
  std::atomic<size_t> limit{0};

 private:
  friend struct Runtime;
  ATOLL_NOINLINE void* alloc_slow(size_t size);
  void* alloc_run(size_t size);
  void* alloc_large(size_t size);
  ATOLL_NOINLINE void free_slow(Chunk* chunk, Span* span, void* p);
  Span* new_span(unsigned pages, uint8_t size_class);
  void release_span(Chunk* chunk, Span* span);
  bool format_more(Span* span);
  bool collect_remote();
  void set_room(Chunk* chunk);
  Chunk* add_chunk();
  void adopt_chunk(Chunk* chunk);
  void fill_reserve();
  void* spend_reserve();
  void give_chunk(Chunk* chunk);
  void* move_large(Chunk* chunk, size_t mapped);
  void forget_large(Chunk* chunk);
  void drop_kept();
  void list_push(unsigned cls, Span* s);
  void list_remove(unsigned cls, Span* s);
  bool within_limit(size_t more) const {
    size_t most = limit.load(std::memory_order_relaxed);
    return most == 0 || stats_.bytes_reserved + more <= most;
  }

#ifdef ATOLL_MALLOC_OBJECTS
  struct MallocBlock* live_ = nullptr;
  LeafMutex live_lock_{LockRank::kHeapBlocks};  // a block may be freed without the interpreter's lock
  friend struct MallocBlock;
#else
  Span* current_[kSizeClasses];
#endif
  Span* partial_[kSizeClasses];
  uint32_t span_count_[kSizeClasses];
  // Taken by the owner where these two lists or a mapping in them change, by others to read them.
  LeafMutex books_{LockRank::kHeapBooks};
  Chunk* chunks_ = nullptr;
  Chunk* large_ = nullptr;
  Chunk* roomy_[16] = {};        // by longest free run; [0] stays empty
  uint32_t roomy_mask_ = 0;      // bit r: roomy_[r] is not empty
  size_t empty_chunks_ = 0;
  Chunk* reserve_ = nullptr;     // kReserveChunks untouched ones, for the time after "no memory"
  Chunk* kept_ = nullptr;        // mappings of freed large blocks, for the next ones; latest first
  size_t kept_bytes_ = 0;
  unsigned kept_count_ = 0;
  std::atomic<FreeBlock*> remote_{nullptr};  // freed without the owner's lock
  Interpreter* owner_ = nullptr;
  HeapStats stats_{};
};

#ifdef ATOLL_MALLOC_OBJECTS
void* malloc_heap_alloc(Heap* h, size_t size);
ATOLL_INLINE void* Heap::alloc(size_t size) { return alloc_slow(size); }
ATOLL_INLINE void Heap::free(void* p) { free_remote(p); }
#else
ATOLL_INLINE void* Heap::alloc(size_t size) {
  if (ATOLL_LIKELY(size <= kMaxSmall)) {
    Span* s = current_[size_class_of(size)];
    FreeBlock* b = s->free;
    if (ATOLL_LIKELY(b != nullptr)) {
      s->free = b->next;
      ++s->used;
      return b;
    }
  }
  return alloc_slow(size);
}

ATOLL_INLINE void Heap::free(void* p) {
  Chunk* c = chunk_of(p);
  if (ATOLL_LIKELY(!c->large)) {
    Span* s = &c->spans[c->span_of_page[(reinterpret_cast<uintptr_t>(p) >> 12) & 15]];
    if (ATOLL_LIKELY(s->listed && s->used > 1)) {
      auto* b = static_cast<FreeBlock*>(p);
      b->next = s->free;
      s->free = b;
      --s->used;
      return;
    }
    free_slow(c, s, p);
    return;
  }
  free_slow(c, nullptr, p);
}
#endif

// Who owns an address: NULL when it is not in any interpreter's heap. Any thread, no lock.
Interpreter* heap_owner_of(const void* p);

}  // namespace atl
