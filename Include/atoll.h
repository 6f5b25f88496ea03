/* What Atoll adds to the interface of Python 3.11: many interpreters in one process, each with its own lock. Included by
   Python.h. Doc/c-api/interpreters.md explains how the parts fit together.

   Words used below:
     attached    the calling thread has a current thread state and with it the lock of that state's interpreter;
     detached    it has none, whether or not it ever had;
     number      of an interpreter, as PyInterpreterState_GetID() gives it: never used twice in the life of the process.

   Unless a function says otherwise it may be called attached (to any interpreter) or detached, never waits for another
   interpreter's lock, and where it fails returns -1 or NULL; the exception is set when, and only when, the caller is attached.
   A call about an interpreter that is not there, is about to end, or has ended fails with _interpreters'
   InterpreterNotFoundError (a ValueError). */
#ifndef ATOLL_ATOLL_H
#define ATOLL_ATOLL_H

#include "immortal.h"
#include "initconfig.h"
#include "object.h"
#include "pystate.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API

/* ---- creating interpreters (PEP 684; names and meaning of 3.12 and 3.13) ------------------------------------------------ */

#define PyInterpreterConfig_DEFAULT_GIL (0) /* the same as SHARED */
#define PyInterpreterConfig_SHARED_GIL (1)  /* the main interpreter's lock */
#define PyInterpreterConfig_OWN_GIL (2)     /* one of its own */

typedef struct {
    int use_main_obmalloc;             /* objects' memory is each interpreter's own in any case: this must only fit the rest */
    int allow_fork;                    /* os.fork() there */
    int allow_exec;                    /* os.exec*() there */
    int allow_threads;                 /* threading there */
    int allow_daemon_threads;          /* daemon threads, too */
    int check_multi_interp_extensions; /* refuse extension modules that don't say that they support several interpreters */
    int gil;                           /* one of the three above */
} PyInterpreterConfig;

/* An isolated interpreter, */
#define _PyInterpreterConfig_INIT \
    { \
        0, /* use_main_obmalloc */ \
        0, /* allow_fork */ \
        0, /* allow_exec */ \
        1, /* allow_threads */ \
        0, /* allow_daemon_threads */ \
        1, /* check_multi_interp_extensions */ \
        PyInterpreterConfig_OWN_GIL, \
    }
/* and one as Py_NewInterpreter() makes it. */
#define _PyInterpreterConfig_LEGACY_INIT \
    { \
        1, /* use_main_obmalloc */ \
        1, /* allow_fork */ \
        1, /* allow_exec */ \
        1, /* allow_threads */ \
        1, /* allow_daemon_threads */ \
        0, /* check_multi_interp_extensions */ \
        PyInterpreterConfig_SHARED_GIL, \
    }

/* Creates an interpreter and attaches the calling thread to it; the thread state it was attached to before is detached, and is
   the caller's to come back to. *tstate is the new one, or NULL where the status is an error: then the caller is attached as
   before, without an exception. Errors: `gil` is none of the three; use_main_obmalloc with a lock of its own; neither
   use_main_obmalloc nor check_multi_interp_extensions; daemon threads without threads; no memory. Attached or detached; may
   wait for locks and runs Python code (the module site, where the main interpreter ran it). Source: PEP 684, 3.12. */
PyAPI_FUNC(PyStatus) Py_NewInterpreterFromConfig(PyThreadState **tstate, const PyInterpreterConfig *config);

/* Ends an interpreter, other than the main one, from any thread; Python's Interpreter.close(). 0, or -1: there is none of that
   number, the caller is attached to it or runs in a pending call there, something runs in its __main__, or another thread is
   inside (InterpreterError). Waits for its threads, its guards and its lock; the caller's own lock is free meanwhile. */
PyAPI_FUNC(int) PyInterpreter_Close(int64_t id);

/* ---- guards and views (after PEP 788) ------------------------------------------------------------------------------------ */

/* A view knows an interpreter without keeping it. A guard keeps it from ending: Py_FinalizeEx(), Py_EndInterpreter() and
   PyInterpreter_Close() wait, detached, until the last guard is closed. Who holds a guard must be able to close it without that
   wait's end. Both belong to whoever got them, not to a thread. Source: PEP 788; _FromID and _Copy are Atoll's. */
typedef struct _PyInterpreterGuard PyInterpreterGuard;
typedef struct _PyInterpreterView PyInterpreterView;

/* A new guard or view; NULL on failure. _FromCurrent must be called attached, and PyInterpreterGuard_FromCurrent() fails with
   RuntimeError (PythonFinalizationError of later versions) when the end has begun. */
PyAPI_FUNC(PyInterpreterGuard *) PyInterpreterGuard_FromCurrent(void);
PyAPI_FUNC(PyInterpreterGuard *) PyInterpreterGuard_FromView(PyInterpreterView *view);
PyAPI_FUNC(PyInterpreterGuard *) PyInterpreterGuard_FromID(int64_t id);
PyAPI_FUNC(PyInterpreterGuard *) PyInterpreterGuard_Copy(PyInterpreterGuard *guard);
/* Borrowed: good as long as the guard. Never fails. */
PyAPI_FUNC(PyInterpreterState *) PyInterpreterGuard_GetInterpreter(PyInterpreterGuard *guard);
/* Ends it; the pointer is of no more use. Never fails, and runs nothing. */
PyAPI_FUNC(void) PyInterpreterGuard_Close(PyInterpreterGuard *guard);

PyAPI_FUNC(PyInterpreterView *) PyInterpreterView_FromCurrent(void);
PyAPI_FUNC(PyInterpreterView *) PyInterpreterView_FromMain(void);
PyAPI_FUNC(PyInterpreterView *) PyInterpreterView_FromID(int64_t id);
PyAPI_FUNC(PyInterpreterView *) PyInterpreterView_Copy(PyInterpreterView *view);
PyAPI_FUNC(int64_t) PyInterpreterView_GetID(PyInterpreterView *view);
PyAPI_FUNC(void) PyInterpreterView_Close(PyInterpreterView *view);

/* Attaches the calling thread, whatever it is attached to, to the guard's interpreter, and remembers the way back in a token.
   When it is attached there already, that is only counted. A thread that has a detached state of that interpreter gets it back,
   any other a new one, which goes with the last release. NULL: no memory. May wait for the lock; the guard may be closed before
   the release. PyThreadState_EnsureFromView() takes a guard of its own until the release; NULL also when the interpreter is
   gone. Tokens are released in the reverse order, by the thread that got them, while it is attached as Ensure left it. */
typedef struct _PyThreadStateToken PyThreadStateToken;
PyAPI_FUNC(PyThreadStateToken *) PyThreadState_Ensure(PyInterpreterGuard *guard);
PyAPI_FUNC(PyThreadStateToken *) PyThreadState_EnsureFromView(PyInterpreterView *view);
PyAPI_FUNC(void) PyThreadState_Release(PyThreadStateToken *token);

/* ---- entering another interpreter ---------------------------------------------------------------------------------------- */

/* Where a visit comes from. On the caller's stack; nothing in it is the caller's business. */
typedef struct {
    void *_reserved[4];
} PyInterpreterScope;

/* Leaves the interpreter that the thread is attached to, if any, giving up its lock, and enters another one: the calls posted
   to that one are made, and the thread is attached there until PyInterpreterScope_Leave(), which comes back. Never holds two
   locks. The interpreter can't be closed meanwhile (the closer gets "in use"). 0, or -1 and attached as before: no such
   interpreter, no memory. Scopes nest. May wait for the lock. An exception set inside is reported as unraisable by Leave. */
PyAPI_FUNC(int) PyInterpreterScope_Enter(PyInterpreterScope *scope, int64_t id);
PyAPI_FUNC(void) PyInterpreterScope_Leave(PyInterpreterScope *scope);

/* ---- pending calls -------------------------------------------------------------------------------------------------------- */

/* Calls func(arg) in an interpreter: at the next poll of whichever thread runs there, or soon after if none does (Doc/c-api/
   interpreters.md says when and in which thread). func returns 0, or -1 with an exception, which is reported as unraisable; it
   is called attached to that interpreter, may run anything, may post again, and may not end its own interpreter. Calls of one
   poster are made in the order of posting, one after the other, each exactly once. The queue is never full.
   0: it will be called. -1: it will not: the interpreter has begun the last part of its end (InterpreterNotFoundError), or there is
   no memory. `interp` is kept by the caller (attached to it, or holding a guard); an ended one is told from a live one as long as
   no other interpreter has taken its place in memory: the functions with a view have no such limit. Never waits, also not for a
   lock; may be called from a deallocation. */
PyAPI_FUNC(int) PyInterpreterState_AddPendingCall(PyInterpreterState *interp, int (*func)(void *), void *arg);
/* `pinned`: bytes of memory that are kept until the call has been made; much of it makes an idle interpreter wake sooner. */
PyAPI_FUNC(int) PyInterpreterState_AddPendingCallEx(PyInterpreterState *interp, int (*func)(void *), void *arg, size_t pinned);
PyAPI_FUNC(int) PyInterpreterView_AddPendingCall(PyInterpreterView *view, int (*func)(void *), void *arg);

/* A call that lies in the object which it is for: needs no memory, and waits at most once. */
typedef struct {
    int (*func)(void *);
    void *arg;
    void *_reserved[2];
} PyPendingCall;
#define PyPendingCall_INIT(func, arg) {(func), (arg), {0, 0}}

/* As above. 0: queued. 1: it waits already, and nothing was changed. -1: it will not be called. From the moment that func is
   called the node is the caller's again: it may be posted anew, changed or freed, by func itself, too. */
PyAPI_FUNC(int) PyInterpreterState_PostPendingCall(PyInterpreterState *interp, PyPendingCall *call);
PyAPI_FUNC(int) PyInterpreterView_PostPendingCall(PyInterpreterView *view, PyPendingCall *call);

/* ---- figures, limits, interrupts ------------------------------------------------------------------------------------------ */

typedef struct {
    size_t size;              /* sizeof(PyInterpreterFigures), filled in by the caller */
    int64_t id;
    uint64_t memory_bytes;    /* in objects and other blocks of its heap, */
    uint64_t memory_blocks;   /* how many those are, */
    uint64_t memory_reserved; /* and what the heap has taken from the system for them */
    uint64_t memory_limit;    /* on the line above; 0: none */
    uint64_t lock_held_ns;    /* time that its threads held its lock */
    uint64_t lock_taken;
    uint64_t lock_waits;      /* times that one had to wait for it, */
    uint64_t lock_wait_ns;    /* and how long */
    uint64_t pending_posted;
    uint64_t pending_run;
    uint64_t pending_waiting;
    uint64_t collections[3];  /* of the cycle collector, by generation */
    uint64_t collected;
    uint64_t cpu_ns;          /* processor time since the limit on it was set; 0 without one */
    uint64_t cpu_limit_ns;    /* 0: none */
    uint64_t threads;         /* thread states */
    int running;              /* a thread is attached to it now */
} PyInterpreterFigures;

/* Reads them without stopping the interpreter. 0, or -1: no such interpreter. Exact while its lock is free. */
PyAPI_FUNC(int) PyInterpreter_GetFigures(int64_t id, PyInterpreterFigures *figures);
/* Allocations beyond so many bytes (of memory_reserved, which moves in steps of 64 KiB) raise MemoryError in that interpreter, and
   nowhere else. 0: no limit. */
PyAPI_FUNC(int) PyInterpreter_SetMemoryLimit(int64_t id, size_t bytes);
/* Raises TimeoutError in the interpreter once its threads have used so many nanoseconds of processor time from now on, and again
   after each further tenth (10 ms at least). 0: no limit. -1 also (RuntimeError) when the helper thread can't be started. */
PyAPI_FUNC(int) PyInterpreter_SetProcessorTimeLimit(int64_t id, int64_t nanoseconds);
/* Raises KeyboardInterrupt in one thread that runs in the interpreter, or waits there for a lock, a channel or a sleep's end. 1: asked
   for; 0: nobody is inside, nothing was done; -1: no such interpreter. */
PyAPI_FUNC(int) PyInterpreter_Interrupt(int64_t id);

#endif /* Py_LIMITED_API */

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_ATOLL_H */
