// isinstance and issubclass, for types and for whatever behaves like a class (has __bases__).
#include "Objects/generic_alias.h"
#include "Objects/object/internal.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"

namespace atl {

bool is_subtype(const PyTypeObject* a, const PyTypeObject* b) {
  if (a == b) return true;
  if (PyObject* mro = a->tp_mro; ATOLL_LIKELY(mro != nullptr)) {
    PyObject** items = tuple_items(mro);
    for (Py_ssize_t i = 0, n = tuple_size(mro); i < n; ++i) {
      if (items[i] == obj(b)) return true;
    }
    return false;
  }
  // A type that is not ready yet: only its chain of bases is known.
  for (const PyTypeObject* t = a; t != nullptr; t = t->tp_base) {
    if (t == b) return true;
  }
  return b == &PyBaseObject_Type;
}

namespace {

// __bases__ of something class-like; kOk and empty when it has none (or not a tuple).
Status abstract_bases(ThreadState& ts, PyObject* cls, Ref<>* out) {
  if (failed(object_lookup_attr(ts, cls, ID(__bases__), out))) return Status::kError;
  if (*out && !is_tuple(out->get())) out->reset();
  return Status::kOk;
}

Tri abstract_issubclass(ThreadState& ts, PyObject* derived, PyObject* cls) {
  Ref<> bases;
  for (PyObject* at = derived;;) {
    if (at == cls) return Tri::kTrue;
    Ref<> next;
    if (failed(abstract_bases(ts, at, &next))) return Tri::kError;
    bases = std::move(next);
    if (!bases) return Tri::kFalse;
    Py_ssize_t n = tuple_size(bases.get());
    if (n == 0) return Tri::kFalse;
    if (n == 1) {  // a chain is followed without recursion
      at = tuple_peek(bases.get(), 0);
      continue;
    }
    break;
  }
  for (Py_ssize_t i = 0; i < tuple_size(bases.get()); ++i) {
    RecursionGuard guard(ts, " in __issubclass__");
    if (!guard.ok()) return Tri::kError;
    Tri r = abstract_issubclass(ts, tuple_peek(bases.get(), i), cls);
    if (r != Tri::kFalse) return r;
  }
  return Tri::kFalse;
}

Status check_class_like(ThreadState& ts, PyObject* cls, const char* message) {
  Ref<> bases;
  if (failed(abstract_bases(ts, cls, &bases))) return Status::kError;
  if (bases) return Status::kOk;
  return raise(ts, PyExc_TypeError, "%s", message);
}

Tri real_isinstance(ThreadState& ts, PyObject* o, PyObject* cls) {
  if (PyType_Check(cls)) {
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    if (is_instance_nocall(o, type)) return Tri::kTrue;
    Ref<> given;
    if (failed(object_lookup_attr(ts, o, ID(__class__), &given))) return Tri::kError;
    if (given && given.get() != obj(o->ob_type) && PyType_Check(given.get())) {
      return tri(is_subtype(reinterpret_cast<PyTypeObject*>(given.get()), type));
    }
    return Tri::kFalse;
  }
  if (failed(check_class_like(ts, cls, "isinstance() arg 2 must be a type, a tuple of types, or a union"))) {
    return Tri::kError;
  }
  Ref<> given;
  if (failed(object_lookup_attr(ts, o, ID(__class__), &given))) return Tri::kError;
  if (!given) return Tri::kFalse;
  return abstract_issubclass(ts, given.get(), cls);
}

Tri real_issubclass(ThreadState& ts, PyObject* derived, PyObject* cls) {
  if (PyType_Check(cls) && PyType_Check(derived)) {
    return tri(is_subtype(reinterpret_cast<PyTypeObject*>(derived), reinterpret_cast<PyTypeObject*>(cls)));
  }
  if (failed(check_class_like(ts, derived, "issubclass() arg 1 must be a class"))) return Tri::kError;
  if (failed(check_class_like(ts, cls, "issubclass() arg 2 must be a class, a tuple of classes, or a union"))) {
    return Tri::kError;
  }
  return abstract_issubclass(ts, derived, cls);
}

}  // namespace

Tri object_isinstance(ThreadState& ts, PyObject* o, PyObject* classinfo) {
  if (obj(o->ob_type) == classinfo) return Tri::kTrue;
  if (is_exact(classinfo, &PyType_Type)) return real_isinstance(ts, o, classinfo);
  if (is_exact(classinfo, &_PyUnion_Type)) classinfo = reinterpret_cast<UnionObject*>(classinfo)->args;
  if (is_tuple(classinfo)) {
    RecursionGuard guard(ts, " in __instancecheck__");
    if (!guard.ok()) return Tri::kError;
    Ref<> hold = dup(classinfo);
    for (Py_ssize_t i = 0; i < tuple_size(classinfo); ++i) {
      Tri r = object_isinstance(ts, o, tuple_peek(classinfo, i));
      if (r != Tri::kFalse) return r;
    }
    return Tri::kFalse;
  }
  Ref<> check;
  if (failed(object_lookup_special(ts, classinfo, ID(__instancecheck__), &check))) return Tri::kError;
  if (check) {
    RecursionGuard guard(ts, " in __instancecheck__");
    if (!guard.ok()) return Tri::kError;
    Ref<> r = call(ts, check.get(), o);
    return r ? object_is_true(ts, r.get()) : Tri::kError;
  }
  return real_isinstance(ts, o, classinfo);
}

Tri object_issubclass(ThreadState& ts, PyObject* type, PyObject* classinfo) {
  if (is_exact(classinfo, &PyType_Type)) {
    if (type == classinfo) return Tri::kTrue;
    return real_issubclass(ts, type, classinfo);
  }
  if (is_exact(classinfo, &_PyUnion_Type)) classinfo = reinterpret_cast<UnionObject*>(classinfo)->args;
  if (is_tuple(classinfo)) {
    RecursionGuard guard(ts, " in __subclasscheck__");
    if (!guard.ok()) return Tri::kError;
    Ref<> hold = dup(classinfo);
    for (Py_ssize_t i = 0; i < tuple_size(classinfo); ++i) {
      Tri r = object_issubclass(ts, type, tuple_peek(classinfo, i));
      if (r != Tri::kFalse) return r;
    }
    return Tri::kFalse;
  }
  Ref<> check;
  if (failed(object_lookup_special(ts, classinfo, ID(__subclasscheck__), &check))) return Tri::kError;
  if (check) {
    RecursionGuard guard(ts, " in __subclasscheck__");
    if (!guard.ok()) return Tri::kError;
    Ref<> r = call(ts, check.get(), type);
    return r ? object_is_true(ts, r.get()) : Tri::kError;
  }
  return real_issubclass(ts, type, classinfo);
}

}  // namespace atl

using namespace atl;

int PyType_IsSubtype(PyTypeObject* a, PyTypeObject* b) { return is_subtype(a, b); }

int PyObject_IsInstance(PyObject* o, PyObject* cls) {
  return static_cast<int>(object_isinstance(current_thread(), o, cls));
}
int PyObject_IsSubclass(PyObject* derived, PyObject* cls) {
  return static_cast<int>(object_issubclass(current_thread(), derived, cls));
}
int _PyObject_RealIsInstance(PyObject* o, PyObject* cls) {
  return static_cast<int>(real_isinstance(current_thread(), o, cls));
}
int _PyObject_RealIsSubclass(PyObject* derived, PyObject* cls) {
  return static_cast<int>(real_issubclass(current_thread(), derived, cls));
}

int _PyObject_IsAbstract(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return 0;
  Ref<> flag;
  if (failed(object_lookup_attr(ts, o, ID(__isabstractmethod__), &flag))) return -1;
  return flag ? static_cast<int>(object_is_true(ts, flag.get())) : 0;
}

PyObject* PyObject_Type(PyObject* o) {
  if (o == nullptr) return raise(current_thread(), PyExc_SystemError, "null argument to internal routine");
  return new_ref(obj(o->ob_type));
}
