// The symbol table: which scope each name of a program belongs to.
//
// One Scope per module, class, function, lambda and comprehension. Building collects how names are used (flags as in
// 3.11's `symtable` module), analysis decides local, global, free or cell. Errors that depend on scopes are found here.
#pragma once

#include "Python/compiler/passes.h"

namespace atl::compiler {

enum SymbolFlags : uint32_t {
  kDefGlobal = 1,       // global statement
  kDefLocal = 2,        // assignment
  kDefParam = 4,        // formal parameter
  kDefNonlocal = 8,     // nonlocal statement
  kUse = 16,            // name is used
  kDefFree = 32,        // (unused by the builder; part of 3.11's numbering)
  kDefFreeClass = 64,   // free variable of a class body's methods that the class binds, too
  kDefImport = 128,     // assignment by import
  kDefAnnot = 256,      // annotated
  kDefCompIter = 512,   // iteration variable of a comprehension
  kDefBound = kDefLocal | kDefParam | kDefImport,
};

enum class NameScope : uint8_t { kUnknown, kLocal, kGlobalExplicit, kGlobalImplicit, kFree, kCell };

enum class ScopeKind : uint8_t { kFunction, kClass, kModule, kAnnotation };
enum class ComprehensionKind : uint8_t { kNone, kList, kDict, kSet, kGenerator };

struct Symbol {
  identifier name;
  uint32_t flags;
  NameScope scope;
};

struct Directive {
  identifier name;
  const ast::PositionedNode* at;
};

// Symbols of a scope, in order of first appearance.
class SymbolMap {
 public:
  Symbol* find(identifier name);
  const Symbol* find(identifier name) const { return const_cast<SymbolMap*>(this)->find(name); }
  // nullptr: out of memory.
  Symbol* find_or_add(Arena& arena, identifier name);
  Symbol* begin() { return items_; }
  Symbol* end() { return items_ + count_; }
  const Symbol* begin() const { return items_; }
  const Symbol* end() const { return items_ + count_; }
  uint32_t size() const { return count_; }

 private:
  Symbol* items_ = nullptr;
  uint32_t* index_ = nullptr;  // positions + 1, by hash; only for larger maps
  uint32_t count_ = 0;
  uint32_t capacity_ = 0;
  uint32_t index_mask_ = 0;
};

struct Scope {
  ScopeKind kind;
  ComprehensionKind comprehension = ComprehensionKind::kNone;
  identifier name;
  const ast::Node* node;
  Scope* parent = nullptr;
  ast::Seq<Scope*> children() const { return {child_items, child_count}; }
  SymbolMap symbols;
  identifier* parameters = nullptr;  // in order, mangled; the iterable of a comprehension is ".0"
  uint32_t parameter_count = 0;
  uint32_t parameter_capacity = 0;
  Directive* directives = nullptr;
  uint32_t directive_count = 0;
  uint32_t directive_capacity = 0;
  Scope** child_items = nullptr;
  uint32_t child_count = 0;
  uint32_t child_capacity = 0;
  int32_t lineno = 0, col_offset = 0, end_lineno = 0, end_col_offset = 0;
  bool nested = false;
  bool generator = false;
  bool coroutine = false;
  bool varargs = false;
  bool varkeywords = false;
  bool returns_value = false;
  bool needs_class_closure = false;  // of a class: methods use __class__ or super()
  bool has_named_expressions = false;  // in this scope or a comprehension within
  bool comp_iter_target = false;
  int comp_iter_expr = 0;
};

struct SymbolTable {
  Scope* top = nullptr;
  Scope* find(const ast::Node* node) const;

  ~SymbolTable() { std::free(slots); }
  SymbolTable() = default;
  SymbolTable(const SymbolTable&) = delete;
  SymbolTable& operator=(const SymbolTable&) = delete;
  struct Slot {
    const ast::Node* node;
    Scope* scope;
  };
  Slot* slots = nullptr;
  uint32_t mask = 0;
  uint32_t count = 0;
};

// false: context.error, or out of memory.
[[nodiscard]] bool build_symbol_table(PassContext& context, ast::mod* tree, uint32_t future_flags, SymbolTable* table);

// Scope of a (mangled) name as seen in `scope`.
NameScope scope_of(const Scope* scope, identifier name);

}  // namespace atl::compiler
