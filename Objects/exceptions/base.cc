// BaseException, and bringing up the table of exception types.
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "structmember.h"

namespace atl {

namespace {

const Py_ssize_t kNoFields[] = {0};

}  // namespace
}  // namespace atl

// In the global namespace, where the headers declare them for export.
extern "C" {
ATOLL_SEALED PyTypeObject _PyExc_BaseException = {};
#define ATOLL_EXCEPTION(name, base, kind, doc) ATOLL_SEALED PyTypeObject _PyExc_##name = {};
#include "Objects/exceptions/exceptions.def"
#undef ATOLL_EXCEPTION
ATOLL_SEALED PyObject* PyExc_BaseException = &_PyExc_BaseException.ob_base.ob_base;
#define ATOLL_EXCEPTION(name, base, kind, doc) ATOLL_SEALED PyObject* PyExc_##name = &_PyExc_##name.ob_base.ob_base;
#include "Objects/exceptions/exceptions.def"
#undef ATOLL_EXCEPTION
ATOLL_SEALED PyObject* PyExc_EnvironmentError = &_PyExc_OSError.ob_base.ob_base;
ATOLL_SEALED PyObject* PyExc_IOError = &_PyExc_OSError.ob_base.ob_base;
}

namespace atl {

namespace {

const Py_ssize_t* fields_of(const PyTypeObject* type) {
  static constexpr struct {
    const PyTypeObject* type;
    const ExceptionKind* kind;
  } kRows[] = {
      {&_PyExc_StopIteration, &kKindStopIteration},
      {&_PyExc_SystemExit, &kKindSystemExit},
      {&_PyExc_ImportError, &kKindImport},
      {&_PyExc_OSError, &kKindOS},
      {&_PyExc_NameError, &kKindName},
      {&_PyExc_AttributeError, &kKindAttribute},
      {&_PyExc_SyntaxError, &kKindSyntax},
      {&_PyExc_UnicodeEncodeError, &kKindUnicodeEncode},
      {&_PyExc_UnicodeDecodeError, &kKindUnicodeDecode},
      {&_PyExc_UnicodeTranslateError, &kKindUnicodeTranslate},
      {&_PyExc_BaseExceptionGroup, &kKindGroup},
  };
  // The layout is that of the nearest built-in class; most have no fields of their own.
  while (type->tp_flags & Py_TPFLAGS_HEAPTYPE) type = type->tp_base;
  if (type->tp_basicsize == sizeof(PyBaseExceptionObject)) return kNoFields;
  for (const auto& row : kRows) {
    if (type == row.type || is_subtype(type, row.type)) return row.kind->fields;
  }
  return kNoFields;
}

PyObject*& field_at(PyObject* o, Py_ssize_t offset) {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(o) + offset);
}

int base_clear(PyObject* o) {
  auto* e = as_exception(o);
  clear_field(e->dict);
  clear_field(e->args);
  clear_field(e->notes);
  clear_field(e->traceback);
  clear_field(e->cause);
  clear_field(e->context);
  for (const Py_ssize_t* f = fields_of(o->ob_type); *f != 0; ++f) clear_field(field_at(o, *f));
  return 0;
}

void base_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  base_clear(o);
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  trashcan_end(ts);
}

int base_traverse(PyObject* o, visitproc visit, void* arg) {
  auto* e = as_exception(o);
  Py_VISIT(e->dict);
  Py_VISIT(e->args);
  Py_VISIT(e->notes);
  Py_VISIT(e->traceback);
  Py_VISIT(e->cause);
  Py_VISIT(e->context);
  for (const Py_ssize_t* f = fields_of(o->ob_type); *f != 0; ++f) Py_VISIT(field_at(o, *f));
  return 0;
}

}  // namespace

PyObject* exception_new(PyTypeObject* type, PyObject* args, PyObject*) {
  ThreadState& ts = current_thread();
  PyObject* o = type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  auto* e = as_exception(o);
  if (args != nullptr) {
    e->args = new_ref(args);
  } else {
    e->args = tuple_new(ts, 0).release();
  }
  return o;
}

bool exception_no_keywords(ThreadState& ts, PyObject* self, PyObject* kwargs) {
  if (kwargs == nullptr || dict_size(kwargs) == 0) return true;
  (void)raise(ts, PyExc_TypeError, "%s() takes no keyword arguments", type_short_name(self->ob_type));
  return false;
}

int exception_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!exception_no_keywords(current_thread(), self, kwargs)) return -1;
  set_field(as_exception(self)->args, dup(args));
  return 0;
}

Ref<> exception_str(ThreadState& ts, PyObject* self) {
  PyObject* args = as_exception(self)->args;
  Ref<> hold = dup(args);
  switch (tuple_size(args)) {
    case 0:
      return dup(empty_str());
    case 1:
      return object_str(ts, tuple_peek(args, 0));
    default:
      return object_str(ts, args);
  }
}

Ref<> exception_repr(ThreadState& ts, PyObject* self) {
  PyObject* args = as_exception(self)->args;
  Ref<> hold = dup(args);
  const char* name = type_short_name(self->ob_type);
  if (tuple_size(args) == 1) return str_format(ts, "%s(%R)", name, tuple_peek(args, 0));
  return str_format(ts, "%s%R", name, args);
}

namespace {

Ref<> reduce(ThreadState& ts, PyBaseExceptionObject* e) {
  if (e->args != nullptr && e->dict != nullptr) return tuple_of(ts, e->ob_base.ob_type, e->args, e->dict);
  return tuple_of(ts, e->ob_base.ob_type, e->args);
}

Status set_state(ThreadState& ts, PyBaseExceptionObject* e, PyObject* state) {
  if (state == Py_None) return Status::kOk;
  if (!is_dict(state)) return raise(ts, PyExc_TypeError, "state is not a dictionary");
  Ref<> hold = dup(state);
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(state, &pos, &key, &value)) {
    Ref<> k = dup(key);
    Ref<> v = dup(value);
    if (failed(object_setattr(ts, obj(e), key, value))) return Status::kError;
  }
  return Status::kOk;
}

Status set_traceback(ThreadState& ts, PyBaseExceptionObject* e, PyObject* tb) {
  if (tb == nullptr) return raise(ts, PyExc_TypeError, "__traceback__ may not be deleted");
  if (tb != Py_None && !is_exact(tb, &PyTraceBack_Type)) {
    return raise(ts, PyExc_TypeError, "__traceback__ must be a traceback or None");
  }
  set_field(e->traceback, Ref<>::dup_of(tb == Py_None ? nullptr : tb));
  return Status::kOk;
}
Ref<> get_traceback(ThreadState&, PyBaseExceptionObject* e) { return dup(e->traceback ? e->traceback : Py_None); }

Ref<> with_traceback(ThreadState& ts, PyBaseExceptionObject* e, PyObject* tb) {
  if (failed(set_traceback(ts, e, tb))) return {};
  return dup(obj(e));
}

Ref<> add_note(ThreadState& ts, PyBaseExceptionObject* e, PyObject* note) {
  if (!is_str(note)) return raise(ts, PyExc_TypeError, "note must be a str, not '%T'", note);
  Ref<> notes;
  if (failed(object_lookup_attr(ts, obj(e), ID(__notes__), &notes))) return {};
  if (!notes) {
    notes = list_new(ts, 0);
    if (!notes || failed(object_setattr(ts, obj(e), ID(__notes__), notes.get()))) return {};
  } else if (!is_list(notes.get())) {
    return raise(ts, PyExc_TypeError, "Cannot add note: __notes__ is not a list");
  }
  if (failed(list_append(ts, notes.get(), dup(note)))) return {};
  return new_none();
}

Ref<> get_args(ThreadState&, PyBaseExceptionObject* e) { return dup(e->args ? e->args : Py_None); }
Status set_args(ThreadState& ts, PyBaseExceptionObject* e, PyObject* v) {
  if (v == nullptr) return raise(ts, PyExc_TypeError, "args may not be deleted");
  Ref<> t = tuple_from_iterable(ts, v);
  if (!t) return Status::kError;
  set_field(e->args, std::move(t));
  return Status::kOk;
}
Ref<> get_context(ThreadState&, PyBaseExceptionObject* e) { return dup(e->context ? e->context : Py_None); }
Status set_context(ThreadState& ts, PyBaseExceptionObject* e, PyObject* v) {
  if (v == nullptr) return raise(ts, PyExc_TypeError, "__context__ may not be deleted");
  if (v != Py_None && !is_exception(v)) {
    return raise(ts, PyExc_TypeError, "exception context must be None or derive from BaseException");
  }
  set_field(e->context, Ref<>::dup_of(v == Py_None ? nullptr : v));
  return Status::kOk;
}
Ref<> get_cause(ThreadState&, PyBaseExceptionObject* e) { return dup(e->cause ? e->cause : Py_None); }
Status set_cause(ThreadState& ts, PyBaseExceptionObject* e, PyObject* v) {
  if (v == nullptr) return raise(ts, PyExc_TypeError, "__cause__ may not be deleted");
  if (v != Py_None && !is_exception(v)) {
    return raise(ts, PyExc_TypeError, "exception cause must be None or derive from BaseException");
  }
  set_field(e->cause, Ref<>::dup_of(v == Py_None ? nullptr : v));
  e->suppress_context = 1;
  return Status::kOk;
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD(set_state, "__setstate__", "($self, state, /)", "Set attributes from a dict."),
    ATOLL_METHOD(with_traceback, "with_traceback", "($self, tb, /)", "Set self.__traceback__ to tb and return self."),
    ATOLL_METHOD(add_note, "add_note", "($self, note, /)", "Add a note, shown with the traceback."),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {"args", ATOLL_GETTER(get_args), ATOLL_SETTER(set_args), nullptr, nullptr},
    {"__traceback__", ATOLL_GETTER(get_traceback), ATOLL_SETTER(set_traceback), nullptr, nullptr},
    {"__context__", ATOLL_GETTER(get_context), ATOLL_SETTER(set_context), "exception context", nullptr},
    {"__cause__", ATOLL_GETTER(get_cause), ATOLL_SETTER(set_cause), "exception cause", nullptr},
    ATOLL_GETSET_END};
constexpr PyMemberDef kMembers[] = {
    {"__suppress_context__", T_BOOL, offsetof(PyBaseExceptionObject, suppress_context), 0, nullptr}, {nullptr, 0, 0, 0, nullptr}};

constexpr unsigned long kFlags =
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASE_EXC_SUBCLASS;

const ExceptionKind* kind_named(const char* kind) {
  static constexpr struct {
    const char* name;
    const ExceptionKind* kind;
  } kRows[] = {{"StopIteration", &kKindStopIteration},
               {"SystemExit", &kKindSystemExit},
               {"Import", &kKindImport},
               {"OS", &kKindOS},
               {"Name", &kKindName},
               {"Attribute", &kKindAttribute},
               {"Syntax", &kKindSyntax},
               {"Key", &kKindKey},
               {"UnicodeEncode", &kKindUnicodeEncode},
               {"UnicodeDecode", &kKindUnicodeDecode},
               {"UnicodeTranslate", &kKindUnicodeTranslate},
               {"Group", &kKindGroup}};
  for (const auto& row : kRows) {
    if (std::strcmp(row.name, kind) == 0) return row.kind;
  }
  return nullptr;
}

struct Row {
  PyTypeObject* type;
  PyTypeObject* base;
  const char* name;
  const char* kind;
  const char* doc;
};
constexpr Row kRows[] = {
#define ATOLL_EXCEPTION(name, base, kind, doc) {&_PyExc_##name, &_PyExc_##base, #name, #kind, doc},
#include "Objects/exceptions/exceptions.def"
#undef ATOLL_EXCEPTION
};

}  // namespace

Status exceptions_bringup(ThreadState& ts) {
  static constexpr TypeSpec base{.name = "BaseException",
                .doc = "Common base class for all exceptions.",
                .basicsize = sizeof(PyBaseExceptionObject),
                .flags = kFlags,
                .dealloc = ATOLL_SLOT(base_dealloc),
                .traverse = base_traverse,
                .clear = base_clear,
                .repr = ATOLL_SLOT(exception_repr),
                .str = ATOLL_SLOT(exception_str),
                .getattro = PyObject_GenericGetAttr,
                .setattro = PyObject_GenericSetAttr,
                .init = exception_init,
                .new_ = exception_new,
                .dict_offset = offsetof(PyBaseExceptionObject, dict),
                .methods = kMethods,
                .members = kMembers,
                .getset = kGetSet};
  if (failed(static_type_ready(ts, &_PyExc_BaseException, base))) return Status::kError;
  for (const Row& row : kRows) {
    const ExceptionKind* kind = kind_named(row.kind);
    TypeSpec spec{.name = row.name,
                  .doc = row.doc,
                  .basicsize = kind != nullptr && kind->basicsize != 0 ? kind->basicsize : static_cast<size_t>(row.base->tp_basicsize),
                  .flags = kFlags,
                  .base = row.base,
                  .dealloc = ATOLL_SLOT(base_dealloc),
                  .traverse = base_traverse,
                  .clear = base_clear,
                  .init = row.base->tp_init,
                  .new_ = row.base->tp_new,
                  .dict_offset = offsetof(PyBaseExceptionObject, dict)};
    if (kind != nullptr) {
      if (kind->init != nullptr) spec.init = kind->init;
      if (kind->new_ != nullptr) spec.new_ = kind->new_;
      spec.str = kind->str;
      spec.methods = kind->methods;
      spec.members = kind->members;
      spec.getset = kind->getset;
    }
    if (failed(static_type_ready(ts, row.type, spec))) return Status::kError;
  }
  return Status::kOk;
}

Status exceptions_add_all(ThreadState& ts, PyObject* dict) {
  if (failed(dict_set(ts, dict, "BaseException", PyExc_BaseException))) return Status::kError;
  for (const Row& row : kRows) {
    if (failed(dict_set(ts, dict, row.name, obj(row.type)))) return Status::kError;
  }
  if (failed(dict_set(ts, dict, "EnvironmentError", PyExc_OSError))) return Status::kError;
  if (failed(dict_set(ts, dict, "IOError", PyExc_OSError))) return Status::kError;
  PyObject* group = exception_group_class(ts);
  return group != nullptr ? dict_set(ts, dict, "ExceptionGroup", group) : Status::kError;
}

Status exceptions_init(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  interp.last_memory_error = exception_new(reinterpret_cast<PyTypeObject*>(PyExc_MemoryError), nullptr, nullptr);
  return interp.last_memory_error != nullptr ? Status::kOk : Status::kError;
}

PyObject* exception_group_class(ThreadState& ts) {
  PyObject*& group = ts.interpreter().exception_group;
  if (group != nullptr) return group;
  Ref<> bases = tuple_of(ts, PyExc_BaseExceptionGroup, PyExc_Exception);
  Ref<> ns = dict_new(ts);
  Ref<> name = str_interned(ts, "ExceptionGroup");
  if (!bases || !ns || !name || failed(dict_set(ts, ns.get(), ID(__module__), ID(builtins)))) return nullptr;
  group = type_new(ts, &PyType_Type, name.get(), bases.get(), ns.get(), nullptr).release();
  return group;
}

void exceptions_clear(ThreadState& ts) {
  clear_field(ts.interpreter().last_memory_error);
  clear_field(ts.interpreter().exception_group);
}

}  // namespace atl
