// The methods of str; the table is in methods_table.cc.
#pragma once

#include "Objects/str/str.h"
#include "Objects/str/unicode_tables.h"
#include "Objects/type/bind.h"

namespace atl {

extern const MethodSpec kStrMethods[];

// methods_find.cc
PyObject* str_find_method(PyObject* s, PyObject* const* args, Py_ssize_t n);
PyObject* str_rfind_method(PyObject* s, PyObject* const* args, Py_ssize_t n);
PyObject* str_index_method(PyObject* s, PyObject* const* args, Py_ssize_t n);
PyObject* str_rindex_method(PyObject* s, PyObject* const* args, Py_ssize_t n);
PyObject* str_count_method(PyObject* s, PyObject* const* args, Py_ssize_t n);
PyObject* str_startswith(PyObject* s, PyObject* const* args, Py_ssize_t n);
PyObject* str_endswith(PyObject* s, PyObject* const* args, Py_ssize_t n);
Py_ssize_t str_count(PyObject* s, PyObject* what, Py_ssize_t start, Py_ssize_t end);
bool str_tailmatch(PyObject* s, PyObject* part, Py_ssize_t start, Py_ssize_t end, int direction);  // > 0: at the end
Ref<> str_split(ThreadState& ts, PyObject* s, PyObject* sep /* or NULL */, Py_ssize_t max);
Ref<> str_rsplit(ThreadState& ts, PyObject* s, PyObject* sep /* or NULL */, Py_ssize_t max);
Ref<> str_splitlines(ThreadState& ts, PyObject* s, bool keepends);
Ref<> str_splitlines_method(ThreadState& ts, PyObject* s, int keepends);
Ref<> str_partition(ThreadState& ts, PyObject* s, PyObject* sep);
Ref<> str_rpartition(ThreadState& ts, PyObject* s, PyObject* sep);
inline constexpr int kStripLeft = 1, kStripRight = 2;
Ref<> str_strip_chars(ThreadState& ts, PyObject* s, int sides, PyObject* chars /* or NULL */);
Ref<> str_strip(ThreadState& ts, PyObject* s, PyObject* chars);
Ref<> str_lstrip(ThreadState& ts, PyObject* s, PyObject* chars);
Ref<> str_rstrip(ThreadState& ts, PyObject* s, PyObject* chars);
Ref<> str_removeprefix(ThreadState& ts, PyObject* s, PyUnicodeObject* prefix);
Ref<> str_removesuffix(ThreadState& ts, PyObject* s, PyUnicodeObject* suffix);
Ref<> str_replace_method(ThreadState& ts, PyObject* s, PyUnicodeObject* from, PyUnicodeObject* to, Py_ssize_t count);
Ref<> str_maketrans(ThreadState& ts, PyObject*, PyObject* x, PyUnicodeObject* y, PyUnicodeObject* z);

// methods_shape.cc
Ref<> str_case(ThreadState& ts, CaseOp op, PyObject* s);
Ref<> str_capitalize(ThreadState& ts, PyObject* s);
Ref<> str_casefold(ThreadState& ts, PyObject* s);
Ref<> str_title(ThreadState& ts, PyObject* s);
Ref<> str_lower(ThreadState& ts, PyObject* s);
Ref<> str_upper(ThreadState& ts, PyObject* s);
Ref<> str_swapcase(ThreadState& ts, PyObject* s);
Ref<> str_center(ThreadState& ts, PyObject* s, Py_ssize_t width, PyObject* fill);
Ref<> str_ljust(ThreadState& ts, PyObject* s, Py_ssize_t width, PyObject* fill);
Ref<> str_rjust(ThreadState& ts, PyObject* s, Py_ssize_t width, PyObject* fill);
Ref<> str_zfill(ThreadState& ts, PyObject* s, Py_ssize_t width);
Ref<> str_expandtabs(ThreadState& ts, PyObject* s, int tabsize);
Tri str_isascii(ThreadState& ts, PyObject* s);
Tri str_islower(ThreadState& ts, PyObject* s);
Tri str_isupper(ThreadState& ts, PyObject* s);
Tri str_istitle(ThreadState& ts, PyObject* s);
Tri str_isspace(ThreadState& ts, PyObject* s);
Tri str_isdecimal(ThreadState& ts, PyObject* s);
Tri str_isdigit(ThreadState& ts, PyObject* s);
Tri str_isnumeric(ThreadState& ts, PyObject* s);
Tri str_isalpha(ThreadState& ts, PyObject* s);
Tri str_isalnum(ThreadState& ts, PyObject* s);
Tri str_isidentifier(ThreadState& ts, PyObject* s);
Tri str_isprintable(ThreadState& ts, PyObject* s);
Ref<> str_encode_method(ThreadState& ts, PyObject* s, PyUnicodeObject* encoding, PyUnicodeObject* errors);
Ref<> str_translate_method(ThreadState& ts, PyObject* s, PyObject* table);
Ref<> str_format_spec_method(ThreadState& ts, PyObject* s, PyUnicodeObject* spec);
Ref<> str_sizeof(ThreadState& ts, PyObject* s);
Ref<> str_getnewargs(ThreadState& ts, PyObject* s);

// format.cc
PyObject* str_format_method(PyObject* self, PyObject* args, PyObject* kwargs);
Ref<> str_format_map(ThreadState& ts, PyObject* self, PyObject* mapping);

// The text of an encoding or errors argument; NULL when `text` is NULL. "embedded null character" is an error.
Status codec_argument(ThreadState& ts, PyUnicodeObject* text, const char** out);

}  // namespace atl
