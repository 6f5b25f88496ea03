// _queue: SimpleQueue, a queue without bounds whose put() may be called from anywhere, a signal handler or destructor included.
//
// Items are guarded by the interpreter's lock; a semaphore counts them for those who wait without it.
#include <semaphore.h>

#include <cerrno>
#include <deque>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Modules/timeouts.h"
#include "structmember.h"

namespace atl {

namespace {

struct State {
  PyTypeObject* queue_type;
  PyObject* empty_error;
};
extern PyModuleDef g_definition;
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

struct Queue {
  PyObject ob_base;
  sem_t count;
  std::deque<PyObject*> items;  // owned
  PyObject* weakrefs;
};
Queue* as_queue(PyObject* o) { return reinterpret_cast<Queue*>(o); }

Ref<> queue_new(ThreadState& ts, PyTypeObject* type) {
  (void)ts;
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  sem_init(&as_queue(o.get())->count, 0, 0);
  new (&as_queue(o.get())->items) std::deque<PyObject*>;
  return o;
}
int queue_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(obj(o->ob_type));
  for (PyObject* item : as_queue(o)->items) Py_VISIT(item);
  return 0;
}
int queue_clear(PyObject* o) {
  std::deque<PyObject*> items;
  items.swap(as_queue(o)->items);
  for (PyObject* item : items) Py_DECREF(item);
  return 0;
}
void queue_dealloc(PyObject* o) {
  untrack(o);
  if (as_queue(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  queue_clear(o);
  as_queue(o)->items.~deque();
  sem_destroy(&as_queue(o)->count);
  heap_instance_free(o);
}

Status m_put(ThreadState&, Queue* q, PyObject* item, PyObject*, PyObject*) {
  q->items.push_back(new_ref(item));
  sem_post(&q->count);
  return Status::kOk;
}
Status m_put_nowait(ThreadState& ts, Queue* q, PyObject* item) { return m_put(ts, q, item, nullptr, nullptr); }

Ref<> raise_empty(ThreadState& ts, Queue* q) {
  PyObject* m = PyType_GetModuleByDef(q->ob_base.ob_type, &g_definition);
  return m != nullptr ? Ref<>(raise_none(ts, state_of(m)->empty_error)) : Ref<>();
}
Ref<> take(ThreadState& ts, Queue* q) {
  // clear() may have emptied it.
  if (q->items.empty()) return raise_empty(ts, q);
  PyObject* item = q->items.front();
  q->items.pop_front();
  return Ref<>::steal(item);
}
Ref<> m_get(ThreadState& ts, Queue* q, PyObject* block_arg, PyObject* timeout) {
  Tri block = block_arg == nullptr ? Tri::kTrue : object_is_true(ts, block_arg);
  if (failed(block)) return {};
  int64_t deadline = INT64_MAX;
  if (block == Tri::kTrue && timeout != nullptr && timeout != Py_None) {
    int64_t ns;
    if (failed(timeout_as_ns(ts, timeout, 1000000000, nullptr, &ns))) return {};
    if (ns < 0) return raise(ts, PyExc_ValueError, "'timeout' must be a non-negative number");
    deadline = deadline_after(ns);
  }
  while (sem_trywait(&q->count) != 0) {
    if (block == Tri::kFalse) return raise_empty(ts, q);
    timespec until{static_cast<time_t>(deadline / 1000000000), static_cast<long>(deadline % 1000000000)};
    int r = posix::unlocked([&] { return deadline == INT64_MAX ? sem_wait(&q->count) : sem_clockwait(&q->count, CLOCK_MONOTONIC, &until); });
    if (r == 0) break;
    if (errno == ETIMEDOUT) return raise_empty(ts, q);
    if (PyErr_CheckSignals() < 0) return {};
  }
  return take(ts, q);
}
Ref<> m_get_nowait(ThreadState& ts, Queue* q) { return m_get(ts, q, Py_False, nullptr); }
Tri m_empty(ThreadState&, Queue* q) { return tri(q->items.empty()); }
Ref<> m_qsize(ThreadState& ts, Queue* q) { return int_from_ssize(ts, static_cast<Py_ssize_t>(q->items.size())); }

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_empty, "empty", "($self, /)", "Return True if the queue is empty, False otherwise (not reliable!)."),
    ATOLL_METHOD(m_get, "get", "($self, /, block=True, timeout=None)",
                 "Remove and return an item from the queue.\n\nWaits for one, at most for the timeout in seconds; raises Empty without one, at once if\n"
                 "block is false."),
    ATOLL_METHOD(m_get_nowait, "get_nowait", "($self, /)", "Remove and return an item from the queue without blocking; raises Empty without one."),
    ATOLL_METHOD(m_put, "put", "($self, /, item, block=True, timeout=None)",
                 "Put the item on the queue.\n\nNever waits: block and timeout are there for the sake of Queue.put()."),
    ATOLL_METHOD(m_put_nowait, "put_nowait", "($self, /, item)", "Put an item into the queue without blocking."),
    ATOLL_METHOD(m_qsize, "qsize", "($self, /)", "Return the approximate size of the queue (not reliable!)."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"), ATOLL_METHOD_END};
constexpr PyMemberDef kMembers[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(Queue, weakrefs), READONLY, nullptr}, {}};

int exec(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(queue_dealloc)},
                         {Py_tp_doc, const_cast<char*>("SimpleQueue()\n--\n\nSimple, unbounded, reentrant FIFO queue.")},
                         {Py_tp_traverse, reinterpret_cast<void*>(queue_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(queue_clear)},
                         {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
                         {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(queue_new, "SimpleQueue", "()"))},
                         {0, nullptr}};
  PyType_Spec spec{"_queue.SimpleQueue", sizeof(Queue), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, slots};
  State* s = state_of(m);
  s->queue_type = heap_type(m, spec);
  s->empty_error = s->queue_type != nullptr
                       ? PyErr_NewExceptionWithDoc("_queue.Empty", "Exception raised by Queue.get(block=0)/get_nowait().", nullptr, nullptr)
                       : nullptr;
  if (s->empty_error == nullptr || PyModule_AddObjectRef(m, "Empty", s->empty_error) < 0) return -1;
  return PyModule_AddType(m, s->queue_type);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(obj(state_of(m)->queue_type));
  Py_VISIT(state_of(m)->empty_error);
  return 0;
}
int clear(PyObject* m) {
  clear_field(state_of(m)->queue_type);
  clear_field(state_of(m)->empty_error);
  return 0;
}

constexpr MethodSpec kNone[] = {ATOLL_METHOD_END};
ATOLL_SEALED PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
ATOLL_SEALED PyModuleDef g_definition = {PyModuleDef_HEAD_INIT,
                                         "_queue",
                                         "C implementation of the Python queue module.\nThis module is an implementation detail, please do not use it directly.",
                                         sizeof(State),
                                         reinterpret_cast<PyMethodDef*>(const_cast<MethodSpec*>(kNone)),
                                         g_slots,
                                         traverse,
                                         clear,
                                         nullptr};

}  // namespace

}  // namespace atl

PyMODINIT_FUNC PyInit__queue() { return PyModuleDef_Init(&atl::g_definition); }
