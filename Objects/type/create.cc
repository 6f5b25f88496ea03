// type.__new__: classes from a name, bases and a namespace.
#include <algorithm>
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/list.h"
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Objects/upcalls.h"
#include "structmember.h"

namespace atl {

PyTypeObject* type_calculate_metaclass(ThreadState& ts, PyTypeObject* metatype, PyObject* bases) {
  PyTypeObject* winner = metatype;
  for (Py_ssize_t i = 0; i < tuple_size(bases); ++i) {
    PyTypeObject* candidate = tuple_peek(bases, i)->ob_type;
    if (is_subtype(winner, candidate)) continue;
    if (is_subtype(candidate, winner)) {
      winner = candidate;
      continue;
    }
    return raise(ts, PyExc_TypeError,
                 "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of "
                 "all its bases");
  }
  return winner;
}

Status check_type_name(ThreadState& ts, PyObject* name) {
  Py_ssize_t size;
  const char* text = str_utf8(ts, name, &size);
  if (text == nullptr) return Status::kError;
  if (std::strlen(text) != static_cast<size_t>(size)) {
    return raise(ts, PyExc_ValueError, "type name must not contain null characters");
  }
  return Status::kOk;
}

namespace {

constexpr Py_ssize_t kWord = sizeof(PyObject*);

// ---- __slots__ ---------------------------------------------------------------------------------------------------

struct Layout {
  PyTypeObject* base;
  PyObject* bases;
  PyObject* name;
  PyObject* ns;
  Ref<> slots;  // a sorted tuple of mangled names, without __dict__ and __weakref__; empty: no __slots__
  bool may_add_dict;
  bool may_add_weak;
  bool add_dict = false;
  bool add_weak = false;
};

Ref<> mangled(ThreadState& ts, PyObject* cls, PyObject* name) {
  Py_ssize_t n = str_length(name);
  bool is_private = n > 2 && str_at(name, 0) == '_' && str_at(name, 1) == '_' &&
                 !(str_at(name, n - 1) == '_' && str_at(name, n - 2) == '_') && str_find(name, ID(dot), 0, n, 1) < 0;
  if (!is_private) return dup(name);
  Py_ssize_t start = 0, length = str_length(cls);
  while (start < length && str_at(cls, start) == '_') ++start;
  if (start == length) return dup(name);
  Ref<> stripped = str_substring(ts, cls, start, length);
  if (!stripped) return {};
  return str_format(ts, "_%U%U", stripped.get(), name);
}

Status read_slots(ThreadState& ts, Layout& l, PyObject* given) {
  Ref<> items = is_str(given) ? tuple_of(ts, given) : Ref<>::steal(PySequence_Tuple(given));
  if (!items) return Status::kError;
  Py_ssize_t n = tuple_size(items.get());
  if (n > 0 && l.base->tp_itemsize != 0) {
    return raise(ts, PyExc_TypeError, "nonempty __slots__ not supported for subtype of '%s'", l.base->tp_name);
  }
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* slot = tuple_peek(items.get(), i);
    if (!is_str(slot)) return raise(ts, PyExc_TypeError, "__slots__ items must be strings, not '%.200T'", slot);
    if (!PyUnicode_IsIdentifier(slot)) return raise(ts, PyExc_TypeError, "__slots__ must be identifiers");
    if (str_equal(slot, ID(__dict__))) {
      if (!l.may_add_dict || l.add_dict) return raise(ts, PyExc_TypeError, "__dict__ slot disallowed: we already got one");
      l.add_dict = true;
    }
    if (str_equal(slot, ID(__weakref__))) {
      if (!l.may_add_weak || l.add_weak) {
        return raise(ts, PyExc_TypeError, "__weakref__ slot disallowed: either we already got one, or __itemsize__ != 0");
      }
      l.add_weak = true;
    }
  }
  Ref<> names = list_new(ts, 0);
  if (!names) return Status::kError;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* slot = tuple_peek(items.get(), i);
    if ((l.add_dict && str_equal(slot, ID(__dict__))) || (l.add_weak && str_equal(slot, ID(__weakref__)))) continue;
    Ref<> name = mangled(ts, l.name, slot);
    if (!name) return Status::kError;
    Tri taken = dict_contains(ts, l.ns, name.get());
    if (failed(taken)) return Status::kError;
    // The compiler puts these two into the namespace; they do not stay there.
    if (taken == Tri::kTrue && !str_equal(name.get(), ID(__qualname__)) && !str_equal(name.get(), ID(__classcell__))) {
      return raise(ts, PyExc_ValueError, "%R in __slots__ conflicts with class variable", name.get());
    }
    if (failed(list_append(ts, names.get(), std::move(name)))) return Status::kError;
  }
  if (failed(list_sort(ts, names.get(), nullptr, false))) return Status::kError;
  l.slots = list_as_tuple(ts, names.get());
  return l.slots ? Status::kOk : Status::kError;
}

Status decide_layout(ThreadState& ts, Layout& l) {
  l.may_add_dict = l.base->tp_dictoffset == 0;
  l.may_add_weak = l.base->tp_weaklistoffset == 0 && l.base->tp_itemsize == 0;
  Ref<> given;
  if (failed(dict_lookup(ts, l.ns, ID(__slots__), &given))) return Status::kError;
  if (!given) {
    l.add_dict = l.may_add_dict;
    l.add_weak = l.may_add_weak;
    return Status::kOk;
  }
  if (failed(read_slots(ts, l, given.get()))) return Status::kError;
  // The other bases may bring a dict or weak references along.
  for (Py_ssize_t i = 0; i < tuple_size(l.bases); ++i) {
    auto* b = reinterpret_cast<PyTypeObject*>(tuple_peek(l.bases, i));
    if (b == l.base) continue;
    if (l.may_add_dict && b->tp_dictoffset != 0) l.add_dict = true;
    if (l.may_add_weak && b->tp_weaklistoffset != 0) l.add_weak = true;
  }
  return Status::kOk;
}

// ---- the namespace becomes the class -----------------------------------------------------------------------------

Status set_names(ThreadState& ts, PyTypeObject* type, Layout& l) {
  PyHeapTypeObject* h = as_heap_type(type);
  h->ht_name = new_ref(l.name);
  type->tp_name = str_utf8(ts, l.name);
  if (type->tp_name == nullptr) return Status::kError;
  PyObject* dict = type->tp_dict;
  Ref<> qualname;
  if (failed(dict_pop(ts, dict, ID(__qualname__), &qualname))) return Status::kError;
  if (qualname && !is_str(qualname.get())) {
    return raise(ts, PyExc_TypeError, "type __qualname__ must be a str, not %T", qualname.get());
  }
  h->ht_qualname = qualname ? qualname.release() : new_ref(l.name);

  Tri has_module = dict_contains(ts, dict, ID(__module__));
  if (failed(has_module)) return Status::kError;
  if (has_module == Tri::kFalse) {
    PyObject* globals = vm_peek_globals(ts);
    if (globals != nullptr) {
      Ref<> module;
      if (failed(dict_lookup(ts, globals, ID(__name__), &module))) return Status::kError;
      if (module && failed(dict_set(ts, dict, ID(__module__), module.get()))) return Status::kError;
    }
  }
  return Status::kOk;
}

Status set_doc(ThreadState& ts, PyTypeObject* type) {
  PyObject* doc = dict_peek(ts, type->tp_dict, ID(__doc__));
  if (doc == nullptr) return error_set(ts) ? Status::kError : Status::kOk;
  if (!is_str(doc)) return Status::kOk;
  Py_ssize_t size;
  const char* text = str_utf8(ts, doc, &size);
  if (text == nullptr) return Status::kError;
  auto* copy = static_cast<char*>(PyObject_Malloc(static_cast<size_t>(size) + 1));
  if (copy == nullptr) return raise_memory(ts);
  std::memcpy(copy, text, static_cast<size_t>(size) + 1);
  type->tp_doc = copy;
  return Status::kOk;
}

// A plain function under one of the names that are always class or static methods.
Status decorate(ThreadState& ts, PyTypeObject* type, PyObject* name, PyObject* (*make)(PyObject*)) {
  PyObject* f = dict_peek(ts, type->tp_dict, name);
  if (f == nullptr) return error_set(ts) ? Status::kError : Status::kOk;
  if (!is_function(f)) return Status::kOk;
  Ref<> decorated = Ref<>::steal(make(f));
  return decorated ? dict_set(ts, type->tp_dict, name, decorated.get()) : Status::kError;
}

void place_fields(PyTypeObject* type, Layout& l) {
  PyTypeObject* base = l.base;
  Py_ssize_t at = base->tp_basicsize;
  if (l.slots) {
    PyMemberDef* m = heap_type_members(type);
    for (Py_ssize_t i = 0; i < tuple_size(l.slots.get()); ++i, ++m) {
      m->name = PyUnicode_AsUTF8(tuple_peek(l.slots.get(), i));
      m->type = T_OBJECT_EX;
      m->offset = at;
      at += kWord;
    }
    type->tp_members = heap_type_members(type);
  }
  if (l.add_dict && base->tp_itemsize != 0) {
    // Behind the items of a var-sized object.
    type->tp_dictoffset = -kWord;
    at += kWord;
  }
  if (l.add_weak) {
    type->tp_weaklistoffset = at;
    at += kWord;
  }
  type->tp_basicsize = at;
  type->tp_itemsize = base->tp_itemsize;
  if (l.add_dict && base->tp_itemsize == 0) {
    // In front of the object: the collector's two words and one more, as seen from the end.
    type->tp_flags |= kTypeShaped;
    type->tp_dictoffset = -at - 3 * kWord;
  }
  if (l.add_dict && l.add_weak) {
    type->tp_getset = const_cast<PyGetSetDef*>(kDictAndWeakrefGetset);
  } else if (l.add_dict) {
    type->tp_getset = const_cast<PyGetSetDef*>(kDictGetset);
  } else if (l.add_weak) {
    type->tp_getset = const_cast<PyGetSetDef*>(kWeakrefGetset);
  }
}

Status set_classcell(ThreadState& ts, PyTypeObject* type) {
  Ref<> cell;
  if (failed(dict_pop(ts, type->tp_dict, ID(__classcell__), &cell))) return Status::kError;
  if (!cell) return Status::kOk;
  if (!is_exact(cell.get(), &PyCell_Type)) {
    return raise(ts, PyExc_TypeError, "__classcell__ must be a nonlocal cell, not <class '%.200T'>", cell.get());
  }
  set_field(cell_slot(cell.get()), dup(obj(type)));
  return Status::kOk;
}

Ref<PyTypeObject> allocate(ThreadState& ts, PyTypeObject* metatype, Layout& l) {
  Py_ssize_t nslots = l.slots ? tuple_size(l.slots.get()) : 0;
  Ref<PyTypeObject> type = Ref<>::steal(metatype->tp_alloc(metatype, nslots)).cast<PyTypeObject>();
  if (!type) return {};
  PyHeapTypeObject* h = as_heap_type(type.get());
  // First of all what its deallocator looks at.
  type->tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
  if (failed(type_make_record(ts, type.get()))) return {};
  h->ht_slots = l.slots ? new_ref(l.slots.get()) : nullptr;
  type->tp_as_async = &h->as_async;
  type->tp_as_number = &h->as_number;
  type->tp_as_sequence = &h->as_sequence;
  type->tp_as_mapping = &h->as_mapping;
  type->tp_as_buffer = &h->as_buffer;
  type->tp_base = new_ref(l.base);
  type->tp_bases = new_ref(l.bases);
  if (is_exact_dict(l.ns)) {
    type->tp_dict = dict_copy(ts, l.ns).release();
  } else {
    // A subclass may have an order of its own.
    type->tp_dict = dict_new(ts).release();
    if (type->tp_dict != nullptr && failed(dict_merge(ts, type->tp_dict, l.ns, true))) return {};
  }
  if (type->tp_dict == nullptr) return {};
  type->tp_dealloc = subtype_dealloc;
  type->tp_traverse = subtype_traverse;
  type->tp_clear = subtype_clear;
  type->tp_alloc = PyType_GenericAlloc;
  type->tp_free = PyObject_GC_Del;
  type->tp_vectorcall = class_vectorcall;
  return type;
}

// With one base its slots are the class's, but for what the class itself names.
void copy_base_slots(PyTypeObject* type, PyTypeObject* base) {
  for (int i = 0; i < kSlotRowCount; ++i) {
    void** to = slot_field(type, g_slot_rows[i].offset);
    void** from = slot_field(base, g_slot_rows[i].offset);
    *to = from != nullptr ? *from : nullptr;
  }
}

ATOLL_COLD Status set_name_failed(ThreadState& ts, PyTypeObject* type, PyObject* value, PyObject* key) {
  return raise_from_current(ts, PyExc_RuntimeError, "Error calling __set_name__ on '%.100T' instance %R in '%.100N'", value, key, type);
}

Status call_set_names(ThreadState& ts, PyTypeObject* type) {
  // Most namespaces hold nothing that has the method; look without copying first.
  PyObject* dict = type->tp_dict;
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  bool any = false;
  while (!any && dict_next(dict, &pos, &key, &value)) {
    any = type_peek_lookup(ts, value->ob_type, ID(__set_name__)) != nullptr;
  }
  if (!any) return Status::kOk;
  Ref<> copy = dict_copy(ts, dict);
  if (!copy) return Status::kError;
  pos = 0;
  while (dict_next(copy.get(), &pos, &key, &value)) {
    PyObject* found = type_peek_lookup(ts, value->ob_type, ID(__set_name__));
    if (found == nullptr) continue;
    PyObject* args[] = {value, obj(type), key};
    Ref<> r = call_found(ts, found, args, 3);
    if (!r) return set_name_failed(ts, type, value, key);
  }
  return Status::kOk;
}

Status call_init_subclass(ThreadState& ts, PyTypeObject* type, PyObject* kwargs) {
  bool any = kwargs != nullptr && dict_size(kwargs) != 0;
  // super(type, type).__init_subclass__(**kwargs)
  PyObject* mro = type->tp_mro;
  PyObject* found = nullptr;
  Py_ssize_t at = 0, n = tuple_size(mro);
  while (at < n && tuple_peek(mro, at) != obj(type)) ++at;
  if (at == n) return raise(ts, PyExc_TypeError, "super(type, obj): obj must be an instance or subtype of type");
  for (Py_ssize_t i = at + 1; found == nullptr && i < tuple_size(mro); ++i) {
    found = dict_peek_str(reinterpret_cast<PyTypeObject*>(tuple_peek(mro, i))->tp_dict, ID(__init_subclass__));
  }
  if (found == nullptr) return Status::kOk;
  if (!any && found == dict_peek_str(PyBaseObject_Type.tp_dict, ID(__init_subclass__))) return Status::kOk;
  Ref<> f = dup(found);
  if (descrgetfunc get = found->ob_type->tp_descr_get) f = Ref<>::steal(get(found, nullptr, obj(type)));
  if (!f) return Status::kError;
  Ref<> r = any ? object_call(ts, f.get(), empty_tuple(), kwargs) : call(ts, f.get());
  return r ? Status::kOk : Status::kError;
}

Ref<> make_type(ThreadState& ts, PyTypeObject* metatype, Layout& l, PyObject* kwargs) {
  if (failed(decide_layout(ts, l)) || failed(check_type_name(ts, l.name))) return {};
  Ref<PyTypeObject> held = allocate(ts, metatype, l);
  if (!held) return {};
  PyTypeObject* type = held.get();
  if (failed(set_names(ts, type, l)) || failed(set_doc(ts, type))) return {};
  if (failed(decorate(ts, type, ID(__new__), PyStaticMethod_New)) ||
      failed(decorate(ts, type, ID(__init_subclass__), PyClassMethod_New)) ||
      failed(decorate(ts, type, ID(__class_getitem__), PyClassMethod_New))) {
    return {};
  }
  place_fields(type, l);
  if (failed(set_classcell(ts, type))) return {};
  if (failed(type_ready(ts, type))) return {};
  if (is_shaped(type) && type->tp_itemsize == 0) {
    type_record(type)->shapes = shape_table_new(ts);
    if (type_record(type)->shapes == nullptr) return {};
  }
  if (tuple_size(l.bases) == 1 && tuple_peek(l.bases, 0) == obj(type->tp_base) &&
      tuple_size(type->tp_mro) == tuple_size(type->tp_base->tp_mro) + 1) {
    copy_base_slots(type, type->tp_base);
    slots_resolve_own(ts, type);
  } else {
    slots_resolve_all(ts, type);
  }
  type_refresh_record_flags(type);
  if (failed(call_set_names(ts, type)) || failed(call_init_subclass(ts, type, kwargs))) return {};
  return held;
}

}  // namespace

Ref<> type_new(ThreadState& ts, PyTypeObject* metatype, PyObject* name, PyObject* bases, PyObject* ns, PyObject* kwargs) {
  Ref<> own_bases = dup(bases);
  PyTypeObject* base;
  if (tuple_size(bases) == 0) {
    base = &PyBaseObject_Type;
    own_bases = tuple_of(ts, obj(base));
    if (!own_bases) return {};
  } else {
    for (Py_ssize_t i = 0; i < tuple_size(bases); ++i) {
      PyObject* b = tuple_peek(bases, i);
      if (PyType_Check(b)) continue;
      Ref<> entries;
      if (failed(object_lookup_attr(ts, b, ID(__mro_entries__), &entries))) return {};
      if (entries) return raise(ts, PyExc_TypeError, "type() doesn't support MRO entry resolution; use types.new_class()");
    }
    PyTypeObject* winner = type_calculate_metaclass(ts, metatype, bases);
    if (winner == nullptr) return {};
    if (winner != metatype) {
      if (winner->tp_new != PyType_Type.tp_new) {
        Ref<> args = tuple_of(ts, name, bases, ns);
        return args ? Ref<>::steal(winner->tp_new(winner, args.get(), kwargs)) : Ref<>();
      }
      metatype = winner;
    }
    base = best_base(ts, bases);
    if (base == nullptr) return {};
  }
  Ref<PyTypeObject> hold_base = dup(base);
  Layout l{};
  l.base = base;
  l.bases = own_bases.get();
  l.name = name;
  l.ns = ns;
  return make_type(ts, metatype, l, kwargs);
}

}  // namespace atl

PyTypeObject* _PyType_CalculateMetaclass(PyTypeObject* metatype, PyObject* bases) {
  return atl::type_calculate_metaclass(atl::current_thread(), metatype, bases);
}
