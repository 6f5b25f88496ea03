"""A reader and a writer for JSON-like text, written out in Python: string scanning, recursion, dicts and lists."""
N = 1500


class Reader:
    def __init__(self, text):
        self.text = text
        self.position = 0

    def fail(self, what):
        raise ValueError('%s at %d' % (what, self.position))

    def space(self):
        text, position = self.text, self.position
        while position < len(text) and text[position] in ' \t\n\r':
            position += 1
        self.position = position

    def value(self):
        self.space()
        ch = self.text[self.position]
        if ch == '{':
            return self.mapping()
        if ch == '[':
            return self.sequence()
        if ch == '"':
            return self.string()
        if ch in '-0123456789':
            return self.number()
        for word, value in (('true', True), ('false', False), ('null', None)):
            if self.text.startswith(word, self.position):
                self.position += len(word)
                return value
        self.fail('unexpected %r' % ch)

    def mapping(self):
        result = {}
        self.position += 1
        self.space()
        if self.text[self.position] == '}':
            self.position += 1
            return result
        while True:
            self.space()
            key = self.string()
            self.space()
            if self.text[self.position] != ':':
                self.fail('no colon')
            self.position += 1
            result[key] = self.value()
            self.space()
            ch = self.text[self.position]
            self.position += 1
            if ch == '}':
                return result
            if ch != ',':
                self.fail('no comma')

    def sequence(self):
        result = []
        self.position += 1
        self.space()
        if self.text[self.position] == ']':
            self.position += 1
            return result
        while True:
            result.append(self.value())
            self.space()
            ch = self.text[self.position]
            self.position += 1
            if ch == ']':
                return result
            if ch != ',':
                self.fail('no comma')

    def string(self):
        if self.text[self.position] != '"':
            self.fail('no string')
        parts = []
        start = self.position + 1
        while True:
            end = self.text.index('"', start)
            escape = self.text.find('\\', start, end)
            if escape < 0:
                parts.append(self.text[start:end])
                self.position = end + 1
                return ''.join(parts)
            parts.append(self.text[start:escape])
            code = self.text[escape + 1]
            if code == 'u':
                parts.append(chr(int(self.text[escape + 2:escape + 6], 16)))
                start = escape + 6
            else:
                parts.append({'n': '\n', 't': '\t', '"': '"', '\\': '\\'}[code])
                start = escape + 2

    def number(self):
        text, start = self.text, self.position
        end = start + 1
        whole = True
        while end < len(text) and text[end] in '0123456789.eE+-':
            whole = whole and text[end] not in '.eE'
            end += 1
        self.position = end
        return int(text[start:end]) if whole else float(text[start:end])


def quoted(text):
    parts = ['"']
    for ch in text:
        if ch == '"' or ch == '\\':
            parts.append('\\' + ch)
        elif ch == '\n':
            parts.append('\\n')
        elif ch < ' ' or ch > '~':
            parts.append('\\u%04x' % ord(ch))
        else:
            parts.append(ch)
    parts.append('"')
    return ''.join(parts)


def written(value):
    if value is None:
        return 'null'
    if value is True:
        return 'true'
    if value is False:
        return 'false'
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return '[' + ', '.join([written(v) for v in value]) + ']'
    if isinstance(value, dict):
        return '{' + ', '.join([quoted(k) + ': ' + written(v) for k, v in value.items()]) + '}'
    raise TypeError(type(value).__name__)


def run(n):
    data = {'items': [{'id': i, 'name': 'item "%d"' % i, 'price': i / 8, 'tags': ['a', 'é', '\n'], 'on': i % 2 == 0,
                       'parent': None, 'box': {'w': -i, 'h': i * 1000}} for i in range(n)], 'empty': [{}, []]}
    text = written(data)
    again = Reader(text).value()
    assert again == data
    second = written(again)
    assert second == text
    return len(text), sum(ord(ch) for ch in text[::7])
