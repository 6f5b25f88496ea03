// The functions that call a slot with a method's arguments (wrapperbase.wrapper).
#pragma once

#include "Objects/object.h"

namespace atl {

PyObject* wrap_unary(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_binary(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_binary_reflected(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_ternary(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_ternary_reflected(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_predicate(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_length(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_hash(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_repeat(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_sequence_item(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_sequence_setitem(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_sequence_delitem(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_contains(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_setitem(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_delitem(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_setattr(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_delattr(PyObject* self, PyObject* args, void* wrapped);
template <int op>
PyObject* wrap_compare(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_next(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_call(PyObject* self, PyObject* args, void* wrapped, PyObject* kwargs);
PyObject* wrap_init(PyObject* self, PyObject* args, void* wrapped, PyObject* kwargs);
PyObject* wrap_finalize(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_descr_get(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_descr_set(PyObject* self, PyObject* args, void* wrapped);
PyObject* wrap_descr_delete(PyObject* self, PyObject* args, void* wrapped);

}  // namespace atl
