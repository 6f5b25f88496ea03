// Types: lookup, readiness, creation, and the parts that the virtual machine's caches rely on.
#pragma once

#include "Objects/object.h"
#include "Objects/type/spec.h"
#include "Python/runtime/type_state.h"

namespace atl {

inline PyHeapTypeObject* as_heap_type(PyTypeObject* t) { return reinterpret_cast<PyHeapTypeObject*>(t); }

// The value of an interned name along the MRO; borrowed, NULL without an exception when absent. No user code runs.
PyObject* type_peek_lookup(ThreadState& ts, PyTypeObject* type, PyObject* name);
// A version tag for caches: 0 when the type can't have one. Any change of the type or its bases gives a new number.
uint32_t type_version(ThreadState& ts, PyTypeObject* type);
// Call after any change to a type that can alter what lookups find: its version and its subtypes' become 0.
void type_modified(ThreadState& ts, PyTypeObject* type);
Status type_ready(ThreadState& ts, PyTypeObject* type);
// type(name, bases, dict): as type.__new__ does it, with __init_subclass__ and __set_name__.
Ref<> type_new(ThreadState& ts, PyTypeObject* metatype, PyObject* name, PyObject* bases, PyObject* ns, PyObject* kwargs);
// The most derived metaclass of the bases, or an error.
PyTypeObject* type_calculate_metaclass(ThreadState& ts, PyTypeObject* metatype, PyObject* bases);
Ref<> type_call(ThreadState& ts, PyTypeObject* type, PyObject* args, PyObject* kwargs);
Ref<> type_vectorcall(ThreadState& ts, PyTypeObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames);
// Memory for an instance: zeroed, head filled, tracked when the type is collectable (tp_alloc's default).
Ref<> type_generic_alloc(ThreadState& ts, PyTypeObject* type, Py_ssize_t n);
Ref<> type_qualname(ThreadState& ts, PyTypeObject* type);
// "module.qualname", without the module when it is builtins.
Ref<> type_full_name(ThreadState& ts, PyTypeObject* type);
// The part of tp_name after the last dot.
const char* type_short_name(const PyTypeObject* type);
// o.name for a type o, without AttributeError: kOk with *out empty when absent.
Status type_lookup_attr(ThreadState& ts, PyTypeObject* type, PyObject* name, Ref<>* out);
// Empties the interpreter's cache of lookups (it holds references on names).
void type_cache_clear(ThreadState& ts);
// The tp_dealloc of classes made by the class statement.
destructor type_subtype_dealloc();

}  // namespace atl
