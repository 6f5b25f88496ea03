// The code generator's classes, shared by codegen_*.cc and assemble.cc only.
//
// Registers. Temporaries are handed out like a stack: depth_ is the first free one; an expression's value goes to the
// temporary at depth_ (or straight to its destination). Holes are allowed below. Locals are encoded as -1-slot, cells
// that are no local as kCellOperand-index; the assembler, which knows how many there are, makes registers of them.
// Which temporaries are alive where is not tracked here: the assembler follows the instructions and checks.
//
// Places. pos_ is the position that emitted instructions get; expressions and statements set it on the way down.
#pragma once

#include "Python/compiler/codegen.h"

namespace atl::compiler {

using ast::Seq;

struct Position {
  int32_t line = 0, end_line = 0, col = -1, end_col = -1;
  bool operator==(const Position&) const = default;
};

using Label = int32_t;
constexpr Label kNoLabel = -1;
constexpr int32_t kCellOperand = -(1 << 24);

struct Instr {
  Opcode op;
  int32_t a, b, c;
  Label target;  // replaces the operand of kind Jump
  Position pos;
};

// Instructions [start, end) (indices) whose exceptions go to `handler`.
struct Region {
  int32_t start, end;
  Label handler;
  int32_t exc_register;
  int32_t base;      // temporaries from here on do not reach the handler
  int32_t depth;     // of nesting; deeper ones come first
};

// Keys (pointers or numbers) to small numbers, in order of first use.
class IndexMap {
 public:
  ~IndexMap() { std::free(slots_); }
  IndexMap() = default;
  IndexMap(const IndexMap&) = delete;
  IndexMap& operator=(const IndexMap&) = delete;
  // -1: out of memory; *added tells whether the key is new.
  int32_t find_or_add(const void* key, bool* added);
  int32_t find(const void* key) const;
  const Buffer<const void*>& keys() const { return keys_; }

 private:
  Buffer<const void*> keys_;
  uint32_t* slots_ = nullptr;
  uint32_t mask_ = 0;
};

enum class BlockKind : uint8_t {
  kWhile, kFor, kAsyncFor, kTry, kFinallyTry, kFinallyHandler, kHandler, kWith, kAsyncWith, kStarHandler,
  kPending,  // the value of a return, while final statements run
  kValue,    // nothing but a region
};

// A statement being compiled that return, break and continue may have to leave.
struct Block {
  BlockKind kind;
  Label on_break = kNoLabel;
  Label on_continue = kNoLabel;
  int temp = -1;          // iterator; exit function of `with`; exception of a handler
  int slot = -1;          // of `with`: where the value of a return waits while the exit function runs
  int saved = -1;         // of a handler: the exception handled before
  identifier name = nullptr;  // of a handler: to be unbound
  const Seq<ast::stmt*>* finalbody = nullptr;
  Position pos;           // of `with`
  // The region, if the block has one.
  bool has_region = false;
  int32_t region_start = -1;  // -1: suspended
  Label handler = kNoLabel;
  int32_t exc_register = -1;
  int32_t base = 0;
  Block* outer = nullptr;
};

enum class UnitKind : uint8_t { kModule, kClass, kFunction, kAsyncFunction, kLambda, kComprehension };

struct Unit {
  Unit(const Scope* scope, UnitKind kind, Unit* parent) : scope(scope), kind(kind), parent(parent) {}

  const Scope* scope;
  UnitKind kind;
  Unit* parent;
  CodeUnit* result = nullptr;
  identifier private_name = nullptr;
  Buffer<Instr> code;
  Buffer<int32_t> labels;  // label: instruction index, -1 while unknown
  Buffer<Region> regions;
  Buffer<UnitConstant> consts;
  Buffer<uint32_t> const_slots;  // hash index into consts, +1
  IndexMap names;
  IndexMap locals;  // mangled name: slot
  Buffer<identifier> cells;  // cells that are no parameter, in order
  Buffer<identifier> free_names;
  Block* block = nullptr;
  int block_depth = 0;
  int region_depth = 0;
  int depth = kFrameHeader;
  int max_depth = kFrameHeader;
  int loop_depth = 0;
  bool disturbed = false;  // named expressions or suspensions: locals may change within an expression
  bool in_interactive = false;
};

class Generator {
 public:
  Generator(PassContext& context, const SymbolTable& table, const Future& future, const CodegenOptions& options)
      : context_(context), arena_(context.arena), table_(table), future_(future), options_(options),
        flags_(options.flags | future.flags) {}

  CodeUnit* module(ast::mod* tree);

 private:
  using expr = ast::expr;
  using stmt = ast::stmt;
  static constexpr int kFail = INT32_MIN;

  // ---- emitting ----
  bool emit(Opcode op, int a = 0, int b = 0, int c = 0);
  bool emit_jump(Opcode op, Label target, int a = 0, int b = 0, int c = 0);
  Label new_label();
  bool place(Label label);
  int push_temp() {
    int t = u_->depth++;
    if (u_->depth > u_->max_depth) u_->max_depth = u_->depth;
    return t;
  }
  void push_temps(int n) {
    u_->depth += n;
    if (u_->depth > u_->max_depth) u_->max_depth = u_->depth;
  }
  static bool is_temp(int operand) { return operand >= kFrameHeader; }
  bool drop(int operand) { return !is_temp(operand) || emit(Opcode::kDrop, operand); }
  bool move(int dst, int src) { return dst == src || emit(Opcode::kMove, dst, src); }
  void set_pos(const ast::PositionedNode* node) {
    pos_ = {node->lineno, node->end_lineno, node->col_offset, node->end_col_offset};
  }
  void no_pos() { pos_ = {}; }
  bool error(const char* format, ...) __attribute__((format(printf, 2, 3)));
  bool warn(const char* format, ...) __attribute__((format(printf, 2, 3)));

  // ---- constants and names ----
  int add_const(ast::constant value);
  int add_child(CodeUnit* child);
  int add_name(identifier name);
  ast::constant none_constant() const { return none_; }
  ast::constant make_str(std::string_view text);
  ast::constant make_int(int64_t value);
  ast::constant make_tuple(const Buffer<ast::constant>& items);
  bool load_const(int dst, ast::constant value);
  bool load_none(int dst) { return load_const(dst, none_constant()); }
  identifier mangled(identifier name) { return mangle(context_, u_->private_name, name); }
  identifier intern(std::string_view text) { return context_.names.intern(text); }

  enum class Access : uint8_t { kFast, kCell, kFree, kGlobal, kName, kClassFree };
  struct NameRef {
    Access access;
    int index;  // operand of a local or cell; index of a free variable or name
  };
  bool resolve(identifier mangled_name, NameRef* ref);
  int local_slot(identifier mangled_name);
  int cell_operand(identifier mangled_name);
  int free_index(identifier mangled_name);
  bool load_name(identifier name, int dst);
  bool store_name(identifier name, int src);  // consumes
  bool delete_name(identifier name);
  // The local's operand if the name is one that can be an operand, else kFail (no error).
  int plain_local(identifier name);
  bool check_name(identifier name, ast::expr_context context);

  // ---- expressions (codegen_expr.cc) ----
  bool into(expr* e, int dst);
  bool into_inner(expr* e, int dst);
  int to_temp(expr* e);
  // An operand: a local where that is safe though `later` is evaluated before it is used, else a temporary.
  int value(expr* e, const expr* later = nullptr, const expr* later2 = nullptr);
  bool effect(expr* e);
  bool cond_jump(expr* e, Label target, bool when);
  bool disturbs(const expr* e, identifier name) const;
  bool disturbs_any(const Seq<expr*>& items, identifier name) const;
  static ast::constant constant_of(const expr* e);
  // The same, where the instruction has an operand of 16 bits for it: NULL once the unit has very many constants.
  ast::constant operand_constant(const expr* e) const { return u_->consts.size() < 65000 ? constant_of(e) : nullptr; }
  bool return_constant(ast::constant value);
  bool binary(ast::operator_ op, bool in_place, expr* left, expr* right, int dst);
  bool binary_with(ast::operator_ op, bool in_place, int left, expr* right, int dst);
  bool compare(ast::Compare* e, int dst);
  bool compare_into(ast::cmpop op, int left, expr* right, int dst);
  bool compare_jump(ast::cmpop op, int left, expr* right, Label target, bool when);
  struct Chain;
  bool compare_chain_jump(ast::Compare* e, Label target, bool when);
  bool check_compare(ast::Compare* e);
  bool bool_op(ast::BoolOp* e, int dst);
  bool if_exp(ast::IfExp* e, int dst);
  bool attribute(ast::Attribute* e, int dst);
  void attribute_position(const ast::Attribute* e);
  bool subscript(ast::Subscript* e, int dst);
  bool build_slice(ast::Slice* e, int dst);
  bool sequence(const Seq<expr*>& items, Opcode build, int dst);
  bool list_of(const Seq<expr*>& items, int dst, Opcode build, Opcode add, Opcode extend);
  bool dict(ast::Dict* e, int dst);
  bool joined_str(ast::JoinedStr* e, int dst);
  bool formatted_value(ast::FormattedValue* e, int dst);
  bool named_expr(ast::NamedExpr* e, int dst);
  bool yield(ast::Yield* e, int dst);
  bool yield_from(ast::YieldFrom* e, int dst);
  bool await_(ast::Await* e, int dst);
  // Sends None into the receiver at temp `receiver` (the top one) until it is done; the result goes to dst.
  bool send_loop(int receiver, int dst);
  bool call(ast::Call* e, int dst);
  bool call_arguments(int window, bool method, const Seq<expr*>& args, const Seq<ast::keyword*>& keywords,
                      int extra_args, int dst);
  bool check_keywords(const Seq<ast::keyword*>& keywords);
  bool comprehension(expr* e, int dst);
  bool comprehension_loops(const Seq<ast::comprehension*>& generators, uint32_t index, int result, expr* element,
                           expr* val, ast::Kind kind);
  bool comprehension_async_loop(const Seq<ast::comprehension*>& generators, uint32_t index, int result, expr* element,
                                expr* val, ast::Kind kind);
  bool comprehension_element(int result, expr* element, expr* val, ast::Kind kind);
  bool check_caller(const expr* e);
  bool check_subscripter(const expr* e);
  bool check_index(const expr* e, const expr* slice);

  // ---- functions and classes (codegen_scopes.cc) ----
  bool begin_unit(Unit& unit, identifier name, int32_t firstlineno);
  bool end_unit(Unit& unit);
  bool set_qualname(Unit& unit);
  uint32_t code_flags(const Unit& unit) const;
  CodeUnit* function_unit(const ast::Node* node, identifier name, UnitKind kind, ast::arguments* args,
                          const Seq<stmt*>* body, expr* result, int32_t firstlineno);
  // The function of a scope that has no defaults and annotations.
  bool make_function(CodeUnit* code, const Scope* scope, int dst);
  bool function_parts(ast::arguments* args, expr* returns, bool annotated, int* flags);
  bool closure(const Scope* child, int* flags);
  bool check_parameters(ast::arguments* args);
  bool function_def(stmt* s);
  bool lambda(ast::Lambda* e, int dst);
  bool class_def(ast::ClassDef* s);
  bool decorators(const Seq<expr*>& list, Buffer<int>* windows);
  bool apply_decorators(const Seq<expr*>& list, const Buffer<int>& windows);
  bool annotations(ast::arguments* args, expr* returns, bool* any);
  bool annotation_value(expr* annotation);
  bool has_annotations(const Seq<stmt*>& body) const;
  bool body(const Seq<stmt*>& list);
  static ast::constant docstring_of(const Seq<stmt*>& body);

  // ---- statements (codegen_stmt.cc) ----
  bool statements(const Seq<stmt*>& body);
  bool statement(stmt* s);
  bool statement_inner(stmt* s);
  bool store(expr* target, int src);  // consumes src
  bool store_value(expr* target, expr* value);
  bool unpack(const Seq<expr*>& targets, int src);
  bool assign(ast::Assign* s);
  bool assign_tuple(const Seq<expr*>& targets, const Seq<expr*>& values);
  bool aug_assign(ast::AugAssign* s);
  bool ann_assign(ast::AnnAssign* s);
  bool delete_target(expr* target);
  bool bad_target(const ast::expr* target, const char* assignment);
  bool if_(ast::If* s);
  bool while_(ast::While* s);
  bool for_(ast::For* s);
  bool async_for(ast::AsyncFor* s);
  bool return_(ast::Return* s);
  bool outside_loop(const char* message);
  bool break_(stmt* s);
  bool continue_(stmt* s);
  bool raise(ast::Raise* s);
  bool assert_(ast::Assert* s);
  bool import(ast::Import* s);
  bool import_from(ast::ImportFrom* s);
  bool expression_statement(ast::Expr* s);
  bool async_next(int iterator, int dst, Label done_handler);

  // ---- blocks (codegen_blocks.cc) ----
  bool enter_block(Block& block);
  void leave_block() {
    u_->block = u_->block->outer;
    u_->block_depth--;
  }
  bool open_region(Block& block, Label handler, int exc_register);
  bool close_region(Block& block);
  bool suspend_region(Block& block);
  void resume_region(Block& block);
  // Leaves `block` (already off the stack). A value in a temporary may be moved: *value follows it.
  bool unwind_block(Block& block, int* value);
  // Leaves everything up to and including `until` (nullptr: the function).
  struct Suspended {
    explicit Suspended(Generator& generator) : generator(generator) {}
    ~Suspended();
    Suspended(const Suspended&) = delete;
    Suspended& operator=(const Suspended&) = delete;
    Generator& generator;
    Buffer<Block*> blocks;
  };
  bool unwind_to(Block* until, int* value, Suspended* suspended);
  bool leaves_star_handler(Block* until) const;
  bool try_(const Seq<stmt*>& body, const Seq<ast::excepthandler*>& handlers, const Seq<stmt*>& orelse,
            const Seq<stmt*>& finalbody, bool star);
  bool try_except(const Seq<stmt*>& body, const Seq<ast::excepthandler*>& handlers, const Seq<stmt*>& orelse);
  bool try_star(const Seq<stmt*>& body, const Seq<ast::excepthandler*>& handlers, const Seq<stmt*>& orelse);
  bool try_finally(const Seq<stmt*>& body, const Seq<ast::excepthandler*>& handlers, const Seq<stmt*>& orelse,
                   const Seq<stmt*>& finalbody, bool star);
  bool with_(const Seq<ast::withitem*>& items, uint32_t index, const Seq<stmt*>& body, bool is_async,
             const stmt* node);
  bool unbind(identifier name);
  bool call_exit(int exit, bool is_async, int result);
  bool reraise_cleanup(int saved, int exc);

  // ---- match (codegen_pattern.cc) ----
  struct PatternContext;
  bool match(ast::Match* s);
  bool pattern(ast::pattern* p, int subject, bool owned, PatternContext& pc);
  bool sub_patterns(const Seq<ast::pattern*>& patterns, int first_temp, PatternContext& pc);
  bool capture(identifier name, int subject, bool owned, const ast::pattern* p, PatternContext& pc);
  bool match_value(ast::constant value, expr* e, int subject, bool owned, PatternContext& pc);
  bool match_sequence(ast::MatchSequence* p, int subject, bool owned, PatternContext& pc);
  bool match_mapping(ast::MatchMapping* p, int subject, bool owned, PatternContext& pc);
  bool match_class(ast::MatchClass* p, int subject, bool owned, PatternContext& pc);
  bool match_or(ast::MatchOr* p, int subject, bool owned, PatternContext& pc);
  bool pattern_names(const ast::pattern* p, Buffer<identifier>* names);
  Label fail_label(PatternContext& pc);
  bool emit_fail_stubs(PatternContext& pc, Label next);
  static bool equal_keys(ast::constant a, ast::constant b);
  static bool is_wildcard(const ast::pattern* p);
  static bool is_star_wildcard(const ast::pattern* p);

  PassContext& context_;
  Arena& arena_;
  const SymbolTable& table_;
  const Future& future_;
  const CodegenOptions& options_;
  uint32_t flags_;
  Unit* u_ = nullptr;
  Position pos_;
  Position call_pos_;  // of the call whose arguments come next
  ast::constant none_ = nullptr;
  bool interactive_ = false;

  friend struct PosScope;
};

// Sets the position for a node and puts the former one back.
struct PosScope {
  PosScope(Generator& generator, const ast::PositionedNode* node) : generator(generator), saved(generator.pos_) {
    generator.set_pos(node);
  }
  ~PosScope() { generator.pos_ = saved; }
  PosScope(const PosScope&) = delete;
  PosScope& operator=(const PosScope&) = delete;
  Generator& generator;
  Position saved;
};

// The assembler's entry: fills unit.result from unit's instructions.
bool assemble_unit(PassContext& context, Unit& unit);

}  // namespace atl::compiler
