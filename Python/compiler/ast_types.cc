// The types of `_ast` (see ast_objects.h).
#include <cstdio>
#include <cstring>
#include <string_view>

#include "Objects/dict/dict.h"
#include "Objects/errors.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/bind.h"
#include "Objects/type/type.h"
#include "Python/compiler/ast_objects.h"
#include "structmember.h"

namespace atl::compiler {

using namespace ast;

namespace {

// ---- ast.AST ------------------------------------------------------------------------------------------------------

struct AstObject {
  PyObject ob_base;
  PyObject* dict;
};
static_assert(sizeof(AstObject) == 24);
AstObject* as_ast(PyObject* o) { return reinterpret_cast<AstObject*>(o); }

void ast_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  clear_field(as_ast(o)->dict);
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}
int ast_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(o->ob_type);
  Py_VISIT(as_ast(o)->dict);
  return 0;
}
int ast_clear(PyObject* o) {
  clear_field(as_ast(o)->dict);
  return 0;
}

int ast_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  PyTypeObject* type = self->ob_type;
  Ref<> name = str_interned(ts, "_fields");
  Ref<> fields;
  if (!name || failed(object_lookup_attr(ts, obj(type), name.get(), &fields))) return -1;
  Py_ssize_t field_count = 0;
  if (fields && failed(object_len(ts, fields.get(), &field_count))) return -1;
  Py_ssize_t given = tuple_size(args);
  if (given > field_count) {
    return raise(ts, PyExc_TypeError, "%.400s constructor takes at most %zd positional argument%s", type_short_name(type),
                 field_count, field_count == 1 ? "" : "s");
  }
  for (Py_ssize_t i = 0; i < given; i++) {
    Ref<> field = Ref<>::steal(PySequence_GetItem(fields.get(), i));
    if (!field || failed(object_setattr(ts, self, field.get(), tuple_peek(args, i)))) return -1;
  }
  if (kwargs == nullptr) return 0;
  Py_ssize_t at = 0;
  PyObject *key, *value;
  while (dict_next(kwargs, &at, &key, &value)) {
    Ref<> held_key = dup(key), held = dup(value);
    Tri is_field = fields ? object_contains(ts, fields.get(), key) : Tri::kFalse;
    if (failed(is_field)) return -1;
    if (is_field == Tri::kTrue) {
      Py_ssize_t index = PySequence_Index(fields.get(), key);
      if (index < 0) return -1;
      if (index < given) {
        return raise(ts, PyExc_TypeError, "%.400s got multiple values for argument %R", type_short_name(type), key);
      }
    }
    if (failed(object_setattr(ts, self, key, value))) return -1;
  }
  return 0;
}

PyObject* ast_reduce(PyObject* self, PyObject*) {
  ThreadState& ts = current_thread();
  Ref<> dict;
  if (failed(object_lookup_attr(ts, self, ID(__dict__), &dict))) return nullptr;
  return (dict ? tuple_of(ts, self->ob_type, empty_tuple(), dict.get()) : tuple_of(ts, self->ob_type, empty_tuple())).release();
}

template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}

const PyMethodDef kMethods[] = {{"__reduce__", ast_reduce, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
const PyGetSetDef kGetSet[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                               {nullptr, nullptr, nullptr, nullptr, nullptr}};
const PyMemberDef kMembers[] = {{"__dictoffset__", T_PYSSIZET, offsetof(AstObject, dict), READONLY, nullptr},
                                {nullptr, 0, 0, 0, nullptr}};

Ref<> make_base(ThreadState& ts) {
  PyType_Slot slots[] = {{Py_tp_dealloc, slot(ast_dealloc)},
                         {Py_tp_traverse, slot(ast_traverse)},
                         {Py_tp_clear, slot(ast_clear)},
                         {Py_tp_getattro, slot(PyObject_GenericGetAttr)},
                         {Py_tp_setattro, slot(PyObject_GenericSetAttr)},
                         {Py_tp_init, slot(ast_init)},
                         {Py_tp_alloc, slot(PyType_GenericAlloc)},
                         {Py_tp_new, slot(PyType_GenericNew)},
                         {Py_tp_free, slot(PyObject_GC_Del)},
                         {Py_tp_methods, const_cast<PyMethodDef*>(kMethods)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
                         {0, nullptr}};
  PyType_Spec spec{"ast.AST", sizeof(AstObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  Ref<> base = Ref<>::steal(PyType_FromSpec(&spec));
  if (!base) return {};
  for (const char* name : {"_fields", "__match_args__", "_attributes"}) {
    Ref<> key = str_interned(ts, name);
    if (!key || failed(object_setattr(ts, base.get(), key.get(), empty_tuple()))) return {};
  }
  return base;
}

// ---- documentation: the grammar of a node ---------------------------------------------------------------------------

struct Text {
  Buffer<char> bytes;
  bool ok = true;
  void put(std::string_view s) { ok = ok && bytes.append(s.data(), s.size()); }
};

void describe_node(const NodeInfo& info, Text* text) {
  text->put(info.name);
  for (int i = 0; i < info.field_count; i++) {
    const FieldInfo& field = info.fields[i];
    text->put(i ? ", " : "(");
    text->put(type_name(field.type));
    text->put(field.arity == FieldArity::kOne ? " " : field.arity == FieldArity::kOptional ? "? " : "* ");
    text->put(field.name);
  }
  if (info.field_count) text->put(")");
}

void describe_sum(FieldType sum, Text* text) {
  std::string_view name = type_name(sum);
  text->put(name);
  text->put(" = ");
  bool first = true;
  for (int kind = 0; kind < kKindCount; kind++) {
    const NodeInfo& info = node_info(static_cast<Kind>(kind));
    if (info.is_product || info.sum != sum) continue;
    if (!first) {
      text->put("\n");
      for (size_t i = 0; i <= name.size(); i++) text->put(" ");
      text->put("| ");
    }
    first = false;
    describe_node(info, text);
  }
  for (int i = 0; const char* member = member_name(sum, i); i++) {
    if (i) text->put(" | ");
    text->put(member);
  }
}

// ---- classes ------------------------------------------------------------------------------------------------------

Ref<> text_object(ThreadState& ts, const Text& text) {
  if (!text.ok) return raise_memory(ts);
  return str_from_ascii(ts, {text.bytes.data(), text.bytes.size()});
}

Ref<> make_class(ThreadState& ts, const char* name, PyObject* base, PyObject* fields, const Text& doc) {
  Ref<> name_object = str_interned(ts, name);
  Ref<> bases = tuple_of(ts, base);
  Ref<> module = str_interned(ts, "ast");
  Ref<> doc_object = text_object(ts, doc);
  Ref<> space = dict_new(ts);
  if (!name_object || !bases || !module || !doc_object || !space) return {};
  if (failed(dict_set(ts, space.get(), "_fields", fields)) || failed(dict_set(ts, space.get(), "__match_args__", fields)) ||
      failed(dict_set(ts, space.get(), "__module__", module.get())) ||
      failed(dict_set(ts, space.get(), "__doc__", doc_object.get()))) {
    return {};
  }
  return call(ts, obj(&PyType_Type), name_object.get(), bases.get(), space.get());
}

Status set_none(ThreadState& ts, PyObject* type, const char* name) {
  Ref<> key = str_interned(ts, name);
  return key ? object_setattr(ts, type, key.get(), Py_None) : Status::kError;
}

// What instances have beside their fields.
Status set_positions(ThreadState& ts, PyObject* type, bool has, PyObject* names) {
  Ref<> key = str_interned(ts, "_attributes");
  return key ? object_setattr(ts, type, key.get(), has ? names : empty_tuple()) : Status::kError;
}
Status set_ends(ThreadState& ts, PyObject* type, FieldType which, bool has) {
  // (Patterns must say where they end.)
  if (!has || which == FieldType::kPattern) return Status::kOk;
  if (failed(set_none(ts, type, "end_lineno"))) return Status::kError;
  return set_none(ts, type, "end_col_offset");
}

Ref<> field_names(ThreadState& ts, const NodeInfo& info) {
  Ref<> names = tuple_new(ts, info.field_count);
  if (!names) return {};
  for (int i = 0; i < info.field_count; i++) {
    Ref<> name = str_interned(ts, info.fields[i].name);
    if (!name) return {};
    tuple_items(names.get())[i] = name.release();
  }
  return names;
}

Status set_optional_fields(ThreadState& ts, PyObject* type, const NodeInfo& info) {
  for (int i = 0; i < info.field_count; i++) {
    const FieldInfo& field = info.fields[i];
    // (kw_defaults and keys are sequences; absent items are None in them.)
    if (field.arity == FieldArity::kOptional && failed(set_none(ts, type, field.name))) return Status::kError;
  }
  return Status::kOk;
}

constexpr FieldType kSums[] = {FieldType::kMod,           FieldType::kStmt,    FieldType::kExpr,   FieldType::kExprContext,
                               FieldType::kBoolOp,        FieldType::kOperator, FieldType::kUnaryOp, FieldType::kCmpOp,
                               FieldType::kExceptHandler, FieldType::kPattern, FieldType::kTypeIgnore};

bool sum_has_positions(FieldType sum) {
  for (int kind = 0; kind < kKindCount; kind++) {
    const NodeInfo& info = node_info(static_cast<Kind>(kind));
    if (info.sum == sum) return info.has_positions;
  }
  return false;
}

}  // namespace

PyObject* AstTypes::at(int index) const { return tuple_peek(all_, index); }

int AstTypes::flat(FieldType type, int number) {
  static constexpr int kFirst[] = {0, 3, 5, 18, 22};  // of expr_context, boolop, operator, unaryop, cmpop
  static_assert(kMemberCount == 32);
  return kFirst[static_cast<int>(type) - static_cast<int>(FieldType::kExprContext)] + number;
}

Ref<> AstTypes::make(ThreadState& ts) {
  Ref<> all = tuple_new(ts, kCount);
  if (!all) return {};
  for (int i = 0; i < kCount; i++) tuple_items(all.get())[i] = new_ref(Py_None);
  auto put = [&](int index, Ref<> o) {
    PyObject* old = tuple_items(all.get())[index];
    tuple_items(all.get())[index] = o.release();
    decref(old);
  };
  Ref<> base = make_base(ts);
  if (!base) return {};
  put(0, base.dup());

  static constexpr const char* kNames[] = {"lineno", "col_offset", "end_lineno", "end_col_offset"};
  Ref<> positions = tuple_new(ts, 4);
  if (!positions) return {};
  for (int i = 0; i < 4; i++) {
    Ref<> name = str_interned(ts, kNames[i]);
    if (!name) return {};
    tuple_items(positions.get())[i] = name.release();
  }
  put(kPositions, positions.dup());

  for (FieldType sum : kSums) {
    Text doc;
    describe_sum(sum, &doc);
    Ref<> type = make_class(ts, type_name(sum), base.get(), empty_tuple(), doc);
    if (!type || failed(set_positions(ts, type.get(), sum_has_positions(sum), positions.get())) ||
        failed(set_ends(ts, type.get(), sum, sum_has_positions(sum)))) {
      return {};
    }
    for (int i = 0; const char* name = member_name(sum, i); i++) {
      Text member_doc;
      member_doc.put(name);
      Ref<> member = make_class(ts, name, type.get(), empty_tuple(), member_doc);
      Ref<> instance = member ? call(ts, member.get()) : Ref<>();
      if (!instance) return {};
      put(kFirstMember + flat(sum, i), std::move(member));
      put(kFirstInstance + flat(sum, i), std::move(instance));
    }
    put(kFirstSum + static_cast<int>(sum), std::move(type));
  }
  for (int kind = 0; kind < kKindCount; kind++) {
    const NodeInfo& info = node_info(static_cast<Kind>(kind));
    Text doc;
    describe_node(info, &doc);
    Ref<> fields = field_names(ts, info);
    if (!fields) return {};
    PyObject* parent = info.is_product ? base.get() : tuple_peek(all.get(), kFirstSum + static_cast<int>(info.sum));
    Ref<> type = make_class(ts, info.name, parent, fields.get(), doc);
    if (!type || (info.is_product && failed(set_positions(ts, type.get(), info.has_positions, positions.get()))) ||
        failed(set_optional_fields(ts, type.get(), info)) ||
        (info.is_product && failed(set_ends(ts, type.get(), info.sum, info.has_positions)))) {
      return {};
    }
    if (info.is_product) put(kFirstSum + static_cast<int>(info.sum), type.dup());
    put(kFirstFields + kind, std::move(fields));
    put(kFirstNode + kind, std::move(type));
  }
  return all;
}

bool AstTypes::load(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  if (interp.ast_state == nullptr) {
    Ref<> all = make(ts);
    if (!all) return false;
    // Making classes runs code; another thread may have come first, and its types may be in use.
    if (interp.ast_state == nullptr) interp.ast_state = all.release();
  }
  all_ = interp.ast_state;
  return true;
}

Status ast_fill_module(ThreadState& ts, PyObject* module) {
  AstTypes types;
  if (!types.load(ts)) return Status::kError;
  PyObject* dict = PyModule_GetDict(module);
  auto add = [&](PyTypeObject* type) { return dict_set(ts, dict, type_short_name(type), obj(type)); };
  if (failed(add(types.base()))) return Status::kError;
  for (FieldType sum : kSums) {
    if (failed(add(types.sum(sum)))) return Status::kError;
    for (int i = 0; member_name(sum, i); i++) {
      if (failed(add(types.member(sum, i)))) return Status::kError;
    }
  }
  for (int kind = 0; kind < kKindCount; kind++) {
    if (failed(add(types.node(static_cast<Kind>(kind))))) return Status::kError;
  }
  return Status::kOk;
}

}  // namespace atl::compiler
