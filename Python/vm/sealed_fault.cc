#include "Python/vm/sealed_fault.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "Objects/type/type.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"
#include "Python/vm/dump.h"

namespace atl {

namespace {

// A type that this process knows, told without touching what may not be memory.
const PyTypeObject* known_type(const void* p) {
  StaticTypeRegistry& all = runtime().static_types;
  for (uint32_t i = 0; i < all.count; ++i) {
    if (all.records[i] != nullptr && all.records[i]->type == p) return all.records[i]->type;
  }
  return nullptr;
}

// The object that an address in sealed memory belongs to: the nearest head before it, immortal and of a known type.
const PyObject* object_around(const char* p) {
  SealedRange ranges[kSealedRangeCount];
  sealed_ranges(ranges);
  for (const SealedRange& r : ranges) {
    if (p < r.begin || p >= r.end) continue;
    constexpr ptrdiff_t kFurthest = 64 << 10;
    const char* at = p - (reinterpret_cast<uintptr_t>(p) & 7);
    if (at + sizeof(PyObject) > r.end) at -= sizeof(PyObject);
    for (; at >= r.begin && p - at < kFurthest; at -= 8) {
      auto* o = reinterpret_cast<const PyObject*>(at);
      if (is_immortal(o) && o->ob_type != nullptr && known_type(o->ob_type) != nullptr) return o;
    }
  }
  return nullptr;
}

void describe(int fd, const void* address) {
  auto* p = static_cast<const char*>(address);
  dump_text(fd, "  address 0x");
  dump_hex(fd, reinterpret_cast<uintptr_t>(p), 16);
  const PyObject* o = object_around(p);
  if (o == nullptr) {
    dump_text(fd, " in no known object\n");
    return;
  }
  auto offset = static_cast<uint64_t>(p - reinterpret_cast<const char*>(o));
  dump_text(fd, offset < 8 ? ", the count" : "");
  if (offset >= 8) {
    dump_text(fd, ", byte ");
    dump_decimal(fd, offset);
  }
  dump_text(fd, " of the object of type '");
  dump_text(fd, o->ob_type->tp_name);
  dump_text(fd, "' at 0x");
  dump_hex(fd, reinterpret_cast<uintptr_t>(o), 16);
  if (const auto* type = known_type(o)) {
    dump_text(fd, ", the type '");
    dump_text(fd, type->tp_name);
    dump_text(fd, "'");
  } else if (o->ob_type == &PyUnicode_Type && reinterpret_cast<const PyASCIIObject*>(o)->state.ascii) {
    dump_text(fd, ", the text '");
    dump_text(fd, reinterpret_cast<const char*>(reinterpret_cast<const PyASCIIObject*>(o) + 1));
    dump_text(fd, "'");
  }
  dump_text(fd, "\n");
}

void on_write(int signum, siginfo_t* info, void*) {
  // The default action takes over, for this and whatever goes wrong in here.
  struct sigaction plain = {};
  plain.sa_handler = SIG_DFL;
  (void)sigaction(signum, &plain, nullptr);
  if (info->si_code > 0 && sealed_fault_report(STDERR_FILENO, info->si_addr)) std::abort();
}

}  // namespace

bool sealed_fault_report(int fd, const void* address) {
  if (!sealed_is_protected(address)) return false;
  dump_text(fd, "Fatal Python error: a write to an object that all interpreters share (-X isolation=check)\n");
  describe(fd, address);
  dump_text(fd, "\n");
  if (ThreadState* ts = thread_state_here()) {
    dump_text(fd, "Interpreter ");
    dump_decimal(fd, static_cast<uint64_t>(ts->interpreter().id));
    dump_text(fd, "\n");
    dump_stack(fd, ts);
  }
  return true;
}

void sealed_fault_install() {
  // Writing can happen where the stack is at its end; the main thread gets one of its own for the handler.
  constexpr size_t kStack = 64 << 10;
  if (void* memory = std::malloc(kStack)) {
    stack_t stack = {};
    stack.ss_sp = memory;
    stack.ss_size = kStack;
    (void)sigaltstack(&stack, nullptr);
  }
  struct sigaction action = {};
  action.sa_sigaction = on_write;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  (void)sigaction(SIGSEGV, &action, nullptr);
}

void upcall_report_foreign(ThreadState& ts, const PyObject* o, Interpreter& owner) {
  constexpr int fd = STDERR_FILENO;
  dump_text(fd, "Fatal Python error: an object of another interpreter is touched\n  the object of type '");
  dump_text(fd, o->ob_type->tp_name);
  dump_text(fd, "' at 0x");
  dump_hex(fd, reinterpret_cast<uintptr_t>(o), 16);
  dump_text(fd, " belongs to interpreter ");
  dump_decimal(fd, static_cast<uint64_t>(owner.id));
  dump_text(fd, "\n\nTouched in interpreter ");
  dump_decimal(fd, static_cast<uint64_t>(ts.interpreter().id));
  dump_text(fd, "\n");
  dump_stack(fd, &ts);
  dump_text(fd, "\nThe threads of interpreter ");
  dump_decimal(fd, static_cast<uint64_t>(owner.id));
  dump_text(fd, "\n");
  dump_threads(fd, &owner, nullptr);
  std::abort();
}

void sealed_verify(ThreadState* ts, const char* when) {
  if (!runtime().sealed.checking) return;
  const void* changed = sealed_first_change();
  if (changed == nullptr) return;
  dump_text(STDERR_FILENO, "Fatal Python error: objects that all interpreters share have changed; noticed ");
  dump_text(STDERR_FILENO, when);
  dump_text(STDERR_FILENO, "\n  on the page that begins at");
  describe(STDERR_FILENO, changed);
  if (ts != nullptr) dump_stack(STDERR_FILENO, ts);
  std::abort();
}

}  // namespace atl
