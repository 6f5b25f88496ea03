// Slow paths: operators, comparison, building, unpacking, patterns, display.
#include "Objects/slice.h"
#include "Python/vm/internal.h"

namespace atl {

PyObject* slow_binary(ThreadState& ts, Opcode generic, PyObject* a, PyObject* b) {
  // Rows come in the order RR, RK, KR, IRR, IRK for each operator of BinaryOp.
  int index = static_cast<int>(generic) - static_cast<int>(Opcode::kAddRR);
  auto op = static_cast<BinaryOp>(index / 5);
  // Operands may be borrowed from locals that a debugger rebinds while Python code runs.
  Ref<> x = dup(a);
  Ref<> y = dup(b);
  if (index % 5 >= 3) return number_inplace(ts, op, a, b).release();
  return number_binary(ts, op, a, b).release();
}

PyObject* slow_append(ThreadState& ts, PyObject* left_owned, PyObject* right) {
  Ref<> left = Ref<>::steal(left_owned);
  // On failure the string is gone with its local; the exception says why.
  if (failed(str_append(ts, &left, right))) return nullptr;
  return left.release();
}

PyObject* slow_compare(ThreadState& ts, int op, PyObject* a, PyObject* b) {
  Ref<> x = dup(a);
  Ref<> y = dup(b);
  return object_richcompare(ts, a, b, op).release();
}

int slow_compare_bool(ThreadState& ts, int op, PyObject* a, PyObject* b) {
  Ref<> r = Ref<>::steal(slow_compare(ts, op, a, b));
  if (!r) return -1;
  return static_cast<int>(object_is_true(ts, r.get()));
}

bool slow_get_method(ThreadState& ts, PyObject* o, PyObject* name, PyObject** callable, PyObject** self) {
  Ref<> hold = dup(o);
  bool is_method_found = false;
  Ref<> f = object_getmethod(ts, o, name, &is_method_found);
  if (!f) return false;
  *callable = f.release();
  *self = is_method_found ? hold.release() : nullptr;
  return true;
}

PyObject* slow_build_set(ThreadState& ts, Slot* window, int n) {
  Ref<> s = set_new(ts, nullptr);
  if (!s) return nullptr;
  for (int i = 0; i < n; ++i) {
    if (failed(set_add(ts, s.get(), window[i].o))) return nullptr;
  }
  return s.release();
}

PyObject* slow_build_map(ThreadState& ts, Slot* window, int n) {
  Ref<> d = dict_new_presized(ts, n);
  if (!d) return nullptr;
  for (int i = 0; i < n; ++i) {
    if (failed(dict_set(ts, d.get(), window[2 * i].o, window[2 * i + 1].o))) return nullptr;
  }
  return d.release();
}

PyObject* slow_build_const_map(ThreadState& ts, Slot* window, int n) {
  PyObject* keys = window[n].o;
  Ref<> d = dict_new_presized(ts, n);
  if (!d) return nullptr;
  for (int i = 0; i < n; ++i) {
    if (failed(dict_set(ts, d.get(), tuple_peek(keys, i), window[i].o))) return nullptr;
  }
  return d.release();
}

PyObject* slow_build_string(ThreadState& ts, Slot* window, int n) {
  return str_join(ts, empty_str(), &window[0].o, n).release();
}

PyObject* slow_build_slice(ThreadState& ts, Slot* window, int n) {
  return slice_new(ts, window[0].o, window[1].o, n == 3 ? window[2].o : nullptr).release();
}

Status slow_list_extend(ThreadState& ts, PyObject* list, PyObject* iterable) {
  Status s = list_extend(ts, list, iterable);
  if (failed(s) && error_matches(ts, PyExc_TypeError) && iterable->ob_type->tp_iter == nullptr && !PySequence_Check(iterable)) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "Value after * must be an iterable, not %T", iterable);
  }
  return s;
}

Status slow_dict_update(ThreadState& ts, PyObject* dict, PyObject* mapping) {
  Status s = dict_merge(ts, dict, mapping, true);
  if (failed(s) && error_matches(ts, PyExc_AttributeError)) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "'%T' object is not a mapping", mapping);
  }
  return s;
}

Status slow_dict_merge(ThreadState& ts, PyObject* dict, PyObject* mapping, PyObject* callable) {
  Status s = dict_merge_unique(ts, dict, mapping);
  if (!failed(s)) return s;
  if (error_matches(ts, PyExc_AttributeError)) {
    error_clear(ts);
    Ref<> name = Ref<>::steal(_PyObject_FunctionStr(callable));
    if (!name) return Status::kError;
    return raise(ts, PyExc_TypeError, "%U argument after ** must be a mapping, not %T", name.get(), mapping);
  }
  if (error_matches(ts, PyExc_KeyError)) {
    Ref<> exc = error_take(ts);
    PyObject* args = reinterpret_cast<PyBaseExceptionObject*>(exc.get())->args;
    if (args != nullptr && is_tuple(args) && tuple_size(args) == 1) {
      Ref<> name = Ref<>::steal(_PyObject_FunctionStr(callable));
      if (!name) return Status::kError;
      return raise(ts, PyExc_TypeError, "%U got multiple values for keyword argument '%S'", name.get(), tuple_peek(args, 0));
    }
    error_restore(ts, std::move(exc));
  }
  return Status::kError;
}

// ---- unpacking ---------------------------------------------------------------------------------------------------

namespace {

void drop(Slot* out, int n) {
  for (int i = 0; i < n; ++i) decref(out[i].o);
}

Ref<> iterator_for_unpacking(ThreadState& ts, PyObject* o) {
  Ref<> it = object_iter(ts, o);
  if (!it && error_matches(ts, PyExc_TypeError) && o->ob_type->tp_iter == nullptr && !PySequence_Check(o)) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "cannot unpack non-iterable %T object", o);
  }
  return it;
}

}  // namespace

Status slow_unpack(ThreadState& ts, PyObject* iterable, Slot* out, int n) {
  Ref<> hold = dup(iterable);
  Ref<> it = iterator_for_unpacking(ts, iterable);
  if (!it) return Status::kError;
  // Collected aside: the destinations may be registers that the source occupies.
  for (int i = 0; i < n; ++i) {
    Ref<> item = iter_next(ts, it.get());
    if (!item) {
      drop(out, i);
      if (error_set(ts)) return Status::kError;
      return raise(ts, PyExc_ValueError, "not enough values to unpack (expected %d, got %d)", n, i);
    }
    out[i].o = item.release();
  }
  Ref<> extra = iter_next(ts, it.get());
  if (!extra && !error_set(ts)) return Status::kOk;
  drop(out, n);
  if (!extra) return Status::kError;
  return raise(ts, PyExc_ValueError, "too many values to unpack (expected %d)", n);
}

Status slow_unpack_ex(ThreadState& ts, PyObject* iterable, Slot* out, int before, int after) {
  Ref<> hold = dup(iterable);
  Ref<> it = iterator_for_unpacking(ts, iterable);
  if (!it) return Status::kError;
  for (int i = 0; i < before; ++i) {
    Ref<> item = iter_next(ts, it.get());
    if (!item) {
      drop(out, i);
      if (error_set(ts)) return Status::kError;
      return raise(ts, PyExc_ValueError, "not enough values to unpack (expected at least %d, got %d)", before + after, i);
    }
    out[i].o = item.release();
  }
  Ref<> rest = list_from_iterable(ts, it.get());
  if (!rest) {
    drop(out, before);
    return Status::kError;
  }
  Py_ssize_t n = list_size(rest.get());
  if (n < after) {
    drop(out, before);
    return raise(ts, PyExc_ValueError, "not enough values to unpack (expected at least %d, got %zd)", before + after, before + n);
  }
  for (int i = 0; i < after; ++i) out[before + 1 + i].o = list_items(rest.get())[n - after + i];
  reinterpret_cast<PyVarObject*>(rest.get())->ob_size = n - after;
  out[before].o = rest.release();
  return Status::kOk;
}

// ---- patterns ----------------------------------------------------------------------------------------------------

PyObject* slow_match_keys(ThreadState& ts, PyObject* subject, PyObject* keys) {
  Py_ssize_t n = tuple_size(keys);
  if (n == 0) return tuple_new(ts, 0).release();
  Ref<> get;
  bool is_method_found = false;
  get = object_getmethod(ts, subject, ID(get), &is_method_found);
  if (!get) return nullptr;
  Ref<> seen = set_new(ts, nullptr);
  // A value of its own tells "absent" from every value there can be.
  Ref<> absent = call(ts, obj(&PyBaseObject_Type));
  Ref<> values = tuple_new(ts, n);
  if (!seen || !absent || !values) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* key = tuple_peek(keys, i);
    Tri there = set_contains(ts, seen.get(), key);
    if (failed(there)) return nullptr;
    if (there == Tri::kTrue) return raise(ts, PyExc_ValueError, "mapping pattern checks duplicate key (%R)", key);
    if (failed(set_add(ts, seen.get(), key))) return nullptr;
    Ref<> v = is_method_found ? call(ts, get.get(), subject, key, absent.get()) : call(ts, get.get(), key, absent.get());
    if (!v) return nullptr;
    if (v.get() == absent.get()) return new_ref(Py_None);
    tuple_items(values.get())[i] = v.release();
  }
  return values.release();
}

namespace {

// One attribute of a class pattern; *out empty when absent. False on error.
bool match_attribute(ThreadState& ts, PyObject* subject, PyTypeObject* type, PyObject* name, PyObject* seen, Ref<>* out) {
  Tri there = set_contains(ts, seen, name);
  if (failed(there)) return false;
  if (there == Tri::kTrue) {
    (void)raise(ts, PyExc_TypeError, "%s() got multiple sub-patterns for attribute %R", type->tp_name, name);
    return false;
  }
  if (failed(set_add(ts, seen, name))) return false;
  return !failed(object_lookup_attr(ts, subject, name, out));
}

}  // namespace

PyObject* slow_match_class(ThreadState& ts, PyObject* subject, PyObject* type, PyObject* names, int npos) {
  if (!PyType_Check(type)) return raise(ts, PyExc_TypeError, "called match pattern must be a type");
  auto* t = reinterpret_cast<PyTypeObject*>(type);
  Tri is = object_isinstance(ts, subject, type);
  if (failed(is)) return nullptr;
  if (is == Tri::kFalse) return new_ref(Py_None);
  Ref<> seen = set_new(ts, nullptr);
  Ref<> values = list_new(ts, 0);
  if (!seen || !values) return nullptr;
  if (npos != 0) {
    bool match_self = false;
    Ref<> match_args;
    if (failed(object_lookup_attr(ts, type, ID(__match_args__), &match_args))) return nullptr;
    if (match_args) {
      if (!is_exact_tuple(match_args.get())) {
        return raise(ts, PyExc_TypeError, "%s.__match_args__ must be a tuple (got %T)", t->tp_name, match_args.get());
      }
    } else {
      match_args = tuple_new(ts, 0);
      if (!match_args) return nullptr;
      match_self = (t->tp_flags & _Py_TPFLAGS_MATCH_SELF) != 0;
    }
    Py_ssize_t allowed = match_self ? 1 : tuple_size(match_args.get());
    if (allowed < npos) {
      return raise(ts, PyExc_TypeError, "%s() accepts %zd positional sub-pattern%s (%d given)", t->tp_name, allowed,
                   allowed == 1 ? "" : "s", npos);
    }
    if (match_self) {
      if (failed(list_append(ts, values.get(), dup(subject)))) return nullptr;
    } else {
      for (int i = 0; i < npos; ++i) {
        PyObject* name = tuple_peek(match_args.get(), i);
        if (!is_exact_str(name)) {
          return raise(ts, PyExc_TypeError, "__match_args__ elements must be strings (got %T)", name);
        }
        Ref<> v;
        if (!match_attribute(ts, subject, t, name, seen.get(), &v)) return nullptr;
        if (!v) return new_ref(Py_None);
        if (failed(list_append(ts, values.get(), std::move(v)))) return nullptr;
      }
    }
  }
  for (Py_ssize_t i = 0; i < tuple_size(names); ++i) {
    Ref<> v;
    if (!match_attribute(ts, subject, t, tuple_peek(names, i), seen.get(), &v)) return nullptr;
    if (!v) return new_ref(Py_None);
    if (failed(list_append(ts, values.get(), std::move(v)))) return nullptr;
  }
  return list_as_tuple(ts, values.get()).release();
}

PyObject* slow_copy_dict_without_keys(ThreadState& ts, PyObject* d, PyObject* keys) {
  Ref<> rest = dict_new(ts);
  if (!rest || failed(dict_merge(ts, rest.get(), d, true))) return nullptr;
  for (Py_ssize_t i = 0; i < tuple_size(keys); ++i) {
    if (failed(dict_del(ts, rest.get(), tuple_peek(keys, i)))) return nullptr;
  }
  return rest.release();
}

// ---- display -----------------------------------------------------------------------------------------------------

PyObject* slow_convert(ThreadState& ts, PyObject* o, int how) {
  Ref<> hold = dup(o);
  switch (how) {
    case 1:
      return object_str(ts, o).release();
    case 2:
      return object_repr(ts, o).release();
    default:
      return object_ascii(ts, o).release();
  }
}

Status slow_print_expr(ThreadState& ts, PyObject* value) {
  Ref<> hold = dup(value);
  Ref<> hook;
  if (failed(dict_lookup(ts, ts.interpreter().sysdict, ID(displayhook), &hook))) return Status::kError;
  if (!hook) return raise(ts, PyExc_RuntimeError, "lost sys.displayhook");
  return call(ts, hook.get(), value) ? Status::kOk : Status::kError;
}

}  // namespace atl
