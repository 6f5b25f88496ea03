// The parser's entry points, roots, and the two passes.
#include "Python/compiler/parser.h"

#include <algorithm>

#include "Python/compiler/parser_impl.h"

namespace atl::compiler {

using namespace ast;

mod* Parser::root() {
  switch (options_.mode) {
    case ParseMode::kExec: {
      size_t base = scratch_.size();
      if (!at(Tok::kEndMarker) && !statements()) return nullptr;
      if (!at(Tok::kEndMarker)) return fail();
      auto* node = make<Module>();
      if (!node || !take(base, &node->body)) return nullptr;
      size_t count = stream_.type_ignores.size();
      if (count) {
        node->type_ignores = {arena_.make_array<type_ignore*>(count), static_cast<uint32_t>(count)};
        if (!node->type_ignores.items) return nullptr;
      }
      for (size_t i = 0; i < count; i++) {
        const TypeIgnoreRecord& record = stream_.type_ignores[i];
        auto* ignore = make<TypeIgnore>();
        if (!ignore) return nullptr;
        ignore->lineno = record.line;
        ignore->tag = shared_.names.intern({source_.text + record.start, record.end - record.start});
        if (!ignore->tag) return nullptr;
        node->type_ignores[i] = ignore;
      }
      return node;
    }
    case ParseMode::kEval: {
      expr* body = star_expressions(false);
      if (!body) return nullptr;
      while (accept(Tok::kNewline)) {
      }
      if (!at(Tok::kEndMarker)) return fail();
      auto* node = make<Expression>();
      if (node) node->body = body;
      return node;
    }
    case ParseMode::kSingle: {
      size_t base = scratch_.size();
      if (at(Tok::kEndMarker)) return fail();
      if (at(Tok::kNewline)) {
        const Token* start = tok_++;
        if (!push(make_at<Pass>(start))) return nullptr;
      } else {
        switch (kind()) {
          case Tok::kIf: case Tok::kWhile: case Tok::kFor: case Tok::kTry: case Tok::kWith: case Tok::kDef:
          case Tok::kClass: case Tok::kAt: case Tok::kAsync:
            if (!push(compound_statement()) || !expect(Tok::kNewline)) return nullptr;
            break;
          default: {
            stmt* match = at_soft(SoftKeyword::kMatch) ? match_statement() : nullptr;
            if (match) {
              if (!push(match) || !expect(Tok::kNewline)) return nullptr;
            } else {
              if (error_ || arena_.failed() || !simple_statements()) return nullptr;
            }
          }
        }
      }
      // Nothing but blank lines and comments may follow.
      const char* rest = source_.text + tok_[-1].end;
      while (*rest == ' ' || *rest == '\t' || *rest == '\n' || *rest == '\f' || *rest == '#') {
        if (*rest++ == '#') {
          while (*rest && *rest != '\n') rest++;
        }
      }
      if (*rest) {
        tok_--;
        furthest_ = tok_;
        return raise_last(ErrorKind::kSyntaxError, "multiple statements found while compiling a single statement");
      }
      auto* node = make<Interactive>();
      return node && take(base, &node->body) ? node : nullptr;
    }
    case ParseMode::kFunctionType: return function_type();
  }
  return nullptr;
}

// '(' types ')' '->' type, as in type comments of definitions. Stars before types are dropped.
mod* Parser::function_type() {
  size_t base = scratch_.size();
  if (!expect(Tok::kLPar)) return nullptr;
  bool star = false, double_star = false;
  while (!at(Tok::kRPar)) {
    if (at(Tok::kDoubleStar)) {
      tok_++;
      double_star = true;
    } else if (at(Tok::kStar)) {
      if (star) return fail();
      tok_++;
      star = true;
    } else if (star) {
      return fail();
    }
    if (!push(expression())) return nullptr;
    if (double_star || at(Tok::kRPar)) break;
    if (!expect(Tok::kComma)) return nullptr;
    if (at(Tok::kRPar)) return fail();
  }
  if (!expect(Tok::kRPar) || !expect(Tok::kRarrow)) return nullptr;
  expr* returns = expression();
  if (!returns) return nullptr;
  while (accept(Tok::kNewline)) {
  }
  if (!at(Tok::kEndMarker)) return fail();
  auto* node = make<FunctionType>();
  if (!node || !take(base, &node->argtypes)) return nullptr;
  node->returns = returns;
  return node;
}

mod* Parser::run() {
  offsets_in_bytes_ = options_.source_kind == SourceKind::kBytes && source_.encoding.empty();
  shared_.barry = options_.barry_as_bdfl;
  mod* tree = root();
  if (tree && !error_) return tree;
  if (arena_.failed()) return raise_memory();
  touch(tok_);
  if (options_.allow_incomplete_input && touched_end()) {
    bool was_error = furthest_->kind == Tok::kError;
    error_ = {};
    if (was_error) {
      // The token that could not be made has no place of its own.
      error_ = stream_.error;
      error_.kind = ErrorKind::kSyntaxError;
      error_.message = "incomplete input";
      return nullptr;
    }
    return raise_last(ErrorKind::kSyntaxError, "incomplete input");
  }
  bool syntax = !error_ || error_.kind == ErrorKind::kSyntaxError || error_.kind == ErrorKind::kIndentationError ||
                error_.kind == ErrorKind::kTabError;
  if (!syntax) return nullptr;
  const Token* last = furthest_;
  if (!error_ && last->kind == Tok::kError) raise_lexer_error();
  if (!error_) {
    start_second_pass();
    shared_.barry = options_.barry_as_bdfl;
    shared_.warned_line = 0;
    root();
    if (arena_.failed()) return raise_memory();
  }
  finish_error(last);
  return nullptr;
}

void Parser::start_second_pass() {
  tok_ = tokens_;
  scratch_.truncate(0);
  searched_.truncate(0);
  diagnose_ = true;
}

expr* Parser::run_embedded(int32_t first_line, int32_t first_col) {
  embedded_ = true;
  offsets_in_bytes_ = true;
  first_line_ = first_line;
  first_col_ = first_col;
  auto parse = [&]() -> expr* {
    expr* value = star_expressions();
    if (!value) return nullptr;
    accept(Tok::kNewline);
    return at(Tok::kEndMarker) ? value : fail();
  };
  expr* value = parse();
  if (value && !error_) return value;
  if (arena_.failed()) return nullptr;
  bool syntax = !error_ || error_.kind == ErrorKind::kSyntaxError;
  if (!syntax) return nullptr;
  touch(tok_);
  const Token* last = furthest_;
  if (!error_ && last->kind == Tok::kError) raise_lexer_error();
  if (!error_) {
    start_second_pass();
    parse();
    if (arena_.failed()) return nullptr;
  }
  finish_error(last);
  return nullptr;
}

void parse(Arena& arena, IdentifierTable& names, std::string_view input, const ParseOptions& options,
           ParseResult* result) {
  SourceOptions source_options;
  source_options.kind = options.source_kind;
  source_options.filename = options.filename;
  source_options.callbacks = options.callbacks;
  source_options.add_newline = options.mode == ParseMode::kExec;
  Source source;
  if (!prepare_source(arena, input, source_options, &source, &result->error)) return;
  result->encoding = source.encoding;

  LexOptions lex_options;
  lex_options.type_comments = options.type_comments;
  lex_options.async_hacks = options.feature_version < 7;
  lex_options.imply_dedent = !options.dont_imply_dedent;
  lex_options.interactive = options.mode == ParseMode::kSingle;
  TokenStream stream;
  if (!tokenize(arena, source, lex_options, &stream)) {
    result->error.kind = ErrorKind::kMemoryError;
    return;
  }
  SharedState shared{arena, names, options, result->warnings};
  for (const WarningRecord& warning : stream.warnings) {
    if (!result->warnings.push(warning)) arena.note_failure();
  }
  Parser parser(shared, source, stream);
  result->tree = parser.run();
  result->error = parser.error();
  if (!result->tree && !result->error) result->error.kind = ErrorKind::kMemoryError;
  std::stable_sort(result->warnings.begin(), result->warnings.end(),
                   [](const WarningRecord& a, const WarningRecord& b) { return a.lineno < b.lineno; });
}

}  // namespace atl::compiler
