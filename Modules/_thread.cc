// _thread: threads of this interpreter, locks, thread-local data.
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "Modules/module_def.h"
#include "Modules/sys.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/structseq.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "structmember.h"

namespace atl {

namespace {

constexpr double kTimeoutMax = 9223372036.0;

struct State {
  PyTypeObject* lock_type;
  PyTypeObject* rlock_type;
  PyTypeObject* local_type;
  unsigned long stack_size;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

// ---- a lock that may be released by any thread --------------------------------------------------------------------

// Guarded by the interpreter's lock, which whoever looks at it holds. Threads that wait for it sleep on their parkers, first
// come first served, except that who asks for a free lock gets it.
struct RawLock {
  struct Waiter {
    Parker* parker;
    Waiter* prev;
    Waiter* next;
    bool queued;
  };
  bool taken;
  pid_t process;  // in which the waiters below wait: those of a parent are not there
  Waiter* first;
  Waiter* last;

  void init() {
    taken = false;
    first = last = nullptr;
  }
  bool locked() const { return taken; }
  bool try_acquire() {
    if (taken) return false;
    taken = true;
    return true;
  }
  void add(Waiter* w) {
    forget_parents();
    process = getpid();
    w->queued = true;
    w->next = nullptr;
    w->prev = last;
    (last != nullptr ? last->next : first) = w;
    last = w;
  }
  void remove(Waiter* w) {
    (w->prev != nullptr ? w->prev->next : first) = w->next;
    (w->next != nullptr ? w->next->prev : last) = w->prev;
    w->queued = false;
  }
  void release() {
    taken = false;
    if (first == nullptr) return;
    forget_parents();
    if (Waiter* w = first) {
      remove(w);
      w->parker->wake(Parker::kWoken);
    }
  }

 private:
  void forget_parents() {
    if (first != nullptr && process != getpid()) first = last = nullptr;
  }
};

int64_t deadline_of(double timeout) {
  if (timeout < 0) return kForever;
  double ns = std::ceil(timeout * 1e9);
  int64_t now = monotonic_now();
  return ns >= static_cast<double>(kForever - now) ? kForever - 1 : now + static_cast<int64_t>(ns);
}

// 1: acquired; 0: timed out; -1: an exception, from a signal handler or another thread, came first. timeout < 0: for ever.
int acquire(ThreadState& ts, RawLock* lock, double timeout) {
  if (lock->try_acquire()) return 1;
  if (timeout == 0) return 0;
  int64_t deadline = deadline_of(timeout);
  RawLock::Waiter me{&ts.parker, nullptr, nullptr, false};
  for (;;) {
    lock->add(&me);
    detach(&ts);
    uint32_t reasons = ts.parker.wait(deadline);
    attach(&ts);
    if (me.queued) lock->remove(&me);
    if (lock->try_acquire()) return 1;
    // Who has it now wakes the next one: a wake-up that was ours is not lost.
    if ((reasons & Parker::kPoked) && Py_MakePendingCalls() < 0) return -1;
    if (lock->try_acquire()) return 1;
    if (deadline != kForever && monotonic_now() >= deadline) return 0;
  }
}

// (blocking=True, timeout=-1) as 3.11 reads them; seconds < 0 means for ever.
bool read_acquire_args(ThreadState& ts, bool blocking, double timeout, double* out) {
  if (!blocking && timeout != -1.0) {
    (void)raise(ts, PyExc_ValueError, "can't specify a timeout for a non-blocking call");
    return false;
  }
  if (timeout < 0 && timeout != -1.0) {
    (void)raise(ts, PyExc_ValueError, "timeout value must be a non-negative number");
    return false;
  }
  if (timeout > kTimeoutMax) {
    (void)raise(ts, PyExc_OverflowError, "timeout value is too large");
    return false;
  }
  *out = blocking ? timeout : 0.0;
  return true;
}

struct LockObject {
  PyObject ob_base;
  RawLock lock;
  PyObject* weakrefs;
};
LockObject* as_lock(PyObject* o) { return reinterpret_cast<LockObject*>(o); }

void lock_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  if (as_lock(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}
int lock_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(o->ob_type);
  return 0;
}

Ref<> lock_acquire(ThreadState& ts, LockObject* l, bool blocking, double timeout) {
  double seconds;
  if (!read_acquire_args(ts, blocking, timeout, &seconds)) return {};
  int r = acquire(ts, &l->lock, seconds);
  return r < 0 ? Ref<>() : new_bool(r == 1);
}
Status lock_release(ThreadState& ts, LockObject* l) {
  if (!l->lock.locked()) return raise(ts, PyExc_RuntimeError, "release unlocked lock");
  l->lock.release();
  return Status::kOk;
}
Tri lock_locked(ThreadState&, LockObject* l) { return tri(l->lock.locked()); }
PyObject* lock_exit(PyObject* self, PyObject* const*, Py_ssize_t) {
  return failed(lock_release(current_thread(), as_lock(self))) ? nullptr : new_ref(Py_None);
}
Ref<> lock_enter(ThreadState& ts, LockObject* l) { return lock_acquire(ts, l, true, -1.0); }
Ref<> lock_repr(ThreadState& ts, PyObject* o) {
  return str_format(ts, "<%s %s object at %p>", as_lock(o)->lock.locked() ? "locked" : "unlocked", o->ob_type->tp_name, o);
}
Status lock_reinit(ThreadState&, LockObject* l) {
  l->lock.init();
  return Status::kOk;
}

constexpr MethodSpec kLockMethods[] = {
    ATOLL_METHOD(lock_acquire, "acquire", "($self, blocking=True, timeout=-1)", "Lock the lock; False when it could not be had in time."),
    ATOLL_METHOD(lock_acquire, "acquire_lock", "($self, blocking=True, timeout=-1)", "Lock the lock."),
    ATOLL_METHOD(lock_release, "release", "($self, /)", "Unlock the lock."),
    ATOLL_METHOD(lock_release, "release_lock", "($self, /)", "Unlock the lock."),
    ATOLL_METHOD(lock_locked, "locked", "($self, /)", "Is it locked?"),
    ATOLL_METHOD(lock_locked, "locked_lock", "($self, /)", "Is it locked?"),
    ATOLL_METHOD(lock_enter, "__enter__", "($self, /)", "Lock the lock."),
    ATOLL_METHOD_RAW(lock_exit, "__exit__", METH_FASTCALL, "Unlock the lock."),
    ATOLL_METHOD(lock_reinit, "_at_fork_reinit", "($self, /)", "Make the lock new in a forked child."),
    ATOLL_METHOD_END};
constexpr PyMemberDef kLockMembers[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(LockObject, weakrefs), READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}};

// ---- re-entrant locks --------------------------------------------------------------------------------------------

struct RLockObject {
  PyObject ob_base;
  RawLock lock;
  unsigned long owner;
  unsigned long count;
  PyObject* weakrefs;
};
RLockObject* as_rlock(PyObject* o) { return reinterpret_cast<RLockObject*>(o); }
unsigned long this_thread() { return static_cast<unsigned long>(pthread_self()); }

PyObject* rlock_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o != nullptr) as_rlock(o)->lock.init();
  return o;
}
void rlock_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  if (as_rlock(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}
Ref<> rlock_acquire(ThreadState& ts, RLockObject* l, bool blocking, double timeout) {
  double seconds;
  if (!read_acquire_args(ts, blocking, timeout, &seconds)) return {};
  if (l->count != 0 && l->owner == this_thread()) {
    ++l->count;
    return new_bool(true);
  }
  int r = acquire(ts, &l->lock, seconds);
  if (r < 0) return {};
  if (r == 1) {
    l->owner = this_thread();
    l->count = 1;
  }
  return new_bool(r == 1);
}
Status rlock_release(ThreadState& ts, RLockObject* l) {
  if (l->count == 0 || l->owner != this_thread()) return raise(ts, PyExc_RuntimeError, "cannot release un-acquired lock");
  if (--l->count == 0) {
    l->owner = 0;
    l->lock.release();
  }
  return Status::kOk;
}
PyObject* rlock_exit(PyObject* self, PyObject* const*, Py_ssize_t) {
  return failed(rlock_release(current_thread(), as_rlock(self))) ? nullptr : new_ref(Py_None);
}
Ref<> rlock_enter(ThreadState& ts, RLockObject* l) { return rlock_acquire(ts, l, true, -1.0); }
Tri rlock_is_owned(ThreadState&, RLockObject* l) { return tri(l->count != 0 && l->owner == this_thread()); }
Ref<> rlock_release_save(ThreadState& ts, RLockObject* l) {
  if (l->count == 0) return raise(ts, PyExc_RuntimeError, "cannot release un-acquired lock");
  Ref<> saved = Ref<>::steal(Py_BuildValue("kk", l->count, l->owner));
  if (!saved) return {};
  l->count = 0;
  l->owner = 0;
  l->lock.release();
  return saved;
}
Ref<> rlock_acquire_restore(ThreadState& ts, RLockObject* l, PyObject* saved) {
  uint64_t count, owner;
  if (!is_tuple(saved) || tuple_size(saved) != 2) return raise(ts, PyExc_TypeError, "a saved state is a tuple of two numbers");
  if (failed(int_as_u64(ts, tuple_peek(saved, 0), &count)) || failed(int_as_u64(ts, tuple_peek(saved, 1), &owner))) return {};
  if (acquire(ts, &l->lock, -1.0) < 0) return {};
  l->count = count;
  l->owner = owner;
  return new_none();
}
Ref<> rlock_repr(ThreadState& ts, PyObject* o) {
  RLockObject* l = as_rlock(o);
  return str_format(ts, "<%s %s object owner=%lu count=%lu at %p>", l->count ? "locked" : "unlocked", o->ob_type->tp_name, l->owner, l->count, o);
}
Status rlock_reinit(ThreadState&, RLockObject* l) {
  l->lock.init();
  l->owner = l->count = 0;
  return Status::kOk;
}
constexpr MethodSpec kRLockMethods[] = {
    ATOLL_METHOD(rlock_acquire, "acquire", "($self, blocking=True, timeout=-1)", "Lock the lock."),
    ATOLL_METHOD(rlock_release, "release", "($self, /)", "Unlock the lock once."),
    ATOLL_METHOD(rlock_is_owned, "_is_owned", "($self, /)", "For internal use by threading."),
    ATOLL_METHOD(rlock_acquire_restore, "_acquire_restore", "($self, state, /)", "For internal use by threading."),
    ATOLL_METHOD(rlock_release_save, "_release_save", "($self, /)", "For internal use by threading."),
    ATOLL_METHOD(rlock_enter, "__enter__", "($self, /)", "Lock the lock."),
    ATOLL_METHOD_RAW(rlock_exit, "__exit__", METH_FASTCALL, "Unlock the lock once."),
    ATOLL_METHOD(rlock_reinit, "_at_fork_reinit", "($self, /)", "Make the lock new in a forked child."),
    ATOLL_METHOD_END};
constexpr PyMemberDef kRLockMembers[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(RLockObject, weakrefs), READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}};

// ---- thread-local data -------------------------------------------------------------------------------------------
// Each thread's dict hangs in its thread state's dict under a key of the local object's own; it goes with the thread.

struct LocalObject {
  PyObject ob_base;
  PyObject* key;
  PyObject* args;
  PyObject* kwargs;
  PyObject* weakrefs;
};
LocalObject* as_local(PyObject* o) { return reinterpret_cast<LocalObject*>(o); }

PyObject* local_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  bool has_args = tuple_size(args) != 0 || (kwargs != nullptr && dict_size(kwargs) != 0);
  if (has_args && type->tp_init == PyBaseObject_Type.tp_init) return raise(ts, PyExc_TypeError, "Initialization arguments are not supported");
  Ref<> self = Ref<>::steal(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  LocalObject* l = as_local(self.get());
  l->args = new_ref(args);
  l->kwargs = kwargs != nullptr ? new_ref(kwargs) : nullptr;
  l->key = str_format(ts, "thread.local.%p", self.get()).release();
  return l->key != nullptr ? self.release() : nullptr;
}

// This thread's dict; made, with __init__ run, at the first access. Borrowed.
PyObject* local_dict(ThreadState& ts, PyObject* self) {
  LocalObject* l = as_local(self);
  if (ts.dict == nullptr) {
    ts.dict = dict_new(ts).release();
    if (ts.dict == nullptr) return nullptr;
  }
  PyObject* d = dict_peek(ts, ts.dict, l->key);
  if (d != nullptr || error_set(ts)) return d;
  Ref<> fresh = dict_new(ts);
  if (!fresh || failed(dict_set(ts, ts.dict, l->key, fresh.get()))) return nullptr;
  if (self->ob_type->tp_init != PyBaseObject_Type.tp_init && self->ob_type->tp_init(self, l->args, l->kwargs) < 0) {
    Ref<> exc = error_take(ts);
    if (failed(dict_del(ts, ts.dict, l->key))) error_clear(ts);
    error_restore(ts, std::move(exc));
    return nullptr;
  }
  return fresh.get();
}

Ref<> local_getattr(ThreadState& ts, PyObject* self, PyObject* name) {
  PyObject* d = local_dict(ts, self);
  if (d == nullptr) return {};
  Ref<> hold = dup(d);
  if (is_str(name) && str_equals_ascii(name, "__dict__")) return hold;
  return Ref<>::steal(_PyObject_GenericGetAttrWithDict(self, name, d, 0));
}
Status local_setattr(ThreadState& ts, PyObject* self, PyObject* name, PyObject* value) {
  PyObject* d = local_dict(ts, self);
  if (d == nullptr) return Status::kError;
  if (is_str(name) && str_equals_ascii(name, "__dict__")) {
    return raise(ts, PyExc_AttributeError, "'%.50s' object attribute '%U' is read-only", self->ob_type->tp_name, name);
  }
  Ref<> hold = dup(d);
  return _PyObject_GenericSetAttrWithDict(self, name, value, d) < 0 ? Status::kError : Status::kOk;
}
int local_clear(PyObject* o) {
  clear_field(as_local(o)->args);
  clear_field(as_local(o)->kwargs);
  return 0;
}
void local_dealloc(PyObject* o) {
  ThreadState& ts = current_thread();
  PyObject_GC_UnTrack(o);
  LocalObject* l = as_local(o);
  if (l->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  if (l->key != nullptr) {
    ErrorStash stash(ts);
    for (PyThreadState* t = ts.interpreter().threads; t != nullptr; t = t->next) {
      Ref<> old;
      if (t->dict != nullptr && failed(dict_pop(ts, t->dict, l->key, &old))) error_clear(ts);
    }
  }
  local_clear(o);
  clear_field(l->key);
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}
int local_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(o->ob_type);
  Py_VISIT(as_local(o)->args);
  Py_VISIT(as_local(o)->kwargs);
  return 0;
}
constexpr PyMemberDef kLocalMembers[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(LocalObject, weakrefs), READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}};

// ---- threads -----------------------------------------------------------------------------------------------------

struct Start {
  ThreadState* ts;
  PyObject* func;
  PyObject* args;
  PyObject* kwargs;
};

void* thread_main(void* p) {
  Start start = *static_cast<Start*>(p);
  std::free(p);
  ThreadState& ts = *start.ts;
  attach(&ts);
  Interpreter& interp = ts.interpreter();
  ++interp.thread_count;
  {
    Ref<> func = Ref<>::steal(start.func);
    Ref<> args = Ref<>::steal(start.args);
    Ref<> kwargs = Ref<>::steal(start.kwargs);
    if (!object_call(ts, func.get(), args.get(), kwargs.get())) {
      if (!error_clear_if(ts, PyExc_SystemExit)) write_unraisable(ts, func.get(), "Exception ignored in thread started by");
    }
  }
  --interp.thread_count;
  clear_thread_state(ts, &ts);
  end_thread_state(&ts);
  return nullptr;
}

PyObject* m_start_new_thread(PyObject* m, PyObject* const* a, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n < 2 || n > 3) return raise(ts, PyExc_TypeError, n < 2 ? "start_new_thread expected at least 2 arguments, got %zd" : "start_new_thread expected at most 3 arguments, got %zd", n);
  PyObject* kwargs = n > 2 ? a[2] : nullptr;
  if (!PyCallable_Check(a[0])) return raise(ts, PyExc_TypeError, "first arg must be callable");
  if (!is_tuple(a[1])) return raise(ts, PyExc_TypeError, "2nd arg must be a tuple");
  if (kwargs != nullptr && !is_dict(kwargs)) return raise(ts, PyExc_TypeError, "optional 3rd arg must be a dictionary");
  Interpreter& interp = ts.interpreter();
  if (!interp.is_main && !interp.options.allow_threads) return raise(ts, PyExc_RuntimeError, "thread is not supported for isolated subinterpreters");
  // threading asks for its thread by a method of it.
  if (!interp.is_main && !interp.options.allow_daemon_threads && PyMethod_Check(a[0])) {
    Ref<> daemon;
    if (failed(object_lookup_attr(ts, PyMethod_GET_SELF(a[0]), str_interned(ts, "_daemonic").get(), &daemon))) return nullptr;
    if (daemon && daemon.get() == Py_True) return raise(ts, PyExc_RuntimeError, "daemon threads are disabled in this (sub)interpreter");
  }
  if (interp.finalizing) return raise(ts, PyExc_RuntimeError, "can't create new thread at interpreter shutdown");
  if (failed(audit(ts, "_thread.start_new_thread", tuple_of(ts, a[0], a[1], kwargs ? kwargs : Py_None).get()))) return nullptr;
  auto* start = static_cast<Start*>(std::malloc(sizeof(Start)));
  ThreadState* fresh = start != nullptr ? new_thread_state(interp) : nullptr;
  if (fresh == nullptr) {
    std::free(start);
    return raise_memory(ts);
  }
  *start = {fresh, new_ref(a[0]), new_ref(a[1]), kwargs != nullptr ? new_ref(kwargs) : nullptr};
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  if (state_of(m)->stack_size != 0) pthread_attr_setstacksize(&attr, state_of(m)->stack_size);
  pthread_t id;
  int error = pthread_create(&id, &attr, thread_main, start);
  pthread_attr_destroy(&attr);
  if (error != 0) {
    decref(start->func);
    decref(start->args);
    xdecref(start->kwargs);
    std::free(start);
    delete_thread_state(fresh);
    return raise(ts, PyExc_RuntimeError, "can't start new thread");
  }
  return int_from_u64(ts, static_cast<uint64_t>(id)).release();
}

Ref<> m_exit(ThreadState& ts, PyObject*) { return raise_none(ts, PyExc_SystemExit); }
Ref<> m_get_ident(ThreadState& ts, PyObject*) { return int_from_u64(ts, this_thread()); }
Ref<> m_get_native_id(ThreadState& ts, PyObject*) { return int_from_u64(ts, ts.native_thread_id); }
Ref<> m_count(ThreadState& ts, PyObject*) { return int_from_ssize(ts, ts.interpreter().thread_count); }
Ref<> m_interrupt_main(ThreadState& ts, PyObject*, int signum) {
  if (PyErr_SetInterruptEx(signum) != 0) return raise(ts, PyExc_ValueError, "signal number out of range");
  return new_none();
}
Ref<> m_allocate_lock(ThreadState&, PyObject* m) {
  PyTypeObject* type = state_of(m)->lock_type;
  PyObject* o = type->tp_alloc(type, 0);
  if (o != nullptr) as_lock(o)->lock.init();
  return Ref<>::steal(o);
}
Ref<> m_stack_size(ThreadState& ts, PyObject* m, Py_ssize_t size) {
  unsigned long old = state_of(m)->stack_size;
  if (size >= 0) {
    if (size != 0 && size < 32768) return raise(ts, PyExc_ValueError, "size not valid: %zd bytes", size);
    state_of(m)->stack_size = static_cast<unsigned long>(size);
  }
  return int_from_u64(ts, old);
}

// A lock that is released when this thread's state goes: threading waits for it. The C function is given a weak
// reference, so that a lock that nobody waits for may die.
void release_sentinel(void* p) {
  auto* ref = static_cast<PyObject*>(p);
  PyObject* lock = PyWeakref_GetObject(ref);
  if (lock != nullptr && lock != Py_None && as_lock(lock)->lock.locked()) as_lock(lock)->lock.release();
  decref(ref);
}
Ref<> m_set_sentinel(ThreadState& ts, PyObject* m) {
  if (ts.on_delete_data != nullptr) {
    ts.on_delete = nullptr;
    decref(static_cast<PyObject*>(std::exchange(ts.on_delete_data, nullptr)));
  }
  Ref<> lock = m_allocate_lock(ts, m);
  if (!lock) return {};
  PyObject* ref = PyWeakref_NewRef(lock.get(), nullptr);
  if (ref == nullptr) return {};
  ts.on_delete_data = ref;
  ts.on_delete = release_sentinel;
  return lock;
}

// threading's report of an exception that ended a thread.
Ref<> m_excepthook(ThreadState& ts, PyObject*, PyObject* args) {
  if (!is_tuple(args) || tuple_size(args) < 4) return raise(ts, PyExc_TypeError, "_thread.excepthook argument type must be ExceptHookArgs");
  PyObject* type = tuple_peek(args, 0);
  if (type == PyExc_SystemExit) return new_none();
  PyObject* value = tuple_peek(args, 1);
  PyObject* thread = tuple_peek(args, 3);
  Ref<> name;
  if (thread != Py_None) name = object_getattr(ts, thread, "name");
  if (!name) error_clear(ts);
  Ref<> head = name ? str_format(ts, "Exception in thread %S:\n", name.get()) : str_format(ts, "Exception in thread %lu:\n", this_thread());
  // Where sys.stderr was taken away, the stream that the thread began with.
  PyObject* file = PySys_GetObject("stderr");
  Ref<> own;
  if ((file == nullptr || file == Py_None) && thread != Py_None) {
    own = object_getattr(ts, thread, "_stderr");
    if (!own) error_clear(ts);
  }
  if (own && own.get() != Py_None) {
    Ref<> module = Ref<>::steal(PyImport_ImportModule("traceback"));
    Ref<> shown = head ? Ref<>::steal(PyObject_CallMethod(own.get(), "write", "O", head.get())) : Ref<>();
    if (shown && module) shown = Ref<>::steal(PyObject_CallMethod(module.get(), "print_exception", "OOOOO", type, value, tuple_peek(args, 2), Py_None, own.get()));
    if (shown) shown = Ref<>::steal(PyObject_CallMethod(own.get(), "flush", nullptr));
    return shown && module ? new_none() : Ref<>();
  }
  if (file == nullptr || file == Py_None) return new_none();
  const char* utf8 = head ? str_utf8(ts, head.get()) : nullptr;
  if (utf8 != nullptr) sys_write_stderr(ts, utf8);
  PyErr_Display(type, value, tuple_peek(args, 2));
  return new_none();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_RAW(m_start_new_thread, "start_new_thread", METH_FASTCALL, "start_new_thread(function, args[, kwargs])\n\nStart a thread; its identifier is returned."),
    ATOLL_METHOD_RAW(m_start_new_thread, "start_new", METH_FASTCALL, "An old name of start_new_thread."),
    ATOLL_METHOD(m_allocate_lock, "allocate_lock", "($module, /)", "A new lock."),
    ATOLL_METHOD(m_allocate_lock, "allocate", "($module, /)", "An old name of allocate_lock."),
    ATOLL_METHOD(m_exit, "exit_thread", "($module, /)", "An old name of exit."),
    ATOLL_METHOD(m_exit, "exit", "($module, /)", "End this thread by raising SystemExit."),
    ATOLL_METHOD(m_interrupt_main, "interrupt_main", "($module, signum=2, /)", "Simulate a signal arriving in the main thread."),
    ATOLL_METHOD(m_get_ident, "get_ident", "($module, /)", "This thread's identifier."),
    ATOLL_METHOD(m_get_native_id, "get_native_id", "($module, /)", "This thread's identifier as the kernel has it."),
    ATOLL_METHOD(m_count, "_count", "($module, /)", "Number of running threads of this interpreter, the main one left out."),
    ATOLL_METHOD(m_stack_size, "stack_size", "($module, size=-1, /)", "Stack size of new threads; sets it when given."),
    ATOLL_METHOD(m_set_sentinel, "_set_sentinel", "($module, /)", "A lock that is released when this thread ends."),
    ATOLL_METHOD(m_excepthook, "_excepthook", "($module, args, /)", "Report an exception that ended a thread."),
    ATOLL_METHOD_END};

PyTypeObject* make_type(PyObject* m, PyType_Spec* spec) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, spec, nullptr));
}
template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}
PyMethodDef* methods_of(const MethodSpec* m) { return const_cast<PyMethodDef*>(m->c()); }

constexpr PyStructSequence_Field kHookArgsFields[] = {
    {"exc_type", "Exception type"},
    {"exc_value", "Exception value"},
    {"exc_traceback", "Exception traceback"},
    {"thread", "Thread"},
    {nullptr, nullptr}};

}  // namespace

constinit const StructSpec thread_except_hook_args_struct{"_thread._ExceptHookArgs", "Type used to pass arguments to threading.excepthook.", kHookArgsFields, 4};

namespace {

int exec_thread(PyObject* m) {
  State* s = state_of(m);
  constexpr unsigned kFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
  PyType_Slot lock_slots[] = {{Py_tp_dealloc, slot(lock_dealloc)},
                              {Py_tp_repr, slot(ATOLL_SLOT(lock_repr))},
                              {Py_tp_traverse, slot(lock_traverse)},
                              {Py_tp_methods, methods_of(kLockMethods)},
                              {Py_tp_members, const_cast<PyMemberDef*>(kLockMembers)},
                              {0, nullptr}};
  PyType_Spec lock_spec{"_thread.lock", sizeof(LockObject), 0, kFlags | Py_TPFLAGS_DISALLOW_INSTANTIATION, lock_slots};
  PyType_Slot rlock_slots[] = {{Py_tp_new, slot(rlock_new)},
                               {Py_tp_dealloc, slot(rlock_dealloc)},
                               {Py_tp_repr, slot(ATOLL_SLOT(rlock_repr))},
                               {Py_tp_traverse, slot(lock_traverse)},
                               {Py_tp_methods, methods_of(kRLockMethods)},
                               {Py_tp_members, const_cast<PyMemberDef*>(kRLockMembers)},
                               {0, nullptr}};
  PyType_Spec rlock_spec{"_thread.RLock", sizeof(RLockObject), 0, kFlags | Py_TPFLAGS_BASETYPE, rlock_slots};
  PyType_Slot local_slots[] = {{Py_tp_new, slot(local_new)},
                               {Py_tp_dealloc, slot(local_dealloc)},
                               {Py_tp_getattro, slot(ATOLL_SLOT(local_getattr))},
                               {Py_tp_setattro, slot(ATOLL_SLOT(local_setattr))},
                               {Py_tp_traverse, slot(local_traverse)},
                               {Py_tp_clear, slot(local_clear)},
                               {Py_tp_members, const_cast<PyMemberDef*>(kLocalMembers)},
                               {0, nullptr}};
  PyType_Spec local_spec{"_thread._local", sizeof(LocalObject), 0, kFlags | Py_TPFLAGS_BASETYPE, local_slots};
  s->lock_type = make_type(m, &lock_spec);
  s->rlock_type = make_type(m, &rlock_spec);
  s->local_type = make_type(m, &local_spec);
  if (!s->lock_type || !s->rlock_type || !s->local_type) return -1;
  if (PyModule_AddType(m, s->rlock_type) < 0 || PyModule_AddType(m, s->local_type) < 0 ||
      PyModule_AddObjectRef(m, "LockType", obj(s->lock_type)) < 0 || PyModule_AddObjectRef(m, "error", PyExc_RuntimeError) < 0) {
    return -1;
  }
  ThreadState& ts = current_thread();
  Ref<> max = new_float(ts, kTimeoutMax);
  if (!max) return -1;
  return PyModule_AddObjectRef(m, "TIMEOUT_MAX", max.get()) < 0 || PyModule_AddObjectRef(m, "_ExceptHookArgs", obj(&atoll_except_hook_args_type)) < 0 ? -1 : 0;
}

int thread_traverse(PyObject* m, visitproc visit, void* arg) {
  State* s = state_of(m);
  Py_VISIT(s->lock_type);
  Py_VISIT(s->rlock_type);
  Py_VISIT(s->local_type);
  return 0;
}
int thread_clear(PyObject* m) {
  State* s = state_of(m);
  clear_field(s->lock_type);
  clear_field(s->rlock_type);
  clear_field(s->local_type);
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit__thread, "_thread", "Threads, locks and thread-local data.", sizeof(atl::State), atl::kMethods,
                        atl::exec_thread, atl::thread_traverse, atl::thread_clear, nullptr)
