// The parser's class, shared by parser*.cc only.
//
// Conventions. A parse function returns nullptr (false) when what stands at tok_ is not what it parses; fail() is how
// a leaf says so, and remembers how far the parser looked. With an error raised (error_) everything returns at once.
// Functions consume exactly what they parse; `start` is the first token of the node being built. Sequences are
// collected on scratch_ and copied to the arena when complete.
#pragma once

#include <cstdarg>

#include "Python/compiler/lexer.h"
#include "Python/compiler/parser.h"

namespace atl::compiler {

using ast::Seq;

// Bounds recursion that brackets (200) and indentation (100) do not bound: unary operators, powers, conditional
// expressions, lambdas, and all of it inside of f-strings.
constexpr int kMaxDepth = 6000;

struct SharedState {
  Arena& arena;
  IdentifierTable& names;
  const ParseOptions& options;
  Buffer<WarningRecord>& warnings;
  int depth = 0;
  bool barry = false;
  // The last place warned about, so that parsing something twice warns once.
  int32_t warned_line = 0;
  int32_t warned_col = -1;
};

enum class TargetKind : uint8_t { kStar, kDel, kFor };

class Parser {
 public:
  Parser(SharedState& shared, const Source& source, TokenStream& stream)
      : shared_(shared), arena_(shared.arena), options_(shared.options), source_(source), stream_(stream),
        tokens_(stream.tokens.data()), tok_(tokens_), furthest_(tokens_) {}

  // The two passes. nullptr: error() says why.
  ast::mod* run();
  // The same for an expression of an f-string.
  ast::expr* run_embedded(int32_t first_line, int32_t first_col);
  const ErrorRecord& error() const { return error_; }

 private:
  using expr = ast::expr;
  using stmt = ast::stmt;

  struct Mark {
    const Token* tok;
    size_t scratch;
    bool diagnose;
  };

  // ---- tokens ----
  Tok kind() const { return tok_->kind; }
  bool at(Tok kind) const { return tok_->kind == kind; }
  bool accept(Tok kind) {
    if (tok_->kind != kind) return false;
    tok_++;
    return true;
  }
  bool expect(Tok kind) {
    if (tok_->kind == kind) [[likely]] {
      tok_++;
      return true;
    }
    fail();
    return false;
  }
  bool at_soft(SoftKeyword soft) const { return tok_->kind == Tok::kName && tok_->soft == soft; }
  std::string_view text(const Token* token) const {
    return {source_.text + token->start, token->end - token->start};
  }
  void touch(const Token* token) {
    if (token > furthest_) furthest_ = token;
  }
  std::nullptr_t fail() {
    touch(tok_);
    if (tok_->kind == Tok::kError) raise_lexer_error();
    return nullptr;
  }
  // The last token before tok_ that is not white space.
  const Token* previous() const {
    const Token* t = tok_ - 1;
    while (t > tokens_ && t->kind >= Tok::kNewline && t->kind <= Tok::kDedent) t--;
    return t;
  }
  int32_t end_line(const Token* token) const;

  Mark mark() const { return {tok_, scratch_.size(), diagnose_}; }
  void restore(const Mark& m) {
    touch(tok_);
    tok_ = m.tok;
    scratch_.truncate(m.scratch);
    diagnose_ = m.diagnose;
  }
  // Runs `parse` without diagnosing and goes back, unless it returned something true.
  template <typename F>
  auto try_quietly(F parse) {
    Mark m = mark();
    diagnose_ = false;
    auto result = parse();
    if (result) {
      touch(tok_);
      diagnose_ = m.diagnose;
    } else {
      restore(m);
    }
    return result;
  }

  // ---- nodes ----
  template <typename T>
  T* make() {
    T* node = arena_.make<T>();
    if (!node) return nullptr;
    static_cast<ast::Node*>(node)->kind = T::kKind;  // (Constant has a field of that name)
    return node;
  }
  // From `start` to the last token consumed.
  template <typename T>
  T* make_at(const Token* start) {
    T* node = make<T>();
    if (!node) return nullptr;
    const Token* last = previous();
    node->lineno = start->line;
    node->col_offset = start->col;
    node->end_lineno = last->lines ? end_line(last) : last->line;
    node->end_col_offset = last->end_col;
    return node;
  }
  template <typename T>
  bool push(T* item) {
    if (!item) return false;
    return push_nullable(item);
  }
  template <typename T>
  bool push_nullable(T* item) {
    if (scratch_.push(const_cast<void*>(static_cast<const void*>(item)))) return true;
    arena_.note_failure();
    return false;
  }
  // Moves what was pushed since `base` into *result.
  template <typename T>
  bool take(size_t base, Seq<T>* result) {
    static_assert(sizeof(T) == sizeof(void*));
    size_t count = scratch_.size() - base;
    result->count = static_cast<uint32_t>(count);
    result->items = nullptr;
    if (count) {
      result->items = arena_.make_array<T>(count);
      if (!result->items) return false;
      std::memcpy(static_cast<void*>(result->items), scratch_.data() + base, count * sizeof(T));
    }
    scratch_.truncate(base);
    return true;
  }

  // ---- errors (parser_errors.cc); all of these return nullptr, having set error_ unless one is set already ----
  std::nullptr_t raise_lexer_error();
  std::nullptr_t raise_last(ErrorKind kind, const char* format, ...) __attribute__((format(printf, 3, 4)));
  std::nullptr_t raise_at(const Token* token, const char* format, ...) __attribute__((format(printf, 3, 4)));
  std::nullptr_t raise_node(const ast::PositionedNode* node, const char* format, ...)
      __attribute__((format(printf, 3, 4)));
  std::nullptr_t raise_range(const ast::PositionedNode* from, const ast::PositionedNode* to, const char* format, ...)
      __attribute__((format(printf, 4, 5)));
  std::nullptr_t raise_tokens(const Token* from, const Token* to, const char* format, ...)
      __attribute__((format(printf, 4, 5)));
  std::nullptr_t raise_node_to_token(const ast::PositionedNode* from, const Token* to, const char* format, ...)
      __attribute__((format(printf, 4, 5)));
  std::nullptr_t raise_here(int32_t line, int32_t col, int32_t end_line, const char* format, ...)
      __attribute__((format(printf, 5, 6)));
  // From a place to as far as the text has been read.
  std::nullptr_t raise_from(int32_t line, int32_t col, const char* format, ...) __attribute__((format(printf, 4, 5)));
  // Offsets as they are to be reported.
  std::nullptr_t raise_place(ErrorKind kind, int32_t line, int32_t offset, int32_t end_line, int32_t end_offset,
                             const char* format, va_list args);
  int32_t offset_at(int32_t line, int32_t col) const;
  bool is_marker(const Token* token) const;
  int32_t marker_offset(const Token* token) const;
  std::nullptr_t raise_forced(const char* expected);
  // Only the line of the token counts.
  std::nullptr_t raise_token_line(const Token* token, const char* format, ...) __attribute__((format(printf, 3, 4)));
  std::nullptr_t raise_memory();
  std::nullptr_t raise_too_deep();
  void generic_error(const Token* last);
  void start_second_pass();
  void finish_error(const Token* first_pass_last);
  bool touched_end() const;
  std::string_view line_text(int32_t line) const;
  bool warn(WarningKind kind, const Token* token, std::string_view message);
  bool version_ok(int minor, const char* what);

  // What is wrong here? Called when parsing has failed (or, the check_ ones, might be about to go wrong) with diagnose_
  // set and nothing raised; they may raise, and leave tok_ anywhere if they return nothing.
  const expr* invalid_target(const expr* node, TargetKind kind) const;
  std::nullptr_t raise_invalid_target(const expr* node, TargetKind kind);
  bool check_invalid_expression(const Token* start, expr* left);
  bool check_legacy_statement(const Token* start);
  bool check_invalid_named(const Token* start, expr* value);
  void diagnose_assignment(const Token* start, const Token* value_start, expr* value);
  expr* diagnose_elements(const Token* start);
  void diagnose_annotation(const Token* start, expr* target);
  void diagnose_arguments(const Token* open);
  void diagnose_invalid_kvpair();
  void diagnose_pair_value();
  void diagnose_comprehension(const Token* open);
  void diagnose_dict(const Token* open);
  void diagnose_group(const Token* open);
  void diagnose_for_target(const Token* after_for);
  bool diagnose_block(const Token* keyword, const char* what);
  void diagnose_with(const Token* items_start);
  void diagnose_except(const Token* except, bool star);
  bool is_legacy_name(const expr* node) const;
  // Searching the same place twice finds nothing new, but costs time that doubles with each level of nesting.
  enum Search : uint8_t { kExpression = 1, kNamed = 2, kArguments = 4, kDisplay = 8, kDict = 16, kQuietly = 32, kLegacy = 64 };
  bool searched(const Token* token, Search kind) const {
    return !searched_.empty() && (searched_[static_cast<size_t>(token - tokens_)] & kind);
  }
  bool first_search(const Token* token, Search kind) {
    size_t index = static_cast<size_t>(token - tokens_);
    if (searched_.empty() && !searched_.resize_zeroed(stream_.tokens.size())) return arena_.note_failure(), false;
    if (searched_[index] & kind) return false;
    searched_[index] |= kind;
    return true;
  }
  // Back to `at` because what follows it does not fit, which is no error yet.
  template <typename T>
  T* stop_at(const Token* at, size_t scratch, T* result) {
    if (error_ || arena_.failed()) return nullptr;
    touch(tok_);
    tok_ = at;
    scratch_.truncate(scratch);
    return result;
  }

  // ---- expressions (parser_expr.cc) ----
  expr* star_expressions(bool star_allowed = true);
  expr* star_expression();
  expr* star_named_expression();
  expr* named_expression();
  expr* assignment_or_expression();  // NAME ':=' expression, or an expression not followed by ':='
  expr* expression();
  expr* expression_quiet();
  expr* binary(int min_precedence);
  expr* disjunction() { return remembered(1); }
  expr* bitwise_or() { return remembered(5); }
  // What has been parsed without diagnosing is not diagnosed later either (3.11 remembers results).
  expr* remembered(int level) {
    if (!diagnose_ || !searched(tok_, kQuietly)) return binary(level);
    diagnose_ = false;
    expr* result = binary(level);
    diagnose_ = true;
    return result;
  }
  expr* comparison(const Token* start, expr* left);
  expr* unary();
  expr* power();
  expr* primary();
  expr* trailers(const Token* start, expr* value);
  expr* atom();
  expr* name();
  expr* constant(const Token* token, ast::ConstantKind kind);
  expr* group_tuple_or_genexp();
  expr* list_or_listcomp();
  expr* dict_set_or_comp();
  expr* dict_display(const Token* open, expr* first_key);
  bool more_elements();
  bool comprehensions(Seq<ast::comprehension*>* result);
  bool at_comprehension() {
    if (at(Tok::kFor)) return true;
    if (!at(Tok::kAsync)) return false;
    touch(tok_ + 1);
    return tok_[1].kind == Tok::kFor;
  }
  bool arguments(const Token* open, Seq<expr*>* args, Seq<ast::keyword*>* keywords, bool of_class = false);
  expr* slices();
  expr* slice();
  expr* lambda();
  expr* yield_expression();
  expr* yield_or_star_expressions() { return at(Tok::kYield) ? yield_expression() : star_expressions(); }
  expr* star_target();
  expr* star_targets();
  bool at_expression_start() const;
  bool set_context(expr* node, ast::expr_context context, bool star_allowed);
  ast::arguments* parameters(bool lambda);
  ast::arg* parameter(bool lambda, bool star_annotation);
  bool parenthesized_parameters(bool lambda);
  identifier identifier_at(const Token* token);

  // ---- literals (parser_string.cc, parser_number.cc) ----
  expr* number();
  expr* strings();
  struct FString;
  bool fstring_flush(FString& out);
  expr* string_constant(const Token* first, std::string_view text, bool bytes, bool unicode_kind);
  bool warn_escape(const Token* token, char escaped);
  bool fstring_parts(FString& out, const Token* token, const char*& p, const char* end, bool raw, int level);
  bool fstring_literal(FString& out, const Token* token, const char*& p, const char* end, bool raw, int level);
  bool fstring_expression(FString& out, const Token* token, const char*& p, const char* end, bool raw, int level);
  expr* fstring_compile(const Token* token, const char* start, const char* end);
  bool decode_escapes(const Token* token, std::string_view body, bool bytes, Buffer<char>* out);

  // ---- statements (parser_stmt.cc) ----
  bool statements();
  bool statement();
  bool simple_statements();
  stmt* simple_statement();
  stmt* expression_statement();
  stmt* assignment(const Token* start, expr* first);
  stmt* annotated_assignment(const Token* start, expr* target);
  stmt* compound_statement();
  bool block(Seq<stmt*>* body);
  stmt* if_statement();
  stmt* while_statement();
  stmt* for_statement(const Token* start, bool is_async);
  stmt* with_statement(const Token* start, bool is_async);
  bool with_items(Seq<ast::withitem*>* items, bool parenthesized);
  ast::withitem* with_item();
  stmt* try_statement();
  stmt* function_definition(const Token* start, Seq<expr*> decorators, bool is_async);
  stmt* class_definition(Seq<expr*> decorators);
  stmt* decorated();
  stmt* import_statement();
  stmt* import_from();
  identifier dotted_name();
  stmt* delete_statement();
  stmt* return_statement();
  stmt* raise_statement();
  stmt* assert_statement();
  stmt* global_or_nonlocal();
  bool colon_and_block(const Token* keyword, const char* what, Seq<stmt*>* body);
  bool statement_colon();
  bool forced_colon_and_block(const Token* keyword, const char* what, Seq<stmt*>* body);
  bool else_block(Seq<stmt*>* body);
  ast::excepthandler* except_clause(const Token* except, bool star);
  bool except_header(bool star, expr** type, identifier* name);
  ast::string type_comment();
  bool function_type_comment(ast::string* comment);

  // ---- match (parser_pattern.cc) ----
  stmt* match_statement();
  expr* match_subject();
  ast::match_case* match_case();
  ast::pattern* open_pattern();
  ast::pattern* pattern();
  ast::pattern* or_pattern();
  ast::pattern* closed_pattern();
  ast::pattern* maybe_star_pattern();
  ast::pattern* star_pattern();
  ast::pattern* sequence_rest(const Token* start, size_t base, Tok close);
  ast::pattern* mapping_pattern();
  ast::pattern* class_pattern(const Token* start, expr* cls);
  expr* name_or_attribute();
  expr* signed_number();
  expr* complex_number();

  // ---- roots (parser.cc) ----
  ast::mod* root();
  ast::mod* function_type();

  SharedState& shared_;
  Arena& arena_;
  const ParseOptions& options_;
  const Source& source_;
  TokenStream& stream_;
  const Token* tokens_;
  const Token* tok_;
  const Token* furthest_;
  bool diagnose_ = false;
  bool embedded_ = false;
  bool offsets_in_bytes_ = false;
  int32_t first_line_ = 1;
  int32_t first_col_ = 0;
  Buffer<void*> scratch_;
  Buffer<uint8_t> searched_;  // by token, flags of Search
  ErrorRecord error_;

  friend struct DepthGuard;
};

// Counts nesting for the lifetime of the object; `too_deep` has raised.
struct DepthGuard {
  explicit DepthGuard(Parser& parser) : parser(parser) {
    too_deep = ++parser.shared_.depth > kMaxDepth;
    if (too_deep) parser.raise_too_deep();
  }
  ~DepthGuard() { parser.shared_.depth--; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  Parser& parser;
  bool too_deep;
};

extern const uint8_t kPrecedence[];  // by Tok

}  // namespace atl::compiler
