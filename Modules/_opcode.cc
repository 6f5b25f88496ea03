// _opcode: facts about instructions. Atoll's are those of a register machine, so none has an effect on a stack.
#include "Modules/module_def.h"
#include "Objects/code/image.h"
#include "Objects/int/int.h"

namespace atl {

namespace {

Ref<> m_stack_effect(ThreadState& ts, PyObject*, int opcode, PyObject* oparg, PyObject* jump) {
  constexpr int kCount = static_cast<int>(Opcode::kGenericCount);
  bool takes_argument = opcode >= 0 && opcode < kCount && kOpInfo[opcode].a != Operand::None;
  if (oparg == nullptr) oparg = Py_None;
  if (opcode < 0 || opcode >= kCount) return raise(ts, PyExc_ValueError, "invalid opcode or oparg");
  if (takes_argument && oparg == Py_None) {
    return raise(ts, PyExc_ValueError, "stack_effect: opcode requires oparg but oparg was not specified");
  }
  if (!takes_argument && oparg != Py_None) {
    return raise(ts, PyExc_ValueError, "stack_effect: opcode does not permit oparg but oparg was specified");
  }
  Py_ssize_t ignored;
  if (oparg != Py_None && failed(index_as_ssize(ts, oparg, &ignored))) return {};
  if (jump != nullptr && jump != Py_None && jump != Py_True && jump != Py_False) {
    return raise(ts, PyExc_ValueError, "stack_effect: jump must be False, True or None");
  }
  return dup(small_int(0));
}
// Statistics are a matter of special builds of 3.11, and of none of ours.
Ref<> m_specialization_stats(ThreadState&, PyObject*) { return new_none(); }

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(m_stack_effect, "stack_effect", "($module, opcode, oparg=None, /, *, jump=None)", "Compute the stack effect of the opcode."),
    ATOLL_METHOD(m_specialization_stats, "get_specialization_stats", "($module, /)", "Return the specialization stats"),
    ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__opcode, "_opcode", "Opcode support module.", 0, atl::kFunctions, atl::module_exec_nothing)
