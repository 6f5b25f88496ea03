// What the passes behind the parser share: where they allocate, how they report, how deep they may go.
#pragma once

#include "Python/compiler/ast.h"
#include "Python/compiler/records.h"

namespace atl::compiler {

// Future features, as bits of co_flags.
enum FutureFlags : uint32_t {
  kFutureNestedScopes = 0x0010,
  kFutureGenerators = 0,
  kFutureDivision = 0x20000,
  kFutureAbsoluteImport = 0x40000,
  kFutureWithStatement = 0x80000,
  kFuturePrintFunction = 0x100000,
  kFutureUnicodeLiterals = 0x200000,
  kFutureBarryAsBdfl = 0x400000,
  kFutureGeneratorStop = 0x800000,
  kFutureAnnotations = 0x1000000,
};

struct PassContext {
  Arena& arena;
  IdentifierTable& names;
  ErrorRecord error;
  Buffer<WarningRecord> warnings;
  int depth = 0;
  int max_depth = 3000;  // nodes; 3.11 takes three times the interpreter's recursion limit
  const char* stack_limit = nullptr;  // the C stack must not grow below this

  bool failed() const { return bool(error) || arena.failed(); }

  // Reports a SyntaxError; only the first counts. Always returns false.
  bool syntax_error(const ast::PositionedNode* at, const char* format, ...) __attribute__((format(printf, 3, 4)));
  bool syntax_error_at(int32_t line, int32_t col, int32_t end_line, int32_t end_col, const char* format, ...)
      __attribute__((format(printf, 6, 7)));
  bool error_of(ErrorKind kind, const char* format, ...) __attribute__((format(printf, 3, 4)));
  bool warn(const ast::PositionedNode* at, const char* format, ...) __attribute__((format(printf, 3, 4)));
  bool memory_error() {
    arena.note_failure();
    return false;
  }
};

// Counts nesting; `too_deep` has reported RecursionError.
struct PassDepth {
  explicit PassDepth(PassContext& context) : context(context) {
    too_deep = ++context.depth > context.max_depth ||
               static_cast<const char*>(__builtin_frame_address(0)) < context.stack_limit;
    if (too_deep) context.error_of(ErrorKind::kRecursionError, "maximum recursion depth exceeded during compilation");
  }
  ~PassDepth() { context.depth--; }
  PassDepth(const PassDepth&) = delete;
  PassDepth& operator=(const PassDepth&) = delete;
  PassContext& context;
  bool too_deep;
};

// What `from __future__ import …` at the beginning of the module switches on.
struct Future {
  uint32_t flags = 0;
  int32_t last_line = -1;  // of the last such statement; later ones are errors
};
[[nodiscard]] bool find_future(PassContext& context, const ast::mod* tree, Future* future);

// Name as seen inside of class `private_name` (nullptr: not in a class): __spam becomes _Class__spam.
identifier mangle(PassContext& context, identifier private_name, identifier name);

// What only trees made of ast objects can have wrong: contexts, positions, empty bodies, names that are constants.
// Reports ValueErrors and TypeErrors as compile() raises them. Trees of the parser need no validation.
[[nodiscard]] bool validate_tree(PassContext& context, const ast::mod* tree);

// Constant folding and the like, in place: what 3.11 does to a tree before it compiles it. `optimize`: 0, 1 (-O), 2.
struct FoldOptions {
  int optimize = 0;
  uint32_t future_flags = 0;
};
[[nodiscard]] bool fold_constants(PassContext& context, ast::mod* tree, const FoldOptions& options);

// The source of an expression, as annotations that are strings (`from __future__ import annotations`) show it.
[[nodiscard]] bool unparse_expression(PassContext& context, const ast::expr* node, Buffer<char>* out);

// True if both are the same constant, type and sign of zero included.
bool same_constant(ast::constant a, ast::constant b);
// Truth of a constant.
bool constant_truth(ast::constant value);

}  // namespace atl::compiler
