// C API: what atoll.h says of guards, views, scopes, pending calls, figures and limits of interpreters.
#include <cstring>
#include <new>

#include "Objects/errors.h"
#include "Python.h"
#include "Python/runtime/guard.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/execute.h"

struct _PyInterpreterGuard {
  atl::Interpreter* interp;
};
struct _PyInterpreterView {
  int64_t id;
};
struct _PyThreadStateToken {
  atl::ThreadState* from;       // attached before, or NULL
  atl::ThreadState* inside;     // what Ensure attached
  atl::Interpreter* guarded;    // EnsureFromView: until the release
  bool counted;                 // it was attached there already
  bool made;
};

using namespace atl;

namespace {

// -1, with the exception where there is somebody to have it.
int fail_not_found(int64_t id) {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr || failed(sharing_classes(*ts))) return -1;
  (void)raise(*ts, ts->interpreter().sharing.interpreter_not_found, "unrecognized interpreter ID %lld", static_cast<long long>(id));
  return -1;
}
int fail_ended() {
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr || failed(sharing_classes(*ts))) return -1;
  (void)raise(*ts, ts->interpreter().sharing.interpreter_not_found, "the interpreter is ending or has ended");
  return -1;
}
void* fail_no_memory() {
  if (ThreadState* ts = current_thread_or_null()) return raise_no_memory(*ts);
  return nullptr;
}
int fail_runtime(const char* text) {
  if (ThreadState* ts = current_thread_or_null()) (void)raise(*ts, PyExc_RuntimeError, "%s", text);
  return -1;
}

template <class T>
T* make(T value) {
  auto* p = static_cast<T*>(std::malloc(sizeof(T)));
  return p != nullptr ? new (p) T(value) : static_cast<T*>(fail_no_memory());
}

// Takes a guard of the interpreter over.
PyInterpreterGuard* new_guard(Interpreter* interp) {
  PyInterpreterGuard* guard = make(PyInterpreterGuard{interp});
  if (guard == nullptr) interpreter_unguard(interp);
  return guard;
}

int posted(PostAnswer answer) {
  switch (answer) {
    case PostAnswer::kQueued: return 0;
    case PostAnswer::kAlreadyQueued: return 1;
    case PostAnswer::kNoMemory: return fail_no_memory(), -1;
    case PostAnswer::kEnded: break;
  }
  return fail_ended();
}

int told(FiguresAnswer answer, int64_t id) {
  switch (answer) {
    case FiguresAnswer::kOk: return 0;
    case FiguresAnswer::kNoInterpreter: return fail_not_found(id);
    case FiguresAnswer::kNoThread: return fail_runtime("can't start the thread that watches the clock");
    case FiguresAnswer::kNotRunning: break;
  }
  return 0;
}

static_assert(sizeof(PyPendingCall) == sizeof(PendingNode) && offsetof(PyPendingCall, func) == offsetof(PendingNode, func) &&
              offsetof(PyPendingCall, arg) == offsetof(PendingNode, arg));
static_assert(sizeof(PyInterpreterScope) >= sizeof(ScopeRecord) && alignof(PyInterpreterScope) >= alignof(ScopeRecord));

}  // namespace

// ---- guards and views --------------------------------------------------------------------------------------------

PyInterpreterGuard* PyInterpreterGuard_FromCurrent() {
  Interpreter& interp = current_thread().interpreter();
  if (interpreter_guard_again(&interp)) return new_guard(&interp);
  fail_runtime("can't guard an interpreter that is ending");
  return nullptr;
}
PyInterpreterGuard* PyInterpreterGuard_FromID(int64_t id) {
  Interpreter* interp = interpreter_guard(id);
  if (interp != nullptr) return new_guard(interp);
  fail_not_found(id);
  return nullptr;
}
PyInterpreterGuard* PyInterpreterGuard_FromView(PyInterpreterView* view) { return PyInterpreterGuard_FromID(view->id); }
PyInterpreterGuard* PyInterpreterGuard_Copy(PyInterpreterGuard* guard) {
  // The one that there is holds off what could make this fail.
  if (interpreter_guard_again(guard->interp)) return new_guard(guard->interp);
  fail_ended();
  return nullptr;
}
PyInterpreterState* PyInterpreterGuard_GetInterpreter(PyInterpreterGuard* guard) { return guard->interp->as_c(); }
void PyInterpreterGuard_Close(PyInterpreterGuard* guard) {
  interpreter_unguard(guard->interp);
  std::free(guard);
}

PyInterpreterView* PyInterpreterView_FromCurrent() { return make(PyInterpreterView{current_thread().interpreter().id}); }
PyInterpreterView* PyInterpreterView_FromMain() {
  Interpreter* main = runtime().main;
  if (main != nullptr) return make(PyInterpreterView{main->id});
  fail_not_found(0);
  return nullptr;
}
PyInterpreterView* PyInterpreterView_FromID(int64_t id) {
  Interpreter* interp = interpreter_guard(id);
  if (interp == nullptr) {
    fail_not_found(id);
    return nullptr;
  }
  interpreter_unguard(interp);
  return make(PyInterpreterView{id});
}
PyInterpreterView* PyInterpreterView_Copy(PyInterpreterView* view) { return make(PyInterpreterView{view->id}); }
int64_t PyInterpreterView_GetID(PyInterpreterView* view) { return view->id; }
void PyInterpreterView_Close(PyInterpreterView* view) { std::free(view); }

// ---- attaching through them --------------------------------------------------------------------------------------

PyThreadStateToken* PyThreadState_Ensure(PyInterpreterGuard* guard) {
  ThreadState* from = current_thread_or_null();
  Interpreter* interp = guard->interp;
  PyThreadStateToken* token = make(PyThreadStateToken{from, from, nullptr, true, false});
  if (token == nullptr || (from != nullptr && &from->interpreter() == interp)) return token;
  token->counted = false;
  // Another state of this thread there is below this one on the stack: it is not attached, so it may be used.
  token->inside = from == nullptr ? detached_thread_state(interp->id) : nullptr;
  if (token->inside == nullptr) {
    token->inside = new_thread_state(*interp);
    token->made = true;
    if (token->inside == nullptr) {
      std::free(token);
      return static_cast<PyThreadStateToken*>(fail_no_memory());
    }
    token->inside->gilstate_counter = 1;
  }
  if (from != nullptr) detach(from);
  attach(token->inside);
  return token;
}

PyThreadStateToken* PyThreadState_EnsureFromView(PyInterpreterView* view) {
  PyInterpreterGuard guard{interpreter_guard(view->id)};
  if (guard.interp == nullptr) {
    fail_not_found(view->id);
    return nullptr;
  }
  PyThreadStateToken* token = PyThreadState_Ensure(&guard);
  if (token == nullptr) {
    interpreter_unguard(guard.interp);
  } else {
    token->guarded = guard.interp;
  }
  return token;
}

void PyThreadState_Release(PyThreadStateToken* token) {
  PyThreadStateToken t = *token;
  if (current_thread_or_null() != t.inside) Py_FatalError("the thread is not attached as PyThreadState_Ensure() left it");
  std::free(token);
  if (!t.counted) {
    if (t.made) {
      clear_thread_state(*t.inside, t.inside);
      end_thread_state(t.inside);
    } else {
      detach(t.inside);
    }
    if (t.from != nullptr) attach(t.from);
  }
  if (t.guarded != nullptr) interpreter_unguard(t.guarded);
}

// ---- scopes ------------------------------------------------------------------------------------------------------

int PyInterpreterScope_Enter(PyInterpreterScope* scope, int64_t id) {
  Interpreter* interp = interpreter_pin(id);
  if (interp == nullptr) return fail_not_found(id);
  auto* record = new (scope) ScopeRecord{current_thread_or_null()};
  if (scope_enter(record, interp)) return 0;
  interpreter_unpin(interp);
  fail_no_memory();
  return -1;
}

void PyInterpreterScope_Leave(PyInterpreterScope* scope) {
  auto* record = reinterpret_cast<ScopeRecord*>(scope);
  ThreadState& inside = *record->inside;
  if (current_thread_or_null() != &inside) Py_FatalError("the thread is not attached as PyInterpreterScope_Enter() left it");
  if (error_set(inside)) write_unraisable(inside, nullptr, "when an interpreter's scope is left");
  Interpreter* interp = &inside.interpreter();
  scope_leave(record);
  interpreter_unpin(interp);
}

int PyInterpreter_Close(int64_t id) {
  if (ThreadState* ts = current_thread_or_null()) return failed(interpreters_destroy(*ts, id)) ? -1 : 0;
  Interpreter* interp = interpreter_pin(id);
  if (interp == nullptr) return -1;
  if (interp->is_main || interpreter_begin_close(interp) != CloseAnswer::kOk) {
    interpreter_unpin(interp);
    return -1;
  }
  interpreter_enter_and_end(nullptr, interp);
  return 0;
}

// ---- pending calls -----------------------------------------------------------------------------------------------

int Py_AddPendingCall(int (*func)(void*), void* arg) { return pending_post_main(func, arg) ? 0 : -1; }

int PyInterpreterState_AddPendingCall(PyInterpreterState* interp, int (*func)(void*), void* arg) {
  return posted(pending_post_call(&as_interp(interp), func, arg));
}
int PyInterpreterState_AddPendingCallEx(PyInterpreterState* interp, int (*func)(void*), void* arg, size_t pinned) {
  return posted(pending_post_call(&as_interp(interp), func, arg, pinned));
}
int PyInterpreterView_AddPendingCall(PyInterpreterView* view, int (*func)(void*), void* arg) {
  Interpreter* interp = interpreter_guard(view->id);
  if (interp == nullptr) return fail_not_found(view->id);
  PostAnswer answer = pending_post_call(interp, func, arg);
  interpreter_unguard(interp);
  return posted(answer);
}
int PyInterpreterState_PostPendingCall(PyInterpreterState* interp, PyPendingCall* call) {
  return posted(pending_post(&as_interp(interp), reinterpret_cast<PendingNode*>(call)));
}
int PyInterpreterView_PostPendingCall(PyInterpreterView* view, PyPendingCall* call) {
  Interpreter* interp = interpreter_guard(view->id);
  if (interp == nullptr) return fail_not_found(view->id);
  PostAnswer answer = pending_post(interp, reinterpret_cast<PendingNode*>(call));
  interpreter_unguard(interp);
  return posted(answer);
}

// ---- figures, limits, interrupts ---------------------------------------------------------------------------------

int PyInterpreter_GetFigures(int64_t id, PyInterpreterFigures* out) {
  InterpreterFigures f;
  if (FiguresAnswer answer = interpreter_figures(id, &f); answer != FiguresAnswer::kOk) return told(answer, id);
  PyInterpreterFigures all{};
  all.size = out->size;
  all.id = f.id;
  all.memory_bytes = f.memory_bytes;
  all.memory_blocks = f.memory_blocks;
  all.memory_reserved = f.memory_reserved;
  all.memory_limit = f.memory_limit;
  all.lock_held_ns = f.lock_held_ns;
  all.lock_taken = f.lock_taken;
  all.lock_waits = f.lock_waits;
  all.lock_wait_ns = f.lock_wait_ns;
  all.pending_posted = f.pending_posted;
  all.pending_run = f.pending_run;
  all.pending_waiting = f.pending_waiting;
  for (int i = 0; i < 3; ++i) all.collections[i] = f.collections[i];
  all.collected = f.collected;
  all.cpu_ns = f.cpu_ns;
  all.cpu_limit_ns = f.cpu_limit_ns;
  all.threads = f.threads;
  all.running = f.running;
  // A host built with an older header knows fewer of them.
  std::memcpy(static_cast<void*>(out), &all, out->size < sizeof all ? out->size : sizeof all);
  return 0;
}
int PyInterpreter_SetMemoryLimit(int64_t id, size_t bytes) { return told(interpreter_set_memory_limit(id, bytes), id); }
int PyInterpreter_SetProcessorTimeLimit(int64_t id, int64_t ns) { return told(interpreter_set_cpu_limit(id, ns), id); }
int PyInterpreter_Interrupt(int64_t id) {
  FiguresAnswer answer = interpreter_interrupt(id);
  return answer == FiguresAnswer::kOk ? 1 : told(answer, id);
}
