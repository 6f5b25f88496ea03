// builtins that walk iterables: all, any, iter, next, aiter, anext, max, min, sorted, sum.
#include "Modules/builtins_parts.h"
#include "Objects/bytes.h"
#include "Objects/float/float.h"
#include "Objects/generator.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

// Is there an item whose truth is `wanted`?
Tri any_item(ThreadState& ts, PyObject* iterable, Tri wanted) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) return Tri::kError;
  while (Ref<> item = raw_next(it.get())) {
    Tri truth = object_is_true(ts, item.get());
    if (failed(truth)) return truth;
    if (truth == wanted) return Tri::kTrue;
  }
  return failed(end_of_iteration(ts)) ? Tri::kError : Tri::kFalse;
}
Tri m_all(ThreadState& ts, PyObject*, PyObject* iterable) {
  Tri found = any_item(ts, iterable, Tri::kFalse);
  return failed(found) ? found : tri(found == Tri::kFalse);
}
Tri m_any(ThreadState& ts, PyObject*, PyObject* iterable) { return any_item(ts, iterable, Tri::kTrue); }

PyObject* m_iter(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (!check_count(ts, "iter", n, 1, 2)) return nullptr;
  if (n == 1) return object_iter(ts, args[0]).release();
  if (args[0]->ob_type->tp_call == nullptr) return raise(ts, PyExc_TypeError, "iter(v, w): v must be callable");
  return PyCallIter_New(args[0], args[1]);
}

PyObject* m_next(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (!check_count(ts, "next", n, 1, 2)) return nullptr;
  if (!is_iterator(args[0])) {
    return raise(ts, PyExc_TypeError, "'%.200s' object is not an iterator", args[0]->ob_type->tp_name);
  }
  Ref<> item = raw_next(args[0]);
  if (item) return item.release();
  if (n == 2) return failed(end_of_iteration(ts)) ? nullptr : new_ref(args[1]);
  if (!error_set(ts)) return raise_none(ts, PyExc_StopIteration);
  return nullptr;
}

Ref<> m_aiter(ThreadState&, PyObject*, PyObject* iterable) { return Ref<>::steal(PyObject_GetAIter(iterable)); }

Ref<> m_anext(ThreadState& ts, PyObject*, PyObject* iterator, PyObject* fallback) {
  PyTypeObject* type = iterator->ob_type;
  if (type->tp_as_async == nullptr || type->tp_as_async->am_anext == nullptr) {
    return raise(ts, PyExc_TypeError, "'%.200s' object is not an async iterator", type->tp_name);
  }
  Ref<> awaitable = Ref<>::steal(type->tp_as_async->am_anext(iterator));
  if (!awaitable || fallback == nullptr) return awaitable;
  return Ref<>::steal(PyAnextAwaitable_New(awaitable.get(), fallback));
}

// ---- max and min -------------------------------------------------------------------------------------------------

struct Extreme {
  const char* name;
  int op;  // a candidate that stands so to the best one so far replaces it
};

// Offers one item; *best and *best_key change hands when it wins.
Status offer(ThreadState& ts, const Extreme& which, Ref<> item, PyObject* key, Ref<>* best, Ref<>* best_key) {
  Ref<> by = key != nullptr ? call(ts, key, item.get()) : item.dup();
  if (!by) return Status::kError;
  if (*best) {
    Tri wins = object_richcompare_bool(ts, by.get(), best_key->get(), which.op);
    if (failed(wins)) return Status::kError;
    if (wins == Tri::kFalse) return Status::kOk;
  }
  *best = std::move(item);
  *best_key = std::move(by);
  return Status::kOk;
}

PyObject* extreme(const Extreme& which, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (n == 0) return raise(ts, PyExc_TypeError, "%s expected at least 1 argument, got 0", which.name);
  PyObject *fallback = nullptr, *key = nullptr;
  for (Py_ssize_t i = 0; kwnames != nullptr && i < tuple_size(kwnames); ++i) {
    PyObject* name = tuple_peek(kwnames, i);
    if (str_equals_ascii(name, "key")) {
      key = args[n + i];
    } else if (str_equals_ascii(name, "default")) {
      fallback = args[n + i];
    } else {
      return raise(ts, PyExc_TypeError, "'%U' is an invalid keyword argument for %s()", name, which.name);
    }
  }
  if (key == Py_None) key = nullptr;
  Ref<> best, best_key;
  if (n > 1) {
    if (fallback != nullptr) {
      return raise(ts, PyExc_TypeError, "Cannot specify a default for %s() with multiple positional arguments", which.name);
    }
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (failed(offer(ts, which, dup(args[i]), key, &best, &best_key))) return nullptr;
    }
    return best.release();
  }
  Ref<> it = object_iter(ts, args[0]);
  if (!it) return nullptr;
  while (Ref<> item = raw_next(it.get())) {
    if (failed(offer(ts, which, std::move(item), key, &best, &best_key))) return nullptr;
  }
  if (failed(end_of_iteration(ts))) return nullptr;
  if (best) return best.release();
  if (fallback != nullptr) return new_ref(fallback);
  return raise(ts, PyExc_ValueError, "%s() arg is an empty sequence", which.name);
}
PyObject* m_max(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return extreme({"max", Py_GT}, args, n, kwnames);
}
PyObject* m_min(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return extreme({"min", Py_LT}, args, n, kwnames);
}

PyObject* m_sorted(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (!check_count(ts, "sorted", n, 1, 1)) return nullptr;
  Ref<> list = list_from_iterable(ts, args[0]);
  if (!list) return nullptr;
  if (kwnames == nullptr || tuple_size(kwnames) == 0) {
    return failed(list_sort(ts, list.get(), nullptr, false)) ? nullptr : list.release();
  }
  // The keywords are list.sort's own business.
  Ref<> sort = object_getattr(ts, list.get(), ID(sort));
  if (!sort || !object_vectorcall(ts, sort.get(), args + 1, 0, kwnames)) return nullptr;
  return list.release();
}

// ---- sum ---------------------------------------------------------------------------------------------------------

// Adds ints while everything fits 64 bits, then floats, then anything; each stage hands over what it has.
class Summation {
 public:
  Summation(ThreadState& ts, Ref<> start) : ts_(ts), total_(std::move(start)) {
    if (is_exact_int(total_.get())) {
      int overflow;
      whole_ = int_as_i64_overflow(total_.get(), &overflow);
      if (overflow == 0) stage_ = Stage::kInt;
    } else if (is_exact_float(total_.get())) {
      real_ = float_value(total_.get());
      stage_ = Stage::kFloat;
    }
  }
  Status add(PyObject* item) {
    if (stage_ == Stage::kInt) {
      if (is_exact_int(item) || is_exact(item, &PyBool_Type)) {
        int overflow;
        int64_t v = int_as_i64_overflow(item, &overflow);
        int64_t next;
        if (overflow == 0 && !__builtin_add_overflow(whole_, v, &next)) {
          whole_ = next;
          return Status::kOk;
        }
      } else if (is_exact_float(item)) {
        // What int + float gives: the int is rounded first.
        real_ = static_cast<double>(whole_) + float_value(item);
        stage_ = Stage::kFloat;
        return Status::kOk;
      }
      if (failed(to_object())) return Status::kError;
    } else if (stage_ == Stage::kFloat) {
      if (is_exact_float(item)) {
        real_ += float_value(item);
        return Status::kOk;
      }
      if (is_int(item)) {
        int overflow;
        int64_t v = int_as_i64_overflow(item, &overflow);
        if (overflow == 0) {
          real_ += static_cast<double>(v);
          return Status::kOk;
        }
      }
      if (failed(to_object())) return Status::kError;
    }
    total_ = number_binary(ts_, BinaryOp::kAdd, total_.get(), item);
    return total_ ? Status::kOk : Status::kError;
  }
  Ref<> finish() {
    if (failed(to_object())) return {};
    return std::move(total_);
  }

 private:
  enum class Stage { kInt, kFloat, kObject };
  Status to_object() {
    if (stage_ == Stage::kObject) return Status::kOk;
    total_ = stage_ == Stage::kInt ? int_from_i64(ts_, whole_) : new_float(ts_, real_);
    stage_ = Stage::kObject;
    return total_ ? Status::kOk : Status::kError;
  }

  ThreadState& ts_;
  Ref<> total_;
  Stage stage_ = Stage::kObject;
  int64_t whole_ = 0;
  double real_ = 0;
};

Ref<> m_sum(ThreadState& ts, PyObject*, PyObject* iterable, PyObject* start) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) return {};
  if (start != nullptr) {
    if (is_str(start)) return raise(ts, PyExc_TypeError, "sum() can't sum strings [use ''.join(seq) instead]");
    if (is_bytes(start)) return raise(ts, PyExc_TypeError, "sum() can't sum bytes [use b''.join(seq) instead]");
    if (PyByteArray_Check(start)) return raise(ts, PyExc_TypeError, "sum() can't sum bytearray [use b''.join(seq) instead]");
  }
  Summation sum(ts, dup(start != nullptr ? start : small_int(0)));
  while (Ref<> item = raw_next(it.get())) {
    if (failed(sum.add(item.get()))) return {};
  }
  if (failed(end_of_iteration(ts))) return {};
  return sum.finish();
}

}  // namespace

constinit const MethodSpec kBuiltinIterationFunctions[] = {
    ATOLL_METHOD(m_all, "all", "($module, iterable, /)", "Is bool(x) True for every item x?\n\nTrue for an empty iterable."),
    ATOLL_METHOD(m_any, "any", "($module, iterable, /)", "Is bool(x) True for some item x?\n\nFalse for an empty iterable."),
    ATOLL_METHOD_RAW(m_iter, "iter", METH_FASTCALL,
                     "iter(iterable) -> iterator\niter(callable, sentinel) -> iterator\n\nAn iterator over an object's items, or over calls of the callable until it\nreturns the sentinel."),
    ATOLL_METHOD(m_aiter, "aiter", "($module, async_iterable, /)", "The asynchronous iterator of an asynchronous iterable."),
    ATOLL_METHOD_RAW(m_max, "max", METH_FASTCALL | METH_KEYWORDS,
                     "max(iterable, *[, default=obj, key=func]) -> value\nmax(arg1, arg2, *args, *[, key=func]) -> value\n\nThe largest item of an iterable, or of several arguments. The default is for\nan empty iterable."),
    ATOLL_METHOD_RAW(m_min, "min", METH_FASTCALL | METH_KEYWORDS,
                     "min(iterable, *[, default=obj, key=func]) -> value\nmin(arg1, arg2, *args, *[, key=func]) -> value\n\nThe smallest item of an iterable, or of several arguments. The default is for\nan empty iterable."),
    ATOLL_METHOD_RAW(m_next, "next", METH_FASTCALL,
                     "next(iterator[, default])\n\nThe next item. At the end, the default, or StopIteration without one."),
    ATOLL_METHOD(m_anext, "anext", "($module, aiterator, default=<unrepresentable>, /)",
                 "async anext(aiterator[, default])\n\nThe next item. At the end, the default, or StopAsyncIteration without one."),
    ATOLL_METHOD_RAW(m_sorted, "sorted", METH_FASTCALL | METH_KEYWORDS,
                     "sorted($module, iterable, /, *, key=None, reverse=False)\n--\n\nA new list with the items of the iterable in ascending order."),
    ATOLL_METHOD(m_sum, "sum", "($module, iterable, /, start=0)",
                 "The sum of a start value (0 by default) and the numbers of an iterable.\n\nThe start value where the iterable is empty."),
    ATOLL_METHOD_END};

}  // namespace atl
