// What types carry per interpreter.
//
// A static type, built-in or from an extension, is shared, and whatever would change in it (subclasses, weak references)
// stands in the interpreter's TypeState, found by the index in the type's record. A heap type belongs to one interpreter
// and keeps the same data in its own record.
#pragma once

#include "Python/runtime/leaf_lock.h"
#include "Python/runtime/ref.h"

namespace atl {

struct ShapeTable;

// Borrowed pointers, in order of definition; a subclass takes itself out when it dies.
struct SubclassList {
  PyTypeObject** items;
  uint32_t size;
  uint32_t capacity;
};

struct TypeMutable {
  SubclassList subclasses;
  PyObject* weaklist;
};

// Flags of tp_flags that are Atoll's (free bits of 3.11).
inline constexpr unsigned long kTypeStaticBuiltin = 1ul << 1;
inline constexpr unsigned long kTypeHasRecord = 1ul << 32;
// Instances have the 32-byte pre-header: dict word, shape word, collector links. Same bit as 3.11's managed dict.
inline constexpr unsigned long kTypeShaped = 1ul << 4;
// Inherited tests for exact speed paths; set by type creation.
inline constexpr unsigned long kTypeGenericGetattr = 1ul << 33;  // tp_getattro is object's

// The side record of a type, reached through tp_cache when kTypeHasRecord is set.
struct TypeRecord {
  PyTypeObject* type;     // a record whose back pointer differs (a copied struct) counts as none
  int32_t static_index;   // >= 0: static type; its mutable part is in the interpreter's TypeState
  uint32_t flags;
  TypeMutable own;        // heap types only
  ShapeTable* shapes;     // shaped heap types only
};

ATOLL_INLINE TypeRecord* type_record(const PyTypeObject* type) {
  if (!(type->tp_flags & kTypeHasRecord)) return nullptr;
  auto* r = reinterpret_cast<TypeRecord*>(type->tp_cache);
  return r != nullptr && r->type == type ? r : nullptr;
}

struct MethodCacheEntry {
  uint32_t version;
  PyObject* name;   // borrowed; interned
  PyObject* value;  // borrowed; the version protects it. NULL: looked up and not there
};
inline constexpr uint32_t kMethodCacheSize = 1024;

inline constexpr uint32_t kStaticsPerPage = 64;
struct TypeState {
  TypeMutable** pages;           // by static index / kStaticsPerPage; made when first needed, and they don't move
  uint32_t page_count;
  uint32_t next_version;         // for heap types, from kFirstHeapVersion; 0 once exhausted
  MethodCacheEntry* method_cache;  // kMethodCacheSize entries, made on first use
};
// Versions of static types are process-wide and lie below, those of an interpreter's heap types from here on.
inline constexpr uint32_t kFirstHeapVersion = 1u << 24;

Status type_state_init(Interpreter& interp);
void type_state_clear(Interpreter& interp);

// The mutable part of a static or heap type in the given interpreter; NULL when the type has no record or there is no
// memory. The address holds as long as the interpreter.
TypeMutable* type_mutable(Interpreter& interp, PyTypeObject* type);
// The same, but NULL also while nothing has been kept for the type.
TypeMutable* type_peek_mutable(Interpreter& interp, PyTypeObject* type);

// ---- static types ------------------------------------------------------------------------------------------------

// The record of an extension's static type, with what is reachable from it: the memory stays as long as the type's own.
struct LastingBlock {
  LastingBlock* next;
  size_t used, size;
};
struct LastingType {
  TypeRecord record;
  LastingBlock* blocks;
};

// Indices are given out once, to built-in types first; those of an unloaded extension's types are used again.
struct StaticTypeRegistry {
  LeafMutex lock{LockRank::kStaticTypes};  // guards all below
  TypeRecord** records = nullptr;  // by index; NULL: free
  uint32_t count = 0;
  uint32_t capacity = 0;
  uint32_t first_free = 0;  // no free index below
};

// Gives the record its index. False: no memory.
bool static_type_register(TypeRecord* record);
// A new record of an extension's static type, registered; NULL: no memory.
TypeRecord* lasting_type_new(PyTypeObject* type);
// Zeroed, 16-byte aligned memory that stays as long as the type's record. One thread at a time per type.
void* lasting_alloc(TypeRecord* record, size_t size);
// The extension whose data lies in [begin, end) is being unloaded, and no interpreter knows its types any more.
void static_types_forget(const void* begin, const void* end);

}  // namespace atl
