// Generators, coroutines and asynchronous generators inside the core.
#pragma once

#include "Objects/frame.h"
#include "Objects/object.h"

extern "C" PyTypeObject _PyCoroWrapper_Type;

namespace atl {

// Resumes with a value (NULL: None), or with the exception that is set. 1: yielded *out; 0: finished with *out;
// -1: an exception is set.
int gen_send_value(ThreadState& ts, GenObject* g, PyObject* value, bool raising, bool closing, PyObject** out);
Ref<> gen_close(ThreadState& ts, GenObject* g);
Ref<> gen_throw_exception(ThreadState& ts, GenObject* g, bool close_on_exit, PyObject* type, PyObject* value, PyObject* tb);
void set_stop_iteration_value(ThreadState& ts, PyObject* value);
bool take_stop_iteration_value(ThreadState& ts, Ref<>* value);

// Shared by the three types.
int gen_common_traverse(PyObject* o, visitproc visit, void* arg);
void gen_common_dealloc(ThreadState& ts, PyObject* o);
void gen_common_finalize(ThreadState& ts, PyObject* o);
Ref<> gen_common_repr(ThreadState& ts, PyObject* o);
PyObject* gen_common_frame(PyObject* o, void*);

// Asynchronous generators (async_generator.cc).
Ref<> async_gen_wrap_value(ThreadState& ts, PyObject* value);
// Python/vm: the frame of a running generator; NULL when it does not run.
Slot* gen_running_base(ThreadState& ts, GenObject* g);
Ref<PyFrameObject> upcall_gen_frame_object(ThreadState& ts, GenObject* g, Slot* base);
// Modules/_warnings: "coroutine 'x' was never awaited".
void warn_unawaited(ThreadState& ts, PyObject* coroutine);
// The iterator that `await o` runs: a coroutine itself, the result of __await__, …
Ref<> coro_get_awaitable_iter(ThreadState& ts, PyObject* o);

}  // namespace atl

extern "C" PyTypeObject _PyAsyncGenAThrow_Type;
extern "C" PyTypeObject _PyAnextAwaitable_Type;
extern "C" PyObject* PyAnextAwaitable_New(PyObject* awaitable, PyObject* default_value);
