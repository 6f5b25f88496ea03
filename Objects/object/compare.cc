// Comparison, hashing, truth.
#include "Objects/int/int.h"
#include "Objects/object/internal.h"
#include "Objects/str/str.h"
#include "Objects/type/type.h"

extern "C" {
// ORDER: Py_LT..Py_GE; the operator seen from the other side.
ATOLL_SEALED int _Py_SwappedOp[] = {Py_GT, Py_GE, Py_EQ, Py_NE, Py_LT, Py_LE};
}

namespace atl {

namespace {

constexpr const char* kOperatorText[] = {"<", "<=", "==", "!=", ">", ">="};

PyObject* try_compare(richcmpfunc f, PyObject* a, PyObject* b, int op) {
  PyObject* r = f(a, b, op);
  if (r != Py_NotImplemented) return r;
  decref(r);
  return r;
}

Ref<> compare_slots(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  PyTypeObject* ta = a->ob_type;
  PyTypeObject* tb = b->ob_type;
  bool reflected_tried = false;
  PyObject* r;
  if (ta != tb && tb->tp_richcompare != nullptr && is_subtype(tb, ta)) {
    reflected_tried = true;
    r = try_compare(tb->tp_richcompare, b, a, _Py_SwappedOp[op]);
    if (r != Py_NotImplemented) return Ref<>::steal(r);
  }
  if (richcmpfunc f = a->ob_type->tp_richcompare) {
    r = try_compare(f, a, b, op);
    if (r != Py_NotImplemented) return Ref<>::steal(r);
  }
  if (!reflected_tried) {
    if (richcmpfunc f = b->ob_type->tp_richcompare) {
      r = try_compare(f, b, a, _Py_SwappedOp[op]);
      if (r != Py_NotImplemented) return Ref<>::steal(r);
    }
  }
  if (op == Py_EQ) return new_bool(a == b);
  if (op == Py_NE) return new_bool(a != b);
  return raise(ts, PyExc_TypeError, "'%s' not supported between instances of '%.100T' and '%.100T'", kOperatorText[op], a, b);
}

}  // namespace

Ref<> object_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  RecursionGuard guard(ts, " in comparison");
  if (!guard.ok()) return {};
  return compare_slots(ts, a, b, op);
}

Tri object_richcompare_bool(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (a == b) {
    if (op == Py_EQ) return Tri::kTrue;
    if (op == Py_NE) return Tri::kFalse;
  }
  Ref<> r = object_richcompare(ts, a, b, op);
  if (!r) return Tri::kError;
  return object_is_true(ts, r.get());
}

Tri object_equal(ThreadState& ts, PyObject* a, PyObject* b) {
  if (a == b) return Tri::kTrue;
  if (is_exact_str(a) && is_exact_str(b)) return tri(str_equal(a, b));
  return object_richcompare_bool(ts, a, b, Py_EQ);
}

Tri object_is_true(ThreadState& ts, PyObject* o) {
  (void)ts;
  if (o == Py_True) return Tri::kTrue;
  if (o == Py_False || o == Py_None) return Tri::kFalse;
  PyTypeObject* type = o->ob_type;
  Py_ssize_t r;
  if (type->tp_as_number != nullptr && type->tp_as_number->nb_bool != nullptr) {
    r = type->tp_as_number->nb_bool(o);
  } else if (type->tp_as_mapping != nullptr && type->tp_as_mapping->mp_length != nullptr) {
    r = type->tp_as_mapping->mp_length(o);
  } else if (type->tp_as_sequence != nullptr && type->tp_as_sequence->sq_length != nullptr) {
    r = type->tp_as_sequence->sq_length(o);
  } else {
    return Tri::kTrue;
  }
  return r < 0 ? Tri::kError : tri(r > 0);
}

Status object_hash(ThreadState& ts, PyObject* o, Py_hash_t* out) {
  PyTypeObject* type = o->ob_type;
  if (ATOLL_UNLIKELY(type->tp_hash == nullptr)) {
    if (type->tp_dict == nullptr && failed(type_ready(ts, type))) return Status::kError;
    if (type->tp_hash == nullptr) return raise(ts, PyExc_TypeError, "unhashable type: '%.200T'", o);
  }
  Py_hash_t h = type->tp_hash(o);
  *out = h;
  return ATOLL_UNLIKELY(h == -1) ? Status::kError : Status::kOk;
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* PyObject_RichCompare(PyObject* a, PyObject* b, int op) {
  ThreadState& ts = current_thread();
  if (a == nullptr || b == nullptr) {
    if (!error_set(ts)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
    return nullptr;
  }
  return object_richcompare(ts, a, b, op).release();
}

int PyObject_RichCompareBool(PyObject* a, PyObject* b, int op) {
  return static_cast<int>(object_richcompare_bool(current_thread(), a, b, op));
}

int PyObject_IsTrue(PyObject* o) { return static_cast<int>(object_is_true(current_thread(), o)); }

int PyObject_Not(PyObject* o) {
  int r = PyObject_IsTrue(o);
  return r < 0 ? r : !r;
}

Py_hash_t PyObject_Hash(PyObject* o) {
  Py_hash_t h;
  return failed(object_hash(current_thread(), o, &h)) ? -1 : h;
}

Py_hash_t PyObject_HashNotImplemented(PyObject* o) {
  return raise(current_thread(), PyExc_TypeError, "unhashable type: '%.200T'", o);
}

// Addresses of objects are multiples of 16: the low bits go to the top.
Py_hash_t _Py_HashPointerRaw(const void* p) {
  auto v = reinterpret_cast<size_t>(p);
  return static_cast<Py_hash_t>(v >> 4 | v << (8 * sizeof v - 4));
}
