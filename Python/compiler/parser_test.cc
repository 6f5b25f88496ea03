// The parser. Trees of the whole standard library are compared with CPython's by difftest.py; here are the cases that
// a change is likely to break, and what does not show in trees: errors, warnings, limits.
#include "Python/compiler/parser.h"

#include <gtest/gtest.h>

#include <string>

namespace atl::compiler {
namespace {

using namespace ast;

struct Parsed {
  Arena arena;
  IdentifierTable names{arena};
  ParseResult result;

  explicit Parsed(std::string_view text, ParseOptions options = {}) { parse(arena, names, text, options, &result); }
  Parsed(std::string_view text, ParseMode mode) {
    ParseOptions options;
    options.mode = mode;
    parse(arena, names, text, options, &result);
  }
  Module* module() { return as<Module>(result.tree); }
  stmt* statement(size_t i = 0) { return module()->body[i]; }
  expr* expression() { return as<Expression>(result.tree)->body; }
};

template <typename T>
T* parse_as(Parsed& p) {
  EXPECT_NE(p.result.tree, nullptr) << p.result.error.message;
  expr* e = p.expression();
  EXPECT_EQ(static_cast<Node*>(e)->kind, T::kKind);
  return as<T>(e);
}

TEST(Parser, Precedence) {
  Parsed p("-a ** -b * c + d << e < f not in g and not h or i", ParseMode::kEval);
  auto* or_ = parse_as<BoolOp>(p);
  EXPECT_EQ(or_->op, boolop::Or);
  auto* and_ = as<BoolOp>(or_->values[0]);
  EXPECT_EQ(and_->op, boolop::And);
  auto* compare = as<Compare>(and_->values[0]);
  EXPECT_EQ(compare->ops[0], cmpop::Lt);
  EXPECT_EQ(compare->ops[1], cmpop::NotIn);
  auto* shift = as<BinOp>(compare->left);
  EXPECT_EQ(shift->op, operator_::LShift);
  auto* sum = as<BinOp>(shift->left);
  EXPECT_EQ(sum->op, operator_::Add);
  auto* product = as<BinOp>(sum->left);
  EXPECT_EQ(product->op, operator_::Mult);
  auto* minus = as<UnaryOp>(product->left);
  EXPECT_EQ(minus->op, unaryop::USub);
  EXPECT_EQ(as<BinOp>(minus->operand)->op, operator_::Pow);
}

TEST(Parser, Positions) {
  Parsed p("x = (a +\n     b)[1:2]\n");
  auto* assign = as<Assign>(p.statement());
  EXPECT_EQ(assign->end_lineno, 2);
  EXPECT_EQ(assign->end_col_offset, 12);
  auto* subscript = as<Subscript>(assign->value);
  EXPECT_EQ(subscript->col_offset, 4);
  auto* sum = as<BinOp>(subscript->value);
  EXPECT_EQ(sum->col_offset, 5);
  EXPECT_EQ(sum->end_lineno, 2);
  EXPECT_EQ(sum->end_col_offset, 6);
}

TEST(Parser, TargetsAreStores) {
  Parsed p("a, *b.c, [d[e]] = f = g\n");
  auto* assign = as<Assign>(p.statement());
  ASSERT_EQ(assign->targets.size(), 2u);
  auto* tuple = as<Tuple>(assign->targets[0]);
  EXPECT_EQ(tuple->ctx, expr_context::Store);
  EXPECT_EQ(as<Name>(tuple->elts[0])->ctx, expr_context::Store);
  auto* attribute = as<Attribute>(as<Starred>(tuple->elts[1])->value);
  EXPECT_EQ(attribute->ctx, expr_context::Store);
  EXPECT_EQ(as<Name>(attribute->value)->ctx, expr_context::Load);
  auto* item = as<Subscript>(as<List>(tuple->elts[2])->elts[0]);
  EXPECT_EQ(item->ctx, expr_context::Store);
  EXPECT_EQ(as<Name>(item->value)->ctx, expr_context::Load);
}

TEST(Parser, SoftKeywordsAreNamesElsewhere) {
  Parsed p("match = case = _ = 1\nmatch(x)\nmatch[x]\nmatch -x\nprint(match, case)\n"
           "match x:\n    case match: pass\n    case _ if case: pass\n");
  ASSERT_NE(p.result.tree, nullptr) << p.result.error.message;
  EXPECT_EQ(p.statement(1)->kind, Kind::Expr);
  EXPECT_EQ(p.statement(3)->kind, Kind::Expr);
  EXPECT_EQ(p.statement(5)->kind, Kind::Match);
  EXPECT_EQ(as<Match>(p.statement(5))->cases.size(), 2u);
}

TEST(Parser, WithItemsInBrackets) {
  Parsed p("with (a, b): pass\nwith (a, b) as c: pass\nwith (a as b, c as d,): pass\nwith (yield): pass\n");
  ASSERT_NE(p.result.tree, nullptr) << p.result.error.message;
  EXPECT_EQ(as<With>(p.statement(0))->items.size(), 2u);
  EXPECT_EQ(as<With>(p.statement(1))->items.size(), 1u);
  EXPECT_EQ(as<With>(p.statement(2))->items.size(), 2u);
  EXPECT_EQ(as<With>(p.statement(3))->items[0]->context_expr->kind, Kind::Yield);
}

TEST(Parser, Numbers) {
  Parsed p("[0x_ff, 1_000, 9223372036854775807, 9223372036854775808, 1e400, 1e-400, 0.1, 2j, 0777.5]",
           ParseMode::kEval);
  auto* list = parse_as<List>(p);
  auto value = [&](size_t i) { return as<Constant>(list->elts[i])->value; };
  EXPECT_EQ(value(0)->integer, 255);
  EXPECT_EQ(value(1)->integer, 1000);
  EXPECT_EQ(value(2)->integer, INT64_MAX);
  EXPECT_EQ(value(3)->kind, ConstantKind::kBigInt);
  EXPECT_EQ(value(3)->view(), "8000000000000000");
  EXPECT_EQ(value(3)->base, 16);
  EXPECT_EQ(value(4)->real, __builtin_inf());
  EXPECT_EQ(value(5)->real, 0.0);
  EXPECT_EQ(value(6)->real, 0.1);
  EXPECT_EQ(value(7)->kind, ConstantKind::kComplex);
  EXPECT_EQ(value(7)->imag, 2.0);
  EXPECT_EQ(value(8)->real, 777.5);
}

TEST(Parser, Strings) {
  Parsed p(R"(["a\x41\u0042\101\
c" r"\n" 'd', b"\xff\0", u"x", '\ud800', ''])", ParseMode::kEval);
  auto* list = parse_as<List>(p);
  auto value = [&](size_t i) { return as<Constant>(list->elts[i])->value; };
  EXPECT_EQ(value(0)->view(), "aABAc\\nd");
  EXPECT_EQ(value(1)->kind, ConstantKind::kBytes);
  EXPECT_EQ(value(1)->view(), std::string_view("\xff\0", 2));
  EXPECT_EQ(as<Constant>(list->elts[2])->kind->view(), "u");
  EXPECT_EQ(value(3)->view(), "\xed\xa0\x80");
  EXPECT_EQ(value(4)->view(), "");
}

TEST(Parser, FormattedStrings) {
  Parsed p("f'a{x!r:>{w}}b{{' '{c}' f'{y = }'", ParseMode::kEval);
  auto* joined = parse_as<JoinedStr>(p);
  ASSERT_EQ(joined->values.size(), 4u);
  auto* first = as<FormattedValue>(joined->values[1]);
  EXPECT_EQ(first->conversion, 'r');
  EXPECT_EQ(as<JoinedStr>(first->format_spec)->values.size(), 2u);
  EXPECT_EQ(as<Name>(first->value)->col_offset, 4);
  EXPECT_EQ(as<Constant>(joined->values[2])->value->view(), "b{{c}y = ");
  EXPECT_EQ(as<FormattedValue>(joined->values[3])->conversion, 'r');
}

TEST(Parser, ManyOperatorsCostNoStack) {
  std::string sum = "x";
  for (int i = 0; i < 100'000; i++) sum += "+x";
  Parsed p(sum, ParseMode::kEval);
  EXPECT_NE(p.result.tree, nullptr);
  std::string chain = "if a: pass\n";
  for (int i = 0; i < 50'000; i++) chain += "elif b: pass\n";
  Parsed q(chain);
  EXPECT_NE(q.result.tree, nullptr);
}

TEST(Parser, DeepNestingIsAnError) {
  Parsed deep(std::string(10'000, '-') + "1", ParseMode::kEval);
  EXPECT_EQ(deep.result.error.kind, ErrorKind::kMemoryError);
  // Searching for messages must not take exponential time.
  for (std::string unit : {"f(a=1, b, ", "{1:2, ", "a[a, ", "print [", "(a if ", "(a = ", "a{", "f(a for a in "}) {
    std::string text;
    for (int i = 0; i < 150; i++) text += unit;
    Parsed p(text + "a $ b");
    EXPECT_EQ(p.result.error.kind, ErrorKind::kSyntaxError) << unit;
  }
}

TEST(Parser, OutOfMemoryIsReported) {
  std::string text;
  for (int i = 0; i < 2000; i++) text += "x" + std::to_string(i) + " = [1, 2, {'a': b}]\n";
  for (size_t limit : {8'000u, 60'000u, 200'000u}) {
    Arena arena(limit);
    IdentifierTable names(arena);
    ParseResult result;
    parse(arena, names, text, {}, &result);
    EXPECT_EQ(result.tree, nullptr);
    EXPECT_EQ(result.error.kind, ErrorKind::kMemoryError) << limit;
  }
}

struct ErrorCase {
  const char* source;
  const char* message;
  int line, offset, end_line, end_offset;
  ErrorKind kind = ErrorKind::kSyntaxError;
};

// What CPython 3.11 says, to the column.
const ErrorCase kErrors[] = {
    {"a b", "invalid syntax", 1, 3, 1, 4},
    {"f(a b)", "invalid syntax. Perhaps you forgot a comma?", 1, 3, 1, 6},
    {"a b-c (d e)", "invalid syntax", 1, 3, 1, 4},
    {"f(b := 2=3)", "invalid syntax", 1, 9, 1, 10},
    {"a, b c: d", "only single target (not tuple) can be annotated", 1, 1, 1, 2},
    {"def f(*a, *c: int=1): pass", "invalid syntax", 1, 11, 1, 12},
    {"def f(*a: *b = 1): pass", "invalid syntax", 1, 14, 1, 15},
    {"if x:\r\n", "expected an indented block after 'if' statement on line 1", 2, 1, 2, -1, ErrorKind::kIndentationError},
    {"if x\n  y", "expected ':'", 1, 5, 1, 5},
    {"def f\n", "expected '('", 1, 6, 1, 6},
    {"def f() x\n", "expected ':'", 1, 9, 1, 10},
    {"f() = 1", "cannot assign to function call here. Maybe you meant '==' instead of '='?", 1, 1, 1, 4},
    {"x = f() = 1", "cannot assign to function call", 1, 5, 1, 8},
    {"None = 1", "cannot assign to None", 1, 1, 1, 5},
    {"(a, f()) = 1", "cannot assign to function call", 1, 5, 1, 8},
    {"yield x = 1", "assignment to yield expression not possible", 1, 1, 1, 8},
    {"a, b += 1", "'tuple' is an illegal expression for augmented assignment", 1, 1, 1, 5},
    {"(a, b): int", "only single target (not tuple) can be annotated", 1, 1, 1, 7},
    {"f(): int", "illegal target for annotation", 1, 1, 1, 4},
    {"if x = 3: pass", "invalid syntax. Maybe you meant '==' or ':=' instead of '='?", 1, 4, 1, 9},
    {"x = (a", "'(' was never closed", 1, 5, 1, 0},
    {"for f() in x: y", "cannot assign to function call", 1, 5, 1, 8},
    {"with x as f(): y", "cannot assign to function call", 1, 11, 1, 14},
    {"del f()", "cannot delete function call", 1, 5, 1, 8},
    {"f(a for a in b, c)", "Generator expression must be parenthesized", 1, 3, 1, 15},
    {"f(a=1, b)", "positional argument follows keyword argument", 1, 9, 1, 10},
    {"f(**a, b)", "positional argument follows keyword argument unpacking", 1, 9, 1, 10},
    {"f(**a, *b)", "iterable argument unpacking follows keyword argument unpacking", 1, 3, 1, 6},
    {"f(a.b=1)", "expression cannot contain assignment, perhaps you meant \"==\"?", 1, 3, 1, 7},
    {"f(True=1)", "cannot assign to True", 1, 3, 1, 8},
    {"[a, b for a in c]", "did you forget parentheses around the comprehension target?", 1, 2, 1, 6},
    {"[*a for a in b]", "iterable unpacking cannot be used in comprehension", 1, 2, 1, 4},
    {"{**a for a in b}", "dict unpacking cannot be used in dict comprehension", 1, 2, 1, 4},
    {"{1: 2, 3}", "':' expected after dictionary key", 1, 8, 1, 0},
    {"{1:}", "expression expected after dictionary key and ':'", 1, 3, 1, 4},
    {"{1: *a}", "cannot use a starred expression in a dictionary value", 1, 5, 1, 7},
    {"(*a)", "cannot use starred expression here", 1, 2, 1, 4},
    {"x = a if b", "expected 'else' after 'if' expression", 1, 5, 1, 11},
    {"print 'a'", "Missing parentheses in call to 'print'. Did you mean print(...)?", 1, 1, 1, 10},
    {"def f(a=1, b): pass", "non-default argument follows default argument", 1, 12, 1, 13},
    {"def f(*): pass", "named arguments must follow bare *", 1, 7, 1, 8},
    {"def f((a)): pass", "Function parameters cannot be parenthesized", 1, 7, 1, 10},
    {"def f(**a, b): pass", "arguments cannot follow var-keyword argument", 1, 12, 1, 13},
    {"from a import b,", "trailing comma not allowed without surrounding parentheses", 1, 17, 1, 17},
    {"try:\n  x\nexcept a, b:\n  z", "multiple exception types must be parenthesized", 3, 8, 3, 12},
    {"try:\n  x\nexcept a: b\nexcept* c: d", "cannot have both 'except' and 'except*' on the same 'try'", 4, 1, 4, 8},
    {"try:\n  x\n", "expected 'except' or 'finally' block", 2, 4, 2, -1},
    {"if x:\ny\n", "expected an indented block after 'if' statement on line 1", 2, 1, 2, 2,
     ErrorKind::kIndentationError},
    {"x\n  y", "unexpected indent", 2, 2, 2, -1, ErrorKind::kIndentationError},
    {"match x:\n case 1 as _: pass", "cannot use '_' as a target", 2, 12, 2, 13},
    {"match x:\n case C(a=1, 2): pass", "positional patterns follow keyword patterns", 2, 14, 2, 15},
    {"f'{a b}'", "f-string: invalid syntax. Perhaps you forgot a comma?", 1, 2, 1, 5},
    {"f'{}'", "f-string: empty expression not allowed", 1, 6, 1, 6},
    {"f'{a'", "f-string: expecting '}'", 1, 6, 1, 6},
    {"f'}'", "f-string: single '}' is not allowed", 1, 5, 1, 5},
    {"f'{a\\n}'", "f-string expression part cannot include a backslash", 1, 9, 1, 9},
    {"f'{a!x}'", "f-string: invalid conversion character: expected 's', 'r', or 'a'", 1, 9, 1, 9},
    {"'a' b'b'", "cannot mix bytes and nonbytes literals", 1, 9, 1, 9},
    {"'\\x1'", "(unicode error) 'unicodeescape' codec can't decode bytes in position 0-2: truncated \\xXX escape", 1, 6,
     1, 6},
    {"a b\nx = 'c", "unterminated string literal (detected at line 2)", 2, 5, 2, 5},
};

TEST(Parser, Errors) {
  for (const ErrorCase& c : kErrors) {
    Parsed p(c.source);
    EXPECT_EQ(p.result.tree, nullptr) << c.source;
    const ErrorRecord& e = p.result.error;
    EXPECT_EQ(e.kind, c.kind) << c.source;
    EXPECT_EQ(e.message, c.message) << c.source;
    EXPECT_EQ(e.lineno, c.line) << c.source;
    EXPECT_EQ(e.offset, c.offset) << c.source;
    EXPECT_EQ(e.end_lineno, c.end_line) << c.source;
    EXPECT_EQ(e.end_offset, c.end_offset) << c.source;
  }
}

TEST(Parser, IncompleteInput) {
  ParseOptions options;
  options.mode = ParseMode::kSingle;
  options.allow_incomplete_input = options.dont_imply_dedent = true;
  for (const char* text : {"if x:\n", "x = (\n", "'''abc", "def f():\n  x", "@d\n"}) {
    Parsed p(text, options);
    EXPECT_EQ(p.result.error.message, "incomplete input") << text;
  }
  EXPECT_NE(Parsed("if x:\n  y\n", options).result.tree, nullptr);
  EXPECT_EQ(Parsed("a b\n", options).result.error.message, "invalid syntax");
  EXPECT_EQ(Parsed("x\ny\n", options).result.error.message,
            "multiple statements found while compiling a single statement");
}

TEST(Parser, Warnings) {
  Parsed p("x = '\\d'\ny = 1if z else '\\400'\n");
  ASSERT_EQ(p.result.warnings.size(), 3u);
  EXPECT_EQ(p.result.warnings[0].message, "invalid escape sequence '\\d'");
  EXPECT_EQ(p.result.warnings[0].lineno, 1);
  EXPECT_EQ(p.result.warnings[1].message, "invalid decimal literal");
  EXPECT_EQ(p.result.warnings[2].message, "invalid octal escape sequence '\\400'");
}

TEST(Parser, TypeCommentsAndVersions) {
  ParseOptions options;
  options.type_comments = true;
  Parsed p("def f(a):\n    # type: (int) -> str\n    x = []  # type: list\n    y = 1  # type: ignore[z]\n", options);
  ASSERT_NE(p.result.tree, nullptr) << p.result.error.message;
  auto* f = as<FunctionDef>(p.statement());
  EXPECT_EQ(f->type_comment->view(), "(int) -> str");
  EXPECT_EQ(as<Assign>(f->body[0])->type_comment->view(), "list");
  ASSERT_EQ(p.module()->type_ignores.size(), 1u);
  EXPECT_EQ(as<TypeIgnore>(p.module()->type_ignores[0])->tag->view(), "[z]");

  options = {};
  options.feature_version = 6;
  EXPECT_NE(Parsed("async = await = 1\n", options).result.tree, nullptr);
  EXPECT_EQ(Parsed("(x := 1)\n", options).result.error.message,
            "Assignment expressions are only supported in Python 3.8 and greater");

  Parsed type("(int, *str) -> None", ParseMode::kFunctionType);
  ASSERT_NE(type.result.tree, nullptr);
  EXPECT_EQ(as<FunctionType>(type.result.tree)->argtypes.size(), 2u);
}

TEST(Ast, TableDescribesNodes) {
  const NodeInfo& info = node_info(Kind::Dict);
  EXPECT_STREQ(info.name, "Dict");
  EXPECT_EQ(info.field_count, 2);
  EXPECT_STREQ(info.fields[0].name, "keys");
  EXPECT_EQ(info.fields[0].arity, FieldArity::kSequence);
  EXPECT_STREQ(node_info(Kind::arg).fields[0].name, "arg");
  EXPECT_STREQ(type_name(node_info(Kind::BinOp).fields[1].type), "operator");
  EXPECT_STREQ(member_name(FieldType::kOperator, static_cast<int>(operator_::FloorDiv)), "FloorDiv");
}

}  // namespace
}  // namespace atl::compiler
