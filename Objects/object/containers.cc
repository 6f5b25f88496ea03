// Items, lengths, membership, iteration; the sequence and mapping protocols.
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/object/internal.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"

namespace atl {

namespace {

PySequenceMethods* sequence_of(PyObject* o) { return o->ob_type->tp_as_sequence; }
PyMappingMethods* mapping_of(PyObject* o) { return o->ob_type->tp_as_mapping; }

bool has_len(PyObject* o) {
  return (sequence_of(o) != nullptr && sequence_of(o)->sq_length != nullptr) ||
         (mapping_of(o) != nullptr && mapping_of(o)->mp_length != nullptr);
}

Raised raise_null(ThreadState& ts) {
  if (!error_set(ts)) return raise(ts, PyExc_SystemError, "null argument to internal routine");
  return already_raised();
}

// Adds the length to a negative index, where the type has one.
Status wrap_index(PyObject* o, Py_ssize_t* i) {
  PySequenceMethods* s = sequence_of(o);
  if (*i < 0 && s->sq_length != nullptr) {
    Py_ssize_t n = s->sq_length(o);
    if (n < 0) return Status::kError;
    *i += n;
  }
  return Status::kOk;
}

Ref<> sequence_getitem(ThreadState& ts, PyObject* o, Py_ssize_t i) {
  PySequenceMethods* s = sequence_of(o);
  if (s != nullptr && s->sq_item != nullptr) {
    if (failed(wrap_index(o, &i))) return {};
    return Ref<>::steal(s->sq_item(o, i));
  }
  if (mapping_of(o) != nullptr && mapping_of(o)->mp_subscript != nullptr) {
    return raise(ts, PyExc_TypeError, "%.200T is not a sequence", o);
  }
  return raise(ts, PyExc_TypeError, "'%.200T' object does not support indexing", o);
}

Status sequence_setitem(ThreadState& ts, PyObject* o, Py_ssize_t i, PyObject* value) {
  PySequenceMethods* s = sequence_of(o);
  if (s != nullptr && s->sq_ass_item != nullptr) {
    if (failed(wrap_index(o, &i))) return Status::kError;
    return s->sq_ass_item(o, i, value) < 0 ? Status::kError : Status::kOk;
  }
  if (mapping_of(o) != nullptr && mapping_of(o)->mp_ass_subscript != nullptr) {
    return raise(ts, PyExc_TypeError, "%.200T is not a sequence", o);
  }
  return raise(ts, PyExc_TypeError,
               value != nullptr ? "'%.200T' object does not support item assignment"
                                : "'%.200T' object doesn't support item deletion",
               o);
}

Status assign_item(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value) {
  PyMappingMethods* m = mapping_of(o);
  if (ATOLL_LIKELY(m != nullptr && m->mp_ass_subscript != nullptr)) {
    return m->mp_ass_subscript(o, key, value) < 0 ? Status::kError : Status::kOk;
  }
  PySequenceMethods* s = sequence_of(o);
  if (s != nullptr && (value == nullptr || s->sq_ass_item != nullptr || s->sq_item != nullptr)) {
    if (PyIndex_Check(key) && s->sq_ass_item != nullptr) {
      Py_ssize_t i;
      if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return Status::kError;
      return sequence_setitem(ts, o, i, value);
    }
    if (s->sq_ass_item != nullptr) {
      return raise(ts, PyExc_TypeError, "sequence index must be integer, not '%.200T'", key);
    }
  }
  return raise(ts, PyExc_TypeError,
               value != nullptr ? "'%.200T' object does not support item assignment"
                                : "'%.200T' object does not support item deletion",
               o);
}

}  // namespace

Ref<> object_getitem(ThreadState& ts, PyObject* o, PyObject* key) {
  PyMappingMethods* m = mapping_of(o);
  if (ATOLL_LIKELY(m != nullptr && m->mp_subscript != nullptr)) {
    return Ref<>::steal(m->mp_subscript(o, key));
  }
  PySequenceMethods* s = sequence_of(o);
  if (s != nullptr && s->sq_item != nullptr) {
    if (!PyIndex_Check(key)) {
      return raise(ts, PyExc_TypeError, "sequence index must be integer, not '%.200T'", key);
    }
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, key, &i, PyExc_IndexError))) return {};
    return sequence_getitem(ts, o, i);
  }
  if (PyType_Check(o)) {
    if (o == obj(&PyType_Type)) return Ref<>::steal(Py_GenericAlias(o, key));
    Ref<> method;
    if (failed(object_lookup_attr(ts, o, ID(__class_getitem__), &method))) return {};
    if (method && method.get() != Py_None) return call(ts, method.get(), key);
    return raise(ts, PyExc_TypeError, "type '%.200N' is not subscriptable", reinterpret_cast<PyTypeObject*>(o));
  }
  return raise(ts, PyExc_TypeError, "'%.200T' object is not subscriptable", o);
}

Status object_setitem(ThreadState& ts, PyObject* o, PyObject* key, PyObject* value) { return assign_item(ts, o, key, value); }
Status object_delitem(ThreadState& ts, PyObject* o, PyObject* key) { return assign_item(ts, o, key, nullptr); }

Status object_len(ThreadState& ts, PyObject* o, Py_ssize_t* out) {
  lenfunc f = nullptr;
  if (sequence_of(o) != nullptr) f = sequence_of(o)->sq_length;
  if (f == nullptr && mapping_of(o) != nullptr) f = mapping_of(o)->mp_length;
  if (f == nullptr) return raise(ts, PyExc_TypeError, "object of type '%.200T' has no len()", o);
  *out = f(o);
  return *out < 0 ? Status::kError : Status::kOk;
}

Status object_length_hint(ThreadState& ts, PyObject* o, Py_ssize_t fallback, Py_ssize_t* out) {
  if (has_len(o)) {
    if (!failed(object_len(ts, o, out))) return Status::kOk;
    if (!error_clear_if(ts, PyExc_TypeError)) return Status::kError;
  }
  *out = fallback;
  Ref<> method;
  if (failed(object_lookup_special(ts, o, ID(__length_hint__), &method))) return Status::kError;
  if (!method) return Status::kOk;
  Ref<> result = call(ts, method.get());
  if (!result) return error_clear_if(ts, PyExc_TypeError) ? Status::kOk : Status::kError;
  if (result.get() == Py_NotImplemented) return Status::kOk;
  if (!is_int(result.get())) {
    return raise(ts, PyExc_TypeError, "__length_hint__ must be an integer, not %.100T", result.get());
  }
  int overflow;
  int64_t n = int_as_i64_overflow(result.get(), &overflow);
  if (overflow > 0) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C ssize_t");
  if (overflow < 0 || n < 0) return raise(ts, PyExc_ValueError, "__length_hint__() should return >= 0");
  *out = n;
  return Status::kOk;
}

// ---- iteration ---------------------------------------------------------------------------------------------------

bool is_iterator(PyObject* o) {
  iternextfunc f = o->ob_type->tp_iternext;
  return f != nullptr && f != _PyObject_NextNotImplemented;
}

Ref<> object_iter(ThreadState& ts, PyObject* o) {
  getiterfunc f = o->ob_type->tp_iter;
  if (f == nullptr) {
    if (PySequence_Check(o)) return Ref<>::steal(PySeqIter_New(o));
    return raise(ts, PyExc_TypeError, "'%.200T' object is not iterable", o);
  }
  Ref<> it = Ref<>::steal(f(o));
  if (it && ATOLL_UNLIKELY(!is_iterator(it.get()))) {
    return raise(ts, PyExc_TypeError, "iter() returned non-iterator of type '%.100T'", it.get());
  }
  return it;
}

Ref<> iter_next(ThreadState& ts, PyObject* iterator) {
  PyObject* item = iterator->ob_type->tp_iternext(iterator);
  if (item == nullptr && ATOLL_UNLIKELY(error_set(ts))) error_clear_if(ts, PyExc_StopIteration);
  return Ref<>::steal(item);
}

namespace {

enum class Search { kCount, kIndex, kContains };

Status iterate_search(ThreadState& ts, PyObject* o, PyObject* item, Search what, Py_ssize_t* out) {
  Ref<> it = object_iter(ts, o);
  if (!it) {
    if (error_clear_if(ts, PyExc_TypeError)) {
      return raise(ts, PyExc_TypeError, "argument of type '%.200T' is not iterable", o);
    }
    return Status::kError;
  }
  Py_ssize_t n = 0;
  bool wrapped = false;
  while (Ref<> x = iter_next(ts, it.get())) {
    Tri same = object_richcompare_bool(ts, x.get(), item, Py_EQ);
    if (failed(same)) return Status::kError;
    if (same == Tri::kTrue) {
      switch (what) {
        case Search::kCount:
          if (n == PY_SSIZE_T_MAX) return raise(ts, PyExc_OverflowError, "count exceeds C integer size");
          ++n;
          break;
        case Search::kIndex:
          if (wrapped) return raise(ts, PyExc_OverflowError, "index exceeds C integer size");
          *out = n;
          return Status::kOk;
        case Search::kContains:
          *out = 1;
          return Status::kOk;
      }
    }
    if (what == Search::kIndex) {
      if (n == PY_SSIZE_T_MAX) wrapped = true;
      else ++n;
    }
  }
  if (error_set(ts)) return Status::kError;
  if (what == Search::kIndex) return raise(ts, PyExc_ValueError, "sequence.index(x): x not in sequence");
  *out = n;
  return Status::kOk;
}

}  // namespace

Tri object_contains(ThreadState& ts, PyObject* o, PyObject* item) {
  PySequenceMethods* s = sequence_of(o);
  if (s != nullptr && s->sq_contains != nullptr) {
    int r = s->sq_contains(o, item);
    return r < 0 ? Tri::kError : tri(r != 0);
  }
  Py_ssize_t found;
  if (failed(iterate_search(ts, o, item, Search::kContains, &found))) return Tri::kError;
  return tri(found != 0);
}

}  // namespace atl

// ---- C API: objects ----------------------------------------------------------------------------------------------

using namespace atl;

PyObject* PyObject_GetItem(PyObject* o, PyObject* key) {
  ThreadState& ts = current_thread();
  if (o == nullptr || key == nullptr) return raise_null(ts);
  return object_getitem(ts, o, key).release();
}
int PyObject_SetItem(PyObject* o, PyObject* key, PyObject* value) {
  ThreadState& ts = current_thread();
  if (o == nullptr || key == nullptr || value == nullptr) return raise_null(ts);
  return static_cast<int>(object_setitem(ts, o, key, value));
}
int PyObject_DelItem(PyObject* o, PyObject* key) {
  ThreadState& ts = current_thread();
  if (o == nullptr || key == nullptr) return raise_null(ts);
  return static_cast<int>(object_delitem(ts, o, key));
}
int PyObject_DelItemString(PyObject* o, const char* key) {
  ThreadState& ts = current_thread();
  if (o == nullptr || key == nullptr) return raise_null(ts);
  Ref<> k = str_from_utf8(ts, std::string_view(key));
  if (!k) return -1;
  return static_cast<int>(object_delitem(ts, o, k.get()));
}
Py_ssize_t PyObject_Size(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  Py_ssize_t n;
  return failed(object_len(ts, o, &n)) ? -1 : n;
}
#undef PyObject_Length
Py_ssize_t PyObject_Length(PyObject* o) { return PyObject_Size(o); }
int _PyObject_HasLen(PyObject* o) { return has_len(o); }
Py_ssize_t PyObject_LengthHint(PyObject* o, Py_ssize_t fallback) {
  Py_ssize_t n;
  return failed(object_length_hint(current_thread(), o, fallback, &n)) ? -1 : n;
}
PyObject* PyObject_GetIter(PyObject* o) { return object_iter(current_thread(), o).release(); }

int PyIter_Check(PyObject* o) { return is_iterator(o); }
PyObject* PyIter_Next(PyObject* it) { return iter_next(current_thread(), it).release(); }

PySendResult PyIter_Send(PyObject* it, PyObject* arg, PyObject** result) {
  ThreadState& ts = current_thread();
  if (it->ob_type->tp_as_async != nullptr && it->ob_type->tp_as_async->am_send != nullptr) {
    return it->ob_type->tp_as_async->am_send(it, arg, result);
  }
  if (arg == Py_None && is_iterator(it)) {
    *result = it->ob_type->tp_iternext(it);
  } else {
    *result = call_method(ts, it, ID(send), arg).release();
  }
  if (*result != nullptr) return PYGEN_NEXT;
  return _PyGen_FetchStopIterationValue(result) == 0 ? PYGEN_RETURN : PYGEN_ERROR;
}

int PyAIter_Check(PyObject* o) {
  PyAsyncMethods* m = o->ob_type->tp_as_async;
  return m != nullptr && m->am_anext != nullptr && m->am_anext != _PyObject_NextNotImplemented;
}
PyObject* PyObject_GetAIter(PyObject* o) {
  ThreadState& ts = current_thread();
  PyAsyncMethods* m = o->ob_type->tp_as_async;
  if (m == nullptr || m->am_aiter == nullptr) {
    return raise(ts, PyExc_TypeError, "'%.200T' object is not an async iterable", o);
  }
  Ref<> it = Ref<>::steal(m->am_aiter(o));
  if (it && !PyAIter_Check(it.get())) {
    return raise(ts, PyExc_TypeError, "aiter() returned not an async iterator of type '%.100T'", it.get());
  }
  return it.release();
}

// ---- C API: sequences --------------------------------------------------------------------------------------------

int PySequence_Check(PyObject* o) {
  if (is_dict(o)) return 0;
  return sequence_of(o) != nullptr && sequence_of(o)->sq_item != nullptr;
}

Py_ssize_t PySequence_Size(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  if (sequence_of(o) != nullptr && sequence_of(o)->sq_length != nullptr) return sequence_of(o)->sq_length(o);
  if (mapping_of(o) != nullptr && mapping_of(o)->mp_length != nullptr) {
    return raise(ts, PyExc_TypeError, "%.200T is not a sequence", o);
  }
  return raise(ts, PyExc_TypeError, "object of type '%.200T' has no len()", o);
}
#undef PySequence_Length
Py_ssize_t PySequence_Length(PyObject* o) { return PySequence_Size(o); }

PyObject* PySequence_Concat(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  if (a == nullptr || b == nullptr) return raise_null(ts);
  if (sequence_of(a) != nullptr && sequence_of(a)->sq_concat != nullptr) return sequence_of(a)->sq_concat(a, b);
  if (PySequence_Check(a) && PySequence_Check(b)) {
    // Classes written in Python show concatenation as addition only.
    Ref<> r = number_binary(ts, BinaryOp::kAdd, a, b);
    if (r || !error_clear_if(ts, PyExc_TypeError)) return r.release();
  }
  return raise(ts, PyExc_TypeError, "'%.200T' object can't be concatenated", a);
}

PyObject* PySequence_Repeat(PyObject* o, Py_ssize_t count) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  if (sequence_of(o) != nullptr && sequence_of(o)->sq_repeat != nullptr) return sequence_of(o)->sq_repeat(o, count);
  if (PySequence_Check(o)) {
    Ref<> n = int_from_ssize(ts, count);
    if (!n) return nullptr;
    Ref<> r = number_binary(ts, BinaryOp::kMul, o, n.get());
    if (r || !error_clear_if(ts, PyExc_TypeError)) return r.release();
  }
  return raise(ts, PyExc_TypeError, "'%.200T' object can't be repeated", o);
}

PyObject* PySequence_InPlaceConcat(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  if (a == nullptr || b == nullptr) return raise_null(ts);
  PySequenceMethods* s = sequence_of(a);
  if (s != nullptr && s->sq_inplace_concat != nullptr) return s->sq_inplace_concat(a, b);
  if (s != nullptr && s->sq_concat != nullptr) return s->sq_concat(a, b);
  if (PySequence_Check(a) && PySequence_Check(b)) {
    Ref<> r = number_inplace(ts, BinaryOp::kAdd, a, b);
    if (r || !error_clear_if(ts, PyExc_TypeError)) return r.release();
  }
  return raise(ts, PyExc_TypeError, "'%.200T' object can't be concatenated", a);
}

PyObject* PySequence_InPlaceRepeat(PyObject* o, Py_ssize_t count) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  PySequenceMethods* s = sequence_of(o);
  if (s != nullptr && s->sq_inplace_repeat != nullptr) return s->sq_inplace_repeat(o, count);
  if (s != nullptr && s->sq_repeat != nullptr) return s->sq_repeat(o, count);
  if (PySequence_Check(o)) {
    Ref<> n = int_from_ssize(ts, count);
    if (!n) return nullptr;
    Ref<> r = number_inplace(ts, BinaryOp::kMul, o, n.get());
    if (r || !error_clear_if(ts, PyExc_TypeError)) return r.release();
  }
  return raise(ts, PyExc_TypeError, "'%.200T' object can't be repeated", o);
}

PyObject* PySequence_GetItem(PyObject* o, Py_ssize_t i) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  return sequence_getitem(ts, o, i).release();
}
int PySequence_SetItem(PyObject* o, Py_ssize_t i, PyObject* value) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  return static_cast<int>(sequence_setitem(ts, o, i, value));
}
int PySequence_DelItem(PyObject* o, Py_ssize_t i) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  return static_cast<int>(sequence_setitem(ts, o, i, nullptr));
}

namespace {
Ref<> slice_of(ThreadState& ts, Py_ssize_t low, Py_ssize_t high) {
  Ref<> a = int_from_ssize(ts, low);
  Ref<> b = a ? int_from_ssize(ts, high) : Ref<>();
  if (!b) return {};
  return Ref<>::steal(PySlice_New(a.get(), b.get(), nullptr));
}
int assign_slice(PyObject* o, Py_ssize_t low, Py_ssize_t high, PyObject* value) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  PyMappingMethods* m = mapping_of(o);
  if (m == nullptr || m->mp_ass_subscript == nullptr) {
    return raise(ts, PyExc_TypeError,
                 value != nullptr ? "'%.200T' object doesn't support slice assignment"
                                  : "'%.200T' object doesn't support slice deletion",
                 o);
  }
  Ref<> slice = slice_of(ts, low, high);
  return slice ? m->mp_ass_subscript(o, slice.get(), value) : -1;
}
}  // namespace

PyObject* PySequence_GetSlice(PyObject* o, Py_ssize_t low, Py_ssize_t high) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  PyMappingMethods* m = mapping_of(o);
  if (m == nullptr || m->mp_subscript == nullptr) return raise(ts, PyExc_TypeError, "'%.200T' object is unsliceable", o);
  Ref<> slice = slice_of(ts, low, high);
  return slice ? m->mp_subscript(o, slice.get()) : nullptr;
}
int PySequence_SetSlice(PyObject* o, Py_ssize_t low, Py_ssize_t high, PyObject* value) {
  return assign_slice(o, low, high, value);
}
int PySequence_DelSlice(PyObject* o, Py_ssize_t low, Py_ssize_t high) { return assign_slice(o, low, high, nullptr); }

PyObject* PySequence_Tuple(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  if (is_exact_tuple(o)) return new_ref(o);
  return tuple_from_iterable(ts, o).release();
}
PyObject* PySequence_List(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  return list_from_iterable(ts, o).release();
}
PyObject* PySequence_Fast(PyObject* o, const char* message) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  if (is_exact_list(o) || is_exact_tuple(o)) return new_ref(o);
  Ref<> it = object_iter(ts, o);
  if (!it) {
    if (error_clear_if(ts, PyExc_TypeError)) return raise(ts, PyExc_TypeError, "%s", message);
    return nullptr;
  }
  return list_from_iterable(ts, it.get()).release();
}

Py_ssize_t _PySequence_IterSearch(PyObject* o, PyObject* item, int operation) {
  ThreadState& ts = current_thread();
  if (o == nullptr || item == nullptr) return raise_null(ts);
  Search what = operation == PY_ITERSEARCH_COUNT   ? Search::kCount
                : operation == PY_ITERSEARCH_INDEX ? Search::kIndex
                                                   : Search::kContains;
  Py_ssize_t n;
  return failed(iterate_search(ts, o, item, what, &n)) ? -1 : n;
}
Py_ssize_t PySequence_Count(PyObject* o, PyObject* item) { return _PySequence_IterSearch(o, item, PY_ITERSEARCH_COUNT); }
Py_ssize_t PySequence_Index(PyObject* o, PyObject* item) { return _PySequence_IterSearch(o, item, PY_ITERSEARCH_INDEX); }
int PySequence_Contains(PyObject* o, PyObject* item) { return static_cast<int>(object_contains(current_thread(), o, item)); }
#undef PySequence_In
int PySequence_In(PyObject* o, PyObject* item) { return PySequence_Contains(o, item); }

// ---- C API: mappings ---------------------------------------------------------------------------------------------

int PyMapping_Check(PyObject* o) { return o != nullptr && mapping_of(o) != nullptr && mapping_of(o)->mp_subscript != nullptr; }

Py_ssize_t PyMapping_Size(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  if (mapping_of(o) != nullptr && mapping_of(o)->mp_length != nullptr) return mapping_of(o)->mp_length(o);
  if (sequence_of(o) != nullptr && sequence_of(o)->sq_length != nullptr) {
    return raise(ts, PyExc_TypeError, "%.200T is not a mapping", o);
  }
  return raise(ts, PyExc_TypeError, "object of type '%.200T' has no len()", o);
}
#undef PyMapping_Length
Py_ssize_t PyMapping_Length(PyObject* o) { return PyMapping_Size(o); }

PyObject* PyMapping_GetItemString(PyObject* o, const char* key) {
  ThreadState& ts = current_thread();
  if (key == nullptr) return raise_null(ts);
  Ref<> k = str_from_utf8(ts, std::string_view(key));
  return k ? object_getitem(ts, o, k.get()).release() : nullptr;
}
int PyMapping_SetItemString(PyObject* o, const char* key, PyObject* value) {
  ThreadState& ts = current_thread();
  if (key == nullptr) return raise_null(ts);
  Ref<> k = str_from_utf8(ts, std::string_view(key));
  return k ? static_cast<int>(object_setitem(ts, o, k.get(), value)) : -1;
}
int PyMapping_HasKeyString(PyObject* o, const char* key) {
  Ref<> v = Ref<>::steal(PyMapping_GetItemString(o, key));
  if (v) return 1;
  error_clear(current_thread());
  return 0;
}
int PyMapping_HasKey(PyObject* o, PyObject* key) {
  ThreadState& ts = current_thread();
  Ref<> v = object_getitem(ts, o, key);
  if (v) return 1;
  error_clear(ts);
  return 0;
}

namespace {
PyObject* view_as_list(PyObject* o, PyObject* method, Ref<> (*of_dict)(ThreadState&, PyObject*)) {
  ThreadState& ts = current_thread();
  if (o == nullptr) return raise_null(ts);
  if (is_exact_dict(o)) return of_dict(ts, o).release();
  Ref<> view = call_method(ts, o, method);
  if (!view) return nullptr;
  Ref<> it = object_iter(ts, view.get());
  if (!it) {
    if (error_clear_if(ts, PyExc_TypeError)) {
      return raise(ts, PyExc_TypeError, "%.200T.%U() returned a non-iterable (type %.200T)", o, method, view.get());
    }
    return nullptr;
  }
  return list_from_iterable(ts, it.get()).release();
}
}  // namespace

PyObject* PyMapping_Keys(PyObject* o) { return view_as_list(o, ID(keys), dict_keys_list); }
PyObject* PyMapping_Values(PyObject* o) { return view_as_list(o, ID(values), dict_values_list); }
PyObject* PyMapping_Items(PyObject* o) { return view_as_list(o, ID(items), dict_items_list); }

// ---- C API: odds and ends ----------------------------------------------------------------------------------------

int _Py_convert_optional_to_ssize_t(PyObject* o, void* out) {
  ThreadState& ts = current_thread();
  if (o == Py_None) return 1;
  if (!PyIndex_Check(o)) {
    (void)raise(ts, PyExc_TypeError, "argument should be integer or None, not %.200T", o);
    return 0;
  }
  Py_ssize_t n;
  if (failed(index_as_ssize(ts, o, &n))) return 0;
  *static_cast<Py_ssize_t*>(out) = n;
  return 1;
}

void _Py_FreeCharPArray(char* const* array) {
  if (array == nullptr) return;
  for (char* const* p = array; *p != nullptr; ++p) PyMem_Free(*p);
  PyMem_Free(const_cast<char**>(array));
}

char* const* _PySequence_BytesToCharpArray(PyObject* o) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PySequence_Size(o);
  if (n < 0) return nullptr;
  auto** array = static_cast<char**>(PyMem_Calloc(static_cast<size_t>(n) + 1, sizeof(char*)));
  if (array == nullptr) return raise_memory(ts);
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> item = sequence_getitem(ts, o, i);
    char* data;
    Py_ssize_t size;
    if (!item || PyBytes_AsStringAndSize(item.get(), &data, &size) < 0) {
      _Py_FreeCharPArray(array);
      return nullptr;
    }
    array[i] = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size) + 1));
    if (array[i] == nullptr) {
      _Py_FreeCharPArray(array);
      return raise_memory(ts);
    }
    __builtin_memcpy(array[i], data, static_cast<size_t>(size) + 1);
  }
  return array;
}
