"""The tables of this folder: modules and areas, the baseline, the ratchet."""
import collections
import gzip
import os

HERE = os.path.dirname(os.path.abspath(__file__))
RATCHET = os.path.join(HERE, 'ratchet.txt')


def opened(path):
    if path.endswith('.gz'):
        return gzip.open(path, 'rt', encoding='utf-8')
    return open(path, encoding='utf-8')


def read_tsv(name):
    """Rows of a table of this folder whose first line names the columns."""
    with opened(os.path.join(HERE, name)) as f:
        head = f.readline().rstrip('\n').split('\t')
        for line in f:
            yield dict(zip(head, line.rstrip('\n').split('\t')))


class Baseline:
    """What the reference passes: the scored cases, the area and the time of each module."""

    def __init__(self):
        self.cases = collections.defaultdict(set)
        for row in read_tsv('baseline_cases.tsv.gz'):
            if row['result'] == 'pass':
                self.cases[row['module']].add(row['case'])
        self.area, self.seconds = {}, {}
        for row in read_tsv('modules.tsv'):
            self.area[row['module']] = row['area']
            self.seconds[row['module']] = float(row['seconds'])

    def areas(self):
        return list(dict.fromkeys(self.area[m] for m in sorted(self.cases)))

    def expected(self, module):
        """The scored cases of a module, or of a part of a package (test_json.test_scanner)."""
        top, _, part = module.partition('.')
        cases = self.cases.get(top, set())
        if part:
            return {c for c in cases if c.startswith('test.%s.' % module)}
        return set(cases)

    def expected_seconds(self, module):
        return self.seconds.get(module.partition('.')[0], 0.0)


class Ratchet:
    """The cases that have passed and must go on passing.

    The file has one paragraph per module, whichever is shortest: "MODULE all", "MODULE all but" or "MODULE only",
    the latter two followed by indented case ids. "All" means the baseline's cases of that module.
    """

    def __init__(self, baseline, path=RATCHET):
        self.baseline, self.path = baseline, path
        self.cases = {}
        if os.path.exists(path):
            self.read()

    def read(self):
        module, how, listed = None, None, set()

        def close():
            if module is None:
                return
            known = self.baseline.expected(module)
            strange = listed - known
            if strange or not known:
                raise ValueError('%s: not in the baseline: %s %s' % (self.path, module, ' '.join(sorted(strange)[:3])))
            self.cases[module] = {'all': known, 'all but': known - listed, 'only': set(listed)}[how]

        with open(self.path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                line = line.rstrip('\n')
                if not line or line.startswith('#'):
                    continue
                if line.startswith('\t'):
                    listed.add(line[1:])
                    continue
                close()
                module, _, how = line.partition(' ')
                if how not in ('all', 'all but', 'only') or module in self.cases:
                    raise ValueError('%s:%d: bad line: %s' % (self.path, number, line))
                listed = set()
        close()

    def write(self):
        with open(self.path + '.new', 'w', encoding='utf-8') as f:
            print('# Cases of the regression suite that have passed and must go on passing. Written by run.py --update;\n'
                  '# a line is taken out by hand only, with the reason in the commit.', file=f)
            for module in sorted(self.cases):
                cases = self.cases[module]
                if not cases:
                    continue
                missing = self.baseline.expected(module) - cases
                how, listed = ('only', cases) if len(cases) < len(missing) else ('all but', missing)
                print(module, how if listed else 'all', file=f)
                for case in sorted(listed):
                    print('\t' + case, file=f)
        os.replace(self.path + '.new', self.path)

    def add(self, module, passed):
        """Take in what a module passed; the number of new cases."""
        new = (passed & self.baseline.expected(module)) - self.cases.get(module, set())
        if new:
            self.cases.setdefault(module, set()).update(new)
        return len(new)
