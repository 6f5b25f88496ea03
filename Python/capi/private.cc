// C API without documentation that compiled modules of the standard library and of others nevertheless import.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "Objects/dict/dict.h"
#include "Objects/errors.h"
#include "Objects/str/str.h"
#include "Python.h"
#include "Python/runtime/runtime.h"
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
