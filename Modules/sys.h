// The sys module's files share this.
#pragma once

#include "Objects/object.h"

namespace atl {

// A value of vars(sys); borrowed, NULL without exception when absent.
PyObject* sys_peek(ThreadState& ts, const char* name);
Status sys_put(ThreadState& ts, const char* name, Ref<> value);
// Modules/sys_data.cc: constants, flags, version_info, …: all of them, and one by name (empty without an exception: none
// of that name).
Status sys_fill_data(ThreadState& ts);
Ref<> sys_make_constant(ThreadState& ts, PyObject* name);
// Writes a text to a file object, or (NULL, None, closed) to file descriptor 2.
void sys_write_stderr(ThreadState& ts, const char* utf8);
Status file_write(ThreadState& ts, PyObject* file, PyObject* text);
// Raises an audit event: hooks of the interpreter. No hooks, no cost.
Status audit(ThreadState& ts, const char* event, PyObject* args_tuple);
// sys.excepthook for what is set; clears it.
void print_exception(ThreadState& ts);
const PyMethodDef* sys_hook_methods();

}  // namespace atl
