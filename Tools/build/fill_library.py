"""Makes the code images of the standard library before they are asked for: every module once, in the folder of the
./python that runs this (Python/import/library.cc).
"""
import importlib.machinery
import os
import sys

import _imp

LEAVE_OUT = {'test', 'tests', 'idlelib', 'turtledemo', '__pycache__', 'site-packages', 'dist-packages', 'lib2to3'}


def main():
    root = os.path.dirname(os.path.abspath(os.__file__))
    made, refused = 0, []
    for name in _imp._frozen_module_names():
        _imp.get_frozen_object(name)
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in LEAVE_OUT)
        for file in sorted(files):
            if not file.endswith('.py'):
                continue
            path = os.path.join(folder, file)
            name = os.path.relpath(path, root)[:-3].replace(os.sep, '.').removesuffix('.__init__')
            try:
                importlib.machinery.SourceFileLoader(name, path).get_code(name)
                made += 1
            except (SyntaxError, UnicodeDecodeError) as exc:
                refused.append('%s: %s' % (path, exc))
    for text in refused:
        print(text, file=sys.stderr)
    print('library images: %d' % made)
    return 0


if __name__ == '__main__':
    sys.exit(main())
