// Specialisation: a generic instruction looks at what it is given and, where there is a faster form whose guards would
// hold now, is rewritten in this interpreter's copy. A guard that fails writes the generic word back.
#include "structmember.h"

#include "Objects/descr/descr.h"
#include "Objects/module.h"
#include "Python/vm/internal.h"

namespace atl {

namespace {

void rewrite(const uint64_t* pc, Opcode op) {
  auto* word = const_cast<uint64_t*>(pc);
  *word = (*word & ~uint64_t{0xffff}) | static_cast<uint16_t>(op);
}

uint8_t& heat_of(CodeObject* code, const uint64_t* pc) { return code->heat[pc - code->words]; }
bool cold(CodeObject* code, const uint64_t* pc) { return heat_of(code, pc) < kHeatLimit; }

int operand_c(uint64_t w) { return static_cast<int16_t>(static_cast<int64_t>(w) >> 48); }

// What a generic arithmetic row becomes for two ints, two floats, two strs. kNop: nothing.
struct ArithForms {
  Opcode ints;
  Opcode int_immediate;
  Opcode floats;
  Opcode strs;
};

ArithForms arith_forms(Opcode op) {
  switch (op) {
#define FORMS(Op)                                                                                                    \
  case Opcode::k##Op##RR:                                                                                            \
    return {Opcode::k##Op##RRInt, Opcode::kNop, Opcode::k##Op##RRFloat, Opcode::kNop};                               \
  case Opcode::k##Op##RK:                                                                                            \
    return {Opcode::kNop, Opcode::k##Op##RIInt, Opcode::k##Op##RKFloat, Opcode::kNop};                               \
  case Opcode::k##Op##KR:                                                                                            \
    return {Opcode::kNop, Opcode::kNop, Opcode::k##Op##KRFloat, Opcode::kNop};                                       \
  case Opcode::kI##Op##RK:                                                                                           \
    return {Opcode::kNop, Opcode::kI##Op##RIInt, Opcode::kI##Op##RKFloat, Opcode::kNop};
    FORMS(Sub)
    FORMS(Mul)
#undef FORMS
    case Opcode::kISubRR:
      return {Opcode::kISubRRInt, Opcode::kNop, Opcode::kISubRRFloat, Opcode::kNop};
    case Opcode::kIMulRR:
      return {Opcode::kIMulRRInt, Opcode::kNop, Opcode::kIMulRRFloat, Opcode::kNop};
    case Opcode::kAddRR:
      return {Opcode::kAddRRInt, Opcode::kNop, Opcode::kAddRRFloat, Opcode::kAddRRStr};
    case Opcode::kAddRK:
      return {Opcode::kNop, Opcode::kAddRIInt, Opcode::kAddRKFloat, Opcode::kNop};
    case Opcode::kAddKR:
      return {Opcode::kNop, Opcode::kNop, Opcode::kAddKRFloat, Opcode::kNop};
    case Opcode::kIAddRR:
      return {Opcode::kIAddRRInt, Opcode::kNop, Opcode::kIAddRRFloat, Opcode::kIAddRRStr};
    case Opcode::kIAddRK:
      return {Opcode::kNop, Opcode::kIAddRIInt, Opcode::kIAddRKFloat, Opcode::kNop};
    case Opcode::kTrueDivRR:
      return {Opcode::kNop, Opcode::kNop, Opcode::kTrueDivRRFloat, Opcode::kNop};
    case Opcode::kTrueDivRK:
      return {Opcode::kNop, Opcode::kNop, Opcode::kTrueDivRKFloat, Opcode::kNop};
    case Opcode::kTrueDivKR:
      return {Opcode::kNop, Opcode::kNop, Opcode::kTrueDivKRFloat, Opcode::kNop};
#define INTS(Op)                                                                     \
  case Opcode::k##Op##RR:                                                            \
    return {Opcode::k##Op##RRInt, Opcode::kNop, Opcode::kNop, Opcode::kNop};         \
  case Opcode::k##Op##RK:                                                            \
    return {Opcode::kNop, Opcode::k##Op##RIInt, Opcode::kNop, Opcode::kNop};         \
  case Opcode::kI##Op##RR:                                                           \
    return {Opcode::k##Op##RRInt, Opcode::kNop, Opcode::kNop, Opcode::kNop};         \
  case Opcode::kI##Op##RK:                                                           \
    return {Opcode::kNop, Opcode::k##Op##RIInt, Opcode::kNop, Opcode::kNop};
    INTS(FloorDiv)
    INTS(Mod)
    INTS(And)
    INTS(Or)
    INTS(Xor)
    INTS(LShift)
    INTS(RShift)
#undef INTS
    default:
      return {Opcode::kNop, Opcode::kNop, Opcode::kNop, Opcode::kNop};
  }
}

bool fits_immediate(PyObject* o) {
  return is_exact_int(o) && int_is_compact(o) && int_compact_value(o) >= INT16_MIN && int_compact_value(o) <= INT16_MAX;
}

void rewrite_immediate(const uint64_t* pc, Opcode op, PyObject* constant) {
  auto* word = const_cast<uint64_t*>(pc);
  auto value = static_cast<uint16_t>(static_cast<int16_t>(int_compact_value(constant)));
  *word = (*word & 0x0000ffffffff0000ull) | static_cast<uint16_t>(op) | static_cast<uint64_t>(value) << 48;
}

}  // namespace

void despecialise(CodeObject* code, const uint64_t* pc) {
  size_t at = static_cast<size_t>(pc - code->words);
  uint64_t generic = code->image->words[at];
  // Return of generators is quickened for good when the copy is made; it has no guards and never comes here.
  const_cast<uint64_t*>(pc)[0] = generic;
  uint8_t& heat = code->heat[at];
  if (heat < 255) ++heat;
  // Caches are zeroed, so that the generic handler may try again, unless the site flips too often.
  unsigned cache = kOpInfo[generic & 0xffff].cache;
  for (unsigned i = 0; i < cache; ++i) const_cast<uint64_t*>(pc)[1 + i] = heat < kHeatLimit ? 0 : UINT64_MAX;
}

bool specialise_binary(CodeObject* code, const uint64_t* pc, PyObject* a, PyObject* b) {
  if (!cold(code, pc)) return false;
  ArithForms f = arith_forms(static_cast<Opcode>(*pc & 0xffff));
  Opcode to = Opcode::kNop;
  if (is_exact_int(a) && is_exact_int(b)) {
    if (f.int_immediate != Opcode::kNop && fits_immediate(b)) {
      rewrite_immediate(pc, f.int_immediate, b);
      return true;
    }
    to = f.ints;
  } else if (is_exact_float(a) && is_exact_float(b)) {
    if (float_value(b) == 0.0 && (f.floats == Opcode::kTrueDivRRFloat || f.floats == Opcode::kTrueDivRKFloat ||
                                  f.floats == Opcode::kTrueDivKRFloat)) {
      return false;
    }
    to = f.floats;
  } else if (is_exact_str(a) && is_exact_str(b)) {
    to = f.strs;
  }
  if (to == Opcode::kNop) return false;
  rewrite(pc, to);
  return true;
}

bool specialise_compare(CodeObject* code, const uint64_t* pc, PyObject* a, PyObject* b) {
  if (!cold(code, pc)) return false;
  auto op = static_cast<Opcode>(*pc & 0xffff);
  // Rows come in the order RR, RK, JT RR, JT RK, JF RR, JF RK for each comparison; their forms likewise.
  int index = static_cast<int>(op) - static_cast<int>(Opcode::kLtRR);
  int compare = index / 6;
  int row = index % 6;
  constexpr int kFormsPerCompare = 10;
  int forms = static_cast<int>(Opcode::kLtRRInt) + compare * kFormsPerCompare;
  bool constant = row % 2 == 1;
  if (is_exact_int(a) && is_exact_int(b)) {
    if (constant) {
      if (!fits_immediate(b)) return false;
      rewrite_immediate(pc, static_cast<Opcode>(forms + row), b);
    } else {
      rewrite(pc, static_cast<Opcode>(forms + row));
    }
    return true;
  }
  if (is_exact_float(a) && is_exact_float(b) && row >= 2) {
    rewrite(pc, static_cast<Opcode>(forms + 6 + (row - 2)));
    return true;
  }
  if (is_exact_str(a) && is_exact_str(b)) {
    switch (op) {
      case Opcode::kJTEqRR:
        rewrite(pc, Opcode::kJTEqRRStr);
        return true;
      case Opcode::kJTEqRK:
        rewrite(pc, Opcode::kJTEqRKStr);
        return true;
      case Opcode::kJFEqRR:
        rewrite(pc, Opcode::kJFEqRRStr);
        return true;
      case Opcode::kJFEqRK:
        rewrite(pc, Opcode::kJFEqRKStr);
        return true;
      default:
        return false;
    }
  }
  return false;
}

bool specialise_get_global(ThreadState& ts, Slot* base, const uint64_t* pc, PyObject* name) {
  CodeObject* code = frame_code(base);
  if (!cold(code, pc)) return false;
  PyFunctionObject* f = frame_function(base);
  if (!is_exact_dict(f->func_globals) || !is_exact_dict(f->func_builtins)) return false;
  uint32_t globals_version = dict_keys_version(ts, f->func_globals);
  if (globals_version == 0) return false;
  CacheWord* c = cache_of(pc);
  Py_ssize_t i = dict_str_index(f->func_globals, name);
  // An entry that is to be made is cached once it has been read.
  if (dict_is_unmade(i >= 0 ? f->func_globals : f->func_builtins, name)) return false;
  if (i >= 0) {
    c->keys_version = globals_version;
    c->index = static_cast<uint32_t>(i);
    rewrite(pc, Opcode::kGetGlobalModule);
    return true;
  }
  i = dict_str_index(f->func_builtins, name);
  if (i < 0 || i > UINT16_MAX) return false;
  uint16_t builtins_version = dict_keys_builtins_version(ts, f->func_builtins);
  if (builtins_version == 0) return false;
  // A dict may be both; then its number has just changed.
  if (f->func_builtins == f->func_globals) return false;
  c->version = globals_version;
  c->shape = builtins_version;
  c->slot = static_cast<uint16_t>(i);
  rewrite(pc, Opcode::kGetGlobalBuiltin);
  return true;
}

namespace {

enum class Found { kNothing, kDataDescriptor, kOther };

Found classify(PyObject* descr) {
  if (descr == nullptr) return Found::kNothing;
  return descr->ob_type->tp_descr_set != nullptr ? Found::kDataDescriptor : Found::kOther;
}

bool is_simple_getter(PyObject* f) {
  if (f == nullptr || !is_function(f)) return false;
  CodeObject* code = function_code(as_function(f));
  return code->simple && code->argcount == 1;
}

// A __slots__ member that holds an object.
bool object_member_offset(PyTypeObject* type, PyObject* descr, Py_ssize_t* offset) {
  if (!is_exact(descr, &PyMemberDescr_Type)) return false;
  auto* d = reinterpret_cast<PyMemberDescrObject*>(descr);
  if (d->d_member->type != T_OBJECT_EX || (d->d_member->flags & READONLY)) return false;
  if (!is_subtype(type, d->d_common.d_type) || d->d_member->offset % 8 != 0) return false;
  *offset = d->d_member->offset / 8;
  return *offset <= UINT16_MAX;
}

bool specialise_module_attr(ThreadState& ts, const uint64_t* pc, PyObject* o, PyObject* name, Opcode to) {
  PyObject* d = module_dict(o);
  if (d == nullptr || !is_exact_dict(d)) return false;
  uint32_t version = dict_keys_version(ts, d);
  Py_ssize_t i = dict_str_index(d, name);
  if (version == 0 || i < 0 || dict_is_unmade(d, name)) return false;
  CacheWord* c = cache_of(pc);
  c->keys_version = version;
  c->index = static_cast<uint32_t>(i);
  rewrite(pc, to);
  return true;
}

// A class whose slots never change: what is (not) a descriptor now stays so.
bool is_fixed_type(PyTypeObject* t) {
  return !(t->tp_flags & Py_TPFLAGS_HEAPTYPE) || (t->tp_flags & Py_TPFLAGS_IMMUTABLETYPE);
}

// The class attribute that `o.name` gives for a class o, when the metaclass plays no part; the versions of both are what
// the cache depends on. Whether the value's class is a descriptor is asked again at each use. Borrowed or NULL.
PyObject* class_attribute(ThreadState& ts, PyObject* o, PyObject* name, CacheWord* cache) {
  auto* type = reinterpret_cast<PyTypeObject*>(o);
  PyTypeObject* metatype = o->ob_type;
  if (metatype->tp_getattro != PyType_Type.tp_getattro) return nullptr;
  PyObject* meta = type_peek_lookup(ts, metatype, name);
  if (meta != nullptr) {
    PyTypeObject* t = meta->ob_type;
    if (!is_fixed_type(t) || (t->tp_descr_get != nullptr && t->tp_descr_set != nullptr)) return nullptr;
  }
  PyObject* v = type_peek_lookup(ts, type, name);
  if (v == nullptr || !stands_for_itself(v)) return nullptr;
  uint32_t version = type_version(ts, type);
  uint32_t meta_version = type_version(ts, metatype);
  if (version == 0 || meta_version == 0) return nullptr;
  cache[0].keys_version = version;
  cache[0].index = meta_version;
  cache[1].object = v;
  return v;
}

}  // namespace

bool specialise_get_attr(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* o, PyObject* name) {
  if (!cold(code, pc)) return false;
  PyTypeObject* type = o->ob_type;
  CacheWord* c = cache_of(pc);
  if (is_exact(o, &PyModule_Type)) return specialise_module_attr(ts, pc, o, name, Opcode::kGetAttrModule);
  if (PyType_Check(o)) {
    if (class_attribute(ts, o, name, c) == nullptr) return false;
    rewrite(pc, Opcode::kGetAttrType);
    return true;
  }
  if (type->tp_getattro != PyObject_GenericGetAttr) return false;
  uint32_t version = type_version(ts, type);
  if (version == 0) return false;
  PyObject* descr = type_peek_lookup(ts, type, name);
  switch (classify(descr)) {
    case Found::kDataDescriptor: {
      Py_ssize_t offset;
      if (object_member_offset(type, descr, &offset)) {
        c->version = version;
        c->shape = 0;
        c->slot = static_cast<uint16_t>(offset);
        rewrite(pc, Opcode::kGetAttrMember);
        return true;
      }
      if (is_exact(descr, &PyProperty_Type) && is_simple_getter(reinterpret_cast<PropertyObject*>(descr)->get)) {
        c->version = version;
        c[1].object = reinterpret_cast<PropertyObject*>(descr)->get;
        rewrite(pc, Opcode::kGetAttrProperty);
        return true;
      }
      return false;
    }
    case Found::kNothing:
    case Found::kOther:
      break;
  }
  if (!is_shaped(type)) return false;
  InstanceHead* head = instance_head(o);
  if (head->shape == kNoShape) return false;
  TypeRecord* record = type_record(type);
  if (record == nullptr || record->shapes == nullptr) return false;
  int slot = shape_find(record->shapes, head->shape, name);
  if (slot >= 0) {
    if (descr != nullptr && !is_fixed_type(descr->ob_type)) return false;  // may become a data descriptor
    size_t word = static_cast<size_t>(type->tp_basicsize) / 8 + static_cast<size_t>(slot);
    if (word > UINT16_MAX) return false;
    c->version = version;
    c->shape = head->shape;
    c->slot = static_cast<uint16_t>(word);
    rewrite(pc, Opcode::kGetAttrSlot);
    return true;
  }
  if (descr != nullptr && descr->ob_type->tp_descr_get == nullptr) {
    c->version = version;
    c->shape = head->shape;
    c[1].object = descr;
    rewrite(pc, Opcode::kGetAttrClassValue);
    return true;
  }
  return false;
}

bool specialise_set_attr(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* o, PyObject* name) {
  if (!cold(code, pc)) return false;
  PyTypeObject* type = o->ob_type;
  if (type->tp_setattro != PyObject_GenericSetAttr) return false;
  uint32_t version = type_version(ts, type);
  if (version == 0) return false;
  bool constant = static_cast<Opcode>(*pc & 0xffff) == Opcode::kSetAttrK;
  CacheWord* c = cache_of(pc);
  PyObject* descr = type_peek_lookup(ts, type, name);
  if (classify(descr) == Found::kDataDescriptor) {
    Py_ssize_t offset;
    if (constant || !object_member_offset(type, descr, &offset)) return false;
    c->version = version;
    c->slot = static_cast<uint16_t>(offset);
    rewrite(pc, Opcode::kSetAttrMember);
    return true;
  }
  if (!is_shaped(type)) return false;
  if (descr != nullptr && !is_fixed_type(descr->ob_type)) return false;  // may become a data descriptor
  InstanceHead* head = instance_head(o);
  TypeRecord* record = type_record(type);
  if (head->shape == kNoShape || record == nullptr || record->shapes == nullptr) return false;
  int slot = shape_find(record->shapes, head->shape, name);
  size_t first = static_cast<size_t>(type->tp_basicsize) / 8;
  if (slot >= 0) {
    if (first + static_cast<size_t>(slot) > UINT16_MAX) return false;
    c->version = version;
    c->shape = head->shape;
    c->slot = static_cast<uint16_t>(first + static_cast<size_t>(slot));
    rewrite(pc, constant ? Opcode::kSetAttrKSlot : Opcode::kSetAttrSlot);
    return true;
  }
  uint16_t next = shape_add(record->shapes, head->shape, name);
  if (next == kNoShape) return false;
  uint32_t index = record->shapes->shapes[next].size - 1u;
  if (index >= head->capacity || first + index > UINT16_MAX) return false;
  c->version = version;
  c->shape = head->shape;
  c->slot = static_cast<uint16_t>(first + index);
  c[1].all = 0;
  c[1].version = index;
  c[1].shape = next;
  rewrite(pc, constant ? Opcode::kSetAttrKSlotNew : Opcode::kSetAttrSlotNew);
  return true;
}

bool specialise_get_method(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* o, PyObject* name) {
  if (!cold(code, pc)) return false;
  PyTypeObject* type = o->ob_type;
  CacheWord* c = cache_of(pc);
  if (is_exact(o, &PyModule_Type)) return specialise_module_attr(ts, pc, o, name, Opcode::kGetMethodModule);
  if (PyType_Check(o)) {
    if (class_attribute(ts, o, name, c) == nullptr) return false;
    rewrite(pc, Opcode::kGetMethodType);
    return true;
  }
  if (type->tp_getattro != PyObject_GenericGetAttr) return false;
  PyObject* descr = type_peek_lookup(ts, type, name);
  if (descr == nullptr || !(descr->ob_type->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR)) return false;
  uint32_t version = type_version(ts, type);
  if (version == 0) return false;
  if (is_shaped(type)) {
    InstanceHead* head = instance_head(o);
    TypeRecord* record = type_record(type);
    if (head->shape == kNoShape || record == nullptr || record->shapes == nullptr) return false;
    if (shape_find(record->shapes, head->shape, name) >= 0) return false;
    c->shape = head->shape;
  } else if (type->tp_dictoffset != 0) {
    return false;
  }
  c->version = version;
  c[1].object = descr;
  rewrite(pc, is_shaped(type) ? Opcode::kGetMethodShape : Opcode::kGetMethodPlain);
  return true;
}

bool specialise_item(CodeObject* code, const uint64_t* pc, PyObject* o, PyObject* key) {
  if (!cold(code, pc)) return false;
  auto op = static_cast<Opcode>(*pc & 0xffff);
  bool get = op == Opcode::kGetItem || op == Opcode::kGetItemK;
  bool constant = op == Opcode::kGetItemK || op == Opcode::kSetItemK;
  if (is_exact_dict(o)) {
    rewrite(pc, get ? (constant ? Opcode::kGetItemKDict : Opcode::kGetItemDict)
                    : (constant ? Opcode::kSetItemKDict : Opcode::kSetItemDict));
    return true;
  }
  if (!is_exact_int(key) || !int_is_compact(key)) return false;
  Py_ssize_t i = int_compact_value(key);
  auto in = [&](Py_ssize_t n) { return i < n && i >= -n; };
  if (is_exact_list(o)) {
    if (!in(list_size(o))) return false;
    rewrite(pc, get ? (constant ? Opcode::kGetItemKListInt : Opcode::kGetItemListInt)
                    : (constant ? Opcode::kSetItemKListInt : Opcode::kSetItemListInt));
    return true;
  }
  if (!get) return false;
  if (is_exact_tuple(o)) {
    if (!in(tuple_size(o))) return false;
    rewrite(pc, constant ? Opcode::kGetItemKTupleInt : Opcode::kGetItemTupleInt);
    return true;
  }
  if (is_exact_str(o) && !constant && in(str_length(o)) && str_kind(o) == 1) {
    rewrite(pc, Opcode::kGetItemStrInt);
    return true;
  }
  return false;
}

bool specialise_iter(CodeObject* code, const uint64_t* pc, PyObject* it) {
  if (!cold(code, pc)) return false;
  Opcode to;
  if (is_exact(it, &PyListIter_Type)) {
    to = Opcode::kForIterList;
  } else if (is_exact(it, &PyTupleIter_Type)) {
    to = Opcode::kForIterTuple;
  } else if (is_exact(it, &PyRangeIter_Type)) {
    to = Opcode::kForIterRange;
  } else if (is_exact(it, &PyGen_Type)) {
    int8_t state = as_gen(it)->gi_frame_state;
    if (state != kGenSuspended && state != kGenCreated) return false;
    to = Opcode::kForIterGen;
  } else {
    return false;
  }
  rewrite(pc, to);
  return true;
}

bool specialise_unpack(CodeObject* code, const uint64_t* pc, PyObject* o) {
  if (!cold(code, pc)) return false;
  int n = operand_c(*pc);
  if (is_exact_tuple(o) && tuple_size(o) == n) {
    rewrite(pc, Opcode::kUnpackTuple);
    return true;
  }
  if (is_exact_list(o) && list_size(o) == n) {
    rewrite(pc, Opcode::kUnpackList);
    return true;
  }
  return false;
}

namespace {

// How many of the missing positional parameters the defaults cover; the code must be simple.
bool call_form(PyFunctionObject* f, Py_ssize_t given, bool* defaults) {
  CodeObject* code = function_code(f);
  if (!code->simple || code->words == nullptr) return false;
  if (given == static_cast<Py_ssize_t>(code->argcount)) {
    *defaults = false;
    return true;
  }
  if (given > static_cast<Py_ssize_t>(code->argcount) || f->func_defaults == nullptr) return false;
  if (given + tuple_size(f->func_defaults) < static_cast<Py_ssize_t>(code->argcount)) return false;
  *defaults = true;
  return true;
}

// A class that object.__new__ instantiates and a Python function initialises. Its abstractness is part of its version.
bool specialise_class_call(ThreadState& ts, const uint64_t* pc, PyTypeObject* type, Py_ssize_t n) {
  if (obj(type)->ob_type->tp_call != PyType_Type.tp_call) return false;
  if (type->tp_new != PyBaseObject_Type.tp_new || type->tp_alloc != PyType_GenericAlloc || type->tp_itemsize != 0) return false;
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || (type->tp_flags & Py_TPFLAGS_IS_ABSTRACT)) return false;
  PyObject* init = type_peek_lookup(ts, type, ID(__init__));
  bool defaults;
  if (init == nullptr || !is_function(init) || !call_form(as_function(init), n + 1, &defaults)) return false;
  uint32_t version = type_version(ts, type);
  uint32_t function = function_version(ts, as_function(init));
  if (version == 0 || function == 0) return false;
  CacheWord* c = cache_of(pc);
  c->keys_version = version;
  c->index = function;
  c[1].object = init;
  rewrite(pc, Opcode::kCallClass);
  return true;
}

bool is_builtin_named(ThreadState& ts, PyObject* callable, const char* name) {
  PyObject* v = PyDict_GetItemString(ts.interpreter().builtins, name);
  return v == callable;
}

}  // namespace

bool specialise_call(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* callable, Py_ssize_t n) {
  if (!cold(code, pc)) return false;
  CacheWord* c = cache_of(pc);
  if (is_function(callable)) {
    PyFunctionObject* f = as_function(callable);
    bool defaults;
    if (!call_form(f, n, &defaults)) return false;
    uint32_t version = function_version(ts, f);
    if (version == 0) return false;
    c->version = version;
    rewrite(pc, defaults ? Opcode::kCallPyDefaults : Opcode::kCallPyExact);
    return true;
  }
  if (is_method(callable)) {
    PyObject* inner = reinterpret_cast<PyMethodObject*>(callable)->im_func;
    bool defaults;
    if (!is_function(inner) || !call_form(as_function(inner), n + 1, &defaults) || defaults) return false;
    uint32_t version = function_version(ts, as_function(inner));
    if (version == 0) return false;
    c->version = version;
    rewrite(pc, Opcode::kCallBoundExact);
    return true;
  }
  if (callable == obj(&PyType_Type) && n == 1) {
    rewrite(pc, Opcode::kCallType1);
    return true;
  }
  if (PyType_Check(callable)) return specialise_class_call(ts, pc, reinterpret_cast<PyTypeObject*>(callable), n);
  if (is_exact(callable, &PyCFunction_Type)) {
    auto* f = reinterpret_cast<PyCFunctionObject*>(callable);
    // Static methods get no self, though they have one: they stay generic.
    int flags = f->m_ml->ml_flags & (METH_VARARGS | METH_KEYWORDS | METH_NOARGS | METH_O | METH_FASTCALL | METH_METHOD | METH_STATIC);
    if (n == 1 && is_builtin_named(ts, callable, "len")) {
      c[1].object = callable;
      rewrite(pc, Opcode::kCallLen);
      return true;
    }
    if (n == 2 && is_builtin_named(ts, callable, "isinstance")) {
      c[1].object = callable;
      rewrite(pc, Opcode::kCallIsinstance);
      return true;
    }
    Opcode to = flags == METH_FASTCALL                     ? Opcode::kCallCFast
                : flags == (METH_FASTCALL | METH_KEYWORDS) ? Opcode::kCallCFastKw
                : flags == METH_O && n == 1                ? Opcode::kCallCO
                : flags == METH_NOARGS && n == 0           ? Opcode::kCallCNoArgs
                                                           : Opcode::kNop;
    if (to == Opcode::kNop) return false;
    c[1].pointer = f->m_ml;
    rewrite(pc, to);
    return true;
  }
  return false;
}

bool specialise_call_method(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* callable, bool has_self,
                            Py_ssize_t n) {
  if (!cold(code, pc) || !has_self) return false;
  CacheWord* c = cache_of(pc);
  if (is_function(callable)) {
    PyFunctionObject* f = as_function(callable);
    bool defaults;
    if (!call_form(f, n + 1, &defaults)) return false;
    uint32_t version = function_version(ts, f);
    if (version == 0) return false;
    c->version = version;
    rewrite(pc, defaults ? Opcode::kCallMPyDefaults : Opcode::kCallMPyExact);
    return true;
  }
  if (is_exact(callable, &PyMethodDescr_Type)) {
    auto* d = reinterpret_cast<PyMethodDescrObject*>(callable);
    int flags =
        d->d_method->ml_flags & (METH_VARARGS | METH_KEYWORDS | METH_NOARGS | METH_O | METH_FASTCALL | METH_METHOD | METH_CLASS);
    Opcode to = Opcode::kNop;
    if (flags == METH_FASTCALL) to = Opcode::kCallMDescrFast;
    if (flags == METH_O && n == 1) {
      to = d->d_common.d_type == &PyList_Type && str_equals_ascii(d->d_common.d_name, "append") ? Opcode::kCallMListAppend
                                                                                               : Opcode::kCallMDescrO;
    }
    if (flags == (METH_FASTCALL | METH_KEYWORDS)) to = Opcode::kCallMDescrFastKw;
    if (flags == METH_NOARGS && n == 0) to = Opcode::kCallMDescrNoArgs;
    if (to == Opcode::kNop) return false;
    // The descriptor stays alive as long as its type; a static type's for ever.
    if (!is_immortal(callable)) return false;
    c[1].object = callable;
    rewrite(pc, to);
    return true;
  }
  return false;
}

}  // namespace atl
