// Ast objects to trees (see ast_objects.h). Reading an attribute may run any code, so nothing borrowed outlives a step.
#include <cstdio>
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/errors.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Python/compiler/ast_objects.h"
#include "Python/compiler/utf8.h"

namespace atl::compiler {

using namespace ast;

namespace {

Node* new_node(Arena& arena, Kind kind) {
  Node* n = nullptr;
  switch (kind) {
#define ATOLL_AST_NODE(sum, name, fields) \
  case Kind::name: n = arena.make<name>(); break;
#define ATOLL_AST_PRODUCT(name, positions, fields) \
  case Kind::name: n = arena.make<name>(); break;
#include "Python/compiler/ast.def"
  }
  if (n) n->kind = kind;
  return n;
}

class Importer {
 public:
  Importer(ThreadState& ts, Tree& tree) : ts_(ts), tree_(tree) {}
  [[nodiscard]] bool load() { return types_.load(ts_); }

  bool root(PyObject* o, FieldType type, Node** out) { return node(o, type, out); }
  PyTypeObject* type_of_root(Kind kind) const { return types_.node(kind); }

 private:
  bool no_memory() {
    (void)raise_memory(ts_);
    return false;
  }
  bool missing(const char* field, const char* of) {
    (void)raise(ts_, PyExc_TypeError, "required field \"%s\" missing from %s", field, of);
    return false;
  }

  // ---- nodes ----
  bool node(PyObject* o, FieldType type, Node** out) {
    *out = nullptr;
    bool product = is_product(type);
    if (o == Py_None && !product) return true;
    Kind kind = Kind::Module;
    int32_t places[4] = {};
    // Sums say where they are before they say what they are; products afterwards.
    if (!product) {
      if (has_positions(type) && !positions(o, type, places)) return false;
      if (!find_kind(o, type, &kind)) return false;
    } else {
      kind = product_kind(type);
    }
    Node* n = new_node(tree_.arena, kind);
    if (!n) return no_memory();
    const NodeInfo& info = node_info(kind);
    bool ok = true;
    visit_fields(n, [&](int i, auto& field) { ok = ok && this->field(o, info, tuple_peek(types_.fields(kind), i), i, &field); });
    if (!ok) return false;
    if (product && info.has_positions && !positions(o, type, places)) return false;
    visit_fields(n, [&](int i, auto& field) { ok = ok && this->present(info, i, field); });
    if (!ok) return false;
    if (info.has_positions) {
      auto* p = static_cast<PositionedNode*>(n);
      p->lineno = places[0];
      p->col_offset = places[1];
      p->end_lineno = places[2];
      p->end_col_offset = places[3];
    }
    *out = n;
    return true;
  }

  static bool is_product(FieldType type) {
    for (int i = 0; i < kKindCount; i++) {
      const NodeInfo& info = node_info(static_cast<Kind>(i));
      if (info.sum == type) return info.is_product;
    }
    return false;
  }
  static bool has_positions(FieldType type) {
    for (int i = 0; i < kKindCount; i++) {
      const NodeInfo& info = node_info(static_cast<Kind>(i));
      if (info.sum == type) return info.has_positions;
    }
    return false;
  }
  static Kind product_kind(FieldType type) {
    int i = 0;
    while (node_info(static_cast<Kind>(i)).sum != type) i++;
    return static_cast<Kind>(i);
  }

  bool not_of(PyObject* o, FieldType type) {
    (void)raise(ts_, PyExc_TypeError, "expected some sort of %s, but got %R", type_name(type), o);
    return false;
  }

  bool find_kind(PyObject* o, FieldType type, Kind* out) {
    for (bool exactly : {true, false}) {
      for (int i = 0; i < kKindCount; i++) {
        auto kind = static_cast<Kind>(i);
        if (node_info(kind).sum != type) continue;
        if (exactly ? o->ob_type == types_.node(kind) : is_subtype(o->ob_type, types_.node(kind))) {
          *out = kind;
          return true;
        }
      }
    }
    return not_of(o, type);
  }

  bool positions(PyObject* o, FieldType type, int32_t* out) {
    for (int i = 0; i < 4; i++) {
      PyObject* name = tuple_peek(types_.positions(), i);
      Ref<> value;
      if (failed(object_lookup_attr(ts_, o, name, &value))) return false;
      bool optional = i >= 2 && type != FieldType::kPattern;
      if (!value && !optional) return missing(str_utf8(ts_, name), type_name(type));
      if (optional && (!value || value.get() == Py_None)) {
        out[i] = out[i - 2];
      } else if (!read(value.get(), FieldType::kInt, &out[i])) {
        return false;
      }
    }
    return true;
  }

  // ---- fields ----
  template <class T>
  bool field(PyObject* o, const NodeInfo& info, PyObject* name, int i, T* out) {
    const FieldInfo& f = info.fields[i];
    Ref<> value;
    if (failed(object_lookup_attr(ts_, o, name, &value))) return false;
    if (!value) return f.arity == FieldArity::kOptional || missing(f.name, info.name);
    if (f.arity == FieldArity::kOptional && value.get() == Py_None) return true;
    return read(value.get(), f.type, out);
  }
  template <class T>
  bool field(PyObject* o, const NodeInfo& info, PyObject* name, int i, Seq<T>* out) {
    const FieldInfo& f = info.fields[i];
    Ref<> list;
    if (failed(object_lookup_attr(ts_, o, name, &list))) return false;
    if (!list) return missing(f.name, info.name);
    if (!is_list(list.get())) {
      (void)raise(ts_, PyExc_TypeError, "%s field \"%s\" must be a list, not a %.200s", info.name, f.name,
                  type_short_name(list->ob_type));
      return false;
    }
    Py_ssize_t count = list_size(list.get());
    if (count > INT32_MAX) return no_memory();
    out->items = tree_.arena.make_array<T>(static_cast<size_t>(count));
    if (!out->items) return no_memory();
    out->count = static_cast<uint32_t>(count);
    if (count) std::memset(static_cast<void*>(out->items), 0, static_cast<size_t>(count) * sizeof(T));
    for (Py_ssize_t k = 0; k < count; k++) {
      Ref<> item = dup(list_items(list.get())[k]);
      if (!read(item.get(), f.type, &out->items[k])) return false;
      if (list_size(list.get()) != count) {
        (void)raise(ts_, PyExc_RuntimeError, "%s field \"%s\" changed size during iteration", info.name, f.name);
        return false;
      }
    }
    return true;
  }

  // Fields that may not be None.
  template <class T>
  bool present(const NodeInfo& info, int i, const T& value) {
    if constexpr (std::is_pointer_v<T>) {
      if (!value && info.fields[i].arity == FieldArity::kOne) {
        (void)raise(ts_, PyExc_ValueError, "field '%s' is required for %s", info.fields[i].name, info.name);
        return false;
      }
    }
    return true;
  }

  // ---- values ----
  template <class T>
    requires std::is_base_of_v<Node, T>
  bool read(PyObject* o, FieldType type, T** out) {
    char where[64];
    std::snprintf(where, sizeof where, " while traversing '%s' node", type_name(type));
    RecursionGuard guard(ts_, where);
    if (!guard.ok()) return false;
    Node* n;
    if (!node(o, type, &n)) return false;
    *out = static_cast<T*>(n);
    return true;
  }
  template <class T>
    requires std::is_enum_v<T>
  bool read(PyObject* o, FieldType type, T* out) {
    for (int i = 0; member_name(type, i); i++) {
      if (is_subtype(o->ob_type, types_.member(type, i))) {
        *out = static_cast<T>(i);
        return true;
      }
    }
    return not_of(o, type);
  }
  bool read(PyObject* o, FieldType, int_* out) {
    if (!is_int(o)) {
      (void)raise(ts_, PyExc_ValueError, "invalid integer value: %R", o);
      return false;
    }
    int overflow;
    int64_t value = int_as_i64_overflow(o, &overflow);
    if (overflow || value != static_cast<int32_t>(value)) {
      (void)raise(ts_, PyExc_OverflowError, "Python int too large to convert to C int");
      return false;
    }
    *out = static_cast<int32_t>(value);
    return true;
  }
  bool read(PyObject* o, FieldType type, identifier* out) {
    *out = nullptr;
    if (o == Py_None) return true;
    std::string_view text;
    if (o->ob_type == &PyUnicode_Type) {
      if (!utf8(o, &text)) return false;
    } else if (type == FieldType::kString && o->ob_type == &PyBytes_Type) {
      text = bytes_view(o);
    } else {
      (void)raise(ts_, PyExc_TypeError, "AST %s must be of type str", type_name(type));
      return false;
    }
    *out = tree_.names.intern(text);
    return *out || no_memory();
  }

  bool utf8(PyObject* s, std::string_view* out) {
    Py_ssize_t length = str_length(s);
    if (static_cast<uint64_t>(length) >= UINT32_MAX / 4) return no_memory();
    char* text = tree_.arena.make_array<char>(static_cast<size_t>(length) * 4 + 1);
    if (!text) return no_memory();
    char* p = text;
    for (Py_ssize_t i = 0; i < length; i++) p += utf8_put(p, str_at(s, i));
    *p = 0;
    *out = {text, static_cast<size_t>(p - text)};
    return true;
  }

  // ---- constants ----
  bool read(PyObject* o, FieldType, constant* out) { return read_constant(o, 0, out); }

  bool read_constant(PyObject* o, int depth, constant* out) {
    auto* c = tree_.arena.make<ConstantValue>();
    if (!c) return no_memory();
    *out = c;
    PyTypeObject* type = o->ob_type;
    auto text = [&](ConstantKind kind, std::string_view view) {
      c->kind = kind;
      c->text = view.data();
      c->size = static_cast<uint32_t>(view.size());
    };
    if (o == Py_None) {
      c->kind = ConstantKind::kNone;
    } else if (o == Py_True || o == Py_False) {
      c->kind = o == Py_True ? ConstantKind::kTrue : ConstantKind::kFalse;
    } else if (o == Py_Ellipsis) {
      c->kind = ConstantKind::kEllipsis;
    } else if (type == &PyLong_Type) {
      return read_int(o, c);
    } else if (type == &PyFloat_Type) {
      c->kind = ConstantKind::kFloat;
      c->real = PyFloat_AS_DOUBLE(o);
    } else if (type == &PyComplex_Type) {
      c->kind = ConstantKind::kComplex;
      Py_complex z = PyComplex_AsCComplex(o);
      c->real = z.real;
      c->imag = z.imag;
    } else if (type == &PyUnicode_Type) {
      std::string_view view;
      if (!utf8(o, &view)) return false;
      text(ConstantKind::kStr, view);
    } else if (type == &PyBytes_Type) {
      std::string_view view = bytes_view(o);
      if (view.size() >= UINT32_MAX) return no_memory();
      const char* copy = tree_.arena.copy_text(view);
      if (!copy) return no_memory();
      text(ConstantKind::kBytes, {copy, view.size()});
    } else if (type == &PyTuple_Type || type == &PyFrozenSet_Type) {
      return read_items(o, depth, c);
    } else {
      const char* copy = tree_.arena.copy_text(type_short_name(type));
      if (!copy) return no_memory();
      text(ConstantKind::kForeign, copy);
    }
    return true;
  }

  bool read_int(PyObject* o, ConstantValue* c) {
    int overflow;
    int64_t value = int_as_i64_overflow(o, &overflow);
    if (!overflow) {
      c->kind = ConstantKind::kInt;
      c->integer = value;
      return true;
    }
    Ref<> digits = int_to_text(ts_, o, 16, false);
    std::string_view view;
    if (!digits || !utf8(digits.get(), &view)) return false;
    c->negative = view[0] == '-';
    if (c->negative) view.remove_prefix(1);
    c->kind = ConstantKind::kBigInt;
    c->base = 16;
    c->text = view.data();
    c->size = static_cast<uint32_t>(view.size());
    return true;
  }

  bool read_items(PyObject* o, int depth, ConstantValue* c) {
    char here;
    int limit = 3 * ts_.interpreter().recursion_limit;
    if (depth >= (limit < kMaxConstantDepth ? limit : kMaxConstantDepth) || &here < ts_.c_stack_limit) {
      (void)raise(ts_, PyExc_RecursionError, "maximum recursion depth exceeded during compilation");
      return false;
    }
    bool is_set = o->ob_type == &PyFrozenSet_Type;
    Py_ssize_t count = is_set ? PySet_GET_SIZE(o) : tuple_size(o);
    if (static_cast<uint64_t>(count) >= UINT32_MAX) return no_memory();
    c->kind = is_set ? ConstantKind::kFrozenSet : ConstantKind::kTuple;
    c->items = tree_.arena.make_array<constant>(static_cast<size_t>(count));
    if (!c->items) return no_memory();
    Py_ssize_t at = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
      PyObject* item = nullptr;
      if (!is_set) {
        item = tuple_peek(o, i);
      } else if (!set_next(o, &at, &item)) {
        break;
      }
      if (!read_constant(item, depth + 1, &c->items[i])) return false;
      c->size = static_cast<uint32_t>(i + 1);
    }
    return true;
  }

  static constexpr int kMaxConstantDepth = 5000;

  ThreadState& ts_;
  Tree& tree_;
  AstTypes types_;
};

Kind root_kind(ParseMode mode) {
  switch (mode) {
    case ParseMode::kEval: return Kind::Expression;
    case ParseMode::kSingle: return Kind::Interactive;
    case ParseMode::kFunctionType: return Kind::FunctionType;
    default: return Kind::Module;
  }
}

}  // namespace

bool ast_from_objects(ThreadState& ts, PyObject* object, ParseMode mode, Tree* tree) {
  Importer importer(ts, *tree);
  if (!importer.load()) return false;
  Kind kind = root_kind(mode);
  Tri good = object_isinstance(ts, object, obj(importer.type_of_root(kind)));
  if (failed(good)) return false;
  if (good == Tri::kFalse) {
    (void)raise(ts, PyExc_TypeError, "expected %s node, got %.400s", node_info(kind).name, type_short_name(object->ob_type));
    return false;
  }
  Node* root;
  if (!importer.root(object, FieldType::kMod, &root)) return false;
  if (!root) {
    (void)raise(ts, PyExc_SystemError, "no tree");
    return false;
  }
  tree->root = static_cast<mod*>(root);
  PassContext context{tree->arena, tree->names, {}, {}};
  context.max_depth = 3 * ts.interpreter().recursion_limit;
  context.stack_limit = static_cast<const char*>(ts.c_stack_limit);
  if (validate_tree(context, tree->root)) return true;
  raise_record(ts, context.error, Py_None);
  return false;
}

}  // namespace atl::compiler
