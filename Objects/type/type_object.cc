// type: attributes of classes, and the methods and computed attributes that classes have.
#include <cstring>

#include "Objects/descr/descr.h"
#include "Objects/dict/dict.h"
#include "Objects/generic_alias.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Objects/weakref.h"
#include "structmember.h"

namespace atl {

// ---- names -------------------------------------------------------------------------------------------------------

const char* type_short_name(const PyTypeObject* type) {
  const char* dot = std::strrchr(type->tp_name, '.');
  return dot != nullptr ? dot + 1 : type->tp_name;
}

Ref<> type_qualname(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) return dup(as_heap_type(type)->ht_qualname);
  return str_interned(ts, type_short_name(type));
}

Ref<> type_module(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    Ref<> module;
    if (failed(dict_lookup(ts, type->tp_dict, ID(__module__), &module))) return {};
    if (!module) return raise(ts, PyExc_AttributeError, "__module__");
    return module;
  }
  const char* dot = std::strrchr(type->tp_name, '.');
  if (dot == nullptr) return dup(ID(builtins));
  Ref<> text = str_from_utf8(ts, std::string_view(type->tp_name, static_cast<size_t>(dot - type->tp_name)));
  if (text) str_intern(ts, &text);
  return text;
}

Ref<> type_full_name(ThreadState& ts, PyTypeObject* type) {
  Ref<> qualname = type_qualname(ts, type);
  if (!qualname) return {};
  Ref<> module = type_module(ts, type);
  if (!module) {
    if (!error_clear_if(ts, PyExc_AttributeError)) return {};
    return qualname;
  }
  if (!is_str(module.get()) || str_equal(module.get(), ID(builtins))) return qualname;
  return str_format(ts, "%U.%U", module.get(), qualname.get());
}

// ---- attributes of a class ---------------------------------------------------------------------------------------

Status type_lookup_attr(ThreadState& ts, PyTypeObject* type, PyObject* name, Ref<>* out) {
  if (!is_str(name)) return raise_name_not_str(ts, name);
  if (!(type->tp_flags & (Py_TPFLAGS_READY | Py_TPFLAGS_READYING)) && failed(type_ready(ts, type))) return Status::kError;
  PyTypeObject* meta = obj(type)->ob_type;
  PyObject* meta_found = type_peek_lookup(ts, meta, name);
  Ref<> meta_attr = Ref<>::dup_of(meta_found);
  descrgetfunc meta_get = nullptr;
  if (meta_found != nullptr) {
    meta_get = meta_found->ob_type->tp_descr_get;
    if (meta_get != nullptr && meta_found->ob_type->tp_descr_set != nullptr) {
      *out = Ref<>::steal(meta_get(meta_found, obj(type), obj(meta)));
      return *out ? Status::kOk : Status::kError;
    }
  }
  if (PyObject* found = type_peek_lookup(ts, type, name)) {
    Ref<> hold = dup(found);
    if (descrgetfunc get = found->ob_type->tp_descr_get) {
      *out = Ref<>::steal(get(found, nullptr, obj(type)));
      return *out ? Status::kOk : Status::kError;
    }
    *out = std::move(hold);
    return Status::kOk;
  }
  if (meta_get != nullptr) {
    *out = Ref<>::steal(meta_get(meta_attr.get(), obj(type), obj(meta)));
    return *out ? Status::kOk : Status::kError;
  }
  *out = std::move(meta_attr);
  return Status::kOk;
}

Status type_setattr(ThreadState& ts, PyTypeObject* type, PyObject* name, PyObject* value) {
  if (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) {
    if (!is_str(name)) return raise_name_not_str(ts, name);
    return raise(ts, PyExc_TypeError, "cannot set %R attribute of immutable type '%s'", name, type->tp_name);
  }
  if (!is_str(name)) return raise_name_not_str(ts, name);
  Ref<> key;
  if (is_exact_str(name)) {
    key = dup(name);
    if (!str_is_interned(name)) str_intern(ts, &key);
  } else {
    // Lookups compare plain strings.
    key = str_substring(ts, name, 0, str_length(name));
    if (key && !is_exact_str(key.get())) key = Ref<>::steal(_PyUnicode_Copy(name));
    if (!key) return Status::kError;
    str_intern(ts, &key);
  }
  Ref<> hold = dup(obj(type));
  // Before the change, so that nothing that runs meanwhile uses what was cached; and after it, for what it cached.
  type_modified(ts, type);
  Status s = generic_store(ts, obj(type), key.get(), value, type->tp_dict);
  type_modified(ts, type);
  if (failed(s)) return s;
  slots_update_name(ts, type, key.get());
  return Status::kOk;
}

namespace {

Ref<> type_getattro(ThreadState& ts, PyTypeObject* type, PyObject* name) {
  Ref<> value;
  if (failed(type_lookup_attr(ts, type, name, &value))) return {};
  if (value) return value;
  return raise_attribute_error(ts, obj(type), name);
}

PyObject* getattro_slot(PyObject* type, PyObject* name) {
  return type_getattro(current_thread(), reinterpret_cast<PyTypeObject*>(type), name).release();
}
int setattro_slot(PyObject* type, PyObject* name, PyObject* value) {
  return static_cast<int>(type_setattr(current_thread(), reinterpret_cast<PyTypeObject*>(type), name, value));
}
PyObject* call_slot(PyObject* type, PyObject* args, PyObject* kwargs) {
  return type_call(current_thread(), reinterpret_cast<PyTypeObject*>(type), args, kwargs).release();
}

// ---- type(name, bases, dict) -------------------------------------------------------------------------------------

PyObject* type_new_slot(PyTypeObject* metatype, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if (n != 3) return raise(ts, PyExc_TypeError, "type.__new__() takes exactly 3 arguments (%zd given)", n);
  PyObject* name = tuple_peek(args, 0);
  PyObject* bases = tuple_peek(args, 1);
  PyObject* ns = tuple_peek(args, 2);
  auto shown = [](PyObject* o) { return o == Py_None ? "None" : o->ob_type->tp_name; };
  if (!is_str(name)) return raise(ts, PyExc_TypeError, "type.__new__() argument 1 must be str, not %.50s", shown(name));
  if (!is_tuple(bases)) return raise(ts, PyExc_TypeError, "type.__new__() argument 2 must be tuple, not %.50s", shown(bases));
  if (!is_dict(ns)) return raise(ts, PyExc_TypeError, "type.__new__() argument 3 must be dict, not %.50s", shown(ns));
  return type_new(ts, metatype, name, bases, ns, kwargs).release();
}

int type_init_slot(PyObject*, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if (n == 1 && kwargs != nullptr && dict_size(kwargs) != 0) {
    return raise(ts, PyExc_TypeError, "type.__init__() takes no keyword arguments");
  }
  if (n != 1 && n != 3) return raise(ts, PyExc_TypeError, "type.__init__() takes 1 or 3 arguments");
  return 0;
}

PyObject* type_vectorcall_slot(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return type_vectorcall(current_thread(), reinterpret_cast<PyTypeObject*>(type), args, nargsf, kwnames).release();
}

// ---- lifetime ----------------------------------------------------------------------------------------------------

int type_is_gc(PyObject* type) { return (reinterpret_cast<PyTypeObject*>(type)->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0; }

int type_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* type = reinterpret_cast<PyTypeObject*>(self);
  Py_VISIT(type->tp_dict);
  Py_VISIT(type->tp_mro);
  Py_VISIT(type->tp_bases);
  Py_VISIT(type->tp_base);
  Py_VISIT(as_heap_type(type)->ht_module);
  return 0;
}

int type_clear(PyObject* self) {
  ThreadState& ts = current_thread();
  auto* type = reinterpret_cast<PyTypeObject*>(self);
  // Names, bases and __slots__ hold no cycles that break here; the dict, the module and the MRO do.
  type_modified(ts, type);
  if (type->tp_dict != nullptr) {
    Ref<> dict = dup(type->tp_dict);
    dict_clear(ts, dict.get());
  }
  clear_field(as_heap_type(type)->ht_module);
  clear_field(type->tp_mro);
  return 0;
}

void type_dealloc(PyObject* self) {
  ThreadState& ts = current_thread();
  auto* type = reinterpret_cast<PyTypeObject*>(self);
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {  // somebody let go of an extension's static type too often
    self->ob_refcnt = kImmortalRefcnt;
    return;
  }
  untrack(self);
  ErrorStash stash(ts);
  weakrefs_clear(ts, self);
  if (type->tp_bases != nullptr) {
    for (Py_ssize_t i = 0; i < tuple_size(type->tp_bases); ++i) {
      PyObject* base = tuple_peek(type->tp_bases, i);
      if (PyType_Check(base)) subclass_remove(ts, reinterpret_cast<PyTypeObject*>(base), type);
    }
  }
  PyHeapTypeObject* h = as_heap_type(type);
  {
    Ref<> dict = Ref<>::steal(std::exchange(type->tp_dict, nullptr));
    Ref<> bases = Ref<>::steal(std::exchange(type->tp_bases, nullptr));
    Ref<> mro = Ref<>::steal(std::exchange(type->tp_mro, nullptr));
    Ref<> base = Ref<>::steal(obj(std::exchange(type->tp_base, nullptr)));
    Ref<> module = Ref<>::steal(std::exchange(h->ht_module, nullptr));
    Ref<> slots = Ref<>::steal(std::exchange(h->ht_slots, nullptr));
    Ref<> qualname = Ref<>::steal(std::exchange(h->ht_qualname, nullptr));
    Ref<> name = Ref<>::steal(std::exchange(h->ht_name, nullptr));
  }
  type_free_record(ts, type);
  PyObject_Free(const_cast<char*>(type->tp_doc));
  PyMem_Free(h->_ht_tpname);
  free_object_and_type(ts, self);
}

// ---- computed attributes -----------------------------------------------------------------------------------------

Status check_settable(ThreadState& ts, PyTypeObject* type, PyObject* value, const char* name) {
  if (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) {
    return raise(ts, PyExc_TypeError, "cannot set '%s' attribute of immutable type '%s'", name, type->tp_name);
  }
  if (value == nullptr) {
    return raise(ts, PyExc_TypeError, "cannot delete '%s' attribute of immutable type '%s'", name, type->tp_name);
  }
  return PySys_Audit("object.__setattr__", "OsO", type, name, value) < 0 ? Status::kError : Status::kOk;
}

Ref<> get_name(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) return dup(as_heap_type(type)->ht_name);
  return str_interned(ts, type_short_name(type));
}

Status set_name(ThreadState& ts, PyTypeObject* type, PyObject* value) {
  if (failed(check_settable(ts, type, value, "__name__"))) return Status::kError;
  if (!is_str(value)) {
    return raise(ts, PyExc_TypeError, "can only assign string to %s.__name__, not '%T'", type->tp_name, value);
  }
  if (failed(check_type_name(ts, value))) return Status::kError;
  type->tp_name = str_utf8(ts, value);
  set_field(as_heap_type(type)->ht_name, dup(value));
  return Status::kOk;
}

Ref<> get_qualname(ThreadState& ts, PyTypeObject* type) { return type_qualname(ts, type); }

Status set_qualname(ThreadState& ts, PyTypeObject* type, PyObject* value) {
  if (failed(check_settable(ts, type, value, "__qualname__"))) return Status::kError;
  if (!is_str(value)) {
    return raise(ts, PyExc_TypeError, "can only assign string to %s.__qualname__, not '%T'", type->tp_name, value);
  }
  set_field(as_heap_type(type)->ht_qualname, dup(value));
  return Status::kOk;
}

Ref<> get_module(ThreadState& ts, PyTypeObject* type) { return type_module(ts, type); }

Status set_module(ThreadState& ts, PyTypeObject* type, PyObject* value) {
  if (failed(check_settable(ts, type, value, "__module__"))) return Status::kError;
  type_modified(ts, type);
  return dict_set(ts, type->tp_dict, ID(__module__), value);
}

Ref<> get_abstractmethods(ThreadState& ts, PyTypeObject* type) {
  // type has the descriptor in its dict, not a value.
  Ref<> value;
  if (type != &PyType_Type && failed(dict_lookup(ts, type->tp_dict, ID(__abstractmethods__), &value))) return {};
  if (!value) return raise_object(ts, PyExc_AttributeError, ID(__abstractmethods__));
  return value;
}

Status set_abstractmethods(ThreadState& ts, PyTypeObject* type, PyObject* value) {
  if (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE && value != nullptr) {
    return raise(ts, PyExc_TypeError, "cannot set '__abstractmethods__' attribute of immutable type '%s'", type->tp_name);
  }
  Tri abstract = Tri::kFalse;
  if (value != nullptr) {
    abstract = object_is_true(ts, value);
    if (failed(abstract) || failed(dict_set(ts, type->tp_dict, ID(__abstractmethods__), value))) return Status::kError;
  } else {
    Ref<> old;
    if (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) return raise_object(ts, PyExc_AttributeError, ID(__abstractmethods__));
    if (failed(dict_pop(ts, type->tp_dict, ID(__abstractmethods__), &old))) return Status::kError;
    if (!old) return raise_object(ts, PyExc_AttributeError, ID(__abstractmethods__));
  }
  type_modified(ts, type);
  if (abstract == Tri::kTrue) {
    type->tp_flags |= Py_TPFLAGS_IS_ABSTRACT;
  } else {
    type->tp_flags &= ~Py_TPFLAGS_IS_ABSTRACT;
  }
  return Status::kOk;
}

Ref<> get_dict(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_dict == nullptr) return new_none();
  return mapping_proxy_new(ts, type->tp_dict);
}

Ref<> get_doc(ThreadState& ts, PyTypeObject* type) {
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_doc != nullptr) {
    return doc_without_signature(ts, type->tp_name, type->tp_doc);
  }
  Ref<> doc;
  if (failed(dict_lookup(ts, type->tp_dict, ID(__doc__), &doc))) return {};
  if (!doc) return new_none();
  if (descrgetfunc get = doc->ob_type->tp_descr_get) return Ref<>::steal(get(doc.get(), nullptr, obj(type)));
  return doc;
}

Status set_doc(ThreadState& ts, PyTypeObject* type, PyObject* value) {
  if (failed(check_settable(ts, type, value, "__doc__"))) return Status::kError;
  type_modified(ts, type);
  return dict_set(ts, type->tp_dict, ID(__doc__), value);
}

Ref<> get_text_signature(ThreadState& ts, PyTypeObject* type) { return signature_in_doc(ts, type->tp_name, type->tp_doc); }

Ref<> get_annotations(ThreadState& ts, PyTypeObject* type) {
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
    return raise(ts, PyExc_AttributeError, "type object '%s' has no attribute '__annotations__'", type->tp_name);
  }
  Ref<> value;
  if (failed(dict_lookup(ts, type->tp_dict, ID(__annotations__), &value))) return {};
  if (value) {
    if (descrgetfunc get = value->ob_type->tp_descr_get) return Ref<>::steal(get(value.get(), nullptr, obj(type)));
    return value;
  }
  value = dict_new(ts);
  if (!value || failed(dict_set(ts, type->tp_dict, ID(__annotations__), value.get()))) return {};
  type_modified(ts, type);
  return value;
}

Status set_annotations(ThreadState& ts, PyTypeObject* type, PyObject* value) {
  if (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) {
    return raise(ts, PyExc_TypeError, "cannot set '__annotations__' attribute of immutable type '%s'", type->tp_name);
  }
  if (value != nullptr) {
    if (failed(dict_set(ts, type->tp_dict, ID(__annotations__), value))) return Status::kError;
  } else {
    Ref<> old;
    if (failed(dict_pop(ts, type->tp_dict, ID(__annotations__), &old))) return Status::kError;
    if (!old) return raise(ts, PyExc_AttributeError, "__annotations__");
  }
  type_modified(ts, type);
  return Status::kOk;
}

Ref<> get_bases(ThreadState&, PyTypeObject* type) { return dup(type->tp_bases); }

// ---- __bases__ ---------------------------------------------------------------------------------------------------

// New MROs of a class and all classes below it; the old ones are kept, to be put back when one fails.
Status refresh_mros(ThreadState& ts, PyTypeObject* type, PyObject* undo) {
  Ref<> old;
  PyObject* before = type->tp_mro;
  if (failed(type_compute_mro(ts, type, &old))) return Status::kError;
  if (type->tp_mro == before) return Status::kOk;  // mro() assigned __bases__ itself
  Ref<> pair = tuple_of(ts, obj(type), old ? old.get() : Py_None);
  if (!pair || failed(list_append(ts, undo, std::move(pair)))) return Status::kError;
  return for_each_subclass(ts, type, false, [&](PyTypeObject* sub) { return refresh_mros(ts, sub, undo); });
}

void restore_mros(ThreadState& ts, PyObject* undo) {
  for (Py_ssize_t i = list_size(undo); i-- > 0;) {
    PyObject* pair = list_items(undo)[i];
    auto* type = reinterpret_cast<PyTypeObject*>(tuple_peek(pair, 0));
    type_modified(ts, type);
    set_field(type->tp_mro, dup(tuple_peek(pair, 1)));
  }
}

Status resolve_below(ThreadState& ts, PyTypeObject* type) {
  slots_resolve_all(ts, type);
  type_refresh_record_flags(type);
  return for_each_subclass(ts, type, false, [&](PyTypeObject* sub) { return resolve_below(ts, sub); });
}

Status set_bases(ThreadState& ts, PyTypeObject* type, PyObject* value) {
  if (failed(check_settable(ts, type, value, "__bases__"))) return Status::kError;
  if (!is_tuple(value)) {
    return raise(ts, PyExc_TypeError, "can only assign tuple to %s.__bases__, not %T", type->tp_name, value);
  }
  if (tuple_size(value) == 0) {
    return raise(ts, PyExc_TypeError, "can only assign non-empty tuple to %s.__bases__, not ()", type->tp_name);
  }
  for (Py_ssize_t i = 0; i < tuple_size(value); ++i) {
    PyObject* o = tuple_peek(value, i);
    if (!PyType_Check(o)) {
      return raise(ts, PyExc_TypeError, "%s.__bases__ must be tuple of classes, not '%T'", type->tp_name, o);
    }
    auto* base = reinterpret_cast<PyTypeObject*>(o);
    bool cycle = is_subtype(base, type);
    // A class whose MRO is not complete yet may derive from this one all the same.
    for (PyTypeObject* t = base; !cycle && base->tp_mro != nullptr && t != nullptr; t = t->tp_base) cycle = t == type;
    if (cycle) return raise(ts, PyExc_TypeError, "a __bases__ item causes an inheritance cycle");
  }
  PyTypeObject* base = best_base(ts, value);
  if (base == nullptr || !compatible_for_assignment(ts, type->tp_base, base, "__bases__")) return Status::kError;

  Ref<> old_bases = Ref<>::steal(std::exchange(type->tp_bases, new_ref(value)));
  Ref<> old_base = Ref<>::steal(obj(std::exchange(type->tp_base, new_ref(base))));
  Ref<> undo = list_new(ts, 0);
  if (!undo || failed(refresh_mros(ts, type, undo.get()))) {
    if (undo) restore_mros(ts, undo.get());
    // Unless mro() assigned __bases__ in its turn, which stands.
    if (type->tp_bases == value) {
      set_field(type->tp_bases, std::move(old_bases));
      PyObject* mine = obj(type->tp_base);
      type->tp_base = reinterpret_cast<PyTypeObject*>(old_base.release());
      decref(mine);
    }
    return Status::kError;
  }
  if (type->tp_bases != value) return Status::kOk;
  for (Py_ssize_t i = 0; i < tuple_size(old_bases.get()); ++i) {
    PyObject* b = tuple_peek(old_bases.get(), i);
    if (PyType_Check(b)) subclass_remove(ts, reinterpret_cast<PyTypeObject*>(b), type);
  }
  for (Py_ssize_t i = 0; i < tuple_size(value); ++i) {
    if (failed(subclass_add(ts, reinterpret_cast<PyTypeObject*>(tuple_peek(value, i)), type))) return Status::kError;
  }
  type_modified(ts, type);
  return resolve_below(ts, type);
}

// ---- methods -----------------------------------------------------------------------------------------------------

Ref<> type_repr(ThreadState& ts, PyObject* self) {
  auto* type = reinterpret_cast<PyTypeObject*>(self);
  Ref<> module = type_module(ts, type);
  if (!module) {
    error_clear(ts);
  } else if (!is_str(module.get())) {
    module.reset();
  }
  Ref<> name = type_qualname(ts, type);
  if (!name) return {};
  if (module && !str_equal(module.get(), ID(builtins))) return str_format(ts, "<class '%U.%U'>", module.get(), name.get());
  return str_format(ts, "<class '%s'>", type->tp_name);
}

Ref<> type_mro_method(ThreadState& ts, PyTypeObject* type) {
  Ref<> mro = type_c3(ts, type);
  return mro ? list_from(ts, tuple_items(mro.get()), tuple_size(mro.get())) : Ref<>();
}

Ref<> type_subclasses(ThreadState& ts, PyTypeObject* type) {
  // The classes that come up with the modules of sys.modules are to be among them.
  PyObject* modules = ts.interpreter().modules;
  if (modules != nullptr && is_dict(modules) && dict_has_unmade(modules) && failed(dict_make_all(ts, modules))) return {};
  return subclasses_list(ts, type, true);
}

PyObject* type_prepare(PyObject*, PyObject* const*, Py_ssize_t, PyObject*) { return dict_new(current_thread()).release(); }

Ref<> type_instancecheck(ThreadState&, PyTypeObject* type, PyObject* o) {
  int r = _PyObject_RealIsInstance(o, obj(type));
  return r < 0 ? Ref<>() : new_bool(r != 0);
}
Ref<> type_subclasscheck(ThreadState&, PyTypeObject* type, PyObject* o) {
  int r = _PyObject_RealIsSubclass(o, obj(type));
  return r < 0 ? Ref<>() : new_bool(r != 0);
}

Ref<> type_dir(ThreadState& ts, PyTypeObject* type) {
  Ref<> names = dict_new(ts);
  if (!names || failed(merge_class_dict(ts, names.get(), obj(type)))) return {};
  return dict_keys_list(ts, names.get());
}

Ref<> type_sizeof(ThreadState& ts, PyTypeObject* type) {
  size_t size = sizeof(PyTypeObject);
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    size = sizeof(PyHeapTypeObject) + static_cast<size_t>(reinterpret_cast<PyVarObject*>(type)->ob_size) * sizeof(PyMemberDef);
    TypeRecord* record = type_record(type);
    if (record != nullptr && record->shapes != nullptr) size += sizeof(ShapeTable) + record->shapes->room * sizeof(Shape);
  }
  return int_from_ssize(ts, static_cast<Py_ssize_t>(size));
}

Ref<> type_or(ThreadState& ts, PyObject* a, PyObject* b) { return union_or(ts, a, b); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(type_mro_method, "mro", "($self, /)", "Return a type's method resolution order."),
    ATOLL_METHOD(type_subclasses, "__subclasses__", "($self, /)", "Return a list of immediate subclasses."),
    ATOLL_METHOD_RAW(type_prepare, "__prepare__", METH_FASTCALL | METH_KEYWORDS | METH_CLASS,
                     "__prepare__() -> dict\nThe namespace of a class statement."),
    ATOLL_METHOD(type_instancecheck, "__instancecheck__", "($self, instance, /)", "Check if an object is an instance."),
    ATOLL_METHOD(type_subclasscheck, "__subclasscheck__", "($self, subclass, /)", "Check if a class is a subclass."),
    ATOLL_METHOD(type_dir, "__dir__", "($self, /)", "Specialized __dir__ implementation for types."),
    ATOLL_METHOD(type_sizeof, "__sizeof__", "($self, /)", "Return memory consumption of the type object."),
    ATOLL_METHOD_END};

constexpr PyMemberDef kMembers[] = {
    {"__basicsize__", T_PYSSIZET, offsetof(PyTypeObject, tp_basicsize), READONLY, nullptr},
    {"__itemsize__", T_PYSSIZET, offsetof(PyTypeObject, tp_itemsize), READONLY, nullptr},
    // The upper half of tp_flags is the core's own business.
    {"__flags__", T_UINT, offsetof(PyTypeObject, tp_flags), READONLY, nullptr},
    {"__weakrefoffset__", T_PYSSIZET, offsetof(PyTypeObject, tp_weaklistoffset), READONLY, nullptr},
    {"__base__", T_OBJECT, offsetof(PyTypeObject, tp_base), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(PyTypeObject, tp_dictoffset), READONLY, nullptr},
    {"__mro__", T_OBJECT, offsetof(PyTypeObject, tp_mro), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

constexpr PyGetSetDef kGetset[] = {
    {"__name__", ATOLL_GETTER(get_name), ATOLL_SETTER(set_name), nullptr, nullptr},
    {"__qualname__", ATOLL_GETTER(get_qualname), ATOLL_SETTER(set_qualname), nullptr, nullptr},
    {"__bases__", ATOLL_GETTER(get_bases), ATOLL_SETTER(set_bases), nullptr, nullptr},
    {"__module__", ATOLL_GETTER(get_module), ATOLL_SETTER(set_module), nullptr, nullptr},
    {"__abstractmethods__", ATOLL_GETTER(get_abstractmethods), ATOLL_SETTER(set_abstractmethods), nullptr, nullptr},
    {"__dict__", ATOLL_GETTER(get_dict), nullptr, nullptr, nullptr},
    {"__doc__", ATOLL_GETTER(get_doc), ATOLL_SETTER(set_doc), nullptr, nullptr},
    {"__text_signature__", ATOLL_GETTER(get_text_signature), nullptr, nullptr, nullptr},
    {"__annotations__", ATOLL_GETTER(get_annotations), ATOLL_SETTER(set_annotations), nullptr, nullptr},
    ATOLL_GETSET_END};

constexpr PyNumberMethods kNumber{.nb_or = ATOLL_SLOT(type_or)};

// ---- __dict__ and __weakref__ of instances -----------------------------------------------------------------------

PyObject* instance_weakref(PyObject* self, void*) {
  PyTypeObject* type = self->ob_type;
  ThreadState& ts = current_thread();
  if (type->tp_weaklistoffset <= 0) return raise(ts, PyExc_AttributeError, "This object has no __weakref__");
  PyObject* first = *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(self) + type->tp_weaklistoffset);
  return new_ref(first != nullptr ? first : Py_None);
}

// A class that derives from a C type with a dict of its own (type, for metaclasses): that one's descriptor serves, so
// that rules such as "a class's dict can't be exchanged" hold. *out stays NULL when there is none.
Status dict_descriptor_of_c_base(ThreadState& ts, PyObject* self, PyObject** out) {
  PyTypeObject* type = self->ob_type;
  *out = nullptr;
  for (; type != nullptr; type = type->tp_base) {
    if (type->tp_dictoffset == 0 || (type->tp_flags & Py_TPFLAGS_HEAPTYPE)) continue;
    PyObject* descr = type_peek_lookup(ts, type, ID(__dict__));
    if (descr == nullptr || descr->ob_type->tp_descr_set == nullptr || descr->ob_type->tp_descr_get == nullptr) {
      return raise(ts, PyExc_TypeError, "this __dict__ descriptor does not support '%.200T' objects", self);
    }
    *out = descr;
    return Status::kOk;
  }
  return Status::kOk;
}

PyObject* instance_dict(PyObject* self, void*) {
  ThreadState& ts = current_thread();
  PyObject* descr;
  if (failed(dict_descriptor_of_c_base(ts, self, &descr))) return nullptr;
  if (descr != nullptr) return descr->ob_type->tp_descr_get(descr, self, obj(self->ob_type));
  return instance_get_dict(ts, self).release();
}

// Unlike a function's, an instance's __dict__ may be deleted: the next look finds an empty one.
int instance_set_dict_or_delete(PyObject* self, PyObject* value, void*) {
  ThreadState& ts = current_thread();
  PyObject* descr;
  if (failed(dict_descriptor_of_c_base(ts, self, &descr))) return -1;
  if (descr != nullptr) return descr->ob_type->tp_descr_set(descr, self, value);
  if (value != nullptr) return static_cast<int>(instance_set_dict(ts, self, value));
  Ref<> fresh = dict_new(ts);
  return fresh ? static_cast<int>(instance_set_dict(ts, self, fresh.get())) : -1;
}

#define DICT_ROW                                                  \
  {                                                               \
    "__dict__", instance_dict, instance_set_dict_or_delete, \
        "dictionary for instance variables (if defined)", nullptr \
  }
#define WEAKREF_ROW \
  { "__weakref__", instance_weakref, nullptr, "list of weak references to the object (if defined)", nullptr }

}  // namespace

const PyGetSetDef kDictAndWeakrefGetset[] = {DICT_ROW, WEAKREF_ROW, ATOLL_GETSET_END};
const PyGetSetDef kDictGetset[] = {DICT_ROW, ATOLL_GETSET_END};
const PyGetSetDef kWeakrefGetset[] = {WEAKREF_ROW, ATOLL_GETSET_END};

// ---- T.__new__ ---------------------------------------------------------------------------------------------------

PyObject* type_new_wrapper(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  auto* type = reinterpret_cast<PyTypeObject*>(self);
  if (tuple_size(args) < 1) return raise(ts, PyExc_TypeError, "%s.__new__(): not enough arguments", type->tp_name);
  PyObject* first = tuple_peek(args, 0);
  if (!PyType_Check(first)) {
    return raise(ts, PyExc_TypeError, "%s.__new__(X): X is not a type object (%T)", type->tp_name, first);
  }
  auto* sub = reinterpret_cast<PyTypeObject*>(first);
  if (!is_subtype(sub, type)) {
    return raise(ts, PyExc_TypeError, "%s.__new__(%s): %s is not a subtype of %s", type->tp_name, sub->tp_name, sub->tp_name,
                 type->tp_name);
  }
  // The memory of an int can't be made by object.__new__: the nearest C constructor of the subtype must be this one.
  PyTypeObject* base = sub;
  while (base != nullptr && base->tp_new == slot_tp_new) base = base->tp_base;
  if (base != nullptr && base->tp_new != type->tp_new) {
    return raise(ts, PyExc_TypeError, "%s.__new__(%s) is not safe, use %s.__new__()", type->tp_name, sub->tp_name, base->tp_name);
  }
  Ref<> rest = tuple_slice(ts, args, 1, tuple_size(args));
  return rest ? type->tp_new(sub, rest.get(), kwargs) : nullptr;
}

ATOLL_SEALED PyMethodDef g_new_method_def = {
    "__new__", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(type_new_wrapper)), METH_VARARGS | METH_KEYWORDS,
    "__new__($type, *args, **kwargs)\n--\n\nCreate and return a new object.  See help(type) for accurate signature."};

constinit const TypeSpec type_spec{
    .name = "type",
    .doc = "type(object) -> the object's type\n"
           "type(name, bases, dict, **kwds) -> a new type",
    .basicsize = sizeof(PyHeapTypeObject),
    .itemsize = sizeof(PyMemberDef),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_TYPE_SUBCLASS |
             Py_TPFLAGS_HAVE_VECTORCALL,
    .dealloc = type_dealloc,
    .traverse = type_traverse,
    .clear = type_clear,
    .repr = ATOLL_SLOT(type_repr),
    .call = call_slot,
    .getattro = getattro_slot,
    .setattro = setattro_slot,
    .init = type_init_slot,
    .new_ = type_new_slot,
    .free = PyObject_GC_Del,
    .is_gc = type_is_gc,
    .vectorcall = type_vectorcall_slot,
    .number = &kNumber,
    .weaklist_offset = offsetof(PyTypeObject, tp_weaklist),
    .dict_offset = offsetof(PyTypeObject, tp_dict),
    .vectorcall_offset = offsetof(PyTypeObject, tp_vectorcall),
    .methods = kMethods,
    .members = kMembers,
    .getset = kGetset,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PyType_Type = {};
}
