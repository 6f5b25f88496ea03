// Context variables: Context, ContextVar, Token.
//
// The values of a context stand in a plain dict, which contexts share as long as nobody changes it: copying a context is one
// new reference, and a change first copies a dict that somebody else holds (another context, an iterator). Programs copy
// contexts by the thousand and keep few variables in them.
//
// The current context is the thread state's: made when it is first needed.
#include "Objects/context.h"

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/str/str.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"
#include "structmember.h"

struct _pycontextobject {
  PyObject ob_base;
  struct _pycontextobject* previous;  // while entered: the context to go back to, or NULL
  PyObject* values;                   // exact dict, shared
  PyObject* weaklist;
  int entered;
};
struct _pycontextvarobject {
  PyObject ob_base;
  PyObject* name;
  PyObject* fallback;  // or NULL
  Py_hash_t hash;
  void* reserved[3];
};
struct _pycontexttokenobject {
  PyObject ob_base;
  PyContext* context;
  PyContextVar* var;
  PyObject* old_value;  // NULL: there was none
  int used;
};

namespace {
// Token.MISSING
ATOLL_SEALED PyObject g_missing = {atl::kImmortalRefcnt, &atoll_token_missing_type};
}  // namespace

namespace atl {

namespace {

static_assert(sizeof(PyContext) == 48 && sizeof(PyContextVar) == 64 && sizeof(PyContextToken) == 48);
PyContext* as_context(PyObject* o) { return reinterpret_cast<PyContext*>(o); }
PyContextVar* as_var(PyObject* o) { return reinterpret_cast<PyContextVar*>(o); }
PyContextToken* as_token(PyObject* o) { return reinterpret_cast<PyContextToken*>(o); }

// ---- contexts ----------------------------------------------------------------------------------------------------

Ref<PyContext> context_with(ThreadState& ts, Ref<> values) {
  if (!values) return {};
  auto c = new_object<PyContext>(ts, &PyContext_Type);
  if (!c) return {};
  c->previous = nullptr;
  c->values = values.release();
  c->weaklist = nullptr;
  c->entered = 0;
  track(ts, c.get());
  return c;
}
Ref<PyContext> context_new(ThreadState& ts) { return context_with(ts, dict_new(ts)); }
Ref<PyContext> context_copy(ThreadState& ts, PyContext* c) { return context_with(ts, dup(c->values)); }

PyContext* peek_current(ThreadState& ts) {
  if (ts.context == nullptr) ts.context = obj(context_new(ts).release());
  return as_context(ts.context);
}

Status context_enter(ThreadState& ts, PyContext* c) {
  if (c->entered) return raise(ts, PyExc_RuntimeError, "cannot enter context: %R is already entered", c);
  c->previous = as_context(ts.context);  // its reference moves here
  c->entered = 1;
  ts.context = obj(new_ref(c));
  ++ts.context_ver;
  return Status::kOk;
}
Status context_exit(ThreadState& ts, PyContext* c) {
  if (!c->entered) return raise(ts, PyExc_RuntimeError, "cannot exit context: %R has not been entered", c);
  if (ts.context != obj(c)) {
    return raise(ts, PyExc_RuntimeError, "cannot exit context: thread state references a different context object");
  }
  Ref<> left = Ref<>::steal(std::exchange(ts.context, obj(std::exchange(c->previous, nullptr))));
  c->entered = 0;
  ++ts.context_ver;
  return Status::kOk;
}

// The dict of a context, for a change: its own.
PyObject* own_values(ThreadState& ts, PyContext* c) {
  if (c->values->ob_refcnt != 1) {
    Ref<> copy = dict_copy(ts, c->values);
    if (!copy) return nullptr;
    set_field(c->values, std::move(copy));
  }
  return c->values;
}

bool check_key(ThreadState& ts, PyObject* key) {
  if (is_exact(key, &PyContextVar_Type)) return true;
  (void)raise(ts, PyExc_TypeError, "a ContextVar key was expected, got %R", key);
  return false;
}

void context_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (trashcan_begin(ts, o)) return;
  if (as_context(o)->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  clear_field(as_context(o)->previous);
  clear_field(as_context(o)->values);
  free_object(ts, o);
  trashcan_end(ts);
}
int context_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(obj(as_context(o)->previous));
  Py_VISIT(as_context(o)->values);
  return 0;
}
int context_tp_clear(PyObject* o) {
  clear_field(as_context(o)->previous);
  Ref<> values = Ref<>::steal(std::exchange(as_context(o)->values, dict_new(current_thread()).release()));
  return 0;
}

PyObject* context_tp_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) != 0 || (kwargs != nullptr && dict_size(kwargs) != 0)) {
    return raise(ts, PyExc_TypeError, "Context() does not accept any arguments");
  }
  return obj(context_new(ts).release());
}
Py_ssize_t context_length(ThreadState&, PyObject* o) { return dict_size(as_context(o)->values); }
Ref<> context_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  if (!check_key(ts, key)) return {};
  PyObject* v = dict_peek(ts, as_context(o)->values, key);
  if (v != nullptr) return dup(v);
  if (error_set(ts)) return {};
  return raise_key_error(ts, key);
}
Tri context_contains(ThreadState& ts, PyObject* o, PyObject* key) {
  return check_key(ts, key) ? dict_contains(ts, as_context(o)->values, key) : Tri::kError;
}
Ref<> context_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_exact(a, &PyContext_Type) || !is_exact(b, &PyContext_Type) || (op != Py_EQ && op != Py_NE)) return not_implemented();
  Ref<> x = dup(as_context(a)->values), y = dup(as_context(b)->values);
  return object_richcompare(ts, x.get(), y.get(), op);
}

Ref<> m_get(ThreadState& ts, PyContext* c, PyObject* key, PyObject* fallback) {
  if (!check_key(ts, key)) return {};
  PyObject* v = dict_peek(ts, c->values, key);
  if (v != nullptr) return dup(v);
  if (error_set(ts)) return {};
  return dup(fallback != nullptr ? fallback : Py_None);
}
Ref<> m_copy(ThreadState& ts, PyContext* c) { return context_copy(ts, c); }
PyObject* m_run(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (n < 1) return raise(ts, PyExc_TypeError, "run() missing 1 required positional argument");
  if (failed(context_enter(ts, as_context(self)))) return nullptr;
  Ref<> result = object_vectorcall(ts, args[0], args + 1, static_cast<size_t>(n - 1), kwnames);
  if (!result) {
    // The exception stays, whatever leaving says.
    ErrorStash stash(ts);
    if (failed(context_exit(ts, as_context(self)))) error_clear(ts);
    return nullptr;
  }
  return failed(context_exit(ts, as_context(self))) ? nullptr : result.release();
}

// ---- iterators over a snapshot -----------------------------------------------------------------------------------

struct SnapshotIter {
  PyObject ob_base;
  PyObject* values;
  Py_ssize_t pos;
};
SnapshotIter* as_iter(PyObject* o) { return reinterpret_cast<SnapshotIter*>(o); }
using IterFields = OwnedFields<SnapshotIter, &SnapshotIter::values>;

Ref<> snapshot_iter(ThreadState& ts, PyTypeObject* type, PyObject* values) {
  auto it = new_object<SnapshotIter>(ts, type);
  if (!it) return {};
  it->values = new_ref(values);
  it->pos = 0;
  track(ts, it.get());
  return it;
}
Ref<> iter_step(ThreadState& ts, PyObject* o) {
  SnapshotIter* it = as_iter(o);
  PyObject *key, *value;
  if (!dict_next(it->values, &it->pos, &key, &value)) return {};
  if (o->ob_type == &atoll_context_keys_iter_type) return dup(key);
  if (o->ob_type == &atoll_context_values_iter_type) return dup(value);
  return tuple_of(ts, key, value);
}
Py_ssize_t iter_length(ThreadState&, PyObject* o) { return dict_size(as_iter(o)->values); }
constexpr PyMappingMethods kIterMapping{.mp_length = ATOLL_SLOT(iter_length)};

Ref<> context_iter(ThreadState& ts, PyObject* o) { return snapshot_iter(ts, &atoll_context_keys_iter_type, as_context(o)->values); }
Ref<> m_keys(ThreadState& ts, PyContext* c) { return snapshot_iter(ts, &atoll_context_keys_iter_type, c->values); }
Ref<> m_values(ThreadState& ts, PyContext* c) { return snapshot_iter(ts, &atoll_context_values_iter_type, c->values); }
Ref<> m_items(ThreadState& ts, PyContext* c) { return snapshot_iter(ts, &atoll_context_items_iter_type, c->values); }

constexpr MethodSpec kContextMethods[] = {
    ATOLL_METHOD(m_get, "get", "($self, key, default=None, /)",
                 "Return the value for `key` if `key` has the value in the context object.\n\n"
                 "If `key` does not exist, return `default`. If `default` is not given,\nreturn None."),
    ATOLL_METHOD(m_items, "items", "($self, /)", "Return all variables and their values in the context object.\n\nThe result is an iterator over pairs (variable, value)."),
    ATOLL_METHOD(m_keys, "keys", "($self, /)", "Return a list of all variables in the context object."),
    ATOLL_METHOD(m_values, "values", "($self, /)", "Return a list of all variables' values in the context object."),
    ATOLL_METHOD(m_copy, "copy", "($self, /)", "Return a shallow copy of the context object."),
    ATOLL_METHOD_RAW(m_run, "run", METH_FASTCALL | METH_KEYWORDS, nullptr), ATOLL_METHOD_END};
constexpr PySequenceMethods kContextSequence{.sq_contains = ATOLL_SLOT(context_contains)};
constexpr PyMappingMethods kContextMapping{.mp_length = ATOLL_SLOT(context_length), .mp_subscript = ATOLL_SLOT(context_subscript)};

// ---- variables ---------------------------------------------------------------------------------------------------

Ref<> var_new(ThreadState& ts, PyObject* name, PyObject* fallback) {
  if (!is_str(name)) return raise(ts, PyExc_TypeError, "context variable name must be a str");
  Py_hash_t name_hash;
  if (failed(object_hash(ts, name, &name_hash))) return {};
  auto v = new_object<PyContextVar>(ts, &PyContextVar_Type);
  if (!v) return {};
  v->name = new_ref(name);
  v->fallback = fallback != nullptr ? new_ref(fallback) : nullptr;
  v->hash = _Py_HashPointer(v.get()) ^ name_hash;
  if (v->hash == -1) v->hash = -2;
  track(ts, v.get());
  return v;
}

// Its value in the current context; kOk with *out empty when it has none there.
Status var_lookup(ThreadState& ts, PyContextVar* v, Ref<>* out) {
  out->reset();
  if (ts.context == nullptr) return Status::kOk;
  PyObject* found = dict_peek_hash(ts, as_context(ts.context)->values, obj(v), v->hash);
  if (found != nullptr) *out = dup(found);
  return error_set(ts) ? Status::kError : Status::kOk;
}
// value NULL takes it out.
Status var_put(ThreadState& ts, PyContextVar* v, PyObject* value) {
  PyContext* c = peek_current(ts);
  PyObject* values = c != nullptr ? own_values(ts, c) : nullptr;
  if (values == nullptr) return Status::kError;
  ++ts.context_ver;
  if (value != nullptr) return dict_set_hash(ts, values, obj(v), v->hash, value);
  if (dict_peek_hash(ts, values, obj(v), v->hash) == nullptr) {
    return error_set(ts) ? Status::kError : Status(raise_object(ts, PyExc_LookupError, obj(v)));
  }
  return dict_del(ts, values, obj(v));
}

Ref<> token_new(ThreadState& ts, PyContext* c, PyContextVar* v, PyObject* old_value) {
  auto t = new_object<PyContextToken>(ts, &PyContextToken_Type);
  if (!t) return {};
  t->context = new_ref(c);
  t->var = new_ref(v);
  t->old_value = old_value != nullptr ? new_ref(old_value) : nullptr;
  t->used = 0;
  track(ts, t.get());
  return t;
}

Ref<> var_set(ThreadState& ts, PyContextVar* v, PyObject* value) {
  PyContext* c = peek_current(ts);
  if (c == nullptr) return {};
  Ref<> old;
  if (failed(var_lookup(ts, v, &old))) return {};
  Ref<> token = token_new(ts, c, v, old.get());
  if (!token || failed(var_put(ts, v, value))) return {};
  return token;
}
Status var_reset(ThreadState& ts, PyContextVar* v, PyContextToken* t) {
  if (t->used) return raise(ts, PyExc_RuntimeError, "%R has already been used once", t);
  if (t->var != v) return raise(ts, PyExc_ValueError, "%R was created by a different ContextVar", t);
  if (obj(t->context) != ts.context) return raise(ts, PyExc_ValueError, "%R was created in a different Context", t);
  t->used = 1;
  return var_put(ts, v, t->old_value);
}

using VarFields = OwnedFields<PyContextVar, &PyContextVar::name, &PyContextVar::fallback>;

PyObject* var_tp_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = tuple_size(args);
  if (n < 1) return raise(ts, PyExc_TypeError, "ContextVar() takes exactly 1 positional argument (0 given)");
  if (n > 1) return raise(ts, PyExc_TypeError, "ContextVar() takes at most 1 positional argument (%zd given)", n);
  PyObject* fallback = nullptr;
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (kwargs != nullptr && dict_next(kwargs, &pos, &key, &value)) {
    if (!str_equals_ascii(key, "default")) {
      return raise(ts, PyExc_TypeError, "'%.200U' is an invalid keyword argument for ContextVar()", key);
    }
    fallback = value;
  }
  return var_new(ts, tuple_peek(args, 0), fallback).release();
}
Py_hash_t var_hash(ThreadState&, PyObject* o) { return as_var(o)->hash; }
Ref<> var_repr(ThreadState& ts, PyObject* o) {
  PyContextVar* v = as_var(o);
  if (v->fallback == nullptr) return str_format(ts, "<ContextVar name=%R at %p>", v->name, o);
  return str_format(ts, "<ContextVar name=%R default=%R at %p>", v->name, v->fallback, o);
}
Ref<> m_var_get(ThreadState& ts, PyContextVar* v, PyObject* fallback) {
  Ref<> value;
  if (failed(var_lookup(ts, v, &value))) return {};
  if (value) return value;
  if (fallback == nullptr) fallback = v->fallback;
  if (fallback != nullptr) return dup(fallback);
  return raise_object(ts, PyExc_LookupError, obj(v));
}
Ref<> m_var_set(ThreadState& ts, PyContextVar* v, PyObject* value) { return var_set(ts, v, value); }
Status m_var_reset(ThreadState& ts, PyContextVar* v, PyObject* token) {
  if (!is_exact(token, &PyContextToken_Type)) return raise(ts, PyExc_TypeError, "expected an instance of Token, got %R", token);
  return var_reset(ts, v, as_token(token));
}
constexpr MethodSpec kVarMethods[] = {
    ATOLL_METHOD(m_var_get, "get", "($self, default=<unrepresentable>, /)",
                 "Return a value for the context variable for the current context.\n\n"
                 "If there is no value for the variable in the current context, the method will:\n"
                 " * return the value of the default argument of the method, if provided; or\n"
                 " * return the default value for the context variable, if it was created\n"
                 "   with one; or\n * raise a LookupError."),
    ATOLL_METHOD(m_var_set, "set", "($self, value, /)",
                 "Call to set a new value for the context variable in the current context.\n\n"
                 "Returns a token that reset() takes to bring back the value from before."),
    ATOLL_METHOD(m_var_reset, "reset", "($self, token, /)",
                 "Reset the context variable.\n\n"
                 "It gets the value that it had before the `ContextVar.set()` that created the\ntoken was used."),
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"), ATOLL_METHOD_END};
constexpr PyMemberDef kVarMembers[] = {{"name", T_OBJECT, offsetof(PyContextVar, name), READONLY, nullptr}, {}};

// ---- tokens ------------------------------------------------------------------------------------------------------

void token_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  PyContextToken* t = as_token(o);
  clear_field(t->context);
  clear_field(t->var);
  clear_field(t->old_value);
  free_object(ts, o);
}
int token_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(obj(as_token(o)->context));
  Py_VISIT(obj(as_token(o)->var));
  Py_VISIT(as_token(o)->old_value);
  return 0;
}
PyObject* token_tp_new(PyTypeObject*, PyObject*, PyObject*) {
  return raise(current_thread(), PyExc_RuntimeError, "Tokens can only be created by ContextVars");
}
Ref<> token_repr(ThreadState& ts, PyObject* o) {
  PyContextToken* t = as_token(o);
  return str_format(ts, "<Token%s var=%R at %p>", t->used ? " used" : "", t->var, o);
}
Ref<> token_var(ThreadState&, PyContextToken* t) { return dup(obj(t->var)); }
Ref<> token_old_value(ThreadState&, PyContextToken* t) { return dup(t->old_value != nullptr ? t->old_value : &g_missing); }
constexpr MethodSpec kTokenMethods[] = {
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"), ATOLL_METHOD_END};
constexpr PyGetSetDef kTokenGetSet[] = {{"var", ATOLL_GETTER(token_var), nullptr, nullptr, nullptr},
                                        {"old_value", ATOLL_GETTER(token_old_value), nullptr, nullptr, nullptr},
                                        ATOLL_GETSET_END};
constexpr TypeAttribute kTokenAttributes[] = {{"MISSING", &g_missing}, {}};

Ref<> missing_repr(ThreadState& ts, PyObject*) { return str_from_ascii(ts, "<Token.MISSING>"); }
void missing_dealloc(ThreadState&, PyObject*) {}

// ---- an immutable mapping, for tests of the C interface ----------------------------------------------------------

struct Hamt {
  PyObject ob_base;
  PyObject* values;
  PyObject* weaklist;
};
Hamt* as_hamt(PyObject* o) { return reinterpret_cast<Hamt*>(o); }

Ref<> hamt_with(ThreadState& ts, Ref<> values) {
  if (!values) return {};
  auto h = new_object<Hamt>(ts, &atoll_hamt_type);
  if (!h) return {};
  h->values = values.release();
  h->weaklist = nullptr;
  track(ts, h.get());
  return h;
}
void hamt_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (as_hamt(o)->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  clear_field(as_hamt(o)->values);
  free_object(ts, o);
}
int hamt_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_hamt(o)->values);
  return 0;
}
int hamt_tp_clear(PyObject* o) {
  Ref<> values = Ref<>::steal(std::exchange(as_hamt(o)->values, dict_new(current_thread()).release()));
  return 0;
}
PyObject* hamt_tp_new(PyTypeObject*, PyObject*, PyObject*) {
  ThreadState& ts = current_thread();
  return hamt_with(ts, dict_new(ts)).release();
}
Ref<> hamt_set(ThreadState& ts, Hamt* h, PyObject* key, PyObject* value) {
  PyObject* there = dict_peek(ts, h->values, key);
  if (there == value) return dup(obj(h));
  if (there == nullptr && error_set(ts)) return {};
  Ref<> copy = dict_copy(ts, h->values);
  if (!copy || failed(dict_set(ts, copy.get(), key, value))) return {};
  return hamt_with(ts, std::move(copy));
}
Ref<> hamt_get(ThreadState& ts, Hamt* h, PyObject* key, PyObject* fallback) {
  PyObject* v = dict_peek(ts, h->values, key);
  if (v != nullptr) return dup(v);
  if (error_set(ts)) return {};
  return dup(fallback != nullptr ? fallback : Py_None);
}
Ref<> hamt_delete(ThreadState& ts, Hamt* h, PyObject* key) {
  Ref<> copy = dict_copy(ts, h->values);
  if (!copy || failed(dict_del(ts, copy.get(), key))) return {};
  return hamt_with(ts, std::move(copy));
}
Ref<> hamt_keys(ThreadState& ts, Hamt* h) { return snapshot_iter(ts, &atoll_context_keys_iter_type, h->values); }
Ref<> hamt_values(ThreadState& ts, Hamt* h) { return snapshot_iter(ts, &atoll_context_values_iter_type, h->values); }
Ref<> hamt_items(ThreadState& ts, Hamt* h) { return snapshot_iter(ts, &atoll_context_items_iter_type, h->values); }
Ref<> hamt_dump(ThreadState& ts, Hamt* h) { return object_repr(ts, h->values); }
Ref<> hamt_iter(ThreadState& ts, PyObject* o) { return hamt_keys(ts, as_hamt(o)); }
Py_ssize_t hamt_length(ThreadState&, PyObject* o) { return dict_size(as_hamt(o)->values); }
Ref<> hamt_subscript(ThreadState& ts, PyObject* o, PyObject* key) {
  PyObject* v = dict_peek(ts, as_hamt(o)->values, key);
  if (v != nullptr) return dup(v);
  if (error_set(ts)) return {};
  return raise_key_error(ts, key);
}
Tri hamt_contains(ThreadState& ts, PyObject* o, PyObject* key) { return dict_contains(ts, as_hamt(o)->values, key); }
Ref<> hamt_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (!is_exact(a, &atoll_hamt_type) || !is_exact(b, &atoll_hamt_type) || (op != Py_EQ && op != Py_NE)) return not_implemented();
  return object_richcompare(ts, as_hamt(a)->values, as_hamt(b)->values, op);
}
constexpr MethodSpec kHamtMethods[] = {
    ATOLL_METHOD_PLAIN(hamt_set, "set", "($self, key, value, /)", nullptr),
    ATOLL_METHOD_PLAIN(hamt_get, "get", "($self, key, default=None, /)", nullptr),
    ATOLL_METHOD_PLAIN(hamt_delete, "delete", "($self, key, /)", nullptr),
    ATOLL_METHOD_PLAIN(hamt_items, "items", "($self, /)", nullptr),
    ATOLL_METHOD_PLAIN(hamt_keys, "keys", "($self, /)", nullptr),
    ATOLL_METHOD_PLAIN(hamt_values, "values", "($self, /)", nullptr),
    ATOLL_METHOD_PLAIN(hamt_dump, "__dump__", "($self, /)", nullptr),
    ATOLL_METHOD_END};
constexpr PySequenceMethods kHamtSequence{.sq_contains = ATOLL_SLOT(hamt_contains)};
constexpr PyMappingMethods kHamtMapping{.mp_length = ATOLL_SLOT(hamt_length), .mp_subscript = ATOLL_SLOT(hamt_subscript)};

}  // namespace

Ref<> context_copy_current(ThreadState& ts) {
  PyContext* c = peek_current(ts);
  return c != nullptr ? Ref<>(context_copy(ts, c)) : Ref<>();
}

constinit const TypeSpec context_spec{
    .name = "_contextvars.Context",
    .basicsize = sizeof(PyContext),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(context_dealloc),
    .traverse = context_traverse,
    .clear = context_tp_clear,
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(context_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(context_iter),
    .new_ = context_tp_new,
    .sequence = &kContextSequence,
    .mapping = &kContextMapping,
    .weaklist_offset = offsetof(PyContext, weaklist),
    .methods = kContextMethods,
};
constinit const TypeSpec context_var_spec{
    .name = "_contextvars.ContextVar",
    .basicsize = sizeof(PyContextVar),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = VarFields::dealloc,
    .traverse = VarFields::traverse,
    .clear = VarFields::clear,
    .repr = ATOLL_SLOT(var_repr),
    .hash = ATOLL_SLOT(var_hash),
    .getattro = PyObject_GenericGetAttr,
    .new_ = var_tp_new,
    .methods = kVarMethods,
    .members = kVarMembers,
};
constinit const TypeSpec context_token_spec{
    .name = "_contextvars.Token",
    .basicsize = sizeof(PyContextToken),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(token_dealloc),
    .traverse = token_traverse,
    .repr = ATOLL_SLOT(token_repr),
    .hash = PyObject_HashNotImplemented,
    .getattro = PyObject_GenericGetAttr,
    .new_ = token_tp_new,
    .methods = kTokenMethods,
    .getset = kTokenGetSet,
    .attributes = kTokenAttributes,
};
constinit const TypeSpec context_token_missing_spec{
    .name = "Token.MISSING",
    .dealloc = ATOLL_SLOT(missing_dealloc),
    .repr = ATOLL_SLOT(missing_repr),
    .getattro = PyObject_GenericGetAttr,
};
#define ATOLL_SNAPSHOT_ITER(spec, text)                                                        \
  constinit const TypeSpec spec{                                                               \
      .name = text,                                                                            \
      .basicsize = sizeof(SnapshotIter),                                                       \
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,    \
      .dealloc = IterFields::dealloc,                                                          \
      .traverse = IterFields::traverse,                                                        \
      .getattro = PyObject_GenericGetAttr,                                                     \
      .iter = PyObject_SelfIter,                                                               \
      .iternext = ATOLL_SLOT(iter_step),                                                       \
      .mapping = &kIterMapping,                                                                \
  };
ATOLL_SNAPSHOT_ITER(context_keys_iter_spec, "keys")
ATOLL_SNAPSHOT_ITER(context_values_iter_spec, "values")
ATOLL_SNAPSHOT_ITER(context_items_iter_spec, "items")
constinit const TypeSpec context_hamt_spec{
    .name = "hamt",
    .basicsize = sizeof(Hamt),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(hamt_dealloc),
    .traverse = hamt_traverse,
    .clear = hamt_tp_clear,
    .hash = PyObject_HashNotImplemented,
    .richcompare = ATOLL_SLOT(hamt_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .iter = ATOLL_SLOT(hamt_iter),
    .new_ = hamt_tp_new,
    .sequence = &kHamtSequence,
    .mapping = &kHamtMapping,
    .weaklist_offset = offsetof(Hamt, weaklist),
    .methods = kHamtMethods,
};

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PyContext_Type = {};
ATOLL_SEALED PyTypeObject PyContextVar_Type = {};
ATOLL_SEALED PyTypeObject PyContextToken_Type = {};
ATOLL_SEALED PyTypeObject atoll_token_missing_type = {};
ATOLL_SEALED PyTypeObject atoll_context_keys_iter_type = {};
ATOLL_SEALED PyTypeObject atoll_context_values_iter_type = {};
ATOLL_SEALED PyTypeObject atoll_context_items_iter_type = {};
ATOLL_SEALED PyTypeObject atoll_hamt_type = {};

namespace {

bool is_context(ThreadState& ts, PyObject* o) {
  if (is_exact(o, &PyContext_Type)) return true;
  (void)raise(ts, PyExc_TypeError, "an instance of Context was expected");
  return false;
}
bool is_var(ThreadState& ts, PyObject* o) {
  if (is_exact(o, &PyContextVar_Type)) return true;
  (void)raise(ts, PyExc_TypeError, "an instance of ContextVar was expected");
  return false;
}

}  // namespace

PyObject* PyContext_New() { return obj(context_new(current_thread()).release()); }
PyObject* PyContext_Copy(PyObject* c) {
  ThreadState& ts = current_thread();
  return is_context(ts, c) ? obj(context_copy(ts, as_context(c)).release()) : nullptr;
}
PyObject* PyContext_CopyCurrent() { return context_copy_current(current_thread()).release(); }
int PyContext_Enter(PyObject* c) {
  ThreadState& ts = current_thread();
  return is_context(ts, c) ? static_cast<int>(context_enter(ts, as_context(c))) : -1;
}
int PyContext_Exit(PyObject* c) {
  ThreadState& ts = current_thread();
  return is_context(ts, c) ? static_cast<int>(context_exit(ts, as_context(c))) : -1;
}
PyObject* PyContextVar_New(const char* name, PyObject* fallback) {
  ThreadState& ts = current_thread();
  Ref<> text = str_from_utf8(ts, name);
  return text ? var_new(ts, text.get(), fallback).release() : nullptr;
}
int PyContextVar_Get(PyObject* v, PyObject* fallback, PyObject** out) {
  ThreadState& ts = current_thread();
  *out = nullptr;
  if (!is_var(ts, v)) return -1;
  Ref<> value;
  if (failed(var_lookup(ts, as_var(v), &value))) return -1;
  if (!value) value = Ref<>::dup_of(fallback != nullptr ? fallback : as_var(v)->fallback);
  *out = value.release();
  return 0;
}
PyObject* PyContextVar_Set(PyObject* v, PyObject* value) {
  ThreadState& ts = current_thread();
  return is_var(ts, v) ? var_set(ts, as_var(v), value).release() : nullptr;
}
int PyContextVar_Reset(PyObject* v, PyObject* token) {
  ThreadState& ts = current_thread();
  return is_var(ts, v) ? static_cast<int>(var_reset(ts, as_var(v), as_token(token))) : -1;
}
PyObject* _PyContext_NewHamtForTests() { return hamt_tp_new(nullptr, nullptr, nullptr); }
