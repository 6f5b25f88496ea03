// A program of its own: prints syntax trees as ast.dump(tree, include_attributes=True) does, and syntax errors as
// one line, so that the parser can be compared with CPython's (difftest.py beside this file drives it). With --time it
// only measures.
//
//   dump [--eval|--single|--func-type] [--type-comments] [--code] FILE...     (--code: the instructions instead)
//   dump --batch         requests on standard input: "MODE FLAGS SIZE\n" and SIZE bytes; answers "SIZE\n" and bytes
//   dump --time N FILE...
#include <chrono>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <unicode/uchar.h>
#include <unicode/ucnv.h>
#include <unicode/unorm2.h>

#include "Python/compiler/codegen.h"
#include "Python/compiler/lexer.h"
#include "Python/compiler/literal_repr.h"
#include "Python/compiler/parser.h"
#include "Python/compiler/passes.h"
#include "Python/compiler/symtable.h"
#include "Python/compiler/utf8.h"

namespace atl {
// The instruction table, so that nothing of the object model is needed.
const OpInfo kOpInfo[] = {
#define ATOLL_OP(name, a, b, c, cache, flags) {#name, Operand::a, Operand::b, Operand::c, cache, flags},
#include "Objects/code/opcodes.def"
#undef ATOLL_OP
};
}  // namespace atl

using namespace atl;
using namespace atl::compiler;
using namespace atl::compiler::ast;

namespace {

std::string g_out;

void put(std::string_view text) { g_out.append(text); }
void put_int(long long value) { put(std::to_string(value)); }

void put_constant(constant value) {
  Buffer<char> repr;
  (void)append_constant_repr(&repr, value);
  put({repr.data(), repr.size()});
}
void put_string_repr(std::string_view text) {
  Buffer<char> repr;
  (void)append_str_repr(&repr, text);
  put({repr.data(), repr.size()});
}

void put_node(Node* node);

struct Dumper {
  const NodeInfo& info;
  bool first = true;
  void name(int index) {
    if (!first) put(", ");
    first = false;
    put(info.fields[index].name);
    put("=");
  }
  template <typename T>
  void enumeration(int index, T value) {
    put(member_name(info.fields[index].type, static_cast<int>(value)));
    put("()");
  }
  void operator()(int index, identifier value) {
    if (!value) return;
    name(index);
    put_string_repr(value->view());
  }
  void operator()(int index, int_ value) {
    name(index);
    put_int(value);
  }
  void operator()(int index, constant value) {
    name(index);
    put_constant(value);
  }
  void operator()(int index, expr_context v) { name(index), enumeration(index, v); }
  void operator()(int index, boolop v) { name(index), enumeration(index, v); }
  void operator()(int index, operator_ v) { name(index), enumeration(index, v); }
  void operator()(int index, unaryop v) { name(index), enumeration(index, v); }
  template <typename T>
  void operator()(int index, T* node)
    requires std::is_base_of_v<Node, T>
  {
    if (!node) return;
    name(index);
    put_node(node);
  }
  template <typename T>
  void operator()(int index, Seq<T>& items) {
    name(index);
    put("[");
    for (uint32_t i = 0; i < items.size(); i++) {
      if (i) put(", ");
      if constexpr (std::is_same_v<T, identifier>) {
        put_string_repr(items[i]->view());
      } else if constexpr (std::is_same_v<T, cmpop>) {
        enumeration(index, items[i]);
      } else if (items[i]) {
        put_node(items[i]);
      } else {
        put("None");
      }
    }
    put("]");
  }
};

void put_node(Node* node) {
  const NodeInfo& info = node_info(node->kind);
  put(info.name);
  put("(");
  Dumper dumper{info};
  visit_fields(node, dumper);
  if (info.has_positions) {
    auto* at = static_cast<PositionedNode*>(node);
    if (!dumper.first) put(", ");
    put("lineno="), put_int(at->lineno);
    put(", col_offset="), put_int(at->col_offset);
    put(", end_lineno="), put_int(at->end_lineno);
    put(", end_col_offset="), put_int(at->end_col_offset);
  }
  put(")");
}

bool normalize(void*, std::string_view name, TextSink& result) {
  UErrorCode error = U_ZERO_ERROR;
  const UNormalizer2* nfkc = unorm2_getNFKCInstance(&error);
  std::u16string wide, normal(name.size() * 20 + 20, 0);
  for (const char* p = name.data(); p < name.data() + name.size();) {
    uint32_t c = utf8_next(p);
    if (c >= 0x10000) {
      wide += static_cast<char16_t>(0xD7C0 + (c >> 10));
      wide += static_cast<char16_t>(0xDC00 | (c & 0x3FF));
    } else {
      wide += static_cast<char16_t>(c);
    }
  }
  int32_t n = unorm2_normalize(nfkc, wide.data(), static_cast<int32_t>(wide.size()), normal.data(),
                               static_cast<int32_t>(normal.size()), &error);
  std::string utf8;
  for (int32_t i = 0; i < n;) {
    uint32_t c;
    U16_NEXT(normal.data(), i, n, c);
    char buffer[4];
    utf8.append(buffer, static_cast<size_t>(utf8_put(buffer, c)));
  }
  return result.set(utf8);
}

bool by_name(void*, std::string_view name, uint32_t* code_point) {
  std::string upper(name);
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  UErrorCode error = U_ZERO_ERROR;
  UChar32 c = u_charFromName(U_UNICODE_CHAR_NAME, upper.c_str(), &error);
  if (U_FAILURE(error)) {
    error = U_ZERO_ERROR;
    c = u_charFromName(U_CHAR_NAME_ALIAS, upper.c_str(), &error);
  }
  *code_point = U_FAILURE(error) ? UINT32_MAX : static_cast<uint32_t>(c);
  return true;
}

bool decode(void*, std::string_view encoding, std::string_view bytes, TextSink& result, std::string_view*) {
  std::string name(encoding);
  UErrorCode error = U_ZERO_ERROR;
  std::string utf8(bytes.size() * 4 + 16, 0);
  int32_t size = ucnv_convert("UTF-8", name.c_str(), utf8.data(), static_cast<int32_t>(utf8.size()), bytes.data(),
                              static_cast<int32_t>(bytes.size()), &error);
  if (U_FAILURE(error)) return true;
  return result.set({utf8.data(), static_cast<size_t>(size)});
}

void put_optional(int32_t value) {
  if (value == ErrorRecord::kAbsent) {
    put("None");
  } else {
    put_int(value);
  }
}

void put_error(const ErrorRecord& e) {
  static const char* const kNames[] = {"-", "SyntaxError", "IndentationError", "TabError", "MemoryError",
                                       "RecursionError", "ValueError", "OverflowError", "SystemError", "UnicodeError",
                                       "Raised"};
  put("!");
  put(kNames[static_cast<int>(e.kind)]);
  if (e.kind == ErrorKind::kMemoryError) return;
  put("|");
  put(e.message);
  if (e.kind > ErrorKind::kTabError) return;
  for (int32_t value : {e.lineno, e.offset, e.end_lineno, e.end_offset}) {
    put("|");
    put_optional(value);
  }
}

void put_scope(const Scope* scope) {
  put("[");
  put_string_repr(scope->name->view());
  put(", "), put_int(static_cast<int>(scope->kind));
  put(", "), put_int(scope->lineno);
  put(scope->nested ? ", 1, {" : ", 0, {");
  std::vector<const Symbol*> symbols;
  for (const Symbol& symbol : scope->symbols) symbols.push_back(&symbol);
  std::sort(symbols.begin(), symbols.end(),
            [](const Symbol* a, const Symbol* b) { return a->name->view() < b->name->view(); });
  for (const Symbol* symbol : symbols) {
    if (symbol != symbols[0]) put(", ");
    put_string_repr(symbol->name->view());
    put(": "), put_int(symbol->flags | static_cast<uint32_t>(symbol->scope) << 11);
  }
  put("}, [");
  for (uint32_t i = 0; i < scope->parameter_count; i++) {
    if (i) put(", ");
    put_string_repr(scope->parameters[i]->view());
  }
  put("], [");
  for (uint32_t i = 0; i < scope->child_count; i++) {
    if (i) put(", ");
    put_scope(scope->child_items[i]);
  }
  put("]]");
}

void put_unit(const CodeUnit* unit, int indent) {
  char line[256];
  auto pad = [&] { g_out.append(static_cast<size_t>(indent), ' '); };
  pad();
  std::snprintf(line, sizeof line, "%.*s: flags 0x%x args %u/%u/%u locals %u temps %u line %d\n",
                static_cast<int>(unit->qualname.size()), unit->qualname.data(), unit->flags, unit->posonlyargcount,
                unit->argcount, unit->kwonlyargcount, unit->nlocals, unit->ntemps, unit->firstlineno);
  put(line);
  size_t position = 0;
  for (uint32_t pc = 0; pc < unit->words.size();) {
    uint64_t word = unit->words[pc];
    const OpInfo& info = kOpInfo[word & 0xFFFF];
    while (position + 1 < unit->positions.size() && unit->positions[position + 1].pc <= pc) position++;
    pad();
    std::snprintf(line, sizeof line, "%5d %4u %-18s", unit->positions.size() ? unit->positions[position].line : 0, pc, info.name);
    put(line);
    const Operand kinds[] = {info.a, info.b, info.c};
    for (int k = 0; k < 3; k++) {
      int value = static_cast<int16_t>(word >> (16 + 16 * k));
      switch (kinds[k]) {
        case Operand::None: continue;
        case Operand::K:
          put(" ");
          if (unit->consts[static_cast<uint16_t>(value)].value) {
            put_constant(unit->consts[static_cast<uint16_t>(value)].value);
          } else {
            put("<code>");
          }
          continue;
        case Operand::Name: put(" "), put(unit->names[static_cast<size_t>(value)]->view()); continue;
        case Operand::Jump: std::snprintf(line, sizeof line, " ->%d", static_cast<int>(pc) + 1 + info.cache + value); break;
        case Operand::Free:
          put(" "), put(unit->local_names[unit->local_names.size() - unit->free_count + static_cast<size_t>(value)]->view());
          continue;
        case Operand::Imm: std::snprintf(line, sizeof line, " #%d", value); break;
        default:
          if (value < 0) {
            size_t slot = static_cast<size_t>(value + static_cast<int>(unit->nlocals));
            put(" "), put(slot < unit->local_names.size() - unit->free_count ? unit->local_names[slot]->view() : "<namespace>");
            continue;
          }
          std::snprintf(line, sizeof line, " t%d", value - kFrameHeader);
      }
      put(line);
    }
    put("\n");
    pc += 1u + info.cache;
  }
  for (const HandlerRow& row : unit->handlers) {
    pad();
    std::snprintf(line, sizeof line, "  [%u, %u) -> %u t%d\n", row.start, row.end, row.handler, row.exc_register - kFrameHeader);
    put(line);
  }
  for (const LiveRow& row : unit->live) {
    pad();
    std::snprintf(line, sizeof line, "  live %u:", row.pc);
    put(line);
    for (uint32_t i = 0; i < row.count; i++) put(" t"), put_int(unit->live_pool[row.first + i] - kFrameHeader);
    put("\n");
  }
  for (const UnitConstant& c : unit->consts) {
    if (c.child) put_unit(c.child, indent + 2);
  }
}

// 'S': symbol table. 'C': code. 'U': the expression as text. 'F': the tree after folding. Errors of these passes as usual.
void answer_pass(char pass, Arena& arena, IdentifierTable& names, mod* tree) {
  PassContext context{arena, names, {}, {}};
  Future future;
  bool ok = find_future(context, tree, &future);
  if (ok && pass == 'S') {
    SymbolTable table;
    ok = build_symbol_table(context, tree, future.flags, &table);
    if (ok) put_scope(table.top);
  } else if (ok && pass == 'C') {
    SymbolTable table;
    CodeUnit* unit = nullptr;
    ok = fold_constants(context, tree, {0, future.flags}) && build_symbol_table(context, tree, future.flags, &table) &&
         (unit = generate_code(context, tree, table, future, {}));
    if (ok) put_unit(unit, 0);
    for (const WarningRecord& w : context.warnings) {
      std::string text = g_out;
      g_out = "?SyntaxWarning|" + std::to_string(w.lineno) + "|" + std::string(w.message) + "\n" + text;
    }
  } else if (ok && pass == 'F') {
    ok = fold_constants(context, tree, {0, future.flags});
    if (ok) put_node(tree);
  } else if (ok) {
    Buffer<char> text;
    ok = unparse_expression(context, as<Expression>(tree)->body, &text);
    if (ok) put({text.data(), text.size()});
  }
  if (!ok) put_error(context.error);
}

void answer(std::string_view input, ParseOptions options, char pass = 0) {
  Callbacks callbacks;
  callbacks.normalize = normalize;
  callbacks.character_by_name = by_name;
  callbacks.decode = decode;
  options.callbacks = &callbacks;
  Arena arena;
  IdentifierTable names(arena);
  ParseResult result;
  parse(arena, names, input, options, &result);
  for (const WarningRecord& w : result.warnings) {
    put(w.kind == WarningKind::kSyntaxWarning ? "?SyntaxWarning|" : "?DeprecationWarning|");
    put_int(w.lineno);
    put("|");
    put(w.message);
    put("\n");
  }
  if (result.tree && pass) {
    answer_pass(pass, arena, names, result.tree);
  } else if (result.tree) {
    put_node(result.tree);
  } else {
    put_error(result.error);
  }
}

std::string read_file(const char* path) {
  std::string text;
  FILE* file = std::fopen(path, "rb");
  if (!file) return text;
  char buffer[65536];
  size_t n;
  while ((n = std::fread(buffer, 1, sizeof buffer, file)) > 0) text.append(buffer, n);
  std::fclose(file);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  ParseOptions options;
  options.source_kind = SourceKind::kBytes;
  int i = 1;
  char pass = 0;
  for (; i < argc && argv[i][0] == '-'; i++) {
    std::string_view arg = argv[i];
    if (arg == "--batch") {
      char mode, flags[64];
      size_t size;
      while (std::scanf(" %c %63s %zu", &mode, flags, &size) == 3) {
        std::getchar();
        std::string text(size, 0);
        if (std::fread(text.data(), 1, size, stdin) != size) return 1;
        ParseOptions o;
        o.source_kind = std::strchr(flags, 't') ? SourceKind::kText : SourceKind::kBytes;
        o.mode = mode == 'e' ? ParseMode::kEval : mode == 's' ? ParseMode::kSingle
                 : mode == 'f' ? ParseMode::kFunctionType : ParseMode::kExec;
        o.type_comments = std::strchr(flags, 'T');
        o.allow_incomplete_input = std::strchr(flags, 'I');
        o.dont_imply_dedent = std::strchr(flags, 'D');
        if (const char* v = std::strchr(flags, 'v')) o.feature_version = std::atoi(v + 1);
        g_out.clear();
        answer(text, o, std::strchr(flags, 'S') ? 'S' : std::strchr(flags, 'U') ? 'U' : std::strchr(flags, 'F') ? 'F' : std::strchr(flags, 'C') ? 'C' : 0);
        std::printf("%zu\n", g_out.size());
        std::fwrite(g_out.data(), 1, g_out.size(), stdout);
        std::fflush(stdout);
      }
      return 0;
    }
    if (arg == "--eval") options.mode = ParseMode::kEval;
    if (arg == "--single") options.mode = ParseMode::kSingle;
    if (arg == "--func-type") options.mode = ParseMode::kFunctionType;
    if (arg == "--code") pass = 'C';
    if (arg == "--type-comments") options.type_comments = true;
    if (arg == "--time" && i + 1 < argc) {
      int rounds = std::atoi(argv[++i]);
      std::vector<std::string> texts;
      size_t bytes = 0, tokens = 0;
      for (int k = i + 1; k < argc; k++) {
        texts.push_back(read_file(argv[k]));
        bytes += texts.back().size();
        Arena arena;
        Source source;
        ErrorRecord error;
        TokenStream stream;
        if (prepare_source(arena, texts.back(), {}, &source, &error) && tokenize(arena, source, {}, &stream))
          tokens += stream.tokens.size();
      }
      using Clock = std::chrono::steady_clock;
      double best_lex = 1e9, best_all = 1e9;
      for (int r = 0; r < rounds; r++) {
        auto start = Clock::now();
        for (const std::string& text : texts) {
          Arena arena;
          Source source;
          ErrorRecord error;
          TokenStream stream;
          (void)(prepare_source(arena, text, {}, &source, &error) && tokenize(arena, source, {}, &stream));
        }
        best_lex = std::min(best_lex, std::chrono::duration<double>(Clock::now() - start).count());
        start = Clock::now();
        for (const std::string& text : texts) {
          Arena arena;
          IdentifierTable names(arena);
          ParseResult result;
          parse(arena, names, text, options, &result);
        }
        best_all = std::min(best_all, std::chrono::duration<double>(Clock::now() - start).count());
      }
      std::printf("%zu files, %zu bytes, %zu tokens: lexer %.1f ms (%.1f Mtok/s), lexer and parser %.1f ms (%.1f Mtok/s)\n",
                  texts.size(), bytes, tokens, best_lex * 1e3, static_cast<double>(tokens) / best_lex / 1e6,
                  best_all * 1e3, static_cast<double>(tokens) / best_all / 1e6);
      return 0;
    }
  }
  for (; i < argc; i++) {
    g_out.clear();
    answer(read_file(argv[i]), options, pass);
    std::printf("%s\n", g_out.c_str());
  }
  return 0;
}
