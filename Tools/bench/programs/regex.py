"""Regular expressions: search, findall, groups, sub with a function, lookahead, alternation, split."""
import re

N = 600

LINES = [
    '127.0.0.1 - - [10/Oct/2023:13:55:36] "GET /index.html?id=42&name=x HTTP/1.1" 200 2326',
    'john.doe@example.com wrote to "Jane" <jane+news@mail.example.org>, 2 attachments',
    'def  compute(first, second=None, *rest, **options): return first + 0x1F - 3.25e-4',
    'The year 1999 saw 31 releases; 2001 had 7, and 2010-2012 together 112 (see ch. 4).',
]
LOG = re.compile(r'(?P<host>\d{1,3}(?:\.\d{1,3}){3}) \S+ \S+ \[([^\]]+)\] "(GET|POST) ([^ "]+) [^"]*" (\d{3}) (\d+)')
MAIL = re.compile(r'[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}', re.I)
TOKEN = re.compile(r'\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<number>0[xX][\da-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)|(?P<op>\*\*|.))')
YEAR = re.compile(r'\b(?:19|20)\d\d\b(?!-)')
DOUBLED = re.compile(r'(\w)\1')


def run(n):
    total = 0
    for i in range(n):
        for line in LINES:
            match = LOG.search(line)
            if match:
                total += int(match['host'].split('.')[0]) + int(match.group(6)) % 1000
            total += len(MAIL.findall(line))
            total += sum(len(m[m.lastgroup]) for m in TOKEN.finditer(line))
            total += len(YEAR.findall(line))
            text = DOUBLED.sub(lambda m: m[1].upper() + str(i % 10), line)
            total += text.count(str(i % 10))
            total += len(re.split(r'[\s,;]+', line))
            total += bool(re.fullmatch(r'.*(?:compute|release)s?.*', line))
    return total
