// super.
#include "Objects/descr/descr.h"
#include "Objects/dict/dict.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Objects/upcalls.h"
#include "structmember.h"

namespace atl {

namespace {

// The class in whose MRO the search runs; empty with TypeError when object has nothing to do with type.
Ref<PyTypeObject> check_pair(ThreadState& ts, PyTypeObject* type, PyObject* object) {
  if (PyType_Check(object) && is_subtype(reinterpret_cast<PyTypeObject*>(object), type)) {
    return dup(reinterpret_cast<PyTypeObject*>(object));
  }
  if (is_subtype(object->ob_type, type)) return dup(object->ob_type);
  Ref<> cls;
  if (failed(object_lookup_attr(ts, object, ID(__class__), &cls))) return {};
  if (cls && PyType_Check(cls.get()) && cls.get() != obj(object->ob_type) &&
      is_subtype(reinterpret_cast<PyTypeObject*>(cls.get()), type)) {
    return std::move(cls).cast<PyTypeObject>();
  }
  return raise(ts, PyExc_TypeError, "super(type, obj): obj must be an instance or subtype of type");
}

// The attribute found behind type in the MRO; kOk and empty when there is none.
Status find_behind(ThreadState& ts, SuperObject* self, PyObject* name, Ref<>* out) {
  PyTypeObject* start = self->object_type;
  if (start == nullptr || start->tp_mro == nullptr) return Status::kOk;
  // __class__ of a super object is its own.
  if (is_str(name) && str_length(name) == 9 && str_equals_ascii(name, "__class__")) return Status::kOk;
  Ref<> mro = dup(start->tp_mro);
  Py_ssize_t n = tuple_size(mro.get());
  Py_ssize_t i = 0;
  while (i + 1 < n && tuple_peek(mro.get(), i) != obj(self->type)) ++i;
  for (++i; i < n; ++i) {
    PyObject* dict = reinterpret_cast<PyTypeObject*>(tuple_peek(mro.get(), i))->tp_dict;
    Ref<> found;
    if (dict == nullptr) continue;
    if (failed(lookup_name(ts, dict, name, &found))) return Status::kError;
    if (!found) continue;
    if (descrgetfunc get = found->ob_type->tp_descr_get) {
      // A class on the right: what is found is as on the class itself.
      PyObject* instance = self->object == obj(start) ? nullptr : self->object;
      found = Ref<>::steal(get(found.get(), instance, obj(start)));
      if (!found) return Status::kError;
    }
    *out = std::move(found);
    return Status::kOk;
  }
  return Status::kOk;
}

Ref<> super_getattro(ThreadState& ts, SuperObject* self, PyObject* name) {
  return super_lookup(ts, self, name);
}

Status super_init_pair(ThreadState& ts, SuperObject* self, PyTypeObject* type, PyObject* object) {
  Ref<PyTypeObject> object_type;
  if (object == Py_None) object = nullptr;
  if (object != nullptr) {
    object_type = check_pair(ts, type, object);
    if (!object_type) return Status::kError;
  }
  set_field(self->type, dup(type));
  set_field(self->object, Ref<>::dup_of(object));
  set_field(self->object_type, std::move(object_type));
  return Status::kOk;
}

Status init_from(ThreadState& ts, SuperObject* self, PyObject* const* args, Py_ssize_t n) {
  if (n > 2) return raise(ts, PyExc_TypeError, "super() expected at most 2 arguments, got %zd", n);
  if (n == 0) {
    Ref<> type, object;
    if (failed(vm_super_arguments(ts, &type, &object))) return Status::kError;
    return super_init_pair(ts, self, reinterpret_cast<PyTypeObject*>(type.get()), object.get());
  }
  if (!PyType_Check(args[0])) return raise(ts, PyExc_TypeError, "super() argument 1 must be a type, not %.100T", args[0]);
  return super_init_pair(ts, self, reinterpret_cast<PyTypeObject*>(args[0]), n == 2 ? args[1] : nullptr);
}

int super_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (kwargs != nullptr && dict_size(kwargs) != 0) return raise(ts, PyExc_TypeError, "super() takes no keyword arguments");
  return static_cast<int>(init_from(ts, reinterpret_cast<SuperObject*>(self), tuple_items(args), tuple_size(args)));
}

PyObject* super_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (kwnames != nullptr && tuple_size(kwnames) != 0) return raise(ts, PyExc_TypeError, "super() takes no keyword arguments");
  auto self = new_object<SuperObject>(ts, reinterpret_cast<PyTypeObject*>(type));
  if (!self) return nullptr;
  self->type = nullptr;
  self->object = nullptr;
  self->object_type = nullptr;
  if (failed(init_from(ts, self.get(), args, PyVectorcall_NARGS(nargsf)))) {
    track(ts, self.get());
    return nullptr;
  }
  track(ts, self.get());
  return obj(self.release());
}

Ref<> super_descr_get(ThreadState& ts, SuperObject* self, PyObject* instance, PyObject*) {
  if (instance == nullptr || instance == Py_None || self->object != nullptr) return dup(obj(self));
  if (!is_exact(obj(self), &PySuper_Type)) return call(ts, obj(type_of(self)), self->type, instance);
  Ref<PyTypeObject> object_type = check_pair(ts, self->type, instance);
  if (!object_type) return {};
  auto bound = new_object<SuperObject>(ts, &PySuper_Type);
  if (!bound) return {};
  bound->type = new_ref(self->type);
  bound->object = new_ref(instance);
  bound->object_type = object_type.release();
  track(ts, bound.get());
  return bound;
}

Ref<> super_repr(ThreadState& ts, SuperObject* self) {
  const char* type = self->type != nullptr ? self->type->tp_name : "NULL";
  if (self->object_type != nullptr) {
    return str_format(ts, "<super: <class '%s'>, <%s object>>", type, self->object_type->tp_name);
  }
  return str_format(ts, "<super: <class '%s'>, NULL>", type);
}

void super_dealloc(ThreadState& ts, SuperObject* self) {
  untrack(self);
  {
    Ref<> a = Ref<>::steal(self->object);
    Ref<> b = Ref<>::steal(self->type != nullptr ? obj(self->type) : nullptr);
    Ref<> c = Ref<>::steal(self->object_type != nullptr ? obj(self->object_type) : nullptr);
  }
  free_object_and_type(ts, obj(self));
}

int super_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* self = reinterpret_cast<SuperObject*>(o);
  Py_VISIT(self->object);
  Py_VISIT(self->type);
  Py_VISIT(self->object_type);
  return 0;
}

constexpr PyMemberDef kMembers[] = {
    {"__thisclass__", T_OBJECT, offsetof(SuperObject, type), READONLY, "the class invoking super()"},
    {"__self__", T_OBJECT, offsetof(SuperObject, object), READONLY, "the instance invoking super(); may be None"},
    {"__self_class__", T_OBJECT, offsetof(SuperObject, object_type), READONLY,
     "the type of the instance invoking super(); may be None"},
    {nullptr, 0, 0, 0, nullptr}};

}  // namespace

Ref<> super_lookup(ThreadState& ts, SuperObject* self, PyObject* name) {
  Ref<> hold = dup(obj(self));
  Ref<> found;
  if (failed(find_behind(ts, self, name, &found))) return {};
  if (found) return found;
  return object_generic_getattr(ts, obj(self), name);
}

constinit const TypeSpec super_spec{
    .name = "super",
    .doc = "super() -> same as super(__class__, <first argument>)\n"
           "super(type) -> unbound super object\n"
           "super(type, obj) -> bound super object; requires isinstance(obj, type)\n"
           "super(type, type2) -> bound super object; requires issubclass(type2, type)\n",
    .basicsize = sizeof(SuperObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = ATOLL_SLOT(super_dealloc),
    .traverse = super_traverse,
    .repr = ATOLL_SLOT(super_repr),
    .getattro = ATOLL_SLOT(super_getattro),
    .descr_get = ATOLL_SLOT(super_descr_get),
    .init = super_init,
    .new_ = PyType_GenericNew,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_GC_Del,
    .vectorcall = super_vectorcall,
    .members = kMembers,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PySuper_Type = {};
}
