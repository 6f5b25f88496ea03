// C API: running source from C ("The Very High Level Layer"), writing to file objects.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "Objects/errors.h"
#include "Objects/object.h"
#include "Python.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

// All that is left in the file. False with OSError set.
bool read_rest(FILE* file, std::string* out) {
  char block[16384];
  while (size_t n = fread(block, 1, sizeof block, file)) out->append(block, n);
  if (!ferror(file)) return true;
  (void)PyErr_SetFromErrno(PyExc_OSError);
  return false;
}

// Reports an exception as a program's end would; SystemExit ends the process.
int report(Ref<> result) {
  if (result) return 0;
  PyErr_Print();
  return -1;
}

PyObject* main_namespace() {
  PyObject* main = PyImport_AddModule("__main__");
  return main != nullptr ? PyModule_GetDict(main) : nullptr;
}

Ref<> run_text(const char* text, const char* filename, int start, PyObject* globals, PyObject* locals, PyCompilerFlags* flags) {
  Ref<> code = Ref<>::steal(Py_CompileStringExFlags(text, filename, start, flags, -1));
  if (!code) return {};
  // The flags of `from __future__` in the text hold for what is compiled after it.
  if (flags != nullptr && PyCode_Check(code.get())) {
    flags->cf_flags |= reinterpret_cast<PyCodeObject*>(code.get())->co_flags & PyCF_MASK;
  }
  return Ref<>::steal(PyEval_EvalCode(code.get(), globals, locals));
}

}  // namespace

}  // namespace atl

using namespace atl;

// ---- strings -----------------------------------------------------------------------------------------------------

PyObject* PyRun_StringFlags(const char* text, int start, PyObject* globals, PyObject* locals, PyCompilerFlags* flags) {
  return run_text(text, "<string>", start, globals, locals, flags).release();
}
PyObject*(PyRun_String)(const char* text, int start, PyObject* globals, PyObject* locals) {
  return PyRun_StringFlags(text, start, globals, locals, nullptr);
}
int PyRun_SimpleStringFlags(const char* text, PyCompilerFlags* flags) {
  PyObject* ns = main_namespace();
  return ns == nullptr ? -1 : report(run_text(text, "<string>", Py_file_input, ns, ns, flags));
}
int(PyRun_SimpleString)(const char* text) { return PyRun_SimpleStringFlags(text, nullptr); }

// ---- files -------------------------------------------------------------------------------------------------------

PyObject* PyRun_FileExFlags(FILE* file, const char* filename, int start, PyObject* globals, PyObject* locals, int closeit,
                            PyCompilerFlags* flags) {
  std::string text;
  bool ok = read_rest(file, &text);
  if (closeit) fclose(file);
  return ok ? run_text(text.c_str(), filename, start, globals, locals, flags).release() : nullptr;
}
PyObject*(PyRun_File)(FILE* file, const char* filename, int start, PyObject* globals, PyObject* locals) {
  return PyRun_FileExFlags(file, filename, start, globals, locals, 0, nullptr);
}
PyObject*(PyRun_FileEx)(FILE* file, const char* filename, int start, PyObject* globals, PyObject* locals, int closeit) {
  return PyRun_FileExFlags(file, filename, start, globals, locals, closeit, nullptr);
}
PyObject*(PyRun_FileFlags)(FILE* file, const char* filename, int start, PyObject* globals, PyObject* locals, PyCompilerFlags* flags) {
  return PyRun_FileExFlags(file, filename, start, globals, locals, 0, flags);
}
// Runs a script in __main__, with __file__ while it runs.
int PyRun_SimpleFileExFlags(FILE* file, const char* filename, int closeit, PyCompilerFlags* flags) {
  PyObject* ns = main_namespace();
  if (ns == nullptr) return -1;
  Ref<> name = Ref<>::steal(PyUnicode_DecodeFSDefault(filename));
  bool own_file = false;
  if (name && PyDict_GetItemString(ns, "__file__") == nullptr) {
    if (PyDict_SetItemString(ns, "__file__", name.get()) < 0 || PyDict_SetItemString(ns, "__cached__", Py_None) < 0) name.reset();
    own_file = true;
  }
  if (!name) {
    if (closeit) fclose(file);
    return report({});
  }
  int status = report(Ref<>::steal(PyRun_FileExFlags(file, filename, Py_file_input, ns, ns, closeit, flags)));
  if (own_file && (PyDict_DelItemString(ns, "__file__") < 0 || PyDict_DelItemString(ns, "__cached__") < 0)) PyErr_Clear();
  return status;
}
int(PyRun_SimpleFile)(FILE* file, const char* filename) { return PyRun_SimpleFileExFlags(file, filename, 0, nullptr); }
int(PyRun_SimpleFileEx)(FILE* file, const char* filename, int closeit) { return PyRun_SimpleFileExFlags(file, filename, closeit, nullptr); }

int Py_FdIsInteractive(FILE* file, const char* filename) {
  if (isatty(fileno(file))) return 1;
  if (!Py_InteractiveFlag) return 0;
  return filename == nullptr || std::string_view(filename) == "<stdin>" || std::string_view(filename) == "???";
}

// ---- file objects ------------------------------------------------------------------------------------------------

int PyFile_WriteObject(PyObject* value, PyObject* file, int flags) {
  if (file == nullptr) {
    PyErr_SetString(PyExc_TypeError, "writeobject with NULL file");
    return -1;
  }
  Ref<> write = Ref<>::steal(PyObject_GetAttrString(file, "write"));
  if (!write) return -1;
  Ref<> text = Ref<>::steal(flags & Py_PRINT_RAW ? PyObject_Str(value) : PyObject_Repr(value));
  if (!text) return -1;
  return Ref<>::steal(PyObject_CallOneArg(write.get(), text.get())) ? 0 : -1;
}
int PyFile_WriteString(const char* text, PyObject* file) {
  if (file == nullptr) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "null file for PyFile_WriteString");
    return -1;
  }
  if (PyErr_Occurred()) return -1;
  Ref<> s = Ref<>::steal(PyUnicode_FromString(text));
  return s ? PyFile_WriteObject(s.get(), file, Py_PRINT_RAW) : -1;
}

// ---- interpreters and threads in turn ----------------------------------------------------------------------------

// The newest interpreter first, as 3.11 has it. Each stands until it is ended: the caller sees to that.
PyInterpreterState* PyInterpreterState_Head() {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  for (size_t i = rt.interpreter_count; i-- > 0;) {
    if (rt.interpreters[i] != nullptr) return rt.interpreters[i]->as_c();
  }
  return nullptr;
}
PyInterpreterState* PyInterpreterState_Next(PyInterpreterState* interp) {
  Runtime& rt = runtime();
  std::lock_guard hold(rt.interpreters_lock);
  bool seen = false;
  for (size_t i = rt.interpreter_count; i-- > 0;) {
    if (rt.interpreters[i] == nullptr) continue;
    if (seen) return rt.interpreters[i]->as_c();
    seen = rt.interpreters[i]->as_c() == interp;
  }
  return nullptr;
}
PyThreadState* PyInterpreterState_ThreadHead(PyInterpreterState* interp) {
  std::lock_guard hold(as_interp(interp).list_lock);
  return as_interp(interp).threads;
}
PyThreadState* PyThreadState_Next(PyThreadState* t) {
  std::lock_guard hold(as_interp(t->interp).list_lock);
  return t->next;
}
int Py_IsInitialized() { return runtime().initialized.load(); }
