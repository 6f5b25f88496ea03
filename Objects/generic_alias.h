// types.GenericAlias and types.UnionType inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

struct GenericAliasObject {
  PyObject ob_base;
  PyObject* origin;
  PyObject* args;        // tuple
  PyObject* parameters;  // tuple, made on demand
  PyObject* weaklist;
  bool starred;
  vectorcallfunc vectorcall;
};
static_assert(sizeof(GenericAliasObject) == 64);

struct UnionObject {
  PyObject ob_base;
  PyObject* args;
  PyObject* parameters;
};
static_assert(sizeof(UnionObject) == 32);

Ref<> generic_alias_new(ThreadState& ts, PyObject* origin, PyObject* args, bool starred = false);
// Type parameters among the arguments, each once.
Ref<> make_parameters(ThreadState& ts, PyObject* args);
// The arguments with `item` put in for the parameters.
Ref<> substitute_parameters(ThreadState& ts, PyObject* self, PyObject* args, PyObject* parameters, PyObject* item);
// X | Y for types; NotImplemented for anything else.
Ref<> union_or(ThreadState& ts, PyObject* a, PyObject* b);
// How a type shows itself inside list[...] and X | Y.
class StrWriter;
Status write_type_argument(ThreadState& ts, StrWriter& w, PyObject* o);

}  // namespace atl

extern "C" {
extern PyTypeObject _PyUnion_Type;
extern PyTypeObject _Py_GenericAliasIterType;
}
