// Syntax trees as Python objects: the types of the module `_ast`, and both conversions.
#pragma once

#include "Objects/object.h"
#include "Python/compiler/ast.h"
#include "Python/compiler/compile.h"

namespace atl::compiler {

// The types of one interpreter. They are in one tuple, `Interpreter::ast_state`, made when first asked for, and are
// reached by number; everything here is borrowed from it.
class AstTypes {
 public:
  // False with an exception set.
  [[nodiscard]] bool load(ThreadState& ts);

  PyTypeObject* base() const { return type_at(0); }
  PyTypeObject* node(ast::Kind kind) const { return type_at(kFirstNode + static_cast<int>(kind)); }
  // The names of its fields: a tuple of interned strings.
  PyObject* fields(ast::Kind kind) const { return at(kFirstFields + static_cast<int>(kind)); }
  // A sum; of a product, its only type.
  PyTypeObject* sum(ast::FieldType type) const { return type_at(kFirstSum + static_cast<int>(type)); }
  PyTypeObject* member(ast::FieldType type, int number) const { return type_at(kFirstMember + flat(type, number)); }
  // The one instance that trees of the parser have.
  PyObject* instance(ast::FieldType type, int number) const { return at(kFirstInstance + flat(type, number)); }
  // lineno, col_offset, end_lineno, end_col_offset.
  PyObject* positions() const { return at(kPositions); }

  static constexpr int kTypeCount = static_cast<int>(ast::FieldType::kTypeIgnore) + 1;
  static constexpr int kMemberCount = 0
#define ATOLL_AST_MEMBER(sum, name) +1
#include "Python/compiler/ast.def"
      ;

 private:
  static constexpr int kFirstNode = 1;
  static constexpr int kFirstFields = kFirstNode + ast::kKindCount;
  static constexpr int kFirstSum = kFirstFields + ast::kKindCount;
  static constexpr int kFirstMember = kFirstSum + kTypeCount;
  static constexpr int kFirstInstance = kFirstMember + kMemberCount;
  static constexpr int kPositions = kFirstInstance + kMemberCount;
  static constexpr int kCount = kPositions + 1;

  static int flat(ast::FieldType type, int number);
  PyObject* at(int index) const;
  PyTypeObject* type_at(int index) const { return reinterpret_cast<PyTypeObject*>(at(index)); }
  static Ref<> make(ThreadState& ts);

  PyObject* all_ = nullptr;
};

// Adds the types to the module `_ast`.
[[nodiscard]] Status ast_fill_module(ThreadState& ts, PyObject* module);

// A tree as objects.
Ref<> ast_to_objects(ThreadState& ts, ast::mod* tree);
// What compile(source, …, PyCF_ONLY_AST) gives.
Ref<> ast_of_source(ThreadState& ts, std::string_view source, const CompileRequest& request);
// Objects as a tree, whose root must be of the kind that `mode` wants; validated. False with an exception set.
[[nodiscard]] bool ast_from_objects(ThreadState& ts, PyObject* object, ParseMode mode, Tree* tree);

}  // namespace atl::compiler
