#!/usr/bin/python3.11
"""Paths that the pages of Doc/internals, and the READMEs, name in backquotes exist.

Counts as a path: text in backquotes that begins with one of the project's top folders and a slash. A line number
or an anchor behind it is ignored; a pattern with * must match something; text with a placeholder (… < > $ { or the
name x_…) is none. The design documents (design.md, vm.md, style.md) also describe what is still to be built; they
are not looked at.
"""
import argparse
import glob
import os
import re
import sys

import common

TOPS = ('Include', 'Python', 'Objects', 'Modules', 'Lib', 'Tools', 'Doc', '.ci')
PLANS = {'Doc/internals/design.md', 'Doc/internals/vm.md', 'Doc/internals/style.md'}
QUOTED = re.compile(r'`([^`\n]+)`')
PATH = re.compile(r'^(?:%s)/[^\s`]*$' % '|'.join(re.escape(t) for t in TOPS))
PLACEHOLDER = re.compile(r'[…<>$]|\.\.\.|(?:^|/)x(?:_\w+)?\.')


def named_paths(line):
    for text in QUOTED.findall(line):
        if PATH.match(text) and not PLACEHOLDER.search(text):
            text = re.sub(r'(?::\d+(?:-\d+)?|#.*)$', '', text).rstrip('.,;:')
            alternatives = re.match(r'^(.*)\{([^{}]*)\}(.*)$', text)
            if alternatives:
                for part in alternatives[2].split(','):
                    yield alternatives[1] + part + alternatives[3]
            else:
                yield text


def pages(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(('build', '.git')) and f != 'obj')
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith('.md') and path not in PLANS and (name == 'README.md' or path.startswith('Doc/')):
                yield path


def check(root):
    problems = []
    checked = 0
    for page in pages(root):
        checked += 1
        with open(os.path.join(root, page), encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                for path in named_paths(line):
                    full = os.path.join(root, path)
                    if not (glob.glob(full) if '*' in path else os.path.exists(full)):
                        problems.append(('%s:%d' % (page, number), 'names %s, which does not exist' % path))
    return checked, problems


def main():
    parser = argparse.ArgumentParser(description='Check the paths that documents name.')
    parser.add_argument('--root', default=common.ROOT)
    opts = parser.parse_args()
    return common.report('paths in documents', *check(opts.root))


if __name__ == '__main__':
    sys.exit(main())
