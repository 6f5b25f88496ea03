// Generators and coroutines: the objects. Their frames are the virtual machine's business (Objects/upcalls.h).
#include "Objects/generator.h"

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/upcalls.h"
#include "Python/runtime/collector.h"
#include "structmember.h"

namespace atl {

namespace {

const char* kind_name(GenObject* g) {
  if (is_exact(obj(g), &PyCoro_Type)) return "coroutine";
  if (is_exact(obj(g), &PyAsyncGen_Type)) return "async generator";
  return "generator";
}

bool check_not_running(ThreadState& ts, GenObject* g) {
  if (g->gi_frame_state != kGenRunning) return true;
  (void)raise(ts, PyExc_ValueError, "%s already executing", kind_name(g));
  return false;
}

}  // namespace

int gen_send_value(ThreadState& ts, GenObject* g, PyObject* value, bool raising, bool closing, PyObject** out) {
  *out = nullptr;
  bool coroutine = is_exact(obj(g), &PyCoro_Type);
  if (g->gi_frame_state == kGenCreated && value != nullptr && value != Py_None) {
    (void)raise(ts, PyExc_TypeError,
                coroutine                             ? "can't send non-None value to a just-started coroutine"
                : is_exact(obj(g), &PyAsyncGen_Type) ? "can't send non-None value to a just-started async generator"
                                                      : "can't send non-None value to a just-started generator");
    return -1;
  }
  if (!check_not_running(ts, g)) return -1;
  if (g->gi_frame_state == kGenFinished) {
    if (coroutine && !closing) {
      // A finished coroutine can't be awaited again, whatever was thrown in.
      (void)raise(ts, PyExc_RuntimeError, "cannot reuse already awaited coroutine");
      return -1;
    }
    if (raising) return -1;
    if (value != nullptr && !coroutine) {
      *out = new_ref(Py_None);
      return 0;
    }
    *out = new_ref(Py_None);
    return 0;
  }
  Ref<> hold = dup(obj(g));
  Ref<> result = gen_resume(ts, g, raising ? Ref<>() : dup(value != nullptr ? value : Py_None), raising);
  if (!result) return -1;
  *out = result.release();
  return g->gi_frame_state == kGenFinished ? 0 : 1;
}

void set_stop_iteration_value(ThreadState& ts, PyObject* value) {
  if (value == nullptr || value == Py_None) {
    (void)raise_none(ts, PyExc_StopIteration);
  } else {
    (void)raise_stop_iteration(ts, value);
  }
}

// The value of the StopIteration that is set (and cleared); false when something else is set.
bool take_stop_iteration_value(ThreadState& ts, Ref<>* value) {
  if (!error_set(ts)) {
    *value = new_none();
    return true;
  }
  if (!error_matches(ts, PyExc_StopIteration)) return false;
  Ref<> exc = error_take(ts);
  *value = dup(reinterpret_cast<PyStopIterationObject*>(exc.get())->value);
  if (!*value) *value = new_none();
  return true;
}

namespace {

// What a method gives back: a yielded value, or StopIteration (StopAsyncIteration for asynchronous generators).
Ref<> finish_method(ThreadState& ts, GenObject* g, int state, PyObject* out) {
  if (state == 1) return Ref<>::steal(out);
  if (state < 0) return {};
  Ref<> value = Ref<>::steal(out);
  if (is_exact(obj(g), &PyAsyncGen_Type)) {
    (void)raise_none(ts, PyExc_StopAsyncIteration);
  } else {
    set_stop_iteration_value(ts, value.get());
  }
  return {};
}

Ref<> gen_send(ThreadState& ts, GenObject* g, PyObject* value) {
  PyObject* out;
  int state = gen_send_value(ts, g, value, false, false, &out);
  return finish_method(ts, g, state, out);
}

Ref<> gen_iternext(ThreadState& ts, PyObject* o) {
  PyObject* out;
  GenObject* g = as_gen(o);
  int state = gen_send_value(ts, g, nullptr, false, false, &out);
  if (state == 1) return Ref<>::steal(out);
  if (state < 0) return {};
  Ref<> value = Ref<>::steal(out);
  // A bare end says nothing; a return value travels in StopIteration.
  if (value.get() != Py_None) set_stop_iteration_value(ts, value.get());
  return {};
}

PySendResult gen_am_send(PyObject* o, PyObject* value, PyObject** out) {
  ThreadState& ts = current_thread();
  int state = gen_send_value(ts, as_gen(o), value, false, false, out);
  return state < 0 ? PYGEN_ERROR : state == 1 ? PYGEN_NEXT : PYGEN_RETURN;
}

// Closes what a generator waits for: by its close(), where it has one.
Status close_delegate(ThreadState& ts, PyObject* delegate) {
  if (is_exact(delegate, &PyGen_Type) || is_exact(delegate, &PyCoro_Type)) {
    return gen_close(ts, as_gen(delegate)) ? Status::kOk : Status::kError;
  }
  Ref<> method;
  if (failed(object_lookup_attr(ts, delegate, ID(close), &method))) {
    write_unraisable(ts, delegate);
    return Status::kOk;
  }
  if (!method) return Status::kOk;
  return call(ts, method.get()) ? Status::kOk : Status::kError;
}

}  // namespace

Ref<> gen_close(ThreadState& ts, GenObject* g) {
  if (g->gi_frame_state == kGenFinished) return new_none();
  if (!check_not_running(ts, g)) return {};
  Status s = Status::kOk;
  if (PyObject* delegate = gen_peek_yield_from(g)) {
    Ref<> hold = dup(delegate);
    g->gi_frame_state = kGenRunning;
    s = close_delegate(ts, delegate);
    g->gi_frame_state = kGenSuspended;
  }
  if (!failed(s)) (void)raise_none(ts, PyExc_GeneratorExit);
  PyObject* out;
  int state = gen_send_value(ts, g, nullptr, true, true, &out);
  if (state == 1) {
    decref(out);
    return raise(ts, PyExc_RuntimeError,
                 is_exact(obj(g), &PyCoro_Type)       ? "coroutine ignored GeneratorExit"
                 : is_exact(obj(g), &PyAsyncGen_Type) ? "async generator ignored GeneratorExit"
                                                      : "generator ignored GeneratorExit");
  }
  if (state == 0) {
    decref(out);
    return new_none();
  }
  if (error_matches(ts, PyExc_StopIteration) || error_matches(ts, PyExc_GeneratorExit)) {
    error_clear(ts);
    return new_none();
  }
  return {};
}

namespace {

// Builds the exception of throw(type, value, traceback) and sets it; what goes wrong in building it is thrown instead.
// False with TypeError set: nothing is to be thrown.
bool set_thrown(ThreadState& ts, PyObject* type, PyObject* value, PyObject* tb) {
  if (tb == Py_None) tb = nullptr;
  if (tb != nullptr && !is_exact(tb, &PyTraceBack_Type)) {
    (void)raise(ts, PyExc_TypeError, "throw() third argument must be a traceback object");
    return false;
  }
  Ref<> exc;
  if (PyExceptionClass_Check(type)) {
    if (value != nullptr && value != Py_None && is_instance_nocall(value, reinterpret_cast<PyTypeObject*>(type))) {
      exc = dup(value);
    } else if (value == nullptr || value == Py_None) {
      exc = call(ts, type);
    } else if (is_tuple(value)) {
      exc = object_call(ts, type, value, nullptr);
    } else {
      exc = call(ts, type, value);
    }
    if (!exc) return true;
    if (!PyExceptionInstance_Check(exc.get())) {
      (void)raise(ts, PyExc_TypeError, "calling %R should have returned an instance of BaseException, not %R", type, obj(exc.get()->ob_type));
      return true;
    }
  } else if (PyExceptionInstance_Check(type)) {
    if (value != nullptr && value != Py_None) {
      (void)raise(ts, PyExc_TypeError, "instance exception may not have a separate value");
      return false;
    }
    exc = dup(type);
  } else {
    (void)raise(ts, PyExc_TypeError, "exceptions must be classes or instances deriving from BaseException, not %s", type->ob_type->tp_name);
    return false;
  }
  if (tb != nullptr) set_field(reinterpret_cast<PyBaseExceptionObject*>(exc.get())->traceback, dup(tb));
  error_restore(ts, std::move(exc));
  return true;
}

int throw_into(ThreadState& ts, GenObject* g, bool close_on_exit, PyObject* type, PyObject* value, PyObject* tb, PyObject** out) {
  *out = nullptr;
  if (PyObject* delegate = gen_peek_yield_from(g)) {
    Ref<> hold = dup(delegate);
    Ref<> self = dup(obj(g));
    bool exit = close_on_exit && PyErr_GivenExceptionMatches(type, PyExc_GeneratorExit);
    if (exit) {
      g->gi_frame_state = kGenRunning;
      Status s = close_delegate(ts, delegate);
      g->gi_frame_state = kGenSuspended;
      if (failed(s)) return gen_send_value(ts, g, nullptr, true, false, out);
    } else {
      int state;
      Ref<> result;
      if (is_exact(delegate, &PyGen_Type) || is_exact(delegate, &PyCoro_Type)) {
        GenEntry entry;
        if (!gen_enter(ts, g, &entry)) return -1;
        PyObject* inner;
        state = throw_into(ts, as_gen(delegate), close_on_exit, type, value, tb, &inner);
        gen_leave(ts, &entry);
        result = Ref<>::steal(inner);
      } else {
        Ref<> method;
        if (failed(object_lookup_attr(ts, delegate, ID(throw), &method))) return -1;
        if (!method) goto here;
        GenEntry entry;
        if (!gen_enter(ts, g, &entry)) return -1;
        if (value == nullptr) {
          result = call(ts, method.get(), type);
        } else if (tb == nullptr) {
          result = call(ts, method.get(), type, value);
        } else {
          result = call(ts, method.get(), type, value, tb);
        }
        gen_leave(ts, &entry);
        state = result ? 1 : -1;
        if (!result && take_stop_iteration_value(ts, &result)) state = 0;
      }
      if (state == 1) {
        *out = result.release();
        return 1;
      }
      if (state == 0) {
        // The delegate has finished: its result is that of the yield from.
        gen_end_yield_from(g, result.release());
        return gen_send_value(ts, g, nullptr, false, false, out);
      }
      return gen_send_value(ts, g, nullptr, true, false, out);
    }
  }
here:
  if (!check_not_running(ts, g)) return -1;
  if (!set_thrown(ts, type, value, tb)) return -1;
  return gen_send_value(ts, g, nullptr, true, false, out);
}

Ref<> gen_throw(ThreadState& ts, GenObject* g, PyObject* type, PyObject* value, PyObject* tb) {
  PyObject* out;
  int state = throw_into(ts, g, true, type, value, tb, &out);
  return finish_method(ts, g, state, out);
}

// ---- life --------------------------------------------------------------------------------------------------------

void gen_finalize(ThreadState& ts, PyObject* o) {
  GenObject* g = as_gen(o);
  if (g->gi_frame_state == kGenFinished) return;
  ErrorStash stash(ts);
  if (is_exact(o, &PyAsyncGen_Type)) {
    PyObject* finalizer = g->gi_origin_or_finalizer;
    if (finalizer != nullptr && !g->gi_closed) {
      Ref<> hold = dup(finalizer);
      if (!call(ts, finalizer, o)) write_unraisable(ts, o);
      return;
    }
  }
  if (is_exact(o, &PyCoro_Type) && g->gi_frame_state == kGenCreated) {
    warn_unawaited(ts, o);
    return;
  }
  // Nothing has run yet. What the frame holds goes with the object, which keeps long chains off the C stack.
  if (g->gi_frame_state == kGenCreated) return;
  if (!gen_close(ts, g) && error_set(ts)) write_unraisable(ts, o);
}

void gen_dealloc(ThreadState& ts, PyObject* o) {
  GenObject* g = as_gen(o);
  untrack(o);
  if (g->gi_weakreflist != nullptr) PyObject_ClearWeakRefs(o);
  track(ts, o);
  if (PyObject_CallFinalizerFromDealloc(o) != 0) return;
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  gen_clear_frame(ts, g);
  clear_field(g->gi_exc_state.exc_value);
  xdecref(std::exchange(g->gi_origin_or_finalizer, nullptr));
  xdecref(obj(std::exchange(g->gi_code, nullptr)));
  xdecref(std::exchange(g->gi_name, nullptr));
  xdecref(std::exchange(g->gi_qualname, nullptr));
  free_object(ts, o);
  trashcan_end(ts);
}

int gen_traverse(PyObject* o, visitproc visit, void* arg) {
  GenObject* g = as_gen(o);
  Py_VISIT(g->gi_code);
  Py_VISIT(g->gi_name);
  Py_VISIT(g->gi_qualname);
  Py_VISIT(g->gi_origin_or_finalizer);
  Py_VISIT(g->gi_exc_state.exc_value);
  return gen_traverse_frame(g, visit, arg);
}

// ---- attributes --------------------------------------------------------------------------------------------------

Ref<> gen_repr(ThreadState& ts, PyObject* o) {
  const char* what = is_exact(o, &PyCoro_Type) ? "coroutine" : is_exact(o, &PyAsyncGen_Type) ? "async_generator" : "generator";
  return str_format(ts, "<%s object %U at %p>", what, as_gen(o)->gi_qualname, o);
}
Ref<> get_name(ThreadState&, GenObject* g) { return dup(g->gi_name); }
Status set_name(ThreadState& ts, GenObject* g, PyObject* v) {
  if (v == nullptr || !is_str(v)) return raise(ts, PyExc_TypeError, "__name__ must be set to a string object");
  set_field(g->gi_name, dup(v));
  return Status::kOk;
}
Ref<> get_qualname(ThreadState&, GenObject* g) { return dup(g->gi_qualname); }
Status set_qualname(ThreadState& ts, GenObject* g, PyObject* v) {
  if (v == nullptr || !is_str(v)) return raise(ts, PyExc_TypeError, "__qualname__ must be set to a string object");
  set_field(g->gi_qualname, dup(v));
  return Status::kOk;
}
Ref<> get_yield_from(ThreadState&, GenObject* g) {
  PyObject* y = gen_peek_yield_from(g);
  return dup(y != nullptr ? y : Py_None);
}
Ref<> get_running(ThreadState&, GenObject* g) { return new_bool(g->gi_frame_state == kGenRunning); }
Ref<> get_suspended(ThreadState&, GenObject* g) { return new_bool(g->gi_frame_state == kGenSuspended); }
Ref<> get_frame(ThreadState& ts, GenObject* g) {
  if (g->gi_frame_state == kGenFinished) return new_none();
  Slot* base = gen_running_base(ts, g);
  if (base == nullptr) base = gen_base(g);
  Ref<PyFrameObject> f = upcall_gen_frame_object(ts, g, base);
  if (!f) return {};
  return f;
}
Ref<> get_code(ThreadState&, GenObject* g) { return dup(obj(g->gi_code)); }
Ref<> get_origin(ThreadState&, GenObject* g) { return dup(g->gi_origin_or_finalizer ? g->gi_origin_or_finalizer : Py_None); }
Ref<> gen_close_method(ThreadState& ts, GenObject* g) { return gen_close(ts, g); }
Ref<> gen_sizeof(ThreadState& ts, GenObject* g) { return int_from_u64(ts, offsetof(GenObject, slots) + g->slot_count * sizeof(Slot)); }

PyObject* throw_entry(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (n < 1 || n > 3) return raise(ts, PyExc_TypeError, n < 1 ? "throw expected at least 1 argument, got %zd" : "throw expected at most 3 arguments, got %zd", n);
  return gen_throw(ts, as_gen(self), args[0], n > 1 ? args[1] : nullptr, n > 2 ? args[2] : nullptr).release();
}

constexpr MethodSpec kGenMethods[] = {
    ATOLL_METHOD(gen_send, "send", "($self, value, /)", "Send a value into generator, which runs on to its next yield."),
    ATOLL_METHOD_RAW(throw_entry, "throw", METH_FASTCALL, "throw(value)\nthrow(type[,value[,tb]])\n\nRaise exception in generator."),
    ATOLL_METHOD(gen_close_method, "close", "($self, /)", "Raise GeneratorExit inside generator."),
    ATOLL_METHOD(gen_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD_END};

constexpr PyGetSetDef kGenGetSet[] = {
    {"__name__", ATOLL_GETTER(get_name), ATOLL_SETTER(set_name), "name of the generator", nullptr},
    {"__qualname__", ATOLL_GETTER(get_qualname), ATOLL_SETTER(set_qualname), "qualified name of the generator", nullptr},
    {"gi_yieldfrom", ATOLL_GETTER(get_yield_from), nullptr, "object being iterated by yield from, or None", nullptr},
    {"gi_running", ATOLL_GETTER(get_running), nullptr, nullptr, nullptr},
    {"gi_frame", ATOLL_GETTER(get_frame), nullptr, nullptr, nullptr},
    {"gi_suspended", ATOLL_GETTER(get_suspended), nullptr, nullptr, nullptr},
    {"gi_code", ATOLL_GETTER(get_code), nullptr, nullptr, nullptr},
    ATOLL_GETSET_END};

constexpr PyAsyncMethods kGenAsync{.am_send = gen_am_send};

// ---- coroutines --------------------------------------------------------------------------------------------------

struct CoroWrapper {
  PyObject ob_base;
  PyObject* coroutine;
};

void wrapper_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  xdecref(std::exchange(reinterpret_cast<CoroWrapper*>(o)->coroutine, nullptr));
  free_object(ts, o);
}
int wrapper_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<CoroWrapper*>(o)->coroutine);
  return 0;
}
Ref<> wrapper_iternext(ThreadState& ts, PyObject* o) { return gen_iternext(ts, reinterpret_cast<CoroWrapper*>(o)->coroutine); }
Ref<> wrapper_send(ThreadState& ts, CoroWrapper* w, PyObject* value) { return gen_send(ts, as_gen(w->coroutine), value); }
Ref<> wrapper_close(ThreadState& ts, CoroWrapper* w) { return gen_close(ts, as_gen(w->coroutine)); }
PyObject* wrapper_throw(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  return throw_entry(reinterpret_cast<CoroWrapper*>(self)->coroutine, args, n);
}
constexpr MethodSpec kWrapperMethods[] = {
    ATOLL_METHOD(wrapper_send, "send", "($self, value, /)", "Send a value into coroutine, which runs on to where it waits next."),
    ATOLL_METHOD_RAW(wrapper_throw, "throw", METH_FASTCALL, "throw(value)\nthrow(type[,value[,traceback]])\n\nRaise exception in coroutine."),
    ATOLL_METHOD(wrapper_close, "close", "($self, /)", "Raise GeneratorExit inside coroutine."), ATOLL_METHOD_END};

Ref<> coro_await(ThreadState& ts, PyObject* o) {
  auto w = new_object<CoroWrapper>(ts, &_PyCoroWrapper_Type);
  if (!w) return {};
  w->coroutine = new_ref(o);
  track(ts, w.get());
  return w;
}

constexpr MethodSpec kCoroMethods[] = {
    ATOLL_METHOD(gen_send, "send", "($self, value, /)", "Send a value into coroutine, which runs on to where it waits next."),
    ATOLL_METHOD_RAW(throw_entry, "throw", METH_FASTCALL, "throw(value)\nthrow(type[,value[,traceback]])\n\nRaise exception in coroutine."),
    ATOLL_METHOD(gen_close_method, "close", "($self, /)", "Raise GeneratorExit inside coroutine."),
    ATOLL_METHOD(gen_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kCoroGetSet[] = {
    {"__name__", ATOLL_GETTER(get_name), ATOLL_SETTER(set_name), "name of the coroutine", nullptr},
    {"__qualname__", ATOLL_GETTER(get_qualname), ATOLL_SETTER(set_qualname), "qualified name of the coroutine", nullptr},
    {"cr_await", ATOLL_GETTER(get_yield_from), nullptr, "object being awaited on, or None", nullptr},
    {"cr_running", ATOLL_GETTER(get_running), nullptr, nullptr, nullptr},
    {"cr_frame", ATOLL_GETTER(get_frame), nullptr, nullptr, nullptr},
    {"cr_suspended", ATOLL_GETTER(get_suspended), nullptr, nullptr, nullptr},
    {"cr_code", ATOLL_GETTER(get_code), nullptr, nullptr, nullptr},
    {"cr_origin", ATOLL_GETTER(get_origin), nullptr, nullptr, nullptr},
    ATOLL_GETSET_END};
constexpr PyAsyncMethods kCoroAsync{.am_await = ATOLL_SLOT(coro_await), .am_send = gen_am_send};

}  // namespace

constinit const TypeSpec generator_spec{
    .name = "generator",
    .basicsize = offsetof(GenObject, slots),
    .itemsize = sizeof(Slot),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(gen_dealloc),
    .traverse = gen_traverse,
    .finalize = ATOLL_SLOT(gen_finalize),
    .repr = ATOLL_SLOT(gen_repr),
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(gen_iternext),
    .async = &kGenAsync,
    .weaklist_offset = offsetof(GenObject, gi_weakreflist),
    .methods = kGenMethods,
    .getset = kGenGetSet,
};

constinit const TypeSpec coroutine_spec{
    .name = "coroutine",
    .basicsize = offsetof(GenObject, slots),
    .itemsize = sizeof(Slot),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(gen_dealloc),
    .traverse = gen_traverse,
    .finalize = ATOLL_SLOT(gen_finalize),
    .repr = ATOLL_SLOT(gen_repr),
    .getattro = PyObject_GenericGetAttr,
    .async = &kCoroAsync,
    .weaklist_offset = offsetof(GenObject, gi_weakreflist),
    .methods = kCoroMethods,
    .getset = kCoroGetSet,
};

constinit const TypeSpec coro_wrapper_spec{
    .name = "coroutine_wrapper",
    .doc = "A wrapper object implementing __await__ for coroutines.",
    .basicsize = sizeof(CoroWrapper),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(wrapper_dealloc),
    .traverse = wrapper_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(wrapper_iternext),
    .methods = kWrapperMethods,
};

Ref<> gen_throw_exception(ThreadState& ts, GenObject* g, bool close_on_exit, PyObject* type, PyObject* value, PyObject* tb) {
  PyObject* out;
  int state = throw_into(ts, g, close_on_exit, type, value, tb, &out);
  return finish_method(ts, g, state, out);
}
int gen_common_traverse(PyObject* o, visitproc visit, void* arg) { return gen_traverse(o, visit, arg); }
void gen_common_dealloc(ThreadState& ts, PyObject* o) { gen_dealloc(ts, o); }
void gen_common_finalize(ThreadState& ts, PyObject* o) { gen_finalize(ts, o); }
Ref<> gen_common_repr(ThreadState& ts, PyObject* o) { return gen_repr(ts, o); }
PyObject* gen_common_frame(PyObject* o, void*) { return get_frame(current_thread(), as_gen(o)).release(); }

}  // namespace atl

using namespace atl;

ATOLL_SEALED PyTypeObject PyGen_Type = {};
ATOLL_SEALED PyTypeObject PyCoro_Type = {};
ATOLL_SEALED PyTypeObject _PyCoroWrapper_Type = {};

int _PyGen_SetStopIterationValue(PyObject* value) {
  ThreadState& ts = current_thread();
  (void)raise_stop_iteration(ts, value);
  return error_matches(ts, PyExc_StopIteration) ? 0 : -1;
}
int _PyGen_FetchStopIterationValue(PyObject** out) {
  Ref<> value;
  bool ok = take_stop_iteration_value(current_thread(), &value);
  *out = value.release();
  return ok ? 0 : -1;
}
PyObject* _PyGen_Send(PyGenObject* g, PyObject* value) { return gen_send(current_thread(), as_gen(obj(g)), value).release(); }
void _PyGen_Finalize(PyObject* o) { gen_finalize(current_thread(), o); }
