#!/usr/bin/python3.11
"""Compares the parser with CPython's, through the program that dump_main.cc makes.

  difftest.py files DUMP [--shard I/N] [--cache DIR] FILE_OR_FOLDER...   trees (and errors) of whole files
  difftest.py snippets DUMP FILE...       every string constant of the files, taken as source: trees and errors
  difftest.py mutate DUMP [--seed S] [--count N] FILE...   damaged copies of the files' statements: mostly errors
  difftest.py text DUMP FILE              a file holding the repr of a list of sources (or (source, mode) pairs)

Prints the differences and a summary line; the exit status tells whether there were any.
"""
import argparse
import ast
import hashlib
import io
import os
import random
import subprocess
import sys
import tokenize
import warnings

ONLY_AST = ast.PyCF_ONLY_AST


class Dump:
    def __init__(self, program):
        self.process = subprocess.Popen([program, '--batch'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, source, mode='exec', flags=''):
        text = isinstance(source, str)
        data = source.encode('utf-8', 'surrogatepass') if text else source
        code = {'exec': 'x', 'eval': 'e', 'single': 's', 'func_type': 'f'}[mode]
        self.process.stdin.write(b'%s %s %d\n' % (code.encode(), (flags + ('t' if text else 'b')).encode(), len(data)))
        self.process.stdin.write(data)
        self.process.stdin.flush()
        size = int(self.process.stdout.readline())
        return self.process.stdout.read(size).decode('utf-8', 'replace')


def expected(source, mode='exec', compile_flags=0):
    """What CPython says, in the form of the dump program."""
    lines = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            tree = compile(source, '<no such file>', mode, ONLY_AST | compile_flags)
            sys.setrecursionlimit(20000)
            result = ast.dump(tree, include_attributes=True)
        except SyntaxError as e:
            result = '!%s|%s|%s|%s|%s|%s' % (type(e).__name__, e.msg, e.lineno, e.offset, e.end_lineno, e.end_offset)
        except (MemoryError, RecursionError) as e:
            result = '!' + type(e).__name__
        except (ValueError, OverflowError) as e:
            result = '!%s|%s' % (type(e).__name__, e)
    for w in caught:
        lines.append('?%s|%d|%s\n' % (w.category.__name__, w.lineno, w.message))
    return ''.join(lines) + result


def first_difference(a, b):
    n = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return 'cpython ...%s\n   ours    ...%s' % (a[max(0, n - 80):n + 120], b[max(0, n - 80):n + 120])


def python_files(paths):
    for path in paths:
        if os.path.isdir(path):
            for folder, _, names in sorted(os.walk(path)):
                yield from (os.path.join(folder, n) for n in sorted(names) if n.endswith('.py'))
        else:
            yield path


def compare(dump, source, mode, label, report):
    ours = dump.ask(source, mode)
    theirs = expected(source, mode)
    if ours != theirs:
        report(label, theirs, ours)
    return ours == theirs, '!' in theirs[:1] or '\n!' in theirs


def string_constants(path):
    with open(path, 'rb') as f:
        tree = ast.parse(f.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value
            if '>>>' in node.value:
                import doctest
                try:
                    for example in doctest.DocTestParser().get_examples(node.value):
                        yield example.source
                except ValueError:
                    pass


def statements(path):
    with open(path, 'rb') as f:
        data = f.read()
    text = data.decode('utf-8', 'replace')
    try:
        tree = ast.parse(data)
    except SyntaxError:
        return
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.end_lineno - node.lineno < 12:
            source = ''.join(lines[node.lineno - 1:node.end_lineno])
            margin = len(source) - len(source.lstrip(' '))
            yield ''.join(line[margin:] if not line[:margin].strip() else line
                          for line in source.splitlines(keepends=True))


EXTRA_TOKENS = ['=', ':', ',', '(', ')', '[', ']', '{', '}', ':=', '==', '*', '**', '.', 'if', 'else', 'for', 'in', 'not',
                'is', 'lambda', 'yield', 'await', 'async', 'print', 'x', '1', "'s'", '->', '@', '/', 'None', 'True',
                'as', 'match', 'case', '_', 'from', 'import', '+=', '-', 'f"{x}"', 'and', '\n', '\n  ', ';', 'except',
                'def', 'class', 'with', 'while', 'try', 'finally', 'return', 'del', '!', '$', '"', '...']


def mutants(source, rng):
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = [(starts[t.start[0] - 1] + t.start[1], starts[t.end[0] - 1] + t.end[1]) for t in tokens
             if t.string.strip() and t.start[0] <= len(starts) - 1]
    if not spans:
        return
    a, b = rng.choice(spans)
    c, d = rng.choice(spans)
    kind = rng.randrange(6)
    if kind == 0:
        yield source[:a] + source[b:]
    elif kind == 1:
        yield source[:a] + rng.choice(EXTRA_TOKENS) + ' ' + source[a:]
    elif kind == 2:
        yield source[:a] + rng.choice(EXTRA_TOKENS) + source[b:]
    elif kind == 3:
        yield source[:a] + source[c:d] + source[b:]
    elif kind == 4:
        yield source[:a]
    else:
        yield source[:a] + source[a:b] + ' ' + source[a:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('what', choices=['files', 'snippets', 'mutate', 'text'])
    parser.add_argument('dump')
    parser.add_argument('paths', nargs='+')
    parser.add_argument('--shard', default='0/1')
    parser.add_argument('--cache')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--count', type=int, default=1000)
    parser.add_argument('--mode', default='exec')
    parser.add_argument('--show', type=int, default=20)
    opts = parser.parse_args()
    dump = Dump(opts.dump)
    counts = {'same': 0, 'different': 0, 'errors': 0, 'errors different': 0, 'message different': 0}
    shown = 0

    def report(label, theirs, ours):
        nonlocal shown
        if shown < opts.show:
            shown += 1
            if '!' in theirs + ours and len(theirs) + len(ours) < 600:
                print('%s\n   cpython %s\n   ours    %s' % (label, theirs, ours))
            else:
                print('%s\n   %s' % (label, first_difference(theirs, ours)))

    def check(source, mode, label):
        ours = dump.ask(source, mode)
        theirs = expected(source, mode)
        error = theirs.rpartition('\n')[2].startswith('!')
        counts['same' if ours == theirs else 'different'] += 1
        counts['errors'] += error
        if ours != theirs:
            counts['errors different'] += error
            counts['message different'] += ours.split('|')[:2] != theirs.split('|')[:2]
            report(label, theirs, ours)

    shard, of = map(int, opts.shard.split('/'))
    if opts.what == 'files':
        for i, path in enumerate(python_files(opts.paths)):
            if i % of != shard:
                continue
            with open(path, 'rb') as f:
                data = f.read()
            if opts.cache:
                cached = os.path.join(opts.cache, hashlib.md5(data).hexdigest())
                ours = dump.ask(data)
                digest = hashlib.md5(ours.encode()).hexdigest()
                if os.path.exists(cached):
                    with open(cached) as f:
                        if f.read() == digest:
                            counts['same'] += 1
                            continue
                theirs = expected(data)
                with open(cached, 'w') as f:
                    f.write(hashlib.md5(theirs.encode()).hexdigest())
                counts['same' if ours == theirs else 'different'] += 1
                if ours != theirs:
                    report(path, theirs, ours)
            else:
                check(data, opts.mode, path)
    elif opts.what == 'snippets':
        seen = set()
        for path in python_files(opts.paths):
            for source in string_constants(path):
                if source not in seen and not any('\ud800' <= c <= '\udfff' for c in source) and '\0' not in source:
                    seen.add(source)
                    for mode in opts.mode.split(','):
                        check(source, mode, '%s: %r' % (os.path.basename(path), source[:300]))
    elif opts.what == 'mutate':
        rng = random.Random(opts.seed)
        pool = []
        for path in python_files(opts.paths):
            pool.extend(statements(path))
        done = 0
        while done < opts.count:
            for source in mutants(rng.choice(pool), rng):
                done += 1
                check(source, opts.mode, repr(source))
    else:
        with open(opts.paths[0], encoding='utf-8') as f:
            for item in eval(f.read(), {}):
                source, mode = item if isinstance(item, tuple) else (item, opts.mode)
                check(source, mode, '%r %s' % (source[:200], mode))
    print(counts)
    return counts['different'] != 0


if __name__ == '__main__':
    sys.exit(main())
