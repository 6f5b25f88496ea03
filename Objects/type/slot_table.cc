// The table of special methods and slots, and the rules by which a class's slots follow from its methods.
//
// The slot of a class is the C function of a base exactly when every method name that belongs to the slot is found to
// come from that base's C code; any name found elsewhere puts the dispatching function of the row there; a slot whose
// names are all absent is empty.
#include "structmember.h"

#include "Objects/descr/descr.h"
#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Objects/type/slot_dispatch.h"
#include "Objects/type/slot_wrappers.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {
template <class F>
void* fn(F* f) {
  return reinterpret_cast<void*>(f);
}
}  // namespace

// Casts that the compiler resolves: the table needs no constructor.
#define ATOLL_FN(f) ((void*)(f))
#define ATOLL_TP(field) static_cast<int>(offsetof(PyTypeObject, field))
#define ATOLL_AM(field) static_cast<int>(offsetof(PyHeapTypeObject, as_async) + offsetof(PyAsyncMethods, field))
#define ATOLL_NB(field) static_cast<int>(offsetof(PyHeapTypeObject, as_number) + offsetof(PyNumberMethods, field))
#define ATOLL_MP(field) static_cast<int>(offsetof(PyHeapTypeObject, as_mapping) + offsetof(PyMappingMethods, field))
#define ATOLL_SQ(field) static_cast<int>(offsetof(PyHeapTypeObject, as_sequence) + offsetof(PySequenceMethods, field))
#define ROW(name, offset, dispatch, wrapper, sig, doc) {name, offset, dispatch, wrapper, name sig "\n--\n\n" doc, 0, nullptr}
#define BINARY(slot, name, rname, sign)                                                                                    \
  ROW(name, ATOLL_NB(slot), ATOLL_FN(slot_##slot), wrap_binary, "($self, value, /)", "Return self" sign "value."),               \
      ROW(rname, ATOLL_NB(slot), ATOLL_FN(slot_##slot), wrap_binary_reflected, "($self, value, /)", "Return value" sign "self.")
#define INPLACE(slot, name, sign) \
  ROW(name, ATOLL_NB(slot), ATOLL_FN(slot_##slot), wrap_binary, "($self, value, /)", "Return self" sign "value.")
#define UNARY(slot, name, doc) ROW(name, ATOLL_NB(slot), ATOLL_FN(slot_##slot), wrap_unary, "($self, /)", doc)
#define COMPARE(op, name, sign) \
  ROW(name, ATOLL_TP(tp_richcompare), ATOLL_FN(slot_tp_richcompare), wrap_compare<op>, "($self, value, /)", "Return self" sign "value.")

// Written once at bring-up (name_strobj). Where a name has several rows the first one makes the wrapper.
ATOLL_SEALED wrapperbase g_slot_rows[] = {
    {"__getattribute__", ATOLL_TP(tp_getattro), ATOLL_FN(slot_tp_getattr_hook), wrap_binary,
     "__getattribute__($self, name, /)\n--\n\nReturn getattr(self, name).", 0, nullptr},
    {"__getattr__", ATOLL_TP(tp_getattro), ATOLL_FN(slot_tp_getattr_hook), nullptr, nullptr, 0, nullptr},
    ROW("__setattr__", ATOLL_TP(tp_setattro), ATOLL_FN(slot_tp_setattro), wrap_setattr, "($self, name, value, /)",
        "Implement setattr(self, name, value)."),
    ROW("__delattr__", ATOLL_TP(tp_setattro), ATOLL_FN(slot_tp_setattro), wrap_delattr, "($self, name, /)",
        "Implement delattr(self, name)."),
    ROW("__repr__", ATOLL_TP(tp_repr), ATOLL_FN(slot_tp_repr), wrap_unary, "($self, /)", "Return repr(self)."),
    ROW("__hash__", ATOLL_TP(tp_hash), ATOLL_FN(slot_tp_hash), wrap_hash, "($self, /)", "Return hash(self)."),
    {"__call__", ATOLL_TP(tp_call), ATOLL_FN(slot_tp_call), (wrapperfunc)ATOLL_FN(wrap_call),
     "__call__($self, /, *args, **kwargs)\n--\n\nCall self as a function.", PyWrapperFlag_KEYWORDS, nullptr},
    ROW("__str__", ATOLL_TP(tp_str), ATOLL_FN(slot_tp_str), wrap_unary, "($self, /)", "Return str(self)."),
    COMPARE(Py_LT, "__lt__", "<"),
    COMPARE(Py_LE, "__le__", "<="),
    COMPARE(Py_EQ, "__eq__", "=="),
    COMPARE(Py_NE, "__ne__", "!="),
    COMPARE(Py_GT, "__gt__", ">"),
    COMPARE(Py_GE, "__ge__", ">="),
    ROW("__iter__", ATOLL_TP(tp_iter), ATOLL_FN(slot_tp_iter), wrap_unary, "($self, /)", "Implement iter(self)."),
    ROW("__next__", ATOLL_TP(tp_iternext), ATOLL_FN(slot_tp_iternext), wrap_next, "($self, /)", "Implement next(self)."),
    ROW("__get__", ATOLL_TP(tp_descr_get), ATOLL_FN(slot_tp_descr_get), wrap_descr_get, "($self, instance, owner=None, /)",
        "Return an attribute of instance, which is of type owner."),
    ROW("__set__", ATOLL_TP(tp_descr_set), ATOLL_FN(slot_tp_descr_set), wrap_descr_set, "($self, instance, value, /)",
        "Set an attribute of instance to value."),
    ROW("__delete__", ATOLL_TP(tp_descr_set), ATOLL_FN(slot_tp_descr_set), wrap_descr_delete, "($self, instance, /)",
        "Delete an attribute of instance."),
    {"__init__", ATOLL_TP(tp_init), ATOLL_FN(slot_tp_init), (wrapperfunc)ATOLL_FN(wrap_init),
     "__init__($self, /, *args, **kwargs)\n--\n\nInitialize self.  See help(type(self)) for accurate signature.",
     PyWrapperFlag_KEYWORDS, nullptr},
    {"__new__", ATOLL_TP(tp_new), ATOLL_FN(slot_tp_new), nullptr,
     "__new__(type, /, *args, **kwargs)\n--\n\nCreate and return new object.  See help(type) for accurate signature.", 0,
     nullptr},
    {"__del__", ATOLL_TP(tp_finalize), ATOLL_FN(slot_tp_finalize), wrap_finalize, "", 0, nullptr},

    ROW("__await__", ATOLL_AM(am_await), ATOLL_FN(slot_am_await), wrap_unary, "($self, /)",
        "Return an iterator to be used in await expression."),
    ROW("__aiter__", ATOLL_AM(am_aiter), ATOLL_FN(slot_am_aiter), wrap_unary, "($self, /)",
        "Return an awaitable, that resolves in asynchronous iterator."),
    ROW("__anext__", ATOLL_AM(am_anext), ATOLL_FN(slot_am_anext), wrap_unary, "($self, /)",
        "Return a value or raise StopAsyncIteration."),

    BINARY(nb_add, "__add__", "__radd__", "+"),
    BINARY(nb_subtract, "__sub__", "__rsub__", "-"),
    BINARY(nb_multiply, "__mul__", "__rmul__", "*"),
    BINARY(nb_remainder, "__mod__", "__rmod__", "%"),
    ROW("__divmod__", ATOLL_NB(nb_divmod), ATOLL_FN(slot_nb_divmod), wrap_binary, "($self, value, /)", "Return divmod(self, value)."),
    ROW("__rdivmod__", ATOLL_NB(nb_divmod), ATOLL_FN(slot_nb_divmod), wrap_binary_reflected, "($self, value, /)",
        "Return divmod(value, self)."),
    ROW("__pow__", ATOLL_NB(nb_power), ATOLL_FN(slot_nb_power), wrap_ternary, "($self, value, mod=None, /)",
        "Return pow(self, value, mod)."),
    ROW("__rpow__", ATOLL_NB(nb_power), ATOLL_FN(slot_nb_power), wrap_ternary_reflected, "($self, value, mod=None, /)",
        "Return pow(value, self, mod)."),
    UNARY(nb_negative, "__neg__", "-self"),
    UNARY(nb_positive, "__pos__", "+self"),
    UNARY(nb_absolute, "__abs__", "abs(self)"),
    ROW("__bool__", ATOLL_NB(nb_bool), ATOLL_FN(slot_nb_bool), wrap_predicate, "($self, /)", "True if self else False"),
    UNARY(nb_invert, "__invert__", "~self"),
    BINARY(nb_lshift, "__lshift__", "__rlshift__", "<<"),
    BINARY(nb_rshift, "__rshift__", "__rrshift__", ">>"),
    BINARY(nb_and, "__and__", "__rand__", "&"),
    BINARY(nb_xor, "__xor__", "__rxor__", "^"),
    BINARY(nb_or, "__or__", "__ror__", "|"),
    UNARY(nb_int, "__int__", "int(self)"),
    UNARY(nb_float, "__float__", "float(self)"),
    INPLACE(nb_inplace_add, "__iadd__", "+="),
    INPLACE(nb_inplace_subtract, "__isub__", "-="),
    INPLACE(nb_inplace_multiply, "__imul__", "*="),
    INPLACE(nb_inplace_remainder, "__imod__", "%="),
    INPLACE(nb_inplace_power, "__ipow__", "**="),
    INPLACE(nb_inplace_lshift, "__ilshift__", "<<="),
    INPLACE(nb_inplace_rshift, "__irshift__", ">>="),
    INPLACE(nb_inplace_and, "__iand__", "&="),
    INPLACE(nb_inplace_xor, "__ixor__", "^="),
    INPLACE(nb_inplace_or, "__ior__", "|="),
    BINARY(nb_floor_divide, "__floordiv__", "__rfloordiv__", "//"),
    BINARY(nb_true_divide, "__truediv__", "__rtruediv__", "/"),
    INPLACE(nb_inplace_floor_divide, "__ifloordiv__", "//="),
    INPLACE(nb_inplace_true_divide, "__itruediv__", "/="),
    UNARY(nb_index, "__index__",
          "Return self converted to an integer, if self is suitable for use as an index into a list."),
    BINARY(nb_matrix_multiply, "__matmul__", "__rmatmul__", "@"),
    INPLACE(nb_inplace_matrix_multiply, "__imatmul__", "@="),

    ROW("__len__", ATOLL_MP(mp_length), ATOLL_FN(slot_sq_length), wrap_length, "($self, /)", "Return len(self)."),
    ROW("__getitem__", ATOLL_MP(mp_subscript), ATOLL_FN(slot_mp_subscript), wrap_binary, "($self, key, /)", "Return self[key]."),
    ROW("__setitem__", ATOLL_MP(mp_ass_subscript), ATOLL_FN(slot_mp_ass_subscript), wrap_setitem, "($self, key, value, /)",
        "Set self[key] to value."),
    ROW("__delitem__", ATOLL_MP(mp_ass_subscript), ATOLL_FN(slot_mp_ass_subscript), wrap_delitem, "($self, key, /)",
        "Delete self[key]."),

    ROW("__len__", ATOLL_SQ(sq_length), ATOLL_FN(slot_sq_length), wrap_length, "($self, /)", "Return len(self)."),
    ROW("__add__", ATOLL_SQ(sq_concat), nullptr, wrap_binary, "($self, value, /)", "Return self+value."),
    ROW("__mul__", ATOLL_SQ(sq_repeat), nullptr, wrap_repeat, "($self, value, /)", "Return self*value."),
    ROW("__rmul__", ATOLL_SQ(sq_repeat), nullptr, wrap_repeat, "($self, value, /)", "Return value*self."),
    ROW("__getitem__", ATOLL_SQ(sq_item), ATOLL_FN(slot_sq_item), wrap_sequence_item, "($self, key, /)", "Return self[key]."),
    ROW("__setitem__", ATOLL_SQ(sq_ass_item), ATOLL_FN(slot_sq_ass_item), wrap_sequence_setitem, "($self, key, value, /)",
        "Set self[key] to value."),
    ROW("__delitem__", ATOLL_SQ(sq_ass_item), ATOLL_FN(slot_sq_ass_item), wrap_sequence_delitem, "($self, key, /)",
        "Delete self[key]."),
    ROW("__contains__", ATOLL_SQ(sq_contains), ATOLL_FN(slot_sq_contains), wrap_contains, "($self, key, /)", "Return key in self."),
    ROW("__iadd__", ATOLL_SQ(sq_inplace_concat), nullptr, wrap_binary, "($self, value, /)", "Implement self+=value."),
    ROW("__imul__", ATOLL_SQ(sq_inplace_repeat), nullptr, wrap_repeat, "($self, value, /)", "Implement self*=value."),
};
const int kSlotRowCount = static_cast<int>(std::size(g_slot_rows));

namespace {

constexpr int kOffsetNew = ATOLL_TP(tp_new);
constexpr int kOffsetHash = ATOLL_TP(tp_hash);
constexpr int kOffsetNext = ATOLL_TP(tp_iternext);

// First row of each name, by hash; sealed at bring-up. Rows of the same name are chained.
struct RowIndex {
  int16_t bucket[256];
  int16_t next[128];
};
static_assert(std::size(g_slot_rows) <= 128);
ATOLL_SEALED RowIndex g_row_index;

template <class F>
void for_rows_named(PyObject* name, F f) {
  if (!is_exact_str(name)) return;
  auto hash = static_cast<size_t>(str_hash(name));
  for (int i = g_row_index.bucket[hash & 255] - 1; i >= 0; i = g_row_index.next[i] - 1) {
    PyObject* row_name = g_slot_rows[i].name_strobj;
    if (row_name == name || str_equal(row_name, name)) f(i);
  }
}

int first_row_of_slot(int row) {
  while (row > 0 && g_slot_rows[row - 1].offset == g_slot_rows[row].offset) --row;
  return row;
}

// What one name contributes to a slot.
struct Found {
  enum Kind { kAbsent, kSpecific, kDispatch } kind;
  void* function;
};

// The value of the same slot in the C type that defines a method.
Found slot_of_definer(PyTypeObject* type, PyTypeObject* definer, int offset) {
  if (!is_subtype(type, definer)) return {Found::kDispatch, nullptr};
  void** field = slot_field(definer, offset);
  void* f = field != nullptr ? *field : nullptr;
  if (f == nullptr) return {Found::kAbsent, nullptr};
  return {Found::kSpecific, f};
}

Found find_for_row(ThreadState& ts, PyTypeObject* type, const wrapperbase& row) {
  PyObject* found = type_peek_lookup(ts, type, row.name_strobj);
  if (found == nullptr) return {Found::kAbsent, nullptr};
  if (found->ob_type == &PyWrapperDescr_Type) {
    auto* w = reinterpret_cast<PyWrapperDescrObject*>(found);
    if (w->d_base->name_strobj == row.name_strobj) {
      PyTypeObject* definer = w->d_common.d_type;
      if (!is_subtype(type, definer)) return {Found::kDispatch, nullptr};
      if (w->d_base->offset == row.offset) return {Found::kSpecific, w->d_wrapped};
      return slot_of_definer(type, definer, row.offset);
    }
    return {Found::kDispatch, nullptr};
  }
  if (found->ob_type == &PyMethodDescr_Type) {
    // A method that a C type gives in place of the wrapper of its own slot (METH_COEXIST).
    auto* d = reinterpret_cast<PyMethodDescrObject*>(found);
    if ((d->d_method->ml_flags & METH_COEXIST) && (d->d_common.d_type->tp_flags & kTypeStaticBuiltin) &&
        std::string_view(d->d_method->ml_name) == row.name) {
      return slot_of_definer(type, d->d_common.d_type, row.offset);
    }
    return {Found::kDispatch, nullptr};
  }
  if (row.offset == kOffsetNew) {
    // T.__new__ of a C type: usable as it is when the class's layout comes from where T's does.
    if (PyCFunction_CheckExact(found) && reinterpret_cast<PyCFunctionObject*>(found)->m_ml == &g_new_method_def) {
      auto* definer = reinterpret_cast<PyTypeObject*>(reinterpret_cast<PyCFunctionObject*>(found)->m_self);
      PyTypeObject* base = type;
      while (base != nullptr && (base->tp_new == slot_tp_new || base == type)) base = base->tp_base;
      if (base != nullptr && base->tp_new == definer->tp_new) return {Found::kSpecific, fn(definer->tp_new)};
    }
    return {Found::kDispatch, nullptr};
  }
  if (found == Py_None && row.offset == kOffsetHash) return {Found::kSpecific, fn(PyObject_HashNotImplemented)};
  return {Found::kDispatch, nullptr};
}

void resolve_slot(ThreadState& ts, PyTypeObject* type, int row) {
  int offset = g_slot_rows[row].offset;
  void** field = slot_field(type, offset);
  if (field == nullptr) return;
  void* specific = nullptr;
  void* dispatch = nullptr;
  bool use_dispatch = false;
  for (int i = row; i < kSlotRowCount && g_slot_rows[i].offset == offset; ++i) {
    Found f = find_for_row(ts, type, g_slot_rows[i]);
    if (f.kind == Found::kAbsent) {
      continue;
    }
    if (g_slot_rows[i].function != nullptr) dispatch = g_slot_rows[i].function;
    if (f.kind == Found::kDispatch || (specific != nullptr && specific != f.function)) {
      use_dispatch = true;
    } else {
      specific = f.function;
    }
  }
  void* result = use_dispatch ? dispatch : specific;
  if (result == nullptr && offset == kOffsetNext) {
    // Iteration that runs meanwhile goes on calling the slot.
    result = *field != nullptr ? fn(_PyObject_NextNotImplemented) : nullptr;
  }
  *field = result;
}

}  // namespace

Status slot_rows_bringup() {
  for (int i = kSlotRowCount - 1; i >= 0; --i) {
    wrapperbase& row = g_slot_rows[i];
    row.name_strobj = str_immortal(row.name);
    if (row.name_strobj == nullptr) return Status::kError;
    auto hash = static_cast<size_t>(str_hash(row.name_strobj));
    g_row_index.next[i] = g_row_index.bucket[hash & 255];
    g_row_index.bucket[hash & 255] = static_cast<int16_t>(i + 1);
  }
  return Status::kOk;
}

void** slot_field(PyTypeObject* type, int offset) {
  auto at = static_cast<size_t>(offset);
  char* start;
  if (at >= offsetof(PyHeapTypeObject, as_sequence)) {
    start = reinterpret_cast<char*>(type->tp_as_sequence);
    at -= offsetof(PyHeapTypeObject, as_sequence);
  } else if (at >= offsetof(PyHeapTypeObject, as_mapping)) {
    start = reinterpret_cast<char*>(type->tp_as_mapping);
    at -= offsetof(PyHeapTypeObject, as_mapping);
  } else if (at >= offsetof(PyHeapTypeObject, as_number)) {
    start = reinterpret_cast<char*>(type->tp_as_number);
    at -= offsetof(PyHeapTypeObject, as_number);
  } else if (at >= offsetof(PyHeapTypeObject, as_async)) {
    start = reinterpret_cast<char*>(type->tp_as_async);
    at -= offsetof(PyHeapTypeObject, as_async);
  } else {
    start = reinterpret_cast<char*>(type);
  }
  return start != nullptr ? reinterpret_cast<void**>(start + at) : nullptr;
}

bool is_dunder(PyObject* name) {
  if (!is_exact_str(name) || !str_is_ascii(name)) return false;
  Py_ssize_t n = str_length(name);
  auto* s = static_cast<const char*>(str_data(name));
  return n > 4 && s[0] == '_' && s[1] == '_' && s[n - 1] == '_' && s[n - 2] == '_';
}

void slots_refresh_flags(PyTypeObject* type) {
  type->tp_flags &= ~kTypeGenericGetattr;
  if (type->tp_getattro == PyObject_GenericGetAttr) type->tp_flags |= kTypeGenericGetattr;
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || type->tp_vectorcall_offset == 0 || type->tp_base == nullptr) return;
  // Calling an instance may take the base's fast path exactly while calling means the same.
  PyTypeObject* base = type->tp_base;
  if (type->tp_vectorcall_offset != base->tp_vectorcall_offset) return;
  if (type->tp_call == base->tp_call && type->tp_call != slot_tp_call && (base->tp_flags & Py_TPFLAGS_HAVE_VECTORCALL)) {
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
  } else {
    type->tp_flags &= ~Py_TPFLAGS_HAVE_VECTORCALL;
  }
}

void slots_resolve_all(ThreadState& ts, PyTypeObject* type) {
  for (int row = 0; row < kSlotRowCount; ++row) {
    if (row == 0 || g_slot_rows[row].offset != g_slot_rows[row - 1].offset) resolve_slot(ts, type, row);
  }
  slots_refresh_flags(type);
}

void slots_resolve_own(ThreadState& ts, PyTypeObject* type) {
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(type->tp_dict, &pos, &key, &value)) {
    if (!is_dunder(key)) continue;
    for_rows_named(key, [&](int row) { resolve_slot(ts, type, first_row_of_slot(row)); });
  }
  slots_refresh_flags(type);
}

namespace {
Status update_rows(ThreadState& ts, PyTypeObject* type, PyObject* name) {
  for_rows_named(name, [&](int row) { resolve_slot(ts, type, first_row_of_slot(row)); });
  slots_refresh_flags(type);
  return for_each_subclass(ts, type, false, [&](PyTypeObject* sub) { return update_rows(ts, sub, name); });
}
}  // namespace

void slots_update_name(ThreadState& ts, PyTypeObject* type, PyObject* name) {
  if (!is_dunder(name)) return;
  bool any = false;
  for_rows_named(name, [&](int) { any = true; });
  if (any) (void)update_rows(ts, type, name);
}

Status slots_add_wrappers(ThreadState& ts, PyTypeObject* type, PyObject* dict) {
  for (int i = 0; i < kSlotRowCount; ++i) {
    wrapperbase& row = g_slot_rows[i];
    if (row.wrapper == nullptr) continue;
    void** field = slot_field(type, row.offset);
    if (field == nullptr || *field == nullptr) continue;
    if (dict_peek_str(dict, row.name_strobj) != nullptr) continue;
    if (*field == fn(PyObject_HashNotImplemented)) {
      // Classes may inherit "can't be hashed" as the value None.
      if (failed(dict_set(ts, dict, row.name_strobj, Py_None))) return Status::kError;
      continue;
    }
    Ref<> wrapper = descr_new_wrapper(ts, type, &row, *field);
    if (!wrapper || failed(dict_set(ts, dict, row.name_strobj, wrapper.get()))) return Status::kError;
  }
  return Status::kOk;
}

}  // namespace atl
