// The smallest vocabulary of the core: status values, branch hints, checks.
//
// Everything in the core is in namespace atl and built without C++ exceptions and RTTI. A function
// that can fail returns Status, Tri, or an empty Ref, and the exception sits in the ThreadState.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "Python.h"

// The C structs of the interface are filled by designated initialisers; the fields left out are zero.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define ATOLL_LIKELY(x) __builtin_expect(!!(x), 1)
#define ATOLL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ATOLL_INLINE inline __attribute__((always_inline))
#define ATOLL_NOINLINE __attribute__((noinline))
#define ATOLL_COLD __attribute__((noinline, cold))

// Aborts with the place and the condition: for states after which going on would corrupt memory.
#define ATOLL_ENSURE(cond)                                                             \
  do {                                                                                 \
    if (ATOLL_UNLIKELY(!(cond))) ::atl::die(__FILE__, __LINE__, #cond);              \
  } while (0)

// The same in checked (debug) builds only.
#ifdef ATOLL_CHECKED
#define ATOLL_ASSERT(cond) ATOLL_ENSURE(cond)
#else
#define ATOLL_ASSERT(cond) ((void)sizeof(!(cond)))
#endif

// Static objects that are written before the second interpreter can exist and never afterwards.
#define ATOLL_SEALED __attribute__((section("atoll_sealed")))

namespace atl {

[[noreturn]] ATOLL_COLD void die(const char* file, int line, const char* what);

enum class [[nodiscard]] Status : int { kError = -1, kOk = 0 };
// The answer of a question that may fail.
enum class [[nodiscard]] Tri : int { kError = -1, kFalse = 0, kTrue = 1 };

constexpr bool failed(Status s) { return s == Status::kError; }
constexpr bool failed(Tri t) { return t == Tri::kError; }
constexpr Tri tri(bool b) { return b ? Tri::kTrue : Tri::kFalse; }

struct Runtime;
struct Interpreter;
struct ThreadState;

// Runs f when the scope ends.
template <class F>
class [[nodiscard]] ScopeGuard {
 public:
  explicit ScopeGuard(F f) : f_(std::move(f)) {}
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;
  ~ScopeGuard() { f_(); }

 private:
  F f_;
};

}  // namespace atl
