// classmethod and staticmethod.
#include "Objects/descr/descr.h"
#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Python/runtime/runtime.h"
#include "structmember.h"

namespace atl {

namespace {

// The decorated function's names and documentation show through.
Status copy_attributes(ThreadState& ts, PyObject* to, PyObject* from) {
  PyObject* const names[] = {ID(__module__), ID(__name__), ID(__qualname__), ID(__doc__), ID(__annotations__)};
  for (PyObject* name : names) {
    Ref<> v;
    if (failed(object_lookup_attr(ts, from, name, &v))) return Status::kError;
    if (v && failed(object_setattr(ts, to, name, v.get()))) return Status::kError;
  }
  return Status::kOk;
}

Status decorator_init(ThreadState& ts, MethodDecoratorObject* self, PyObject* callable) {
  if (is_immortal(obj(self))) return raise(ts, PyExc_TypeError, "cannot initialize a shared '%.100T' object again", self);
  set_field(self->callable, dup(callable));
  return copy_attributes(ts, obj(self), callable);
}

void decorator_dealloc(ThreadState& ts, MethodDecoratorObject* self) {
  untrack(self);
  {
    Ref<> a = Ref<>::steal(self->callable);
    Ref<> b = Ref<>::steal(self->dict);
  }
  free_object_and_type(ts, obj(self));
}

int decorator_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* self = reinterpret_cast<MethodDecoratorObject*>(o);
  Py_VISIT(self->callable);
  Py_VISIT(self->dict);
  return 0;
}

int decorator_clear(PyObject* o) {
  auto* self = reinterpret_cast<MethodDecoratorObject*>(o);
  clear_field(self->callable);
  clear_field(self->dict);
  return 0;
}

Ref<> classmethod_get(ThreadState& ts, MethodDecoratorObject* self, PyObject* instance, PyObject* type) {
  if (self->callable == nullptr) return raise(ts, PyExc_RuntimeError, "uninitialized classmethod object");
  if (type == nullptr) type = obj(instance->ob_type);
  Ref<> f = dup(self->callable);
  if (descrgetfunc get = f->ob_type->tp_descr_get) return Ref<>::steal(get(f.get(), type, type));
  return method_new(ts, f.get(), type);
}

Ref<> staticmethod_get(ThreadState& ts, MethodDecoratorObject* self, PyObject*, PyObject*) {
  if (self->callable == nullptr) return raise(ts, PyExc_RuntimeError, "uninitialized staticmethod object");
  return dup(self->callable);
}

Ref<> staticmethod_call(ThreadState& ts, MethodDecoratorObject* self, PyObject* args, PyObject* kwargs) {
  Ref<> f = Ref<>::dup_of(self->callable);
  if (!f) return raise(ts, PyExc_RuntimeError, "uninitialized staticmethod object");
  return object_call(ts, f.get(), args, kwargs);
}

Ref<> classmethod_repr(ThreadState& ts, MethodDecoratorObject* self) { return str_format(ts, "<classmethod(%R)>", self->callable); }
Ref<> staticmethod_repr(ThreadState& ts, MethodDecoratorObject* self) { return str_format(ts, "<staticmethod(%R)>", self->callable); }

Ref<> decorator_is_abstract(ThreadState&, MethodDecoratorObject* self) {
  int r = _PyObject_IsAbstract(self->callable);
  return r < 0 ? Ref<>() : new_bool(r != 0);
}

// The staticmethods of shared static types have no dict and can get none.
Ref<> decorator_dict(ThreadState& ts, MethodDecoratorObject* self) {
  if (is_immortal(obj(self)) && self->dict == nullptr) return dict_new(ts);
  return Ref<>::steal(PyObject_GenericGetDict(obj(self), nullptr));
}

int decorator_set_dict(PyObject* self, PyObject* value, void*) {
  if (is_immortal(self)) return raise(current_thread(), PyExc_TypeError, "cannot set attributes of a shared '%.100T' object", self);
  return PyObject_GenericSetDict(self, value, nullptr);
}

constexpr PyMemberDef kMembers[] = {
    {"__func__", T_OBJECT, offsetof(MethodDecoratorObject, callable), READONLY, nullptr},
    {"__wrapped__", T_OBJECT, offsetof(MethodDecoratorObject, callable), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};
constexpr PyGetSetDef kGetset[] = {
    {"__isabstractmethod__", ATOLL_GETTER(decorator_is_abstract), nullptr, nullptr, nullptr},
    {"__dict__", ATOLL_GETTER(decorator_dict), decorator_set_dict, nullptr, nullptr},
    ATOLL_GETSET_END};

Ref<> new_decorator(ThreadState& ts, PyTypeObject* type, PyObject* callable) {
  auto d = new_object<MethodDecoratorObject>(ts, type);
  if (!d) return {};
  d->callable = new_ref(callable);
  d->dict = nullptr;
  track(ts, d.get());
  return d;
}

}  // namespace

Ref<> static_staticmethod(ThreadState& ts, PyTypeObject* owner, Ref<> callable) {
  if (!callable) return {};
  auto* d = reinterpret_cast<MethodDecoratorObject*>(static_object(owner, &PyStaticMethod_Type, sizeof(MethodDecoratorObject)));
  if (d == nullptr) return raise_memory(ts);
  d->callable = callable.release();
  return Ref<>::steal(obj(d));
}

constinit const TypeSpec classmethod_spec{
    .name = "classmethod",
    .doc = "classmethod(function) -> method\n\n"
           "Convert a function to be a class method: it receives the class as its first\n"
           "argument, whether it is called on the class or on an instance.\n",
    .basicsize = sizeof(MethodDecoratorObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(decorator_dealloc),
    .traverse = decorator_traverse,
    .clear = decorator_clear,
    .repr = ATOLL_SLOT(classmethod_repr),
    .descr_get = ATOLL_SLOT(classmethod_get),
    .init = ATOLL_INIT(decorator_init, "classmethod", "($self, function, /)"),
    .new_ = PyType_GenericNew,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_GC_Del,
    .dict_offset = offsetof(MethodDecoratorObject, dict),
    .members = kMembers,
    .getset = kGetset,
};

constinit const TypeSpec staticmethod_spec{
    .name = "staticmethod",
    .doc = "staticmethod(function) -> method\n\n"
           "Convert a function to be a static method: it receives neither the instance nor\n"
           "the class.\n",
    .basicsize = sizeof(MethodDecoratorObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(decorator_dealloc),
    .traverse = decorator_traverse,
    .clear = decorator_clear,
    .repr = ATOLL_SLOT(staticmethod_repr),
    .call = ATOLL_SLOT(staticmethod_call),
    .descr_get = ATOLL_SLOT(staticmethod_get),
    .init = ATOLL_INIT(decorator_init, "staticmethod", "($self, function, /)"),
    .new_ = PyType_GenericNew,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_GC_Del,
    .dict_offset = offsetof(MethodDecoratorObject, dict),
    .members = kMembers,
    .getset = kGetset,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PyClassMethod_Type = {};
ATOLL_SEALED PyTypeObject PyStaticMethod_Type = {};
}

using namespace atl;

PyObject* PyClassMethod_New(PyObject* callable) {
  return new_decorator(current_thread(), &PyClassMethod_Type, callable).release();
}
PyObject* PyStaticMethod_New(PyObject* callable) {
  return new_decorator(current_thread(), &PyStaticMethod_Type, callable).release();
}
