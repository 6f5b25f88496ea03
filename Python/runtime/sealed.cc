#include "Python/runtime/sealed.h"

#include <sys/mman.h>

#include <cstring>

#include "Python/runtime/runtime.h"

namespace atl {

namespace {

constexpr size_t kReserve = size_t{64} << 20;  // not touched, not used; names and constants of the library are the most of it
constexpr size_t kSealedPage = 4096;

// The section's whole pages. In the executable these are all (sealed_end.cc); a library's section may share its first
// and last page with other data.
SealedRange section_pages() {
  auto begin = (reinterpret_cast<uintptr_t>(__start_atoll_sealed) + kSealedPage - 1) & ~(kSealedPage - 1);
  auto end = reinterpret_cast<uintptr_t>(__stop_atoll_sealed) & ~(kSealedPage - 1);
  if (end < begin) end = begin;
  return {reinterpret_cast<const char*>(begin), reinterpret_cast<const char*>(end)};
}

// A count is left out: words near the value that immortal objects start with count as equal.
uint64_t without_count(uint64_t word) {
  constexpr uint64_t kNear = uint64_t{1} << 40;
  constexpr auto kCount = uint64_t{1} << 62;
  return word - (kCount - kNear) < 2 * kNear ? kCount : word;
}

uint64_t page_sum(const char* page) {
  uint64_t h = 14695981039346656037u;
  for (size_t i = 0; i < kSealedPage; i += 8) {
    uint64_t word;
    std::memcpy(&word, page + i, 8);
    h = (h ^ without_count(word)) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return h;
}

// Below 4 GiB where there is room: see may_be_sealed.
void* map_arena() {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  for (uintptr_t at : {uintptr_t{0x60000000}, uintptr_t{0x50000000}, uintptr_t{0x70000000}, uintptr_t{0x40000000}}) {
    void* p = mmap(reinterpret_cast<void*>(at), kReserve, PROT_READ | PROT_WRITE, kFlags | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == reinterpret_cast<void*>(at)) return p;
    if (p != MAP_FAILED) munmap(p, kReserve);  // a kernel that does not know the flag
  }
  return mmap(nullptr, kReserve, PROT_READ | PROT_WRITE, kFlags, -1, 0);
}

void protect(const char* begin, const char* end) {
  if (begin == end) return;
  ATOLL_ENSURE(mprotect(const_cast<char*>(begin), static_cast<size_t>(end - begin), PROT_READ) == 0);
}

void add_sums(SealedState& s, const char* begin, const char* end) {
  size_t n = static_cast<size_t>(end - begin) / kSealedPage;
  if (n == 0) return;
  auto* grown = static_cast<uint64_t*>(std::realloc(s.sums, (s.sum_count + n) * sizeof(uint64_t)));
  ATOLL_ENSURE(grown != nullptr);
  s.sums = grown;
  for (size_t i = 0; i < n; ++i) s.sums[s.sum_count++] = page_sum(begin + i * kSealedPage);
}

}  // namespace

void* sealed_alloc(size_t size) {
  SealedState& s = runtime().sealed;
  std::lock_guard hold(s.lock);
  size = (size + 15) & ~size_t{15};
  if (s.arena == nullptr) {
    void* p = map_arena();
    if (p == MAP_FAILED) return nullptr;
    s.arena = static_cast<char*>(p);
    s.size = kReserve;
  }
  if (size > s.size - s.used) return nullptr;
  void* p = s.arena + s.used;
  s.used += size;
  return p;
}

bool is_sealed_address(const void* p) {
  SealedState& s = runtime().sealed;
  auto* c = static_cast<const char*>(p);
  return (c >= s.arena && c < s.arena + s.size) || (c >= __start_atoll_sealed && c < __stop_atoll_sealed);
}

void sealed_check(bool read_only) {
  runtime().sealed.checking = true;
  runtime().sealed.read_only = read_only;
}

void sealed_close() {
  SealedState& s = runtime().sealed;
  if (!s.checking) return;
  std::lock_guard hold(s.lock);
  if (!s.section_closed) {
    SealedRange section = section_pages();
    add_sums(s, section.begin, section.end);
    s.section_pages = s.sum_count;
    if (s.read_only) protect(section.begin, section.end);
    s.section_closed = true;
  }
  size_t to = (s.used + kSealedPage - 1) & ~(kSealedPage - 1);
  if (to > s.size) to = s.size;
  add_sums(s, s.arena + s.closed, s.arena + to);
  if (s.read_only) protect(s.arena + s.closed, s.arena + to);
  s.closed = s.used = to;
}

void sealed_open() {
  SealedState& s = runtime().sealed;
  std::lock_guard hold(s.lock);
  SealedRange ranges[kSealedRangeCount];
  sealed_ranges(ranges);
  for (const SealedRange& r : ranges) {
    if (!s.read_only || r.begin == r.end) continue;
    ATOLL_ENSURE(mprotect(const_cast<char*>(r.begin), static_cast<size_t>(r.end - r.begin), PROT_READ | PROT_WRITE) == 0);
  }
  s.section_closed = false;
  s.closed = 0;
  std::free(s.sums);
  s.sums = nullptr;
  s.sum_count = 0;
}

void sealed_ranges(SealedRange* out) {
  SealedState& s = runtime().sealed;
  out[0] = s.section_closed ? section_pages() : SealedRange{nullptr, nullptr};
  out[1] = {s.arena, s.arena + s.closed};
}

bool sealed_is_protected(const void* p) {
  if (!runtime().sealed.read_only) return false;
  SealedRange ranges[kSealedRangeCount];
  sealed_ranges(ranges);
  auto* c = static_cast<const char*>(p);
  for (const SealedRange& r : ranges) {
    if (c >= r.begin && c < r.end) return true;
  }
  return false;
}

const void* sealed_first_change() {
  SealedState& s = runtime().sealed;
  std::lock_guard hold(s.lock);
  SealedRange ranges[kSealedRangeCount];
  sealed_ranges(ranges);
  size_t at = 0;
  for (const SealedRange& r : ranges) {
    for (const char* page = r.begin; page < r.end; page += kSealedPage, ++at) {
      if (page_sum(page) != s.sums[at]) return page;
    }
  }
  return nullptr;
}

}  // namespace atl
