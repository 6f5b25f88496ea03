// Bring-up of the static types: everything reachable from them is made immortal in the sealed arena, with no field left
// to be filled later. Runs once, before the second interpreter can exist.
#include <cstring>
#include <string>

#include "Objects/descr/descr.h"
#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/structseq.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Objects/type/static_types_decl.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

constexpr int kMaxStaticTypes = 1024;
struct StaticTypes {
  int count;
  PyTypeObject* types[kMaxStaticTypes];
};
// Sealed: in order of readiness; the position is the type's index.
ATOLL_SEALED StaticTypes g_static_types;

template <class T>
T* sealed_suite(const T* spec) {
  if (spec == nullptr) return nullptr;
  auto* copy = static_cast<T*>(sealed_alloc(sizeof(T)));
  if (copy != nullptr) *copy = *spec;
  return copy;
}

template <class T>
bool copy_suite(T*& to, const T* spec) {
  to = sealed_suite(spec);
  return spec == nullptr || to != nullptr;
}

// The static part of a type from its description. No other object is touched.
Status fill_from_spec(PyTypeObject* type, const TypeSpec& spec) {
  PyObject* head = obj(type);
  head->ob_refcnt = kImmortalRefcnt;
  head->ob_type = spec.metatype != nullptr ? spec.metatype : &PyType_Type;
  type->tp_name = spec.name;
  type->tp_basicsize = static_cast<Py_ssize_t>(spec.basicsize);
  type->tp_itemsize = static_cast<Py_ssize_t>(spec.itemsize);
  constexpr unsigned long kOurs = Py_TPFLAGS_READY | Py_TPFLAGS_READYING | Py_TPFLAGS_VALID_VERSION_TAG | kTypeHasRecord;
  type->tp_flags = (spec.flags & ~kOurs) | kTypeStaticBuiltin | Py_TPFLAGS_IMMUTABLETYPE;
  if (spec.vectorcall_offset != 0 && spec.call != nullptr) type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
  type->tp_doc = spec.doc;
  type->tp_base = spec.base;
  if (spec.base == nullptr && type != &PyBaseObject_Type) type->tp_base = &PyBaseObject_Type;
  type->tp_dealloc = spec.dealloc;
  type->tp_traverse = spec.traverse;
  type->tp_clear = spec.clear;
  type->tp_finalize = spec.finalize;
  type->tp_repr = spec.repr;
  type->tp_str = spec.str;
  type->tp_hash = spec.hash;
  type->tp_richcompare = spec.richcompare;
  type->tp_call = spec.call;
  type->tp_getattro = spec.getattro;
  type->tp_setattro = spec.setattro;
  type->tp_iter = spec.iter;
  type->tp_iternext = spec.iternext;
  type->tp_descr_get = spec.descr_get;
  type->tp_descr_set = spec.descr_set;
  type->tp_init = spec.init;
  type->tp_new = spec.new_;
  type->tp_alloc = spec.alloc;
  type->tp_free = spec.free;
  type->tp_is_gc = spec.is_gc;
  type->tp_vectorcall = spec.vectorcall;
  type->tp_weaklistoffset = spec.weaklist_offset;
  type->tp_dictoffset = spec.dict_offset;
  type->tp_vectorcall_offset = spec.vectorcall_offset;
  type->tp_methods = const_cast<PyMethodDef*>(reinterpret_cast<const PyMethodDef*>(spec.methods));
  type->tp_members = const_cast<PyMemberDef*>(spec.members);
  type->tp_getset = const_cast<PyGetSetDef*>(spec.getset);
  bool ok = copy_suite(type->tp_as_number, spec.number) && copy_suite(type->tp_as_sequence, spec.sequence) &&
            copy_suite(type->tp_as_mapping, spec.mapping) && copy_suite(type->tp_as_async, spec.async) &&
            copy_suite(type->tp_as_buffer, spec.buffer);
  return ok ? Status::kOk : Status::kError;
}

Status register_type(PyTypeObject* type) {
  if (g_static_types.count == kMaxStaticTypes) return Status::kError;
  auto* record = static_cast<TypeRecord*>(sealed_alloc(sizeof(TypeRecord)));
  if (record == nullptr) return Status::kError;
  record->type = type;
  if (!static_type_register(record)) return Status::kError;
  g_static_types.types[g_static_types.count++] = type;
  type->tp_cache = reinterpret_cast<PyObject*>(record);
  type->tp_flags |= kTypeHasRecord;
  return Status::kOk;
}

struct StaticRow {
  PyTypeObject* type;
  const TypeSpec* spec;
};
constexpr StaticRow kRows[] = {
#define ATOLL_STATIC_TYPE(type, spec) {&type, &spec},
#include "Objects/type/static_types.def"
#undef ATOLL_STATIC_TYPE
};

}  // namespace

PyTypeObject* const* static_types_begin() { return g_static_types.types; }
int static_types_count() { return g_static_types.count; }

void* static_alloc(PyTypeObject* owner, size_t size) {
  return owner == nullptr || is_static_builtin(owner) ? sealed_alloc(size) : lasting_alloc(type_record(owner), size);
}

PyObject* static_object(PyTypeObject* owner, PyTypeObject* kind, size_t size) {
  size_t pre = pre_header_size(kind);
  auto* block = static_cast<char*>(static_alloc(owner, pre + size));
  if (block == nullptr) return nullptr;
  auto* o = reinterpret_cast<PyObject*>(block + pre);
  o->ob_refcnt = kImmortalRefcnt;
  o->ob_type = kind;
  return o;
}

PyObject* static_tuple(PyTypeObject* owner, PyObject* const* items, Py_ssize_t n) {
  if (n == 0) return empty_tuple();
  PyObject* t = static_object(owner, &PyTuple_Type, offsetof(PyTupleObject, ob_item) + static_cast<size_t>(n) * sizeof(PyObject*));
  if (t == nullptr) return nullptr;
  reinterpret_cast<PyVarObject*>(t)->ob_size = n;
  for (Py_ssize_t i = 0; i < n; ++i) tuple_items(t)[i] = items[i];
  return t;
}

PyObject* sealed_object(PyTypeObject* type, size_t size) { return static_object(nullptr, type, size); }
PyObject* sealed_tuple(PyObject* const* items, Py_ssize_t n) { return static_tuple(nullptr, items, n); }
PyObject* sealed_dict_copy(PyObject* d) { return static_dict_copy(nullptr, d); }

Ref<> static_text(ThreadState& ts, PyTypeObject* owner, std::string_view utf8) {
  if (is_static_builtin(owner)) {
    PyObject* s = str_immortal(utf8);
    return s != nullptr ? dup(s) : Ref<>(raise_memory(ts));
  }
  Ref<> text = str_from_utf8(ts, utf8);
  if (!text) return {};
  constexpr Py_ssize_t kLongestName = 64;
  PyObject* s;
  if (str_is_ascii(text.get()) && str_length(text.get()) <= kLongestName) {
    // The same names again and again, whichever extension they come from.
    std::lock_guard hold(runtime().library.lock);
    s = str_immortal(utf8);
  } else {
    s = str_immortal_copy(text.get(), Sealing::kPlain, [](void* o, size_t n) { return static_alloc(static_cast<PyTypeObject*>(o), n); }, owner);
  }
  return s != nullptr ? dup(s) : Ref<>(raise_memory(ts));
}

PyObject* static_dict_copy(PyTypeObject* owner, PyObject* d) {
  PyObject* copy = static_object(owner, &PyDict_Type, sizeof(PyDictObject));
  if (copy == nullptr) return nullptr;
  PyDictObject* to = as_dict(copy);
  const PyDictObject* from = as_dict(d);
  const DictKeys* keys = from->ma_keys;
  size_t entry = (keys->kind & ~kDictKeysSealed) == kDictKeysStr ? sizeof(DictStrEntry) : sizeof(DictEntry);
  auto* end = static_cast<const char*>(dict_entries(keys)) + static_cast<size_t>(keys->usable + keys->count) * entry;
  auto size = static_cast<size_t>(end - reinterpret_cast<const char*>(keys));
  auto* own = static_cast<DictKeys*>(static_alloc(owner, size));
  if (own == nullptr) return nullptr;
  std::memcpy(own, keys, size);
  own->lasting = 1;
  own->version = 0;
  to->ma_used = from->ma_used;
  to->ma_version_tag = from->ma_version_tag;
  to->ma_keys = own;
  to->ma_values = nullptr;
  if (owner == nullptr || is_static_builtin(owner)) dict_seal(copy);
  return copy;
}

namespace {

Status ready_from_spec(ThreadState& ts, PyTypeObject* type, const TypeSpec& spec) {
  if (spec.attributes != nullptr) {
    type->tp_dict = dict_new(ts).release();
    if (type->tp_dict == nullptr) return Status::kError;
    for (const TypeAttribute* a = spec.attributes; a->name != nullptr; ++a) {
      PyObject* name = str_immortal(a->name);
      if (name == nullptr || failed(dict_set(ts, type->tp_dict, name, a->value))) return Status::kError;
    }
  }
  return type_ready(ts, type);
}

}  // namespace

Status static_type_ready(ThreadState& ts, PyTypeObject* type, const TypeSpec& spec) {
  if (failed(fill_from_spec(type, spec))) return Status::kError;
  return ready_from_spec(ts, type, spec);
}

Status sealed_type_prepare(PyTypeObject* type) { return register_type(type); }

Status static_types_init(ThreadState& ts) {
  for (const StaticRow& row : kRows) {
    if (failed(fill_from_spec(row.type, *row.spec))) return Status::kError;
  }
  if (failed(slot_rows_bringup())) return Status::kError;
  for (const StaticRow& row : kRows) {
    if (failed(ready_from_spec(ts, row.type, *row.spec))) return Status::kError;
  }
  return static_structs_init(ts);
}

}  // namespace atl
