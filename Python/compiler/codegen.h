// Code generation: tree and symbol table to code for the register machine (Objects/code/opcodes.def).
//
// The result is a tree of CodeUnits in the arena; image_make.h turns it into code images with Python objects.
#pragma once

#include "Objects/code/image.h"
#include "Python/compiler/symtable.h"

namespace atl::compiler {

struct CodegenOptions {
  int optimize = 0;              // 1: no assertions; 2: no docstrings either
  uint32_t flags = 0;            // CO_FUTURE_… given by the caller
  bool top_level_await = false;  // PyCF_ALLOW_TOP_LEVEL_AWAIT
};

struct CodeUnit;

struct UnitConstant {
  ast::constant value;  // nullptr: `child`
  CodeUnit* child;
};

// What an image holds, with constants and names as arena data. Tables are those of image.h.
struct CodeUnit {
  identifier name = nullptr;
  std::string_view qualname;
  uint32_t flags = 0;
  uint32_t argcount = 0;
  uint32_t posonlyargcount = 0;
  uint32_t kwonlyargcount = 0;
  uint32_t nlocals = 0;
  uint32_t ntemps = 0;
  int32_t firstlineno = 1;
  ast::Seq<uint64_t> words;
  ast::Seq<UnitConstant> consts;
  ast::Seq<identifier> names;
  ast::Seq<identifier> local_names;
  ast::Seq<uint8_t> local_kinds;
  uint32_t free_count = 0;
  uint32_t cell_count = 0;
  ast::Seq<HandlerRow> handlers;
  ast::Seq<LiveRow> live;
  ast::Seq<uint16_t> live_pool;
  ast::Seq<PositionRow> positions;
};

// nullptr: context.error, or out of memory.
CodeUnit* generate_code(PassContext& context, ast::mod* tree, const SymbolTable& table, const Future& future,
                        const CodegenOptions& options);

}  // namespace atl::compiler
