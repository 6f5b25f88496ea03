// The descriptors of C types: methods, class methods, members, computed attributes, slot wrappers; bound slot wrappers.
#include "Objects/descr/descr.h"

#include <cstring>
#include <string>

#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "structmember.h"

namespace atl {

namespace {

PyDescrObject* as_descr(PyObject* o) { return reinterpret_cast<PyDescrObject*>(o); }

// A descriptor with its common part filled. That of a static type that is being made ready is as lasting as the type, and its
// qualified name is made at once.
PyObject* new_descr(ThreadState& ts, PyTypeObject* kind, size_t size, PyTypeObject* type, const char* name) {
  if (!is_static(type) || !(type->tp_flags & Py_TPFLAGS_READYING)) {
    Ref<> text = name_from_c(ts, name);
    if (!text) return nullptr;
    PyObject* o = new_object_sized(ts, kind, size);
    if (o == nullptr) return nullptr;
    std::memset(reinterpret_cast<char*>(o) + sizeof(PyObject), 0, size - sizeof(PyObject));
    as_descr(o)->d_type = new_ref(type);
    as_descr(o)->d_name = text.release();
    return o;
  }
  PyObject* o = static_object(type, kind, size);
  if (o == nullptr) return raise_memory(ts);
  as_descr(o)->d_type = type;
  Ref<> text = static_text(ts, type, name);
  if (!text) return nullptr;
  as_descr(o)->d_name = text.release();
  std::string qualified = std::string(type_short_name(type)) + "." + name;
  text = static_text(ts, type, qualified);
  if (!text) return nullptr;
  as_descr(o)->d_qualname = text.release();
  return o;
}

Ref<> tracked(ThreadState& ts, PyObject* o) {
  if (!is_immortal(o)) track(ts, o);
  return Ref<>::steal(o);
}

bool check_self(ThreadState& ts, PyDescrObject* d, PyObject* self) {
  if (is_instance_nocall(self, d->d_type)) return true;
  (void)raise(ts, PyExc_TypeError, "descriptor '%U' for '%.100N' objects doesn't apply to a '%.100T' object", d->d_name, d->d_type,
              self);
  return false;
}

// ---- calling methods ---------------------------------------------------------------------------------------------

ATOLL_COLD bool raise_text(ThreadState& ts, PyObject* callable, const char* format, Py_ssize_t given = 0) {
  Ref<> text = function_text(ts, callable);
  if (text) (void)raise(ts, PyExc_TypeError, format, text.get(), given);
  return false;
}

ATOLL_INLINE bool check_method_call(ThreadState& ts, PyObject* callable, PyObject* const* args, Py_ssize_t n, bool keywords_given) {
  if (ATOLL_UNLIKELY(n < 1)) return raise_text(ts, callable, "unbound method %U needs an argument");
  if (ATOLL_UNLIKELY(!check_self(ts, as_descr(callable), args[0]))) return false;
  if (ATOLL_UNLIKELY(keywords_given)) return raise_text(ts, callable, "%U takes no keyword arguments");
  return true;
}

bool any_keywords(PyObject* kwnames) { return kwnames != nullptr && tuple_size(kwnames) != 0; }
PyMethodDef* def_of(PyObject* callable) { return reinterpret_cast<PyMethodDescrObject*>(callable)->d_method; }

PyObject* call_noargs(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (!check_method_call(ts, callable, args, n, any_keywords(kwnames))) return nullptr;
  if (ATOLL_UNLIKELY(n != 1)) {
    raise_text(ts, callable, "%U takes no arguments (%zd given)", n - 1);
    return nullptr;
  }
  RecursionGuard guard(ts, " while calling a Python object");
  return guard.ok() ? def_of(callable)->ml_meth(args[0], nullptr) : nullptr;
}

PyObject* call_one(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (!check_method_call(ts, callable, args, n, any_keywords(kwnames))) return nullptr;
  if (ATOLL_UNLIKELY(n != 2)) {
    raise_text(ts, callable, "%U takes exactly one argument (%zd given)", n - 1);
    return nullptr;
  }
  RecursionGuard guard(ts, " while calling a Python object");
  return guard.ok() ? def_of(callable)->ml_meth(args[0], args[1]) : nullptr;
}

template <class F>
F entry_of(PyObject* callable) {
  return reinterpret_cast<F>(reinterpret_cast<void*>(def_of(callable)->ml_meth));
}

PyObject* call_fast(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (!check_method_call(ts, callable, args, n, any_keywords(kwnames))) return nullptr;
  return entry_of<_PyCFunctionFast>(callable)(args[0], args + 1, n - 1);
}

PyObject* call_fast_keywords(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (!check_method_call(ts, callable, args, n, false)) return nullptr;
  return entry_of<_PyCFunctionFastWithKeywords>(callable)(args[0], args + 1, n - 1, kwnames);
}

PyObject* call_with_class(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (!check_method_call(ts, callable, args, n, false)) return nullptr;
  return entry_of<PyCMethod>(callable)(args[0], as_descr(callable)->d_type, args + 1, static_cast<size_t>(n - 1), kwnames);
}

PyObject* call_tuple(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  bool takes_keywords = (def_of(callable)->ml_flags & METH_KEYWORDS) != 0;
  if (!check_method_call(ts, callable, args, n, !takes_keywords && any_keywords(kwnames))) return nullptr;
  Ref<> tuple = tuple_from(ts, args + 1, n - 1);
  if (!tuple) return nullptr;
  Ref<> dict;
  if (any_keywords(kwnames)) {
    dict = keywords_as_dict(ts, args + n, kwnames);
    if (!dict) return nullptr;
  }
  RecursionGuard guard(ts, " while calling a Python object");
  if (!guard.ok()) return nullptr;
  if (takes_keywords) return entry_of<PyCFunctionWithKeywords>(callable)(args[0], tuple.get(), dict.get());
  return def_of(callable)->ml_meth(args[0], tuple.get());
}

vectorcallfunc method_vectorcall(int flags) {
  switch (flags & (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD)) {
    case METH_VARARGS:
    case METH_VARARGS | METH_KEYWORDS:
      return call_tuple;
    case METH_FASTCALL:
      return call_fast;
    case METH_FASTCALL | METH_KEYWORDS:
      return call_fast_keywords;
    case METH_NOARGS:
      return call_noargs;
    case METH_O:
      return call_one;
    case METH_METHOD | METH_FASTCALL | METH_KEYWORDS:
      return call_with_class;
    default:
      return nullptr;
  }
}

}  // namespace

// ---- making ------------------------------------------------------------------------------------------------------

Ref<> descr_new_method(ThreadState& ts, PyTypeObject* type, PyMethodDef* def) {
  vectorcallfunc f = method_vectorcall(def->ml_flags);
  if (f == nullptr) return raise(ts, PyExc_SystemError, "%s() method: bad call flags", def->ml_name);
  PyObject* o = new_descr(ts, &PyMethodDescr_Type, sizeof(PyMethodDescrObject), type, def->ml_name);
  if (o == nullptr) return {};
  reinterpret_cast<PyMethodDescrObject*>(o)->d_method = def;
  reinterpret_cast<PyMethodDescrObject*>(o)->vectorcall = f;
  return tracked(ts, o);
}

Ref<> descr_new_classmethod(ThreadState& ts, PyTypeObject* type, PyMethodDef* def) {
  PyObject* o = new_descr(ts, &PyClassMethodDescr_Type, sizeof(PyMethodDescrObject), type, def->ml_name);
  if (o == nullptr) return {};
  reinterpret_cast<PyMethodDescrObject*>(o)->d_method = def;
  return tracked(ts, o);
}

Ref<> descr_new_member(ThreadState& ts, PyTypeObject* type, PyMemberDef* def) {
  PyObject* o = new_descr(ts, &PyMemberDescr_Type, sizeof(PyMemberDescrObject), type, def->name);
  if (o == nullptr) return {};
  reinterpret_cast<PyMemberDescrObject*>(o)->d_member = def;
  return tracked(ts, o);
}

Ref<> descr_new_getset(ThreadState& ts, PyTypeObject* type, PyGetSetDef* def) {
  PyObject* o = new_descr(ts, &PyGetSetDescr_Type, sizeof(PyGetSetDescrObject), type, def->name);
  if (o == nullptr) return {};
  reinterpret_cast<PyGetSetDescrObject*>(o)->d_getset = def;
  return tracked(ts, o);
}

Ref<> descr_new_wrapper(ThreadState& ts, PyTypeObject* type, wrapperbase* base, void* wrapped) {
  PyObject* o = new_descr(ts, &PyWrapperDescr_Type, sizeof(PyWrapperDescrObject), type, base->name);
  if (o == nullptr) return {};
  reinterpret_cast<PyWrapperDescrObject*>(o)->d_base = base;
  reinterpret_cast<PyWrapperDescrObject*>(o)->d_wrapped = wrapped;
  return tracked(ts, o);
}

namespace {

// ---- what they have in common ------------------------------------------------------------------------------------

void descr_dealloc(ThreadState& ts, PyDescrObject* d) {
  untrack(d);
  Ref<> type = Ref<>::steal(obj(d->d_type));
  Ref<> name = Ref<>::steal(d->d_name);
  Ref<> qualname = Ref<>::steal(d->d_qualname);
  free_object_and_type(ts, obj(d));
}

int descr_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as_descr(self)->d_type);
  return 0;
}

template <class D>
const char* doc_of(D* d);
template <>
const char* doc_of(PyMethodDescrObject* d) { return d->d_method->ml_doc; }
template <>
const char* doc_of(PyMemberDescrObject* d) { return d->d_member->doc; }
template <>
const char* doc_of(PyGetSetDescrObject* d) { return d->d_getset->doc; }
template <>
const char* doc_of(PyWrapperDescrObject* d) { return d->d_base->doc; }

const char* name_of(PyMethodDescrObject* d) { return d->d_method->ml_name; }
const char* name_of(PyWrapperDescrObject* d) { return d->d_base->name; }

template <class D>
Ref<> descr_doc(ThreadState& ts, D* d) {
  return doc_without_signature(ts, name_of(d), doc_of(d));
}
template <class D>
Ref<> descr_text_signature(ThreadState& ts, D* d) {
  return signature_in_doc(ts, name_of(d), doc_of(d));
}
template <class D>
Ref<> plain_doc(ThreadState& ts, D* d) {
  const char* doc = doc_of(d);
  return doc != nullptr ? str_from_utf8(ts, std::string_view(doc)) : new_none();
}

Ref<> descr_qualname(ThreadState& ts, PyDescrObject* d) {
  if (d->d_qualname == nullptr) {
    Ref<> type_name = type_qualname(ts, d->d_type);
    if (!type_name) return {};
    Ref<> text = str_format(ts, "%U.%S", type_name.get(), d->d_name);
    if (!text) return {};
    d->d_qualname = text.release();
  }
  return dup(d->d_qualname);
}

Ref<> getattr_reduction(ThreadState& ts, PyObject* on, PyObject* name) {
  Ref<> module = Ref<>::steal(PyImport_ImportModule("builtins"));
  if (!module) return {};
  Ref<> f = object_getattr(ts, module.get(), "getattr");
  if (!f) return {};
  Ref<> args = tuple_of(ts, on, name);
  if (!args) return {};
  return tuple_of(ts, f.get(), args.get());
}
Ref<> descr_reduce(ThreadState& ts, PyDescrObject* d) { return getattr_reduction(ts, obj(d->d_type), d->d_name); }

constexpr PyMemberDef kDescrMembers[] = {
    {"__objclass__", T_OBJECT, offsetof(PyDescrObject, d_type), READONLY, nullptr},
    {"__name__", T_OBJECT, offsetof(PyDescrObject, d_name), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kDescrMethods[] = {ATOLL_METHOD(descr_reduce, "__reduce__", "($self, /)", ""), ATOLL_METHOD_END};

#define DESCR_GETSET(D)                                                              \
  {                                                                                  \
    {"__doc__", ATOLL_GETTER(descr_doc<D>), nullptr, nullptr, nullptr},              \
    {"__qualname__", ATOLL_GETTER(descr_qualname), nullptr, nullptr, nullptr},       \
    {"__text_signature__", ATOLL_GETTER(descr_text_signature<D>), nullptr, nullptr, nullptr}, ATOLL_GETSET_END \
  }
constexpr PyGetSetDef kMethodGetset[] = DESCR_GETSET(PyMethodDescrObject);
constexpr PyGetSetDef kWrapperGetset[] = DESCR_GETSET(PyWrapperDescrObject);
#undef DESCR_GETSET
constexpr PyGetSetDef kMemberGetset[] = {
    {"__doc__", ATOLL_GETTER(plain_doc<PyMemberDescrObject>), nullptr, nullptr, nullptr},
    {"__qualname__", ATOLL_GETTER(descr_qualname), nullptr, nullptr, nullptr},
    ATOLL_GETSET_END};
constexpr PyGetSetDef kGetsetGetset[] = {
    {"__doc__", ATOLL_GETTER(plain_doc<PyGetSetDescrObject>), nullptr, nullptr, nullptr},
    {"__qualname__", ATOLL_GETTER(descr_qualname), nullptr, nullptr, nullptr},
    ATOLL_GETSET_END};

Ref<> method_repr(ThreadState& ts, PyDescrObject* d) {
  return str_format(ts, "<method '%U' of '%s' objects>", d->d_name, d->d_type->tp_name);
}
Ref<> wrapper_repr(ThreadState& ts, PyDescrObject* d) {
  return str_format(ts, "<slot wrapper '%U' of '%s' objects>", d->d_name, d->d_type->tp_name);
}
Ref<> member_repr(ThreadState& ts, PyDescrObject* d) {
  return str_format(ts, "<member '%U' of '%s' objects>", d->d_name, d->d_type->tp_name);
}
Ref<> getset_repr(ThreadState& ts, PyDescrObject* d) {
  return str_format(ts, "<attribute '%U' of '%s' objects>", d->d_name, d->d_type->tp_name);
}

// ---- methods -----------------------------------------------------------------------------------------------------

Ref<> method_descr_get(ThreadState& ts, PyMethodDescrObject* d, PyObject* instance, PyObject*) {
  if (instance == nullptr) return dup(obj(d));
  if (!check_self(ts, &d->d_common, instance)) return {};
  PyTypeObject* defining = (d->d_method->ml_flags & METH_METHOD) ? d->d_common.d_type : nullptr;
  return builtin_function_new(ts, d->d_method, instance, nullptr, defining);
}

Ref<> class_method_get(ThreadState& ts, PyMethodDescrObject* d, PyObject* instance, PyObject* type) {
  PyDescrObject* c = &d->d_common;
  if (type == nullptr) {
    if (instance == nullptr) {
      return raise(ts, PyExc_TypeError, "descriptor '%U' for type '%.100s' needs either an object or a type", c->d_name,
                   c->d_type->tp_name);
    }
    type = obj(instance->ob_type);
  }
  if (!PyType_Check(type)) {
    return raise(ts, PyExc_TypeError, "descriptor '%U' for type '%.100s' needs a type, not a '%.100T' as arg 2", c->d_name,
                 c->d_type->tp_name, type);
  }
  auto* t = reinterpret_cast<PyTypeObject*>(type);
  if (!is_subtype(t, c->d_type)) {
    return raise(ts, PyExc_TypeError, "descriptor '%U' requires a subtype of '%.100s' but received '%.100s'", c->d_name,
                 c->d_type->tp_name, t->tp_name);
  }
  PyTypeObject* defining = (d->d_method->ml_flags & METH_METHOD) ? c->d_type : nullptr;
  return builtin_function_new(ts, d->d_method, type, nullptr, defining);
}

Ref<> class_method_call(ThreadState& ts, PyMethodDescrObject* d, PyObject* args, PyObject* kwargs) {
  if (tuple_size(args) < 1) {
    return raise(ts, PyExc_TypeError, "descriptor '%U' of '%.100s' object needs an argument", d->d_common.d_name,
                 d->d_common.d_type->tp_name);
  }
  Ref<> bound = class_method_get(ts, d, nullptr, tuple_peek(args, 0));
  if (!bound) return {};
  Ref<> rest = tuple_slice(ts, args, 1, tuple_size(args));
  return rest ? object_call(ts, bound.get(), rest.get(), kwargs) : Ref<>();
}

// ---- members and computed attributes -----------------------------------------------------------------------------

Ref<> member_get(ThreadState& ts, PyMemberDescrObject* d, PyObject* instance, PyObject*) {
  if (instance == nullptr) return dup(obj(d));
  if (!check_self(ts, &d->d_common, instance)) return {};
  if ((d->d_member->flags & PY_AUDIT_READ) && PySys_Audit("object.__getattr__", "Os", instance, d->d_member->name) < 0) return {};
  if (d->d_member->type == T_OBJECT_EX) {  // the slots of classes
    PyObject* v = *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(instance) + d->d_member->offset);
    if (v == nullptr) return raise_attribute_error(ts, instance, d->d_common.d_name);
    return dup(v);
  }
  return Ref<>::steal(PyMember_GetOne(reinterpret_cast<const char*>(instance), d->d_member));
}

Status member_set(ThreadState& ts, PyMemberDescrObject* d, PyObject* instance, PyObject* value) {
  if (!check_self(ts, &d->d_common, instance)) return Status::kError;
  if (ATOLL_UNLIKELY(is_immortal(instance)) && !(d->d_member->flags & READONLY)) {
    return raise(ts, PyExc_TypeError, "cannot set '%U' attribute of a shared '%.100T' object", d->d_common.d_name, instance);
  }
  return PyMember_SetOne(reinterpret_cast<char*>(instance), d->d_member, value) < 0 ? Status::kError : Status::kOk;
}

Ref<> getset_get(ThreadState& ts, PyGetSetDescrObject* d, PyObject* instance, PyObject*) {
  if (instance == nullptr) return dup(obj(d));
  if (!check_self(ts, &d->d_common, instance)) return {};
  if (d->d_getset->get != nullptr) return Ref<>::steal(d->d_getset->get(instance, d->d_getset->closure));
  return raise(ts, PyExc_AttributeError, "attribute '%U' of '%.100N' objects is not readable", d->d_common.d_name, d->d_common.d_type);
}

Status getset_set(ThreadState& ts, PyGetSetDescrObject* d, PyObject* instance, PyObject* value) {
  if (!check_self(ts, &d->d_common, instance)) return Status::kError;
  if (d->d_getset->set != nullptr) {
    return d->d_getset->set(instance, value, d->d_getset->closure) < 0 ? Status::kError : Status::kOk;
  }
  return raise(ts, PyExc_AttributeError, "attribute '%U' of '%.100N' objects is not writable", d->d_common.d_name, d->d_common.d_type);
}

// ---- slot wrappers -----------------------------------------------------------------------------------------------

Ref<> call_wrapper(ThreadState& ts, PyWrapperDescrObject* d, PyObject* self, PyObject* args, PyObject* kwargs) {
  if (d->d_base->flags & PyWrapperFlag_KEYWORDS) {
    auto f = reinterpret_cast<wrapperfunc_kwds>(reinterpret_cast<void*>(d->d_base->wrapper));
    return Ref<>::steal(f(self, args, d->d_wrapped, kwargs));
  }
  if (kwargs != nullptr && (!is_dict(kwargs) || dict_size(kwargs) != 0)) {
    return raise(ts, PyExc_TypeError, "wrapper %s() takes no keyword arguments", d->d_base->name);
  }
  return Ref<>::steal(d->d_base->wrapper(self, args, d->d_wrapped));
}

Ref<> wrapper_call(ThreadState& ts, PyWrapperDescrObject* d, PyObject* args, PyObject* kwargs) {
  Py_ssize_t n = tuple_size(args);
  if (n < 1) {
    return raise(ts, PyExc_TypeError, "descriptor '%U' of '%.100s' object needs an argument", d->d_common.d_name,
                 d->d_common.d_type->tp_name);
  }
  Ref<> self = dup(tuple_peek(args, 0));
  if (!is_instance_nocall(self.get(), d->d_common.d_type)) {
    return raise(ts, PyExc_TypeError, "descriptor '%U' requires a '%.100s' object but received a '%.100T'", d->d_common.d_name,
                 d->d_common.d_type->tp_name, self.get());
  }
  Ref<> rest = tuple_slice(ts, args, 1, n);
  return rest ? call_wrapper(ts, d, self.get(), rest.get(), kwargs) : Ref<>();
}

Ref<> bound_wrapper_new(ThreadState& ts, PyWrapperDescrObject* d, PyObject* self) {
  auto w = new_object<MethodWrapperObject>(ts, &_PyMethodWrapper_Type);
  if (!w) return {};
  w->descr = new_ref(d);
  w->self = new_ref(self);
  track(ts, w.get());
  return w;
}

Ref<> wrapper_get(ThreadState& ts, PyWrapperDescrObject* d, PyObject* instance, PyObject*) {
  if (instance == nullptr) return dup(obj(d));
  if (!check_self(ts, &d->d_common, instance)) return {};
  return bound_wrapper_new(ts, d, instance);
}

// ---- bound slot wrappers -----------------------------------------------------------------------------------------

void bound_dealloc(ThreadState& ts, MethodWrapperObject* w) {
  untrack(w);
  if (trashcan_begin(ts, obj(w))) return;
  {
    Ref<> descr = Ref<>::steal(obj(w->descr));
    Ref<> self = Ref<>::steal(w->self);
  }
  free_object(ts, obj(w));
  trashcan_end(ts);
}

int bound_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* w = reinterpret_cast<MethodWrapperObject*>(self);
  Py_VISIT(w->descr);
  Py_VISIT(w->self);
  return 0;
}

Ref<> bound_compare(ThreadState&, PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_exact(a, &_PyMethodWrapper_Type) || !is_exact(b, &_PyMethodWrapper_Type)) {
    return not_implemented();
  }
  auto* x = reinterpret_cast<MethodWrapperObject*>(a);
  auto* y = reinterpret_cast<MethodWrapperObject*>(b);
  bool same = x->descr == y->descr && x->self == y->self;
  return new_bool(same == (op == Py_EQ));
}

Py_hash_t bound_hash(ThreadState&, MethodWrapperObject* w) {
  Py_hash_t h = _Py_HashPointer(w->self) ^ _Py_HashPointer(w->descr);
  return h == -1 ? -2 : h;
}

Ref<> bound_repr(ThreadState& ts, MethodWrapperObject* w) {
  return str_format(ts, "<method-wrapper '%s' of %T object at %p>", w->descr->d_base->name, w->self, static_cast<void*>(w->self));
}

Ref<> bound_call(ThreadState& ts, MethodWrapperObject* w, PyObject* args, PyObject* kwargs) {
  return call_wrapper(ts, w->descr, w->self, args, kwargs);
}

Ref<> bound_objclass(ThreadState&, MethodWrapperObject* w) { return dup(obj(w->descr->d_common.d_type)); }
Ref<> bound_name(ThreadState&, MethodWrapperObject* w) { return dup(w->descr->d_common.d_name); }
Ref<> bound_doc(ThreadState& ts, MethodWrapperObject* w) { return descr_doc(ts, w->descr); }
Ref<> bound_signature(ThreadState& ts, MethodWrapperObject* w) { return descr_text_signature(ts, w->descr); }
Ref<> bound_qualname(ThreadState& ts, MethodWrapperObject* w) { return descr_qualname(ts, &w->descr->d_common); }
Ref<> bound_reduce(ThreadState& ts, MethodWrapperObject* w) { return getattr_reduction(ts, w->self, w->descr->d_common.d_name); }

constexpr PyMemberDef kBoundMembers[] = {{"__self__", T_OBJECT, offsetof(MethodWrapperObject, self), READONLY, nullptr},
                                         {nullptr, 0, 0, 0, nullptr}};
constexpr PyGetSetDef kBoundGetset[] = {{"__objclass__", ATOLL_GETTER(bound_objclass), nullptr, nullptr, nullptr},
                                        {"__name__", ATOLL_GETTER(bound_name), nullptr, nullptr, nullptr},
                                        {"__qualname__", ATOLL_GETTER(bound_qualname), nullptr, nullptr, nullptr},
                                        {"__doc__", ATOLL_GETTER(bound_doc), nullptr, nullptr, nullptr},
                                        {"__text_signature__", ATOLL_GETTER(bound_signature), nullptr, nullptr, nullptr},
                                        ATOLL_GETSET_END};
constexpr MethodSpec kBoundMethods[] = {ATOLL_METHOD(bound_reduce, "__reduce__", "($self, /)", ""), ATOLL_METHOD_END};

}  // namespace

// ---- bring-up ----------------------------------------------------------------------------------------------------

Ref<> static_builtin_function(ThreadState& ts, PyTypeObject* owner, PyObject* function) {
  size_t size = function->ob_type == &PyCMethod_Type ? sizeof(PyCMethodObject) : sizeof(PyCFunctionObject);
  PyObject* copy = static_object(owner, function->ob_type, size);
  if (copy == nullptr) return raise_memory(ts);
  std::memcpy(reinterpret_cast<char*>(copy) + sizeof(PyObject), reinterpret_cast<char*>(function) + sizeof(PyObject),
              size - sizeof(PyObject));
  return Ref<>::steal(copy);
}

// ---- types -------------------------------------------------------------------------------------------------------

constinit const TypeSpec method_descr_spec{
    .name = "method_descriptor",
    .basicsize = sizeof(PyMethodDescrObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .dealloc = ATOLL_SLOT(descr_dealloc),
    .traverse = descr_traverse,
    .repr = ATOLL_SLOT(method_repr),
    .call = PyVectorcall_Call,
    .getattro = PyObject_GenericGetAttr,
    .descr_get = ATOLL_SLOT(method_descr_get),
    .vectorcall_offset = offsetof(PyMethodDescrObject, vectorcall),
    .methods = kDescrMethods,
    .members = kDescrMembers,
    .getset = kMethodGetset,
};
constinit const TypeSpec classmethod_descr_spec{
    .name = "classmethod_descriptor",
    .basicsize = sizeof(PyMethodDescrObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(descr_dealloc),
    .traverse = descr_traverse,
    .repr = ATOLL_SLOT(method_repr),
    .call = ATOLL_SLOT(class_method_call),
    .getattro = PyObject_GenericGetAttr,
    .descr_get = ATOLL_SLOT(class_method_get),
    .members = kDescrMembers,
    .getset = kMethodGetset,
};
constinit const TypeSpec member_descr_spec{
    .name = "member_descriptor",
    .basicsize = sizeof(PyMemberDescrObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(descr_dealloc),
    .traverse = descr_traverse,
    .repr = ATOLL_SLOT(member_repr),
    .getattro = PyObject_GenericGetAttr,
    .descr_get = ATOLL_SLOT(member_get),
    .descr_set = ATOLL_SLOT(member_set),
    .methods = kDescrMethods,
    .members = kDescrMembers,
    .getset = kMemberGetset,
};
constinit const TypeSpec getset_descr_spec{
    .name = "getset_descriptor",
    .basicsize = sizeof(PyGetSetDescrObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(descr_dealloc),
    .traverse = descr_traverse,
    .repr = ATOLL_SLOT(getset_repr),
    .getattro = PyObject_GenericGetAttr,
    .descr_get = ATOLL_SLOT(getset_get),
    .descr_set = ATOLL_SLOT(getset_set),
    .members = kDescrMembers,
    .getset = kGetsetGetset,
};
constinit const TypeSpec wrapper_descr_spec{
    .name = "wrapper_descriptor",
    .basicsize = sizeof(PyWrapperDescrObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .dealloc = ATOLL_SLOT(descr_dealloc),
    .traverse = descr_traverse,
    .repr = ATOLL_SLOT(wrapper_repr),
    .call = ATOLL_SLOT(wrapper_call),
    .getattro = PyObject_GenericGetAttr,
    .descr_get = ATOLL_SLOT(wrapper_get),
    .methods = kDescrMethods,
    .members = kDescrMembers,
    .getset = kWrapperGetset,
};
constinit const TypeSpec method_wrapper_spec{
    .name = "method-wrapper",
    .basicsize = sizeof(MethodWrapperObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(bound_dealloc),
    .traverse = bound_traverse,
    .repr = ATOLL_SLOT(bound_repr),
    .hash = ATOLL_SLOT(bound_hash),
    .richcompare = ATOLL_SLOT(bound_compare),
    .call = ATOLL_SLOT(bound_call),
    .getattro = PyObject_GenericGetAttr,
    .methods = kBoundMethods,
    .members = kBoundMembers,
    .getset = kBoundGetset,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PyMethodDescr_Type = {};
ATOLL_SEALED PyTypeObject PyClassMethodDescr_Type = {};
ATOLL_SEALED PyTypeObject PyMemberDescr_Type = {};
ATOLL_SEALED PyTypeObject PyGetSetDescr_Type = {};
ATOLL_SEALED PyTypeObject PyWrapperDescr_Type = {};
ATOLL_SEALED PyTypeObject _PyMethodWrapper_Type = {};
}

using namespace atl;

PyObject* PyDescr_NewMethod(PyTypeObject* type, PyMethodDef* def) { return descr_new_method(current_thread(), type, def).release(); }
PyObject* PyDescr_NewClassMethod(PyTypeObject* type, PyMethodDef* def) {
  return descr_new_classmethod(current_thread(), type, def).release();
}
PyObject* PyDescr_NewMember(PyTypeObject* type, PyMemberDef* def) {
  return descr_new_member(current_thread(), type, def).release();
}
PyObject* PyDescr_NewGetSet(PyTypeObject* type, PyGetSetDef* def) {
  return descr_new_getset(current_thread(), type, def).release();
}
PyObject* PyDescr_NewWrapper(PyTypeObject* type, wrapperbase* base, void* wrapped) {
  return descr_new_wrapper(current_thread(), type, base, wrapped).release();
}
int PyDescr_IsData(PyObject* descr) { return descr->ob_type->tp_descr_set != nullptr; }
PyObject* PyWrapper_New(PyObject* descr, PyObject* self) {
  return bound_wrapper_new(current_thread(), reinterpret_cast<PyWrapperDescrObject*>(descr), self).release();
}
