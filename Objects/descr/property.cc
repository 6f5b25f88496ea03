// property.
#include "Objects/descr/descr.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "structmember.h"

namespace atl {

namespace {

// None counts as "not given".
PyObject* given(PyObject* o) { return o == Py_None ? nullptr : o; }

Status property_init(ThreadState& ts, PropertyObject* self, PyObject* get, PyObject* set, PyObject* del, PyObject* doc) {
  get = get != nullptr ? given(get) : nullptr;
  set_field(self->get, Ref<>::dup_of(get));
  set_field(self->set, Ref<>::dup_of(set != nullptr ? given(set) : nullptr));
  set_field(self->del, Ref<>::dup_of(del != nullptr ? given(del) : nullptr));
  set_field(self->doc, Ref<>::dup_of(doc));
  clear_field(self->name);
  self->doc_from_getter = 0;
  if ((doc == nullptr || doc == Py_None) && get != nullptr) {
    Ref<> getter_doc;
    if (failed(object_lookup_attr(ts, get, ID(__doc__), &getter_doc))) return Status::kError;
    if (!getter_doc) return Status::kOk;
    if (is_exact(obj(self), &PyProperty_Type)) {
      set_field(self->doc, std::move(getter_doc));
    } else if (failed(object_setattr(ts, obj(self), ID(__doc__), getter_doc.get()))) {
      // A subclass shows __doc__ of its own in front of ours: the instance needs one.
      return Status::kError;
    }
    self->doc_from_getter = 1;
  }
  return Status::kOk;
}

Raised raise_no(ThreadState& ts, PropertyObject* self, PyObject* instance, const char* what) {
  Ref<> qualname = type_qualname(ts, instance->ob_type);
  if (!qualname) return already_raised();
  if (self->name != nullptr) {
    return raise(ts, PyExc_AttributeError, "property %R of %R object has no %s", self->name, qualname.get(), what);
  }
  return raise(ts, PyExc_AttributeError, "property of %R object has no %s", qualname.get(), what);
}

Ref<> property_get(ThreadState& ts, PropertyObject* self, PyObject* instance, PyObject*) {
  if (instance == nullptr || instance == Py_None) return dup(obj(self));
  if (self->get == nullptr) return raise_no(ts, self, instance, "getter");
  Ref<> f = dup(self->get);
  return call(ts, f.get(), instance);
}

Status property_set(ThreadState& ts, PropertyObject* self, PyObject* instance, PyObject* value) {
  PyObject* f = value != nullptr ? self->set : self->del;
  if (f == nullptr) return raise_no(ts, self, instance, value != nullptr ? "setter" : "deleter");
  Ref<> hold = dup(f);
  Ref<> r = value != nullptr ? call(ts, f, instance, value) : call(ts, f, instance);
  return r ? Status::kOk : Status::kError;
}

// A property of the same class with one function exchanged.
Ref<> property_copy(ThreadState& ts, PropertyObject* self, PyObject* get, PyObject* set, PyObject* del) {
  auto pick = [](PyObject* fresh, PyObject* old) {
    PyObject* o = fresh == nullptr || fresh == Py_None ? old : fresh;
    return o != nullptr ? o : Py_None;
  };
  Ref<> g = dup(pick(get, self->get));
  Ref<> s = dup(pick(set, self->set));
  Ref<> d = dup(pick(del, self->del));
  Ref<> doc = self->doc_from_getter && g.get() != Py_None ? new_none() : dup(self->doc != nullptr ? self->doc : Py_None);
  Ref<> fresh = call(ts, obj(type_of(self)), g.get(), s.get(), d.get(), doc.get());
  if (!fresh) return {};
  if (is_instance_nocall(fresh.get(), &PyProperty_Type)) {
    set_field(reinterpret_cast<PropertyObject*>(fresh.get())->name, Ref<>::dup_of(self->name));
  }
  return fresh;
}

Ref<> property_getter(ThreadState& ts, PropertyObject* self, PyObject* f) { return property_copy(ts, self, f, nullptr, nullptr); }
Ref<> property_setter(ThreadState& ts, PropertyObject* self, PyObject* f) { return property_copy(ts, self, nullptr, f, nullptr); }
Ref<> property_deleter(ThreadState& ts, PropertyObject* self, PyObject* f) { return property_copy(ts, self, nullptr, nullptr, f); }

PyObject* property_set_name(PyObject* self, PyObject* args) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) != 2) {
    return raise(ts, PyExc_TypeError, "__set_name__() takes 2 positional arguments but %zd were given", tuple_size(args));
  }
  set_field(reinterpret_cast<PropertyObject*>(self)->name, dup(tuple_peek(args, 1)));
  return new_ref(Py_None);
}

Ref<> property_is_abstract(ThreadState& ts, PropertyObject* self) {
  (void)ts;
  for (PyObject* f : {self->get, self->set, self->del}) {
    int r = _PyObject_IsAbstract(f);
    if (r < 0) return {};
    if (r > 0) return new_bool(true);
  }
  return new_bool(false);
}

void property_dealloc(ThreadState& ts, PropertyObject* self) {
  untrack(self);
  {
    Ref<> a = Ref<>::steal(self->get), b = Ref<>::steal(self->set), c = Ref<>::steal(self->del);
    Ref<> d = Ref<>::steal(self->doc), e = Ref<>::steal(self->name);
  }
  free_object_and_type(ts, obj(self));
}

int property_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* self = reinterpret_cast<PropertyObject*>(o);
  Py_VISIT(self->get);
  Py_VISIT(self->set);
  Py_VISIT(self->del);
  Py_VISIT(self->doc);
  Py_VISIT(self->name);
  return 0;
}

int property_clear(PyObject* o) {
  clear_field(reinterpret_cast<PropertyObject*>(o)->doc);
  return 0;
}

constexpr PyMemberDef kMembers[] = {{"fget", T_OBJECT, offsetof(PropertyObject, get), READONLY, nullptr},
                                    {"fset", T_OBJECT, offsetof(PropertyObject, set), READONLY, nullptr},
                                    {"fdel", T_OBJECT, offsetof(PropertyObject, del), READONLY, nullptr},
                                    {"__doc__", T_OBJECT, offsetof(PropertyObject, doc), 0, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kMethods[] = {
    {"getter", MethodSpec::Entry(bind_detail::method_def<&property_getter>([]() constexpr {
                                    return MethodText{"getter", "($self, fget, /)", ""};
                                  }, 0).entry), METH_O, "Descriptor to obtain a copy of the property with a different getter."},
    {"setter", MethodSpec::Entry(bind_detail::method_def<&property_setter>([]() constexpr {
                                    return MethodText{"setter", "($self, fset, /)", ""};
                                  }, 0).entry), METH_O, "Descriptor to obtain a copy of the property with a different setter."},
    {"deleter", MethodSpec::Entry(bind_detail::method_def<&property_deleter>([]() constexpr {
                                     return MethodText{"deleter", "($self, fdel, /)", ""};
                                   }, 0).entry), METH_O, "Descriptor to obtain a copy of the property with a different deleter."},
    ATOLL_METHOD_RAW(property_set_name, "__set_name__", METH_VARARGS, "Method to set name of a property."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetset[] = {{"__isabstractmethod__", ATOLL_GETTER(property_is_abstract), nullptr, nullptr, nullptr},
                                   ATOLL_GETSET_END};

}  // namespace

constinit const TypeSpec property_spec{
    .name = "property",
    .doc = "property(fget=None, fset=None, fdel=None, doc=None)\n--\n\n"
           "Property attribute.\n\n"
           "  fget\n    function to be used for getting an attribute value\n"
           "  fset\n    function to be used for setting an attribute value\n"
           "  fdel\n    function to be used for del'ing an attribute\n"
           "  doc\n    docstring\n",
    .basicsize = sizeof(PropertyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = ATOLL_SLOT(property_dealloc),
    .traverse = property_traverse,
    .clear = property_clear,
    .getattro = PyObject_GenericGetAttr,
    .descr_get = ATOLL_SLOT(property_get),
    .descr_set = ATOLL_SLOT(property_set),
    .init = ATOLL_INIT(property_init, "property", "($self, fget=None, fset=None, fdel=None, doc=None)"),
    .new_ = PyType_GenericNew,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_GC_Del,
    .methods = kMethods,
    .members = kMembers,
    .getset = kGetset,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PyProperty_Type = {};
}
