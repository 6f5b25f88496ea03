// list inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

ATOLL_INLINE bool is_list(const PyObject* o) { return has_flag(o, Py_TPFLAGS_LIST_SUBCLASS); }
ATOLL_INLINE bool is_exact_list(const PyObject* o) { return o->ob_type == &PyList_Type; }
ATOLL_INLINE Py_ssize_t list_size(const PyObject* o) { return reinterpret_cast<const PyVarObject*>(o)->ob_size; }
ATOLL_INLINE PyObject** list_items(const PyObject* o) { return reinterpret_cast<const PyListObject*>(o)->ob_item; }

Ref<> list_new(ThreadState& ts, Py_ssize_t n);  // n NULL items, tracked; fill all before anybody sees it
Ref<> list_new_room(ThreadState& ts, Py_ssize_t room);  // empty, with room
Ref<> list_from(ThreadState& ts, PyObject* const* items, Py_ssize_t n);
ATOLL_COLD Status list_append_grow(ThreadState& ts, PyObject* list, PyObject* item_consumed);
// Consumes the item.
ATOLL_INLINE Status list_append(ThreadState& ts, PyObject* list, Ref<> item) {
  auto* l = reinterpret_cast<PyListObject*>(list);
  Py_ssize_t n = l->ob_base.ob_size;
  if (ATOLL_LIKELY(n < l->allocated)) {
    l->ob_item[n] = item.release();
    l->ob_base.ob_size = n + 1;
    return Status::kOk;
  }
  return list_append_grow(ts, list, item.release());
}
Status list_extend(ThreadState& ts, PyObject* list, PyObject* iterable);
Status list_insert(ThreadState& ts, PyObject* list, Py_ssize_t index, PyObject* item);
Status list_set_slice(ThreadState& ts, PyObject* list, Py_ssize_t low, Py_ssize_t high, PyObject* values /* or NULL */);
Ref<> list_slice(ThreadState& ts, PyObject* list, Py_ssize_t low, Py_ssize_t high);
Ref<> list_from_iterable(ThreadState& ts, PyObject* iterable);
Status list_sort(ThreadState& ts, PyObject* list, PyObject* key /* or NULL */, bool reverse);
Ref<> list_as_tuple(ThreadState& ts, PyObject* list);
Status list_reverse(PyObject* list);

}  // namespace atl
