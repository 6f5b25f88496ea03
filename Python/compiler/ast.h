// The abstract syntax tree: plain structs in an arena, generated from ast.def.
//
// Names are those of Python's `ast` module (`operator_` for `operator`, a trailing underscore where a field would
// clash with a type). Nodes are trivially destructible, never freed one by one, and may be changed in place by the
// passes that own the tree. Positions are those of 3.11: lines from 1, columns in UTF-8 bytes from 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "Python/compiler/arena.h"

namespace atl::compiler::ast {

using atl::compiler::identifier;
using string = identifier;
using int_ = int32_t;

enum class Kind : uint8_t {
#define ATOLL_AST_NODE(sum, name, fields) name,
#define ATOLL_AST_PRODUCT(name, positions, fields) name,
#include "Python/compiler/ast.def"
};

// A sequence of fixed length in the arena.
template <typename T>
struct Seq {
  T* items = nullptr;
  uint32_t count = 0;

  uint32_t size() const { return count; }
  bool empty() const { return count == 0; }
  T& operator[](size_t index) const { return items[index]; }
  T& back() const { return items[count - 1]; }
  T* begin() const { return items; }
  T* end() const { return items + count; }
};

enum class ConstantKind : uint8_t {
  kNone,
  kFalse,
  kTrue,
  kEllipsis,
  kInt,     // fits in 64 bits
  kBigInt,  // digits in `text`, base in `base`, sign in `negative`; never fits in 64 bits
  kFloat,
  kComplex,
  kStr,    // UTF-8 in `text`, surrogates as three bytes each
  kBytes,  // in `text`
  kTuple,  // `items`; tuples and frozensets come from constant folding and from ast objects only
  kFrozenSet,
  kForeign,  // an object that no constant can be; its type's name in `text`. From ast objects only: validation refuses it
};

struct ConstantValue;
using constant = const ConstantValue*;

struct ConstantValue {
  ConstantKind kind = ConstantKind::kNone;
  bool negative = false;
  uint8_t base = 10;
  uint32_t size = 0;  // of `text` or `items`
  union {
    int64_t integer;
    double real;  // of kFloat, or real part of kComplex
    const char* text;
    constant* items;
  };
  double imag = 0;

  ConstantValue() : integer(0) {}
  std::string_view view() const { return {text, size}; }
};

struct Node {
  Kind kind;
};

struct PositionedNode : Node {
  int32_t lineno;
  int32_t col_offset;
  int32_t end_lineno;
  int32_t end_col_offset;
};

// Bases: one struct per sum.
#define ATOLL_AST_BASE_0 Node
#define ATOLL_AST_BASE_1 PositionedNode
#define ATOLL_AST_SUM(sum, positions) \
  struct sum : ATOLL_AST_BASE_##positions {};
#include "Python/compiler/ast.def"

#define ATOLL_AST_NODE(sum, name, fields) struct name;
#define ATOLL_AST_PRODUCT(name, positions, fields) struct name;
#include "Python/compiler/ast.def"

// Enumerations: members are numbered in the order of ast.def.
enum class expr_context : uint8_t { Load, Store, Del };
enum class boolop : uint8_t { And, Or };
enum class operator_ : uint8_t {
  Add, Sub, Mult, MatMult, Div, Mod, Pow, LShift, RShift, BitOr, BitXor, BitAnd, FloorDiv
};
enum class unaryop : uint8_t { Invert, Not, UAdd, USub };
enum class cmpop : uint8_t { Eq, NotEq, Lt, LtE, Gt, GtE, Is, IsNot, In, NotIn };

// How a field of each type is stored: nodes by pointer (nullptr when an optional one is absent), the rest by value.
template <typename T>
using Stored = std::conditional_t<std::is_class_v<T>, T*, T>;

#define ATOLL_AST_ONE(type, name) Stored<ast::type> name;
#define ATOLL_AST_OPT(type, name) Stored<ast::type> name;
#define ATOLL_AST_SEQ(type, name) Seq<Stored<ast::type>> name;
#define ATOLL_AST_NODE(sum, name, fields)    \
  struct name : sum {                        \
    static constexpr Kind kKind = Kind::name; \
    fields                                   \
  };
#define ATOLL_AST_PRODUCT(name, positions, fields) \
  struct name : ATOLL_AST_BASE_##positions {       \
    static constexpr Kind kKind = Kind::name;      \
    fields                                         \
  };
#include "Python/compiler/ast.def"
#undef ATOLL_AST_BASE_0
#undef ATOLL_AST_BASE_1

template <typename T>
bool is(const Node* node) {
  return node->kind == T::kKind;
}
// The node as what its kind says it is; the caller has looked.
template <typename T>
T* as(Node* node) {
  return static_cast<T*>(node);
}
template <typename T>
const T* as(const Node* node) {
  return static_cast<const T*>(node);
}
// nullptr if it is something else.
template <typename T>
T* if_is(Node* node) {
  return node && node->kind == T::kKind ? static_cast<T*>(node) : nullptr;
}
template <typename T>
const T* if_is(const Node* node) {
  return node && node->kind == T::kKind ? static_cast<const T*>(node) : nullptr;
}

// Descriptions for dumpers, converters and the `_ast` types.
enum class FieldArity : uint8_t { kOne, kOptional, kSequence };
enum class FieldType : uint8_t {
  kIdentifier, kString, kInt, kConstant,
  kMod, kStmt, kExpr, kExprContext, kBoolOp, kOperator, kUnaryOp, kCmpOp, kComprehension, kExceptHandler, kArguments,
  kArg, kKeyword, kAlias, kWithItem, kMatchCase, kPattern, kTypeIgnore,
};
struct FieldInfo {
  const char* name;  // as in Python
  FieldType type;
  FieldArity arity;
};
struct NodeInfo {
  const char* name;      // as in Python
  FieldType sum;         // the sum it belongs to (itself for products)
  bool is_product;
  bool has_positions;
  uint8_t field_count;
  const FieldInfo* fields;
};
const NodeInfo& node_info(Kind kind);
const char* type_name(FieldType type);            // "expr", "operator", ...
const char* member_name(FieldType type, int member);  // "Load", "Add", ...; nullptr beyond the last
constexpr int kKindCount = 0
#define ATOLL_AST_NODE(sum, name, fields) +1
#define ATOLL_AST_PRODUCT(name, positions, fields) +1
#include "Python/compiler/ast.def"
    ;

// Calls visitor(index, field) for each field of a node, with the field's own type (by reference), in order.
template <typename Visitor>
void visit_fields(Node* node, Visitor&& visitor) {
  switch (node->kind) {
#define ATOLL_AST_ONE(type, name) visitor(index++, self->name);
#define ATOLL_AST_OPT(type, name) visitor(index++, self->name);
#define ATOLL_AST_SEQ(type, name) visitor(index++, self->name);
#define ATOLL_AST_NODE(sum, name, fields) \
  case Kind::name: {                      \
    auto* self = as<name>(node);          \
    int index = 0;                        \
    fields (void) self;                   \
    (void)index;                          \
    return;                               \
  }
#define ATOLL_AST_PRODUCT(name, positions, fields) ATOLL_AST_NODE(name, name, fields)
#include "Python/compiler/ast.def"
  }
}

// What messages call an expression: "function call", "literal", "f-string expression", ...
const char* expression_name(const expr* node);

}  // namespace atl::compiler::ast
