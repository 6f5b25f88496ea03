// _symtable: the compiler's symbol table as objects, for the library's symtable.
#include "Include/structmember.h"
#include "Modules/builtins_parts.h"
#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"
#include "Python/compiler/compile.h"
#include "Python/compiler/symtable.h"
#include "compile.h"

namespace atl {

namespace {

constexpr int kScopeShift = 11;
constexpr int kScopeMask = 15;

struct Entry {
  PyObject ob_base;
  PyObject* id;
  PyObject* name;
  PyObject* symbols;
  PyObject* varnames;
  PyObject* children;
  int type;
  int lineno;
  int nested;
};
Entry* as_entry(PyObject* o) { return reinterpret_cast<Entry*>(o); }

void entry_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  Entry* e = as_entry(o);
  for (PyObject** field : {&e->id, &e->name, &e->symbols, &e->varnames, &e->children}) clear_field(*field);
  free_object(ts, o);
}
int entry_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_entry(o)->symbols);
  Py_VISIT(as_entry(o)->varnames);
  Py_VISIT(as_entry(o)->children);
  return 0;
}
Ref<> entry_repr(ThreadState& ts, PyObject* o) {
  Entry* e = as_entry(o);
  return str_format(ts, "<symtable entry %U(%S), line %d>", e->name, e->id, e->lineno);
}
constexpr PyMemberDef kEntryMembers[] = {{"id", T_OBJECT, offsetof(Entry, id), READONLY, nullptr},
                                         {"name", T_OBJECT, offsetof(Entry, name), READONLY, nullptr},
                                         {"symbols", T_OBJECT, offsetof(Entry, symbols), READONLY, nullptr},
                                         {"varnames", T_OBJECT, offsetof(Entry, varnames), READONLY, nullptr},
                                         {"children", T_OBJECT, offsetof(Entry, children), READONLY, nullptr},
                                         {"nested", T_INT, offsetof(Entry, nested), READONLY, nullptr},
                                         {"type", T_INT, offsetof(Entry, type), READONLY, nullptr},
                                         {"lineno", T_INT, offsetof(Entry, lineno), READONLY, nullptr},
                                         {nullptr, 0, 0, 0, nullptr}};

Ref<> text_of(compiler::identifier name) {
  return Ref<>::steal(PyUnicode_DecodeUTF8(name->text, static_cast<Py_ssize_t>(name->size), "surrogatepass"));
}

}  // namespace

constinit const TypeSpec symtable_entry_spec{
    .name = "symtable entry",
    .basicsize = sizeof(Entry),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(entry_dealloc),
    .traverse = entry_traverse,
    .repr = ATOLL_SLOT(entry_repr),
    .members = kEntryMembers,
};

namespace {

// A scope and those in it.
Ref<> make_entry(ThreadState& ts, const compiler::Scope& scope) {
  auto e = new_object<Entry>(ts, &atoll_symtable_entry_type);
  if (!e) return {};
  e->id = PyLong_FromVoidPtr(const_cast<compiler::Scope*>(&scope));
  e->name = nullptr;
  e->symbols = dict_new(ts).release();
  e->varnames = list_new(ts, 0).release();
  e->children = list_new(ts, 0).release();
  e->type = static_cast<int>(scope.kind);
  e->lineno = scope.kind == compiler::ScopeKind::kModule ? 0 : scope.lineno;
  e->nested = scope.nested;
  track(ts, e.get());
  e->name = scope.kind == compiler::ScopeKind::kModule ? str_from_ascii(ts, "top").release() : text_of(scope.name).release();
  if (!e->id || !e->name || !e->symbols || !e->varnames || !e->children) return {};
  for (const compiler::Symbol& symbol : scope.symbols) {
    Ref<> name = text_of(symbol.name);
    Ref<> flags = int_from_i64(ts, static_cast<int64_t>(symbol.flags) | static_cast<int64_t>(symbol.scope) << kScopeShift);
    if (!name || !flags || failed(dict_set(ts, e->symbols, name.get(), flags.get()))) return {};
  }
  for (uint32_t i = 0; i < scope.parameter_count; ++i) {
    Ref<> name = text_of(scope.parameters[i]);
    if (!name || failed(list_append(ts, e->varnames, std::move(name)))) return {};
  }
  for (uint32_t i = 0; i < scope.child_count; ++i) {
    Ref<> child = make_entry(ts, *scope.child_items[i]);
    if (!child || failed(list_append(ts, e->children, std::move(child)))) return {};
  }
  return e;
}

Ref<> m_symtable(ThreadState& ts, PyObject*, PyObject* source, PyObject* filename_arg, PyUnicodeObject* start) {
  PyObject* converted = nullptr;
  if (PyUnicode_FSDecoder(filename_arg, &converted) == 0) return {};
  Ref<> filename = Ref<>::steal(converted);
  compiler::CompileRequest request;
  request.filename = filename.get();
  PyCompilerFlags flags = {PyCF_SOURCE_IS_UTF8, PY_MINOR_VERSION};
  Ref<> hold;
  const char* text = source_text(ts, source, "symtable", "string or bytes", &flags, &hold);
  if (text == nullptr) return {};
  if (str_equals_ascii(obj(start), "exec")) {
    request.mode = compiler::ParseMode::kExec;
  } else if (str_equals_ascii(obj(start), "eval")) {
    request.mode = compiler::ParseMode::kEval;
  } else if (str_equals_ascii(obj(start), "single")) {
    request.mode = compiler::ParseMode::kSingle;
  } else {
    return raise(ts, PyExc_ValueError, "symtable() arg 3 must be 'exec' or 'eval' or 'single'");
  }
  request.flags = flags.cf_flags;
  request.kind = (flags.cf_flags & PyCF_IGNORE_COOKIE) ? compiler::SourceKind::kText : compiler::SourceKind::kBytes;
  compiler::Tree tree;
  compiler::SymbolTable table;
  if (!compiler::symbol_table_of_source(ts, text, request, &tree, &table)) return {};
  return make_entry(ts, *table.top);
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_symtable, "symtable", "($module, source, filename, startstr, /)", "The symbol tables of a source text."), ATOLL_METHOD_END};

int exec_symtable(PyObject* m) {
  static constexpr struct {
    const char* name;
    long value;
  } kConstants[] = {{"USE", compiler::kUse},
                    {"DEF_GLOBAL", compiler::kDefGlobal},
                    {"DEF_NONLOCAL", compiler::kDefNonlocal},
                    {"DEF_LOCAL", compiler::kDefLocal},
                    {"DEF_PARAM", compiler::kDefParam},
                    {"DEF_FREE", compiler::kDefFree},
                    {"DEF_FREE_CLASS", compiler::kDefFreeClass},
                    {"DEF_IMPORT", compiler::kDefImport},
                    {"DEF_BOUND", compiler::kDefBound},
                    {"DEF_ANNOT", compiler::kDefAnnot},
                    {"TYPE_FUNCTION", static_cast<long>(compiler::ScopeKind::kFunction)},
                    {"TYPE_CLASS", static_cast<long>(compiler::ScopeKind::kClass)},
                    {"TYPE_MODULE", static_cast<long>(compiler::ScopeKind::kModule)},
                    {"LOCAL", static_cast<long>(compiler::NameScope::kLocal)},
                    {"GLOBAL_EXPLICIT", static_cast<long>(compiler::NameScope::kGlobalExplicit)},
                    {"GLOBAL_IMPLICIT", static_cast<long>(compiler::NameScope::kGlobalImplicit)},
                    {"FREE", static_cast<long>(compiler::NameScope::kFree)},
                    {"CELL", static_cast<long>(compiler::NameScope::kCell)},
                    {"SCOPE_OFF", kScopeShift},
                    {"SCOPE_MASK", kScopeMask}};
  for (const auto& c : kConstants) {
    if (PyModule_AddIntConstant(m, c.name, c.value) < 0) return -1;
  }
  return 0;
}

}  // namespace
}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject atoll_symtable_entry_type = {};
}

ATOLL_BUILTIN_MODULE(PyInit__symtable, "_symtable", "The compiler's symbol tables.", 0, atl::kMethods, atl::exec_symtable)
