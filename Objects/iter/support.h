// What the iterators of this folder (and of Modules/itertools) share.
#pragma once

#include "Objects/dict/dict.h"
#include "Objects/object.h"
#include "Objects/tuple.h"

namespace atl {

// The next item, or empty at the end or with an exception set: what a tp_iternext may pass on as it is.
// Iterators over iterators may be nested deeper than the C stack goes, or even in themselves.
ATOLL_INLINE Ref<> raw_next(PyObject* iterator) {
  if (ATOLL_UNLIKELY(!c_stack_ok(current_thread(), " while iterating"))) return {};
  return Ref<>::steal(iterator->ob_type->tp_iternext(iterator));
}

// An iterator's end: takes StopIteration back. kError when another exception is set.
ATOLL_INLINE Status end_of_iteration(ThreadState& ts) {
  return !error_set(ts) || error_clear_if(ts, PyExc_StopIteration) ? Status::kOk : Status::kError;
}

// tp_new's keywords: none, unless a subclass has an __init__ of its own to take them.
inline bool no_keywords(ThreadState& ts, const char* name, PyTypeObject* type, PyTypeObject* base, PyObject* kwargs) {
  if (kwargs == nullptr || dict_size(kwargs) == 0 || type->tp_init != base->tp_init) return true;
  (void)raise(ts, PyExc_TypeError, "%s() takes no keyword arguments", name);
  return false;
}
inline bool no_keyword_names(ThreadState& ts, const char* name, PyObject* kwnames) {
  if (kwnames == nullptr || tuple_size(kwnames) == 0) return true;
  (void)raise(ts, PyExc_TypeError, "%s() takes no keyword arguments", name);
  return false;
}

// "<name> expected at least/at most N argument(s), got n", or nothing when the number is right.
inline bool check_count(ThreadState& ts, const char* name, Py_ssize_t n, Py_ssize_t least, Py_ssize_t most) {
  if (ATOLL_LIKELY(n >= least && n <= most)) return true;
  Py_ssize_t limit = n < least ? least : most;
  const char* bound = least == most ? "" : n < least ? "at least " : "at most ";
  (void)raise(ts, PyExc_TypeError, "%s expected %s%zd argument%s, got %zd", name, bound, limit, limit == 1 ? "" : "s", n);
  return false;
}

// tp_new and vectorcall of a type that takes least..most positional arguments:
// `Ref<> prefix_make(ThreadState&, PyTypeObject* type, PyObject* const* args, Py_ssize_t n)`.
#define ATOLL_POSITIONAL_ENTRIES(prefix, text, least, most, exact)                                                      \
  PyObject* prefix##_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {                                     \
    ThreadState& ts = current_thread();                                                                                 \
    if (!no_keywords(ts, text, type, &exact, kwargs)) return nullptr;                                                   \
    if (!check_count(ts, text, tuple_size(args), least, most)) return nullptr;                                          \
    return obj(prefix##_make(ts, type, tuple_items(args), tuple_size(args)).release());                                 \
  }                                                                                                                     \
  PyObject* prefix##_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {              \
    ThreadState& ts = current_thread();                                                                                 \
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);                                                                          \
    if (!no_keyword_names(ts, text, kwnames) || !check_count(ts, text, n, least, most)) return nullptr;                 \
    return obj(prefix##_make(ts, reinterpret_cast<PyTypeObject*>(type), args, n).release());                            \
  }

// An instance: of the exact type quickly, of a subclass by tp_alloc; fields zero, tracked by the caller in the first case only.
template <class T>
Ref<T> new_instance(ThreadState& ts, PyTypeObject* type, PyTypeObject* exact) {
  if (type != exact) return Ref<T>::steal(reinterpret_cast<T*>(type->tp_alloc(type, 0)));
  Ref<T> o = new_object<T>(ts, type);
  if (o) {
    char* fields = reinterpret_cast<char*>(o.get()) + sizeof(PyObject);
    __builtin_memset(fields, 0, sizeof(T) - sizeof(PyObject));
    track(ts, o.get());
  }
  return o;
}
// At the end of a tp_dealloc: of the exact type, or of a subclass (which is a heap type) by its tp_free.
inline void free_instance(ThreadState& ts, PyObject* o) {
  if (o->ob_type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    o->ob_type->tp_free(o);
  } else {
    free_object(ts, o);
  }
}

// tp_dealloc and tp_traverse of a collectable struct whose owned fields are given as members: T::*F of type PyObject*.
template <class T, PyObject* T::*... F>
struct OwnedFields {
  static void clear_fields(PyObject* o) { (clear_field(reinterpret_cast<T*>(o)->*F), ...); }
  static void dealloc(PyObject* o) {
    ThreadState& ts = current_thread();
    untrack(o);
    if (trashcan_begin(ts, o)) return;
    clear_fields(o);
    free_instance(ts, o);
    trashcan_end(ts);
  }
  static int traverse(PyObject* o, visitproc visit, void* arg) {
    int result = 0;
    auto one = [&](PyObject* field) {
      if (field != nullptr && result == 0) result = visit(field, arg);
    };
    (one(reinterpret_cast<T*>(o)->*F), ...);
    return result;
  }
  static int clear(PyObject* o) {
    clear_fields(o);
    return 0;
  }
};

// (type(o), (args...)) and with a state behind, for __reduce__.
template <class... A>
Ref<> reduce_to(ThreadState& ts, PyObject* o, A*... args) {
  Ref<> t = tuple_of(ts, args...);
  return t ? tuple_of(ts, o->ob_type, t.get()) : Ref<>();
}

// builtins.<name>, for __reduce__.
inline Ref<> builtin_named(ThreadState& ts, const char* name) {
  Ref<> f = Ref<>::dup_of(PyDict_GetItemString(ts.interpreter().builtins, name));
  if (f) return f;
  return raise(ts, PyExc_AttributeError, "%s", name);
}
// What an exhausted iterator gives for pickle: (iter, ((),)).
inline Ref<> reduce_exhausted(ThreadState& ts) {
  Ref<> iter = builtin_named(ts, "iter");
  Ref<> args = tuple_of(ts, empty_tuple());
  return iter && args ? tuple_of(ts, iter.get(), args.get()) : Ref<>();
}

// The tuple that an iterator hands out again and again while nobody else has kept it. Fills it by fill(i), which gives the
// owned item number i, or empty to stop (then the result is empty too).
template <class F>
Ref<> refill_tuple(ThreadState& ts, PyObject*& kept, Py_ssize_t n, F fill) {
  if (kept != nullptr && kept->ob_refcnt == 1) {
    Ref<> t = dup(kept);
    for (Py_ssize_t i = 0; i < n; ++i) {
      Ref<> item = fill(i);
      if (!item) return {};
      set_field(tuple_items(t.get())[i], std::move(item));
    }
    if (!gc_is_tracked(t.get())) track(ts, t.get());
    return t;
  }
  Ref<> t = tuple_new(ts, n);
  if (!t) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> item = fill(i);
    if (!item) return {};
    tuple_items(t.get())[i] = item.release();
  }
  return t;
}

}  // namespace atl
