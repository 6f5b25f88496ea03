// xxsubtype: subtypes of list and dict written in C, which the regression suite uses as samples.
#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/tuple.h"
#include "structmember.h"

#include <ctime>

namespace atl {

namespace {

struct SpamList {
  PyListObject list;
  int state;
};
struct SpamDict {
  PyDictObject dict;
  int state;
};

PyObject* list_getstate(PyObject* self, PyObject*) { return PyLong_FromLong(reinterpret_cast<SpamList*>(self)->state); }
PyObject* dict_getstate(PyObject* self, PyObject*) { return PyLong_FromLong(reinterpret_cast<SpamDict*>(self)->state); }

PyObject* set_state(int* state, PyObject* value) {
  if (!convert_int(current_thread(), value, ArgPlace{}, state)) return nullptr;
  return new_ref(Py_None);
}
PyObject* list_setstate(PyObject* self, PyObject* value) { return set_state(&reinterpret_cast<SpamList*>(self)->state, value); }
PyObject* dict_setstate(PyObject* self, PyObject* value) { return set_state(&reinterpret_cast<SpamDict*>(self)->state, value); }
PyObject* get_state(PyObject* self, void*) { return list_getstate(self, nullptr); }

// What it was called with.
PyObject* special_method(PyObject* self, PyObject* args, PyObject* kwargs) {
  return tuple_of(current_thread(), self != nullptr ? self : Py_None, args, kwargs != nullptr ? kwargs : Py_None).release();
}
PyObject* static_method(PyObject*, PyObject* args, PyObject* kwargs) { return special_method(nullptr, args, kwargs); }

int list_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (PyList_Type.tp_init(self, args, kwargs) < 0) return -1;
  reinterpret_cast<SpamList*>(self)->state = 0;
  return 0;
}
int dict_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (PyDict_Type.tp_init(self, args, kwargs) < 0) return -1;
  reinterpret_cast<SpamDict*>(self)->state = 0;
  return 0;
}

const MethodSpec kListMethods[] = {
    ATOLL_METHOD_RAW(list_getstate, "getstate", METH_NOARGS, "getstate() -> state"),
    ATOLL_METHOD_RAW(list_setstate, "setstate", METH_O, "setstate(state)"),
    ATOLL_METHOD_RAW(special_method, "classmeth", METH_VARARGS | METH_KEYWORDS | METH_CLASS, "classmeth(*args, **kw)"),
    ATOLL_METHOD_RAW(static_method, "staticmeth", METH_VARARGS | METH_KEYWORDS | METH_STATIC, "staticmeth(*args, **kw)"),
    ATOLL_METHOD_END};
const MethodSpec kDictMethods[] = {ATOLL_METHOD_RAW(dict_getstate, "getstate", METH_NOARGS, "getstate() -> state"),
                                   ATOLL_METHOD_RAW(dict_setstate, "setstate", METH_O, "setstate(state)"), ATOLL_METHOD_END};
constexpr PyGetSetDef kListGetset[] = {
    {"state", get_state, nullptr, "an int variable for demonstration purposes", nullptr}, ATOLL_GETSET_END};
constexpr PyMemberDef kDictMembers[] = {
    {"state", T_INT, offsetof(SpamDict, state), READONLY, "an int variable for demonstration purposes"}, {nullptr, 0, 0, 0, nullptr}};

// Seconds that n lookups of an attribute take.
Ref<> m_bench(ThreadState& ts, PyObject*, PyObject* o, PyObject* name, int n) {
  clock_t start = clock();
  for (; n > 0; --n) {
    if (!object_getattr(ts, o, name)) return {};
  }
  return new_float(ts, static_cast<double>(clock() - start) / CLOCKS_PER_SEC);
}

constexpr MethodSpec kMethods[] = {ATOLL_METHOD(m_bench, "bench", "($module, obj, name, n=1000, /)", "Time lookups of an attribute."),
                                   ATOLL_METHOD_END};

int add_type(PyObject* m, const char* name, size_t size, PyTypeObject* base, PyType_Slot* slots) {
  PyType_Spec spec{name, static_cast<int>(size), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  Ref<> type = Ref<>::steal(PyType_FromModuleAndSpec(m, &spec, obj(base)));
  return type ? PyModule_AddType(m, reinterpret_cast<PyTypeObject*>(type.get())) : -1;
}

int exec_xxsubtype(PyObject* m) {
  PyType_Slot list_slots[] = {{Py_tp_init, reinterpret_cast<void*>(list_init)},
                              {Py_tp_methods, const_cast<MethodSpec*>(kListMethods)},
                              {Py_tp_getset, const_cast<PyGetSetDef*>(kListGetset)},
                              {0, nullptr}};
  PyType_Slot dict_slots[] = {{Py_tp_init, reinterpret_cast<void*>(dict_init)},
                              {Py_tp_methods, const_cast<MethodSpec*>(kDictMethods)},
                              {Py_tp_members, const_cast<PyMemberDef*>(kDictMembers)},
                              {0, nullptr}};
  if (add_type(m, "xxsubtype.spamlist", sizeof(SpamList), &PyList_Type, list_slots) < 0) return -1;
  return add_type(m, "xxsubtype.spamdict", sizeof(SpamDict), &PyDict_Type, dict_slots);
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_xxsubtype, "xxsubtype", "Sample subtypes of built-in types, for the regression suite (test_descr).", 0,
                     atl::kMethods, atl::exec_xxsubtype)
