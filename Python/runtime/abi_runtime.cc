#include "Python/runtime/abi_runtime.h"

#include <atomic>

#include "Python/runtime/runtime.h"

// Offsets and size are those of 3.11.2 on x86-64; Debian's modules hold them as constants.
struct AbiRuntime {
  char before_current[576];
  std::atomic<PyThreadState*> current;
  char before_zero[840 - 576 - sizeof(std::atomic<PyThreadState*>)];
  PyLongObject zero;
  PyLongObject one;
  char rest[166688 - 872 - sizeof(PyLongObject)];
};
static_assert(offsetof(AbiRuntime, current) == 576 && offsetof(AbiRuntime, zero) == 840 && offsetof(AbiRuntime, one) == 872);
static_assert(sizeof(AbiRuntime) == 166688);

extern "C" {
__attribute__((visibility("default"))) constinit AbiRuntime _PyRuntime = {};
}

namespace atl {

void abi_runtime_bringup() {
  for (PyLongObject* o : {&_PyRuntime.zero, &_PyRuntime.one}) {
    auto* head = reinterpret_cast<PyVarObject*>(o);
    head->ob_base.ob_refcnt = kImmortalRefcnt;
    head->ob_base.ob_type = &PyLong_Type;
  }
  reinterpret_cast<PyVarObject*>(&_PyRuntime.one)->ob_size = 1;
  _PyRuntime.one.ob_digit[0] = 1;
}

void abi_runtime_current(ThreadState* ts) { _PyRuntime.current.store(ts, std::memory_order_relaxed); }

}  // namespace atl
