"""What the checks share: finding files, reporting in one form, and the ELF reader."""
import collections
import os
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The rooms of the code, from low to high. A file includes its own room and lower ones.
ROOMS = ['Include', 'Python/runtime', 'Objects', 'Python/compiler', 'Python/vm', 'Python/sharing',
         'Python/import', 'Python/capi', 'Modules', 'Python/lifecycle']


def room_of(path):
    """The room that a path relative to the root lies in, or None."""
    for room in ROOMS:
        if path == room or path.startswith(room + '/'):
            return room
    return None


def source_files(root, suffixes, tops=('Include', 'Python', 'Objects', 'Modules')):
    """Relative paths of the files with one of the suffixes, sorted."""
    found = []
    for top in tops:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = sorted(f for f in folders if f != '__pycache__')
            found += [os.path.relpath(os.path.join(folder, n), root) for n in names if n.endswith(suffixes)]
    return sorted(found)


def report(name, checked, problems, out=None):
    """Print the problems and the summary line; the exit status. `problems` are (place, text) pairs."""
    out = out or sys.stdout
    for place, text in problems:
        print('%s: %s' % (place, text), file=out)
    bad = len({place.split(':')[0] for place, _ in problems})
    if not checked and not problems:
        print('nothing to check: %s' % name, file=out)
    else:
        print('%s: %d passed, %d failed' % (name, max(0, checked - bad), bad), file=out)
    return 1 if problems else 0


Section = collections.namedtuple('Section', 'name type flags size offset link entsize address align')
Symbol = collections.namedtuple('Symbol', 'name kind bind section size value')
Segment = collections.namedtuple('Segment', 'type flags address size')

SHF_WRITE, SHF_ALLOC = 1, 2
SHT_SYMTAB = 2
SHN_COMMON = 0xfff2
STT_SECTION, STT_FILE = 3, 4


def read_elf(path):
    """Sections and symbols of a 64-bit little-endian ELF file (Section or 'COMMON' or None per symbol)."""
    with open(path, 'rb') as f:
        data = f.read()
    if data[:6] != b'\x7fELF\x02\x01':
        raise ValueError('%s is not a 64-bit little-endian ELF file' % path)
    table, = struct.unpack_from('<Q', data, 40)
    entry, count, names = struct.unpack_from('<HHH', data, 58)
    raw = [struct.unpack_from('<IIQQQQIIQQ', data, table + i * entry) for i in range(count)]
    if count == 0 and table:        # more than 65,279 sections: the count is in the first one
        first = struct.unpack_from('<IIQQQQIIQQ', data, table)
        raw = [struct.unpack_from('<IIQQQQIIQQ', data, table + i * entry) for i in range(first[5])]
    if names == 0xffff:
        names = raw[0][6]

    def text(base, offset):
        start = base + offset
        return data[start:data.index(b'\0', start)].decode('utf-8', 'replace')

    sections = [Section(text(raw[names][4], r[0]), r[1], r[2], r[5], r[4], r[6], r[9], r[3], r[8]) for r in raw]
    symbols = []
    wide = next((s for s in sections if s.type == 18), None)    # section numbers that need 32 bits
    for section in sections:
        if section.type != SHT_SYMTAB:
            continue
        strings = sections[section.link].offset
        for i in range(section.size // section.entsize):
            name, info, _, where, value, size = struct.unpack_from('<IBBHQQ', data, section.offset + i * section.entsize)
            if info & 15 in (STT_SECTION, STT_FILE):
                continue
            if where == 0xffff and wide:
                where, = struct.unpack_from('<I', data, wide.offset + 4 * i)
            elif where == SHN_COMMON:
                symbols.append(Symbol(text(strings, name), info & 15, info >> 4, 'COMMON', size, 0))
                continue
            elif where >= 0xff00 or where == 0:
                symbols.append(Symbol(text(strings, name), info & 15, info >> 4, None, size, value))
                continue
            symbols.append(Symbol(text(strings, name), info & 15, info >> 4, sections[where], size, value))
    return sections, symbols


PT_GNU_RELRO = 0x6474e552


def read_segments(path):
    """The program headers of a linked ELF file."""
    with open(path, 'rb') as f:
        data = f.read()
    table, = struct.unpack_from('<Q', data, 32)
    entry, count = struct.unpack_from('<HH', data, 54)
    raw = [struct.unpack_from('<IIQQQQQQ', data, table + i * entry) for i in range(count)]
    return [Segment(r[0], r[1], r[3], r[6]) for r in raw]
