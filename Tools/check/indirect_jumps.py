#!/usr/bin/python3.11
"""The interpreter loop keeps an indirect jump of its own for each instruction handler.

Compilers like to fold the computed gotos of all handlers into one, which costs the branch predictor its context
(14 % measured). Counts the indirect jumps of the loop's object files and wants at least one per row of the
instruction table.
"""
import argparse
import glob
import os
import re
import subprocess
import sys

import common

TABLE = 'Objects/code/opcodes.def'
ROW = re.compile(r'^\s*ATOLL_OP\(', re.M)
# A jump through the GOT is a tail call of an ordinary function, not a dispatch.
JUMP = re.compile(r'\b(?:notrack )?jmp\s+\*(?!.*\(%rip\))')


def count_handlers(root):
    try:
        with open(os.path.join(root, TABLE), encoding='utf-8') as f:
            return len(ROW.findall(f.read()))
    except FileNotFoundError:
        return 0


def count_jumps(paths):
    done = subprocess.run(['objdump', '-d', '--no-show-raw-insn', *paths], capture_output=True, text=True, check=True)
    return len(JUMP.findall(done.stdout))


def check(objects, handlers):
    if not objects or not handlers:
        return 0, []
    jumps = count_jumps(objects)
    if jumps >= handlers:
        return 1, []
    return 1, [(objects[0], '%d indirect jumps for %d handlers: the compiler folded the dispatch' % (jumps, handlers))]


def main():
    parser = argparse.ArgumentParser(description="Count the indirect jumps of the interpreter's loop.")
    parser.add_argument('--root', default=common.ROOT)
    parser.add_argument('--build', default='.')
    parser.add_argument('--handlers', type=int, help='how many are wanted (default: the rows of %s)' % TABLE)
    opts = parser.parse_args()
    handlers = opts.handlers or count_handlers(opts.root)
    problems = []
    checked = 0
    for flavour in ('exe', 'lib'):
        objects = sorted(glob.glob(os.path.join(opts.build, 'obj', flavour, 'Python/vm/loop*.o')))
        number, found = check(objects, handlers)
        checked += number
        problems += found
    return common.report('indirect jumps', checked, problems)


if __name__ == '__main__':
    sys.exit(main())
