// The built-in exceptions inside the core.
#pragma once

#include "Objects/object.h"
#include "Objects/type/spec.h"

namespace atl {

ATOLL_INLINE PyBaseExceptionObject* as_exception(PyObject* o) { return reinterpret_cast<PyBaseExceptionObject*>(o); }
ATOLL_INLINE bool is_exception(const PyObject* o) { return has_flag(o, Py_TPFLAGS_BASE_EXC_SUBCLASS); }

// Readies the types of exceptions.def; bring-up only, after static_types_init.
Status exceptions_bringup(ThreadState& ts);
// Per interpreter: ready-made MemoryErrors, and the class ExceptionGroup (a heap class with two bases).
Status exceptions_init(ThreadState& ts);
// ExceptionGroup: a class of each interpreter's, for it has two bases. Made on first use; borrowed, NULL with an exception.
PyObject* exception_group_class(ThreadState& ts);
void exceptions_clear(ThreadState& ts);
// Adds all of them to a dict by name (builtins).
Status exceptions_add_all(ThreadState& ts, PyObject* dict);

// Shared by the kinds.
struct ExceptionKind {
  size_t basicsize;
  initproc init;
  newfunc new_;
  reprfunc str;
  const MethodSpec* methods;
  const PyMemberDef* members;
  const PyGetSetDef* getset;
  // Offsets of further owned fields, ended by 0.
  const Py_ssize_t* fields;
};
PyObject* exception_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
int exception_init(PyObject* self, PyObject* args, PyObject* kwargs);
Ref<> exception_str(ThreadState& ts, PyObject* self);
Ref<> exception_repr(ThreadState& ts, PyObject* self);
bool exception_no_keywords(ThreadState& ts, PyObject* self, PyObject* kwargs);

extern const ExceptionKind kKindStopIteration, kKindSystemExit, kKindImport, kKindOS, kKindName, kKindAttribute, kKindSyntax,
    kKindKey, kKindUnicodeEncode, kKindUnicodeDecode, kKindUnicodeTranslate, kKindGroup;

// The class for an errno: FileNotFoundError for ENOENT, …; NULL when there is none of its own. Borrowed, immortal.
PyObject* os_error_class(int error);

}  // namespace atl
