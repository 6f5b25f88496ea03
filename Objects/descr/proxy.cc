// mappingproxy.
#include "Objects/descr/descr.h"
#include "Objects/dict/dict.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"

namespace atl {

namespace {

MappingProxyObject* as_proxy(PyObject* o) { return reinterpret_cast<MappingProxyObject*>(o); }
bool is_proxy(PyObject* o) { return is_exact(o, &PyDictProxy_Type); }

Status check_mapping(ThreadState& ts, PyObject* mapping) {
  if (!PyMapping_Check(mapping) || is_list(mapping) || is_tuple(mapping)) {
    return raise(ts, PyExc_TypeError, "mappingproxy() argument must be a mapping, not %T", mapping);
  }
  return Status::kOk;
}

Ref<> proxy_new(ThreadState& ts, PyTypeObject*, PyObject* mapping) {
  if (failed(check_mapping(ts, mapping))) return {};
  return mapping_proxy_new(ts, mapping);
}

Py_ssize_t proxy_len(ThreadState&, MappingProxyObject* self) { return PyObject_Size(self->mapping); }
Ref<> proxy_getitem(ThreadState& ts, MappingProxyObject* self, PyObject* key) { return object_getitem(ts, self->mapping, key); }
int proxy_contains(ThreadState& ts, MappingProxyObject* self, PyObject* key) {
  if (is_exact_dict(self->mapping)) return static_cast<int>(dict_contains(ts, self->mapping, key));
  return static_cast<int>(object_contains(ts, self->mapping, key));
}
Ref<> proxy_iter(ThreadState& ts, MappingProxyObject* self) { return object_iter(ts, self->mapping); }
Ref<> proxy_repr(ThreadState& ts, MappingProxyObject* self) { return str_format(ts, "mappingproxy(%R)", self->mapping); }
Ref<> proxy_str(ThreadState& ts, MappingProxyObject* self) { return object_str(ts, self->mapping); }
Ref<> proxy_compare(ThreadState& ts, MappingProxyObject* self, PyObject* other, int op) {
  return object_richcompare(ts, self->mapping, other, op);
}

Ref<> proxy_or(ThreadState& ts, PyObject* a, PyObject* b) {
  if (is_proxy(a)) a = as_proxy(a)->mapping;
  if (is_proxy(b)) b = as_proxy(b)->mapping;
  return number_binary(ts, BinaryOp::kOr, a, b);
}
Ref<> proxy_ior(ThreadState& ts, PyObject* self, PyObject*) {
  return raise(ts, PyExc_TypeError, "'|=' is not supported by %T; use '|' instead", self);
}

Ref<> proxy_get(ThreadState& ts, MappingProxyObject* self, PyObject* key, PyObject* fallback) {
  return call_method(ts, self->mapping, ID(get), key, fallback != nullptr ? fallback : Py_None);
}
Ref<> proxy_keys(ThreadState& ts, MappingProxyObject* self) { return call_method(ts, self->mapping, ID(keys)); }
Ref<> proxy_values(ThreadState& ts, MappingProxyObject* self) { return call_method(ts, self->mapping, ID(values)); }
Ref<> proxy_items(ThreadState& ts, MappingProxyObject* self) { return call_method(ts, self->mapping, ID(items)); }
Ref<> proxy_copy(ThreadState& ts, MappingProxyObject* self) { return call_method(ts, self->mapping, ID(copy)); }
Ref<> proxy_reversed(ThreadState& ts, MappingProxyObject* self) { return call_method(ts, self->mapping, ID(__reversed__)); }

void proxy_dealloc(ThreadState& ts, MappingProxyObject* self) {
  untrack(self);
  { Ref<> mapping = Ref<>::steal(self->mapping); }
  free_object(ts, obj(self));
}
int proxy_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as_proxy(self)->mapping);
  return 0;
}

// Without signatures, as 3.11 shows them.
template <class M>
constexpr MethodSpec without_signature(M m, const char* doc) {
  return MethodSpec{m.name, m.entry, m.flags, doc};
}
constexpr MethodSpec kMethods[] = {
    without_signature(ATOLL_METHOD(proxy_get, "get", "($self, key, default=None, /)", ""),
                      "Return the value for key if key is in the mapping, else default."),
    without_signature(ATOLL_METHOD(proxy_keys, "keys", "($self, /)", ""), "D.keys() -> a set-like object providing a view on D's keys"),
    without_signature(ATOLL_METHOD(proxy_values, "values", "($self, /)", ""), "D.values() -> an object providing a view on D's values"),
    without_signature(ATOLL_METHOD(proxy_items, "items", "($self, /)", ""),
                      "D.items() -> a set-like object providing a view on D's items"),
    without_signature(ATOLL_METHOD(proxy_copy, "copy", "($self, /)", ""), "D.copy() -> a shallow copy of D"),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"),
    without_signature(ATOLL_METHOD(proxy_reversed, "__reversed__", "($self, /)", ""), "D.__reversed__() -> reverse iterator"),
    ATOLL_METHOD_END};

constexpr PyNumberMethods kNumber{.nb_or = ATOLL_SLOT(proxy_or), .nb_inplace_or = ATOLL_SLOT(proxy_ior)};
constexpr PySequenceMethods kSequence{.sq_contains = ATOLL_SLOT(proxy_contains)};
constexpr PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(proxy_len), .mp_subscript = ATOLL_SLOT(proxy_getitem)};

}  // namespace

Ref<> mapping_proxy_new(ThreadState& ts, PyObject* mapping) {
  auto p = new_object<MappingProxyObject>(ts, &PyDictProxy_Type);
  if (!p) return {};
  p->mapping = new_ref(mapping);
  track(ts, p.get());
  return p;
}

constinit const TypeSpec mappingproxy_spec{
    .name = "mappingproxy",
    .basicsize = sizeof(MappingProxyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MAPPING,
    .dealloc = ATOLL_SLOT(proxy_dealloc),
    .traverse = proxy_traverse,
    .repr = ATOLL_SLOT(proxy_repr),
    .str = ATOLL_SLOT(proxy_str),
    .richcompare = ATOLL_SLOT(proxy_compare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(proxy_iter),
    .new_ = ATOLL_NEW(proxy_new, "mappingproxy", "($type, mapping)"),
    .number = &kNumber,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .methods = kMethods,
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PyDictProxy_Type = {};
}

using namespace atl;

PyObject* PyDictProxy_New(PyObject* mapping) {
  ThreadState& ts = current_thread();
  if (failed(check_mapping(ts, mapping))) return nullptr;
  return mapping_proxy_new(ts, mapping).release();
}
