// What compile() refuses in trees that no source could give.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "Python/compiler/parser.h"
#include "Python/compiler/passes.h"

namespace atl::compiler {
namespace {

using namespace ast;

struct Tree {
  Arena arena;
  IdentifierTable names{arena};
  ParseResult parsed;
  PassContext context{arena, names, {}, {}};

  explicit Tree(std::string_view text) { parse(arena, names, text, {}, &parsed); }
  stmt* first() { return as<Module>(parsed.tree)->body[0]; }
  template <class T>
  T* value() {
    return as<T>(as<Expr>(first())->value);
  }
  std::string check() { return validate_tree(context, parsed.tree) ? "" : std::string(context.error.message); }
};

constexpr const char* kAllKinds =
    "@d\nasync def f(a: int, b=1, /, c=2, *d, e, f=3, **g) -> int:\n    async for x in y: await z\n"
    "    async with a as b, c: return [i async for i in q if i]\n"
    "class C(b, k=v): x: int = 1\nx = [y, *z] = a.b, c[1:2, ...]\ndel a, b.c, (d[e],)\nx += 1\n"
    "for a, b in c: break\nelse: pass\nwhile a: continue\nif a: pass\nelse: pass\nwith (a as b): pass\n"
    "match a:\n  case 1 | -2 | 3+4j if b: pass\n  case [x, *_]: pass\n  case {'a': 1, None: y, **r}: pass\n"
    "  case C(1, k=y): pass\n  case a.b as z: pass\n  case _: pass\n"
    "try: pass\nexcept a as b: pass\nelse: pass\nfinally: pass\ntry: pass\nexcept* a: pass\n"
    "raise a from b\nassert a, b\nimport a.b as c\nfrom .x import y\n(a := lambda x, *y, z=1: x if y else z)\n"
    "{a: b, **c}; {1, *a}; {a: b for a in b}; {a for a in b}; (a for a in b)\na < b is not c\n"
    "f(a, *b, k=v, **w)\nf'{a!r:{b}}'\nNone, 1.5, b'', ...\n";

TEST(Validate, TreesOfTheParserAreValid) {
  Tree tree(kAllKinds);
  ASSERT_TRUE(tree.parsed.tree) << tree.parsed.error.message;
  EXPECT_EQ(tree.check(), "");
}

TEST(Validate, Contexts) {
  {
    Tree tree("x");
    tree.value<Name>()->ctx = expr_context::Store;
    EXPECT_EQ(tree.check(), "expression must have Load context but has Store instead");
    EXPECT_EQ(tree.context.error.kind, ErrorKind::kValueError);
  }
  {
    Tree tree("[x] = y");
    auto* s = as<Assign>(tree.first());
    as<Name>(as<List>(s->targets[0])->elts[0])->ctx = expr_context::Load;
    EXPECT_EQ(tree.check(), "expression must have Store context but has Load instead");
  }
  {
    Tree tree("del x; f()");
    as<Delete>(tree.first())->targets[0] = as<Expr>(as<Module>(tree.parsed.tree)->body[1])->value;
    EXPECT_EQ(tree.check(), "expression which can't be assigned to in Del context");
  }
}

TEST(Validate, Shapes) {
  struct Case {
    const char* source;
    std::function<void(Tree&)> spoil;
    const char* message;
  };
  const Case cases[] = {
      {"while a: pass", [](Tree& t) { as<While>(t.first())->body = {}; }, "empty body on While"},
      {"x = 1", [](Tree& t) { as<Assign>(t.first())->targets = {}; }, "empty targets on Assign"},
      {"x; pass", [](Tree& t) { as<Module>(t.parsed.tree)->body[1] = nullptr; }, "None disallowed in statement list"},
      {"f(x)", [](Tree& t) { t.value<Call>()->args[0] = nullptr; }, "None disallowed in expression list"},
      {"{1: 2}", [](Tree& t) { t.value<Dict>()->keys[0] = nullptr; }, ""},
      {"{1: 2}", [](Tree& t) { t.value<Dict>()->keys.count = 0; }, "Dict doesn't have the same number of keys as values"},
      {"a < b", [](Tree& t) { t.value<Compare>()->comparators.count = 0; }, "Compare with no comparators"},
      {"a and b", [](Tree& t) { t.value<BoolOp>()->values.count = 1; }, "BoolOp with less than 2 values"},
      {"lambda *, a=1: a", [](Tree& t) { t.value<Lambda>()->args->kw_defaults.count = 0; },
       "length of kwonlyargs is not the same as kw_defaults on arguments"},
      {"lambda a=1: a", [](Tree& t) { t.value<Lambda>()->args->args.count = 0; },
       "more positional defaults than args on arguments"},
      {"try: pass\nfinally: pass", [](Tree& t) { as<Try>(t.first())->finalbody = {}; },
       "Try has neither except handlers nor finalbody"},
      {"try: pass\nexcept* a: pass",
       [](Tree& t) { as<ExceptHandler>(as<TryStar>(t.first())->handlers[0])->type = nullptr; },
       "field 'type' is required for ExceptHandler of TryStar"},
      {"raise a from b", [](Tree& t) { as<Raise>(t.first())->exc = nullptr; }, "Raise with cause but no exception"},
      {"from .a import b", [](Tree& t) { as<ImportFrom>(t.first())->level = -1; }, "Negative ImportFrom level"},
      {"global a", [](Tree& t) { as<Global>(t.first())->names = {}; }, "empty names on Global"},
      {"x", [](Tree& t) { t.value<Name>()->id = t.names.intern("None"); }, "identifier field can't represent 'None' constant"},
      {"x", [](Tree& t) { t.first()->end_lineno = 0; }, "AST node line range (1, 0) is not valid"},
      {"x", [](Tree& t) { t.first()->col_offset = -1; }, "AST node column range (-1, 1) for line range (1, 1) is not valid"},
      {"x", [](Tree& t) { t.first()->col_offset = 5; }, "line 1, column 5-1 is not a valid range"},
      {"(a := b)", [](Tree& t) { t.value<NamedExpr>()->target = t.value<NamedExpr>()->value; },
       "expression must have Store context but has Load instead"},
  };
  for (const Case& c : cases) {
    Tree tree(c.source);
    ASSERT_TRUE(tree.parsed.tree) << c.source;
    c.spoil(tree);
    EXPECT_EQ(tree.check(), c.message) << c.source;
  }
}

TEST(Validate, Patterns) {
  auto pattern_of = [](Tree& t) -> pattern*& { return as<Match>(t.first())->cases[0]->pattern_; };
  {
    Tree tree("match a:\n  case [*b]: pass\n");
    pattern_of(tree) = as<MatchSequence>(pattern_of(tree))->patterns[0];
    EXPECT_EQ(tree.check(), "can't use MatchStar here");
  }
  {
    Tree tree("match a:\n  case b.c: pass\n");
    auto* value = as<MatchValue>(pattern_of(tree));
    value->value = as<Attribute>(value->value)->value;
    EXPECT_EQ(tree.check(), "patterns may only match literals and attribute lookups");
  }
  {
    Tree tree("match a:\n  case 1 | 2: pass\n");
    as<MatchOr>(pattern_of(tree))->patterns.count = 1;
    EXPECT_EQ(tree.check(), "MatchOr requires at least 2 patterns");
  }
  {
    Tree tree("match a:\n  case None: pass\nNotImplemented\n'x'\n");
    as<MatchSingleton>(pattern_of(tree))->value = as<Constant>(as<Expr>(as<Module>(tree.parsed.tree)->body[2])->value)->value;
    EXPECT_EQ(tree.check(), "MatchSingleton can only contain True, False and None");
  }
  {
    Tree tree("match a:\n  case {'k': b, **c}: pass\n");
    as<MatchMapping>(pattern_of(tree))->rest = tree.names.intern("_");
    EXPECT_EQ(tree.check(), "can't capture name '_' in patterns");
  }
}

TEST(Validate, ForeignConstants) {
  Tree tree("1");
  ConstantValue bad;
  bad.kind = ConstantKind::kForeign;
  bad.text = "list";
  bad.size = 4;
  constant item = &bad;
  ConstantValue tuple;
  tuple.kind = ConstantKind::kTuple;
  tuple.items = &item;
  tuple.size = 1;
  tree.value<Constant>()->value = &tuple;
  EXPECT_EQ(tree.check(), "got an invalid type in Constant: list");
  EXPECT_EQ(tree.context.error.kind, ErrorKind::kTypeError);
}

TEST(Validate, DepthIsBounded) {
  std::string text = "x";
  for (int i = 0; i < 4000; i++) text += ".a";
  Tree tree(text);
  ASSERT_TRUE(tree.parsed.tree);
  EXPECT_EQ(tree.check(), "maximum recursion depth exceeded during compilation");
  EXPECT_EQ(tree.context.error.kind, ErrorKind::kRecursionError);
}

}  // namespace
}  // namespace atl::compiler
