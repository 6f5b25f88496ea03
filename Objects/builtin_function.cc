// Built-in functions and methods: objects around a PyMethodDef.
#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "structmember.h"

namespace atl {

namespace {

PyCFunctionObject* as_cfunction(PyObject* o) { return reinterpret_cast<PyCFunctionObject*>(o); }
PyMethodDef* def_of(PyObject* o) { return as_cfunction(o)->m_ml; }

using Fast = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
using FastKeywords = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
using Method = PyObject* (*)(PyObject*, PyTypeObject*, PyObject* const*, size_t, PyObject*);
using Keywords = PyObject* (*)(PyObject*, PyObject*, PyObject*);

template <class F>
F entry(PyObject* o) {
  return reinterpret_cast<F>(reinterpret_cast<void (*)()>(def_of(o)->ml_meth));
}

// What it is called with: static methods of C types have a type, and get nothing.
PyObject* self_of(PyObject* f) { return (def_of(f)->ml_flags & METH_STATIC) ? nullptr : as_cfunction(f)->m_self; }

bool no_keywords(ThreadState& ts, PyObject* f, PyObject* kwnames) {
  if (kwnames == nullptr || tuple_size(kwnames) == 0) return true;
  Ref<> name = Ref<>::steal(_PyObject_FunctionStr(f));
  if (name) (void)raise(ts, PyExc_TypeError, "%U takes no keyword arguments", name.get());
  return false;
}

// The C stack grows with every built-in function that calls back: all go through this check.
PyObject* checked(ThreadState& ts, PyObject* f, PyObject* result) { return check_call_result(ts, f, result).release(); }

PyObject* call_noargs(PyObject* f, PyObject* const*, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (!no_keywords(ts, f, kwnames)) return nullptr;
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (n != 0) {
    Ref<> name = Ref<>::steal(_PyObject_FunctionStr(f));
    if (name) (void)raise(ts, PyExc_TypeError, "%U takes no arguments (%zd given)", name.get(), n);
    return nullptr;
  }
  RecursionGuard guard(ts, " while calling a Python object");
  return guard.ok() ? checked(ts, f, def_of(f)->ml_meth(self_of(f), nullptr)) : nullptr;
}
PyObject* call_one(PyObject* f, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (!no_keywords(ts, f, kwnames)) return nullptr;
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (n != 1) {
    Ref<> name = Ref<>::steal(_PyObject_FunctionStr(f));
    if (name) (void)raise(ts, PyExc_TypeError, "%U takes exactly one argument (%zd given)", name.get(), n);
    return nullptr;
  }
  RecursionGuard guard(ts, " while calling a Python object");
  return guard.ok() ? checked(ts, f, def_of(f)->ml_meth(self_of(f), args[0])) : nullptr;
}
PyObject* call_fast(PyObject* f, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (!no_keywords(ts, f, kwnames)) return nullptr;
  RecursionGuard guard(ts, " while calling a Python object");
  return guard.ok() ? checked(ts, f, entry<Fast>(f)(self_of(f), args, PyVectorcall_NARGS(nargsf))) : nullptr;
}
PyObject* call_fast_keywords(PyObject* f, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  RecursionGuard guard(ts, " while calling a Python object");
  return guard.ok() ? checked(ts, f, entry<FastKeywords>(f)(self_of(f), args, PyVectorcall_NARGS(nargsf), kwnames))
                    : nullptr;
}
PyObject* call_method_entry(PyObject* f, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  RecursionGuard guard(ts, " while calling a Python object");
  PyTypeObject* type = reinterpret_cast<PyCMethodObject*>(f)->mm_class;
  return guard.ok() ? checked(ts, f, entry<Method>(f)(self_of(f), type, args, static_cast<size_t>(PyVectorcall_NARGS(nargsf)), kwnames))
                    : nullptr;
}

// tp_call: METH_VARARGS functions directly, the others through their vectorcall.
Ref<> cfunction_call(ThreadState& ts, PyObject* f, PyObject* args, PyObject* kwargs) {
  if (as_cfunction(f)->vectorcall != nullptr) return Ref<>::steal(PyVectorcall_Call(f, args, kwargs));
  RecursionGuard guard(ts, " while calling a Python object");
  if (!guard.ok()) return {};
  PyObject* self = self_of(f);
  if (def_of(f)->ml_flags & METH_KEYWORDS) return check_call_result(ts, f, entry<Keywords>(f)(self, args, kwargs));
  if (kwargs != nullptr && dict_size(kwargs) != 0) {
    Ref<> name = Ref<>::steal(_PyObject_FunctionStr(f));
    if (name) (void)raise(ts, PyExc_TypeError, "%U takes no keyword arguments", name.get());
    return {};
  }
  return check_call_result(ts, f, def_of(f)->ml_meth(self, args));
}

void cfunction_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (as_cfunction(o)->m_weakreflist != nullptr) PyObject_ClearWeakRefs(o);
  if (trashcan_begin(ts, o)) return;
  if (is_instance_nocall(o, &PyCMethod_Type)) xdecref(obj(std::exchange(reinterpret_cast<PyCMethodObject*>(o)->mm_class, nullptr)));
  xdecref(std::exchange(as_cfunction(o)->m_self, nullptr));
  xdecref(std::exchange(as_cfunction(o)->m_module, nullptr));
  free_object(ts, o);
  trashcan_end(ts);
}
int cfunction_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_cfunction(o)->m_self);
  Py_VISIT(as_cfunction(o)->m_module);
  if (is_instance_nocall(o, &PyCMethod_Type)) Py_VISIT(reinterpret_cast<PyCMethodObject*>(o)->mm_class);
  return 0;
}

Ref<> cfunction_repr(ThreadState& ts, PyObject* o) {
  PyObject* self = as_cfunction(o)->m_self;
  if (self == nullptr || is_module(self)) return str_format(ts, "<built-in function %s>", def_of(o)->ml_name);
  return str_format(ts, "<built-in method %s of %s object at %p>", def_of(o)->ml_name, self->ob_type->tp_name, self);
}

Py_hash_t cfunction_hash(ThreadState&, PyObject* o) {
  auto self = reinterpret_cast<uintptr_t>(as_cfunction(o)->m_self) >> 4;
  auto function = reinterpret_cast<uintptr_t>(reinterpret_cast<void*>(def_of(o)->ml_meth)) >> 4;
  auto h = static_cast<Py_hash_t>(self * 31 ^ function);
  return h == -1 ? -2 : h;
}

Ref<> cfunction_richcompare(ThreadState&, PyObject* a, PyObject* b, int op) {
  bool both = is_instance_nocall(a, &PyCFunction_Type) && is_instance_nocall(b, &PyCFunction_Type);
  if ((op != Py_EQ && op != Py_NE) || !both) return not_implemented();
  bool equal = as_cfunction(a)->m_self == as_cfunction(b)->m_self && def_of(a)->ml_meth == def_of(b)->ml_meth;
  return new_bool(equal == (op == Py_EQ));
}

// ---- attributes --------------------------------------------------------------------------------------------------

Ref<> get_doc(ThreadState& ts, PyObject* o) {
  return Ref<>::steal(_PyType_GetDocFromInternalDoc(def_of(o)->ml_name, def_of(o)->ml_doc));
  (void)ts;
}
Ref<> get_text_signature(ThreadState&, PyObject* o) {
  return Ref<>::steal(_PyType_GetTextSignatureFromInternalDoc(def_of(o)->ml_name, def_of(o)->ml_doc));
}
Ref<> get_name(ThreadState& ts, PyObject* o) { return str_interned(ts, def_of(o)->ml_name); }
Ref<> get_qualname(ThreadState& ts, PyObject* o) {
  PyObject* self = as_cfunction(o)->m_self;
  if (self == nullptr || is_module(self)) return get_name(ts, o);
  PyObject* type = PyType_Check(self) ? self : obj(self->ob_type);
  Ref<> qualname = object_getattr(ts, type, ID(__qualname__));
  if (!qualname) return {};
  if (!is_str(qualname.get())) {
    return raise(ts, PyExc_TypeError, "<method>.__class__.__qualname__ is not a unicode object");
  }
  return str_format(ts, "%S.%s", qualname.get(), def_of(o)->ml_name);
}
Ref<> get_self(ThreadState&, PyObject* o) {
  PyObject* self = (def_of(o)->ml_flags & METH_STATIC) ? nullptr : as_cfunction(o)->m_self;
  return dup(self != nullptr ? self : Py_None);
}
Ref<> reduce(ThreadState& ts, PyObject* o) {
  PyObject* self = as_cfunction(o)->m_self;
  if (self == nullptr || is_module(self)) return get_name(ts, o);
  Ref<> getattr = Ref<>::dup_of(PyDict_GetItemString(ts.interpreter().builtins, "getattr"));
  Ref<> name = get_name(ts, o);
  if (!getattr || !name) return {};
  Ref<> args = tuple_of(ts, self, name.get());
  return args ? tuple_of(ts, getattr.get(), args.get()) : Ref<>();
}

constexpr MethodSpec kMethods[] = {ATOLL_METHOD(reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"__doc__", ATOLL_GETTER(get_doc), nullptr, nullptr, nullptr},
                                   {"__name__", ATOLL_GETTER(get_name), nullptr, nullptr, nullptr},
                                   {"__qualname__", ATOLL_GETTER(get_qualname), nullptr, nullptr, nullptr},
                                   {"__self__", ATOLL_GETTER(get_self), nullptr, nullptr, nullptr},
                                   {"__text_signature__", ATOLL_GETTER(get_text_signature), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};
constexpr PyMemberDef kMembers[] = {{"__module__", T_OBJECT, offsetof(PyCFunctionObject, m_module), 0, nullptr}, {nullptr, 0, 0, 0, nullptr}};

vectorcallfunc vectorcall_for(int flags) {
  switch (flags & (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD)) {
    case METH_NOARGS:
      return call_noargs;
    case METH_O:
      return call_one;
    case METH_FASTCALL:
      return call_fast;
    case METH_FASTCALL | METH_KEYWORDS:
      return call_fast_keywords;
    case METH_FASTCALL | METH_KEYWORDS | METH_METHOD:
      return call_method_entry;
    default:
      return nullptr;
  }
}

bool known_flags(int flags) {
  int kind = flags & (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD);
  return kind == METH_VARARGS || kind == (METH_VARARGS | METH_KEYWORDS) || vectorcall_for(flags) != nullptr;
}

}  // namespace

Ref<> builtin_function_new(ThreadState& ts, PyMethodDef* def, PyObject* self, PyObject* module, PyTypeObject* type) {
  if (!known_flags(def->ml_flags)) return raise(ts, PyExc_SystemError, "%s() method: bad call flags", def->ml_name);
  PyObject* o;
  if (def->ml_flags & METH_METHOD) {
    if (type == nullptr) {
      return raise(ts, PyExc_SystemError, "attempting to create PyCMethod with a METH_METHOD flag but no class");
    }
    o = new_object_sized(ts, &PyCMethod_Type, sizeof(PyCMethodObject));
    if (o != nullptr) reinterpret_cast<PyCMethodObject*>(o)->mm_class = new_ref(type);
  } else {
    o = new_object_sized(ts, &PyCFunction_Type, sizeof(PyCFunctionObject));
  }
  if (o == nullptr) return {};
  PyCFunctionObject* f = as_cfunction(o);
  f->m_ml = def;
  f->m_self = self;
  xincref(self);
  f->m_module = module;
  xincref(module);
  f->m_weakreflist = nullptr;
  f->vectorcall = vectorcall_for(def->ml_flags);
  track(ts, o);
  return Ref<>::steal(o);
}

constinit const TypeSpec cfunction_spec{
    .name = "builtin_function_or_method",
    .basicsize = sizeof(PyCFunctionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(cfunction_dealloc),
    .traverse = cfunction_traverse,
    .repr = ATOLL_SLOT(cfunction_repr),
    .hash = ATOLL_SLOT(cfunction_hash),
    .richcompare = ATOLL_SLOT(cfunction_richcompare),
    .call = ATOLL_SLOT(cfunction_call),
    .getattro = PyObject_GenericGetAttr,
    .weaklist_offset = offsetof(PyCFunctionObject, m_weakreflist),
    .vectorcall_offset = offsetof(PyCFunctionObject, vectorcall),
    .methods = kMethods,
    .members = kMembers,
    .getset = kGetSet,
};
constinit const TypeSpec cmethod_spec{
    .name = "builtin_method",
    .basicsize = sizeof(PyCMethodObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .base = &PyCFunction_Type,
    .dealloc = ATOLL_SLOT(cfunction_dealloc),
    .traverse = cfunction_traverse,
    .vectorcall_offset = offsetof(PyCFunctionObject, vectorcall),
};

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PyCFunction_Type = {};
ATOLL_SEALED PyTypeObject PyCMethod_Type = {};

PyObject* PyCMethod_New(PyMethodDef* def, PyObject* self, PyObject* module, PyTypeObject* type) {
  return builtin_function_new(current_thread(), def, self, module, type).release();
}
PyObject*(PyCFunction_NewEx)(PyMethodDef* def, PyObject* self, PyObject* module) { return PyCMethod_New(def, self, module, nullptr); }
PyObject*(PyCFunction_New)(PyMethodDef* def, PyObject* self) { return PyCMethod_New(def, self, nullptr, nullptr); }
PyCFunction PyCFunction_GetFunction(PyObject* f) {
  if (!is_instance_nocall(f, &PyCFunction_Type)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return def_of(f)->ml_meth;
}
PyObject* PyCFunction_GetSelf(PyObject* f) {
  if (!is_instance_nocall(f, &PyCFunction_Type)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return (def_of(f)->ml_flags & METH_STATIC) ? nullptr : as_cfunction(f)->m_self;
}
int PyCFunction_GetFlags(PyObject* f) {
  if (!is_instance_nocall(f, &PyCFunction_Type)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return def_of(f)->ml_flags;
}
