// object: the base of all types, its methods, and the pickling protocol that every instance inherits.
#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Python/runtime/collector.h"

namespace atl {

namespace {

Ref<> object_repr_slot(ThreadState& ts, PyObject* self) {
  PyTypeObject* type = self->ob_type;
  Ref<> module = type_module(ts, type);
  if (!module) error_clear(ts);
  Ref<> qualname = type_qualname(ts, type);
  if (!qualname) return {};
  if (module && is_str(module.get()) && !str_equal(module.get(), ID(builtins))) {
    return str_format(ts, "<%U.%U object at %p>", module.get(), qualname.get(), static_cast<void*>(self));
  }
  return str_format(ts, "<%s object at %p>", type->tp_name, static_cast<void*>(self));
}

Ref<> object_str_slot(ThreadState& ts, PyObject* self) {
  reprfunc f = self->ob_type->tp_repr;
  return f != nullptr ? Ref<>::steal(f(self)) : object_repr_slot(ts, self);
}

Py_hash_t object_hash_slot(PyObject* self) { return _Py_HashPointer(self); }

Ref<> object_compare_slot(ThreadState& ts, PyObject* self, PyObject* other, int op) {
  if (op == Py_EQ) return self == other ? new_bool(true) : not_implemented();
  if (op != Py_NE) return not_implemented();
  // != is the opposite of what == says, where that says anything.
  if (self->ob_type->tp_richcompare == nullptr) return not_implemented();
  Ref<> equal = Ref<>::steal(self->ob_type->tp_richcompare(self, other, Py_EQ));
  if (!equal || equal.get() == Py_NotImplemented) return equal;
  Tri t = object_is_true(ts, equal.get());
  return failed(t) ? Ref<>() : new_bool(t == Tri::kFalse);
}

void object_dealloc_slot(PyObject* self) { self->ob_type->tp_free(self); }

// ---- __class__ ---------------------------------------------------------------------------------------------------

Ref<> object_get_class(ThreadState&, PyObject* self) { return dup(obj(self->ob_type)); }

Status object_set_class(ThreadState& ts, PyObject* self, PyObject* value) {
  if (value == nullptr) return raise(ts, PyExc_TypeError, "can't delete __class__ attribute");
  if (!PyType_Check(value)) return raise(ts, PyExc_TypeError, "__class__ must be set to a class, not '%T' object", value);
  if (PySys_Audit("object.__setattr__", "OsO", self, "__class__", value) < 0) return Status::kError;
  auto* to = reinterpret_cast<PyTypeObject*>(value);
  PyTypeObject* from = self->ob_type;
  bool modules = is_subtype(to, &PyModule_Type) && is_subtype(from, &PyModule_Type);
  if (!modules && ((to->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) || (from->tp_flags & Py_TPFLAGS_IMMUTABLETYPE))) {
    return raise(ts, PyExc_TypeError, "__class__ assignment only supported for mutable types or ModuleType subclasses");
  }
  if (!compatible_for_assignment(ts, from, to, "__class__")) return Status::kError;
  // Shapes belong to a class; the new one finds a dict.
  if (is_shaped(from) && from != to && instance_materialize_dict(ts, self) == nullptr) return Status::kError;
  if (to->tp_flags & Py_TPFLAGS_HEAPTYPE) incref(obj(to));
  self->ob_type = to;
  if (from->tp_flags & Py_TPFLAGS_HEAPTYPE) decref(obj(from));
  return Status::kOk;
}

// ---- pickling ----------------------------------------------------------------------------------------------------

Ref<> import_copyreg(ThreadState& ts) {
  // sys.modules first: the usual case, and it works while the import system is going down.
  if (PyObject* modules = ts.interpreter().modules; modules != nullptr && is_dict(modules)) {
    Ref<> m;
    if (failed(dict_lookup(ts, modules, ID(copyreg), &m))) return {};
    if (m && m.get() != Py_None) return m;
  }
  return Ref<>::steal(PyImport_Import(ID(copyreg)));
}

// Names of __slots__ along the MRO, cached by copyreg in __slotnames__. A list or None.
Ref<> slot_names(ThreadState& ts, PyTypeObject* type) {
  Ref<> cached;
  if (failed(dict_lookup(ts, type->tp_dict, ID(__slotnames__), &cached))) return {};
  if (cached) {
    if (cached.get() != Py_None && !is_list(cached.get())) {
      return raise(ts, PyExc_TypeError, "%.200N.__slotnames__ should be a list or None, not %.200T", type, cached.get());
    }
    return cached;
  }
  Ref<> copyreg = import_copyreg(ts);
  if (!copyreg) return {};
  Ref<> f = object_getattr(ts, copyreg.get(), "_slotnames");
  if (!f) return {};
  Ref<> names = call(ts, f.get(), type);
  if (names && names.get() != Py_None && !is_list(names.get())) {
    return raise(ts, PyExc_TypeError, "copyreg._slotnames didn't return a list or None");
  }
  return names;
}

bool instance_dict_is_empty(PyObject* self) {
  PyObject* dict;
  if (is_shaped(self->ob_type)) {
    InstanceHead* h = instance_head(self);
    if (h->shape > kEmptyShape) return false;
    dict = h->dict;
  } else {
    if (self->ob_type->tp_dictoffset == 0) return true;
    dict = *instance_dict_slot(self);
  }
  return dict == nullptr || dict_size(dict) == 0;
}

// required: an object with C fields that nobody would save can't be pickled.
Ref<> default_state(ThreadState& ts, PyObject* self, bool required) {
  PyTypeObject* type = self->ob_type;
  if (required && type->tp_itemsize != 0) return raise(ts, PyExc_TypeError, "cannot pickle '%.200T' object", self);
  Ref<> state = instance_dict_is_empty(self) ? new_none() : instance_get_dict(ts, self);
  if (!state) return {};
  Ref<> names = slot_names(ts, type);
  if (!names) return {};
  if (required) {
    Py_ssize_t size = PyBaseObject_Type.tp_basicsize;
    if (type->tp_dictoffset != 0 && !is_shaped(type)) size += static_cast<Py_ssize_t>(sizeof(PyObject*));
    if (type->tp_weaklistoffset != 0) size += static_cast<Py_ssize_t>(sizeof(PyObject*));
    if (names.get() != Py_None) size += static_cast<Py_ssize_t>(sizeof(PyObject*)) * list_size(names.get());
    if (type->tp_basicsize > size) return raise(ts, PyExc_TypeError, "cannot pickle '%.200T' object", self);
  }
  if (names.get() == Py_None || list_size(names.get()) == 0) return state;
  Ref<> slots = dict_new(ts);
  if (!slots) return {};
  for (Py_ssize_t i = 0; i < list_size(names.get()); ++i) {
    Ref<> name = dup(list_items(names.get())[i]);
    Ref<> value;
    if (failed(object_lookup_attr(ts, self, name.get(), &value))) return {};
    if (value && failed(dict_set(ts, slots.get(), name.get(), value.get()))) return {};
  }
  if (dict_size(slots.get()) == 0) return state;
  return tuple_of(ts, state.get(), slots.get());
}

Ref<> object_getstate(ThreadState& ts, PyObject* self) { return default_state(ts, self, false); }

Ref<> state_of(ThreadState& ts, PyObject* self, bool required) {
  Ref<> f = object_getattr(ts, self, ID(__getstate__));
  if (!f) return {};
  if (PyCFunction_CheckExact(f.get())) {
    auto* c = reinterpret_cast<PyCFunctionObject*>(f.get());
    PyObject* plain = dict_peek_str(PyBaseObject_Type.tp_dict, ID(__getstate__));
    if (c->m_self == self && c->m_ml == reinterpret_cast<PyMethodDescrObject*>(plain)->d_method) {
      return default_state(ts, self, required);
    }
  }
  return call(ts, f.get());
}

// What __getnewargs_ex__ or __getnewargs__ say; both empty when there is neither.
Status new_arguments(ThreadState& ts, PyObject* self, Ref<>* args, Ref<>* kwargs) {
  Ref<> method;
  if (failed(object_lookup_special(ts, self, ID(__getnewargs_ex__), &method))) return Status::kError;
  if (method) {
    Ref<> pair = call(ts, method.get());
    if (!pair) return Status::kError;
    if (!is_tuple(pair.get())) {
      return raise(ts, PyExc_TypeError, "__getnewargs_ex__ should return a tuple, not '%.200T'", pair.get());
    }
    if (tuple_size(pair.get()) != 2) {
      return raise(ts, PyExc_ValueError, "__getnewargs_ex__ should return a tuple of length 2, not %zd", tuple_size(pair.get()));
    }
    *args = dup(tuple_peek(pair.get(), 0));
    *kwargs = dup(tuple_peek(pair.get(), 1));
    if (!is_tuple(args->get())) {
      return raise(ts, PyExc_TypeError, "first item of the tuple returned by __getnewargs_ex__ must be a tuple, not '%.200T'",
                   args->get());
    }
    if (!is_dict(kwargs->get())) {
      return raise(ts, PyExc_TypeError, "second item of the tuple returned by __getnewargs_ex__ must be a dict, not '%.200T'",
                   kwargs->get());
    }
    return Status::kOk;
  }
  if (failed(object_lookup_special(ts, self, ID(__getnewargs__), &method))) return Status::kError;
  if (!method) return Status::kOk;
  *args = call(ts, method.get());
  if (!*args) return Status::kError;
  if (!is_tuple(args->get())) {
    return raise(ts, PyExc_TypeError, "__getnewargs__ should return a tuple, not '%.200T'", args->get());
  }
  return Status::kOk;
}

// Protocol 2 and later: copyreg.__newobj__(cls, *args), state, items.
Ref<> reduce_newobj(ThreadState& ts, PyObject* self) {
  PyTypeObject* type = self->ob_type;
  if (type->tp_new == nullptr) return raise(ts, PyExc_TypeError, "cannot pickle '%.200s' object", type->tp_name);
  Ref<> args, kwargs;
  if (failed(new_arguments(ts, self, &args, &kwargs))) return {};
  bool has_args = static_cast<bool>(args);
  Ref<> copyreg = import_copyreg(ts);
  if (!copyreg) return {};
  Ref<> maker, maker_args;
  if (!kwargs || dict_size(kwargs.get()) == 0) {
    maker = object_getattr(ts, copyreg.get(), ID(__newobj__));
    if (!maker) return {};
    Py_ssize_t n = args ? tuple_size(args.get()) : 0;
    maker_args = tuple_new(ts, n + 1);
    if (!maker_args) return {};
    tuple_items(maker_args.get())[0] = new_ref(obj(type));
    for (Py_ssize_t i = 0; i < n; ++i) tuple_items(maker_args.get())[i + 1] = new_ref(tuple_peek(args.get(), i));
  } else {
    maker = object_getattr(ts, copyreg.get(), ID(__newobj_ex__));
    if (!maker) return {};
    maker_args = tuple_of(ts, type, args.get(), kwargs.get());
    if (!maker_args) return {};
  }
  Ref<> state = state_of(ts, self, !has_args && !is_list(self) && !is_dict(self));
  if (!state) return {};
  Ref<> items = is_list(self) ? object_iter(ts, self) : new_none();
  if (!items) return {};
  Ref<> pairs = new_none();
  if (is_dict(self)) {
    Ref<> view = call_method(ts, self, ID(items));
    if (!view) return {};
    pairs = object_iter(ts, view.get());
    if (!pairs) return {};
  }
  return tuple_of(ts, maker.get(), maker_args.get(), state.get(), items.get(), pairs.get());
}

Ref<> common_reduce(ThreadState& ts, PyObject* self, int protocol) {
  if (protocol >= 2) return reduce_newobj(ts, self);
  Ref<> copyreg = import_copyreg(ts);
  if (!copyreg) return {};
  Ref<> f = object_getattr(ts, copyreg.get(), "_reduce_ex");
  Ref<> n = f ? int_from_i64(ts, protocol) : Ref<>();
  return n ? call(ts, f.get(), self, n.get()) : Ref<>();
}

Ref<> object_reduce(ThreadState& ts, PyObject* self) { return common_reduce(ts, self, 0); }

Ref<> object_reduce_ex(ThreadState& ts, PyObject* self, int protocol) {
  Ref<> reduce;
  if (failed(object_lookup_attr(ts, self, ID(__reduce__), &reduce))) return {};
  if (reduce) {
    // A class with its own __reduce__ is asked first.
    PyObject* own = type_peek_lookup(ts, self->ob_type, ID(__reduce__));
    Ref<> on_class = object_getattr(ts, obj(self->ob_type), ID(__reduce__));
    if (!on_class) return {};
    PyObject* plain = dict_peek_str(PyBaseObject_Type.tp_dict, ID(__reduce__));
    if (own != plain || on_class.get() != plain) return call(ts, reduce.get());
  }
  return common_reduce(ts, self, protocol);
}

// ---- other methods -----------------------------------------------------------------------------------------------

Ref<> object_format_method(ThreadState& ts, PyObject* self, PyUnicodeObject* spec) {
  if (str_length(obj(spec)) > 0) {
    return raise(ts, PyExc_TypeError, "unsupported format string passed to %.200T.__format__", self);
  }
  return object_str(ts, self);
}

Ref<> object_sizeof(ThreadState& ts, PyObject* self) {
  PyTypeObject* type = self->ob_type;
  Py_ssize_t size = type->tp_basicsize;
  if (type->tp_itemsize > 0) {
    Py_ssize_t n = reinterpret_cast<PyVarObject*>(self)->ob_size;
    size += (n < 0 ? -n : n) * type->tp_itemsize;
  }
  return int_from_ssize(ts, size);
}

Ref<> object_dir_method(ThreadState& ts, PyObject* self) {
  Ref<> own;
  if (failed(object_lookup_attr(ts, self, ID(__dict__), &own))) return {};
  Ref<> names = own && is_dict(own.get()) ? dict_copy(ts, own.get()) : dict_new(ts);
  if (!names) return {};
  Ref<> cls;
  if (failed(object_lookup_attr(ts, self, ID(__class__), &cls))) return {};
  if (cls && failed(merge_class_dict(ts, names.get(), cls.get()))) return {};
  return dict_keys_list(ts, names.get());
}

Ref<> object_init_subclass(ThreadState&, PyObject*) { return new_none(); }
PyObject* object_subclasshook(PyObject*, PyObject*) { return new_ref(Py_NotImplemented); }

constexpr PyGetSetDef kGetset[] = {
    {"__class__", ATOLL_GETTER(object_get_class), ATOLL_SETTER(object_set_class), "the object's class", nullptr}, ATOLL_GETSET_END};

constexpr MethodSpec without_signature(MethodSpec m, const char* doc) { return MethodSpec{m.name, m.entry, m.flags, doc}; }
const MethodSpec kMethods[] = {
    ATOLL_METHOD(object_reduce_ex, "__reduce_ex__", "($self, protocol, /)", "Helper for pickle."),
    ATOLL_METHOD(object_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD(object_getstate, "__getstate__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_RAW(object_subclasshook, "__subclasshook__", METH_CLASS | METH_VARARGS,
                     "Abstract classes can override this to customize issubclass().\n"),
    without_signature(ATOLL_CLASSMETHOD(object_init_subclass, "__init_subclass__", "($type, /)", ""),
                      "This method is called when a class is subclassed.\n"),
    ATOLL_METHOD(object_format_method, "__format__", "($self, format_spec, /)", "Default object formatter."),
    ATOLL_METHOD(object_sizeof, "__sizeof__", "($self, /)", "Size of object in memory, in bytes."),
    ATOLL_METHOD(object_dir_method, "__dir__", "($self, /)", "Default dir() implementation."),
    ATOLL_METHOD_END};

}  // namespace

Status merge_class_dict(ThreadState& ts, PyObject* dict, PyObject* cls) {
  Ref<> own;
  if (failed(object_lookup_attr(ts, cls, ID(__dict__), &own))) return Status::kError;
  if (own && failed(dict_merge(ts, dict, own.get(), true))) return Status::kError;
  Ref<> bases;
  if (failed(object_lookup_attr(ts, cls, ID(__bases__), &bases))) return Status::kError;
  if (!bases) return Status::kOk;
  Py_ssize_t n = PySequence_Size(bases.get());
  if (n < 0) {
    error_clear(ts);  // __bases__ may be anything
    return Status::kOk;
  }
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> base = Ref<>::steal(PySequence_GetItem(bases.get(), i));
    if (!base || failed(merge_class_dict(ts, dict, base.get()))) return Status::kError;
  }
  return Status::kOk;
}

constinit const TypeSpec object_spec{
    .name = "object",
    .doc = "object()\n--\n\n"
           "The base class of the class hierarchy.\n\n"
           "When called, it accepts no arguments and returns a new featureless\n"
           "instance that has no instance attributes and cannot be given any.\n",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .dealloc = object_dealloc_slot,
    .repr = ATOLL_SLOT(object_repr_slot),
    .str = ATOLL_SLOT(object_str_slot),
    .hash = object_hash_slot,
    .richcompare = ATOLL_SLOT(object_compare_slot),
    .getattro = PyObject_GenericGetAttr,
    .setattro = PyObject_GenericSetAttr,
    .init = object_init,
    .new_ = object_new,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_Free,
    .methods = kMethods,
    .getset = kGetset,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PyBaseObject_Type = {};
}

PyObject* _PyObject_GetState(PyObject* o) { return atl::state_of(atl::current_thread(), o, false).release(); }
