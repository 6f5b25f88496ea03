// Instances: making them by calling the class, the memory of classes written in Python, their end.
#include <alloca.h>

#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/list.h"
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Python/runtime/collector.h"
#include "structmember.h"

namespace atl {

// ---- memory ------------------------------------------------------------------------------------------------------

Ref<> type_generic_alloc(ThreadState& ts, PyTypeObject* type, Py_ssize_t n) {
  size_t size = static_cast<size_t>(type->tp_basicsize);
  if (ATOLL_UNLIKELY(type->tp_itemsize != 0)) {
    // One item more than asked for, as a mark of the end.
    size_t items;
    if (__builtin_mul_overflow(static_cast<size_t>(n) + 1, static_cast<size_t>(type->tp_itemsize), &items) ||
        __builtin_add_overflow(size, items, &size) || size > static_cast<size_t>(PY_SSIZE_T_MAX) - 64) {
      return raise_memory(ts);
    }
    size = (size + 7) & ~size_t{7};
  }
  bool shaped = is_shaped(type);
  size_t extra = shaped ? instance_extra_size(type) : 0;
  PyObject* o = new_object_sized(ts, type, size + extra);
  if (ATOLL_UNLIKELY(o == nullptr)) return {};
  std::memset(reinterpret_cast<char*>(o) + sizeof(PyObject), 0, size + extra - sizeof(PyObject));
  if (type->tp_itemsize != 0) reinterpret_cast<PyVarObject*>(o)->ob_size = n;
  if (shaped) instance_init(type, o, extra);
  if (type->tp_flags & Py_TPFLAGS_HAVE_GC) track(ts, o);
  return Ref<>::steal(o);
}

// ---- the end of instances ----------------------------------------------------------------------------------------

namespace {

// Calls f(slot address) for each __slots__ member of one class.
template <class F>
void for_slots(PyTypeObject* type, PyObject* self, F f) {
  Py_ssize_t n = reinterpret_cast<PyVarObject*>(type)->ob_size;
  PyMemberDef* m = heap_type_members(type);
  for (Py_ssize_t i = 0; i < n; ++i, ++m) {
    if (m->type == T_OBJECT_EX && !(m->flags & READONLY)) {
      f(reinterpret_cast<PyObject**>(reinterpret_cast<char*>(self) + m->offset));
    }
  }
}

PyTypeObject* dealloc_base(PyTypeObject* type) {
  PyTypeObject* base = type;
  while (base->tp_dealloc == subtype_dealloc) base = base->tp_base;
  return base;
}

void dealloc_without_gc(ThreadState& ts, PyObject* self) {
  PyTypeObject* type = self->ob_type;
  if (type->tp_finalize != nullptr && PyObject_CallFinalizerFromDealloc(self) < 0) return;
  if (type->tp_del != nullptr) {
    self->ob_refcnt = 1;
    type->tp_del(self);
    if (--self->ob_refcnt > 0) return;
  }
  PyTypeObject* base = dealloc_base(type);
  type = self->ob_type;  // a finalizer may have assigned __class__
  bool drop = (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !(base->tp_flags & Py_TPFLAGS_HEAPTYPE);
  base->tp_dealloc(self);
  if (drop) decref(obj(type));
  (void)ts;
}

// Instances whose memory holds nothing but attributes: base object, no slots.
void dealloc_plain(ThreadState& ts, PyObject* self, PyTypeObject* type) {
  if (type->tp_weaklistoffset > 0 &&
      *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(self) + type->tp_weaklistoffset) != nullptr) {
    PyObject_ClearWeakRefs(self);
  }
  instance_clear(self);
  type = self->ob_type;
  free_object(ts, self);
  decref(obj(type));
}

}  // namespace

destructor type_subtype_dealloc() { return subtype_dealloc; }

void subtype_dealloc(PyObject* self) {
  ThreadState& ts = current_thread();
  PyTypeObject* type = self->ob_type;
  if (!(type->tp_flags & Py_TPFLAGS_HAVE_GC)) return dealloc_without_gc(ts, self);
  untrack(self);
  if (trashcan_begin_class(ts, self)) return;
  ScopeGuard end([&] { trashcan_end(ts); });

  bool has_finalizer = type->tp_finalize != nullptr || type->tp_del != nullptr;
  if (ATOLL_UNLIKELY(has_finalizer)) {
    // The collector may look at the object while its finalizer runs.
    track(ts, self);
    if (type->tp_finalize != nullptr && PyObject_CallFinalizerFromDealloc(self) < 0) return;
    if (type->tp_del != nullptr) {
      self->ob_refcnt = 1;
      type->tp_del(self);
      if (--self->ob_refcnt > 0) return;
    }
    untrack(self);
    type = self->ob_type;
  }
  TypeRecord* record = type_record(type);
  if (ATOLL_LIKELY(record != nullptr && (record->flags & kRecordPlainDealloc))) return dealloc_plain(ts, self, type);

  PyTypeObject* base = dealloc_base(type);
  if (type->tp_weaklistoffset != 0 && base->tp_weaklistoffset == 0) PyObject_ClearWeakRefs(self);
  for (PyTypeObject* t = type; t != base; t = t->tp_base) {
    if (reinterpret_cast<PyVarObject*>(t)->ob_size != 0) {
      for_slots(t, self, [](PyObject** slot) { clear_field(*slot); });
    }
  }
  if (is_shaped(type)) {
    instance_clear(self);
  } else if (type->tp_dictoffset != 0 && base->tp_dictoffset == 0) {
    PyObject** slot = instance_dict_slot(self);
    if (slot != nullptr) clear_field(*slot);
  }
  type = self->ob_type;
  bool drop = (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !(base->tp_flags & Py_TPFLAGS_HEAPTYPE);
  if (base == &PyBaseObject_Type) {
    free_object(ts, self);
  } else {
    // The base's deallocator untracks what it thinks is tracked, and does not put the object aside (trashcan_begin).
    if (base->tp_flags & Py_TPFLAGS_HAVE_GC) track(ts, self);
    base->tp_dealloc(self);
  }
  if (drop) decref(obj(type));
}

int subtype_traverse(PyObject* self, visitproc visit, void* arg) {
  PyTypeObject* type = self->ob_type;
  PyTypeObject* base = type;
  while (base->tp_traverse == subtype_traverse) {
    if (reinterpret_cast<PyVarObject*>(base)->ob_size != 0) {
      int stop = 0;
      for_slots(base, self, [&](PyObject** slot) {
        if (stop == 0 && *slot != nullptr) stop = visit(*slot, arg);
      });
      if (stop != 0) return stop;
    }
    base = base->tp_base;
  }
  if (is_shaped(type)) {
    if (int stop = instance_traverse(self, visit, arg)) return stop;
  } else if (type->tp_dictoffset != base->tp_dictoffset) {
    PyObject** slot = instance_dict_slot(self);
    if (slot != nullptr) Py_VISIT(*slot);
  }
  // The reference on the type; heap types with a traverse of their own visit it there.
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) && (base->tp_traverse == nullptr || !(base->tp_flags & Py_TPFLAGS_HEAPTYPE))) {
    Py_VISIT(type);
  }
  return base->tp_traverse != nullptr ? base->tp_traverse(self, visit, arg) : 0;
}

int subtype_clear(PyObject* self) {
  PyTypeObject* type = self->ob_type;
  PyTypeObject* base = type;
  while (base->tp_clear == subtype_clear) {
    if (reinterpret_cast<PyVarObject*>(base)->ob_size != 0) {
      for_slots(base, self, [](PyObject** slot) { clear_field(*slot); });
    }
    base = base->tp_base;
  }
  if (is_shaped(type)) {
    instance_clear(self);
  } else if (type->tp_dictoffset != base->tp_dictoffset) {
    PyObject** slot = instance_dict_slot(self);
    if (slot != nullptr) clear_field(*slot);
  }
  return base->tp_clear != nullptr ? base->tp_clear(self) : 0;
}

void type_refresh_record_flags(PyTypeObject* type) {
  TypeRecord* record = type_record(type);
  if (record == nullptr) return;
  record->flags &= ~(kRecordPlainDealloc | kRecordHasSlots);
  if (type->tp_dealloc != subtype_dealloc) return;
  PyTypeObject* base = type;
  for (; base->tp_dealloc == subtype_dealloc; base = base->tp_base) {
    if (reinterpret_cast<PyVarObject*>(base)->ob_size != 0) record->flags |= kRecordHasSlots;
  }
  if (base == &PyBaseObject_Type && is_shaped(type) && !(record->flags & kRecordHasSlots) && type->tp_weaklistoffset >= 0) {
    record->flags |= kRecordPlainDealloc;
  }
}

// ---- object() ----------------------------------------------------------------------------------------------------

bool excess_arguments(PyObject* args, PyObject* kwargs) {
  return tuple_size(args) != 0 || (kwargs != nullptr && is_dict(kwargs) && dict_size(kwargs) != 0);
}

Ref<> raise_abstract(ThreadState& ts, PyTypeObject* type) {
  Ref<> methods = object_getattr(ts, obj(type), ID(__abstractmethods__));
  if (!methods) return {};
  Ref<> sorted = list_from_iterable(ts, methods.get());
  if (!sorted || failed(list_sort(ts, sorted.get(), nullptr, false))) return {};
  Ref<> comma = str_from_ascii(ts, ", ");
  if (!comma) return {};
  Ref<> joined = str_join(ts, comma.get(), list_items(sorted.get()), list_size(sorted.get()));
  if (!joined) return {};
  return raise(ts, PyExc_TypeError, "Can't instantiate abstract class %s with abstract method%s %U", type->tp_name,
               list_size(sorted.get()) > 1 ? "s" : "", joined.get());
}

namespace {

// object's new and init share the rule: arguments are an error unless the other one of the two is overridden.
bool object_new_accepts(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_new != object_new) {
    (void)raise(ts, PyExc_TypeError, "object.__new__() takes exactly one argument (the type to instantiate)");
    return false;
  }
  if (type->tp_init == object_init) {
    (void)raise(ts, PyExc_TypeError, "%.200N() takes no arguments", type);
    return false;
  }
  return true;
}

}  // namespace

PyObject* object_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (excess_arguments(args, kwargs) && !object_new_accepts(ts, type)) return nullptr;
  if (type->tp_flags & Py_TPFLAGS_IS_ABSTRACT) return raise_abstract(ts, type).release();
  return type->tp_alloc(type, 0);
}

int object_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!excess_arguments(args, kwargs)) return 0;
  ThreadState& ts = current_thread();
  PyTypeObject* type = self->ob_type;
  if (type->tp_init != object_init) {
    return raise(ts, PyExc_TypeError, "object.__init__() takes exactly one argument (the instance to initialize)");
  }
  if (type->tp_new == object_new) {
    return raise(ts, PyExc_TypeError, "%.200N.__init__() takes exactly one argument (the instance to initialize)", type);
  }
  return 0;
}

// ---- calling a type ----------------------------------------------------------------------------------------------

namespace {

ATOLL_COLD Ref<> raise_cannot_create(ThreadState& ts, PyTypeObject* type) {
  return raise(ts, PyExc_TypeError, "cannot create '%s' instances", type->tp_name);
}

// Arguments as tuple and dict, made when a C function needs them.
struct PackedArguments {
  Ref<> tuple;
  Ref<> dict;
  bool done = false;
  bool pack(ThreadState& ts, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
    if (done) return true;
    tuple = tuple_from(ts, args, n);
    if (!tuple) return false;
    if (kwnames != nullptr && tuple_size(kwnames) != 0) {
      dict = keywords_as_dict(ts, args + n, kwnames);
      if (!dict) return false;
    }
    done = true;
    return true;
  }
};

// __init__ of a class written in Python, without tuples.
Status call_python_init(ThreadState& ts, PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  PyObject* found = type_peek_lookup(ts, self->ob_type, ID(__init__));
  if (found == nullptr) return raise_object(ts, PyExc_AttributeError, ID(__init__));
  Ref<> f = dup(found);
  Ref<> r;
  if (found->ob_type->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR) {
    r = call_prefixed(ts, found, self, args, nargsf, kwnames);
  } else {
    if (descrgetfunc get = found->ob_type->tp_descr_get) f = Ref<>::steal(get(found, self, obj(self->ob_type)));
    if (!f) return Status::kError;
    r = object_vectorcall(ts, f.get(), args, nargsf, kwnames);
  }
  if (!r) return Status::kError;
  if (r.get() != Py_None) return raise(ts, PyExc_TypeError, "__init__() should return None, not '%.200T'", r.get());
  return Status::kOk;
}

Ref<> instantiate(ThreadState& ts, PyTypeObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  bool any = n != 0 || (kwnames != nullptr && tuple_size(kwnames) != 0);
  PackedArguments packed;
  Ref<> self;
  if (type->tp_new == object_new) {
    if (any && !object_new_accepts(ts, type)) return {};
    if (ATOLL_UNLIKELY((type->tp_flags & Py_TPFLAGS_IS_ABSTRACT) != 0)) return raise_abstract(ts, type);
    self = type->tp_alloc == PyType_GenericAlloc ? type_generic_alloc(ts, type, 0) : Ref<>::steal(type->tp_alloc(type, 0));
  } else if (type->tp_new == slot_tp_new) {
    Ref<> f = object_getattr(ts, obj(type), ID(__new__));
    if (!f) return {};
    self = call_prefixed(ts, f.get(), obj(type), args, nargsf, kwnames);
  } else if (type->tp_new != nullptr) {
    if (!packed.pack(ts, args, n, kwnames)) return {};
    self = check_call_result(ts, obj(type), type->tp_new(type, packed.tuple.get(), packed.dict.get()));
  } else {
    return raise_cannot_create(ts, type);
  }
  if (!self || !is_instance_nocall(self.get(), type)) return self;
  initproc init = self->ob_type->tp_init;
  if (init == nullptr || (init == object_init && !any)) return self;
  if (init == slot_tp_init) {
    if (failed(call_python_init(ts, self.get(), args, nargsf, kwnames))) return {};
    return self;
  }
  if (!packed.pack(ts, args, n, kwnames)) return {};
  if (init(self.get(), packed.tuple.get(), packed.dict.get()) < 0) return {};
  return self;
}

}  // namespace

PyObject* class_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return instantiate(current_thread(), reinterpret_cast<PyTypeObject*>(type), args, nargsf, kwnames).release();
}

Ref<> type_vectorcall(ThreadState& ts, PyTypeObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (type == &PyType_Type) {
    bool keywords = kwnames != nullptr && tuple_size(kwnames) != 0;
    if (n == 1 && !keywords) return dup(obj(args[0]->ob_type));
    if (n != 3) return raise(ts, PyExc_TypeError, "type() takes 1 or 3 arguments");
  }
  return instantiate(ts, type, args, nargsf, kwnames);
}

Ref<> type_call(ThreadState& ts, PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  if (type == &PyType_Type) {
    Py_ssize_t n = tuple_size(args);
    if (n == 1 && (kwargs == nullptr || dict_size(kwargs) == 0)) return dup(obj(tuple_peek(args, 0)->ob_type));
    if (n != 3) return raise(ts, PyExc_TypeError, "type() takes 1 or 3 arguments");
  }
  if (type->tp_new == nullptr) return raise_cannot_create(ts, type);
  Ref<> self = check_call_result(ts, obj(type), type->tp_new(type, args, kwargs));
  if (!self || !is_instance_nocall(self.get(), type)) return self;
  if (initproc init = self->ob_type->tp_init) {
    if (init(self.get(), args, kwargs) < 0) return {};
  }
  return self;
}

}  // namespace atl

using namespace atl;

PyObject* PyType_GenericAlloc(PyTypeObject* type, Py_ssize_t n) { return type_generic_alloc(current_thread(), type, n).release(); }
PyObject* PyType_GenericNew(PyTypeObject* type, PyObject*, PyObject*) { return type->tp_alloc(type, 0); }
