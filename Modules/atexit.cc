// atexit: functions to call when the interpreter ends. The list belongs to the interpreter, which calls them itself.
#include "Modules/module_def.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

PyObject* m_register(PyObject*, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if (n == 0) return raise(ts, PyExc_TypeError, "register() takes at least 1 argument (0 given)");
  PyObject* function = tuple_peek(args, 0);
  if (function->ob_type->tp_call == nullptr) return raise(ts, PyExc_TypeError, "the first argument must be callable");
  PyObject*& callbacks = ts.interpreter().atexit_callbacks;
  if (callbacks == nullptr) {
    callbacks = list_new(ts, 0).release();
    if (callbacks == nullptr) return nullptr;
  }
  Ref<> rest = tuple_slice(ts, args, 1, n);
  Ref<> entry = rest ? tuple_of(ts, function, rest.get(), kwargs != nullptr ? kwargs : Py_None) : Ref<>();
  if (!entry || failed(list_append(ts, callbacks, std::move(entry)))) return nullptr;
  return new_ref(function);
}

Status m_unregister(ThreadState& ts, PyObject*, PyObject* function) {
  PyObject* callbacks = ts.interpreter().atexit_callbacks;
  if (callbacks == nullptr) return Status::kOk;
  Ref<> hold = dup(callbacks);
  // Comparing may change the list: it is walked from its end as it is at each step.
  for (Py_ssize_t i = list_size(callbacks); i-- > 0;) {
    if (i >= list_size(callbacks)) continue;
    Ref<> entry = dup(list_items(callbacks)[i]);
    Tri same = object_richcompare_bool(ts, tuple_peek(entry.get(), 0), function, Py_EQ);
    if (failed(same)) return Status::kError;
    if (same == Tri::kFalse || i >= list_size(callbacks) || list_items(callbacks)[i] != entry.get()) continue;
    if (failed(list_set_slice(ts, callbacks, i, i + 1, nullptr))) return Status::kError;
  }
  return Status::kOk;
}

Status m_clear(ThreadState& ts, PyObject*) {
  PyObject* callbacks = ts.interpreter().atexit_callbacks;
  return callbacks == nullptr ? Status::kOk : list_set_slice(ts, callbacks, 0, list_size(callbacks), nullptr);
}

// Last registered, first called. Errors are reported, and the rest is called all the same.
Status m_run(ThreadState& ts, PyObject*) {
  PyObject* callbacks = ts.interpreter().atexit_callbacks;
  if (callbacks == nullptr) return Status::kOk;
  Ref<> hold = dup(callbacks);
  while (Py_ssize_t n = list_size(callbacks)) {
    Ref<> entry = dup(list_items(callbacks)[n - 1]);
    if (failed(list_set_slice(ts, callbacks, n - 1, n, nullptr))) return Status::kError;
    PyObject* function = tuple_peek(entry.get(), 0);
    PyObject* kwargs = tuple_peek(entry.get(), 2);
    if (!object_call(ts, function, tuple_peek(entry.get(), 1), kwargs == Py_None ? nullptr : kwargs)) {
      write_unraisable(ts, function, "Exception ignored in atexit callback");
    }
  }
  return Status::kOk;
}

Ref<> m_count(ThreadState& ts, PyObject*) {
  PyObject* callbacks = ts.interpreter().atexit_callbacks;
  return int_from_ssize(ts, callbacks != nullptr ? list_size(callbacks) : 0);
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD_RAW(m_register, "register", METH_VARARGS | METH_KEYWORDS,
                     "register(func, *args, **kwargs) -> func\n\n"
                     "Register a function to be executed upon normal program termination\n\n"
                     "    func - function to be called at exit\n"
                     "    args - optional arguments to pass to func\n"
                     "    kwargs - optional keyword arguments to pass to func\n\n"
                     "    func is returned to facilitate usage as a decorator."),
    ATOLL_METHOD_PLAIN(m_clear, "_clear", "($module, /)", "_clear() -> None\n\nClear the list of previously registered exit functions."),
    ATOLL_METHOD_PLAIN(m_unregister, "unregister", "($module, func, /)",
                       "unregister(func) -> None\n\n"
                       "Unregister an exit function which was previously registered using\natexit.register\n\n"
                       "    func - function to be unregistered"),
    ATOLL_METHOD_PLAIN(m_run, "_run_exitfuncs", "($module, /)",
                       "_run_exitfuncs() -> None\n\nRun all registered exit functions.\n\nIf a callback raises an exception, it is logged with sys.unraisablehook."),
    ATOLL_METHOD_PLAIN(m_count, "_ncallbacks", "($module, /)", "_ncallbacks() -> int\n\nReturn the number of registered exit functions."),
    ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_atexit, "atexit",
                     "allow programmer to define multiple exit functions to be executed\n"
                     "upon normal program termination.\n\n"
                     "Two public functions, register and unregister, are defined.\n",
                     0, atl::kFunctions, atl::module_exec_nothing)
