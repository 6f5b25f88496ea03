// Slots as methods: what stands behind int.__add__ and its kind (wrapper descriptors).
#include "Objects/int/int.h"
#include "Objects/object/internal.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"
#include "Objects/type/slot_wrappers.h"

namespace atl {

namespace {

bool expect(ThreadState& ts, PyObject* args, Py_ssize_t n) {
  if (ATOLL_LIKELY(tuple_size(args) == n)) return true;
  if (n < 2) {
    (void)raise(ts, PyExc_TypeError, "expected %zd argument%s, got %zd", n, n == 1 ? "" : "s", tuple_size(args));
  } else {
    (void)raise(ts, PyExc_TypeError, " expected %zd arguments, got %zd", n, tuple_size(args));
  }
  return false;
}

bool expect_one_or_two(ThreadState& ts, PyObject* args) {
  Py_ssize_t n = tuple_size(args);
  if (n >= 1 && n <= 2) return true;
  (void)raise(ts, PyExc_TypeError, n < 1 ? " expected at least 1 argument, got %zd" : " expected at most 2 arguments, got %zd", n);
  return false;
}

template <class F>
F as(void* wrapped) {
  return reinterpret_cast<F>(wrapped);
}
PyObject* done(int r) { return r < 0 ? nullptr : new_ref(Py_None); }
PyObject* truth(int r) { return r < 0 ? nullptr : new_ref(r ? Py_True : Py_False); }
PyObject* number(ThreadState& ts, Py_ssize_t n) {
  if (n == -1 && error_set(ts)) return nullptr;
  return int_from_ssize(ts, n).release();
}

// An index argument, counted from the end when negative.
bool index_argument(ThreadState& ts, PyObject* self, PyObject* arg, Py_ssize_t* out) {
  if (failed(index_as_ssize(ts, arg, out))) return false;
  if (*out < 0) {
    PySequenceMethods* s = self->ob_type->tp_as_sequence;
    if (s != nullptr && s->sq_length != nullptr) {
      Py_ssize_t n = s->sq_length(self);
      if (n < 0) return false;
      *out += n;
    }
  }
  return true;
}

// object.__setattr__(T, …) must not get round type.__setattr__: the first C function on the chain of bases is the only
// one that may be used.
bool setattr_is_allowed(ThreadState& ts, PyObject* self, setattrofunc f, const char* what) {
  for (PyTypeObject* t = self->ob_type; t != nullptr; t = t->tp_base) {
    if (t->tp_setattro == slot_tp_setattro) continue;
    if (t->tp_setattro == f) return true;
    (void)raise(ts, PyExc_TypeError, "can't apply this %s to %N object", what, self->ob_type);
    return false;
  }
  return true;
}

}  // namespace

PyObject* wrap_unary(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 0)) return nullptr;
  return as<unaryfunc>(w)(self);
}
PyObject* wrap_binary(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 1)) return nullptr;
  return as<binaryfunc>(w)(self, tuple_peek(args, 0));
}
PyObject* wrap_binary_reflected(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 1)) return nullptr;
  return as<binaryfunc>(w)(tuple_peek(args, 0), self);
}
PyObject* wrap_ternary(PyObject* self, PyObject* args, void* w) {
  if (!expect_one_or_two(current_thread(), args)) return nullptr;
  return as<ternaryfunc>(w)(self, tuple_peek(args, 0), tuple_size(args) == 2 ? tuple_peek(args, 1) : Py_None);
}
PyObject* wrap_ternary_reflected(PyObject* self, PyObject* args, void* w) {
  if (!expect_one_or_two(current_thread(), args)) return nullptr;
  return as<ternaryfunc>(w)(tuple_peek(args, 0), self, tuple_size(args) == 2 ? tuple_peek(args, 1) : Py_None);
}
PyObject* wrap_predicate(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 0)) return nullptr;
  return truth(as<inquiry>(w)(self));
}
PyObject* wrap_length(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  if (!expect(ts, args, 0)) return nullptr;
  return number(ts, as<lenfunc>(w)(self));
}
PyObject* wrap_hash(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  if (!expect(ts, args, 0)) return nullptr;
  return number(ts, as<hashfunc>(w)(self));
}
PyObject* wrap_repeat(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  Py_ssize_t n;
  if (!expect(ts, args, 1) || failed(index_as_ssize(ts, tuple_peek(args, 0), &n))) return nullptr;
  return as<ssizeargfunc>(w)(self, n);
}
PyObject* wrap_sequence_item(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  Py_ssize_t i;
  if (!expect(ts, args, 1) || !index_argument(ts, self, tuple_peek(args, 0), &i)) return nullptr;
  return as<ssizeargfunc>(w)(self, i);
}
PyObject* wrap_sequence_setitem(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  Py_ssize_t i;
  if (!expect(ts, args, 2) || !index_argument(ts, self, tuple_peek(args, 0), &i)) return nullptr;
  return done(as<ssizeobjargproc>(w)(self, i, tuple_peek(args, 1)));
}
PyObject* wrap_sequence_delitem(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  Py_ssize_t i;
  if (!expect(ts, args, 1) || !index_argument(ts, self, tuple_peek(args, 0), &i)) return nullptr;
  return done(as<ssizeobjargproc>(w)(self, i, nullptr));
}
PyObject* wrap_contains(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 1)) return nullptr;
  return truth(as<objobjproc>(w)(self, tuple_peek(args, 0)));
}
PyObject* wrap_setitem(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 2)) return nullptr;
  return done(as<objobjargproc>(w)(self, tuple_peek(args, 0), tuple_peek(args, 1)));
}
PyObject* wrap_delitem(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 1)) return nullptr;
  return done(as<objobjargproc>(w)(self, tuple_peek(args, 0), nullptr));
}
PyObject* wrap_setattr(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  if (!expect(ts, args, 2) || !setattr_is_allowed(ts, self, as<setattrofunc>(w), "__setattr__")) return nullptr;
  return done(as<setattrofunc>(w)(self, tuple_peek(args, 0), tuple_peek(args, 1)));
}
PyObject* wrap_delattr(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  if (!expect(ts, args, 1) || !setattr_is_allowed(ts, self, as<setattrofunc>(w), "__delattr__")) return nullptr;
  return done(as<setattrofunc>(w)(self, tuple_peek(args, 0), nullptr));
}
template <int op>
PyObject* wrap_compare(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 1)) return nullptr;
  return as<richcmpfunc>(w)(self, tuple_peek(args, 0), op);
}
template PyObject* wrap_compare<Py_LT>(PyObject*, PyObject*, void*);
template PyObject* wrap_compare<Py_LE>(PyObject*, PyObject*, void*);
template PyObject* wrap_compare<Py_EQ>(PyObject*, PyObject*, void*);
template PyObject* wrap_compare<Py_NE>(PyObject*, PyObject*, void*);
template PyObject* wrap_compare<Py_GT>(PyObject*, PyObject*, void*);
template PyObject* wrap_compare<Py_GE>(PyObject*, PyObject*, void*);

PyObject* wrap_next(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  if (!expect(ts, args, 0)) return nullptr;
  PyObject* r = as<iternextfunc>(w)(self);
  if (r == nullptr && !error_set(ts)) return raise_none(ts, PyExc_StopIteration);
  return r;
}
PyObject* wrap_call(PyObject* self, PyObject* args, void* w, PyObject* kwargs) { return as<ternaryfunc>(w)(self, args, kwargs); }
PyObject* wrap_init(PyObject* self, PyObject* args, void* w, PyObject* kwargs) { return done(as<initproc>(w)(self, args, kwargs)); }
PyObject* wrap_finalize(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 0)) return nullptr;
  as<destructor>(w)(self);
  return new_ref(Py_None);
}
PyObject* wrap_descr_get(PyObject* self, PyObject* args, void* w) {
  ThreadState& ts = current_thread();
  if (!expect_one_or_two(ts, args)) return nullptr;
  PyObject* instance = tuple_peek(args, 0);
  PyObject* type = tuple_size(args) == 2 ? tuple_peek(args, 1) : nullptr;
  if (instance == Py_None) instance = nullptr;
  if (type == Py_None) type = nullptr;
  if (instance == nullptr && type == nullptr) return raise(ts, PyExc_TypeError, "__get__(None, None) is invalid");
  return as<descrgetfunc>(w)(self, instance, type);
}
PyObject* wrap_descr_set(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 2)) return nullptr;
  return done(as<descrsetfunc>(w)(self, tuple_peek(args, 0), tuple_peek(args, 1)));
}
PyObject* wrap_descr_delete(PyObject* self, PyObject* args, void* w) {
  if (!expect(current_thread(), args, 1)) return nullptr;
  return done(as<descrsetfunc>(w)(self, tuple_peek(args, 0), nullptr));
}

}  // namespace atl
