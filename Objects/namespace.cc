// types.SimpleNamespace.
#include "Objects/namespace.h"

#include "Objects/dict/dict.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "structmember.h"

namespace atl {

namespace {

struct NamespaceObject {
  PyObject ob_base;
  PyObject* dict;
};
static_assert(sizeof(NamespaceObject) == 24);

NamespaceObject* as_namespace(PyObject* o) { return reinterpret_cast<NamespaceObject*>(o); }

PyObject* namespace_tp_new(PyTypeObject* type, PyObject*, PyObject*) {
  ThreadState& ts = current_thread();
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return nullptr;
  as_namespace(o.get())->dict = dict_new(ts).release();
  return as_namespace(o.get())->dict != nullptr ? o.release() : nullptr;
}

int namespace_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) != 0) return raise(ts, PyExc_TypeError, "no positional arguments expected");
  if (kwargs == nullptr) return 0;
  if (!PyArg_ValidateKeywordArguments(kwargs)) return -1;
  return static_cast<int>(dict_merge(ts, as_namespace(self)->dict, kwargs, true));
}

Status write_items(ThreadState& ts, StrWriter& w, NamespaceObject* self) {
  Ref<> keys = dict_keys_list(ts, self->dict);
  if (!keys) return Status::kError;
  bool first = true;
  for (Py_ssize_t i = 0; i < list_size(keys.get()); ++i) {
    PyObject* key = list_items(keys.get())[i];
    if (!is_str(key) || str_length(key) == 0) continue;
    Ref<> value;
    if (failed(dict_lookup(ts, self->dict, key, &value))) return Status::kError;
    if (!value) continue;
    if (!first && failed(w.write_ascii(", "))) return Status::kError;
    first = false;
    if (failed(w.write(key)) || failed(w.write_ascii("=")) || failed(w.write_repr(value.get()))) return Status::kError;
  }
  return Status::kOk;
}

Ref<> namespace_repr(ThreadState& ts, NamespaceObject* self) {
  const char* name = is_exact(obj(self), &_PyNamespace_Type) ? "namespace" : type_of(self)->tp_name;
  int entered = repr_enter(ts, obj(self));
  if (entered < 0) return {};
  if (entered > 0) return str_format(ts, "%s(...)", name);
  ScopeGuard leave([&] { repr_leave(ts, obj(self)); });
  Ref<> head = str_format(ts, "%s(", name);
  if (!head) return {};
  StrWriter w(ts);
  if (failed(w.write(head.get())) || failed(write_items(ts, w, self)) || failed(w.write_ascii(")"))) return {};
  return w.finish();
}

Ref<> namespace_compare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_instance_nocall(a, &_PyNamespace_Type) || !is_instance_nocall(b, &_PyNamespace_Type)) return not_implemented();
  return object_richcompare(ts, as_namespace(a)->dict, as_namespace(b)->dict, op);
}

Ref<> namespace_reduce(ThreadState& ts, NamespaceObject* self) {
  return tuple_of(ts, obj(type_of(self)), empty_tuple(), self->dict);
}

void namespace_dealloc(ThreadState& ts, NamespaceObject* self) {
  untrack(self);
  { Ref<> d = Ref<>::steal(self->dict); }
  free_object_and_type(ts, obj(self));
}
int namespace_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as_namespace(self)->dict);
  return 0;
}
int namespace_clear(PyObject* self) {
  clear_field(as_namespace(self)->dict);
  return 0;
}

constexpr PyMemberDef kMembers[] = {{"__dict__", T_OBJECT, offsetof(NamespaceObject, dict), READONLY, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kMethods[] = {
    MethodSpec{"__reduce__", ATOLL_METHOD(namespace_reduce, "__reduce__", "($self, /)", "").entry, METH_NOARGS,
               "Return state information for pickling"},
    ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec namespace_spec{
    .name = "types.SimpleNamespace",
    .doc = "A simple attribute-based namespace.\n\nSimpleNamespace(**kwargs)",
    .basicsize = sizeof(NamespaceObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .dealloc = ATOLL_SLOT(namespace_dealloc),
    .traverse = namespace_traverse,
    .clear = namespace_clear,
    .repr = ATOLL_SLOT(namespace_repr),
    .richcompare = ATOLL_SLOT(namespace_compare),
    .getattro = PyObject_GenericGetAttr,
    .setattro = PyObject_GenericSetAttr,
    .init = namespace_init,
    .new_ = namespace_tp_new,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_GC_Del,
    .dict_offset = offsetof(NamespaceObject, dict),
    .methods = kMethods,
    .members = kMembers,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject _PyNamespace_Type = {};
}

PyObject* _PyNamespace_New(PyObject* dict) {
  using namespace atl;
  ThreadState& ts = current_thread();
  Ref<> o = Ref<>::steal(namespace_tp_new(&_PyNamespace_Type, nullptr, nullptr));
  if (!o) return nullptr;
  if (dict != nullptr && failed(dict_merge(ts, as_namespace(o.get())->dict, dict, true))) return nullptr;
  return o.release();
}
