// Struct sequences: tuples whose items have names; fields behind the sequence part are reached by name only.
#include <cstring>
#include <string>

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/structseq.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Python/runtime/runtime.h"
#include "structmember.h"
#include "Include/structseq.h"

extern "C" {
extern const char* const PyStructSequence_UnnamedField = atl::kUnnamedField;
}

namespace atl {

namespace {

// A number that the type keeps in its dict.
Py_ssize_t number_of(PyTypeObject* type, PyObject* name) {
  for (PyTypeObject* t = type; t != nullptr; t = t->tp_base) {
    PyObject* v = dict_peek_str(t->tp_dict, name);
    if (v != nullptr && is_exact_int(v)) return int_compact_value(v);
  }
  return 0;
}
Py_ssize_t real_size(PyTypeObject* type) { return number_of(type, ID(n_fields)); }
Py_ssize_t visible_size(PyTypeObject* type) { return number_of(type, ID(n_sequence_fields)); }

PyObject* const* fields_of(PyObject* o) { return tuple_items(o); }

Ref<> alloc(ThreadState& ts, PyTypeObject* type) {
  Py_ssize_t n = real_size(type);
  if (n <= 0) return raise(ts, PyExc_TypeError, "Missed attribute '%U' of type %s", ID(n_fields), type->tp_name);
  auto o = new_var_object<PyTupleObject>(ts, type, offsetof(PyTupleObject, ob_item) + static_cast<size_t>(n) * sizeof(PyObject*),
                                         visible_size(type));
  if (!o) return {};
  std::memset(o->ob_item, 0, static_cast<size_t>(n) * sizeof(PyObject*));
  track(ts, o.get());
  return o;
}

void structseq_dealloc(PyObject* self) {
  ThreadState& ts = current_thread();
  untrack(self);
  PyTypeObject* type = self->ob_type;
  Py_ssize_t n = real_size(type);
  for (Py_ssize_t i = 0; i < n; ++i) xdecref(tuple_items(self)[i]);
  free_object(ts, self);
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) decref(obj(type));
}

int structseq_traverse(PyObject* self, visitproc visit, void* arg) {
  if (self->ob_type->tp_flags & Py_TPFLAGS_HEAPTYPE) Py_VISIT(self->ob_type);
  Py_ssize_t n = real_size(self->ob_type);
  for (Py_ssize_t i = 0; i < n; ++i) Py_VISIT(fields_of(self)[i]);
  return 0;
}

Ref<> structseq_new(ThreadState& ts, PyTypeObject* type, PyObject* given, PyObject* more) {
  Ref<> sequence = Ref<>::steal(PySequence_Fast(given, "constructor requires a sequence"));
  if (!sequence) return {};
  if (more != nullptr && !is_dict(more)) {
    return raise(ts, PyExc_TypeError, "%.500s() takes a dict as second arg, if any", type->tp_name);
  }
  Py_ssize_t length = PySequence_Fast_GET_SIZE(sequence.get());
  Py_ssize_t least = visible_size(type), most = real_size(type);
  Py_ssize_t unnamed = number_of(type, ID(n_unnamed_fields));
  if (least != most) {
    if (length < least) {
      return raise(ts, PyExc_TypeError, "%.500s() takes an at least %zd-sequence (%zd-sequence given)", type->tp_name, least, length);
    }
    if (length > most) {
      return raise(ts, PyExc_TypeError, "%.500s() takes an at most %zd-sequence (%zd-sequence given)", type->tp_name, most, length);
    }
  } else if (length != least) {
    return raise(ts, PyExc_TypeError, "%.500s() takes a %zd-sequence (%zd-sequence given)", type->tp_name, least, length);
  }
  Ref<> self = alloc(ts, type);
  if (!self) return {};
  PyObject** items = tuple_items(self.get());
  for (Py_ssize_t i = 0; i < length; ++i) items[i] = new_ref(PySequence_Fast_GET_ITEM(sequence.get(), i));
  for (Py_ssize_t i = length; i < most; ++i) {
    Ref<> value;
    if (more != nullptr) {
      Ref<> name = str_from_utf8(ts, std::string_view(type->tp_members[i - unnamed].name));
      if (!name || failed(dict_lookup(ts, more, name.get(), &value))) return {};
    }
    items[i] = value ? value.release() : new_ref(Py_None);
  }
  return self;
}

Ref<> structseq_repr(ThreadState& ts, PyTupleObject* self) {
  PyTypeObject* type = type_of(self);
  StrWriter w(ts);
  Ref<> name = str_from_utf8(ts, std::string_view(type->tp_name));
  if (!name || failed(w.write(name.get())) || failed(w.write_ascii("("))) return {};
  for (Py_ssize_t i = 0; i < self->ob_base.ob_size; ++i) {
    if (i != 0 && failed(w.write_ascii(", "))) return {};
    const char* field = type->tp_members[i].name;
    if (field == nullptr) return raise(ts, PyExc_SystemError, "In structseq_repr(), member %zd name is NULL for type %.500s", i, type->tp_name);
    Ref<> text = str_from_utf8(ts, std::string_view(field));
    if (!text || failed(w.write(text.get())) || failed(w.write_ascii("=")) || failed(w.write_repr(fields_of(obj(self))[i]))) return {};
  }
  if (failed(w.write_ascii(")"))) return {};
  return w.finish();
}

Ref<> structseq_reduce(ThreadState& ts, PyTupleObject* self) {
  PyTypeObject* type = type_of(self);
  Py_ssize_t visible = self->ob_base.ob_size, all = real_size(type), unnamed = number_of(type, ID(n_unnamed_fields));
  Ref<> tuple = tuple_from(ts, fields_of(obj(self)), visible);
  Ref<> rest = tuple ? dict_new(ts) : Ref<>();
  if (!rest) return {};
  for (Py_ssize_t i = visible; i < all; ++i) {
    PyObject* value = fields_of(obj(self))[i];
    if (failed(dict_set(ts, rest.get(), type->tp_members[i - unnamed].name, value != nullptr ? value : Py_None))) return {};
  }
  Ref<> args = tuple_of(ts, tuple.get(), rest.get());
  return args ? tuple_of(ts, obj(type), args.get()) : Ref<>();
}

const MethodSpec kMethods[] = {
    MethodSpec{"__reduce__", ATOLL_METHOD(structseq_reduce, "__reduce__", "($self, /)", "").entry, METH_NOARGS, nullptr},
    ATOLL_METHOD_END};

bool is_unnamed(const PyStructSequence_Field& f) { return f.name == PyStructSequence_UnnamedField; }

Py_ssize_t count_fields(const PyStructSequence_Desc* desc, Py_ssize_t* unnamed) {
  Py_ssize_t n = 0;
  *unnamed = 0;
  for (; desc->fields[n].name != nullptr; ++n) *unnamed += is_unnamed(desc->fields[n]);
  return n;
}

// Named fields as members; `members` has room for all of them and the end.
void fill_members(const PyStructSequence_Desc* desc, Py_ssize_t n, PyMemberDef* members) {
  Py_ssize_t k = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (is_unnamed(desc->fields[i])) continue;
    members[k++] = PyMemberDef{desc->fields[i].name, T_OBJECT,
                               static_cast<Py_ssize_t>(offsetof(PyTupleObject, ob_item) + static_cast<size_t>(i) * sizeof(PyObject*)),
                               READONLY, desc->fields[i].doc};
  }
  members[k] = PyMemberDef{};
}

// A number that the type's dict holds. Those of static types belong to no interpreter.
Ref<> dict_number(ThreadState& ts, PyTypeObject* type, Py_ssize_t value) {
  if (value <= kSmallIntMax || !is_static(type)) return int_from_ssize(ts, value);
  PyObject* v = static_object(type, &PyLong_Type, sizeof(PyLongObject));
  if (v == nullptr) return raise_memory(ts);
  reinterpret_cast<PyVarObject*>(v)->ob_size = 1;
  reinterpret_cast<PyLongObject*>(v)->ob_digit[0] = static_cast<digit>(value);
  return Ref<>::steal(v);
}

// The type has its record; its dict is not sealed yet.
Status fill_dict(ThreadState& ts, PyTypeObject* type, const PyStructSequence_Desc* desc, Py_ssize_t n, Py_ssize_t unnamed) {
  auto put = [&](PyObject* name, Py_ssize_t value) {
    Ref<> v = dict_number(ts, type, value);
    return v ? dict_set(ts, type->tp_dict, name, v.get()) : Status::kError;
  };
  if (failed(put(ID(n_sequence_fields), desc->n_in_sequence)) || failed(put(ID(n_fields), n)) ||
      failed(put(ID(n_unnamed_fields), unnamed))) {
    return Status::kError;
  }
  Py_ssize_t named = 0;
  for (Py_ssize_t i = 0; i < desc->n_in_sequence; ++i) named += !is_unnamed(desc->fields[i]);
  Ref<> names = tuple_new(ts, named);
  if (!names) return Status::kError;
  Py_ssize_t k = 0;
  for (Py_ssize_t i = 0; i < desc->n_in_sequence; ++i) {
    if (is_unnamed(desc->fields[i])) continue;
    Ref<> name = is_static(type) ? static_text(ts, type, desc->fields[i].name) : str_from_utf8(ts, std::string_view(desc->fields[i].name));
    if (!name) return Status::kError;
    tuple_items(names.get())[k++] = name.release();
  }
  if (is_static(type)) {
    PyObject* lasting = static_tuple(type, tuple_items(names.get()), named);
    if (lasting == nullptr) return raise_memory(ts);
    names = Ref<>::steal(lasting);
  }
  return dict_set(ts, type->tp_dict, ID(__match_args__), names.get());
}

PyObject* structseq_new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return ATOLL_NEW(structseq_new, "structseq", "($type, sequence, dict=None)")(type, args, kwargs);
}
PyObject* structseq_repr_slot(PyObject* self) { return structseq_repr(current_thread(), reinterpret_cast<PyTupleObject*>(self)).release(); }

Ref<> new_type(ThreadState& ts, const PyStructSequence_Desc* desc, unsigned long flags) {
  Py_ssize_t unnamed;
  Py_ssize_t n = count_fields(desc, &unnamed);
  auto* members = static_cast<PyMemberDef*>(std::malloc(static_cast<size_t>(n + 1) * sizeof(PyMemberDef)));
  if (members == nullptr) return raise_memory(ts);
  ScopeGuard free_members([&] { std::free(members); });
  fill_members(desc, n, members);
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(structseq_dealloc)},
      {Py_tp_repr, reinterpret_cast<void*>(structseq_repr_slot)},
      {Py_tp_doc, const_cast<char*>(desc->doc)},
      {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
      {Py_tp_new, reinterpret_cast<void*>(structseq_new_slot)},
      {Py_tp_members, members},
      {Py_tp_traverse, reinterpret_cast<void*>(structseq_traverse)},
      {0, nullptr},
  };
  PyType_Spec spec{desc->name, static_cast<int>(offsetof(PyTupleObject, ob_item)), static_cast<int>(sizeof(PyObject*)),
                   static_cast<unsigned int>(Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | flags), slots};
  Ref<> type = Ref<>::steal(PyType_FromSpecWithBases(&spec, obj(&PyTuple_Type)));
  if (!type || failed(fill_dict(ts, reinterpret_cast<PyTypeObject*>(type.get()), desc, n, unnamed))) return {};
  return type;
}

// A static type of an extension.
Status init_static(ThreadState& ts, PyTypeObject* type, const PyStructSequence_Desc* desc) {
  if (type->tp_flags & Py_TPFLAGS_READY) return Status::kOk;  // the module is initialised once more
  Py_ssize_t unnamed;
  Py_ssize_t n = count_fields(desc, &unnamed);
  auto* members = static_cast<PyMemberDef*>(PyMem_RawMalloc(static_cast<size_t>(n + 1) * sizeof(PyMemberDef)));
  if (members == nullptr) return raise_memory(ts);
  fill_members(desc, n, members);  // they stay as long as the type: for good
  type->tp_name = desc->name;
  type->tp_basicsize = offsetof(PyTupleObject, ob_item);
  type->tp_itemsize = sizeof(PyObject*);
  type->tp_dealloc = structseq_dealloc;
  type->tp_repr = structseq_repr_slot;
  type->tp_doc = desc->doc;
  type->tp_base = &PyTuple_Type;
  type->tp_methods = const_cast<PyMethodDef*>(kMethods[0].c());
  type->tp_new = structseq_new_slot;
  type->tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
  type->tp_traverse = structseq_traverse;
  type->tp_members = members;
  // The dict's own entries come first, as lasting as the type; PyType_Ready adds the tables.
  if (failed(type_make_record(ts, type))) return Status::kError;
  if (type->tp_dict == nullptr) {
    type->tp_dict = dict_new(ts).release();
    if (type->tp_dict == nullptr) return Status::kError;
  }
  if (failed(fill_dict(ts, type, desc, n, unnamed))) return Status::kError;
  return type_ready(ts, type);
}

}  // namespace

#define ATOLL_STATIC_STRUCT(type, spec) ATOLL_SEALED PyTypeObject type = {};
#include "Objects/static_structs.def"
#undef ATOLL_STATIC_STRUCT

namespace {

Status static_ready(ThreadState& ts, PyTypeObject* type, const StructSpec& s) {
  PyStructSequence_Desc desc{s.name, s.doc, const_cast<PyStructSequence_Field*>(s.fields), s.visible};
  Py_ssize_t unnamed;
  Py_ssize_t n = count_fields(&desc, &unnamed);
  auto* members = static_cast<PyMemberDef*>(sealed_alloc(static_cast<size_t>(n + 1) * sizeof(PyMemberDef)));
  if (members == nullptr) return Status::kError;
  fill_members(&desc, n, members);
  TypeSpec spec{.name = s.name,
                .doc = s.doc,
                .basicsize = offsetof(PyTupleObject, ob_item),
                .itemsize = sizeof(PyObject*),
                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | s.flags,
                .base = &PyTuple_Type,
                .dealloc = structseq_dealloc,
                .traverse = structseq_traverse,
                .repr = structseq_repr_slot,
                .new_ = s.new_ != nullptr ? s.new_ : structseq_new_slot,
                .methods = kMethods,
                .members = members};
  // What the type's dict holds beside its tables, all immortal, before it is sealed.
  type->tp_flags = kTypeStaticBuiltin;
  type->tp_dict = dict_new(ts).release();
  if (type->tp_dict == nullptr || failed(fill_dict(ts, type, &desc, n, unnamed))) return Status::kError;
  return static_type_ready(ts, type, spec);
}

}  // namespace

Status static_structs_init(ThreadState& ts) {
#define ATOLL_STATIC_STRUCT(type, spec) \
  if (failed(static_ready(ts, &type, spec))) return Status::kError;
#include "Objects/static_structs.def"
#undef ATOLL_STATIC_STRUCT
  return Status::kOk;
}

Ref<> structseq_type_new(ThreadState& ts, const PyStructSequence_Desc* desc, unsigned long flags) { return new_type(ts, desc, flags); }

}  // namespace atl

using namespace atl;

PyTypeObject* PyStructSequence_NewType(PyStructSequence_Desc* desc) {
  return reinterpret_cast<PyTypeObject*>(new_type(current_thread(), desc, 0).release());
}
PyTypeObject* _PyStructSequence_NewType(PyStructSequence_Desc* desc, unsigned long flags) {
  return reinterpret_cast<PyTypeObject*>(new_type(current_thread(), desc, flags).release());
}
int PyStructSequence_InitType2(PyTypeObject* type, PyStructSequence_Desc* desc) {
  return static_cast<int>(init_static(current_thread(), type, desc));
}
void PyStructSequence_InitType(PyTypeObject* type, PyStructSequence_Desc* desc) { (void)PyStructSequence_InitType2(type, desc); }

PyObject* PyStructSequence_New(PyTypeObject* type) { return alloc(current_thread(), type).release(); }

void PyStructSequence_SetItem(PyObject* o, Py_ssize_t i, PyObject* value) { tuple_items(o)[i] = value; }
PyObject* PyStructSequence_GetItem(PyObject* o, Py_ssize_t i) { return tuple_items(o)[i]; }
