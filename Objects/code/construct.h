// Code objects that a program puts together: types.CodeType(...) and code.replace(...).
//
// co_code holds the words of the register code, co_linetable and co_exceptiontable Atoll's own tables as bytes. A line
// table that is not one of those says that lines are unknown, an exception table that there are no handlers.
#pragma once

#include "Objects/code/code.h"

namespace atl {

Ref<> code_linetable(ThreadState& ts, CodeObject* c);
Ref<> code_exceptiontable(ThreadState& ts, CodeObject* c);
Ref<> code_bytes(ThreadState& ts, CodeObject* c);
Ref<> code_varnames(ThreadState& ts, CodeObject* c);
Ref<> code_cellvars(ThreadState& ts, CodeObject* c);
Ref<> code_freevars(ThreadState& ts, CodeObject* c);

// Is every instruction one that exists, with operands that exist, and does control stay among them? Says nothing about
// what temporaries hold.
bool code_verify(const CodeImage* image);

Ref<> code_make(ThreadState& ts, PyTypeObject*, int argcount, int posonly, int kwonly, int nlocals, int stacksize, int flags,
                PyObject* codestring, PyObject* constants, PyObject* names, PyObject* varnames, PyObject* filename, PyObject* name,
                PyObject* qualname, int firstlineno, PyObject* linetable, PyObject* exceptiontable, PyObject* freevars,
                PyObject* cellvars);
Ref<> code_replace(ThreadState& ts, CodeObject* c, int argcount, int posonly, int kwonly, PyObject* nlocals, PyObject* stacksize,
                   PyObject* flags, PyObject* firstlineno, PyObject* code_bytes, PyObject* consts, PyObject* names,
                   PyObject* varnames, PyObject* freevars, PyObject* cellvars, PyObject* filename, PyObject* name,
                   PyObject* qualname, PyObject* linetable, PyObject* exceptiontable);

}  // namespace atl
