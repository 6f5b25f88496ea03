#!/usr/bin/python3.11
"""Each check finds a planted violation of each kind, and passes what is right."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import docs_paths      # noqa: E402
import generated       # noqa: E402
import headers         # noqa: E402
import indirect_jumps  # noqa: E402
import layering        # noqa: E402
import parser_alone    # noqa: E402
import run_all         # noqa: E402
import writable_symbols  # noqa: E402


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='check')
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text=''):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as f:
            f.write(text)
        return full

    def assertProblems(self, problems, *wanted):
        """Exactly the wanted (path, part of the text) problems."""
        rest = list(problems)
        for path, text in wanted:
            hit = next((p for p in rest if p[0].startswith(path) and text in p[1]), None)
            self.assertIsNotNone(hit, '%s: %s not among %s' % (path, text, rest))
            rest.remove(hit)
        self.assertEqual(rest, [])


class Layering(Tree):
    def setUp(self):
        super().setUp()
        self.write('Include/Python.h')
        self.write('Python/runtime/runtime.h', '#include "Include/Python.h"\n')
        self.write('Objects/object.h', '#include "Python/runtime/runtime.h"\n')
        self.write('Objects/type_state.h', '#include "Python/runtime/runtime.h"\n')
        self.write('Python/vm/frame.h', '#include "Objects/object.h"\n')
        self.write('Python/lifecycle/bringup.h', '#include "Python/vm/frame.h"\n')
        self.write('Python/lifecycle/other.h')
        self.write('Python/runtime/interpreter.h', '#include "Objects/type_state.h"\n')
        self.write('Python/runtime/upcalls.h')
        self.write('Modules/main.cc', '#include "Python/lifecycle/bringup.h"\n#include "atoll_config.h"\n')
        self.write('Objects/x_test.cc', '#include "Python/vm/frame.h"\n')

    def test_clean(self):
        checked, problems = layering.check(self.root)
        self.assertEqual(problems, [])
        self.assertEqual(checked, 10)

    def test_upward(self):
        self.write('Objects/bad.cc', '\n  # include "Python/vm/frame.h"\n')
        self.assertProblems(layering.check(self.root)[1], ('Objects/bad.cc:2', 'higher room Python/vm'))

    def test_upward_from_public_header(self):
        self.write('Include/bad.h', '#include "Python/runtime/runtime.h"\n')
        self.assertProblems(layering.check(self.root)[1], ('Include/bad.h:1', 'higher room Python/runtime'))

    def test_state_header_only_for_the_runtime(self):
        self.write('Python/compiler/c_state.h')
        self.write('Objects/bad.cc', '#include "Python/compiler/c_state.h"\n')
        self.assertProblems(layering.check(self.root)[1], ('Objects/bad.cc:1', 'higher room'))

    def test_state_header_sees_little(self):
        self.write('Python/vm/vm_state.h', '#include "Objects/object.h"\n')
        self.assertProblems(layering.check(self.root)[1], ('Python/vm/vm_state.h:1', 'state header'))

    def test_second_way_into_lifecycle(self):
        self.write('Modules/main.cc', '#include "Python/lifecycle/bringup.h"\n#include "Python/lifecycle/other.h"\n')
        self.assertProblems(layering.check(self.root)[1], ('Modules/main.cc:2', 'higher room'))

    def test_relative_name(self):
        self.write('Python/vm/bad.cc', '#include "frame.h"\n')
        self.assertProblems(layering.check(self.root)[1], ('Python/vm/bad.cc:1', 'from the root'))

    def test_missing_and_outside(self):
        self.write('Tools/x.h')
        self.write('Python/vm/bad.cc', '#include "Tools/x.h"\n#include "Python/vm/none.h"\n')
        self.write('Python/attic/x.cc')
        self.assertProblems(layering.check(self.root)[1], ('Python/vm/bad.cc:1', 'no room'),
                            ('Python/vm/bad.cc:2', 'does not exist'), ('Python/attic/x.cc', 'no room'))

    def test_two_upcalls(self):
        self.write('Python/runtime/more/upcalls.h')
        self.assertProblems(layering.check(self.root)[1], ('Python/runtime/', 'second upcalls.h'))


class Headers(Tree):
    def test_alone(self):
        self.write('Include/Python.h', '#include <stddef.h>\ntypedef struct { size_t n; } Thing;\n')
        self.write('Objects/good.h', '#pragma once\n#include "Include/Python.h"\ninline size_t n(Thing t) { return t.n; }\n')
        self.write('Objects/bad.h', '#pragma once\ninline int m(Thing t) { return 0; }\n')
        flags = ['-std=c++20', '-Wall', '-Wextra']
        checked, problems = headers.check(self.root, 'g++', flags)
        self.assertEqual(checked, 4)
        self.assertProblems(problems, ('Objects/bad.h', 'Thing'))

    def test_public_header_is_c(self):
        self.write('Include/Python.h', 'namespace x {}\n')
        self.assertProblems(headers.check(self.root, 'g++', ['-std=c++20'])[1], ('Include/Python.h', 'as c:'))

    def test_warning_counts(self):
        self.write('Objects/bad.h', 'static int unused_function() { return 1; }\n')
        self.assertProblems(headers.check(self.root, 'g++', ['-Wall'])[1], ('Objects/bad.h', 'unused'))


class WritableSymbols(Tree):
    BAD = r'''
        struct Guarded { Guarded(); int n; };
        int initialised = 3;
        int zeroed;
        static int hidden_counter;
        thread_local int per_thread = 4;
        thread_local int per_thread_zero;
        template <class T> struct Holder { static T value; };
        template <class T> T Holder<T>::value{};
        template struct Holder<long>;
        int count() { static int calls = 5; return ++calls + ++hidden_counter; }
        Guarded& guarded() { static Guarded object; return object; }
        const char* names[] = {"a", "b"};
    '''
    GOOD = r'''
        extern const char* const table[];
        const char* const table[] = {"a", "b"};
        extern const int* const pointer;
        static const int target = 3;
        const int* const pointer = &target;
        [[gnu::section("atoll_sealed")]] int sealed_thing = 7;
        int pure(int x) { static constexpr int kTable[] = {1, 2, 3}; return kTable[x]; }
    '''

    def build(self, name, text, *flags, suffix='.cc'):
        source = self.write(name + suffix, text)
        target = os.path.join(self.root, name + '.o')
        subprocess.run([{'.c': 'gcc', '.cc': 'g++'}[suffix], '-O2', *flags, '-c', source, '-o', target], check=True)
        return target

    def ledger(self, *rows):
        return self.write('ledger.tsv', '# rows\n' + ''.join('\t'.join(r) + '\n' for r in rows))

    def test_each_kind_is_found(self):
        for flags in ([], ['-fPIC'], ['-fno-pie', '-fdata-sections']):
            with self.subTest(flags=flags):
                target = self.build('bad', self.BAD, '-std=c++20', '-fno-exceptions', '-fno-rtti', *flags)
                checked, problems = writable_symbols.check([target], self.ledger())
                self.assertEqual(checked, 1)
                texts = '\n'.join(text for _, text in problems)
                for name in ('initialised', 'zeroed', 'hidden_counter', 'per_thread', 'per_thread_zero', 'names',
                             'Holder<long>::value', 'count()::calls', 'guarded()::object',
                             'guard variable for guarded()::object'):
                    self.assertRegex(texts, r'not in the ledger: %s in' % name.replace('(', r'\(').replace(')', r'\)'))
                self.assertEqual(len(problems), 10, texts)

    # Each stands alone in its file: (what it is called, flags, source, what the check must say).
    PLANTED = [
        ('a class static', 'struct S { static int n; }; int S::n; int f() { return ++S::n; }', 'not in the ledger: S::n in .bss'),
        ('an inline class static', 'struct S { static inline int n = 3; }; int f() { return ++S::n; }', 'not in the ledger: S::n in'),
        ('an inline variable', 'inline int counter = 1; int f() { return ++counter; }', 'not in the ledger: counter in'),
        ('an exported C global', 'extern "C" { int exported_counter; }', 'not in the ledger: exported_counter in .bss'),
        ('a hidden one', '__attribute__((visibility("hidden"))) long quiet = 1;', 'not in the ledger: quiet in .data'),
        ('a weak one', '__attribute__((weak)) int feeble;', 'not in the ledger: feeble in'),
        ('one in a nameless namespace', 'namespace { int mine; } int f() { return ++mine; }', 'mine in .bss'),
        ('a function-local thread_local', 'int f() { static thread_local int n = 7; return ++n; }', 'f()::n in .tdata'),
        ('a thread_local with a constructor', 'struct T { T(); ~T(); int n; }; int f() { thread_local T t; return t.n; }', 'f()::t in .tbss'),
        ('a lambda\'s static', 'auto g() { return [] { static int n; return ++n; }; } int f() { return g()(); }', '::n in'),
        ('a static of a template function', 'template <class T> T f() { static T n; return ++n; } template int f<int>();', 'f<int>()::n in'),
        ('a mutable member of a constant', 'struct S { mutable int n = 0; constexpr S() {} }; const S s; int f() { return s.n++; }', 's in'),
        ('an atomic', '#include <atomic>\nstd::atomic<int> ticket; int f() { return ++ticket; }', 'ticket in .bss'),
        ('an array of pointers', 'const char* words[] = {"a", "b"};', 'words in .data'),
        ('a section of its own', '[[gnu::section(".mine")]] int n = 1;', 'n in .mine'),
        ('a section that only sounds sealed', '[[gnu::section("atoll_sealed_too")]] int n = 1;', 'n in atoll_sealed_too'),
        ('large data', '[[gnu::section(".ldata")]] int n = 1;', 'n in .ldata'),
        ('assembly with a name', 'asm(".data\\n.globl sneaky\\nsneaky: .quad 0\\n.text");', 'sneaky in .data'),
        ('assembly without one', 'asm(".data\\n.quad 0\\n.text");', '8 writable bytes in .data without a name'),
        ('assembly behind a named one', 'int is_named = 1; asm(".data\\n.balign 4\\n.quad 0, 0, 0, 0, 0, 0, 0, 0, 0\\n.text");', 'without a name'),
        ('assembly in .bss', 'asm(".bss\\n.skip 16\\n.text");', '16 writable bytes in .bss without a name'),
        ('a constructor function', '[[gnu::constructor]] void early() { asm volatile("nop"); }', 'runs code before main'),
        ('a destructor function', '[[gnu::destructor]] void late() { asm volatile("nop"); }', 'runs code before main'),
        ('an entry of .preinit_array', 'void early(); [[gnu::section(".preinit_array"), gnu::used]] void (*const entry)() = early;', 'runs code before main'),
        ('code in .init', 'asm(".section .init,\\"ax\\"\\nnop\\n.text");', 'runs code before main'),
        ('a dynamic initialiser', 'int f(); int value = f();', 'runs code before main'),
        ('a static object with a destructor', 'struct D { constexpr D() {} ~D(); }; D d;', 'runs code before main'),
    ]

    def test_planted_one_by_one(self):
        for i, (what, source, text) in enumerate(self.PLANTED):
            for flags in (['-fno-pie'], ['-fPIC']):
                with self.subTest(what=what, flags=flags):
                    target = self.build('planted%d' % i, source + '\n', '-std=c++20', '-fno-exceptions', '-fno-rtti', *flags)
                    _, problems = writable_symbols.check([target], self.ledger(('is_named', 'counter', 'atomic, for the tests')), False)
                    self.assertTrue(any(text in t for _, t in problems), problems)

    def test_c_literal(self):
        target = self.build('literal', 'int *const p = (int[]){1, 2};\n', suffix='.c')
        self.assertTrue(any('compound_literal' in t for _, t in writable_symbols.check([target], self.ledger())[1]))

    def link(self, name, text, *flags):
        source = self.write(name + '.cc', text)
        target = os.path.join(self.root, name)
        subprocess.run(['g++', '-O2', '-std=c++20', source, '-o', target, *flags], check=True)
        return target

    def test_linked(self):
        main = 'int main() { return 0; }\n'
        table = 'extern const char* const table[]; const char* const table[] = {"a", "b"};\n'
        kinds = {'program': ['-no-pie', '-fno-pie'], 'position-independent program': ['-pie', '-fPIE'], 'library': ['-shared', '-fPIC']}
        for kind, flags in kinds.items():
            with self.subTest(kind=kind):
                path = self.link('good', table + main, *flags)
                self.assertEqual(writable_symbols.check([], self.ledger(), binaries=[path]), (1, []))
                path = self.link('bad', 'int counter; int f() { static int n = 1; return ++n + ++counter; }\n' + main, *flags)
                self.assertProblems(writable_symbols.check([], self.ledger(), binaries=[path])[1],
                                    (path, 'counter in .bss'), (path, 'f()::n in .data'))
                path = self.link('ctor', 'int f(); int g() { return 1; } struct S { S() { v = g(); } int v; }; const S s;\n' + main,
                                 '-O0', *flags)
                problems = writable_symbols.check([], self.ledger(('*s*s', 'sealed', 'is for the tests')), False, [path])[1]
                self.assertTrue(any('before main' in t for _, t in problems), problems)
        path = self.link('norelro', table + main, '-pie', '-fPIE', '-Wl,-z,norelro')
        self.assertTrue(any('not inside RELRO' in t for _, t in writable_symbols.check([], self.ledger(), binaries=[path])[1]))

    def test_common(self):
        target = self.build('common', 'int shared;\n', '-fcommon', suffix='.c')
        self.assertProblems(writable_symbols.check([target], self.ledger())[1], (target, 'shared in COMMON'))

    def test_static_constructor(self):
        target = self.build('ctor', 'int f(); const int value = f(); int g() { return value; }\n')
        problems = writable_symbols.check([target], self.ledger(('*value*value', 'sealed', 'is set before main')), False)[1]
        self.assertTrue(any('static constructor' in text for _, text in problems), problems)

    def test_constants_and_sealed_pass(self):
        for flags in ([], ['-fPIC']):
            target = self.build('good', self.GOOD, '-std=c++20', *flags)
            self.assertEqual(writable_symbols.check([target], self.ledger()), (1, []))

    def test_ledger_covers(self):
        target = self.build('one', 'static int counter; int next() { static int calls = 5; return ++calls + ++counter; }\n')
        ledger = self.ledger(('counter', 'counter', 'atomic, for the tests'),
                             ('next()::*', 'counter', 'atomic, for the tests'))
        self.assertEqual(writable_symbols.check([target], ledger), (1, []))

    def test_ledger_rows_are_checked(self):
        target = self.build('none', 'int f() { return 1; }\n')
        ledger = self.ledger(('gone_symbol', 'counter', 'counts something atomically'),
                             ('other_symbol', 'because', 'counts something atomically'), ('x*', 'sealed', 'a b c'),
                             ('lonely_symbol',), ('short_reason', 'sealed', 'yes'))
        problems = writable_symbols.check([target], ledger)[1]
        for text in ('no symbol matches "gone_symbol"', 'category "because"', 'next to nothing', 'a row is', 'a sentence'):
            self.assertTrue(any(text in t for _, t in problems), text)

    def test_lto_is_refused(self):
        target = self.build('lto', 'int x;\n', '-flto')
        self.assertProblems(writable_symbols.check([target], self.ledger())[1], (target, 'link-time'))


class Generated(Tree):
    def test_all(self):
        self.write('Tools/make.py', '')
        self.write('Tools/other.py', 'import sys\nsys.exit("good2.inc would change" if sys.argv[1:] == ["--check"] else 0)\n')
        self.write('Objects/generated/good.inc', '// Generated by Tools/make.py from UnicodeData 15.0\n')
        self.write('Objects/generated/silent.inc', 'int x;\n')
        self.write('Objects/generated/orphan.inc', '// Generated by Tools/gone.py from UnicodeData\n')
        self.write('Objects/stray.cc', '// Generated by Tools/make.py from UnicodeData\n')
        self.write('Objects/generated/good2.inc', '// Generated by Tools/other.py from UnicodeData 15.0\n')
        checked, problems = generated.check(self.root)
        self.assertEqual(checked, 6)
        self.assertProblems(problems, ('Objects/generated/silent.inc', 'line one'),
                            ('Objects/generated/orphan.inc', 'does not exist'), ('Objects/stray.cc', 'no generated/'),
                            ('Tools/other.py', 'good2.inc would change'))


class DocsPaths(Tree):
    def test_all(self):
        self.write('Objects/list.cc')
        self.write('Objects/dict/lookup.cc')
        self.write('Doc/internals/design.md', '`Objects/planned.cc`\n')
        self.write('Doc/internals/objects.md', 'See `Objects/list.cc:12`, `Objects/dict/`, `Objects/dict/*.cc`,\n'
                   '`Objects/x_state.h`, `Objects/{list.cc,dict/lookup.cc}`, `list.append`.\n'
                   'Gone: `Objects/gone.cc` and `Objects/set/*.cc`.\n')
        checked, problems = docs_paths.check(self.root)
        self.assertEqual(checked, 1)
        self.assertProblems(problems, ('Doc/internals/objects.md:3', 'Objects/gone.cc'),
                            ('Doc/internals/objects.md:3', 'Objects/set/*.cc'))


class IndirectJumps(Tree):
    SOURCE = '''
        int run(const unsigned char* p, int a) {
          static const void* const kTable[] = {&&add, &&sub, &&twice, &&negate, &&halve, &&stop};
        #define NEXT goto *kTable[*p++]
          NEXT;
          add: a += 3; NEXT;
          sub: a -= 5; NEXT;
          twice: a *= 2; NEXT;
          negate: a = -a; NEXT;
          halve: a /= 2; NEXT;
          stop: return a;
        }
    '''

    def test_folded_and_not(self):
        source = self.write('loop.cc', self.SOURCE)
        target = os.path.join(self.root, 'loop.o')
        subprocess.run(['g++', '-O2', '-fno-gcse', '-fno-crossjumping', '-fno-pie', '-c', source, '-o', target], check=True)
        self.assertEqual(indirect_jumps.check([target], 5), (1, []))
        self.assertProblems(indirect_jumps.check([target], 50)[1], (target, 'folded'))
        subprocess.run(['g++', '-Os', '-fno-pie', '-c', source, '-o', target], check=True)
        self.assertProblems(indirect_jumps.check([target], 5)[1], (target, 'folded'))

    def test_rows(self):
        self.write('Objects/code/opcodes.def', '// ATOLL_OP(Name, …)\nATOLL_OP(A, 1)\n  ATOLL_OP(B, 2)\n')
        self.assertEqual(indirect_jumps.count_handlers(self.root), 2)


class ParserAlone(Tree):
    def build(self, path, text):
        source = self.write(path + '.cc', text)
        subprocess.run(['g++', '-O1', '-c', source, '-o', os.path.join(self.root, path + '.o')], check=True)

    def test_clean_and_not(self):
        self.build('Python/compiler/lexer', 'int width(int); int lex(int c) { return width(c); }\n')
        self.build('Objects/str/width', 'int width(int c) { return c > 255 ? 2 : 1; }\n')
        self.build('Objects/object', 'extern "C" int _Py_Dealloc(int); int drop(int c) { return _Py_Dealloc(c); }\n')
        self.assertEqual(parser_alone.check(self.root), (2, []))
        self.build('Objects/str/width', 'int drop(int); int width(int c) { return drop(c); }\n')
        self.assertProblems(parser_alone.check(self.root)[1], (
            'Objects/object.o', '_Py_Dealloc; reached by Objects/object.o from Objects/str/width.o from '
            'Python/compiler/lexer.o'))
        self.build('Python/compiler/parser', 'extern "C" { extern int Py_None; } int parse() { return Py_None; }\n')
        self.assertProblems(parser_alone.check(self.root)[1], ('Objects/object.o', '_Py_Dealloc'),
                            ('Python/compiler/parser.o', 'Py_None'))


class RunAll(unittest.TestCase):
    def test_tally(self):
        def tally(text):
            return run_all.tally(text.splitlines(True))
        self.assertIsNone(tally('nothing of interest\n'))
        self.assertEqual(tally('layering: 12 passed, 1 failed\nheaders: 3 passed, 0 failed\n'), (15, 1))
        self.assertEqual(tally('[  PASSED  ] 7 tests.\n[  FAILED  ] 2 tests, listed below:\n'), (7, 2))
        self.assertEqual(tally('[  PASSED  ] 1 test.\n[  FAILED  ] 1 test, listed below:\n'), (1, 1))
        self.assertEqual(tally('Ran 10 tests in 0.1s\n\nOK (skipped=2, expected failures=1)\n'), (7, 0))
        self.assertEqual(tally('Ran 10 tests in 0.1s\n\nFAILED (failures=1, errors=2, skipped=3)\n'), (4, 3))
        self.assertEqual(tally('nothing to check: generated files\n'), (0, 0))


if __name__ == '__main__':
    unittest.main()
