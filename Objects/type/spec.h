// Static built-in types: each is a TypeSpec beside its code and a row in static_types.def, which fixes its index.
//
// The exported PyTypeObject lies in the sealed section, zero until bring-up fills it from the spec, in the order of
// the rows (a base before its subtypes); afterwards nobody writes it. What changes stands in interp.types.
#pragma once

#include "Objects/type/bind.h"

namespace atl {

// A further entry of the type's dict; the value is shared by all interpreters.
struct TypeAttribute {
  const char* name;
  PyObject* value;
};

struct TypeSpec {
  const char* name;  // tp_name
  const char* doc = nullptr;  // "name(args)\n--\n\ntext", or the text
  size_t basicsize = sizeof(PyObject);
  size_t itemsize = 0;
  unsigned long flags = Py_TPFLAGS_DEFAULT;
  PyTypeObject* base = nullptr;  // NULL: object
  PyTypeObject* metatype = nullptr;  // NULL: type

  destructor dealloc = nullptr;
  traverseproc traverse = nullptr;
  inquiry clear = nullptr;
  destructor finalize = nullptr;
  reprfunc repr = nullptr;
  reprfunc str = nullptr;
  hashfunc hash = nullptr;
  richcmpfunc richcompare = nullptr;
  ternaryfunc call = nullptr;
  getattrofunc getattro = nullptr;
  setattrofunc setattro = nullptr;
  getiterfunc iter = nullptr;
  iternextfunc iternext = nullptr;
  descrgetfunc descr_get = nullptr;
  descrsetfunc descr_set = nullptr;
  initproc init = nullptr;
  newfunc new_ = nullptr;
  allocfunc alloc = nullptr;
  freefunc free = nullptr;
  inquiry is_gc = nullptr;
  vectorcallfunc vectorcall = nullptr;  // of the type itself: calling the type

  const PyNumberMethods* number = nullptr;
  const PySequenceMethods* sequence = nullptr;
  const PyMappingMethods* mapping = nullptr;
  const PyAsyncMethods* async = nullptr;
  const PyBufferProcs* buffer = nullptr;

  Py_ssize_t weaklist_offset = 0;
  Py_ssize_t dict_offset = 0;
  Py_ssize_t vectorcall_offset = 0;

  // Terminated arrays (ATOLL_METHOD_END, {NULL}).
  const MethodSpec* methods = nullptr;
  const PyMemberDef* members = nullptr;
  const PyGetSetDef* getset = nullptr;
  const TypeAttribute* attributes = nullptr;
};

enum class TypeIndex : int {
#define ATOLL_STATIC_TYPE(type, spec) k_##type,
#include "Objects/type/static_types.def"
#undef ATOLL_STATIC_TYPE
  kCount
};

// The rows' specs, each defined beside its type's code: `constinit const TypeSpec int_spec{.name = "int", …};`
#define ATOLL_STATIC_TYPE(type, spec) extern const TypeSpec spec;
#include "Objects/type/static_types.def"
#undef ATOLL_STATIC_TYPE

// Fills and readies every static type; bring-up only. Adds the exceptions and the types of the rows.
Status static_types_init(ThreadState& ts);
// Readies one more type that is shared by all interpreters (struct sequences and the like), bring-up only.
Status static_type_ready(ThreadState& ts, PyTypeObject* type, const TypeSpec& spec);

}  // namespace atl

