// C API without documentation that compiled modules of the standard library and of others nevertheless import.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>

#include "Objects/dict/dict.h"
#include "Objects/errors.h"
#include "Objects/str/str.h"
#include "Python.h"
#include "Python/runtime/runtime.h"
#include "frameobject.h"
#include "internal/stdlib_imports.h"
#include "tracemalloc.h"

using namespace atl;

// ---- names in static memory: the interpreter's string for them is looked up at each use ----------------------------

PyObject* _PyDict_GetItemIdWithError(PyObject* d, _Py_Identifier* id) {
  PyObject* name = _PyUnicode_FromId(id);  // borrowed
  return name != nullptr ? PyDict_GetItemWithError(d, name) : nullptr;
}
int _PyDict_SetItemId(PyObject* d, _Py_Identifier* id, PyObject* value) {
  PyObject* name = _PyUnicode_FromId(id);
  return name != nullptr ? PyDict_SetItem(d, name, value) : -1;
}
int _PyDict_DelItemId(PyObject* d, _Py_Identifier* id) {
  PyObject* name = _PyUnicode_FromId(id);
  return name != nullptr ? PyDict_DelItem(d, name) : -1;
}
int _PyDict_ContainsId(PyObject* d, _Py_Identifier* id) {
  PyObject* name = _PyUnicode_FromId(id);
  return name != nullptr ? PyDict_Contains(d, name) : -1;
}
PyObject* _PyImport_GetModuleId(_Py_Identifier* id) {
  PyObject* name = _PyUnicode_FromId(id);
  return name != nullptr ? PyImport_GetModule(name) : nullptr;
}
PyObject* _PyEval_GetBuiltinId(_Py_Identifier* id) {
  PyObject* name = _PyUnicode_FromId(id);
  return name != nullptr ? _PyEval_GetBuiltin(name) : nullptr;
}

// ---- the state of things -----------------------------------------------------------------------------------------

// Of another thread, too; borrowed, NULL without an exception when there is none.
PyObject* _PyThreadState_GetDict(PyThreadState* t) {
  if (t->dict == nullptr && (t->dict = PyDict_New()) == nullptr) PyErr_Clear();
  return t->dict;
}
int _Py_IsFinalizing() { return runtime().finalizing.load() != nullptr; }

// A file opened by a path object; not inherited by programs that are executed.
FILE* _Py_fopen_obj(PyObject* path, const char* mode) {
  Ref<> bytes;
  {
    PyObject* converted = nullptr;
    if (!PyUnicode_FSConverter(path, &converted)) return nullptr;
    bytes = Ref<>::steal(converted);
  }
  if (PySys_Audit("open", "Osi", path, mode, 0) < 0) return nullptr;
  for (;;) {
    PyThreadState* saved = PyEval_SaveThread();
    FILE* file = fopen(PyBytes_AS_STRING(bytes.get()), mode);
    int error = errno;
    PyEval_RestoreThread(saved);
    if (file != nullptr) {
      (void)fcntl(fileno(file), F_SETFD, FD_CLOEXEC);
      return file;
    }
    if (error != EINTR) {
      (void)raise_os_error(current_thread(), error, path);
      return nullptr;
    }
    if (PyErr_CheckSignals() < 0) return nullptr;
  }
}

// ---- tracemalloc: nothing is traced --------------------------------------------------------------------------------

int PyTraceMalloc_Track(unsigned int, uintptr_t, size_t) { return -2; }  // "tracing is off", as 3.11 says then
int PyTraceMalloc_Untrack(unsigned int, uintptr_t) { return -2; }
PyObject* _PyTraceMalloc_GetTraceback(unsigned int, uintptr_t) { return new_ref(Py_None); }

// ---- recursion, tracebacks, descriptors --------------------------------------------------------------------------

// The slow half of entering a recursive call: the counter has been lowered below zero. -1 with RecursionError, and the counter
// as it was before.
int _Py_CheckRecursiveCall(PyThreadState* t, const char* where) {
  auto& ts = *static_cast<ThreadState*>(t);
  if (ts.recursion_remaining >= 0 || recursion_error(ts, where)) return 0;
  ++ts.recursion_remaining;
  return -1;
}

// Adds an entry for a place in compiled code to the traceback of the exception that is set.
void _PyTraceback_Add(const char* function, const char* file, int line) {
  ThreadState& ts = current_thread();
  Ref<> exception = error_take(ts);
  if (!exception) return;
  Ref<> globals = Ref<>::steal(PyDict_New());
  auto code = Ref<PyCodeObject>::steal(globals ? PyCode_NewEmpty(file, function, line) : nullptr);
  auto frame = Ref<PyFrameObject>::steal(code ? PyFrame_New(&ts, code.get(), globals.get(), nullptr) : nullptr);
  if (!frame) error_clear(ts);  // the exception counts for more than an entry of its traceback
  error_restore(ts, std::move(exception));
  if (frame) (void)PyTraceBack_Here(frame.get());
}

// 0, or -1 with OSError. The kernel's flag for opening is not asked for: the flag of the descriptor is set.
int _Py_set_inheritable(int fd, int inheritable, int*) {
  int flags = fcntl(fd, F_GETFD);
  if (flags >= 0) {
    int wanted = inheritable ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
    if (wanted == flags || fcntl(fd, F_SETFD, wanted) == 0) return 0;
  }
  PyErr_SetFromErrno(PyExc_OSError);
  return -1;
}

// _PyOS_ReadlineTState is left out on purpose: the system's readline module must not load, because its calls into GNU
// Readline would end in libedit, which the program uses itself and which defines the same names.
char* _Py_SetLocaleFromEnv(int category) { return setlocale(category, ""); }
PyObject* _PyLong_FromTime_t(time_t t) { return PyLong_FromLongLong(static_cast<long long>(t)); }
