// Counts, allocation and deallocation: the C API on top of the interpreter's heap, and the trashcan.
#include <sys/mman.h>

#include <cstring>
#include <cwchar>

#include "Objects/object/internal.h"
#include "Objects/shape.h"
#include "Objects/type/type.h"
#include "Python/runtime/collector.h"
#include "Python/runtime/runtime.h"

namespace atl {

// ---- deallocation of deep structures -----------------------------------------------------------------------------
//
// Deallocators of containers call each other. From a certain depth on an object is put on the thread's list instead,
// linked through the prev word of its collector links (it is untracked), and the outermost deallocator works the list
// off.

namespace {

constexpr int kTrashDepth = 50;

void trashcan_empty(ThreadState& ts) {
  // Objects put aside while these go are added in front; depth stays above zero, so nobody else empties the list.
  ++ts.trash_delete_nesting;
  while (ts.trashcan != nullptr) {
    auto* o = static_cast<PyObject*>(ts.trashcan);
    GcLinks* links = gc_links(o);
    ts.trashcan = reinterpret_cast<void*>(links->prev & ~kGcFlags);
    links->prev &= kGcFinalized;
    o->ob_type->tp_dealloc(o);
  }
  --ts.trash_delete_nesting;
}

}  // namespace

bool trashcan_begin(ThreadState& ts, PyObject* o) {
  // Called from within the dealloc of a class: that one has decided already, and half of its work is done.
  if (o->ob_type->tp_dealloc == type_subtype_dealloc()) {
    ++ts.trash_delete_nesting;
    return false;
  }
  return trashcan_begin_class(ts, o);
}

bool trashcan_begin_class(ThreadState& ts, PyObject* o) {
  if (ATOLL_UNLIKELY(ts.trash_delete_nesting >= kTrashDepth)) {
    GcLinks* links = gc_links(o);
    ATOLL_ASSERT(links->next == 0);
    links->prev = reinterpret_cast<uintptr_t>(ts.trashcan) | (links->prev & kGcFinalized);
    ts.trashcan = o;
    return true;
  }
  ++ts.trash_delete_nesting;
  return false;
}

void trashcan_end(ThreadState& ts) {
  --ts.trash_delete_nesting;
  if (ATOLL_UNLIKELY(ts.trashcan != nullptr && ts.trash_delete_nesting <= 0)) trashcan_empty(ts);
}

namespace {

// ---- memory without an object around it --------------------------------------------------------------------------
//
// With a current thread the interpreter's heap serves; without one (before bring-up, after the end) malloc does. The
// chunk table tells them apart.

#ifdef ATOLL_MALLOC_OBJECTS
// Sanitizer builds have no chunk table: blocks of no interpreter get the prefix that the heap's have, without a heap.
constexpr size_t kPrefix = 32;
void* ownerless_malloc(size_t n) {
  auto* block = static_cast<char*>(std::calloc(1, kPrefix + n));
  return block != nullptr ? block + kPrefix : nullptr;
}
void ownerless_free(void* p) { std::free(static_cast<char*>(p) - kPrefix); }
void* ownerless_realloc(void* p, size_t n) {
  auto* block = static_cast<char*>(std::realloc(static_cast<char*>(p) - kPrefix, kPrefix + n));
  return block != nullptr ? block + kPrefix : nullptr;
}
Interpreter* owner_of(void* p) {
  Heap* heap = *reinterpret_cast<Heap**>(static_cast<char*>(p) - kPrefix);
  return heap != nullptr ? heap->owner() : nullptr;
}
#else
void* ownerless_malloc(size_t n) { return std::malloc(n); }
void ownerless_free(void* p) { std::free(p); }
void* ownerless_realloc(void* p, size_t n) { return std::realloc(p, n); }
Interpreter* owner_of(void* p) { return heap_owner_of(p); }
#endif

void* heap_malloc(size_t n) {
  if (ATOLL_UNLIKELY(n > static_cast<size_t>(PY_SSIZE_T_MAX))) return nullptr;
  if (n == 0) n = 1;
  ThreadState* ts = current_thread_or_null();
  if (ATOLL_UNLIKELY(ts == nullptr)) return ownerless_malloc(n);
  return ts->interpreter().heap.alloc(n);
}

void* heap_calloc(size_t count, size_t size) {
  size_t n;
  if (__builtin_mul_overflow(count, size, &n)) return nullptr;
  void* p = heap_malloc(n);
  if (p != nullptr) std::memset(p, 0, n);
  return p;
}

void heap_free(void* p) {
  if (p == nullptr) return;
  Interpreter* owner = owner_of(p);
  if (ATOLL_UNLIKELY(owner == nullptr)) {
    ownerless_free(p);
    return;
  }
  ThreadState* ts = current_thread_or_null();
  if (ATOLL_LIKELY(ts != nullptr && owner == &ts->interpreter())) {
    owner->heap.free(p);
  } else {
    Heap::free_remote(p);
  }
}

void* heap_realloc(void* p, size_t n) {
  if (p == nullptr) return heap_malloc(n);
  if (n > static_cast<size_t>(PY_SSIZE_T_MAX)) return nullptr;
  if (n == 0) n = 1;
  Interpreter* owner = owner_of(p);
  if (owner == nullptr) return ownerless_realloc(p, n);
  ThreadState* ts = current_thread_or_null();
  if (ts != nullptr && owner == &ts->interpreter()) return owner->heap.realloc(p, n);
  void* fresh = heap_malloc(n);
  if (fresh == nullptr) return nullptr;
  size_t old = Heap::usable_size(p);
  std::memcpy(fresh, p, old < n ? old : n);
  Heap::free_remote(p);
  return fresh;
}

void* raw_malloc(size_t n) { return n > static_cast<size_t>(PY_SSIZE_T_MAX) ? nullptr : std::malloc(n != 0 ? n : 1); }
void* raw_calloc(size_t count, size_t size) {
  if (count == 0 || size == 0) count = size = 1;
  return std::calloc(count, size);
}
void* raw_realloc(void* p, size_t n) {
  return n > static_cast<size_t>(PY_SSIZE_T_MAX) ? nullptr : std::realloc(p, n != 0 ? n : 1);
}

void* arena_alloc(void*, size_t size) {
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}
void arena_free(void*, void* p, size_t size) { munmap(p, size); }

bool type_is_gc(PyObject* o) {
  PyTypeObject* t = o->ob_type;
  return (t->tp_flags & Py_TPFLAGS_HAVE_GC) && (t->tp_is_gc == nullptr || t->tp_is_gc(o));
}

}  // namespace

// Does the dealloc that runs for an instance of a heap type drop the instance's reference on its type? For classes
// made by the class statement their own dealloc (subtype_dealloc) does, unless the base's dealloc it calls belongs to a
// heap type. A heap type with a dealloc of its own drops it there; when such a type derives from a static type with
// data it ends in that base's dealloc, and, as in compiled extensions, drops the reference itself afterwards.
void drop_type_reference(PyTypeObject* type) {
  PyTypeObject* owner = type;
  while (owner != nullptr && owner->tp_dealloc == type_subtype_dealloc()) owner = owner->tp_base;
  if (owner == nullptr || !(owner->tp_flags & Py_TPFLAGS_HEAPTYPE)) return;
  PyTypeObject* first_static = owner;
  while (first_static->tp_flags & Py_TPFLAGS_HEAPTYPE) first_static = first_static->tp_base;
  if (first_static == &PyBaseObject_Type) decref(obj(type));
}

}  // namespace atl

// ---- C API: counts -----------------------------------------------------------------------------------------------

using namespace atl;

namespace {
// An extension has let go of a shared object too often, or set its count.
ATOLL_COLD bool restore_immortal(PyObject* o) {
  if (!is_sealed_address(o)) return false;
  o->ob_refcnt = kImmortalRefcnt;
  return true;
}
}  // namespace

void Py_IncRef(PyObject* o) { xincref(o); }
void Py_DecRef(PyObject* o) { xdecref(o); }
void _Py_IncRef(PyObject* o) { incref(o); }
void _Py_DecRef(PyObject* o) { decref(o); }
PyObject*(Py_NewRef)(PyObject* o) { return new_ref(o); }
PyObject*(Py_XNewRef)(PyObject* o) {
  xincref(o);
  return o;
}
int(Py_Is)(PyObject* a, PyObject* b) { return a == b; }
int(Py_IsNone)(PyObject* o) { return o == Py_None; }
void _Py_NewReference(PyObject* o) {
  if (!is_immortal(o)) o->ob_refcnt = 1;
}
void _Py_Dealloc(PyObject* o) {
  if (ATOLL_UNLIKELY(may_be_sealed(o)) && restore_immortal(o)) return;
  o->ob_type->tp_dealloc(o);
}

// ---- C API: memory -----------------------------------------------------------------------------------------------

void* PyObject_Malloc(size_t n) { return heap_malloc(n); }
void* PyObject_Calloc(size_t count, size_t size) { return heap_calloc(count, size); }
void* PyObject_Realloc(void* p, size_t n) { return heap_realloc(p, n); }
void PyObject_Free(void* p) { heap_free(p); }
void* PyMem_Malloc(size_t n) { return heap_malloc(n); }
void* PyMem_Calloc(size_t count, size_t size) { return heap_calloc(count, size); }
void* PyMem_Realloc(void* p, size_t n) { return heap_realloc(p, n); }
void PyMem_Free(void* p) { heap_free(p); }
void* PyMem_RawMalloc(size_t n) { return raw_malloc(n); }
void* PyMem_RawCalloc(size_t count, size_t size) { return raw_calloc(count, size); }
void* PyMem_RawRealloc(void* p, size_t n) { return raw_realloc(p, n); }
void PyMem_RawFree(void* p) { std::free(p); }

char* _PyMem_RawStrdup(const char* s) {
  size_t n = std::strlen(s) + 1;
  auto* copy = static_cast<char*>(raw_malloc(n));
  if (copy != nullptr) std::memcpy(copy, s, n);
  return copy;
}
wchar_t* _PyMem_RawWcsdup(const wchar_t* s) {
  size_t n = (std::wcslen(s) + 1) * sizeof(wchar_t);
  auto* copy = static_cast<wchar_t*>(raw_malloc(n));
  if (copy != nullptr) std::memcpy(copy, s, n);
  return copy;
}
char* _PyMem_Strdup(const char* s) {
  size_t n = std::strlen(s) + 1;
  auto* copy = static_cast<char*>(heap_malloc(n));
  if (copy != nullptr) std::memcpy(copy, s, n);
  return copy;
}

void PyMem_GetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx* allocator) {
  if (domain == PYMEM_DOMAIN_RAW) {
    *allocator = {nullptr, [](void*, size_t n) { return raw_malloc(n); },
                  [](void*, size_t count, size_t size) { return raw_calloc(count, size); },
                  [](void*, void* p, size_t n) { return raw_realloc(p, n); }, [](void*, void* p) { std::free(p); }};
  } else {
    *allocator = {nullptr, [](void*, size_t n) { return heap_malloc(n); },
                  [](void*, size_t count, size_t size) { return heap_calloc(count, size); },
                  [](void*, void* p, size_t n) { return heap_realloc(p, n); }, [](void*, void* p) { heap_free(p); }};
  }
}
// Interpreters own their heaps, so the allocators can't be exchanged under them: the request is ignored.
void PyMem_SetAllocator(PyMemAllocatorDomain, PyMemAllocatorEx*) {}
void PyMem_SetupDebugHooks(void) {}
const char* _PyMem_GetCurrentAllocatorName(void) { return "atoll"; }
void PyObject_GetArenaAllocator(PyObjectArenaAllocator* allocator) { *allocator = {nullptr, arena_alloc, arena_free}; }
void PyObject_SetArenaAllocator(PyObjectArenaAllocator*) {}

void _PyObject_DebugTypeStats(FILE* out) {
  HeapStats s = current_thread().interpreter().heap.stats();
  std::fprintf(out, "heap: %zu bytes in %zu chunks and %zu large blocks\n", s.bytes_reserved, s.chunks, s.large_blocks);
}
void _PyDebugAllocatorStats(FILE* out, const char* name, int free_blocks, size_t size) {
  std::fprintf(out, "%d free %zu-sized %s, %zu bytes\n", free_blocks, size, name, static_cast<size_t>(free_blocks) * size);
}

// ---- C API: objects ----------------------------------------------------------------------------------------------

PyObject* PyObject_Init(PyObject* o, PyTypeObject* type) {
  if (o == nullptr) return raise_memory(current_thread());
  o->ob_type = type;
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) incref(obj(type));
  o->ob_refcnt = 1;
  return o;
}
PyVarObject* PyObject_InitVar(PyVarObject* o, PyTypeObject* type, Py_ssize_t size) {
  if (o == nullptr) return raise_memory(current_thread());
  o->ob_size = size;
  PyObject_Init(obj(o), type);
  return o;
}

PyObject* _PyObject_New(PyTypeObject* type) {
  ThreadState& ts = current_thread();
  auto* o = static_cast<PyObject*>(object_alloc(ts, static_cast<size_t>(type->tp_basicsize)));
  return o != nullptr ? PyObject_Init(o, type) : nullptr;
}
PyVarObject* _PyObject_NewVar(PyTypeObject* type, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  auto* o = static_cast<PyVarObject*>(object_alloc(ts, _PyObject_VAR_SIZE(type, n)));
  return o != nullptr ? PyObject_InitVar(o, type, n) : nullptr;
}

PyObject* _PyObject_GC_New(PyTypeObject* type) {
  return new_object_sized(current_thread(), type, static_cast<size_t>(type->tp_basicsize));
}
PyVarObject* _PyObject_GC_NewVar(PyTypeObject* type, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n < 0) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  auto* o = reinterpret_cast<PyVarObject*>(new_object_sized(ts, type, _PyObject_VAR_SIZE(type, n)));
  if (o != nullptr) o->ob_size = n;
  return o;
}
PyVarObject* _PyObject_GC_Resize(PyVarObject* o, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  PyTypeObject* type = o->ob_base.ob_type;
  size_t pre = pre_header_size(type);
  size_t size = _PyObject_VAR_SIZE(type, n);
  if (size > static_cast<size_t>(PY_SSIZE_T_MAX) - pre) return raise_memory(ts);
  ATOLL_ASSERT(!gc_is_tracked(o));
  auto* block = static_cast<char*>(heap_realloc(reinterpret_cast<char*>(o) - pre, pre + size));
  if (block == nullptr) return raise_memory(ts);
  o = reinterpret_cast<PyVarObject*>(block + pre);
  o->ob_size = n;
  return o;
}
void PyObject_GC_Del(void* p) {
  ThreadState& ts = current_thread();
  auto* o = static_cast<PyObject*>(p);
  if (o->ob_type->tp_flags & Py_TPFLAGS_HAVE_GC) untrack(o);
  free_object(ts, o);
}
void PyObject_GC_Track(void* p) {
  if (!gc_is_tracked(p)) track(current_thread(), p);
}
void PyObject_GC_UnTrack(void* p) {
  if (!is_immortal(static_cast<PyObject*>(p)) || gc_is_tracked(p)) untrack(p);
}
int PyObject_IS_GC(PyObject* o) { return type_is_gc(o); }
int PyObject_GC_IsTracked(PyObject* o) { return type_is_gc(o) && gc_is_tracked(o); }
int PyObject_GC_IsFinalized(PyObject* o) { return type_is_gc(o) && (gc_links(o)->prev & kGcFinalized) != 0; }

// ---- C API: finalization -----------------------------------------------------------------------------------------

void PyObject_CallFinalizer(PyObject* o) { object_finalize_once(o); }

int PyObject_CallFinalizerFromDealloc(PyObject* o) {
  ATOLL_ENSURE(o->ob_refcnt == 0);
  o->ob_refcnt = 1;
  object_finalize_once(o);
  if (--o->ob_refcnt == 0) return 0;
  return -1;
}

int _PyTrash_begin(PyThreadState* tstate, PyObject* o) {
  return trashcan_begin_class(static_cast<ThreadState&>(*tstate), o) ? 1 : 0;
}
void _PyTrash_end(PyThreadState* tstate) { trashcan_end(static_cast<ThreadState&>(*tstate)); }
int _PyTrash_cond(PyObject* o, destructor dealloc) { return o->ob_type->tp_dealloc == dealloc; }

// ---- C API: the collector ----------------------------------------------------------------------------------------

Py_ssize_t PyGC_Collect(void) {
  ThreadState& ts = current_thread();
  if (!ts.interpreter().gc.enabled) return 0;
  ErrorStash stash(ts);
  return gc_collect(ts, 2);
}
int PyGC_Enable(void) { return std::exchange(current_thread().interpreter().gc.enabled, true); }
int PyGC_Disable(void) { return std::exchange(current_thread().interpreter().gc.enabled, false); }
int PyGC_IsEnabled(void) { return current_thread().interpreter().gc.enabled; }
