"""Dictionaries and instance attributes: counting, grouping, inverted index, missing keys, getattr/setattr."""
N = 50000


class Record:
    kind = 'record'

    def __init__(self, number, name):
        self.number = number
        self.name = name
        self.tags = {}
        self.next = None


class Counter(dict):
    def __missing__(self, key):
        return 0


def run(n):
    records = []
    previous = None
    for i in range(n):
        record = Record(i, 'name%d' % (i % 101))
        record.tags['size'] = i % 13
        record.tags[i % 7] = record.name
        record.next = previous
        previous = record
        records.append(record)

    groups = {}
    for record in records:
        groups.setdefault(record.name, []).append(record)
    sizes = Counter()
    for record in records:
        sizes[record.tags['size']] += record.number
        sizes[record.kind] += 1

    index = {}
    for name, members in groups.items():
        for key in members[0].tags.keys() | members[-1].tags.keys():
            index[name, key] = len(members)

    total = 0
    record = previous
    while record is not None:
        for key in ('size', 3, 'absent'):
            if key in record.tags:
                total += 1
            elif record.tags.get(key, -1) < 0:
                total += 2
        for field in ('number', 'kind'):
            value = getattr(record, field)
            if field == 'number' and value % 3 == 0:
                setattr(record, 'extra', value)
                total += record.extra & 7
        record = record.next
    merged = {**sizes, 'total': total} | {'n': n}
    return total, len(index), sorted(merged.items(), key=str)[:5], len(vars(records[0]))
