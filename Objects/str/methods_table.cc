// The methods of str by name.
#include "Objects/str/methods.h"

namespace atl {
namespace {

PyObject* str_format_entry(PyObject* self, PyObject* args, PyObject* kwargs) { return str_format_method(self, args, kwargs); }
PyObject* str_getnewargs_entry(PyObject* self, PyObject*) { return str_getnewargs(current_thread(), self).release(); }

// What str.maketrans(x, y, z) is given; as a static method it has no self.
PyObject* str_maketrans_entry(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  using Entry = bind_detail::Entry<&str_maketrans, decltype([]() constexpr {
                                     return MethodText{"maketrans", "(x, y=None, z=None, /)", ""};
                                   })>;
  return Entry::fast(self, args, n);
}

}  // namespace

constinit const MethodSpec kStrMethods[] = {
    ATOLL_METHOD(str_encode_method, "encode", "($self, /, encoding='utf-8', errors='strict')",
                 "Return the text as bytes, coded as encoding says; errors names what to do where that fails."),
    ATOLL_METHOD(str_join_iterable, "join", "($self, iterable, /)",
                 "Return the strings of iterable in one string, with this one between them."),
    ATOLL_METHOD(str_capitalize, "capitalize", "($self, /)",
                 "Return a copy with the first character in title case and the rest in lower case."),
    ATOLL_METHOD(str_casefold, "casefold", "($self, /)", "Return a copy fit for comparing without regard to case."),
    ATOLL_METHOD(str_title, "title", "($self, /)", "Return a copy in which words begin in title case and go on in lower case."),
    ATOLL_METHOD(str_center, "center", "($self, width, fillchar=' ', /)",
                 "Return a copy of at least width characters, centred between fillchars."),
    ATOLL_METHOD(str_expandtabs, "expandtabs", "($self, /, tabsize=8)",
                 "Return a copy with spaces up to the next multiple of tabsize columns in place of tabs."),
    ATOLL_METHOD(str_ljust, "ljust", "($self, width, fillchar=' ', /)",
                 "Return a copy of at least width characters, filled up on the right."),
    ATOLL_METHOD(str_lower, "lower", "($self, /)", "Return a copy in lower case."),
    ATOLL_METHOD(str_rjust, "rjust", "($self, width, fillchar=' ', /)",
                 "Return a copy of at least width characters, filled up on the left."),
    ATOLL_METHOD(str_swapcase, "swapcase", "($self, /)", "Return a copy with upper and lower case exchanged."),
    ATOLL_METHOD(str_translate_method, "translate", "($self, table, /)",
                 "Return a copy in which table[code point] stands for each character.\n\n"
                 "It may be a code point, a string, or None to leave the character out; where looking it up raises\n"
                 "LookupError the character stays."),
    ATOLL_METHOD(str_upper, "upper", "($self, /)", "Return a copy in upper case."),
    ATOLL_METHOD(str_isascii, "isascii", "($self, /)", "Are all characters ASCII?"),
    ATOLL_METHOD(str_islower, "islower", "($self, /)", "Are all cased characters lower case, and is there one?"),
    ATOLL_METHOD(str_isupper, "isupper", "($self, /)", "Are all cased characters upper case, and is there one?"),
    ATOLL_METHOD(str_istitle, "istitle", "($self, /)", "Is the string in title case, with at least one cased character?"),
    ATOLL_METHOD(str_isspace, "isspace", "($self, /)", "Are all characters white space, and is there one?"),
    ATOLL_METHOD(str_isdecimal, "isdecimal", "($self, /)", "Are all characters decimal digits, and is there one?"),
    ATOLL_METHOD(str_isdigit, "isdigit", "($self, /)", "Are all characters digits, and is there one?"),
    ATOLL_METHOD(str_isnumeric, "isnumeric", "($self, /)", "Are all characters numeric, and is there one?"),
    ATOLL_METHOD(str_isalpha, "isalpha", "($self, /)", "Are all characters letters, and is there one?"),
    ATOLL_METHOD(str_isalnum, "isalnum", "($self, /)", "Are all characters letters or numbers, and is there one?"),
    ATOLL_METHOD(str_isidentifier, "isidentifier", "($self, /)",
                 "Is the string an identifier (or a keyword: see keyword.iskeyword)?"),
    ATOLL_METHOD(str_isprintable, "isprintable", "($self, /)", "Are all characters such that repr() shows them as they are?"),
    ATOLL_METHOD(str_zfill, "zfill", "($self, width, /)",
                 "Return a copy of at least width characters, with zeros between sign and text."),
    ATOLL_METHOD_RAW(str_format_entry, "format", METH_VARARGS | METH_KEYWORDS,
                     "S.format(*args, **kwargs) -> str\n\nReplace the fields in braces by arguments."),
    ATOLL_METHOD(str_format_map, "format_map", "($self, mapping, /)",
                     "Replace the fields in braces by items of a mapping."),
    ATOLL_METHOD(str_format_spec_method, "__format__", "($self, format_spec, /)", "Format the string as format_spec says."),
    ATOLL_METHOD(str_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD_RAW(str_getnewargs_entry, "__getnewargs__", METH_NOARGS, nullptr),
    ATOLL_METHOD(str_replace_method, "replace", "($self, old, new, count=-1, /)",
                 "Return a copy with the first count (-1: all) occurrences of old replaced by new."),
    ATOLL_METHOD(str_split, "split", "($self, /, sep=None, maxsplit=-1)",
                 "Return a list of the parts between occurrences of sep, or of white space.\n\n"
                 "At most maxsplit splits are done, from the left; -1 means no limit."),
    ATOLL_METHOD(str_rsplit, "rsplit", "($self, /, sep=None, maxsplit=-1)",
                 "Return a list of the parts between occurrences of sep, or of white space.\n\n"
                 "At most maxsplit splits are done, from the right; -1 means no limit."),
    ATOLL_METHOD_RAW(str_count_method, "count", METH_FASTCALL,
                     "S.count(sub[, start[, end]]) -> int\n\nNumber of occurrences of sub in S[start:end] that do not overlap."),
    ATOLL_METHOD_RAW(str_find_method, "find", METH_FASTCALL,
                     "S.find(sub[, start[, end]]) -> int\n\nLowest index of sub within S[start:end], or -1."),
    ATOLL_METHOD(str_partition, "partition", "($self, sep, /)",
                 "Return the part before the first sep, sep itself, and the part behind it.\n\n"
                 "Without one: the string and two empty strings."),
    ATOLL_METHOD_RAW(str_index_method, "index", METH_FASTCALL,
                     "S.index(sub[, start[, end]]) -> int\n\nLike find(), but raises ValueError where sub is not found."),
    ATOLL_METHOD(str_lstrip, "lstrip", "($self, chars=None, /)",
                 "Return a copy without white space, or the characters in chars, at the beginning."),
    ATOLL_METHOD_RAW(str_rfind_method, "rfind", METH_FASTCALL,
                     "S.rfind(sub[, start[, end]]) -> int\n\nHighest index of sub within S[start:end], or -1."),
    ATOLL_METHOD_RAW(str_rindex_method, "rindex", METH_FASTCALL,
                     "S.rindex(sub[, start[, end]]) -> int\n\nLike rfind(), but raises ValueError where sub is not found."),
    ATOLL_METHOD(str_rstrip, "rstrip", "($self, chars=None, /)",
                 "Return a copy without white space, or the characters in chars, at the end."),
    ATOLL_METHOD(str_rpartition, "rpartition", "($self, sep, /)",
                 "Return the part before the last sep, sep itself, and the part behind it.\n\n"
                 "Without one: two empty strings and the string."),
    ATOLL_METHOD(str_splitlines_method, "splitlines", "($self, /, keepends=False)",
                 "Return a list of the lines, with their line breaks if keepends is true."),
    ATOLL_METHOD(str_strip, "strip", "($self, chars=None, /)",
                 "Return a copy without white space, or the characters in chars, at both ends."),
    ATOLL_METHOD_RAW(str_startswith, "startswith", METH_FASTCALL,
                     "S.startswith(prefix[, start[, end]]) -> bool\n\n"
                     "Does S[start:end] begin with prefix, or with one of a tuple of prefixes?"),
    ATOLL_METHOD_RAW(str_endswith, "endswith", METH_FASTCALL,
                     "S.endswith(suffix[, start[, end]]) -> bool\n\n"
                     "Does S[start:end] end with suffix, or with one of a tuple of suffixes?"),
    ATOLL_METHOD(str_removeprefix, "removeprefix", "($self, prefix, /)",
                 "Return a copy without prefix, if the string begins with it."),
    ATOLL_METHOD(str_removesuffix, "removesuffix", "($self, suffix, /)",
                 "Return a copy without suffix, if the string ends with it."),
    ATOLL_METHOD_RAW(str_maketrans_entry, "maketrans", METH_FASTCALL | METH_STATIC,
                     "maketrans(x, y=<unrepresentable>, z=<unrepresentable>, /)\n--\n\n"
                     "Return a table for str.translate().\n\n"
                     "From a dict of code points or characters to code points, strings or None; or from two\n"
                     "strings of equal length, with a third one of characters to leave out."),
    ATOLL_METHOD_END};

}  // namespace atl
