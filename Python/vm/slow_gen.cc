// Slow paths: exceptions, with, generators and awaiting.
#include "Objects/exceptions/groups.h"
#include "Objects/generator.h"
#include "Objects/upcalls.h"
#include "Python/vm/internal.h"

namespace atl {

// ---- raising and matching ----------------------------------------------------------------------------------------

namespace {

// An exception from what stands behind raise: a class is called, an instance stands for itself. Empty on error.
Ref<> exception_from(ThreadState& ts, PyObject* x, const char* bad) {
  if (PyExceptionClass_Check(x)) {
    Ref<> exc = call(ts, x);
    if (exc && !PyExceptionInstance_Check(exc.get())) {
      return raise(ts, PyExc_TypeError, "calling %R should have returned an instance of BaseException, not %R", x, obj(exc.get()->ob_type));
    }
    return exc;
  }
  if (PyExceptionInstance_Check(x)) return dup(x);
  return raise(ts, PyExc_TypeError, "%s", bad);
}

}  // namespace

void slow_raise(ThreadState& ts, PyObject* x, PyObject* cause) {
  Ref<> hold_x = dup(x);
  Ref<> hold_cause = Ref<>::dup_of(cause);
  Ref<> exc = exception_from(ts, x, "exceptions must derive from BaseException");
  if (!exc) return;
  if (cause != nullptr) {
    Ref<> fixed;
    if (cause != Py_None) {
      fixed = exception_from(ts, cause, "exception causes must derive from BaseException");
      if (!fixed) return;
    }
    auto* e = reinterpret_cast<PyBaseExceptionObject*>(exc.get());
    set_field(e->cause, std::move(fixed));
    e->suppress_context = 1;
  }
  (void)raise_object(ts, obj(exc.get()->ob_type), exc.get());
}

namespace {

// 1: fine; -1: TypeError is set.
int check_except_type(ThreadState& ts, PyObject* type, bool star) {
  auto check = [&](PyObject* t) {
    if (!PyExceptionClass_Check(t)) {
      (void)raise(ts, PyExc_TypeError, "catching classes that do not inherit from BaseException is not allowed");
      return -1;
    }
    if (star && is_subtype(reinterpret_cast<PyTypeObject*>(t), reinterpret_cast<PyTypeObject*>(PyExc_BaseExceptionGroup))) {
      (void)raise(ts, PyExc_TypeError, "catching ExceptionGroup with except* is not allowed. Use except instead.");
      return -1;
    }
    return 1;
  };
  if (!is_tuple(type)) return check(type);
  for (Py_ssize_t i = 0; i < tuple_size(type); ++i) {
    if (check(tuple_peek(type, i)) < 0) return -1;
  }
  return 1;
}

}  // namespace

int slow_exc_match(ThreadState& ts, PyObject* exc, PyObject* type) {
  if (check_except_type(ts, type, false) < 0) return -1;
  return exception_matches(ts, exc, type) ? 1 : 0;
}

Status slow_check_eg_match(ThreadState& ts, PyObject* exc, PyObject* type, PyObject** match, PyObject** rest) {
  *match = *rest = nullptr;
  Ref<> hold = dup(exc);
  if (exc == Py_None) {
    *match = new_ref(Py_None);
    *rest = new_ref(Py_None);
    return Status::kOk;
  }
  if (check_except_type(ts, type, true) < 0) return Status::kError;
  if (exception_matches(ts, exc, type)) {
    Ref<> whole = dup(exc);
    if (!is_exception_group(exc)) {
      // A naked exception is handed over in a group.
      Ref<> list = tuple_of(ts, exc);
      if (!list) return Status::kError;
      whole = exception_group_new(ts, empty_str(), list.get());
      if (!whole) return Status::kError;
    }
    *match = whole.release();
    *rest = new_ref(Py_None);
  } else if (is_exception_group(exc)) {
    Ref<> name = str_interned(ts, "split");
    if (!name) return Status::kError;
    Ref<> pair = call_method(ts, exc, name.get(), type);
    if (!pair) return Status::kError;
    if (!is_exact_tuple(pair.get()) || tuple_size(pair.get()) != 2) {
      return raise(ts, PyExc_TypeError, "%s.split must return a 2-tuple, got %s", exc->ob_type->tp_name, pair.get()->ob_type->tp_name);
    }
    *match = new_ref(tuple_peek(pair.get(), 0));
    *rest = new_ref(tuple_peek(pair.get(), 1));
  } else {
    *match = new_ref(Py_None);
    *rest = new_ref(exc);
  }
  if (*match != Py_None) {
    // Inside the handler the match is what is being handled.
    set_field(ts.exc_info->exc_value, dup(*match));
  }
  return Status::kOk;
}

PyObject* slow_prep_reraise_star(ThreadState& ts, PyObject* orig, PyObject* list) {
  return exception_prep_reraise_star(ts, orig, list).release();
}

// ---- with --------------------------------------------------------------------------------------------------------

Status slow_with_load(ThreadState& ts, PyObject* manager, bool async, Slot* exit, Slot* enter) {
  Ref<> hold = dup(manager);
  const char* protocol = async ? "asynchronous context manager" : "context manager";
  Ref<> enter_method, exit_method;
  if (failed(object_lookup_special(ts, manager, async ? ID(__aenter__) : ID(__enter__), &enter_method))) return Status::kError;
  if (!enter_method) return raise(ts, PyExc_TypeError, "'%T' object does not support the %s protocol", manager, protocol);
  if (failed(object_lookup_special(ts, manager, async ? ID(__aexit__) : ID(__exit__), &exit_method))) return Status::kError;
  if (!exit_method) {
    return raise(ts, PyExc_TypeError, "'%T' object does not support the %s protocol (missed %s method)", manager, protocol,
                 async ? "__aexit__" : "__exit__");
  }
  exit[0].o = exit_method.release();
  exit[1].o = nullptr;
  enter[0].o = enter_method.release();
  enter[1].o = nullptr;
  return Status::kOk;
}

// ---- generators and awaiting -------------------------------------------------------------------------------------

PyObject* slow_get_yield_from_iter(ThreadState& ts, PyObject* o, CodeObject* code) {
  Ref<> hold = dup(o);
  if (is_exact(o, &PyCoro_Type)) {
    if (!(code->head.co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE))) {
      return raise(ts, PyExc_TypeError, "cannot 'yield from' a coroutine object in a non-coroutine generator");
    }
    return hold.release();
  }
  if (is_exact(o, &PyGen_Type)) return hold.release();
  return object_iter(ts, o).release();
}

Ref<> coro_get_awaitable_iter(ThreadState& ts, PyObject* o) {
  if (is_exact(o, &PyCoro_Type)) return dup(o);
  if (is_exact(o, &PyGen_Type) && (as_gen(o)->gi_code->co_flags & CO_ITERABLE_COROUTINE)) return dup(o);
  PyTypeObject* type = o->ob_type;
  if (type->tp_as_async == nullptr || type->tp_as_async->am_await == nullptr) {
    return raise(ts, PyExc_TypeError, "object %T can't be used in 'await' expression", o);
  }
  Ref<> it = Ref<>::steal(type->tp_as_async->am_await(o));
  if (!it) return {};
  if (is_exact(it.get(), &PyCoro_Type) ||
      (is_exact(it.get(), &PyGen_Type) && (as_gen(it.get())->gi_code->co_flags & CO_ITERABLE_COROUTINE))) {
    return raise(ts, PyExc_TypeError, "__await__() returned a coroutine");
  }
  if (!is_iterator(it.get())) {
    return raise(ts, PyExc_TypeError, "__await__() returned non-iterator of type '%T'", it.get());
  }
  return it;
}

PyObject* slow_get_awaitable(ThreadState& ts, PyObject* o, int kind) {
  Ref<> hold = dup(o);
  Ref<> it = coro_get_awaitable_iter(ts, o);
  if (!it) {
    PyTypeObject* type = o->ob_type;
    if (kind != 0 && (type->tp_as_async == nullptr || type->tp_as_async->am_await == nullptr)) {
      error_clear(ts);
      return raise(ts, PyExc_TypeError, "'async with' received an object from %s that does not implement __await__: %T",
                   kind == 1 ? "__aenter__" : "__aexit__", o);
    }
    return nullptr;
  }
  if (is_exact(it.get(), &PyCoro_Type) && gen_peek_yield_from(as_gen(it.get())) != nullptr) {
    return raise(ts, PyExc_RuntimeError, "coroutine is being awaited already");
  }
  return it.release();
}

PyObject* slow_get_aiter(ThreadState& ts, PyObject* o) {
  Ref<> hold = dup(o);
  PyTypeObject* type = o->ob_type;
  if (type->tp_as_async == nullptr || type->tp_as_async->am_aiter == nullptr) {
    return raise(ts, PyExc_TypeError, "'async for' requires an object with __aiter__ method, got %T", o);
  }
  Ref<> it = Ref<>::steal(type->tp_as_async->am_aiter(o));
  if (!it) return nullptr;
  PyTypeObject* t = it.get()->ob_type;
  if (t->tp_as_async == nullptr || t->tp_as_async->am_anext == nullptr) {
    return raise(ts, PyExc_TypeError, "'async for' received an object from __aiter__ that does not implement __anext__: %T", it.get());
  }
  return it.release();
}

PyObject* slow_get_anext(ThreadState& ts, PyObject* o) {
  PyTypeObject* type = o->ob_type;
  if (is_exact(o, &PyAsyncGen_Type)) return type->tp_as_async->am_anext(o);
  if (type->tp_as_async == nullptr || type->tp_as_async->am_anext == nullptr) {
    return raise(ts, PyExc_TypeError, "'async for' requires an iterator with __anext__ method, got %T", o);
  }
  Ref<> next = Ref<>::steal(type->tp_as_async->am_anext(o));
  if (!next) return nullptr;
  Ref<> it = coro_get_awaitable_iter(ts, next.get());
  if (!it) {
    return raise_from_current(ts, PyExc_TypeError, "'async for' received an invalid object from __anext__: %T", next.get());
  }
  return it.release();
}

PyObject* slow_async_gen_wrap(ThreadState& ts, PyObject* o) { return async_gen_wrap_value(ts, o).release(); }

int slow_send(ThreadState& ts, PyObject* receiver, PyObject* value, PyObject** out) {
  Ref<> hold = dup(receiver);
  PyTypeObject* type = receiver->ob_type;
  if (type->tp_as_async != nullptr && type->tp_as_async->am_send != nullptr) {
    PySendResult r = type->tp_as_async->am_send(receiver, value, out);
    return r == PYGEN_NEXT ? 1 : r == PYGEN_RETURN ? 0 : -1;
  }
  Ref<> result;
  if (value == Py_None && type->tp_iternext != nullptr) {
    result = Ref<>::steal(type->tp_iternext(receiver));
  } else {
    result = call_method(ts, receiver, ID(send), value);
  }
  if (result) {
    *out = result.release();
    return 1;
  }
  if (ts.hooks != 0 && error_matches(ts, PyExc_StopIteration)) trace_exception(ts, ts.base(), ts.pc);
  if (!take_stop_iteration_value(ts, &result)) return -1;
  *out = result.release();
  return 0;
}

Slot* gen_running_base(ThreadState& ts, GenObject* g) {
  if (g->gi_frame_state != kGenRunning) return nullptr;
  for (FrameCursor c = frame_top(ts); c.base != nullptr; c = frame_below(c)) {
    if (frame_code(c.base)->is_generator && running_generator(c.base) == g) return c.base;
  }
  return nullptr;
}

Ref<PyFrameObject> upcall_gen_frame_object(ThreadState& ts, GenObject* g, Slot* base) {
  Ref<PyFrameObject> f = frame_object(ts, base);
  if (f && base == gen_base(g)) {
    auto* o = reinterpret_cast<FrameObject*>(f.get());
    o->f_state = kFrameInGenerator;
    o->f_generator = obj(g);
  }
  return f;
}

}  // namespace atl
