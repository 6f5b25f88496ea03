// How cycles are found. All objects of the generations to collect form one list. (1) Each object's count is copied
// into its links' prev word, marked "collecting". (2) Every reference from one of them to another is subtracted, by
// tp_traverse; what is left are references from outside. (3) Objects with something left are roots; everything
// reachable from a root is marked with an explicit stack. What stays unmarked is garbage. The list is then threaded
// again: marked objects move to the next generation, garbage is finalized and cleared: weak references first (their
// callbacks run when they are not garbage themselves), then tp_finalize, then, unless an object was resurrected,
// tp_clear.
#include "Python/runtime/collector.h"

#include <cstring>

#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

constexpr unsigned kCountShift = 2;

GcLinks* next_of(GcLinks* g) { return reinterpret_cast<GcLinks*>(g->next); }

void list_init(GcLinks* head) { head->next = head->prev = reinterpret_cast<uintptr_t>(head); }
bool list_empty(const GcLinks* head) { return head->next == reinterpret_cast<uintptr_t>(head); }

void list_append(GcLinks* head, GcLinks* g) {
  auto* last = reinterpret_cast<GcLinks*>(head->prev);
  last->next = reinterpret_cast<uintptr_t>(g);
  g->prev = reinterpret_cast<uintptr_t>(last) | (g->prev & kGcFinalized);
  g->next = reinterpret_cast<uintptr_t>(head);
  head->prev = reinterpret_cast<uintptr_t>(g);
}

void list_merge(GcLinks* from, GcLinks* to) {
  if (list_empty(from)) return;
  auto* first = next_of(from);
  auto* last = reinterpret_cast<GcLinks*>(from->prev);
  auto* to_last = reinterpret_cast<GcLinks*>(to->prev);
  to_last->next = reinterpret_cast<uintptr_t>(first);
  first->prev = reinterpret_cast<uintptr_t>(to_last) | (first->prev & kGcFlags);
  last->next = reinterpret_cast<uintptr_t>(to);
  to->prev = reinterpret_cast<uintptr_t>(last);
  list_init(from);
}

bool is_gc(PyObject* o) {
  PyTypeObject* t = o->ob_type;
  return (t->tp_flags & Py_TPFLAGS_HAVE_GC) && (t->tp_is_gc == nullptr || t->tp_is_gc(o));
}

bool collecting(const GcLinks* g) { return (g->prev & kGcCollecting) != 0; }

int visit_subtract(PyObject* o, void*) {
  if (!is_immortal(o) && is_gc(o)) {
    GcLinks* g = gc_links(o);
    if (collecting(g) && g->prev >> kCountShift != 0) g->prev -= uintptr_t{1} << kCountShift;
  }
  return 0;
}

// A stack of objects whose references are still to be followed.
struct MarkStack {
  GcLinks** items = nullptr;
  size_t size = 0, room = 0;
  bool failed = false;
  ~MarkStack() { std::free(items); }
  void push(GcLinks* g) {
    if (size == room) {
      size_t n = room ? room * 2 : 1024;
      auto* grown = static_cast<GcLinks**>(std::realloc(items, n * sizeof(GcLinks*)));
      if (grown == nullptr) {
        failed = true;
        return;
      }
      items = grown;
      room = n;
    }
    items[size++] = g;
  }
};

int visit_mark(PyObject* o, void* arg) {
  if (!is_immortal(o) && is_gc(o)) {
    GcLinks* g = gc_links(o);
    if (collecting(g)) {
      g->prev &= ~kGcCollecting;
      static_cast<MarkStack*>(arg)->push(g);
    }
  }
  return 0;
}

// Steps 1 to 3 on a list. Afterwards the list holds the survivors, `garbage` the rest (marked collecting).
// False without memory: everything survives.
bool find_garbage(GcLinks* list, GcLinks* garbage) {
  list_init(garbage);
  for (GcLinks* g = next_of(list); g != list; g = next_of(g)) {
    PyObject* o = gc_object(g);
    uintptr_t count = is_immortal(o) ? (UINTPTR_MAX >> 4) : static_cast<uintptr_t>(o->ob_refcnt);
    g->prev = count << kCountShift | kGcCollecting | (g->prev & kGcFinalized);
  }
  for (GcLinks* g = next_of(list); g != list; g = next_of(g)) {
    PyObject* o = gc_object(g);
    o->ob_type->tp_traverse(o, visit_subtract, nullptr);
  }
  MarkStack stack;
  for (GcLinks* g = next_of(list); g != list; g = next_of(g)) {
    if (!collecting(g) || g->prev >> kCountShift == 0) continue;
    g->prev &= ~kGcCollecting;
    stack.push(g);
    while (stack.size != 0 && !stack.failed) {
      PyObject* o = gc_object(stack.items[--stack.size]);
      o->ob_type->tp_traverse(o, visit_mark, &stack);
    }
    if (stack.failed) break;
  }
  bool complete = !stack.failed;
  GcLinks* g = next_of(list);
  GcLinks kept;
  list_init(&kept);
  while (g != list) {
    GcLinks* next = next_of(g);
    if (complete && collecting(g)) {
      list_append(garbage, g);
      g->prev |= kGcCollecting;
    } else {
      list_append(&kept, g);
    }
    g = next;
  }
  list_init(list);
  list_merge(&kept, list);
  return complete;
}

// Takes the tuples, in full collections the dicts too, that can't be part of a cycle off the list of survivors.
void untrack_atomic(GcLinks* list, bool full) {
  for (GcLinks* g = next_of(list); g != list;) {
    PyObject* o = gc_object(g);
    g = next_of(g);
    if (o->ob_type == &PyTuple_Type) {
      upcall_gc_untrack_tuple(o);
    } else if (full && o->ob_type == &PyDict_Type) {
      upcall_gc_untrack_dict(o);
    }
  }
}

// Objects with the old tp_del can't be cleared safely: they and what only they reach go to gc.garbage.
void set_aside_legacy(GcLinks* garbage, GcLinks* legacy) {
  list_init(legacy);
  MarkStack stack;
  for (GcLinks* g = next_of(garbage); g != garbage;) {
    GcLinks* next = next_of(g);
    if (gc_object(g)->ob_type->tp_del != nullptr) {
      g->prev &= ~kGcCollecting;
      stack.push(g);
    }
    g = next;
  }
  if (stack.size == 0) return;
  while (stack.size != 0 && !stack.failed) {
    PyObject* o = gc_object(stack.items[--stack.size]);
    o->ob_type->tp_traverse(o, visit_mark, &stack);
  }
  GcLinks rest;
  list_init(&rest);
  for (GcLinks* g = next_of(garbage); g != garbage;) {
    GcLinks* next = next_of(g);
    bool dead = collecting(g) && !stack.failed;
    list_append(dead ? &rest : legacy, g);
    if (dead) g->prev |= kGcCollecting;
    g = next;
  }
  list_init(garbage);
  list_merge(&rest, garbage);
}

void report(const char* what, PyObject* o) {
  std::fprintf(stderr, "gc: %s <%s %p>\n", what, o->ob_type->tp_name, static_cast<void*>(o));
}

Py_ssize_t list_size(const GcLinks* head) {
  Py_ssize_t n = 0;
  for (auto* g = reinterpret_cast<GcLinks*>(head->next); g != head; g = next_of(g)) ++n;
  return n;
}

// Weak references to garbage are cleared before any of its code runs. Their callbacks run now.
void handle_weakrefs(ThreadState& ts, GcLinks* garbage) {
  Ref<> callbacks = Ref<>::steal(PyList_New(0));
  bool ok = static_cast<bool>(callbacks);
  for (GcLinks* g = next_of(garbage); ok && g != garbage; g = next_of(g)) {
    ok = !failed(upcall_clear_weakrefs_of_garbage(ts, gc_object(g), callbacks.get()));
  }
  if (!ok) {
    upcall_write_unraisable(ts, "garbage collection");
    return;
  }
  auto* list = reinterpret_cast<PyListObject*>(callbacks.get());
  for (Py_ssize_t i = 0; i < list->ob_base.ob_size; ++i) upcall_call_weakref_callback(ts, list->ob_item[i]);
}

void finalize_all(GcLinks* garbage) {
  // The list may change under our feet: each object is moved before its finalizer runs.
  GcLinks seen;
  list_init(&seen);
  while (!list_empty(garbage)) {
    GcLinks* g = next_of(garbage);
    PyObject* o = gc_object(g);
    uintptr_t flags = g->prev & kGcFlags;
    next_of(g)->prev = reinterpret_cast<uintptr_t>(garbage) | (next_of(g)->prev & kGcFlags);
    garbage->next = g->next;
    list_append(&seen, g);
    g->prev |= flags & kGcCollecting;
    if (!(g->prev & kGcFinalized) && o->ob_type->tp_finalize != nullptr) {
      g->prev |= kGcFinalized;
      incref(o);
      o->ob_type->tp_finalize(o);
      decref(o);
    }
  }
  list_merge(&seen, garbage);
}

void clear_garbage(ThreadState& ts, GcState& gc, GcLinks* garbage, GcLinks* old) {
  while (!list_empty(garbage)) {
    GcLinks* g = next_of(garbage);
    PyObject* o = gc_object(g);
    if (gc.debug & kGcDebugSaveAll) {
      if (gc.garbage != nullptr) upcall_list_append(ts, gc.garbage, o);
    } else if (o->ob_type->tp_clear != nullptr) {
      incref(o);
      (void)o->ob_type->tp_clear(o);
      if (ts.curexc_type != nullptr) upcall_write_unraisable(ts, "in tp_clear");
      decref(o);
    }
    if (next_of(garbage) == g) {  // still alive: somebody outside holds it now, or it has no tp_clear
      g->prev &= ~kGcCollecting;
      next_of(g)->prev = reinterpret_cast<uintptr_t>(garbage) | (next_of(g)->prev & kGcFlags);
      garbage->next = g->next;
      list_append(old, g);
    }
  }
}

Py_ssize_t collect(ThreadState& ts, int generation) {
  GcState& gc = ts.interpreter().gc;
  if (gc.collecting) return 0;
  gc.collecting = true;
  // What is being raised must survive finalizers.
  PyObject* saved[3] = {std::exchange(ts.curexc_type, nullptr), std::exchange(ts.curexc_value, nullptr),
                        std::exchange(ts.curexc_traceback, nullptr)};
  upcall_gc_callbacks(ts, "start", generation, 0, 0);

  if (generation + 1 < 3) ++gc.generations[generation + 1].count;
  for (int i = 0; i <= generation; ++i) gc.generations[i].count = 0;
  GcLinks* young = &gc.generations[generation].head;
  for (int i = 0; i < generation; ++i) list_merge(&gc.generations[i].head, young);
  GcLinks* old = generation < 2 ? &gc.generations[generation + 1].head : young;

  GcLinks garbage;
  find_garbage(young, &garbage);
  untrack_atomic(young, young == old);
  if (young != old) {
    if (generation == 1) gc.long_lived_pending += list_size(young);
    list_merge(young, old);
  } else {
    gc.long_lived_pending = 0;
    gc.long_lived_total = list_size(young);
  }

  GcLinks legacy;
  set_aside_legacy(&garbage, &legacy);
  if (gc.debug & kGcDebugCollectable) {
    for (GcLinks* g = next_of(&garbage); g != &garbage; g = next_of(g)) report("collectable", gc_object(g));
  }
  handle_weakrefs(ts, &garbage);
  finalize_all(&garbage);

  // A finalizer may have made some of them reachable again.
  GcLinks still;
  if (!list_empty(&garbage)) {
    find_garbage(&garbage, &still);
    list_merge(&garbage, old);
  } else {
    list_init(&still);
  }
  Py_ssize_t collected = list_size(&still);
  clear_garbage(ts, gc, &still, old);

  Py_ssize_t uncollectable = 0;
  for (GcLinks* g = next_of(&legacy); g != &legacy; g = next_of(g)) {
    ++uncollectable;
    PyObject* o = gc_object(g);
    if (gc.debug & kGcDebugUncollectable) report("uncollectable", o);
    if (gc.garbage != nullptr && (o->ob_type->tp_del != nullptr || (gc.debug & kGcDebugSaveAll))) {
      upcall_list_append(ts, gc.garbage, o);
    }
  }
  list_merge(&legacy, old);

  if (gc.debug & kGcDebugStats) {
    std::fprintf(stderr, "gc: done, %zd unreachable, %zd uncollectable\n", collected + uncollectable, uncollectable);
  }
  // Others read these figures without the interpreter's lock.
  auto add = [](Py_ssize_t* figure, Py_ssize_t n) { __atomic_store_n(figure, *figure + n, __ATOMIC_RELAXED); };
  GcGenerationStats& stats = gc.stats[generation];
  add(&stats.collections, 1);
  add(&stats.collected, collected);
  add(&stats.uncollectable, uncollectable);
  upcall_gc_callbacks(ts, "stop", generation, collected, uncollectable);
  if (ts.curexc_type != nullptr) upcall_write_unraisable(ts, "garbage collection");
  ts.curexc_type = saved[0];
  ts.curexc_value = saved[1];
  ts.curexc_traceback = saved[2];
  gc.collecting = false;
  return collected + uncollectable;
}

}  // namespace

void gc_init(GcState& gc) {
  static constexpr int kThresholds[3] = {700, 10, 10};
  std::memset(&gc, 0, sizeof gc);
  for (int i = 0; i < 3; ++i) {
    list_init(&gc.generations[i].head);
    gc.generations[i].threshold = kThresholds[i];
  }
  list_init(&gc.permanent);
  gc.enabled = true;
}

void gc_count_allocation(ThreadState& ts) {
  GcState& gc = ts.interpreter().gc;
  if (gc.enabled && gc.generations[0].threshold != 0 && !gc.collecting) ts.interpreter().breaker.set(kBreakCollect);
}

Py_ssize_t gc_collect(ThreadState& ts, int generation) { return collect(ts, generation); }

void gc_collect_due(ThreadState& ts) {
  GcState& gc = ts.interpreter().gc;
  if (!gc.enabled || gc.collecting) return;
  for (int i = 2; i >= 0; --i) {
    if (gc.generations[i].threshold == 0 && i == 0) return;
    if (gc.generations[i].count <= gc.generations[i].threshold) continue;
    // A full collection costs time in proportion to all that lives: only when enough is new.
    if (i == 2 && gc.long_lived_pending < gc.long_lived_total / 4) continue;
    collect(ts, i);
    return;
  }
}

void gc_freeze(GcState& gc) {
  for (auto& g : gc.generations) {
    list_merge(&g.head, &gc.permanent);
    g.count = 0;
  }
}

void gc_unfreeze(GcState& gc) { list_merge(&gc.permanent, &gc.generations[2].head); }

Py_ssize_t gc_list_size(const GcLinks& head) { return list_size(&head); }

void object_finalize_once(PyObject* o) {
  PyTypeObject* type = o->ob_type;
  if (type->tp_finalize == nullptr) return;
  bool gc = is_gc(o);
  if (gc && (gc_links(o)->prev & kGcFinalized)) return;
  type->tp_finalize(o);
  if (gc) gc_links(o)->prev |= kGcFinalized;
}

}  // namespace atl
