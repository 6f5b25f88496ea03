// Heap types from tables of slots (PyType_FromSpec and its kind), and what C code asks of types.
#include <cstring>
#include <string>

#include "Objects/dict/dict.h"
#include "Objects/module.h"
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "structmember.h"

namespace atl {

namespace {

// ORDER: numbers of typeslots.h. Offset of each slot from the start of PyHeapTypeObject; 0: not a field.
constexpr size_t kHeapAsync = offsetof(PyHeapTypeObject, as_async);
constexpr size_t kHeapNumber = offsetof(PyHeapTypeObject, as_number);
constexpr size_t kHeapMapping = offsetof(PyHeapTypeObject, as_mapping);
constexpr size_t kHeapSequence = offsetof(PyHeapTypeObject, as_sequence);
constexpr size_t kHeapBuffer = offsetof(PyHeapTypeObject, as_buffer);

struct SlotOffsets {
  uint16_t of[Py_am_send + 1];
};
constexpr SlotOffsets make_offsets() {
  SlotOffsets t{};
#define BF(f) t.of[Py_##f] = static_cast<uint16_t>(kHeapBuffer + offsetof(PyBufferProcs, f));
#define MP(f) t.of[Py_##f] = static_cast<uint16_t>(kHeapMapping + offsetof(PyMappingMethods, f));
#define NB(f) t.of[Py_##f] = static_cast<uint16_t>(kHeapNumber + offsetof(PyNumberMethods, f));
#define SQ(f) t.of[Py_##f] = static_cast<uint16_t>(kHeapSequence + offsetof(PySequenceMethods, f));
#define AM(f) t.of[Py_##f] = static_cast<uint16_t>(kHeapAsync + offsetof(PyAsyncMethods, f));
#define TP(f) t.of[Py_##f] = static_cast<uint16_t>(offsetof(PyTypeObject, f));
  BF(bf_getbuffer) BF(bf_releasebuffer)
  MP(mp_ass_subscript) MP(mp_length) MP(mp_subscript)
  NB(nb_absolute) NB(nb_add) NB(nb_and) NB(nb_bool) NB(nb_divmod) NB(nb_float) NB(nb_floor_divide) NB(nb_index)
  NB(nb_inplace_add) NB(nb_inplace_and) NB(nb_inplace_floor_divide) NB(nb_inplace_lshift) NB(nb_inplace_multiply)
  NB(nb_inplace_or) NB(nb_inplace_power) NB(nb_inplace_remainder) NB(nb_inplace_rshift) NB(nb_inplace_subtract)
  NB(nb_inplace_true_divide) NB(nb_inplace_xor) NB(nb_int) NB(nb_invert) NB(nb_lshift) NB(nb_multiply) NB(nb_negative)
  NB(nb_or) NB(nb_positive) NB(nb_power) NB(nb_remainder) NB(nb_rshift) NB(nb_subtract) NB(nb_true_divide) NB(nb_xor)
  NB(nb_matrix_multiply) NB(nb_inplace_matrix_multiply)
  SQ(sq_ass_item) SQ(sq_concat) SQ(sq_contains) SQ(sq_inplace_concat) SQ(sq_inplace_repeat) SQ(sq_item) SQ(sq_length)
  SQ(sq_repeat)
  AM(am_await) AM(am_aiter) AM(am_anext) AM(am_send)
  TP(tp_alloc) TP(tp_base) TP(tp_bases) TP(tp_call) TP(tp_clear) TP(tp_dealloc) TP(tp_del) TP(tp_descr_get)
  TP(tp_descr_set) TP(tp_doc) TP(tp_getattr) TP(tp_getattro) TP(tp_hash) TP(tp_init) TP(tp_is_gc) TP(tp_iter)
  TP(tp_iternext) TP(tp_methods) TP(tp_new) TP(tp_repr) TP(tp_richcompare) TP(tp_setattr) TP(tp_setattro) TP(tp_str)
  TP(tp_traverse) TP(tp_members) TP(tp_getset) TP(tp_free) TP(tp_finalize)
#undef BF
#undef MP
#undef NB
#undef SQ
#undef AM
#undef TP
  return t;
}
constexpr SlotOffsets kSlotOffsets = make_offsets();

// What the table says about the whole type.
struct SpecFacts {
  Py_ssize_t members = 0;
  Py_ssize_t weaklist_offset = 0, dict_offset = 0, vectorcall_offset = 0;
  PyTypeObject* base = nullptr;
  PyObject* bases = nullptr;
};

Status read_facts(ThreadState& ts, const PyType_Spec* spec, SpecFacts* facts) {
  for (const PyType_Slot* s = spec->slots; s->slot != 0; ++s) {
    if (s->slot < 0 || s->slot > Py_am_send) return raise(ts, PyExc_RuntimeError, "invalid slot offset");
    if (s->slot == Py_tp_base) facts->base = static_cast<PyTypeObject*>(s->pfunc);
    if (s->slot == Py_tp_bases) facts->bases = static_cast<PyObject*>(s->pfunc);
    if (s->slot != Py_tp_members) continue;
    for (auto* m = static_cast<const PyMemberDef*>(s->pfunc); m->name != nullptr; ++m) {
      ++facts->members;
      if (std::strcmp(m->name, "__weaklistoffset__") == 0) facts->weaklist_offset = m->offset;
      if (std::strcmp(m->name, "__dictoffset__") == 0) facts->dict_offset = m->offset;
      if (std::strcmp(m->name, "__vectorcalloffset__") == 0) facts->vectorcall_offset = m->offset;
    }
  }
  return Status::kOk;
}

Ref<> bases_of_spec(ThreadState& ts, const SpecFacts& facts, PyObject* bases) {
  if (bases == nullptr) {
    if (facts.bases != nullptr) return dup(facts.bases);
    return tuple_of(ts, obj(facts.base != nullptr ? facts.base : &PyBaseObject_Type));
  }
  if (is_tuple(bases)) return dup(bases);
  return tuple_of(ts, bases);
}

Status copy_doc(ThreadState& ts, PyTypeObject* type, const char* doc) {
  if (doc == nullptr) {
    type->tp_doc = nullptr;
    return Status::kOk;
  }
  size_t n = std::strlen(doc) + 1;
  auto* copy = static_cast<char*>(PyObject_Malloc(n));
  if (copy == nullptr) return raise_memory(ts);
  std::memcpy(copy, doc, n);
  type->tp_doc = copy;
  return Status::kOk;
}

Status fill_slots(ThreadState& ts, PyTypeObject* type, const PyType_Spec* spec) {
  for (const PyType_Slot* s = spec->slots; s->slot != 0; ++s) {
    if (s->slot == Py_tp_base || s->slot == Py_tp_bases) continue;  // in the type already
    if (s->slot == Py_tp_doc) {
      if (failed(copy_doc(ts, type, static_cast<const char*>(s->pfunc)))) return Status::kError;
      continue;
    }
    if (s->slot == Py_tp_members) {
      // A copy behind the type lives as long as the type.
      Py_ssize_t n = reinterpret_cast<PyVarObject*>(type)->ob_size;
      std::memcpy(heap_type_members(type), s->pfunc, static_cast<size_t>(n) * sizeof(PyMemberDef));
      type->tp_members = heap_type_members(type);
      continue;
    }
    *reinterpret_cast<void**>(reinterpret_cast<char*>(type) + kSlotOffsets.of[s->slot]) = s->pfunc;
  }
  return Status::kOk;
}

Ref<> from_spec(ThreadState& ts, PyTypeObject* metatype, PyObject* module, const PyType_Spec* spec, PyObject* given_bases) {
  SpecFacts facts;
  if (failed(read_facts(ts, spec, &facts))) return {};
  if (spec->name == nullptr) return raise(ts, PyExc_SystemError, "Type spec does not define the name field.");
  Ref<> bases = bases_of_spec(ts, facts, given_bases);
  if (!bases) return {};
  PyTypeObject* base = best_base(ts, bases.get());
  if (base == nullptr) return {};
  if (!(base->tp_flags & Py_TPFLAGS_BASETYPE)) {
    return raise(ts, PyExc_TypeError, "type '%.100s' is not an acceptable base type", base->tp_name);
  }

  Ref<PyTypeObject> held = Ref<>::steal(metatype->tp_alloc(metatype, facts.members)).cast<PyTypeObject>();
  if (!held) return {};
  PyTypeObject* type = held.get();
  PyHeapTypeObject* h = as_heap_type(type);
  type->tp_flags = (static_cast<unsigned long>(spec->flags) & ~(kTypeStaticBuiltin | kTypeShaped)) | Py_TPFLAGS_HEAPTYPE;
  if (failed(type_make_record(ts, type))) return {};

  size_t name_size = std::strlen(spec->name) + 1;
  h->_ht_tpname = static_cast<char*>(PyMem_Malloc(name_size));
  if (h->_ht_tpname == nullptr) return raise_memory(ts);
  std::memcpy(h->_ht_tpname, spec->name, name_size);
  type->tp_name = h->_ht_tpname;
  Ref<> name = str_from_utf8(ts, std::string_view(type_short_name(type)));
  if (!name) return {};
  h->ht_name = name.dup().release();
  h->ht_qualname = name.release();
  h->ht_module = module;
  xincref(module);

  type->tp_as_async = &h->as_async;
  type->tp_as_number = &h->as_number;
  type->tp_as_sequence = &h->as_sequence;
  type->tp_as_mapping = &h->as_mapping;
  type->tp_as_buffer = &h->as_buffer;
  type->tp_base = new_ref(base);
  type->tp_bases = bases.release();
  type->tp_basicsize = spec->basicsize;
  type->tp_itemsize = spec->itemsize;
  if (failed(fill_slots(ts, type, spec))) return {};
  if (type->tp_dealloc == nullptr) {
    // As for classes written in Python: the base's deallocator, and the count on the type.
    type->tp_dealloc = subtype_dealloc;
    if ((base->tp_flags & Py_TPFLAGS_HAVE_GC) && type->tp_traverse == nullptr && type->tp_clear == nullptr) {
      type->tp_flags |= Py_TPFLAGS_HAVE_GC;
      type->tp_traverse = subtype_traverse;
      type->tp_clear = subtype_clear;
      if (type->tp_free == nullptr) type->tp_free = PyObject_GC_Del;
    }
  }
  if (facts.vectorcall_offset != 0) type->tp_vectorcall_offset = facts.vectorcall_offset;
  type->tp_weaklistoffset = facts.weaklist_offset;
  type->tp_dictoffset = facts.dict_offset;
  if (failed(type_ready(ts, type))) return {};
  if (is_shaped(type) && type->tp_itemsize == 0 && type_record(type)->shapes == nullptr) {
    type_record(type)->shapes = shape_table_new(ts);
    if (type_record(type)->shapes == nullptr) return {};
  }

  Tri has_module = dict_contains(ts, type->tp_dict, ID(__module__));
  if (failed(has_module)) return {};
  if (has_module == Tri::kFalse) {
    if (const char* dot = std::strrchr(spec->name, '.')) {
      Ref<> text = str_from_utf8(ts, std::string_view(spec->name, static_cast<size_t>(dot - spec->name)));
      if (!text || failed(dict_set(ts, type->tp_dict, ID(__module__), text.get()))) return {};
    } else if (failed(warn(ts, PyExc_DeprecationWarning, 1, "builtin type %.200s has no __module__ attribute", spec->name))) {
      return {};
    }
  }
  type_refresh_record_flags(type);
  return held;
}

}  // namespace
}  // namespace atl

using namespace atl;

PyObject* PyType_FromModuleAndSpec(PyObject* module, PyType_Spec* spec, PyObject* bases) {
  return from_spec(current_thread(), &PyType_Type, module, spec, bases).release();
}
PyObject* PyType_FromSpecWithBases(PyType_Spec* spec, PyObject* bases) { return PyType_FromModuleAndSpec(nullptr, spec, bases); }
PyObject* PyType_FromSpec(PyType_Spec* spec) { return PyType_FromModuleAndSpec(nullptr, spec, nullptr); }

void* PyType_GetSlot(PyTypeObject* type, int slot) {
  ThreadState& ts = current_thread();
  if (slot < 0 || slot > Py_am_send) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  size_t offset = kSlotOffsets.of[slot];
  if (offset == 0) return nullptr;
  if (offset >= kHeapBuffer) {
    auto* suite = reinterpret_cast<char*>(type->tp_as_buffer);
    return suite == nullptr ? nullptr : *reinterpret_cast<void**>(suite + (offset - kHeapBuffer));
  }
  void** field = slot_field(type, static_cast<int>(offset));
  return field == nullptr ? nullptr : *field;
}

unsigned long PyType_GetFlags(PyTypeObject* type) { return type->tp_flags; }

PyObject* PyType_GetModule(PyTypeObject* type) {
  ThreadState& ts = current_thread();
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
    return raise(ts, PyExc_TypeError, "PyType_GetModule: Type '%s' is not a heap type", type->tp_name);
  }
  PyObject* module = as_heap_type(type)->ht_module;
  if (module == nullptr) {
    return raise(ts, PyExc_TypeError, "PyType_GetModule: Type '%s' has no associated module", type->tp_name);
  }
  return module;
}

void* PyType_GetModuleState(PyTypeObject* type) {
  PyObject* module = PyType_GetModule(type);
  return module == nullptr ? nullptr : PyModule_GetState(module);
}

PyObject* PyType_GetModuleByDef(PyTypeObject* type, PyModuleDef* def) {
  ThreadState& ts = current_thread();
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro != nullptr && i < tuple_size(mro); ++i) {
    auto* t = reinterpret_cast<PyTypeObject*>(tuple_peek(mro, i));
    if (!(t->tp_flags & Py_TPFLAGS_HEAPTYPE)) continue;
    PyObject* module = as_heap_type(t)->ht_module;
    if (module != nullptr && is_module(module) && reinterpret_cast<atl::PyModuleObject*>(module)->md_def == def) return module;
  }
  return raise(ts, PyExc_TypeError, "PyType_GetModuleByDef: No superclass of '%s' has the given module", type->tp_name);
}

PyObject* PyType_GetName(PyTypeObject* type) {
  ThreadState& ts = current_thread();
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) return new_ref(as_heap_type(type)->ht_name);
  return str_interned(ts, type_short_name(type)).release();
}
PyObject* PyType_GetQualName(PyTypeObject* type) { return type_qualname(current_thread(), type).release(); }
const char* _PyType_Name(PyTypeObject* type) { return type_short_name(type); }
