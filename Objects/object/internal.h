// What the files of the object protocol share among themselves and with Objects/type.
#pragma once

#include "Objects/dict/dict.h"
#include "Objects/object.h"
#include "Objects/str/str.h"

namespace atl {

// Finds o.name as object.__getattribute__ does. kOk with *out empty when there is none: no AttributeError is made
// here, but descriptors that run may raise one. dict, when given, stands for the instance's dict.
Status generic_lookup(ThreadState& ts, PyObject* o, PyObject* name, PyObject* dict, Ref<>* out);
Status generic_store(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value, PyObject* dict);
// Fills name and obj of an AttributeError that is set and has neither.
ATOLL_COLD void attribute_error_context(ThreadState& ts, PyObject* o, PyObject* name);
ATOLL_COLD Raised raise_name_not_str(ThreadState& ts, PyObject* name);

// The field that holds the dict of an instance that is not shaped; NULL when it has none.
PyObject** instance_dict_slot(PyObject* o);
// __dict__ as a new reference, made on demand; AttributeError when o can have none.
Ref<> instance_get_dict(ThreadState& ts, PyObject* o);
Status instance_set_dict(ThreadState& ts, PyObject* o, PyObject* value /* NULL: delete */);

// trashcan_begin for the dealloc that stands in the type itself.
bool trashcan_begin_class(ThreadState& ts, PyObject* o);

// The C function behind "callable(...)" through tp_call, with the argument window made into tuple and dict.
Ref<> call_tp_call(ThreadState& ts, PyObject* callable, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
// Calls f(first, args…): with the offset flag, `first` goes into the free place before the arguments; else the window is
// copied.
Ref<> call_prefixed(ThreadState& ts, PyObject* f, PyObject* first, PyObject* const* args, size_t nargsf, PyObject* kwnames);
// kwnames and the values behind the positional arguments as a dict; n values.
Ref<> keywords_as_dict(ThreadState& ts, PyObject* const* values, PyObject* kwnames);
// "f()", or str(f) for what has no qualified name.
Ref<> function_text(ThreadState& ts, PyObject* function);

// A name in a namespace, where keys may be anything: only a dict of strs answers without running code. kOk with *out
// empty when absent.
ATOLL_INLINE Status lookup_name(ThreadState& ts, PyObject* dict, PyObject* name, Ref<>* out) {
  if (ATOLL_LIKELY(is_exact_str(name) && (dict_keys_of(dict)->kind & ~kDictKeysSealed) == kDictKeysStr)) {
    *out = Ref<>::dup_of(dict_peek_str(dict, name));
    return Status::kOk;
  }
  Ref<> hold = dup(dict);
  return dict_lookup(ts, dict, name, out);
}

// An interned name for a C string; empty with an exception set.
Ref<> name_from_c(ThreadState& ts, const char* utf8);

}  // namespace atl
