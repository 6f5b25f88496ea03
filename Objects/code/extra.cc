// Data that debuggers and the like attach to code objects (PEP 523): numbered slots, given out per interpreter.
#include <cstdlib>
#include <cstring>

#include "Objects/code/code.h"
#include "Objects/code/extra.h"
#include "ceval.h"

namespace atl {

namespace {

constexpr Py_ssize_t kMaxSlots = 255;

// Interpreter::code_state.
struct CodeSlots {
  Py_ssize_t count;
  freefunc free[kMaxSlots];
};

// PyCodeObject::co_extra.
struct Extras {
  Py_ssize_t count;
  void* items[1];
};

CodeSlots* slots_of(ThreadState& ts) { return static_cast<CodeSlots*>(ts.interpreter().code_state); }

bool valid(ThreadState& ts, PyObject* code, Py_ssize_t index) {
  const CodeSlots* slots = slots_of(ts);
  if (PyCode_Check(code) && slots != nullptr && index >= 0 && index < slots->count) return true;
  PyErr_BadInternalCall();
  return false;
}

}  // namespace

void code_extra_free(ThreadState& ts, void* extra) {
  auto* e = static_cast<Extras*>(extra);
  if (e == nullptr) return;
  const CodeSlots* slots = slots_of(ts);
  for (Py_ssize_t i = 0; i < e->count; ++i) {
    if (e->items[i] != nullptr && slots != nullptr && slots->free[i] != nullptr) slots->free[i](e->items[i]);
  }
  std::free(e);
}

}  // namespace atl

using namespace atl;

// A new slot's number; -1 when there are no more. `free` (or NULL) is called for what is in the slot when its code object ends.
Py_ssize_t _PyEval_RequestCodeExtraIndex(freefunc free) {
  ThreadState& ts = current_thread();
  Interpreter& interp = ts.interpreter();
  if (interp.code_state == nullptr) interp.code_state = std::calloc(1, sizeof(CodeSlots));
  CodeSlots* slots = slots_of(ts);
  if (slots == nullptr || slots->count == kMaxSlots) return -1;
  slots->free[slots->count] = free;
  return slots->count++;
}

// *extra is NULL where nothing has been set. -1 with SystemError for what is no code object or no slot.
int _PyCode_GetExtra(PyObject* code, Py_ssize_t index, void** extra) {
  *extra = nullptr;
  if (!valid(current_thread(), code, index)) return -1;
  const auto* e = static_cast<Extras*>(as_code(code)->head.co_extra);
  if (e != nullptr && index < e->count) *extra = e->items[index];
  return 0;
}

// Takes the slot's former content to its free function.
int _PyCode_SetExtra(PyObject* code, Py_ssize_t index, void* extra) {
  ThreadState& ts = current_thread();
  if (!valid(ts, code, index)) return -1;
  void*& place = as_code(code)->head.co_extra;
  auto* e = static_cast<Extras*>(place);
  const Py_ssize_t had = e != nullptr ? e->count : 0;
  if (had <= index) {
    e = static_cast<Extras*>(std::realloc(e, sizeof(Extras) + static_cast<size_t>(index) * sizeof(void*)));
    if (e == nullptr) {
      PyErr_NoMemory();
      return -1;
    }
    std::memset(e->items + had, 0, static_cast<size_t>(index + 1 - had) * sizeof(void*));
    e->count = index + 1;
    place = e;
  }
  void* former = std::exchange(e->items[index], extra);
  freefunc free = slots_of(ts)->free[index];
  if (former != nullptr && free != nullptr) free(former);
  return 0;
}
