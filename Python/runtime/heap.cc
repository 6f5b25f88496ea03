#include "Python/runtime/heap.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

#include "Python/runtime/runtime.h"

namespace atl {

namespace {

// ---- the process-wide table: which 64 KiB granule belongs to whom -----------------------------------------------

constexpr unsigned kLevel2Bits = 16;

constexpr unsigned kPoolBound = 512;  // warm chunks kept for whoever needs one next
constexpr size_t kHugePage = 2 * 1024 * 1024;

#ifndef ATOLL_MALLOC_OBJECTS

std::atomic<Chunk*>* table_slot(const void* p, bool create) {
  uintptr_t granule = reinterpret_cast<uintptr_t>(p) >> 16;
  if (granule >> 32 != 0) return nullptr;
  auto& l1 = runtime().chunk_table.level1[granule >> kLevel2Bits];
  std::atomic<Chunk*>* l2 = l1.load(std::memory_order_acquire);
  if (l2 == nullptr) {
    if (!create) return nullptr;
    // Zero bytes are empty atomics; calloc keeps untouched pages free.
    auto* fresh = static_cast<std::atomic<Chunk*>*>(std::calloc(size_t{1} << kLevel2Bits, sizeof(std::atomic<Chunk*>)));
    if (fresh == nullptr) return nullptr;
    if (l1.compare_exchange_strong(l2, fresh, std::memory_order_acq_rel)) {
      l2 = fresh;
    } else {
      std::free(fresh);
    }
  }
  return &l2[granule & ((1u << kLevel2Bits) - 1)];
}

bool table_enter(Chunk* chunk) {
  for (size_t at = 0; at < chunk->mapped_size; at += kChunkSize) {
    auto* slot = table_slot(reinterpret_cast<char*>(chunk) + at, true);
    if (slot == nullptr) return false;
    slot->store(chunk, std::memory_order_release);
  }
  return true;
}

void table_leave(Chunk* chunk) {
  for (size_t at = 0; at < chunk->mapped_size; at += kChunkSize) {
    auto* slot = table_slot(reinterpret_cast<char*>(chunk) + at, false);
    if (slot != nullptr) slot->store(nullptr, std::memory_order_release);
  }
}

// ---- memory from the system --------------------------------------------------------------------------------------

void* map_aligned(size_t size, size_t alignment = kChunkSize) {
  size_t room = size + alignment;
  void* raw = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto begin = reinterpret_cast<uintptr_t>(raw);
  uintptr_t aligned = (begin + alignment - 1) & ~(uintptr_t{alignment} - 1);
  if (aligned > begin) munmap(raw, aligned - begin);
  uintptr_t end = begin + room;
  if (aligned + size < end) munmap(reinterpret_cast<void*>(aligned + size), end - (aligned + size));
  return reinterpret_cast<void*>(aligned);
}

// How a heap that owns so many chunks gets new ones: small heaps in small steps and page by page, larger ones with
// fewer page faults.
struct Growth {
  size_t batch;    // chunks mapped at once
  bool populate;   // fault the chunk in with one call
  bool huge;       // ask for huge pages
};
Growth growth_for(size_t chunks) {
  if (chunks >= 4 * kHugePage / kChunkSize) return {kHugePage / kChunkSize, false, true};
  return {8, chunks >= 16, false};
}

Chunk* pool_take(size_t chunks_owned) {
  ChunkPool& pool = runtime().chunk_pool;
  {
    std::lock_guard hold(pool.lock);
    if (pool.free != nullptr) {
      Chunk* c = pool.free;
      pool.free = c->next;
      --pool.count;
      return c;
    }
  }
  Growth growth = growth_for(chunks_owned);
  size_t got = growth.batch;
  auto* fresh = static_cast<char*>(map_aligned(got * kChunkSize, growth.huge ? kHugePage : kChunkSize));
  if (fresh == nullptr) {
    got = 1;
    fresh = static_cast<char*>(map_aligned(kChunkSize));
    if (fresh == nullptr) return nullptr;
  }
  // Both are advice: without it the pages come one by one.
  if (growth.huge && got > 1) (void)madvise(fresh, got * kChunkSize, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
  if (growth.populate) (void)madvise(fresh, got * kChunkSize, MADV_POPULATE_WRITE);
#endif
  if (got > 1) {
    std::lock_guard hold(pool.lock);
    for (size_t i = got - 1; i >= 1; --i) {
      auto* c = reinterpret_cast<Chunk*>(fresh + i * kChunkSize);
      c->next = pool.free;
      pool.free = c;
      ++pool.count;
    }
  }
  return reinterpret_cast<Chunk*>(fresh);
}

void pool_give(Chunk* chunk) {
  ChunkPool& pool = runtime().chunk_pool;
  {
    std::lock_guard hold(pool.lock);
    if (pool.count < kPoolBound) {
      chunk->next = pool.free;
      pool.free = chunk;
      ++pool.count;
      return;
    }
  }
  munmap(chunk, kChunkSize);
}
#endif

}  // namespace

void heap_pool_drop() {
  ChunkPool& pool = runtime().chunk_pool;
  std::lock_guard hold(pool.lock);
  while (pool.free != nullptr) {
    Chunk* c = pool.free;
    pool.free = c->next;
    munmap(c, kChunkSize);
  }
  pool.count = 0;
}

#ifdef ATOLL_MALLOC_OBJECTS

// Sanitizer builds: every object is a malloc block behind this prefix.
struct MallocBlock {
  Heap* heap;
  MallocBlock* prev;
  MallocBlock* next;
  size_t size;

  static MallocBlock* of(void* p) { return static_cast<MallocBlock*>(p) - 1; }
  static void unlink(MallocBlock* b) {
    Heap* h = b->heap;
    std::lock_guard hold(h->live_lock_);
    (b->prev ? b->prev->next : h->live_) = b->next;
    if (b->next) b->next->prev = b->prev;
    h->stats_.bytes_reserved -= b->size;
    --h->stats_.large_blocks;
  }
};
static_assert(sizeof(MallocBlock) % 16 == 0);

// Tests of running out of memory (Tools/stress/allocations.py) plan a failure through the limit: with kPlanned set it is no
// limit, its low half counts down to the allocation that fails. kForNext: for the next heap that is made, not for this one.
// kAndAfter: all later ones fail, too.
constexpr size_t kPlanned = size_t{1} << 62, kForNext = size_t{1} << 61, kAndAfter = size_t{1} << 60;

void Heap::init(Interpreter* owner) {
  owner_ = owner;
  Interpreter* main = runtime().main;
  if (main == nullptr || !(main->heap.limit.load(std::memory_order_relaxed) & kForNext)) return;
  limit.store(main->heap.limit.exchange(0) & ~kForNext);
}

namespace {

bool fails_as_planned(std::atomic<size_t>& limit) {
  size_t plan = limit.load(std::memory_order_relaxed);
  if (!(plan & kPlanned) || (plan & kForNext)) return false;
  size_t left = plan & 0xffffffff;
  if (left != 0) limit.store(plan - 1, std::memory_order_relaxed);
  return left == 1 || (left == 0 && (plan & kAndAfter));
}

}  // namespace

void* Heap::alloc_slow(size_t size) {
  if (size > PTRDIFF_MAX - sizeof(MallocBlock) || fails_as_planned(limit)) return nullptr;
  {
    std::lock_guard hold(live_lock_);
    if (!within_limit(size)) return nullptr;
  }
  auto* b = static_cast<MallocBlock*>(std::malloc(sizeof(MallocBlock) + (size ? size : 1)));
  if (b == nullptr) return nullptr;
  b->heap = this;
  b->size = size;
  b->prev = nullptr;
  std::lock_guard hold(live_lock_);
  b->next = live_;
  if (live_) live_->prev = b;
  live_ = b;
  stats_.bytes_reserved += size;
  ++stats_.large_blocks;
  return b + 1;
}

void Heap::free_remote(void* p) {
  MallocBlock* b = MallocBlock::of(p);
  MallocBlock::unlink(b);
  std::free(b);
}

size_t Heap::usable_size(void* p) { return MallocBlock::of(p)->size; }

void* Heap::realloc(void* p, size_t size) {
  void* fresh = alloc_slow(size);
  if (fresh == nullptr) return nullptr;
  size_t old = usable_size(p);
  std::memcpy(fresh, p, old < size ? old : size);
  free_remote(p);
  return fresh;
}

void Heap::drop_all() {
  while (live_ != nullptr) free_remote(live_ + 1);
}

void Heap::fork_lock() {
  books_.lock();
  live_lock_.lock();
}
void Heap::fork_unlock() {
  live_lock_.unlock();
  books_.unlock();
}

HeapFigures Heap::figures() {
  std::lock_guard hold(live_lock_);
  return {stats_.bytes_reserved, stats_.bytes_reserved, stats_.large_blocks};
}

Interpreter* heap_owner_of(const void*) { return nullptr; }

#else  // !ATOLL_MALLOC_OBJECTS

namespace {
// What current_ points to while a class has no span with room: never has a free block.
const Span kNoSpan{nullptr, 0, 0, 0, 0, 0, 0, false, nullptr, nullptr};
Span* no_span() { return const_cast<Span*>(&kNoSpan); }
constexpr uint8_t kChunkPages = kChunkSize / kPageSize - 1;  // the first page is the chunk's own
constexpr uint32_t kAllPages = ((1u << kChunkPages) - 1) << 1;
// Mappings of freed large blocks that a heap keeps: the kernel takes far longer to give a page than we to use it.
constexpr size_t kKeptBytes = 32 * 1024 * 1024;
constexpr size_t kKeptOne = 16 * 1024 * 1024;
constexpr unsigned kKeptCount = 64;
constexpr size_t kReserveChunks = 4;
// From this size on a block moves by its page table entries.
constexpr size_t kRemapSize = 256 * 1024;

void* map_large(size_t size) {
  if (size < 2 * kHugePage) return map_aligned(size);
  void* p = map_aligned(size, kHugePage);
  if (p != nullptr) (void)madvise(p, size, MADV_HUGEPAGE);  // advice: without it the pages come one by one
  return p;
}

char* span_begin(Chunk* c, const Span* s) { return reinterpret_cast<char*>(c) + s->first_page * kPageSize; }
}  // namespace

void Heap::init(Interpreter* owner) {
  owner_ = owner;
  for (unsigned c = 0; c < kSizeClasses; ++c) {
    current_[c] = no_span();
    partial_[c] = nullptr;
    span_count_[c] = 0;
  }
}

void Heap::list_push(unsigned cls, Span* s) {
  s->prev = nullptr;
  s->next = partial_[cls];
  if (s->next) s->next->prev = s;
  partial_[cls] = s;
}

void Heap::list_remove(unsigned cls, Span* s) {
  (s->prev ? s->prev->next : partial_[cls]) = s->next;
  if (s->next) s->next->prev = s->prev;
  s->prev = s->next = nullptr;
}

// Puts the next page's worth of never-used blocks on the free list, so that untouched pages stay untouched.
bool Heap::format_more(Span* s) {
  if (s->formatted == s->capacity) return false;
  size_t size = kClassSize[s->size_class];
  char* begin = span_begin(chunk_of(s), s);
  unsigned from = s->formatted;
  unsigned n = static_cast<unsigned>(kPageSize / size);
  unsigned to = from + (n > 4 ? n : 4);
  if (to > s->capacity) to = s->capacity;
  for (unsigned i = to; i-- > from;) {
    auto* b = reinterpret_cast<FreeBlock*>(begin + i * size);
    b->next = s->free;
    s->free = b;
  }
  s->formatted = static_cast<uint16_t>(to);
  return true;
}

// Puts a chunk into the list that fits its free pages now.
void Heap::set_room(Chunk* c) {
  uint8_t longest = 0;
  for (uint32_t m = c->free_pages; m != 0; m &= m >> 1) ++longest;
  if (longest == c->room) return;
  if (c->room != 0) {
    (c->room_prev ? c->room_prev->room_next : roomy_[c->room]) = c->room_next;
    if (c->room_next) c->room_next->room_prev = c->room_prev;
    if (roomy_[c->room] == nullptr) roomy_mask_ &= ~(1u << c->room);
  }
  empty_chunks_ += (longest == kChunkPages) - (c->room == kChunkPages);
  c->room = longest;
  if (longest == 0) return;
  c->room_prev = nullptr;
  c->room_next = roomy_[longest];
  if (c->room_next) c->room_next->room_prev = c;
  roomy_[longest] = c;
  roomy_mask_ |= 1u << longest;
}

Chunk* Heap::add_chunk() {
  Chunk* c = within_limit(kChunkSize) ? pool_take(stats_.chunks) : nullptr;
  if (c == nullptr) return nullptr;
  if (ATOLL_UNLIKELY(reserve_ == nullptr)) fill_reserve();
  c->mapped_size = kChunkSize;
  c->heap = this;
  if (!table_enter(c)) {
    pool_give(c);
    return nullptr;
  }
  adopt_chunk(c);
  return c;
}

// A chunk that the table knows becomes one with all its pages free.
void Heap::adopt_chunk(Chunk* c) {
  c->user_size = 0;
  c->large = false;
  c->room = 0;
  c->free_pages = kAllPages;
  std::memset(c->span_of_page, 0, sizeof c->span_of_page);
  std::memset(c->spans, 0, sizeof c->spans);
  c->prev = nullptr;
  {
    std::lock_guard hold(books_);
    c->next = chunks_;
    if (chunks_) chunks_->prev = c;
    chunks_ = c;
  }
  stats_.bytes_reserved += kChunkSize;
  ++stats_.chunks;
  set_room(c);
}

// Address space that nobody has touched yet, but for the first page of each chunk, and that the table knows.
void Heap::fill_reserve() {
  auto* block = static_cast<char*>(map_aligned(kReserveChunks * kChunkSize));
  if (block == nullptr) return;  // again with the next chunk
  for (size_t i = 0; i < kReserveChunks; ++i) {
    auto* c = reinterpret_cast<Chunk*>(block + i * kChunkSize);
    c->heap = this;
    c->mapped_size = kChunkSize;
    if (!table_enter(c)) {
      munmap(c, (kReserveChunks - i) * kChunkSize);
      return;
    }
    c->next = reserve_;
    reserve_ = c;
  }
}

// Opens it for the allocations to come, and NULL for this one.
void* Heap::spend_reserve() {
  while (reserve_ != nullptr) {
    Chunk* c = reserve_;
    reserve_ = c->next;
    adopt_chunk(c);
  }
  return nullptr;
}

Span* Heap::new_span(unsigned pages, uint8_t size_class) {
  uint32_t fitting = roomy_mask_ >> pages << pages;
  Chunk* c = fitting != 0 ? roomy_[__builtin_ctz(fitting)] : add_chunk();
  if (c == nullptr) return nullptr;
  uint32_t starts = c->free_pages;  // bit p: a run of `pages` begins at p
  for (unsigned i = 1; i < pages; ++i) starts &= c->free_pages >> i;
  auto p = static_cast<unsigned>(__builtin_ctz(starts));
  c->free_pages &= ~(((1u << pages) - 1) << p);
  set_room(c);
  Span* s = &c->spans[p];
  *s = Span{};
  s->first_page = static_cast<uint8_t>(p);
  s->pages = static_cast<uint8_t>(pages);
  s->size_class = size_class;
  for (unsigned q = p; q < p + pages; ++q) c->span_of_page[q] = static_cast<uint8_t>(p);
  return s;
}

void Heap::release_span(Chunk* c, Span* s) {
  c->free_pages |= ((1u << s->pages) - 1) << s->first_page;
  s->pages = 0;
  set_room(c);
  // Some empty chunks stay, in proportion: a heap that breathes should not go to the pool with every breath.
  while (empty_chunks_ > stats_.chunks / 8 + 1) give_chunk(roomy_[kChunkPages]);
}

// An empty chunk goes back to the pool.
void Heap::give_chunk(Chunk* c) {
  c->free_pages = 0;
  set_room(c);
  table_leave(c);
  {
    std::lock_guard hold(books_);
    (c->prev ? c->prev->next : chunks_) = c->next;
    if (c->next) c->next->prev = c->prev;
  }
  stats_.bytes_reserved -= kChunkSize;
  --stats_.chunks;
  pool_give(c);
}

// Takes back what other threads freed. True when there was something.
bool Heap::collect_remote() {
  if (remote_.load(std::memory_order_relaxed) == nullptr) return false;
  FreeBlock* b = remote_.exchange(nullptr, std::memory_order_acquire);
  bool any = b != nullptr;
  while (b != nullptr) {
    FreeBlock* after = b->next;
    free(b);
    b = after;
  }
  return any;
}

void* Heap::alloc_slow(size_t size) {
  if (size > kMaxSmall) return size <= kMaxRun ? alloc_run(size) : alloc_large(size);
  unsigned cls = size_class_of(size);
  Span* s = current_[cls];
  if (s != no_span()) {
    if (format_more(s)) return alloc(size);
    s->listed = false;  // full: forgotten until one of its blocks comes back
    current_[cls] = no_span();
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (Span* p = partial_[cls]) {
      list_remove(cls, p);
      current_[cls] = p;
      if (p->free == nullptr) format_more(p);
      return alloc(size);
    }
    if (attempt == 1 || !collect_remote()) break;
    if (current_[cls] != no_span()) return alloc(size);
  }
  unsigned pages = span_count_[cls] < 4 ? (kClassSize[cls] <= 512 ? 1 : kClassSize[cls] <= 1024 ? 2 : 4) : 8;
  s = new_span(pages, static_cast<uint8_t>(cls));
  if (s == nullptr && pages == 8) s = new_span(kClassSize[cls] <= 512 ? 1 : 4, static_cast<uint8_t>(cls));
  if (s == nullptr) return spend_reserve();
  s->capacity = static_cast<uint16_t>(s->pages * kPageSize / kClassSize[cls]);
  s->listed = true;
  ++span_count_[cls];
  format_more(s);
  current_[cls] = s;
  return alloc(size);
}

void* Heap::alloc_run(size_t size) {
  Span* s = new_span(static_cast<unsigned>((size + kPageSize - 1) / kPageSize), kRunClass);
  if (s == nullptr) return spend_reserve();
  s->used = 1;
  s->capacity = 1;
  return span_begin(chunk_of(s), s);
}

void* Heap::alloc_large(size_t size) {
  if (size > PTRDIFF_MAX - kLargeHeader - kChunkSize) return nullptr;
  size_t mapped = (size + kLargeHeader + kPageSize - 1) & ~(kPageSize - 1);
  if (!within_limit(mapped)) return nullptr;
  Chunk* c = nullptr;
  for (Chunk** at = &kept_; *at != nullptr; at = &(*at)->next) {
    if ((*at)->mapped_size < mapped || (*at)->mapped_size / 2 > mapped) continue;
    c = *at;
    *at = c->next;
    kept_bytes_ -= c->mapped_size;
    --kept_count_;
    mapped = c->mapped_size;
    break;
  }
  if (c == nullptr) {
    // Not from aligned_alloc: its pieces are not found again for aligned blocks, and the process grows without end.
    c = static_cast<Chunk*>(map_large(mapped));
    if (c == nullptr && kept_ != nullptr) {
      drop_kept();
      c = static_cast<Chunk*>(map_large(mapped));
    }
    if (c == nullptr) return nullptr;
    c->mapped_size = mapped;
  }
  c->heap = this;
  c->user_size = size;
  c->large = true;
  if (!table_enter(c)) {
    munmap(c, mapped);
    return nullptr;
  }
  c->prev = nullptr;
  {
    std::lock_guard hold(books_);
    c->next = large_;
    if (large_) large_->prev = c;
    large_ = c;
  }
  stats_.bytes_reserved += mapped;
  ++stats_.large_blocks;
  return reinterpret_cast<char*>(c) + kLargeHeader;
}

// Takes a large block out of the books; its mapping stays.
void Heap::forget_large(Chunk* c) {
  table_leave(c);
  {
    std::lock_guard hold(books_);
    (c->prev ? c->prev->next : large_) = c->next;
    if (c->next) c->next->prev = c->prev;
  }
  stats_.bytes_reserved -= c->mapped_size;
  --stats_.large_blocks;
}

void Heap::drop_kept() {
  while (kept_ != nullptr) {
    Chunk* c = kept_;
    kept_ = c->next;
    munmap(c, c->mapped_size);
  }
  kept_bytes_ = 0;
  kept_count_ = 0;
}

// Grows a large block by moving its pages to a larger place. NULL, and nothing changed, when that fails.
void* Heap::move_large(Chunk* c, size_t mapped) {
  void* place = map_large(mapped);
  if (place == nullptr) return nullptr;
  size_t old = c->mapped_size;
  auto* moved = static_cast<Chunk*>(place);
  // The table first: it alone may need memory.
  bool entered = true;
  for (size_t at = 0; entered && at < mapped; at += kChunkSize) entered = table_slot(static_cast<char*>(place) + at, true) != nullptr;
  if (!entered) {
    munmap(place, mapped);
    return nullptr;
  }
  table_leave(c);
  bool gone;
  {
    std::lock_guard hold(books_);
    gone = mremap(c, old, mapped, MREMAP_MAYMOVE | MREMAP_FIXED, place) != MAP_FAILED;
    if (gone) {
      moved->mapped_size = mapped;
      (moved->prev ? moved->prev->next : large_) = moved;
      if (moved->next) moved->next->prev = moved;
    }
  }
  if (!gone) {
    munmap(place, mapped);
    table_enter(c);
    return nullptr;
  }
  table_enter(moved);
  stats_.bytes_reserved += mapped - old;
  return reinterpret_cast<char*>(moved) + kLargeHeader;
}
static_assert(offsetof(Chunk, span_of_page) <= kLargeHeader);

void Heap::free_slow(Chunk* c, Span* s, void* p) {
  if (c->large) {
    forget_large(c);
    if (c->mapped_size <= kKeptOne && kept_count_ < kKeptCount && kept_bytes_ + c->mapped_size <= kKeptBytes) {
      c->next = kept_;
      kept_ = c;
      kept_bytes_ += c->mapped_size;
      ++kept_count_;
    } else {
      munmap(c, c->mapped_size);
    }
    return;
  }
  if (s->size_class == kRunClass) {
    release_span(c, s);
    return;
  }
  unsigned cls = s->size_class;
  auto* b = static_cast<FreeBlock*>(p);
  b->next = s->free;
  s->free = b;
  --s->used;
  if (!s->listed) {  // it was full
    s->listed = true;
    list_push(cls, s);
  }
  if (s->used == 0 && s != current_[cls]) {
    list_remove(cls, s);
    --span_count_[cls];
    release_span(c, s);
  }
}

void Heap::free_remote(void* p) {
  std::atomic<FreeBlock*>& remote = chunk_of(p)->heap->remote_;
  auto* b = static_cast<FreeBlock*>(p);
  FreeBlock* head = remote.load(std::memory_order_relaxed);
  do {
    b->next = head;
  } while (!remote.compare_exchange_weak(head, b, std::memory_order_release, std::memory_order_relaxed));
}

size_t Heap::usable_size(void* p) {
  Chunk* c = chunk_of(p);
  if (c->large) return c->mapped_size - kLargeHeader;
  const Span* s = &c->spans[c->span_of_page[(reinterpret_cast<uintptr_t>(p) >> 12) & 15]];
  return s->size_class == kRunClass ? s->pages * kPageSize : kClassSize[s->size_class];
}

void* Heap::realloc(void* p, size_t size) {
  size_t old = usable_size(p);
  if (size <= old && (size > old / 2 || old <= 64)) {
    Chunk* c = chunk_of(p);
    if (c->large) c->user_size = size;
    return p;
  }
  Chunk* c = chunk_of(p);
  if (c->large && size > old) {  // try to grow where it lies
    size_t mapped = (size + kLargeHeader + kPageSize - 1) & ~(kPageSize - 1);
    if (within_limit(mapped - c->mapped_size) && mremap(c, c->mapped_size, mapped, 0) != MAP_FAILED) {
      stats_.bytes_reserved += mapped - c->mapped_size;
      c->mapped_size = mapped;
      c->user_size = size;
      if (table_enter(c)) return p;
    }
    if (mapped >= kRemapSize && c->heap == this && within_limit(mapped - c->mapped_size)) {
      if (void* moved = move_large(c, mapped)) {
        chunk_of(moved)->user_size = size;
        return moved;
      }
    }
  }
  void* fresh = alloc(size);
  if (fresh == nullptr) return nullptr;
  std::memcpy(fresh, p, old < size ? old : size);
  if (c->heap == this) {
    free(p);
  } else {
    free_remote(p);
  }
  return fresh;
}

void Heap::drop_all() {
  Chunk *chunks, *large;
  {
    std::lock_guard hold(books_);
    chunks = std::exchange(chunks_, nullptr);
    large = std::exchange(large_, nullptr);
  }
  while (chunks != nullptr) {
    Chunk* c = chunks;
    chunks = c->next;
    table_leave(c);
    pool_give(c);
  }
  while (large != nullptr) {
    Chunk* c = large;
    large = c->next;
    table_leave(c);
    munmap(c, c->mapped_size);
  }
  while (reserve_ != nullptr) {
    Chunk* c = reserve_;
    reserve_ = c->next;
    table_leave(c);
    munmap(c, kChunkSize);
  }
  drop_kept();
  std::memset(roomy_, 0, sizeof roomy_);
  roomy_mask_ = 0;
  empty_chunks_ = 0;
  remote_.store(nullptr, std::memory_order_relaxed);
  stats_ = HeapStats{};
  init(owner_);
}

void Heap::fork_lock() { books_.lock(); }
void Heap::fork_unlock() { books_.unlock(); }

// The owner goes on allocating meanwhile: each field is read once, and a span that is just coming or going counts or not.
HeapFigures Heap::figures() {
  auto read = [](const auto& field) { return __atomic_load_n(&field, __ATOMIC_RELAXED); };
  HeapFigures f{};
  std::lock_guard hold(books_);
  for (Chunk* c = chunks_; c != nullptr; c = c->next) {
    for (unsigned p = 1; p <= kChunkPages; ++p) {
      const Span& s = c->spans[p];
      const size_t pages = read(s.pages), used = read(s.used);
      const uint8_t cls = read(s.size_class);
      if (pages == 0 || used == 0) continue;
      f.blocks += used;
      f.bytes_used += cls < kSizeClasses ? used * kClassSize[cls] : pages * kPageSize;
    }
  }
  for (Chunk* c = large_; c != nullptr; c = c->next) {
    ++f.blocks;
    f.bytes_used += read(c->user_size);
  }
  f.bytes_reserved = read(stats_.bytes_reserved);
  return f;
}

Interpreter* heap_owner_of(const void* p) {
  auto* slot = table_slot(p, false);
  if (slot == nullptr) return nullptr;
  Chunk* c = slot->load(std::memory_order_acquire);
  return c == nullptr ? nullptr : c->heap->owner();
}

#endif

}  // namespace atl
