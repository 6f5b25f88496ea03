// None, NotImplemented, Ellipsis.
#include "Objects/dict/dict.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"

extern "C" {
// 64 bytes apart: compiled extensions count on them without looking, from several cores.
alignas(64) ATOLL_SEALED PyObject _Py_NoneStruct = {atl::kImmortalRefcnt, &_PyNone_Type};
alignas(64) ATOLL_SEALED PyObject _Py_NotImplementedStruct = {atl::kImmortalRefcnt, &_PyNotImplemented_Type};
alignas(64) ATOLL_SEALED PyObject _Py_EllipsisObject = {atl::kImmortalRefcnt, &PyEllipsis_Type};
ATOLL_SEALED PyTypeObject _PyNone_Type = {};
ATOLL_SEALED PyTypeObject _PyNotImplemented_Type = {};
ATOLL_SEALED PyTypeObject PyEllipsis_Type = {};
}

namespace atl {

namespace {

Ref<> none_repr(ThreadState&, PyObject*) { return dup(ID(kw_None)); }
int none_bool(PyObject*) { return 0; }

bool any_arguments(PyObject* args, PyObject* kwargs) {
  return tuple_size(args) != 0 || (kwargs != nullptr && dict_size(kwargs) != 0);
}

PyObject* none_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (any_arguments(args, kwargs)) return raise(current_thread(), PyExc_TypeError, "NoneType takes no arguments");
  return Py_None;
}
PyObject* not_implemented_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (any_arguments(args, kwargs)) return raise(current_thread(), PyExc_TypeError, "NotImplementedType takes no arguments");
  return Py_NotImplemented;
}
PyObject* ellipsis_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (any_arguments(args, kwargs)) return raise(current_thread(), PyExc_TypeError, "EllipsisType takes no arguments");
  return Py_Ellipsis;
}

Ref<> not_implemented_text(ThreadState& ts, PyObject*) { return str_interned(ts, "NotImplemented"); }
Ref<> ellipsis_text(ThreadState& ts, PyObject*) { return str_interned(ts, "Ellipsis"); }

int not_implemented_bool(ThreadState& ts, PyObject*) {
  if (failed(warn(ts, PyExc_DeprecationWarning, 1, "NotImplemented should not be used in a boolean context"))) return -1;
  return 1;
}

void never_freed(PyObject* o) {
  std::fprintf(stderr, "Fatal Python error: deallocating %s\n", o->ob_type->tp_name);
  std::abort();
}

constexpr MethodSpec kNotImplementedMethods[] = {
    MethodSpec{"__reduce__", ATOLL_METHOD(not_implemented_text, "__reduce__", "($self, /)", "").entry, METH_NOARGS, nullptr},
    ATOLL_METHOD_END};
constexpr MethodSpec kEllipsisMethods[] = {
    MethodSpec{"__reduce__", ATOLL_METHOD(ellipsis_text, "__reduce__", "($self, /)", "").entry, METH_NOARGS, nullptr},
    ATOLL_METHOD_END};
constexpr PyNumberMethods kNoneNumber{.nb_bool = none_bool};
constexpr PyNumberMethods kNotImplementedNumber{.nb_bool = ATOLL_SLOT(not_implemented_bool)};

}  // namespace

constinit const TypeSpec none_spec{
    .name = "NoneType",
    .dealloc = never_freed,
    .repr = ATOLL_SLOT(none_repr),
    .new_ = none_new,
    .number = &kNoneNumber,
};
constinit const TypeSpec not_implemented_spec{
    .name = "NotImplementedType",
    .dealloc = never_freed,
    .repr = ATOLL_SLOT(not_implemented_text),
    .getattro = PyObject_GenericGetAttr,
    .new_ = not_implemented_new,
    .number = &kNotImplementedNumber,
    .methods = kNotImplementedMethods,
};
constinit const TypeSpec ellipsis_spec{
    .name = "ellipsis",
    .dealloc = never_freed,
    .repr = ATOLL_SLOT(ellipsis_text),
    .getattro = PyObject_GenericGetAttr,
    .new_ = ellipsis_new,
    .methods = kEllipsisMethods,
};

}  // namespace atl
