#include "Python/runtime/leaf_lock.h"

#ifdef ATOLL_CHECKED

#include "Python/runtime/thread_state.h"

namespace atl::lock_check {

namespace {

constexpr unsigned kRanks = static_cast<unsigned>(LockRank::kCount);
static_assert(kRanks < 31);

// Bit r: this thread holds a leaf of rank r. The highest bit: nothing is checked.
constinit thread_local uint32_t t_held_leaves __attribute__((tls_model("initial-exec"))) = 0;
constexpr uint32_t kPaused = 1u << 31;

constexpr const char* kNames[kRanks] = {"interpreter table", "thread list", "helper", "library images", "static types", "sealed arena",
                                        "channel registry", "channel", "heap books", "heap blocks", "chunk pool", "C library", "GIL"};
static_assert(kNames[kRanks - 1] != nullptr, "a rank without a name");

constexpr uint32_t bit(LockRank rank) { return 1u << static_cast<unsigned>(rank); }

// The leaves under which one of this rank may be taken.
constexpr uint32_t allowed_outer(LockRank inner) {
  uint32_t bits = 0;
  for (const Nesting& n : kNestings) {
    if (n.inner == inner) bits |= bit(n.outer);
  }
  return bits;
}

[[noreturn]] void broken(const char* what, const char* which) {
  std::fprintf(stderr, "lock order: %s %s; held:", what, which);
  for (unsigned r = 0; r < kRanks; ++r) {
    if (t_held_leaves & (1u << r)) std::fprintf(stderr, " %s", kNames[r]);
  }
  if (t_current != nullptr) std::fprintf(stderr, " (a GIL)");
  std::fputc('\n', stderr);
  die(__FILE__, __LINE__, "the lock rule is broken");
}

}  // namespace

void taking(LockRank rank) {
  if (t_held_leaves & kPaused) return;
  if (t_held_leaves & ~allowed_outer(rank)) broken("taking", kNames[static_cast<unsigned>(rank)]);
  t_held_leaves |= bit(rank);
}
void released(LockRank rank) { t_held_leaves &= ~bit(rank) | kPaused; }

void waiting(const char* for_what) {
  if (t_held_leaves & kPaused) return;
  if (t_held_leaves != 0 || t_current != nullptr) broken("waiting for", for_what);
}
void waiting_for_gil() {
  if (t_held_leaves & kPaused) return;
  if (t_held_leaves != 0 || t_current != nullptr) broken("waiting for", "a GIL");
}
void pause() { t_held_leaves |= kPaused; }
void resume() { t_held_leaves = 0; }
unsigned held() { return static_cast<unsigned>(__builtin_popcount(t_held_leaves & ~kPaused)); }

}  // namespace atl::lock_check

#endif
