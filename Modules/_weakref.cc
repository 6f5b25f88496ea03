// _weakref: the C half of the weakref module.
#include "Objects/weakref.h"

#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"

namespace atl {

namespace {

Ref<> m_getweakrefcount(ThreadState& ts, PyObject*, PyObject* o) { return int_from_ssize(ts, weakref_count(ts, o)); }
Ref<> m_getweakrefs(ThreadState& ts, PyObject*, PyObject* o) { return weakrefs_as_list(ts, o); }

Ref<> m_proxy(ThreadState&, PyObject*, PyObject* o, PyObject* callback) { return Ref<>::steal(PyWeakref_NewProxy(o, callback)); }

// For WeakValueDictionary: takes an entry out only when its reference is dead.
Ref<> m_remove_dead_weakref(ThreadState& ts, PyObject*, PyObject* d, PyObject* key) {
  if (!is_dict(d)) return raise(ts, PyExc_TypeError, "_remove_dead_weakref() argument 1 must be dict, not %.50T", d);
  Ref<> value;
  if (failed(dict_lookup(ts, d, key, &value))) return {};
  if (!value) return new_none();
  if (!PyWeakref_Check(value.get())) return raise(ts, PyExc_TypeError, "not a weakref");
  if (PyWeakref_GET_OBJECT(value.get()) != Py_None) return new_none();
  Ref<> old;
  return failed(dict_pop(ts, d, key, &old)) ? Ref<>() : new_none();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_getweakrefcount, "getweakrefcount", "($module, object, /)", "Return the number of weak references to 'object'."),
    ATOLL_METHOD(m_getweakrefs, "getweakrefs", "($module, object, /)", "Return a list of all weak reference objects pointing to 'object'."),
    ATOLL_METHOD(m_proxy, "proxy", "($module, object, callback=None, /)",
                 "Create a proxy object that weakly references 'object'.\n\n"
                 "'callback', if given, is called with a reference to the proxy when 'object' is about to be finalized."),
    ATOLL_METHOD(m_remove_dead_weakref, "_remove_dead_weakref", "($module, dct, key, /)",
                 "Atomically remove key from dict if it points to a dead weakref."),
    ATOLL_METHOD_END};

int exec_weakref(PyObject* m) {
  struct Row {
    const char* name;
    PyTypeObject* type;
  };
  const Row rows[] = {{"ref", &_PyWeakref_RefType},
                      {"ReferenceType", &_PyWeakref_RefType},
                      {"ProxyType", &_PyWeakref_ProxyType},
                      {"CallableProxyType", &_PyWeakref_CallableProxyType}};
  for (const Row& row : rows) {
    if (PyModule_AddObjectRef(m, row.name, obj(row.type)) < 0) return -1;
  }
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__weakref, "_weakref", "Weak-reference support module.", 0, atl::kMethods, atl::exec_weakref)
