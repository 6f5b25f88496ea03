// The passes behind the parser. What the code does is seen when it runs (Lib/atoll_test); here: which errors and
// warnings there are and where, scopes, folding, and the tables of the code.
#include "Python/compiler/codegen.h"

#include <gtest/gtest.h>

#include <string>

#include "Python/compiler/parser.h"

namespace atl::compiler {
namespace {

using namespace ast;

struct Compiled {
  Arena arena;
  IdentifierTable names{arena};
  ParseResult parsed;
  PassContext context{arena, names, {}, {}};
  SymbolTable table;
  CodeUnit* unit = nullptr;

  explicit Compiled(std::string_view text, ParseMode mode = ParseMode::kExec, CodegenOptions codegen = {}) {
    ParseOptions options;
    options.mode = mode;
    parse(arena, names, text, options, &parsed);
    if (!parsed.tree) {
      context.error = parsed.error;
      return;
    }
    // As the core does: where frames are large, the stack ends before the depth does.
    context.stack_limit = static_cast<const char*>(__builtin_frame_address(0)) - 4 * 1024 * 1024;
    Future future;
    if (find_future(context, parsed.tree, &future) &&
        fold_constants(context, parsed.tree, {codegen.optimize, future.flags}) &&
        build_symbol_table(context, parsed.tree, future.flags, &table))
      unit = generate_code(context, parsed.tree, table, future, codegen);
  }
  // The code of the first function, class or lambda.
  CodeUnit* child() const {
    for (const UnitConstant& c : unit->consts) {
      if (c.child) return c.child;
    }
    return nullptr;
  }
};

std::string opcodes(const CodeUnit* unit) {
  std::string result;
  for (uint32_t pc = 0; pc < unit->words.size();) {
    const OpInfo& info = kOpInfo[unit->words[pc] & 0xFFFF];
    if (!result.empty()) result += ' ';
    result += info.name;
    pc += 1u + info.cache;
  }
  return result;
}

int count(const std::string& text, const std::string& word) {
  int n = 0;
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) n++;
  return n;
}

struct ErrorCase {
  const char* source;
  const char* message;
  int line, offset, end_line, end_offset;
};

TEST(Codegen, Errors) {
  const ErrorCase cases[] = {
      {"return", "'return' outside function", 1, 1, 1, 7},
      {"yield", "'yield' outside function", 1, 1, 1, 6},
      {"class C:\n  return 1", "'return' outside function", 2, 3, 2, 11},
      {"await x", "'await' outside function", 1, 1, 1, 8},
      {"def f(): await x", "'await' outside async function", 1, 10, 1, 17},
      {"async def f(): yield from x", "'yield from' inside async function", 1, 16, 1, 28},
      {"async def f():\n  yield 1\n  return 2", "'return' with value in async generator", 3, 3, 3, 11},
      {"def f(): [x async for x in y]",
       "asynchronous comprehension outside of an asynchronous function", 1, 10, 1, 30},
      {"break", "'break' outside loop", 1, 1, 1, 6},
      {"while 1:\n  def f(): continue", "'continue' not properly in loop", 2, 12, 2, 20},
      {"try: pass\nexcept: pass\nexcept A: pass", "default 'except:' must be last", 2, 1, 2, 13},
      {"while 1:\n  try: pass\n  except* A: break",
       "'break', 'continue' and 'return' cannot appear in an except* block", 3, 14, 3, 19},
      {"*a = b", "starred assignment target must be in a list or tuple", 1, 1, 1, 3},
      {"*a, *b = c", "multiple starred expressions in assignment", 1, 1, 1, 7},
      {"x = *a", "can't use starred expression here", 1, 5, 1, 7},
      {"f(a=1, a=2)", "keyword argument repeated: a", 1, 8, 1, 11},
      {"__debug__ = 1", "cannot assign to __debug__", 1, 1, 1, 10},
      {"del __debug__", "cannot delete __debug__", 1, 5, 1, 14},
      {"x = 1\nfrom __future__ import division",
       "from __future__ imports must occur at the beginning of the file", 2, 1, 2, 32},
      {"def f(a, a): pass", "duplicate argument 'a' in function definition", 1, 10, 1, 11},
      {"def f(a):\n  global a", "name 'a' is parameter and global", 2, 3, 2, 11},
      {"def f():\n  x = 1\n  global x", "name 'x' is assigned to before global declaration", 3, 3, 3, 11},
      {"def f():\n  x\n  nonlocal x", "name 'x' is used prior to nonlocal declaration", 3, 3, 3, 13},
      {"nonlocal x", "nonlocal declaration not allowed at module level", 1, 1, 1, 11},
      {"def f():\n  nonlocal x", "no binding for nonlocal 'x' found", 2, 3, 2, 13},
      {"def f():\n  from a import *", "import * only allowed at module level", 2, 17, 2, 18},
      {"[(x := 1) for x in y]", "assignment expression cannot rebind comprehension iteration variable 'x'", 1, 3, 1, 4},
      {"[x for x in (y := z)]", "assignment expression cannot be used in a comprehension iterable expression", 1, 14, 1,
       20},
      {"[(yield) for x in y]", "'yield' inside list comprehension", 1, 3, 1, 8},
      {"match x:\n  case y: pass\n  case 1: pass", "name capture 'y' makes remaining patterns unreachable", 2, 8, 2, 9},
      {"match x:\n  case [a] | [b]: pass", "alternative patterns bind different names", 2, 15, 2, 16},
      {"match x:\n  case [a, a]: pass", "multiple assignments to name 'a' in pattern", 2, 12, 2, 13},
      {"match x:\n  case {1: a, 1: b}: pass", "mapping pattern checks duplicate key (1)", 2, 8, 2, 20},
  };
  for (const ErrorCase& c : cases) {
    Compiled x(c.source);
    EXPECT_EQ(x.unit, nullptr) << c.source;
    const ErrorRecord& e = x.context.error;
    EXPECT_EQ(e.kind, ErrorKind::kSyntaxError) << c.source;
    EXPECT_EQ(e.message, c.message) << c.source;
    EXPECT_EQ(e.lineno, c.line) << c.source;
    EXPECT_EQ(e.offset, c.offset) << c.source;
    EXPECT_EQ(e.end_lineno, c.end_line) << c.source;
    EXPECT_EQ(e.end_offset, c.end_offset) << c.source;
  }
}

TEST(Codegen, DeepTreesAreRecursionErrors) {
  std::string sum = "x";
  for (int i = 0; i < 5000; i++) sum += "+x";
  Compiled x(sum, ParseMode::kEval);
  EXPECT_EQ(x.context.error.kind, ErrorKind::kRecursionError);
  std::string blocks;
  for (int i = 0; i < 21; i++) blocks += std::string(static_cast<size_t>(i), ' ') + "for x in y:\n";
  Compiled y(blocks + std::string(21, ' ') + "pass\n");
  EXPECT_EQ(y.context.error.message, "too many statically nested blocks");
}

TEST(Codegen, Warnings) {
  struct {
    const char* source;
    const char* message;
  } cases[] = {
      {"x is 1", "\"is\" with a literal. Did you mean \"==\"?"},
      {"x is not 'a'", "\"is not\" with a literal. Did you mean \"!=\"?"},
      {"assert (x, 'message')", "assertion is always true, perhaps remove parentheses?"},
      {"[1](2)", "'list' object is not callable; perhaps you missed a comma?"},
      {"1[2]", "'int' object is not subscriptable; perhaps you missed a comma?"},
      {"[1, 2]['a']", "list indices must be integers or slices, not str; perhaps you missed a comma?"},
  };
  for (auto& c : cases) {
    Compiled x(c.source);
    ASSERT_EQ(x.context.warnings.size(), 1u) << c.source;
    EXPECT_EQ(x.context.warnings[0].message, c.message) << c.source;
  }
}

TEST(Scopes, ClosuresAndClasses) {
  Compiled x(
      "def f(a):\n"
      "  b = 1\n"
      "  class C:\n"
      "    b = b\n"
      "    def m(self): return a, b, __class__\n"
      "  global g\n"
      "  g = [a for _ in b]\n");
  ASSERT_NE(x.unit, nullptr) << x.context.error.message;
  const Scope* f = x.table.top->children()[0];
  const Scope* c = f->children()[0];
  const Scope* m = c->children()[0];
  auto of = [&](const Scope* s, const char* name) { return scope_of(s, x.names.intern(name)); };
  EXPECT_EQ(of(f, "a"), NameScope::kCell);
  EXPECT_EQ(of(f, "b"), NameScope::kCell);
  EXPECT_EQ(of(f, "g"), NameScope::kGlobalExplicit);
  EXPECT_EQ(of(c, "a"), NameScope::kFree);
  EXPECT_EQ(of(c, "b"), NameScope::kLocal);
  EXPECT_TRUE(c->symbols.find(x.names.intern("b"))->flags & kDefFreeClass);
  EXPECT_TRUE(c->needs_class_closure);
  EXPECT_EQ(of(m, "b"), NameScope::kFree);
  EXPECT_EQ(of(m, "__class__"), NameScope::kFree);
}

TEST(Scopes, PrivateNames) {
  Compiled x("class _Spam:\n  def f(self): self.__x, self.__y__, self._z\n");
  const CodeUnit* method = nullptr;
  for (const UnitConstant& c : x.child()->consts) {
    if (c.child) method = c.child;
  }
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->names[0]->view(), "_Spam__x");
  EXPECT_EQ(method->names[1]->view(), "__y__");
  EXPECT_EQ(method->names[2]->view(), "_z");
}

TEST(Folding, Constants) {
  struct {
    const char* source;
    const char* expected;
  } cases[] = {
      {"1 + 2 * 3", "7"}, {"-1", "-1"}, {"2 ** 60", "1152921504606846976"}, {"2 ** 100", nullptr}, {"1 << 1000", nullptr},
      {"7 // -2", "-4"}, {"7 % -2", "-1"}, {"1 / 4", "0.25"}, {"1 / 0", nullptr}, {"1 - 2j", "(1-2j)"},
      {"'ab' * 3", "'ababab'"}, {"'a' + 'b'", "'ab'"}, {"'x' * 5000", nullptr}, {"(1, 2)[1]", "2"},
      {"'\xc3\xa9t'[1]", "'t'"}, {"not 0", "True"}, {"~5", "-6"}, {"b'ab'[0]", "97"}, {"(1, (2, 'a'))", "(1, (2, 'a'))"},
      {"'%s' % 'a'", nullptr}, {"-0.0", "-0.0"}, {"0x7fffffffffffffff + 1", "9223372036854775808"},
  };
  for (auto& c : cases) {
    Compiled x(c.source, ParseMode::kEval);
    ASSERT_NE(x.unit, nullptr) << c.source;
    std::string code = opcodes(x.unit);
    if (!c.expected) {
      EXPECT_NE(code, "LoadK Return") << c.source;
      continue;
    }
    ASSERT_EQ(code, "LoadK Return") << c.source;
    Buffer<char> text;
    ASSERT_TRUE(unparse_expression(x.context, as<ast::Expression>(x.parsed.tree)->body, &text));
    EXPECT_EQ(std::string(text.data(), text.size()), c.expected) << c.source;
  }
}

TEST(Codegen, LocalsAreOperands) {
  Compiled x("def f(a, b):\n  c = a + b\n  return c\n");
  EXPECT_EQ(opcodes(x.child()), "AddRR Return");
  // What is not certainly bound is checked, once.
  Compiled y("def f(a):\n  if a: b = 1\n  return b + b\n");
  EXPECT_EQ(count(opcodes(y.child()), "CheckLocal"), 1);
  // A named expression later in the expression must not be seen by the operand before it.
  Compiled z("def f(a):\n  return a + (a := 5)\n");
  EXPECT_EQ(count(opcodes(z.child()), "Move"), 2);
}

TEST(Codegen, LoopsTestAtTheBottom) {
  Compiled x("def f(n):\n  for i in n:\n    if i < 5: g(i)\n");
  std::string code = opcodes(x.child());
  EXPECT_EQ(code, "GetIter Jump JFLtRK GetGlobal Move Call Drop ForIter ReturnK");
}

TEST(Codegen, HandlersAreInnermostFirst) {
  Compiled x(
      "def f():\n  try:\n    try: a()\n    except B as e: c()\n  finally: d()\n");
  const CodeUnit* f = x.child();
  ASSERT_GT(f->handlers.size(), 3u);
  for (uint32_t i = 0; i < f->handlers.size(); i++) {
    for (uint32_t j = i + 1; j < f->handlers.size(); j++) {
      const HandlerRow &a = f->handlers[i], &b = f->handlers[j];
      bool overlap = a.start < b.end && b.start < a.end;
      EXPECT_TRUE(!overlap || (b.start <= a.start && a.end <= b.end)) << i << " " << j;
    }
  }
}

TEST(Codegen, LongJumps) {
  std::string source = "def f(x):\n  while x:\n";
  for (int i = 0; i < 12'000; i++) source += "    x = g(x)\n";
  source += "    if x: break\n  return x\n";
  Compiled x(source);
  ASSERT_NE(x.unit, nullptr) << x.context.error.message;
  EXPECT_GE(count(opcodes(x.child()), "JumpFar"), 2);
}

TEST(Unparse, Annotations) {
  struct {
    const char* source;
    const char* expected;
  } cases[] = {
      {"a+b*c", "a + b * c"}, {"(a+b)*c", "(a + b) * c"}, {"x[1:2,...]", "x[1:2, ...]"}, {"lambda x,*y:x", "lambda x, *y: x"},
      {"f(a,*b,c=1,**d)", "f(a, *b, c=1, **d)"}, {"f'a{x!r:>{w}}'", "f'a{x!r:>{w}}'"}, {"not (a and b)", "not (a and b)"},
      {"1e400", "1e309"}, {"(x for x in y if z)", "(x for x in y if z)"}, {"u'x'", "u'x'"}, {"1 .real", "1 .real"},
  };
  for (auto& c : cases) {
    Arena arena;
    IdentifierTable names(arena);
    ParseResult parsed;
    ParseOptions options;
    options.mode = ParseMode::kEval;
    parse(arena, names, c.source, options, &parsed);
    ASSERT_NE(parsed.tree, nullptr) << c.source;
    PassContext context{arena, names, {}, {}};
    Buffer<char> text;
    ASSERT_TRUE(unparse_expression(context, as<ast::Expression>(parsed.tree)->body, &text));
    EXPECT_EQ(std::string(text.data(), text.size()), c.expected);
  }
}

}  // namespace
}  // namespace atl::compiler
