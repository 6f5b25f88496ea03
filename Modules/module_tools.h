// What many modules need when they fill themselves: integer constants, struct sequences, heap types.
#pragma once

#include "Modules/module_def.h"
#include "Objects/structseq.h"

namespace atl {

struct IntConstant {
  const char* name;
  long value;
};
template <size_t N>
int add_int_constants(PyObject* module, const IntConstant (&constants)[N]) {
  for (const IntConstant& c : constants) {
    if (PyModule_AddIntConstant(module, c.name, c.value) < 0) return -1;
  }
  return 0;
}

// Fills a new struct sequence from left to right; the first failure leaves it empty.
class StructFiller {
 public:
  explicit StructFiller(PyTypeObject* type) : result_(Ref<>::steal(PyStructSequence_New(type))) {}
  StructFiller& add(PyObject* value_consumed) {
    Ref<> value = Ref<>::steal(value_consumed);
    if (!value) result_ = {};
    if (result_) PyStructSequence_SetItem(result_.get(), next_++, value.release());
    return *this;
  }
  Ref<> finish() { return std::move(result_); }

 private:
  Ref<> result_;
  Py_ssize_t next_ = 0;
};

// The end of tp_dealloc of a heap type's instance.
inline void heap_instance_free(PyObject* o) {
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}
inline PyTypeObject* heap_type(PyObject* module, PyType_Spec& spec, PyTypeObject* base = nullptr) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, obj(base)));
}

}  // namespace atl
