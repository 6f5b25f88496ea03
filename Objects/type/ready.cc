// Readiness: the dict of a C type, what it inherits, its record.
#include "structmember.h"

#include "Objects/descr/descr.h"
#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Python/runtime/runtime.h"

namespace atl {

Status sealed_type_prepare(PyTypeObject* type);

// ---- records -----------------------------------------------------------------------------------------------------

Status type_make_record(ThreadState& ts, PyTypeObject* type) {
  if (type_record(type) != nullptr) return Status::kOk;
  if (is_static_builtin(type)) return sealed_type_prepare(type);
  TypeRecord* record;
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    record = static_cast<TypeRecord*>(object_alloc(ts, sizeof(TypeRecord)));
    if (record == nullptr) return Status::kError;
    *record = TypeRecord{};
    record->static_index = -1;
  } else {
    record = lasting_type_new(type);
    if (record == nullptr) return raise_memory(ts);
  }
  record->type = type;
  type->tp_cache = reinterpret_cast<PyObject*>(record);
  type->tp_flags |= kTypeHasRecord;
  return Status::kOk;
}

void type_free_record(ThreadState& ts, PyTypeObject* type) {
  TypeRecord* record = type_record(type);
  if (record == nullptr || record->static_index >= 0) return;
  if (record->shapes != nullptr) shape_table_delete(record->shapes);
  PyObject_Free(record->own.subclasses.items);
  type->tp_cache = nullptr;
  type->tp_flags &= ~kTypeHasRecord;
  object_free(ts, record);
}

// ---- documentation -----------------------------------------------------------------------------------------------
//
// Documentation strings of C functions and types may start with "name(signature)\n--\n\n".

namespace {
constexpr std::string_view kSignatureEnd = ")\n--\n\n";

// The position of the signature's '(' or npos.
size_t signature_start(std::string_view name, std::string_view doc) {
  if (size_t dot = name.rfind('.'); dot != std::string_view::npos) name = name.substr(dot + 1);
  if (doc.size() <= name.size() || doc.substr(0, name.size()) != name || doc[name.size()] != '(') return std::string_view::npos;
  return name.size();
}

// Behind the end marker, or npos when there is none before a blank line.
size_t signature_stop(std::string_view doc, size_t start) {
  size_t stop = doc.find(kSignatureEnd, start);
  if (stop == std::string_view::npos) return stop;
  size_t blank = doc.find("\n\n", start);
  if (blank != std::string_view::npos && blank < stop) return std::string_view::npos;
  return stop;
}
}  // namespace

const char* doc_body(const char* name, const char* doc) {
  if (doc == nullptr) return nullptr;
  size_t start = signature_start(name, doc);
  if (start != std::string_view::npos) {
    size_t stop = signature_stop(doc, start);
    if (stop != std::string_view::npos) doc += stop + kSignatureEnd.size();
  }
  return *doc != 0 ? doc : nullptr;
}

Ref<> doc_without_signature(ThreadState& ts, const char* name, const char* doc) {
  const char* body = doc_body(name, doc);
  if (body == nullptr) return new_none();
  return str_from_utf8(ts, std::string_view(body));
}

Ref<> signature_in_doc(ThreadState& ts, const char* name, const char* doc) {
  if (doc == nullptr) return new_none();
  size_t start = signature_start(name, doc);
  if (start == std::string_view::npos) return new_none();
  size_t stop = signature_stop(doc, start);
  if (stop == std::string_view::npos) return new_none();
  return str_from_utf8(ts, std::string_view(doc + start, stop + 1 - start));
}

// ---- the dict of a C type ----------------------------------------------------------------------------------------

namespace {

Ref<> dict_name(ThreadState& ts, PyTypeObject* type, const char* name) {
  return is_static(type) ? static_text(ts, type, name) : name_from_c(ts, name);
}

// The entry of a method in the type's dict.
Ref<> method_entry(ThreadState& ts, PyTypeObject* type, PyMethodDef* def) {
  if (def->ml_flags & METH_CLASS) {
    if (def->ml_flags & METH_STATIC) return raise(ts, PyExc_ValueError, "method cannot be both class and static");
    return descr_new_classmethod(ts, type, def);
  }
  if (!(def->ml_flags & METH_STATIC)) return descr_new_method(ts, type, def);
  Ref<> f = builtin_function_new(ts, def, obj(type), nullptr);
  if (!f) return {};
  if (is_static(type)) return static_staticmethod(ts, type, static_builtin_function(ts, type, f.get()));
  return Ref<>::steal(PyStaticMethod_New(f.get()));
}

Status add_entry(ThreadState& ts, PyTypeObject* type, PyObject* dict, const char* name, Ref<> value, bool replace) {
  if (!value) return Status::kError;
  Ref<> key = dict_name(ts, type, name);
  if (!key) return Status::kError;
  if (!replace && dict_peek_str(dict, key.get()) != nullptr) return Status::kOk;
  return dict_set(ts, dict, key.get(), value.get());
}

}  // namespace

Status type_add_tables(ThreadState& ts, PyTypeObject* type, PyObject* dict) {
  for (PyMethodDef* m = type->tp_methods; m != nullptr && m->ml_name != nullptr; ++m) {
    if (failed(add_entry(ts, type, dict, m->ml_name, method_entry(ts, type, m), (m->ml_flags & METH_COEXIST) != 0))) {
      return Status::kError;
    }
  }
  for (PyMemberDef* m = type->tp_members; m != nullptr && m->name != nullptr; ++m) {
    if (failed(add_entry(ts, type, dict, m->name, descr_new_member(ts, type, m), false))) return Status::kError;
  }
  for (PyGetSetDef* g = type->tp_getset; g != nullptr && g->name != nullptr; ++g) {
    if (failed(add_entry(ts, type, dict, g->name, descr_new_getset(ts, type, g), false))) return Status::kError;
  }
  return Status::kOk;
}

Status type_set_new_and_doc(ThreadState& ts, PyTypeObject* type, PyObject* dict) {
  if (dict_peek_str(dict, ID(__doc__)) == nullptr) {
    Ref<> doc;
    if (is_static(type)) {
      const char* body = doc_body(type->tp_name, type->tp_doc);
      doc = body != nullptr ? static_text(ts, type, body) : new_none();
    } else {
      doc = doc_without_signature(ts, type->tp_name, type->tp_doc);
    }
    if (!doc || failed(dict_set(ts, dict, ID(__doc__), doc.get()))) return Status::kError;
  }
  PyTypeObject* base = type->tp_base;
  if (type->tp_new == nullptr && base == &PyBaseObject_Type && !(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
    type->tp_flags |= Py_TPFLAGS_DISALLOW_INSTANTIATION;
  }
  if (type->tp_flags & Py_TPFLAGS_DISALLOW_INSTANTIATION) {
    type->tp_new = nullptr;
    return Status::kOk;
  }
  if (type->tp_new == nullptr) {
    type->tp_new = base->tp_new;
    return Status::kOk;
  }
  if (dict_peek_str(dict, ID(__new__)) != nullptr) return Status::kOk;
  Ref<> f = builtin_function_new(ts, &g_new_method_def, obj(type), nullptr);
  if (f && is_static(type)) f = static_builtin_function(ts, type, f.get());
  if (!f) return Status::kError;
  return dict_set(ts, dict, ID(__new__), f.get());
}

// ---- inheriting --------------------------------------------------------------------------------------------------

void type_inherit_special(PyTypeObject* type, PyTypeObject* base) {
  bool own_gc = (type->tp_flags & Py_TPFLAGS_HAVE_GC) && !is_static_builtin(type);
  if (!own_gc && (base->tp_flags & Py_TPFLAGS_HAVE_GC) && type->tp_traverse == nullptr && type->tp_clear == nullptr) {
    type->tp_flags |= Py_TPFLAGS_HAVE_GC;
    type->tp_traverse = base->tp_traverse;
    type->tp_clear = base->tp_clear;
  }
  type->tp_flags |= base->tp_flags & kTypeShaped;
  if (type->tp_basicsize == 0) type->tp_basicsize = base->tp_basicsize;
  if (type->tp_itemsize == 0) type->tp_itemsize = base->tp_itemsize;
  if (type->tp_weaklistoffset == 0) type->tp_weaklistoffset = base->tp_weaklistoffset;
  if (type->tp_dictoffset == 0) type->tp_dictoffset = base->tp_dictoffset;
  constexpr unsigned long kFamilies = Py_TPFLAGS_BASE_EXC_SUBCLASS | Py_TPFLAGS_TYPE_SUBCLASS | Py_TPFLAGS_LONG_SUBCLASS |
                                      Py_TPFLAGS_BYTES_SUBCLASS | Py_TPFLAGS_UNICODE_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS |
                                      Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_DICT_SUBCLASS | _Py_TPFLAGS_MATCH_SELF;
  type->tp_flags |= base->tp_flags & kFamilies;
}

namespace {

// The field of a base counts when the base itself has it, not when it merely handed it on from its own base: what a
// nearer class of the MRO says goes first.
template <class F>
ATOLL_INLINE void take(F& mine, F base, F base_of_base, bool has_base_of_base) {
  if (mine == nullptr && base != nullptr && (!has_base_of_base || base != base_of_base)) mine = base;
}

template <class Suite, size_t N = sizeof(Suite) / sizeof(void*)>
void inherit_suite(Suite* mine, const Suite* base, const Suite* base_of_base) {
  if (mine == nullptr || base == nullptr) return;
  auto** to = reinterpret_cast<void**>(mine);
  auto* from = reinterpret_cast<void* const*>(base);
  auto* over = reinterpret_cast<void* const*>(base_of_base);
  for (size_t i = 0; i < N; ++i) take(to[i], from[i], over != nullptr ? over[i] : nullptr, over != nullptr);
}

bool defines_hash_or_eq(PyTypeObject* type) {
  return dict_peek_str(type->tp_dict, ID(__eq__)) != nullptr || dict_peek_str(type->tp_dict, ID(__hash__)) != nullptr;
}

}  // namespace

void type_inherit_slots(PyTypeObject* type, PyTypeObject* base) {
  PyTypeObject* over = base->tp_base;
#define ATOLL_TAKE(field) take(type->field, base->field, over ? over->field : nullptr, over != nullptr)
  inherit_suite(type->tp_as_number, base->tp_as_number, over ? over->tp_as_number : nullptr);
  inherit_suite(type->tp_as_async, base->tp_as_async, over ? over->tp_as_async : nullptr);
  inherit_suite(type->tp_as_sequence, base->tp_as_sequence, over ? over->tp_as_sequence : nullptr);
  inherit_suite(type->tp_as_mapping, base->tp_as_mapping, over ? over->tp_as_mapping : nullptr);
  inherit_suite(type->tp_as_buffer, base->tp_as_buffer, over ? over->tp_as_buffer : nullptr);
  ATOLL_TAKE(tp_dealloc);
  if (type->tp_getattr == nullptr && type->tp_getattro == nullptr) {
    type->tp_getattr = base->tp_getattr;
    type->tp_getattro = base->tp_getattro;
  }
  if (type->tp_setattr == nullptr && type->tp_setattro == nullptr) {
    type->tp_setattr = base->tp_setattr;
    type->tp_setattro = base->tp_setattro;
  }
  ATOLL_TAKE(tp_repr);
  if (type->tp_vectorcall_offset == 0) type->tp_vectorcall_offset = base->tp_vectorcall_offset;
  if (type->tp_call == nullptr && (base->tp_flags & Py_TPFLAGS_HAVE_VECTORCALL) &&
      (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE)) {
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
  }
  ATOLL_TAKE(tp_call);
  ATOLL_TAKE(tp_str);
  // Equality and hash belong together.
  if (type->tp_richcompare == nullptr && type->tp_hash == nullptr && !defines_hash_or_eq(type)) {
    type->tp_richcompare = base->tp_richcompare;
    type->tp_hash = base->tp_hash;
  }
  ATOLL_TAKE(tp_iter);
  ATOLL_TAKE(tp_iternext);
  if (type->tp_descr_get == nullptr && base->tp_descr_get != nullptr && (base->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR) &&
      (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE)) {
    type->tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
  }
  ATOLL_TAKE(tp_descr_get);
  ATOLL_TAKE(tp_descr_set);
  if (type->tp_dictoffset == 0 && base == type->tp_base) type->tp_dictoffset = base->tp_dictoffset;
  ATOLL_TAKE(tp_init);
  ATOLL_TAKE(tp_alloc);
  ATOLL_TAKE(tp_is_gc);
  ATOLL_TAKE(tp_finalize);
  ATOLL_TAKE(tp_del);
#undef ATOLL_TAKE
  if ((type->tp_flags & Py_TPFLAGS_HAVE_GC) == (base->tp_flags & Py_TPFLAGS_HAVE_GC)) {
    take(type->tp_free, base->tp_free, over ? over->tp_free : nullptr, over != nullptr);
  } else if ((type->tp_flags & Py_TPFLAGS_HAVE_GC) && type->tp_free == nullptr && base->tp_free == PyObject_Free) {
    type->tp_free = PyObject_GC_Del;
  }
}

// ---- type_ready --------------------------------------------------------------------------------------------------

namespace {

Status ready_bases(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_base == nullptr && type != &PyBaseObject_Type) {
    type->tp_base = &PyBaseObject_Type;
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) incref(obj(type->tp_base));
  }
  PyTypeObject* base = type->tp_base;
  if (base != nullptr && !(base->tp_flags & Py_TPFLAGS_READY) && failed(type_ready(ts, base))) return Status::kError;
  if (obj(type)->ob_type == nullptr && base != nullptr) obj(type)->ob_type = obj(base)->ob_type;
  if (type->tp_bases != nullptr) return Status::kOk;
  if (is_static(type)) {
    PyObject* items[] = {obj(base)};
    type->tp_bases = static_tuple(type, items, base != nullptr ? 1 : 0);
    if (type->tp_bases == nullptr) return raise_memory(ts);
  } else {
    type->tp_bases = (base != nullptr ? tuple_of(ts, obj(base)) : tuple_new(ts, 0)).release();
  }
  return type->tp_bases != nullptr ? Status::kOk : Status::kError;
}

Status ready_mro(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_mro != nullptr) return Status::kOk;
  if (!is_static_builtin(type)) {
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
      PyObject* bases = type->tp_bases;
      for (Py_ssize_t i = 0; i < tuple_size(bases); ++i) {
        auto* base = reinterpret_cast<PyTypeObject*>(tuple_peek(bases, i));
        // Types that are static elsewhere are immutable heap types here: modules that were compiled for those derive from them.
        if (PyType_Check(obj(base)) && (base->tp_flags & Py_TPFLAGS_HEAPTYPE) && !(base->tp_flags & Py_TPFLAGS_IMMUTABLETYPE)) {
          return raise(ts, PyExc_TypeError,
                       "type '%.100N' is not dynamically allocated but its base type '%.100N' is dynamically allocated", type,
                       base);
        }
      }
    }
    if (failed(type_compute_mro(ts, type, nullptr))) return Status::kError;
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) return Status::kOk;
    Ref<> computed = Ref<>::steal(type->tp_mro);
    type->tp_mro = static_tuple(type, tuple_items(computed.get()), tuple_size(computed.get()));
    return type->tp_mro != nullptr ? Status::kOk : Status(raise_memory(ts));
  }
  // Static types have one base each.
  PyObject* items[32];
  Py_ssize_t n = 0;
  for (PyTypeObject* t = type; t != nullptr; t = t->tp_base) items[n++] = obj(t);
  type->tp_mro = sealed_tuple(items, n);
  return type->tp_mro != nullptr ? Status::kOk : Status::kError;
}

Status ready_hash(ThreadState& ts, PyTypeObject* type, PyObject* dict) {
  if (type->tp_hash != nullptr) return Status::kOk;
  if (dict_peek_str(dict, ID(__hash__)) == nullptr && failed(dict_set(ts, dict, ID(__hash__), Py_None))) return Status::kError;
  type->tp_hash = PyObject_HashNotImplemented;
  return Status::kOk;
}

Status ready(ThreadState& ts, PyTypeObject* type) {
  if (!is_static_builtin(type) && !(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
    // A static type of an extension: it is never freed, whatever its users count.
    obj(type)->ob_refcnt = kImmortalRefcnt;
    type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
  }
  if (failed(type_make_record(ts, type)) || failed(ready_bases(ts, type))) return Status::kError;
  PyTypeObject* base = type->tp_base;

  Ref<> dict = Ref<>::dup_of(type->tp_dict);
  if (!dict) {
    dict = dict_new(ts);
    if (!dict) return Status::kError;
  }
  // Lookups on the half-ready type see what is there already.
  if (type->tp_dict == nullptr) type->tp_dict = new_ref(dict.get());

  if (base != nullptr) type_inherit_special(type, base);
  if (failed(slots_add_wrappers(ts, type, dict.get())) || failed(type_add_tables(ts, type, dict.get()))) return Status::kError;
  if (failed(ready_mro(ts, type))) return Status::kError;
  if (failed(type_set_new_and_doc(ts, type, dict.get()))) return Status::kError;

  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 1; i < tuple_size(mro); ++i) {
    auto* from = reinterpret_cast<PyTypeObject*>(tuple_peek(mro, i));
    if (!PyType_Check(obj(from))) continue;
    type_inherit_slots(type, from);
    constexpr unsigned long kCollections = Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_MAPPING;
    if (!(type->tp_flags & kCollections)) type->tp_flags |= from->tp_flags & kCollections;
  }
  if (base != nullptr) {
    if (type->tp_as_async == nullptr) type->tp_as_async = base->tp_as_async;
    if (type->tp_as_number == nullptr) type->tp_as_number = base->tp_as_number;
    if (type->tp_as_sequence == nullptr) type->tp_as_sequence = base->tp_as_sequence;
    if (type->tp_as_mapping == nullptr) type->tp_as_mapping = base->tp_as_mapping;
    if (type->tp_as_buffer == nullptr) type->tp_as_buffer = base->tp_as_buffer;
  }
  if ((type->tp_flags & Py_TPFLAGS_HAVE_GC) && type->tp_traverse == nullptr) {
    if (is_static_builtin(type)) {  // no exception can be raised at bring-up
      std::fprintf(stderr, "type %s has the Py_TPFLAGS_HAVE_GC flag but has no traverse function\n", type->tp_name);
      return Status::kError;
    }
    return raise(ts, PyExc_SystemError, "type %s has the Py_TPFLAGS_HAVE_GC flag but has no traverse function", type->tp_name);
  }
  if (failed(ready_hash(ts, type, dict.get()))) return Status::kError;

  if (is_static(type)) {
    PyObject* copy = static_dict_copy(type, type->tp_dict);
    if (copy == nullptr) return raise_memory(ts);
    if (is_static_builtin(type)) {
      decref(std::exchange(type->tp_dict, copy));
    } else {
      // An extension may have put in things of its own.
      Py_ssize_t pos = 0;
      PyObject *key, *value;
      while (dict_next(copy, &pos, &key, &value)) {
        incref(key);
        incref(value);
      }
      set_field(type->tp_dict, Ref<>::steal(copy));
    }
  }
  if (!is_static_builtin(type)) {
    PyObject* bases = type->tp_bases;
    for (Py_ssize_t i = 0; i < tuple_size(bases); ++i) {
      PyObject* b = tuple_peek(bases, i);
      if (PyType_Check(b) && failed(subclass_add(ts, reinterpret_cast<PyTypeObject*>(b), type))) return Status::kError;
    }
  }
  slots_refresh_flags(type);
  return Status::kOk;
}

}  // namespace

Status type_ready(ThreadState& ts, PyTypeObject* type) {
  if (type->tp_flags & Py_TPFLAGS_READY) return Status::kOk;
  if (type->tp_flags & Py_TPFLAGS_READYING) {
    return raise(ts, PyExc_SystemError, "type '%.100N' is made ready while it is being made ready", type);
  }
  type->tp_flags |= Py_TPFLAGS_READYING;
  Status s = ready(ts, type);
  type->tp_flags &= ~Py_TPFLAGS_READYING;
  if (failed(s)) return s;
  type->tp_flags |= Py_TPFLAGS_READY;
  if (is_static(type)) (void)type_version(ts, type);
  return Status::kOk;
}

}  // namespace atl

using namespace atl;

int PyType_Ready(PyTypeObject* type) { return static_cast<int>(type_ready(current_thread(), type)); }

PyObject* _PyType_GetDocFromInternalDoc(const char* name, const char* doc) {
  return doc_without_signature(current_thread(), name, doc).release();
}
PyObject* _PyType_GetTextSignatureFromInternalDoc(const char* name, const char* doc) {
  return signature_in_doc(current_thread(), name, doc).release();
}
