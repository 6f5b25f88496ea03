// gc: the cycle collector's module.
#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/tuple.h"
#include "Python/runtime/collector.h"

namespace atl {

namespace {

GcState& state(ThreadState& ts) { return ts.interpreter().gc; }

bool collectable(PyObject* o) { return !is_immortal(o) && PyObject_IS_GC(o); }

Ref<> m_enable(ThreadState& ts, PyObject*) {
  state(ts).enabled = true;
  return new_none();
}
Ref<> m_disable(ThreadState& ts, PyObject*) {
  state(ts).enabled = false;
  return new_none();
}
Ref<> m_isenabled(ThreadState& ts, PyObject*) { return new_bool(state(ts).enabled); }

Ref<> m_collect(ThreadState& ts, PyObject*, int generation) {
  if (generation < 0 || generation > 2) return raise(ts, PyExc_ValueError, "invalid generation");
  return int_from_ssize(ts, gc_collect(ts, generation));
}

Ref<> m_set_debug(ThreadState& ts, PyObject*, int flags) {
  state(ts).debug = flags;
  return new_none();
}
Ref<> m_get_debug(ThreadState& ts, PyObject*) { return int_from_i64(ts, state(ts).debug); }

PyObject* m_set_threshold(PyObject*, PyObject* args) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if (n < 1 || n > 3) {
    return raise(ts, PyExc_TypeError, n < 1 ? "set_threshold() takes at least 1 argument (%zd given)" : "set_threshold() takes at most 3 arguments (%zd given)", n);
  }
  int values[3];
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!convert_int(ts, tuple_peek(args, i), ArgPlace{}, &values[i])) return nullptr;
  }
  for (Py_ssize_t i = 0; i < n; ++i) state(ts).generations[i].threshold = values[i];
  return new_ref(Py_None);
}

Ref<> three(ThreadState& ts, int (*field)(const GcGeneration&)) {
  Ref<> v[3];
  for (int i = 0; i < 3; ++i) {
    v[i] = int_from_i64(ts, field(state(ts).generations[i]));
    if (!v[i]) return {};
  }
  return tuple_of(ts, v[0].get(), v[1].get(), v[2].get());
}
Ref<> m_get_threshold(ThreadState& ts, PyObject*) {
  return three(ts, [](const GcGeneration& g) { return g.threshold; });
}
Ref<> m_get_count(ThreadState& ts, PyObject*) {
  return three(ts, [](const GcGeneration& g) { return g.count; });
}

Ref<> m_get_stats(ThreadState& ts, PyObject*) {
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (const GcGenerationStats& s : state(ts).stats) {
    Ref<> d = dict_new(ts);
    if (!d) return {};
    const std::pair<const char*, Py_ssize_t> rows[] = {
        {"collections", s.collections}, {"collected", s.collected}, {"uncollectable", s.uncollectable}};
    for (const auto& [name, value] : rows) {
      Ref<> v = int_from_ssize(ts, value);
      if (!v || failed(dict_set(ts, d.get(), name, v.get()))) return {};
    }
    if (failed(list_append(ts, list.get(), std::move(d)))) return {};
  }
  return list;
}

// Calls f(object) for each tracked object of a generation until it answers false.
template <class F>
bool for_tracked(const GcLinks& head, F f) {
  for (auto* g = reinterpret_cast<GcLinks*>(head.next); g != &head; g = reinterpret_cast<GcLinks*>(g->next)) {
    if (!f(gc_object(g))) return false;
  }
  return true;
}

Ref<> m_get_objects(ThreadState& ts, PyObject*, PyObject* generation) {
  Py_ssize_t which = -1;
  if (generation != nullptr && !_Py_convert_optional_to_ssize_t(generation, &which)) return {};
  if (which >= 3) {
    return raise(ts, PyExc_ValueError, "generation parameter must be less than the number of available generations (%i)", 3);
  }
  if (which < -1) return raise(ts, PyExc_ValueError, "generation parameter cannot be negative");
  if (PySys_Audit("gc.get_objects", "n", which) < 0) return {};
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  auto add = [&](PyObject* o) { return o == list.get() || !failed(list_append(ts, list.get(), dup(o))); };
  for (int i = 0; i < 3; ++i) {
    if (which >= 0 && i != which) continue;
    if (!for_tracked(state(ts).generations[i].head, add)) return {};
  }
  return list;
}

struct Referrers {
  PyObject* wanted;  // tuple
};
int visit_referrer(PyObject* o, void* arg) {
  PyObject* wanted = static_cast<Referrers*>(arg)->wanted;
  for (Py_ssize_t i = 0; i < tuple_size(wanted); ++i) {
    if (tuple_peek(wanted, i) == o) return 1;
  }
  return 0;
}

PyObject* m_get_referrers(PyObject*, PyObject* args) {
  ThreadState& ts = current_thread();
  if (PySys_Audit("gc.get_referrers", "(O)", args) < 0) return nullptr;
  Ref<> list = list_new(ts, 0);
  if (!list) return nullptr;
  Referrers r{args};
  for (const GcGeneration& g : state(ts).generations) {
    bool ok = for_tracked(g.head, [&](PyObject* o) {
      if (o == args || o == list.get() || !o->ob_type->tp_traverse(o, visit_referrer, &r)) return true;
      return !failed(list_append(ts, list.get(), dup(o)));
    });
    if (!ok) return nullptr;
  }
  return list.release();
}

struct Referents {
  ThreadState* ts;
  PyObject* list;
};
int visit_referent(PyObject* o, void* arg) {
  auto* r = static_cast<Referents*>(arg);
  return failed(list_append(*r->ts, r->list, dup(o)));
}

PyObject* m_get_referents(PyObject*, PyObject* args) {
  ThreadState& ts = current_thread();
  if (PySys_Audit("gc.get_referents", "(O)", args) < 0) return nullptr;
  Ref<> list = list_new(ts, 0);
  if (!list) return nullptr;
  Referents r{&ts, list.get()};
  for (Py_ssize_t i = 0; i < tuple_size(args); ++i) {
    PyObject* o = tuple_peek(args, i);
    if (!PyObject_IS_GC(o) || o->ob_type->tp_traverse == nullptr) continue;
    if (o->ob_type->tp_traverse(o, visit_referent, &r)) return nullptr;
  }
  return list.release();
}

Ref<> m_is_tracked(ThreadState&, PyObject*, PyObject* o) { return new_bool(collectable(o) && gc_is_tracked(o)); }
Ref<> m_is_finalized(ThreadState&, PyObject*, PyObject* o) {
  return new_bool(collectable(o) && (gc_links(o)->prev & kGcFinalized) != 0);
}
Ref<> m_freeze(ThreadState& ts, PyObject*) {
  gc_freeze(state(ts));
  return new_none();
}
Ref<> m_unfreeze(ThreadState& ts, PyObject*) {
  gc_unfreeze(state(ts));
  return new_none();
}
Ref<> m_get_freeze_count(ThreadState& ts, PyObject*) { return int_from_ssize(ts, gc_list_size(state(ts).permanent)); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_enable, "enable", "($module, /)", "Enable automatic garbage collection."),
    ATOLL_METHOD(m_disable, "disable", "($module, /)", "Disable automatic garbage collection."),
    ATOLL_METHOD(m_isenabled, "isenabled", "($module, /)", "Returns true if automatic garbage collection is enabled."),
    ATOLL_METHOD(m_set_debug, "set_debug", "($module, flags, /)", "Set the garbage collection debugging flags."),
    ATOLL_METHOD(m_get_debug, "get_debug", "($module, /)", "Get the garbage collection debugging flags."),
    ATOLL_METHOD(m_get_count, "get_count", "($module, /)", "Return a three-tuple of the current collection counts."),
    ATOLL_METHOD_RAW(m_set_threshold, "set_threshold", METH_VARARGS,
                     "set_threshold(threshold0, [threshold1, threshold2]) -> None\nSet the collection thresholds (the collection frequency)."),
    ATOLL_METHOD(m_get_threshold, "get_threshold", "($module, /)", "Return the current collection thresholds."),
    ATOLL_METHOD(m_collect, "collect", "($module, /, generation=2)",
                 "Run the garbage collector.\n\nWith no arguments, run a full collection. The number of unreachable objects is returned."),
    ATOLL_METHOD(m_get_objects, "get_objects", "($module, /, generation=None)",
                 "Return a list of objects tracked by the collector (excluding the list returned)."),
    ATOLL_METHOD(m_get_stats, "get_stats", "($module, /)", "Return a list of dictionaries containing per-generation statistics."),
    ATOLL_METHOD(m_is_tracked, "is_tracked", "($module, obj, /)", "Returns true if the object is tracked by the garbage collector."),
    ATOLL_METHOD(m_is_finalized, "is_finalized", "($module, obj, /)", "Returns true if the object has been already finalized by the GC."),
    ATOLL_METHOD_RAW(m_get_referrers, "get_referrers", METH_VARARGS,
                     "get_referrers(*objs) -> list\nReturn the list of objects that directly refer to any of objs."),
    ATOLL_METHOD_RAW(m_get_referents, "get_referents", METH_VARARGS,
                     "get_referents(*objs) -> list\nReturn the list of objects that are directly referred to by objs."),
    ATOLL_METHOD(m_freeze, "freeze", "($module, /)", "Freeze all current tracked objects and ignore them for future collections."),
    ATOLL_METHOD(m_unfreeze, "unfreeze", "($module, /)", "Unfreeze all objects in the permanent generation."),
    ATOLL_METHOD(m_get_freeze_count, "get_freeze_count", "($module, /)", "Return the number of objects in the permanent generation."),
    ATOLL_METHOD_END};

int exec_gc(PyObject* m) {
  ThreadState& ts = current_thread();
  GcState& gc = state(ts);
  if (gc.garbage == nullptr) gc.garbage = list_new(ts, 0).release();
  if (gc.callbacks == nullptr) gc.callbacks = list_new(ts, 0).release();
  if (gc.garbage == nullptr || gc.callbacks == nullptr) return -1;
  if (PyModule_AddObjectRef(m, "garbage", gc.garbage) < 0 || PyModule_AddObjectRef(m, "callbacks", gc.callbacks) < 0) return -1;
  struct Row {
    const char* name;
    long value;
  };
  const Row rows[] = {{"DEBUG_STATS", kGcDebugStats},
                      {"DEBUG_COLLECTABLE", kGcDebugCollectable},
                      {"DEBUG_UNCOLLECTABLE", kGcDebugUncollectable},
                      {"DEBUG_SAVEALL", kGcDebugSaveAll},
                      {"DEBUG_LEAK", kGcDebugCollectable | kGcDebugUncollectable | kGcDebugSaveAll}};
  for (const Row& row : rows) {
    if (PyModule_AddIntConstant(m, row.name, row.value) < 0) return -1;
  }
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_gc, "gc",
                     "This module provides access to the garbage collector for reference cycles: switches, thresholds, statistics, "
                     "and the objects it knows.",
                     0, atl::kMethods, atl::exec_gc)
