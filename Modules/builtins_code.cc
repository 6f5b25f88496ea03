// builtins that deal in code and namespaces: compile, eval, exec, __import__, breakpoint, globals, locals.
#include "Modules/ast_bridge.h"
#include "Modules/builtins_parts.h"
#include "Modules/sys.h"
#include "Objects/bytes.h"
#include "Objects/code/code.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/upcalls.h"
#include "Python/vm/frame.h"

namespace atl {

Ref<> current_globals(ThreadState& ts) {
  PyObject* g = vm_peek_globals(ts);
  if (g != nullptr) return dup(g);
  return raise(ts, PyExc_SystemError, "globals(): no frame is running");
}

Ref<> current_locals(ThreadState& ts) {
  Ref<PyFrameObject> frame = vm_current_frame(ts);
  if (!frame) {
    if (error_set(ts)) return {};
    return raise(ts, PyExc_SystemError, "frame does not exist");
  }
  return Ref<>::dup_of(vm_frame_peek_locals(ts, frame.get()));
}

namespace {

Ref<> m_globals(ThreadState& ts, PyObject*) { return current_globals(ts); }
Ref<> m_locals(ThreadState& ts, PyObject*) { return current_locals(ts); }

// The flags of __future__ statements in the code that runs now.
void inherit_flags(ThreadState& ts, PyCompilerFlags* flags) {
  if (ts.base() != nullptr) flags->cf_flags |= frame_code(ts.base())->head.co_flags & PyCF_MASK;
}

Status audit_pair(ThreadState& ts, const char* event, PyObject* a, PyObject* b) {
  if (ATOLL_LIKELY(ts.interpreter().audit_hooks == nullptr)) return Status::kOk;
  Ref<> args = b != nullptr ? tuple_of(ts, a, b) : tuple_of(ts, a);
  return args ? audit(ts, event, args.get()) : Status::kError;
}

// ---- source text -------------------------------------------------------------------------------------------------

}  // namespace

const char* source_text(ThreadState& ts, PyObject* source, const char* function, const char* expected, PyCompilerFlags* flags,
                        Ref<>* hold) {
  const char* text;
  Py_ssize_t n;
  if (is_str(source)) {
    // The text has been decoded already: a coding line says nothing.
    flags->cf_flags |= PyCF_IGNORE_COOKIE;
    text = str_utf8(ts, source, &n);
    if (text == nullptr) return nullptr;
    *hold = dup(source);
  } else if (is_bytes(source)) {
    text = bytes_data(source);
    n = bytes_size(source);
    *hold = dup(source);
  } else if (PyObject_CheckBuffer(source)) {
    *hold = object_bytes(ts, source);
    if (!*hold) return nullptr;
    text = bytes_data(hold->get());
    n = bytes_size(hold->get());
  } else {
    return raise(ts, PyExc_TypeError, "%s() arg 1 must be a %s object", function, expected);
  }
  if (strlen(text) != static_cast<size_t>(n)) {
    return raise(ts, PyExc_ValueError, "source code string cannot contain null bytes");
  }
  return text;
}

namespace {

Ref<> m_compile(ThreadState& ts, PyObject*, PyObject* source, PyObject* filename_arg, PyUnicodeObject* mode_arg, int flags,
                int dont_inherit, int optimize, int feature_version) {
  PyObject* filename_object = nullptr;
  if (!PyUnicode_FSDecoder(filename_arg, &filename_object)) return {};
  Ref<> filename = Ref<>::steal(filename_object);
  PyCompilerFlags cf{flags | PyCF_SOURCE_IS_UTF8, PY_MINOR_VERSION};
  if (feature_version >= 0 && (flags & PyCF_ONLY_AST)) cf.cf_feature_version = feature_version;
  if (flags & ~(PyCF_MASK | PyCF_MASK_OBSOLETE | PyCF_COMPILE_MASK)) {
    return raise(ts, PyExc_ValueError, "compile(): unrecognised flags");
  }
  if (optimize < -1 || optimize > 2) return raise(ts, PyExc_ValueError, "compile(): invalid optimize value");
  if (!dont_inherit) inherit_flags(ts, &cf);
  PyObject* mode = obj(mode_arg);
  int start;
  if (str_equals_ascii(mode, "exec")) {
    start = Py_file_input;
  } else if (str_equals_ascii(mode, "eval")) {
    start = Py_eval_input;
  } else if (str_equals_ascii(mode, "single")) {
    start = Py_single_input;
  } else if (str_equals_ascii(mode, "func_type")) {
    if (!(flags & PyCF_ONLY_AST)) {
      return raise(ts, PyExc_ValueError, "compile() mode 'func_type' requires flag PyCF_ONLY_AST");
    }
    start = Py_func_type_input;
  } else {
    return raise(ts, PyExc_ValueError, "compile() mode must be 'exec', 'eval'%s",
                 (flags & PyCF_ONLY_AST) ? ", 'single' or 'func_type'" : " or 'single'");
  }
  if (ast_is_tree != nullptr) {
    Tri tree = ast_is_tree(ts, source);
    if (failed(tree)) return {};
    if (tree == Tri::kTrue) {
      if (failed(audit_pair(ts, "compile", source, filename.get()))) return {};
      if (flags & PyCF_ONLY_AST) return dup(source);
      return ast_compile_tree(ts, source, filename.get(), start, &cf, optimize);
    }
  }
  Ref<> hold;
  const char* text = source_text(ts, source, "compile", "string, bytes or AST", &cf, &hold);
  if (text == nullptr || failed(audit_pair(ts, "compile", source, filename.get()))) return {};
  return Ref<>::steal(Py_CompileStringObject(text, filename.get(), start, &cf, optimize));
}

// ---- eval and exec -----------------------------------------------------------------------------------------------

// Completes the namespaces: what was left out comes from the running frame, and globals get their __builtins__.
Status complete_namespaces(ThreadState& ts, const char* function, Ref<>* globals, Ref<>* locals) {
  if (!*globals) {
    PyObject* g = vm_peek_globals(ts);
    if (g == nullptr) {
      return raise(ts, PyExc_TypeError, "%s must be given globals and locals when called without a frame", function);
    }
    *globals = dup(g);
    if (!*locals) {
      *locals = current_locals(ts);
      if (!*locals) return Status::kError;
    }
  } else if (!*locals) {
    *locals = globals->dup();
  }
  Tri there = dict_contains(ts, globals->get(), ID(__builtins__));
  if (failed(there)) return Status::kError;
  if (there == Tri::kTrue) return Status::kOk;
  PyObject* builtins = vm_peek_builtins(ts);
  return dict_set(ts, globals->get(), ID(__builtins__), builtins != nullptr ? builtins : ts.interpreter().builtins);
}

Ref<> given(PyObject* namespace_or_none) {
  return namespace_or_none == nullptr || namespace_or_none == Py_None ? Ref<>() : dup(namespace_or_none);
}

Ref<> run_source(ThreadState& ts, const char* text, int start, PyObject* globals, PyObject* locals, PyCompilerFlags* flags) {
  inherit_flags(ts, flags);
  Ref<> code = Ref<>::steal(Py_CompileStringObject(text, ID(string_name), start, flags, -1));
  if (!code || failed(audit_pair(ts, "exec", code.get(), nullptr))) return {};
  return vm_eval_code(ts, code.get(), globals, locals, nullptr);
}

Ref<> m_eval(ThreadState& ts, PyObject*, PyObject* source, PyObject* globals_arg, PyObject* locals_arg) {
  Ref<> globals = given(globals_arg), locals = given(locals_arg);
  if (locals && !PyMapping_Check(locals.get())) return raise(ts, PyExc_TypeError, "locals must be a mapping");
  if (globals && !is_dict(globals.get())) {
    return raise(ts, PyExc_TypeError,
                 PyMapping_Check(globals.get()) ? "globals must be a real dict; try eval(code, {}, mapping)" : "globals must be a dict");
  }
  if (failed(complete_namespaces(ts, "eval", &globals, &locals))) return {};
  if (is_exact(source, &PyCode_Type)) {
    if (failed(audit_pair(ts, "exec", source, nullptr))) return {};
    if (PyCode_GetNumFree(reinterpret_cast<PyCodeObject*>(source)) > 0) {
      return raise(ts, PyExc_TypeError, "code object passed to eval() may not contain free variables");
    }
    return vm_eval_code(ts, source, globals.get(), locals.get(), nullptr);
  }
  PyCompilerFlags flags{PyCF_SOURCE_IS_UTF8, PY_MINOR_VERSION};
  Ref<> hold;
  const char* text = source_text(ts, source, "eval", "string, bytes or code", &flags, &hold);
  if (text == nullptr) return {};
  while (*text == ' ' || *text == '\t') ++text;
  return run_source(ts, text, Py_eval_input, globals.get(), locals.get(), &flags);
}

// The closure for a code object: NULL, or a tuple of as many cells as it has free variables.
Status check_closure(ThreadState& ts, PyObject* code, PyObject** closure) {
  Py_ssize_t n = PyCode_GetNumFree(reinterpret_cast<PyCodeObject*>(code));
  if (*closure == Py_None) *closure = nullptr;
  if (n == 0) {
    if (*closure == nullptr) return Status::kOk;
    return raise(ts, PyExc_TypeError, "cannot use a closure with this code object");
  }
  bool good = *closure != nullptr && is_exact_tuple(*closure) && tuple_size(*closure) == n;
  for (Py_ssize_t i = 0; good && i < n; ++i) good = is_exact(tuple_peek(*closure, i), &PyCell_Type);
  if (good) return Status::kOk;
  return raise(ts, PyExc_TypeError, "code object requires a closure of exactly length %zd", n);
}

Status m_exec(ThreadState& ts, PyObject*, PyObject* source, PyObject* globals_arg, PyObject* locals_arg, PyObject* closure) {
  Ref<> globals = given(globals_arg), locals = given(locals_arg);
  if (globals && !is_dict(globals.get())) {
    return raise(ts, PyExc_TypeError, "exec() globals must be a dict, not %.100s", globals.get()->ob_type->tp_name);
  }
  if (locals && !PyMapping_Check(locals.get())) {
    return raise(ts, PyExc_TypeError, "locals must be a mapping or None, not %.100s", locals.get()->ob_type->tp_name);
  }
  if (failed(complete_namespaces(ts, "exec", &globals, &locals))) return Status::kError;
  if (is_exact(source, &PyCode_Type)) {
    if (failed(check_closure(ts, source, &closure)) || failed(audit_pair(ts, "exec", source, nullptr))) return Status::kError;
    return vm_eval_code(ts, source, globals.get(), locals.get(), closure) ? Status::kOk : Status::kError;
  }
  if (closure != nullptr && closure != Py_None) {
    return raise(ts, PyExc_TypeError, "closure can only be used when source is a code object");
  }
  PyCompilerFlags flags{PyCF_SOURCE_IS_UTF8, PY_MINOR_VERSION};
  Ref<> hold;
  const char* text = source_text(ts, source, "exec", "string, bytes or code", &flags, &hold);
  if (text == nullptr) return Status::kError;
  return run_source(ts, text, Py_file_input, globals.get(), locals.get(), &flags) ? Status::kOk : Status::kError;
}

// ---- others ------------------------------------------------------------------------------------------------------

Ref<> m_import(ThreadState&, PyObject*, PyObject* name, PyObject* globals, PyObject* locals, PyObject* fromlist, int level) {
  return Ref<>::steal(PyImport_ImportModuleLevelObject(name, globals, locals, fromlist, level));
}

PyObject* m_breakpoint(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Ref<> hook = Ref<>::dup_of(sys_peek(ts, "breakpointhook"));
  if (!hook) return raise(ts, PyExc_RuntimeError, "lost sys.breakpointhook");
  if (failed(audit_pair(ts, "builtins.breakpoint", hook.get(), nullptr))) return nullptr;
  return object_vectorcall(ts, hook.get(), args, static_cast<size_t>(n), kwnames).release();
}

}  // namespace

constinit const MethodSpec kBuiltinCodeFunctions[] = {
    ATOLL_METHOD(m_import, "__import__", "($module, /, name, globals=None, locals=None, fromlist=(),\n           level=0)",
                 "Import a module.\n\n"
                 "This is what the import statement calls; programs rather use\n"
                 "importlib.import_module().\n\n"
                 "globals tells where the import stands; locals is not looked at. With an empty\n"
                 "fromlist the result is the package of a dotted name, else the module itself.\n"
                 "level 0 means an absolute import, a higher one how many packages to go up."),
    ATOLL_METHOD_RAW(m_breakpoint, "breakpoint", METH_FASTCALL | METH_KEYWORDS,
                     "breakpoint(*args, **kws)\n\nCall sys.breakpointhook(*args, **kws), which enters pdb unless it was replaced."),
    ATOLL_METHOD(m_compile, "compile",
                 "($module, /, source, filename, mode, flags=0,\n        dont_inherit=False, optimize=-1, *, _feature_version=-1)",
                 "Compile source into a code object for exec() or eval().\n\n"
                 "The source is a string, bytes or a syntax tree. The filename is for messages.\n"
                 "The mode is 'exec' for a module, 'single' for one interactive statement, 'eval'\n"
                 "for an expression. flags and dont_inherit say which future statements hold."),
    ATOLL_METHOD(m_eval, "eval", "($module, source, globals=None, locals=None, /)",
                 "The value of an expression in the given namespaces.\n\n"
                 "The source is a string or a code object. globals must be a dictionary, locals\n"
                 "any mapping; the current ones are the defaults."),
    ATOLL_METHOD(m_exec, "exec", "($module, source, globals=None, locals=None, /, *, closure=None)",
                 "Run statements in the given namespaces.\n\n"
                 "The source is a string or a code object. globals must be a dictionary, locals\n"
                 "any mapping; the current ones are the defaults. closure is a tuple of cells for\n"
                 "the free variables of a code object."),
    ATOLL_METHOD(m_globals, "globals", "($module, /)", "The dictionary of the current scope's global variables.\n\nNOTE: changing it changes the variables."),
    ATOLL_METHOD(m_locals, "locals", "($module, /)", "A dictionary of the current scope's local variables.\n\nNOTE: whether changing it changes the variables is not defined."),
    ATOLL_METHOD_END};

}  // namespace atl
