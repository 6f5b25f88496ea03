"""str: widths of characters, growth in place, interning, hashes, formatting, codecs."""

import codecs
import sys
import unittest

WIDE = ("a", "\xe9", "\u20ac", "\U0001f600")


class WidthTest(unittest.TestCase):
    """A text is kept in the narrowest form that holds it, however it came about."""

    def same(self, made, plain):
        self.assertEqual(made, plain)
        self.assertEqual(hash(made), hash(plain))
        self.assertEqual(sys.getsizeof(made), sys.getsizeof(plain))
        self.assertEqual({made: 1}[plain], 1)

    def test_slices(self):
        for c in WIDE[1:]:
            text = "abc" + c + "def"
            self.same(text[:3], "abc")
            self.same(text[4:], "def")
            self.same(text[0:3:2], "ac")
            self.same(text[::-1][:3], "fed")

    def test_replacing_the_widest(self):
        for c in WIDE[1:]:
            self.same(("ab" + c + "cd").replace(c, "x"), "abxcd")
            self.same(("ab" + c + "cd").replace(c, ""), "abcd")
            self.same(("ab" + c + c + "cd").replace(c + c, "yz"), "abyzcd")
            self.same((c + "ab").strip(c) + "c", "abc")
            self.same(("ab" + c).translate({ord(c): "x"}), "abx")
            self.same(("ab" + c).translate({ord(c): None}), "ab")

    def test_case_changes_width(self):
        self.same("\u0178a".lower(), "\xffa")
        self.same("\xffa".upper(), "\u0178A")
        self.same("\u212b1".casefold(), "\xe51")
        self.same("stra\xdfe".upper(), "STRASSE")
        self.same("\u1e9eab".lower(), "\xdfab")

    def test_pieces_of_all_widths(self):
        for a in WIDE:
            for b in WIDE:
                joined = a + b
                self.assertEqual([joined[0], joined[1]], [a, b])
                self.same("".join([a, b]), joined)
                self.same("%s%s" % (a, b), joined)
                self.same("{}{}".format(a, b), joined)
                self.same(f"{a}{b}", joined)
                self.assertEqual((a * 3 + b).count(a), 4 if a == b else 3)
                self.assertEqual((a * 20 + b).find(b), 0 if a == b else 20)


class GrowthTest(unittest.TestCase):
    def test_append_to_a_shared_text(self):
        a = "x" * 50
        b = a
        a += "y"
        self.assertEqual((b, a), ("x" * 50, "x" * 50 + "y"))

    def test_hash_follows_the_text(self):
        text = "".join(["a", "b"])
        for i in range(300):
            before = hash(text)
            text += "cd"
            self.assertEqual(hash(text), hash("ab" + "cd" * (i + 1)))
            self.assertNotEqual(hash(text), before)

    def test_utf8_form_follows_the_text(self):
        text = "".join(["\xe9", "b"])
        for i in range(50):
            self.assertEqual(text.encode(), b"\xc3\xa9b" + b"c" * i)
            self.assertEqual(eval(repr(text)), text)  # asks for the UTF-8 form
            text += "c"

    def test_a_long_loop(self):
        text = ""
        for i in range(200_000):
            text += "z"
        self.assertEqual(len(text), 200_000)
        self.assertEqual(text.count("z"), 200_000)

    def test_widening(self):
        text = ""
        for i, c in enumerate("ab\xe9\xe8\u20ac\u20ad\U0001f600z" * 20):
            text += c
            self.assertEqual(len(text), i + 1)
        self.assertEqual(text, "ab\xe9\xe8\u20ac\u20ad\U0001f600z" * 20)


class InternTest(unittest.TestCase):
    def test_identity(self):
        parts = ["some", "thing", "else"]
        a, b = sys.intern("".join(parts)), sys.intern("".join(parts))
        self.assertIs(a, b)
        self.assertIs(sys.intern("".join(["__in", "it__"])), sys.intern("__init__"))
        self.assertIs(sys.intern("".join(["a"])), "a")
        with self.assertRaises(TypeError):
            sys.intern(type("S", (str,), {})("x"))

    def test_dying_strings_leave(self):
        for round in range(3):
            kept = [sys.intern(f"intern-{round}-{i}") for i in range(5000)]
            for i in range(0, 5000, 7):
                self.assertIs(sys.intern("".join(["intern-", f"{round}-{i}"])), kept[i])
            del kept[::2]
            again = [sys.intern(f"intern-{round}-{i}") for i in range(5000)]
            for i, text in enumerate(kept):
                self.assertIs(again[2 * i + 1], text)
            del kept, again

    def test_attribute_names(self):
        class C:
            pass

        c = C()
        name = "".join(["attr", "ibute"])
        setattr(c, name, 1)
        self.assertEqual(c.attribute, 1)
        del name
        self.assertEqual(list(vars(c)), ["attribute"])


class HashTest(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(hash(""), 0)
        self.assertEqual(hash(b""), 0)

    def test_text_and_bytes_agree(self):
        for text in ("a", "abcdefg", "abcdefgh", "abcdefghi" * 10):
            self.assertEqual(hash(text), hash(text.encode()))
            self.assertEqual(hash(text), hash(memoryview(text.encode())))

    def test_fixed_seed(self):
        # What PYTHONHASHSEED=0 gives in CPython 3.11 on a little-endian machine.
        import subprocess

        program = "print(hash('abc'), hash('\\xe9'), hash('\\u1234'), hash(b'abcdefghijklm'))"
        done = subprocess.run([sys.executable, "-S", "-c", program], env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True)
        self.assertEqual(done.stdout.split(), ["-4594863902769663758", "6047309291227476195", "-1931837085843612680",
                                               "-7689147164244908826"], done.stderr)


class SubclassTest(unittest.TestCase):
    def test_life(self):
        class S(str):
            pass

        for text in WIDE:
            s = S(text * 5)
            s.extra = [s]
            self.assertEqual(s, text * 5)
            self.assertEqual(s.encode().decode(), text * 5)
            self.assertIs(type(s[:]), str)
            self.assertIs(type(str(s)), str)
            self.assertEqual({s: 1}[text * 5], 1)
            del s.extra

    def test_custom_methods(self):
        class S(str):
            def __str__(self):
                return "text"

            def __format__(self, spec):
                return "format " + spec

            def __repr__(self):
                return "repr"

        s = S("x")
        self.assertEqual(f"{s} {s!s} {s!r} {s:z}", "format  text repr format z")
        self.assertEqual("%s %r %.2s" % (s, s, s), "text repr te")
        self.assertEqual("".join([s, s]), "xx")


class CodecTest(unittest.TestCase):
    def test_handler_replaces_the_input(self):
        def handler(error):
            error.object = b"rest"
            return "[" + error.reason[:7] + "]", 0

        codecs.register_error("atoll_test.restart", handler)
        self.assertEqual(b"ab\xff".decode("utf-8", "atoll_test.restart"), "ab[invalid]rest")
        self.assertEqual(b"ab\xff".decode("ascii", "atoll_test.restart"), "ab[ordinal]rest")

    def test_handler_gives_bytes(self):
        codecs.register_error("atoll_test.bytes", lambda e: (b"\xff", e.end))
        for encoding in ("ascii", "latin-1", "utf-8", "cp1252"):
            self.assertEqual("a\ud800b".encode(encoding, "atoll_test.bytes"), b"a\xffb")
        with self.assertRaises(UnicodeEncodeError):
            "a\ud800b".encode("utf-16", "atoll_test.bytes")

    def test_handler_that_lies(self):
        codecs.register_error("atoll_test.far", lambda e: ("", 1000))
        codecs.register_error("atoll_test.near", lambda e: ("?", -1))
        with self.assertRaisesRegex(IndexError, "position 1000 from error handler out of bounds"):
            b"\xff".decode("utf-8", "atoll_test.far")
        self.assertEqual(b"\xffab".decode("ascii", "atoll_test.near"), "?b")

    def test_search_functions(self):
        seen = []

        def search(name):
            seen.append(name)
            if name == "atoll_test_x":
                return codecs.CodecInfo(lambda s, e="strict": (b"<" + s.encode() + b">", len(s)),
                                        lambda b, e="strict": (bytes(b).decode().upper(), len(b)), name=name)

        codecs.register(search)
        try:
            self.assertEqual("q".encode("Atoll-Test X"), b"<q>")
            self.assertEqual(b"q".decode("atoll test--x"), "Q")
            self.assertEqual(seen, ["atoll_test_x"])
        finally:
            codecs.unregister(search)
        with self.assertRaises(LookupError):
            "q".encode("atoll-test-x")

    def test_round_trips(self):
        text = "".join(WIDE) * 7 + "+-~\\\0\n"
        for encoding in ("utf-7", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-le", "unicode-escape"):
            self.assertEqual(text.encode(encoding).decode(encoding), text, encoding)
        escaped = bytes(range(256)).decode("utf-8", "surrogateescape")
        self.assertEqual(escaped.encode("utf-8", "surrogateescape"), bytes(range(256)))

    def test_charmap(self):
        table = "".join(map(chr, range(128))) + "\u20ac\u1234" + "\ufffe" * 126
        mapping = codecs.charmap_build(table)
        self.assertEqual(codecs.charmap_encode("a\u1234", "strict", mapping), (b"a\x81", 2))
        with self.assertRaises(UnicodeEncodeError) as caught:
            codecs.charmap_encode("a\xe9\xe8", "strict", mapping)
        self.assertEqual((caught.exception.start, caught.exception.end), (1, 3))
        self.assertEqual(codecs.charmap_decode(b"a\x81", "strict", table), ("a\u1234", 2))
        self.assertEqual(codecs.charmap_decode(b"\x90", "replace", table), ("\ufffd", 1))


if __name__ == "__main__":
    unittest.main()
