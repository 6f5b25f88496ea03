// What the files of Objects/type share among themselves.
#pragma once

#include <string_view>

#include "Objects/object/internal.h"
#include "Objects/type/type.h"

namespace atl {

// ---- sealed objects (sealed.cc): bring-up of static types -------------------------------------------------------------

ATOLL_INLINE bool is_static_builtin(const PyTypeObject* type) { return (type->tp_flags & kTypeStaticBuiltin) != 0; }
// Built-in or an extension's.
ATOLL_INLINE bool is_static(const PyTypeObject* type) { return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE); }
// Zeroed memory for an immortal object, with room for collector links in front when the type has them.
PyObject* sealed_object(PyTypeObject* type, size_t size);
PyObject* sealed_tuple(PyObject* const* items, Py_ssize_t n);  // items must be immortal
// A sealed copy of a dict whose keys and values are all immortal.
PyObject* sealed_dict_copy(PyObject* d);
// What is reachable from a static type is immortal: sealed for a built-in one, as lasting as the type's record for one
// of an extension. NULL without an exception: no memory.
void* static_alloc(PyTypeObject* owner, size_t size);
PyObject* static_object(PyTypeObject* owner, PyTypeObject* kind, size_t size);
PyObject* static_tuple(PyTypeObject* owner, PyObject* const* items, Py_ssize_t n);
PyObject* static_dict_copy(PyTypeObject* owner, PyObject* d);
Ref<> static_text(ThreadState& ts, PyTypeObject* owner, std::string_view utf8);
// The shared static types in order of readiness; their number.
PyTypeObject* const* static_types_begin();
int static_types_count();

// ---- slots (slot_table.cc, slot_dispatch.cc, slot_wrappers.cc) --------------------------------------------------------

// One row per special method and slot: how the slot shows itself as a method, and which function makes the method into
// the slot. offset counts from the start of PyHeapTypeObject. Rows of one slot are neighbours.
extern wrapperbase g_slot_rows[];
extern const int kSlotRowCount;
Status slot_rows_bringup();
// The field of a slot in any type; NULL when the type lacks the suite.
void** slot_field(PyTypeObject* type, int offset);
// Computes all slots of a class from what lookups along its MRO find.
void slots_resolve_all(ThreadState& ts, PyTypeObject* type);
// Slots are those of the only base; redo those that names in the class's own dict touch.
void slots_resolve_own(ThreadState& ts, PyTypeObject* type);
// After type.name was set or deleted, for the type and its subclasses.
void slots_update_name(ThreadState& ts, PyTypeObject* type, PyObject* name);
bool is_dunder(PyObject* name);
// For C types: wrapper descriptors for filled slots that the dict does not name yet.
Status slots_add_wrappers(ThreadState& ts, PyTypeObject* type, PyObject* dict);
// Flags and fields that depend on slots (kTypeGenericGetattr, vectorcall of metaclasses).
void slots_refresh_flags(PyTypeObject* type);

PyObject* slot_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
int slot_tp_init(PyObject* self, PyObject* args, PyObject* kwargs);
PyObject* slot_tp_call(PyObject* self, PyObject* args, PyObject* kwargs);
int slot_tp_setattro(PyObject* self, PyObject* name, PyObject* value);
// callable(self, …) for a special method found on the type; borrowed arguments, self first.
Ref<> call_found(ThreadState& ts, PyObject* found, PyObject* const* args_with_self, Py_ssize_t n);

// ---- lookup (lookup.cc) -------------------------------------------------------------------------------------------------

// Computes tp_mro (calls a metaclass's mro()), for type.__new__ and __bases__.
Status type_compute_mro(ThreadState& ts, PyTypeObject* type, Ref<>* old);
Ref<> type_c3(ThreadState& ts, PyTypeObject* type);
Status subclass_add(ThreadState& ts, PyTypeObject* base, PyTypeObject* sub);
void subclass_remove(ThreadState& ts, PyTypeObject* base, PyTypeObject* sub);
// The direct subclasses that are alive as a list; for static types the shared static ones come first, where asked for.
Ref<> subclasses_list(ThreadState& ts, PyTypeObject* type, bool with_static);
// Calls f(subclass) for each direct subclass of this interpreter. kError stops.
template <class F>
Status for_each_subclass(ThreadState& ts, PyTypeObject* type, bool with_static, F f) {
  TypeMutable* m = type_peek_mutable(ts.interpreter(), type);
  if (!with_static && (m == nullptr || m->subclasses.size == 0)) return Status::kOk;
  Ref<> list = subclasses_list(ts, type, with_static);
  if (!list) return Status::kError;
  auto* l = reinterpret_cast<PyListObject*>(list.get());
  for (Py_ssize_t i = 0; i < l->ob_base.ob_size; ++i) {
    if (failed(f(reinterpret_cast<PyTypeObject*>(l->ob_item[i])))) return Status::kError;
  }
  return Status::kOk;
}

// ---- records and readiness (ready.cc) -----------------------------------------------------------------------------------

Status type_make_record(ThreadState& ts, PyTypeObject* type);
void type_free_record(ThreadState& ts, PyTypeObject* type);
void type_inherit_slots(PyTypeObject* type, PyTypeObject* base);
void type_inherit_special(PyTypeObject* type, PyTypeObject* base);
Status type_add_tables(ThreadState& ts, PyTypeObject* type, PyObject* dict);
Status type_set_new_and_doc(ThreadState& ts, PyTypeObject* type, PyObject* dict);

// ---- instances (instance.cc) ----------------------------------------------------------------------------------------------

// TypeRecord::flags
enum TypeRecordFlags : uint32_t {
  kRecordNoVersion = 4,      // a metaclass's own mro(): lookups can't be cached
  kRecordPlainDealloc = 1,   // base is object, no slots of its own or inherited: the fast dealloc
  kRecordHasSlots = 2,       // some level has __slots__ members to clear
};
destructor type_subtype_dealloc();
void subtype_dealloc(PyObject* self);
int subtype_traverse(PyObject* self, visitproc visit, void* arg);
int subtype_clear(PyObject* self);
void type_refresh_record_flags(PyTypeObject* type);
PyObject* class_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames);
PyObject* object_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
int object_init(PyObject* self, PyObject* args, PyObject* kwargs);
bool excess_arguments(PyObject* args, PyObject* kwargs);
Ref<> raise_abstract(ThreadState& ts, PyTypeObject* type);

// ---- creation (create.cc, layout.cc) ---------------------------------------------------------------------------------------

PyTypeObject* best_base(ThreadState& ts, PyObject* bases);
PyTypeObject* solid_base(PyTypeObject* type);
bool same_slots_added(PyTypeObject* a, PyTypeObject* b);
bool compatible_for_assignment(ThreadState& ts, PyTypeObject* from, PyTypeObject* to, const char* attribute);
// The member table behind a heap type.
ATOLL_INLINE PyMemberDef* heap_type_members(PyTypeObject* type) {
  return reinterpret_cast<PyMemberDef*>(reinterpret_cast<char*>(type) + type->ob_base.ob_base.ob_type->tp_basicsize);
}
Status check_type_name(ThreadState& ts, PyObject* name);  // str without NUL
extern const PyGetSetDef kDictAndWeakrefGetset[];  // __dict__, __weakref__ rows of classes
extern const PyGetSetDef kDictGetset[];
extern const PyGetSetDef kWeakrefGetset[];
PyObject* type_new_wrapper(PyObject* self, PyObject* args, PyObject* kwargs);  // T.__new__
extern PyMethodDef g_new_method_def;
Status type_setattr(ThreadState& ts, PyTypeObject* type, PyObject* name, PyObject* value);
Ref<> type_module(ThreadState& ts, PyTypeObject* type);
Ref<> type_dir_into_list(ThreadState& ts, PyTypeObject* type);
Status merge_class_dict(ThreadState& ts, PyObject* dict, PyObject* cls);
Ref<> doc_without_signature(ThreadState& ts, const char* name, const char* doc);  // None when there is none
Ref<> signature_in_doc(ThreadState& ts, const char* name, const char* doc);
const char* doc_body(const char* name, const char* doc);  // behind the signature; NULL when empty

}  // namespace atl
