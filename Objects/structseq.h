// Struct sequences inside the core.
#pragma once

#include "Objects/object.h"
#include "Include/structseq.h"

extern "C" {
PyAPI_FUNC(PyTypeObject*) _PyStructSequence_NewType(PyStructSequence_Desc* desc, unsigned long flags);
}

namespace atl {

// What PyStructSequence_UnnamedField points to.
inline constexpr char kUnnamedField[] = "unnamed field";

// A type that all interpreters share. Fields end with one without a name.
struct StructSpec {
  const char* name;
  const char* doc;
  const PyStructSequence_Field* fields;
  int visible;
  unsigned long flags = 0;  // beside the usual ones
  newfunc new_ = nullptr;   // where instances are not made from a sequence
};
#define ATOLL_STATIC_STRUCT(type, spec) \
  extern PyTypeObject type;             \
  extern const StructSpec spec;
#include "Objects/static_structs.def"
#undef ATOLL_STATIC_STRUCT

// Bring-up only.
Status static_structs_init(ThreadState& ts);
// A heap type of this interpreter; names and documents of the fields must outlive it.
Ref<> structseq_type_new(ThreadState& ts, const PyStructSequence_Desc* desc, unsigned long flags = 0);

}  // namespace atl
