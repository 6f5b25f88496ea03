// _pickle: the module.
#include "Modules/pickle/pickle.h"

namespace atl::pickle {

namespace {

const char* text_or(PyUnicodeObject* s, const char* otherwise) { return s != nullptr ? PyUnicode_AsUTF8(obj(s)) : otherwise; }

Ref<> f_dump(ThreadState& ts, PyObject* m, PyObject* o, PyObject* file, PyObject* protocol, bool fix_imports, PyObject* buffer_callback) {
  return dump(ts, state_of_module(m), o, file, protocol, fix_imports, buffer_callback);
}
Ref<> f_dumps(ThreadState& ts, PyObject* m, PyObject* o, PyObject* protocol, bool fix_imports, PyObject* buffer_callback) {
  return dump(ts, state_of_module(m), o, nullptr, protocol, fix_imports, buffer_callback);
}
Ref<> f_load(ThreadState& ts, PyObject* m, PyObject* file, bool fix_imports, PyUnicodeObject* encoding, PyUnicodeObject* errors, PyObject* buffers) {
  const char *e = text_or(encoding, "ASCII"), *r = text_or(errors, "strict");
  return e != nullptr && r != nullptr ? load(ts, state_of_module(m), file, nullptr, fix_imports, e, r, buffers) : Ref<>();
}
Ref<> f_loads(ThreadState& ts, PyObject* m, PyObject* data, bool fix_imports, PyUnicodeObject* encoding, PyUnicodeObject* errors, PyObject* buffers) {
  const char *e = text_or(encoding, "ASCII"), *r = text_or(errors, "strict");
  return e != nullptr && r != nullptr ? load(ts, state_of_module(m), nullptr, data, fix_imports, e, r, buffers) : Ref<>();
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_dump, "dump", "($module, /, obj, file, protocol=None, *, fix_imports=True,\n     buffer_callback=None)",
                 "Write a pickled representation of obj to the open file object file.\n\nThe same as Pickler(file, protocol).dump(obj)."),
    ATOLL_METHOD(f_dumps, "dumps", "($module, /, obj, protocol=None, *, fix_imports=True,\n      buffer_callback=None)",
                 "Return the pickled representation of the object as a bytes object."),
    ATOLL_METHOD(f_load, "load", "($module, /, file, *, fix_imports=True, encoding='ASCII',\n     errors='strict', buffers=())",
                 "Read and return an object from the pickle data stored in a file.\n\nThe same as Unpickler(file).load()."),
    ATOLL_METHOD(f_loads, "loads", "($module, data, /, *, fix_imports=True, encoding='ASCII',\n      errors='strict', buffers=())",
                 "Read and return an object from the given pickle data."),
    ATOLL_METHOD_END};

struct Wanted {
  const char* module;
  const char* name;
  PyObject* State::*to;
};
constexpr Wanted kWanted[] = {{"copyreg", "dispatch_table", &State::dispatch_table},
                              {"copyreg", "_extension_registry", &State::extension_registry},
                              {"copyreg", "_inverted_registry", &State::inverted_registry},
                              {"copyreg", "_extension_cache", &State::extension_cache},
                              {"_compat_pickle", "NAME_MAPPING", &State::names_2to3},
                              {"_compat_pickle", "IMPORT_MAPPING", &State::imports_2to3},
                              {"_compat_pickle", "REVERSE_NAME_MAPPING", &State::names_3to2},
                              {"_compat_pickle", "REVERSE_IMPORT_MAPPING", &State::imports_3to2},
                              {"codecs", "encode", &State::encode},
                              {"builtins", "getattr", &State::getattr},
                              {"functools", "partial", &State::partial}};

int exec(PyObject* m) {
  ThreadState& ts = current_thread();
  State& s = state_of_module(m);
  for (const Wanted& w : kWanted) {
    Ref<> module = Ref<>::steal(PyImport_ImportModule(w.module));
    s.*w.to = module ? PyObject_GetAttrString(module.get(), w.name) : nullptr;
    if (s.*w.to == nullptr) return -1;
  }
  for (PyObject* d : {s.dispatch_table, s.extension_registry, s.inverted_registry, s.extension_cache, s.names_2to3, s.imports_2to3, s.names_3to2,
                      s.imports_3to2}) {
    if (!PyDict_CheckExact(d)) return raise(ts, PyExc_RuntimeError, "copyreg and _compat_pickle should hold dicts, not %.200s", d->ob_type->tp_name);
  }
  if ((s.pickler_type = make_pickler_type(m)) == nullptr || (s.unpickler_type = make_unpickler_type(m)) == nullptr ||
      (s.pickler_memo_type = make_pickler_memo_type(m)) == nullptr || (s.unpickler_memo_type = make_unpickler_memo_type(m)) == nullptr) {
    return -1;
  }
  s.error = PyErr_NewException("_pickle.PickleError", nullptr, nullptr);
  s.pickling_error = s.error != nullptr ? PyErr_NewException("_pickle.PicklingError", s.error, nullptr) : nullptr;
  s.unpickling_error = s.pickling_error != nullptr ? PyErr_NewException("_pickle.UnpicklingError", s.error, nullptr) : nullptr;
  if (s.unpickling_error == nullptr || PyModule_AddType(m, s.pickler_type) < 0 || PyModule_AddType(m, s.unpickler_type) < 0 ||
      PyModule_AddType(m, &PyPickleBuffer_Type) < 0 || PyModule_AddObjectRef(m, "PickleError", s.error) < 0 ||
      PyModule_AddObjectRef(m, "PicklingError", s.pickling_error) < 0) {
    return -1;
  }
  return PyModule_AddObjectRef(m, "UnpicklingError", s.unpickling_error);
}
constexpr PyObject* State::*kObjects[] = {&State::error, &State::pickling_error, &State::unpickling_error};
constexpr PyTypeObject* State::*kTypes[] = {&State::pickler_type, &State::unpickler_type, &State::pickler_memo_type, &State::unpickler_memo_type};
int traverse(PyObject* m, visitproc visit, void* arg) {
  State& s = state_of_module(m);
  for (const Wanted& w : kWanted) Py_VISIT(s.*w.to);
  for (auto f : kObjects) Py_VISIT(s.*f);
  for (auto f : kTypes) Py_VISIT(obj(s.*f));
  return 0;
}
int clear(PyObject* m) {
  State& s = state_of_module(m);
  for (const Wanted& w : kWanted) clear_field(s.*w.to);
  for (auto f : kObjects) clear_field(s.*f);
  for (auto f : kTypes) clear_field(s.*f);
  return 0;
}

ATOLL_SEALED PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
ATOLL_SEALED PyModuleDef g_definition = {PyModuleDef_HEAD_INIT,
                                         "_pickle",
                                         "Optimized C implementation for the Python pickle module.",
                                         sizeof(State),
                                         reinterpret_cast<PyMethodDef*>(const_cast<MethodSpec*>(kFunctions)),
                                         g_slots,
                                         traverse,
                                         clear,
                                         nullptr};

}  // namespace

State& state_of_module(PyObject* m) { return *static_cast<State*>(PyModule_GetState(m)); }
State* state_of_type(PyTypeObject* type) {
  PyObject* m = PyType_GetModuleByDef(type, &g_definition);
  return m != nullptr ? &state_of_module(m) : nullptr;
}

}  // namespace atl::pickle

PyMODINIT_FUNC PyInit__pickle() { return PyModuleDef_Init(&atl::pickle::g_definition); }
