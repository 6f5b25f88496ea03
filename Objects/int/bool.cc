// bool: the two instances True and False, ints that print differently.
#include "Objects/int/int.h"
#include "Objects/type/spec.h"

namespace atl {
namespace {

Ref<> bool_repr(ThreadState&, PyObject* o) { return dup(o == Py_True ? ID(kw_True) : ID(kw_False)); }

Ref<> bool_make(ThreadState& ts, PyObject* x) {
  if (x == nullptr) return new_bool(false);
  Tri truth = object_is_true(ts, x);
  if (failed(truth)) return {};
  return new_bool(truth == Tri::kTrue);
}

PyObject* bool_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (kwargs != nullptr && PyDict_GET_SIZE(kwargs) > 0) {
    return raise(ts, PyExc_TypeError, "bool() takes no keyword arguments");
  }
  Py_ssize_t n = PyTuple_GET_SIZE(args);
  if (n > 1) return raise(ts, PyExc_TypeError, "bool expected at most 1 argument, got %zd", n);
  return bool_make(ts, n == 1 ? PyTuple_GET_ITEM(args, 0) : nullptr).release();
}

PyObject* bool_vectorcall(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (kwnames != nullptr && PyTuple_GET_SIZE(kwnames) > 0) {
    return raise(ts, PyExc_TypeError, "bool() takes no keyword arguments");
  }
  if (n > 1) return raise(ts, PyExc_TypeError, "bool expected at most 1 argument, got %zd", n);
  return bool_make(ts, n == 1 ? args[0] : nullptr).release();
}

enum class Logic { kAnd, kOr, kXor };

// Of two bools a bool; with any other int, what ints answer.
template <Logic kLogic>
Ref<> bool_logic(ThreadState& ts, PyObject* a, PyObject* b) {
  if (type_of(a) != &PyBool_Type || type_of(b) != &PyBool_Type) {
    if (!is_int(a) || !is_int(b)) return not_implemented();
    return kLogic == Logic::kAnd  ? int_and(ts, a, b)
           : kLogic == Logic::kOr ? int_or(ts, a, b)
                                  : int_xor(ts, a, b);
  }
  bool x = a == Py_True, y = b == Py_True;
  return new_bool(kLogic == Logic::kAnd ? x && y : kLogic == Logic::kOr ? x || y : x != y);
}

constexpr PyNumberMethods kNumber = {
    .nb_and = ATOLL_SLOT(bool_logic<Logic::kAnd>),
    .nb_xor = ATOLL_SLOT(bool_logic<Logic::kXor>),
    .nb_or = ATOLL_SLOT(bool_logic<Logic::kOr>),
};

// Both instances are immortal, whatever compiled code does to their counts.
void bool_dealloc(PyObject* o) { o->ob_refcnt = kImmortalRefcnt; }

}  // namespace

constinit const TypeSpec bool_spec{
    .name = "bool",
    .doc =
        "bool(x=False)\n\nTrue if x is true, else False. The class has these two instances and no "
        "subclasses.",
    .basicsize = sizeof(PyLongObject),
    .itemsize = sizeof(Digit),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_LONG_SUBCLASS | _Py_TPFLAGS_MATCH_SELF,
    .base = &PyLong_Type,
    .dealloc = bool_dealloc,
    .repr = ATOLL_SLOT(bool_repr),
    .new_ = bool_new,
    .vectorcall = bool_vectorcall,
    .number = &kNumber,
};

}  // namespace atl

using namespace atl;

ATOLL_SEALED PyTypeObject PyBool_Type = {};
alignas(64) ATOLL_SEALED PyLongObject _Py_FalseStruct = {};
alignas(64) ATOLL_SEALED PyLongObject _Py_TrueStruct = {};

PyObject* PyBool_FromLong(long v) { return new_bool(v != 0).release(); }
#undef Py_IsTrue
#undef Py_IsFalse
int Py_IsTrue(PyObject* x) { return x == Py_True; }
int Py_IsFalse(PyObject* x) { return x == Py_False; }
