// Function objects: made by MakeFunction, called by the virtual machine.
#include "Objects/function.h"

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/upcalls.h"
#include "structmember.h"

namespace atl {

Ref<PyFunctionObject> function_new(ThreadState& ts, PyObject* code_object, PyObject* globals, PyObject* qualname) {
  CodeObject* code = as_code(code_object);
  Interpreter& interp = ts.interpreter();
  Ref<> builtins;
  Ref<> module;
  if (is_dict(globals)) {
    builtins = Ref<>::dup_of(dict_peek_str(globals, ID(__builtins__)));
    module = Ref<>::dup_of(dict_peek_str(globals, ID(__name__)));
    if (builtins && is_exact(builtins.get(), &PyModule_Type)) builtins = Ref<>::dup_of(PyModule_GetDict(builtins.get()));
  }
  // Without an entry of its own the namespace gets the builtins of the code that runs.
  if (!builtins) builtins = Ref<>::dup_of(vm_peek_builtins(ts));
  if (!builtins) builtins = Ref<>::dup_of(interp.builtins);
  auto f = new_object<PyFunctionObject>(ts, &PyFunction_Type);
  if (!f) return {};
  f->func_globals = new_ref(globals);
  f->func_builtins = builtins.release();
  f->func_name = new_ref(code->head.co_name);
  f->func_qualname = new_ref(qualname != nullptr ? qualname : code->head.co_qualname);
  f->func_code = new_ref(code_object);
  f->func_defaults = nullptr;
  f->func_kwdefaults = nullptr;
  f->func_closure = nullptr;
  PyObject* doc = Py_None;
  if (tuple_size(code->head.co_consts) != 0 && is_str(tuple_peek(code->head.co_consts, 0))) {
    doc = tuple_peek(code->head.co_consts, 0);
  }
  f->func_doc = new_ref(doc);
  f->func_dict = nullptr;
  f->func_weakreflist = nullptr;
  f->func_module = module ? module.release() : nullptr;
  f->func_annotations = nullptr;
  f->vectorcall = atoll_function_vectorcall;
  f->func_version = 0;
  track(ts, f.get());
  return f;
}

uint32_t function_version(ThreadState& ts, PyFunctionObject* f) {
  if (f->func_version != 0) return f->func_version;
  uint32_t& next = ts.interpreter().versions.func_version;
  if (next == UINT32_MAX) return 0;
  f->func_version = ++next;
  return f->func_version;
}

namespace {

using Fn = PyFunctionObject;

void function_dealloc(ThreadState& ts, PyObject* o) {
  auto* f = as_function(o);
  untrack(o);
  if (f->func_weakreflist != nullptr) PyObject_ClearWeakRefs(o);
  f->func_version = 0;
  xdecref(std::exchange(f->func_globals, nullptr));
  xdecref(std::exchange(f->func_builtins, nullptr));
  xdecref(std::exchange(f->func_module, nullptr));
  xdecref(std::exchange(f->func_defaults, nullptr));
  xdecref(std::exchange(f->func_kwdefaults, nullptr));
  xdecref(std::exchange(f->func_doc, nullptr));
  xdecref(std::exchange(f->func_dict, nullptr));
  xdecref(std::exchange(f->func_closure, nullptr));
  xdecref(std::exchange(f->func_annotations, nullptr));
  xdecref(std::exchange(f->func_name, nullptr));
  xdecref(std::exchange(f->func_qualname, nullptr));
  xdecref(std::exchange(f->func_code, nullptr));
  free_object(ts, o);
}

int function_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* f = as_function(o);
  Py_VISIT(f->func_code);
  Py_VISIT(f->func_globals);
  Py_VISIT(f->func_builtins);
  Py_VISIT(f->func_module);
  Py_VISIT(f->func_defaults);
  Py_VISIT(f->func_kwdefaults);
  Py_VISIT(f->func_doc);
  Py_VISIT(f->func_name);
  Py_VISIT(f->func_dict);
  Py_VISIT(f->func_closure);
  Py_VISIT(f->func_annotations);
  Py_VISIT(f->func_qualname);
  return 0;
}

// What a frame needs to run on (code, globals, name) stays: a cycle is broken by the rest.
int function_clear(PyObject* o) {
  auto* f = as_function(o);
  f->func_version = 0;
  clear_field(f->func_module);
  clear_field(f->func_defaults);
  clear_field(f->func_kwdefaults);
  clear_field(f->func_doc);
  clear_field(f->func_dict);
  clear_field(f->func_closure);
  clear_field(f->func_annotations);
  // A finalizer may still meet the function: it keeps what a call and its repr need.
  decref(std::exchange(f->func_name, new_ref(empty_str())));
  decref(std::exchange(f->func_qualname, new_ref(empty_str())));
  return 0;
}

Ref<> function_repr(ThreadState& ts, PyObject* o) {
  return str_format(ts, "<function %U at %p>", as_function(o)->func_qualname, o);
}

Ref<> function_get(ThreadState& ts, PyObject* f, PyObject* instance, PyObject*) {
  if (instance == nullptr || instance == Py_None) return dup(f);
  return method_new(ts, f, instance);
}

Ref<> function_make(ThreadState& ts, PyTypeObject*, PyObject* code, PyObject* globals, PyObject* name, PyObject* argdefs,
                    PyObject* closure) {
  if (!is_exact(code, &PyCode_Type)) {
    return raise(ts, PyExc_TypeError, "function() argument 'code' must be code, not %T", code);
  }
  if (!is_dict(globals)) {
    return raise(ts, PyExc_TypeError, "function() argument 'globals' must be dict, not %T", globals);
  }
  if (name != nullptr && name != Py_None && !is_str(name)) {
    return raise(ts, PyExc_TypeError, "arg 3 (name) must be None or string");
  }
  if (argdefs != nullptr && argdefs != Py_None && !is_tuple(argdefs)) {
    return raise(ts, PyExc_TypeError, "arg 4 (defaults) must be None or tuple");
  }
  Py_ssize_t free_count = as_code(code)->head.co_nfreevars;
  if (closure == nullptr || closure == Py_None) {
    if (free_count != 0) return raise(ts, PyExc_TypeError, "arg 5 (closure) must be tuple");
    closure = nullptr;
  } else if (!is_tuple(closure)) {
    return raise(ts, PyExc_TypeError, free_count ? "arg 5 (closure) must be tuple" : "arg 5 (closure) must be None or tuple");
  }
  Py_ssize_t given = closure ? tuple_size(closure) : 0;
  if (given != free_count) {
    return raise(ts, PyExc_ValueError, "%U requires closure of length %zd, not %zd", as_code(code)->head.co_name, free_count, given);
  }
  for (Py_ssize_t i = 0; i < given; ++i) {
    if (!is_exact(tuple_peek(closure, i), &PyCell_Type)) {
      return raise(ts, PyExc_TypeError, "arg 5 (closure) expected cell, found %T", tuple_peek(closure, i));
    }
  }
  Ref<PyFunctionObject> f = function_new(ts, code, globals);
  if (!f) return {};
  if (name != nullptr && name != Py_None) set_field(f->func_name, dup(name));
  if (argdefs != nullptr && argdefs != Py_None) f->func_defaults = new_ref(argdefs);
  if (closure != nullptr) f->func_closure = new_ref(closure);
  return f;
}

Ref<> or_none(PyObject* o) { return dup(o != nullptr ? o : Py_None); }

Ref<> get_code(ThreadState&, Fn* f) { return dup(f->func_code); }
Status set_code(ThreadState& ts, Fn* f, PyObject* v) {
  if (v == nullptr || !is_exact(v, &PyCode_Type)) {
    return raise(ts, PyExc_TypeError, "__code__ must be set to a code object");
  }
  Py_ssize_t free_count = as_code(v)->head.co_nfreevars;
  Py_ssize_t have = f->func_closure ? tuple_size(f->func_closure) : 0;
  if (free_count != have) {
    return raise(ts, PyExc_ValueError, "%U() requires a code object with %zd free vars, not %zd", f->func_name, have, free_count);
  }
  f->func_version = 0;
  set_field(f->func_code, dup(v));
  return Status::kOk;
}
Ref<> get_name(ThreadState&, Fn* f) { return dup(f->func_name); }
Status set_name(ThreadState& ts, Fn* f, PyObject* v) {
  if (v == nullptr || !is_str(v)) return raise(ts, PyExc_TypeError, "__name__ must be set to a string object");
  set_field(f->func_name, dup(v));
  return Status::kOk;
}
Ref<> get_qualname(ThreadState&, Fn* f) { return dup(f->func_qualname); }
Status set_qualname(ThreadState& ts, Fn* f, PyObject* v) {
  if (v == nullptr || !is_str(v)) return raise(ts, PyExc_TypeError, "__qualname__ must be set to a string object");
  set_field(f->func_qualname, dup(v));
  return Status::kOk;
}
Ref<> get_defaults(ThreadState&, Fn* f) { return or_none(f->func_defaults); }
Status set_defaults(ThreadState& ts, Fn* f, PyObject* v) {
  if (v == Py_None) v = nullptr;
  if (v != nullptr && !is_tuple(v)) return raise(ts, PyExc_TypeError, "__defaults__ must be set to a tuple object");
  f->func_version = 0;
  set_field(f->func_defaults, Ref<>::dup_of(v));
  return Status::kOk;
}
Ref<> get_kwdefaults(ThreadState&, Fn* f) { return or_none(f->func_kwdefaults); }
Status set_kwdefaults(ThreadState& ts, Fn* f, PyObject* v) {
  if (v == Py_None) v = nullptr;
  if (v != nullptr && !is_dict(v)) return raise(ts, PyExc_TypeError, "__kwdefaults__ must be set to a dict object");
  f->func_version = 0;
  set_field(f->func_kwdefaults, Ref<>::dup_of(v));
  return Status::kOk;
}

// MakeFunction leaves annotations as a flat tuple (name, value, …) until somebody looks.
PyObject* peek_annotations(ThreadState& ts, Fn* f) {
  PyObject* a = f->func_annotations;
  if (a == nullptr || !is_tuple(a)) return a;
  Ref<> d = dict_new_presized(ts, tuple_size(a) / 2);
  if (!d) return nullptr;
  for (Py_ssize_t i = 0; i + 1 < tuple_size(a); i += 2) {
    if (failed(dict_set(ts, d.get(), tuple_peek(a, i), tuple_peek(a, i + 1)))) return nullptr;
  }
  set_field(f->func_annotations, std::move(d));
  return f->func_annotations;
}
Ref<> get_annotations(ThreadState& ts, Fn* f) {
  if (f->func_annotations == nullptr) {
    f->func_annotations = dict_new(ts).release();
    if (f->func_annotations == nullptr) return {};
  }
  return Ref<>::dup_of(peek_annotations(ts, f));
}
Status set_annotations(ThreadState& ts, Fn* f, PyObject* v) {
  if (v == Py_None) v = nullptr;
  if (v != nullptr && !is_dict(v)) return raise(ts, PyExc_TypeError, "__annotations__ must be set to a dict object");
  set_field(f->func_annotations, Ref<>::dup_of(v));
  return Status::kOk;
}

constexpr PyGetSetDef kFunctionGetSet[] = {
    {"__code__", ATOLL_GETTER(get_code), ATOLL_SETTER(set_code), nullptr, nullptr},
    {"__defaults__", ATOLL_GETTER(get_defaults), ATOLL_SETTER(set_defaults), nullptr, nullptr},
    {"__kwdefaults__", ATOLL_GETTER(get_kwdefaults), ATOLL_SETTER(set_kwdefaults), nullptr, nullptr},
    {"__annotations__", ATOLL_GETTER(get_annotations), ATOLL_SETTER(set_annotations), nullptr, nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {"__name__", ATOLL_GETTER(get_name), ATOLL_SETTER(set_name), nullptr, nullptr},
    {"__qualname__", ATOLL_GETTER(get_qualname), ATOLL_SETTER(set_qualname), nullptr, nullptr},
    ATOLL_GETSET_END};

constexpr PyMemberDef kFunctionMembers[] = {
    {"__closure__", T_OBJECT, offsetof(PyFunctionObject, func_closure), READONLY, nullptr},
    {"__doc__", T_OBJECT, offsetof(PyFunctionObject, func_doc), 0, nullptr},
    {"__globals__", T_OBJECT, offsetof(PyFunctionObject, func_globals), READONLY, nullptr},
    {"__module__", T_OBJECT, offsetof(PyFunctionObject, func_module), 0, nullptr},
    {"__builtins__", T_OBJECT, offsetof(PyFunctionObject, func_builtins), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

}  // namespace

constinit const TypeSpec function_spec{
    .name = "function",
    .doc = "function(code, globals, name=None, argdefs=None, closure=None)\n--\n\nMake a function object.",
    .basicsize = sizeof(PyFunctionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .dealloc = ATOLL_SLOT(function_dealloc),
    .traverse = function_traverse,
    .clear = function_clear,
    .repr = ATOLL_SLOT(function_repr),
    .call = PyVectorcall_Call,
    .descr_get = ATOLL_SLOT(function_get),
    .new_ = ATOLL_NEW(function_make, "function", "(code, globals, name=None, argdefs=None, closure=None)"),
    .weaklist_offset = offsetof(PyFunctionObject, func_weakreflist),
    .dict_offset = offsetof(PyFunctionObject, func_dict),
    .vectorcall_offset = offsetof(PyFunctionObject, vectorcall),
    .members = kFunctionMembers,
    .getset = kFunctionGetSet,
};

// ---- bound methods -----------------------------------------------------------------------------------------------

namespace {

PyMethodObject* as_method(PyObject* o) { return reinterpret_cast<PyMethodObject*>(o); }

// The arguments with self in front: in the caller's scratch slot where there is one.
PyObject* method_vectorcall(PyObject* m, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  PyObject* self = as_method(m)->im_self;
  PyObject* func = as_method(m)->im_func;
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  Py_ssize_t total = n + (kwnames ? tuple_size(kwnames) : 0);
  if (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) {
    auto** window = const_cast<PyObject**>(args) - 1;
    PyObject* saved = std::exchange(window[0], self);
    PyObject* result = object_vectorcall(ts, func, window, static_cast<size_t>(n + 1), kwnames).release();
    window[0] = saved;
    return result;
  }
  PyObject* small[12];
  PyObject** window = small;
  if (total + 1 > 12) {
    window = static_cast<PyObject**>(std::malloc(static_cast<size_t>(total + 1) * sizeof(PyObject*)));
    if (window == nullptr) {
      raise_no_memory(ts);
      return nullptr;
    }
  }
  window[0] = self;
  for (Py_ssize_t i = 0; i < total; ++i) window[i + 1] = args[i];
  PyObject* result = object_vectorcall(ts, func, window, static_cast<size_t>(n + 1), kwnames).release();
  if (window != small) std::free(window);
  return result;
}

void method_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (as_method(o)->im_weakreflist != nullptr) PyObject_ClearWeakRefs(o);
  decref(as_method(o)->im_func);
  xdecref(as_method(o)->im_self);
  free_object(ts, o);
}

int method_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_method(o)->im_func);
  Py_VISIT(as_method(o)->im_self);
  return 0;
}

Ref<> method_repr(ThreadState& ts, PyObject* o) {
  Ref<> name;
  if (failed(object_lookup_attr(ts, as_method(o)->im_func, ID(__qualname__), &name))) return {};
  if (!name && failed(object_lookup_attr(ts, as_method(o)->im_func, ID(__name__), &name))) return {};
  if (name && !is_str(name.get())) name.reset();
  return str_format(ts, "<bound method %V of %R>", name.get(), "?", as_method(o)->im_self);
}

Py_hash_t method_hash(ThreadState& ts, PyObject* o) {
  Py_hash_t h;
  if (failed(object_hash(ts, as_method(o)->im_func, &h))) return -1;
  h ^= static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(as_method(o)->im_self) >> 4);
  return h == -1 ? -2 : h;
}

Ref<> method_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_method(a) || !is_method(b)) return not_implemented();
  Tri same = object_equal(ts, as_method(a)->im_func, as_method(b)->im_func);
  if (failed(same)) return {};
  bool equal = same == Tri::kTrue && as_method(a)->im_self == as_method(b)->im_self;
  return new_bool(equal == (op == Py_EQ));
}

// Attributes come from the function, unless the method type has one of that name.
Ref<> method_getattr(ThreadState& ts, PyObject* o, PyObject* name) {
  PyObject* descr = _PyType_Lookup(&PyMethod_Type, name);
  if (descr != nullptr) {
    Ref<> hold = dup(descr);
    if (descr->ob_type->tp_descr_get != nullptr) {
      return Ref<>::steal(descr->ob_type->tp_descr_get(descr, o, obj(o->ob_type)));
    }
    return hold;
  }
  return object_getattr(ts, as_method(o)->im_func, name);
}


Ref<> method_make(ThreadState& ts, PyTypeObject*, PyObject* function, PyObject* instance) {
  if (!PyCallable_Check(function)) return raise(ts, PyExc_TypeError, "first argument must be callable");
  if (instance == Py_None) return raise(ts, PyExc_TypeError, "self must not be None");
  return method_new(ts, function, instance);
}

Ref<> method_reduce(ThreadState& ts, PyMethodObject* m) {
  Ref<> name = object_getattr(ts, m->im_func, ID(__name__));
  if (!name) return {};
  Ref<> getattr = Ref<>::dup_of(PyDict_GetItemString(ts.interpreter().builtins, "getattr"));
  if (!getattr) return raise(ts, PyExc_AttributeError, "getattr");
  Ref<> args = tuple_of(ts, m->im_self, name.get());
  return args ? tuple_of(ts, getattr.get(), args.get()) : Ref<>();
}

Ref<> method_get_doc(ThreadState& ts, PyMethodObject* m) { return object_getattr(ts, m->im_func, ID(__doc__)); }

constexpr MethodSpec kMethodMethods[] = {
    ATOLL_METHOD(method_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};
constexpr PyGetSetDef kMethodGetSet[] = {{"__doc__", ATOLL_GETTER(method_get_doc), nullptr, nullptr, nullptr},
                                         ATOLL_GETSET_END};
constexpr PyMemberDef kMethodMembers[] = {
    {"__func__", T_OBJECT, offsetof(PyMethodObject, im_func), READONLY, "the function (or other callable) implementing a method"},
    {"__self__", T_OBJECT, offsetof(PyMethodObject, im_self), READONLY, "the instance to which a method is bound"},
    {nullptr, 0, 0, 0, nullptr}};

}  // namespace

Ref<> method_new(ThreadState& ts, PyObject* function, PyObject* self) {
  auto m = new_object<PyMethodObject>(ts, &PyMethod_Type);
  if (!m) return {};
  m->im_func = new_ref(function);
  m->im_self = new_ref(self);
  m->im_weakreflist = nullptr;
  m->vectorcall = method_vectorcall;
  track(ts, m.get());
  return m;
}

constinit const TypeSpec method_spec{
    .name = "method",
    .doc = "method(function, instance, /)\n--\n\nMake a bound method.",
    .basicsize = sizeof(PyMethodObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .dealloc = ATOLL_SLOT(method_dealloc),
    .traverse = method_traverse,
    .repr = ATOLL_SLOT(method_repr),
    .hash = ATOLL_SLOT(method_hash),
    .richcompare = ATOLL_SLOT(method_richcompare),
    .call = PyVectorcall_Call,
    .getattro = ATOLL_SLOT(method_getattr),
    .setattro = PyObject_GenericSetAttr,
    .new_ = ATOLL_NEW(method_make, "method", "(function, instance, /)"),
    .weaklist_offset = offsetof(PyMethodObject, im_weakreflist),
    .vectorcall_offset = offsetof(PyMethodObject, vectorcall),
    .methods = kMethodMethods,
    .members = kMethodMembers,
    .getset = kMethodGetSet,
};

// ---- instance methods (C API only) -------------------------------------------------------------------------------

namespace {

PyInstanceMethodObject* as_instancemethod(PyObject* o) { return reinterpret_cast<PyInstanceMethodObject*>(o); }

void instancemethod_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  decref(as_instancemethod(o)->func);
  free_object(ts, o);
}
int instancemethod_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_instancemethod(o)->func);
  return 0;
}
Ref<> instancemethod_repr(ThreadState& ts, PyObject* o) {
  Ref<> name;
  if (failed(object_lookup_attr(ts, as_instancemethod(o)->func, ID(__name__), &name))) return {};
  if (name && !is_str(name.get())) name.reset();
  return str_format(ts, "<instancemethod %V at %p>", name.get(), "?", o);
}
Ref<> instancemethod_call(ThreadState& ts, PyObject* o, PyObject* args, PyObject* kwargs) {
  return object_call(ts, as_instancemethod(o)->func, args, kwargs);
}
Ref<> instancemethod_get(ThreadState& ts, PyObject* o, PyObject* instance, PyObject*) {
  if (instance == nullptr) return dup(as_instancemethod(o)->func);
  return method_new(ts, as_instancemethod(o)->func, instance);
}
Ref<> instancemethod_getattr(ThreadState& ts, PyObject* o, PyObject* name) {
  PyObject* descr = _PyType_Lookup(&PyInstanceMethod_Type, name);
  if (descr != nullptr) {
    Ref<> hold = dup(descr);
    if (descr->ob_type->tp_descr_get != nullptr) {
      return Ref<>::steal(descr->ob_type->tp_descr_get(descr, o, obj(o->ob_type)));
    }
    return hold;
  }
  return object_getattr(ts, as_instancemethod(o)->func, name);
}
Ref<> instancemethod_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || b->ob_type != &PyInstanceMethod_Type) return not_implemented();
  Tri same = object_equal(ts, as_instancemethod(a)->func, as_instancemethod(b)->func);
  if (failed(same)) return {};
  return new_bool((same == Tri::kTrue) == (op == Py_EQ));
}
Ref<> instancemethod_make(ThreadState& ts, PyTypeObject*, PyObject* func) {
  if (!PyCallable_Check(func)) return raise(ts, PyExc_TypeError, "first argument must be callable");
  return Ref<>::steal(PyInstanceMethod_New(func));
}
constexpr PyMemberDef kInstanceMethodMembers[] = {
    {"__func__", T_OBJECT, offsetof(PyInstanceMethodObject, func), READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}};

}  // namespace

constinit const TypeSpec instancemethod_spec{
    .name = "instancemethod",
    .basicsize = sizeof(PyInstanceMethodObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(instancemethod_dealloc),
    .traverse = instancemethod_traverse,
    .repr = ATOLL_SLOT(instancemethod_repr),
    .richcompare = ATOLL_SLOT(instancemethod_richcompare),
    .call = ATOLL_SLOT(instancemethod_call),
    .getattro = ATOLL_SLOT(instancemethod_getattr),
    .descr_get = ATOLL_SLOT(instancemethod_get),
    .new_ = ATOLL_NEW(instancemethod_make, "instancemethod", "(func, /)"),
    .members = kInstanceMethodMembers,
};

// ---- cells -------------------------------------------------------------------------------------------------------

namespace {

void cell_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  xdecref(std::exchange(cell_slot(o), nullptr));
  free_object(ts, o);
}
int cell_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(cell_slot(o));
  return 0;
}
int cell_clear(PyObject* o) {
  clear_field(cell_slot(o));
  return 0;
}
Ref<> cell_repr(ThreadState& ts, PyObject* o) {
  PyObject* v = cell_slot(o);
  if (v == nullptr) return str_format(ts, "<cell at %p: empty>", o);
  return str_format(ts, "<cell at %p: %.80s object at %p>", o, v->ob_type->tp_name, v);
}
// Empty cells come before all others.
Ref<> cell_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_exact(a, &PyCell_Type) || !is_exact(b, &PyCell_Type)) return not_implemented();
  PyObject* x = cell_slot(a);
  PyObject* y = cell_slot(b);
  if (x != nullptr && y != nullptr) return object_richcompare(ts, x, y, op);
  int left = x != nullptr, right = y != nullptr;
  switch (op) {
    case Py_LT:
      return new_bool(left < right);
    case Py_LE:
      return new_bool(left <= right);
    case Py_EQ:
      return new_bool(left == right);
    case Py_NE:
      return new_bool(left != right);
    case Py_GT:
      return new_bool(left > right);
    default:
      return new_bool(left >= right);
  }
}
Ref<> cell_get_contents(ThreadState& ts, PyObject* o) {
  if (cell_slot(o) == nullptr) return raise(ts, PyExc_ValueError, "Cell is empty");
  return dup(cell_slot(o));
}
Status cell_set_contents(ThreadState&, PyObject* o, PyObject* v) {
  set_field(cell_slot(o), Ref<>::dup_of(v));
  return Status::kOk;
}
Ref<> cell_make(ThreadState& ts, PyTypeObject*, PyObject* contents) { return cell_new(ts, contents); }

constexpr PyGetSetDef kCellGetSet[] = {
    {"cell_contents", ATOLL_GETTER(cell_get_contents), ATOLL_SETTER(cell_set_contents), nullptr, nullptr}, ATOLL_GETSET_END};

}  // namespace

Ref<> cell_new(ThreadState& ts, PyObject* value) {
  auto c = new_object<PyCellObject>(ts, &PyCell_Type);
  if (!c) return {};
  c->ob_ref = value;
  xincref(value);
  track(ts, c.get());
  return c;
}

constinit const TypeSpec cell_spec{
    .name = "cell",
    .doc = "cell([contents])\n--\n\nMake a cell, as functions use for variables of enclosing scopes.",
    .basicsize = sizeof(PyCellObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(cell_dealloc),
    .traverse = cell_traverse,
    .clear = cell_clear,
    .repr = ATOLL_SLOT(cell_repr),
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(cell_richcompare),
    .new_ = ATOLL_NEW(cell_make, "cell", "(contents=None, /)"),
    .getset = kCellGetSet,
};

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PyFunction_Type = {};
ATOLL_SEALED PyTypeObject PyMethod_Type = {};
ATOLL_SEALED PyTypeObject PyInstanceMethod_Type = {};
ATOLL_SEALED PyTypeObject PyCell_Type = {};

PyObject* PyFunction_New(PyObject* code, PyObject* globals) {
  return obj(function_new(current_thread(), code, globals).release());
}
PyObject* PyFunction_NewWithQualName(PyObject* code, PyObject* globals, PyObject* qualname) {
  return obj(function_new(current_thread(), code, globals, qualname).release());
}

namespace {
bool check_function(ThreadState& ts, PyObject* f) {
  if (is_function(f)) return true;
  (void)raise_bad_internal_call(ts, __FILE__, __LINE__);
  return false;
}
}  // namespace

PyObject* PyFunction_GetCode(PyObject* f) { return check_function(current_thread(), f) ? as_function(f)->func_code : nullptr; }
PyObject* PyFunction_GetGlobals(PyObject* f) {
  return check_function(current_thread(), f) ? as_function(f)->func_globals : nullptr;
}
PyObject* PyFunction_GetModule(PyObject* f) {
  return check_function(current_thread(), f) ? as_function(f)->func_module : nullptr;
}
PyObject* PyFunction_GetDefaults(PyObject* f) {
  return check_function(current_thread(), f) ? as_function(f)->func_defaults : nullptr;
}
PyObject* PyFunction_GetKwDefaults(PyObject* f) {
  return check_function(current_thread(), f) ? as_function(f)->func_kwdefaults : nullptr;
}
PyObject* PyFunction_GetClosure(PyObject* f) {
  return check_function(current_thread(), f) ? as_function(f)->func_closure : nullptr;
}
PyObject* PyFunction_GetAnnotations(PyObject* f) {
  ThreadState& ts = current_thread();
  return check_function(ts, f) ? peek_annotations(ts, as_function(f)) : nullptr;
}
int PyFunction_SetDefaults(PyObject* f, PyObject* v) {
  ThreadState& ts = current_thread();
  if (!check_function(ts, f)) return -1;
  if (v != Py_None && !is_tuple(v)) {
    (void)raise(ts, PyExc_SystemError, "non-tuple default args");
    return -1;
  }
  return static_cast<int>(set_defaults(ts, as_function(f), v));
}
int PyFunction_SetKwDefaults(PyObject* f, PyObject* v) {
  ThreadState& ts = current_thread();
  if (!check_function(ts, f)) return -1;
  if (v != Py_None && !is_dict(v)) {
    (void)raise(ts, PyExc_SystemError, "non-dict keyword only default args");
    return -1;
  }
  return static_cast<int>(set_kwdefaults(ts, as_function(f), v));
}
int PyFunction_SetClosure(PyObject* f, PyObject* v) {
  ThreadState& ts = current_thread();
  if (!check_function(ts, f)) return -1;
  if (v == Py_None) v = nullptr;
  if (v != nullptr && !is_tuple(v)) {
    (void)raise(ts, PyExc_SystemError, "expected tuple for closure, got '%.100s'", v->ob_type->tp_name);
    return -1;
  }
  set_field(as_function(f)->func_closure, Ref<>::dup_of(v));
  return 0;
}
int PyFunction_SetAnnotations(PyObject* f, PyObject* v) {
  ThreadState& ts = current_thread();
  if (!check_function(ts, f)) return -1;
  if (v != Py_None && !is_dict(v)) {
    (void)raise(ts, PyExc_SystemError, "non-dict annotations");
    return -1;
  }
  return static_cast<int>(set_annotations(ts, as_function(f), v));
}
PyObject* _PyFunction_Vectorcall(PyObject* f, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return atoll_function_vectorcall(f, args, nargsf, kwnames);
}

PyObject* PyMethod_New(PyObject* f, PyObject* self) {
  ThreadState& ts = current_thread();
  if (self == nullptr) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return method_new(ts, f, self).release();
}
PyObject* PyMethod_Function(PyObject* m) {
  if (!is_method(m)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return as_method(m)->im_func;
}
PyObject* PyMethod_Self(PyObject* m) {
  if (!is_method(m)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return as_method(m)->im_self;
}

PyObject* PyInstanceMethod_New(PyObject* func) {
  ThreadState& ts = current_thread();
  auto m = new_object<PyInstanceMethodObject>(ts, &PyInstanceMethod_Type);
  if (!m) return nullptr;
  m->func = new_ref(func);
  track(ts, m.get());
  return obj(m.release());
}
PyObject* PyInstanceMethod_Function(PyObject* m) {
  if (m->ob_type != &PyInstanceMethod_Type) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return as_instancemethod(m)->func;
}

PyObject* PyCell_New(PyObject* v) { return cell_new(current_thread(), v).release(); }
PyObject* PyCell_Get(PyObject* c) {
  if (c->ob_type != &PyCell_Type) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  xincref(cell_slot(c));
  return cell_slot(c);
}
int PyCell_Set(PyObject* c, PyObject* v) {
  if (c->ob_type != &PyCell_Type) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  set_field(cell_slot(c), Ref<>::dup_of(v));
  return 0;
}
