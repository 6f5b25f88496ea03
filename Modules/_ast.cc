// _ast: the types of syntax trees. They live in Python/compiler; this is the door.
#include "Modules/ast_bridge.h"
#include "Modules/module_def.h"
#include "Python/compiler/ast_objects.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"

namespace atl {
namespace {

constexpr MethodSpec kMethods[] = {ATOLL_METHOD_END};

int exec_ast(PyObject* m) {
  ThreadState& ts = current_thread();
  if (PyModule_AddIntConstant(m, "PyCF_ALLOW_TOP_LEVEL_AWAIT", PyCF_ALLOW_TOP_LEVEL_AWAIT) < 0 ||
      PyModule_AddIntConstant(m, "PyCF_ONLY_AST", PyCF_ONLY_AST) < 0 ||
      PyModule_AddIntConstant(m, "PyCF_TYPE_COMMENTS", PyCF_TYPE_COMMENTS) < 0) {
    return -1;
  }
  return failed(compiler::ast_fill_module(ts, m)) ? -1 : 0;
}

}  // namespace

Tri ast_is_tree(ThreadState& ts, PyObject* o) {
  // While nobody has asked for the types, there are no instances.
  if (ts.interpreter().ast_state == nullptr) return Tri::kFalse;
  compiler::AstTypes types;
  if (!types.load(ts)) return Tri::kError;
  return object_isinstance(ts, o, obj(types.base()));
}

Ref<> ast_compile_tree(ThreadState& ts, PyObject* object, PyObject* filename, int start, PyCompilerFlags* flags, int optimize) {
  compiler::CompileRequest request;
  request.filename = filename;
  request.mode = start == Py_eval_input     ? compiler::ParseMode::kEval
                 : start == Py_single_input ? compiler::ParseMode::kSingle
                                            : compiler::ParseMode::kExec;
  request.flags = flags != nullptr ? flags->cf_flags : 0;
  request.optimize = optimize >= 0 ? optimize : (runtime().config != nullptr ? runtime().config->optimize : 0);
  compiler::Tree tree;
  if (!compiler::ast_from_objects(ts, object, request.mode, &tree)) return {};
  return compiler::compile_tree(ts, tree, request);
}

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__ast, "_ast", nullptr, 0, atl::kMethods, atl::exec_ast)
