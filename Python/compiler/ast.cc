// Run-time descriptions of the nodes (see ast.h).
#include "Python/compiler/ast.h"

namespace atl::compiler::ast {

namespace {

template <typename T>
constexpr FieldType kFieldType = FieldType::kInt;
template <> constexpr FieldType kFieldType<int_> = FieldType::kInt;
template <> constexpr FieldType kFieldType<constant> = FieldType::kConstant;
template <> constexpr FieldType kFieldType<mod> = FieldType::kMod;
template <> constexpr FieldType kFieldType<stmt> = FieldType::kStmt;
template <> constexpr FieldType kFieldType<expr> = FieldType::kExpr;
template <> constexpr FieldType kFieldType<expr_context> = FieldType::kExprContext;
template <> constexpr FieldType kFieldType<boolop> = FieldType::kBoolOp;
template <> constexpr FieldType kFieldType<operator_> = FieldType::kOperator;
template <> constexpr FieldType kFieldType<unaryop> = FieldType::kUnaryOp;
template <> constexpr FieldType kFieldType<cmpop> = FieldType::kCmpOp;
template <> constexpr FieldType kFieldType<comprehension> = FieldType::kComprehension;
template <> constexpr FieldType kFieldType<excepthandler> = FieldType::kExceptHandler;
template <> constexpr FieldType kFieldType<arguments> = FieldType::kArguments;
template <> constexpr FieldType kFieldType<arg> = FieldType::kArg;
template <> constexpr FieldType kFieldType<keyword> = FieldType::kKeyword;
template <> constexpr FieldType kFieldType<alias> = FieldType::kAlias;
template <> constexpr FieldType kFieldType<withitem> = FieldType::kWithItem;
template <> constexpr FieldType kFieldType<match_case> = FieldType::kMatchCase;
template <> constexpr FieldType kFieldType<pattern> = FieldType::kPattern;
template <> constexpr FieldType kFieldType<type_ignore> = FieldType::kTypeIgnore;

constexpr bool same(const char* a, const char* b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

// identifier and string are one C++ type, so the spelling decides.
template <typename T>
constexpr FieldType field_type(const char* spelling) {
  if (same(spelling, "identifier")) return FieldType::kIdentifier;
  if (same(spelling, "string")) return FieldType::kString;
  return kFieldType<T>;
}

constexpr const char* python_field_name(const char* name) {
  if (same(name, "arg_")) return "arg";
  if (same(name, "pattern_")) return "pattern";
  return name;
}

constexpr FieldInfo kNoField = {nullptr, FieldType::kInt, FieldArity::kOne};

#define ATOLL_AST_ONE(type, name) \
  FieldInfo{python_field_name(#name), field_type<ast::type>(#type), FieldArity::kOne},
#define ATOLL_AST_OPT(type, name) \
  FieldInfo{python_field_name(#name), field_type<ast::type>(#type), FieldArity::kOptional},
#define ATOLL_AST_SEQ(type, name) \
  FieldInfo{python_field_name(#name), field_type<ast::type>(#type), FieldArity::kSequence},
#define ATOLL_AST_NODE(sum, name, fields) constexpr FieldInfo kFieldsOf##name[] = {fields kNoField};
#define ATOLL_AST_PRODUCT(name, positions, fields) constexpr FieldInfo kFieldsOf##name[] = {fields kNoField};
#include "Python/compiler/ast.def"

template <typename T>
constexpr bool kHasPositions = std::is_base_of_v<PositionedNode, T>;

constexpr NodeInfo kNodes[] = {
#define ATOLL_AST_NODE(sum, name, fields)                        \
  {#name, kFieldType<ast::sum>, false, kHasPositions<ast::name>, \
   static_cast<uint8_t>(sizeof kFieldsOf##name / sizeof(FieldInfo) - 1), kFieldsOf##name},
#define ATOLL_AST_PRODUCT(name, positions, fields)               \
  {#name, kFieldType<ast::name>, true, kHasPositions<ast::name>, \
   static_cast<uint8_t>(sizeof kFieldsOf##name / sizeof(FieldInfo) - 1), kFieldsOf##name},
#include "Python/compiler/ast.def"
};

// The enumerations of ast.h against the table: same members, same order.
#define ATOLL_AST_ENUM(sum) constexpr int kFirstOf_##sum = __COUNTER__ + 1;
#define ATOLL_AST_MEMBER(sum, name) static_assert(static_cast<int>(sum::name) == __COUNTER__ - kFirstOf_##sum);
#include "Python/compiler/ast.def"

struct Member {
  FieldType type;
  const char* name;
};
constexpr Member kMembers[] = {
#define ATOLL_AST_MEMBER(sum, name) {kFieldType<ast::sum>, #name},
#include "Python/compiler/ast.def"
};

}  // namespace

const NodeInfo& node_info(Kind kind) { return kNodes[static_cast<int>(kind)]; }

const char* type_name(FieldType type) {
  static constexpr const char* kNames[] = {
      "identifier", "string", "int", "constant", "mod", "stmt", "expr", "expr_context", "boolop", "operator", "unaryop",
      "cmpop", "comprehension", "excepthandler", "arguments", "arg", "keyword", "alias", "withitem", "match_case",
      "pattern", "type_ignore",
  };
  static_assert(sizeof kNames / sizeof *kNames == static_cast<int>(FieldType::kTypeIgnore) + 1);
  return kNames[static_cast<int>(type)];
}

const char* member_name(FieldType type, int member) {
  for (const Member& m : kMembers) {
    if (m.type == type && member-- == 0) return m.name;
  }
  return nullptr;
}

const char* expression_name(const expr* node) {
  switch (node->kind) {
    case Kind::Attribute: return "attribute";
    case Kind::Subscript: return "subscript";
    case Kind::Starred: return "starred";
    case Kind::Name: return "name";
    case Kind::List: return "list";
    case Kind::Tuple: return "tuple";
    case Kind::Lambda: return "lambda";
    case Kind::Call: return "function call";
    case Kind::BoolOp:
    case Kind::BinOp:
    case Kind::UnaryOp: return "expression";
    case Kind::GeneratorExp: return "generator expression";
    case Kind::Yield:
    case Kind::YieldFrom: return "yield expression";
    case Kind::Await: return "await expression";
    case Kind::ListComp: return "list comprehension";
    case Kind::SetComp: return "set comprehension";
    case Kind::DictComp: return "dict comprehension";
    case Kind::Dict: return "dict literal";
    case Kind::Set: return "set display";
    case Kind::JoinedStr:
    case Kind::FormattedValue: return "f-string expression";
    case Kind::Constant:
      switch (as<Constant>(node)->value->kind) {
        case ConstantKind::kNone: return "None";
        case ConstantKind::kFalse: return "False";
        case ConstantKind::kTrue: return "True";
        case ConstantKind::kEllipsis: return "ellipsis";
        default: return "literal";
      }
    case Kind::Compare: return "comparison";
    case Kind::IfExp: return "conditional expression";
    case Kind::NamedExpr: return "named expression";
    default: return "expression";
  }
}

}  // namespace atl::compiler::ast
