// C API: threads, locks, thread-specific storage (pythread.h) and PyGILState: entering the main interpreter from any thread.
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "Objects/errors.h"
#include "Python/runtime/runtime.h"
#include "pythread.h"

namespace atl {

namespace {

timespec after_microseconds(long long us) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += static_cast<time_t>(us / 1000000);
  t.tv_nsec += static_cast<long>(us % 1000000) * 1000;
  if (t.tv_nsec >= 1000000000) {
    t.tv_nsec -= 1000000000;
    ++t.tv_sec;
  }
  return t;
}

}  // namespace

}  // namespace atl

using namespace atl;

// ---- PyGILState --------------------------------------------------------------------------------------------------
//
// A thread that is attached stays where it is. One that is not gets back the state that it used last, of whatever interpreter,
// and otherwise a new one of the main interpreter, which goes with the last release.

// What is returned goes to PyGILState_Release.
PyGILState_STATE PyGILState_Ensure() {
  if (ThreadState* ts = current_thread_or_null()) {
    ++ts->gilstate_counter;
    return PyGILState_LOCKED;
  }
  ThreadState* ts = detached_thread_state(-1);
  if (ts == nullptr) {
    Interpreter* main = runtime().main;
    if (main == nullptr) Py_FatalError("Python is not initialized");
    ts = new_thread_state(*main);
    if (ts == nullptr) Py_FatalError("Couldn't create thread-state for new thread");
    ts->gilstate_counter = 0;
  }
  attach(ts);
  ++ts->gilstate_counter;
  return PyGILState_UNLOCKED;
}

void PyGILState_Release(PyGILState_STATE state) {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr) Py_FatalError("auto-releasing thread-state, but no thread-state for this thread");
  if (--ts->gilstate_counter == 0) {
    ts->gilstate_counter = 1;  // what runs below may ask for the state again
    clear_thread_state(*ts, ts);
    ts->gilstate_counter = 0;
    end_thread_state(ts);
  } else if (state == PyGILState_UNLOCKED) {
    detach(ts);
  }
}

PyThreadState* PyGILState_GetThisThreadState() {
  ThreadState* ts = current_thread_or_null();
  return ts != nullptr || runtime().main == nullptr ? ts : detached_thread_state(-1);
}
int PyGILState_Check() { return current_thread_or_null() != nullptr; }
PyInterpreterState* _PyGILState_GetInterpreterStateUnsafe() { return PyInterpreterState_Main(); }

// ---- locks -------------------------------------------------------------------------------------------------------

// A semaphore: any thread may release it, and after fork it is in order whoever waited for it.
PyThread_type_lock PyThread_allocate_lock() {
  auto* lock = static_cast<sem_t*>(std::malloc(sizeof(sem_t)));
  if (lock == nullptr) return nullptr;
  sem_init(lock, 0, 1);
  return lock;
}
void PyThread_free_lock(PyThread_type_lock lock) {
  sem_destroy(static_cast<sem_t*>(lock));
  std::free(lock);
}

// Waits without an end for us < 0. PY_LOCK_INTR when a signal came and intr is set. Needs no lock and no thread state.
PyLockStatus PyThread_acquire_lock_timed(PyThread_type_lock lock, long long us, int intr) {
  auto* sem = static_cast<sem_t*>(lock);
  if (us > PY_TIMEOUT_MAX) us = PY_TIMEOUT_MAX;
  timespec deadline{};
  if (us > 0) deadline = after_microseconds(us);
  for (;;) {
    int failed = us == 0 ? sem_trywait(sem) : us < 0 ? sem_wait(sem) : sem_clockwait(sem, CLOCK_MONOTONIC, &deadline);
    if (failed == 0) return PY_LOCK_ACQUIRED;
    if (errno != EINTR) return PY_LOCK_FAILURE;
    if (intr) return PY_LOCK_INTR;
  }
}
int PyThread_acquire_lock(PyThread_type_lock lock, int wait) {
  return PyThread_acquire_lock_timed(lock, wait ? -1 : 0, 0) == PY_LOCK_ACQUIRED;
}
void PyThread_release_lock(PyThread_type_lock lock) { sem_post(static_cast<sem_t*>(lock)); }
int _PyThread_at_fork_reinit(PyThread_type_lock* lock) {
  PyThread_type_lock fresh = PyThread_allocate_lock();
  if (fresh == nullptr) return -1;
  *lock = fresh;  // the old one may be in any state: it is left to itself
  return 0;
}

// ---- threads -----------------------------------------------------------------------------------------------------

void PyThread_init_thread() {}
unsigned long PyThread_get_thread_ident() { return static_cast<unsigned long>(pthread_self()); }
unsigned long PyThread_get_thread_native_id() { return static_cast<unsigned long>(gettid()); }
void PyThread_exit_thread() { pthread_exit(nullptr); }

namespace {
struct Start {
  void (*function)(void*);
  void* argument;
};
void* run_thread(void* p) {
  Start start = *static_cast<Start*>(p);
  std::free(p);
  start.function(start.argument);
  return nullptr;
}
}  // namespace

// A detached thread without a thread state; PYTHREAD_INVALID_THREAD_ID when it could not be started.
unsigned long PyThread_start_new_thread(void (*function)(void*), void* argument) {
  auto* start = static_cast<Start*>(std::malloc(sizeof(Start)));
  if (start == nullptr) return PYTHREAD_INVALID_THREAD_ID;
  *start = {function, argument};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  int failed = pthread_create(&thread, &attributes, run_thread, start);
  pthread_attr_destroy(&attributes);
  if (failed == 0) return static_cast<unsigned long>(thread);
  std::free(start);
  return PYTHREAD_INVALID_THREAD_ID;
}

// ---- thread-specific storage -------------------------------------------------------------------------------------

Py_tss_t* PyThread_tss_alloc() { return static_cast<Py_tss_t*>(std::calloc(1, sizeof(Py_tss_t))); }
void PyThread_tss_free(Py_tss_t* key) {
  if (key == nullptr) return;
  PyThread_tss_delete(key);
  std::free(key);
}
int PyThread_tss_is_created(Py_tss_t* key) { return key->_is_initialized; }
int PyThread_tss_create(Py_tss_t* key) {
  if (key->_is_initialized) return 0;
  if (pthread_key_create(&key->_key, nullptr) != 0) return -1;
  key->_is_initialized = 1;
  return 0;
}
void PyThread_tss_delete(Py_tss_t* key) {
  if (!key->_is_initialized) return;
  pthread_key_delete(key->_key);
  key->_is_initialized = 0;
}
void* PyThread_tss_get(Py_tss_t* key) { return pthread_getspecific(key->_key); }
int PyThread_tss_set(Py_tss_t* key, void* value) { return pthread_setspecific(key->_key, value) == 0 ? 0 : -1; }

// The older form: keys that are numbers.
int PyThread_create_key() {
  pthread_key_t key;
  return pthread_key_create(&key, nullptr) == 0 ? static_cast<int>(key) : -1;
}
void PyThread_delete_key(int key) { pthread_key_delete(static_cast<pthread_key_t>(key)); }
void PyThread_delete_key_value(int key) { pthread_setspecific(static_cast<pthread_key_t>(key), nullptr); }
void* PyThread_get_key_value(int key) { return pthread_getspecific(static_cast<pthread_key_t>(key)); }
int PyThread_set_key_value(int key, void* value) { return pthread_setspecific(static_cast<pthread_key_t>(key), value) == 0 ? 0 : -1; }
void PyThread_ReInitTLS() {}
