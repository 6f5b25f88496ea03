// The methods and slots of str that are spread over this folder's files.
#pragma once

#include "Objects/str/kernel_find.h"
#include "Objects/str/str.h"

namespace atl {

Ref<> str_repr(ThreadState& ts, PyObject* s);
Ref<> str_ascii(ThreadState& ts, PyObject* s);
int escape_char(uint32_t c, char out[10]);
// Of an escape that the language does not know, or an octal one above \\377: the DeprecationWarning, and the character or
// octal number that the C API tells. `escape` is behind the backslash.
Status warn_of_escape(ThreadState& ts, const char* escape);
int escape_code(const char* escape);

Ref<> str_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op);
Ref<> str_getitem(ThreadState& ts, PyObject* s, PyObject* index);
// A new instance of a subclass with the text of s.
Ref<> str_new_subtype(ThreadState& ts, PyTypeObject* type, PyObject* s);
Ref<> str_iter(ThreadState& ts, PyObject* s);
Ref<> str_percent(ThreadState& ts, PyObject* format, PyObject* args);  // format % args

}  // namespace atl
