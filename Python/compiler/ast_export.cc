// Trees to ast objects (see ast_objects.h).
#include "Objects/dict/dict.h"
#include "Objects/errors.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/compiler/ast_objects.h"
#include "Python/compiler/image_make.h"

namespace atl::compiler {

using namespace ast;

namespace {

class Exporter {
 public:
  explicit Exporter(ThreadState& ts) : ts_(ts) {
    int limit = ts.interpreter().recursion_limit;
    // As deep as 3.11 goes: three nodes for each frame that could still be entered.
    depth_left_ = 3 * (ts.recursion_remaining < limit ? ts.recursion_remaining : limit);
  }
  [[nodiscard]] bool load() { return types_.load(ts_); }

  Ref<> node(Node* n) {
    if (!n) return new_none();
    struct Level {
      int& left;
      explicit Level(int& l) : left(l) { --left; }
      ~Level() { ++left; }
    } level(depth_left_);
    char here;
    if (depth_left_ < 0 || &here < ts_.c_stack_limit) {
      return raise(ts_, PyExc_RecursionError, "maximum recursion depth exceeded during ast construction");
    }
    const NodeInfo& info = node_info(n->kind);
    PyObject* names = types_.fields(n->kind);
    Ref<> dict = dict_new_presized(ts_, info.field_count + (info.has_positions ? 4 : 0));
    if (!dict) return {};
    bool ok = true;
    visit_fields(n, [&](int i, auto& field) {
      if (!ok) return;
      Ref<> value = this->value(info.fields[i].type, field);
      ok = value && !failed(dict_set(ts_, dict.get(), tuple_peek(names, i), value.get()));
    });
    if (!ok) return {};
    if (info.has_positions && !positions(static_cast<PositionedNode*>(n), dict.get())) return {};
    return instance(types_.node(n->kind), std::move(dict));
  }

 private:
  Ref<> instance(PyTypeObject* type, Ref<> dict) {
    Ref<> o = Ref<>::steal(PyType_GenericAlloc(type, 0));
    if (o) *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(o.get()) + type->tp_dictoffset) = dict.release();
    return o;
  }

  bool positions(const PositionedNode* n, PyObject* dict) {
    int32_t values[] = {n->lineno, n->col_offset, n->end_lineno, n->end_col_offset};
    for (int i = 0; i < 4; i++) {
      Ref<> value = int_from_i64(ts_, values[i]);
      if (!value || failed(dict_set(ts_, dict, tuple_peek(types_.positions(), i), value.get()))) return false;
    }
    return true;
  }

  Ref<> value(FieldType, int_ number) { return int_from_i64(ts_, number); }
  Ref<> value(FieldType type, identifier text) {
    if (!text) return new_none();
    if (type == FieldType::kIdentifier) return make_name(ts_, text);
    return str_from_utf8(ts_, text->view(), "surrogatepass");
  }
  Ref<> value(FieldType, constant c) { return make_constant(ts_, c); }
  Ref<> value(FieldType, Node* child) { return node(child); }
  template <class T>
    requires std::is_enum_v<T>
  Ref<> value(FieldType type, T member) {
    return dup(types_.instance(type, static_cast<int>(member)));
  }
  template <class T>
  Ref<> value(FieldType type, const Seq<T>& items) {
    Ref<> list = list_new_room(ts_, items.size());
    if (!list) return {};
    for (const T& item : items) {
      Ref<> o = value(type, item);
      if (!o || failed(list_append(ts_, list.get(), std::move(o)))) return {};
    }
    return list;
  }

  ThreadState& ts_;
  AstTypes types_;
  int depth_left_;
};

}  // namespace

Ref<> ast_to_objects(ThreadState& ts, mod* tree) {
  Exporter exporter(ts);
  return exporter.load() ? exporter.node(tree) : Ref<>();
}

Ref<> ast_of_source(ThreadState& ts, std::string_view source, const CompileRequest& request) {
  Tree tree;
  if (!parse_source(ts, source, request, &tree)) return {};
  return ast_to_objects(ts, tree.root);
}

}  // namespace atl::compiler
