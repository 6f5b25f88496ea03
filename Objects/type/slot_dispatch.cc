// Slots of classes written in Python: each looks its special method up on the type and calls it.
#include "Objects/type/slot_dispatch.h"

#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"

namespace atl {

Ref<> call_found(ThreadState& ts, PyObject* found, PyObject* const* args, Py_ssize_t n) {
  Ref<> hold = dup(found);
  if (ATOLL_LIKELY((found->ob_type->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR) != 0)) {
    return object_vectorcall(ts, found, args, static_cast<size_t>(n), nullptr);
  }
  if (descrgetfunc get = found->ob_type->tp_descr_get) {
    hold = Ref<>::steal(get(found, args[0], obj(args[0]->ob_type)));
    if (!hold) return {};
  }
  return object_vectorcall(ts, hold.get(), args + 1, static_cast<size_t>(n - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

namespace {

// Calls a special method that is there when the slot is reached; AttributeError when it went away meanwhile.
template <class... A>
Ref<> special(ThreadState& ts, PyObject* name, PyObject* self, A*... more) {
  PyObject* found = type_peek_lookup(ts, self->ob_type, name);
  if (ATOLL_UNLIKELY(found == nullptr)) return raise_object(ts, PyExc_AttributeError, name);
  PyObject* args[] = {self, obj(more)...};
  return call_found(ts, found, args, 1 + sizeof...(A));
}

// The same for operators: NotImplemented when it is absent.
template <class... A>
Ref<> special_or_not_implemented(ThreadState& ts, PyObject* name, PyObject* self, A*... more) {
  PyObject* found = type_peek_lookup(ts, self->ob_type, name);
  if (found == nullptr) return not_implemented();
  PyObject* args[] = {self, obj(more)...};
  return call_found(ts, found, args, 1 + sizeof...(A));
}

int as_int(const Ref<>& r) { return r ? 0 : -1; }

binaryfunc binary_slot(const PyTypeObject* type, size_t offset) {
  const PyNumberMethods* m = type->tp_as_number;
  return m == nullptr ? nullptr : *reinterpret_cast<binaryfunc const*>(reinterpret_cast<const char*>(m) + offset);
}

// Is name on the subclass another thing than on the class? Then the subclass's reflected method goes first.
bool overrides(ThreadState& ts, PyTypeObject* sub, PyTypeObject* type, PyObject* name) {
  PyObject* theirs = type_peek_lookup(ts, sub, name);
  if (theirs == nullptr) return false;
  return type_peek_lookup(ts, type, name) != theirs;
}

// This function stands in the slot of a's type, of b's, or of both; it is called with a on the left.
Ref<> binary(ThreadState& ts, PyObject* a, PyObject* b, size_t offset, binaryfunc self, PyObject* name, PyObject* rname) {
  PyTypeObject* ta = a->ob_type;
  PyTypeObject* tb = b->ob_type;
  bool try_right = ta != tb && binary_slot(tb, offset) == self;
  if (binary_slot(ta, offset) == self) {
    if (try_right && is_subtype(tb, ta) && overrides(ts, tb, ta, rname)) {
      Ref<> r = special_or_not_implemented(ts, rname, b, a);
      if (r.get() != Py_NotImplemented) return r;
      try_right = false;
    }
    Ref<> r = special_or_not_implemented(ts, name, a, b);
    if (r.get() != Py_NotImplemented || ta == tb) return r;
  }
  if (try_right) return special_or_not_implemented(ts, rname, b, a);
  return not_implemented();
}

}  // namespace

#define ATOLL_X(slot, name) \
  PyObject* slot_##slot(PyObject* self) { return special(current_thread(), ID(name), self).release(); }
ATOLL_UNARY_SLOTS(ATOLL_X)
#undef ATOLL_X
#define ATOLL_X(slot, name, rname)                                                                                      \
  PyObject* slot_##slot(PyObject* self, PyObject* other) {                                                              \
    return binary(current_thread(), self, other, offsetof(PyNumberMethods, slot), slot_##slot, ID(name), ID(rname)) \
        .release();                                                                                                     \
  }
ATOLL_BINARY_SLOTS(ATOLL_X)
#undef ATOLL_X
#define ATOLL_X(slot, name) \
  PyObject* slot_##slot(PyObject* self, PyObject* other) { return special(current_thread(), ID(name), self, other).release(); }
ATOLL_INPLACE_SLOTS(ATOLL_X)
#undef ATOLL_X

namespace {
PyObject* power_of_two(PyObject* a, PyObject* b) {
  auto self = reinterpret_cast<binaryfunc>(reinterpret_cast<void*>(slot_nb_power));
  return binary(current_thread(), a, b, offsetof(PyNumberMethods, nb_power), self, ID(__pow__), ID(__rpow__)).release();
}
}  // namespace

PyObject* slot_nb_power(PyObject* self, PyObject* other, PyObject* modulus) {
  if (modulus == Py_None) return power_of_two(self, other);
  // With three operands only the first one's method is asked.
  ThreadState& ts = current_thread();
  const PyNumberMethods* m = self->ob_type->tp_as_number;
  if (m != nullptr && m->nb_power == slot_nb_power) return special(ts, ID(__pow__), self, other, modulus).release();
  return new_ref(Py_NotImplemented);
}

PyObject* slot_nb_inplace_power(PyObject* self, PyObject* other, PyObject*) {
  return special(current_thread(), ID(__ipow__), self, other).release();
}

int slot_nb_bool(PyObject* self) {
  ThreadState& ts = current_thread();
  Ref<> r = special(ts, ID(__bool__), self);
  if (!r) return -1;
  if (r.get() == Py_True) return 1;
  if (r.get() == Py_False) return 0;
  return raise(ts, PyExc_TypeError, "__bool__ should return bool, returned %T", r.get());
}

// ---- containers --------------------------------------------------------------------------------------------------

Py_ssize_t slot_sq_length(PyObject* self) {
  ThreadState& ts = current_thread();
  Ref<> r = special(ts, ID(__len__), self);
  if (!r) return -1;
  Ref<> index = number_index(ts, r.get());
  if (!index) return -1;
  if (int_sign(index.get()) < 0) return raise(ts, PyExc_ValueError, "__len__() should return >= 0");
  Py_ssize_t n;
  return failed(index_as_ssize(ts, index.get(), &n)) ? -1 : n;
}

PyObject* slot_sq_item(PyObject* self, Py_ssize_t i) {
  ThreadState& ts = current_thread();
  Ref<> index = int_from_ssize(ts, i);
  return index ? special(ts, ID(__getitem__), self, index.get()).release() : nullptr;
}

int slot_sq_ass_item(PyObject* self, Py_ssize_t i, PyObject* value) {
  ThreadState& ts = current_thread();
  Ref<> index = int_from_ssize(ts, i);
  if (!index) return -1;
  return slot_mp_ass_subscript(self, index.get(), value);
}

int slot_sq_contains(PyObject* self, PyObject* item) {
  ThreadState& ts = current_thread();
  PyObject* found = type_peek_lookup(ts, self->ob_type, ID(__contains__));
  if (found == Py_None) return raise(ts, PyExc_TypeError, "'%.200T' object is not a container", self);
  if (found == nullptr) return static_cast<int>(_PySequence_IterSearch(self, item, PY_ITERSEARCH_CONTAINS));
  PyObject* args[] = {self, item};
  Ref<> r = call_found(ts, found, args, 2);
  return r ? static_cast<int>(object_is_true(ts, r.get())) : -1;
}

PyObject* slot_mp_subscript(PyObject* self, PyObject* key) {
  return special(current_thread(), ID(__getitem__), self, key).release();
}

int slot_mp_ass_subscript(PyObject* self, PyObject* key, PyObject* value) {
  ThreadState& ts = current_thread();
  if (value == nullptr) return as_int(special(ts, ID(__delitem__), self, key));
  return as_int(special(ts, ID(__setitem__), self, key, value));
}

PyObject* slot_tp_iter(PyObject* self) {
  ThreadState& ts = current_thread();
  PyObject* found = type_peek_lookup(ts, self->ob_type, ID(__iter__));
  if (found == Py_None) return raise(ts, PyExc_TypeError, "'%.200T' object is not iterable", self);
  if (found != nullptr) return call_found(ts, found, &self, 1).release();
  if (type_peek_lookup(ts, self->ob_type, ID(__getitem__)) != nullptr) return PySeqIter_New(self);
  return raise(ts, PyExc_TypeError, "'%.200T' object is not iterable", self);
}

PyObject* slot_tp_iternext(PyObject* self) { return special(current_thread(), ID(__next__), self).release(); }

// ---- text, hash, comparison --------------------------------------------------------------------------------------

PyObject* slot_tp_repr(PyObject* self) {
  ThreadState& ts = current_thread();
  PyObject* found = type_peek_lookup(ts, self->ob_type, ID(__repr__));
  if (found != nullptr) return call_found(ts, found, &self, 1).release();
  return str_format(ts, "<%T object at %p>", self, static_cast<void*>(self)).release();
}

PyObject* slot_tp_str(PyObject* self) { return special(current_thread(), ID(__str__), self).release(); }

Py_hash_t slot_tp_hash(PyObject* self) {
  ThreadState& ts = current_thread();
  PyObject* found = type_peek_lookup(ts, self->ob_type, ID(__hash__));
  if (found == nullptr || found == Py_None) return raise(ts, PyExc_TypeError, "unhashable type: '%.200T'", self);
  Ref<> r = call_found(ts, found, &self, 1);
  if (!r) return -1;
  if (!is_int(r.get())) return raise(ts, PyExc_TypeError, "__hash__ method should return an integer");
  int overflow;
  Py_hash_t h = int_as_i64_overflow(r.get(), &overflow);
  if (overflow != 0) h = int_hash(r.get());  // the value is folded, so that it fits
  return h == -1 ? -2 : h;
}

PyObject* slot_tp_richcompare(PyObject* self, PyObject* other, int op) {
  // ORDER: Py_LT..Py_GE
  PyObject* const names[] = {ID(__lt__), ID(__le__), ID(__eq__), ID(__ne__), ID(__gt__), ID(__ge__)};
  ThreadState& ts = current_thread();
  PyObject* found = type_peek_lookup(ts, self->ob_type, names[op]);
  if (found == nullptr) return new_ref(Py_NotImplemented);
  PyObject* args[] = {self, other};
  if (ATOLL_LIKELY((found->ob_type->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR) != 0)) return call_found(ts, found, args, 2).release();
  // A method that can't be bound counts as none.
  Ref<> method = dup(found);
  if (descrgetfunc get = found->ob_type->tp_descr_get) method = Ref<>::steal(get(found, self, obj(self->ob_type)));
  if (!method) {
    error_clear(ts);
    return new_ref(Py_NotImplemented);
  }
  return call(ts, method.get(), other).release();
}

// ---- attributes --------------------------------------------------------------------------------------------------

namespace {
// The C function behind an inherited __getattribute__, which needs no call to be looked up.
getattrofunc plain_getattribute(PyObject* found) {
  if (!is_exact(found, &PyWrapperDescr_Type)) return nullptr;
  auto* w = reinterpret_cast<PyWrapperDescrObject*>(found);
  if (w->d_base->offset != static_cast<int>(offsetof(PyTypeObject, tp_getattro))) return nullptr;
  auto f = reinterpret_cast<getattrofunc>(w->d_wrapped);
  return f == slot_tp_getattr_hook ? nullptr : f;
}
}  // namespace

PyObject* slot_tp_getattr_hook(PyObject* self, PyObject* name) {
  ThreadState& ts = current_thread();
  Ref<> fallback = Ref<>::dup_of(type_peek_lookup(ts, self->ob_type, ID(__getattr__)));
  Ref<> first = Ref<>::dup_of(type_peek_lookup(ts, self->ob_type, ID(__getattribute__)));
  PyObject* args[] = {self, name};
  Ref<> value;
  getattrofunc f = first ? plain_getattribute(first.get()) : PyObject_GenericGetAttr;
  if (f == PyObject_GenericGetAttr) {
    if (failed(generic_lookup(ts, self, name, nullptr, &value))) {
      if (!fallback || !error_clear_if(ts, PyExc_AttributeError)) return nullptr;
    } else if (value) {
      return value.release();
    } else if (!fallback) {
      return raise_attribute_error(ts, self, name);
    }
  } else {
    value = f != nullptr ? Ref<>::steal(f(self, name)) : call_found(ts, first.get(), args, 2);
    if (value) return value.release();
    if (!fallback || !error_clear_if(ts, PyExc_AttributeError)) return nullptr;
  }
  return call_found(ts, fallback.get(), args, 2).release();
}

int slot_tp_setattro(PyObject* self, PyObject* name, PyObject* value) {
  ThreadState& ts = current_thread();
  if (value == nullptr) return as_int(special(ts, ID(__delattr__), self, name));
  return as_int(special(ts, ID(__setattr__), self, name, value));
}

PyObject* slot_tp_descr_get(PyObject* self, PyObject* instance, PyObject* type) {
  ThreadState& ts = current_thread();
  PyObject* found = type_peek_lookup(ts, self->ob_type, ID(__get__));
  if (found == nullptr) return new_ref(self);
  PyObject* args[] = {self, instance != nullptr ? instance : Py_None, type != nullptr ? type : Py_None};
  return call_found(ts, found, args, 3).release();
}

int slot_tp_descr_set(PyObject* self, PyObject* target, PyObject* value) {
  ThreadState& ts = current_thread();
  if (value == nullptr) return as_int(special(ts, ID(__delete__), self, target));
  return as_int(special(ts, ID(__set__), self, target, value));
}

// ---- calling, making, ending -------------------------------------------------------------------------------------

PyObject* slot_tp_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Ref<> method;
  if (failed(object_lookup_special(ts, self, ID(__call__), &method))) return nullptr;
  if (!method) return raise_object(ts, PyExc_AttributeError, ID(__call__));
  return object_call(ts, method.get(), args, kwargs).release();
}

int slot_tp_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Ref<> method;
  if (failed(object_lookup_special(ts, self, ID(__init__), &method))) return -1;
  if (!method) return raise_object(ts, PyExc_AttributeError, ID(__init__));
  Ref<> r = object_call(ts, method.get(), args, kwargs);
  if (!r) return -1;
  if (r.get() != Py_None) return raise(ts, PyExc_TypeError, "__init__() should return None, not '%.200T'", r.get());
  return 0;
}

PyObject* slot_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Ref<> f = object_getattr(ts, obj(type), ID(__new__));
  if (!f) return nullptr;
  Py_ssize_t n = tuple_size(args);
  Ref<> with_type = tuple_new(ts, n + 1);
  if (!with_type) return nullptr;
  tuple_items(with_type.get())[0] = new_ref(obj(type));
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(with_type.get())[i + 1] = new_ref(tuple_peek(args, i));
  return object_call(ts, f.get(), with_type.get(), kwargs).release();
}

void slot_tp_finalize(PyObject* self) {
  ThreadState& ts = current_thread();
  ErrorStash stash(ts);
  Ref<> found = Ref<>::dup_of(type_peek_lookup(ts, self->ob_type, ID(__del__)));
  if (found && !call_found(ts, found.get(), &self, 1)) write_unraisable(ts, found.get());
}

// ---- await and asynchronous iteration ----------------------------------------------------------------------------

namespace {
PyObject* async_special(PyObject* self, PyObject* name) {
  ThreadState& ts = current_thread();
  PyObject* found = type_peek_lookup(ts, self->ob_type, name);
  if (found == nullptr) return raise(ts, PyExc_AttributeError, "object %.50T does not have %U method", self, name);
  return call_found(ts, found, &self, 1).release();
}
}  // namespace

PyObject* slot_am_await(PyObject* self) { return async_special(self, ID(__await__)); }
PyObject* slot_am_aiter(PyObject* self) { return async_special(self, ID(__aiter__)); }
PyObject* slot_am_anext(PyObject* self) { return async_special(self, ID(__anext__)); }

}  // namespace atl
