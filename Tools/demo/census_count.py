"""What the census counts in a Python source file, and how counts add up.

A `Census` is what one worker has counted. It crosses from one interpreter or process to another as nested tuples of
simple values (`pack`, `unpack`) and is merged there. Nothing here knows who counts.
"""
import ast
import io
import os
import tokenize
import warnings

MOST = 12               # how many of the most used names are shown
LONGEST = 5             # how many of the longest functions are kept
SUMS = ('files', 'bytes', 'lines', 'nodes', 'functions', 'coroutines', 'classes', 'lambdas', 'comprehensions',
        'imports', 'positions')
TABLES = ('tokens', 'names', 'statements')
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Census:
    def __init__(self):
        for name in SUMS:
            setattr(self, name, 0)
        for name in TABLES:
            setattr(self, name, {})
        self.longest = []       # (lines, path, name)
        self.errors = []        # (path, what)

    def pack(self):
        return (tuple(getattr(self, name) for name in SUMS),
                tuple(tuple(getattr(self, name).items()) for name in TABLES),
                tuple(self.longest), tuple(self.errors))

    @classmethod
    def unpack(cls, packed):
        census = cls()
        sums, tables, longest, errors = packed
        for name, value in zip(SUMS, sums):
            setattr(census, name, value)
        for name, items in zip(TABLES, tables):
            setattr(census, name, dict(items))
        census.longest = [tuple(item) for item in longest]
        census.errors = [tuple(item) for item in errors]
        return census

    def merge(self, other):
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in TABLES:
            table = getattr(self, name)
            for key, value in getattr(other, name).items():
                table[key] = table.get(key, 0) + value
        self.longest = sorted(self.longest + other.longest, reverse=True)[:LONGEST]
        self.errors = sorted(self.errors + other.errors)

    def totals(self):
        """Everything, in an order that does not depend on who counted what."""
        result = {name: getattr(self, name) for name in SUMS}
        for name in TABLES:
            result[name] = sorted(getattr(self, name).items(), key=lambda item: (-item[1], item[0]))
        result['longest'] = sorted(self.longest, reverse=True)
        result['errors'] = sorted(self.errors)
        return result

    def add_file(self, root, path):
        """Read, tokenise and parse a file and count what is in it."""
        full = os.path.join(root, path)
        with open(full, 'rb') as f:
            data = f.read()
        self.files += 1
        self.bytes += len(data)
        self.lines += data.count(b'\n')
        self.add_tokens(path, data)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            try:
                tree = ast.parse(data, path)
            except (SyntaxError, ValueError, RecursionError) as exc:
                self.errors.append((path, 'parser: ' + type(exc).__name__))
                return
        self.add_tree(path, tree)

    def add_tokens(self, path, data):
        tokens, names = self.tokens, self.names
        kinds = tokenize.tok_name
        name_kind = tokenize.NAME
        try:
            for token in tokenize.tokenize(io.BytesIO(data).readline):
                kind = kinds[token.type]
                tokens[kind] = tokens.get(kind, 0) + 1
                if token.type == name_kind:
                    name = token.string
                    names[name] = names.get(name, 0) + 1
        except (SyntaxError, tokenize.TokenError, UnicodeDecodeError) as exc:
            self.errors.append((path, 'tokenizer: ' + type(exc).__name__))

    def add_tree(self, path, tree):
        statements = self.statements
        positions = 0
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            self.nodes += 1
            if isinstance(node, ast.stmt):
                kind = type(node).__name__
                statements[kind] = statements.get(kind, 0) + 1
                positions += node.lineno * 3 + node.col_offset * 5 + node.end_lineno * 7 + node.end_col_offset * 11
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    if isinstance(node, ast.FunctionDef):
                        self.functions += 1
                    else:
                        self.coroutines += 1
                    self.longest.append((node.end_lineno - node.lineno + 1, path, node.name))
                elif isinstance(node, ast.ClassDef):
                    self.classes += 1
                elif isinstance(node, (ast.Import, ast.ImportFrom)):
                    self.imports += 1
            elif isinstance(node, ast.expr):
                positions += node.col_offset + node.end_col_offset
                if isinstance(node, ast.Lambda):
                    self.lambdas += 1
                elif isinstance(node, COMPREHENSIONS):
                    self.comprehensions += 1
            waiting.extend(ast.iter_child_nodes(node))
        self.positions += positions
        if len(self.longest) > LONGEST:
            self.longest.sort(reverse=True)
            del self.longest[LONGEST:]


def source_files(root, every=1):
    """Paths of the .py files below a folder, relative to it, the largest first (so that workers end together)."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in ('__pycache__', 'site-packages', 'dist-packages')]
        for name in names:
            if name.endswith('.py'):
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    found.append((-os.path.getsize(path), os.path.relpath(path, root)))
    found.sort()
    return [path for _, path in found[::every]]


def table(census):
    """The lines that show a census."""
    totals = census.totals()
    lines = []
    for label, name in (('files', 'files'), ('bytes', 'bytes'), ('lines', 'lines'), ('syntax tree nodes', 'nodes'),
                        ('functions', 'functions'), ('async functions', 'coroutines'), ('classes', 'classes'),
                        ('lambdas', 'lambdas'), ('comprehensions', 'comprehensions'), ('imports', 'imports')):
        lines.append('%-20s %14s' % (label, format(totals[name], ',')))
    lines.append('%-20s %14s' % ('tokens', format(sum(count for _, count in totals['tokens']), ',')))
    for kind, count in totals['tokens']:
        lines.append('    %-16s %14s' % (kind.lower(), format(count, ',')))
    lines.append('most used names')
    for name, count in totals['names'][:MOST]:
        lines.append('    %-16s %14s' % (name, format(count, ',')))
    lines.append('longest functions')
    for length, path, name in totals['longest']:
        lines.append('    %5d lines  %s in %s' % (length, name, path))
    broken = sorted({path for path, _ in totals['errors']})
    lines.append('%-20s %14s' % ('files with errors', format(len(broken), ',')))
    for path, what in totals['errors'][:6]:
        lines.append('    %s (%s)' % (path, what))
    if len(totals['errors']) > 6:
        lines.append('    and %d more messages' % (len(totals['errors']) - 6))
    return lines
