"""Read the Unicode Character Database into one record per code point.

The database on the machine may be newer than the version Atoll implements. Code points that were assigned
later than `VERSION` are put back to what they were then: unassigned. Existing characters keep their data
(checked against a Python of that version by `verify.py`).
"""

import bz2
import os
import re

VERSION = (14, 0)
LIMIT = 0x110000
# Aliases carry no age. These came with 15.0, for older characters.
LATER_ALIASES = {"EM", "ARABIC SMALL HIGH LIGATURE ALEF WITH YEH BARREE", "SUNDANESE LETTER ARCHAIC I"}

CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp "
              "Cc Cf Cs Co").split()
BIDI = ["", *"L R AL EN ES ET AN CS NSM BN B S WS ON LRE LRO RLE RLO PDF LRI RLI FSI PDI".split()]
# Python reports the width of an unassigned code point as "F", whatever the database's defaults are.
WIDTHS = ["F", "H", "W", "Na", "A", "N"]
DECOMPOSITION_TAGS = ("", "<noBreak>", "<compat>", "<super>", "<fraction>", "<sub>", "<font>", "<circle>",
                      "<wide>", "<vertical>", "<square>", "<isolated>", "<final>", "<initial>", "<medial>",
                      "<small>", "<narrow>")

# Older characters that became Lowercase (and so Cased) with 15.0.
LATER_LOWERCASE = {0x10FC, 0xA7F2, 0xA7F3, 0xA7F4, 0xAB69}


class Char:
    """What the database says about one assigned code point (or, all defaults, an unassigned one)."""

    __slots__ = ("name", "category", "combining", "bidi", "mirrored", "decomposition", "decimal", "digit",
                 "numeric", "upper", "lower", "title", "width", "full_upper", "full_lower", "full_title",
                 "full_fold", "properties", "nf", "linebreak")

    def __init__(self):
        self.name = None
        self.category = "Cn"
        self.combining = 0
        self.bidi = ""
        self.mirrored = False
        self.decomposition = None        # (tag, [code points])
        self.decimal = self.digit = None
        self.numeric = None              # (numerator, denominator)
        self.upper = self.lower = self.title = None
        self.width = "F"
        self.full_upper = self.full_lower = self.full_title = self.full_fold = None
        self.properties = set()
        self.nf = {"NFD": "Y", "NFKD": "Y", "NFC": "Y", "NFKC": "Y"}
        self.linebreak = ""


def rows(path):
    """Fields of each line that holds data."""
    opener = bz2.open if path.endswith(".bz2") else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            line = line.partition("#")[0].strip()
            if line:
                yield [field.strip() for field in line.split(";")]


def span(field):
    first, _, last = field.partition("..")
    return range(int(first, 16), int(last or first, 16) + 1)


class Database:
    def __init__(self, directory):
        self.directory = directory
        self.chars = [None] * LIMIT
        self.cjk_ranges = []             # unified ideographs, whose names come from a rule
        self.aliases = []                # (name, code point)
        self.sequences = []              # (name, [code points])
        self.composition_exclusions = set()
        self._read()

    def path(self, name):
        return os.path.join(self.directory, name)

    def _known(self, code_points):
        return (self.chars[cp] for cp in code_points if self.chars[cp] is not None)

    def _read(self):
        too_new = set()
        for where, age in rows(self.path("DerivedAge.txt")):
            if tuple(map(int, age.split("."))) > VERSION:
                too_new.update(span(where))

        first = None
        for row in rows(self.path("UnicodeData.txt")):
            cp, name = int(row[0], 16), row[1]
            if name.endswith(", First>"):
                first = cp
                continue
            block = range(first, cp + 1) if name.endswith(", Last>") else range(cp, cp + 1)
            first = None
            block = [c for c in block if c not in too_new]
            if name.startswith("<CJK Ideograph") and block:
                self.cjk_ranges.append((block[0], block[-1]))
            for c in block:
                self.chars[c] = self._char(c, name, row)

        for where, width in rows(self.path("EastAsianWidth.txt")):
            for char in self._known(span(where)):
                char.width = width
        for char in self._known(range(LIMIT)):
            if char.width == "F" and not char.name:
                char.width = "N"
        for where, prop in rows(self.path("DerivedCoreProperties.txt")):
            for char in self._known(span(where)):
                char.properties.add(prop)
        for char in self._known(LATER_LOWERCASE):
            char.properties -= {"Lowercase", "Cased"}
        for where, *fields in rows(self.path("DerivedNormalizationProps.txt")):
            if fields[0].endswith("_QC"):
                for char in self._known(span(where)):
                    char.nf[fields[0][:-3]] = fields[1]
            elif fields[0] == "Full_Composition_Exclusion":
                self.composition_exclusions.update(span(where))
        for where, kind in rows(self.path("LineBreak.txt")):
            if kind in ("BK", "CR", "LF", "NL"):
                for char in self._known(span(where)):
                    char.linebreak = kind

        for row in rows(self.path("SpecialCasing.txt")):
            if len(row) > 5 and row[4]:
                continue                 # needs a language or a context; final sigma is done in code
            char = self.chars[int(row[0], 16)]
            lower, title, upper = ([int(c, 16) for c in field.split()] for field in row[1:4])
            char.full_lower, char.full_title, char.full_upper = lower, title, upper
        for where, status, mapping, *_ in rows(self.path("CaseFolding.txt")):
            if status in "CF" and self.chars[int(where, 16)] is not None:
                self.chars[int(where, 16)].full_fold = [int(c, 16) for c in mapping.split()]

        unihan = re.compile(r"U\+([0-9A-F]+)\tk(?:Accounting|Other|Primary)Numeric\t(\d+)")
        with bz2.open(self.path("Unihan_NumericValues.txt.bz2"), "rt", encoding="utf-8") as lines:
            for line in lines:
                if match := unihan.match(line):
                    char = self.chars[int(match[1], 16)]
                    if char is not None:
                        char.numeric = (int(match[2]), 1)

        for where, alias, _kind in rows(self.path("NameAliases.txt")):
            if self.chars[int(where, 16)] is not None and alias not in LATER_ALIASES:
                self.aliases.append((alias, int(where, 16)))
        for name, where in rows(self.path("NamedSequences.txt")):
            code_points = [int(c, 16) for c in where.split()]
            if not any(c in too_new for c in code_points):
                self.sequences.append((name, code_points))

    @staticmethod
    def _char(cp, name, row):
        char = Char()
        char.name = None if name.startswith("<") else name
        char.category = row[2]
        char.combining = int(row[3])
        char.bidi = row[4]
        if row[5]:
            fields = row[5].split()
            tag = fields.pop(0) if fields[0].startswith("<") else ""
            char.decomposition = (tag, [int(c, 16) for c in fields])
        char.decimal = int(row[6]) if row[6] else None
        char.digit = int(row[7]) if row[7] else None
        if row[8]:
            numerator, _, denominator = row[8].partition("/")
            char.numeric = (int(numerator), int(denominator or 1))
        char.mirrored = row[9] == "Y"
        char.upper, char.lower, char.title = (int(f, 16) if f else None for f in row[12:15])
        if char.title is None:
            char.title = char.upper
        char.width = "N"
        return char
