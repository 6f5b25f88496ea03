// What types carry per interpreter.
//
// A shared static type is never written after bring-up; whatever would change in it (subclasses, weak references)
// stands in interp.types.statics[index], index from the type's record. A heap type belongs to one interpreter and
// keeps the same data in its own record.
#pragma once

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
  int32_t static_index;   // >= 0: shared static type; its mutable part is in interp.types.statics
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

struct TypeState {
  TypeMutable* statics;          // by static index
  uint32_t statics_size;
  uint32_t next_version;         // for heap types, from kFirstHeapVersion; 0 once exhausted
  MethodCacheEntry* method_cache;  // kMethodCacheSize entries, made on first use
};
inline constexpr uint32_t kFirstHeapVersion = 1u << 16;

Status type_state_init(Interpreter& interp);
void type_state_clear(Interpreter& interp);

// The mutable part of a static or heap type in the given interpreter.
TypeMutable* type_mutable(Interpreter& interp, PyTypeObject* type);

}  // namespace atl
