#!/usr/bin/python3.11
"""Includes point only downward through the rooms (the table ROOMS in common.py; Doc/internals/style.md says why).

Exempt, and only these: unit tests (*_test.cc); a state header x_state.h of a higher room included from
Python/runtime, where Interpreter is composed of them (such a header in turn sees only Include/ and
Python/runtime); Modules/main.cc, which reaches Python/lifecycle through one header. A low room that calls up
declares the function in its own upcalls.h, so that needs no exemption; a room has at most one such header.
"""
import argparse
import os
import re
import sys

import common

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
# Headers that configure writes into the build folder.
GENERATED_BY_CONFIGURE = {'atoll_config.h'}
STATE_ROOMS = {'Include', 'Python/runtime'}


def is_state_header(path):
    return path.endswith('_state.h') or os.path.basename(path) == 'state.h'


def resolve(root, path, target):
    """The file, relative to the root, that an include names; None when it is outside of the rooms."""
    if os.path.exists(os.path.join(root, target)):
        return os.path.normpath(target)
    beside = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if os.path.exists(os.path.join(root, beside)):
        return beside
    public = os.path.join('Include', target)
    if os.path.exists(os.path.join(root, public)):
        return public
    return None


def check_file(root, path, problems):
    own = common.room_of(path)
    lifecycle_headers = set()
    with open(os.path.join(root, path), encoding='utf-8', errors='replace') as f:
        for number, line in enumerate(f, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match[1]
            place = '%s:%d' % (path, number)
            if target in GENERATED_BY_CONFIGURE:
                continue
            found = resolve(root, path, target)
            if found is None:
                problems.append((place, 'includes "%s", which does not exist' % target))
                continue
            room = common.room_of(found)
            if room is None:
                problems.append((place, 'includes "%s", which is in no room' % target))
                continue
            if found != target and room != 'Include':
                problems.append((place, 'includes "%s": name it from the root, "%s"' % (target, found)))
            if is_state_header(path) and own not in STATE_ROOMS:
                if room not in STATE_ROOMS:
                    problems.append((place, 'a state header sees only Include and Python/runtime, not %s' % found))
                continue
            if common.ROOMS.index(room) <= common.ROOMS.index(own):
                continue
            if own == 'Python/runtime' and is_state_header(found):
                continue
            if path == 'Modules/main.cc' and room == 'Python/lifecycle':
                lifecycle_headers.add(found)
                if len(lifecycle_headers) == 1:
                    continue
            problems.append((place, '%s includes %s of the higher room %s' % (own, found, room)))


def check(root):
    """(number of files, problems) of a source tree."""
    problems = []
    files = common.source_files(root, ('.cc', '.h', '.inc', '.def'))
    checked = 0
    upcalls = {}
    for path in files:
        if common.room_of(path) is None:
            problems.append((path, 'lies in no room; the rooms are %s' % ', '.join(common.ROOMS)))
            continue
        if os.path.basename(path) == 'upcalls.h':
            upcalls.setdefault(common.room_of(path), []).append(path)
        if path.endswith('_test.cc'):
            continue
        checked += 1
        check_file(root, path, problems)
    for room, paths in upcalls.items():
        for path in paths[1:]:
            problems.append((path, 'a second upcalls.h in the room %s, beside %s' % (room, paths[0])))
    return checked, problems


def main():
    parser = argparse.ArgumentParser(description='Check that includes point only downward.')
    parser.add_argument('--root', default=common.ROOT)
    opts = parser.parse_args()
    return common.report('layering', *check(opts.root))


if __name__ == '__main__':
    sys.exit(main())
