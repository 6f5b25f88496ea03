// Checked builds: an object is touched only by the interpreter that owns it. Every change of a mortal count asks.
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"

#ifdef ATOLL_CHECKED

namespace atl {

namespace {

#ifdef ATOLL_MALLOC_OBJECTS
// The owner stands in the block's prefix. What is no block (static data of extensions) has anything there: only a heap that
// exists counts.
__attribute__((no_sanitize("address", "thread"))) Heap* heap_of(const PyObject* o) {
  constexpr size_t kPrefix = 32;
  return *reinterpret_cast<Heap* const*>(reinterpret_cast<const char*>(o) - pre_header_size(o->ob_type) - kPrefix);
}
Interpreter* foreign_owner(ThreadState& ts, const PyObject* o) {
  Heap* heap = heap_of(o);
  if (heap == &ts.interpreter().heap || heap == nullptr) return nullptr;
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  for (size_t i = 0; i < rt.interpreter_count; ++i) {
    if (&rt.interpreters[i]->heap == heap) return rt.interpreters[i];
  }
  return nullptr;
}
#else
Interpreter* foreign_owner(ThreadState& ts, const PyObject* o) {
  Interpreter* owner = heap_owner_of(o);
  return owner != &ts.interpreter() ? owner : nullptr;
}
#endif

}  // namespace

void check_toucher(const PyObject* o) {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr) return;
  Interpreter* owner = foreign_owner(*ts, o);
  // Those that share a lock may hand each other objects: extensions of the old kind do.
  if (owner == nullptr || owner->gil == ts->interpreter().gil) return;
  upcall_report_foreign(*ts, o, *owner);
}

}  // namespace atl

#endif
