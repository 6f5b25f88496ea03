"""Running out of memory and of stack: an exception, and the program goes on."""
import subprocess
import sys
import unittest

LIMITED = '''
import resource
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
'''


def run(code, limited=False):
    done = subprocess.run([sys.executable, '-c', (LIMITED if limited else '') + code],
                          capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout.split(), done.stderr


def sanitized():
    with open('/proc/self/maps') as maps:
        return any('libasan' in line or 'libtsan' in line for line in maps)


@unittest.skipIf(sanitized(), 'the sanitizers need the address space for themselves')
class MemoryTest(unittest.TestCase):
    def check(self, code, *expected):
        status, out, err = run(code, limited=True)
        self.assertEqual((status, out), (0, list(expected)), err)

    def test_large_blocks(self):
        self.check('''
try:
    x = 'a' * 10 ** 10
except MemoryError:
    print('str')
try:
    x = [0] * 10 ** 10
except MemoryError:
    print('list')
kept = []
try:
    while True:
        kept.append(bytearray(10 ** 6))
except MemoryError:
    print(len(kept) > 100)
kept.clear()
print(len(bytearray(10 ** 8)))
''', 'str', 'list', 'True', '100000000')

    def test_small_objects_and_a_handler_that_allocates(self):
        self.check('''
class Node:
    pass
last = None
try:
    while True:
        node = Node()
        node.last = last
        node.items = [1, 2, 3]
        last = node
except MemoryError as e:
    print(type(e).__name__, *['%d' % i for i in range(3)])
node = last = None
print(len([str(i) for i in range(100000)]))
''', 'MemoryError', '0', '1', '2', '100000')

    def test_dict(self):
        self.check('''
d = {}
i = 0
try:
    while True:
        d[i] = str(i) * 10
        i += 1
except MemoryError:
    print(i > 1000)
d.clear()
print(len({i: i for i in range(100000)}))
''', 'True', '100000')


class StackTest(unittest.TestCase):
    def test_deep_tuples(self):
        for action in ('hash(t)', 'repr(t)', 't == t', 'str(t)', 'sys.getsizeof(t)', 'isinstance(1, t)'):
            status, out, err = run('''
import sys
t = ()
for i in range(300000):
    t = (t,)
try:
    %s
except RecursionError:
    pass
del t
print('alive')
''' % action)
            self.assertEqual((status, out), (0, ['alive']), action + err)


if __name__ == '__main__':
    unittest.main()
