// Asynchronous generators and the awaitables that drive them (PEP 525).
#include "Objects/generator.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/upcalls.h"
#include "structmember.h"

namespace atl {

namespace {

// A value that the generator yields to its user, as opposed to one that passes through to the event loop.
struct WrappedValue {
  PyObject ob_base;
  PyObject* value;
};

enum class AwaitState : int { kNew, kRunning, kClosed };

struct AsyncGenAwaitable {  // asend() and athrow()/aclose()
  PyObject ob_base;
  GenObject* gen;
  PyObject* args;  // asend: the value or NULL; athrow: (type, value, tb); aclose: NULL
  AwaitState state;
};

GenObject* gen_of(AsyncGenAwaitable* a) { return a->gen; }

Status init_hooks(ThreadState& ts, GenObject* g) {
  if (g->gi_hooks_inited) return Status::kOk;
  g->gi_hooks_inited = 1;
  if (ts.async_gen_finalizer != nullptr) g->gi_origin_or_finalizer = new_ref(ts.async_gen_finalizer);
  if (ts.async_gen_firstiter != nullptr) {
    Ref<> hook = dup(ts.async_gen_firstiter);
    if (!call(ts, hook.get(), obj(g))) return Status::kError;
  }
  return Status::kOk;
}

Ref<> awaitable_new(ThreadState& ts, PyTypeObject* type, GenObject* g, PyObject* args) {
  auto a = new_object<AsyncGenAwaitable>(ts, type);
  if (!a) return {};
  a->gen = new_ref(g);
  a->args = args;
  xincref(args);
  a->state = AwaitState::kNew;
  track(ts, a.get());
  return a;
}

void awaitable_dealloc(ThreadState& ts, PyObject* o) {
  auto* a = reinterpret_cast<AsyncGenAwaitable*>(o);
  untrack(o);
  xdecref(obj(std::exchange(a->gen, nullptr)));
  xdecref(std::exchange(a->args, nullptr));
  free_object(ts, o);
}
int awaitable_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* a = reinterpret_cast<AsyncGenAwaitable*>(o);
  Py_VISIT(a->gen);
  Py_VISIT(a->args);
  return 0;
}

// What the generator's resumption gave, as the awaitable's own step: a wrapped value ends it with StopIteration.
Ref<> unwrap(ThreadState& ts, GenObject* g, Ref<> result) {
  if (!result) {
    if (!error_set(ts)) (void)raise_none(ts, PyExc_StopAsyncIteration);
    if (error_matches(ts, PyExc_StopAsyncIteration) || error_matches(ts, PyExc_GeneratorExit)) g->gi_closed = 1;
    g->gi_running_async = 0;
    return {};
  }
  if (is_exact(result.get(), &_PyAsyncGenWrappedValue_Type)) {
    g->gi_running_async = 0;
    return raise_stop_iteration(ts, reinterpret_cast<WrappedValue*>(result.get())->value);
  }
  return result;
}

Ref<> resume(ThreadState& ts, GenObject* g, PyObject* value) {
  PyObject* out;
  int state = gen_send_value(ts, g, value, false, false, &out);
  if (state == 1) return Ref<>::steal(out);
  if (state == 0) {
    decref(out);
    (void)raise_none(ts, PyExc_StopAsyncIteration);
  }
  return {};
}

// ---- asend -------------------------------------------------------------------------------------------------------

Ref<> asend_send(ThreadState& ts, AsyncGenAwaitable* a, PyObject* value) {
  GenObject* g = gen_of(a);
  if (a->state == AwaitState::kClosed) return raise(ts, PyExc_RuntimeError, "cannot reuse already awaited __anext__()/asend()");
  if (a->state == AwaitState::kNew) {
    if (g->gi_running_async) {
      return raise(ts, PyExc_RuntimeError, "anext(): asynchronous generator is already running");
    }
    if (value == nullptr || value == Py_None) value = a->args != nullptr ? a->args : Py_None;
    a->state = AwaitState::kRunning;
  }
  g->gi_running_async = 1;
  Ref<> result = unwrap(ts, g, resume(ts, g, value != nullptr ? value : Py_None));
  if (!result) a->state = AwaitState::kClosed;
  return result;
}
Ref<> asend_iternext(ThreadState& ts, PyObject* o) { return asend_send(ts, reinterpret_cast<AsyncGenAwaitable*>(o), nullptr); }

PyObject* asend_throw(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  auto* a = reinterpret_cast<AsyncGenAwaitable*>(self);
  if (a->state == AwaitState::kClosed) return raise(ts, PyExc_RuntimeError, "cannot reuse already awaited __anext__()/asend()");
  if (n < 1 || n > 3) return raise(ts, PyExc_TypeError, n < 1 ? "throw expected at least 1 argument, got %zd" : "throw expected at most 3 arguments, got %zd", n);
  Ref<> result = unwrap(ts, a->gen, gen_throw_exception(ts, a->gen, false, args[0], n > 1 ? args[1] : nullptr, n > 2 ? args[2] : nullptr));
  if (!result) a->state = AwaitState::kClosed;
  return result.release();
}
Ref<> asend_close(ThreadState&, AsyncGenAwaitable* a) {
  a->state = AwaitState::kClosed;
  return new_none();
}

constexpr MethodSpec kAsendMethods[] = {
    ATOLL_METHOD(asend_send, "send", "($self, value, /)", "Resume the generator with a value."),
    ATOLL_METHOD_RAW(asend_throw, "throw", METH_FASTCALL, "throw(value)\nthrow(type[,value[,tb]])\n\nRaise an exception in the generator."),
    ATOLL_METHOD(asend_close, "close", "($self, /)", "End this step."), ATOLL_METHOD_END};
constexpr PyAsyncMethods kAsendAsync{.am_await = PyObject_SelfIter};

// ---- athrow and aclose -------------------------------------------------------------------------------------------

Raised ignored_exit(ThreadState& ts, AsyncGenAwaitable* a) {
  a->gen->gi_running_async = 0;
  a->state = AwaitState::kClosed;
  return raise(ts, PyExc_RuntimeError, "async generator ignored GeneratorExit");
}

// How an athrow()/aclose() step ends when the generator raised.
Ref<> athrow_ended(ThreadState& ts, AsyncGenAwaitable* a) {
  a->gen->gi_running_async = 0;
  a->state = AwaitState::kClosed;
  if (a->args == nullptr && (error_matches(ts, PyExc_StopAsyncIteration) || error_matches(ts, PyExc_GeneratorExit))) {
    // aclose() is done: that is success.
    error_clear(ts);
    (void)raise_none(ts, PyExc_StopIteration);
  }
  return {};
}

Ref<> athrow_send(ThreadState& ts, AsyncGenAwaitable* a, PyObject* value) {
  GenObject* g = gen_of(a);
  if (a->state == AwaitState::kClosed) return raise(ts, PyExc_RuntimeError, "cannot reuse already awaited aclose()/athrow()");
  if (g->gi_frame_state == kGenFinished) {
    a->state = AwaitState::kClosed;
    (void)raise_none(ts, PyExc_StopIteration);
    return {};
  }
  Ref<> result;
  if (a->state == AwaitState::kNew) {
    if (g->gi_running_async) {
      a->state = AwaitState::kClosed;
      return raise(ts, PyExc_RuntimeError,
                   a->args == nullptr ? "aclose(): asynchronous generator is already running"
                                      : "athrow(): asynchronous generator is already running");
    }
    if (g->gi_closed) {
      a->state = AwaitState::kClosed;
      (void)raise_none(ts, PyExc_StopAsyncIteration);
      return {};
    }
    if (value != nullptr && value != Py_None) {
      return raise(ts, PyExc_RuntimeError, "can't send non-None value to a just-started coroutine");
    }
    a->state = AwaitState::kRunning;
    g->gi_running_async = 1;
    if (a->args == nullptr) {
      g->gi_closed = 1;
      result = gen_throw_exception(ts, g, false, PyExc_GeneratorExit, nullptr, nullptr);
      if (result && is_exact(result.get(), &_PyAsyncGenWrappedValue_Type)) return ignored_exit(ts, a);
    } else {
      Py_ssize_t n = tuple_size(a->args);
      result = gen_throw_exception(ts, g, false, tuple_peek(a->args, 0), n > 1 ? tuple_peek(a->args, 1) : nullptr,
                                   n > 2 ? tuple_peek(a->args, 2) : nullptr);
      result = unwrap(ts, g, std::move(result));
    }
    if (!result) return athrow_ended(ts, a);
    return result;
  }
  result = resume(ts, g, value != nullptr ? value : Py_None);
  if (a->args != nullptr) {
    result = unwrap(ts, g, std::move(result));
    if (!result) {
      g->gi_running_async = 0;
      a->state = AwaitState::kClosed;
    }
    return result;
  }
  if (!result) return athrow_ended(ts, a);
  if (is_exact(result.get(), &_PyAsyncGenWrappedValue_Type)) return ignored_exit(ts, a);
  return result;
}
Ref<> athrow_iternext(ThreadState& ts, PyObject* o) { return athrow_send(ts, reinterpret_cast<AsyncGenAwaitable*>(o), nullptr); }

PyObject* athrow_throw(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  auto* a = reinterpret_cast<AsyncGenAwaitable*>(self);
  if (a->state == AwaitState::kClosed) return raise(ts, PyExc_RuntimeError, "cannot reuse already awaited aclose()/athrow()");
  if (n < 1 || n > 3) return raise(ts, PyExc_TypeError, n < 1 ? "throw expected at least 1 argument, got %zd" : "throw expected at most 3 arguments, got %zd", n);
  Ref<> result = gen_throw_exception(ts, a->gen, false, args[0], n > 1 ? args[1] : nullptr, n > 2 ? args[2] : nullptr);
  if (a->args != nullptr) {
    result = unwrap(ts, a->gen, std::move(result));
    if (!result) a->state = AwaitState::kClosed;
    return result.release();
  }
  if (result && is_exact(result.get(), &_PyAsyncGenWrappedValue_Type)) return ignored_exit(ts, a);
  if (!result) return athrow_ended(ts, a).release();
  return result.release();
}
Ref<> athrow_close(ThreadState&, AsyncGenAwaitable* a) {
  a->state = AwaitState::kClosed;
  return new_none();
}
constexpr MethodSpec kAthrowMethods[] = {
    ATOLL_METHOD(athrow_send, "send", "($self, value, /)", "Resume the generator with a value."),
    ATOLL_METHOD_RAW(athrow_throw, "throw", METH_FASTCALL, "throw(value)\nthrow(type[,value[,tb]])\n\nRaise an exception in the generator."),
    ATOLL_METHOD(athrow_close, "close", "($self, /)", "End this step."), ATOLL_METHOD_END};

// ---- the generator -----------------------------------------------------------------------------------------------

Ref<> ag_asend(ThreadState& ts, GenObject* g, PyObject* value) {
  if (failed(init_hooks(ts, g))) return {};
  return awaitable_new(ts, &_PyAsyncGenASend_Type, g, value);
}
Ref<> ag_anext(ThreadState& ts, PyObject* o) {
  if (failed(init_hooks(ts, as_gen(o)))) return {};
  return awaitable_new(ts, &_PyAsyncGenASend_Type, as_gen(o), nullptr);
}
Ref<> ag_aclose(ThreadState& ts, GenObject* g) {
  if (failed(init_hooks(ts, g))) return {};
  return awaitable_new(ts, &_PyAsyncGenAThrow_Type, g, nullptr);
}
PyObject* ag_athrow(PyObject* self, PyObject* args) {
  ThreadState& ts = current_thread();
  if (failed(init_hooks(ts, as_gen(self)))) return nullptr;
  Py_ssize_t n = tuple_size(args);
  if (n < 1 || n > 3) return raise(ts, PyExc_TypeError, n < 1 ? "athrow expected at least 1 argument, got %zd" : "athrow expected at most 3 arguments, got %zd", n);
  return awaitable_new(ts, &_PyAsyncGenAThrow_Type, as_gen(self), args).release();
}

int ag_traverse(PyObject* o, visitproc visit, void* arg) { return gen_common_traverse(o, visit, arg); }

Ref<> ag_get_name(ThreadState&, GenObject* g) { return dup(g->gi_name); }
Status ag_set_name(ThreadState& ts, GenObject* g, PyObject* v) {
  if (v == nullptr || !is_str(v)) return raise(ts, PyExc_TypeError, "__name__ must be set to a string object");
  set_field(g->gi_name, dup(v));
  return Status::kOk;
}
Ref<> ag_get_qualname(ThreadState&, GenObject* g) { return dup(g->gi_qualname); }
Status ag_set_qualname(ThreadState& ts, GenObject* g, PyObject* v) {
  if (v == nullptr || !is_str(v)) return raise(ts, PyExc_TypeError, "__qualname__ must be set to a string object");
  set_field(g->gi_qualname, dup(v));
  return Status::kOk;
}
Ref<> ag_get_await(ThreadState&, GenObject* g) {
  PyObject* y = gen_peek_yield_from(g);
  return dup(y != nullptr ? y : Py_None);
}
Ref<> ag_get_suspended(ThreadState&, GenObject* g) { return new_bool(g->gi_frame_state == kGenSuspended); }

constexpr MethodSpec kAgMethods[] = {
    ATOLL_METHOD(ag_asend, "asend", "($self, value, /)", "An awaitable that sends a value in."),
    ATOLL_METHOD_RAW(ag_athrow, "athrow", METH_VARARGS, "athrow(value)\nathrow(type[,value[,tb]])\n\nAn awaitable that raises an exception inside."),
    ATOLL_METHOD(ag_aclose, "aclose", "($self, /)", "An awaitable that raises GeneratorExit inside."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kAgGetSet[] = {
    {"__name__", ATOLL_GETTER(ag_get_name), ATOLL_SETTER(ag_set_name), "name of the async generator", nullptr},
    {"__qualname__", ATOLL_GETTER(ag_get_qualname), ATOLL_SETTER(ag_set_qualname), "qualified name of the async generator", nullptr},
    {"ag_await", ATOLL_GETTER(ag_get_await), nullptr, "object being awaited on, or None", nullptr},
    {"ag_frame", gen_common_frame, nullptr, nullptr, nullptr},
    {"ag_suspended", ATOLL_GETTER(ag_get_suspended), nullptr, nullptr, nullptr},
    ATOLL_GETSET_END};
constexpr PyMemberDef kAgMembers[] = {{"ag_running", T_BOOL, offsetof(GenObject, gi_running_async), READONLY, nullptr},
                                      {"ag_code", T_OBJECT, offsetof(GenObject, gi_code), READONLY, nullptr},
                                      {nullptr, 0, 0, 0, nullptr}};
constexpr PyAsyncMethods kAgAsync{.am_aiter = PyObject_SelfIter, .am_anext = ATOLL_SLOT(ag_anext)};

// ---- wrapped values ----------------------------------------------------------------------------------------------

void wrapped_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  xdecref(std::exchange(reinterpret_cast<WrappedValue*>(o)->value, nullptr));
  free_object(ts, o);
}
int wrapped_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<WrappedValue*>(o)->value);
  return 0;
}

}  // namespace

Ref<> async_gen_wrap_value(ThreadState& ts, PyObject* value) {
  auto w = new_object<WrappedValue>(ts, &_PyAsyncGenWrappedValue_Type);
  if (!w) return {};
  w->value = new_ref(value);
  track(ts, w.get());
  return w;
}

// ---- anext(it, default) ------------------------------------------------------------------------------------------

namespace {

struct AnextAwaitable {
  PyObject ob_base;
  PyObject* wrapped;
  PyObject* default_value;
};
AnextAwaitable* as_anext(PyObject* o) { return reinterpret_cast<AnextAwaitable*>(o); }

void anext_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  xdecref(std::exchange(as_anext(o)->wrapped, nullptr));
  xdecref(std::exchange(as_anext(o)->default_value, nullptr));
  free_object(ts, o);
}
int anext_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_anext(o)->wrapped);
  Py_VISIT(as_anext(o)->default_value);
  return 0;
}

// The iterator that awaiting the wrapped object runs.
Ref<> anext_iterator(ThreadState& ts, AnextAwaitable* a) {
  Ref<> it = coro_get_awaitable_iter(ts, a->wrapped);
  if (!it) return {};
  if (it.get()->ob_type->tp_iternext != nullptr) return it;
  // A coroutine is driven through its __await__.
  if (it.get()->ob_type->tp_as_async == nullptr || it.get()->ob_type->tp_as_async->am_await == nullptr) {
    return raise(ts, PyExc_TypeError, "__await__() returned a coroutine");
  }
  Ref<> inner = Ref<>::steal(it.get()->ob_type->tp_as_async->am_await(it.get()));
  if (inner && !is_iterator(inner.get())) {
    return raise(ts, PyExc_TypeError, "%s.__await__() must return an iterable", it.get()->ob_type->tp_name);
  }
  return inner;
}

// The end of the wrapped iterator is the default value.
Ref<> anext_result(ThreadState& ts, AnextAwaitable* a, Ref<> result) {
  if (result) return result;
  if (error_clear_if(ts, PyExc_StopAsyncIteration)) (void)raise_stop_iteration(ts, a->default_value);
  return {};
}

Ref<> anext_iternext(ThreadState& ts, PyObject* o) {
  Ref<> it = anext_iterator(ts, as_anext(o));
  if (!it) return {};
  return anext_result(ts, as_anext(o), Ref<>::steal(it.get()->ob_type->tp_iternext(it.get())));
}

PyObject* anext_proxy(PyObject* self, const char* name, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Ref<> it = anext_iterator(ts, as_anext(self));
  if (!it) return nullptr;
  Ref<> method = object_getattr(ts, it.get(), name);
  if (!method) return nullptr;
  return anext_result(ts, as_anext(self), object_vectorcall(ts, method.get(), args, static_cast<size_t>(n), nullptr)).release();
}
PyObject* anext_send(PyObject* self, PyObject* const* args, Py_ssize_t n) { return anext_proxy(self, "send", args, n); }
PyObject* anext_throw(PyObject* self, PyObject* const* args, Py_ssize_t n) { return anext_proxy(self, "throw", args, n); }
PyObject* anext_close(PyObject* self, PyObject* const* args, Py_ssize_t n) { return anext_proxy(self, "close", args, n); }

constexpr MethodSpec kAnextMethods[] = {
    ATOLL_METHOD_RAW(anext_send, "send", METH_FASTCALL, "send(value)\n\nResume with a value."),
    ATOLL_METHOD_RAW(anext_throw, "throw", METH_FASTCALL, "throw(value)\nthrow(type[,value[,tb]])\n\nRaise an exception."),
    ATOLL_METHOD_RAW(anext_close, "close", METH_FASTCALL, "close()\n\nEnd it."), ATOLL_METHOD_END};
constexpr PyAsyncMethods kAnextAsync{.am_await = PyObject_SelfIter};

}  // namespace

constinit const TypeSpec async_generator_spec{
    .name = "async_generator",
    .basicsize = offsetof(GenObject, slots),
    .itemsize = sizeof(Slot),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(gen_common_dealloc),
    .traverse = ag_traverse,
    .finalize = ATOLL_SLOT(gen_common_finalize),
    .repr = ATOLL_SLOT(gen_common_repr),
    .getattro = PyObject_GenericGetAttr,
    .async = &kAgAsync,
    .weaklist_offset = offsetof(GenObject, gi_weakreflist),
    .methods = kAgMethods,
    .members = kAgMembers,
    .getset = kAgGetSet,
};
constinit const TypeSpec async_gen_asend_spec{
    .name = "async_generator_asend",
    .basicsize = sizeof(AsyncGenAwaitable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(awaitable_dealloc),
    .traverse = awaitable_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(asend_iternext),
    .async = &kAsendAsync,
    .methods = kAsendMethods,
};
constinit const TypeSpec async_gen_athrow_spec{
    .name = "async_generator_athrow",
    .basicsize = sizeof(AsyncGenAwaitable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(awaitable_dealloc),
    .traverse = awaitable_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(athrow_iternext),
    .async = &kAsendAsync,
    .methods = kAthrowMethods,
};
constinit const TypeSpec async_gen_wrapped_spec{
    .name = "async_generator_wrapped_value",
    .basicsize = sizeof(WrappedValue),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(wrapped_dealloc),
    .traverse = wrapped_traverse,
    .getattro = PyObject_GenericGetAttr,
};
constinit const TypeSpec anext_awaitable_spec{
    .name = "anext_awaitable",
    .basicsize = sizeof(AnextAwaitable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(anext_dealloc),
    .traverse = anext_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(anext_iternext),
    .async = &kAnextAsync,
    .methods = kAnextMethods,
};

}  // namespace atl

using namespace atl;

ATOLL_SEALED PyTypeObject PyAsyncGen_Type = {};
ATOLL_SEALED PyTypeObject _PyAsyncGenASend_Type = {};
ATOLL_SEALED PyTypeObject _PyAsyncGenAThrow_Type = {};
ATOLL_SEALED PyTypeObject _PyAsyncGenWrappedValue_Type = {};
ATOLL_SEALED PyTypeObject _PyAnextAwaitable_Type = {};

PyObject* PyAnextAwaitable_New(PyObject* awaitable, PyObject* default_value) {
  ThreadState& ts = current_thread();
  auto a = new_object<AnextAwaitable>(ts, &_PyAnextAwaitable_Type);
  if (!a) return nullptr;
  a->wrapped = new_ref(awaitable);
  a->default_value = new_ref(default_value);
  track(ts, a.get());
  return obj(a.release());
}
