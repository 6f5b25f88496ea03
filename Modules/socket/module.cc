// _socket: the module.
#include "Modules/socket/socket.h"

namespace atl::socket {

namespace {

// What _ssl gets by the capsule _socket.CAPI.
struct Api {
  PyTypeObject* socket_type;
  PyObject* error;
  PyObject* timeout_error;
};
void api_free(PyObject* capsule) {
  auto* api = static_cast<Api*>(PyCapsule_GetPointer(capsule, "_socket.CAPI"));
  if (api == nullptr) return;
  Py_DECREF(api->socket_type);
  Py_DECREF(api->error);
  Py_DECREF(api->timeout_error);
  PyMem_Free(api);
}
int add_api(PyObject* m, PyTypeObject* type) {
  auto* api = static_cast<Api*>(PyMem_Malloc(sizeof(Api)));
  if (api == nullptr) return PyErr_NoMemory() == nullptr ? -1 : 0;
  api->socket_type = type;
  api->error = PyExc_OSError;
  api->timeout_error = PyExc_TimeoutError;
  PyObject* capsule = PyCapsule_New(api, "_socket.CAPI", api_free);
  if (capsule == nullptr) {
    PyMem_Free(api);
    return -1;
  }
  Py_INCREF(api->socket_type);
  Py_INCREF(api->error);
  Py_INCREF(api->timeout_error);
  int r = PyModule_AddObjectRef(m, "CAPI", capsule);
  Py_DECREF(capsule);
  return r;
}

int exec(PyObject* m) {
  State* s = state_of_module(m);
  s->default_timeout = -1;
  s->herror = PyErr_NewException("socket.herror", PyExc_OSError, nullptr);
  s->gaierror = s->herror != nullptr ? PyErr_NewException("socket.gaierror", PyExc_OSError, nullptr) : nullptr;
  s->socket_type = s->gaierror != nullptr ? make_socket_type(m) : nullptr;
  if (s->socket_type == nullptr) return -1;
  struct {
    const char* name;
    PyObject* value;
  } entries[] = {{"error", PyExc_OSError},       {"herror", s->herror},           {"gaierror", s->gaierror},
                 {"timeout", PyExc_TimeoutError}, {"socket", obj(s->socket_type)}, {"SocketType", obj(s->socket_type)}};
  for (const auto& e : entries) {
    if (PyModule_AddObjectRef(m, e.name, e.value) < 0) return -1;
  }
  return add_constants(m) < 0 ? -1 : add_api(m, s->socket_type);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  State* s = state_of_module(m);
  Py_VISIT(obj(s->socket_type));
  Py_VISIT(s->herror);
  Py_VISIT(s->gaierror);
  return 0;
}
int clear(PyObject* m) {
  State* s = state_of_module(m);
  clear_field(s->socket_type);
  clear_field(s->herror);
  clear_field(s->gaierror);
  return 0;
}

ATOLL_SEALED PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
ATOLL_SEALED PyModuleDef g_definition = {PyModuleDef_HEAD_INIT,
                                         "_socket",
                                         "Implementation module for socket operations.\n\nSee the socket module for documentation.",
                                         sizeof(State),
                                         reinterpret_cast<PyMethodDef*>(const_cast<MethodSpec*>(kNameFunctions)),
                                         g_slots,
                                         traverse,
                                         clear,
                                         nullptr};

}  // namespace

State* state_of_module(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }
State* state_of_type(PyTypeObject* type) {
  PyObject* m = PyType_GetModuleByDef(type, &g_definition);
  return m != nullptr ? state_of_module(m) : nullptr;
}

}  // namespace atl::socket

PyMODINIT_FUNC PyInit__socket() { return PyModuleDef_Init(&atl::socket::g_definition); }
