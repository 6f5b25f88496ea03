// Attribute access: lookups on the type, instance attributes in shapes or dicts, descriptors.
#include "Objects/dict/dict.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/object/internal.h"
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Python/runtime/runtime.h"

namespace atl {

Raised raise_name_not_str(ThreadState& ts, PyObject* name) {
  return raise(ts, PyExc_TypeError, "attribute name must be string, not '%.200T'", name);
}

Ref<> name_from_c(ThreadState& ts, const char* utf8) {
  Ref<> s = str_from_utf8(ts, std::string_view(utf8));
  if (s) str_intern(ts, &s);
  return s;
}

void attribute_error_context(ThreadState& ts, PyObject* o, PyObject* name) {
  if (PyObject* v = ts.curexc_value; v != nullptr && is_exact(v, reinterpret_cast<PyTypeObject*>(PyExc_AttributeError))) {
    auto* e = reinterpret_cast<PyAttributeErrorObject*>(v);
    if (e->name != nullptr || e->obj != nullptr) return;
  }
  if (!error_matches(ts, PyExc_AttributeError)) return;
  Ref<> exc = error_take(ts);
  if (!exc) return;
  if (is_exact(exc.get(), reinterpret_cast<PyTypeObject*>(PyExc_AttributeError))) {
    auto* e = reinterpret_cast<PyAttributeErrorObject*>(exc.get());
    if (e->name == nullptr && e->obj == nullptr) {
      e->name = new_ref(name);
      e->obj = new_ref(o);
    }
  }
  error_restore(ts, std::move(exc));
}

// ---- where an instance keeps its dict --------------------------------------------------------------------------

PyObject** instance_dict_slot(PyObject* o) {
  PyTypeObject* type = o->ob_type;
  Py_ssize_t offset = type->tp_dictoffset;
  if (offset == 0) return nullptr;
  if (offset < 0) {
    Py_ssize_t n = reinterpret_cast<PyVarObject*>(o)->ob_size;
    if (n < 0) n = -n;
    auto size = static_cast<Py_ssize_t>(_PyObject_VAR_SIZE(type, n));
    offset += size;
    ATOLL_ASSERT(offset > 0);
  }
  return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(o) + offset);
}

Ref<> instance_get_dict(ThreadState& ts, PyObject* o) {
  if (is_shaped(o->ob_type)) return Ref<>::dup_of(instance_materialize_dict(ts, o));
  PyObject** slot = instance_dict_slot(o);
  if (slot == nullptr) return raise(ts, PyExc_AttributeError, "This object has no __dict__");
  if (*slot == nullptr) {
    Ref<> d = dict_new(ts);
    if (!d) return {};
    if (*slot == nullptr) *slot = d.release();
  }
  return dup(*slot);
}

Status instance_set_dict(ThreadState& ts, PyObject* o, PyObject* value) {
  PyObject** slot;
  if (is_shaped(o->ob_type)) {
    slot = &instance_head(o)->dict;
  } else {
    slot = instance_dict_slot(o);
    if (slot == nullptr) return raise(ts, PyExc_AttributeError, "This object has no __dict__");
  }
  if (value == nullptr) return raise(ts, PyExc_TypeError, "cannot delete __dict__");
  if (!is_dict(value)) return raise(ts, PyExc_TypeError, "__dict__ must be set to a dictionary, not a '%.200T'", value);
  if (is_shaped(o->ob_type)) {
    // The inline values give way to the new dict.
    if (instance_materialize_dict(ts, o) == nullptr) return Status::kError;
  }
  set_field(*slot, dup(value));
  return Status::kOk;
}

// ---- generic lookup ----------------------------------------------------------------------------------------------

Status generic_lookup(ThreadState& ts, PyObject* o, PyObject* name, PyObject* dict, Ref<>* out) {
  PyTypeObject* type = o->ob_type;
  if (ATOLL_UNLIKELY(!is_str(name))) return raise_name_not_str(ts, name);
  if (ATOLL_UNLIKELY(type->tp_dict == nullptr) && failed(type_ready(ts, type))) return Status::kError;
  PyObject* found = type_peek_lookup(ts, type, name);
  Ref<> descr;
  descrgetfunc get = nullptr;
  if (found != nullptr) {
    descr = dup(found);
    get = found->ob_type->tp_descr_get;
    if (get != nullptr && found->ob_type->tp_descr_set != nullptr) {
      *out = Ref<>::steal(get(found, o, obj(type)));
      return *out ? Status::kOk : Status::kError;
    }
  }
  if (dict == nullptr && is_shaped(type)) {
    if (failed(instance_lookup(ts, o, name, out))) return Status::kError;
    if (*out) return Status::kOk;
  } else {
    if (dict == nullptr && type->tp_dictoffset != 0) dict = *instance_dict_slot(o);
    if (dict != nullptr) {
      if (failed(lookup_name(ts, dict, name, out))) return Status::kError;
      if (*out) return Status::kOk;
    }
  }
  if (get != nullptr) {
    *out = Ref<>::steal(get(descr.get(), o, obj(type)));
    return *out ? Status::kOk : Status::kError;
  }
  *out = std::move(descr);
  return Status::kOk;
}

Ref<> object_generic_getattr(ThreadState& ts, PyObject* o, PyObject* name) {
  Ref<> value;
  if (failed(generic_lookup(ts, o, name, nullptr, &value))) return {};
  if (ATOLL_UNLIKELY(!value)) return raise_attribute_error(ts, o, name);
  return value;
}

namespace {
// For setting and deleting: without name and obj, by which failed reads find suggestions.
ATOLL_COLD Raised raise_not_there(ThreadState& ts, PyObject* o, PyObject* name) {
  if (PyType_Check(o)) {
    return raise(ts, PyExc_AttributeError, "type object '%.50s' has no attribute '%U'", reinterpret_cast<PyTypeObject*>(o)->tp_name, name);
  }
  return raise(ts, PyExc_AttributeError, "'%.100T' object has no attribute '%U'", o, name);
}
}  // namespace

Status generic_store(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value, PyObject* dict) {
  PyTypeObject* type = o->ob_type;
  if (ATOLL_UNLIKELY(!is_str(name))) return raise_name_not_str(ts, name);
  if (ATOLL_UNLIKELY(type->tp_dict == nullptr) && failed(type_ready(ts, type))) return Status::kError;
  Ref<> hold_name = dup(name);
  Ref<> hold_type = dup(obj(type));
  PyObject* found = type_peek_lookup(ts, type, name);
  Ref<> descr = Ref<>::dup_of(found);
  if (found != nullptr) {
    descrsetfunc set = found->ob_type->tp_descr_set;
    if (set != nullptr) return set(found, o, value) < 0 ? Status::kError : Status::kOk;
  }
  if (dict == nullptr && is_shaped(type)) {
    bool existed = true;
    if (failed(instance_store(ts, o, name, value, &existed))) return Status::kError;
    if (value == nullptr && !existed) return raise_not_there(ts, o, name);
    return Status::kOk;
  }
  Ref<> hold_dict;
  if (dict == nullptr) {
    PyObject** slot = instance_dict_slot(o);
    if (slot == nullptr) {
      if (found == nullptr) return raise_not_there(ts, o, name);
      return raise(ts, PyExc_AttributeError, "'%.50T' object attribute '%U' is read-only", o, name);
    }
    if (*slot == nullptr) {
      if (value == nullptr) return raise_not_there(ts, o, name);
      if (is_immortal(o)) {
        return raise(ts, PyExc_TypeError, "cannot set '%U' attribute of a shared '%.100T' object", name, o);
      }
      Ref<> fresh = dict_new(ts);
      if (!fresh) return Status::kError;
      if (*slot == nullptr) *slot = fresh.release();
    }
    dict = *slot;
  }
  hold_dict = dup(dict);
  if (value != nullptr) return dict_set(ts, dict, name, value);
  Ref<> old;
  if (failed(dict_pop(ts, dict, name, &old))) return Status::kError;
  if (!old) return raise_not_there(ts, o, name);
  return Status::kOk;
}

Status object_generic_setattr(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value) {
  return generic_store(ts, o, name, value, nullptr);
}

// ---- the slots ---------------------------------------------------------------------------------------------------

namespace {

// Through tp_getattr, the slot for C strings that old extension types fill.
Ref<> getattr_by_c_slot(ThreadState& ts, PyObject* o, PyObject* name) {
  const char* text = str_utf8(ts, name);
  if (text == nullptr) return {};
  return Ref<>::steal(o->ob_type->tp_getattr(o, const_cast<char*>(text)));
}

Ref<> getattr_failed(ThreadState& ts, PyObject* o, PyObject* name) {
  attribute_error_context(ts, o, name);
  return {};
}

}  // namespace

Ref<> object_getattr(ThreadState& ts, PyObject* o, PyObject* name) {
  PyTypeObject* type = o->ob_type;
  if (ATOLL_UNLIKELY(!is_str(name))) return raise_name_not_str(ts, name);
  getattrofunc get = type->tp_getattro;
  if (ATOLL_LIKELY(get == PyObject_GenericGetAttr)) {
    Ref<> value;
    if (ATOLL_LIKELY(!failed(generic_lookup(ts, o, name, nullptr, &value)))) {
      if (ATOLL_LIKELY(static_cast<bool>(value))) return value;
      return raise_attribute_error(ts, o, name);
    }
    return getattr_failed(ts, o, name);
  }
  Ref<> value;
  if (get != nullptr) {
    value = Ref<>::steal(get(o, name));
  } else if (type->tp_getattr != nullptr) {
    value = getattr_by_c_slot(ts, o, name);
  } else {
    return raise_attribute_error(ts, o, name);
  }
  if (ATOLL_LIKELY(static_cast<bool>(value))) return value;
  return getattr_failed(ts, o, name);
}

Ref<> object_getattr(ThreadState& ts, PyObject* o, const char* name) {
  if (o->ob_type->tp_getattr != nullptr && o->ob_type->tp_getattro == nullptr) {
    return Ref<>::steal(o->ob_type->tp_getattr(o, const_cast<char*>(name)));
  }
  Ref<> key = name_from_c(ts, name);
  if (!key) return {};
  return object_getattr(ts, o, key.get());
}

Status object_lookup_attr(ThreadState& ts, PyObject* o, PyObject* name, Ref<>* out) {
  out->reset();
  PyTypeObject* type = o->ob_type;
  if (ATOLL_UNLIKELY(!is_str(name))) return raise_name_not_str(ts, name);
  getattrofunc get = type->tp_getattro;
  Status s;
  if (get == PyObject_GenericGetAttr) {
    s = generic_lookup(ts, o, name, nullptr, out);
  } else if (get == PyType_Type.tp_getattro) {
    s = type_lookup_attr(ts, reinterpret_cast<PyTypeObject*>(o), name, out);
  } else if (get == PyModule_Type.tp_getattro) {
    s = module_lookup_attr(ts, o, name, out);
  } else if (get != nullptr) {
    *out = Ref<>::steal(get(o, name));
    s = *out ? Status::kOk : Status::kError;
  } else if (type->tp_getattr != nullptr) {
    *out = getattr_by_c_slot(ts, o, name);
    s = *out ? Status::kOk : Status::kError;
  } else {
    return Status::kOk;
  }
  if (failed(s) && error_clear_if(ts, PyExc_AttributeError)) return Status::kOk;
  return s;
}

Status object_setattr(ThreadState& ts, PyObject* o, PyObject* name, PyObject* value) {
  PyTypeObject* type = o->ob_type;
  if (ATOLL_UNLIKELY(!is_str(name))) return raise_name_not_str(ts, name);
  Ref<> key = dup(name);
  if (!str_is_interned(name) && is_exact_str(name)) str_intern(ts, &key);
  name = key.get();
  if (type->tp_setattro == PyObject_GenericSetAttr) return generic_store(ts, o, name, value, nullptr);
  if (type->tp_setattro != nullptr) return type->tp_setattro(o, name, value) < 0 ? Status::kError : Status::kOk;
  if (type->tp_setattr != nullptr) {
    const char* text = str_utf8(ts, name);
    if (text == nullptr) return Status::kError;
    return type->tp_setattr(o, const_cast<char*>(text), value) < 0 ? Status::kError : Status::kOk;
  }
  const char* what = value == nullptr ? "del" : "assign to";
  if (type->tp_getattr == nullptr && type->tp_getattro == nullptr) {
    return raise(ts, PyExc_TypeError, "'%.100T' object has no attributes (%s .%U)", o, what, name);
  }
  return raise(ts, PyExc_TypeError, "'%.100T' object has only read-only attributes (%s .%U)", o, what, name);
}

Status object_lookup_special(ThreadState& ts, PyObject* o, PyObject* name, Ref<>* out) {
  out->reset();
  PyObject* found = type_peek_lookup(ts, o->ob_type, name);
  if (found == nullptr) return Status::kOk;
  descrgetfunc get = found->ob_type->tp_descr_get;
  if (get == nullptr) {
    *out = dup(found);
    return Status::kOk;
  }
  Ref<> hold = dup(found);
  *out = Ref<>::steal(get(found, o, obj(o->ob_type)));
  return *out ? Status::kOk : Status::kError;
}

Ref<> object_getmethod(ThreadState& ts, PyObject* o, PyObject* name, bool* is_method) {
  *is_method = false;
  PyTypeObject* type = o->ob_type;
  if (type->tp_getattro != PyObject_GenericGetAttr || !is_str(name)) return object_getattr(ts, o, name);
  if (ATOLL_UNLIKELY(type->tp_dict == nullptr) && failed(type_ready(ts, type))) return {};
  PyObject* found = type_peek_lookup(ts, type, name);
  Ref<> descr;
  descrgetfunc get = nullptr;
  bool method = false;
  if (found != nullptr) {
    descr = dup(found);
    if (found->ob_type->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR) {
      method = true;
    } else {
      get = found->ob_type->tp_descr_get;
      if (get != nullptr && found->ob_type->tp_descr_set != nullptr) {
        Ref<> v = Ref<>::steal(get(found, o, obj(type)));
        return v ? std::move(v) : getattr_failed(ts, o, name);
      }
    }
  }
  Ref<> value;
  if (is_shaped(type)) {
    if (failed(instance_lookup(ts, o, name, &value))) return {};
  } else if (type->tp_dictoffset != 0) {
    PyObject* dict = *instance_dict_slot(o);
    if (dict != nullptr && failed(lookup_name(ts, dict, name, &value))) return {};
  }
  if (value) return value;
  if (method) {
    *is_method = true;
    return descr;
  }
  if (get != nullptr) {
    Ref<> v = Ref<>::steal(get(descr.get(), o, obj(type)));
    return v ? std::move(v) : getattr_failed(ts, o, name);
  }
  if (descr) return descr;
  return raise_attribute_error(ts, o, name);
}

// ---- dir ---------------------------------------------------------------------------------------------------------

namespace {

Ref<> dir_of_locals(ThreadState& ts) {
  PyObject* locals = PyEval_GetLocals();
  if (locals == nullptr) return {};
  Ref<> hold = dup(locals);
  Ref<> names = Ref<>::steal(PyMapping_Keys(locals));
  if (!names) return {};
  if (!is_list(names.get())) {
    return raise(ts, PyExc_TypeError, "dir(): expected keys() of locals to be a list, not '%.200T'", names.get());
  }
  if (failed(list_sort(ts, names.get(), nullptr, false))) return {};
  return names;
}

}  // namespace

Ref<> object_dir(ThreadState& ts, PyObject* o) {
  if (o == nullptr) return dir_of_locals(ts);
  Ref<> method;
  if (failed(object_lookup_special(ts, o, ID(__dir__), &method))) return {};
  if (!method) return raise(ts, PyExc_TypeError, "object does not provide __dir__");
  Ref<> result = call(ts, method.get());
  if (!result) return {};
  Ref<> names = list_from_iterable(ts, result.get());
  if (!names || failed(list_sort(ts, names.get(), nullptr, false))) return {};
  return names;
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* PyObject_GetAttr(PyObject* o, PyObject* name) { return object_getattr(current_thread(), o, name).release(); }

PyObject* PyObject_GetAttrString(PyObject* o, const char* name) {
  return object_getattr(current_thread(), o, name).release();
}

int PyObject_SetAttr(PyObject* o, PyObject* name, PyObject* value) {
  return static_cast<int>(object_setattr(current_thread(), o, name, value));
}

int PyObject_SetAttrString(PyObject* o, const char* name, PyObject* value) {
  ThreadState& ts = current_thread();
  if (o->ob_type->tp_setattr != nullptr && o->ob_type->tp_setattro == nullptr) {
    return o->ob_type->tp_setattr(o, const_cast<char*>(name), value);
  }
  Ref<> key = name_from_c(ts, name);
  if (!key) return -1;
  return static_cast<int>(object_setattr(ts, o, key.get(), value));
}

int PyObject_HasAttr(PyObject* o, PyObject* name) {
  ThreadState& ts = current_thread();
  Ref<> value;
  if (failed(object_lookup_attr(ts, o, name, &value))) {
    error_clear(ts);
    return 0;
  }
  return value ? 1 : 0;
}

int PyObject_HasAttrString(PyObject* o, const char* name) {
  ThreadState& ts = current_thread();
  Ref<> value = object_getattr(ts, o, name);
  if (value) return 1;
  error_clear(ts);
  return 0;
}

PyObject* PyObject_GenericGetAttr(PyObject* o, PyObject* name) {
  return object_generic_getattr(current_thread(), o, name).release();
}

int PyObject_GenericSetAttr(PyObject* o, PyObject* name, PyObject* value) {
  return static_cast<int>(object_generic_setattr(current_thread(), o, name, value));
}

PyObject* _PyObject_GenericGetAttrWithDict(PyObject* o, PyObject* name, PyObject* dict, int suppress) {
  ThreadState& ts = current_thread();
  Ref<> hold = Ref<>::dup_of(dict);
  Ref<> value;
  if (failed(generic_lookup(ts, o, name, dict, &value))) {
    if (suppress) error_clear_if(ts, PyExc_AttributeError);
    return nullptr;
  }
  if (!value && !suppress) return raise_attribute_error(ts, o, name);
  return value.release();
}

int _PyObject_GenericSetAttrWithDict(PyObject* o, PyObject* name, PyObject* value, PyObject* dict) {
  return static_cast<int>(generic_store(current_thread(), o, name, value, dict));
}

PyObject* PyObject_GenericGetDict(PyObject* o, void*) { return instance_get_dict(current_thread(), o).release(); }

int PyObject_GenericSetDict(PyObject* o, PyObject* value, void*) {
  return static_cast<int>(instance_set_dict(current_thread(), o, value));
}

PyObject** _PyObject_GetDictPtr(PyObject* o) {
  ThreadState& ts = current_thread();
  if (is_shaped(o->ob_type)) {
    ErrorStash stash(ts);
    if (instance_materialize_dict(ts, o) == nullptr) error_clear(ts);
    return &instance_head(o)->dict;
  }
  return instance_dict_slot(o);
}

int _PyObject_LookupAttr(PyObject* o, PyObject* name, PyObject** result) {
  ThreadState& ts = current_thread();
  Ref<> value;
  *result = nullptr;
  if (failed(object_lookup_attr(ts, o, name, &value))) return -1;
  *result = value.release();
  return *result != nullptr;
}

int _PyObject_LookupAttrId(PyObject* o, _Py_Identifier* id, PyObject** result) {
  PyObject* name = _PyUnicode_FromId(id);
  *result = nullptr;
  return name == nullptr ? -1 : _PyObject_LookupAttr(o, name, result);
}

PyObject* _PyObject_GetAttrId(PyObject* o, _Py_Identifier* id) {
  PyObject* name = _PyUnicode_FromId(id);
  return name == nullptr ? nullptr : PyObject_GetAttr(o, name);
}

int _PyObject_SetAttrId(PyObject* o, _Py_Identifier* id, PyObject* value) {
  PyObject* name = _PyUnicode_FromId(id);
  return name == nullptr ? -1 : PyObject_SetAttr(o, name, value);
}

PyObject* _PyObject_LookupSpecialId(PyObject* o, _Py_Identifier* id) {
  ThreadState& ts = current_thread();
  PyObject* name = _PyUnicode_FromId(id);
  if (name == nullptr) return nullptr;
  Ref<> value;
  if (failed(object_lookup_special(ts, o, name, &value))) return nullptr;
  return value.release();
}

int _PyObject_GetMethod(PyObject* o, PyObject* name, PyObject** method) {
  bool is_method = false;
  *method = object_getmethod(current_thread(), o, name, &is_method).release();
  return is_method;
}

PyObject* PyObject_Dir(PyObject* o) { return object_dir(current_thread(), o).release(); }

PyObject* PyObject_SelfIter(PyObject* o) { return new_ref(o); }

PyObject* _PyObject_NextNotImplemented(PyObject* o) {
  return raise(current_thread(), PyExc_TypeError, "'%.200T' object is not iterable", o);
}
