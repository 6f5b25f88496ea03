#!/usr/bin/python3.11
"""Lexer and parser link without an interpreter: they work on bytes and an arena only.

Follows undefined symbols from the object files of lexer and parser through the core, as a linker would that takes
only what is needed, and demands that nothing it reaches knows the C API or the object model: no symbol of it begins
with Py or _Py, and the current thread state is not among them. Fuzz targets and unit tests depend on this.
"""
import argparse
import os
import re
import sys

import common

ROOTS = re.compile(r'^Python/compiler/.*(?:lexer|parser|tokenizer)[^/]*\.o$')
FORBIDDEN = re.compile(r'^_?Py[A-Z_]|t_current')


class Object:
    def __init__(self, path):
        _, symbols = common.read_elf(path)
        self.defines = {s.name for s in symbols if s.section is not None and s.name and s.bind != 0}
        self.needs = {s.name for s in symbols if s.section is None and s.name} - self.defines


def check(folder):
    objects = {}
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith('.o') and not name.endswith('_test.o'):
                path = os.path.join(where, name)
                objects[os.path.relpath(path, folder)] = Object(path)
    defined_in = {}
    for path in sorted(objects):
        for name in objects[path].defines:
            defined_in.setdefault(name, path)
    waiting = sorted(path for path in objects if ROOTS.match(path))
    reached = {path: None for path in waiting}      # who asked for it
    problems = []
    while waiting:
        path = waiting.pop(0)
        known = objects[path]
        bad = sorted(name for name in known.needs | known.defines if FORBIDDEN.search(name))
        if bad:
            chain, step = [], path
            while step is not None:
                chain.append(step)
                step = reached[step]
            problems.append((path, 'knows %s; reached by %s' % (', '.join(bad[:4]), ' from '.join(chain))))
            continue
        for name in sorted(known.needs):
            other = defined_in.get(name)
            if other is not None and other not in reached:
                reached[other] = path
                waiting.append(other)
    return len(reached), problems


def main():
    parser = argparse.ArgumentParser(description='Check that lexer and parser need no interpreter.')
    parser.add_argument('--objects', default='obj/exe')
    opts = parser.parse_args()
    return common.report('parser alone', *check(opts.objects))


if __name__ == '__main__':
    sys.exit(main())
