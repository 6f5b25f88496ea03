// Operators: 3.11's order of trying both sides, and its messages.
#include "Objects/bytes.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/object/internal.h"
#include "Objects/str/str.h"
#include "Objects/type/type.h"

namespace atl {

namespace {

// ORDER: BinaryOp. Offsets in PyNumberMethods of the operator and its in-place form, and their signs.
struct OperatorRow {
  size_t slot;
  size_t inplace;
  const char* sign;
  const char* inplace_sign;
};
#define ATOLL_OPERATOR(field, inplace, sign) \
  {offsetof(PyNumberMethods, field), offsetof(PyNumberMethods, inplace), sign, sign "="}
constexpr OperatorRow kOperators[] = {
    ATOLL_OPERATOR(nb_add, nb_inplace_add, "+"),
    ATOLL_OPERATOR(nb_subtract, nb_inplace_subtract, "-"),
    ATOLL_OPERATOR(nb_multiply, nb_inplace_multiply, "*"),
    ATOLL_OPERATOR(nb_matrix_multiply, nb_inplace_matrix_multiply, "@"),
    ATOLL_OPERATOR(nb_true_divide, nb_inplace_true_divide, "/"),
    ATOLL_OPERATOR(nb_floor_divide, nb_inplace_floor_divide, "//"),
    ATOLL_OPERATOR(nb_remainder, nb_inplace_remainder, "%"),
    ATOLL_OPERATOR(nb_power, nb_inplace_power, "**"),
    ATOLL_OPERATOR(nb_lshift, nb_inplace_lshift, "<<"),
    ATOLL_OPERATOR(nb_rshift, nb_inplace_rshift, ">>"),
    ATOLL_OPERATOR(nb_and, nb_inplace_and, "&"),
    ATOLL_OPERATOR(nb_xor, nb_inplace_xor, "^"),
    ATOLL_OPERATOR(nb_or, nb_inplace_or, "|"),
};
#undef ATOLL_OPERATOR
static_assert(std::size(kOperators) == static_cast<size_t>(BinaryOp::kCount));

template <class F>
ATOLL_INLINE F number_slot(const PyTypeObject* type, size_t offset) {
  const PyNumberMethods* m = type->tp_as_number;
  if (m == nullptr) return nullptr;
  return *reinterpret_cast<F const*>(reinterpret_cast<const char*>(m) + offset);
}

// Both sides' slots in the order the language gives them. NotImplemented when nobody can.
PyObject* try_binary(PyObject* a, PyObject* b, size_t offset) {
  auto left = number_slot<binaryfunc>(a->ob_type, offset);
  binaryfunc right = nullptr;
  if (b->ob_type != a->ob_type) {
    right = number_slot<binaryfunc>(b->ob_type, offset);
    if (right == left) right = nullptr;
  }
  if (left != nullptr) {
    if (right != nullptr && is_subtype(b->ob_type, a->ob_type)) {
      PyObject* r = right(a, b);
      if (r != Py_NotImplemented) return r;
      right = nullptr;
    }
    PyObject* r = left(a, b);
    if (r != Py_NotImplemented) return r;
  }
  if (right != nullptr) return right(a, b);
  return Py_NotImplemented;
}

PyObject* try_inplace(PyObject* a, PyObject* b, const OperatorRow& row) {
  if (auto f = number_slot<binaryfunc>(a->ob_type, row.inplace)) {
    PyObject* r = f(a, b);
    if (r != Py_NotImplemented) return r;
  }
  return try_binary(a, b, row.slot);
}

bool is_print_function(PyObject* o) {
  return PyCFunction_CheckExact(o) && std::string_view(reinterpret_cast<PyCFunctionObject*>(o)->m_ml->ml_name) == "print";
}

Raised raise_operands(ThreadState& ts, const char* sign, PyObject* a, PyObject* b) {
  if (std::string_view(sign) == ">>" && is_print_function(a)) {
    return raise(ts, PyExc_TypeError,
                 "unsupported operand type(s) for %.100s: '%.100T' and '%.100T'. Did you mean \"print(<message>, "
                 "file=<output_stream>)\"?",
                 sign, a, b);
  }
  return raise(ts, PyExc_TypeError, "unsupported operand type(s) for %.100s: '%.100T' and '%.100T'", sign, a, b);
}

Ref<> repeat(ThreadState& ts, ssizeargfunc f, PyObject* sequence, PyObject* count) {
  if (!PyIndex_Check(count)) {
    return raise(ts, PyExc_TypeError, "can't multiply sequence by non-int of type '%.200T'", count);
  }
  Py_ssize_t n;
  if (failed(index_as_ssize(ts, count, &n))) return {};
  return Ref<>::steal(f(sequence, n));
}

PySequenceMethods* sequence_of(PyObject* o) { return o->ob_type->tp_as_sequence; }

Ref<> power_by(ThreadState& ts, PyObject* a, PyObject* b, PyObject* c, const char* sign) {
  constexpr size_t kOffset = offsetof(PyNumberMethods, nb_power);
  auto left = number_slot<ternaryfunc>(a->ob_type, kOffset);
  ternaryfunc right = nullptr;
  if (b->ob_type != a->ob_type) {
    right = number_slot<ternaryfunc>(b->ob_type, kOffset);
    if (right == left) right = nullptr;
  }
  PyObject* r;
  ternaryfunc tried_right = right;
  if (left != nullptr) {
    if (right != nullptr && is_subtype(b->ob_type, a->ob_type)) {
      r = right(a, b, c);
      if (r != Py_NotImplemented) return Ref<>::steal(r);
      right = nullptr;
    }
    r = left(a, b, c);
    if (r != Py_NotImplemented) return Ref<>::steal(r);
  }
  if (right != nullptr) {
    r = right(a, b, c);
    if (r != Py_NotImplemented) return Ref<>::steal(r);
  }
  if (c != Py_None) {
    auto third = number_slot<ternaryfunc>(c->ob_type, kOffset);
    if (third != nullptr && third != left && third != tried_right) {
      r = third(a, b, c);
      if (r != Py_NotImplemented) return Ref<>::steal(r);
    }
    return raise(ts, PyExc_TypeError, "unsupported operand type(s) for %.100s: '%.100T', '%.100T', '%.100T'", sign, a, b, c);
  }
  return raise_operands(ts, sign, a, b);
}

}  // namespace

Ref<> number_binary(ThreadState& ts, BinaryOp op, PyObject* a, PyObject* b) {
  if (op == BinaryOp::kPow) return number_power(ts, a, b, Py_None);
  const OperatorRow& row = kOperators[static_cast<int>(op)];
  PyObject* r = try_binary(a, b, row.slot);
  if (ATOLL_LIKELY(r != Py_NotImplemented)) return Ref<>::steal(r);
  if (op == BinaryOp::kAdd) {
    PySequenceMethods* s = sequence_of(a);
    if (s != nullptr && s->sq_concat != nullptr) return Ref<>::steal(s->sq_concat(a, b));
  } else if (op == BinaryOp::kMul) {
    PySequenceMethods* s = sequence_of(a);
    if (s != nullptr && s->sq_repeat != nullptr) return repeat(ts, s->sq_repeat, a, b);
    s = sequence_of(b);
    if (s != nullptr && s->sq_repeat != nullptr) return repeat(ts, s->sq_repeat, b, a);
  }
  return raise_operands(ts, row.sign, a, b);
}

Ref<> number_inplace(ThreadState& ts, BinaryOp op, PyObject* a, PyObject* b) {
  const OperatorRow& row = kOperators[static_cast<int>(op)];
  if (op == BinaryOp::kPow) {
    if (auto f = number_slot<ternaryfunc>(a->ob_type, row.inplace)) {
      PyObject* r = f(a, b, Py_None);
      if (r != Py_NotImplemented) return Ref<>::steal(r);
    }
    return power_by(ts, a, b, Py_None, row.inplace_sign);
  }
  PyObject* r = try_inplace(a, b, row);
  if (ATOLL_LIKELY(r != Py_NotImplemented)) return Ref<>::steal(r);
  if (op == BinaryOp::kAdd) {
    if (PySequenceMethods* s = sequence_of(a)) {
      binaryfunc f = s->sq_inplace_concat != nullptr ? s->sq_inplace_concat : s->sq_concat;
      if (f != nullptr) return Ref<>::steal(f(a, b));
    }
  } else if (op == BinaryOp::kMul) {
    if (PySequenceMethods* s = sequence_of(a)) {
      ssizeargfunc f = s->sq_inplace_repeat != nullptr ? s->sq_inplace_repeat : s->sq_repeat;
      if (f != nullptr) return repeat(ts, f, a, b);
    } else if (PySequenceMethods* t = sequence_of(b)) {
      if (t->sq_repeat != nullptr) return repeat(ts, t->sq_repeat, b, a);
    }
  }
  return raise_operands(ts, row.inplace_sign, a, b);
}

Ref<> number_power(ThreadState& ts, PyObject* a, PyObject* b, PyObject* modulus) {
  return power_by(ts, a, b, modulus, "** or pow()");
}

Ref<> number_divmod(ThreadState& ts, PyObject* a, PyObject* b) {
  PyObject* r = try_binary(a, b, offsetof(PyNumberMethods, nb_divmod));
  if (r != Py_NotImplemented) return Ref<>::steal(r);
  return raise_operands(ts, "divmod()", a, b);
}

namespace {
Ref<> unary(ThreadState& ts, PyObject* o, size_t offset, const char* what) {
  if (auto f = number_slot<unaryfunc>(o->ob_type, offset)) return Ref<>::steal(f(o));
  return raise(ts, PyExc_TypeError, "bad operand type for %s: '%.200T'", what, o);
}
}  // namespace

Ref<> number_negative(ThreadState& ts, PyObject* o) { return unary(ts, o, offsetof(PyNumberMethods, nb_negative), "unary -"); }
Ref<> number_positive(ThreadState& ts, PyObject* o) { return unary(ts, o, offsetof(PyNumberMethods, nb_positive), "unary +"); }
Ref<> number_invert(ThreadState& ts, PyObject* o) { return unary(ts, o, offsetof(PyNumberMethods, nb_invert), "unary ~"); }
Ref<> number_absolute(ThreadState& ts, PyObject* o) { return unary(ts, o, offsetof(PyNumberMethods, nb_absolute), "abs()"); }

// ---- conversions -------------------------------------------------------------------------------------------------

namespace {

// What a conversion method returned: exact ints pass, subclasses with a warning, anything else is an error.
Ref<> checked_int(ThreadState& ts, Ref<> value, const char* method) {
  if (!value || is_exact_int(value.get())) return value;
  if (!is_int(value.get())) {
    return raise(ts, PyExc_TypeError, "%s returned non-int (type %.200T)", method, value.get());
  }
  if (failed(warn(ts, PyExc_DeprecationWarning, 1,
                  "%s returned non-int (type %.200T).  The ability to return an instance of a strict subclass of int "
                  "is deprecated, and may not be supported in a future version of Python.",
                  method, value.get()))) {
    return {};
  }
  return value;
}

Ref<> as_exact_int(ThreadState& ts, Ref<> value) {
  if (!value || is_exact_int(value.get())) return value;
  Py_ssize_t n = int_size(value.get());
  return int_from_digits(ts, int_digits(value.get()), n < 0 ? -n : n, n < 0);
}

Ref<> int_from_trunc(ThreadState& ts, PyObject* o, PyObject* method) {
  if (failed(warn(ts, PyExc_DeprecationWarning, 1, "The delegation of int() to __trunc__ is deprecated."))) return {};
  Ref<> result = call(ts, method);
  if (!result) return {};
  if (is_int(result.get())) return as_exact_int(ts, std::move(result));
  if (!PyIndex_Check(result.get())) {
    return raise(ts, PyExc_TypeError, "__trunc__ returned non-Integral (type %.200T)", result.get());
  }
  (void)o;
  return as_exact_int(ts, number_index(ts, result.get()));
}

}  // namespace

Ref<> number_index(ThreadState& ts, PyObject* o) {
  if (is_int(o)) return dup(o);
  auto f = number_slot<unaryfunc>(o->ob_type, offsetof(PyNumberMethods, nb_index));
  if (f == nullptr) return raise(ts, PyExc_TypeError, "'%.200T' object cannot be interpreted as an integer", o);
  return checked_int(ts, Ref<>::steal(f(o)), "__index__");
}

Ref<> number_long(ThreadState& ts, PyObject* o) {
  if (is_exact_int(o)) return dup(o);
  if (auto f = number_slot<unaryfunc>(o->ob_type, offsetof(PyNumberMethods, nb_int))) {
    return as_exact_int(ts, checked_int(ts, Ref<>::steal(f(o)), "__int__"));
  }
  if (PyIndex_Check(o)) return as_exact_int(ts, number_index(ts, o));
  Ref<> trunc;
  if (failed(object_lookup_special(ts, o, ID(__trunc__), &trunc))) return {};
  if (trunc) return int_from_trunc(ts, o, trunc.get());
  if (is_str(o)) return int_from_unicode(ts, o, 10);
  if (is_bytes(o)) return Ref<>::steal(_PyLong_FromBytes(bytes_data(o), bytes_size(o), 10));
  if (PyByteArray_Check(o)) return Ref<>::steal(_PyLong_FromBytes(PyByteArray_AS_STRING(o), PyByteArray_GET_SIZE(o), 10));
  Py_buffer view;
  if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) == 0) {
    // The digits must be followed by a zero byte.
    Ref<> bytes = bytes_from(ts, std::string_view(static_cast<const char*>(view.buf), static_cast<size_t>(view.len)));
    PyBuffer_Release(&view);
    if (!bytes) return {};
    return Ref<>::steal(_PyLong_FromBytes(bytes_data(bytes.get()), bytes_size(bytes.get()), 10));
  }
  error_clear(ts);
  return raise(ts, PyExc_TypeError, "int() argument must be a string, a bytes-like object or a real number, not '%.200T'", o);
}

Ref<> number_float(ThreadState& ts, PyObject* o) {
  if (is_exact_float(o)) return dup(o);
  if (auto f = number_slot<unaryfunc>(o->ob_type, offsetof(PyNumberMethods, nb_float))) {
    Ref<> result = Ref<>::steal(f(o));
    if (!result || is_exact_float(result.get())) return result;
    if (!is_float(result.get())) {
      return raise(ts, PyExc_TypeError, "%.50T.__float__ returned non-float (type %.50T)", o, result.get());
    }
    if (failed(warn(ts, PyExc_DeprecationWarning, 1,
                    "%.50T.__float__ returned non-float (type %.50T).  The ability to return an instance of a strict "
                    "subclass of float is deprecated, and may not be supported in a future version of Python.",
                    o, result.get()))) {
      return {};
    }
    return new_float(ts, float_value(result.get()));
  }
  if (PyIndex_Check(o)) {
    Ref<> index = number_index(ts, o);
    if (!index) return {};
    double v;
    if (failed(int_as_double(ts, index.get(), &v))) return {};
    return new_float(ts, v);
  }
  if (is_float(o)) return new_float(ts, float_value(o));
  return Ref<>::steal(PyFloat_FromString(o));
}

Status index_as_ssize(ThreadState& ts, PyObject* o, Py_ssize_t* out, PyObject* overflow) {
  if (ATOLL_LIKELY(is_exact_int(o) && int_is_compact(o))) {
    *out = int_compact_value(o);
    return Status::kOk;
  }
  Ref<> value = number_index(ts, o);
  if (!value) return Status::kError;
  int over;
  *out = int_as_i64_overflow(value.get(), &over);
  if (over == 0) return Status::kOk;
  if (overflow != nullptr) return raise(ts, overflow, "cannot fit '%.200T' into an index-sized integer", o);
  *out = over < 0 ? PY_SSIZE_T_MIN : PY_SSIZE_T_MAX;
  return Status::kOk;
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

namespace {
bool missing(ThreadState& ts, PyObject* o) {
  if (o != nullptr) return false;
  if (!error_set(ts)) (void)raise(ts, PyExc_SystemError, "null argument to internal routine");
  return true;
}
template <BinaryOp op>
PyObject* binary(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  if (missing(ts, a) || missing(ts, b)) return nullptr;
  return number_binary(ts, op, a, b).release();
}
template <BinaryOp op>
PyObject* inplace(PyObject* a, PyObject* b) {
  ThreadState& ts = current_thread();
  if (missing(ts, a) || missing(ts, b)) return nullptr;
  return number_inplace(ts, op, a, b).release();
}
template <auto f>
PyObject* one(PyObject* o) {
  ThreadState& ts = current_thread();
  if (missing(ts, o)) return nullptr;
  return f(ts, o).release();
}
}  // namespace

PyObject* PyNumber_Add(PyObject* a, PyObject* b) { return binary<BinaryOp::kAdd>(a, b); }
PyObject* PyNumber_Subtract(PyObject* a, PyObject* b) { return binary<BinaryOp::kSub>(a, b); }
PyObject* PyNumber_Multiply(PyObject* a, PyObject* b) { return binary<BinaryOp::kMul>(a, b); }
PyObject* PyNumber_MatrixMultiply(PyObject* a, PyObject* b) { return binary<BinaryOp::kMatMul>(a, b); }
PyObject* PyNumber_TrueDivide(PyObject* a, PyObject* b) { return binary<BinaryOp::kTrueDiv>(a, b); }
PyObject* PyNumber_FloorDivide(PyObject* a, PyObject* b) { return binary<BinaryOp::kFloorDiv>(a, b); }
PyObject* PyNumber_Remainder(PyObject* a, PyObject* b) { return binary<BinaryOp::kMod>(a, b); }
PyObject* PyNumber_Lshift(PyObject* a, PyObject* b) { return binary<BinaryOp::kLShift>(a, b); }
PyObject* PyNumber_Rshift(PyObject* a, PyObject* b) { return binary<BinaryOp::kRShift>(a, b); }
PyObject* PyNumber_And(PyObject* a, PyObject* b) { return binary<BinaryOp::kAnd>(a, b); }
PyObject* PyNumber_Xor(PyObject* a, PyObject* b) { return binary<BinaryOp::kXor>(a, b); }
PyObject* PyNumber_Or(PyObject* a, PyObject* b) { return binary<BinaryOp::kOr>(a, b); }
PyObject* PyNumber_InPlaceAdd(PyObject* a, PyObject* b) { return inplace<BinaryOp::kAdd>(a, b); }
PyObject* PyNumber_InPlaceSubtract(PyObject* a, PyObject* b) { return inplace<BinaryOp::kSub>(a, b); }
PyObject* PyNumber_InPlaceMultiply(PyObject* a, PyObject* b) { return inplace<BinaryOp::kMul>(a, b); }
PyObject* PyNumber_InPlaceMatrixMultiply(PyObject* a, PyObject* b) { return inplace<BinaryOp::kMatMul>(a, b); }
PyObject* PyNumber_InPlaceTrueDivide(PyObject* a, PyObject* b) { return inplace<BinaryOp::kTrueDiv>(a, b); }
PyObject* PyNumber_InPlaceFloorDivide(PyObject* a, PyObject* b) { return inplace<BinaryOp::kFloorDiv>(a, b); }
PyObject* PyNumber_InPlaceRemainder(PyObject* a, PyObject* b) { return inplace<BinaryOp::kMod>(a, b); }
PyObject* PyNumber_InPlaceLshift(PyObject* a, PyObject* b) { return inplace<BinaryOp::kLShift>(a, b); }
PyObject* PyNumber_InPlaceRshift(PyObject* a, PyObject* b) { return inplace<BinaryOp::kRShift>(a, b); }
PyObject* PyNumber_InPlaceAnd(PyObject* a, PyObject* b) { return inplace<BinaryOp::kAnd>(a, b); }
PyObject* PyNumber_InPlaceXor(PyObject* a, PyObject* b) { return inplace<BinaryOp::kXor>(a, b); }
PyObject* PyNumber_InPlaceOr(PyObject* a, PyObject* b) { return inplace<BinaryOp::kOr>(a, b); }

PyObject* PyNumber_Power(PyObject* a, PyObject* b, PyObject* c) { return number_power(current_thread(), a, b, c).release(); }
PyObject* PyNumber_InPlacePower(PyObject* a, PyObject* b, PyObject* c) {
  ThreadState& ts = current_thread();
  if (auto f = number_slot<ternaryfunc>(a->ob_type, offsetof(PyNumberMethods, nb_inplace_power))) {
    PyObject* r = f(a, b, c);
    if (r != Py_NotImplemented) return r;
  }
  return power_by(ts, a, b, c, "**=").release();
}
PyObject* PyNumber_Divmod(PyObject* a, PyObject* b) { return number_divmod(current_thread(), a, b).release(); }

PyObject* PyNumber_Negative(PyObject* o) { return one<number_negative>(o); }
PyObject* PyNumber_Positive(PyObject* o) { return one<number_positive>(o); }
PyObject* PyNumber_Invert(PyObject* o) { return one<number_invert>(o); }
PyObject* PyNumber_Absolute(PyObject* o) { return one<number_absolute>(o); }
PyObject* PyNumber_Long(PyObject* o) { return one<number_long>(o); }
PyObject* PyNumber_Float(PyObject* o) { return one<number_float>(o); }
PyObject* _PyNumber_Index(PyObject* o) { return one<number_index>(o); }
PyObject* PyNumber_Index(PyObject* o) {
  ThreadState& ts = current_thread();
  if (missing(ts, o)) return nullptr;
  return as_exact_int(ts, number_index(ts, o)).release();
}

int PyIndex_Check(PyObject* o) {
  return number_slot<unaryfunc>(o->ob_type, offsetof(PyNumberMethods, nb_index)) != nullptr;
}

int PyNumber_Check(PyObject* o) {
  if (o == nullptr) return 0;
  const PyNumberMethods* m = o->ob_type->tp_as_number;
  return m != nullptr && (m->nb_index != nullptr || m->nb_int != nullptr || m->nb_float != nullptr || PyComplex_Check(o));
}

Py_ssize_t PyNumber_AsSsize_t(PyObject* o, PyObject* exc) {
  Py_ssize_t n;
  return failed(index_as_ssize(current_thread(), o, &n, exc)) ? -1 : n;
}

PyObject* PyNumber_ToBase(PyObject* o, int base) {
  ThreadState& ts = current_thread();
  if (base != 2 && base != 8 && base != 10 && base != 16) {
    return raise(ts, PyExc_SystemError, "PyNumber_ToBase: base must be 2, 8, 10 or 16");
  }
  Ref<> index = number_index(ts, o);
  if (!index) return nullptr;
  return int_to_text(ts, index.get(), base, base != 10).release();
}
