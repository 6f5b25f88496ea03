// Descriptors inside the core: those of C types, property, classmethod, staticmethod, super, mappingproxy.
#pragma once

#include "Objects/object.h"

namespace atl {

struct PropertyObject {
  PyObject ob_base;
  PyObject* get;
  PyObject* set;
  PyObject* del;
  PyObject* doc;
  PyObject* name;       // by __set_name__
  int doc_from_getter;
};
static_assert(sizeof(PropertyObject) == 64);

// classmethod and staticmethod.
struct MethodDecoratorObject {
  PyObject ob_base;
  PyObject* callable;
  PyObject* dict;
};
static_assert(sizeof(MethodDecoratorObject) == 32);

struct SuperObject {
  PyObject ob_base;
  PyTypeObject* type;
  PyObject* object;
  PyTypeObject* object_type;
};
static_assert(sizeof(SuperObject) == 40);

struct MappingProxyObject {
  PyObject ob_base;
  PyObject* mapping;
};
static_assert(sizeof(MappingProxyObject) == 24);

struct MethodWrapperObject {
  PyObject ob_base;
  PyWrapperDescrObject* descr;
  PyObject* self;
};
static_assert(sizeof(MethodWrapperObject) == 32);

// Those of static types are made in the sealed arena, complete.
Ref<> descr_new_method(ThreadState& ts, PyTypeObject* type, PyMethodDef* def);
Ref<> descr_new_classmethod(ThreadState& ts, PyTypeObject* type, PyMethodDef* def);
Ref<> descr_new_member(ThreadState& ts, PyTypeObject* type, PyMemberDef* def);
Ref<> descr_new_getset(ThreadState& ts, PyTypeObject* type, PyGetSetDef* def);
Ref<> descr_new_wrapper(ThreadState& ts, PyTypeObject* type, wrapperbase* base, void* wrapped);
Ref<> mapping_proxy_new(ThreadState& ts, PyObject* mapping);
// super(type, object).name as the instruction for zero-argument super needs it.
Ref<> super_lookup(ThreadState& ts, SuperObject* super, PyObject* name);

// Bring-up: an immortal copy of a built-in function, an immortal staticmethod around it.
Ref<> static_builtin_function(ThreadState& ts, PyTypeObject* owner, PyObject* function);
Ref<> static_staticmethod(ThreadState& ts, PyTypeObject* owner, Ref<> callable);

}  // namespace atl
